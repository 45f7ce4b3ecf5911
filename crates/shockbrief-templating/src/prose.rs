//! What prose must not hold: numbers that nobody computed, and marks that make text vanish.
//!
//! Prose is read as its author wrote it, before anything is rendered, so that each fault has its line and column and
//! `check` finds it without typesetting. The audit of the PDF stays behind it, for what code of a template makes.
//!
//! Refused are numerals of any script outside figures and declared names; units that a figure does not have ("5
//! billion" behind a count); numbers in words before a unit; and the marks of Typst that swallow text when they are
//! meant as text: `//`, `<word>`, `~`, `@name`, `$` and `#`.

use crate::engine::Source;
use crate::typography::{Piece, pieces};
use shockbrief_core::{Class, Refusal};

/// Characters shown on either side of a fault.
const AROUND: usize = 30;
/// Stands for something printed in its place.
const PRINTED: char = '\u{fffc}';

/// Faults of a template of prose; `labels` are names with digits that may stand in it.
#[must_use]
pub fn faults(source: &Source, labels: &[String]) -> Vec<Refusal> {
    let mut reader = Reader::new(source);
    reader.marks();
    reader.literals(labels);
    reader.numerals(labels);
    reader.units();
    reader.in_words();
    reader.found.sort_by_key(|(at, _)| *at);
    reader.found.into_iter().map(|(_, refusal)| refusal).collect()
}

/// A character of the text as readers see it, with its place in the source.
#[derive(Clone, Copy)]
struct Seen {
    c: char,
    at: usize,
}

struct Reader<'a> {
    source: &'a Source,
    chars: Vec<char>,
    pieces: Vec<(usize, Piece)>,
    text: Vec<Seen>,
    found: Vec<(usize, Refusal)>,
}

impl<'a> Reader<'a> {
    fn new(source: &'a Source) -> Self {
        let (mut at, mut placed, mut text) = (0, Vec::new(), Vec::new());
        for piece in pieces(&source.text) {
            let length = match &piece {
                Piece::Prose(c) => {
                    text.push(Seen { c: *c, at });
                    1
                }
                Piece::Word(word) if word.starts_with('`') => {
                    text.extend(word.chars().enumerate().map(|(index, c)| Seen { c, at: at + index }));
                    word.chars().count()
                }
                Piece::Word(word) => {
                    match word.strip_prefix('\\').and_then(|escaped| escaped.chars().next()) {
                        Some(c) => text.push(Seen { c, at }),
                        None => text.push(Seen { c: PRINTED, at }),
                    }
                    word.chars().count()
                }
                Piece::Silent(word) => word.chars().count(),
            };
            placed.push((at, piece));
            at += length;
        }
        Self { source, chars: source.text.chars().collect(), pieces: placed, text, found: Vec::new() }
    }

    fn refuse(&mut self, class: Class, at: usize, what: String, hint: String) {
        let before = &self.chars[..at.min(self.chars.len())];
        let line = before.iter().filter(|c| **c == '\n').count() + 1;
        let column = before.iter().rev().take_while(|c| **c != '\n').count() + 1;
        let message = format!("{}:{line}:{column}: {what}", self.source.name);
        self.found.push((at, Refusal::new(class, message).hint(hint)));
    }

    fn mark(&mut self, at: usize, what: String, hint: &str) {
        self.refuse(Class::Config, at, what, hint.to_owned());
    }

    /// Marks that print nothing, or something else, when they are meant as text.
    fn marks(&mut self) {
        for (at, piece) in std::mem::take(&mut self.pieces) {
            match &piece {
                Piece::Silent(text) if text.starts_with("//") || text.starts_with("/*") => {
                    let what = format!("`{}` begins a comment: what follows is not printed", &text[..2]);
                    self.mark(at, what, "write `\\/\\/` to print slashes; a comment is written {# … #}");
                }
                Piece::Silent(text) if text.starts_with('<') => self.label(at, text),
                Piece::Silent(text) if text.starts_with('#') => self.hash(at, text),
                Piece::Word(text) if text.starts_with('@') => self.reference(at, text),
                Piece::Word(text) if text.starts_with('$') => self.dollar(at, text),
                Piece::Prose(_) if self.chars.get(at) == Some(&'~') => self.tilde(at),
                Piece::Silent(text) if text.starts_with('"') => self.address(at, text),
                _ => {}
            }
            self.pieces.push((at, piece));
        }
    }

    fn label(&mut self, at: usize, text: &str) {
        let name = text.trim_matches(['<', '>']);
        let line_start = self.chars[..at].iter().rposition(|c| *c == '\n').map_or(0, |newline| newline + 1);
        let heading = self.chars.get(line_start) == Some(&'=');
        let used = self.source.text.contains(&format!("@{name}"))
            || self.source.text.matches(text).count() > 1
            || self.source.text.contains(&format!("label(\"{name}\")"));
        if !heading && !used {
            let hint = format!("write `\\<{name}>` to print it, or refer to the label with `@{name}`");
            self.mark(at, format!("`{text}` is a label: it is not printed"), &hint);
        }
    }

    fn reference(&mut self, at: usize, text: &str) {
        let name = text.trim_start_matches('@');
        let placed = ["sec-", "table-", "chart-"].iter().any(|kind| name.starts_with(kind));
        if !placed && !self.source.text.contains(&format!("<{name}>")) {
            let hint = format!("write `\\@{name}` to print it, or set the label `<{name}>`");
            self.mark(at, format!("`{text}` refers to a label that is not there"), &hint);
        }
    }

    fn tilde(&mut self, at: usize) {
        let open =
            |c: Option<&char>| c.is_none_or(|c| c.is_whitespace() || matches!(c, '(' | '[' | '“' | '«'));
        let before = at.checked_sub(1).and_then(|before| self.chars.get(before));
        if open(before) || open(self.chars.get(at + 1)) {
            let what = "`~` is a space that does not break: it is not printed".to_owned();
            self.mark(at, what, "write `\\~` to print it, or say “about”");
        }
    }

    fn dollar(&mut self, at: usize, text: &str) {
        let closed = text.len() > 1 && text.ends_with('$');
        let inner = text.trim_matches('$');
        let words = inner.split(|c: char| !c.is_alphabetic()).filter(|word| word.chars().count() > 1);
        let prose = words.filter(|word| !MATHS.split(' ').any(|known| known == *word)).count() > 1;
        let digits = inner.trim_start().starts_with(char::is_numeric);
        if !closed || prose || digits || inner.contains('\n') || inner.contains("{{") {
            let what = "`$` begins a formula: what follows is set as mathematics".to_owned();
            self.mark(
                at,
                what,
                "write `\\$` to print the sign; an amount is printed by {{ fig(\"…\") | money }}",
            );
        }
    }

    fn hash(&mut self, at: usize, text: &str) {
        let text = text.trim_end_matches('.');
        let name = &text[1..];
        let next = self.chars.get(at + text.chars().count()).copied().unwrap_or(' ');
        let told = match name.chars().next() {
            None => !matches!(next, '(' | '{' | '[' | '"'),
            Some(first) if first.is_numeric() => true,
            Some(_) => {
                let head = name.split('.').next().unwrap_or(name);
                let keyword = KEYWORDS.split(' ').any(|known| known == head);
                let own = self.source.text.contains(&format!("let {head}"));
                !keyword && !own && !matches!(next, '(' | '[') && !name.contains('.')
            }
        };
        if told {
            let what = format!("`{text}` is a call of Typst: it is not printed");
            self.mark(at, what, "write `\\#` to print the sign");
        }
    }

    /// An address that a link opens.
    fn address(&mut self, at: usize, text: &str) {
        let before: String =
            self.chars[..at].iter().rev().take(6).collect::<Vec<_>>().into_iter().rev().collect();
        let address = text.trim_matches('"');
        let scheme = address
            .split_once(':')
            .is_some_and(|(scheme, _)| scheme.chars().all(|c| c.is_ascii_alphabetic()));
        if before.ends_with("link(") && scheme && !crate::audit::opens(address) {
            self.mark(
                at,
                format!("a link opens `{address}`"),
                "link to https://…, mailto:… or a place of the brief",
            );
        }
    }

    /// The text as readers see it, any space as one space, with the place of each character.
    fn plain(&self) -> Vec<Seen> {
        let mut out: Vec<Seen> = Vec::with_capacity(self.text.len());
        for seen in &self.text {
            let c = match seen.c {
                '’' => '\'',
                c if c.is_whitespace() => ' ',
                c => c,
            };
            if c != ' ' || out.last().is_none_or(|last| last.c != ' ') {
                out.push(Seen { c, at: seen.at });
            }
        }
        out
    }

    /// Numerals of any script that stand in the text itself.
    fn numerals(&mut self, labels: &[String]) {
        let plain = self.plain();
        let covered = covered(&plain, labels);
        let mut listed = 0;
        let mut index = 0;
        while index < plain.len() {
            if !plain[index].c.is_numeric() {
                index += 1;
                continue;
            }
            let end = run(&plain, index);
            let number: String = plain[index..end].iter().map(|seen| seen.c).collect();
            if self.lists(&plain, index, end, &number, listed) {
                listed += 1;
            } else if !covered[index..end]
                .iter()
                .zip(&plain[index..])
                .all(|(known, seen)| *known || !seen.c.is_numeric())
            {
                self.orphan(&plain, index, end);
            }
            index = end;
        }
    }

    /// Whether a numeral is the mark of a numbered list: at the head of its line, one more than the mark before.
    fn lists(&self, plain: &[Seen], from: usize, to: usize, number: &str, listed: usize) -> bool {
        let at = plain[from].at;
        let head = self.chars[..at].iter().rev().take_while(|c| **c != '\n').all(|c| c.is_whitespace());
        let mark = plain.get(to).is_some_and(|seen| seen.c == '.')
            && plain.get(to + 1).is_none_or(|seen| seen.c == ' ');
        let next = number.parse::<usize>().ok();
        head && mark && (next == Some(listed + 1) || next == Some(1))
    }

    fn orphan(&mut self, plain: &[Seen], from: usize, to: usize) {
        let around = around(plain, from, to);
        let number: String = plain[from..to].iter().map(|seen| seen.c).collect();
        self.refuse(
            Class::Claim,
            plain[from].at,
            format!("no figure accounts for `{number}` in “{around}”"),
            "print the number with fig(...) and a filter, or declare a name with digits in numerals.yaml"
                .to_owned(),
        );
    }

    /// Numerals in text that a tag prints: `{{ "5 billion" }}`, `{% set n = "5" %}`, `{{ en("…") }}`.
    fn literals(&mut self, labels: &[String]) {
        let tags: Vec<(usize, String)> = self
            .pieces
            .iter()
            .filter_map(|(at, piece)| match piece {
                Piece::Word(text) if text.starts_with("{{") => Some((*at, text.clone())),
                Piece::Silent(text) if text.starts_with("{%") => Some((*at, text.clone())),
                _ => None,
            })
            .collect();
        for (at, tag) in tags {
            for (from, text) in printed_literals(&tag) {
                let plain: Vec<Seen> =
                    text.chars().enumerate().map(|(index, c)| Seen { c, at: at + from + index }).collect();
                let covered = covered(&plain, labels);
                let typed =
                    plain.iter().zip(&covered).position(|(seen, known)| seen.c.is_numeric() && !known);
                if let Some(index) = typed {
                    self.orphan(&plain, index, run(&plain, index));
                }
            }
        }
    }

    /// Units behind a figure that does not have them.
    fn units(&mut self) {
        let plain = self.plain();
        let words: std::collections::BTreeMap<usize, String> = self
            .pieces
            .iter()
            .filter_map(|(at, piece)| match piece {
                Piece::Word(text) if text.starts_with("{{") => Some((*at, text.clone())),
                _ => None,
            })
            .collect();
        for (index, seen) in plain.iter().enumerate().filter(|(_, seen)| seen.c == PRINTED) {
            let Some(filter) = words.get(&seen.at).and_then(|word| filter(word)) else { continue };
            let behind: String = plain[index + 1..].iter().map(|seen| seen.c).take(24).collect();
            let unit = behind.trim_start();
            let before: String = plain[..index].iter().rev().map(|seen| seen.c).take(4).collect();
            let sign = before.trim_start().chars().next().filter(|c| CURRENCIES.contains(*c));
            let kind = unit_of(unit).or(sign.map(|_| Kind::Currency));
            let Some(kind) = kind else { continue };
            // A large count in thousand millions may be one of a currency that no figure carries.
            let fits = filter == "bn" && kind == Kind::Currency;
            if !fits && PRINTING.contains(&filter) {
                let what = format!(
                    "a unit is typed beside a figure printed by `{filter}`: “{}”",
                    around(
                        &plain,
                        index,
                        (index + 1 + unit.split(' ').next().unwrap_or("").len() + 1).min(plain.len())
                    )
                );
                let hint = "print the figure with the filter of its unit: money, price, pct or points";
                self.refuse(Class::Claim, seen.at, what, hint.to_owned());
            }
        }
    }

    /// Numbers in words before a unit: nobody computed them either.
    fn in_words(&mut self) {
        let plain = self.plain();
        let text: String = plain.iter().map(|seen| seen.c).collect();
        for run in worded(&text) {
            let from = text[..run.start].chars().count();
            let to = from + text[run].chars().count();
            self.orphan(&plain, from, to);
        }
    }
}

/// Where a number in words, or a Roman one, stands before a unit.
pub(crate) fn worded(text: &str) -> Vec<std::ops::Range<usize>> {
    let wordy = |c: char| c.is_alphanumeric() || matches!(c, '-' | '%' | '$' | '€' | '£');
    let mut words: Vec<std::ops::Range<usize>> = Vec::new();
    for (at, c) in text.char_indices().filter(|(_, c)| wordy(*c)) {
        let end = at + c.len_utf8();
        match words.last_mut() {
            Some(word) if word.end == at => word.end = end,
            _ => words.push(at..end),
        }
    }
    let pairs = words.windows(2).filter_map(|pair| {
        let [number, unit] = pair else { return None };
        let near = text[number.end..unit.start].chars().all(char::is_whitespace);
        let counts = is_number_word(&text[number.clone()]) || is_roman(&text[number.clone()]);
        (near && counts && unit_of(&text[unit.clone()]).is_some()).then_some(number.start..unit.end)
    });
    pairs.collect()
}

/// Names of mathematics that are no words.
const MATHS: &str = "alpha beta gamma delta epsilon sigma rho tau theta lambda phi chi psi omega eta sum sqrt frac prod \
    times dot hat bar log exp max min arg lim int cases mat vec text upright bold cal sup sub quad";
/// What may follow a `#` alone.
const KEYWORDS: &str = "let set show import include return if else for while break continue context none auto true false \
    sym emoji math calc meta words colors groups linebreak pagebreak parbreak colbreak lorem";
/// Filters whose text has its unit, or has none.
const PRINTING: [&str; 12] =
    ["int", "num", "stat", "pct", "points", "money", "price", "bn", "pval", "df", "date", "daymonth"];
/// Functions that print the text they are given.
const PRINTERS: [&str; 3] = ["en", "fr", "de"];
const CURRENCIES: &str = "$€£¥";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Scale,
    Currency,
    Percent,
}

/// The unit that a text begins with.
fn unit_of(text: &str) -> Option<Kind> {
    const SCALES: &str = "billion billions million millions trillion trillions milliard milliards bn md mds tn milliarde \
        milliarden millionen billionen mrd mio bio";
    const MONEY: [&str; 8] = ["dollar", "dollars", "euro", "euros", "usd", "eur", "gbp", "yen"];
    const PERCENT: [&str; 4] = ["percent", "percentage", "pourcent", "prozent"];
    let lower = text.to_lowercase();
    let word: String = lower.chars().take_while(|c| c.is_alphabetic()).collect();
    if lower.starts_with(['%', '‰']) || PERCENT.contains(&word.as_str()) {
        return Some(Kind::Percent);
    }
    if lower.starts_with("per cent") || lower.starts_with("pour cent") {
        return Some(Kind::Percent);
    }
    if lower.starts_with(|c: char| CURRENCIES.contains(c)) || MONEY.contains(&word.as_str()) {
        return Some(Kind::Currency);
    }
    SCALES.split_whitespace().any(|scale| scale == word).then_some(Kind::Scale)
}

/// Whether a word is a number in English, French or German, from one to ninety-nine, or a hundred, a thousand, a half.
fn is_number_word(word: &str) -> bool {
    const WORDS: &str = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen \
        sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand \
        half dozen un deux trois quatre cinq sept huit neuf dix onze douze treize quatorze quinze seize vingt vingts \
        trente quarante cinquante soixante septante huitante nonante cent cents mille demi douzaine et zwei drei vier \
        fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn zwanzig \
        dreißig vierzig fünfzig sechzig siebzig achtzig neunzig hundert tausend dutzend";
    let lower = word.to_lowercase();
    // “un million” is an amount without a number only as “des millions”: one of them is one.
    lower.split('-').all(|part| WORDS.split_whitespace().any(|known| known == part)) && lower != "et"
}

/// Whether a word is a Roman numeral in capitals.
fn is_roman(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| "IVXLCDM".contains(c))
}

/// The end of the number that begins here: digits with the marks between them.
fn run(plain: &[Seen], from: usize) -> usize {
    let numeric = |at: usize| plain.get(at).is_some_and(|seen| seen.c.is_numeric());
    let mut end = from + 1;
    loop {
        let mark = plain.get(end).is_some_and(|seen| matches!(seen.c, '.' | ',' | '\u{66b}' | '\u{66c}'));
        if numeric(end) {
            end += 1;
        } else if mark && numeric(end + 1) {
            end += 2;
        } else {
            return end;
        }
    }
}

/// Which characters belong to a declared name that is not part of a longer number.
fn covered(plain: &[Seen], labels: &[String]) -> Vec<bool> {
    let mut covered = vec![false; plain.len()];
    for label in labels.iter().filter(|label| label.contains(char::is_numeric)) {
        let label: Vec<char> = label.chars().map(|c| if c == '’' { '\'' } else { c }).collect();
        let label: Vec<char> = label.into_iter().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
        for at in 0..plain.len().saturating_sub(label.len()) + 1 {
            let here = &plain[at..(at + label.len()).min(plain.len())];
            if here.len() == label.len() && here.iter().zip(&label).all(|(seen, c)| seen.c == *c) {
                let numeric =
                    |at: Option<usize>| at.and_then(|at| plain.get(at)).is_some_and(|s| s.c.is_numeric());
                let cut = label.first().is_some_and(|c| c.is_numeric()) && numeric(at.checked_sub(1))
                    || label.last().is_some_and(|c| c.is_numeric()) && numeric(Some(at + label.len()));
                if !cut {
                    covered[at..at + label.len()].fill(true);
                }
            }
        }
    }
    covered
}

fn around(plain: &[Seen], from: usize, to: usize) -> String {
    let text = plain[from.saturating_sub(AROUND)..(to + AROUND).min(plain.len())].iter();
    text.map(|seen| if seen.c == PRINTED { '…' } else { seen.c }).collect::<String>().trim().to_owned()
}

/// The last filter of `{{ fig("…") | filter }}`.
fn filter(word: &str) -> Option<&str> {
    if !word.contains("fig(") {
        return None;
    }
    let (_, filter) = word.rsplit_once('|')?;
    let filter = filter.trim_start();
    let end = filter.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(filter.len());
    Some(&filter[..end])
}

/// String literals of a tag that reach the page as they are, with their place in it (in characters).
fn printed_literals(tag: &str) -> Vec<(usize, String)> {
    let chars: Vec<char> = tag.chars().collect();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < chars.len() {
        let quote = chars[at];
        if quote != '"' && quote != '\'' {
            at += 1;
            continue;
        }
        let mut end = at + 1;
        while end < chars.len() && chars[end] != quote {
            end += if chars[end] == '\\' { 2 } else { 1 };
        }
        let end = end.min(chars.len());
        if is_printed(&chars[..at]) {
            found.push((at + 1, chars[at + 1..end].iter().collect()));
        }
        at = end + 1;
    }
    found
}

/// Whether a literal behind this text is printed: no argument of a call, but one that prints its argument.
fn is_printed(before: &[char]) -> bool {
    let text: String = before.iter().collect();
    let text = text.trim_end();
    match text.chars().last() {
        Some('(') => {
            let name: String =
                text[..text.len() - 1].chars().rev().take_while(|c| c.is_alphanumeric()).collect();
            PRINTERS.contains(&name.chars().rev().collect::<String>().as_str())
        }
        Some('{' | '~' | '=') => !["==", "!=", "<=", ">="].iter().any(|op| text.ends_with(op)),
        _ => ["else", "if"].iter().any(|word| text.ends_with(word)) && text.starts_with("{{"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let labels = ["S&P 500", "R1", "à 95", "3M"].map(str::to_owned);
        faults(&Source::new("p", text), &labels).into_iter().map(|refusal| refusal.message).collect()
    }

    fn is_refused(text: &str, part: &str) {
        let told = told(text);
        assert!(told.iter().any(|message| message.contains(part)), "{text}: {told:?}");
    }

    fn is_taken(text: &str) {
        assert_eq!(told(text), Vec::<String>::new(), "{text}");
    }

    #[test]
    fn typed_numbers_of_any_script_are_refused_at_their_place() {
        assert_eq!(
            told("One line.\nLost 5 billion."),
            ["p:2:6: no figure accounts for `5` in “One line. Lost 5 billion.”"]
        );
        for number in ["4217", "½", "٤٢١٧", "⁴²", "Ⅷ", "④", "三7", "४२", "3.5", "1,000"] {
            is_refused(&format!("Profit rose {number} percent."), "no figure accounts");
        }
        is_refused("Profit {{ \"5 billion\" }}.", "`5`");
        is_refused("{% set n = \"5\" %}Profit {{ n }}.", "`5`");
        is_refused("{{ en(\"a loss of 5\") }}", "`5`");
        is_refused("{% if a %}5{% endif %}", "`5`");
        is_refused("R15 and S&P 5000", "`15`");
    }

    #[test]
    fn names_figures_and_lists_are_taken() {
        is_taken("The S&P\n500 and R1 fell {{ fig(\"nvda.h21\") | pct(1) }} (à 95 %).");
        is_taken("{% if fig(\"a.h21\") < 0.05 %}{{ table(\"t5\") }}{% endif %}{# 5 #}");
        is_taken("#text(size: 9pt)[small] #v(3pt)");
        is_taken("1. First.\n2. Second.\n\nText.\n\n1. Again.");
        is_refused("It was in\n2025. Then it fell.", "`2025`");
    }

    #[test]
    fn units_that_a_figure_does_not_have_are_refused() {
        for text in [
            "lost {{ fig(\"n\") | int }} billion",
            "lost {{ fig(\"n\") | int }}\u{a0}%",
            "lost €{{ fig(\"n\") | num(1) }} in",
            "lost \\${{ fig(\"n\") | num(1) }} in",
            "lost {{ fig(\"x\") | pct(1) }} dollars",
            "lost {{ fig(\"x\") | money }} milliards",
        ] {
            is_refused(text, "a unit is typed");
        }
        is_taken("{{ fig(\"n\") | int }} sessions, {{ fig(\"m\") | money }} of value");
    }

    #[test]
    fn numbers_in_words_before_a_unit_are_refused() {
        for text in ["five billion", "Twenty-seven percent", "vingt-deux milliards", "half a", "XII billion"]
        {
            let told = told(&format!("It lost {text} of value."));
            assert_eq!(told.is_empty(), text == "half a", "{text}: {told:?}");
        }
        is_taken("Two baskets, three themes; billions were lost.");
    }

    #[test]
    fn marks_that_lose_text_are_refused_with_the_way_to_write_them() {
        let cases = [
            ("Orders // shipments", "begins a comment"),
            ("Orders /* x */ were", "begins a comment"),
            ("a <word> of", "is a label"),
            ("about ~ ten", "is a space"),
            ("(~ten)", "is a space"),
            ("write to desk@example.org", "refers to a label"),
            ("cost $ and more $ than", "begins a formula"),
            ("cost US$ alone", "begins a formula"),
            ("the #AI race", "is a call"),
            ("the #1 firm", "is a call"),
            ("a # sign", "is a call"),
        ];
        for (text, part) in cases {
            is_refused(text, part);
        }
        for text in [
            "a \\/\\/ b, \\<word>, \\~, \\@name, \\$, \\#AI",
            "see https://example.org/a",
            "$x^2 + y$ holds",
            "= Own heading <own>\nas @own says",
            "a~b and #footnote[As said.] #link(\"https://example.org\")[this] #sym.arrow",
            "#let x = [a]\n#x",
        ] {
            is_taken(text);
        }
    }
}
