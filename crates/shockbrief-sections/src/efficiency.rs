//! Cost efficiency: list price against quality within one snapshot of scores, and how fast prices fall.
//!
//! Scores of different snapshots are not compared: their scale moves when they are fitted again.

use crate::{
    Context, Desk, Outcome, tabulate,
    trend::{self, Slope},
};
use anyhow::Result;
use jiff::{ToSpan, civil::Date};
use shockbrief_core::{
    Cell, Chart, Figure, Findings, Records, Row, Table, Unit, Value,
    config::{ModelName, ModelRole},
    findings::{Across, Dot, Track},
};
use std::collections::BTreeMap;

const PRICES: &str = "list-prices";
const SCORES: &str = "arena-scores";
/// Tokens read for each token written in the mixed price.
const READ_PER_WRITTEN: f64 = 3.0;
/// Normal quantile by which the published intervals are divided to get standard errors.
const Z95: f64 = 1.96;

/// A model with its score, its prices by day and the price that held.
struct Offer<'a> {
    model: &'a ModelName,
    score: f64,
    se: f64,
    prices: BTreeMap<Date, f64>,
}

impl Offer<'_> {
    fn price_on(&self, date: Date) -> Option<f64> {
        self.prices.range(..=date).next_back().map(|(_, price)| *price)
    }
}

pub fn analyse(context: &Context<'_>, findings: &mut Findings) -> Result<Outcome> {
    let desk = &context.desk;
    let absent = Ok(Outcome::Absent("absent.efficiency"));
    let (Some(prices), Some(scores)) = (desk.records(PRICES), desk.records(SCORES)) else { return absent };
    let Some((snapshot, offers)) = offers(desk, prices, scores) else { return absent };
    let of = |role| offers.iter().find(|offer| offer.model.role == Some(role));
    let (Some(subject), Some(rival)) = (of(ModelRole::Subject), of(ModelRole::Rival)) else { return absent };
    let Some(eve) = released(findings).and_then(|date| date.checked_sub(1.day()).ok()) else { return absent };
    let record = Recorder { desk, inputs: [PRICES.to_owned(), SCORES.to_owned()] };
    findings.add(Figure::date("efficiency.snapshot", snapshot, "snapshot", desk.as_of).inputs([SCORES]));
    record.add(findings, "models", offers.len() as f64, Unit::Count, "count");
    compare(&record, subject, rival, &offers, findings);
    let (before, after) = (frontier(&offers, eve), frontier(&offers, desk.as_of));
    level(&record, subject, &offers, eve, findings);
    reach(&record, subject, &offers, scores, snapshot, findings);
    decline(&record, subject, &offers, findings);
    let sources = desk.files(&[prices, scores]);
    let table = table(&record, &before, &after, eve, sources.clone(), findings);
    findings.tables.insert("frontier".to_owned(), table);
    let chart = chart(desk, &offers, [&before, &after], eve, sources);
    findings.charts.insert("efficiency-frontier".to_owned(), chart);
    Ok(Outcome::Ready)
}

fn released(findings: &Findings) -> Option<Date> {
    match findings.figures.get("fact.r1-release")?.value? {
        Value::Date(date) => Some(date),
        Value::Number(_) => None,
    }
}

/// Models that have a score in the last snapshot and a price by the as-of date.
fn offers<'a>(desk: &Desk<'a>, prices: &Records, scores: &Records) -> Option<(Date, Vec<Offer<'a>>)> {
    let snapshot = scores.rows.iter().map(|row| row.date).max()?;
    let mut last: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for row in scores.rows.iter().filter(|row| row.date == snapshot) {
        let (Some(model), Some(score)) = (row.text("model"), row.number("score")) else { continue };
        let (plus, minus) = (row.number("plus").unwrap_or(f64::NAN), row.number("minus").unwrap_or(f64::NAN));
        last.insert(model, (score, (plus + minus) / 2.0 / Z95));
    }
    let mut listed: BTreeMap<&str, BTreeMap<Date, f64>> = BTreeMap::new();
    for row in prices.rows.iter().filter(|row| row.text("event") != Some("removed")) {
        let (Some(model), Some(read), Some(written)) =
            (row.text("model"), row.number("input"), row.number("output"))
        else {
            continue;
        };
        let price = (READ_PER_WRITTEN * read + written) / (READ_PER_WRITTEN + 1.0);
        if price > 0.0 {
            listed.entry(model).or_default().insert(row.date, price);
        }
    }
    let offer = |model: &'a ModelName| {
        let (score, se) = *last.get(model.arena.as_str())?;
        Some(Offer { model, score, se, prices: listed.get(model.price.as_str())?.clone() })
    };
    Some((snapshot, desk.models.iter().filter_map(offer).collect()))
}

struct Recorder<'a> {
    desk: &'a Desk<'a>,
    inputs: [String; 2],
}

impl Recorder<'_> {
    fn figure(&self, id: &str, value: f64, unit: Unit, statistic: &str) -> Figure {
        let figure = Figure::new(format!("efficiency.{id}"), value, unit, statistic, self.desk.as_of)
            .inputs(self.inputs.clone());
        if unit == Unit::Price { figure.currency("USD") } else { figure }
    }

    fn told(
        &self,
        findings: &mut Findings,
        id: &str,
        value: Result<f64, &str>,
        unit: Unit,
        statistic: &str,
    ) -> String {
        let base = self.figure(id, value.unwrap_or(0.0), unit, statistic);
        findings.add(match value {
            Ok(_) => base,
            Err(reason) => Figure { value: None, reason: Some(reason.to_owned()), ..base },
        })
    }

    fn add(&self, findings: &mut Findings, id: &str, value: f64, unit: Unit, statistic: &str) -> String {
        findings.add(self.figure(id, value, unit, statistic))
    }
}

/// Subject against rival: prices, scores and whether the scores can be told apart.
fn compare(
    record: &Recorder<'_>,
    subject: &Offer<'_>,
    rival: &Offer<'_>,
    offers: &[Offer<'_>],
    findings: &mut Findings,
) {
    let as_of = record.desk.as_of;
    for (name, offer) in [("subject", subject), ("rival", rival)] {
        let price = offer.price_on(as_of).unwrap_or(f64::NAN);
        record.add(findings, &format!("{name}.price"), price, Unit::Price, "mixed_price");
        findings.add(
            record.figure(&format!("{name}.score"), offer.score, Unit::Number, "arena_score").se(offer.se),
        );
    }
    let (gap, se) = (subject.score - rival.score, subject.se.hypot(rival.se));
    findings.add(record.figure("gap", gap, Unit::Number, "score_difference").se(se));
    record.add(findings, "gap.low", gap - Z95 * se, Unit::Number, "score_difference");
    record.add(findings, "gap.high", gap + Z95 * se, Unit::Number, "score_difference");
    record.add(findings, "gap_z", gap / se, Unit::Statistic, "score_difference");
    let ratio = rival.price_on(as_of).unwrap_or(f64::NAN) / subject.price_on(as_of).unwrap_or(f64::NAN);
    record.add(findings, "price_ratio", ratio, Unit::Number, "price_ratio");
    let own = subject.price_on(as_of).unwrap_or(f64::NAN);
    let equals = offers.iter().filter(|offer| {
        offer.score >= subject.score - Z95 * offer.se.hypot(subject.se)
            && offer.price_on(as_of).is_some_and(|price| price < own)
    });
    let cheapest = equals.min_by(|a, b| {
        a.price_on(as_of).partial_cmp(&b.price_on(as_of)).unwrap_or(std::cmp::Ordering::Equal)
    });
    record.add(findings, "cheaper_equals", f64::from(u8::from(cheapest.is_some())), Unit::Count, "count");
    if let Some(offer) = cheapest {
        record.add(
            findings,
            "cheapest_equal.price",
            offer.price_on(as_of).unwrap_or(f64::NAN),
            Unit::Price,
            "mixed_price",
        );
        findings.add(
            record.figure("cheapest_equal.score", offer.score, Unit::Number, "arena_score").se(offer.se),
        );
        findings.lists.insert("efficiency.cheapest_equal".to_owned(), vec![offer.model.name.clone()]);
    }
}

/// Offers that no other beats on price without losing score, from the cheapest to the best.
fn frontier<'o, 'a>(offers: &'o [Offer<'a>], date: Date) -> Vec<(&'o Offer<'a>, f64)> {
    let mut priced: Vec<_> = offers.iter().filter_map(|offer| Some((offer, offer.price_on(date)?))).collect();
    priced.sort_by(|a, b| a.1.total_cmp(&b.1).then(b.0.score.total_cmp(&a.0.score)));
    let mut best = f64::NEG_INFINITY;
    priced.retain(|(offer, _)| {
        let better = offer.score > best;
        best = best.max(offer.score);
        better
    });
    priced
}

/// The lowest price of a score that cannot be told from the subject's, before its release and now.
fn level(
    record: &Recorder<'_>,
    subject: &Offer<'_>,
    offers: &[Offer<'_>],
    eve: Date,
    findings: &mut Findings,
) {
    let floor = subject.score - Z95 * subject.se;
    let lowest = |date| {
        let prices = offers
            .iter()
            .filter(|offer| offer.score >= floor)
            .filter_map(|offer| Some((offer, offer.price_on(date)?)));
        let found = prices.min_by(|a, b| a.1.total_cmp(&b.1));
        found.ok_or("no model of that score had a list price in the source")
    };
    let (before, after) = (lowest(eve), lowest(record.desk.as_of));
    record.add(findings, "level.score", floor, Unit::Number, "arena_score");
    for (id, found) in [("level.before", before), ("level.after", after)] {
        record.told(findings, id, found.map(|(_, price)| price), Unit::Price, "mixed_price");
        let names = found.iter().map(|(offer, _)| offer.model.name.clone()).collect();
        findings.lists.insert(format!("efficiency.{id}"), names);
    }
    let ratio = before.and_then(|(_, before)| Ok(before / after?.1));
    record.told(findings, "level.ratio", ratio, Unit::Number, "price_ratio");
}

/// What the list of models leaves out: others of the snapshot with a score that cannot be told from the subject's, which
/// have no list price here, and the day of the last price that the list knows.
fn reach(
    record: &Recorder<'_>,
    subject: &Offer<'_>,
    offers: &[Offer<'_>],
    scores: &Records,
    snapshot: Date,
    findings: &mut Findings,
) {
    let listed = |name: &str| offers.iter().any(|offer| offer.model.arena == name);
    let rows = scores.rows.iter().filter(|row| row.date == snapshot);
    let others: Vec<String> = rows
        .filter(|row| row.number("score").is_some_and(|score| score >= subject.score - Z95 * subject.se))
        .filter_map(|row| row.text("model"))
        .filter(|name| !listed(name))
        .map(str::to_owned)
        .collect();
    record.add(findings, "unpriced", others.len() as f64, Unit::Count, "count");
    findings.lists.insert("efficiency.unpriced".to_owned(), others);
    if let Some(last) = offers.iter().filter_map(|offer| offer.prices.keys().next()).max() {
        let date = Figure::date("efficiency.list.last", *last, "listing", record.desk.as_of);
        findings.add(date.inputs(record.inputs.clone()));
    }
}

/// Change of price per year at a constant score: least squares of log price on score and date of listing.
///
/// The subject is left out: its price is then held against what the others' trend makes of its score and day.
fn decline(record: &Recorder<'_>, subject: &Offer<'_>, offers: &[Offer<'_>], findings: &mut Findings) {
    let (mut scores, mut years, mut logs) = (Vec::new(), Vec::new(), Vec::new());
    for offer in offers.iter().filter(|offer| offer.model.arena != subject.model.arena) {
        let mut last = None;
        for (date, price) in &offer.prices {
            if last != Some(price.to_bits()) {
                scores.push(offer.score);
                years.push(trend::year(*date));
                logs.push(price.ln());
            }
            last = Some(price.to_bits());
        }
    }
    let fitted = trend::fit(&[&scores, &years], &logs);
    let slope: Result<Slope, String> = fitted
        .clone()
        .and_then(|(_, slopes)| slopes.get(1).copied().ok_or_else(|| "too few prices".to_owned()));
    let expected = fitted.and_then(|(constant, slopes)| {
        let listed = subject.prices.keys().next().ok_or("no price of its own")?;
        let log = constant + slopes[0].value * subject.score + slopes[1].value * trend::year(*listed);
        Ok(log.exp())
    });
    let expected = expected.as_ref().map(|price| *price).map_err(String::as_str);
    record.told(findings, "expected", expected, Unit::Price, "hedonic_decline");
    let share = |log: f64| 1.0 - log.exp();
    let parts = [
        ("decline", slope.as_ref().map(|slope| share(slope.value))),
        ("decline.low", slope.as_ref().map(|slope| share(slope.high))),
        ("decline.high", slope.as_ref().map(|slope| share(slope.low))),
    ];
    for (id, value) in parts {
        let value = value.map_err(Clone::clone);
        let id = format!("efficiency.{id}");
        findings.add(
            Figure::from_result(id, value, Unit::Ratio, "hedonic_decline", record.desk.as_of)
                .inputs(record.inputs.clone())
                .n(logs.len())
                .df(slope.as_ref().ok().map(|slope| slope.df)),
        );
    }
    record.add(findings, "decline.prices", logs.len() as f64, Unit::Count, "count");
}

fn table(
    record: &Recorder<'_>,
    before: &[(&Offer<'_>, f64)],
    after: &[(&Offer<'_>, f64)],
    eve: Date,
    sources: Vec<String>,
    findings: &mut Findings,
) -> Table {
    let columns = vec![
        tabulate::text("col.model"),
        tabulate::number("col.score", "num(0)"),
        tabulate::number("col.score-se", "num(1)"),
        tabulate::number("col.price-before", "price(2)"),
        tabulate::number("col.price-now", "price(2)"),
    ];
    let mut union: BTreeMap<&str, &Offer<'_>> = BTreeMap::new();
    union.extend(before.iter().chain(after).map(|(offer, _)| (offer.model.name.as_str(), *offer)));
    let mut listed: Vec<&Offer<'_>> = union.into_values().collect();
    listed.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut rows = Vec::new();
    for offer in listed {
        let slug: String = offer
            .model
            .arena
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
            .collect();
        let mut price = |part: &str, date: Date| match offer.price_on(date) {
            Some(price) => Cell::Figure(record.add(
                findings,
                &format!("model.{slug}.{part}"),
                price,
                Unit::Price,
                "mixed_price",
            )),
            None => Cell::Empty,
        };
        let (then, now) = (price("before", eve), price("now", record.desk.as_of));
        let score =
            record.add(findings, &format!("model.{slug}.score"), offer.score, Unit::Number, "arena_score");
        let se =
            record.add(findings, &format!("model.{slug}.score_se"), offer.se, Unit::Number, "arena_score");
        rows.push(Row::new(vec![
            Cell::Text(offer.model.name.clone()),
            Cell::Figure(score),
            Cell::Figure(se),
            then,
            now,
        ]));
    }
    Table { id: "frontier".to_owned(), columns, rows, sources }
}

fn chart(
    desk: &Desk<'_>,
    offers: &[Offer<'_>],
    frontiers: [&[(&Offer<'_>, f64)]; 2],
    eve: Date,
    sources: Vec<String>,
) -> Chart {
    let dots = offers
        .iter()
        .filter_map(|offer| {
            Some(Dot {
                label: offer.model.name.clone(),
                x: offer.score,
                y: offer.price_on(desk.as_of).or_else(|| offer.price_on(eve))?,
                strong: offer.model.role.is_some(),
            })
        })
        .collect();
    let track = |label: &str, frontier: &[(&Offer<'_>, f64)], dashed| Track {
        label: label.to_owned(),
        points: steps(frontier),
        dashed,
    };
    let [before, after] = frontiers;
    Chart::Scatter {
        id: "efficiency-frontier".to_owned(),
        across: Across::Number,
        dots,
        tracks: vec![track("efficiency.before", before, true), track("efficiency.after", after, false)],
        sources,
        statistic: "efficient_frontier".to_owned(),
    }
}

/// A frontier as steps: a better score costs the next price.
fn steps(frontier: &[(&Offer<'_>, f64)]) -> Vec<[f64; 2]> {
    let mut points: Vec<[f64; 2]> = Vec::new();
    for (offer, price) in frontier {
        if let Some([x, _]) = points.last().copied() {
            points.push([x, *price]);
        }
        points.push([offer.score, *price]);
    }
    points
}
