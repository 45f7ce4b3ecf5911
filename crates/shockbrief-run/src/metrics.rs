//! A Prometheus text file of the last run, for the node exporter's textfile collector.
//!
//! What is told of a report comes from the ledger alone, so that a run with nothing to do tells the same as the one
//! before it.

use crate::ledger::{Entry, Event};
use jiff::{Timestamp, tz::TimeZone};
use std::{collections::BTreeMap, fmt::Write as _};

/// What is known of one report.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReportMetrics {
    /// When a brief of it was last published.
    pub last_success: Option<Timestamp>,
    /// Seconds that the last attempt took.
    pub seconds: Option<f64>,
    /// Exit code of the last attempt's error, 0 for success.
    pub exit_code: Option<u8>,
    /// The as-of date of the last brief, at midnight UTC.
    pub data_as_of: Option<Timestamp>,
    /// Pages, all languages together.
    pub pages: Option<usize>,
    /// Claims that do not hold and were replaced by their other text.
    pub claims_replaced: Option<usize>,
}

/// What the ledger knows of each report: the last publication, and the last attempt whatever its end.
#[must_use]
pub fn of(entries: &[Entry]) -> BTreeMap<String, ReportMetrics> {
    let mut reports: BTreeMap<String, ReportMetrics> = BTreeMap::new();
    let attempts = |entry: &&Entry| matches!(entry.event, Event::Published | Event::Quiet | Event::Failed);
    for entry in entries.iter().filter(attempts) {
        let report = reports.entry(entry.report.clone()).or_default();
        report.seconds = entry.seconds;
        report.exit_code = Some(entry.exit_code.unwrap_or_default());
        if entry.event == Event::Published {
            report.last_success = Some(entry.at);
            report.data_as_of = entry
                .as_of
                .and_then(|date| TimeZone::UTC.to_ambiguous_timestamp(date.at(0, 0, 0, 0)).compatible().ok());
            report.pages = entry.pages;
            report.claims_replaced = entry.claims_replaced;
        }
    }
    reports
}

type Value = fn(&ReportMetrics) -> Option<f64>;

/// The text, one block per metric, reports in order.
#[must_use]
pub fn text(finished: Timestamp, exit_code: u8, reports: &BTreeMap<String, ReportMetrics>) -> String {
    let mut out = String::new();
    let head =
        |name: &str, help: &str| format!("# HELP shockbrief_{name} {help}\n# TYPE shockbrief_{name} gauge\n");
    out.push_str(&head("run_timestamp_seconds", "End of the last run."));
    let _ = writeln!(out, "shockbrief_run_timestamp_seconds {}", finished.as_second());
    out.push_str(&head("run_exit_code", "Exit code of the last run."));
    let _ = writeln!(out, "shockbrief_run_exit_code {exit_code}");
    let blocks: [(&str, &str, Value); 6] = [
        ("last_success_timestamp_seconds", "Last publication.", |m| {
            m.last_success.map(|at| at.as_second() as f64)
        }),
        ("duration_seconds", "Duration of the last attempt.", |m| m.seconds),
        ("exit_code", "Exit code of the last attempt.", |m| m.exit_code.map(f64::from)),
        ("data_as_of_timestamp_seconds", "As-of date of the last brief.", |m| {
            m.data_as_of.map(|at| at.as_second() as f64)
        }),
        ("pages", "Pages of the last brief.", |m| m.pages.map(|n| n as f64)),
        ("claims_replaced", "Claims of the last brief that did not hold.", |m| {
            m.claims_replaced.map(|n| n as f64)
        }),
    ];
    for (name, help, value) in blocks {
        let lines: String = reports
            .iter()
            .filter_map(|(report, metrics)| Some((report, value(metrics)?)))
            .map(|(report, value)| format!("shockbrief_{name}{{report=\"{}\"}} {value}\n", escape(report)))
            .collect();
        if !lines.is_empty() {
            out.push_str(&head(name, help));
            out.push_str(&lines);
        }
    }
    out
}

fn escape(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_attempt_and_the_last_publication_are_told_apart() {
        let at = |hour: i64| Timestamp::from_second(1_738_562_400 + hour * 3600).unwrap();
        let published = Entry {
            as_of: Some(jiff::civil::date(2025, 1, 31)),
            pages: Some(6),
            seconds: Some(2.5),
            claims_replaced: Some(1),
            ..Entry::new(at(0), Event::Published, "weekly", "2025-W05")
        };
        let failed = Entry {
            exit_code: Some(4),
            seconds: Some(0.5),
            ..Entry::new(at(1), Event::Failed, "weekly", "2025-W06")
        };
        let sent = Entry::new(at(2), Event::Delivered, "weekly", "2025-W05");
        let known = of(&[published, failed, sent])["weekly"].clone();
        let expected = ReportMetrics {
            last_success: Some(at(0)),
            seconds: Some(0.5),
            exit_code: Some(4),
            // 31 January 2025, 00:00 UTC
            data_as_of: Some(Timestamp::from_second(1_738_281_600).unwrap()),
            pages: Some(6),
            claims_replaced: Some(1),
        };
        assert_eq!(known, expected);
    }

    #[test]
    fn unknown_values_are_left_out() {
        let at: Timestamp = "2025-02-03T06:00:00Z".parse().unwrap();
        let known = ReportMetrics { pages: Some(4), last_success: Some(at), ..ReportMetrics::default() };
        let reports =
            BTreeMap::from([("a\"b".to_owned(), known), ("c".to_owned(), ReportMetrics::default())]);
        let text = text(at, 3, &reports);
        assert!(text.contains("shockbrief_run_exit_code 3\n"));
        assert!(text.contains("shockbrief_pages{report=\"a\\\"b\"} 4\n"));
        assert!(text.contains("shockbrief_last_success_timestamp_seconds{report=\"a\\\"b\"} 1738562400\n"));
        assert!(!text.contains("report=\"c\"") && !text.contains("claims_replaced"));
        assert!(text.lines().all(|line| line.starts_with("# ") || line.split(' ').count() == 2));
    }
}
