//! Signals that ask a run for its end: the first is heeded between two briefs, the second of a kind at once.

use anyhow::Result;
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

/// The number of the last signal seen, 0 for none.
pub struct Signals(Arc<AtomicUsize>);

impl Signals {
    /// Begins to watch for Ctrl-C and SIGTERM.
    pub fn watch() -> Result<Self> {
        let seen = Arc::new(AtomicUsize::new(0));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            let again = Arc::new(AtomicBool::new(false));
            signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, again.clone())?;
            signal_hook::flag::register(signal, again)?;
            signal_hook::flag::register_usize(signal, seen.clone(), usize::try_from(signal)?)?;
        }
        Ok(Self(seen))
    }

    /// The signal that came, if any.
    pub fn seen(&self) -> Option<u8> {
        u8::try_from(self.0.load(Ordering::SeqCst)).ok().filter(|signal| *signal > 0)
    }
}

/// A run that a signal ended; what was published is out and recorded.
#[derive(Debug, thiserror::Error)]
#[error("stopped by signal {0}; what was finished is out, the rest is made by the next run")]
pub struct Stopped(pub u8);
