//! `sample`: writes the reconstruction.

use crate::{args::Sample, load::Project, say};
use anyhow::{Context, Result};
use shockbrief_core::{Mic, fs};
use shockbrief_sample::{Parameters, generate};
use std::collections::BTreeMap;

/// Makes the files and prints the folder.
pub fn run(args: &Sample) -> Result<()> {
    let project = Project::load(&args.config)?;
    let parameters = Parameters::load(&args.config.join("sample.yaml"))?;
    let event = project
        .events
        .events
        .get(&parameters.event)
        .with_context(|| format!("config/events.yaml has no `{}`", parameters.event))?;
    let sessions = project
        .calendars
        .mics()
        .map(|mic| Ok((mic.clone(), project.calendars.sessions(mic, parameters.from, parameters.as_of)?)))
        .collect::<Result<BTreeMap<Mic, _>>>()?;
    for file in generate(&parameters, &project.universe, &sessions, event.instant, args.seed)? {
        fs::write_atomic(&args.out.join(file.name), file.text.as_bytes())?;
    }
    say(args.out.display());
    Ok(())
}
