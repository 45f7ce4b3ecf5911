//! Placebo dates: the event's mean SCAR against the estimation window's own.
//!
//! T₀ = |mean SCAR|; for every block of L consecutive relative days inside
//! the estimation window, the mean over firms of Σe/(s√L);
//! p = (1 + #{|T| >= T₀})/(1 + n). All cross-sectional dependence stays in.
//! Valid under stationarity, up to estimation error; like any comparison with
//! quiet days it over-rejects when event variance is higher.

use super::cross_section::CrossSection;
use crate::moments::mean;
use crate::reason::{Missing, Outcome};
use serde::Serialize;

/// Result of the placebo test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Placebo {
    /// |mean SCAR| of the event window.
    #[serde(rename = "T0")]
    pub t0: f64,
    /// Placebo blocks.
    pub n_placebo: usize,
    /// Blocks at least as far from zero.
    pub n_ge: usize,
    /// (1 + n_ge)/(1 + n_placebo).
    pub p: f64,
}

/// Runs the placebo test for the section's window.
///
/// # Errors
/// [`Missing::TooFew`] when fewer than 20 blocks fit.
pub fn placebo(c: &CrossSection<'_>) -> Outcome<Placebo> {
    let t0 = mean(&c.scar_values())?.abs();
    let blocks = block_means(c);
    if blocks.len() < 20 {
        return Err(Missing::TooFew { what: "placebo blocks", have: blocks.len(), need: 20 });
    }
    let n_ge = blocks.iter().filter(|b| b.abs() >= t0).count();
    Ok(Placebo { t0, n_placebo: blocks.len(), n_ge, p: (1 + n_ge) as f64 / (1 + blocks.len()) as f64 })
}

/// Mean over firms of standardised residual sums, block by block.
fn block_means(c: &CrossSection<'_>) -> Vec<f64> {
    let [e0, e1] = c.study.spec.estimation;
    let days = (e1 - e0 + 1) as usize;
    let length = c.length();
    if days < length {
        return Vec::new();
    }
    let mut sums = vec![0.0; days - length + 1];
    let mut firms = vec![0.0; days - length + 1];
    for fit in c.fits() {
        let mut value = vec![0.0; days];
        let mut present = vec![0_u32; days];
        for (k, day) in fit.estimation.days.iter().enumerate() {
            value[(day - e0) as usize] = fit.standardised_residual(k);
            present[(day - e0) as usize] = 1;
        }
        for start in 0..sums.len() {
            let count: u32 = present[start..start + length].iter().sum();
            if count > 0 {
                let sum: f64 = value[start..start + length].iter().sum();
                sums[start] += sum / f64::from(count).sqrt();
                firms[start] += 1.0;
            }
        }
    }
    let means = sums.iter().zip(&firms);
    means.filter(|(_, n)| **n > 0.0).map(|(s, n)| s / n).collect()
}
