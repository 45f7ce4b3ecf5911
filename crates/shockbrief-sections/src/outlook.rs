//! Outlook: the desk's view and what would change it, as claims over the figures of other sections.

use crate::{Context, Outcome};
use anyhow::Result;
use shockbrief_core::Findings;

/// Computes nothing of its own: the view rests on figures that other sections show.
pub fn analyse(_: &Context<'_>, _: &mut Findings) -> Result<Outcome> {
    Ok(Outcome::Ready)
}
