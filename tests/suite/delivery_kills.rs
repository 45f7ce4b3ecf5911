//! Runs killed while they deliver: no reader is forgotten, none gets a thing twice, nobody gets half of it.
//!
//! A brief lies published. Each round declares new targets, to which it is owed, and kills the runs that send it until
//! all have it. A kill between a server's answer and the receipt has it sent again, which no sender can avoid; it must
//! then carry the same key, by which the other side knows it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "runs are started, timed and killed from outside")]
#![allow(clippy::print_stdout, reason = "the counts are what the kills are for")]

use shockbrief_tests::{
    desk::{Desk, WEEK, code, errors, list, write},
    servers::{MailServer, SECRET, USER},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

/// The key and the body of a request.
type Request = (String, Vec<u8>);

/// What a server of webhooks has taken whole, in the order of coming.
#[derive(Clone, Default)]
struct Taken(Arc<Mutex<Vec<Request>>>);

impl Taken {
    fn seen(&self) -> MutexGuard<'_, Vec<Request>> {
        self.0.lock().unwrap()
    }

    /// A server that takes each request, and answers a little later: kills come in between.
    fn serve() -> (u16, Self) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = Self::default();
        let kept = taken.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                // A request whose sender died in the middle was never made.
                let Some(request) = read(&mut stream) else { continue };
                kept.seen().push(request);
                std::thread::sleep(Duration::from_millis(10));
                let _ =
                    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
        });
        (port, taken)
    }
}

fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let (mut key, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let Some((name, value)) = line.trim().split_once(':') else {
            if line.trim().is_empty() {
                break;
            }
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "idempotency-key" => value.trim().clone_into(&mut key),
            "content-length" => length = value.trim().parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((key, body))
}

/// A desk whose two briefs are out, and the servers to which they are owed.
struct Post {
    desk: Desk,
    port: u16,
    hooks: Taken,
    mail: MailServer,
    round: usize,
}

const REPORTS: [&str; 2] = ["weekly-01", "weekly-02"];

impl Post {
    fn new() -> Self {
        let desk = Desk::with(REPORTS.len());
        assert_eq!(code(&desk.run(&["-q"])), Some(0));
        let (port, hooks) = Taken::serve();
        let mail = MailServer::start(0);
        write(&desk.path("ca.pem"), &mail.certificate);
        Self { desk, port, hooks, mail, round: 0 }
    }

    /// New targets, and a folder for each round.
    fn next_round(&mut self) {
        self.round += 1;
        let (n, port, smtp) = (self.round, self.port, self.mail.port);
        let targets = format!(
            "targets:\n  first{n}: {{url: \"http://127.0.0.1:{port}/hook\"}}\n  share{n}: {{folder: share{n}}}\n  \
             mail{n}: {{smtp: \"smtp://127.0.0.1:{smtp}\", from: \"Desk <desk@example.org>\", ca: ca.pem, \
             user: {{env: DESK_USER}}, password: {{env: DESK_SECRET}}, to: {{fr: [lecteur@example.org], en: [reader@example.org]}}}}\n  \
             last{n}: {{url: \"http://127.0.0.1:{port}/hook\"}}\nretry: {{attempts: 2, pause_ms: 10}}\n"
        );
        write(&self.desk.path("config/delivery.yaml"), &targets);
        for report in REPORTS {
            let path = self.desk.path(&format!("reports/{report}/report.yaml"));
            let text = fs_err::read_to_string(&path).unwrap();
            let kept: String = text
                .lines()
                .filter(|line| !line.starts_with("deliver:"))
                .map(|line| format!("{line}\n"))
                .collect();
            write(&path, &format!("{kept}deliver: [first{n}, share{n}, mail{n}, last{n}]\n"));
        }
    }

    fn command(&self) -> Command {
        let mut command = self.desk.command(&["-q"]);
        command.env("DESK_USER", USER).env("DESK_SECRET", SECRET);
        command
    }

    /// How often each delivery is in the ledger, by target, report and period.
    fn recorded(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for entry in self.desk.ledger().iter().filter(|entry| entry["event"] == "delivered") {
            let word = |key: &str| entry[key].as_str().unwrap().to_owned();
            *counts.entry(format!("{}/{}", word("target"), word("report"))).or_default() += 1;
        }
        counts
    }

    /// Messages by their ids.
    fn mails(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for mail in self.mail.mails() {
            let id = mail.text.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap().to_owned();
            *counts.entry(id).or_default() += 1;
        }
        counts
    }

    /// What stands in a round's share is what was published, whole, and the manifest comes last.
    fn share_is_right(&self) -> usize {
        let mut whole = 0;
        for report in REPORTS {
            let share = self.desk.path(&format!("share{}", self.round)).join(report).join(WEEK);
            let out = self.desk.path("out").join(report).join(WEEK);
            let names =
                |folder| list(folder).iter().map(|path| path.file_name().unwrap().to_owned()).collect();
            let (there, published): (BTreeSet<_>, BTreeSet<_>) = (names(&share), names(&out));
            for name in there.intersection(&published) {
                let (sent, own) = (fs_err::read(share.join(name)), fs_err::read(out.join(name)));
                assert!(sent.unwrap() == own.unwrap(), "{}", share.join(name).display());
            }
            if there.contains(std::ffi::OsStr::new("manifest.json")) {
                assert!(there.is_superset(&published), "{there:?}");
                whole += 1;
            }
        }
        whole
    }
}

/// Numbers for moments, by Marsaglia's xorshift.
struct Moments(u64);

impl Moments {
    fn below(&mut self, most: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Duration::from_micros(self.0 % u64::try_from(most.as_micros()).unwrap().max(1))
    }
}

/// How long a run takes to its first delivery, and from there to its end.
fn measure(post: &mut Post) -> (Duration, Duration) {
    post.next_round();
    let (before, started) = (post.hooks.seen().len(), Instant::now());
    let mut run = post.command().stderr(Stdio::null()).spawn().unwrap();
    while post.hooks.seen().len() == before && started.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(1));
    }
    let first = started.elapsed();
    assert!(run.wait().unwrap().success());
    (first, started.elapsed().saturating_sub(first))
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    /// Runs killed, and those of them that had begun to send.
    kills: usize,
    inside: usize,
    /// Deliveries asked for.
    owed: usize,
    /// Taken by the other side before a kill and sent again with the same key or id.
    repeated: usize,
    lost: usize,
    doubled: usize,
    wrong: usize,
}

/// Starts a run and kills it at a moment; gives whether it was killed, and whether it had begun to send.
fn killed(post: &Post, moments: &mut Moments, (first, rest): (Duration, Duration)) -> (bool, bool) {
    let (before, started) = (post.hooks.seen().len(), Instant::now());
    let mut run = post.command().stderr(Stdio::null()).spawn().unwrap();
    // One in four at any moment; the others after the first sign that it sends.
    if moments.below(Duration::from_micros(4)).is_zero() {
        std::thread::sleep(moments.below(first + rest));
    } else {
        while post.hooks.seen().len() == before
            && run.try_wait().unwrap().is_none()
            && started.elapsed() < first * 2
        {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(moments.below(rest));
    }
    let alive = run.try_wait().unwrap().is_none();
    if alive {
        run.kill().unwrap();
        run.wait().unwrap();
    }
    (alive, alive && post.hooks.seen().len() > before)
}

fn kill_deliveries(kills: usize) -> Counts {
    let mut post = Post::new();
    let length = measure(&mut post);
    let (mut counts, mut moments) = (Counts::default(), Moments(88_172_645_463_325_252));
    while counts.kills < kills {
        post.next_round();
        for _ in 0..8 {
            let recorded = post.recorded();
            let before = post.hooks.seen().len();
            let (alive, inside) = killed(&post, &mut moments, length);
            counts.kills += usize::from(alive);
            counts.inside += usize::from(inside);
            post.share_is_right();
            // What a receipt tells of is never sent again.
            let again = post.hooks.seen()[before..]
                .iter()
                .filter(|(key, _)| recorded.keys().any(|known| key.starts_with(&format!("{known}/"))))
                .count();
            counts.doubled += again;
            if !alive || counts.kills >= kills {
                break;
            }
        }
        let last = post.command().output().unwrap();
        assert_eq!(code(&last), Some(0), "{}", errors(&last));
        let idle = (post.hooks.seen().len(), post.mail.mails().len());
        assert_eq!(code(&post.command().output().unwrap()), Some(0));
        assert_eq!((post.hooks.seen().len(), post.mail.mails().len()), idle, "a later run sends nothing");
        counts.lost += REPORTS.len() - post.share_is_right();
    }
    judge(&post, &mut counts);
    counts
}

/// Compares what the other sides took, over all rounds, with what was owed.
fn judge(post: &Post, counts: &mut Counts) {
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    for (key, body) in post.hooks.seen().iter() {
        *taken.entry(key.clone()).or_default() += 1;
        let report = key.split('/').nth(1).unwrap();
        let twin = fs_err::read(post.desk.path("out").join(report).join(WEEK).join("brief.json")).unwrap();
        counts.wrong += usize::from(*body != twin);
    }
    let (mails, recorded) = (post.mails(), post.recorded());
    let per_round = REPORTS.len() * 5;
    counts.owed = post.round * per_round;
    let hooks = post.round * REPORTS.len() * 2;
    counts.lost += hooks.saturating_sub(taken.len()) + hooks.saturating_sub(mails.len());
    counts.lost += counts.owed.saturating_sub(recorded.len());
    // Another key or id for the same thing would be a second one to its reader.
    counts.doubled += taken.len().saturating_sub(hooks) + mails.len().saturating_sub(hooks);
    counts.doubled += recorded.values().map(|times| times - 1).sum::<usize>();
    counts.repeated = taken.values().chain(mails.values()).map(|times| times - 1).sum();
    counts.wrong += post.mail.mails().iter().filter(|mail| mail.to.len() != 1 || !mail.encrypted).count();
    for name in recorded.keys() {
        let (target, report) = name.split_once('/').unwrap();
        assert!(REPORTS.contains(&report) && !target.is_empty(), "{name}");
    }
}

fn nothing_is_lost_or_doubled(kills: usize) {
    let started = Instant::now();
    let counts = kill_deliveries(kills);
    println!("{counts:?} in {:?}", started.elapsed());
    assert!(counts.kills >= kills && counts.inside * 10 >= counts.kills, "{counts:?}");
    assert_eq!((counts.lost, counts.doubled, counts.wrong), (0, 0, 0), "{counts:?}");
    assert!(counts.repeated <= counts.inside, "one kill repeats one delivery at most: {counts:?}");
}

#[test]
fn killed_while_delivering_nothing_is_lost_or_doubled() {
    nothing_is_lost_or_doubled(8);
}

#[test]
#[ignore = "200 kills take minutes: make faults"]
fn killed_200_times_while_delivering_nothing_is_lost_or_doubled() {
    nothing_is_lost_or_doubled(200);
}
