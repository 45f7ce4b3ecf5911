//! `diff`: what changed between two briefs, by cause.

use crate::{args::Diff, line, say};
use anyhow::{Context, Result};
use shockbrief_core::{
    Brief, Value,
    diff::{Cause, Change, diff},
    fs,
};
use std::path::Path;

/// Prints the difference as a listing or as JSON.
pub fn run(args: &Diff) -> Result<()> {
    let found = diff(&read(&args.before)?, &read(&args.after)?);
    if args.json {
        say(serde_json::to_string_pretty(&found)?);
        return Ok(());
    }
    for path in &found.revised {
        say(line(&format!("revised: {path}")));
    }
    for cause in Cause::ALL {
        let changes: Vec<&Change> = found.changes.iter().filter(|change| change.cause == cause).collect();
        if !changes.is_empty() {
            say(format_args!("{} ({})", title(cause), changes.len()));
        }
        for Change { figure, before, after, .. } in changes {
            say(line(&format!("  {figure}: {} -> {}", text(*before), text(*after))));
        }
    }
    say(format_args!("the same ({})", found.same));
    Ok(())
}

fn read(path: &Path) -> Result<Brief> {
    serde_json::from_str(&fs::read_text(path)?)
        .with_context(|| format!("{} is no brief.json of this version", path.display()))
}

fn title(cause: Cause) -> &'static str {
    match cause {
        Cause::Market => "moved with the market",
        Cause::RevisedData => "moved by revised data",
        Cause::Method => "moved by method or configuration",
        Cause::New => "new",
        Cause::Gone => "gone",
    }
}

fn text(value: Option<Value>) -> String {
    match value {
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Date(date)) => date.to_string(),
        None => "none".to_owned(),
    }
}
