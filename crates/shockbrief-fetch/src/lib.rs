//! Fresh data from providers over HTTP: asked politely, read strictly, kept as it came.
//!
//! Parsers are pure functions from bytes to rows; the network is [`Http`] alone. The crate refuses to guess: an
//! answer of another form than documented is a [`Failure`] that names provider, symbol, what was seen and the
//! next step. Keys never reach a log, a stored address or an error. What reads bytes of others neither indexes nor
//! slices: a place that is not there is an answer of another form, never a crash.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::string_slice))]

mod batch;
mod clock;
mod desk;
mod failure;
mod freshness;
mod http;
mod outbound;
mod pace;
pub mod provider;
mod raw;
mod text;

pub use batch::{Ask, Batch, Row};
pub use clock::Clock;
pub use desk::{Appended, Desk, Known, Outcome, Provenance, Sink, Unpack, Wanted};
pub use failure::{Failure, Trouble};
pub use freshness::{Freshness, Lag, judge};
pub use http::{Fetched, Http, Validators, retry_after, user_agent};
pub use outbound::{Answered, Outbound};
pub use provider::{Auth, Call, PROVIDERS, Provider};
pub use raw::{Kept, Question, Raw};
pub use shockbrief_core::Secret;
