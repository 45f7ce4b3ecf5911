//! What all sections share: the report, its data, and the event study where it has one.

use crate::{Shock, panel::Panel};
use anyhow::Result;
use jiff::civil::Date;
use shockbrief_core::{
    Dataset, Figure, Findings, Mic, Period, Records, Session, Symbol,
    config::{Events, Facts, ModelName, Report, Scenarios, Universe, section::Instance},
};
use std::collections::BTreeMap;

/// What a report is made from.
#[derive(Clone, Copy)]
pub struct Desk<'a> {
    /// The report.
    pub report: &'a Report,
    /// Its sections, with all that was declared of them.
    pub instances: &'a [Instance],
    /// The period it covers.
    pub period: Period,
    /// Nothing later is used.
    pub as_of: Date,
    /// Instruments and themes.
    pub universe: &'a Universe,
    /// Dated shocks.
    pub events: &'a Events,
    /// Public facts.
    pub facts: &'a Facts,
    /// Language models under the names of the data files.
    pub models: &'a [ModelName],
    /// Prices, factors, share counts, tables.
    pub data: &'a Dataset,
    /// Sessions of the exchanges whose day 0 is listed.
    pub exchanges: &'a BTreeMap<Mic, Vec<Session>>,
    /// Stress scenarios and model portfolios.
    pub scenarios: &'a Scenarios,
    /// Findings of the period before, made from what was known then.
    pub previous: Option<&'a Findings>,
}

impl Desk<'_> {
    /// Files behind these symbols, for a source line.
    pub fn sources(&self, symbols: &[Symbol]) -> Vec<String> {
        let mut inputs: Vec<usize> =
            symbols.iter().filter_map(|symbol| Some(self.data.find(symbol)?.1.input)).collect();
        inputs.sort_unstable();
        inputs.dedup();
        inputs.into_iter().filter_map(|index| Some(self.data.inputs.get(index)?.path.clone())).collect()
    }
}

impl<'a> Desk<'a> {
    /// Whether all these facts were public by the as-of date.
    pub(crate) fn knows(&self, facts: &[&str]) -> bool {
        facts.iter().all(|id| self.facts.known(id, self.as_of).is_some())
    }

    /// The records of a source, when there are any.
    pub(crate) fn records(&self, source: &str) -> Option<&'a Records> {
        self.data.records.get(source).filter(|records| !records.rows.is_empty())
    }

    /// The name of a symbol as readers know it.
    pub(crate) fn name(&self, symbol: &Symbol) -> String {
        self.universe.get(symbol).map_or_else(|| symbol.to_string(), |instrument| instrument.name.clone())
    }

    /// The files behind records, for a source line.
    pub(crate) fn files(&self, records: &[&Records]) -> Vec<String> {
        let inputs = records.iter().flat_map(|records| &records.inputs);
        inputs.filter_map(|index| Some(self.data.inputs.get(*index)?.path.clone())).collect()
    }
}

/// The inputs of every section.
pub struct Context<'a> {
    /// What the report is made from.
    pub desk: Desk<'a>,
    /// The event study, where the report has one.
    pub shock: Option<Shock<'a>>,
    /// The names followed over years, where the report has them.
    pub panel: Option<Panel<'a>>,
}

impl<'a> Context<'a> {
    /// Fits the study of a report.
    ///
    /// # Errors
    /// An event or symbol that does not exist, a benchmark without prices, or an exchange without day 0.
    pub fn new(desk: Desk<'a>) -> Result<Self> {
        let shock = desk.report.study.as_ref().map(|study| Shock::new(&desk, study)).transpose()?;
        let panel = desk.report.panel.as_ref().map(|panel| Panel::new(&desk, panel)).transpose()?;
        Ok(Self { desk, shock, panel })
    }

    /// Figures that describe the brief itself.
    pub(crate) fn describe(&self, findings: &mut Findings) {
        findings.add(Figure::date("data.as_of", self.desk.as_of, "config", self.desk.as_of));
        for (id, fact) in self.desk.facts.all_known(self.desk.as_of) {
            findings.add(fact.figure(id, self.desk.as_of));
        }
        if let Some(shock) = &self.shock {
            shock.describe(findings);
        }
        if let Some(panel) = &self.panel {
            panel.describe(findings);
        }
    }
}
