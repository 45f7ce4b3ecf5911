//! A CSV file of the user's own as text cells: no declaration, all columns, each row with its line.
//!
//! Encoding and separator are told from the first lines. Blank lines are left out; a row of another width is refused.

use super::{
    decode::{self, Stop},
    refusal, sample,
    split::{Record, Splitter, trimmed},
};
use crate::{source, wide};
use anyhow::Result;
use shockbrief_core::{
    Refusal,
    config::{Encoding, Separator},
};
use std::{collections::BTreeSet, path::Path};

/// The cells of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Free {
    pub headers: Vec<String>,
    /// For each column its cells; nothing where a cell is empty.
    pub columns: Vec<Vec<Option<String>>>,
    /// The line of each row, counted from 1.
    pub lines: Vec<usize>,
    /// The second header line of a table that a data frame wrote with one for symbols and one for fields.
    pub below: Option<Vec<String>>,
    /// The line of the header.
    line: usize,
}

/// Reads a whole file.
///
/// # Errors
/// An empty or malformed file, a column named twice, or a row whose cells do not fit the header.
pub(crate) fn free(path: &Path) -> Result<Free> {
    let file = path.display().to_string();
    let sample = sample(path)?;
    let guess = decode::guess(&sample);
    match whole(path, &file, guess.encoding) {
        Err(Stop::Malformed) if guess.ascii => {
            whole(path, &file, Encoding::Windows1252).map_err(|stop| unread(&file, stop))
        }
        other => other.map_err(|stop| unread(&file, stop)),
    }
}

fn unread(file: &str, stop: Stop) -> anyhow::Error {
    match stop {
        Stop::Refused(error) => error,
        Stop::Malformed => Refusal::data(format!("{file}: bytes that are no text in its encoding"))
            .hint("save the file as UTF-8")
            .into(),
    }
}

fn whole(path: &Path, file: &str, encoding: Encoding) -> Result<Free, Stop> {
    let text = decode::sample_text(&sample(path).map_err(Stop::Refused)?, encoding);
    let separator = separator(file, &text);
    let mut free = Free { headers: Vec::new(), columns: Vec::new(), lines: Vec::new(), below: None, line: 0 };
    let mut splitter = Splitter::new(file, separator);
    let mut each = |record: &Record<'_>| free.take(file, record);
    decode::decode(path, encoding, &mut |text| splitter.push(text, &mut each))?;
    splitter.finish(&mut each).map_err(Stop::Refused)?;
    if free.headers.is_empty() {
        let refusal = Refusal::data(format!("{file}: empty file")).hint("it must begin with a header line");
        return Err(Stop::Refused(refusal.into()));
    }
    free.settle(file).map_err(Stop::Refused)?;
    Ok(free)
}

/// The mark that splits the header into most cells; a comma where there is one.
fn separator(file: &str, text: &str) -> Separator {
    let cells = |separator: Separator| {
        let (mut splitter, mut count) = (Splitter::new(file, separator), 0);
        let mut each = |record: &Record<'_>| {
            if record.blank() {
                return Ok(());
            }
            count = record.cells.len();
            Err(anyhow::anyhow!("enough"))
        };
        if splitter.push(text, &mut each).is_ok() {
            let _ = splitter.finish(&mut each);
        }
        count
    };
    if cells(Separator::Comma) > 1 {
        return Separator::Comma;
    }
    // The first of equals.
    Separator::ALL.into_iter().rev().max_by_key(|separator| cells(*separator)).unwrap_or(Separator::Comma)
}

impl Free {
    fn take(&mut self, file: &str, record: &Record<'_>) -> Result<()> {
        if record.blank() {
            return Ok(());
        }
        if self.headers.is_empty() {
            self.headers = record.cells.iter().map(|cell| trimmed(cell).to_owned()).collect();
            self.columns = vec![Vec::new(); self.headers.len()];
            self.line = record.line;
            return Ok(());
        }
        if record.cells.len() != self.headers.len() {
            let (have, need) = (record.cells.len(), self.headers.len());
            return Err(refusal(file, record.line, &format!("{have} cells under {need} headers"))
                .hint("give each row one cell per header; write decimal points, not commas")
                .into());
        }
        for (column, cell) in self.columns.iter_mut().zip(record.cells) {
            column.push(Some(trimmed(cell)).filter(|cell| !cell.is_empty()).map(str::to_owned));
        }
        self.lines.push(record.line);
        Ok(())
    }

    /// Header lines below the first, as data frames write them: the second with symbols or fields, then one that names
    /// the dates and nothing else. Refuses a column named twice.
    fn settle(&mut self, file: &str) -> Result<()> {
        let index = |row: usize| {
            let mut cells = self.columns.iter().map(|column| column.get(row).and_then(Option::as_ref));
            let first = cells.next().flatten()?;
            (wide::is_index(first) && cells.all(|cell| cell.is_none())).then(|| first.clone())
        };
        let found = index(0).map(|name| (0, name)).or_else(|| index(1).map(|name| (1, name)));
        if let Some((last, name)) = found.filter(|_| self.columns.len() > 1) {
            if last == 1 {
                let cell = |column: &Vec<Option<String>>| column[0].clone().unwrap_or_default();
                self.below = Some(self.columns.iter().map(cell).collect());
            }
            self.headers[0] = name;
            self.columns.iter_mut().for_each(|column| drop(column.drain(..=last)));
            self.lines.drain(..=last);
        }
        let mut seen = BTreeSet::new();
        let below = |at: usize| self.below.as_ref().map(|below| below[at].as_str());
        let twice = (0..self.headers.len()).find(|at| !seen.insert((self.headers[*at].as_str(), below(*at))));
        match twice {
            Some(at) => Err(source::twice(&format!("{file}:{}", self.line), &self.headers[at]).into()),
            None => Ok(()),
        }
    }
}
