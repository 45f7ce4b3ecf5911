//! Demand for computing: how training compute has grown, and what cheaper tokens do to spending.

use crate::{Context, Desk, Outcome, tabulate, trend};
use anyhow::Result;
use shockbrief_core::{
    Cell, Chart, Figure, Findings, Record, Records, Row, Table, Unit,
    findings::{Across, Dot, Track},
};

const SOURCE: &str = "training-compute";
/// First year of the trend: before it, the largest models were few and of other kinds.
const FROM: i16 = 2018;
/// Operations per parameter and token of training.
const OPERATIONS: f64 = 6.0;
const NEEDED: [&str; 6] =
    ["v3-release", "v3-active", "v3-tokens", "r1-price-out", "o1-price-out", "r1-release"];
/// Models of the table: the largest by training compute.
const LARGEST: usize = 8;
const MIN_MODELS: usize = 20;

pub fn analyse(context: &Context<'_>, findings: &mut Findings) -> Result<Outcome> {
    let desk = &context.desk;
    if !desk.knows(&NEEDED) {
        return Ok(Outcome::Absent("absent.demand-facts"));
    }
    let Some(records) = desk.records(SOURCE) else { return Ok(Outcome::Absent("absent.demand")) };
    let frontier = frontier(records);
    if frontier.len() < MIN_MODELS {
        return Ok(Outcome::Absent("absent.demand"));
    }
    let years: Vec<f64> = frontier.iter().map(|(row, _)| trend::year(row.date)).collect();
    let logs: Vec<f64> = frontier.iter().map(|(_, flop)| flop.log10()).collect();
    let fitted = trend::fit(&[&years], &logs);
    growth(desk, &fitted, frontier.len(), findings);
    latest(desk, &frontier, findings);
    subject(desk, &fitted, findings);
    let sources = desk.files(&[records]);
    let table = largest(desk, &frontier, sources.clone(), findings);
    findings.tables.insert("compute".to_owned(), table);
    if let Ok((constant, slopes)) = &fitted {
        let line = |x: f64| [x, 10_f64.powf(constant + slopes[0].value * x)];
        let ends = [years.iter().copied().fold(f64::INFINITY, f64::min), trend::year(desk.as_of)].map(line);
        let chart = chart(desk, &frontier, ends, findings, sources);
        findings.charts.insert("compute-growth".to_owned(), chart);
    }
    Ok(Outcome::Ready)
}

/// Models at the frontier of their time, with their training compute.
fn frontier(records: &Records) -> Vec<(&Record, f64)> {
    let rows =
        records.rows.iter().filter(|row| row.date.year() >= FROM && row.text("frontier") == Some("checked"));
    rows.filter_map(|row| Some((row, row.number("flop").filter(|flop| *flop > 0.0)?))).collect()
}

type Part = fn(&trend::Slope) -> f64;
type Fitted = Result<(f64, Vec<trend::Slope>), String>;

/// Growth per year as a factor, with its interval.
fn growth(desk: &Desk<'_>, fitted: &Fitted, n: usize, findings: &mut Findings) {
    let parts: [(&str, Part); 3] =
        [("growth", |s| s.value), ("growth.low", |s| s.low), ("growth.high", |s| s.high)];
    for (id, part) in parts {
        let value = fitted.as_ref().map(|(_, slopes)| 10_f64.powf(part(&slopes[0]))).map_err(Clone::clone);
        findings.add(
            Figure::from_result(format!("compute.{id}"), value, Unit::Number, "log_trend", desk.as_of)
                .inputs([SOURCE])
                .n(n),
        );
    }
    findings.add(Figure::new("compute.models", n as f64, Unit::Count, "count", desk.as_of).inputs([SOURCE]));
}

/// The last model of the trend: what came after it is not in the growth.
fn latest(desk: &Desk<'_>, frontier: &[(&Record, f64)], findings: &mut Findings) {
    if let Some((row, _)) = frontier.iter().max_by_key(|(row, _)| row.date) {
        findings.add(Figure::date("compute.last", row.date, "publication", desk.as_of).inputs([SOURCE]));
        let name = row.text("model").unwrap_or_default().to_owned();
        findings.lists.insert("compute.last".to_owned(), vec![name]);
    }
}

/// The subject against the trend of its day, and the use at which cheaper tokens leave spending unchanged.
fn subject(desk: &Desk<'_>, fitted: &Fitted, findings: &mut Findings) {
    let fact = |id: &str| findings.number(&format!("fact.{id}")).unwrap_or(f64::NAN);
    let operations = OPERATIONS * fact("v3-active") * fact("v3-tokens");
    let release = desk.facts.known("v3-release", desk.as_of).map(|fact| trend::year(fact.date));
    let below = fitted.as_ref().map_err(Clone::clone).and_then(|(constant, slopes)| {
        let year = release.ok_or("not released")?;
        Ok(10_f64.powf(constant + slopes[0].value * year) / operations)
    });
    let even = fact("o1-price-out") / fact("r1-price-out");
    let used = ["fact.v3-active", "fact.v3-tokens", "fact.v3-release", SOURCE];
    findings.add(
        Figure::from_result("compute.below_trend", below, Unit::Number, "log_trend", desk.as_of).inputs(used),
    );
    findings.add(
        Figure::new("compute.break_even", even, Unit::Number, "price_ratio", desk.as_of)
            .inputs(["fact.o1-price-out", "fact.r1-price-out"]),
    );
    let flop = Figure::new("compute.v3", operations, Unit::Number, "training_arithmetic", desk.as_of);
    findings.add(flop.inputs(["fact.v3-active", "fact.v3-tokens"]));
}

/// The largest models; compute as a multiple of the subject's, since powers of ten do not read well.
fn largest(
    desk: &Desk<'_>,
    frontier: &[(&Record, f64)],
    sources: Vec<String>,
    findings: &mut Findings,
) -> Table {
    let unit = findings.number("compute.v3").unwrap_or(f64::NAN);
    let mut ranked: Vec<&(&Record, f64)> = frontier.iter().collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    let columns = vec![
        tabulate::text("col.model"),
        tabulate::number("col.published", "date"),
        tabulate::number("col.times-v3", "num(1)"),
        tabulate::text("col.confidence"),
    ];
    let mut rows = Vec::new();
    for (at, (row, flop)) in ranked.into_iter().take(LARGEST).enumerate() {
        let id = |part: &str| format!("compute.largest.{}.{part}", at + 1);
        let name = row.text("model").unwrap_or_default().to_owned();
        let date = Figure::date(id("date"), row.date, "publication", desk.as_of).inputs([name.clone()]);
        let times = Figure::new(id("times"), flop / unit, Unit::Number, "compute_ratio", desk.as_of);
        let confidence = match row.text("confidence") {
            Some("Confident") => Cell::Label("confidence.confident".to_owned()),
            Some("Likely") => Cell::Label("confidence.likely".to_owned()),
            _ => Cell::Label("confidence.speculative".to_owned()),
        };
        rows.push(Row::new(vec![
            Cell::Text(name.clone()),
            Cell::Figure(findings.add(date)),
            Cell::Figure(findings.add(times.inputs([name, "compute.v3".to_owned()]))),
            confidence,
        ]));
    }
    Table { id: "compute".to_owned(), columns, rows, sources }
}

fn chart(
    desk: &Desk<'_>,
    frontier: &[(&Record, f64)],
    ends: [[f64; 2]; 2],
    findings: &Findings,
    sources: Vec<String>,
) -> Chart {
    let dot = |label: &str, x: f64, y: f64, strong| Dot { label: label.to_owned(), x, y, strong };
    let mut dots: Vec<Dot> = frontier
        .iter()
        .map(|(row, flop)| dot(row.text("model").unwrap_or_default(), trend::year(row.date), *flop, false))
        .collect();
    let release = desk.facts.known("v3-release", desk.as_of).map(|fact| trend::year(fact.date));
    dots.extend(release.zip(findings.number("compute.v3")).map(|(x, y)| dot("DeepSeek-V3", x, y, true)));
    Chart::Scatter {
        id: "compute-growth".to_owned(),
        across: Across::Year,
        dots,
        tracks: vec![Track { label: "compute.trend".to_owned(), points: ends.to_vec(), dashed: false }],
        sources,
        statistic: "log_trend".to_owned(),
    }
}
