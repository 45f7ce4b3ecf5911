//! What the store holds: how far each symbol's prices reach, and each series of another kind, in one pass.

use anyhow::Result;
use jiff::civil::Date;
use shockbrief_data::store::{Ask, Latest, Snapshot, Store};
use std::collections::{BTreeMap, HashSet};

/// Kinds of data beside prices.
const KINDS: [&str; 5] = ["factors", "filings", "fx", "macro", "records"];

/// What is held of one symbol or series from one provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The provider.
    pub provider: String,
    /// The last date.
    pub last: Date,
    /// Values that replaced an earlier one for the same date.
    pub revisions: usize,
}

/// All that is held.
#[derive(Debug, Clone, Default)]
pub struct Holdings {
    /// Prices by symbol, from the provider that briefs read.
    pub prices: BTreeMap<String, Held>,
    /// Other series by kind of data, name and provider.
    pub series: BTreeMap<(String, String, String), Held>,
}

impl Holdings {
    /// Reads them from one state of the store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn read(store: &Store) -> Result<Self> {
        store.read(|snapshot| Ok(Self { prices: prices(snapshot)?, series: series(snapshot)? }))
    }
}

fn prices(snapshot: &Snapshot) -> Result<BTreeMap<String, Held>> {
    let mut prices = BTreeMap::new();
    snapshot.each_part(&Ask { kinds: &["prices"], ..Ask::default() }, |latest| {
        prices.extend(reach(&latest));
        Ok(())
    })?;
    Ok(prices)
}

fn reach(latest: &Latest) -> BTreeMap<String, Held> {
    let mut revisions: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for line in &latest.lines {
        *revisions.entry((&line.symbol, &line.provider)).or_default() += line.revisions();
    }
    let chosen = latest.chosen().into_iter();
    chosen
        .filter_map(|(symbol, chosen)| {
            let last = chosen.fields.values().filter_map(|points| points.last()?.date()).max()?;
            let revisions = revisions.get(&(symbol, chosen.provider)).copied().unwrap_or_default();
            Some((symbol.to_owned(), Held { provider: chosen.provider.to_owned(), last, revisions }))
        })
        .collect()
}

fn series(snapshot: &Snapshot) -> Result<BTreeMap<(String, String, String), Held>> {
    let mut series: BTreeMap<_, Held> = BTreeMap::new();
    let mut seen = HashSet::new();
    for told in snapshot.told(&Ask { kinds: &KINDS, ..Ask::default() })? {
        let place = (told.kind.clone(), told.provider.clone(), told.symbol, told.field, told.date);
        let key = (told.kind, told.subject, told.provider.clone());
        let held =
            series.entry(key).or_insert(Held { provider: told.provider, last: told.date, revisions: 0 });
        if !told.value.is_nan() {
            held.last = held.last.max(told.date);
        }
        held.revisions += usize::from(!seen.insert(place));
    }
    Ok(series)
}
