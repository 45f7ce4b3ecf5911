//! The audit of numerals: the text of a PDF is read back, and every numeral on every page must be one that
//! was printed from a figure, or be declared.
//!
//! Declared are the texts of configuration (labels, strings of the language, names, titles, files), and what
//! the page design counts itself: pages, sections, charts, tables and findings.

use crate::locale::Locale;
use aho_corasick::AhoCorasick;
use anyhow::{Context as _, Result};
use std::collections::BTreeSet;

/// Characters shown on either side of an orphan.
const AROUND: usize = 36;
/// This many single letters in a row are the text of a drawing.
const DRAWN: usize = 8;

/// What may stand on the pages of one document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Numerals {
    /// Texts printed from figures, and texts of configuration that hold digits.
    pub known: BTreeSet<String>,
    /// Words before a counted number: "Chart", "Table", "Page".
    pub counted: Vec<String>,
    /// The word that stands over the table of contents.
    pub contents: String,
    /// Headings, in order.
    pub headings: Vec<String>,
    /// How each numbered finding begins, in order.
    pub findings: Vec<String>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Pages read.
    pub pages: usize,
    /// Numerals looked at.
    pub numerals: usize,
    /// Numerals that nothing accounts for.
    pub orphans: Vec<Orphan>,
}

/// A numeral that nothing accounts for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// Page, counted from 1.
    pub page: usize,
    /// The numeral.
    pub numeral: String,
    /// The text around it.
    pub around: String,
}

/// Audits a PDF.
///
/// # Errors
/// A PDF whose text cannot be read.
pub fn audit(pdf: &[u8], numerals: &Numerals) -> Result<Audit> {
    let pages = pdf_extract::extract_text_from_mem_by_pages(pdf).context("reading the PDF's text back")?;
    audit_pages(&pages, numerals)
}

/// Audits pages of text.
///
/// # Errors
/// Declared texts that cannot be searched for together.
pub fn audit_pages(pages: &[String], numerals: &Numerals) -> Result<Audit> {
    let mut found = Audit { pages: pages.len(), numerals: 0, orphans: Vec::new() };
    let known = patterns(numerals, pages.len());
    let search = AhoCorasick::new(&known)?;
    for (index, page) in pages.iter().enumerate() {
        let text = without_drawings(&plain(page));
        let all = runs(&text);
        found.numerals += all.len();
        let covered = covered(&search, &text);
        // On the page of contents, page and section numbers stand alone.
        let counts = text.contains(&plain(&numerals.contents));
        for run in all {
            let loose = counts && is_count(&text[run.clone()], pages.len().max(numerals.headings.len()));
            if !loose && !run.clone().all(|at| covered[at]) {
                found.orphans.push(orphan(&text, run, index + 1));
            }
        }
    }
    Ok(found)
}

/// Whitespace of any kind as one space, soft hyphens gone: lines break where they like. A hyphen counts as a
/// space, because text extraction loses some.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().filter(|c| *c != '\u{ad}') {
        if !c.is_whitespace() && c != '-' {
            out.push(c);
        } else if !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out
}

/// Letters that stand apart one by one are the text of a drawing, which the chart code writes from figures
/// alone: nobody types there, and single letters cannot be put together again. Where two labels of a drawing
/// meet, two letters may have been read as one word.
fn without_drawings(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let letters = |word: &&str| word.chars().count();
    let mut kept = Vec::with_capacity(words.len());
    for run in words.chunk_by(|a, b| (letters(a) <= 2) == (letters(b) <= 2)) {
        let single = run.iter().filter(|word| letters(word) == 1).count();
        let drawn =
            run.iter().all(|word| letters(word) <= 2) && single >= DRAWN && single * 4 >= run.len() * 3;
        if !drawn {
            kept.extend_from_slice(run);
        }
    }
    kept.join(" ")
}

fn patterns(numerals: &Numerals, pages: usize) -> Vec<String> {
    let mut known: BTreeSet<String> =
        numerals.known.iter().map(|text| plain(text).trim().to_owned()).collect();
    let most = 99.max(pages);
    for word in &numerals.counted {
        known.extend(
            (1..=most)
                .map(|n| plain(&word.replace("{n}", &n.to_string()).replace("{pages}", &pages.to_string()))),
        );
    }
    for (index, text) in numerals.headings.iter().enumerate().chain(numerals.findings.iter().enumerate()) {
        // The number and the first words: the rest may have gone to the next line.
        let start: String = plain(text).chars().take(8).collect();
        known.insert(format!("{} {start}", index + 1));
    }
    known.into_iter().filter(|text| text.contains(|c: char| c.is_ascii_digit())).collect()
}

/// Which bytes belong to a known text whose ends are not inside a longer number.
fn covered(search: &AhoCorasick, text: &str) -> Vec<bool> {
    let mut covered = vec![false; text.len()];
    for found in search.find_overlapping_iter(text) {
        if whole(text, found.start(), found.end()) {
            covered[found.range()].fill(true);
        }
    }
    covered
}

/// Whether a match neither begins nor ends inside a number: "7,0" is not known because "17,0" is.
fn whole(text: &str, start: usize, end: usize) -> bool {
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let mark = |c: Option<char>| matches!(c, Some('.' | ','));
    let mut before = text[..start].chars().rev();
    let mut after = text[end..].chars();
    let (b1, b2) = (before.next(), before.next());
    let (a1, a2) = (after.next(), after.next());
    let first = text[start..].starts_with(|c: char| c.is_ascii_digit());
    let last = text[..end].ends_with(|c: char| c.is_ascii_digit());
    let inside_before = first && (digit(b1) || (mark(b1) && digit(b2)));
    let inside_after = last && (digit(a1) || (mark(a1) && digit(a2)));
    !inside_before && !inside_after
}

/// Runs of digits.
fn runs(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut runs: Vec<std::ops::Range<usize>> = Vec::new();
    for (at, byte) in text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_digit()) {
        debug_assert!(byte.is_ascii());
        match runs.last_mut() {
            Some(run) if run.end == at => run.end = at + 1,
            _ => runs.push(at..at + 1),
        }
    }
    runs
}

fn is_count(run: &str, most: usize) -> bool {
    run.parse::<usize>().is_ok_and(|n| (1..=most).contains(&n))
}

fn orphan(text: &str, run: std::ops::Range<usize>, page: usize) -> Orphan {
    let before: String = text[..run.start].chars().rev().take(AROUND).collect();
    let before: String = before.chars().rev().collect();
    let after: String = text[run.end..].chars().take(AROUND).collect();
    let numeral = text[run].to_owned();
    let around = format!("{before}{numeral}{after}").trim().to_owned();
    Orphan { page, numeral, around }
}

/// What one language's pages may hold: printed figures, and texts of configuration.
pub(crate) fn numerals(
    locale: &Locale,
    texts: impl Iterator<Item = String>,
    headings: Vec<String>,
    findings: Vec<String>,
) -> Numerals {
    let mut known = locale.printed();
    known.extend(
        texts.filter(|text| text.contains(|c: char| c.is_ascii_digit())).flat_map(|text| words(&text)),
    );
    let word = |name: &str| locale.pattern(&format!("format.word.{name}")).to_owned();
    let page = word("page").replace("{page}", "{n}");
    let counted = vec![format!("{} {{n}}", word("chart")), format!("{} {{n}}", word("table")), page];
    Numerals { known, counted, contents: word("contents"), headings, findings }
}

/// How the findings of a section's Typst source begin, without markup.
pub(crate) fn openings(source: &str) -> Vec<String> {
    let begin = |rest: &str| -> String {
        rest.trim_start_matches(['*', '_', ' ', '\n'])
            .chars()
            .take_while(|c| !"*_#\\[]".contains(*c))
            .collect()
    };
    // Two letters at least, or the bare number would be known.
    source.split("#finding[").skip(1).map(begin).filter(|start| start.trim().chars().count() > 1).collect()
}

/// The words of a text that hold digits, with the word before each: "S&P 500", "Pynnönen 2010)".
fn words(text: &str) -> Vec<String> {
    let text = plain(text);
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    let holds = |word: &str| word.contains(|c: char| c.is_ascii_digit());
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate().filter(|(_, word)| holds(word)) {
        // With a neighbour: a bare number of a caption must not excuse the same number in prose.
        match (at.checked_sub(1).map(|before| words[before]), words.get(at + 1)) {
            (Some(before), _) => found.push(format!("{before} {word}")),
            (None, Some(after)) => found.push(format!("{word} {after}")),
            (None, None) => found.push((*word).to_owned()),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numerals(known: &[&str]) -> Numerals {
        Numerals {
            known: known.iter().map(|text| (*text).to_owned()).collect(),
            counted: vec!["Page {n} sur {pages}".into(), "Tableau {n}".into()],
            contents: "Sommaire".into(),
            headings: vec!["L’essentiel".into(), "Méthode".into()],
            findings: openings("#finding[*Le choc* a]\n#finding[\n *Rien ne bouge.* Et]"),
        }
    }

    fn orphans(page: &str, known: &[&str]) -> Vec<String> {
        let found = audit_pages(&[page.to_owned()], &numerals(known)).unwrap();
        found.orphans.into_iter().map(|orphan| orphan.numeral).collect()
    }

    #[test]
    fn a_printed_figure_is_known_and_a_typed_one_is_not() {
        assert!(orphans("Nvidia a perdu 17,0\u{a0}% ce jour", &["17,0\u{a0}%"]).is_empty());
        assert_eq!(orphans("Nvidia a perdu 17\u{a0}% ce jour", &["17,0\u{a0}%"]), ["17"]);
        assert_eq!(orphans("cinq fois 3", &["17,0\u{a0}%"]), ["3"]);
    }

    #[test]
    fn a_part_of_a_number_is_not_the_number() {
        assert_eq!(orphans("117,0\u{a0}%", &["17,0\u{a0}%"]), ["117", "0"]);
        assert_eq!(orphans("17,05", &["17,0"]), ["17", "05"]);
        assert!(orphans("17,0. Puis", &["17,0"]).is_empty());
    }

    #[test]
    fn a_match_does_not_hide_a_longer_one_inside_it() {
        assert!(orphans("de 7 à 118,42 $", &["de 7", "à 1", "118,42\u{a0}$"]).is_empty());
    }

    #[test]
    fn drawings_are_left_to_their_own_tests() {
        assert!(orphans("− 3 0 % − 2 0 % M a r s", &[]).is_empty());
        assert_eq!(orphans("il y a 9 a", &[]), ["9"]);
    }

    #[test]
    fn lines_break_anywhere() {
        assert!(orphans("le 27\njanvier 2025", &["27\u{a0}janvier\u{a0}2025"]).is_empty());
    }

    #[test]
    fn the_design_counts_for_itself() {
        assert!(orphans("Sommaire 1 L’essentiel 1", &[]).is_empty());
        assert!(orphans("2 Méthode Tableau 4 Page 1 sur 1", &[]).is_empty());
        assert_eq!(orphans("2 chevaux", &[]), ["2"]);
        assert!(orphans("1 Le choc a 2 Rien ne bouge", &[]).is_empty());
        assert_eq!(orphans("2 Le choc a", &[]), ["2"]);
        assert_eq!(orphans("Page 1 sur 9", &[]), ["1", "9"]);
    }

    #[test]
    fn configured_texts_bring_their_words() {
        assert_eq!(words("Norme (Kolari et Pynnönen 2010) du S&P 500"), ["Pynnönen 2010)", "S&P 500"]);
        assert_eq!(words("95 % de tout"), ["95 %"]);
        assert_eq!(words("H100"), ["H100"]);
    }
}
