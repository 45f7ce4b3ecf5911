//! `list`: what briefs can be made of, one line each, from the program and the desk.

use crate::{
    analyse::Analysed,
    args::{List, Listed},
    desk,
    load::Project,
    say,
};
use anyhow::Result;
use shockbrief_core::{
    Figure, Refusal, Unit, Value,
    config::{Language, section::SectionSpec},
    house, nearest,
};
use shockbrief_sections::{AnyKind, KINDS, built_in};
use shockbrief_templating::words;
use std::path::{Path, PathBuf};

/// The language that names are shown in: the one that every house has.
const LANGUAGE: &str = "en";

/// Prints the lines that are asked for; none is an error that names the nearest.
pub fn run(args: &List) -> Result<()> {
    let (lines, pattern) = if args.what == Listed::Figures {
        let Some((report, pattern)) = args.words.split_first() else {
            return Err(Refusal::config("`list figures` wants a report")
                .hint("write `shockbrief list figures REPORT [PATTERN]`")
                .into());
        };
        let folder = desk::report(report).map_err(Refusal::config)?;
        (figures(args, &folder)?, pattern.first())
    } else {
        if args.words.len() > 1 {
            return Err(Refusal::config("one pattern is looked for at a time").hint("take one away").into());
        }
        (lines(args.what, &args.inputs.config)?, args.words.first())
    };
    let Some(pattern) = pattern else {
        lines.iter().for_each(say);
        return Ok(());
    };
    let wanted = wanted(pattern)?;
    let found: Vec<&String> = lines.iter().filter(|line| wanted(line)).collect();
    if found.is_empty() {
        let names = lines.iter().map(|line| name(line));
        return Err(Refusal::config(format!("nothing there has `{}`", pattern.escape_debug()))
            .hint(nearest::offer(pattern, names))
            .into());
    }
    found.into_iter().for_each(say);
    Ok(())
}

/// What stands before the first colon with a space: the name.
fn name(line: &str) -> &str {
    line.split_once(": ").map_or(line, |(name, _)| name)
}

/// Whether a line is looked for: by a pattern of its name, or by a part of it in any case.
fn wanted(pattern: &str) -> Result<impl Fn(&str) -> bool> {
    let lower = pattern.to_lowercase();
    let glob = pattern.contains(['*', '?']).then(|| glob::Pattern::new(pattern)).transpose();
    let glob = glob.map_err(|error| {
        Refusal::config(format!("`{}` is no pattern: {error}", pattern.escape_debug()))
            .hint("`*` stands for any text, `?` for one character")
    })?;
    Ok(move |line: &str| match &glob {
        Some(glob) => glob.matches(name(line)),
        None => line.to_lowercase().contains(&lower),
    })
}

/// The name of a unit, as files have it.
pub fn unit(unit: Unit) -> String {
    serde_json::to_value(unit).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

fn figures(args: &List, folder: &Path) -> Result<Vec<String>> {
    let project = Project::load(&args.inputs.config)?;
    let analysed = Analysed::new(&project, folder, &args.inputs)?;
    Ok(analysed.findings.figures.values().map(figure).collect())
}

fn figure(figure: &Figure) -> String {
    let value = match (&figure.value, &figure.reason) {
        (Some(Value::Number(number)), _) => number.to_string(),
        (Some(Value::Date(date)), _) => date.to_string(),
        (None, reason) => format!("none ({})", reason.as_deref().unwrap_or("no reason given")),
    };
    let currency = figure.currency.as_ref().map_or(String::new(), |currency| format!(" in {currency}"));
    format!("{}: {}{currency}, {}, {value}", figure.id, unit(figure.unit), figure.statistic)
}

fn lines(what: Listed, config: &Path) -> Result<Vec<String>> {
    Ok(match what {
        Listed::Figures => Vec::new(),
        Listed::Filters => words::filters().iter().map(word).collect(),
        Listed::Functions => words::functions().iter().map(word).collect(),
        Listed::Kinds => KINDS.iter().flat_map(|kind| self::kind(*kind)).collect(),
        Listed::Sections => sections(config)?,
        Listed::Strings => {
            let strings = Language::load(&config.join("languages"), LANGUAGE)?.strings;
            strings.iter().map(|(key, text)| format!("{key}: {}", flat(text))).collect()
        }
        Listed::Themes => themes(&Project::load(config)?),
        Listed::Events => {
            let events = Project::load(config)?.events.events;
            events
                .iter()
                .map(|(id, event)| format!("{id}: {}, {}", event.instant, shown(&event.name)))
                .collect()
        }
        Listed::Facts => {
            let project = Project::load(config)?;
            let told = project.facts.all().map(|(id, fact)| {
                let currency = fact.currency.as_ref().map_or(String::new(), |code| format!(" in {code}"));
                let unit = unit(fact.unit);
                format!("{id}: {unit}{currency}, {}, {}, {}", fact.value, fact.date, shown(&fact.name))
            });
            told.collect()
        }
    })
}

fn word(word: &words::Word) -> String {
    let units: Vec<String> = word.units.iter().map(|one| unit(*one)).collect();
    let units = if units.is_empty() { String::new() } else { format!(" [{}]", units.join(", ")) };
    format!("{}: {}{units}; {}", word.name, word.about, word.form)
}

/// A kind with its parameters and their defaults.
fn kind(kind: &dyn AnyKind) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", kind.name(), kind.about())];
    for parameter in kind.parameters() {
        let told = match (&parameter.default, parameter.form) {
            (_, Some(form)) => format!("required, such as {form}"),
            (Some(value), None) if !value.is_null() => format!("default {value}"),
            _ => "default none".to_owned(),
        };
        lines.push(format!("  {}: {told}", parameter.name));
    }
    lines
}

/// Sections of the program, of the house's folder, and of reports, each with its heading.
pub fn sections(config: &Path) -> Result<Vec<String>> {
    let strings = Language::load(&config.join("languages"), LANGUAGE)?.strings;
    let heading = |id: &str| strings.get(&format!("section.{id}")).map(|text| flat(text)).unwrap_or_default();
    let mut lines: Vec<String> = built_in().iter().map(|id| format!("{id}: {}", heading(id))).collect();
    lines.extend(folders(&config.join("sections"), "")?);
    for report in reports(config) {
        let slug = report.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        lines.extend(folders(&report.join("sections"), &format!(" (of {slug})"))?);
    }
    Ok(lines)
}

fn folders(folder: &Path, of: &str) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for section in house::folders(folder)? {
        let file = section.join("section.yaml");
        if !house::is_file(&file) {
            continue;
        }
        let (spec, _) = shockbrief_core::config::load::<SectionSpec>(&file)?;
        let id = section.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let title = spec.title.as_ref().map(shown).unwrap_or_default();
        lines.push(format!("{id}: {title}, {}{of}", spec.kind.as_deref().unwrap_or("text")));
    }
    Ok(lines)
}

/// Folders of the reports beside a configuration, in order.
pub fn reports(config: &Path) -> Vec<PathBuf> {
    let desk = config.parent().filter(|desk| *desk != Path::new("")).unwrap_or_else(|| Path::new("."));
    let entries = fs_err::read_dir(desk.join("reports")).into_iter().flatten();
    let mut found: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

fn themes(project: &Project) -> Vec<String> {
    let told = project.universe.themes.iter().map(|(id, theme)| {
        let members: Vec<&str> = project.universe.of_theme(id).map(|one| one.symbol.as_str()).collect();
        format!("{id}: {}: {}", shown(&theme.name), members.join(", "))
    });
    told.collect()
}

/// A text in English, or in whatever language there is.
fn shown(texts: &std::collections::BTreeMap<String, String>) -> String {
    texts.get(LANGUAGE).or_else(|| texts.values().next()).map(|text| flat(text)).unwrap_or_default()
}

/// A text on one line.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
