//! Kenneth French's library: a zip with one text file that holds several tables in percent.
//!
//! The daily, monthly and annual tables are told apart by the digits of their dates; columns are found by
//! name in whatever table has them, since titles and preambles change. The numbers −99.99 and −999 are missing values.

mod unzip;

use super::{Auth, Call, Provider, only};
use crate::{
    Ask, Batch, Failure, Row, Trouble,
    text::{self, Cell},
};
use jiff::civil::Date;
use shockbrief_core::config::DataKind;
use unzip::Fault;

/// See the module.
pub struct French;

/// Most bytes that the text inside may have.
const MOST_BYTES: u64 = 64 << 20;

impl Provider for French {
    fn name(&self) -> &'static str {
        "french"
    }

    fn data(&self) -> Option<DataKind> {
        Some(DataKind::Factors)
    }

    fn calls(&self, ask: &Ask<'_>) -> Vec<Call> {
        vec![Call::new(format!("/pages/faculty/ken.french/ftp/{}_CSV.zip", ask.code), Auth::None)]
    }

    fn parse(&self, ask: &Ask<'_>, bodies: &[&[u8]]) -> Result<Batch, Failure> {
        let bytes = only(ask, bodies)?;
        let text = if bytes.starts_with(b"PK") {
            unzip(ask, bytes)?
        } else {
            text::refuse_page(ask, bytes)?;
            return Err(ask.changed(format!("not a zip file: “{}”", ask.glimpse(bytes))));
        };
        read_tables(ask, &text)
    }
}

fn unzip(ask: &Ask<'_>, bytes: &[u8]) -> Result<String, Failure> {
    let inside = unzip::first_text(bytes, MOST_BYTES).map_err(|fault| match fault {
        Fault::Large => {
            ask.fail(Trouble::TooLarge, "the text in the zip file is above 64 MB", "this is no factor file")
        }
        Fault::NoText(names) => {
            ask.changed(format!("no text in the zip file; it holds {}", ask.glimpse(names.as_bytes())))
        }
        Fault::Packed(method) => {
            ask.changed(format!("packed by method {method}, neither stored nor deflated"))
        }
        Fault::Damaged(what) => ask.fail(
            Trouble::Truncated,
            format!("a damaged zip file of {} bytes: {what}", bytes.len()),
            "try again",
        ),
    })?;
    Ok(String::from_utf8_lossy(&inside).into_owned())
}

/// Digits of the dates of the table wanted: daily files have 8, monthly ones 6.
fn digits(ask: &Ask<'_>) -> usize {
    if ask.code.to_lowercase().contains("daily") { 8 } else { 6 }
}

fn read_tables(ask: &Ask<'_>, text: &str) -> Result<Batch, Failure> {
    let digits = digits(ask);
    let mut batch = Batch::default();
    let mut header: Vec<String> = Vec::new();
    let mut columns: Option<Vec<(usize, &str)>> = None;
    let mut taken = false;
    let mut missing = 0;
    let mut headers_seen = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let first = cells.first().copied().unwrap_or_default();
        let dated = !first.is_empty() && first.bytes().all(|b| b.is_ascii_digit());
        if !dated {
            // A table ends where its dates do; a second table with the same columns is another weighting.
            taken |= columns.is_some() && !batch.rows.is_empty();
            columns = None;
            if cells.len() > 1 {
                header = cells.iter().map(|cell| cell.to_lowercase()).collect();
                headers_seen.push(
                    cells.iter().filter(|cell| !cell.is_empty()).copied().collect::<Vec<_>>().join(", "),
                );
            }
            continue;
        }
        if first.len() != digits || taken {
            continue;
        }
        if columns.is_none() {
            columns = Some(find(ask, &header, &headers_seen)?);
        }
        let Some(date) = date(first) else {
            return Err(ask.changed(format!("line {}: `{first}` is no date", index + 1)));
        };
        for &(place, ours) in columns.iter().flatten() {
            let told = cells.get(place).copied();
            match told.map(text::cell) {
                Some(Some(Cell::Number(percent))) if is_mark(percent) => missing += 1,
                Some(Some(Cell::Number(percent))) => batch.rows.push(Row {
                    symbol: ask.subject.to_owned(),
                    field: ours.to_owned(),
                    date,
                    value: percent / 100.0,
                    unit: "decimal".to_owned(),
                    known: ask.now,
                }),
                Some(Some(Cell::Missing)) => missing += 1,
                Some(None) => {
                    return Err(ask.changed(format!(
                        "line {}: `{}` is no number",
                        index + 1,
                        ask.glimpse(told.unwrap_or_default().as_bytes())
                    )));
                }
                None => {
                    return Err(ask.fail(
                        Trouble::Truncated,
                        format!("line {} is cut short", index + 1),
                        "try again",
                    ));
                }
            }
        }
    }
    batch.rows.retain(|row| ask.wants(row.date));
    if missing > 0 {
        batch.notes.push(format!("left out {missing} values that mean missing (-99.99 or -999)"));
    }
    if batch.rows.is_empty() {
        return Err(ask.empty());
    }
    batch.settle();
    Ok(batch)
}

fn find<'a>(ask: &Ask<'a>, header: &[String], seen: &[String]) -> Result<Vec<(usize, &'a str)>, Failure> {
    ask.spec
        .columns
        .iter()
        .map(|(ours, theirs)| {
            let place = header.iter().position(|name| *name == theirs.trim().to_lowercase());
            place.map(|place| (place, ours.as_str())).ok_or_else(|| {
                let last = seen.last().map_or("none", String::as_str);
                ask.changed(format!("no column `{theirs}`; the table has {}", ask.glimpse(last.as_bytes())))
            })
        })
        .collect()
}

/// Whether a number is a mark for a missing value, in whatever form it is written: -99.99, -99.9900, -999, -999.0.
fn is_mark(percent: f64) -> bool {
    [-99.99, -999.0, -999.99, -9999.0].contains(&percent)
}

/// A day, or the last day of a month.
fn date(digits: &str) -> Option<Date> {
    let number = |range: std::ops::Range<usize>| digits.get(range)?.parse::<i16>().ok();
    let (year, month) = (number(0..4)?, i8::try_from(number(4..6)?).ok()?);
    match digits.len() {
        8 => Date::new(year, month, i8::try_from(number(6..8)?).ok()?).ok(),
        _ => Date::new(year, month, 1).ok().map(Date::last_of_month),
    }
}
