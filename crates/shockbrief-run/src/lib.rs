//! Unattended runs: which briefs are due, the record of those made, and what is told to the outside.
//!
//! Nothing here reads a clock, loads data or starts a process: instants, sessions and outcomes come in as
//! arguments, so that every rule can be tested for any day.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::string_slice))]

pub mod due;
pub mod ledger;
pub mod metrics;
pub mod outputs;
pub mod receipts;
pub mod schedules;
pub mod shard;
