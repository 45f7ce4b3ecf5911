//! Corrections of single rows, declared beside the sources.
//!
//! A repair is applied where somebody wrote it down with a reason, and nowhere else; each one that was
//! applied is a notice of the data and stands in the brief.

use super::{Origin, SourceKind, SourceSpec};
use crate::schema::{self, JsonSchema};
use crate::{Refusal, Symbol};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// What a repair does to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RepairKind {
    /// The row is left out.
    Drop,
    /// Its values are divided.
    Divide,
    /// Its values are multiplied.
    Multiply,
}

/// Which of several rows of one date stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// The first in the file.
    First,
    /// The last in the file.
    Last,
}

/// A value of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RepairColumn {
    /// Price for returns.
    Returns,
    /// Price as quoted.
    Quote,
    /// Shares traded.
    Volume,
}

/// One repair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repair {
    /// Id of the source.
    pub source: String,
    /// The instrument.
    pub symbol: Symbol,
    /// The one date concerned; default the range.
    #[serde(default)]
    #[schemars(with = "Option<schema::Day>")]
    pub date: Option<Date>,
    /// First date concerned; default the first row.
    #[serde(default)]
    #[schemars(with = "Option<schema::Day>")]
    pub from: Option<Date>,
    /// Last date concerned; default the last row.
    #[serde(default)]
    #[schemars(with = "Option<schema::Day>")]
    pub to: Option<Date>,
    /// What is done.
    pub kind: RepairKind,
    /// Divisor or factor, positive; required for `divide` and `multiply`.
    #[serde(default)]
    pub by: Option<f64>,
    /// What is divided or multiplied; default both prices.
    #[serde(default = "prices")]
    pub columns: Vec<RepairColumn>,
    /// For `drop` of a date that has several rows: the one that stays; default none of them.
    #[serde(default)]
    pub keep: Option<Keep>,
    /// With `date`: the price for returns that the row holds. Another one is refused, since the file was then
    /// corrected at its origin. Default any.
    #[serde(default)]
    pub expect: Option<f64>,
    /// Why.
    pub reason: String,
}

fn prices() -> Vec<RepairColumn> {
    vec![RepairColumn::Returns, RepairColumn::Quote]
}

impl Repair {
    /// Whether a row of this date is concerned.
    #[must_use]
    pub fn covers(&self, date: Date) -> bool {
        match self.date {
            Some(only) => only == date,
            None => self.from.is_none_or(|from| from <= date) && self.to.is_none_or(|to| date <= to),
        }
    }

    /// The dates in words.
    #[must_use]
    pub fn span(&self) -> String {
        match (self.date, self.from, self.to) {
            (Some(date), _, _) => date.to_string(),
            (None, Some(from), Some(to)) => format!("{from} to {to}"),
            (None, Some(from), None) => format!("from {from}"),
            (None, None, Some(to)) => format!("to {to}"),
            (None, None, None) => "all dates".to_owned(),
        }
    }
}

/// Refuses a repair that contradicts itself or names no source of prices.
pub(super) fn check(repair: &Repair, sources: &[SourceSpec], origin: &Origin) -> Result<(), Refusal> {
    let refuse = |message: String, hint: &str| {
        let name = format!("repair of {} in source `{}`: {message}", repair.symbol, repair.source);
        Err(origin.refuse("repairs:", name).hint(hint))
    };
    if !sources.iter().any(|spec| spec.id == repair.source && spec.kind == SourceKind::Prices) {
        return refuse("no such source of prices".to_owned(), "name the `id` of a source of kind `prices`");
    }
    let range = repair.from.is_some() || repair.to.is_some();
    if repair.date.is_some() == range {
        return refuse(
            "either `date` or a range is needed".to_owned(),
            "write `date: 2025-01-27`, or `from:` and `to:` (one of them may be left out)",
        );
    }
    if repair.from.zip(repair.to).is_some_and(|(from, to)| from > to) {
        return refuse("`from` is after `to`".to_owned(), "exchange the two dates");
    }
    if repair.reason.trim().is_empty() {
        return refuse("no reason".to_owned(), "say in `reason` why the row is wrong");
    }
    check_amount(repair).map_or(Ok(()), |(message, hint)| refuse(message, hint))
}

fn check_amount(repair: &Repair) -> Option<(String, &'static str)> {
    let scales = repair.kind != RepairKind::Drop;
    let usable = repair.by.is_some_and(|by| by.is_finite() && by > 0.0);
    if scales && !usable {
        return Some(("`by` is missing or not positive".to_owned(), "write a positive number, such as 100"));
    }
    if !scales && repair.by.is_some() {
        return Some(("`by` has no meaning for `drop`".to_owned(), "remove `by`, or write `kind: divide`"));
    }
    if scales && repair.columns.is_empty() {
        return Some(("no columns".to_owned(), "leave `columns` out for both prices"));
    }
    if repair.keep.is_some() && (scales || repair.date.is_none()) {
        return Some(("`keep` without a `drop` of one date".to_owned(), "remove `keep`"));
    }
    if repair.expect.is_some() && repair.date.is_none() {
        return Some(("`expect` without a `date`".to_owned(), "remove `expect`, or name one date"));
    }
    None
}
