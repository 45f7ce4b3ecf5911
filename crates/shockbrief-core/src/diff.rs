//! What changed between two briefs, by cause: the market moved, data were revised, or method or
//! configuration changed.

use crate::{Brief, Figure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Why a figure differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The two were computed as of different dates by one statistic: time passed.
    Market,
    /// One as-of date, one statistic, other data.
    RevisedData,
    /// One as-of date and the same data, or another statistic or unit: what computes it changed.
    Method,
    /// Only the second brief has it.
    New,
    /// Only the first brief has it.
    Gone,
}

impl Cause {
    /// All causes, in the order of a listing.
    pub const ALL: [Self; 5] = [Self::Market, Self::RevisedData, Self::Method, Self::New, Self::Gone];
}

/// One figure that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Its id.
    pub figure: String,
    /// Why it differs.
    pub cause: Cause,
    /// In the first brief.
    pub before: Option<crate::Value>,
    /// In the second brief.
    pub after: Option<crate::Value>,
}

/// The difference of two briefs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diff {
    /// Figures that are the same in value and in what made them.
    pub same: usize,
    /// Those that differ, by id.
    pub changes: Vec<Change>,
    /// Data of which other values were read, by path; only for briefs of one as-of date.
    pub revised: Vec<String>,
}

/// Compares two briefs.
#[must_use]
pub fn diff(before: &Brief, after: &Brief) -> Diff {
    let revised = if before.as_of == after.as_of { revised(before, after) } else { Vec::new() };
    let (old, new) = (&before.findings.figures, &after.findings.figures);
    let mut ids: Vec<&String> = old.keys().chain(new.keys()).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut found = Diff { same: 0, changes: Vec::new(), revised };
    for id in ids {
        let cause = match (old.get(id), new.get(id)) {
            (Some(a), Some(b)) => cause(a, b, !found.revised.is_empty()),
            (None, _) => Some(Cause::New),
            (_, None) => Some(Cause::Gone),
        };
        let value = |figures: &BTreeMap<String, Figure>| figures.get(id).and_then(|figure| figure.value);
        match cause {
            None => found.same += 1,
            Some(cause) => {
                let (before, after) = (value(old), value(new));
                found.changes.push(Change { figure: id.clone(), cause, before, after });
            }
        }
    }
    found
}

fn cause(a: &Figure, b: &Figure, revised: bool) -> Option<Cause> {
    if a.statistic != b.statistic || a.unit != b.unit {
        return Some(Cause::Method);
    }
    if a.value == b.value && a.reason == b.reason {
        return None;
    }
    Some(match (a.as_of == b.as_of, revised) {
        (false, _) => Cause::Market,
        (true, true) => Cause::RevisedData,
        (true, false) => Cause::Method,
    })
}

/// Paths that both briefs read, with other values.
fn revised(before: &Brief, after: &Brief) -> Vec<String> {
    let digests = |brief: &Brief| -> BTreeMap<String, String> {
        brief.inputs.iter().map(|input| (input.path.clone(), input.sha256.clone())).collect()
    };
    let (old, new) = (digests(before), digests(after));
    old.into_iter()
        .filter(|(path, digest)| new.get(path).is_some_and(|other| other != digest))
        .map(|(path, _)| path)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Findings, Input, Unit};
    use jiff::civil::{Date, date};

    fn brief(as_of: Date, digest: &str, figures: &[(&str, f64, &str)]) -> Brief {
        let mut findings = Findings::default();
        for (id, value, statistic) in figures {
            findings.add(Figure::new(*id, *value, Unit::Ratio, statistic, as_of));
        }
        Brief {
            origins: BTreeMap::new(),
            schema: crate::brief::SCHEMA,
            report: "monthly".into(),
            period: "2025-01".into(),
            as_of,
            title: BTreeMap::new(),
            subtitle: BTreeMap::new(),
            simulated: false,
            headline: Vec::new(),
            claims: Vec::new(),
            findings,
            inputs: vec![Input {
                source: "prices".into(),
                path: "prices.csv".into(),
                sha256: digest.into(),
                file_sha256: String::new(),
                licence: String::new(),
                simulated: false,
                redistribute: false,
            }],
            notices: Vec::new(),
        }
    }

    fn causes(a: &Brief, b: &Brief) -> Vec<(String, Cause)> {
        diff(a, b).changes.into_iter().map(|change| (change.figure, change.cause)).collect()
    }

    #[test]
    fn each_cause_is_told_from_the_others() {
        let (january, february) = (date(2025, 1, 31), date(2025, 2, 28));
        let base = brief(january, "a", &[("x", 0.1, "car"), ("y", 0.2, "car"), ("z", 0.3, "car")]);
        let later = brief(february, "b", &[("x", 0.4, "car"), ("y", 0.2, "car"), ("z", 0.3, "bhar")]);
        assert_eq!(causes(&base, &later), [("x".into(), Cause::Market), ("z".into(), Cause::Method)]);
        let revised = brief(january, "b", &[("x", 0.15, "car"), ("y", 0.2, "car"), ("z", 0.3, "car")]);
        assert_eq!(causes(&base, &revised), [("x".into(), Cause::RevisedData)]);
        assert_eq!(diff(&base, &revised).revised, ["prices.csv"]);
        let rule = brief(january, "a", &[("x", 0.15, "car"), ("y", 0.2, "car"), ("w", 1.0, "car")]);
        assert_eq!(
            causes(&base, &rule),
            [("w".into(), Cause::New), ("x".into(), Cause::Method), ("z".into(), Cause::Gone)]
        );
        assert_eq!(diff(&base, &base), Diff { same: 3, changes: vec![], revised: vec![] });
    }
}
