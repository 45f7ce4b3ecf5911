//! Abnormal returns one step ahead: the market model of the rows before each row.
//!
//! `AR_t = r_t - a_t - b_t m_t`, with a and b by least squares over the `window` rows before t. Nothing of
//! row t or later enters a or b, so that a shock is measured against what was expected before it. Decimals
//! in, decimals out (Brown & Warner 1985 for the model; a trailing window in place of one fixed window).

use crate::reason::{Missing, Outcome};

/// One-step-ahead abnormal returns of `returns` against `market`.
///
/// A row with fewer than `need` complete pairs in the `window` rows before it, with a market that did not
/// move there, or with a missing return of its own is `None`.
///
/// # Errors
/// [`Missing::LengthMismatch`]; [`Missing::Invalid`] unless `3 <= need <= window` and all values are finite
/// and of a size whose square is finite.
pub fn abnormal(
    returns: &[Option<f64>],
    market: &[Option<f64>],
    window: usize,
    need: usize,
) -> Outcome<Vec<Option<f64>>> {
    if returns.len() != market.len() {
        return Err(Missing::LengthMismatch {
            what: "returns and market",
            left: returns.len(),
            right: market.len(),
        });
    }
    if need < 3 || need > window {
        return Err(Missing::Invalid { what: "the trailing window" });
    }
    if returns.iter().chain(market).flatten().any(|v| !v.is_finite() || v.abs() > 1e140) {
        return Err(Missing::Invalid { what: "a return" });
    }
    let expected = |t: usize| -> Option<f64> {
        let (own, m) = (returns[t]?, market[t]?);
        let rows = t.saturating_sub(window)..t;
        let (a, b) = line(&returns[rows.clone()], &market[rows], need)?;
        Some(own - a - b * m).filter(|ar| ar.is_finite())
    };
    Ok((0..returns.len()).map(expected).collect())
}

/// Intercept and slope by least squares over complete pairs; centred, two passes.
fn line(y: &[Option<f64>], x: &[Option<f64>], need: usize) -> Option<(f64, f64)> {
    let pairs = || y.iter().zip(x).filter_map(|(y, x)| Some(((*y)?, (*x)?)));
    let (mut n, mut sum_y, mut sum_x) = (0_usize, 0.0, 0.0);
    for (y, x) in pairs() {
        (n, sum_y, sum_x) = (n + 1, sum_y + y, sum_x + x);
    }
    if n < need {
        return None;
    }
    let (mean_y, mean_x) = (sum_y / n as f64, sum_x / n as f64);
    let (mut xy, mut xx) = (0.0, 0.0);
    for (y, x) in pairs() {
        xy += (x - mean_x) * (y - mean_y);
        xx += (x - mean_x).powi(2);
    }
    let slope = Some(xy / xx).filter(|b| xx > 0.0 && b.is_finite())?;
    Some((mean_y - slope * mean_x, slope))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(values: &[f64]) -> Vec<Option<f64>> {
        values.iter().copied().map(Some).collect()
    }

    #[test]
    fn an_exact_line_leaves_nothing_and_a_jump_leaves_itself() {
        let m = some(&[0.01, -0.02, 0.03, 0.0, 0.02, -0.01, 0.04]);
        let mut r: Vec<Option<f64>> = m.iter().map(|m| m.map(|m| 0.001 + 1.5 * m)).collect();
        r[5] = r[5].map(|r| r - 0.2);
        let ar = abnormal(&r, &m, 5, 4).unwrap();
        assert_eq!(&ar[..4], [None; 4]);
        assert!(ar[4].unwrap().abs() < 1e-15);
        assert!((ar[5].unwrap() + 0.2).abs() < 1e-15);
        // By hand: rows 1..=5 of x and y, then row 6 against their line.
        let (x, y) = ([-0.02, 0.03, 0.0, 0.02, -0.01], [-0.029, 0.046, 0.001, 0.031, -0.214]);
        let (mx, my) = (0.004, -0.033);
        let b = x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum::<f64>() / 0.00172;
        let want = 0.061 - (my - b * mx) - b * 0.04;
        assert!((ar[6].unwrap() - want).abs() < 1e-13, "{:?} {want}", ar[6]);
    }

    #[test]
    fn gaps_and_bad_values() {
        let m = some(&[0.01, -0.02, 0.03, 0.01, 0.02]);
        let mut r = m.clone();
        r[1] = None;
        assert_eq!(abnormal(&r, &m, 4, 3).unwrap()[3], None);
        assert!(abnormal(&r, &m, 4, 3).unwrap()[4].is_some());
        assert_eq!(abnormal(&m, &some(&[0.0; 5]), 4, 3).unwrap(), [None; 5]);
        assert!(matches!(abnormal(&r, &m[..4], 4, 3), Err(Missing::LengthMismatch { .. })));
        assert!(matches!(abnormal(&r, &m, 2, 3), Err(Missing::Invalid { .. })));
        let wild = some(&[f64::NAN; 5]);
        assert!(matches!(abnormal(&wild, &m, 4, 3), Err(Missing::Invalid { .. })));
    }
}
