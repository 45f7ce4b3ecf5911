//! Prices and volumes that cannot be: they become missing.

use super::{Checked, Finding, Row, finding};
use shockbrief_core::{Refusal, Severity, config::ZeroVolume};

type Guarded = Result<Option<Finding>, Refusal>;

#[expect(clippy::ptr_arg, reason = "all guards share one signature")]
pub(super) fn price(_: &Checked<'_>, rows: &mut Vec<Row>) -> Guarded {
    Ok(clear(rows, |row| &mut row.adjusted, |price| price.is_finite() && price > 0.0))
}

#[expect(clippy::ptr_arg, reason = "all guards share one signature")]
pub(super) fn quote(_: &Checked<'_>, rows: &mut Vec<Row>) -> Guarded {
    Ok(clear(rows, |row| &mut row.quote, |quote| quote.is_finite() && quote > 0.0))
}

#[expect(clippy::ptr_arg, reason = "all guards share one signature")]
pub(super) fn volume(_: &Checked<'_>, rows: &mut Vec<Row>) -> Guarded {
    Ok(clear(rows, |row| &mut row.volume, |volume| volume.is_finite() && volume >= 0.0))
}

/// Makes values missing that are not `good`.
fn clear(
    rows: &mut [Row],
    field: fn(&mut Row) -> &mut Option<f64>,
    good: fn(f64) -> bool,
) -> Option<Finding> {
    let mut dates = Vec::new();
    for row in rows {
        if field(row).is_some_and(|value| !good(value)) {
            *field(row) = None;
            dates.push(row.date);
        }
    }
    finding(Severity::Warning, dates)
}

#[expect(clippy::ptr_arg, reason = "all guards share one signature")]
pub(super) fn zero_volume(checked: &Checked<'_>, rows: &mut Vec<Row>) -> Guarded {
    let mut dates = Vec::new();
    for row in rows.iter_mut().filter(|row| row.volume == Some(0.0)) {
        dates.push(row.date);
        if checked.spec.zero_volume == ZeroVolume::Missing {
            row.volume = None;
        }
    }
    Ok(finding(Severity::Note, dates))
}
