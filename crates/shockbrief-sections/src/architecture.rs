//! Architecture: why training was cheap, as the makers state it, and what arithmetic says of the statement.

use crate::{Context, Desk, Outcome, tabulate};
use anyhow::Result;
use shockbrief_core::{Cell, Figure, Findings, Row, Table, Unit};

/// Models by their prefix in facts, with their names; the last is dense: all its parameters are active.
const MODELS: [(&str, &str); 5] = [
    ("v3", "DeepSeek-V3"),
    ("v2", "DeepSeek-V2"),
    ("dbrx", "DBRX"),
    ("mixtral", "Mixtral 8x7B"),
    ("llama", "Llama 3.1 405B"),
];
const NEEDED: [&str; 9] = [
    "v3-parameters",
    "v3-active",
    "v3-tokens",
    "v3-gpu-hours",
    "v3-pretraining-hours",
    "v3-cost",
    "llama-parameters",
    "llama-tokens",
    "llama-gpu-hours",
];
/// Operations per parameter and token of training: two forward, four backward.
const OPERATIONS: f64 = 6.0;
const SECONDS_PER_HOUR: f64 = 3600.0;
/// Rate of eight-bit arithmetic over that of sixteen bits on the same chip.
const EIGHT_BIT: f64 = 2.0;
/// Shares of the sixteen-bit peak that large training runs are usually seen to reach.
const USUAL: [f64; 2] = [0.2, 0.5];

pub fn analyse(context: &Context<'_>, findings: &mut Findings) -> Result<Outcome> {
    let desk = &context.desk;
    if !desk.knows(&NEEDED) || !desk.knows(&["h800-peak"]) {
        return Ok(Outcome::Absent("absent.architecture"));
    }
    shares(desk, findings);
    effort(desk, findings);
    tabulate::notes(desk, "architecture", &NEEDED, findings);
    findings.tables.insert("models".to_owned(), table(desk, findings));
    Ok(Outcome::Ready)
}

fn share_id(model: &str) -> String {
    format!("architecture.{model}.active_share")
}

/// The share of parameters that work on one token.
fn shares(desk: &Desk<'_>, findings: &mut Findings) {
    for (model, _) in MODELS {
        let (total, active) = (format!("fact.{model}-parameters"), format!("fact.{model}-active"));
        let Some(parameters) = findings.number(&total) else { continue };
        let (value, inputs) = match findings.number(&active) {
            Some(working) => (working / parameters, vec![active, total]),
            None => (1.0, vec![total]),
        };
        let figure = Figure::new(share_id(model), value, Unit::Ratio, "active_share", desk.as_of);
        findings.add(figure.inputs(inputs));
    }
}

/// Training operations, rented cost and chip use that follow from the stated numbers.
fn effort(desk: &Desk<'_>, findings: &mut Findings) {
    let fact = |id: &str| findings.number(&format!("fact.{id}")).unwrap_or(f64::NAN);
    let operations = OPERATIONS * fact("v3-active") * fact("v3-tokens");
    let dense = OPERATIONS * fact("llama-parameters") * fact("llama-tokens");
    let rent = fact("v3-cost") / fact("v3-gpu-hours");
    let used = |operations: f64, hours: f64| operations / (hours * SECONDS_PER_HOUR) / fact("h800-peak");
    let values = [
        (
            "compute_ratio",
            dense / operations,
            Unit::Number,
            vec!["v3-active", "v3-tokens", "llama-parameters", "llama-tokens"],
        ),
        (
            "hours_ratio",
            fact("llama-gpu-hours") / fact("v3-gpu-hours"),
            Unit::Number,
            vec!["llama-gpu-hours", "v3-gpu-hours"],
        ),
        ("rent", rent, Unit::Price, vec!["v3-cost", "v3-gpu-hours"]),
        (
            "llama_cost",
            rent * fact("llama-gpu-hours"),
            Unit::Money,
            vec!["v3-cost", "v3-gpu-hours", "llama-gpu-hours"],
        ),
        (
            "v3_use",
            used(operations, fact("v3-pretraining-hours")),
            Unit::Ratio,
            vec!["v3-active", "v3-tokens", "v3-pretraining-hours", "h800-peak"],
        ),
        (
            "v3_use_eight",
            used(operations, fact("v3-pretraining-hours")) / EIGHT_BIT,
            Unit::Ratio,
            vec!["v3-active", "v3-tokens", "v3-pretraining-hours", "h800-peak"],
        ),
        (
            "llama_use",
            used(dense, fact("llama-gpu-hours")),
            Unit::Ratio,
            vec!["llama-parameters", "llama-tokens", "llama-gpu-hours", "h800-peak"],
        ),
    ];
    for (id, value) in [("rule.use.low", USUAL[0]), ("rule.use.high", USUAL[1])] {
        findings.add(Figure::new(id, value, Unit::Ratio, "config", desk.as_of).inputs(["rule"]));
    }
    for (id, value, unit, inputs) in values {
        let figure =
            Figure::new(format!("architecture.{id}"), value, unit, "training_arithmetic", desk.as_of)
                .inputs(inputs.into_iter().map(|id| format!("fact.{id}")));
        let money = matches!(unit, Unit::Price | Unit::Money);
        findings.add(if money { figure.currency("USD") } else { figure });
    }
}

fn known(findings: &Findings) -> impl Iterator<Item = (&'static str, &'static str)> {
    MODELS.into_iter().filter(|(model, _)| findings.figures.contains_key(&share_id(model)))
}

fn table(desk: &Desk<'_>, findings: &Findings) -> Table {
    let columns = vec![
        tabulate::text("col.model"),
        tabulate::number("col.parameters", "bn(0)"),
        tabulate::number("col.active", "bn(0)"),
        tabulate::number("col.active-share", "pct(0)"),
        tabulate::number("col.gpu-hours", "int"),
        tabulate::text("col.source"),
    ];
    let cell = |id: String| if findings.figures.contains_key(&id) { Cell::Figure(id) } else { Cell::Empty };
    let rows = known(findings)
        .map(|(model, name)| {
            let dense = Cell::Figure(format!("fact.{model}-parameters"));
            let active = format!("fact.{model}-active");
            let source = desk.facts.known(&format!("{model}-parameters"), desk.as_of);
            Row::new(vec![
                Cell::Text(name.to_owned()),
                dense.clone(),
                if findings.figures.contains_key(&active) { Cell::Figure(active) } else { dense },
                Cell::Figure(share_id(model)),
                cell(format!("fact.{model}-gpu-hours")),
                source.map_or(Cell::Empty, |fact| Cell::Text(fact.source.text.clone())),
            ])
        })
        .collect();
    Table { id: "models".to_owned(), columns, rows, sources: vec!["facts".to_owned()] }
}
