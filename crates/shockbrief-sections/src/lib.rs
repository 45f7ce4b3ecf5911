//! The sections of a brief: each computes its findings and says how they are laid out.
//!
//! A section is one file here, one template beside it and one line in [`SECTIONS`]; its prose lives in the
//! report's folder. Sections read no file and start no process.

mod changes;
mod contagion;
mod context;
mod controls;
mod data;
mod dated;
mod declared;
mod diversification;
mod efficiency;
mod forward;
mod holdings;
mod kept;
mod kind;
mod market;
mod method;
mod pair;
mod panel;
mod positioning;
mod quarterly;
mod reaction;
mod record_trend;
mod recovery;
mod regions;
mod rest;
mod robustness;
mod rotation;
mod series;
mod shock;
pub mod shock_days;

mod shocks;
mod stress;
mod summary;
mod tabulate;
mod text;
mod themes;
mod trend;
mod trials;

pub use context::{Context, Desk};
pub use declared::check::{Lookup, Needs, check, names, needs, phrases, strings};
pub use kept::{Bundle, Keep};
pub use kind::{AnyKind, Parameter, Phrase};
pub use shock::Shock;
pub use trials::{Asked, Trials, calibrate, trials};

use anyhow::{Context as _, Result};
use shockbrief_core::{Findings, Refusal, config::section::Instance};

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
    /// Record sources that it reads where the desk declares them.
    pub wants: &'static [&'static str],
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

    const fn wanting(mut self, records: &'static [&'static str]) -> Self {
        self.wants = records;
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
            wants: &[],
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

/// A section on the report's shock; absent from a report without event study. On a desk without a panel of other companies
/// the study has one benchmark, and its figures say why.
macro_rules! shock_section {
    ($id:literal, $module:ident) => {
        section!($id, $module, |context, findings| match &context.shock {
            Some(shock) => $module::analyse(shock, findings).map(|()| Outcome::Ready),
            None => Ok(Outcome::Absent("absent.no-shock")),
        })
        .wanting(&[rest::SOURCE])
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
    section!("holdings", holdings).by_portfolio(),
    section!("stress", stress).by_portfolio(),
    section!("changes", changes),
    section!("cost-efficiency", efficiency, needs: ["list-prices", "arena-scores"]),
    section!("export-controls", controls, needs: ["export-rules", "chip-specifications"]),
    shock_section!("method", method),
    section!("data", data),
];

/// Kinds that take parameters and can stand several times in a brief.
pub static KINDS: &[&dyn AnyKind] = &[
    &kind::Of::<text::Text>::new(),
    &kind::Of::<forward::ForwardReturns>::new(),
    &kind::Of::<quarterly::Quarterly>::new(),
    &kind::Of::<pair::PairAtEvents>::new(),
    &kind::Of::<positioning::Positioning>::new(),
    &kind::Of::<robustness::Robustness>::new(),
    &kind::Of::<record_trend::RecordTrend>::new(),
    &kind::Of::<rotation::Rotation>::new(),
    &kind::Of::<diversification::Diversification>::new(),
];

/// What computes a section of a report.
#[derive(Clone, Copy)]
pub enum Method {
    /// A section that stands once, under its own id.
    Once(&'static Section),
    /// A kind with parameters.
    Kind(&'static dyn AnyKind),
}

impl Method {
    /// Whether its findings differ from one portfolio of the report to the next.
    #[must_use]
    pub fn by_portfolio(self) -> bool {
        matches!(self, Self::Once(section) if section.by_portfolio)
    }

    fn compares(self) -> bool {
        matches!(self, Self::Once(section) if section.id == CHANGES)
    }
}

/// Ids of the sections that need no folder, and so are known without being declared.
#[must_use]
pub fn built_in() -> Vec<&'static str> {
    SECTIONS.iter().map(|section| section.id).collect()
}

/// What computes a section.
///
/// # Errors
/// A kind that does not exist, or one that stands once and is asked for under another id.
pub fn method(instance: &Instance) -> Result<Method, Refusal> {
    if let Some(kind) = KINDS.iter().find(|kind| kind.name() == instance.kind) {
        return Ok(Method::Kind(*kind));
    }
    let Some(section) = SECTIONS.iter().find(|section| section.id == instance.kind) else {
        let known = KINDS.iter().map(|kind| kind.name()).chain(built_in());
        let near = shockbrief_core::nearest::nearest(&instance.kind, known);
        let refusal = instance.origin.refuse("kind:", format!("there is no kind `{}`", instance.kind));
        return Err(refusal.hint(near.map_or_else(String::new, |near| format!("the nearest is `{near}`"))));
    };
    if section.id != instance.id {
        let message = format!("section `{}` stands once, under its own id", section.id);
        return Err(instance
            .origin
            .refuse(&instance.id, message)
            .hint("take out `id`; kinds with parameters can stand several times"));
    }
    if instance.spec.with.is_some() {
        let refusal = instance.with.refuse("with:", format!("section `{}` takes no parameters", section.id));
        return Err(refusal.hint("take out `with`"));
    }
    Ok(Method::Once(section))
}

/// Computes all findings of a report.
///
/// # Errors
/// A section that lacks the data it cannot do without; the error names the section.
pub fn analyse(context: &Context<'_>) -> Result<Findings> {
    for_portfolio(context, &shared(context, &Asked::default(), None)?.0)
}

/// Computes the findings that are the same for every portfolio of a report, and what could refute claims on its study.
///
/// # Errors
/// As [`analyse`].
pub fn shared(
    context: &Context<'_>,
    asked: &Asked,
    keep: Option<&dyn Keep>,
) -> Result<(Findings, Option<Trials>)> {
    let mut findings = Findings::default();
    context.describe(&mut findings);
    add(context, &mut findings, |_, method| !method.by_portfolio() && !method.compares())?;
    let trials = trials(context, asked, keep);
    if let (Some(shock), Some(trials)) = (&context.shock, &trials) {
        calibrate(shock, trials, &mut findings);
    }
    Ok((findings, trials))
}

/// Completes shared findings with those of the report's portfolio, and with what its sections declare.
///
/// # Errors
/// As [`analyse`].
pub fn for_portfolio(context: &Context<'_>, shared: &Findings) -> Result<Findings> {
    let mut findings = shared.clone();
    add(context, &mut findings, |_, method| method.by_portfolio())?;
    declared::add(&context.desk, context.desk.instances, &mut findings)?;
    // What compares figures with an earlier issue needs them all, wherever the reader meets it.
    add(context, &mut findings, |_, method| method.compares())?;
    Ok(findings)
}

/// The section that compares with an earlier issue.
const CHANGES: &str = "changes";

fn add(
    context: &Context<'_>,
    findings: &mut Findings,
    wanted: impl Fn(&Instance, Method) -> bool,
) -> Result<()> {
    for instance in context.desk.instances {
        let method = method(instance)?;
        if !wanted(instance, method) {
            continue;
        }
        let outcome = match method {
            Method::Once(section) => (section.analyse)(context, findings),
            Method::Kind(kind) => kind.analyse(instance, context, findings),
        };
        let place = || format!("{}: section `{}`", context.desk.report.origin.path.display(), instance.id);
        if let Outcome::Absent(reason) = outcome.with_context(place)? {
            let own = instance.spec.absent.as_ref().map(|_| format!("absent.{}", instance.id));
            findings.absent.insert(instance.id.clone(), own.unwrap_or_else(|| reason.to_owned()));
        }
    }
    Ok(())
}

/// A symbol that the study needs and the data does not hold.
pub(crate) fn absent(symbol: &shockbrief_core::Symbol) -> Refusal {
    Refusal::data(format!("no prices of {symbol} in the data folder"))
        .hint("check config/sources.yaml and the files' symbols, or take the symbol out of the report")
}
