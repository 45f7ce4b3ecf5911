//! Positioning: how far each theme has run, how much names move together, and the tilt that a stated rule
//! makes of it.

use crate::{
    Context, Outcome,
    declared::check::Needs,
    kind::{Kind, Output},
    panel::{Member, Panel},
    tabulate,
};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use shockbrief_analytics::{
    contagion::{absorption_ratio, complete_rows, mean_correlation},
    reason,
};
use shockbrief_core::{
    Cell, Chart, Row, Table, ThemeId, Unit,
    config::section::Ref,
    findings::{Axis, Line},
};
use std::ops::Range;

/// Parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Params {
    /// Themes that the rule looks at; default all that the report follows.
    themes: Vec<ThemeId>,
    /// Sessions of the run-up; default 126, half a year.
    run_up: usize,
    /// Sessions of the crowding measures; default 63, a quarter.
    crowding: usize,
    /// History that a percentile needs beyond the window itself; default 504 sessions, two years.
    history: usize,
    /// The rule: trim where run-up and crowding both stand above this share of their own history; default 0.8.
    high: f64,
    /// ... and add where both stand below this one; default 0.2.
    low: f64,
    /// Mean correlation of the sample above which selling one name is selling all of them; default 0.6.
    crowded: f64,
    /// Sessions from one point of the drawn path to the next; default 5.
    step: usize,
    /// The theme in whose colour the path is drawn; default none.
    color: Option<ThemeId>,
}

impl Default for Params {
    fn default() -> Self {
        let (high, low, crowded) = (0.8, 0.2, 0.6);
        Self {
            themes: Vec::new(),
            run_up: 126,
            crowding: 63,
            history: 504,
            high,
            low,
            crowded,
            step: 5,
            color: None,
        }
    }
}

/// What the rule can say.
const TILTS: [&str; 4] = ["trim", "hold", "add", "unknown"];

/// The kind.
pub struct Positioning;

impl Kind for Positioning {
    const NAME: &'static str = "positioning";
    const ABOUT: &'static str =
        "run-up and crowding of each theme against their own past, and what a stated rule makes of them";
    type Params = Params;

    fn check(params: &Params) -> Result<(), String> {
        if !(0.0 < params.low && params.low < params.high && params.high < 1.0) {
            return Err("`low` and `high` lie between 0 and 1, `low` first".to_owned());
        }
        if !(params.crowded > 0.0 && params.crowded < 1.0) {
            return Err("`crowded` lies between 0 and 1".to_owned());
        }
        if params.run_up < 2 || params.crowding < 3 || params.step == 0 || params.history < params.step {
            let least = "`run-up` is at least 2 sessions, `crowding` 3, `step` 1 and `history` one step";
            return Err(least.to_owned());
        }
        Ok(())
    }

    fn needs(params: &Params) -> Needs {
        let names = params.themes.iter().chain(&params.color).cloned().map(Ref::Theme).collect();
        Needs { names, ..Needs::default() }
    }

    fn analyse(params: &Params, context: &Context<'_>, out: &mut Output<'_>) -> Result<Outcome> {
        let Some(panel) = &context.panel else { return Ok(Outcome::Absent("absent.no-panel")) };
        if panel.dates.len() <= params.run_up.max(params.crowding) {
            return Ok(Outcome::Absent("absent.no-history"));
        }
        let wanted = |theme: &ThemeId| params.themes.is_empty() || params.themes.contains(theme);
        let themes: Vec<_> = panel.themes().into_iter().filter(|(theme, _)| wanted(theme)).collect();
        if themes.is_empty() {
            return Ok(Outcome::Absent("absent.no-origin"));
        }
        let work = Work { params, panel };
        work.constants(out);
        let path = work.path(&panel.sample.iter().collect::<Vec<_>>());
        work.crowding(&path, out);
        let mut rows = Vec::new();
        let mut told: Vec<(&str, String)> = Vec::new();
        for (theme, members) in themes {
            let tilt = work.proposal(theme, &members, out);
            told.push((tilt, theme.to_string()));
            rows.push(row(theme, tilt, out));
        }
        for tilt in TILTS {
            let of = told.iter().filter(|(own, _)| *own == tilt).map(|(_, theme)| theme.clone()).collect();
            out.list(format!("tilt.{tilt}"), of);
        }
        let columns = vec![
            tabulate::text("col.theme"),
            tabulate::number("col.run-up", "points(0)"),
            tabulate::number("col.rank", "pct(0)"),
            tabulate::number("col.correlation", "num(2)"),
            tabulate::number("col.rank", "pct(0)"),
            tabulate::text("col.tilt"),
        ];
        out.table(Table { id: "positioning".to_owned(), columns, rows, sources: panel.sources() });
        let chart = work.chart(path, out);
        out.chart(chart);
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

/// The names followed with the parameters they are looked at by.
struct Work<'a> {
    params: &'a Params,
    panel: &'a Panel<'a>,
}

impl Work<'_> {
    /// Run-up and correlation of one theme, each with its place in its own past; returns what the rule makes of them.
    fn proposal(&self, theme: &ThemeId, members: &[&Member], out: &mut Output<'_>) -> &'static str {
        let (params, panel) = (self.params, self.panel);
        let base = out.id(theme);
        let id = |part: &str| format!("{base}.{part}");
        let inputs: Vec<String> = members.iter().map(|member| member.symbol.to_string()).collect();
        let history = run_ups(panel, members, params.run_up);
        let (half, quarter) = (panel.trailing(params.run_up), panel.trailing(params.crowding));
        let figure = |part: &str, value, unit, statistic, window: &Range<usize>| {
            panel.figure(id(part), value, unit, statistic, window).firms(members.len()).inputs(inputs.clone())
        };
        let now = history.last().copied().flatten();
        let value =
            now.ok_or(reason::Missing::TooFew { what: "closing prices", have: 0, need: params.run_up });
        let index = panel.benchmark.symbol.to_string();
        let both = inputs.iter().cloned().chain([index]).collect::<Vec<_>>();
        let place = percentile(&history, params.history);
        out.add(figure("run_up", value, Unit::Points, "run_up", &half).inputs(both.clone()));
        out.add(figure("run_up.place", place.clone(), Unit::Ratio, "percentile", &half).inputs(both));
        let returns: Vec<Vec<Option<f64>>> = members.iter().map(|member| member.returns()).collect();
        let own = correlation(&returns, &quarter);
        let past: Vec<Option<f64>> = self.path(members).into_iter().map(|(_, value)| value).collect();
        let crowded = own.clone().and_then(|_| percentile(&past, params.history / params.step));
        out.add(figure("correlation", own, Unit::Correlation, "mean_pairwise_correlation", &quarter));
        out.add(figure("correlation.place", crowded.clone(), Unit::Ratio, "percentile", &quarter));
        params.tilt(place.ok(), crowded.ok())
    }

    /// The rule's numbers, so that the text can state them.
    fn constants(&self, out: &mut Output<'_>) {
        let (params, whole) = (self.params, 0..self.panel.dates.len());
        let numbers = [
            ("high", params.high, Unit::Ratio),
            ("low", params.low, Unit::Ratio),
            ("crowded", params.crowded, Unit::Correlation),
            ("run-up", params.run_up as f64, Unit::Count),
            ("crowding", params.crowding as f64, Unit::Count),
        ];
        for (name, value, unit) in numbers {
            let id = out.id(format!("param.{name}"));
            out.add(self.panel.figure(id, Ok(value), unit, "config", &whole).inputs(["rule"]));
        }
    }

    /// Mean pairwise correlation of the whole sample, its place in its history, and the first eigenvalue's share.
    fn crowding(&self, path: &[(usize, Option<f64>)], out: &mut Output<'_>) {
        let (params, panel) = (self.params, self.panel);
        let window = panel.trailing(params.crowding);
        let returns: Vec<Vec<Option<f64>>> = panel.sample.iter().map(Member::returns).collect();
        let correlation = correlation(&returns, &window);
        let history: Vec<Option<f64>> = path.iter().map(|(_, correlation)| *correlation).collect();
        // The path holds one session of each step: the history that a percentile needs shrinks alike.
        let place = percentile(&history, params.history / params.step);
        let inputs: Vec<String> = panel.sample.iter().map(|member| member.symbol.to_string()).collect();
        let base = out.id("crowding");
        let figure = |part: &str, value, unit, statistic| {
            panel
                .figure(format!("{base}.{part}"), value, unit, statistic, &window)
                .firms(inputs.len())
                .inputs(inputs.clone())
        };
        out.add(figure("correlation", correlation, Unit::Correlation, "mean_pairwise_correlation"));
        out.add(figure("place", place, Unit::Ratio, "percentile"));
        let slices: Vec<&[Option<f64>]> = returns.iter().map(|series| &series[window.clone()]).collect();
        let share = complete_rows(&slices)
            .and_then(|rows| absorption_ratio(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>(), 1));
        out.add(figure("first_share", share, Unit::Ratio, "absorption_ratio"));
    }

    /// Mean pairwise correlation of some names on one session of each step, ending today.
    fn path(&self, members: &[&Member]) -> Vec<(usize, Option<f64>)> {
        let (window, step) = (self.params.crowding, self.params.step);
        let returns: Vec<Vec<Option<f64>>> = members.iter().map(|member| member.returns()).collect();
        let last = self.panel.dates.len();
        let mut ends: Vec<usize> = (window + 1..=last).rev().step_by(step).collect();
        ends.reverse();
        ends.into_iter().map(|end| (end - 1, correlation(&returns, &(end - window..end)).ok())).collect()
    }

    fn chart(&self, points: Vec<(usize, Option<f64>)>, out: &Output<'_>) -> Chart {
        let panel = self.panel;
        Chart::Lines {
            id: out.id("crowding"),
            x: Axis::Dates(points.iter().map(|(row, _)| panel.dates[*row]).collect()),
            lines: vec![Line {
                label: "chart.crowding.line".to_owned(),
                translate: true,
                values: points.into_iter().map(|(_, value)| value).collect(),
                group: self.params.color.as_ref().map_or_else(String::new, ToString::to_string),
                strong: true,
            }],
            sources: panel.sources(),
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

/// Change of a theme over the run-up window minus that of the benchmark, for every row that has one.
fn run_ups(panel: &Panel<'_>, members: &[&Member], sessions: usize) -> Vec<Option<f64>> {
    (0..panel.dates.len())
        .map(|row| {
            let range = (row + 1).checked_sub(sessions)?..row + 1;
            let index = panel.benchmark.change(&range)?;
            panel.basket(members, &range).ok().map(|change| change - index)
        })
        .collect()
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
        assert_eq!(Params::default().tilt(Some(0.9), Some(0.9)), "trim");
        assert_eq!(Params::default().tilt(Some(0.9), Some(0.5)), "hold");
        assert_eq!(Params::default().tilt(Some(0.1), Some(0.1)), "add");
        assert_eq!(Params::default().tilt(None, Some(0.9)), "unknown");
    }

    #[test]
    fn a_percentile_counts_what_was_lower() {
        let rising: Vec<Option<f64>> = (0..600).map(|i| Some(f64::from(i))).collect();
        assert_eq!(percentile(&rising, 504), Ok(1.0));
        assert!(percentile(&rising[..100], 504).is_err());
    }
}
