//! JSON schemas (draft 2020-12) of the files that authors write, made from the types that read them.
//!
//! Descriptions are the types' own documentation. What a type reads by hand is described by hand beside it, with the
//! words of this module.

pub use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::config::load;
use anyhow::Result;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::{borrow::Cow, path::Path};

/// A kind of file that authors write.
#[derive(Debug, Clone, Copy)]
pub struct File {
    /// Its name for who asks for the schema.
    pub name: &'static str,
    /// Where it lies in a desk.
    pub place: &'static str,
    make: fn(&mut SchemaGenerator) -> Schema,
    read: fn(&Path) -> Result<()>,
}

impl File {
    /// A file that is read into `T`.
    #[must_use]
    pub const fn of<T: JsonSchema + DeserializeOwned>(name: &'static str, place: &'static str) -> Self {
        Self {
            name,
            place,
            make: SchemaGenerator::subschema_for::<T>,
            read: |path| load::<T>(path).map(drop),
        }
    }

    /// Reads a file of this kind as far as its form goes.
    ///
    /// # Errors
    /// Whatever [`load`] refuses.
    pub fn read(&self, path: &Path) -> Result<()> {
        (self.read)(path)
    }

    /// Its schema, with the schema of what its `with:` may hold for each of these kinds of sections.
    #[must_use]
    pub fn schema(&self, kinds: &[Kind]) -> Value {
        let mut generator = SchemaGenerator::default();
        let root = (self.make)(&mut generator).to_value();
        let with: Vec<Value> = kinds.iter().map(|kind| kind.rule(&mut generator)).collect();
        let mut definitions = generator.take_definitions(true);
        if let Some(section) = definitions.get_mut("SectionSpec").and_then(Value::as_object_mut)
            && !with.is_empty()
        {
            section.insert("allOf".to_owned(), with.into());
            section["properties"]["kind"]["examples"] =
                kinds.iter().map(|kind| kind.name).collect::<Vec<_>>().into();
        }
        let mut schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": self.place,
        });
        // What the root points at stands in its own place, so that editors show its keys first.
        let name = root["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")).map(str::to_owned);
        let root = name.as_ref().and_then(|name| definitions.get(name).cloned()).unwrap_or(root);
        if let Some(name) = name {
            let own = definitions.remove(&name);
            let path = format!("\"#/$defs/{name}\"");
            let again = Value::from(definitions.clone()).to_string().contains(&path)
                || root.to_string().contains(&path);
            definitions.extend(own.filter(|_| again).map(|own| (name, own)));
        }
        if let (Value::Object(schema), Value::Object(root)) = (&mut schema, root) {
            schema.extend(root.into_iter().filter(|(key, _)| key != "title"));
            if !definitions.is_empty() {
                schema.insert("$defs".to_owned(), definitions.into());
            }
        }
        schema
    }
}

/// The parameters of a kind of section.
pub struct Kind {
    /// Its name in `kind:`.
    pub name: &'static str,
    /// Their schema.
    pub parameters: fn(&mut SchemaGenerator) -> Schema,
}

impl Kind {
    /// Where a section is of this kind and no change of another, its parameters are those.
    fn rule(&self, generator: &mut SchemaGenerator) -> Value {
        json!({
            "if": {
                "properties": {"kind": {"const": self.name}},
                "required": ["kind"],
                "not": {"required": ["use"]},
            },
            "then": {"properties": {"with": (self.parameters)(generator)}},
        })
    }
}

/// A text of a form of its own.
macro_rules! text {
    ($(#[doc = $doc:literal])* $name:ident $(, $key:literal = $value:expr)*) => {
        $(#[doc = $doc])*
        #[derive(Debug)]
        pub struct $name;

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string", "description": concat!($($doc),*).trim_ascii() $(, $key: $value)*
                })
            }
        }
    };
}

text!(
    /// A date, such as 2025-01-27.
    Day,
    "pattern" = "^\\d{4}-\\d{2}-\\d{2}$"
);
text!(
    /// A time of day, such as 07:00.
    Clock,
    "pattern" = "^\\d{2}:\\d{2}(:\\d{2})?$"
);
text!(
    /// An instant in UTC or with its offset, such as 2025-01-27T14:30:00Z.
    Instant,
    "pattern" = "^\\d{4}-\\d{2}-\\d{2}[T ]\\d{2}:\\d{2}"
);
text!(
    /// The id of a fact of `config/facts`.
    FactId
);
text!(
    /// The id of a section: of the house, of the report, or built in.
    SectionId
);
text!(
    /// The id of a source of `config/sources.yaml`.
    SourceId
);
text!(
    /// The id of a figure, such as `nvda.return.day0`; `shockbrief list figures REPORT` lists them.
    FigureId
);
text!(
    /// How a figure is printed: a filter with its options, such as `pct(1)`; `shockbrief list filters` lists them.
    Printed
);
text!(
    /// The code of a language that `config/languages` has, such as `en`.
    LanguageCode
);

/// Says that a type is read through another, whose schema is then its own.
macro_rules! read_as {
    ($name:ident: $raw:ident) => {
        impl $crate::schema::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                <$raw as $crate::schema::JsonSchema>::schema_name()
            }

            fn json_schema(generator: &mut $crate::schema::SchemaGenerator) -> $crate::schema::Schema {
                <$raw as $crate::schema::JsonSchema>::json_schema(generator)
            }
        }
    };
}
pub(crate) use read_as;

/// One of some words.
#[must_use]
pub fn words(description: &str, words: &[&str]) -> Schema {
    json_schema!({"type": "string", "description": description, "enum": words})
}

/// Turns an object's schema into one of which exactly one key is given, those named here aside.
pub fn one_of(others: &'static [&'static str]) -> impl FnMut(&mut Schema) {
    move |schema| {
        let keys: Vec<String> = schema
            .get("properties")
            .and_then(Value::as_object)
            .map(|properties| {
                properties.keys().filter(|key| !others.contains(&key.as_str())).cloned().collect()
            })
            .unwrap_or_default();
        let ways: Vec<Value> = keys.iter().map(|key| json!({"required": [key]})).collect();
        schema.insert("oneOf".to_owned(), ways.into());
    }
}
