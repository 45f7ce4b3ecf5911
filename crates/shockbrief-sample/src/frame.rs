//! The sessions of an exchange with the rows that a reconstruction turns on.

use crate::parameters::Parameters;
use anyhow::{Context, Result};
use jiff::Timestamp;
use shockbrief_core::Session;
use std::ops::Range;

/// One exchange's sessions with the rows that matter.
pub(crate) struct Frame<'a> {
    pub sessions: &'a [Session],
    pub day0: usize,
    pub estimation: Range<usize>,
    pub public: usize,
}

impl<'a> Frame<'a> {
    pub fn new(sessions: &'a [Session], event: Timestamp, parameters: &Parameters) -> Result<Self> {
        let day0 = sessions.partition_point(|session| session.close <= event);
        let row = |relative: i32| {
            day0.checked_add_signed(relative as isize).filter(|row| *row < sessions.len()).with_context(
                || {
                    format!(
                        "config/sample.yaml: row {relative} lies outside {} .. {}",
                        parameters.from, parameters.as_of
                    )
                },
            )
        };
        let [first, last] = parameters.estimation;
        Ok(Self {
            sessions,
            day0,
            estimation: row(first)?..row(last)? + 1,
            public: row(parameters.window_start)?,
        })
    }
}
