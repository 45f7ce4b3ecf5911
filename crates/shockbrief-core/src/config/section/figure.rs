//! Figures that authors declare: one measure each, or arithmetic on other figures.

use super::{Ref, When};
use crate::Unit;
use crate::schema::{self, JsonSchema};
use serde::{Deserialize, Serialize};

/// A stretch of one course: from one close to another, or its last sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// Whose; in a column of a table, default the row.
    #[serde(default)]
    pub of: Option<Ref>,
    /// The close before the first day: `event-1`; not beside `last`.
    #[serde(default)]
    pub from: Option<When>,
    /// The last close; default the as-of date.
    #[serde(default)]
    pub to: Option<When>,
    /// The last so many sessions to `to`, in place of `from`.
    #[serde(default)]
    pub last: Option<u32>,
}

/// What is measured of each of several names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Relative change of the level.
    #[default]
    Return,
    /// Difference of the level.
    Change,
    /// The level itself.
    Last,
    /// Standard deviation of daily returns, annualised.
    Volatility,
    /// Deepest fall from a peak.
    Drawdown,
}

/// Names: one, a list, or those that the report follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Set {
    /// `sample`, `themes`, or one name.
    One(Ref),
    /// A list.
    Many(Vec<Ref>),
}

/// The largest, smallest or mean of something: over time of one course, or over names where `measure` says what of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Over {
    /// One course, or names: a list, `sample`, `themes`, or a theme or basket, whose members are taken with `measure`.
    #[serde(default)]
    pub of: Option<Set>,
    /// What is measured of each name; without it, levels of one course over time.
    #[serde(default)]
    pub measure: Option<Change>,
    /// As in [`Span`].
    #[serde(default)]
    pub from: Option<When>,
    /// As in [`Span`].
    #[serde(default)]
    pub to: Option<When>,
    /// As in [`Span`].
    #[serde(default)]
    pub last: Option<u32>,
}

/// Two courses of daily returns side by side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Paired {
    /// The one that is explained; in a column of a table, default the row.
    #[serde(default)]
    pub of: Option<Ref>,
    /// The one that it is measured against.
    pub on: Ref,
    /// As in [`Span`].
    #[serde(default)]
    pub from: Option<When>,
    /// As in [`Span`].
    #[serde(default)]
    pub to: Option<When>,
    /// As in [`Span`].
    #[serde(default)]
    pub last: Option<u32>,
}

/// How many names a measure lies above or below a bound of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// The names.
    pub of: Set,
    /// What is measured of each; default the return.
    #[serde(default)]
    pub measure: Change,
    /// As in [`Span`].
    #[serde(default)]
    pub from: Option<When>,
    /// As in [`Span`].
    #[serde(default)]
    pub to: Option<When>,
    /// As in [`Span`].
    #[serde(default)]
    pub last: Option<u32>,
    /// Counted are those above it.
    #[serde(default)]
    pub above: Option<f64>,
    /// Counted are those below it.
    #[serde(default)]
    pub below: Option<f64>,
}

/// The place of one name among others, 1 for the largest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rank {
    /// The one.
    #[serde(default)]
    pub of: Option<Ref>,
    /// The others; it counts whether or not it is one of them.
    pub among: Set,
    /// What is measured of each; default the return.
    #[serde(default)]
    pub measure: Change,
    /// As in [`Span`].
    #[serde(default)]
    pub from: Option<When>,
    /// As in [`Span`].
    #[serde(default)]
    pub to: Option<When>,
    /// As in [`Span`].
    #[serde(default)]
    pub last: Option<u32>,
}

/// How a figure is made.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Figuring {
    /// Arithmetic on other figures, in the language of conditions.
    Is(String),
    /// Relative change between two closes.
    Return(Span),
    /// Difference of two levels.
    Change(Span),
    /// The level at `to`.
    Last(Span),
    /// Largest.
    Max(Over),
    /// Smallest.
    Min(Over),
    /// Arithmetic mean.
    Mean(Over),
    /// Standard deviation of daily log returns, annualised.
    Volatility(Span),
    /// Deepest fall from a peak inside the span.
    Drawdown(Span),
    /// Pearson's correlation of daily returns.
    Correlation(Paired),
    /// Slope of a least-squares line of daily returns.
    Beta(Paired),
    /// How many.
    Count(Count),
    /// Which place.
    Rank(Rank),
}

/// A declared figure: one way to make it, and what its number measures where that does not follow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Raw")]
pub struct FigureSpec {
    /// How it is made.
    pub make: Figuring,
    /// What its number measures, for one that is a plain number by itself.
    pub unit: Option<Unit>,
    /// ISO code, for a plain number declared as money or a price.
    pub currency: Option<String>,
}

/// A figure: one way to make it, and what its number measures where that does not follow.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "FigureSpec", transform = schema::one_of(&["as", "currency"]))]
struct Raw {
    /// Arithmetic on other figures, in the language of conditions: `.week - .link / 100`.
    is: Option<String>,
    /// What its number measures, for one that is a plain number by itself.
    #[serde(rename = "as")]
    unit: Option<Unit>,
    /// ISO code, for a plain number declared as money or a price.
    currency: Option<String>,
    /// Relative change between two closes.
    #[serde(rename = "return")]
    relative: Option<Span>,
    /// Difference of two levels.
    change: Option<Span>,
    /// The level at `to`.
    last: Option<Span>,
    /// The same as `last`.
    level: Option<Span>,
    /// Largest.
    max: Option<Over>,
    /// Smallest.
    min: Option<Over>,
    /// Arithmetic mean.
    mean: Option<Over>,
    /// Standard deviation of daily log returns, annualised.
    volatility: Option<Span>,
    /// Deepest fall from a peak inside the span.
    drawdown: Option<Span>,
    /// Pearson's correlation of daily returns.
    correlation: Option<Paired>,
    /// Slope of a least-squares line of daily returns.
    beta: Option<Paired>,
    /// How many.
    count: Option<Count>,
    /// Which place.
    rank: Option<Rank>,
}

schema::read_as!(FigureSpec: Raw);

impl TryFrom<Raw> for FigureSpec {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        let ways = [
            raw.is.map(Figuring::Is),
            raw.relative.map(Figuring::Return),
            raw.change.map(Figuring::Change),
            raw.last.or(raw.level).map(Figuring::Last),
            raw.max.map(Figuring::Max),
            raw.min.map(Figuring::Min),
            raw.mean.map(Figuring::Mean),
            raw.volatility.map(Figuring::Volatility),
            raw.drawdown.map(Figuring::Drawdown),
            raw.correlation.map(Figuring::Correlation),
            raw.beta.map(Figuring::Beta),
            raw.count.map(Figuring::Count),
            raw.rank.map(Figuring::Rank),
        ];
        let mut given = ways.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(make), None) => {
                make.check()?;
                Ok(Self { make, unit: raw.unit, currency: raw.currency })
            }
            (None, _) => {
                Err("a figure says how it is made: `is: .a - .b` or `return: {of: ..., from: ...}`"
                    .to_owned())
            }
            (Some(_), Some(_)) => {
                Err("a figure is made in one way; give the other a name of its own".to_owned())
            }
        }
    }
}

/// The ends of a stretch: `from`, `to`, `last`.
type Ends<'a> = (&'a Option<When>, &'a Option<When>, &'a Option<u32>);

impl Figuring {
    /// The statistic's name, as it stands in the figure.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Is(_) => "expression",
            Self::Return(_) => "price_relative",
            Self::Change(_) => "difference",
            Self::Last(_) => "level",
            Self::Max(_) => "maximum",
            Self::Min(_) => "minimum",
            Self::Mean(_) => "mean",
            Self::Volatility(_) => "realised_volatility",
            Self::Drawdown(_) => "max_drawdown",
            Self::Correlation(_) => "correlation",
            Self::Beta(_) => "ols_slope",
            Self::Count(_) => "count",
            Self::Rank(_) => "rank",
        }
    }

    /// The ends of its stretch; none for arithmetic.
    #[must_use]
    pub fn ends(&self) -> Option<Ends<'_>> {
        Some(match self {
            Self::Is(_) => return None,
            Self::Return(s) | Self::Change(s) | Self::Last(s) | Self::Volatility(s) | Self::Drawdown(s) => {
                (&s.from, &s.to, &s.last)
            }
            Self::Max(s) | Self::Min(s) | Self::Mean(s) => (&s.from, &s.to, &s.last),
            Self::Correlation(s) | Self::Beta(s) => (&s.from, &s.to, &s.last),
            Self::Count(s) => (&s.from, &s.to, &s.last),
            Self::Rank(s) => (&s.from, &s.to, &s.last),
        })
    }

    /// What it points at.
    #[must_use]
    pub fn references(&self) -> Vec<&Ref> {
        match self {
            Self::Is(_) => Vec::new(),
            Self::Return(s) | Self::Change(s) | Self::Last(s) | Self::Volatility(s) | Self::Drawdown(s) => {
                s.of.iter().collect()
            }
            Self::Max(s) | Self::Min(s) | Self::Mean(s) => s.of.as_ref().map(Set::refs).unwrap_or_default(),
            Self::Correlation(s) | Self::Beta(s) => s.of.iter().chain([&s.on]).collect(),
            Self::Count(s) => s.of.refs(),
            Self::Rank(s) => s.of.iter().chain(s.among.refs()).collect(),
        }
    }

    /// The same for a row of a table, where it names no one itself.
    #[must_use]
    pub fn of(&self, row: &Ref) -> Self {
        let mut made = self.clone();
        match &mut made {
            Self::Return(s) | Self::Change(s) | Self::Last(s) | Self::Volatility(s) | Self::Drawdown(s) => {
                s.of.get_or_insert_with(|| row.clone());
            }
            Self::Max(s) | Self::Min(s) | Self::Mean(s) => {
                s.of.get_or_insert_with(|| Set::One(row.clone()));
            }
            Self::Correlation(s) | Self::Beta(s) => {
                s.of.get_or_insert_with(|| row.clone());
            }
            Self::Rank(s) => {
                s.of.get_or_insert_with(|| row.clone());
            }
            Self::Is(_) | Self::Count(_) => {}
        }
        made
    }

    /// The same with other points in time.
    #[must_use]
    pub fn around(&self, moved: &dyn Fn(&When) -> When) -> Self {
        let mut made = self.clone();
        let ends = match &mut made {
            Self::Is(_) => return made,
            Self::Return(s) | Self::Change(s) | Self::Last(s) | Self::Volatility(s) | Self::Drawdown(s) => {
                [&mut s.from, &mut s.to]
            }
            Self::Max(s) | Self::Min(s) | Self::Mean(s) => [&mut s.from, &mut s.to],
            Self::Correlation(s) | Self::Beta(s) => [&mut s.from, &mut s.to],
            Self::Count(s) => [&mut s.from, &mut s.to],
            Self::Rank(s) => [&mut s.from, &mut s.to],
        };
        for end in ends.into_iter().flatten() {
            *end = moved(end);
        }
        made
    }

    /// Whether it names whose it is.
    #[must_use]
    pub fn is_whose(&self) -> bool {
        match self {
            Self::Is(_) | Self::Count(_) => true,
            Self::Max(s) | Self::Min(s) | Self::Mean(s) => s.of.is_some(),
            Self::Return(s) | Self::Change(s) | Self::Last(s) | Self::Volatility(s) | Self::Drawdown(s) => {
                s.of.is_some()
            }
            Self::Correlation(s) | Self::Beta(s) => s.of.is_some(),
            Self::Rank(s) => s.of.is_some(),
        }
    }

    fn check(&self) -> Result<(), String> {
        let Some((from, _, last)) = self.ends() else { return Ok(()) };
        if from.is_some() && last.is_some() {
            return Err("`from` and `last` say the same twice; keep one".to_owned());
        }
        if last.is_some_and(|last| last == 0) {
            return Err("`last: 0` is no session".to_owned());
        }
        let needs_start = !matches!(self, Self::Last(_))
            && !matches!(self, Self::Count(Count { measure: Change::Last, .. }))
            && !matches!(self, Self::Rank(Rank { measure: Change::Last, .. }))
            && !matches!(
                self,
                Self::Max(Over { measure: Some(Change::Last), .. })
                    | Self::Min(Over { measure: Some(Change::Last), .. })
                    | Self::Mean(Over { measure: Some(Change::Last), .. })
            );
        if needs_start && from.is_none() && last.is_none() {
            return Err("a stretch of time needs `from` or `last`".to_owned());
        }
        match self {
            Self::Count(Count { above: None, below: None, .. }) => {
                Err("a count needs `above` or `below`".to_owned())
            }
            _ => Ok(()),
        }
    }
}

impl Set {
    /// The names as written.
    #[must_use]
    pub fn refs(&self) -> Vec<&Ref> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many.iter().collect(),
        }
    }

    /// The one name that it is, if it is one.
    #[must_use]
    pub fn one(&self) -> Option<&Ref> {
        match self {
            Self::One(one) => Some(one),
            Self::Many(_) => None,
        }
    }
}
