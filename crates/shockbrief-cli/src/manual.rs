//! `completions` and `man`: what a shell and `man` know of the command, made from the command line itself.

use crate::{
    args::{Cli, Completions, Man},
    say,
};
use anyhow::Result;
use clap::CommandFactory;
use shockbrief_core::fs::write_atomic;

/// The command's name.
const NAME: &str = "shockbrief";

/// Prints a shell's completions.
pub fn completions(args: &Completions) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), NAME, &mut script);
    say(String::from_utf8(script)?.trim_end());
    Ok(())
}

/// Prints the page of the command, or writes a page for each of its commands.
pub fn pages(args: &Man) -> Result<()> {
    let Some(folder) = &args.folder else {
        say(String::from_utf8(page(Cli::command())?)?.trim_end());
        return Ok(());
    };
    let mut main = Cli::command();
    // Names of commands below it become `shockbrief-render`, as their pages are called.
    main.build();
    let below: Vec<clap::Command> =
        main.get_subcommands().filter(|one| one.get_name() != "help").cloned().collect();
    for command in std::iter::once(main).chain(below) {
        let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
        let path = folder.join(format!("{name}.1"));
        write_atomic(&path, &page(command)?)?;
        say(path.display());
    }
    Ok(())
}

fn page(command: clap::Command) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command).render(&mut text)?;
    Ok(text)
}
