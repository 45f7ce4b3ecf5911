//! The list of a store's segments, replaced as a whole.
//!
//! Refuses a list that cannot be read, that is of a later version, or that names files outside its folder.

use anyhow::{Context, Result};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use shockbrief_core::Refusal;
use std::{io::ErrorKind, io::Write, path::Path};

/// Name of the list.
pub const MANIFEST: &str = "manifest.json";
const SCHEMA: u32 = 1;

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
}

impl Manifest {
    /// Reads the list of a folder; without one the store is empty.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(MANIFEST);
        let bytes = match fs_err::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Self { schema: SCHEMA, generation: 0, segments: Vec::new(), retired: Vec::new() });
            }
            other => other?,
        };
        let manifest: Self = serde_json::from_slice(&bytes).map_err(|error| {
            Refusal::data(format!("{}: damaged: {error}", path.display())).hint(
                "restore the folder from a backup, or move it away and fetch again; \
                 the rows themselves lie in the Parquet files beside it",
            )
        })?;
        if manifest.schema != SCHEMA {
            return Err(Refusal::data(format!("{}: schema {}", path.display(), manifest.schema))
                .hint(format!("this version reads schema {SCHEMA}: use the version that wrote it"))
                .into());
        }
        let plain = |name: &&String| !name.contains(['/', '\\']) && name.ends_with(".parquet");
        let foreign = |part: &Part| !part.of.is_power_of_two() || part.index >= part.of;
        let mut files = manifest.segments.iter().map(|segment| &segment.file).chain(&manifest.retired);
        if !files.all(|name| plain(&name))
            || manifest.segments.iter().filter_map(|s| s.part.as_ref()).any(foreign)
        {
            return Err(Refusal::data(format!("{}: damaged: not a list that fetch wrote", path.display()))
                .hint("restore the folder from a backup, or move it away and fetch again")
                .into());
        }
        Ok(manifest)
    }

    /// Puts this list in the place of the one before; after a crash one of the two is there, whole.
    pub fn replace(&self, folder: &Path) -> Result<()> {
        let temporary = folder.join(format!("{MANIFEST}.tmp"));
        let mut file = fs_err::File::create(&temporary)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.sync_all()?;
        // The segments' names must be on the disk before the list that holds them.
        sync(folder)?;
        fs_err::rename(&temporary, folder.join(MANIFEST))?;
        sync(folder)
    }
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
