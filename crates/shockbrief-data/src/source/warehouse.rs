//! Query files: the rows of a warehouse, through ADBC.
//!
//! The file's query becomes a subquery; around it stand the columns, dates and symbols that the brief wants, so that the
//! warehouse itself leaves out the rest. A query over ticks makes daily bars where the ticks are. Texts reach SQL as
//! quoted literals with their quotes doubled, which PostgreSQL, SQLite, DuckDB and most others read alike; prepared
//! parameters are written differently in each of them. Names of columns stand bare where they are plain words: the mark
//! that quotes a name in one database quotes a text in another.

use super::{Source, Wanted, arrow};
use crate::frame;
use adbc_core::{
    Connection as _, Database as _, Driver as _, Statement as _,
    options::{AdbcVersion, OptionDatabase, OptionValue},
};
use adbc_driver_manager::ManagedDriver;
use anyhow::{Context, Result};
use arrow_array::{RecordBatch, RecordBatchReader};
use jiff::civil::Date;
use polars::prelude::{Column, DataFrame, IntoLazy, LazyFrame};
use shockbrief_core::{Refusal, config::Warehouse as Spec};
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
        let names = names(wanted);
        let sql = statement(&spec, wanted);
        let batches = run(&spec, &sql).map_err(|error| refuse(&spec, path, &error))?;
        let frame = frame(&batches, &names).map_err(|error| refuse(&spec, path, &error))?;
        check_quoting(&spec, path, wanted, &frame)?;
        Ok(frame.lazy())
    }
}

/// The columns asked for, the date first.
fn names<'w>(wanted: &Wanted<'w>) -> Vec<&'w str> {
    let mut columns: Vec<&str> = vec![&wanted.spec.columns.date];
    for (_, column) in frame::mapped(&wanted.spec.columns) {
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    columns
}

/// The query with what is wanted around it.
fn statement(spec: &Spec, wanted: &Wanted<'_>) -> String {
    let columns: Vec<String> = names(wanted).into_iter().map(|name| identifier(name, spec.quote)).collect();
    let date = identifier(&wanted.spec.columns.date, spec.quote);
    let mut conditions = vec![format!("{date} < {}", literal(&day_after(wanted.to)))];
    conditions.extend(wanted.from.map(|from| format!("{date} >= {}", literal(&from.to_string()))));
    conditions.extend(symbols(spec, wanted));
    let inner = filled(&spec.query, &places(spec, wanted));
    format!("SELECT {} FROM (\n{inner}\n) AS wanted WHERE {}", columns.join(", "), conditions.join(" AND "))
}

/// Where names are quoted as texts are, each row holds the name itself, or no row fits: told as what it is.
fn check_quoting(spec: &Spec, path: &Path, wanted: &Wanted<'_>, frame: &DataFrame) -> Result<()> {
    let named = |frame: &DataFrame| {
        frame.height() > 0
            && frame.columns().iter().any(|column| {
                column.str().is_ok_and(|text| text.iter().all(|cell| cell == Some(column.name().as_str())))
            })
    };
    let mut wrong = named(frame);
    if frame.height() == 0 {
        // One row of the query, without any condition.
        let inner = filled(&spec.query, &places(spec, wanted));
        let date = wanted.spec.columns.date.as_str();
        let sql = format!("SELECT {} FROM (\n{inner}\n) AS wanted LIMIT 1", identifier(date, spec.quote));
        wrong = run(spec, &sql)
            .and_then(|batches| self::frame(&batches, &[date]))
            .is_ok_and(|frame| named(&frame));
    }
    if !wrong {
        return Ok(());
    }
    Err(Refusal::data(format!("{}: the database takes the names of columns for texts", path.display()))
        .hint("set `quote` in this file to the mark in which the database quotes names, such as \"`\"")
        .into())
}

/// Dates may be stamps: the day after is the first that is too late.
fn day_after(date: Date) -> String {
    date.tomorrow().unwrap_or(date).to_string()
}

fn symbols(spec: &Spec, wanted: &Wanted<'_>) -> Option<String> {
    let (column, symbols) = (wanted.spec.columns.symbol.as_ref()?, wanted.symbols?);
    let list: Vec<String> = symbols.iter().map(|symbol| literal(symbol.as_str())).collect();
    Some(format!("{} IN ({})", identifier(column, spec.quote), list.join(", ")))
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

/// A column's name as the database reads it: in the mark that the query file declares, else bare where it is a plain
/// word, since databases differ in the mark and one of them takes `"` for a text's.
fn identifier(name: &str, quote: Option<char>) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match quote {
        None if plain => format!("wanted.{name}"),
        mark => {
            let mark = mark.unwrap_or('"');
            let close = if mark == '[' { ']' } else { mark };
            format!("wanted.{mark}{}{close}", name.replace(close, &format!("{close}{close}")))
        }
    }
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

/// The answer's columns in the order asked for, under the names asked for: a database may fold the case of a name.
fn frame(batches: &[RecordBatch], names: &[&str]) -> Result<DataFrame> {
    let schema = batches.first().context("a query gives columns")?.schema();
    anyhow::ensure!(
        schema.fields().len() == names.len(),
        "{} columns for {}",
        schema.fields().len(),
        names.len()
    );
    let columns = names.iter().enumerate().map(|(at, name)| {
        let mut whole: Option<Column> = None;
        for batch in batches {
            let fresh = arrow::column(name, batch.column(at))?;
            match &mut whole {
                None => whole = Some(fresh),
                Some(column) => {
                    column.append(&fresh)?;
                }
            }
        }
        whole.context("a query gives columns")
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
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
        assert_eq!(identifier("a\"b", None), "wanted.\"a\"\"b\"");
        assert_eq!(identifier("a`b", Some('`')), "wanted.`a``b`");
        assert_eq!(identifier("adj_close", None), "wanted.adj_close");
        assert_eq!(identifier("adj_close", Some('"')), "wanted.\"adj_close\"");
        assert_eq!(identifier("Adj Close", None), "wanted.\"Adj Close\"");
    }

    #[test]
    fn a_password_is_found() {
        assert_eq!(password("postgresql://desk:s3cret@127.0.0.1:5432/m"), Some("s3cret"));
        assert_eq!(password("postgresql://desk@127.0.0.1/m"), None);
        assert_eq!(password("file.db"), None);
    }
}
