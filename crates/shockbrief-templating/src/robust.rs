//! `range("figure")` and `robust("claim")` in templates: how far a figure moves over specifications, and in how many of them a claim
//! holds. Both are made of figures that analysis computed; nothing is counted here.

use crate::engine::{Scope, unknown};
use crate::figures::Handle;
use minijinja::value::{Object, Value};
use minijinja::{Environment, Error};
use shockbrief_core::{Figure, Unit, Value as Number};
use std::{collections::BTreeMap, sync::Arc};

/// Named parts of what a template asked for.
#[derive(Debug)]
struct Parts(BTreeMap<&'static str, Value>);

impl Object for Parts {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.get(key.as_str()?).cloned()
    }
}

/// Adds both functions.
pub(crate) fn add(environment: &mut Environment<'static>, scope: &Arc<Scope>) {
    let shared = scope.clone();
    environment.add_function("range", move |id: &str| range(&shared, id));
    let shared = scope.clone();
    environment.add_function("robust", move |id: &str| robust(&shared, id));
}

fn figure(scope: &Scope, id: &str) -> Result<Figure, Error> {
    let figures = &scope.findings.figures;
    figures.get(id).cloned().ok_or_else(|| unknown("figure", id, figures.keys()))
}

fn handle(figure: Figure) -> Value {
    Value::from_object(Handle::new(figure))
}

/// Names of specifications in the brief's language.
fn names(scope: &Scope, list: &str) -> Vec<String> {
    let named = |id: &String| {
        let key = format!("specification.{id}");
        match scope.strings.get(&key) {
            None => id.clone(),
            // German nouns keep their capital; a name that begins with an adjective is quoted as a name.
            Some(name) if scope.code.split('-').next() == Some("de") => name.clone(),
            Some(name) => uncapitalised(name),
        }
    };
    scope.findings.lists.get(list).into_iter().flatten().map(named).collect()
}

/// A name as it stands within a sentence.
fn uncapitalised(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// `.least`, `.greatest`, `.least_by`, `.greatest_by` and `.of`, the number of specifications with a value.
fn range(scope: &Scope, id: &str) -> Result<Value, Error> {
    let (least, greatest) =
        (figure(scope, &format!("range.{id}.least"))?, figure(scope, &format!("range.{id}.greatest"))?);
    let mut of = Figure { id: format!("range.{id}.of"), unit: Unit::Count, ..least.clone() };
    of.value = Some(Number::Number(least.n.unwrap_or(0) as f64));
    of.reason = None;
    let by = names(scope, &format!("range.{id}"));
    let name = |at: usize| Value::from(by.get(at).cloned().unwrap_or_default());
    Ok(Value::from_object(Parts(BTreeMap::from([
        ("least", handle(least)),
        ("greatest", handle(greatest)),
        ("of", handle(of)),
        ("least_by", name(0)),
        ("greatest_by", name(1)),
    ]))))
}

/// `.share`, `.holds`, `.of` and `.fails`, the names of the specifications in which the claim fails.
fn robust(scope: &Scope, claim: &str) -> Result<Value, Error> {
    let id = format!("claim.{claim}.robust");
    let part = |name: &str| figure(scope, &format!("{id}.{name}")).map(handle);
    Ok(Value::from_object(Parts(BTreeMap::from([
        ("share", handle(figure(scope, &id)?)),
        ("holds", part("holds")?),
        ("of", part("of")?),
        ("fails", Value::from_iter(names(scope, &id))),
    ]))))
}
