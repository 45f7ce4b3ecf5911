//! Data: the files read and the guards that fired.

use crate::{Context, Desk, Outcome, panel, tabulate};
use anyhow::Result;
use shockbrief_core::{Cell, Figure, Findings, Notice, Row, Table, Unit};
use std::collections::{BTreeMap, BTreeSet};

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

/// One row per guard: whom it concerned, how many rows, from when to when.
fn notices_table(desk: &Desk<'_>, findings: &mut Findings) -> Table {
    let columns = vec![
        tabulate::text("col.guard"),
        tabulate::text("col.names"),
        tabulate::number("col.rows", "int"),
        tabulate::number("col.first", "date"),
        tabulate::number("col.last", "date"),
    ];
    let mut guards: BTreeMap<&str, Vec<&Notice>> = BTreeMap::new();
    for notice in &desk.data.notices {
        guards.entry(&notice.guard).or_default().push(notice);
    }
    let rows =
        guards.into_iter().map(|(guard, notices)| guard_row(desk, guard, &notices, findings)).collect();
    Table { id: "notices".to_owned(), columns, rows, sources: Vec::new() }
}

fn guard_row(desk: &Desk<'_>, guard: &str, notices: &[&Notice], findings: &mut Findings) -> Row {
    let names: BTreeSet<String> = notices.iter().map(|notice| whom(desk, notice)).collect();
    let inputs: Vec<String> = notices.iter().map(|notice| subject(notice)).collect();
    let rows: usize = notices.iter().map(|notice| notice.rows).sum();
    let id = |part: &str| format!("notice.{guard}.{part}");
    let rows = Figure::new(id("rows"), rows as f64, Unit::Count, guard, desk.as_of).inputs(inputs.clone());
    let mut cells = vec![
        Cell::Label(format!("guard.{guard}")),
        Cell::Text(names.into_iter().collect::<Vec<_>>().join(", ")),
        Cell::Figure(findings.add(rows)),
    ];
    let dates = || notices.iter().filter_map(|notice| notice.dates);
    let ends =
        [("first", dates().map(|(first, _)| first).min()), ("last", dates().map(|(_, last)| last).max())];
    cells.extend(ends.map(|(part, date)| match date {
        Some(date) => {
            Cell::Figure(findings.add(Figure::date(id(part), date, guard, desk.as_of).inputs(inputs.clone())))
        }
        None => Cell::Empty,
    }));
    Row::new(cells)
}

/// The symbol, or the file where a notice concerns all of it.
fn subject(notice: &Notice) -> String {
    if notice.symbol.as_str().is_empty() { notice.path.clone() } else { notice.symbol.to_string() }
}

/// The name of the instrument or the file, with what was assumed or changed.
fn whom(desk: &Desk<'_>, notice: &Notice) -> String {
    let name = match notice.symbol.as_str() {
        "" => notice.path.clone(),
        _ => panel::name(desk.universe, &notice.symbol),
    };
    if notice.detail.is_empty() { name } else { format!("{name} ({})", notice.detail.trim_end_matches('.')) }
}
