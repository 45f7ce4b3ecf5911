//! What the pages of every report keep to in both languages: spaces, quotes, signs, and charts that hold their labels.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and tells what it counted"
)]

#[path = "printed.rs"]
mod printed;
#[path = "rules.rs"]
mod rules;

use printed::{Printed, Text, own};
use rules::broken;
use std::sync::OnceLock;

fn reports() -> &'static [Printed] {
    static REPORTS: OnceLock<(tempfile::TempDir, Vec<Printed>)> = OnceLock::new();
    let (_, reports) = REPORTS.get_or_init(|| {
        let out = tempfile::tempdir().unwrap();
        let printed = printed::all(out.path());
        (out, printed)
    });
    reports
}

#[test]
fn every_text_of_every_report_keeps_to_the_rules_of_its_language() {
    let mut wrong = Vec::new();
    for report in reports() {
        for Text { place, language, text } in &report.texts {
            let found = broken(&own(text), language);
            if !found.is_empty() {
                wrong.push(format!("{place} ({language}): {}: {text}", found.join(", ")));
            }
        }
    }
    let count = |language: &str| -> (usize, usize) {
        let texts =
            || reports().iter().flat_map(|report| &report.texts).filter(|text| text.language == language);
        (texts().count(), texts().map(|text| text.text.chars().count()).sum())
    };
    let (french, english) = (count("fr"), count("en"));
    println!(
        "{} reports; French: {} texts, {} characters; English: {} texts, {} characters",
        reports().len(),
        french.0,
        french.1,
        english.0,
        english.1
    );
    assert!(wrong.is_empty(), "{} broken\n{}", wrong.len(), wrong.join("\n"));
    // Whatever is printed was read: prose, claims, captions, cells, labels of charts and alternatives.
    assert!(reports().len() >= 8 && french.1 > 40_000 && english.1 > 40_000);
    for (language, parts) in [
        (
            "fr",
            [
                "Le choc a trié",
                "Portefeuilles équipondérés",
                "Sommaire",
                "Nombre de courbes",
                "Méthode et données",
                "Valeur",
            ],
        ),
        (
            "en",
            [
                "The shock sorted",
                "Equal-weight portfolios",
                "Contents",
                "Number of lines",
                "Method and data",
                "Name",
            ],
        ),
    ] {
        for part in parts {
            let read = reports().iter().any(|r| r.language == language && printed::mentions(r, part));
            assert!(read, "{part} was not read");
        }
    }
}

#[test]
fn each_broken_rule_is_seen() {
    for (text, language) in [
        ("Quoi ?", "fr"),
        ("Quoi?", "fr"),
        ("un ; deux", "fr"),
        ("un\u{a0};", "fr"),
        ("Trois : un", "fr"),
        ("Trois: un", "fr"),
        ("« choc\u{a0}»", "fr"),
        ("«\u{a0}choc »", "fr"),
        ("17 %", "fr"),
        ("17%", "fr"),
        ("12 €", "fr"),
        ("l'un", "fr"),
        ("de -5 à", "fr"),
        ("un  deux", "fr"),
        ("et puis...", "fr"),
        ("un , deux", "fr"),
        ("le “choc”", "fr"),
        ("Really ?", "en"),
        ("one ; two", "en"),
        ("17 %", "en"),
        ("17\u{a0}%", "en"),
        ("it's", "en"),
        ("\"x\"", "en"),
        ("at -5", "en"),
        ("a  b", "en"),
        ("and...", "en"),
        ("one : two", "en"),
        ("( a )", "en"),
        ("end .", "en"),
        ("«x»", "en"),
    ] {
        assert!(!broken(text, language).is_empty(), "{language}: {text} passes");
    }
    for (text, language) in [
        ("Quoi\u{202f}?! (?) «\u{a0}choc\u{a0}»\u{202f}; l’un, 17\u{a0}% : non", "fr"),
        ("à 18:30, −5\u{a0}%, prices.csv", "fr"),
        ("It’s 17%: “yes”; no… (−5) 10–15 well-known.", "en"),
    ] {
        assert_eq!(broken(&text.replace(" : ", "\u{a0}: "), language), Vec::<&str>::new(), "{text}");
    }
}
