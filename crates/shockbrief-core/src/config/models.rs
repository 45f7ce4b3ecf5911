//! `config/models.yaml`: one language model under the names that the data files give it.

use super::Origin;
use crate::schema::JsonSchema;
use crate::{Refusals, at, house};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, path::Path};

/// What a model is to the brief.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ModelRole {
    /// The one that the brief is about.
    Subject,
    /// The one it is compared with.
    Rival,
}

/// A language model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelName {
    /// Its name as readers know it.
    pub name: String,
    /// Its name in the list of scores.
    pub arena: String,
    /// Its name in the list of prices.
    pub price: String,
    /// What it is to the brief; default nothing.
    #[serde(default)]
    pub role: Option<ModelRole>,
}

/// Reads and validates the file; a project without it names no model.
///
/// # Errors
/// A model listed twice, or anything [`super::load`] refuses.
pub fn load_models(path: &Path) -> Result<Vec<ModelName>> {
    if !house::is_file(path) {
        return Ok(Vec::new());
    }
    let (models, origin): (Vec<ModelName>, Origin) = super::load(path)?;
    let mut seen = BTreeSet::new();
    let mut faults = Refusals::default();
    for (index, model) in models.iter().enumerate() {
        if !seen.insert(&model.arena) {
            faults.push(
                origin
                    .refuse(at![index, "arena"], format!("model `{}` is listed twice", model.arena))
                    .hint("keep one of the two entries"),
            );
        }
    }
    faults.or(models)
}
