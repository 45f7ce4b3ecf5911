//! Suspected unadjusted splits.
//!
//! A one-day log move above the limit is refused when its price ratio lies near a simple split ratio
//! while volume changes inversely, or when the quoted price did not move the same way. Volume is
//! compared as medians of five sessions before and after: a split rescales the share count for good,
//! while the volume of a crash jumps and comes back. Moves verified by hand pass.

use super::{Checked, Finding, Row};
use shockbrief_core::{Refusal, config::GuardLimits};

/// Sessions on either side over which volume is compared.
const SIDE: usize = 5;
/// Log distance between adjusted and quoted moves that no dividend explains.
const DISAGREEMENT: f64 = 0.1;
/// Terms of simple split ratios, forward and reverse.
const RATIOS: [f64; 15] =
    [1.5, 4.0 / 3.0, 5.0 / 4.0, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 15.0, 20.0, 25.0];

#[expect(clippy::ptr_arg, reason = "all guards share one signature")]
pub(super) fn check(checked: &Checked<'_>, rows: &mut Vec<Row>) -> Result<Option<Finding>, Refusal> {
    let priced: Vec<&Row> = rows.iter().filter(|row| row.adjusted.is_some()).collect();
    for at in 1..priced.len() {
        if let Some(reason) = suspicion(&priced, at, checked.limits) {
            let date = priced[at].date;
            let verified = |m: &&shockbrief_core::config::VerifiedMove| {
                m.symbol == checked.instrument.symbol && m.date == date
            };
            if !checked.limits.verified_moves.iter().any(|m| verified(&m)) {
                return Err(checked.refuse(Some(date), reason).hint(
                    "adjust the prices before this date; if the move is real, list it under \
                     `guards.verified_moves` in config/sources.yaml",
                ));
            }
        }
    }
    Ok(None)
}

fn suspicion(rows: &[&Row], at: usize, limits: &GuardLimits) -> Option<String> {
    let change = log_ratio(rows[at - 1].adjusted, rows[at].adjusted)?;
    if change.abs() <= limits.split_move {
        return None;
    }
    let quoted = log_ratio(rows[at - 1].quote, rows[at].quote);
    if quoted.is_some_and(|quoted| (quoted - change).abs() > DISAGREEMENT) {
        return Some(format!(
            "adjusted price times {:.4} while the quote changed by another ratio: a split adjusted wrongly",
            change.exp()
        ));
    }
    let ratio = split_ratio(change, limits.split_ratio_tolerance)?;
    let volume =
        log_ratio(median(rows, at.saturating_sub(SIDE)..at), median(rows, at..(at + SIDE).min(rows.len())))?;
    ((volume + change).abs() <= limits.split_volume_tolerance).then(|| {
        format!(
            "price times {:.4}, near the split ratio {ratio:.4}, and volume times {:.2}: suspected unadjusted split",
            change.exp(),
            volume.exp()
        )
    })
}

/// The log move of volume between the five sessions before a row and the five from it on.
pub(crate) fn volume_move(rows: &[&Row], at: usize) -> Option<f64> {
    log_ratio(median(rows, at.saturating_sub(SIDE)..at), median(rows, at..(at + SIDE).min(rows.len())))
}

/// The simple split ratio nearest to a log move, if within tolerance.
pub(crate) fn split_ratio(change: f64, tolerance: f64) -> Option<f64> {
    let both = RATIOS.into_iter().flat_map(|ratio| [ratio, 1.0 / ratio]);
    both.into_iter().find(|ratio| (change.exp() / ratio - 1.0).abs() <= tolerance)
}

fn log_ratio(before: Option<f64>, after: Option<f64>) -> Option<f64> {
    Some((after? / before?).ln()).filter(|change| change.is_finite())
}

fn median(rows: &[&Row], range: std::ops::Range<usize>) -> Option<f64> {
    let mut volumes: Vec<f64> =
        rows[range].iter().filter_map(|row| row.volume).filter(|v| *v > 0.0).collect();
    volumes.sort_by(f64::total_cmp);
    let middle = volumes.len().checked_sub(1)? / 2;
    let upper = volumes.len() / 2;
    Some((volumes[middle] + volumes[upper]) / 2.0)
}
