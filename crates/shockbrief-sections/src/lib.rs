//! The sections of a brief: each computes its findings and says how they are laid out.
//!
//! A section is one file here, one template beside it and one line in [`SECTIONS`]; its prose lives in the
//! report's folder. Sections read no file and start no process.

mod architecture;
mod beyond;
mod broadening;
mod buying;
mod capex;
mod changes;
mod contagion;
mod context;
mod controls;
mod data;
mod dated;
mod demand;
mod efficiency;
mod holdings;
mod market;
mod method;
mod outlook;
mod panel;
mod positioning;
mod reaction;
mod recovery;
mod regions;
mod rest;
mod shock;
pub mod shock_days;

mod shocks;
mod silicon;
mod stress;
mod summary;
mod tabulate;
mod themes;
mod trend;
mod trials;

pub use context::{Context, Desk};
pub use shock::Shock;
pub use trials::{Trials, calibrate, trials};

use anyhow::{Context as _, Result};
use shockbrief_core::{Findings, Refusal, config::Report};

/// What became of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its findings are there.
    Ready,
    /// It has nothing to say for this period; the string of this key says why, in place of the section.
    Absent(&'static str),
}

/// One section.
pub struct Section {
    /// Its id in `report.yaml`.
    pub id: &'static str,
    /// Record sources that it reads, by id.
    pub needs: &'static [&'static str],
    /// Computes its findings.
    pub analyse: fn(&Context<'_>, &mut Findings) -> Result<Outcome>,
    /// File name of its layout, for messages.
    pub template_name: &'static str,
    /// Its layout: a minijinja template of Typst source.
    pub template: &'static str,
    /// Whether its findings differ from one portfolio of the report to the next.
    pub by_portfolio: bool,
}

impl Section {
    const fn by_portfolio(mut self) -> Self {
        self.by_portfolio = true;
        self
    }
}

macro_rules! section {
    ($id:literal, $module:ident, $analyse:expr) => {
        section!($id, $module, $analyse, needs: [])
    };
    ($id:literal, $module:ident, needs: [$($need:literal),*]) => {
        section!($id, $module, $module::analyse, needs: [$($need),*])
    };
    ($id:literal, $module:ident, $analyse:expr, needs: [$($need:literal),*]) => {
        Section {
            id: $id,
            needs: &[$($need),*],
            analyse: $analyse,
            template_name: concat!(stringify!($module), ".typ.j2"),
            template: include_str!(concat!(stringify!($module), ".typ.j2")),
            by_portfolio: false,
        }
    };
    ($id:literal, $module:ident) => {
        section!($id, $module, $module::analyse)
    };
}

/// A section on the report's shock; absent from a report without event study.
macro_rules! shock_section {
    ($id:literal, $module:ident) => {
        section!(
            $id,
            $module,
            |context, findings| match &context.shock {
                Some(shock) => $module::analyse(shock, findings).map(|()| Outcome::Ready),
                None => Ok(Outcome::Absent("absent.no-shock")),
            },
            needs: ["benchmark-panel"]
        )
    };
}

/// Every section that a report can name.
pub static SECTIONS: &[Section] = &[
    section!("summary", summary),
    shock_section!("reaction", reaction),
    shock_section!("themes", themes),
    shock_section!("recovery", recovery),
    shock_section!("contagion", contagion),
    shock_section!("regions", regions),
    section!("market", market),
    section!("positioning", positioning),
    section!("buying-opportunity", buying),
    section!("broadening", broadening),
    section!("beyond-us", beyond),
    section!("holdings", holdings).by_portfolio(),
    section!("stress", stress).by_portfolio(),
    section!("changes", changes),
    section!("outlook", outlook),
    section!("cost-efficiency", efficiency, needs: ["list-prices", "arena-scores"]),
    section!("architecture", architecture),
    section!("compute-demand", demand, needs: ["training-compute"]),
    section!("capex", capex, needs: ["capex-quarterly"]),
    section!("export-controls", controls, needs: ["export-rules", "chip-specifications"]),
    section!("custom-silicon", silicon),
    shock_section!("method", method),
    section!("data", data),
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
    for_portfolio(context, &shared(context)?.0)
}

/// Computes the findings that are the same for every portfolio of a report, and what could refute claims on its study.
///
/// # Errors
/// As [`analyse`].
pub fn shared(context: &Context<'_>) -> Result<(Findings, Option<Trials>)> {
    let mut findings = Findings::default();
    context.describe(&mut findings);
    add(context, &mut findings, |section| !section.by_portfolio && section.id != CHANGES)?;
    let trials = trials(context);
    if let (Some(shock), Some(trials)) = (&context.shock, &trials) {
        calibrate(shock, trials, &mut findings);
    }
    Ok((findings, trials))
}

/// Completes shared findings with those of the report's portfolio.
///
/// # Errors
/// As [`analyse`].
pub fn for_portfolio(context: &Context<'_>, shared: &Findings) -> Result<Findings> {
    let mut findings = shared.clone();
    add(context, &mut findings, |section| section.by_portfolio)?;
    // What compares figures with an earlier issue needs them all, wherever the reader meets it.
    add(context, &mut findings, |section| section.id == CHANGES)?;
    Ok(findings)
}

/// The section that compares with an earlier issue.
const CHANGES: &str = "changes";

fn add(context: &Context<'_>, findings: &mut Findings, wanted: impl Fn(&Section) -> bool) -> Result<()> {
    let report = context.desk.report;
    for section in of_report(report)?.into_iter().filter(|section| wanted(section)) {
        let outcome = (section.analyse)(context, findings)
            .with_context(|| format!("{}: section `{}`", report.origin.path.display(), section.id))?;
        if let Outcome::Absent(reason) = outcome {
            findings.absent.insert(section.id.to_owned(), reason.to_owned());
        }
    }
    Ok(())
}

/// A symbol that the study needs and the data does not hold.
pub(crate) fn absent(symbol: &shockbrief_core::Symbol) -> Refusal {
    Refusal::data(format!("no prices of {symbol} in the data folder"))
        .hint("check config/sources.yaml and the files' symbols, or take the symbol out of the report")
}
