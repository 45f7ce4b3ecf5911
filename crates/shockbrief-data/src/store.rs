//! What was fetched and when it was known: an append-only store of values in immutable Parquet files.
//!
//! A row holds one value with two times: the date it is for and since when it is known. Nothing is rewritten: a
//! revision is a later row. A folder holds segments (Parquet, sorted by symbol, field, date and time known), a
//! `manifest.json` that lists them with sizes and digests and carries a digest of itself, a copy of it, and a `lock`.
//!
//! An append writes one new segment under a name of its own, syncs it, writes the new list beside the old one, gives the
//! segment its name and only then puts the new list in the place of the old one. There is no log in front of it: a log
//! would be a second form of the same rows, with a reader, a repair and a hand-over of its own, to save a file of a few
//! kilobytes per answer. A crash at any byte leaves the old list, and perhaps a finished new one beside it, which the
//! next writer puts in its place, or an unfinished one, which it takes away with its segments. A segment that no list
//! names is nothing that a crash leaves: writing stops there, since a lost or older list would have it written over.
//!
//! Bytes are trusted no longer than they were compared: each segment that a query reads is compared with its digest
//! once for each state of the file in a process.
//!
//! Writers take turns by `flock`. Readers need no lock: they read one manifest and its segments, and begin again when
//! a segment went away under a newer manifest; segments that were merged stay for one more compaction.
//!
//! Small segments are merged sixteen at a time; above four million unmerged rows all is merged into parts, by a hash
//! of the symbol, so that memory stays that of one part. It refuses a segment that is not what the manifest says.

mod fold;
mod learn;
mod manifest;
mod repair;
mod scan;
mod segment;
mod view;
mod write;

pub use fold::{Chosen, Latest, Line, Point};
pub use learn::{Learnt, learn};
pub use manifest::{MANIFEST, Part, Segment};
pub use scan::{Ask, Snapshot};
pub use write::Writer;

pub(crate) use scan::among;
pub(crate) use view::{table, view};

use anyhow::Result;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use std::path::{Path, PathBuf};

/// One value as it was told.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// What kind of data, such as `prices`.
    pub kind: String,
    /// What was asked for: the symbol, or a list that holds many symbols.
    pub subject: String,
    /// Whose value it is.
    pub symbol: String,
    /// What is measured.
    pub field: String,
    /// The date the value is for.
    pub date: Date,
    /// Since when it is known, in whole microseconds.
    pub known: Timestamp,
    /// When it was fetched, in whole microseconds.
    pub fetched: Timestamp,
    /// The value; not a number where the provider withdrew what it had told.
    pub value: f64,
    /// Its unit.
    pub unit: String,
    /// Who told it.
    pub provider: String,
}

/// A store's folder.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

/// Attempts to read while writers replace what is read.
const ATTEMPTS: usize = 5;

impl Store {
    /// The store in a folder; one that does not exist is empty.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Reads one state of the store.
    ///
    /// # Errors
    /// A damaged manifest, or what `read` gives; where a newer manifest came meanwhile, `read` is called again.
    pub fn read<T>(&self, read: impl Fn(&Snapshot) -> Result<T>) -> Result<T> {
        let mut attempt = 1;
        loop {
            let snapshot = Snapshot::open(&self.folder)?;
            match snapshot.check().and_then(|()| read(&snapshot)) {
                Err(_) if attempt < ATTEMPTS && snapshot.is_past() => attempt += 1,
                result => return result,
            }
        }
    }

    /// Takes the turn to write, waiting for another writer to end.
    ///
    /// # Errors
    /// A folder that cannot be made or locked, or a damaged manifest.
    pub fn writer(&self) -> Result<Writer> {
        Writer::open(&self.folder)
    }
}

/// The last microsecond of a day in UTC: what was known then is what a brief of that as-of date may use.
///
/// # Errors
/// A date at the end of time.
pub fn end_of(day: Date) -> Result<Timestamp> {
    Ok(TimeZone::UTC.to_timestamp(day.at(23, 59, 59, 999_999_000))?)
}

/// FNV-1a, 64 bits: the same on every machine and in every version.
fn hash(symbol: &str) -> u64 {
    symbol
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
