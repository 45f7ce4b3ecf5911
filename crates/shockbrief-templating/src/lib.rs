//! From findings to pages: templates, tables, charts and typesetting.
//!
//! [`compose()`] renders Typst sources from findings and prose; [`typeset()`] has the Typst command turn them
//! into PDF. This crate alone knows minijinja and starts a process. It computes nothing: every number on a
//! page is a figure of the findings, printed by a filter of its unit.

pub mod attach;
pub mod audit;
pub mod budget;
pub mod charts;
pub mod compact;
pub mod compose;
mod edition;
pub mod engine;
pub mod escape;
pub mod figures;
pub mod fonts;
pub mod format;
pub mod lift;
pub mod locale;
pub mod pages;
pub mod prose;
mod reasons;
mod robust;
mod tables;
pub mod typography;
pub mod typst;
mod vega;
pub mod words;
mod workshop;

pub use attach::Attachment;
pub use compose::{
    ClaimSource, Compose, Composed, Declared, Document, Edition, Nouns, Outcome, Section, compose, headline,
};
pub use engine::Source;
pub use typst::{Pdf, Typeset, Typst, drawings, editions, typeset};
pub use workshop::sweep;
