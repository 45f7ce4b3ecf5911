//! Publishing: all files of a period appear together, or the earlier ones stay.
//!
//! Files are written into a folder beside the destination; one exchange of names puts it in place. A run
//! that is killed leaves either the old folder or the new one, and perhaps a `.part-` folder that the next
//! run removes.

use anyhow::{Context, Result};
use fs_err as fs;
use shockbrief_core::brief::Manifest;
use shockbrief_core::{
    Brief, Class, Refusal,
    diff::{Diff, diff},
    names::refuse_link,
};
use shockbrief_run::{
    ledger,
    outputs::{self, Damaged},
    shard::Shard,
};
use std::{
    fs::{File, TryLockError},
    io::{Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

/// The output folder, held by this process alone.
pub struct Output {
    root: PathBuf,
    /// Where each lock lies, and the file that is locked.
    locks: Vec<(PathBuf, File)>,
}

/// How the output folder is taken.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lock {
    /// Shards of one run may work side by side; none holds the folder alone.
    pub shard: Option<Shard>,
    /// How long to wait for another run.
    pub wait: Option<Duration>,
}

/// How often a held lock is tried again.
const RETRY: Duration = Duration::from_millis(100);

/// A period as it is out.
pub struct Earlier {
    /// Its folder.
    pub folder: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
    /// Its twin.
    pub brief: Brief,
}

/// What a new twin has else; the counts of a revision's own note aside.
pub fn difference(before: &Brief, after: &Brief) -> Result<Diff> {
    // Both as they are read back: a number may lose its last bit on the way through a file.
    let after = serde_json::from_slice(&serde_json::to_vec(after)?)?;
    let mut diff = diff(before, &after);
    diff.changes.retain(|change| !change.figure.starts_with("revision."));
    Ok(diff)
}

/// A period's files before they are published.
pub struct Staged<'a> {
    output: &'a Output,
    folder: PathBuf,
    target: PathBuf,
}

impl Output {
    /// Refuses a place that cannot be an output folder.
    pub fn check(root: &Path) -> Result<()> {
        if root.exists() && !root.is_dir() {
            return Err(Refusal::config(format!("{} is not a folder", root.display()))
                .hint("name a folder with --out")
                .into());
        }
        Ok(())
    }

    /// Takes the folder alone, or refuses when another run has it.
    pub fn open(root: &Path) -> Result<Self> {
        Self::lock(root, Lock::default())
    }

    /// Takes the folder: alone, or as one shard beside others.
    pub fn lock(root: &Path, lock: Lock) -> Result<Self> {
        Self::check(root)?;
        fs::create_dir_all(root)?;
        let own = root.join(".lock");
        let mut locks = Vec::new();
        let shared = lock.shard.is_some();
        locks.push((own.clone(), take(&own, shared, lock.wait)?));
        if let Some(Shard { index, of }) = lock.shard {
            let part = root.join(format!(".lock-{index}-of-{of}"));
            locks.push((part.clone(), take(&part, false, lock.wait)?));
        }
        Ok(Self { root: root.to_owned(), locks })
    }

    /// Removes what killed runs left unfinished, also of periods that are made no more. Only for who holds the folder
    /// alone: a shard's neighbour may be at work.
    pub fn sweep(&self) -> Result<()> {
        if self.locks.len() > 1 {
            return Ok(());
        }
        for report in ledger::folders(&self.root)? {
            for entry in fs::read_dir(report)? {
                let entry = entry?;
                let name = entry.file_name();
                let unfinished =
                    name.to_string_lossy().strip_prefix('.').is_some_and(|n| n.contains(".part-"));
                if unfinished && entry.file_type()?.is_dir() {
                    fs::remove_dir_all(entry.path())?;
                }
            }
        }
        Ok(())
    }

    /// Refuses to go on in a folder that was removed or replaced: what is there now is not what is locked, and another
    /// run may hold it.
    pub fn still_held(&self) -> Result<()> {
        use std::os::unix::fs::MetadataExt;
        for (path, file) in &self.locks {
            let (there, held) = (fs::metadata(path), file.metadata()?);
            let same = there.is_ok_and(|there| (there.dev(), there.ino()) == (held.dev(), held.ino()));
            if !same {
                return Err(Refusal::new(
                    Class::Unforeseen,
                    format!("{} was removed or replaced during the run", self.root.display()),
                )
                .hint("leave the folder alone while a run holds it, then run again: what is missing is made")
                .into());
            }
        }
        Ok(())
    }

    /// Holds the archive of a folder, after any other that writes it now.
    pub fn archive_lock(root: &Path) -> Result<File> {
        take(&root.join(".lock-archive"), false, Some(Duration::from_secs(120)))
    }

    /// Where the files of a period lie.
    pub fn place(&self, slug: &str, period: &str) -> PathBuf {
        self.root.join(slug).join(period)
    }

    /// Puts back what a disk damaged of a period, where a kept revision has the same bytes, and tells of it; gives what
    /// stays damaged. Shards put nothing back: their neighbour may be publishing this very period.
    pub fn mend(&self, slug: &str, period: &str) -> Result<Vec<Damaged>> {
        let folder = self.place(slug, period);
        let path = folder.join("manifest.json");
        if !path.is_file() {
            return Ok(Vec::new());
        }
        let manifest = ledger::manifest(&path)?;
        manifest.belongs_to(slug, period)?;
        if self.locks.len() > 1 {
            return Ok(outputs::damaged(&folder, &manifest));
        }
        self.still_held()?;
        let (back, left) = outputs::restore(&folder, &manifest)?;
        for name in back {
            let file = folder.join(name);
            crate::tell(format!(
                "warning: {} was damaged and is put back from a kept revision",
                file.display()
            ));
        }
        Ok(left)
    }

    /// What a period has now.
    pub fn earlier(&self, slug: &str, period: &str) -> Result<Option<Earlier>> {
        let folder = self.place(slug, period);
        if !folder.join("manifest.json").is_file() {
            return Ok(None);
        }
        let manifest = ledger::manifest(&folder.join("manifest.json"))?;
        let twin = folder.join("brief.json");
        let brief = serde_json::from_slice(&fs::read(&twin)?)
            .with_context(|| format!("{} is no brief", twin.display()))?;
        Ok(Some(Earlier { folder, manifest, brief }))
    }

    /// An empty folder for the files of one period; earlier unfinished ones are removed.
    pub fn stage(&self, slug: &str, period: &str) -> Result<Staged<'_>> {
        self.still_held()?;
        let parent = self.root.join(slug);
        refuse_link(&parent)?;
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
    /// Keeps what the period has now as `rN` beside the new files; its own earlier ones stay.
    pub fn keep_earlier(&self, revision: u32) -> Result<()> {
        let kept = self.folder.join(format!("r{revision}"));
        fs::create_dir(&kept)?;
        for entry in fs::read_dir(&self.target)? {
            let entry = entry?;
            let name = entry.file_name();
            let old = name.to_string_lossy().strip_prefix('r').is_some_and(|n| n.parse::<u32>().is_ok());
            let to = if old { self.folder.join(&name) } else { kept.join(&name) };
            copy_tree(&entry.path(), &to)?;
        }
        Ok(())
    }

    /// Where to write.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Puts the folder in place of the earlier one and returns its path.
    pub fn publish(self) -> Result<PathBuf> {
        self.output.still_held()?;
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

/// Locks a file and writes into it who holds it. The kernel frees the lock when its holder dies, on this host
/// or on another that shares the folder: no lock is ever stale, and none is guessed to be.
fn take(path: &Path, shared: bool, wait: Option<Duration>) -> Result<File> {
    let mut file = open_plain(path)?;
    let mut left = wait.unwrap_or_default();
    loop {
        let tried = if shared { file.try_lock_shared() } else { file.try_lock() };
        match tried {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if left.is_zero() => return Err(held(path, &mut file).into()),
            Err(TryLockError::WouldBlock) => {
                std::thread::sleep(RETRY.min(left));
                left = left.saturating_sub(RETRY);
            }
            Err(TryLockError::Error(error)) => {
                return Err(anyhow::Error::from(error).context(format!("cannot lock {}", path.display())));
            }
        }
    }
    if !shared {
        // Only told to the loser: a full disk must not keep a run from starting.
        let _ = file.set_len(0).and_then(|()| write!(file, "process {} on {}", std::process::id(), host()));
    }
    Ok(file)
}

/// Opens or makes a file at this very place: what a link leads to is somebody else's, and nothing is written there.
fn open_plain(path: &Path) -> Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    refuse_link(path)?;
    let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let mut options = File::options();
    options.create(true).truncate(false).read(true).write(true).custom_flags(flags);
    options.open(path).with_context(|| format!("cannot write {}", path.display()))
}

fn held(path: &Path, file: &mut File) -> Refusal {
    let mut holder = String::new();
    let known = file.read_to_string(&mut holder).is_ok() && !holder.is_empty();
    let holder = if known { format!(" ({holder})") } else { String::new() };
    Refusal::new(Class::Locked, format!("another run holds {}{holder}", path.display()))
        .hint("wait for it to end with --wait 5m, or choose another folder with --out")
}

fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "a host without name".to_owned() } else { name.trim().to_owned() }
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

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        fs::copy(from, to)?;
        return Ok(());
    }
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy_tree(&entry.path(), &to.join(entry.file_name()))?;
    }
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
