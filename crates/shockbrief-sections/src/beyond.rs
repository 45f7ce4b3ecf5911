//! Beyond US leaders: other regions over the period, their correlation with the US index, and what holding
//! them beside it does to the risk of the index alone.

use crate::{
    Context, Outcome,
    panel::{Member, Panel},
    tabulate,
};
use anyhow::Result;
use rayon::prelude::*;
use shockbrief_analytics::{
    block_length::Interval,
    concentration::{Diversification, diversification, diversification_interval},
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
    let own = panel.benchmark.returns();
    let index: Vec<f64> = own[window.clone()].iter().flatten().copied().collect();
    let index = moments::sd(&index, 1).map(|sd| sd * (YEAR as f64).sqrt());
    let symbol = &panel.benchmark.symbol;
    let id = format!("{}.volatility", symbol.slug());
    findings.add(
        panel.figure(id, index, Unit::Ratio, "annualised_volatility", &window).inputs([symbol.as_str()]),
    );
    let spans = spans(panel, &window);
    let mut rows = Vec::new();
    for region in &panel.regions {
        let slug = region.symbol.slug();
        changes(panel, region, findings);
        let parts = spans
            .iter()
            .map(|(part, ..)| format!("return.{part}"))
            .chain(RISKS.iter().map(|(part, ..)| (*part).to_owned()));
        rows.push(tabulate::row(
            Cell::Text(panel.name(&region.symbol)),
            parts.map(|part| format!("{slug}.{part}")),
        ));
    }
    let mut columns = vec![tabulate::text("col.fund")];
    columns.extend(spans.iter().map(|(part, _)| tabulate::number(&format!("col.{part}"), "pct(1)")));
    columns.extend(RISKS.iter().map(|(_, header, format)| tabulate::number(header, format)));
    let table = Table { id: "beyond".to_owned(), columns, rows, sources: panel.region_sources() };
    findings.tables.insert("beyond".to_owned(), table);
    findings.charts.insert("relative-strength".to_owned(), chart(panel, &window));
    Ok(Outcome::Ready)
}

/// Columns of risk: part of the figure id, header, format.
const RISKS: [(&str, &str, &str); 6] = [
    ("correlation", "col.correlation", "num(2)"),
    ("volatility", "col.vol-quarter", "pct(1)"),
    ("mix.volatility", "col.mix-volatility", "pct(1)"),
    ("mix.change", "col.mix-change", "pct(0, sign)"),
    ("mix.change.low", "col.low", "pct(0, sign)"),
    ("mix.change.high", "col.high", "pct(0, sign)"),
];

/// The windows of the table; the year to date where it is not the period itself.
fn spans(panel: &Panel<'_>, twelve: &Range<usize>) -> Vec<(&'static str, Range<usize>)> {
    let mut spans = vec![("period", panel.period.clone())];
    if panel.year != panel.period {
        spans.push(("year", panel.year.clone()));
    }
    spans.push(("twelve", twelve.clone()));
    spans
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

/// Correlation with the index, and the volatility of an equal split against that of the index alone, which is what the
/// reader holds. Funds listed in New York close with the index, so that daily returns match.
fn risk(panel: &Panel<'_>, region: &Member, window: &Range<usize>) -> Vec<Figure> {
    let (index, other) = (panel.benchmark.returns(), region.returns());
    let pair = complete_rows(&[&index[window.clone()], &other[window.clone()]]);
    let correlation = pair.clone().and_then(|pair| moments::correlation(&pair[0], &pair[1]));
    let split = pair.clone().and_then(|pair| {
        let slices: Vec<&[f64]> = pair.iter().map(Vec::as_slice).collect();
        diversification(&WEIGHTS, &slices)
    });
    let interval = pair.and_then(|pair| {
        let series: Vec<&[f64]> = pair.iter().map(Vec::as_slice).collect();
        diversification_interval(&WEIGHTS, &series, DRAWS, SEED, against_index)
    });
    let year = (YEAR as f64).sqrt();
    let of = |pick: &dyn Fn(&Diversification) -> f64| split.as_ref().map(pick).map_err(Clone::clone);
    let end = |pick: fn(&Interval) -> f64| interval.as_ref().map(pick).map_err(Clone::clone);
    let slug = region.symbol.slug();
    let inputs = [panel.benchmark.symbol.to_string(), region.symbol.to_string()];
    let n = split.as_ref().map_or(0, |split| split.n);
    [
        ("correlation", correlation, Unit::Correlation, "correlation"),
        ("volatility", of(&|split| split.sd[1] * year), Unit::Ratio, "annualised_volatility"),
        ("mix.volatility", of(&|split| split.sd_portfolio * year), Unit::Ratio, "annualised_volatility"),
        ("mix.change", of(&against_index), Unit::Ratio, "volatility_against_index"),
        ("mix.change.low", end(|interval| interval.low), Unit::Ratio, "volatility_against_index"),
        ("mix.change.high", end(|interval| interval.high), Unit::Ratio, "volatility_against_index"),
    ]
    .into_iter()
    .map(|(part, value, unit, statistic)| {
        panel.figure(format!("{slug}.{part}"), value, unit, statistic, window).inputs(inputs.clone()).n(n)
    })
    .collect()
}

/// Volatility of the split over that of the index, less one.
fn against_index(split: &Diversification) -> f64 {
    split.sd_portfolio / split.sd[0] - 1.0
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

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: the index moves by 1, the fund by 3, together: the split moves by 2, twice the index.
    #[test]
    fn a_split_is_held_against_what_the_reader_holds() {
        let (index, fund) = ([0.01, -0.01, 0.01, -0.01], [0.03, -0.03, 0.03, -0.03]);
        let split = diversification(&WEIGHTS, &[&index, &fund]).unwrap();
        assert!((against_index(&split) - 1.0).abs() < 1e-12);
    }
}
