//! Broken configurations, store lists, manifests, ledger lines, addresses and words of other sides: no panic, no hang,
//! errors that name the file, and no key in sight.
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
    Address, Hidden, Refusal,
    address::MailServer,
    config::{
        Brand, Delivery, Events, Fetch, HouseClaims, Labels, Report, Scenarios, Sources, Universe, Warehouse,
        load_models,
    },
    names::{is_plain, stays_inside},
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
    // A folder with the name of a report.
    let folder = tempfile::Builder::new().prefix("report-").tempdir().unwrap();
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

/// Whatever a text holds: an address that is taken is https or of this machine, by what the parser of requests reads,
/// and carries no user.
#[test]
fn addresses_survive_broken_text() {
    for good in [
        "https://user.example.org:8443/a/b?c=d#e",
        "http://127.0.0.1:8080/x",
        "http://[::1]:9/",
        "smtp://mail.example.org:587",
    ] {
        let taken = batter(good.as_bytes(), inputs() / 20, |bytes| {
            let text = String::from_utf8_lossy(bytes);
            if let Ok(server) = MailServer::read(&text) {
                prop_assert!(
                    !server.host.is_empty() && !server.host.contains(['@', '/', ' ']),
                    "{text}: {server:?}"
                );
                return Ok(true);
            }
            let Ok(address) = Address::web(&text) else { return Ok(false) };
            let url = address.url();
            prop_assert!(url.username().is_empty() && url.password().is_none(), "{text}");
            let local = url.host_str().is_some_and(|host| {
                host == "localhost"
                    || host == "[::1]"
                    || host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
            });
            prop_assert!(url.scheme() == "https" || url.scheme() == "http" && local, "{text}");
            Ok(true)
        });
        assert!(taken > 0, "{good}");
    }
}

/// A manifest that is taken names plain files alone, and none of them is given but as it was published.
#[test]
fn manifests_survive_broken_text() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("brief.json"), b"{}").unwrap();
    let digest = shockbrief_core::fs::sha256(b"{}");
    let good = format!(
        r#"{{"schema": 1, "report": "weekly", "period": "2025-W05", "as_of": "2025-01-31", "revision": 1, "shockbrief": "0",
        "typst": "0", "config": {{}}, "inputs": [], "files": {{}}, "audited": {{}},
        "outputs": {{"brief.json": "{digest}", "r1/brief.json": "{digest}"}}}}"#
    );
    let path = folder.path().join("manifest.json");
    let taken = batter(good.as_bytes(), inputs() / 5, |bytes| {
        fs_err::write(&path, bytes).unwrap();
        let manifest = match shockbrief_run::ledger::manifest(&path) {
            Ok(manifest) => manifest,
            Err(error) => {
                prop_assert!(error.downcast_ref::<Refusal>().is_some(), "{error:#}");
                return Ok(false);
            }
        };
        prop_assert!(is_plain(&manifest.report) && is_plain(&manifest.period));
        for name in manifest.outputs.keys() {
            prop_assert!(stays_inside(name), "{name}");
            if let Ok(bytes) = manifest.published(folder.path(), name) {
                prop_assert_eq!(bytes, b"{}");
            }
        }
        Ok(true)
    });
    assert!(taken > 0);
}

/// Whatever stands around a key in whatever spelling: no eight letters of it in a row are shown.
#[test]
fn keys_survive_no_text() {
    const KEY: &str = "Secret/Key+0123456789=ABCDEF";
    let hidden = Hidden::nothing().key(KEY);
    let percent: String = KEY.bytes().map(|byte| format!("%{byte:02x}")).collect();
    for form in [
        KEY.to_owned(),
        KEY.replace('/', "\\/"),
        percent,
        "bWU6U2VjcmV0L0tleSswMTIzNDU2Nzg5PUFCQ0RFRg==".to_owned(),
    ] {
        let good = format!("status 401 {form} is not welcome, try {form} again");
        batter(good.as_bytes(), inputs() / 20, |bytes| {
            let told = hidden.said(bytes).to_string();
            for shape in [KEY, form.trim_start_matches("bWU6")] {
                // Eight letters of the key, however many signs this spelling takes for them.
                let eight = 8 * shape.len() / KEY.len();
                let mut parts = shape.as_bytes().windows(eight);
                let leak = parts.any(|part| told.as_bytes().windows(eight).any(|own| own == part));
                prop_assert!(!leak, "{told}");
            }
            Ok(true)
        });
    }
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
