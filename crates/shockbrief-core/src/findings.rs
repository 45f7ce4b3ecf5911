//! What analysis hands to typesetting: figures, and tables and charts that point at figures.
//!
//! Tables and charts hold no number of their own; every cell and mark names a figure, so that
//! whatever reaches a page can be traced through [`Findings::figures`].

use crate::figure::Figure;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a column is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Align {
    /// Text, ragged right.
    Left,
    /// Numbers aligned on the decimal.
    Decimal,
    /// Short marks.
    Center,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Key of the header in `config/languages/*.yaml`.
    pub header: String,
    /// How it is set.
    pub align: Align,
    /// The filter that prints its figures, such as `pct(1)`; empty for text.
    #[serde(default)]
    pub format: String,
}

/// A cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cell {
    /// A name that is the same in all languages (escaped when typeset).
    Text(String),
    /// A key of `config/languages/*.yaml`.
    Label(String),
    /// A figure id.
    Figure(String),
    /// The p-value of a figure, by the figure's id.
    P(String),
    /// A line of a chart, drawn small: the course behind the figures beside it.
    Spark {
        /// The chart's id; it has lines over dates.
        chart: String,
        /// The line, counted from 0.
        line: usize,
    },
    /// Nothing to say here.
    Empty,
}

/// A row, with the marks that the design knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// One cell per column.
    pub cells: Vec<Cell>,
    /// A row that sums up others: set in bold with a rule above.
    #[serde(default)]
    pub total: bool,
    /// A row whose test is not valid here: set in grey with a mark.
    #[serde(default)]
    pub invalid: bool,
}

impl Row {
    /// A plain row.
    #[must_use]
    pub fn new(cells: Vec<Cell>) -> Self {
        Self { cells, total: false, invalid: false }
    }
}

/// A table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Id within the brief; also the key prefix of caption and source line in the languages.
    pub id: String,
    /// Columns.
    pub columns: Vec<Column>,
    /// Rows.
    pub rows: Vec<Row>,
    /// Source ids for the source line.
    pub sources: Vec<String>,
}

/// A labelled mark of a chart: a value with an optional interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// Name, the same in all languages, or a label key when `translate` is set.
    pub label: String,
    /// Whether `label` is a key of the languages.
    #[serde(default)]
    pub translate: bool,
    /// Figure id of the value; its standard error gives the interval.
    pub figure: String,
    /// Figure id of the p that the table beside the chart prints: it, not the interval, decides how the mark is filled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<String>,
    /// Colour group: a theme id, or empty.
    #[serde(default)]
    pub group: String,
}

/// A line of a chart: one value for each x.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Name, the same in all languages, or a label key when `translate` is set.
    pub label: String,
    /// Whether `label` is a key of the languages.
    #[serde(default)]
    pub translate: bool,
    /// Values; a gap is `None`.
    pub values: Vec<Option<f64>>,
    /// Colour group: a theme id, or empty.
    #[serde(default)]
    pub group: String,
    /// Drawn strong: the line that the text speaks of.
    #[serde(default)]
    pub strong: bool,
}

/// The horizontal axis of a line chart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Axis {
    /// Sessions relative to day 0.
    EventDays(Vec<i32>),
    /// Calendar dates.
    Dates(Vec<jiff::civil::Date>),
}

/// What the horizontal axis of a scatter measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Across {
    /// A plain number.
    Number,
    /// Time, in years with fractions.
    Year,
}

/// A point of a scatter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dot {
    /// Its name, the same in all languages; may be empty.
    pub label: String,
    /// Horizontal value.
    pub x: f64,
    /// Vertical value, positive.
    pub y: f64,
    /// One that the text speaks of.
    #[serde(default)]
    pub strong: bool,
}

/// A line through a scatter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Track {
    /// A key of the languages; empty for a line that continues another.
    pub label: String,
    /// Points, in order.
    pub points: Vec<[f64; 2]>,
    /// Drawn dashed.
    #[serde(default)]
    pub dashed: bool,
}

/// A point of two figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spot {
    /// Its name, the same in all languages, or a label key when `translate` is set.
    pub label: String,
    /// Whether `label` is a key of the languages.
    #[serde(default)]
    pub translate: bool,
    /// Figure id of the horizontal value.
    pub x: String,
    /// Figure id of the vertical value.
    pub y: String,
    /// One that the text speaks of.
    #[serde(default)]
    pub strong: bool,
}

/// A dated stop on a line of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stop {
    /// A key of the languages.
    pub label: String,
    /// Figure id of the date.
    pub figure: String,
}

/// A choice that some marks of a chart make and others do not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// A key of the languages.
    pub label: String,
    /// For each mark, whether it makes the choice.
    pub made: Vec<bool>,
}

/// A chart; how it looks is the typesetter's business.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Chart {
    /// Horizontal marks with intervals of ±1.96 standard errors, in the order given.
    Intervals {
        /// Id within the brief; key prefix of caption, alt text and axis in the languages.
        id: String,
        /// Marks, top to bottom.
        marks: Vec<Mark>,
        /// Source ids.
        sources: Vec<String>,
    },
    /// Horizontal bars from zero, in the order given.
    Bars {
        /// Id within the brief.
        id: String,
        /// Bars, top to bottom.
        marks: Vec<Mark>,
        /// Source ids.
        sources: Vec<String>,
    },
    /// Lines over event days or dates, values in decimals and printed as percent.
    Lines {
        /// Id within the brief.
        id: String,
        /// The x axis.
        x: Axis,
        /// Lines.
        lines: Vec<Line>,
        /// Source ids.
        sources: Vec<String>,
        /// The statistic behind the lines.
        statistic: String,
    },
    /// Points on a vertical axis in powers of ten.
    Scatter {
        /// Id within the brief.
        id: String,
        /// What the horizontal axis measures.
        across: Across,
        /// Points.
        dots: Vec<Dot>,
        /// Lines.
        tracks: Vec<Track>,
        /// Source ids.
        sources: Vec<String>,
        /// The statistic behind the lines.
        statistic: String,
    },
    /// Columns of money by quarter, stacked.
    Columns {
        /// Id within the brief.
        id: String,
        /// A date within each quarter.
        quarters: Vec<jiff::civil::Date>,
        /// One line per part of a column, bottom to top; amounts of money.
        stacks: Vec<Line>,
        /// Source ids.
        sources: Vec<String>,
        /// The statistic behind the parts.
        statistic: String,
    },
    /// Points of two figures each, on linear axes.
    Points {
        /// Id within the brief.
        id: String,
        /// Points.
        spots: Vec<Spot>,
        /// Source ids.
        sources: Vec<String>,
    },
    /// Estimates with intervals of ±1.96 standard errors around them, one beside the other, ordered by value, and below each the
    /// choices behind it.
    Curve {
        /// Id within the brief.
        id: String,
        /// Estimates, in the order of their declaration.
        marks: Vec<Mark>,
        /// Choices, top to bottom.
        choices: Vec<Choice>,
        /// The mark that the text quotes.
        #[serde(default)]
        headline: Option<usize>,
        /// Source ids.
        sources: Vec<String>,
    },
    /// Dated stops on a line of time, in their order.
    Rules {
        /// Id within the brief.
        id: String,
        /// Stops.
        stops: Vec<Stop>,
        /// Source ids.
        sources: Vec<String>,
    },
}

impl Chart {
    /// The chart's id.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Intervals { id, .. }
            | Self::Bars { id, .. }
            | Self::Lines { id, .. }
            | Self::Scatter { id, .. }
            | Self::Columns { id, .. }
            | Self::Points { id, .. }
            | Self::Curve { id, .. }
            | Self::Rules { id, .. } => id,
        }
    }

    /// The chart's source ids.
    #[must_use]
    pub fn sources(&self) -> &[String] {
        match self {
            Self::Intervals { sources, .. }
            | Self::Bars { sources, .. }
            | Self::Lines { sources, .. }
            | Self::Scatter { sources, .. }
            | Self::Columns { sources, .. }
            | Self::Points { sources, .. }
            | Self::Curve { sources, .. }
            | Self::Rules { sources, .. } => sources,
        }
    }
}

/// Everything computed for one brief.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Findings {
    /// Figures by id.
    pub figures: BTreeMap<String, Figure>,
    /// Tables by id.
    pub tables: BTreeMap<String, Table>,
    /// Charts by id.
    pub charts: BTreeMap<String, Chart>,
    /// Lists that templates walk through, such as symbols ordered by their move.
    pub lists: BTreeMap<String, Vec<String>>,
    /// Sections with nothing to say for this period, with the key of the string that says why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub absent: BTreeMap<String, String>,
}

impl Findings {
    /// Adds a figure and returns its id.
    ///
    /// # Panics
    /// When the id is taken by a different figure: two sections must not disagree on a number.
    pub fn add(&mut self, figure: Figure) -> String {
        let id = figure.id.clone();
        if let Some(earlier) = self.figures.insert(id.clone(), figure) {
            assert!(earlier == self.figures[&id], "figure `{id}` has two different definitions");
        }
        id
    }

    /// The number of a figure, when it is there and has one.
    #[must_use]
    pub fn number(&self, id: &str) -> Option<f64> {
        self.figures.get(id)?.number()
    }
}
