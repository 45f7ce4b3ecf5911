//! Kinds of files: each turns a path into a lazy frame, nothing more.
//!
//! A new kind is one file beside this one and one line of [`SOURCES`]. Selecting columns, symbols
//! and dates is common to all and done by the caller, so that it reaches the scan itself.

mod arrow;
mod csv;
pub(crate) mod parquet;
mod store;
mod warehouse;
mod xlsx;

use anyhow::Result;
use jiff::{Timestamp, civil::Date};
use polars::prelude::LazyFrame;
use shockbrief_core::{Refusal, Symbol, config::SourceSpec};
use std::{collections::BTreeSet, path::Path};

/// What is wanted of a file that holds more than one state of knowledge.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The source's declaration.
    pub spec: &'a SourceSpec,
    /// Symbols; none for all.
    pub symbols: Option<&'a BTreeSet<Symbol>>,
    /// First date; none for all.
    pub from: Option<Date>,
    /// Last date.
    pub to: Date,
    /// The time at which values were known; none for a file of one state of knowledge.
    pub known: Option<Timestamp>,
}

/// One kind of file.
pub trait Source: Sync {
    /// The name by which `config/sources.yaml` asks for it.
    fn format(&self) -> &'static str;

    /// A lazy frame over the file; reads no more than its schema.
    ///
    /// # Errors
    /// When the file is not of this kind.
    fn scan(&self, path: &Path) -> Result<LazyFrame>;

    /// A lazy frame of what was known; of a file that holds one state of knowledge, all of it.
    ///
    /// # Errors
    /// As [`Source::scan`].
    fn scan_known(&self, path: &Path, wanted: &Wanted<'_>) -> Result<LazyFrame> {
        let _ = wanted;
        self.scan(path)
    }
}

/// All kinds.
pub static SOURCES: [&dyn Source; 5] =
    [&csv::Csv, &parquet::Parquet, &xlsx::Xlsx, &store::Store, &warehouse::Warehouse];

/// The kind named `format`.
///
/// # Errors
/// When there is none.
pub fn by_format(format: &str) -> Result<&'static dyn Source, Refusal> {
    SOURCES.into_iter().find(|source| source.format() == format).ok_or_else(|| {
        let known = SOURCES.map(Source::format).join(", ");
        Refusal::config(format!("unknown file format `{format}`")).hint(format!("use one of: {known}"))
    })
}

/// Two columns of one name: which of them is meant cannot be told.
pub(crate) fn twice(place: &str, column: &str) -> Refusal {
    Refusal::data(format!("{place}: column `{}` appears twice", crate::files::shown(column)))
        .hint("rename or remove one of the two")
}
