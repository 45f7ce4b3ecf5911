//! `workbook:` of a source of the format `xlsx`: which sheet, where its header is, what its cells may be.

use super::{Origin, SourceSpec};
use crate::{Refusal, schema::JsonSchema};
use serde::{Deserialize, Serialize};

/// What becomes of merged cells in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Merged {
    /// The sheet is refused: which columns are meant is not written in them.
    #[default]
    Refuse,
    /// Each of the merged columns has the text that stands over all of them.
    Fill,
}

/// How a workbook is read, as far as it is declared.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Workbook {
    /// The sheet; default the only one that is visible.
    pub sheet: Option<String>,
    /// The row of the header, or of the one that names the dates, counted from 1; default the first that names the
    /// columns.
    pub header: Option<u32>,
    /// What becomes of merged cells in the header; default `refuse`.
    pub merged: Merged,
    /// Texts and errors such as `#N/A` that stand for a missing value, beside the usual texts; default none.
    pub missing: Vec<String>,
}

/// Refuses a declaration for another format, and a row that no sheet has.
pub(super) fn check(source: &SourceSpec, at: &str, origin: &Origin) -> Result<(), Refusal> {
    let Some(workbook) = &source.workbook else { return Ok(()) };
    let refuse = |message: String, hint: &str| {
        Err(origin.refuse(at, format!("source `{}`: {message}", source.id)).hint(hint))
    };
    if source.format != "xlsx" {
        return refuse(
            format!("a `workbook` for the format `{}`", source.format),
            "only xlsx files are workbooks; remove the key",
        );
    }
    match workbook.header {
        Some(0) => refuse("`header: 0`".to_owned(), "rows are counted from 1, as the spreadsheet shows them"),
        _ => Ok(()),
    }
}
