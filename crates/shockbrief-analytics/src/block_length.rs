//! Block length of the stationary bootstrap, and percentile intervals of its draws.
//!
//! The block is chosen from the data by Politis & White (2004) with the correction of Patton, Politis &
//! White (2009). Draws on which the statistic does not exist are counted and left out, never replaced.

use crate::moments;
use crate::reason::{Missing, Outcome};
use crate::rng::Stream;
use rayon::prelude::*;
use serde::Serialize;

/// Mean block lengths, in observations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BlockLength {
    /// For the stationary bootstrap (mean of a geometric length).
    pub stationary: f64,
    /// For the circular block bootstrap (fixed length).
    pub circular: f64,
}

/// Politis & White (2004, corrected 2009): `b = (2G²/D)^{1/3} n^{1/3}` with `G = Σ λ(k/M) |k| R(k)`,
/// `D = 2 g(0)²` (stationary) or `4/3 g(0)²` (circular), flat-top λ, M twice the lag after which
/// `max(5, log10 n)` autocorrelations stay below `2 sqrt(log10 n / n)`; at most `min(3 sqrt n, n/3)`.
///
/// # Errors
/// [`Missing::TooFew`] below 16 observations, [`Missing::ConstantSeries`], [`Missing::Invalid`].
pub fn politis_white(x: &[f64]) -> Outcome<BlockLength> {
    let n = x.len();
    if n < 16 {
        return Err(Missing::TooFew { what: "observations for a block length", have: n, need: 16 });
    }
    if x.iter().any(|v| !v.is_finite()) {
        return Err(Missing::Invalid { what: "an observation" });
    }
    moments::positive_sd(x, "the series")?;
    let mean = moments::mean(x)?;
    let e: Vec<f64> = x.iter().map(|v| v - mean).collect();
    let size = n as f64;
    let run = 5.max(size.log10() as usize);
    let longest = (size.sqrt().ceil() as usize + run).min(n - 2);
    let (m, covariance) = truncation(&e, run, longest);
    let (mut g, mut spectrum) = (0.0, covariance[0]);
    for (k, r) in covariance.iter().enumerate().take(m + 1).skip(1) {
        let share = k as f64 / m as f64;
        let taper = if share <= 0.5 { 1.0 } else { 2.0 * (1.0 - share) };
        g += 2.0 * taper * k as f64 * r;
        spectrum += 2.0 * taper * r;
    }
    let cap = (3.0 * size.sqrt()).min(size / 3.0).ceil();
    let length = |d: f64| if d > 0.0 { (2.0 * g * g / d * size).cbrt().clamp(1.0, cap) } else { cap };
    let square = spectrum * spectrum;
    Ok(BlockLength { stationary: length(2.0 * square), circular: length(4.0 / 3.0 * square) })
}

fn truncation(e: &[f64], run: usize, longest: usize) -> (usize, Vec<f64>) {
    let n = e.len();
    let critical = 2.0 * ((n as f64).log10() / n as f64).sqrt();
    let product = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let (mut covariance, mut small) = (Vec::new(), Vec::new());
    for lag in 0..=longest {
        let cross = product(&e[lag..], &e[..n - lag]);
        let (head, rest) = (&e[..n - lag - 1], &e[lag + 1..]);
        covariance.push(cross / n as f64);
        small.push(cross.abs() < critical * (product(rest, rest) * product(head, head)).sqrt());
    }
    let quiet = (run..=longest).find(|lag| small[lag - run..*lag].iter().all(|s| *s)).map(|lag| lag - run);
    let m = quiet.map_or(longest, |lag| 2 * lag.max(1)).min(longest);
    (m, covariance)
}

/// A percentile interval from bootstrap draws.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Coverage, such as 0.9.
    pub level: f64,
    /// Draws on which the statistic existed.
    pub draws: usize,
    /// Draws on which it did not, left out.
    pub failed: usize,
    /// Mean block length in observations.
    pub block: f64,
}

/// Percentile interval of a statistic of row indices under the stationary bootstrap (Politis & Romano
/// 1994): `draws` resamples of `n` rows in blocks of mean length `block`.
///
/// # Errors
/// [`Missing::Invalid`] for a level outside (0, 1), [`Missing::TooFew`] when the statistic exists on
/// fewer than half of the draws.
pub fn interval(
    n: usize,
    block: f64,
    draws: usize,
    seed: u64,
    level: f64,
    statistic: impl Fn(&[usize]) -> Option<f64> + Sync,
) -> Outcome<Interval> {
    if !(level > 0.0 && level < 1.0) {
        return Err(Missing::Invalid { what: "the level" });
    }
    let draw = |b: usize| statistic(&Stream::child(seed, b as u64).stationary_rows(n, n, block));
    let values: Vec<f64> = (0..draws).into_par_iter().filter_map(draw).filter(|v| v.is_finite()).collect();
    if values.len() < 2 || 2 * values.len() < draws {
        return Err(Missing::TooFew { what: "bootstrap draws", have: values.len(), need: draws.div_ceil(2) });
    }
    let low = moments::quantile(&values, (1.0 - level) / 2.0)?;
    let high = moments::quantile(&values, (1.0 + level) / 2.0)?;
    Ok(Interval { low, high, level, draws: values.len(), failed: draws - values.len(), block })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persistent_series_get_longer_blocks() {
        let mut stream = Stream::new(5);
        let noise: Vec<f64> = (0..800).map(|_| stream.normal()).collect();
        let mut level = 0.0;
        let ar = noise.iter().map(|e| {
            level = 0.8 * level + e;
            level
        });
        let ar: Vec<f64> = ar.collect();
        let (short, long) = (politis_white(&noise).unwrap(), politis_white(&ar).unwrap());
        assert!(long.stationary > 3.0 * short.stationary);
        assert!((long.circular / long.stationary - 1.5_f64.cbrt()).abs() < 1e-12);
        let scaled: Vec<f64> = ar.iter().map(|v| 3.0 - 10.0 * v).collect();
        assert!((politis_white(&scaled).unwrap().stationary / long.stationary - 1.0).abs() < 1e-9);
    }

    #[test]
    fn interval_of_a_mean_is_near_the_normal_one() {
        let mut stream = Stream::new(6);
        let x: Vec<f64> = (0..400).map(|_| stream.normal()).collect();
        let mean = |rows: &[usize]| Some(rows.iter().map(|t| x[*t]).sum::<f64>() / rows.len() as f64);
        let found = interval(400, 1.0, 1_999, 1, 0.9, mean).unwrap();
        assert!((found.high - found.low - 2.0 * 1.645 / 20.0).abs() < 0.03);
        assert_eq!(interval(400, 1.0, 1_999, 1, 0.9, mean), Ok(found));
        assert!(interval(400, 1.0, 100, 1, 0.9, |_| None).is_err());
    }
}
