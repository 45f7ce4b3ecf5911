//! Looking a store over, and putting it together again from what is whole.
//!
//! Looking changes nothing and tells everything: damaged and missing segments, segments that no list names, a list that
//! is damaged, lost, or older than its copy. Repairing keeps every row that is whole: a list is taken from its copy
//! where that names what is there, else made anew from the segments; what cannot be read is set aside under another
//! name, never removed.

use super::{
    MANIFEST, Snapshot, Store,
    manifest::{BACKUP, Manifest, NEXT, Segment, names},
    segment::{self, COLUMNS},
    write::lock,
};
use anyhow::{Context, Result};
use polars::prelude::{DataFrame, IntoLazy, LazyFrame, PlRefPath, ScanArgsParquet, UniqueKeepStrategy, col};
use shockbrief_core::Refusal;
use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

/// What a damaged file's name ends with once it is set aside.
const ASIDE: &str = ".damaged";

impl Store {
    /// Compares every segment with the digest in the list, and the list with its own and with its copy; gives segments
    /// and rows.
    ///
    /// # Errors
    /// All that is wrong, by name.
    pub fn verify(&self) -> Result<(usize, u64)> {
        self.read_unchecked(|snapshot| {
            let mut faults = snapshot.faults();
            let pending: BTreeSet<String> = Manifest::other(self.folder(), NEXT)
                .into_iter()
                .flat_map(|next| next.segments.into_iter().map(|segment| segment.file))
                .collect();
            let unlisted = snapshot.unlisted()?.into_iter().filter(|name| !pending.contains(name));
            faults.extend(unlisted.map(|name| format!("{name}: a segment that the list does not name")));
            faults.extend(snapshot.list().refuse_older(self.folder()).err().map(|refusal| refusal.message));
            if self.folder().join(BACKUP).exists() && Manifest::other(self.folder(), BACKUP).is_none() {
                faults.push(format!("{BACKUP}: the copy of the list is damaged"));
            }
            if faults.is_empty() {
                return Ok((snapshot.segments().len(), snapshot.rows()));
            }
            let (count, all) = (faults.len(), faults.join("; "));
            Err(Refusal::data(format!("{}: {count} faults: {all}", self.folder().display()))
                .hint(
                    "restore the files from a backup; without one, `fetch --repair-store` goes on with what is whole, and \
                     `fetch --rebuild-store` makes the store again from the raw answers beside it",
                )
                .into())
        })
    }

    /// Puts the store together from what is whole; says what it did, nothing where nothing was to do.
    ///
    /// # Errors
    /// When the folder cannot be locked, read or written, or a list is of a later version.
    pub fn repair(&self) -> Result<Vec<String>> {
        let _lock = lock(self.folder())?;
        if Manifest::read(self.folder()).is_ok() && self.verify().is_ok() {
            return Ok(Vec::new());
        }
        let found = Found::look(self.folder())?;
        let mut said = found.said.clone();
        for file in &found.damaged {
            let to = format!("{file}{ASIDE}");
            fs_err::rename(self.folder().join(file), self.folder().join(&to))?;
            said.push(format!("{file}: damaged, set aside as {to}"));
        }
        let mut segments = found.whole.clone();
        let mut retired = found.retired;
        if !found.unlisted.is_empty() {
            let name = format!("{:08}-0000.parquet", found.generation + 1);
            let frames = segments.iter().map(|segment| &segment.file).chain(&found.unlisted);
            let frames = frames.map(|file| read(&self.folder().join(file))).collect::<Result<Vec<_>>>()?;
            let rows = frames.iter().map(DataFrame::height).sum::<usize>();
            let one = segment::write(self.folder(), name.clone(), &united(frames)?, None)?;
            fs_err::rename(
                self.folder().join(format!("{name}{}", segment::PART)),
                self.folder().join(&name),
            )?;
            said.push(format!(
                "{}: {} rows, the different ones of {rows} in all segments",
                one.file, one.rows
            ));
            retired.extend(segments.iter().map(|segment| segment.file.clone()).chain(found.unlisted.clone()));
            segments = vec![one];
        }
        let rows: u64 = segments.iter().map(|segment| segment.rows).sum();
        said.push(format!("{MANIFEST}: written with {} segments, {rows} rows", segments.len()));
        Manifest::new(found.generation + 1, segments, retired, Vec::new()).prepare(self.folder())?;
        Manifest::commit(self.folder())?;
        Ok(said)
    }

    /// As [`Self::read`], also where a segment is damaged.
    fn read_unchecked<T>(&self, read: impl Fn(&Snapshot) -> Result<T>) -> Result<T> {
        let mut attempt = 1;
        loop {
            let snapshot = Snapshot::open(self.folder())?;
            match read(&snapshot) {
                Err(_) if attempt < super::ATTEMPTS && snapshot.is_past() => attempt += 1,
                result => return result,
            }
        }
    }
}

/// What lies in a store's folder.
struct Found {
    /// Above every number that was used.
    generation: u64,
    /// Segments that a list names and that are as it says.
    whole: Vec<Segment>,
    /// Segments that can be read and that no list names.
    unlisted: Vec<String>,
    /// Files for readers of an earlier state.
    retired: Vec<String>,
    /// Files that are not what the list says, or that cannot be read.
    damaged: Vec<String>,
    said: Vec<String>,
}

impl Found {
    fn look(folder: &Path) -> Result<Self> {
        let lists = [MANIFEST, BACKUP].map(|name| (name, Manifest::other(folder, name)));
        let mut said = Vec::new();
        let newest =
            lists.into_iter().filter_map(|(name, list)| Some((name, list?))).max_by_key(|(name, list)| {
                // Of two of one generation the list itself.
                (list.generation, *name == MANIFEST)
            });
        match &newest {
            Some((MANIFEST, _)) => {}
            Some((name, list)) => {
                said.push(format!("{MANIFEST}: taken from {name}, generation {}", list.generation))
            }
            None => said.push(format!("{MANIFEST}: no list is whole, made anew from the segments")),
        }
        let list = newest.map(|(_, list)| list);
        let mut found = Self {
            generation: 0,
            whole: Vec::new(),
            unlisted: Vec::new(),
            retired: Vec::new(),
            damaged: Vec::new(),
            said,
        };
        let files = names(folder)?;
        let used = files.iter().filter_map(|name| name.split('-').next()?.parse().ok()).max();
        found.generation = list.as_ref().map_or(0, |list| list.generation).max(used.unwrap_or(0));
        if let Some(list) = &list {
            found.retired = list.retired.clone();
            found.sort_listed(folder, &list.segments);
        }
        let mut unlisted = match &list {
            Some(list) => list.unlisted(folder)?,
            None => files.into_iter().filter(|name| name.ends_with(".parquet")).collect(),
        };
        unlisted.sort();
        for name in unlisted {
            match read(&folder.join(&name)) {
                Ok(_) => found.unlisted.push(name),
                Err(_) => found.damaged.push(name),
            }
        }
        Ok(found)
    }

    fn sort_listed(&mut self, folder: &Path, segments: &[Segment]) {
        for segment in segments {
            let file = segment.file.clone();
            match segment::verify(folder, segment) {
                Ok(()) => self.whole.push(segment.clone()),
                Err(_) if folder.join(&file).exists() => {
                    self.said.push(format!("{file}: {} rows lost", segment.rows));
                    self.damaged.push(file);
                }
                Err(_) => self.said.push(format!("{file}: missing, {} rows lost", segment.rows)),
            }
        }
    }
}

/// All rows of a file that holds the columns of a segment.
fn read(path: &Path) -> Result<DataFrame> {
    let args = ScanArgsParquet { glob: false, cache: false, ..ScanArgsParquet::default() };
    let columns: Vec<_> = COLUMNS.iter().map(|name| col(*name)).collect();
    let scan = || -> Result<DataFrame> {
        let rows =
            LazyFrame::scan_parquet_files([PlRefPath::try_from_path(path)?].into_iter().collect(), args)?;
        let frame = rows.select(columns).collect()?;
        let types = segment::frame(&[])?.schema().clone();
        anyhow::ensure!(*frame.schema() == types, "other columns than those of a segment");
        Ok(frame)
    };
    catch_unwind(AssertUnwindSafe(scan)).unwrap_or_else(|_| Err(anyhow::anyhow!("its contents are damaged")))
}

/// The different rows of frames.
fn united(frames: Vec<DataFrame>) -> Result<DataFrame> {
    let mut frames = frames.into_iter();
    let mut all = frames.next().context("no segment can be read")?;
    for frame in frames {
        all.vstack_mut(&frame)?;
    }
    let columns = COLUMNS.iter().map(|name| col(*name)).collect::<Vec<_>>();
    Ok(all.lazy().unique_generic(Some(columns), UniqueKeepStrategy::Any).collect()?)
}
