//! Ranks of a study's abnormal returns, kept by the study once made.

/// Every firm's ranks over estimation and event days, in event time.
#[derive(Debug)]
pub struct RankPanel {
    /// Relative days, estimation first.
    pub(crate) days: Vec<i32>,
    /// Per firm: slot of each observation on `days`.
    pub(crate) slots: Vec<Vec<u32>>,
    /// Per firm: U = rank/(1 + T_i) - 1/2 of each observation.
    pub(crate) scaled: Vec<Vec<f64>>,
    /// Per firm: mid-rank of each observation.
    pub(crate) ranks: Vec<Vec<f64>>,
    /// Per firm: sign of AR less the firm's median.
    pub(crate) signs: Vec<Vec<f64>>,
    /// Per firm: mid-ranks of the standardised estimation residuals and the
    /// residuals themselves, for the generalised rank test.
    pub(crate) residuals: Vec<(Vec<f64>, Vec<f64>)>,
}
