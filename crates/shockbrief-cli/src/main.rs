//! The `shockbrief` command: parses, dispatches, and turns errors into messages and exit codes.

mod analyse;
mod archive;
mod args;
mod check;
mod deliver;
mod desk;
mod detect;
mod diff;
mod doctor;
mod explain;
mod fetch;
mod kept;
mod late;
mod list;
mod load;
mod manual;
mod over;
mod plan;
mod progress;
mod publish;
mod reference;
mod refute;
mod render;
mod robust;
mod run;
mod sample;
mod schedule;
mod schema;
mod stat;
mod study;
mod study_table;
mod verify;
mod version;
mod watch;
mod wording;

use anyhow::Error;
use args::{Cli, Command};
use clap::Parser;
use shockbrief_core::{Class, Refusal, Refusals};
use std::{
    any::Any,
    io::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    sync::OnceLock,
};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == shockbrief_templating::typst::GUARD) {
        // Returns only where Typst cannot be started.
        let error = shockbrief_templating::typst::guard(arguments);
        tell(format!("cannot be started: {error}"));
        return ExitCode::from(127);
    }
    let line = Cli::parse();
    let Some(command) = line.command else {
        version::say_all(line.verbose);
        return answered().map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS);
    };
    if let Some(config) = command.config() {
        shockbrief_core::house::install(desk::HOUSE, &config);
    }
    // What these print are places of files that are out; of all others the answer is what is printed.
    let answers = !matches!(command, Command::Render(_) | Command::Run(_));
    let outcome = match command {
        Command::Init(args) => desk::init(&args),
        Command::New(args) => desk::new(&args),
        Command::Eject(args) => desk::eject(&args),
        Command::Render(args) => render::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Schedule(args) => schedule::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Archive(args) => archive::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Fetch(args) => fetch::run(&args),
        Command::Sample(args) => sample::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Study(args) => study::run(&args),
        Command::Stat(args) => stat::run(&args),
        Command::List(args) => list::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Reference(args) => reference::run(&args),
        Command::Detect(args) => detect::run(&args),
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::pages(&args),
    };
    let outcome = outcome.and_then(|()| if answers { answered() } else { Ok(()) });
    outcome.map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS)
}

/// Tells an error and gives its code.
fn failed(error: &Error) -> ExitCode {
    // A run has told of its failures already.
    if error.downcast_ref::<run::Ended>().is_none() {
        complain(error);
    }
    ExitCode::from(exit_code(error))
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
    if let Some(run::Ended(code)) = error.downcast_ref() {
        return *code;
    }
    if error.downcast_ref::<SomeFailed>().is_some() {
        return 3;
    }
    refusal(error).map_or(1, |refusal| refusal.class.exit_code())
}

/// The refusal behind an error.
pub fn refusal(error: &Error) -> Option<&Refusal> {
    Refusals::behind(error).into_iter().next()
}

/// What to do about an error: the refusal's own word, or what the machine's error suggests.
pub fn next_step(error: &Error) -> Option<String> {
    use std::io::ErrorKind;
    if let Some(hint) = refusal(error).and_then(|refusal| refusal.hint.clone()) {
        return Some(hint);
    }
    if error.is::<SomeFailed>() || error.is::<run::Stopped>() {
        return None;
    }
    let machine = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    let step = match machine?.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            "free space, or raise the quota, then run again"
        }
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
            "allow this user to write there, or name another place"
        }
        ErrorKind::NotFound => "put the file there, or name the place where it is",
        _ => "look after the file or connection named, then run again",
    };
    Some(step.to_owned())
}

/// An error with its causes, then the next step.
pub fn described(error: &Error) -> String {
    let many = Refusals::behind(error);
    if many.len() > 1 {
        let told: Vec<String> = many.iter().map(|refusal| one(refusal)).collect();
        return tame(&format!("{}{} faults\n", told.concat(), many.len()));
    }
    let mut text = format!("error: {error}\n");
    for cause in error.chain().skip(1) {
        text.push_str(&format!("caused by: {cause}\n"));
    }
    many.iter().for_each(|refusal| text.push_str(&excerpt(refusal)));
    if let Some(hint) = next_step(error) {
        text.push_str(&format!("hint: {hint}\n"));
    }
    tame(&text)
}

/// One refusal of several: message, the line itself, the next step.
fn one(refusal: &Refusal) -> String {
    let hint = refusal.hint.as_ref().map_or(String::new(), |hint| format!("hint: {hint}\n"));
    format!("error: {refusal}\n{}{hint}\n", excerpt(refusal))
}

/// The line of a file that its author writes, with the place marked below it.
fn excerpt(refusal: &Refusal) -> String {
    const WIDEST: usize = 160;
    let at = refusal.located();
    let written = |file: &&str| [".yaml", ".j2"].iter().any(|ending| file.ends_with(ending));
    let (Some(file), Some(line), Some(column)) = (at.file.filter(written), at.line, at.column) else {
        return String::new();
    };
    let text = shockbrief_core::fs::read_text(std::path::Path::new(file)).unwrap_or_default();
    let Some(shown) = text.lines().nth(line - 1).filter(|shown| shown.chars().count() <= WIDEST) else {
        return String::new();
    };
    format!("{line:>5} | {shown}\n      | {}^\n", " ".repeat(column.saturating_sub(1)))
}

/// Text that may hold what a file held: no control character reaches a terminal, and no line is endless.
fn tame(text: &str) -> String {
    const LONGEST: usize = 4000;
    let turns = |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut out = String::with_capacity(text.len().min(LONGEST));
    for line in text.lines() {
        for c in line.chars().take(LONGEST) {
            if c.is_control() || turns(c) {
                out.extend(c.escape_unicode());
            } else {
                out.push(c);
            }
        }
        if line.chars().nth(LONGEST).is_some() {
            out.push('…');
        }
        out.push('\n');
    }
    out
}

/// Prints an error with its causes, then the next step.
pub fn complain(error: &Error) {
    // Nobody is left to tell when standard error is closed.
    progress::aside(|| drop(std::io::stderr().write_all(described(error).as_bytes())));
}

/// Prints a line on standard error.
pub fn tell(line: impl std::fmt::Display) {
    let line = printable(&line.to_string());
    progress::aside(|| drop(writeln!(std::io::stderr(), "{line}")));
}

/// Why a line could not be printed, the first time.
static UNSAID: OnceLock<std::io::Error> = OnceLock::new();

/// Prints a line, without codes that would speak to a terminal. A reader that has gone away is no error; another failure
/// is told at the end.
pub fn say(line: impl std::fmt::Display) {
    let line = printable(&line.to_string());
    progress::aside(|| keep(writeln!(std::io::stdout(), "{line}")));
}

/// Text whose control characters, line ends and tabs aside, are written out.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\n' && c != '\t' {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

fn keep(said: std::io::Result<()>) {
    if let Err(error) = said
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        let _ = UNSAID.set(error);
    }
}

/// Refuses to end well with an answer that was lost on its way.
fn answered() -> anyhow::Result<()> {
    keep(std::io::stdout().flush());
    match UNSAID.get() {
        None => Ok(()),
        Some(error) => {
            Err(Refusal::new(Class::Unforeseen, format!("the answer could not be printed: {error}"))
                .hint("make room where standard output goes, or choose another place, then ask again")
                .into())
        }
    }
}

/// One line of text that may come from a file of somebody else: no code speaks to the terminal, no line is forged.
pub fn line(text: &str) -> String {
    tame(&text.replace('\n', "\u{240a}")).trim_end_matches('\n').to_owned()
}

/// Does a piece of work whose crash must stop no other.
pub fn safely<T>(work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|cause| Err(crashed(cause.as_ref()).into()))
}

/// A fault of the program in one brief.
fn crashed(cause: &(dyn Any + Send)) -> Refusal {
    let text = cause.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| cause.downcast_ref::<&str>().copied()).unwrap_or("without a word");
    Refusal::new(Class::Unforeseen, format!("making the brief crashed: {text}"))
        .hint("this is a fault of shockbrief; report it with the text above")
}
