//! What could refute a claim: its condition is asked of ordinary days, of the study without each company, and of the study
//! against the rest of the market, as the claim's own keys demand.
//!
//! The answers are figures like any other: `claim.<id>.rate` with its interval `.low` and `.high` (Wilson, 95 %), `.hits`,
//! `.without` and `.rest`. The claim then holds only where its condition and these do, so that a claim that cannot be tried takes
//! the text of what is not known.

use crate::over;
use anyhow::Result;
use jiff::civil::Date;
use shockbrief_analytics::calibration::{MIN_DAYS, wilson};
use shockbrief_core::{
    Figure, Findings, Period, Unit, Value,
    config::{Claim, Fresh, Robust},
    expr::Expr,
};
use shockbrief_sections::{Asked, Trials};
use shockbrief_templating::Declared;

/// Share of ordinary days on which a claim of unusualness may hold, unless it says otherwise.
const AT_MOST: f64 = 0.01;

/// What is tried, and how long a trial is.
#[derive(Clone, Copy)]
pub struct Tried<'a> {
    /// The trials, where the report has any.
    pub trials: Option<&'a Trials>,
    /// Sessions that one of them covers.
    pub sessions: usize,
    /// The brief's date.
    pub as_of: Date,
}

/// Sessions in a period: five a week, twenty-one a month.
#[must_use]
pub fn sessions(period: Period) -> usize {
    match period {
        Period::Day(_) => 1,
        Period::Week(_) => 5,
        Period::Month(_) => 21,
        Period::Quarter(_) => 63,
    }
}

fn is_calibrated(claim: &Claim) -> bool {
    claim.calibrated || claim.at_most.is_some()
}

fn most(claim: &Claim) -> f64 {
    claim.at_most.unwrap_or(AT_MOST)
}

/// What these claims ask of trials: figures of conditions, and the sections whose claims are calibrated, which are `all` where a
/// claim names none.
pub fn asked<'a>(claims: impl Iterator<Item = &'a Claim>, all: &[&str]) -> Asked {
    let mut asked = Asked::default();
    // Every claim: what can be tried of it is told, whether it demands so or not.
    for claim in claims {
        let condition = Expr::parse(&claim.when).ok();
        let figures = condition.iter().flat_map(Expr::figures).map(|(id, _)| id.to_owned());
        asked.figures.extend(figures.collect::<Vec<_>>());
        if is_calibrated(claim) {
            let sections = claim.section.as_deref().map_or(all.to_vec(), |section| vec![section]);
            asked.sections.extend(sections.into_iter().map(str::to_owned));
        }
    }
    asked
}

/// Tries the claims that ask for it and adds what came out to the findings.
///
/// # Errors
/// A condition that cannot be read.
pub fn refute<'a>(
    claims: impl Iterator<Item = &'a Claim>,
    tried: Tried<'_>,
    findings: &mut Findings,
    declared: &Declared,
) -> Result<()> {
    let mut found = Vec::new();
    for claim in claims {
        let condition = Expr::parse(&claim.when).map_err(|fault| anyhow::anyhow!("{}: {fault}", claim.id))?;
        let holds = |trial: &Findings| -> Option<bool> {
            let brief = declared.names(findings, claim.section.as_deref());
            over::holds(&condition, brief, |id| trial.figures.get(id))
        };
        let inputs: Vec<String> = condition.figures().into_iter().map(|(id, _)| id.to_owned()).collect();
        // What a claim does not demand is told all the same where every figure of it is one of a trial.
        let told = tried.trials.is_some_and(|trials| tellable(&inputs, trials));
        let figure = |(part, value, unit, n): Part| {
            let id = format!("claim.{}.{part}", claim.id);
            Figure::from_result(id, value, unit, "trial", tried.as_of).inputs(inputs.clone()).n(n)
        };
        if let Some(fresh) = &claim.fresh {
            let aged = figure(age(fresh, tried.as_of, findings)).inputs([fresh.last.as_str()]);
            found.push((aged, None));
        }
        if told || is_calibrated(claim) {
            found.extend(rate(claim, tried, &holds).map(|part| (figure(part), None)));
        }
        // Of a period no company is left out and no second benchmark fitted.
        let told = told && tried.sessions == 1;
        if told || claim.robust.contains(&Robust::LeaveOneOut) {
            let (part, fails) = without(tried, &holds);
            found.push((figure(part), Some(fails)));
        }
        if told || claim.robust.contains(&Robust::BothBenchmarks) {
            found.push((figure(on_rest(tried, &holds)), None));
        }
    }
    for (figure, list) in found {
        if let Some(list) = list {
            findings.lists.insert(figure.id.clone(), list);
        }
        findings.add(figure);
    }
    Ok(())
}

/// Whether trials have every figure that a condition names.
fn tellable(ids: &[String], trials: &Trials) -> bool {
    let without = trials.without.iter().map(|(_, findings)| findings);
    let first = trials.ordinary.first().or_else(|| without.into_iter().next());
    !ids.is_empty() && first.is_some_and(|first| ids.iter().all(|id| first.figures.contains_key(id)))
}

/// Days from the last entry of a claim's list to the as-of date; no value beyond what the claim allows, so that neither of its texts
/// stands.
fn age(fresh: &Fresh, as_of: Date, findings: &Findings) -> Part {
    let last = findings.figures.get(&fresh.last).and_then(|figure| figure.value);
    let days = match last {
        Some(Value::Date(last)) => match as_of.since(last).map(|span| span.get_days()) {
            Ok(days) if days <= i32::try_from(fresh.days).unwrap_or(i32::MAX) => Ok(f64::from(days)),
            Ok(days) => Err(format!(
                "the list ends on {last}, {days} days before; more than {} is too old",
                fresh.days
            )),
            Err(error) => Err(error.to_string()),
        },
        _ => Err(format!("`{}` is no date: how old the list is, is not known", fresh.last)),
    };
    ("age", days, Unit::Count, 1)
}

/// The last part of a figure's id, its value, unit and number of trials.
type Part = (&'static str, Result<f64, String>, Unit, usize);

/// How often a claim holds on ordinary days or in ordinary periods, with the interval of that share.
fn rate(claim: &Claim, tried: Tried<'_>, holds: &impl Fn(&Findings) -> Option<bool>) -> [Part; 4] {
    let judged: Vec<bool> =
        tried.trials.iter().flat_map(|trials| &trials.ordinary).filter_map(holds).collect();
    let (n, hits) = (judged.len(), judged.iter().filter(|holds| **holds).count());
    let enough = enough(n, tried.sessions, most(claim));
    let of = |value: f64| enough.clone().map(|()| value);
    let (low, high) = wilson(hits, n).unwrap_or_default();
    [
        ("hits", of(hits as f64), Unit::Count, n),
        ("rate", of(hits as f64 / n as f64), Unit::Ratio, n),
        ("low", of(low), Unit::Ratio, n),
        ("high", of(high), Unit::Ratio, n),
    ]
}

/// Whether so many trials may speak of chance: they span [`MIN_DAYS`] sessions, and a share as small as the claim's can be seen in
/// them at all.
fn enough(n: usize, sessions: usize, most: f64) -> Result<(), String> {
    let what = if sessions == 1 { "ordinary sessions" } else { "ordinary periods of this length" };
    let visible = if most > 0.0 { (1.0 / most).ceil() } else { f64::INFINITY };
    let need = (MIN_DAYS.div_ceil(sessions) as f64).max(visible);
    if n as f64 >= need {
        return Ok(());
    }
    Err(format!("{n} {what} lie before, {need} are needed: what was seen of them may not speak of chance"))
}

/// Without how many companies a claim fails, and their names.
fn without(tried: Tried<'_>, holds: &impl Fn(&Findings) -> Option<bool>) -> (Part, Vec<String>) {
    let each = tried.trials.iter().flat_map(|trials| &trials.without);
    let judged: Vec<(&String, bool)> = each.filter_map(|(name, trial)| Some((name, holds(trial)?))).collect();
    let fails: Vec<String> =
        judged.iter().filter(|(_, holds)| !holds).map(|(name, _)| (*name).clone()).collect();
    let count = match judged.len() {
        0 => Err("no company could be left out".to_owned()),
        _ => Ok(fails.len() as f64),
    };
    (("without", count, Unit::Count, judged.len()), fails)
}

/// Whether a claim holds against the rest of the market.
fn on_rest(tried: Tried<'_>, holds: &impl Fn(&Findings) -> Option<bool>) -> Part {
    let rest = tried.trials.and_then(|trials| trials.rest.as_ref());
    let answer = rest.and_then(holds).map(|holds| f64::from(u8::from(holds)));
    let reason = "the data hold no other companies over these windows to measure against";
    ("rest", answer.ok_or_else(|| reason.to_owned()), Unit::Count, 1)
}

/// The condition of a claim with what its own keys demand.
#[must_use]
pub fn demanded(claim: &Claim) -> String {
    let mut parts = vec![claim.when.trim().to_owned()];
    let id = &claim.id;
    if is_calibrated(claim) {
        parts.push(format!("fig(\"claim.{id}.rate\") <= {}", most(claim)));
    }
    if let Some(fresh) = &claim.fresh {
        parts.push(format!("fig(\"claim.{id}.age\") <= {}", fresh.days));
    }
    for robust in &claim.robust {
        parts.push(match robust {
            Robust::LeaveOneOut => format!("fig(\"claim.{id}.without\") == 0"),
            Robust::BothBenchmarks => format!("fig(\"claim.{id}.rest\") == 1"),
        });
    }
    if parts.len() > 1 {
        parts[0] = format!("({})", parts[0]);
    }
    parts.join(" and ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use shockbrief_core::expr::Answer;
    use std::collections::BTreeMap;

    fn claim(robust: Vec<Robust>, calibrated: bool) -> Claim {
        Claim {
            id: "fell".to_owned(),
            when: "fig(\"a\") < 0".to_owned(),
            text: BTreeMap::new(),
            section: None,
            needs: Vec::new(),
            otherwise: None,
            missing: None,
            calibrated,
            at_most: None,
            robust,
            fresh: None,
        }
    }

    #[test]
    fn a_list_older_than_declared_stops_its_claim() {
        let declared = Declared::default();
        let truth = |last: Date, days: u32| {
            let mut brief = findings(-0.1);
            brief.add(Figure::date("list.last", last, "test", Date::default()));
            let claim = Claim {
                fresh: Some(Fresh { last: "list.last".to_owned(), days }),
                ..claim(Vec::new(), false)
            };
            let tried = Tried { trials: None, sessions: 1, as_of: jiff::civil::date(2025, 6, 30) };
            refute([&claim].into_iter(), tried, &mut brief, &declared).unwrap();
            let condition = Expr::parse(&demanded(&claim)).unwrap();
            condition.judge(&declared.names(&brief, None)).unwrap().truth
        };
        // From 1 May to 30 June there are sixty days.
        assert_eq!(truth(jiff::civil::date(2025, 5, 1), 60), Answer::Is(true));
        assert!(matches!(truth(jiff::civil::date(2025, 4, 30), 60), Answer::Missing(_)));
    }

    fn findings(a: f64) -> Findings {
        let mut findings = Findings::default();
        findings.add(Figure::new("a", a, Unit::Ratio, "test", Date::default()));
        findings
    }

    #[test]
    fn a_condition_is_asked_of_every_trial() {
        let declared = Declared::default();
        let mut brief = findings(-0.1);
        let trials = Trials {
            // Of 400 sessions it holds on every fourth.
            ordinary: (0..400).map(|day| findings(if day % 4 == 1 { -0.2 } else { 0.1 })).collect(),
            without: vec![("Alpha".to_owned(), findings(0.2)), ("Beta".to_owned(), findings(-0.1))],
            rest: Some(findings(-0.3)),
        };
        let claim = claim(vec![Robust::LeaveOneOut, Robust::BothBenchmarks], true);
        refute([&claim].into_iter(), tried(Some(&trials), 1), &mut brief, &declared).unwrap();
        assert_eq!(brief.number("claim.fell.rate"), Some(0.25));
        assert_eq!(brief.number("claim.fell.hits"), Some(100.0));
        // Wilson's interval of 100 in 400, worked out by hand: (0.25 + 1.920729/400 ± 1.959964 × 0.0217834) / (1 + 3.841459/400).
        let near = |part: &str, value: f64| {
            (brief.number(&format!("claim.fell.{part}")).unwrap() - value).abs() < 1e-4
        };
        assert!(near("low", 0.210) && near("high", 0.2947), "{:?}", brief.figures["claim.fell.low"]);
        assert_eq!(brief.number("claim.fell.without"), Some(1.0));
        assert_eq!(brief.lists["claim.fell.without"], ["Alpha"]);
        assert_eq!(brief.number("claim.fell.rest"), Some(1.0));
        let condition = Expr::parse(&demanded(&claim)).unwrap();
        let truth = condition.judge(&declared.names(&brief, None)).unwrap().truth;
        assert_eq!(truth, Answer::Is(false), "held on a quarter of ordinary days, and by one company");
    }

    fn tried(trials: Option<&Trials>, sessions: usize) -> Tried<'_> {
        Tried { trials, sessions, as_of: Date::default() }
    }

    #[test]
    fn too_few_trials_may_not_speak_of_chance() {
        let declared = Declared::default();
        let of = |n: usize, sessions: usize, at_most: f64| {
            let mut brief = findings(-0.1);
            let trials = Trials { ordinary: vec![findings(0.1); n], ..Trials::default() };
            let claim = Claim { at_most: Some(at_most), ..claim(Vec::new(), true) };
            refute([&claim].into_iter(), tried(Some(&trials), sessions), &mut brief, &declared).unwrap();
            let truth =
                Expr::parse(&demanded(&claim)).unwrap().judge(&declared.names(&brief, None)).unwrap().truth;
            (truth == Answer::Is(true), brief.figures["claim.fell.rate"].reason.clone())
        };
        assert_eq!(of(250, 1, 0.01), (true, None));
        assert!(of(249, 1, 0.01).1.unwrap().contains("249 ordinary sessions"));
        // Twelve months hold 250 sessions, and show no share of one in a hundred; twenty show one of one in twenty.
        let (held, reason) = of(12, 21, 0.01);
        assert!(!held && reason.unwrap().contains("100 are needed"));
        assert_eq!(of(20, 21, 0.05), (true, None));
        assert!(!of(11, 21, 0.2).0, "eleven months are fewer than 250 sessions");
    }

    #[test]
    fn what_cannot_be_tried_is_not_known() {
        let declared = Declared::default();
        let mut brief = findings(-0.1);
        let claim = claim(vec![Robust::BothBenchmarks], false);
        refute([&claim].into_iter(), tried(None, 1), &mut brief, &declared).unwrap();
        let truth =
            Expr::parse(&demanded(&claim)).unwrap().judge(&declared.names(&brief, None)).unwrap().truth;
        assert!(matches!(truth, Answer::Missing(_)));
    }
}
