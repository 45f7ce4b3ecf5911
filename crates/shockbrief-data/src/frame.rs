//! From a lazy frame to typed columns: the only place that builds polars expressions.
//!
//! Selects the mapped columns, symbols and dates inside the scan. Refuses columns that are not there
//! and text that is no date or number, naming it.

use crate::{
    cells::{self, Bad, Kind},
    dialect::{self, Canonical, Role, Task},
    files::{Found, shown},
    quiet, source, store, wide, workbook,
};
use anyhow::{Context, Result};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use polars::prelude::{
    BooleanChunked, Column, DataFrame, DataType, Expr, IntoLazy, LazyFrame, NewChunkedArray, Schema, col, lit,
};
use shockbrief_core::{
    Refusal, Symbol,
    config::{ColumnNames, Layout, SourceKind, SourceSpec, Undated},
};
use std::collections::{BTreeMap, BTreeSet};

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
    /// The day of each row.
    days: Vec<Option<Date>>,
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
        let (frame, assumed) = match quiet::caught(|| self.collect(anew)) {
            Ok(Ok(found)) => found,
            Ok(Err(error)) if error.is::<Refusal>() => return Err(error),
            Ok(Err(error)) => return Err(self.unreadable(&format!("{error:#}")).into()),
            Err(said) => return Err(self.crashed(&said).into()),
        };
        let whole = Columns { days: Vec::new(), frame, query: self, assumed };
        whole.of_the_period()
    }

    /// The reader stopped at contents that it does not know.
    fn crashed(&self, said: &str) -> Refusal {
        match said.split_once("Arrow datatype ").and_then(|(_, rest)| rest.split_once(" not supported")) {
            Some((dtype, _)) => Refusal::data(format!(
                "{}: a column holds {}, neither numbers, dates nor text",
                self.file.relative,
                shown(dtype)
            ))
            .hint("write the file with floats in place of that type, or put it into the data folder, where decimals are read"),
            None => self.unreadable("its contents are damaged"),
        }
    }

    /// The zone in which instants become days.
    pub fn zone(&self) -> Result<Option<TimeZone>> {
        let Some(name) = self.spec.zone() else { return Ok(None) };
        let zone = TimeZone::get(name).map_err(|_| {
            Refusal::config(format!("source `{}`: unknown time zone `{}`", self.spec.id, shown(name)))
                .hint("write an IANA name, such as America/New_York")
        })?;
        Ok(Some(zone))
    }

    /// The rows of a wide table, as any other file has them.
    fn turned(&self) -> Result<(LazyFrame, Option<String>)> {
        let task = Task {
            spec: self.spec,
            path: &self.file.path,
            file: &self.file.relative,
            columns: Vec::new(),
            symbols: None,
            days: (self.from, self.to),
            zone: self.zone()?,
        };
        wide::rows(self, task)
    }

    fn collect(&self, anew: bool) -> Result<(DataFrame, Option<String>)> {
        let wanted = source::Wanted {
            spec: self.spec,
            symbols: self.symbols,
            from: self.from,
            to: self.to,
            known: self.known,
        };
        let is_wide = self.spec.layout == Layout::Wide;
        let canonical = if is_wide { None } else { self.canonical(anew)? };
        let (mut scan, assumed) = match canonical {
            None if is_wide => self.turned()?,
            Some(canonical) => {
                let columns =
                    canonical.columns.into_iter().map(|(name, cells)| Column::new(name.into(), cells));
                (DataFrame::new_infer_height(columns.collect())?.lazy(), Some(canonical.assumed))
            }
            None if self.spec.format == workbook::FORMAT => {
                let (frame, assumed) = workbook::long(self, &self.roles())?;
                (frame.lazy(), Some(assumed))
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
        let symbol = self.column("symbol");
        let task = Task {
            spec: self.spec,
            path: &self.file.path,
            file: &self.file.relative,
            columns: self.roles(),
            symbols: symbol.zip(self.symbols),
            days: (self.from, self.to),
            zone: self.zone()?,
        };
        dialect::read(&task, anew)
    }

    /// The wanted columns of the file, each once, the date first.
    fn roles(&self) -> Vec<(&str, Role)> {
        let mut roles: Vec<(&str, Role)> = vec![(self.date, Role::Date)];
        for (name, column) in &self.columns {
            let role = self.role(name);
            if !roles.iter().any(|(other, _)| other == column) {
                roles.push((column, role));
            }
        }
        roles
    }

    /// What one of our names is read as.
    fn role(&self, name: &str) -> Role {
        let records = self.spec.kind == SourceKind::Records;
        let columns = &self.spec.columns;
        match name {
            name if records && columns.values.contains_key(name) => Role::Number,
            name if records && columns.dates.contains_key(name) => Role::Date,
            name if records && columns.texts.contains_key(name) => Role::Text,
            "symbol" | "currency" => Role::Text,
            "filed" | "known" => Role::Date,
            _ => Role::Number,
        }
    }

    fn select(&self, scan: LazyFrame, schema: &Schema) -> LazyFrame {
        let mut wanted = vec![col(self.date).alias(DATE)];
        wanted.extend(self.columns.iter().map(|(name, column)| col(*column).alias(*name)));
        let mut scan = scan.filter(self.dates(schema));
        if let Some(keep) = self.symbol_filter(schema) {
            scan = scan.filter(keep);
        }
        scan.select(wanted)
    }

    /// Rows of the period, and rows whose date cannot be read, so that they are refused rather than lost.
    fn dates(&self, schema: &Schema) -> Expr {
        match schema.get(self.date) {
            Some(DataType::Date) => self.true_dates(),
            Some(DataType::Datetime(unit, _)) => self.instants(cells::per_second(*unit)),
            Some(dtype) if dtype.is_string() => self.text_dates(),
            _ => lit(true),
        }
    }

    /// A day more on either side than is wanted, since an instant's own day depends on a zone.
    fn instants(&self, per_second: i64) -> Expr {
        let at =
            |date: Date, more: i64| lit((i64::from(cells::days_since(date)) + more) * 86_400 * per_second);
        let value = || col(self.date).cast(DataType::Int64);
        let mut inside = value().lt(at(self.to, 2));
        if let Some(from) = self.from {
            inside = inside.and(value().gt_eq(at(from, -1)));
        }
        col(self.date).is_null().or(inside)
    }

    fn true_dates(&self) -> Expr {
        let day = |date: Date| lit(cells::days_since(date)).cast(DataType::Date);
        let mut inside = col(self.date).lt_eq(day(self.to));
        if let Some(from) = self.from {
            inside = inside.and(col(self.date).gt_eq(day(from)));
        }
        col(self.date).is_null().or(inside)
    }

    /// ISO dates sort as text; whatever does not look like one passes, to be refused by name. A day more on either side,
    /// since a time behind the date may make it another day.
    fn text_dates(&self) -> Expr {
        let part = |from: i64, length: i64| col(self.date).str().slice(lit(from), lit(length));
        let strange = part(4, 1).neq(lit("-")).or(part(7, 1).neq(lit("-")));
        let mut inside = part(0, 10).lt_eq(lit(self.to.saturating_add(1.day()).to_string()));
        if let Some(from) = self.from.map(|from| from.saturating_sub(1.day())) {
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

    /// Every column is there, once, and holds what is read of it.
    fn check_columns(&self, schema: &Schema) -> Result<()> {
        for (column, role) in self.roles() {
            match schema.get(column) {
                Some(dtype) if cells::serves(cells::kind(dtype), role) => {}
                Some(dtype) => return Err(self.mistyped(column, &dtype.to_string(), role).into()),
                None => return Err(self.absent(schema, column, role)?.into()),
            }
        }
        Ok(())
    }

    /// A refusal of a column's type.
    pub fn mistyped(&self, column: &str, dtype: &str, role: Role) -> Refusal {
        let hint = match role {
            Role::Date => "store dates as date, as timestamp or as text such as 2025-01-27".to_owned(),
            _ => format!("correct the file, or map another column of source `{}`", self.spec.id),
        };
        let wanted = cells::wanted(role);
        Refusal::data(format!(
            "{}: column `{}` holds {dtype}, not {wanted}",
            self.file.relative,
            shown(column)
        ))
        .hint(hint)
    }

    fn absent(&self, schema: &Schema, column: &str, role: Role) -> Result<Refusal> {
        if self.spec.format == "parquet" && self.spec.scheme().is_none() {
            let foreign = source::parquet::foreign(&self.file.path)?;
            if let Some(dtype) = foreign.get(column) {
                return Ok(self.mistyped(column, dtype, role));
            }
        }
        let found = schema.iter_names().map(|name| shown(name)).take(40).collect::<Vec<_>>().join(", ");
        Ok(Refusal::data(format!("{}: no column `{column}`", self.file.relative)).hint(format!(
            "correct `columns` of source `{}` in config/sources.yaml; the file has: {found}",
            self.spec.id
        )))
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

    /// The rows whose day lies in the period; days are told here, once, from whatever the file writes for them.
    fn of_the_period(mut self) -> Result<Self> {
        let query = self.query;
        let column = self.get(DATE)?;
        let undated = query.spec.undated == Undated::Skip;
        let days = if query.spec.format == "csv" && column.dtype().is_string() {
            self.plain_days(column, undated)?
        } else {
            cells::days(column, query.zone()?.as_ref(), undated)?
                .map_err(|bad| self.bad(DATE, query.date, &bad))?
        };
        let inside = |day: &Option<Date>| {
            day.is_none_or(|day| query.from.is_none_or(|from| from <= day) && day <= query.to)
        };
        if days.iter().all(inside) {
            self.days = days;
            return Ok(self);
        }
        let mask: BooleanChunked = BooleanChunked::from_iter_values("inside".into(), days.iter().map(inside));
        self.frame = self.frame.filter(&mask)?;
        self.days = days.into_iter().filter(inside).collect();
        Ok(self)
    }

    /// Days of a CSV file that is canonical or was made so: ISO dates and nothing else.
    fn plain_days(&self, column: &Column, undated: bool) -> Result<Vec<Option<Date>>> {
        let text = column.str()?;
        let day = |row: usize| -> Result<Option<Date>> {
            let cell = text.get(row);
            let day = cell.filter(|day| day.len() == 10).and_then(|day| day.parse().ok());
            match day {
                None if !undated => Err(self.bad_date(cell, row).into()),
                day => Ok(day),
            }
        };
        (0..self.len()).map(day).collect()
    }

    /// Row dates.
    ///
    /// # Errors
    /// A row without one.
    pub fn dates(&self) -> Result<Vec<Date>> {
        let day = |(row, day): (usize, &Option<Date>)| day.ok_or_else(|| self.bad_date(None, row).into());
        self.days.iter().enumerate().map(day).collect()
    }

    /// Row dates, nothing where there is no day.
    pub fn days(&self) -> Vec<Option<Date>> {
        self.days.clone()
    }

    /// Dates of another column; nothing where the cell is empty.
    ///
    /// # Errors
    /// What is no date.
    pub fn dates_in(&self, name: &str) -> Result<Vec<Option<Date>>> {
        let days = cells::days(self.get(name)?, self.query.zone()?.as_ref(), false)?;
        days.map_err(|bad| self.bad(name, self.query.column(name).unwrap_or(name), &bad).into())
    }

    /// A refusal of a cell or of a whole column, by the column's name in the file.
    fn bad(&self, name: &str, column: &str, bad: &Bad) -> Refusal {
        let place = bad.row.map_or_else(String::new, |row| match name {
            DATE => self.whose(row),
            _ => self.place(row),
        });
        Refusal::data(format!(
            "{}: {place}column `{}` holds {}",
            self.query.file.relative,
            shown(column),
            bad.what
        ))
        .hint(bad.hint.clone())
    }

    /// Text of a column; empty text is nothing.
    ///
    /// # Errors
    /// When the column is not text.
    pub fn texts(&self, name: &str) -> Result<Vec<Option<String>>> {
        cells::texts(self.get(name)?)
    }

    /// Numbers of a column; nothing where the field is empty.
    ///
    /// # Errors
    /// Text that is no number.
    pub fn numbers(&self, name: &str) -> Result<Vec<Option<f64>>> {
        let column = self.get(name)?;
        if cells::kind(column.dtype()) == Kind::Text {
            let column = column.cast(&DataType::String)?;
            let text = column.str()?;
            return (0..self.len()).map(|row| self.number(name, text.get(row), row)).collect();
        }
        cells::floats(column)
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
        let mut place = self.whose(row);
        if let Some(date) = self.days.get(row).copied().flatten() {
            place.push_str(&format!("{date}, "));
        }
        place
    }

    fn whose(&self, row: usize) -> String {
        let symbol = self.texts("symbol").ok().and_then(|texts| texts.get(row).cloned().flatten());
        symbol.map_or_else(String::new, |symbol| format!("{}, ", shown(&symbol)))
    }

    fn bad_date(&self, text: Option<&str>, row: usize) -> Refusal {
        let whose = self.whose(row);
        let what = text
            .map_or_else(|| "a row has no date".to_owned(), |text| format!("`{}` is no date", shown(text)));
        Refusal::data(format!("{}: {whose}{what}", self.query.file.relative)).hint(cells::ISO)
    }

    fn get(&self, name: &str) -> Result<&Column> {
        self.frame.column(name).with_context(|| format!("{}: column `{name}`", self.query.file.relative))
    }
}

/// The columns of a source of prices, under our names.
pub(crate) fn of_prices(spec: &SourceSpec) -> Vec<(&str, &str)> {
    match spec.layout {
        Layout::Long => mapped(&spec.columns),
        Layout::Wide => {
            std::iter::once(("symbol", wide::SYMBOL)).chain(wide::fields(&spec.columns)).collect()
        }
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

pub(crate) use crate::cells::{date_of, days_since as days};

/// Groups row numbers by symbol, in file order.
pub(crate) fn by_symbol(symbols: &[Option<String>]) -> BTreeMap<&str, Vec<usize>> {
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (row, symbol) in symbols.iter().enumerate() {
        groups.entry(symbol.as_deref().unwrap_or_default()).or_default().push(row);
    }
    groups
}
