//! `config/brand.yaml`: colours, publisher and disclaimer.

use crate::Refusal;
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
        brand.legible(&origin)?;
        Ok(brand)
    }

    /// Text needs a contrast of 4.5:1, marks of charts one of 3:1 (WCAG 2.2, 1.4.3 and 1.4.11).
    fn legible(&self, origin: &super::Origin) -> Result<(), Refusal> {
        let paper = &self.colors["paper"];
        let texts =
            ["ink", "muted", "accent", "fall", "rise"].map(|token| (token, &self.colors[token], paper, 4.5));
        let band = ("paper on band", paper, &self.colors["band"], 4.5);
        let marks = self.groups.iter().map(|(name, color)| (name.as_str(), color, paper, 3.0));
        for (name, color, ground, least) in texts.into_iter().chain([band]).chain(marks) {
            let found = contrast(color, ground);
            if found < least {
                return Err(origin
                    .refuse(color, format!("colour `{name}`: a contrast of {found:.1}:1 to `{ground}`"))
                    .hint(format!("choose a darker or lighter one, of {least}:1 at least")));
            }
        }
        Ok(())
    }
}

/// Contrast of two `#rrggbb` colours, 1 to 21 (WCAG 2.2).
fn contrast(a: &str, b: &str) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// Relative luminance of an sRGB colour.
fn luminance(color: &str) -> f64 {
    let channel = |from: usize| {
        let digits = color.get(from..from + 2).unwrap_or("00");
        let value = f64::from(u8::from_str_radix(digits, 16).unwrap_or(0)) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn contrast_is_that_of_the_standard() {
        assert!((contrast("#000000", "#ffffff") - 21.0).abs() < 1e-12);
        assert!((contrast("#777777", "#777777") - 1.0).abs() < 1e-12);
        // The well-known pair: #767676 is the lightest grey that passes on white, #777777 fails.
        assert!(contrast("#767676", "#ffffff") > 4.5 && contrast("#777777", "#ffffff") < 4.5);
    }

    #[test]
    fn the_house_colours_are_legible_and_pale_ones_are_refused() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/brand.yaml");
        Brand::load(&path).unwrap();
        let pale = crate::fs::read_text(&path).unwrap().replace("muted: \"#5a6573\"", "muted: \"#9aa5b3\"");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("brand.yaml");
        crate::fs::write_atomic(&file, pale.as_bytes()).unwrap();
        let message = Brand::load(&file).unwrap_err().to_string();
        assert!(
            message.contains("brand.yaml:") && message.contains("`muted`: a contrast of 2."),
            "{message}"
        );
    }
}
