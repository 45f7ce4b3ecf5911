//! Data that have not come yet: a scheduled brief waits for them instead of telling what they would not say.
//!
//! End-of-day prices come hours after the close, and not all at once. A brief made before them would be out for good
//! with missing values, and a session would be called quiet of which nothing is known. A single name without price may
//! be suspended: that is a gap, which the brief states.

use jiff::civil::Date;
use shockbrief_core::{Dataset, Market, Refusal, Symbol};

/// One name in so many may lack the last session.
const GAPS: usize = 10;

/// Refuses data in which the benchmark, or more than a tenth of an exchange's names, have no price yet on the last
/// session up to `as_of` while they had one shortly before.
///
/// # Errors
/// Class `Data`, with the session and some of the names.
pub fn check(data: &Dataset, benchmark: &Symbol, as_of: Date) -> Result<(), Refusal> {
    data.markets.values().try_for_each(|market| check_market(market, benchmark, as_of))
}

fn check_market(market: &Market, benchmark: &Symbol, as_of: Date) -> Result<(), Refusal> {
    let row = market.sessions.partition_point(|session| session.date <= as_of);
    let Some(row) = row.checked_sub(1) else { return Ok(()) };
    // A name that ended long ago is not late; the guard `stale` speaks of it.
    let alive = |prices: &[Option<f64>]| prices[row.saturating_sub(RECENT)..=row].iter().any(Option::is_some);
    let alive: Vec<_> = market.series.values().filter(|series| alive(&series.adjusted)).collect();
    let late: Vec<&Symbol> =
        alive.iter().filter(|series| series.adjusted[row].is_none()).map(|series| &series.symbol).collect();
    if late.len() * GAPS <= alive.len() && !late.contains(&benchmark) {
        return Ok(());
    }
    let mut names: Vec<&str> = late.iter().take(5).map(|symbol| symbol.as_str()).collect();
    if late.len() > names.len() {
        names.push("…");
    }
    let day = market.sessions[row].date;
    Err(Refusal::data(format!(
        "prices of {day} have not come: {} of {} names of {} have none ({})",
        late.len(),
        alive.len(),
        market.mic,
        names.join(", ")
    ))
    .hint("nothing is settled: the next run makes the brief once they are there; a later `not_before` avoids the wait"))
}

/// Sessions in which a name must have had a price to count as alive.
const RECENT: usize = 10;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use jiff::civil::date;
    use shockbrief_core::{Currency, Mic, Series, Session};

    /// Twenty names and an index over twelve sessions; `missing` lack the last.
    fn data(missing: &[&str]) -> Dataset {
        let dates: Vec<Date> = (1..=12).map(|day| date(2025, 1, day)).collect();
        let at = |date: &Date| jiff::tz::TimeZone::UTC.to_timestamp(date.at(21, 0, 0, 0)).unwrap();
        let sessions: Vec<Session> = dates
            .iter()
            .map(|date| Session { date: *date, open: at(date), close: at(date), early: false })
            .collect();
        let names = (1..=20).map(|n| format!("N{n}")).chain(["INDEX".to_owned()]);
        let series = names.map(|name| {
            let mut adjusted = vec![Some(1.0); 12];
            if missing.contains(&name.as_str()) {
                adjusted[11] = None;
            }
            let empty = vec![None; 12];
            let symbol = Symbol::from(name.as_str());
            let currency = Currency::from("USD");
            let series = Series {
                symbol: symbol.clone(),
                currency,
                adjusted,
                quote: empty.clone(),
                volume: empty,
                input: 0,
            };
            (symbol, series)
        });
        let mic = Mic::from("XNYS");
        let market = Market { mic: mic.clone(), sessions, series: series.collect() };
        Dataset { markets: [(mic, market)].into(), ..Dataset::default() }
    }

    #[test]
    fn a_session_without_its_prices_is_waited_for_and_a_suspended_name_is_not() {
        let index = Symbol::from("INDEX");
        let on = |missing: &[&str], day| check(&data(missing), &index, date(2025, 1, day));
        assert!(on(&[], 12).is_ok());
        assert!(on(&["N3"], 12).is_ok(), "one suspended name");
        assert!(on(&["N3", "N4"], 12).is_ok(), "two of twenty-one");
        let refusal = on(&["N3", "N4", "N5"], 12).unwrap_err();
        assert!(refusal.message.contains("2025-01-12") && refusal.message.contains("N4"), "{refusal}");
        assert!(on(&["INDEX"], 12).is_err(), "nothing can be told without the benchmark");
        // Asked for the day before, all is there.
        assert!(on(&["INDEX", "N3", "N4", "N5"], 11).is_ok());
    }
}
