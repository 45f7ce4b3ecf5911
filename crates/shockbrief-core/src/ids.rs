//! Identifiers as types of their own, so that a theme is never passed where a symbol is due.

use crate::schema::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt};

macro_rules! id {
    ($(#[doc = $doc:literal])* $name:ident) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "description": concat!($($doc),*).trim_ascii()})
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

id!(
    /// A provider's symbol, such as `NVDA`, `005930.KS` or `^GSPC`.
    Symbol
);
id!(
    /// An exchange by ISO 10383 market identifier code, such as `XNYS`.
    Mic
);
id!(
    /// A theme of the universe, such as `compute`.
    ThemeId
);
id!(
    /// An event of `config/events.yaml`.
    EventId
);
id!(
    /// A currency by ISO 4217 code; `PTS` marks index points.
    Currency
);

impl Symbol {
    /// The symbol as it stands in figure ids: lower case, letters, digits and `_` only.
    ///
    /// `^GSPC` becomes `gspc`, `005930.KS` becomes `005930_ks`.
    #[must_use]
    pub fn slug(&self) -> String {
        self.0
            .trim_start_matches('^')
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
            .collect()
    }
}
