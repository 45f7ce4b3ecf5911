//! Contagion between markets: correlations in stable and turbulent periods.
//!
//! Correlation rises with the variance of the source even when nothing else changes, so an increase by
//! itself is interdependence. The word *contagion* is reserved for an increase that survives the
//! adjustment of Forbes & Rigobon (2002); both tests are returned and the caller prints both. The
//! adjustment is right only when the source is exogenous (Corsetti, Pericoli & Sbracia 2005). The module
//! also gives the mean pairwise correlation, the share of the first eigenvalue and the correlation of
//! residuals, so that a common factor is not called contagion.

use crate::distributions::normal_upper;
use crate::linalg::Design;
use crate::moments;
use crate::reason::{Missing, Outcome};
use faer::{Mat, Side};
use serde::Serialize;

/// Stable against turmoil correlation of one pair.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Contagion {
    /// Common observations in the stable window.
    pub n_stable: usize,
    /// Common observations in the turmoil window.
    pub n_turmoil: usize,
    /// Variance of the source in turmoil over that in the stable window, minus one.
    pub delta: f64,
    /// Pearson correlation in the stable window.
    pub rho_stable: f64,
    /// Pearson correlation in turmoil, unadjusted.
    pub rho_turmoil: f64,
    /// Turmoil correlation at the source's stable variance, `ρ / sqrt(1 + δ(1 - ρ²))`.
    pub rho_turmoil_forbes_rigobon: f64,
    /// Fisher z of turmoil minus stable, unadjusted.
    pub fisher_z_unadjusted: f64,
    /// One-sided p-value of an increase, unadjusted.
    pub p_one_sided_unadjusted: f64,
    /// Fisher z of adjusted turmoil minus stable.
    pub fisher_z_adjusted: f64,
    /// One-sided p-value of an increase, adjusted: the test of contagion.
    pub p_one_sided_adjusted: f64,
}

/// Forbes & Rigobon (2002) test of one pair.
///
/// `δ = Var_turmoil(source) / Var_stable(source) - 1`; `ρ* = ρ_t / sqrt(1 + δ(1 - ρ_t²))`; Fisher
/// `z = (artanh ρ_t - artanh ρ_s) / sqrt(1/(n_s - 3) + 1/(n_t - 3))`, one-sided against an increase.
/// `overlap` is the number of sessions that one return spans: with returns over two days that overlap,
/// pass 2 and the numbers of observations in the standard error are halved. Rows where either side is
/// missing are dropped; the source's variances use the same rows.
///
/// # Errors
/// [`Missing::TooFew`] when an effective window has fewer than four observations,
/// [`Missing::ConstantSeries`], [`Missing::LengthMismatch`], [`Missing::Invalid`] for `overlap` 0 or
/// values that are not finite, [`Missing::NotApplicable`] for a perfect correlation.
pub fn forbes_rigobon(
    stable: (&[Option<f64>], &[Option<f64>]),
    turmoil: (&[Option<f64>], &[Option<f64>]),
    overlap: usize,
) -> Outcome<Contagion> {
    if overlap == 0 {
        return Err(Missing::Invalid { what: "the overlap" });
    }
    let (source_s, other_s) = common(stable.0, stable.1)?;
    let (source_t, other_t) = common(turmoil.0, turmoil.1)?;
    let (n_stable, n_turmoil) = (source_s.len(), source_t.len());
    let rho_stable = imperfect(moments::correlation(&source_s, &other_s)?)?;
    let rho_turmoil = imperfect(moments::correlation(&source_t, &other_t)?)?;
    let delta = moments::variance(&source_t, 1)? / moments::variance(&source_s, 1)? - 1.0;
    let adjusted = forbes_rigobon_correlation(rho_turmoil, delta);
    let n = (effective(n_stable, overlap)?, effective(n_turmoil, overlap)?);
    let unadjusted_z = fisher_z(rho_stable, n.0, rho_turmoil, n.1);
    let adjusted_z = fisher_z(rho_stable, n.0, adjusted, n.1);
    Ok(Contagion {
        n_stable,
        n_turmoil,
        delta,
        rho_stable,
        rho_turmoil,
        rho_turmoil_forbes_rigobon: adjusted,
        fisher_z_unadjusted: unadjusted_z,
        p_one_sided_unadjusted: normal_upper(unadjusted_z),
        fisher_z_adjusted: adjusted_z,
        p_one_sided_adjusted: normal_upper(adjusted_z),
    })
}

/// `ρ / sqrt(1 + δ(1 - ρ²))`, the correlation at the stable variance of the source (Forbes & Rigobon
/// 2002, equation 11). `delta > -1`.
pub fn forbes_rigobon_correlation(rho: f64, delta: f64) -> f64 {
    rho / (1.0 + delta * (1.0 - rho * rho)).sqrt()
}

fn effective(n: usize, overlap: usize) -> Outcome<f64> {
    let effective = n as f64 / overlap as f64;
    if effective > 3.0 {
        Ok(effective)
    } else {
        Err(Missing::TooFew { what: "common observations", have: n, need: 3 * overlap + 1 })
    }
}

fn imperfect(rho: f64) -> Outcome<f64> {
    if rho.abs() < 1.0 - 1e-10 {
        Ok(rho)
    } else {
        Err(Missing::NotApplicable { what: "the correlation is perfect" })
    }
}

fn fisher_z(rho_stable: f64, n_stable: f64, rho_turmoil: f64, n_turmoil: f64) -> f64 {
    let se = (1.0 / (n_stable - 3.0) + 1.0 / (n_turmoil - 3.0)).sqrt();
    (rho_turmoil.atanh() - rho_stable.atanh()) / se
}

fn common(a: &[Option<f64>], b: &[Option<f64>]) -> Outcome<(Vec<f64>, Vec<f64>)> {
    if a.len() != b.len() {
        return Err(Missing::LengthMismatch { what: "returns of a pair", left: a.len(), right: b.len() });
    }
    let pairs: Vec<(f64, f64)> = a.iter().zip(b).filter_map(|(a, b)| Some(((*a)?, (*b)?))).collect();
    if pairs.iter().any(|(a, b)| !(a.is_finite() && b.is_finite())) {
        return Err(Missing::Invalid { what: "a return" });
    }
    Ok(pairs.into_iter().unzip())
}

/// Mean pairwise correlation and the pairs behind it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MeanCorrelation {
    /// Mean of the off-diagonal Pearson correlations.
    pub mean: f64,
    /// Pairs used.
    pub pairs: usize,
    /// Pairs left out for too few common rows or a series that does not vary.
    pub dropped: usize,
}

/// Mean of the Pearson correlations over all pairs of complete `series`, in one pass over the rows.
///
/// With z the series standardised (divisor T - 1) and `S_t = Σ_i z_it`, `Σ_t S_t² / (T - 1) = N + N(N-1) ρ̄`:
/// N·T operations in place of N²·T/2.
///
/// # Errors
/// [`Missing::TooFew`] below two series or two rows, [`Missing::LengthMismatch`],
/// [`Missing::ConstantSeries`].
pub fn mean_correlation(series: &[&[f64]]) -> Outcome<f64> {
    let count = series.len();
    if count < 2 {
        return Err(Missing::TooFew { what: "series", have: count, need: 2 });
    }
    let rows = series[0].len();
    let mut sums = vec![0.0; rows];
    for x in series {
        if x.len() != rows {
            return Err(Missing::LengthMismatch { what: "series", left: rows, right: x.len() });
        }
        let (mean, sd) = (moments::mean(x)?, moments::positive_sd(x, "a series")?);
        sums.iter_mut().zip(*x).for_each(|(sum, value)| *sum += (value - mean) / sd);
    }
    let whole = sums.iter().map(|sum| sum * sum).sum::<f64>() / (rows as f64 - 1.0);
    let n = count as f64;
    Ok((whole - n) / (n * (n - 1.0)))
}

/// Mean of the Pearson correlations over all pairs of `series` with at least `minimum` common rows.
///
/// # Errors
/// [`Missing::TooFew`] when no pair remains, [`Missing::LengthMismatch`], [`Missing::Invalid`] for
/// values that are not finite.
pub fn mean_pairwise_correlation(series: &[&[Option<f64>]], minimum: usize) -> Outcome<MeanCorrelation> {
    let (mut sum, mut pairs, mut dropped) = (0.0, 0, 0);
    for (i, a) in series.iter().enumerate() {
        for b in &series[i + 1..] {
            let (x, y) = common(a, b)?;
            match moments::correlation(&x, &y) {
                Ok(rho) if x.len() >= minimum => {
                    sum += rho;
                    pairs += 1;
                }
                _ => dropped += 1,
            }
        }
    }
    if pairs == 0 {
        return Err(Missing::TooFew { what: "pairs", have: 0, need: 1 });
    }
    Ok(MeanCorrelation { mean: sum / pairs as f64, pairs, dropped })
}

/// Share of the `k` largest eigenvalues in the trace of the covariance of complete `series`
/// (the absorption ratio of Kritzman, Li, Page & Rigobon 2011, with equal weights in time).
///
/// # Errors
/// [`Missing::TooFew`] below two series or two rows or for `k` outside `1..=N`,
/// [`Missing::LengthMismatch`], [`Missing::ConstantSeries`] when nothing varies.
pub fn absorption_ratio(series: &[&[f64]], k: usize) -> Outcome<f64> {
    if series.len() < 2 || k == 0 || k > series.len() {
        return Err(Missing::TooFew { what: "series", have: series.len(), need: k.max(2) });
    }
    let covariance = covariance_matrix(series)?;
    let values = covariance
        .self_adjoint_eigenvalues(Side::Lower)
        .map_err(|_| Missing::NotConverged { what: "the eigenvalue computation" })?;
    let total: f64 = values.iter().sum();
    if total <= 0.0 {
        return Err(Missing::ConstantSeries { what: "every series" });
    }
    Ok(values.iter().rev().take(k).sum::<f64>() / total)
}

/// Sample covariance of complete `series`, divisor `n - 1`: an N x N matrix.
///
/// # Errors
/// [`Missing::TooFew`] below two rows, [`Missing::LengthMismatch`].
pub fn covariance_matrix(series: &[&[f64]]) -> Outcome<Mat<f64>> {
    let mut covariance = Mat::zeros(series.len(), series.len());
    // Each series is centred once; entry by entry this is `moments::covariance`, to the bit.
    let mut centred: Vec<Vec<f64>> = Vec::with_capacity(series.len());
    for x in series {
        moments::covariance(x, series[0], 1)?;
        let mean = moments::mean(x)?;
        centred.push(x.iter().map(|v| v - mean).collect());
    }
    for i in 0..series.len() {
        for j in 0..=i {
            let sum: f64 = centred[i].iter().zip(&centred[j]).map(|(a, b)| a * b).sum();
            let value = sum / (series[i].len() - 1) as f64;
            covariance[(i, j)] = value;
            covariance[(j, i)] = value;
        }
    }
    Ok(covariance)
}

/// Rows where every series has a value, one vector per series.
///
/// # Errors
/// [`Missing::LengthMismatch`] for ragged series, [`Missing::Invalid`] for values that are not finite.
pub fn complete_rows(series: &[&[Option<f64>]]) -> Outcome<Vec<Vec<f64>>> {
    let rows = series.first().map_or(0, |first| first.len());
    if let Some(other) = series.iter().find(|s| s.len() != rows) {
        return Err(Missing::LengthMismatch { what: "series", left: rows, right: other.len() });
    }
    if series.iter().any(|s| s.iter().flatten().any(|v| !v.is_finite())) {
        return Err(Missing::Invalid { what: "a value" });
    }
    let keep: Vec<usize> = (0..rows).filter(|t| series.iter().all(|s| s[*t].is_some())).collect();
    Ok(series.iter().map(|s| keep.iter().filter_map(|t| s[*t]).collect()).collect())
}

/// Mean pairwise correlation of what is left of `series` after a regression of each on a constant and
/// `factors`, all complete and of equal length.
///
/// A mean near zero says that the factors explain the co-movement.
///
/// # Errors
/// [`Missing::Singular`] for dependent factors, [`Missing::TooFew`] without degrees of freedom or below
/// two series, [`Missing::LengthMismatch`].
pub fn residual_correlation(series: &[&[f64]], factors: &[&[f64]]) -> Outcome<MeanCorrelation> {
    let rows = series.first().map_or(0, |first| first.len());
    let ones = vec![1.0; rows];
    let mut columns: Vec<&[f64]> = vec![&ones];
    columns.extend(factors);
    let design = Design::new(&columns, rows)?;
    let residuals = series.iter().map(|y| Ok(design.fit(y)?.residuals.into_iter().map(Some).collect()));
    let residuals: Vec<Vec<Option<f64>>> = residuals.collect::<Outcome<_>>()?;
    let views: Vec<&[Option<f64>]> = residuals.iter().map(Vec::as_slice).collect();
    mean_pairwise_correlation(&views, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pass_agrees_with_pair_by_pair() {
        let mut stream = crate::rng::Stream::new(7);
        let series: Vec<Vec<f64>> = (0..9).map(|_| (0..40).map(|_| stream.normal()).collect()).collect();
        let slices: Vec<&[f64]> = series.iter().map(Vec::as_slice).collect();
        let options: Vec<Vec<Option<f64>>> =
            series.iter().map(|x| x.iter().copied().map(Some).collect()).collect();
        let by_pair =
            mean_pairwise_correlation(&options.iter().map(Vec::as_slice).collect::<Vec<_>>(), 2).unwrap();
        assert!((mean_correlation(&slices).unwrap() - by_pair.mean).abs() < 1e-13);
        assert!(mean_correlation(&[&[1.0, 1.0], &[1.0, 2.0]]).is_err());
    }
    use proptest::prelude::*;

    fn some(x: &[f64]) -> Vec<Option<f64>> {
        x.iter().copied().map(Some).collect()
    }

    #[test]
    fn adjusted_correlation_of_the_paper() {
        // Forbes & Rigobon (2002), section II: y = 0.2 x; a variance ten times as large lifts the
        // correlation by itself, and the adjustment takes it back.
        // Corr with Var(e)=1, b=0.2: ρ² = b²v/(b²v+1).
        let rho = |v: f64| (0.04 * v / (0.04 * v + 1.0)).sqrt();
        assert!((forbes_rigobon_correlation(rho(10.0), 9.0) - rho(1.0)).abs() < 1e-15);
        assert!((forbes_rigobon_correlation(rho(0.5), -0.5) - rho(1.0)).abs() < 1e-15);
    }

    #[test]
    fn first_eigenvalue_of_a_two_by_two() {
        // Var 1 and 1, covariance 0.5 in proportion: eigenvalues 1.5 and 0.5.
        let x = [1.0, -1.0, 0.5, -0.5, 1.0, -1.0];
        let y = [1.0, -1.0, -0.5, 0.5, 0.0, 0.0];
        let c = covariance_matrix(&[&x, &y]).unwrap();
        let (a, b, d) = (c[(0, 0)], c[(0, 1)], c[(1, 1)]);
        let largest = (a + d) / 2.0 + (((a - d) / 2.0).powi(2) + b * b).sqrt();
        let share = absorption_ratio(&[&x, &y], 1).unwrap();
        assert!((share - largest / (a + d)).abs() < 1e-14);
        assert!((absorption_ratio(&[&x, &y], 2).unwrap() - 1.0).abs() < 1e-14);
    }

    #[test]
    fn every_entry_is_the_covariance_of_its_pair_to_the_bit() {
        let mut stream = crate::rng::Stream::new(5);
        let data: Vec<Vec<f64>> = (0..9).map(|_| (0..250).map(|_| 0.3 + stream.normal()).collect()).collect();
        let views: Vec<&[f64]> = data.iter().map(Vec::as_slice).collect();
        let matrix = covariance_matrix(&views).unwrap();
        for (i, x) in data.iter().enumerate() {
            for (j, y) in data.iter().enumerate() {
                assert_eq!(matrix[(i, j)].to_bits(), moments::covariance(x, y, 1).unwrap().to_bits());
            }
        }
        assert!(matches!(covariance_matrix(&[&data[0], &data[1][1..]]), Err(Missing::LengthMismatch { .. })));
    }

    #[test]
    fn refusals_are_typed() {
        let x = some(&[0.1, 0.2, -0.1, 0.0, 0.3]);
        let y = some(&[0.2, 0.1, -0.1, 0.1, 0.2]);
        let short = forbes_rigobon((&x, &y), (&x[..3], &y[..3]), 1);
        assert!(matches!(short, Err(Missing::TooFew { have: 3, need: 4, .. })));
        assert!(matches!(forbes_rigobon((&x, &x), (&x, &y), 1), Err(Missing::NotApplicable { .. })));
        let flat = vec![Some(0.1); 5];
        assert!(matches!(forbes_rigobon((&flat, &y), (&x, &y), 1), Err(Missing::ConstantSeries { .. })));
    }

    proptest! {
        #[test]
        fn scale_of_the_other_side_does_not_matter(
            rows in proptest::collection::vec((-1.0..1.0f64, -1.0..1.0f64), 12..40), scale in 0.1..9.0f64,
        ) {
            let x: Vec<f64> = rows.iter().map(|r| r.0).collect();
            let y: Vec<f64> = rows.iter().map(|r| r.0 * 0.5 + r.1).collect();
            let z: Vec<f64> = y.iter().map(|v| v * scale + 3.0).collect();
            let (x, y, z) = (some(&x), some(&y), some(&z));
            let a = forbes_rigobon((&x[..6], &y[..6]), (&x[6..], &y[6..]), 1).unwrap();
            let b = forbes_rigobon((&x[..6], &z[..6]), (&x[6..], &z[6..]), 1).unwrap();
            prop_assert!((a.fisher_z_adjusted - b.fisher_z_adjusted).abs() < 1e-7);
            prop_assert!(a.delta <= 0.0 || a.rho_turmoil_forbes_rigobon.abs() <= a.rho_turmoil.abs());
        }
    }
}
