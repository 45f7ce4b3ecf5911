//! `config/events.yaml`: dated shocks, as instants.

use super::Origin;
use crate::schema::{self, JsonSchema};
use crate::{EventId, Refusals, at};
use anyhow::Result;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::Path};

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When the news reached markets, in UTC; day 0 of a name is its first session closing after it.
    #[schemars(with = "schema::Instant")]
    pub instant: Timestamp,
    /// What happened, in each language.
    pub name: BTreeMap<String, String>,
    /// The story it belongs to, such as `export-controls`; default none.
    #[serde(default)]
    pub topic: Option<String>,
    /// Where this can be read.
    pub source: String,
}

/// All declared events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Events {
    /// Events by id.
    pub events: BTreeMap<EventId, Event>,
    /// Where they were read, for messages.
    pub origin: Option<Origin>,
}

impl Events {
    /// Reads the file.
    ///
    /// # Errors
    /// Anything [`super::load`] refuses.
    pub fn load(path: &Path) -> Result<Self> {
        let (events, origin): (BTreeMap<EventId, Event>, Origin) = super::load(path)?;
        let mut faults = Refusals::default();
        for id in events.keys().filter(|id| id.as_str() == super::DETECTED) {
            let refusal =
                origin.refuse(at![id.as_str()], format!("`{id}` is the name of whatever is detected"));
            faults.push(refusal.hint("give the event another id"));
        }
        faults.or(Self { events, origin: Some(origin) })
    }
}
