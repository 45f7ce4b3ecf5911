//! A desk: the folder with `reports/` and, for what differs from the house, `config/`. Where it is, and how it begins:
//! `init`, `eject` and `new`.

use crate::{
    args::{Eject, Init, New, Part, Sample},
    sample, say,
    schema::beside,
};
use anyhow::Result;
use shockbrief_core::{
    Refusal,
    config::{Language, Report, load},
    fs::write_atomic,
    house,
};
use shockbrief_templating::locale;
use std::path::{Path, PathBuf};

mod section;

/// The house's configuration, from the folder `config` of the project.
mod carried {
    include!(concat!(env!("OUT_DIR"), "/house.rs"));
}
pub use carried::HOUSE;

/// Folders by which a desk is known.
const FOLDERS: [&str; 2] = ["config", "reports"];

/// The desk around the working folder: the nearest folder above it with `reports/` or `config/`.
fn around() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    let is_desk = |folder: &&Path| FOLDERS.iter().any(|name| folder.join(name).is_dir());
    here.ancestors().find(is_desk).map(Path::to_owned)
}

/// A path of the command line: as it is typed, or of that name in the desk around the working folder.
fn within(text: &str) -> PathBuf {
    let typed = PathBuf::from(text);
    if typed.exists() || typed.is_absolute() {
        return typed;
    }
    let here = std::env::current_dir().ok();
    match around().filter(|desk| Some(desk) != here.as_ref()) {
        Some(desk) => desk.join(typed),
        None => typed,
    }
}

/// The configuration folder, also from a folder below the desk.
pub fn config(text: &str) -> Result<PathBuf, String> {
    Ok(within(text))
}

/// A folder of data, also from a folder below the desk.
pub fn data(text: &str) -> Result<PathBuf, String> {
    Ok(within(text))
}

/// A report's folder: as typed, of that name in the desk, or below its `reports`.
pub fn report(text: &str) -> Result<PathBuf, String> {
    let typed = PathBuf::from(text);
    let desk = around().unwrap_or_default();
    let places = [typed.clone(), desk.join(text), desk.join("reports").join(text)];
    Ok(places.into_iter().find(|place| place.exists()).unwrap_or(typed))
}

/// Whether the folder that holds this configuration folder is a desk.
pub fn is_desk(config: &Path) -> bool {
    config.is_dir() || config.parent().is_some_and(|desk| desk.join("reports").is_dir())
}

/// Makes a desk that renders at once: one report, reconstructed data, a page on what is where.
pub fn init(args: &Init) -> Result<()> {
    let desk = &args.folder;
    let report = desk.join("reports/first-brief");
    if report.exists() {
        return Err(Refusal::config(format!("{} is there already", report.display()))
            .hint("name another folder, or add a report with `shockbrief new report NAME`")
            .into());
    }
    write_report(&report, "first-brief")?;
    write_new(&desk.join("README.md"), README)?;
    write_new(&desk.join(".gitignore"), "/out/\n/.store/\n")?;
    let data = desk.join("data");
    if !data.exists() {
        let config = desk.join("config");
        sample::run(&Sample { seed: 20_250_127, out: data, config })?;
    }
    say(desk.display());
    say("next: shockbrief check first-brief, then shockbrief render first-brief");
    Ok(())
}

/// Writes files of the house into the desk, to be changed there.
pub fn eject(args: &Eject) -> Result<()> {
    let wanted =
        args.part.trim_start_matches(house::PREFIX).trim_start_matches("config/").trim_end_matches('/');
    let fits = |name: &&str| {
        **name == *wanted || name.strip_prefix(wanted).is_some_and(|rest| rest.starts_with(['/', '.']))
    };
    let files: Vec<_> = HOUSE.iter().filter(|(name, _)| fits(name)).collect();
    if files.is_empty() {
        let parts = HOUSE.iter().map(|(name, _)| *name);
        let offer = shockbrief_core::nearest::offer(wanted, parts);
        return Err(Refusal::config(format!("the house has no `{wanted}`")).hint(offer).into());
    }
    let mut written = 0;
    for (name, text) in files {
        let path = args.config.join(name);
        if path.exists() {
            say(format_args!("{} is there already and stays", path.display()));
            continue;
        }
        write_atomic(&path, text.as_bytes())?;
        say(path.display());
        written += 1;
    }
    if written == 0 {
        return Err(Refusal::config("nothing was written").hint("change the files that are there").into());
    }
    Ok(())
}

/// Writes a skeleton that passes `check`.
pub fn new(args: &New) -> Result<()> {
    let name = &args.name;
    let known = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if !known {
        return Err(Refusal::config(format!("`{}` is no name", name.escape_debug()))
            .hint("use letters, digits, `-` and `_`, such as chip-week")
            .into());
    }
    let desk = args.config.parent().filter(|desk| *desk != Path::new("")).unwrap_or_else(|| Path::new("."));
    if args.report.is_some() && args.part != Part::Section {
        return Err(Refusal::config("`--report` is for a section alone").hint("take out `--report`").into());
    }
    match args.part {
        Part::Section => section::begin(desk, &args.config, args.report.as_deref(), name),
        Part::Report => write_report(&desk.join("reports").join(name), name),
        Part::Fact => {
            let path = args.config.join(format!("facts/{name}.yaml"));
            described(&path, "facts", 2, &FACT.replace("NAME", name))
        }
        Part::Event => event(&args.config, name),
        Part::Portfolio => portfolio(desk, name),
        Part::Language => language(&args.config, name),
    }
}

fn write_report(folder: &Path, name: &str) -> Result<()> {
    described(&folder.join("report.yaml"), "report", 2, &REPORT.replace("NAME", name))?;
    made(&folder.join("prose/market.en.typ.j2"), PROSE)
}

/// Writes a file that is not there yet.
fn write_new(path: &Path, text: &str) -> Result<()> {
    if path.exists() { Ok(()) } else { write_atomic(path, text.as_bytes()) }
}

/// Writes a file and says where; one that is there is refused.
fn made(path: &Path, text: &str) -> Result<()> {
    if path.exists() {
        return Err(Refusal::config(format!("{} is there already", path.display()))
            .hint("choose another name, or edit the file")
            .into());
    }
    write_atomic(path, text.as_bytes())?;
    say(path.display());
    Ok(())
}

/// Writes a file of a kind that editors know by its schema.
fn described(path: &Path, kind: &str, depth: usize, text: &str) -> Result<()> {
    if path.exists() {
        return made(path, text);
    }
    made(path, &beside(path, kind, depth, text)?)
}

/// Adds an event to the desk's own list, which begins as the house's.
fn event(config: &Path, name: &str) -> Result<()> {
    let path = config.join("events.yaml");
    let mut text = shockbrief_core::fs::read_text(&path)?;
    if text.lines().any(|line| line.starts_with(&format!("{name}:"))) {
        return Err(Refusal::config(format!("{}: `{name}` is there already", path.display()))
            .hint("choose another name, or edit the event")
            .into());
    }
    if !path.exists() {
        text = beside(&path, "events", 1, &text)?;
    }
    text.push_str(&EVENT.replace("NAME", name));
    write_atomic(&path, text.as_bytes())?;
    say(path.display());
    Ok(())
}

/// A portfolio of the only report that makes a brief for each.
fn portfolio(desk: &Path, name: &str) -> Result<()> {
    let folders = fs_err::read_dir(desk.join("reports"))?.filter_map(|entry| Some(entry.ok()?.path()));
    let wanted = |folder: &PathBuf| Report::load(folder).is_ok_and(|report| report.for_each.is_some());
    let found: Vec<PathBuf> = folders.filter(wanted).collect();
    let [report] = found.as_slice() else {
        return Err(Refusal::config(format!(
            "{} reports of this desk make a brief for each portfolio",
            found.len()
        ))
        .hint("write `for_each: portfolios/*.yaml` into the report.yaml of one report")
        .into());
    };
    let followed = Report::load(report)?.panel.map(|panel| panel.sample).unwrap_or_default();
    let first = followed.first().map_or("NVDA".to_owned(), ToString::to_string);
    let text = PORTFOLIO.replace("NAME", name).replace("SYMBOL", &first);
    described(&report.join("portfolios").join(format!("{name}.yaml")), "portfolio", 3, &text)
}

/// Every string of a language, empty, with its English beside it; what has no words stands as it is.
fn language(config: &Path, code: &str) -> Result<()> {
    locale::settable(code)
        .map_err(|fault| Refusal::config(format!("language `{code}`: {}", fault.message)).hint(fault.hint))?;
    let english: Language = load(&config.join("languages/en.yaml"))?.0;
    let mut text = format!(
        "# Write each text between its quotes; beside it stands the English one. `shockbrief check REPORT --lang {code}`\n\
         # names what lacks, here and in every other file. Texts are templates: {{{{ … }}}} stays as it is.\n\
         locale: {code}\nname: \"\"  # English\nstrings:\n"
    );
    for (key, english) in &english.strings {
        text.push_str(&english_beside(key, english)?);
    }
    text.push_str("  # How numbers and dates are written.\n");
    for (key, english) in locale::english().filter(|(key, _)| !english.strings.contains_key(*key)) {
        // A word such as `source` stands above under its own key.
        if key.strip_prefix("format.word.").is_none_or(|word| !has(&text, word)) {
            text.push_str(&english_beside(key, english)?);
        }
    }
    text.push_str("  # Why a value is missing; {} stands for a number.\n");
    for (key, english) in locale::missing_reasons() {
        text.push_str(&english_beside(key, english)?);
    }
    described(&config.join("languages").join(format!("{code}.yaml")), "language", 2, &text)
}

/// Whether the skeleton has a string already.
fn has(text: &str, key: &str) -> bool {
    text.lines().any(|line| line.strip_prefix("  ").is_some_and(|line| line.starts_with(&format!("{key}:"))))
}

/// A string to be translated, or as it is where it has no words.
fn english_beside(key: &str, english: &str) -> Result<String> {
    let line = english.split_whitespace().collect::<Vec<_>>().join(" ");
    if is_wordless(english) {
        return Ok(format!("  {key}: {}\n", serde_json::to_string(english)?));
    }
    Ok(format!("  {key}: \"\"  # {line}\n"))
}

/// Whether a text is made of values and marks alone.
fn is_wordless(text: &str) -> bool {
    let mut depth = 0_usize;
    text.chars().all(|c| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > 0 || !c.is_alphabetic()
    })
}

const README: &str = include_str!("desk/README.md");
const REPORT: &str = include_str!("desk/report.yaml");
const PROSE: &str = include_str!("desk/market.en.typ.j2");
const FACT: &str = include_str!("desk/fact.yaml");
const EVENT: &str = include_str!("desk/event.yaml");
const PORTFOLIO: &str = include_str!("desk/portfolio.yaml");
