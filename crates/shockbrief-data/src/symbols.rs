//! Our symbols and those of a source: a map, a rule, or the same.
//!
//! Refuses a map that names a symbol twice, and two of our symbols that a source would write alike.

use crate::{files::shown, table::TextTable};
use anyhow::Result;
use shockbrief_core::{Currency, Refusal, Symbol, config::SourceSpec};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// Names of the wanted symbols in one source.
pub(crate) struct Names {
    /// As the source writes them.
    pub theirs: BTreeSet<Symbol>,
    ours: BTreeMap<String, Symbol>,
    currency: BTreeMap<Symbol, Currency>,
}

impl Names {
    /// The names that a source has for the wanted symbols.
    ///
    /// # Errors
    /// A map that cannot be read or contradicts itself.
    pub fn of(spec: &SourceSpec, data: &Path, wanted: &BTreeSet<Symbol>) -> Result<Self> {
        let Some(own) = &spec.symbols else {
            let (ours, currency) = (BTreeMap::new(), BTreeMap::new());
            return Ok(Self { theirs: wanted.clone(), ours, currency });
        };
        let map =
            own.map.as_ref().map(|map| Map::read(&data.join(map), map)).transpose()?.unwrap_or_default();
        let mut names = Self { theirs: BTreeSet::new(), ours: BTreeMap::new(), currency: map.currency };
        names
            .currency
            .extend(own.currency.iter().map(|(symbol, currency)| (symbol.clone(), currency.clone())));
        for symbol in wanted.iter().filter(|symbol| own.only.is_empty() || own.only.contains(symbol)) {
            let theirs = map.names.get(symbol).cloned().or_else(|| own.ruled(symbol));
            let theirs = theirs.unwrap_or_else(|| symbol.clone());
            if let Some(other) = names.ours.insert(theirs.0.clone(), symbol.clone()) {
                return Err(Refusal::config(format!(
                    "source `{}`: {other} and {symbol} are both written `{}`",
                    spec.id,
                    shown(theirs.as_str())
                ))
                .hint("give each symbol a name of its own in its `map`, or leave one out by `only`")
                .into());
            }
            names.theirs.insert(theirs);
        }
        Ok(names)
    }

    /// Our symbol for one of the source.
    pub fn ours(&self, theirs: &str) -> Symbol {
        self.ours.get(theirs).cloned().unwrap_or_else(|| theirs.into())
    }

    /// The currency of one of our symbols, where it is told apart.
    pub fn currency(&self, symbol: &Symbol) -> Option<&Currency> {
        self.currency.get(symbol)
    }
}

/// A map file.
#[derive(Default)]
struct Map {
    names: BTreeMap<Symbol, Symbol>,
    currency: BTreeMap<Symbol, Currency>,
}

impl Map {
    fn read(path: &Path, file: &str) -> Result<Self> {
        if !path.is_file() {
            return Err(Refusal::data(format!("{file}: no such file in the data folder"))
                .hint("put the map of symbols there, or correct `map` under `symbols` in config/sources.yaml")
                .into());
        }
        let table = TextTable::read(path)?;
        let (ours, theirs) = (table.texts("symbol")?, table.texts("source")?);
        let currencies =
            if table.has("currency") { table.texts("currency")? } else { vec![None; ours.len()] };
        let mut map = Self::default();
        for (row, ((ours, theirs), currency)) in ours.into_iter().zip(theirs).zip(currencies).enumerate() {
            let place = format!("{file}:{}", table.line(row));
            let (Some(ours), Some(theirs)) = (ours, theirs) else {
                return Err(Refusal::data(format!("{place}: a row without symbol or source"))
                    .hint("complete or remove the row")
                    .into());
            };
            let ours = Symbol(ours);
            map.currency.extend(currency.map(|currency| (ours.clone(), Currency(currency))));
            if map.names.insert(ours.clone(), Symbol(theirs)).is_some() {
                return Err(Refusal::data(format!("{place}: {ours} stands there twice"))
                    .hint("keep one row for each symbol")
                    .into());
            }
        }
        Ok(map)
    }
}
