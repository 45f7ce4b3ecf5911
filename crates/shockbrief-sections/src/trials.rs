//! Findings that could refute a claim: the same study on ordinary days, without each company, against the rest of the
//! market.
//!
//! All of them come from the code that makes the brief's own figures, under the same ids, so that a condition can be asked of
//! each. They hold day 0 alone: what is claimed of longer windows is not calibrated here.

use crate::{Context, Shock, method, reaction, themes};
use anyhow::Result;
use rayon::prelude::*;
use shockbrief_analytics::calibration::{DAYS, MIN_DAYS as LEAST, rank};
use shockbrief_core::{Cell, Figure, Findings, Row, Symbol, Table, Unit};

/// What could refute a claim on a study.
#[derive(Debug, Clone, Default)]
pub struct Trials {
    /// One set of findings for each ordinary session, the latest first.
    pub ordinary: Vec<Findings>,
    /// Findings without each company of the sample, by its name.
    pub without: Vec<(String, Findings)>,
    /// Findings against the rest of the market, or why there are none.
    pub rest: Option<Findings>,
}

/// The trials of a report's study; nothing for a report without one.
///
/// # Errors
/// A theme that one company alone makes up is no error: that trial is left out.
pub fn trials(context: &Context<'_>) -> Option<Trials> {
    let shock = context.shock.as_ref()?;
    let rows = shock.ordinary(DAYS);
    let ordinary = if rows.len() < LEAST {
        Vec::new()
    } else {
        rows.par_iter().filter_map(|row| day(&shock.on(*row).ok()?).ok()).collect()
    };
    let companies: Vec<Symbol> = shock.study.firms.iter().map(|firm| firm.id.as_str().into()).collect();
    let without = companies
        .par_iter()
        .filter_map(|symbol| Some((shock.name(symbol), day(&shock.without(symbol).ok()?).ok()?)))
        .collect();
    let rest = shock.on_rest().and_then(|shock| day(&shock).ok());
    Some(Trials { ordinary, without, rest })
}

/// The figures of day 0 that claims ask for.
fn day(shock: &Shock<'_>) -> Result<Findings> {
    let mut findings = Findings::default();
    reaction::companies(shock, shock.own(), &[], &mut findings)?;
    themes::portfolios(shock, shock.own(), &[[0, 0]], &mut findings)?;
    method::tests(shock, [0, 0], &mut findings);
    Ok(findings)
}

/// How often each test rejects on ordinary days, and the place of this day among them: figures and their table.
pub fn calibrate(shock: &Shock<'_>, trials: &Trials, findings: &mut Findings) {
    let as_of = shock.as_of;
    let inputs = shock.inputs(&[]);
    let days = trials.ordinary.len();
    let figure = |id: String, value: Result<f64, String>, unit, statistic| {
        Figure::from_result(id, value, unit, statistic, as_of).inputs(inputs.clone()).n(days)
    };
    let short = || format!("fewer than {LEAST} ordinary sessions before the event");
    let count = if days == 0 { Err(short()) } else { Ok(days as f64) };
    findings.add(figure("calibration.days".to_owned(), count, Unit::Count, "count"));
    let mut rows = Vec::new();
    for key in method::HEADLINE.iter().chain(&["event_variance_chi2"]) {
        let id = format!("tests.w0_0.{key}");
        let of = |findings: &Findings| {
            findings.figures.get(&id).and_then(|figure| Some((figure.number()?, figure.p?)))
        };
        let usual: Vec<(f64, f64)> = trials.ordinary.iter().filter_map(of).collect();
        let share = |level: f64| match usual.len() {
            0 => Err(short()),
            n => Ok(usual.iter().filter(|(_, p)| *p < level).count() as f64 / n as f64),
        };
        let rank = match (usual.len(), of(findings)) {
            (0, _) => Err(short()),
            (_, None) => Err("the test has no value on the day".to_owned()),
            // A p of its own is ranked by its p, the others by their size: two-sided tests count both ends.
            (_, Some((value, p))) => {
                let by_p = *key == "placebo_p";
                let size = |(value, p): &(f64, f64)| if by_p { 1.0 - p } else { value.abs() };
                let sizes: Vec<f64> = usual.iter().map(size).collect();
                rank(size(&(value, p)), &sizes).map(|rank| rank.p).map_err(|reason| reason.to_string())
            }
        };
        let cells = [
            ("five", share(0.05), Unit::Ratio),
            ("one", share(0.01), Unit::Ratio),
            ("tenth", share(0.001), Unit::Ratio),
            ("rank", rank, Unit::Probability),
        ]
        .map(|(part, value, unit)| {
            Cell::Figure(findings.add(figure(
                format!("calibration.{key}.{part}"),
                value,
                unit,
                "ordinary_days",
            )))
        });
        let mut row = vec![Cell::Label(format!("test.{key}"))];
        row.extend(cells);
        rows.push(Row::new(row));
    }
    let columns = vec![
        crate::tabulate::text("col.test"),
        crate::tabulate::number("col.rejects-five", "pct(1)"),
        crate::tabulate::number("col.rejects-one", "pct(1)"),
        crate::tabulate::number("col.rejects-tenth", "pct(1)"),
        crate::tabulate::number("col.rank-day", "pval"),
    ];
    let table =
        Table { id: "calibration".to_owned(), columns, rows, sources: shock.sources(&shock.spec.sample) };
    findings.tables.insert("calibration".to_owned(), table);
}
