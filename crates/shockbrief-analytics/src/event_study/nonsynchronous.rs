//! Slopes for thin or non-synchronous trading.
//!
//! Over the interior rows t of the estimation window (those whose neighbours
//! t-1 and t+1 are in it and have a market return):
//!
//! * Scholes & Williams (1977): simple slopes β₋, β₀, β₊ on m(t-1), m(t),
//!   m(t+1); ρ = Corr(m(t), m(t-1)) inside the window;
//!   β = (β₋ + β₀ + β₊)/(1 + 2ρ), α = mean r - β mean m.
//! * Dimson (1979): β = sum of the slopes of the joint regression.
//! * Fowler & Rorke (1983), one lead and lag: β = b₀ + w(b₋ + b₊),
//!   w = (1 + ρ)/(1 + 2ρ).
//!
//! Leads serve estimation only. The abnormal return of an event row is
//! r - α - βm of that row, and its forecast variance uses the leverage of the
//! constant-and-market design on the interior rows.

use super::firm_event::FirmEvent;
use super::firm_fit::{EstimationRows, FirmFit, assemble, event_rows, factorise, row_range, usable_rows};
use super::model::{Model, Spec};
use crate::linalg::{Design, Ols, dot};
use crate::moments::{correlation, mean};
use crate::reason::{Missing, Outcome, finite};
use serde::Serialize;
use std::sync::Arc;

/// All nonsynchronous slopes of one firm.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NonsynchronousBetas {
    /// Interior rows used.
    pub n_interior: usize,
    /// Simple slope on m(t).
    pub beta_ols_interior: f64,
    /// Simple slope on m(t-1).
    pub beta_lag: f64,
    /// Simple slope on m(t+1).
    pub beta_lead: f64,
    /// First-order autocorrelation of the market inside the window.
    pub rho1_market: f64,
    /// Scholes-Williams slope.
    pub beta_sw: f64,
    /// Its intercept.
    pub alpha_sw: f64,
    /// sqrt(SSE/(n - 2)) about the Scholes-Williams line.
    pub sigma_sw: f64,
    /// Joint regression: constant, lag, same day, lead.
    pub dimson_coefs_const_lag_0_lead: Vec<f64>,
    /// Sum of the three slopes.
    pub beta_dimson: f64,
    /// Joint regression without the lead.
    pub lagonly_coefs_const_lag_0: Vec<f64>,
    /// Sum of its two slopes.
    pub beta_dimson_lagonly: f64,
    /// Fowler-Rorke weight w.
    pub fowler_rorke_w1: f64,
    /// Fowler-Rorke slope.
    pub beta_fowler_rorke: f64,
}

/// The interior rows with their own, previous and next market returns.
struct Interior {
    rows: Vec<usize>,
    r: Vec<f64>,
    lag: Vec<f64>,
    now: Vec<f64>,
    lead: Vec<f64>,
    rho: f64,
}

/// Computes all slopes over the estimation window; needs the market column.
///
/// # Errors
/// [`Missing::TooFew`] with fewer than five interior rows,
/// [`Missing::Singular`] and [`Missing::ConstantSeries`] for a market that
/// does not vary, [`Missing::NotFinite`] when 1 + 2ρ vanishes.
pub fn betas(firm: &FirmEvent, estimation: [i32; 2]) -> Outcome<NonsynchronousBetas> {
    Model::MarketModel.check(firm)?;
    if firm.event_row >= firm.dates.len() {
        return Err(Missing::OutsideSample);
    }
    let x = interior(firm, estimation)?;
    let one = vec![1.0; x.r.len()];
    let slope = |c: &[f64]| -> Outcome<f64> { Ok(Design::new(&[&one, c], c.len())?.fit(&x.r)?.coef[1]) };
    let (b_lag, b_now, b_lead) = (slope(&x.lag)?, slope(&x.now)?, slope(&x.lead)?);
    let joint = Design::new(&[&one, &x.lag, &x.now, &x.lead], one.len())?.fit(&x.r)?;
    let lagged = Design::new(&[&one, &x.lag, &x.now], one.len())?.fit(&x.r)?;
    let scale = 1.0 + 2.0 * x.rho;
    let beta_sw = finite((b_lag + b_now + b_lead) / scale, "the Scholes-Williams slope")?;
    let (alpha_sw, residuals) = line(&x, beta_sw)?;
    let w = (1.0 + x.rho) / scale;
    let c = &joint.coef;
    Ok(NonsynchronousBetas {
        n_interior: x.r.len(),
        beta_ols_interior: b_now,
        beta_lag: b_lag,
        beta_lead: b_lead,
        rho1_market: x.rho,
        beta_sw,
        alpha_sw,
        sigma_sw: (dot(&residuals, &residuals) / (x.r.len() - 2) as f64).sqrt(),
        beta_dimson: c[1] + c[2] + c[3],
        beta_fowler_rorke: c[2] + w * (c[1] + c[3]),
        dimson_coefs_const_lag_0_lead: joint.coef,
        beta_dimson_lagonly: lagged.coef[1] + lagged.coef[2],
        lagonly_coefs_const_lag_0: lagged.coef,
        fowler_rorke_w1: w,
    })
}

fn interior(firm: &FirmEvent, estimation: [i32; 2]) -> Outcome<Interior> {
    let range = row_range(firm, estimation);
    let market = &firm.regressors[0];
    let inside = |row: usize| range.contains(&row).then(|| market[row]).flatten();
    let (mut today, mut yesterday) = (Vec::new(), Vec::new());
    for row in range.clone().skip(1) {
        if let (Some(a), Some(b)) = (inside(row), inside(row - 1)) {
            today.push(a);
            yesterday.push(b);
        }
    }
    let rho = correlation(&today, &yesterday)?;
    let (rows, _) = usable_rows(firm, Model::MarketModel, estimation)?;
    let mut x =
        Interior { rows: Vec::new(), r: Vec::new(), lag: Vec::new(), now: Vec::new(), lead: Vec::new(), rho };
    for row in rows {
        let before = row.checked_sub(1).and_then(inside);
        if let (Some(r), Some(lag), Some(now), Some(lead)) =
            (firm.returns[row], before, inside(row), inside(row + 1))
        {
            x.rows.push(row);
            x.r.push(r);
            x.lag.push(lag);
            x.now.push(now);
            x.lead.push(lead);
        }
    }
    if x.r.len() < 5 {
        return Err(Missing::TooFew { what: "interior rows", have: x.r.len(), need: 5 });
    }
    Ok(x)
}

/// α = mean r - β mean m, and the residuals about that line.
fn line(x: &Interior, beta: f64) -> Outcome<(f64, Vec<f64>)> {
    let alpha = mean(&x.r)? - beta * mean(&x.now)?;
    let residuals = x.r.iter().zip(&x.now).map(|(r, m)| r - alpha - beta * m).collect();
    Ok((alpha, residuals))
}

/// Fits a firm with the aggregated slope of the spec's model.
pub(crate) fn fit(firm: &FirmEvent, spec: &Spec) -> Outcome<FirmFit> {
    let all = betas(firm, spec.estimation)?;
    let x = interior(firm, spec.estimation)?;
    if x.r.len() < spec.min_observations {
        return Err(Missing::TooShort { have: x.r.len(), need: spec.min_observations });
    }
    let beta = match spec.model {
        Model::ScholesWilliams => all.beta_sw,
        Model::Dimson => all.beta_dimson,
        _ => all.beta_fowler_rorke,
    };
    let (alpha, residuals) = line(&x, beta)?;
    let sse = dot(&residuals, &residuals);
    let df = x.r.len() - 2;
    let one_market = FirmEvent { regressors: vec![Arc::clone(&firm.regressors[0])], ..firm.clone() };
    let rows: EstimationRows = factorise(&one_market, Model::MarketModel, x.rows.clone())?;
    let ols = Ols {
        coef: vec![alpha, beta],
        se: Vec::new(),
        residuals,
        sse,
        df,
        sigma: (sse / df as f64).sqrt(),
        r2: None,
    };
    let spec = Spec { model: Model::MarketModel, ..spec.clone() };
    let names = vec!["alpha".to_owned(), "beta".to_owned()];
    let events = event_rows(&one_market, &spec, &rows.design);
    assemble(&one_market, &spec, (Arc::new(rows), &events), ols, names, &x.r)
}
