//! Realised volatility around an event, and tests of a change in variance.
//!
//! Returns come as one value per session, `None` where missing; missing sessions are dropped. Volatility
//! is annualised with the square-root rule and a stated number of sessions per year; the module never
//! guesses that number. The F test of the variance ratio assumes normal returns and over-rejects with
//! fat tails, so the Brown-Forsythe test stands beside it.

use crate::distributions::{f_upper, normal_two_sided, student_two_sided};
use crate::moments;
use crate::reason::{Missing, Outcome};
use serde::Serialize;

/// Volatility of a stretch of returns.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Volatility {
    /// Returns used.
    pub n: usize,
    /// Standard deviation per session, divisor `n - 1`, in decimals.
    pub sd: f64,
    /// `sd * sqrt(periods_per_year)`, in decimals per root year.
    pub annualised: f64,
    /// Sessions per year used to annualise.
    pub periods_per_year: f64,
}

/// Realised volatility `s = sqrt(Σ(r - r̄)² / (n - 1))` and its annualised value.
///
/// # Errors
/// [`Missing::TooFew`] below two returns, [`Missing::Invalid`] for a return that is not finite or a
/// `periods_per_year` that is not positive.
pub fn realised_volatility(returns: &[Option<f64>], periods_per_year: f64) -> Outcome<Volatility> {
    if !(periods_per_year.is_finite() && periods_per_year > 0.0) {
        return Err(Missing::Invalid { what: "the number of sessions per year" });
    }
    let valid = valid(returns)?;
    let sd = moments::sd(&valid, 1)?;
    Ok(Volatility { n: valid.len(), sd, annualised: sd * periods_per_year.sqrt(), periods_per_year })
}

fn valid(returns: &[Option<f64>]) -> Outcome<Vec<f64>> {
    let valid: Vec<f64> = returns.iter().flatten().copied().collect();
    let finite = valid.iter().all(|r| r.is_finite());
    if finite { Ok(valid) } else { Err(Missing::Invalid { what: "a return" }) }
}

/// Volatility before and after an event, side by side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VolatilityChange {
    /// The stretch that ends at the session before day 0.
    pub before: Volatility,
    /// The stretch that starts at day 0.
    pub after: Volatility,
    /// `s²_after / s²_before`.
    pub variance_ratio: f64,
    /// Numerator and denominator degrees of freedom of the F test.
    pub df: (f64, f64),
    /// Two-sided F p-value of equal variances; valid for independent normal returns only.
    pub p_f: f64,
    /// Two-sided Brown-Forsythe p-value of equal spread; robust to fat tails.
    pub p_brown_forsythe: f64,
    /// Brown-Forsythe t (positive: more spread after), on `n_before + n_after - 2` degrees of freedom.
    pub t_brown_forsythe: f64,
}

/// Volatility over the `before` sessions that end at `event_row - 1` and the `after` sessions that start
/// at `event_row`, with two tests of equal variance.
///
/// Variance ratio `F = s²_after / s²_before`, `2 min(P(F > f), P(F < f))`. Brown & Forsythe (1974): the
/// two-sample t of `|r - median|` with pooled variance.
///
/// # Errors
/// [`Missing::OutsideSample`] when a stretch leaves the sample, [`Missing::TooFew`] below two returns on
/// a side, [`Missing::ConstantSeries`] when a side does not vary, and as [`realised_volatility`].
pub fn before_after(
    returns: &[Option<f64>],
    event_row: usize,
    before: usize,
    after: usize,
    periods_per_year: f64,
) -> Outcome<VolatilityChange> {
    let start = event_row.checked_sub(before).ok_or(Missing::OutsideSample)?;
    let end = event_row.checked_add(after).filter(|end| *end <= returns.len());
    let end = end.ok_or(Missing::OutsideSample)?;
    compare(&returns[start..event_row], &returns[event_row..end], periods_per_year)
}

/// Volatility of two stretches of returns and tests of their equality; see [`before_after`].
///
/// # Errors
/// As [`before_after`].
pub fn compare(
    before: &[Option<f64>],
    after: &[Option<f64>],
    periods_per_year: f64,
) -> Outcome<VolatilityChange> {
    let (x, y) = (valid(before)?, valid(after)?);
    let sd_before = moments::positive_sd(&x, "the return before the event")?;
    let sd_after = moments::positive_sd(&y, "the return after the event")?;
    let variance_ratio = (sd_after / sd_before).powi(2);
    let df = (y.len() as f64 - 1.0, x.len() as f64 - 1.0);
    let (upper, lower) = (f_upper(variance_ratio, df.0, df.1)?, f_upper(1.0 / variance_ratio, df.1, df.0)?);
    let t = brown_forsythe(&x, &y)?;
    Ok(VolatilityChange {
        before: realised_volatility(before, periods_per_year)?,
        after: realised_volatility(after, periods_per_year)?,
        variance_ratio,
        df,
        p_f: (2.0 * upper.min(lower)).min(1.0),
        p_brown_forsythe: student_two_sided(t, df.0 + df.1)?,
        t_brown_forsythe: t,
    })
}

fn brown_forsythe(x: &[f64], y: &[f64]) -> Outcome<f64> {
    let spread = |z: &[f64]| -> Outcome<Vec<f64>> {
        let centre = moments::median(z)?;
        Ok(z.iter().map(|v| (v - centre).abs()).collect())
    };
    let (a, b) = (spread(x)?, spread(y)?);
    let (m, n) = (a.len() as f64, b.len() as f64);
    let pooled =
        (moments::variance(&a, 1)? * (m - 1.0) + moments::variance(&b, 1)? * (n - 1.0)) / (m + n - 2.0);
    if pooled <= 0.0 {
        return Err(Missing::ConstantSeries { what: "the distance from the median" });
    }
    Ok((moments::mean(&b)? - moments::mean(&a)?) / (pooled * (1.0 / m + 1.0 / n)).sqrt())
}

/// Variance ratio of overlapping `q`-period returns against one-period returns.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct VarianceRatio {
    /// Returns used.
    pub n: usize,
    /// Holding period in sessions.
    pub q: usize,
    /// `Var(q-period) / (q Var(1-period))`, unbiased; 1 under uncorrelated returns.
    pub ratio: f64,
    /// Statistic under independent, identically distributed returns, asymptotically N(0, 1).
    pub z: f64,
    /// Two-sided p-value of `z`.
    pub p: f64,
    /// Heteroskedasticity-robust statistic, asymptotically N(0, 1).
    pub z_robust: f64,
    /// Two-sided p-value of `z_robust`.
    pub p_robust: f64,
}

/// Lo & MacKinlay (1988) variance-ratio test on log returns without gaps.
///
/// `VR(q) = σ²_c(q)/σ²_a` with the unbiased overlapping estimators; iid variance
/// `2(2q-1)(q-1)/(3q n)`; robust variance `Σ_{j<q} (2(q-j)/q)² δ_j` with
/// `δ_j = Σ d_t² d_{t-j}² / (Σ d_t²)²`.
///
/// # Errors
/// [`Missing::TooFew`] below `2q` returns, [`Missing::Invalid`] for `q < 2`,
/// [`Missing::ConstantSeries`].
pub fn variance_ratio(log_returns: &[f64], q: usize) -> Outcome<VarianceRatio> {
    let n = log_returns.len();
    if q < 2 {
        return Err(Missing::Invalid { what: "the holding period" });
    }
    if n < 2 * q {
        return Err(Missing::TooFew { what: "returns", have: n, need: 2 * q });
    }
    let sd = moments::positive_sd(log_returns, "the return")?;
    let mean = moments::mean(log_returns)?;
    let d: Vec<f64> = log_returns.iter().map(|r| r - mean).collect();
    let (nf, qf) = (n as f64, q as f64);
    let overlapping: f64 = d.windows(q).map(|w| w.iter().sum::<f64>().powi(2)).sum();
    let ratio = overlapping / (qf * (nf - qf + 1.0) * (1.0 - qf / nf)) / (sd * sd);
    let z = (ratio - 1.0) / (2.0 * (2.0 * qf - 1.0) * (qf - 1.0) / (3.0 * qf * nf)).sqrt();
    let z_robust = (ratio - 1.0) / robust_ratio_variance(&d, q).sqrt();
    let p = normal_two_sided(z);
    Ok(VarianceRatio { n, q, ratio, z, p, z_robust, p_robust: normal_two_sided(z_robust) })
}

fn robust_ratio_variance(d: &[f64], q: usize) -> f64 {
    let total: f64 = d.iter().map(|v| v * v).sum();
    let delta = |j: usize| -> f64 {
        d[j..].iter().zip(d).map(|(a, b)| (a * b).powi(2)).sum::<f64>() / (total * total)
    };
    (1..q).map(|j| (2.0 * (q - j) as f64 / q as f64).powi(2) * delta(j)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn variance_ratio_by_hand() {
        // By hand, in percent: x has variance 10/4, y has (202 - 16/6)/5 = 598/15. The ratio exceeds the
        // upper 2.5% point of F(5, 4), 9.364 in the NIST/SEMATECH tables.
        let x: Vec<Option<f64>> = [1.0, 2.0, 3.0, 4.0, 5.0].iter().map(|v| Some(v / 100.0)).collect();
        let y: Vec<Option<f64>> = [-4.0, 1.0, 6.0, -9.0, 8.0, 2.0].iter().map(|v| Some(v / 100.0)).collect();
        let change = compare(&x, &y, 252.0).unwrap();
        assert!((change.variance_ratio - (598.0 / 15.0) / 2.5).abs() < 1e-12);
        assert_eq!(change.df, (5.0, 4.0));
        assert!((change.before.sd - 0.000_25_f64.sqrt()).abs() < 1e-16);
        assert!((change.before.annualised - (0.000_25_f64 * 252.0).sqrt()).abs() < 1e-15);
        assert!(change.p_f > 0.0 && change.p_f < 0.05);
    }

    #[test]
    fn windows_must_fit() {
        let returns = [Some(0.01); 4];
        assert_eq!(before_after(&returns, 1, 2, 2, 252.0), Err(Missing::OutsideSample));
        assert_eq!(before_after(&returns, 3, 2, 2, 252.0), Err(Missing::OutsideSample));
        assert!(matches!(before_after(&returns, 2, 2, 2, 252.0), Err(Missing::ConstantSeries { .. })));
    }

    #[test]
    fn alternating_returns_have_a_ratio_near_zero() {
        let returns: Vec<f64> = (0..100).map(|t| if t % 2 == 0 { 0.01 } else { -0.01 }).collect();
        let ratio = variance_ratio(&returns, 2).unwrap();
        assert!(ratio.ratio.abs() < 1e-12 && ratio.z < -9.0 && ratio.z_robust < -9.0);
    }

    proptest! {
        #[test]
        fn shift_and_scale(
            x in proptest::collection::vec(-0.1..0.1f64, 5..40),
            y in proptest::collection::vec(-0.1..0.1f64, 5..40),
            shift in -0.05..0.05f64, scale in 0.1..10.0f64,
        ) {
            let map = |z: &[f64]| -> Vec<Option<f64>> { z.iter().map(|v| Some((v + shift) * scale)).collect() };
            let plain = |z: &[f64]| -> Vec<Option<f64>> { z.iter().map(|v| Some(*v)).collect() };
            let a = compare(&plain(&x), &plain(&y), 252.0).unwrap();
            let b = compare(&map(&x), &map(&y), 252.0).unwrap();
            prop_assert!((a.variance_ratio / b.variance_ratio - 1.0).abs() < 1e-9);
            prop_assert!((a.t_brown_forsythe - b.t_brown_forsythe).abs() < 1e-8);
            prop_assert!((b.before.sd / (a.before.sd * scale) - 1.0).abs() < 1e-9);
        }
    }
}
