//! What every test returns.

use serde::Serialize;

/// A statistic with what a reader needs to judge it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Stat {
    /// The statistic; finite.
    pub value: f64,
    /// Degrees of freedom (numerator ones for an F); none for a normal.
    pub df: Option<f64>,
    /// Denominator degrees of freedom of an F.
    pub df2: Option<f64>,
    /// Two-sided p-value (upper tail for F and χ²); none for a descriptive.
    pub p: Option<f64>,
    /// Firms behind it.
    pub firms: usize,
    /// Firm-days of the window behind it.
    pub observations: usize,
}
