//! `config/brand.yaml`: colours, publisher and disclaimer.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::Path};

/// The look and the legal text of a publisher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brand {
    /// Who publishes; stands in the running header.
    pub publisher: String,
    /// Colour tokens as `#rrggbb`: `ink`, `muted`, `rule`, `paper`, `accent`, `fall`, `rise`, `band`.
    pub colors: BTreeMap<String, String>,
    /// Colours of chart groups by theme id, as `#rrggbb`.
    #[serde(default)]
    pub groups: BTreeMap<String, String>,
    /// The disclaimer in each language.
    pub disclaimer: BTreeMap<String, String>,
}

impl Brand {
    /// Names of the colours that every brand defines.
    pub const TOKENS: [&'static str; 8] = ["ink", "muted", "rule", "paper", "accent", "fall", "rise", "band"];

    /// Reads and validates the file.
    ///
    /// # Errors
    /// A missing or malformed colour, or anything [`super::load`] refuses.
    pub fn load(path: &Path) -> Result<Self> {
        let (brand, origin): (Self, super::Origin) = super::load(path)?;
        for token in Self::TOKENS {
            if !brand.colors.contains_key(token) {
                return Err(origin
                    .refuse("colors:", format!("colour `{token}` is missing"))
                    .hint(format!("add `{token}: \"#rrggbb\"` under `colors`"))
                    .into());
            }
        }
        for (name, color) in brand.colors.iter().chain(&brand.groups) {
            let digits = color.strip_prefix('#').unwrap_or("");
            if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(origin
                    .refuse(color, format!("colour `{name}` is `{color}`"))
                    .hint("write it as \"#rrggbb\"")
                    .into());
            }
        }
        Ok(brand)
    }
}
