//! Sessions of exchanges: which days, from when to when.
//!
//! Each exchange has one file in `config/calendars`: its hours, the table of the `exchange-hours`
//! crate that gives its holidays, and what that table lacks, each with a reason. A date outside the
//! stated coverage is refused: an assumed session is an invented one.

use anyhow::{Context, Result};
use chrono::NaiveDate;
use exchange_hours::{ExceptionBlockKind, Exchange, ExchangeCalendar, HolidayKind, calendar_for_exchange};
use jiff::{
    ToSpan,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};
use schemars::JsonSchema;
use serde::Deserialize;
use shockbrief_core::{
    Mic, Refusal, Session,
    config::{self, Origin},
};
use std::{collections::BTreeMap, path::Path};

/// Ordinary hours from a date on, in local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Hours {
    /// The first day.
    #[schemars(with = "shockbrief_core::schema::Day")]
    from: Date,
    #[schemars(with = "shockbrief_core::schema::Clock")]
    open: Time,
    #[schemars(with = "shockbrief_core::schema::Clock")]
    close: Time,
}

/// Hours of one day that differ from the ordinary ones.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SpecialDay {
    #[schemars(with = "Option<shockbrief_core::schema::Clock>")]
    open: Option<Time>,
    #[schemars(with = "Option<shockbrief_core::schema::Clock>")]
    close: Option<Time>,
    reason: String,
}

/// First and last date that the calendar knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Coverage {
    #[schemars(with = "shockbrief_core::schema::Day")]
    from: Date,
    #[schemars(with = "shockbrief_core::schema::Day")]
    to: Date,
}

/// One file of `config/calendars`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawCalendar {
    /// IANA time zone of the hours.
    timezone: String,
    /// First and last date that the calendar knows.
    covers: Coverage,
    /// Ordinary hours, oldest first.
    hours: Vec<Hours>,
    /// Name of a table of `exchange-hours`; none where the file itself lists all closures.
    #[serde(default)]
    table: Option<String>,
    /// Last date asked of the table; later weekdays are sessions unless this file closes them.
    #[schemars(with = "Option<shockbrief_core::schema::Day>")]
    table_to: Option<Date>,
    /// Close of the table's half days, where it differs from the one stated there.
    #[serde(default)]
    #[schemars(with = "Option<shockbrief_core::schema::Clock>")]
    half_day_close: Option<Time>,
    /// Closures beside the table's, with reason.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    closed: BTreeMap<Date, String>,
    /// Sessions on days that the table or the weekday would close, with reason.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    open: BTreeMap<Date, String>,
    /// Days with other hours, with reason.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, SpecialDay>")]
    special: BTreeMap<Date, SpecialDay>,
    /// Where the closures are published.
    source: String,
}

/// A calendar's file, for its schema.
pub const FILE: shockbrief_core::schema::File =
    shockbrief_core::schema::File::of::<RawCalendar>("calendar", "config/calendars/<MIC>.yaml");

/// The sessions of one exchange.
#[derive(Debug, Clone)]
pub struct Calendar {
    mic: Mic,
    zone: TimeZone,
    table: Option<ExchangeCalendar>,
    raw: RawCalendar,
}

/// What a table says of one date.
enum Day {
    Closed,
    Ordinary,
    EarlyClose(Time),
}

impl Calendar {
    /// Reads `<folder>/<MIC>.yaml`.
    ///
    /// # Errors
    /// An unknown time zone or table, hours out of order, or anything [`config::load`] refuses.
    pub fn load(path: &Path) -> Result<Self> {
        let (raw, origin): (RawCalendar, Origin) = config::load(path)?;
        let mic = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let zone = TimeZone::get(&raw.timezone).map_err(|_| {
            origin
                .refuse("timezone", format!("unknown time zone `{}`", raw.timezone))
                .hint("write an IANA name, such as America/New_York")
        })?;
        let table = raw.table.as_deref().map(|name| table(name, &origin)).transpose()?;
        check_hours(&raw, &origin)?;
        Ok(Self { mic: Mic(mic), zone, table, raw })
    }

    /// The exchange.
    #[must_use]
    pub fn mic(&self) -> &Mic {
        &self.mic
    }

    /// Where the closures are published.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.raw.source
    }

    /// The first date that the calendar knows.
    #[must_use]
    pub fn covered_from(&self) -> Date {
        self.raw.covers.from
    }

    /// The last date that the calendar knows.
    #[must_use]
    pub fn covered_to(&self) -> Date {
        self.raw.covers.to
    }

    /// Sessions from `from` to `to`, both included, oldest first.
    ///
    /// # Errors
    /// A date outside the coverage of the calendar.
    pub fn sessions(&self, from: Date, to: Date) -> Result<Vec<Session>> {
        let covers = self.raw.covers;
        if let Some(date) =
            [from, to].into_iter().filter(|_| from <= to).find(|d| *d < covers.from || *d > covers.to)
        {
            return Err(self.uncovered(date).into());
        }
        from.series(1.day())
            .take_while(|date| *date <= to)
            .filter_map(|date| self.session(date).transpose())
            .collect()
    }

    fn uncovered(&self, date: Date) -> Refusal {
        let Coverage { from, to } = self.raw.covers;
        Refusal::data(format!("{date}: the calendar of {} covers {from} to {to}", self.mic)).hint(format!(
            "choose dates inside, or extend config/calendars/{}.yaml with the published closures",
            self.mic
        ))
    }

    fn session(&self, date: Date) -> Result<Option<Session>> {
        let hours = self.raw.hours.iter().rev().find(|hours| hours.from <= date);
        let hours = *hours.ok_or_else(|| self.uncovered(date))?;
        let (mut open, mut close, mut early) = (hours.open, hours.close, false);
        match self.day(date)? {
            Day::Closed => return Ok(None),
            Day::Ordinary => {}
            Day::EarlyClose(at) => (close, early) = (at, true),
        }
        if let Some(special) = self.raw.special.get(&date) {
            open = special.open.unwrap_or(open);
            close = special.close.unwrap_or(close);
            early = close < hours.close;
        }
        Ok(Some(Session { date, open: self.instant(date, open)?, close: self.instant(date, close)?, early }))
    }

    fn instant(&self, date: Date, time: Time) -> Result<jiff::Timestamp> {
        let instant = self.zone.to_ambiguous_timestamp(date.to_datetime(time)).compatible();
        instant.with_context(|| format!("{date} {time} in {}", self.raw.timezone))
    }

    /// The overlay first, then the weekday, then the table.
    fn day(&self, date: Date) -> Result<Day> {
        if self.raw.open.contains_key(&date) {
            return Ok(Day::Ordinary);
        }
        let weekend = matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
        if weekend || self.raw.closed.contains_key(&date) {
            return Ok(Day::Closed);
        }
        match &self.table {
            None => Ok(Day::Ordinary),
            Some(_) if self.raw.special.contains_key(&date) => Ok(Day::Ordinary),
            Some(_) if self.raw.table_to.is_some_and(|last| date > last) => Ok(Day::Ordinary),
            Some(table) => self.table_day(table, date),
        }
    }

    fn table_day(&self, table: &ExchangeCalendar, date: Date) -> Result<Day> {
        let Some(day) = naive(date) else { return Err(self.uncovered(date).into()) };
        let audited = table.holiday_coverage().is_some_and(|coverage| coverage.contains(day));
        if !audited {
            return Err(self.uncovered(date).into());
        }
        let Some(holiday) = table.holiday_on(day) else { return Ok(Day::Ordinary) };
        match holiday.kind() {
            HolidayKind::Closed => Ok(Day::Closed),
            HolidayKind::EarlyClose { close_ssm } | HolidayKind::LateOpenAndEarlyClose { close_ssm, .. } => {
                self.early_close(close_ssm)
            }
            HolidayKind::ReplacementBlocks(blocks) => {
                let close = blocks
                    .iter()
                    .filter(|block| block.kind() == ExceptionBlockKind::Regular)
                    .map(|block| block.close_ssm())
                    .max();
                close.map_or(Ok(Day::Closed), |seconds| self.early_close(seconds))
            }
            HolidayKind::LateOpen { .. } => Ok(Day::Ordinary),
            _ => Err(Refusal::data(format!("{date}: the hours of {} are not known", self.mic))
                .hint(format!("add the date under `special` in config/calendars/{}.yaml", self.mic))
                .into()),
        }
    }

    fn early_close(&self, seconds: u32) -> Result<Day> {
        if let Some(close) = self.raw.half_day_close {
            return Ok(Day::EarlyClose(close));
        }
        let time = Time::midnight().checked_add(i64::from(seconds).seconds());
        Ok(Day::EarlyClose(time.with_context(|| format!("half-day close of {}", self.mic))?))
    }
}

fn naive(date: Date) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(
        i32::from(date.year()),
        u32::try_from(date.month()).ok()?,
        u32::try_from(date.day()).ok()?,
    )
}

fn table(name: &str, origin: &Origin) -> Result<ExchangeCalendar, Refusal> {
    let exchange: Exchange = name.parse().map_err(|_| {
        origin
            .refuse("table", format!("unknown table `{name}`"))
            .hint("write a name of the exchange-hours crate, such as nyse, or leave `table` out")
    })?;
    let table = calendar_for_exchange(exchange);
    if table.holiday_coverage().is_none() {
        return Err(origin
            .refuse("table", format!("table `{name}` lists no holidays"))
            .hint("leave `table` out and list all closures under `closed`"));
    }
    Ok(table)
}

fn check_hours(raw: &RawCalendar, origin: &Origin) -> Result<(), Refusal> {
    let ordered = raw.hours.windows(2).all(|pair| pair[0].from < pair[1].from);
    if raw.hours.is_empty() || !ordered {
        return Err(origin
            .refuse("hours", "hours are empty or not in order of `from`")
            .hint("list them oldest first"));
    }
    if let Some(bad) = raw.hours.iter().find(|hours| hours.open >= hours.close) {
        return Err(origin
            .refuse("hours", format!("hours from {} end before they begin", bad.from))
            .hint("write the local opening and closing time of the same day"));
    }
    Ok(())
}

/// The calendars of all exchanges.
#[derive(Debug, Clone, Default)]
pub struct Calendars {
    by_mic: BTreeMap<Mic, Calendar>,
}

impl Calendars {
    /// Reads all `<MIC>.yaml` of a folder.
    ///
    /// # Errors
    /// When the folder cannot be read, or one of its files is refused.
    pub fn load(folder: &Path) -> Result<Self> {
        let mut by_mic = BTreeMap::new();
        for path in shockbrief_core::house::list(folder, "yaml")? {
            let calendar = Calendar::load(&path)?;
            by_mic.insert(calendar.mic.clone(), calendar);
        }
        Ok(Self { by_mic })
    }

    /// The calendar of an exchange.
    ///
    /// # Errors
    /// When no file describes it.
    pub fn get(&self, mic: &Mic) -> Result<&Calendar, Refusal> {
        self.by_mic.get(mic).ok_or_else(|| {
            let known = self.by_mic.keys().map(Mic::as_str).collect::<Vec<_>>().join(", ");
            Refusal::config(format!("no calendar for the exchange `{mic}`"))
                .hint(format!("add config/calendars/{mic}.yaml, or use one of: {known}"))
        })
    }

    /// Sessions of an exchange from `from` to `to`, both included.
    ///
    /// # Errors
    /// An unknown exchange, or a date outside its coverage.
    pub fn sessions(&self, mic: &Mic, from: Date, to: Date) -> Result<Vec<Session>> {
        self.get(mic)?.sessions(from, to)
    }

    /// All exchanges, in order.
    pub fn mics(&self) -> impl Iterator<Item = &Mic> {
        self.by_mic.keys()
    }
}
