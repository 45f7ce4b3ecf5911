//! A year of daily runs on real data, all report types together; `make year` runs it, since it takes some minutes.
//!
//! What must come out is worked out here: periods from the closures that the exchange published, sessions of shocks
//! from one search over the whole year, where the runs search each session alone.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the figures are what the year is run for")]
#![allow(clippy::disallowed_methods, reason = "the year is timed from outside")]

use crate::exchange_days::{date_of, day_number, days, expected, sessions};
use shockbrief_tests::{
    copy_folder,
    desk::{Desk, code, errors},
    real_data, root, shockbrief,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

const PORTFOLIOS: [&str; 2] = ["balanced", "hardware"];
/// Sessions after an alert without another one, as the report's `cooldown` says.
const COOLDOWN: usize = 5;

#[test]
#[ignore = "needs real data"]
fn every_brief_of_a_year_is_made_once_and_on_its_day() {
    if std::env::var_os("SHOCKBRIEF_YEAR").is_none() {
        println!("left out: a year of runs (make year)");
        return;
    }
    let desk = Desk::with(0);
    copy_folder(&root().join("reports"), &desk.path("reports"));
    let began = Instant::now();
    let mut made = BTreeSet::new();
    let mut runs = 0;
    for day in days("2024-07-01", "2025-06-30") {
        let now = format!("{day}T06:00:00Z");
        let output = desk.command_on(&real_data(), &["-q", "--now", &now]).output().unwrap();
        assert_eq!(code(&output), Some(0), "{day}: {}", errors(&output));
        runs += 1;
        for brief in desk.record()["briefs"].as_array().unwrap() {
            if brief["outcome"] == "published" {
                let [report, period] =
                    ["report", "period"].map(|key| brief[key].as_str().unwrap().to_owned());
                assert!(made.insert((report, period, day.clone())), "{brief}");
            }
        }
    }
    let took = began.elapsed().as_secs();
    let (alerts, others): (BTreeSet<_>, BTreeSet<_>) =
        made.iter().cloned().partition(|(report, ..)| report == "flash");
    let mut due = expected();
    for (report, period, day) in expected() {
        if report == "monthly-brief" {
            due.extend(
                PORTFOLIOS.map(|name| (format!("portfolio-letter.{name}"), period.clone(), day.clone())),
            );
        }
    }
    // Known from the day after its as-of date on.
    due.insert(("2025-01-deepseek".to_owned(), "2025-01-27".to_owned(), "2025-02-15".to_owned()));
    assert_eq!(others, due);
    assert_eq!(alerts, shocks());
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    made.iter().for_each(|(report, ..)| *counts.entry(report).or_default() += 1);
    let quiet = desk.ledger().iter().filter(|entry| entry["event"] == "quiet").count();
    println!("{runs} runs in {took} s, {} briefs: {counts:?}; {quiet} sessions without alert", made.len());
    println!("alerts: {:?}", alerts.iter().map(|(_, period, _)| period.as_str()).collect::<Vec<_>>());
    assert_eq!(desk.published().values().sum::<usize>(), made.len());
}

/// Sessions that one search over the year calls shocks, less those in the calm after an alert, with the day of the
/// run that finds them.
fn shocks() -> BTreeSet<(String, String, String)> {
    let text = fs_err::read_to_string(root().join("reports/flash/report.yaml")).unwrap();
    let (_, panel) = text.split_once("\npanel:").unwrap();
    let (_, sample) = panel.split_once("sample: [").unwrap();
    let sample: String = sample.split(']').next().unwrap().split_whitespace().collect();
    let mut detect =
        shockbrief(["detect", "--format", "csv", "--model", "market-model", "--benchmark", "^GSPC"]);
    detect.args(["--from", "2024-06-28", "--to", "2025-06-27", "--symbols", &sample, "--data"]);
    let output = detect.arg(real_data()).output().unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    let sessions = sessions("2024-06-28", "2025-06-27");
    let mut last: Option<usize> = None;
    let mut found = BTreeSet::new();
    for line in listed.lines().skip(1) {
        let day = day_number(line.split(',').next().unwrap());
        let at = sessions.iter().position(|session| *session == day).unwrap();
        if last.is_none_or(|last| at - last > COOLDOWN) {
            last = Some(at);
            found.insert(("flash".to_owned(), date_of(day), date_of(day + 1)));
        }
    }
    assert!(!found.is_empty(), "{listed} {}", String::from_utf8_lossy(&output.stderr));
    found
}
