//! Providers: how each is asked, and how its answers become rows.
//!
//! A parser is a pure function from bytes to a [`Batch`] or a [`Failure`]; the network is elsewhere.
//! Adding a provider touches its own file and one line of [`PROVIDERS`].

mod alpha_vantage;
mod bars;
mod ecb;
mod edgar;
mod fred;
mod french;
mod stooq;
mod table;
mod tiingo;
mod yahoo;

use crate::{Ask, Batch, Failure, Trouble};
use shockbrief_core::config::DataKind;

pub use edgar::quarters;

/// Where the key goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// The request needs none.
    None,
    /// A query parameter.
    Query(String),
    /// The `Authorization` header, after this word.
    Header(&'static str),
}

/// One request of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What is asked below the provider's address; empty for the address itself.
    pub path: String,
    /// Query parameters, without the key.
    pub query: Vec<(String, String)>,
    /// Where the key goes.
    pub auth: Auth,
    /// Whether an answer 404 only means that there is nothing.
    pub may_lack: bool,
}

impl Call {
    fn new(path: impl Into<String>, auth: Auth) -> Self {
        Self { path: path.into(), query: Vec::new(), auth, may_lack: false }
    }

    fn with(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// A query parameter.
    fn get(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The same call with another value of a query parameter.
    fn again(&self, name: &str, value: impl std::fmt::Display) -> Self {
        let mut call = self.clone();
        for (own, held) in &mut call.query {
            if own == name {
                *held = value.to_string();
            }
        }
        call
    }
}

/// A provider of data.
pub trait Provider: Sync {
    /// Its name in `kind:`.
    fn name(&self) -> &'static str;
    /// What it gives; none where the declaration says so.
    fn data(&self) -> Option<DataKind>;
    /// Whether nobody vouches for it, so that it is off unless asked for.
    fn unofficial(&self) -> bool {
        false
    }
    /// Whether it answers no request without a contact in the user agent.
    fn wants_contact(&self) -> bool {
        false
    }
    /// Whether it needs a key.
    fn wants_key(&self) -> bool {
        false
    }
    /// The requests of a question.
    fn calls(&self, ask: &Ask<'_>) -> Vec<Call>;
    /// The request for the next page, after a call and the bodies so far.
    fn more(&self, _ask: &Ask<'_>, _call: &Call, _bodies: &[Vec<u8>]) -> Option<Call> {
        None
    }
    /// What is asked in place of a call that the provider finds too large, or that may have nothing.
    fn instead(&self, _ask: &Ask<'_>, _call: &Call, _failure: &Failure) -> Option<Vec<Call>> {
        None
    }
    /// Reads the bodies of all calls.
    ///
    /// # Errors
    /// A quota told with status 200, a page instead of data, a cut, another form than documented.
    fn parse(&self, ask: &Ask<'_>, bodies: &[&[u8]]) -> Result<Batch, Failure>;
}

/// All providers.
pub const PROVIDERS: &[&dyn Provider] = &[
    &tiingo::Tiingo,
    &alpha_vantage::AlphaVantage,
    &yahoo::Yahoo,
    &stooq::Stooq,
    &table::Table,
    &edgar::Edgar,
    &french::French,
    &ecb::Ecb,
    &fred::Fred,
];

/// The provider of a declared kind.
///
/// # Errors
/// When there is none of this name, or the declaration says another kind of data than it gives, or it is
/// unofficial and nobody accepted that.
pub fn of<'a>(ask: &Ask<'_>) -> Result<&'a dyn Provider, Failure> {
    let Some(provider) = PROVIDERS.iter().find(|provider| provider.name() == ask.spec.kind) else {
        let names: Vec<&str> = PROVIDERS.iter().map(|provider| provider.name()).collect();
        return Err(ask.fail(
            Trouble::Config,
            format!("no reader `{}`", ask.spec.kind),
            format!("choose `kind:` from {}", names.join(", ")),
        ));
    };
    if let Some(data) = provider.data().filter(|data| *data != ask.spec.data) {
        return Err(ask.fail(
            Trouble::Config,
            format!("`{}` gives {}, declared as {}", provider.name(), data.name(), ask.spec.data.name()),
            format!("write `data: {}`", data.name()),
        ));
    }
    if provider.unofficial() && !ask.spec.unofficial_accepted {
        return Err(ask.fail(
            Trouble::Config,
            format!("`{}` is unofficial: no documentation, no licence, no promise that it answers tomorrow", provider.name()),
            "add `unofficial_accepted: true` to its declaration if you accept that, or take it out of the order",
        ));
    }
    Ok(*provider)
}

/// The first body, which every question with one call has.
fn only<'a>(ask: &Ask<'_>, bodies: &[&'a [u8]]) -> Result<&'a [u8], Failure> {
    bodies.first().copied().ok_or_else(|| ask.empty())
}
