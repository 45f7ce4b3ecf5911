//! `config/brand.yaml`, or the brand file of a report: colours, logo, publisher, disclaimer, rounding.
//!
//! Refused: a missing or malformed colour, colours too pale to read, a logo that is not there or no SVG or PNG, an
//! SVG whose letters depend on a font, and a language of the report that the brand has no words in.

use super::Origin;
use crate::schema::JsonSchema;
use crate::{Refusals, at};
use anyhow::Result;
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    path::{Component, Path},
};

/// The look and the legal text of a publisher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brand {
    /// Who publishes; stands in the running header.
    pub publisher: String,
    /// Colour tokens as `#rrggbb`: `ink`, `muted`, `rule`, `paper`, `accent`, `fall`, `rise`, `band`.
    pub colors: BTreeMap<String, String>,
    /// Colours of chart groups by theme id, as `#rrggbb`.
    pub groups: BTreeMap<String, String>,
    /// The disclaimer in each language.
    pub disclaimer: BTreeMap<String, String>,
    /// How halves are rounded; default to the even neighbour.
    pub rounding: Rounding,
    /// Stands in the cover band; default none.
    pub logo: Option<Logo>,
    /// Where it was read, for messages.
    pub origin: Origin,
}

/// What happens to a value exactly halfway between two printed ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rounding {
    /// To the even neighbour.
    #[default]
    HalfEven,
    /// Away from zero.
    HalfUp,
}

/// A picture that stands for the publisher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    /// How it is drawn.
    pub format: LogoFormat,
    /// The file's content.
    pub bytes: Vec<u8>,
    /// What it shows, in each language.
    pub alt: BTreeMap<String, String>,
}

/// How a logo is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogoFormat {
    /// Curves.
    Svg,
    /// Pixels.
    Png,
}

/// Colours, publisher, disclaimer, logo and rounding.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Brand")]
pub(super) struct RawBrand {
    /// Who publishes; stands in the running header.
    publisher: String,
    /// Colours as `#rrggbb`: `ink`, `muted`, `rule`, `paper`, `accent`, `fall`, `rise`, `band`.
    colors: BTreeMap<String, String>,
    /// Colours of chart groups by theme, as `#rrggbb`; default none.
    #[serde(default)]
    groups: BTreeMap<String, String>,
    /// The disclaimer in each language.
    disclaimer: BTreeMap<String, String>,
    /// How halves are rounded; default `half-even`.
    #[serde(default)]
    rounding: Rounding,
    /// A picture that stands in the cover band; default none.
    #[serde(default)]
    logo: Option<RawLogo>,
}

/// `logo: {file: logo.svg, alt: {fr: …, en: …}}`; the file lies beside the brand's, or below.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawLogo {
    /// The file, SVG or PNG.
    file: String,
    /// What it shows, in each language.
    alt: BTreeMap<String, String>,
}

impl Brand {
    /// Names of the colours that every brand defines.
    pub const TOKENS: [&'static str; 8] = ["ink", "muted", "rule", "paper", "accent", "fall", "rise", "band"];

    /// Reads and validates the file, and the logo that it names.
    ///
    /// # Errors
    /// A missing or malformed colour, a logo that cannot be used, or anything [`super::load`] refuses.
    pub fn load(path: &Path) -> Result<Self> {
        let (raw, origin): (RawBrand, Origin) = super::load(path)?;
        colors(&raw, &origin)?;
        let logo = raw.logo.map(|logo| logo.read(&origin)).transpose()?;
        let brand = Self {
            publisher: raw.publisher,
            colors: raw.colors,
            groups: raw.groups,
            disclaimer: raw.disclaimer,
            rounding: raw.rounding,
            logo,
            origin,
        };
        brand.legible()?;
        Ok(brand)
    }

    /// Whether the brand has its words in these languages.
    ///
    /// # Errors
    /// A disclaimer or a description of the logo that lacks one of them; a brand without any disclaimer has none to
    /// translate.
    pub fn speaks(&self, languages: &[String]) -> Result<()> {
        let disclaimer = (!self.disclaimer.is_empty()).then_some(("disclaimer", &self.disclaimer));
        let alt = self.logo.as_ref().map(|logo| ("logo", &logo.alt));
        let mut faults = Refusals::default();
        for (key, texts) in disclaimer.into_iter().chain(alt) {
            for code in languages.iter().filter(|code| !texts.contains_key(*code)) {
                let refusal = self.origin.refuse(at![key], format!("`{key}` has no text in `{code}`"));
                faults.push(refusal.hint(format!("add `{code}: ...` there")));
            }
        }
        faults.finish()
    }

    /// Text needs a contrast of 4.5:1, marks of charts one of 3:1 (WCAG 2.2, 1.4.3 and 1.4.11).
    fn legible(&self) -> Result<()> {
        let paper = &self.colors["paper"];
        let texts = ["ink", "muted", "accent", "fall", "rise"]
            .map(|token| (token, &self.colors[token], paper, 4.5, at!["colors", token]));
        let band = ("paper on band", paper, &self.colors["band"], 4.5, at!["colors", "band"]);
        let marks =
            self.groups.iter().map(|(name, color)| (name.as_str(), color, paper, 3.0, at!["groups", name]));
        let mut faults = Refusals::default();
        for (name, color, ground, least, at) in texts.into_iter().chain([band]).chain(marks) {
            let found = contrast(color, ground);
            if found < least {
                let message = format!("colour `{name}`: a contrast of {found:.1}:1 to `{ground}`");
                let hint = format!("choose a darker or lighter one, of {least}:1 at least");
                faults.push(self.origin.refuse(at, message).hint(hint));
            }
        }
        faults.finish()
    }
}

/// All tokens are there, and all colours are colours.
fn colors(raw: &RawBrand, origin: &Origin) -> Result<()> {
    let mut faults = Refusals::default();
    for token in Brand::TOKENS.into_iter().filter(|token| !raw.colors.contains_key(*token)) {
        let refusal = origin.refuse(at!["colors"], format!("colour `{token}` is missing"));
        faults.push(refusal.hint(format!("add `{token}: \"#rrggbb\"` under `colors`")));
    }
    for (key, colors) in [("colors", &raw.colors), ("groups", &raw.groups)] {
        for (name, color) in colors {
            let digits = color.strip_prefix('#').unwrap_or("");
            if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                let refusal = origin.refuse(at![key, name], format!("colour `{name}` is `{color}`"));
                faults.push(refusal.hint("write it as \"#rrggbb\""));
            }
        }
    }
    faults.finish()
}

impl RawLogo {
    fn read(self, origin: &Origin) -> Result<Logo> {
        let refuse = |message: &str, hint: &str| {
            origin.refuse(at!["logo", "file"], format!("logo `{}`: {message}", self.file)).hint(hint)
        };
        let inside = Path::new(&self.file).components().all(|part| matches!(part, Component::Normal(_)));
        if !inside {
            return Err(refuse("lies outside the brand's folder", "put the file beside the brand's").into());
        }
        let path = origin.path.parent().unwrap_or_else(|| Path::new("")).join(&self.file);
        if !path.is_file() {
            return Err(refuse(
                "no such file",
                &format!("put it at {}, or take `logo` out of the brand", path.display()),
            )
            .into());
        }
        let bytes = fs_err::read(&path)?;
        let format = match path.extension().and_then(|ending| ending.to_str()) {
            Some("png") if bytes.starts_with(b"\x89PNG\r\n\x1a\n") => LogoFormat::Png,
            Some("svg") if drawn(&bytes, "<svg") => LogoFormat::Svg,
            Some("png" | "svg") => {
                return Err(refuse("is not what its ending says", "save it as SVG or PNG again").into());
            }
            _ => return Err(refuse("is neither SVG nor PNG", "save it as SVG or PNG").into()),
        };
        if format == LogoFormat::Svg && ["<text", "href=\"http"].iter().any(|part| drawn(&bytes, part)) {
            let message = "needs a font or a file from elsewhere";
            return Err(refuse(message, "turn its letters into paths and embed its pictures").into());
        }
        Ok(Logo { format, bytes, alt: self.alt })
    }
}

/// Whether an SVG holds this piece.
fn drawn(svg: &[u8], piece: &str) -> bool {
    svg.windows(piece.len()).any(|window| window == piece.as_bytes())
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
    use crate::Refusal;

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

    fn house_with(extra: &str, files: &[(&str, &[u8])]) -> Result<Brand> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/brand.yaml");
        let folder = tempfile::tempdir().unwrap();
        let text = crate::fs::read_text(&path).unwrap() + extra;
        crate::fs::write_atomic(&folder.path().join("brand.yaml"), text.as_bytes()).unwrap();
        for (name, bytes) in files {
            crate::fs::write_atomic(&folder.path().join(name), bytes).unwrap();
        }
        Brand::load(&folder.path().join("brand.yaml"))
    }

    #[test]
    fn a_logo_is_read_from_beside_the_brand() {
        let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><path d=\"M0 0h9v9z\"/></svg>";
        let logo = "logo: {file: mark.svg, alt: {fr: Marque, en: Mark}}\n";
        let brand = house_with(logo, &[("mark.svg", svg)]).unwrap();
        let read = brand.logo.as_ref().unwrap();
        assert_eq!((read.format, read.bytes.as_slice()), (LogoFormat::Svg, svg.as_slice()));
        assert!(brand.speaks(&["fr".to_owned(), "en".to_owned()]).is_ok());
        let message = brand.speaks(&["nl".to_owned()]).unwrap_err().to_string();
        assert!(message.contains("`disclaimer` has no text in `nl`"), "{message}");
    }

    #[test]
    fn a_logo_that_cannot_be_used_is_refused_at_its_line() {
        let line = |file: &str| format!("logo: {{file: {file}, alt: {{fr: a, en: b}}}}\n");
        let cases: [(&str, &[u8], &str); 5] = [
            ("none.svg", b"", "no such file"),
            ("../mark.svg", b"", "lies outside"),
            ("mark.jpg", b"\xff\xd8", "neither SVG nor PNG"),
            ("mark.png", b"<svg></svg>", "is not what its ending says"),
            ("mark.svg", b"<svg><text>Desk</text></svg>", "needs a font"),
        ];
        for (name, bytes, expected) in cases {
            let files = [(name, bytes)];
            let files = if bytes.is_empty() { &files[..0] } else { &files[..] };
            let error = house_with(&line(name), files).unwrap_err();
            let refusal = error.downcast_ref::<Refusal>().unwrap();
            assert!(refusal.message.contains(expected) && refusal.hint.is_some(), "{name}: {refusal:?}");
            let place = refusal.message.split_once("brand.yaml:").unwrap().1;
            assert!(place.chars().next().unwrap().is_ascii_digit(), "{}", refusal.message);
        }
    }

    #[test]
    fn rounding_is_as_declared() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/brand.yaml");
        assert_eq!(Brand::load(&path).unwrap().rounding, Rounding::HalfEven);
        let text = crate::fs::read_text(&path).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("brand.yaml");
        let declared = |rule: &str| {
            let text = text.replace("rounding: half-even", &format!("rounding: {rule}"));
            crate::fs::write_atomic(&file, text.as_bytes()).unwrap();
            Brand::load(&file)
        };
        assert_eq!(declared("half-up").unwrap().rounding, Rounding::HalfUp);
        assert!(declared("half-down").unwrap_err().to_string().contains("half-even"));
    }
}
