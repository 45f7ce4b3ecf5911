//! Loading: files in, one checked [`Dataset`] out.
//!
//! Sources say where columns are, calendars say which rows must exist, guards decide what may enter
//! analysis. This is the only crate that knows polars. It refuses to invent: no gap is filled, no
//! session assumed, no row after the as-of date seen.

pub mod calendar;
pub mod digest;
pub mod files;
pub mod guards;
pub mod quality;
pub mod source;
pub mod store;
pub mod table;

mod cells;
mod dialect;
mod frame;
mod near;
mod prices;
mod quiet;
mod records;
mod splits;
mod symbols;
mod tables;
mod wide;
mod workbook;

pub use calendar::{Calendar, Calendars};
pub use guards::{GUARDS, Guard};
pub use source::{SOURCES, Source};

use anyhow::Result;
use files::Shelf;
use jiff::{Timestamp, civil::Date};
use shockbrief_core::{
    Dataset, Refusal, Symbol,
    config::{Instrument, SourceKind, Sources},
};
use std::{collections::BTreeSet, path::Path};

/// What to load.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The folder that globs are relative to.
    pub data_dir: &'a Path,
    /// The store that sources of the format `store` read; none reads none.
    pub store: Option<Stored<'a>>,
    /// Declared sources and tolerances.
    pub sources: &'a Sources,
    /// Instruments wanted.
    pub instruments: &'a [Instrument],
    /// Sessions of exchanges.
    pub calendars: &'a Calendars,
    /// First session loaded.
    pub from: Date,
    /// Last day known; later rows do not exist for the caller.
    pub as_of: Date,
    /// Whether factor returns are needed.
    pub factors: bool,
    /// Whether exchange rates are needed.
    pub fx: bool,
    /// Whether share counts are needed.
    pub shares: bool,
    /// Ids of the record sources that are needed.
    pub records: &'a BTreeSet<String>,
    /// Instruments that some source must hold; another one may be left out, with a notice.
    pub required: &'a BTreeSet<Symbol>,
}

/// The store of fetched values, and the time whose knowledge is read of it.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// The folder that globs of its sources are relative to.
    pub folder: &'a Path,
    /// Values known later are not seen.
    pub known_by: Timestamp,
}

impl Request<'_> {
    fn known(&self) -> Option<Timestamp> {
        self.store.map(|store| store.known_by)
    }
}

/// Loads and checks everything a request asks for.
///
/// # Errors
/// A file that is missing or unreadable, a column that is not there, an instrument that no source
/// holds, a date outside a calendar, or data that a guard refuses. Errors that the reader can act
/// on carry a [`Refusal`].
pub fn load(request: &Request<'_>) -> Result<Dataset> {
    if request.from > request.as_of {
        return Err(Refusal::config(format!(
            "first date {} is after the as-of date {}",
            request.from, request.as_of
        ))
        .hint("choose an as-of date after the first date")
        .into());
    }
    let mut shelf = Shelf::open(request.data_dir, request.store)?;
    let mut dataset = Dataset::default();
    let loaded = prices::load(request, &mut shelf, &mut dataset)?;
    if request.factors {
        dataset.factors = tables::load(request, SourceKind::Factors, &mut shelf)?;
    }
    if request.fx {
        dataset.fx = tables::load(request, SourceKind::Fx, &mut shelf)?;
    }
    if request.shares {
        dataset.shares = tables::load_shares(request, &mut shelf)?;
        dataset.bases = prices::bases(request, &loaded, &dataset.shares)?;
    }
    dataset.records = records::load(request, &mut shelf)?;
    prices::assemble(request, loaded, &mut dataset)?;
    shelf.finish(request.sources, &mut dataset)
}
