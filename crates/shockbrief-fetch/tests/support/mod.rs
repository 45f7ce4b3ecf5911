//! A loopback HTTP server that replays answers and faults, a clock that tests own, and answers of every
//! provider in its documented shape.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "shared by several test binaries; a test fails by panicking"
)]

pub mod answers;

use flate2::{Compression, write::GzEncoder};
use jiff::{Timestamp, civil::Date};
use shockbrief_core::config::{DataKind, Fetch, HttpLimits};
use shockbrief_fetch::{
    Appended, Batch, Clock, Desk, Http, Known, Outcome, Provenance, Raw, Row, Sink, Wanted,
};
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// What the server answers.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Status, headers, body.
    Full(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// A body that ends before its stated length.
    Cut(Vec<u8>),
    /// One byte, then silence.
    Drip,
    /// Bytes that are no HTTP.
    Noise,
}

impl Reply {
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::Full(200, Vec::new(), body.into())
    }

    pub fn status(status: u16, body: &str) -> Self {
        Self::Full(status, Vec::new(), body.into())
    }

    pub fn gzip(body: &[u8]) -> Self {
        Self::Full(200, vec![("Content-Encoding", "gzip".into())], gzip(body))
    }
}

pub fn gzip(body: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(body).unwrap();
    packer.finish().unwrap()
}

/// A request as the server saw it: the head, in small letters but for the first line.
#[derive(Debug, Clone)]
pub struct Seen {
    pub target: String,
    pub head: String,
}

type Handler = dyn Fn(&Seen) -> Reply + Send + Sync;

pub struct Server {
    pub address: String,
    pub seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub fn start(handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, handler): (_, Arc<Handler>) = (seen.clone(), Arc::new(handler));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, handler) = (log.clone(), handler.clone());
                thread::spawn(move || {
                    let _ = serve(stream, &log, &handler);
                });
            }
        });
        Self { address, seen }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn serve(mut stream: TcpStream, log: &Mutex<Vec<Seen>>, handler: &Arc<Handler>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    if !line.starts_with("GET ") {
        // A TLS greeting: answer in plain HTTP, as a misconfigured proxy does.
        return stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    }
    let mut head = String::new();
    while reader.read_line(&mut head)? > 2 {}
    let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let seen = Seen { target, head: head.to_lowercase() };
    log.lock().unwrap().push(seen.clone());
    match handler(&seen) {
        Reply::Full(status, headers, body) => {
            let mut text =
                format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
            for (name, value) in headers {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
            stream.write_all(text.as_bytes())?;
            stream.write_all(b"\r\n")?;
            stream.write_all(&body)
        }
        Reply::Cut(body) => {
            let text = format!("HTTP/1.1 200 X\r\nContent-Length: {}\r\n\r\n", body.len());
            stream.write_all(text.as_bytes())?;
            stream.write_all(&body[..body.len() / 2])
        }
        Reply::Drip => {
            stream.write_all(b"HTTP/1.1 200 X\r\nContent-Length: 1000\r\n\r\nD")?;
            let mut rest = [0; 1];
            // Until the client gives up.
            stream.read(&mut rest).map(|_| ())
        }
        Reply::Noise => stream.write_all(b"\x00\x01\x02 no http at all\r\n\r\n"),
    }
}

/// Time stands still but for sleeping, which takes none.
pub struct TestClock {
    now: Mutex<Timestamp>,
    pub slept: AtomicU64,
}

impl TestClock {
    pub fn at(text: &str) -> Arc<Self> {
        Arc::new(Self { now: Mutex::new(text.parse().unwrap()), slept: AtomicU64::new(0) })
    }

    pub fn set(&self, text: &str) {
        *self.now.lock().unwrap() = text.parse().unwrap();
    }

    /// Milliseconds slept.
    pub fn slept(&self) -> u64 {
        self.slept.load(Ordering::SeqCst)
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) {
        self.slept.fetch_add(u64::try_from(duration.as_millis()).unwrap(), Ordering::SeqCst);
        let mut now = self.now.lock().unwrap();
        *now += jiff::SignedDuration::try_from(duration).unwrap();
    }
}

/// A store in memory: every value with the time since when it is known.
#[derive(Default)]
pub struct MemoryStore {
    pub rows: Vec<(String, Row)>,
}

impl MemoryStore {
    /// What was known at a time.
    pub fn as_of(&self, symbol: &str, field: &str, time: Timestamp) -> BTreeMap<Date, f64> {
        let wanted = |row: &&Row| row.symbol == symbol && row.field == field && row.known <= time;
        let mut rows: Vec<&Row> = self.rows.iter().map(|(_, row)| row).filter(wanted).collect();
        rows.sort_by_key(|row| row.known);
        rows.into_iter().map(|row| (row.date, row.value)).collect()
    }
}

impl Sink for MemoryStore {
    fn known(&self, provider: &str, _: DataKind, subject: &str) -> anyhow::Result<Known> {
        let own = self.rows.iter().filter(|(from, row)| from == provider && row.symbol == subject);
        Ok(own.map(|(_, row)| ((row.field.clone(), row.date), row.value)).collect())
    }

    fn append(
        &mut self,
        _: &str,
        batch: &Batch,
        _: DataKind,
        provenance: &Provenance,
    ) -> anyhow::Result<Appended> {
        let mut appended = Appended::default();
        for row in &batch.rows {
            let known = self.as_of(&row.symbol, &row.field, Timestamp::MAX);
            match known.get(&row.date) {
                Some(value) if *value == row.value => appended.same += 1,
                Some(_) => appended.revised += 1,
                None => appended.new += 1,
            }
            if known.get(&row.date) != Some(&row.value) {
                self.rows.push((provenance.provider.clone(), row.clone()));
            }
        }
        Ok(appended)
    }
}

/// The configuration of a test, from YAML.
pub fn config(yaml: &str) -> Fetch {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fetch.yaml");
    fs_err::write(&path, yaml).unwrap();
    Fetch::load(&path).unwrap()
}

pub fn limits() -> HttpLimits {
    HttpLimits {
        connect_seconds: 2,
        idle_seconds: 1,
        total_seconds: 2,
        max_megabytes: 1,
        attempts: 2,
        ..HttpLimits::default()
    }
}

pub fn wanted(data: DataKind, subject: &str) -> Wanted {
    Wanted {
        data,
        subject: subject.to_owned(),
        exchange: Some("XNAS".into()),
        currency: "USD".to_owned(),
        from: None,
        to: "2025-01-31".parse().unwrap(),
        complete: "2025-01-30".parse().unwrap(),
    }
}

/// One fetch into a store.
pub fn fetch(
    config: &Fetch,
    limits: &HttpLimits,
    clock: &Arc<TestClock>,
    folder: &Path,
    wanted: &[Wanted],
    store: &mut MemoryStore,
) -> Vec<Outcome> {
    let http = Http::new(limits, config.contact.as_deref(), &folder.join("pace"), clock.clone()).unwrap();
    let raw = Raw::new(&folder.join("raw"));
    // Only the text behind the magic bytes is a table here: the real reader is tested with the data crate.
    let parquet = |bytes: &[u8]| match &bytes[4..bytes.len() - 4] {
        b"" => Err("no rows".to_owned()),
        text => Ok(text.to_vec()),
    };
    Desk { config, http: &http, raw: &raw, parquet: &parquet }.fetch(wanted, store).unwrap()
}
