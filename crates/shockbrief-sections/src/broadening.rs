//! Broadening: whether gains pass from hardware to those who use it, and how many names share in them.

use crate::{
    Context, Outcome,
    panel::{Member, Panel},
    tabulate,
};
use anyhow::Result;
use shockbrief_analytics::{moments, reason};
use shockbrief_core::{
    Cell, Chart, Findings, Row, Table, ThemeId, Unit,
    findings::{Axis, Line},
};
use std::ops::Range;

/// The theme that the others are measured against.
const ORIGIN: &str = "compute";
/// Windows in sessions over which rotation is measured.
const WINDOWS: [usize; 3] = [21, 63, 126];
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
    columns.push(tabulate::number("col.drift-t", "stat(1)"));
    let table = Table { id: "rotation".to_owned(), columns, rows, sources: panel.sources() };
    findings.tables.insert("rotation".to_owned(), table);
    breadth(panel, findings);
    findings.charts.insert("breadth".to_owned(), chart(panel));
    Ok(Outcome::Ready)
}

/// A theme against the origin: differences over the windows and the t of the mean daily difference.
fn rotation(
    panel: &Panel<'_>,
    theme: &ThemeId,
    members: &[&Member],
    origin: &[&Member],
    findings: &mut Findings,
) -> Row {
    let id = |part: &str| format!("rotation.{theme}.{part}");
    for window in WINDOWS {
        let range = panel.trailing(window);
        let value = panel.basket(members, &range).and_then(|a| Ok(a - panel.basket(origin, &range)?));
        let part = id(&format!("h{window}"));
        findings.add(panel.figure(part, value, Unit::Points, "basket_difference", &range));
    }
    let range = panel.trailing(WINDOWS[2]);
    let difference = daily_difference(panel, members, origin, &range);
    findings.add(match drift(&difference) {
        Ok((t, df)) => panel.figure(id("t"), Ok(t), Unit::Statistic, "mean_difference_t", &range).df([df]),
        Err(reason) => panel.figure(id("t"), Err(reason), Unit::Statistic, "mean_difference_t", &range),
    });
    let parts = WINDOWS.map(|window| format!("h{window}"));
    tabulate::row(
        Cell::Label(format!("theme.{theme}")),
        parts.iter().map(String::as_str).chain(["t"]).map(id),
    )
}

fn daily_difference(
    panel: &Panel<'_>,
    members: &[&Member],
    origin: &[&Member],
    range: &Range<usize>,
) -> Vec<f64> {
    let (a, b) = (panel.daily(members), panel.daily(origin));
    range.clone().filter_map(|row| Some(a[row]? - b[row]?)).collect()
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
    findings.add(panel.figure("breadth.now", now, Unit::Ratio, "breadth", &range));
    let start = panel.period.start.checked_sub(1);
    let before = start.and_then(|row| share_above(panel, row)).ok_or_else(missing);
    findings.add(panel.figure("breadth.before", before, Unit::Ratio, "breadth", &range));
    let sessions = Ok(AVERAGE as f64);
    findings.add(panel.figure("breadth.sessions", sessions, Unit::Count, "config", &range));
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
