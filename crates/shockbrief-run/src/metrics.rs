//! A Prometheus text file of the last run, for the node exporter's textfile collector.

use jiff::Timestamp;
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
