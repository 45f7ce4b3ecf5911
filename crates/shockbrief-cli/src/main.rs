//! The `shockbrief` command: parses, dispatches, and turns errors into messages and exit codes.

mod analyse;
mod archive;
mod args;
mod check;
mod deliver;
mod detect;
mod diff;
mod explain;
mod fetch;
mod load;
mod plan;
mod publish;
mod render;
mod run;
mod sample;
mod schedule;
mod stat;
mod study;
mod study_table;
mod verify;

use anyhow::Error;
use args::{Cli, Command};
use clap::Parser;
use shockbrief_core::Refusal;
use std::{io::Write, process::ExitCode};

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Render(args) => render::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Schedule(args) => schedule::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Archive(args) => archive::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Fetch(args) => fetch::run(&args),
        Command::Sample(args) => sample::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Study(args) => study::run(&args),
        Command::Stat(args) => stat::run(&args),
        Command::Detect(args) => detect::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::from(exit_code(&error))
        }
    }
}

/// Some briefs failed while others are out; their messages are printed already.
#[derive(Debug, thiserror::Error)]
#[error("{failed} of {total} briefs failed; the others are out")]
pub struct SomeFailed {
    /// How many failed.
    pub failed: usize,
    /// How many were asked for.
    pub total: usize,
}

/// The exit code of an error.
pub fn exit_code(error: &Error) -> u8 {
    if let Some(run::Stopped(signal)) = error.downcast_ref() {
        return 128 + signal;
    }
    if error.downcast_ref::<SomeFailed>().is_some() {
        return 3;
    }
    refusal(error).map_or(1, |refusal| refusal.class.exit_code())
}

/// The refusal behind an error.
pub fn refusal(error: &Error) -> Option<&Refusal> {
    error.chain().find_map(|cause| cause.downcast_ref::<Refusal>())
}

/// Prints an error with its causes, then the next step.
pub fn complain(error: &Error) {
    let mut text = format!("error: {error}\n");
    for cause in error.chain().skip(1) {
        text.push_str(&format!("caused by: {cause}\n"));
    }
    if let Some(hint) = refusal(error).and_then(|refusal| refusal.hint.as_ref()) {
        text.push_str(&format!("hint: {hint}\n"));
    }
    // Nobody is left to tell when standard error is closed.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Prints a line on standard error.
pub fn tell(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Prints a line; a reader that has gone away is no error.
pub fn say(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
