//! `config/fetch.yaml`: the providers that `fetch` asks, in which order, and how politely.
//!
//! Declares addresses, keys' places, codes and mappings. It refuses a key written into the file, a
//! provider in an order that is not declared, and a declaration without the parts its kind needs.

use super::Origin;
use crate::schema::{self, JsonSchema};
use crate::{Address, Mic, Refusal, Refusals, Symbol, address::Unsafe};
use anyhow::Result;
use jiff::civil::Date;
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
    path::{Path, PathBuf},
};

/// What kind of data a provider gives; each kind has its own order of providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DataKind {
    /// Prices, dividends and splits by day.
    Prices,
    /// Values from company filings by quarter, and share counts.
    Filings,
    /// Factor returns.
    Factors,
    /// Exchange rates.
    Fx,
    /// Interest rates, volatility indices, macroeconomic series.
    Macro,
    /// Lists: model prices, scores.
    Records,
}

impl DataKind {
    /// The kind as it stands in the file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Prices => "prices",
            Self::Filings => "filings",
            Self::Factors => "factors",
            Self::Fx => "fx",
            Self::Macro => "macro",
            Self::Records => "records",
        }
    }
}

/// Where a key is: never in the file itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawKey")]
pub enum KeySource {
    /// An environment variable.
    Env(String),
    /// A file that holds the key and nothing else.
    File(PathBuf),
}

impl KeySource {
    /// What is kept there, without space around it, and the place in words.
    #[must_use]
    pub fn read(&self) -> (Option<String>, String) {
        let (text, place) = match self {
            Self::Env(name) => (std::env::var(name).ok(), format!("the environment variable {name}")),
            Self::File(path) => (short(path), format!("the file {}", path.display())),
        };
        (text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()), place)
    }
}

/// A file of the length of a key; a device would have no end.
fn short(path: &Path) -> Option<String> {
    const MOST: u64 = 64 << 10;
    let file =
        fs_err::File::open(path).ok().filter(|file| file.metadata().is_ok_and(|file| file.is_file()))?;
    let mut text = String::new();
    file.take(MOST + 1).read_to_string(&mut text).ok()?;
    (text.len() as u64 <= MOST).then_some(text)
}

/// Where a key is: never in the file itself.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "KeySource", transform = schema::one_of(&[]))]
struct RawKey {
    /// The name of an environment variable.
    env: Option<String>,
    /// A file that holds the key and nothing else.
    file: Option<PathBuf>,
}

schema::read_as!(KeySource: RawKey);

impl TryFrom<RawKey> for KeySource {
    type Error = &'static str;

    fn try_from(raw: RawKey) -> Result<Self, &'static str> {
        match (raw.env, raw.file) {
            (Some(name), None) => Ok(Self::Env(name)),
            (None, Some(path)) => Ok(Self::File(path)),
            _ => Err("a key is in one place: `{env: NAME}` or `{file: PATH}`"),
        }
    }
}

/// Limits of every request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HttpLimits {
    /// Seconds to connect; default 10.
    pub connect_seconds: u64,
    /// Seconds without a byte after which an answer is given up; default 20.
    pub idle_seconds: u64,
    /// Seconds for a whole answer, however steadily it drips; default 120.
    pub total_seconds: u64,
    /// Size of an answer, unpacked, in megabytes; default 64.
    pub max_megabytes: u64,
    /// Redirects followed; default 5.
    pub redirects: u32,
    /// Whether a provider may send us on to a machine of the inner network, such as 10.0.0.8; default false.
    pub inner_redirects: bool,
    /// Attempts in all when a provider is busy or a connection breaks; default 4.
    pub attempts: u32,
    /// Longest pause that a provider may ask for before it counts as down, in seconds; default 90.
    pub longest_wait_seconds: u64,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connect_seconds: 10,
            idle_seconds: 20,
            total_seconds: 120,
            max_megabytes: 64,
            redirects: 5,
            inner_redirects: false,
            attempts: 4,
            longest_wait_seconds: 90,
        }
    }
}

/// How far prices may lag behind the last session that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FreshnessRule {
    /// Sessions from which the lag is said in the output; default 1.
    pub annotate_sessions: usize,
    /// Sessions from which the data are refused; default 3.
    pub refuse_sessions: usize,
}

impl Default for FreshnessRule {
    fn default() -> Self {
        Self { annotate_sessions: 1, refuse_sessions: 3 }
    }
}

/// Whether a concept is a flow over a period or a stock at a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// Over a period, such as capital expenditure: quarters are derived from year-to-date values.
    #[default]
    Flow,
    /// At a date, such as shares outstanding.
    Stock,
}

/// One value wanted from filings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Concept {
    /// Our name.
    pub field: String,
    /// Taxonomy of the tags, such as `us-gaap` or `dei`.
    pub taxonomy: String,
    /// Tags that companies use for it, preferred first: they change over the years.
    pub tags: Vec<String>,
    /// Flow or stock; default `flow`.
    #[serde(default)]
    pub measure: Measure,
    /// Unit of the values, such as `USD` or `shares`.
    pub unit: String,
}

/// Which document of the filings service is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FilingDocument {
    /// All facts of a company in one large answer.
    #[default]
    Facts,
    /// One small answer per tag.
    Concept,
}

/// Form of an answer that a mapping reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TableFormat {
    /// Comma-separated text with a header.
    Csv,
    /// JSON: a list of objects, or an object of objects.
    Json,
    /// A Parquet file.
    Parquet,
}

/// How the table at a URL is read.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Form of the answer.
    pub format: TableFormat,
    /// For JSON: where the rows are, as a JSON pointer such as `/data/items`; default the whole document.
    #[serde(default)]
    pub rows: String,
    /// For CSV: the delimiter; default a comma.
    #[serde(default = "comma")]
    pub delimiter: char,
    /// Column of the row's date; without one, rows are dated on the day of fetching.
    #[serde(default)]
    pub date: Option<String>,
    /// Format of dates, as strftime; default `%Y-%m-%d`.
    #[serde(default = "iso_dates")]
    pub date_format: String,
    /// Time zone whose civil day an instant such as `2025-01-26T15:00:00Z` is of, such as `Asia/Seoul`; without one,
    /// an instant that is not midnight is refused.
    #[serde(default)]
    pub zone: Option<String>,
    /// Column of the symbol; `$key` for the key of an object of objects; without one, the subject asked for.
    #[serde(default)]
    pub symbol: Option<String>,
    /// Column of the day on which a value became public; default the time of fetching.
    #[serde(default)]
    pub known: Option<String>,
    /// Our name to their column.
    pub values: BTreeMap<String, String>,
    /// Unit of the values, such as `USD`; a currency from the universe where it is left out.
    #[serde(default)]
    pub unit: Option<String>,
    /// Factors by our names that values are multiplied by; default 1.
    #[serde(default)]
    pub scale: BTreeMap<String, f64>,
    /// Texts that mean a missing value, beside the empty one; default `.`, `null`, `N/A`, `NaN`.
    #[serde(default = "missing_texts")]
    pub missing: Vec<String>,
}

fn comma() -> char {
    ','
}

fn iso_dates() -> String {
    "%Y-%m-%d".to_owned()
}

fn missing_texts() -> Vec<String> {
    [".", "null", "N/A", "NaN"].map(str::to_owned).to_vec()
}

/// One provider.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderSpec {
    /// Its id, used in the store, in messages and in `order`.
    pub id: String,
    /// Which reader understands it, such as `tiingo`; `shockbrief fetch --providers` lists all.
    pub kind: String,
    /// What it gives.
    pub data: DataKind,
    /// Address up to the provider's own paths; for `table`, the whole address, where `{code}`, `{symbol}`,
    /// `{from}` and `{to}` are replaced.
    pub url: String,
    /// Where its key is; default none.
    #[serde(default)]
    pub key: Option<KeySource>,
    /// For `table`: the query parameter that carries the key; default a bearer token in a header.
    #[serde(default)]
    pub key_parameter: Option<String>,
    /// Milliseconds between two requests, of all processes together; default 1000.
    #[serde(default = "interval")]
    pub interval_ms: u64,
    /// Whether it is asked; default true. An unofficial provider is asked only with `enabled: true` and `unofficial_accepted: true`.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// For unofficial providers: that their missing guarantee is understood; default false.
    #[serde(default)]
    pub unofficial_accepted: bool,
    /// Who made the data, under which licence.
    pub licence: String,
    /// Whether the licence lets briefs with these data leave the house; default false.
    #[serde(default)]
    pub redistribute: bool,
    /// Our symbol to their code.
    #[serde(default)]
    pub codes: BTreeMap<Symbol, String>,
    /// Code of symbols that `codes` does not list: `{symbol}` or `{lower}` with fixed text; default none.
    #[serde(default)]
    pub pattern: Option<String>,
    /// Exchanges whose symbols `pattern` covers; default all.
    #[serde(default)]
    pub exchanges: Vec<Mic>,
    /// For filings: the values wanted.
    #[serde(default)]
    pub concepts: Vec<Concept>,
    /// For filings: which document is asked; default `facts`.
    #[serde(default)]
    pub document: FilingDocument,
    /// For factors: our name to their column.
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
    /// For factors and macro: unit of the values, such as `percent`; default `value`.
    #[serde(default = "value_unit")]
    pub unit: String,
    /// For `table`: how it is read.
    #[serde(default)]
    pub mapping: Option<Mapping>,
}

fn interval() -> u64 {
    1000
}

fn yes() -> bool {
    true
}

fn value_unit() -> String {
    "value".to_owned()
}

impl ProviderSpec {
    /// The address with its placeholders filled in.
    ///
    /// # Errors
    /// What [`Address::web`] refuses.
    pub fn filled(&self, code: &str, symbol: &str, from: &str, to: &str) -> Result<Address, Unsafe> {
        let text = self.url.replace("{code}", code).replace("{symbol}", symbol);
        Address::web(&text.replace("{from}", from).replace("{to}", to))
    }

    /// The provider's code of a symbol listed on an exchange; none where it does not serve it.
    #[must_use]
    pub fn code(&self, symbol: &str, exchange: Option<&Mic>) -> Option<String> {
        if let Some(code) = self.codes.get(&Symbol::from(symbol)) {
            return Some(code.clone());
        }
        let pattern = self.pattern.as_ref()?;
        let covered = self.exchanges.is_empty()
            || exchange.is_some_and(|mic| self.exchanges.iter().any(|own| own == mic));
        // An index has a code of its own at every provider.
        (covered && !symbol.starts_with('^'))
            .then(|| pattern.replace("{symbol}", symbol).replace("{lower}", &symbol.to_lowercase()))
    }
}

/// All of `config/fetch.yaml`, validated.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fetch {
    /// Mail address that stands in the user agent; some providers answer no request without one.
    #[serde(default)]
    pub contact: Option<String>,
    /// Limits of every request.
    #[serde(default)]
    pub http: HttpLimits,
    /// First date asked for when nothing is held yet.
    #[schemars(with = "schema::Day")]
    pub history_from: Date,
    /// Days before the last one held that are asked again, to see revisions; default 10.
    #[serde(default = "overlap")]
    pub overlap_days: u32,
    /// When a brief proceeds, says so, or stops although a provider is down.
    #[serde(default)]
    pub freshness: FreshnessRule,
    /// Providers by kind of data, preferred first.
    pub order: BTreeMap<DataKind, Vec<String>>,
    /// Providers.
    pub providers: Vec<ProviderSpec>,
}

fn overlap() -> u32 {
    10
}

impl Fetch {
    /// Reads and validates the file.
    ///
    /// # Errors
    /// A provider declared twice, one in an order that is not declared or gives other data, parts
    /// missing that its kind needs, or anything [`super::load`] refuses.
    pub fn load(path: &Path) -> Result<Self> {
        let (fetch, origin): (Self, Origin) = super::load(path)?;
        fetch.check(&origin)?;
        Ok(fetch)
    }

    /// The declared provider of an id.
    #[must_use]
    pub fn provider(&self, id: &str) -> Option<&ProviderSpec> {
        self.providers.iter().find(|spec| spec.id == id)
    }

    /// Providers of a kind of data that are asked, preferred first.
    pub fn chain(&self, data: DataKind) -> impl Iterator<Item = &ProviderSpec> {
        let ids = self.order.get(&data).map(Vec::as_slice).unwrap_or_default();
        ids.iter().filter_map(|id| self.provider(id)).filter(|spec| spec.enabled)
    }

    fn check(&self, origin: &Origin) -> Result<()> {
        let mut faults = Refusals::default();
        let mut seen = BTreeSet::new();
        for spec in &self.providers {
            if !seen.insert(&spec.id) {
                faults.push(
                    origin
                        .refuse(
                            &format!("id: {}", spec.id),
                            format!("provider `{}` is declared twice", spec.id),
                        )
                        .hint("give each provider an id of its own"),
                );
            }
            faults.keep(check_provider(spec, origin).map_err(Into::into));
        }
        for (data, id) in self.order.iter().flat_map(|(data, ids)| ids.iter().map(move |id| (*data, id))) {
            faults.keep(self.check_order(data, id, origin).map_err(Into::into));
        }
        faults.keep(self.check_limits(origin).map_err(Into::into));
        faults.finish()
    }

    fn check_order(&self, data: DataKind, id: &str, origin: &Origin) -> Result<(), Refusal> {
        let name = data.name();
        match self.provider(id) {
            None => Err(origin
                .refuse(&format!("{name}:"), format!("order of {name}: no provider `{id}`"))
                .hint("declare it under `providers` or take it out of the order")),
            Some(spec) if spec.data != data => Err(origin
                .refuse(
                    &format!("{name}:"),
                    format!("order of {name}: provider `{id}` gives {}", spec.data.name()),
                )
                .hint("list it under the kind of data that it gives")),
            Some(_) => Ok(()),
        }
    }

    fn check_limits(&self, origin: &Origin) -> Result<(), Refusal> {
        let limits = &self.http;
        let wanted = [
            ("connect_seconds", limits.connect_seconds),
            ("idle_seconds", limits.idle_seconds),
            ("total_seconds", limits.total_seconds),
            ("max_megabytes", limits.max_megabytes),
            ("attempts", u64::from(limits.attempts)),
        ];
        if limits.redirects > 20 {
            return Err(origin
                .refuse("redirects", format!("`redirects` is {}", limits.redirects))
                .hint("write a whole number from 0 to 20"));
        }
        match wanted.iter().find(|(_, value)| *value == 0 || *value > 100_000) {
            Some((key, value)) => Err(origin
                .refuse(key, format!("`{key}` is {value}"))
                .hint("write a whole number from 1 to 100000")),
            None => Ok(()),
        }
    }
}

/// An address for a message: what stands before an @ may be a password.
fn without_user(url: &str) -> String {
    match (url.split_once("//"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}//…@{rest}"),
        _ => url.to_owned(),
    }
}

fn check_provider(spec: &ProviderSpec, origin: &Origin) -> Result<(), Refusal> {
    let refuse = |message: String, hint: &str| {
        Err(origin
            .refuse(&format!("id: {}", spec.id), format!("provider `{}`: {message}", spec.id))
            .hint(hint))
    };
    let safe = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if spec.id.is_empty() || !spec.id.chars().all(safe) {
        return refuse(
            "its id names files".to_owned(),
            "use small letters, digits and hyphens, such as `alpha-vantage`",
        );
    }
    for word in ["apikey=", "api_key=", "token=", "key="] {
        if spec.url.to_lowercase().contains(word) {
            return refuse(
                format!("its address carries a key (`{word}`)"),
                "take it out and name its place: `key: {env: NAME}` or `key: {file: PATH}`",
            );
        }
    }
    match (spec.filled("0", "0", "0", "0"), spec.filled("1", "1", "1", "1")) {
        (Ok(one), Ok(other)) if one.url().origin() == other.url().origin() => {}
        (Ok(_), Ok(_)) => {
            return refuse(
                format!("`{}` has a placeholder in its host", spec.url),
                "write the host itself: a code from a file must not choose who gets the key",
            );
        }
        (Err(Unsafe { fault, hint }), _) | (_, Err(Unsafe { fault, hint })) => {
            return refuse(format!("`{}`: {fault}", without_user(&spec.url)), hint);
        }
    }
    if let Some(zone) = spec.mapping.as_ref().and_then(|mapping| mapping.zone.as_ref())
        && jiff::tz::TimeZone::get(zone).is_err()
    {
        return refuse(format!("`zone: {zone}` is no time zone"), "write a name such as Asia/Seoul or UTC");
    }
    match spec.data {
        DataKind::Filings if spec.concepts.is_empty() => {
            refuse("no concepts".to_owned(), "list the values wanted under `concepts`")
        }
        DataKind::Filings if spec.concepts.iter().any(|concept| concept.tags.is_empty()) => {
            refuse("a concept without tags".to_owned(), "list the tags that companies use, preferred first")
        }
        DataKind::Factors if spec.columns.is_empty() => {
            refuse("no columns".to_owned(), "add `columns: {our name: their column}`")
        }
        _ if spec.kind == "table" && spec.mapping.is_none() => {
            refuse("no mapping".to_owned(), "say under `mapping` which columns hold what")
        }
        _ if spec.codes.is_empty() && spec.pattern.is_none() => refuse(
            "it serves nothing".to_owned(),
            "list our symbols with its codes under `codes`, or give a `pattern`",
        ),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Fetch> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("fetch.yaml");
        fs_err::write(&path, text)?;
        Fetch::load(&path)
    }

    fn refusal(provider: &str) -> String {
        let text = format!("history_from: 2018-01-01\norder: {{fx: [a]}}\nproviders:\n  - {provider}\n");
        load(&text).unwrap_err().to_string()
    }

    #[test]
    fn the_shipped_file_loads() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/fetch.yaml");
        let fetch = Fetch::load(&path).unwrap();
        let prices: Vec<&str> = fetch.chain(DataKind::Prices).map(|spec| spec.id.as_str()).collect();
        assert_eq!(prices, ["tiingo", "alpha-vantage", "stooq"], "an unofficial provider is off");
        let stooq = fetch.provider("stooq").unwrap();
        let (nasdaq, korea) = (Mic::from("XNAS"), Mic::from("XKRX"));
        assert_eq!(stooq.code("NVDA", Some(&nasdaq)).as_deref(), Some("nvda.us"));
        assert_eq!(stooq.code("^GSPC", None).as_deref(), Some("^spx"));
        assert_eq!(stooq.code("005930.KS", Some(&korea)), None);
    }

    #[test]
    fn a_key_is_not_read_from_a_device() {
        let folder = tempfile::tempdir().unwrap();
        let long = folder.path().join("long");
        fs_err::write(&long, "x".repeat(70_000)).unwrap();
        for path in
            [PathBuf::from("/dev/zero"), PathBuf::from("/dev/urandom"), folder.path().to_owned(), long]
        {
            assert_eq!(KeySource::File(path).read().0, None);
        }
    }

    #[test]
    fn refusals_name_line_and_provider() {
        let base = "kind: ecb, data: fx, licence: x, codes: {EURUSD: USD}";
        for (provider, message) in [
            (format!("{{id: a, url: \"http://x.org\", {base}}}"), "`http://x.org`: its address is not https"),
            (
                format!("{{id: a, url: \"http://127.0.0.1:pass@x.org/\", {base}}}"),
                "`http://…@x.org/`: its address carries a user's name or password",
            ),
            (format!("{{id: a, url: \"https://x{{code}}.org/\", {base}}}"), "has a placeholder in its host"),
            (format!("{{id: a, url: \"https://x.org?token=1\", {base}}}"), "carries a key"),
            (format!("{{id: A, url: \"https://x.org\", {base}}}"), "its id names files"),
            (format!("{{id: b, url: \"https://x.org\", {base}}}"), "no provider `a`"),
            (
                format!("{{id: a, url: \"https://x.org\", key: {{env: A, file: b}}, {base}}}"),
                "a key is in one place",
            ),
            (format!("{{id: a, url: \"https://x.org\", secret: 1, {base}}}"), "unknown field `secret`"),
            (
                "{id: a, url: \"https://x.org\", kind: ecb, data: fx, licence: x}".to_owned(),
                "it serves nothing",
            ),
            (
                "{id: a, url: \"https://x.org\", kind: table, data: fx, licence: x, codes: {a: b}}"
                    .to_owned(),
                "no mapping",
            ),
        ] {
            let told = refusal(&provider);
            assert!(told.contains(message) && told.contains("fetch.yaml:"), "{told}");
        }
    }
}
