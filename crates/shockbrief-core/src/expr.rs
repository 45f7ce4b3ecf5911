//! Expressions over figures: the conditions of claims and the figures that authors declare.
//!
//! One small language, without loops or variables. A figure is `fig("id")` or the bare id, its p-value
//! `fig("id").p`; an id that begins with a dot belongs to the section that asks. Numbers are joined by
//! `+ - * /`, compared by `< <= > >= == !=`, and conditions by `and`, `or`, `not`; `abs`, `min` and `max`
//! are functions. Every step has a unit (`units`), known before any value is: what has no sense is
//! refused even where a value is missing. Truth has three values (Kleene, *Introduction to
//! Metamathematics*, 1952, §64): a comparison with a missing figure is neither true nor false, and keeps
//! the figure's reason.

mod parse;
mod units;

use crate::{Figure, Unit, Value, nearest::nearest};
use jiff::civil::Date;
use std::{collections::BTreeSet, fmt, ops::Range};

pub use units::Measure;

/// What is wrong with an expression, and the part of its text that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: String,
    /// Bytes of the expression's text.
    pub at: Range<usize>,
}

impl Fault {
    fn new(at: &Range<usize>, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into(), at: at.clone() }
    }

    /// The message with the part of the text that it is about, unless it names it.
    #[must_use]
    pub fn told(&self, text: &str) -> String {
        let part = text.get(self.at.clone()).unwrap_or_default().trim();
        if part.is_empty() || self.message.contains(part) {
            return self.message.clone();
        }
        format!("{}, in `{}`", self.message, part.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// An id that does not exist, with the nearest that does.
#[must_use]
pub fn unknown<'a>(
    at: &Range<usize>,
    what: &str,
    id: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Fault {
    let hint = match nearest(id, known) {
        Some(near) => format!("the nearest is `{near}`"),
        None => format!("the brief has no {what} at all"),
    };
    Fault::new(at, format!("there is no {what} `{id}`"), hint)
}

/// A part of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Its value.
    Value,
    /// Its p-value.
    P,
    /// Its standard error.
    Se,
    /// Its number of observations.
    N,
    /// Its number of firms.
    Firms,
}

/// What an expression can ask whether it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// `has("figure")`: the figure has a value.
    Has,
    /// `known("fact")`: the fact was public by the as-of date.
    Known,
    /// `ready("section")`: the section has something to say; without a name, the section that asks.
    Ready,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arith {
    Add,
    Sub,
    Mul,
    Div,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Less,
    AtMost,
    More,
    AtLeast,
    Equal,
    Different,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Abs,
    Min,
    Max,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Number(f64),
    Date(Date),
    Truth(bool),
    Figure(String, Part),
    Ask(Question, String),
    Negative(Box<Expr>),
    Call(Function, Vec<Expr>),
    Arith(Arith, Box<Expr>, Box<Expr>),
    Compare(Order, Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
}

/// A parsed expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    node: Node,
    at: Range<usize>,
}

/// Where an expression finds what it names; ids that begin with a dot are resolved before they get here.
pub trait Scope {
    /// A figure by its id.
    fn figure(&self, id: &str) -> Option<&Figure>;
    /// Ids of all figures, for messages.
    fn figures(&self) -> Vec<&str>;
    /// Whether a fact was public by the as-of date; `None` for one that is not declared.
    fn known(&self, fact: &str) -> Option<bool>;
    /// Ids of all declared facts, for messages.
    fn facts(&self) -> Vec<&str>;
    /// Whether a section has something to say, false for one not in the report; `None` for one that does not exist.
    fn ready(&self, section: &str) -> Option<bool>;
    /// Ids of all sections that exist, for messages.
    fn sections(&self) -> Vec<&str>;
    /// The section that asks, for ids that begin with a dot.
    fn within(&self) -> Option<&str> {
        None
    }
}

/// What an expression gives.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer<T> {
    /// A value.
    Is(T),
    /// None, and why.
    Missing(String),
}

/// A number with its unit, or the reason why there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantity {
    /// The number, finite.
    pub value: Answer<f64>,
    /// What it measures.
    pub measure: Measure,
}

/// A condition's truth with the figures that decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// True, false, or missing with the reason.
    pub truth: Answer<bool>,
    /// Figures looked at, in order, each once, with their values; `None` for one without.
    pub values: Vec<Used>,
}

/// A figure's id, with `.p` and the like for a part of it, and its value, if it has one.
pub type Used = (String, Option<Value>);

#[derive(Debug, Clone, PartialEq)]
enum Found {
    Number(Quantity),
    Truth(Answer<bool>),
    Date(Answer<Date>),
}

impl Expr {
    /// Reads an expression.
    ///
    /// # Errors
    /// Text that is no expression, with the place of the first part that is not.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        parse::expression(text)
    }

    /// Ids of the figures it names, with their places, in order.
    #[must_use]
    pub fn figures(&self) -> Vec<(&str, Range<usize>)> {
        let mut found = Vec::new();
        self.walk(&mut |expr| match &expr.node {
            Node::Figure(id, _) | Node::Ask(Question::Has, id) => found.push((id.as_str(), expr.at.clone())),
            _ => {}
        });
        found
    }

    /// What it asks for besides figures: facts and sections, with their places, in order.
    #[must_use]
    pub fn questions(&self) -> Vec<(Question, &str, Range<usize>)> {
        let mut found = Vec::new();
        self.walk(&mut |expr| {
            if let Node::Ask(question, id) = &expr.node {
                found.push((*question, id.as_str(), expr.at.clone()));
            }
        });
        found
    }

    fn walk<'a>(&'a self, see: &mut impl FnMut(&'a Self)) {
        see(self);
        match &self.node {
            Node::Negative(one) | Node::Not(one) => one.walk(see),
            Node::Call(_, many) => many.iter().for_each(|one| one.walk(see)),
            Node::Arith(_, a, b) | Node::Compare(_, a, b) | Node::And(a, b) | Node::Or(a, b) => {
                a.walk(see);
                b.walk(see);
            }
            Node::Number(_) | Node::Date(_) | Node::Truth(_) | Node::Figure(..) | Node::Ask(..) => {}
        }
    }

    /// Facts and sections that it names and that do not exist: what can be told before anything is computed.
    #[must_use]
    pub fn faults_of_names(&self, scope: &dyn Scope) -> Vec<Fault> {
        let mut faults = Vec::new();
        self.walk(&mut |expr| match &expr.node {
            Node::Ask(question @ (Question::Known | Question::Ready), id) => {
                faults.extend(ask(&expr.at, scope, *question, id).err());
            }
            Node::Figure(id, _) | Node::Ask(Question::Has, id) => {
                let fact = id.strip_prefix("fact.").filter(|fact| !fact.ends_with(".known"));
                let gone = fact.filter(|fact| scope.known(fact).is_none());
                faults.extend(gone.map(|fact| unknown(&expr.at, "fact", fact, scope.facts())));
            }
            _ => {}
        });
        faults
    }

    /// Whether its outermost step is a condition: what a claim may ask, and a figure may not be.
    #[must_use]
    pub fn is_condition(&self) -> bool {
        matches!(
            self.node,
            Node::Truth(_) | Node::Ask(..) | Node::Compare(..) | Node::And(..) | Node::Or(..) | Node::Not(_)
        )
    }

    /// Judges a condition.
    ///
    /// # Errors
    /// An id that does not exist, a comparison without sense, or an expression that is no condition.
    pub fn judge(&self, scope: &dyn Scope) -> Result<Judgement, Fault> {
        let mut seen = Seen::default();
        match self.eval(scope, &mut seen)? {
            Found::Truth(truth) => Ok(Judgement { truth, values: seen.values }),
            found => Err(Fault::new(
                &self.at,
                format!("the condition gives {}, not true or false", found.noun()),
                "compare figures: fig(\"...\") < 0",
            )),
        }
    }

    /// The number that an expression gives.
    ///
    /// # Errors
    /// An id that does not exist, arithmetic without sense, or an expression that gives no number.
    pub fn number(&self, scope: &dyn Scope) -> Result<Quantity, Fault> {
        match self.eval(scope, &mut Seen::default())? {
            Found::Number(quantity) => Ok(quantity),
            found => Err(Fault::new(
                &self.at,
                format!("the expression gives {}, not a number", found.noun()),
                "write arithmetic on figures: .a / .b - 1",
            )),
        }
    }

    fn eval(&self, scope: &dyn Scope, seen: &mut Seen) -> Result<Found, Fault> {
        Ok(match &self.node {
            Node::Number(number) => Found::Number(Quantity::literal(*number)),
            Node::Date(date) => Found::Date(Answer::Is(*date)),
            Node::Truth(truth) => Found::Truth(Answer::Is(*truth)),
            Node::Figure(id, part) => look_up(&self.at, scope, &full(&self.at, scope, id)?, *part, seen)?,
            Node::Ask(question, id) => Found::Truth(Answer::Is(ask(&self.at, scope, *question, id)?)),
            Node::Negative(one) => Found::Number(one.quantity(scope, seen)?.map(|value| -value)),
            Node::Call(function, many) => Found::Number(self.call(*function, many, scope, seen)?),
            Node::Arith(arith, a, b) => self.arith(*arith, a.eval(scope, seen)?, b.eval(scope, seen)?)?,
            Node::Compare(order, a, b) => {
                Found::Truth(self.compare(*order, a.eval(scope, seen)?, b.eval(scope, seen)?)?)
            }
            // Both sides are looked at, so that a wrong id is told whatever the other side says.
            Node::And(a, b) => Found::Truth(a.truth(scope, seen)?.and(b.truth(scope, seen)?)),
            Node::Or(a, b) => Found::Truth(a.truth(scope, seen)?.or(b.truth(scope, seen)?)),
            Node::Not(one) => Found::Truth(one.truth(scope, seen)?.map(|truth| !truth)),
        })
    }

    fn quantity(&self, scope: &dyn Scope, seen: &mut Seen) -> Result<Quantity, Fault> {
        match self.eval(scope, seen)? {
            Found::Number(quantity) => Ok(quantity),
            found => {
                Err(Fault::new(&self.at, format!("a number is due, not {}", found.noun()), "name a figure"))
            }
        }
    }

    fn truth(&self, scope: &dyn Scope, seen: &mut Seen) -> Result<Answer<bool>, Fault> {
        match self.eval(scope, seen)? {
            Found::Truth(truth) => Ok(truth),
            found => Err(Fault::new(
                &self.at,
                format!("a condition is due, not {}", found.noun()),
                "compare figures: fig(\"...\") < 0",
            )),
        }
    }

    fn call(
        &self,
        function: Function,
        many: &[Self],
        scope: &dyn Scope,
        seen: &mut Seen,
    ) -> Result<Quantity, Fault> {
        let mut quantities = many.iter().map(|one| one.quantity(scope, seen));
        let mut result = quantities.next().unwrap_or_else(|| Ok(Quantity::literal(f64::NAN)))?;
        if function == Function::Abs {
            return Ok(result.map(f64::abs));
        }
        for next in quantities {
            let next = next?;
            let measure = units::alike(&result.measure, &next.measure).map_err(|m| self.without_sense(&m))?;
            let pick = if function == Function::Min { f64::min } else { f64::max };
            let value = result.value.with(next.value, |a, b| Answer::Is(pick(a, b)));
            result = Quantity { value, measure };
        }
        Ok(result)
    }

    fn arith(&self, arith: Arith, a: Found, b: Found) -> Result<Found, Fault> {
        if let (Arith::Sub, Found::Date(a), Found::Date(b)) = (arith, &a, &b) {
            let days = a.clone().with(b.clone(), |a, b| Answer::Is(f64::from((a - b).get_days())));
            return Ok(Found::Number(Quantity { value: days, measure: Measure::of(Unit::Count) }));
        }
        let (Found::Number(a), Found::Number(b)) = (&a, &b) else {
            return Err(self.without_sense(&format!("arithmetic on {} and {}", a.noun(), b.noun())));
        };
        let measure = units::of(arith, &a.measure, &b.measure).map_err(|m| self.without_sense(&m))?;
        let value = a.value.clone().with(b.value.clone(), |a, b| calculate(arith, a, b));
        Ok(Found::Number(Quantity { value, measure }))
    }

    fn compare(&self, order: Order, a: Found, b: Found) -> Result<Answer<bool>, Fault> {
        match (a, b) {
            (Found::Number(a), Found::Number(b)) => {
                units::comparable(&a.measure, &b.measure).map_err(|m| self.without_sense(&m))?;
                Ok(a.value.with(b.value, |a, b| Answer::Is(order.holds(&a, &b))))
            }
            (Found::Date(a), Found::Date(b)) => Ok(a.with(b, |a, b| Answer::Is(order.holds(&a, &b)))),
            (Found::Truth(a), Found::Truth(b)) if matches!(order, Order::Equal | Order::Different) => {
                Ok(a.with(b, |a, b| Answer::Is(order.holds(&a, &b))))
            }
            (a, b) => Err(self.without_sense(&format!("a comparison of {} with {}", a.noun(), b.noun()))),
        }
    }

    fn without_sense(&self, what: &str) -> Fault {
        Fault::new(
            &self.at,
            format!("{what} has no sense"),
            "put together figures of one unit and one currency, or a figure and a plain number",
        )
    }
}

#[derive(Default)]
struct Seen {
    values: Vec<Used>,
}

fn calculate(arith: Arith, a: f64, b: f64) -> Answer<f64> {
    let value = match arith {
        Arith::Add => a + b,
        Arith::Sub => a - b,
        Arith::Mul => a * b,
        Arith::Div if b == 0.0 => return Answer::Missing("divided by zero".to_owned()),
        Arith::Div => a / b,
    };
    if value.is_finite() {
        Answer::Is(value)
    } else {
        Answer::Missing("the computation left the range of floating point".to_owned())
    }
}

/// The id with the section's before it where it begins with a dot.
fn full(at: &Range<usize>, scope: &dyn Scope, id: &str) -> Result<String, Fault> {
    match (id.strip_prefix('.'), scope.within()) {
        (None, _) => Ok(id.to_owned()),
        (Some(local), Some(section)) => Ok(format!("{section}.{local}")),
        (Some(_), None) => Err(Fault::new(
            at,
            format!("`{id}` belongs to a section, and none is asking"),
            "write the full id, or name the `section` of the claim",
        )),
    }
}

fn look_up(
    at: &Range<usize>,
    scope: &dyn Scope,
    id: &str,
    part: Part,
    seen: &mut Seen,
) -> Result<Found, Fault> {
    let figure = scope.figure(id).ok_or_else(|| unknown_figure(at, id, scope))?;
    let label = part.of(id);
    if !seen.values.iter().any(|(known, _)| *known == label) {
        let value = if part == Part::Value { figure.value } else { part_of(figure, part).map(Value::Number) };
        seen.values.push((label, value));
    }
    let missing = || figure.reason.clone().unwrap_or_else(|| "no reason given".to_owned());
    if figure.unit == Unit::Date && part == Part::Value {
        return Ok(Found::Date(match figure.value {
            Some(Value::Date(date)) => Answer::Is(date),
            _ => Answer::Missing(missing()),
        }));
    }
    let value = match part_of(figure, part) {
        Some(value) => Answer::Is(value),
        None if part == Part::Value || figure.reason.is_some() => Answer::Missing(missing()),
        None => Answer::Missing(format!("figure `{id}` has no {}", part.name())),
    };
    Ok(Found::Number(Quantity { value, measure: Measure::part(figure, part) }))
}

fn unknown_figure(at: &Range<usize>, id: &str, scope: &dyn Scope) -> Fault {
    let mut fault = unknown(at, "figure", id, scope.figures());
    // `a -b` and `a-b` differ by what the author may not have meant.
    if let Some((first, _)) = id.rsplit_once('-').filter(|(first, _)| scope.figure(first).is_some()) {
        fault.hint = format!("`{first}` is a figure: to subtract from it, put a space on both sides of `-`");
    }
    fault
}

fn part_of(figure: &Figure, part: Part) -> Option<f64> {
    let count = |n: Option<usize>| n.map(|n| n as f64);
    match part {
        Part::Value => figure.number(),
        Part::P => figure.p,
        Part::Se => figure.se,
        Part::N => count(figure.n),
        Part::Firms => count(figure.firms),
    }
}

fn ask(at: &Range<usize>, scope: &dyn Scope, question: Question, id: &str) -> Result<bool, Fault> {
    match question {
        Question::Has => {
            let id = full(at, scope, id)?;
            scope.figure(&id).map(|f| f.value.is_some()).ok_or_else(|| unknown_figure(at, &id, scope))
        }
        Question::Known => scope.known(id).ok_or_else(|| unknown(at, "fact", id, scope.facts())),
        Question::Ready => {
            let id = match (id, scope.within()) {
                ("", Some(section)) => section,
                _ => id,
            };
            scope.ready(id).ok_or_else(|| unknown(at, "section", id, scope.sections()))
        }
    }
}

impl Part {
    /// The id of this part of a figure.
    fn of(self, id: &str) -> String {
        match self {
            Self::Value => id.to_owned(),
            Self::P => format!("{id}.p"),
            Self::Se => format!("{id}.se"),
            Self::N => format!("{id}.n"),
            Self::Firms => format!("{id}.firms"),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::P => "p-value",
            Self::Se => "standard error",
            Self::N => "number of observations",
            Self::Firms => "number of firms",
        }
    }
}

impl Order {
    fn holds<T: PartialOrd>(self, a: &T, b: &T) -> bool {
        match self {
            Self::Less => a < b,
            Self::AtMost => a <= b,
            Self::More => a > b,
            Self::AtLeast => a >= b,
            Self::Equal => a == b,
            Self::Different => a != b,
        }
    }
}

impl Found {
    fn noun(&self) -> &'static str {
        match self {
            Self::Number(_) => "a number",
            Self::Truth(_) => "a condition",
            Self::Date(_) => "a date",
        }
    }
}

impl Quantity {
    fn literal(value: f64) -> Self {
        Self { value: Answer::Is(value), measure: Measure::Plain }
    }

    fn map(self, apply: impl Fn(f64) -> f64) -> Self {
        Self { value: self.value.map(apply), measure: self.measure }
    }
}

impl<T> Answer<T> {
    fn map<U>(self, apply: impl Fn(T) -> U) -> Answer<U> {
        match self {
            Self::Is(value) => Answer::Is(apply(value)),
            Self::Missing(reason) => Answer::Missing(reason),
        }
    }

    /// Both values put together; the first reason where one is missing.
    fn with<U>(self, other: Self, apply: impl Fn(T, T) -> Answer<U>) -> Answer<U> {
        match (self, other) {
            (Self::Is(a), Self::Is(b)) => apply(a, b),
            (Self::Missing(reason), _) | (_, Self::Missing(reason)) => Answer::Missing(reason),
        }
    }
}

impl Answer<bool> {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Is(false), _) | (_, Self::Is(false)) => Self::Is(false),
            (Self::Missing(reason), _) | (_, Self::Missing(reason)) => Self::Missing(reason),
            _ => Self::Is(true),
        }
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Is(true), _) | (_, Self::Is(true)) => Self::Is(true),
            (Self::Missing(reason), _) | (_, Self::Missing(reason)) => Self::Missing(reason),
            _ => Self::Is(false),
        }
    }
}

/// Figures of findings as a scope, with the facts and sections that exist.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// Figures, and the sections that have nothing to say.
    pub findings: &'a crate::Findings,
    /// Ids of all declared facts.
    pub facts: &'a BTreeSet<String>,
    /// Ids of all sections that exist.
    pub sections: &'a BTreeSet<String>,
    /// Ids of the report's sections.
    pub shown: &'a BTreeSet<String>,
    /// The section that asks.
    pub within: Option<&'a str>,
}

impl Scope for Names<'_> {
    fn figure(&self, id: &str) -> Option<&Figure> {
        self.findings.figures.get(id)
    }

    fn figures(&self) -> Vec<&str> {
        self.findings.figures.keys().map(String::as_str).collect()
    }

    fn known(&self, fact: &str) -> Option<bool> {
        match self.findings.figures.get(&format!("fact.{fact}")) {
            Some(figure) => Some(figure.value.is_some()),
            None => self.facts.contains(fact).then_some(false),
        }
    }

    fn facts(&self) -> Vec<&str> {
        self.facts.iter().map(String::as_str).collect()
    }

    fn ready(&self, section: &str) -> Option<bool> {
        if self.shown.contains(section) {
            return Some(!self.findings.absent.contains_key(section));
        }
        self.sections.contains(section).then_some(false)
    }

    fn sections(&self) -> Vec<&str> {
        self.sections.union(self.shown).map(String::as_str).collect()
    }

    fn within(&self) -> Option<&str> {
        self.within
    }
}

#[cfg(test)]
mod tests;
