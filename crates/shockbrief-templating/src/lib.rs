//! From findings to pages.
pub mod escape;
pub mod format;
pub mod locale;
pub mod typography;
