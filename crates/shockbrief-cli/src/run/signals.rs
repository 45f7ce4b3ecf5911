//! Signals that ask a run for its end, in every phase.
//!
//! The first is heeded at once where pages are typeset and between two briefs or deliveries. Where a run is still there
//! when a grace is over, as within a long analysis, it is ended from outside: whatever a run has published is whole at
//! any moment. A second signal of a kind ends it at once.

use anyhow::Result;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Time that the work at hand has to end by itself.
const GRACE: Duration = Duration::from_secs(6);
/// Time that a delivery has: one cut off in the middle may be sent again. Schedulers wait longer than that.
const DELIVERY_GRACE: Duration = Duration::from_secs(45);
/// How often signals are looked for.
const STEP: Duration = Duration::from_millis(100);

/// The number of the last signal seen, 0 for none, and what is being done.
pub struct Signals {
    seen: Arc<AtomicUsize>,
    delivering: Arc<AtomicBool>,
}

impl Signals {
    /// Begins to watch for Ctrl-C and SIGTERM. Where the run outlasts its grace, `abandon` is told the signal and the
    /// process ends.
    pub fn watch(abandon: impl FnOnce(u8) + Send + 'static) -> Result<Self> {
        let signals = Self { seen: Arc::default(), delivering: Arc::default() };
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            let again = Arc::new(AtomicBool::new(false));
            signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, again.clone())?;
            signal_hook::flag::register(signal, again)?;
            signal_hook::flag::register_usize(signal, signals.seen.clone(), usize::try_from(signal)?)?;
        }
        let (seen, delivering) = (signals.seen.clone(), signals.delivering.clone());
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            let signal = waited(&seen, &delivering);
            abandon(signal);
            std::process::exit(128 + i32::from(signal))
        })?;
        Ok(signals)
    }

    /// The signal that came, if any.
    pub fn seen(&self) -> Option<u8> {
        number(&self.seen)
    }

    /// The number that is not 0 once a signal came.
    pub fn stop(&self) -> Arc<AtomicUsize> {
        self.seen.clone()
    }

    /// From now on what is being done is delivering.
    pub fn delivering(&self) {
        self.delivering.store(true, Ordering::SeqCst);
    }
}

fn number(seen: &AtomicUsize) -> Option<u8> {
    u8::try_from(seen.load(Ordering::SeqCst)).ok().filter(|signal| *signal > 0)
}

/// Waits for a signal, then for the end of the grace; only a run that outlasts it comes to the end of this.
fn waited(seen: &AtomicUsize, delivering: &AtomicBool) -> u8 {
    let signal = loop {
        match number(seen) {
            Some(signal) => break signal,
            None => std::thread::sleep(STEP),
        }
    };
    let grace = || if delivering.load(Ordering::SeqCst) { DELIVERY_GRACE } else { GRACE };
    let mut waited = Duration::ZERO;
    while waited < grace() {
        std::thread::sleep(STEP);
        waited += STEP;
    }
    signal
}

/// A run that a signal ended; what was published is out and recorded.
#[derive(Debug, thiserror::Error)]
#[error("stopped by signal {0}; what was finished is out, the rest is made by the next run")]
pub struct Stopped(pub u8);
