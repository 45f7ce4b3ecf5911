//! Named courses: what an author points at, as one series of levels on the sessions of its market.
//!
//! A theme or basket is one portfolio: equal weights of the members that have a return that day, restored each
//! session, starting at one. A pair is its first portfolio held long against its second held short, also restored
//! each session. A day without any return leaves a gap, which is never filled. A date reaches at most to the as-of date.

use crate::{Desk, panel::simple};
use jiff::civil::Date;
use shockbrief_core::{
    Datum, Market, Symbol, Unit,
    config::section::{Base, Edge, Ref, Set, When},
};
use std::{cell::RefCell, collections::BTreeMap, ops::Range, rc::Rc};

/// Why a value is missing.
pub type Reason = String;

/// One course.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// Dates, ascending: sessions of its market, or days of its records.
    pub dates: Vec<Date>,
    /// A level for each date; `None` where missing.
    pub levels: Vec<Option<f64>>,
    /// Relative change of each date from the one before; of a portfolio, the mean of its members' own.
    pub returns: Vec<Option<f64>>,
    /// What levels measure; a portfolio has none of its own, only its changes mean something.
    pub unit: Option<Unit>,
    /// ISO code of prices.
    pub currency: Option<String>,
    /// What went in: symbols, or a source with its column.
    pub inputs: Vec<String>,
    /// Files behind it.
    pub sources: Vec<String>,
}

impl Course {
    /// The row of a date, or of the last one before it.
    fn row(&self, date: Date) -> Result<usize, Reason> {
        let row = self.dates.partition_point(|other| *other <= date);
        row.checked_sub(1).ok_or_else(|| "the data begin later".to_owned())
    }

    /// Its returns on these dates; `None` on one that it does not have.
    pub fn returns_on(&self, dates: &[Date]) -> Vec<Option<f64>> {
        let on = |date: &Date| self.dates.binary_search(date).ok().and_then(|row| self.returns[row]);
        dates.iter().map(on).collect()
    }

    /// The level of a row.
    pub fn level(&self, row: usize) -> Result<f64, Reason> {
        let date = self.dates.get(row).map_or_else(String::new, ToString::to_string);
        self.levels.get(row).copied().flatten().ok_or_else(|| format!("no value on {date}"))
    }

    /// Relative change from the level of the first row to that of the last.
    pub fn change(&self, rows: &Range<usize>) -> Result<f64, Reason> {
        let (from, to) = (self.level(rows.start)?, self.level(rows.end - 1)?);
        if from > 0.0 { Ok(to / from - 1.0) } else { Err("the first level is not positive".to_owned()) }
    }
}

/// Resolves names and dates of one brief, each course once.
pub struct Courses<'a> {
    desk: Desk<'a>,
    home: Option<&'a Market>,
    made: RefCell<BTreeMap<Ref, Rc<Result<Course, Reason>>>>,
}

impl<'a> Courses<'a> {
    /// Over a report's data; dates are counted on the sessions of its benchmark.
    pub fn new(desk: &Desk<'a>) -> Self {
        let study = desk.report.study.as_ref().map(|study| &study.benchmark);
        let benchmark = study.or(desk.report.panel.as_ref().map(|panel| &panel.benchmark));
        let found = benchmark.and_then(|symbol| desk.data.find(symbol)).map(|(market, _)| market);
        let home = found.or_else(|| desk.data.markets.values().next());
        Self { desk: *desk, home, made: RefCell::default() }
    }

    /// The course of the report's benchmark.
    pub fn benchmark(&self) -> Option<Rc<Result<Course, Reason>>> {
        let report = self.desk.report;
        let panel = report.panel.as_ref().map(|panel| &panel.benchmark);
        let symbol = panel.or(report.study.as_ref().map(|study| &study.benchmark))?;
        Some(self.get(&Ref::Symbol(symbol.clone())))
    }

    /// The course of a name; the reason where it has none.
    pub fn get(&self, name: &Ref) -> Rc<Result<Course, Reason>> {
        if let Some(made) = self.made.borrow().get(name) {
            return made.clone();
        }
        let made = Rc::new(self.make(name));
        self.made.borrow_mut().insert(name.clone(), made.clone());
        made
    }

    fn make(&self, name: &Ref) -> Result<Course, Reason> {
        match name {
            Ref::Symbol(symbol) => self.symbol(symbol),
            Ref::Theme(_) | Ref::Basket(_) => {
                let members = self.members(&Set::One(name.clone()));
                self.portfolio(members.iter().filter_map(|member| match member {
                    Ref::Symbol(symbol) => Some(symbol),
                    _ => None,
                }))
            }
            Ref::Pair(long, short) => self.pair(long, short),
            Ref::Column { source, column } => self.column(source, column),
        }
    }

    fn symbol(&self, symbol: &Symbol) -> Result<Course, Reason> {
        let (market, series) = self.desk.data.find(symbol).ok_or("no prices in the data")?;
        Ok(Course {
            dates: market.sessions.iter().map(|session| session.date).collect(),
            levels: series.adjusted.clone(),
            returns: simple(&series.adjusted),
            unit: Some(Unit::Price),
            currency: Some(series.currency.to_string()),
            inputs: vec![symbol.to_string()],
            sources: self.desk.sources(std::slice::from_ref(symbol)),
        })
    }

    /// Equal weights of the members that have a return that day, restored each session.
    fn portfolio<'b>(&self, symbols: impl Iterator<Item = &'b Symbol>) -> Result<Course, Reason> {
        let home = self.home.ok_or("no prices in the data")?;
        let dates: Vec<Date> = home.sessions.iter().map(|session| session.date).collect();
        let held: Vec<&Symbol> = symbols.filter(|symbol| self.desk.data.find(symbol).is_some()).collect();
        let returns: Vec<Vec<Option<f64>>> = held.iter().map(|symbol| self.returns(symbol, &dates)).collect();
        if returns.is_empty() {
            return Err("no prices of any member in the data".to_owned());
        }
        let mean = |row: usize| {
            let today: Vec<f64> = returns.iter().filter_map(|series| series[row]).collect();
            (!today.is_empty()).then(|| today.iter().sum::<f64>() / today.len() as f64)
        };
        let daily: Vec<Option<f64>> = (0..dates.len()).map(mean).collect();
        let symbols: Vec<Symbol> = held.into_iter().cloned().collect();
        Ok(Course {
            levels: compounded(&daily),
            returns: daily,
            dates,
            unit: None,
            currency: None,
            inputs: symbols.iter().map(ToString::to_string).collect(),
            sources: self.desk.sources(&symbols),
        })
    }

    /// Simple returns of a symbol on these dates.
    fn returns(&self, symbol: &Symbol, dates: &[Date]) -> Vec<Option<f64>> {
        let Some((market, series)) = self.desk.data.find(symbol) else { return vec![None; dates.len()] };
        let prices: Vec<Option<f64>> =
            dates.iter().map(|date| series.adjusted[market.row_of(*date)?]).collect();
        simple(&prices)
    }

    fn pair(&self, long: &Ref, short: &Ref) -> Result<Course, Reason> {
        let (held, sold) = (self.get(long), self.get(short));
        let (held, sold) = (held.as_ref().as_ref(), sold.as_ref().as_ref());
        let (held, sold) = (held.map_err(Clone::clone)?, sold.map_err(Clone::clone)?);
        let place: BTreeMap<Date, usize> = sold.dates.iter().copied().zip(0..).collect();
        let dates: Vec<Date> = held.dates.iter().copied().filter(|date| place.contains_key(date)).collect();
        let own: BTreeMap<Date, usize> = held.dates.iter().copied().zip(0..).collect();
        let on = |course: &Course, rows: &BTreeMap<Date, usize>| -> Vec<Option<f64>> {
            let levels: Vec<_> = dates.iter().map(|date| course.levels[rows[date]]).collect();
            simple(&levels)
        };
        let differences = on(held, &own).into_iter().zip(on(sold, &place));
        let daily: Vec<Option<f64>> = differences.map(|(long, short)| Some(long? - short?)).collect();
        let both = |a: &[String], b: &[String]| {
            let mut all: Vec<String> = a.iter().chain(b).cloned().collect();
            all.dedup();
            all
        };
        Ok(Course {
            levels: compounded(&daily),
            returns: daily,
            dates,
            unit: None,
            currency: None,
            inputs: both(&held.inputs, &sold.inputs),
            sources: both(&held.sources, &sold.sources),
        })
    }

    fn column(&self, source: &str, column: &str) -> Result<Course, Reason> {
        let records = self.desk.records(source).ok_or("the data folder holds no rows of the source")?;
        let mut rows: Vec<(Date, f64)> = Vec::new();
        for row in &records.rows {
            if let Some(Datum::Number(value)) = row.fields.get(column) {
                rows.push((row.date, *value));
            }
        }
        rows.sort_by_key(|(date, _)| *date);
        if let Some(twice) = rows.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(format!("two rows of the source on {}", twice[0].0));
        }
        if rows.is_empty() {
            return Err("no row of the source has a number there".to_owned());
        }
        let levels: Vec<Option<f64>> = rows.iter().map(|(_, value)| Some(*value)).collect();
        Ok(Course {
            dates: rows.iter().map(|(date, _)| *date).collect(),
            returns: simple(&levels),
            levels,
            unit: Some(Unit::Number),
            currency: None,
            inputs: vec![format!("{source}.{column}")],
            sources: self.desk.files(&[records]),
        })
    }

    /// The names that a set stands for: those of the report, or the members of a theme or basket.
    pub fn members(&self, set: &Set) -> Vec<Ref> {
        let symbols = |symbols: &[Symbol]| symbols.iter().cloned().map(Ref::Symbol).collect();
        match set {
            Set::Many(many) => many.clone(),
            Set::One(Ref::Symbol(symbol)) if symbol.as_str() == SAMPLE => symbols(self.sample()),
            Set::One(Ref::Symbol(symbol)) if symbol.as_str() == THEMES => {
                self.desk.report.themes.iter().cloned().map(Ref::Theme).collect()
            }
            Set::One(Ref::Theme(theme)) => {
                let of_theme = |symbol: &&Symbol| {
                    self.desk.universe.get(symbol).is_some_and(|found| found.theme.as_ref() == Some(theme))
                };
                let followed: Vec<Symbol> = self.sample().iter().filter(of_theme).cloned().collect();
                if followed.is_empty() {
                    let all = self.desk.universe.of_theme(theme);
                    return all.map(|found| Ref::Symbol(found.symbol.clone())).collect();
                }
                symbols(&followed)
            }
            Set::One(Ref::Basket(basket)) => {
                self.desk.universe.baskets.get(basket).map(|members| symbols(members)).unwrap_or_default()
            }
            Set::One(one) => vec![one.clone()],
        }
    }

    /// The names that a set stands for, all members of a theme whether or not the report follows them.
    pub fn all(&self, set: &Set) -> Vec<Ref> {
        match set {
            Set::One(Ref::Theme(theme)) => {
                let all = self.desk.universe.of_theme(theme);
                all.map(|found| Ref::Symbol(found.symbol.clone())).collect()
            }
            other => self.members(other),
        }
    }

    fn sample(&self) -> &'a [Symbol] {
        let report = self.desk.report;
        let panel = report.panel.as_ref().map(|panel| panel.sample.as_slice());
        panel.or(report.study.as_ref().map(|study| study.sample.as_slice())).unwrap_or_default()
    }

    /// The date that an author means, on the sessions of the name's own market.
    pub fn date(&self, when: &When, name: &Ref) -> Result<Date, Reason> {
        let own = match name {
            Ref::Symbol(symbol) => self.desk.data.find(symbol).map(|(market, _)| market),
            _ => None,
        };
        let market = own.or(self.home).ok_or("no sessions in the data")?;
        let at_or_before = |date: Date| market.sessions.partition_point(|session| session.date <= date);
        let at_or_after = |date: Date| market.sessions.partition_point(|session| session.date < date);
        let early = || "the data begin later".to_owned();
        let late = || "the date lies after the as-of date".to_owned();
        let row = match &when.base {
            Base::Date(date) if *date > self.desk.as_of => return Err(late()),
            Base::Date(date) => at_or_before(*date).checked_sub(1).ok_or_else(early)?,
            Base::Event(id) => {
                let pinned = self.desk.report.study.as_ref().map(|study| &study.event);
                let id = id.as_ref().or(pinned).ok_or("the report is about no event")?;
                let event = self.desk.events.events.get(id).ok_or("the event is not declared")?;
                let row = market.event_row(event.instant).ok_or_else(late)?;
                // Sessions loaded may begin after the event: their first would be taken for its day 0.
                if row == 0 { return Err(early()) } else { row }
            }
            Base::Period(Edge::First) => at_or_after(self.desk.period.first_date()),
            Base::Period(Edge::Last) => {
                at_or_before(self.desk.period.last_date()).checked_sub(1).ok_or_else(early)?
            }
            Base::Year => at_or_after(self.desk.as_of.first_of_year()),
            Base::AsOf => market.sessions.len().checked_sub(1).ok_or_else(early)?,
        };
        let row = row.checked_add_signed(when.sessions as isize).ok_or_else(early)?;
        market.sessions.get(row).map(|session| session.date).ok_or_else(late)
    }

    /// The rows of a course from one close to another: `from` and `to`, or the last sessions to `to`.
    pub fn rows(
        &self,
        name: &Ref,
        course: &Course,
        (from, to, last): (&Option<When>, &Option<When>, &Option<u32>),
    ) -> Result<Range<usize>, Reason> {
        let today = When { base: Base::AsOf, sessions: 0 };
        let end = course.row(self.date(to.as_ref().unwrap_or(&today), name)?)?;
        let start = match (from, last) {
            (Some(from), _) => course.row(self.date(from, name)?)?,
            (None, Some(last)) => {
                end.checked_sub(*last as usize).ok_or_else(|| "the data begin later".to_owned())?
            }
            (None, None) => end,
        };
        if start > end {
            return Err("the stretch ends before it begins".to_owned());
        }
        Ok(start..end + 1)
    }
}

/// The word for the names that a report follows.
pub const SAMPLE: &str = "sample";
/// The word for the themes that a report shows.
pub const THEMES: &str = "themes";

/// Levels that start at one and compound; a gap in the returns is a gap in the levels.
fn compounded(daily: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut level = 1.0;
    let mut levels = Vec::with_capacity(daily.len());
    for (row, today) in daily.iter().enumerate() {
        match today {
            Some(today) => {
                level *= 1.0 + today;
                levels.push(Some(level));
            }
            None if row == 0 => levels.push(Some(level)),
            None => levels.push(None),
        }
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_compound_and_a_gap_stays_one() {
        let levels = compounded(&[None, Some(0.5), None, Some(-0.5)]);
        assert_eq!(levels, [Some(1.0), Some(1.5), None, Some(0.75)]);
    }
}
