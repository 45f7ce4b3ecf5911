//! Free tables: a CSV or Parquet file as text cells, for commands that take a file of the user's own.
//!
//! Cells become dates and finite numbers on request; what is neither is refused with file, line and column.
//! An empty cell is missing. Nothing is guessed from the first rows.

use crate::source;
use anyhow::Result;
use jiff::civil::Date;
use polars::prelude::{AnyValue, DataFrame};
use shockbrief_core::Refusal;
use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

/// A file's cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextTable {
    /// The file, for messages.
    pub path: PathBuf,
    /// Column names, in order.
    pub headers: Vec<String>,
    columns: Vec<Vec<Option<String>>>,
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
    for row in 0..table.rows() {
        let cells = table.columns.iter().map(|column| column[row].as_deref().map_or(String::new(), quoted));
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
        let format =
            path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
        let source = source::by_format(&format)?;
        fs_err::metadata(path)?;
        if format == "csv" {
            check_shape(path)?;
        }
        let attempt =
            catch_unwind(AssertUnwindSafe(|| -> Result<DataFrame> { Ok(source.scan(path)?.collect()?) }));
        let frame = match attempt {
            Ok(Ok(frame)) => frame,
            Ok(Err(error)) if error.is::<Refusal>() => return Err(error),
            Ok(Err(error)) => return Err(unreadable(path, &format!("{error:#}")).into()),
            Err(_) => return Err(unreadable(path, "its contents are damaged").into()),
        };
        let headers = frame.get_column_names().iter().map(ToString::to_string).collect();
        let columns = frame
            .columns()
            .iter()
            .map(|column| {
                (0..frame.height()).map(|row| cell(&column.get(row).unwrap_or(AnyValue::Null))).collect()
            })
            .collect();
        Ok(Self { path: path.to_owned(), headers, columns })
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, Vec::len)
    }

    /// Whether there is a column of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|header| header == name)
    }

    /// A column's cells.
    ///
    /// # Errors
    /// When there is no such column.
    pub fn texts(&self, name: &str) -> Result<&[Option<String>], Refusal> {
        let index = self.headers.iter().position(|header| header == name).ok_or_else(|| {
            Refusal::data(format!("{}: no column `{name}`", self.path.display()))
                .hint(format!("the file has: {}", self.headers.join(", ")))
        })?;
        Ok(&self.columns[index])
    }

    /// A column as dates.
    ///
    /// # Errors
    /// No such column, an empty cell, or a cell that is no ISO date.
    pub fn dates(&self, name: &str) -> Result<Vec<Date>, Refusal> {
        self.texts(name)?
            .iter()
            .enumerate()
            .map(|(row, cell)| {
                let text = cell.as_deref().unwrap_or("");
                text.get(..10)
                    .filter(|_| text.len() == 10 || text[10..].starts_with(['T', ' ']))
                    .and_then(|day| day.parse().ok())
                    .ok_or_else(|| self.bad(row, name, text, "write dates as 2025-01-27"))
            })
            .collect()
    }

    /// A column as finite numbers, each divided by `unit`; an empty cell is missing.
    ///
    /// # Errors
    /// No such column, or a cell that is no finite number.
    pub fn numbers(&self, name: &str, unit: f64) -> Result<Vec<Option<f64>>, Refusal> {
        self.texts(name)?
            .iter()
            .enumerate()
            .map(|(row, cell)| match cell.as_deref().map(str::trim) {
                None | Some("" | "NA") => Ok(None),
                Some(text) => match text.parse::<f64>() {
                    Ok(value) if value.is_finite() => Ok(Some(value / unit)),
                    _ => Err(self.bad(
                        row,
                        name,
                        text,
                        "write a finite number with a decimal point, or leave the cell empty",
                    )),
                },
            })
            .collect()
    }

    /// A refusal that names a cell; `row` counts from 0 below the header.
    #[must_use]
    pub fn bad(&self, row: usize, column: &str, text: &str, hint: &str) -> Refusal {
        let shown: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
        Refusal::data(format!("{}:{}: column `{column}` holds `{shown}`", self.path.display(), row + 2))
            .hint(hint)
    }
}

/// Refuses a CSV file whose header names a column twice or whose rows differ in their number of cells: the
/// frame library would rename the one and fill up the other.
fn check_shape(path: &Path) -> Result<()> {
    let bytes = fs_err::read(path)?;
    let (mut headers, mut cells, mut start, mut quoted) = (None::<usize>, 1_usize, 0_usize, false);
    let mut line = 1_usize;
    for (at, byte) in bytes.iter().copied().chain(std::iter::once(b'\n')).enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => cells += 1,
            b'\n' if !quoted || at == bytes.len() => {
                let row = &bytes[start..at];
                match headers {
                    None => {
                        unique_headers(path, row)?;
                        headers = Some(cells);
                    }
                    Some(need) if cells != need && !row.trim_ascii().is_empty() => {
                        return Err(Refusal::data(format!(
                            "{}:{line}: {cells} cells under {need} headers",
                            path.display()
                        ))
                        .hint("give each row one cell per header; write decimal points, not commas")
                        .into());
                    }
                    Some(_) => {}
                }
                (cells, start) = (1, at + 1);
                line += 1;
            }
            _ => {}
        }
    }
    Ok(())
}

fn unique_headers(path: &Path, header: &[u8]) -> Result<(), Refusal> {
    let text = String::from_utf8_lossy(header);
    let mut seen = BTreeSet::new();
    let twice =
        text.trim_end().split(',').map(|name| name.trim_matches('"')).find(|name| !seen.insert(*name));
    match twice {
        None => Ok(()),
        Some(name) => Err(Refusal::data(format!("{}:1: column `{name}` appears twice", path.display()))
            .hint("rename or remove one of the two")),
    }
}

fn cell(value: &AnyValue<'_>) -> Option<String> {
    match value {
        AnyValue::Null => None,
        AnyValue::String(text) => Some((*text).to_owned()),
        AnyValue::StringOwned(text) => Some(text.to_string()),
        other => Some(other.to_string()),
    }
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
        let message = table("date,A\n27/01/2025,1\n").unwrap().dates("date").unwrap_err().message;
        assert!(message.contains(":2: column `date` holds `27/01/2025`"), "{message}");
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
