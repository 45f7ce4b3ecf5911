//! What PDF/UA-1 and PDF/A-3a ask of a document's structure, read from a PDF with a PDF library.
//!
//! Not a substitute for veraPDF, which `make verapdf` runs where it is installed: fonts' glyphs, colour spaces and
//! the syntax of objects are not looked at here.
#![allow(dead_code, clippy::unwrap_used, reason = "each test uses a part; a test fails by panicking")]

use lopdf::{Dictionary, Document, Object, ObjectId, content::Content};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// An element of the structure tree.
pub struct Element {
    /// Its type: `H1`, `Figure`, `TD`.
    pub kind: String,
    /// Its dictionary.
    pub attributes: Dictionary,
    depth: usize,
}

/// A tagged PDF.
pub struct Pdf {
    document: Document,
    /// Its structure, in order.
    pub elements: Vec<Element>,
}

impl Pdf {
    /// Reads a PDF and its structure tree.
    ///
    /// # Panics
    /// When it is no tagged PDF.
    pub fn load(path: &Path) -> Self {
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

    /// A text string of a dictionary.
    pub fn text(&self, dictionary: &Dictionary, key: &[u8]) -> Option<String> {
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

/// Checks everything; gives what there is of each kind.
///
/// # Panics
/// At the first fault.
pub fn check(pdf: &Pdf, name: &str) -> BTreeMap<&'static str, usize> {
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
    archival(pdf, name);
    let marked = content(pdf, name);
    let annotations = annotations(pdf, name);
    let mut counts = BTreeMap::new();
    for kind in ["H1", "Figure", "Table", "TH", "TD", "Link"] {
        counts.insert(kind, pdf.elements.iter().filter(|element| element.kind == kind).count());
    }
    counts.insert("attachments", attachments(pdf, name));
    counts.insert("pages", pdf.document.get_pages().len());
    counts.insert("marked", marked);
    counts.insert("annotations", annotations);
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
    regular(pdf, name);
}

/// Every row of a table has as many columns as its first, spans counted (UA-1, 7.2).
fn regular(pdf: &Pdf, name: &str) {
    let mut table = Rows::default();
    for element in &pdf.elements {
        match element.kind.as_str() {
            "Table" => std::mem::take(&mut table).finish(name),
            "TR" => table.row(),
            "TH" | "TD" => {
                let [across, down] = ["ColSpan", "RowSpan"].map(|key| span(pdf, &element.attributes, key));
                table.cell(across, down);
            }
            _ => {}
        }
    }
    table.finish(name);
}

/// The columns taken in each row of a table, by its own cells and by those that reach down from above.
#[derive(Default)]
struct Rows {
    widths: Vec<usize>,
    /// Columns that cells from above still take, each with the rows left.
    reaching: Vec<(usize, usize)>,
}

impl Rows {
    fn row(&mut self) {
        self.reaching.iter_mut().for_each(|(_, left)| *left -= 1);
        self.reaching.retain(|(_, left)| *left > 0);
        self.widths.push(self.reaching.iter().map(|(across, _)| across).sum());
    }

    fn cell(&mut self, across: usize, down: usize) {
        *self.widths.last_mut().unwrap() += across;
        if down > 1 {
            self.reaching.push((across, down));
        }
    }

    fn finish(self, name: &str) {
        assert!(
            self.widths.iter().all(|width| *width == self.widths[0]),
            "{name}: rows of {:?} cells",
            self.widths
        );
        let left: Vec<_> = self.reaching.iter().filter(|(_, left)| *left > 1).collect();
        assert!(left.is_empty(), "{name}: a cell reaches below its table");
    }
}

fn span(pdf: &Pdf, attributes: &Dictionary, key: &str) -> usize {
    let Ok(found) = attributes.get(b"A") else { return 1 };
    let of = |one: &Object| pdf.resolve(one).as_dict().ok()?.get(key.as_bytes()).ok()?.as_i64().ok();
    let span = match pdf.resolve(found) {
        Object::Array(several) => several.iter().find_map(of),
        one => of(one),
    };
    span.and_then(|span| usize::try_from(span).ok()).unwrap_or(1)
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
    unicode(pdf, name);
}

/// Every font says which characters its glyphs stand for, and none of them is no character (UA-1, 7.21.7).
fn unicode(pdf: &Pdf, name: &str) {
    let fonts = pdf.document.objects.values().filter_map(|object| object.as_dict().ok()).filter(|font| {
        let is = |key: &[u8], value: &str| {
            font.get(key).and_then(Object::as_name).is_ok_and(|found| found == value.as_bytes())
        };
        is(b"Type", "Font") && !is(b"Subtype", "CIDFontType0") && !is(b"Subtype", "CIDFontType2")
    });
    let mut count = 0;
    for font in fonts {
        let map = pdf.resolve(font.get(b"ToUnicode").unwrap_or_else(|_| panic!("{name}: {font:?}")));
        let map = map.as_stream().unwrap();
        let text = map.decompressed_content().unwrap_or_else(|_| map.content.clone());
        let text = String::from_utf8_lossy(&text).to_uppercase();
        assert!(text.contains("BEGINBFCHAR") || text.contains("BEGINBFRANGE"), "{name}: {text}");
        for none in ["> <0000>", "> <FEFF>", "> <FFFE>"] {
            assert!(!text.contains(none), "{name}: a glyph stands for {none}");
        }
        count += 1;
    }
    assert!(count > 0, "{name}: no font with a map");
}

/// What an archive asks beside tags: an output intent, no encryption, no script, and one title in both places.
fn archival(pdf: &Pdf, name: &str) {
    let intents = pdf.resolve(pdf.catalog().get(b"OutputIntents").unwrap()).as_array().unwrap();
    let intent = pdf.resolve(&intents[0]).as_dict().unwrap();
    assert_eq!(intent.get(b"S").and_then(Object::as_name).unwrap(), b"GTS_PDFA1", "{name}");
    assert!(intent.has(b"DestOutputProfile"), "{name}: an output intent without profile");
    assert!(!pdf.document.trailer.has(b"Encrypt"), "{name}: encrypted");
    let scripts = pdf.document.objects.values().filter_map(|object| object.as_dict().ok());
    let scripts = scripts.filter(|object| object.has(b"JS") || object.has(b"AA")).count();
    assert_eq!(scripts, 0, "{name}: scripts");
    let info = pdf.document.trailer.get(b"Info").map(|info| pdf.resolve(info));
    let info = info.and_then(Object::as_dict).unwrap();
    let title = pdf.text(info, b"Title").unwrap();
    let escaped = title.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    assert!(
        !title.is_empty() && pdf.metadata().contains(&escaped),
        "{name}: XMP has another title than {title:?}"
    );
}

/// Operators that leave marks on a page.
const PAINT: [&str; 17] =
    ["Tj", "TJ", "'", "\"", "f", "F", "f*", "B", "B*", "b", "b*", "S", "s", "sh", "Do", "EI", "BI"];

/// All that is painted lies in marked content: of the structure, with an element behind it, or an artifact.
fn content(pdf: &Pdf, name: &str) -> usize {
    let parents = parents(pdf);
    let mut marked = 0;
    for (number, page) in pdf.document.get_pages() {
        let place = format!("{name}, page {number}");
        let dictionary = pdf.document.get_dictionary(page).unwrap();
        let key = dictionary.get(b"StructParents").and_then(Object::as_i64).unwrap();
        let elements = pdf.resolve(&parents[&key]).as_array().unwrap();
        let content = Content::decode(&pdf.document.get_page_content(page).unwrap()).unwrap();
        let mut open: Vec<bool> = Vec::new();
        for operation in &content.operations {
            match operation.operator.as_str() {
                "BMC" | "BDC" => {
                    let found = mark(pdf, dictionary, &operation.operands);
                    if let Some(Some(id)) = found {
                        let element =
                            elements.get(id).unwrap_or_else(|| panic!("{place}: no element for {id}"));
                        assert!(
                            pdf.resolve(element).as_dict().is_ok_and(|e| e.has(b"S")),
                            "{place}: {element:?}"
                        );
                        assert!(!open.contains(&true), "{place}: marked content within marked content");
                        marked += 1;
                    }
                    open.push(found.is_some());
                }
                "EMC" => assert!(open.pop().is_some(), "{place}: a mark ends that never began"),
                paint if PAINT.contains(&paint) => {
                    assert!(open.contains(&true), "{place}: {paint} outside of any mark");
                }
                _ => {}
            }
        }
        assert!(open.is_empty(), "{place}: a mark has no end");
    }
    assert!(marked > 0, "{name}: nothing is marked");
    marked
}

/// What a mark says: the number of its content, or that it is an artifact (`Some(None)`), or neither.
fn mark(pdf: &Pdf, page: &Dictionary, operands: &[Object]) -> Option<Option<usize>> {
    if operands.first().and_then(|tag| tag.as_name().ok()).is_some_and(|tag| tag == b"Artifact") {
        return Some(None);
    }
    let properties = match operands.get(1)? {
        Object::Name(name) => {
            let resources = pdf.resolve(page.get(b"Resources").ok()?).as_dict().ok()?;
            let named = pdf.resolve(resources.get(b"Properties").ok()?).as_dict().ok()?;
            pdf.resolve(named.get(name).ok()?).as_dict().ok()?
        }
        other => other.as_dict().ok()?,
    };
    let id = properties.get(b"MCID").and_then(Object::as_i64).ok()?;
    usize::try_from(id).ok().map(Some)
}

/// The parent tree: for each key of a page or annotation, the elements behind it.
fn parents(pdf: &Pdf) -> BTreeMap<i64, Object> {
    let root = pdf.resolve(pdf.catalog().get(b"StructTreeRoot").unwrap()).as_dict().unwrap();
    let mut open = vec![pdf.resolve(root.get(b"ParentTree").unwrap()).clone()];
    let mut found = BTreeMap::new();
    while let Some(node) = open.pop() {
        let node = node.as_dict().unwrap();
        if let Ok(kids) = node.get(b"Kids") {
            open.extend(pdf.resolve(kids).as_array().unwrap().iter().map(|kid| pdf.resolve(kid).clone()));
        }
        if let Ok(pairs) = node.get(b"Nums") {
            for pair in pdf.resolve(pairs).as_array().unwrap().chunks(2) {
                found.insert(pair[0].as_i64().unwrap(), pair[1].clone());
            }
        }
    }
    found
}

/// Every annotation is described, belongs to an element, and its page is walked through in the order of the structure.
fn annotations(pdf: &Pdf, name: &str) -> usize {
    let parents = parents(pdf);
    let mut count = 0;
    for (number, page) in pdf.document.get_pages() {
        let page = pdf.document.get_dictionary(page).unwrap();
        let Ok(annotations) = page.get(b"Annots") else { continue };
        let annotations = pdf.resolve(annotations).as_array().unwrap();
        let order = page.get(b"Tabs").and_then(Object::as_name);
        assert!(
            annotations.is_empty() || order.is_ok_and(|order| order == b"S"),
            "{name}, page {number}: tabs"
        );
        for annotation in annotations {
            let annotation = pdf.resolve(annotation).as_dict().unwrap();
            let described = pdf.text(annotation, b"Contents").is_some_and(|text| !text.trim().is_empty());
            assert!(described, "{name}, page {number}: {annotation:?} is not described");
            let key = annotation.get(b"StructParent").and_then(Object::as_i64).unwrap();
            let element = pdf.resolve(&parents[&key]).as_dict().unwrap();
            assert!(element.has(b"S"), "{name}, page {number}: {element:?}");
            count += 1;
        }
    }
    count
}

/// Each attached file says what it is to the document; the twin is among them, to the byte.
fn attachments(pdf: &Pdf, name: &str) -> usize {
    let files = pdf.resolve(pdf.catalog().get(b"AF").unwrap()).as_array().unwrap();
    let mut names = Vec::new();
    for file in files {
        let file = pdf.resolve(file).as_dict().unwrap();
        assert!(file.has(b"AFRelationship") && file.has(b"Desc"), "{name}: {file:?}");
        let path = pdf.text(file, b"UF").unwrap();
        // A reader that saves all files into one folder makes no other: a name is a name, and none stands twice.
        assert!(!path.trim_start_matches('/').contains('/') && !names.contains(&path), "{name}: {path}");
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
