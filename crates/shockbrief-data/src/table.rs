//! Free tables: a CSV, Parquet or xlsx file as text cells, for commands that take a file of the user's own.
//!
//! Cells become dates and finite numbers on request; what is neither is refused with file, line and column.
//! An empty cell is missing. Nothing is guessed from the first rows.

use crate::{
    cells::{self, Bad, Kind},
    dialect, quiet, source, wide, workbook,
};
use anyhow::Result;
use jiff::{civil::Date, tz::TimeZone};
use polars::prelude::{Column, DataFrame};
use shockbrief_core::Refusal;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// A file's cells.
#[derive(Debug, Clone, PartialEq)]
pub struct TextTable {
    /// The file, for messages.
    pub path: PathBuf,
    /// Column names, in order.
    pub headers: Vec<String>,
    columns: Vec<Held>,
    /// The line of each row; its number where the file has no lines.
    lines: Vec<usize>,
    zone: Option<TimeZone>,
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq)]
enum Held {
    Texts(Vec<Option<String>>),
    Numbers(Vec<Option<f64>>),
    Days(Vec<Option<Date>>),
    /// Instants whose day is open.
    Open(Bad),
    /// A type that is neither number, date nor text.
    Foreign(String),
    /// Cells of a workbook that are no column, with the refusal that names one of them.
    Refused(Refusal),
}

/// A Parquet file in memory as CSV text with commas, every cell as it would be read from a file.
///
/// # Errors
/// When it is no Parquet file, or holds what cannot be read as text.
pub fn parquet_as_csv(bytes: &[u8]) -> Result<Vec<u8>> {
    let file = tempfile::Builder::new().suffix(".parquet").tempfile()?;
    fs_err::write(file.path(), bytes)?;
    let table = TextTable::read(file.path())?;
    let quoted = |text: &str| match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    };
    let line = |cells: Vec<String>| cells.join(",") + "\n";
    let mut text = line(table.headers.iter().map(|name| quoted(name)).collect());
    // A column that is no text is left empty: whoever asks for it finds nothing there.
    let none = || vec![None; table.rows()];
    let columns: Vec<Vec<Option<String>>> =
        table.headers.iter().map(|name| table.texts(name).unwrap_or_else(|_| none())).collect();
    for row in 0..table.rows() {
        let cells = columns.iter().map(|column| column[row].as_deref().map_or(String::new(), quoted));
        text.push_str(&line(cells.collect()));
    }
    Ok(text.into_bytes())
}

impl TextTable {
    /// Reads a file; its format is its ending.
    ///
    /// # Errors
    /// A missing, empty, cut-off or damaged file, or an ending that no source reads.
    pub fn read(path: &Path) -> Result<Self> {
        Self::read_in(path, None)
    }

    /// Reads a file whose instants are days of `zone`.
    ///
    /// # Errors
    /// As [`TextTable::read`], and a zone that is not known.
    pub fn read_in(path: &Path, zone: Option<&str>) -> Result<Self> {
        Self::read_field(path, zone, None)
    }

    /// Reads a file; of a table with one header line for symbols and one for fields, the columns of `field` under the
    /// names of the symbols, the dates as `date`.
    ///
    /// # Errors
    /// As [`TextTable::read_in`], and several fields of which none is chosen, or one that is not there.
    pub fn read_field(path: &Path, zone: Option<&str>, field: Option<&str>) -> Result<Self> {
        let (table, below) = Self::levels(path, zone)?;
        match below {
            Some(below) => table.of_field(&below, field).map_err(Into::into),
            None => Ok(table),
        }
    }

    /// The table, and the second header line where it has one.
    fn levels(path: &Path, zone: Option<&str>) -> Result<(Self, Option<Vec<String>>)> {
        let zone = zone.map(|name| zone_of(path, name)).transpose()?;
        let format =
            path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
        let source = source::by_format(&format)?;
        fs_err::metadata(path)?;
        if format == "csv" {
            let dialect::Free { headers, columns, lines, below, .. } = dialect::free(path)?;
            let columns = columns.into_iter().map(Held::Texts).collect();
            return Ok((Self { path: path.to_owned(), headers, columns, lines, zone }, below));
        }
        if format == workbook::FORMAT {
            let free = workbook::free(path, zone.as_ref())?;
            let (mut headers, mut columns) = (Vec::new(), Vec::new());
            for (name, column) in free.columns {
                headers.push(name);
                columns.push(
                    column.map_or_else(|refusal| Ok(Held::Refused(refusal)), |c| held(&c, zone.as_ref()))?,
                );
            }
            return Ok((Self { path: path.to_owned(), headers, columns, lines: free.lines, zone }, None));
        }
        let attempt = quiet::caught(|| -> Result<DataFrame> { Ok(source.scan(path)?.collect()?) });
        let frame = match attempt {
            Ok(Ok(frame)) => frame,
            Ok(Err(error)) if error.is::<Refusal>() => return Err(error),
            Ok(Err(error)) => return Err(unreadable(path, &format!("{error:#}")).into()),
            Err(_) => return Err(unreadable(path, "its contents are damaged").into()),
        };
        let held = |column: &Column| held(column, zone.as_ref());
        let mut columns = frame.columns().iter().map(held).collect::<Result<Vec<_>>>()?;
        let mut headers: Vec<String> = frame.get_column_names().iter().map(ToString::to_string).collect();
        if format == "parquet" {
            for (name, dtype) in source::parquet::foreign(path)? {
                headers.push(name);
                columns.push(Held::Foreign(dtype));
            }
        }
        let below = wide::split(&mut headers);
        let lines = (1..=frame.height()).collect();
        Ok((Self { path: path.to_owned(), headers, columns, lines, zone }, below))
    }

    /// The columns of one field, named by their symbols.
    fn of_field(self, below: &[String], field: Option<&str>) -> Result<Self, Refusal> {
        let refuse = |message: String, fields: &BTreeSet<&str>| {
            let fields: Vec<String> = fields.iter().map(|field| crate::files::shown(field)).collect();
            Refusal::data(format!("{}: {message}", self.path.display()))
                .hint(format!("name one by `field`; there are: {}", fields.join(", ")))
        };
        // The column of dates has nothing in the second line, or the name of the line.
        let is_date = |at: usize| wide::is_index(&self.headers[at]) || below[at].is_empty();
        let others: Vec<usize> = (0..self.headers.len()).filter(|at| !is_date(*at)).collect();
        let names = |of: &[String]| others.iter().map(|at| of[*at].clone()).collect::<BTreeSet<String>>();
        let (upper, lower) = (names(&self.headers), names(below));
        let known = |names: &BTreeSet<String>| match field {
            Some(field) => names.contains(field),
            None => names.iter().all(|name| wide::is_field(name)),
        };
        let all: BTreeSet<&str> = upper.iter().chain(&lower).map(String::as_str).collect();
        let (symbols, fields): (&[String], &[String]) = match (known(&upper), known(&lower)) {
            (true, false) => (below, &self.headers),
            (false, true) => (&self.headers, below),
            _ => {
                return Err(refuse(
                    "two header lines, and it is open which names the fields".to_owned(),
                    &all,
                ));
            }
        };
        let distinct: BTreeSet<&str> = others.iter().map(|at| fields[*at].as_str()).collect();
        let field = match (field, distinct.first()) {
            (Some(field), _) => field,
            (None, Some(one)) if distinct.len() == 1 => one,
            _ => return Err(refuse("two header lines with several fields".to_owned(), &distinct)),
        };
        let kept: Vec<usize> =
            (0..self.headers.len()).filter(|at| is_date(*at) || fields[*at] == field).collect();
        let headers =
            kept.iter().map(|at| if is_date(*at) { "date".to_owned() } else { symbols[*at].clone() });
        let headers: Vec<String> = headers.collect();
        let columns = kept.iter().map(|at| self.columns[*at].clone()).collect();
        Ok(Self { headers, columns, ..self })
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is a column of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|header| header == name)
    }

    fn held(&self, name: &str) -> Result<&Held, Refusal> {
        let index = self.headers.iter().position(|header| header == name).ok_or_else(|| {
            Refusal::data(format!("{}: no column `{name}`", self.path.display()))
                .hint(format!("the file has: {}", self.headers.join(", ")))
        })?;
        Ok(&self.columns[index])
    }

    /// A column's cells; numbers with all their digits, days as 2025-01-27.
    ///
    /// # Errors
    /// When there is no such column, or it is no text.
    pub fn texts(&self, name: &str) -> Result<Vec<Option<String>>, Refusal> {
        match self.held(name)? {
            Held::Texts(texts) => Ok(texts.clone()),
            Held::Numbers(numbers) => Ok(numbers.iter().map(|value| value.map(|v| v.to_string())).collect()),
            Held::Days(days) => Ok(days.iter().map(|day| day.map(|day| day.to_string())).collect()),
            Held::Open(bad) => Err(self.open(name, bad)),
            Held::Foreign(dtype) => Err(self.mistyped(name, dtype, "text")),
            Held::Refused(refusal) => Err(refusal.clone()),
        }
    }

    /// A column as dates.
    ///
    /// # Errors
    /// No such column, an empty cell, or a cell that is no date.
    pub fn dates(&self, name: &str) -> Result<Vec<Date>, Refusal> {
        let days = match self.held(name)? {
            Held::Days(days) => days.clone(),
            Held::Texts(texts) => {
                let texts = texts.iter().map(Option::as_deref);
                cells::text_days(texts, self.zone.as_ref(), false).map_err(|bad| self.open(name, &bad))?
            }
            Held::Numbers(_) => return Err(self.mistyped(name, "numbers", "dates")),
            Held::Open(bad) => return Err(self.open(name, bad)),
            Held::Foreign(dtype) => return Err(self.mistyped(name, dtype, "dates")),
            Held::Refused(refusal) => return Err(refusal.clone()),
        };
        let day = |(row, day): (usize, Option<Date>)| day.ok_or_else(|| self.bad(row, name, "", cells::ISO));
        days.into_iter().enumerate().map(day).collect()
    }

    /// Whether a column holds dates for the most part, so that a cell that is none is a mistake and no label.
    ///
    /// # Errors
    /// When there is no such column.
    pub fn dated(&self, name: &str) -> Result<bool, Refusal> {
        Ok(match self.held(name)? {
            Held::Days(_) | Held::Open(_) => true,
            Held::Numbers(_) | Held::Foreign(_) | Held::Refused(_) => false,
            Held::Texts(texts) => {
                let date = |cell: &&Option<String>| {
                    cell.as_deref().is_some_and(|cell| dialect::dates::read(cell.trim()).is_some())
                };
                2 * texts.iter().filter(date).count() > texts.len()
            }
        })
    }

    /// A column as dates, each once, oldest first.
    ///
    /// # Errors
    /// As [`TextTable::dates`], and a date that does not follow the one before it.
    pub fn ascending(&self, name: &str) -> Result<Vec<Date>, Refusal> {
        let dates = self.dates(name)?;
        match dates.windows(2).position(|pair| pair[0] >= pair[1]) {
            None => Ok(dates),
            Some(row) => Err(Refusal::data(format!(
                "{}:{}: date {} follows {}",
                self.path.display(),
                self.line(row + 1),
                dates[row + 1],
                dates[row]
            ))
            .hint("sort the rows by date and keep each date once")),
        }
    }

    /// A column as finite numbers, each divided by `unit`; an empty cell is missing.
    ///
    /// # Errors
    /// No such column, or a cell that is no finite number.
    pub fn numbers(&self, name: &str, unit: f64) -> Result<Vec<Option<f64>>, Refusal> {
        const HINT: &str = "write a finite number with a decimal point, or leave the cell empty";
        match self.held(name)? {
            Held::Texts(texts) => {
                let number = |(row, cell): (usize, &Option<String>)| match cell.as_deref().map(str::trim) {
                    None | Some("" | "NA") => Ok(None),
                    Some(text) => match text.parse::<f64>() {
                        Ok(value) if value.is_finite() => Ok(Some(value / unit)),
                        _ => Err(self.bad(row, name, text, HINT)),
                    },
                };
                texts.iter().enumerate().map(number).collect()
            }
            Held::Numbers(numbers) => {
                let number = |(row, value): (usize, &Option<f64>)| match *value {
                    // What a data frame writes for a missing cell.
                    None => Ok(None),
                    Some(value) if value.is_nan() => Ok(None),
                    Some(value) if value.is_finite() => Ok(Some(value / unit)),
                    Some(value) => Err(self.bad(row, name, &value.to_string(), HINT)),
                };
                numbers.iter().enumerate().map(number).collect()
            }
            Held::Days(_) => Err(self.mistyped(name, "dates", "numbers")),
            Held::Open(_) => Err(self.mistyped(name, "instants", "numbers")),
            Held::Foreign(dtype) => Err(self.mistyped(name, dtype, "numbers")),
            Held::Refused(refusal) => Err(refusal.clone()),
        }
    }

    /// The line of a row, counted from 1; of a file without lines, the row's number.
    #[must_use]
    pub fn line(&self, row: usize) -> usize {
        self.lines.get(row).copied().unwrap_or(row + 1)
    }

    /// A refusal that names a cell; `row` counts from 0 below the header.
    #[must_use]
    pub fn bad(&self, row: usize, column: &str, text: &str, hint: &str) -> Refusal {
        let shown: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
        Refusal::data(format!(
            "{}:{}: column `{column}` holds `{shown}`",
            self.path.display(),
            self.line(row)
        ))
        .hint(hint)
    }

    fn open(&self, column: &str, bad: &Bad) -> Refusal {
        let line = bad.row.map_or_else(String::new, |row| format!(":{}", self.line(row)));
        Refusal::data(format!("{}{line}: column `{column}` holds {}", self.path.display(), bad.what))
            .hint(bad.hint.clone())
    }

    fn mistyped(&self, column: &str, dtype: &str, wanted: &str) -> Refusal {
        Refusal::data(format!("{}: column `{column}` holds {dtype}, not {wanted}", self.path.display()))
            .hint("write the column anew, or name another one")
    }
}

fn zone_of(path: &Path, name: &str) -> Result<TimeZone, Refusal> {
    TimeZone::get(name).map_err(|_| {
        Refusal::config(format!("unknown time zone `{}` for {}", crate::files::shown(name), path.display()))
            .hint("write an IANA name, such as America/New_York")
    })
}

fn held(column: &Column, zone: Option<&TimeZone>) -> Result<Held> {
    Ok(match cells::kind(column.dtype()) {
        Kind::Text | Kind::Nothing => Held::Texts(cells::texts(column)?),
        Kind::Number => Held::Numbers(cells::floats(column)?),
        Kind::Day | Kind::Instant => match cells::days(column, zone, false)? {
            Ok(days) => Held::Days(days),
            Err(bad) => Held::Open(bad),
        },
        Kind::Other => Held::Foreign(column.dtype().to_string()),
    })
}

fn unreadable(path: &Path, why: &str) -> Refusal {
    let first = why.lines().next().unwrap_or_default();
    Refusal::data(format!("{}: cannot be read: {first}", path.display()))
        .hint("check that the file is whole and of the format its ending says")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<TextTable> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("t.csv");
        fs_err::write(&path, text)?;
        TextTable::read(&path)
    }

    #[test]
    fn cells_become_dates_and_numbers() {
        let table = table("date,A,B\n2025-01-02,0.5,\n2025-01-03,-1e-3,2\n").unwrap();
        assert_eq!(table.dates("date").unwrap().len(), 2);
        assert_eq!(table.numbers("A", 1.0).unwrap(), [Some(0.5), Some(-0.001)]);
        assert_eq!(table.numbers("B", 100.0).unwrap(), [None, Some(0.02)]);
    }

    #[test]
    fn a_bad_cell_is_named() {
        for (text, place) in [
            ("date,A\n2025-01-02,x\n", ":2: column `A`"),
            ("date,A\n2025-01-02,1\n2025-01-03,inf\n", ":3: column `A`"),
            ("date,A\n2025-01-02,NaN\n", ":2: column `A`"),
            ("date,A\n2025-01-02,1e999\n", ":2: column `A`"),
        ] {
            let message = table(text).unwrap().numbers("A", 1.0).unwrap_err().message;
            assert!(message.contains(place), "{message}");
        }
        let message = table("date,A\nsoon,1\n").unwrap().dates("date").unwrap_err().message;
        assert!(message.contains(":2: column `date` holds `soon`"), "{message}");
    }

    #[test]
    fn hostile_files_are_refused() {
        assert!(table("").is_err());
        assert!(table("date,A\n").unwrap().rows() == 0);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        fs_err::write(&path, [0xff, 0xfe, b',', 0x80, b'\n', 0xc3, b'\n']).unwrap();
        let _ = TextTable::read(&path).map(|table| table.dates("date").unwrap_err());
        fs_err::write(folder.path().join("t.parquet"), b"PAR1 not really PAR1").unwrap();
        assert!(TextTable::read(&folder.path().join("t.parquet")).is_err());
        assert!(TextTable::read(&folder.path().join("t.xlsx")).is_err());
    }
}
