//! Deliveries of scheduled runs, against an HTTP server on loopback that this test starts.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and its server names times on the wall"
)]

use jiff::Timestamp;
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
    at: Timestamp,
}

/// A server that answers with the next status of its script, then with 200; 0 breaks the connection, and 429 names a
/// time three seconds ahead at which to come back.
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
                let request = Request { at: Timestamp::now(), ..read(&mut stream) };
                let hook = request.path == "/hook";
                kept.lock().unwrap().push(request);
                let status = if hook && !script.is_empty() { script.remove(0) } else { 200 };
                let later = Timestamp::now() + jiff::SignedDuration::from_secs(3);
                let pause = later.strftime("Retry-After: %a, %d %b %Y %H:%M:%S GMT\r\n").to_string();
                let pause = if status == 429 { pause } else { String::new() };
                if status > 0 {
                    let head = format!(
                        "HTTP/1.1 {status} X\r\n{pause}Content-Length: 0\r\nConnection: close\r\n\r\n"
                    );
                    let _ = stream.write_all(head.as_bytes());
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
        self.run_at(server, "2025-02-03T07:00:00Z")
    }

    fn run_at(&self, server: &Server, now: &str) -> Output {
        let mut command = shockbrief(["run", "--now", now, "--data"]);
        command.arg(sample()).current_dir(self.0.path()).stdin(Stdio::null());
        command.env("DESK_TOKEN", TOKEN);
        command.env("DESK_PING", format!("http://127.0.0.1:{}/ping/secret-id", server.port));
        command.output().unwrap()
    }

    /// Writes what the report says of its deliveries, and whether its period is pinned.
    fn report(&self, deliver: &str, pinned: bool) {
        let path = self.path("reports/weekly/report.yaml");
        let text = fs_err::read_to_string(&path).unwrap();
        let kept = text
            .lines()
            .filter(|line| !line.starts_with("deliver:") && (pinned || !line.starts_with("period:")));
        write_file(&path, &format!("{}\n{deliver}\n", kept.collect::<Vec<_>>().join("\n")));
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
        assert_eq!(again.status.code(), Some(0), "{damage}: {}", said(&again));
        assert_eq!(said(&again).contains("ledger.jsonl: torn"), damage == "torn", "{}", said(&again));
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

/// A published file that was damaged, replaced by a link, or named outside its folder is told and never sent.
#[test]
fn only_what_was_published_is_sent() {
    let server = Server::start(&[]);
    let desk = Desk::new(&server);
    desk.report("", true);
    assert_eq!(desk.run(&server).status.code(), Some(0));
    desk.report("deliver: [share, hook]", true);
    let folder = desk.path("out/weekly/2025-W05");
    let (pdf, list) = (folder.join("weekly-2025-W05.en.pdf"), folder.join("manifest.json"));
    let whole = [fs_err::read(&pdf).unwrap(), fs_err::read(&list).unwrap()];
    let restore = || {
        drop(fs_err::remove_file(&pdf));
        fs_err::write(&pdf, &whole[0]).unwrap();
        fs_err::write(&list, &whole[1]).unwrap();
    };
    let refused = |about: &str| {
        let output = desk.run(&server);
        assert_eq!(output.status.code(), Some(4), "{about}: {}", said(&output));
        assert!(said(&output).contains(about) && said(&output).contains("hint: "), "{}", said(&output));
        assert!(server.hooks().is_empty(), "{about}");
        assert!(!desk.path("share/weekly").exists() && !desk.path("outside.txt").exists(), "{about}");
        restore();
    };
    let mut zeroed = whole[0].clone();
    zeroed[40_000..40_200].fill(0);
    fs_err::write(&pdf, zeroed).unwrap();
    refused("weekly-2025-W05.en.pdf is not the file that was published");
    fs_err::write(desk.path("elsewhere"), &whole[0]).unwrap();
    fs_err::remove_file(&pdf).unwrap();
    std::os::unix::fs::symlink(desk.path("elsewhere"), &pdf).unwrap();
    refused("is a symbolic link");
    fs_err::write(desk.path("out/outside.txt"), "planted").unwrap();
    let named = String::from_utf8(whole[1].clone())
        .unwrap()
        .replace("\"outputs\": {", "\"outputs\": {\"../../outside.txt\": \"0\",");
    write_file(&list, &named);
    refused("`../../outside.txt` is no name of a file in this folder");
    // A manifest that speaks of another report is not believed either.
    let other = String::from_utf8(whole[1].clone())
        .unwrap()
        .replace("\"report\": \"weekly\"", "\"report\": \"other\"");
    write_file(&list, &other);
    let output = desk.run(&server);
    assert_ne!(output.status.code(), Some(0), "{}", said(&output));
    assert!(server.hooks().is_empty() && !desk.path("share/other").exists(), "{}", said(&output));
    restore();
    assert_eq!(desk.run(&server).status.code(), Some(0));
    assert_eq!(server.hooks().len(), 1);
}

/// A share that others can write to must not lead the files elsewhere.
#[test]
fn a_link_in_the_share_is_not_followed() {
    let server = Server::start(&[]);
    let desk = Desk::new(&server);
    for folder in ["share", "elsewhere"] {
        fs_err::create_dir(desk.path(folder)).unwrap();
    }
    std::os::unix::fs::symlink(desk.path("elsewhere"), desk.path("share/weekly")).unwrap();
    let output = desk.run(&server);
    assert!(said(&output).contains("share/weekly is a symbolic link"), "{}", said(&output));
    assert_eq!(fs_err::read_dir(desk.path("elsewhere")).unwrap().count(), 0);
}

#[test]
fn a_date_in_retry_after_is_waited_for() {
    let server = Server::start(&[429]);
    let desk = Desk::new(&server);
    let output = desk.run(&server);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let hooks = server.hooks();
    let waited = hooks[1].at.duration_since(hooks[0].at);
    // The date has whole seconds, so that two of the three are sure.
    assert!(hooks.len() == 2 && waited.as_millis() >= 2_000, "{waited:?}");
}

/// What a target did not take is owed also when the next period is out; what was out before a target was declared is
/// not.
#[test]
fn what_was_not_taken_is_sent_oldest_first() {
    let down = Server::start(&[503, 503, 503]);
    let desk = Desk::new(&down);
    desk.report("", false);
    assert_eq!(desk.run_at(&down, "2025-01-25T08:00:00Z").status.code(), Some(0));
    desk.report("deliver: [hook]", false);
    let first = desk.run_at(&down, "2025-02-01T08:00:00Z");
    assert_eq!(first.status.code(), Some(3), "{}", said(&first));
    let second = desk.run_at(&down, "2025-02-08T08:00:00Z");
    assert_eq!(second.status.code(), Some(0), "{}", said(&second));
    let keys: Vec<String> = down
        .hooks()
        .iter()
        .filter_map(|hook| {
            hook.head.to_lowercase().split("idempotency-key: ").nth(1)?.get(..20).map(str::to_owned)
        })
        .collect();
    assert_eq!(keys, [["hook/weekly/2025-w05"; 4].as_slice(), &["hook/weekly/2025-w06"]].concat());
    assert_eq!(desk.run_at(&down, "2025-02-08T09:00:00Z").status.code(), Some(0));
    assert_eq!(down.hooks().len(), 5, "nothing is sent twice");
}

#[test]
fn what_a_run_notes_is_for_its_owner_and_group() {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::start(&[]);
    let desk = Desk::new(&server);
    assert_eq!(desk.run(&server).status.code(), Some(0));
    for name in ["out/ledger.jsonl", "out/run.json", "out/.receipts/weekly.jsonl"] {
        let mode = fs_err::metadata(desk.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode & !0o640, 0, "{name}: {mode:o}");
    }
}

/// A mail target whose server is away does not make each of its readers wait for it.
#[test]
fn a_server_that_is_away_is_not_asked_for_each_reader() {
    let server = Server::start(&[]);
    let desk = Desk::new(&server);
    desk.report("deliver: [post]", true);
    write_file(
        &desk.path("config/delivery.yaml"),
        "targets:\n  post: {smtp: \"smtp://127.0.0.1:9\", from: desk@example.org, to: {en: [a@example.org, b@example.org]}}\n\
         retry: {attempts: 2, pause_ms: 10}\n",
    );
    let output = desk.run(&server);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("delivery to `post` (a@example.org, en)"), "{}", said(&output));
    assert!(
        said(&output).contains("delivery to `post:en:b@example.org`: not tried again in this run"),
        "{}",
        said(&output)
    );
}
