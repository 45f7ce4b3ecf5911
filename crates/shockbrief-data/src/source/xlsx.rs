//! Workbooks. A frame is taken of a sheet without declaration here; what a source declares of it is read in `workbook`.

use super::Source;
use crate::workbook;
use anyhow::Result;
use polars::prelude::{DataFrame, IntoLazy, LazyFrame};
use std::path::Path;

/// A sheet of a workbook.
pub(super) struct Xlsx;

impl Source for Xlsx {
    fn format(&self) -> &'static str {
        workbook::FORMAT
    }

    fn scan(&self, path: &Path) -> Result<LazyFrame> {
        let free = workbook::free(path, None)?;
        let columns = free.columns.into_iter().filter_map(|(_, column)| column.ok());
        Ok(DataFrame::new_infer_height(columns.collect())?.lazy())
    }
}
