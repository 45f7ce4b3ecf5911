//! `doctor`: what would keep runs from succeeding on this machine, before the night in which it would.
//!
//! Each line is one thing looked at: `ok`, `warning` or `error`, and for the latter two the next step. Nothing is changed
//! but a file made and removed in the output folder, and no key is ever shown.

mod keys;
mod places;

use crate::{args::Doctor, exit_code, load::Project, next_step, plan, refusal, render, run, say};
use anyhow::{Error, Result};
use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};
use shockbrief_core::{
    Class, Dataset, Mic, Refusal,
    config::{Delivery, Instrument, Report},
};
use shockbrief_data::{Request, Stored};
use shockbrief_templating::{Typst, typst::VERSION};
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    path::Path,
};

/// What cron looks for commands in.
const CRON: &str = "/usr/bin:/bin";
/// Days for which calendars should still hold: exchanges print next year's list in autumn.
const AHEAD: i32 = 120;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ok,
    Warning,
    Error,
}

/// One thing looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    state: State,
    about: &'static str,
    text: String,
    next: Option<String>,
}

impl Line {
    fn ok(about: &'static str, text: impl Into<String>) -> Self {
        Self { state: State::Ok, about, text: text.into(), next: None }
    }

    fn warning(about: &'static str, text: impl Into<String>, next: impl Into<String>) -> Self {
        Self { state: State::Warning, about, text: text.into(), next: Some(next.into()) }
    }

    fn error(about: &'static str, text: impl Into<String>, next: impl Into<String>) -> Self {
        Self { state: State::Error, about, text: text.into(), next: Some(next.into()) }
    }

    fn failure(about: &'static str, error: &Error) -> Self {
        let next = next_step(error).unwrap_or_else(|| "see the message".to_owned());
        Self::error(about, format!("{error:#}"), next)
    }
}

/// Looks at everything and prints it; an error among the lines is the command's own.
pub fn run(args: &Doctor) -> Result<()> {
    let now = args.now.unwrap_or_else(run::clock);
    let mut lines = vec![typesetter(args), version()];
    let (project, reports) = configuration(args, &mut lines);
    lines.extend(zones(&reports));
    lines.extend(places::look(args, now));
    match Delivery::load(&args.config.join("delivery.yaml")) {
        Ok(delivery) => lines.extend(keys::look(args, &reports, &delivery)),
        Err(error) => lines.push(Line::failure("delivery", &error)),
    }
    if let Some(project) = &project {
        let today = TimeZone::UTC.to_datetime(now).date();
        lines.extend(calendars(project, &reports, today));
        lines.extend(reach(args, project, &reports, now));
    }
    lines.iter().for_each(print);
    let count = |state| lines.iter().filter(|line| line.state == state).count();
    let (errors, warnings) = (count(State::Error), count(State::Warning));
    say(format!("{} looked at: {errors} errors, {warnings} warnings", lines.len()));
    if errors == 0 {
        return Ok(());
    }
    Err(Refusal::new(Class::Unforeseen, format!("{errors} things would keep runs from succeeding here"))
        .hint("take the next step of each line that begins with `error`, then look again")
        .into())
}

fn print(line: &Line) {
    let state = match line.state {
        State::Ok => "ok",
        State::Warning => "warning",
        State::Error => "error",
    };
    say(format!("{state:<8}{:<10}{}", line.about, line.text.replace('\n', "; ")));
    line.next.iter().for_each(|next| say(format!("{:<18}next: {next}", "")));
}

fn version() -> Line {
    let place = std::env::current_exe()
        .map_or_else(|_| "an unknown place".to_owned(), |path| path.display().to_string());
    Line::ok("version", format!("shockbrief {} at {place}; fonts are built in", env!("CARGO_PKG_VERSION")))
}

/// Whether typst is found, also by a scheduler.
fn typesetter(args: &Doctor) -> Line {
    let explicit = args.typst.as_deref();
    let cron = || Typst::locate_on(explicit, Path::new("."), OsStr::new(CRON));
    let found = if args.as_cron { cron() } else { Typst::locate(explicit, Path::new(".")) };
    match found {
        Err(error) if args.as_cron => Line::error(
            "typst",
            format!("{error:#}"),
            "start runs by a unit that `shockbrief schedule` prints, which names typst, or put it into /usr/bin",
        ),
        Err(error) => Line::failure("typst", &error),
        Ok(typst) if !args.as_cron && cron().is_err() => Line::warning(
            "typst",
            format!("{} is {VERSION}, but cron's own PATH ({CRON}) has none", typst.path().display()),
            "start runs by a unit that `shockbrief schedule` prints: it names the command",
        ),
        Ok(typst) => Line::ok("typst", format!("{} is {VERSION}", typst.path().display())),
    }
}

/// Reads all configuration; what cannot be read is told, and the rest is looked at without it.
fn configuration(args: &Doctor, lines: &mut Vec<Line>) -> (Option<Project>, Vec<Report>) {
    let project = match Project::load(&args.config) {
        Ok(project) => Some(project),
        Err(error) => {
            lines.push(Line::failure("config", &error));
            None
        }
    };
    let mut reports = Vec::new();
    let (places, mut failures) = match plan::folders(&args.reports) {
        Ok(folders) => render::places(&folders),
        Err(error) => (Vec::new(), vec![error]),
    };
    for place in places {
        match Report::load(&place) {
            Ok(report) => reports.push(report),
            Err(error) => failures.push(error),
        }
    }
    lines.extend(failures.iter().map(|error| Line::failure("reports", error)));
    if failures.is_empty() && project.is_some() {
        let folder = args.config.display();
        lines.push(Line::ok("config", format!("{folder} and {} briefs' reports are read", reports.len())));
    }
    (project, reports)
}

/// Time zones of the schedules: a bare machine has none.
fn zones(reports: &[Report]) -> Vec<Line> {
    let names: BTreeSet<&str> = reports.iter().map(|report| report.schedule.timezone.as_str()).collect();
    let lost: Vec<&str> = names.iter().copied().filter(|name| TimeZone::get(name).is_err()).collect();
    if lost.is_empty() {
        return vec![Line::ok("zones", names.into_iter().collect::<Vec<_>>().join(", "))];
    }
    vec![Line::error(
        "zones",
        format!("unknown: {}", lost.join(", ")),
        "install the package tzdata, or correct the names",
    )]
}

/// The instruments of a report; one whose sections cannot be read is told elsewhere.
fn followed(report: &Report, project: &Project) -> Vec<Instrument> {
    crate::load::instruments(report, &project.instances(report).unwrap_or_default(), project)
}

/// How far the calendars of the exchanges in use reach.
fn calendars(project: &Project, reports: &[Report], today: Date) -> Vec<Line> {
    let mut mics: BTreeSet<Mic> = BTreeSet::new();
    for report in reports {
        mics.insert(Mic::from(report.schedule.calendar.as_str()));
        mics.extend(followed(report, project).into_iter().map(|instrument| instrument.exchange));
    }
    let look = |mic: &Mic| match project.calendars.get(mic) {
        Err(refusal) => Line::failure("calendar", &refusal.into()),
        Ok(calendar) => {
            let (end, left) = (calendar.covered_to(), (calendar.covered_to() - today).get_days());
            let next = format!("bring {}/calendars/{mic}.yaml up to date", project.folder.display());
            match left {
                ..0 => Line::error("calendar", format!("{mic} ended on {end}"), next),
                0..AHEAD => Line::warning("calendar", format!("{mic} ends on {end}, in {left} days"), next),
                _ => Line::ok("calendar", format!("{mic} reaches to {end}")),
            }
        }
    };
    mics.iter().map(look).collect()
}

/// The last prices of each source, for the names that the reports follow.
fn reach(args: &Doctor, project: &Project, reports: &[Report], now: Timestamp) -> Vec<Line> {
    let mut wanted = BTreeMap::new();
    for report in reports {
        let own = followed(report, project).into_iter();
        wanted.extend(own.map(|instrument| (instrument.symbol.clone(), instrument)));
    }
    if wanted.is_empty() {
        return Vec::new();
    }
    let instruments: Vec<_> = wanted.into_values().collect();
    match loaded(args, project, &instruments, now) {
        Ok(data) => sources(&data, project),
        Err(error) if exit_code(&error) == Class::Data.exit_code() => vec![Line::failure("data", &error)],
        Err(error) => vec![Line::failure(if refusal(&error).is_some() { "data" } else { "machine" }, &error)],
    }
}

fn loaded(
    args: &Doctor,
    project: &Project,
    instruments: &[shockbrief_core::config::Instrument],
    now: Timestamp,
) -> Result<Dataset> {
    let mut declared = project.sources.clone();
    // How far they reach is what is asked; that they end early must not refuse them.
    declared.guards.stale_sessions = usize::MAX;
    let mut as_of = TimeZone::UTC.to_datetime(now).date();
    let mut from = as_of.saturating_sub(Span::new().months(6));
    for instrument in instruments {
        let calendar = project.calendars.get(&instrument.exchange)?;
        as_of = as_of.min(calendar.covered_to());
        from = from.max(calendar.covered_from());
    }
    shockbrief_data::load(&Request {
        data_dir: &args.data,
        store: args.store.as_deref().map(|folder| Stored { folder, known_by: now }),
        sources: &declared,
        instruments,
        calendars: &project.calendars,
        from: from.min(as_of),
        as_of,
        factors: false,
        fx: false,
        shares: false,
        records: &BTreeSet::new(),
        required: &BTreeSet::new(),
    })
}

/// For each source: names, the last session with a price, and how many sessions that is ago for whom it is longest.
fn sources(data: &Dataset, project: &Project) -> Vec<Line> {
    let mut reached: BTreeMap<&str, (usize, Option<Date>, usize)> = BTreeMap::new();
    for market in data.markets.values() {
        for series in market.series.values() {
            let Some(input) = data.inputs.get(series.input) else { continue };
            let last = series.adjusted.iter().rposition(Option::is_some);
            let behind = last.map_or(market.sessions.len(), |row| market.sessions.len() - 1 - row);
            let date = last.map(|row| market.sessions[row].date);
            let (names, latest, most) = reached.entry(&input.source).or_default();
            (*names, *latest, *most) = (*names + 1, (*latest).max(date), (*most).max(behind));
        }
    }
    if reached.is_empty() {
        let next =
            "name the folder with --data, and the store with --store where sources have `format: store`";
        return vec![Line::error("data", "no source holds a price of the last six months", next)];
    }
    let bound = project.sources.guards.stale_sessions;
    let line = |(source, (names, latest, behind)): (&str, (usize, Option<Date>, usize))| {
        let last = latest.map_or_else(|| "no price".to_owned(), |date| date.to_string());
        let text = format!("{source}: {names} names to {last}, {behind} sessions behind at most");
        if behind > bound {
            return Line::warning(
                "data",
                text,
                "fetch what is new; a brief on data as old as this is refused (4)",
            );
        }
        Line::ok("data", text)
    };
    reached.into_iter().map(line).collect()
}
