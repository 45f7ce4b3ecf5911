//! How much work one template may be: its steps, the bytes of every text that it makes, and what it prints.
//!
//! A loop in a loop or a text doubled again and again would else keep a run busy for ever, or take the machine's memory
//! and with it the briefs beside it. The template engine counts both in one number.

/// Steps and bytes of one rendering. The longest shipped section takes less than a hundredth.
pub(crate) const FUEL: u64 = 20_000_000;
/// What is said of a template that wants more.
pub(crate) const SPENT: &str = "the template wants more than 20 million steps or bytes of text";
/// What to do about it.
pub(crate) const HINT: &str = "look for a loop within loops, or a text that grows with each turn";
