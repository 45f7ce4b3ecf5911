//! The audit of numerals: a PDF is read back by its structure, and every numeral in it, of any script, must be one
//! that was printed from a figure in that section, or be declared.
//!
//! Declared are the texts of configuration (labels, strings of the language, names, titles, files), and what
//! the page design counts itself: pages, sections, charts, tables and findings; marks of lists and notes are known
//! by their place in the structure. Each numeral stands no more often in a section than the section's source prints
//! it, so that a number made by code of a template finds no excuse in an equal one beside it. Descriptions of drawings
//! are read too; drawings of our own charts, whose labels chart code writes from figures alone, are known by theirs.

use crate::locale::Locale;
use crate::pages::{Block, Pages, read};
use crate::prose::worded;
use crate::typography::{Piece, pieces};
use aho_corasick::AhoCorasick;
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};

/// Characters shown on either side of an orphan.
const AROUND: usize = 36;
/// Headings within a section that are counted.
const SUBSECTIONS: usize = 40;

/// What may stand on the pages of one document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Numerals {
    /// Texts printed from figures, and texts of configuration that hold digits.
    pub known: BTreeSet<String>,
    /// Words before a counted number: "Chart", "Table", "Page".
    pub counted: Vec<String>,
    /// Headings, in order.
    pub headings: Vec<String>,
    /// How each numbered finding begins, in order.
    pub findings: Vec<String>,
    /// Descriptions of our own drawings.
    pub drawings: BTreeSet<String>,
    /// How often each numeral stands in the source of each section, in order.
    pub sections: Vec<BTreeMap<String, usize>>,
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
    /// Addresses that a brief must not open, with their pages.
    pub links: Vec<(usize, String)>,
}

/// A numeral that nothing accounts for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// Page, counted from 1.
    pub page: usize,
    /// The heading of its section; none on the cover and in what stands on every page.
    pub section: Option<String>,
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
    audit_pages(&read(pdf)?, numerals)
}

/// Audits what was read of a PDF.
///
/// # Errors
/// Declared texts that cannot be searched for together.
pub fn audit_pages(pages: &Pages, numerals: &Numerals) -> Result<Audit> {
    let headings = headings(pages);
    let structure = AhoCorasick::new(counted(numerals, pages, &headings))?;
    let known = AhoCorasick::new(known(numerals))?;
    let marks = pages.blocks.iter().filter(|block| block.within("Lbl") && block.opens).count();
    let mut audit = Auditor {
        numerals,
        structure,
        known,
        marks,
        section: None,
        headings,
        seen: BTreeMap::new(),
        found: Audit {
            pages: pages.pages,
            numerals: 0,
            orphans: Vec::new(),
            links: pages.links.iter().filter(|(_, address)| !opens(address)).cloned().collect(),
        },
    };
    for (index, block) in pages.blocks.iter().enumerate() {
        audit.enter(index);
        let text = |at: Option<usize>| {
            at.and_then(|at| pages.blocks.get(at)).map_or("", |block| block.text.as_str())
        };
        audit.block(block, [text(index.checked_sub(1)), text(Some(index + 1))]);
    }
    audit.section = None;
    pages.artifacts.iter().for_each(|block| audit.block(block, [""; 2]));
    Ok(audit.found)
}

/// Whether a brief may open this address: what is public and encrypted, or a mail to write.
pub(crate) fn opens(address: &str) -> bool {
    ["https://", "mailto:"].iter().any(|scheme| address.to_lowercase().starts_with(scheme))
}

struct Auditor<'a> {
    numerals: &'a Numerals,
    structure: AhoCorasick,
    known: AhoCorasick,
    /// Marks of lists and notes in the whole document.
    marks: usize,
    section: Option<usize>,
    /// Headings of the first level: those of the sections, and others that prose sets.
    headings: Vec<Heading>,
    /// How often each numeral was met in each section.
    seen: BTreeMap<(usize, String), usize>,
    found: Audit,
}

impl Auditor<'_> {
    /// Enters the next section where its heading stands; other headings belong to the section around them.
    fn enter(&mut self, block: usize) {
        let next = self.section.map_or(0, |section| section + 1);
        let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        let expected = self.numerals.headings.get(next).map(|heading| letters(heading));
        let here = self.headings.iter().find(|heading| heading.block == block);
        if here.is_some_and(|here| Some(letters(&here.text)) == expected) {
            self.section = Some(next);
        }
    }

    /// Audits a block between the texts of its neighbours.
    fn block(&mut self, block: &Block, beside: [&str; 2]) {
        let ours = block.alt.as_ref().is_some_and(|alt| self.numerals.drawings.contains(alt));
        if ours {
            return;
        }
        let text = plain(&block.text);
        if !self.is_mark(block, &text, beside) {
            self.text(block, &text, true);
        }
        if let Some(alt) = &block.alt {
            self.text(block, &plain(alt), false);
        }
        // Letters of a picture are placed one by one: its numbers are put together again.
        let drawn: String = block.drawn.chars().filter(|c| !c.is_whitespace()).collect();
        self.text(block, &drawn, true);
    }

    /// The number of a list item, a note, a section or a finding, or the page of a section in the table of contents,
    /// alone in its place.
    fn is_mark(&self, block: &Block, text: &str, [before, next]: [&str; 2]) -> bool {
        let bare = text.trim().trim_matches(['.', ')', '(', '[', ']']);
        let Ok(number) = bare.parse::<usize>() else { return false };
        let begins = |list: &[String]| {
            let start = list.get(number.wrapping_sub(1)).map(|text| beginning(text));
            start.is_some_and(|start| plain(next).trim_start().starts_with(start.trim()))
        };
        (block.within("Lbl") && number <= self.marks)
            || begins(&self.numerals.findings)
            || begins(&self.headings.iter().map(|heading| heading.text.clone()).collect::<Vec<_>>())
            || (block.within("H1") && number <= self.headings.len())
            || self
                .headings
                .iter()
                .any(|heading| heading.page == number && heading.text == plain(before).trim())
    }

    fn text(&mut self, block: &Block, text: &str, counts: bool) {
        let all = runs(text);
        self.found.numerals += all.len();
        self.words(block, text);
        if all.is_empty() {
            return;
        }
        let structure = covered(&self.structure, text);
        let known = covered(&self.known, text);
        for run in all {
            let within = |covered: &[bool]| run.clone().all(|at| covered[at]);
            if within(&structure) {
                continue;
            }
            if !within(&known) || (counts && self.is_one_too_many(&text[run.clone()])) {
                let section = self.section.and_then(|at| self.numerals.headings.get(at)).cloned();
                self.found.orphans.push(orphan(text, run, block.page, section));
            }
        }
    }

    /// Numbers in words and Roman ones before a unit: prose that types one is refused before it is set, so that these
    /// were made by code.
    fn words(&mut self, block: &Block, text: &str) {
        for run in worded(text) {
            let section = self.section.and_then(|at| self.numerals.headings.get(at)).cloned();
            self.found.orphans.push(orphan(text, run, block.page, section));
        }
    }

    /// Whether a numeral stands more often in its section than the section's source has it.
    fn is_one_too_many(&mut self, numeral: &str) -> bool {
        let Some(section) = self.section else { return false };
        let Some(printed) = self.numerals.sections.get(section) else { return false };
        let met = self.seen.entry((section, numeral.to_owned())).or_default();
        *met += 1;
        *met > printed.get(numeral).copied().unwrap_or(0)
    }
}

/// Whitespace of any kind as one space, soft hyphens gone: lines break where they like. A hyphen counts as a
/// space, because one at the end of a line may be the typesetter's.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text
        .chars()
        .filter(|c| !matches!(*c, '\u{ad}' | '\u{200b}' | '\u{2060}' | '\u{200c}' | '\u{200d}' | '\u{feff}'))
    {
        if !c.is_whitespace() && c != '-' {
            out.push(c);
        } else if !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out
}

/// The first letters of a heading or finding: the rest may have gone to the next line.
fn beginning(text: &str) -> String {
    plain(text).chars().take(8).collect()
}

/// A heading of the first level.
struct Heading {
    /// The block with which it begins.
    block: usize,
    /// Its text without its number.
    text: String,
    page: usize,
}

fn headings(pages: &Pages) -> Vec<Heading> {
    let opens = |block: &Block| block.opens && block.is("H1");
    let found = pages.blocks.iter().enumerate().filter(|(_, block)| opens(block));
    let read = |(at, first): (usize, &Block)| {
        let rest = pages.blocks[at + 1..].iter().take_while(|block| block.within("H1") && !opens(block));
        let text: Vec<&str> = [first].into_iter().chain(rest).map(|block| block.text.as_str()).collect();
        let text = plain(&text.join(" "));
        let text = text.trim_start_matches(|c: char| c.is_numeric() || c == '.' || c == ' ');
        let page = first
            .page
            .max(pages.blocks[at..].iter().map(|block| block.page).find(|page| *page > 0).unwrap_or(0));
        Heading { block: at, text: text.trim_end().to_owned(), page }
    };
    found.map(read).collect()
}

/// What the page design counts: pages, charts, tables; lines of the table of contents with the pages they name.
fn counted(numerals: &Numerals, pages: &Pages, headings: &[Heading]) -> Vec<String> {
    let most = 99.max(pages.pages);
    let mut found = BTreeSet::new();
    for word in &numerals.counted {
        let counts = (1..=most).map(|n| word.replace("{n}", &n.to_string()));
        found.extend(counts.map(|text| plain(&text.replace("{pages}", &pages.pages.to_string()))));
    }
    for (index, Heading { text: heading, page, .. }) in headings.iter().enumerate() {
        let number = index + 1;
        // As cells of a line, whether or not the reader of the PDF sees a space between them.
        for gap in ["", " "] {
            found.insert(format!("{number}{gap}{heading}{gap}{page}"));
            found.insert(format!("{number}{gap}{heading}"));
        }
    }
    // References to sections and to headings within them; nobody can type these, for prose is read before.
    for section in 1..=headings.len() {
        found.insert(format!("Section {section}"));
        found.extend((1..=SUBSECTIONS).map(|below| format!("Section {section}.{below}")));
    }
    for (index, finding) in numerals.findings.iter().enumerate() {
        found.insert(format!("{} {}", index + 1, beginning(finding)));
    }
    found.into_iter().collect()
}

fn known(numerals: &Numerals) -> Vec<String> {
    let known: BTreeSet<String> = numerals.known.iter().map(|text| plain(text).trim().to_owned()).collect();
    known.into_iter().filter(|text| text.contains(char::is_numeric)).collect()
}

/// How often each numeral stands in the text of Typst source; numbers of its code are none.
pub(crate) fn printed(source: &str) -> BTreeMap<String, usize> {
    let mut text = String::with_capacity(source.len());
    for piece in pieces(source) {
        match piece {
            Piece::Prose(c) => text.push(c),
            Piece::Word(word) => text.push_str(word.strip_prefix('\\').unwrap_or(&word)),
            Piece::Silent(_) => text.push('\u{1}'),
        }
    }
    let text = plain(&text);
    let mut counts = BTreeMap::new();
    for run in runs(&text) {
        *counts.entry(text[run].to_owned()).or_default() += 1;
    }
    counts
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
    let digit = |c: Option<char>| c.is_some_and(char::is_numeric);
    let mark = |c: Option<char>| matches!(c, Some('.' | ','));
    let mut before = text[..start].chars().rev();
    let mut after = text[end..].chars();
    let (b1, b2) = (before.next(), before.next());
    let (a1, a2) = (after.next(), after.next());
    let first = text[start..].starts_with(char::is_numeric);
    let last = text[..end].ends_with(char::is_numeric);
    let inside_before = first && (digit(b1) || (mark(b1) && digit(b2)));
    let inside_after = last && (digit(a1) || (mark(a1) && digit(a2)));
    !inside_before && !inside_after
}

/// Runs of digits of any script: decimal, letter-like and others, as fractions and raised ones.
fn runs(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut runs: Vec<std::ops::Range<usize>> = Vec::new();
    for (at, c) in text.char_indices().filter(|(_, c)| c.is_numeric()) {
        let end = at + c.len_utf8();
        match runs.last_mut() {
            Some(run) if run.end == at => run.end = end,
            _ => runs.push(at..end),
        }
    }
    runs
}

fn orphan(text: &str, run: std::ops::Range<usize>, page: usize, section: Option<String>) -> Orphan {
    let before: String = text[..run.start].chars().rev().take(AROUND).collect();
    let before: String = before.chars().rev().collect();
    let after: String = text[run.end..].chars().take(AROUND).collect();
    let numeral = text[run].to_owned();
    let around = format!("{before}{numeral}{after}").trim().to_owned();
    Orphan { page, section, numeral, around }
}

/// What one language's pages may hold: printed figures, and texts of configuration.
pub(crate) fn numerals(locale: &Locale, texts: impl Iterator<Item = String>, sources: Sources) -> Numerals {
    let mut known = locale.printed();
    known.extend(texts.filter(|text| text.contains(char::is_numeric)).flat_map(|text| words(&text)));
    let word = |name: &str| locale.pattern(&format!("format.word.{name}")).to_owned();
    let page = word("page").replace("{page}", "{n}");
    let counted = vec![format!("{} {{n}}", word("chart")), format!("{} {{n}}", word("table")), page];
    let Sources { headings, findings, drawings, sections } = sources;
    Numerals { known, counted, headings, findings, drawings, sections }
}

/// What the sources of one language's pages say of themselves.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// Headings of its sections.
    pub headings: Vec<String>,
    /// How its findings begin.
    pub findings: Vec<String>,
    /// Descriptions of the drawings.
    pub drawings: BTreeSet<String>,
    /// Numerals of each section.
    pub sections: Vec<BTreeMap<String, usize>>,
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
    let holds = |word: &str| word.contains(char::is_numeric);
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
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn numerals(known: &[&str], source: &str) -> Numerals {
        Numerals {
            known: known.iter().map(|text| (*text).to_owned()).collect(),
            counted: vec!["Page {n} sur {pages}".into(), "Tableau {n}".into()],
            headings: vec!["L’essentiel".into(), "Méthode".into()],
            findings: openings("#finding[*Le choc* a]\n#finding[\n *Rien ne bouge.* Et]"),
            drawings: BTreeSet::from(["Barres : 7".to_owned()]),
            sections: vec![printed(source), printed(source)],
        }
    }

    fn block(kinds: &[&str], text: &str) -> Block {
        let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        Block { page: 1, kinds, text: text.to_owned(), opens: true, ..Block::default() }
    }

    fn found(blocks: Vec<Block>, known: &[&str], source: &str) -> Vec<String> {
        let mut all = vec![block(&["H1"], "1 L’essentiel")];
        all.extend(blocks);
        let pages = Pages { pages: 1, blocks: all, ..Pages::default() };
        let found = audit_pages(&pages, &numerals(known, source)).unwrap();
        found.orphans.into_iter().map(|orphan| orphan.numeral).collect()
    }

    fn orphans(text: &str, known: &[&str]) -> Vec<String> {
        found(vec![block(&["P"], text)], known, text)
    }

    #[test]
    fn a_printed_figure_is_known_and_a_typed_one_is_not() {
        assert!(orphans("Nvidia a perdu 17,0\u{a0}% ce jour", &["17,0\u{a0}%"]).is_empty());
        assert_eq!(orphans("Nvidia a perdu 17\u{a0}% ce jour", &["17,0\u{a0}%"]), ["17"]);
        assert_eq!(orphans("cinq fois 3", &["17,0\u{a0}%"]), ["3"]);
    }

    #[test]
    fn digits_of_any_script_are_numerals() {
        for text in ["٤٢١٧", "⁴²¹⁷", "½", "Ⅷ", "④", "४२"] {
            assert_eq!(orphans(&format!("profit {text} pour cent"), &["4217"]), [text]);
        }
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
    fn a_number_that_code_makes_finds_no_excuse_in_an_equal_one() {
        let source = "La semaine a 5 séances. Nvidia a perdu #str(5) milliards.";
        let page = "La semaine a 5 séances. Nvidia a perdu 5 milliards.";
        assert_eq!(found(vec![block(&["P"], page)], &["5"], source), ["5"]);
        assert!(found(vec![block(&["P"], page)], &["5"], page).is_empty());
        assert_eq!(printed("#v(3pt) *17*,0 #text(size: 9pt)[8 \\# 9] #str(4)").len(), 4);
    }

    #[test]
    fn our_drawings_are_known_by_their_description_and_others_are_read() {
        let drawing = |alt: &str, drawn: &str| Block {
            alt: Some(alt.to_owned()),
            drawn: drawn.to_owned(),
            ..block(&["Figure"], "")
        };
        assert!(found(vec![drawing("Barres : 7", "−\n3\n0")], &[], "").is_empty());
        assert_eq!(found(vec![drawing("un dessin", "4\n2")], &["4", "2"], ""), ["42"]);
        assert_eq!(found(vec![drawing("4217 dollars", "")], &[], ""), ["4217"]);
        assert_eq!(orphans("p r o f i t 4 2 1 7", &[]), ["4", "2", "1", "7"]);
    }

    #[test]
    fn cells_do_not_join() {
        let cells = ["7", "118"].map(|text| block(&["Table", "TR", "TD"], text));
        assert_eq!(found(cells.to_vec(), &["7 118"], "7 118"), ["7", "118"]);
    }

    #[test]
    fn lines_break_anywhere() {
        assert!(orphans("le 27\njanvier 2025", &["27\u{a0}janvier\u{a0}2025"]).is_empty());
    }

    #[test]
    fn the_design_counts_for_itself() {
        assert!(orphans("1 L’essentiel 1", &[]).is_empty());
        assert_eq!(orphans("1 L’essentiel 3", &[]), ["3"]);
        assert_eq!(orphans("Sommaire. Le bénéfice 1.", &[]), ["1"]);
        assert!(orphans("Tableau 4 Page 1 sur 1", &[]).is_empty());
        assert_eq!(orphans("2 chevaux", &[]), ["2"]);
        assert!(orphans("1 Le choc a", &[]).is_empty());
        assert_eq!(orphans("2 Le choc a", &[]), ["2"]);
        assert_eq!(orphans("Page 1 sur 9", &[]), ["1", "9"]);
        let finding = vec![block(&["P"], "1"), block(&["P"], "Le choc a")];
        assert!(found(finding, &[], "").is_empty());
    }

    #[test]
    fn marks_of_lists_and_notes_are_known_by_their_place() {
        let list = vec![block(&["L", "LI", "Lbl"], "1."), block(&["L", "LI", "LBody"], "Un")];
        assert!(found(list, &[], "").is_empty());
        assert_eq!(found(vec![block(&["L", "LI", "Lbl"], "4217.")], &[], ""), ["4217"]);
        assert_eq!(orphans("1.", &[]), ["1"]);
    }

    #[test]
    fn only_public_addresses_and_mails_are_opened() {
        assert!(opens("https://example.org") && opens("mailto:a@example.org"));
        assert!(
            ["javascript:alert()", "file:///etc/hosts", "http://example.org", ""]
                .iter()
                .all(|url| !opens(url))
        );
    }

    #[test]
    fn configured_texts_bring_their_words() {
        assert_eq!(words("Norme (Kolari et Pynnönen 2010) du S&P 500"), ["Pynnönen 2010)", "S&P 500"]);
        assert_eq!(words("95 % de tout"), ["95 %"]);
        assert_eq!(words("H100"), ["H100"]);
    }
}
