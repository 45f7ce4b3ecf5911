//! Changes: watched figures beside what the issue of the period before would have printed.

use crate::{Context, Outcome, tabulate};
use anyhow::Result;
use shockbrief_core::{Cell, Figure, Findings, Row, Table, Unit};

pub fn analyse(context: &Context<'_>, findings: &mut Findings) -> Result<Outcome> {
    let Some(previous) = context.desk.previous else { return Ok(Outcome::Absent("absent.no-previous")) };
    let as_of = context.desk.as_of;
    let mut rows = Vec::new();
    for (place, watched) in context.desk.report.watch.iter().enumerate() {
        let id = &watched.figure;
        let Some(now) = findings.figures.get(id).cloned() else { continue };
        let before = previous.figures.get(id).cloned();
        let before = Figure { id: format!("previous.{id}"), ..before.unwrap_or_else(|| unknown(&now)) };
        let change = match (now.number(), before.number()) {
            (Some(now), Some(before)) => Ok(now - before),
            _ => Err("one of the two issues has no value"),
        };
        let unit = if now.unit == Unit::Ratio { Unit::Points } else { now.unit };
        let change = Figure::from_result(format!("change.{id}"), change, unit, "difference", as_of)
            .inputs([id.clone(), before.id.clone()]);
        rows.push(Row::new(vec![
            Cell::Label(format!("watch.{place}")),
            Cell::Figure(before.id.clone()),
            Cell::Figure(id.clone()),
            Cell::Figure(change.id.clone()),
        ]));
        findings.add(before);
        findings.add(change);
    }
    if rows.is_empty() {
        return Ok(Outcome::Absent("absent.no-previous"));
    }
    let columns = vec![
        tabulate::text("col.figure"),
        tabulate::number("col.before", ""),
        tabulate::number("col.now", ""),
        tabulate::number("col.change", ""),
    ];
    let table = Table { id: "changes".to_owned(), columns, rows, sources: Vec::new() };
    findings.tables.insert("changes".to_owned(), table);
    Ok(Outcome::Ready)
}

fn unknown(now: &Figure) -> Figure {
    Figure::missing("", "not in the issue before", now.unit, &now.statistic, now.as_of)
}
