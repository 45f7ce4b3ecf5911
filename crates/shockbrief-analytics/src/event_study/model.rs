//! Normal-return models: which response, which regressors, over which windows.
//!
//! | model | response | regressors | p |
//! |---|---|---|---|
//! | mean adjusted | r | 1 | 1 |
//! | market adjusted, matched | r - m | none | 0 |
//! | market model | r | 1, m (and any further columns) | 2+ |
//! | CAPM | r - rf | 1, m - rf | 2 |
//! | FF3, Carhart, FF5, FF5 + momentum | r - rf | 1, m - rf, factors | 4-7 |
//! | Scholes-Williams, Dimson, Fowler-Rorke | r | 1, m; aggregated slope | 2 |
//!
//! MacKinlay (1997), Fama & French (1993, 2015), Carhart (1997), Scholes &
//! Williams (1977), Dimson (1979), Fowler & Rorke (1983).

use super::firm_event::FirmEvent;
use crate::reason::{Missing, Outcome};
use serde::{Deserialize, Serialize};

/// A normal-return model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// AR = r - mean of the estimation window.
    MeanAdjusted,
    /// AR = r - m; nothing is estimated, spread about zero on M.
    MarketAdjusted,
    /// r = α + βm + e.
    MarketModel,
    /// r - rf on a constant and m - rf.
    Capm,
    /// CAPM with size and value.
    Ff3,
    /// FF3 with momentum.
    Carhart4,
    /// FF3 with profitability and investment.
    Ff5,
    /// FF5 with momentum.
    Ff5Mom,
    /// AR = r - return of a control firm or portfolio; spread about zero.
    Matched,
    /// Market model with the Scholes-Williams slope.
    ScholesWilliams,
    /// Market model with the Dimson slope, one lead and one lag.
    Dimson,
    /// Market model with the Fowler-Rorke slope, one lead and one lag.
    FowlerRorke,
    /// Return over a reference donor on the other donors over it, without a
    /// constant: weights that sum to one. Made by
    /// [`crate::specifications`], not asked for by name.
    #[serde(skip)]
    Combination,
}

impl Model {
    /// The models of a study, in the order in which they are reported.
    pub const ALL: [Self; 12] = [
        Self::MeanAdjusted,
        Self::MarketAdjusted,
        Self::MarketModel,
        Self::Capm,
        Self::Ff3,
        Self::Carhart4,
        Self::Ff5,
        Self::Ff5Mom,
        Self::Matched,
        Self::ScholesWilliams,
        Self::Dimson,
        Self::FowlerRorke,
    ];

    /// The name used in configurations and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::MeanAdjusted => "mean_adjusted",
            Self::MarketAdjusted => "market_adjusted",
            Self::MarketModel => "market_model",
            Self::Capm => "capm",
            Self::Ff3 => "ff3",
            Self::Carhart4 => "carhart4",
            Self::Ff5 => "ff5",
            Self::Ff5Mom => "ff5_mom",
            Self::Matched => "matched",
            Self::ScholesWilliams => "scholes_williams",
            Self::Dimson => "dimson",
            Self::FowlerRorke => "fowler_rorke",
            Self::Combination => "combination",
        }
    }

    /// The model of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.name() == name)
    }

    /// Regressor columns a [`FirmEvent`] must carry, in order: `mkt` is the
    /// market's total return, the rest are the usual factor names.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::MeanAdjusted | Self::Combination => &[],
            Self::Matched => &["control"],
            Self::Ff3 => &["mkt", "smb", "hml"],
            Self::Carhart4 => &["mkt", "smb", "hml", "mom"],
            Self::Ff5 => &["mkt", "smb", "hml", "rmw", "cma"],
            Self::Ff5Mom => &["mkt", "smb", "hml", "rmw", "cma", "mom"],
            _ => &["mkt"],
        }
    }

    /// Whether returns are taken in excess of the risk-free rate.
    pub fn excess(self) -> bool {
        matches!(self, Self::Capm | Self::Ff3 | Self::Carhart4 | Self::Ff5 | Self::Ff5Mom)
    }

    /// Whether the slope is aggregated over leads and lags of the market.
    pub fn nonsynchronous(self) -> bool {
        matches!(self, Self::ScholesWilliams | Self::Dimson | Self::FowlerRorke)
    }

    /// Whether nothing is estimated (AR is a plain difference).
    pub fn difference(self) -> bool {
        matches!(self, Self::MarketAdjusted | Self::Matched)
    }

    /// Names of the coefficients, in order; `extra` further regressors of a
    /// market model are `x2`, `x3`, ...
    pub fn coefficient_names(self, regressors: usize) -> Vec<String> {
        let base: &[&str] = match self {
            Self::MeanAdjusted => &["mean"],
            Self::MarketAdjusted | Self::Matched | Self::Combination => &[],
            Self::Capm => &["alpha", "mkt_rf"],
            Self::Ff3 => &["alpha", "mkt_rf", "smb", "hml"],
            Self::Carhart4 => &["alpha", "mkt_rf", "smb", "hml", "mom"],
            Self::Ff5 => &["alpha", "mkt_rf", "smb", "hml", "rmw", "cma"],
            Self::Ff5Mom => &["alpha", "mkt_rf", "smb", "hml", "rmw", "cma", "mom"],
            _ => &["alpha", "beta"],
        };
        let mut names: Vec<String> = base.iter().map(ToString::to_string).collect();
        if self == Self::Combination {
            names.extend((1..=regressors).map(|k| format!("w{k}")));
        }
        if self == Self::MarketModel {
            names.extend((2..=regressors).map(|k| format!("x{k}")));
        }
        names
    }

    /// Number of coefficients p, given the firm's regressor columns.
    pub fn parameters(self, regressors: usize) -> usize {
        match self {
            Self::MeanAdjusted => 1,
            Self::MarketAdjusted | Self::Matched => 0,
            Self::MarketModel => 1 + regressors,
            Self::Combination => regressors,
            _ => 1 + self.columns().len(),
        }
    }

    /// Checks that the firm carries the columns the model needs, all of the
    /// length of its dates.
    ///
    /// # Errors
    /// [`Missing::Incomplete`] for absent columns,
    /// [`Missing::LengthMismatch`] for ragged ones.
    pub fn check(self, firm: &FirmEvent) -> Outcome<()> {
        if firm.regressors.len() < self.columns().len() {
            return Err(Missing::Incomplete { what: "the model's regressor columns" });
        }
        if self.excess() && firm.rf.is_none() {
            return Err(Missing::Incomplete { what: "the risk-free rate" });
        }
        let rows = firm.dates.len();
        let lengths = std::iter::once(firm.returns.len())
            .chain(firm.regressors.iter().map(|c| c.len()))
            .chain(firm.rf.iter().map(|c| c.len()))
            .chain(firm.gaps.iter().map(Vec::len));
        for left in lengths {
            if left != rows {
                return Err(Missing::LengthMismatch { what: "columns and dates", left, right: rows });
            }
        }
        Ok(())
    }

    /// Response at a row (r, r - m or r - rf), `None` when a part is missing.
    pub(crate) fn response(self, firm: &FirmEvent, row: usize) -> Option<f64> {
        let r = firm.returns[row]?;
        if firm.zero_investment {
            return Some(r);
        }
        if self.difference() {
            return Some(r - firm.regressors[0][row]?);
        }
        if self.excess() {
            return Some(r - firm.rf.as_ref()?[row]?);
        }
        Some(r)
    }

    /// Appends the regressor row (constant first) to `x`; `None` and an
    /// unspecified tail when a part is missing.
    pub(crate) fn regressor_row(self, firm: &FirmEvent, row: usize, x: &mut Vec<f64>) -> Option<()> {
        if self.difference() {
            return firm.regressors[0][row].map(|_| ());
        }
        if self == Self::Combination {
            for column in &firm.regressors {
                x.push(column[row]?);
            }
            return Some(());
        }
        x.push(1.0);
        if self == Self::MeanAdjusted {
            return Some(());
        }
        let rf = if self.excess() { firm.rf.as_ref()?[row]? } else { 0.0 };
        let columns = self.parameters(firm.regressors.len()) - 1;
        for (k, column) in firm.regressors.iter().take(columns).enumerate() {
            let value = column[row]?;
            x.push(if k == 0 { value - rf } else { value });
        }
        Some(())
    }
}

/// The windows, the model and the smallest estimation sample of a study.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// First and last relative day of the estimation window, inclusive.
    pub estimation: [i32; 2],
    /// First and last relative day of the event window, inclusive.
    pub window: [i32; 2],
    /// Usable estimation observations below which a firm is dropped.
    pub min_observations: usize,
    /// Normal-return model.
    pub model: Model,
}

impl Default for Spec {
    /// Estimation [-130, -11], event window [-5, 5], 60 observations, market
    /// model.
    fn default() -> Self {
        Self { estimation: [-130, -11], window: [-5, 5], min_observations: 60, model: Model::MarketModel }
    }
}
