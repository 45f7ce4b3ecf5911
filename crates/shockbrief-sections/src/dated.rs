//! Baskets of names around dated events: each basket one equal-weight portfolio with its own market model.

use crate::Desk;
use jiff::{Timestamp, civil::Date};
use shockbrief_analytics::{
    event_study::{
        self, FirmEvent, FirmFit, Model, Spec,
        portfolio::{long_short, portfolio},
    },
    multiplicity::holm,
};
use shockbrief_core::{
    EventId, Market, Series, Symbol,
    config::{Event, section::Ref},
};
use std::sync::Arc;

const SPEC: Spec =
    Spec { estimation: [-130, -11], window: [-1, 5], min_observations: 60, model: Model::MarketModel };

/// The benchmark, and what is measured against it.
pub struct Dated<'a> {
    desk: &'a Desk<'a>,
    market: &'a Market,
    benchmark: &'a Series,
}

impl<'a> Dated<'a> {
    /// With the benchmark of the report's study or panel, when its prices are loaded.
    pub fn new(desk: &'a Desk<'a>) -> Option<Self> {
        let study = desk.report.study.as_ref().map(|study| &study.benchmark);
        let symbol = study.or(desk.report.panel.as_ref().map(|panel| &panel.benchmark))?;
        let (market, benchmark) = desk.data.find(symbol)?;
        Some(Self { desk, market, benchmark })
    }

    /// Events of a topic that the loaded prices cover, from the estimation window to the day after day 0,
    /// by date.
    pub fn events(&self, topic: &str) -> Vec<(&'a EventId, &'a Event)> {
        let covered = |event: &Event| {
            let last = self.market.sessions.len().saturating_sub(2);
            self.market
                .event_row(event.instant)
                .is_some_and(|row| row <= last && row > SPEC.estimation[0].unsigned_abs() as usize)
        };
        let of_topic = |event: &Event| event.topic.as_deref() == Some(topic);
        let events = self.desk.events.events.iter();
        let mut found: Vec<_> = events.filter(|(_, event)| of_topic(event) && covered(event)).collect();
        found.sort_by_key(|(_, event)| event.instant);
        found
    }

    /// Day 0 of an instant.
    pub fn day0(&self, instant: Timestamp) -> Option<Date> {
        Some(self.market.sessions[self.market.event_row(instant)?].date)
    }

    /// Members of a basket with prices on every day around the event and throughout its estimation window.
    pub fn members(&self, basket: &str, instant: Timestamp) -> Vec<Symbol> {
        let row = self.market.event_row(instant);
        let listed = self.listed(basket).into_iter();
        listed.filter(|symbol| row.is_some_and(|row| self.usable(symbol, row))).collect()
    }

    /// The names of a portfolio: of a basket by its id, or of a reference such as `theme:compute`.
    fn listed(&self, portfolio: &str) -> Vec<Symbol> {
        let universe = self.desk.universe;
        if let Some(members) = universe.baskets.get(portfolio) {
            return members.clone();
        }
        match portfolio.parse() {
            Ok(Ref::Basket(id)) => universe.baskets.get(&id).cloned().unwrap_or_default(),
            Ok(Ref::Theme(theme)) => universe.of_theme(&theme).map(|member| member.symbol.clone()).collect(),
            Ok(Ref::Symbol(symbol)) => vec![symbol],
            _ => Vec::new(),
        }
    }

    fn usable(&self, symbol: &Symbol, row: usize) -> bool {
        let Some((market, series)) = self.desk.data.find(symbol) else { return false };
        let dates = |market: &Market| market.sessions.iter().map(|session| session.date).collect::<Vec<_>>();
        let first = row.saturating_sub(SPEC.estimation[0].unsigned_abs() as usize);
        let last = (row + 1).min(series.adjusted.len().saturating_sub(1));
        dates(market) == dates(self.market) && (first..=last).all(|row| series.simple_return(row).is_some())
    }

    /// The members of a basket as one firm.
    fn basket(&self, basket: &str, instant: Timestamp) -> Result<FirmEvent, String> {
        let row = self.market.event_row(instant).ok_or("no session since the event")?;
        let dates: Arc<[Date]> = self.market.sessions.iter().map(|session| session.date).collect();
        let regressor: Arc<[Option<f64>]> = self.benchmark.simple_returns().into();
        let excluded = other_shocks(self.desk, self.market, instant, row, SPEC.estimation);
        let firms: Vec<FirmEvent> = self
            .members(basket, instant)
            .iter()
            .filter_map(|symbol| Some((symbol, self.desk.data.find(symbol)?.1)))
            .map(|(symbol, series)| {
                let mut firm = FirmEvent::new(symbol.as_str(), dates.clone(), series.simple_returns(), row)
                    .with_regressors(vec![regressor.clone()]);
                firm.excluded.clone_from(&excluded);
                firm
            })
            .collect();
        portfolio(basket, &firms.iter().collect::<Vec<_>>(), None).map_err(|reason| reason.to_string())
    }

    /// The market model of a basket around an event.
    pub fn fit(&self, basket: &str, instant: Timestamp) -> Result<FirmFit, String> {
        fitted(self.basket(basket, instant)?)
    }

    /// The market model of one basket held long against another held short.
    pub fn fit_difference(&self, long: &str, short: &str, instant: Timestamp) -> Result<FirmFit, String> {
        let (held, sold) = (self.basket(long, instant)?, self.basket(short, instant)?);
        let id = format!("{long}-{short}");
        fitted(long_short(&id, &held, &sold).map_err(|reason| reason.to_string())?)
    }

    /// Symbols behind a basket around an event, and the benchmark.
    pub fn inputs(&self, basket: &str, instant: Timestamp) -> Vec<String> {
        let members = self.members(basket, instant);
        members.iter().chain([&self.benchmark.symbol]).map(ToString::to_string).collect()
    }

    /// Files behind a basket and the benchmark.
    pub fn sources(&self, baskets: &[&str]) -> Vec<String> {
        let members = baskets.iter().flat_map(|basket| self.listed(basket));
        self.desk.sources(&members.chain([self.benchmark.symbol.clone()]).collect::<Vec<_>>())
    }
}

/// Sessions around the day 0 of a declared event that no estimation window keeps.
const AROUND: [i32; 2] = [-1, 1];

/// Rows of a market around the day 0 of every declared event.
pub fn near_shocks(desk: &Desk<'_>, market: &Market) -> impl Iterator<Item = usize> {
    let days = desk.events.events.values().filter_map(|event| market.event_row(event.instant));
    days.flat_map(|row| (AROUND[0]..=AROUND[1]).filter_map(move |day| row.checked_add_signed(day as isize)))
}

/// Rows of an event's estimation window that lie around another declared event: what moved prices then is no part of an
/// ordinary day.
pub fn other_shocks(
    desk: &Desk<'_>,
    market: &Market,
    instant: Timestamp,
    day0: usize,
    estimation: [i32; 2],
) -> Vec<usize> {
    let at = |day: i32| day0.saturating_add_signed(day as isize);
    let window = at(estimation[0])..=at(estimation[1]);
    let own = market.event_row(instant);
    let near = near_shocks(desk, market).filter(|row| window.contains(row) && Some(*row) != own);
    near.collect::<std::collections::BTreeSet<usize>>().into_iter().collect()
}

/// p adjusted after Holm (1979) within the family of the tests that came before each one, itself included: what was said of a
/// date stays said when a later one is tested. In the order given; a test without p has no place in a family.
///
/// # Errors
/// A p outside [0, 1].
pub fn families(p: &[Option<f64>]) -> anyhow::Result<Vec<Option<f64>>> {
    let mut known = Vec::new();
    p.iter()
        .map(|p| {
            let Some(p) = p else { return Ok(None) };
            known.push(*p);
            Ok(holm(&known)?.last().copied())
        })
        .collect()
}

fn fitted(firm: FirmEvent) -> Result<FirmFit, String> {
    let study = event_study::fit(&[firm], &SPEC).map_err(|reason| reason.to_string())?;
    study.firms.into_iter().next().ok_or_else(|| "too little history".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_test_leaves_earlier_verdicts_as_they_were() {
        // By hand: alone 0.04; of two, the smaller doubles; of three, the largest stays.
        let first = families(&[Some(0.04)]).unwrap();
        let later = families(&[Some(0.04), None, Some(0.01), Some(0.5)]).unwrap();
        assert_eq!(first[0], Some(0.04));
        assert_eq!(later, [Some(0.04), None, Some(0.02), Some(0.5)]);
    }
}
