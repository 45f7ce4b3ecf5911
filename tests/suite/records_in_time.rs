//! What was not public by the as-of date leaves no trace: taking it out of facts and data files changes nothing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use shockbrief_tests::{copy_folder, root, sample, shockbrief, succeeded};
use std::{fmt::Write as _, path::Path};

/// The as-of date of both runs; the report's event is eighteen days older.
const AS_OF: &str = "2025-02-14";

/// Accounts of five companies: quarter ends and amounts in millions that this test chose.
fn accounts(last_year: i32) -> String {
    let mut text = "ticker,calendar_quarter_of_period_end,period_end,capex_quarter_usd_m\n".to_owned();
    for company in ["AMZN", "GOOGL", "META", "MSFT", "ORCL"] {
        for year in 2022..=last_year {
            for (quarter, day) in [(1, "03-31"), (2, "06-30"), (3, "09-30"), (4, "12-31")] {
                let amount = 1000 * (year - 2020) + 10 * quarter;
                writeln!(text, "{company},{year}Q{quarter},{year}-{day},{amount}").unwrap();
            }
        }
    }
    text
}

/// Prices and scores: the last row of each is later than the as-of date.
const PRICES: [&str; 5] = [
    "snapshot_date,model,event,input_usd_per_mtok,output_usd_per_mtok",
    "2024-12-20,o1-2024-12-17,added,15,60",
    "2025-01-02,deepseek/deepseek-chat,added,0.1,0.3",
    "2025-02-01,deepseek/deepseek-reasoner,added,1,3",
    "2025-02-15,deepseek/deepseek-reasoner,price_changed,2,6",
];
const SCORES: [&str; 6] = [
    "snapshot_date,model,arena_score,ci_plus,ci_minus,votes",
    "2025-02-10,DeepSeek-R1,1300,10,10,100",
    "2025-02-10,o1-2024-12-17,1310,10,10,100",
    "2025-02-10,DeepSeek-V3,1250,5,5,100",
    "2025-02-15,DeepSeek-R1,1400,1,1,9999",
    "2025-02-15,o1-2024-12-17,1200,1,1,9999",
];

fn project(folder: &Path, later: bool) {
    copy_folder(&root().join("config"), &folder.join("config"));
    copy_folder(&sample(), &folder.join("data"));
    let shorten = |lines: &[&str], drop: usize| {
        let kept = if later { lines.len() } else { lines.len() - drop };
        lines[..kept].join("\n") + "\n"
    };
    let write = |name: &str, text: String| fs_err::write(folder.join("data").join(name), text).unwrap();
    write("capex_quarterly.csv", accounts(if later { 2025 } else { 2024 }));
    write("llm_price_change_log.csv", shorten(&PRICES, 1));
    write("arena_elo_history.csv", shorten(&SCORES, 2));
    if later {
        let facts = "tomorrow:\n  name: {fr: Demain, en: Tomorrow}\n  value: 1\n  unit: number\n  date: 2025-02-15\n  \
                     source: {text: The test, url: \"https://example.org/\"}\n";
        fs_err::write(folder.join("config/facts/later.yaml"), facts).unwrap();
    }
}

fn findings(later: bool) -> Value {
    let folder = tempfile::tempdir().unwrap();
    project(folder.path(), later);
    let report = root().join("reports/2025-01-deepseek");
    let mut check = shockbrief(["check", "--json", "--data", "data", "--config", "config", "--as-of", AS_OF]);
    let output = check.arg(report).current_dir(folder.path()).output().unwrap();
    succeeded(&output);
    let brief: Value = serde_json::from_slice(&output.stdout).unwrap();
    brief["findings"].clone()
}

#[test]
fn later_facts_and_rows_change_nothing() {
    let (all, known) = (findings(true), findings(false));
    assert_eq!(all, known);
    let value =
        |id: &str| known["figures"][id]["value"].as_f64().unwrap_or_else(|| panic!("no figure `{id}`"));
    // Five companies, 1000 * 4 + 10 * quarter million each in 2024, against 1000 * 3 + 10 * quarter.
    assert!((value("capex.total.quarter") - 5.0 * 4040e6).abs() < 1.0);
    assert!((value("capex.total.growth") - (4040.0 / 3040.0 - 1.0)).abs() < 1e-12);
    assert!((value("capex.total.year") - 5.0 * 16_100e6).abs() < 1.0);
    // (3 * 1 + 3) / 4 and (3 * 15 + 60) / 4.
    assert!((value("efficiency.subject.price") - 1.5).abs() < 1e-12);
    assert!((value("efficiency.price_ratio") - 17.5).abs() < 1e-12);
    assert_eq!(value("efficiency.gap"), -10.0);
    // Only V3 was on offer before the release, below the subject's score; the rival was dearer but good enough.
    assert_eq!(value("efficiency.level.before"), 26.25);
    assert!(all["figures"].get("fact.tomorrow").is_none());
}
