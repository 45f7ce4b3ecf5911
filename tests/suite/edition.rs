//! The HTML edition says what the PDF says: the same headings, cells and numbers, and nothing that runs or loads.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use shockbrief_templating::pages::{self, Block, Pages};
use shockbrief_tests::{copy_folder, reports_of, sample, shockbrief, succeeded};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Text without what a line break or a hyphen at its end may change.
fn bare(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '\u{ad}' | '\u{200b}')).collect()
}

/// The report's folder again, published as HTML too.
fn with_html(report: &Path, to: &Path) -> PathBuf {
    let folder = to.join(report.file_name().unwrap());
    copy_folder(report, &folder);
    let path = folder.join("report.yaml");
    let text = fs_err::read_to_string(&path).unwrap();
    let text = format!("{text}\nformats: [pdf, html]\n");
    std::io::Write::write_all(&mut fs_err::File::create(&path).unwrap(), text.as_bytes()).unwrap();
    folder
}

/// Blocks of the same element, joined; `kinds` are the innermost elements looked for.
fn joined(pages: &Pages, kinds: &[&str]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for block in pages.blocks.iter().filter(|block| kinds.iter().any(|kind| block.within(kind))) {
        match found.last_mut() {
            Some(last) if !block.opens => last.push_str(&block.text),
            _ => found.push(block.text.clone()),
        }
    }
    found.iter().map(|text| bare(text)).filter(|text| !text.is_empty()).collect()
}

fn decoded(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        let (name, after) = after.split_once(';').unwrap();
        out.push_str(before);
        out.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            number => {
                let number = number.strip_prefix('#').unwrap();
                let code = match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16),
                    None => number.parse(),
                };
                char::from_u32(code.unwrap()).unwrap()
            }
        });
        rest = after;
    }
    out + rest
}

/// Text without its tags.
fn plain(html: &str) -> String {
    let texts = html
        .split('<')
        .enumerate()
        .map(|(at, piece)| if at == 0 { piece } else { piece.split_once('>').map_or("", |(_, text)| text) });
    decoded(&texts.collect::<String>())
}

/// With a space behind each block, so that numbers of two cells are two.
fn apart(html: &str) -> String {
    ["td", "th", "p", "li", "figcaption", "h2", "h3", "h4", "div", "dt", "dd"]
        .iter()
        .fold(html.replace("</span><div>", "</span> <div>"), |text, name| {
            text.replace(&format!("</{name}>"), &format!("</{name}> "))
        })
}

/// Content of the elements of these names, in order.
fn elements(html: &str, names: &[&str]) -> Vec<String> {
    let opens = |piece: &str| {
        let name = piece.split([' ', '>']).next().unwrap();
        names.iter().copied().find(|wanted| *wanted == name)
    };
    let mut found = Vec::new();
    for (at, _) in html.match_indices('<') {
        let piece = &html[at + 1..];
        if let Some(name) = opens(piece) {
            let inner = piece.split_once('>').unwrap().1;
            found.push(inner.split_once(&format!("</{name}>")).unwrap().0.to_owned());
        }
    }
    found
}

fn bare_elements(html: &str, names: &[&str]) -> Vec<String> {
    let texts = elements(html, names).into_iter().map(|inner| bare(&plain(&inner)));
    texts.filter(|text| !text.is_empty()).collect()
}

/// Values of an attribute, in order.
fn attributes<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    html.split(&format!(" {name}=\"")).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

/// Runs of digits with the marks inside them.
fn numerals(text: &str) -> BTreeSet<String> {
    let inside = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',');
    let runs = text.split(|c: char| !inside(c)).map(|run| run.trim_matches(['.', ',']));
    runs.filter(|run| !run.is_empty()).map(str::to_owned).collect()
}

fn compare(pdf: &Path) {
    let name = pdf.display().to_string();
    let read = pages::read(&fs_err::read(pdf).unwrap()).unwrap();
    let html = fs_err::read_to_string(pdf.with_extension("html")).unwrap();
    // The stamp stands in the margin of each page, where it is no text of the PDF.
    let stamp =
        elements(&html, &["p"]).into_iter().find(|inner| html.contains(&format!("class=\"stamp\">{inner}<")));
    let body = html.split_once("<body>").unwrap().1.replacen(&stamp.unwrap_or_default(), "", 1);
    let body = body.as_str();
    let cells = joined(&read, &["TD", "TH"]);
    assert!(cells.len() > 20, "{name}");
    assert_eq!(bare_elements(body, &["td", "th"]), cells, "{name}");
    let headings = joined(&read, &["H1", "H2", "H3"]);
    assert!(headings.len() > 2, "{name}");
    // The number of a heading is a block of its own in the PDF.
    assert_eq!(bare_elements(body, &["h2", "h3", "h4"]).concat(), headings.concat(), "{name}");
    let text = plain(&apart(body));
    // Letters of a drawing are text in the PDF alone; what they say stands in its description.
    let apart = ["Link", "TOC", "Figure"];
    let told = |block: &&Block| !apart.iter().any(|kind| block.within(kind)) && !block.text.is_empty();
    let all: String = read.blocks.iter().map(|block| format!("{} ", block.text)).collect();
    let strange: Vec<String> = numerals(&text).difference(&numerals(&all)).cloned().collect();
    assert!(strange.is_empty(), "{name}: not in the PDF: {strange:?}");
    let said: String = read.blocks.iter().filter(told).map(|block| format!("{} ", block.text)).collect();
    let lost: Vec<String> = numerals(&said).difference(&numerals(&text)).cloned().collect();
    assert!(lost.is_empty(), "{name}: not in the HTML: {lost:?}");
    drawings(&name, &read, body);
    safe(&name, &html);
}

/// Each drawing keeps its description.
fn drawings(name: &str, read: &Pages, body: &str) {
    let mut described: Vec<String> = read
        .blocks
        .iter()
        .filter(|block| block.is("Figure"))
        .filter_map(|b| b.alt.as_deref().map(bare))
        .collect();
    let mut found: Vec<String> = attributes(body, "alt").into_iter().map(|alt| bare(&decoded(alt))).collect();
    described.sort();
    found.sort();
    assert_eq!(found, described, "{name}");
}

/// Nothing runs, nothing is loaded, and links open pages and mails alone.
fn safe(name: &str, html: &str) {
    let lang = if name.ends_with(".fr.pdf") { "<html lang=\"fr" } else { "<html lang=\"en" };
    assert!(html.contains(lang), "{name}");
    for tag in ["<script", "<iframe", "<object", "<embed", "<form", "<link", "<base"] {
        assert!(!html.contains(tag), "{name} has {tag}");
    }
    let mut tags = html.split('<').filter_map(|piece| piece.split_once('>')).map(|(tag, _)| tag);
    let acts = |tag: &str| tag.split_whitespace().any(|word| word.starts_with("on") && word.contains('='));
    assert_eq!(tags.find(|tag| acts(tag)), None, "{name}");
    for address in attributes(html, "href") {
        let known = ["#", "https://", "http://", "mailto:"].iter().any(|begin| address.starts_with(begin));
        assert!(known, "{name}: {address}");
        if let Some(id) = address.strip_prefix('#') {
            assert!(html.contains(&format!(" id=\"{id}\"")), "{name}: {address} leads nowhere");
        }
    }
    for source in attributes(html, "src") {
        assert!(source.starts_with("data:image/"), "{name}: {source}");
    }
    assert!(!html.contains("url(") && !html.contains("@import"), "{name}");
}

#[test]
fn every_report_says_in_html_what_its_pdf_says() {
    let reports = tempfile::tempdir().unwrap();
    let out = tempfile::tempdir().unwrap();
    let folders: Vec<PathBuf> =
        reports_of(&sample()).iter().map(|report| with_html(report, reports.path())).collect();
    let mut render = shockbrief(["render", "--data"]);
    let output = render.arg(sample()).arg("--out").arg(out.path()).args(&folders).output().unwrap();
    succeeded(&output);
    let pdfs: Vec<PathBuf> = String::from_utf8(output.stdout).unwrap().lines().map(PathBuf::from).collect();
    assert!(pdfs.len() >= 8);
    pdfs.iter().for_each(|pdf| compare(pdf));
    // Made again, every file has the same bytes.
    let manifest = pdfs[0].with_file_name("manifest.json");
    let mut verify = shockbrief(["verify", "--data"]);
    verify.arg(sample()).arg("--reports").arg(reports.path()).arg(&manifest);
    succeeded(&verify.output().unwrap());
    let listed = fs_err::read_to_string(&manifest).unwrap();
    assert!(listed.contains(".en.html\"") && listed.contains(".fr.html\""), "{listed}");
}
