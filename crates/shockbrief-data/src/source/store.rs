//! The store of fetched values: a source reads what was known at a time.

use super::{Source, Wanted};
use crate::store;
use anyhow::Result;
use polars::prelude::LazyFrame;
use std::path::Path;

/// A store, named by its manifest.
pub(super) struct Store;

impl Source for Store {
    fn format(&self) -> &'static str {
        "store"
    }

    fn scan(&self, path: &Path) -> Result<LazyFrame> {
        store::table(path)
    }

    fn scan_known(&self, path: &Path, wanted: &Wanted<'_>) -> Result<LazyFrame> {
        store::view(path, wanted)
    }
}
