//! The edition of a brief for browsers: the same sections under a design that makes HTML.

use crate::{attach::ATTACH, compose::Document};

/// The design, with the names that the page design has for sections.
const DESIGN: &str = include_str!("../templates/edition.typ");
const DESIGN_NAME: &str = "crates/shockbrief-templating/templates/edition.typ";

/// Fonts of a chart: no font goes along with HTML, so that another one must be named.
const FONT: (&str, &str) = ("font-family=\"Noto Sans\"", "font-family=\"Noto Sans, sans-serif\"");

/// The document with the design for browsers, and without the files that only a PDF carries.
pub(crate) fn of(document: &Document) -> Document {
    let mut edition = document.clone();
    edition.files.retain(|path, _| path.ends_with(".typ") || path.ends_with(".svg"));
    edition.files.insert("/brief.typ".to_owned(), DESIGN.to_owned());
    let lines = (1..=DESIGN.lines().count()).map(|line| (DESIGN_NAME.to_owned(), line)).collect();
    edition.origins.insert("/brief.typ".to_owned(), lines);
    for (path, text) in &mut edition.files {
        if path.starts_with("/charts/") {
            *text = text.replacen(FONT.0, FONT.1, 1);
        }
    }
    if let Some(main) = edition.files.get_mut("/main.typ") {
        let kept = main.lines().filter(|line| !line.starts_with(ATTACH));
        *main = kept.map(|line| format!("{line}\n")).collect();
    }
    edition
}
