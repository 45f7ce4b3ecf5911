//! `config/claims.yaml`: sentences that every report with their section makes.

use super::{
    Origin,
    report::{Claim, Report, check_claim_ids, check_claim_languages, check_conditions},
};
use crate::schema::JsonSchema;
use crate::{Refusals, at};
use anyhow::Result;
use serde::Deserialize;
use std::path::Path;

/// Sentences that every report with their section makes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClaims {
    /// Sentences under a condition, each with the section that says it.
    claims: Vec<Claim>,
}

/// The claims that sections bring with them.
#[derive(Debug, Clone, PartialEq)]
pub struct HouseClaims {
    /// Where they were read, for messages.
    pub origin: Origin,
    claims: Vec<Claim>,
}

impl HouseClaims {
    /// Reads and validates the file.
    ///
    /// # Errors
    /// A claim without section, an id used twice, or anything [`super::load`] refuses.
    pub fn load(path: &Path) -> Result<Self> {
        let (RawClaims { claims }, origin): (RawClaims, Origin) = super::load(path)?;
        let mut faults = Refusals::default();
        check_claim_ids(&claims, &origin, &mut faults);
        check_conditions(&claims, &origin, &mut faults);
        for (index, claim) in claims.iter().enumerate().filter(|(_, claim)| claim.section.is_none()) {
            let refusal =
                origin.refuse(at!["claims", index], format!("claim `{}` names no section", claim.id));
            faults.push(refusal.hint("add `section:`, or move the claim into a report.yaml"));
        }
        faults.or(Self { origin, claims })
    }

    /// Those that a report makes: of its sections, unless it declares the id itself.
    pub fn of<'a>(&'a self, report: &'a Report) -> impl Iterator<Item = &'a Claim> {
        let shown = |id: &String| report.sections.contains(id);
        let made =
            move |claim: &Claim| claim.section.as_ref().is_some_and(shown) && claim.needs.iter().all(shown);
        let declared = |claim: &Claim| report.claims.iter().any(|own| own.id == claim.id);
        self.claims.iter().filter(move |claim| made(claim) && !declared(claim))
    }

    /// The claim with this id.
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<&Claim> {
        self.claims.iter().find(|claim| claim.id == id)
    }

    /// Refuses a claim of the report without text in one of the report's languages.
    ///
    /// # Errors
    /// Names file, line, claim and language.
    pub fn check(&self, report: &Report) -> Result<()> {
        let mut faults = Refusals::default();
        for claim in self.of(report) {
            let index = self.claims.iter().position(|other| other.id == claim.id).unwrap_or_default();
            for language in &report.languages {
                check_claim_languages(claim, language, &at!["claims", index], &self.origin, &mut faults);
            }
        }
        faults.finish()
    }
}
