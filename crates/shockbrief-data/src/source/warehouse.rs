//! Query files: the rows of a warehouse, through ADBC.
//!
//! The file's query becomes a subquery; around it stand the columns, dates and symbols that the brief wants, so that the
//! warehouse itself leaves out the rest. A query over ticks makes daily bars where the ticks are. Texts reach SQL as
//! quoted literals with their quotes doubled, which PostgreSQL, SQLite, DuckDB and most others read alike; prepared
//! parameters are written differently in each of them.

use super::{Source, Wanted};
use crate::frame;
use adbc_core::{
    Connection as _, Database as _, Driver as _, Statement as _,
    options::{AdbcVersion, OptionDatabase, OptionValue},
};
use adbc_driver_manager::ManagedDriver;
use anyhow::{Context, Result};
use arrow_array::{Array, RecordBatch, RecordBatchReader, cast::AsArray, types::Float64Type};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::DataType;
use jiff::civil::Date;
use polars::prelude::{Column, DataFrame, IntoLazy, LazyFrame};
use shockbrief_core::{
    Refusal,
    config::{SourceSpec, Warehouse as Spec},
};
use std::{collections::BTreeMap, path::Path};

/// Query files.
pub(super) struct Warehouse;

impl Source for Warehouse {
    fn format(&self) -> &'static str {
        "sql"
    }

    fn scan(&self, path: &Path) -> Result<LazyFrame> {
        Err(Refusal::config(format!("{}: a query without columns wanted", path.display())).into())
    }

    fn scan_known(&self, path: &Path, wanted: &Wanted<'_>) -> Result<LazyFrame> {
        let spec = Spec::load(path)?;
        let sql = statement(&spec, wanted);
        let batches = run(&spec, &sql).map_err(|error| refuse(&spec, path, &error))?;
        Ok(frame(&batches)?.lazy())
    }
}

/// The query with what is wanted around it.
fn statement(spec: &Spec, wanted: &Wanted<'_>) -> String {
    let mut columns: Vec<&str> = vec![&wanted.spec.columns.date];
    for (_, column) in frame::mapped(&wanted.spec.columns) {
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    let columns: Vec<String> = columns.into_iter().map(identifier).collect();
    let date = identifier(&wanted.spec.columns.date);
    let mut conditions = vec![format!("{date} < {}", literal(&day_after(wanted.to)))];
    conditions.extend(wanted.from.map(|from| format!("{date} >= {}", literal(&from.to_string()))));
    conditions.extend(symbols(wanted.spec, wanted));
    let inner = filled(&spec.query, &places(spec, wanted));
    format!("SELECT {} FROM (\n{inner}\n) AS wanted WHERE {}", columns.join(", "), conditions.join(" AND "))
}

/// Dates may be stamps: the day after is the first that is too late.
fn day_after(date: Date) -> String {
    date.tomorrow().unwrap_or(date).to_string()
}

fn symbols(source: &SourceSpec, wanted: &Wanted<'_>) -> Option<String> {
    let (column, symbols) = (source.columns.symbol.as_ref()?, wanted.symbols?);
    let list: Vec<String> = symbols.iter().map(|symbol| literal(symbol.as_str())).collect();
    Some(format!("{} IN ({})", identifier(column), list.join(", ")))
}

fn places(spec: &Spec, wanted: &Wanted<'_>) -> BTreeMap<String, String> {
    let from = wanted.from.unwrap_or(Date::constant(1, 1, 1));
    let mut places: BTreeMap<String, String> =
        spec.parameters.iter().map(|(name, text)| (name.clone(), literal(text))).collect();
    places.insert("from".to_owned(), literal(&from.to_string()));
    places.insert("to".to_owned(), literal(&wanted.to.to_string()));
    places
}

/// Puts literals in the place of `:name`; `::` is a cast, and text in quotes stays as it is.
fn filled(query: &str, places: &BTreeMap<String, String>) -> String {
    let mut text = String::with_capacity(query.len());
    let (mut rest, mut quote) = (query, None);
    while let Some(next) = rest.chars().next() {
        let name = rest.strip_prefix(':').map(|after| {
            after.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next().unwrap_or_default()
        });
        match (quote, name.and_then(|name| Some((name, places.get(name)?)))) {
            (None, Some((name, literal))) if !text.ends_with(':') => {
                text.push_str(literal);
                rest = &rest[1 + name.len()..];
                continue;
            }
            (Some(open), _) if next == open => quote = None,
            (None, _) if matches!(next, '\'' | '"') => quote = Some(next),
            _ => {}
        }
        text.push(next);
        rest = &rest[next.len_utf8()..];
    }
    text
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn run(spec: &Spec, sql: &str) -> Result<Vec<RecordBatch>> {
    let mut driver = if spec.driver.contains(['/', '\\']) {
        ManagedDriver::load_dynamic_from_filename(&spec.driver, None, AdbcVersion::V110)
    } else {
        ManagedDriver::load_dynamic_from_name(&spec.driver, None, AdbcVersion::V110)
    }
    .with_context(|| format!("the ADBC driver `{}` cannot be loaded", spec.driver))?;
    let mut options: Vec<(OptionDatabase, OptionValue)> = spec
        .options
        .iter()
        .map(|(name, value)| (OptionDatabase::from(name.as_str()), OptionValue::from(value.as_str())))
        .collect();
    if let Some(place) = &spec.uri {
        let (uri, named) = place.read();
        let uri = uri.ok_or_else(|| Refusal::config(format!("{named} holds no address")))?;
        options.push((OptionDatabase::Uri, OptionValue::from(uri.as_str())));
    }
    let database = driver.new_database_with_opts(options)?;
    let mut connection = database.new_connection()?;
    let mut statement = connection.new_statement()?;
    statement.set_sql_query(sql)?;
    let reader = statement.execute()?;
    let schema = reader.schema();
    let mut batches = reader.collect::<Result<Vec<_>, _>>()?;
    if batches.is_empty() {
        batches.push(RecordBatch::new_empty(schema));
    }
    Ok(batches)
}

/// What went wrong, without the address should the driver repeat it.
fn refuse(spec: &Spec, path: &Path, error: &anyhow::Error) -> anyhow::Error {
    let mut said = format!("{error:#}");
    if let Some(uri) = spec.uri.as_ref().and_then(|place| place.read().0) {
        said = said.replace(&uri, "…");
        if let Some(password) = password(&uri) {
            said = said.replace(password, "…");
        }
    }
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    Refusal::data(format!("{}: {said}", path.display()))
        .hint("check `driver`, `uri` and `query` in this file; the query must give the columns that config/sources.yaml names")
        .into()
}

/// The password of `scheme://user:password@host`.
fn password(uri: &str) -> Option<&str> {
    let (_, after) = uri.split_once("://")?;
    let (user, _) = after.rsplit_once('@')?;
    user.split_once(':').map(|(_, password)| password).filter(|password| !password.is_empty())
}

/// Numbers as 64-bit floats, all else as text.
fn frame(batches: &[RecordBatch]) -> Result<DataFrame> {
    let schema = batches.first().context("a query gives columns")?.schema();
    let columns = schema.fields().iter().enumerate().map(|(at, field)| {
        let number = field.data_type().is_numeric();
        let target = if number { DataType::Float64 } else { DataType::Utf8 };
        let strict = CastOptions { safe: false, ..CastOptions::default() };
        let arrays = batches.iter().map(|batch| cast_with_options(batch.column(at), &target, &strict));
        let arrays =
            arrays.collect::<Result<Vec<_>, _>>().with_context(|| format!("column `{}`", field.name()))?;
        let name = field.name().as_str().into();
        Ok(if number {
            Column::new(
                name,
                arrays
                    .iter()
                    .flat_map(|array| array.as_primitive::<Float64Type>().iter())
                    .collect::<Vec<_>>(),
            )
        } else {
            Column::new(
                name,
                arrays.iter().flat_map(|array| array.as_string::<i32>().iter()).collect::<Vec<_>>(),
            )
        })
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    debug_assert!(
        batches.iter().all(|batch| batch.columns().iter().all(|column| column.len() == batch.num_rows()))
    );
    Ok(DataFrame::new_infer_height(columns)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn names_are_replaced_where_they_are_names() {
        let places =
            BTreeMap::from([("to".to_owned(), "'T'".to_owned()), ("v".to_owned(), "'it''s'".to_owned())]);
        for (query, expected) in [
            ("a < :to", "a < 'T'"),
            ("a < :to and b = :v)", "a < 'T' and b = 'it''s')"),
            ("a::to, ':to', \":to\", :tom, :other", "a::to, ':to', \":to\", :tom, :other"),
            ("'é'':to' || :to", "'é'':to' || 'T'"),
            (":", ":"),
            ("", ""),
        ] {
            assert_eq!(filled(query, &places), expected);
        }
    }

    #[test]
    fn quotes_cannot_be_left() {
        assert_eq!(literal("x'; DROP TABLE y; --"), "'x''; DROP TABLE y; --'");
        assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
    }

    #[test]
    fn a_password_is_found() {
        assert_eq!(password("postgresql://desk:s3cret@127.0.0.1:5432/m"), Some("s3cret"));
        assert_eq!(password("postgresql://desk@127.0.0.1/m"), None);
        assert_eq!(password("file.db"), None);
    }
}
