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

/// A command that claims to be Typst and, asked to typeset, does what `body` says.
fn pretender(folder: &Path, body: &str) -> Typst {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join("typst");
    let text =
        format!("#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'typst 0.15.1'; exit 0; fi\n{body}\n");
    fs_err::write(&path, text).unwrap();
    fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    Typst::checked(&path).unwrap()
}

#[test]
fn memory_has_a_bound() {
    let folder = tempfile::tempdir().unwrap();
    let (french, english) = (support::language("fr"), support::language("en"));
    let (brand, findings) = (support::brand(), support::findings());
    let composed = compose(&support::brief(&french, &english, &brand, &findings)).unwrap();
    // The shell keeps what it is told; without a bound it ends well and leaves a file.
    let body = "x=$(head -c 100000000 /dev/zero | tr '\\0' a); [ ${#x} = 100000000 ] && : > out.pdf";
    let typst = pretender(folder.path(), body);
    let compile = |memory| {
        let error =
            typst.compile(&composed.documents[0], &Typeset { memory, ..Typeset::default() }).unwrap_err();
        format!("{error:#}")
    };
    let bound = compile(16 << 20);
    assert!(bound.contains("Typst ended with code") || bound.contains("was ended by signal"), "{bound}");
    let free = compile(4 << 30);
    assert!(!free.contains("ended with code") && !free.contains("signal"), "an empty file is no PDF: {free}");
}

#[test]
fn documents_wait_for_a_free_place() {
    let folder = tempfile::tempdir().unwrap();
    let (french, english) = (support::language("fr"), support::language("en"));
    let (brand, findings) = (support::brand(), support::findings());
    let composed = compose(&support::brief(&french, &english, &brand, &findings)).unwrap();
    let (now, counts) = (folder.path().join("now"), folder.path().join("counts"));
    fs_err::create_dir(&now).unwrap();
    let (now, counts) = (now.display(), counts.display());
    let body = format!(": > '{now}/'$$; ls '{now}' | wc -l >> '{counts}'; sleep 0.2; rm '{now}/'$$; exit 1");
    for (places, most) in [(1, "1"), (2, "2")] {
        let typst = pretender(folder.path(), &body).at_most(places);
        assert!(typeset(&typst, &composed, &Typeset::default()).is_err());
        let text = fs_err::read_to_string(folder.path().join("counts")).unwrap();
        assert_eq!(text.split_whitespace().max(), Some(most));
        fs_err::remove_file(folder.path().join("counts")).unwrap();
    }
}
