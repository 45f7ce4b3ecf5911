//! Files inside the PDF: PDF/A-3 lets a document carry its data, each with its type and its relation to the text.

use crate::compose::{Composed, Document};
use crate::engine::{Engine, Scope};
use crate::escape;
use shockbrief_core::{Cell, Table, Value};
use std::fmt::Write as _;

/// A file to carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its path within the document, such as `/brief.json`.
    pub path: String,
    /// Its content.
    pub text: String,
    /// Its media type.
    pub mime: &'static str,
    /// What it is to the document, in the words of ISO 19005-3: `data` behind it, or its `source`.
    pub relationship: &'static str,
    /// What it holds, for people.
    pub description: String,
}

impl Composed {
    /// Attaches a file to every document.
    pub fn attach(&mut self, attachment: &Attachment) {
        self.documents.iter_mut().for_each(|document| attach(document, attachment));
    }
}

/// Attaches a file to one document.
pub(crate) fn attach(document: &mut Document, attachment: &Attachment) {
    let Attachment { path, text, mime, relationship, description } = attachment;
    document.files.insert(path.clone(), text.clone());
    let main = document.files.entry("/main.typ".to_owned()).or_default();
    let [path, mime, description] = [path.as_str(), mime, description.as_str()].map(escape::literal);
    let _ = writeln!(
        main,
        "#pdf.attach({path}, relationship: \"{relationship}\", mime-type: {mime}, description: {description})"
    );
}

/// A table as CSV (RFC 4180): headers and labels in the document's language, numbers in full, dates as ISO 8601.
pub(crate) fn csv(engine: &Engine, table: &Table) -> Attachment {
    let scope = engine.scope();
    // A string may name the index or an event: it is rendered like any other.
    let word = |key: &str| engine.words(key).unwrap_or_else(|_| key.to_owned());
    let header: Vec<String> = table.columns.iter().map(|column| inert(&word(&column.header))).collect();
    let mut text = line(&header);
    for row in &table.rows {
        let cells: Vec<String> = row.cells.iter().map(|cell| plain(scope, cell, word)).collect();
        text.push_str(&line(&cells));
    }
    Attachment {
        path: format!("/tables/{}.csv", table.id),
        text,
        mime: "text/csv",
        relationship: "data",
        description: format!("{} {}", word("format.word.table"), table.id),
    }
}

/// A text that a spreadsheet would take for a formula, behind an apostrophe; it begins with a sign that makes one, after
/// what spreadsheets skip. Numbers are never texts.
fn inert(text: &str) -> String {
    let signs = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠', '|', '%'];
    let skipped = |c: char| c == ' ' || c == '\u{a0}' || c == '\u{feff}' || c == '\u{202f}';
    if text.trim_start_matches(skipped).starts_with(signs) { format!("'{text}") } else { text.to_owned() }
}

fn plain(scope: &Scope, cell: &Cell, word: impl Fn(&str) -> String) -> String {
    let figure = |id: &String| scope.findings.figures.get(id);
    match cell {
        Cell::Text(text) => inert(text),
        Cell::Label(key) => inert(&word(key)),
        Cell::Figure(id) => match figure(id).and_then(|figure| figure.value) {
            Some(Value::Number(value)) => value.to_string(),
            Some(Value::Date(date)) => date.to_string(),
            None => String::new(),
        },
        Cell::P(id) => figure(id).and_then(|figure| figure.p).map_or_else(String::new, |p| p.to_string()),
        Cell::Spark { .. } | Cell::Empty => String::new(),
    }
}

fn line(fields: &[String]) -> String {
    let quoted = |field: &String| {
        if field.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", field.replace('"', "\"\""))
        } else {
            field.clone()
        }
    };
    fields.iter().map(quoted).collect::<Vec<_>>().join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_a_formula() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\r=1", " =1", "＝1", "\u{feff}=1", "|calc"] {
            assert_eq!(inert(formula), format!("'{formula}"));
        }
        for text in ["Nvidia", "a=b", "3M", "S&P 500", "−2,4"] {
            assert_eq!(inert(text), text);
        }
    }

    #[test]
    fn fields_are_quoted_when_they_must_be() {
        let fields = ["plain", "a,b", "say \"no\"", ""].map(str::to_owned);
        assert_eq!(line(&fields), "plain,\"a,b\",\"say \"\"no\"\"\",\r\n");
    }
}
