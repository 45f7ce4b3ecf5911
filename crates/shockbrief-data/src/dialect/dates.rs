//! Cells that hold dates, with or without a time of day: read under every form that fits.
//!
//! Which of two forms it is, day or month first, is never decided here.

use jiff::{
    civil::{Date, DateTime, Time},
    tz::{Offset, TimeZone},
};
use shockbrief_core::config::{DateForm, DateOrder};

/// A zone stated behind a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zone {
    /// Hours from UTC, in seconds.
    Offset(i32),
    /// An abbreviation that several zones use.
    Unclear,
}

/// A time of day behind a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clock {
    pub time: Time,
    pub zone: Option<Zone>,
}

impl Clock {
    /// Whether the instant is given in UTC at another time than midnight, so that the day of an exchange
    /// elsewhere may be another one.
    pub fn elsewhere(&self) -> bool {
        self.zone == Some(Zone::Offset(0)) && self.time != Time::midnight()
    }
}

/// A cell read: one or two forms, and the time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Read {
    first: (DateForm, Date),
    second: Option<(DateForm, Date)>,
    pub clock: Option<Clock>,
}

impl Read {
    /// The forms under which the cell is a date, with the date.
    pub fn forms(&self) -> impl Iterator<Item = (DateForm, Date)> {
        std::iter::once(self.first).chain(self.second)
    }

    /// The day under a form; in `zone`, where the cell states an instant.
    ///
    /// # Errors
    /// An abbreviation of several zones, where a zone was asked for.
    pub fn day(&self, form: DateForm, zone: Option<&TimeZone>) -> Result<Option<Date>, &'static str> {
        let Some((_, date)) = self.forms().find(|(other, _)| *other == form) else { return Ok(None) };
        let (Some(zone), Some(Clock { time, zone: Some(stated) })) = (zone, self.clock) else {
            return Ok(Some(date));
        };
        let Zone::Offset(seconds) = stated else {
            return Err("its abbreviation stands for several time zones");
        };
        let offset = Offset::from_seconds(seconds).map_err(|_| "its offset is out of range")?;
        let instant =
            offset.to_timestamp(DateTime::from_parts(date, time)).map_err(|_| "it is out of range")?;
        Ok(Some(zone.to_datetime(instant).date()))
    }
}

/// Reads a trimmed cell; nothing where it is no date in any form.
pub(crate) fn read(cell: &str) -> Option<Read> {
    let (day, clock) = split_clock(cell)?;
    let (first, second) = forms(day)?;
    Some(Read { first, second, clock })
}

/// The date and the time behind it; nothing where a time is there and cannot be read.
fn split_clock(cell: &str) -> Option<(&str, Option<Clock>)> {
    let Some(colon) = cell.find(':') else { return Some((cell, None)) };
    let digits = cell[..colon].bytes().rev().take_while(u8::is_ascii_digit).count();
    let begin = colon - digits;
    let before = &cell[..begin];
    let day = before.strip_suffix(['T', 't', ' ', '\u{a0}', '\u{202f}'])?;
    Some((day.trim_end().trim_end_matches(','), Some(clock(&cell[begin..])?)))
}

fn clock(text: &str) -> Option<Clock> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == ':' || c == '.')).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let mut parts = digits.split(':');
    let mut hour: i8 = small(parts.next()?)?;
    let minute: i8 = small(parts.next()?)?;
    let second = parts.next().map_or(Some(0), |text| small(text.split('.').next().unwrap_or_default()))?;
    if parts.next().is_some() {
        return None;
    }
    let mut rest = rest.trim();
    for (mark, add) in [("AM", 0), ("am", 0), ("PM", 12), ("pm", 12)] {
        if let Some(after) = rest.strip_prefix(mark) {
            hour = (hour % 12) + add;
            rest = after.trim_start();
            break;
        }
    }
    let time = Time::new(hour, minute, second, 0).ok()?;
    let zone = if rest.is_empty() { None } else { Some(zone(rest)?) };
    Some(Clock { time, zone })
}

fn small(text: &str) -> Option<i8> {
    (matches!(text.len(), 1 | 2)).then(|| text.parse().ok()).flatten().filter(|value| *value >= 0)
}

/// Offsets of abbreviations that mean one zone alone; others are known, and unclear.
const ABBREVIATIONS: [(&str, i32); 17] = [
    ("UTC", 0),
    ("GMT", 0),
    ("Z", 0),
    ("EST", -5),
    ("EDT", -4),
    ("PST", -8),
    ("PDT", -7),
    ("CDT", -5),
    ("MST", -7),
    ("CET", 1),
    ("CEST", 2),
    ("EET", 2),
    ("EEST", 3),
    ("JST", 9),
    ("KST", 9),
    ("HKT", 8),
    ("SGT", 8),
];
const UNCLEAR: [&str; 3] = ["CST", "IST", "BST"];

fn zone(text: &str) -> Option<Zone> {
    if let Some((_, hours)) = ABBREVIATIONS.iter().find(|(name, _)| *name == text) {
        return Some(Zone::Offset(hours * 3600));
    }
    if UNCLEAR.contains(&text) {
        return Some(Zone::Unclear);
    }
    let (sign, rest) = match text.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, text.strip_prefix(['-', '\u{2212}'])?),
    };
    let digits: String = rest.chars().filter(|c| *c != ':').collect();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = match digits.len() {
        1 | 2 => (digits.parse::<i32>().ok()?, 0),
        4 => (digits[..2].parse::<i32>().ok()?, digits[2..].parse::<i32>().ok()?),
        _ => return None,
    };
    (hours <= 14 && minutes < 60).then_some(Zone::Offset(sign * (hours * 3600 + minutes * 60)))
}

type Forms = ((DateForm, Date), Option<(DateForm, Date)>);

fn forms(text: &str) -> Option<Forms> {
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let date = date(&text[..4], &text[4..6], &text[6..])?;
        return Some((
            (DateForm { order: DateOrder::Compact, separator: ' ', short_year: false }, date),
            None,
        ));
    }
    if text.contains(char::is_alphabetic) {
        return Some((
            (DateForm { order: DateOrder::Named, separator: ' ', short_year: false }, named(text)?),
            None,
        ));
    }
    numeric(text)
}

fn numeric(text: &str) -> Option<Forms> {
    let separator = text.chars().find(|c| ['/', '-', '.'].contains(c))?;
    let mut parts = text.split(separator);
    let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || ![a, b, c].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return None;
    }
    let form = |order, short_year| DateForm { order, separator, short_year };
    if a.len() == 4 && b.len() <= 2 && c.len() <= 2 {
        return Some(((form(DateOrder::YearMonthDay, false), date(a, b, c)?), None));
    }
    if a.len() > 2 || b.len() > 2 || !matches!(c.len(), 2 | 4) {
        return None;
    }
    let short = c.len() == 2;
    let dmy = date(c, b, a).map(|date| (form(DateOrder::DayMonthYear, short), date));
    // With points the day comes first everywhere.
    let mdy =
        date(c, a, b).filter(|_| separator != '.').map(|date| (form(DateOrder::MonthDayYear, short), date));
    match (dmy, mdy) {
        (Some(one), other) => Some((one, other)),
        (None, Some(other)) => Some((other, None)),
        (None, None) => None,
    }
}

fn date(year: &str, month: &str, day: &str) -> Option<Date> {
    let year: i16 = match (year.len(), year.parse::<i16>().ok()?) {
        (4, year) => year,
        (2, year @ 0..=68) => 2000 + year,
        (2, year) => 1900 + year,
        _ => return None,
    };
    if month.is_empty() || day.is_empty() || !(1800..2200).contains(&year) {
        return None;
    }
    Date::new(year, month.parse().ok()?, day.parse().ok()?).ok()
}

/// Names of months in English, French and German, from the letters that tell them apart.
const MONTHS: [(&str, i8); 44] = [
    ("january", 1),
    ("janvier", 1),
    ("janv", 1),
    ("jan", 1),
    ("januar", 1),
    ("february", 2),
    ("février", 2),
    ("fevrier", 2),
    ("févr", 2),
    ("fév", 2),
    ("fev", 2),
    ("feb", 2),
    ("februar", 2),
    ("march", 3),
    ("mars", 3),
    ("mar", 3),
    ("märz", 3),
    ("april", 4),
    ("avril", 4),
    ("apr", 4),
    ("avr", 4),
    ("may", 5),
    ("mai", 5),
    ("june", 6),
    ("juin", 6),
    ("juni", 6),
    ("jun", 6),
    ("july", 7),
    ("juillet", 7),
    ("juil", 7),
    ("juli", 7),
    ("jul", 7),
    ("august", 8),
    ("août", 8),
    ("aout", 8),
    ("aug", 8),
    ("september", 9),
    ("septembre", 9),
    ("sept", 9),
    ("sep", 9),
    ("october", 10),
    ("octobre", 10),
    ("oktober", 10),
    ("oct", 10),
];
const LATE_MONTHS: [(&str, i8); 10] = [
    ("okt", 10),
    ("november", 11),
    ("novembre", 11),
    ("nov", 11),
    ("december", 12),
    ("décembre", 12),
    ("decembre", 12),
    ("dezember", 12),
    ("déc", 12),
    ("dec", 12),
];

fn month(text: &str) -> Option<i8> {
    let lower = text.trim_end_matches('.').to_lowercase();
    MONTHS.iter().chain(&LATE_MONTHS).find(|(name, _)| *name == lower).map(|(_, month)| *month)
}

/// A date with the name of its month: day first or month first, the year last.
fn named(text: &str) -> Option<Date> {
    let mut parts = text.split([' ', '-', '/', ',', '\u{a0}', '\u{202f}']).filter(|part| !part.is_empty());
    let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (day, month) = match month(b) {
        Some(month) => (a, month),
        None => (b, month(a)?),
    };
    let day = day.trim_end_matches('.');
    (day.len() <= 2).then(|| date(c, &month.to_string(), day)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date as d;
    use proptest::prelude::*;

    fn days(cell: &str) -> Vec<(String, Date)> {
        read(cell)
            .map_or(Vec::new(), |read| read.forms().map(|(form, day)| (form.to_string(), day)).collect())
    }

    #[test]
    fn dates_under_every_form_that_fits() {
        let monday = d(2025, 1, 27);
        for (cell, form) in [
            ("2025-01-27", "yyyy-mm-dd"),
            ("2025/1/27", "yyyy/mm/dd"),
            ("20250127", "yyyymmdd"),
            ("27/01/2025", "dd/mm/yyyy"),
            ("27/1/25", "dd/mm/yy"),
            ("1/27/2025", "mm/dd/yyyy"),
            ("27.01.2025", "dd.mm.yyyy"),
            ("27-Jan-25", "d-mon-yyyy"),
            ("27 janv. 2025", "d-mon-yyyy"),
            ("Jan 27, 2025", "d-mon-yyyy"),
            ("January 27, 2025 4:00 PM", "d-mon-yyyy"),
            ("2025-01-27T00:00:00-05:00", "yyyy-mm-dd"),
            ("2025-01-27 16:00 EST", "yyyy-mm-dd"),
            ("27/01/2025 09:30:00.123", "dd/mm/yyyy"),
            ("2025-01-27T21:00:00Z", "yyyy-mm-dd"),
        ] {
            assert_eq!(days(cell), [(form.to_owned(), monday)], "{cell}");
        }
        assert_eq!(
            days("03/04/2025"),
            [("dd/mm/yyyy".to_owned(), d(2025, 4, 3)), ("mm/dd/yyyy".to_owned(), d(2025, 3, 4))]
        );
        for cell in [
            "",
            "27",
            "2025-13-01",
            "30/02/2025",
            "13.13.2025",
            "99/99/99",
            "2025-01",
            "Source: x",
            "1.5",
            "27-Foo-25",
            "2025-01-27T25:00",
            "2025-01-27 16:00 XYZT",
            "0000-00-00",
            "00000000",
        ] {
            assert_eq!(days(cell), [], "{cell}");
        }
    }

    #[test]
    fn instants_belong_to_the_day_of_the_zone() {
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        let day = |cell: &str| {
            let read = read(cell).unwrap();
            let (form, _) = read.forms().next().unwrap();
            read.day(form, Some(&tokyo))
        };
        assert_eq!(day("2025-01-26T15:00:00Z"), Ok(Some(d(2025, 1, 27))));
        assert_eq!(day("2025-01-26 16:00 EST"), Ok(Some(d(2025, 1, 27))));
        assert_eq!(day("2025-01-26 16:00"), Ok(Some(d(2025, 1, 26))));
        assert!(day("2025-01-26 16:00 CST").is_err());
        assert!(read("2025-01-26T15:00:00Z").unwrap().clock.unwrap().elsewhere());
        assert!(!read("2025-01-26T00:00:00Z").unwrap().clock.unwrap().elsewhere());
        assert!(!read("2025-01-26T15:00:00-05:00").unwrap().clock.unwrap().elsewhere());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(cell in "\\PC{0,24}") {
            let _ = read(&cell).map(|read| read.forms().count());
        }

        #[test]
        fn nearly_dates_do_not_panic(cell in "[0-9/.:TZ +-]{0,24}") {
            let _ = read(&cell).map(|read| read.forms().count());
        }
    }
}
