//! `schedule`: prints units for cron, systemd, Kubernetes and Slurm that start as printed, on a machine whose shell knows
//! nothing.

use crate::{
    args::{Schedule, Scheduler},
    plan, say, tell,
};
use anyhow::{Context, Result};
use shockbrief_core::{
    Refusal,
    config::{Delivery, DeliveryTarget, Report},
    fs::{read_text, write_atomic},
};
use shockbrief_run::schedules::Unit;
use shockbrief_templating::Typst;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Where schedulers look for commands; what else the unit needs comes before.
const PATHS: &str = "/usr/local/bin:/usr/bin:/bin";

/// Prints the unit that serves all reports named.
pub fn run(args: &Schedule) -> Result<()> {
    let unit = unit(args)?;
    let text = match (args.print, &args.add_to) {
        (Scheduler::Crontab, Some(table)) => return add(&unit, table),
        (_, Some(_)) => {
            return Err(Refusal::config("--add-to is for `--print crontab` alone")
                .hint("write what is printed to a file of its own")
                .into());
        }
        (Scheduler::Crontab, None) => unit.crontab(),
        (Scheduler::CronD, None) => unit.cron_d(),
        (Scheduler::Systemd, None) => unit.systemd(),
        (Scheduler::Kubernetes, None) => unit.kubernetes(),
        (Scheduler::Slurm, None) => unit.slurm(),
    };
    say(text.trim_end());
    Ok(())
}

/// Puts the lines into a copy of a user's table, which keeps all else.
fn add(unit: &Unit, table: &Path) -> Result<()> {
    let before = if table.exists() { read_text(table)? } else { String::new() };
    write_atomic(table, unit.merged(&before).as_bytes())?;
    say(format!("{}: now give it to cron with `crontab {}`", table.display(), table.display()));
    Ok(())
}

fn unit(args: &Schedule) -> Result<Unit> {
    let reports: Vec<Report> =
        plan::folders(&args.reports)?.iter().map(|folder| Report::load(folder)).collect::<Result<_>>()?;
    let fetches = reports.iter().any(|report| report.schedule.fetch.is_some());
    let store = args.store.clone().or_else(|| fetches.then(|| PathBuf::from(".store")));
    let command = absolute(&std::env::current_exe().context("where shockbrief is")?)?;
    let typst = typst(args)?;
    Ok(Unit {
        path: search_path(typst.as_deref()),
        command,
        folder: absolute(Path::new("."))?,
        config: absolute(&args.config)?,
        // From the desk's folder, where the unit starts: its own name may hold what a pattern takes for a mark.
        reports: args.reports.clone(),
        data: absolute(&args.data)?,
        out: absolute(&args.out)?,
        store: store.as_deref().map(absolute).transpose()?,
        typst,
        environment: args.env_file.as_deref().map(absolute).transpose()?,
        user: args.user.clone(),
        written: written(args, &reports)?,
        minute: minute(&reports)?,
        image: args.image.clone(),
        shards: args.shards.get(),
    })
}

/// The typst command by its place; where there is none the unit is printed all the same, and this is told.
fn typst(args: &Schedule) -> Result<Option<String>> {
    match Typst::locate(args.typst.as_deref(), Path::new(".")) {
        Ok(typst) => Ok(Some(absolute(typst.path())?)),
        Err(error) if args.typst.is_some() => Err(error),
        Err(error) => {
            tell(format!("warning: the unit does not say where typst is: {error:#}"));
            Ok(None)
        }
    }
}

/// The folder of typst, then the folders that every machine has.
fn search_path(typst: Option<&str>) -> String {
    let own = typst.and_then(|typst| Path::new(typst).parent()).map(|folder| folder.display().to_string());
    let known = |folder: &String| PATHS.split(':').any(|known| known == folder);
    own.filter(|folder| !known(folder)).map_or_else(|| PATHS.to_owned(), |folder| format!("{folder}:{PATHS}"))
}

/// Folders that the reports are delivered to.
fn written(args: &Schedule, reports: &[Report]) -> Result<Vec<String>> {
    let delivery = Delivery::load(&args.config.join("delivery.yaml"))?;
    let mut names: BTreeSet<String> =
        reports.iter().flat_map(|report| report.deliver.iter().cloned()).collect();
    for report in reports.iter().filter(|report| report.for_each.is_some()) {
        for place in Report::places(&report.folder)? {
            names.extend(Report::load(&place)?.deliver);
        }
    }
    let targets = names.iter().filter_map(|name| delivery.targets.get(name));
    let folders = targets.filter_map(|target| match target {
        DeliveryTarget::Folder { folder, .. } => Some(absolute(folder)),
        _ => None,
    });
    folders.collect()
}

/// The minute of the latest `not_before`: what waits for that time of day, in whatever zone, is then made at once.
fn minute(reports: &[Report]) -> Result<i8> {
    for report in reports {
        plan::zone(report)?;
    }
    Ok(reports.iter().filter_map(|report| report.schedule.not_before).max().map_or(0, |time| time.minute()))
}

/// A path that holds from anywhere, without links or steps resolved: a newer version may be put behind a link.
fn absolute(path: &Path) -> Result<String> {
    let path = std::path::absolute(path).with_context(|| format!("the place of {}", path.display()))?;
    Ok(path.display().to_string().trim_end_matches("/.").to_owned())
}
