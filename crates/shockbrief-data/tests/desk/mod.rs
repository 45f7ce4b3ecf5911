//! A small data folder made by the test itself: one January of one name, broken as the test likes.

use jiff::civil::{Date, date};
use shockbrief_core::{
    Dataset, Notice, Refusal, Series,
    config::{Instrument, Kind, Sources},
};
use shockbrief_data::{Calendars, Request, Stored, load};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Columns of the price file.
pub const HEADER: &str = "date,symbol,currency,adj_close,close_as_traded,volume";

/// A folder, its declaration and a request.
pub struct Desk {
    folder: tempfile::TempDir,
    /// Text of the declaration.
    pub sources: String,
    /// Symbols asked for.
    pub symbols: Vec<&'static str>,
    /// Exchange of all symbols.
    pub exchange: &'static str,
    /// First session.
    pub from: Date,
    /// Last day known.
    pub as_of: Date,
    /// Whether factors, rates and share counts are asked for.
    pub tables: [bool; 3],
    /// Record sources asked for.
    pub records: Vec<&'static str>,
    /// Whether unknown symbols are left out.
    pub lenient: bool,
    /// The time whose knowledge is read of a store in the folder; none where there is none.
    pub known_by: Option<jiff::Timestamp>,
}

/// One row of the price file: date, symbol, currency, price, quote, volume.
pub type Line = [String; 6];

/// The declaration of `prices.csv`.
pub const PRICES: &str = "
  - id: prices
    kind: prices
    format: csv
    glob: prices*.csv
    columns: {date: date, symbol: symbol, currency: currency, returns: adj_close, quote: close_as_traded, volume: volume}
    licence: made by the test
";

pub fn calendars() -> Calendars {
    Calendars::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/calendars")).unwrap()
}

/// The same, read once.
fn shared() -> &'static Calendars {
    static SHARED: std::sync::OnceLock<Calendars> = std::sync::OnceLock::new();
    SHARED.get_or_init(calendars)
}

/// The 20 New York sessions of January 2025: price 100, 101, ..., volume 1000, 1010, ...
pub fn january() -> Vec<Line> {
    let sessions = calendars().sessions(&"XNYS".into(), date(2025, 1, 2), date(2025, 1, 31)).unwrap();
    let line = |(at, session): (usize, &shockbrief_core::Session)| -> Line {
        let price = (100 + at).to_string();
        [
            session.date.to_string(),
            "AAA".into(),
            "USD".into(),
            price.clone(),
            price,
            (1000 + 10 * at).to_string(),
        ]
    };
    sessions.iter().enumerate().map(line).collect()
}

/// The rows as a file.
pub fn csv(lines: &[Line]) -> String {
    let rows: String = lines.iter().map(|line| line.join(",") + "\n").collect();
    format!("{HEADER}\n{rows}")
}

impl Desk {
    /// A folder without files.
    pub fn empty() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            sources: format!("sources:{PRICES}"),
            symbols: vec!["AAA"],
            exchange: "XNYS",
            from: date(2025, 1, 2),
            as_of: date(2025, 1, 31),
            tables: [false; 3],
            records: Vec::new(),
            lenient: false,
            known_by: None,
        }
    }

    /// A folder with `prices.csv`.
    pub fn with(lines: &[Line]) -> Self {
        Self::empty().file("prices.csv", csv(lines))
    }

    /// Adds a file.
    pub fn file(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, bytes).unwrap();
        self
    }

    /// Changes the declaration.
    pub fn declare(mut self, change: impl FnOnce(String) -> String) -> Self {
        self.sources = change(self.sources);
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Loads what the request asks for.
    pub fn load(&self) -> anyhow::Result<Dataset> {
        let declared = tempfile::tempdir()?;
        let path = declared.path().join("sources.yaml");
        fs_err::write(&path, &self.sources)?;
        let instruments: Vec<Instrument> =
            self.symbols.iter().map(|symbol| self.instrument(symbol)).collect();
        let wanted = instruments.iter().map(|instrument| instrument.symbol.clone());
        let required = if self.lenient { BTreeSet::new() } else { wanted.collect() };
        load(&Request {
            data_dir: self.folder.path(),
            store: self.known_by.map(|known_by| Stored { folder: self.folder.path(), known_by }),
            sources: &Sources::load(&path)?,
            instruments: &instruments,
            calendars: shared(),
            from: self.from,
            as_of: self.as_of,
            factors: self.tables[0],
            fx: self.tables[1],
            shares: self.tables[2],
            records: &self.records.iter().map(|id| (*id).to_owned()).collect(),
            required: &required,
        })
    }

    fn instrument(&self, symbol: &str) -> Instrument {
        Instrument {
            symbol: symbol.into(),
            name: symbol.to_owned(),
            local: std::collections::BTreeMap::new(),
            exchange: self.exchange.into(),
            currency: "USD".into(),
            kind: Kind::Equity,
            theme: None,
            region: "us".to_owned(),
        }
    }

    /// The message of the refusal, without the folder's name.
    pub fn refusal(&self) -> String {
        let error = self.load().expect_err("loading was not refused");
        let refusal = error.downcast_ref::<Refusal>().unwrap_or_else(|| panic!("no refusal: {error:?}"));
        let hint = refusal.hint.as_deref().expect("a refusal says what to do");
        let text = format!("{:?}: {refusal}\nhint: {hint}", refusal.class);
        text.replace(&self.folder.path().display().to_string(), "DATA")
    }

    /// The series of the first symbol and the notices.
    pub fn series(&self) -> (Series, Vec<Notice>) {
        let dataset = self.load().unwrap();
        let (_, series) = dataset.find(&self.symbols[0].into()).unwrap();
        (series.clone(), dataset.notices.clone())
    }

    /// Notices as lines.
    pub fn notices(&self) -> String {
        let (_, notices) = self.series();
        let line = |n: &Notice| {
            let dates = n.dates.map_or_else(String::new, |(from, to)| format!(" {from} to {to}"));
            format!("{:?} {} {}{dates}, {} rows, {}", n.severity, n.guard, n.symbol, n.rows, n.path)
        };
        notices.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}
