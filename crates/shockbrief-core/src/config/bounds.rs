//! Bounds of a report's lists and windows: what no report needs, and what would take a machine's time and memory before
//! anything could refuse it.

use super::{Origin, Report, Study, client};
use crate::Refusal;
use anyhow::{Context, Result};
use jiff::tz::TimeZone;
use std::{collections::BTreeSet, path::Path};

/// Rows on either side of day 0 that a window may reach: ten years of sessions.
pub const ROWS: i32 = 2_600;
/// Names of a list of symbols.
const NAMES: usize = 5_000;
/// Entries of any other list.
const ENTRIES: usize = 500;

/// The slug of a report: the real name of its folder, also where it was named as `.`.
pub(super) fn slug(folder: &Path) -> Result<String> {
    let named = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let slug = match named(folder) {
        Some(slug) => slug,
        None => named(&fs_err::canonicalize(folder)?).context("the root of the file system is no report")?,
    };
    client::plain(&slug).map_err(|reason| {
        Refusal::config(format!(
            "{:?}: a report's folder cannot have this name: {reason}",
            folder.display().to_string()
        ))
        .hint("name the folder with letters, digits, `-`, `_` and `.`")
    })?;
    Ok(slug)
}

/// Refuses lists that are too long or name something twice, windows that no calendar has, a study of nobody, and a
/// schedule in a time zone that does not exist.
///
/// # Errors
/// Class `Config`, at the line of the list or window.
pub(super) fn check(report: &Report) -> Result<(), Refusal> {
    let origin = &report.origin;
    if TimeZone::get(&report.schedule.timezone).is_err() {
        let name = &report.schedule.timezone;
        return Err(unknown_zone(origin, name));
    }
    let top = |key, entries: Vec<String>| list(origin, "", key, entries, ENTRIES);
    top("languages:", texts(&report.languages))?;
    top("themes:", texts(&report.themes))?;
    top("sections:", texts(&report.sections))?;
    top("deliver:", texts(&report.deliver))?;
    top("headline:", report.headline.iter().map(|listed| listed.figure.clone()).collect())?;
    top("watch:", report.watch.iter().map(|watched| watched.figure.clone()).collect())?;
    top("claims:", report.claims.iter().map(|claim| claim.id.clone()).collect())?;
    if let Some(panel) = &report.panel {
        list(origin, "panel:", "sample:", texts(&panel.sample), NAMES)?;
        list(origin, "panel:", "regions:", texts(&panel.regions), NAMES)?;
    }
    report.study.as_ref().map_or(Ok(()), |study| check_study(study, origin))
}

fn texts<T: ToString>(entries: &[T]) -> Vec<String> {
    entries.iter().map(T::to_string).collect()
}

fn check_study(study: &Study, origin: &Origin) -> Result<(), Refusal> {
    let windows = [("estimation:", &study.estimation), ("window:", &study.window)];
    let inner = study.windows.iter().map(|window| ("windows:", window));
    for (key, window) in windows.into_iter().chain(inner) {
        if window.iter().any(|row| !(-ROWS..=ROWS).contains(row)) {
            let message = format!("the window {window:?} reaches more than {ROWS} sessions from day 0");
            return Err(refuse(origin, "study:", key, message)
                .hint("write rows relative to day 0, such as [-130, -11]"));
        }
    }
    if study.sample.is_empty() {
        return Err(refuse(origin, "study:", "sample:", "the study has no company".to_owned())
            .hint("name the companies of the headline tests, such as `sample: [NVDA, AVGO]`"));
    }
    let own = |key, entries, most| list(origin, "study:", key, entries, most);
    own("sample:", texts(&study.sample), NAMES)?;
    own("abroad:", texts(&study.abroad), NAMES)?;
    own("exchanges:", texts(&study.exchanges), ENTRIES)?;
    own(
        "windows:",
        study.windows.iter().map(|[first, last]| format!("[{first}, {last}]")).collect(),
        ENTRIES,
    )?;
    let pairs = study.long_short.iter().map(|[long, short]| format!("[{long}, {short}]"));
    own("long_short:", pairs.collect(), ENTRIES)
}

/// A list with so many entries at most, each once.
fn list(origin: &Origin, block: &str, key: &str, entries: Vec<String>, most: usize) -> Result<(), Refusal> {
    let name = key.trim_end_matches(':');
    if entries.len() > most {
        let message = format!("`{name}` has {} entries, more than {most}", entries.len());
        return Err(refuse(origin, block, key, message)
            .hint("name each entry once, and divide what is left among several reports"));
    }
    let mut seen = BTreeSet::new();
    match entries.iter().find(|entry| !seen.insert(entry.as_str())) {
        None => Ok(()),
        Some(twice) => {
            Err(refuse(origin, block, key, format!("`{name}` names {twice} twice")).hint("name each once"))
        }
    }
}

/// A refusal at the first line with `key` below the one that begins with `block`.
fn refuse(origin: &Origin, block: &str, key: &str, message: String) -> Refusal {
    let mut lines = origin.text.lines().enumerate().skip_while(|(_, line)| !line.starts_with(block));
    match lines.find(|(_, line)| line.contains(key)) {
        Some((index, _)) => Refusal::config(format!("{}:{}: {message}", origin.path.display(), index + 1)),
        None => origin.refuse(block, message),
    }
}

fn unknown_zone(origin: &Origin, name: &str) -> Refusal {
    let refusal = origin.refuse("timezone", format!("unknown time zone `{name}`"));
    if TimeZone::get("Europe/Paris").is_err() {
        return refusal.hint("this machine has no time zones: install the package tzdata, or set TZDIR");
    }
    refusal.hint("write an IANA name, such as Europe/Paris")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    /// The refusal of a report whose part `key` is replaced, if any.
    fn refused(from: &str, to: &str) -> Option<String> {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("weekly");
        let text = "title: {en: T}\nsubtitle: {en: S}\nlanguages: [en]\nschedule: {every: week}\nthemes: [compute]\n\
                    sections: [summary]\nstudy:\n  event: e\n  benchmark: I\n  source: A\n  sample: [A, B]\n  \
                    estimation: [-130, -11]\n  window: [-5, 10]\npanel: {benchmark: I, from: 2020-01-02, sample: [A, B]}\n";
        assert!(text.contains(from), "{from}");
        let text = text.replacen(from, to, 1);
        crate::fs::write_atomic(&folder.join("report.yaml"), text.as_bytes()).unwrap();
        Report::load(&folder).err().map(|error| format!("{error:#}"))
    }

    #[test]
    fn what_no_report_needs_is_refused_at_its_line() {
        assert_eq!(refused("[A, B]", "[A, B]"), None);
        let many: Vec<String> = (0..6_000).map(|n| format!("S{n}")).collect();
        let many = format!("[{}]", many.join(",\n    "));
        for (from, to, line, said) in [
            ("sample: [A, B]\n", "sample: [A, B, A]\n", 11, "A twice"),
            ("sample: [A, B]}", "sample: [A, B, B]}", 14, "B twice"),
            ("sample: [A, B]\n", "sample: []\n", 11, "no company"),
            ("sample: [A, B]\n", &format!("sample: {many}\n"), 11, "more than 5000"),
            ("themes: [compute]", "themes: [compute, compute]", 5, "compute twice"),
            ("sections: [summary]", "sections: [summary, summary]", 6, "summary twice"),
            ("languages: [en]", "languages: [en, en]", 3, "en twice"),
            ("-130", "-2147483648", 12, "2600"),
            ("-5, 10]", "-5, 10000000]", 13, "2600"),
            ("{every: week}", "{every: week, timezone: Europe/Atlantis}", 4, "Europe/Atlantis"),
        ] {
            let text = refused(from, to).unwrap_or_default();
            assert!(
                text.contains(&format!("report.yaml:{line}: ")) && text.contains(said),
                "{to:.40}: {text}"
            );
        }
    }
}
