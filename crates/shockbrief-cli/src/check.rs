//! `check`: everything but typesetting; without a report, the quality of the data.

mod data;
mod trials;

use crate::{
    analyse::Analysed,
    args::{Check, CheckFormat},
    load::Project,
    render::places,
    say,
};
use anyhow::Result;
use shockbrief_core::{
    Mic, Refusal, Refusals, Verdict,
    config::{Events, House, Report, Universe, bind},
};
use shockbrief_data::Calendars;
use std::path::{Path, PathBuf};

/// Checks each report and lists its claims with their values; all faults of all reports are told together.
pub fn run(args: &Check) -> Result<()> {
    let outcome = checked(args);
    if args.format == CheckFormat::Json {
        let faults = outcome.as_ref().err().map(Refusals::behind).unwrap_or_default();
        say(serde_json::to_string_pretty(&faults.into_iter().map(fault).collect::<Vec<_>>())?);
    }
    outcome
}

/// A fault as editors take it: file, line and column where they are known, message, next step, exit code.
fn fault(refusal: &Refusal) -> serde_json::Value {
    let at = refusal.located();
    serde_json::json!({
        "file": at.file, "line": at.line, "column": at.column, "message": at.what,
        "hint": refusal.hint, "exit_code": refusal.class.exit_code(),
    })
}

fn checked(args: &Check) -> Result<()> {
    let folders = folders(args);
    if folders.is_empty() {
        return data::run(&Project::load(&args.inputs.config)?, args);
    }
    let (places, failures) = places(&folders);
    let mut faults = Refusals::default();
    let project = faults.keep(Project::load(&args.inputs.config));
    failures.iter().for_each(|failure| faults.absorb(failure));
    let Some(project) = project else {
        let there = |place: &&PathBuf| place.is_file() || place.join("report.yaml").is_file();
        for place in places.iter().filter(there) {
            if let Some(report) = faults.keep(Report::load(place)) {
                without_house(&args.inputs.config, &report, &mut faults);
            }
        }
        return faults.finish();
    };
    let mut only = None;
    for folder in &places {
        if let Err(error) = report(&project, folder, args) {
            faults.absorb(&error);
            only = Some(error);
        }
    }
    // A single failure keeps its causes.
    match only.filter(|_| places.len() == 1 && failures.is_empty()) {
        Some(error) => Err(error),
        None => faults.finish(),
    }
}

/// What is wrong with the ids of a report, as far as what can be read of a broken house tells.
fn without_house(config: &Path, report: &Report, faults: &mut Refusals) {
    let universe = Universe::load(&config.join("universe.yaml"));
    let events = Events::load(&config.join("events.yaml"));
    let calendars = Calendars::load(&config.join("calendars"));
    let (Ok(universe), Ok(events), Ok(calendars)) = (universe, events, calendars) else { return };
    let mut sections: Vec<&str> = shockbrief_sections::built_in();
    // What a report declares itself, and what the house's folders declare, is bound once these can be read.
    sections.extend(report.sections.iter().map(String::as_str));
    let exchanges: Vec<&str> = calendars.mics().map(Mic::as_str).collect();
    let house = House { universe: &universe, events: &events, sections: &sections, exchanges: &exchanges };
    bind(report, &house).iter().for_each(|fault| faults.push(fault.clone()));
}

fn report(project: &Project, folder: &Path, args: &Check) -> Result<()> {
    let analysed = Analysed::new(project, folder, &args.inputs)?;
    let composed = analysed.compose(project, &analysed.issue.report.languages)?;
    if args.format == CheckFormat::Json {
        return Ok(());
    }
    if args.format == CheckFormat::Trials {
        return trials::table(&analysed, &composed);
    }
    if args.json.is_some() {
        say(serde_json::to_string_pretty(&analysed.brief(&composed)?)?);
        return Ok(());
    }
    say(format_args!(
        "{} {}, as of {}",
        analysed.issue.report.slug, analysed.issue.period, analysed.issue.as_of
    ));
    for outcome in &composed.claims {
        let verdict = match outcome.checked.verdict {
            Verdict::Passed => "passed",
            Verdict::Replaced => "replaced",
            Verdict::Missing => "missing",
        };
        let values: Vec<String> = outcome
            .values
            .iter()
            .map(|(id, value)| format!("{id} = {}", value.map_or("none".to_owned(), |v| v.to_string())))
            .collect();
        say(format_args!("  claim {}: {verdict} ({})", outcome.checked.id, values.join(", ")));
    }
    analysed.left_out().into_iter().for_each(|told| say(format_args!("  {told}")));
    for notice in &analysed.data.notices {
        say(format_args!("  {}: {} ({} rows, {})", notice.guard, notice.symbol, notice.rows, notice.path));
        if !notice.detail.is_empty() {
            say(format_args!("    {}", notice.detail));
        }
    }
    Ok(())
}

/// The reports named; `--json FOLDER` names one too, since `--json` needs no file of its own there.
fn folders(args: &Check) -> Vec<PathBuf> {
    let after_json = args.json.iter().flatten().filter(|path| path.join("report.yaml").is_file());
    after_json.chain(&args.folders).cloned().collect()
}
