//! `sections/<id>/section.yaml`: a section as its author declares it, of the house or of one report.
//!
//! A section is of a kind, which computes, and brings what its author adds: figures, tables, charts and claims.
//! It is read here without looking at any data; what points nowhere is refused with file and line.

mod chart;
mod figure;
mod reference;
mod table;

pub use chart::{
    BarSpec, Channel, ChartSpec, ColorBy, LineSpec, Mark as ChartMark, PointSpec, RuleSpec, Sort, Upright,
};
pub use figure::{Change, Count, FigureSpec, Figuring, Over, Paired, Rank, Set, Span};
pub use reference::{Base, Edge, Ref, When};
pub use table::{
    Cell as CellSpec, ColumnSpec, EntrySpec, EventsSpec, Field, Head, RecordsSpec, RowKind, RowsSpec,
    TableSpec, Total,
};

use super::{Claim, Origin, load};
use crate::{
    Refusal, Refusals, at,
    schema::{self, JsonSchema, Schema, SchemaGenerator, json_schema},
};
use anyhow::Result;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, MapAccess, Visitor},
};
use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt,
    marker::PhantomData,
    path::{Path, PathBuf},
};

/// A text in each language.
pub type Texts = BTreeMap<String, String>;

/// Entries by name, in the order of the file; a name that stands twice is refused.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Named<T>(pub Vec<(String, T)>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Named<T> {
    /// The entries, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|(name, entry)| (name.as_str(), entry))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Named_{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "propertyNames": {"pattern": "^[A-Za-z0-9_-]+$"},
            "additionalProperties": generator.subschema_for::<T>(),
        })
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Named<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("entries by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries: Vec<(String, T)> = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if entries.iter().any(|(known, _)| *known == name) {
                        return Err(A::Error::custom(format!("`{name}` stands twice")));
                    }
                    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
                    if name.is_empty() || !name.chars().all(plain) {
                        let message = format!("`{name}` is no name: letters, digits, `-` and `_`");
                        return Err(A::Error::custom(message));
                    }
                    entries.push((name, map.next_value()?));
                }
                Ok(Named(entries))
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

/// What an author declares of a section.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SectionSpec {
    /// The house's or the report's section that this one is; its keys stand over those of the section.
    #[serde(default, rename = "use")]
    pub uses: Option<String>,
    /// Its id in the report; default the name of its folder, or of the section that it uses.
    #[serde(default)]
    pub id: Option<String>,
    /// What computes; default `text`, which computes nothing but what is declared.
    #[serde(default)]
    pub kind: Option<String>,
    /// Heading in each language; default the house's for the kind.
    #[serde(default)]
    pub title: Option<Texts>,
    /// Parameters of the kind.
    #[serde(default)]
    pub with: Option<serde_json::Value>,
    /// What stands in place of the section where it has nothing to say.
    #[serde(default)]
    pub absent: Option<Texts>,
    /// Figures, by name.
    #[serde(default)]
    pub figures: Named<FigureSpec>,
    /// Tables, by name, in the order of the page.
    #[serde(default)]
    pub tables: Named<TableSpec>,
    /// Charts, by name, in the order of the page.
    #[serde(default)]
    pub charts: Named<ChartSpec>,
    /// Sentences under a condition.
    #[serde(default)]
    pub claims: Vec<Claim>,
    /// What readers call the things that it points at, by the text of the reference: `records:credit.hy`.
    #[serde(default)]
    pub names: BTreeMap<String, Texts>,
    /// Ids under which readers of the twin know its tables from earlier issues, by the tables' names; kept for a release.
    #[serde(default)]
    pub was: BTreeMap<String, String>,
    /// Heads of the columns that its kind leaves to it, by their names.
    #[serde(default)]
    pub heads: BTreeMap<String, Texts>,
    /// Titles of the axes of charts that its kind makes, by their names.
    #[serde(default)]
    pub axes: BTreeMap<String, Texts>,
    /// Captions of the tables and charts that its kind makes, by their names.
    #[serde(default)]
    pub captions: BTreeMap<String, Texts>,
    /// Notes below them.
    #[serde(default)]
    pub notes: BTreeMap<String, Texts>,
    /// Texts that its prose may ask for: `{{ t(".name") }}`.
    #[serde(default)]
    pub strings: Named<Texts>,
}

/// An entry of a report's `sections`: the id of a section, or a section declared there.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// A section of the house or of the report, as it is.
    Id(String),
    /// A section declared or changed in the report.
    Spec(Box<SectionSpec>),
}

impl JsonSchema for Entry {
    fn schema_name() -> Cow<'static, str> {
        "Entry".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The id of a section, or a section declared or changed here.",
            "anyOf": [
                generator.subschema_for::<schema::SectionId>(),
                {
                    "allOf": [generator.subschema_for::<SectionSpec>()],
                    "anyOf": [{"required": ["use"]}, {"required": ["id"]}],
                },
            ],
        })
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Entry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the id of a section, or a map with `use` or `id`")
            }

            fn visit_str<E: serde::de::Error>(self, id: &str) -> Result<Entry, E> {
                Ok(Entry::Id(id.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Entry, A::Error> {
                let spec = SectionSpec::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                if spec.uses.is_none() && spec.id.is_none() {
                    return Err(A::Error::custom("a section needs `use` or `id`"));
                }
                Ok(Entry::Spec(Box::new(spec)))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl Entry {
    /// The id of the section in the report.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Id(id) => id,
            Self::Spec(spec) => spec.id.as_deref().or(spec.uses.as_deref()).unwrap_or_default(),
        }
    }
}

/// A section of a report, with all that was declared of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// Its id in the report; what it computes is named under it.
    pub id: String,
    /// The section whose prose and layout it takes: itself, or the one that it uses.
    pub base: String,
    /// What computes.
    pub kind: String,
    /// What its author declared.
    pub spec: SectionSpec,
    /// Where that was read; the report's file for one declared there.
    pub origin: Origin,
    /// Where its parameters were set last: the section's file, or the report's.
    pub with: Origin,
    /// Its folder, with prose and layout; none for one declared in the report.
    pub folder: Option<PathBuf>,
}

impl Instance {
    /// The figures of a report as a section that no page shows.
    #[must_use]
    pub fn of_report(figures: &Named<FigureSpec>, origin: &Origin) -> Self {
        let id = OF_REPORT.to_owned();
        let spec = SectionSpec { figures: figures.clone(), ..SectionSpec::default() };
        let (kind, with) = ("text".to_owned(), origin.clone());
        Self { base: id.clone(), id, kind, spec, origin: origin.clone(), with, folder: None }
    }

    /// Whether it has a place on the pages.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        self.id != OF_REPORT
    }
}

/// The name that figures of a report stand under; no section has it.
pub const OF_REPORT: &str = "report";

/// Sections declared in folders, by id.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SectionFolders(BTreeMap<String, (SectionSpec, Origin, PathBuf)>);

impl SectionFolders {
    /// Reads `<folder>/<id>/section.yaml` for each id; a project without the folder declares none.
    ///
    /// # Errors
    /// A section with an id other than its folder's, or anything that loading refuses.
    pub fn load(folder: &Path) -> Result<Self> {
        let (mut found, mut faults) = (BTreeMap::new(), Refusals::default());
        for path in crate::house::folders(folder)? {
            let file = path.join("section.yaml");
            if !crate::house::is_file(&file) {
                continue;
            }
            let id = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let Some((spec, origin)) = faults.keep(load::<SectionSpec>(&file)) else { continue };
            if let Some(own) = spec.id.as_ref().filter(|own| **own != id) {
                let refusal = origin.refuse(at!["id"], format!("section `{own}` lies in the folder `{id}`"));
                faults.push(refusal.hint("take out `id`: a section is named like its folder"));
            }
            super::report::check_claim_ids(&spec.claims, &origin, &mut faults);
            super::report::check_conditions(&spec.claims, &origin, &mut faults);
            found.insert(id, (spec, origin, path));
        }
        faults.or(Self(found))
    }

    /// Ids, in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// The sections of a report: those of its own folders before the house's, each with the changes that the report makes.
///
/// # Errors
/// Two sections of one id, or one that is changed and stands nowhere.
pub fn instances(
    entries: &[Entry],
    origin: &Origin,
    own: &SectionFolders,
    house: &SectionFolders,
    built_in: &[&str],
) -> Result<Vec<Instance>, Refusal> {
    let mut instances: Vec<Instance> = Vec::new();
    for entry in entries {
        let id = entry.id().to_owned();
        if id == OF_REPORT {
            return Err(origin
                .refuse(&id, format!("`{id}` is the name of the report’s own figures"))
                .hint("give the section another id"));
        }
        if instances.iter().any(|earlier| earlier.id == id) {
            return Err(origin
                .refuse(&id, format!("section `{id}` stands twice"))
                .hint("give one of them an id of its own: {use: ..., id: ...}"));
        }
        let base = match entry {
            Entry::Id(id) => Some(id),
            Entry::Spec(spec) => spec.uses.as_ref(),
        };
        let found = base.and_then(|base| own.0.get(base).or_else(|| house.0.get(base)));
        let known = found.is_some() || base.is_none_or(|base| built_in.contains(&base.as_str()));
        if let Some(base) = base.filter(|_| !known) {
            let ids = own.ids().chain(house.ids()).chain(built_in.iter().copied());
            let hint = crate::nearest::nearest(base, ids).map(|near| format!("the nearest is `{near}`"));
            let refusal = origin.refuse(base, format!("unknown section `{base}`"));
            return Err(refusal.hint(hint.unwrap_or_else(|| "declare it under sections/".to_owned())));
        }
        let (mut spec, mut place, mut folder) = (SectionSpec::default(), origin.clone(), None);
        if let Some((declared, file, path)) = found {
            (spec, place, folder) = (declared.clone(), file.clone(), Some(path.clone()));
        }
        let mut with = place.clone();
        if let Entry::Spec(changes) = entry {
            if changes.with.is_some() {
                with = origin.clone();
            }
            spec = spec.changed(changes);
            if folder.is_none() {
                place = origin.clone();
            }
        }
        let base = base.cloned().unwrap_or_else(|| id.clone());
        let kind = spec.kind.clone().unwrap_or_else(|| {
            if built_in.contains(&base.as_str()) { base.clone() } else { "text".to_owned() }
        });
        instances.push(Instance { id, base, kind, spec, origin: place, with, folder });
    }
    Ok(instances)
}

impl SectionSpec {
    /// The section with the changes that a report makes: parameters one by one, the rest entry by entry.
    fn changed(mut self, changes: &Self) -> Self {
        let over = changes.clone();
        self.kind = over.kind.or(self.kind);
        self.title = over.title.or(self.title);
        self.absent = over.absent.or(self.absent);
        self.with = match (self.with, over.with) {
            (Some(serde_json::Value::Object(mut own)), Some(serde_json::Value::Object(more))) => {
                own.extend(more);
                Some(serde_json::Value::Object(own))
            }
            (own, more) => more.or(own),
        };
        self.figures.put(over.figures);
        self.tables.put(over.tables);
        self.charts.put(over.charts);
        self.strings.put(over.strings);
        self.names.extend(over.names);
        self.captions.extend(over.captions);
        self.axes.extend(over.axes);
        self.heads.extend(over.heads);
        self.notes.extend(over.notes);
        for claim in over.claims {
            self.claims.retain(|own| own.id != claim.id);
            self.claims.push(claim);
        }
        self
    }
}

impl<T> Named<T> {
    fn put(&mut self, more: Self) {
        for (name, entry) in more.0 {
            match self.0.iter_mut().find(|(known, _)| *known == name) {
                Some((_, own)) => *own = entry,
                None => self.0.push((name, entry)),
            }
        }
    }
}

#[cfg(test)]
mod tests;
