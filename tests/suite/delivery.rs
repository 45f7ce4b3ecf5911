//! Deliveries of scheduled runs, against an HTTP server on loopback that this test starts.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use shockbrief_tests::{root, sample, shockbrief};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::{Arc, Mutex},
};

/// A request as it came in.
#[derive(Debug, Clone, Default)]
struct Request {
    path: String,
    head: String,
    body: Vec<u8>,
}

/// A server that answers with the next status of its script, then with 200; 0 breaks the connection.
struct Server {
    port: u16,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    fn start(script: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (kept, mut script) = (seen.clone(), script.to_vec());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = read(&mut stream);
                let hook = request.path == "/hook";
                kept.lock().unwrap().push(request);
                let status = if hook && !script.is_empty() { script.remove(0) } else { 200 };
                if status > 0 {
                    let _ = write!(
                        stream,
                        "HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    );
                }
            }
        });
        Self { port, seen }
    }

    fn hooks(&self) -> Vec<Request> {
        self.seen.lock().unwrap().iter().filter(|request| request.path == "/hook").cloned().collect()
    }

    fn paths(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|request| request.path.clone()).collect()
    }
}

fn read(stream: &mut TcpStream) -> Request {
    let mut reader = BufReader::new(stream);
    let mut request = Request::default();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        if request.head.is_empty() {
            request.path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        request.head.push_str(&line);
    }
    request.body = vec![0; length];
    reader.read_exact(&mut request.body).unwrap();
    request
}

struct Desk(tempfile::TempDir);

const TOKEN: &str = "t0ken-that-nobody-may-read";

impl Desk {
    fn new(server: &Server) -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        copy(&root().join("config"), &desk.path("config"));
        copy(&root().join("reports/weekly-monitor"), &desk.path("reports/weekly"));
        let report = desk.path("reports/weekly/report.yaml");
        let text = fs_err::read_to_string(&report).unwrap();
        write_file(&report, &format!("{text}\ndeliver: [share, hook]\n"));
        let port = server.port;
        write_file(
            &desk.path("config/delivery.yaml"),
            &format!(
                "targets:\n  share: {{folder: share}}\n  hook: {{url: \"http://127.0.0.1:{port}/hook\", token: {{env: DESK_TOKEN}}}}\n\
                 retry: {{attempts: 3, pause_ms: 10}}\nping: {{env: DESK_PING}}\n"
            ),
        );
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, server: &Server) -> Output {
        let mut command = shockbrief(["run", "--now", "2025-02-03T07:00:00Z", "--data"]);
        command.arg(sample()).current_dir(self.0.path()).stdin(Stdio::null());
        command.env("DESK_TOKEN", TOKEN);
        command.env("DESK_PING", format!("http://127.0.0.1:{}/ping/secret-id", server.port));
        command.output().unwrap()
    }

    fn ledger(&self) -> String {
        fs_err::read_to_string(self.path("out/ledger.jsonl")).unwrap()
    }
}

fn write_file(path: &Path, text: &str) {
    fs_err::File::create(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs_err::copy(&path, &target).unwrap();
        }
    }
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

#[test]
fn sent_once_to_every_target() {
    let server = Server::start(&[]);
    let desk = Desk::new(&server);
    let first = desk.run(&server);
    assert_eq!(first.status.code(), Some(0), "{}", said(&first));
    let hooks = server.hooks();
    assert_eq!(hooks.len(), 1);
    assert!(
        hooks[0].head.to_lowercase().contains("idempotency-key: hook/weekly/2025-w05/r1"),
        "{}",
        hooks[0].head
    );
    assert!(hooks[0].head.contains(&format!("Bearer {TOKEN}")));
    let folder = desk.path("out/weekly/2025-W05");
    assert_eq!(hooks[0].body, fs_err::read(folder.join("brief.json")).unwrap());
    for name in ["brief.json", "manifest.json", "weekly-2025-W05.fr.pdf"] {
        let sent = fs_err::read(desk.path("share/weekly/2025-W05").join(name)).unwrap();
        assert!(sent == fs_err::read(folder.join(name)).unwrap(), "{name}");
    }
    assert_eq!(server.paths(), ["/ping/secret-id/start", "/hook", "/ping/secret-id/0"]);
    let again = desk.run(&server);
    assert_eq!((again.status.code(), said(&again).as_str()), (Some(0), ""));
    assert_eq!(server.hooks().len(), 1, "a rerun sends nothing again");
    // A quiet day is told too: a monitor that hears nothing takes the machine for dead.
    assert_eq!(server.paths().last().unwrap(), "/ping/secret-id/0");
    assert_eq!(server.paths().len(), 4);
}

#[test]
fn a_lost_or_torn_ledger_has_nothing_sent_again() {
    let server = Server::start(&[]);
    let desk = Desk::new(&server);
    assert_eq!(desk.run(&server).status.code(), Some(0));
    let ledger = desk.path("out/ledger.jsonl");
    for damage in ["lost", "torn"] {
        if damage == "lost" {
            fs_err::remove_file(&ledger).unwrap();
        } else {
            let text = desk.ledger();
            write_file(&ledger, &text[..text.len() - 20]);
        }
        let again = desk.run(&server);
        assert_eq!((again.status.code(), said(&again).as_str()), (Some(0), ""), "{damage}");
        assert_eq!(server.hooks().len(), 1, "{damage}");
        let kept = desk.ledger();
        let whole = kept.lines().filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok());
        let whole: String = whole.collect();
        assert_eq!(whole.matches("\"delivered\"").count(), 2, "{damage}: {kept}");
        assert_eq!(whole.matches("\"published\"").count(), 1, "{damage}: {kept}");
    }
}

#[test]
fn a_run_that_fails_early_is_told_to_the_monitor() {
    let server = Server::start(&[]);
    let desk = Desk::new(&server);
    write_file(&desk.path("config/universe.yaml"), "instruments: 1\n");
    assert_eq!(desk.run(&server).status.code(), Some(2));
    assert_eq!(server.paths(), ["/ping/secret-id/start", "/ping/secret-id/2"]);
    let body = server.seen.lock().unwrap().last().unwrap().body.clone();
    let log = String::from_utf8(body).unwrap();
    assert!(log.contains("universe.yaml") && log.contains("hint: "), "{log}");
    fs_err::remove_dir_all(desk.path("reports")).unwrap();
    assert_eq!(desk.run(&server).status.code(), Some(2));
    assert_eq!(server.paths().last().unwrap(), "/ping/secret-id/2");
}

#[test]
fn a_failed_delivery_is_taken_up_by_the_next_run() {
    let server = Server::start(&[503, 0, 500, 429]);
    let desk = Desk::new(&server);
    let first = desk.run(&server);
    assert_eq!(first.status.code(), Some(3), "{}", said(&first));
    assert_eq!(server.hooks().len(), 3);
    assert!(
        said(&first).contains("delivery to `hook`") && said(&first).contains("hint: "),
        "{}",
        said(&first)
    );
    assert!(desk.path("share/weekly/2025-W05/manifest.json").is_file(), "the other target has it");
    assert_eq!(server.paths().last().unwrap(), "/ping/secret-id/3");
    // Busy once more, then taken; the brief itself is not made again.
    let second = desk.run(&server);
    assert_eq!(second.status.code(), Some(0), "{}", said(&second));
    assert_eq!(server.hooks().len(), 5);
    let ledger = desk.ledger();
    assert_eq!(ledger.matches("\"published\"").count(), 1);
    assert_eq!(ledger.matches("\"undelivered\"").count(), 1);
    assert_eq!(ledger.matches("\"delivered\"").count(), 2);
    assert_eq!(desk.run(&server).status.code(), Some(0));
    assert_eq!(server.hooks().len(), 5);
}

#[test]
fn secrets_are_nowhere() {
    let server = Server::start(&[401]);
    let desk = Desk::new(&server);
    let output = desk.run(&server);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    let mut texts = vec![said(&output)];
    let mut folders = vec![desk.path("out"), desk.path("share")];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                texts.push(String::from_utf8_lossy(&fs_err::read(path).unwrap()).into_owned());
            }
        }
    }
    for text in &texts {
        assert!(!text.contains(TOKEN) && !text.contains("secret-id"), "{text:.400}");
    }
}

#[test]
fn a_monitor_that_is_down_fails_nothing_and_an_unknown_target_is_named() {
    let server = Server::start(&[]);
    let desk = Desk::new(&server);
    let mut command = shockbrief(["run", "--now", "2025-02-03T07:00:00Z", "--data"]);
    command
        .arg(sample())
        .current_dir(desk.0.path())
        .env("DESK_TOKEN", TOKEN)
        .env("DESK_PING", "http://127.0.0.1:9/x");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("warning: the ping failed"), "{}", said(&output));
    let report = desk.path("reports/weekly/report.yaml");
    let text = fs_err::read_to_string(&report).unwrap();
    write_file(&report, &text.replace("deliver: [share, hook]", "deliver: [share, hok]"));
    let output = desk.run(&server);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("unknown delivery target `hok`"), "{}", said(&output));
}
