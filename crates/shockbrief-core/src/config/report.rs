//! `reports/<slug>/report.yaml`: one periodic brief.

use super::{
    Client, KeyPath, Origin, client,
    section::{Entry, FigureSpec, Named},
    unique,
};
use crate::schema::{self, JsonSchema};
use crate::{EventId, Refusal, Refusals, Symbol, ThemeId, at, expr::Expr};
use anyhow::Result;
use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::Path, path::PathBuf};

/// Where the archive lists the letters of a report that is made for each portfolio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Listing {
    /// Each reader's letters on pages and in a feed of their own, beside the letters.
    #[default]
    Apart,
    /// On the pages of all briefs: all who see the archive may see every letter.
    Together,
}

/// A kind of file that a brief is published as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FileFormat {
    /// Pages, with the data attached.
    Pdf,
    /// One page for browsers and phones.
    Html,
}

/// How often a brief appears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Frequency {
    /// Every session.
    Day,
    /// Every ISO week.
    Week,
    /// Every month.
    Month,
    /// Every quarter.
    Quarter,
    /// When a shock is detected; the period is the shock's date.
    OnShock,
}

/// When a brief is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// How often.
    pub every: Frequency,
    /// Exchange whose sessions count; default `XNYS`.
    #[serde(default = "new_york")]
    pub calendar: String,
    /// IANA time zone of `not_before`; default `Europe/Paris`.
    #[serde(default = "paris")]
    pub timezone: String,
    /// Not before this time of day, `HH:MM`.
    #[serde(default)]
    #[schemars(with = "Option<schema::Clock>")]
    pub not_before: Option<Time>,
    /// Which session's close makes a period ready; default its last.
    #[serde(default)]
    pub ready_after: ReadyAfter,
    /// Whether a scheduled run fetches data before it makes the brief; default no.
    #[serde(default)]
    pub fetch: Option<FetchWhen>,
    /// Sessions after a brief on a shock in which no other one is made; default 10.
    #[serde(default = "cooldown")]
    pub cooldown: usize,
}

/// When a scheduled run fetches data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FetchWhen {
    /// Before the brief is made.
    Before,
}

/// Which session's close makes a period ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReadyAfter {
    /// The last session of the period.
    #[default]
    LastSession,
    /// The first session after it: for data that come late.
    FirstSession,
}

fn cooldown() -> usize {
    10
}

fn new_york() -> String {
    "XNYS".to_owned()
}

fn paris() -> String {
    "Europe/Paris".to_owned()
}

/// The event of a study on whatever session a brief on shocks is made for.
pub const DETECTED: &str = "detected";

/// The event study of a brief.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Study {
    /// The event of `config/events.yaml`, or [`DETECTED`].
    pub event: EventId,
    /// First and last estimation row relative to day 0; default `[-130, -11]`.
    #[serde(default = "estimation")]
    pub estimation: [i32; 2],
    /// First and last row of the event window; default `[-5, 10]`.
    #[serde(default = "window")]
    pub window: [i32; 2],
    /// The benchmark of the market model.
    pub benchmark: Symbol,
    /// The companies of the headline tests; they share the benchmark's calendar.
    pub sample: Vec<Symbol>,
    /// Windows tested beside day 0, inside the event window; default `[[0, 1], [0, 5], [0, 10]]`.
    #[serde(default = "windows")]
    pub windows: Vec<[i32; 2]>,
    /// Pairs of themes compared: the first held long, the second short; default none.
    #[serde(default)]
    pub long_short: Vec<[ThemeId; 2]>,
    /// The company at the origin of the shock: market value, drawdown and contagion start from it.
    pub source: Symbol,
    /// Names shown beside the sample, on calendars of their own; default none.
    #[serde(default)]
    pub abroad: Vec<Symbol>,
    /// Exchanges whose day 0 is listed; default none.
    #[serde(default)]
    pub exchanges: Vec<crate::Mic>,
}

fn estimation() -> [i32; 2] {
    [-130, -11]
}

fn window() -> [i32; 2] {
    [-5, 10]
}

fn windows() -> Vec<[i32; 2]> {
    vec![[0, 1], [0, 5], [0, 10]]
}

/// The names that a brief's market sections follow, over years rather than around one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Panel {
    /// The index that excess returns are measured against.
    pub benchmark: Symbol,
    /// First date looked at.
    #[schemars(with = "schema::Day")]
    pub from: Date,
    /// Companies, by theme through the universe.
    pub sample: Vec<Symbol>,
    /// Funds or indices that stand for regions, one each, in order; default none.
    #[serde(default)]
    pub regions: Vec<Symbol>,
}

/// What else a condition must survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Robust {
    /// The condition without each company of the study's sample.
    LeaveOneOut,
    /// The condition against the rest of the market, whose mean holds none of the sample.
    BothBenchmarks,
}

/// A sentence that holds under a condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Id, by which prose asks for it: `{{ claim("...") }}`.
    pub id: String,
    /// Condition over figures: `fig("hardware.caar") < -0.05`.
    pub when: String,
    /// The sentence in each language.
    pub text: BTreeMap<String, String>,
    /// The section that says it; where that is absent for a period, the claim is not judged.
    #[serde(default)]
    #[schemars(with = "Option<schema::SectionId>")]
    pub section: Option<String>,
    /// Other sections whose figures it is about; it is made where the report has them all and they have something to say.
    #[serde(default)]
    #[schemars(with = "Vec<schema::SectionId>")]
    pub needs: Vec<String>,
    /// What stands there when the condition fails; without it the brief stops.
    #[serde(default)]
    pub otherwise: Option<BTreeMap<String, String>>,
    /// What stands there when a figure of the condition has no value, so that it is neither true nor false; without
    /// it a sentence of the house says what is not known and why.
    #[serde(default)]
    pub missing: Option<BTreeMap<String, String>>,
    /// Whether the condition is asked of ordinary days too, and may hold on few of them; default no.
    #[serde(default)]
    pub calibrated: bool,
    /// The share of ordinary days on which it may hold, in decimals; default 0.01 where it is calibrated.
    #[serde(default)]
    pub at_most: Option<f64>,
    /// What else it must survive; default nothing.
    #[serde(default)]
    pub robust: Vec<Robust>,
    /// The list that it is about, which may be so old and no older; default none.
    #[serde(default)]
    pub fresh: Option<Fresh>,
}

/// How old a list may be before what is claimed of it is not known any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fresh {
    /// The figure that is the date of the list's last entry.
    #[schemars(with = "schema::FigureId")]
    pub last: String,
    /// Days from there to the as-of date, at most.
    pub days: u32,
}

fn pages() -> Vec<FileFormat> {
    vec![FileFormat::Pdf]
}

/// One periodic brief.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Report")]
pub(super) struct RawReport {
    /// Files beside the report, one brief each: `portfolios/*.yaml`; default none.
    #[serde(default)]
    for_each: Option<String>,
    /// Where the archive lists these briefs; default `apart`.
    #[serde(default)]
    archive: Listing,
    /// Title in each language.
    title: BTreeMap<String, String>,
    /// Subtitle in each language.
    subtitle: BTreeMap<String, String>,
    /// Languages, in order.
    #[schemars(with = "Vec<schema::LanguageCode>")]
    languages: Vec<String>,
    /// Files that a brief is published as: `pdf`, with `html` beside it; default the PDF alone.
    #[serde(default = "pages")]
    formats: Vec<FileFormat>,
    /// When it is due.
    schedule: Schedule,
    /// As-of date when the command line names none; default the end of the period.
    #[schemars(with = "Option<schema::Day>")]
    as_of: Option<Date>,
    /// Period when the command line names none, such as 2025-01-27, 2025-W05, 2025-01 or 2025-Q1.
    period: Option<String>,
    /// The event study of a brief on one shock; default none.
    study: Option<Study>,
    /// The names that market sections follow; default none.
    panel: Option<Panel>,
    /// Themes shown, in order.
    themes: Vec<ThemeId>,
    /// Its sections, in order: ids, and sections declared or changed here.
    sections: Vec<Entry>,
    /// Figures of the report itself, under `report.<name>`; default none.
    #[serde(default)]
    figures: Named<FigureSpec>,
    /// Its own brand file, in its folder or in `config`; default the house's brand.
    #[serde(default)]
    brand: Option<String>,
    /// Targets of `config/delivery.yaml` that it is sent to; default none.
    #[serde(default)]
    deliver: Vec<String>,
    /// Figures that stand for the brief in a listing; default none.
    #[serde(default)]
    headline: Vec<Listed>,
    /// Figures compared with the issue before; default none.
    #[serde(default)]
    watch: Vec<Watched>,
    /// Sentences under a condition; default none.
    #[serde(default)]
    claims: Vec<Claim>,
}

/// A figure that the section on changes compares with the issue before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Watched {
    /// Its id.
    #[schemars(with = "schema::FigureId")]
    pub figure: String,
    /// What readers call it, by language.
    pub name: BTreeMap<String, String>,
}

/// A figure that stands for the brief in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Its id.
    #[schemars(with = "schema::FigureId")]
    pub figure: String,
    /// How it is printed, as in a table: `pct(1)`.
    #[schemars(with = "schema::Printed")]
    pub format: String,
    /// What readers call it, by language.
    pub name: BTreeMap<String, String>,
}

/// A brief's configuration, validated.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The folder's name.
    pub slug: String,
    /// The folder.
    pub folder: PathBuf,
    /// Where it was read, for messages.
    pub origin: Origin,
    /// Title in each language.
    pub title: BTreeMap<String, String>,
    /// Subtitle in each language.
    pub subtitle: BTreeMap<String, String>,
    /// Languages, in order.
    pub languages: Vec<String>,
    /// The files of each language; the PDF is always one of them.
    pub formats: Vec<FileFormat>,
    /// When it is due.
    pub schedule: Schedule,
    /// As-of date when the command line names none.
    pub as_of: Option<Date>,
    /// Period when the command line names none.
    pub period: Option<String>,
    /// The event study of a brief on one shock; none in a periodic one.
    pub study: Option<Study>,
    /// The names that market sections follow.
    pub panel: Option<Panel>,
    /// Themes shown, in order.
    pub themes: Vec<ThemeId>,
    /// Ids of its sections, in order.
    pub sections: Vec<String>,
    /// Its sections as written: ids, and sections declared or changed there.
    pub entries: Vec<Entry>,
    /// Figures of the report itself, under `report.<name>`.
    pub figures: Named<FigureSpec>,
    /// Its own brand file, in its folder or in `config`; the house's brand where it names none.
    pub brand: Option<String>,
    /// Targets of `config/delivery.yaml` that it is sent to.
    pub deliver: Vec<String>,
    /// Figures that stand for the brief in a listing.
    pub headline: Vec<Listed>,
    /// Figures compared with the issue before.
    pub watch: Vec<Watched>,
    /// Claims.
    pub claims: Vec<Claim>,
    /// Files beside the report, one brief each: `portfolios/*.yaml`.
    pub for_each: Option<String>,
    /// Where the archive lists these briefs.
    pub archive: Listing,
    /// The portfolio that this brief is for.
    pub client: Option<Client>,
}

impl Report {
    /// Reads and validates `<folder>/report.yaml`, or the report above a portfolio's file, for that portfolio.
    ///
    /// # Errors
    /// Overlapping windows, a title or claim without one of the languages, anything listed twice, a portfolio that
    /// the report cannot follow, or anything [`super::load`] refuses; all of them together.
    pub fn load(place: &Path) -> Result<Self> {
        if !place.is_file() {
            return Self::of_folder(place);
        }
        let above = place.ancestors().skip(1).find(|folder| folder.join("report.yaml").is_file());
        let folder = above.ok_or_else(|| {
            Refusal::config(format!("{}: no report.yaml in a folder above it", place.display()))
                .hint("put the portfolio below the folder of its report")
        })?;
        Self::of_folder(folder)?.with(place)
    }

    /// What its file lacks in a language: title, subtitle, names of what it lists, texts of its claims.
    #[must_use]
    pub fn lacking(&self, language: &str) -> Refusals {
        let (origin, mut faults) = (&self.origin, Refusals::default());
        // The subtitle of a portfolio's brief is its name, from a file of its own.
        let subtitle = self.client.is_none().then_some(("subtitle", &self.subtitle));
        for (key, texts) in [("title", &self.title)].into_iter().chain(subtitle) {
            require_language(texts, language, key, &at![key], origin, &mut faults);
        }
        for (index, listed) in self.headline.iter().enumerate() {
            let (label, path) = (format!("`headline[{index}]`"), at!["headline", index, "name"]);
            require_language(&listed.name, language, &label, &path, origin, &mut faults);
        }
        for (index, watched) in self.watch.iter().enumerate() {
            let (label, path) = (format!("`watch[{index}]`"), at!["watch", index, "name"]);
            require_language(&watched.name, language, &label, &path, origin, &mut faults);
        }
        for (index, claim) in self.claims.iter().enumerate() {
            check_claim_languages(claim, language, &at!["claims", index], origin, &mut faults);
        }
        faults
    }

    /// Where the briefs of a report's folder are loaded from: the folder, or the file of each portfolio, in order.
    ///
    /// # Errors
    /// A pattern that leaves the folder or names no file, or anything [`Self::load`] refuses.
    pub fn places(folder: &Path) -> Result<Vec<PathBuf>> {
        if folder.is_file() {
            return Ok(vec![folder.to_owned()]);
        }
        let report = Self::of_folder(folder)?;
        match &report.for_each {
            None => Ok(vec![folder.to_owned()]),
            Some(pattern) => client::files(folder, pattern, &report.origin),
        }
    }

    /// Where the brief with this slug is loaded from.
    #[must_use]
    pub fn place(reports: &Path, slug: &str) -> PathBuf {
        let own = reports.join(slug);
        if own.exists() {
            return own;
        }
        // Both names may hold dots.
        let mut found = slug.match_indices('.').filter_map(|(dot, _)| {
            let (report, portfolio) = (&slug[..dot], &slug[dot + 1..]);
            let places = Self::places(&reports.join(report)).ok()?;
            places.into_iter().find(|place| client::stem(place) == portfolio)
        });
        found.next().unwrap_or(own)
    }

    /// The one event that a report on shocks is about; none for one that is made at every shock.
    #[must_use]
    pub fn pinned(&self) -> Option<&str> {
        let any = self.study.as_ref().is_some_and(|study| study.event.as_str() == DETECTED);
        self.period.as_deref().filter(|_| self.schedule.every == Frequency::OnShock && !any)
    }

    /// The report as it is for one portfolio.
    fn with(mut self, place: &Path) -> Result<Self> {
        let client = Client::load(place, &self)?;
        self.slug = format!("{}.{}", self.slug, client.id);
        self.subtitle.clone_from(&client.portfolio.name);
        if let Some(languages) = &client.languages {
            self.languages.clone_from(languages);
        }
        if let Some(deliver) = &client.deliver {
            self.deliver.clone_from(deliver);
        }
        self.client = Some(client);
        Ok(self)
    }

    fn of_folder(folder: &Path) -> Result<Self> {
        let (raw, origin): (RawReport, Origin) = super::load(&folder.join("report.yaml"))?;
        let slug = slug(folder)?;
        let mut faults = Refusals::default();
        if let Some(study) = &raw.study {
            check_windows(study, &origin, &mut faults);
            check_inner_windows(study, &origin, &mut faults);
        }
        if raw.languages.is_empty() {
            let refusal = origin.refuse(at!["languages"], "no language");
            faults.push(refusal.hint("name at least one, such as [fr, en]"));
        }
        check_formats(&raw.formats, &origin, &mut faults);
        check_claim_ids(&raw.claims, &origin, &mut faults);
        check_conditions(&raw.claims, &origin, &mut faults);
        super::bounds::check(&raw.schedule, raw.study.as_ref(), raw.panel.as_ref(), &origin, &mut faults);
        check_lists(&raw, &origin, &mut faults);
        faults.or(Self {
            slug,
            folder: folder.to_owned(),
            origin,
            title: raw.title,
            subtitle: raw.subtitle,
            languages: raw.languages,
            formats: raw.formats,
            schedule: raw.schedule,
            as_of: raw.as_of,
            period: raw.period,
            study: raw.study,
            panel: raw.panel,
            themes: raw.themes,
            sections: raw.sections.iter().map(|entry| entry.id().to_owned()).collect(),
            entries: raw.sections,
            figures: raw.figures,
            brand: raw.brand,
            deliver: raw.deliver,
            headline: raw.headline,
            watch: raw.watch,
            claims: raw.claims,
            for_each: raw.for_each,
            archive: raw.archive,
            client: None,
        })
    }
}

/// The name of a report's folder, by which its briefs are known.
fn slug(folder: &Path) -> Result<String> {
    // `.` and `..` name a folder without saying its name.
    let name = match folder.file_name() {
        Some(name) => name.to_owned(),
        None => fs_err::canonicalize(folder)?.file_name().unwrap_or_default().to_owned(),
    };
    let name = name.to_string_lossy().into_owned();
    check_slug(&name).map_err(|message| {
        Refusal::config(format!("{}: {message}", folder.display()))
            .hint("name the folder with letters, digits, `-` and `_`, such as weekly-monitor")
    })?;
    Ok(name)
}

/// Whether a name can stand in paths, addresses and logs as it is.
pub(super) fn check_slug(name: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(fits) {
        return Ok(());
    }
    Err(format!("`{}` is no name of a brief", name.escape_debug()))
}

fn check_windows(study: &Study, origin: &Origin, faults: &mut Refusals) {
    let ([first, last], [from, to]) = (study.estimation, study.window);
    let estimation = at!["study", "estimation"];
    if first > last {
        faults.push(
            origin
                .refuse(&estimation, format!("estimation window [{first}, {last}] ends before it begins"))
                .hint("write the earlier row first, such as [-130, -11]"),
        );
    }
    if from > 0 || to < 0 || from > to {
        faults.push(
            origin
                .refuse(at!["study", "window"], format!("event window [{from}, {to}] does not contain day 0"))
                .hint("write a window around 0, such as [-5, 10]"),
        );
    } else if last >= from {
        let message = format!("estimation window ends at {last}, inside the event window [{from}, {to}]");
        faults.push(
            origin
                .refuse(&estimation, message)
                .hint("end the estimation window before the event window begins"),
        );
    }
}

fn check_inner_windows(study: &Study, origin: &Origin, faults: &mut Refusals) {
    let [from, to] = study.window;
    for (index, [first, last]) in study.windows.iter().enumerate() {
        if first > last || *first < from || *last > to {
            let message =
                format!("tested window [{first}, {last}] is not inside the event window [{from}, {to}]");
            let refusal = origin.refuse(at!["study", "windows", index], message);
            faults.push(refusal.hint("widen `window` or shorten the tested one"));
        }
    }
}

/// What a brief would show or count twice.
fn check_lists(raw: &RawReport, origin: &Origin, faults: &mut Refusals) {
    unique(&raw.languages, &at!["languages"], origin, faults);
    unique(&raw.themes, &at!["themes"], origin, faults);
    let sections: Vec<&str> = raw.sections.iter().map(Entry::id).collect();
    unique(&sections, &at!["sections"], origin, faults);
    unique(&raw.deliver, &at!["deliver"], origin, faults);
    if let Some(study) = &raw.study {
        unique(&study.sample, &at!["study", "sample"], origin, faults);
        unique(&study.abroad, &at!["study", "abroad"], origin, faults);
        unique(&study.exchanges, &at!["study", "exchanges"], origin, faults);
        let windows: Vec<String> = study.windows.iter().map(|window| format!("{window:?}")).collect();
        unique(&windows, &at!["study", "windows"], origin, faults);
        let pairs: Vec<String> = study.long_short.iter().map(|[a, b]| format!("[{a}, {b}]")).collect();
        unique(&pairs, &at!["study", "long_short"], origin, faults);
    }
    if let Some(panel) = &raw.panel {
        unique(&panel.sample, &at!["panel", "sample"], origin, faults);
        unique(&panel.regions, &at!["panel", "regions"], origin, faults);
    }
    let headline: Vec<&String> = raw.headline.iter().map(|listed| &listed.figure).collect();
    unique(&headline, &at!["headline"], origin, faults);
    let watch: Vec<&String> = raw.watch.iter().map(|watched| &watched.figure).collect();
    unique(&watch, &at!["watch"], origin, faults);
}

fn check_formats(formats: &[FileFormat], origin: &Origin, faults: &mut Refusals) {
    if !formats.contains(&FileFormat::Pdf) {
        let refusal =
            origin.refuse(at!["formats"], "`formats` has no `pdf`, which every brief is published as");
        faults.push(refusal.hint("write `formats: [pdf, html]`, or leave `formats` out for the PDF alone"));
    }
    let names: Vec<String> = formats.iter().map(|format| format!("{format:?}").to_lowercase()).collect();
    unique(&names.iter().collect::<Vec<_>>(), &at!["formats"], origin, faults);
}

pub(super) fn check_claim_languages(
    claim: &Claim,
    language: &str,
    at: &KeyPath,
    origin: &Origin,
    faults: &mut Refusals,
) {
    let label = format!("claim `{}`", claim.id);
    require_language(&claim.text, language, &label, &at.then("text"), origin, faults);
    for (part, texts) in [("otherwise", &claim.otherwise), ("missing", &claim.missing)] {
        if let Some(texts) = texts {
            require_language(texts, language, &format!("{label}, {part}"), &at.then(part), origin, faults);
        }
    }
}

fn require_language(
    texts: &BTreeMap<String, String>,
    language: &str,
    label: &str,
    at: &KeyPath,
    origin: &Origin,
    faults: &mut Refusals,
) {
    let told = match texts.get(language) {
        None => "has no text in",
        Some(text) if text.trim().is_empty() => "has an empty text in",
        Some(_) => return,
    };
    faults.push(
        origin
            .refuse(at, format!("{label} {told} `{language}`"))
            .hint(format!("add `{language}: ...` there, or remove `{language}` from `languages`")),
    );
}

pub(super) fn check_claim_ids(claims: &[Claim], origin: &Origin, faults: &mut Refusals) {
    let mut seen = std::collections::BTreeSet::new();
    for (index, claim) in claims.iter().enumerate() {
        if !seen.insert(&claim.id) {
            faults.push(
                origin
                    .refuse(at!["claims", index, "id"], format!("claim `{}` is declared twice", claim.id))
                    .hint("give each claim an id of its own"),
            );
        }
    }
}

/// Refuses conditions that cannot be read, before anything is loaded.
pub(super) fn check_conditions(claims: &[Claim], origin: &Origin, faults: &mut Refusals) {
    for (index, claim) in claims.iter().enumerate() {
        if let Err(fault) = Expr::parse(&claim.when) {
            let message = format!("claim `{}`, condition: {}", claim.id, fault.told(&claim.when));
            faults.push(origin.refuse(at!["claims", index, "when"], message).hint(fault.hint));
        }
    }
}
