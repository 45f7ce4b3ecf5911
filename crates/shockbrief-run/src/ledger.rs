//! The ledger: one append-only file of JSON lines under the output folder.
//!
//! A line is written and synced after what it tells of has happened. A line that a crash tore is skipped and
//! left where it is; the next entry begins on a new line. Readers ignore keys that they do not know.

use anyhow::{Context, Result};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use shockbrief_core::{Period, brief::Manifest};
use std::{
    collections::BTreeSet,
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// The ledger's name in the output folder.
pub const FILE: &str = "ledger.jsonl";
/// The version of an entry's schema.
pub const SCHEMA: u32 = 1;

/// What happened to a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// Its files are out.
    Published,
    /// The session held no shock: no brief.
    Quiet,
    /// Nothing was published; the next run tries again.
    Failed,
    /// A target has taken it.
    Delivered,
    /// A target has not; the next run tries again.
    Undelivered,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// [`SCHEMA`].
    pub schema: u32,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
    /// The report's slug.
    pub report: String,
    /// The period's name.
    pub period: String,
    /// Nothing later was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Date>,
    /// The revision published, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// SHA-256 of the twin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brief: Option<String>,
    /// The target of a delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Why it failed, or why there was no brief.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The entries read so far.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    path: PathBuf,
    entries: Vec<Entry>,
    /// Lines that are no entries, counted from 1.
    pub torn: Vec<usize>,
}

impl Ledger {
    /// Reads the ledger of an output folder; one that is not there is empty.
    ///
    /// # Errors
    /// When the file exists and cannot be read.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let mut ledger = Self { path: path.clone(), ..Self::default() };
        let bytes = match fs_err::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(ledger),
            Err(error) => return Err(error.into()),
        };
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            match serde_json::from_slice(line) {
                Ok(entry) => ledger.entries.push(entry),
                Err(_) if line.is_empty() => {}
                Err(_) => ledger.torn.push(index + 1),
            }
        }
        Ok(ledger)
    }

    /// Appends an entry and waits until it is on the disk.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append(&mut self, entry: Entry) -> Result<()> {
        let mut line = serde_json::to_vec(&entry)?;
        line.push(b'\n');
        let mut file = fs_err::OpenOptions::new().create(true).read(true).append(true).open(&self.path)?;
        if !ends_with_newline(&mut file)? {
            line.insert(0, b'\n');
        }
        file.write_all(&line).with_context(|| format!("cannot write {}", self.path.display()))?;
        file.sync_all()?;
        self.entries.push(entry);
        Ok(())
    }

    /// All entries, oldest first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Periods of a report that need no further run: published, or without shock.
    #[must_use]
    pub fn settled(&self, report: &str) -> BTreeSet<Period> {
        self.periods(report, |event| matches!(event, Event::Published | Event::Quiet))
    }

    /// Periods of a report that are out.
    #[must_use]
    pub fn published(&self, report: &str) -> BTreeSet<Period> {
        self.periods(report, |event| event == Event::Published)
    }

    fn periods(&self, report: &str, of: impl Fn(Event) -> bool) -> BTreeSet<Period> {
        let entries = self.entries.iter().filter(|entry| entry.report == report && of(entry.event));
        entries.filter_map(|entry| entry.period.parse().ok()).collect()
    }

    /// The last published period of a report by its dates, with its last revision.
    #[must_use]
    pub fn last_published(&self, report: &str) -> Option<(String, u32)> {
        let period = self.published(report).pop_last()?.to_string();
        let revisions = self.entries.iter().filter(|entry| {
            entry.event == Event::Published && entry.report == report && entry.period == period
        });
        let revision = revisions.filter_map(|entry| entry.revision).max().unwrap_or(1);
        Some((period, revision))
    }

    /// Whether a target has taken a revision.
    #[must_use]
    pub fn delivered(&self, report: &str, period: &str, revision: u32, target: &str) -> bool {
        self.entries.iter().any(|entry| {
            entry.event == Event::Delivered
                && (entry.report.as_str(), entry.period.as_str()) == (report, period)
                && entry.revision == Some(revision)
                && entry.target.as_deref() == Some(target)
        })
    }

    /// Whether a period is recorded as published.
    #[must_use]
    pub fn has(&self, report: &str, period: &str) -> bool {
        let published = |entry: &&Entry| entry.event == Event::Published;
        self.entries.iter().filter(published).any(|entry| entry.report == report && entry.period == period)
    }
}

fn ends_with_newline(file: &mut fs_err::File) -> Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0_u8];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// An entry for a published period, from its manifest.
#[must_use]
pub fn published(at: Timestamp, manifest: &Manifest) -> Entry {
    Entry {
        schema: SCHEMA,
        at,
        event: Event::Published,
        report: manifest.report.clone(),
        period: manifest.period.clone(),
        as_of: Some(manifest.as_of),
        revision: Some(manifest.revision),
        brief: manifest.outputs.get("brief.json").cloned(),
        target: None,
        reason: None,
    }
}

/// The manifests of all published periods below an output folder, by report and period.
///
/// # Errors
/// A folder that cannot be read, or a manifest that is none.
pub fn manifests(folder: &Path) -> Result<Vec<Manifest>> {
    let mut found = Vec::new();
    for report in folders(folder)? {
        for period in folders(&report)? {
            let path = period.join("manifest.json");
            if path.is_file() {
                found.push(manifest(&path)?);
            }
        }
    }
    Ok(found)
}

/// Reads one manifest.
///
/// # Errors
/// When it cannot be read or is none.
pub fn manifest(path: &Path) -> Result<Manifest> {
    serde_json::from_slice(&fs_err::read(path)?).with_context(|| format!("{} is no manifest", path.display()))
}

/// Sub-folders in order; hidden ones are unfinished work.
fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !hidden && entry.path().is_dir() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Entries for what is published and not in the ledger: after a crash between the two, or a lost ledger.
#[must_use]
pub fn missing(ledger: &Ledger, manifests: &[Manifest], at: Timestamp) -> Vec<Entry> {
    let unknown = manifests.iter().filter(|manifest| !ledger.has(&manifest.report, &manifest.period));
    unknown.map(|manifest| published(at, manifest)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(period: &str, event: Event) -> Entry {
        Entry {
            schema: SCHEMA,
            at: "2025-02-03T06:00:00Z".parse().unwrap(),
            event,
            report: "weekly".to_owned(),
            period: period.to_owned(),
            as_of: None,
            revision: None,
            brief: None,
            target: None,
            reason: None,
        }
    }

    #[test]
    fn entries_come_back_and_failures_settle_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::read(folder.path()).unwrap();
        for (period, event) in
            [("2025-W03", Event::Published), ("2025-W04", Event::Quiet), ("2025-W05", Event::Failed)]
        {
            ledger.append(entry(period, event)).unwrap();
        }
        let read = Ledger::read(folder.path()).unwrap();
        assert_eq!(read.entries(), ledger.entries());
        let names = |periods: BTreeSet<Period>| periods.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(read.settled("weekly")), ["2025-W03", "2025-W04"]);
        assert_eq!(names(read.published("weekly")), ["2025-W03"]);
        assert!(read.settled("monthly").is_empty());
    }

    #[test]
    fn a_torn_line_loses_itself_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let mut ledger = Ledger::read(folder.path()).unwrap();
        ledger.append(entry("2025-W03", Event::Published)).unwrap();
        ledger.append(entry("2025-W04", Event::Published)).unwrap();
        let whole = fs_err::read(&path).unwrap();
        let first = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        for cut in first + 1..whole.len() - 1 {
            shockbrief_core::fs::write_atomic(&path, &whole[..cut]).unwrap();
            let mut torn = Ledger::read(folder.path()).unwrap();
            assert_eq!((torn.entries().len(), torn.torn.as_slice()), (1, [2].as_slice()), "cut at {cut}");
            torn.append(entry("2025-W05", Event::Published)).unwrap();
            let healed = Ledger::read(folder.path()).unwrap();
            assert_eq!(healed.entries().len(), 2, "cut at {cut}");
            assert_eq!(healed.entries()[1].period, "2025-W05");
        }
    }
}
