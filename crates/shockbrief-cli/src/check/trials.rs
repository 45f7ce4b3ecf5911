//! `check --format trials`: for each claim the level of its tests, the share of ordinary days on which it holds, the companies
//! that carry it, and whether it holds against the rest of the market.

use crate::{analyse::Analysed, say};
use anyhow::Result;
use shockbrief_core::{Class, Findings, Refusal, Refusals, Verdict};
use shockbrief_templating::{Composed, Outcome};
use std::collections::BTreeSet;

const HEAD: [&str; 7] =
    ["claim", "verdict", "level", "ordinary days", "at most", "without one name", "rest of the market"];

/// Prints the table of one brief, for people and as Markdown.
///
/// # Errors
/// Names every claim that stands although it holds on more ordinary days than it may.
pub fn table(analysed: &Analysed, composed: &Composed) -> Result<()> {
    let (issue, findings) = (&analysed.issue, &analysed.findings);
    say(format_args!("{} {}, as of {}\n", issue.report.slug, issue.period, issue.as_of));
    say(format_args!("| {} |", HEAD.join(" | ")));
    say(format_args!("|{}", "---|".repeat(HEAD.len())));
    let mut faults = Refusals::default();
    for outcome in &composed.claims {
        say(format_args!("| {} |", row(outcome, findings).join(" | ")));
        if let Some(fault) = above(outcome, findings) {
            faults.push(fault);
        }
    }
    say("");
    faults.finish()
}

fn row(outcome: &Outcome, findings: &Findings) -> [String; 7] {
    let claim = &outcome.checked;
    let verdict = match claim.verdict {
        Verdict::Passed => "stands",
        Verdict::Replaced => "other text",
        Verdict::Missing => "not known",
    };
    let dash = || "–".to_owned();
    let most = limit(&claim.when).map_or_else(dash, |most| format!("{:.1} %", 100.0 * most));
    let levels = levels(&claim.when);
    [
        claim.id.clone(),
        verdict.to_owned(),
        if levels.is_empty() { dash() } else { levels.join(", ") },
        rank(&claim.when, findings)
            .unwrap_or_else(|| told(findings, &claim.id, "rate", |rate| share(findings, &claim.id, rate))),
        most,
        told(findings, &claim.id, "without", |fails| carried(findings, &claim.id, fails)),
        told(findings, &claim.id, "rest", |holds| if holds > 0.5 { "holds" } else { "fails" }.to_owned()),
    ]
}

/// A figure of a claim in words: a dash where it was not asked, its reason where it has no value.
fn told(findings: &Findings, claim: &str, part: &str, words: impl Fn(f64) -> String) -> String {
    let Some(figure) = findings.figures.get(&format!("claim.{claim}.{part}")) else {
        return "–".to_owned();
    };
    match figure.number() {
        Some(value) => words(value),
        None => figure.reason.clone().unwrap_or_default(),
    }
}

/// The place among ordinary days that a condition itself asks for.
fn rank(when: &str, findings: &Findings) -> Option<String> {
    let id = when.split('"').find(|id| id.starts_with("calibration.") && id.ends_with(".rank"))?;
    let figure = findings.figures.get(id)?;
    let place = figure.number().map(|rank| format!("place {rank:.4} of {}", figure.n.unwrap_or_default()));
    Some(place.unwrap_or_else(|| figure.reason.clone().unwrap_or_default()))
}

fn share(findings: &Findings, claim: &str, rate: f64) -> String {
    let part = |part: &str| findings.figures.get(&format!("claim.{claim}.{part}"));
    let percent =
        |id: &str| part(id).and_then(|figure| figure.number()).map_or(f64::NAN, |value| 100.0 * value);
    let n = part("rate").and_then(|figure| figure.n).unwrap_or_default();
    format!("{:.1} % [{:.1}, {:.1}] of {n}", 100.0 * rate, percent("low"), percent("high"))
}

fn carried(findings: &Findings, claim: &str, fails: f64) -> String {
    const NAMED: usize = 3;
    let id = format!("claim.{claim}.without");
    let names = findings.lists.get(&id).map(Vec::as_slice).unwrap_or_default();
    let of = findings.figures.get(&id).and_then(|figure| figure.n).unwrap_or_default();
    match names.len() {
        0 if fails > 0.0 => format!("fails without {fails} of {of}"),
        0 => format!("holds without each of {of}"),
        1..=NAMED => format!("fails without {}", names.join(", ")),
        many => format!("fails without {many} of {of}"),
    }
}

/// The levels that p-values are compared with in a condition, each once.
fn levels(when: &str) -> Vec<String> {
    let words: Vec<&str> = when.split_whitespace().collect();
    let is_p = |word: &str| word.ends_with(").p") || word.contains(".p_") || word.ends_with(".rank\")");
    let compared =
        words.windows(3).filter(|part| is_p(part[0]) && matches!(part[1], "<" | "<=" | ">" | ">="));
    let levels = compared.map(|part| part[2].trim_end_matches(')').to_owned());
    levels.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The share of ordinary days that a demanded condition allows.
fn limit(when: &str) -> Option<f64> {
    let (_, after) = when.split_once(".rate\") <= ")?;
    after.split_whitespace().next()?.parse().ok()
}

/// A claim that stands above its share; its condition should have kept it from that.
fn above(outcome: &Outcome, findings: &Findings) -> Option<Refusal> {
    let claim = &outcome.checked;
    let (rate, most) = (findings.number(&format!("claim.{}.rate", claim.id))?, limit(&claim.when)?);
    let stands = claim.verdict == Verdict::Passed && rate > most;
    stands.then(|| {
        let message =
            format!("claim `{}` stands, and holds on {rate} of ordinary days, above {most}", claim.id);
        Refusal::new(Class::Claim, message).hint("word it by what its test says, or demand more of it")
    })
}

#[cfg(test)]
mod tests {
    use super::{levels, limit};

    #[test]
    fn levels_and_limits_are_read_from_the_condition() {
        let when = "(fig(\"a.ar\") < 0 and fig(\"a.p_holm.w0_0\") < 0.01 and fig(\"b\").p < 0.05) and \
                    fig(\"claim.x.rate\") <= 0.02 and fig(\"claim.x.without\") == 0";
        assert_eq!(levels(when), ["0.01", "0.05"]);
        assert_eq!(limit(when), Some(0.02));
        assert_eq!(levels("fig(\"a.period\") < 0.3"), Vec::<String>::new());
        assert_eq!(levels("fig(\"calibration.mvrm_f.rank\") < 0.01"), ["0.01"]);
        assert_eq!(limit("fig(\"a\") < 0"), None);
    }
}
