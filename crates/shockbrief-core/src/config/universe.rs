//! `config/universe.yaml`: instruments, themes and regions.

use super::{Origin, unique};
use crate::schema::JsonSchema;
use crate::{Currency, Mic, Refusals, Symbol, ThemeId, at, nearest};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::Path};

/// What an instrument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A share or a depositary receipt.
    Equity,
    /// An exchange-traded fund.
    Fund,
    /// An index, quoted in points.
    Index,
}

/// One instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Instrument {
    /// The provider's symbol.
    pub symbol: Symbol,
    /// The name that readers know.
    pub name: String,
    /// The name in languages that have another, by code; default: `name` in all.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub local: BTreeMap<String, String>,
    /// The exchange whose sessions its prices follow.
    pub exchange: Mic,
    /// The currency of its prices; `PTS` for an index.
    pub currency: Currency,
    /// What it is; default `equity`.
    #[serde(default = "equity")]
    pub kind: Kind,
    /// The theme it belongs to; none for benchmarks.
    #[serde(default)]
    pub theme: Option<ThemeId>,
    /// Label key of its region, such as `us`.
    pub region: String,
}

fn equity() -> Kind {
    Kind::Equity
}

/// A theme: a group of instruments that a story should move together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Theme {
    /// Its name in each language.
    pub name: BTreeMap<String, String>,
}

/// Instruments, themes and baskets.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Universe")]
pub(super) struct RawUniverse {
    /// Themes by id.
    themes: BTreeMap<ThemeId, Theme>,
    /// Lists of instruments that cut across themes, by id; default none.
    #[serde(default)]
    baskets: BTreeMap<String, Vec<Symbol>>,
    /// Instruments.
    instruments: Vec<Instrument>,
}

/// All instruments and themes, validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Universe {
    /// Themes by id.
    pub themes: BTreeMap<ThemeId, Theme>,
    /// Lists of instruments that cut across themes, by id.
    pub baskets: BTreeMap<String, Vec<Symbol>>,
    /// Instruments in the order of the file.
    pub instruments: Vec<Instrument>,
    /// Where they were read, for messages.
    pub origin: Option<Origin>,
}

impl Universe {
    /// Reads and validates the file.
    ///
    /// # Errors
    /// A symbol listed twice, an undeclared theme, a basket with an undeclared symbol, or anything [`super::load`] refuses.
    pub fn load(path: &Path) -> Result<Self> {
        let (raw, origin): (RawUniverse, Origin) = super::load(path)?;
        let mut faults = Refusals::default();
        let mut seen = std::collections::BTreeSet::new();
        for (index, instrument) in raw.instruments.iter().enumerate() {
            let symbol = &instrument.symbol;
            if !seen.insert(symbol) {
                let refusal = origin.refuse(
                    at!["instruments", index, "symbol"],
                    format!("symbol `{symbol}` is listed twice"),
                );
                faults.push(refusal.hint("keep one of the two entries"));
            }
            if let Some(theme) = instrument.theme.as_ref().filter(|id| !raw.themes.contains_key(*id)) {
                let message = format!("`{symbol}` names the unknown theme `{theme}`");
                let near = nearest::offer(theme.as_str(), raw.themes.keys().map(ThemeId::as_str));
                let refusal = origin.refuse(at!["instruments", index, "theme"], message);
                faults.push(refusal.hint(format!("declare it under `themes`; {near}")));
            }
        }
        for (id, symbols) in &raw.baskets {
            let at = at!["baskets", id];
            unique(symbols, &at, &origin, &mut faults);
            for (index, symbol) in symbols.iter().enumerate().filter(|(_, symbol)| !seen.contains(symbol)) {
                let near = nearest::offer(symbol.as_str(), seen.iter().map(|symbol| symbol.as_str()));
                let message = format!("basket `{id}` names the undeclared symbol `{symbol}`");
                let refusal = origin.refuse(at.then(index), message);
                faults.push(refusal.hint(format!("declare it under `instruments`; {near}")));
            }
        }
        faults.or(Self {
            themes: raw.themes,
            baskets: raw.baskets,
            instruments: raw.instruments,
            origin: Some(origin),
        })
    }

    /// The instrument of a symbol.
    #[must_use]
    pub fn get(&self, symbol: &Symbol) -> Option<&Instrument> {
        self.instruments.iter().find(|instrument| instrument.symbol == *symbol)
    }

    /// The instruments of a theme, in the order of the file.
    pub fn of_theme<'a>(&'a self, theme: &'a ThemeId) -> impl Iterator<Item = &'a Instrument> {
        self.instruments.iter().filter(move |instrument| instrument.theme.as_ref() == Some(theme))
    }
}
