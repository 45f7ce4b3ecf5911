//! Records: rows of lists, as far as they were public by the as-of date.
//!
//! A row is seen from the day on which it became public, never earlier. A date inside a row that lies after
//! the as-of date is not seen either, since it may have been written down later than the row.

use crate::{
    Request,
    files::{Found, Shelf},
    frame::{self, Columns, Query},
};
use anyhow::{Context, Result};
use jiff::{ToSpan, civil::Date};
use shockbrief_core::{
    Datum, Record, Records, Refusal,
    config::{SourceKind, SourceSpec, Undated},
};
use std::collections::BTreeMap;

/// Loads the record sources asked for; one that is optional and has no file is left out.
pub(crate) fn load(request: &Request<'_>, shelf: &mut Shelf) -> Result<BTreeMap<String, Records>> {
    let mut loaded = BTreeMap::new();
    for id in request.records {
        let spec = declared(request, id)?;
        let files = shelf.files(spec)?;
        if files.is_empty() {
            continue;
        }
        let mut records = Records::default();
        for file in files {
            read(request, spec, &file, &mut records, shelf)?;
            records.inputs.push(shelf.take(spec, &file));
        }
        loaded.insert(id.clone(), records);
    }
    Ok(loaded)
}

fn declared<'a>(request: &Request<'a>, id: &str) -> Result<&'a SourceSpec, Refusal> {
    let mut records = request.sources.sources.iter().filter(|spec| spec.kind == SourceKind::Records);
    records.find(|spec| spec.id == id).ok_or_else(|| {
        Refusal::config(format!("config/sources.yaml: no source `{id}` of the kind `records`"))
            .hint("declare it, optional where its file may be absent, or take out the section that needs it")
    })
}

/// Date, publication and fields of each row.
type Rows = (Vec<Option<Date>>, Vec<Option<Date>>, Vec<BTreeMap<String, Datum>>);

fn read(
    request: &Request<'_>,
    spec: &SourceSpec,
    file: &Found,
    records: &mut Records,
    shelf: &mut Shelf,
) -> Result<()> {
    let lag = i64::from(spec.lag_days).days();
    let query = Query {
        spec,
        file,
        columns: frame::mapped(&spec.columns),
        date: &spec.columns.date,
        symbols: None,
        from: None,
        to: request.as_of.checked_sub(lag).context("the as-of date is out of range")?,
        known: request.known(),
    };
    let ((dates, known, fields), assumed) = query.read(|columns| rows(request, spec, columns))?;
    shelf.assume(file, dates.len(), assumed);
    for (row, (date, fields)) in dates.into_iter().zip(fields).enumerate() {
        let Some(date) = date else {
            records.undated += 1;
            continue;
        };
        let known = known[row].map_or_else(|| date.checked_add(lag), Ok).context("a date is out of range")?;
        if known <= request.as_of {
            records.rows.push(Record { date, known, fields });
        }
    }
    Ok(())
}

fn rows(request: &Request<'_>, spec: &SourceSpec, columns: &Columns<'_>) -> Result<Rows> {
    let dates = match spec.undated {
        Undated::Refuse => columns.dates()?.into_iter().map(Some).collect(),
        Undated::Skip => columns.days(),
    };
    let known = match &spec.columns.known {
        Some(_) => columns.dates_in("known")?,
        None => vec![None; columns.len()],
    };
    let fields = fields(request, spec, columns)?;
    Ok((dates, known, fields))
}

/// The fields of each row.
fn fields(
    request: &Request<'_>,
    spec: &SourceSpec,
    columns: &Columns<'_>,
) -> Result<Vec<BTreeMap<String, Datum>>> {
    let mut rows = vec![BTreeMap::new(); columns.len()];
    let mut put = |row: usize, name: &str, datum: Option<Datum>| {
        if let Some(datum) = datum {
            rows[row].insert(name.to_owned(), datum);
        }
    };
    for name in spec.columns.values.keys() {
        for (row, number) in columns.numbers(name)?.into_iter().enumerate() {
            put(row, name, number.filter(|number| number.is_finite()).map(Datum::Number));
        }
    }
    for name in spec.columns.texts.keys() {
        for (row, text) in columns.texts(name)?.into_iter().enumerate() {
            put(row, name, text.map(Datum::Text));
        }
    }
    for name in spec.columns.dates.keys() {
        for (row, date) in columns.dates_in(name)?.into_iter().enumerate() {
            put(row, name, date.filter(|date| *date <= request.as_of).map(Datum::Date));
        }
    }
    Ok(rows)
}
