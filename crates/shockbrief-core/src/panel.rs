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
    /// Rows of data files by source id; a source whose files are absent is not there.
    pub records: BTreeMap<String, Records>,
    /// Files read, in order of source and path.
    pub inputs: Vec<Input>,
    /// Guards that fired.
    pub notices: Vec<Notice>,
}

impl Dataset {
    /// The market and series of a symbol.
    #[must_use]
    pub fn find(&self, symbol: &Symbol) -> Option<(&Market, &Series)> {
        let market = self.markets.get(self.market_of.get(symbol)?)?;
        Some((market, market.series.get(symbol)?))
    }
}
