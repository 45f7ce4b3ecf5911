//! Rows against the sessions of the exchange.

use super::{Checked, Finding, Row, finding};
use jiff::civil::Date;
use shockbrief_core::{Refusal, Severity};

type Guarded = Result<Option<Finding>, Refusal>;

/// Providers repeat the last price on holidays; such rows are dropped. Many of them mean that the
/// instrument trades elsewhere.
pub(super) fn off_session(checked: &Checked<'_>, rows: &mut Vec<Row>) -> Guarded {
    let open = |date: Date| checked.sessions.binary_search_by_key(&date, |session| session.date).is_ok();
    let dates: Vec<Date> = rows.iter().map(|row| row.date).filter(|date| !open(*date)).collect();
    if excessive(dates.len(), rows.len(), checked.limits.max_missing_share) {
        let mic = &checked.instrument.exchange;
        return Err(checked
            .refuse(
                dates.first().copied(),
                format!("{} of {} rows are on days without session of {mic}", dates.len(), rows.len()),
            )
            .hint("correct `exchange` in config/universe.yaml, or the calendar of that exchange"));
    }
    rows.retain(|row| open(row.date));
    Ok(finding(Severity::Warning, dates))
}

#[expect(clippy::ptr_arg, reason = "all guards share one signature")]
pub(super) fn late_start(checked: &Checked<'_>, rows: &mut Vec<Row>) -> Guarded {
    let first = priced(rows).next();
    let before = checked.sessions.iter().map(|session| session.date);
    Ok(finding(Severity::Note, before.take_while(|date| first.is_some_and(|first| *date < first)).collect()))
}

/// Counts between a name's first and last price only: before and after have guards of their own.
#[expect(clippy::ptr_arg, reason = "all guards share one signature")]
pub(super) fn missing(checked: &Checked<'_>, rows: &mut Vec<Row>) -> Guarded {
    let have: Vec<Date> = priced(rows).collect();
    let (Some(first), Some(last)) = (have.first(), have.last()) else {
        return Err(checked
            .refuse(None, "no price in the period")
            .hint("extend the file or remove the instrument"));
    };
    let within =
        checked.sessions.iter().map(|session| session.date).filter(|date| date >= first && date <= last);
    let due: Vec<Date> = within.collect();
    let dates: Vec<Date> = due.iter().copied().filter(|date| have.binary_search(date).is_err()).collect();
    if excessive(dates.len(), due.len(), checked.limits.max_missing_share) {
        return Err(checked
            .refuse(
                dates.first().copied(),
                format!(
                    "no price in {} of {} sessions of {}",
                    dates.len(),
                    due.len(),
                    checked.instrument.exchange
                ),
            )
            .hint("complete the file, or raise `max_missing_share` under `guards` in config/sources.yaml"));
    }
    Ok(finding(Severity::Warning, dates))
}

#[expect(clippy::ptr_arg, reason = "all guards share one signature")]
pub(super) fn stale(checked: &Checked<'_>, rows: &mut Vec<Row>) -> Guarded {
    let Some(last) = priced(rows).last() else { return Ok(None) };
    let after: Vec<Date> = checked.sessions.iter().map(|s| s.date).filter(|date| *date > last).collect();
    if after.len() > checked.limits.stale_sessions {
        return Err(checked
            .refuse(
                Some(last),
                format!("last price, {} sessions before the as-of date {}", after.len(), checked.as_of),
            )
            .hint("fetch newer data, choose an earlier `--as-of`, or raise `stale_sessions` under `guards` in config/sources.yaml"));
    }
    Ok(finding(Severity::Warning, after))
}

fn priced(rows: &[Row]) -> impl Iterator<Item = Date> + '_ {
    rows.iter().filter(|row| row.adjusted.is_some()).map(|row| row.date)
}

#[expect(clippy::cast_precision_loss, reason = "row counts are far below 2^52")]
fn excessive(count: usize, of: usize, share: f64) -> bool {
    // One odd row in a short file is no pattern.
    count > 1 && count as f64 > share * of as f64
}
