//! Export controls: the rules, the chips against their thresholds, and how exposed names took each rule.

use crate::{Context, Desk, Outcome, dated::Dated, tabulate};
use anyhow::Result;
use shockbrief_analytics::multiplicity::holm;
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

/// Abnormal returns of the basket at each rule; Holm across rules.
fn reactions(
    desk: &Desk<'_>,
    dated: &Dated<'_>,
    events: &[(&EventId, &Event)],
    findings: &mut Findings,
) -> Result<()> {
    let cars: Vec<_> = events
        .iter()
        .map(|(_, event)| {
            let fit = dated.fit(BASKET, event.instant)?;
            fit.car(WINDOW).map_err(|reason| reason.to_string())
        })
        .collect();
    let known: Vec<f64> = cars.iter().flatten().map(|car| car.p).collect();
    let mut adjusted = holm(&known)?.into_iter();
    let mut hits = 0;
    for ((id, event), car) in events.iter().zip(&cars) {
        let inputs = [format!("event:{id}"), format!("basket:{BASKET}")];
        let figure = |part: &str, value: Result<f64, String>, unit, statistic| {
            Figure::from_result(format!("rule.{id}.{part}"), value, unit, statistic, desk.as_of)
                .inputs(inputs.clone())
        };
        let value = car.as_ref().map(|car| car.car).map_err(Clone::clone);
        let p = car.as_ref().map_err(Clone::clone).and_then(|_| adjusted.next().ok_or_else(String::new));
        if let (Ok(car), Ok(p)) = (&value, &p) {
            hits += usize::from(*car < 0.0 && *p < LEVEL);
        }
        let members = dated.members(BASKET, event.instant).len();
        let mut whole = figure("car", value, Unit::Ratio, "portfolio_car").firms(members);
        let mut t =
            figure("t", car.as_ref().map(|car| car.t).map_err(Clone::clone), Unit::Statistic, "portfolio_t");
        if let Ok(car) = car {
            whole = whole.se(car.se).df([car.df as f64]).p(car.p);
            t = t.df([car.df as f64]).p(car.p);
        }
        findings.add(whole);
        findings.add(t);
        findings.add(figure("p_holm", p, Unit::Probability, "holm"));
        if let Some(date) = dated.day0(event.instant) {
            findings.add(
                Figure::date(format!("rule.{id}.day0"), date, "event_row", desk.as_of).inputs(inputs.clone()),
            );
        }
    }
    let count =
        |id: &str, n: usize| Figure::new(id, n as f64, Unit::Count, "count", desk.as_of).inputs([TOPIC]);
    findings.add(count("rules.tested", known.len()));
    findings.add(count("rules.hits", hits));
    let worst = events.iter().zip(&cars).filter_map(|(event, car)| Some((event.0, car.as_ref().ok()?.car)));
    if let Some((id, _)) = worst.min_by(|a, b| a.1.total_cmp(&b.1)) {
        findings.lists.insert("rules.worst".to_owned(), vec![id.to_string()]);
    }
    Ok(())
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
        tabulate::number("col.car-0-1", "pct(1)"),
        tabulate::number("col.sar", "stat(1)"),
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
                figure("t"),
                figure("p_holm"),
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
            group: String::new(),
        })
        .collect();
    Chart::Intervals { id: "rules-car".to_owned(), marks, sources }
}
