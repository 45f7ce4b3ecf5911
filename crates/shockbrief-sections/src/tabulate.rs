//! Small builders for tables.

use crate::Desk;
use shockbrief_core::{Align, Cell, Column, Figure, Findings, Row, Table};

/// A column of names.
pub fn text(header: &str) -> Column {
    Column { header: header.to_owned(), align: Align::Left, format: String::new() }
}

/// A column of figures printed by `format`.
pub fn number(header: &str, format: &str) -> Column {
    Column { header: header.to_owned(), align: Align::Decimal, format: format.to_owned() }
}

/// A row: a name, then the figures with these ids.
pub fn row(name: Cell, figures: impl IntoIterator<Item = String>) -> Row {
    Row::new(std::iter::once(name).chain(figures.into_iter().map(Cell::Figure)).collect())
}

/// Facts public by the as-of date, one per row: what, value, since when, where to read it.
pub fn facts(desk: &Desk<'_>, id: &str, facts: &[&str], format: &str, findings: &mut Findings) -> Table {
    let columns =
        vec![text("col.fact"), number("col.amount", format), number("col.known", "date"), text("col.source")];
    let known: Vec<_> =
        facts.iter().filter_map(|id| Some((*id, desk.facts.known(id, desk.as_of)?))).collect();
    notes(desk, id, facts, findings);
    let rows = known
        .into_iter()
        .map(|(id, fact)| {
            let date = Figure::date(format!("fact.{id}.known"), fact.known(), "fact", desk.as_of);
            Row::new(vec![
                Cell::Label(format!("fact.{id}")),
                Cell::Figure(format!("fact.{id}")),
                Cell::Figure(findings.add(date.inputs([format!("fact.{id}")]))),
                Cell::Text(fact.source.text.clone()),
            ])
        })
        .collect();
    Table { id: id.to_owned(), columns, rows, sources: Vec::new() }
}

/// Lists, as `<id>.notes`, those of the facts that carry a note: what is partial or only claimed is said in
/// words beside the table.
pub fn notes(desk: &Desk<'_>, id: &str, facts: &[&str], findings: &mut Findings) {
    let noted = |id: &&&str| desk.facts.known(id, desk.as_of).is_some_and(|fact| fact.note.is_some());
    let noted = facts.iter().filter(noted).map(|id| (*id).to_owned()).collect();
    findings.lists.insert(format!("{id}.notes"), noted);
}
