//! Briefs that go through the real typesetter, when it is there.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/support.rs"]
mod support;

use shockbrief_templating::{Typeset, Typst, compose, typeset};
use std::path::Path;

#[test]
fn a_synthetic_brief_becomes_a_pdf_in_both_languages() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let Ok(typst) = Typst::locate(None, root) else {
        eprintln!("left out: no Typst of the right version");
        return;
    };
    let (french, english) = (support::language("fr"), support::language("en"));
    let (brand, findings) = (support::brand(), support::findings());
    let composed = compose(&support::brief(&french, &english, &brand, &findings)).unwrap();
    if let Some(folder) = std::env::var_os("SHOCKBRIEF_KEEP") {
        for document in &composed.documents {
            shockbrief_templating::typst::lay_out(document, &Path::new(&folder).join(&document.language))
                .unwrap();
        }
    }
    let pdfs = typeset(&typst, &composed, &Typeset::default()).unwrap();
    let again = typeset(&typst, &composed, &Typeset::default()).unwrap();
    assert_eq!(pdfs, again);
    for pdf in &pdfs {
        assert!(pdf.bytes.starts_with(b"%PDF-"), "{}", pdf.language);
        if let Some(folder) = std::env::var_os("SHOCKBRIEF_KEEP") {
            fs_err::write(Path::new(&folder).join(format!("{}.pdf", pdf.language)), &pdf.bytes).unwrap();
        }
    }
}
