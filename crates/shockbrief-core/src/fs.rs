//! Reading and writing files: errors name the path, writes are whole or absent.

use anyhow::{Context, Result};
use fs_err::os::unix::fs::OpenOptionsExt;
use sha2::{Digest, Sha256};
use std::{
    io::{Read, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

/// Reads a text file; the error names the path.
///
/// # Errors
/// When the file cannot be read or is not UTF-8.
pub fn read_text(path: &Path) -> Result<String> {
    if let Some((_, text)) = crate::house::find(path) {
        return Ok(text.to_owned());
    }
    let bytes = plain(path, LONGEST_TEXT)?;
    String::from_utf8(bytes).map_err(|error| {
        let line =
            error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
        crate::Refusal::config(format!("{}:{line}: not UTF-8", path.display()))
            .hint("save the file as UTF-8")
            .into()
    })
}

/// Bytes of a text that people write or a brief holds; a longer one would fill the memory before it were refused.
const LONGEST_TEXT: u64 = 256 << 20;

/// The bytes of an ordinary file of at most so many; a device or a pipe might never end.
fn plain(path: &Path, most: u64) -> Result<Vec<u8>> {
    ordinary(path)?;
    let file = fs_err::File::open(path)?;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).with_context(|| format!("cannot read {}", path.display()))?;
    if bytes.len() as u64 > most {
        return Err(crate::Refusal::config(format!("{}: more than {} MB", path.display(), most >> 20))
            .hint("name another file, or divide this one")
            .into());
    }
    Ok(bytes)
}

/// Refuses what is there and no file.
fn ordinary(path: &Path) -> Result<()> {
    let kind = fs_err::metadata(path)?.file_type();
    if kind.is_file() {
        return Ok(());
    }
    let what = if kind.is_dir() { "a folder" } else { "a device or a pipe" };
    Err(crate::Refusal::config(format!("{}: this is {what}, not a file", path.display()))
        .hint("put an ordinary file there")
        .into())
}

/// SHA-256 of a file in hexadecimal.
///
/// # Errors
/// When the file cannot be read.
pub fn sha256_file(path: &Path) -> Result<String> {
    ordinary(path)?;
    let mut file = fs_err::File::open(path)?;
    let mut hasher = Sha256::new();
    std::io::copy(&mut file, &mut hasher).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(hex(&hasher.finalize()))
}

/// SHA-256 of bytes in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a file beside its destination, syncs it and renames it into place.
///
/// # Errors
/// When the folder is not writable or the disk is full; the earlier file stays as it was.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let file = beside(path, bytes, PUBLIC)?;
    file.as_file().sync_all().with_context(|| format!("cannot write {}", path.display()))?;
    file.persist(path).with_context(|| format!("cannot rename into {}", path.display()))?;
    Ok(())
}

/// Writes a file beside its destination and renames it into place without waiting for the disk: readers see the old
/// one or the new one, and after a loss of power perhaps neither. For what the next run writes again anyway.
///
/// # Errors
/// When the folder is not writable or the disk is full; the earlier file stays as it was.
pub fn write_swapped(path: &Path, bytes: &[u8]) -> Result<()> {
    let file = beside(path, bytes, PUBLIC)?;
    file.persist(path).with_context(|| format!("cannot rename into {}", path.display()))?;
    Ok(())
}

/// The widest mode of what is not for everybody: ledgers, records of runs, receipts, raw answers.
const PRIVATE: u32 = 0o640;

/// As [`write_atomic`], readable by the owner and the folder's group alone; umask may narrow it further.
///
/// # Errors
/// As [`write_atomic`].
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let file = beside(path, bytes, PRIVATE)?;
    file.as_file().sync_all().with_context(|| format!("cannot write {}", path.display()))?;
    file.persist(path).with_context(|| format!("cannot rename into {}", path.display()))?;
    Ok(())
}

/// As [`write_swapped`], readable by the owner and the folder's group alone; umask may narrow it further.
///
/// # Errors
/// As [`write_swapped`].
pub fn write_swapped_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let file = beside(path, bytes, PRIVATE)?;
    file.persist(path).with_context(|| format!("cannot rename into {}", path.display()))?;
    Ok(())
}

/// Opens a file to read it and to add to its end, made where it is missing; it is never readable by everybody, also
/// where an earlier version made it so.
///
/// # Errors
/// A symbolic link, or a file that cannot be opened.
pub fn open_private(path: &Path) -> Result<fs_err::File> {
    open_mode(path, fs_err::OpenOptions::new().append(true))
}

/// As [`open_private`], to read it and to write it anew.
///
/// # Errors
/// As [`open_private`].
pub fn open_private_anew(path: &Path) -> Result<fs_err::File> {
    open_mode(path, fs_err::OpenOptions::new().write(true).truncate(false))
}

fn open_mode(path: &Path, options: &mut fs_err::OpenOptions) -> Result<fs_err::File> {
    crate::names::refuse_link(path)?;
    let file = options.create(true).read(true).mode(PRIVATE).open(path)?;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & !PRIVATE != 0 {
        // Another owner's file stays as that owner chose.
        drop(file.set_permissions(std::fs::Permissions::from_mode(mode & PRIVATE)));
    }
    Ok(file)
}

/// The mode of what anybody may read, where umask lets them.
const PUBLIC: u32 = 0o666;

fn beside(path: &Path, bytes: &[u8], mode: u32) -> Result<tempfile::NamedTempFile> {
    // A bare name has an empty parent.
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or_else(|| Path::new("."));
    fs_err::create_dir_all(folder)?;
    // Readable as any new file is, where a temporary one would be its owner's alone: others collect what is told.
    let mut file = tempfile::Builder::new()
        .permissions(std::fs::Permissions::from_mode(mode))
        .tempfile_in(folder)
        .with_context(|| format!("cannot write in {}", folder.display()))?;
    file.write_all(bytes).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_file_is_as_readable_as_any_other() {
        let folder = tempfile::tempdir().unwrap();
        let [plain, atomic] = ["plain", "atomic"].map(|name| folder.path().join(name));
        fs_err::File::create(&plain).unwrap();
        write_atomic(&atomic, b"x").unwrap();
        let mode = |path: &Path| fs_err::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&atomic), mode(&plain));
    }

    #[test]
    fn what_is_not_for_everybody_is_never_wider_than_its_group() {
        let folder = tempfile::tempdir().unwrap();
        let [whole, swapped, grown, old, link] =
            ["whole", "swapped", "grown", "old", "link"].map(|name| folder.path().join(name));
        write_private(&whole, b"x").unwrap();
        write_swapped_private(&swapped, b"x").unwrap();
        open_private(&grown).unwrap().write_all(b"x").unwrap();
        // As an earlier version left it.
        fs_err::write(&old, b"x").unwrap();
        fs_err::set_permissions(&old, std::fs::Permissions::from_mode(0o666)).unwrap();
        open_private(&old).unwrap().write_all(b"y").unwrap();
        for path in [&whole, &swapped, &grown, &old] {
            let mode = fs_err::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode & !PRIVATE, 0, "{}: {mode:o}", path.display());
        }
        assert_eq!(fs_err::read(&old).unwrap(), b"xy");
        std::os::unix::fs::symlink(&old, &link).unwrap();
        assert!(open_private(&link).unwrap_err().to_string().contains("symbolic link"));
    }
}
