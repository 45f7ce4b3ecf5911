//! `schedule`: prints units for cron, systemd and Kubernetes.

use crate::{
    args::{Schedule, Scheduler},
    plan, say,
};
use anyhow::{Context, Result};
use jiff::civil::Time;
use shockbrief_core::{Refusal, config::Report};
use shockbrief_run::schedules::Unit;
use std::path::Path;

/// Prints the unit that serves all reports named.
pub fn run(args: &Schedule) -> Result<()> {
    let reports: Vec<Report> =
        plan::folders(&args.reports)?.iter().map(|folder| Report::load(folder)).collect::<Result<_>>()?;
    let unit = Unit {
        command: absolute(&std::env::current_exe().context("where shockbrief is")?)?,
        folder: absolute(Path::new("."))?,
        data: absolute(&args.data)?,
        out: absolute(&args.out)?,
        timezone: timezone(&reports)?,
        at: at(&reports),
        image: args.image.clone(),
        shards: args.shards.get(),
    };
    let text = match args.print {
        Scheduler::Crontab => unit.crontab(),
        Scheduler::Systemd => unit.systemd(),
        Scheduler::Kubernetes => unit.kubernetes(),
    };
    say(text.trim_end());
    Ok(())
}

/// One unit has one zone.
fn timezone(reports: &[Report]) -> Result<String> {
    let Some(first) = reports.first() else { return Ok("UTC".to_owned()) };
    plan::zone(first)?;
    let name = &first.schedule.timezone;
    match reports.iter().find(|report| report.schedule.timezone != *name) {
        None => Ok(name.clone()),
        Some(other) => Err(Refusal::config(format!(
            "`{}` and `{}` have schedules in different time zones",
            first.slug, other.slug
        ))
        .hint("print one unit for each zone, with --reports")
        .into()),
    }
}

/// The latest `not_before`: at that time everything that became ready overnight can be made.
fn at(reports: &[Report]) -> (i8, i8) {
    let latest = reports.iter().filter_map(|report| report.schedule.not_before).max();
    let at = latest.unwrap_or(Time::constant(7, 0, 0, 0));
    (at.hour(), at.minute())
}

fn absolute(path: &Path) -> Result<String> {
    let path = std::path::absolute(path).with_context(|| format!("the place of {}", path.display()))?;
    Ok(path.display().to_string().trim_end_matches("/.").to_owned())
}
