//! Shock days of a panel of prices, and how such a list fares against dated events.
//!
//! What makes a day a shock is decided by [`detection`] alone; this module brings abnormal returns to it and
//! dates back. It refuses names whose exchanges keep different sessions.

use crate::absent;
use anyhow::{Context as _, Result};
use jiff::civil::Date;
use serde::Serialize;
use shockbrief_analytics::{
    detection::{self, Settings},
    trailing,
};
use shockbrief_core::{Dataset, EventId, Market, Refusal, Series, Symbol, config::Events};
use std::collections::BTreeMap;

/// Complete trailing rows that a name's market model needs.
const MIN_ROWS: usize = 60;

/// What a day's returns are taken net of; nothing of the day or later enters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Normal<'a> {
    /// Nothing: returns as they stand. Falls of the whole market are shocks too.
    Zero,
    /// The benchmark's return. Nothing is estimated, so no earlier shock can distort it.
    MarketAdjusted(&'a Symbol),
    /// The benchmark's return by a market model of the trailing window.
    MarketModel(&'a Symbol),
}

/// Scores of one session.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShockDay {
    /// The session.
    pub date: Date,
    /// Names with a z on this day.
    pub firms: usize,
    /// Mean z scaled by the trailing correlation.
    pub group_z: Option<f64>,
    /// Robust score of the cross-sectional spread.
    pub dispersion_score: Option<f64>,
    /// Squared Mahalanobis distance of the day.
    pub turbulence: Option<f64>,
    /// Trailing quantile that turbulence is held against.
    pub turbulence_threshold: Option<f64>,
    /// Names past their threshold, in the order asked for.
    pub names: Vec<Symbol>,
    /// Whether the day is a shock.
    pub shock: bool,
}

impl ShockDay {
    /// Whether both group z and turbulence could be judged.
    #[must_use]
    pub fn judged(&self) -> bool {
        self.group_z.is_some()
    }
}

/// Scores of every session of the dataset for `symbols`, oldest first; shock days are those marked `shock`.
///
/// # Errors
/// Fewer than two names, a symbol that the data do not hold, exchanges with different sessions, or
/// settings out of range.
pub fn shock_days(
    data: &Dataset,
    symbols: &[Symbol],
    normal: Normal<'_>,
    settings: Settings,
) -> Result<Vec<ShockDay>> {
    if symbols.len() < 2 {
        return Err(Refusal::config(format!("--symbols has {}: a group needs two", symbols.len()))
            .hint("name two or more symbols with --symbols A,B")
            .into());
    }
    let (home, _) = find(data, &symbols[0])?;
    let panel = symbols
        .iter()
        .map(|symbol| {
            let returns = on_sessions(data, symbol, home)?;
            let abnormal = match normal {
                Normal::Zero => Ok(returns),
                Normal::MarketAdjusted(benchmark) => {
                    let market = on_sessions(data, benchmark, home)?;
                    Ok(returns.iter().zip(market).map(|(r, m)| Some((*r)? - m?)).collect())
                }
                Normal::MarketModel(benchmark) => {
                    let market = on_sessions(data, benchmark, home)?;
                    trailing::abnormal(&returns, &market, settings.window, MIN_ROWS)
                }
            };
            abnormal.with_context(|| format!("abnormal returns of {symbol}"))
        })
        .collect::<Result<Vec<_>>>()?;
    let views: Vec<&[Option<f64>]> = panel.iter().map(Vec::as_slice).collect();
    let days = detection::detect(&views, settings).context("shock days of the panel")?;
    Ok(days
        .into_iter()
        .map(|day| ShockDay {
            date: home.sessions[day.row].date,
            firms: day.firms,
            group_z: day.group_z,
            dispersion_score: day.dispersion_score,
            turbulence: day.turbulence,
            turbulence_threshold: day.turbulence_threshold,
            names: day.names.iter().map(|column| symbols[*column].clone()).collect(),
            shock: day.shock,
        })
        .collect())
}

fn find<'a>(data: &'a Dataset, symbol: &Symbol) -> Result<(&'a Market, &'a Series)> {
    data.find(symbol).ok_or_else(|| absent(symbol).into())
}

/// Simple returns of a symbol whose exchange keeps the sessions of `home`.
fn on_sessions(data: &Dataset, symbol: &Symbol, home: &Market) -> Result<Vec<Option<f64>>> {
    let (market, series) = find(data, symbol)?;
    let dates = |market: &Market| market.sessions.iter().map(|session| session.date).collect::<Vec<_>>();
    if market.mic != home.mic && dates(market) != dates(home) {
        return Err(Refusal::config(format!(
            "{symbol} trades on {}, whose sessions are not those of {}",
            market.mic, home.mic
        ))
        .hint("search the names of one region at a time")
        .into());
    }
    Ok(series.simple_returns())
}

/// What became of a dated event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// A shock day lies within the tolerance.
    Hit,
    /// None does.
    Missed,
    /// Its day 0 lies outside the sessions searched.
    OutsidePeriod,
    /// The history before its day 0 is too short for a group z.
    NotJudged,
}

/// A dated event against the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventScore {
    /// Its day 0 on the panel's exchange.
    pub day0: Option<Date>,
    /// What became of it.
    pub finding: Finding,
    /// Shock days within the tolerance.
    pub days: Vec<Date>,
}

/// How a list of shock days fares against dated events.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Validation {
    /// Sessions on either side of day 0 that count as a hit.
    pub tolerance: usize,
    /// Each event.
    pub events: BTreeMap<EventId, EventScore>,
    /// Events hit.
    pub hits: usize,
    /// Events missed.
    pub misses: usize,
    /// Shock days near no event.
    pub unlisted: Vec<Date>,
    /// Share of shock days near an event; none without shock days.
    pub precision: Option<f64>,
    /// Share of judged events that were hit; none without judged events.
    pub recall: Option<f64>,
    /// The same by calendar year, for years with a shock day or a judged event. Thresholds come from past sessions alone, so that each
    /// year is out of sample.
    pub years: Vec<YearScore>,
}

/// How the list fares in a calendar year.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct YearScore {
    /// The year.
    pub year: i16,
    /// Events hit.
    pub hits: usize,
    /// Events missed.
    pub misses: usize,
    /// Shock days.
    pub shocks: usize,
    /// Shock days near no event.
    pub unlisted: usize,
    /// As of the whole.
    pub precision: Option<f64>,
    /// As of the whole.
    pub recall: Option<f64>,
}

/// Scores `days` (the sessions searched, oldest first) against `events`, whose day 0 is taken on the
/// sessions of `home`.
#[must_use]
pub fn validate(days: &[ShockDay], events: &Events, home: &Market, tolerance: usize) -> Validation {
    let mut near = vec![false; days.len()];
    let mut scores = BTreeMap::new();
    for (id, event) in &events.events {
        let day0 = home.event_row(event.instant).map(|row| home.sessions[row].date);
        let at = day0.and_then(|date| days.binary_search_by_key(&date, |day| day.date).ok());
        let score = match at {
            None => EventScore { day0, finding: Finding::OutsidePeriod, days: Vec::new() },
            Some(at) => {
                let reach = at.saturating_sub(tolerance)..(at + tolerance + 1).min(days.len());
                near[reach.clone()].fill(true);
                let found: Vec<Date> =
                    days[reach].iter().filter(|day| day.shock).map(|day| day.date).collect();
                let finding = match (found.is_empty(), days[at].judged()) {
                    (false, _) => Finding::Hit,
                    (true, true) => Finding::Missed,
                    (true, false) => Finding::NotJudged,
                };
                EventScore { day0, finding, days: found }
            }
        };
        scores.insert(id.clone(), score);
    }
    let count = |finding| scores.values().filter(|score| score.finding == finding).count();
    let (hits, misses) = (count(Finding::Hit), count(Finding::Missed));
    let shocks = days.iter().filter(|day| day.shock).count();
    let unlisted: Vec<Date> =
        days.iter().zip(&near).filter(|(day, near)| day.shock && !**near).map(|(day, _)| day.date).collect();
    let years = by_year(days, &scores, &unlisted);
    Validation {
        tolerance,
        hits,
        misses,
        precision: share(shocks - unlisted.len(), shocks),
        recall: share(hits, hits + misses),
        unlisted,
        events: scores,
        years,
    }
}

fn share(part: usize, of: usize) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}

fn by_year(days: &[ShockDay], scores: &BTreeMap<EventId, EventScore>, unlisted: &[Date]) -> Vec<YearScore> {
    let mut years: BTreeMap<i16, [usize; 4]> = BTreeMap::new();
    let mut add = |date: Date, part: usize| years.entry(date.year()).or_default()[part] += 1;
    for score in scores.values() {
        match (score.day0, score.finding) {
            (Some(date), Finding::Hit) => add(date, 0),
            (Some(date), Finding::Missed) => add(date, 1),
            _ => {}
        }
    }
    days.iter().filter(|day| day.shock).for_each(|day| add(day.date, 2));
    unlisted.iter().for_each(|date| add(*date, 3));
    let score = |(year, [hits, misses, shocks, unlisted]): (i16, [usize; 4])| YearScore {
        year,
        hits,
        misses,
        shocks,
        unlisted,
        precision: share(shocks - unlisted, shocks),
        recall: share(hits, hits + misses),
    };
    years.into_iter().map(score).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use shockbrief_core::{Currency, Mic, Session, config::Event};

    /// Three names and an index over `rows` days; the names fall together on `shock`.
    fn data(rows: usize, shock: usize) -> Dataset {
        let start = date(2020, 1, 1);
        let day = |row: usize| start.saturating_add(jiff::Span::new().days(row as i64));
        let at =
            |row: usize, hour: i8| jiff::tz::TimeZone::UTC.to_timestamp(day(row).at(hour, 0, 0, 0)).unwrap();
        let sessions = (0..rows)
            .map(|row| Session { date: day(row), open: at(row, 9), close: at(row, 17), early: false })
            .collect();
        let series = |name: &str, seed: u64| {
            let mut noise = shockbrief_analytics::rng::Stream::new(seed);
            let mut price = 100.0;
            let adjusted = (0..rows)
                .map(|row| {
                    let jump = if row == shock && name != "I" { -0.12 } else { 0.0 };
                    price *= 1.0 + 0.01 * noise.normal() + jump;
                    Some(price)
                })
                .collect::<Vec<_>>();
            let empty = vec![None; rows];
            let currency = Currency::from("USD");
            Series { symbol: name.into(), currency, adjusted, quote: empty.clone(), volume: empty, input: 0 }
        };
        let mic = Mic::from("XNYS");
        let names = ["A", "B", "C", "I"];
        let all = names.iter().zip(1..).map(|(name, seed)| (Symbol::from(*name), series(name, seed)));
        let market = Market { mic: mic.clone(), sessions, series: all.collect() };
        Dataset {
            markets: BTreeMap::from([(mic.clone(), market)]),
            market_of: names.iter().map(|name| (Symbol::from(*name), mic.clone())).collect(),
            ..Dataset::default()
        }
    }

    #[test]
    fn a_planted_fall_is_dated_and_scored() {
        let data = data(500, 450);
        let symbols = ["A", "B", "C"].map(Symbol::from);
        let index = Symbol::from("I");
        let run = |normal| shock_days(&data, &symbols, normal, Settings::default()).unwrap();
        let days = run(Normal::MarketModel(&index));
        for days in [&days, &run(Normal::MarketAdjusted(&index)), &run(Normal::Zero)] {
            let found = &days[450];
            assert_eq!(found.date, date(2021, 3, 26), "450 days after 1 January 2020");
            assert!(found.shock && found.names == symbols, "{found:?}");
        }
        let event = |instant: &str| Event {
            instant: instant.parse().unwrap(),
            topic: None,
            name: BTreeMap::new(),
            source: String::new(),
        };
        let events = Events {
            events: BTreeMap::from([
                // After the close of the 24th: day 0 is the 25th, one session before the fall.
                ("near".into(), event("2021-03-24T18:00:00Z")),
                ("far".into(), event("2021-02-01T12:00:00Z")),
                ("early".into(), event("2020-02-01T12:00:00Z")),
                ("later".into(), event("2022-02-01T12:00:00Z")),
            ]),
            origin: None,
        };
        let score = validate(&days, &events, &data.markets[&"XNYS".into()], 1);
        assert_eq!(score.events[&"near".into()].finding, Finding::Hit);
        assert_eq!(score.events[&"near".into()].day0, Some(date(2021, 3, 25)));
        assert_eq!(score.events[&"far".into()].finding, Finding::Missed);
        assert_eq!(score.events[&"early".into()].finding, Finding::NotJudged);
        assert_eq!(score.events[&"later".into()].finding, Finding::OutsidePeriod);
        assert_eq!((score.hits, score.misses, score.recall), (1, 1, Some(0.5)));
        let years: Vec<_> = score
            .years
            .iter()
            .filter(|y| y.hits + y.misses > 0)
            .map(|y| (y.year, y.hits, y.recall))
            .collect();
        assert_eq!(years, [(2021, 1, Some(0.5))]);
        let shocks: usize = score.years.iter().map(|year| year.shocks).sum();
        assert_eq!(shocks, days.iter().filter(|day| day.shock).count());
    }

    #[test]
    fn one_name_is_no_group() {
        assert!(shock_days(&data(10, 5), &["A".into()], Normal::Zero, Settings::default()).is_err());
        assert!(
            shock_days(&data(10, 5), &["A".into(), "Z".into()], Normal::Zero, Settings::default()).is_err()
        );
    }
}
