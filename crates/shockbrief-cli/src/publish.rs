//! Publishing: all files of a period appear together, or the earlier ones stay.
//!
//! Files are written into a folder beside the destination; one exchange of names puts it in place. A run
//! that is killed leaves either the old folder or the new one, and perhaps a `.part-` folder that the next
//! run removes.

use anyhow::{Context, Result};
use fs_err as fs;
use shockbrief_core::{Class, Refusal};
use std::path::{Path, PathBuf};

/// The output folder, held by this process alone.
pub struct Output {
    root: PathBuf,
    _lock: std::fs::File,
}

/// A period's files before they are published.
pub struct Staged<'a> {
    output: &'a Output,
    folder: PathBuf,
    target: PathBuf,
}

impl Output {
    /// Takes the folder's lock, or refuses when another run has it.
    pub fn open(root: &Path) -> Result<Self> {
        fs::create_dir_all(root)?;
        let path = root.join(".lock");
        let lock =
            std::fs::File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        lock.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => anyhow::Error::from(
                Refusal::new(Class::Locked, format!("another run holds {}", path.display()))
                    .hint("wait for it to end, or choose another folder with --out"),
            ),
            std::fs::TryLockError::Error(error) => {
                anyhow::Error::from(error).context(format!("cannot lock {}", path.display()))
            }
        })?;
        Ok(Self { root: root.to_owned(), _lock: lock })
    }

    /// An empty folder for the files of one period; earlier unfinished ones are removed.
    pub fn stage(&self, slug: &str, period: &str) -> Result<Staged<'_>> {
        let parent = self.root.join(slug);
        fs::create_dir_all(&parent)?;
        let target = parent.join(period);
        // Left by a run that ended between the two renames of `exchange`.
        let aside = parent.join(format!(".{period}.old"));
        if aside.exists() && !target.exists() {
            fs::rename(&aside, &target)?;
        }
        let prefix = format!(".{period}.part-");
        for entry in fs::read_dir(&parent)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        let folder = parent.join(format!("{prefix}{}", std::process::id()));
        fs::create_dir(&folder)?;
        Ok(Staged { output: self, folder, target })
    }
}

impl Staged<'_> {
    /// Where to write.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Puts the folder in place of the earlier one and returns its path.
    pub fn publish(self) -> Result<PathBuf> {
        sync_tree(&self.folder)?;
        if self.target.exists() {
            exchange(&self.folder, &self.target)?;
            fs::remove_dir_all(&self.folder)?;
        } else {
            fs::rename(&self.folder, &self.target)?;
        }
        fs::File::open(self.target.parent().unwrap_or(&self.output.root))?.sync_all()?;
        Ok(self.target.clone())
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        // After publishing the folder is gone; on an error it is only a remainder.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Swaps two folders in one step where the system can, else in two renames.
fn exchange(new: &Path, old: &Path) -> Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    if renameat_with(CWD, new, CWD, old, RenameFlags::EXCHANGE).is_ok() {
        return Ok(());
    }
    let aside = new.with_extension("old");
    fs::rename(old, &aside)?;
    if let Err(error) = fs::rename(new, old) {
        fs::rename(&aside, old)?;
        return Err(error.into());
    }
    fs::rename(&aside, new)?;
    Ok(())
}

fn sync_tree(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sync_tree(&path)?;
        } else {
            fs::File::open(&path)?.sync_all()?;
        }
    }
    fs::File::open(folder)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn an_exchange_cut_short_is_healed() {
        let root = tempfile::tempdir().unwrap();
        let aside = root.path().join("brief/.2025-01.old");
        fs::create_dir_all(&aside).unwrap();
        fs::create_dir_all(root.path().join("brief/.2025-01.part-1")).unwrap();
        let output = Output::open(root.path()).unwrap();
        let staged = output.stage("brief", "2025-01").unwrap();
        assert!(root.path().join("brief/2025-01").is_dir() && !aside.exists());
        let published = staged.publish().unwrap();
        assert_eq!(fs::read_dir(published.parent().unwrap()).unwrap().count(), 1);
    }
}
