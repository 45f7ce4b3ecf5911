//! Where the columns are: separator, titles, header, told from the first lines and the columns that the
//! source maps.

use super::{
    Role, Task, dates, decode,
    numbers::{self, missing},
    refusal,
    split::{Splitter, trimmed},
};
use crate::{files::shown, source};
use anyhow::Result;
use shockbrief_core::{
    Refusal,
    config::{Encoding, Separator},
};

/// Records looked at for the header.
const FIRST: usize = 60;

/// How a file is laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    pub encoding: Encoding,
    pub separator: Separator,
    /// The line of the header; none where columns are numbers.
    pub header: Option<usize>,
    /// The first line that may hold a row.
    pub first: usize,
    /// Cells of the header or of the first row.
    pub width: usize,
    /// The index of each wanted column.
    pub index: Vec<usize>,
}

/// A record of the sample: its line and its cells.
type Sampled = (usize, Vec<String>);

/// Finds the layout; nothing where the file looks ordinary but for its column names.
pub(super) fn find(task: &Task<'_>, encoding: Encoding, sample: &str) -> Result<Option<Layout>> {
    let declared = task.declared();
    let separators: Vec<Separator> =
        declared.separator.map_or_else(|| Separator::ALL.to_vec(), |one| vec![one]);
    let sampled: Vec<(Separator, Vec<Sampled>)> =
        separators.into_iter().map(|separator| (separator, records(task, sample, separator))).collect();
    if declared.header != Some(false)
        && let Some((layout, cells)) = with_header(task, encoding, &sampled)
    {
        let twice = |name: &&str| cells.iter().filter(|cell| cell == name).count() > 1;
        if let Some(name) = task.columns.iter().map(|(name, _)| *name).find(twice) {
            let place = format!("{}:{}", task.file, layout.header.unwrap_or(1));
            return Err(source::twice(&place, name).into());
        }
        return Ok(Some(layout));
    }
    let numbered: Option<Vec<usize>> = task.columns.iter().map(|(name, _)| number(name)).collect();
    match numbered {
        Some(index) if declared.header != Some(true) => {
            without_header(task, encoding, &sampled, index).map(Some)
        }
        _ if declared.header == Some(false) => Err(named(task).into()),
        _ => absent(task, encoding, &sampled),
    }
}

fn number(name: &str) -> Option<usize> {
    name.parse::<usize>().ok()?.checked_sub(1)
}

fn named(task: &Task<'_>) -> Refusal {
    Refusal::config(format!("source `{}`: without header, columns are numbers", task.spec.id)).hint(
        "write the columns by number, such as `columns: {date: \"1\", returns: \"5\"}`, or remove `header: false`",
    )
}

/// The first records; a refusal of the splitter ends them, since the sample ends anywhere.
fn records(task: &Task<'_>, sample: &str, separator: Separator) -> Vec<Sampled> {
    let skip = task.declared().skip.unwrap_or(0);
    let mut found: Vec<Sampled> = Vec::new();
    let mut splitter = Splitter::new(task.file, separator);
    let _ = splitter.push(sample, &mut |record| {
        if found.len() >= FIRST {
            anyhow::bail!("enough");
        }
        if record.line > skip && !record.blank() {
            let cells = record.cells.iter().map(|cell| clean(cell)).collect();
            found.push((record.line, cells));
        }
        Ok(())
    });
    // A file of one line, or the end of a short one.
    if found.len() < FIRST {
        let _ = splitter.finish(&mut |record| {
            if record.line > skip && !record.blank() {
                found.push((record.line, record.cells.iter().map(|cell| clean(cell)).collect()));
            }
            Ok(())
        });
    }
    found
}

fn clean(cell: &str) -> String {
    let cell = trimmed(cell);
    decode::utf7(cell).unwrap_or_else(|| cell.to_owned())
}

/// The first record, or with a declared number of titles the very first alone, that names all columns.
fn with_header<'s>(
    task: &Task<'_>,
    encoding: Encoding,
    sampled: &'s [(Separator, Vec<Sampled>)],
) -> Option<(Layout, &'s [String])> {
    let tried = if task.declared().skip.is_some() { 1 } else { FIRST };
    sampled.iter().find_map(|(separator, records)| {
        records.iter().take(tried).find_map(|(line, cells)| {
            let place = |name: &str| cells.iter().position(|cell| cell == name);
            let index = task.columns.iter().map(|(name, _)| place(name)).collect::<Option<Vec<usize>>>()?;
            let width = cells.len();
            let (header, first) = (Some(*line), line + 1);
            Some((Layout { encoding, separator: *separator, header, first, width, index }, cells.as_slice()))
        })
    })
}

/// The separator under which the first record with a date in its place has all columns, and readable ones.
fn without_header(
    task: &Task<'_>,
    encoding: Encoding,
    sampled: &[(Separator, Vec<Sampled>)],
    index: Vec<usize>,
) -> Result<Layout> {
    let row = |cells: &[String]| {
        task.columns.iter().zip(&index).all(|((_, role), at)| {
            let cell = cells.get(*at).map(String::as_str);
            cell.is_some_and(|cell| match role {
                Role::Date => dates::read(cell).is_some() || missing(cell, &[]),
                Role::Number => numbers::read(cell).is_some() || missing(cell, &task.declared().missing),
                Role::Text => true,
            })
        }) && cells.get(index[0]).is_some_and(|cell| dates::read(cell).is_some())
    };
    let mut fitting = sampled.iter().filter_map(|(separator, records)| {
        let (line, cells) = records.iter().find(|(_, cells)| row(cells))?;
        let index = index.clone();
        Some(Layout {
            encoding,
            separator: *separator,
            header: None,
            first: *line,
            width: cells.len(),
            index,
        })
    });
    let (one, other) = (fitting.next(), fitting.next());
    match (one, other) {
        (Some(layout), None) => Ok(layout),
        (Some(one), Some(other)) => Err(Refusal::data(format!(
            "{}: its first row can be split at `{}` and at `{}`",
            task.file,
            mark(one.separator),
            mark(other.separator)
        ))
        .hint(task.set("separator: \";\""))
        .into()),
        (None, _) => Err(Refusal::data(format!("{}: no row has the numbered columns", task.file))
            .hint(format!(
                "correct the numbers under `columns` of source `{}` in config/sources.yaml; the first line is: {}",
                task.spec.id,
                first_line(sampled)
            ))
            .into()),
    }
}

/// No line names all columns: refused here where the file is no plain CSV, left to the plain reader where it is.
fn absent(
    task: &Task<'_>,
    encoding: Encoding,
    sampled: &[(Separator, Vec<Sampled>)],
) -> Result<Option<Layout>> {
    let named = |cells: &[String]| {
        task.columns.iter().filter(|(name, _)| cells.iter().any(|cell| cell == name)).count()
    };
    let best = sampled
        .iter()
        .flat_map(|(separator, records)| records.iter().map(move |(line, cells)| (*separator, *line, cells)))
        .map(|(separator, line, cells)| (named(cells), separator, line, cells))
        // The first of several that name the same number.
        .rev()
        .max_by_key(|(named, ..)| *named);
    let Some((count, separator, line, cells)) = best else { return Ok(None) };
    let plain = encoding == Encoding::Utf8 && (count == 0 || separator == Separator::Comma) && line == 1;
    if task.spec.dialect.is_none() && (plain || (count == 0 && encoding == Encoding::Utf8)) {
        return Ok(None);
    }
    let lacking = task.columns.iter().find(|(name, _)| !cells.iter().any(|cell| cell == name));
    let lacking = lacking.map_or("", |(name, _)| *name);
    let found = cells.iter().take(40).map(|cell| shown(cell)).collect::<Vec<_>>().join(", ");
    Err(refusal(task.file, line, &format!("no column `{lacking}`"))
        .hint(format!(
            "correct `columns` of source `{}` in config/sources.yaml, or `separator`, `skip` and `encoding` of its \
             `dialect`; the line that names most columns has: {found}",
            task.spec.id
        ))
        .into())
}

fn first_line(sampled: &[(Separator, Vec<Sampled>)]) -> String {
    let first = sampled.first().and_then(|(_, records)| records.first());
    first.map_or_else(String::new, |(_, cells)| shown(&cells.join(",")))
}

/// A separator in words.
pub(super) fn mark(separator: Separator) -> &'static str {
    match separator {
        Separator::Comma => ",",
        Separator::Semicolon => ";",
        Separator::Tab => "tab",
        Separator::Pipe => "|",
    }
}
