//! Reading what providers write: numbers in strings, tokens for missing values, pages instead of data.

use crate::{Ask, Failure, Trouble};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::Value;
use shockbrief_core::Said;

/// Tokens that mean a missing value.
pub const MISSING: &[&str] = &["", ".", "-", "null", "None", "NaN", "nan", "N/A", "n/a", "NA", "N/D"];

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

/// A civil date: `2025-01-27`, or the midnight that some providers write for it, `2025-01-27T00:00:00.000Z`. Any other
/// time of day is an instant, whose day depends on a zone, and no date.
pub fn iso_date(text: &str) -> Option<Date> {
    let text = text.trim();
    let (head, rest) = (text.get(..10)?, text.get(10..)?);
    let time = rest.strip_prefix(['T', ' ']).unwrap_or(rest);
    let time = time.strip_suffix('Z').or_else(|| time.strip_suffix("+00:00")).unwrap_or(time);
    let midnight = time.len() >= 5 && time.bytes().all(|byte| b"0:.".contains(&byte));
    (rest.is_empty() || midnight && rest.len() > time.len()).then(|| head.parse().ok()).flatten()
}

/// Words by which providers tell, in their languages, that an allowance is used up.
const LIMITS: &[&str] = &[
    "limit",
    "límite",
    "quota",
    "kvot",
    "kontingent",
    "contingent",
    "exceed",
    "exced",
    "dépass",
    "überschritt",
    "przekroczon",
    "superad",
    "superato",
    "allowance",
    "too many requests",
    "throttl",
    "лимит",
    "квот",
    "превыш",
    "限",
    "超过",
    "超出",
    "한도",
    "초과",
];

/// Whether a text tells of a limit.
pub fn tells_limit(text: &str) -> bool {
    let lower = text.to_lowercase();
    LIMITS.iter().any(|word| lower.contains(word))
}

/// Refuses a sentence where a table was due: a line of words, in which no table begins.
pub fn refuse_sentence(ask: &Ask<'_>, bytes: &[u8]) -> Result<(), Failure> {
    let text = String::from_utf8_lossy(head(bytes, 2_000));
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or_default();
    let table = lines.any(|line| line.contains(|c: char| c.is_ascii_digit()));
    if table || first.split_whitespace().count() < 3 || first.trim_start().starts_with(['{', '[', '"']) {
        return Ok(());
    }
    let seen = format!("“{}”", ask.glimpse(bytes));
    Err(if tells_limit(&text) { ask.limited(seen) } else { ask.fail(Trouble::Page, seen, SENTENCE) })
}

const SENTENCE: &str =
    "the provider answered with a sentence instead of data: do what it says, or look at its documentation";

/// So many bytes from the beginning, or all.
pub fn head(bytes: &[u8], most: usize) -> &[u8] {
    bytes.get(..most).unwrap_or(bytes)
}

/// Midnight at the start of a day, in UTC.
pub fn midnight(date: Date) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()
}

/// Refuses a page for people and an empty answer.
pub fn refuse_page(ask: &Ask<'_>, bytes: &[u8]) -> Result<(), Failure> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let start = String::from_utf8_lossy(head(bytes, 600)).to_lowercase();
    let start = start.trim_start();
    if start.is_empty() {
        return Err(ask.fail(
            Trouble::Truncated,
            "an empty answer",
            "try again later; if it stays empty, look at the provider's status page",
        ));
    }
    if ["<!doctype", "<html", "<head", "<?xml", "<script"].iter().any(|tag| start.starts_with(tag)) {
        return Err(ask.fail(
            Trouble::Page,
            format!("a web page instead of data: “{}”", page_title(ask, bytes)),
            "open the address in a browser: a consent page, a login or a maintenance notice stands before the data",
        ));
    }
    Ok(())
}

fn page_title(ask: &Ask<'_>, bytes: &[u8]) -> Said {
    let text = String::from_utf8_lossy(head(bytes, 20_000)).into_owned();
    // Small letters of the same length, so that places in the one are places in the other.
    let lower = text.to_ascii_lowercase();
    let title = lower.find("<title>").map(|at| at + 7).and_then(|start| {
        let length = lower.get(start..)?.find("</title>")?;
        text.get(start..start + length)
    });
    ask.glimpse(title.unwrap_or(&text).as_bytes())
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
        } else if let Err(told) = refuse_sentence(ask, bytes) {
            told
        } else {
            ask.changed(format!("not JSON at line {}: “{}”", error.line(), ask.glimpse(bytes)))
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
        refuse_sentence(ask, bytes)?;
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
            let seen = ask.glimpse(self.header.join(", ").as_bytes());
            ask.changed(format!("no column `{name}`; the columns are {seen}"))
        })
    }
}

/// Refuses text that does not end with a line end, for providers that always write one.
pub fn refuse_open_end(ask: &Ask<'_>, bytes: &[u8]) -> Result<(), Failure> {
    if bytes.ends_with(b"\n") {
        return Ok(());
    }
    refuse_sentence(ask, bytes)?;
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
        for none in [
            "2025-01-271",
            "2025-01-26T15:00:00Z",
            "2025-01-27T00:00:01",
            "2025-01-27T",
            "2025-01-27T00:00:00+09:00",
        ] {
            assert_eq!(iso_date(none), None, "{none}");
        }
        // Marks of one provider are numbers of others.
        assert_eq!(cell("-999"), Some(Cell::Number(-999.0)));
    }
}
