//! The checks of the quality report, one function each.

use super::{Bench, Gravity, Held, QualityFinding, repair::propose};
use crate::guards::{Row, nearest_ratio, volume_move};
use anyhow::Result;
use jiff::civil::Date;
use shockbrief_core::{Symbol, config::Kind};
use std::collections::{BTreeMap, BTreeSet};

type Findings = Vec<QualityFinding>;

/// A finding on a series; the day or days, the sentence, the values that show it, the repair.
fn finding(
    held: &Held<'_>,
    (severity, check): (Gravity, &'static str),
    (from, to): (Date, Date),
    message: String,
    values: &[(&str, f64)],
    repair: Option<(String, &str)>,
) -> QualityFinding {
    QualityFinding {
        severity,
        check,
        source: held.spec.id.clone(),
        path: held.path.clone(),
        symbol: held.instrument.symbol.clone(),
        from: Some(from),
        to: Some(to),
        values: values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
        message,
        repair: repair.map(|(rest, reason)| propose(&held.spec.id, &held.instrument.symbol, &rest, reason)),
    }
}

/// All checks that look at one series alone.
pub(super) fn series(bench: &Bench<'_>, held: &Held<'_>) -> Result<Findings> {
    let mut found = duplicates(held);
    found.extend(sessions(bench, held)?);
    found.extend(hundredfold(bench, held));
    found.extend(splits(bench, held));
    found.extend(values(held));
    found.extend(frozen(bench, held));
    Ok(found)
}

/// Two rows of one date: the same twice, or two prices.
fn duplicates(held: &Held<'_>) -> Findings {
    let pairs = held.rows.windows(2).filter(|pair| pair[0].date == pair[1].date);
    pairs
        .map(|pair| {
            let (date, bits) =
                (pair[0].date, |row: &Row| [row.adjusted, row.quote].map(|v| v.map(f64::to_bits)));
            let repair = Some((format!("date: {date}, kind: drop, keep: first"), "two rows of one date"));
            if bits(&pair[0]) == bits(&pair[1]) {
                let message = "the same row twice; loading keeps one".to_owned();
                return finding(held, (Gravity::Warning, "duplicate"), (date, date), message, &[], repair);
            }
            let price = |row: &Row| row.adjusted.unwrap_or(f64::NAN);
            let shown = [("first", price(&pair[0])), ("second", price(&pair[1]))];
            let message = format!("two different rows, with prices {} and {}", shown[0].1, shown[1].1);
            finding(held, (Gravity::Error, "duplicate"), (date, date), message, &shown, repair)
        })
        .collect()
}

/// Sessions without price, and rows on days when the exchange was closed.
fn sessions(bench: &Bench<'_>, held: &Held<'_>) -> Result<Findings> {
    let calendar = bench.calendars.get(&held.instrument.exchange)?;
    let priced: BTreeSet<Date> =
        held.rows.iter().filter(|row| row.adjusted.is_some()).map(|row| row.date).collect();
    let start = calendar.covered_from();
    let (Some(first), Some(last)) = (priced.range(start..).next().copied(), priced.last().copied()) else {
        return Ok(Vec::new());
    };
    let due: Vec<Date> = calendar.sessions(first, last)?.into_iter().map(|session| session.date).collect();
    let mut found = Vec::new();
    let lacking: Vec<Date> = due.iter().copied().filter(|date| !priced.contains(date)).collect();
    if let (Some(from), Some(to)) = (lacking.first(), lacking.last()) {
        let (count, of) = (lacking.len() as f64, due.len() as f64);
        let many = lacking.len() > 1 && count > bench.guards.max_missing_share * of;
        let severity = if many { Gravity::Error } else { Gravity::Warning };
        let message = format!("no price in {} of {} sessions", lacking.len(), due.len());
        let shown = [("missing", count), ("sessions", of)];
        found.push(finding(held, (severity, "gap"), (*from, *to), message, &shown, None));
    }
    let open: BTreeSet<Date> = due.into_iter().collect();
    let closed: Vec<Date> = priced.range(first..).copied().filter(|date| !open.contains(date)).collect();
    let many = closed.len() > 1 && closed.len() as f64 > bench.guards.max_missing_share * priced.len() as f64;
    if many {
        let message =
            format!("{} of {} rows on days when {} is closed", closed.len(), priced.len(), calendar.mic());
        let ends = (closed[0], closed[closed.len() - 1]);
        found.push(finding(
            held,
            (Gravity::Error, "closed-day"),
            ends,
            message,
            &[("rows", closed.len() as f64)],
            None,
        ));
        return Ok(found);
    }
    for date in closed {
        let message = format!("a row on a day when {} is closed; loading leaves it out", calendar.mic());
        let repair = Some((format!("date: {date}, kind: drop"), "the exchange was closed"));
        found.push(finding(held, (Gravity::Warning, "closed-day"), (date, date), message, &[], repair));
    }
    Ok(found)
}

fn log_move(before: Option<f64>, after: Option<f64>) -> Option<f64> {
    let ratio = after? / before?;
    (ratio.is_finite() && ratio > 0.0).then(|| ratio.ln())
}

fn priced<'h>(held: &'h Held<'_>) -> Vec<&'h Row> {
    held.rows.iter().filter(|row| row.adjusted.is_some_and(|price| price > 0.0)).collect()
}

/// Prices that are a hundred times too high or too low, for a day or for good.
fn hundredfold(bench: &Bench<'_>, held: &Held<'_>) -> Findings {
    let rows = priced(held);
    let hundred = 100_f64.ln();
    let jump = |at: usize| {
        let change = log_move(rows[at - 1].adjusted, rows[at].adjusted)?;
        ((change.abs() - hundred).abs() < bench.limits.unit_tolerance).then_some(change > 0.0)
    };
    let jumps: Vec<(usize, bool)> = (1..rows.len()).filter_map(|at| Some((at, jump(at)?))).collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < jumps.len() {
        let (begin, up) = jumps[at];
        let back = jumps.get(at + 1).filter(|(_, other)| *other != up).map(|(end, _)| *end);
        at += if back.is_some() { 2 } else { 1 };
        // A change for good: the shorter side is taken for the wrong one.
        let (from, to, high) = match back {
            Some(end) => (begin, end - 1, up),
            None if begin * 2 < rows.len() => (0, begin - 1, !up),
            None => (begin, rows.len() - 1, up),
        };
        let (first, last) = (rows[from].date, rows[to].date);
        let days =
            if first == last { format!("date: {first}") } else { format!("from: {first}, to: {last}") };
        let kind = if high { "divide" } else { "multiply" };
        let repair =
            Some((format!("{days}, kind: {kind}, by: 100"), "price in the hundredth part of the currency"));
        let shown = [
            ("before", rows[begin - 1].adjusted.unwrap_or(f64::NAN)),
            ("after", rows[begin].adjusted.unwrap_or(f64::NAN)),
        ];
        let message = format!(
            "from {} to {} on {}: a change of unit, {}",
            shown[0].1,
            shown[1].1,
            rows[begin].date,
            if back.is_some() { "and back" } else { "for good" }
        );
        found.push(finding(held, (Gravity::Error, "hundredfold"), (first, last), message, &shown, repair));
    }
    found
}

/// Log distance between the moves of price and quote that no dividend explains.
const DISAGREEMENT: f64 = 0.1;

/// Log move that is a split even where no volume says so.
const CERTAIN: f64 = 1.05;

/// A split that the adjusted price does not know, or knows twice.
fn splits(bench: &Bench<'_>, held: &Held<'_>) -> Findings {
    let rows = priced(held);
    let mut found = Vec::new();
    for (at, pair) in rows.windows(2).enumerate() {
        let Some(change) = log_move(pair[0].adjusted, pair[1].adjusted) else { continue };
        let date = pair[1].date;
        let unit = (change.abs() - 100_f64.ln()).abs() < bench.limits.unit_tolerance;
        let symbol = &held.instrument.symbol;
        let verified = bench.guards.verified_moves.iter().any(|m| m.symbol == *symbol && m.date == date);
        if change.abs() <= bench.guards.split_move || unit || verified || held.instrument.kind == Kind::Index
        {
            continue;
        }
        let Some(ratio) = nearest_ratio(change.abs(), bench.guards.split_ratio_tolerance) else { continue };
        let quoted = log_move(pair[0].quote, pair[1].quote);
        let doubled = quoted.is_some_and(|quoted| (quoted - change).abs() > DISAGREEMENT);
        // The share count of a split is rescaled for good; the volume of a crash jumps and comes back.
        let volume = volume_move(&rows, at + 1);
        let inverse = volume.map(|volume| (volume + change).abs() <= bench.guards.split_volume_tolerance);
        let (severity, what) = match (doubled, inverse) {
            (true, _) => {
                (Gravity::Error, "the quote moved otherwise: a split adjusted twice, or one that was none")
            }
            (false, Some(true)) => {
                (Gravity::Error, "volume moved inversely: a split that was not adjusted for")
            }
            (false, Some(false)) => continue,
            // No crash divides a price by three at a blow.
            (false, None) if change.abs() > CERTAIN => {
                (Gravity::Error, "no crash is that large: a split that was not adjusted for")
            }
            (false, None) => {
                (Gravity::Warning, "near a simple ratio of a split, and no volume to compare with")
            }
        };
        let kind = if change < 0.0 { "divide" } else { "multiply" };
        let rest = format!("to: {}, kind: {kind}, by: {ratio}, columns: [returns]", pair[0].date);
        let message = format!("price times {:.4}; {what}", change.exp());
        let mut shown = vec![("price_ratio", change.exp()), ("split_ratio", ratio)];
        shown.extend(quoted.map(|quoted| ("quote_ratio", quoted.exp())));
        let repair = Some((rest, "split not adjusted for once"));
        found.push(finding(held, (severity, "split"), (date, date), message, &shown, repair));
    }
    found
}

/// Prices that are none, and volumes of zero.
fn values(held: &Held<'_>) -> Findings {
    let mut found = Vec::new();
    for row in &held.rows {
        let bad = row.adjusted.filter(|price| !(price.is_finite() && *price > 0.0));
        if let Some(price) = bad {
            let repair = Some((format!("date: {}, kind: drop", row.date), "no price"));
            let message = format!("the price is {price}; loading makes it missing");
            found.push(finding(
                held,
                (Gravity::Warning, "bad-price"),
                (row.date, row.date),
                message,
                &[],
                repair,
            ));
        }
    }
    let zero: Vec<Date> =
        held.rows.iter().filter(|row| row.volume == Some(0.0)).map(|row| row.date).collect();
    if let (Some(first), Some(last)) = (zero.first(), zero.last()) {
        let message = format!("{} rows with a volume of zero, taken as `zero_volume` says", zero.len());
        let shown = [("rows", zero.len() as f64)];
        found.push(finding(held, (Gravity::Note, "zero-volume"), (*first, *last), message, &shown, None));
    }
    found
}

/// The very same price in many sessions.
fn frozen(bench: &Bench<'_>, held: &Held<'_>) -> Findings {
    let rows = priced(held);
    let runs = rows.chunk_by(|a, b| a.adjusted.map(f64::to_bits) == b.adjusted.map(f64::to_bits));
    runs.filter(|run| run.len() >= bench.limits.frozen_sessions)
        .map(|run| {
            let (first, last) = (run[0], run[run.len() - 1]);
            let price = first.adjusted.unwrap_or(f64::NAN);
            let message = format!("the price is {price} in {} sessions in a row", run.len());
            let shown = [("price", price), ("sessions", run.len() as f64)];
            // The first of them may be a true price.
            let rest = format!("from: {}, to: {}, kind: drop", run[1].date, last.date);
            let repair = Some((rest, "the last price repeated"));
            finding(held, (Gravity::Warning, "frozen"), (first.date, last.date), message, &shown, repair)
        })
        .collect()
}

fn by_symbol<'h, 'a>(held: &'h [Held<'a>]) -> BTreeMap<&'h Symbol, Vec<&'h Held<'a>>> {
    let mut groups: BTreeMap<&Symbol, Vec<&Held<'_>>> = BTreeMap::new();
    for one in held {
        groups.entry(&one.instrument.symbol).or_default().push(one);
    }
    groups
}

/// Symbols whose last price, in the source that loading would take, lies long before the as-of date.
pub(super) fn stale(bench: &Bench<'_>, held: &[Held<'_>]) -> Result<Findings> {
    let mut found = Vec::new();
    for group in by_symbol(held).into_values() {
        let Some(taken) = group.iter().min_by_key(|held| held.spec.priority) else { continue };
        let Some(last) = priced(taken).last().map(|row| row.date) else { continue };
        let calendar = bench.calendars.get(&taken.instrument.exchange)?;
        if last >= bench.as_of || last < calendar.covered_from() {
            continue;
        }
        let behind =
            calendar.sessions(last, bench.as_of)?.iter().filter(|session| session.date > last).count();
        if behind > bench.guards.stale_sessions {
            let message = format!("the last price is {behind} sessions before {}", bench.as_of);
            let shown = [("sessions", behind as f64)];
            found.push(finding(taken, (Gravity::Error, "stale"), (last, last), message, &shown, None));
        }
    }
    Ok(found)
}

/// Moves that two sources give one day of one symbol, where they differ.
pub(super) fn across(bench: &Bench<'_>, held: &[Held<'_>]) -> Findings {
    let mut found = Vec::new();
    for group in by_symbol(held).into_values() {
        for (at, one) in group.iter().enumerate() {
            for other in group[at + 1..].iter().filter(|other| other.spec.id != one.spec.id) {
                found.extend(pair(bench, one, other));
            }
        }
    }
    found
}

/// Log differences of the two prices on common days; a spike is a bad price, a step is a dividend or a split that
/// one of the two treats otherwise.
fn pair(bench: &Bench<'_>, one: &Held<'_>, other: &Held<'_>) -> Findings {
    let prices = |held: &Held<'_>| -> BTreeMap<Date, f64> {
        priced(held).into_iter().filter_map(|row| Some((row.date, row.adjusted?))).collect()
    };
    let (a, b) = (prices(one), prices(other));
    let common: Vec<(Date, f64, f64)> =
        a.iter().filter_map(|(date, price)| Some((*date, *price, *b.get(date)?))).collect();
    let gap = |at: usize| (common[at].1 / common[at].2).ln();
    let tolerance = bench.limits.cross_tolerance;
    let mut found = Vec::new();
    let mut at = 1;
    while at < common.len() {
        let (date, p, q) = common[at];
        let step = gap(at) - gap(at - 1);
        if step.abs() <= tolerance {
            at += 1;
            continue;
        }
        let spike = at + 1 < common.len() && (gap(at + 1) - gap(at - 1)).abs() <= tolerance;
        let severity = if step.abs() > 10.0 * tolerance { Gravity::Error } else { Gravity::Warning };
        let (before_p, before_q) = (common[at - 1].1, common[at - 1].2);
        let shown = [
            ("move", p / before_p - 1.0),
            ("other_move", q / before_q - 1.0),
            ("price", p),
            ("other_price", q),
        ];
        // Of two moves, the one that goes and comes back is the stranger.
        let next = common.get(at + 1).filter(|_| spike);
        let there = |before: f64, price: f64, after: Option<f64>| {
            (price / before).ln().abs() + after.map_or(0.0, |after| (after / price).ln().abs())
        };
        let (ours, theirs) =
            (there(before_p, p, next.map(|next| next.1)), there(before_q, q, next.map(|next| next.2)));
        let wild = if ours >= theirs { one } else { other };
        let against = if wild.spec.id == one.spec.id { other } else { one };
        let kind = if spike { "a price that" } else { "a move, perhaps a dividend or a split, that" };
        let message = format!(
            "{kind} source `{}` has otherwise: {:+.4} against {:+.4}",
            against.spec.id, shown[0].1, shown[1].1
        );
        let message = if one.instrument.kind == Kind::Index { format!("{message} (index)") } else { message };
        let repair = spike.then(|| (format!("date: {date}, kind: drop"), "outlier against a second source"));
        found.push(finding(wild, (severity, "cross-check"), (date, date), message, &shown, repair));
        at += if spike { 2 } else { 1 };
    }
    found
}
