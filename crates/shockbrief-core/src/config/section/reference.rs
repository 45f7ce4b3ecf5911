//! What an author points at, and when: `NVDA`, `theme:compute`, `event+4`.

use crate::{
    EventId, Symbol, ThemeId,
    schema::{JsonSchema, Schema, SchemaGenerator, json_schema},
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt, str::FromStr};

/// A thing with a course in time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Ref {
    /// An instrument of the universe: `NVDA`.
    Symbol(Symbol),
    /// The names of a theme that the report follows, one portfolio in equal weights: `theme:compute`.
    Theme(ThemeId),
    /// A basket of the universe, one portfolio in equal weights: `basket:custom-silicon`.
    Basket(String),
    /// One held long against another held short: `pair:theme:compute/theme:software`.
    Pair(Box<Ref>, Box<Ref>),
    /// A column of numbers of a source of records: `records:credit.spread`.
    Column {
        /// The source.
        source: String,
        /// The column, by our name.
        column: String,
    },
}

impl JsonSchema for Ref {
    fn schema_name() -> Cow<'static, str> {
        "Ref".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A thing with a course in time: NVDA, theme:<id>, basket:<id>, pair:<one>/<other> or \
                            records:<source>.<column>; of sets also `sample` and `themes`.",
            "pattern": "^([^\\s:]+|(theme|basket):\\S+|pair:\\S+/\\S+|records:\\S+\\.\\S+)$",
        })
    }
}

impl FromStr for Ref {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let faulty = |why: &str| {
            format!(
                "`{text}` {why}: write NVDA, theme:<id>, basket:<id>, pair:<one>/<other> or records:<source>.<column>"
            )
        };
        match text.split_once(':') {
            _ if text.is_empty() || text.contains(char::is_whitespace) => Err(faulty("points at nothing")),
            None => Ok(Self::Symbol(Symbol::from(text))),
            Some((_, "")) => Err(faulty("names nothing")),
            Some(("theme", id)) => Ok(Self::Theme(ThemeId::from(id))),
            Some(("basket", id)) => Ok(Self::Basket(id.to_owned())),
            Some(("pair", rest)) => {
                let (one, other) = rest.split_once('/').ok_or_else(|| faulty("is no pair"))?;
                match (one.parse()?, other.parse()?) {
                    (Self::Pair(..) | Self::Column { .. }, _) | (_, Self::Pair(..) | Self::Column { .. }) => {
                        Err(faulty("pairs what has no price"))
                    }
                    (one, other) => Ok(Self::Pair(Box::new(one), Box::new(other))),
                }
            }
            Some(("records", rest)) => match rest.rsplit_once('.') {
                Some((source, column)) if !source.is_empty() && !column.is_empty() => {
                    Ok(Self::Column { source: source.to_owned(), column: column.to_owned() })
                }
                _ => Err(faulty("names no column")),
            },
            Some(_) => Err(faulty("points at nothing")),
        }
    }
}

impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Symbol(symbol) => symbol.fmt(f),
            Self::Theme(id) => write!(f, "theme:{id}"),
            Self::Basket(id) => write!(f, "basket:{id}"),
            Self::Pair(one, other) => write!(f, "pair:{one}/{other}"),
            Self::Column { source, column } => write!(f, "records:{source}.{column}"),
        }
    }
}

impl TryFrom<String> for Ref {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Ref> for String {
    fn from(reference: Ref) -> Self {
        reference.to_string()
    }
}

impl Ref {
    /// As it stands in figure ids: `nvda`, `theme.compute`, `basket.custom-silicon`.
    #[must_use]
    pub fn slug(&self) -> String {
        match self {
            Self::Symbol(symbol) => symbol.slug(),
            Self::Theme(id) => format!("theme.{id}"),
            Self::Basket(id) => format!("basket.{id}"),
            Self::Pair(one, other) => format!("pair.{}-{}", one.slug(), other.slug()),
            Self::Column { source, column } => format!("{source}.{column}"),
        }
    }
}

/// The end of a period that a date is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// Its first session.
    First,
    /// Its last session.
    Last,
}

/// What a point in time is counted from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// A date.
    Date(Date),
    /// Day 0 of the report's event, or of another of `config/events.yaml`.
    Event(Option<EventId>),
    /// The report's period.
    Period(Edge),
    /// The first session of the as-of date's year.
    Year,
    /// The as-of date.
    AsOf,
}

/// A point in time: `2025-01-24`, `event-1`, `event:h20-licence`, `period.first`, `as-of-63`; the number counts sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct When {
    /// What it is counted from.
    pub base: Base,
    /// Sessions after it, or before it if negative.
    pub sessions: i32,
}

/// Words and what they stand for; the first of each is how it is written back.
const WORDS: [(&str, Base); 11] = [
    ("event", Base::Event(None)),
    ("day0", Base::Event(None)),
    ("period.first", Base::Period(Edge::First)),
    ("period.start", Base::Period(Edge::First)),
    ("period.last", Base::Period(Edge::Last)),
    ("period.end", Base::Period(Edge::Last)),
    ("year.first", Base::Year),
    ("year.start", Base::Year),
    ("as-of", Base::AsOf),
    ("as_of", Base::AsOf),
    ("asof", Base::AsOf),
];

impl JsonSchema for When {
    fn schema_name() -> Cow<'static, str> {
        "When".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<String> = WORDS.iter().map(|(word, _)| word.replace('.', "\\.")).collect();
        let bases = format!("\\d{{4}}-\\d{{2}}-\\d{{2}}|event:[^\\s+]+|{}", words.join("|"));
        json_schema!({
            "type": "string",
            "description": "A point in time: 2025-01-24, event, event-1, event:<id>, period.first, period.last, year.first, \
                            as-of or as-of-63; the number counts sessions.",
            "pattern": format!("^\\s*({bases})\\s*([+-]\\s*\\d+)?\\s*$"),
        })
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let faulty = || {
            format!(
                "`{text}` is no point in time: write 2025-01-24, event, event-1, event:<id>, period.first, period.last, \
                 year.first, as-of or as-of-63"
            )
        };
        let text = text.trim();
        let (base, rest) = if let Some((id, rest)) = named(text) {
            (Base::Event(Some(EventId::from(id))), rest)
        } else if let Some((word, base)) = WORDS.iter().find(|(word, _)| text.starts_with(word)) {
            (base.clone(), &text[word.len()..])
        } else {
            let date = text.get(..10).and_then(|date| date.parse().ok()).ok_or_else(faulty)?;
            (Base::Date(date), &text[10..])
        };
        let sessions = match rest.trim() {
            "" => 0,
            count if count.starts_with(['+', '-']) => {
                let digits = count[1..].trim();
                let plain = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
                let number: i32 = digits.parse().ok().filter(|_| plain).ok_or_else(faulty)?;
                if count.starts_with('-') { -number } else { number }
            }
            _ => return Err(faulty()),
        };
        Ok(Self { base, sessions })
    }
}

/// An event's id, which may hold dashes: sessions behind it stand after a space.
fn named(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("event:")?;
    let (id, behind) = rest.split_at(rest.find([' ', '+']).unwrap_or(rest.len()));
    (!id.is_empty()).then_some((id, behind))
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let space = match &self.base {
            Base::Event(Some(id)) => {
                write!(f, "event:{id}")?;
                " "
            }
            Base::Date(date) => {
                write!(f, "{date}")?;
                ""
            }
            base => {
                let word = WORDS.iter().find(|(_, known)| known == base).map_or("", |(word, _)| word);
                f.write_str(word)?;
                ""
            }
        };
        if self.sessions == 0 { Ok(()) } else { write!(f, "{space}{:+}", self.sessions) }
    }
}

impl TryFrom<String> for When {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<When> for String {
    fn from(when: When) -> Self {
        when.to_string()
    }
}
