//! `check`: everything but typesetting.

use crate::{analyse::Analysed, args::Check, load::Project, render::places, say};
use anyhow::Result;
use shockbrief_core::Verdict;

/// Checks each report and lists its claims with their values.
pub fn run(args: &Check) -> Result<()> {
    let project = Project::load(&args.inputs.config)?;
    let (places, mut failures) = places(&args.reports);
    if let Some(failure) = failures.pop() {
        return Err(failure);
    }
    for folder in &places {
        let analysed = Analysed::new(&project, folder, &args.inputs)?;
        let composed = analysed.compose(&project, &analysed.issue.report.languages)?;
        if args.json {
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
        }
    }
    Ok(())
}
