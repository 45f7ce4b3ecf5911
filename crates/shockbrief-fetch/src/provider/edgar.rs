//! SEC EDGAR: company facts or single concepts from filings, as rows known since their filing.
//!
//! Quarters are derived in [`quarters`]. Several tags may stand for one value; a share count is a stock and
//! taken as filed. Every request needs a contact in the user agent, without one the answer is 403.

pub mod quarters;

use super::{Auth, Call, Provider};
use crate::{
    Ask, Batch, Failure, Row, Trouble,
    text::{self, Cell},
};
use jiff::civil::Date;
use quarters::Fact;
use serde_json::Value;
use shockbrief_core::config::{Concept, DataKind, FilingDocument, Measure};

/// See the module.
pub struct Edgar;

impl Provider for Edgar {
    fn name(&self) -> &'static str {
        "edgar"
    }

    fn data(&self) -> Option<DataKind> {
        Some(DataKind::Filings)
    }

    fn wants_contact(&self) -> bool {
        true
    }

    fn calls(&self, ask: &Ask<'_>) -> Vec<Call> {
        let company = format!("CIK{:0>10}", ask.code.trim_start_matches("CIK"));
        match ask.spec.document {
            FilingDocument::Facts => {
                vec![Call::new(format!("/api/xbrl/companyfacts/{company}.json"), Auth::None)]
            }
            FilingDocument::Concept => ask
                .spec
                .concepts
                .iter()
                .flat_map(|concept| concept.tags.iter().map(|tag| (&concept.taxonomy, tag)))
                .map(|(taxonomy, tag)| {
                    let path = format!("/api/xbrl/companyconcept/{company}/{taxonomy}/{tag}.json");
                    // A company that never used a tag answers 404 for it.
                    Call { may_lack: true, ..Call::new(path, Auth::None) }
                })
                .collect(),
        }
    }

    fn parse(&self, ask: &Ask<'_>, bodies: &[&[u8]]) -> Result<Batch, Failure> {
        let documents = bodies.iter().map(|bytes| text::json(ask, bytes)).collect::<Result<Vec<_>, _>>()?;
        let recognised =
            |document: &Value| document.get("facts").is_some() || document.get("units").is_some();
        if let Some((_, odd)) = documents.iter().zip(bodies).find(|(document, _)| !recognised(document)) {
            let seen = ask.glimpse(odd);
            return Err(ask.changed(format!("neither `facts` nor `units` in the answer: “{seen}”")));
        }
        let mut batch = Batch::default();
        for concept in &ask.spec.concepts {
            read_concept(ask, concept, &documents, &mut batch)?;
        }
        batch.rows.retain(|row| ask.wants(row.date));
        if batch.rows.is_empty() {
            return Err(ask.empty());
        }
        batch.settle();
        Ok(batch)
    }
}

fn read_concept(
    ask: &Ask<'_>,
    concept: &Concept,
    documents: &[Value],
    batch: &mut Batch,
) -> Result<(), Failure> {
    let mut facts = Vec::new();
    let mut used = Vec::new();
    for (rank, tag) in concept.tags.iter().enumerate() {
        let before = facts.len();
        for units in documents.iter().filter_map(|document| units(document, &concept.taxonomy, tag)) {
            let Some(list) = units.get(&concept.unit).and_then(Value::as_array) else {
                let others: Vec<&str> =
                    units.as_object().into_iter().flatten().map(|(unit, _)| unit.as_str()).collect();
                batch.notes.push(format!("{tag} is told in {}, not in {}", others.join(", "), concept.unit));
                continue;
            };
            for entry in list {
                facts.push(fact(ask, tag, rank, entry)?);
            }
        }
        if facts.len() > before {
            used.push(tag.as_str());
        }
    }
    if facts.is_empty() {
        batch.notes.push(format!("no {} under {}", concept.field, concept.tags.join(", ")));
        return Ok(());
    }
    if used.len() > 1 {
        batch.notes.push(format!("{}: told under several tags, {}", concept.field, used.join(" and ")));
    }
    match concept.measure {
        Measure::Stock => stocks(ask, concept, &facts, batch),
        Measure::Flow => flows(ask, concept, facts, batch),
    }
    Ok(())
}

/// The units of a tag, in either document.
fn units<'a>(document: &'a Value, taxonomy: &str, tag: &str) -> Option<&'a Value> {
    match document.get("facts") {
        Some(facts) => facts.get(taxonomy)?.get(tag)?.get("units"),
        None => {
            let is = |key: &str, wanted: &str| document.get(key).and_then(Value::as_str) == Some(wanted);
            (is("tag", tag) && is("taxonomy", taxonomy)).then(|| document.get("units")).flatten()
        }
    }
}

fn fact(ask: &Ask<'_>, tag: &str, rank: usize, entry: &Value) -> Result<Fact, Failure> {
    let date = |key: &str| entry.get(key).and_then(Value::as_str).and_then(text::iso_date);
    let bad = |what: &str| {
        ask.changed(format!("{tag}: a fact without `{what}`: {}", ask.glimpse(entry.to_string().as_bytes())))
    };
    let value = match text::json_cell(entry.get("val")) {
        Some(Cell::Number(value)) => value,
        _ => return Err(bad("val")),
    };
    Ok(Fact {
        start: date("start"),
        end: date("end").ok_or_else(|| bad("end"))?,
        filed: date("filed").ok_or_else(|| bad("filed"))?,
        value,
        rank,
        form: entry.get("form").and_then(Value::as_str).unwrap_or_default().to_owned(),
    })
}

fn row(ask: &Ask<'_>, field: String, unit: &str, date: Date, value: f64, filed: Date) -> Option<Row> {
    let (symbol, unit) = (ask.subject.to_owned(), unit.to_owned());
    Some(Row { symbol, field, date, value, unit, known: text::midnight(filed)? })
}

fn stocks(ask: &Ask<'_>, concept: &Concept, facts: &[Fact], batch: &mut Batch) {
    // The preferred tag comes last, so that it stands where two tell the same date in the same filing.
    let mut facts: Vec<&Fact> = facts.iter().filter(|fact| fact.value > 0.0).collect();
    facts.sort_by_key(|fact| (fact.end, fact.filed, std::cmp::Reverse(fact.rank)));
    facts.dedup_by(|later, earlier| {
        let same = (later.end, later.filed) == (earlier.end, earlier.filed);
        if same {
            *earlier = *later;
        }
        same
    });
    let mut known: Option<&Fact> = None;
    for fact in facts {
        let earlier = known.filter(|earlier| earlier.end == fact.end);
        if let Some(why) = earlier.and_then(|earlier| fact.overruled(earlier.value, earlier.standing())) {
            batch.notes.push(format!("{}: {}: {why}", concept.field, fact.end));
            continue;
        }
        known = Some(fact);
        batch.rows.extend(row(ask, concept.field.clone(), &concept.unit, fact.end, fact.value, fact.filed));
    }
}

/// Quarters by the end of the fiscal quarter and, beside them, by the calendar quarter that holds its middle.
fn flows(ask: &Ask<'_>, concept: &Concept, facts: Vec<Fact>, batch: &mut Batch) {
    let derived = quarters::derive(facts);
    for quarter in &derived.quarters {
        for (field, date) in [
            (concept.field.clone(), quarter.end),
            (format!("{}_calendar", concept.field), quarter.calendar_end()),
        ] {
            batch.rows.extend(row(ask, field, &concept.unit, date, quarter.value, quarter.filed));
        }
    }
    batch.notes.extend(derived.notes.into_iter().map(|note| format!("{}: {note}", concept.field)));
    if derived.quarters.is_empty() {
        let seen = ask.fail(Trouble::Empty, "no quarter could be derived", "");
        batch.notes.push(format!("{}: {}", concept.field, seen.seen));
    }
}
