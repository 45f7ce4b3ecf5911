//! Charts that authors declare, in the words of Vega-Lite: a mark, channels, a sort.

use super::{
    Ref, Set, Texts, When,
    table::{Cell, EventsSpec, Field},
};
use crate::config::section::FigureSpec;
use crate::schema::{self, JsonSchema};
use serde::{Deserialize, Serialize};

/// What a channel shows of each name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawChannel")]
pub struct Channel(pub Cell);

/// What a channel shows of each name: one of the two.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Channel", transform = schema::one_of(&[]))]
struct RawChannel {
    /// A figure by its id, in which `{row}` stands for the name.
    #[serde(default)]
    figure: Option<String>,
    /// A figure made for the channel, of the name.
    #[serde(default)]
    measure: Option<FigureSpec>,
}

schema::read_as!(Channel: RawChannel);

impl TryFrom<RawChannel> for Channel {
    type Error = String;

    fn try_from(raw: RawChannel) -> Result<Self, String> {
        match (raw.figure, raw.measure) {
            (Some(id), None) => Ok(Self(Cell::Figure(id, Field::Value))),
            (None, Some(measure)) => Ok(Self(Cell::Measure(measure))),
            _ => Err("a channel has one of `figure` and `measure`".to_owned()),
        }
    }
}

/// The order of bars: by the value, smallest first (`x`) or largest first (`-x`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Sort {
    /// Smallest first.
    #[serde(rename = "x")]
    Rising,
    /// Largest first.
    #[serde(rename = "-x")]
    Falling,
}

/// What the vertical axis of lines shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Upright {
    /// Change since the first close.
    Return,
    /// The level itself, of a ratio.
    Level,
}

/// Lines over dates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LineSpec {
    /// Whose.
    pub of: Set,
    /// The close that lines start from.
    #[serde(default)]
    pub from: Option<When>,
    /// The last close; default the as-of date.
    #[serde(default)]
    pub to: Option<When>,
    /// The last so many sessions to `to`, in place of `from`.
    #[serde(default)]
    pub last: Option<u32>,
    /// What is drawn; default the return of prices, the level of records.
    #[serde(default)]
    pub y: Option<Upright>,
    /// The line that the text speaks of.
    #[serde(default)]
    pub strong: Option<Ref>,
}

/// Bars or dots, one for each name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BarSpec {
    /// Whose.
    pub of: Set,
    /// Their length.
    pub x: Channel,
    /// Their order; default as listed.
    #[serde(default)]
    pub sort: Option<Sort>,
    /// Bars kept, after sorting.
    #[serde(default)]
    pub limit: Option<usize>,
    /// Colours: by `theme`, or all alike.
    #[serde(default)]
    pub color: Option<ColorBy>,
}

/// What colours tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ColorBy {
    /// The themes of the universe.
    Theme,
}

/// Points of two measures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PointSpec {
    /// Whose.
    pub of: Set,
    /// Across.
    pub x: Channel,
    /// Upright.
    pub y: Channel,
    /// Those that the text speaks of.
    #[serde(default)]
    pub strong: Vec<Ref>,
}

/// Events along a line of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleSpec {
    /// Which.
    pub events: EventsSpec,
}

/// The mark of a chart with its channels.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::large_enum_variant, reason = "a brief declares a handful of charts")]
pub enum Mark {
    /// Lines over dates.
    Line(LineSpec),
    /// Bars from zero.
    Bar(BarSpec),
    /// Dots with an interval of ±1.96 standard errors around zero.
    Interval(BarSpec),
    /// Points of two measures.
    Point(PointSpec),
    /// Events along a line of time.
    Rule(RuleSpec),
}

/// A declared chart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawChart")]
pub struct ChartSpec {
    /// Its caption.
    pub caption: Texts,
    /// What stands below it.
    pub note: Option<Texts>,
    /// Title of the axis of values.
    pub axis: Option<Texts>,
    /// Title of the axis across.
    pub across: Option<Texts>,
    /// What is drawn.
    pub mark: Mark,
}

/// A chart: one mark with its channels.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ChartSpec", transform = schema::one_of(&["caption", "note", "axis", "across"]))]
struct RawChart {
    /// Its caption.
    caption: Texts,
    /// What stands below it.
    #[serde(default)]
    note: Option<Texts>,
    /// Title of the axis of values.
    #[serde(default)]
    axis: Option<Texts>,
    /// Title of the axis across.
    #[serde(default)]
    across: Option<Texts>,
    /// Lines over dates.
    #[serde(default)]
    line: Option<LineSpec>,
    /// Bars from zero.
    #[serde(default)]
    bar: Option<BarSpec>,
    /// Dots with an interval of ±1.96 standard errors around zero.
    #[serde(default)]
    interval: Option<BarSpec>,
    /// Points of two measures.
    #[serde(default)]
    point: Option<PointSpec>,
    /// Events along a line of time.
    #[serde(default)]
    rule: Option<RuleSpec>,
}

schema::read_as!(ChartSpec: RawChart);

impl TryFrom<RawChart> for ChartSpec {
    type Error = String;

    fn try_from(raw: RawChart) -> Result<Self, String> {
        let marks = [
            raw.line.map(Mark::Line),
            raw.bar.map(Mark::Bar),
            raw.interval.map(Mark::Interval),
            raw.point.map(Mark::Point),
            raw.rule.map(Mark::Rule),
        ];
        let mut given = marks.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(mark), None) => {
                Ok(Self { caption: raw.caption, note: raw.note, axis: raw.axis, across: raw.across, mark })
            }
            _ => Err("a chart has one mark: `line`, `bar`, `interval`, `point` or `rule`".to_owned()),
        }
    }
}

impl Mark {
    /// What it points at.
    #[must_use]
    pub fn references(&self) -> Vec<&Ref> {
        match self {
            Self::Line(line) => line.of.refs(),
            Self::Bar(bar) | Self::Interval(bar) => bar.of.refs().into_iter().chain(bar.x.refs()).collect(),
            Self::Point(point) => {
                point.of.refs().into_iter().chain(point.x.refs()).chain(point.y.refs()).collect()
            }
            Self::Rule(_) => Vec::new(),
        }
    }
}

impl Channel {
    fn refs(&self) -> Vec<&Ref> {
        match &self.0 {
            Cell::Measure(spec) => spec.make.references(),
            Cell::Figure(..) | Cell::Field(_) | Cell::Source(_) => Vec::new(),
        }
    }
}
