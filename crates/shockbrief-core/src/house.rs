//! The house's configuration, carried by the program: a desk needs only the files that differ.
//!
//! A file of the configuration folder that is not on disk is the house's, of the same name. It is shown as
//! `house:universe.yaml` in messages; `eject` writes it into the desk for whoever wants to change it.

use anyhow::Result;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::OnceLock,
};

/// A file: its path within the configuration folder, and its text.
pub type File = (&'static str, &'static str);

/// What stands before the name of a file that the program carries.
pub const PREFIX: &str = "house:";

struct House {
    files: &'static [File],
    root: PathBuf,
}

static HOUSE: OnceLock<House> = OnceLock::new();

/// Takes these files for those that are not below the configuration folder `root`. The first call counts.
pub fn install(files: &'static [File], root: &Path) {
    // A second command line within one process is none of ours.
    drop(HOUSE.set(House { files, root: root.to_owned() }));
}

/// The house's file for a path below the configuration folder, where the desk has none of its own.
#[must_use]
pub fn find(path: &Path) -> Option<File> {
    let house = HOUSE.get()?;
    let name = path.strip_prefix(&house.root).ok()?;
    if path.exists() {
        return None;
    }
    house.files.iter().find(|(file, _)| Path::new(file) == name).copied()
}

/// All files that the program carries.
#[must_use]
pub fn files() -> &'static [File] {
    HOUSE.get().map_or(&[], |house| house.files)
}

/// Whether a file is there, on disk or in the house.
#[must_use]
pub fn is_file(path: &Path) -> bool {
    path.is_file() || find(path).is_some()
}

/// The path as messages show it.
#[must_use]
pub fn shown(path: &Path) -> PathBuf {
    find(path).map_or_else(|| path.to_owned(), |(name, _)| PathBuf::from(format!("{PREFIX}{name}")))
}

/// Everything in a folder, what the house has there among it, in order; nothing where there is no such folder.
fn entries(folder: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    if folder.is_dir() {
        for entry in fs_err::read_dir(folder)? {
            found.insert(entry?.path());
        }
    }
    let house = HOUSE.get().and_then(|house| Some((house, folder.strip_prefix(&house.root).ok()?)));
    if let Some((house, below)) = house {
        let names = house.files.iter().filter_map(|(name, _)| Path::new(name).strip_prefix(below).ok());
        found.extend(names.filter_map(|name| name.components().next()).map(|first| folder.join(first)));
    }
    Ok(found)
}

/// Folders of a folder, those of the house among them, in order.
///
/// # Errors
/// A folder that cannot be read.
pub fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let found = entries(folder)?.into_iter();
    Ok(found.filter(|path| !path.is_file() && find(path).is_none()).collect())
}

/// Files of a folder with this ending, those of the house among them, in order; none where there is no such folder.
///
/// # Errors
/// A folder that cannot be read.
pub fn list(folder: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let mut found = entries(folder)?;
    found.retain(|path| path.extension().is_some_and(|found| found == ending));
    Ok(found.into_iter().collect())
}
