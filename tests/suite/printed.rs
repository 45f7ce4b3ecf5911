//! Every text that a rendered report prints, read from the Typst sources and charts kept beside its PDF.
#![allow(dead_code, clippy::unwrap_used, reason = "each test uses a part; a test fails by panicking")]

use shockbrief_tests::{reports_of, sample, shockbrief};
use std::path::{Path, PathBuf};

/// One text: a paragraph, caption, note, cell, label of a chart, alternative text.
pub struct Text {
    /// Report, language and file, for messages.
    pub place: String,
    /// The language it is set in: the document's, or that of a marked phrase.
    pub language: String,
    /// What is printed; phrases marked as another language stand between [`OPEN`] and [`CLOSE`].
    pub text: String,
}

/// Opens a phrase in another language.
pub const OPEN: char = '\u{e000}';
/// Closes it.
pub const CLOSE: char = '\u{e001}';

/// A text in its own language alone: `x` stands for phrases of another.
pub fn own(text: &str) -> String {
    let mut parts = text.split(OPEN);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "x" + part.split(CLOSE).nth(1).unwrap_or_default())
}

/// One report in one language.
pub struct Printed {
    /// `fr` or `en`.
    pub language: String,
    /// Its folder of sources.
    pub folder: PathBuf,
    /// All texts.
    pub texts: Vec<Text>,
}

/// Renders every report from the sample data and reads what it prints.
///
/// # Panics
/// When a report cannot be rendered.
pub fn all(out: &Path) -> Vec<Printed> {
    from(&sample(), out)
}

/// Renders every report from a folder of data and reads what it prints.
///
/// # Panics
/// When a report cannot be rendered.
pub fn from(data: &Path, out: &Path) -> Vec<Printed> {
    let reports = reports_of(data);
    let mut render = shockbrief(["render", "--keep-source", "--data"]);
    let output = render.arg(data).arg("--out").arg(out).args(&reports).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let pdfs = String::from_utf8(output.stdout).unwrap();
    pdfs.lines().map(|pdf| Path::new(pdf).with_extension("src")).map(|folder| read(&folder)).collect()
}

/// What was rendered into a folder with its sources kept.
pub fn of(out: &Path) -> Vec<Printed> {
    let mut folders: Vec<PathBuf> = files(out, "typ")
        .into_iter()
        .filter(|path| path.ends_with("main.typ"))
        .map(|path| path.parent().unwrap().to_owned())
        .collect();
    folders.sort();
    folders.iter().map(|folder| read(folder)).collect()
}

fn read(folder: &Path) -> Printed {
    let stem = folder.file_stem().unwrap().to_string_lossy().into_owned();
    let language = stem.rsplit('.').next().unwrap().to_owned();
    let mut texts = Vec::new();
    for path in files(folder, "typ").into_iter().filter(|path| !path.ends_with("brief.typ")) {
        let source = fs_err::read_to_string(&path).unwrap();
        let place = format!("{stem}/{}", path.file_name().unwrap().to_string_lossy());
        if path.ends_with("theme.typ") {
            texts.extend(theme(&source).map(|text| Text {
                place: place.clone(),
                language: language.clone(),
                text,
            }));
        } else {
            let mut reader = Reader { chars: source.chars().collect(), at: 0, found: Vec::new() };
            let text = reader.markup(None);
            reader.found.push((None, text));
            for (own, text) in reader.found {
                let language = own.unwrap_or_else(|| language.clone());
                let paragraphs = text
                    .split("\n\n")
                    .map(|text| text.split(['\n']).map(str::trim_start).collect::<Vec<_>>());
                texts.extend(
                    paragraphs
                        .map(|lines| lines.join(" ").trim_matches(' ').to_owned())
                        .filter(|text| !text.is_empty())
                        .map(|text| Text { place: place.clone(), language: language.clone(), text }),
                );
            }
        }
    }
    for path in files(folder, "svg") {
        let place = format!("{stem}/{}", path.file_name().unwrap().to_string_lossy());
        for label in labels(&fs_err::read_to_string(&path).unwrap()) {
            texts.push(Text { place: place.clone(), language: language.clone(), text: label.text });
        }
    }
    Printed { language, folder: folder.to_owned(), texts }
}

/// Files of a folder and those below it, by ending, in order.
pub fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|other| other == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The words and facts of a document: values of `name: "…"` that are shown.
fn theme(source: &str) -> impl Iterator<Item = String> + '_ {
    let hidden = ["\"language\"", "\"slug\"", "\"region\"", "\"period\"", "\"date\"", "\"publisher\""];
    source.lines().filter_map(move |line| {
        let (key, value) = line.trim().split_once(": ")?;
        let value = value.strip_suffix(',').unwrap_or(value).strip_prefix('"')?.strip_suffix('"')?;
        (!hidden.contains(&key) && !value.starts_with("sec-"))
            .then(|| value.replace("\\\"", "\"").replace("\\\\", "\\"))
    })
}

/// A text of a chart with its place in points of the drawing.
#[derive(Debug)]
pub struct Label {
    /// What it says.
    pub text: String,
    /// `x` and `y` of its anchor and the size of its letters.
    pub at: [f64; 3],
    /// `start`, `middle` or `end`.
    pub anchor: String,
    /// Whether it is bold.
    pub bold: bool,
    /// Its colour.
    pub fill: String,
}

/// The texts of an SVG.
pub fn labels(svg: &str) -> Vec<Label> {
    let attribute = |tag: &str, name: &str| {
        let from = tag.find(&format!(" {name}=\""))? + name.len() + 3;
        Some(tag[from..].split('"').next()?.to_owned())
    };
    let number = |tag: &str, name: &str| attribute(tag, name).unwrap().parse::<f64>().unwrap();
    svg.split("<text")
        .skip(1)
        .map(|rest| {
            let (tag, after) = rest.split_once('>').unwrap();
            let text = after.split("</text>").next().unwrap();
            assert!(!text.contains('<'), "a label with tags: {text}");
            let text =
                text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
            Label {
                text: text.replace("&amp;", "&"),
                at: [number(tag, "x"), number(tag, "y"), number(tag, "font-size")],
                anchor: attribute(tag, "text-anchor").unwrap_or_else(|| "start".to_owned()),
                bold: attribute(tag, "font-weight").is_some_and(|weight| weight == "bold"),
                fill: attribute(tag, "fill").unwrap_or_default(),
            }
        })
        .collect()
}

/// Reads what the engine writes, which is a small part of Typst: markup, escapes, calls with content and strings.
struct Reader {
    chars: Vec<char>,
    at: usize,
    found: Vec<(Option<String>, String)>,
}

impl Reader {
    fn peek(&self) -> char {
        self.chars.get(self.at).copied().unwrap_or('\0')
    }

    fn markup(&mut self, close: Option<char>) -> String {
        let mut text = String::new();
        while self.at < self.chars.len() && Some(self.peek()) != close {
            let c = self.peek();
            self.at += 1;
            match c {
                '\\' => {
                    text.extend(self.chars.get(self.at));
                    self.at += 1;
                }
                '#' => text.push_str(&self.code()),
                '*' | '_' => {}
                '$' => self.skip('$'),
                '`' => self.skip('`'),
                '<' => {
                    self.skip('>');
                    text.push('\n');
                }
                '=' if text.is_empty() || text.ends_with('\n') => {}
                c => text.push(c),
            }
        }
        text
    }

    fn skip(&mut self, end: char) {
        while self.at < self.chars.len() && self.peek() != end {
            self.at += 1;
        }
        self.at += 1;
    }

    /// Code after `#`: content of blocks is set aside, that of `#text` stays in its line.
    fn code(&mut self) -> String {
        let from = self.at;
        while self.peek().is_alphanumeric() || matches!(self.peek(), '-' | '.' | '_') {
            self.at += 1;
        }
        let name: String = self.chars[from..self.at].iter().collect();
        if matches!(name.as_str(), "import" | "include" | "show" | "let" | "set") {
            self.skip('\n');
            return "\n\n".to_owned();
        }
        let mut language = None;
        if self.peek() == '(' {
            self.at += 1;
            language = self.arguments(')');
        }
        let mut inline = String::new();
        while self.peek() == '[' {
            self.at += 1;
            let text = self.markup(Some(']'));
            self.at += 1;
            match (name.as_str(), &language) {
                ("text", Some(language)) => {
                    self.found.push((Some(language.clone()), text.clone()));
                    inline = format!("{OPEN}{text}{CLOSE}");
                }
                ("text" | "emph" | "strong" | "link" | "box", _) => inline.push_str(&text),
                _ => {
                    self.found.push((None, text));
                    inline = "\n\n".to_owned();
                }
            }
        }
        if self.peek() == ';' {
            self.at += 1;
        }
        inline
    }

    /// Arguments up to a closing bracket: content and alternative texts are set aside. Gives `lang`.
    fn arguments(&mut self, close: char) -> Option<String> {
        let mut language = None;
        let mut key = String::new();
        while self.at < self.chars.len() && self.peek() != close {
            let c = self.peek();
            self.at += 1;
            match c {
                '"' => {
                    let text = self.string();
                    match key.trim() {
                        "alt" => self.found.push((None, text)),
                        "lang" => language = Some(text),
                        _ => {}
                    }
                    key.clear();
                }
                '[' => {
                    let text = self.markup(Some(']'));
                    self.at += 1;
                    self.found.push((None, text));
                }
                '(' => {
                    self.arguments(')');
                }
                ',' | '\n' => key.clear(),
                ':' => {}
                c => key.push(c),
            }
        }
        self.at += 1;
        language
    }

    fn string(&mut self) -> String {
        let mut text = String::new();
        while self.at < self.chars.len() && self.peek() != '"' {
            if self.peek() == '\\' {
                self.at += 1;
            }
            text.push(self.peek());
            self.at += 1;
        }
        self.at += 1;
        text
    }
}

/// The source of a document's section, and whether it holds this piece: used to see that something was read.
pub fn mentions(printed: &Printed, what: &str) -> bool {
    printed.texts.iter().any(|text| text.text.contains(what))
}
