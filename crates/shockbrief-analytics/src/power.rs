//! What a test could have seen: power and the smallest effect it detects.
//!
//! A t statistic with df degrees of freedom has noncentrality δ = effect/se under an effect, and rejects at
//! two-sided level α with probability P(|T_δ| > t_{1-α/2}). "Not significant" says little without the
//! effect that would have been found in 80 of 100 cases. The noncentral law is integrated over the law of
//! the estimated spread; no normal approximation is made.

use crate::distributions::{normal_upper, student_quantile};
use crate::reason::{Missing, Outcome, finite};

/// Share of cases in which an effect is to be seen, by custom (Cohen 1988).
pub const POWER: f64 = 0.8;

/// Points of the integral over the estimated spread.
const POINTS: usize = 400;

/// Probability that a two-sided t test of level `level` with `df` degrees of freedom rejects when the
/// statistic has noncentrality `delta`:
/// `∫ [Φ(δ - c s) + Φ(-δ - c s)] f(s) ds`, c the critical value, s the spread estimated over the true one,
/// df s² ~ χ²(df).
///
/// # Errors
/// [`Missing::Invalid`] for a level outside (0, 1), df not positive or a noncentrality that is not finite.
pub fn power(delta: f64, df: f64, level: f64) -> Outcome<f64> {
    let critical = critical(df, level)?;
    if !delta.is_finite() {
        return Err(Missing::Invalid { what: "the noncentrality" });
    }
    let rejects = |s: f64| normal_upper(critical * s - delta) + normal_upper(critical * s + delta);
    // ln of the density of s without its constant; the constant is taken from the same sum.
    let log_density = |s: f64| (df - 1.0) * s.ln() - 0.5 * df * s * s;
    let mode = ((df - 1.0) / df).max(0.0).sqrt();
    let half = 9.0 / (2.0 * df).sqrt();
    let (low, high) = ((mode - half).max(1e-9), mode + half + if df < 3.0 { 4.0 } else { 0.0 });
    let step = (high - low) / POINTS as f64;
    let top = if mode > 0.0 { log_density(mode) } else { 0.0 };
    let (mut weight, mut total) = (0.0, 0.0);
    for k in 0..=POINTS {
        let s = low + step * k as f64;
        // Simpson's rule.
        let w = if k == 0 || k == POINTS {
            1.0
        } else if k % 2 == 1 {
            4.0
        } else {
            2.0
        };
        let d = w * (log_density(s) - top).exp();
        weight += d;
        total += d * rejects(s);
    }
    finite(total / weight, "the power")
}

fn critical(df: f64, level: f64) -> Outcome<f64> {
    if !(level > 0.0 && level < 1.0) {
        return Err(Missing::Invalid { what: "the level of the test" });
    }
    if !(df > 0.0 && df.is_finite()) {
        return Err(Missing::TooFew { what: "degrees of freedom", have: 0, need: 1 });
    }
    student_quantile(1.0 - 0.5 * level, df)
}

/// Noncentrality at which a two-sided t test rejects with probability `wanted`.
///
/// # Errors
/// As [`power`]; [`Missing::Invalid`] unless level < wanted < 1.
pub fn detectable(df: f64, level: f64, wanted: f64) -> Outcome<f64> {
    if !(wanted > level && wanted < 1.0) {
        return Err(Missing::Invalid { what: "the power asked for" });
    }
    let (mut low, mut high) = (0.0, critical(df, level)? + 2.0);
    while power(high, df, level)? < wanted {
        high *= 2.0;
        if high > 1e9 {
            return Err(Missing::NotConverged { what: "the smallest effect" });
        }
    }
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if power(middle, df, level)? < wanted { low = middle } else { high = middle }
    }
    Ok(0.5 * (low + high))
}

/// Smallest effect that a two-sided t test with standard error `se` detects with probability `wanted`, in
/// the unit of `se`: for a portfolio's CAR a return in decimals.
///
/// # Errors
/// As [`detectable`]; [`Missing::Invalid`] for a standard error that is not positive.
pub fn minimum_effect(se: f64, df: f64, level: f64, wanted: f64) -> Outcome<f64> {
    if !(se > 0.0 && se.is_finite()) {
        return Err(Missing::Invalid { what: "the standard error" });
    }
    Ok(se * detectable(df, level, wanted)?)
}

/// Smallest common abnormal return that a test on the mean of standardised CARs detects (BMP and its
/// adjusted form): an effect c adds c/se_i to each, `c = δ s/mean(1/se_i)` with s the standard error of the
/// mean SCAR, which is mean SCAR over the statistic. `scars` are (se of the CAR, SCAR) of the firms,
/// `statistic` the test's value.
///
/// # Errors
/// As [`detectable`]; [`Missing::Invalid`] for a statistic or mean of zero, which hide the standard error,
/// or a standard error that is not positive.
pub fn minimum_common_effect(
    scars: &[(f64, f64)],
    statistic: f64,
    df: f64,
    level: f64,
    wanted: f64,
) -> Outcome<f64> {
    if scars.is_empty() {
        return Err(Missing::NoFirms);
    }
    if scars.iter().any(|(se, _)| !(*se > 0.0 && se.is_finite())) {
        return Err(Missing::Invalid { what: "the standard error" });
    }
    let n = scars.len() as f64;
    let mean = scars.iter().map(|(_, scar)| scar).sum::<f64>() / n;
    let precision = scars.iter().map(|(se, _)| se.recip()).sum::<f64>() / n;
    if mean == 0.0 || statistic == 0.0 || (mean / statistic) < 0.0 {
        return Err(Missing::Invalid { what: "a mean and a statistic that give no standard error" });
    }
    minimum_effect(mean / statistic / precision, df, level, wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    #[test]
    fn power_as_r_gives_it() {
        // R 4, help(power.t.test): power.t.test(n = 20, delta = 1, sd = 1) has power 0.8689528, two-sided
        // with df 38 and noncentrality sqrt(20/2). Without `strict` R leaves the other tail out, 1e-8 here.
        assert!((power(10.0_f64.sqrt(), 38.0, 0.05).unwrap() - 0.868_952_8).abs() < 1e-6);
        // power.t.test(power = .90, delta = 1) needs n = 22.02110: df 42.0422, noncentrality sqrt(n/2).
        let n = 22.021_10_f64;
        assert!((power((n / 2.0).sqrt(), 2.0 * n - 2.0, 0.05).unwrap() - 0.9).abs() < 1e-5);
        assert!((detectable(2.0 * n - 2.0, 0.05, 0.9).unwrap() - (n / 2.0).sqrt()).abs() < 1e-4);
    }

    #[test]
    fn no_effect_is_rejected_at_the_level() {
        for df in [1.0, 2.0, 5.0, 24.0, 118.0, 2_000.0] {
            let size = power(0.0, df, 0.05).unwrap();
            assert!((size - 0.05).abs() < 2e-4, "df {df}: {size}");
        }
        let (a, b) = (power(1.5, 24.0, 0.05).unwrap(), power(-1.5, 24.0, 0.05).unwrap());
        assert!((a - b).abs() < 1e-12 && a > 0.25);
        assert!(power(0.0, 24.0, 0.0).is_err() && detectable(24.0, 0.05, 0.04).is_err());
    }

    #[test]
    fn simulation_agrees() {
        // Student draws by hand: (z + δ)/sqrt(χ²/df), df 10, δ 2.5.
        let mut s = Stream::new(9);
        let critical = student_quantile(0.975, 10.0).unwrap();
        let draws = 40_000;
        let hits = (0..draws)
            .filter(|_| {
                let chi2: f64 = (0..10).map(|_| s.normal().powi(2)).sum();
                ((s.normal() + 2.5) / (chi2 / 10.0).sqrt()).abs() > critical
            })
            .count();
        let share = hits as f64 / f64::from(draws);
        assert!((power(2.5, 10.0, 0.05).unwrap() - share).abs() < 0.008);
    }

    #[test]
    fn a_common_effect_is_told_in_returns() {
        // Equal standard errors of 2 %: the mean SCAR is mean/0.02, so that the effect is that of the mean.
        let scars = [(0.02, 1.0), (0.02, 2.0), (0.02, 0.5)];
        let mean_se = 3.5 / 3.0 / 2.0;
        let have = minimum_common_effect(&scars, 2.0, 2.0, 0.05, 0.8).unwrap();
        assert!((have - minimum_effect(0.02 * mean_se, 2.0, 0.05, 0.8).unwrap()).abs() < 1e-12);
        assert!(minimum_common_effect(&scars, -2.0, 2.0, 0.05, 0.8).is_err());
        assert!(minimum_effect(0.0, 2.0, 0.05, 0.8).is_err());
    }
}
