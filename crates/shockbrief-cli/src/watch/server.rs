//! The pages on this machine's own address: reading alone, for this machine's own pages alone, nothing from outside.

use super::screen::Screen;
use anyhow::{Context, Result};
use shockbrief_core::Refusal;
use std::{
    io::ErrorKind,
    net::{Ipv4Addr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tiny_http::{Header, Method, Request, Response};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Nothing but what this server gives, in no other page's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// How long a request waits for something new.
const WAIT: Duration = Duration::from_secs(20);
/// Requests answered at once; each open window has one that waits.
const MOST: usize = 64;

/// A server that is not answering yet.
pub struct Server {
    inner: tiny_http::Server,
    port: u16,
    screen: Arc<Screen>,
}

impl Server {
    /// Takes a port; any free one for 0.
    pub fn open(port: u16, screen: Arc<Screen>) -> Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| refused(port, error))?;
        let port = listener.local_addr()?.port();
        let inner = tiny_http::Server::from_listener(listener, None);
        let inner = inner.map_err(|error| anyhow::anyhow!("cannot serve on port {port}: {error}"))?;
        Ok(Self { inner, port, screen })
    }

    /// Where the pages are.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Answers from now on, each request in a thread of its own: some wait for the next save.
    pub fn answer(self) -> Result<String> {
        let address = self.address();
        let busy = Arc::new(AtomicUsize::new(0));
        let threads = std::thread::Builder::new().name("pages".to_owned());
        threads.spawn(move || {
            for request in self.inner.incoming_requests() {
                let (screen, port, busy) = (self.screen.clone(), self.port, busy.clone());
                if busy.fetch_add(1, Ordering::SeqCst) >= MOST {
                    busy.fetch_sub(1, Ordering::SeqCst);
                    send(request, Answer::plain(503, "too many windows are open"));
                    continue;
                }
                std::thread::spawn(move || {
                    let answer = answer(&request, port, &screen);
                    send(request, answer.unwrap_or_else(|error| Answer::plain(500, &error.to_string())));
                    busy.fetch_sub(1, Ordering::SeqCst);
                });
            }
        })?;
        Ok(address)
    }
}

fn refused(port: u16, error: std::io::Error) -> anyhow::Error {
    let step = match error.kind() {
        ErrorKind::AddrInUse => {
            "leave `--port` out for a free one, or name another; it may be a preview left open"
        }
        ErrorKind::PermissionDenied => "leave `--port` out for a free one, or name one from 1024 on",
        _ => return anyhow::Error::from(error).context(format!("cannot serve on port {port}")),
    };
    Refusal::config(format!("port {port} cannot be used: {error}")).hint(step).into()
}

/// What a request is answered with.
struct Answer {
    status: u16,
    kind: &'static str,
    body: Vec<u8>,
    /// Whether its address names its content, which never changes.
    is_fixed: bool,
}

impl Answer {
    fn new(kind: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, kind, body: body.into(), is_fixed: false }
    }

    fn plain(status: u16, text: &str) -> Self {
        let body = format!("{text}\n").into_bytes();
        Self { status, kind: "text/plain; charset=utf-8", body, is_fixed: false }
    }
}

fn answer(request: &Request, port: u16, screen: &Screen) -> Result<Answer> {
    if let Some(why) = stranger(request, port) {
        return Ok(Answer::plain(403, why));
    }
    if *request.method() != Method::Get {
        return Ok(Answer::plain(405, "pages can only be read"));
    }
    let (path, query) = request.url().split_once('?').unwrap_or((request.url(), ""));
    let svg = path.strip_prefix("/pages/").and_then(|name| name.strip_suffix(".svg"));
    if let Some(page) = svg.and_then(|digest| screen.page(digest)) {
        return Ok(Answer { is_fixed: true, ..Answer::new("image/svg+xml", page.as_slice()) });
    }
    if let Some(pdf) = path.strip_prefix("/pdf/").and_then(|name| screen.pdf(name)) {
        return Ok(Answer::new("application/pdf", pdf.as_slice()));
    }
    Ok(match path {
        "/" => Answer::new("text/html; charset=utf-8", PAGE),
        "/page.css" => Answer::new("text/css; charset=utf-8", STYLE),
        "/page.js" => Answer::new("text/javascript; charset=utf-8", SCRIPT),
        "/state" => {
            let known = query.strip_prefix("after=").and_then(|number| number.parse().ok());
            Answer::new("application/json", screen.after(known, WAIT).context("telling the state")?)
        }
        _ => Answer::plain(404, "there is no such page"),
    })
}

/// Why a request is not one of this machine's own pages. A name that somebody else's server lets point here, and a page
/// of somebody else's that asks, are refused alike.
fn stranger(request: &Request, port: u16) -> Option<&'static str> {
    let value = |name: &'static str| {
        let header = request.headers().iter().find(|header| header.field.equiv(name));
        header.map(|header| header.value.as_str())
    };
    let hosts = ["127.0.0.1", "localhost"].map(|host| format!("{host}:{port}"));
    let own = |host: &str| hosts.iter().any(|known| known == host);
    if !value("Host").is_some_and(own) {
        return Some("this preview is read at the address that it printed, under no other name");
    }
    if value("Origin").is_some_and(|origin| !origin.strip_prefix("http://").is_some_and(own)) {
        return Some("this preview answers no other page");
    }
    // Told by every browser of today, also for pictures and links, which carry no origin.
    if value("Sec-Fetch-Site").is_some_and(|site| !matches!(site, "none" | "same-origin")) {
        return Some("this preview answers no other page");
    }
    None
}

fn send(request: Request, answer: Answer) {
    let kept = if answer.is_fixed { "private, max-age=3600, immutable" } else { "no-store" };
    let mut headers = vec![
        ("Content-Type", answer.kind),
        ("Cache-Control", kept),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
    ];
    // The browser's own reader of PDFs is no page of ours.
    if answer.kind != "application/pdf" {
        headers.push(("Content-Security-Policy", POLICY));
    }
    let mut response = Response::from_data(answer.body).with_status_code(answer.status);
    // Everything is in memory: its length is known.
    response = response.with_chunked_threshold(usize::MAX);
    for (name, value) in headers {
        if let Ok(header) = Header::from_bytes(name, value) {
            response.add_header(header);
        }
    }
    // A window that was closed meanwhile needs no answer.
    let _ = request.respond(response);
}
