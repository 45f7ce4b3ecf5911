//! Exponentially weighted variance, one step ahead.
//!
//! `v_t = λ v_{t-1} + (1 - λ) e²_{t-1}`: the value at row t uses nothing of row t, so that a shock is
//! measured against the variance expected before it. The seed is the mean of the first squares. A variance
//! that is rounding scales nothing: such a row has no z. This module never looks ahead and never scales a row by a variance that contains it.

use crate::moments::RETURN_ROUNDING;
use crate::reason::{Missing, Outcome};
use serde::Serialize;

/// Decay of RiskMetrics (1996) for daily data.
pub const LAMBDA: f64 = 0.94;
/// Squares averaged for the seed.
pub const SEED: usize = 60;

/// One-step-ahead variances of a series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ewma {
    /// Weight of the previous variance.
    pub lambda: f64,
    /// Number of squares in the seed; 0 when the first variance was given.
    pub seed: usize,
    /// `v_t` per row; `None` up to the row that completes the seed.
    pub variance: Vec<Option<f64>>,
    /// `e_t / sqrt(v_t)` per row; `None` where either is missing.
    pub z: Vec<Option<f64>>,
    /// Variance expected for the row after the last.
    pub next: f64,
}

/// One-step-ahead EWMA variances and standardised values of `e` (abnormal returns, or returns).
///
/// The seed is the mean of the first `seed` squares present. A missing row leaves the variance as it was.
///
/// # Errors
/// [`Missing::Invalid`] unless `0 < λ < 1` and `seed > 0` and values are finite, [`Missing::TooFew`] with
/// fewer values than the seed needs, [`Missing::ConstantSeries`] when no variance is more than rounding.
pub fn ewma(e: &[Option<f64>], lambda: f64, seed: usize) -> Outcome<Ewma> {
    if seed == 0 {
        return Err(Missing::Invalid { what: "the seed length" });
    }
    run(e, lambda, seed, None)
}

/// The same recursion from a given variance at row 0, for a variance known from elsewhere.
///
/// # Errors
/// As [`ewma`], and [`Missing::Invalid`] for a `start` that is not positive.
pub fn ewma_from(e: &[Option<f64>], lambda: f64, start: f64) -> Outcome<Ewma> {
    if !(start.is_finite() && start > 0.0) {
        return Err(Missing::Invalid { what: "the first variance" });
    }
    run(e, lambda, 0, Some(start))
}

fn run(e: &[Option<f64>], lambda: f64, seed: usize, start: Option<f64>) -> Outcome<Ewma> {
    check(e, lambda)?;
    let mut first = Vec::with_capacity(seed);
    let mut v = start;
    let (mut variance, mut z) = (Vec::with_capacity(e.len()), Vec::with_capacity(e.len()));
    for value in e {
        variance.push(v);
        z.push(value.zip(v.filter(varies)).map(|(e, v): (f64, f64)| e / v.sqrt()));
        let Some(square) = value.map(|e| e * e) else { continue };
        v = v.map(|v| lambda * v + (1.0 - lambda) * square);
        if v.is_none() {
            first.push(square);
            v = (first.len() == seed).then(|| first.iter().sum::<f64>() / seed as f64);
        }
    }
    if variance.iter().chain([&v]).any(Option::is_some) && !variance.iter().flatten().chain(&v).any(varies) {
        return Err(Missing::ConstantSeries { what: "the series behind the variance" });
    }
    let next = v.ok_or(Missing::TooFew { what: "values for the seed", have: first.len(), need: seed })?;
    Ok(Ewma { lambda, seed, variance, z, next })
}

fn varies(v: &f64) -> bool {
    *v > RETURN_ROUNDING * RETURN_ROUNDING
}

fn check(e: &[Option<f64>], lambda: f64) -> Outcome<()> {
    if !(lambda > 0.0 && lambda < 1.0) {
        return Err(Missing::Invalid { what: "lambda" });
    }
    // A square must stay finite, and so must a sum of them.
    if e.iter().flatten().any(|e| !e.is_finite() || e.abs() > 1e140) {
        return Err(Missing::Invalid { what: "a value" });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn by_hand() {
        // Seed (1 + 9)/2 = 5; then 0.5*5 + 0.5*16 = 10.5; a missing row changes nothing.
        let e = [Some(1.0), Some(-3.0), Some(4.0), None, Some(2.0)];
        let out = ewma(&e, 0.5, 2).unwrap();
        assert_eq!(out.variance, [None, None, Some(5.0), Some(10.5), Some(10.5)]);
        assert_eq!(out.z[2], Some(4.0 / 5.0_f64.sqrt()));
        assert_eq!(out.z[3], None);
        assert_eq!(out.next, 0.5 * 10.5 + 2.0);
    }

    #[test]
    fn refusals_are_typed() {
        assert!(matches!(ewma(&[Some(0.1); 3], 0.94, 60), Err(Missing::TooFew { have: 3, need: 60, .. })));
        assert!(matches!(ewma(&[Some(0.0); 3], 0.94, 2), Err(Missing::ConstantSeries { .. })));
        assert!(matches!(ewma(&[Some(0.1); 3], 1.0, 2), Err(Missing::Invalid { .. })));
    }

    proptest! {
        #[test]
        fn z_does_not_depend_on_the_unit(
            e in proptest::collection::vec(0.01..1.0f64, 10..50), scale in 0.01..100.0f64,
        ) {
            let plain: Vec<Option<f64>> = e.iter().map(|v| Some(*v)).collect();
            let scaled: Vec<Option<f64>> = e.iter().map(|v| Some(-v * scale)).collect();
            let (a, b) = (ewma(&plain, 0.9, 5).unwrap(), ewma(&scaled, 0.9, 5).unwrap());
            for (x, y) in a.z.iter().zip(&b.z).filter_map(|(x, y)| x.zip(*y)) {
                prop_assert!((x + y).abs() < 1e-9 * x.abs());
            }
        }
    }
}
