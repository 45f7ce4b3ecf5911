//! Any CSV, JSON or Parquet at an address, read by the mapping of its declaration: prices of a vendor, model prices,
//! scores.

use super::{Auth, Call, Provider, only};
use crate::{
    Ask, Batch, Failure, Row, Trouble,
    text::{self, Cell, Csv},
};
use jiff::{Timestamp, civil::Date, fmt::strtime, tz::TimeZone};
use serde_json::Value;
use shockbrief_core::config::{DataKind, Mapping, TableFormat};

/// See the module.
pub struct Table;

/// The mapping's name for the key of an object of objects.
const KEY: &str = "$key";

impl Provider for Table {
    fn name(&self) -> &'static str {
        "table"
    }

    fn data(&self) -> Option<DataKind> {
        None
    }

    fn calls(&self, ask: &Ask<'_>) -> Vec<Call> {
        let auth = match (&ask.spec.key, &ask.spec.key_parameter) {
            (None, _) => Auth::None,
            (Some(_), Some(parameter)) => Auth::Query(parameter.clone()),
            (Some(_), None) => Auth::Header("Bearer"),
        };
        vec![Call::new("", auth)]
    }

    fn parse(&self, ask: &Ask<'_>, bodies: &[&[u8]]) -> Result<Batch, Failure> {
        let bytes = only(ask, bodies)?;
        let Some(mapping) = &ask.spec.mapping else {
            return Err(ask.fail(
                Trouble::Config,
                "no mapping",
                "say under `mapping` which columns hold what",
            ));
        };
        let zone = match mapping.zone.as_deref().map(TimeZone::get) {
            Some(Err(_)) => {
                return Err(ask.fail(Trouble::Config, "`zone` is no time zone", "write a name such as UTC"));
            }
            Some(Ok(zone)) => Some(zone),
            None => None,
        };
        let mut reading = Reading { ask, mapping, zone, batch: Batch::default(), missing: 0, live: 0 };
        match mapping.format {
            // The desk has turned Parquet into the text of a table already: this crate knows no data frames.
            TableFormat::Csv | TableFormat::Parquet => reading.csv(bytes)?,
            TableFormat::Json => reading.json(bytes)?,
        }
        reading.finish()
    }
}

struct Reading<'a> {
    ask: &'a Ask<'a>,
    mapping: &'a Mapping,
    zone: Option<TimeZone>,
    batch: Batch,
    missing: usize,
    live: usize,
}

impl Reading<'_> {
    fn csv(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let Ok(delimiter) = u8::try_from(self.mapping.delimiter) else {
            return Err(self.ask.fail(Trouble::Config, "delimiter is not ASCII", "choose `,`, `;` or a tab"));
        };
        let table = Csv::read(self.ask, bytes, delimiter)?;
        let named = [&self.mapping.date, &self.mapping.symbol, &self.mapping.known];
        let columns = named.into_iter().flatten().chain(self.mapping.values.values());
        columns.clone().try_for_each(|name| table.need(self.ask, name).map(|_| ()))?;
        for row in &table.rows {
            let place = format!("line {}", row.line);
            let get = |name: &str| {
                table
                    .column(name)
                    .and_then(|column| row.get(column))
                    .map(|text| Value::String(text.to_owned()))
            };
            self.row(&place, &get)?;
        }
        Ok(())
    }

    fn json(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let answer = text::json(self.ask, bytes)?;
        let Some(rows) = answer.pointer(&self.mapping.rows) else {
            return Err(self.no_rows("nothing", bytes));
        };
        match rows {
            Value::Array(rows) => rows.iter().enumerate().try_for_each(|(index, row)| {
                self.row(&format!("row {}", index + 1), &|name: &str| nested(row, name).cloned())
            }),
            Value::Object(rows) => {
                rows.iter().filter(|(_, row)| row.is_object()).try_for_each(|(key, row)| {
                    let get = |name: &str| match name {
                        KEY => Some(Value::String(key.clone())),
                        _ => nested(row, name).cloned(),
                    };
                    self.row(&format!("`{}`", self.ask.glimpse(key.as_bytes())), &get)
                })
            }
            _ => Err(self.no_rows("no rows", bytes)),
        }
    }

    /// What stands where rows were due: a limit that is told, or another form.
    fn no_rows(&self, what: &str, bytes: &[u8]) -> Failure {
        let seen = format!("{what} at `{}`: “{}”", self.mapping.rows, self.ask.glimpse(bytes));
        let short = String::from_utf8_lossy(text::head(bytes, 1_000));
        if bytes.len() < 1_000 && text::tells_limit(&short) {
            self.ask.limited(seen)
        } else {
            self.ask.changed(seen)
        }
    }

    fn row(&mut self, place: &str, get: &dyn Fn(&str) -> Option<Value>) -> Result<(), Failure> {
        let symbol = match &self.mapping.symbol {
            Some(column) => match get(column) {
                Some(Value::String(text)) if !text.trim().is_empty() => text.trim().to_owned(),
                Some(Value::Number(number)) => number.to_string(),
                _ => return Err(self.ask.changed(format!("{place}: no symbol in `{column}`"))),
            },
            None => self.ask.subject.to_owned(),
        };
        let today = self.ask.now.to_zoned_datetime(TimeZone::UTC).date();
        let date = match &self.mapping.date {
            Some(column) => self.date(place, column, get(column))?,
            None => today,
        };
        let known = match &self.mapping.known {
            Some(column) => self.known(place, column, get(column))?,
            None => self.ask.now,
        };
        if self.mapping.date.is_some() && !self.ask.wants(date) {
            return Ok(());
        }
        if self.ask.spec.data == DataKind::Prices && date > self.ask.complete {
            self.live += 1;
            return Ok(());
        }
        for (ours, theirs) in &self.mapping.values {
            let value = get(theirs);
            let missing = value
                .as_ref()
                .and_then(Value::as_str)
                .is_some_and(|text| self.mapping.missing.iter().any(|own| own == text.trim()));
            match if missing { Some(Cell::Missing) } else { text::json_cell(value.as_ref()) } {
                Some(Cell::Number(number)) => self.push(&symbol, ours, date, number, known),
                Some(Cell::Missing) => self.missing += 1,
                None => return Err(self.ask.changed(format!("{place}: `{theirs}` is no number"))),
            }
        }
        Ok(())
    }

    fn push(&mut self, symbol: &str, field: &str, date: Date, value: f64, known: Timestamp) {
        let value = value * self.mapping.scale.get(field).copied().unwrap_or(1.0);
        let unit = match (field, &self.mapping.unit) {
            ("volume", _) => "shares",
            ("split", _) => "ratio",
            (_, Some(unit)) => unit,
            (_, None) => self.ask.currency,
        };
        if value.is_finite() {
            let (symbol, field, unit) = (symbol.to_owned(), field.to_owned(), unit.to_owned());
            self.batch.rows.push(Row { symbol, field, date, value, unit, known });
        }
    }

    fn date(&self, place: &str, column: &str, value: Option<Value>) -> Result<Date, Failure> {
        let text = match value {
            Some(Value::String(text)) => text,
            Some(Value::Number(number)) => number.to_string(),
            _ => return Err(self.ask.changed(format!("{place}: no date in `{column}`"))),
        };
        let format = &self.mapping.date_format;
        let (text, plain) = (text.trim(), format == "%Y-%m-%d");
        let instant = if plain { text.parse::<Timestamp>().ok() } else { instant(format, text) };
        let day = text.get(..10).and_then(text::iso_date);
        let clock = plain && text.get(10..).is_some_and(|rest| rest.starts_with(['T', ' ']));
        // An instant is of the day that it is in the declared zone, a time of day without offset is in that zone.
        // Without a zone only midnight is taken, which providers write for a civil day.
        let read = match (instant, &self.zone) {
            (Some(at), Some(zone)) => Some(at.to_zoned_datetime(zone.clone()).date()),
            (None, Some(_)) if clock => day,
            (Some(_), None) if !plain => None,
            _ if plain => text::iso_date(text),
            _ => Date::strptime(format, text).ok(),
        };
        let seen = || self.ask.glimpse(text.as_bytes());
        read.ok_or_else(|| {
            if instant.is_some() || clock && day.is_some() {
                let what = format!(
                    "{place}: `{}` in `{column}` is a time of day, whose day depends on a zone",
                    seen()
                );
                let next = "name the zone of the exchange under `mapping`, such as `zone: Asia/Seoul`";
                return self.ask.fail(Trouble::Config, what, next);
            }
            self.ask.changed(format!("{place}: `{}` in `{column}` is not of the form {format}", seen()))
        })
    }

    fn known(&self, place: &str, column: &str, value: Option<Value>) -> Result<Timestamp, Failure> {
        let text = value.as_ref().and_then(Value::as_str).unwrap_or_default();
        let read =
            text.trim().parse::<Timestamp>().ok().or_else(|| text::iso_date(text).and_then(text::midnight));
        read.ok_or_else(|| self.ask.changed(format!("{place}: no time in `{column}`")))
    }

    fn finish(mut self) -> Result<Batch, Failure> {
        if let Some(conflict) = self.batch.conflict().filter(|_| self.ask.spec.data == DataKind::Prices) {
            return Err(self.ask.changed(conflict));
        }
        if self.missing > 0 {
            self.batch.notes.push(format!("left out {} missing values", self.missing));
        }
        if self.live > 0 {
            self.batch.notes.push(format!(
                "left out {} rows after {}, whose session was not over",
                self.live, self.ask.complete
            ));
        }
        if self.batch.rows.is_empty() {
            return Err(self.ask.empty());
        }
        self.batch.settle();
        Ok(self.batch)
    }
}

/// The instant of a text whose form has an offset from UTC.
fn instant(format: &str, text: &str) -> Option<Timestamp> {
    let parsed = strtime::parse(format, text).ok()?;
    parsed.offset()?;
    parsed.to_timestamp().ok()
}

/// A value by its name, or by a JSON pointer where the name starts with `/`.
fn nested<'a>(row: &'a Value, name: &str) -> Option<&'a Value> {
    if name.starts_with('/') { row.pointer(name) } else { row.get(name) }
}
