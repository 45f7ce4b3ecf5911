//! Rows of a data file that is neither prices nor a table by date: lists, announcements, results.

use jiff::civil::Date;
use std::collections::BTreeMap;

/// A field of a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Datum {
    /// A finite number.
    Number(f64),
    /// Text, never empty.
    Text(String),
    /// A date.
    Date(Date),
}

/// One row; a field without content is not there.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The date of the row.
    pub date: Date,
    /// The day on which the row became public.
    pub known: Date,
    /// Fields by our names.
    pub fields: BTreeMap<String, Datum>,
}

impl Record {
    /// The number in a field.
    #[must_use]
    pub fn number(&self, field: &str) -> Option<f64> {
        match self.fields.get(field) {
            Some(Datum::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// The text in a field.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<&str> {
        match self.fields.get(field) {
            Some(Datum::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The date in a field.
    #[must_use]
    pub fn day(&self, field: &str) -> Option<Date> {
        match self.fields.get(field) {
            Some(Datum::Date(date)) => Some(*date),
            _ => None,
        }
    }
}

/// The rows of one source that were public by the as-of date, in the order of its files.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Records {
    /// Rows.
    pub rows: Vec<Record>,
    /// Rows left out because they cannot be placed in time.
    pub undated: usize,
    /// Indices into [`crate::Dataset::inputs`].
    pub inputs: Vec<usize>,
}
