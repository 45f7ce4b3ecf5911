//! CSV files as they come: each fixture is a file, its declaration, and the values that it holds or the refusal.
//!
//! The values in `expected.csv` were written by another program than the one under test. What was assumed of a
//! file, and each refusal, are snapshots.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use shockbrief_core::{
    Dataset, Refusal, Symbol,
    config::{Instrument, Kind, Sources},
};
use shockbrief_data::{Calendars, Request, load};
use shockbrief_tests::root;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

fn folders() -> Vec<PathBuf> {
    let entries = fs_err::read_dir(root().join("tests/fixtures/wild")).unwrap();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(folders.len() >= 40, "only {} fixtures found", folders.len());
    folders
}

fn name(folder: &Path) -> String {
    folder.file_name().unwrap().to_string_lossy().into_owned()
}

/// Loads a fixture; its period and symbols stand in the first line of the declaration.
fn read(folder: &Path) -> anyhow::Result<Dataset> {
    let path = folder.join("sources.yaml");
    let declared = fs_err::read_to_string(&path)?;
    let words: Vec<&str> = declared.lines().next().unwrap().split(' ').collect();
    let symbols: Vec<Symbol> = words[6..].iter().map(|symbol| (*symbol).into()).collect();
    let instrument = |symbol: &Symbol| Instrument {
        symbol: symbol.clone(),
        name: symbol.to_string(),
        local: std::collections::BTreeMap::new(),
        exchange: "XNYS".into(),
        currency: "USD".into(),
        kind: Kind::Equity,
        theme: None,
        region: "us".to_owned(),
    };
    let instruments: Vec<Instrument> = symbols.iter().map(instrument).collect();
    load(&Request {
        data_dir: folder,
        store: None,
        sources: &Sources::load(&path)?,
        instruments: &instruments,
        calendars: &Calendars::load(&root().join("config/calendars"))?,
        from: words[2].parse()?,
        as_of: words[4].parse()?,
        factors: false,
        fx: false,
        shares: false,
        records: &BTreeSet::new(),
        required: &symbols.into_iter().collect(),
    })
}

#[test]
fn every_file_gives_the_values_written_beside_it() {
    let mut told = String::new();
    for folder in folders().iter().filter(|folder| folder.join("expected.csv").exists()) {
        let dataset = read(folder).unwrap_or_else(|error| panic!("{}: {error:#}", name(folder)));
        let expected = fs_err::read_to_string(folder.join("expected.csv")).unwrap();
        for line in expected.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            let (market, series) = dataset.find(&cells[1].into()).unwrap();
            let row = market.row_of(cells[0].parse().unwrap()).unwrap();
            let bits = |text: &str| text.parse::<f64>().ok().map(f64::to_bits);
            let found = [series.adjusted[row], series.volume[row]].map(|value| value.map(f64::to_bits));
            assert_eq!(found, [bits(cells[2]), bits(cells[3])], "{}: {line}", name(folder));
        }
        let notice = dataset.notices.iter().find(|notice| notice.guard == "dialect");
        let notice = notice.unwrap_or_else(|| panic!("{}: nothing was said", name(folder)));
        told.push_str(&format!("{}: {}\n", name(folder), notice.detail));
    }
    snapshot("wild_assumptions", &told);
}

#[test]
fn what_no_line_decides_is_refused_with_the_lines() {
    let mut told = String::new();
    for folder in folders().iter().filter(|folder| !folder.join("expected.csv").exists()) {
        let error = read(folder).expect_err(&name(folder));
        let refusal = error.chain().find_map(|cause| cause.downcast_ref::<Refusal>());
        let refusal = refusal.unwrap_or_else(|| panic!("{}: {error:#}", name(folder)));
        let hint = refusal.hint.as_deref().unwrap_or("(none)");
        told.push_str(&format!("{}\n  {refusal}\n  hint: {hint}\n", name(folder)));
    }
    snapshot("wild_refusals", &told.replace(&format!("{}/", root().display()), ""));
}

/// The sentences reach whoever reads the brief's data, and a plain file has none.
#[test]
fn a_plain_file_is_read_without_assumptions() {
    let folder = tempfile::tempdir().unwrap();
    let from = root().join("tests/fixtures/wild/11-byte-order-mark");
    let marked = fs_err::read(from.join("data.csv")).unwrap();
    fs_err::write(folder.path().join("data.csv"), &marked[3..]).unwrap();
    fs_err::copy(from.join("sources.yaml"), folder.path().join("sources.yaml")).unwrap();
    let (plain, marked) = (read(folder.path()).unwrap(), read(&from).unwrap());
    assert!(plain.notices.is_empty());
    assert_eq!(plain.markets, marked.markets);
    // A file that stops being plain far behind its first lines is read all the same.
    let late = folder.path().join("data.csv");
    let text = fs_err::read_to_string(&late).unwrap();
    let filler: String = (0..4000).map(|row| format!("2024-12-{:02},1.5,1\n", row % 28 + 1)).collect();
    let (header, rows) = text.split_once('\n').unwrap();
    fs_err::write(&late, format!("{header}\n{filler}{}", rows.replace("450000", "N/A"))).unwrap();
    let found = read(folder.path()).unwrap();
    assert_eq!(found.notices[0].detail, "Read as: `N/A` means missing (1).");
}

fn snapshot(name: &str, text: &str) {
    insta::with_settings!({snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!(name, text);
    });
}
