//! A brief of a past period is made from what was known then: rows that came later change nothing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use shockbrief_tests::{root, sample, shockbrief, succeeded};
use std::{collections::BTreeMap, path::Path};

/// Reports with a period that ends before the sample does, and its as-of date.
const CASES: [(&str, &str, &str); 3] = [
    ("weekly-monitor", "2025-W04", "2025-01-26"),
    ("monthly-brief", "2024-12", "2024-12-31"),
    ("quarterly-capex-and-controls", "2024-Q4", "2024-12-31"),
];

#[test]
fn removing_later_rows_gives_the_same_bytes() {
    for (report, period, as_of) in CASES {
        let folder = tempfile::tempdir().unwrap();
        let cut = folder.path().join("data");
        copy_until(&sample(), &cut, as_of);
        let whole = made(report, period, &sample(), &folder.path().join("whole"));
        let known = made(report, period, &cut, &folder.path().join("known"));
        assert!(whole.keys().any(|name| name.ends_with(".fr.pdf")), "{:?}", whole.keys());
        for (name, bytes) in &whole {
            assert!(known[name] == *bytes, "{report} {period}: {name} depends on rows after {as_of}");
        }
    }
}

/// Published files by name, without the manifest: it names whole files with their digests.
fn made(report: &str, period: &str, data: &Path, out: &Path) -> BTreeMap<String, Vec<u8>> {
    let folder = format!("reports/{report}");
    let run = shockbrief(["render", &folder, "--period", period])
        .arg("--data")
        .arg(data)
        .arg("--out")
        .arg(out)
        .current_dir(root())
        .output()
        .unwrap();
    succeeded(&run);
    fs_err::read_dir(out.join(report).join(period))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name() != "manifest.json")
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), fs_err::read(entry.path()).unwrap()))
        .collect()
}

/// Copies CSV files without the rows that became known after a date.
fn copy_until(from: &Path, to: &Path, last: &str) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let text = fs_err::read_to_string(&path).unwrap();
        let mut lines = text.lines();
        let header = lines.next().unwrap();
        let date = header.split(',').position(|name| name == "filed" || name == "date").unwrap();
        let kept = lines.clone().filter(|line| line.split(',').nth(date).is_some_and(|day| day <= last));
        let rows: Vec<&str> = std::iter::once(header).chain(kept).collect();
        if path.file_name().unwrap() == "prices.csv" {
            assert!(rows.len() < lines.count(), "nothing was cut from {}", path.display());
        }
        fs_err::write(to.join(path.file_name().unwrap()), rows.join("\n") + "\n").unwrap();
    }
}
