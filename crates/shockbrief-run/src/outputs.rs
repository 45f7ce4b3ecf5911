//! Published files that are no longer what was published, and what of them a kept revision still holds.

use crate::ledger;
use anyhow::Result;
use shockbrief_core::{Manifest, Refusal, fs::sha256, fs::write_atomic, names::refuse_links};
use std::path::Path;

/// A published file that is not what the manifest beside it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// Its name in the period's folder.
    pub name: String,
    /// What is wrong with it.
    pub refusal: Refusal,
}

/// Compares every published file of a period with its digest.
#[must_use]
pub fn damaged(folder: &Path, manifest: &Manifest) -> Vec<Damaged> {
    let wrong = |name: &String| {
        let refusal = manifest.published(folder, name).err()?;
        Some(Damaged { name: name.clone(), refusal })
    };
    manifest.outputs.keys().filter_map(wrong).collect()
}

/// The same bytes in a kept revision: an edition often shares files with the one before.
fn kept(folder: &Path, name: &str, digest: &str) -> Option<Vec<u8>> {
    let revisions = ledger::folders(folder).ok()?;
    revisions.into_iter().rev().find_map(|revision| {
        let own = revision.file_name()?.to_str()?;
        own.strip_prefix('r')?.parse::<u32>().ok()?;
        refuse_links(folder, &format!("{own}/{name}")).ok()?;
        let path = revision.join(name);
        let bytes = path.is_file().then(|| fs_err::read(&path).ok())??;
        (sha256(&bytes) == digest).then_some(bytes)
    })
}

/// Puts back what a kept revision of the period still has; gives the names that were put back, and what stays damaged.
/// Only for who holds the output folder.
///
/// # Errors
/// A file that cannot be written.
pub fn restore(folder: &Path, manifest: &Manifest) -> Result<(Vec<String>, Vec<Damaged>)> {
    let (mut back, mut left) = (Vec::new(), Vec::new());
    for found in damaged(folder, manifest) {
        let digest = manifest.outputs.get(&found.name).map(String::as_str).unwrap_or_default();
        // Nothing is written through a link, and a link is not taken away: somebody put it there.
        let linked = refuse_links(folder, &found.name).is_err();
        match kept(folder, &found.name, digest).filter(|_| !linked) {
            Some(bytes) => {
                write_atomic(&folder.join(&found.name), &bytes)?;
                back.push(found.name);
            }
            None => left.push(found),
        }
    }
    Ok((back, left))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(files: &[(&str, &[u8])]) -> Manifest {
        let outputs: serde_json::Map<String, serde_json::Value> =
            files.iter().map(|(name, bytes)| ((*name).to_owned(), sha256(bytes).into())).collect();
        serde_json::from_value(serde_json::json!({
            "schema": 1, "report": "weekly", "period": "2025-W05", "as_of": "2025-01-31", "revision": 3, "shockbrief": "0",
            "typst": "0", "config": {}, "inputs": [], "files": {}, "audited": {}, "outputs": outputs,
        }))
        .unwrap()
    }

    #[test]
    fn a_kept_revision_gives_back_the_same_bytes_and_no_others() {
        let period = tempfile::tempdir().unwrap();
        let at = |name: &str| period.path().join(name);
        let list = manifest(&[("a.pdf", b"a of 3"), ("b.pdf", b"b of all"), ("c.csv", b"c of 3")]);
        for (name, bytes) in [("a.pdf", "a of 3"), ("b.pdf", "b of all"), ("c.csv", "c of 3")] {
            fs_err::write(at(name), bytes).unwrap();
        }
        for (kept, a, b) in [("r1", "a of 1", "b of all"), ("r2", "a of 2", "another b")] {
            fs_err::create_dir(at(kept)).unwrap();
            fs_err::write(at(kept).join("a.pdf"), a).unwrap();
            fs_err::write(at(kept).join("b.pdf"), b).unwrap();
        }
        assert_eq!(damaged(period.path(), &list), []);
        fs_err::write(at("a.pdf"), "a of ?").unwrap();
        fs_err::write(at("b.pdf"), "b of a").unwrap();
        fs_err::remove_file(at("c.csv")).unwrap();
        let names = |found: &[Damaged]| found.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&damaged(period.path(), &list)), ["a.pdf", "b.pdf", "c.csv"]);
        let (back, left) = restore(period.path(), &list).unwrap();
        assert_eq!(
            (back, names(&left)),
            (vec!["b.pdf".to_owned()], vec!["a.pdf".to_owned(), "c.csv".to_owned()])
        );
        assert_eq!(fs_err::read(at("b.pdf")).unwrap(), b"b of all");
        assert_eq!(fs_err::read(at("a.pdf")).unwrap(), b"a of ?", "another edition's file is no repair");
    }

    #[test]
    fn nothing_is_taken_or_written_through_a_link() {
        let (period, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let list = manifest(&[("a.pdf", b"whole")]);
        let foreign = elsewhere.path().join("a.pdf");
        fs_err::write(&foreign, "whole").unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), period.path().join("r1")).unwrap();
        assert_eq!(restore(period.path(), &list).unwrap().1.len(), 1);
        fs_err::remove_file(period.path().join("r1")).unwrap();
        fs_err::create_dir(period.path().join("r1")).unwrap();
        fs_err::write(period.path().join("r1/a.pdf"), "whole").unwrap();
        fs_err::write(&foreign, "theirs").unwrap();
        std::os::unix::fs::symlink(&foreign, period.path().join("a.pdf")).unwrap();
        assert_eq!(restore(period.path(), &list).unwrap().1.len(), 1);
        assert_eq!(fs_err::read(&foreign).unwrap(), b"theirs");
    }
}
