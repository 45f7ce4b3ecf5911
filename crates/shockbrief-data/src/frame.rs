//! From a lazy frame to typed columns: the only place that builds polars expressions.
//!
//! Selects the mapped columns, symbols and dates inside the scan. Refuses columns that are not there
//! and text that is no date or number, naming it.

use crate::{
    dialect::{self, Canonical, Role, Task},
    files::{Found, shown},
    source, store,
};
use anyhow::{Context, Result};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use polars::prelude::{Column, DataFrame, DataType, Expr, IntoLazy, LazyFrame, Schema, col, lit};
use shockbrief_core::{
    Refusal, Symbol,
    config::{ColumnNames, SourceKind, SourceSpec},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
};

/// What to read of a file.
pub(crate) struct Query<'a> {
    pub spec: &'a SourceSpec,
    pub file: &'a Found,
    /// Our names and the file's columns; the date column apart.
    pub columns: Vec<(&'a str, &'a str)>,
    pub date: &'a str,
    pub symbols: Option<&'a BTreeSet<Symbol>>,
    pub from: Option<Date>,
    pub to: Date,
    /// The time at which values were known, where a store is read.
    pub known: Option<Timestamp>,
}

/// Columns by our names, all of one length.
pub(crate) struct Columns<'a> {
    frame: DataFrame,
    query: &'a Query<'a>,
    /// What was assumed of a file that is not canonical.
    assumed: Option<String>,
}

const DATE: &str = "\u{1}date";

impl Query<'_> {
    /// Runs the query and takes what `take` makes of the columns; with it, what was assumed of the file.
    ///
    /// Where a CSV file that began as a canonical one turns out to be none, it is read anew as what it is.
    pub fn read<T>(&self, take: impl Fn(&Columns<'_>) -> Result<T>) -> Result<(T, Option<String>)> {
        let plain = match self.run(false) {
            Ok(columns) if columns.assumed.is_some() => {
                return take(&columns).map(|taken| (taken, columns.assumed));
            }
            Ok(columns) => take(&columns),
            Err(error) => Err(error),
        };
        match plain {
            Ok(taken) => Ok((taken, None)),
            Err(error) => self.anew(&take).ok_or(error),
        }
    }

    fn anew<T>(&self, take: impl Fn(&Columns<'_>) -> Result<T>) -> Option<(T, Option<String>)> {
        let columns = self.run(true).ok().filter(|columns| columns.assumed.is_some())?;
        Some((take(&columns).ok()?, columns.assumed))
    }

    /// Runs the query; a crash of the reader on hostile bytes is a refusal like any other.
    fn run(&self, anew: bool) -> Result<Columns<'_>> {
        let attempt = catch_unwind(AssertUnwindSafe(|| self.collect(anew)));
        let (frame, assumed) = match attempt {
            Ok(Ok(found)) => found,
            Ok(Err(error)) if error.is::<Refusal>() => return Err(error),
            Ok(Err(error)) => return Err(self.unreadable(&format!("{error:#}")).into()),
            Err(_) => return Err(self.unreadable("its contents are damaged").into()),
        };
        Ok(Columns { frame, query: self, assumed })
    }

    fn collect(&self, anew: bool) -> Result<(DataFrame, Option<String>)> {
        let wanted = source::Wanted {
            spec: self.spec,
            symbols: self.symbols,
            from: self.from,
            to: self.to,
            known: self.known,
        };
        let (mut scan, assumed) = match self.canonical(anew)? {
            Some(canonical) => {
                let columns =
                    canonical.columns.into_iter().map(|(name, cells)| Column::new(name.into(), cells));
                (DataFrame::new_infer_height(columns.collect())?.lazy(), Some(canonical.assumed))
            }
            None => (source::by_format(&self.spec.format)?.scan_known(&self.file.path, &wanted)?, None),
        };
        let schema = scan.collect_schema()?;
        self.check_columns(&schema)?;
        Ok((self.select(scan, &schema).collect()?, assumed))
    }

    /// The columns of a CSV file that is not canonical.
    fn canonical(&self, anew: bool) -> Result<Option<Canonical>> {
        if self.spec.format != "csv" {
            return Ok(None);
        }
        let zone = self.spec.dialect.as_ref().and_then(|dialect| dialect.zone.as_deref());
        let symbol = self.column("symbol");
        let task = Task {
            spec: self.spec,
            path: &self.file.path,
            file: &self.file.relative,
            columns: self.roles(),
            symbols: symbol.zip(self.symbols),
            days: (self.from, self.to),
            zone: zone.map(TimeZone::get).transpose()?,
        };
        dialect::read(&task, anew)
    }

    /// The wanted columns of the file, each once, the date first.
    fn roles(&self) -> Vec<(&str, Role)> {
        let mut roles: Vec<(&str, Role)> = vec![(self.date, Role::Date)];
        for (name, column) in &self.columns {
            let records = self.spec.kind == SourceKind::Records;
            let role = match *name {
                name if records && self.spec.columns.values.contains_key(name) => Role::Number,
                name if records && self.spec.columns.dates.contains_key(name) => Role::Date,
                name if records && self.spec.columns.texts.contains_key(name) => Role::Text,
                "symbol" | "currency" => Role::Text,
                "filed" | "known" => Role::Date,
                _ => Role::Number,
            };
            if !roles.iter().any(|(other, _)| other == column) {
                roles.push((column, role));
            }
        }
        roles
    }

    fn select(&self, scan: LazyFrame, schema: &Schema) -> LazyFrame {
        let mut wanted = vec![col(self.date).alias(DATE)];
        wanted.extend(self.columns.iter().map(|(name, column)| {
            let text = schema.get(column).is_some_and(DataType::is_string);
            let textual = matches!(*name, "symbol" | "currency" | "filed" | "known");
            let kind = if text || textual { DataType::String } else { DataType::Float64 };
            col(*column).cast(kind).alias(*name)
        }));
        let mut scan = scan.filter(self.dates(schema));
        if let Some(keep) = self.symbol_filter(schema) {
            scan = scan.filter(keep);
        }
        scan.select(wanted)
    }

    /// Rows of the period, and rows whose date cannot be read, so that they are refused rather than lost.
    fn dates(&self, schema: &Schema) -> Expr {
        if schema.get(self.date).is_some_and(DataType::is_string) {
            self.text_dates()
        } else {
            self.true_dates()
        }
    }

    fn true_dates(&self) -> Expr {
        let day = |date: Date| lit(days(date)).cast(DataType::Date);
        let mut inside = col(self.date).lt_eq(day(self.to));
        if let Some(from) = self.from {
            inside = inside.and(col(self.date).gt_eq(day(from)));
        }
        col(self.date).is_null().or(inside)
    }

    /// ISO dates sort as text; whatever does not look like one passes, to be refused by name.
    fn text_dates(&self) -> Expr {
        let part = |from: i64, length: i64| col(self.date).str().slice(lit(from), lit(length));
        let strange = part(4, 1).neq(lit("-")).or(part(7, 1).neq(lit("-")));
        let mut inside = part(0, 10).lt_eq(lit(self.to.to_string()));
        if let Some(from) = self.from {
            inside = inside.and(part(0, 10).gt_eq(lit(from.to_string())));
        }
        col(self.date).is_null().or(strange).or(inside)
    }

    fn symbol_filter(&self, schema: &Schema) -> Option<Expr> {
        let (symbols, column) = (self.symbols?, self.column("symbol")?);
        if schema.get(column).is_some_and(DataType::is_string) {
            // In terms that reach the statistics of a Parquet file's row groups.
            let symbols: Vec<&str> = symbols.iter().map(Symbol::as_str).collect();
            return Some(col(column).is_null().or(store::among(column, &symbols)));
        }
        let none = col(column).cast(DataType::String).is_null();
        Some(symbols.iter().fold(none, |any, symbol| {
            any.or(col(column).cast(DataType::String).eq(lit(symbol.as_str().to_owned())))
        }))
    }

    fn column(&self, name: &str) -> Option<&str> {
        self.columns.iter().find(|(ours, _)| *ours == name).map(|(_, column)| *column)
    }

    fn check_columns(&self, schema: &Schema) -> Result<(), Refusal> {
        let columns = self.columns.iter().map(|(_, column)| *column);
        if let Some(column) = columns.chain([self.date]).find(|column| !schema.contains(column)) {
            let found = schema.iter_names().map(|name| shown(name)).take(40).collect::<Vec<_>>().join(", ");
            return Err(Refusal::data(format!("{}: no column `{column}`", self.file.relative)).hint(
                format!(
                    "correct `columns` of source `{}` in config/sources.yaml; the file has: {found}",
                    self.spec.id
                ),
            ));
        }
        match schema.get(self.date) {
            Some(DataType::Date | DataType::String) => Ok(()),
            other => Err(Refusal::data(format!(
                "{}: column `{}` holds {}, not dates",
                self.file.relative,
                self.date,
                other.map_or_else(String::new, ToString::to_string)
            ))
            .hint("store dates as date or as text such as 2025-01-27")),
        }
    }

    fn unreadable(&self, reason: &str) -> Refusal {
        let line = reason.lines().next().unwrap_or_default();
        Refusal::data(format!(
            "{}: not a readable {} file: {}",
            self.file.relative,
            self.spec.format,
            shown(line)
        ))
        .hint(format!("fetch the file again, or correct `format` of source `{}`", self.spec.id))
    }
}

impl Columns<'_> {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.frame.height()
    }

    /// Row dates.
    ///
    /// # Errors
    /// Text that is no date.
    pub fn dates(&self) -> Result<Vec<Date>> {
        let column = self.get(DATE)?;
        if column.dtype().is_string() {
            let text = column.str()?;
            return (0..self.len()).map(|row| self.text_date(text.get(row), row)).collect();
        }
        let numbers = column.cast(&DataType::Int32)?;
        let numbers = numbers.i32()?;
        (0..self.len())
            .map(|row| numbers.get(row).and_then(date_of).ok_or_else(|| self.bad_date(None, row).into()))
            .collect()
    }

    /// Row dates, nothing where there is no day.
    ///
    /// # Errors
    /// When the dates are not text.
    pub fn days(&self) -> Result<Vec<Option<Date>>> {
        let column = self.get(DATE)?;
        if !column.dtype().is_string() {
            return Ok(self.dates()?.into_iter().map(Some).collect());
        }
        let text = column.str()?;
        let day = |row| text.get(row).and_then(|text| text.parse().ok());
        Ok((0..self.len()).map(day).collect())
    }

    /// A date, with or without a time of day after it.
    fn text_date(&self, text: Option<&str>, row: usize) -> Result<Date> {
        let day = text.and_then(|text| text.split(['T', ' ']).next());
        let parsed = day.filter(|day| day.len() == 10).and_then(|day| day.parse().ok());
        parsed.ok_or_else(|| self.bad_date(text, row).into())
    }

    /// Text of a column; empty text is nothing.
    ///
    /// # Errors
    /// When the column is not text.
    pub fn texts(&self, name: &str) -> Result<Vec<Option<String>>> {
        let column = self.get(name)?;
        let text = column.str()?;
        Ok((0..self.len()).map(|row| text.get(row).filter(|t| !t.is_empty()).map(str::to_owned)).collect())
    }

    /// Numbers of a column; nothing where the field is empty.
    ///
    /// # Errors
    /// Text that is no number.
    pub fn numbers(&self, name: &str) -> Result<Vec<Option<f64>>> {
        let column = self.get(name)?;
        if column.dtype().is_string() {
            let text = column.str()?;
            return (0..self.len()).map(|row| self.number(name, text.get(row), row)).collect();
        }
        Ok(column.f64()?.iter().collect())
    }

    fn number(&self, name: &str, text: Option<&str>, row: usize) -> Result<Option<f64>> {
        let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
        let parsed = text.parse().ok();
        Ok(Some(parsed.ok_or_else(|| {
            let column = self.query.column(name).unwrap_or(name);
            Refusal::data(format!(
                "{}: {}column `{column}` holds `{}`, not a number",
                self.query.file.relative,
                self.place(row),
                shown(text)
            ))
            .hint("correct the file, or map another column in config/sources.yaml")
        })?))
    }

    /// Symbol and date of a row, as far as they can be read.
    fn place(&self, row: usize) -> String {
        let symbol = self.texts("symbol").ok().and_then(|texts| texts.get(row).cloned().flatten());
        let date = self.dates().ok().and_then(|dates| dates.get(row).copied());
        let mut place = symbol.map_or_else(String::new, |symbol| format!("{}, ", shown(&symbol)));
        if let Some(date) = date {
            place.push_str(&format!("{date}, "));
        }
        place
    }

    fn bad_date(&self, text: Option<&str>, row: usize) -> Refusal {
        let symbol = self.texts("symbol").ok().and_then(|texts| texts.get(row).cloned().flatten());
        let whose = symbol.map_or_else(String::new, |symbol| format!("{}, ", shown(&symbol)));
        let what = text
            .map_or_else(|| "a row has no date".to_owned(), |text| format!("`{}` is no date", shown(text)));
        Refusal::data(format!("{}: {whose}{what}", self.query.file.relative))
            .hint("write dates as 2025-01-27")
    }

    fn get(&self, name: &str) -> Result<&Column> {
        self.frame.column(name).with_context(|| format!("{}: column `{name}`", self.query.file.relative))
    }
}

/// The mapped columns of a per-symbol source, under our names.
pub(crate) fn mapped(columns: &ColumnNames) -> Vec<(&str, &str)> {
    let optional = [
        ("symbol", &columns.symbol),
        ("currency", &columns.currency),
        ("returns", &columns.returns),
        ("quote", &columns.quote),
        ("volume", &columns.volume),
        ("shares", &columns.shares),
        ("filed", &columns.filed),
        ("known", &columns.known),
    ];
    let named = optional.into_iter().filter_map(|(name, column)| Some((name, column.as_deref()?)));
    let maps = [&columns.values, &columns.texts, &columns.dates];
    let listed = maps.into_iter().flatten().map(|(name, column)| (name.as_str(), column.as_str()));
    named.chain(listed).collect()
}

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

pub(crate) fn days(date: Date) -> i32 {
    EPOCH.until(date).map_or(0, |span| span.get_days())
}

pub(crate) fn date_of(days: i32) -> Option<Date> {
    EPOCH.checked_add(days.days()).ok()
}

/// Groups row numbers by symbol, in file order.
pub(crate) fn by_symbol(symbols: &[Option<String>]) -> BTreeMap<&str, Vec<usize>> {
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (row, symbol) in symbols.iter().enumerate() {
        groups.entry(symbol.as_deref().unwrap_or_default()).or_default().push(row);
    }
    groups
}
