//! Wide tables: one row for each date, one column for each symbol, or for each symbol and field.
//!
//! They become rows of date, symbol and fields before anything is checked, so that guards, quality report and briefs see
//! what they see of any other file. An empty cell is no row: of a table over several exchanges it may be no session.
//! With two header lines the field of adjusted prices decides which line holds fields; nothing is guessed.

use crate::{
    cells,
    dialect::{self, Role, Task},
    files::shown,
    frame::Query,
    source,
    workbook::{self, Reading, Sheet, Wish},
};
use anyhow::Result;
use polars::prelude::{Column, DataFrame, DataType, IntoLazy, LazyFrame, col};
use shockbrief_core::{
    Refusal, Symbol,
    config::{ColumnNames, SourceSpec},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// The column of symbols after the turn.
pub(crate) const SYMBOL: &str = "\u{1}symbol";
/// The one field of a table with one header line.
pub(crate) const PRICE: &str = "\u{1}price";

/// A column of prices.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Head {
    /// The place in a CSV file.
    at: usize,
    /// The name in the file.
    name: String,
    field: Option<String>,
    symbol: Symbol,
}

/// Our names and the fields behind them.
pub(crate) fn fields(columns: &ColumnNames) -> Vec<(&str, &str)> {
    let returns = columns.returns.as_deref().unwrap_or(PRICE);
    let others = [("quote", &columns.quote), ("volume", &columns.volume)];
    let others = others.into_iter().filter_map(|(name, field)| Some((name, field.as_deref()?)));
    std::iter::once(("returns", returns)).chain(others).collect()
}

/// The fields, each once: one may serve returns and quotes.
fn distinct(columns: &ColumnNames) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    fields(columns).into_iter().map(|(_, field)| field).filter(|field| seen.insert(*field)).collect()
}

/// The symbols of a wide file, as it writes them.
pub(crate) fn symbols(spec: &SourceSpec, path: &Path, file: &str) -> Result<BTreeSet<String>> {
    let heads = match spec.format.as_str() {
        "csv" => of_csv(spec, file, &dialect::top(spec, path, file)?)?,
        workbook::FORMAT => of_sheet(spec, &Sheet::open(path, file, Some(spec))?)?.0,
        _ => of_parquet(spec, file, &schema(spec, path)?)?,
    };
    Ok(heads.into_iter().map(|head| head.symbol.0).collect())
}

/// The wanted columns as rows, and what was assumed.
pub(crate) fn rows(query: &Query<'_>, task: Task<'_>) -> Result<(LazyFrame, Option<String>)> {
    let (spec, file) = (query.spec, query.file.relative.as_str());
    let (heads, dates, cells, assumed) = match spec.format.as_str() {
        "csv" => csv_cells(query, task)?,
        workbook::FORMAT => sheet_cells(query, &task)?,
        _ => parquet_cells(query)?,
    };
    let mut of: BTreeMap<&Symbol, BTreeMap<Option<&str>, usize>> = BTreeMap::new();
    for (at, head) in heads.iter().enumerate() {
        of.entry(&head.symbol).or_default().insert(head.field.as_deref(), at);
    }
    let mut turned = Turned::new(spec);
    for (symbol, places) in of {
        let place = |field: &str| places.get(&Some(field).filter(|field| *field != PRICE)).copied();
        let fields = distinct(&spec.columns);
        let columns: Vec<Option<usize>> = fields.iter().map(|field| place(field)).collect();
        if columns[0].is_none() {
            return Err(Refusal::data(format!("{file}: {} has no `{}`", shown(symbol.as_str()), fields[0]))
                .hint("fetch the file again with this field for each symbol, or leave the symbol out by `symbols: {only: [...]}`")
                .into());
        }
        turned.take(symbol, &columns, &cells, dates.len());
    }
    Ok((turned.frame(query.date, &dates)?.lazy(), Some(assumed)))
}

/// Rows as they come together.
struct Turned {
    rows: Vec<u32>,
    symbols: Vec<String>,
    fields: Vec<(String, Vec<Option<String>>)>,
}

type Cells = Vec<Vec<Option<String>>>;

impl Turned {
    fn new(spec: &SourceSpec) -> Self {
        let fields =
            distinct(&spec.columns).into_iter().map(|field| (field.to_owned(), Vec::new())).collect();
        Self { rows: Vec::new(), symbols: Vec::new(), fields }
    }

    /// The rows of a symbol in which some field has a value.
    fn take(&mut self, symbol: &Symbol, columns: &[Option<usize>], cells: &Cells, rows: usize) {
        let value = |at: Option<usize>, row: usize| cells.get(at?)?.get(row)?.as_ref();
        for row in 0..rows {
            let values: Vec<Option<&String>> = columns.iter().map(|at| value(*at, row)).collect();
            if values.iter().all(Option::is_none) {
                continue;
            }
            self.rows.push(u32::try_from(row).unwrap_or(u32::MAX));
            self.symbols.push(symbol.0.clone());
            for ((_, column), value) in self.fields.iter_mut().zip(&values) {
                column.push(value.cloned());
            }
        }
    }

    fn frame(self, date: &str, dates: &Column) -> Result<DataFrame> {
        let rows = polars::prelude::UInt32Chunked::from_vec("rows".into(), self.rows);
        let mut all =
            vec![dates.take(&rows)?.with_name(date.into()), Column::new(SYMBOL.into(), self.symbols)];
        all.extend(self.fields.into_iter().map(|(name, cells)| Column::new(name.into(), cells)));
        Ok(DataFrame::new_infer_height(all)?)
    }
}

type Read = (Vec<Head>, Column, Cells, String);

fn csv_cells(query: &Query<'_>, task: Task<'_>) -> Result<Read> {
    let top = dialect::top(query.spec, &query.file.path, &query.file.relative)?;
    let heads = wanted(query, of_csv(query.spec, &query.file.relative, &top)?);
    let mut columns = vec![(query.date, Role::Date)];
    columns.extend(heads.iter().map(|head| (head.name.as_str(), Role::Number)));
    let index = std::iter::once(top.date).chain(heads.iter().map(|head| head.at)).collect();
    let canonical = dialect::read_at(&Task { columns, symbols: None, ..task }, &top, index)?;
    let said = canonical.assumed.trim_start_matches("Read as: ").to_owned();
    let mut cells: Cells = canonical.columns.into_iter().map(|(_, cells)| cells).collect();
    let dates = Column::new(query.date.into(), cells.remove(0));
    Ok((heads, dates, cells, format!("Read as: a column for each symbol; {said}")))
}

/// The heads of a sheet's columns, the column of dates and the last header row.
fn of_sheet(spec: &SourceSpec, sheet: &Sheet) -> Result<(Vec<Head>, usize, u32)> {
    let top = sheet.top(spec)?;
    let place = sheet.place(top.row);
    let heads = heads(spec, &top.levels, top.date)
        .map_err(|(message, hint)| Refusal::data(format!("{place}: {message}")).hint(hint))?;
    once(&place, &heads)?;
    Ok((heads, top.date, top.row))
}

fn sheet_cells(query: &Query<'_>, task: &Task<'_>) -> Result<Read> {
    let sheet = Sheet::open(&query.file.path, &query.file.relative, Some(query.spec))?;
    let (heads, date, row) = of_sheet(query.spec, &sheet)?;
    let heads = wanted(query, heads);
    let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let mut wishes = vec![Wish { name: query.date, at: place(date), role: Role::Date }];
    wishes.extend(heads.iter().map(|head| Wish { name: &head.name, at: place(head.at), role: Role::Number }));
    let (mut columns, told) = sheet.table(row, &wishes, &Reading::of(query.spec, task.zone.as_ref()))?;
    let dates = columns.remove(0);
    let cells: Result<Cells> = columns.iter().map(cells::texts).collect();
    let said = sheet.sentence(row, &told);
    let said = said.trim_start_matches("Read as: ");
    Ok((heads, dates, cells?, format!("Read as: a column for each symbol; {said}")))
}

fn parquet_cells(query: &Query<'_>) -> Result<Read> {
    let schema = schema(query.spec, &query.file.path)?;
    let heads = wanted(query, of_parquet(query.spec, &query.file.relative, &schema)?);
    let names = std::iter::once(query.date).chain(heads.iter().map(|head| head.name.as_str()));
    let scan = source::by_format(&query.spec.format)?.scan(&query.file.path)?;
    let frame = scan.select(names.map(col).collect::<Vec<_>>()).collect()?;
    let mut cells = Vec::new();
    for head in &heads {
        let column = frame.column(&head.name)?;
        if !cells::serves(cells::kind(column.dtype()), Role::Number) {
            return Err(query.mistyped(&head.name, &column.dtype().to_string(), Role::Number).into());
        }
        // What a data frame writes for a missing cell.
        let values = cells::texts(column)?.into_iter().map(|cell| cell.filter(|cell| cell != "NaN"));
        cells.push(values.collect());
    }
    let assumed = "Read as: a column for each symbol.".to_owned();
    Ok((heads, frame.column(query.date)?.clone(), cells, assumed))
}

/// Columns of wanted symbols and fields.
fn wanted(query: &Query<'_>, heads: Vec<Head>) -> Vec<Head> {
    let fields: Vec<&str> = fields(&query.spec.columns).into_iter().map(|(_, field)| field).collect();
    heads
        .into_iter()
        .filter(|head| query.symbols.is_none_or(|symbols| symbols.contains(&head.symbol)))
        .filter(|head| head.field.as_deref().is_none_or(|field| fields.contains(&field)))
        .collect()
}

fn schema(spec: &SourceSpec, path: &Path) -> Result<Vec<(String, DataType)>> {
    let schema = source::by_format(&spec.format)?.scan(path)?.collect_schema()?;
    Ok(schema.iter().map(|(name, dtype)| (name.to_string(), dtype.clone())).collect())
}

fn of_csv(spec: &SourceSpec, file: &str, top: &dialect::Top) -> Result<Vec<Head>> {
    let heads = heads(spec, &top.levels, top.date)
        .map_err(|(message, hint)| top.refuse(file, &message).hint(hint))?;
    once(&top.place(file), &heads)?;
    Ok(heads)
}

/// The heads of a data frame's columns: names, or pairs in brackets as they are written for two header lines.
fn of_parquet(spec: &SourceSpec, file: &str, schema: &[(String, DataType)]) -> Result<Vec<Head>> {
    let date = schema.iter().position(|(name, _)| *name == spec.columns.date).ok_or_else(|| {
        let found = schema.iter().map(|(name, _)| shown(name)).take(12).collect::<Vec<_>>().join(", ");
        Refusal::data(format!("{file}: no column `{}`", shown(&spec.columns.date))).hint(format!(
            "correct `date` under `columns` of source `{}`; the file begins with: {found}",
            spec.id
        ))
    })?;
    let mut levels: [Vec<String>; 2] = [Vec::new(), Vec::new()];
    let pairs: Vec<Option<(String, String)>> = schema.iter().map(|(name, _)| pair(name)).collect();
    let two = pairs.iter().flatten().count() > 0;
    for ((name, _), pair) in schema.iter().zip(pairs) {
        let (one, other) = pair.unwrap_or_else(|| (name.clone(), String::new()));
        levels[0].push(one);
        levels[1].push(other);
    }
    let mut heads = heads(spec, &levels[..if two { 2 } else { 1 }], date)
        .map_err(|(message, hint)| Refusal::data(format!("{file}: {message}")).hint(hint))?;
    once(file, &heads)?;
    heads.iter_mut().for_each(|head| head.name.clone_from(&schema[head.at].0));
    Ok(heads)
}

/// Whether a name is one under which data frames and providers write a field of a price table.
pub(crate) fn is_field(name: &str) -> bool {
    const FIELDS: [&str; 10] = [
        "open",
        "high",
        "low",
        "close",
        "adj close",
        "volume",
        "dividends",
        "stock splits",
        "capital gains",
        "repaired?",
    ];
    FIELDS.iter().any(|field| field.eq_ignore_ascii_case(name))
}

/// Whether a column holds the dates of a data frame.
pub(crate) fn is_index(name: &str) -> bool {
    ["date", "datetime", "index", "__index_level_0__"].iter().any(|index| index.eq_ignore_ascii_case(name))
}

/// Takes names in pairs apart: the first stay, the second are given back; nothing where no name is a pair.
pub(crate) fn split(headers: &mut [String]) -> Option<Vec<String>> {
    let pairs: Vec<Option<(String, String)>> = headers.iter().map(|name| pair(name)).collect();
    pairs.iter().any(Option::is_some).then(|| {
        let below = pairs.into_iter().zip(headers).map(|(pair, header)| match pair {
            Some((one, other)) => {
                *header = one;
                other
            }
            None => String::new(),
        });
        below.collect()
    })
}

/// The two names of a column such as `('Close', 'AAPL')`.
fn pair(name: &str) -> Option<(String, String)> {
    let inside = name.strip_prefix('(')?.strip_suffix(')')?;
    let text = |rest: &str| -> Option<(String, usize)> {
        let mark = rest.chars().next().filter(|mark| matches!(mark, '\'' | '"'))?;
        let end = rest[1..].find(mark)?;
        Some((rest[1..=end].to_owned(), end + 2))
    };
    let (one, used) = text(inside)?;
    let (other, last) = text(inside[used..].strip_prefix(", ")?)?;
    (used + 2 + last == inside.len()).then_some((one, other))
}

/// Names and fields of the columns but the dates'.
fn heads(spec: &SourceSpec, levels: &[Vec<String>], date: usize) -> Result<Vec<Head>, (String, String)> {
    let returns = spec.columns.returns.as_deref();
    let (symbols, fields) = match (levels, returns) {
        ([one], None) => (one, None),
        ([_], Some(field)) => {
            return Err((
                format!("one header line, and no field `{}`", shown(field)),
                format!(
                    "leave `returns` out of the columns of source `{}`: each cell is a price then",
                    spec.id
                ),
            ));
        }
        ([one, other], Some(field)) => {
            match (one.iter().any(|cell| cell == field), other.iter().any(|cell| cell == field)) {
                (true, false) => (other, Some(one)),
                (false, true) => (one, Some(other)),
                (both, _) => return Err(no_field(spec, levels, field, both)),
            }
        }
        _ => {
            return Err((
                "two header lines, and no field is chosen".to_owned(),
                format!(
                    "name the field of adjusted prices under `columns` of source `{}`, such as `returns: Adj Close`",
                    spec.id
                ),
            ));
        }
    };
    let mut heads = Vec::new();
    for (at, symbol) in symbols.iter().enumerate().filter(|(at, symbol)| *at != date && !symbol.is_empty()) {
        let field = fields.map(|fields| fields.get(at).cloned().unwrap_or_default());
        if field.as_deref() == Some("") {
            return Err((
                format!("column {} of `{}` has no field", at + 1, shown(symbol)),
                "write both header lines in full, without joined cells".to_owned(),
            ));
        }
        let name = field.as_ref().map_or_else(|| symbol.clone(), |field| format!("{symbol}, {field}"));
        heads.push(Head { at, name, field, symbol: Symbol(symbol.clone()) });
    }
    Ok(heads)
}

fn no_field(spec: &SourceSpec, levels: &[Vec<String>], field: &str, both: bool) -> (String, String) {
    let how = if both { "both header lines have" } else { "no header line has" };
    let names: BTreeSet<&str> = levels.iter().flatten().map(String::as_str).collect();
    let names =
        names.into_iter().filter(|name| !name.is_empty()).take(12).map(shown).collect::<Vec<_>>().join(", ");
    (
        format!("{how} the field `{}`", shown(field)),
        format!("correct `returns` under `columns` of source `{}`; there are: {names}", spec.id),
    )
}

/// Two columns of one symbol and field: which is meant cannot be told.
fn once(place: &str, heads: &[Head]) -> Result<()> {
    let mut seen = BTreeSet::new();
    match heads.iter().find(|head| !seen.insert((&head.symbol, &head.field))) {
        Some(head) => Err(source::twice(place, &head.name).into()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_and_other_names_are_not() {
        let two = |one: &str, other: &str| Some((one.to_owned(), other.to_owned()));
        assert_eq!(pair("('Adj Close', 'BRK-B')"), two("Adj Close", "BRK-B"));
        assert_eq!(pair("(\"O'Neil\", 'Close')"), two("O'Neil", "Close"));
        for name in ["AAPL", "('Close')", "('Close', )", "('a', 'b', 'c')", "('Close', AAPL)"] {
            assert_eq!(pair(name), None, "{name}");
        }
    }
}
