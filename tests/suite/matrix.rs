//! One report, a brief for each portfolio.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use shockbrief_tests::{copy_folder, root, sample, shockbrief, succeeded};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::Path,
    process::Output,
};

fn write_file(path: &Path, text: &str) {
    fs_err::File::create(path).unwrap().write_all(text.as_bytes()).unwrap();
}

/// A desk with the portfolio letter, whose own portfolios are `files`.
fn desk(files: &[(&str, &str)]) -> tempfile::TempDir {
    let desk = tempfile::tempdir().unwrap();
    copy_folder(&root().join("config"), &desk.path().join("config"));
    let letter = desk.path().join("reports/letter");
    copy_folder(&root().join("reports/portfolio-letter"), &letter);
    fs_err::remove_dir_all(letter.join("portfolios")).unwrap();
    fs_err::create_dir(letter.join("portfolios")).unwrap();
    for (name, text) in files {
        write_file(&letter.join("portfolios").join(name), text);
    }
    desk
}

const FIRST: (&str, &str) =
    ("first.yaml", "name: {fr: Premier, en: First}\nweights: {NVDA: 0.5, MSFT: 0.5}\nlanguages: [fr]\n");
const SECOND: (&str, &str) =
    ("second.yaml", "name: {fr: Second, en: Second}\nweights: {CRM: 0.25, IBM: 0.75}\n");

fn command(desk: &Path, args: &[&str]) -> Output {
    shockbrief(args).arg("--data").arg(sample()).current_dir(desk).output().unwrap()
}

fn run(desk: &Path, more: &[&str]) -> Output {
    command(desk, &[&["run", "--now", "2025-02-03T09:00:00Z"], more].concat())
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

fn twin(desk: &Path, brief: &str) -> Value {
    let path = desk.join("out").join(brief).join("2025-01/brief.json");
    serde_json::from_slice(&fs_err::read(path).unwrap()).unwrap()
}

fn value(twin: &Value, figure: &str) -> f64 {
    twin["findings"]["figures"][figure]["value"].as_f64().unwrap()
}

/// Closes of two dates, read from the sample without the command.
fn closes(from: &str, to: &str) -> BTreeMap<String, (f64, f64)> {
    let text = fs_err::read_to_string(sample().join("prices.csv")).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let head = lines.next().unwrap();
    let at = |name: &str| head.iter().position(|column| *column == name).unwrap();
    let (date, symbol, close) = (at("date"), at("symbol"), at("adj_close"));
    let mut found: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for line in lines {
        let entry = found.entry(line[symbol].to_owned()).or_default();
        if line[date] == from {
            entry.0 = line[close].parse().unwrap();
        } else if line[date] == to {
            entry.1 = line[close].parse().unwrap();
        }
    }
    found
}

#[test]
fn each_portfolio_gets_its_own_numbers_in_its_own_languages() {
    let desk = desk(&[FIRST, SECOND]);
    succeeded(&run(desk.path(), &[]));
    let out = desk.path().join("out");
    assert!(out.join("letter.first/2025-01/letter.first-2025-01.fr.pdf").is_file());
    assert!(!out.join("letter.first/2025-01/letter.first-2025-01.en.pdf").exists());
    assert!(out.join("letter.second/2025-01/letter.second-2025-01.en.pdf").is_file());
    let closes = closes("2024-12-31", "2025-01-31");
    let change = |symbol: &str| closes[symbol].1 / closes[symbol].0 - 1.0;
    let (first, second) = (twin(desk.path(), "letter.first"), twin(desk.path(), "letter.second"));
    let expected = 0.5 * change("NVDA") + 0.5 * change("MSFT");
    assert!((value(&first, "portfolio.return") - expected).abs() < 1e-12);
    let expected = 0.25 * change("CRM") + 0.75 * change("IBM");
    assert!((value(&second, "portfolio.return") - expected).abs() < 1e-12);
    assert!((value(&second, "portfolio.excess") - (expected - change("^GSPC"))).abs() < 1e-12);
    // 1 / (1/16 + 9/16)
    assert!((value(&second, "portfolio.effective") - 1.6).abs() < 1e-12);
    for twin in [&first, &second] {
        let figures = twin["findings"]["figures"].as_object().unwrap();
        let parts = figures.iter().filter(|(id, _)| {
            id.ends_with(".contribution") && !id.contains(".theme.") && !id.contains(".total.")
        });
        let sum: f64 = parts.map(|(_, figure)| figure["value"].as_f64().unwrap()).sum();
        assert!((sum - value(twin, "portfolio.return")).abs() < 1e-12);
    }
    // What does not depend on the portfolio is the same.
    assert_eq!(value(&first, "market.dispersion"), value(&second, "market.dispersion"));
    assert_eq!(said(&run(desk.path(), &[])), "", "nothing is due again");
}

#[test]
fn a_brief_says_nothing_of_other_portfolios_and_can_be_verified() {
    let desk = desk(&[FIRST, SECOND]);
    succeeded(&command(desk.path(), &["render", "reports/letter"]));
    for (own, other) in [("first", "second"), ("second", "first")] {
        let folder = desk.path().join(format!("out/letter.{own}/2025-01"));
        for name in ["brief.json", "manifest.json"] {
            let text = fs_err::read_to_string(folder.join(name)).unwrap();
            assert!(text.contains(own) && !text.contains(&format!("portfolios/{other}")), "{own} {name}");
        }
        let manifest = folder.join("manifest.json");
        succeeded(&command(desk.path(), &["verify", manifest.to_str().unwrap()]));
    }
    // A change to one portfolio leaves the other's brief as it is.
    write_file(
        &desk.path().join("reports/letter/portfolios/second.yaml"),
        &SECOND.1.replace("CRM: 0.25, IBM: 0.75", "CRM: 0.5, IBM: 0.5"),
    );
    let revised = run(desk.path(), &["--revise"]);
    succeeded(&revised);
    let revision = |brief: &str| {
        let path = desk.path().join(format!("out/{brief}/2025-01/manifest.json"));
        serde_json::from_slice::<Value>(&fs_err::read(path).unwrap()).unwrap()["revision"].as_u64().unwrap()
    };
    assert_eq!((revision("letter.first"), revision("letter.second")), (1, 2), "{}", said(&revised));
}

#[test]
fn shards_share_the_portfolios_out() {
    let names: Vec<String> = (0..9).map(|n| format!("p{n}.yaml")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), SECOND.1)).collect();
    let desk = desk(&files);
    let mut made = Vec::new();
    for shard in ["1/3", "2/3", "3/3"] {
        let planned = run(desk.path(), &["--dry-run", "--shard", shard]);
        succeeded(&planned);
        made.extend(said(&planned).lines().map(|line| line.split(' ').next().unwrap().to_owned()));
    }
    let expected: BTreeSet<String> = (0..9).map(|n| format!("letter.p{n}")).collect();
    assert_eq!(made.len(), 9);
    assert_eq!(made.into_iter().collect::<BTreeSet<_>>(), expected);
}

#[test]
fn a_wrong_portfolio_is_named_and_stops_no_other() {
    for (text, message, hint) in [
        (
            "name: {fr: X, en: X}\nweights: {NVDA: 0.5}\n",
            "wrong.yaml:2: weights of portfolio `wrong` sum to 0.5",
            "correct the weights",
        ),
        (
            "name: {fr: X, en: X}\nweights: {NVDA: .nan}\n",
            "wrong.yaml:2: weights of portfolio `wrong`",
            "correct the weights",
        ),
        (
            "name: {fr: X, en: X}\nweights:\n  XYZ: 1\n",
            "wrong.yaml:3: the report does not follow `XYZ`",
            "panel: sample:",
        ),
        ("name: {fr: X}\nweights: {NVDA: 1}\n", "wrong.yaml:1: no name in `en`", "add `en: ...`"),
        (
            "name: {fr: X, en: X}\nweights: {NVDA: 1}\nlanguages: [de]\n",
            "wrong.yaml:3: the report has no `de`",
            "it has: fr, en",
        ),
        ("name: {fr: X, en: X}\nweight: {NVDA: 1}\n", "wrong.yaml:2", "hint"),
    ] {
        let desk = desk(&[FIRST, ("wrong.yaml", text)]);
        let output = run(desk.path(), &[]);
        let said = said(&output);
        let (place, words) = message.split_once(": ").unwrap_or((message, ""));
        assert!(said.contains(&format!("{place}:")) && said.contains(words) && said.contains(hint), "{said}");
        assert!(desk.path().join("out/letter.first/2025-01/manifest.json").is_file(), "{said}");
        assert_ne!(output.status.code(), Some(0));
    }
    let desk = desk(&[FIRST]);
    let report = desk.path().join("reports/letter/report.yaml");
    let text = fs_err::read_to_string(&report).unwrap();
    for wrong in ["../*.yaml", "/etc/*.yaml", "portfolios/none-*.yaml"] {
        write_file(&report, &text.replace("portfolios/*.yaml\n", &format!("{wrong}\n")));
        let output = run(desk.path(), &[]);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(
            said(&output).contains("report.yaml:12:") && said(&output).contains("hint: write a pattern"),
            "{}",
            said(&output)
        );
    }
}
