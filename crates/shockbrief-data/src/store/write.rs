//! Writing: appending a segment, merging small ones, and taking away what no manifest names.

use super::{
    Ask, Learnt, Snapshot, Told, learn,
    manifest::{self, Manifest, NEXT, Part, Segment, names, refuse_unlisted},
    scan::is_in,
    segment,
};
use anyhow::{Context, Result};
use fs_err::{File, OpenOptions};
use polars::prelude::{Expr, UniqueKeepStrategy, col};
use shockbrief_core::names::refuse_link;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// Segments of about one size that are merged into one.
const FAN: usize = 16;

/// Unmerged rows above which all is merged into parts.
const UNMERGED: u64 = 4_000_000;

/// Rows of a part at most, on average.
const PART: u64 = 2_000_000;

/// The turn to write, held until this is dropped.
#[derive(Debug)]
pub struct Writer {
    folder: PathBuf,
    manifest: Manifest,
    /// The kernel frees it when its holder dies.
    _lock: File,
}

impl Writer {
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let lock = lock(folder)?;
        let manifest = Manifest::read(folder)?;
        manifest.refuse_older(folder)?;
        let mut writer = Self { folder: folder.to_owned(), manifest, _lock: lock };
        writer.recover()?;
        refuse_unlisted(folder, &writer.manifest.unlisted(folder)?)?;
        if writer.manifest.generation == 0 {
            // From here on a folder without a list is one that lost it.
            writer.publish(Vec::new(), Vec::new())?;
        }
        Ok(writer)
    }

    /// Ends what a writer that died was about to do: its list with all its segments counts, or none of it. Nothing else
    /// is taken away.
    fn recover(&mut self) -> Result<()> {
        let next = Manifest::other(&self.folder, NEXT)
            .filter(|next| next.generation == self.manifest.generation + 1);
        if let Some(next) = &next {
            let held = |segment: &&Segment| self.manifest.segments.contains(segment);
            let fresh: Vec<&Segment> = next.segments.iter().filter(|segment| !held(segment)).collect();
            if fresh.iter().all(|segment| self.whole(segment)) {
                self.rename(fresh.iter().map(|segment| segment.file.as_str()))?;
                Manifest::commit(&self.folder)?;
                self.manifest = next.clone();
            } else {
                for segment in fresh {
                    remove(&self.folder.join(&segment.file))?;
                }
            }
        }
        remove(&self.folder.join(NEXT))?;
        for name in names(&self.folder)?.iter().filter(|name| name.ends_with(segment::PART)) {
            remove(&self.folder.join(name))?;
        }
        self.clean()
    }

    /// Whether a segment lies there whole, under its name or as a part.
    fn whole(&self, segment: &Segment) -> bool {
        let part = Segment { file: format!("{}{}", segment.file, segment::PART), ..segment.clone() };
        [segment, &part].into_iter().any(|segment| segment::verify(&self.folder, segment).is_ok())
    }

    /// Gives finished files their names.
    fn rename<'a>(&self, files: impl Iterator<Item = &'a str>) -> Result<()> {
        for file in files {
            let part = self.folder.join(format!("{file}{}", segment::PART));
            if part.exists() {
                fs_err::rename(part, self.folder.join(file))?;
            }
        }
        Ok(())
    }

    /// Takes away what the list says that nobody reads any more.
    fn clean(&self) -> Result<()> {
        self.manifest.dropped.iter().try_for_each(|name| remove(&self.folder.join(name)))
    }

    /// The state that this writer goes on from.
    ///
    /// # Errors
    /// A segment that is not what the manifest says.
    pub fn snapshot(&self) -> Result<Snapshot> {
        let snapshot = Snapshot::of(&self.folder, &self.manifest);
        snapshot.check()?;
        Ok(snapshot)
    }

    /// Adds what is not known yet of what was told; see [`learn`].
    ///
    /// # Errors
    /// When a segment cannot be read or the folder not be written; the state before then stays.
    pub fn learn(&mut self, told: &[Told]) -> Result<Learnt> {
        let (Some(from), Some(to)) =
            (told.iter().map(|row| row.date).min(), told.iter().map(|row| row.date).max())
        else {
            return Ok(Learnt::default());
        };
        let symbols: BTreeSet<&str> = told.iter().map(|row| row.symbol.as_str()).collect();
        let ask = Ask { symbols: Some(&symbols), from: Some(from), to: Some(to), ..Ask::default() };
        let (rows, learnt) = learn(&self.snapshot()?.told(&ask)?, told);
        self.append(&rows)?;
        Ok(learnt)
    }

    /// Adds rows; they are on the disk, and seen by readers, when this returns.
    ///
    /// # Errors
    /// When the folder cannot be written; the state before then stays.
    pub fn append(&mut self, values: &[Told]) -> Result<()> {
        if values.is_empty() {
            return Ok(());
        }
        let file = self.name(0);
        let segment = segment::write(&self.folder, file, &segment::frame(values)?, None)?;
        let mut segments = self.manifest.segments.clone();
        segments.push(segment);
        self.publish(segments, self.manifest.retired.clone())
    }

    /// Merges small segments, and all of them when many rows are unmerged; says whether it did.
    ///
    /// # Errors
    /// When a segment cannot be read or the folder not be written.
    pub fn maintain(&mut self) -> Result<bool> {
        // First, so that no merge of small ones ever holds more rows than that.
        if self.unmerged().map(|segment| segment.rows).sum::<u64>() > UNMERGED {
            self.compact()?;
            return Ok(true);
        }
        let mut merged = false;
        while let Some(group) = self.crowd() {
            self.merge(&group)?;
            merged = true;
        }
        Ok(merged)
    }

    fn unmerged(&self) -> impl Iterator<Item = &Segment> {
        self.manifest.segments.iter().filter(|segment| segment.part.is_none())
    }

    /// Unmerged segments of about one size, when they are many.
    fn crowd(&self) -> Option<Vec<Segment>> {
        let mut sizes: BTreeMap<u32, Vec<Segment>> = BTreeMap::new();
        for segment in self.unmerged() {
            sizes.entry(segment.rows.max(1).ilog(FAN as u64)).or_default().push(segment.clone());
        }
        sizes.into_values().find(|group| group.len() >= FAN)
    }

    fn merge(&mut self, group: &[Segment]) -> Result<()> {
        let snapshot = self.snapshot()?;
        let group: Vec<&Segment> = group.iter().collect();
        let rows = snapshot.scan(&group, &Ask::default())?.context("nothing to merge")?;
        let merged = segment::write(&self.folder, self.name(0), &snapshot.collect(rows)?, None)?;
        let keep = |segment: &&Segment| !group.contains(segment);
        let segments = self.manifest.segments.iter().filter(keep).cloned().chain([merged]).collect();
        self.exchange(segments)
    }

    /// Merges all segments into parts. Every row is kept; answers stay the same.
    ///
    /// # Errors
    /// When a segment cannot be read or the folder not be written; the state before then stays.
    pub fn compact(&mut self) -> Result<()> {
        let snapshot = self.snapshot()?;
        let of = snapshot.rows().div_ceil(PART).max(1).next_power_of_two().max(snapshot.parts());
        let mut symbols: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        let all: Vec<&Segment> = snapshot.segments().iter().collect();
        for symbol in symbols_of(&snapshot, &all)? {
            symbols.entry(super::hash(&symbol) % of).or_default().push(symbol);
        }
        let unmerged: Vec<&Segment> = self.unmerged().collect();
        let mut segments = Vec::new();
        for (number, (index, names)) in symbols.into_iter().enumerate() {
            let part = Part { index, of };
            let fresh = unmerged.iter().any(|segment| names.iter().any(|name| segment.may_hold(name)));
            let whole = snapshot.segments().iter().find(|segment| segment.part == Some(part));
            if let Some(whole) = whole.filter(|_| !fresh) {
                segments.push(whole.clone());
                continue;
            }
            let sources: Vec<&Segment> =
                snapshot.segments().iter().filter(|segment| segment.meets(index, of)).collect();
            let own: BTreeSet<&str> = names.iter().map(String::as_str).collect();
            let rows = snapshot.scan(&sources, &Ask::default())?.context("nothing to merge")?;
            let list: Vec<&str> = own.into_iter().collect();
            let rows = rows.filter(is_in("symbol", &list));
            segments.push(segment::write(
                &self.folder,
                self.name(number),
                &snapshot.collect(rows)?,
                Some(part),
            )?);
        }
        if segments == self.manifest.segments {
            return Ok(());
        }
        self.exchange(segments)
    }

    /// Publishes merged segments; those of the merge before go, those of this one stay for readers.
    fn exchange(&mut self, segments: Vec<Segment>) -> Result<()> {
        let kept: BTreeSet<&str> = segments.iter().map(|segment| segment.file.as_str()).collect();
        let gone = self.manifest.segments.iter().filter(|segment| !kept.contains(segment.file.as_str()));
        let retired = gone.map(|segment| segment.file.clone()).collect();
        self.publish(segments, retired)?;
        self.clean()
    }

    fn publish(&mut self, segments: Vec<Segment>, retired: Vec<String>) -> Result<()> {
        // What was retired before and is not now may go; its name stays until the next list, since this run may die first.
        let old = self.manifest.retired.iter().filter(|name| !retired.contains(name)).cloned().collect();
        let generation = self.manifest.generation + 1;
        let held = |segment: &&Segment| self.manifest.segments.iter().any(|own| own.file == segment.file);
        let fresh: Vec<String> =
            segments.iter().filter(|segment| !held(segment)).map(|segment| segment.file.clone()).collect();
        let manifest = Manifest::new(generation, segments, retired, old);
        manifest.prepare(&self.folder)?;
        self.rename(fresh.iter().map(String::as_str))?;
        Manifest::commit(&self.folder)?;
        self.manifest = manifest;
        Ok(())
    }

    /// Names of published files are never used again.
    fn name(&self, number: usize) -> String {
        format!("{:08}-{number:04}.parquet", self.manifest.generation + 1)
    }
}

/// Takes the turn to write in a folder, which is made where it is missing.
pub(super) fn lock(folder: &Path) -> Result<File> {
    manifest::make_folder(folder)?;
    let path = folder.join("lock");
    refuse_link(&path)?;
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
    lock.file().lock().with_context(|| format!("cannot lock {}", folder.display()))?;
    Ok(lock)
}

/// Removes a file that may be gone already.
fn remove(path: &Path) -> Result<()> {
    match fs_err::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Symbols of segments.
fn symbols_of(snapshot: &Snapshot, segments: &[&Segment]) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for segment in segments {
        let Some(rows) = snapshot.scan(&[segment], &Ask::default())? else { continue };
        let rows = rows.select([col("symbol")]).unique_generic(None::<Vec<Expr>>, UniqueKeepStrategy::Any);
        let frame = snapshot.collect(rows)?;
        names.extend(frame.column("symbol")?.str()?.iter().flatten().map(str::to_owned));
    }
    Ok(names)
}
