//! In how many specifications a claim holds: its condition is asked of the figures of each, which stand under the brief's own ids
//! behind `spec.<specification>.`.
//!
//! The answers are figures, `claim.<id>.robust` (share of the specifications that could judge it), `.robust.holds` and `.robust.of`,
//! with the list of those in which it fails. A claim none of whose figures hangs on the normal return has no such share; a claim
//! that asks for more than day 0 has the reason why there is none.

use crate::over;
use anyhow::Result;
use jiff::civil::Date;
use shockbrief_core::{Figure, Findings, Unit, config::Claim, expr::Expr};
use shockbrief_templating::Declared;

/// List of the specifications that a brief was made under.
const SPECIFICATIONS: &str = "specifications";

/// What came of a claim: specifications in which it could be judged, and those in which it fails.
struct Found {
    judged: usize,
    fails: Vec<String>,
}

/// Adds the shares of the claims to the findings.
///
/// # Errors
/// A condition that cannot be read.
pub fn robust<'a>(
    claims: impl Iterator<Item = &'a Claim>,
    findings: &mut Findings,
    declared: &Declared,
    as_of: Date,
) -> Result<()> {
    let Some(list) = findings.lists.get(SPECIFICATIONS).cloned() else { return Ok(()) };
    for claim in claims {
        let condition = Expr::parse(&claim.when).map_err(|fault| anyhow::anyhow!("{}: {fault}", claim.id))?;
        let ids: Vec<String> = condition.figures().into_iter().map(|(id, _)| id.to_owned()).collect();
        let touched = |id: &String| findings.figures.contains_key(&format!("spec.{}.{id}", list[0]));
        if list.is_empty() || !ids.iter().any(touched) {
            continue;
        }
        let found = match ids.iter().find(|id| is_untried(id, findings, &list[0])) {
            Some(id) => Err(format!("`{id}` is not computed in every specification: they hold day 0 alone")),
            None => Ok(judged(claim, &condition, &list, findings, declared, as_of)),
        };
        record(claim, found, ids, findings, as_of);
    }
    Ok(())
}

/// Whether a figure hangs on the normal return and no specification has it: of a longer window, or of a company that is not the source.
fn is_untried(id: &str, findings: &Findings, first: &str) -> bool {
    const OF_A_MODEL: [&str; 7] =
        ["abnormal_return", "portfolio_car", "portfolio_t", "holm", "car", "sar", "caar"];
    let of_model = |figure: &Figure| OF_A_MODEL.contains(&figure.statistic.as_str());
    // A study against another benchmark is a specification of its own, and stays what it is.
    !id.contains(".rest.")
        && findings.figures.get(id).is_some_and(of_model)
        && !findings.figures.contains_key(&format!("spec.{first}.{id}"))
}

fn judged(
    claim: &Claim,
    condition: &Expr,
    list: &[String],
    findings: &Findings,
    declared: &Declared,
    as_of: Date,
) -> Found {
    // What the claim says of its own share counts as holding while the share is computed.
    let own = Figure::new(format!("claim.{}.robust", claim.id), 1.0, Unit::Ratio, "robust", as_of);
    let holds = |specification: &String| -> Option<bool> {
        over::holds(condition, declared.names(findings, claim.section.as_deref()), |id| {
            let under = format!("spec.{specification}.{id}");
            if id == own.id { Some(&own) } else { findings.figures.get(&under) }
        })
    };
    let all: Vec<(&String, bool)> = list.iter().filter_map(|name| Some((name, holds(name)?))).collect();
    let fails = all.iter().filter(|(_, holds)| !holds).map(|(name, _)| (*name).clone()).collect();
    Found { judged: all.len(), fails }
}

fn record(
    claim: &Claim,
    found: Result<Found, String>,
    inputs: Vec<String>,
    findings: &mut Findings,
    as_of: Date,
) {
    let id = format!("claim.{}.robust", claim.id);
    let found = found.and_then(|found| match found.judged {
        0 => Err("no specification has all figures of the claim".to_owned()),
        _ => Ok(found),
    });
    let of = found.as_ref().map_or(0, |found| found.judged);
    let part = |value: fn(&Found) -> f64| found.as_ref().map(value).map_err(Clone::clone);
    for (id, value, unit) in [
        (id.clone(), part(|f| (f.judged - f.fails.len()) as f64 / f.judged as f64), Unit::Ratio),
        (format!("{id}.holds"), part(|f| (f.judged - f.fails.len()) as f64), Unit::Count),
        (format!("{id}.of"), part(|f| f.judged as f64), Unit::Count),
    ] {
        let figure = Figure::from_result(id, value, unit, "robust", as_of);
        findings.add(figure.inputs(inputs.clone()).n(of));
    }
    findings.lists.insert(id, found.map_or_else(|_| Vec::new(), |found| found.fails));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use shockbrief_core::expr::Answer;
    use std::collections::BTreeMap;

    fn claim(when: &str) -> Claim {
        Claim {
            fresh: None,
            id: "fell".to_owned(),
            when: when.to_owned(),
            text: BTreeMap::new(),
            section: None,
            needs: Vec::new(),
            otherwise: None,
            missing: None,
            calibrated: false,
            at_most: None,
            robust: Vec::new(),
        }
    }

    /// Three specifications: -2, +1, and one without a value.
    fn brief() -> Findings {
        let mut findings = Findings::default();
        let figure =
            |id: &str, value| Figure::new(id, value, Unit::Ratio, "abnormal_return", Date::default());
        findings.add(figure("a.ar.w0_0", -2.0));
        findings.add(figure("a.ar.w0_5", -3.0));
        findings.add(Figure::new("known", 7.0, Unit::Count, "count", Date::default()));
        findings.add(figure("spec.one.a.ar.w0_0", -2.0));
        findings.add(figure("spec.two.a.ar.w0_0", 1.0));
        let why = "36 of 60 estimation days";
        findings.add(Figure::missing(
            "spec.three.a.ar.w0_0",
            why,
            Unit::Ratio,
            "abnormal_return",
            Date::default(),
        ));
        let list = ["one", "two", "three"].map(str::to_owned).to_vec();
        findings.lists.insert(SPECIFICATIONS.to_owned(), list);
        findings
    }

    fn tried(when: &str) -> Findings {
        let mut findings = brief();
        robust([&claim(when)].into_iter(), &mut findings, &Declared::default(), Date::default()).unwrap();
        findings
    }

    #[test]
    fn a_claim_is_asked_of_every_specification_that_can_judge_it() {
        let found = tried("fig(\"a.ar.w0_0\") < 0 and fig(\"known\") > 5");
        assert_eq!(found.number("claim.fell.robust"), Some(0.5));
        assert_eq!(found.number("claim.fell.robust.holds"), Some(1.0));
        assert_eq!(found.number("claim.fell.robust.of"), Some(2.0));
        assert_eq!(found.lists["claim.fell.robust"], ["two"]);
    }

    #[test]
    fn a_claim_may_require_its_own_share() {
        let when = "fig(\"a.ar.w0_0\") < 0 and robust(\"fell\") >= 0.9";
        let found = tried(when);
        assert_eq!(found.number("claim.fell.robust"), Some(0.5));
        let judgement = Expr::parse(when).unwrap().judge(&Declared::default().names(&found, None)).unwrap();
        assert_eq!(judgement.truth, Answer::Is(false));
    }

    #[test]
    fn what_no_specification_computes_has_a_reason_and_what_none_touches_no_share() {
        let found = tried("fig(\"a.ar.w0_0\") < 0 and fig(\"a.ar.w0_5\") < 0");
        let figure = &found.figures["claim.fell.robust"];
        assert!(figure.value.is_none() && figure.reason.as_ref().unwrap().contains("a.ar.w0_5"));
        assert!(!tried("fig(\"known\") > 5").figures.contains_key("claim.fell.robust"));
    }
}
