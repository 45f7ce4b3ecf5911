//! A tagged PDF read back by its structure: paragraphs, cells, captions, marks of lists and notes, drawings with
//! their descriptions (ISO 32000-1, 14.7 and 14.8).
//!
//! Text is taken in the order of the content stream within each piece of marked content, whatever its position,
//! colour or spacing: letters set apart are still one word. Text within a form (a picture that was placed) is kept
//! apart from text that was set.

use anyhow::{Context as _, Result};
use lopdf::{Dictionary, Document, Object, ObjectId, content::Content};
use std::collections::{BTreeMap, BTreeSet};

/// Forms within forms that are followed.
const DEEPEST: usize = 12;
/// Elements within elements that are followed.
const NESTED: usize = 200;

/// A block of text with its place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Block {
    /// Page on which it begins, counted from 1.
    pub page: usize,
    /// Types of the structure elements around it, the outermost first: `Table`, `TR`, `TD`.
    pub kinds: Vec<String>,
    /// Its text.
    pub text: String,
    /// Text within pictures placed there.
    pub drawn: String,
    /// Its description, of a drawing.
    pub alt: Option<String>,
    /// Whether its element begins with it.
    pub opens: bool,
}

impl Block {
    /// Whether the innermost element is of this type.
    #[must_use]
    pub fn is(&self, kind: &str) -> bool {
        self.kinds.last().is_some_and(|found| found == kind)
    }

    /// Whether an element of this type stands around the text.
    #[must_use]
    pub fn within(&self, kind: &str) -> bool {
        self.kinds.iter().any(|found| found == kind)
    }
}

/// What a PDF says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pages {
    /// How many pages.
    pub pages: usize,
    /// Text of the structure, in reading order.
    pub blocks: Vec<Block>,
    /// Text outside the structure: headers, footers.
    pub artifacts: Vec<Block>,
    /// Addresses that a click opens, with their pages.
    pub links: Vec<(usize, String)>,
}

/// Reads a PDF.
///
/// # Errors
/// Bytes that are no PDF, or one without structure.
pub fn read(pdf: &[u8]) -> Result<Pages> {
    let document = Document::load_mem(pdf).context("reading the PDF's text back")?;
    let mut reader = Reader { document: &document, content: BTreeMap::new(), artifacts: Vec::new() };
    let mut numbers = BTreeMap::new();
    for (number, id) in document.get_pages() {
        numbers.insert(id, number as usize);
        reader.page(number as usize, id)?;
    }
    let mut found = Pages { pages: numbers.len(), artifacts: reader.artifacts, ..Pages::default() };
    for (id, number) in &numbers {
        let links = document.get_page_annotations(*id).unwrap_or_default();
        let address = |link: &&Dictionary| {
            let action = link.get_deref(b"A", &document).and_then(Object::as_dict).ok()?;
            let address = action.iter().find(|(key, _)| matches!(key.as_slice(), b"URI" | b"F"))?;
            Some(text_of(address.1))
        };
        found.links.extend(links.iter().filter_map(address).map(|address| (*number, address)));
    }
    let root = document.catalog()?.get_deref(b"StructTreeRoot", &document).and_then(Object::as_dict);
    let root = root.context("the PDF has no structure")?;
    let mut tree = Tree { document: &document, content: reader.content, numbers, blocks: Vec::new() };
    tree.below(root, None, &[], 0);
    // What is marked and stands in no element would be read by nobody; it is audited all the same.
    let lost = std::mem::take(&mut tree.content);
    found.blocks = tree.blocks;
    for ((page, _), piece) in lost {
        found.artifacts.push(Block { page, text: piece.text, drawn: piece.drawn, ..Block::default() });
    }
    found
        .blocks
        .retain(|block| !block.text.trim().is_empty() || !block.drawn.is_empty() || block.alt.is_some());
    found.artifacts.retain(|block| !block.text.trim().is_empty() || !block.drawn.is_empty());
    Ok(found)
}

/// Text of one piece of marked content.
#[derive(Debug, Clone, Default)]
struct Piece {
    text: String,
    drawn: String,
}

type Marked = BTreeMap<(usize, i64), Piece>;

struct Reader<'a> {
    document: &'a Document,
    content: Marked,
    artifacts: Vec<Block>,
}

/// What marked content says of itself.
#[derive(Debug, Clone, Default)]
struct Mark {
    id: Option<i64>,
    artifact: bool,
    /// Stands for the glyphs inside.
    actual: bool,
}

/// The letters behind the bytes of a font.
type Letters<'a> = Box<dyn Fn(&[u8]) -> Option<String> + 'a>;

/// Where text goes while a content stream is read.
struct State<'a> {
    page: usize,
    marks: Vec<Mark>,
    fonts: BTreeMap<Vec<u8>, Option<Letters<'a>>>,
    font: Vec<u8>,
    /// Whether the place on the page has moved to another line since the last text.
    moved: bool,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn page(&mut self, number: usize, id: ObjectId) -> Result<()> {
        let bytes = self.document.get_page_content(id).context("reading a page")?;
        let (own, inherited) = self.document.get_page_resources(id).context("reading a page")?;
        let resources: Vec<&'a Dictionary> = own
            .into_iter()
            .chain(inherited.iter().filter_map(|id| self.document.get_dictionary(*id).ok()))
            .collect();
        self.artifacts.push(Block { page: number, ..Block::default() });
        let mut state = State {
            page: number,
            marks: Vec::new(),
            fonts: BTreeMap::new(),
            font: Vec::new(),
            moved: false,
            depth: 0,
        };
        self.stream(&bytes, &resources, &mut state)
    }

    fn stream(&mut self, bytes: &[u8], resources: &[&'a Dictionary], state: &mut State<'a>) -> Result<()> {
        let content = Content::decode(bytes).context("reading what a page draws")?;
        for operation in &content.operations {
            let operands = &operation.operands;
            match operation.operator.as_str() {
                "BMC" | "BDC" => {
                    let mark = self.mark(operands, resources);
                    if let Some(actual) = mark.1 {
                        self.push(state, &actual);
                    }
                    state.marks.push(mark.0);
                }
                "EMC" => drop(state.marks.pop()),
                "Tf" => {
                    if let Some(name) = operands.first().and_then(|name| name.as_name().ok()) {
                        state.font = name.to_vec();
                        if !state.fonts.contains_key(&state.font) {
                            let encoding = self.encoding(&state.font, resources);
                            state.fonts.insert(state.font.clone(), encoding);
                        }
                    }
                }
                "Tm" | "T*" => state.moved = true,
                "Td" | "TD" => {
                    let down = operands.get(1).and_then(|y| y.as_float().ok()).unwrap_or(0.0);
                    state.moved |= down.abs() > 0.01;
                }
                "Tj" | "'" | "\"" => {
                    if let Some(Object::String(bytes, _)) = operands.last() {
                        self.show(bytes, state);
                    }
                }
                "TJ" => {
                    let parts = operands.first().and_then(|list| list.as_array().ok());
                    for part in parts.into_iter().flatten() {
                        if let Object::String(bytes, _) = part {
                            self.show(bytes, state);
                        }
                    }
                }
                "Do" => {
                    if let Some(name) = operands.first().and_then(|name| name.as_name().ok()) {
                        self.form(name, resources, state)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What a mark says, and the text that stands for what is inside.
    fn mark(&self, operands: &[Object], resources: &[&'a Dictionary]) -> (Mark, Option<String>) {
        let artifact = operands.first().and_then(|tag| tag.as_name().ok()) == Some(b"Artifact");
        let named = |name: &[u8]| {
            resources.iter().find_map(|resources| {
                let properties = resources.get_deref(b"Properties", self.document).ok()?.as_dict().ok()?;
                properties.get_deref(name, self.document).ok()?.as_dict().ok()
            })
        };
        let properties = match operands.get(1) {
            Some(Object::Dictionary(properties)) => Some(properties),
            Some(Object::Name(name)) => named(name),
            _ => None,
        };
        let id = properties.and_then(|found| found.get(b"MCID").ok()?.as_i64().ok());
        let actual = properties.and_then(|found| found.get(b"ActualText").ok()).map(text_of);
        (Mark { id, artifact, actual: actual.is_some() }, actual)
    }

    fn encoding(&self, name: &[u8], resources: &[&'a Dictionary]) -> Option<Letters<'a>> {
        resources.iter().find_map(|resources| {
            let fonts = resources.get_deref(b"Font", self.document).ok()?.as_dict().ok()?;
            let font = fonts.get_deref(name, self.document).ok()?.as_dict().ok()?;
            let encoding = font.get_font_encoding(self.document).ok()?;
            Some(Box::new(move |bytes: &[u8]| encoding.bytes_to_string(bytes).ok()) as Letters<'a>)
        })
    }

    fn show(&mut self, bytes: &[u8], state: &mut State<'a>) {
        let letters = state.fonts.get(&state.font).and_then(Option::as_ref);
        let text = letters.and_then(|letters| letters(bytes));
        // Letters that cannot be read are not no letters.
        let text = text.unwrap_or_else(|| "\u{fffd}".repeat(bytes.len()));
        if !state.marks.iter().any(|mark| mark.actual) {
            self.push(state, &text);
        }
    }

    fn push(&mut self, state: &mut State<'a>, text: &str) {
        let moved = std::mem::take(&mut state.moved);
        let artifact = state.marks.iter().any(|mark| mark.artifact);
        let id = state.marks.iter().rev().find_map(|mark| mark.id).filter(|_| !artifact);
        let (set, drawn) = match id {
            Some(id) => {
                let piece = self.content.entry((state.page, id)).or_default();
                (&mut piece.text, &mut piece.drawn)
            }
            None => {
                let Some(block) = self.artifacts.last_mut() else { return };
                (&mut block.text, &mut block.drawn)
            }
        };
        let out = if state.depth > 0 { drawn } else { set };
        if moved && !out.is_empty() {
            out.push('\n');
        }
        out.push_str(text);
    }

    fn form(&mut self, name: &[u8], resources: &[&'a Dictionary], state: &mut State<'a>) -> Result<()> {
        if state.depth >= DEEPEST {
            return Ok(());
        }
        let stream = resources.iter().find_map(|resources| {
            let objects = resources.get_deref(b"XObject", self.document).ok()?.as_dict().ok()?;
            objects.get_deref(name, self.document).ok()?.as_stream().ok()
        });
        let Some(stream) = stream else { return Ok(()) };
        if stream.dict.get(b"Subtype").and_then(Object::as_name).ok() != Some(b"Form") {
            return Ok(());
        }
        let bytes = stream.decompressed_content().unwrap_or_else(|_| stream.content.clone());
        let own = stream.dict.get_deref(b"Resources", self.document).and_then(Object::as_dict).ok();
        let resources: Vec<&'a Dictionary> = own.into_iter().chain(resources.iter().copied()).collect();
        // Marks of a form belong to the form: what it says is said where it is placed.
        let mut inner = State {
            page: state.page,
            marks: state.marks.clone(),
            fonts: BTreeMap::new(),
            font: Vec::new(),
            moved: true,
            depth: state.depth + 1,
        };
        self.stream(&bytes, &resources, &mut inner)
    }
}

/// Types of elements that begin a block of their own.
const BLOCKS: [&str; 30] = [
    "P",
    "H",
    "H1",
    "H2",
    "H3",
    "H4",
    "H5",
    "H6",
    "TD",
    "TH",
    "Caption",
    "Lbl",
    "LBody",
    "LI",
    "Note",
    "FENote",
    "Figure",
    "Formula",
    "Title",
    "TOCI",
    "BlockQuote",
    "Code",
    "Div",
    "Sect",
    "Part",
    "Art",
    "Document",
    "Table",
    "Aside",
    "Form",
];

struct Tree<'a> {
    document: &'a Document,
    content: Marked,
    numbers: BTreeMap<ObjectId, usize>,
    blocks: Vec<Block>,
}

impl Tree<'_> {
    fn below(&mut self, element: &Dictionary, page: Option<ObjectId>, kinds: &[String], depth: usize) {
        if depth > NESTED {
            return;
        }
        let page = element.get(b"Pg").and_then(Object::as_reference).ok().or(page);
        let Ok(kids) = element.get(b"K") else { return };
        self.kid(kids, page, kinds, depth);
    }

    fn kid(&mut self, kid: &Object, page: Option<ObjectId>, kinds: &[String], depth: usize) {
        let Ok((_, kid)) = self.document.dereference(kid) else { return };
        match kid {
            Object::Array(list) => list.iter().for_each(|kid| self.kid(kid, page, kinds, depth)),
            Object::Integer(id) => self.text(*id, page, kinds),
            Object::Dictionary(found) => match found.get(b"Type").and_then(Object::as_name) {
                Ok(b"MCR") => {
                    let page = found.get(b"Pg").and_then(Object::as_reference).ok().or(page);
                    if let Ok(id) = found.get(b"MCID").and_then(Object::as_i64) {
                        self.text(id, page, kinds);
                    }
                }
                Ok(b"OBJR") => {}
                _ => self.element(&found.clone(), page, kinds, depth + 1),
            },
            _ => {}
        }
    }

    fn element(&mut self, element: &Dictionary, page: Option<ObjectId>, kinds: &[String], depth: usize) {
        let kind = element.get(b"S").and_then(Object::as_name).map(String::from_utf8_lossy);
        let kind = kind.map(std::borrow::Cow::into_owned).unwrap_or_default();
        let page = element.get(b"Pg").and_then(Object::as_reference).ok().or(page);
        let own = BLOCKS.contains(&kind.as_str());
        let kinds: Vec<String> = kinds.iter().cloned().chain([kind]).collect();
        let alt = element.get(b"Alt").ok().map(text_of);
        if own || alt.is_some() {
            let page = page.and_then(|id| self.numbers.get(&id)).copied().unwrap_or(0);
            self.blocks.push(Block { page, kinds: kinds.clone(), alt, opens: true, ..Block::default() });
        }
        self.below(element, page, &kinds, depth);
        if own {
            // What follows in the element around it is a block again.
            let above = kinds[..kinds.len() - 1].to_vec();
            self.blocks.push(Block { page: 0, kinds: above, ..Block::default() });
        }
    }

    fn text(&mut self, id: i64, page: Option<ObjectId>, kinds: &[String]) {
        let Some(number) = page.and_then(|id| self.numbers.get(&id)).copied() else { return };
        let Some(piece) = self.content.remove(&(number, id)) else { return };
        if self.blocks.is_empty() {
            self.blocks.push(Block { page: number, kinds: kinds.to_vec(), ..Block::default() });
        }
        if let Some(block) = self.blocks.last_mut() {
            if block.text.is_empty() {
                block.page = number;
            }
            block.text.push_str(&piece.text);
            block.drawn.push_str(&piece.drawn);
        }
    }
}

/// A string of a PDF: UTF-16 with its mark, or bytes taken as Latin-1.
fn text_of(object: &Object) -> String {
    let bytes = match object {
        Object::String(bytes, _) | Object::Name(bytes) => bytes.as_slice(),
        _ => return String::new(),
    };
    match bytes {
        [0xfe, 0xff, rest @ ..] => {
            let units: Vec<u16> =
                rest.chunks(2).map(|pair| pair.iter().fold(0, |n, b| n << 8 | u16::from(*b))).collect();
            String::from_utf16_lossy(&units)
        }
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        bytes => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
        },
    }
}

/// Kinds of elements in a document, for tests of what was read.
#[must_use]
pub fn kinds(pages: &Pages) -> BTreeSet<&str> {
    pages.blocks.iter().flat_map(|block| &block.kinds).map(String::as_str).collect()
}
