//! Why a statistic is missing.
//!
//! Every fallible function of the crate returns [`Missing`]: a short, typed
//! account that the caller can print in place of the number ("41 of 60
//! estimation days"). It carries no file names and no advice, because the
//! crate does not know where its slices came from. A statistic is never
//! replaced by another one, and never by NaN.

use serde::Serialize;

/// The result of a statistic: the value, or the reason why there is none.
pub type Outcome<T> = Result<T, Missing>;

/// Why a statistic cannot be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Missing {
    /// Fewer usable estimation observations than the study requires.
    #[error("{have} of {need} estimation days")]
    TooShort {
        /// Usable observations.
        have: usize,
        /// Observations required.
        need: usize,
    },
    /// Fewer observations of some other kind than the formula needs.
    #[error("{have} of {need} {what}")]
    TooFew {
        /// What is counted, in the plural ("observations", "pairs").
        what: &'static str,
        /// How many there are.
        have: usize,
        /// How many are needed.
        need: usize,
    },
    /// The regressors are linearly dependent over the rows used.
    #[error("the regressors are linearly dependent")]
    Singular,
    /// Variables explain each other up to rounding, so that their covariance has no inverse.
    #[error("{what} are linearly dependent")]
    Dependent {
        /// Which variables, in the plural.
        what: &'static str,
    },
    /// A series does not vary, so that nothing can be scaled by its spread.
    #[error("{what} does not vary")]
    ConstantSeries {
        /// Which series.
        what: &'static str,
    },
    /// No firm has a valid return in the window.
    #[error("no firm has a valid return in the window")]
    NoFirms,
    /// A window that contains no row, or whose ends are out of order.
    #[error("the window [{from}, {to}] contains no row")]
    EmptyWindow {
        /// First relative day.
        from: i32,
        /// Last relative day.
        to: i32,
    },
    /// The estimation and event windows share rows.
    #[error("the estimation window overlaps the event window")]
    OverlappingWindows,
    /// The event row lies outside the firm's rows.
    #[error("the event lies outside the sample")]
    OutsideSample,
    /// A tested window that reaches beyond the event window of the study.
    #[error("the window [{from}, {to}] reaches beyond the event window")]
    BeyondWindow {
        /// First relative day.
        from: i32,
        /// Last relative day.
        to: i32,
    },
    /// The firm has no usable return inside the tested window.
    #[error("no valid return in the event window")]
    NoEventReturn,
    /// `1 + (N-1) r` is not positive: the dependence adjustment has no root.
    #[error("1 + (N-1) x {correlation:.4} is not positive for N = {firms}")]
    NegativeDependence {
        /// Mean correlation that makes the factor non-positive.
        correlation: f64,
        /// Number of firms.
        firms: usize,
    },
    /// The statistic needs complete data and something is missing.
    #[error("needs complete data: {what}")]
    Incomplete {
        /// What is absent.
        what: &'static str,
    },
    /// The firms do not share one calendar of rows.
    #[error("needs a common event date and shared estimation rows")]
    NotCommonDate,
    /// An input is not a finite number or lies outside its domain.
    #[error("{what} is not valid")]
    Invalid {
        /// Which input.
        what: &'static str,
    },
    /// Inputs that should have equal length do not.
    #[error("{what}: lengths {left} and {right} differ")]
    LengthMismatch {
        /// Which inputs.
        what: &'static str,
        /// First length.
        left: usize,
        /// Second length.
        right: usize,
    },
    /// An iterative method stopped before it converged.
    #[error("{what} did not converge")]
    NotConverged {
        /// Which method.
        what: &'static str,
    },
    /// The arithmetic overflowed or gave no finite number.
    #[error("{what} is not a finite number")]
    NotFinite {
        /// Which quantity.
        what: &'static str,
    },
    /// The statistic does not apply to this model or design.
    #[error("{what}")]
    NotApplicable {
        /// Why, as a clause.
        what: &'static str,
    },
}

/// `value` when it is finite, otherwise [`Missing::NotFinite`] naming `what`.
///
/// # Errors
/// [`Missing::NotFinite`] for NaN and the infinities.
pub fn finite(value: f64, what: &'static str) -> Outcome<f64> {
    if value.is_finite() { Ok(value) } else { Err(Missing::NotFinite { what }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_a_reader_would_say_it() {
        let short = Missing::TooShort { have: 41, need: 60 };
        assert_eq!(short.to_string(), "41 of 60 estimation days");
        let json = serde_json::to_string(&short).unwrap();
        assert_eq!(json, r#"{"reason":"too_short","have":41,"need":60}"#);
    }
}
