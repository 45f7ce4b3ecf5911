//! What `run` has to make: reports, their schedules and the ledger, before any data is read.

use crate::{
    args::{CatchUp, Run},
    render,
};
use anyhow::{Context, Result};
use jiff::{Timestamp, tz::TimeZone};
use shockbrief_core::{
    Mic, Period, Refusal, Session,
    config::{Frequency, Report},
};
use shockbrief_data::Calendars;
use shockbrief_run::{
    due::{self, Ready},
    ledger::Ledger,
    shard::Shard,
};
use std::{collections::BTreeSet, path::PathBuf};

/// A brief to make.
#[derive(Debug, Clone)]
pub struct Item {
    /// The report's folder, or the file of its portfolio.
    pub folder: PathBuf,
    /// The report's slug.
    pub slug: String,
    /// The period; the report's own where it pins one.
    pub period: Period,
    /// Whether the report pins the period and its as-of date.
    pub pinned: bool,
    /// Whether a shock must be found before there is a brief.
    pub on_shock: bool,
    /// Whether data are fetched first.
    pub fetch: bool,
    /// Why it is due, for people.
    pub why: String,
}

/// The reports of a run with their calendars.
pub struct Planner {
    reports: Vec<Report>,
    calendars: Calendars,
    /// Why some reports cannot be read.
    unreadable: Vec<anyhow::Error>,
}

/// What is due, and why some reports cannot be planned.
pub struct Plan {
    /// Briefs to make.
    pub items: Vec<Item>,
    /// Calendars that end, and the like.
    pub refused: Vec<anyhow::Error>,
}

impl Planner {
    /// Reads the reports that the arguments name and that this shard holds.
    pub fn load(args: &Run, shard: Option<Shard>) -> Result<Self> {
        let mut planner = Self {
            reports: Vec::new(),
            calendars: Calendars::load(&args.config.join("calendars"))?,
            unreadable: Vec::new(),
        };
        let (places, refused) = render::places(&folders(&args.reports)?);
        planner.unreadable = refused;
        for place in places {
            match Report::load(&place) {
                Ok(report) if shard.is_none_or(|shard| shard.holds(&report.slug)) => {
                    planner.reports.push(report)
                }
                Ok(_) => {}
                Err(error) => planner.unreadable.push(error),
            }
        }
        Ok(planner)
    }

    /// The reports.
    pub fn reports(&self) -> &[Report] {
        &self.reports
    }

    /// Reports that could not be read; told once, at the end.
    pub fn unreadable(&mut self) -> Vec<anyhow::Error> {
        std::mem::take(&mut self.unreadable)
    }

    /// What is due at this instant. A report whose calendar ends is refused; the others are planned.
    pub fn due(&self, args: &Run, ledger: &Ledger, now: Timestamp) -> Plan {
        let mut plan = Plan { items: Vec::new(), refused: Vec::new() };
        for report in &self.reports {
            match report_due(report, &self.calendars, args, ledger, now) {
                Ok(found) => plan.items.extend(found),
                Err(error) => plan.refused.push(error),
            }
        }
        plan
    }
}

fn report_due(
    report: &Report,
    calendars: &Calendars,
    args: &Run,
    ledger: &Ledger,
    now: Timestamp,
) -> Result<Vec<Item>> {
    let schedule = &report.schedule;
    let zone = zone(report)?;
    let pinned = pinned(report)?;
    let (mut settled, published) = (ledger.settled(&report.slug), ledger.published(&report.slug));
    let last = settled.last().copied();
    let since = pinned.or(last).map(Period::first_date);
    let (from, to) =
        due::span(schedule, now, since.filter(|date| *date <= TimeZone::UTC.to_datetime(now).date()));
    let mic = Mic::from(schedule.calendar.as_str());
    let calendar = calendars.get(&mic)?;
    let sessions = calendar
        .sessions(from.max(calendar.covered_from()), to)
        .with_context(|| format!("{}: schedule", report.origin.path.display()))?;
    let ready = due::ready(schedule, &zone, &sessions, now);
    // Of an older period a newer one takes the place.
    let gone = gone(args, report, &settled, &published)
        .filter(|gone| pinned == Some(*gone) || ready.last().is_some_and(|last| last.period == *gone));
    settled.retain(|period| Some(*period) != gone);
    let again = args.force || args.revise;
    // A pinned as-of date lies after the shock: before it is over, its data cannot be known.
    let known = report.as_of.is_none_or(|date| TimeZone::UTC.to_datetime(now).date() > date);
    let wanted = match pinned {
        Some(period) => {
            let own = ready.iter().filter(|ready| ready.period == period);
            own.filter(|_| known && (again || !settled.contains(&period))).copied().collect()
        }
        None if again => ready.last().copied().into_iter().collect(),
        None => due::due(&ready, &settled, args.catch_up.into(), &zone, now),
    };
    let on_shock = schedule.every == Frequency::OnShock && pinned.is_none();
    let wanted = if on_shock && args.catch_up != CatchUp::None {
        due::with_open(&ready, &ledger.open(&report.slug), wanted)
    } else {
        wanted
    };
    let cooling = |ready: &Ready| on_shock && cooling(&sessions, &published, ready, schedule.cooldown);
    Ok(wanted
        .into_iter()
        .filter(|ready| !cooling(ready))
        .map(|ready| {
            let before = match published.contains(&ready.period) {
                true if gone == Some(ready.period) => "published before, but its folder was removed",
                true => "published before",
                false => "not yet published",
            };
            item(report, ready, pinned.is_some(), on_shock, before)
        })
        .collect())
}

/// The last period, where it is published and its folder is there no more: the ledger alone does not settle it.
fn gone(
    args: &Run,
    report: &Report,
    settled: &BTreeSet<Period>,
    published: &BTreeSet<Period>,
) -> Option<Period> {
    let last = settled.last().copied().filter(|period| published.contains(period))?;
    let folder = args.out.join(&report.slug).join(last.to_string());
    (!folder.join("manifest.json").is_file()).then_some(last)
}

fn cooling(sessions: &[Session], published: &BTreeSet<Period>, ready: &Ready, cooldown: usize) -> bool {
    let last =
        published.iter().rev().map(|period| period.first_date()).find(|date| *date < ready.last_session);
    due::cooling_down(sessions, last, ready.last_session, cooldown)
}

fn item(report: &Report, ready: Ready, pinned: bool, on_shock: bool, before: &str) -> Item {
    Item {
        folder: report.client.as_ref().map_or(&report.folder, |client| &client.path).clone(),
        slug: report.slug.clone(),
        period: ready.period,
        pinned,
        on_shock,
        fetch: report.schedule.fetch.is_some(),
        why: format!("ready since {}, {before}", ready.since),
    }
}

/// The zone of the schedule.
pub fn zone(report: &Report) -> Result<TimeZone> {
    let name = &report.schedule.timezone;
    TimeZone::get(name).map_err(|_| {
        let refusal = report.origin.refuse("timezone", format!("unknown time zone `{name}`"));
        refusal.hint("write an IANA name, such as Europe/Paris").into()
    })
}

/// A report on one event is due for its own period alone.
fn pinned(report: &Report) -> Result<Option<Period>> {
    Ok(report.pinned().map(|name| name.parse::<Period>()).transpose()?)
}

/// Folders with a report.yaml that the patterns name, each once, in order.
pub fn folders(patterns: &[String]) -> Result<Vec<PathBuf>> {
    let mut found = BTreeSet::new();
    for pattern in patterns {
        let paths = glob::glob(pattern).map_err(|error| {
            Refusal::config(format!("--reports {pattern}: {error}"))
                .hint("write a pattern such as 'reports/*'")
        })?;
        for path in paths {
            let path = path?;
            if path.join("report.yaml").is_file() {
                found.insert(path);
            }
        }
    }
    if found.is_empty() {
        return Err(Refusal::config(format!("no report under {}", patterns.join(" ")))
            .hint("name folders that hold a report.yaml with --reports 'reports/*'")
            .into());
    }
    Ok(found.into_iter().collect())
}
