//! Concentration of weights and diversification of risk.
//!
//! Concentration looks at sizes: with short positions it uses `|w| / Σ|w|` and says so. Diversification
//! uses the signed weights and the covariance of matched returns (across regions: weekly returns, so that
//! different closing times do not pass for diversification). Intervals come from the stationary
//! bootstrap of whole rows. The module does not rescale long-only weights that fail to sum to one; it
//! refuses them.

use crate::block_length::{Interval, interval, politis_white};
use crate::contagion::covariance_matrix;
use crate::reason::{Missing, Outcome, finite};
use serde::Serialize;

/// How concentrated a portfolio is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Concentration {
    /// Number of positions, zeros included.
    pub n: usize,
    /// `Σ|w|`; above one with short positions.
    pub gross: f64,
    /// Whether sizes `|w| / gross` stand in for weights because some are negative.
    pub absolute: bool,
    /// Herfindahl-Hirschman index `Σw²`.
    pub hhi: f64,
    /// `1 / hhi`, the number of equal positions that would be as concentrated.
    pub effective_n: f64,
    /// `(hhi - 1/n) / (1 - 1/n)`: 0 for equal weights, 1 for a single position; `None` for n = 1.
    pub hhi_normalised: Option<f64>,
    /// `exp(-Σ w ln w)`.
    pub entropy_effective_n: f64,
    /// Largest weight.
    pub top1: f64,
    /// Sum of the three largest.
    pub top3: f64,
    /// Sum of the five largest.
    pub top5: f64,
    /// Sum of the ten largest.
    pub top10: f64,
    /// Gini coefficient over the n positions.
    pub gini: f64,
}

/// Concentration of `weights`, which sum to one.
///
/// # Errors
/// [`Missing::TooFew`] without weights, [`Missing::Invalid`] for weights that are not finite, are all
/// zero, or do not sum to one within 1e-6.
pub fn concentration(weights: &[f64]) -> Outcome<Concentration> {
    let gross = check(weights)?;
    let mut sizes: Vec<f64> = weights.iter().map(|w| w.abs() / gross).collect();
    sizes.sort_by(|a, b| b.total_cmp(a));
    let n = sizes.len() as f64;
    let top = |k: usize| sizes.iter().take(k).sum::<f64>();
    let hhi: f64 = sizes.iter().map(|w| w * w).sum();
    let entropy: f64 = sizes.iter().filter(|w| **w > 0.0).map(|w| -w * w.ln()).sum();
    let ranked: f64 = sizes.iter().rev().enumerate().map(|(i, w)| (i + 1) as f64 * w).sum();
    Ok(Concentration {
        n: sizes.len(),
        gross,
        absolute: weights.iter().any(|w| *w < 0.0),
        hhi,
        effective_n: 1.0 / hhi,
        hhi_normalised: (sizes.len() > 1).then(|| (hhi - 1.0 / n) / (1.0 - 1.0 / n)),
        entropy_effective_n: entropy.exp(),
        top1: top(1),
        top3: top(3),
        top5: top(5),
        top10: top(10),
        gini: 2.0 * ranked / n - (n + 1.0) / n,
    })
}

fn check(weights: &[f64]) -> Outcome<f64> {
    if weights.is_empty() {
        return Err(Missing::TooFew { what: "weights", have: 0, need: 1 });
    }
    let gross: f64 = weights.iter().map(|w| w.abs()).sum();
    if !(gross.is_finite() && gross > 0.0) {
        return Err(Missing::Invalid { what: "a weight" });
    }
    if (weights.iter().sum::<f64>() - 1.0).abs() > 1e-6 {
        return Err(Missing::Invalid { what: "the sum of weights" });
    }
    Ok(gross)
}

/// How much of the parts' risk the whole keeps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diversification {
    /// Rows of returns.
    pub n: usize,
    /// Standard deviation of every asset, divisor n - 1.
    pub sd: Vec<f64>,
    /// `σ_p = sqrt(w'Σw)`.
    pub sd_portfolio: f64,
    /// `Σ w σ`.
    pub weighted_average_sd: f64,
    /// `Σ w σ / σ_p` (Choueifaty & Coignard 2008).
    pub diversification_ratio: f64,
    /// `1 - σ_p / Σ w σ`.
    pub diversification_benefit: f64,
    /// `w_i (Σw)_i / σ_p`; they sum to σ_p.
    pub risk_contribution: Vec<f64>,
    /// `w_i (Σw)_i / σ_p²`; they sum to one.
    pub risk_contribution_share: Vec<f64>,
    /// `1 / Σ share²`.
    pub effective_risk_positions: f64,
}

/// Diversification of `weights` over complete return `series` of equal length, one per weight.
///
/// # Errors
/// As [`concentration`], and [`Missing::LengthMismatch`], [`Missing::TooFew`] below two rows,
/// [`Missing::ConstantSeries`] when the portfolio does not vary.
pub fn diversification(weights: &[f64], series: &[&[f64]]) -> Outcome<Diversification> {
    check(weights)?;
    if weights.len() != series.len() {
        let (left, right) = (weights.len(), series.len());
        return Err(Missing::LengthMismatch { what: "weights and series", left, right });
    }
    let covariance = covariance_matrix(series)?;
    let n = weights.len();
    let sd: Vec<f64> = (0..n).map(|i| covariance[(i, i)].sqrt()).collect();
    let marginal = |i: usize| (0..n).map(|j| covariance[(i, j)] * weights[j]).sum::<f64>();
    let share: Vec<f64> = (0..n).map(|i| weights[i] * marginal(i)).collect();
    let variance = finite(share.iter().sum::<f64>(), "the portfolio variance")?;
    let average: f64 = sd.iter().zip(weights).map(|(s, w)| s * w).sum();
    if variance <= 0.0 || average == 0.0 {
        return Err(Missing::ConstantSeries { what: "the portfolio" });
    }
    let risk = variance.sqrt();
    let shares: Vec<f64> = share.iter().map(|s| s / variance).collect();
    Ok(Diversification {
        n: series[0].len(),
        sd,
        sd_portfolio: risk,
        weighted_average_sd: average,
        diversification_ratio: average / risk,
        diversification_benefit: 1.0 - risk / average,
        risk_contribution: share.iter().map(|s| s / risk).collect(),
        effective_risk_positions: 1.0 / shares.iter().map(|s| s * s).sum::<f64>(),
        risk_contribution_share: shares,
    })
}

/// Bootstrap intervals of [`Diversification`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DiversificationIntervals {
    /// Of the portfolio's standard deviation.
    pub sd_portfolio: Interval,
    /// Of the diversification ratio.
    pub diversification_ratio: Interval,
    /// Of the diversification benefit.
    pub diversification_benefit: Interval,
    /// Of the effective number of risk positions.
    pub effective_risk_positions: Interval,
}

/// 90% percentile intervals by the stationary bootstrap of whole rows, block by [`politis_white`] on the
/// squared portfolio return.
///
/// # Errors
/// As [`diversification`] and [`politis_white`].
pub fn diversification_intervals(
    weights: &[f64],
    series: &[&[f64]],
    draws: usize,
    seed: u64,
) -> Outcome<DiversificationIntervals> {
    let of = |pick| diversification_interval(weights, series, draws, seed, pick);
    Ok(DiversificationIntervals {
        sd_portfolio: of(|d| d.sd_portfolio)?,
        diversification_ratio: of(|d| d.diversification_ratio)?,
        diversification_benefit: of(|d| d.diversification_benefit)?,
        effective_risk_positions: of(|d| d.effective_risk_positions)?,
    })
}

/// The interval of one measure, as in [`diversification_intervals`].
///
/// # Errors
/// As [`diversification`] and [`politis_white`].
pub fn diversification_interval(
    weights: &[f64],
    series: &[&[f64]],
    draws: usize,
    seed: u64,
    pick: fn(&Diversification) -> f64,
) -> Outcome<Interval> {
    let whole = diversification(weights, series)?;
    let squared = |t: usize| series.iter().zip(weights).map(|(s, w)| s[t] * w).sum::<f64>().powi(2);
    let block = politis_white(&(0..whole.n).map(squared).collect::<Vec<f64>>())?.stationary;
    interval(whole.n, block, draws, seed, 0.9, |rows| {
        let resampled: Vec<Vec<f64>> = series.iter().map(|s| rows.iter().map(|t| s[*t]).collect()).collect();
        let views: Vec<&[f64]> = resampled.iter().map(Vec::as_slice).collect();
        diversification(weights, &views).ok().map(|d| pick(&d))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_weights_count_themselves() {
        let out = concentration(&[0.25; 4]).unwrap();
        assert!((out.effective_n - 4.0).abs() < 1e-14 && (out.entropy_effective_n - 4.0).abs() < 1e-14);
        assert!(out.hhi_normalised.unwrap().abs() < 1e-15 && out.gini.abs() < 1e-15);
        assert_eq!(concentration(&[1.0]).unwrap().hhi_normalised, None);
    }

    #[test]
    fn short_positions_count_by_size() {
        let out = concentration(&[1.2, -0.2]).unwrap();
        assert!(out.absolute && (out.gross - 1.4).abs() < 1e-15 && (out.top1 - 6.0 / 7.0).abs() < 1e-15);
    }

    #[test]
    fn uncorrelated_equal_assets() {
        // Orthogonal series of equal variance: σ_p = σ/√2, ratio √2.
        let (x, y) = ([0.1, -0.1, 0.1, -0.1], [0.1, 0.1, -0.1, -0.1]);
        let out = diversification(&[0.5, 0.5], &[&x, &y]).unwrap();
        assert!((out.diversification_ratio - 2.0_f64.sqrt()).abs() < 1e-14);
        assert!((out.effective_risk_positions - 2.0).abs() < 1e-14);
    }

    #[test]
    fn refusals_are_typed() {
        assert!(matches!(concentration(&[]), Err(Missing::TooFew { .. })));
        assert!(matches!(concentration(&[0.5, 0.4]), Err(Missing::Invalid { .. })));
        assert!(matches!(concentration(&[f64::NAN, 1.0]), Err(Missing::Invalid { .. })));
        assert!(matches!(diversification(&[1.0], &[&[0.1, 0.1]]), Err(Missing::ConstantSeries { .. })));
    }

    proptest! {
        #[test]
        fn shares_sum_to_one(
            rows in proptest::collection::vec((-1.0..1.0f64, -1.0..1.0f64, -1.0..1.0f64), 5..30),
            a in 0.05..0.45f64, b in 0.05..0.45f64,
        ) {
            let x: Vec<f64> = rows.iter().map(|r| r.0).collect();
            let y: Vec<f64> = rows.iter().map(|r| r.1).collect();
            let z: Vec<f64> = rows.iter().map(|r| r.2).collect();
            let weights = [a, b, 1.0 - a - b];
            let out = diversification(&weights, &[&x, &y, &z]).unwrap();
            prop_assert!((out.risk_contribution_share.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            prop_assert!((out.risk_contribution.iter().sum::<f64>() / out.sd_portfolio - 1.0).abs() < 1e-12);
            prop_assert!(out.diversification_ratio >= 1.0 - 1e-12);
            let c = concentration(&weights).unwrap();
            prop_assert!(c.effective_n >= 1.0 && c.effective_n <= c.entropy_effective_n + 1e-12 && c.entropy_effective_n <= 3.0 + 1e-12);
        }
    }
}
