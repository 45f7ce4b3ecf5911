//! The list of a store's segments, replaced as a whole.
//!
//! It carries a digest of itself, and a copy of it lies beside it. Refuses a list that cannot be read, that is not what
//! its digest says, that is of a later version, that names files outside its folder, or that is missing where segments
//! lie: without it nobody knows which rows count.

use anyhow::{Context, Result};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use shockbrief_core::{
    Refusal,
    fs::{sha256, write_swapped},
    names::is_plain,
};
use std::{
    collections::BTreeSet,
    io::{ErrorKind, Write},
    path::Path,
};

/// Name of the list.
pub const MANIFEST: &str = "manifest.json";
/// Name of its copy.
pub(super) const BACKUP: &str = "manifest.backup.json";
/// Name of the next list until it counts.
pub(super) const NEXT: &str = "manifest.json.tmp";
/// Lists of version 1 carry no digest.
const SCHEMA: u32 = 2;

/// The share of symbols that a segment holds: those whose hash leaves this remainder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The remainder.
    pub index: u64,
    /// The number of parts, a power of two.
    pub of: u64,
}

impl Part {
    /// Whether a symbol belongs to it.
    #[must_use]
    pub fn holds(self, symbol: &str) -> bool {
        super::hash(symbol) % self.of == self.index
    }
}

/// One file of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// File name.
    pub file: String,
    /// Number of rows.
    pub rows: u64,
    /// Size of the file.
    pub bytes: u64,
    /// Digest of the file.
    pub sha256: String,
    /// First date.
    pub first_date: Date,
    /// Last date.
    pub last_date: Date,
    /// First symbol.
    pub first_symbol: String,
    /// Last symbol.
    pub last_symbol: String,
    /// Its part of the symbols; none for appended rows that were not merged into parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
}

impl Segment {
    /// Whether it may hold rows of a symbol.
    pub(super) fn may_hold(&self, symbol: &str) -> bool {
        self.first_symbol.as_str() <= symbol
            && symbol <= self.last_symbol.as_str()
            && self.part.is_none_or(|part| part.holds(symbol))
    }
}

/// All segments of a state of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub schema: u32,
    /// Rises with every change; names of new files begin with it.
    pub generation: u64,
    pub segments: Vec<Segment>,
    /// Files that the last compaction merged: kept for readers of the state before.
    pub retired: Vec<String>,
    /// Files of the compaction before, which nobody reads any more; the next writer takes them away.
    #[serde(default)]
    pub dropped: Vec<String>,
    /// SHA-256 of this list without this line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

impl Manifest {
    /// A list of the present version.
    pub fn new(generation: u64, segments: Vec<Segment>, retired: Vec<String>, dropped: Vec<String>) -> Self {
        Self { schema: SCHEMA, generation, segments, retired, dropped, sha256: None }
    }

    /// Reads the list of a folder; without one and without segments the store is empty.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(MANIFEST);
        let bytes = match fs_err::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let empty = Self::new(0, Vec::new(), Vec::new(), Vec::new());
                return match empty.unlisted(folder)?.as_slice() {
                    [] => Ok(empty),
                    files => Err(lost(&path, files).into()),
                };
            }
            other => other?,
        };
        Self::parse(&path, &bytes)
    }

    /// Reads a list from its bytes.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        let damaged = |what: &str| Refusal::data(format!("{}: damaged: {what}", path.display())).hint(REPAIR);
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| damaged(&error.to_string()))?;
        if manifest.schema == 0 || manifest.schema > SCHEMA {
            return Err(Refusal::data(format!("{}: schema {}", path.display(), manifest.schema))
                .hint(format!("this version reads schema {SCHEMA}: use the version that wrote it"))
                .into());
        }
        if manifest.schema > 1 && manifest.sha256.as_ref() != Some(&manifest.digest()?) {
            return Err(damaged("its SHA-256 is not the one that it carries").into());
        }
        let plain = |name: &&String| is_plain(name) && name.ends_with(".parquet");
        let foreign = |part: &Part| !part.of.is_power_of_two() || part.index >= part.of;
        let parts = manifest.segments.iter().filter_map(|segment| segment.part.as_ref());
        if !manifest.files().all(|name| plain(&name)) || parts.into_iter().any(foreign) {
            return Err(damaged("not a list that fetch wrote").into());
        }
        Ok(manifest)
    }

    /// The digest of the list without its own.
    fn digest(&self) -> Result<String> {
        Ok(sha256(&serde_json::to_vec(&Self { sha256: None, ..self.clone() })?))
    }

    /// All files that it names.
    fn files(&self) -> impl Iterator<Item = &String> {
        self.segments.iter().map(|segment| &segment.file).chain(&self.retired).chain(&self.dropped)
    }

    /// Files of rows in a folder that it does not name.
    pub fn unlisted(&self, folder: &Path) -> Result<Vec<String>> {
        let named: BTreeSet<&str> = self.files().map(String::as_str).collect();
        let mut found: Vec<String> = names(folder)?
            .into_iter()
            .filter(|name| name.ends_with(".parquet") && !named.contains(name.as_str()))
            .collect();
        found.sort();
        Ok(found)
    }

    /// Writes this list beside the one that counts; it is on the disk when this returns.
    pub fn prepare(&self, folder: &Path) -> Result<()> {
        let whole = Self { schema: SCHEMA, sha256: None, ..self.clone() };
        let whole = Self { sha256: Some(whole.digest()?), ..whole };
        let mut file = fs_err::File::create(folder.join(NEXT))?;
        file.write_all(&serde_json::to_vec_pretty(&whole)?)?;
        file.sync_all()?;
        Ok(())
    }

    /// Puts the prepared list in the place of the one before, and a copy beside it; after a crash one of the two is
    /// there, whole.
    pub fn commit(folder: &Path) -> Result<()> {
        // The segments' names must be on the disk before the list that holds them.
        sync(folder)?;
        fs_err::rename(folder.join(NEXT), folder.join(MANIFEST))?;
        sync(folder)?;
        write_swapped(&folder.join(BACKUP), &fs_err::read(folder.join(MANIFEST))?)
    }

    /// Another list of the folder, such as the copy; none where it is missing or damaged.
    pub fn other(folder: &Path, name: &str) -> Option<Self> {
        let path = folder.join(name);
        Self::parse(&path, &fs_err::read(&path).ok()?).ok()
    }

    /// Refuses a list that is older than its copy: what came since would be lost.
    pub fn refuse_older(&self, folder: &Path) -> Result<(), Refusal> {
        match Self::other(folder, BACKUP).filter(|copy| copy.generation > self.generation) {
            None => Ok(()),
            Some(copy) => Err(Refusal::data(format!(
                "{}: generation {}, older than that of its copy {BACKUP}, {}",
                folder.join(MANIFEST).display(),
                self.generation,
                copy.generation
            ))
            .hint(REPAIR)),
        }
    }
}

const REPAIR: &str =
    "`fetch --repair-store` restores the list from its copy or from the segments, which are left as they are";

fn lost(path: &Path, files: &[String]) -> Refusal {
    let first = files.first().map(String::as_str).unwrap_or_default();
    Refusal::data(format!(
        "{} is missing, and {} segments lie there, the first {first}",
        path.display(),
        files.len()
    ))
    .hint(REPAIR)
}

/// Refuses to write where files of rows lie that no list names.
pub(super) fn refuse_unlisted(folder: &Path, files: &[String]) -> Result<(), Refusal> {
    match files {
        [] => Ok(()),
        files => Err(Refusal::data(format!(
            "{}: segments that the list does not name: {}",
            folder.display(),
            files.join(", ")
        ))
        .hint(REPAIR)),
    }
}

/// Names in a folder; none where it is missing.
pub(super) fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs_err::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let name = |entry: std::io::Result<fs_err::DirEntry>| Ok(entry?.file_name().into_string().ok());
    entries.filter_map(|entry| name(entry).transpose()).collect()
}

/// Makes names in a folder outlast a crash of the machine.
pub(super) fn sync(folder: &Path) -> Result<()> {
    if cfg!(unix) {
        fs_err::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Makes a folder and its parents, each of them on the disk.
pub(super) fn make_folder(folder: &Path) -> Result<()> {
    let folder = std::path::absolute(folder)?;
    let missing: Vec<&Path> = folder.ancestors().take_while(|path| !path.is_dir()).collect();
    fs_err::create_dir_all(&folder)?;
    for path in missing {
        sync(path.parent().context("the root of the file system is missing")?)?;
    }
    Ok(())
}
