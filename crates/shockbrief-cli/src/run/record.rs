//! `run.json`: what the last run did, for machines; and the metrics of all reports.
//!
//! Its keys are listed in `run.schema.json` beside this file. Both files are replaced by renaming and never synced:
//! the next run writes them again, and a run with nothing to do must not wait for a disk.

use super::{Stopped, clock, making::Work};
use crate::{exit_code, next_step, plan::Item, render};
use anyhow::Result;
use jiff::{Timestamp, civil::Date};
use serde::Serialize;
use shockbrief_core::fs::{write_swapped, write_swapped_private};
use shockbrief_run::metrics;
use std::{path::Path, time::Instant};

/// The version of `run.json`; a new key leaves it, a changed meaning raises it.
const SCHEMA: u32 = 1;
/// Its name in the output folder.
const FILE: &str = "run.json";

/// What became of one brief.
#[derive(Debug, Serialize)]
pub struct Made {
    pub report: String,
    pub period: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Date>,
    /// `published`, `unchanged`, `quiet` or `failed`.
    pub outcome: &'static str,
    pub why: String,
    pub seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims_replaced: Option<usize>,
    pub exit_code: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Made {
    /// An item of which nothing is known yet but how long it took.
    pub fn new(item: &Item, seconds: f64) -> Self {
        Self {
            report: item.slug.clone(),
            period: item.period.to_string(),
            as_of: None,
            outcome: "quiet",
            why: item.why.clone(),
            seconds,
            revision: None,
            pages: None,
            claims_replaced: None,
            exit_code: 0,
            error: None,
            hint: None,
        }
    }

    /// Whether the brief is out after the run.
    pub fn out(&self) -> bool {
        matches!(self.outcome, "published" | "unchanged")
    }
}

/// What became of one delivery.
#[derive(Debug, Serialize)]
pub struct Sent {
    pub report: String,
    pub period: String,
    pub revision: u32,
    pub target: String,
    /// `delivered` or `undelivered`.
    pub outcome: &'static str,
}

/// A failure with its next step, of a brief or of the run.
#[derive(Debug, Serialize)]
struct Failure {
    exit_code: u8,
    error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

#[derive(Debug, Serialize)]
struct Record<'a> {
    schema: u32,
    shockbrief: &'static str,
    now: Timestamp,
    finished: Timestamp,
    seconds: f64,
    exit_code: u8,
    briefs: &'a [Made],
    deliveries: &'a [Sent],
    failures: Vec<Failure>,
}

/// Writes `run.json`, and the metrics where they are asked for.
pub fn write(work: &Work<'_>, exit_code: u8) -> Result<()> {
    let finished = clock();
    let record = Record {
        schema: SCHEMA,
        shockbrief: env!("CARGO_PKG_VERSION"),
        now: work.now,
        finished,
        seconds: work.began.elapsed().as_secs_f64(),
        exit_code,
        briefs: &work.made,
        deliveries: &work.sent,
        failures: work.failures.iter().map(failure).collect(),
    };
    write_swapped_private(&work.args.out.join(FILE), &render::json(&record)?)?;
    let Some(path) = &work.args.metrics else { return Ok(()) };
    let reports = metrics::of(work.ledger.entries());
    write_swapped(path, metrics::text(finished, exit_code, &reports).as_bytes())
}

/// Writes `run.json` for a run that a signal ended from outside.
pub fn abandoned(out: &Path, now: Timestamp, began: Instant, signal: u8) -> Result<()> {
    let finished = clock();
    let stopped = Stopped(signal).into();
    let record = Record {
        schema: SCHEMA,
        shockbrief: env!("CARGO_PKG_VERSION"),
        now,
        finished,
        seconds: began.elapsed().as_secs_f64(),
        exit_code: 128 + signal,
        briefs: &[],
        deliveries: &[],
        failures: vec![failure(&stopped)],
    };
    write_swapped(&out.join(FILE), &render::json(&record)?)
}

fn failure(error: &anyhow::Error) -> Failure {
    Failure { exit_code: exit_code(error), error: format!("{error:#}"), hint: next_step(error) }
}
