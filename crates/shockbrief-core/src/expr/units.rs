//! Units through arithmetic: the difference of two ratios is points, the ratio of two moneys a number,
//! and a price plus a count nothing at all.
//!
//! A plain number written in an expression takes the unit of what it stands beside.

use super::{Arith, Part};
use crate::{Figure, Unit};

/// What a step of an expression measures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measure {
    /// A number written as such: it takes any unit.
    Plain,
    /// A unit, with the currency of money and prices.
    In(Unit, Option<String>),
}

impl Measure {
    /// A unit without currency.
    #[must_use]
    pub fn of(unit: Unit) -> Self {
        Self::In(unit, None)
    }

    /// The unit of a figure's part.
    #[must_use]
    pub fn part(figure: &Figure, part: Part) -> Self {
        match part {
            Part::Value | Part::Se => Self::In(figure.unit, figure.currency.clone()),
            Part::P => Self::of(Unit::Probability),
            Part::N | Part::Firms => Self::of(Unit::Count),
        }
    }

    /// As a figure's unit; a plain number is one.
    #[must_use]
    pub fn unit(&self) -> Unit {
        match self {
            Self::Plain => Unit::Number,
            Self::In(unit, _) => *unit,
        }
    }

    /// The currency of money and prices.
    #[must_use]
    pub fn currency(&self) -> Option<&str> {
        match self {
            Self::In(_, currency) => currency.as_deref(),
            Self::Plain => None,
        }
    }

    fn noun(&self) -> String {
        match self {
            Self::Plain => "a plain number".to_owned(),
            Self::In(unit, currency) => {
                let noun = match unit {
                    Unit::Ratio => "a ratio",
                    Unit::Points => "points",
                    Unit::Money => "money",
                    Unit::Price => "a price",
                    Unit::Count => "a count",
                    Unit::Sessions => "sessions",
                    Unit::Statistic => "a test statistic",
                    Unit::Probability => "a probability",
                    Unit::Correlation => "a correlation",
                    Unit::Number => "a number",
                    Unit::Date => "a date",
                };
                currency.as_ref().map_or(noun.to_owned(), |code| format!("{noun} in {code}"))
            }
        }
    }
}

/// The unit of a sum, difference, product or quotient.
pub(super) fn of(arith: Arith, a: &Measure, b: &Measure) -> Result<Measure, String> {
    let made = match arith {
        Arith::Add => sum(a, b),
        Arith::Sub => difference(a, b),
        Arith::Mul => product(a, b).or_else(|| product(b, a)),
        Arith::Div => quotient(a, b),
    };
    made.ok_or_else(|| {
        let word = match arith {
            Arith::Add => "plus",
            Arith::Sub => "minus",
            Arith::Mul => "times",
            Arith::Div => "divided by",
        };
        format!("{} {word} {}", a.noun(), b.noun())
    })
}

fn sum(a: &Measure, b: &Measure) -> Option<Measure> {
    use Unit::{Correlation, Count, Money, Number, Points, Price, Ratio, Sessions, Statistic};
    match (a, b) {
        // One plus a probability is no probability; a date moves by sessions, which need a calendar.
        (Measure::Plain, other) | (other, Measure::Plain) => {
            (!matches!(other.unit(), Unit::Probability | Unit::Date)).then(|| other.clone())
        }
        (Measure::In(x, of), Measure::In(y, other)) if of == other => match (x, y) {
            (Ratio, Points) | (Points, Ratio) => Some(Measure::of(Ratio)),
            (x, y) if x == y => match x {
                Ratio | Points | Money | Price | Count | Sessions | Number => Some(a.clone()),
                Correlation | Statistic => Some(Measure::of(Number)),
                Unit::Probability | Unit::Date => None,
            },
            (Number | Correlation, Number | Correlation) => Some(Measure::of(Number)),
            _ => None,
        },
        _ => None,
    }
}

fn difference(a: &Measure, b: &Measure) -> Option<Measure> {
    match (a, b) {
        (Measure::In(Unit::Ratio, _), Measure::In(Unit::Ratio, _)) => Some(Measure::of(Unit::Points)),
        _ => sum(a, b),
    }
}

/// What scales another unit without changing it.
fn scales(measure: &Measure) -> bool {
    matches!(
        measure,
        Measure::Plain | Measure::In(Unit::Number | Unit::Ratio | Unit::Points | Unit::Correlation, _)
    )
}

fn product(a: &Measure, b: &Measure) -> Option<Measure> {
    use Unit::{
        Correlation, Count, Date, Money, Number, Points, Price, Probability, Ratio, Sessions, Statistic,
    };
    let Measure::In(unit, currency) = b else {
        return matches!(a, Measure::Plain).then_some(Measure::Plain);
    };
    match (a, unit) {
        (_, Date) => None,
        (Measure::Plain, _) => Some(b.clone()),
        (Measure::In(Number | Correlation, _), Ratio | Points | Money | Price | Statistic) => Some(b.clone()),
        (Measure::In(Ratio, _), Ratio | Points | Money | Price) => Some(b.clone()),
        (Measure::In(Points, _), Points | Money | Price) => Some(b.clone()),
        (Measure::In(Count, _), Money | Price) => Some(Measure::In(Money, currency.clone())),
        (Measure::In(Number | Correlation, _), Number | Correlation) => Some(Measure::of(Number)),
        (Measure::In(Number | Ratio | Count, _), Count | Sessions) => Some(Measure::of(Number)),
        (_, Probability) => None,
        _ => None,
    }
}

fn quotient(a: &Measure, b: &Measure) -> Option<Measure> {
    use Unit::{Count, Date, Money, Number, Points, Price, Probability, Ratio, Sessions};
    match (a, b) {
        (Measure::In(Date | Probability, _), _) | (_, Measure::In(Date | Probability, _)) => None,
        (_, Measure::Plain) => Some(a.clone()),
        (Measure::Plain, b) => (scales(b) || b.unit() == Count).then(|| Measure::of(Number)),
        (Measure::In(x, of), Measure::In(y, other)) => match (x, y) {
            (x, y) if x == y && of == other => Some(Measure::of(Number)),
            (Ratio, Points) | (Points, Ratio) => Some(Measure::of(Number)),
            (Money, Price) if of == other => Some(Measure::of(Count)),
            (Money, Count) => Some(a.clone()),
            (Count | Number, Count | Sessions) => Some(Measure::of(Number)),
            (Money | Price | Ratio | Points, Number | Unit::Correlation) => Some(a.clone()),
            (Money | Price, Ratio) => Some(a.clone()),
            (Count | Sessions | Number | Unit::Correlation | Unit::Statistic, _) if scales(b) => {
                Some(Measure::of(Number))
            }
            _ => None,
        },
    }
}

/// The unit that two values share, for the smaller or larger of them.
pub(super) fn alike(a: &Measure, b: &Measure) -> Result<Measure, String> {
    comparable(a, b)?;
    Ok(if *a == Measure::Plain { b.clone() } else { a.clone() })
}

/// Whether one can be more or less than the other.
pub(super) fn comparable(a: &Measure, b: &Measure) -> Result<(), String> {
    use Unit::{Correlation, Count, Number, Points, Ratio, Sessions, Statistic};
    let fits = match (a, b) {
        (Measure::Plain, other) | (other, Measure::Plain) => other.unit() != Unit::Date,
        (Measure::In(x, of), Measure::In(y, other)) if of == other => {
            x == y
                || matches!((x, y), (Ratio | Points, Ratio | Points))
                || matches!((x, y), (Number | Ratio, Number | Ratio))
                || matches!(
                    (x, y),
                    (Number | Correlation | Statistic | Count | Sessions, Number)
                        | (Number, Correlation | Statistic | Count | Sessions)
                )
        }
        _ => false,
    };
    if fits { Ok(()) } else { Err(format!("a comparison of {} with {}", a.noun(), b.noun())) }
}
