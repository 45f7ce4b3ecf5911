//! Tables that authors declare: rows of names, facts, events or records, and columns of what is measured of them.

use super::{FigureSpec, Ref, Set, Texts};
use crate::Unit;
use crate::schema::{self, JsonSchema};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The rows of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RowsSpec {
    /// Names: `sample`, `themes`, a list.
    Of(Set),
    /// Rows of another kind.
    Kind(RowKind),
}

/// Rows that are no names with a course.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RowKind {
    /// Facts, by id; those not public by the as-of date are left out.
    #[serde(default)]
    #[schemars(with = "Option<Vec<schema::FactId>>")]
    pub facts: Option<Vec<String>>,
    /// Events: those of a topic, or by id.
    #[serde(default)]
    pub events: Option<EventsSpec>,
    /// Records of a source.
    #[serde(default)]
    pub records: Option<RecordsSpec>,
    /// Rows that the author names, each with the part of ids that `{row}` stands for.
    #[serde(default)]
    pub entries: Option<Vec<EntrySpec>>,
}

/// A row that the author names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EntrySpec {
    /// What `{row}` stands for.
    pub row: String,
    /// Its name, the same in all languages.
    pub name: String,
    /// A fact without which the row is left out; default none.
    #[serde(default)]
    #[schemars(with = "Option<schema::FactId>")]
    pub fact: Option<String>,
}

/// Events of a table or chart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum EventsSpec {
    /// By id, in this order.
    Ids(#[schemars(with = "Vec<crate::EventId>")] Vec<String>),
    /// All of a topic, by date.
    Topic {
        /// The topic.
        topic: String,
    },
}

/// Records of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordsSpec {
    /// The source.
    #[schemars(with = "schema::SourceId")]
    pub source: String,
    /// Fields of text that must be as stated.
    #[serde(default, rename = "where")]
    pub filter: BTreeMap<String, String>,
}

/// A part of a figure that a cell prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Field {
    /// The value.
    #[default]
    Value,
    /// The p-value.
    P,
}

/// What stands in a cell, or on an axis of a chart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Cell {
    /// A figure by its id, in which `{row}` stands for the row.
    Figure(String, Field),
    /// A figure made for the cell; it belongs to the row.
    Measure(FigureSpec),
    /// Where a fact can be read, by the fact's id, in which `{row}` stands for the row.
    Source(String),
    /// A field of the row: a fact's `name`, `value`, `known`, `date`, `source`, `checked`; an event's `name`, `date`; a record's own.
    Field(String),
}

/// A column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawColumn")]
pub struct ColumnSpec {
    /// Its head, in each language.
    pub head: Head,
    /// Its cells.
    pub cell: Cell,
    /// The figure in place of one that the row does not have, or `none` for an empty cell; without it that is refused.
    pub or: Option<String>,
    /// How figures are printed: `pct(1)`; default by the unit.
    pub format: Option<String>,
    /// What a record's number measures.
    pub unit: Option<Unit>,
    /// ISO code of a record's money.
    pub currency: Option<String>,
}

/// The head of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Head {
    /// A string of the house: `col.return`.
    Key(String),
    /// In each language.
    Texts(Texts),
}

/// A column: its head, and one way to fill its cells.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ColumnSpec", transform = schema::one_of(&["head", "or", "part", "format", "as", "currency"]))]
struct RawColumn {
    /// Its head: in each language, or a string of the house such as `col.return`.
    head: Head,
    /// A figure by its id, in which `{row}` stands for the row.
    #[serde(default)]
    figure: Option<String>,
    /// The figure in place of one that the row does not have, or `none` for an empty cell; without it that is refused.
    #[serde(default)]
    or: Option<String>,
    /// Of a figure: its value, or its p-value; default `value`.
    #[serde(default)]
    part: Field,
    /// A figure made for the cell; it belongs to the row.
    #[serde(default)]
    measure: Option<FigureSpec>,
    /// A field of the row: a fact's `name`, `value`, `known`, `date`, `source`, `checked`; an event's `name`, `date`; a record's own.
    #[serde(default)]
    field: Option<String>,
    /// Where a fact can be read, by the fact's id, in which `{row}` stands for the row.
    #[serde(default)]
    source: Option<String>,
    /// How figures are printed: `pct(1)`; default by the unit.
    #[serde(default)]
    #[schemars(with = "Option<schema::Printed>")]
    format: Option<String>,
    /// What a record's number measures.
    #[serde(default, rename = "as")]
    unit: Option<Unit>,
    /// ISO code of a record's money.
    #[serde(default)]
    currency: Option<String>,
}

schema::read_as!(ColumnSpec: RawColumn);

impl TryFrom<RawColumn> for ColumnSpec {
    type Error = String;

    fn try_from(raw: RawColumn) -> Result<Self, String> {
        let ways = [
            raw.figure.map(|id| Cell::Figure(id, raw.part)),
            raw.measure.map(Cell::Measure),
            raw.field.map(Cell::Field),
            raw.source.map(Cell::Source),
        ];
        let mut given = ways.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(cell), None) => {
                let (unit, currency) = (raw.unit, raw.currency);
                Ok(Self { head: raw.head, cell, or: raw.or, format: raw.format, unit, currency })
            }
            _ => Err("a column has one of `figure`, `measure`, `field` and `source`".to_owned()),
        }
    }
}

/// The row that sums up a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Total {
    /// The mean of each column of numbers.
    Mean,
    /// The sum of each column of amounts or counts.
    Sum,
}

/// A declared table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableSpec {
    /// Its caption.
    pub caption: Texts,
    /// What stands below it.
    #[serde(default)]
    pub note: Option<Texts>,
    /// Its rows.
    pub rows: RowsSpec,
    /// Head of the column of names; default the house's.
    #[serde(default)]
    pub head: Option<Texts>,
    /// Its columns, after the names.
    pub columns: Vec<ColumnSpec>,
    /// The column that rows are ordered by, counted from 1 behind the names; negative for the largest first.
    #[serde(default)]
    pub sort: Option<i32>,
    /// Rows kept, after sorting.
    #[serde(default)]
    pub limit: Option<usize>,
    /// A last row that sums up.
    #[serde(default)]
    pub total: Option<Total>,
}

impl RowsSpec {
    /// The names that it lists.
    #[must_use]
    pub fn references(&self) -> Vec<&Ref> {
        match self {
            Self::Of(set) => set.refs(),
            Self::Kind(_) => Vec::new(),
        }
    }
}
