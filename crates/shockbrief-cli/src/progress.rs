//! How far a command is: one line on standard error where that is a terminal, else nothing.
//!
//! The line is taken away while something is printed and when it is dropped, so that nothing of it stays.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    io::IsTerminal,
    sync::{Mutex, PoisonError},
};

/// The line that is shown now; there is one terminal.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// A line that counts to a total.
pub struct Progress(ProgressBar);

impl Progress {
    /// Shows how many of `total` are done, if `wanted` and if somebody can see it.
    pub fn of(total: usize, wanted: bool) -> Self {
        let seen = wanted && std::io::stderr().is_terminal();
        let target = if seen { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total as u64), target);
        let style = ProgressStyle::with_template("{pos} of {len} {bar:24} {elapsed} {msg}");
        let bar = style.map_or(bar.clone(), |style| bar.with_style(style));
        *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone()).filter(|_| seen);
        Self(bar)
    }

    /// Says what is being made.
    pub fn begin(&self, what: impl Into<std::borrow::Cow<'static, str>>) {
        self.0.set_message(what);
        self.0.tick();
    }

    /// One more is done.
    pub fn done(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
        *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Prints without leaving a part of the line behind.
pub fn aside(print: impl FnOnce()) {
    let shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match shown {
        Some(bar) => bar.suspend(print),
        None => print(),
    }
}
