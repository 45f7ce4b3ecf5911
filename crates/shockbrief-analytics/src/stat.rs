//! The statistics that take a table, by name: what a command line needs to offer them.
//!
//! [`STATS`] lists them with their parameters and defaults; [`run`] computes one from a [`Table`] that the
//! caller has read. Names in the results are those of the structs they come from. Nothing here reads a
//! file; a parameter that is unknown or does not parse is an error that names it, never a default.
//!
//! Returns from prices lie between the last known prices: a move over an empty cell is kept, on the row of
//! the price that ends it. Where two series are compared, both returns lie between rows that have both
//! prices. Rows of a result are rows of the table, with their labels, whatever was left out in between.

use crate::event_study::{calendar_time, event_time, intraday};
use crate::reason::Missing;
use crate::{
    changepoint, concentration, contagion, detection, drawdown, ewma, forward_returns, garch, moments,
    performance, stress,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Named columns over labelled rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// Row labels: dates, row numbers, or names of assets.
    pub rows: Vec<String>,
    /// Columns in order, each with one value per row, `None` where missing.
    pub columns: Vec<(String, Vec<Option<f64>>)>,
}

/// Parameters as given: name and text.
pub type Params = BTreeMap<String, String>;

/// A parameter of a statistic.
#[derive(Debug, Clone, Copy)]
pub struct Param {
    /// Name.
    pub name: &'static str,
    /// Text taken when it is not given; empty for none.
    pub default: &'static str,
    /// Meaning and unit.
    pub doc: &'static str,
}

/// A statistic that can be asked for by name.
#[derive(Debug, Clone, Copy)]
pub struct Stat {
    /// Name.
    pub name: &'static str,
    /// What it gives and what the table holds.
    pub doc: &'static str,
    /// Its parameters.
    pub params: &'static [Param],
    compute: fn(&Request<'_>) -> Result<Value, StatError>,
}

/// Why a named statistic gave no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StatError {
    /// No statistic of that name.
    #[error("no statistic `{name}`; there are {known}")]
    UnknownStat {
        /// What was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The statistic has no such parameter.
    #[error("no parameter `{name}`; there are {known}")]
    UnknownParam {
        /// What was given.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A parameter does not parse or is required and absent.
    #[error("parameter `{name}`: `{value}` is not {want}")]
    BadParam {
        /// Parameter.
        name: String,
        /// Its text.
        value: String,
        /// What it should be.
        want: &'static str,
    },
    /// A shock that cannot be meant.
    #[error("parameter `shock`: theme `{theme}` {reason}")]
    BadShock {
        /// Theme.
        theme: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The table lacks a column.
    #[error("the table has no column `{0}`")]
    NoColumn(String),
    /// A row label without a time of day.
    #[error("row `{0}` has no time of day; write 2025-01-27T10:30")]
    NoTime(String),
    /// The table lacks a row.
    #[error("the table has no row `{0}`")]
    NoRow(String),
    /// A column's length differs from the number of row labels.
    #[error("column `{column}` has {have} values for {rows} rows")]
    Ragged {
        /// Column.
        column: String,
        /// Its length.
        have: usize,
        /// Number of rows.
        rows: usize,
    },
    /// The statistic cannot be computed from these numbers.
    #[error(transparent)]
    Missing(#[from] Missing),
}

/// Computes statistic `name` from `table`.
///
/// # Errors
/// [`StatError`]; a part of a result that cannot be computed is null beside a reason in the result.
pub fn run(name: &str, table: &Table, params: &Params) -> Result<Value, StatError> {
    let names = |all: &mut dyn Iterator<Item = &str>| all.collect::<Vec<&str>>().join(", ");
    let Some(stat) = STATS.iter().find(|stat| stat.name == name) else {
        let known = names(&mut STATS.iter().map(|stat| stat.name));
        return Err(StatError::UnknownStat { name: name.to_owned(), known });
    };
    if let Some(unknown) = params.keys().find(|key| !stat.params.iter().any(|p| p.name == *key)) {
        let known = names(&mut stat.params.iter().map(|p| p.name));
        return Err(StatError::UnknownParam { name: unknown.clone(), known });
    }
    let rows = table.rows.len();
    if let Some((column, values)) = table.columns.iter().find(|(_, values)| values.len() != rows) {
        return Err(StatError::Ragged { column: column.clone(), have: values.len(), rows });
    }
    (stat.compute)(&Request { stat, table, params })
}

struct Request<'a> {
    stat: &'a Stat,
    table: &'a Table,
    params: &'a Params,
}

type Column = Vec<Option<f64>>;

impl Request<'_> {
    fn text(&self, name: &str) -> &str {
        let default = || self.stat.params.iter().find(|p| p.name == name).map_or("", |p| p.default);
        self.params.get(name).map_or_else(default, |value| value.trim())
    }

    fn bad(&self, name: &str, want: &'static str) -> StatError {
        StatError::BadParam { name: name.to_owned(), value: self.text(name).to_owned(), want }
    }

    fn number(&self, name: &str) -> Result<f64, StatError> {
        let value = self.text(name).parse().ok().filter(|v: &f64| v.is_finite());
        value.ok_or_else(|| self.bad(name, "a number"))
    }

    fn count(&self, name: &str) -> Result<usize, StatError> {
        // Bounded, so that a typing error cannot ask for more memory than there is.
        let value = self.text(name).parse().ok().filter(|v: &usize| *v <= 10_000_000);
        value.ok_or_else(|| self.bad(name, "a whole number up to 10 million"))
    }

    fn list(&self, name: &str) -> Result<Vec<f64>, StatError> {
        let parse = |v: &str| v.trim().parse().ok().filter(|v: &f64| v.is_finite());
        let list = self.text(name).split(',').map(parse).collect::<Option<Vec<f64>>>();
        list.ok_or_else(|| self.bad(name, "a list of numbers with commas"))
    }

    fn row(&self, name: &str) -> Result<usize, StatError> {
        let label = self.text(name);
        let found = self.table.rows.iter().position(|row| row == label);
        found.ok_or_else(|| StatError::NoRow(label.to_owned()))
    }

    fn named(&self, column: &str) -> Result<&Column, StatError> {
        let found = self.table.columns.iter().find(|(name, _)| name == column);
        found.map(|(_, values)| values).ok_or_else(|| StatError::NoColumn(column.to_owned()))
    }

    /// The column that `column` names, or the first.
    fn chosen(&self) -> Result<(String, &Column), StatError> {
        let name = self.text("column");
        if !name.is_empty() {
            return Ok((name.to_owned(), self.named(name)?));
        }
        let first = self.table.columns.first().ok_or_else(|| StatError::NoColumn("any".to_owned()))?;
        Ok((first.0.clone(), &first.1))
    }

    /// A column as returns: itself, or from prices; the first row of prices has no return.
    fn returns(&self, column: &Column, log: bool) -> Result<Column, StatError> {
        match self.text("input") {
            "returns" => Ok(column.clone()),
            "prices" => from_prices(column, log),
            _ => Err(self.bad("input", "`prices` or `returns`")),
        }
    }

    fn all_returns(&self, log: bool) -> Result<Vec<(&str, Column)>, StatError> {
        let each = self.table.columns.iter();
        each.map(|(name, column)| Ok((name.as_str(), self.returns(column, log)?))).collect()
    }

    /// Returns of several columns over the same steps: those between the rows on which all have a value.
    fn matched(&self, columns: &[&Column], log: bool) -> Result<Vec<Column>, StatError> {
        let complete = |row: usize| columns.iter().all(|c| c[row].is_some());
        let kept: Vec<bool> = (0..self.table.rows.len()).map(complete).collect();
        let masked = |column: &&Column| -> Column {
            column.iter().zip(&kept).map(|(value, keep)| value.filter(|_| *keep)).collect()
        };
        columns.iter().map(|column| self.returns(&masked(column), log)).collect()
    }

    /// Returns of a pair over `sessions` common steps each, on the row that ends them, with the row of the
    /// first step: (row of the first step, row, left, right).
    fn spanning(
        &self,
        (left, right): (&Column, &Column),
        sessions: usize,
    ) -> Result<Vec<(usize, usize, f64, f64)>, StatError> {
        let both = self.matched(&[left, right], true)?;
        let steps: Vec<(usize, f64, f64)> =
            (0..both[0].len()).filter_map(|row| Some((row, both[0][row]?, both[1][row]?))).collect();
        let sum = |w: &[(usize, f64, f64)]| {
            let (a, b) = w.iter().fold((0.0, 0.0), |(a, b), step| (a + step.1, b + step.2));
            (w[0].0, w[w.len() - 1].0, a, b)
        };
        Ok(steps.windows(sessions.max(1)).map(sum).collect())
    }

    fn label(&self, row: usize) -> &str {
        self.table.rows.get(row).map_or("", String::as_str)
    }
}

fn from_prices(prices: &Column, log: bool) -> Result<Column, StatError> {
    if prices.iter().flatten().any(|p| !(p.is_finite() && *p > 0.0)) {
        return Err(Missing::Invalid { what: "a price" }.into());
    }
    let mut before = None;
    let step = |price: &Option<f64>| -> Option<f64> {
        let now = (*price)?;
        let ratio = now / before.replace(now)?;
        Some(if log { ratio.ln() } else { ratio - 1.0 })
    };
    Ok(prices.iter().map(step).collect())
}

/// Steps between the first and the last price.
fn elapsed(prices: &Column) -> usize {
    let first = prices.iter().position(Option::is_some);
    let last = prices.iter().rposition(Option::is_some);
    first.zip(last).map_or(0, |(first, last)| last - first)
}

fn present(column: &Column) -> Vec<f64> {
    column.iter().flatten().copied().collect()
}

fn value(of: impl serde::Serialize) -> Result<Value, StatError> {
    serde_json::to_value(of).map_err(|_| Missing::NotFinite { what: "the result" }.into())
}

/// A part of a result: its value, or null under `name` and the reason under `reasons`.
fn part(
    map: &mut Map<String, Value>,
    name: &str,
    result: Result<impl serde::Serialize, Missing>,
) -> Result<(), StatError> {
    match result {
        Ok(ok) => map.insert(name.to_owned(), value(ok)?),
        Err(reason) => {
            let reasons = map.entry("reasons").or_insert_with(|| json!({}));
            reasons[name] = json!(reason.to_string());
            map.insert(name.to_owned(), Value::Null)
        }
    };
    Ok(())
}

const fn param(name: &'static str, default: &'static str, doc: &'static str) -> Param {
    Param { name, default, doc }
}

const PRICES: Param = param("input", "prices", "what the columns hold: `prices` or `returns`");
const RETURNS: Param = param("input", "returns", "what the columns hold: `prices` or `returns`");
const COLUMN: Param = param("column", "", "column to use; the first when empty");
const DECAY: Param = param("lambda", "0.94", "weight of the previous variance");
const SEED_OBS: Param = param("seed_obs", "60", "squares averaged for the first variance");
const DRAWS: Param = param("draws", "1999", "bootstrap resamples");
const SEED: Param = param("seed", "1", "seed of the bootstrap");

/// Every statistic, in alphabetical order.
pub const STATS: &[Stat] = &[
    Stat {
        name: "calendar_time",
        doc: "calendar-time portfolio: a row per month, a column per firm with its excess return while in event, and factor columns",
        params: &[param("factors", "", "factor columns with commas; none when empty")],
        compute: calendar_time_stat,
    },
    Stat {
        name: "changepoint",
        doc: "CUSUM tests, Bai-Perron breaks and PELT segmentations of one column as it stands",
        params: &[
            COLUMN,
            param("min_segment", "10", "fewest observations in a PELT segment"),
            param("penalty", "", "price of a change in squared units for `pelt_l2`; 2 s² ln n when empty"),
            param("max_breaks", "5", "most Bai-Perron breaks"),
            param("trim", "0.15", "shortest Bai-Perron segment as a share of n"),
        ],
        compute: changepoint_stat,
    },
    Stat {
        name: "clustered",
        doc: "t of a mean with errors clustered by row label, such as the month of each event",
        params: &[COLUMN],
        compute: clustered_stat,
    },
    Stat {
        name: "concentration",
        doc: "HHI, effective number, entropy, top shares and Gini of weights",
        params: &[COLUMN, param("weights", "", "weights with commas; the column's values when empty")],
        compute: concentration_stat,
    },
    Stat {
        name: "contagion",
        doc: "Forbes-Rigobon tests against a source, mean correlation and first-eigenvalue share",
        params: &[
            PRICES,
            param("source", "", "column of the source; the first when empty"),
            param("stable_from", "", "first row label of the stable window; the first row when empty"),
            param("stable_to", "", "last row label of the stable window; the row before turmoil when empty"),
            param("turmoil_from", "", "first row label of the turmoil window"),
            param("turmoil_to", "", "last row label of the turmoil window; the last row when empty"),
            param(
                "overlap",
                "1",
                "sessions that one return spans: returns over so many sessions, overlapping, inside each window",
            ),
        ],
        compute: contagion_stat,
    },
    Stat {
        name: "detect",
        doc: "shock days of a panel of abnormal returns (or of returns as they stand)",
        params: &[
            RETURNS,
            DECAY,
            SEED_OBS,
            param("window", "250", "trailing rows of correlation, covariance and quantile"),
            param("threshold", "3", "size of group z that qualifies a day"),
            param("fdr", "0.05", "false discovery rate across the names of a day"),
            param("all", "no", "`yes` lists every day, `no` shock days only"),
        ],
        compute: detect_stat,
    },
    Stat {
        name: "diversification",
        doc: "diversification ratio and risk shares from log returns, with bootstrap intervals",
        params: &[PRICES, param("weights", "", "one weight per column, with commas"), DRAWS, SEED],
        compute: diversification_stat,
    },
    Stat {
        name: "drawdown",
        doc: "drawdown episodes per price column, recovery times, and falls after an event row",
        params: &[
            param("top", "5", "episodes listed per column"),
            param(
                "min_depth",
                "0.05",
                "shallowest episode in the Kaplan-Meier estimate, as positive decimal",
            ),
            param("event", "", "row label of day 0 for event drawdowns"),
        ],
        compute: drawdown_stat,
    },
    Stat {
        name: "event_time",
        doc: "paths of log returns aligned on day 0 of each column's event and averaged day by day",
        params: &[
            PRICES,
            param("events", "", "column=row label of day 0, pairs with commas"),
            param("from", "-5", "first relative day, the base of every path"),
            param("to", "5", "last relative day"),
            param("level", "0.95", "level of the interval of the mean"),
        ],
        compute: event_time_stat,
    },
    Stat {
        name: "ewma",
        doc: "one-step-ahead EWMA variance and standardised days of one return column",
        params: &[
            RETURNS,
            COLUMN,
            DECAY,
            SEED_OBS,
            param("threshold", "4", "size of z for the list of days"),
        ],
        compute: ewma_stat,
    },
    Stat {
        name: "forward_returns",
        doc: "log returns after rows with a standardised return at or below a threshold",
        params: &[
            PRICES,
            COLUMN,
            DECAY,
            SEED_OBS,
            param("threshold", "-3", "z at or below which a row counts, negative"),
            param("horizon", "20", "rows ahead"),
            DRAWS,
            SEED,
        ],
        compute: forward_stat,
    },
    Stat {
        name: "garch",
        doc: "GARCH(1,1) with constant mean of one return column",
        params: &[RETURNS, COLUMN, param("law", "normal", "`normal` or `student`")],
        compute: garch_stat,
    },
    Stat {
        name: "intraday",
        doc: "CAR of abnormal returns of bars, scaled by the spread of each bar's time of day; row labels are instants",
        params: &[
            COLUMN,
            param("event_from", "", "label of the first bar of the event"),
            param("event_to", "", "label of its last bar; the last row when empty"),
        ],
        compute: intraday_stat,
    },
    Stat {
        name: "performance",
        doc: "risk and performance measures per column of simple returns, and against a benchmark column",
        params: &[
            PRICES,
            param("periods", "252", "periods per year"),
            param("mar", "0", "minimum acceptable return per period, in decimals"),
            param("benchmark", "", "benchmark column; none when empty"),
        ],
        compute: performance_stat,
    },
    Stat {
        name: "stress",
        doc: "P&L of a theme shock; the table has a row per asset with columns weight, idio_sd and one per theme",
        params: &[
            param("shock", "", "theme=return pairs with commas"),
            param("factor_cov", "", "theme covariance, rows with semicolons, for the propagated reading"),
        ],
        compute: stress_stat,
    },
];

fn calendar_time_stat(request: &Request<'_>) -> Result<Value, StatError> {
    let text = request.text("factors");
    let names: Vec<&str> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let factors = names.iter().map(|name| request.named(name)).collect::<Result<Vec<_>, _>>()?;
    let firms: Vec<&Column> = request
        .table
        .columns
        .iter()
        .filter(|(name, _)| !names.contains(&name.as_str()))
        .map(|(_, c)| c)
        .collect();
    let month = |row: usize| -> Option<calendar_time::Month> {
        let factors = factors.iter().map(|column| column[row]).collect::<Option<Vec<f64>>>()?;
        Some(calendar_time::Month { returns: firms.iter().filter_map(|firm| firm[row]).collect(), factors })
    };
    let months: Vec<calendar_time::Month> = (0..request.table.rows.len()).filter_map(month).collect();
    let c = calendar_time::calendar_time(&months)?;
    Ok(json!({"months": c.months, "calendar_time_alpha": c.alpha, "alpha_hc1": c.alpha_hc1_t,
        "alpha_weighted": c.alpha_weighted, "alpha_weighted_t": c.alpha_weighted_t}))
}

fn clustered_stat(request: &Request<'_>) -> Result<Value, StatError> {
    let (name, column) = request.chosen()?;
    let mut places: BTreeMap<&str, i32> = BTreeMap::new();
    let (mut values, mut clusters) = (Vec::new(), Vec::new());
    for (row, value) in column.iter().enumerate() {
        let Some(value) = value else { continue };
        let next = places.len() as i32;
        values.push(*value);
        clusters.push(*places.entry(request.label(row)).or_insert(next));
    }
    let t = calendar_time::clustered_t(&values, &clusters)?;
    Ok(json!({"column": name, "clusters": places.len(), "mean": moments::mean(&values)?, "clustered_t": t}))
}

fn event_time_stat(request: &Request<'_>) -> Result<Value, StatError> {
    let day = |name: &str| -> Result<i32, StatError> {
        let value = request.text(name).parse().ok().filter(|v: &i32| v.abs() <= 1_000_000);
        value.ok_or_else(|| request.bad(name, "a whole number of days"))
    };
    let window = [day("from")?, day("to")?];
    let mut paths = Vec::new();
    for pair in request.text("events").split(',') {
        let parts = pair.split_once('=');
        let (column, label) = parts.ok_or_else(|| request.bad("events", "column=row label pairs"))?;
        let returns = request.returns(request.named(column.trim())?, true)?;
        let row = request.table.rows.iter().position(|row| row == label.trim());
        paths.push((returns, row.ok_or_else(|| StatError::NoRow(label.trim().to_owned()))?));
    }
    let views: Vec<(&[Option<f64>], usize)> = paths.iter().map(|(r, row)| (r.as_slice(), *row)).collect();
    let out = event_time::aligned(&views, window, request.number("level")?)?;
    let mut days = Vec::new();
    for (k, day) in out.days.iter().enumerate() {
        let mut entry = Map::new();
        entry.insert("day".to_owned(), json!(day));
        entry.insert("mean".to_owned(), json!(out.mean[k]));
        entry.insert("median".to_owned(), json!(out.median[k]));
        part(&mut entry, "interval", out.interval[k].clone())?;
        days.push(Value::Object(entry));
    }
    Ok(json!({"events": out.events, "incomplete": views.len() - out.events, "days": days}))
}

fn intraday_stat(request: &Request<'_>) -> Result<Value, StatError> {
    let (name, column) = request.chosen()?;
    let first = request.row("event_from")?;
    let last =
        if request.text("event_to").is_empty() { column.len() - 1 } else { request.row("event_to")? };
    let mut slots: BTreeMap<&str, u32> = BTreeMap::new();
    let (mut before, mut event) = (Vec::new(), Vec::new());
    for (row, value) in column.iter().enumerate() {
        let Some(value) = value else { continue };
        // The time of day is what follows the date.
        let time = request.label(row).split_once(['T', ' ']).map(|(_, time)| time);
        let time = time.ok_or_else(|| StatError::NoTime(request.label(row).to_owned()))?;
        let next = slots.len() as u32;
        let slot = *slots.entry(time).or_insert(next);
        if row < first {
            before.push((slot, *value));
        } else if row <= last {
            event.push((slot, *value));
        }
    }
    let car = intraday::intraday_car(&before, &event)?;
    Ok(json!({"column": name, "bars": event.len(), "times_of_day": slots.len(), "car": car.car, "se": car.se,
        "z": car.z, "p": crate::distributions::normal_two_sided(car.z), "sar": car.sar}))
}

fn changepoint_stat(request: &Request<'_>) -> Result<Value, StatError> {
    let (name, column) = request.chosen()?;
    let rows: Vec<usize> = (0..column.len()).filter(|row| column[*row].is_some()).collect();
    let x = present(column);
    let segment = request.count("min_segment")?;
    let penalty = if request.text("penalty").is_empty() { None } else { Some(request.number("penalty")?) };
    let trim = request.number("trim")?;
    if !(trim > 0.0 && trim < 0.5) {
        return Err(request.bad("trim", "between 0 and 0.5"));
    }
    let shortest = ((x.len() as f64 * trim).floor() as usize).max(2);
    let mut out = Map::new();
    out.insert("column".to_owned(), json!(name));
    out.insert("empty_cells".to_owned(), json!(column.len() - x.len()));
    part(&mut out, "ols_cusum", changepoint::ols_cusum(&x))?;
    part(&mut out, "rec_cusum", changepoint::recursive_cusum(&x))?;
    part(
        &mut out,
        "bai_perron",
        changepoint::bai_perron(&x, request.count("max_breaks")?.min(50), shortest),
    )?;
    part(&mut out, "pelt_l2", changepoint::pelt(&x, changepoint::Cost::SumOfSquares, penalty, segment))?;
    part(&mut out, "pelt_mean", changepoint::pelt(&x, changepoint::Cost::Mean, None, segment))?;
    part(&mut out, "pelt_meanvar", changepoint::pelt(&x, changepoint::Cost::MeanVariance, None, segment))?;
    let mut out = Value::Object(out);
    on_table_rows(request, &mut out, &rows);
    Ok(out)
}

/// Turns numbers of observations before a change into one-based rows of the table, and adds their labels.
fn on_table_rows(request: &Request<'_>, value: &mut Value, rows: &[usize]) {
    const PLACES: [&str; 3] = ["last_index_of_each_segment_but_final", "breaks", "argmax_index"];
    let place = |count: &Value| -> Option<usize> {
        let before = usize::try_from(count.as_u64()?).ok()?;
        before.checked_sub(1).and_then(|k| rows.get(k)).copied()
    };
    match value {
        Value::Object(map) => {
            for key in PLACES {
                let Some(found) = map.get(key).cloned() else { continue };
                let (at, labels) = match &found {
                    Value::Array(all) => {
                        let rows: Vec<usize> = all.iter().filter_map(place).collect();
                        let labels: Vec<&str> = rows.iter().map(|row| request.label(*row)).collect();
                        (json!(rows.iter().map(|row| row + 1).collect::<Vec<_>>()), json!(labels))
                    }
                    one => match place(one) {
                        Some(row) => (json!(row + 1), json!(request.label(row))),
                        None => (one.clone(), Value::Null),
                    },
                };
                map.insert(key.to_owned(), at);
                map.insert(format!("{key}_label"), labels);
            }
            map.values_mut().for_each(|inner| on_table_rows(request, inner, rows));
        }
        Value::Array(all) => all.iter_mut().for_each(|inner| on_table_rows(request, inner, rows)),
        _ => {}
    }
}

fn concentration_stat(request: &Request<'_>) -> Result<Value, StatError> {
    let given = !request.text("weights").is_empty();
    let weights = if given { request.list("weights")? } else { present(request.chosen()?.1) };
    value(concentration::concentration(&weights)?)
}

fn contagion_stat(request: &Request<'_>) -> Result<Value, StatError> {
    let columns = &request.table.columns;
    let source = request.text("source");
    let at = if source.is_empty() { Some(0) } else { columns.iter().position(|(name, _)| *name == source) };
    let Some((name, driver)) = at.and_then(|at| columns.get(at)) else {
        return Err(StatError::NoColumn(source.to_owned()));
    };
    let row =
        |name: &str, other: usize| if request.text(name).is_empty() { Ok(other) } else { request.row(name) };
    let (start, end) = (request.row("turmoil_from")?, row("turmoil_to", request.table.rows.len() - 1)?);
    let (first, last) = (row("stable_from", 0)?, row("stable_to", start.saturating_sub(1))?);
    if first > last || start > end || (start <= last && first <= end) {
        return Err(request.bad("turmoil_from", "a window apart from the stable one"));
    }
    let overlap = request.count("overlap")?;
    if overlap == 0 {
        return Err(request.bad("overlap", "at least 1"));
    }
    // Returns whose sessions all lie in a window; the one that reaches across its border belongs to neither.
    let inside = |a: &Column, b: &Column, window: (usize, usize)| -> Result<_, StatError> {
        let all = request.spanning((a, b), overlap)?;
        let within = all.into_iter().filter(|(from, to, ..)| *from >= window.0 && *to <= window.1);
        Ok(within.map(|(_, _, a, b)| (Some(a), Some(b))).unzip::<_, _, Column, Column>())
    };
    let mut pairs = Map::new();
    for (other, column) in columns.iter().filter(|(other, _)| other != name) {
        let calm = inside(driver, column, (first, last))?;
        let storm = inside(driver, column, (start, end))?;
        let tested = contagion::forbes_rigobon((&calm.0, &calm.1), (&storm.0, &storm.1), overlap);
        part(&mut pairs, other, tested)?;
    }
    let together: Vec<&Column> = columns.iter().map(|(_, column)| column).collect();
    let matched = request.matched(&together, true)?;
    let (mut correlation, mut absorption) = (Map::new(), Map::new());
    for (key, window) in [("stable", (first, last)), ("turmoil", (start, end))] {
        let mut each = Vec::new();
        for (k, a) in together.iter().enumerate() {
            for b in &together[k + 1..] {
                let (a, b) = inside(a, b, window)?;
                let enough = a.len() >= 20;
                each.extend(enough.then(|| moments::correlation(&present(&a), &present(&b)).ok()).flatten());
            }
        }
        let none = Missing::TooFew { what: "pairs", have: 0, need: 1 };
        part(&mut correlation, key, moments::mean(&each).map_err(|_| none))?;
        let views: Vec<&[Option<f64>]> = matched.iter().map(|c| &c[window.0..=window.1]).collect();
        let share = contagion::complete_rows(&views).and_then(|complete| {
            contagion::absorption_ratio(&complete.iter().map(Vec::as_slice).collect::<Vec<_>>(), 1)
        });
        part(&mut absorption, key, share)?;
    }
    Ok(json!({"source": name, "rows_stable": [first, last], "rows_turmoil": [start, end], "pairs": pairs,
        "mean_pairwise_corr": correlation, "absorption_ratio_k1": absorption}))
}

fn detect_stat(request: &Request<'_>) -> Result<Value, StatError> {
    let returns = request.all_returns(true)?;
    let views: Vec<&[Option<f64>]> = returns.iter().map(|(_, column)| column.as_slice()).collect();
    let settings = detection::Settings {
        lambda: request.number("lambda")?,
        seed: request.count("seed_obs")?,
        window: request.count("window")?,
        group_threshold: request.number("threshold")?,
        fdr: request.number("fdr")?,
        ..detection::Settings::default()
    };
    let all = match request.text("all") {
        "yes" => true,
        "no" => false,
        _ => return Err(request.bad("all", "`yes` or `no`")),
    };
    let mut days = Vec::new();
    for day in detection::detect(&views, settings)?.into_iter().filter(|day| all || day.shock) {
        let names: Vec<&str> = day.names.iter().map(|column| returns[*column].0).collect();
        let suspended: Vec<&str> = day.suspended.iter().map(|column| returns[*column].0).collect();
        let date = &request.table.rows[day.row];
        let mut entry = value(day)?;
        entry["names"] = json!(names);
        entry["suspended"] = json!(suspended);
        entry["date"] = json!(date);
        days.push(entry);
    }
    Ok(json!({"settings": value(settings)?, "days": days}))
}

fn diversification_stat(request: &Request<'_>) -> Result<Value, StatError> {
    let weights = request.list("weights")?;
    let columns: Vec<&Column> = request.table.columns.iter().map(|(_, column)| column).collect();
    let returns = request.matched(&columns, true)?;
    let views: Vec<&[Option<f64>]> = returns.iter().map(Vec::as_slice).collect();
    let complete = contagion::complete_rows(&views)?;
    let series: Vec<&[f64]> = complete.iter().map(Vec::as_slice).collect();
    let mut out = value(concentration::diversification(&weights, &series)?)?;
    let seed = request.count("seed")? as u64;
    let draws = request.count("draws")?;
    if let Some(map) = out.as_object_mut() {
        map.insert("weights".to_owned(), json!(weights));
        part(map, "intervals", concentration::diversification_intervals(&weights, &series, draws, seed))?;
    }
    Ok(out)
}

fn drawdown_stat(request: &Request<'_>) -> Result<Value, StatError> {
    let (top, depth) = (request.count("top")?, request.number("min_depth")?);
    let event = if request.text("event").is_empty() { None } else { Some(request.row("event")?) };
    let (mut out, mut durations) = (Map::new(), Vec::new());
    for (name, prices) in &request.table.columns {
        let mut entry = Map::new();
        match drawdown::drawdowns(prices) {
            Ok(all) => {
                let deep = all.episodes.iter().filter(|e| e.depth <= -depth);
                durations.extend(deep.map(drawdown::Duration::of_episode));
                let listed = &all.episodes[..top.min(all.episodes.len())];
                let mut listed = value(listed)?;
                for episode in listed.as_array_mut().into_iter().flatten() {
                    add_labels(request, episode, &["peak", "trough", "recovery"]);
                }
                entry.insert("top".to_owned(), listed);
                entry.insert("max".to_owned(), json!(all.max));
                entry.insert("current".to_owned(), json!(all.current));
            }
            Err(reason) => part(&mut entry, "top", Err::<(), _>(reason))?,
        }
        if let Some(row) = event {
            part(&mut entry, "event", drawdown::event_drawdown(prices, row, None))?;
            if let Some(event) = entry.get_mut("event") {
                add_labels(request, event, &["peak", "last"]);
                add_labels(request, &mut event["fall"], &["trough", "recovery"]);
            }
        }
        out.insert(name.clone(), Value::Object(entry));
    }
    let mut all = Map::new();
    all.insert("columns".to_owned(), Value::Object(out));
    part(&mut all, "recovery", drawdown::kaplan_meier(&durations))?;
    Ok(Value::Object(all))
}

/// Adds the labels of the table's rows that an object names by number.
fn add_labels(request: &Request<'_>, value: &mut Value, keys: &[&str]) {
    let Some(map) = value.as_object_mut() else { return };
    for key in keys {
        let row = map.get(*key).and_then(Value::as_u64).and_then(|row| usize::try_from(row).ok());
        if let Some(row) = row {
            map.insert(format!("{key}_label"), json!(request.label(row)));
        }
    }
}

fn ewma_stat(request: &Request<'_>) -> Result<Value, StatError> {
    let (name, column) = request.chosen()?;
    let returns = request.returns(column, true)?;
    let out = ewma::ewma(&returns, request.number("lambda")?, request.count("seed_obs")?)?;
    let limit = request.number("threshold")?;
    let days = out.z.iter().enumerate().filter_map(|(t, z)| Some((t, (*z)?)));
    let days = days.filter(|(_, z)| z.abs() > limit);
    let days: Vec<Value> = days.map(|(t, z)| json!({"t": t, "row": request.table.rows[t], "z": z})).collect();
    Ok(
        json!({"column": name, "lambda": out.lambda, "seed_obs": out.seed, "next": out.next, "shock_days": days,
        "variance": out.variance}),
    )
}

fn forward_stat(request: &Request<'_>) -> Result<Value, StatError> {
    let (name, column) = request.chosen()?;
    let returns = request.returns(column, true)?;
    let (lambda, seed_obs) = (request.number("lambda")?, request.count("seed_obs")?);
    // The first row of a price table has no return; rows of the result count returns from zero.
    let offset = if request.text("input") == "prices" { 1.min(returns.len()) } else { 0 };
    let from_zero = &returns[offset..];
    let z = ewma::ewma(from_zero, lambda, seed_obs)?.z;
    let rule = forward_returns::Rule {
        threshold: request.number("threshold")?,
        horizon: request.count("horizon")?,
        draws: request.count("draws")?,
        seed: request.count("seed")? as u64,
    };
    let result = forward_returns::forward_returns(from_zero, &z, rule)?;
    let labels = |rows: &[usize]| rows.iter().map(|r| request.label(r + offset)).collect::<Vec<_>>();
    let (events, kept) = (labels(&result.event_rows_zero_based), labels(&result.declustered_rows));
    let mut out = value(&result)?;
    out["event_labels"] = json!(events);
    out["declustered_labels"] = json!(kept);
    out["column"] = json!(name);
    out["ewma_lambda"] = json!(lambda);
    out["seed_obs"] = json!(seed_obs);
    Ok(out)
}

fn garch_stat(request: &Request<'_>) -> Result<Value, StatError> {
    let (name, column) = request.chosen()?;
    let law = match request.text("law") {
        "normal" => garch::Law::Normal,
        "student" => garch::Law::Student,
        _ => return Err(request.bad("law", "`normal` or `student`")),
    };
    let fit = garch::fit(&present(&request.returns(column, true)?), law)?;
    let v = fit.variance;
    let edge = fit.h.len().min(5);
    Ok(json!({"column": name, "n": fit.n, "law": fit.law,
        "params": {"mu": fit.coef[0], "omega": v.omega, "alpha": v.alpha, "beta": v.beta, "nu": v.nu},
        "loglik": fit.loglik, "se_hessian": fit.se_hessian, "se_opg": fit.se_opg, "se_qml": fit.se_qml,
        "h_first5": fit.h[..edge], "h_last5": fit.h[fit.h.len() - edge..],
        "forecast_h_next": fit.forecast_h_next, "unconditional_variance": v.unconditional()}))
}

fn performance_stat(request: &Request<'_>) -> Result<Value, StatError> {
    let settings =
        performance::Settings { periods_per_year: request.number("periods")?, mar: request.number("mar")? };
    let benchmark = request.text("benchmark");
    let benchmark = if benchmark.is_empty() { None } else { Some((benchmark, request.named(benchmark)?)) };
    let from_prices = request.text("input") == "prices";
    let mut out = Map::new();
    for (name, column) in &request.table.columns {
        let returns = request.returns(column, false)?;
        let periods = if from_prices { elapsed(column) } else { returns.iter().flatten().count() };
        let mut entry = Map::new();
        part(&mut entry, "measures", performance::performance_over(&returns, settings, periods))?;
        if from_prices {
            // Returns over empty cells count their sessions in what is annualised.
            entry.insert("sessions".to_owned(), json!(periods));
            let empty = periods.saturating_sub(returns.iter().flatten().count());
            entry.insert("empty_cells_spanned".to_owned(), json!(empty));
        }
        if let Some((_, reference)) = benchmark.filter(|(other, _)| other != name) {
            let both = request.matched(&[column, reference], false)?;
            part(&mut entry, "relative", performance::relative(&both[0], &both[1], settings))?;
        }
        out.insert(name.to_owned(), Value::Object(entry));
    }
    Ok(Value::Object(out))
}

fn stress_stat(request: &Request<'_>) -> Result<Value, StatError> {
    let complete = |column: &Column| -> Result<Vec<f64>, StatError> {
        let all = column.iter().copied().collect::<Option<Vec<f64>>>();
        all.ok_or_else(|| Missing::Incomplete { what: "a weight, exposure or residual risk" }.into())
    };
    let (weights, idio_sd) = (complete(request.named("weight")?)?, complete(request.named("idio_sd")?)?);
    let themes = request.table.columns.iter().filter(|(name, _)| name != "weight" && name != "idio_sd");
    let (names, columns): (Vec<&str>, Vec<&Column>) =
        themes.map(|(name, column)| (name.as_str(), column)).unzip();
    let columns = columns.into_iter().map(complete).collect::<Result<Vec<_>, _>>()?;
    let exposures: Vec<Vec<f64>> =
        (0..weights.len()).map(|i| columns.iter().map(|c| c[i]).collect()).collect();
    let shock = shocks(request, &names)?;
    let book =
        stress::Book { weights: &weights, exposures: &exposures, exposure_se: None, idio_sd: &idio_sd };
    let mut out = Map::new();
    out.insert("assets".to_owned(), json!(request.table.rows));
    out.insert("themes".to_owned(), json!(names));
    part(&mut out, "direct", stress::direct(book, &shock))?;
    if !request.text("factor_cov").is_empty() {
        let result = stress::propagated(book, &shock, &matrix(request)?);
        if let Err(Missing::Invalid { .. } | Missing::LengthMismatch { .. }) = &result {
            return Err(request
                .bad("factor_cov", "a covariance of the themes: square, symmetric, no negative variance"));
        }
        part(&mut out, "propagated", result)?;
    }
    Ok(Value::Object(out))
}

fn shocks(request: &Request<'_>, themes: &[&str]) -> Result<Vec<Option<f64>>, StatError> {
    let mut shock: Vec<Option<f64>> = vec![None; themes.len()];
    for pair in request.text("shock").split(',') {
        let parsed =
            pair.split_once('=').and_then(|(theme, size)| Some((theme.trim(), size.trim().parse().ok()?)));
        let (theme, size): (&str, f64) = parsed.ok_or_else(|| request.bad("shock", "theme=return pairs"))?;
        let at = themes.iter().position(|name| *name == theme);
        let at = at.ok_or_else(|| StatError::NoColumn(theme.to_owned()))?;
        if !size.is_finite() || size < -1.0 {
            return Err(StatError::BadShock {
                theme: theme.to_owned(),
                reason: "is no simple return of at least -1",
            });
        }
        if shock[at].replace(size).is_some() {
            return Err(StatError::BadShock { theme: theme.to_owned(), reason: "is shocked twice" });
        }
    }
    Ok(shock)
}

fn matrix(request: &Request<'_>) -> Result<Vec<Vec<f64>>, StatError> {
    let row = |row: &str| row.split(',').map(|v| v.trim().parse().ok()).collect::<Option<Vec<f64>>>();
    let rows = request.text("factor_cov").split(';').map(row).collect::<Option<Vec<_>>>();
    rows.ok_or_else(|| request.bad("factor_cov", "a matrix"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut level = 100.0;
        let path = |k: usize| {
            let mut stream = crate::rng::Stream::new(k as u64);
            level = 100.0;
            (0..400)
                .map(|_| {
                    level *= (0.01 * stream.normal()).exp();
                    Some(level)
                })
                .collect::<Column>()
        };
        let columns = ["A", "B", "C"].iter().map(|n| (*n).to_owned()).zip((0..3).map(path)).collect();
        Table { rows: (0..400).map(|t| t.to_string()).collect(), columns }
    }

    fn params(pairs: &[(&str, &str)]) -> Params {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn every_statistic_answers() {
        for stat in STATS {
            let given = match stat.name {
                "contagion" => params(&[("turmoil_from", "300")]),
                "concentration" => params(&[("weights", "0.5,0.3,0.2")]),
                "diversification" => params(&[("weights", "0.5,0.3,0.2"), ("draws", "50")]),
                "forward_returns" => params(&[("threshold", "-1"), ("draws", "50")]),
                "garch" | "ewma" | "detect" => params(&[("input", "prices")]),
                "event_time" => params(&[("events", "A=50,B=80")]),
                "stress" | "intraday" => continue,
                _ => params(&[]),
            };
            match run(stat.name, &table(), &given) {
                Ok(value) => assert!(value.is_object(), "{}", stat.name),
                // Noise without clusters may put GARCH on its boundary: a reason, not a number.
                Err(error) => {
                    assert!(matches!(error, StatError::Missing(_)) && stat.name == "garch", "{error}")
                }
            }
        }
    }

    #[test]
    fn stress_from_a_table() {
        let column = |name: &str, x: [f64; 2]| (name.to_owned(), x.iter().map(|v| Some(*v)).collect());
        let table = Table {
            rows: vec!["X".to_owned(), "Y".to_owned()],
            columns: vec![
                column("weight", [0.6, 0.4]),
                column("idio_sd", [0.0, 0.0]),
                column("compute", [1.0, 0.5]),
                column("power", [0.0, 1.0]),
            ],
        };
        let given = params(&[("shock", "compute=-0.1"), ("factor_cov", "1,0.5;0.5,1")]);
        let out = run("stress", &table, &given).unwrap();
        assert!((out["direct"]["pnl"].as_f64().unwrap() + 0.08).abs() < 1e-15);
        assert!((out["propagated"]["pnl"].as_f64().unwrap() + 0.1).abs() < 1e-15);
    }

    #[test]
    fn bars_are_scaled_by_their_own_time_of_day() {
        // Twenty days of two bars: 10:00 moves by 1 %, 15:00 by 2 %; then one day of 3 % and -2 %.
        let rows: Vec<String> =
            (0..21).flat_map(|d| ["10:00", "15:00"].map(|t| format!("2025-01-{:02}T{t}", d + 1))).collect();
        let sign = |d: usize| if d.is_multiple_of(2) { 1.0 } else { -1.0 };
        let mut bars: Column = (0..20).flat_map(|d| [Some(0.01 * sign(d)), Some(0.02 * sign(d))]).collect();
        bars.extend([Some(0.03), Some(-0.02)]);
        let table = Table { rows, columns: vec![("ar".to_owned(), bars)] };
        let out = run("intraday", &table, &params(&[("event_from", "2025-01-21T10:00")])).unwrap();
        assert!((out["car"].as_f64().unwrap() - 0.01).abs() < 1e-15);
        assert!((out["se"].as_f64().unwrap() - 5e-4_f64.sqrt()).abs() < 1e-15);
        let plain = Table { rows: vec!["1".to_owned()], columns: vec![("ar".to_owned(), vec![Some(0.1)])] };
        let error = run("intraday", &plain, &params(&[("event_from", "1")])).unwrap_err();
        assert!(error.to_string().contains("time of day"));
    }

    #[test]
    fn a_move_over_an_empty_cell_is_kept_and_rows_stay_those_of_the_table() {
        let prices = [Some(100.0), Some(110.0), None, Some(50.0), Some(55.0), Some(60.0)];
        let rows: Vec<String> = ('a'..='f').map(String::from).collect();
        let table = Table { rows, columns: vec![("A".to_owned(), prices.to_vec())] };
        let out = run("performance", &table, &Params::new()).unwrap();
        let m = &out["A"]["measures"];
        assert!((m["cum_return"].as_f64().unwrap() + 0.4).abs() < 1e-12);
        assert!((m["max_drawdown"].as_f64().unwrap() - 6.0 / 11.0).abs() < 1e-12);
        assert_eq!(
            (out["A"]["sessions"].as_u64(), out["A"]["empty_cells_spanned"].as_u64()),
            (Some(5), Some(1))
        );
        let mut stream = crate::rng::Stream::new(2);
        let noise = |t: usize| {
            let value = if t < 40 { 1.0 } else { 5.0 } + 0.1 * stream.normal();
            (!(10..20).contains(&t)).then_some(value)
        };
        let table = Table {
            rows: (0..80).map(|t| format!("d{t}")).collect(),
            columns: vec![("L".to_owned(), (0..80).map(noise).collect())],
        };
        let out = run("changepoint", &table, &Params::new()).unwrap();
        assert_eq!(out["pelt_mean"]["last_index_of_each_segment_but_final"], json!([40]));
        assert_eq!(out["pelt_mean"]["last_index_of_each_segment_but_final_label"], json!(["d39"]));
        assert_eq!(out["empty_cells"], json!(10));
    }

    #[test]
    fn overlapping_returns_lie_inside_their_window() {
        let mut stream = crate::rng::Stream::new(3);
        let mut path = || -> Column {
            let mut level = 0.0_f64;
            (0..120)
                .map(|_| {
                    level += 0.01 * stream.normal();
                    Some(level.exp())
                })
                .collect()
        };
        let columns = vec![("S".to_owned(), path()), ("T".to_owned(), path())];
        let table = Table { rows: (0..120).map(|t| t.to_string()).collect(), columns };
        let given = params(&[("turmoil_from", "80"), ("overlap", "3")]);
        let pair = &run("contagion", &table, &given).unwrap()["pairs"]["T"];
        // Returns over three sessions: rows 3 to 79, and 82 to 119.
        assert_eq!((pair["n_stable"].as_u64(), pair["n_turmoil"].as_u64()), (Some(77), Some(38)));
        let log = |k: usize, t: usize| table.columns[k].1[t].unwrap().ln();
        let three = |k: usize| (82..120).map(|t| log(k, t) - log(k, t - 3)).collect::<Vec<f64>>();
        let want = moments::correlation(&three(0), &three(1)).unwrap();
        assert!((pair["rho_turmoil"].as_f64().unwrap() - want).abs() < 1e-12);
    }

    #[test]
    fn shocks_and_covariances_that_cannot_be_meant_are_refused() {
        let column = |name: &str, v: f64| (name.to_owned(), vec![Some(v)]);
        let columns = vec![column("weight", 1.0), column("idio_sd", 0.1), column("x", 1.0), column("y", 0.5)];
        let table = Table { rows: vec!["N".to_owned()], columns };
        let fails = |given: &[(&str, &str)]| run("stress", &table, &params(given)).unwrap_err().to_string();
        assert!(fails(&[("shock", "x=-0.1,x=-0.2")]).contains("`x` is shocked twice"));
        assert!(fails(&[("shock", "x=-1.2")]).contains("`x`"));
        for covariance in ["1,0.5;0.4,1", "1,2;2,1", "-1,0;0,1", "1,0,0;0,1,0"] {
            assert!(
                fails(&[("shock", "x=-0.1"), ("factor_cov", covariance)]).contains("factor_cov"),
                "{covariance}"
            );
        }
    }

    #[test]
    fn errors_name_what_is_wrong() {
        let fails =
            |name: &str, pairs: &[(&str, &str)]| run(name, &table(), &params(pairs)).unwrap_err().to_string();
        assert!(fails("nonsense", &[]).contains("performance"));
        assert!(fails("garch", &[("lag", "1")]).contains("no parameter `lag`"));
        assert!(fails("ewma", &[("lambda", "x")]).contains("`x` is not a number"));
        assert!(fails("ewma", &[("column", "Z")]).contains("no column `Z`"));
        assert!(fails("contagion", &[("turmoil_from", "x")]).contains("no row `x`"));
        let ragged = Table { rows: vec!["0".to_owned()], columns: vec![("A".to_owned(), vec![])] };
        assert!(matches!(run("ewma", &ragged, &Params::new()), Err(StatError::Ragged { .. })));
        for stat in STATS {
            assert!(
                run(stat.name, &Table::default(), &Params::new()).is_err()
                    || stat.name == "drawdown"
                    || stat.name == "performance",
                "{}",
                stat.name
            );
        }
    }
}
