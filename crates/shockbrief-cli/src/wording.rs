//! The languages of a brief: whether each is known and can be set, and all that lacks in it, told in one run.

use crate::{
    analyse::{named, no_prose, place_of, prose_places},
    load::{Issue, Project},
};
use anyhow::Result;
use shockbrief_core::{
    Refusal, Refusals, at,
    config::{Language, Origin, Report, load},
    house,
};
use shockbrief_templating::locale;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// The language whose strings the others are held against.
const ENGLISH: &str = "en";

/// The strings of these languages; one that is not known, or cannot be set, is refused.
pub fn languages(project: &Project, codes: &[String]) -> Result<BTreeMap<String, Language>> {
    let mut faults = Refusals::default();
    let read = codes.iter().filter_map(|code| {
        let (language, _) = faults.keep(one(&project.folder, code))?;
        Some((code.clone(), language))
    });
    let languages = read.collect();
    faults.or(languages)
}

/// A language's file, once its code and locale are seen to be good.
fn one(config: &Path, code: &str) -> Result<(Language, Origin)> {
    let path = config.join("languages").join(format!("{code}.yaml"));
    if !house::is_file(&path) {
        locale::settable(code).map_err(|fault| {
            Refusal::config(format!("language `{code}`: {}", fault.message)).hint(fault.hint)
        })?;
        let refusal = Refusal::config(format!("{}: no such file", path.display()));
        let hint = format!("begin it with `shockbrief new language {code}`; there are: {}", there(config)?);
        return Err(refusal.hint(hint).into());
    }
    let (language, origin) = load::<Language>(&path)?;
    let tag = language.locale.trim();
    let own = |tag: &str| tag.split('-').next().unwrap_or_default().to_owned();
    if let Err(fault) = locale::settable(tag) {
        return Err(origin.refuse(at!["locale"], fault.message).hint(fault.hint).into());
    }
    if own(tag) != own(code) {
        let message = format!("`{tag}` is no locale of the language `{code}`");
        return Err(origin.refuse(at!["locale"], message).hint(format!("write `locale: {code}`")).into());
    }
    Ok((language, origin))
}

/// The languages that there are, in a row.
fn there(config: &Path) -> Result<String> {
    let files = house::list(&config.join("languages"), "yaml")?;
    let codes: Vec<String> =
        files.iter().filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect();
    Ok(codes.join(", "))
}

/// Tells all that lacks for the report's languages; for those asked for by name, also what no page of this report shows.
pub fn check(project: &Project, issue: &Issue, asked: &[String], faults: &mut Refusals) {
    for code in &issue.report.languages {
        // What is wrong with a language as such is told where its strings are read.
        let all = asked.contains(code);
        if let Ok((language, origin)) = one(&project.folder, code) {
            faults.keep(strings(project, code, all, &language, &origin));
        }
        issue.report.lacking(code).iter().for_each(|fault| faults.push(fault.clone()));
        names(project, &issue.report, code, all, faults);
        prose(project, issue, code, faults);
    }
}

/// Strings that English has and this language lacks, or has empty; with `all` the reasons for missing values too.
fn strings(project: &Project, code: &str, all: bool, language: &Language, origin: &Origin) -> Result<()> {
    if code == ENGLISH {
        return Ok(());
    }
    let (english, _) = load::<Language>(&project.folder.join("languages").join("en.yaml"))?;
    let mut wanted: BTreeMap<&str, &str> =
        english.strings.iter().map(|(key, text)| (key.as_str(), text.as_str())).collect();
    if !locale::is_built_in(code) {
        // A word such as `source` stands under its own key, without what stands before it in the patterns.
        let own = |key: &str| {
            key.strip_prefix("format.word.").is_some_and(|word| english.strings.contains_key(word))
        };
        let reasons = locale::missing_reasons().filter(|_| all);
        for (key, english) in locale::english().filter(|(key, _)| !own(key)).chain(reasons) {
            wanted.insert(key, english);
        }
    }
    let mut faults = Refusals::default();
    if language.name.trim().is_empty() {
        let refusal = origin.refuse(at!["name"], format!("language `{code}` has no name"));
        faults.push(refusal.hint("write the name that the language has in itself, such as Deutsch"));
    }
    let numbers = |text: &str| text.matches("{}").count();
    for (key, english) in wanted {
        let own = language.strings.get(key).map(|text| text.trim());
        if own.is_none() && !english.is_empty() || own == Some("") && !english.trim().is_empty() {
            let refusal =
                origin.refuse(at!["strings", key], format!("language `{code}` has no string `{key}`"));
            faults.push(refusal.hint(format!("write it there; English has “{}”", short(english))));
        } else if own.is_some_and(|own| numbers(own) != numbers(english)) {
            let refusal = origin.refuse(at!["strings", key], format!("`{key}` has another count of `{{}}`"));
            faults
                .push(refusal.hint(format!("one stands for each number; English has “{}”", short(english))));
        }
    }
    faults.finish()
}

/// The beginning of a text, for a hint.
fn short(text: &str) -> String {
    const LETTERS: usize = 60;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LETTERS) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

/// Names of themes and the event of the report, or all that the configuration holds: events, facts, portfolios too.
fn names(project: &Project, report: &Report, code: &str, all: bool, faults: &mut Refusals) {
    let themes = report.themes.iter().map(|theme| format!("theme.{theme}"));
    let event = report.study.iter().map(|study| format!("event.{}", study.event));
    let shown: BTreeSet<String> = themes.chain(event).collect();
    for (key, names) in named(project, report) {
        let watched = key.starts_with("watch.");
        let wanted = (all || shown.contains(&key)) && !watched;
        if wanted && names.get(code).is_none_or(|name| name.trim().is_empty()) {
            let Some(place) = place_of(project, report, &key) else { continue };
            let (kind, id) = key.split_once('.').unwrap_or((key.as_str(), ""));
            let what = match kind {
                "fact-note" => format!("the note of fact `{id}`"),
                kind => format!("{kind} `{id}`"),
            };
            let refusal = Refusal::config(format!("{place}: {what} has no text in `{code}`"));
            faults.push(refusal.hint(beside(code, &names, &place)));
        }
    }
}

/// What to write where a text lacks: first into the desk, where the file is the house's.
fn beside(code: &str, texts: &BTreeMap<String, String>, place: &str) -> String {
    let english = texts.get(ENGLISH).or_else(|| texts.values().next());
    let has = english.map_or(String::new(), |text| format!("; English has “{}”", short(text)));
    let house = place.strip_prefix(house::PREFIX).and_then(|rest| rest.split(':').next());
    let eject = house.map_or(String::new(), |file| format!("write `shockbrief eject {file}`, then "));
    format!("{eject}add `{code}: ...` there{has}")
}

/// Prose of the report's sections that no file has.
fn prose(project: &Project, issue: &Issue, code: &str, faults: &mut Refusals) {
    for section in issue.instances.iter().filter(|section| section.is_shown()) {
        let places = prose_places(project, &issue.report, section, code);
        if places.iter().any(|path| house::is_file(path)) {
            continue;
        }
        // A section without prose in English needs none in another language.
        let english = prose_places(project, &issue.report, section, ENGLISH);
        let has_english = english.iter().find(|path| house::is_file(path));
        let Ok(needed) = no_prose(&places, section, code) else { continue };
        match (needed, has_english) {
            (Some(refusal), _) => faults.push(refusal),
            (None, Some(path)) if code != ENGLISH => {
                let shown = house::shown(path);
                let message = format!("{}: the prose of `{}` has no `{code}`", shown.display(), section.id);
                let own = places.first().map(|path| path.display().to_string()).unwrap_or_default();
                faults.push(Refusal::config(message).hint(format!("write it as {own}")));
            }
            _ => {}
        }
    }
}
