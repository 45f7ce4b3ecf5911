//! The top of a wide CSV file: its header lines, one or two, and where the columns are.

use super::{
    Canonical, Task, Trouble, dates, decode, finished,
    layout::{Layout, mark},
    normalise, numbers, refusal,
    split::{Splitter, trimmed},
};
use crate::files::shown;
use anyhow::Result;
use shockbrief_core::{
    Refusal,
    config::{Encoding, Separator, SourceSpec},
};
use std::{io::Read as _, path::Path};

/// The longest top; 20,000 symbols with a field each take less.
const TOP: usize = 4 << 20;
/// Records looked at for the header.
const FIRST: usize = 12;

/// What stands over the rows of a wide file.
#[derive(Debug, Clone)]
pub(crate) struct Top {
    /// The header lines that name symbols and fields, one or two, cell by cell.
    pub levels: Vec<Vec<String>>,
    /// The column of dates.
    pub date: usize,
    /// The line of the last header line.
    pub line: usize,
    encoding: Encoding,
    separator: Separator,
    marked: bool,
    ascii: bool,
}

/// A line, counted from 1, and its cells.
pub(crate) type Lined = (usize, Vec<String>);

/// Finds the header lines of a wide file: the line that names the column of dates, and what belongs to it.
///
/// # Errors
/// A file that cannot be read, or none of whose first lines names the dates.
pub(crate) fn top(spec: &SourceSpec, path: &Path, file: &str) -> Result<Top> {
    let mut bytes = Vec::new();
    fs_err::File::open(path)?.take(TOP as u64).read_to_end(&mut bytes)?;
    let guess = decode::guess(&bytes[..bytes.len().min(decode::SAMPLE)]);
    let declared = spec.dialect.clone().unwrap_or_default();
    let encoding = declared.encoding.unwrap_or(guess.encoding);
    let text = decode::sample_text(&bytes, encoding);
    let separators = declared.separator.map_or_else(|| Separator::ALL.to_vec(), |one| vec![one]);
    let mut first = String::new();
    for separator in separators {
        let records = records(file, &text, separator, declared.skip.unwrap_or(0));
        if let Some((levels, date, line)) = levels(spec, &records) {
            let (marked, ascii) = (guess.marked, guess.ascii);
            return Ok(Top { levels, date, line, encoding, separator, marked, ascii });
        }
        if first.is_empty() {
            first = records.first().map_or_else(String::new, |(_, cells)| shown(&cells.join(",")));
        }
    }
    Err(Refusal::data(format!("{file}: no header line names the dates `{}`", shown(&spec.columns.date)))
        .hint(format!(
            "correct `date` under `columns` of source `{}` in config/sources.yaml, by name or by number; the first \
             line is: {first}",
            spec.id
        ))
        .into())
}

fn records(file: &str, text: &str, separator: Separator, skip: usize) -> Vec<Lined> {
    let mut found: Vec<Lined> = Vec::new();
    let mut splitter = Splitter::new(file, separator);
    let mut each = |record: &super::Record<'_>| {
        if found.len() >= FIRST {
            anyhow::bail!("enough");
        }
        if record.line > skip && !record.blank() {
            found.push((record.line, record.cells.iter().map(|cell| trimmed(cell).to_owned()).collect()));
        }
        Ok(())
    };
    // The text ends anywhere.
    if splitter.push(text, &mut each).is_ok() {
        let _ = splitter.finish(&mut each);
    }
    found
}

/// The header lines among the first records, the column of dates and the last header line.
pub(crate) fn levels(spec: &SourceSpec, records: &[Lined]) -> Option<(Vec<Vec<String>>, usize, usize)> {
    let name = spec.columns.date.as_str();
    let named = records.iter().enumerate().find_map(|(at, (_, cells))| {
        Some((at, cells.iter().position(|cell| cell == name).filter(|_| cells.len() > 1)?))
    });
    let numbered = || {
        let date = name.parse::<usize>().ok()?.checked_sub(1)?;
        let row = records
            .iter()
            .position(|(_, cells)| cells.get(date).is_some_and(|c| dates::read(c).is_some()))?;
        Some((row.checked_sub(1)?, date))
    };
    let (at, date) = named.or_else(numbered)?;
    let (line, cells) = &records[at];
    let others = |cells: &[String], wanted: fn(&str) -> bool| {
        cells.iter().enumerate().all(|(column, cell)| column == date || wanted(cell))
    };
    if others(cells, str::is_empty) {
        // The index names itself below the names of the columns.
        let above = &records[at.saturating_sub(2)..at];
        let levels = above.iter().filter(|(_, level)| level.len() == cells.len());
        let levels: Vec<Vec<String>> = levels.map(|(_, level)| level.clone()).collect();
        return (!levels.is_empty()).then_some((levels, date, *line));
    }
    let below = records.get(at + 1).filter(|(_, next)| {
        let word =
            |cell: &str| !cell.is_empty() && numbers::read(cell).is_none() && dates::read(cell).is_none();
        let unnamed = next.get(date).is_none_or(|cell| dates::read(cell).is_none());
        unnamed && spec.columns.returns.is_some() && others(next, word)
    });
    Some(match below {
        Some((below, next)) => (vec![cells.clone(), next.clone()], date, *below),
        None => (vec![cells.clone()], date, *line),
    })
}

/// Reads the columns of a wide file by their places, the date first.
///
/// # Errors
/// As for any file that is not canonical, by line and cell.
pub(crate) fn read_at(task: &Task<'_>, top: &Top, index: Vec<usize>) -> Result<Canonical> {
    let width = top.levels.iter().map(Vec::len).max().unwrap_or(0);
    let layout = Layout {
        encoding: top.encoding,
        separator: top.separator,
        header: Some(top.line),
        first: top.line + 1,
        width,
        index,
    };
    match normalise(task, &layout, top.marked) {
        Err(Trouble::Malformed(_)) if top.ascii && task.declared().encoding.is_none() => {
            let layout = Layout { encoding: Encoding::Windows1252, ..layout };
            normalise(task, &layout, false).map_err(|trouble| finished(task, top.encoding, trouble))
        }
        other => other.map_err(|trouble| finished(task, top.encoding, trouble)),
    }
}

impl Top {
    /// The header line as it stands in messages.
    pub fn place(&self, file: &str) -> String {
        format!("{file}:{}", self.line)
    }

    /// A refusal of the header.
    pub fn refuse(&self, file: &str, message: &str) -> Refusal {
        refusal(file, self.line, &format!("{message} (cells between `{}`)", mark(self.separator)))
    }
}
