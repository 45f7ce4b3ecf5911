//! `check`: everything but typesetting; without a report, the quality of the data.

mod data;

use crate::{analyse::Analysed, args::Check, load::Project, render::places, say};
use anyhow::Result;
use shockbrief_core::Verdict;
use std::path::PathBuf;

/// Checks each report and lists its claims with their values.
pub fn run(args: &Check) -> Result<()> {
    let project = Project::load(&args.inputs.config)?;
    let folders = folders(args);
    if folders.is_empty() {
        return data::run(&project, args);
    }
    let (places, mut failures) = places(&folders);
    if let Some(failure) = failures.pop() {
        return Err(failure);
    }
    for folder in &places {
        let analysed = Analysed::new(&project, folder, &args.inputs)?;
        let composed = analysed.compose(&project, &analysed.issue.report.languages)?;
        if args.json.is_some() {
            say(serde_json::to_string_pretty(&analysed.brief(&composed)?)?);
            continue;
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
        for notice in &analysed.data.notices {
            say(format_args!(
                "  {}: {} ({} rows, {})",
                notice.guard, notice.symbol, notice.rows, notice.path
            ));
            if !notice.detail.is_empty() {
                say(format_args!("    {}", notice.detail));
            }
        }
    }
    Ok(())
}

/// The reports named; `--json FOLDER` names one too, since `--json` needs no file of its own there.
fn folders(args: &Check) -> Vec<PathBuf> {
    let after_json = args.json.iter().flatten().filter(|path| path.join("report.yaml").is_file());
    after_json.chain(&args.folders).cloned().collect()
}
