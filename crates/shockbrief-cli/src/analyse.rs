//! From a report folder to findings and composed pages: what `render` and `check` share.

use crate::{
    args::Inputs,
    kept::Kept,
    load::{Digests, Issue, Project, report_digests},
    refute::{Tried, asked, demanded, refute, sessions},
    robust::robust,
    wording,
};
use anyhow::Result;
use jiff::civil::Date;
use shockbrief_core::{
    Brief, Dataset, Figure, Findings, Input, Mic, Period, Refusal, Refusals, Session, Symbol, Unit, at,
    config::{Brand, Claim, KeyPath, Language, Origin, Report, Scenarios, section::Instance},
    diff::{Cause, Diff},
    expr::Expr,
    fs, house,
    nearest::{distance, nearest},
};
use shockbrief_sections::{Context, Desk, Keep, Method, Trials, method};
use shockbrief_templating::{
    ClaimSource, Compose, Composed, Declared, Edition, Nouns, Section, Source, compose,
    format::{Format, FormatError},
    headline, lift, prose,
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// The claim that announces a revision.
const REVISION: &str = "revision";

/// What the briefs of a report for one period have in common, whatever portfolio they are for.
pub struct Shared {
    data: Arc<Dataset>,
    exchanges: BTreeMap<Mic, Vec<Session>>,
    findings: Findings,
    trials: Option<Trials>,
}

impl Shared {
    fn new(project: &Project, issue: &Issue, inputs: &Inputs) -> Result<Self> {
        let data = Arc::new(issue.data(project, inputs)?);
        let exchanges = issue.exchanges(project)?;
        let mut shared = Self { data, exchanges, findings: Findings::default(), trials: None };
        let claims = written(project, issue);
        let all: Vec<&str> = issue.instances.iter().map(|section| section.id.as_str()).collect();
        let (asked, kept) = (asked(claims.iter(), &all), Kept::here());
        let keep = kept.as_ref().map(|kept| -> &dyn Keep { kept });
        let found = shared.context(project, issue, &project.scenarios, None, |context| {
            shockbrief_sections::shared(context, &asked, keep)
        })?;
        (shared.findings, shared.trials) = found;
        Ok(shared)
    }

    fn context<T>(
        &self,
        project: &Project,
        issue: &Issue,
        scenarios: &Scenarios,
        previous: Option<&Findings>,
        analyse: impl FnOnce(&Context<'_>) -> Result<T>,
    ) -> Result<T> {
        let events = project.events_of(issue)?;
        analyse(&Context::new(Desk {
            report: &issue.report,
            instances: &issue.instances,
            period: issue.period,
            as_of: issue.as_of,
            universe: &project.universe,
            events: &events,
            facts: &project.facts,
            models: &project.models,
            data: &self.data,
            exchanges: &self.exchanges,
            scenarios,
            previous,
        })?)
    }
}

/// What was loaded and analysed last, for the next portfolio of the same report.
#[derive(Default)]
pub struct Cache(Mutex<VecDeque<(Key, Slot)>>);

/// Report folder, period, as-of date.
type Key = (PathBuf, String, Date);
/// Filled by whoever comes first; the others wait.
type Slot = Arc<Mutex<Option<Arc<Shared>>>>;

/// Issues kept: the one being made and the one before it, which some reports compare with.
const KEPT: usize = 2;

impl Cache {
    fn get(&self, issue: &Issue, make: impl FnOnce() -> Result<Shared>) -> Result<Arc<Shared>> {
        if issue.report.client.is_none() {
            return Ok(Arc::new(make()?));
        }
        let slot = self.slot((issue.report.folder.clone(), issue.period.to_string(), issue.as_of));
        let mut held = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = &*held {
            return Ok(shared.clone());
        }
        let shared = Arc::new(make()?);
        *held = Some(shared.clone());
        Ok(shared)
    }

    fn slot(&self, key: Key) -> Slot {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, slot)) = kept.iter().find(|(other, _)| *other == key) {
            return slot.clone();
        }
        let slot = Slot::default();
        kept.push_back((key, slot.clone()));
        if kept.len() > KEPT {
            kept.pop_front();
        }
        slot
    }
}

/// A report's findings with everything needed to compose it.
pub struct Analysed {
    /// What was asked for.
    pub issue: Issue,
    /// The data behind it.
    pub data: Arc<Dataset>,
    /// What was computed.
    pub findings: Findings,
    /// Digests of the configuration that it was made from.
    pub config: Digests,
    languages: BTreeMap<String, Language>,
    brand: Brand,
}

impl Analysed {
    /// Loads and analyses one report.
    pub fn new(project: &Project, folder: &Path, inputs: &Inputs) -> Result<Self> {
        // Taken before the files are read; once the pages are made, they must still hold.
        let before = Report::load(folder).and_then(|report| report_digests(&report));
        let mut analysed = Self::of(project, folder, Issue::open(project, folder, inputs)?, inputs)?;
        analysed.config = project.digests.clone();
        analysed.config.extend(before?);
        Ok(analysed)
    }

    /// Refuses a brief whose configuration was edited while it was made: it may be from two states.
    pub fn unedited(&self, project: &Project) -> Result<()> {
        let now = project.config_digests(&self.issue.report)?;
        let names: BTreeSet<&String> = now.keys().chain(self.config.keys()).collect();
        let edited: Vec<&str> = names
            .into_iter()
            .filter(|name| now.get(*name) != self.config.get(*name))
            .map(String::as_str)
            .collect();
        if edited.is_empty() {
            return Ok(());
        }
        Err(Refusal::config(format!("{} was edited while the brief was made", edited.join(", ")))
            .hint("nothing was published; make the brief again once the edit is done")
            .into())
    }

    fn of(project: &Project, folder: &Path, issue: Issue, inputs: &Inputs) -> Result<Self> {
        let mut faults = Refusals::default();
        // Nothing is known to lack in a language that is none.
        let languages = wording::languages(project, &issue.report.languages)?;
        wording::check(project, &issue, &inputs.lang, &mut faults);
        faults.keep(issue.covered(project));
        faults.keep(project.bind(&issue.report, &issue.instances));
        faults.keep(shockbrief_sections::check(&issue.instances, &project.lookup(&issue.report)));
        check_formats(&issue.instances, &mut faults);
        check_texts(project, &issue, &mut faults);
        check_conditions(project, &issue, &mut faults);
        let brand = faults.keep(project.brand_of(&issue.report));
        let (Some(brand), true) = (brand, faults.is_empty()) else {
            return Err(faults.finish().err().unwrap_or_else(|| anyhow::anyhow!("no brand, and no reason")));
        };
        let languages = with_names(languages, project, &issue);
        let previous = previous(project, folder, &issue, inputs)?;
        let shared = project.shared.get(&issue, || Shared::new(project, &issue, inputs))?;
        let mut findings = shared.context(
            project,
            &issue,
            &project.scenarios_of(&issue.report),
            previous.as_ref(),
            |context| shockbrief_sections::for_portfolio(context, &shared.findings),
        )?;
        let made = |claim: &&Claim| {
            claim.section.iter().chain(&claim.needs).all(|id| !shared.findings.absent.contains_key(id))
        };
        let (declared, claims) = (declared(project, &issue), written(project, &issue));
        let each = if issue.report.study.is_some() { 1 } else { sessions(issue.period) };
        let tried = Tried { trials: shared.trials.as_ref(), sessions: each, as_of: issue.as_of };
        refute(claims.iter().filter(made), tried, &mut findings, &declared)?;
        robust(claims.iter().filter(made), &mut findings, &declared, issue.as_of)?;
        let data = shared.data.clone();
        Ok(Self { issue, data, findings, config: Digests::new(), languages, brand })
    }

    /// The index that the report measures against, if any.
    pub fn benchmark(&self) -> Option<&Symbol> {
        let report = &self.issue.report;
        let panel = report.panel.as_ref().map(|panel| &panel.benchmark);
        panel.or(report.study.as_ref().map(|study| &study.benchmark))
    }

    /// Renders the pages of these languages and judges the claims.
    pub fn compose(&self, project: &Project, languages: &[String]) -> Result<Composed> {
        let mut faults = Refusals::default();
        let composed = faults.keep(self.pages(project, languages));
        self.check_listed(project, &mut faults);
        faults.finish()?;
        composed.ok_or_else(|| anyhow::anyhow!("no pages, and no reason"))
    }

    /// Refuses figures of `headline` and `watch` that do not exist, and formats that do not print them.
    fn check_listed(&self, project: &Project, faults: &mut Refusals) {
        let report = &self.issue.report;
        for (path, id) in self.unknown_listed() {
            if !self.is_elsewhere(project, id) {
                let hint = match nearest(id, self.findings.figures.keys().map(String::as_str)) {
                    Some(nearest) => format!("the nearest is `{nearest}`"),
                    None => "the brief has no figure at all".to_owned(),
                };
                faults.push(report.origin.refuse(path, format!("there is no figure `{id}`")).hint(hint));
            }
        }
        for (index, listed) in report.headline.iter().enumerate() {
            let path = at!["headline", index, "format"];
            let one = std::slice::from_ref(listed);
            if let Err(error) = headline(one, &self.findings, &self.languages, self.brand.rounding) {
                let refusal = report.origin.refuse(path, format!("`{}`: {error}", listed.format));
                let hint = error.downcast_ref::<FormatError>().map(|error| error.hint.clone());
                faults.push(hint.into_iter().fold(refusal, Refusal::hint));
            }
        }
    }

    /// Figures of `headline` and `watch` that were not computed, with their places.
    fn unknown_listed(&self) -> Vec<(KeyPath, &String)> {
        let report = &self.issue.report;
        let listed = report.headline.iter().map(|listed| &listed.figure).enumerate();
        let watched = report.watch.iter().filter(|_| report.sections.iter().any(|id| id == "changes"));
        let watched = watched.map(|watched| &watched.figure).enumerate();
        let listed = listed.map(|(index, id)| (at!["headline", index, "figure"], id));
        let all = listed.chain(watched.map(|(index, id)| (at!["watch", index, "figure"], id)));
        all.filter(|(_, id)| !self.findings.figures.contains_key(*id)).collect()
    }

    /// Whether a figure that was not computed may be one of a section that the report leaves out, or that is absent for
    /// the period: a section is absent or its subject exists, no figure beside it was computed, and it is no misspelling
    /// of one that was.
    fn is_elsewhere(&self, project: &Project, id: &str) -> bool {
        const TYPOS: usize = 2;
        let figures = || self.findings.figures.keys();
        let (above, _) = id.rsplit_once('.').unwrap_or((id, ""));
        let beside =
            figures().any(|other| other.strip_prefix(above).is_some_and(|rest| rest.starts_with('.')));
        let misspelt = figures().any(|other| distance(other, id) <= TYPOS);
        let mut parts = id.split('.');
        let subject = match (parts.next().unwrap_or_default(), parts.next().unwrap_or_default()) {
            ("theme", theme) => project.universe.themes.contains_key(&theme.into()),
            ("fact", fact) => project.facts.all().any(|(known, _)| known == fact),
            (head, _) => {
                let slugs = project.universe.instruments.iter().map(|instrument| instrument.symbol.slug());
                slugs
                    .chain(figures().filter_map(|id| Some(id.split_once('.')?.0.to_owned())))
                    .any(|slug| slug == head)
            }
        };
        (subject || !self.findings.absent.is_empty()) && !beside && !misspelt
    }

    /// What is left out of the listing because the brief has no section that computes it.
    pub fn left_out(&self) -> Vec<String> {
        let report = &self.issue.report;
        let told = |(path, id): (KeyPath, &String)| {
            report
                .origin
                .refuse(path, format!("no section of this brief computes `{id}`: it is left out"))
                .message
        };
        self.unknown_listed().into_iter().map(told).collect()
    }

    fn pages(&self, project: &Project, languages: &[String]) -> Result<Composed> {
        let report = &self.issue.report;
        let strings = project.folder.join("languages");
        compose(&Compose {
            slug: report.slug.clone(),
            period: self.issue.period.to_string(),
            as_of: self.issue.as_of,
            title: report.title.clone(),
            subtitle: report.subtitle.clone(),
            stamp: self.simulated().then(|| "stamp.simulated".to_owned()),
            editions: languages
                .iter()
                .map(|code| Edition {
                    code: code.clone(),
                    language: &self.languages[code],
                    file: strings.join(format!("{code}.yaml")).display().to_string(),
                })
                .collect(),
            brand: &self.brand,
            findings: &self.findings,
            claims: self.claims(project),
            names: project
                .universe
                .instruments
                .iter()
                .map(|i| (i.symbol.to_string(), i.name.clone()))
                .collect(),
            themes: project
                .universe
                .themes
                .iter()
                .map(|(id, theme)| (id.to_string(), theme.name.clone()))
                .collect(),
            sources: self.credits(project),
            sections: self.sections(project, languages)?,
            design: self.design(project)?,
            labels: project.labels.clone(),
            declared: Declared { snippets: self.snippets(project)?, ..declared(project, &self.issue) },
        })
    }

    /// What source lines say of each file: who is credited, else the file itself.
    fn credits(&self, project: &Project) -> BTreeMap<String, String> {
        let credit = |input: &Input| {
            let spec = project.sources.sources.iter().find(|spec| spec.id == input.source);
            spec.and_then(|spec| spec.credit.clone()).unwrap_or_else(|| input.path.clone())
        };
        self.data.inputs.iter().map(|input| (input.path.clone(), credit(input))).collect()
    }

    /// The machine-readable twin.
    pub fn brief(&self, composed: &Composed) -> Result<Brief> {
        let headline =
            headline(&self.issue.report.headline, &self.findings, &self.languages, self.brand.rounding)?;
        Ok(Brief {
            headline,
            schema: shockbrief_core::brief::SCHEMA,
            report: self.issue.report.slug.clone(),
            period: self.issue.period.to_string(),
            as_of: self.issue.as_of,
            title: self.issue.report.title.clone(),
            subtitle: self.issue.report.subtitle.clone(),
            simulated: self.simulated(),
            claims: composed.claims.iter().map(|outcome| outcome.checked.clone()).collect(),
            findings: self.findings.clone(),
            inputs: self.data.inputs.clone(),
            origins: self.origins(),
            notices: self.data.notices.clone(),
        })
    }

    /// The files behind what figures name as their inputs.
    fn origins(&self) -> BTreeMap<String, Vec<String>> {
        let data = &self.data;
        let series = data.markets.values().flat_map(|market| market.series.values());
        let prices = series.map(|series| (series.symbol.to_string(), series.input));
        let shares = data.shares.iter().map(|count| (format!("shares:{}", count.symbol), count.input));
        let records = data
            .records
            .iter()
            .flat_map(|(id, records)| records.inputs.iter().map(move |input| (id.clone(), *input)));
        let mut origins: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (token, input) in prices.chain(shares).chain(records) {
            let path = data.inputs.get(input).map(|input| input.path.clone());
            origins.entry(token).or_default().extend(path);
        }
        origins.into_iter().map(|(token, paths)| (token, paths.into_iter().collect())).collect()
    }

    fn simulated(&self) -> bool {
        self.data.inputs.iter().any(|input| input.simulated)
    }

    /// The report's own claims, then those of its sections.
    fn claims(&self, project: &Project) -> Vec<ClaimSource> {
        let report = &self.issue.report;
        let own = report.claims.iter().map(|claim| (claim, &report.origin));
        let house = project.claims.of(report).map(|claim| (claim, &project.claims.origin));
        let absent = |id: &String| self.findings.absent.contains_key(id);
        // Only a revision says what changed.
        let revised = self.findings.figures.contains_key("revision.number");
        let revision = project.claims.by_id(REVISION).filter(|_| revised);
        let revision = revision.map(|claim| (claim, &project.claims.origin));
        let sections = self.issue.instances.iter().flat_map(claims_of);
        own.chain(house)
            .chain(revision)
            .map(|(claim, origin)| (claim.clone(), claim.id.clone(), origin))
            .chain(sections)
            .filter(|(claim, ..)| !claim.section.iter().chain(&claim.needs).any(absent))
            .map(|(claim, written, origin)| ClaimSource {
                claim: local(Claim { when: demanded(&claim), ..claim }),
                file: origin.path.display().to_string(),
                line: origin.line_of(format!("id: {written}").as_str()),
            })
            .collect()
    }

    /// The report's sections; a revision is announced at the head of the first.
    fn sections(&self, project: &Project, languages: &[String]) -> Result<Vec<Section>> {
        let sections = self.issue.instances.iter().filter(|section| section.is_shown());
        let mut faults = Refusals::default();
        let sections = sections.map(|section| faults.keep(self.section(project, section, languages)));
        let sections: Vec<Option<Section>> = sections.collect();
        let mut sections: Vec<Section> = faults.or(sections)?.into_iter().flatten().collect();
        if let Some(first) =
            sections.first_mut().filter(|_| self.findings.figures.contains_key("revision.number"))
        {
            first.layout.text.insert_str(0, "#note[{{ claim(\"revision\") }}] ");
        }
        Ok(sections)
    }

    /// The first template of the pages, with its line, that gives a value a name: what is made of itself can grow beyond
    /// any measure, so that such a brief is tried apart first.
    pub fn growing(&self, project: &Project, languages: &[String]) -> Result<Option<(String, usize)>> {
        let mut sources: Vec<Source> = self.snippets(project)?.into_values().collect();
        for section in self.sections(project, languages)? {
            sources.push(section.layout);
            sources.extend(section.prose.into_values());
        }
        for source in self.claims(project) {
            let (claim, file) = (source.claim, source.file);
            let texts = [Some(claim.text), claim.otherwise, claim.missing];
            let texts = texts.into_iter().flatten().flat_map(BTreeMap::into_values);
            sources.extend(texts.map(|text| Source::new(format!("{file}: claim `{}`", claim.id), text)));
        }
        Ok(sources.into_iter().find_map(|source| {
            let line = shockbrief_templating::budget::grows(&source.text)?;
            Some((source.name, line))
        }))
    }

    /// Makes this a later revision that says how many figures changed, and why.
    pub fn revise(&mut self, number: u32, diff: &Diff) {
        let as_of = self.issue.as_of;
        let count = |causes: &[Cause]| {
            diff.changes.iter().filter(|change| causes.contains(&change.cause)).count() as f64
        };
        let counts = [
            ("number", f64::from(number)),
            ("data", count(&[Cause::RevisedData])),
            ("market", count(&[Cause::Market])),
            ("method", count(&[Cause::Method, Cause::New, Cause::Gone])),
        ];
        for (id, value) in counts {
            self.findings.add(Figure::new(format!("revision.{id}"), value, Unit::Count, "revision", as_of));
        }
    }

    fn section(&self, project: &Project, section: &Instance, languages: &[String]) -> Result<Section> {
        if let Some(reason) = self.findings.absent.get(&section.id) {
            return Ok(absent(section, reason, languages));
        }
        let mut faults = Refusals::default();
        let prose = languages
            .iter()
            .filter_map(|code| Some((code.clone(), faults.keep(self.prose(project, section, code))?)));
        let prose: BTreeMap<String, Source> = prose.collect();
        let layout = self.layout(project, section, &prose)?;
        faults.or(Section {
            id: section.id.clone(),
            heading: format!("section.{}", section.id),
            layout,
            prose,
        })
    }

    /// The layout that the report or the section's folder brings, or that of what computes it: prose, then charts and
    /// tables as they are declared, save those that the prose itself sets.
    fn layout(
        &self,
        project: &Project,
        section: &Instance,
        prose: &BTreeMap<String, Source>,
    ) -> Result<Source> {
        let own = self.issue.report.folder.join("layout").join(format!("{}.typ.j2", section.id));
        let folder = section.folder.iter().map(|folder| folder.join("layout.typ.j2"));
        if let Some(path) = std::iter::once(own).chain(folder).find(|path| house::is_file(path)) {
            project.inside(&self.issue.report, &path)?;
            let text = lift::local(&fs::read_text(&path)?, &section.id);
            return Ok(Source::new(house::shown(&path).display().to_string(), text));
        }
        let (name, mut text) = match method(section)? {
            // Not a file of the desk: its reader can replace it, not edit it.
            Method::Once(once) => {
                (format!("the house's layout of `{}`", section.id), once.template.to_owned())
            }
            Method::Kind(kind) => (format!("kind `{}`", kind.name()), "{{ prose() }}\n".to_owned()),
        };
        let mut place = |what: &str, local: &str| {
            let call = format!("{what}(\"{}.{local}\")", section.id);
            if !prose.values().all(|prose| prose.text.contains(&call)) {
                text.push_str(&format!("\n{{{{ {call} }}}}\n"));
            }
        };
        section.spec.charts.iter().for_each(|(local, _)| place("chart", local));
        section.spec.tables.iter().for_each(|(local, _)| place("table", local));
        let own = self.findings.tables.keys().filter_map(|id| id.strip_prefix(&format!("{}.", section.id)));
        own.filter(|local| section.spec.captions.contains_key(*local))
            .for_each(|local| place("table", local));
        Ok(Source::new(name, text))
    }

    /// The page design that the report brings in its folder.
    fn design(&self, project: &Project) -> Result<Option<Source>> {
        let own = self.issue.report.folder.join("layout").join("brief.typ");
        if !own.is_file() {
            return Ok(None);
        }
        project.inside(&self.issue.report, &own)?;
        Ok(Some(Source::new(own.display().to_string(), fs::read_text(&own)?)))
    }

    /// Pieces of prose that prose may include: files of the report's and the house's `prose/snippets`.
    fn snippets(&self, project: &Project) -> Result<BTreeMap<String, Source>> {
        let mut found = BTreeMap::new();
        for folder in [&project.folder, &self.issue.report.folder] {
            for path in house::list(&folder.join("prose").join("snippets"), "j2")? {
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
                if let Some(name) = name.filter(|name| name.ends_with(".typ.j2")) {
                    project.inside(&self.issue.report, &path)?;
                    let source =
                        Source::new(house::shown(&path).display().to_string(), fs::read_text(&path)?);
                    found.insert(name, source);
                }
            }
        }
        Ok(found)
    }

    /// The report's prose of a section, or the one in its folder, or the house's.
    fn prose(&self, project: &Project, section: &Instance, code: &str) -> Result<Source> {
        let places = prose_places(project, &self.issue.report, section, code);
        if let Some(path) = places.iter().find(|path| house::is_file(path)) {
            project.inside(&self.issue.report, path)?;
            let text = lift::local(&fs::read_text(path)?, &section.id);
            return Ok(Source::new(house::shown(path).display().to_string(), text));
        }
        match no_prose(&places, section, code)? {
            Some(refusal) => Err(refusal.into()),
            None => Ok(Source::new(format!("{} ({code}, no prose)", section.id), "")),
        }
    }
}

/// Where the prose of a section may lie, in the order in which it is looked for.
pub fn prose_places(project: &Project, report: &Report, section: &Instance, code: &str) -> Vec<PathBuf> {
    let own = report.folder.join("prose").join(format!("{}.{code}.typ.j2", section.id));
    let named = report.folder.join("sections").join(&section.id).join(format!("prose.{code}.typ.j2"));
    let beside = section.folder.iter().map(|folder| folder.join(format!("prose.{code}.typ.j2")));
    let shared = project.folder.join("prose").join(format!("{}.{code}.typ.j2", section.base));
    [own, named].into_iter().chain(beside).chain([shared]).collect()
}

/// Why a section may not stand without prose. What an author declares may; what the house computes may not.
pub fn no_prose(places: &[PathBuf], section: &Instance, code: &str) -> Result<Option<Refusal>> {
    let spec = &section.spec;
    if matches!(method(section)?, Method::Kind(_)) && !(spec.tables.is_empty() && spec.charts.is_empty()) {
        return Ok(None);
    }
    let ends: Vec<String> = [places.first(), places.last()]
        .into_iter()
        .flatten()
        .map(|path| path.display().to_string())
        .collect();
    let hint =
        format!("write the prose of `{}` in `{code}`, or take the section out of report.yaml", section.id);
    Ok(Some(Refusal::config(format!("{}: no such file", ends.join(": no such file, nor "))).hint(hint)))
}

/// The claims of a section, under its name, each with the id that stands in the file.
fn claims_of(section: &Instance) -> Vec<(Claim, String, &Origin)> {
    let named = |claim: &Claim| Claim {
        id: format!("{}.{}", section.id, claim.id),
        section: Some(section.id.clone()),
        ..claim.clone()
    };
    section.spec.claims.iter().map(|claim| (named(claim), claim.id.clone(), &section.origin)).collect()
}

/// A claim whose texts name what belongs to its section in full.
fn local(mut claim: Claim) -> Claim {
    let Some(section) = claim.section.clone() else { return claim };
    let texts = [Some(&mut claim.text), claim.otherwise.as_mut(), claim.missing.as_mut()];
    for text in texts.into_iter().flatten().flat_map(BTreeMap::values_mut) {
        *text = lift::local(text, &section);
    }
    claim
}

/// Refuses formats of declared tables that do not exist.
fn check_formats(instances: &[Instance], faults: &mut Refusals) {
    for instance in instances {
        for (name, table) in instance.spec.tables.iter() {
            for format in table.columns.iter().filter_map(|column| column.format.as_ref()) {
                if let Err(error) = Format::parse(format) {
                    let message = format!("table `{name}`: {}", error.message);
                    faults.push(instance.origin.refuse(format, message).hint(error.hint));
                }
            }
        }
    }
}

/// Refuses numbers that authors type into captions, notes and texts of declared sections.
fn check_texts(project: &Project, issue: &Issue, faults: &mut Refusals) {
    let universe = &project.universe;
    let names = universe.instruments.iter().map(|instrument| instrument.name.clone());
    let themes = universe.themes.values().flat_map(|theme| theme.name.values().cloned());
    let events = project.events.events.values().flat_map(|event| event.name.values().cloned());
    let labels: Vec<String> =
        project.labels.iter().cloned().chain(names).chain(themes).chain(events).collect();
    for section in &issue.instances {
        let tables =
            section.spec.tables.iter().flat_map(|(_, table)| [Some(&table.caption), table.note.as_ref()]);
        let charts =
            section.spec.charts.iter().flat_map(|(_, chart)| [Some(&chart.caption), chart.note.as_ref()]);
        let strings = section.spec.strings.iter().map(|(_, texts)| Some(texts));
        let texts = tables.chain(charts).chain(strings).chain([section.spec.absent.as_ref()]);
        for (code, text) in
            texts.flatten().flatten().filter(|(code, _)| issue.report.languages.contains(code))
        {
            for refusal in prose::faults(&Source::new("text", text), &labels) {
                let what =
                    refusal.message.split_once(": ").map_or(refusal.message.as_str(), |(_, what)| what);
                let told = section.origin.refuse(text, format!("section `{}`, {code}: {what}", section.id));
                faults.push(Refusal { message: told.message, ..refusal });
            }
        }
    }
}

/// Facts and sections that conditions and prose may ask for.
fn declared(project: &Project, issue: &Issue) -> Declared {
    let shown: BTreeSet<String> = issue
        .instances
        .iter()
        .filter(|section| section.is_shown())
        .map(|section| section.id.clone())
        .collect();
    let built_in = shockbrief_sections::built_in().into_iter();
    let sections = built_in.chain(project.sections.ids()).map(str::to_owned).chain(shown.iter().cloned());
    Declared {
        facts: project.facts.all().map(|(id, _)| id.to_owned()).collect(),
        sections: sections.collect(),
        shown,
        house: project.claims.origin.path.display().to_string(),
        snippets: BTreeMap::new(),
        nouns: nouns(project, &issue.report),
        lacking: lacking(project, &issue.report),
    }
}

/// What the sentences of the house are about in this report.
fn nouns(project: &Project, report: &Report) -> Nouns {
    let universe = &project.universe;
    let texts = |symbols: &[Symbol]| symbols.iter().map(ToString::to_string).collect::<Vec<_>>();
    let baskets = universe.baskets.iter().map(|(id, symbols)| (id.clone(), texts(symbols)));
    let themes = universe.themes.keys().map(|theme| {
        let members = universe.of_theme(theme).map(|instrument| instrument.symbol.to_string());
        (theme.to_string(), members.collect())
    });
    let study = report.study.as_ref();
    let benchmark = study.map(|study| &study.benchmark);
    let benchmark = benchmark.or(report.panel.as_ref().map(|panel| &panel.benchmark));
    Nouns {
        benchmark: benchmark.map(ToString::to_string),
        event: study.map(|study| study.event.to_string()),
        // A basket is asked for by its id; a theme of the same id is another list.
        members: themes.chain(baskets).collect(),
    }
}

/// Where names that lack a language of the report are declared.
fn lacking(project: &Project, report: &Report) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut lacking: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for (key, names) in named(project, report) {
        for code in report.languages.iter().filter(|code| !names.contains_key(*code)) {
            let at = place_of(project, report, &key).unwrap_or_default();
            lacking.entry(code.clone()).or_default().insert(key.clone(), at);
        }
    }
    lacking
}

/// File and line where what has this string key is declared; facts are known by their file.
pub fn place_of(project: &Project, report: &Report, key: &str) -> Option<String> {
    let place = |origin: &Origin, path: KeyPath| {
        let line = origin.line_of(&path).map_or(String::new(), |line| format!(":{line}"));
        format!("{}{line}", origin.path.display())
    };
    let (kind, id) = key.split_once('.').unwrap_or((key, ""));
    match kind {
        "theme" => Some(place(project.universe.origin.as_ref()?, at!["themes", id, "name"])),
        "event" => Some(place(project.events.origin.as_ref()?, at![id, "name"])),
        "portfolio" | "scenario" => {
            let list = format!("{kind}s");
            Some(place(project.scenarios.origin.as_ref()?, at![list.as_str(), id, "name"]))
        }
        "fact" | "fact-note" => {
            let origin = project.facts.origin(id)?;
            Some(place(origin, at![id, if kind == "fact" { "name" } else { "note" }]))
        }
        _ => Some(place(&report.origin, at!["watch"])),
    }
}

/// All claims that an issue makes: the report's own, the house's, those of its sections.
fn written(project: &Project, issue: &Issue) -> Vec<Claim> {
    let (own, house) = (issue.report.claims.iter().cloned(), project.claims.of(&issue.report).cloned());
    own.chain(house).chain(issue.instances.iter().flat_map(claims_of).map(|(claim, ..)| claim)).collect()
}

/// Refuses conditions that ask for facts and sections that do not exist, before anything is loaded.
fn check_conditions(project: &Project, issue: &Issue, faults: &mut Refusals) {
    let (report, declared) = (&issue.report, declared(project, issue));
    // Without findings, every figure but a fact's is still to come.
    let nothing = Findings::default();
    let written = |claim: &Claim| (claim.clone(), claim.id.clone());
    let own = report.claims.iter().map(|claim| (written(claim), &report.origin));
    let house = project.claims.of(report).map(|claim| (written(claim), &project.claims.origin));
    let sections = issue.instances.iter().flat_map(claims_of);
    let sections = sections.map(|(claim, written, origin)| ((claim, written), origin));
    for ((claim, written), origin) in own.chain(house).chain(sections) {
        let names = declared.names(&nothing, claim.section.as_deref());
        let condition = Expr::parse(&claim.when);
        for fault in condition.iter().flat_map(|condition| condition.faults_of_names(&names)) {
            let message = format!("claim `{written}`, condition: {fault}");
            faults.push(origin.refuse(format!("id: {written}").as_str(), message).hint(fault.hint));
        }
    }
    for (claim, written, origin) in issue.instances.iter().flat_map(claims_of) {
        let texts = [Some(&claim.text), claim.otherwise.as_ref(), claim.missing.as_ref()];
        for language in &report.languages {
            if texts
                .iter()
                .flatten()
                .any(|texts| texts.get(language).is_none_or(|text| text.trim().is_empty()))
            {
                let message = format!("claim `{written}` has no text in `{language}`");
                let hint = format!("add `{language}: ...` there, or remove `{language}` from `languages`");
                faults.push(origin.refuse(format!("id: {written}").as_str(), message).hint(hint));
            }
        }
    }
}

/// One sentence in place of a section that has nothing to say for the period.
fn absent(section: &Instance, reason: &str, languages: &[String]) -> Section {
    let name = format!("{} (absent)", section.id);
    let nothing = Source::new(format!("{name} prose"), "");
    Section {
        id: section.id.clone(),
        heading: format!("section.{}", section.id),
        layout: Source::new(name, format!("{{{{ t(\"{reason}\") }}}}\n")),
        prose: languages.iter().map(|code| (code.clone(), nothing.clone())).collect(),
    }
}

/// What the issue of the period before would have found, for a report that compares.
fn previous(project: &Project, folder: &Path, issue: &Issue, inputs: &Inputs) -> Result<Option<Findings>> {
    if issue.report.watch.is_empty() || !issue.report.sections.iter().any(|id| id == "changes") {
        return Ok(None);
    }
    let Some(period) = before(project, issue)? else { return Ok(None) };
    let mut earlier = inputs.clone();
    earlier.period = Some(period);
    earlier.as_of = None;
    // One state of knowledge for both, so that the comparison shows what the market did and nothing else.
    earlier.holding.known_by = issue.known_by;
    let mut before = Issue::open(project, folder, &earlier)?;
    // The earlier issue compared nothing: it is looked at for its figures alone.
    before.report.watch.clear();
    before.report.sections.retain(|id| id != "changes");
    before.instances.retain(|section| section.kind != "changes");
    Ok(Some(Analysed::of(project, folder, before, &earlier)?.findings))
}

/// The period before with a session of the report's exchange that its panel covers; before Monday comes Friday.
fn before(project: &Project, issue: &Issue) -> Result<Option<Period>> {
    let mic = Mic::from(issue.report.schedule.calendar.as_str());
    let begins = project.calendars.get(&mic)?.covered_from();
    let begins = issue.report.panel.as_ref().map_or(begins, |panel| panel.from.max(begins));
    let mut period = issue.period.previous();
    while period.first_date() > begins {
        if !project.calendars.sessions(&mic, period.first_date(), period.last_date())?.is_empty() {
            return Ok(Some(period));
        }
        period = period.previous();
    }
    Ok(None)
}

/// Names of themes, events, facts, watched figures, portfolios and scenarios are strings too, so that tables can
/// name them. A name that lacks a language is no string there: what asks for it says where to add it.
fn with_names(
    mut languages: BTreeMap<String, Language>,
    project: &Project,
    issue: &Issue,
) -> BTreeMap<String, Language> {
    let report = &issue.report;
    for (code, language) in &mut languages {
        for (key, names) in named(project, report) {
            if let Some(name) = names.get(code) {
                language.strings.insert(key, name.clone());
            }
        }
        for (key, texts) in said(project) {
            if let Some(text) = texts.get(code) {
                language.strings.insert(key, text.clone());
            }
        }
        // A past event replayed is named after it.
        let pattern = language.strings.get("scenario.replay").cloned().unwrap_or_else(|| "{name}".to_owned());
        for (id, event) in &project.events.events {
            if let Some(name) = event.name.get(code) {
                language.strings.insert(format!("replay.{id}"), pattern.replace("{name}", name));
            }
        }
        for section in &issue.instances {
            language.strings.extend(shockbrief_sections::names(section, &project.universe, code));
            let made = shockbrief_sections::phrases(section, &project.universe, code, &language.strings);
            language.strings.extend(made);
            let declared = shockbrief_sections::strings(section).into_iter();
            let said =
                declared.filter_map(|(key, texts)| Some((key, lift::local(texts.get(code)?, &section.id))));
            language.strings.extend(said);
        }
    }
    languages
}

/// Texts of configuration that stand in tables as they are, in the languages that have them otherwise.
fn said(project: &Project) -> impl Iterator<Item = (String, &BTreeMap<String, String>)> {
    let facts = project.facts.all().map(|(_, fact)| (fact.source.text.as_str(), &fact.source.local));
    let sources =
        project.sources.sources.iter().map(|source| (source.licence.as_str(), &source.licence_local));
    let names = project.universe.instruments.iter().map(|found| (found.name.as_str(), &found.local));
    facts.chain(sources).chain(names).map(|(text, local)| (format!("said.{text}"), local))
}

/// Names in each language by string key: themes, portfolios, scenarios, watched figures, events, facts and their notes.
pub fn named(project: &Project, report: &Report) -> Vec<(String, BTreeMap<String, String>)> {
    let themes = project.universe.themes.iter().map(|(id, theme)| (format!("theme.{id}"), &theme.name));
    let scenarios = project.scenarios_of(report);
    let portfolios = scenarios.portfolios.iter().map(|(id, p)| (format!("portfolio.{id}"), &p.name));
    let shocks = scenarios.scenarios.iter().map(|(id, s)| (format!("scenario.{id}"), &s.name));
    let watched = report.watch.iter().enumerate().map(|(i, w)| (format!("watch.{i}"), &w.name));
    let events = project.events.events.iter().map(|(id, event)| (format!("event.{id}"), &event.name));
    let facts = project.facts.all().map(|(id, fact)| (format!("fact.{id}"), &fact.name));
    let notes = project.facts.all();
    let notes = notes.filter_map(|(id, fact)| Some((format!("fact-note.{id}"), fact.note.as_ref()?)));
    let all = themes.chain(portfolios).chain(shocks).chain(watched).chain(events).chain(facts).chain(notes);
    all.map(|(key, names)| (key, names.clone())).collect()
}
