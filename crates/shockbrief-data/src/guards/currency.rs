//! Currency of the rows: stated, known, and the instrument's own.

use super::{Checked, Finding, Row};
use crate::files::shown;
use shockbrief_core::Refusal;

/// Codes that prices may be in; `PTS` stands for index points.
pub const KNOWN: [&str; 23] = [
    "AUD", "BRL", "CAD", "CHF", "CNH", "CNY", "DKK", "EUR", "GBP", "HKD", "INR", "JPY", "KRW", "MXN", "NOK",
    "NZD", "PTS", "SEK", "SGD", "THB", "TWD", "USD", "ZAR",
];

#[expect(clippy::ptr_arg, reason = "all guards share one signature; others drop rows")]
pub(super) fn check(checked: &Checked<'_>, rows: &mut Vec<Row>) -> Result<Option<Finding>, Refusal> {
    let declared = checked.instrument.currency.as_str();
    if !KNOWN.contains(&declared) {
        return Err(checked
            .refuse(None, format!("the universe gives the unknown currency `{}`", shown(declared)))
            .hint(format!("use one of: {}", KNOWN.join(", "))));
    }
    match rows.iter().find(|row| row.currency.as_deref() != Some(declared)) {
        None => Ok(None),
        Some(row) => Err(wrong(checked, row, declared)),
    }
}

fn wrong(checked: &Checked<'_>, row: &Row, declared: &str) -> Refusal {
    let id = &checked.spec.id;
    match row.currency.as_deref() {
        None => checked.refuse(Some(row.date), "no currency").hint(format!(
            "fill the column, or give source `{id}` a fixed `currency` in config/sources.yaml"
        )),
        Some(code) if !KNOWN.contains(&code) => {
            checked.refuse(Some(row.date), format!("unknown currency `{}`", shown(code))).hint(format!(
                "correct the file, or give source `{id}` a fixed `currency` in config/sources.yaml"
            ))
        }
        Some(code) => checked
            .refuse(Some(row.date), format!("currency is {code}, the universe says {declared}"))
            .hint("correct `currency` in config/universe.yaml, or convert the file"),
    }
}
