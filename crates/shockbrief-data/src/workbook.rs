//! Workbooks: one sheet of an xlsx file as cells with their positions. Nothing is ever written.
//!
//! A cell says what the workbook stored: a formula whose result was not stored, an error and a text where a number is
//! meant are refused by their position. What merged cells of a header mean is asked for, not guessed.

mod columns;
mod header;

pub(crate) use columns::{Reading, Told, Wish};

use crate::{dialect::Role, files::shown, frame::Query, quiet};
use anyhow::Result;
use calamine::{DataRef, Dimensions, ExcelDateTime, Reader, SheetType, SheetVisible, Xlsx, open_workbook};
use polars::prelude::{Column, DataFrame};
use shockbrief_core::{
    Refusal,
    config::{SourceSpec, SourceUnit, Undated, Workbook},
};
use std::{collections::BTreeSet, fs::File, io::BufReader, path::Path};

/// The name of the format.
pub(crate) const FORMAT: &str = "xlsx";
/// Cells that a sheet may have: some GB of memory.
const LARGEST: usize = 40_000_000;

/// What a cell holds.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Number(f64),
    Text(String),
    Date(ExcelDateTime),
    Truth(bool),
    Error(String),
    /// A formula whose result is not stored.
    Unknown,
}

/// A row: its number from 0, and its cells by column.
type Row = (u32, Vec<(u32, Cell)>);

/// A sheet.
pub(crate) struct Sheet {
    /// The file, for messages.
    file: String,
    name: String,
    /// Whether days are counted from 1904.
    is_1904: bool,
    /// Rows that hold something, in order.
    rows: Vec<Row>,
    merged: Vec<Dimensions>,
    /// Cells shown in percent; looked up only where that matters.
    percent: BTreeSet<(u32, u32)>,
}

impl Sheet {
    /// Reads the declared sheet of a file, or its only visible one.
    ///
    /// # Errors
    /// No workbook, no such sheet, several of which none is named, or more cells than fit.
    pub fn open(path: &Path, file: &str, spec: Option<&SourceSpec>) -> Result<Self> {
        let read = quiet::caught(|| Self::read(path, file, spec));
        let damaged = || unreadable(file, "its contents are damaged");
        match read.map_err(|_| damaged())? {
            Err(error) if !error.is::<Refusal>() => Err(unreadable(file, &format!("{error:#}")).into()),
            other => other,
        }
    }

    fn read(path: &Path, file: &str, spec: Option<&SourceSpec>) -> Result<Self> {
        let declared = spec.and_then(|spec| spec.workbook.clone()).unwrap_or_default();
        fs_err::metadata(path)?;
        let mut book: Xlsx<BufReader<File>> = open_workbook(path)?;
        let name = chosen(&book, file, &declared, spec.map(|spec| spec.id.as_str()))?;
        let is_1904 = book.has_1904_epoch();
        let merged = book.merge_cells_by_sheet_name(&name)?;
        let mut percent = BTreeSet::new();
        if spec.is_some_and(|spec| spec.unit == SourceUnit::Percent) {
            let styles = book.worksheet_style(&name)?;
            let of = |code: &str| code.contains('%');
            let all = styles.cells().filter(|(_, _, style)| {
                style.number_format.as_ref().is_some_and(|format| of(&format.format_code))
            });
            percent.extend(all.map(|(row, column, _)| (row, column)));
        }
        let rows = rows(&mut book, &name, file)?;
        Ok(Self { file: file.to_owned(), name, is_1904, rows, merged, percent })
    }

    /// A position as the spreadsheet shows it.
    fn at(&self, row: u32, column: u32) -> String {
        let name = match self.name.chars().all(|c| c.is_alphanumeric() || c == '_') {
            true => shown(&self.name),
            false => format!("'{}'", shown(&self.name)),
        };
        format!("{name}!{}{}", letters(column), u64::from(row) + 1)
    }

    /// A refusal at a position.
    fn refuse(&self, row: u32, column: u32, message: impl std::fmt::Display) -> Refusal {
        Refusal::data(format!("{}: {}: {message}", self.file, self.at(row, column)))
    }
}

/// The wanted columns of a long table, and what was assumed.
pub(crate) fn long(query: &Query<'_>, roles: &[(&str, Role)]) -> Result<(DataFrame, String)> {
    let (spec, file) = (query.spec, query.file.relative.as_str());
    let sheet = Sheet::open(&query.file.path, file, Some(spec))?;
    let names: Vec<&str> = roles.iter().map(|(name, _)| *name).collect();
    let (header, places) = sheet.named(spec, &names)?;
    let wishes: Vec<Wish<'_>> =
        roles.iter().zip(places).map(|((name, role), at)| Wish { name, at, role: *role }).collect();
    let zone = query.zone()?;
    let (columns, told) = sheet.table(header, &wishes, &Reading::of(spec, zone.as_ref()))?;
    Ok((DataFrame::new_infer_height(columns)?, sheet.sentence(header, &told)))
}

/// The texts of one column of a declared sheet, each once.
pub(crate) fn texts(spec: &SourceSpec, path: &Path, file: &str, column: &str) -> Result<BTreeSet<String>> {
    let sheet = Sheet::open(path, file, Some(spec))?;
    let (header, places) = sheet.named(spec, &[column])?;
    let wish = Wish { name: column, at: places.first().copied().unwrap_or(0), role: Role::Text };
    let rows: Vec<&Row> = sheet.rows.iter().filter(|(row, _)| *row > header).collect();
    let read = sheet.column(&wish, &rows, &Reading::default(), &mut Told::default())?;
    Ok(crate::cells::texts(&read)?.into_iter().flatten().collect())
}

/// A sheet without declaration.
pub(crate) struct Free {
    /// Each column under its name, or why it cannot be read.
    pub columns: Vec<(String, Result<Column, Refusal>)>,
    /// The row of each row of the table, counted from 1.
    pub lines: Vec<usize>,
}

/// All columns of the only sheet of a file, below the first row that holds something.
///
/// # Errors
/// As [`Sheet::open`], merged cells in the header, or a column named twice.
pub(crate) fn free(path: &Path, zone: Option<&jiff::tz::TimeZone>) -> Result<Free> {
    let sheet = Sheet::open(path, &path.display().to_string(), None)?;
    let (header, names) = sheet.first()?;
    let reading = Reading { zone, ..Reading::default() };
    let rows: Vec<&Row> = sheet.rows.iter().filter(|(row, _)| *row > header).collect();
    let mut told = Told::default();
    let mut columns = Vec::new();
    for (at, name) in names {
        let wish = Wish { name: &name, at, role: sheet.mostly(at, &rows) };
        let read = match sheet.column(&wish, &rows, &reading, &mut told) {
            Err(error) => Err(error.downcast::<Refusal>()?),
            Ok(column) => Ok(column),
        };
        columns.push((name, read));
    }
    Ok(Free { columns, lines: rows.iter().map(|(row, _)| *row as usize + 1).collect() })
}

impl<'a> Reading<'a> {
    /// What a source declares.
    pub fn of(spec: &'a SourceSpec, zone: Option<&'a jiff::tz::TimeZone>) -> Self {
        Self {
            missing: spec.workbook.as_ref().map_or(&[], |workbook| &workbook.missing),
            undated: spec.undated == Undated::Skip,
            zone,
        }
    }
}

/// The sheet that is meant.
fn chosen(
    book: &Xlsx<BufReader<File>>,
    file: &str,
    declared: &Workbook,
    source: Option<&str>,
) -> Result<String, Refusal> {
    let sheets = book.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
    let listed = |names: &[&str]| names.iter().map(|name| shown(name)).collect::<Vec<_>>().join(", ");
    let all: Vec<&str> = sheets.clone().map(|sheet| sheet.name.as_str()).collect();
    if let Some(name) = &declared.sheet {
        if all.contains(&name.as_str()) {
            return Ok(name.clone());
        }
        let id = source.unwrap_or_default();
        return Err(Refusal::data(format!("{file}: no sheet `{}`", shown(name))).hint(format!(
            "correct `sheet` under `workbook` of source `{id}`; the file has: {}",
            listed(&all)
        )));
    }
    let visible: Vec<&str> =
        sheets.filter(|sheet| sheet.visible == SheetVisible::Visible).map(|s| s.name.as_str()).collect();
    match visible.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => Err(unreadable(file, "it has no visible sheet")),
        several => Err(Refusal::data(format!("{file}: {} sheets, and none is named", several.len())).hint(
            match source {
                Some(id) => format!(
                    "name one by `workbook: {{sheet: ...}}` for source `{id}`; there are: {}",
                    listed(several)
                ),
                None => format!("save the sheet in a file of its own; there are: {}", listed(several)),
            },
        )),
    }
}

/// All cells that hold something, in order of row and column.
fn rows(book: &mut Xlsx<BufReader<File>>, name: &str, file: &str) -> Result<Vec<Row>> {
    let mut reader = book.worksheet_cells_reader(name)?;
    let mut cells: Vec<((u32, u32), Cell)> = Vec::new();
    while let Some(found) = reader.next_cell_with_formula()? {
        if let Some(cell) = cell(&found.value, found.formula.is_some()) {
            cells.push((found.pos, cell));
        }
        if cells.len() > LARGEST {
            return Err(unreadable(file, &format!("more than {LARGEST} cells")).into());
        }
    }
    cells.sort_by_key(|(place, _)| *place);
    let mut rows: Vec<Row> = Vec::new();
    for ((row, column), cell) in cells {
        match rows.last_mut().filter(|(last, _)| *last == row) {
            Some((_, cells)) if cells.last().is_some_and(|(last, _)| *last == column) => {
                return Err(unreadable(file, "a cell stands there twice").into());
            }
            Some((_, cells)) => cells.push((column, cell)),
            None => rows.push((row, vec![(column, cell)])),
        }
    }
    Ok(rows)
}

fn cell(value: &DataRef<'_>, formula: bool) -> Option<Cell> {
    let text = |text: &str| {
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        (!text.is_empty()).then(|| Cell::Text(text.to_owned()))
    };
    match value {
        DataRef::Empty => formula.then_some(Cell::Unknown),
        DataRef::Int(value) => Some(Cell::Number(*value as f64)),
        DataRef::Float(value) => Some(Cell::Number(*value)),
        DataRef::String(value) => text(value),
        DataRef::SharedString(value) => text(value),
        DataRef::Bool(value) => Some(Cell::Truth(*value)),
        DataRef::DateTime(value) => Some(Cell::Date(*value)),
        DataRef::DateTimeIso(value) | DataRef::DurationIso(value) => text(value),
        DataRef::Error(error) => Some(Cell::Error(error.to_string())),
    }
}

fn unreadable(file: &str, why: &str) -> Refusal {
    let first = why.lines().next().unwrap_or_default();
    Refusal::data(format!("{file}: not a readable xlsx file: {}", shown(first)))
        .hint("save the workbook again as xlsx, without password, or correct `format`")
}

/// A column's letters.
fn letters(column: u32) -> String {
    let mut left = column + 1;
    let mut letters = Vec::new();
    while left > 0 {
        letters.push(char::from(b'A' + u8::try_from((left - 1) % 26).unwrap_or(0)));
        left = (left - 1) / 26;
    }
    letters.into_iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_the_letters_of_spreadsheets() {
        for (column, name) in [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (16383, "XFD")] {
            assert_eq!(letters(column), name);
        }
    }
}
