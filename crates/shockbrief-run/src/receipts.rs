//! Receipts of deliveries, kept beside the ledger.
//!
//! That a brief is out can be read from its manifest; that it was sent can be read nowhere. Each delivery is
//! therefore written down twice, so that a ledger that is lost or torn does not have every reader written to again.

use crate::ledger::{Entry, Event, Ledger};
use anyhow::Result;
use std::path::{Path, PathBuf};

/// Where receipts lie in the output folder, one file for each report.
const FOLDER: &str = ".receipts";

/// Keeps the entry of a delivery; before the ledger's own, so that a crash between the two loses neither.
///
/// # Errors
/// When the file cannot be written.
pub fn keep(out: &Path, entry: &Entry) -> Result<()> {
    let path = file(out, &entry.report);
    fs_err::create_dir_all(out.join(FOLDER))?;
    Ledger::file(&path)?.append(entry.clone())
}

/// Deliveries that were made and that the ledger does not know.
///
/// # Errors
/// When a file of receipts cannot be read.
pub fn missing(out: &Path, ledger: &Ledger) -> Result<Vec<Entry>> {
    let mut files = match fs_err::read_dir(out.join(FOLDER)) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    files.sort();
    let mut found = Vec::new();
    for path in files {
        let receipts = Ledger::file(&path)?;
        found.extend(receipts.entries().iter().filter(|entry| !known(ledger, entry)).cloned());
    }
    Ok(found)
}

fn known(ledger: &Ledger, receipt: &Entry) -> bool {
    let target = receipt.target.as_deref().unwrap_or_default();
    let revision = receipt.revision.unwrap_or(1);
    receipt.event != Event::Delivered || ledger.delivered(&receipt.report, &receipt.period, revision, target)
}

fn file(out: &Path, report: &str) -> PathBuf {
    out.join(FOLDER).join(format!("{report}.jsonl"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::FILE;

    #[test]
    fn a_lost_ledger_gets_its_deliveries_back() {
        let out = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::read(out.path()).unwrap();
        let at = "2025-02-03T06:00:00Z".parse().unwrap();
        for (report, target) in [("weekly", "share"), ("weekly", "readers:fr"), ("monthly", "share")] {
            let entry = Entry {
                revision: Some(1),
                target: Some(target.to_owned()),
                ..Entry::new(at, Event::Delivered, report, "2025-W05")
            };
            keep(out.path(), &entry).unwrap();
            ledger.append(entry).unwrap();
        }
        assert!(missing(out.path(), &ledger).unwrap().is_empty());
        fs_err::remove_file(out.path().join(FILE)).unwrap();
        let lost = Ledger::read(out.path()).unwrap();
        let back = missing(out.path(), &lost).unwrap();
        let names: Vec<_> = back.iter().map(|e| (e.report.as_str(), e.target.as_deref().unwrap())).collect();
        assert_eq!(names, [("monthly", "share"), ("weekly", "share"), ("weekly", "readers:fr")]);
    }
}
