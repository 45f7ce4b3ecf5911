//! The sections of a brief: each computes its findings and says how they are laid out.
//!
//! A section is one file here, one template beside it and one line in [`SECTIONS`]; its prose lives in the
//! report's folder. Sections read no file and start no process.

mod contagion;
mod context;
mod method;
mod reaction;
mod recovery;
mod regions;
mod summary;
mod tabulate;
mod themes;

pub use context::Context;

use anyhow::{Context as _, Result};
use shockbrief_core::{Findings, Refusal, config::Report};

/// One section.
pub struct Section {
    /// Its id in `report.yaml`.
    pub id: &'static str,
    /// Computes its findings.
    pub analyse: fn(&Context<'_>, &mut Findings) -> Result<()>,
    /// File name of its layout, for messages.
    pub template_name: &'static str,
    /// Its layout: a minijinja template of Typst source.
    pub template: &'static str,
}

macro_rules! section {
    ($id:literal, $module:ident) => {
        Section {
            id: $id,
            analyse: $module::analyse,
            template_name: concat!(stringify!($module), ".typ.j2"),
            template: include_str!(concat!(stringify!($module), ".typ.j2")),
        }
    };
}

/// Every section that a report can name.
pub static SECTIONS: &[Section] = &[
    section!("summary", summary),
    section!("reaction", reaction),
    section!("themes", themes),
    section!("recovery", recovery),
    section!("contagion", contagion),
    section!("regions", regions),
    section!("method", method),
];

/// The sections of a report, in its order.
///
/// # Errors
/// When the report names a section that does not exist.
pub fn of_report(report: &Report) -> Result<Vec<&'static Section>> {
    report
        .sections
        .iter()
        .map(|id| {
            SECTIONS.iter().find(|section| section.id == id).ok_or_else(|| {
                let known = SECTIONS.iter().map(|section| section.id).collect::<Vec<_>>().join(", ");
                report
                    .origin
                    .refuse(id, format!("unknown section `{id}`"))
                    .hint(format!("use one of: {known}"))
                    .into()
            })
        })
        .collect()
}

/// Computes all findings of a report.
///
/// # Errors
/// A section that lacks the data it cannot do without; the error names the section.
pub fn analyse(context: &Context<'_>) -> Result<Findings> {
    let mut findings = Findings::default();
    context.describe(&mut findings);
    for section in of_report(context.report)? {
        (section.analyse)(context, &mut findings)
            .with_context(|| format!("{}: section `{}`", context.report.origin.path.display(), section.id))?;
    }
    Ok(findings)
}

/// A symbol that the study needs and the data does not hold.
pub(crate) fn absent(symbol: &shockbrief_core::Symbol) -> Refusal {
    Refusal::data(format!("no prices of {symbol} in the data folder"))
        .hint("check config/sources.yaml and the files' symbols, or take the symbol out of the report")
}
