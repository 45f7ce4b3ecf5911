//! Order and uniqueness of dates.

use super::{Checked, Finding, Row, finding};
use shockbrief_core::{Refusal, Severity};

/// Rows carry their dates, so sorting loses nothing; the notice tells that the file is unusual.
#[expect(clippy::ptr_arg, reason = "all guards share one signature")]
pub(super) fn unsorted(_: &Checked<'_>, rows: &mut Vec<Row>) -> Result<Option<Finding>, Refusal> {
    let dates = rows.windows(2).filter(|pair| pair[1].date < pair[0].date).map(|pair| pair[1].date).collect();
    rows.sort_by_key(|row| row.date);
    Ok(finding(Severity::Note, dates))
}

/// A row written twice is dropped once; two prices for one date cannot both be right.
pub(super) fn duplicate(checked: &Checked<'_>, rows: &mut Vec<Row>) -> Result<Option<Finding>, Refusal> {
    let repeated = |pair: &&[Row]| pair[0].date == pair[1].date;
    if let Some(pair) = rows.windows(2).filter(repeated).find(|pair| !same(&pair[0], &pair[1])) {
        let (one, other) = (price(&pair[0]), price(&pair[1]));
        return Err(checked
            .refuse(Some(pair[0].date), format!("two different rows, with prices {one} and {other}"))
            .hint("keep the right row; a file holds one row per symbol and date"));
    }
    let dates = rows.windows(2).filter(repeated).map(|pair| pair[0].date).collect();
    rows.dedup_by_key(|row| row.date);
    Ok(finding(Severity::Warning, dates))
}

fn same(one: &Row, other: &Row) -> bool {
    let bits = |value: Option<f64>| value.map(f64::to_bits);
    bits(one.adjusted) == bits(other.adjusted)
        && bits(one.quote) == bits(other.quote)
        && bits(one.volume) == bits(other.volume)
}

fn price(row: &Row) -> String {
    row.adjusted.map_or_else(|| "(none)".to_owned(), |price| price.to_string())
}
