//! A firm at an event: columns over its sessions and the row of day 0.

use jiff::civil::Date;
use std::sync::Arc;

/// One firm at one event, with aligned columns over its own sessions.
///
/// Columns sit behind [`Arc`]: a panel of thousands of firms holds the shared ones
/// (dates, market) once and factorises them once, and moving day 0 copies none.
#[derive(Debug, Clone)]
pub struct FirmEvent {
    /// Identifier of this firm-event pair, unique in a study.
    pub id: String,
    /// Firm name or ticker; one firm may have several events.
    pub firm: String,
    /// Session dates, strictly ascending.
    pub dates: Arc<[Date]>,
    /// Returns in decimals; `None` where missing.
    pub returns: Arc<[Option<f64>]>,
    /// Regressor columns in the order of [`super::Model::columns`]: the market total
    /// return first (or the control return of a matched study). A market
    /// model takes further columns as additional regressors.
    pub regressors: Vec<Arc<[Option<f64>]>>,
    /// Risk-free return per row, needed by the factor models.
    pub rf: Option<Arc<[Option<f64>]>>,
    /// Reference sessions spanned by each row (1 = an ordinary day).
    pub gaps: Option<Vec<u32>>,
    /// Rows kept out of the estimation window, such as other shocks' windows.
    pub excluded: Vec<usize>,
    /// Row of relative day 0.
    pub event_row: usize,
    /// Whether `returns` are already a difference of two positions (a
    /// long-short portfolio): no risk-free rate or market is taken off.
    pub zero_investment: bool,
}

impl FirmEvent {
    /// A firm without regressors, gaps or exclusions.
    pub fn new(
        id: impl Into<String>,
        dates: impl Into<Arc<[Date]>>,
        returns: impl Into<Arc<[Option<f64>]>>,
        event_row: usize,
    ) -> Self {
        let id = id.into();
        Self {
            firm: id.clone(),
            id,
            dates: dates.into(),
            returns: returns.into(),
            regressors: Vec::new(),
            rf: None,
            gaps: None,
            excluded: Vec::new(),
            event_row,
            zero_investment: false,
        }
    }

    /// The same firm with regressor columns.
    #[must_use]
    pub fn with_regressors(mut self, columns: Vec<Arc<[Option<f64>]>>) -> Self {
        self.regressors = columns;
        self
    }

    /// The same firm with a risk-free column.
    #[must_use]
    pub fn with_rf(mut self, rf: Arc<[Option<f64>]>) -> Self {
        self.rf = Some(rf);
        self
    }

    /// The date of relative day 0, when that row exists.
    pub fn event_date(&self) -> Option<Date> {
        self.dates.get(self.event_row).copied()
    }

    /// The row of relative day `day`, when it exists.
    pub fn row(&self, day: i32) -> Option<usize> {
        let row = self.event_row.checked_add_signed(day as isize)?;
        (row < self.dates.len()).then_some(row)
    }
}
