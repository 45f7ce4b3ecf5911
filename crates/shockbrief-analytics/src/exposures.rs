//! Who was hit: slopes of one day's returns on exposures fixed before, judged by ordinary days.
//!
//! Returns of one day are regressed on a constant and characteristics known before day 0, by least squares or
//! by generalised least squares with a covariance of principal components and own variances. The t of such a
//! regression takes firms as independent and rejects a true null on most ordinary days; the slope of day 0 is
//! therefore judged by its rank among the slopes of the days before,
//! `p = (1 + #{|b_t| >= |b_0|})/(1 + N)` (Cohn, Johnson, Liu & Wardlaw 2026). Firms without an exposure, or
//! with a missing return on a row used, take no part and are listed.

use crate::calibration::{Rank, rank};
use crate::latent::Components;
use crate::linalg::{Design, dot};
use crate::reason::{Missing, Outcome};
use faer::Mat;
use rayon::prelude::*;
use serde::Serialize;

/// How firms are weighed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weighing {
    /// Ordinary least squares.
    Ols,
    /// Generalised least squares, covariance from so many principal components and own variances.
    Gls {
        /// Components.
        components: usize,
    },
}

/// Slopes on one day with their place among ordinary days, one per exposure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Slopes {
    /// Slope per unit of exposure, in decimals of return.
    pub slopes: Vec<f64>,
    /// Nominal standard error of the cross-section; not to be printed alone.
    pub se: Vec<f64>,
    /// Place of each slope's size among those of the ordinary days.
    pub rank: Vec<Outcome<Rank>>,
    /// Columns used.
    pub firms: Vec<usize>,
    /// Columns left out for a missing exposure or return.
    pub left_out: Vec<usize>,
}

/// Regresses the returns of `row` on `exposures` and ranks the slopes among those of `days`.
///
/// `returns` holds one column per firm, `exposures` one row of K values per firm, `estimation` the rows
/// behind the covariance of [`Weighing::Gls`].
///
/// # Errors
/// [`Missing::LengthMismatch`], [`Missing::TooFew`] with fewer than K + 3 firms, [`Missing::Singular`] when
/// exposures depend on each other or do not vary, [`Missing::OutsideSample`] for rows beyond the columns.
pub fn slopes(
    returns: &[&[Option<f64>]],
    exposures: &[Option<Vec<f64>>],
    row: usize,
    days: &[usize],
    estimation: &[usize],
    weighing: Weighing,
) -> Outcome<Slopes> {
    let (firms, left_out) = usable(returns, exposures, row, days, estimation)?;
    let x: Vec<&Vec<f64>> = firms.iter().filter_map(|k| exposures[*k].as_ref()).collect();
    let count = x.first().map_or(0, |x| x.len());
    if x.iter().any(|other| other.len() != count) {
        return Err(Missing::LengthMismatch { what: "exposures", left: count, right: firms.len() });
    }
    if count == 0 || firms.len() < count + 3 {
        return Err(Missing::TooFew { what: "firms with exposures", have: firms.len(), need: count + 3 });
    }
    let whiten = Whitener::new(returns, &firms, estimation, weighing)?;
    let mut columns = vec![vec![1.0; firms.len()]];
    columns.extend((0..count).map(|j| x.iter().map(|x| x[j]).collect()));
    columns.iter_mut().for_each(|c| whiten.apply(c));
    let views: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let design = Design::new(&views, firms.len())?;
    let on = |t: usize| {
        let mut y: Vec<f64> = firms.iter().filter_map(|k| returns[*k][t]).collect();
        whiten.apply(&mut y);
        design.fit(&y)
    };
    let event = on(row)?;
    let ordinary: Vec<Vec<f64>> =
        days.par_iter().map(|t| on(*t).map(|ols| ols.coef)).collect::<Outcome<Vec<_>>>()?;
    let place = |j: usize| {
        let sizes: Vec<f64> = ordinary.iter().map(|b| b[j].abs()).collect();
        rank(event.coef[j].abs(), &sizes)
    };
    Ok(Slopes {
        rank: (1..=count).map(place).collect(),
        slopes: event.coef[1..].to_vec(),
        se: event.se[1..].to_vec(),
        firms,
        left_out,
    })
}

/// Columns with an exposure and a return on every row used, and the others.
fn usable(
    returns: &[&[Option<f64>]],
    exposures: &[Option<Vec<f64>>],
    row: usize,
    days: &[usize],
    estimation: &[usize],
) -> Outcome<(Vec<usize>, Vec<usize>)> {
    if returns.len() != exposures.len() {
        let (left, right) = (returns.len(), exposures.len());
        return Err(Missing::LengthMismatch { what: "returns and exposures", left, right });
    }
    let rows = || days.iter().chain(estimation).chain([&row]);
    let last = rows().max().copied().unwrap_or(row);
    if returns.iter().any(|r| r.len() <= last) {
        return Err(Missing::OutsideSample);
    }
    let finite = |x: &Vec<f64>| x.iter().all(|v| v.is_finite());
    let has = |k: &usize| {
        exposures[*k].as_ref().is_some_and(finite)
            && rows().all(|t| returns[*k][*t].is_some_and(f64::is_finite))
    };
    Ok((0..returns.len()).partition(has))
}

/// Multiplies by the inverse of the Cholesky factor of the firms' covariance.
enum Whitener {
    Plain,
    Factor(Mat<f64>),
}

impl Whitener {
    fn new(
        returns: &[&[Option<f64>]],
        firms: &[usize],
        estimation: &[usize],
        weighing: Weighing,
    ) -> Outcome<Self> {
        let Weighing::Gls { components } = weighing else { return Ok(Self::Plain) };
        let history: Vec<Vec<f64>> =
            firms.iter().map(|k| estimation.iter().filter_map(|t| returns[*k][*t]).collect()).collect();
        let latent = Components::new(&history, components)?;
        let views: Vec<Vec<Option<f64>>> =
            history.iter().map(|h| h.iter().copied().map(Some).collect()).collect();
        let views: Vec<&[Option<f64>]> = views.iter().map(Vec::as_slice).collect();
        let factors = latent.factors(&views, components)?.factors;
        let factors: Vec<Vec<f64>> = factors.iter().map(|f| f.iter().flatten().copied().collect()).collect();
        let one = vec![1.0; estimation.len()];
        let mut columns: Vec<&[f64]> = vec![&one];
        columns.extend(factors.iter().map(Vec::as_slice));
        let design = Design::new(&columns, estimation.len())?;
        let fits = history.iter().map(|h| design.fit(h)).collect::<Outcome<Vec<_>>>()?;
        let n = firms.len();
        let moment = |a: usize, b: usize| dot(&factors[a], &factors[b]) / estimation.len() as f64;
        let spread = Mat::from_fn(components, components, moment);
        let load = Mat::from_fn(n, components, |i, k| fits[i].coef[k + 1]);
        let common = &load * &spread * load.transpose();
        let own = |i: usize| fits[i].sigma.powi(2);
        let sigma = Mat::from_fn(n, n, |i, j| common[(i, j)] + if i == j { own(i) } else { 0.0 });
        let factor = sigma.llt(faer::Side::Lower).map_err(|_| Missing::Singular)?;
        Ok(Self::Factor(factor.L().to_owned()))
    }

    fn apply(&self, x: &mut [f64]) {
        let Self::Factor(l) = self else { return };
        for i in 0..x.len() {
            let known: f64 = (0..i).map(|j| l[(i, j)] * x[j]).sum();
            x[i] = (x[i] - known) / l[(i, i)];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    /// Firms that load on one factor by their exposure; on the last row the exposure is priced by `effect`.
    #[expect(clippy::type_complexity, reason = "returns, and characteristics of each firm")]
    fn market(effect: f64, seed: u64) -> (Vec<Vec<Option<f64>>>, Vec<Option<Vec<f64>>>) {
        let (rows, firms) = (500, 40);
        let mut s = Stream::new(seed);
        let exposure: Vec<f64> = (0..firms).map(|_| s.normal()).collect();
        let factor: Vec<f64> = (0..rows).map(|_| 0.01 * s.normal()).collect();
        let returns = exposure
            .iter()
            .map(|x| {
                (0..rows)
                    .map(|t| {
                        let shock = if t == rows - 1 { effect * x } else { 0.0 };
                        Some(x * factor[t] + shock + 0.02 * s.normal())
                    })
                    .collect()
            })
            .collect();
        (returns, exposure.into_iter().map(|x| Some(vec![x])).collect())
    }

    fn judged(effect: f64, seed: u64, weighing: Weighing) -> Slopes {
        let (returns, exposures) = market(effect, seed);
        let views: Vec<&[Option<f64>]> = returns.iter().map(Vec::as_slice).collect();
        let days: Vec<usize> = (200..499).collect();
        let estimation: Vec<usize> = (0..200).collect();
        slopes(&views, &exposures, 499, &days, &estimation, weighing).unwrap()
    }

    #[test]
    fn a_priced_exposure_stands_out_and_the_nominal_t_cannot_be_trusted() {
        for weighing in [Weighing::Ols, Weighing::Gls { components: 2 }] {
            let hit = judged(-0.06, 4, weighing);
            assert!((hit.slopes[0] + 0.06).abs() < 0.04, "{:?}", hit.slopes);
            assert!(hit.rank[0].as_ref().unwrap().p < 0.02);
        }
        // Without an effect: the nominal t rejects on most days, the rank on one in twenty.
        let quiet: Vec<Slopes> = (0..120).map(|seed| judged(0.0, seed, Weighing::Ols)).collect();
        let nominal = quiet.iter().filter(|s| (s.slopes[0] / s.se[0]).abs() > 2.02).count();
        let ranked = quiet.iter().filter(|s| s.rank[0].as_ref().unwrap().p <= 0.05).count();
        assert!(nominal > 50 && ranked <= 13, "{nominal} {ranked}");
    }

    #[test]
    fn equal_variances_without_components_make_both_alike() {
        // Independent firms of one variance: the covariance is near a multiple of the identity.
        let mut s = Stream::new(77);
        let returns: Vec<Vec<Option<f64>>> =
            (0..30).map(|_| (0..900).map(|_| Some(0.01 * s.normal())).collect()).collect();
        let exposures: Vec<Option<Vec<f64>>> = (0..30).map(|k| Some(vec![f64::from(k)])).collect();
        let views: Vec<&[Option<f64>]> = returns.iter().map(Vec::as_slice).collect();
        let (days, estimation): (Vec<usize>, Vec<usize>) = ((620..899).collect(), (0..600).collect());
        let run = |w| slopes(&views, &exposures, 899, &days, &estimation, w).unwrap();
        let (ols, gls) = (run(Weighing::Ols), run(Weighing::Gls { components: 1 }));
        assert!((ols.slopes[0] - gls.slopes[0]).abs() < 0.3 * ols.se[0]);
        // By hand: slope of day 899 on 0..29.
        let y: Vec<f64> = returns.iter().map(|r| r[899].unwrap()).collect();
        let top: f64 = y.iter().zip(0..).map(|(y, k)| (f64::from(k) - 14.5) * y).sum();
        assert!((ols.slopes[0] - top / 2_247.5).abs() < 1e-15);
    }

    #[test]
    fn a_firm_without_exposure_is_listed() {
        let (mut returns, mut exposures) = market(0.0, 1);
        exposures[3] = None;
        returns[8][210] = None;
        let views: Vec<&[Option<f64>]> = returns.iter().map(Vec::as_slice).collect();
        let days: Vec<usize> = (200..499).collect();
        let out = slopes(&views, &exposures, 499, &days, &[], Weighing::Ols).unwrap();
        assert_eq!((out.left_out.as_slice(), out.firms.len()), (&[3, 8][..], 38));
        let none = vec![None; 40];
        let refused = slopes(&views, &none, 499, &days, &[], Weighing::Ols);
        assert!(matches!(refused, Err(Missing::TooFew { .. })));
        let flat: Vec<Option<Vec<f64>>> = vec![Some(vec![1.0]); 40];
        assert_eq!(slopes(&views, &flat, 499, &days, &[], Weighing::Ols), Err(Missing::Singular));
    }
}
