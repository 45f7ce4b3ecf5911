//! Loading for a report: configuration, calendars and data for one as-of date.

use crate::{analyse::Cache, args::Inputs, desk};
use anyhow::{Context, Result};
use jiff::{Timestamp, civil::Date};
use shockbrief_analytics::calibration::DAYS;
use shockbrief_core::{
    Dataset, Mic, Period, Refusal, Refusals, Session, Symbol, at,
    config::{
        Brand, DETECTED, Event, Events, Facts, House, HouseClaims, Instrument, Labels, ModelName, Report,
        Scenarios, Sources, Study, Universe, bind, bind_scenarios, load_models,
        section::{Base, Edge, Instance, SectionFolders, When, instances},
    },
    fs::{sha256, sha256_file},
    house,
};
use shockbrief_data::{Calendars, Request};
use shockbrief_sections::{Lookup, Method};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    path::{Component, Path, PathBuf},
};

/// Sessions loaded before the first estimation row: the close before it, and room for closures abroad.
const MARGIN: usize = 12;
/// Sessions near declared events, which are not ordinary, among those looked back on.
const APART: usize = 150;

/// Days loaded before a date that a figure begins at: the longest time that an exchange was closed since 1933 is a week.
const CLOSED: i64 = 10;

/// The project's configuration, shared by all reports.
pub struct Project {
    /// Where it was read.
    pub folder: PathBuf,
    /// Instruments and themes.
    pub universe: Universe,
    /// Dated events.
    pub events: Events,
    /// Public facts.
    pub facts: Facts,
    /// Language models under the names of the data files.
    pub models: Vec<ModelName>,
    /// Declared sources.
    pub sources: Sources,
    /// Colours and legal text.
    pub brand: Brand,
    /// Sentences that sections bring with them.
    pub claims: HouseClaims,
    /// Sections declared for all reports.
    pub sections: SectionFolders,
    /// Stress scenarios.
    pub scenarios: Scenarios,
    /// Names with digits that prose may use.
    pub labels: Vec<String>,
    /// Exchange calendars.
    pub calendars: Calendars,
    /// What briefs of one report share.
    pub shared: Cache,
    /// Digests of its files, taken before they were read.
    pub digests: Digests,
}

/// SHA-256 of files by their place in the project.
pub type Digests = BTreeMap<String, String>;

impl Project {
    /// Reads all shared configuration.
    pub fn load(folder: &Path) -> Result<Self> {
        if !desk::is_desk(folder) {
            return Err(Refusal::config(format!("there is no desk here: no folder {}", folder.display()))
                .hint("`shockbrief init` makes one; or go to the folder that has config/ and reports/")
                .into());
        }
        // A folder that somebody names is there; only the desk's own may be left to the house.
        if !folder.is_dir() && !folder.ends_with("config") {
            return Err(Refusal::config(format!("{}: no such folder", folder.display()))
                .hint("name the folder with the configuration, or leave `--config` out for the house's")
                .into());
        }
        // First of all: a file edited while it is read must be seen to differ from what was read.
        let digests = digests(folder)?;
        let mut faults = Refusals::default();
        let universe = faults.keep(Universe::load(&folder.join("universe.yaml")));
        let events = faults.keep(Events::load(&folder.join("events.yaml")));
        let facts = faults.keep(Facts::load(&folder.join("facts")));
        let models = faults.keep(load_models(&folder.join("models.yaml")));
        let sources = faults.keep(Sources::load(&folder.join("sources.yaml")));
        let brand = faults.keep(Brand::load(&folder.join("brand.yaml")));
        let claims = faults.keep(HouseClaims::load(&folder.join("claims.yaml")));
        let sections = faults.keep(SectionFolders::load(&folder.join("sections")));
        let scenarios = faults.keep(Scenarios::load(&folder.join("scenarios.yaml")));
        let labels = faults.keep(Labels::load(&folder.join("numerals.yaml")));
        let calendars = faults.keep(Calendars::load(&folder.join("calendars")));
        if let (Some(universe), Some(events), Some(scenarios)) = (&universe, &events, &scenarios) {
            bind_scenarios(scenarios, universe, events).iter().for_each(|fault| faults.push(fault.clone()));
        }
        faults.finish()?;
        let whole = || -> Option<Self> {
            Some(Self {
                digests,
                folder: folder.to_owned(),
                universe: universe?,
                events: events?,
                facts: facts?,
                models: models?,
                sources: sources?,
                brand: brand?,
                claims: claims?,
                sections: sections?,
                scenarios: scenarios?,
                labels: labels?.labels,
                calendars: calendars?,
                shared: Cache::default(),
            })
        };
        whole().context("a part of the configuration is missing without a reason")
    }

    /// Whether every id of a report is declared, and every text there in its languages.
    pub fn bind(&self, report: &Report, instances: &[Instance]) -> Result<()> {
        let declared = self.sections.ids().chain(instances.iter().map(|section| section.id.as_str()));
        let sections: Vec<&str> = shockbrief_sections::built_in().into_iter().chain(declared).collect();
        let exchanges: Vec<&str> = self.calendars.mics().map(Mic::as_str).collect();
        let house = House {
            universe: &self.universe,
            events: &self.events,
            sections: &sections,
            exchanges: &exchanges,
        };
        let mut faults = bind(report, &house);
        faults.keep(self.claims.check(report));
        faults.finish()
    }

    /// The sections of a report, with all that was declared of them.
    pub fn instances(&self, report: &Report) -> Result<Vec<Instance>> {
        let own = SectionFolders::load(&report.folder.join("sections"))?;
        let built_in = shockbrief_sections::built_in();
        let mut instances = instances(&report.entries, &report.origin, &own, &self.sections, &built_in)?;
        // A kind that does not exist is told before its data are asked for.
        instances.iter().try_for_each(|instance| shockbrief_sections::method(instance).map(drop))?;
        if !report.figures.is_empty() {
            instances.push(Instance::of_report(&report.figures, &report.origin));
        }
        Ok(instances)
    }

    /// Whether its files are no longer those that were read.
    pub fn outdated(&self) -> Result<bool> {
        Ok(digests(&self.folder)? != self.digests)
    }

    /// Digests of all configuration behind a report's brief, as its files are now.
    pub fn config_digests(&self, report: &Report) -> Result<Digests> {
        let mut config = digests(&self.folder)?;
        config.extend(report_digests(report)?);
        Ok(config)
    }

    /// The configuration that a report's sections look names up in.
    pub fn lookup<'a>(&'a self, report: &'a Report) -> Lookup<'a> {
        Lookup {
            report,
            universe: &self.universe,
            events: &self.events,
            facts: &self.facts,
            sources: &self.sources,
        }
    }

    /// The brand of a report: the file that it names, in its folder or in the configuration, or the house's.
    pub fn brand_of(&self, report: &Report) -> Result<Brand> {
        let brand = match &report.brand {
            None => self.brand.clone(),
            Some(name) => {
                let inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
                let places = [report.folder.join(name), self.folder.join(name)];
                let Some(path) = places.iter().find(|path| inside && house::is_file(path)) else {
                    return Err(report
                        .origin
                        .refuse(at!["brand"], format!("there is no brand file `{name}`"))
                        .hint(format!("put it at {}, or at {}", places[0].display(), places[1].display()))
                        .into());
                };
                self.inside(report, path)?;
                Brand::load(path)?
            }
        };
        brand.speaks(&report.languages)?;
        Ok(brand)
    }

    /// Refuses a file of a report that lies elsewhere: a link would print what its writer cannot read.
    pub fn inside(&self, report: &Report, path: &Path) -> Result<()> {
        if house::find(path).is_some() {
            return Ok(());
        }
        let real = fs_err::canonicalize(path)?;
        let homes = [&report.folder, &self.folder].map(fs_err::canonicalize);
        if homes.into_iter().flatten().any(|home| real.starts_with(home)) {
            return Ok(());
        }
        Err(Refusal::config(format!("{}: lies outside the report, at {}", path.display(), real.display()))
            .hint("put the file itself in place of the link")
            .into())
    }

    /// The scenarios of a report: on its own portfolio where it has one, else on the model portfolios.
    pub fn scenarios_of(&self, report: &Report) -> Cow<'_, Scenarios> {
        match &report.client {
            Some(client) => Cow::Owned(self.scenarios.alone("own", &client.portfolio)),
            None => Cow::Borrowed(&self.scenarios),
        }
    }

    /// The dated events; for a study on whatever session is a shock, with that session as one of them.
    pub fn events_of(&self, issue: &Issue) -> Result<Cow<'_, Events>> {
        let any = issue.report.study.as_ref().is_some_and(|study| study.event.as_str() == DETECTED);
        if !any {
            return Ok(Cow::Borrowed(&self.events));
        }
        let (calendar, date) =
            (Mic::from(issue.report.schedule.calendar.as_str()), issue.period.first_date());
        let sessions = self.calendars.sessions(&calendar, date, date)?;
        let session = sessions.first().ok_or_else(|| {
            Refusal::data(format!("{calendar} has no session on {date}")).hint("name a day with a session")
        })?;
        // News is taken to have been there at the opening: exchanges that had closed by then react on their next day.
        let event =
            Event { instant: session.open, name: BTreeMap::new(), topic: None, source: String::new() };
        let mut events = self.events.clone();
        events.events.insert(DETECTED.into(), event);
        Ok(Cow::Owned(events))
    }
}

fn digests(folder: &Path) -> Result<Digests> {
    let mut digests = Digests::new();
    for (name, text) in house::files().iter().filter(|(name, _)| house::find(&folder.join(name)).is_some()) {
        digests.insert(format!("config/{name}"), sha256(text.as_bytes()));
    }
    if folder.is_dir() {
        digest_tree(folder, Path::new("config"), &mut digests)?;
    }
    Ok(digests)
}

/// Digests of a report's own files; a brief for one portfolio says nothing of the others.
pub fn report_digests(report: &Report) -> Result<Digests> {
    let mut digests = Digests::new();
    let folder = report.folder.file_name().map(Path::new).unwrap_or(Path::new("")).to_owned();
    digest_tree(&report.folder, &Path::new("reports").join(folder), &mut digests)?;
    if let Some(client) = &report.client {
        let others = Report::places(&report.folder)?;
        let others = others.iter().filter(|place| **place != client.path);
        let names = others.filter_map(|place| place.strip_prefix(report.folder.parent()?).ok());
        names.for_each(|name| {
            digests.remove(&Path::new("reports").join(name).display().to_string());
        });
    }
    Ok(digests)
}

/// Digests of all files below a folder, by their place in the project; what editors leave beside is no configuration.
fn digest_tree(folder: &Path, name: &Path, digests: &mut Digests) -> Result<()> {
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let file = entry.file_name().to_string_lossy().into_owned();
        if file.starts_with('.') || file.ends_with('~') {
            continue;
        }
        let name = name.join(entry.file_name());
        if entry.path().is_dir() {
            digest_tree(&entry.path(), &name, digests)?;
        } else {
            digests.insert(name.display().to_string(), sha256_file(&entry.path())?);
        }
    }
    Ok(())
}

/// One brief to make: a report with its period.
pub struct Issue {
    /// The report.
    pub report: Report,
    /// Its sections, with all that was declared of them.
    pub instances: Vec<Instance>,
    /// The period.
    pub period: Period,
    /// Nothing later is used.
    pub as_of: Date,
    /// The time whose knowledge is read of the store, where there is one.
    pub known_by: Option<Timestamp>,
}

impl Issue {
    /// A report folder with the command line's period and as-of date, or the report's own.
    ///
    /// Without one the as-of date is the period's last session on the schedule's calendar: what a reader of that
    /// evening could know.
    pub fn open(project: &Project, folder: &Path, inputs: &Inputs) -> Result<Self> {
        if !folder.is_file() && !folder.join("report.yaml").is_file() {
            return Err(Refusal::config(format!("{}: no report.yaml in this folder", folder.display()))
                .hint("name a folder under reports/")
                .into());
        }
        let mut report = Report::load(folder)?;
        let added = inputs.lang.iter().filter(|code| !report.languages.contains(code));
        let added: Vec<String> = added.cloned().collect();
        report.languages.extend(added);
        if report.for_each.is_some() && report.client.is_none() {
            return Err(Refusal::config(format!("{}: for which portfolio?", report.origin.path.display()))
                .hint("name the file of a portfolio")
                .into());
        }
        // Without its calendar the period has no sessions; whatever else points nowhere is told with it.
        if project.calendars.get(&Mic::from(report.schedule.calendar.as_str())).is_err() {
            project.bind(&report, &project.instances(&report)?)?;
        }
        let period = match (inputs.period, &report.period) {
            (Some(period), _) => period,
            (None, Some(period)) => period.parse().map_err(|error: Refusal| {
                let refusal = report.origin.refuse(at!["period"], &error);
                error.hint.into_iter().fold(refusal, Refusal::hint)
            })?,
            (None, None) => {
                return Err(Refusal::config(format!("{}: which period?", report.origin.path.display()))
                    .hint("name one with --period, such as 2025-01-27")
                    .into());
            }
        };
        if !period.fits(report.schedule.every) {
            return Err(Refusal::config(format!(
                "{}: `{period}` is no period of this report",
                report.origin.path.display()
            ))
            .hint("name a period of the kind that `schedule: every:` states")
            .into());
        }
        // The report's own date belongs to its own period only.
        let own = report.as_of.filter(|_| inputs.period.is_none());
        let as_of = match inputs.as_of.or(own) {
            Some(date) => date,
            None => last_session(project, &report, period)?,
        };
        let known_by = inputs.holding.at(as_of)?.map(|store| store.known_by);
        let instances = project.instances(&report)?;
        Ok(Self { report, instances, period, as_of, known_by })
    }

    /// Refuses a panel that begins inside the period or after it: neither the period's change nor the number of its
    /// sessions could be told from what is left.
    pub fn covered(&self, project: &Project) -> Result<()> {
        let Some(panel) = &self.report.panel else { return Ok(()) };
        let calendar = Mic::from(self.report.schedule.calendar.as_str());
        let (first, last) = (self.period.first_date(), self.period.last_date().min(self.as_of));
        let covered = project.calendars.get(&calendar)?.covered_from();
        let from = first.saturating_sub(jiff::Span::new().days(14)).max(covered).min(last);
        let sessions = project.calendars.sessions(&calendar, from, last)?;
        let start = sessions.partition_point(|session| session.date < first);
        let (Some(session), Some(before)) = (sessions.get(start), start.checked_sub(1)) else {
            return Ok(());
        };
        let before = sessions[before].date;
        if panel.from <= before {
            return Ok(());
        }
        let what = format!(
            "the panel begins on {}, but the change over {} starts at the close before {}",
            panel.from, self.period, session.date
        );
        Err(self
            .report
            .origin
            .refuse(at!["panel", "from"], what)
            .hint(format!("write `from: {before}` or an earlier date, or name a later period with --period"))
            .into())
    }

    /// Loads what the report's study and panel need.
    pub fn data(&self, project: &Project, inputs: &Inputs) -> Result<Dataset> {
        let instruments = instruments(&self.report, &self.instances, project);
        let required = required(&self.report);
        let records = needs(&self.report, &self.instances, project)?;
        shockbrief_data::load(&Request {
            data_dir: &inputs.data,
            store: inputs.holding.at(self.as_of)?,
            sources: &project.sources,
            instruments: &instruments,
            calendars: &project.calendars,
            from: self.from(project)?,
            as_of: self.as_of,
            // Of all kinds, robustness alone compares with factor models.
            factors: self.instances.iter().any(|instance| instance.kind == "robustness"),
            // Rates where a letter adds up holdings in several currencies.
            fx: self.report.client.is_some() && instruments.iter().any(foreign),
            shares: self.report.study.is_some(),
            records: &records,
            required: &required,
        })
        .with_context(|| format!("{}: loading", self.report.origin.path.display()))
    }

    /// The first date needed: by the panel, and far enough before day 0 for the estimation window.
    fn from(&self, project: &Project) -> Result<Date> {
        let panel = self.report.panel.iter().map(|panel| panel.from.min(self.as_of));
        let study = self.report.study.iter().map(|study| self.study_start(project, study));
        let declared = self.declared_start(project).map(|date| Ok(date.min(self.as_of)));
        let firsts = panel.map(Ok).chain(study).chain(declared).collect::<Result<Vec<Date>>>()?;
        Ok(firsts.into_iter().min().unwrap_or(self.as_of))
    }

    fn study_start(&self, project: &Project, study: &Study) -> Result<Date> {
        let events = project.events_of(self)?;
        let Some(event) = events.events.get(&study.event) else {
            return Ok(self.as_of); // the study itself refuses an unknown event, with its line
        };
        // The ordinary sessions that its tests and claims are held against lie before the estimation window.
        let rows = study.estimation[0].unsigned_abs() as usize + MARGIN + DAYS + APART;
        let day = jiff::tz::TimeZone::UTC.to_datetime(event.instant).date();
        let span = jiff::Span::new().days(i64::try_from(rows * 2 + 30)?);
        let calendar = Mic::from(self.report.schedule.calendar.as_str());
        let first = day.checked_sub(span)?.max(project.calendars.get(&calendar)?.covered_from());
        let sessions = project.calendars.sessions(&calendar, first, day)?;
        Ok(sessions[sessions.len().saturating_sub(rows)].date)
    }

    /// The first date that declared figures, tables and charts look at.
    fn declared_start(&self, project: &Project) -> Option<Date> {
        let house = project.lookup(&self.report);
        let first = |when: &When, last: u32| -> Option<Date> {
            let day = match &when.base {
                Base::Date(date) => *date,
                Base::Event(id) => {
                    let pinned = self.report.study.as_ref().map(|study| &study.event);
                    let event = project.events.events.get(id.as_ref().or(pinned)?);
                    let instant = event.map(|event| event.instant);
                    instant
                        .map_or(self.period.first_date(), |at| jiff::tz::TimeZone::UTC.to_datetime(at).date())
                }
                Base::Period(Edge::First) => self.period.first_date(),
                Base::Period(Edge::Last) | Base::AsOf => self.as_of,
                Base::Year => self.as_of.first_of_year(),
            };
            let back = i64::from(when.sessions.min(0).unsigned_abs()) + i64::from(last);
            day.checked_sub(jiff::Span::new().days(back * 2 + CLOSED)).ok()
        };
        let today = When { base: Base::AsOf, sessions: 0 };
        let sections = self.instances.iter().map(|instance| shockbrief_sections::needs(instance, &house));
        sections
            .flat_map(|needs| {
                let back = (needs.last > 0).then(|| today.clone());
                let last = needs.last;
                needs
                    .from
                    .into_iter()
                    .chain(back)
                    .filter_map(move |when| first(&when, last))
                    .collect::<Vec<_>>()
            })
            .min()
    }

    /// Sessions of the exchanges whose day 0 is listed.
    pub fn exchanges(&self, project: &Project) -> Result<BTreeMap<Mic, Vec<Session>>> {
        let from = self.from(project)?;
        let listed = self.report.study.iter().flat_map(|study| &study.exchanges);
        listed.map(|mic| Ok((mic.clone(), project.calendars.sessions(mic, from, self.as_of)?))).collect()
    }
}

/// Whether prices are in another currency than the house's letters.
fn foreign(instrument: &Instrument) -> bool {
    !matches!(instrument.currency.as_str(), "USD" | "PTS")
}

/// The instruments of a report's study and panel, and of what its sections declare.
pub fn instruments(report: &Report, instances: &[Instance], project: &Project) -> Vec<Instrument> {
    let mut wanted = required(report);
    let house = project.lookup(report);
    wanted.extend(instances.iter().flat_map(|instance| shockbrief_sections::needs(instance, &house).symbols));
    if let Some(panel) = &report.panel {
        wanted.extend(panel.sample.iter().chain(&panel.regions).cloned());
    }
    let known = project.universe.instruments.iter();
    known.filter(|instrument| wanted.contains(&instrument.symbol)).cloned().collect()
}

/// What a report cannot do without: the names of its study, the benchmark of its panel.
fn required(report: &Report) -> BTreeSet<Symbol> {
    let study = report
        .study
        .iter()
        .flat_map(|study| study.sample.iter().chain([&study.benchmark, &study.source]).chain(&study.abroad));
    let panel = report.panel.iter().map(|panel| &panel.benchmark);
    study.chain(panel).cloned().collect()
}

fn last_session(project: &Project, report: &Report, period: Period) -> Result<Date> {
    let calendar = Mic::from(report.schedule.calendar.as_str());
    let sessions = project.calendars.sessions(&calendar, period.first_date(), period.last_date());
    let sessions = sessions.with_context(|| format!("{}: period {period}", report.origin.path.display()))?;
    sessions.last().map(|session| session.date).ok_or_else(|| {
        Refusal::data(format!("{calendar} has no session in {period}"))
            .hint("name a period with sessions")
            .into()
    })
}

/// Record sources that the report's sections read.
fn needs(report: &Report, instances: &[Instance], project: &Project) -> Result<BTreeSet<String>> {
    let house = project.lookup(report);
    let declared = |id: &str| project.sources.sources.iter().any(|source| source.id == id);
    let mut records = BTreeSet::new();
    for instance in instances {
        match shockbrief_sections::method(instance)? {
            Method::Once(section) => {
                let wanted = section.wants.iter().filter(|id| declared(id));
                records.extend(section.needs.iter().chain(wanted).map(|id| (*id).to_owned()));
            }
            Method::Kind(kind) => {
                let needs = kind.needs(instance)?;
                records.extend(needs.wants.into_iter().filter(|id| declared(id)));
                records.extend(needs.records);
            }
        }
        records.extend(shockbrief_sections::needs(instance, &house).records);
    }
    Ok(records)
}
