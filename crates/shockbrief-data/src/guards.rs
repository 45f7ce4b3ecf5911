//! Guards: what a name's rows must satisfy before any statistic.
//!
//! Each guard either repairs what has only one honest repair (a bad price becomes missing) and says
//! so in a notice, or refuses, naming file, symbol, date and what to do. None fills a gap.

mod currency;
pub(crate) mod moves;
mod order;
mod sessions;
mod values;

pub(crate) use currency::CODES as CURRENCIES;

use jiff::civil::Date;
use shockbrief_core::{
    Notice, Refusal, Session, Severity,
    config::{GuardLimits, Instrument, SourceSpec},
};
use std::collections::BTreeMap;

/// One row of a name, as read.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its date.
    pub date: Date,
    /// The currency stated.
    pub currency: Option<String>,
    /// Price for returns.
    pub adjusted: Option<f64>,
    /// Price as quoted.
    pub quote: Option<f64>,
    /// Shares traded.
    pub volume: Option<f64>,
}

/// What a guard may look at beside the rows.
#[derive(Debug, Clone, Copy)]
pub struct Checked<'a> {
    /// The instrument the rows are for.
    pub instrument: &'a Instrument,
    /// The source that declares the file.
    pub spec: &'a SourceSpec,
    /// The file, relative to the data folder.
    pub path: &'a str,
    /// The sessions of the instrument's exchange in the period.
    pub sessions: &'a [Session],
    /// Tolerances.
    pub limits: &'a GuardLimits,
    /// Last day known.
    pub as_of: Date,
    /// What the names of the instrument's exchange moved together, on days when some name moved largely.
    pub shared: &'a BTreeMap<Date, f64>,
}

/// A guard: inspects, repairs or refuses the rows of one name.
#[derive(Debug, Clone, Copy)]
pub struct Guard {
    /// Stable name, used in notices.
    pub name: &'static str,
    /// What it does, for the data appendix and `explain`.
    pub about: &'static str,
    check: fn(&Checked<'_>, &mut Vec<Row>) -> Result<Option<Finding>, Refusal>,
}

/// What a guard did without refusing.
struct Finding {
    severity: Severity,
    dates: Vec<Date>,
    /// What was found, in a sentence; empty where the guard's name says it all.
    detail: String,
}

impl Finding {
    fn saying(self, detail: String) -> Self {
        Self { detail, ..self }
    }
}

/// All guards, in the order in which they run.
pub static GUARDS: [Guard; 14] = [
    Guard {
        name: "currency",
        about: "refuses rows in no, an unknown or another currency, turns minor units into it",
        check: currency::check,
    },
    Guard { name: "unsorted", about: "sorts rows that are not in order of date", check: order::unsorted },
    Guard {
        name: "duplicate",
        about: "drops repeated identical rows, refuses two different rows of one date",
        check: order::duplicate,
    },
    Guard {
        name: "bad-price",
        about: "makes non-positive and non-finite prices missing",
        check: values::price,
    },
    Guard {
        name: "bad-quote",
        about: "makes non-positive and non-finite quotes missing",
        check: values::quote,
    },
    Guard {
        name: "bad-volume",
        about: "makes negative and non-finite volumes missing",
        check: values::volume,
    },
    Guard {
        name: "zero-volume",
        about: "treats a volume of zero as the source declares",
        check: values::zero_volume,
    },
    Guard {
        name: "off-session",
        about: "drops rows on days without session, refuses a name with many",
        check: sessions::off_session,
    },
    Guard { name: "late-start", about: "notes a name whose prices begin later", check: sessions::late_start },
    Guard {
        name: "missing-session",
        about: "notes sessions without price, refuses a name with many",
        check: sessions::missing,
    },
    Guard {
        name: "stale",
        about: "refuses a name whose prices end before the as-of date",
        check: sessions::stale,
    },
    Guard {
        name: "large-move",
        about: "refuses a large move that nobody has verified, or notes it where that is declared",
        check: moves::check_large,
    },
    Guard {
        name: "spike",
        about: "notes a price that moves far and comes back the next session",
        check: moves::check_spikes,
    },
    Guard {
        name: "frozen",
        about: "notes a price that stays the very same for many sessions",
        check: moves::check_frozen,
    },
];

/// Runs all guards over the rows of one name.
///
/// # Errors
/// The first refusal.
pub fn check(checked: &Checked<'_>, rows: &mut Vec<Row>) -> Result<Vec<Notice>, Refusal> {
    let mut notices = Vec::new();
    for guard in &GUARDS {
        if let Some(finding) = (guard.check)(checked, rows)? {
            notices.push(checked.notice(guard.name, &finding));
        }
    }
    Ok(notices)
}

impl Checked<'_> {
    fn notice(&self, guard: &str, finding: &Finding) -> Notice {
        Notice {
            guard: guard.to_owned(),
            severity: finding.severity,
            symbol: self.instrument.symbol.clone(),
            dates: finding.dates.iter().min().copied().zip(finding.dates.iter().max().copied()),
            rows: finding.dates.len(),
            path: self.path.to_owned(),
            detail: finding.detail.clone(),
        }
    }

    fn refuse(&self, date: Option<Date>, message: impl std::fmt::Display) -> Refusal {
        let date = date.map_or_else(String::new, |date| format!(", {date}"));
        Refusal::data(format!("{}: {}{date}: {message}", self.path, self.instrument.symbol))
    }
}

/// A finding over `dates`; none where nothing fired.
fn finding(severity: Severity, dates: Vec<Date>) -> Option<Finding> {
    (!dates.is_empty()).then_some(Finding { severity, dates, detail: String::new() })
}
