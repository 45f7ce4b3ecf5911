//! Real servers on loopback for the tests of deliveries: SMTP with STARTTLS (`mailin`), S3 (`s3s-fs`).

use hyper_util::rt::TokioIo;
use mailin::{Action, AuthMechanism, Handler, Response, Session, SessionBuilder};
use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer};
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{IpAddr, TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

/// User and secret that both servers accept.
pub const USER: &str = "desk-user";
/// See [`USER`].
pub const SECRET: &str = "s3cret-that-nobody-may-read";

/// A mail as the server took it.
#[derive(Debug, Clone, Default)]
pub struct Mail {
    /// Sender of the envelope.
    pub from: String,
    /// Recipients of the envelope.
    pub to: Vec<String>,
    /// Head and body.
    pub text: String,
    /// Whether it came through TLS.
    pub encrypted: bool,
}

/// An SMTP server that demands TLS and a password, and keeps what it gets.
pub struct MailServer {
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// Its certificate, in PEM.
    pub certificate: String,
    taken: Arc<Mutex<Vec<Mail>>>,
    rules: Arc<Mutex<Rules>>,
}

/// What the server says to readers' addresses.
#[derive(Debug, Default)]
struct Rules {
    /// Refused for good.
    refused: Vec<String>,
    /// Put off at the first time (greylisting).
    grey: Vec<String>,
}

impl MailServer {
    /// Starts it; the first `busy` messages are put off with code 421.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(busy: usize) -> Self {
        let identity =
            rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::try_from(identity.signing_key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("protocols")
            .with_no_client_auth()
            .with_single_cert(vec![identity.cert.der().clone()], key)
            .expect("certificate and key fit");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (taken, config) = (Arc::new(Mutex::new(Vec::new())), Arc::new(config));
        let (kept, busy) = (taken.clone(), Arc::new(Mutex::new(busy)));
        let rules: Arc<Mutex<Rules>> = Arc::default();
        let obeyed = rules.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, busy, rules) = (kept.clone(), busy.clone(), obeyed.clone());
                let reader = Reader { mail: Mail::default(), kept, busy, rules };
                let config = config.clone();
                // A client that hangs up ends its session and nothing else.
                std::thread::spawn(move || serve(stream, &config, reader));
            }
        });
        Self { port, certificate: identity.cert.pem(), taken, rules }
    }

    /// Has it refuse a reader for good, or put another off once.
    ///
    /// # Panics
    /// When its thread crashed.
    pub fn rule(&self, refused: &[&str], grey: &[&str]) {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        *self.rules.lock().expect("the server runs") = Rules { refused: own(refused), grey: own(grey) };
    }

    /// What it took.
    ///
    /// # Panics
    /// When its thread crashed.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        self.taken.lock().expect("the server runs").clone()
    }
}

struct Reader {
    mail: Mail,
    kept: Arc<Mutex<Vec<Mail>>>,
    busy: Arc<Mutex<usize>>,
    rules: Arc<Mutex<Rules>>,
}

impl Handler for Reader {
    fn mail(&mut self, _: IpAddr, _: &str, from: &str) -> Response {
        self.mail.from = from.to_owned();
        mailin::response::OK
    }

    fn rcpt(&mut self, to: &str) -> Response {
        let mut rules = self.rules.lock().expect("no other session crashed");
        if rules.refused.iter().any(|own| to.contains(own)) {
            return Response::custom(550, "5.1.1 no such user".to_owned());
        }
        if let Some(at) = rules.grey.iter().position(|own| to.contains(own)) {
            rules.grey.remove(at);
            return Response::custom(451, "4.7.1 greylisted, try again later".to_owned());
        }
        self.mail.to.push(to.to_owned());
        mailin::response::OK
    }

    fn data(&mut self, buffer: &[u8]) -> io::Result<()> {
        self.mail.text.push_str(&String::from_utf8_lossy(buffer));
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        let mail = std::mem::take(&mut self.mail);
        let mut busy = self.busy.lock().expect("no other session crashed");
        if *busy > 0 {
            *busy -= 1;
            // A code that also ends the session: `mailin` takes what follows a refused message for more of it.
            return Response::custom(421, "try again later".to_owned());
        }
        self.kept.lock().expect("no other session crashed").push(Mail { encrypted: true, ..mail });
        mailin::response::OK
    }

    fn auth_plain(&mut self, _: &str, user: &str, secret: &str) -> Response {
        if (user, secret) == (USER, SECRET) {
            mailin::response::AUTH_OK
        } else {
            mailin::response::INVALID_CREDENTIALS
        }
    }
}

fn serve(stream: TcpStream, config: &Arc<ServerConfig>, reader: Reader) -> io::Result<()> {
    let mut builder = SessionBuilder::new("loopback");
    builder.enable_start_tls().enable_auth(AuthMechanism::Plain);
    let mut session = builder.build(stream.peer_addr()?.ip(), reader);
    let mut plain = stream.try_clone()?;
    session.greeting().write_to(&mut plain)?;
    if converse(&mut session, &mut BufReader::with_capacity(1, stream.try_clone()?), &mut plain)? {
        session.tls_active();
        let connection = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
        let mut secure = Shared(Arc::new(Mutex::new(StreamOwned::new(connection, stream))));
        converse(&mut session, &mut BufReader::new(secure.clone()), &mut secure)?;
    }
    Ok(())
}

/// One stream for a reader and a writer that take turns.
#[derive(Clone)]
struct Shared(Arc<Mutex<StreamOwned<ServerConnection, TcpStream>>>);

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.lock().expect("one thread").read(buffer)
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("one thread").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().expect("one thread").flush()
    }
}

/// Whether the client wants TLS from here on.
fn converse(
    session: &mut Session<Reader>,
    reader: &mut impl BufRead,
    writer: &mut impl Write,
) -> io::Result<bool> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(false);
        }
        let response = session.process(&line);
        if !matches!(response.action, Action::NoReply) {
            response.write_to(writer)?;
            writer.flush()?;
        }
        match response.action {
            Action::Close => return Ok(false),
            Action::UpgradeTls => return Ok(true),
            Action::Reply | Action::NoReply => {}
        }
    }
}

/// An S3-compatible server over a folder, whose sub-folders are its buckets.
///
/// The first `broken` requests are answered with 503. Gives its port on 127.0.0.1.
///
/// # Panics
/// When it cannot be started.
#[must_use]
pub fn start_objects(folder: &Path, broken: usize) -> u16 {
    start_counted(folder, broken).0
}

/// As [`start_objects`], with the number of bytes that its answers held.
///
/// # Panics
/// When it cannot be started.
#[must_use]
pub fn start_counted(folder: &Path, broken: usize) -> (u16, Arc<AtomicU64>) {
    let sent = Arc::new(AtomicU64::new(0));
    let counted = sent.clone();
    let files = s3s_fs::FileSystem::new(folder).expect("a folder");
    let mut builder = s3s::service::S3ServiceBuilder::new(files);
    builder.set_auth(s3s::auth::SimpleAuth::from_single(USER, SECRET));
    let service = builder.build();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    listener.set_nonblocking(true).expect("a socket");
    let broken = Arc::new(Mutex::new(broken));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
            while let Ok((socket, _)) = listener.accept().await {
                let (service, broken, counted) = (service.clone(), broken.clone(), counted.clone());
                let answer =
                    hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                        let (service, broken, counted) = (service.clone(), broken.clone(), counted.clone());
                        // The answer to HEAD tells the length of a body that it does not have.
                        let bodiless = request.method() == hyper::Method::HEAD;
                        async move {
                            if take(&broken) {
                                let mut refused = hyper::Response::new(s3s::Body::empty());
                                *refused.status_mut() = hyper::StatusCode::SERVICE_UNAVAILABLE;
                                return Ok(refused);
                            }
                            let answer = hyper::service::Service::call(&service, request).await;
                            let length = answer.as_ref().ok().and_then(|answer| {
                                answer.headers().get("content-length")?.to_str().ok()?.parse().ok()
                            });
                            counted.fetch_add(length.filter(|_| !bodiless).unwrap_or(0), Ordering::SeqCst);
                            answer
                        }
                    });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), answer),
                );
            }
        });
    });
    (port, sent)
}

fn take(left: &Mutex<usize>) -> bool {
    let mut left = left.lock().expect("no other request crashed");
    let some = *left > 0;
    *left = left.saturating_sub(1);
    some
}
