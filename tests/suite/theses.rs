//! What the commentary says of its theses turns with the facts: other facts, another verdict, in each language.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use shockbrief_tests::{copy_folder, pages, root, sample, shockbrief, succeeded};
use std::path::Path;

/// A fact as the house has it and as it is turned, and what each language then says in place of what it says now.
struct Turn {
    fact: &'static str,
    from: &'static str,
    to: &'static str,
    said: &'static [(&'static str, &'static str, &'static str)],
}

const TURNS: [Turn; 3] = [
    Turn {
        fact: "hopper-estimate",
        from: "value: 50000",
        to: "value: 2100",
        said: &[
            ("en", "The accounts do not agree", "The accounts roughly agree"),
            ("fr", "Les récits ne s’accordent pas", "Les récits s’accordent à peu près"),
        ],
    },
    Turn {
        fact: "avgo-ai-2024",
        from: "value: 12.2e9",
        to: "value: 98.0e9",
        said: &[
            ("en", "Not by themselves", "They count for much"),
            ("fr", "Non, pas à eux seuls", "Elles y comptent pour beaucoup"),
            ("en", "Verdict: contradicted as to size", "Verdict: not contradicted as to size"),
            ("fr", "contredite pour la taille, appuyée", "non contredite pour la taille"),
        ],
    },
    Turn {
        fact: "firms-using-ai-2024",
        from: "value: 0.054",
        to: "value: 0.031",
        said: &[
            ("en", "Use grows", "The counts show no rise in use"),
            ("fr", "L’usage croît", "Les décomptes ne montrent pas de hausse de l’usage"),
        ],
    },
];

/// The house's facts with every turn taken.
fn turned() -> String {
    let text = fs_err::read_to_string(root().join("config/facts/commentary.yaml")).unwrap();
    TURNS.iter().fold(text, |text, turn| {
        let start = text.find(&format!("\n{}:\n", turn.fact)).unwrap();
        let at = start + text[start..].find(turn.from).unwrap();
        format!("{}{}{}", &text[..at], turn.to, &text[at + turn.from.len()..])
    })
}

/// All words of the brief, with one space between them.
fn words(desk: &Path, language: &str) -> String {
    let pdf =
        desk.join(format!("out/2025-01-deepseek/2025-01-27/2025-01-deepseek-2025-01-27.{language}.pdf"));
    let text = pages(&fs_err::read(pdf).unwrap()).join(" ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_text_turns_with_the_facts() {
    let folder = tempfile::tempdir().unwrap();
    let desk = folder.path();
    copy_folder(&root().join("config"), &desk.join("config"));
    fs_err::write(desk.join("config/facts/commentary.yaml"), turned()).unwrap();
    let mut render = shockbrief(["render", "--config", "config", "--out", "out"]);
    let report = root().join("reports/2025-01-deepseek");
    let run = render.arg(report).arg("--data").arg(sample()).current_dir(desk).output().unwrap();
    succeeded(&run);
    for language in ["en", "fr"] {
        let text = words(desk, language);
        for turn in &TURNS {
            for (_, before, after) in turn.said.iter().filter(|(of, ..)| *of == language) {
                assert!(text.contains(after), "{}, {language}: `{after}` is not said", turn.fact);
                assert!(!text.contains(before), "{}, {language}: `{before}` is still said", turn.fact);
            }
        }
    }
}
