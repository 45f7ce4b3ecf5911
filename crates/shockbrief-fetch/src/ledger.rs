//! What was known when: an append-only ledger of rows, one file per kind of data, provider and subject.
//!
//! A line holds one value with two times: the date it is for and since when it is known. Nothing is rewritten: a
//! revision is a later line. A line that a crash cut short is taken off before the next one is written, and is
//! passed over when read. Writers take turns by a lock.

use crate::{Appended, Batch, Known, Provenance, Row, Sink};
use anyhow::{Context, Result};
use fs_err as fs;
use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use shockbrief_core::config::DataKind;
use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
};

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Our symbol.
    pub symbol: String,
    /// What is measured.
    pub field: String,
    /// The date the value is for.
    pub date: Date,
    /// The value.
    pub value: f64,
    /// Its unit.
    pub unit: String,
    /// Since when it is known.
    pub known: Timestamp,
    /// When it was fetched.
    pub fetched: Timestamp,
}

/// The ledger's folder.
#[derive(Debug, Clone)]
pub struct Ledger {
    folder: PathBuf,
}

/// Value and unit by field, for each symbol and date.
pub type Values = BTreeMap<(String, Date), BTreeMap<String, (f64, String)>>;

/// Place of a value in both times: symbol, field and date, then the time known.
type History = BTreeMap<(String, String, Date), BTreeMap<Timestamp, f64>>;

/// What the ledger holds of one subject from one provider.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The provider.
    pub provider: String,
    /// The last date.
    pub last: Date,
    /// Values that replaced an earlier one for the same date.
    pub revisions: usize,
    /// When a value came last.
    pub fetched: Timestamp,
}

impl Ledger {
    /// A ledger below a folder.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// All lines of a subject from a provider, in the order of writing.
    ///
    /// # Errors
    /// When a file cannot be read, or a line that is not the last one is damaged.
    pub fn read(&self, provider: &str, data: DataKind, subject: &str) -> Result<Vec<Entry>> {
        let path = self.path(provider, data, subject);
        if !path.is_file() {
            return Ok(Vec::new());
        }
        let bytes = fs::read(&path)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines =
            bytes[..whole].split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
        lines
            .map(|(index, line)| {
                serde_json::from_slice(line).with_context(|| {
                    let line = index + 1;
                    format!(
                        "{}:{line}: damaged; restore the file from a backup, or delete it and fetch again",
                        path.display()
                    )
                })
            })
            .collect()
    }

    /// Values of a field as they were known at a time, by date, with the unit.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn as_of(&self, provider: &str, data: DataKind, subject: &str, time: Timestamp) -> Result<Values> {
        let mut entries = self.read(provider, data, subject)?;
        entries.retain(|entry| entry.known <= time);
        entries.sort_by_key(|entry| entry.known);
        let mut values = Values::new();
        for entry in entries {
            values
                .entry((entry.symbol, entry.date))
                .or_default()
                .insert(entry.field, (entry.value, entry.unit));
        }
        Ok(values)
    }

    /// What is held of a subject from a provider; none when nothing is.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn held(&self, provider: &str, data: DataKind, subject: &str) -> Result<Option<Held>> {
        let entries = self.read(provider, data, subject)?;
        let Some(last) = entries.iter().map(|entry| entry.date).max() else { return Ok(None) };
        let fetched = entries.iter().map(|entry| entry.fetched).max().unwrap_or(Timestamp::UNIX_EPOCH);
        let places = history(&entries);
        let revisions = places.values().map(|values| values.len() - 1).sum();
        Ok(Some(Held { provider: provider.to_owned(), last, revisions, fetched }))
    }

    fn path(&self, provider: &str, data: DataKind, subject: &str) -> PathBuf {
        // A symbol such as ^GSPC or A/B must not leave its folder, and two symbols must not share a file.
        let safe: String = subject
            .bytes()
            .map(|byte| match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
                b'.' => ".".to_owned(),
                other => format!("%{other:02X}"),
            })
            .collect();
        self.folder.join(data.name()).join(provider).join(format!("_{safe}.jsonl"))
    }
}

fn history(entries: &[Entry]) -> History {
    let mut places = History::new();
    for entry in entries {
        let place = (entry.symbol.clone(), entry.field.clone(), entry.date);
        places.entry(place).or_default().insert(entry.known, entry.value);
    }
    places
}

impl Sink for Ledger {
    fn known(&self, provider: &str, data: DataKind, subject: &str) -> Result<Known> {
        let mut entries = self.read(provider, data, subject)?;
        entries.sort_by_key(|entry| entry.known);
        Ok(entries.into_iter().map(|entry| ((entry.field, entry.date), entry.value)).collect())
    }

    fn append(
        &mut self,
        subject: &str,
        batch: &Batch,
        data: DataKind,
        provenance: &Provenance,
    ) -> Result<Appended> {
        let path = self.path(&provenance.provider, data, subject);
        fs::create_dir_all(path.parent().unwrap_or(&self.folder))?;
        let lock =
            fs::OpenOptions::new().create(true).truncate(false).write(true).open(self.folder.join("lock"))?;
        lock.file().lock().with_context(|| format!("cannot lock {}", self.folder.display()))?;
        let mut places = history(&self.read(&provenance.provider, data, subject)?);
        let (mut appended, mut text) = (Appended::default(), String::new());
        for row in &batch.rows {
            let row = &learnt(&places, row, provenance.fetched);
            let change = judge(&mut places, row);
            match change {
                Change::Same => appended.same += 1,
                Change::New => appended.new += 1,
                Change::Revised => appended.revised += 1,
            }
            if !matches!(change, Change::Same) {
                text.push_str(&line(row, provenance.fetched)?);
            }
        }
        write(&path, text.as_bytes())?;
        Ok(appended)
    }
}

enum Change {
    Same,
    New,
    Revised,
}

/// A row that says something else for a time that the ledger has already answered for is known since it was fetched:
/// what was known then does not change afterwards, whatever time its provider gives.
fn learnt(places: &History, row: &Row, fetched: Timestamp) -> Row {
    let values = places.get(&(row.symbol.clone(), row.field.clone(), row.date));
    let told = values.and_then(|values| values.get(&row.known));
    if told.is_none_or(|value| value.to_bits() == row.value.to_bits()) {
        return row.clone();
    }
    let later = row.known.saturating_add(SignedDuration::from_nanos(1)).unwrap_or(row.known);
    Row { known: fetched.max(later), ..row.clone() }
}

/// Whether the value in effect at the row's time is another one; the row is entered when it is.
fn judge(places: &mut History, row: &Row) -> Change {
    let values = places.entry((row.symbol.clone(), row.field.clone(), row.date)).or_default();
    let before = values.range(..=row.known).next_back().map(|(_, value)| *value);
    match before {
        Some(value) if value.to_bits() == row.value.to_bits() => Change::Same,
        Some(_) => {
            values.insert(row.known, row.value);
            Change::Revised
        }
        None => {
            values.insert(row.known, row.value);
            Change::New
        }
    }
}

fn line(row: &Row, fetched: Timestamp) -> Result<String> {
    let Row { symbol, field, date, value, unit, known } = row.clone();
    Ok(serde_json::to_string(&Entry { symbol, field, date, value, unit, known, fetched })? + "\n")
}

/// Appends whole lines, after taking off one that a crash left without its end.
fn write(path: &Path, text: &[u8]) -> Result<()> {
    let mut file = fs::OpenOptions::new().create(true).read(true).append(true).open(path)?;
    let bytes = fs::read(path)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    if whole < bytes.len() {
        file.file().set_len(whole as u64)?;
    }
    file.write_all(text)?;
    file.file().sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(date: &str, value: f64, known: &str) -> Row {
        let (date, known) = (date.parse().unwrap(), known.parse().unwrap());
        Row { symbol: "A/B".into(), field: "adj_close".into(), date, value, unit: "USD".into(), known }
    }

    fn put(ledger: &mut Ledger, rows: Vec<Row>) -> Appended {
        let fetched = rows[0].known;
        let provenance = Provenance {
            provider: "p".into(),
            licence: "x".into(),
            redistribute: false,
            raw: Vec::new(),
            fetched,
        };
        let batch = Batch { rows, notes: Vec::new() };
        ledger.append("A/B", &batch, DataKind::Prices, &provenance).unwrap()
    }

    fn known(ledger: &Ledger, time: &str) -> Vec<f64> {
        let values = ledger.as_of("p", DataKind::Prices, "A/B", time.parse().unwrap()).unwrap();
        values.values().map(|fields| fields["adj_close"].0).collect()
    }

    #[test]
    fn a_revision_leaves_what_was_known_before() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::new(folder.path());
        put(
            &mut ledger,
            vec![
                row("2025-01-02", 1.0, "2025-01-03T00:00:00Z"),
                row("2025-01-03", 2.0, "2025-01-03T00:00:00Z"),
            ],
        );
        let again = vec![
            row("2025-01-02", 1.0, "2025-01-06T00:00:00Z"),
            row("2025-01-03", 2.5, "2025-01-06T00:00:00Z"),
        ];
        let appended = put(&mut ledger, again);
        assert_eq!(appended, Appended { new: 0, revised: 1, same: 1 });
        assert_eq!(known(&ledger, "2025-01-05T00:00:00Z"), [1.0, 2.0]);
        assert_eq!(known(&ledger, "2025-01-07T00:00:00Z"), [1.0, 2.5]);
        assert_eq!(known(&ledger, "2025-01-01T00:00:00Z"), [0.0; 0]);
        let held = ledger.held("p", DataKind::Prices, "A/B").unwrap().unwrap();
        assert_eq!((held.last, held.revisions), ("2025-01-03".parse().unwrap(), 1));
    }

    #[test]
    fn another_value_for_a_time_already_answered_is_a_revision() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::new(folder.path());
        put(&mut ledger, vec![row("2025-01-02", 1.0, "2025-01-03T00:00:00Z")]);
        let appended = put(&mut ledger, vec![row("2025-01-02", 1.5, "2025-01-03T00:00:00Z")]);
        assert_eq!(appended, Appended { new: 0, revised: 1, same: 0 });
        assert_eq!(known(&ledger, "2025-01-03T00:00:00Z"), [1.0]);
        assert_eq!(known(&ledger, "2025-01-03T00:00:01Z"), [1.5]);
        assert_eq!(ledger.held("p", DataKind::Prices, "A/B").unwrap().unwrap().revisions, 1);
    }

    #[test]
    fn a_torn_line_is_passed_over_and_healed() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::new(folder.path());
        put(&mut ledger, vec![row("2025-01-02", 1.0, "2025-01-03T00:00:00Z")]);
        let path = ledger.path("p", DataKind::Prices, "A/B");
        let mut torn = fs::read(&path).unwrap();
        torn.extend(b"{\"symbol\":\"A/B\",\"fie");
        shockbrief_core::fs::write_atomic(&path, &torn).unwrap();
        assert_eq!(known(&ledger, "2025-01-05T00:00:00Z"), [1.0]);
        put(&mut ledger, vec![row("2025-01-03", 2.0, "2025-01-06T00:00:00Z")]);
        assert_eq!(known(&ledger, "2025-01-07T00:00:00Z"), [1.0, 2.0]);
    }

    #[test]
    fn two_writers_at_once_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for day in 1..=8 {
                let mut ledger = Ledger::new(folder.path());
                scope.spawn(move || {
                    put(&mut ledger, vec![row(&format!("2025-01-0{day}"), 1.0, "2025-01-09T00:00:00Z")])
                });
            }
        });
        assert_eq!(known(&Ledger::new(folder.path()), "2025-01-10T00:00:00Z").len(), 8);
    }
}
