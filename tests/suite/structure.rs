//! What PDF/UA-1 and PDF/A-3a ask of a document's structure, read from every report's PDF with a PDF library.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use lopdf::{Dictionary, Document, Object, ObjectId};
use shockbrief_tests::{root, sample, shockbrief};
use std::{collections::BTreeMap, path::PathBuf};

fn rendered(out: &std::path::Path) -> Vec<PathBuf> {
    let mut reports: Vec<PathBuf> =
        fs_err::read_dir(root().join("reports")).unwrap().map(|entry| entry.unwrap().path()).collect();
    reports.sort();
    let mut render = shockbrief(["render", "--data"]);
    let output = render.arg(sample()).arg("--out").arg(out).args(&reports).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(PathBuf::from).collect()
}

struct Element {
    kind: String,
    attributes: Dictionary,
    depth: usize,
}

struct Pdf {
    document: Document,
    elements: Vec<Element>,
}

impl Pdf {
    fn load(path: &PathBuf) -> Self {
        let document = Document::load(path).unwrap();
        let mut pdf = Self { document, elements: Vec::new() };
        let root = pdf.catalog().get(b"StructTreeRoot").and_then(Object::as_reference).unwrap();
        let mut found = Vec::new();
        pdf.walk(root, 0, &mut found);
        pdf.elements = found;
        pdf
    }

    fn catalog(&self) -> &Dictionary {
        self.document.catalog().unwrap()
    }

    fn resolve<'a>(&'a self, object: &'a Object) -> &'a Object {
        object.as_reference().ok().and_then(|id| self.document.get_object(id).ok()).unwrap_or(object)
    }

    fn walk(&self, id: ObjectId, depth: usize, found: &mut Vec<Element>) {
        let element = self.document.get_dictionary(id).unwrap();
        if let Ok(kind) = element.get(b"S").and_then(Object::as_name) {
            let kind = String::from_utf8_lossy(kind).into_owned();
            found.push(Element { kind, attributes: element.clone(), depth });
        }
        let Ok(kids) = element.get(b"K") else { return };
        let kids = match self.resolve(kids) {
            Object::Array(kids) => kids.clone(),
            other => vec![if kids.as_reference().is_ok() { kids.clone() } else { other.clone() }],
        };
        for kid in kids.iter().filter_map(|kid| kid.as_reference().ok()) {
            let structural = self.document.get_dictionary(kid).is_ok_and(|kid| kid.has(b"S"));
            if structural {
                self.walk(kid, depth + 1, found);
            }
        }
    }

    fn text(&self, dictionary: &Dictionary, key: &[u8]) -> Option<String> {
        let object = self.resolve(dictionary.get(key).ok()?);
        let bytes = object.as_str().ok()?;
        Some(match bytes {
            [0xfe, 0xff, rest @ ..] => {
                let units: Vec<u16> =
                    rest.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
                String::from_utf16_lossy(&units)
            }
            _ => String::from_utf8_lossy(bytes).into_owned(),
        })
    }

    fn metadata(&self) -> String {
        let id = self.catalog().get(b"Metadata").and_then(Object::as_reference).unwrap();
        let stream = self.document.get_object(id).unwrap().as_stream().unwrap();
        let bytes = stream.decompressed_content().unwrap_or_else(|_| stream.content.clone());
        String::from_utf8(bytes).unwrap()
    }
}

fn check(pdf: &Pdf, name: &str) -> BTreeMap<&'static str, usize> {
    let catalog = pdf.catalog();
    let flag = |dictionary: &[u8], key: &[u8]| {
        let inner = pdf.resolve(catalog.get(dictionary).unwrap()).as_dict().unwrap();
        pdf.resolve(inner.get(key).unwrap()).as_bool().unwrap()
    };
    assert!(flag(b"MarkInfo", b"Marked"), "{name}: not marked as tagged");
    assert!(flag(b"ViewerPreferences", b"DisplayDocTitle"), "{name}: the title is not shown");
    let language = pdf.text(catalog, b"Lang").unwrap();
    let expected = if name.contains(".fr.") { "fr" } else { "en" };
    assert!(language.starts_with(expected), "{name}: language {language}");
    let xmp = pdf.metadata();
    for claim in ["<pdfuaid:part>1<", "<pdfaid:part>3<", "<pdfaid:conformance>A<", "dc:title"] {
        assert!(xmp.contains(claim), "{name}: XMP lacks {claim}\n{xmp}");
    }
    assert!(catalog.has(b"Outlines"), "{name}: no bookmarks");
    assert!(pdf.document.trailer.has(b"ID"), "{name}: no file identifier");
    headings(pdf, name);
    figures(pdf, name);
    tables(pdf, name);
    fonts(pdf, name);
    let mut counts = BTreeMap::new();
    for kind in ["H1", "Figure", "Table", "TH", "TD", "Link"] {
        counts.insert(kind, pdf.elements.iter().filter(|element| element.kind == kind).count());
    }
    counts.insert("attachments", attachments(pdf, name));
    counts
}

/// Levels begin at 1 and never skip one on the way down.
fn headings(pdf: &Pdf, name: &str) {
    let level = |kind: &str| kind.strip_prefix('H').and_then(|n| n.parse::<usize>().ok());
    let levels: Vec<usize> = pdf.elements.iter().filter_map(|element| level(&element.kind)).collect();
    assert_eq!(levels.first(), Some(&1), "{name}");
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{name}: {levels:?}");
}

fn figures(pdf: &Pdf, name: &str) {
    let figures: Vec<String> = pdf
        .elements
        .iter()
        .filter(|element| element.kind == "Figure")
        .map(|element| pdf.text(&element.attributes, b"Alt").unwrap_or_default())
        .collect();
    assert!(!figures.is_empty(), "{name}: no figure");
    // More than a caption: an alternative tells values.
    let short: Vec<&String> = figures.iter().filter(|alt| alt.chars().count() <= 60).collect();
    assert!(short.is_empty(), "{name}: {short:?}");
}

/// Rows lie in tables, cells in rows, and every table has header cells with a scope.
fn tables(pdf: &Pdf, name: &str) {
    let mut parents: Vec<&str> = Vec::new();
    let mut headers: Option<usize> = None;
    for element in &pdf.elements {
        parents.truncate(element.depth);
        let parent = parents.last().copied().unwrap_or_default();
        match element.kind.as_str() {
            "Table" => assert_ne!(headers.replace(0), Some(0), "{name}: a table without header"),
            "TR" => assert!(["Table", "THead", "TBody", "TFoot"].contains(&parent), "{name}: TR in {parent}"),
            "TD" => assert_eq!(parent, "TR", "{name}"),
            "TH" => {
                assert_eq!(parent, "TR", "{name}");
                assert!(scope(pdf, &element.attributes), "{name}: TH without scope");
                headers = headers.map(|count| count + 1);
            }
            _ => {}
        }
        parents.resize(element.depth, "");
        parents.push(&element.kind);
    }
    assert_ne!(headers, Some(0), "{name}: a table without header");
}

fn scope(pdf: &Pdf, attributes: &Dictionary) -> bool {
    let Ok(found) = attributes.get(b"A") else { return false };
    match pdf.resolve(found) {
        Object::Array(several) => {
            several.iter().any(|one| pdf.resolve(one).as_dict().is_ok_and(|one| one.has(b"Scope")))
        }
        one => one.as_dict().is_ok_and(|one| one.has(b"Scope")),
    }
}

fn fonts(pdf: &Pdf, name: &str) {
    let mut descriptors = 0;
    for object in pdf.document.objects.values() {
        let Ok(dictionary) = object.as_dict() else { continue };
        if dictionary.get(b"Type").and_then(Object::as_name).is_ok_and(|kind| kind == b"FontDescriptor") {
            let embedded = [b"FontFile".as_slice(), b"FontFile2", b"FontFile3"];
            assert!(embedded.iter().any(|key| dictionary.has(key)), "{name}: a font is not embedded");
            descriptors += 1;
        }
    }
    assert!(descriptors > 0, "{name}: no font");
}

/// Each attached file says what it is to the document; the twin is among them, to the byte.
fn attachments(pdf: &Pdf, name: &str) -> usize {
    let files = pdf.resolve(pdf.catalog().get(b"AF").unwrap()).as_array().unwrap();
    let mut names = Vec::new();
    for file in files {
        let file = pdf.resolve(file).as_dict().unwrap();
        assert!(file.has(b"AFRelationship") && file.has(b"Desc"), "{name}: {file:?}");
        let path = pdf.text(file, b"UF").unwrap();
        let embedded = pdf.resolve(file.get(b"EF").unwrap()).as_dict().unwrap();
        let stream = pdf.resolve(embedded.get(b"F").unwrap()).as_stream().unwrap();
        if path.ends_with("brief.json") {
            let bytes = stream.decompressed_content().unwrap();
            let twin = fs_err::read(PathBuf::from(name).with_file_name("brief.json")).unwrap();
            assert!(bytes == twin, "{name}: the attached twin is another one");
        }
        names.push(path);
    }
    assert!(names.iter().any(|path| path.ends_with("brief.json")), "{name}: {names:?}");
    names.len()
}

#[test]
fn every_report_is_well_structured_in_both_languages() {
    let out = tempfile::tempdir().unwrap();
    let pdfs = rendered(out.path());
    assert!(pdfs.len() >= 8);
    for path in &pdfs {
        let pdf = Pdf::load(path);
        let counts = check(&pdf, &path.display().to_string());
        assert!(
            counts["Table"] > 0 && counts["TH"] > 0 && counts["H1"] > 0,
            "{}: {counts:?}",
            path.display()
        );
        let size = fs_err::metadata(path).unwrap().len();
        assert!(size < 400_000, "{}: {size} bytes", path.display());
    }
}

#[test]
fn verify_catches_a_stale_twin_and_a_changed_configuration() {
    let out = tempfile::tempdir().unwrap();
    let mut render = shockbrief(["render", "reports/weekly-monitor", "--data"]);
    assert!(render.arg(sample()).arg("--out").arg(out.path()).status().unwrap().success());
    let folder = out.path().join("weekly-monitor/2025-W05");
    let verify = || {
        let mut verify = shockbrief(["verify", "--data"]);
        let output = verify.arg(sample()).arg(folder.join("manifest.json")).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(verify(), (Some(0), String::new()));
    let twin = folder.join("brief.json");
    let bytes = fs_err::read(&twin).unwrap();
    let stale = String::from_utf8(bytes.clone()).unwrap().replacen("\"value\": ", "\"value\": 1", 1);
    std::io::Write::write_all(&mut fs_err::File::create(&twin).unwrap(), stale.as_bytes()).unwrap();
    let (code, message) = verify();
    assert_eq!(code, Some(4), "{message}");
    assert!(message.contains("brief.json is not the file that was published"), "{message}");
    std::io::Write::write_all(&mut fs_err::File::create(&twin).unwrap(), &bytes).unwrap();
    // A manifest of other bytes: what is made again differs, and the twin is named.
    let manifest = folder.join("manifest.json");
    let text = fs_err::read_to_string(&manifest).unwrap();
    let moved = text.replace("\"as_of\": \"2025-01-31\"", "\"as_of\": \"2025-01-30\"");
    assert_ne!(moved, text);
    std::io::Write::write_all(&mut fs_err::File::create(&manifest).unwrap(), moved.as_bytes()).unwrap();
    let (code, message) = verify();
    assert_eq!(code, Some(4), "{message}");
    assert!(message.contains("brief.json") && message.contains("came out else"), "{message}");
    let aged = moved.replace("\"typst\": \"", "\"typst\": \"0.1-");
    std::io::Write::write_all(&mut fs_err::File::create(&manifest).unwrap(), aged.as_bytes()).unwrap();
    let (_, message) = verify();
    assert!(message.contains("changed since: ") && message.contains("typst from 0.1-"), "{message}");
}
