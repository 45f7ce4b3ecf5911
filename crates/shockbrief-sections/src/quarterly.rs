//! Quarterly: amounts that several companies report by quarter, their sum over four, and how both grow.

use crate::{
    Context, Desk, Outcome,
    declared::check::Needs,
    kind::{Kind, Output},
    series::Courses,
    tabulate,
};
use anyhow::Result;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shockbrief_core::{
    Cell, Chart, Column, Figure, Records, Row, Symbol, Table, Unit,
    config::section::{Ref, Set},
    findings::Line,
};
use std::collections::BTreeMap;

/// Quarters of a year.
const YEAR: usize = 4;

/// Parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Params {
    /// The source of records.
    #[schemars(with = "shockbrief_core::schema::SourceId")]
    source: String,
    /// Whose rows are read: a theme, a basket or a list.
    companies: Set,
    /// The field with the amount.
    amount: String,
    /// What the field counts in; default 1.
    #[serde(default = "one")]
    times: f64,
    /// ISO code of the amounts.
    currency: String,
    /// The field with the company's symbol; default `company`.
    #[serde(default = "company")]
    company: String,
    /// The field with the quarter, such as `2024Q4`; default `quarter`.
    #[serde(default = "quarter")]
    quarter: String,
    /// Quarters of the chart; default 12.
    #[serde(default = "shown")]
    shown: usize,
}

fn one() -> f64 {
    1.0
}

fn company() -> String {
    "company".to_owned()
}

fn quarter() -> String {
    "quarter".to_owned()
}

fn shown() -> usize {
    12
}

/// The kind.
pub struct Quarterly;

impl Kind for Quarterly {
    const NAME: &'static str = "quarterly";
    const ABOUT: &'static str = "what companies report by quarter, their sum over a year and its growth";
    type Params = Params;
    const REQUIRED: &'static [(&'static str, &'static str)] =
        &[("source", "source"), ("companies", "theme:name"), ("amount", "field"), ("currency", "USD")];

    fn check(params: &Params) -> Result<(), String> {
        if params.shown < YEAR {
            return Err(format!("`shown` is at least {YEAR} quarters"));
        }
        if params.times > 0.0 { Ok(()) } else { Err("`times` is positive".to_owned()) }
    }

    fn needs(params: &Params) -> Needs {
        let columns = [&params.amount, &params.company, &params.quarter].into_iter();
        let column = |column: &String| Ref::Column { source: params.source.clone(), column: column.clone() };
        let names = params.companies.refs().into_iter().cloned().chain(columns.map(column));
        Needs { records: [params.source.clone()].into(), names: names.collect(), ..Needs::default() }
    }

    fn analyse(params: &Params, context: &Context<'_>, out: &mut Output<'_>) -> Result<Outcome> {
        let desk = &context.desk;
        let members: Vec<Symbol> = Courses::new(desk)
            .all(&params.companies)
            .into_iter()
            .filter_map(|name| match name {
                Ref::Symbol(symbol) => Some(symbol),
                _ => None,
            })
            .collect();
        let quarters = desk.records(&params.source).map(|records| Quarters::of(params, &members, records));
        let Some(quarters) = quarters.filter(|quarters| quarters.labels.len() > 2 * YEAR) else {
            return Ok(Outcome::Absent("absent.quarterly"));
        };
        let work = Work { params, desk, quarters: &quarters };
        for symbol in quarters.amounts.keys() {
            work.company(symbol, out);
        }
        work.total(out);
        let sources = desk.records(&params.source).map(|records| desk.files(&[records])).unwrap_or_default();
        out.table(work.table(sources.clone(), out));
        out.chart(work.chart(sources, out));
        Ok(Outcome::Ready)
    }
}

/// Amounts by company, then by quarter label such as `2024Q4`.
type Amounts = BTreeMap<Symbol, BTreeMap<String, f64>>;

struct Quarters {
    amounts: Amounts,
    /// Labels in order, to the last one that every company has reported.
    labels: Vec<String>,
    /// The last period end within each label.
    ends: BTreeMap<String, Date>,
}

impl Quarters {
    /// The quarters that all companies have reported.
    fn of(params: &Params, members: &[Symbol], records: &Records) -> Self {
        let (mut amounts, mut ends) = (Amounts::new(), BTreeMap::<String, Date>::new());
        for row in &records.rows {
            let (Some(company), Some(quarter)) = (row.text(&params.company), row.text(&params.quarter))
            else {
                continue;
            };
            let (symbol, Some(amount)) = (Symbol::from(company), row.number(&params.amount)) else {
                continue;
            };
            if members.contains(&symbol) {
                amounts.entry(symbol).or_default().insert(quarter.to_owned(), amount * params.times);
                let end = ends.entry(quarter.to_owned()).or_insert(row.date);
                *end = row.date.max(*end);
            }
        }
        let last = amounts.values().filter_map(|quarters| quarters.keys().next_back()).min().cloned();
        let labels =
            ends.keys().filter(|label| last.as_ref().is_some_and(|last| *label <= last)).cloned().collect();
        Self { amounts, labels, ends }
    }

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
}

fn growth(now: Result<f64, String>, before: Result<f64, String>) -> Result<f64, String> {
    Ok(now? / before? - 1.0)
}

struct Work<'a> {
    params: &'a Params,
    desk: &'a Desk<'a>,
    quarters: &'a Quarters,
}

impl Work<'_> {
    fn company(&self, symbol: &Symbol, out: &mut Output<'_>) {
        let quarters = self.quarters;
        let (last, year) = (|back| quarters.amount(symbol, back), |back| quarters.year(symbol, back));
        let label = quarters.labels.last().cloned().unwrap_or_default();
        let inputs = [self.params.source.clone(), symbol.to_string(), label];
        let values = [
            ("quarter", last(0), Unit::Money, "capex"),
            ("growth", growth(last(0), last(YEAR)), Unit::Ratio, "growth"),
            ("year", year(0), Unit::Money, "four_quarter_sum"),
            ("year_growth", growth(year(0), year(YEAR)), Unit::Ratio, "growth"),
        ];
        self.record(&symbol.slug(), &inputs, values, out);
    }

    fn total(&self, out: &mut Output<'_>) {
        let quarters = self.quarters;
        let last = |back| quarters.all(|symbol| quarters.amount(symbol, back));
        let year = |back| quarters.all(|symbol| quarters.year(symbol, back));
        let symbols = quarters.amounts.keys().map(ToString::to_string);
        let inputs: Vec<String> = symbols.chain([self.params.source.clone()]).collect();
        let (now, before) = (growth(last(0), last(YEAR)), growth(last(1), last(YEAR + 1)));
        let change = now.clone().and_then(|now| Ok(now - before.clone()?));
        let values = [
            ("quarter", last(0), Unit::Money, "capex"),
            ("growth", now, Unit::Ratio, "growth"),
            ("growth_before", before, Unit::Ratio, "growth"),
            ("growth_change", change, Unit::Points, "difference"),
            ("year", year(0), Unit::Money, "four_quarter_sum"),
            ("year_growth", growth(year(0), year(YEAR)), Unit::Ratio, "growth"),
        ];
        self.record("total", &inputs, values, out);
        let companies = Ok::<f64, String>(quarters.amounts.len() as f64);
        out.list("companies", quarters.amounts.keys().map(|symbol| self.desk.name(symbol)).collect());
        out.figure("companies", companies, Unit::Count, "count", |figure| figure.inputs(inputs));
        if let Some(end) = quarters.labels.last().and_then(|label| quarters.ends.get(label)) {
            let last = Figure::date(out.id("last"), *end, "period_end", self.desk.as_of);
            out.add(last.inputs([self.params.source.as_str()]));
        }
    }

    fn record<const N: usize>(
        &self,
        whose: &str,
        inputs: &[String],
        values: [(&str, Result<f64, String>, Unit, &str); N],
        out: &mut Output<'_>,
    ) {
        for (id, value, unit, statistic) in values {
            out.figure(format!("{whose}.{id}"), value, unit, statistic, |figure| {
                let figure = figure.inputs(inputs.to_vec());
                if unit == Unit::Money { figure.currency(&self.params.currency) } else { figure }
            });
        }
    }

    fn table(&self, sources: Vec<String>, out: &Output<'_>) -> Table {
        let columns: Vec<Column> = vec![
            tabulate::text("col.name"),
            tabulate::number("col.capex-quarter", "money(1, billion)"),
            tabulate::number("col.growth-year", "pct(0)"),
            tabulate::number("col.capex-year", "money(1, billion)"),
            tabulate::number("col.growth-year", "pct(0)"),
        ];
        let row = |name: Cell, slug: &str| {
            let parts = ["quarter", "growth", "year", "year_growth"];
            tabulate::row(name, parts.map(|id| out.id(format!("{slug}.{id}"))))
        };
        let symbols = self.quarters.amounts.keys();
        let mut rows: Vec<Row> =
            symbols.map(|symbol| row(Cell::Text(self.desk.name(symbol)), &symbol.slug())).collect();
        rows.push(Row { total: true, ..row(Cell::Label("total.all".to_owned()), "total") });
        Table { id: "amounts".to_owned(), columns, rows, sources }
    }

    fn chart(&self, sources: Vec<String>, out: &Output<'_>) -> Chart {
        let quarters = self.quarters;
        let from = quarters.labels.len().saturating_sub(self.params.shown);
        let labels = &quarters.labels[from..];
        let stacks = quarters
            .amounts
            .iter()
            .map(|(symbol, amounts)| Line {
                label: self.desk.name(symbol),
                translate: false,
                values: labels.iter().map(|label| amounts.get(label).copied()).collect(),
                group: String::new(),
                strong: false,
            })
            .collect();
        let ends = labels.iter().filter_map(|label| quarters.ends.get(label).copied()).collect();
        let (id, statistic) = (out.id("quarters"), "capex".to_owned());
        Chart::Columns { id, quarters: ends, stacks, sources, statistic }
    }
}
