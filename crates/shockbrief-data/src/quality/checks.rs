//! The checks of the quality report, one function each.

use super::{Bench, Gravity, Held, QualityFinding, repair::propose};
use crate::guards::{
    self, Checked, Row,
    moves::{self, Look, Move, Shared},
};
use anyhow::Result;
use jiff::civil::Date;
use shockbrief_core::{
    Symbol,
    config::{Kind, LargeMoves},
};
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

/// All checks that look at one series alone; `shared` is what the names of its exchange moved together.
pub(super) fn series(bench: &Bench<'_>, held: &Held<'_>, shared: &Shared) -> Result<Findings> {
    let mut found = duplicates(held);
    found.extend(sessions(bench, held)?);
    found.extend(large(bench, held, shared));
    found.extend(values(held));
    found.extend(still(bench, held));
    if !found.iter().any(|finding| finding.severity == Gravity::Error) {
        found.extend(refused(bench, held, shared)?);
    }
    Ok(found)
}

/// What loading would refuse and no other check tells: the guards themselves, run over a copy.
fn refused(bench: &Bench<'_>, held: &Held<'_>, shared: &Shared) -> Result<Option<QualityFinding>> {
    let calendar = bench.calendars.get(&held.instrument.exchange)?;
    let (from, to) = (calendar.covered_from(), calendar.covered_to());
    let mut rows: Vec<Row> =
        held.rows.iter().filter(|row| row.date >= from && row.date <= to).cloned().collect();
    let (Some(first), Some(last)) = (rows.first().map(|row| row.date), rows.last().map(|row| row.date))
    else {
        return Ok(None);
    };
    let checked = Checked {
        instrument: held.instrument,
        spec: held.spec,
        path: &held.path,
        // To its own last row: whether it ends too early is told apart, for the source that loading takes.
        sessions: &calendar.sessions(first, last)?,
        limits: bench.guards,
        as_of: last,
        shared,
    };
    let refusal = guards::check(&checked, &mut rows).err();
    Ok(refusal.map(|refusal| {
        let hint = refusal.hint.map_or_else(String::new, |hint| format!("; {hint}"));
        let message = format!("loading refuses it: {}{hint}", refusal.message);
        finding(held, (Gravity::Error, "refused"), (first, last), message, &[], None)
    }))
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
    let mut found = Vec::new();
    let end = calendar.covered_to();
    if last > end {
        let message =
            format!("the calendar of {} ends on {end}; what follows cannot be loaded", calendar.mic());
        found.push(finding(held, (Gravity::Error, "calendar"), (end, last), message, &[], None));
    }
    let last = last.min(end);
    if first > last {
        return Ok(found);
    }
    let priced: BTreeSet<Date> = priced.range(..=last).copied().collect();
    let due: Vec<Date> = calendar.sessions(first, last)?.into_iter().map(|session| session.date).collect();
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

fn priced<'h>(held: &'h Held<'_>) -> Vec<&'h Row> {
    moves::priced(&held.rows)
}

/// Large moves, by the rule of loading; an index is judged like any other name.
fn large(bench: &Bench<'_>, held: &Held<'_>, shared: &Shared) -> Findings {
    let rows = priced(held);
    let severity = match bench.guards.large_moves {
        LargeMoves::Refuse => Gravity::Error,
        LargeMoves::Notice => Gravity::Warning,
    };
    let large = moves::large(&rows, &held.instrument.symbol, bench.guards, shared);
    let mut found: Findings = large.iter().map(|one| large_move(held, &rows, one, severity)).collect();
    for at in moves::spikes(&rows, bench.guards) {
        let date = rows[at].date;
        let symbol = &held.instrument.symbol;
        if bench.guards.verified_moves.iter().any(|m| m.symbol == *symbol && m.date == date) {
            continue;
        }
        let (before, price) =
            (rows[at - 1].adjusted.unwrap_or(f64::NAN), rows[at].adjusted.unwrap_or(f64::NAN));
        let message = format!("from {before} to {price} and back the next session");
        let shown = [("before", before), ("price", price)];
        let repair = Some((format!("date: {date}, kind: drop"), "comes back the next session"));
        found.push(finding(held, (Gravity::Warning, "spike"), (date, date), message, &shown, repair));
    }
    found
}

/// A large move with the repair of what it looks like.
fn large_move(held: &Held<'_>, rows: &[&Row], one: &Move, severity: Gravity) -> QualityFinding {
    let (first, last) = one.rows;
    let up = one.log > 0.0;
    let mut dates = (one.dates.0, one.dates.0);
    let repair = match one.look {
        Look::Unit(factor) => {
            // A change for good: the shorter side is taken for the wrong one.
            let back = last + 1 < rows.len();
            let (from, to, high) = match back {
                true => (first, last, up),
                false if first * 2 < rows.len() => (0, first - 1, !up),
                false => (first, last, up),
            };
            dates = (rows[from].date, rows[to].date);
            let days = match dates {
                (from, to) if from == to => format!("date: {from}"),
                (from, to) => format!("from: {from}, to: {to}"),
            };
            let kind = if high { "divide" } else { "multiply" };
            Some((format!("{days}, kind: {kind}, by: {factor}"), "price in a part of the currency"))
        }
        Look::Split(ratio) => {
            let kind = if up { "multiply" } else { "divide" };
            let rest = format!("to: {}, kind: {kind}, by: {ratio}, columns: [returns]", rows[first - 1].date);
            Some((rest, "split not adjusted for once"))
        }
        Look::Print => {
            dates = one.dates;
            let days = match dates {
                (from, to) if from == to => format!("date: {from}"),
                (from, to) => format!("from: {from}, to: {to}"),
            };
            Some((format!("{days}, kind: drop"), "a price that comes back"))
        }
        Look::Reused | Look::Large => None,
    };
    let mut shown = vec![("before", one.prices.0), ("after", one.prices.1), ("price_ratio", one.log.exp())];
    if let Look::Split(ratio) = one.look {
        shown.push(("split_ratio", ratio));
    }
    shown.extend(one.quote.map(|quoted| ("quote_ratio", quoted.exp())));
    finding(held, (severity, one.look.name()), dates, one.sentence.clone(), &shown, repair)
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
fn still(bench: &Bench<'_>, held: &Held<'_>) -> Findings {
    let rows = priced(held);
    moves::frozen(&rows, bench.guards.frozen_sessions)
        .into_iter()
        .map(|(first, last)| {
            let price = rows[first].adjusted.unwrap_or(f64::NAN);
            let message = format!("the price is {price} in {} sessions in a row", last - first + 1);
            let shown = [("price", price), ("sessions", (last - first + 1) as f64)];
            // The first of them may be a true price.
            let rest = format!("from: {}, to: {}, kind: drop", rows[first + 1].date, rows[last].date);
            let repair = Some((rest, "the last price repeated"));
            let dates = (rows[first].date, rows[last].date);
            finding(held, (Gravity::Warning, "frozen"), dates, message, &shown, repair)
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
        let end = calendar.covered_to().min(bench.as_of);
        if last > end {
            continue;
        }
        let behind = calendar.sessions(last, end)?.iter().filter(|session| session.date > last).count();
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
