//! `config/scenarios.yaml`: stress scenarios and the model portfolios that they are applied to.

use super::{KeyPath, Origin, unique};
use crate::schema::JsonSchema;
use crate::{EventId, Refusals, Symbol, ThemeId, at};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::Path};

/// Tolerance on the sum of a portfolio's weights.
const TOLERANCE: f64 = 1e-9;

/// A portfolio of names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelPortfolio {
    /// Its name by language.
    pub name: BTreeMap<String, String>,
    /// Weights that sum to one.
    pub weights: BTreeMap<Symbol, f64>,
}

/// Returns of some themes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScenarioSpec {
    /// Its name by language.
    pub name: BTreeMap<String, String>,
    /// Return of each theme shocked, in decimals over the horizon.
    pub shock: BTreeMap<ThemeId, f64>,
}

/// Everything the stress section applies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenarios {
    /// Sessions over which a scenario unfolds.
    pub horizon: usize,
    /// Model portfolios by id.
    pub portfolios: BTreeMap<String, ModelPortfolio>,
    /// Scenarios by id.
    pub scenarios: BTreeMap<String, ScenarioSpec>,
    /// Past events replayed, ids of `events.yaml`.
    #[serde(default)]
    pub replays: Vec<EventId>,
    /// Where they were read, for messages.
    #[serde(skip)]
    pub origin: Option<Origin>,
}

impl Scenarios {
    /// Reads and validates the file.
    ///
    /// # Errors
    /// Weights that do not sum to one, a horizon of zero, or anything [`super::load`] refuses.
    pub fn load(path: &Path) -> Result<Self> {
        let (scenarios, origin): (Self, Origin) = super::load(path)?;
        let mut faults = Refusals::default();
        if scenarios.horizon == 0 {
            let refusal = origin.refuse(at!["horizon"], "a horizon of 0 sessions");
            faults.push(refusal.hint("write 1 or more"));
        }
        for (id, portfolio) in &scenarios.portfolios {
            check_weights(id, &at!["portfolios", id, "weights"], &portfolio.weights, &origin, &mut faults);
        }
        unique(&scenarios.replays, &at!["replays"], &origin, &mut faults);
        faults.or(Self { origin: Some(origin), ..scenarios })
    }

    /// The same scenarios for one portfolio alone.
    #[must_use]
    pub fn alone(&self, id: &str, portfolio: &ModelPortfolio) -> Self {
        Self { portfolios: BTreeMap::from([(id.to_owned(), portfolio.clone())]), ..self.clone() }
    }
}

/// Weights are of one whole portfolio.
pub(super) fn check_weights(
    id: &str,
    at: &KeyPath,
    weights: &BTreeMap<Symbol, f64>,
    origin: &Origin,
    faults: &mut Refusals,
) {
    let sum: f64 = weights.values().sum();
    if (sum - 1.0).abs() > TOLERANCE || sum.is_nan() {
        faults.push(
            origin
                .refuse(at, format!("weights of portfolio `{id}` sum to {sum}, not 1"))
                .hint("correct the weights; cash is not a position here"),
        );
    }
}
