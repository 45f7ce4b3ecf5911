//! Diversification: other regions over the period, their correlation with the home index, and what holding
//! them beside it does to the risk of the index alone.

use crate::{
    Context, Outcome,
    declared::check::Needs,
    kind::{Kind, Output},
    panel::{Member, Panel},
    tabulate,
};
use anyhow::Result;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shockbrief_analytics::{
    block_length::Interval,
    concentration::{Diversification as Split, diversification, diversification_interval},
    contagion::complete_rows,
    moments, reason,
};
use shockbrief_core::{
    Cell, Chart, Figure, Row, Symbol, Table, Unit,
    config::section::Ref,
    findings::{Axis, Line},
};
use std::ops::Range;

/// Parameters. The home index is the report's benchmark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Params {
    /// Funds of other regions, of those that the report follows; default all of them.
    regions: Vec<Symbol>,
    /// Share held in the home index; the rest is in the region; default 0.5.
    home_share: f64,
    /// Sessions of correlation and risk; default 252, one year.
    sessions: usize,
    /// Bootstrap resamples; default 1000.
    draws: usize,
    /// Their seed; default 20250127.
    seed: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self { regions: Vec::new(), home_share: 0.5, sessions: 252, draws: 1000, seed: 20_250_127 }
    }
}

impl Params {
    fn weights(&self) -> [f64; 2] {
        [self.home_share, 1.0 - self.home_share]
    }
}

/// Sessions of a year, by which volatility is stated.
const YEAR: f64 = 252.0;

/// The kind.
pub struct Diversification;

impl Kind for Diversification {
    const NAME: &'static str = "diversification";
    const ABOUT: &'static str = "other regions against the home index, and the risk of holding both";
    type Params = Params;

    fn check(params: &Params) -> Result<(), String> {
        if !(params.home_share > 0.0 && params.home_share < 1.0) {
            return Err("`home-share` lies between 0 and 1".to_owned());
        }
        if params.sessions < 20 || params.draws < 100 {
            return Err("`sessions` are at least 20 and `draws` at least 100".to_owned());
        }
        Ok(())
    }

    fn needs(params: &Params) -> Needs {
        Needs { names: params.regions.iter().cloned().map(Ref::Symbol).collect(), ..Needs::default() }
    }

    fn analyse(params: &Params, context: &Context<'_>, out: &mut Output<'_>) -> Result<Outcome> {
        let Some(panel) = &context.panel else { return Ok(Outcome::Absent("absent.no-panel")) };
        let wanted = |symbol: &Symbol| params.regions.is_empty() || params.regions.contains(symbol);
        let regions: Vec<&Member> = panel.regions.iter().filter(|one| wanted(&one.symbol)).collect();
        if regions.is_empty() {
            return Ok(Outcome::Absent("absent.no-regions"));
        }
        if panel.dates.len() <= params.sessions || panel.period.is_empty() {
            return Ok(Outcome::Absent("absent.no-history"));
        }
        let work = Work { params, panel, window: panel.trailing(params.sessions) };
        // The bootstraps are this section's work; each region has its own stream, so order does not matter.
        let base = out.id("");
        let risks: Vec<Vec<Figure>> = regions.par_iter().map(|region| work.risk(&base, region)).collect();
        for figure in risks.into_iter().flatten() {
            out.add(figure);
        }
        work.index(out);
        let spans = work.spans();
        let rows = regions.iter().map(|region| work.row(region, &spans, out)).collect();
        let mut columns = vec![tabulate::text("col.fund")];
        columns.extend(spans.iter().map(|(part, _)| tabulate::number(&format!("col.{part}"), "pct(1)")));
        columns.extend(RISKS.iter().map(|(_, header, format)| tabulate::number(header, format)));
        out.table(Table { id: "regions".to_owned(), columns, rows, sources: panel.region_sources() });
        let chart = work.chart(&regions, out);
        out.chart(chart);
        Ok(Outcome::Ready)
    }
}

/// The names followed with the parameters and the window they are looked at by.
struct Work<'a> {
    params: &'a Params,
    panel: &'a Panel<'a>,
    window: Range<usize>,
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

impl Work<'_> {
    /// What the reader holds alone, and the rule's numbers.
    fn index(&self, out: &mut Output<'_>) {
        let (panel, params) = (self.panel, self.params);
        let own = panel.benchmark.returns();
        let index: Vec<f64> = own[self.window.clone()].iter().flatten().copied().collect();
        let index = moments::sd(&index, 1).map(|sd| sd * YEAR.sqrt());
        let symbol = &panel.benchmark.symbol;
        let id = out.id("home.volatility");
        let figure = panel.figure(id, index, Unit::Ratio, "annualised_volatility", &self.window);
        out.add(figure.inputs([symbol.as_str()]));
        for (name, value, unit) in [
            ("home-share", params.home_share, Unit::Ratio),
            ("sessions", params.sessions as f64, Unit::Count),
        ] {
            let id = out.id(format!("param.{name}"));
            out.add(panel.figure(id, Ok(value), unit, "config", &self.window).inputs(["rule"]));
        }
    }

    /// A region's figures of change, and its row.
    fn row(&self, region: &Member, spans: &[(&str, Range<usize>)], out: &mut Output<'_>) -> Row {
        self.changes(region, out);
        let slug = region.symbol.slug();
        let changes = spans.iter().map(|(part, ..)| format!("return.{part}"));
        let parts = changes.chain(RISKS.iter().map(|(part, ..)| (*part).to_owned()));
        let figures = parts.map(|part| out.id(format!("{slug}.{part}")));
        tabulate::row(Cell::Text(self.panel.name(&region.symbol)), figures)
    }

    /// The windows of the table; the year to date where it is not the period itself.
    fn spans(&self) -> Vec<(&'static str, Range<usize>)> {
        let panel = self.panel;
        let mut spans = vec![("period", panel.period.clone())];
        if panel.year != panel.period {
            spans.push(("year", panel.year.clone()));
        }
        spans.push(("twelve", self.window.clone()));
        spans
    }

    fn changes(&self, region: &Member, out: &mut Output<'_>) {
        let panel = self.panel;
        for (part, range) in [("period", &panel.period), ("year", &panel.year), ("twelve", &self.window)] {
            let value = region.change(range).ok_or(reason::Missing::TooFew {
                what: "closing prices",
                have: 0,
                need: 2,
            });
            let id = out.id(format!("{}.return.{part}", region.symbol.slug()));
            let figure = panel.figure(id, value, Unit::Ratio, "price_relative", range);
            out.add(figure.inputs([region.symbol.as_str()]));
        }
    }

    /// Correlation with the index, and the volatility of an equal split against that of the index alone, which is what the
    /// reader holds. Funds listed in New York close with the index, so that daily returns match.
    fn risk(&self, base: &str, region: &Member) -> Vec<Figure> {
        let (panel, params, window) = (self.panel, self.params, &self.window);
        let weights = params.weights();
        let (index, other) = (panel.benchmark.returns(), region.returns());
        let pair = complete_rows(&[&index[window.clone()], &other[window.clone()]]);
        let correlation = pair.clone().and_then(|pair| moments::correlation(&pair[0], &pair[1]));
        let split = pair.clone().and_then(|pair| {
            let slices: Vec<&[f64]> = pair.iter().map(Vec::as_slice).collect();
            diversification(&weights, &slices)
        });
        let interval = pair.and_then(|pair| {
            let series: Vec<&[f64]> = pair.iter().map(Vec::as_slice).collect();
            diversification_interval(&weights, &series, params.draws, params.seed, against_index)
        });
        let year = YEAR.sqrt();
        let of = |pick: &dyn Fn(&Split) -> f64| split.as_ref().map(pick).map_err(Clone::clone);
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
            panel
                .figure(format!("{base}{slug}.{part}"), value, unit, statistic, window)
                .inputs(inputs.clone())
                .n(n)
        })
        .collect()
    }

    /// Value of each region against the index, from the close before the window.
    fn chart(&self, regions: &[&Member], out: &Output<'_>) -> Chart {
        let (panel, window) = (self.panel, &self.window);
        let base = window.start - 1;
        let relative = |member: &Member, row: usize| -> Option<f64> {
            let own = member.prices[row]? / member.prices[base]?;
            let index = panel.benchmark.prices[row]? / panel.benchmark.prices[base]?;
            Some(own / index - 1.0)
        };
        let lines = regions
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
            id: out.id("relative-strength"),
            x: Axis::Dates(panel.dates[window.clone()].to_vec()),
            lines,
            sources: panel.region_sources(),
            statistic: "relative_strength".to_owned(),
        }
    }
}

/// Volatility of the split over that of the index, less one.
fn against_index(split: &Split) -> f64 {
    split.sd_portfolio / split.sd[0] - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: the index moves by 1, the fund by 3, together: the split moves by 2, twice the index.
    #[test]
    fn a_split_is_held_against_what_the_reader_holds() {
        let (index, fund) = ([0.01, -0.01, 0.01, -0.01], [0.03, -0.03, 0.03, -0.03]);
        let split = diversification(&Params::default().weights(), &[&index, &fund]).unwrap();
        assert!((against_index(&split) - 1.0).abs() < 1e-12);
    }
}
