//! Record trend: how a quantity of dated records has grown, the largest of them, and where one subject stands against it.

use crate::{
    Context, Desk, Outcome,
    declared::check::Needs,
    kind::{Kind, Output},
    tabulate, trend,
};
use anyhow::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shockbrief_core::{
    Cell, Chart, Figure, Record, Records, Row, Table, Unit,
    config::section::Ref,
    findings::{Across, Dot, Track},
};
use std::collections::BTreeMap;

/// Parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Params {
    /// The source of records.
    #[schemars(with = "shockbrief_core::schema::SourceId")]
    source: String,
    /// The field with the quantity, a number that grows by a factor.
    amount: String,
    /// The field with the name of each record.
    name: String,
    /// First year of the trend; default 1900, which leaves out none.
    #[serde(default = "from")]
    from: i16,
    /// Fields that a record must have with this text to count; default none.
    #[serde(default)]
    keep: BTreeMap<String, String>,
    /// The field with the quality of a record; default none, and no such column.
    #[serde(default)]
    grade: Option<String>,
    /// Key of the house's word for each quality; default none.
    #[serde(default)]
    grades: BTreeMap<String, String>,
    /// Records of the table, the largest first; default 8.
    #[serde(default = "largest")]
    largest: usize,
    /// Records below which there is no trend; default 20.
    #[serde(default = "at_least")]
    at_least: usize,
    /// Name of the subject held against the trend.
    subject: String,
    /// The fact whose date is the subject's.
    date: String,
    /// The facts whose product is the subject's quantity.
    product: Vec<String>,
    /// What the product is multiplied by; default 1.
    #[serde(default = "one")]
    times: f64,
    /// Further facts without which the section has nothing to say; default none.
    #[serde(default)]
    facts: Vec<String>,
}

impl Params {
    /// All facts that it rests on.
    fn facts(&self) -> impl Iterator<Item = &String> {
        self.product.iter().chain([&self.date]).chain(&self.facts)
    }
}

fn from() -> i16 {
    1900
}

fn largest() -> usize {
    8
}

fn at_least() -> usize {
    20
}

fn one() -> f64 {
    1.0
}

/// The kind.
pub struct RecordTrend;

impl Kind for RecordTrend {
    const NAME: &'static str = "record-trend";
    const ABOUT: &'static str = "growth per year of a quantity of dated records, and one subject against it";
    type Params = Params;
    const REQUIRED: &'static [(&'static str, &'static str)] = &[
        ("source", "source"),
        ("amount", "field"),
        ("name", "field"),
        ("subject", "name"),
        ("date", "fact"),
        ("product", "[\"fact\"]"),
    ];

    fn check(params: &Params) -> Result<(), String> {
        if params.at_least < 3 || params.largest == 0 {
            return Err("`at-least` is 3 or more and `largest` 1 or more".to_owned());
        }
        if params.product.is_empty() || params.times.is_nan() || params.times <= 0.0 {
            return Err("`product` names one fact or more, and `times` is positive".to_owned());
        }
        Ok(())
    }

    fn needs(params: &Params) -> Needs {
        let fields =
            [&params.amount, &params.name].into_iter().chain(&params.grade).chain(params.keep.keys());
        let column = |column: &String| Ref::Column { source: params.source.clone(), column: column.clone() };
        let facts = params.facts().cloned().collect();
        let names = fields.map(column).collect();
        Needs { records: [params.source.clone()].into(), names, facts, ..Needs::default() }
    }

    fn analyse(params: &Params, context: &Context<'_>, out: &mut Output<'_>) -> Result<Outcome> {
        let desk = &context.desk;
        let facts: Vec<&str> = params.facts().map(String::as_str).collect();
        if !desk.knows(&facts) {
            return Ok(Outcome::Absent("absent.facts"));
        }
        let Some(records) = desk.records(&params.source) else { return Ok(Outcome::Absent("absent.trend")) };
        let rows = kept(params, records);
        if rows.len() < params.at_least {
            return Ok(Outcome::Absent("absent.trend"));
        }
        let years: Vec<f64> = rows.iter().map(|(row, _)| trend::year(row.date)).collect();
        let logs: Vec<f64> = rows.iter().map(|(_, amount)| amount.log10()).collect();
        let fitted = trend::fit(&[&years], &logs);
        let work = Work { params, desk, rows: &rows, sources: desk.files(&[records]) };
        work.growth(&fitted, out);
        work.latest(out);
        let own = work.subject(&fitted, out);
        let table = work.largest(own, out);
        out.table(table);
        if let Ok((constant, slopes)) = &fitted {
            let line = |x: f64| [x, 10_f64.powf(constant + slopes[0].value * x)];
            let first = years.iter().copied().fold(f64::INFINITY, f64::min);
            let chart = work.chart([first, trend::year(desk.as_of)].map(line), own, out);
            out.chart(chart);
        }
        Ok(Outcome::Ready)
    }
}

/// Records that count, with their quantity.
fn kept<'r>(params: &Params, records: &'r Records) -> Vec<(&'r Record, f64)> {
    let kept = |row: &&Record| {
        let fields = params.keep.iter();
        row.date.year() >= params.from && { fields }.all(|(field, text)| row.text(field) == Some(text))
    };
    let rows = records.rows.iter().filter(kept);
    rows.filter_map(|row| Some((row, row.number(&params.amount).filter(|amount| *amount > 0.0)?))).collect()
}

/// The records with the parameters they are looked at by.
struct Work<'a> {
    params: &'a Params,
    desk: &'a Desk<'a>,
    rows: &'a [(&'a Record, f64)],
    sources: Vec<String>,
}

type Part = fn(&trend::Slope) -> f64;
type Fitted = Result<(f64, Vec<trend::Slope>), String>;

impl Work<'_> {
    /// Growth per year as a factor, with its interval.
    fn growth(&self, fitted: &Fitted, out: &mut Output<'_>) {
        let source = self.params.source.as_str();
        let parts: [(&str, Part); 3] =
            [("growth", |s| s.value), ("growth.low", |s| s.low), ("growth.high", |s| s.high)];
        for (id, part) in parts {
            let value =
                fitted.as_ref().map(|(_, slopes)| 10_f64.powf(part(&slopes[0]))).map_err(Clone::clone);
            out.figure(id, value, Unit::Number, "log_trend", |figure| {
                figure.inputs([source]).n(self.rows.len())
            });
        }
        let count = Ok::<f64, String>(self.rows.len() as f64);
        out.figure("models", count, Unit::Count, "count", |figure| figure.inputs([source]));
    }

    /// The last record of the trend: what came after it is not in the growth.
    fn latest(&self, out: &mut Output<'_>) {
        if let Some((row, _)) = self.rows.iter().max_by_key(|(row, _)| row.date) {
            let figure = Figure::date(out.id("last"), row.date, "publication", self.desk.as_of);
            out.add(figure.inputs([self.params.source.as_str()]));
            out.list("last", vec![self.name(row)]);
        }
    }

    fn name(&self, row: &Record) -> String {
        row.text(&self.params.name).unwrap_or_default().to_owned()
    }

    /// When the subject came out, in years.
    fn release(&self) -> Option<f64> {
        self.desk.facts.known(&self.params.date, self.desk.as_of).map(|fact| trend::year(fact.date))
    }

    /// The subject's quantity, and how many times the trend of its day exceeds it.
    fn subject(&self, fitted: &Fitted, out: &mut Output<'_>) -> f64 {
        let (subject, desk) = (self.params, self.desk);
        let facts = subject
            .product
            .iter()
            .map(|id| desk.facts.known(id, desk.as_of).map(|fact| fact.figure(id, desk.as_of)));
        let values = facts.map(|figure| figure.and_then(|figure| figure.number()).unwrap_or(f64::NAN));
        let own = values.fold(subject.times, |product, value| product * value);
        let below = fitted.as_ref().map_err(Clone::clone).and_then(|(constant, slopes)| {
            let year = self.release().ok_or("not released")?;
            Ok(10_f64.powf(constant + slopes[0].value * year) / own)
        });
        let product: Vec<String> = subject.product.iter().map(|id| format!("fact.{id}")).collect();
        let used =
            product.iter().cloned().chain([format!("fact.{}", subject.date), self.params.source.clone()]);
        out.figure("below_trend", below, Unit::Number, "log_trend", |figure| figure.inputs(used));
        let value = Ok::<f64, String>(own);
        out.figure("subject", value, Unit::Number, "training_arithmetic", |figure| figure.inputs(product));
        own
    }

    /// The largest records, as multiples of the subject's quantity, since powers of ten do not read well.
    fn largest(&self, own: f64, out: &mut Output<'_>) -> Table {
        let mut ranked: Vec<&(&Record, f64)> = self.rows.iter().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut columns = vec![
            tabulate::text(&out.id("column.name")),
            tabulate::number("col.published", "date"),
            tabulate::number(&out.id("column.times"), "num(1)"),
        ];
        columns.extend(self.params.grade.iter().map(|_| tabulate::text(&out.id("column.grade"))));
        let mut rows = Vec::new();
        for (at, (row, amount)) in ranked.into_iter().take(self.params.largest).enumerate() {
            let id = |part: &str| format!("largest.{}.{part}", at + 1);
            let name = self.name(row);
            let date = Figure::date(out.id(id("date")), row.date, "publication", self.desk.as_of);
            let date = out.add(date.inputs([name.clone()]));
            let inputs = [name.clone(), out.id("subject")];
            let ratio = Ok::<f64, String>(amount / own);
            let times =
                out.figure(id("times"), ratio, Unit::Number, "compute_ratio", |figure| figure.inputs(inputs));
            let mut cells = vec![Cell::Text(name), Cell::Figure(date), Cell::Figure(times)];
            cells.extend(self.params.grade.iter().map(|field| self.graded(row.text(field))));
            rows.push(Row::new(cells));
        }
        Table { id: "largest".to_owned(), columns, rows, sources: self.sources.clone() }
    }

    fn graded(&self, text: Option<&str>) -> Cell {
        let text = text.unwrap_or_default();
        let label = self.params.grades.get(text);
        label.map_or_else(|| Cell::Text(text.to_owned()), |key| Cell::Label(key.clone()))
    }

    fn chart(&self, ends: [[f64; 2]; 2], own: f64, out: &Output<'_>) -> Chart {
        let dot = |label: String, x: f64, y: f64, strong| Dot { label, x, y, strong };
        let rows = self.rows.iter();
        let mut dots: Vec<Dot> =
            rows.map(|(row, amount)| dot(self.name(row), trend::year(row.date), *amount, false)).collect();
        dots.extend(self.release().map(|x| dot(self.params.subject.clone(), x, own, true)));
        let track = Track { label: out.id("column.trend"), points: ends.to_vec(), dashed: false };
        Chart::Scatter {
            id: out.id("growth"),
            across: Across::Year,
            dots,
            tracks: vec![track],
            sources: self.sources.clone(),
            statistic: "log_trend".to_owned(),
        }
    }
}
