//! Robustness: the study's day 0 under several models of the normal return.
//!
//! How large an abnormal return is hangs on what counts as normal. Every specification of
//! [`shockbrief_analytics::specifications`] is fitted to the same companies, and its figures stand under the ids of the study's own
//! with `spec.<specification>.` before them, so that a condition can be asked of each. `range.<id>.least` and `.greatest` say how
//! far a figure moves. Nothing is pooled over specifications, and none is chosen by its result: the headline one is declared.
//!
//! Beside it stand what the tests could have seen ([`effects`]), how rare the day was ([`rarity`]) and whether what was known of the
//! companies before explains who was hit ([`exposed`]).

mod effects;
mod exposed;
mod rarity;
mod record;

use crate::{
    Context, Outcome, Shock,
    declared::check::Needs,
    kind::{Kind, Output},
    rest, tabulate,
};
use anyhow::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shockbrief_analytics::{
    reason::Missing,
    specifications::{Donor, Factors, Setting, Specification, Specified},
};
use shockbrief_core::{
    Cell, Chart, Row, Table,
    findings::{Choice, Mark},
};
use std::sync::Arc;

/// Parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Params {
    /// Specifications, in the order in which they are shown; default all.
    #[serde(default = "all")]
    #[schemars(with = "Vec<Named>")]
    specifications: Vec<Specification>,
    /// The one whose figures the brief quotes first; default `market`, the model of the study.
    #[serde(default = "market")]
    #[schemars(with = "Named")]
    headline: Specification,
}

/// A specification by its name: the analytics know no schemas.
struct Named;

impl JsonSchema for Named {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Specification".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names: Vec<&str> = Specification::ALL.map(Specification::name).into();
        schemars::json_schema!({"type": "string", "description": "A model of the normal return.", "enum": names})
    }
}

fn all() -> Vec<Specification> {
    Specification::ALL.to_vec()
}

fn market() -> Specification {
    Specification::Market
}

/// The kind.
pub struct Robustness;

/// A specification with its fit, or why there is none.
type Fit = (Specification, Result<Specified, String>);

impl Kind for Robustness {
    const NAME: &'static str = "robustness";
    const ABOUT: &'static str =
        "the shock under several models of the normal return, and what the tests could have seen";
    type Params = Params;

    fn check(params: &Params) -> Result<(), String> {
        let list = &params.specifications;
        let twice = (1..list.len()).find(|at| list[..*at].contains(&list[*at]));
        match twice {
            Some(at) => Err(format!("`{}` stands twice among `specifications`", list[at].name())),
            None if !list.contains(&params.headline) => {
                Err(format!("`headline: {}` is none of `specifications`", params.headline.name()))
            }
            None => Ok(()),
        }
    }

    fn needs(_: &Params) -> Needs {
        Needs { wants: [rest::SOURCE.to_owned()].into(), ..Needs::default() }
    }

    fn analyse(params: &Params, context: &Context<'_>, out: &mut Output<'_>) -> Result<Outcome> {
        let Some(shock) = &context.shock else { return Ok(Outcome::Absent("absent.no-shock")) };
        let fits = fitted(shock, &params.specifications)?;
        for (specification, fit) in &fits {
            record::specification(shock, *specification, fit, out);
        }
        record::ranges(shock, &params.specifications, out);
        table(shock, params, out);
        curve(shock, params, out);
        effects::analyse(shock, out);
        rarity::analyse(shock, out);
        exposed::analyse(shock, out);
        Ok(Outcome::Ready)
    }
}

/// The figure of the source's abnormal return.
fn of_source(shock: &Shock<'_>) -> String {
    format!("{}.ar.w0_0", shock.spec.source.slug())
}

/// Fits the specifications to day 0.
fn fitted(shock: &Shock<'_>, list: &[Specification]) -> Result<Vec<Fit>> {
    let spec = shockbrief_analytics::event_study::Spec { window: [0, 0], ..shock.study.spec.clone() };
    let portfolios = shock.held(&shock.firms)?;
    let peers = peers(shock);
    let outsiders = outsiders(shock);
    let named = outsiders.as_deref().unwrap_or_default();
    let donors: Vec<Donor<'_>> = named.iter().map(|(id, returns)| Donor { id, returns }).collect();
    let unknown = Missing::Incomplete { what: "other companies" };
    let purged = shock.against_rest.as_ref().map(|rest| Arc::clone(&rest.rest.returns));
    let setting = Setting {
        firms: &shock.firms,
        portfolios: &portfolios,
        peers: &peers,
        purged: purged.map_err(|_| unknown),
        factors: factors(shock),
        donors: &donors,
        spec: &spec,
    };
    // What the data lack is told in the words of the loading, not in those of the fit.
    let told = |specification: Specification, reason: Missing| match (&shock.against_rest, &outsiders) {
        (Err(why), _) if specification == Specification::Purged => why.clone(),
        (_, Err(why)) if specification.from_donors() => why.clone(),
        _ => reason.to_string(),
    };
    let fits = setting.fit(list).into_iter();
    Ok(fits.map(|(specification, fit)| (specification, fit.map_err(|e| told(specification, e)))).collect())
}

/// For each company, the places of the others of its theme.
fn peers(shock: &Shock<'_>) -> Vec<Vec<usize>> {
    let themes: Vec<String> = shock.firms.iter().map(|firm| shock.group(&firm.id.as_str().into())).collect();
    let others = |own: usize| {
        let same = |other: &usize| *other != own && !themes[own].is_empty() && themes[*other] == themes[own];
        (0..themes.len()).filter(same).collect()
    };
    (0..themes.len()).map(others).collect()
}

/// Names of the panel outside the sample, over the rows of the study.
fn outsiders(shock: &Shock<'_>) -> Result<Vec<rest::Outsider>, String> {
    let row = shock.day0(shock.home).map_err(|error| error.to_string())?;
    let first = row.checked_add_signed(shock.spec.estimation[0] as isize).ok_or("too little history")?;
    let sample: Vec<(&str, &[Option<f64>])> =
        shock.firms.iter().map(|firm| (firm.id.as_str(), &firm.returns[..])).collect();
    rest::outsiders(&shock.desk, shock.home, &sample, first..row + 1)
}

/// Factor returns on the study's calendar.
fn factors(shock: &Shock<'_>) -> Result<Factors, Missing> {
    let table = &shock.data.factors;
    let column = |name: &str| -> Result<Vec<Option<f64>>, Missing> {
        let values = table.columns.get(name).ok_or(Missing::Incomplete { what: "factor returns" })?;
        let on = |date| table.dates.binary_search(&date).ok().and_then(|row| values[row]);
        Ok(shock.home.sessions.iter().map(|session| on(session.date)).collect())
    };
    let (premium, rf) = (column("mkt_rf")?, column("rf")?);
    let total = premium.iter().zip(&rf).map(|(premium, rf)| Some((*premium)? + (*rf)?));
    let mut columns: Vec<Arc<[Option<f64>]>> = vec![total.collect()];
    for name in ["smb", "hml", "rmw", "cma", "mom"] {
        columns.push(column(name)?.into());
    }
    Ok(Factors { columns, rf: rf.into() })
}

/// Files behind the sample, the panel of other companies and the factors.
fn sources(shock: &Shock<'_>) -> Vec<String> {
    let mut files = shock.sources(&shock.spec.sample);
    files
        .extend(shock.desk.records(rest::SOURCE).map(|panel| shock.desk.files(&[panel])).unwrap_or_default());
    let factors = shock.data.factors.inputs.iter();
    files.extend(factors.filter_map(|index| Some(shock.data.inputs.get(*index)?.path.clone())));
    files.dedup();
    files
}

/// One row per specification: the source of the shock, the mean, the themes, the mean residual correlation, the adjusted BMP test.
fn table(shock: &Shock<'_>, params: &Params, out: &mut Output<'_>) {
    let mut columns = vec![tabulate::text("col.specification")];
    let source = of_source(shock);
    let mut ids = vec![("col.of-source".to_owned(), "pct(1)", source)];
    ids.push(("col.mean".to_owned(), "pct(1)", "sample.w0_0.caar".to_owned()));
    for theme in &shock.report.themes {
        ids.push((format!("theme.{theme}"), "pct(1)", format!("theme.{theme}.ar.w0_0")));
    }
    ids.push(("col.r-bar".to_owned(), "num(2)", "sample.r_bar".to_owned()));
    columns.extend(ids.iter().map(|(header, format, _)| tabulate::number(header, format)));
    columns.push(tabulate::number("col.p-bmp", "pval"));
    let row = |specification: &Specification| {
        let name = specification.name();
        let mut cells = vec![Cell::Label(format!("specification.{name}"))];
        cells.extend(ids.iter().map(|(_, _, id)| Cell::Figure(format!("spec.{name}.{id}"))));
        cells.push(Cell::P(format!("spec.{name}.tests.w0_0.kp_adj_bmp_t")));
        Row::new(cells)
    };
    let rows = params.specifications.iter().map(row).collect();
    let sources = sources(shock);
    out.table(Table { id: "specifications".to_owned(), columns, rows, sources });
}

/// The source's estimate and interval by specification, with the choices behind each.
fn curve(shock: &Shock<'_>, params: &Params, out: &mut Output<'_>) {
    let id = of_source(shock);
    let mark = |specification: &Specification| Mark {
        label: format!("specification.{}", specification.name()),
        translate: true,
        figure: format!("spec.{}.{id}", specification.name()),
        p: None,
        group: String::new(),
    };
    let choice = |(label, made): (&str, fn(Specification) -> bool)| Choice {
        label: format!("choice.{label}"),
        made: params.specifications.iter().map(|specification| made(*specification)).collect(),
    };
    let chart = Chart::Curve {
        id: out.id("curve"),
        marks: params.specifications.iter().map(mark).collect(),
        choices: CHOICES.into_iter().map(choice).filter(|choice| choice.made.contains(&true)).collect(),
        headline: params.specifications.iter().position(|s| *s == params.headline),
        sources: sources(shock),
    };
    out.chart(chart);
}

/// A choice by its key, and whether a specification makes it.
type Chosen = (&'static str, fn(Specification) -> bool);

/// Choices that tell specifications apart.
const CHOICES: [Chosen; 6] = [
    ("one-index", |s| matches!(s, Specification::Market | Specification::Purged)),
    ("factors", |s| s == Specification::Factors),
    ("peers", |s| s == Specification::Peers),
    ("latent", |s| matches!(s, Specification::Latent3 | Specification::Latent5 | Specification::Latent10)),
    ("synthetic", |s| matches!(s, Specification::Synthetic | Specification::SyntheticClean)),
    ("outside", |s| s == Specification::Purged || s.from_donors()),
];
