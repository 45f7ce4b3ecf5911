//! Large moves: one rule, at load and in the quality report.
//!
//! A move of the price for returns from one priced session to the next is large when it exceeds a limit in logs and a
//! limit in the name's own standard deviations, both after the move that the other names of the exchange share. A large
//! move that nobody has verified is no return to build on: an unadjusted split, a change of unit, a bad print, another
//! company under an old ticker and a true crash look alike in prices alone. What it most looks like is told; whether it
//! is refused or noted is declared.
//!
//! Two smaller things are told besides: a move that comes back the next session, and a price that never changes.

use super::{Checked, Finding, Row, finding};
use jiff::civil::Date;
use shockbrief_core::{
    Refusal, Severity, Symbol,
    config::{GuardLimits, Instrument, Kind, LargeMoves},
};
use std::collections::BTreeMap;

/// Sessions on either side over which volume is compared.
const SIDE: usize = 5;
/// Log distance between the moves of price and quote that no dividend explains.
const DISAGREEMENT: f64 = 0.1;
/// Share of a move by which a price that comes back may miss where it was.
const BACK: f64 = 0.25;
/// Sessions within which a bad print comes back.
const SOON: usize = 5;
/// A move from which one that comes back the next session is told, in logs and in standard deviations.
const SPIKE: (f64, f64) = (0.15, 6.0);
/// Moves from which a standard deviation is told.
const ENOUGH: usize = 20;
/// Names of an exchange from which their median is a market's move, and the largest that it may be: a file whose unit
/// changed moves all names together too.
const MARKET: (usize, f64) = (5, 0.6);
/// Calendar days without price after which a ticker may have passed to another company.
const PAUSE: i32 = 14;
/// Terms of usual split ratios.
const RATIOS: [f64; 24] = [
    1.5,
    4.0 / 3.0,
    5.0 / 4.0,
    2.0,
    2.5,
    3.0,
    4.0,
    5.0,
    6.0,
    7.0,
    8.0,
    9.0,
    10.0,
    12.0,
    14.0,
    15.0,
    20.0,
    25.0,
    30.0,
    40.0,
    50.0,
    100.0 / 3.0,
    100.0,
    190.0,
];

/// Log move beyond which even an index is doubted: it has no splits, and one of volatility doubles in a day.
const CERTAIN: f64 = 1.05;

/// What a large move most looks like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Look {
    /// Prices in the hundredth or thousandth part of the currency, by this factor.
    Unit(f64),
    /// A split by this ratio that the price does not know, or knows twice.
    Split(f64),
    /// A price that comes back after so many sessions.
    Print,
    /// Another company under the ticker.
    Reused,
    /// Nothing but large.
    Large,
}

impl Look {
    /// Stable name of the finding.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unit(factor) if factor > 500.0 => "thousandfold",
            Self::Unit(_) => "hundredfold",
            Self::Split(_) => "split",
            Self::Print => "spike",
            Self::Reused => "reused-ticker",
            Self::Large => "large-move",
        }
    }
}

/// A large move.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Move {
    /// The row from which the other price holds, among the priced ones, and the last such row.
    pub rows: (usize, usize),
    /// Their dates.
    pub dates: (Date, Date),
    /// The last price before, and the first one after.
    pub prices: (f64, f64),
    /// The log move.
    pub log: f64,
    /// The log move of the quote.
    pub quote: Option<f64>,
    /// What it looks like.
    pub look: Look,
    /// All of it in a sentence.
    pub sentence: String,
}

/// The moves that names of one exchange share, by date; a date without such a move is not there.
pub(crate) type Shared = BTreeMap<Date, f64>;

/// Rows with a price for returns.
pub(crate) fn priced(rows: &[Row]) -> Vec<&Row> {
    rows.iter().filter(|row| row.adjusted.is_some_and(|price| price.is_finite() && price > 0.0)).collect()
}

/// Unverified large moves of an instrument, oldest first; of an index those alone that no index makes.
pub(crate) fn of(rows: &[&Row], instrument: &Instrument, limits: &GuardLimits, shared: &Shared) -> Vec<Move> {
    let mut moves = large(rows, &instrument.symbol, limits, shared);
    moves.retain(|one| instrument.kind != Kind::Index || one.log.abs() > CERTAIN);
    moves
}

/// Unverified large moves of one name, oldest first.
fn large(rows: &[&Row], symbol: &Symbol, limits: &GuardLimits, shared: &Shared) -> Vec<Move> {
    let moves: Vec<f64> = rows.windows(2).filter_map(|p| log_ratio(p[0].adjusted, p[1].adjusted)).collect();
    // Nothing can be large: the common case, told without sorting.
    if !moves.iter().any(|change| change.abs() > limits.split_move.min(DISAGREEMENT)) {
        return Vec::new();
    }
    let deviation = deviation(&moves);
    let own = |at: usize| -> Option<f64> {
        let change = log_ratio(rows[at - 1].adjusted, rows[at].adjusted)?;
        Some(change - shared.get(&rows[at].date).copied().unwrap_or(0.0))
    };
    let wild = |change: f64| deviation.is_none_or(|sd| change.abs() > limits.move_deviations * sd);
    let verified =
        |at: usize| limits.verified_moves.iter().any(|m| m.symbol == *symbol && m.date == rows[at].date);
    let found = |at: usize| {
        let change = own(at)?;
        let large = change.abs() > limits.split_move && wild(change) || overtaken(rows, at);
        (large && !verified(at)).then_some(change)
    };
    let (mut moves, mut at) = (Vec::new(), 1);
    while at < rows.len() {
        let Some(change) = found(at) else {
            at += 1;
            continue;
        };
        let back = (at + 1..rows.len().min(at + 1 + SOON)).find(|end| comes_back(rows, at, *end));
        let hit = describe(rows, at, back, change, deviation, limits);
        at = back.map_or(at, |end| end) + 1;
        moves.push(hit);
    }
    moves
}

/// Whether the price for returns fell by more than the quote did: no dividend does that.
fn overtaken(rows: &[&Row], at: usize) -> bool {
    let change = log_ratio(rows[at - 1].adjusted, rows[at].adjusted);
    let quote = log_ratio(rows[at - 1].quote, rows[at].quote);
    change.zip(quote).is_some_and(|(change, quote)| change < 0.0 && change < quote - DISAGREEMENT)
}

/// Whether the price of row `end` is again where it was before row `at`.
fn comes_back(rows: &[&Row], at: usize, end: usize) -> bool {
    let (there, whole) = (
        log_ratio(rows[at - 1].adjusted, rows[at].adjusted),
        log_ratio(rows[at - 1].adjusted, rows[end].adjusted),
    );
    there.zip(whole).is_some_and(|(there, whole)| whole.abs() < BACK * there.abs())
}

fn describe(
    rows: &[&Row],
    at: usize,
    back: Option<usize>,
    change: f64,
    deviation: Option<f64>,
    limits: &GuardLimits,
) -> Move {
    let log = log_ratio(rows[at - 1].adjusted, rows[at].adjusted).unwrap_or(change);
    let quote = log_ratio(rows[at - 1].quote, rows[at].quote);
    let look = look(rows, at, back, log, quote, limits);
    let last = back.map_or(rows.len(), |end| end) - 1;
    let price = |row: usize| rows[row].adjusted.unwrap_or(f64::NAN);
    let (before, after) = (price(at - 1), price(at));
    let usual = deviation.map_or_else(String::new, |sd| {
        let times = if sd > 0.0 {
            format!("{:.0} of its standard deviations", log.abs() / sd)
        } else {
            "in a price that hardly moves".to_owned()
        };
        format!(", {times}")
    });
    let what = match look {
        Look::Unit(factor) => {
            format!(
                "near a factor of {factor}: a change of unit, {}",
                if back.is_some() { "and back" } else { "for good" }
            )
        }
        Look::Split(ratio) if disagree(log, quote) => {
            format!(
                "near the split ratio {ratio:.4} while the quote moved otherwise: a split adjusted twice, or one that was none"
            )
        }
        Look::Split(ratio) => {
            let inverse = volume_move(rows, at)
                .is_some_and(|volume| (volume + log).abs() <= limits.split_volume_tolerance);
            let volume = if inverse { " and volume moved inversely".to_owned() } else { volume(rows, at) };
            format!("near the split ratio {ratio:.4}{volume}: a split not adjusted for, unless verified")
        }
        Look::Print => {
            let sessions = back.map_or(0, |end| end - at);
            format!(
                "and back within {sessions} session{}: perhaps a bad print",
                if sessions == 1 { "" } else { "s" }
            )
        }
        Look::Reused => "level and volatility break: perhaps another company under the ticker".to_owned(),
        Look::Large if disagree(log, quote) => {
            "while the quote moved otherwise: a split or dividend adjusted wrongly".to_owned()
        }
        Look::Large => format!("no split ratio nearby{}", volume(rows, at)),
    };
    let sentence = format!("adjusted price from {before} to {after}, times {:.4}{usual}; {what}", log.exp());
    Move {
        rows: (at, last),
        dates: (rows[at].date, rows[last].date),
        prices: (before, after),
        log,
        quote,
        look,
        sentence,
    }
}

fn volume(rows: &[&Row], at: usize) -> String {
    volume_move(rows, at).map_or_else(String::new, |volume| format!(", volume times {:.2}", volume.exp()))
}

fn disagree(log: f64, quote: Option<f64>) -> bool {
    quote.is_some_and(|quote| (quote - log).abs() > DISAGREEMENT)
}

fn look(
    rows: &[&Row],
    at: usize,
    back: Option<usize>,
    log: f64,
    quote: Option<f64>,
    limits: &GuardLimits,
) -> Look {
    // Wider than the tolerance of a ratio: the day's own move comes on top.
    let unit = [100.0_f64, 1000.0]
        .into_iter()
        .find(|factor| (log.abs() - factor.ln()).abs() < limits.unit_tolerance);
    if let Some(factor) = unit {
        return Look::Unit(factor);
    }
    if back.is_some() {
        return Look::Print;
    }
    if let Some(ratio) = split_ratio(log.abs(), limits.split_ratio_tolerance) {
        return Look::Split(ratio);
    }
    if !disagree(log, quote) && reused(rows, at) {
        return Look::Reused;
    }
    Look::Large
}

/// Whether volatility breaks with the level, or the new level follows a pause.
fn reused(rows: &[&Row], at: usize) -> bool {
    let paused = rows[at - 1].date.until(rows[at].date).is_ok_and(|span| span.get_days() > PAUSE);
    let moves = |rows: &[&Row]| -> Vec<f64> {
        rows.windows(2).filter_map(|p| log_ratio(p[0].adjusted, p[1].adjusted)).collect()
    };
    let (before, after) = (deviation(&moves(&rows[..at])), deviation(&moves(&rows[at..])));
    let breaks = before.zip(after).is_some_and(|(before, after)| {
        let ratio = before.max(after) / before.min(after);
        ratio.is_finite() && ratio > 1.8
    });
    paused || breaks
}

/// The standard deviation of moves by their median absolute deviation, which no single move can shift.
fn deviation(moves: &[f64]) -> Option<f64> {
    if moves.len() < ENOUGH {
        return None;
    }
    let middle = median(moves.to_vec())?;
    median(moves.iter().map(|change| (change - middle).abs()).collect()).map(|mad| 1.4826 * mad)
}

/// The log move of volume between the five sessions before a row and the five from it on: a split rescales the share
/// count for good, while the volume of a crash jumps and comes back.
fn volume_move(rows: &[&Row], at: usize) -> Option<f64> {
    let side = |range: std::ops::Range<usize>| {
        median(rows[range].iter().filter_map(|row| row.volume).filter(|volume| *volume > 0.0).collect())
    };
    log_ratio(side(at.saturating_sub(SIDE)..at), side(at..(at + SIDE).min(rows.len())))
}

/// The usual split ratio nearest to the size of a log move, if within tolerance.
pub(crate) fn split_ratio(size: f64, tolerance: f64) -> Option<f64> {
    RATIOS.into_iter().find(|ratio| (size.exp() / ratio - 1.0).abs() <= tolerance)
}

fn log_ratio(before: Option<f64>, after: Option<f64>) -> Option<f64> {
    Some((after? / before?).ln()).filter(|change| change.is_finite())
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    let upper = values.len() / 2;
    let lower = values.len().checked_sub(1)? / 2;
    values.sort_unstable_by(f64::total_cmp);
    Some((values[lower] + values[upper]) / 2.0)
}

/// The moves that the names of one exchange share on the days when some name moves largely.
pub(crate) fn shared<'r>(names: &[impl AsRef<[Row]> + 'r], limits: &GuardLimits) -> Shared {
    let mut by_date: BTreeMap<Date, Vec<f64>> = BTreeMap::new();
    let step = |pair: &[Row]| log_ratio(pair[0].adjusted, pair[1].adjusted);
    for rows in names {
        for pair in rows.as_ref().windows(2) {
            if step(pair).is_some_and(|change| change.abs() > limits.split_move) {
                by_date.entry(pair[1].date).or_default();
            }
        }
    }
    if by_date.is_empty() {
        return Shared::new();
    }
    for rows in names {
        let rows = rows.as_ref();
        for (date, moves) in &mut by_date {
            if let Ok(at) = rows.binary_search_by_key(date, |row| row.date)
                && at > 0
            {
                moves.extend(step(&rows[at - 1..=at]));
            }
        }
    }
    let common = |(date, moves): (Date, Vec<f64>)| {
        let enough = moves.len() >= MARKET.0;
        median(moves).filter(|median| enough && median.abs() <= MARKET.1).map(|median| (date, median))
    };
    by_date.into_iter().filter_map(common).collect()
}

/// Moves below the limit that come back the next session: the first row of each, among the priced ones.
pub(crate) fn spikes(rows: &[&Row], limits: &GuardLimits) -> Vec<usize> {
    let step = |at: usize| log_ratio(rows[at - 1].adjusted, rows[at].adjusted).unwrap_or(0.0);
    let candidates: Vec<usize> = (1..rows.len().saturating_sub(1))
        .filter(|at| {
            step(*at).abs() > SPIKE.0
                && step(*at).abs() <= limits.split_move
                && comes_back(rows, *at, *at + 1)
        })
        .collect();
    if candidates.is_empty() {
        return candidates;
    }
    let moves: Vec<f64> = (1..rows.len()).map(step).collect();
    let Some(sd) = deviation(&moves) else { return candidates };
    candidates.into_iter().filter(|at| step(*at).abs() > SPIKE.1 * sd).collect()
}

/// Runs of the very same price, as first and last row among the priced ones.
pub(crate) fn frozen(rows: &[&Row], sessions: usize) -> Vec<(usize, usize)> {
    let bits = |row: &Row| row.adjusted.map(f64::to_bits);
    let mut runs = Vec::new();
    let mut first = 0;
    for run in rows.chunk_by(|a, b| bits(a) == bits(b)) {
        if run.len() >= sessions {
            runs.push((first, first + run.len() - 1));
        }
        first += run.len();
    }
    runs
}

#[expect(clippy::ptr_arg, reason = "all guards share one signature; others drop rows")]
pub(super) fn check_large(checked: &Checked<'_>, rows: &mut Vec<Row>) -> Result<Option<Finding>, Refusal> {
    let rows = priced(rows);
    let moves = of(&rows, checked.instrument, checked.limits, checked.shared);
    let Some(first) = moves.first() else { return Ok(None) };
    if checked.limits.large_moves == LargeMoves::Refuse {
        let more = match moves.len() - 1 {
            0 => String::new(),
            more => format!(
                " (and {more} more: {})",
                moves.iter().skip(1).take(5).map(|m| m.dates.0.to_string()).collect::<Vec<_>>().join(", ")
            ),
        };
        return Err(checked.refuse(Some(first.dates.0), format!("{}{more}", first.sentence)).hint(
            "adjust the prices before this date; if the move is real, list it under \
             `guards.verified_moves` in config/sources.yaml",
        ));
    }
    let told = moves.iter().map(|m| format!("{}: {}", m.dates.0, m.sentence)).collect::<Vec<_>>().join("; ");
    Ok(finding(Severity::Warning, moves.iter().map(|m| m.dates.0).collect()).map(|found| found.saying(told)))
}

#[expect(clippy::ptr_arg, reason = "all guards share one signature; others drop rows")]
pub(super) fn check_spikes(checked: &Checked<'_>, rows: &mut Vec<Row>) -> Result<Option<Finding>, Refusal> {
    if checked.instrument.kind == Kind::Index {
        return Ok(None);
    }
    let rows = priced(rows);
    let dates = spikes(&rows, checked.limits).into_iter().map(|at| rows[at].date);
    let verified = |date: &Date| {
        checked.limits.verified_moves.iter().any(|m| m.symbol == checked.instrument.symbol && m.date == *date)
    };
    Ok(finding(Severity::Warning, dates.filter(|date| !verified(date)).collect()))
}

#[expect(clippy::ptr_arg, reason = "all guards share one signature; others drop rows")]
pub(super) fn check_frozen(checked: &Checked<'_>, rows: &mut Vec<Row>) -> Result<Option<Finding>, Refusal> {
    let rows = priced(rows);
    let runs = frozen(&rows, checked.limits.frozen_sessions);
    let told: Vec<String> = runs
        .iter()
        .map(|(first, last)| {
            let price = rows[*first].adjusted.unwrap_or(f64::NAN);
            format!(
                "the price is {price} in {} sessions in a row from {}",
                last - first + 1,
                rows[*first].date
            )
        })
        .collect();
    let dates =
        runs.iter().flat_map(|(first, last)| rows[*first..=*last].iter().map(|row| row.date)).collect();
    Ok(finding(Severity::Warning, dates).map(|found| found.saying(told.join("; "))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::{ToSpan, civil::date};

    /// Rows that move by a hundredth to and fro, prices changed by `change`.
    fn rows(change: impl Fn(usize, f64) -> f64) -> Vec<Row> {
        (0..120)
            .map(|at| {
                let wave = f64::from(i32::try_from((at + 1) % 4).unwrap()) * 0.01;
                let price = Some(change(at, 50.0 * (1.0 + wave)));
                let day = date(2024, 1, 1).checked_add(i64::try_from(at).unwrap().days()).unwrap();
                Row { date: day, currency: None, adjusted: price, quote: price, volume: Some(100.0) }
            })
            .collect()
    }

    fn found(rows: &[Row], limits: &GuardLimits, shared: &Shared) -> Vec<(Look, usize)> {
        large(&priced(rows), &"AAA".into(), limits, shared).into_iter().map(|m| (m.look, m.rows.0)).collect()
    }

    #[test]
    fn each_kind_of_large_move_is_told_as_what_it_looks_like() {
        let limits = GuardLimits::default();
        let told = |change: &dyn Fn(usize, f64) -> f64| found(&rows(change), &limits, &Shared::new());
        assert!(told(&|_, price| price).is_empty());
        for (factor, name) in [
            (0.02, "split"),
            (12.0, "split"),
            (1.0 / 190.0, "split"),
            (0.25 * 1.15, "large-move"),
            (100.0, "hundredfold"),
            (0.001, "thousandfold"),
            (0.55, "large-move"),
        ] {
            let moves = told(&|at, price| if at >= 60 { price * factor } else { price });
            assert_eq!(moves.len(), 1, "{factor}");
            assert_eq!((moves[0].0.name(), moves[0].1), (name, 60), "{factor}");
        }
        assert_eq!(told(&|at, price| if at == 60 { price * 0.18 } else { price }), [(Look::Print, 60)]);
        let other = |at: usize, price: f64| if at < 60 { price } else { 420.0 + 20.0 * (price - 50.0) };
        assert_eq!(told(&other), [(Look::Reused, 60)]);
    }

    #[test]
    fn both_limits_count_and_a_move_of_the_market_is_no_name_s_own() {
        let crash = rows(|at, price| if at >= 60 { price * 0.6 } else { price });
        let limits = GuardLimits::default();
        assert_eq!(found(&crash, &limits, &Shared::new()).len(), 1);
        let wide = GuardLimits { split_move: 0.6, ..GuardLimits::default() };
        let calm = GuardLimits { move_deviations: 1e5, ..GuardLimits::default() };
        for limits in [&wide, &calm] {
            assert!(found(&crash, limits, &Shared::new()).is_empty());
        }
        let names: Vec<Vec<Row>> = (0..5).map(|_| crash.clone()).collect();
        assert!(found(&crash, &limits, &shared(&names, &limits)).is_empty());
        // Four names are no market, and no market divides itself by a hundred.
        assert_eq!(found(&crash, &limits, &shared(&names[..4], &limits)).len(), 1);
        let cents: Vec<Vec<Row>> =
            (0..5).map(|_| rows(|at, price| if at >= 60 { price * 100.0 } else { price })).collect();
        assert_eq!(found(&cents[0], &limits, &shared(&cents, &limits)).len(), 1);
    }

    #[test]
    fn a_price_that_falls_more_than_its_quote_is_told_at_any_size() {
        let limits = GuardLimits::default();
        let mut fell = rows(|_, price| price);
        fell.iter_mut().skip(60).for_each(|row| row.adjusted = row.adjusted.map(|price| price * 0.8));
        assert_eq!(found(&fell, &limits, &Shared::new()), [(Look::Split(5.0 / 4.0), 60)]);
        // A dividend of a fifth: the quote falls, the price for returns does not.
        let mut paid = rows(|_, price| price);
        paid.iter_mut().skip(60).for_each(|row| row.quote = row.quote.map(|price| price * 0.8));
        assert!(found(&paid, &limits, &Shared::new()).is_empty());
    }

    #[test]
    fn spikes_and_frozen_prices() {
        let limits = GuardLimits::default();
        let spike = rows(|at, price| if at == 60 { price * 0.8 } else { price });
        assert_eq!(spikes(&priced(&spike), &limits), [60]);
        let stays = rows(|at, price| if at >= 60 { price * 0.8 } else { price });
        assert!(spikes(&priced(&stays), &limits).is_empty());
        let still = rows(|at, price| if (60..75).contains(&at) { 50.3 } else { price });
        assert_eq!(frozen(&priced(&still), 10), [(60, 74)]);
        assert!(frozen(&priced(&still), 20).is_empty());
    }
}
