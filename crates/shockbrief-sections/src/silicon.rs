//! Custom silicon: makers of custom accelerators against makers of general ones, at the shock and at results.

use crate::{
    Context, Desk, Outcome,
    dated::{Dated, families},
    tabulate,
};
use anyhow::Result;
use jiff::Timestamp;
use shockbrief_analytics::{
    distributions::student_two_sided,
    event_study::Car,
    moments::{mean, sd},
};
use shockbrief_core::{Cell, Chart, Figure, Findings, Row, Table, Unit, findings::Mark};

const TOPIC: &str = "chip-results";
const CUSTOM: &str = "custom-silicon";
const MERCHANT: &str = "merchant-silicon";
/// Results come after the close: day 0 is the first session that could answer.
const WINDOW: [i32; 2] = [0, 0];
/// Results below which their mean is not tested.
const MIN_RESULTS: usize = 4;

/// One date on which the two baskets are compared.
struct Case {
    /// Part of figure ids, and key of its name.
    id: String,
    /// What its figures are made from.
    inputs: Vec<String>,
    day0: Option<jiff::civil::Date>,
    custom: Result<Car, String>,
    merchant: Result<Car, String>,
    difference: Result<Car, String>,
}

pub fn analyse(context: &Context<'_>, findings: &mut Findings) -> Result<Outcome> {
    let desk = &context.desk;
    let absent = Ok(Outcome::Absent("absent.silicon"));
    let Some(dated) = Dated::new(desk) else { return absent };
    let mut events: Vec<(String, Timestamp)> =
        dated.events(TOPIC).into_iter().map(|(id, event)| (id.to_string(), event.instant)).collect();
    let results = events.len();
    if let (Some(shock), Some(study)) = (&context.shock, &desk.report.study) {
        // Results that are the study's own event stand once.
        if !events.iter().any(|(id, _)| *id == study.event.as_str()) {
            events.push((study.event.to_string(), shock.event.instant));
        }
    }
    let cases: Vec<Case> = events.into_iter().map(|(id, instant)| case(&dated, id, instant)).collect();
    if !cases.iter().any(|case| case.difference.is_ok()) {
        return absent;
    }
    // Results and the shock are two questions, and two families of tests.
    for family in <[&[Case]; 2]>::from(cases.split_at(results)) {
        record(desk, family, findings)?;
    }
    mean_of_results(desk, &cases[..results], findings);
    let sources = dated.sources(&[CUSTOM, MERCHANT]);
    let table = table(desk, &dated, &cases, sources.clone(), findings);
    findings.tables.insert("silicon".to_owned(), table);
    findings.charts.insert("silicon-difference".to_owned(), chart(&cases, sources));
    Ok(Outcome::Ready)
}

fn case(dated: &Dated<'_>, id: String, instant: Timestamp) -> Case {
    let car = |fit: Result<shockbrief_analytics::event_study::FirmFit, String>| {
        fit?.car(WINDOW).map_err(|reason| reason.to_string())
    };
    Case {
        custom: car(dated.fit(CUSTOM, instant)),
        merchant: car(dated.fit(MERCHANT, instant)),
        difference: car(dated.fit_difference(CUSTOM, MERCHANT, instant)),
        day0: dated.day0(instant),
        inputs: [CUSTOM, MERCHANT]
            .iter()
            .flat_map(|basket| dated.inputs(basket, instant))
            .chain([format!("event:{id}")])
            .collect(),
        id,
    }
}

/// Figures of every case; p adjusted across the cases up to each.
fn record(desk: &Desk<'_>, cases: &[Case], findings: &mut Findings) -> Result<()> {
    let known: Vec<Option<f64>> = cases.iter().map(|case| Some(case.difference.as_ref().ok()?.p)).collect();
    for (case, adjusted) in cases.iter().zip(families(&known)?) {
        let inputs = &case.inputs;
        let figure = |part: &str, value: Result<f64, String>, unit, statistic| {
            let id = format!("silicon.{}.{part}", case.id);
            Figure::from_result(id, value, unit, statistic, desk.as_of).inputs(inputs.clone())
        };
        let value = |car: &Result<Car, String>| car.as_ref().map(|car| car.car).map_err(Clone::clone);
        for (part, car, unit) in [
            ("custom", &case.custom, Unit::Ratio),
            ("merchant", &case.merchant, Unit::Ratio),
            ("difference", &case.difference, Unit::Points),
        ] {
            let whole = figure(part, value(car), unit, "portfolio_car");
            findings.add(match car {
                Ok(car) => whole.se(car.se).df([car.df as f64]).p(car.p),
                Err(_) => whole,
            });
        }
        let t = case.difference.as_ref().map(|car| car.t).map_err(Clone::clone);
        findings.add(figure("t", t, Unit::Statistic, "portfolio_t"));
        let p = case.difference.as_ref().map_err(Clone::clone).and_then(|_| adjusted.ok_or_else(String::new));
        findings.add(figure("p_holm", p, Unit::Probability, "holm"));
    }
    Ok(())
}

/// The mean difference over all results, tested across dates.
fn mean_of_results(desk: &Desk<'_>, results: &[Case], findings: &mut Findings) {
    let cars: Vec<f64> = results.iter().filter_map(|case| Some(case.difference.as_ref().ok()?.car)).collect();
    let n = cars.len();
    let tested = || -> Result<(f64, f64, f64), String> {
        if n < MIN_RESULTS {
            return Err("too few results".to_owned());
        }
        let told = |reason: shockbrief_analytics::reason::Missing| reason.to_string();
        let (center, se) = (mean(&cars).map_err(told)?, sd(&cars, 1).map_err(told)? / (n as f64).sqrt());
        Ok((center, se, student_two_sided(center / se, (n - 1) as f64).map_err(told)?))
    };
    let tested = tested();
    let value = tested.as_ref().map(|tested| tested.0).map_err(Clone::clone);
    let figure =
        Figure::from_result("silicon.results.mean", value, Unit::Points, "mean_across_dates", desk.as_of)
            .inputs([TOPIC])
            .n(n);
    findings.add(match tested {
        Ok((_, se, p)) => figure.se(se).df([(n - 1) as f64]).p(p),
        Err(_) => figure,
    });
    findings.add(Figure::new("silicon.results", n as f64, Unit::Count, "count", desk.as_of).inputs([TOPIC]));
    let days = results.iter().filter(|case| case.difference.is_ok()).filter_map(|case| case.day0);
    for (id, day) in [("first", days.clone().min()), ("last", days.max())] {
        let id = format!("silicon.results.{id}");
        findings.add(match day {
            Some(day) => Figure::date(id, day, "event_row", desk.as_of).inputs([TOPIC]),
            None => Figure::missing(id, "no result is covered", Unit::Date, "event_row", desk.as_of)
                .inputs([TOPIC]),
        });
    }
}

fn table(
    desk: &Desk<'_>,
    dated: &Dated<'_>,
    cases: &[Case],
    sources: Vec<String>,
    findings: &mut Findings,
) -> Table {
    let columns = vec![
        tabulate::number("col.day0", "date"),
        tabulate::text("col.event"),
        tabulate::number("col.custom", "pct(1)"),
        tabulate::number("col.merchant", "pct(1)"),
        tabulate::number("col.difference", "points(1)"),
        tabulate::number("col.sar", "stat(1)"),
        tabulate::number("col.p-holm", "pval"),
    ];
    let mut rows = Vec::new();
    for case in cases {
        let event = desk.events.events.iter().find(|(id, _)| id.as_str() == case.id).map(|(_, event)| event);
        let day0 = event.and_then(|event| dated.day0(event.instant)).map(|date| {
            let figure = Figure::date(format!("silicon.{}.day0", case.id), date, "event_row", desk.as_of);
            Cell::Figure(findings.add(figure.inputs([format!("event:{}", case.id)])))
        });
        let mut cells = vec![day0.unwrap_or(Cell::Empty), Cell::Label(format!("event.{}", case.id))];
        let parts = ["custom", "merchant", "difference", "t", "p_holm"];
        cells.extend(parts.map(|part| Cell::Figure(format!("silicon.{}.{part}", case.id))));
        rows.push(Row::new(cells));
    }
    Table { id: "silicon".to_owned(), columns, rows, sources }
}

/// The dates that both baskets have a return for; the table tells of the others.
fn chart(cases: &[Case], sources: Vec<String>) -> Chart {
    let marks = cases
        .iter()
        .filter(|case| case.difference.is_ok())
        .map(|case| Mark {
            label: format!("event.{}", case.id),
            translate: true,
            figure: format!("silicon.{}.difference", case.id),
            group: String::new(),
        })
        .collect();
    Chart::Intervals { id: "silicon-difference".to_owned(), marks, sources }
}
