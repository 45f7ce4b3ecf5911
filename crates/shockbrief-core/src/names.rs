//! Names that come from files and become names of files of ours.
//!
//! A plain name is one file's name in its folder. A path stays inside when it has plain names alone: no `..`, no root,
//! no drive. What lies at such a path must be a file or folder of its own, not a link to something else.

use crate::Refusal;
use serde::{Deserialize, Deserializer, de::Error};
use std::{collections::BTreeMap, path::Path};

/// Bytes of a file's name that file systems take.
const LONGEST: usize = 255;

/// Whether a text is the name of one visible file or folder.
#[must_use]
pub fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= LONGEST
        && !name.starts_with('.')
        && !name.contains(['/', '\\', ':'])
        && !name.chars().any(char::is_control)
}

/// Whether a relative path with slashes stays inside its folder.
#[must_use]
pub fn stays_inside(path: &str) -> bool {
    path.split('/').all(is_plain)
}

/// Refuses a link, or a path that goes through one below a folder: its target may lie anywhere.
///
/// # Errors
/// Names the link; what is not there is no link.
pub fn refuse_links(folder: &Path, path: &str) -> Result<(), Refusal> {
    let mut at = folder.to_owned();
    for name in path.split('/') {
        at.push(name);
        refuse_link(&at)?;
    }
    Ok(())
}

/// Refuses a link.
///
/// # Errors
/// Names it; what is not there is no link.
pub fn refuse_link(path: &Path) -> Result<(), Refusal> {
    match fs_err::symlink_metadata(path) {
        Ok(found) if found.file_type().is_symlink() => {
            Err(Refusal::data(format!("{} is a symbolic link", path.display()))
                .hint("put the file or folder itself there: links are not followed, they may lead anywhere"))
        }
        _ => Ok(()),
    }
}

/// A plain name as it is read from a file.
///
/// # Errors
/// A text that is no plain name.
pub(crate) fn plain<'de, D: Deserializer<'de>>(input: D) -> Result<String, D::Error> {
    let name = String::deserialize(input)?;
    if is_plain(&name) { Ok(name) } else { Err(D::Error::custom(format!("`{name}` is no name of a file"))) }
}

/// Texts by path, each of which stays inside, as they are read from a file.
///
/// # Errors
/// A path that leaves its folder.
pub(crate) fn inside<'de, D: Deserializer<'de>>(input: D) -> Result<BTreeMap<String, String>, D::Error> {
    let files: BTreeMap<String, String> = BTreeMap::deserialize(input)?;
    match files.keys().find(|path| !stays_inside(path)) {
        Some(path) => Err(D::Error::custom(format!("`{path}` is no name of a file in this folder"))),
        None => Ok(files),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn names_and_paths() {
        for good in ["weekly", "weekly-2025-W05.fr.pdf", "société~2025", "a b", "r1"] {
            assert!(is_plain(good) && stays_inside(good), "{good}");
        }
        for bad in ["", ".", "..", ".hidden", "a/b", "/a", "a\\b", "a\nb", "a\0b", "C:x", &"x".repeat(256)] {
            assert!(!is_plain(bad), "{bad:?}");
        }
        assert!(stays_inside("r1/brief.json"));
        for bad in ["../x", "r1/../../x", "/etc/passwd", "a//b", "a/", "./a"] {
            assert!(!stays_inside(bad), "{bad}");
        }
    }

    #[test]
    fn a_link_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir(folder.path().join("own")).unwrap();
        fs_err::write(folder.path().join("own/file"), "x").unwrap();
        std::os::unix::fs::symlink("/etc", folder.path().join("link")).unwrap();
        assert_eq!(refuse_links(folder.path(), "own/file"), Ok(()));
        assert_eq!(refuse_links(folder.path(), "none/file"), Ok(()));
        assert!(
            refuse_links(folder.path(), "link/passwd").unwrap_err().message.contains("link is a symbolic")
        );
    }
}
