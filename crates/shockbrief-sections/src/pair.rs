//! Pair at events: one portfolio against another on the dates of a topic, and at the shock of the report's study.

use crate::{
    Context, Desk, Outcome,
    dated::{Dated, families},
    declared::check::Needs,
    kind::{Kind, Output, Phrase},
    tabulate,
};
use anyhow::Result;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shockbrief_analytics::{
    distributions::student_two_sided,
    event_study::{Car, FirmFit},
    moments::{mean, sd},
};
use shockbrief_core::{Cell, Chart, Figure, Row, Table, Unit, config::section::Ref, findings::Mark};

/// Parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Params {
    /// The portfolio held long.
    long: Ref,
    /// The portfolio held short.
    short: Ref,
    /// The topic of the events.
    topic: String,
    /// Rows of the window around each day 0; default `[0, 0]`, for news after the close.
    #[serde(default)]
    window: [i32; 2],
    /// Events below which their mean is not tested; default 4.
    #[serde(default = "at_least")]
    at_least: usize,
    /// Whether the event of the report's study is one more date, tested on its own; default yes.
    #[serde(default = "yes")]
    study: bool,
}

fn at_least() -> usize {
    4
}

fn yes() -> bool {
    true
}

/// The kind.
pub struct PairAtEvents;

impl Kind for PairAtEvents {
    const NAME: &'static str = "pair-at-events";
    const ABOUT: &'static str = "one portfolio against another on dated events of a topic";
    type Params = Params;
    const REQUIRED: &'static [(&'static str, &'static str)] =
        &[("long", "basket:name"), ("short", "basket:name"), ("topic", "topic")];

    fn check(params: &Params) -> Result<(), String> {
        let traded = |name: &Ref| matches!(name, Ref::Symbol(_) | Ref::Theme(_) | Ref::Basket(_));
        if !traded(&params.long) || !traded(&params.short) {
            return Err("`long` and `short` are symbols, themes or baskets".to_owned());
        }
        let [from, to] = params.window;
        if from > to || from < -1 || to > 5 {
            return Err("`window` lies between -1 and 5, its first row first".to_owned());
        }
        if params.at_least < 2 { Err("`at-least` is 2 or more".to_owned()) } else { Ok(()) }
    }

    fn needs(params: &Params) -> Needs {
        let names = vec![params.long.clone(), params.short.clone()];
        Needs { names, topics: vec![params.topic.clone()], ..Needs::default() }
    }

    fn phrases(params: &Params) -> Vec<Phrase> {
        let name = |local: &str, name: &Ref| Phrase::Name { local: local.to_owned(), name: name.clone() };
        vec![name("long", &params.long), name("short", &params.short)]
    }

    fn analyse(params: &Params, context: &Context<'_>, out: &mut Output<'_>) -> Result<Outcome> {
        let desk = &context.desk;
        let absent = Ok(Outcome::Absent("absent.pair"));
        let Some(dated) = Dated::new(desk) else { return absent };
        let listed = dated.events(&params.topic).into_iter();
        let mut events: Vec<(String, Timestamp)> =
            listed.map(|(id, event)| (id.to_string(), event.instant)).collect();
        let results = events.len();
        if let (Some(shock), Some(study), true) = (&context.shock, &desk.report.study, params.study) {
            // Events of the topic that are the study's own stand once.
            if !events.iter().any(|(id, _)| *id == study.event.as_str()) {
                events.push((study.event.to_string(), shock.event.instant));
            }
        }
        let work = Work { params, desk, dated: &dated };
        let cases: Vec<Case> = events.into_iter().map(|(id, instant)| work.case(id, instant)).collect();
        if !cases.iter().any(|case| case.difference.is_ok()) {
            return absent;
        }
        // Events of the topic and the shock are two questions, and two families of tests.
        for family in <[&[Case]; 2]>::from(cases.split_at(results)) {
            record(family, out)?;
        }
        work.mean(&cases[..results], out);
        let baskets = [params.long.to_string(), params.short.to_string()];
        let sources = dated.sources(&baskets.each_ref().map(String::as_str));
        let table = work.table(&cases, sources.clone(), out);
        out.table(table);
        out.chart(chart(&cases, sources, out));
        Ok(Outcome::Ready)
    }
}

/// One date on which the two portfolios are compared.
struct Case {
    /// Part of figure ids, and key of its name.
    id: String,
    instant: Timestamp,
    /// What its figures are made from.
    inputs: Vec<String>,
    day0: Option<jiff::civil::Date>,
    long: Result<Car, String>,
    short: Result<Car, String>,
    difference: Result<Car, String>,
}

impl Case {
    /// Whether prices reach around it for either portfolio.
    fn is_covered(&self) -> bool {
        self.long.is_ok() || self.short.is_ok()
    }
}

struct Work<'a> {
    params: &'a Params,
    desk: &'a Desk<'a>,
    dated: &'a Dated<'a>,
}

impl Work<'_> {
    fn case(&self, id: String, instant: Timestamp) -> Case {
        let (dated, window) = (self.dated, self.params.window);
        let car = |fit: Result<FirmFit, String>| fit?.car(window).map_err(|reason| reason.to_string());
        let (long, short) = (self.params.long.to_string(), self.params.short.to_string());
        Case {
            long: car(dated.fit(&long, instant)),
            short: car(dated.fit(&short, instant)),
            difference: car(dated.fit_difference(&long, &short, instant)),
            day0: dated.day0(instant),
            inputs: [&long, &short]
                .iter()
                .flat_map(|basket| dated.inputs(basket, instant))
                .chain([format!("event:{id}")])
                .collect(),
            id,
            instant,
        }
    }

    /// The mean difference over all events of the topic, tested across dates.
    fn mean(&self, events: &[Case], out: &mut Output<'_>) {
        let topic = self.params.topic.as_str();
        let cars: Vec<f64> =
            events.iter().filter_map(|case| Some(case.difference.as_ref().ok()?.car)).collect();
        let n = cars.len();
        let tested = || -> Result<(f64, f64, f64), String> {
            if n < self.params.at_least {
                return Err("too few results".to_owned());
            }
            let told = |reason: shockbrief_analytics::reason::Missing| reason.to_string();
            let (center, se) = (mean(&cars).map_err(told)?, sd(&cars, 1).map_err(told)? / (n as f64).sqrt());
            Ok((center, se, student_two_sided(center / se, (n - 1) as f64).map_err(told)?))
        };
        let tested = tested();
        let value = tested.as_ref().map(|tested| tested.0).map_err(Clone::clone);
        out.figure("mean", value, Unit::Points, "mean_across_dates", |figure| {
            let figure = figure.inputs([topic]).n(n);
            match tested {
                Ok((_, se, p)) => figure.se(se).df([(n - 1) as f64]).p(p),
                Err(_) => figure,
            }
        });
        // Those that the prices reach around, and all that are listed: what is left out of a page is counted on it.
        for (id, count) in [("events", n), ("listed", events.len())] {
            let count = Ok::<f64, String>(count as f64);
            out.figure(id, count, Unit::Count, "count", |figure| figure.inputs([topic]));
        }
        let days = events.iter().filter(|case| case.difference.is_ok()).filter_map(|case| case.day0);
        for (id, day) in [("first", days.clone().min()), ("last", days.max())] {
            let (id, as_of) = (out.id(id), self.desk.as_of);
            let figure = match day {
                Some(day) => Figure::date(id, day, "event_row", as_of),
                None => Figure::missing(id, "no result is covered", Unit::Date, "event_row", as_of),
            };
            out.add(figure.inputs([topic]));
        }
    }

    fn table(&self, cases: &[Case], sources: Vec<String>, out: &mut Output<'_>) -> Table {
        let columns = vec![
            tabulate::number("col.day0", "date"),
            tabulate::text("col.event"),
            tabulate::number(&out.id("column.long"), "pct(1)"),
            tabulate::number(&out.id("column.short"), "pct(1)"),
            tabulate::number("col.difference", "points(1)"),
            tabulate::number("col.sar", "stat(1)"),
            tabulate::number("col.p-holm", "pval"),
        ];
        let mut rows = Vec::new();
        for case in cases.iter().filter(|case| case.is_covered()) {
            let day0 = self.dated.day0(case.instant).map(|date| {
                let figure =
                    Figure::date(out.id(format!("{}.day0", case.id)), date, "event_row", self.desk.as_of);
                Cell::Figure(out.add(figure.inputs([format!("event:{}", case.id)])))
            });
            let mut cells = vec![day0.unwrap_or(Cell::Empty), Cell::Label(format!("event.{}", case.id))];
            let parts = ["long", "short", "difference", "t", "p_holm"];
            cells.extend(parts.map(|part| Cell::Figure(out.id(format!("{}.{part}", case.id)))));
            rows.push(Row::new(cells));
        }
        Table { id: "events".to_owned(), columns, rows, sources }
    }
}

/// Figures of every case; p adjusted across the cases up to each.
fn record(cases: &[Case], out: &mut Output<'_>) -> Result<()> {
    let known: Vec<Option<f64>> = cases.iter().map(|case| Some(case.difference.as_ref().ok()?.p)).collect();
    for (case, adjusted) in cases.iter().zip(families(&known)?) {
        let id = |part: &str| format!("{}.{part}", case.id);
        let inputs = || case.inputs.clone();
        let value = |car: &Result<Car, String>| car.as_ref().map(|car| car.car).map_err(Clone::clone);
        for (part, car, unit) in [
            ("long", &case.long, Unit::Ratio),
            ("short", &case.short, Unit::Ratio),
            ("difference", &case.difference, Unit::Points),
        ] {
            out.figure(id(part), value(car), unit, "portfolio_car", |figure| {
                let figure = figure.inputs(inputs());
                match car {
                    Ok(car) => figure.se(car.se).df([car.df as f64]).p(car.p),
                    Err(_) => figure,
                }
            });
        }
        let t = case.difference.as_ref().map(|car| car.t).map_err(Clone::clone);
        out.figure(id("t"), t, Unit::Statistic, "portfolio_t", |figure| figure.inputs(inputs()));
        let p = case.difference.as_ref().map_err(Clone::clone).and_then(|_| adjusted.ok_or_else(String::new));
        out.figure(id("p_holm"), p, Unit::Probability, "holm", |figure| figure.inputs(inputs()));
    }
    Ok(())
}

/// The dates that both portfolios have a return for; the table tells of the others.
fn chart(cases: &[Case], sources: Vec<String>, out: &Output<'_>) -> Chart {
    let marks = cases
        .iter()
        .filter(|case| case.difference.is_ok())
        .map(|case| Mark {
            label: format!("event.{}", case.id),
            translate: true,
            figure: out.id(format!("{}.difference", case.id)),
            p: Some(out.id(format!("{}.p_holm", case.id))),
            group: String::new(),
        })
        .collect();
    Chart::Intervals { id: out.id("difference"), marks, sources }
}
