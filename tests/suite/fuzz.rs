//! Broken configurations, store lists and ledger lines: no panic, no hang, and errors that name the file.
//!
//! `SHOCKBRIEF_FUZZ` is twice the number of inputs (`make fuzz`, which counts those of providers and CSV files too); the
//! ordinary suite takes fewer.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and measures its time"
)]

use crate::damage::{apply, edits};
use anyhow::Result;
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use shockbrief_core::{
    Refusal,
    config::{
        Brand, Delivery, Events, Fetch, HouseClaims, Labels, Report, Scenarios, Sources, Universe, Warehouse,
        load_models,
    },
};
use shockbrief_data::store::{Ask, MANIFEST, Store, Told};
use shockbrief_run::ledger::Ledger;
use shockbrief_tests::root;
use std::{
    cell::Cell,
    path::Path,
    time::{Duration, Instant},
};

fn inputs() -> u32 {
    std::env::var("SHOCKBRIEF_FUZZ").ok().and_then(|text| text.parse().ok()).unwrap_or(6_000) / 2
}

const WORDS: &[&str] = &[
    "null",
    "{}",
    "[]",
    "1e308",
    "-1",
    "NaN",
    ".inf",
    "99999999999999999999",
    "\"",
    "'",
    "\n",
    "\n  - ",
    ": ",
    "&a [*a, *a]",
    "*a",
    "!!binary x",
    "---\n",
    "? ",
    "|\n",
    "<<: ",
    "\t",
    "\u{feff}",
    "2025-13-45",
    "{{",
    "${x}",
    "\u{0}",
    "generation",
    "18446744073709551616",
    "../",
    "true",
];

/// Breaks `good` so many times and hands each to `read`; gives how often it was taken all the same.
fn batter(good: &[u8], times: u32, read: impl Fn(&[u8]) -> Result<bool, TestCaseError>) -> u32 {
    let taken = Cell::new(0);
    let mut runner = TestRunner::new(Config { cases: times, failure_persistence: None, ..Config::default() });
    runner
        .run(&(edits(WORDS, 4), vec(any::<u8>(), 0..120), 0..30u8), |(edits, noise, kind)| {
            let bytes = if kind == 0 { noise } else { apply(good.to_vec(), &edits) };
            let started = Instant::now();
            let took = read(&bytes)?;
            prop_assert!(started.elapsed() < Duration::from_secs(5), "slow");
            taken.set(taken.get() + u32::from(took));
            Ok(())
        })
        .unwrap();
    taken.get()
}

/// A configuration file: its place in the project, its name where it is read, and its reader.
type Case = (&'static str, &'static str, fn(&Path) -> Result<()>);

const CASES: &[Case] = &[
    ("config/universe.yaml", "universe.yaml", |path| Universe::load(path).map(drop)),
    ("config/events.yaml", "events.yaml", |path| Events::load(path).map(drop)),
    ("config/sources.yaml", "sources.yaml", |path| Sources::load(path).map(drop)),
    ("config/fetch.yaml", "fetch.yaml", |path| Fetch::load(path).map(drop)),
    ("config/brand.yaml", "brand.yaml", |path| Brand::load(path).map(drop)),
    ("config/claims.yaml", "claims.yaml", |path| HouseClaims::load(path).map(drop)),
    ("config/scenarios.yaml", "scenarios.yaml", |path| Scenarios::load(path).map(drop)),
    ("config/numerals.yaml", "numerals.yaml", |path| Labels::load(path).map(drop)),
    ("config/models.yaml", "models.yaml", |path| load_models(path).map(drop)),
    ("tests/suite/fuzz/delivery.yaml", "delivery.yaml", |path| Delivery::load(path).map(drop)),
    ("tests/suite/fuzz/warehouse.yaml", "warehouse.yaml", |path| Warehouse::load(path).map(drop)),
    ("reports/weekly-monitor/report.yaml", "report.yaml", |path| {
        Report::load(path.parent().unwrap_or(path)).map(drop)
    }),
];

#[test]
fn configurations_survive_broken_text() {
    let each = inputs() * 3 / 5 / u32::try_from(CASES.len()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (place, name, load) in CASES {
        let good = fs_err::read(root().join(place)).unwrap();
        let path = folder.path().join(name);
        let taken = batter(&good, each, |bytes| {
            fs_err::write(&path, bytes).unwrap();
            let Err(error) = load(&path) else { return Ok(true) };
            let text = format!("{error:#}");
            prop_assert!(text.contains(name), "{text}");
            Ok(false)
        });
        assert!(taken > 0, "{name}: the file as it is shipped is read");
    }
}

#[test]
fn store_lists_survive_broken_text() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let told = |symbol: &str| Told {
        kind: "prices".into(),
        subject: symbol.into(),
        symbol: symbol.into(),
        field: "adj_close".into(),
        date: "2025-01-02".parse().unwrap(),
        known: "2025-01-02T22:00:00Z".parse().unwrap(),
        fetched: "2025-01-02T22:00:00Z".parse().unwrap(),
        value: 1.0,
        unit: "USD".into(),
        provider: "p".into(),
    };
    store.writer().unwrap().learn(&[told("A"), told("B")]).unwrap();
    store.writer().unwrap().compact().unwrap();
    store.writer().unwrap().learn(&[told("C")]).unwrap();
    let path = folder.path().join(MANIFEST);
    let good = fs_err::read(&path).unwrap();
    let taken = batter(&good, inputs() / 5, |bytes| {
        fs_err::write(&path, bytes).unwrap();
        match store.read(|snapshot| snapshot.latest(&Ask::default())) {
            Ok(latest) => prop_assert!(latest.lines.len() <= 3),
            Err(error) => {
                prop_assert!(error.downcast_ref::<Refusal>().is_some(), "{error:#}");
                return Ok(false);
            }
        }
        Ok(true)
    });
    assert!(taken > 0);
}

#[test]
fn ledgers_survive_broken_lines() {
    let folder = tempfile::tempdir().unwrap();
    let line = r#"{"schema":1,"at":"2025-02-03T07:00:00Z","event":"published","report":"weekly","period":"2025-W05","as_of":"2025-01-31","revision":1}"#;
    let path = folder.path().join("ledger.jsonl");
    let taken = batter(format!("{line}\n{line}\n").as_bytes(), inputs() / 5, |bytes| {
        fs_err::write(&path, bytes).unwrap();
        let ledger =
            Ledger::read(folder.path()).map_err(|error| TestCaseError::fail(format!("{error:#}")))?;
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
        prop_assert_eq!(ledger.entries().len() + ledger.torn.len(), lines);
        prop_assert!(ledger.settled("weekly").len() <= lines);
        Ok(!ledger.entries().is_empty())
    });
    assert!(taken > 0);
}
