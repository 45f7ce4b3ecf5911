//! What loading hands to analysis: prices per market, aligned to the market's sessions.
//!
//! A missing observation is `None` and stays `None`: nothing here fills a gap.

use crate::ids::{Currency, Mic, Symbol};
use crate::records::Records;
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One trading session of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The session's date in the exchange's own calendar.
    pub date: Date,
    /// The instant of the opening.
    pub open: Timestamp,
    /// The instant of the close; day 0 of an event is decided by it.
    pub close: Timestamp,
    /// Whether the exchange closed early.
    pub early: bool,
}

/// One instrument, one value per session of its market.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The instrument.
    pub symbol: Symbol,
    /// The currency of prices.
    pub currency: Currency,
    /// Price for returns (adjusted for splits and dividends).
    pub adjusted: Vec<Option<f64>>,
    /// The price as quoted that day; all `None` where the source has no quotes.
    pub quote: Vec<Option<f64>>,
    /// Shares traded; `None` where missing.
    pub volume: Vec<Option<f64>>,
    /// Index into [`Dataset::inputs`] of the file that served the series.
    pub input: usize,
}

impl Series {
    /// Simple return of session `row`, `P_t / P_{t-1} - 1`; `None` where either price is missing.
    #[must_use]
    pub fn simple_return(&self, row: usize) -> Option<f64> {
        let previous = self.adjusted[row.checked_sub(1)?]?;
        Some(self.adjusted[row]? / previous - 1.0)
    }

    /// Simple returns of all sessions; the first is `None`.
    #[must_use]
    pub fn simple_returns(&self) -> Vec<Option<f64>> {
        (0..self.adjusted.len()).map(|row| self.simple_return(row)).collect()
    }
}

/// The instruments of one exchange calendar.
#[derive(Debug, Clone, PartialEq)]
pub struct Market {
    /// The exchange.
    pub mic: Mic,
    /// Its sessions, oldest first, up to the as-of date.
    pub sessions: Vec<Session>,
    /// Its instruments.
    pub series: BTreeMap<Symbol, Series>,
}

impl Market {
    /// Day 0 of an event at `instant`: the first session that closes after it.
    #[must_use]
    pub fn event_row(&self, instant: Timestamp) -> Option<usize> {
        let row = self.sessions.partition_point(|session| session.close <= instant);
        (row < self.sessions.len()).then_some(row)
    }

    /// The row of a date, if the exchange was open.
    #[must_use]
    pub fn row_of(&self, date: Date) -> Option<usize> {
        self.sessions.binary_search_by_key(&date, |session| session.date).ok()
    }
}

/// Dated columns without a market: factors, exchange rates.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TimeTable {
    /// Row dates, ascending.
    pub dates: Vec<Date>,
    /// One column per name, each as long as `dates`; decimal units.
    pub columns: BTreeMap<String, Vec<Option<f64>>>,
    /// Indices into [`Dataset::inputs`].
    pub inputs: Vec<usize>,
}

impl TimeTable {
    /// The value of `column` on `date` or on the last date before it that has one.
    #[must_use]
    pub fn at_or_before(&self, column: &str, date: Date) -> Option<(Date, f64)> {
        let values = self.columns.get(column)?;
        let end = self.dates.partition_point(|d| *d <= date);
        (0..end).rev().find_map(|row| values[row].map(|value| (self.dates[row], value)))
    }
}

/// Shares outstanding as filed.
#[derive(Debug, Clone, PartialEq)]
pub struct ShareCount {
    /// The company's symbol.
    pub symbol: Symbol,
    /// The date the count refers to.
    pub as_of: Date,
    /// The date it became known.
    pub filed: Date,
    /// Number of shares.
    pub shares: f64,
    /// Index into [`Dataset::inputs`].
    pub input: usize,
}

/// A day from which a name's quote counts in other units than before, by a step against its price for returns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    /// The first session on the new basis.
    pub date: Date,
    /// New shares for one old; none where the step is that of no usual split, such as a spin-off.
    pub ratio: Option<f64>,
}

/// What is known of the basis of a name's quotes.
#[derive(Debug, Clone, PartialEq)]
pub struct Basis {
    /// The first day from which splits would have been seen.
    pub from: Date,
    /// Splits seen, oldest first.
    pub splits: Vec<Split>,
}

impl Basis {
    /// New shares at the end of `to` for one at the end of `from`.
    ///
    /// # Errors
    /// Days before the first one known, or a step that is that of no usual split.
    pub fn ratio(&self, from: Date, to: Date) -> Result<f64, String> {
        if from < self.from {
            return Err(format!(
                "no quotes before {} show whether shares were split after {from}",
                self.from
            ));
        }
        let between = self.splits.iter().filter(|split| split.date > from && split.date <= to);
        between.map(|split| split.ratio.ok_or(split.date)).product::<Result<f64, Date>>().map_err(|date| {
            format!("on {date} the quote moved against the price for returns by no ratio of a split")
        })
    }
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// The source's id in `config/sources.yaml`.
    pub source: String,
    /// The path relative to the data folder.
    pub path: String,
    /// SHA-256 of what was read, in hexadecimal: rows after the as-of date do not change it.
    pub sha256: String,
    /// SHA-256 of the whole file, in hexadecimal; for the manifest.
    #[serde(skip)]
    pub file_sha256: String,
    /// Who made the data and under which licence, from `config/sources.yaml`.
    pub licence: String,
    /// Whether the source declares part of its data as simulated.
    #[serde(default)]
    pub simulated: bool,
    /// Whether the source declares that figures of it may go to readers outside.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redistribute: bool,
}

/// What the paths of inputs begin with that lie in the store of fetched values, not in the data folder.
pub const STORED: &str = "store:";

impl Input {
    /// Whether it was read of the store of fetched values.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        self.path.starts_with(STORED)
    }
}

/// How serious a guard's finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth a line in the data appendix.
    Note,
    /// Changes what can be computed for a name.
    Warning,
}

/// A guard that fired without refusing the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Stable name of the guard, such as `missing-session`.
    pub guard: String,
    /// How serious it is.
    pub severity: Severity,
    /// The instrument.
    pub symbol: Symbol,
    /// First and last date concerned.
    pub dates: Option<(Date, Date)>,
    /// How many rows are concerned.
    pub rows: usize,
    /// The file, relative to the data folder.
    pub path: String,
    /// What was assumed or changed, in a sentence; empty where the guard's name says it all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// Everything that loading hands over for one as-of date.
#[derive(Debug, Clone, Default)]
pub struct Dataset {
    /// One panel per exchange calendar.
    pub markets: BTreeMap<Mic, Market>,
    /// Which market holds a symbol.
    pub market_of: BTreeMap<Symbol, Mic>,
    /// Exchange rates, columns such as `EURUSD` (units of the second per one of the first).
    pub fx: TimeTable,
    /// Factor returns in decimals: `mkt_rf`, `smb`, `hml`, `rmw`, `cma`, `mom`, `rf`.
    pub factors: TimeTable,
    /// Share counts, by symbol then filing date.
    pub shares: Vec<ShareCount>,
    /// What the quotes of names with share counts say of splits.
    pub bases: BTreeMap<Symbol, Basis>,
    /// Rows of data files by source id; a source whose files are absent is not there.
    pub records: BTreeMap<String, Records>,
    /// Files read, in order of source and path.
    pub inputs: Vec<Input>,
    /// Guards that fired.
    pub notices: Vec<Notice>,
}

/// Days after which a share count is too old: fifteen months, one annual filing and its time to be filed.
const STALE_COUNT: i32 = 456;
/// Times by which neighbouring counts on one basis differ, beyond which one of them is no count of shares.
const JUMP: f64 = 3.0;
/// The same where splits between the two cannot be seen.
const UNSEEN_JUMP: f64 = 60.0;
/// Share of all shares that never changes hands on a usual day.
const TURNOVER: f64 = 0.25;

impl Dataset {
    /// Shares outstanding on `date` as then filed, in the units of that day's quote.
    ///
    /// # Errors
    /// No count, one that is too old or cannot be brought to the day's basis, or one that its neighbours or the
    /// volume traded show to be no count of shares.
    pub fn shares_on(&self, symbol: &Symbol, date: Date) -> Result<f64, String> {
        let mut filed: Vec<&ShareCount> =
            self.shares.iter().filter(|count| count.symbol == *symbol && count.filed <= date).collect();
        filed.sort_by_key(|count| (count.as_of, count.filed));
        let last = filed.pop().ok_or("no share count filed before the event")?;
        let age = last.as_of.until(date).map_or(i32::MAX, |span| span.get_days());
        if age > STALE_COUNT {
            return Err(format!("the last share count is of {}, over fifteen months before", last.as_of));
        }
        let basis = self.bases.get(symbol).ok_or("no quotes tell on which basis the share count stands")?;
        let shares = last.shares * basis.ratio(last.as_of, date)?;
        for other in filed.iter().rev().filter(|other| other.as_of < last.as_of).take(4) {
            let (expected, most) = match basis.ratio(other.as_of, last.as_of) {
                Ok(ratio) => (other.shares * ratio, JUMP),
                Err(_) => (other.shares, UNSEEN_JUMP),
            };
            let times = last.shares / expected;
            if !(1.0 / most..=most).contains(&times) {
                return Err(format!(
                    "the share count of {} is {times:.4} times that of {}: one of them is no number of shares",
                    last.as_of, other.as_of
                ));
            }
        }
        match self.usual_volume(symbol, date) {
            Some(volume) if volume > TURNOVER * shares => Err(format!(
                "the share count of {} is less than four times the {volume:.0} shares that change hands on a usual day",
                last.as_of
            )),
            _ => Ok(shares),
        }
    }

    /// New shares for one old on `date`; 1 where there was no split.
    ///
    /// # Errors
    /// As [`Basis::ratio`].
    pub fn split_on(&self, symbol: &Symbol, date: Date) -> Result<f64, String> {
        let before = date.yesterday().unwrap_or(date);
        self.bases.get(symbol).map_or(Ok(1.0), |basis| basis.ratio(before, date))
    }

    /// The median volume of the twenty sessions up to `date`, in the units of its last day.
    fn usual_volume(&self, symbol: &Symbol, date: Date) -> Option<f64> {
        let (market, series) = self.find(symbol)?;
        let end = market.sessions.partition_point(|session| session.date <= date);
        let start = end.saturating_sub(20);
        let latest =
            self.bases.get(symbol)?.splits.iter().map(|split| split.date).filter(|day| *day <= date).max();
        let row = |row: usize| latest.is_none_or(|split| market.sessions[row].date >= split);
        let mut volumes: Vec<f64> =
            (start..end).filter(|at| row(*at)).filter_map(|at| series.volume[at]).collect();
        volumes.sort_by(f64::total_cmp);
        volumes.get(volumes.len() / 2).copied()
    }

    /// The market and series of a symbol.
    #[must_use]
    pub fn find(&self, symbol: &Symbol) -> Option<(&Market, &Series)> {
        let market = self.markets.get(self.market_of.get(symbol)?)?;
        Some((market, market.series.get(symbol)?))
    }
}
