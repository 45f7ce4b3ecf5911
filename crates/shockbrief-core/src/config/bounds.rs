//! Bounds of a report's lists and windows: what no report needs, and what would take a machine's time and memory before
//! anything could refuse it.

use super::{KeyPath, Origin, Panel, Schedule, Study};
use crate::{Refusals, at};
use jiff::tz::TimeZone;

/// Rows on either side of day 0 that a window may reach: ten years of sessions.
pub const ROWS: i32 = 2_600;
/// Names of a list of symbols, the longest of all lists.
pub(super) const NAMES: usize = 5_000;
/// Windows and pairs that one study tests.
const ENTRIES: usize = 500;

/// Refuses lists that are too long, windows that no calendar has, a study of nobody, and a schedule in a time zone that
/// does not exist.
pub(super) fn check(
    schedule: &Schedule,
    study: Option<&Study>,
    panel: Option<&Panel>,
    origin: &Origin,
    faults: &mut Refusals,
) {
    check_zone(schedule, origin, faults);
    if let Some(panel) = panel {
        long(panel.sample.len(), NAMES, &at!["panel", "sample"], origin, faults);
        long(panel.regions.len(), NAMES, &at!["panel", "regions"], origin, faults);
    }
    if let Some(study) = study {
        check_study(study, origin, faults);
    }
}

fn check_study(study: &Study, origin: &Origin, faults: &mut Refusals) {
    let mut reach = |window: &[i32; 2], path: KeyPath| {
        if window.iter().any(|row| !(-ROWS..=ROWS).contains(row)) {
            let message = format!("the window {window:?} reaches more than {ROWS} sessions from day 0");
            faults
                .push(origin.refuse(path, message).hint("write rows relative to day 0, such as [-130, -11]"));
        }
    };
    reach(&study.estimation, at!["study", "estimation"]);
    reach(&study.window, at!["study", "window"]);
    if study.windows.len() <= ENTRIES {
        study
            .windows
            .iter()
            .enumerate()
            .for_each(|(index, window)| reach(window, at!["study", "windows", index]));
    }
    if study.sample.is_empty() {
        faults.push(
            origin
                .refuse(at!["study", "sample"], "the study has no company")
                .hint("name the companies of the headline tests, such as `sample: [NVDA, AVGO]`"),
        );
    }
    for (key, length, most) in [
        ("sample", study.sample.len(), NAMES),
        ("abroad", study.abroad.len(), NAMES),
        ("exchanges", study.exchanges.len(), ENTRIES),
        ("windows", study.windows.len(), ENTRIES),
        ("long_short", study.long_short.len(), ENTRIES),
    ] {
        long(length, most, &at!["study", key], origin, faults);
    }
}

fn long(length: usize, most: usize, path: &KeyPath, origin: &Origin, faults: &mut Refusals) {
    if length > most {
        let refusal = origin.refuse(path, format!("`{path}` has {length} entries, more than {most}"));
        faults.push(refusal.hint("name each entry once, and divide what is left among several reports"));
    }
}

fn check_zone(schedule: &Schedule, origin: &Origin, faults: &mut Refusals) {
    let name = &schedule.timezone;
    if TimeZone::get(name).is_ok() {
        return;
    }
    let bare = TimeZone::get("Europe/Paris").is_err();
    let refusal = origin.refuse(at!["schedule", "timezone"], format!("unknown time zone `{name}`"));
    faults.push(refusal.hint(if bare {
        "this machine has no time zones: install the package tzdata, or set TZDIR"
    } else {
        "write an IANA name, such as Europe/Paris"
    }));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use crate::config::Report;

    /// The refusal of a report in which `from` is replaced, if any.
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
        let many = format!("sample: [{}]\n", many.join(",\n    "));
        let again = format!("sample: [{}]\n", ["A", "B"].repeat(40_000).join(",\n    "));
        for (from, to, line, said) in [
            ("sample: [A, B]\n", "sample: []\n", 11, "no company"),
            ("sample: [A, B]\n", many.as_str(), 11, "more than 5000"),
            ("sample: [A, B]\n", again.as_str(), 11, "more than 5000"),
            ("-130", "-2147483648", 12, "2600"),
            ("-5, 10]", "-5, 10000000]", 13, "2600"),
            ("{every: week}", "{every: week, timezone: Europe/Atlantis}", 4, "Europe/Atlantis"),
        ] {
            let text = refused(from, to).unwrap_or_default();
            assert!(
                text.contains(&format!("report.yaml:{line}:")) && text.contains(said),
                "{to:.40}: {text:.400}"
            );
        }
    }
}
