//! Fitting a sample: every firm once, its factorised rows shared with its neighbours.

use super::firm_event::FirmEvent;
use super::firm_fit::{Dropped, EstimationRows, FirmFit, Study, assemble, factorise, usable_rows};
use super::model::{Model, Spec};
use super::nonsynchronous;
use crate::reason::{Missing, Outcome};
use jiff::civil::Date;
use rayon::prelude::*;
use std::borrow::Borrow;
use std::sync::Arc;

/// Fits every firm once. Firms that cannot be fitted are listed with the
/// reason, in input order; the rest keep input order. Work is spread over the
/// current rayon pool and does not depend on the number of threads.
///
/// # Errors
/// [`Missing::EmptyWindow`] and [`Missing::OverlappingWindows`] for windows
/// that no firm could use.
pub fn fit(firms: &[FirmEvent], spec: &Spec) -> Outcome<Study> {
    fit_each(firms, spec)
}

/// As [`fit`], for firms or references to them.
pub(crate) fn fit_each<F: Borrow<FirmEvent> + Sync>(firms: &[F], spec: &Spec) -> Outcome<Study> {
    check_windows(spec)?;
    let fitted: Vec<(usize, Outcome<FirmFit>)> = firms
        .par_chunks(64)
        .enumerate()
        .flat_map_iter(|(chunk, block)| {
            let mut last = None;
            block
                .iter()
                .enumerate()
                .map(|(k, firm)| (chunk * 64 + k, fit_one(firm.borrow(), spec, &mut last)))
                .collect::<Vec<_>>()
        })
        .collect();
    let mut kept = Vec::with_capacity(fitted.len());
    let mut dropped = Vec::new();
    for (index, outcome) in fitted {
        match outcome {
            Ok(fit) => kept.push(fit),
            Err(reason) => {
                let firm: &FirmEvent = firms[index].borrow();
                dropped.push(Dropped { id: firm.id.clone(), firm: firm.firm.clone(), reason });
            }
        }
    }
    Ok(Study::from_fits(spec.clone(), kept, dropped))
}

fn check_windows(spec: &Spec) -> Outcome<()> {
    for w in [spec.estimation, spec.window] {
        if w[0] > w[1] {
            return Err(Missing::EmptyWindow { from: w[0], to: w[1] });
        }
    }
    let apart = spec.estimation[1] < spec.window[0] || spec.window[1] < spec.estimation[0];
    if !apart {
        return Err(Missing::OverlappingWindows);
    }
    Ok(())
}

/// The factorised rows of the previous firm, reused when this one has the
/// same regressors and the same usable rows.
struct Shared {
    regressors: Vec<*const Option<f64>>,
    dates: *const Date,
    event_row: usize,
    rows: Arc<EstimationRows>,
}

// The pointers are compared, never followed, and live within one chunk.
fn pointers(firm: &FirmEvent) -> Vec<*const Option<f64>> {
    firm.regressors.iter().chain(firm.rf.iter()).map(|c| c.as_ptr()).collect()
}

fn fit_one(firm: &FirmEvent, spec: &Spec, last: &mut Option<Shared>) -> Outcome<FirmFit> {
    spec.model.check(firm)?;
    if firm.event_row >= firm.dates.len() {
        return Err(Missing::OutsideSample);
    }
    if spec.model.nonsynchronous() {
        return nonsynchronous::fit(firm, spec);
    }
    let (rows, y) = usable_rows(firm, spec.model, spec.estimation)?;
    let need = spec.min_observations.max(spec.model.parameters(firm.regressors.len()) + 1);
    if rows.len() < need {
        return Err(Missing::TooShort { have: rows.len(), need });
    }
    let shared = shared_rows(firm, spec.model, rows, last)?;
    let ols = shared.design.fit(&y)?;
    let names = spec.model.coefficient_names(firm.regressors.len());
    assemble(firm, spec, shared, ols, names, &y)
}

fn shared_rows(
    firm: &FirmEvent,
    model: Model,
    rows: Vec<usize>,
    last: &mut Option<Shared>,
) -> Outcome<Arc<EstimationRows>> {
    let regressors = pointers(firm);
    if let Some(kept) = last
        && kept.regressors == regressors
        && kept.dates == firm.dates.as_ptr()
        && kept.event_row == firm.event_row
        && kept.rows.rows == rows
    {
        return Ok(Arc::clone(&kept.rows));
    }
    let made = Arc::new(factorise(firm, model, rows)?);
    *last = Some(Shared {
        regressors,
        dates: firm.dates.as_ptr(),
        event_row: firm.event_row,
        rows: Arc::clone(&made),
    });
    Ok(made)
}
