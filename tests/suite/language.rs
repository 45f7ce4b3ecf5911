//! No English word is left in a French brief, and no French one in an English brief.
//!
//! Three nets: words that exist in one language only (`words.*.txt`), the labels of the other language's file, and
//! a list of declared exceptions in which every line is still needed. A phrase that prose marks as another language,
//! `{{ en("…") }}`, is checked as that language.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and tells what it counted"
)]

use crate::printed::{self, Printed, own};
use shockbrief_tests::{real_data, root};
use std::collections::{BTreeMap, BTreeSet};

const EXCEPTIONS: &str = include_str!("language_exceptions.tsv");

fn words(list: &'static str) -> BTreeSet<&'static str> {
    list.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace).collect()
}

/// Declared exceptions of a kind: language and what it is about.
fn declared(kind: &str) -> Vec<(&'static str, &'static str)> {
    let lines = EXCEPTIONS.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let parts = lines.map(|line| line.split('\t').collect::<Vec<_>>());
    parts
        .filter(|part| {
            assert!(part.len() == 4 && part[3].len() > 9, "an exception without a reason: {part:?}");
            part[0] == kind
        })
        .map(|part| (part[1], part[2]))
        .collect()
}

/// Keys and texts of a language file: one string a line, or folded below its key.
fn labels(language: &str) -> BTreeMap<String, String> {
    let text = fs_err::read_to_string(root().join(format!("config/languages/{language}.yaml"))).unwrap();
    let mut labels: BTreeMap<String, String> = BTreeMap::new();
    let mut last = String::new();
    for line in text.lines().skip_while(|line| *line != "strings:").skip(1) {
        if let Some(folded) = line.strip_prefix("    ") {
            let label = labels.get_mut(&last).unwrap();
            *label = format!("{label} {}", folded.trim()).trim().to_owned();
        } else if let Some((key, text)) = line.trim().split_once(": ") {
            last = key.to_owned();
            let text = text.trim_matches('"').replace("\\\"", "\"");
            labels.insert(last.clone(), if text == ">-" { String::new() } else { text });
        }
    }
    labels
}

/// Names of companies, funds and indices: they are the same in every language.
fn names() -> Vec<String> {
    let text = fs_err::read_to_string(root().join("config/universe.yaml")).unwrap();
    let named = text.split("symbol: ").skip(1).filter_map(|rest| {
        let name = rest.split("name: ").nth(1)?;
        let name = name
            .strip_prefix('"')
            .map_or_else(|| name.split(',').next(), |quoted| quoted.split('"').next())?;
        Some(name.to_owned())
    });
    let mut names: Vec<String> = named.collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    names
}

/// What a text is checked with.
struct Net {
    language: &'static str,
    foreign: BTreeSet<&'static str>,
    /// Labels of the other language: single words must equal the whole text, longer ones may stand anywhere in it.
    labels: BTreeSet<String>,
    /// Left out before words are counted.
    phrases: Vec<String>,
}

impl Net {
    fn new(language: &'static str) -> Self {
        let (other, list) = match language {
            "fr" => ("en", include_str!("words.en.txt")),
            _ => ("fr", include_str!("words.fr.txt")),
        };
        let (ours, theirs) = (labels(language), labels(other));
        let shared: BTreeSet<&String> = ours.values().collect();
        // Values cut a label into pieces; a piece of two words and more is still a label.
        let pieces = |text: &String| -> Vec<String> {
            let mut parts = vec![String::new()];
            let mut rest = text.as_str();
            while let Some((before, after)) = rest.split_once('{') {
                parts.last_mut().unwrap().push_str(before);
                rest = after
                    .trim_start_matches('{')
                    .split_once('}')
                    .map_or("", |(_, rest)| rest.trim_start_matches('}'));
                parts.push(String::new());
            }
            parts.last_mut().unwrap().push_str(rest);
            parts.iter().map(|part| plain(part)).filter(|part| part.chars().count() > 2).collect()
        };
        let labels = theirs.values().filter(|text| !shared.contains(text)).flat_map(pieces);
        let declared =
            declared("phrase").into_iter().chain(declared("name")).filter(|(of, _)| *of == language);
        let phrases = names().into_iter().chain(declared.map(|(_, phrase)| phrase.to_owned())).collect();
        Self { language, foreign: words(list), labels: labels.collect(), phrases }
    }

    /// Words and labels of the other language in a text.
    fn caught(&self, text: &str) -> Vec<String> {
        let is_file = |word: &&str| {
            word.contains('_') || [".csv", ".parquet", ".json"].iter().any(|end| word.contains(end))
        };
        let text = plain(&own(text));
        let mut text = text.split(' ').filter(|word| !is_file(word)).collect::<Vec<_>>().join(" ");
        for phrase in &self.phrases {
            text = without(&text, phrase);
        }
        let split = text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
        let mut found: Vec<String> = split.filter(|word| self.foreign.contains(word.as_str())).collect();
        let label = self.labels.iter().find(|label| {
            text == **label || (label.contains(' ') && label.chars().count() > 8 && bounded(&text, label))
        });
        found.extend(label.map(|label| format!("the label “{label}”")));
        found
    }
}

/// Spaces and quotes as typed, so that texts before and after the typographic pass compare.
fn plain(text: &str) -> String {
    let text = text.replace(['\u{a0}', '\u{202f}', '\n'], " ").replace('’', "'");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Removes a phrase where it stands between word boundaries.
fn without(text: &str, phrase: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(phrase) {
        let end = at + phrase.len();
        let inner = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let whole = !inner(rest[..at].chars().next_back()) && !inner(rest[end..].chars().next());
        out.push_str(&rest[..at]);
        out.push_str(if whole { "·" } else { &rest[at..end] });
        rest = &rest[end..];
    }
    out + rest
}

fn bounded(text: &str, phrase: &str) -> bool {
    without(text, phrase) != text
}

#[test]
#[ignore = "needs real market data"]
fn each_text_is_in_its_language_on_real_data() {
    let out = tempfile::tempdir().unwrap();
    in_their_language(&printed::from(&real_data(), out.path()));
}

#[test]
fn each_text_is_in_its_language() {
    let out = tempfile::tempdir().unwrap();
    let reports = printed::all(out.path());
    in_their_language(&reports);
    // An exception that nothing needs is a hole in the net.
    for (language, phrase) in declared("phrase") {
        let texts = reports.iter().flat_map(|report| &report.texts).filter(|text| text.language == language);
        assert!(
            texts.into_iter().any(|text| bounded(&plain(&own(&text.text)), phrase)),
            "{phrase} stands nowhere"
        );
    }
}

fn in_their_language(reports: &[Printed]) {
    let nets = BTreeMap::from(["fr", "en"].map(|language| (language, Net::new(language))));
    let (mut wrong, mut counted) = (Vec::new(), BTreeMap::from([("fr", 0), ("en", 0)]));
    for text in reports.iter().flat_map(|report| &report.texts) {
        let net = &nets[text.language.as_str()];
        let words = own(&text.text).split(|c: char| !c.is_alphabetic()).filter(|word| word.len() > 1).count();
        *counted.get_mut(net.language).unwrap() += words;
        let caught = net.caught(&text.text);
        if !caught.is_empty() {
            wrong.push(format!("{} ({}): {}: {}", text.place, text.language, caught.join(", "), text.text));
        }
    }
    println!(
        "{counted:?} words in {} documents against {} English and {} French words, {} and {} labels",
        reports.len(),
        nets["fr"].foreign.len(),
        nets["en"].foreign.len(),
        nets["fr"].labels.len(),
        nets["en"].labels.len()
    );
    assert!(wrong.is_empty(), "{} texts\n{}", wrong.len(), wrong.join("\n"));
    assert!(counted.values().all(|count| *count > 5_000));
}

#[test]
fn prose_and_labels_of_the_configuration_are_in_their_language() {
    let mut wrong = Vec::new();
    for language in ["fr", "en"] {
        let net = Net::new(language);
        let mut texts: Vec<String> = labels(language).into_values().collect();
        let folders = printed::files(&root().join("reports"), "j2").into_iter();
        let files = folders.chain(printed::files(&root().join("config/prose"), "j2"));
        let ending = format!(".{language}.typ.j2");
        texts.extend(
            files
                .filter(|path| path.to_string_lossy().ends_with(&ending))
                .map(|path| fs_err::read_to_string(path).unwrap()),
        );
        for text in texts {
            let caught = net.caught(&untagged(&text));
            if !caught.is_empty() {
                wrong.push(format!("{language}: {}: {}", caught.join(", "), plain(&text)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A template without its tags.
fn untagged(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        out.push('·');
        let end = if after.starts_with('{') {
            "}}"
        } else if after.starts_with('%') {
            "%}"
        } else {
            "}"
        };
        rest = after.split_once(end).map_or("", |(_, rest)| rest);
    }
    out + rest
}

#[test]
fn labels_that_read_the_same_are_declared() {
    let (french, english) = (labels("fr"), labels("en"));
    assert_eq!(french.keys().collect::<Vec<_>>(), english.keys().collect::<Vec<_>>());
    assert!(french.len() > 250);
    let same: BTreeSet<&str> =
        french.iter().filter(|(key, text)| english[*key] == **text).map(|(key, _)| key.as_str()).collect();
    let declared: BTreeSet<&str> = declared("label").into_iter().map(|(_, key)| key).collect();
    assert_eq!(same, declared);
}

// The nets hold: each of many foreign words and labels, put into a sentence that passes, is caught.
#[test]
fn a_wrong_word_is_caught_wherever_it_stands() {
    let sentences = [
        ("fr", "Le portefeuille cède davantage que ne le voulait le marché ; les puces aussi."),
        ("en", "The portfolio fell further than the market asked for; chips did too."),
    ];
    for (language, sentence) in sentences {
        let net = Net::new(language);
        assert!(net.caught(sentence).is_empty(), "{:?}", net.caught(sentence));
        let spaces: Vec<usize> = sentence.match_indices(' ').map(|(at, _)| at).collect();
        let mut tried = 0;
        for (index, word) in net.foreign.iter().enumerate() {
            let at = spaces[index % spaces.len()];
            let mutated = format!("{} {word}{}", &sentence[..at], &sentence[at..]);
            assert_eq!(net.caught(&mutated), [word.to_string()], "{mutated}");
            tried += 1;
        }
        for label in net.labels.iter().filter(|label| label.contains(' ') && label.chars().count() > 8) {
            assert!(!net.caught(&format!("{sentence} {label}.")).is_empty(), "{label}");
            tried += 1;
        }
        println!("{language}: {tried} mutations, all caught");
        assert!(tried > 600);
        // The word inside a marked phrase belongs to the other language.
        let word = net.foreign.first().unwrap();
        let marked = format!("{sentence} {}{word}{}", printed::OPEN, printed::CLOSE);
        assert!(net.caught(&marked).is_empty());
    }
}
