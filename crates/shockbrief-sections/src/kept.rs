//! Trials as they are kept from one run to the next, and the name of all that they depend on.
//!
//! A study on a thousand ordinary sessions takes seconds and gives the same for the same inputs. What is kept stands under a
//! digest of every input, so that a change of data, configuration, claims or code finds nothing. Numbers are kept as their bits:
//! what comes back is equal to what was computed.

use crate::{Context, Trials};
use serde::{Deserialize, Serialize};
use shockbrief_analytics::calibration::{DAYS, MIN_DAYS};
use shockbrief_core::{Figure, Findings, Unit, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Where trials are kept from one run to the next. Whoever keeps them answers with what was put under the same name, or nothing.
pub trait Keep {
    /// What was kept under this name.
    fn get(&self, about: &[u8]) -> Option<Trials>;
    /// Keeps trials under a name.
    fn put(&self, about: &[u8], trials: &Trials);
}

/// A figure without what no condition asks for; floating-point numbers by their bits.
#[derive(Serialize, Deserialize)]
struct Bare {
    figure: usize,
    value: Result<u64, Option<String>>,
    p: Option<u64>,
    se: Option<u64>,
    n: Option<usize>,
    firms: Option<usize>,
}

/// What does not differ from one trial to the next.
#[derive(Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Kind {
    id: String,
    unit: Unitless,
    statistic: String,
    as_of: jiff::civil::Date,
}

/// The name of a unit, which has an order.
type Unitless = String;

/// All trials of a study, with ids once.
#[derive(Serialize, Deserialize)]
pub struct Bundle {
    kinds: Vec<Kind>,
    ordinary: Vec<Vec<Bare>>,
    without: Vec<(String, Vec<Bare>)>,
    rest: Option<Vec<Bare>>,
}

impl Bundle {
    /// Trials, laid out to be kept.
    #[must_use]
    pub fn of(trials: &Trials) -> Self {
        let mut kinds = BTreeMap::new();
        let mut bare =
            |findings: &Findings| findings.figures.values().map(|f| strip(f, &mut kinds)).collect();
        let ordinary = trials.ordinary.iter().map(&mut bare).collect();
        let without = trials.without.iter().map(|(name, found)| (name.clone(), bare(found))).collect();
        let rest = trials.rest.as_ref().map(&mut bare);
        let mut named: Vec<(Kind, usize)> = kinds.into_iter().collect();
        named.sort_by_key(|(_, at)| *at);
        Self { kinds: named.into_iter().map(|(kind, _)| kind).collect(), ordinary, without, rest }
    }

    /// The trials again; nothing where the bundle contradicts itself.
    #[must_use]
    pub fn trials(&self) -> Option<Trials> {
        let whole = |bare: &Vec<Bare>| -> Option<Findings> {
            let mut findings = Findings::default();
            for figure in bare {
                findings.add(dress(figure, self.kinds.get(figure.figure)?)?);
            }
            Some(findings)
        };
        Some(Trials {
            ordinary: self.ordinary.iter().map(whole).collect::<Option<_>>()?,
            without: self
                .without
                .iter()
                .map(|(name, bare)| Some((name.clone(), whole(bare)?)))
                .collect::<Option<_>>()?,
            rest: match &self.rest {
                Some(bare) => Some(whole(bare)?),
                None => None,
            },
        })
    }
}

fn strip(figure: &Figure, kinds: &mut BTreeMap<Kind, usize>) -> Bare {
    let unit = serde_json::to_string(&figure.unit).unwrap_or_default();
    let (id, statistic) = (figure.id.clone(), figure.statistic.clone());
    let kind = Kind { id, unit, statistic, as_of: figure.as_of };
    let next = kinds.len();
    Bare {
        figure: *kinds.entry(kind).or_insert(next),
        value: figure.number().map(f64::to_bits).ok_or_else(|| figure.reason.clone()),
        p: figure.p.map(f64::to_bits),
        se: figure.se.map(f64::to_bits),
        n: figure.n,
        firms: figure.firms,
    }
}

fn dress(bare: &Bare, kind: &Kind) -> Option<Figure> {
    let unit: Unit = serde_json::from_str(&kind.unit).ok()?;
    let mut figure = Figure::new(&kind.id, 0.0, unit, &kind.statistic, kind.as_of);
    figure.value = bare.value.as_ref().ok().map(|bits| Value::Number(f64::from_bits(*bits)));
    figure.reason = bare.value.as_ref().err().cloned().flatten();
    figure.p = bare.p.map(f64::from_bits);
    figure.se = bare.se.map(f64::from_bits);
    (figure.n, figure.firms) = (bare.n, bare.firms);
    Some(figure)
}

/// Only what conditions and the table of tests ask for.
pub fn reduce(findings: &mut Findings, wanted: &BTreeSet<String>) {
    findings.figures.retain(|id, _| wanted.contains(id));
    findings.figures.values_mut().for_each(|figure| (figure.inputs, figure.span) = (Vec::new(), None));
    findings.tables.clear();
    findings.charts.clear();
    findings.lists.clear();
}

/// Everything that trials depend on, in an order of its own: code, settings, what is asked, configuration, files and values.
///
/// Values stand beside the digests of the files, since repairs and guards change what was read.
pub fn about(context: &Context<'_>, wanted: &BTreeSet<String>, sections: &BTreeSet<String>) -> Vec<u8> {
    let desk = &context.desk;
    let mut about = format!(
        "{} {DAYS} {MIN_DAYS} {wanted:?} {sections:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        env!("SHOCKBRIEF_CODE"),
        desk.report.study,
        desk.report.panel,
        desk.report.themes,
        (desk.period, desk.as_of),
        desk.events.events,
        (&desk.universe.instruments, &desk.universe.themes, &desk.universe.baskets),
        desk.data.inputs,
    )
    .into_bytes();
    for (mic, market) in &desk.data.markets {
        about.extend(format!("{mic:?} {:?}", market.sessions).into_bytes());
        for (symbol, series) in &market.series {
            about.extend(symbol.as_str().bytes());
            let bits = series.adjusted.iter().map(|price| price.map_or(u64::MAX, f64::to_bits));
            about.extend(bits.flat_map(u64::to_le_bytes));
        }
    }
    about
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use jiff::civil::date;

    #[test]
    fn what_is_kept_comes_back_to_the_bit() {
        let as_of = date(2025, 1, 27);
        let mut findings = Findings::default();
        // Numbers whose decimal digits are many, and one that is missing.
        findings.add(Figure::new("a", 0.1 + 0.2, Unit::Ratio, "car", as_of).p(1.0 / 3.0).n(120));
        findings.add(Figure::new("b", -f64::MIN_POSITIVE, Unit::Points, "car", as_of).se(2.0_f64.sqrt()));
        findings.add(Figure::missing("c", "too little history", Unit::Statistic, "t", as_of));
        let trials = Trials {
            ordinary: vec![findings.clone(), Findings::default()],
            without: vec![("Alpha".to_owned(), findings.clone())],
            rest: Some(findings.clone()),
        };
        let text = serde_json::to_string(&Bundle::of(&trials)).unwrap();
        let back = serde_json::from_str::<Bundle>(&text).unwrap().trials().unwrap();
        assert_eq!(back.ordinary, trials.ordinary);
        assert_eq!(back.without, trials.without);
        assert_eq!(back.rest, trials.rest);
        let bits = |findings: &Findings| findings.number("a").map(f64::to_bits);
        assert_eq!(bits(&back.ordinary[0]), Some((0.1_f64 + 0.2).to_bits()));
    }

    #[test]
    fn figures_that_nothing_asks_for_are_not_kept() {
        let as_of = date(2025, 1, 27);
        let mut findings = Findings::default();
        findings.add(Figure::new("asked", 1.0, Unit::Ratio, "car", as_of).inputs(["X"]));
        findings.add(Figure::new("other", 1.0, Unit::Ratio, "car", as_of));
        reduce(&mut findings, &BTreeSet::from(["asked".to_owned()]));
        assert_eq!(findings.figures.keys().collect::<Vec<_>>(), ["asked"]);
        assert!(findings.figures["asked"].inputs.is_empty());
    }
}
