//! Whether data are fresh enough after a fetch, whoever was down: proceed, say so, or refuse.

use jiff::civil::Date;
use shockbrief_core::{Refusal, config::FreshnessRule};
use std::collections::BTreeMap;

/// How far a symbol's prices lag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    /// The symbol.
    pub symbol: String,
    /// The last date held; none where nothing is.
    pub last: Option<Date>,
    /// Sessions that are over and later than that.
    pub sessions: usize,
}

/// What the rule says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Freshness {
    /// Everything is there.
    Proceed,
    /// Something lags, within the limit: one sentence each.
    Annotate(Vec<String>),
    /// Something lags too far.
    Refuse(Refusal),
}

/// Applies the rule to all symbols.
#[must_use]
pub fn judge(rule: FreshnessRule, lags: &[Lag]) -> Freshness {
    let refused = told(lags, rule.refuse_sessions);
    if !refused.is_empty() {
        let message = format!("data are not fresh enough: {}", refused.join("; "));
        return Freshness::Refuse(Refusal::data(message).hint(
            "wait until a provider answers, name a second one in the order, or raise `freshness: refuse_sessions`",
        ));
    }
    let told = told(lags, rule.annotate_sessions);
    if told.is_empty() { Freshness::Proceed } else { Freshness::Annotate(told) }
}

/// One sentence for all symbols that lag from the same date.
fn told(lags: &[Lag], limit: usize) -> Vec<String> {
    let mut groups: BTreeMap<(Option<Date>, usize), Vec<&str>> = BTreeMap::new();
    for lag in lags.iter().filter(|lag| lag.last.is_none() || lag.sessions >= limit.max(1)) {
        groups.entry((lag.last, lag.sessions)).or_default().push(&lag.symbol);
    }
    let tell = |((last, sessions), symbols): ((Option<Date>, usize), Vec<&str>)| match last {
        Some(last) => format!("last price of {last}, {sessions} sessions behind: {}", symbols.join(", ")),
        None => format!("no price at all: {}", symbols.join(", ")),
    };
    groups.into_iter().map(tell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_days_are_said_and_three_refused() {
        let rule = FreshnessRule::default();
        let lag =
            |sessions| Lag { symbol: "NVDA".into(), last: Some("2025-01-24".parse().unwrap()), sessions };
        assert_eq!(judge(rule, &[lag(0)]), Freshness::Proceed);
        let said = "last price of 2025-01-24, 2 sessions behind: NVDA".to_owned();
        assert_eq!(judge(rule, &[lag(0), lag(2)]), Freshness::Annotate(vec![said]));
        assert!(
            matches!(judge(rule, &[lag(2), lag(3)]), Freshness::Refuse(refusal) if refusal.message.contains("3 sessions"))
        );
    }
}
