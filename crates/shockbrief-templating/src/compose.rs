//! Composing: from findings, prose and a brand to Typst sources in each language.
//!
//! Claims are judged first, once for all languages: a claim that fails without replacement stops the
//! brief before a line is rendered. Then each language gets a main file, one file per section, the page
//! design and its charts, with the template line behind every line of Typst.

use crate::engine::{Engine, Rendered, Scope, Source};
use crate::locale::{DateStyle, Locale};
use crate::{
    attach,
    audit::{self, Numerals},
    escape,
    format::{Format, Place, because},
    prose, typography, vega,
};
use anyhow::Result;
use jiff::civil::Date;
use shockbrief_core::config::{Brand, Claim, Language, Listed, Logo, LogoFormat, Rounding};
use shockbrief_core::expr::{Answer, Expr, Fault, Judgement, Names, Used};
use shockbrief_core::{Cell, CheckedClaim, Class, Findings, Headline, Period, Refusal, Refusals, Verdict};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::Arc,
};

/// The house's page design; a report may bring its own.
pub const DESIGN: &str = include_str!("../templates/brief.typ");
const DESIGN_NAME: &str = "crates/shockbrief-templating/templates/brief.typ";
/// Where a report's own design finds the house's, to change a part of it.
const HOUSE: &str = "/house.typ";

/// Sections up to which a brief needs no table of contents.
const LISTED: usize = 8;

/// A claim with the place where it is declared.
#[derive(Debug, Clone)]
pub struct ClaimSource {
    /// The claim.
    pub claim: Claim,
    /// Its file.
    pub file: String,
    /// Its line, counted from 1.
    pub line: Option<usize>,
}

/// A section to render.
#[derive(Debug, Clone)]
pub struct Section {
    /// Its id; names its file and its label.
    pub id: String,
    /// Key of its heading in the languages.
    pub heading: String,
    /// Its layout; `{{ prose() }}` stands for the prose.
    pub layout: Source,
    /// Its prose by language code.
    pub prose: BTreeMap<String, Source>,
}

/// A language to compose in.
#[derive(Debug, Clone)]
pub struct Edition<'a> {
    /// Language code, such as `fr`.
    pub code: String,
    /// Its strings.
    pub language: &'a Language,
    /// Path of its file, for messages.
    pub file: String,
}

/// Ids that a condition or a template may ask for, whether or not the brief has them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Declared {
    /// Facts of the configuration.
    pub facts: BTreeSet<String>,
    /// Sections that exist.
    pub sections: BTreeSet<String>,
    /// Sections of the report.
    pub shown: BTreeSet<String>,
    /// The file of the claims that sections bring with them.
    pub house: String,
    /// Pieces of prose that prose includes, by the name of their file; those of the report before the house's.
    pub snippets: BTreeMap<String, Source>,
    /// What the sentences of the house are about.
    pub nouns: Nouns,
    /// Where names that lack a language are declared, by language and string key.
    pub lacking: BTreeMap<String, BTreeMap<String, String>>,
}

/// Nouns of the house's prose, from configuration: prose names no index, event or company of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Nouns {
    /// Symbol of the index that returns are measured against.
    pub benchmark: Option<String>,
    /// The event of the study.
    pub event: Option<String>,
    /// Symbols of each basket and theme, by id.
    pub members: BTreeMap<String, Vec<String>>,
}

impl Declared {
    /// These ids beside findings, as a condition of a section sees them.
    #[must_use]
    pub fn names<'a>(&'a self, findings: &'a Findings, within: Option<&'a str>) -> Names<'a> {
        Names { findings, facts: &self.facts, sections: &self.sections, shown: &self.shown, within }
    }
}

/// Everything a brief is made of.
#[derive(Debug, Clone)]
pub struct Compose<'a> {
    /// The report's slug.
    pub slug: String,
    /// The period's name.
    pub period: String,
    /// Nothing later was used.
    pub as_of: Date,
    /// Title by language code.
    pub title: BTreeMap<String, String>,
    /// Subtitle by language code.
    pub subtitle: BTreeMap<String, String>,
    /// String key of a stamp set on every page, such as `stamp.simulated`.
    pub stamp: Option<String>,
    /// Languages, in order.
    pub editions: Vec<Edition<'a>>,
    /// Colours, publisher and disclaimer.
    pub brand: &'a Brand,
    /// Figures, tables, charts and lists.
    pub findings: &'a Findings,
    /// Claims in the report's order.
    pub claims: Vec<ClaimSource>,
    /// Facts and sections that may be asked for.
    pub declared: Declared,
    /// Company names by symbol.
    pub names: BTreeMap<String, String>,
    /// Theme names by theme id, then language code.
    pub themes: BTreeMap<String, BTreeMap<String, String>>,
    /// What a source line says for each source id.
    pub sources: BTreeMap<String, String>,
    /// Sections, in order.
    pub sections: Vec<Section>,
    /// A page design in place of the house's, which it may import as `house.typ`.
    pub design: Option<Source>,
    /// Names with digits that prose may use: "S&P 500", "H100".
    pub labels: Vec<String>,
}

/// A claim that may stand in the brief, with the numbers that decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The claim and its verdict.
    pub checked: CheckedClaim,
    /// The values its condition used, by figure.
    pub values: Vec<Used>,
    /// Why its condition is neither true nor false, where it is.
    pub reason: Option<String>,
}

/// One language, ready to typeset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Language code.
    pub language: String,
    /// Files by absolute path within the document: `/main.typ`, `/sections/…`, `/charts/…`.
    pub files: BTreeMap<String, String>,
    /// Files that are no text: a logo.
    pub pictures: BTreeMap<String, Vec<u8>>,
    /// For each Typst file, the template name and line behind each of its lines.
    pub origins: BTreeMap<String, Vec<(String, usize)>>,
    /// Seconds since 1970 that the PDF gives as its creation.
    pub timestamp: i64,
    /// Numerals that may stand on the pages.
    pub numerals: Numerals,
}

/// A composed brief.
#[derive(Debug, Clone, PartialEq)]
pub struct Composed {
    /// Claims with their verdicts, in the report's order.
    pub claims: Vec<Outcome>,
    /// One document per language.
    pub documents: Vec<Document>,
}

/// The figures that stand for a brief in a listing, printed in each language; one without value is left out.
///
/// # Errors
/// A format that cannot be read, or that does not fit the figure's unit.
pub fn headline(
    listed: &[Listed],
    findings: &Findings,
    languages: &BTreeMap<String, Language>,
    rounding: Rounding,
) -> Result<Vec<Headline>> {
    let mut found = Vec::new();
    for item in listed {
        let Some(figure) = findings.figures.get(&item.figure).filter(|figure| figure.value.is_some()) else {
            continue;
        };
        let format = Format::parse(&item.format)?;
        let mut text = BTreeMap::new();
        for (code, language) in languages {
            let locale = Locale::new(code, language)?.with_rounding(rounding);
            text.insert(code.clone(), format.apply(&locale, figure, Place::Table)?);
        }
        found.push(Headline { figure: item.figure.clone(), name: item.name.clone(), text });
    }
    Ok(found)
}

/// Judges the claims and renders every language.
///
/// # Errors
/// A claim that fails without `otherwise` (class `Claim`); anything templates or languages get wrong
/// (class `Config`), with file and line.
pub fn compose(brief: &Compose) -> Result<Composed> {
    let findings = Arc::new(brief.findings.clone());
    let mut faults = Refusals::default();
    // With a condition that cannot be judged the pages are still tried, for what else is wrong with them.
    let claims = check_claims(&brief.claims, &findings, &brief.declared, &mut faults);
    let documents = brief.editions.iter().map(|edition| document(brief, edition, &findings, &claims));
    let documents: Vec<Option<Document>> = documents.map(|document| faults.keep(document)).collect();
    faults.or(Composed { claims, documents: documents.into_iter().flatten().collect() })
}

/// Faults in the texts of a claim, at its place: lines of a folded text are no lines of its file.
fn faults_of_claim(source: &ClaimSource, code: &str, labels: &[String]) -> Vec<Refusal> {
    let claim = &source.claim;
    let texts = [Some(&claim.text), claim.otherwise.as_ref(), claim.missing.as_ref()];
    let texts = texts.into_iter().flatten().map(|texts| Source::new("text", in_language(texts, code)));
    let found: Vec<Refusal> = texts.flat_map(|text| prose::faults(&text, labels)).collect();
    let told = |refusal: Refusal| {
        let what = refusal.message.split_once(": ").map_or(refusal.message.as_str(), |(_, what)| what);
        let message = format!("{}: claim `{}`, {code}: {what}", place(source), claim.id);
        Refusal { message, ..refusal }
    };
    found.into_iter().map(told).collect()
}

/// Faults in the texts of a claim that do not stand today: under other data they would, and stop the brief then. Figures
/// are no fault: a text that waits for a fact looks at what is not known yet.
fn faults_of_unsaid(
    engine: &mut Engine,
    source: &ClaimSource,
    outcome: &Outcome,
    code: &str,
) -> Vec<Refusal> {
    let claim = &source.claim;
    let unsaid = match outcome.checked.verdict {
        Verdict::Passed => claim.otherwise.as_ref(),
        Verdict::Replaced => Some(&claim.text),
        // What is missing today may leave its figures out of both texts.
        Verdict::Missing => None,
    };
    let name = format!("{} (claim `{}`, {code}, not said today)", place(source), claim.id);
    let text = unsaid.map(|texts| Source::new(name, in_language(texts, code)));
    let fault = text.and_then(|text| engine.one(&text).err());
    fault.into_iter().filter(|refusal| !refusal.message.contains("there is no figure")).collect()
}

/// Why a sentence of the house cannot be judged in a report without the section whose figures it looks at.
const ELSEWHERE: &str = "no section of this brief computes it";

/// Judges claims, each with an outcome: one whose condition cannot be read is taken for missing.
///
/// `faults` gets every condition that cannot be read, and every claim that fails without `otherwise`.
fn check_claims(
    claims: &[ClaimSource],
    findings: &Findings,
    declared: &Declared,
    faults: &mut Refusals,
) -> Vec<Outcome> {
    claims.iter().map(|source| check_claim(source, findings, declared, faults)).collect()
}

fn check_claim(
    source: &ClaimSource,
    findings: &Findings,
    declared: &Declared,
    faults: &mut Refusals,
) -> Outcome {
    let claim = &source.claim;
    let outcome = |verdict, values, reason| {
        let checked = CheckedClaim { id: claim.id.clone(), when: claim.when.clone(), verdict };
        Outcome { checked, values, reason }
    };
    let names = declared.names(findings, claim.section.as_deref());
    let judged = Expr::parse(&claim.when).and_then(|condition| condition.judge(&names));
    let judgement = match judged {
        Ok(judgement) => judgement,
        Err(fault) => {
            // The house's sentences may look at sections that a report leaves out; a report's own may not.
            if source.file != declared.house || !fault.message.contains("there is no figure") {
                faults.push(unreadable(source, &fault));
            }
            return outcome(Verdict::Missing, Vec::new(), Some(ELSEWHERE.to_owned()));
        }
    };
    let (verdict, reason) = match &judgement.truth {
        Answer::Is(true) => (Verdict::Passed, None),
        Answer::Is(false) => (Verdict::Replaced, None),
        Answer::Missing(reason) => (Verdict::Missing, Some(reason.clone())),
    };
    if verdict == Verdict::Replaced && claim.otherwise.is_none() {
        let hint = "correct the sentence to what the data says, or give the claim an `otherwise` text";
        faults.push(Refusal::new(Class::Claim, failure(source, &judgement)).hint(hint));
    }
    outcome(verdict, judgement.values, reason)
}

fn place(source: &ClaimSource) -> String {
    source.line.map_or(source.file.clone(), |line| format!("{}:{line}", source.file))
}

fn unreadable(source: &ClaimSource, fault: &Fault) -> Refusal {
    let told = fault.told(&source.claim.when);
    let message = format!("{}: claim `{}`, condition: {told}", place(source), source.claim.id);
    Refusal::config(message).hint(fault.hint.clone())
}

fn failure(source: &ClaimSource, judgement: &Judgement) -> String {
    let condition = source.claim.when.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut values: Vec<String> = judgement
        .values
        .iter()
        .map(|(id, value)| format!("{id} = {}", value.map_or("none".to_owned(), |value| value.to_string())))
        .collect();
    values.dedup();
    format!(
        "{}: claim `{}` does not hold: {condition} (here {})",
        place(source),
        source.claim.id,
        values.join(", ")
    )
}

fn document(
    brief: &Compose,
    edition: &Edition,
    findings: &Arc<Findings>,
    claims: &[Outcome],
) -> Result<Document> {
    let locale = Locale::new(&edition.code, edition.language)?.with_rounding(brief.brand.rounding);
    let facts = facts(brief, edition, &locale);
    let mut engine = Engine::new(scope(brief, edition, locale, findings, claims, facts.clone()));
    let mut files = BTreeMap::new();
    let mut origins = BTreeMap::new();
    let mut sources = audit::Sources::default();
    let labels = labels(brief, edition);
    let mut faults = Refusals::default();
    for (claim, outcome) in brief.claims.iter().zip(claims) {
        faults_of_claim(claim, &edition.code, &labels).into_iter().for_each(|refusal| faults.push(refusal));
        let unsaid = faults_of_unsaid(&mut engine, claim, outcome, &edition.code);
        unsaid.into_iter().for_each(|refusal| faults.push(refusal));
    }
    for section in &brief.sections {
        if let Some(own) = section.prose.get(&edition.code) {
            let snippets = &brief.declared.snippets;
            let included = snippets.iter().filter(|(name, _)| own.text.contains(name.as_str()));
            for source in [own].into_iter().chain(included.map(|(_, snippet)| snippet)) {
                prose::faults(source, &labels).into_iter().for_each(|refusal| faults.push(refusal));
            }
        }
        let Some(rendered) = faults.keep(render(&mut engine, section, &edition.code)) else { continue };
        let path = format!("/sections/{}.typ", section.id);
        origins.insert(path.clone(), rendered.origins);
        sources.findings.extend(audit::openings(&rendered.text));
        sources.sections.push(audit::printed(&rendered.text));
        files.insert(path, rendered.text);
    }
    faults.finish()?;
    for (path, design) in designs(brief) {
        origins.insert(path.to_owned(), itself(&design));
        files.insert(path.to_owned(), design.text);
    }
    files.insert("/theme.typ".to_owned(), theme(brief, edition, &engine, &facts)?);
    files.insert("/main.typ".to_owned(), main(brief, &engine)?);
    files.extend(engine.charts());
    let headings = brief.sections.iter().map(|section| engine.words(&section.heading));
    sources.headings = headings.collect::<Result<Vec<_>, _>>()?;
    sources.drawings = engine.drawings();
    let numerals = audit::numerals(engine.locale(), configured(brief, edition, &facts), sources);
    let timestamp = timestamp(brief.as_of);
    let pictures =
        brief.brand.logo.iter().map(|logo| (logo_path(logo).to_owned(), logo.bytes.clone())).collect();
    let mut document =
        Document { language: edition.code.clone(), files, pictures, origins, timestamp, numerals };
    for table in brief.findings.tables.values() {
        attach::attach(&mut document, &attach::csv(&engine, table));
    }
    for chart in brief.findings.charts.values() {
        attach::attach(&mut document, &vega::attachment(&engine, chart)?);
    }
    Ok(document)
}

/// The page design, and the house's beside it where the report brings its own.
fn designs(brief: &Compose) -> Vec<(&'static str, Source)> {
    let house = Source::new(DESIGN_NAME, DESIGN);
    match &brief.design {
        Some(own) => vec![("/brief.typ", own.clone()), (HOUSE, house)],
        None => vec![("/brief.typ", house)],
    }
}

/// The logo's place in the document.
fn logo_path(logo: &Logo) -> &'static str {
    match logo.format {
        LogoFormat::Svg => "/logo.svg",
        LogoFormat::Png => "/logo.png",
    }
}

/// The logo as a Typst value: where it is and what it shows.
fn logo(logo: &Logo, code: &str) -> String {
    let alt = typography::plain(&in_language(&logo.alt, code), typography::Rules::of(code));
    format!("(path: {}, alt: {})", escape::literal(logo_path(logo)), escape::literal(&alt))
}

/// Texts of configuration that reach pages as they stand.
fn configured<'a>(
    brief: &'a Compose<'a>,
    edition: &'a Edition<'a>,
    facts: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = String> + 'a {
    let strings = edition.language.strings.values().cloned();
    let cells = brief.findings.tables.values().flat_map(|table| &table.rows).flat_map(|row| &row.cells);
    let texts = cells.filter_map(|cell| match cell {
        Cell::Text(text) => Some(text.clone()),
        _ => None,
    });
    let disclaimer = in_language(&brief.brand.disclaimer, &edition.code);
    strings
        .chain(texts)
        .chain(facts.values().cloned())
        .chain(brief.names.values().cloned())
        .chain(brief.sources.values().cloned())
        .chain(brief.labels.iter().cloned())
        .chain([disclaimer])
}

fn itself(source: &Source) -> Vec<(String, usize)> {
    (1..=source.text.lines().count()).map(|line| (source.name.clone(), line)).collect()
}

fn timestamp(date: Date) -> i64 {
    i64::from((date - jiff::civil::date(1970, 1, 1)).get_days()) * 86_400
}

fn in_language(texts: &BTreeMap<String, String>, code: &str) -> String {
    texts.get(code).cloned().unwrap_or_default()
}

/// Strings of a language; what configuration says of sources and names stands in tables as it is, so that its signs are set here.
fn set_right(strings: &BTreeMap<String, String>, code: &str) -> BTreeMap<String, String> {
    let set = |(key, text): (&String, &String)| {
        let said = key.starts_with("said.");
        let text = if said { typography::plain(text, typography::Rules::of(code)) } else { text.clone() };
        (key.clone(), text)
    };
    strings.iter().map(set).collect()
}

/// The period in words for the masthead: a day, a month, or first and last day; a name that is no period as it is.
fn span(period: &str, locale: &Locale) -> String {
    let long = |date| locale.date(date, DateStyle::Long);
    match period.parse::<Period>() {
        Ok(Period::Day(day)) => long(day),
        Ok(Period::Month(month)) => locale.date(month, DateStyle::Month),
        Ok(period) => {
            let (from, to) = (long(period.first_date()), long(period.last_date()));
            locale.note(locale.fill("format.span", &[("from", &from), ("to", &to)]))
        }
        Err(_) => period.to_owned(),
    }
}

/// Plain facts of the brief in one language, as `brief.…` in templates.
fn facts(brief: &Compose, edition: &Edition, locale: &Locale) -> BTreeMap<String, String> {
    let rules = typography::Rules::of(&edition.code);
    let set = |texts| typography::plain(&in_language(texts, &edition.code), rules);
    [
        ("slug", brief.slug.clone()),
        ("language", edition.code.clone()),
        ("title", set(&brief.title)),
        ("subtitle", set(&brief.subtitle)),
        ("period", brief.period.clone()),
        ("span", span(&brief.period, locale)),
        ("as_of", locale.date(brief.as_of, DateStyle::Long)),
        ("publisher", brief.brand.publisher.clone()),
    ]
    .into_iter()
    .map(|(key, text)| (key.to_owned(), text))
    .collect()
}

fn scope(
    brief: &Compose,
    edition: &Edition,
    locale: Locale,
    findings: &Arc<Findings>,
    claims: &[Outcome],
    facts: BTreeMap<String, String>,
) -> Scope {
    let code = &edition.code;
    let themes = brief.themes.iter().map(|(id, names)| (id.clone(), in_language(names, code))).collect();
    let strings = set_right(&edition.language.strings, code);
    let local = |name: &String| strings.get(&format!("said.{name}")).unwrap_or(name).clone();
    let said = brief.claims.iter().zip(claims).map(|(s, o)| sentence(s, o, code, &locale)).collect();
    Scope {
        code: code.clone(),
        locale,
        findings: findings.clone(),
        strings: strings.clone(),
        strings_name: edition.file.clone(),
        names: brief.names.iter().map(|(symbol, name)| (symbol.clone(), local(name))).collect(),
        themes,
        sources: brief.sources.clone(),
        brand: brief.brand.clone(),
        claims: said,
        declared: brief.declared.clone(),
        brief: facts,
    }
}

/// Names with digits that prose may use: those declared, and names of companies, themes, events and facts.
fn labels(brief: &Compose, edition: &Edition) -> Vec<String> {
    let named =
        |key: &&String| ["theme.", "event.", "fact.", "portfolio."].iter().any(|kind| key.starts_with(kind));
    let strings = edition.language.strings.iter().filter(|(key, _)| named(key)).map(|(_, name)| name);
    brief.labels.iter().chain(brief.names.values()).chain(strings).cloned().collect()
}

/// The text that stands for a claim, by its id.
fn sentence(source: &ClaimSource, outcome: &Outcome, code: &str, locale: &Locale) -> (String, Source) {
    let claim = &source.claim;
    let text = match (outcome.checked.verdict, &claim.otherwise, &claim.missing) {
        (Verdict::Replaced, Some(otherwise), _) => in_language(otherwise, code),
        (Verdict::Missing, _, Some(missing)) => in_language(missing, code),
        (Verdict::Missing, _, None) => {
            let reason = because(locale, outcome.reason.as_deref().unwrap_or_default());
            // The sentence is a template: a brace of the reason would open a tag.
            let reason = escape::markup(&reason).replace(['{', '}'], "");
            locale.note(locale.fill("format.claim.missing", &[("reason", &reason)]))
        }
        _ => in_language(&claim.text, code),
    };
    let name = format!("{} (claim `{}`, {code})", place(source), claim.id);
    (claim.id.clone(), Source::new(name, text))
}

fn render(engine: &mut Engine, section: &Section, code: &str) -> Result<Rendered> {
    let Some(prose) = section.prose.get(code) else {
        return Err(Refusal::config(format!("section `{}` has no prose in `{code}`", section.id))
            .hint(format!("add prose/{}.{code}.typ.j2 to the report's folder", section.id))
            .into());
    };
    let mut rendered = engine.section(&section.layout, prose)?;
    rendered.text.insert_str(0, "#import \"/brief.typ\": *\n");
    rendered.origins.insert(0, (section.layout.name.clone(), 1));
    Ok(rendered)
}

fn main(brief: &Compose, engine: &Engine) -> Result<String, Refusal> {
    let mut out = "#import \"/brief.typ\": *\n#show: brief\n#cover()\n".to_owned();
    for (index, section) in brief.sections.iter().enumerate() {
        let heading = engine.markup(&section.heading)?;
        let _ = writeln!(out, "\n= {heading} <sec-{}>\n#include \"/sections/{0}.typ\"", section.id);
        if index == 0 && brief.sections.len() > LISTED {
            out.push_str("#contents()\n");
        }
    }
    out.push_str("\n#closing()\n");
    Ok(out)
}

/// Colours, words and facts as Typst variables.
fn theme(
    brief: &Compose,
    edition: &Edition,
    engine: &Engine,
    facts: &BTreeMap<String, String>,
) -> Result<String> {
    let locale = Locale::new(&edition.code, edition.language)?;
    let mut out = String::new();
    let color =
        |(name, value): (&String, &String)| (name.clone(), format!("rgb({})", escape::literal(value)));
    dictionary(&mut out, "colors", brief.brand.colors.iter().map(color));
    dictionary(&mut out, "groups", brief.brand.groups.iter().map(color));
    let words = [
        "chart",
        "table",
        "page",
        "as-of",
        "source",
        "contents",
        "method",
        "disclaimer",
        "information",
        "continued",
        "see",
    ];
    let word =
        |name: &&str| ((*name).to_owned(), escape::literal(locale.pattern(&format!("format.word.{name}"))));
    dictionary(&mut out, "words", words.iter().map(word));
    let stamp = brief.stamp.as_ref().map(|key| engine.words(key)).transpose()?;
    let disclaimer = in_language(&brief.brand.disclaimer, &edition.code);
    let disclaimer = typography::plain(&disclaimer, typography::Rules::of(&edition.code));
    // A locale such as `nl` names no region, `sr-Latn` a script.
    let is_region = |part: &&str| part.len() == 2 && part.chars().all(|c| c.is_ascii_uppercase());
    let region = edition.language.locale.split('-').skip(1).find(is_region);
    let region = region.map_or_else(|| "none".to_owned(), escape::literal);
    let date = brief.as_of;
    let mut facts: Vec<(String, String)> =
        facts.iter().map(|(key, text)| (key.replace('_', "-"), escape::literal(text))).collect();
    facts.extend([
        ("region".to_owned(), region),
        ("disclaimer".to_owned(), escape::literal(disclaimer.trim())),
        ("method".to_owned(), method(brief).map_or("none".to_owned(), |label| escape::literal(&label))),
        (
            "logo".to_owned(),
            brief.brand.logo.as_ref().map_or("none".to_owned(), |found| logo(found, &edition.code)),
        ),
        ("stamp".to_owned(), stamp.map_or("none".to_owned(), |text| escape::literal(&text))),
        (
            "date".to_owned(),
            format!("datetime(year: {}, month: {}, day: {})", date.year(), date.month(), date.day()),
        ),
    ]);
    dictionary(&mut out, "meta", facts.into_iter());
    Ok(out)
}

/// The sections that say how numbers were made, the most telling first.
const METHOD: [&str; 2] = ["method", "data"];

/// The label that tables and charts link to, where the brief has such a section.
fn method(brief: &Compose) -> Option<String> {
    let has = |id: &&&str| brief.sections.iter().any(|section| section.id == **id);
    METHOD.iter().find(has).map(|id| format!("sec-{id}"))
}

fn dictionary(out: &mut String, name: &str, entries: impl Iterator<Item = (String, String)>) {
    let _ = writeln!(out, "#let {name} = (");
    for (key, value) in entries {
        let _ = writeln!(out, "  {}: {value},", escape::literal(&key));
    }
    out.push_str(")\n");
}
