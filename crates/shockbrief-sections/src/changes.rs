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
            _ if restarted(&now, &before) => Err("the year to date began anew between the two issues"),
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

/// Whether two values to date are counted from the starts of two different years, so that their difference is none.
fn restarted(now: &Figure, before: &Figure) -> bool {
    let year = |figure: &Figure| figure.span.map(|(first, _)| first.year());
    now.id.ends_with(".year")
        && matches!((year(now), year(before)), (Some(now), Some(before)) if now != before)
}

fn unknown(now: &Figure) -> Figure {
    Figure::missing("", "not in the issue before", now.unit, &now.statistic, now.as_of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_year_to_date_is_not_subtracted_from_another_years() {
        let figure = |id: &str, year: i16| {
            let first = date(year, 1, 2);
            Figure::new(id, 0.1, Unit::Ratio, "held_basket", first).span(first, date(year, 1, 31))
        };
        let id = "theme.compute.return.year";
        assert!(restarted(&figure(id, 2025), &figure(id, 2024)));
        assert!(!restarted(&figure(id, 2025), &figure(id, 2025)));
        assert!(!restarted(
            &figure("theme.compute.return.half", 2025),
            &figure("theme.compute.return.half", 2024)
        ));
    }
}
