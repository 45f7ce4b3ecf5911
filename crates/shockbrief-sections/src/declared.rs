//! What authors declare: figures, tables and charts of a section, made from named courses and other figures.
//!
//! All of it is made after the sections have computed, since it may build on their figures; what it builds on is
//! made first. Every fault of a brief is told in one message, each with its file and line.

mod charts;
pub mod check;
mod figures;
mod tables;

use crate::{Desk, series::Courses};
use anyhow::Result;
use shockbrief_core::{Figure, Findings, Refusal, Refusals, config::section::Instance, expr::Names};
use std::collections::BTreeSet;

/// Adds what the sections of a brief declare to its findings.
///
/// # Errors
/// A figure that points at one that does not exist, a circle of figures, arithmetic without sense.
pub fn add(desk: &Desk<'_>, instances: &[Instance], findings: &mut Findings) -> Result<()> {
    let work = Work::new(desk, instances);
    let mut faults = Vec::new();
    work.figures(findings, &mut faults);
    for instance in work.present(findings) {
        for (name, spec) in instance.spec.tables.iter() {
            work.table(instance, name, spec, findings, &mut faults);
        }
        for (name, spec) in instance.spec.charts.iter() {
            work.chart(instance, name, spec, findings, &mut faults);
        }
    }
    told(faults)
}

/// All faults together.
fn told(faults: Vec<Refusal>) -> Result<()> {
    let mut refusals = Refusals::default();
    faults.into_iter().for_each(|fault| refusals.push(fault));
    refusals.finish()
}

/// What making needs.
struct Work<'a> {
    desk: &'a Desk<'a>,
    instances: &'a [Instance],
    courses: Courses<'a>,
    facts: BTreeSet<String>,
    shown: BTreeSet<String>,
}

impl<'a> Work<'a> {
    fn new(desk: &'a Desk<'a>, instances: &'a [Instance]) -> Self {
        let facts = desk.facts.all().map(|(id, _)| id.to_owned()).collect();
        let shown = desk.report.sections.iter().cloned().collect();
        Self { desk, instances, courses: Courses::new(desk), facts, shown }
    }

    /// Sections that have something to say.
    fn present(&self, findings: &Findings) -> Vec<&'a Instance> {
        self.instances.iter().filter(|instance| !findings.absent.contains_key(&instance.id)).collect()
    }

    fn names<'b>(&'b self, findings: &'b Findings, within: &'b str) -> Names<'b> {
        Names {
            findings,
            facts: &self.facts,
            sections: &self.shown,
            shown: &self.shown,
            within: Some(within),
        }
    }
}

/// The full id of a figure named in a section: one that begins with a dot is the section's own.
fn full(id: &str, instance: &Instance) -> String {
    match id.strip_prefix('.') {
        Some(local) => format!("{}.{local}", instance.id),
        None => id.to_owned(),
    }
}

/// A figure named by a table or chart: its id where it is there. Where a section has nothing to say its figures are
/// not there, and a cell stays empty; else an id that is not there is a fault.
fn existing(
    id: &str,
    instance: &Instance,
    findings: &Findings,
    faults: &mut Vec<Refusal>,
    part: &str,
) -> Option<String> {
    let id = full(id, instance);
    if findings.figures.contains_key(&id) {
        return Some(id);
    }
    if findings.absent.is_empty() {
        let near = shockbrief_core::nearest::nearest(&id, findings.figures.keys().map(String::as_str));
        let refusal =
            instance.origin.refuse(&format!("{part}:"), format!("`{part}`: there is no figure `{id}`"));
        faults.push(refusal.hint(near.map_or_else(String::new, |near| format!("the nearest is `{near}`"))));
    }
    None
}

/// A figure that could not be made stands with its reason.
fn add_figure(findings: &mut Findings, figure: Figure) -> String {
    let id = figure.id.clone();
    findings.figures.insert(id.clone(), figure);
    id
}
