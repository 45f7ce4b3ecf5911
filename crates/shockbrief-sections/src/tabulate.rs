//! Small builders for tables.

use shockbrief_core::{Align, Cell, Column, Row};

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
