//! Prices: which file serves which symbol, and the alignment of its rows to sessions.
//!
//! Refuses two files of equal priority for one symbol, and hands every name through the guards
//! before it becomes a series.

use crate::{
    Request,
    files::{Found, STORE, Shelf},
    frame::{self, Query},
    guards::{
        self, Checked, Row,
        moves::{self, Shared},
    },
    near,
    quality::{Held, repair},
    splits,
    symbols::Names,
};
use anyhow::Result;
use jiff::{ToSpan, civil::Date};
use shockbrief_core::{
    Dataset, Market, Mic, Notice, Refusal, Series, Session, Severity, Symbol,
    config::{Instrument, SourceKind, SourceSpec},
    panel::{Basis, ShareCount},
};
use std::collections::{BTreeMap, BTreeSet};

/// The rows of one symbol and where they came from.
pub(crate) struct Loaded<'a> {
    spec: &'a SourceSpec,
    file: Found,
    input: usize,
    rows: Vec<Row>,
}

/// Reads all requested symbols, best priority first.
pub(crate) fn load<'a>(
    request: &Request<'a>,
    shelf: &mut Shelf,
    dataset: &mut Dataset,
) -> Result<BTreeMap<Symbol, Loaded<'a>>> {
    let mut wanted: BTreeSet<Symbol> = request.instruments.iter().map(|i| i.symbol.clone()).collect();
    let mut loaded = BTreeMap::new();
    for group in by_priority(request) {
        if wanted.is_empty() {
            break;
        }
        let found = read_group(request, &group, &wanted, shelf)?;
        wanted.retain(|symbol| !found.contains_key(symbol));
        loaded.extend(found);
    }
    for symbol in wanted {
        absent(request, &symbol, shelf, dataset)?;
    }
    Ok(loaded)
}

fn by_priority<'a>(request: &Request<'a>) -> Vec<Vec<&'a SourceSpec>> {
    let mut groups: BTreeMap<u32, Vec<&SourceSpec>> = BTreeMap::new();
    for spec in request.sources.sources.iter().filter(|spec| spec.kind == SourceKind::Prices) {
        groups.entry(spec.priority).or_default().push(spec);
    }
    groups.into_values().collect()
}

fn read_group<'a>(
    request: &Request<'a>,
    group: &[&'a SourceSpec],
    wanted: &BTreeSet<Symbol>,
    shelf: &mut Shelf,
) -> Result<BTreeMap<Symbol, Loaded<'a>>> {
    let mut found: BTreeMap<Symbol, Loaded<'a>> = BTreeMap::new();
    for spec in group {
        for file in shelf.files(spec)? {
            for (symbol, rows) in read_file(request, spec, &file, wanted, shelf)? {
                if let Some(other) = found.get(&symbol) {
                    return Err(twice(&symbol, &other.file, &file).into());
                }
                let input = shelf.take(spec, &file);
                found.insert(symbol, Loaded { spec, file: file.clone(), input, rows });
            }
        }
    }
    Ok(found)
}

fn twice(symbol: &Symbol, one: &Found, other: &Found) -> Refusal {
    Refusal::data(format!("{symbol}: held by {} and by {} at equal priority", one.relative, other.relative))
        .hint(
            "give one of the two sources a lower `priority` number in config/sources.yaml, or narrow a glob",
        )
}

fn absent(
    request: &Request<'_>,
    symbol: &Symbol,
    shelf: &Shelf,
    dataset: &mut Dataset,
) -> Result<(), Refusal> {
    let near = near::sentence(request, shelf, symbol);
    if !request.required.contains(symbol) {
        dataset.notices.push(Notice {
            guard: "absent".to_owned(),
            severity: Severity::Warning,
            symbol: symbol.clone(),
            dates: None,
            rows: 0,
            path: String::new(),
            detail: near.trim_start_matches("; ").to_owned(),
        });
        return Ok(());
    }
    let specs =
        request.sources.sources.iter().filter(|spec| {
            spec.kind == SourceKind::Prices && (spec.format != STORE || request.store.is_some())
        });
    let globs = specs.map(|spec| spec.glob.as_str()).collect::<Vec<_>>().join(", ");
    let later = request.store.map_or_else(String::new, |store| {
        format!("; of the store, what was known by {}: `--known-by` names another time", store.known_by)
    });
    Err(Refusal::data(format!(
        "{symbol}: no source holds it from {} to {} in {}",
        request.from,
        request.as_of,
        request.data_dir.display()
    ))
    .hint(format!("correct the symbol, or add a file that holds it; looked into: {globs}{later}{near}")))
}

fn read_file(
    request: &Request<'_>,
    spec: &SourceSpec,
    file: &Found,
    wanted: &BTreeSet<Symbol>,
    shelf: &mut Shelf,
) -> Result<Vec<(Symbol, Vec<Row>)>> {
    if spec.symbol.as_ref().is_some_and(|symbol| !wanted.contains(symbol)) {
        return Ok(Vec::new());
    }
    let names = Names::of(spec, request.data_dir, wanted)?;
    let query = Query {
        spec,
        file,
        columns: frame::of_prices(spec),
        date: &spec.columns.date,
        symbols: Some(&names.theirs),
        from: Some(request.from),
        to: request.as_of,
        known: request.known(),
    };
    let (mut groups, assumed) = query.read(|columns| groups(spec, file, columns, &names))?;
    for (symbol, rows) in &mut groups {
        let repairs = &request.sources.repairs;
        shelf.repaired(repair::apply(repairs, &spec.id, &file.relative, symbol, rows)?);
    }
    groups.retain(|(_, rows)| !rows.is_empty());
    shelf.assume(file, groups.iter().map(|(_, rows)| rows.len()).sum(), assumed);
    Ok(groups)
}

/// The rows of each symbol.
fn groups(
    spec: &SourceSpec,
    file: &Found,
    columns: &frame::Columns<'_>,
    names: &Names,
) -> Result<Vec<(Symbol, Vec<Row>)>> {
    if columns.len() == 0 {
        return Ok(Vec::new());
    }
    let symbols = match &spec.symbol {
        Some(symbol) => vec![Some(symbol.0.clone()); columns.len()],
        None => columns.texts("symbol")?,
    };
    let rows = rows(spec, columns)?;
    if let Some(row) = symbols.iter().position(Option::is_none) {
        return Err(Refusal::data(format!("{}: {}: a row has no symbol", file.relative, rows[row].date))
            .hint("correct the file, or map another column in config/sources.yaml")
            .into());
    }
    let groups = frame::by_symbol(&symbols).into_iter().map(|(symbol, at)| {
        let symbol = names.ours(symbol);
        let told = names.currency(&symbol);
        let row = |row: usize| match told {
            Some(currency) => Row { currency: Some(currency.0.clone()), ..rows[row].clone() },
            None => rows[row].clone(),
        };
        let rows = at.into_iter().map(row).collect();
        (symbol, rows)
    });
    Ok(groups.collect())
}

fn rows(spec: &SourceSpec, columns: &frame::Columns<'_>) -> Result<Vec<Row>> {
    let numbers = |name: &str, mapped: bool| match mapped {
        true => columns.numbers(name),
        false => Ok(vec![None; columns.len()]),
    };
    let dates = columns.dates()?;
    let adjusted = numbers("returns", true)?;
    let quote = numbers("quote", spec.columns.quote.is_some())?;
    let volume = numbers("volume", spec.columns.volume.is_some())?;
    let currency = match &spec.currency {
        Some(currency) => vec![Some(currency.0.clone()); columns.len()],
        None if spec.columns.currency.is_none() => vec![None; columns.len()],
        None => columns.texts("currency")?,
    };
    let rows = dates.into_iter().zip(currency).enumerate().map(|(row, (date, currency))| Row {
        date,
        currency,
        adjusted: adjusted[row],
        quote: quote[row],
        volume: volume[row],
    });
    Ok(rows.collect())
}

/// What the quotes of each name with share counts say of splits; where the counts are older than the rows loaded, older
/// rows are read for that alone.
pub(crate) fn bases(
    request: &Request<'_>,
    loaded: &BTreeMap<Symbol, Loaded<'_>>,
    counts: &[ShareCount],
) -> Result<BTreeMap<Symbol, Basis>> {
    let mut latest: BTreeMap<&Symbol, Date> = BTreeMap::new();
    for count in counts {
        let day = latest.entry(&count.symbol).or_insert(count.as_of);
        *day = count.as_of.max(*day);
    }
    let oldest = request.from.saturating_sub(460.days());
    let mut found = BTreeMap::new();
    for (symbol, day) in latest {
        let Some(held) = loaded.get(symbol) else { continue };
        let mut rows = held.rows.clone();
        if day < request.from {
            rows.extend(earlier(request, held, symbol, day.saturating_sub(7.days()).max(oldest))?);
        }
        rows.sort_by_key(|row| row.date);
        found.extend(splits::basis(&rows).map(|basis| (symbol.clone(), basis)));
    }
    Ok(found)
}

/// Rows of one name before the first day loaded.
fn earlier(request: &Request<'_>, held: &Loaded<'_>, symbol: &Symbol, from: Date) -> Result<Vec<Row>> {
    let names = Names::of(held.spec, request.data_dir, &BTreeSet::from([symbol.clone()]))?;
    let query = Query {
        spec: held.spec,
        file: &held.file,
        columns: frame::of_prices(held.spec),
        date: &held.spec.columns.date,
        symbols: Some(&names.theirs),
        from: Some(from),
        to: request.from.yesterday().unwrap_or(request.from),
        known: request.known(),
    };
    let (groups, _) = query.read(|columns| groups(held.spec, &held.file, columns, &names))?;
    let mut rows: Vec<Row> = groups.into_iter().flat_map(|(_, rows)| rows).collect();
    repair::apply(&request.sources.repairs, &held.spec.id, &held.file.relative, symbol, &mut rows)?;
    Ok(rows)
}

/// Sends every symbol through the guards and puts it into its market.
pub(crate) fn assemble(
    request: &Request<'_>,
    mut loaded: BTreeMap<Symbol, Loaded<'_>>,
    dataset: &mut Dataset,
) -> Result<()> {
    let shared = shared(request, &loaded);
    let none = Shared::new();
    let mut refused = Vec::new();
    for instrument in request.instruments {
        let Some(rows) = loaded.remove(&instrument.symbol) else { continue };
        let sessions = market(request, instrument, dataset)?.sessions.clone();
        let common = shared.get(&instrument.exchange).unwrap_or(&none);
        match series(request, instrument, rows, (&sessions, common), &mut dataset.notices) {
            Ok(series) => {
                dataset.market_of.insert(instrument.symbol.clone(), instrument.exchange.clone());
                market(request, instrument, dataset)?.series.insert(instrument.symbol.clone(), series);
            }
            Err(refusal) => refused.push(refusal),
        }
    }
    together(refused)
}

/// All refusals as one, so that a file is mended in one go.
fn together(mut refused: Vec<Refusal>) -> Result<()> {
    const SHOWN: usize = 10;
    if refused.is_empty() {
        return Ok(());
    }
    let more = refused.len().saturating_sub(SHOWN);
    let mut first = refused.remove(0);
    for other in refused.iter().take(SHOWN - 1) {
        first.message.push_str(&format!("; {}", other.message));
    }
    if more > 0 {
        first.message.push_str(&format!("; and {more} more names"));
    }
    Err(first.into())
}

/// Moves that the loaded names of an exchange share.
fn shared(request: &Request<'_>, loaded: &BTreeMap<Symbol, Loaded<'_>>) -> BTreeMap<Mic, Shared> {
    let mut by_exchange: BTreeMap<Mic, Vec<Vec<Row>>> = BTreeMap::new();
    for instrument in request.instruments {
        if let Some(loaded) = loaded.get(&instrument.symbol) {
            let mut rows = loaded.rows.clone();
            rows.sort_by_key(|row| row.date);
            by_exchange.entry(instrument.exchange.clone()).or_default().push(rows);
        }
    }
    let limits = &request.sources.guards;
    by_exchange.into_iter().map(|(mic, names)| (mic, moves::shared(&names, limits))).collect()
}

fn market<'d>(
    request: &Request<'_>,
    instrument: &Instrument,
    dataset: &'d mut Dataset,
) -> Result<&'d mut Market> {
    let mic = &instrument.exchange;
    if !dataset.markets.contains_key(mic) {
        let sessions = request.calendars.sessions(mic, request.from, request.as_of)?;
        let market = Market { mic: mic.clone(), sessions, series: BTreeMap::new() };
        dataset.markets.insert(mic.clone(), market);
    }
    dataset.markets.get_mut(mic).ok_or_else(|| anyhow::anyhow!("market {mic} was not opened"))
}

fn series(
    request: &Request<'_>,
    instrument: &Instrument,
    loaded: Loaded<'_>,
    (sessions, shared): (&[Session], &Shared),
    notices: &mut Vec<Notice>,
) -> Result<Series, Refusal> {
    let checked = Checked {
        instrument,
        spec: loaded.spec,
        path: &loaded.file.relative,
        sessions,
        limits: &request.sources.guards,
        as_of: request.as_of,
        shared,
    };
    let mut rows = loaded.rows;
    notices.extend(guards::check(&checked, &mut rows)?);
    let mut series = Series {
        symbol: instrument.symbol.clone(),
        currency: instrument.currency.clone(),
        adjusted: vec![None; sessions.len()],
        quote: vec![None; sessions.len()],
        volume: vec![None; sessions.len()],
        input: loaded.input,
    };
    for row in rows {
        if let Ok(at) = sessions.binary_search_by_key(&row.date, |session| session.date) {
            series.adjusted[at] = row.adjusted;
            series.quote[at] = row.quote;
            series.volume[at] = row.volume;
        }
    }
    Ok(series)
}

/// The rows that every source holds of the requested symbols; a file that cannot be read is told to `unread`.
pub(crate) fn held<'a>(
    request: &Request<'a>,
    shelf: &mut Shelf,
    unread: &mut dyn FnMut(&SourceSpec, &str, &anyhow::Error),
) -> Result<Vec<Held<'a>>> {
    let wanted: BTreeMap<&Symbol, &Instrument> = request.instruments.iter().map(|i| (&i.symbol, i)).collect();
    let symbols: BTreeSet<Symbol> = wanted.keys().map(|symbol| (*symbol).clone()).collect();
    let mut all = Vec::new();
    for spec in by_priority(request).into_iter().flatten() {
        for file in shelf.files(spec)? {
            match read_file(request, spec, &file, &symbols, shelf) {
                Err(error) => unread(spec, &file.relative, &error),
                Ok(groups) => all.extend(groups.into_iter().filter_map(|(symbol, mut rows)| {
                    rows.sort_by_key(|row| row.date);
                    let instrument = *wanted.get(&symbol)?;
                    Some(Held { spec, path: file.relative.clone(), instrument, rows })
                })),
            }
        }
    }
    Ok(all)
}
