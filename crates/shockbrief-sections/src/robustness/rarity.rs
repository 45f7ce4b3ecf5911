//! How rare the day was: its loss against the tail of the losses before, with the generalised Pareto law.
//!
//! For the source, the benchmark and each theme; a theme is the mean of the members that have a return that day, so that a late
//! listing does not cut its history. Only sessions before day 0 make the tail.

use crate::{Shock, kind::Output, tabulate};
use shockbrief_analytics::extremes::{ReturnPeriod, TAIL, tail};
use shockbrief_core::{Cell, Figure, Row, Table, Unit};

/// Sessions of a year.
const YEAR: f64 = 252.0;

/// Whose day it was.
struct Subject {
    id: String,
    label: Cell,
    returns: Vec<Option<f64>>,
    inputs: Vec<String>,
}

/// Adds the return periods and their table.
pub fn analyse(shock: &Shock<'_>, out: &mut Output<'_>) {
    let Ok(day0) = shock.day0(shock.home) else { return };
    let quantile = Figure::new("rarity.quantile", 1.0 - TAIL, Unit::Ratio, "config", shock.as_of);
    out.add(quantile.inputs(["config"]));
    let mut rows = Vec::new();
    for subject in subjects(shock) {
        let before: Vec<f64> = subject.returns[..day0].iter().flatten().map(|r| -r).collect();
        let loss = subject.returns[day0].map(|r| -r).ok_or_else(|| "a price is missing".to_owned());
        let found = loss.and_then(|loss| {
            let tail = tail(&before, TAIL).map_err(|reason| reason.to_string())?;
            if loss < tail.threshold {
                return Err("one session in twenty lost as much before: no tail event".to_owned());
            }
            tail.return_period(loss).map_err(|reason| reason.to_string())
        });
        let mut row = vec![subject.label];
        row.push(Cell::Figure(format!("{}.return.day0", subject.id)));
        for (part, value) in parts(&found) {
            let id = format!("{}.rarity.{part}", subject.id);
            let figure = Figure::from_result(id, value, Unit::Number, "return_period", shock.as_of);
            row.push(Cell::Figure(out.add(figure.inputs(subject.inputs.clone()).n(before.len()))));
        }
        let n = Figure::new(
            format!("{}.rarity.sessions", subject.id),
            before.len() as f64,
            Unit::Count,
            "count",
            shock.as_of,
        );
        row.push(Cell::Figure(out.add(n.inputs(subject.inputs))));
        rows.push(Row::new(row));
    }
    let columns = vec![
        tabulate::text("col.name"),
        tabulate::number("col.return", "pct(1)"),
        tabulate::number("col.years", "num(1)"),
        tabulate::number("col.years-low", "num(1)"),
        tabulate::number("col.years-high", "num(1)"),
        tabulate::number("col.sessions-before", "int"),
    ];
    let sources = shock.sources(&shock.spec.sample);
    out.table(Table { id: "rarity".to_owned(), columns, rows, sources });
}

/// The years in which one such day is expected, and the ends of their interval.
fn parts(found: &Result<ReturnPeriod, String>) -> [(&'static str, Result<f64, String>); 3] {
    let of = |pick: fn(&ReturnPeriod) -> Option<f64>, why: &str| {
        found.clone().and_then(|period| pick(&period).map(|days| days / YEAR).ok_or_else(|| why.to_owned()))
    };
    [
        ("years", of(|period| period.days, "the tail fitted before has no such loss")),
        ("low", of(|period| Some(period.low), "")),
        ("high", of(|period| period.high, "the data set no upper bound")),
    ]
}

fn subjects(shock: &Shock<'_>) -> Vec<Subject> {
    let mut all = Vec::new();
    let source = shock.firms.iter().find(|firm| firm.id == shock.spec.source.as_str());
    let source = source.map(|firm| (&shock.spec.source, firm.returns.to_vec()));
    for (symbol, returns) in source.into_iter().chain([(&shock.spec.benchmark, shock.benchmark_returns())]) {
        let (id, label) = (symbol.slug(), Cell::Text(shock.name(symbol)));
        all.push(Subject { id, label, returns, inputs: vec![symbol.to_string()] });
    }
    for theme in &shock.report.themes {
        let members = shock.members(theme);
        let mean = |row: usize| {
            let present: Vec<f64> = members.iter().filter_map(|firm| firm.returns[row]).collect();
            (!present.is_empty()).then(|| present.iter().sum::<f64>() / present.len() as f64)
        };
        all.push(Subject {
            id: format!("theme.{theme}"),
            label: Cell::Label(format!("theme.{theme}")),
            returns: (0..shock.home.sessions.len()).map(mean).collect(),
            inputs: members.iter().map(|firm| firm.id.clone()).collect(),
        });
    }
    all
}
