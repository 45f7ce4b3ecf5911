//! Faults planted in the reconstruction: each is found, its proposed repair mends it, and the brief says so.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use shockbrief_tests::{copy_folder, root, sample, shockbrief, succeeded};
use std::path::Path;

/// Config and data of the reconstruction, the prices changed line by line.
fn project(change: impl Fn(&str) -> Option<String>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(&root().join("config"), &folder.path().join("config"));
    copy_folder(&sample(), &folder.path().join("data"));
    let path = folder.path().join("data/prices.csv");
    let text = fs_err::read_to_string(&path).unwrap();
    let lines: Vec<String> = text.lines().filter_map(change).collect();
    fs_err::write(path, lines.join("\n") + "\n").unwrap();
    folder
}

/// A line with its prices scaled.
fn scaled(line: &str, adjusted: f64, quote: f64) -> String {
    let cells: Vec<&str> = line.split(',').collect();
    let by =
        |cell: &str, factor: f64| cell.parse::<f64>().map_or(String::new(), |v| (v * factor).to_string());
    format!("{},{},{},{},{}", cells[0], cells[1], cells[2], by(cells[3], adjusted), by(cells[4], quote))
}

/// Exit code and findings.
fn check(folder: &Path, more: &[&str]) -> (i32, Vec<Value>) {
    let mut command = shockbrief(["check", "--data", "data", "--json", "quality.json"]);
    let output = command.args(more).current_dir(folder).output().unwrap();
    let report = fs_err::read_to_string(folder.join("quality.json"))
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["schema"], 1);
    (output.status.code().unwrap(), report["findings"].as_array().unwrap().clone())
}

/// Pastes entries under `repairs:`.
fn repair(folder: &Path, entries: &[String]) {
    let path = folder.join("config/sources.yaml");
    let text = fs_err::read_to_string(&path).unwrap();
    fs_err::write(&path, format!("{text}\nrepairs:\n{}\n", entries.join("\n"))).unwrap();
}

#[test]
fn a_clean_reconstruction_has_no_errors() {
    let folder = project(|line| Some(line.to_owned()));
    let (code, findings) = check(folder.path(), &[]);
    let errors: Vec<&Value> = findings.iter().filter(|finding| finding["severity"] == "error").collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(code, 0);
}

/// One fault: which check, which symbol, which day, and how it is planted.
type Fault = (&'static str, &'static str, &'static str, fn(&str, &str, &str) -> Option<String>);

fn cells(line: &str) -> (&str, &str) {
    let mut cells = line.split(',');
    (cells.next().unwrap(), cells.next().unwrap())
}

/// Faults whose proposed repair takes the finding away.
const MENDED: [Fault; 5] = [
    ("hundredfold", "NVDA", "2024-10-24", |line, day, symbol| {
        Some(if cells(line) == (day, symbol) { scaled(line, 100.0, 100.0) } else { line.to_owned() })
    }),
    ("split", "AMD", "2024-10-24", |line, day, symbol| {
        let before = cells(line).1 == symbol && cells(line).0 < day;
        Some(if before { scaled(line, 10.0, 10.0) } else { line.to_owned() })
    }),
    ("split", "AVGO", "2024-10-24", |line, day, symbol| {
        let before = cells(line).1 == symbol && cells(line).0 < day;
        Some(if before { scaled(line, 0.25, 1.0) } else { line.to_owned() })
    }),
    ("duplicate", "MSFT", "2024-10-24", |line, day, symbol| {
        let twice = cells(line) == (day, symbol);
        Some(if twice { format!("{line}\n{}", scaled(line, 1.01, 1.01)) } else { line.to_owned() })
    }),
    ("closed-day", "META", "2024-11-28", |line, _, symbol| {
        let before = cells(line) == ("2024-11-27", symbol);
        Some(if before { format!("{line}\n{}", line.replace("11-27", "11-28")) } else { line.to_owned() })
    }),
];

#[test]
fn planted_faults_are_found_and_their_repairs_mend_them() {
    for (check_name, symbol, day, plant) in MENDED {
        let folder = project(|line| plant(line, day, symbol));
        let (code, findings) = check(folder.path(), &[]);
        let found: Vec<&Value> = findings.iter().filter(|f| f["symbol"] == symbol).collect();
        let [finding] = found.as_slice() else { panic!("{check_name} {symbol}: {findings:#?}") };
        assert_eq!((finding["check"].as_str(), finding["from"].as_str()), (Some(check_name), Some(day)));
        let serious = finding["severity"] == "error";
        assert_eq!(code, if serious { 4 } else { 0 }, "{check_name} {symbol}");
        assert_eq!(serious, check_name != "closed-day");
        repair(folder.path(), &[finding["repair"].as_str().unwrap().to_owned()]);
        let (code, findings) = check(folder.path(), &[]);
        assert_eq!(code, 0, "{check_name} {symbol}: {findings:#?}");
        assert!(findings.iter().all(|finding| finding["symbol"] != symbol), "{check_name} {symbol}");
    }
}

#[test]
fn gaps_stale_names_and_frozen_prices_are_found() {
    let folder = project(|line| match cells(line) {
        (day, "NVDA") if ("2024-10-01".."2024-12-01").contains(&day) => None,
        (day, "AMD") if day > "2025-01-31" => None,
        (day, "MSFT") if ("2024-10-01".."2024-11-01").contains(&day) => {
            Some(format!("{day},MSFT,USD,400,400"))
        }
        _ => Some(line.to_owned()),
    });
    let (code, findings) = check(folder.path(), &[]);
    let found = |check: &str, symbol: &str, severity: &str| {
        findings.iter().any(|f| f["check"] == check && f["symbol"] == symbol && f["severity"] == severity)
    };
    assert!(found("gap", "NVDA", "error"), "{findings:#?}");
    assert!(found("stale", "AMD", "error"), "{findings:#?}");
    assert!(found("frozen", "MSFT", "warning"), "{findings:#?}");
    assert_eq!(code, 4);
    // A report that needs none of them is not concerned, one that does is.
    let reports = root().join("reports/2025-01-deepseek");
    let (_, of_report) = check(folder.path(), &["--reports", reports.to_str().unwrap()]);
    assert!(of_report.iter().any(|finding| finding["symbol"] == "NVDA"));
}

#[test]
fn a_calendar_that_ended_hides_no_other_name() {
    let folder = project(|line| match cells(line) {
        ("2024-10-24", "NVDA") => Some(scaled(line, -1.0, -1.0)),
        _ => Some(line.to_owned()),
    });
    let calendar = folder.path().join("config/calendars/XKRX.yaml");
    let text = fs_err::read_to_string(&calendar).unwrap();
    assert!(text.contains("to: 2027-12-31"));
    // Closures after the end go with it.
    let kept =
        text.lines().filter(|line| !["  2025", "  2026", "  2027"].iter().any(|year| line.starts_with(year)));
    let ended = kept.collect::<Vec<_>>().join("\n").replace("to: 2027-12-31", "to: 2024-12-31");
    fs_err::write(&calendar, ended + "\n").unwrap();
    let (code, findings) = check(folder.path(), &[]);
    let found =
        |check: &str, symbol: &str| findings.iter().any(|f| f["check"] == check && f["symbol"] == symbol);
    assert!(found("calendar", "005930.KS") && found("calendar", "000660.KS"), "{findings:#?}");
    assert!(found("bad-price", "NVDA"), "{findings:#?}");
    assert_eq!(code, 4);
}

#[test]
fn a_second_source_shows_the_outlier_and_zero_volumes_are_noted() {
    let folder = project(|line| Some(line.to_owned()));
    let text = fs_err::read_to_string(folder.path().join("data/prices.csv")).unwrap();
    let other: String = text
        .lines()
        .filter(|line| cells(line).1 == "NVDA")
        .map(|line| match cells(line).0 {
            "2024-10-24" => scaled(line, 1.08, 1.08) + ",0\n",
            _ => format!("{line},1000\n"),
        })
        .collect();
    let header = "date,symbol,currency,adj_close,close_as_traded,volume\n";
    fs_err::write(folder.path().join("data/fetched_prices.csv"), format!("{header}{other}")).unwrap();
    let (code, findings) = check(folder.path(), &[]);
    let of = |name: &str| findings.iter().find(|finding| finding["check"] == name).unwrap().clone();
    let outlier = of("cross-check");
    assert_eq!(
        (outlier["source"].as_str(), outlier["from"].as_str()),
        (Some("exported-prices"), Some("2024-10-24"))
    );
    assert_eq!((of("zero-volume")["from"].as_str(), code), (Some("2024-10-24"), 4));
    repair(folder.path(), &[outlier["repair"].as_str().unwrap().to_owned()]);
    assert!(check(folder.path(), &[]).1.iter().all(|finding| finding["check"] != "cross-check"));
}

#[test]
fn an_applied_repair_is_a_notice_of_the_brief() {
    let folder = project(|line| Some(line.to_owned()));
    let entry =
        "  - {source: reconstruction, symbol: NVDA, date: 2024-10-24, kind: drop, reason: planted by a test}";
    repair(folder.path(), &[entry.to_owned()]);
    let report = root().join("reports/2025-01-deepseek");
    let mut command = shockbrief(["check", "--json", "--data", "data"]);
    let output = command.arg(report).current_dir(folder.path()).output().unwrap();
    succeeded(&output);
    let brief: Value = serde_json::from_slice(&output.stdout).unwrap();
    let notices = brief["notices"].as_array().unwrap();
    let notice = notices.iter().find(|notice| notice["guard"] == "repair").expect("the repair is told");
    assert_eq!(notice["detail"], "left out: planted by a test");
    assert_eq!(notice["dates"], serde_json::json!(["2024-10-24", "2024-10-24"]));
    assert!(brief["findings"]["tables"]["notices"].to_string().contains("planted by a test"));
}

#[test]
fn repairs_that_contradict_themselves_are_refused() {
    let bad = [
        "{source: nowhere, symbol: NVDA, date: 2024-10-24, kind: drop, reason: x}",
        "{source: reconstruction, symbol: NVDA, kind: drop, reason: x}",
        "{source: reconstruction, symbol: NVDA, date: 2024-10-24, from: 2024-10-01, kind: drop, reason: x}",
        "{source: reconstruction, symbol: NVDA, from: 2024-10-24, to: 2024-10-01, kind: drop, reason: x}",
        "{source: reconstruction, symbol: NVDA, date: 2024-10-24, kind: divide, reason: x}",
        "{source: reconstruction, symbol: NVDA, date: 2024-10-24, kind: drop, by: 2, reason: x}",
        "{source: reconstruction, symbol: NVDA, date: 2024-10-24, kind: drop, reason: ' '}",
        "{source: reconstruction, symbol: NVDA, date: 2024-10-24, kind: drop, expect: 1, reason: x}",
    ];
    for entry in bad {
        let folder = project(|line| Some(line.to_owned()));
        repair(folder.path(), &[format!("  - {entry}")]);
        let report = root().join("reports/2025-01-deepseek");
        let mut command = shockbrief(["check", "--data", "data"]);
        let output = command.arg(report).current_dir(folder.path()).output().unwrap();
        let (code, message) = (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap());
        let data = entry.contains("expect");
        assert_eq!(code, if data { 4 } else { 2 }, "{entry}\n{message}");
        assert!(message.contains("repair") && message.contains("hint: "), "{entry}\n{message}");
    }
}
