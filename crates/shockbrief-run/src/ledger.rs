//! The ledger: one append-only file of JSON lines under the output folder.
//!
//! A line is written and synced after what it tells of has happened. A line that a crash tore is skipped and
//! left where it is; the next entry begins on a new line. Each line ends with a sum of what stands before it, so that one
//! that a disk altered is a torn one and never another entry. Readers ignore keys that they do not know, and take lines
//! of versions without sums as they are.

use anyhow::{Context, Result};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use shockbrief_core::{
    Period, Refusal,
    brief::Manifest,
    fs::{open_private, sha256},
};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// The ledger's name in the output folder.
pub const FILE: &str = "ledger.jsonl";
/// The twin's name in a period's folder.
const TWIN: &str = "brief.json";
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// Exit code of the failure's class; absent for a success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<u8>,
    /// Seconds that the attempt took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Pages, all languages together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<usize>,
    /// Claims that do not hold and were replaced by their other text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims_replaced: Option<usize>,
}

impl Entry {
    /// An entry that says nothing but what happened to which period.
    #[must_use]
    pub fn new(at: Timestamp, event: Event, report: &str, period: &str) -> Self {
        Self {
            schema: SCHEMA,
            at,
            event,
            report: report.to_owned(),
            period: period.to_owned(),
            as_of: None,
            revision: None,
            brief: None,
            target: None,
            reason: None,
            exit_code: None,
            seconds: None,
            pages: None,
            claims_replaced: None,
        }
    }
}

/// The entries read so far.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    path: PathBuf,
    entries: Vec<Entry>,
    /// Where the entries of each report are: a ledger of years is asked for one report after the other.
    by_report: BTreeMap<String, Vec<usize>>,
    /// Lines that are no entries, counted from 1.
    pub torn: Vec<usize>,
}

impl Ledger {
    /// Reads the ledger of an output folder; one that is not there is empty.
    ///
    /// # Errors
    /// When the file exists and cannot be read.
    pub fn read(folder: &Path) -> Result<Self> {
        Self::file(&folder.join(FILE))
    }

    /// Reads a file of entries; one that is not there is empty.
    ///
    /// # Errors
    /// When the file exists and cannot be read.
    pub fn file(path: &Path) -> Result<Self> {
        let mut ledger = Self { path: path.to_owned(), ..Self::default() };
        let bytes = match fs_err::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(ledger),
            Err(error) => return Err(error.into()),
        };
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            match summed(line).and_then(|line| Ok(serde_json::from_slice(&line)?)) {
                Ok(entry) => ledger.remember(entry),
                Err(_) if line.is_empty() => {}
                Err(_) => ledger.torn.push(index + 1),
            }
        }
        Ok(ledger)
    }

    /// Whether this user may add to the ledger, asked before anything is made that it could not record.
    ///
    /// # Errors
    /// When the file exists and cannot be written.
    pub fn may_append(&self) -> Result<()> {
        if self.path.exists() {
            open_private(&self.path)?;
        }
        Ok(())
    }

    /// Appends an entry and waits until it is on the disk.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append(&mut self, entry: Entry) -> Result<()> {
        let mut line = with_sum(serde_json::to_vec(&entry)?);
        line.push(b'\n');
        let mut file = open_private(&self.path)?;
        if !ends_with_newline(&mut file)? {
            line.insert(0, b'\n');
        }
        file.write_all(&line).with_context(|| format!("cannot write {}", self.path.display()))?;
        file.sync_all()?;
        self.remember(entry);
        Ok(())
    }

    fn remember(&mut self, entry: Entry) {
        let at = self.entries.len();
        match self.by_report.get_mut(&entry.report) {
            Some(places) => places.push(at),
            None => drop(self.by_report.insert(entry.report.clone(), vec![at])),
        }
        self.entries.push(entry);
    }

    /// The entries of a report, oldest first.
    fn of(&self, report: &str) -> impl Iterator<Item = &Entry> {
        self.by_report.get(report).into_iter().flatten().filter_map(|at| self.entries.get(*at))
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

    /// Periods of a report whose making failed and that nothing has settled since.
    #[must_use]
    pub fn open(&self, report: &str) -> BTreeSet<Period> {
        let settled = self.settled(report);
        self.periods(report, |event| event == Event::Failed).difference(&settled).copied().collect()
    }

    fn periods(&self, report: &str, of: impl Fn(Event) -> bool) -> BTreeSet<Period> {
        self.of(report)
            .filter(|entry| of(entry.event))
            .filter_map(|entry| entry.period.parse().ok())
            .collect()
    }

    /// The last published period of a report by its dates, with its last revision.
    #[must_use]
    pub fn last_published(&self, report: &str) -> Option<(String, u32)> {
        let period = self.published(report).pop_last()?.to_string();
        let revisions =
            self.of(report).filter(|entry| entry.event == Event::Published && entry.period == period);
        let revision = revisions.filter_map(|entry| entry.revision).max().unwrap_or(1);
        Some((period, revision))
    }

    /// Whether this very twin of a period is recorded as published.
    fn has_twin(&self, report: &str, period: &str, twin: Option<&String>) -> bool {
        let same =
            |entry: &&Entry| entry.period == period && entry.brief.is_some() && entry.brief.as_ref() == twin;
        self.of(report).filter(|entry| entry.event == Event::Published).any(|entry| same(&entry))
    }

    /// When a revision of a period was last published, as far as it is recorded.
    #[must_use]
    pub fn published_at(&self, report: &str, period: &str, revision: u32) -> Option<Timestamp> {
        let own = |entry: &&Entry| entry.period == period && entry.revision.unwrap_or(1) == revision;
        self.of(report)
            .filter(own)
            .filter(|entry| entry.event == Event::Published)
            .map(|entry| entry.at)
            .max()
    }

    /// Whether a target has taken a revision.
    #[must_use]
    pub fn delivered(&self, report: &str, period: &str, revision: u32, target: &str) -> bool {
        self.of(report).any(|entry| {
            entry.event == Event::Delivered
                && entry.period == period
                && entry.revision == Some(revision)
                && entry.target.as_deref() == Some(target)
        })
    }

    /// Whether a revision of a period is recorded as published.
    #[must_use]
    pub fn has(&self, report: &str, period: &str, revision: u32) -> bool {
        let published = |entry: &&Entry| entry.event == Event::Published;
        self.of(report)
            .filter(published)
            .any(|entry| entry.period == period && entry.revision.unwrap_or(1) >= revision)
    }
}

/// What stands before a line's sum.
const SUM: &[u8] = b",\"sum\":\"";
/// Hexadecimal digits of a sum.
const DIGITS: usize = 16;

/// An object with the sum of what it holds as its last key.
fn with_sum(mut line: Vec<u8>) -> Vec<u8> {
    line.pop();
    let sum = sum_of(&line);
    line.extend_from_slice(SUM);
    line.extend_from_slice(sum.as_bytes());
    line.extend_from_slice(b"\"}");
    line
}

/// The first digits of a digest.
fn sum_of(bytes: &[u8]) -> String {
    sha256(bytes).chars().take(DIGITS).collect()
}

/// A line without its sum, which must be that of the rest; one without any is older than sums.
fn summed(line: &[u8]) -> Result<Cow<'_, [u8]>> {
    let Some(at) = line.windows(SUM.len()).rposition(|part| part == SUM) else {
        return Ok(Cow::Borrowed(line));
    };
    let (rest, sum) = line.split_at(at);
    let sum = sum.strip_prefix(SUM).and_then(|sum| sum.strip_suffix(b"\"}"));
    anyhow::ensure!(sum == Some(sum_of(rest).as_bytes()), "the sum is another");
    Ok(Cow::Owned([rest, b"}"].concat()))
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
        as_of: Some(manifest.as_of),
        revision: Some(manifest.revision),
        brief: manifest.outputs.get(TWIN).cloned(),
        pages: Some(manifest.audited.values().map(|audited| audited.pages).sum()),
        ..Entry::new(at, Event::Published, &manifest.report, &manifest.period)
    }
}

/// The manifests of all published periods below an output folder, by report and period, and why some cannot be read:
/// a damaged one must not keep the others from being known.
///
/// # Errors
/// A folder that cannot be read.
pub fn manifests(folder: &Path) -> Result<(Vec<Manifest>, Vec<anyhow::Error>)> {
    let (mut found, mut broken) = (Vec::new(), Vec::new());
    for report in folders(folder)? {
        for period in folders(&report)? {
            let path = period.join("manifest.json");
            match manifest(&path).and_then(|manifest| at_home(manifest, &path)) {
                Ok(manifest) => found.push(manifest),
                Err(error) if path.is_file() => broken.push(error),
                Err(_) => {}
            }
        }
    }
    Ok((found, broken))
}

/// Reads one manifest.
///
/// # Errors
/// When it cannot be read or is none.
pub fn manifest(path: &Path) -> Result<Manifest> {
    serde_json::from_slice(&fs_err::read(path)?).map_err(|error| {
        Refusal::data(format!("{} is no manifest: {error}", path.display()))
            .hint("take the period's folder from a copy, or remove it: the next run makes it again")
            .into()
    })
}

/// Refuses a manifest that speaks of another folder than its own: it was put there by somebody.
fn at_home(manifest: Manifest, path: &Path) -> Result<Manifest> {
    let mut above = path.ancestors().skip(1).map(|folder| folder.file_name().and_then(|name| name.to_str()));
    let named = (above.next().flatten(), above.next().flatten());
    if named != (Some(&manifest.period), Some(&manifest.report)) {
        return Err(Refusal::data(format!(
            "{} is the manifest of {:?}, {:?}, not of its folder",
            path.display(),
            manifest.report,
            manifest.period
        ))
        .hint("remove what somebody copied there, or put the folder back under its name")
        .into());
    }
    Ok(manifest)
}

/// Sub-folders in order; hidden ones are unfinished work.
///
/// # Errors
/// A folder that cannot be read.
pub fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
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
    // A revision has a twin of its own: the same twin under another number is a manifest that a disk altered.
    let known = |m: &&Manifest| {
        ledger.has(&m.report, &m.period, m.revision)
            || ledger.has_twin(&m.report, &m.period, m.outputs.get(TWIN))
    };
    let unknown = manifests.iter().filter(|manifest| !known(manifest));
    unknown.map(|manifest| published(at, manifest)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(period: &str, event: Event) -> Entry {
        Entry::new("2025-02-03T06:00:00Z".parse().unwrap(), event, "weekly", period)
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
        assert_eq!(names(read.open("weekly")), ["2025-W05"]);
        ledger.append(entry("2025-W05", Event::Quiet)).unwrap();
        assert!(ledger.open("weekly").is_empty() && read.settled("monthly").is_empty());
    }

    #[test]
    fn a_revision_out_and_not_recorded_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::read(folder.path()).unwrap();
        let out: Manifest = serde_json::from_value(serde_json::json!({
            "schema": 1, "report": "weekly", "period": "2025-W05", "as_of": "2025-01-31", "revision": 2,
            "shockbrief": "0", "typst": "0", "config": {}, "inputs": [], "files": {}, "outputs": {},
            "audited": {"en": {"pages": 3, "numerals": 9}, "fr": {"pages": 4, "numerals": 9}},
        }))
        .unwrap();
        let at = "2025-02-03T06:00:00Z".parse().unwrap();
        let first = Entry { revision: Some(1), ..entry("2025-W05", Event::Published) };
        ledger.append(first).unwrap();
        let missing = missing(&ledger, &[out], at);
        assert_eq!((missing.len(), missing[0].revision, missing[0].pages), (1, Some(2), Some(7)));
        ledger.append(missing[0].clone()).unwrap();
        assert!(ledger.has("weekly", "2025-W05", 2) && !ledger.has("weekly", "2025-W05", 3));
    }

    #[test]
    fn an_altered_byte_makes_no_other_entry() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let mut ledger = Ledger::read(folder.path()).unwrap();
        let first = Entry { revision: Some(1), seconds: Some(1.5), ..entry("2025-W03", Event::Published) };
        ledger.append(first).unwrap();
        ledger.append(entry("2025-W04", Event::Quiet)).unwrap();
        let whole = fs_err::read(&path).unwrap();
        for at in 0..whole.len() {
            for mask in [0x01_u8, 0x10, 0x80] {
                let mut bytes = whole.clone();
                bytes[at] ^= mask;
                shockbrief_core::fs::write_atomic(&path, &bytes).unwrap();
                let read = Ledger::read(folder.path()).unwrap();
                let own = read.entries().iter().all(|entry| ledger.entries().contains(entry));
                assert!(own, "byte {at} with {mask:#x}: {:?}", read.entries());
                assert!(
                    read.entries().len() == 2 || !read.torn.is_empty(),
                    "byte {at} with {mask:#x}: lost in silence"
                );
            }
        }
        // Lines of before.
        shockbrief_core::fs::write_atomic(
            &path,
            &serde_json::to_vec(&entry("2025-W05", Event::Failed)).unwrap(),
        )
        .unwrap();
        assert_eq!(Ledger::read(folder.path()).unwrap().entries().len(), 1);
    }

    #[test]
    fn a_manifest_whose_number_a_disk_altered_is_no_new_revision() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::read(folder.path()).unwrap();
        let mut out: Manifest = serde_json::from_value(serde_json::json!({
            "schema": 1, "report": "weekly", "period": "2025-W05", "as_of": "2025-01-31", "revision": 1,
            "shockbrief": "0", "typst": "0", "config": {}, "inputs": [], "files": {},
            "outputs": {"brief.json": "abc"}, "audited": {},
        }))
        .unwrap();
        let at = "2025-02-03T06:00:00Z".parse().unwrap();
        ledger.append(published(at, &out)).unwrap();
        out.revision = 9;
        assert!(missing(&ledger, &[out.clone()], at).is_empty());
        out.outputs.insert(TWIN.to_owned(), "def".to_owned());
        assert_eq!(missing(&ledger, &[out], at).len(), 1);
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
