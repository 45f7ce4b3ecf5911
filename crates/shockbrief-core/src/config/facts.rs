//! `config/facts/*.yaml`: public facts that no data file holds, each with its date and source.
//!
//! Refuses a fact that cannot be checked by its reader: without source, or with a unit that its value
//! does not have.

use super::Origin;
use crate::schema::{self, JsonSchema};
use crate::{Figure, Refusal, Refusals, Unit, Value, at, house};
use anyhow::Result;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::Path, sync::Arc};

/// Where a fact can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FactSource {
    /// Publisher, document and date.
    pub text: String,
    /// The same in other languages than English, by code; default: as in `text`, marked as English.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub local: BTreeMap<String, String>,
    /// Its address, `https://…`.
    pub url: String,
}

/// How much of the source was read by who wrote the fact down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Checked {
    /// The document itself, whole.
    Full,
    /// Its title or abstract.
    Abstract,
    /// The press that quotes it.
    Press,
    /// A report of a report: somebody tells what another stated or estimated.
    Reported,
}

impl Checked {
    /// The key of its words in the language files.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Full => "checked.full",
            Self::Abstract => "checked.abstract",
            Self::Press => "checked.press",
            Self::Reported => "checked.reported",
        }
    }
}

/// A fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// What the value is, in each language.
    pub name: BTreeMap<String, String>,
    /// A number or a date.
    pub value: Value,
    /// What it measures.
    pub unit: Unit,
    /// ISO code of money and prices.
    #[serde(default)]
    pub currency: Option<String>,
    /// The day on which it was stated or happened.
    #[schemars(with = "schema::Day")]
    pub date: Date,
    /// The day on which it became public; default `date`.
    #[serde(default)]
    #[schemars(with = "Option<schema::Day>")]
    pub known: Option<Date>,
    /// The last day on which it held; default: it holds still.
    #[serde(default)]
    #[schemars(with = "Option<schema::Day>")]
    pub until: Option<Date>,
    /// The fact that took its place after `until`; default none, and then nothing stands there.
    #[serde(default)]
    pub replaced_by: Option<String>,
    /// Where it can be read.
    pub source: FactSource,
    /// How much of the source was read; default: not told.
    #[serde(default)]
    pub checked: Option<Checked>,
    /// What the reader must know where the fact is partial or only claimed, in each language.
    #[serde(default)]
    pub note: Option<BTreeMap<String, String>>,
}

impl Fact {
    /// The day on which it became public.
    #[must_use]
    pub fn known(&self) -> Date {
        self.known.unwrap_or(self.date)
    }

    /// The fact as figure `fact.<id>`; its source stands among the inputs.
    #[must_use]
    pub fn figure(&self, id: &str, as_of: Date) -> Figure {
        let id = format!("fact.{id}");
        let figure = match self.value {
            Value::Date(date) => Figure::date(id, date, "fact", as_of),
            Value::Number(number) => Figure::new(id, number, self.unit, "fact", as_of),
        };
        let figure = figure
            .inputs([format!("{} <{}>", self.source.text, self.source.url)])
            .span(self.date, self.known());
        self.currency.iter().fold(figure, |figure, currency| figure.currency(currency))
    }
}

/// All facts, by id.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Facts {
    facts: BTreeMap<String, Fact>,
    origins: BTreeMap<String, Arc<Origin>>,
}

impl Facts {
    /// Reads and validates all `*.yaml` files of a folder; a project without the folder has no facts.
    ///
    /// # Errors
    /// A fact without source, one whose unit and value disagree, an id used twice, or anything
    /// [`super::load`] refuses.
    pub fn load(folder: &Path) -> Result<Self> {
        let mut facts = BTreeMap::new();
        let paths = house::list(folder, "yaml")?;
        let (mut faults, mut origins) = (Refusals::default(), BTreeMap::new());
        for path in paths {
            let Some((found, origin)) = faults.keep(super::load::<BTreeMap<String, Fact>>(&path)) else {
                continue;
            };
            let origin = Arc::new(origin);
            for (id, fact) in found {
                check(&id, &fact, &origin, &mut faults);
                if let Some(other) = origins.insert(id.clone(), origin.clone()) {
                    let message = format!("fact `{id}` is declared in {} too", other.path.display());
                    let refusal = origin.refuse(at![&id], message);
                    faults.push(refusal.hint("keep one of the two entries"));
                }
                facts.insert(id, fact);
            }
        }
        for (id, fact) in &facts {
            if let Some(next) = fact.replaced_by.as_ref().filter(|next| !facts.contains_key(*next)) {
                let file = origins.get(id).map_or(folder, |origin| &origin.path).display();
                faults.push(
                    Refusal::config(format!(
                        "{file}: fact `{id}` is replaced by `{next}`, which no file declares"
                    ))
                    .hint("declare it, or take `replaced_by` away"),
                );
            }
        }
        faults.or(Self { facts, origins })
    }

    /// The file that declares a fact.
    #[must_use]
    pub fn file(&self, id: &str) -> Option<&Path> {
        self.origins.get(id).map(|origin| origin.path.as_path())
    }

    /// That file's text, to point at places in it.
    #[must_use]
    pub fn origin(&self, id: &str) -> Option<&Origin> {
        self.origins.get(id).map(Arc::as_ref)
    }

    /// What was known of a fact by the as-of date: the fact, or the one that had taken its place by then.
    #[must_use]
    pub fn known(&self, id: &str, as_of: Date) -> Option<&Fact> {
        let mut fact = self.facts.get(id).filter(|fact| fact.known() <= as_of)?;
        // Each step goes to a later fact, which loading has seen to; the bound holds whatever was loaded.
        for _ in 0..self.facts.len() {
            if fact.until.is_none_or(|until| as_of <= until) {
                return Some(fact);
            }
            fact = self.facts.get(fact.replaced_by.as_deref()?).filter(|next| next.known() <= as_of)?;
        }
        None
    }

    /// All facts, public or not: for their names, never for their values.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Fact)> {
        self.facts.iter().map(|(id, fact)| (id.as_str(), fact))
    }

    /// All facts public by the as-of date.
    pub fn all_known(&self, as_of: Date) -> impl Iterator<Item = (&str, &Fact)> {
        self.facts.keys().filter_map(move |id| Some((id.as_str(), self.known(id, as_of)?)))
    }
}

fn check(id: &str, fact: &Fact, origin: &Origin, faults: &mut Refusals) {
    let mut refuse = |key: &str, message: &str, hint: &str| {
        faults.push(origin.refuse(at![id, key], format!("fact `{id}` {message}")).hint(hint));
    };
    if fact.source.text.trim().is_empty() || !fact.source.url.starts_with("https://") {
        refuse("source", "names no source", "write `source: {text: ..., url: https://...}`");
    }
    if fact.until.is_some_and(|until| until < fact.known()) {
        refuse("until", "ended before it was known", "correct `until` or `known`");
    }
    if fact.replaced_by.is_some() && fact.until.is_none() {
        refuse("replaced_by", "is replaced and holds still", "add `until:`, the last day on which it held");
    }
    if fact.known() < fact.date {
        refuse("known", "was known before it was stated", "correct `date` or `known`");
    }
    if matches!(fact.value, Value::Date(_)) != (fact.unit == Unit::Date) {
        let message = "has a unit that its value does not have";
        refuse("unit", message, "dates, and only dates, have the unit `date`");
    }
    if matches!(fact.unit, Unit::Money | Unit::Price) != fact.currency.is_some() {
        let message = "has a unit that does not go with its currency";
        refuse("currency", message, "money and prices, and only they, name one");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use jiff::civil::date;

    fn load(text: &str) -> Result<Facts> {
        let folder = std::env::temp_dir().join(format!("shockbrief-facts-{}", std::process::id()));
        fs_err::create_dir_all(&folder)?;
        fs_err::write(folder.join("a.yaml"), text)?;
        let facts = Facts::load(&folder);
        fs_err::remove_dir_all(&folder)?;
        facts
    }

    #[test]
    fn a_fact_ends_and_another_takes_its_place() {
        let one = |id: &str, value: u32, day: &str, more: &str| {
            format!(
                "{id}:\n  name: {{en: A}}\n  value: {value}\n  unit: number\n  date: {day}\n{more}  \
                 source: {{text: T, url: \"https://example.org/\"}}\n"
            )
        };
        let facts = load(
            &(one("plan", 60, "2025-01-24", "  until: 2025-04-29\n  replaced_by: plan-2\n")
                + &one("plan-2", 64, "2025-04-30", "")
                + &one("rule", 1, "2025-01-15", "  until: 2025-05-12\n")),
        )
        .unwrap();
        let value = |id, day| facts.known(id, day).map(|fact| fact.value);
        assert_eq!(value("plan", date(2025, 1, 23)), None);
        assert_eq!(value("plan", date(2025, 4, 29)), Some(Value::Number(60.0)));
        assert_eq!(value("plan", date(2025, 4, 30)), Some(Value::Number(64.0)));
        assert_eq!(value("rule", date(2025, 5, 12)), Some(Value::Number(1.0)));
        assert_eq!(value("rule", date(2025, 5, 13)), None);
        assert_eq!(facts.all_known(date(2025, 5, 13)).count(), 2);
        assert!(load(&one("plan", 1, "2025-01-01", "  replaced_by: gone\n  until: 2025-02-01\n")).is_err());
    }
}
