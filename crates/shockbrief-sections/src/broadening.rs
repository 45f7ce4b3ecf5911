//! Broadening: whether gains pass from hardware to those who use it, and how many names share in them.

use crate::{
    Context, Outcome,
    panel::{Member, Panel},
    tabulate,
};
use anyhow::Result;
use shockbrief_analytics::{distributions::student_two_sided, moments, reason};
use shockbrief_core::{
    Cell, Chart, Findings, Row, Table, ThemeId, Unit,
    findings::{Axis, Line},
};
use std::ops::Range;

/// The theme that the others are measured against.
const ORIGIN: &str = "compute";
/// Windows in sessions over which rotation is measured.
const WINDOWS: [usize; 3] = [21, 63, 126];
/// The lead over six months at which the case for the origin is reviewed.
const TRIGGER: f64 = 0.2;
/// Sessions of the average that a price stands above or below.
const AVERAGE: usize = 50;
/// Sessions drawn.
const DRAWN: usize = 252;

pub fn analyse(context: &Context<'_>, findings: &mut Findings) -> Result<Outcome> {
    let Some(panel) = &context.panel else { return Ok(Outcome::Absent("absent.no-panel")) };
    if panel.dates.len() <= WINDOWS[2] + AVERAGE {
        return Ok(Outcome::Absent("absent.no-history"));
    }
    let themes = panel.themes();
    let Some((_, origin)) = themes.iter().find(|(id, _)| id.as_str() == ORIGIN) else {
        return Ok(Outcome::Absent("absent.no-panel"));
    };
    let others: Vec<&(&ThemeId, Vec<&Member>)> =
        themes.iter().filter(|(id, _)| id.as_str() != ORIGIN).collect();
    let mut rows = Vec::new();
    for (theme, members) in &others {
        rows.push(rotation(panel, theme, members, origin, findings));
    }
    let mut columns = vec![tabulate::text("col.theme")];
    columns.extend(WINDOWS.map(|window| tabulate::number(&format!("horizon.{window}"), "points(1)")));
    columns.push(tabulate::number("col.without-one", "points(1)"));
    columns.push(tabulate::number("col.drift-t", "stat(1)"));
    columns.push(tabulate::number("col.p", "pval"));
    let table = Table { id: "rotation".to_owned(), columns, rows, sources: panel.sources() };
    findings.tables.insert("rotation".to_owned(), table);
    breadth(panel, findings);
    let half = panel.trailing(WINDOWS[2]);
    let rule = |id: &str, value, unit| panel.figure(id, Ok(value), unit, "config", &half).inputs(["rule"]);
    findings.add(rule("rule.rotation.points", TRIGGER, Unit::Points));
    findings.add(rule("rule.rotation.sessions", WINDOWS[2] as f64, Unit::Sessions));
    findings.charts.insert("breadth".to_owned(), chart(panel));
    Ok(Outcome::Ready)
}

/// A theme against the origin: differences over the windows, the same without the member that matters most, and the t
/// of the mean daily difference.
fn rotation(
    panel: &Panel<'_>,
    theme: &ThemeId,
    members: &[&Member],
    origin: &[&Member],
    findings: &mut Findings,
) -> Row {
    let id = |part: &str| format!("rotation.{theme}.{part}");
    let inputs: Vec<String> = members.iter().chain(origin).map(|member| member.symbol.to_string()).collect();
    for window in WINDOWS {
        let range = panel.trailing(window);
        let gap = |members: &[&Member]| Ok(panel.basket(members, &range)? - panel.basket(origin, &range)?);
        let part = format!("h{window}");
        let figure = panel.figure(id(&part), gap(members), Unit::Points, "held_basket_difference", &range);
        findings.add(figure.firms(members.len()).inputs(inputs.clone()));
        // The other weighting: set back to equal weights at every close.
        let daily = |members: &[&Member]| -> reason::Outcome<f64> {
            let grown = panel.daily(members)[range.clone()]
                .iter()
                .copied()
                .map(|r| Some(1.0 + r?))
                .product::<Option<f64>>();
            grown
                .map(|grown| grown - 1.0)
                .ok_or(reason::Missing::Incomplete { what: "returns of the window" })
        };
        let rebalanced = daily(members).and_then(|a| Ok(a - daily(origin)?));
        let figure = panel.figure(
            id(&format!("{part}.daily")),
            rebalanced,
            Unit::Points,
            "daily_basket_difference",
            &range,
        );
        findings.add(figure.firms(members.len()).inputs(inputs.clone()));
        let least = panel.without_one(members, gap);
        let value = least.as_ref().map(|(value, _)| *value).map_err(Clone::clone);
        let without = id(&format!("{part}.without"));
        let figure = panel.figure(without.clone(), value, Unit::Points, "leave_one_out", &range);
        findings.add(figure.firms(members.len()).inputs(inputs.clone()));
        if let Ok((_, member)) = least {
            findings.lists.insert(without, vec![panel.name(&member.symbol)]);
        }
    }
    let range = panel.trailing(WINDOWS[2]);
    let difference = daily_difference(panel, members, origin, &range);
    let figure = |value| panel.figure(id("t"), value, Unit::Statistic, "mean_difference_t", &range);
    let figure = match drift(&difference) {
        Ok((t, df)) => {
            let p = student_two_sided(t, df).unwrap_or(f64::NAN);
            figure(Ok(t)).df([df]).p(p).n(difference.len())
        }
        Err(reason) => figure(Err(reason)),
    };
    findings.add(figure.inputs(inputs));
    let long = format!("h{}", WINDOWS[2]);
    let parts = WINDOWS.map(|window| format!("h{window}"));
    let parts = parts.into_iter().chain([format!("{long}.without"), "t".to_owned()]);
    let mut row = tabulate::row(Cell::Label(format!("theme.{theme}")), parts.map(|part| id(&part)));
    row.cells.push(Cell::P(id("t")));
    row
}

/// Daily differences of the two baskets of a window, each bought at its start and held.
fn daily_difference(
    panel: &Panel<'_>,
    members: &[&Member],
    origin: &[&Member],
    range: &Range<usize>,
) -> Vec<f64> {
    let (a, b) = (panel.course(members, range).returns(), panel.course(origin, range).returns());
    a.into_iter().zip(b).filter_map(|(a, b)| Some(a? - b?)).collect()
}

/// t of the mean of independent differences, n - 1 degrees of freedom.
fn drift(x: &[f64]) -> reason::Outcome<(f64, f64)> {
    let n = x.len() as f64;
    let sd = moments::positive_sd(x, "the daily difference")?;
    Ok((moments::mean(x)? / (sd / n.sqrt()), n - 1.0))
}

/// Share of names above their average of fifty sessions.
fn share_above(panel: &Panel<'_>, row: usize) -> Option<f64> {
    let mut known = 0_usize;
    let mut above = 0_usize;
    for member in &panel.sample {
        let window = member.prices.get((row + 1).checked_sub(AVERAGE)?..=row)?;
        let prices: Option<Vec<f64>> = window.iter().copied().collect();
        let Some(prices) = prices else { continue };
        known += 1;
        let mean = prices.iter().sum::<f64>() / prices.len() as f64;
        above += usize::from(prices[prices.len() - 1] > mean);
    }
    (known > 0).then(|| above as f64 / known as f64)
}

fn breadth(panel: &Panel<'_>, findings: &mut Findings) {
    let last = panel.dates.len() - 1;
    let missing = || reason::Missing::TooFew { what: "names with prices", have: 0, need: 1 };
    let range = panel.trailing(AVERAGE);
    let now = share_above(panel, last).ok_or_else(missing);
    let inputs: Vec<String> = panel.sample.iter().map(|member| member.symbol.to_string()).collect();
    let figure = |id: &str, value, unit, statistic| {
        panel.figure(id, value, unit, statistic, &range).firms(inputs.len()).inputs(inputs.clone())
    };
    findings.add(figure("breadth.now", now, Unit::Ratio, "breadth"));
    let start = panel.period.start.checked_sub(1);
    let before = start.and_then(|row| share_above(panel, row)).ok_or_else(missing);
    findings.add(figure("breadth.before", before, Unit::Ratio, "breadth"));
    let sessions = Ok(AVERAGE as f64);
    findings.add(figure("breadth.sessions", sessions, Unit::Count, "config"));
}

fn chart(panel: &Panel<'_>) -> Chart {
    let rows = panel.trailing(DRAWN);
    Chart::Lines {
        id: "breadth".to_owned(),
        x: Axis::Dates(panel.dates[rows.clone()].to_vec()),
        lines: vec![Line {
            label: "chart.breadth.line".to_owned(),
            translate: true,
            values: rows.map(|row| share_above(panel, row)).collect(),
            group: "software".to_owned(),
            strong: true,
        }],
        sources: panel.sources(),
        statistic: "breadth".to_owned(),
    }
}
