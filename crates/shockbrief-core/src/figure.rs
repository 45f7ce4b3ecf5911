//! A figure: a number that may appear in a brief, with everything needed to trace it.

use crate::schema::JsonSchema;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// What a figure's value measures; filters refuse a unit that they do not print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// A share or return in decimals; printed as percent.
    Ratio,
    /// A difference of ratios in decimals; printed as percentage points.
    Points,
    /// An amount of money; the figure names its currency.
    Money,
    /// A price as quoted; the figure names its currency.
    Price,
    /// A whole number of things.
    Count,
    /// Trading sessions.
    Sessions,
    /// A test statistic.
    Statistic,
    /// A p-value.
    Probability,
    /// A correlation, between -1 and 1.
    Correlation,
    /// A plain number, such as a beta or a ratio of variances.
    Number,
    /// A calendar date.
    Date,
}

/// The value of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Value {
    /// A finite number.
    Number(f64),
    /// A date.
    Date(#[schemars(with = "crate::schema::Day")] Date),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Date(date) => date.fmt(f),
        }
    }
}

/// A number with its origin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// Dotted id, such as `nvda.return.day0`; unique within a brief.
    pub id: String,
    /// The value, or `None` with a reason.
    pub value: Option<Value>,
    /// Why there is no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the value measures.
    pub unit: Unit,
    /// ISO code for money and prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// The statistic that made it, a key of the method catalogue such as `kp_adj_bmp_t`.
    pub statistic: String,
    /// Number of firms behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firms: Option<usize>,
    /// Number of observations behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<usize>,
    /// Degrees of freedom: one number, or two for an F statistic.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub df: Vec<f64>,
    /// Standard error, in the value's unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub se: Option<f64>,
    /// Two-sided p-value unless the statistic says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
    /// What went in: symbols, or ids of other figures.
    pub inputs: Vec<String>,
    /// First and last date of the observations used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<(Date, Date)>,
    /// Nothing later than this date was used.
    pub as_of: Date,
}

impl Figure {
    /// A figure with a value; a value that is not finite becomes a missing one with that reason.
    pub fn new(id: impl Into<String>, value: f64, unit: Unit, statistic: &str, as_of: Date) -> Self {
        let finite = value.is_finite();
        Self {
            id: id.into(),
            value: finite.then_some(Value::Number(value)),
            reason: (!finite).then(|| "the computation left the range of floating point".to_owned()),
            unit,
            currency: None,
            statistic: statistic.to_owned(),
            firms: None,
            n: None,
            df: Vec::new(),
            se: None,
            p: None,
            inputs: Vec::new(),
            span: None,
            as_of,
        }
    }

    /// A figure that could not be computed, and why.
    pub fn missing(
        id: impl Into<String>,
        reason: impl Into<String>,
        unit: Unit,
        statistic: &str,
        as_of: Date,
    ) -> Self {
        Self { value: None, reason: Some(reason.into()), ..Self::new(id, 0.0, unit, statistic, as_of) }
    }

    /// A date as figure.
    pub fn date(id: impl Into<String>, date: Date, statistic: &str, as_of: Date) -> Self {
        Self { value: Some(Value::Date(date)), ..Self::new(id, 0.0, Unit::Date, statistic, as_of) }
    }

    /// From a computed value or the reason why there is none.
    pub fn from_result<E: std::fmt::Display>(
        id: impl Into<String>,
        value: Result<f64, E>,
        unit: Unit,
        statistic: &str,
        as_of: Date,
    ) -> Self {
        match value {
            Ok(value) => Self::new(id, value, unit, statistic, as_of),
            Err(reason) => Self::missing(id, reason.to_string(), unit, statistic, as_of),
        }
    }

    /// Names the inputs.
    #[must_use]
    pub fn inputs<I: Into<String>>(mut self, inputs: impl IntoIterator<Item = I>) -> Self {
        self.inputs = inputs.into_iter().map(Into::into).collect();
        self
    }

    /// States the number of firms.
    #[must_use]
    pub fn firms(mut self, firms: usize) -> Self {
        self.firms = Some(firms);
        self
    }

    /// States the number of observations.
    #[must_use]
    pub fn n(mut self, n: usize) -> Self {
        self.n = Some(n);
        self
    }

    /// States degrees of freedom.
    #[must_use]
    pub fn df(mut self, df: impl IntoIterator<Item = f64>) -> Self {
        self.df = df.into_iter().collect();
        self
    }

    /// States the p-value.
    #[must_use]
    pub fn p(mut self, p: f64) -> Self {
        self.p = p.is_finite().then_some(p);
        self
    }

    /// States the standard error.
    #[must_use]
    pub fn se(mut self, se: f64) -> Self {
        self.se = se.is_finite().then_some(se);
        self
    }

    /// States the currency.
    #[must_use]
    pub fn currency(mut self, currency: &str) -> Self {
        self.currency = Some(currency.to_owned());
        self
    }

    /// States the dates of the observations used.
    #[must_use]
    pub fn span(mut self, first: Date, last: Date) -> Self {
        self.span = Some((first, last));
        self
    }

    /// The number, when there is one.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self.value {
            Some(Value::Number(value)) => Some(value),
            _ => None,
        }
    }
}
