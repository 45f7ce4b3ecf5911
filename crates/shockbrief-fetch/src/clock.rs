//! Time as an argument: the command line brings the real clock, tests bring their own.

use jiff::Timestamp;
use std::time::Duration;

/// The time, and waiting for it to pass.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
    /// Waits.
    fn sleep(&self, duration: Duration);
}
