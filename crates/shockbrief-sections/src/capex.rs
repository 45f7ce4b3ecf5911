//! Capital expenditure: quarterly amounts by company, their growth, and what has been announced.

use crate::{Context, Desk, Outcome, tabulate};
use anyhow::Result;
use jiff::civil::Date;
use shockbrief_core::{
    Cell, Chart, Column, Figure, Findings, Records, Row, Symbol, Table, ThemeId, Unit, findings::Line,
};
use std::collections::BTreeMap;

const SOURCE: &str = "capex-quarterly";
/// The theme whose companies are followed.
const THEME: &str = "hyperscalers";
/// Quarters of the chart.
const SHOWN: usize = 12;
/// Quarters of a year.
const YEAR: usize = 4;
const MILLION: f64 = 1e6;
/// Announcements, in the order of the table.
const ANNOUNCED: [&str; 7] = [
    "msft-ai-fy2025",
    "stargate-total",
    "stargate-first",
    "meta-capex-2024",
    "meta-capex-2025-low",
    "meta-capex-2025-high",
    "googl-capex-2025",
];

/// Amounts by company, then by quarter label such as `2024Q4`.
type Amounts = BTreeMap<Symbol, BTreeMap<String, f64>>;

struct Quarters {
    amounts: Amounts,
    /// Labels in order, to the last one that every company has reported.
    labels: Vec<String>,
    /// The last period end within each label.
    ends: BTreeMap<String, Date>,
}

pub fn analyse(context: &Context<'_>, findings: &mut Findings) -> Result<Outcome> {
    let desk = &context.desk;
    let quarters = desk.records(SOURCE).map(|records| quarters(desk, records));
    let Some(quarters) = quarters.filter(|quarters| quarters.labels.len() > 2 * YEAR) else {
        return Ok(Outcome::Absent("absent.capex"));
    };
    for symbol in quarters.amounts.keys() {
        company(desk, &quarters, symbol, findings);
    }
    total(desk, &quarters, findings);
    announcements(desk, findings);
    let sources = desk.records(SOURCE).map(|records| desk.files(&[records])).unwrap_or_default();
    findings.tables.insert("capex".to_owned(), table(desk, &quarters, sources.clone()));
    findings.charts.insert("capex-quarters".to_owned(), chart(desk, &quarters, sources));
    Ok(Outcome::Ready)
}

/// The quarters that all companies of the theme have reported.
fn quarters(desk: &Desk<'_>, records: &Records) -> Quarters {
    let theme = ThemeId::from(THEME);
    let members: Vec<Symbol> = desk.universe.of_theme(&theme).map(|member| member.symbol.clone()).collect();
    let (mut amounts, mut ends) = (Amounts::new(), BTreeMap::<String, Date>::new());
    for row in &records.rows {
        let (Some(company), Some(quarter)) = (row.text("company"), row.text("quarter")) else { continue };
        let (symbol, Some(amount)) = (Symbol::from(company), row.number("capex_musd")) else { continue };
        if members.contains(&symbol) {
            amounts.entry(symbol).or_default().insert(quarter.to_owned(), amount * MILLION);
            let end = ends.entry(quarter.to_owned()).or_insert(row.date);
            *end = row.date.max(*end);
        }
    }
    let last = amounts.values().filter_map(|quarters| quarters.keys().next_back()).min().cloned();
    let labels =
        ends.keys().filter(|label| last.as_ref().is_some_and(|last| *label <= last)).cloned().collect();
    Quarters { amounts, labels, ends }
}

impl Quarters {
    /// The amount of a company `back` quarters before the last.
    fn amount(&self, symbol: &Symbol, back: usize) -> Result<f64, String> {
        let label = self.labels.iter().rev().nth(back).ok_or("too little history")?;
        let quarters = self.amounts.get(symbol).ok_or("no amounts")?;
        quarters.get(label).copied().ok_or_else(|| "a quarter is missing".to_owned())
    }

    /// The sum of the four quarters that end `back` quarters before the last.
    fn year(&self, symbol: &Symbol, back: usize) -> Result<f64, String> {
        (back..back + YEAR).map(|back| self.amount(symbol, back)).sum()
    }

    /// A sum over all companies.
    fn all(&self, of: impl Fn(&Symbol) -> Result<f64, String>) -> Result<f64, String> {
        self.amounts.keys().map(of).sum()
    }

    fn inputs(&self, symbol: &Symbol) -> [String; 3] {
        [SOURCE.to_owned(), symbol.to_string(), self.labels.last().cloned().unwrap_or_default()]
    }
}

fn growth(now: Result<f64, String>, before: Result<f64, String>) -> Result<f64, String> {
    Ok(now? / before? - 1.0)
}

fn company(desk: &Desk<'_>, quarters: &Quarters, symbol: &Symbol, findings: &mut Findings) {
    let slug = symbol.slug();
    let (last, year) = (|back| quarters.amount(symbol, back), |back| quarters.year(symbol, back));
    record(
        desk,
        &slug,
        &quarters.inputs(symbol),
        findings,
        [
            ("quarter", last(0), Unit::Money, "capex"),
            ("growth", growth(last(0), last(YEAR)), Unit::Ratio, "growth"),
            ("year", year(0), Unit::Money, "four_quarter_sum"),
            ("year_growth", growth(year(0), year(YEAR)), Unit::Ratio, "growth"),
        ],
    );
}

fn total(desk: &Desk<'_>, quarters: &Quarters, findings: &mut Findings) {
    let last = |back| quarters.all(|symbol| quarters.amount(symbol, back));
    let year = |back| quarters.all(|symbol| quarters.year(symbol, back));
    let inputs: Vec<String> =
        quarters.amounts.keys().map(ToString::to_string).chain([SOURCE.to_owned()]).collect();
    record(
        desk,
        "total",
        &inputs,
        findings,
        [
            ("quarter", last(0), Unit::Money, "capex"),
            ("growth", growth(last(0), last(YEAR)), Unit::Ratio, "growth"),
            ("growth_before", growth(last(1), last(YEAR + 1)), Unit::Ratio, "growth"),
            (
                "growth_change",
                growth(last(0), last(YEAR)).and_then(|now| Ok(now - growth(last(1), last(YEAR + 1))?)),
                Unit::Points,
                "difference",
            ),
            ("year", year(0), Unit::Money, "four_quarter_sum"),
            ("year_growth", growth(year(0), year(YEAR)), Unit::Ratio, "growth"),
        ],
    );
    let companies = quarters.amounts.len() as f64;
    let names = quarters.amounts.keys().map(|symbol| desk.name(symbol)).collect();
    findings.lists.insert("capex.companies".to_owned(), names);
    findings.add(Figure::new("capex.companies", companies, Unit::Count, "count", desk.as_of).inputs(inputs));
    if let Some(end) = quarters.labels.last().and_then(|label| quarters.ends.get(label)) {
        findings.add(Figure::date("capex.last", *end, "period_end", desk.as_of).inputs([SOURCE]));
    }
}

fn record<const N: usize>(
    desk: &Desk<'_>,
    whose: &str,
    inputs: &[String],
    findings: &mut Findings,
    values: [(&str, Result<f64, String>, Unit, &str); N],
) {
    for (id, value, unit, statistic) in values {
        let figure = Figure::from_result(format!("capex.{whose}.{id}"), value, unit, statistic, desk.as_of);
        let figure = figure.inputs(inputs.to_vec());
        findings.add(if unit == Unit::Money { figure.currency("USD") } else { figure });
    }
}

/// What companies have said they will spend, and what it means against what they spent.
fn announcements(desk: &Desk<'_>, findings: &mut Findings) {
    let table = tabulate::facts(desk, "announcements", &ANNOUNCED, "money(1, billion)", findings);
    let known = table.rows.len() as f64;
    findings.tables.insert("announcements".to_owned(), table);
    findings.add(
        Figure::new("capex.announcements", known, Unit::Count, "count", desk.as_of)
            .inputs(ANNOUNCED.map(|id| format!("fact.{id}"))),
    );
    let fact = |id: &str| findings.number(&format!("fact.{id}")).ok_or("not announced by this date");
    let rise = |to: &str| Ok::<f64, &str>(fact(to)? / fact("meta-capex-2024")? - 1.0);
    let values = [
        ("meta.guidance_low", rise("meta-capex-2025-low"), Unit::Ratio),
        ("meta.guidance_high", rise("meta-capex-2025-high"), Unit::Ratio),
        ("stargate_per_year", fact("stargate-total").map(|total| total / YEAR as f64), Unit::Money),
    ];
    for (id, value, unit) in values {
        let figure = Figure::from_result(format!("capex.{id}"), value, unit, "announcement", desk.as_of);
        let figure = figure.inputs(ANNOUNCED.map(|id| format!("fact.{id}")));
        findings.add(if unit == Unit::Money { figure.currency("USD") } else { figure });
    }
}

fn table(desk: &Desk<'_>, quarters: &Quarters, sources: Vec<String>) -> Table {
    let columns: Vec<Column> = vec![
        tabulate::text("col.name"),
        tabulate::number("col.capex-quarter", "money(1, billion)"),
        tabulate::number("col.growth-year", "pct(0)"),
        tabulate::number("col.capex-year", "money(1, billion)"),
        tabulate::number("col.growth-year", "pct(0)"),
    ];
    let row = |name: Cell, slug: &str| {
        let ids = ["quarter", "growth", "year", "year_growth"].map(|id| format!("capex.{slug}.{id}"));
        tabulate::row(name, ids)
    };
    let mut rows: Vec<Row> =
        quarters.amounts.keys().map(|symbol| row(Cell::Text(desk.name(symbol)), &symbol.slug())).collect();
    rows.push(Row { total: true, ..row(Cell::Label("capex.total".to_owned()), "total") });
    Table { id: "capex".to_owned(), columns, rows, sources }
}

fn chart(desk: &Desk<'_>, quarters: &Quarters, sources: Vec<String>) -> Chart {
    let from = quarters.labels.len().saturating_sub(SHOWN);
    let labels = &quarters.labels[from..];
    let stacks = quarters
        .amounts
        .iter()
        .map(|(symbol, amounts)| Line {
            label: desk.name(symbol),
            translate: false,
            values: labels.iter().map(|label| amounts.get(label).copied()).collect(),
            group: String::new(),
            strong: false,
        })
        .collect();
    let ends = labels.iter().filter_map(|label| quarters.ends.get(label).copied()).collect();
    Chart::Columns {
        id: "capex-quarters".to_owned(),
        quarters: ends,
        stacks,
        sources,
        statistic: "capex".to_owned(),
    }
}
