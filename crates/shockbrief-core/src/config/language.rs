//! `config/languages/<xx>.yaml`: every fixed string of a brief in one language.

use crate::schema::JsonSchema;
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::Path};

/// The strings of one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Language {
    /// BCP 47 tag, such as `fr-FR`.
    pub locale: String,
    /// The language's own name.
    pub name: String,
    /// Strings by dotted key; they may call figures and filters like prose.
    pub strings: BTreeMap<String, String>,
}

impl Language {
    /// Reads `<folder>/<code>.yaml`.
    ///
    /// # Errors
    /// Anything [`super::load`] refuses.
    pub fn load(folder: &Path, code: &str) -> Result<Self> {
        Ok(super::load(&folder.join(format!("{code}.yaml")))?.0)
    }
}
