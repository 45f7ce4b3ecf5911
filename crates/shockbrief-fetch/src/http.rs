//! The only place that talks to the network: one client, one user agent, limits on time, size and redirects.
//!
//! Redirects are followed by hand, so that a key never goes to another host and nothing falls back from https.
//! Packed answers are unpacked by hand, so that the size limit holds for what they unpack to.

use crate::{
    Ask, Auth, Call, Clock, Failure, Trouble,
    pace::{self, Pace},
    text,
};
use anyhow::{Context, Result};
use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use reqwest::{
    Client, Response, StatusCode, Url,
    header::{self, HeaderMap, HeaderValue},
    redirect,
};
use shockbrief_core::{
    Secret,
    address::{Host, has_user, is_inner, is_this_machine},
    config::HttpLimits,
};
use std::{io::Read, net::IpAddr, path::Path, sync::Arc, time::Duration};
use tokio::runtime::Runtime;

/// What a provider offered for conditional requests.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Validators {
    /// The entity tag.
    pub etag: Option<String>,
    /// The date of the last change, as told.
    pub last_modified: Option<String>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The body, unpacked; empty when unchanged or lacking.
    pub body: Vec<u8>,
    /// The address asked, without key.
    pub url: String,
    /// For the next conditional request.
    pub validators: Validators,
    /// Whether the provider says that nothing changed since the validators.
    pub unchanged: bool,
    /// Whether the provider has nothing there, and may.
    pub lacking: bool,
}

/// The client.
pub struct Http {
    client: Client,
    runtime: Runtime,
    limits: HttpLimits,
    pace: Pace,
    clock: Arc<dyn Clock>,
}

/// The user agent of all requests: name, version and contact.
#[must_use]
pub fn user_agent(contact: Option<&str>) -> String {
    let version = env!("CARGO_PKG_VERSION");
    contact.map_or(format!("shockbrief/{version}"), |contact| format!("shockbrief/{version} ({contact})"))
}

/// How one attempt ended.
enum Attempt {
    Done(Fetched),
    /// Asking again may help, after the pause that the provider wants.
    Again(Failure, Option<Duration>),
    Failed(Failure),
}

/// One request, ready to send.
struct Ready<'a> {
    ask: &'a Ask<'a>,
    call: &'a Call,
    key: Option<&'a Secret>,
    url: Url,
    shown: String,
    validators: &'a Validators,
}

impl Http {
    /// A client whose pause files are in a folder.
    ///
    /// # Errors
    /// When the folder cannot be made, the contact cannot stand in a header, or the machine has no TLS roots.
    pub fn new(
        limits: &HttpLimits,
        contact: Option<&str>,
        folder: &Path,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let agent =
            HeaderValue::from_str(&user_agent(contact)).context("`contact` cannot stand in a header")?;
        let client = Client::builder()
            .user_agent(agent)
            .connect_timeout(Duration::from_secs(limits.connect_seconds))
            .read_timeout(Duration::from_secs(limits.idle_seconds))
            .timeout(Duration::from_secs(limits.total_seconds))
            .redirect(redirect::Policy::none())
            .build()
            .context("cannot set up TLS")?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { client, runtime, limits: limits.clone(), pace: Pace::open(folder)?, clock })
    }

    /// The clock of this client.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// The address of a call without its key, as it is stored and shown.
    ///
    /// # Errors
    /// When the provider's address and the call make no address.
    pub fn address(&self, ask: &Ask<'_>, call: &Call) -> Result<String, Failure> {
        Ok(build(ask, call)?.to_string())
    }

    /// Asks, waits for the provider's turn, and tries again where that may help.
    ///
    /// # Errors
    /// Any trouble, with what was seen and the next step.
    pub fn get(
        &self,
        ask: &Ask<'_>,
        call: &Call,
        key: Option<&Secret>,
        validators: &Validators,
    ) -> Result<Fetched, Failure> {
        let mut url = build(ask, call)?;
        let shown = url.to_string();
        if let (Auth::Query(parameter), Some(key)) = (&call.auth, key) {
            url.query_pairs_mut().append_pair(parameter, key.expose());
        }
        let ready = Ready { ask, call, key, url, shown, validators };
        let longest = Duration::from_secs(self.limits.longest_wait_seconds);
        let mut attempt = 1;
        loop {
            self.turn(ask, longest)?;
            let (failure, pause) = match self.runtime.block_on(self.attempt(&ready)) {
                Attempt::Done(fetched) => return Ok(fetched),
                Attempt::Failed(failure) => return Err(redacted(ask, failure)),
                Attempt::Again(failure, pause) => (failure, pause),
            };
            let pause =
                pause.unwrap_or_else(|| pace::back_off(&ask.spec.id, attempt, self.clock.now(), longest));
            self.hold(ask, pause)?;
            if attempt >= self.limits.attempts || pause > longest {
                let tries = if attempt == 1 { "once".to_owned() } else { format!("{attempt} times") };
                let failure = Failure { seen: format!("{} (asked {tries})", failure.seen), ..failure };
                return Err(redacted(ask, failure));
            }
            tracing::info!(provider = ask.spec.id, attempt, ?pause, "asking again");
            attempt += 1;
        }
    }

    fn turn(&self, ask: &Ask<'_>, longest: Duration) -> Result<(), Failure> {
        let interval = Duration::from_millis(ask.spec.interval_ms);
        match self.pace.take(&ask.spec.id, interval, longest.max(interval * 20), self.clock()) {
            Ok(None) => Ok(()),
            Ok(Some(wait)) => Err(ask.fail(
                Trouble::Throttled,
                format!("it asked for a pause that lasts {} s more", wait.as_secs()),
                "try again later, or let another provider follow it in the order",
            )),
            Err(error) => Err(pause_file(ask, &error)),
        }
    }

    fn hold(&self, ask: &Ask<'_>, pause: Duration) -> Result<(), Failure> {
        self.pace.hold(&ask.spec.id, pause, self.clock()).map_err(|error| pause_file(ask, &error))
    }

    async fn attempt(&self, ready: &Ready<'_>) -> Attempt {
        let mut url = ready.url.clone();
        for _ in 0..=self.limits.redirects {
            let response = match self.send(ready, &url).await {
                Ok(response) => response,
                Err(error) => return broken(ready.ask, &error),
            };
            let Some(target) = target(&response, &url) else {
                return self.answer(ready, response).await;
            };
            if let Err(failure) = self.may_follow(ready.ask, &url, &target).await {
                return Attempt::Failed(failure);
            }
            url = target;
        }
        Attempt::Failed(ready.ask.fail(
            Trouble::Redirect,
            format!("redirected more than {} times", self.limits.redirects),
            "open the address in a browser: the provider may have moved or want a login",
        ))
    }

    /// Refuses a redirect to plain http, with a user's name, or to a machine of the inner network: a provider must not
    /// choose what is asked behind the firewall.
    async fn may_follow(&self, ask: &Ask<'_>, from: &Url, target: &Url) -> Result<(), Failure> {
        let refuse = |seen: String| {
            ask.fail(Trouble::Redirect, seen, "correct the provider's address in config/fetch.yaml")
        };
        let local = is_this_machine(from) && is_this_machine(target);
        if target.scheme() != "https" && !(target.scheme() == "http" && local) {
            return Err(refuse(format!("redirected from {} to {}", from.scheme(), target.scheme())));
        }
        if has_user(target) {
            return Err(refuse("redirected to an address with a user's name".to_owned()));
        }
        if from.origin() == target.origin()
            || local
            || self.limits.inner_redirects
            || !self.is_inner(target).await
        {
            return Ok(());
        }
        Err(ask.fail(
            Trouble::Redirect,
            format!(
                "redirected to `{}`, a machine of the inner network",
                target.host_str().unwrap_or_default()
            ),
            "where that is meant, write `http: {inner_redirects: true}` in config/fetch.yaml",
        ))
    }

    /// Whether an address is of the inner network, by its number or by those that its name has now.
    async fn is_inner(&self, target: &Url) -> bool {
        let port = target.port_or_known_default().unwrap_or(443);
        match target.host() {
            Some(Host::Ipv4(ip)) => is_inner(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => is_inner(IpAddr::V6(ip)),
            // A name that is not found cannot be asked either.
            Some(Host::Domain(name)) => tokio::net::lookup_host((name, port))
                .await
                .is_ok_and(|mut found| found.any(|place| is_inner(place.ip()))),
            None => true,
        }
    }

    async fn send(&self, ready: &Ready<'_>, url: &Url) -> reqwest::Result<Response> {
        let mut request = self.client.get(url.clone()).header(header::ACCEPT_ENCODING, "gzip");
        let own_host = url.origin() == ready.url.origin();
        if let (Auth::Header(word), Some(key), true) = (&ready.call.auth, ready.key, own_host)
            && let Ok(mut value) = HeaderValue::from_str(&format!("{word} {}", key.expose()))
        {
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        if let Some(etag) = &ready.validators.etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        if let Some(date) = &ready.validators.last_modified {
            request = request.header(header::IF_MODIFIED_SINCE, date);
        }
        request.send().await
    }

    async fn answer(&self, ready: &Ready<'_>, response: Response) -> Attempt {
        let (status, headers) = (response.status(), response.headers().clone());
        let body = match self.body(ready.ask, response).await {
            Ok(body) => body,
            Err(attempt) => return attempt,
        };
        let mut fetched = Fetched {
            body,
            url: ready.shown.clone(),
            validators: validators(ready.ask, &headers),
            unchanged: false,
            lacking: false,
        };
        match status {
            StatusCode::NOT_MODIFIED => {
                fetched.unchanged = true;
                Attempt::Done(fetched)
            }
            StatusCode::NOT_FOUND if ready.call.may_lack => {
                fetched.lacking = true;
                Attempt::Done(fetched)
            }
            status if status.is_success() => Attempt::Done(fetched),
            status => self.refused(ready, status, &headers, &fetched.body),
        }
    }

    fn refused(&self, ready: &Ready<'_>, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Attempt {
        let ask = ready.ask;
        let glimpse = ask.glimpse(body);
        let said = if glimpse.is_empty() { String::new() } else { format!(": “{glimpse}”") };
        let seen = format!("status {}{said}", status.as_u16());
        let pause = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let pause = pause.and_then(|text| retry_after(text, self.clock.now()));
        let asked = pause.map_or(String::new(), |pause| format!(", wants a pause of {} s", pause.as_secs()));
        match status.as_u16() {
            429 => {
                let next = "raise `interval_ms`, try again later, or let another provider follow it in the order";
                Attempt::Again(ask.fail(Trouble::Throttled, seen + &asked, next), pause)
            }
            408 | 500..=599 => {
                let next = "the provider's server failed: try again later, or name a second provider in the order";
                Attempt::Again(ask.fail(Trouble::Server, seen + &asked, next), pause)
            }
            403 if contact_wanted(ask) => Attempt::Failed(ask.fail(
                Trouble::Contact,
                seen,
                "set `contact:` in config/fetch.yaml to a mail address that somebody reads, and ask no faster than ten times a second",
            )),
            401 | 403 if ready.key.is_none() => {
                let next = "the provider turns this client away: set `contact:` in config/fetch.yaml, ask less often, or choose another";
                Attempt::Failed(ask.fail(Trouble::Key, seen, next))
            }
            401 | 403 => {
                Attempt::Failed(ask.fail(Trouble::Key, seen, "check the key and what the plan includes"))
            }
            400 if ["api_key", "apikey", "api key"].iter().any(|word| seen.to_lowercase().contains(word)) => {
                Attempt::Failed(ask.fail(Trouble::Key, seen, "check the key"))
            }
            400 if text::tells_limit(&seen) => {
                let next = "a limit of the provider: ask for fewer years at a time with --from";
                Attempt::Failed(ask.fail(Trouble::TooLarge, seen, next))
            }
            404 | 410 => {
                Attempt::Failed(ask.fail(Trouble::Unknown, seen, "correct the symbol's code under `codes`, or the address"))
            }
            _ => Attempt::Failed(ask.changed(seen)),
        }
    }

    /// The whole body, unpacked, within the limit.
    async fn body(&self, ask: &Ask<'_>, mut response: Response) -> Result<Vec<u8>, Attempt> {
        let packed = response
            .headers()
            .get(header::CONTENT_ENCODING)
            .map(|value| value.as_bytes().to_ascii_lowercase());
        let limit = usize::try_from(self.limits.max_megabytes << 20).unwrap_or(usize::MAX);
        let mut bytes = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if bytes.len() + chunk.len() > limit => {
                    return Err(Attempt::Failed(self.large(ask)));
                }
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => return Err(broken(ask, &error)),
            }
        }
        match packed.as_deref() {
            None | Some(b"" | b"identity") => Ok(bytes),
            Some(b"gzip" | b"x-gzip") => self.unpack(ask, &bytes, limit),
            Some(other) => {
                let seen = format!("packed as `{}`, which was not asked for", ask.glimpse(other));
                Err(Attempt::Failed(ask.changed(seen)))
            }
        }
    }

    fn unpack(&self, ask: &Ask<'_>, bytes: &[u8], limit: usize) -> Result<Vec<u8>, Attempt> {
        let mut plain = Vec::new();
        let mut reader = MultiGzDecoder::new(bytes).take(limit as u64 + 1);
        match reader.read_to_end(&mut plain) {
            Ok(_) if plain.len() > limit => Err(Attempt::Failed(self.large(ask))),
            Ok(_) => Ok(plain),
            Err(error) => {
                let seen = format!("the gzip answer is damaged or cut after {} bytes: {error}", bytes.len());
                Err(Attempt::Again(ask.fail(Trouble::Truncated, seen, "try again"), None))
            }
        }
    }

    fn large(&self, ask: &Ask<'_>) -> Failure {
        ask.fail(
            Trouble::TooLarge,
            format!("the answer is above {} MB", self.limits.max_megabytes),
            "ask for fewer years with --from, or raise `http: max_megabytes`",
        )
    }
}

fn contact_wanted(ask: &Ask<'_>) -> bool {
    crate::provider::of(ask).is_ok_and(|provider| provider.wants_contact())
}

fn pause_file(ask: &Ask<'_>, error: &anyhow::Error) -> Failure {
    ask.fail(Trouble::Config, format!("{error:#}"), "make the folder of the store writable")
}

fn redacted(ask: &Ask<'_>, failure: Failure) -> Failure {
    Failure { seen: ask.hidden.strip(&failure.seen), ..failure }
}

fn build(ask: &Ask<'_>, call: &Call) -> Result<Url, Failure> {
    let refuse =
        |seen: String| ask.fail(Trouble::Config, seen, "correct `url` and `codes` in config/fetch.yaml");
    let base = ask.spec.filled(ask.code, ask.subject, &ask.from.to_string(), &ask.to.to_string());
    let base = base.map_err(|told| refuse(told.fault.to_owned()))?;
    let mut url = base.url().clone();
    if !call.path.is_empty() {
        let path = format!("{}{}", base.as_str().trim_end_matches('/'), call.path);
        url = Url::parse(&path).map_err(|error| refuse(format!("no address: {error}")))?;
    }
    // The key goes to the declared host, whatever a code from a file holds.
    let declared = ask.spec.filled("0", "0", "0", "0").map_err(|told| refuse(told.fault.to_owned()))?;
    if has_user(&url) || url.origin() != declared.url().origin() {
        return Err(refuse(format!(
            "the code `{}` makes an address of another host",
            ask.code.escape_debug()
        )));
    }
    if !call.query.is_empty() {
        url.query_pairs_mut().extend_pairs(&call.query);
    }
    Ok(url)
}

fn target(response: &Response, from: &Url) -> Option<Url> {
    matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308)
        .then(|| response.headers().get(header::LOCATION)?.to_str().ok())
        .flatten()
        .and_then(|place| from.join(place).ok())
}

/// What the provider offers for a conditional request; a key that it repeats there is not kept.
fn validators(ask: &Ask<'_>, headers: &HeaderMap) -> Validators {
    let text = |name| {
        let told = headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        told.filter(|told| ask.hidden.strip(told) == **told).map(str::to_owned)
    };
    Validators { etag: text(header::ETAG), last_modified: text(header::LAST_MODIFIED) }
}

/// The pause that the other side asks for in `Retry-After`: seconds, or a date (RFC 9110, 10.2.3).
#[must_use]
pub fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds.min(7 * 86_400)));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(
        Duration::try_from(date.duration_since(now)).unwrap_or_default().min(Duration::from_secs(7 * 86_400)),
    )
}

/// A connection that failed, told without the address, which may hold a key.
fn broken(ask: &Ask<'_>, error: &reqwest::Error) -> Attempt {
    let mut causes = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        causes.push(inner.to_string());
        cause = inner.source();
    }
    let deepest = causes.last().map_or_else(|| "no further cause".to_owned(), Clone::clone);
    let all = causes.join(" ").to_lowercase();
    if error.is_timeout() {
        let next = "the provider is slow or stuck: try again later, or raise `http: total_seconds`";
        return Attempt::Again(ask.fail(Trouble::Timeout, "no whole answer in time", next), None);
    }
    if ["certificate", "tls", "invalidcontenttype", "corrupt message", "handshake"]
        .iter()
        .any(|word| all.contains(word))
    {
        return Attempt::Failed(ask.fail(
            Trouble::Tls,
            format!("no trustworthy connection: {deepest}"),
            "check the address, the machine's clock and its certificate store; a proxy may stand in between",
        ));
    }
    let cut =
        ["incomplete", "end of file", "unexpected eof", "connection closed before message completed", "body"];
    if !error.is_connect() && cut.iter().any(|word| all.contains(word)) {
        let next = "try again; if it repeats, ask for fewer years at a time with --from";
        return Attempt::Again(
            ask.fail(Trouble::Truncated, format!("the answer was cut short: {deepest}"), next),
            None,
        );
    }
    let next = "check the network and the provider's address; name a second provider in the order";
    Attempt::Again(ask.fail(Trouble::Network, format!("no connection: {deepest}"), next), None)
}
