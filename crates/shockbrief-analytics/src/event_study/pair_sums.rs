//! Sums over pairs of firms, kept by the study once made.

use crate::reason::{Missing, Outcome};

/// Sums over pairs of firms.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PairSums {
    /// All pairs, N(N-1)/2.
    pub pairs: usize,
    /// Pairs with enough common estimation days.
    pub pairs_estimation: usize,
    /// Σ ρ over those.
    pub sum_rho: f64,
    /// Pairs with a common event day.
    pub pairs_event: usize,
    /// Σ ρ n_ij/sqrt(L_i L_j).
    pub sum_theta: f64,
    /// Pairs with a common event day whose ρ is unknown.
    pub unknown: usize,
}

impl PairSums {
    /// The sums of both.
    #[must_use]
    pub fn plus(mut self, other: Self) -> Self {
        self.pairs += other.pairs;
        self.pairs_estimation += other.pairs_estimation;
        self.sum_rho += other.sum_rho;
        self.pairs_event += other.pairs_event;
        self.sum_theta += other.sum_theta;
        self.unknown += other.unknown;
        self
    }

    /// r̄.
    ///
    /// # Errors
    /// [`Missing::TooFew`] when no pair has 20 common days.
    pub fn r_bar(&self) -> Outcome<f64> {
        if self.pairs_estimation == 0 {
            return Err(Missing::TooFew { what: "pairs of firms with 20 common days", have: 0, need: 1 });
        }
        Ok(self.sum_rho / self.pairs_estimation as f64)
    }

    /// θ, the mean over pairs whose weight times correlation is known.
    ///
    /// # Errors
    /// [`Missing::TooFew`] when there is no such pair.
    pub fn theta(&self) -> Outcome<f64> {
        let known = self.pairs - self.unknown;
        if known == 0 {
            return Err(Missing::TooFew { what: "pairs of firms", have: 0, need: 1 });
        }
        Ok(self.sum_theta / known as f64)
    }
}
