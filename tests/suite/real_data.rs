//! The model case on real prices. Ignored unless `SHOCKBRIEF_DATA` names a folder with them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use shockbrief_tests::{pages, real_data, shockbrief, succeeded};

#[test]
#[ignore = "needs real market data: set SHOCKBRIEF_DATA"]
fn the_session_of_27_january_2025() {
    let out = tempfile::tempdir().unwrap();
    let run = shockbrief(["render", "reports/2025-01-deepseek", "--data"])
        .arg(real_data())
        .arg("--out")
        .arg(out.path())
        .output()
        .unwrap();
    succeeded(&run);
    let folder = out.path().join("2025-01-deepseek/2025-01-27");
    let brief: Value = serde_json::from_slice(&fs_err::read(folder.join("brief.json")).unwrap()).unwrap();
    let value = |id: &str| brief["findings"]["figures"][id]["value"].clone();
    // Closing prices as published; percent with two decimals.
    for (slug, percent) in [
        ("nvda", -16.97),
        ("avgo", -17.40),
        ("asml", -5.75),
        ("vrt", -29.88),
        ("vst", -28.27),
        ("9984_t", -8.32),
    ] {
        let found = value(&format!("{slug}.return.day0")).as_f64().unwrap() * 100.0;
        assert!((found - percent).abs() < 0.005, "{slug}: {found} instead of {percent}");
    }
    let loss = value("nvda.market_value.loss").as_f64().unwrap() / 1e9;
    assert!((loss - 592.7).abs() < 0.05, "{loss}");
    assert_eq!(value("nvda.shares").as_f64(), Some(24.49e9));
    for (mic, date) in [
        ("xnys", "2025-01-27"),
        ("xams", "2025-01-27"),
        ("xtks", "2025-01-27"),
        ("xhkg", "2025-01-27"),
        ("xkrx", "2025-01-31"),
        ("xtai", "2025-02-03"),
    ] {
        assert_eq!(value(&format!("day0.{mic}")).as_str(), Some(date), "{mic}");
    }
    assert!(!brief["simulated"].as_bool().unwrap());
    let english = pages(&fs_err::read(folder.join("2025-01-deepseek-2025-01-27.en.pdf")).unwrap()).join("\n");
    assert!(english.contains("592.7") && !english.contains("Reconstruction"), "{english}");
}

/// Each issue of a year as it was due: whichever texts of the claims stand that month, they are read and can be printed.
#[test]
#[ignore = "needs SHOCKBRIEF_DATA"]
fn every_issue_of_a_year_is_fit_to_print() {
    let issues = |report: &'static str, periods: &[&'static str]| -> Vec<(&str, &str)> {
        periods.iter().map(|period| (report, *period)).collect()
    };
    let months = [
        "2024-07", "2024-08", "2024-09", "2024-10", "2024-11", "2024-12", "2025-01", "2025-02", "2025-03",
        "2025-04", "2025-05", "2025-06",
    ];
    let all = [
        issues("reports/monthly-brief", &months),
        issues("reports/quarterly-capex-and-controls", &["2024-Q3", "2024-Q4", "2025-Q1", "2025-Q2"]),
    ];
    for (report, period) in all.concat() {
        let mut check = shockbrief(["check", report, "--period", period, "--data"]);
        let output = check.arg(real_data()).output().unwrap();
        assert!(output.status.success(), "{report} {period}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
