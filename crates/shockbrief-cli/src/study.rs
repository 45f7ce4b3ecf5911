//! `study`: one event study from files of the user's own.

use crate::{
    args::{Study, StudyFormat},
    say, study_table,
};
use anyhow::Result;
use jiff::civil::Date;
use serde::Deserialize;
use shockbrief_analytics::{
    event_study::Model,
    study::{self, EventInput, Extra, ReturnType, StudyError, StudySpec, Table},
};
use shockbrief_core::{Refusal, config, fs};
use shockbrief_data::table::TextTable;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// What a negative price means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Negative {
    /// An error.
    #[default]
    Refuse,
    /// A bid-ask midpoint, as in the CRSP files: the sign is dropped.
    Mid,
}

/// The study file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStudy {
    returns: Option<PathBuf>,
    prices: Option<PathBuf>,
    #[serde(rename = "return")]
    kind: Option<ReturnType>,
    #[serde(default)]
    negative_prices: Negative,
    factors: Option<PathBuf>,
    #[serde(default)]
    unit: config::SourceUnit,
    /// Where instants become days: the exchange's own zone.
    zone: Option<String>,
    /// Of tables with one header line for symbols and one for fields: the field, such as `Adj Close`.
    #[serde(default)]
    field: Option<String>,
    #[serde(default = "mkt")]
    market: String,
    event_date: Option<Date>,
    events: Option<PathBuf>,
    estimation: [i32; 2],
    window: [i32; 2],
    #[serde(default)]
    windows: Vec<[i32; 2]>,
    models: Option<Vec<Model>>,
    #[serde(default)]
    themes: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    long_short: Vec<[String; 2]>,
    #[serde(default)]
    extras: Vec<Extra>,
    min_observations: Option<usize>,
    draws: Option<usize>,
    block: Option<f64>,
    seed: Option<u64>,
}

fn mkt() -> String {
    "mkt".to_owned()
}

/// Reads the file, runs the study and prints it.
pub fn run(args: &Study) -> Result<()> {
    let (raw, origin): (RawStudy, config::Origin) = config::load(&args.file)?;
    let reader = Reader { folder: args.file.parent().unwrap_or(Path::new(".")), raw: &raw, origin: &origin };
    let returns = reader.returns()?;
    let factors = reader.factors()?;
    let events = reader.events(&returns)?;
    let spec = reader.spec();
    let result = study::run(&returns, &factors, &events, &spec)
        .map_err(|error| refusal(&error, &reader, &args.file))?;
    if let Some(key) = &args.explain {
        return study_table::explain(key, &result);
    }
    let text = match args.format {
        StudyFormat::Json => serde_json::to_string_pretty(&result)? + "\n",
        StudyFormat::Table => study_table::summary(&result) + "\n",
    };
    match &args.out {
        Some(path) => fs::write_atomic(path, text.as_bytes()),
        None => {
            say(text.trim_end());
            Ok(())
        }
    }
}

/// The refusal of a study, with the file that the engine knows by its part only.
fn refusal(error: &StudyError, reader: &Reader<'_>, study: &Path) -> Refusal {
    let part = match error {
        StudyError::Dates { what, .. }
        | StudyError::Duplicate { what, .. }
        | StudyError::Ragged { what, .. }
        | StudyError::Cell { what, .. }
        | StudyError::NoColumn { what, .. }
        | StudyError::BelowAll { what, .. }
        | StudyError::SameDay { what, .. }
        | StudyError::Unusable { what, .. } => *what,
        _ => "",
    };
    let raw = reader.raw;
    let file = match part {
        "returns" => raw.returns.as_ref().or(raw.prices.as_ref()),
        "factors" => raw.factors.as_ref(),
        "events" => raw.events.as_ref(),
        _ => None,
    };
    let place = file.map_or_else(|| study.to_owned(), |file| reader.folder.join(file));
    Refusal::data(format!("{}: {error}", place.display())).hint(match error {
        StudyError::BelowAll { .. } => {
            "returns are decimals, -1.5 % is -0.015; `return: log` takes logarithmic ones"
        }
        StudyError::SameDay { .. } => "keep one event of the firm on that day",
        StudyError::NoColumn { .. } => "add the column, or take what needs it out of the study file",
        _ => "correct the study file or the table it names",
    })
}

struct Reader<'a> {
    folder: &'a Path,
    raw: &'a RawStudy,
    origin: &'a config::Origin,
}

impl Reader<'_> {
    fn read(&self, path: &Path) -> Result<TextTable> {
        TextTable::read_field(&self.folder.join(path), self.raw.zone.as_deref(), self.raw.field.as_deref())
    }

    fn returns(&self) -> Result<Table> {
        match (&self.raw.returns, &self.raw.prices) {
            (Some(path), None) => wide(&self.read(path)?, 1.0),
            (None, Some(path)) => {
                let file = self.read(path)?;
                let prices = if file.has("price") { long(&file)? } else { wide(&file, 1.0)? };
                self.to_returns(&file.path, prices)
            }
            _ => Err(self
                .origin
                .refuse("returns:", "name either `returns` or `prices`")
                .hint("`returns: FILE` holds returns, `prices: FILE` prices to make them from")
                .into()),
        }
    }

    /// Returns between the last known prices; a cell without price has no return.
    fn to_returns(&self, path: &Path, prices: Table) -> Result<Table> {
        let log = self.raw.kind == Some(ReturnType::Log);
        let columns = prices
            .columns
            .into_iter()
            .map(|(name, column)| {
                let mut before = None;
                let returns = column
                    .iter()
                    .zip(&prices.dates)
                    .map(|(price, date)| {
                        let Some(price) = *price else { return Ok(None) };
                        let price = if self.raw.negative_prices == Negative::Mid { price.abs() } else { price };
                        if price <= 0.0 {
                            return Err(Refusal::data(format!("{}: price {price} of `{name}` on {date}", path.display()))
                                .hint("correct it, leave the cell empty, or set `negative_prices: mid` for CRSP midpoints"));
                        }
                        let change = before.replace(price).map(|before: f64| price / before);
                        Ok(change.map(|change| if log { change.ln() } else { change - 1.0 }))
                    })
                    .collect::<Result<Vec<_>, Refusal>>()?;
                Ok((name, returns))
            })
            .collect::<Result<Vec<_>, Refusal>>()?;
        Ok(Table { dates: prices.dates, columns })
    }

    fn factors(&self) -> Result<Table> {
        let unit = if self.raw.unit == config::SourceUnit::Percent { 100.0 } else { 1.0 };
        let mut factors = match &self.raw.factors {
            Some(path) => wide(&self.read(path)?, unit)?,
            None => Table::default(),
        };
        if self.is_file() {
            self.add_market(&mut factors)?;
        }
        if factors.column("mkt").is_none()
            && let (Some(premium), Some(rf)) = (factors.column("mkt_rf"), factors.column("rf"))
        {
            let market = premium.iter().zip(rf).map(|(p, rf)| Some((*p)? + (*rf)?)).collect();
            factors.columns.push(("mkt".to_owned(), market));
        }
        Ok(factors)
    }

    fn is_file(&self) -> bool {
        Path::new(&self.raw.market).extension().is_some()
    }

    /// A market of its own file: its only column, returns or prices like the firms'.
    fn add_market(&self, factors: &mut Table) -> Result<()> {
        let file = self.read(Path::new(&self.raw.market))?;
        let mut table = wide(&file, 1.0)?;
        if self.raw.prices.is_some() {
            table = self.to_returns(&file.path, table)?;
        }
        let Some((_, column)) = table.columns.pop().filter(|_| table.columns.is_empty()) else {
            return Err(Refusal::data(format!(
                "{}: a market file has a date and one more column",
                file.path.display()
            ))
            .hint("name the market's column with `market:` in a factors file instead")
            .into());
        };
        let by_date: BTreeMap<Date, Option<f64>> =
            table.dates.iter().copied().zip(column.iter().copied()).collect();
        if factors.dates.is_empty() {
            factors.dates = table.dates;
        }
        let aligned = factors.dates.iter().map(|date| by_date.get(date).copied().flatten()).collect();
        factors.columns.push(("market".to_owned(), aligned));
        Ok(())
    }

    fn events(&self, returns: &Table) -> Result<Vec<EventInput>> {
        match (self.raw.event_date, &self.raw.events) {
            (Some(event_date), None) => {
                let used: BTreeSet<&str> = self.raw.themes.values().flatten().map(String::as_str).collect();
                let firm = |(name, _): &(String, _)| !self.same_file_factor(name) || used.contains(name.as_str());
                let named = returns.columns.iter().filter(|column| firm(column));
                Ok(named.map(|(name, _)| EventInput { event_id: name.clone(), firm: name.clone(), event_date }).collect())
            }
            (None, Some(path)) => {
                let file = self.read(path)?;
                let (ids, firms, dates) = (file.texts("event_id")?, file.texts("firm")?, file.dates("event_date")?);
                let text = Option::unwrap_or_default;
                Ok(ids
                    .into_iter()
                    .zip(firms)
                    .zip(dates)
                    .map(|((id, firm), event_date)| EventInput { event_id: text(id), firm: text(firm), event_date })
                    .collect())
            }
            _ => Err(self
                .origin
                .refuse("event", "name either `event_date` or `events`")
                .hint("`event_date: 2025-01-27` for all firms, or `events: FILE` with event_id, firm, event_date")
                .into()),
        }
    }

    /// Whether a column is a factor that stands in the returns' own file.
    fn same_file_factor(&self, name: &str) -> bool {
        self.raw.factors.is_some()
            && self.raw.factors == self.raw.returns
            && (name == self.raw.market
                || ["mkt", "mkt_rf", "smb", "hml", "rmw", "cma", "mom", "rf"].contains(&name))
    }

    fn spec(&self) -> StudySpec {
        let (raw, own) = (self.raw, StudySpec::default());
        StudySpec {
            market: if self.is_file() { "market".to_owned() } else { raw.market.clone() },
            estimation: raw.estimation,
            window: raw.window,
            windows: raw.windows.clone(),
            models: raw.models.clone().unwrap_or(own.models),
            themes: raw.themes.clone(),
            long_short: raw.long_short.clone(),
            extras: raw.extras.clone(),
            min_observations: raw.min_observations.unwrap_or(own.min_observations),
            return_type: raw.kind.unwrap_or(own.return_type),
            returns_span_gaps: raw.prices.is_some(),
            draws: raw.draws.unwrap_or(own.draws),
            block: raw.block.unwrap_or(own.block),
            seed: raw.seed.unwrap_or(own.seed),
        }
    }
}

/// Date, then one column per name.
fn wide(file: &TextTable, unit: f64) -> Result<Table> {
    let columns = file
        .headers
        .iter()
        .filter(|header| *header != "date")
        .map(|header| Ok((header.clone(), file.numbers(header, unit)?)))
        .collect::<Result<Vec<_>, Refusal>>()?;
    Ok(Table { dates: file.ascending("date")?, columns })
}

/// Rows of firm, date and price.
fn long(file: &TextTable) -> Result<Table> {
    if !file.has("firm") {
        return wide(file, 1.0);
    }
    let (firms, dates, prices) = (file.texts("firm")?, file.dates("date")?, file.numbers("price", 1.0)?);
    let all: Vec<Date> = dates.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let mut columns: Vec<(String, Vec<Option<f64>>)> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for (row, firm) in firms.iter().enumerate() {
        let firm = firm.clone().unwrap_or_default();
        let place = *places.entry(firm.clone()).or_insert_with(|| {
            columns.push((firm, vec![None; all.len()]));
            columns.len() - 1
        });
        if let Ok(at) = all.binary_search(&dates[row]) {
            if columns[place].1[at].is_some() {
                return Err(file
                    .bad(row, "date", &dates[row].to_string(), "keep one row per firm and date")
                    .into());
            }
            columns[place].1[at] = prices[row];
        }
    }
    Ok(Table { dates: all, columns })
}
