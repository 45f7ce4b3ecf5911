//! Near misses: a symbol that no source holds, and what the files write in its place.
//!
//! Nothing is taken for another: case, spaces and suffixes decide which security it is. The name is told, so that whoever
//! reads the message sees the slip.

use crate::{
    Request, cells, dialect,
    files::{Found, Shelf},
    quiet, source, wide, workbook,
};
use anyhow::Result;
use polars::prelude::col;
use shockbrief_core::{
    Symbol,
    config::{Layout, SourceKind, SourceSpec},
};
use std::collections::BTreeSet;

/// Files larger than this are not searched for a slip.
const LARGEST: u64 = 64 << 20;

/// What the files hold that differs from a symbol by case, white space or suffix alone, as a sentence for the hint;
/// empty where there is nothing.
pub(crate) fn sentence(request: &Request<'_>, shelf: &Shelf, symbol: &Symbol) -> String {
    let mut told = BTreeSet::new();
    for spec in request.sources.sources.iter().filter(|spec| spec.kind == SourceKind::Prices) {
        if spec.scheme().is_some() || !matches!(spec.format.as_str(), "csv" | "parquet" | "xlsx") {
            continue;
        }
        for file in shelf.files(spec).unwrap_or_default() {
            let names = symbols(spec, &file).unwrap_or_default();
            told.extend(
                names
                    .into_iter()
                    .filter(|name| *name != symbol.0 && resembles(name, symbol.as_str()))
                    .map(|name| format!("{} holds `{}`", file.relative, crate::files::shown(&name))),
            );
        }
    }
    let told: Vec<String> = told.into_iter().take(5).collect();
    if told.is_empty() { String::new() } else { format!("; {}", told.join(", ")) }
}

/// The symbols of a file.
fn symbols(spec: &SourceSpec, file: &Found) -> Result<BTreeSet<String>> {
    if spec.layout == Layout::Wide && fs_err::metadata(&file.path)?.len() <= LARGEST {
        let read = quiet::caught(|| wide::symbols(spec, &file.path, &file.relative));
        return read.map_err(anyhow::Error::msg)?;
    }
    let Some(column) = &spec.columns.symbol else { return Ok(BTreeSet::new()) };
    if fs_err::metadata(&file.path)?.len() > LARGEST {
        return Ok(BTreeSet::new());
    }
    if spec.format == "csv" {
        let free = dialect::free(&file.path)?;
        let at = free.headers.iter().position(|header| header == column);
        let cells = at.and_then(|at| free.columns.into_iter().nth(at)).unwrap_or_default();
        return Ok(cells.into_iter().flatten().collect());
    }
    if spec.format == workbook::FORMAT {
        return workbook::texts(spec, &file.path, &file.relative, column);
    }
    let read = quiet::caught(|| -> Result<_> {
        let frame =
            source::by_format(&spec.format)?.scan(&file.path)?.select([col(column.as_str()).unique()]);
        Ok(frame.collect()?)
    });
    let frame = read.map_err(anyhow::Error::msg)??;
    Ok(cells::texts(frame.column(column)?)?.into_iter().flatten().collect())
}

/// Whether two symbols differ by case, white space, or a suffix behind a point, a colon or a space alone.
fn resembles(one: &str, other: &str) -> bool {
    let plain = |text: &str| -> String {
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\0');
        text.chars().filter(|c| !c.is_whitespace() && *c != '\u{200b}').flat_map(char::to_lowercase).collect()
    };
    let root = |text: &str| -> String {
        let text = text.trim();
        let end = text.find(['.', ':', ' ', '-', '/']).filter(|end| *end > 0).unwrap_or(text.len());
        plain(&text[..end])
    };
    plain(one) == plain(other) || (root(one) == root(other) && root(one).chars().count() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_told_and_another_company_is_not() {
        for near in ["aldr", "ALDR ", " Aldr", "ALDR.US", "ALDR US Equity", "ALDR:XNAS", "A LDR"] {
            assert!(resembles(near, "ALDR"), "{near}");
        }
        for other in ["ALD", "ALDRX", "BRCH", "A"] {
            assert!(!resembles(other, "ALDR"), "{other}");
        }
        // One letter is too little to tell a company by.
        assert!(!resembles("F.US", "F") && resembles("f", "F"));
    }
}
