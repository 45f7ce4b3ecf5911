//! Files inside the PDF: PDF/A-3 lets a document carry its data, each with its type and its relation to the text.

use crate::compose::{Composed, Document};
use crate::engine::{Engine, Scope};
use crate::escape;
use crate::format::because;
use crate::locale::Sign;
use crate::tables::said;
use shockbrief_core::{Cell, Table, Unit, Value};
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

/// How the line begins that attaches a file.
pub(crate) const ATTACH: &str = "#pdf.attach(";

/// Attaches a file to one document.
pub(crate) fn attach(document: &mut Document, attachment: &Attachment) {
    let Attachment { path, text, mime, relationship, description } = attachment;
    document.files.insert(path.clone(), text.clone());
    let main = document.files.entry("/main.typ".to_owned()).or_default();
    let [path, mime, description] = [path.as_str(), mime, description.as_str()].map(escape::literal);
    let _ = writeln!(
        main,
        "{ATTACH}{path}, relationship: \"{relationship}\", mime-type: {mime}, description: {description})"
    );
}

/// Header of the column with the ids of a row's figures: the same in all languages, so that one script reads all.
const IDS: &str = "ids";
/// Header of the column that says why cells of a row are empty; only where some are.
const REASONS: &str = "reasons";

/// A table as CSV (RFC 4180): headers and labels in the document's language, with the figures' units; numbers in full,
/// dates as ISO 8601; last the ids of the figures, and why any is missing. Where the language writes a decimal
/// comma, fields are parted by semicolons and the file opens with a byte-order mark, as its spreadsheets expect.
pub(crate) fn csv(engine: &Engine, table: &Table) -> Attachment {
    let scope = engine.scope();
    // A string may name the index or an event: it is rendered like any other.
    let word = |key: &str| engine.words(key).unwrap_or_else(|_| key.to_owned());
    let form = Form::of(engine);
    let names: Vec<String> = table.columns.iter().map(|column| word(&column.header)).collect();
    let units = (0..names.len()).map(|at| unit(scope, table, at));
    let mut header: Vec<String> =
        unique(&names).iter().zip(units).map(|(name, unit)| inert(&with_unit(name, unit))).collect();
    header.push(IDS.to_owned());
    let reasons: Vec<String> = table.rows.iter().map(|row| reasons(engine, &row.cells)).collect();
    let lacking = reasons.iter().any(|reason| !reason.is_empty());
    header.extend(lacking.then(|| REASONS.to_owned()));
    let mut text = if form.comma { "\u{feff}".to_owned() } else { String::new() };
    text.push_str(&form.line(&header));
    for (row, reason) in table.rows.iter().zip(reasons) {
        let mut cells: Vec<String> = row.cells.iter().map(|cell| plain(scope, &form, cell, word)).collect();
        cells.push(row.cells.iter().filter_map(id).collect::<Vec<_>>().join(" "));
        cells.extend(lacking.then(|| inert(&reason)));
        text.push_str(&form.line(&cells));
    }
    Attachment {
        // No folder: a reader that saves all files of a PDF into one place makes none.
        path: format!("/{}.csv", table.id),
        text,
        mime: "text/csv",
        relationship: "data",
        description: format!("{} {}", word("format.word.table"), table.id),
    }
}

/// How a language's spreadsheets read CSV.
struct Form {
    /// Whether its decimal mark is a comma.
    comma: bool,
}

impl Form {
    fn of(engine: &Engine) -> Self {
        Self { comma: engine.locale().number(0.5, 0, 1, Sign::Negative).contains(',') }
    }

    fn number(&self, value: f64) -> String {
        if self.comma { value.to_string().replace('.', ",") } else { value.to_string() }
    }

    fn line(&self, fields: &[String]) -> String {
        let separator = if self.comma { ";" } else { "," };
        let quoted = |field: &String| {
            if field.contains([',', ';', '"', '\n', '\r']) && !self.is_number(field) {
                format!("\"{}\"", field.replace('"', "\"\""))
            } else {
                field.clone()
            }
        };
        fields.iter().map(quoted).collect::<Vec<_>>().join(separator) + "\r\n"
    }

    /// Whether a field is a number as this form writes it, which needs no quotes.
    fn is_number(&self, field: &str) -> bool {
        self.comma && !field.contains('.') && field.replacen(',', ".", 1).parse::<f64>().is_ok()
    }
}

/// Headers of which none stands twice: one that would takes the header before it, or its place.
fn unique(names: &[String]) -> Vec<String> {
    let twice = |name: &String, among: &[String]| among.iter().filter(|other| *other == name).count() > 1;
    let told: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(at, name)| match at.checked_sub(1).and_then(|before| names.get(before)) {
            Some(before) if twice(name, names) && before != name => format!("{name} ({before})"),
            _ => name.clone(),
        })
        .collect();
    let placed = |(at, name): (usize, &String)| match twice(name, &told) {
        true => format!("{name} {}", at + 1),
        false => name.clone(),
    };
    told.iter().enumerate().map(placed).collect()
}

/// The unit of a column's figures, where they share one that a reader must know.
fn unit(scope: &Scope, table: &Table, column: usize) -> Option<String> {
    let figure = |cell: &Cell| match cell {
        Cell::Figure(id) => scope.findings.figures.get(id),
        _ => None,
    };
    let units = table.rows.iter().filter_map(|row| row.cells.get(column).and_then(figure)).map(|figure| {
        let named = match figure.unit {
            Unit::Money | Unit::Price => figure.currency.clone(),
            Unit::Ratio => Some("ratio".to_owned()),
            Unit::Points => Some("Δ ratio".to_owned()),
            _ => None,
        };
        named.unwrap_or_default()
    });
    let units: std::collections::BTreeSet<String> = units.collect();
    units.first().filter(|unit| units.len() == 1 && !unit.is_empty()).cloned()
}

fn with_unit(name: &str, unit: Option<String>) -> String {
    unit.map_or_else(|| name.to_owned(), |unit| format!("{name} [{unit}]"))
}

fn id(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Figure(id) => Some(id.clone()),
        Cell::P(id) => Some(format!("{id}.p")),
        Cell::Text(_) | Cell::Label(_) | Cell::Spark { .. } | Cell::Empty => None,
    }
}

/// Why figures of a row have no value, each with its id.
fn reasons(engine: &Engine, cells: &[Cell]) -> String {
    let figure = |cell: &Cell| match cell {
        Cell::Figure(id) => engine.scope().findings.figures.get(id).filter(|figure| figure.value.is_none()),
        _ => None,
    };
    let told = cells.iter().filter_map(figure).map(|figure| {
        let reason = because(engine.locale(), figure.reason.as_deref().unwrap_or_default());
        format!("{}: {reason}", figure.id)
    });
    told.collect::<Vec<_>>().join("; ")
}

/// A text that a spreadsheet would take for a formula, behind an apostrophe; it begins with a sign that makes one, after
/// what spreadsheets skip. Numbers are never texts.
fn inert(text: &str) -> String {
    let signs = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠', '|', '%'];
    let skipped = |c: char| c == ' ' || c == '\u{a0}' || c == '\u{feff}' || c == '\u{202f}';
    if text.trim_start_matches(skipped).starts_with(signs) { format!("'{text}") } else { text.to_owned() }
}

fn plain(scope: &Scope, form: &Form, cell: &Cell, word: impl Fn(&str) -> String) -> String {
    let figure = |id: &String| scope.findings.figures.get(id);
    match cell {
        Cell::Text(text) => inert(said(scope, text)),
        Cell::Label(key) => inert(&word(key)),
        Cell::Figure(id) => match figure(id).and_then(|figure| figure.value) {
            Some(Value::Number(value)) => form.number(value),
            Some(Value::Date(date)) => date.to_string(),
            None => String::new(),
        },
        Cell::P(id) => figure(id).and_then(|figure| figure.p).map_or_else(String::new, |p| form.number(p)),
        Cell::Spark { .. } | Cell::Empty => String::new(),
    }
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
        let english = Form { comma: false };
        let fields = ["plain", "a,b", "say \"no\"", ""].map(str::to_owned);
        assert_eq!(english.line(&fields), "plain,\"a,b\",\"say \"\"no\"\"\",\r\n");
    }

    #[test]
    fn a_decimal_comma_takes_semicolons() {
        let french = Form { comma: true };
        assert_eq!(french.number(-0.25), "-0,25");
        let fields = ["Générales", "-0,25", "un ; deux", "a,b", "1"].map(str::to_owned);
        assert_eq!(french.line(&fields), "Générales;-0,25;\"un ; deux\";\"a,b\";1\r\n");
    }

    #[test]
    fn no_header_stands_twice() {
        let names = ["Amount", "On a year", "Four quarters", "On a year", "p", "p"].map(str::to_owned);
        let found = unique(&names);
        assert_eq!(found[1], "On a year (Amount)");
        assert_eq!(found[3], "On a year (Four quarters)");
        let distinct: std::collections::BTreeSet<&String> = found.iter().collect();
        assert_eq!(distinct.len(), names.len(), "{found:?}");
    }
}
