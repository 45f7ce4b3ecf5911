//! Files of the data folder: finding them by glob, remembering which were used, their digests.
//!
//! Refuses to follow a pattern out of the folder and to pass over a required file that is not there.

use crate::{Stored, digest};
use anyhow::{Context, Result};
use rayon::prelude::*;
use shockbrief_core::{
    Dataset, Input, Notice, Refusal, Severity,
    config::{SourceSpec, Sources},
    fs,
    panel::STORED,
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// The format whose files lie in the store's folder.
pub const STORE: &str = "store";

/// A file of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it is.
    pub path: PathBuf,
    /// The path relative to the data folder, with `/` between parts.
    pub relative: String,
}

/// The data folder and what was taken from it.
#[derive(Debug)]
pub struct Shelf {
    folder: PathBuf,
    store: Option<PathBuf>,
    taken: Vec<(String, Found)>,
    notes: BTreeMap<String, Notice>,
    repairs: Vec<Notice>,
}

impl Shelf {
    /// Opens the data folder.
    ///
    /// # Errors
    /// When it is not a folder.
    pub fn open(folder: &Path, store: Option<Stored<'_>>) -> Result<Self, Refusal> {
        if !folder.is_dir() {
            return Err(Refusal::data(format!("{}: no such data folder", folder.display()))
                .hint("name an existing folder with `--data`, or make the sample with `make sample`"));
        }
        Ok(Self {
            folder: folder.to_owned(),
            store: store.map(|store| store.folder.to_owned()),
            taken: Vec::new(),
            notes: BTreeMap::new(),
            repairs: Vec::new(),
        })
    }

    /// The files that a source's glob matches, in order of path.
    ///
    /// # Errors
    /// When a required source matches nothing, or a folder cannot be read.
    pub fn files(&self, source: &SourceSpec) -> Result<Vec<Found>> {
        if source.scheme().is_some() {
            // What matches is found out by the reader, in the one question that also gives the rows.
            return Ok(vec![Found { path: PathBuf::from(&source.glob), relative: source.glob.clone() }]);
        }
        let stored = source.format == STORE;
        let root = if stored { self.store.as_ref() } else { Some(&self.folder) };
        let mut matched: Vec<(PathBuf, String)> =
            root.into_iter().map(|root| (root.clone(), String::new())).collect();
        for pattern in source.glob.split('/').filter(|part| !part.is_empty() && *part != ".") {
            let mut next = Vec::new();
            for (folder, relative) in &matched {
                descend(folder, relative, pattern, &mut next)?;
            }
            matched = next;
        }
        let mut found: Vec<Found> = matched
            .into_iter()
            .filter(|(path, _)| path.is_file())
            .map(|(path, relative)| match stored {
                true => Found { path, relative: format!("{STORED}{relative}") },
                false => Found { path, relative },
            })
            .collect();
        found.sort_by(|a, b| a.relative.cmp(&b.relative));
        if found.is_empty() && !source.optional {
            return Err(self.missing(source).into());
        }
        Ok(found)
    }

    fn missing(&self, source: &SourceSpec) -> Refusal {
        if source.format == STORE {
            let place = self.store.as_ref().map_or_else(
                || "no store was named".to_owned(),
                |store| format!("no `{}` in {}", source.glob, store.display()),
            );
            return Refusal::data(format!("source `{}`: {place}", source.id)).hint(
                "name the store with `--store`, run `shockbrief fetch`, or mark the source `optional: true`",
            );
        }
        Refusal::data(format!(
            "source `{}`: no file matches `{}` in {}",
            source.id,
            source.glob,
            self.folder.display()
        ))
        .hint("put the file there, correct the glob, or mark the source `optional: true`")
    }

    /// Remembers that a file was used; the number stands for it until [`Shelf::finish`].
    pub fn take(&mut self, source: &SourceSpec, file: &Found) -> usize {
        let at = self.taken.iter().position(|(id, taken)| *id == source.id && taken == file);
        at.unwrap_or_else(|| {
            self.taken.push((source.id.clone(), file.clone()));
            self.taken.len() - 1
        })
    }

    /// Remembers what was assumed of a file, as a notice if the file is used.
    pub fn assume(&mut self, file: &Found, rows: usize, assumed: Option<String>) {
        let Some(detail) = assumed else { return };
        let notice = Notice {
            guard: "dialect".to_owned(),
            severity: Severity::Note,
            symbol: "".into(),
            dates: None,
            rows,
            path: file.relative.clone(),
            detail,
        };
        self.notes.insert(file.relative.clone(), notice);
    }

    /// Remembers repairs that were applied to rows in use.
    pub fn repaired(&mut self, notices: Vec<Notice>) {
        self.repairs.extend(notices);
    }

    /// Digests the used files and makes the dataset's indices point at them, in order of source and path.
    ///
    /// # Errors
    /// When a file cannot be read any more.
    pub fn finish(self, sources: &Sources, dataset: &mut Dataset) -> Result<Dataset> {
        let rank = |id: &str| sources.sources.iter().position(|source| source.id == id);
        let mut order: Vec<usize> = (0..self.taken.len()).collect();
        order.sort_by_key(|&at| (rank(&self.taken[at].0), self.taken[at].1.relative.clone()));
        let used = |path: &String| self.taken.iter().any(|(_, file)| file.relative == *path);
        dataset
            .notices
            .extend(self.notes.iter().filter(|(path, _)| used(path)).map(|(_, note)| note.clone()));
        dataset.notices.extend(self.repairs.iter().cloned());
        let inputs: Result<Vec<Input>> =
            order.par_iter().map(|&at| input(sources, &self.taken[at].0, &self.taken[at].1)).collect();
        dataset.inputs = inputs?;
        let place: BTreeMap<usize, usize> = order.iter().enumerate().map(|(new, &old)| (old, new)).collect();
        let renumber = |index: &mut usize| *index = place.get(index).copied().unwrap_or(*index);
        dataset.markets.values_mut().flat_map(|m| m.series.values_mut()).for_each(|s| renumber(&mut s.input));
        dataset.shares.iter_mut().for_each(|count| renumber(&mut count.input));
        for table in dataset.records.values_mut() {
            table.inputs.iter_mut().for_each(renumber);
        }
        for table in [&mut dataset.fx, &mut dataset.factors] {
            table.inputs.iter_mut().for_each(renumber);
            table.inputs.sort_unstable();
        }
        let read = digest::of_inputs(dataset);
        for (input, read) in dataset.inputs.iter_mut().zip(read) {
            // A store grows every day, and of an object store only a part is read: what a brief depends on are the
            // values it was given.
            if !is_file(sources, &input.source) {
                input.file_sha256.clone_from(&read);
            }
            input.sha256 = read;
        }
        Ok(std::mem::take(dataset))
    }
}

/// Whether a source is one file of the data folder at a time, with a digest of its own.
fn is_file(sources: &Sources, id: &str) -> bool {
    let other = |source: &SourceSpec| source.format == STORE || source.scheme().is_some();
    !sources.sources.iter().any(|source| source.id == id && other(source))
}

fn input(sources: &Sources, id: &str, file: &Found) -> Result<Input> {
    let spec = sources.sources.iter().find(|source| source.id == id);
    let file_sha256 = match is_file(sources, id) {
        true => fs::sha256_file(&file.path).with_context(|| format!("source `{id}`"))?,
        false => String::new(),
    };
    Ok(Input {
        source: id.to_owned(),
        path: file.relative.clone(),
        sha256: String::new(),
        file_sha256,
        licence: spec.map(|spec| spec.licence.clone()).unwrap_or_default(),
        simulated: spec.is_some_and(|spec| spec.simulated),
        redistribute: spec.is_some_and(|spec| spec.redistribute),
    })
}

fn descend(folder: &Path, relative: &str, pattern: &str, next: &mut Vec<(PathBuf, String)>) -> Result<()> {
    let join = |name: &str| if relative.is_empty() { name.to_owned() } else { format!("{relative}/{name}") };
    if !pattern.contains(['*', '?']) {
        let path = folder.join(pattern);
        if path.exists() {
            next.push((path, join(pattern)));
        }
        return Ok(());
    }
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        if let Some(name) = entry.file_name().to_str().filter(|name| matches(pattern, name)) {
            next.push((entry.path(), join(name)));
        }
    }
    Ok(())
}

/// Whether `name` fits `pattern`, where `*` stands for any text and `?` for one character.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => (p, n) = (p + 1, n + 1),
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, n) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Text of a file as it may stand in a message: one line, no control characters, not long.
#[must_use]
pub fn shown(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut safe: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        safe.push('…');
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_whole_names() {
        for (pattern, name, fits) in [
            ("a*.csv", "a.csv", true),
            ("a*.csv", "abc.csv", true),
            ("a*.csv", "abc.csv.bak", false),
            ("*", "", true),
            ("?.csv", ".csv", false),
            ("*a*b", "xaabxb", true),
            ("*a*b", "xaabx", false),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn hostile_text_is_tamed() {
        assert_eq!(shown("a\u{1b}[31m\nb"), "a\\u{1b}[31m\\nb");
        assert_eq!(shown(&"x".repeat(500)).chars().count(), 81);
    }
}
