//! Positioning: how far each theme has run, how much names move together, and the tilt that a stated rule
//! makes of it.

use crate::{
    Context, Outcome,
    panel::{Member, Panel},
    tabulate,
};
use anyhow::Result;
use shockbrief_analytics::{
    contagion::{absorption_ratio, complete_rows, mean_correlation},
    reason,
};
use shockbrief_core::{
    Cell, Chart, Findings, Table, ThemeId, Unit,
    findings::{Axis, Line},
};
use std::ops::Range;

/// Sessions of the run-up: half a year.
const RUN_UP: usize = 126;
/// Sessions of the crowding measures.
const CROWDING: usize = 63;
/// History that a percentile needs: two years of sessions beyond the window itself.
const HISTORY: usize = 504;
/// The rule: trim where run-up and crowding both stand above this share of their own history.
const HIGH: f64 = 0.8;
/// ... and add where both stand below this one.
const LOW: f64 = 0.2;
/// Mean correlation of the sample above which selling one name is selling all of them.
const CROWDED: f64 = 0.6;
/// Every fifth session is drawn.
const STEP: usize = 5;

pub fn analyse(context: &Context<'_>, findings: &mut Findings) -> Result<Outcome> {
    let Some(panel) = &context.panel else { return Ok(Outcome::Absent("absent.no-panel")) };
    if panel.dates.len() <= RUN_UP {
        return Ok(Outcome::Absent("absent.no-history"));
    }
    constants(panel, findings);
    let path = path(panel, &panel.sample.iter().collect::<Vec<_>>());
    crowding(panel, &path, findings);
    for tilt in ["trim", "hold", "add", "unknown"] {
        findings.lists.entry(format!("tilt.{tilt}")).or_default();
    }
    let mut rows = Vec::new();
    for (theme, members) in panel.themes() {
        let tilt = proposal(panel, theme, &members, findings);
        findings.lists.entry(format!("tilt.{tilt}")).or_default().push(theme.to_string());
        let parts = ["run_up", "run_up.place", "correlation", "correlation.place"];
        let figures = parts.map(|part| format!("theme.{theme}.{part}"));
        let mut row = tabulate::row(Cell::Label(format!("theme.{theme}")), figures);
        row.cells.push(Cell::Label(format!("tilt.{tilt}")));
        rows.push(row);
    }
    let columns = vec![
        tabulate::text("col.theme"),
        tabulate::number("col.run-up", "points(0)"),
        tabulate::number("col.rank", "pct(0)"),
        tabulate::number("col.correlation", "num(2)"),
        tabulate::number("col.rank", "pct(0)"),
        tabulate::text("col.tilt"),
    ];
    let table = Table { id: "positioning".to_owned(), columns, rows, sources: panel.sources() };
    findings.tables.insert("positioning".to_owned(), table);
    findings.charts.insert("crowding".to_owned(), chart(panel, path));
    Ok(Outcome::Ready)
}

/// Run-up and correlation of one theme, each with its place in its own past; returns what the rule makes of them.
fn proposal(
    panel: &Panel<'_>,
    theme: &ThemeId,
    members: &[&Member],
    findings: &mut Findings,
) -> &'static str {
    let id = |part: &str| format!("theme.{theme}.{part}");
    let inputs: Vec<String> = members.iter().map(|member| member.symbol.to_string()).collect();
    let history = run_ups(panel, members);
    let (half, quarter) = (panel.trailing(RUN_UP), panel.trailing(CROWDING));
    let figure = |part: &str, value, unit, statistic, window: &Range<usize>| {
        panel.figure(id(part), value, unit, statistic, window).firms(members.len()).inputs(inputs.clone())
    };
    let now = history.last().copied().flatten();
    let value = now.ok_or(reason::Missing::TooFew { what: "closing prices", have: 0, need: RUN_UP });
    let index = panel.benchmark.symbol.to_string();
    let both = inputs.iter().cloned().chain([index]).collect::<Vec<_>>();
    let place = percentile(&history, HISTORY);
    findings.add(figure("run_up", value, Unit::Points, "run_up", &half).inputs(both.clone()));
    findings.add(figure("run_up.place", place.clone(), Unit::Ratio, "percentile", &half).inputs(both));
    let returns: Vec<Vec<Option<f64>>> = members.iter().map(|member| member.returns()).collect();
    let own = correlation(&returns, &quarter);
    let past: Vec<Option<f64>> = path(panel, members).into_iter().map(|(_, value)| value).collect();
    let crowded = own.clone().and_then(|_| percentile(&past, HISTORY / STEP));
    findings.add(figure("correlation", own, Unit::Correlation, "mean_pairwise_correlation", &quarter));
    findings.add(figure("correlation.place", crowded.clone(), Unit::Ratio, "percentile", &quarter));
    tilt(place.ok(), crowded.ok())
}

/// The rule's numbers, so that the text can state them.
fn constants(panel: &Panel<'_>, findings: &mut Findings) {
    let whole = 0..panel.dates.len();
    let number =
        |id: &str, value: f64, unit| panel.figure(id, Ok(value), unit, "config", &whole).inputs(["rule"]);
    findings.add(number("rule.tilt.high", HIGH, Unit::Ratio));
    findings.add(number("rule.tilt.low", LOW, Unit::Ratio));
    findings.add(number("rule.crowding.correlation", CROWDED, Unit::Correlation));
    findings.add(number("rule.run_up.sessions", RUN_UP as f64, Unit::Count));
    findings.add(number("rule.crowding.sessions", CROWDING as f64, Unit::Count));
}

/// Trim, add or hold; without a percentile no tilt is proposed.
fn tilt(run_up: Option<f64>, crowding: Option<f64>) -> &'static str {
    match (run_up, crowding) {
        (Some(run_up), Some(crowding)) if run_up > HIGH && crowding > HIGH => "trim",
        (Some(run_up), Some(crowding)) if run_up < LOW && crowding < LOW => "add",
        (Some(_), Some(_)) => "hold",
        _ => "unknown",
    }
}

/// Change of a theme over the run-up window minus that of the benchmark, for every row that has one.
fn run_ups(panel: &Panel<'_>, members: &[&Member]) -> Vec<Option<f64>> {
    (0..panel.dates.len())
        .map(|row| {
            let range = (row + 1).checked_sub(RUN_UP)?..row + 1;
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

/// Mean pairwise correlation of the whole sample, its place in its history, and the first eigenvalue's share.
fn crowding(panel: &Panel<'_>, path: &[(usize, Option<f64>)], findings: &mut Findings) {
    let window = panel.trailing(CROWDING);
    let returns: Vec<Vec<Option<f64>>> = panel.sample.iter().map(Member::returns).collect();
    let correlation = correlation(&returns, &window);
    let history: Vec<Option<f64>> = path.iter().map(|(_, correlation)| *correlation).collect();
    // The path holds every fifth session: the history that a percentile needs shrinks alike.
    let place = percentile(&history, HISTORY / STEP);
    let inputs: Vec<String> = panel.sample.iter().map(|member| member.symbol.to_string()).collect();
    let figure = |id: &str, value, unit, statistic| {
        panel.figure(id, value, unit, statistic, &window).firms(inputs.len()).inputs(inputs.clone())
    };
    findings.add(figure("crowding.correlation", correlation, Unit::Correlation, "mean_pairwise_correlation"));
    findings.add(figure("crowding.place", place, Unit::Ratio, "percentile"));
    let slices: Vec<&[Option<f64>]> = returns.iter().map(|series| &series[window.clone()]).collect();
    let share = complete_rows(&slices)
        .and_then(|rows| absorption_ratio(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>(), 1));
    findings.add(figure("crowding.first_share", share, Unit::Ratio, "absorption_ratio"));
}

fn correlation(returns: &[Vec<Option<f64>>], rows: &Range<usize>) -> reason::Outcome<f64> {
    let complete: Vec<Vec<f64>> =
        returns.iter().filter_map(|series| series[rows.clone()].iter().copied().collect()).collect();
    mean_correlation(&complete.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// Mean pairwise correlation of some names on every fifth session, ending today.
fn path(panel: &Panel<'_>, members: &[&Member]) -> Vec<(usize, Option<f64>)> {
    let returns: Vec<Vec<Option<f64>>> = members.iter().map(|member| member.returns()).collect();
    let last = panel.dates.len();
    let mut ends: Vec<usize> = (CROWDING + 1..=last).rev().step_by(STEP).collect();
    ends.reverse();
    ends.into_iter().map(|end| (end - 1, correlation(&returns, &(end - CROWDING..end)).ok())).collect()
}

fn chart(panel: &Panel<'_>, points: Vec<(usize, Option<f64>)>) -> Chart {
    Chart::Lines {
        id: "crowding".to_owned(),
        x: Axis::Dates(points.iter().map(|(row, _)| panel.dates[*row]).collect()),
        lines: vec![Line {
            label: "chart.crowding.line".to_owned(),
            translate: true,
            values: points.into_iter().map(|(_, value)| value).collect(),
            group: "compute".to_owned(),
            strong: true,
        }],
        sources: panel.sources(),
        statistic: "mean_pairwise_correlation".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_needs_both_signs() {
        assert_eq!(tilt(Some(0.9), Some(0.9)), "trim");
        assert_eq!(tilt(Some(0.9), Some(0.5)), "hold");
        assert_eq!(tilt(Some(0.1), Some(0.1)), "add");
        assert_eq!(tilt(None, Some(0.9)), "unknown");
    }

    #[test]
    fn a_percentile_counts_what_was_lower() {
        let rising: Vec<Option<f64>> = (0..600).map(|i| Some(f64::from(i))).collect();
        assert_eq!(percentile(&rising, 504), Ok(1.0));
        assert!(percentile(&rising[..100], 504).is_err());
    }
}
