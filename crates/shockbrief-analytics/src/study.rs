//! The `study` engine: typed tables in, one JSON document out.
//!
//! Given a wide table of returns, a table of factors and a list of events, it
//! runs every requested model, all tests by day and by window, and the extras,
//! and returns a JSON object whose names follow the statistic keys of
//! [`crate::catalogue`]. A statistic that cannot be computed is `null`, with
//! its reason under `reasons` of the same object. Numbers are finite.
//!
//! Each row of the table is a session. An empty cell is a missing return of that
//! session: left out of the estimation, missing on that event day, and no window
//! moves to later rows for it. Day 0 is the first row on or after the event date;
//! an event before a firm's first return, or far from any row, is outside the
//! sample. Rows inside the event window of another event of the same firm leave
//! its estimation window. Files, units and YAML are the caller's business.

pub use crate::catalogue::Extra;
use crate::event_study::bootstrap::{Bootstrap, Scheme, bootstrap};
use crate::event_study::cross_section::CrossSection;
use crate::event_study::mvrm::{Mvrm, mvrm};
use crate::event_study::placebo::placebo;
use crate::event_study::portfolio::{long_short, portfolio};
use crate::event_study::{
    Car, FirmEvent, FirmFit, Model, Spec, Stat, Study, Tests, bhar, fit, nonsynchronous, sample_tests, tests,
};
use crate::multiplicity::{benjamini_hochberg, holm};
use crate::reason::{Missing, Outcome};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A dated table of numbers; `None` marks an empty cell.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// Row dates, strictly ascending.
    pub dates: Vec<Date>,
    /// Columns by name, each as long as `dates`.
    pub columns: Vec<(String, Vec<Option<f64>>)>,
}

impl Table {
    /// The column of a name.
    pub fn column(&self, name: &str) -> Option<&[Option<f64>]> {
        let found = self.columns.iter().find(|(n, _)| n == name);
        found.map(|(_, c)| c.as_slice())
    }

    fn check(&self, what: &'static str) -> Result<(), StudyError> {
        if let Some(w) = self.dates.windows(2).find(|w| w[0] >= w[1]) {
            return Err(StudyError::Dates { what, date: w[1] });
        }
        let mut names = BTreeSet::new();
        for (name, column) in &self.columns {
            if !names.insert(name) {
                return Err(StudyError::Duplicate { what, name: name.clone() });
            }
            if column.len() != self.dates.len() {
                return Err(StudyError::Ragged {
                    what,
                    name: name.clone(),
                    have: column.len(),
                    need: self.dates.len(),
                });
            }
            let bad = column.iter().position(|v| v.is_some_and(|v| !v.is_finite()));
            if let Some(row) = bad {
                return Err(StudyError::Cell { what, name: name.clone(), date: self.dates[row] });
            }
        }
        Ok(())
    }
}

/// One event of one firm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventInput {
    /// Identifier, unique; the firm's name when each firm has one event.
    pub event_id: String,
    /// Column of the returns table.
    pub firm: String,
    /// Calendar date of the event.
    pub event_date: Date,
}

/// What the returns are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnType {
    /// P_t/P_{t-1} - 1.
    Simple,
    /// ln(P_t/P_{t-1}).
    Log,
}

/// What to compute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StudySpec {
    /// Column of the factors table with the market's total return.
    pub market: String,
    /// Estimation window, relative days.
    pub estimation: [i32; 2],
    /// Event window, relative days.
    pub window: [i32; 2],
    /// Windows to test; the event window itself when empty.
    pub windows: Vec<[i32; 2]>,
    /// Normal-return models.
    pub models: Vec<Model>,
    /// Themes: name and firms.
    pub themes: BTreeMap<String, Vec<String>>,
    /// Pairs of themes, long and short; every pair when empty.
    pub long_short: Vec<[String; 2]>,
    /// Extras.
    pub extras: Vec<Extra>,
    /// Smallest estimation sample.
    pub min_observations: usize,
    /// What the returns are.
    pub return_type: ReturnType,
    /// Whether a return after an empty cell spans the gap (prices were the
    /// source); the market is then compounded over the same rows.
    pub returns_span_gaps: bool,
    /// Bootstrap draws.
    pub draws: usize,
    /// Mean block length of the stationary bootstrap, days.
    pub block: f64,
    /// Seed of every random part.
    pub seed: u64,
}

impl Default for StudySpec {
    fn default() -> Self {
        Self {
            market: "mkt".to_owned(),
            estimation: [-130, -11],
            window: [-5, 5],
            windows: Vec::new(),
            models: vec![Model::MarketModel],
            themes: BTreeMap::new(),
            long_short: Vec::new(),
            extras: Vec::new(),
            min_observations: 60,
            return_type: ReturnType::Simple,
            returns_span_gaps: false,
            draws: 1_999,
            block: 5.0,
            seed: 7,
        }
    }
}

impl StudySpec {
    fn tested(&self) -> Vec<[i32; 2]> {
        if self.windows.is_empty() {
            return vec![self.window];
        }
        self.windows.clone()
    }

    fn spec(&self, model: Model) -> Spec {
        Spec {
            estimation: self.estimation,
            window: self.window,
            min_observations: self.min_observations,
            model,
        }
    }
}

/// Why a study could not start. What fails later is a reason in the JSON.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StudyError {
    /// Dates that repeat or go back.
    #[error("{what}: dates must ascend without repeats, {date} does not")]
    Dates {
        /// Which table.
        what: &'static str,
        /// Offending date.
        date: Date,
    },
    /// Two columns of one name.
    #[error("{what}: column `{name}` appears twice")]
    Duplicate {
        /// Which table or list.
        what: &'static str,
        /// Name.
        name: String,
    },
    /// A column of the wrong length.
    #[error("{what}: column `{name}` has {have} rows of {need}")]
    Ragged {
        /// Which table.
        what: &'static str,
        /// Column.
        name: String,
        /// Its rows.
        have: usize,
        /// Rows of the table.
        need: usize,
    },
    /// A cell that is not a finite number.
    #[error("{what}: `{name}` on {date} is not a finite number")]
    Cell {
        /// Which table.
        what: &'static str,
        /// Column.
        name: String,
        /// Row.
        date: Date,
    },
    /// A column that the study names and the table lacks.
    #[error("{what}: no column `{name}`")]
    NoColumn {
        /// Which table.
        what: &'static str,
        /// Name.
        name: String,
    },
    /// A simple return below -1: nobody loses more than everything, so that the unit is another.
    #[error("{what}: `{name}` on {date} is {value}, and a simple return is a decimal of at least -1")]
    BelowAll {
        /// Which table.
        what: &'static str,
        /// Column.
        name: String,
        /// Row.
        date: Date,
        /// The cell.
        value: f64,
    },
    /// Two events of one firm with the same day 0.
    #[error("{what}: `{firm}` has two events whose day 0 is {date}, `{first}` and `{second}`")]
    SameDay {
        /// Which list.
        what: &'static str,
        /// Firm.
        firm: String,
        /// Day 0.
        date: Date,
        /// Id of one event.
        first: String,
        /// Id of the other.
        second: String,
    },
    /// A theme that names no firm of the study, or one twice.
    #[error("theme `{theme}`: {reason} `{name}`")]
    ThemeMember {
        /// Theme.
        theme: String,
        /// What is wrong with the name.
        reason: &'static str,
        /// Name.
        name: String,
    },
    /// A pair of themes that cannot be told apart or found.
    #[error("long_short: {reason} `{name}`")]
    Pair {
        /// What is wrong with the name.
        reason: &'static str,
        /// Theme.
        name: String,
    },
    /// No event, no model, or a window that cannot be used.
    #[error("{what}: {reason}")]
    Unusable {
        /// Which part.
        what: &'static str,
        /// Why.
        reason: Missing,
    },
}

/// Runs a study and returns its JSON.
///
/// # Errors
/// [`StudyError`] for tables, names or windows that no statistic could use.
pub fn run(
    returns: &Table,
    factors: &Table,
    events: &[EventInput],
    spec: &StudySpec,
) -> Result<Value, StudyError> {
    check(returns, factors, events, spec)?;
    let inputs = Inputs::new(returns, factors, events, spec);
    let mut models = Map::new();
    let mut market = None;
    for model in &spec.models {
        let firms = inputs.firms(*model)?;
        let study = fit(&firms, &spec.spec(*model))
            .map_err(|reason| StudyError::Unusable { what: "windows", reason })?;
        models.insert(model.name().to_owned(), model_json(&study, spec));
        if market.is_none() || *model == Model::MarketModel {
            market = Some((firms, study));
        }
    }
    let mut out = Map::new();
    out.insert("models".to_owned(), Value::Object(models));
    if let Some((firms, study)) = market {
        out.insert("meta".to_owned(), meta(&firms, &study, events, spec));
        extras(&mut out, &firms, &study, spec);
        themes(&mut out, &firms, &study, spec);
        out.insert("headline".to_owned(), headline(&firms, &study, spec));
    }
    Ok(Value::Object(out))
}

fn check(
    returns: &Table,
    factors: &Table,
    events: &[EventInput],
    spec: &StudySpec,
) -> Result<(), StudyError> {
    returns.check("returns")?;
    factors.check("factors")?;
    let unusable = |what, reason| Err(StudyError::Unusable { what, reason });
    if events.is_empty() {
        return unusable("events", Missing::NoFirms);
    }
    if spec.models.is_empty() {
        let what = "models";
        let reason = Missing::Incomplete { what: "a model" };
        return unusable(what, reason);
    }
    check_below(returns, spec, |_| true, "returns")?;
    check_below(factors, spec, |name| name == spec.market, "factors")?;
    check_themes(events, spec)?;
    let mut ids = BTreeSet::new();
    for event in events {
        if !ids.insert(&event.event_id) {
            return Err(StudyError::Duplicate { what: "events", name: event.event_id.clone() });
        }
        if returns.column(&event.firm).is_none() {
            return Err(StudyError::NoColumn { what: "returns", name: event.firm.clone() });
        }
    }
    let limit = |w: &[i32; 2]| w.iter().any(|d| d.unsigned_abs() > 1_000_000);
    if spec.windows.iter().any(limit) || limit(&spec.window) || limit(&spec.estimation) {
        let reason = Missing::Invalid { what: "a relative day beyond a million" };
        return unusable("windows", reason);
    }
    let [first, last] = spec.window;
    if last as i64 - first as i64 > returns.dates.len() as i64 {
        return unusable(
            "windows",
            Missing::TooFew {
                what: "rows of the table for the event window",
                have: returns.dates.len(),
                need: (last as i64 - first as i64 + 1) as usize,
            },
        );
    }
    for [from, to] in spec.windows.iter().copied() {
        if from > to {
            return unusable("windows", Missing::EmptyWindow { from, to });
        }
        if from < first || to > last {
            return unusable("windows", Missing::BeyondWindow { from, to });
        }
    }
    check_days(returns, events)
}

/// Refuses simple returns below -1 in the columns that are returns of something held.
fn check_below(
    table: &Table,
    spec: &StudySpec,
    held: impl Fn(&str) -> bool,
    what: &'static str,
) -> Result<(), StudyError> {
    if spec.return_type != ReturnType::Simple {
        return Ok(());
    }
    for (name, column) in table.columns.iter().filter(|(name, _)| held(name)) {
        let cells = table.dates.iter().zip(column);
        if let Some((date, value)) = cells.filter_map(|(d, v)| Some((d, (*v)?))).find(|(_, v)| *v < -1.0) {
            return Err(StudyError::BelowAll { what, name: name.clone(), date: *date, value });
        }
    }
    Ok(())
}

/// Themes name firms of the study, each once; pairs name two different themes.
fn check_themes(events: &[EventInput], spec: &StudySpec) -> Result<(), StudyError> {
    let known: BTreeSet<&str> = events.iter().flat_map(|e| [e.firm.as_str(), e.event_id.as_str()]).collect();
    for (theme, members) in &spec.themes {
        let mut seen = BTreeSet::new();
        for name in members {
            let reason = if !known.contains(name.as_str()) {
                "no event of the study is of a firm"
            } else if !seen.insert(name) {
                "twice the firm"
            } else {
                continue;
            };
            return Err(StudyError::ThemeMember { theme: theme.clone(), reason, name: name.clone() });
        }
    }
    for [long, short] in &spec.long_short {
        if let Some(name) = [long, short].into_iter().find(|name| !spec.themes.contains_key(*name)) {
            return Err(StudyError::Pair { reason: "no theme", name: name.clone() });
        }
        if long == short {
            return Err(StudyError::Pair { reason: "both sides are the theme", name: long.clone() });
        }
    }
    Ok(())
}

/// No firm has two events with one day 0: it would count twice.
fn check_days(returns: &Table, events: &[EventInput]) -> Result<(), StudyError> {
    let mut seen: BTreeMap<(&str, usize), &EventInput> = BTreeMap::new();
    for event in events {
        let Some(row) = event_row(&returns.dates, event.event_date) else { continue };
        if let Some(first) = seen.insert((&event.firm, row), event) {
            return Err(StudyError::SameDay {
                what: "events",
                firm: event.firm.clone(),
                date: returns.dates[row],
                first: first.event_id.clone(),
                second: event.event_id.clone(),
            });
        }
    }
    Ok(())
}

/// Row of day 0: the first on or after the date, `None` before the table, after it, or when the next row
/// is further away than closures explain: ten days and three times the table's usual step.
fn event_row(dates: &[Date], event: Date) -> Option<usize> {
    let row = dates.partition_point(|d| *d < event);
    let day = dates.get(row)?;
    if row == 0 && *day > event {
        return None;
    }
    let days = |from: Date, to: Date| (to - from).get_days();
    let steps: Vec<f64> = dates.windows(2).map(|w| f64::from(days(w[0], w[1]))).collect();
    let usual = crate::moments::median(&steps).unwrap_or(1.0);
    (f64::from(days(event, *day)) <= 10.0 + 3.0 * usual).then_some(row)
}

/// The tables with the factors laid out on the returns' dates.
struct Inputs<'a> {
    returns: &'a Table,
    events: &'a [EventInput],
    spec: &'a StudySpec,
    /// Factor columns by name, aligned to the dates of `returns`.
    factors: BTreeMap<&'a str, Vec<Option<f64>>>,
    /// The calendar of all firms: the rows of the table.
    calendar: Arc<[Date]>,
    /// Row of day 0 of each event, `None` outside the sample.
    rows: Vec<Option<usize>>,
    shared: BTreeMap<&'a str, Arc<[Option<f64>]>>,
}

impl<'a> Inputs<'a> {
    fn new(returns: &'a Table, factors: &'a Table, events: &'a [EventInput], spec: &'a StudySpec) -> Self {
        let index: BTreeMap<Date, usize> = factors.dates.iter().copied().zip(0..).collect();
        let aligned = |column: &[Option<f64>]| -> Vec<Option<f64>> {
            let row = |d: &Date| index.get(d).and_then(|k| column[*k]);
            returns.dates.iter().map(row).collect()
        };
        let factors: BTreeMap<&str, Vec<Option<f64>>> =
            factors.columns.iter().map(|(name, column)| (name.as_str(), aligned(column))).collect();
        let shared = factors.iter().map(|(name, column)| (*name, Arc::from(column.as_slice()))).collect();
        let row = |e: &EventInput| {
            let column = returns.column(&e.firm)?;
            let listed = column.iter().position(Option::is_some)?;
            event_row(&returns.dates, e.event_date).filter(|_| returns.dates[listed] <= e.event_date)
        };
        let rows = events.iter().map(row).collect();
        let calendar = Arc::from(returns.dates.as_slice());
        Self { returns, events, spec, factors, calendar, rows, shared }
    }

    fn firms(&self, model: Model) -> Result<Vec<FirmEvent>, StudyError> {
        let mut names = Vec::new();
        for name in model.columns() {
            let name = if *name == "mkt" { self.spec.market.as_str() } else { name };
            let found = self.factors.get_key_value(name);
            let (key, _) =
                found.ok_or_else(|| StudyError::NoColumn { what: "factors", name: name.to_owned() })?;
            names.push(*key);
        }
        if names.is_empty()
            && let Some((key, _)) = self.factors.get_key_value(self.spec.market.as_str())
        {
            names.push(*key);
        }
        if model.excess() && !self.factors.contains_key("rf") {
            return Err(StudyError::NoColumn { what: "factors", name: "rf".to_owned() });
        }
        let firms = self.events.iter().zip(&self.rows).map(|(e, row)| self.firm(e, *row, &names));
        Ok(firms.collect())
    }

    fn firm(&self, event: &EventInput, row: Option<usize>, names: &[&'a str]) -> FirmEvent {
        let column = self.returns.column(&event.firm).unwrap_or(&[]);
        let gaps = self.gaps(column);
        let pick = |name: &&str| -> Arc<[Option<f64>]> {
            match &gaps {
                None => Arc::clone(&self.shared[*name]),
                Some(gaps) => self.compounded(&self.factors[*name], gaps),
            }
        };
        // A row beyond the calendar stands for an event outside the sample.
        let at = row.unwrap_or(self.calendar.len());
        let mut firm =
            FirmEvent::new(event.event_id.clone(), Arc::clone(&self.calendar), column.to_vec(), at)
                .with_regressors(names.iter().map(pick).collect());
        firm.firm = event.firm.clone();
        firm.rf = self.factors.contains_key("rf").then(|| pick(&"rf"));
        firm.excluded = self.other_events(event);
        firm.gaps = gaps;
        firm
    }

    /// Rows inside the event windows of the firm's other events.
    fn other_events(&self, event: &EventInput) -> Vec<usize> {
        let others = self.events.iter().zip(&self.rows);
        let others = others.filter(|(e, _)| e.firm == event.firm && e.event_id != event.event_id);
        let [first, last] = self.spec.window;
        let rows: BTreeSet<usize> = others
            .filter_map(|(_, row)| *row)
            .flat_map(|row| (first..=last).filter_map(move |day| row.checked_add_signed(day as isize)))
            .filter(|row| *row < self.calendar.len())
            .collect();
        rows.into_iter().collect()
    }

    /// Sessions that each return spans, when returns come from prices and a cell between them is empty.
    fn gaps(&self, column: &[Option<f64>]) -> Option<Vec<u32>> {
        let first = column.iter().position(Option::is_some)?;
        if !self.spec.returns_span_gaps || column[first..].iter().all(Option::is_some) {
            return None;
        }
        let mut last = first.checked_sub(1);
        let spans = column.iter().enumerate().map(|(row, value)| {
            if value.is_none() {
                return 1;
            }
            let span = last.map_or(1, |last| row - last);
            last = Some(row);
            span as u32
        });
        Some(spans.collect())
    }

    /// A factor over the sessions that each return of a firm spans.
    fn compounded(&self, column: &[Option<f64>], gaps: &[u32]) -> Arc<[Option<f64>]> {
        let simple = self.spec.return_type == ReturnType::Simple;
        let one = |(row, gap): (usize, &u32)| {
            let parts = column[(row + 1).saturating_sub(*gap as usize)..=row].iter().copied();
            if simple {
                parts.map(|v| v.map(|v| 1.0 + v)).product::<Option<f64>>().map(|v| v - 1.0)
            } else {
                parts.sum()
            }
        };
        gaps.iter().enumerate().map(one).collect()
    }
}

/// Values with their reasons.
#[derive(Default)]
struct Block {
    values: Map<String, Value>,
    reasons: Map<String, Value>,
}

impl Block {
    fn put(&mut self, key: &str, value: impl Into<Value>) {
        self.values.insert(key.to_owned(), value.into());
    }

    fn outcome<T: Into<Value>>(&mut self, key: &str, value: Outcome<T>) {
        match value {
            Ok(v) => self.put(key, v),
            Err(reason) => {
                self.put(key, Value::Null);
                let text = Value::String(reason.to_string());
                self.reasons.insert(key.to_owned(), text);
            }
        }
    }

    /// A statistic with its degrees of freedom and p under its stem.
    fn stat(&mut self, key: &str, value: &Outcome<Stat>) {
        let stem = p_stem(key);
        self.outcome(key, value.as_ref().map(|s| s.value).map_err(Clone::clone));
        let Ok(s) = value else { return };
        if let Some(df) = s.df {
            self.put(&format!("{stem}_df"), df);
        }
        if let Some(p) = s.p
            && !key.ends_with("_p_exact")
        {
            self.put(&p_key(key), p);
        }
    }

    fn finish(mut self) -> Value {
        if !self.reasons.is_empty() {
            let reasons = Value::Object(std::mem::take(&mut self.reasons));
            self.values.insert("reasons".to_owned(), reasons);
        }
        Value::Object(self.values)
    }
}

/// The key under which a statistic's p stands beside it: `bmp_p` for `bmp_t`.
pub fn p_key(key: &str) -> String {
    format!("{}_p", p_stem(key))
}

/// `bmp_t` gives `bmp`; keys whose stem another statistic owns keep theirs.
fn p_stem(key: &str) -> &str {
    match key {
        "grank_z" => key,
        _ => key.strip_suffix("_t").or_else(|| key.strip_suffix("_z")).unwrap_or(key),
    }
}

fn model_json(study: &Study, spec: &StudySpec) -> Value {
    let mut out = Map::new();
    let order = study.firms.first().map(|f| json!(f.coef_names));
    out.insert("coef_order".to_owned(), order.unwrap_or(json!([])));
    let firms = study.firms.iter();
    let events = firms.clone().map(|f| (f.id.clone(), firm_json(f, spec.window)));
    out.insert("events".to_owned(), Value::Object(events.collect()));
    let windows = spec.tested();
    let single = firms.map(|f| (f.id.clone(), single_json(f, &windows)));
    out.insert("single_event_windows".to_owned(), Value::Object(single.collect()));
    let days = (spec.window[0]..=spec.window[1]).map(|d| (d.to_string(), [d, d]));
    let by_day = days.map(|(name, w)| (name, tests_json(study, w)));
    out.insert("tests_by_day".to_owned(), Value::Object(by_day.collect()));
    let by_window = windows.iter().map(|w| (window_name(*w), tests_json(study, *w)));
    out.insert("tests_by_window".to_owned(), Value::Object(by_window.collect()));
    let dropped = study
        .dropped
        .iter()
        .map(|d| json!({"event_id": d.id, "firm": d.firm, "reason": d.reason.to_string()}));
    out.insert("dropped".to_owned(), dropped.collect());
    Value::Object(out)
}

/// A window as `[-1, 1]`.
pub fn window_name(w: [i32; 2]) -> String {
    format!("[{}, {}]", w[0], w[1])
}

fn firm_json(f: &FirmFit, window: [i32; 2]) -> Value {
    let place: BTreeMap<i32, usize> = f.event.iter().enumerate().map(|(k, d)| (d.day, k)).collect();
    let by_day = |value: &dyn Fn(usize) -> f64| -> Value {
        Value::Object(place.iter().map(|(day, k)| (day.to_string(), json!(value(*k)))).collect())
    };
    let mut value = json!({
        "firm": f.firm,
        "day0": f.event_date.to_string(),
        "M": f.observations,
        "df": f.df,
        "coef": f.coef,
        "se_coef": f.se,
        "sigma": f.sigma,
        "r2": f.r2,
        "zero_return_share": f.zero_share,
        "thin_trading": f.zero_share > 0.2,
        "ar": by_day(&|k| f.event[k].ar),
        "forecast_error_sigma": by_day(&|k| f.event[k].forecast_sd),
        "sar": by_day(&|k| f.event[k].sar),
    });
    let missing = (window[0]..=window[1]).filter(|day| !place.contains_key(day));
    let missing: Map<String, Value> =
        missing.map(|day| (day.to_string(), json!("no return or no regressor on that day"))).collect();
    if !missing.is_empty() {
        value["missing_days"] = Value::Object(missing);
    }
    if f.r2.is_none() {
        value["reasons"] = json!({"r2": "a model without slope"});
    }
    value
}

fn single_json(f: &FirmFit, windows: &[[i32; 2]]) -> Value {
    let cell = |w: &[i32; 2]| -> Value {
        let mut value = car_json(&f.car(*w));
        if w[0] == w[1]
            && let Ok(q) = f.sample_quantile(w[0])
        {
            value["gelbach_sq"] = json!(q);
        }
        value
    };
    let cells = windows.iter().map(|w| (window_name(*w), cell(w)));
    Value::Object(cells.collect())
}

fn car_json(car: &Outcome<Car>) -> Value {
    match car {
        Ok(car) => json!(car),
        Err(reason) => json!({"car": null, "reasons": {"car": reason.to_string()}}),
    }
}

/// All tests of one window, flat, as the study prints them.
pub fn tests_json(study: &Study, window: [i32; 2]) -> Value {
    match tests(study, window) {
        Ok(all) => flat(&all),
        Err(reason) => json!({"n": 0, "reasons": {"n": reason.to_string()}}),
    }
}

fn flat(all: &Tests) -> Value {
    let mut block = Block::default();
    block.put("n", all.n);
    block.put("l2", all.l2);
    block.put("observations", all.observations);
    block.put("caar", all.caar);
    block.put("car_median", all.car_median);
    block.outcome("car_sd", all.car_sd.clone());
    let [pairs, estimation, event] = all.pairs;
    block.put("pairs", pairs);
    block.put("pairs_with_overlap_est", estimation);
    block.put("pairs_with_overlap_event", event);
    for (key, value) in &all.values {
        block.stat(key, value);
    }
    block.finish()
}

fn meta(firms: &[FirmEvent], study: &Study, events: &[EventInput], spec: &StudySpec) -> Value {
    let first = events.first().map(|e| e.event_date);
    let common = events.iter().all(|e| Some(e.event_date) == first);
    let overlapping = firms.iter().enumerate().flat_map(|(k, a)| {
        let near = move |b: &&FirmEvent| {
            a.firm == b.firm
                && a.event_row.abs_diff(b.event_row) <= (spec.window[1] - spec.window[0]) as usize
        };
        firms[k + 1..].iter().filter(near).map(|b| json!([a.id, b.id]))
    });
    json!({
        "overlapping_events": overlapping.collect::<Vec<_>>(),
        "event_date": first.filter(|_| common).map(|d| d.to_string()),
        "event_row_zero_based": firms.iter().find(|f| f.event_row < f.dates.len()).filter(|_| common)
            .map(|f| f.event_row),
        "estimation_window": spec.estimation,
        "event_window": spec.window,
        "return_type": spec.return_type,
        "n_firms": study.firms.len(),
        "n_dropped": study.dropped.len(),
        "seed": spec.seed,
    })
}

fn extras(out: &mut Map<String, Value>, firms: &[FirmEvent], study: &Study, spec: &StudySpec) {
    for extra in &spec.extras {
        match extra {
            Extra::Portfolio => {
                let key = format!("portfolio_equal_weight_{}", study.spec.model.name());
                out.insert(key, portfolio_json(firms, study, spec));
            }
            Extra::Mvrm => mvrm_json(out, firms, study, spec),
            Extra::Placebo => {
                let value = per_window(spec, |w| Ok(json!(placebo(&CrossSection::new(study, w)?)?)));
                out.insert("placebo_dates".to_owned(), value);
            }
            Extra::Bootstrap => {
                out.insert("bootstrap".to_owned(), bootstrap_json(study, spec));
            }
            Extra::NonsynchronousBetas => {
                let value = firms.iter().map(|f| {
                    let betas = nonsynchronous::betas(f, spec.estimation);
                    (f.id.clone(), value_or_reason(betas.map(|b| json!(b))))
                });
                let value = Value::Object(value.collect());
                out.insert("nonsynchronous_betas".to_owned(), value);
            }
            Extra::Bhar => bhar_json(out, firms, study, spec),
            Extra::Multiplicity => {
                let value = value_or_reason(multiplicity_json(study));
                out.insert("multiple_testing_day0".to_owned(), value);
            }
        }
    }
}

fn value_or_reason(value: Outcome<Value>) -> Value {
    value.unwrap_or_else(|reason| json!({"value": null, "reason": reason.to_string()}))
}

fn per_window(spec: &StudySpec, f: impl Fn([i32; 2]) -> Outcome<Value>) -> Value {
    let cells = spec.tested();
    let cells = cells.iter().map(|w| (window_name(*w), value_or_reason(f(*w))));
    Value::Object(cells.collect())
}

/// The fitted equal-weight portfolio of some firms.
fn portfolio_fit(id: &str, members: &[&FirmEvent], spec: &Spec) -> Outcome<(FirmEvent, FirmFit)> {
    let event = portfolio(id, members, None)?;
    let fitted = single_fit(&event, spec)?;
    Ok((event, fitted))
}

fn single_fit(event: &FirmEvent, spec: &Spec) -> Outcome<FirmFit> {
    let mut study = fit(std::slice::from_ref(event), spec)?;
    match study.dropped.pop() {
        Some(dropped) => Err(dropped.reason),
        None => study.firms.pop().ok_or(Missing::NoFirms),
    }
}

fn studied<'a>(firms: &'a [FirmEvent], study: &Study) -> Vec<&'a FirmEvent> {
    let ids: BTreeSet<&str> = study.firms.iter().map(|f| f.id.as_str()).collect();
    firms.iter().filter(|f| ids.contains(f.id.as_str())).collect()
}

fn portfolio_json(firms: &[FirmEvent], study: &Study, spec: &StudySpec) -> Value {
    let fitted = portfolio_fit("portfolio", &studied(firms, study), &study.spec);
    let f = match fitted {
        Ok((_, f)) => f,
        Err(reason) => return value_or_reason(Err(reason)),
    };
    let daily = f.event.iter().map(|d| (d.day.to_string(), json!(d.sar)));
    let daily: Map<String, Value> = daily.collect();
    let whole = f.car(spec.window);
    let mut block = Block::default();
    block.put("daily_t", daily);
    block.outcome("caar", whole.as_ref().map(|c| c.car).map_err(Clone::clone));
    block.outcome("caar_t", whole.as_ref().map(|c| c.t).map_err(Clone::clone));
    block.put("df", f.df);
    block.put("s", f.sigma);
    block.put("windows", per_window(spec, |w| Ok(json!(f.car(w)?))));
    block.finish()
}

fn mvrm_json(out: &mut Map<String, Value>, firms: &[FirmEvent], study: &Study, spec: &StudySpec) {
    let one = |w: [i32; 2]| mvrm(firms, &study.spec, w);
    for (key, day) in [("mvrm_day0", 0), ("mvrm_dayplus1", 1)] {
        if day >= spec.window[0] && day <= spec.window[1] {
            let value = one([day, day]).map(|m| joint_json(&m, Some(day)));
            out.insert(key.to_owned(), value_or_reason(value));
        }
    }
    let windows = per_window(spec, |w| one(w).map(|m| joint_json(&m, None)));
    out.insert("mvrm_windows".to_owned(), windows);
}

fn joint_json(m: &Mvrm, day: Option<i32>) -> Value {
    let mut block = Block::default();
    if let Some(day) = day {
        block.put("day", day);
    }
    block.put("firms", json!(m.firms));
    block.put("gamma", json!(m.gamma));
    block.put("a", m.a);
    block.put("t_each", json!(m.t_each));
    block.put("df_each", m.df);
    block.outcome("wald_chi2", m.wald_chi2.clone());
    block.outcome("F", m.f.as_ref().map(|s| s.value).map_err(Clone::clone));
    if let Ok(f) = &m.f {
        block.put("df1", json!(f.df));
        block.put("df2", json!(f.df2));
        block.put("F_p", json!(f.p));
    }
    block.put("mean_gamma", m.mean_gamma);
    block.put("t_mean", m.t_mean.value);
    block.put("df_mean", m.df);
    block.put("p_mean", json!(m.t_mean.p));
    block.finish()
}

fn bootstrap_json(study: &Study, spec: &StudySpec) -> Value {
    per_window(spec, |w| {
        let c = CrossSection::new(study, w)?;
        let block = Scheme::Stationary { block: spec.block };
        let run = |scheme| bootstrap(&c, scheme, spec.draws, spec.seed);
        Ok(json!({
            "residual": value_or_reason(run(block).map(drawn)),
            "wild": value_or_reason(run(Scheme::Wild).map(drawn)),
        }))
    })
}

fn drawn(b: Bootstrap) -> Value {
    let mut value = json!(b);
    if b.bmp_p.is_none() {
        value["reasons"] = json!({"bmp_p": "fewer than two firms, or all alike"});
    }
    value
}

fn bhar_json(out: &mut Map<String, Value>, firms: &[FirmEvent], study: &Study, spec: &StudySpec) {
    let members = studied(firms, study);
    let log = spec.return_type == ReturnType::Log;
    let all = |w: [i32; 2]| -> Outcome<Vec<(String, Outcome<f64>)>> {
        if log {
            return Err(Missing::NotApplicable { what: "buy-and-hold returns need simple returns" });
        }
        let one = |f: &&FirmEvent| (f.id.clone(), bhar::bhar(f, w));
        Ok(members.iter().map(one).collect())
    };
    let each = per_window(spec, |w| {
        let mut block = Block::default();
        for (id, value) in all(w)? {
            block.outcome(&id, value);
        }
        Ok(block.finish())
    });
    out.insert("bhar_vs_market".to_owned(), each);
    let tested = per_window(spec, |w| {
        let values: Vec<f64> = all(w)?.into_iter().filter_map(|(_, v)| v.ok()).collect();
        let t = bhar::tests(&values, spec.draws, spec.seed);
        let mut block = Block::default();
        block.put("n", values.len());
        block.outcome("mean", crate::moments::mean(&values));
        block.stat("bhar_t", &t.t);
        block.stat("bhar_johnson_t", &t.johnson_t);
        block.outcome("bhar_bootstrap_p", t.bootstrap_p);
        Ok(block.finish())
    });
    out.insert("bhar_tests".to_owned(), tested);
}

fn multiplicity_json(study: &Study) -> Outcome<Value> {
    let firms = study.firms.iter();
    let cars = firms.filter_map(|f| Some((f.id.as_str(), f.car([0, 0]).ok()?.p)));
    let (ids, p): (Vec<&str>, Vec<f64>) = cars.unzip();
    if ids.is_empty() {
        return Err(Missing::NoFirms);
    }
    Ok(json!({
        "firms": ids,
        "holm": holm(&p)?,
        "benjamini_hochberg": benjamini_hochberg(&p)?,
        "p": p,
    }))
}

/// Theme portfolios, their joint tests, and long-short differences, with
/// Holm and Benjamini-Hochberg over themes and windows together.
fn themes(out: &mut Map<String, Value>, firms: &[FirmEvent], study: &Study, spec: &StudySpec) {
    if spec.themes.is_empty() {
        return;
    }
    let windows = spec.tested();
    let mut legs = BTreeMap::new();
    let mut membership = Map::new();
    let mut cells: Vec<(String, String, Outcome<Car>, Value)> = Vec::new();
    for (name, members) in &spec.themes {
        let held: Vec<FirmEvent> = studied(firms, study)
            .into_iter()
            .filter(|f| members.contains(&f.firm) || members.contains(&f.id))
            .cloned()
            .collect();
        let refs: Vec<&FirmEvent> = held.iter().collect();
        let used: BTreeSet<&str> = held.iter().flat_map(|f| [f.firm.as_str(), f.id.as_str()]).collect();
        let left_out: Vec<&String> = members.iter().filter(|name| !used.contains(name.as_str())).collect();
        let ids: Vec<&str> = held.iter().map(|f| f.id.as_str()).collect();
        membership.insert(name.clone(), json!({"members": ids, "left_out": left_out}));
        let fitted = portfolio_fit(name, &refs, &study.spec);
        for w in &windows {
            let car = fitted.as_ref().map_err(Clone::clone).and_then(|(_, f)| f.car(*w));
            let joint = mvrm(&held, &study.spec, *w).map(|m| joint_json(&m, None));
            cells.push((name.clone(), window_name(*w), car, value_or_reason(joint)));
        }
        if let Ok((event, _)) = fitted {
            legs.insert(name.as_str(), event);
        }
    }
    out.insert("theme_members".to_owned(), Value::Object(membership));
    out.insert("themes".to_owned(), adjusted(&cells, "portfolio", true));
    let pairs = pairs(spec);
    let mut cells = Vec::new();
    for [long, short] in &pairs {
        let legs = legs.get(long.as_str()).zip(legs.get(short.as_str()));
        let fitted = legs
            .ok_or(Missing::NoFirms)
            .and_then(|(l, s)| long_short("long_short", l, s))
            .and_then(|event| single_fit(&event, &study.spec));
        for w in &windows {
            let car = fitted.as_ref().map_err(Clone::clone).and_then(|f| f.car(*w));
            let name = format!("{long} - {short}");
            cells.push((name, window_name(*w), car, Value::Null));
        }
    }
    out.insert("long_short".to_owned(), adjusted(&cells, "difference", false));
}

fn pairs(spec: &StudySpec) -> Vec<[String; 2]> {
    if !spec.long_short.is_empty() {
        return spec.long_short.clone();
    }
    let names: Vec<&String> = spec.themes.keys().collect();
    let mut out = Vec::new();
    for (k, a) in names.iter().enumerate() {
        out.extend(names[k + 1..].iter().map(|b| [(*a).clone(), (*b).clone()]));
    }
    out
}

fn adjusted(cells: &[(String, String, Outcome<Car>, Value)], key: &str, joint: bool) -> Value {
    let p: Vec<f64> = cells.iter().filter_map(|c| Some(c.2.as_ref().ok()?.p)).collect();
    let (h, b) = (holm(&p).unwrap_or_default(), benjamini_hochberg(&p).unwrap_or_default());
    let mut out: Map<String, Value> = Map::new();
    let mut at = 0;
    for (name, window, car, f) in cells {
        let mut value = car_json(car);
        if car.is_ok() {
            value["p_holm"] = json!(h.get(at));
            value["p_bh"] = json!(b.get(at));
            at += 1;
        }
        let mut cell = Map::new();
        cell.insert(key.to_owned(), value);
        if joint {
            cell.insert("mvrm".to_owned(), f.clone());
        }
        let slot = out.entry(name.clone()).or_insert_with(|| json!({}));
        slot[window.as_str()] = Value::Object(cell);
    }
    Value::Object(out)
}

/// The tests to read first on a common date, in order, per window.
fn headline(firms: &[FirmEvent], study: &Study, spec: &StudySpec) -> Value {
    let whole = portfolio_fit("portfolio", &studied(firms, study), &study.spec).map(|(_, fit)| fit);
    per_window(spec, |w| {
        let all = tests(study, w)?;
        let mut block = Block::default();
        block.put("n", all.n);
        block.put("caar", all.caar);
        block.stat("kp_adj_bmp_t", &all.get("kp_adj_bmp_t"));
        for (key, value) in sample_tests(study, firms, &whole, w)? {
            match (key, &value) {
                ("placebo_p", _) => block.outcome(key, value.map(|s| s.value)),
                ("mvrm_f", Ok(f)) => {
                    block.put(key, f.value);
                    block.put("mvrm_df1", json!(f.df));
                    block.put("mvrm_df2", json!(f.df2));
                    block.put("mvrm_p", json!(f.p));
                }
                ("mvrm_f", Err(_)) => block.outcome(key, value.map(|s| s.value)),
                _ => block.stat(key, &value),
            }
        }
        block.stat("event_variance_chi2", &all.get("event_variance_chi2"));
        Ok(block.finish())
    })
}
