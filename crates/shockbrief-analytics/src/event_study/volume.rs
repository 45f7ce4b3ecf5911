//! Volume studies: abnormal log volume through the same models and tests.
//!
//! The measure is ln V, or ln(V/shares) when shares outstanding are known.
//! Zero and missing volume is missing: no constant is added to make its
//! logarithm exist. The series then takes the place of returns in
//! [`super::FirmEvent`], with the market's own log volume as regressor for a
//! market model, and [`super::fit()`] and [`super::tests()`] do the rest.

use super::firm_event::FirmEvent;
use crate::reason::{Missing, Outcome};
use std::sync::Arc;

/// ln V, or ln(V/shares) with `shares` given.
///
/// # Errors
/// [`Missing::LengthMismatch`] when the columns differ in length.
pub fn log_volume(volume: &[Option<f64>], shares: Option<&[Option<f64>]>) -> Outcome<Vec<Option<f64>>> {
    if let Some(s) = shares
        && s.len() != volume.len()
    {
        return Err(Missing::LengthMismatch {
            what: "volume and shares",
            left: volume.len(),
            right: s.len(),
        });
    }
    let positive = |v: Option<f64>| v.filter(|v| *v > 0.0 && v.is_finite());
    Ok(volume
        .iter()
        .enumerate()
        .map(|(row, v)| {
            let v = positive(*v)?;
            match shares {
                Some(s) => Some((v / positive(s[row])?).ln()),
                None => Some(v.ln()),
            }
        })
        .collect())
}

/// The firm with log volume in place of returns and the market's log volume,
/// if any, as its only regressor.
#[must_use]
pub fn volume_event(
    firm: &FirmEvent,
    log_volume: Vec<Option<f64>>,
    market: Option<Arc<[Option<f64>]>>,
) -> FirmEvent {
    FirmEvent {
        returns: log_volume.into(),
        regressors: market.into_iter().collect(),
        rf: None,
        gaps: None,
        ..firm.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_volume_is_missing() {
        let v = log_volume(&[Some(1.0), Some(0.0), None], None).unwrap();
        assert_eq!(v, [Some(0.0), None, None]);
    }
}
