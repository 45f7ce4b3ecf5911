//! From rows to the values last known: one pass, for rows that are mostly in order.

use crate::frame::date_of;
use anyhow::{Context, Result};
use jiff::civil::Date;
use polars::prelude::{DataFrame, DataType};
use std::collections::{BTreeMap, HashMap};

/// The value last known for a date.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Days since 1970.
    pub day: i32,
    /// Since when it is known, in microseconds.
    pub known: i64,
    /// The value.
    pub value: f64,
    /// Number of its unit in [`Latest::units`].
    pub unit: usize,
}

impl Point {
    /// Its date.
    #[must_use]
    pub fn date(&self) -> Option<Date> {
        date_of(self.day)
    }
}

/// The values of one field of a symbol from one provider, by date.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The symbol.
    pub symbol: String,
    /// The field.
    pub field: String,
    /// The provider.
    pub provider: String,
    /// Rows in all: those beyond one per date are revisions.
    pub rows: usize,
    /// Dates whose value was withdrawn and that have no point.
    pub withdrawn: usize,
    /// One point per date, in order.
    pub points: Vec<Point>,
    ordered: bool,
}

/// The values last known, by symbol, field and provider.
#[derive(Debug, Clone, Default)]
pub struct Latest {
    /// Lines, in order of symbol, field and provider once complete.
    pub lines: Vec<Line>,
    /// Units.
    pub units: Vec<String>,
    symbols: HashMap<String, Vec<usize>>,
}

/// The values of a symbol from the provider that is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen<'a> {
    /// The provider.
    pub provider: &'a str,
    /// Values by field.
    pub fields: BTreeMap<&'a str, &'a [Point]>,
}

impl Latest {
    /// Takes the rows of a frame.
    pub(super) fn add(&mut self, frame: &DataFrame) -> Result<()> {
        let text = |name: &str| -> Result<_> { Ok(frame.column(name)?.str()?) };
        let days = frame.column("date")?.cast(&DataType::Int32)?;
        let numbers = days
            .i32()?
            .iter()
            .zip(frame.column("known")?.i64()?.iter())
            .zip(frame.column("value")?.f64()?.iter());
        let texts = text("field")?.iter().zip(text("provider")?.iter()).zip(text("unit")?.iter());
        let (mut own, mut symbol, mut line, mut unit) = (Vec::new(), None, usize::MAX, 0);
        for ((name, ((field, provider), unit_name)), ((day, known), value)) in
            text("symbol")?.iter().zip(texts).zip(numbers)
        {
            let (Some(name), Some(field), Some(provider), Some(unit_name)) =
                (name, field, provider, unit_name)
            else {
                anyhow::bail!("a row has no name");
            };
            let (Some(day), Some(known), Some(value)) = (day, known, value) else {
                anyhow::bail!("a row of {name} has no value");
            };
            if symbol != Some(name) {
                if let Some(symbol) = symbol {
                    self.symbols.insert(str::to_owned(symbol), std::mem::take(&mut own));
                }
                own = self.symbols.get(name).cloned().unwrap_or_default();
                (symbol, line) = (Some(name), usize::MAX);
            }
            let is = |at: &usize| {
                let line: &Line = &self.lines[*at];
                line.field == field && line.provider == provider
            };
            if line == usize::MAX || !is(&line) {
                line = own.iter().copied().find(is).unwrap_or_else(|| {
                    own.push(self.lines.len());
                    self.lines.len()
                });
                if line == self.lines.len() {
                    let (symbol, field, provider) = (name.to_owned(), field.to_owned(), provider.to_owned());
                    self.lines.push(Line {
                        symbol,
                        field,
                        provider,
                        rows: 0,
                        withdrawn: 0,
                        points: Vec::new(),
                        ordered: true,
                    });
                }
            }
            if self.units.get(unit).is_none_or(|own| own != unit_name) {
                unit = self.units.iter().position(|own| own == unit_name).unwrap_or_else(|| {
                    self.units.push(unit_name.to_owned());
                    self.units.len() - 1
                });
            }
            self.lines[line].put(Point { day, known, value, unit });
        }
        if let Some(symbol) = symbol {
            self.symbols.insert(symbol.to_owned(), own);
        }
        Ok(())
    }

    /// Puts lines and their points into order.
    pub(super) fn complete(mut self) -> Self {
        self.symbols.clear();
        self.lines.iter_mut().for_each(Line::settle);
        self.lines.iter_mut().for_each(Line::withdraw);
        self.lines
            .sort_by(|a, b| (&a.symbol, &a.field, &a.provider).cmp(&(&b.symbol, &b.field, &b.provider)));
        self
    }

    /// For each symbol the provider whose values reach furthest; of several, the one that told the last date last,
    /// then the first by name. What is read depends on the rows alone, not on a configuration that changes.
    #[must_use]
    pub fn chosen(&self) -> BTreeMap<&str, Chosen<'_>> {
        let mut reach: BTreeMap<(&str, &str), (i32, i64)> = BTreeMap::new();
        for line in &self.lines {
            if let Some(last) = line.points.last() {
                let own = reach.entry((&line.symbol, &line.provider)).or_insert((i32::MIN, i64::MIN));
                *own = (*own).max((last.day, last.known));
            }
        }
        let mut chosen: BTreeMap<&str, Chosen<'_>> = BTreeMap::new();
        let mut best: BTreeMap<&str, (i32, i64)> = BTreeMap::new();
        for ((symbol, provider), reach) in reach {
            if best.get(symbol).is_none_or(|best| *best < reach) {
                best.insert(symbol, reach);
                chosen.insert(symbol, Chosen { provider, fields: BTreeMap::new() });
            }
        }
        for line in &self.lines {
            if let Some(own) =
                chosen.get_mut(line.symbol.as_str()).filter(|own| own.provider == line.provider)
            {
                own.fields.insert(&line.field, &line.points);
            }
        }
        chosen
    }

    /// The unit of a point.
    ///
    /// # Errors
    /// A point of another store.
    pub fn unit(&self, point: &Point) -> Result<&str> {
        self.units.get(point.unit).map(String::as_str).context("a point without a unit")
    }
}

impl Line {
    /// Takes a point; the one known later stands, whatever the order of taking them.
    fn put(&mut self, point: Point) {
        self.rows += 1;
        match self.points.last_mut() {
            Some(last) if last.day == point.day => {
                if rank(last) <= rank(&point) {
                    *last = point;
                }
                return;
            }
            Some(last) if last.day > point.day => self.ordered = false,
            _ => {}
        }
        self.points.push(point);
    }

    fn settle(&mut self) {
        if self.ordered {
            return;
        }
        self.points.sort_by_key(|point| (point.day, rank(point)));
        let mut kept: Vec<Point> = Vec::with_capacity(self.points.len());
        for point in self.points.drain(..) {
            match kept.last_mut() {
                Some(last) if last.day == point.day => *last = point,
                _ => kept.push(point),
            }
        }
        self.points = kept;
        self.ordered = true;
    }

    /// Takes away the dates whose last row says that there is no value.
    fn withdraw(&mut self) {
        let before = self.points.len();
        self.points.retain(|point| !point.value.is_nan());
        self.withdrawn = before - self.points.len();
    }

    /// Rows that replaced an earlier one for the same date.
    #[must_use]
    pub fn revisions(&self) -> usize {
        self.rows - self.points.len() - self.withdrawn
    }
}

/// Order of knowledge; the value's bits decide between two told for one time, so that one always wins.
fn rank(point: &Point) -> (i64, u64) {
    (point.known, point.value.to_bits())
}
