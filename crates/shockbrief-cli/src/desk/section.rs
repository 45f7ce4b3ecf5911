//! `new section`: a section that computes, shows and claims something, to be made into what its author wants.

use super::{described, made};
use crate::say;
use anyhow::Result;
use shockbrief_core::{Refusal, config::Report};
use std::path::Path;

const SECTION: &str = include_str!("section.yaml");
const PROSE: &str = include_str!("section.typ.j2");

/// Writes the section into a report's folder, or into the house of the desk for every report.
pub fn begin(desk: &Path, config: &Path, report: Option<&Path>, name: &str) -> Result<()> {
    if shockbrief_sections::built_in().contains(&name) {
        return Err(Refusal::config(format!("`{name}` is a section of the house"))
            .hint("choose another name")
            .into());
    }
    let (sections, depth, languages, wanted) = match report {
        Some(folder) if !folder.join("report.yaml").is_file() => {
            return Err(Refusal::config(format!("{}: no report.yaml in it", folder.display()))
                .hint("name a report of this desk, or begin one with `shockbrief new report NAME`")
                .into());
        }
        Some(folder) => {
            let report = Report::load(folder)?;
            (folder.join("sections"), 4, report.languages, folder.join("report.yaml").display().to_string())
        }
        None => (config.join("sections"), 3, spoken(desk)?, "a report.yaml".to_owned()),
    };
    let folder = sections.join(name);
    let texts = |text: &str| {
        let each = languages.iter().map(|code| format!("{code}: \"{text}\""));
        format!("{{{}}}", each.collect::<Vec<_>>().join(", "))
    };
    let section = SECTION
        .replace("{TITLE}", &texts(&title(name)))
        .replace("{CAPTION}", &texts("The largest returns of the last month"))
        .replace("{ROSE}", &texts("The names rose on average over the last month."))
        .replace("{FELL}", &texts("The names did not rise on average over the last month."))
        .replace("NAME", name);
    described(&folder.join("section.yaml"), "section", depth, &section)?;
    for language in &languages {
        made(&folder.join(format!("prose.{language}.typ.j2")), PROSE)?;
    }
    say(format_args!("next: add {name} to `sections:` of {wanted}"));
    Ok(())
}

/// A name as a heading; a digit typed there would be a number that no figure accounts for.
fn title(name: &str) -> String {
    let letters: String = name.chars().filter(|c| !c.is_ascii_digit()).collect();
    let text = letters.replace(['-', '_'], " ");
    let mut chars = text.trim().chars();
    chars.next().map_or_else(|| "Section".to_owned(), |first| first.to_uppercase().chain(chars).collect())
}

/// Languages of this desk's reports, as they come.
fn spoken(desk: &Path) -> Result<Vec<String>> {
    let mut languages: Vec<String> = Vec::new();
    let reports = desk.join("reports");
    if reports.is_dir() {
        let mut folders: Vec<_> =
            fs_err::read_dir(&reports)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
        folders.sort();
        for report in folders.iter().filter_map(|folder| Report::load(folder).ok()) {
            languages.extend(report.languages);
        }
    }
    languages.sort();
    languages.dedup();
    Ok(if languages.is_empty() { vec!["en".to_owned()] } else { languages })
}
