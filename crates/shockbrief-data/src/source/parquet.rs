//! Parquet files. Refuses what has no valid footer.

use super::Source;
use anyhow::Result;
use polars::prelude::{LazyFrame, PlRefPath, ScanArgsParquet};
use std::path::Path;

/// Parquet, any compression.
pub(super) struct Parquet;

impl Source for Parquet {
    fn format(&self) -> &'static str {
        "parquet"
    }

    fn scan(&self, path: &Path) -> Result<LazyFrame> {
        let args = ScanArgsParquet { glob: false, ..ScanArgsParquet::default() };
        Ok(LazyFrame::scan_parquet(PlRefPath::try_from_path(path)?, args)?)
    }
}
