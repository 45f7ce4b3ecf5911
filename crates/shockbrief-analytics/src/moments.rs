//! Sample moments in two passes, quantiles and correlation.
//!
//! All functions read plain slices of finite numbers in the caller's order,
//! so results do not depend on scheduling. Sums are corrected by a second
//! pass over the deviations; nothing here uses the textbook difference of
//! squares. Missing values are the caller's to remove.

use crate::reason::{Missing, Outcome};

/// Standard deviation of a return at or below which it is rounding: prices in 17 digits leave 1e-16, prices
/// in eight digits less than 1e-7, and no asset moves by a hundred-thousandth of a percent a day.
pub const RETURN_ROUNDING: f64 = 1e-7;

/// Size of a sum or difference of returns at or below which its sign is rounding.
pub const ZERO_RETURN: f64 = 1e-12;

/// Spread over size at or below which a series in any unit is constant up to rounding.
const RELATIVE_ROUNDING: f64 = 1e-10;

/// Whether `spread`, a standard deviation of returns of this `size`, is more than rounding.
pub fn return_varies(spread: f64, size: f64) -> bool {
    spread > RETURN_ROUNDING.max(RELATIVE_ROUNDING * size)
}

fn need(x: &[f64], need: usize) -> Outcome<()> {
    if x.len() < need {
        return Err(Missing::TooFew { what: "observations", have: x.len(), need });
    }
    Ok(())
}

/// Arithmetic mean, `Σx/n`, refined once by the mean of the deviations.
///
/// # Errors
/// [`Missing::TooFew`] on an empty slice.
pub fn mean(x: &[f64]) -> Outcome<f64> {
    need(x, 1)?;
    let n = x.len() as f64;
    let first = x.iter().sum::<f64>() / n;
    let rest = x.iter().map(|v| v - first).sum::<f64>() / n;
    Ok(first + rest)
}

/// Sum of squared deviations from the mean, with the rounding correction
/// `Σd² - (Σd)²/n`.
fn sum_squares(x: &[f64], centre: f64) -> f64 {
    let (mut s2, mut s1) = (0.0, 0.0);
    for v in x {
        let d = v - centre;
        s2 += d * d;
        s1 += d;
    }
    (s2 - s1 * s1 / x.len() as f64).max(0.0)
}

/// Variance `Σ(x - mean)²/(n - ddof)`; `ddof` 1 gives the unbiased one.
///
/// # Errors
/// [`Missing::TooFew`] when `n <= ddof`.
pub fn variance(x: &[f64], ddof: usize) -> Outcome<f64> {
    need(x, ddof + 1)?;
    let m = mean(x)?;
    Ok(sum_squares(x, m) / (x.len() - ddof) as f64)
}

/// Standard deviation, the root of [`variance`].
///
/// # Errors
/// As [`variance`].
pub fn sd(x: &[f64], ddof: usize) -> Outcome<f64> {
    Ok(variance(x, ddof)?.sqrt())
}

/// Standard deviation with `n - 1`, refused when the series is constant to
/// rounding (spread at or below 1e-10 of its size).
///
/// # Errors
/// [`Missing::TooFew`] below two observations, [`Missing::ConstantSeries`]
/// naming `what`.
pub fn positive_sd(x: &[f64], what: &'static str) -> Outcome<f64> {
    let s = sd(x, 1)?;
    let size = x.iter().fold(0.0_f64, |a, v| a.max(v.abs()));
    if s <= RELATIVE_ROUNDING * size || s == 0.0 {
        return Err(Missing::ConstantSeries { what });
    }
    crate::reason::finite(s, what)
}

/// Adjusted Fisher-Pearson skewness,
/// `n/((n-1)(n-2)) Σ((x - mean)/s)³` with `s` on `n - 1`.
///
/// # Errors
/// [`Missing::TooFew`] below three observations, [`Missing::ConstantSeries`].
pub fn skewness(x: &[f64]) -> Outcome<f64> {
    need(x, 3)?;
    let m = mean(x)?;
    let s = positive_sd(x, "the sample")?;
    let n = x.len() as f64;
    let cubes: f64 = x.iter().map(|v| ((v - m) / s).powi(3)).sum();
    Ok(n / ((n - 1.0) * (n - 2.0)) * cubes)
}

/// Sample covariance of two aligned slices with divisor `n - ddof`.
///
/// # Errors
/// [`Missing::LengthMismatch`], [`Missing::TooFew`].
pub fn covariance(x: &[f64], y: &[f64], ddof: usize) -> Outcome<f64> {
    same_length(x, y)?;
    need(x, ddof + 1)?;
    let (mx, my) = (mean(x)?, mean(y)?);
    let s: f64 = x.iter().zip(y).map(|(a, b)| (a - mx) * (b - my)).sum();
    Ok(s / (x.len() - ddof) as f64)
}

/// Pearson correlation of two aligned slices, within [-1, 1].
///
/// # Errors
/// [`Missing::LengthMismatch`], [`Missing::TooFew`] below two observations,
/// [`Missing::ConstantSeries`].
pub fn correlation(x: &[f64], y: &[f64]) -> Outcome<f64> {
    same_length(x, y)?;
    let sx = positive_sd(x, "a correlated series")?;
    let sy = positive_sd(y, "a correlated series")?;
    let c = covariance(x, y, 1)?;
    Ok((c / sx / sy).clamp(-1.0, 1.0))
}

/// Median: the middle value, or the mean of the two middle ones.
///
/// # Errors
/// [`Missing::TooFew`] on an empty slice.
pub fn median(x: &[f64]) -> Outcome<f64> {
    quantile(x, 0.5)
}

/// Quantile by linear interpolation of order statistics at `(n-1)q`
/// (Hyndman & Fan type 7), `q` in [0, 1].
///
/// # Errors
/// [`Missing::TooFew`] on an empty slice, [`Missing::Invalid`] for `q`.
pub fn quantile(x: &[f64], q: f64) -> Outcome<f64> {
    need(x, 1)?;
    if !(0.0..=1.0).contains(&q) {
        return Err(Missing::Invalid { what: "the quantile level" });
    }
    let mut sorted = x.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() - 1) as f64 * q;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    let share = at - low as f64;
    if share == 0.0 {
        return Ok(sorted[low]);
    }
    if share == 0.5 {
        return Ok(0.5 * (sorted[low] + sorted[high]));
    }
    Ok(sorted[low] + share * (sorted[high] - sorted[low]))
}

/// Mid-ranks 1..n: ties share the mean of the ranks they cover.
pub fn mid_ranks(x: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_unstable_by(|&a, &b| x[a].total_cmp(&x[b]));
    let mut ranks = vec![0.0; x.len()];
    let mut start = 0;
    while start < order.len() {
        let mut end = start + 1;
        while end < order.len() && x[order[end]] == x[order[start]] {
            end += 1;
        }
        let rank = (start + end + 1) as f64 / 2.0;
        for &i in &order[start..end] {
            ranks[i] = rank;
        }
        start = end;
    }
    ranks
}

fn same_length(x: &[f64], y: &[f64]) -> Outcome<()> {
    if x.len() != y.len() {
        return Err(Missing::LengthMismatch { what: "paired series", left: x.len(), right: y.len() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variance_survives_a_large_offset() {
        let x: Vec<f64> = [4.0, 7.0, 13.0, 16.0].iter().map(|v| v + 1e9).collect();
        assert_eq!(variance(&x, 1), Ok(30.0));
    }

    #[test]
    fn ties_share_ranks() {
        assert_eq!(mid_ranks(&[2.0, 1.0, 2.0, 5.0]), [2.5, 1.0, 2.5, 4.0]);
    }

    #[test]
    fn constant_series_has_no_skewness() {
        assert!(matches!(skewness(&[0.1; 5]), Err(Missing::ConstantSeries { .. })));
    }

    #[test]
    fn rounding_is_no_spread() {
        // A price that grows by a tenth of a percent a day, in 17 digits.
        let r: Vec<f64> =
            (1..30).map(|k| 100.0 * 1.001_f64.powi(k) / (100.0 * 1.001_f64.powi(k - 1)) - 1.0).collect();
        let spread = sd(&r, 1).unwrap();
        assert!(spread > 0.0 && !return_varies(spread, 0.001));
        assert!(matches!(positive_sd(&r, "r"), Err(Missing::ConstantSeries { .. })));
        assert!(return_varies(1e-6, 0.01) && !return_varies(0.0, 0.0));
    }

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile(&[3.0, 1.0, 2.0, 4.0], 0.25), Ok(1.75));
        assert_eq!(median(&[3.0, 1.0, 2.0]), Ok(2.0));
    }
}
