//! What could refute a claim: its condition is asked of ordinary days, of the study without each company, and of the study
//! against the rest of the market, as the claim's own keys demand.
//!
//! The answers are figures like any other, `claim.<id>.rate`, `.hits`, `.without` and `.rest`; the claim then holds only where its
//! condition and these do, so that a claim that cannot be tried takes the text of what is not known.

use anyhow::Result;
use jiff::civil::Date;
use shockbrief_core::{
    Figure, Findings, Unit,
    config::{Claim, Robust},
    expr::{Answer, Expr, Names, Scope},
};
use shockbrief_sections::Trials;
use shockbrief_templating::Declared;

/// Share of ordinary days on which a claim of unusualness may hold, unless it says otherwise.
const AT_MOST: f64 = 0.01;

/// The figures of a trial, and those of the brief for what the trial does not touch.
struct Overlay<'a> {
    trial: &'a Findings,
    brief: Names<'a>,
}

impl Scope for Overlay<'_> {
    fn figure(&self, id: &str) -> Option<&Figure> {
        self.trial.figures.get(id).or_else(|| self.brief.figure(id))
    }
    fn figures(&self) -> Vec<&str> {
        self.brief.figures()
    }
    fn known(&self, fact: &str) -> Option<bool> {
        self.brief.known(fact)
    }
    fn facts(&self) -> Vec<&str> {
        self.brief.facts()
    }
    fn ready(&self, section: &str) -> Option<bool> {
        self.brief.ready(section)
    }
    fn sections(&self) -> Vec<&str> {
        self.brief.sections()
    }
    fn within(&self) -> Option<&str> {
        self.brief.within()
    }
}

/// Tries the claims that ask for it and adds what came out to the findings.
///
/// # Errors
/// A condition that cannot be read.
pub fn refute<'a>(
    claims: impl Iterator<Item = &'a Claim>,
    trials: Option<&Trials>,
    findings: &mut Findings,
    declared: &Declared,
    as_of: Date,
) -> Result<()> {
    let mut found = Vec::new();
    for claim in
        claims.filter(|claim| claim.calibrated || claim.at_most.is_some() || !claim.robust.is_empty())
    {
        let condition = Expr::parse(&claim.when).map_err(|fault| anyhow::anyhow!("{}: {fault}", claim.id))?;
        let inputs: Vec<String> = condition.figures().into_iter().map(|(id, _)| id.to_owned()).collect();
        let holds = |trial: &Findings| -> Option<bool> {
            let scope = Overlay { trial, brief: declared.names(findings, claim.section.as_deref()) };
            match condition.judge(&scope).ok()?.truth {
                Answer::Is(truth) => Some(truth),
                Answer::Missing(_) => None,
            }
        };
        let figure = |part: &str, value: Result<f64, String>, unit, n: usize| {
            let id = format!("claim.{}.{part}", claim.id);
            Figure::from_result(id, value, unit, "trial", as_of).inputs(inputs.clone()).n(n)
        };
        if claim.calibrated || claim.at_most.is_some() {
            let days: Vec<bool> =
                trials.iter().flat_map(|trials| &trials.ordinary).filter_map(&holds).collect();
            let rate =
                match days.len() {
                    0 => Err("too few ordinary sessions lie before the event to say how often this happens"
                        .to_owned()),
                    n => Ok(days.iter().filter(|holds| **holds).count() as f64 / n as f64),
                };
            let hits = days.iter().filter(|holds| **holds).count() as f64;
            let hits = rate.clone().map(|_| hits);
            found.push((figure("hits", hits, Unit::Count, days.len()), None));
            found.push((figure("rate", rate, Unit::Ratio, days.len()), None));
        }
        if claim.robust.contains(&Robust::LeaveOneOut) {
            let each = trials.iter().flat_map(|trials| &trials.without);
            let judged: Vec<(&String, bool)> =
                each.filter_map(|(name, trial)| Some((name, holds(trial)?))).collect();
            let fails: Vec<String> =
                judged.iter().filter(|(_, holds)| !holds).map(|(name, _)| (*name).clone()).collect();
            let count = match judged.len() {
                0 => Err("no company could be left out".to_owned()),
                _ => Ok(fails.len() as f64),
            };
            found.push((figure("without", count, Unit::Count, judged.len()), Some(fails)));
        }
        if claim.robust.contains(&Robust::BothBenchmarks) {
            let rest = trials.and_then(|trials| trials.rest.as_ref());
            let answer = rest.and_then(&holds).map(|holds| f64::from(u8::from(holds)));
            let reason = "the data hold no other companies over these windows to measure against";
            found.push((figure("rest", answer.ok_or_else(|| reason.to_owned()), Unit::Count, 1), None));
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

/// The condition of a claim with what its own keys demand.
#[must_use]
pub fn demanded(claim: &Claim) -> String {
    let mut parts = vec![claim.when.trim().to_owned()];
    let id = &claim.id;
    if claim.calibrated || claim.at_most.is_some() {
        parts.push(format!("fig(\"claim.{id}.rate\") <= {}", claim.at_most.unwrap_or(AT_MOST)));
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
        }
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
            ordinary: vec![findings(0.1), findings(-0.2), findings(0.0), findings(0.3)],
            without: vec![("Alpha".to_owned(), findings(0.2)), ("Beta".to_owned(), findings(-0.1))],
            rest: Some(findings(-0.3)),
        };
        let claim = claim(vec![Robust::LeaveOneOut, Robust::BothBenchmarks], true);
        refute([&claim].into_iter(), Some(&trials), &mut brief, &declared, Date::default()).unwrap();
        assert_eq!(brief.number("claim.fell.rate"), Some(0.25));
        assert_eq!(brief.number("claim.fell.hits"), Some(1.0));
        assert_eq!(brief.number("claim.fell.without"), Some(1.0));
        assert_eq!(brief.lists["claim.fell.without"], ["Alpha"]);
        assert_eq!(brief.number("claim.fell.rest"), Some(1.0));
        let condition = Expr::parse(&demanded(&claim)).unwrap();
        let truth = condition.judge(&declared.names(&brief, None)).unwrap().truth;
        assert_eq!(truth, Answer::Is(false), "held on a quarter of ordinary days, and by one company");
    }

    #[test]
    fn what_cannot_be_tried_is_not_known() {
        let declared = Declared::default();
        let mut brief = findings(-0.1);
        let claim = claim(vec![Robust::BothBenchmarks], false);
        refute([&claim].into_iter(), None, &mut brief, &declared, Date::default()).unwrap();
        let truth =
            Expr::parse(&demanded(&claim)).unwrap().judge(&declared.names(&brief, None)).unwrap().truth;
        assert!(matches!(truth, Answer::Missing(_)));
    }
}
