//! `symbols:` of a source: how it writes our symbols, which of them it serves, and in which currency.

use super::SourceSpec;
use crate::schema::JsonSchema;
use crate::{Currency, Refusal, Symbol, config::Origin};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What stands for our symbol in a rule.
const PLACE: &str = "{symbol}";

/// How a source names symbols. What neither the map nor the rule names stands as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OwnSymbols {
    /// A text around our symbol, such as `{symbol} US Equity`; default none.
    pub rule: Option<String>,
    /// A CSV file of the data folder with the columns `symbol` (ours), `source` (as the source writes it) and, where
    /// wanted, `currency`; goes before the rule. Default none.
    pub map: Option<String>,
    /// Currencies of single symbols, by our symbol; go before the source's `currency`. Default none.
    pub currency: BTreeMap<Symbol, Currency>,
    /// The only symbols that the source serves, by our symbol; default all.
    pub only: BTreeSet<Symbol>,
}

impl OwnSymbols {
    /// What the rule makes of our symbol.
    #[must_use]
    pub fn ruled(&self, symbol: &Symbol) -> Option<Symbol> {
        Some(Symbol(self.rule.as_ref()?.replace(PLACE, symbol.as_str())))
    }

    /// Whether currencies may come from here.
    #[must_use]
    pub fn tells_currency(&self) -> bool {
        self.map.is_some() || !self.currency.is_empty()
    }
}

/// Refuses a rule without its place, a map outside the data folder, and symbols where there is one alone.
pub(super) fn check(source: &SourceSpec, at: &str, origin: &Origin) -> Result<(), Refusal> {
    let Some(own) = &source.symbols else { return Ok(()) };
    let refuse = |message: &str, hint: &str| {
        Err(origin.refuse(at, format!("source `{}`: {message}", source.id)).hint(hint))
    };
    if source.symbol.is_some() {
        return refuse(
            "both `symbol` and `symbols`",
            "a source of one symbol needs no other names; remove `symbols`",
        );
    }
    if own.rule.as_ref().is_some_and(|rule| rule.matches(PLACE).count() != 1) {
        return refuse(
            "its `rule` does not name the symbol once",
            "write a rule such as `{symbol} US Equity`",
        );
    }
    let outside = |map: &String| map.starts_with('/') || map.split(['/', '\\']).any(|part| part == "..");
    if own.map.as_ref().is_some_and(outside) {
        return refuse("its `map` leaves the data folder", "write a path relative to the data folder");
    }
    if source.columns.currency.is_some() && !own.currency.is_empty() {
        return refuse(
            "both a column and `symbols` tell its currencies",
            "remove `currency` from `columns` or from `symbols`",
        );
    }
    Ok(())
}
