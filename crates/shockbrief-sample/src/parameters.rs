//! `config/sample.yaml`: what is public and what the simulated part must look like.

use anyhow::Result;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;
use shockbrief_core::{EventId, Refusal, Symbol, config};
use std::{collections::BTreeMap, path::Path};

/// The whole parameter file.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// The event of `config/events.yaml`.
    pub event: EventId,
    /// First date of the simulated history.
    #[schemars(with = "shockbrief_core::schema::Day")]
    pub from: Date,
    /// Last date of the public moves.
    #[schemars(with = "shockbrief_core::schema::Day")]
    pub as_of: Date,
    /// First and last estimation row relative to day 0.
    pub estimation: [i32; 2],
    /// Row relative to day 0 from which moves are public.
    pub window_start: i32,
    /// The benchmark.
    pub benchmark: Benchmark,
    /// The instruments.
    pub instruments: Vec<Instrument>,
    /// Residual correlations.
    pub correlation: Correlation,
    /// Share counts.
    pub shares: Vec<Shares>,
    /// Results worked out from the parameters alone, for the tests.
    pub expected: Expected,
}

/// The benchmark; percent per session.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Benchmark {
    /// Its symbol.
    pub symbol: Symbol,
    /// Mean return in the estimation window.
    pub mean: f64,
    /// Standard deviation of returns in the estimation window, divisor n - 1.
    pub sd: f64,
    /// Close of the session before day 0.
    pub quote: f64,
    /// Public moves from `window_start` on.
    pub returns: Vec<f64>,
}

/// One instrument; alpha, sigma and returns in percent per session.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Instrument {
    /// Its symbol.
    pub symbol: Symbol,
    /// Intercept of the market model.
    pub alpha: f64,
    /// Slope of the market model on the benchmark over the same interval.
    pub beta: f64,
    /// Residual standard deviation, divisor M - 2.
    pub sigma: f64,
    /// Close of the session before day 0, where it was read as a quote.
    #[serde(default)]
    pub quote: Option<f64>,
    /// Level of the session before day 0 for a series without quotes.
    #[serde(default)]
    pub level: Option<f64>,
    /// Public moves from `window_start` on.
    pub returns: Vec<f64>,
}

/// Residual correlations as lower triangle.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Correlation {
    /// The order of rows and columns.
    pub symbols: Vec<Symbol>,
    /// Row i holds the correlations of symbol i + 1 with symbols 0 to i.
    pub rows: Vec<Vec<f64>>,
}

/// A share count.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shares {
    /// The company.
    pub symbol: Symbol,
    /// The date it refers to.
    #[schemars(with = "shockbrief_core::schema::Day")]
    pub as_of: Date,
    /// The date it became known.
    #[schemars(with = "shockbrief_core::schema::Day")]
    pub filed: Date,
    /// Number of shares.
    pub shares: u64,
    /// Where it can be read.
    #[allow(dead_code)] // stands in the file for its reader; the schema refuses a count without source
    source: String,
}

/// What a correct implementation finds on day 0.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The sample of the tests.
    pub companies: Vec<Symbol>,
    /// Mean off-diagonal residual correlation.
    pub mean_residual_correlation: f64,
    /// Mean abnormal return, decimal.
    pub mean_abnormal_return: f64,
    /// Boehmer, Musumeci & Poulsen.
    pub bmp_t: f64,
    /// The same after Kolari & Pynnonen.
    pub kp_adj_bmp_t: f64,
    /// Equal-weight portfolio.
    pub portfolio_t: f64,
    /// Joint F with a day dummy.
    pub mvrm_f: f64,
    /// Its degrees of freedom.
    pub mvrm_df: [f64; 2],
    /// Abnormal returns, decimal.
    pub abnormal_return: BTreeMap<Symbol, f64>,
    /// Standardised abnormal returns.
    pub sar: BTreeMap<Symbol, f64>,
}

impl Parameters {
    /// Reads `config/sample.yaml`.
    ///
    /// # Errors
    /// Anything [`config::load`] refuses.
    pub fn load(path: &Path) -> Result<Self> {
        Ok(config::load(path)?.0)
    }

    /// Instruments inside the correlation matrix, in its order.
    pub(crate) fn correlated(&self) -> Result<Vec<&Instrument>> {
        self.correlation
            .symbols
            .iter()
            .map(|symbol| {
                self.instruments.iter().find(|instrument| instrument.symbol == *symbol).ok_or_else(|| {
                    Refusal::config(format!(
                        "config/sample.yaml: correlation names `{symbol}`, which is no instrument"
                    ))
                    .hint("list it under `instruments`")
                    .into()
                })
            })
            .collect()
    }

    /// Instruments outside the correlation matrix.
    pub(crate) fn uncorrelated(&self) -> impl Iterator<Item = &Instrument> {
        self.instruments.iter().filter(|instrument| !self.correlation.symbols.contains(&instrument.symbol))
    }
}

impl Correlation {
    /// The full symmetric matrix.
    pub(crate) fn matrix(&self) -> Result<Vec<Vec<f64>>> {
        let n = self.symbols.len();
        (0..n).map(|i| (0..n).map(|k| self.between(i.max(k), i.min(k))).collect()).collect()
    }

    /// The correlation of two symbols by their places, the later one first.
    fn between(&self, i: usize, k: usize) -> Result<f64> {
        if i == k {
            return Ok(1.0);
        }
        self.rows.get(i - 1).and_then(|row| row.get(k)).copied().ok_or_else(|| {
            Refusal::config(format!(
                "config/sample.yaml: correlation of {} with {} is missing",
                self.symbols[i], self.symbols[k]
            ))
            .hint("row i of the triangle holds i values")
            .into()
        })
    }
}
