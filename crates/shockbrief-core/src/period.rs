//! Names of periods: `2025-01-27`, `2025-W05`, `2025-01`, `2025-Q1`.

use crate::{Refusal, config::Frequency};
use jiff::civil::{Date, ISOWeekDate, Weekday};
use std::{fmt, str::FromStr};

/// The period that a brief covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    /// One day; also the day of a shock.
    Day(Date),
    /// An ISO 8601 week, by its Monday.
    Week(Date),
    /// A month, by its first day.
    Month(Date),
    /// A quarter, by its first day.
    Quarter(Date),
}

impl Period {
    /// The last calendar date of the period; the default as-of date.
    #[must_use]
    pub fn last_date(self) -> Date {
        match self {
            Self::Day(date) => date,
            Self::Week(monday) => monday.saturating_add(jiff::Span::new().days(6)),
            Self::Month(first) => first.last_of_month(),
            Self::Quarter(first) => first.saturating_add(jiff::Span::new().months(2)).last_of_month(),
        }
    }

    /// The first calendar date of the period.
    #[must_use]
    pub fn first_date(self) -> Date {
        match self {
            Self::Day(date) | Self::Week(date) | Self::Month(date) | Self::Quarter(date) => date,
        }
    }

    /// The period of the same kind before this one.
    #[must_use]
    pub fn previous(self) -> Self {
        let back = |date: Date, span: jiff::Span| date.saturating_sub(span);
        match self {
            Self::Day(date) => Self::Day(back(date, jiff::Span::new().days(1))),
            Self::Week(monday) => Self::Week(back(monday, jiff::Span::new().days(7))),
            Self::Month(first) => Self::Month(back(first, jiff::Span::new().months(1))),
            Self::Quarter(first) => Self::Quarter(back(first, jiff::Span::new().months(3))),
        }
    }

    /// Whether a brief of this frequency has periods of this kind.
    #[must_use]
    pub fn fits(self, every: Frequency) -> bool {
        matches!(
            (self, every),
            (Self::Day(_), Frequency::Day | Frequency::OnShock)
                | (Self::Week(_), Frequency::Week)
                | (Self::Month(_), Frequency::Month)
                | (Self::Quarter(_), Frequency::Quarter)
        )
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(date) => write!(f, "{date}"),
            Self::Week(monday) => {
                let week = monday.iso_week_date();
                write!(f, "{:04}-W{:02}", week.year(), week.week())
            }
            Self::Month(first) => write!(f, "{:04}-{:02}", first.year(), first.month()),
            Self::Quarter(first) => write!(f, "{:04}-Q{}", first.year(), (first.month() - 1) / 3 + 1),
        }
    }
}

impl FromStr for Period {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        parse(text).ok_or_else(|| {
            Refusal::config(format!("`{text}` names no period"))
                .hint("write a day 2025-01-27, a week 2025-W05, a month 2025-01 or a quarter 2025-Q1")
        })
    }
}

fn parse(text: &str) -> Option<Period> {
    let parsed = match text.split_once('-')? {
        (year, week) if week.starts_with('W') => {
            let week = ISOWeekDate::new(year.parse().ok()?, week[1..].parse().ok()?, Weekday::Monday).ok()?;
            Period::Week(week.date())
        }
        (year, quarter) if quarter.starts_with('Q') => {
            let quarter: i8 = quarter[1..].parse().ok().filter(|quarter| (1..=4).contains(quarter))?;
            Period::Quarter(Date::new(year.parse().ok()?, quarter * 3 - 2, 1).ok()?)
        }
        (_, rest) if rest.contains('-') => Period::Day(text.parse().ok()?),
        (year, month) => Period::Month(Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()?),
    };
    // One spelling per period: the name is a folder's name.
    (parsed.to_string() == text).then_some(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn names_round_trip_and_end_where_calendars_say() {
        for (name, last) in [
            ("2025-01-27", date(2025, 1, 27)),
            ("2025-W05", date(2025, 2, 2)),
            ("2020-W53", date(2021, 1, 3)),
            ("2024-02", date(2024, 2, 29)),
            ("2025-Q1", date(2025, 3, 31)),
        ] {
            let period: Period = name.parse().unwrap();
            assert_eq!((period.to_string(), period.last_date()), (name.to_owned(), last));
        }
    }

    #[test]
    fn the_period_before() {
        for (name, before) in [
            ("2025-W01", "2024-W52"),
            ("2025-01", "2024-12"),
            ("2025-Q1", "2024-Q4"),
            ("2024-03-01", "2024-02-29"),
        ] {
            assert_eq!(name.parse::<Period>().unwrap().previous().to_string(), before);
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for name in [
            "2025-1",
            "2025-W54",
            "2025-Q5",
            "2025-02-30",
            "../2025-01",
            "2025",
            "",
            "2025-W5",
            "2025-01-27/x",
        ] {
            assert!(name.parse::<Period>().is_err(), "{name}");
        }
    }
}
