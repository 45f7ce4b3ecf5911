//! Positioning: how far each theme has run, how much names move together, and the tilt that a stated rule
//! makes of it.

use crate::{
    Context, Outcome,
    kind::{Kind, Output},
    panel::{Member, Panel},
    tabulate,
};
use anyhow::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shockbrief_analytics::{
    contagion::{absorption_ratio, complete_rows, mean_correlation},
    reason,
};
use shockbrief_core::{
    Cell, Chart, Row, Table, ThemeId, Unit,
    findings::{Axis, Line},
};
use std::{collections::BTreeMap, ops::Range};

/// Parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Params {
    /// Sessions of the run-up; default half a year.
    run_up: usize,
    /// Sessions of the measures of crowding; default a quarter.
    crowding: usize,
    /// Earlier sessions that a percentile needs; default two years.
    history: usize,
    /// The rule: trim where run-up and crowding both stand above this share of their own past; default 0.8.
    high: f64,
    /// ... and add where both stand below this one; default 0.2.
    low: f64,
    /// Mean correlation of the sample above which selling one name is selling them all; default 0.6.
    crowded: f64,
    /// Every so many sessions are measured for the past of crowding; default 5.
    step: usize,
}

impl Default for Params {
    fn default() -> Self {
        Self { run_up: 126, crowding: 63, history: 504, high: 0.8, low: 0.2, crowded: 0.6, step: 5 }
    }
}

/// What the rule can say.
const TILTS: [&str; 4] = ["trim", "hold", "add", "unknown"];

/// The kind.
pub struct Positioning;

impl Kind for Positioning {
    const NAME: &'static str = "positioning";
    const ABOUT: &'static str =
        "run-up and crowding of themes in their own past, and what a stated rule makes of them";
    type Params = Params;

    fn check(params: &Params) -> Result<(), String> {
        if params.run_up == 0 || params.crowding < 3 || params.step == 0 || params.history < params.step {
            return Err("`run-up`, `crowding`, `history` and `step` are numbers of sessions".to_owned());
        }
        let ordered = 0.0 < params.low && params.low < params.high && params.high < 1.0;
        if !ordered {
            return Err("`low` and `high` are shares of the past, the lower first".to_owned());
        }
        if params.crowded.abs() < 1.0 { Ok(()) } else { Err("`crowded` is a correlation".to_owned()) }
    }

    fn analyse(params: &Params, context: &Context<'_>, out: &mut Output<'_>) -> Result<Outcome> {
        let Some(panel) = &context.panel else { return Ok(Outcome::Absent("absent.no-panel")) };
        if panel.dates.len() <= params.run_up {
            return Ok(Outcome::Absent("absent.no-history"));
        }
        let work = Work { params, panel };
        work.constants(out);
        let path = work.path(&panel.sample.iter().collect::<Vec<_>>());
        work.crowding(&path, out);
        let mut tilts: BTreeMap<&str, Vec<String>> = TILTS.map(|tilt| (tilt, Vec::new())).into();
        let mut rows = Vec::new();
        for (theme, members) in panel.themes() {
            let tilt = work.proposal(theme, &members, out);
            tilts.entry(tilt).or_default().push(theme.to_string());
            rows.push(row(theme, tilt, out));
        }
        for (tilt, themes) in tilts {
            out.list(format!("tilt.{tilt}"), themes);
        }
        out.table(table(rows, panel));
        out.chart(work.chart(path, out));
        Ok(Outcome::Ready)
    }
}

fn row(theme: &ThemeId, tilt: &str, out: &Output<'_>) -> Row {
    let parts = ["run_up", "run_up.place", "correlation", "correlation.place"];
    let figures = parts.map(|part| out.id(format!("{theme}.{part}")));
    let mut row = tabulate::row(Cell::Label(format!("theme.{theme}")), figures);
    row.cells.push(Cell::Label(format!("tilt.{tilt}")));
    row
}

fn table(rows: Vec<Row>, panel: &Panel<'_>) -> Table {
    let columns = vec![
        tabulate::text("col.theme"),
        tabulate::number("col.run-up", "points(0)"),
        tabulate::number("col.rank", "pct(0)"),
        tabulate::number("col.correlation", "num(2)"),
        tabulate::number("col.rank", "pct(0)"),
        tabulate::text("col.tilt"),
    ];
    Table { id: "tilt".to_owned(), columns, rows, sources: panel.sources() }
}

struct Work<'a> {
    params: &'a Params,
    panel: &'a Panel<'a>,
}

impl Work<'_> {
    /// Run-up and correlation of one theme, each with its place in its own past; returns what the rule makes of them.
    fn proposal(&self, theme: &ThemeId, members: &[&Member], out: &mut Output<'_>) -> &'static str {
        let (panel, params) = (self.panel, self.params);
        let inputs: Vec<String> = members.iter().map(|member| member.symbol.to_string()).collect();
        let history = self.run_ups(members);
        let (half, quarter) = (panel.trailing(params.run_up), panel.trailing(params.crowding));
        let mut add = |part: &str, value, unit, statistic, window: &Range<usize>, inputs: &[String]| {
            let figure = panel.figure(out.id(format!("{theme}.{part}")), value, unit, statistic, window);
            out.add(figure.firms(members.len()).inputs(inputs.to_vec()));
        };
        let now = history.last().copied().flatten();
        let value =
            now.ok_or(reason::Missing::TooFew { what: "closing prices", have: 0, need: params.run_up });
        let index = panel.benchmark.symbol.to_string();
        let both: Vec<String> = inputs.iter().cloned().chain([index]).collect();
        let place = percentile(&history, params.history);
        add("run_up", value, Unit::Points, "run_up", &half, &both);
        add("run_up.place", place.clone(), Unit::Ratio, "percentile", &half, &both);
        let returns: Vec<Vec<Option<f64>>> = members.iter().map(|member| member.returns()).collect();
        let own = correlation(&returns, &quarter);
        let past: Vec<Option<f64>> = self.path(members).into_iter().map(|(_, value)| value).collect();
        let crowded = own.clone().and_then(|_| percentile(&past, params.history / params.step));
        add("correlation", own, Unit::Correlation, "mean_pairwise_correlation", &quarter, &inputs);
        add("correlation.place", crowded.clone(), Unit::Ratio, "percentile", &quarter, &inputs);
        params.tilt(place.ok(), crowded.ok())
    }

    /// The rule's numbers, so that the text can state them.
    fn constants(&self, out: &mut Output<'_>) {
        let (panel, params) = (self.panel, self.params);
        let whole = 0..panel.dates.len();
        for (name, value, unit) in [
            ("high", params.high, Unit::Ratio),
            ("low", params.low, Unit::Ratio),
            ("crowded", params.crowded, Unit::Correlation),
            ("run-up", params.run_up as f64, Unit::Count),
            ("crowding", params.crowding as f64, Unit::Count),
        ] {
            let id = out.id(format!("param.{name}"));
            out.add(panel.figure(id, Ok(value), unit, "config", &whole).inputs(["rule"]));
        }
    }

    /// Change of a theme over the run-up window minus that of the benchmark, for every row that has one.
    fn run_ups(&self, members: &[&Member]) -> Vec<Option<f64>> {
        let panel = self.panel;
        (0..panel.dates.len())
            .map(|row| {
                let range = (row + 1).checked_sub(self.params.run_up)?..row + 1;
                let index = panel.benchmark.change(&range)?;
                panel.basket(members, &range).ok().map(|change| change - index)
            })
            .collect()
    }

    /// Mean pairwise correlation of the whole sample, its place in its history, and the first eigenvalue's share.
    fn crowding(&self, path: &[(usize, Option<f64>)], out: &mut Output<'_>) {
        let (panel, params) = (self.panel, self.params);
        let window = panel.trailing(params.crowding);
        let returns: Vec<Vec<Option<f64>>> = panel.sample.iter().map(Member::returns).collect();
        let history: Vec<Option<f64>> = path.iter().map(|(_, correlation)| *correlation).collect();
        let slices: Vec<&[Option<f64>]> = returns.iter().map(|series| &series[window.clone()]).collect();
        let share = complete_rows(&slices)
            .and_then(|rows| absorption_ratio(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>(), 1));
        let inputs: Vec<String> = panel.sample.iter().map(|member| member.symbol.to_string()).collect();
        for (name, value, unit, statistic) in [
            ("correlation", correlation(&returns, &window), Unit::Correlation, "mean_pairwise_correlation"),
            // The path holds one session in a few: the history that a percentile needs shrinks alike.
            ("place", percentile(&history, params.history / params.step), Unit::Ratio, "percentile"),
            ("first_share", share, Unit::Ratio, "absorption_ratio"),
        ] {
            let figure = panel.figure(out.id(format!("crowding.{name}")), value, unit, statistic, &window);
            out.add(figure.firms(inputs.len()).inputs(inputs.clone()));
        }
    }

    /// Mean pairwise correlation of some names on one session in a few, ending today.
    fn path(&self, members: &[&Member]) -> Vec<(usize, Option<f64>)> {
        let window = self.params.crowding;
        let returns: Vec<Vec<Option<f64>>> = members.iter().map(|member| member.returns()).collect();
        let last = self.panel.dates.len();
        let mut ends: Vec<usize> = (window + 1..=last).rev().step_by(self.params.step).collect();
        ends.reverse();
        ends.into_iter().map(|end| (end - 1, correlation(&returns, &(end - window..end)).ok())).collect()
    }

    fn chart(&self, points: Vec<(usize, Option<f64>)>, out: &Output<'_>) -> Chart {
        Chart::Lines {
            id: out.id("crowding"),
            x: Axis::Dates(points.iter().map(|(row, _)| self.panel.dates[*row]).collect()),
            lines: vec![Line {
                label: "chart.crowding.line".to_owned(),
                translate: true,
                values: points.into_iter().map(|(_, value)| value).collect(),
                group: String::new(),
                strong: true,
            }],
            sources: self.panel.sources(),
            statistic: "mean_pairwise_correlation".to_owned(),
        }
    }
}

impl Params {
    /// Trim, add or hold; without a percentile no tilt is proposed.
    fn tilt(&self, run_up: Option<f64>, crowding: Option<f64>) -> &'static str {
        match (run_up, crowding) {
            (Some(run_up), Some(crowding)) if run_up > self.high && crowding > self.high => "trim",
            (Some(run_up), Some(crowding)) if run_up < self.low && crowding < self.low => "add",
            (Some(_), Some(_)) => "hold",
            _ => "unknown",
        }
    }
}

/// Share of earlier values below the last one; `need` earlier values at least.
fn percentile(history: &[Option<f64>], need: usize) -> reason::Outcome<f64> {
    let known: Vec<f64> = history.iter().flatten().copied().collect();
    match known.split_last() {
        Some((last, earlier)) if earlier.len() >= need && history.last() != Some(&None) => {
            Ok(earlier.iter().filter(|value| *value < last).count() as f64 / earlier.len() as f64)
        }
        _ => Err(reason::Missing::TooFew { what: "windows of history", have: known.len(), need }),
    }
}

fn correlation(returns: &[Vec<Option<f64>>], rows: &Range<usize>) -> reason::Outcome<f64> {
    let complete: Vec<Vec<f64>> =
        returns.iter().filter_map(|series| series[rows.clone()].iter().copied().collect()).collect();
    mean_correlation(&complete.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_needs_both_signs() {
        let rule = Params::default();
        assert_eq!(rule.tilt(Some(0.9), Some(0.9)), "trim");
        assert_eq!(rule.tilt(Some(0.9), Some(0.5)), "hold");
        assert_eq!(rule.tilt(Some(0.1), Some(0.1)), "add");
        assert_eq!(rule.tilt(None, Some(0.9)), "unknown");
    }

    #[test]
    fn a_percentile_counts_what_was_lower() {
        let rising: Vec<Option<f64>> = (0..600).map(|i| Some(f64::from(i))).collect();
        assert_eq!(percentile(&rising, 504), Ok(1.0));
        assert!(percentile(&rising[..100], 504).is_err());
    }
}
