//! Kinds of files: each turns a path into a lazy frame, nothing more.
//!
//! A new kind is one file beside this one and one line of [`SOURCES`]. Selecting columns, symbols
//! and dates is common to all and done by the caller, so that it reaches the scan itself.

mod csv;
mod parquet;

use anyhow::Result;
use polars::prelude::LazyFrame;
use shockbrief_core::Refusal;
use std::path::Path;

/// One kind of file.
pub trait Source: Sync {
    /// The name by which `config/sources.yaml` asks for it.
    fn format(&self) -> &'static str;

    /// A lazy frame over the file; reads no more than its schema.
    ///
    /// # Errors
    /// When the file is not of this kind.
    fn scan(&self, path: &Path) -> Result<LazyFrame>;
}

/// All kinds.
pub static SOURCES: [&dyn Source; 2] = [&csv::Csv, &parquet::Parquet];

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
