//! Tables: from rows that point at figures to Typst rows; the page design decides how they look.
//!
//! A column prints through one filter, with one number of decimals and one scale, so that figures set
//! flush right in tabular digits align on the decimal mark.

use crate::engine::{Scope, optional, phrase, source_line, string, unknown};
use crate::escape;
use crate::figures::{Handle, refuse};
use crate::format::{Filter, Format, Place, Scale};
use crate::typography;
use minijinja::{Error, State};
use shockbrief_core::{Align, Cell, Column, Figure, Row, Table, Unit};

/// The Typst source of a table.
pub(crate) fn typst(state: &State, scope: &Scope, table: &Table) -> Result<String, Error> {
    let key = format!("table.{}", table.id);
    let mut lines = vec![
        "#data-table(".to_owned(),
        format!("  id: {},", escape::literal(&table.id)),
        format!("  caption: [{}],", string(state, scope, &format!("{key}.caption"))?),
    ];
    if let Some(note) = optional(state, scope, &format!("{key}.note"))? {
        lines.push(format!("  note: [{note}],"));
    }
    if !table.sources.is_empty() {
        lines.push(format!("  source: [{}],", source_line(state, scope, &key, &table.sources)?));
    }
    let formats = formats(scope, table)?;
    lines.push(format!("  columns: ({}),", widths(scope, table, &formats).join(" ")));
    lines.push(format!("  align: ({}),", each(&table.columns, |c| align(c.align).to_owned())));
    let mut headers = Vec::new();
    for column in &table.columns {
        headers.push(format!("[{}],", header(state, scope, &column.header)?));
    }
    lines.push(format!("  header: ({}),", headers.join(" ")));
    lines.push("  rows: (".to_owned());
    for row in &table.rows {
        lines.push(format!("    {},", self::row(state, scope, table, row, &formats)?));
    }
    lines.push("  ),\n)".to_owned());
    Ok(lines.join("\n"))
}

fn each(columns: &[Column], text: impl Fn(&Column) -> String) -> String {
    columns.iter().map(|column| format!("{},", text(column))).collect::<Vec<_>>().join(" ")
}

fn align(align: Align) -> &'static str {
    match align {
        Align::Left => "left",
        Align::Decimal => "right",
        Align::Center => "center",
    }
}

/// Headers of the columns whose texts are quoted from sources, in English whatever the brief's language.
const QUOTED: [&str; 3] = ["col.licence", "col.source", "col.citation"];

/// Characters that fit side by side over the width of a page.
const ROOM: usize = 96;

/// Text up to this length is never wrapped.
const SHORT: usize = 26;

/// Shares of the width by longest content; where all does not fit side by side, columns of figures and of
/// short texts take what they need and long texts wrap.
fn widths(scope: &Scope, table: &Table, formats: &[Option<Format>]) -> Vec<String> {
    let needs: Vec<usize> =
        (0..table.columns.len()).map(|index| need(scope, table, index, formats)).collect();
    let fits = needs.iter().sum::<usize>() <= ROOM;
    let width = |(column, need): (&Column, &usize)| match column.align {
        Align::Decimal | Align::Center if !fits => "auto,".to_owned(),
        Align::Left if !fits && *need <= SHORT => "auto,".to_owned(),
        _ => format!("{need}fr,"),
    };
    table.columns.iter().zip(&needs).map(width).collect()
}

/// The longest content of a column in characters, padding included.
fn need(scope: &Scope, table: &Table, index: usize, formats: &[Option<Format>]) -> usize {
    let header = scope.strings.get(&table.columns[index].header);
    let word = header.map_or(0, |text| text.split(' ').map(|word| word.chars().count()).max().unwrap_or(0));
    let format = formats.get(index).copied().flatten();
    let cells = table.rows.iter().filter_map(|row| row.cells.get(index)).map(|cell| match cell {
        Cell::Text(text) => text.chars().count(),
        Cell::Label(key) => scope.strings.get(key).map_or(8, |text| text.chars().count()),
        Cell::Figure(id) => {
            figure(scope, id).and_then(|f| print(scope, f, format)).map_or(8, |t| t.chars().count())
        }
        Cell::P(_) => 7,
        Cell::Empty => 1,
    });
    cells.max().unwrap_or(1).max(word).clamp(4, 60) + 3
}

fn header(state: &State, scope: &Scope, key: &str) -> Result<String, Error> {
    if key.is_empty() { Ok(String::new()) } else { string(state, scope, key) }
}

/// The format of each column; money takes the scale that fits its largest amount.
fn formats(scope: &Scope, table: &Table) -> Result<Vec<Option<Format>>, Error> {
    table
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            if column.format.is_empty() {
                return Ok(None);
            }
            let mut format = Format::parse(&column.format).map_err(refuse)?;
            if format.filter == Filter::Money && format.scale.is_none() {
                let largest = table
                    .rows
                    .iter()
                    .filter_map(|row| match row.cells.get(index) {
                        Some(Cell::Figure(id)) => scope.findings.number(id),
                        _ => None,
                    })
                    .fold(0.0_f64, |most, value| most.max(value.abs()));
                format.scale = Some(Scale::fitting(largest, &scope.locale));
            }
            Ok(Some(format))
        })
        .collect()
}

fn row(
    state: &State,
    scope: &Scope,
    table: &Table,
    row: &Row,
    formats: &[Option<Format>],
) -> Result<String, Error> {
    let mut cells = Vec::new();
    for (index, cell) in row.cells.iter().enumerate() {
        let header = table.columns.get(index).map(|column| column.header.as_str());
        let text = match cell {
            Cell::Text(text) if header.is_some_and(|header| QUOTED.contains(&header)) => {
                let text = typography::plain(text, typography::Rules::English);
                phrase(scope, "en", &escape::markup(&text))
            }
            cell => self::cell(state, scope, cell, formats.get(index).copied().flatten())?,
        };
        cells.push(format!("[{text}],"));
    }
    let kind = match (row.total, row.invalid) {
        (true, _) => "total",
        (_, true) => "invalid",
        _ => "plain",
    };
    Ok(format!("(kind: \"{kind}\", cells: ({}))", cells.join(" ")))
}

fn cell(state: &State, scope: &Scope, cell: &Cell, format: Option<Format>) -> Result<String, Error> {
    match cell {
        Cell::Text(text) => Ok(escape::markup(text)),
        Cell::Label(key) => string(state, scope, key),
        Cell::Figure(id) => print(scope, figure(scope, id)?, format),
        Cell::P(id) => print(scope, &p_value(figure(scope, id)?), format),
        Cell::Empty => Ok("–".to_owned()),
    }
}

fn figure<'a>(scope: &'a Scope, id: &str) -> Result<&'a Figure, Error> {
    scope.findings.figures.get(id).ok_or_else(|| unknown("figure", id, scope.findings.figures.keys()))
}

/// The p-value of a figure, as a figure.
pub(crate) fn p_value(figure: &Figure) -> Figure {
    let id = format!("{}.p", figure.id);
    match figure.p {
        Some(p) => Figure::new(id, p, Unit::Probability, &figure.statistic, figure.as_of),
        None => {
            let reason = figure.reason.clone().unwrap_or_else(|| "no p-value here".to_owned());
            Figure::missing(id, reason, Unit::Probability, &figure.statistic, figure.as_of)
        }
    }
}

fn print(scope: &Scope, figure: &Figure, format: Option<Format>) -> Result<String, Error> {
    let format = format.unwrap_or_else(|| Format::new(Filter::of(figure.unit)));
    let printed = Handle::new(figure.clone()).printed();
    let text = format.apply(&scope.locale, &printed, Place::Table).map_err(refuse)?;
    Ok(escape::markup(&text))
}
