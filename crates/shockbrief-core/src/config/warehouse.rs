//! A query file of a warehouse: which driver, where, which rows.

use super::{KeySource, Origin};
use crate::Refusal;
use crate::schema::JsonSchema;
use anyhow::Result;
use serde::Deserialize;
use std::{collections::BTreeMap, path::Path};

/// A query file of a warehouse.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWarehouse {
    /// An ADBC driver: the path of its library, or a name that is looked for where the system keeps libraries.
    driver: String,
    /// Where the address of the database is found, which may hold a password; default none.
    #[serde(default)]
    uri: Option<KeySource>,
    /// Options of the driver, by their ADBC names; default none.
    #[serde(default)]
    options: BTreeMap<String, String>,
    /// Texts that stand in the query as `:name`; default none.
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    /// The mark in which the database quotes names, such as a backtick; default none, which plain words do not need.
    #[serde(default)]
    quote: Option<char>,
    /// The query: one SELECT; `:from` and `:to` stand for the dates wanted.
    query: String,
}

/// A file of a source with `format: sql`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warehouse {
    /// An ADBC driver: the path of its library, or a name that is looked for where the system keeps libraries.
    pub driver: String,
    /// Where the address of the database is found, which may hold a password.
    pub uri: Option<KeySource>,
    /// Options of the driver, by their ADBC names.
    pub options: BTreeMap<String, String>,
    /// Texts that stand in the query as `:name`.
    pub parameters: BTreeMap<String, String>,
    /// The mark in which the database quotes names, such as a backtick; default none, which plain words do not need.
    pub quote: Option<char>,
    /// The query; `:from` and `:to` stand for the dates wanted.
    pub query: String,
    /// The file, for messages.
    pub origin: Origin,
}

impl Warehouse {
    /// Reads and validates the file.
    ///
    /// # Errors
    /// A query that is no single SELECT, a mark of names that no database has, a parameter that hides `from` or `to`, or anything [`super::load`] refuses.
    pub fn load(path: &Path) -> Result<Self> {
        let (raw, origin): (RawWarehouse, Origin) = super::load(path)?;
        let query = raw.query.trim().trim_end_matches(';').trim_end().to_owned();
        let first = query.split_whitespace().next().unwrap_or_default().to_lowercase();
        if !matches!(first.as_str(), "select" | "with") || query.contains(';') {
            return Err(refuse(
                &origin,
                "query:",
                "the query is no single SELECT",
                "write one SELECT, without `;`",
            ));
        }
        if raw.parameters.keys().any(|name| matches!(name.as_str(), "from" | "to")) {
            let hint = "they are the dates wanted; name the parameter otherwise";
            return Err(refuse(&origin, "parameters:", "`from` and `to` are taken", hint));
        }
        if raw.quote.is_some_and(|mark| !matches!(mark, '"' | '`' | '[')) {
            let hint = "write one of: '\"', '`', '['";
            return Err(refuse(&origin, "quote:", "no mark of names", hint));
        }
        let RawWarehouse { driver, uri, options, parameters, quote, .. } = raw;
        Ok(Self { driver, uri, options, parameters, quote, query, origin })
    }
}

fn refuse(origin: &Origin, needle: &str, message: &str, hint: &str) -> anyhow::Error {
    let refusal: Refusal = origin.refuse(needle, message);
    refusal.hint(hint).into()
}
