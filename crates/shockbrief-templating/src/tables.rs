//! Tables: from rows that point at figures to Typst rows; the page design decides how they look.
//!
//! A column prints through one filter, with one number of decimals and one scale, so that figures set
//! flush right in tabular digits align on the decimal mark.

use crate::charts::{Charts, canvas, spark};
use crate::engine::{Scope, optional, phrase, plain, source_line, string, unknown};
use crate::escape;
use crate::figures::{Handle, refuse};
use crate::format::{Filter, Format, Place, Scale};
use crate::typography;
use minijinja::{Error, State};
use shockbrief_core::{Align, Cell, Column, Figure, Row, Table, Unit};

/// The Typst source of a table.
pub(crate) fn typst(state: &State, scope: &Scope, charts: &Charts, table: &Table) -> Result<String, Error> {
    let key = format!("table.{}", table.id);
    if empty(scope, table) {
        let caption = string(state, scope, &format!("{key}.caption"))?;
        return Ok(format!("\n\n#note[*{caption}.* {}]\n\n", string(state, scope, "absent.table")?));
    }
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
        lines.push(format!("    {},", self::row(state, scope, charts, table, row, &formats)?));
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

/// Width of a page in points: tables hang out like charts.
const ROOM: f64 = canvas::WIDTH;

/// Text up to this width is never wrapped.
const SHORT: f64 = 150.0;

/// A header up to this width stands on one line where there is room.
const HEADER: f64 = 58.0;

/// Long text asks for no more than this.
const LONG: f64 = 280.0;

/// White between two columns, and a hair that keeps a text as wide as its column from wrapping.
const PADDING: f64 = 12.5;

/// How far columns may move apart to fill the page; a row must stay readable from end to end.
const STRETCH: f64 = 1.6;

/// Sizes of cells and headers, in sizes of a chart's label, whose widths are known.
const CELL: f64 = 8.0 / canvas::TEXT;

/// Widths that let every column stand unwrapped where the page allows; else long texts wrap and the rest does not.
fn widths(scope: &Scope, table: &Table, formats: &[Option<Format>]) -> Vec<String> {
    let needs = |header: &dyn Fn(&str) -> f64| -> Vec<f64> {
        (0..table.columns.len()).map(|index| need(scope, table, index, formats, header)).collect()
    };
    let line = |text: &str| {
        let whole = canvas::width(text, false);
        if whole <= HEADER { whole } else { two_lines(text) }
    };
    let needs = Some(needs(&line))
        .filter(|needs| needs.iter().sum::<f64>() <= ROOM)
        .unwrap_or_else(|| needs(&two_lines));
    let total: f64 = needs.iter().sum();
    let share = |need: &f64| format!("{need:.1}fr,");
    let fixed = |column: &Column, need: f64| column.align != Align::Left || need <= SHORT;
    let kept: f64 = table.columns.iter().zip(&needs).filter(|(c, n)| fixed(c, **n)).map(|(_, n)| n).sum();
    let wraps = total > ROOM && kept < total && ROOM - kept >= SHORT;
    match (total * STRETCH < ROOM, wraps) {
        (true, _) => needs.iter().map(|need| format!("{:.1}pt,", need * STRETCH)).collect(),
        (false, false) => needs.iter().map(share).collect(),
        (false, true) => {
            let columns = table.columns.iter().zip(&needs);
            columns.map(|(c, n)| if fixed(c, *n) { format!("{n:.1}pt,") } else { share(n) }).collect()
        }
    }
}

/// The width in which a header takes two lines at most, parted where they come out most alike.
fn two_lines(text: &str) -> f64 {
    let words: Vec<&str> = text.split(' ').collect();
    let width = |words: &[&str]| canvas::width(&words.join(" "), false);
    let parted = (1..words.len()).map(|at| width(&words[..at]).max(width(&words[at..])));
    parted.reduce(f64::min).unwrap_or_else(|| width(&words))
}

/// The widest content of a column in points, with the white beside it; `header` says what the header needs.
fn need(
    scope: &Scope,
    table: &Table,
    index: usize,
    formats: &[Option<Format>],
    header: &dyn Fn(&str) -> f64,
) -> f64 {
    let head = scope.strings.get(&table.columns[index].header).map_or(0.0, |text| header(text));
    let format = formats.get(index).copied().flatten();
    let cells = table.rows.iter().filter_map(|row| Some((row, row.cells.get(index)?)));
    let widest = cells.map(|(row, cell)| content(scope, cell, format, row.total)).fold(head, f64::max);
    widest.min(LONG) + PADDING
}

/// The width of a cell's content in points.
fn content(scope: &Scope, cell: &Cell, format: Option<Format>, bold: bool) -> f64 {
    let text = |text: &str| canvas::width(text, bold) * CELL;
    let printed = |figure: Result<Figure, Error>, format| {
        figure.and_then(|figure| print(scope, &figure, format)).map_or(40.0, |printed| text(&plain(&printed)))
    };
    match cell {
        Cell::Text(content) => text(said(scope, content)),
        Cell::Label(key) => scope.strings.get(key).map_or(40.0, |content| text(content)),
        Cell::Figure(id) => printed(figure(scope, id).cloned(), format),
        Cell::P(id) => printed(figure(scope, id).map(p_value), format),
        Cell::Spark { .. } => spark::WIDTH,
        Cell::Empty => text("–"),
    }
}

/// Whether the table has no row, or figures and none of them a value.
fn empty(scope: &Scope, table: &Table) -> bool {
    if table.rows.is_empty() {
        return true;
    }
    let value = |cell: &Cell| match cell {
        Cell::Figure(id) => scope.findings.figures.get(id).map(|figure| figure.value.is_some()),
        Cell::P(id) => scope.findings.figures.get(id).map(|figure| figure.p.is_some()),
        _ => None,
    };
    let mut values = table.rows.iter().flat_map(|row| &row.cells).filter_map(value).peekable();
    values.peek().is_some() && values.all(|known| !known)
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
    charts: &Charts,
    table: &Table,
    row: &Row,
    formats: &[Option<Format>],
) -> Result<String, Error> {
    let mut cells = Vec::new();
    for (index, cell) in row.cells.iter().enumerate() {
        let header = table.columns.get(index).map(|column| column.header.as_str());
        let text = match cell {
            Cell::Text(text) if local(scope, text).is_some() => escape::markup(said(scope, text)),
            Cell::Text(text) if header.is_some_and(|header| QUOTED.contains(&header)) => {
                let text = typography::plain(text, typography::Rules::English);
                phrase(scope, "en", &escape::markup(&text))
            }
            Cell::Spark { chart, line } => charts.spark(state, scope, chart, *line)?,
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
        Cell::Spark { .. } | Cell::Empty => Ok("–".to_owned()),
    }
}

/// What stands for a text of configuration in this language, where it is declared.
fn local<'a>(scope: &'a Scope, text: &str) -> Option<&'a str> {
    scope.strings.get(&format!("said.{text}")).map(String::as_str)
}

/// A text of configuration in this language, else as it is.
pub(crate) fn said<'a>(scope: &'a Scope, text: &'a str) -> &'a str {
    local(scope, text).unwrap_or(text)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_takes_two_lines_at_most() {
        let width = |text: &str| canvas::width(text, false);
        assert_eq!(two_lines("Nom"), width("Nom"));
        assert_eq!(
            two_lines("Depuis le choc"),
            width("Depuis le").min(width("Depuis").max(width("le choc")))
        );
        assert_eq!(two_lines("RAC 0\u{a0}à\u{a0}10"), width("0\u{a0}à\u{a0}10"));
    }
}
