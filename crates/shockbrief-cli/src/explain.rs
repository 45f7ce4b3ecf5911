//! `explain`: where a figure comes from, of a brief that is out or of a report as it stands.

use crate::{analyse::Analysed, args::Explain, line, load::Project, say};
use anyhow::{Context, Result};
use shockbrief_core::{Brief, Figure, Refusal, Value, fs};

/// Prints a figure with its origin.
pub fn run(args: &Explain) -> Result<()> {
    let brief = brief(args)?;
    let figure = brief.findings.figures.get(&args.figure).ok_or_else(|| unknown(&brief, args))?;
    say(describe(figure));
    let files = brief.files(&args.figure);
    for input in brief.inputs.iter().filter(|input| files.contains(input.path.as_str())) {
        say(line(&format!("  read: {} (sha256 {})", input.path, input.sha256)));
    }
    if files.is_empty() {
        say(line("  read: no data file; configuration and facts alone"));
    }
    Ok(())
}

/// The twin that was published, or the one that the report would have now.
fn brief(args: &Explain) -> Result<Brief> {
    if args.brief.is_dir() {
        let project = Project::load(&args.inputs.config)?;
        let analysed = Analysed::new(&project, &args.brief, &args.inputs)?;
        let composed = analysed.compose(&project, &analysed.issue.report.languages)?;
        return analysed.brief(&composed);
    }
    serde_json::from_str(&fs::read_text(&args.brief)?)
        .with_context(|| format!("{} is no brief.json of this version", args.brief.display()))
}

fn describe(figure: &Figure) -> String {
    let value = match (&figure.value, &figure.reason) {
        (Some(Value::Number(number)), _) => number.to_string(),
        (Some(Value::Date(date)), _) => date.to_string(),
        (None, reason) => format!("none: {}", reason.as_deref().unwrap_or("no reason given")),
    };
    let mut lines =
        vec![format!("{} = {value}", figure.id), format!("  unit: {:?}", figure.unit).to_lowercase()];
    let mut push =
        |name: &str, text: Option<String>| lines.extend(text.map(|text| format!("  {name}: {text}")));
    push("currency", figure.currency.clone());
    push("statistic", Some(figure.statistic.clone()));
    push("firms", figure.firms.map(|n| n.to_string()));
    push("observations", figure.n.map(|n| n.to_string()));
    push("degrees of freedom", (!figure.df.is_empty()).then(|| format!("{:?}", figure.df)));
    push("standard error", figure.se.map(|se| se.to_string()));
    push("p", figure.p.map(|p| p.to_string()));
    push("inputs", Some(figure.inputs.join(", ")));
    push("dates", figure.span.map(|(first, last)| format!("{first} to {last}")));
    push("as of", Some(figure.as_of.to_string()));
    lines.iter().map(|text| line(text)).collect::<Vec<_>>().join("\n")
}

fn unknown(brief: &Brief, args: &Explain) -> Refusal {
    let stem = args.figure.split('.').next().unwrap_or_default();
    let near: Vec<&str> = brief
        .findings
        .figures
        .keys()
        .filter(|id| id.split('.').next() == Some(stem))
        .map(String::as_str)
        .take(12)
        .collect();
    let hint = if near.is_empty() {
        "`shockbrief list figures REPORT` lists them".to_owned()
    } else {
        format!("there are: {}", near.join(", "))
    };
    Refusal::config(format!("{}: no figure `{}`", args.brief.display(), args.figure)).hint(hint)
}
