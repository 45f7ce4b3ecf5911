//! Export controls: the rules, the chips against their thresholds, and how exposed names took each rule.

use crate::{
    Context, Desk, Outcome,
    dated::{Dated, families},
    tabulate,
};
use anyhow::Result;
use shockbrief_analytics::{distributions::student_quantile, event_study::Car};
use shockbrief_core::{
    Cell, Chart, EventId, Figure, Findings, Record, Records, Row, Table, Unit, config::Event, findings::Mark,
};

const TOPIC: &str = "export-controls";
const BASKET: &str = "export-exposed";
const RULES: &str = "export-rules";
const CHIPS: &str = "chip-specifications";
/// Window of the test: the day of the rule and the next.
const WINDOW: [i32; 2] = [0, 1];
const LEVEL: f64 = 0.05;

pub fn analyse(context: &Context<'_>, findings: &mut Findings) -> Result<Outcome> {
    let desk = &context.desk;
    let (Some(dated), Some(rules), Some(chips)) =
        (Dated::new(desk), desk.records(RULES), desk.records(CHIPS))
    else {
        return Ok(Outcome::Absent("absent.controls"));
    };
    let events = dated.events(TOPIC);
    if events.is_empty() || !desk.knows(&["interconnect-threshold", "tpp-threshold"]) {
        return Ok(Outcome::Absent("absent.controls"));
    }
    reactions(desk, &dated, &events, findings)?;
    let sources = dated.sources(&[BASKET]);
    findings.tables.insert("rules".to_owned(), rules_table(desk, &events, rules, sources.clone()));
    let table = chips_table(desk, chips, findings);
    findings.tables.insert("chips".to_owned(), table);
    findings.charts.insert("rules-car".to_owned(), chart(&events, sources));
    Ok(Outcome::Ready)
}

/// What each rule did to the exposed basket and to the names that it addresses; two families of tests, each read up to
/// its date.
fn reactions(
    desk: &Desk<'_>,
    dated: &Dated<'_>,
    events: &[(&EventId, &Event)],
    findings: &mut Findings,
) -> Result<()> {
    let cars = tested(desk, dated, events, |_| BASKET.to_owned(), "", findings)?;
    let addressed = tested(desk, dated, events, |id| id.to_string(), ".addressed", findings)?;
    for (id, event) in events {
        if let Some(date) = dated.day0(event.instant) {
            let figure = Figure::date(format!("rule.{id}.day0"), date, "event_row", desk.as_of);
            findings.add(figure.inputs([format!("event:{id}")]));
        }
        let names = dated.members(id.as_str(), event.instant);
        let names = names.iter().map(|symbol| desk.name(symbol)).collect();
        findings.lists.insert(format!("rule.{id}.addressed"), names);
    }
    floor(desk, &cars, findings);
    let least = |cars: &[Result<Car, String>]| {
        let known =
            events.iter().zip(cars).filter_map(|(event, car)| Some((event.0, car.as_ref().ok()?.car)));
        known.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(id, _)| vec![id.to_string()]).unwrap_or_default()
    };
    findings.lists.insert("rules.worst".to_owned(), least(&cars));
    findings.lists.insert("rules.addressed.worst".to_owned(), least(&addressed));
    Ok(())
}

/// Abnormal returns of one basket per rule, as figures `rule.<event><part>.…`, with their counts.
fn tested(
    desk: &Desk<'_>,
    dated: &Dated<'_>,
    events: &[(&EventId, &Event)],
    basket: impl Fn(&EventId) -> String,
    part: &str,
    findings: &mut Findings,
) -> Result<Vec<Result<Car, String>>> {
    let cars: Vec<Result<Car, String>> = events
        .iter()
        .map(|(id, event)| {
            let basket = basket(id);
            if !desk.universe.baskets.contains_key(&basket) {
                return Err("the rule addresses no company of the universe".to_owned());
            }
            let fit = dated.fit(&basket, event.instant)?;
            fit.car(WINDOW).map_err(|reason| reason.to_string())
        })
        .collect();
    let known: Vec<Option<f64>> = cars.iter().map(|car| Some(car.as_ref().ok()?.p)).collect();
    let mut hits = Vec::new();
    for (((id, event), car), adjusted) in events.iter().zip(&cars).zip(families(&known)?) {
        let inputs = dated.inputs(&basket(id), event.instant).into_iter().chain([format!("event:{id}")]);
        let inputs: Vec<String> = inputs.collect();
        let figure = |name: &str, value: Result<f64, String>, unit, statistic| {
            Figure::from_result(format!("rule.{id}{part}.{name}"), value, unit, statistic, desk.as_of)
                .inputs(inputs.clone())
        };
        let value = |pick: fn(&Car) -> f64| car.as_ref().map(pick).map_err(Clone::clone);
        let told = |figure: Figure| match car {
            Ok(car) => figure.df([car.df as f64]).p(car.p).n(car.df + 2),
            Err(_) => figure,
        };
        let whole = told(figure("car", value(|car| car.car), Unit::Ratio, "portfolio_car"));
        findings.add(match car {
            Ok(car) => whole.se(car.se),
            Err(_) => whole,
        });
        findings.add(told(figure("t", value(|car| car.t), Unit::Statistic, "portfolio_t")));
        let p = car.as_ref().map_err(Clone::clone).and_then(|_| adjusted.ok_or_else(String::new));
        findings.add(figure("p_holm", p, Unit::Probability, "holm_to_date"));
        if car.as_ref().is_ok_and(|car| car.car < 0.0) && adjusted.is_some_and(|p| p < LEVEL) {
            hits.push(id.to_string());
        }
    }
    let inputs: Vec<String> = events.iter().map(|(id, _)| format!("rule.{id}{part}.p_holm")).collect();
    let count = |id: String, n: usize| {
        Figure::new(id, n as f64, Unit::Count, "count", desk.as_of).inputs(inputs.clone())
    };
    findings.add(count(format!("rules{part}.tested"), known.iter().flatten().count()));
    findings.add(count(format!("rules{part}.hits"), hits.len()));
    findings.lists.insert(format!("rules{part}.hits"), hits);
    Ok(cars)
}

/// The falls that the test of the basket could just tell from chance: standard error times the quantile of the family.
fn floor(desk: &Desk<'_>, cars: &[Result<Car, String>], findings: &mut Findings) {
    let floors: Vec<f64> = cars
        .iter()
        .flatten()
        .zip(1..)
        .filter_map(|(car, place)| {
            let quantile = student_quantile(1.0 - LEVEL / 2.0 / f64::from(place), car.df as f64).ok()?;
            Some(-car.se * quantile)
        })
        .collect();
    for (id, value) in [
        ("rules.floor.least", floors.iter().copied().max_by(f64::total_cmp)),
        ("rules.floor.most", floors.iter().copied().min_by(f64::total_cmp)),
    ] {
        let value = value.ok_or("no date is covered");
        let figure = Figure::from_result(id, value, Unit::Ratio, "least_detectable", desk.as_of);
        findings.add(figure.inputs([format!("basket:{BASKET}")]));
    }
}

/// The row of the timeline that belongs to an event: announced or published on its day.
fn record_of<'r>(rules: &'r Records, event: &Event) -> Option<&'r Record> {
    let day = jiff::tz::TimeZone::UTC.to_datetime(event.instant).date();
    let mut rows = rules.rows.iter();
    rows.find(|row| row.date == day || row.day("published") == Some(day))
}

fn rules_table(
    desk: &Desk<'_>,
    events: &[(&EventId, &Event)],
    rules: &Records,
    mut sources: Vec<String>,
) -> Table {
    let columns = vec![
        tabulate::number("col.day0", "date"),
        tabulate::text("col.rule"),
        tabulate::text("col.citation"),
        tabulate::text("col.checked"),
        tabulate::number("col.exposed", "pct(1)"),
        tabulate::number("col.p-holm", "pval"),
        tabulate::number("col.addressed", "pct(1)"),
        tabulate::number("col.p-holm", "pval"),
    ];
    let rows = events
        .iter()
        .map(|(id, event)| {
            let record = record_of(rules, event);
            let citation = record.and_then(|row| row.text("citation"));
            let checked = match record.and_then(|row| row.text("checked")) {
                Some(text) if text.starts_with("yes") => Cell::Label("checked.yes".to_owned()),
                Some(_) => Cell::Label("checked.partly".to_owned()),
                None => Cell::Empty,
            };
            let figure = |part: &str| Cell::Figure(format!("rule.{id}.{part}"));
            Row::new(vec![
                figure("day0"),
                Cell::Label(format!("event.{id}")),
                citation.map_or(Cell::Empty, |text| Cell::Text(text.to_owned())),
                checked,
                figure("car"),
                figure("p_holm"),
                figure("addressed.car"),
                figure("addressed.p_holm"),
            ])
        })
        .collect();
    sources.extend(desk.files(&[rules]));
    Table { id: "rules".to_owned(), columns, rows, sources }
}

/// Chips known by the as-of date against the two thresholds.
fn chips_table(desk: &Desk<'_>, chips: &Records, findings: &mut Findings) -> Table {
    let columns = vec![
        tabulate::text("col.chip"),
        tabulate::number("col.announced", "date"),
        tabulate::number("col.tpp", "num(0)"),
        tabulate::number("col.interconnect", "num(0)"),
        tabulate::number("col.memory-rate", "num(0)"),
        tabulate::number("col.controlled", "date"),
    ];
    let threshold = findings.number("fact.tpp-threshold").unwrap_or(f64::INFINITY);
    let (mut rows, mut below) = (Vec::new(), 0);
    let unchecked =
        |chip: &&Record| chip.text("quality").is_some_and(|text| text.contains("not cross-checked"));
    for chip in chips.rows.iter().filter(|chip| !unchecked(chip)) {
        let name = chip.text("chip").unwrap_or_default();
        let slug: String = name.split(' ').next().unwrap_or_default().to_lowercase();
        let id = |part: &str| format!("chip.{slug}.{part}");
        let mut cells = vec![Cell::Text(name.to_owned())];
        let date = |part: &str, date| Figure::date(id(part), date, "record", desk.as_of).inputs([name]);
        cells.push(Cell::Figure(findings.add(date("announced", chip.date))));
        for part in ["tpp", "interconnect", "memory_rate"] {
            cells.push(chip.number(part).map_or(Cell::Empty, |value| {
                let figure = Figure::new(id(part), value, Unit::Number, "record", desk.as_of);
                Cell::Figure(findings.add(figure.inputs([name])))
            }));
        }
        let controlled = chip.day("controlled").map(|day| findings.add(date("controlled", day)));
        if controlled.is_none() {
            let (id, reason) = (id("controlled"), "no rule is known to cover it");
            findings.add(Figure::missing(id, reason, Unit::Date, "record", desk.as_of).inputs([name]));
        }
        below += usize::from(controlled.is_none() && chip.number("tpp").is_some_and(|tpp| tpp < threshold));
        cells.push(controlled.map_or(Cell::Empty, Cell::Figure));
        rows.push(Row::new(cells));
    }
    let figure = Figure::new("chips.below", below as f64, Unit::Count, "count", desk.as_of);
    findings.add(figure.inputs([CHIPS, "fact.tpp-threshold"]));
    Table { id: "chips".to_owned(), columns, rows, sources: desk.files(&[chips]) }
}

fn chart(events: &[(&EventId, &Event)], sources: Vec<String>) -> Chart {
    let marks = events
        .iter()
        .map(|(id, _)| Mark {
            label: format!("event.{id}"),
            translate: true,
            figure: format!("rule.{id}.car"),
            p: Some(format!("rule.{id}.p_holm")),
            group: String::new(),
        })
        .collect();
    Chart::Intervals { id: "rules-car".to_owned(), marks, sources }
}
