//! `detect`: shock days of a panel, and how the list fares against dated events.

use crate::{
    args::{Detect, DetectFormat, DetectModel, Inputs},
    load::Project,
    say,
};
use anyhow::Result;
use clap::ValueEnum;
use jiff::civil::Date;
use serde::Serialize;
use shockbrief_analytics::detection::Settings;
use shockbrief_core::{
    Dataset, Refusal, Symbol,
    config::{Instrument, Report},
    fs,
};
use shockbrief_data::Request;
use shockbrief_sections::shock_days::{Finding, Normal, ShockDay, Validation, shock_days, validate};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// Sessions on either side of an event's day 0 that count as a hit.
const TOLERANCE: usize = 1;

#[derive(Serialize)]
struct Output<'a> {
    symbols: &'a [Symbol],
    model: Option<String>,
    benchmark: Option<&'a Symbol>,
    from: Date,
    to: Date,
    settings: Settings,
    sessions: usize,
    /// First session with a group z.
    judged_from: Option<Date>,
    shock_days: Vec<&'a ShockDay>,
    #[serde(skip_serializing_if = "Option::is_none")]
    validation: Option<Validation>,
}

/// Loads the panel, scores its days and prints those that are shocks.
pub fn run(args: &Detect) -> Result<()> {
    let project = Project::load(&args.config)?;
    let symbols: Vec<Symbol> = args.symbols.iter().map(|symbol| symbol.trim().into()).collect();
    let benchmark = Symbol::from(args.benchmark.as_str());
    let normal = match args.model {
        DetectModel::None => Normal::Zero,
        DetectModel::MarketAdjusted => Normal::MarketAdjusted(&benchmark),
        DetectModel::MarketModel => Normal::MarketModel(&benchmark),
    };
    let benchmark = (normal != Normal::Zero).then_some(&benchmark);
    let data = load(args, &project, &symbols, benchmark)?;
    let settings = Settings::default();
    let days = shock_days(&data, &symbols, normal, settings)?;
    let days: Vec<ShockDay> =
        days.into_iter().filter(|day| day.date >= args.from && day.date <= args.to).collect();
    let validation = match (args.validate, data.find(&symbols[0])) {
        (true, Some((home, _))) => Some(validate(&days, &project.events, home, TOLERANCE)),
        _ => None,
    };
    let output = Output {
        symbols: &symbols,
        model: args.model.to_possible_value().map(|value| value.get_name().to_owned()),
        benchmark,
        from: args.from,
        to: args.to,
        settings,
        sessions: days.len(),
        judged_from: days.iter().find(|day| day.judged()).map(|day| day.date),
        shock_days: days.iter().filter(|day| day.shock).collect(),
        validation,
    };
    let text = match args.format {
        DetectFormat::Json => serde_json::to_string_pretty(&output)? + "\n",
        DetectFormat::Csv => csv(&output),
        DetectFormat::Table => table(&output),
    };
    match &args.out {
        Some(path) => fs::write_atomic(path, text.as_bytes()),
        None => {
            say(text.trim_end());
            Ok(())
        }
    }
}

/// Prices of the panel from far enough before the first day that every score can be had on it: the market
/// model, the correlation and the quantile each look back over one window.
fn load(args: &Detect, project: &Project, symbols: &[Symbol], benchmark: Option<&Symbol>) -> Result<Dataset> {
    if args.from > args.to {
        return Err(Refusal::config(format!("--from {} is after --to {}", args.from, args.to))
            .hint("exchange the two dates")
            .into());
    }
    if symbols.iter().collect::<BTreeSet<_>>().len() < symbols.len() {
        return Err(Refusal::config("--symbols names the same symbol twice")
            .hint("name each symbol once")
            .into());
    }
    let required: BTreeSet<Symbol> = symbols.iter().chain(benchmark).cloned().collect();
    let instruments = required
        .iter()
        .map(|symbol| {
            project.universe.get(symbol).cloned().ok_or_else(|| {
                Refusal::config(format!("unknown symbol `{symbol}`"))
                    .hint("add it to config/universe.yaml or correct its spelling")
            })
        })
        .collect::<Result<Vec<Instrument>, Refusal>>()?;
    let windows = 3 * Settings::default().window;
    // Seven calendar days hold five sessions; the rest is room for holidays.
    let span = jiff::Span::new().days(i64::try_from(windows * 7 / 5 + 45)?);
    let mut from = args.from.saturating_sub(span);
    for instrument in &instruments {
        from = from.max(project.calendars.get(&instrument.exchange)?.covered_from()).min(args.from);
    }
    shockbrief_data::load(&Request {
        data_dir: &args.data,
        store: args.holding.at(args.to)?,
        sources: &project.sources,
        instruments: &instruments,
        calendars: &project.calendars,
        from,
        as_of: args.to,
        factors: false,
        fx: false,
        shares: false,
        records: &BTreeSet::new(),
        required: &required,
    })
}

/// Whether a session was a shock for the names of a report's panel, net of each name's market model.
///
/// # Errors
/// A report without panel, data that cannot be read or have not come for this session, or a history too short to judge
/// it: of such a session nobody may say that it was quiet.
pub fn shock_on(project: &Project, folder: &Path, inputs: &Inputs, day: Date) -> Result<bool> {
    let report = Report::load(folder)?;
    let Some(panel) = &report.panel else {
        return Err(report
            .origin
            .refuse("every: on-shock", "a report on shocks names no panel to search for them")
            .hint("add `panel:` with benchmark and sample, or pin the period of the one event")
            .into());
    };
    let args = Detect {
        data: inputs.data.clone(),
        config: inputs.config.clone(),
        holding: inputs.holding.clone(),
        symbols: panel.sample.iter().map(ToString::to_string).collect(),
        from: day,
        to: day,
        model: DetectModel::MarketModel,
        benchmark: panel.benchmark.to_string(),
        format: DetectFormat::Table,
        validate: false,
        out: None,
    };
    let data = load(&args, project, &panel.sample, Some(&panel.benchmark))?;
    crate::late::check(&data, &panel.benchmark, day)?;
    // As the briefs judge: a fall of the whole market is no shock to these names.
    let normal = Normal::MarketModel(&panel.benchmark);
    let days = shock_days(&data, &panel.sample, normal, Settings::default())?;
    match days.iter().find(|found| found.date == day) {
        Some(found) if found.shock || found.judged() => Ok(found.shock),
        _ => Err(Refusal::data(format!(
            "{}: {day} cannot be judged: too few names have prices without gap over the {} sessions before",
            report.origin.path.display(),
            Settings::default().window
        ))
        .hint("complete the prices (`check --data` lists the gaps), or begin the report later")
        .into()),
    }
}

fn near(output: &Output<'_>) -> BTreeMap<Date, String> {
    let events = output.validation.iter().flat_map(|validation| &validation.events);
    let mut near: BTreeMap<Date, String> = BTreeMap::new();
    for (date, id) in events.flat_map(|(id, event)| event.days.iter().map(move |date| (*date, id))) {
        near.entry(date)
            .and_modify(|ids| {
                ids.push(' ');
                ids.push_str(id.as_str());
            })
            .or_insert_with(|| id.to_string());
    }
    near
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(String::new, |value| format!("{value:.digits$}"))
}

fn names(day: &ShockDay) -> String {
    day.names.iter().map(Symbol::as_str).collect::<Vec<_>>().join(" ")
}

/// One row per shock day; with `--validate`, also the events near it.
fn csv(output: &Output<'_>) -> String {
    let near = near(output);
    let mut text =
        "date,group_z,dispersion_score,turbulence,turbulence_threshold,firms,names,events\n".to_owned();
    for day in &output.shock_days {
        let full = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
        text.push_str(&format!(
            "{},{},{},{},{},{},{},{}\n",
            day.date,
            full(day.group_z),
            full(day.dispersion_score),
            full(day.turbulence),
            full(day.turbulence_threshold),
            day.firms,
            names(day),
            near.get(&day.date).map_or("", String::as_str)
        ));
    }
    text
}

fn table(output: &Output<'_>) -> String {
    let model = output.model.as_deref().unwrap_or_default().replace('-', " ");
    let net =
        output.benchmark.map_or("returns as they stand".to_owned(), |symbol| format!("{model} on {symbol}"));
    let judged = output.judged_from.map_or("no session".to_owned(), |date| format!("sessions from {date}"));
    let mut lines = vec![
        format!(
            "{} shock days in {} sessions, {} to {}, {} names, {net}; {judged} judged",
            output.shock_days.len(),
            output.sessions,
            output.from,
            output.to,
            output.symbols.len()
        ),
        format!(
            "{:<10} {:>8} {:>10} {:>10} {:>9}  {:<7} names past their threshold",
            "date", "group z", "dispersion", "turbulence", "(limit)", "n of N"
        ),
    ];
    let near = near(output);
    for day in &output.shock_days {
        let event = near.get(&day.date).map(|ids| format!("  [{ids}]")).unwrap_or_default();
        lines.push(format!(
            "{} {:>8} {:>10} {:>10} {:>9}  {:<7} {}{event}",
            day.date,
            number(day.group_z, 2),
            number(day.dispersion_score, 2),
            number(day.turbulence, 1),
            number(day.turbulence_threshold, 1),
            format!("{} of {}", day.names.len(), day.firms),
            names(day),
        ));
    }
    if let Some(validation) = &output.validation {
        lines.extend(score(validation));
    }
    lines.join("\n") + "\n"
}

fn score(validation: &Validation) -> Vec<String> {
    let share =
        |value: Option<f64>| value.map_or("none".to_owned(), |value| format!("{:.0}%", value * 100.0));
    let mut lines = vec![format!(
        "\nagainst dated events, within {} session: {} hit, {} missed; recall {}, precision {}, {} days near no event",
        validation.tolerance,
        validation.hits,
        validation.misses,
        share(validation.recall),
        share(validation.precision),
        validation.unlisted.len()
    )];
    for year in &validation.years {
        lines.push(format!(
            "  {}: {} of {} events hit (recall {}), {} shock days, {} near no event (precision {})",
            year.year,
            year.hits,
            year.hits + year.misses,
            share(year.recall),
            year.shocks,
            year.unlisted,
            share(year.precision)
        ));
    }
    let mut events: Vec<_> = validation.events.iter().collect();
    events.sort_by_key(|(_, event)| event.day0);
    for (id, event) in events {
        let finding = match event.finding {
            Finding::Hit => "hit",
            Finding::Missed => "missed",
            Finding::OutsidePeriod => "outside the period",
            Finding::NotJudged => "not judged, history too short",
        };
        let days: Vec<String> = event.days.iter().map(ToString::to_string).collect();
        let day0 = event.day0.map_or("-".to_owned(), |date| date.to_string());
        lines.push(
            format!("  {day0:<10} {:<24} {finding:<30} {}", id.as_str(), days.join(" "))
                .trim_end()
                .to_owned(),
        );
    }
    lines
}
