//! Event studies: normal returns, abnormal returns, and every test on them.
//!
//! [`fit()`] estimates each firm's normal-return model once and keeps what the
//! tests need: residuals with their dates, abnormal returns with their
//! forecast errors, and the whitened regressor rows from which the variance
//! of any cumulative abnormal return follows exactly. [`tests()`] then computes
//! all cross-sectional tests of one window.
//!
//! Rows are the firm's own sessions; relative day k of a firm is its row
//! `event_row + k`. Returns are decimals, simple or logarithmic as the caller
//! chose; nothing here converts them. A missing return or regressor removes
//! that row of that firm and nothing else. The module refuses to fill gaps,
//! to guess an event row, and to replace a statistic that cannot be computed.
//!
//! Sub-modules hold one statistic family each.

pub mod battery;
pub mod bhar;
pub mod bootstrap;
pub mod calendar_time;
pub mod cross_section;
pub mod dependence;
pub mod event_time;
pub mod firm_event;
pub mod firm_fit;
pub mod fit;
pub mod intraday;
pub mod model;
pub mod mvrm;
pub mod nonsynchronous;
pub mod pair_sums;
pub mod placebo;
pub mod portfolio;
pub mod prepared;
pub mod rank;
pub mod rank_panel;
pub mod sign;
pub mod size;
pub mod standardised;
pub mod statistic;
pub mod volume;

pub use battery::{Tests, sample_tests, statistics, tests};
pub use firm_event::FirmEvent;
pub use firm_fit::{Car, Dropped, EventDay, FirmFit, SampleQuantile, Study};
pub use fit::fit;
pub use model::{Model, Spec};
pub use statistic::Stat;
