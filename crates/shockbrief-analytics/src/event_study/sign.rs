//! Sign tests and the signed-rank test on CARs.
//!
//! They assume independent firms: on a common date they belong in the
//! appendix. A CAR of zero, up to the rounding of a return, has no sign and
//! leaves all of them: counted as a fall it would make a day without trading
//! significant.

use super::cross_section::CrossSection;
use super::statistic::Stat;
use crate::distributions::binomial_half_two_sided;
use crate::moments::{ZERO_RETURN, mean, mid_ranks};
use crate::reason::{Missing, Outcome};

/// Largest sample for which the signed-rank distribution is enumerated.
const EXACT_LIMIT: usize = 50;

/// Firms with a positive CAR.
pub fn n_pos(c: &CrossSection<'_>) -> usize {
    c.cars.iter().filter(|x| x.car > ZERO_RETURN).count()
}

/// Firms whose CAR has a sign, N of the sign tests.
///
/// # Errors
/// [`Missing::TooFew`] when every CAR is zero.
pub fn n_signed(c: &CrossSection<'_>) -> Outcome<usize> {
    match c.cars.iter().filter(|x| x.car.abs() > ZERO_RETURN).count() {
        0 => Err(Missing::TooFew { what: "non-zero CARs", have: 0, need: 1 }),
        n => Ok(n),
    }
}

/// z = (n₊ - N/2)/(√N/2), standard normal, N the firms whose CAR is not zero.
///
/// # Errors
/// As [`n_signed`].
pub fn sign_z(c: &CrossSection<'_>) -> Outcome<Stat> {
    let n = n_signed(c)? as f64;
    c.normal((n_pos(c) as f64 - 0.5 * n) / (0.5 * n.sqrt()))
}

/// Exact two-sided binomial p of n₊ against one half, among the firms whose CAR is not zero; the value is
/// the p.
///
/// # Errors
/// As [`n_signed`].
pub fn sign_p_exact(c: &CrossSection<'_>) -> Outcome<Stat> {
    let p = binomial_half_two_sided(n_pos(c) as u64, n_signed(c)? as u64)?;
    c.stat(p, None, Some(p))
}

/// p̂, the mean over firms of the share of positive estimation residuals among those that are not zero.
///
/// # Errors
/// None beyond an empty section.
pub fn gsign_phat(c: &CrossSection<'_>) -> Outcome<Stat> {
    let shares: Vec<f64> = c
        .fits()
        .map(|f| {
            let positive = f.residuals.iter().filter(|e| **e > ZERO_RETURN).count();
            let negative = f.residuals.iter().filter(|e| **e < -ZERO_RETURN).count();
            // A fitted firm's residuals vary, so that some have a sign.
            positive as f64 / (positive + negative).max(1) as f64
        })
        .collect();
    c.stat(mean(&shares)?, None, None)
}

/// Generalised sign test of Cowan (1992): (n₊ - Np̂)/sqrt(Np̂(1 - p̂)).
///
/// # Errors
/// As [`n_signed`], and [`Missing::ConstantSeries`] when p̂ is 0 or 1.
pub fn gsign_z(c: &CrossSection<'_>) -> Outcome<Stat> {
    let p = gsign_phat(c)?.value;
    let n = n_signed(c)? as f64;
    let variance = n * p * (1.0 - p);
    if variance <= 0.0 {
        return Err(Missing::ConstantSeries { what: "the sign of the estimation residuals" });
    }
    c.normal((n_pos(c) as f64 - n * p) / variance.sqrt())
}

/// Non-zero CARs' mid-ranks by size, with their signs.
fn signed_ranks(c: &CrossSection<'_>) -> Outcome<(Vec<f64>, Vec<f64>)> {
    let x: Vec<f64> = c.car_values().into_iter().filter(|v| v.abs() > ZERO_RETURN).collect();
    if x.is_empty() {
        return Err(Missing::TooFew { what: "non-zero CARs", have: 0, need: 1 });
    }
    let size: Vec<f64> = x.iter().map(|v| v.abs()).collect();
    Ok((mid_ranks(&size), x))
}

/// W₊, the sum of ranks of |CAR| over the positive ones.
///
/// # Errors
/// [`Missing::TooFew`] when every CAR is zero.
pub fn wilcoxon_wplus(c: &CrossSection<'_>) -> Outcome<Stat> {
    let (ranks, x) = signed_ranks(c)?;
    let w = ranks.iter().zip(&x).filter(|(_, v)| **v > 0.0);
    c.stat(w.map(|(r, _)| r).sum(), None, None)
}

/// Exact two-sided p of W₊ by enumeration of the null distribution; the
/// value is the p. Only for at most 50 firms without ties.
///
/// # Errors
/// [`Missing::NotApplicable`] beyond that.
pub fn wilcoxon_p_exact(c: &CrossSection<'_>) -> Outcome<Stat> {
    let (ranks, x) = signed_ranks(c)?;
    let n = ranks.len();
    if n > EXACT_LIMIT {
        return Err(Missing::NotApplicable { what: "exact signed-rank p is given for at most 50 firms" });
    }
    if ranks.iter().any(|r| r.fract() != 0.0) || n != c.n() {
        return Err(Missing::NotApplicable { what: "exact signed-rank p needs CARs without ties or zeros" });
    }
    let w: f64 = ranks.iter().zip(&x).filter(|(_, v)| **v > 0.0).map(|(r, _)| r).sum();
    let total = n * (n + 1) / 2;
    let low = (w as usize).min(total - w as usize);
    let p = (2.0 * signed_rank_lower(n, low)).min(1.0);
    c.stat(p, None, Some(p))
}

/// P(W <= w) for the signed-rank statistic of n untied values.
fn signed_rank_lower(n: usize, w: usize) -> f64 {
    let total = n * (n + 1) / 2;
    let mut ways = vec![0.0_f64; total + 1];
    ways[0] = 1.0;
    for k in 1..=n {
        for s in (k..=total).rev() {
            ways[s] += ways[s - k];
        }
    }
    ways[..=w].iter().sum::<f64>() * 0.5_f64.powi(n as i32)
}

/// Normal form of the signed-rank test with tie correction,
/// (W₊ - n(n+1)/4)/sqrt(n(n+1)(2n+1)/24 - Σ(t³ - t)/48).
///
/// # Errors
/// [`Missing::TooFew`] below ten non-zero CARs.
pub fn wilcoxon_z(c: &CrossSection<'_>) -> Outcome<Stat> {
    let (mut ranks, x) = signed_ranks(c)?;
    if ranks.len() < 10 {
        return Err(Missing::TooFew { what: "non-zero CARs", have: ranks.len(), need: 10 });
    }
    let w: f64 = ranks.iter().zip(&x).filter(|(_, v)| **v > 0.0).map(|(r, _)| r).sum();
    let n = ranks.len() as f64;
    ranks.sort_by(f64::total_cmp);
    let ties: f64 = ranks.chunk_by(|a, b| a == b).map(|g| (g.len() as f64).powi(3) - g.len() as f64).sum();
    let variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - ties / 48.0;
    c.normal((w - n * (n + 1.0) / 4.0) / variance.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Table of Wilcoxon (1945) as printed in Hollander & Wolfe: n = 10,
    /// P(W <= 8) = 0.0244.
    #[test]
    fn signed_rank_table() {
        assert!((signed_rank_lower(10, 8) - 25.0 / 1024.0).abs() < 1e-15);
    }
}
