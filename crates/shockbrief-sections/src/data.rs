//! Data: the files read and the guards that fired.

use crate::{Context, Desk, Outcome, panel, tabulate};
use anyhow::Result;
use shockbrief_core::{Cell, Figure, Findings, Row, Table, Unit};

pub fn analyse(context: &Context<'_>, findings: &mut Findings) -> Result<Outcome> {
    record(&context.desk, findings);
    Ok(Outcome::Ready)
}

/// The tables of files and of guards.
pub fn record(desk: &Desk<'_>, findings: &mut Findings) {
    findings.tables.insert("inputs".to_owned(), inputs_table(desk));
    let notices = notices_table(desk, findings);
    findings.tables.insert("notices".to_owned(), notices);
}

fn inputs_table(desk: &Desk<'_>) -> Table {
    let columns =
        vec![tabulate::text("col.file"), tabulate::text("col.licence"), tabulate::text("col.digest")];
    let rows = desk
        .data
        .inputs
        .iter()
        .map(|input| {
            Row::new(
                [input.path.clone(), input.licence.clone(), input.sha256.chars().take(12).collect()]
                    .map(Cell::Text)
                    .to_vec(),
            )
        })
        .collect();
    Table { id: "inputs".to_owned(), columns, rows, sources: Vec::new() }
}

fn notices_table(desk: &Desk<'_>, findings: &mut Findings) -> Table {
    let columns = vec![
        tabulate::text("col.guard"),
        tabulate::text("col.name"),
        tabulate::number("col.rows", "int"),
        tabulate::number("col.first", "date"),
        tabulate::number("col.last", "date"),
    ];
    let as_of = desk.as_of;
    let rows = desk
        .data
        .notices
        .iter()
        .enumerate()
        .map(|(i, notice)| {
            let id = |part: &str| format!("notice.{}.{part}", i + 1);
            let inputs = [notice.symbol.to_string()];
            let rows = findings.add(
                Figure::new(id("rows"), notice.rows as f64, Unit::Count, &notice.guard, as_of)
                    .inputs(inputs.clone()),
            );
            let mut cells = vec![
                Cell::Label(format!("guard.{}", notice.guard)),
                Cell::Text(panel::name(desk.universe, &notice.symbol)),
                Cell::Figure(rows),
            ];
            for (part, date) in
                [("first", notice.dates.map(|dates| dates.0)), ("last", notice.dates.map(|dates| dates.1))]
            {
                cells.push(match date {
                    Some(date) => Cell::Figure(
                        findings
                            .add(Figure::date(id(part), date, &notice.guard, as_of).inputs(inputs.clone())),
                    ),
                    None => Cell::Empty,
                });
            }
            Row::new(cells)
        })
        .collect();
    Table { id: "notices".to_owned(), columns, rows, sources: Vec::new() }
}
