//! Folders in which documents are typeset, and the removal of those that a killed run left behind.
//!
//! Each folder holds a file that its process keeps locked. The kernel frees the lock when the process dies, however it
//! dies, so that a folder whose lock can be had belongs to nobody any more; no age has to be guessed.

use anyhow::{Context, Result};
use std::{fs::File, path::Path};

/// How the folders' names begin.
const PREFIX: &str = "shockbrief-";
/// The locked file in each.
const LOCK: &str = ".lock";

/// A folder of this process, removed when dropped.
pub(crate) struct WorkFolder {
    folder: tempfile::TempDir,
    /// Held as long as the folder is used.
    _lock: File,
}

impl WorkFolder {
    /// An empty folder among the system's temporary files.
    pub fn new() -> Result<Self> {
        let made = tempfile::Builder::new().prefix(PREFIX).tempdir();
        let folder = made.with_context(|| {
            format!("cannot make a work folder in {}, which TMPDIR names", std::env::temp_dir().display())
        })?;
        let lock = fs_err::File::create_new(folder.path().join(LOCK))?;
        lock.file().try_lock().context("cannot lock a work folder")?;
        Ok(Self { folder, _lock: lock.into_parts().0 })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes the folders of processes that are no more; what cannot be removed is left to the system.
pub fn sweep() {
    sweep_in(&std::env::temp_dir());
}

fn sweep_in(place: &Path) {
    for entry in fs_err::read_dir(place).into_iter().flatten().flatten() {
        let own = entry.file_name().to_string_lossy().starts_with(PREFIX);
        // A link is not followed: what it leads to is not ours.
        if own && entry.file_type().is_ok_and(|kind| kind.is_dir()) && abandoned(&entry.path()) {
            let _ = fs_err::remove_dir_all(entry.path());
        }
    }
}

/// Whether the folder has a lock that nobody holds. One without lock is being made, or is not ours.
fn abandoned(folder: &Path) -> bool {
    let lock = folder.join(LOCK);
    let plain = fs_err::symlink_metadata(&lock).is_ok_and(|lock| lock.is_file());
    plain && File::open(lock).is_ok_and(|lock| lock.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_holds_is_removed() {
        let place = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let folder = place.path().join(name);
            fs_err::create_dir(&folder).unwrap();
            fs_err::write(folder.join("main.typ"), b"x").unwrap();
            folder
        };
        let [held, left, young, foreign] =
            ["shockbrief-held", "shockbrief-left", "shockbrief-young", "other-left"].map(make);
        let lock = |folder: &Path| fs_err::File::create(folder.join(LOCK)).unwrap().into_parts().0;
        let holder = lock(&held);
        holder.lock().unwrap();
        drop((lock(&left), lock(&foreign)));
        std::os::unix::fs::symlink(&foreign, place.path().join("shockbrief-link")).unwrap();
        sweep_in(place.path());
        let there = [held, left, young, foreign].map(|folder| folder.join("main.typ").is_file());
        assert_eq!(there, [true, false, true, true]);
    }
}
