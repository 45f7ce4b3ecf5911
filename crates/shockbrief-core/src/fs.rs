//! Reading and writing files: errors name the path, writes are whole or absent.

use anyhow::{Context, Result};
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
    let file = beside(path, bytes)?;
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
    let file = beside(path, bytes)?;
    file.persist(path).with_context(|| format!("cannot rename into {}", path.display()))?;
    Ok(())
}

fn beside(path: &Path, bytes: &[u8]) -> Result<tempfile::NamedTempFile> {
    // A bare name has an empty parent.
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or_else(|| Path::new("."));
    fs_err::create_dir_all(folder)?;
    // Readable as any new file is, where a temporary one would be its owner's alone: others collect what is told.
    let mut file = tempfile::Builder::new()
        .permissions(std::fs::Permissions::from_mode(0o666))
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
}
