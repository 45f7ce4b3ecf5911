//! What a shock to themes means for a portfolio.
//!
//! Three readings of one shock, never mixed: *direct* moves only the shocked themes; *propagated* moves
//! the others to their conditional mean; *replay* applies what each asset really did. Theme parts sum to
//! the total by construction. A result is a range: residual and conditional factor risk and the uncertainty
//! of exposures. [`exposure`] is the slope on the theme *with* the asset in it, since that is what a shock of
//! the theme moves: slopes then average to one over an equal-weight theme, and a portfolio that is the theme
//! loses exactly the shock. Residuals within a theme are not independent (there they sum to zero), so
//! [`Scenario::with_residuals`] takes their covariance.

use crate::moments;
use crate::reason::{Missing, Outcome, finite};
use faer::linalg::solvers::Solve;
use faer::{Mat, Side};
use serde::Serialize;

/// Half-width of a 90% normal range in standard deviations, as quoted in briefs.
pub const WIDTH: f64 = 1.64;

/// A portfolio with exposures of N assets to K themes.
#[derive(Debug, Clone, Copy)]
pub struct Book<'a> {
    /// N weights.
    pub weights: &'a [f64],
    /// N rows of K exposures: return of the asset per unit return of the theme.
    pub exposures: &'a [Vec<f64>],
    /// N rows of K standard errors of the exposures, where they were estimated.
    pub exposure_se: Option<&'a [Vec<f64>]>,
    /// N standard deviations of asset returns that themes leave unexplained, over the shock's horizon.
    pub idio_sd: &'a [f64],
}

/// P&L of a scenario with its parts and ranges. Returns and P&L in decimals of the portfolio's value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scenario {
    /// Return of each of the K themes.
    pub theme_shock: Vec<f64>,
    /// Return of each of the N assets, `Bs`.
    pub asset_return: Vec<f64>,
    /// `w'Bs`.
    pub pnl: f64,
    /// `(w'B)_k s_k`; they sum to `pnl`.
    pub theme_contribution: Vec<f64>,
    /// Standard deviation given the shock: `w'B Ω_{U|S} B'w + Σw²σ²` (the second part alone when direct).
    pub pnl_sd: f64,
    /// `pnl - 1.64 pnl_sd` and `pnl + 1.64 pnl_sd`.
    pub range: (f64, f64),
    /// Standard error from exposures, `sqrt(Σ w_i² s_k² se_ik²)` with independent estimates; `None`
    /// without standard errors.
    pub exposure_sd: Option<f64>,
}

/// The slope of an asset on its theme, by least squares with a constant, and what it leaves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Exposure {
    /// Return of the asset per unit return of the theme.
    pub slope: f64,
    /// One residual per row.
    pub residuals: Vec<f64>,
    /// Sum of squared deviations of the theme's returns.
    pub theme_ss: f64,
}

/// Exposure of an asset to a theme whose returns include the asset; decimals, complete rows.
///
/// # Errors
/// [`Missing::LengthMismatch`], [`Missing::TooFew`] below three rows, [`Missing::ConstantSeries`] for a theme that
/// does not vary, [`Missing::Invalid`] for values that are not finite.
pub fn exposure(asset: &[f64], theme: &[f64]) -> Outcome<Exposure> {
    let n = theme.len();
    if asset.len() != n {
        return Err(Missing::LengthMismatch { what: "asset and theme", left: asset.len(), right: n });
    }
    if n < 3 {
        return Err(Missing::TooFew { what: "returns", have: n, need: 3 });
    }
    let (own, center) = (moments::mean(asset)?, moments::mean(theme)?);
    let theme_ss: f64 = theme.iter().map(|x| (x - center).powi(2)).sum();
    if theme_ss <= 0.0 {
        return Err(Missing::ConstantSeries { what: "the theme" });
    }
    let product: f64 = asset.iter().zip(theme).map(|(y, x)| (y - own) * (x - center)).sum();
    let slope = finite(product / theme_ss, "an exposure")?;
    let residuals = asset.iter().zip(theme).map(|(y, x)| y - own - slope * (x - center)).collect();
    Ok(Exposure { slope, residuals, theme_ss })
}

/// Residuals of the assets, one series each over the same rows, and what their slopes were estimated on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Residuals<'a> {
    /// N series of daily residuals.
    pub series: &'a [Vec<f64>],
    /// Theme of each asset.
    pub theme: &'a [usize],
    /// Sum of squared deviations of each of the K themes.
    pub theme_ss: &'a [f64],
    /// Days over which the scenario unfolds.
    pub horizon: usize,
}

impl Scenario {
    /// The same scenario with residuals that move together and slopes that are uncertain together, in place of the
    /// independent `idio_sd` of the book, which is zero then.
    ///
    /// With e_p the portfolio's residual series and σ² its variance on M - 2 degrees of freedom, the range gains
    /// `horizon σ²`; a theme k gains `s_k² σ_k² / SS_k` with σ_k² of the portfolio's residuals in that theme.
    ///
    /// # Errors
    /// [`Missing::LengthMismatch`] and [`Missing::TooFew`] below three rows.
    pub fn with_residuals(mut self, weights: &[f64], residuals: Residuals<'_>) -> Outcome<Self> {
        let Residuals { series, theme, theme_ss, horizon } = residuals;
        for (what, right) in [("weights and residuals", series.len()), ("weights and themes", theme.len())] {
            if weights.len() != right {
                return Err(Missing::LengthMismatch { what, left: weights.len(), right });
            }
        }
        let rows = series.iter().map(Vec::len).min().unwrap_or(0);
        if rows < 3 {
            return Err(Missing::TooFew { what: "returns", have: rows, need: 3 });
        }
        let variance = |held: &dyn Fn(usize) -> bool| -> f64 {
            let day = |row: usize| -> f64 {
                weights.iter().enumerate().filter(|(i, _)| held(*i)).map(|(i, w)| w * series[i][row]).sum()
            };
            (0..rows).map(|row| day(row).powi(2)).sum::<f64>() / (rows - 2) as f64
        };
        let slopes: f64 = theme_ss
            .iter()
            .zip(&self.theme_shock)
            .enumerate()
            .filter(|(_, (ss, _))| **ss > 0.0)
            .map(|(k, (ss, shock))| shock.powi(2) * variance(&|i| theme[i] == k) / ss)
            .sum();
        let whole = self.pnl_sd.powi(2) + horizon as f64 * variance(&|_| true) + slopes;
        self.pnl_sd = finite(whole.sqrt(), "the stress range")?;
        self.exposure_sd = Some(slopes.sqrt());
        self.range = (self.pnl - WIDTH * self.pnl_sd, self.pnl + WIDTH * self.pnl_sd);
        Ok(self)
    }
}

/// The shock applied to its own themes, zero elsewhere. `shock` has K entries, `None` for themes that
/// the scenario does not name.
///
/// # Errors
/// [`Missing::LengthMismatch`], [`Missing::Invalid`] for values that are not finite or a negative
/// standard deviation, [`Missing::TooFew`] for a scenario that shocks nothing.
pub fn direct(book: Book<'_>, shock: &[Option<f64>]) -> Outcome<Scenario> {
    check(book, shock)?;
    let themes: Vec<f64> = shock.iter().map(|s| s.unwrap_or(0.0)).collect();
    scenario(book, themes, 0.0)
}

/// The shock with the other themes at their conditional mean `Ω_US Ω_SS⁻¹ s_S`; `covariance` is the K x K
/// matrix Ω of theme returns over the shock's horizon.
///
/// # Errors
/// As [`direct`], [`Missing::Invalid`] for a covariance that is not symmetric or has a negative variance or
/// direction, and [`Missing::Singular`] when Ω_SS has no inverse or the conditional variance is
/// negative.
pub fn propagated(book: Book<'_>, shock: &[Option<f64>], covariance: &[Vec<f64>]) -> Outcome<Scenario> {
    check(book, shock)?;
    check_rows(covariance, shock.len(), shock.len(), "theme covariance")?;
    check_covariance(covariance)?;
    let (shocked, free): (Vec<usize>, Vec<usize>) = (0..shock.len()).partition(|k| shock[*k].is_some());
    let block = |rows: &[usize], cols: &[usize]| {
        Mat::from_fn(rows.len(), cols.len(), |i, j| covariance[rows[i]][cols[j]])
    };
    let factor = block(&shocked, &shocked).llt(Side::Lower).map_err(|_| Missing::Singular)?;
    let link = factor.solve(block(&shocked, &free));
    let mut themes: Vec<f64> = shock.iter().map(|s| s.unwrap_or(0.0)).collect();
    for (j, theme) in free.iter().enumerate() {
        themes[*theme] =
            shocked.iter().enumerate().map(|(i, k)| link[(i, j)] * shock[*k].unwrap_or(0.0)).sum();
    }
    let conditional = block(&free, &free) - block(&free, &shocked) * &link;
    let load = portfolio_exposure(book);
    let pair = |i: usize, j: usize| load[free[i]] * conditional[(i, j)] * load[free[j]];
    let variance: f64 =
        (0..free.len()).flat_map(|i| (0..free.len()).map(move |j| (i, j))).map(|(i, j)| pair(i, j)).sum();
    let scale: f64 = free.iter().map(|k| load[*k].powi(2) * covariance[*k][*k]).sum();
    if variance < -1e-12 * scale.abs() {
        return Err(Missing::Singular);
    }
    scenario(book, themes, variance.max(0.0))
}

fn portfolio_exposure(book: Book<'_>) -> Vec<f64> {
    let themes = book.exposures.first().map_or(0, Vec::len);
    let one = |k: usize| book.weights.iter().zip(book.exposures).map(|(w, b)| w * b[k]).sum();
    (0..themes).map(one).collect()
}

fn scenario(book: Book<'_>, themes: Vec<f64>, factor_variance: f64) -> Outcome<Scenario> {
    let product = |b: &Vec<f64>| b.iter().zip(&themes).map(|(b, s)| b * s).sum::<f64>();
    let parts: Vec<f64> = portfolio_exposure(book).iter().zip(&themes).map(|(b, s)| b * s).collect();
    let pnl = finite(parts.iter().sum::<f64>(), "the stress result")?;
    let residual: f64 = book.weights.iter().zip(book.idio_sd).map(|(w, s)| (w * s).powi(2)).sum();
    let pnl_sd = finite((factor_variance + residual).sqrt(), "the stress range")?;
    let exposure = |se: &[Vec<f64>]| {
        let rows = book.weights.iter().zip(se);
        rows.map(|(w, se)| se.iter().zip(&themes).map(|(e, s)| (w * e * s).powi(2)).sum::<f64>())
            .sum::<f64>()
            .sqrt()
    };
    Ok(Scenario {
        asset_return: book.exposures.iter().map(product).collect(),
        pnl,
        theme_contribution: parts,
        pnl_sd,
        range: (pnl - WIDTH * pnl_sd, pnl + WIDTH * pnl_sd),
        exposure_sd: book.exposure_se.map(exposure),
        theme_shock: themes,
    })
}

fn check(book: Book<'_>, shock: &[Option<f64>]) -> Outcome<()> {
    let n = book.weights.len();
    check_rows(book.exposures, n, shock.len(), "weights and exposures")?;
    if let Some(se) = book.exposure_se {
        check_rows(se, n, shock.len(), "exposures and standard errors")?;
    }
    if book.idio_sd.len() != n {
        let (left, right) = (n, book.idio_sd.len());
        return Err(Missing::LengthMismatch { what: "weights and residual risk", left, right });
    }
    if !book.idio_sd.iter().all(|s| *s >= 0.0) {
        return Err(Missing::Invalid { what: "a residual standard deviation" });
    }
    if book.weights.iter().chain(shock.iter().flatten()).any(|v| !v.is_finite()) {
        return Err(Missing::Invalid { what: "a weight or a shock" });
    }
    if shock.iter().all(Option::is_none) {
        return Err(Missing::TooFew { what: "shocked themes", have: 0, need: 1 });
    }
    Ok(())
}

/// A covariance equals its transpose and gives no combination a negative variance.
fn check_covariance(matrix: &[Vec<f64>]) -> Outcome<()> {
    let n = matrix.len();
    let size = matrix.iter().flatten().fold(0.0_f64, |a, v| a.max(v.abs()));
    let pairs = || (0..n).flat_map(|i| (0..i).map(move |j| (i, j)));
    if pairs().any(|(i, j)| (matrix[i][j] - matrix[j][i]).abs() > 1e-9 * size) {
        return Err(Missing::Invalid { what: "a theme covariance that is not symmetric" });
    }
    let square = Mat::from_fn(n, n, |i, j| 0.5 * (matrix[i][j] + matrix[j][i]));
    let values = square
        .self_adjoint_eigenvalues(Side::Lower)
        .map_err(|_| Missing::NotConverged { what: "the eigenvalue computation" })?;
    if values.iter().any(|v| *v < -1e-9 * size) {
        return Err(Missing::Invalid { what: "a theme covariance with a negative variance" });
    }
    Ok(())
}

fn check_rows(matrix: &[Vec<f64>], rows: usize, cols: usize, what: &'static str) -> Outcome<()> {
    if matrix.len() != rows {
        return Err(Missing::LengthMismatch { what, left: rows, right: matrix.len() });
    }
    if let Some(row) = matrix.iter().find(|row| row.len() != cols) {
        return Err(Missing::LengthMismatch { what, left: cols, right: row.len() });
    }
    let finite = matrix.iter().flatten().all(|v| v.is_finite());
    if finite { Ok(()) } else { Err(Missing::Invalid { what }) }
}

/// A past event applied to the weights of today.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replay {
    /// P&L of all that could be replayed.
    pub pnl: f64,
    /// P&L of assets with a realised return.
    pub pnl_realised: f64,
    /// P&L of assets replayed through themes.
    pub pnl_through_themes: f64,
    /// Contribution of each asset, `None` where neither exists.
    pub contribution: Vec<Option<f64>>,
    /// Share of gross weight with a realised return.
    pub share_realised: f64,
    /// Share of gross weight replayed through themes.
    pub share_through_themes: f64,
    /// Share of gross weight left out; to be printed beside the P&L.
    pub share_missing: f64,
}

/// Historical replay: `Σ w_i AR_i`, an asset without a realised abnormal return through its exposures
/// times the themes' realised returns, an asset without either left out and counted.
///
/// `realised` has N entries; `themes` is (N rows of K exposures, K theme returns), an empty row of
/// exposures standing for an asset without any.
///
/// # Errors
/// [`Missing::LengthMismatch`], [`Missing::Invalid`] for weights that are all zero or values that are
/// not finite, [`Missing::TooFew`] when nothing can be replayed.
pub fn replay(
    weights: &[f64],
    realised: &[Option<f64>],
    themes: Option<(&[Vec<f64>], &[f64])>,
) -> Outcome<Replay> {
    if weights.len() != realised.len() {
        let (left, right) = (weights.len(), realised.len());
        return Err(Missing::LengthMismatch { what: "weights and realised returns", left, right });
    }
    if let Some((exposures, _)) = themes.filter(|(e, _)| e.len() != weights.len()) {
        let (left, right) = (weights.len(), exposures.len());
        return Err(Missing::LengthMismatch { what: "weights and exposures", left, right });
    }
    let gross: f64 = weights.iter().map(|w| w.abs()).sum();
    if !(gross.is_finite() && gross > 0.0) {
        return Err(Missing::Invalid { what: "a weight" });
    }
    let through = |i: usize| -> Option<f64> {
        let (exposures, returns) = themes?;
        let row = exposures.get(i).filter(|row| !row.is_empty() && row.len() == returns.len())?;
        Some(row.iter().zip(returns).map(|(b, s)| b * s).sum())
    };
    let (mut own, mut by_theme, mut sizes) = (0.0, 0.0, (0.0, 0.0));
    let mut contribution = Vec::with_capacity(weights.len());
    for (i, weight) in weights.iter().enumerate() {
        let part = realised[i].or_else(|| through(i)).map(|r| weight * r);
        match (realised[i], part) {
            (Some(_), Some(part)) => (own, sizes.0) = (own + part, sizes.0 + weight.abs()),
            (None, Some(part)) => (by_theme, sizes.1) = (by_theme + part, sizes.1 + weight.abs()),
            _ => {}
        }
        contribution.push(part);
    }
    if sizes.0 + sizes.1 == 0.0 {
        return Err(Missing::TooFew { what: "assets to replay", have: 0, need: 1 });
    }
    Ok(Replay {
        pnl: finite(own + by_theme, "the replayed result")?,
        pnl_realised: own,
        pnl_through_themes: by_theme,
        contribution,
        share_realised: sizes.0 / gross,
        share_through_themes: sizes.1 / gross,
        share_missing: ((gross - sizes.0 - sizes.1) / gross).max(0.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn conditional_mean_by_hand() {
        // Two themes, Ω = [[4, 2], [2, 3]]: a shock of 1 to the first moves the second by 1/2 and leaves
        // it a variance of 3 - 2·2/4 = 2.
        let (weights, exposures) = ([1.0], [vec![0.0, 1.0]]);
        let book = Book { weights: &weights, exposures: &exposures, exposure_se: None, idio_sd: &[1.0] };
        let covariance = [vec![4.0, 2.0], vec![2.0, 3.0]];
        let out = propagated(book, &[Some(1.0), None], &covariance).unwrap();
        assert!((out.pnl - 0.5).abs() < 1e-15 && (out.pnl_sd - 3.0_f64.sqrt()).abs() < 1e-15);
        assert_eq!(direct(book, &[Some(1.0), None]).unwrap().pnl, 0.0);
    }

    #[test]
    fn replay_counts_what_it_leaves_out() {
        let exposures = [vec![], vec![0.5], vec![]];
        let out = replay(&[0.5, 0.3, 0.2], &[Some(-0.1), None, None], Some((&exposures, &[-0.2]))).unwrap();
        assert!((out.pnl + 0.05 + 0.03).abs() < 1e-15);
        assert!((out.share_missing - 0.2).abs() < 1e-15 && out.contribution[2].is_none());
    }

    #[test]
    fn refusals_are_typed() {
        let (weights, exposures) = ([1.0], [vec![1.0, 1.0]]);
        let book = Book { weights: &weights, exposures: &exposures, exposure_se: None, idio_sd: &[0.0] };
        assert!(matches!(direct(book, &[None, None]), Err(Missing::TooFew { .. })));
        assert!(matches!(direct(book, &[Some(1.0)]), Err(Missing::LengthMismatch { .. })));
        let flat = [vec![0.0, 0.0], vec![0.0, 1.0]];
        assert_eq!(propagated(book, &[Some(1.0), None], &flat), Err(Missing::Singular));
    }

    #[test]
    fn an_exposure_by_hand() {
        // Sxx = 10, Sxy = 12: slope 1.2; residual sum of squares 21.2 - 14.4 = 6.8.
        let line = exposure(&[2.0, 1.0, 4.0, 3.0, 7.0], &[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert!((line.slope - 1.2).abs() < 1e-12 && (line.theme_ss - 10.0).abs() < 1e-12);
        assert!((line.residuals.iter().map(|e| e * e).sum::<f64>() - 6.8).abs() < 1e-12);
        assert!(matches!(exposure(&[1.0; 4], &[2.0; 4]), Err(Missing::ConstantSeries { .. })));
        // One asset of weight one with a shock of -0.5: variance 6.8 / 3 over two days, slope's 6.8 / 3 / 10.
        let book =
            Book { weights: &[1.0], exposures: &[vec![line.slope]], exposure_se: None, idio_sd: &[0.0] };
        let residuals =
            Residuals { series: &[line.residuals], theme: &[0], theme_ss: &[line.theme_ss], horizon: 2 };
        let out = direct(book, &[Some(-0.5)]).unwrap().with_residuals(&[1.0], residuals).unwrap();
        assert!((out.pnl_sd.powi(2) - (2.0 + 0.25 / 10.0) * 6.8 / 3.0).abs() < 1e-12);
    }

    proptest! {
        /// A portfolio that is an equal-weight theme loses what the theme loses, and nothing is uncertain about it.
        #[test]
        fn a_portfolio_equal_to_its_theme_loses_the_shock(
            rows in proptest::collection::vec(proptest::collection::vec(-0.2..0.2f64, 4), 12..40),
            names in 1..4_usize,
            shock in -0.5..0.5f64,
        ) {
            let series: Vec<Vec<f64>> = (0..names).map(|i| rows.iter().map(|row| row[i]).collect()).collect();
            let theme: Vec<f64> = rows.iter().map(|row| row[..names].iter().sum::<f64>() / names as f64).collect();
            let fits: Vec<Exposure> = series.iter().map(|asset| exposure(asset, &theme).unwrap()).collect();
            let weights = vec![1.0 / names as f64; names];
            let slopes: Vec<Vec<f64>> = fits.iter().map(|fit| vec![fit.slope]).collect();
            let idio_sd = vec![0.0; names];
            let book = Book { weights: &weights, exposures: &slopes, exposure_se: None, idio_sd: &idio_sd };
            let left: Vec<Vec<f64>> = fits.iter().map(|fit| fit.residuals.clone()).collect();
            let residuals = Residuals { series: &left, theme: &vec![0; names], theme_ss: &[fits[0].theme_ss], horizon: 21 };
            let out = direct(book, &[Some(shock)]).unwrap().with_residuals(&weights, residuals).unwrap();
            prop_assert!((out.pnl - shock).abs() < 1e-12);
            prop_assert!(out.pnl_sd < 1e-12);
        }

        #[test]
        fn parts_sum_to_the_total(
            rows in proptest::collection::vec((-1.0..1.0f64, -2.0..2.0f64, -2.0..2.0f64, -2.0..2.0f64), 1..9),
            shock in proptest::collection::vec(proptest::option::of(-0.5..0.5f64), 3),
            a in proptest::collection::vec(-1.0..1.0f64, 9),
        ) {
            prop_assume!(shock.iter().any(Option::is_some));
            let weights: Vec<f64> = rows.iter().map(|r| r.0).collect();
            let exposures: Vec<Vec<f64>> = rows.iter().map(|r| vec![r.1, r.2, r.3]).collect();
            let idio_sd = vec![0.1; weights.len()];
            let book = Book { weights: &weights, exposures: &exposures, exposure_se: Some(&exposures), idio_sd: &idio_sd };
            let covariance: Vec<Vec<f64>> = (0..3).map(|i| (0..3).map(|j| {
                (0..3).map(|k| a[i * 3 + k] * a[j * 3 + k]).sum::<f64>() + if i == j { 0.1 } else { 0.0 }
            }).collect()).collect();
            for out in [direct(book, &shock).unwrap(), propagated(book, &shock, &covariance).unwrap()] {
                let assets: f64 = out.asset_return.iter().zip(&weights).map(|(r, w)| r * w).sum();
                prop_assert!((out.theme_contribution.iter().sum::<f64>() - out.pnl).abs() < 1e-12);
                prop_assert!((assets - out.pnl).abs() < 1e-12);
                prop_assert!(out.range.0 <= out.pnl && out.pnl <= out.range.1);
            }
        }
    }
}
