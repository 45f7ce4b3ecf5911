//! Who was hit: the returns of day 0 on what was known of the companies before, judged by ordinary days.
//!
//! Exposures are each company's slopes on the benchmark and on the source of the shock, estimated together on sessions that end
//! before the days they are judged by. Slopes of day 0 are ranked among those of the [`DAYS`] sessions before the event window
//! (Cohn, Johnson, Liu & Wardlaw 2026); the nominal t of the cross-section is not printed. By least squares, and by generalised
//! least squares with [`COMPONENTS`] principal components.

use crate::{Shock, kind::Output, tabulate};
use shockbrief_analytics::{
    exposures::{Slopes, Weighing, slopes},
    linalg::Design,
};
use shockbrief_core::{Cell, Figure, Row, Symbol, Table, Unit};

/// Ordinary sessions that judge a slope.
pub(super) const DAYS: usize = 250;
/// Sessions behind an exposure; they end where the judging ones begin.
pub(super) const HISTORY: usize = 250;
/// Components of the covariance of generalised least squares.
pub(super) const COMPONENTS: usize = 3;

/// Names of the exposures, in the order of the regression.
const EXPOSURES: [&str; 2] = ["to-benchmark", "to-source"];

/// Adds the slopes, their table, and the list of companies without exposure.
pub fn analyse(shock: &Shock<'_>, out: &mut Output<'_>) {
    let day0 = shock.day0(shock.home).map_err(|error| error.to_string());
    let found = |weighing| day0.clone().and_then(|row| judged(shock, row, weighing));
    let methods = [("ols", found(Weighing::Ols)), ("gls", found(Weighing::Gls { components: COMPONENTS }))];
    let mut rows = Vec::new();
    for (at, exposure) in EXPOSURES.into_iter().enumerate() {
        let mut row = vec![Cell::Label(format!("exposure.{exposure}"))];
        for (method, slopes) in &methods {
            for figure in figures(shock, exposure, method, slopes, at) {
                row.push(Cell::Figure(out.add(figure)));
            }
        }
        rows.push(Row::new(row));
    }
    let slopes = methods[0].1.as_ref();
    let count = slopes.map(|slopes| slopes.firms.len() as f64).map_err(Clone::clone);
    let inputs = shock.inputs(&[]);
    for (id, value) in [("exposure.firms", count), ("exposure.days", Ok(DAYS as f64))] {
        let figure = Figure::from_result(id, value, Unit::Count, "count", shock.as_of);
        out.add(figure.inputs(inputs.clone()));
    }
    let others = others(shock);
    let left = slopes.map_or_else(|_| Vec::new(), |slopes| slopes.left_out.clone());
    let left = left.iter().filter_map(|at| others.get(*at)).map(|at| shock.firms[*at].id.as_str());
    let names: Vec<String> = left.map(|id| shock.name(&Symbol::from(id))).collect();
    let figure = Figure::new("exposure.left-out", names.len() as f64, Unit::Count, "count", shock.as_of);
    out.add(figure.inputs(inputs));
    out.list_of("exposure.left-out", names);
    let columns = vec![
        tabulate::text("col.exposure"),
        tabulate::number("col.slope-ols", "points(1)"),
        tabulate::number("col.rank-day", "pval"),
        tabulate::number("col.slope-gls", "points(1)"),
        tabulate::number("col.rank-day", "pval"),
    ];
    let sources = shock.sources(&shock.spec.sample);
    out.table(Table { id: "exposed".to_owned(), columns, rows, sources });
}

/// A slope and its p by rank.
fn figures(
    shock: &Shock<'_>,
    exposure: &str,
    method: &str,
    slopes: &Result<Slopes, String>,
    at: usize,
) -> [Figure; 2] {
    let slope = slopes.as_ref().map(|slopes| slopes.slopes[at]).map_err(Clone::clone);
    let rank = slopes
        .as_ref()
        .map_err(Clone::clone)
        .and_then(|slopes| slopes.rank[at].as_ref().map(|rank| rank.p).map_err(ToString::to_string));
    let (firms, inputs) = (slopes.as_ref().map_or(0, |slopes| slopes.firms.len()), shock.inputs(&[]));
    let figure = |part: &str, value: Result<f64, String>, unit, statistic| {
        let id = format!("exposure.{exposure}.{method}.{part}");
        let figure = Figure::from_result(id, value, unit, statistic, shock.as_of);
        figure.inputs(inputs.clone()).firms(firms)
    };
    [
        figure("slope", slope, Unit::Points, "exposure_slope"),
        figure("p", rank, Unit::Probability, "rank_among_days").n(DAYS),
    ]
}

/// Places of all companies but the source: its slope on itself is one by construction.
fn others(shock: &Shock<'_>) -> Vec<usize> {
    let source = shock.spec.source.as_str();
    (0..shock.firms.len()).filter(|at| shock.firms[*at].id != source).collect()
}

/// The slopes of a session, ranked among those of the ordinary sessions before its event window.
///
/// # Errors
/// In words: too short a history, or too few companies with a return on every session used.
pub(super) fn judged(shock: &Shock<'_>, day0: usize, weighing: Weighing) -> Result<Slopes, String> {
    let last = day0.saturating_sub(shock.spec.window[0].unsigned_abs() as usize);
    let mut days = shock.ordinary_before(last, DAYS);
    days.reverse();
    let first = days.first().copied().filter(|_| days.len() == DAYS).unwrap_or(0);
    let start = first.checked_sub(HISTORY).filter(|start| *start > 0);
    let start =
        start.ok_or_else(|| format!("too little history for exposures and {DAYS} ordinary sessions"))?;
    let history: Vec<usize> = (start..first).collect();
    let others = others(shock);
    let returns: Vec<&[Option<f64>]> = others.iter().map(|at| &shock.firms[*at].returns[..]).collect();
    let (market, source) = (shock.benchmark_returns(), source(shock)?);
    let exposures: Vec<Option<Vec<f64>>> =
        returns.iter().map(|own| exposure(own, &market, source, &history)).collect();
    slopes(&returns, &exposures, day0, &days, &history, weighing).map_err(|reason| reason.to_string())
}

fn source<'a>(shock: &'a Shock<'_>) -> Result<&'a [Option<f64>], String> {
    let found = shock.firms.iter().find(|firm| firm.id == shock.spec.source.as_str());
    found.map(|firm| &firm.returns[..]).ok_or_else(|| "the source is not in the sample".to_owned())
}

/// Slopes on the benchmark and on the source together; nothing for a company without all returns.
fn exposure(
    own: &[Option<f64>],
    market: &[Option<f64>],
    source: &[Option<f64>],
    rows: &[usize],
) -> Option<Vec<f64>> {
    let column = |of: &[Option<f64>]| rows.iter().map(|row| of[*row]).collect::<Option<Vec<f64>>>();
    let (own, market, source) = (column(own)?, column(market)?, column(source)?);
    let one = vec![1.0; rows.len()];
    let design = Design::new(&[&one, &market, &source], rows.len()).ok()?;
    Some(design.fit(&own).ok()?.coef[1..].to_vec())
}
