//! `config/numerals.yaml`: names with digits that prose may use.

use super::Origin;
use crate::schema::JsonSchema;
use anyhow::Result;
use serde::Deserialize;
use std::path::Path;

/// Names such as "S&P 500": their digits are no numbers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    /// The names, as they stand in prose.
    pub labels: Vec<String>,
}

impl Labels {
    /// Reads the file.
    ///
    /// # Errors
    /// Anything [`super::load`] refuses.
    pub fn load(path: &Path) -> Result<Self> {
        let (labels, _): (Self, Origin) = super::load(path)?;
        Ok(labels)
    }
}
