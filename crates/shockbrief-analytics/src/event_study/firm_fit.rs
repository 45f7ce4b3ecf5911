//! Estimation and abnormal returns, firm by firm.
//!
//! With X the regressor rows of the estimation window (M x p), b the least
//! squares coefficients and s² = SSE/(M - p):
//! AR = r - x'b, forecast sd = s sqrt(g + d) with d = x'(X'X)⁻¹x and g the
//! reference sessions the row spans (1 on an ordinary day), SAR = AR over it.
//! For a window W with S = Σ_W x: CAR = Σ_W AR,
//! Var(CAR) = s²(Σ_W g + S'(X'X)⁻¹S), SCAR = CAR/sd. The last term carries
//! the covariance of prediction errors within the window.

use super::firm_event::FirmEvent;
use super::model::{Model, Spec};
use super::pair_sums::PairSums;
use super::rank_panel::RankPanel;
use crate::distributions::student_two_sided;
use crate::linalg::{Design, Ols, dot};
use crate::moments::return_varies;
use crate::reason::{Missing, Outcome, finite};
use jiff::civil::Date;
use serde::Serialize;
use std::sync::{Arc, OnceLock};

/// One usable row of the event window.
#[derive(Debug, Clone, PartialEq)]
pub struct EventDay {
    /// Relative day.
    pub day: i32,
    /// Calendar date.
    pub date: Date,
    /// Abnormal return, decimal.
    pub ar: f64,
    /// d = x'(X'X)⁻¹x.
    pub leverage: f64,
    /// Reference sessions spanned by the row; above 1 is flagged.
    pub gap: f64,
    /// s sqrt(g + d).
    pub forecast_sd: f64,
    /// AR over `forecast_sd`.
    pub sar: f64,
    /// R'⁻¹x, whose squared length is d; sums of it give window leverages.
    pub(crate) whitened: Arc<[f64]>,
}

/// Cumulative abnormal return of one firm over one window.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Car {
    /// Σ AR over the window's usable days.
    pub car: f64,
    /// Exact prediction standard deviation of `car`.
    pub se: f64,
    /// SCAR = car/se, Student t with `df` degrees of freedom.
    pub t: f64,
    /// M - p.
    pub df: usize,
    /// Two-sided p of `t`.
    pub p: f64,
    /// Usable days in the window.
    pub l: usize,
    /// Σ SAR over the window's usable days.
    #[serde(skip)]
    pub sum_sar: f64,
}

/// Sample-quantile p-values of a one-day window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SampleQuantile {
    /// (1 + #{e <= AR})/(M + 1).
    pub lower_p: f64,
    /// (1 + #{e >= AR})/(M + 1).
    pub upper_p: f64,
    /// (1 + #{|e| >= |AR|})/(M + 1).
    pub two_sided_p: f64,
}

/// The rows that estimated a firm, shared by firms with the same ones.
#[derive(Debug)]
pub struct EstimationRows {
    /// Relative days, ascending.
    pub days: Vec<i32>,
    /// Calendar dates, ascending.
    pub dates: Vec<Date>,
    pub(crate) rows: Vec<usize>,
    pub(crate) design: Design,
}

/// One firm's fitted model and abnormal returns.
#[derive(Debug, Clone)]
pub struct FirmFit {
    /// Identifier of the firm-event pair.
    pub id: String,
    /// Firm.
    pub firm: String,
    /// Date of relative day 0.
    pub event_date: Date,
    /// Names of the coefficients.
    pub coef_names: Vec<String>,
    /// Coefficients.
    pub coef: Vec<f64>,
    /// Their standard errors; empty for aggregated slopes, whose papers give
    /// no common one.
    pub se: Vec<f64>,
    /// Usable estimation observations M.
    pub observations: usize,
    /// M - p.
    pub df: usize,
    /// s = sqrt(SSE/df).
    pub sigma: f64,
    /// Share of variance explained, for models with a slope.
    pub r2: Option<f64>,
    /// Rows behind the estimates.
    pub estimation: Arc<EstimationRows>,
    /// Estimation residuals in the order of `estimation`.
    pub residuals: Vec<f64>,
    /// Usable event-window rows, ascending.
    pub event: Vec<EventDay>,
    /// Share of zero returns in the estimation window; above 0.2 the firm is
    /// thinly traded and its slope should be a nonsynchronous one.
    pub zero_share: f64,
    pub(crate) estimation_gaps: Option<Vec<f64>>,
}

impl FirmFit {
    /// Usable days of the window.
    pub fn days(&self, window: [i32; 2]) -> &[EventDay] {
        let start = self.event.partition_point(|d| d.day < window[0]);
        let end = self.event.partition_point(|d| d.day <= window[1]);
        self.event.get(start..end).unwrap_or(&[])
    }

    /// Cumulative abnormal return over the window, with its exact variance.
    ///
    /// # Errors
    /// [`Missing::NoEventReturn`] when no day of the window is usable.
    pub fn car(&self, window: [i32; 2]) -> Outcome<Car> {
        let days = self.days(window);
        if days.is_empty() {
            return Err(Missing::NoEventReturn);
        }
        let car: f64 = days.iter().map(|d| d.ar).sum();
        let spread: f64 = days.iter().map(|d| d.gap).sum();
        let mut s = vec![0.0; days[0].whitened.len()];
        for day in days {
            for (a, b) in s.iter_mut().zip(day.whitened.iter()) {
                *a += b;
            }
        }
        let se = self.sigma * (spread + dot(&s, &s)).sqrt();
        let t = finite(car / se, "the standardised abnormal return")?;
        Ok(Car {
            car,
            se,
            t,
            df: self.df,
            p: student_two_sided(t, self.df as f64)?,
            l: days.len(),
            sum_sar: days.iter().map(|d| d.sar).sum(),
        })
    }

    /// Sample-quantile p-values for one day (Gelbach, Helland & Klick 2013):
    /// the place of the abnormal return among the estimation residuals.
    ///
    /// # Errors
    /// [`Missing::NoEventReturn`] when the day is not usable.
    pub fn sample_quantile(&self, day: i32) -> Outcome<SampleQuantile> {
        let ar = self.days([day, day]).first().ok_or(Missing::NoEventReturn)?.ar;
        let total = (self.residuals.len() + 1) as f64;
        let share =
            |f: &dyn Fn(f64) -> bool| (1 + self.residuals.iter().filter(|e| f(**e)).count()) as f64 / total;
        Ok(SampleQuantile {
            lower_p: share(&|e| e <= ar),
            upper_p: share(&|e| e >= ar),
            two_sided_p: share(&|e| e.abs() >= ar.abs()),
        })
    }

    /// Residual over s sqrt(g), row k of the estimation window.
    pub(crate) fn standardised_residual(&self, k: usize) -> f64 {
        let gap = self.estimation_gaps.as_ref().map_or(1.0, |g| g[k].sqrt());
        self.residuals[k] / (self.sigma * gap)
    }
}

/// A firm that could not be studied, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Dropped {
    /// Identifier of the firm-event pair.
    pub id: String,
    /// Firm.
    pub firm: String,
    /// Why.
    pub reason: Missing,
}

/// All fitted firms of one study.
#[derive(Debug)]
pub struct Study {
    /// Windows and model.
    pub spec: Spec,
    /// Fitted firms, in input order.
    pub firms: Vec<FirmFit>,
    /// Firms left out, in input order.
    pub dropped: Vec<Dropped>,
    pub(crate) ranks: OnceLock<RankPanel>,
    pub(crate) correlation: OnceLock<PairSums>,
}

impl Study {
    /// A study of fits already made.
    pub fn from_fits(spec: Spec, firms: Vec<FirmFit>, dropped: Vec<Dropped>) -> Self {
        Self { spec, firms, dropped, ranks: OnceLock::new(), correlation: OnceLock::new() }
    }

    /// The study restricted to firms for which `keep` holds (a theme).
    #[must_use]
    pub fn subset(&self, keep: impl Fn(&FirmFit) -> bool) -> Self {
        let firms = self.firms.iter().filter(|f| keep(f)).cloned().collect();
        Self::from_fits(self.spec.clone(), firms, Vec::new())
    }

    /// The fit of an id.
    pub fn firm(&self, id: &str) -> Option<&FirmFit> {
        self.firms.iter().find(|f| f.id == id)
    }
}

/// Rows of a relative-day range with a response and all regressors, without
/// the excluded ones, and their responses.
pub(crate) fn usable_rows(
    firm: &FirmEvent,
    model: Model,
    range: [i32; 2],
) -> Outcome<(Vec<usize>, Vec<f64>)> {
    let mut rows = Vec::new();
    let mut y = Vec::new();
    let mut x = Vec::new();
    for row in row_range(firm, range) {
        if !firm.excluded.is_empty() && firm.excluded.contains(&row) {
            continue;
        }
        x.clear();
        let Some(response) = model.response(firm, row) else {
            continue;
        };
        if model.regressor_row(firm, row, &mut x).is_none() {
            continue;
        }
        if !response.is_finite() || x.iter().any(|v| !v.is_finite()) {
            return Err(Missing::Invalid { what: "a return or regressor" });
        }
        rows.push(row);
        y.push(response);
    }
    Ok((rows, y))
}

/// Existing rows of a relative-day range.
pub(crate) fn row_range(firm: &FirmEvent, range: [i32; 2]) -> std::ops::Range<usize> {
    let at = |day: i64| {
        let row = firm.event_row as i64 + day;
        row.clamp(0, firm.dates.len() as i64) as usize
    };
    at(i64::from(range[0]))..at(i64::from(range[1]) + 1)
}

/// Factorises the regressors of the given rows.
pub(crate) fn factorise(firm: &FirmEvent, model: Model, rows: Vec<usize>) -> Outcome<EstimationRows> {
    let p = model.parameters(firm.regressors.len());
    let mut columns = vec![Vec::with_capacity(rows.len()); p];
    let mut x = Vec::with_capacity(p);
    for &row in &rows {
        x.clear();
        if model.regressor_row(firm, row, &mut x).is_none() {
            return Err(Missing::Incomplete { what: "an estimation row" });
        }
        for (column, value) in columns.iter_mut().zip(&x) {
            column.push(*value);
        }
    }
    let views: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    Ok(EstimationRows {
        days: rows.iter().map(|r| (*r as i64 - firm.event_row as i64) as i32).collect(),
        dates: rows.iter().map(|r| firm.dates[*r]).collect(),
        design: Design::new(&views, rows.len())?,
        rows,
    })
}

/// A row of the event window whose regressors are known, shared by firms with the same ones.
#[derive(Debug)]
pub(crate) struct EventRow {
    row: usize,
    /// Regressor row.
    x: Vec<f64>,
    whitened: Arc<[f64]>,
    leverage: f64,
}

/// Rows of the event window with all regressors.
pub(crate) fn event_rows(firm: &FirmEvent, spec: &Spec, design: &Design) -> Vec<EventRow> {
    let one = |row: usize| {
        let mut x = Vec::new();
        spec.model.regressor_row(firm, row, &mut x)?;
        let whitened: Arc<[f64]> = design.whiten(&x).into();
        Some(EventRow { row, leverage: dot(&whitened, &whitened), x, whitened })
    };
    row_range(firm, spec.window).filter_map(one).collect()
}

/// Puts a fit together: event days from the coefficients, zero share, gaps.
pub(crate) fn assemble(
    firm: &FirmEvent,
    spec: &Spec,
    (rows, events): (Arc<EstimationRows>, &[EventRow]),
    ols: Ols,
    coef_names: Vec<String>,
    y: &[f64],
) -> Outcome<FirmFit> {
    let size = y.iter().fold(0.0_f64, |a, v| a.max(v.abs()));
    if !return_varies(ols.sigma, size) {
        return Err(Missing::ConstantSeries { what: "the estimation residual" });
    }
    let event = event_days(firm, spec, events, &ols)?;
    if event.is_empty() {
        return Err(Missing::NoEventReturn);
    }
    let zeros = rows.rows.iter().filter(|r| firm.returns[**r] == Some(0.0)).count();
    let gaps = firm.gaps.as_ref();
    Ok(FirmFit {
        id: firm.id.clone(),
        firm: firm.firm.clone(),
        event_date: firm.dates[firm.event_row],
        coef_names,
        observations: rows.rows.len(),
        df: ols.df,
        sigma: ols.sigma,
        r2: ols.r2,
        zero_share: zeros as f64 / rows.rows.len() as f64,
        estimation_gaps: gaps.map(|g| rows.rows.iter().map(|r| span(g[*r])).collect()),
        residuals: ols.residuals,
        coef: ols.coef,
        se: ols.se,
        estimation: rows,
        event,
    })
}

fn span(gap: u32) -> f64 {
    f64::from(gap.max(1))
}

fn event_days(firm: &FirmEvent, spec: &Spec, rows: &[EventRow], ols: &Ols) -> Outcome<Vec<EventDay>> {
    let mut days = Vec::with_capacity(rows.len());
    for EventRow { row, x, whitened, leverage } in rows {
        let (row, leverage) = (*row, *leverage);
        let Some(y) = spec.model.response(firm, row) else {
            continue;
        };
        let gap = firm.gaps.as_ref().map_or(1.0, |g| span(g[row]));
        let ar = finite(y - dot(x, &ols.coef), "an abnormal return")?;
        let forecast_sd = finite(ols.sigma * (gap + leverage).sqrt(), "a forecast error")?;
        days.push(EventDay {
            day: (row as i64 - firm.event_row as i64) as i32,
            date: firm.dates[row],
            ar,
            leverage,
            gap,
            forecast_sd,
            sar: finite(ar / forecast_sd, "a standardised abnormal return")?,
            whitened: Arc::clone(whitened),
        });
    }
    Ok(days)
}
