//! Beyond US leaders: other regions over the period, their correlation with the US index, and what holding
//! them beside it takes off the risk.

use crate::{
    Context, Outcome,
    panel::{Member, Panel},
    tabulate,
};
use anyhow::Result;
use rayon::prelude::*;
use shockbrief_analytics::{
    concentration::{diversification, diversification_interval},
    contagion::complete_rows,
    moments, reason,
};
use shockbrief_core::{
    Cell, Chart, Figure, Findings, Table, Unit,
    findings::{Axis, Line},
};
use std::ops::Range;

/// Sessions of correlation and risk: one year.
const YEAR: usize = 252;
/// Half in the US index, half in the region.
const WEIGHTS: [f64; 2] = [0.5, 0.5];
/// Bootstrap resamples and their seed.
const DRAWS: usize = 1000;
const SEED: u64 = 20_250_127;

pub fn analyse(context: &Context<'_>, findings: &mut Findings) -> Result<Outcome> {
    let Some(panel) = &context.panel else { return Ok(Outcome::Absent("absent.no-panel")) };
    if panel.regions.is_empty() {
        return Ok(Outcome::Absent("absent.no-regions"));
    }
    if panel.dates.len() <= YEAR || panel.period.is_empty() {
        return Ok(Outcome::Absent("absent.no-history"));
    }
    let window = panel.trailing(YEAR);
    // The bootstraps are this section's work; each region has its own stream, so order does not matter.
    let risks: Vec<Vec<Figure>> =
        panel.regions.par_iter().map(|region| risk(panel, region, &window)).collect();
    for figure in risks.into_iter().flatten() {
        findings.add(figure);
    }
    let mut rows = Vec::new();
    for region in &panel.regions {
        let slug = region.symbol.slug();
        changes(panel, region, findings);
        let parts = [
            "return.period",
            "return.year",
            "return.twelve",
            "correlation",
            "benefit",
            "benefit.low",
            "benefit.high",
        ];
        rows.push(tabulate::row(
            Cell::Text(panel.name(&region.symbol)),
            parts.map(|part| format!("{slug}.{part}")),
        ));
    }
    let columns = vec![
        tabulate::text("col.fund"),
        tabulate::number("col.period", "pct(1)"),
        tabulate::number("col.year", "pct(1)"),
        tabulate::number("col.twelve", "pct(1)"),
        tabulate::number("col.correlation", "num(2)"),
        tabulate::number("col.benefit", "pct(1)"),
        tabulate::number("col.low", "pct(1)"),
        tabulate::number("col.high", "pct(1)"),
    ];
    let table = Table { id: "beyond".to_owned(), columns, rows, sources: panel.region_sources() };
    findings.tables.insert("beyond".to_owned(), table);
    findings.charts.insert("relative-strength".to_owned(), chart(panel, &window));
    Ok(Outcome::Ready)
}

fn changes(panel: &Panel<'_>, region: &Member, findings: &mut Findings) {
    let window = panel.trailing(YEAR);
    for (part, range) in [("period", &panel.period), ("year", &panel.year), ("twelve", &window)] {
        let value =
            region.change(range).ok_or(reason::Missing::TooFew { what: "closing prices", have: 0, need: 2 });
        let id = format!("{}.return.{part}", region.symbol.slug());
        if !findings.figures.contains_key(&id) {
            findings.add(
                panel
                    .figure(id, value, Unit::Ratio, "price_relative", range)
                    .inputs([region.symbol.as_str()]),
            );
        }
    }
}

/// Correlation with the index and what the mix takes off the average risk. Funds listed in New York close
/// with the index, so that daily returns match.
fn risk(panel: &Panel<'_>, region: &Member, window: &Range<usize>) -> Vec<Figure> {
    let (index, other) = (panel.benchmark.returns(), region.returns());
    let pair = complete_rows(&[&index[window.clone()], &other[window.clone()]]);
    let correlation = pair.clone().and_then(|pair| moments::correlation(&pair[0], &pair[1]));
    let benefit = pair.clone().and_then(|pair| {
        let slices: Vec<&[f64]> = pair.iter().map(Vec::as_slice).collect();
        diversification(&WEIGHTS, &slices).map(|found| found.diversification_benefit)
    });
    let interval = pair.and_then(|pair| {
        let series: Vec<&[f64]> = pair.iter().map(Vec::as_slice).collect();
        diversification_interval(&WEIGHTS, &series, DRAWS, SEED, |found| found.diversification_benefit)
    });
    let slug = region.symbol.slug();
    let inputs = [panel.benchmark.symbol.to_string(), region.symbol.to_string()];
    let low = interval.as_ref().map(|interval| interval.low).map_err(Clone::clone);
    let high = interval.as_ref().map(|interval| interval.high).map_err(Clone::clone);
    [
        ("correlation", correlation, Unit::Correlation, "correlation"),
        ("benefit", benefit, Unit::Ratio, "diversification_benefit"),
        ("benefit.low", low, Unit::Ratio, "diversification_benefit"),
        ("benefit.high", high, Unit::Ratio, "diversification_benefit"),
    ]
    .into_iter()
    .map(|(part, value, unit, statistic)| {
        panel.figure(format!("{slug}.{part}"), value, unit, statistic, window).inputs(inputs.clone())
    })
    .collect()
}

/// Value of each region against the index, from the close before the window.
fn chart(panel: &Panel<'_>, window: &Range<usize>) -> Chart {
    let base = window.start - 1;
    let relative = |member: &Member, row: usize| -> Option<f64> {
        let own = member.prices[row]? / member.prices[base]?;
        let index = panel.benchmark.prices[row]? / panel.benchmark.prices[base]?;
        Some(own / index - 1.0)
    };
    let lines = panel
        .regions
        .iter()
        .map(|region| Line {
            label: panel.name(&region.symbol),
            translate: false,
            values: window.clone().map(|row| relative(region, row)).collect(),
            group: region.symbol.to_string(),
            strong: false,
        })
        .collect();
    Chart::Lines {
        id: "relative-strength".to_owned(),
        x: Axis::Dates(panel.dates[window.clone()].to_vec()),
        lines,
        sources: panel.region_sources(),
        statistic: "relative_strength".to_owned(),
    }
}
