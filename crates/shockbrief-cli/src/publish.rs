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
        let prefix = format!(".{period}.part-");
        for entry in fs::read_dir(&parent)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        let folder = parent.join(format!("{prefix}{}", std::process::id()));
        fs::create_dir(&folder)?;
        Ok(Staged { output: self, folder, target: parent.join(period) })
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
        sync_tree(self.target.parent().unwrap_or(&self.output.root))?;
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
        if path.is_file() {
            fs::File::open(&path)?.sync_all()?;
        }
    }
    fs::File::open(folder)?.sync_all()?;
    Ok(())
}
