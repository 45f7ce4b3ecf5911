//! Shared vocabulary of shockbrief: configuration, ids, panels, findings and errors.
//!
//! This crate refuses to know data frames, templates and the clock. What flows between
//! loading, analytics and typesetting is defined here and nowhere else.

pub mod address;
pub mod brief;
pub mod config;
pub mod diff;
pub mod error;
pub mod expr;
pub mod figure;
pub mod findings;
pub mod fs;
pub mod house;
pub mod ids;
pub mod names;
pub mod nearest;
pub mod panel;
pub mod period;
pub mod records;
pub mod schema;
pub mod secret;

pub use brief::{Brief, CheckedClaim, Headline, Manifest, Verdict};
pub use jiff::civil::Date;

pub use address::Address;
pub use error::{Class, Located, Refusal, Refusals};
pub use figure::{Figure, Unit, Value};
pub use findings::{Align, Cell, Chart, Column, Findings, Row, Table};
pub use ids::{Currency, EventId, Mic, Symbol, ThemeId};
pub use panel::{Dataset, Input, Market, Notice, Series, Session, Severity, TimeTable};
pub use period::Period;
pub use records::{Datum, Record, Records};
pub use secret::{Hidden, Said, Secret};
