//! Where the links of a PDF lead: a reader's click opens a page or a mail, never a program, a file or a script.

use anyhow::{Context as _, Result};
use lopdf::{Dictionary, Document, Object};

/// Schemes that a link may have.
const SCHEMES: [&str; 3] = ["http", "https", "mailto"];

/// The links and actions of a PDF that are neither a page, a mail nor a place in the document, in order.
///
/// # Errors
/// Bytes that are no PDF.
pub fn foreign(pdf: &[u8]) -> Result<Vec<String>> {
    let document = Document::load_mem(pdf).context("reading the PDF's links back")?;
    let mut found = Vec::new();
    document.objects.values().for_each(|object| visit(object, &mut found));
    Ok(found)
}

fn visit(object: &Object, found: &mut Vec<String>) {
    match object {
        Object::Array(items) => items.iter().for_each(|item| visit(item, found)),
        Object::Dictionary(dictionary) => entries(dictionary, found),
        Object::Stream(stream) => entries(&stream.dict, found),
        _ => {}
    }
}

fn entries(dictionary: &Dictionary, found: &mut Vec<String>) {
    let kind = dictionary.get(b"S").and_then(Object::as_name);
    // A dictionary with these keys is an action (ISO 32000-1, 12.6).
    let action = [b"URI".as_slice(), b"JS", b"F", b"D", b"N"].iter().any(|key| dictionary.has(key));
    if let Some(kind) = kind.ok().filter(|kind| action && RISKY.contains(kind)) {
        found.push(String::from_utf8_lossy(kind).into_owned());
    }
    if let Ok(Object::String(address, _)) = dictionary.get(b"URI") {
        let address = String::from_utf8_lossy(address).into_owned();
        if !plain(&address) {
            found.push(address);
        }
    }
    dictionary.iter().for_each(|(_, value)| visit(value, found));
}

/// Actions that reach out of the document.
const RISKY: [&[u8]; 9] = [
    b"Launch",
    b"JavaScript",
    b"GoToR",
    b"GoToE",
    b"SubmitForm",
    b"ImportData",
    b"Named",
    b"Rendition",
    b"Movie",
];

/// Whether an address has a scheme of those that may be, as a reader's program will read it.
fn plain(address: &str) -> bool {
    // Programs drop control characters and space before they look at the scheme.
    let address: String = address.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect();
    let scheme = address.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    scheme.is_some_and(|scheme| SCHEMES.contains(&scheme.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lopdf::dictionary;

    #[test]
    fn schemes_are_read_as_programs_read_them() {
        for fine in ["https://example.org/a?b#c", "HTTP://example.org", "mailto:desk@example.org"] {
            assert!(plain(fine), "{fine}");
        }
        for wrong in [
            "javascript:alert()",
            "java\nscript:alert()",
            " file:///etc/hosts",
            "data:text/html,x",
            "ms-msdt:/id",
            "//x",
            "",
        ] {
            assert!(!plain(wrong), "{wrong}");
        }
    }

    #[test]
    fn actions_are_found_wherever_they_stand() {
        let mut document = Document::with_version("1.7");
        let link = |address: &str| {
            dictionary! {
                "Subtype" => "Link",
                "A" => dictionary! { "S" => "URI", "URI" => Object::string_literal(address) },
            }
        };
        document
            .add_object(Object::Array(vec![link("https://example.org").into(), link("file:///x").into()]));
        document.add_object(dictionary! { "S" => "Launch", "F" => Object::string_literal("calc") });
        document.add_object(dictionary! { "S" => "Span", "K" => 1 });
        let mut bytes = Vec::new();
        document.save_to(&mut bytes).unwrap();
        assert_eq!(foreign(&bytes).unwrap(), ["file:///x", "Launch"]);
    }
}
