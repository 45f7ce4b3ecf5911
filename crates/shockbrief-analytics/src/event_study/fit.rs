//! Fitting a sample: every firm once, its factorised rows shared with its neighbours.

use super::firm_event::FirmEvent;
use super::firm_fit::{
    Dropped, EstimationRows, EventRow, FirmFit, Study, assemble, event_rows, factorise, row_range,
    usable_rows,
};
use super::model::Spec;
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

/// What firms of one calendar, event and set of regressors share: rows, factor and event rows. Kept from
/// firm to firm, so that a firm without gaps costs its own products only.
struct Shared {
    regressors: Vec<*const Option<f64>>,
    dates: *const Date,
    event_row: usize,
    excluded: Vec<usize>,
    rows: Arc<EstimationRows>,
    events: Arc<[EventRow]>,
}

impl Shared {
    // The pointers are compared, never followed, and live within one chunk.
    fn serves(&self, firm: &FirmEvent) -> bool {
        let columns = firm.regressors.iter().chain(firm.rf.iter()).map(|c| c.as_ptr());
        self.event_row == firm.event_row
            && self.dates == firm.dates.as_ptr()
            && columns.eq(self.regressors.iter().copied())
            && self.excluded == firm.excluded
    }
}

fn fit_one(firm: &FirmEvent, spec: &Spec, last: &mut Option<Shared>) -> Outcome<FirmFit> {
    spec.model.check(firm)?;
    if firm.event_row >= firm.dates.len() {
        return Err(Missing::OutsideSample);
    }
    if spec.model.nonsynchronous() {
        return nonsynchronous::fit(firm, spec);
    }
    let kept = last.as_ref().filter(|shared| shared.serves(firm));
    let whole = kept.and_then(|shared| {
        let response = |row: &usize| spec.model.response(firm, *row);
        shared.rows.rows.iter().map(response).collect::<Option<Vec<f64>>>()
    });
    let names = spec.model.coefficient_names(firm.regressors.len());
    if let (Some(shared), Some(y)) = (kept, whole) {
        if y.iter().any(|v| !v.is_finite()) {
            return Err(Missing::Invalid { what: "a return or regressor" });
        }
        let ols = shared.rows.design.fit(&y)?;
        return assemble(firm, spec, (Arc::clone(&shared.rows), &shared.events), ols, names, &y);
    }
    let (rows, y) = usable_rows(firm, spec.model, spec.estimation)?;
    let need = spec.min_observations.max(spec.model.parameters(firm.regressors.len()) + 1);
    if rows.len() < need {
        return Err(Missing::TooShort { have: rows.len(), need });
    }
    let complete = rows.len() == rows_with_regressors(firm, spec);
    let made = Arc::new(factorise(firm, spec.model, rows)?);
    let events: Arc<[EventRow]> = event_rows(firm, spec, &made.design).into();
    let ols = made.design.fit(&y)?;
    let fitted = assemble(firm, spec, (Arc::clone(&made), &events), ols, names, &y);
    if complete {
        *last = Some(Shared {
            regressors: firm.regressors.iter().chain(firm.rf.iter()).map(|c| c.as_ptr()).collect(),
            dates: firm.dates.as_ptr(),
            event_row: firm.event_row,
            excluded: firm.excluded.clone(),
            rows: made,
            events,
        });
    }
    fitted
}

/// Estimation rows that a firm with a return on every row would have.
fn rows_with_regressors(firm: &FirmEvent, spec: &Spec) -> usize {
    let mut x = Vec::new();
    let known = |row: &usize| {
        x.clear();
        !firm.excluded.contains(row) && spec.model.regressor_row(firm, *row, &mut x).is_some()
    };
    row_range(firm, spec.estimation).filter(known).count()
}
