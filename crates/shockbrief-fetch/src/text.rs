//! Reading what providers write: numbers in strings, tokens for missing values, pages instead of data.

use crate::{Ask, Failure, Trouble};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::Value;

/// Tokens that mean a missing value.
pub const MISSING: &[&str] =
    &["", ".", "-", "null", "None", "NaN", "nan", "N/A", "n/a", "NA", "N/D", "-99.99", "-999", "-999.99"];

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell {
    /// A finite number.
    Number(f64),
    /// A token for a missing value, or nothing.
    Missing,
}

/// A number in text: plain decimal or exponent form, no thousands marks.
pub fn cell(text: &str) -> Option<Cell> {
    let text = text.trim();
    if MISSING.contains(&text) {
        return Some(Cell::Missing);
    }
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    text.parse::<f64>().ok().filter(|number| plain && number.is_finite()).map(Cell::Number)
}

/// A JSON number, or one written as a string.
pub fn json_cell(value: Option<&Value>) -> Option<Cell> {
    match value {
        None | Some(Value::Null) => Some(Cell::Missing),
        Some(Value::Number(number)) => number.as_f64().filter(|n| n.is_finite()).map(Cell::Number),
        Some(Value::String(text)) => cell(text),
        Some(_) => None,
    }
}

/// A date at the start of a text: `2025-01-27` or `2025-01-27T00:00:00.000Z`.
pub fn iso_date(text: &str) -> Option<Date> {
    let head = text.trim().get(..10)?;
    let rest = text.trim().get(10..)?;
    (rest.is_empty() || rest.starts_with(['T', ' '])).then(|| head.parse().ok()).flatten()
}

/// Midnight at the start of a day, in UTC.
pub fn midnight(date: Date) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()
}

/// The first words of an answer, on one line, for a message.
pub fn glimpse(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(2000)]);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let clean: String = line.chars().filter(|c| !c.is_control()).collect();
    match clean.char_indices().nth(140) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean,
    }
}

/// Refuses a page for people and an empty answer.
pub fn refuse_page(ask: &Ask<'_>, bytes: &[u8]) -> Result<(), Failure> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(600)]).to_lowercase();
    let head = head.trim_start();
    if head.is_empty() {
        return Err(ask.fail(
            Trouble::Truncated,
            "an empty answer",
            "try again later; if it stays empty, look at the provider's status page",
        ));
    }
    if ["<!doctype", "<html", "<head", "<?xml", "<script"].iter().any(|tag| head.starts_with(tag)) {
        return Err(ask.fail(
            Trouble::Page,
            format!("a web page instead of data: “{}”", page_title(bytes)),
            "open the address in a browser: a consent page, a login or a maintenance notice stands before the data",
        ));
    }
    Ok(())
}

fn page_title(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(20_000)]).into_owned();
    let lower = text.to_ascii_lowercase();
    let start = lower.find("<title>").map(|at| at + 7);
    let end = start.and_then(|start| lower[start..].find("</title>").map(|length| start + length));
    match (start, end) {
        (Some(start), Some(end)) => glimpse(&text.as_bytes()[start..end]),
        _ => glimpse(text.as_bytes()),
    }
}

/// Parses JSON; an end in the middle is told apart from another form.
pub fn json(ask: &Ask<'_>, bytes: &[u8]) -> Result<Value, Failure> {
    refuse_page(ask, bytes)?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    serde_json::from_slice(bytes).map_err(|error| {
        if error.is_eof() {
            ask.fail(
                Trouble::Truncated,
                format!("the JSON stops after {} bytes", bytes.len()),
                "try again; if it repeats, ask for fewer years at a time with --from",
            )
        } else {
            ask.changed(format!("not JSON at line {}: “{}”", error.line(), glimpse(bytes)))
        }
    })
}

/// A CSV table with a header, all cells as text.
#[derive(Debug)]
pub struct Csv {
    /// Header names, trimmed.
    pub header: Vec<String>,
    /// Rows, each as long as the header.
    pub rows: Vec<CsvRow>,
}

/// A row and the line where it starts.
#[derive(Debug)]
pub struct CsvRow {
    /// Line of the file, from 1.
    pub line: usize,
    cells: Vec<String>,
}

impl CsvRow {
    /// The cell of a column.
    pub fn get(&self, column: usize) -> Option<&str> {
        self.cells.get(column).map(String::as_str)
    }
}

impl Csv {
    /// Reads a table; a row of another length refuses it, the last one as a sign of a cut.
    pub fn read(ask: &Ask<'_>, bytes: &[u8], delimiter: u8) -> Result<Self, Failure> {
        refuse_page(ask, bytes)?;
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let text = std::str::from_utf8(bytes)
            .map_err(|error| ask.changed(format!("not UTF-8 after {} bytes", error.valid_up_to())))?;
        let cut = |line: usize| {
            ask.fail(
                Trouble::Truncated,
                format!("the CSV stops in the middle of line {line}"),
                "try again; if it repeats, ask for fewer years at a time with --from",
            )
        };
        let mut records = records(text, char::from(delimiter)).map_err(cut)?.into_iter();
        let Some(header) = records.next() else { return Err(ask.empty()) };
        let header: Vec<String> = header.cells.iter().map(|name| name.trim().to_owned()).collect();
        let rows: Vec<CsvRow> = records.collect();
        let odd: Vec<&CsvRow> = rows.iter().filter(|row| row.cells.len() != header.len()).collect();
        match (odd.first(), rows.last()) {
            (Some(odd), Some(last)) if odd.line == last.line => Err(cut(odd.line)),
            (Some(odd), _) => {
                Err(ask.changed(format!("line {} has another number of fields than the header", odd.line)))
            }
            (None, _) => Ok(Self { header, rows }),
        }
    }

    /// Index of a column, by name in any case.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|own| own.eq_ignore_ascii_case(name.trim()))
    }

    /// Index of a column that must be there.
    pub fn need(&self, ask: &Ask<'_>, name: &str) -> Result<usize, Failure> {
        self.column(name).ok_or_else(|| {
            let seen = glimpse(self.header.join(", ").as_bytes());
            ask.changed(format!("no column `{name}`; the columns are {seen}"))
        })
    }
}

/// Refuses text that does not end with a line end, for providers that always write one.
pub fn refuse_open_end(ask: &Ask<'_>, bytes: &[u8]) -> Result<(), Failure> {
    if bytes.ends_with(b"\n") {
        return Ok(());
    }
    let line = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
    Err(ask.fail(
        Trouble::Truncated,
        format!("the CSV stops in the middle of line {line}"),
        "try again; if it repeats, ask for fewer years at a time with --from",
    ))
}

/// Records as in RFC 4180; blank lines are none. An open quotation at the end gives the line where it began.
fn records(text: &str, delimiter: char) -> Result<Vec<CsvRow>, usize> {
    let mut rows = Vec::new();
    let (mut line, mut start) = (1, 1);
    let (mut cells, mut cell): (Vec<String>, String) = (Vec::new(), String::new());
    let mut quoted = false;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        line += usize::from(c == '\n');
        match c {
            '"' if quoted && rest.peek() == Some(&'"') => {
                rest.next();
                cell.push('"');
            }
            '"' if quoted || cell.trim().is_empty() => quoted = !quoted,
            c if quoted => cell.push(c),
            c if c == delimiter => cells.push(std::mem::take(&mut cell)),
            '\r' if rest.peek() == Some(&'\n') => {}
            '\n' => {
                end_record(&mut rows, &mut cells, &mut cell, start);
                start = line;
            }
            c => cell.push(c),
        }
    }
    if quoted {
        return Err(start);
    }
    end_record(&mut rows, &mut cells, &mut cell, start);
    Ok(rows)
}

fn end_record(rows: &mut Vec<CsvRow>, cells: &mut Vec<String>, cell: &mut String, line: usize) {
    if cells.is_empty() && cell.trim().is_empty() {
        cell.clear();
        return;
    }
    cells.push(std::mem::take(cell));
    rows.push(CsvRow { line, cells: std::mem::take(cells) });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_blank_lines_and_line_ends() {
        let rows = records("a,b\r\n\"x, \"\"y\"\"\n2\",3\n\n4,\n", ',').unwrap();
        let cells: Vec<_> = rows.iter().map(|row| (row.line, row.cells.clone())).collect();
        let expected: [(usize, [&str; 2]); 3] = [(1, ["a", "b"]), (2, ["x, \"y\"\n2", "3"]), (5, ["4", ""])];
        assert_eq!(cells, expected.map(|(line, cells)| (line, cells.map(str::to_owned).to_vec())));
        assert_eq!(records("a\n\"open", ',').unwrap_err(), 2);
    }

    #[test]
    fn numbers_in_strings() {
        assert_eq!(cell(" 142.62 "), Some(Cell::Number(142.62)));
        assert_eq!(cell("."), Some(Cell::Missing));
        assert_eq!(cell("1,234"), None);
        assert_eq!(cell("inf"), None);
        assert_eq!(cell("1e999"), None);
        assert_eq!(iso_date("2025-01-27T00:00:00.000Z"), Some(jiff::civil::date(2025, 1, 27)));
        assert_eq!(iso_date("2025-01-271"), None);
    }
}
