//! Trials kept between runs, in a folder that may be thrown away at any time.
//!
//! `SHOCKBRIEF_CACHE` names the folder; else it is `shockbrief` in `XDG_CACHE_HOME` or in `~/.cache`. An empty
//! `SHOCKBRIEF_CACHE` keeps nothing. A file is named after the digest of all that its trials depend on and begins with the digest of
//! what follows: one that is stale is never asked for, one that is damaged is told of and made again.

use fs_err as fs;
use shockbrief_core::fs::{sha256, write_atomic};
use shockbrief_sections::{Bundle, Keep, Trials};
use std::{env::var_os, ffi::OsString, path::PathBuf};

/// Files kept: some hundreds of kilobytes each.
const MOST: usize = 200;

/// A folder of kept trials.
#[derive(Debug, Clone)]
pub struct Kept {
    folder: PathBuf,
}

impl Kept {
    /// The folder that the environment names, if any.
    pub fn here() -> Option<Self> {
        Self::among(var_os("SHOCKBRIEF_CACHE"), var_os("XDG_CACHE_HOME"), var_os("HOME"))
    }

    fn among(own: Option<OsString>, cache: Option<OsString>, home: Option<OsString>) -> Option<Self> {
        if let Some(own) = own {
            return (!own.is_empty()).then(|| Self { folder: own.into() });
        }
        // A relative folder is to be ignored (XDG Base Directory Specification).
        let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
        let cache = cache.and_then(absolute).or_else(|| Some(home.and_then(absolute)?.join(".cache")));
        Some(Self { folder: cache?.join("shockbrief") })
    }

    fn path(&self, about: &[u8]) -> PathBuf {
        self.folder.join(format!("trials-{}.json", sha256(about)))
    }
}

impl Keep for Kept {
    fn get(&self, about: &[u8]) -> Option<Trials> {
        let path = self.path(about);
        let bytes = fs::read(&path).ok()?;
        let whole = || {
            let cut = bytes.iter().position(|byte| *byte == b'\n')?;
            let (digest, rest) = (&bytes[..cut], &bytes[cut + 1..]);
            (digest == sha256(rest).as_bytes())
                .then(|| serde_json::from_slice::<Bundle>(rest).ok()?.trials())?
        };
        let trials = whole();
        if trials.is_none() {
            crate::tell(format_args!("{} is damaged: its trials are computed again", path.display()));
        }
        trials
    }

    // A cache that cannot be written costs time alone: what would be kept is made again.
    fn put(&self, about: &[u8], trials: &Trials) {
        let Ok(bundle) = serde_json::to_vec(&Bundle::of(trials)) else { return };
        let mut bytes = sha256(&bundle).into_bytes();
        bytes.push(b'\n');
        bytes.extend(bundle);
        drop(fs::create_dir_all(&self.folder));
        drop(write_atomic(&self.path(about), &bytes));
        self.prune();
    }
}

impl Kept {
    /// Takes out the oldest beyond [`MOST`].
    fn prune(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let ours =
            entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("trials-"));
        let mut files: Vec<_> =
            ours.filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path()))).collect();
        files.sort();
        let surplus = files.len().saturating_sub(MOST);
        files.into_iter().take(surplus).for_each(|(_, path)| drop(fs::remove_file(path)));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use jiff::civil::Date;
    use shockbrief_core::{Figure, Findings, Unit};

    fn trials(value: f64) -> Trials {
        let mut findings = Findings::default();
        findings.add(Figure::new("a", value, Unit::Ratio, "test", Date::default()));
        Trials { ordinary: vec![findings], ..Trials::default() }
    }

    fn value(trials: Option<Trials>) -> Option<f64> {
        trials?.ordinary.first()?.number("a")
    }

    #[test]
    fn other_inputs_find_nothing_and_damage_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept { folder: folder.path().join("deep") };
        assert_eq!(value(kept.get(b"one")), None);
        kept.put(b"one", &trials(0.1));
        assert_eq!(value(kept.get(b"one")), Some(0.1));
        assert_eq!(value(kept.get(b"two")), None, "any other input has a name of its own");
        // One digit of the payload changed: still JSON, and not what was kept.
        let path = kept.path(b"one");
        let mut bytes = fs::read(&path).unwrap();
        let at = bytes.iter().rposition(u8::is_ascii_digit).unwrap();
        bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
        fs::write(&path, &bytes).unwrap();
        assert_eq!(value(kept.get(b"one")), None);
        fs::write(&path, b"").unwrap();
        assert_eq!(value(kept.get(b"one")), None);
        kept.put(b"one", &trials(0.1));
        assert_eq!(value(kept.get(b"one")), Some(0.1), "written again over the damaged file");
    }

    #[test]
    fn the_folder_is_that_of_the_environment() {
        let some = |text: &str| Some(OsString::from(text));
        let folder = |own, cache, home| Kept::among(own, cache, home).map(|kept| kept.folder);
        assert_eq!(folder(some("/own"), some("/x"), some("/h")), Some("/own".into()));
        assert_eq!(folder(some(""), some("/x"), some("/h")), None);
        assert_eq!(folder(None, some("/x"), some("/h")), Some("/x/shockbrief".into()));
        assert_eq!(folder(None, some("x"), some("/h")), Some("/h/.cache/shockbrief".into()));
        assert_eq!(folder(None, None, None), None);
    }
}
