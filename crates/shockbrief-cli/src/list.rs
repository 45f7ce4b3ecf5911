//! `list`: what briefs can be made of.

use crate::{
    args::{List, Listed},
    say,
};
use anyhow::Result;
use shockbrief_sections::KINDS;

/// Prints each kind with its parameters and their defaults.
pub fn run(args: &List) -> Result<()> {
    match args.what {
        Listed::Kinds => kinds(),
    }
    Ok(())
}

fn kinds() {
    for kind in KINDS {
        say(format_args!("{}: {}", kind.name(), kind.about()));
        for parameter in kind.parameters() {
            let told = match (&parameter.default, parameter.form) {
                (_, Some(form)) => format!("required, such as {form}"),
                (Some(value), None) if !value.is_null() => format!("default {value}"),
                _ => "default none".to_owned(),
            };
            say(format_args!("  {}: {told}", parameter.name));
        }
    }
}
