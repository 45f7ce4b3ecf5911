//! One reader of column types: what a column of any kind of file says as numbers, days or text.
//!
//! CSV cells, Parquet columns, rows of a warehouse and of the store all come through here. A number keeps its digits;
//! an instant becomes the day of its zone; what is neither number, day nor text is refused by its type.

use crate::{
    dialect::{Role, dates},
    files::shown,
};
use anyhow::Result;
use jiff::{
    Timestamp, ToSpan,
    civil::Date,
    tz::{Offset, TimeZone},
};
use polars::prelude::{Column, DataType, TimeUnit};
use shockbrief_core::config::{DateForm, DateOrder};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Integers and floats.
    Number,
    /// Text, also where it is stored as a dictionary.
    Text,
    /// Days without time.
    Day,
    /// Times of any resolution, with or without zone.
    Instant,
    /// Nothing at all.
    Nothing,
    /// Durations, truth values, structures, lists, bytes.
    Other,
}

/// The kind of a type.
pub(crate) fn kind(dtype: &DataType) -> Kind {
    match dtype {
        DataType::Null => Kind::Nothing,
        DataType::String | DataType::Categorical(..) | DataType::Enum(..) => Kind::Text,
        DataType::Date => Kind::Day,
        DataType::Datetime(..) => Kind::Instant,
        dtype if dtype.is_primitive_numeric() => Kind::Number,
        _ => Kind::Other,
    }
}

/// Whether a column of this kind can be read as a role; text may hold what is written as it.
pub(crate) fn serves(kind: Kind, role: Role) -> bool {
    match kind {
        Kind::Text | Kind::Nothing => true,
        Kind::Number => role != Role::Date,
        Kind::Day => role != Role::Number,
        Kind::Instant => role == Role::Date,
        Kind::Other => false,
    }
}

/// A role in words.
pub(crate) fn wanted(role: Role) -> &'static str {
    match role {
        Role::Date => "dates",
        Role::Number => "numbers",
        Role::Text => "text",
    }
}

/// Why a column cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bad {
    /// The row, counted from 0; none where the whole column is concerned.
    pub row: Option<usize>,
    /// What it holds.
    pub what: String,
    /// The next step.
    pub hint: String,
}

impl Bad {
    fn cell(row: usize, text: &str, why: &str, hint: &str) -> Self {
        Self { row: Some(row), what: format!("`{}` {why}", shown(text)), hint: hint.to_owned() }
    }
}

/// What to say of a date that cannot be read.
pub(crate) const ISO: &str = "write dates as 2025-01-27";
/// What to say of an instant whose day is open.
pub(crate) const ZONE: &str =
    "write days of the exchange, such as 2025-01-27, or set `zone: America/New_York`, the exchange's own";

/// Text of a column; numbers as they are, empty text is nothing.
///
/// # Errors
/// A type that is no text.
pub(crate) fn texts(column: &Column) -> Result<Vec<Option<String>>> {
    match kind(column.dtype()) {
        Kind::Text => {
            let text = column.cast(&DataType::String)?;
            let text = text.str()?;
            Ok(text.iter().map(|cell| cell.filter(|cell| !cell.is_empty()).map(str::to_owned)).collect())
        }
        Kind::Number if column.dtype().is_float() => {
            Ok(floats(column)?.into_iter().map(|value| value.map(|value| value.to_string())).collect())
        }
        Kind::Number => {
            let text = column.cast(&DataType::String)?;
            Ok(text.str()?.iter().map(|cell| cell.map(str::to_owned)).collect())
        }
        Kind::Day => Ok(stored_days(column)?.into_iter().map(|day| day.map(|day| day.to_string())).collect()),
        Kind::Nothing => Ok(vec![None; column.len()]),
        Kind::Instant | Kind::Other => anyhow::bail!("{} is no text", column.dtype()),
    }
}

/// Numbers of a column of numbers, each the same or, from integers, the nearest.
///
/// # Errors
/// When the column is none.
pub(crate) fn floats(column: &Column) -> Result<Vec<Option<f64>>> {
    if kind(column.dtype()) == Kind::Nothing {
        return Ok(vec![None; column.len()]);
    }
    Ok(column.cast(&DataType::Float64)?.f64()?.iter().collect())
}

fn stored_days(column: &Column) -> Result<Vec<Option<Date>>> {
    let numbers = column.cast(&DataType::Int32)?;
    Ok(numbers.i32()?.iter().map(|days| days.and_then(date_of)).collect())
}

/// Days of a column: days as they are, instants in `zone` or else in their own, text as [`text_days`] reads it.
///
/// # Errors
/// What says no day, as [`Bad`]; anything else is a fault of the reader.
pub(crate) fn days(
    column: &Column,
    zone: Option<&TimeZone>,
    undated: bool,
) -> Result<Result<Vec<Option<Date>>, Bad>> {
    Ok(match (kind(column.dtype()), column.dtype()) {
        (Kind::Day, _) => Ok(stored_days(column)?),
        (Kind::Nothing, _) => Ok(vec![None; column.len()]),
        (Kind::Text, _) => {
            let text = texts(column)?;
            text_days(text.iter().map(Option::as_deref), zone, undated)
        }
        (_, DataType::Datetime(unit, stated)) => {
            let values = column.to_physical_repr().cast(&DataType::Int64)?;
            let stated = stated.as_ref().map(|zone| zone.as_str());
            instants(&values.i64()?.iter().collect::<Vec<_>>(), per_second(*unit), stated, zone)
        }
        (_, dtype) => Err(Bad { row: None, what: format!("{dtype}, not dates"), hint: ISO.to_owned() }),
    })
}

/// How many of a unit a second has.
pub(crate) fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Milliseconds => 1_000,
        TimeUnit::Microseconds => 1_000_000,
        TimeUnit::Nanoseconds => 1_000_000_000,
    }
}

const DAY: i64 = 86_400;

/// Whether a stated zone is UTC under one of its names.
fn is_utc(name: &str) -> bool {
    ["UTC", "Etc/UTC", "Z", "GMT", "Etc/GMT", "+00:00", "+0000", "00:00", "Etc/GMT+0", "Zulu"]
        .iter()
        .any(|utc| utc.eq_ignore_ascii_case(name))
}

/// A zone by its name or offset.
pub(crate) fn zone_of(name: &str) -> Option<TimeZone> {
    if is_utc(name) {
        return Some(TimeZone::UTC);
    }
    if let Ok(zone) = TimeZone::get(name) {
        return Some(zone);
    }
    let (sign, rest) = match name.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, name.strip_prefix('-')?),
    };
    let (hours, minutes) = rest.split_once(':').or_else(|| rest.split_at_checked(2))?;
    let seconds = sign * (hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60);
    Offset::from_seconds(seconds).ok().map(TimeZone::fixed)
}

/// Days of instants counted from 1970: without zone the day as written; with one, the day in `zone` or else there.
///
/// An instant in UTC at another time than midnight may be another day where the exchange is: it needs `zone`.
pub(crate) fn instants(
    values: &[Option<i64>],
    per_second: i64,
    stated: Option<&str>,
    zone: Option<&TimeZone>,
) -> Result<Vec<Option<Date>>, Bad> {
    let Some(stated) = stated else {
        let day = |value: i64| i32::try_from(value.div_euclid(per_second * DAY)).ok().and_then(date_of);
        return Ok(values.iter().map(|value| value.and_then(day)).collect());
    };
    let own = zone_of(stated).ok_or_else(|| Bad {
        row: None,
        what: format!("instants of the unknown time zone `{}`", shown(stated)),
        hint: ISO.to_owned(),
    })?;
    let open = zone.is_none() && is_utc(stated);
    let read_in = zone.unwrap_or(&own);
    values
        .iter()
        .enumerate()
        .map(|(row, value)| {
            let Some(value) = value else { return Ok(None) };
            let seconds = value.div_euclid(per_second);
            let instant = Timestamp::from_second(seconds)
                .map_err(|_| Bad::cell(row, &value.to_string(), "is no instant of this calendar", ISO))?;
            if open && value.rem_euclid(per_second * DAY) != 0 {
                let why = "is given in UTC, and the exchange's day may be another one";
                return Err(Bad::cell(row, &instant.to_string(), why, ZONE));
            }
            Ok(Some(read_in.to_datetime(instant).date()))
        })
        .collect()
}

/// Days of texts: one form for the whole column, told by its cells; a time of day is left out, an instant turned to
/// `zone`. With `undated`, a cell that is no date is nothing.
pub(crate) fn text_days<'t>(
    cells: impl Iterator<Item = Option<&'t str>> + Clone,
    zone: Option<&TimeZone>,
    undated: bool,
) -> Result<Vec<Option<Date>>, Bad> {
    let form = form(cells.clone(), zone, undated)?;
    cells
        .enumerate()
        .map(|(row, cell)| {
            let Some(text) = cell.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
            if let Some(day) = iso(text) {
                return Ok(Some(day));
            }
            let (Some(read), Some(form)) = (dates::read(text), form) else { return Ok(None) };
            read.day(form, zone)
                .map_err(|why| Bad::cell(row, text, why, "write the offset in hours, such as -05:00"))
        })
        .collect()
}

fn iso(text: &str) -> Option<Date> {
    (text.len() == 10).then(|| text.parse().ok()).flatten()
}

/// The one form in which all cells are dates; nothing where there is none.
fn form<'t>(
    cells: impl Iterator<Item = Option<&'t str>>,
    zone: Option<&TimeZone>,
    undated: bool,
) -> Result<Option<DateForm>, Bad> {
    const PLAIN: DateForm = DateForm { order: DateOrder::YearMonthDay, separator: '-', short_year: false };
    let mut left: Option<Vec<DateForm>> = None;
    // A cell that is another day under another form.
    let mut open: Option<(usize, &str)> = None;
    for (row, cell) in cells.enumerate() {
        let Some(text) = cell.map(str::trim).filter(|text| !text.is_empty()) else { continue };
        if iso(text).is_some() && left.as_deref() == Some(&[PLAIN]) {
            continue;
        }
        let Some(read) = dates::read(text) else {
            if undated {
                continue;
            }
            return Err(Bad::cell(row, text, "is no date", ISO));
        };
        if zone.is_none() && read.clock.is_some_and(|clock| clock.elsewhere()) {
            return Err(Bad::cell(
                row,
                text,
                "is given in UTC, and the exchange's day may be another one",
                ZONE,
            ));
        }
        let fits: Vec<DateForm> = read.forms().map(|(form, _)| form).collect();
        let both = match &left {
            None => fits,
            Some(before) => before.iter().copied().filter(|form| fits.contains(form)).collect(),
        };
        if both.is_empty() {
            return Err(Bad::cell(
                row,
                text,
                "is a date in another form than those before",
                "write all dates in one form",
            ));
        }
        let mut days = read.forms().map(|(_, day)| day);
        let first = days.next();
        if open.is_none() && days.any(|day| Some(day) != first) {
            open = Some((row, text));
        }
        left = Some(both);
    }
    match (left.as_deref(), open) {
        (Some([_, _, ..]), Some((row, text))) => {
            Err(Bad::cell(row, text, "may be day or month first, and no other cell decides it", ISO))
        }
        (Some([form, ..]), _) => Ok(Some(*form)),
        _ => Ok(None),
    }
}

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

/// Days from 1970.
pub(crate) fn days_since(date: Date) -> i32 {
    EPOCH.until(date).map_or(0, |span| span.get_days())
}

/// The date so many days after 1970.
pub(crate) fn date_of(days: i32) -> Option<Date> {
    EPOCH.checked_add(days.days()).ok()
}

/// A number of whole hundredths (or other parts of ten) as decimal text, with all its digits.
pub(crate) fn pointed(digits: &str, scale: usize) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, part) = padded.split_at(padded.len() - scale);
    format!("{sign}{whole}.{part}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn read(cells: &[&str], zone: Option<&str>) -> Result<Vec<Option<Date>>, Bad> {
        let zone = zone.map(|zone| TimeZone::get(zone).unwrap());
        text_days(cells.iter().map(|cell| Some(*cell)), zone.as_ref(), false)
    }

    #[test]
    fn one_form_is_told_by_the_cells_and_never_guessed() {
        let (a, b) = (date(2025, 1, 27), date(2025, 2, 3));
        for cells in [
            ["2025-01-27", "2025-02-03"],
            ["27/01/2025", "03/02/2025"],
            ["01/27/2025", "02/03/2025"],
            ["20250127", "20250203"],
            ["27 Jan 2025", "3 Feb 2025"],
            ["2025-01-27 00:00:00", "2025-02-03 16:00"],
            ["2025-01-27T00:00:00+09:00", "2025-02-03T00:00:00+09:00"],
        ] {
            assert_eq!(read(&cells, None).unwrap(), [Some(a), Some(b)], "{cells:?}");
        }
        assert!(read(&["03/02/2025", "04/02/2025"], None).unwrap_err().what.contains("day or month first"));
        assert_eq!(read(&["2025-01-27", "28/01/2025"], None).unwrap_err().row, Some(1));
        assert_eq!(read(&["2025-01-27", "soon"], None).unwrap_err().what, "`soon` is no date");
    }

    #[test]
    fn an_instant_in_utc_needs_the_zone_of_the_exchange() {
        let cells = ["2025-01-26T15:00:00Z", "2025-01-27T15:00:00Z"];
        assert!(read(&cells, None).unwrap_err().what.contains("given in UTC"));
        let days = read(&cells, Some("Asia/Seoul")).unwrap();
        assert_eq!(days, [Some(date(2025, 1, 27)), Some(date(2025, 1, 28))]);
        let midnights = [Some(1_737_936_000_i64), None];
        assert_eq!(instants(&midnights, 1, Some("UTC"), None).unwrap(), [Some(date(2025, 1, 27)), None]);
        let seoul = [Some(1_737_903_600_000_i64)];
        assert!(instants(&seoul, 1000, Some("UTC"), None).unwrap_err().what.contains("2025-01-26T15:00:00Z"));
        for stated in ["Asia/Seoul", "+09:00", "+0900"] {
            assert_eq!(instants(&seoul, 1000, Some(stated), None).unwrap(), [Some(date(2025, 1, 27))]);
        }
        assert_eq!(instants(&seoul, 1000, None, None).unwrap(), [Some(date(2025, 1, 26))]);
        assert!(instants(&seoul, 1000, Some("Mars/Base"), None).is_err());
    }

    #[test]
    fn decimals_keep_their_digits() {
        for (digits, scale, text) in
            [("123456", 2, "1234.56"), ("-5", 3, "-0.005"), ("0", 2, "0.00"), ("7", 0, "7"), ("10", 1, "1.0")]
        {
            assert_eq!(pointed(digits, scale), text);
        }
    }
}
