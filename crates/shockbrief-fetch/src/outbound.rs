//! Requests that tell instead of ask: posts to webhooks and pings to monitors.

use crate::{retry_after, user_agent};
use anyhow::{Context, Result};
use jiff::Timestamp;
use reqwest::{
    Client,
    header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
    redirect,
};
use shockbrief_core::Address;
use std::time::Duration;
use tokio::runtime::Runtime;

/// The client for what is told.
pub struct Outbound {
    client: Client,
    runtime: Runtime,
    now: fn() -> Timestamp,
}

/// Status and the pause asked for, in seconds.
pub type Answered = (u16, Option<u64>);

impl Outbound {
    /// A client that gives each request so much time; `now` is the clock by which a date in `Retry-After` is read.
    ///
    /// # Errors
    /// When the machine has no TLS roots.
    pub fn new(limit: Duration, now: fn() -> Timestamp) -> Result<Self> {
        // No redirect is followed: a post is for the address that was declared.
        let client = Client::builder()
            .user_agent(user_agent(None))
            .timeout(limit)
            .redirect(redirect::Policy::none())
            .build()
            .context("cannot set up TLS")?;
        Ok(Self { client, runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()?, now })
    }

    /// Posts once, to an address that keeps secrets.
    ///
    /// # Errors
    /// An address that is not https, a request that cannot be made or a connection that fails, in words without the address.
    pub fn post(
        &self,
        url: &str,
        headers: &[(String, String)],
        bearer: Option<&str>,
        body: Vec<u8>,
    ) -> Result<Answered, String> {
        let url = Address::web(url).map_err(|told| told.fault.to_owned())?;
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let pair =
                HeaderName::try_from(name.as_str()).ok().zip(HeaderValue::try_from(value.as_str()).ok());
            let (name, value) = pair.ok_or_else(|| format!("`{name}` cannot stand in a header"))?;
            map.insert(name, value);
        }
        let mut request = self.client.post(url.url().clone()).headers(map).body(body);
        if let Some(token) = bearer {
            request = request.bearer_auth(token);
        }
        let response = self.runtime.block_on(async { request.send().await }).map_err(|error| said(&error))?;
        let pause = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        // A part of a second counts: who comes back before the time is refused again.
        let pause = pause
            .and_then(|text| retry_after(text, (self.now)()))
            .map(|pause| pause.as_secs_f64().ceil() as u64);
        Ok((response.status().as_u16(), pause))
    }
}

/// An error without its address, which may hold a secret.
fn said(error: &reqwest::Error) -> String {
    match (error.is_timeout(), error.is_connect(), error.is_builder()) {
        (true, ..) => "no answer in time".to_owned(),
        (_, true, _) => "no connection".to_owned(),
        (_, _, true) => "the address cannot be read".to_owned(),
        _ => "the connection broke".to_owned(),
    }
}
