//! Kinds of sections: what computes, apart from any story. A kind is a type of parameters and a pure function.
//!
//! A kind knows no symbol, theme, basket, fact or event but those of its parameters, and writes under the name of its
//! instance, so that it can stand twice in a brief.

use crate::{Context, Outcome, declared::check::Needs};
use anyhow::Result;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, de::DeserializeOwned};
use shockbrief_core::{
    Chart, Figure, Findings, Refusal, Table, Unit,
    config::section::{Instance, Ref},
};
use std::{fmt::Display, marker::PhantomData};

/// A kind of section.
pub trait Kind: Send + Sync + 'static {
    /// Its name in `kind:`.
    const NAME: &'static str;
    /// What it says, in a line.
    const ABOUT: &'static str;
    /// Its parameters; documented fields, each with a default or required.
    type Params: DeserializeOwned + Serialize + JsonSchema + Send + Sync;
    /// Parameters that have no default, each with a form that can be read.
    const REQUIRED: &'static [(&'static str, &'static str)] = &[];

    /// Whether its parameters have a sense together.
    ///
    /// # Errors
    /// What has none.
    fn check(_params: &Self::Params) -> Result<(), String> {
        Ok(())
    }

    /// Words that its pages ask for and that follow from its parameters.
    fn phrases(_params: &Self::Params) -> Vec<Phrase> {
        Vec::new()
    }

    /// What must be loaded for it.
    fn needs(_params: &Self::Params) -> Needs {
        Needs::default()
    }

    /// Computes its findings.
    ///
    /// # Errors
    /// Data that it cannot do without.
    fn analyse(params: &Self::Params, context: &Context<'_>, out: &mut Output<'_>) -> Result<Outcome>;
}

/// A parameter of a kind, as the type that reads it has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name in `with:`.
    pub name: String,
    /// What stands where it is left out; of one that must be given, none.
    pub default: Option<serde_json::Value>,
    /// The form of one that must be given.
    pub form: Option<&'static str>,
}

/// Words that follow from parameters, by the key that pages ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phrase {
    /// A stretch of sessions; the house may have a word for it, such as three months.
    Sessions {
        /// The key.
        key: String,
        /// How many.
        n: usize,
    },
    /// What readers call a name, under the instance's own key.
    Name {
        /// The key within the section.
        local: String,
        /// The name.
        name: Ref,
    },
    /// The text of another key, under the instance's own.
    Same {
        /// The key within the section.
        local: String,
        /// The other key.
        key: String,
    },
}

/// A kind whose parameters are still as written.
pub trait AnyKind: Send + Sync {
    /// Its name.
    fn name(&self) -> &'static str;
    /// What it says.
    fn about(&self) -> &'static str;
    /// Its parameters, those that must be given first.
    fn parameters(&self) -> Vec<Parameter>;
    /// The schema of what its `with:` may hold.
    fn schema(&self) -> fn(&mut SchemaGenerator) -> Schema;
    /// Words that an instance's pages ask for.
    ///
    /// # Errors
    /// Parameters that do not fit.
    fn phrases(&self, instance: &Instance) -> Result<Vec<Phrase>, Refusal>;
    /// What must be loaded for an instance.
    ///
    /// # Errors
    /// Parameters that do not fit.
    fn needs(&self, instance: &Instance) -> Result<Needs, Refusal>;
    /// Computes an instance's findings.
    ///
    /// # Errors
    /// Parameters that do not fit, or anything that the kind cannot do without.
    fn analyse(&self, instance: &Instance, context: &Context<'_>, findings: &mut Findings)
    -> Result<Outcome>;
}

/// A kind behind [`AnyKind`].
pub struct Of<K>(PhantomData<fn() -> K>);

impl<K> Of<K> {
    /// The kind.
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<K: Kind> Of<K> {
    /// The parameters of an instance; none given are all defaults.
    fn params(instance: &Instance) -> Result<K::Params, Refusal> {
        let with = instance.spec.with.clone().unwrap_or_else(|| serde_json::json!({}));
        let refuse = |why: String| {
            let message = format!("section `{}`, kind `{}`: {why}", instance.id, K::NAME);
            instance.with.refuse("with:", message).hint("`with` holds the parameters of the kind")
        };
        let params: K::Params = serde_json::from_value(with).map_err(|error| refuse(error.to_string()))?;
        K::check(&params).map_err(refuse)?;
        Ok(params)
    }
}

impl<K: Kind> AnyKind for Of<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn about(&self) -> &'static str {
        K::ABOUT
    }

    fn parameters(&self) -> Vec<Parameter> {
        let required = K::REQUIRED.iter();
        let given: serde_json::Map<_, _> =
            required.map(|(name, form)| ((*name).to_owned(), example(form))).collect();
        // What is read from the required ones alone is the defaults.
        let read = serde_json::from_value::<K::Params>(given.into());
        let filled = read.ok().and_then(|params| serde_json::to_value(params).ok());
        let Some(serde_json::Value::Object(filled)) = filled else { return Vec::new() };
        let form = |name: &str| K::REQUIRED.iter().find(|(own, _)| *own == name).map(|(_, form)| *form);
        let mut all: Vec<Parameter> = filled
            .into_iter()
            .map(|(name, value)| {
                let form = form(&name);
                Parameter { name, default: form.is_none().then_some(value), form }
            })
            .collect();
        all.sort_by_key(|one| one.form.is_none());
        all
    }

    fn schema(&self) -> fn(&mut SchemaGenerator) -> Schema {
        K::Params::json_schema
    }

    fn phrases(&self, instance: &Instance) -> Result<Vec<Phrase>, Refusal> {
        Ok(K::phrases(&Self::params(instance)?))
    }

    fn needs(&self, instance: &Instance) -> Result<Needs, Refusal> {
        Ok(K::needs(&Self::params(instance)?))
    }

    fn analyse(
        &self,
        instance: &Instance,
        context: &Context<'_>,
        findings: &mut Findings,
    ) -> Result<Outcome> {
        let params = Self::params(instance)?;
        K::analyse(&params, context, &mut Output { instance, findings, context })
    }
}

/// A form that is no JSON stands for itself.
fn example(form: &str) -> serde_json::Value {
    serde_json::from_str(form).unwrap_or_else(|_| form.into())
}

/// Where a kind writes: figures, tables, charts and lists under the instance's name.
pub struct Output<'a> {
    instance: &'a Instance,
    findings: &'a mut Findings,
    context: &'a Context<'a>,
}

impl Output<'_> {
    /// The full id of a local name.
    pub fn id(&self, local: impl Display) -> String {
        format!("{}.{local}", self.instance.id)
    }

    /// Adds a figure, or the reason why there is none, and returns its id; `more` states what it was made of.
    pub fn figure<E: Display>(
        &mut self,
        local: impl Display,
        value: Result<f64, E>,
        unit: Unit,
        statistic: &str,
        more: impl FnOnce(Figure) -> Figure,
    ) -> String {
        let as_of = self.context.desk.as_of;
        let figure = Figure::from_result(self.id(local), value, unit, statistic, as_of);
        self.add(more(figure))
    }

    /// Adds a figure made elsewhere, under its own id.
    pub fn add(&mut self, figure: Figure) -> String {
        let id = figure.id.clone();
        self.findings.figures.insert(id.clone(), figure);
        id
    }

    /// Adds a table; its id is a local name.
    pub fn table(&mut self, table: Table) {
        let id = self.id(&table.id);
        // Only the house's own instance stands where the table of earlier issues stood.
        let was = self.instance.spec.was.get(&table.id).filter(|_| self.instance.id == self.instance.base);
        if let Some(was) = was {
            let earlier = Table { id: was.clone(), ..table.clone() };
            self.findings.tables.insert(was.clone(), earlier);
        }
        self.findings.tables.insert(id.clone(), Table { id, ..table });
    }

    /// Adds a chart, whose id is a full one.
    pub fn chart(&mut self, chart: Chart) {
        self.findings.charts.insert(chart.id().to_owned(), chart);
    }

    /// Adds a list for templates under its own id.
    pub fn list_of(&mut self, id: &str, entries: Vec<String>) {
        self.findings.lists.insert(id.to_owned(), entries);
    }

    /// Ids of figures that begin with `prefix`, without it, in order.
    #[must_use]
    pub fn ids_below(&self, prefix: &str) -> Vec<String> {
        let known = self.findings.figures.range(prefix.to_owned()..);
        known.map_while(|(id, _)| Some(id.strip_prefix(prefix)?.to_owned())).collect()
    }

    /// The number of a figure added before, by its full id.
    #[must_use]
    pub fn number(&self, id: &str) -> Option<f64> {
        self.findings.number(id)
    }

    /// The unit of a figure added before, by its full id.
    #[must_use]
    pub fn unit(&self, id: &str) -> Option<Unit> {
        self.findings.figures.get(id).map(|figure| figure.unit)
    }

    /// Adds a list for templates.
    pub fn list(&mut self, local: impl Display, entries: Vec<String>) {
        let id = self.id(local);
        self.findings.lists.insert(id, entries);
    }
}
