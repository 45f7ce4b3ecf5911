//! Multivariate regression with an event dummy (Binder 1985; Schipper &
//! Thompson 1983).
//!
//! One dummy for the window in the regressions of all firms; its coefficients
//! are the firms' CARs. With N firms, residual covariance Σ̂ = E'E/(T-k),
//! T - k = M - p, and a = L + S'(X'X)⁻¹S the dummy's variance factor,
//! F = (T-k-N+1)/(N(T-k)) γ̂'Σ̂⁻¹γ̂/a ~ F(N, T-k-N+1) tests *all* γ = 0, and
//! t of the mean γ equals the equal-weight portfolio's t. Days on which some
//! firm is missing leave the estimation of all firms. A firm that no study could
//! use on its own (too few days, no residual variance) takes no part and stops
//! nobody else's test.

use super::firm_event::FirmEvent;
use super::firm_fit::{FirmFit, Study, usable_rows};
use super::fit::{fit, fit_each};
use super::model::{Model, Spec};
use super::statistic::Stat;
use crate::distributions::{f_upper, student_two_sided};
use crate::linalg::inverse_quadratic_form;
use crate::moments::mean;
use crate::reason::{Missing, Outcome, finite};
use faer::Mat;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

/// Joint and mean tests of one window.
#[derive(Debug, Clone, PartialEq)]
pub struct Mvrm {
    /// First and last relative day.
    pub window: [i32; 2],
    /// Firm ids, in the order of `gamma`.
    pub firms: Vec<String>,
    /// Dummy coefficients: the firms' CARs.
    pub gamma: Vec<f64>,
    /// Variance factor a.
    pub a: f64,
    /// γ_i over its standard error, df T - k.
    pub t_each: Vec<f64>,
    /// T - k.
    pub df: usize,
    /// Wald statistic γ̂'Σ̂⁻¹γ̂/a.
    pub wald_chi2: Outcome<f64>,
    /// Joint F; refused unless T - k exceeds N.
    pub f: Outcome<Stat>,
    /// Mean of the γ.
    pub mean_gamma: f64,
    /// t of the mean γ.
    pub t_mean: Stat,
}

/// Joint tests that all firms' CARs over `window` are zero.
///
/// # Errors
/// [`Missing::BeyondWindow`], [`Missing::NoFirms`], [`Missing::NotCommonDate`] when event dates or
/// regressors differ, [`Missing::TooShort`] when too few days are common to
/// all firms. The joint F alone carries [`Missing::TooFew`] when T - k <= N
/// (group firms by theme then) and [`Missing::Dependent`] when the residuals of
/// some firms explain those of another, as two share classes do.
pub fn mvrm(firms: &[FirmEvent], spec: &Spec, window: [i32; 2]) -> Outcome<Mvrm> {
    if window[0] < spec.window[0] || window[1] > spec.window[1] {
        return Err(Missing::BeyondWindow { from: window[0], to: window[1] });
    }
    let study = balanced(firms, spec, window)?;
    of_fits(&study.firms.iter().collect::<Vec<_>>(), window)
}

/// As [`mvrm`], from fits that share event date and estimation days already.
///
/// # Errors
/// [`Missing::NoFirms`], [`Missing::NotCommonDate`] unless they do.
pub(crate) fn of_fits(fits: &[&FirmFit], window: [i32; 2]) -> Outcome<Mvrm> {
    if fits.is_empty() {
        return Err(Missing::NoFirms);
    }
    let cars = fits.iter().map(|f| f.car(window)).collect::<Outcome<Vec<_>>>()?;
    let factors: Vec<f64> = cars.iter().zip(fits).map(|(c, f)| (c.se / f.sigma).powi(2)).collect();
    let a = factors[0];
    let dates = &fits[0].estimation.dates;
    let shared = |(f, k): (&&FirmFit, &f64)| f.estimation.dates == *dates && (k / a - 1.0).abs() < 1e-9;
    if !fits.iter().zip(&factors).all(shared) || cars.iter().any(|c| c.l != cars[0].l) {
        return Err(Missing::NotCommonDate);
    }
    let gamma: Vec<f64> = cars.iter().map(|c| c.car).collect();
    let df = fits[0].df;
    let sigma = covariance(fits, df);
    let n = fits.len();
    let total: f64 = (0..n).map(|j| (0..n).map(|i| sigma[(i, j)]).sum::<f64>()).sum();
    let mean_gamma = mean(&gamma)?;
    let t = finite(mean_gamma * n as f64 / (total * a).sqrt(), "the mean coefficient's t")?;
    let counts = (n, cars.iter().map(|c| c.l).sum());
    let wald_chi2 = joint(&sigma, &gamma, a, df);
    Ok(Mvrm {
        window,
        firms: fits.iter().map(|f| f.id.clone()).collect(),
        a,
        t_each: cars.iter().map(|c| c.t).collect(),
        df,
        f: wald_chi2.clone().and_then(|w| joint_f(w, counts, df)),
        wald_chi2,
        mean_gamma,
        t_mean: stat(t, Some(df as f64), None, student_two_sided(t, df as f64)?, counts),
        gamma,
    })
}

fn stat(
    value: f64,
    df: Option<f64>,
    df2: Option<f64>,
    p: f64,
    (firms, observations): (usize, usize),
) -> Stat {
    Stat { value, df, df2, p: Some(p), firms, observations }
}

fn joint(sigma: &Mat<f64>, gamma: &[f64], a: f64, df: usize) -> Outcome<f64> {
    if df <= gamma.len() {
        return Err(Missing::TooFew {
            what: "degrees of freedom for a joint test",
            have: df,
            need: gamma.len() + 1,
        });
    }
    match inverse_quadratic_form(sigma.as_ref(), gamma) {
        Err(Missing::Singular) => Err(Missing::Dependent { what: "the firms' residuals" }),
        form => Ok(form? / a),
    }
}

fn joint_f(wald: f64, counts: (usize, usize), df: usize) -> Outcome<Stat> {
    let n = counts.0 as f64;
    let df2 = df as f64 - n + 1.0;
    let f = wald * df2 / (n * df as f64);
    Ok(stat(f, Some(n), Some(df2), f_upper(f, n, df2)?, counts))
}

/// Σ̂ = E'E/(T - k).
fn covariance(fits: &[&FirmFit], df: usize) -> Mat<f64> {
    let e = Mat::from_fn(fits[0].residuals.len(), fits.len(), |t, i| fits[i].residuals[t]);
    let product = e.transpose() * &e;
    Mat::from_fn(fits.len(), fits.len(), |i, j| product[(i, j)] / df as f64)
}

/// Refits the firms with a usable return in the window on the estimation days
/// all of them have.
fn balanced(firms: &[FirmEvent], spec: &Spec, window: [i32; 2]) -> Outcome<Study> {
    let mut usable = Vec::new();
    for firm in firms {
        // A day of the window that is no number is an error of the data, not a firm without a return.
        if spec.model.check(firm).is_ok()
            && firm.event_row < firm.dates.len()
            && has_return(firm, spec.model, window)?
        {
            usable.push(firm);
        }
    }
    let alone = fit_each(&usable, spec)?;
    let lost: BTreeSet<&str> = alone.dropped.iter().map(|d| d.id.as_str()).collect();
    let kept: Vec<&FirmEvent> = usable.into_iter().filter(|f| !lost.contains(f.id.as_str())).collect();
    let Some(first) = alone.firms.first() else { return Err(Missing::NoFirms) };
    if alone.firms.iter().any(|f| f.event_date != first.event_date) {
        return Err(Missing::NotCommonDate);
    }
    if alone.firms.iter().all(|f| f.estimation.dates == first.estimation.dates) {
        return Ok(alone);
    }
    let mut counts: BTreeMap<Date, usize> = BTreeMap::new();
    for date in alone.firms.iter().flat_map(|f| &f.estimation.dates) {
        *counts.entry(*date).or_default() += 1;
    }
    let restricted: Vec<FirmEvent> = kept.iter().map(|f| restrict(f, &counts, kept.len())).collect();
    let study = fit(&restricted, spec)?;
    match study.dropped.first() {
        Some(dropped) => Err(dropped.reason.clone()),
        None => Ok(study),
    }
}

/// Whether the firm has a usable row in the window, whatever its estimation leaves out.
fn has_return(firm: &FirmEvent, model: Model, window: [i32; 2]) -> Outcome<bool> {
    if firm.excluded.is_empty() {
        return Ok(!usable_rows(firm, model, window)?.0.is_empty());
    }
    let free = FirmEvent { excluded: Vec::new(), ..firm.clone() };
    Ok(!usable_rows(&free, model, window)?.0.is_empty())
}

fn restrict(firm: &FirmEvent, counts: &BTreeMap<Date, usize>, all: usize) -> FirmEvent {
    let mut out = firm.clone();
    let partial = |date: &Date| counts.get(date).is_some_and(|n| *n < all);
    let rows = firm.dates.iter().enumerate();
    out.excluded.extend(rows.filter(|(_, d)| partial(d)).map(|(row, _)| row));
    out
}
