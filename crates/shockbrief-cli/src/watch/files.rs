//! What was saved, and what must be made again for it.
//!
//! Times, sizes and inodes are looked at again and again instead of asking the system for events: some hundred files
//! cost well under a hundredth of a core, and folders that are replaced, editors that rename, network shares and
//! containers, of which no event comes, are all seen alike.

use crate::args::Inputs;
use anyhow::Result;
use std::{
    collections::BTreeMap,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::Sender,
    },
    time::Duration,
};

/// How often files are looked at; a save counts once nothing has changed for as long.
const STEP: Duration = Duration::from_millis(80);
/// Looks after which a save counts although others follow it without end.
const PATIENCE: usize = 12;
/// Data, which may be many files, are looked at once for so many looks at the report.
const DATA_EVERY: usize = 6;
/// Folders within folders that are looked into; a link to a folder above it would never end.
const DEEPEST: usize = 12;

/// What a save asks to be made again; each asks for all before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Redo {
    /// Prose, layouts, the page design: the pages alone.
    Pages,
    /// The report, its sections, data: the analysis.
    Analysis,
    /// The configuration.
    Everything,
}

/// Modification time in nanoseconds, bytes, inode.
type Stamp = (i128, u64, u64);
type Seen = BTreeMap<PathBuf, Stamp>;

/// The files that a brief is made from.
pub struct Files {
    config: PathBuf,
    report: PathBuf,
    data: Vec<PathBuf>,
    written: Seen,
    fetched: Seen,
}

impl Files {
    /// The files behind a report, as they are now.
    pub fn of(inputs: &Inputs, place: &Path) -> Self {
        let report = if place.is_file() { home(place) } else { place.to_owned() };
        let data = std::iter::once(&inputs.data).chain(&inputs.holding.store).cloned().collect();
        let mut files =
            Self { config: inputs.config.clone(), report, data, written: Seen::new(), fetched: Seen::new() };
        (files.written, files.fetched) = (files.look(), files.look_at_data());
        files
    }

    /// Tells of every save from now on, in a thread of its own. `newer` is no longer 0 as soon as one is seen, or a
    /// signal came.
    pub fn watch(
        mut self,
        saved: Sender<Redo>,
        newer: Arc<AtomicUsize>,
        stop: Arc<AtomicUsize>,
    ) -> Result<()> {
        let thread = std::thread::Builder::new().name("files".to_owned());
        thread.spawn(move || {
            let (mut pending, mut looks) = (None, 0);
            for turn in 1_usize.. {
                std::thread::sleep(STEP);
                if stop.load(Ordering::SeqCst) != 0 {
                    newer.store(1, Ordering::SeqCst);
                }
                let change = self.change(turn.is_multiple_of(DATA_EVERY));
                if change.is_some() {
                    newer.store(1, Ordering::SeqCst);
                }
                pending = pending.max(change);
                looks = if pending.is_some() { looks + 1 } else { 0 };
                if let Some(redo) = pending.filter(|_| change.is_none() || looks >= PATIENCE) {
                    if saved.send(redo).is_err() {
                        return;
                    }
                    (pending, looks) = (None, 0);
                }
            }
        })?;
        Ok(())
    }

    /// What changed since the last look.
    fn change(&mut self, with_data: bool) -> Option<Redo> {
        let now = self.look();
        let written = changed(&self.written, &now).map(|(path, kind)| self.redo(path, kind)).max();
        self.written = now;
        let mut fetched = None;
        if with_data {
            let now = self.look_at_data();
            fetched = (now != self.fetched).then_some(Redo::Analysis);
            self.fetched = now;
        }
        written.max(fetched)
    }

    /// Templates and the page design are read each time that pages are composed; everything else goes into the
    /// analysis. A template that comes or goes within a section's folder may make the folder a section, or none.
    fn redo(&self, path: &Path, kind: Change) -> Redo {
        let template = path.extension().is_some_and(|ending| ending == "j2" || ending == "typ");
        let structure = kind == Change::Files && path.components().any(|part| part.as_os_str() == "sections");
        if template && !structure {
            Redo::Pages
        } else if path.starts_with(&self.config) {
            Redo::Everything
        } else {
            Redo::Analysis
        }
    }

    fn look(&self) -> Seen {
        let mut seen = Seen::new();
        [&self.config, &self.report].into_iter().for_each(|folder| below(folder, DEEPEST, &mut seen));
        seen
    }

    fn look_at_data(&self) -> Seen {
        let mut seen = Seen::new();
        self.data.iter().for_each(|folder| below(folder, DEEPEST, &mut seen));
        seen
    }
}

/// The report of a portfolio's file: the nearest folder above it that has one.
fn home(file: &Path) -> PathBuf {
    let report = file.ancestors().find(|folder| folder.join("report.yaml").is_file());
    report.or(file.parent()).unwrap_or(file).to_owned()
}

/// How a file changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// Its text.
    Text,
    /// It came or went.
    Files,
}

fn changed<'a>(before: &'a Seen, now: &'a Seen) -> impl Iterator<Item = (&'a Path, Change)> {
    let gone = before.keys().filter(|path| !now.contains_key(*path));
    let here = now.iter().filter_map(|(path, stamp)| match before.get(path) {
        None => Some((path.as_path(), Change::Files)),
        Some(earlier) if earlier != stamp => Some((path.as_path(), Change::Text)),
        Some(_) => None,
    });
    gone.map(|path| (path.as_path(), Change::Files)).chain(here)
}

/// All files below a folder; what editors leave beside is none, and what cannot be read is not there.
fn below(folder: &Path, depth: usize, seen: &mut Seen) {
    for entry in fs_err::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        let path = entry.path();
        let Ok(found) = fs_err::metadata(&path) else { continue };
        if !found.is_dir() {
            let modified = i128::from(found.mtime()) * 1_000_000_000 + i128::from(found.mtime_nsec());
            seen.insert(path, (modified, found.len(), found.ino()));
        } else if depth > 0 {
            below(&path, depth - 1, seen);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_save_asks_for_no_more_than_depends_on_it() {
        let desk = tempfile::tempdir().unwrap();
        let path = |name: &str| desk.path().join(name);
        let write = |name: &str, text: &str| {
            fs_err::create_dir_all(path(name).parent().unwrap()).unwrap();
            fs_err::write(path(name), text).unwrap();
        };
        let all = [
            "config/universe.yaml",
            "config/prose/a.en.typ.j2",
            "r/report.yaml",
            "r/prose/a.en.typ.j2",
            "r/layout/brief.typ",
            "r/sections/s/prose.en.typ.j2",
            "data/prices.csv",
        ];
        all.iter().for_each(|name| write(name, "one"));
        let mut files = Files {
            config: path("config"),
            report: path("r"),
            data: vec![path("data")],
            written: Seen::new(),
            fetched: Seen::new(),
        };
        (files.written, files.fetched) = (files.look(), files.look_at_data());
        assert_eq!(files.change(true), None);
        let asked = [
            ("config/universe.yaml", Redo::Everything),
            ("config/prose/a.en.typ.j2", Redo::Pages),
            ("r/report.yaml", Redo::Analysis),
            ("r/prose/a.en.typ.j2", Redo::Pages),
            ("r/layout/brief.typ", Redo::Pages),
            ("r/sections/s/prose.en.typ.j2", Redo::Pages),
            ("r/sections/t/prose.en.typ.j2", Redo::Analysis),
            ("data/prices.csv", Redo::Analysis),
        ];
        for (name, redo) in asked {
            write(name, "another");
            assert_eq!(files.change(true), Some(redo), "{name}");
            assert_eq!(files.change(true), None, "{name}");
        }
        // As editors save: beside, and renamed into place with the same size.
        write("r/prose/.a.swp", "anothes");
        assert_eq!(files.change(true), None);
        fs_err::rename(path("r/prose/.a.swp"), path("r/prose/a.en.typ.j2")).unwrap();
        assert_eq!(files.change(true), Some(Redo::Pages));
        // A folder that is taken away and put back.
        fs_err::rename(path("r"), path("away")).unwrap();
        assert_eq!(files.change(true), Some(Redo::Analysis));
        fs_err::rename(path("away"), path("r")).unwrap();
        assert_eq!(files.change(true), Some(Redo::Analysis));
    }
}
