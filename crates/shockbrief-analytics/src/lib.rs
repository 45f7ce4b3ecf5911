//! Event studies, shock detection, contagion and stress: pure functions.
//!
//! Every function here maps slices and small panels of numbers to statistics.
//! The crate reads no file, asks no clock and starts no thread it does not
//! join; seeds and dates are arguments. A statistic that cannot be computed
//! is a [`reason::Missing`], never NaN and never another statistic.

pub mod benchmark;
pub mod block_length;
pub mod calibration;
pub mod catalogue;
pub mod changepoint;
pub mod concentration;
pub mod contagion;
pub mod detection;
pub mod distributions;
pub mod drawdown;
pub mod event_study;
pub mod ewma;
pub mod exposures;
pub mod extremes;
pub mod forward_returns;
pub mod garch;
pub mod latent;
pub mod linalg;
pub mod matched_interval;
pub mod moments;
pub mod multiplicity;
pub mod performance;
pub mod power;
pub mod reason;
pub mod rng;
pub mod specifications;
pub mod stat;
pub mod stress;
pub mod study;
pub mod synthetic;
pub mod trailing;
pub mod volatility;
