//! The names that market sections follow over years, aligned to the benchmark's sessions.

use crate::Desk;
use anyhow::Result;
use jiff::civil::Date;
use shockbrief_analytics::reason::{Missing, Outcome};
use shockbrief_core::{
    Figure, Findings, Market, Series, Symbol, ThemeId, Unit,
    config::{Panel as PanelSpec, Universe},
};
use std::{collections::BTreeMap, ops::Range};

/// One name with a value for each session of the benchmark.
pub struct Member {
    /// The instrument.
    pub symbol: Symbol,
    /// Its theme.
    pub theme: Option<ThemeId>,
    /// Adjusted closes; `None` where missing.
    pub prices: Vec<Option<f64>>,
}

impl Member {
    /// Change of the close over rows `range`, from the row before its first to its last.
    pub fn change(&self, range: &Range<usize>) -> Option<f64> {
        let before = self.prices[range.start.checked_sub(1)?]?;
        Some(self.prices[range.end.checked_sub(1)?]? / before - 1.0)
    }

    /// Simple returns of all sessions.
    pub fn returns(&self) -> Vec<Option<f64>> {
        simple(&self.prices)
    }
}

/// What one unit of money put into a basket is worth at each close of a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// One value for each session of the window; `None` where a member has no price.
    pub levels: Vec<Option<f64>>,
}

impl Course {
    /// Change over the whole window.
    ///
    /// # Errors
    /// No member with prices at both ends.
    pub fn change(&self) -> Outcome<f64> {
        let last = self.levels.last().copied().flatten();
        last.map(|level| level - 1.0).ok_or(Missing::TooFew { what: "names with prices", have: 0, need: 1 })
    }

    /// Simple returns of its sessions; the first is from the close before the window.
    #[must_use]
    pub fn returns(&self) -> Vec<Option<f64>> {
        let whole: Vec<Option<f64>> = std::iter::once(Some(1.0)).chain(self.levels.iter().copied()).collect();
        simple(&whole).split_off(1)
    }
}

/// The panel of a report, cut off at the as-of date.
pub struct Panel<'a> {
    /// What the report asks for.
    pub spec: &'a PanelSpec,
    /// Session dates of the benchmark.
    pub dates: Vec<Date>,
    /// The benchmark.
    pub benchmark: Member,
    /// Companies, in the report's order; those without prices are left out.
    pub sample: Vec<Member>,
    /// Regional funds or indices, in the report's order.
    pub regions: Vec<Member>,
    /// Rows of the report's period.
    pub period: Range<usize>,
    /// Rows of the calendar year of the as-of date.
    pub year: Range<usize>,
    desk: Desk<'a>,
}

impl<'a> Panel<'a> {
    /// Aligns the panel.
    ///
    /// # Errors
    /// A benchmark without prices.
    pub fn new(desk: &Desk<'a>, spec: &'a PanelSpec) -> Result<Self> {
        let (home, series) = desk.data.find(&spec.benchmark).ok_or_else(|| crate::absent(&spec.benchmark))?;
        let dates: Vec<Date> = home.sessions.iter().map(|session| session.date).collect();
        let last = dates.len();
        let from = |date: Date| dates.partition_point(|other| *other < date)..last;
        let first_of_year = desk.as_of.first_of_year();
        Ok(Self {
            spec,
            benchmark: member(&spec.benchmark, None, home, series, &dates),
            sample: members(desk, &spec.sample, &dates),
            regions: members(desk, &spec.regions, &dates),
            period: from(desk.period.first_date()),
            year: from(first_of_year),
            desk: *desk,
            dates,
        })
    }

    /// The last `n` rows.
    pub fn trailing(&self, n: usize) -> Range<usize> {
        self.dates.len().saturating_sub(n)..self.dates.len()
    }

    /// Members of the sample by theme, in the report's order of themes.
    pub fn themes(&self) -> Vec<(&ThemeId, Vec<&Member>)> {
        self.by_theme(self.desk.report.themes.iter())
    }

    /// Members of the sample by theme, for every theme of the universe.
    pub fn all_themes(&self) -> Vec<(&ThemeId, Vec<&Member>)> {
        self.by_theme(self.desk.universe.themes.keys())
    }

    fn by_theme<'b>(
        &'b self,
        themes: impl Iterator<Item = &'b ThemeId>,
    ) -> Vec<(&'b ThemeId, Vec<&'b Member>)> {
        let of = |theme: &ThemeId| {
            self.sample.iter().filter(|member| member.theme.as_ref() == Some(theme)).collect::<Vec<_>>()
        };
        themes.map(|theme| (theme, of(theme))).filter(|(_, members)| !members.is_empty()).collect()
    }

    /// The course of a basket bought in equal amounts at the close before `range` and held.
    ///
    /// One rule for every basket over a window: its change, its line, its volatility and its test all come from here.
    #[must_use]
    pub fn course(&self, members: &[&Member], range: &Range<usize>) -> Course {
        let prices: Vec<Option<Vec<Option<f64>>>> = members
            .iter()
            .map(|member| {
                let base = member.prices[range.start.checked_sub(1)?]?;
                member.change(range)?;
                Some(
                    member.prices[range.clone()]
                        .iter()
                        .map(|price| price.map(|price| price / base))
                        .collect(),
                )
            })
            .collect();
        let held: Vec<&Vec<Option<f64>>> = prices.iter().flatten().collect();
        let level = |row: usize| -> Option<f64> {
            let sum: f64 = held.iter().map(|course| course[row]).sum::<Option<f64>>()?;
            (!held.is_empty()).then(|| sum / held.len() as f64)
        };
        Course { levels: (0..range.len()).map(level).collect() }
    }

    /// Change over `range` of a basket bought in equal amounts before it and held, of the members that have one.
    pub fn basket(&self, members: &[&Member], range: &Range<usize>) -> Outcome<f64> {
        self.course(members, range).change()
    }

    /// `basket` without each member in turn: the value that lies nearest to the other side of zero, and whose absence
    /// makes it; nothing for fewer than two members.
    pub fn without_one<'m>(
        &self,
        members: &[&'m Member],
        value: impl Fn(&[&'m Member]) -> Outcome<f64>,
    ) -> Outcome<(f64, &'m Member)> {
        let whole = value(members)?;
        if members.len() < 2 {
            return Err(Missing::TooFew { what: "members to leave out", have: members.len(), need: 2 });
        }
        let mut least: Option<(f64, &Member)> = None;
        for out in members {
            let rest: Vec<&Member> =
                members.iter().filter(|member| member.symbol != out.symbol).copied().collect();
            let without = value(&rest)?;
            if least.is_none_or(|(found, _)| without * whole.signum() < found * whole.signum()) {
                least = Some((without, out));
            }
        }
        least.ok_or(Missing::NoFirms)
    }

    /// Daily returns of a portfolio set back to equal weights at every close, over the members present: for histories
    /// of years, which no basket bought once could follow.
    pub fn daily(&self, members: &[&Member]) -> Vec<Option<f64>> {
        let returns: Vec<Vec<Option<f64>>> = members.iter().map(|member| member.returns()).collect();
        (0..self.dates.len())
            .map(|row| {
                let today: Vec<f64> = returns.iter().filter_map(|series| series[row]).collect();
                (!today.is_empty()).then(|| today.iter().sum::<f64>() / today.len() as f64)
            })
            .collect()
    }

    /// A figure of this panel, with its span.
    pub fn figure(
        &self,
        id: impl Into<String>,
        value: Outcome<f64>,
        unit: Unit,
        statistic: &str,
        range: &Range<usize>,
    ) -> Figure {
        let figure = Figure::from_result(id, value, unit, statistic, self.desk.as_of);
        match (self.dates.get(range.start), self.dates.get(range.end.saturating_sub(1))) {
            (Some(first), Some(last)) if first <= last => figure.span(*first, *last),
            _ => figure,
        }
    }

    /// Change of a name over the `period` or the `year`, as a figure.
    pub fn change(&self, member: &Member, part: &str, findings: &mut Findings) {
        let range = if part == "year" { &self.year } else { &self.period };
        let value = member.change(range).ok_or(Missing::TooFew { what: "closing prices", have: 0, need: 2 });
        let id = format!("{}.return.{part}", member.symbol.slug());
        let figure = self.figure(id, value, Unit::Ratio, "price_relative", range);
        findings.add(figure.inputs([member.symbol.as_str()]));
    }

    /// Figures of the benchmark and of the period, which any section may use.
    pub(crate) fn describe(&self, findings: &mut Findings) {
        for part in ["period", "year"] {
            self.change(&self.benchmark, part, findings);
        }
        let sessions = self.period.len() as f64;
        let calendar = [self.benchmark.symbol.to_string()];
        findings.add(
            self.figure("period.sessions", Ok(sessions), Unit::Count, "count", &self.period)
                .inputs(calendar.clone()),
        );
        let as_of = self.desk.as_of;
        for (id, row) in
            [("period.first", self.period.start), ("period.last", self.period.end.wrapping_sub(1))]
        {
            findings.add(match self.dates.get(row).filter(|_| !self.period.is_empty()) {
                Some(date) => Figure::date(id, *date, "calendar", as_of).inputs(calendar.clone()),
                None => Figure::missing(id, "no session of the period", Unit::Date, "calendar", as_of)
                    .inputs(calendar.clone()),
            });
        }
    }

    /// Symbols of the sample and the benchmark: what a figure of the whole panel is made from.
    #[must_use]
    pub fn inputs(&self) -> Vec<String> {
        self.sample.iter().chain([&self.benchmark]).map(|member| member.symbol.to_string()).collect()
    }

    /// Files behind the sample, for a source line.
    pub fn sources(&self) -> Vec<String> {
        self.desk.sources(&self.spec.sample)
    }

    /// Files behind the regions, for a source line.
    pub fn region_sources(&self) -> Vec<String> {
        self.desk.sources(&self.spec.regions)
    }

    /// The name of a symbol as readers know it.
    pub fn name(&self, symbol: &Symbol) -> String {
        name(self.desk.universe, symbol)
    }
}

/// The name of a symbol as readers know it.
pub fn name(universe: &Universe, symbol: &Symbol) -> String {
    universe.get(symbol).map_or_else(|| symbol.to_string(), |instrument| instrument.name.clone())
}

fn members(desk: &Desk<'_>, symbols: &[Symbol], dates: &[Date]) -> Vec<Member> {
    symbols
        .iter()
        .filter_map(|symbol| {
            let (market, series) = desk.data.find(symbol)?;
            let theme = desk.universe.get(symbol).and_then(|instrument| instrument.theme.clone());
            Some(member(symbol, theme, market, series, dates))
        })
        .collect()
}

fn member(
    symbol: &Symbol,
    theme: Option<ThemeId>,
    market: &Market,
    series: &Series,
    dates: &[Date],
) -> Member {
    let rows: BTreeMap<Date, usize> =
        market.sessions.iter().enumerate().map(|(row, session)| (session.date, row)).collect();
    let prices = dates.iter().map(|date| series.adjusted[*rows.get(date)?]).collect();
    Member { symbol: symbol.clone(), theme, prices }
}

/// Simple returns of prices; `None` where either price is missing.
pub fn simple(prices: &[Option<f64>]) -> Vec<Option<f64>> {
    let pairs = prices.windows(2).map(|pair| Some(pair[1]? / pair[0]? - 1.0));
    std::iter::once(None).chain(pairs).take(prices.len()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_price_breaks_both_returns() {
        assert_eq!(simple(&[Some(2.0), Some(3.0), None, Some(4.0)]), [None, Some(0.5), None, None]);
        assert_eq!(simple(&[]), []);
    }

    #[test]
    fn a_change_starts_at_the_close_before() {
        let prices = vec![Some(10.0), Some(11.0), Some(12.0)];
        let member = Member { symbol: "A".into(), theme: None, prices };
        assert_eq!(member.change(&(1..3)), Some(12.0 / 10.0 - 1.0));
        assert_eq!(member.change(&(0..3)), None);
    }
}
