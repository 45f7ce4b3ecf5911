//! `--version`: this program, and with `--verbose` what its briefs depend on.

use crate::say;
use shockbrief_core::brief::SCHEMA;
use shockbrief_templating::{Typst, typst::VERSION};
use std::path::Path;

/// Object stores beside S3 that this build reads.
const FEATURES: [(&str, bool); 2] =
    [("google", cfg!(feature = "google")), ("azure", cfg!(feature = "azure"))];

/// Prints the version, and more where it is asked for.
pub fn say_all(verbose: bool) {
    say(format_args!("shockbrief {}", env!("CARGO_PKG_VERSION")));
    if !verbose {
        return;
    }
    match Typst::locate(None, Path::new(".")) {
        Ok(typst) => say(format_args!("typst {VERSION}, {}", typst.path().display())),
        Err(error) => say(format_args!("typst {VERSION} is wanted: {error}")),
    }
    say(format_args!("brief.json and manifest.json: schema {SCHEMA}"));
    let built: Vec<&str> = FEATURES.iter().filter(|(_, on)| *on).map(|(name, _)| *name).collect();
    let built = if built.is_empty() { "none".to_owned() } else { built.join(", ") };
    let others: Vec<&str> = FEATURES.iter().filter(|(_, on)| !*on).map(|(name, _)| *name).collect();
    let others =
        if others.is_empty() { String::new() } else { format!(" (left out: {})", others.join(", ")) };
    say(format_args!("features: {built}{others}"));
}
