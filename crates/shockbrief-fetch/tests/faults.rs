//! Provider × fault × what the user sees, over loopback; and what good answers become.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use shockbrief_core::Refusal;
use std::{fmt::Write, sync::Mutex};
use support::{
    MemoryStore, Reply, Seen, Server, TestClock,
    answers::{CASES, Case},
    config, fetch, gzip, limits, wanted,
};

const KEY: &str = "K3Y-1234567890";

fn declared(case: &Case, url: &str, folder: &std::path::Path) -> shockbrief_core::config::Fetch {
    fs_err::write(folder.join("key"), KEY).unwrap();
    let key = format!("{{file: {}}}", folder.join("key").display());
    let declaration = case.declaration.replace("$KEY", &key);
    let (id, data) = (case.id, case.data.name());
    config(&format!(
        "contact: desk@example.org\nhistory_from: 2018-01-01\norder: {{{data}: [{id}]}}\nproviders:\n  - {{id: {id}, url: \"{url}\", interval_ms: 0, licence: test, {declaration}}}\n"
    ))
}

/// What the user sees after one fetch against a server.
fn told(case: &Case, url: &str) -> (String, MemoryStore) {
    let folder = tempfile::tempdir().unwrap();
    let config = declared(case, url, folder.path());
    let clock = TestClock::at("2025-01-31T17:00:00Z");
    let mut store = MemoryStore::default();
    let outcomes =
        fetch(&config, &limits(), &clock, folder.path(), &[wanted(case.data, case.subject)], &mut store);
    let [outcome] = &outcomes[..] else { panic!("one outcome") };
    let mut text = String::new();
    if outcome.provider.is_some() {
        let (new, last) = (outcome.appended.new, outcome.last.map_or(String::new(), |last| last.to_string()));
        write!(text, "ok: {new} values to {last}").unwrap();
        outcome.notes.iter().for_each(|note| write!(text, "; {note}").unwrap());
    }
    for failure in &outcome.failures {
        let refusal = Refusal::from(failure.clone());
        write!(text, "{refusal} | hint: {}", refusal.hint.as_deref().unwrap()).unwrap();
    }
    assert!(!text.contains(KEY), "the key is shown: {text}");
    for entry in walk(folder.path()) {
        let bytes = fs_err::read(&entry).unwrap();
        let held = bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes());
        assert!(!held || entry.ends_with("key"), "the key is stored in {}", entry.display());
    }
    (text.replace(url.trim_start_matches("http://"), "SERVER"), store)
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

type Fault = (&'static str, fn(&Case) -> Option<Reply>);

const FAULTS: &[Fault] = &[
    ("good", |case| Some(Reply::ok((case.good)()))),
    ("gzip", |case| Some(Reply::gzip(&(case.good)()))),
    ("quota with 200", |case| case.quota.map(Reply::ok)),
    ("page", |_| Some(Reply::ok("<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>"))),
    ("empty", |_| Some(Reply::ok(""))),
    ("429", |_| Some(Reply::status(429, "Too Many Requests"))),
    ("429, later", |_| Some(Reply::Full(429, vec![("Retry-After", "3600".into())], Vec::new()))),
    ("401", |_| Some(Reply::status(401, "Invalid token"))),
    ("403", |_| Some(Reply::status(403, "Undeclared Automated Tool"))),
    ("404", |_| Some(Reply::status(404, "Not found"))),
    ("500", |_| Some(Reply::status(500, "Internal Server Error"))),
    ("redirect loop", |_| Some(Reply::Full(302, vec![("Location", "/again".into())], Vec::new()))),
    ("cut body", |case| Some(Reply::Cut((case.good)()))),
    ("cut, not told", |case| {
        let good = (case.good)();
        Some(Reply::ok(&good[..good.len() * 9 / 10]))
    }),
    ("cut gzip", |case| {
        let packed = gzip(&(case.good)());
        let half = packed[..packed.len() / 2].to_vec();
        Some(Reply::Full(200, vec![("Content-Encoding", "gzip".into())], half))
    }),
    ("gzip bomb", |_| Some(Reply::gzip(&vec![b' '; 3 << 20]))),
    ("slow drip", |_| Some(Reply::Drip)),
    ("noise", |_| Some(Reply::Noise)),
    ("changed schema", |case| Some(Reply::ok((case.changed)()))),
];

/// All faults of all providers in one table; each message names provider, subject, what was seen, the next step.
#[test]
fn fault_table() {
    let cells: Vec<(usize, &Case, usize, Reply)> = CASES
        .iter()
        .enumerate()
        .flat_map(|(row, case)| {
            let replies = FAULTS.iter().enumerate();
            replies.filter_map(move |(column, (_, reply))| Some((row, case, column, reply(case)?)))
        })
        .collect();
    let results = Mutex::new(std::collections::BTreeMap::new());
    let queue = Mutex::new(cells.into_iter());
    // Most of the time is waiting for time limits.
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                loop {
                    let Some((row, case, column, reply)) = queue.lock().unwrap().next() else { break };
                    let server = Server::start(move |_| reply.clone());
                    let (text, _) = told(case, &server.url());
                    results.lock().unwrap().insert((row, column), text);
                }
            });
        }
    });
    let mut table = String::from("provider | fault | what the user sees\n");
    for ((row, column), text) in results.into_inner().unwrap() {
        let (case, fault) = (&CASES[row], FAULTS[column].0);
        let good = ["good", "gzip"].contains(&fault);
        assert_eq!(text.starts_with("ok"), good, "{} {fault}: {text}", case.id);
        writeln!(table, "{} | {fault} | {text}", case.id).unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn good_answers_have_the_documented_number_of_values() {
    for case in CASES {
        let server = Server::start(move |_| Reply::ok((case.good)()));
        let (text, store) = told(case, &server.url());
        assert_eq!(store.rows.len(), case.rows, "{}: {text}\n{:#?}", case.id, store.rows);
    }
}

#[test]
fn tls_failure() {
    let server = Server::start(|_| Reply::ok("[]"));
    let (text, _) = told(&CASES[0], &server.url().replace("http://", "https://"));
    assert!(text.contains("no trustworthy connection"), "{text}");
}

#[test]
fn nobody_listens() {
    let (text, _) = told(&CASES[0], "http://127.0.0.1:9");
    assert!(text.starts_with("tiingo: NVDA: no connection"), "{text}");
}

#[test]
fn a_key_in_a_header_does_not_follow_a_redirect_to_another_host() {
    let other = Server::start(|_| Reply::ok(support::answers::TIINGO));
    let place = other.url().replace("127.0.0.1", "localhost");
    let first = Server::start(move |_| Reply::Full(302, vec![("Location", place.clone())], Vec::new()));
    let (text, _) = told(&CASES[0], &first.url());
    assert!(text.starts_with("ok"), "{text}");
    assert!(first.seen.lock().unwrap()[0].head.contains("authorization: token"));
    assert!(!other.seen.lock().unwrap()[0].head.contains("authorization"));
}

#[test]
fn the_user_agent_names_the_contact() {
    let server = Server::start(|_| Reply::ok(support::answers::TIINGO));
    told(&CASES[0], &server.url());
    let version = env!("CARGO_PKG_VERSION");
    let head = server.seen.lock().unwrap()[0].head.clone();
    assert!(head.contains(&format!("user-agent: shockbrief/{version} (desk@example.org)")), "{head}");
}

#[test]
fn retry_after_is_waited_for_and_the_second_attempt_counts() {
    let calls = Mutex::new(0);
    let server = Server::start(move |_| {
        let mut calls = calls.lock().unwrap();
        *calls += 1;
        match *calls {
            1 => Reply::Full(429, vec![("Retry-After", "7".into())], Vec::new()),
            _ => Reply::ok(support::answers::TIINGO),
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let config = declared(&CASES[0], &server.url(), folder.path());
    let clock = TestClock::at("2025-01-31T17:00:00Z");
    let wanted = [wanted(CASES[0].data, "NVDA")];
    let outcomes = fetch(&config, &limits(), &clock, folder.path(), &wanted, &mut MemoryStore::default());
    assert_eq!(outcomes[0].provider.as_deref(), Some("tiingo"));
    assert_eq!(clock.slept(), 7000);
}

#[test]
fn processes_share_one_pace() {
    let server = Server::start(|_| Reply::ok(support::answers::TIINGO));
    let folder = tempfile::tempdir().unwrap();
    let mut config = declared(&CASES[0], &server.url(), folder.path());
    config.providers[0].interval_ms = 1500;
    let clock = TestClock::at("2025-01-31T17:00:00Z");
    let wanted = [wanted(CASES[0].data, "NVDA")];
    // Two clients that know of each other by the pause file alone.
    for _ in 0..3 {
        fetch(&config, &limits(), &clock, folder.path(), &wanted, &mut MemoryStore::default());
    }
    assert_eq!(clock.slept(), 3000);
}

#[test]
fn an_unchanged_answer_is_read_from_what_was_kept() {
    let models = CASES.iter().find(|case| case.id == "model-prices").unwrap();
    let server = Server::start(|seen: &Seen| {
        if seen.head.contains("if-none-match: \"v1\"") {
            return Reply::status(304, "");
        }
        Reply::Full(200, vec![("ETag", "\"v1\"".into())], support::answers::MODELS.into())
    });
    let folder = tempfile::tempdir().unwrap();
    let config = declared(models, &server.url(), folder.path());
    let clock = TestClock::at("2025-01-31T17:00:00Z");
    let wanted = [wanted(models.data, "models")];
    let mut store = MemoryStore::default();
    let first = fetch(&config, &limits(), &clock, folder.path(), &wanted, &mut store);
    let second = fetch(&config, &limits(), &clock, folder.path(), &wanted, &mut store);
    assert_eq!((first[0].appended.new, second[0].appended.new, second[0].appended.same), (3, 0, 3));
    assert_eq!(server.seen.lock().unwrap().len(), 2);
    // $2.50 per million tokens, from a price per token.
    let prices = store.as_of("gpt-4o", "input", jiff::Timestamp::MAX);
    assert!((prices.values().next().unwrap() - 2.5).abs() < 1e-12);
}

#[test]
fn another_provider_answers_for_one_in_trouble() {
    let broken = Server::start(|_| Reply::ok("Exceeded the daily hits limit"));
    let good = Server::start(|_| Reply::ok(support::answers::YAHOO));
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("key"), KEY).unwrap();
    let config = config(&format!(
        "history_from: 2018-01-01\norder: {{prices: [stooq, yahoo]}}\nproviders:\n  - {{id: stooq, kind: stooq, data: prices, url: \"{}\", interval_ms: 0, licence: test, key: {{file: {}}}, pattern: \"{{lower}}.us\"}}\n  - {{id: yahoo, kind: yahoo-chart, data: prices, url: \"{}\", interval_ms: 0, licence: test, unofficial_accepted: true, pattern: \"{{symbol}}\"}}\n",
        broken.url(),
        folder.path().join("key").display(),
        good.url()
    ));
    let clock = TestClock::at("2025-01-31T17:00:00Z");
    let prices = shockbrief_core::config::DataKind::Prices;
    let wanted = [wanted(prices, "NVDA"), wanted(prices, "AMD")];
    let outcomes = fetch(&config, &limits(), &clock, folder.path(), &wanted, &mut MemoryStore::default());
    assert!(outcomes.iter().all(|outcome| outcome.provider.as_deref() == Some("yahoo")));
    assert!(outcomes[1].failures[0].seen.contains("not asked, after NVDA: “Exceeded the daily hits limit”"));
    assert_eq!(broken.seen.lock().unwrap().len(), 1);
}
