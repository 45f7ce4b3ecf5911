//! Deliveries by mail and into an object store, against real servers on loopback.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use shockbrief_tests::{
    copy_folder, root, sample,
    servers::{MailServer, SECRET, USER, start_objects},
    shockbrief,
};
use std::{io::Write, path::Path, process::Output};

fn write_file(path: &Path, text: &str) {
    fs_err::File::create(path).unwrap().write_all(text.as_bytes()).unwrap();
}

/// A desk with one report that is delivered to one target.
fn desk(target: &str) -> tempfile::TempDir {
    let desk = tempfile::tempdir().unwrap();
    copy_folder(&root().join("config"), &desk.path().join("config"));
    copy_folder(&root().join("reports/weekly-monitor"), &desk.path().join("reports/weekly"));
    let report = desk.path().join("reports/weekly/report.yaml");
    let text = fs_err::read_to_string(&report).unwrap();
    write_file(&report, &format!("{text}\ndeliver: [desk]\n"));
    write_file(
        &desk.path().join("config/delivery.yaml"),
        &format!("targets:\n  desk: {target}\nretry: {{attempts: 2, pause_ms: 10}}\n"),
    );
    desk
}

fn run(desk: &Path, secret: &str) -> Output {
    let mut command = shockbrief(["run", "--now", "2025-02-03T07:00:00Z", "--data"]);
    command.arg(sample()).current_dir(desk).env("DESK_USER", USER).env("DESK_SECRET", secret);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

fn ledger(desk: &Path) -> String {
    fs_err::read_to_string(desk.join("out/ledger.jsonl")).unwrap()
}

fn mail_desk(server: &MailServer) -> tempfile::TempDir {
    let desk = desk(&format!(
        "{{smtp: \"smtp://127.0.0.1:{}\", from: \"Desk <desk@example.org>\", ca: ca.pem, user: {{env: DESK_USER}}, \
         password: {{env: DESK_SECRET}}, to: {{fr: [lecteur@example.org, autre@example.org], en: [reader@example.org]}}}}",
        server.port
    ));
    write_file(&desk.path().join("ca.pem"), &server.certificate);
    desk
}

/// The attached PDF, decoded from base64 by hand: the test does not trust the library that wrote it.
fn attachment(text: &str) -> Vec<u8> {
    let part = text.split("Content-Type: application/pdf").nth(1).unwrap();
    let body = part.split("\r\n\r\n").nth(1).unwrap().split("\r\n--").next().unwrap();
    let digits = body.bytes().filter_map(|byte| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    });
    let (mut bits, mut held, mut bytes) = (0_u32, 0, Vec::new());
    for digit in digits {
        bits = (bits << 6) | u32::from(digit);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from((bits >> held) & 0xff).unwrap());
        }
    }
    bytes
}

#[test]
fn each_reader_is_mailed_once_and_alone_through_tls() {
    let server = MailServer::start(0);
    let desk = mail_desk(&server);
    let first = run(desk.path(), SECRET);
    assert_eq!(first.status.code(), Some(0), "{}", said(&first));
    let mails = server.mails();
    assert_eq!(mails.len(), 3);
    assert!(
        mails
            .iter()
            .all(|mail| mail.to.len() == 1 && mail.encrypted && mail.from.contains("desk@example.org"))
    );
    for (own, others) in [
        ("lecteur@", ["autre@", "reader@"]),
        ("autre@", ["lecteur@", "reader@"]),
        ("reader@", ["lecteur@", "autre@"]),
    ] {
        let mail = mails.iter().find(|mail| mail.to[0].contains(own)).unwrap();
        // The head names the reader alone; nobody learns who else reads.
        assert!(mail.text.contains(own) && !others.iter().any(|other| mail.text.contains(other)), "{own}");
    }
    let french = mails.iter().find(|mail| mail.to[0].contains("lecteur@")).unwrap();
    let pdf = fs_err::read(desk.path().join("out/weekly/2025-W05/weekly-2025-W05.fr.pdf")).unwrap();
    assert!(attachment(&french.text) == pdf, "the French PDF is attached byte for byte");
    let english = mails.iter().find(|mail| mail.to[0].contains("reader@")).unwrap();
    assert!(english.text.contains("weekly-2025-W05.en.pdf"));
    let again = run(desk.path(), SECRET);
    assert_eq!((again.status.code(), said(&again).as_str()), (Some(0), ""));
    assert_eq!(server.mails().len(), 3, "a rerun sends nothing again");
    assert!(!ledger(desk.path()).contains(SECRET) && !ledger(desk.path()).contains(USER));
}

#[test]
fn a_busy_mail_server_is_asked_again_and_only_for_what_it_did_not_take() {
    // The mail to the English reader is put off twice and given up; those to the French ones are taken.
    let server = MailServer::start(2);
    let desk = mail_desk(&server);
    let first = run(desk.path(), SECRET);
    assert_eq!(first.status.code(), Some(3), "{}", said(&first));
    assert!(
        said(&first).contains("delivery to `desk` (reader@example.org, en)")
            && said(&first).contains("tried 2 times"),
        "{}",
        said(&first)
    );
    assert_eq!(server.mails().len(), 2);
    let second = run(desk.path(), SECRET);
    assert_eq!(second.status.code(), Some(0), "{}", said(&second));
    assert_eq!(readers(&server), ["autre@example.org", "lecteur@example.org", "reader@example.org"]);
    assert_eq!(ledger(desk.path()).matches("\"delivered\"").count(), 3);
}

/// Who got a mail, sorted.
fn readers(server: &MailServer) -> Vec<String> {
    let mut readers: Vec<String> =
        server.mails().iter().map(|mail| mail.to.concat().trim_matches(['<', '>']).to_owned()).collect();
    readers.sort();
    readers
}

#[test]
fn what_the_server_says_of_one_reader_decides_for_that_one_alone() {
    let server = MailServer::start(0);
    server.rule(&["lecteur@example.org"], &["reader@example.org"]);
    let desk = mail_desk(&server);
    let first = run(desk.path(), SECRET);
    assert_eq!(first.status.code(), Some(3), "{}", said(&first));
    assert!(said(&first).contains("delivery to `desk` (lecteur@example.org, fr)"), "{}", said(&first));
    // Greylisted at first, taken at the second attempt of the same run.
    assert_eq!(readers(&server), ["autre@example.org", "reader@example.org"]);
    let second = run(desk.path(), SECRET);
    assert_eq!(second.status.code(), Some(3), "{}", said(&second));
    assert_eq!(readers(&server).len(), 2, "nobody gets it twice");
    server.rule(&[], &[]);
    assert_eq!(run(desk.path(), SECRET).status.code(), Some(0));
    assert_eq!(readers(&server), ["autre@example.org", "lecteur@example.org", "reader@example.org"]);
}

/// An earlier version wrote to all readers of a language at once, and its ledger says so.
#[test]
fn who_got_a_mail_from_an_earlier_version_gets_it_once() {
    let server = MailServer::start(0);
    let desk = mail_desk(&server);
    assert_eq!(run(desk.path(), SECRET).status.code(), Some(0));
    let old = |path: &Path| {
        let text = fs_err::read_to_string(path).unwrap();
        let kept = text.lines().filter(|line| !line.contains("autre@"));
        let lines: Vec<String> = kept
            .map(|line| line.replace(":lecteur@example.org", "").replace(":reader@example.org", ""))
            // Nor had its lines a sum.
            .map(|line| line.split_once(",\"sum\":").map_or(line.clone(), |(rest, _)| format!("{rest}}}")))
            .collect();
        write_file(path, &(lines.join("\n") + "\n"));
    };
    old(&desk.path().join("out/ledger.jsonl"));
    old(&desk.path().join("out/.receipts/weekly.jsonl"));
    assert!(ledger(desk.path()).contains("\"desk:fr\""));
    let again = run(desk.path(), SECRET);
    assert_eq!((again.status.code(), said(&again).as_str()), (Some(0), ""));
    assert_eq!(server.mails().len(), 3);
}

#[test]
fn a_wrong_password_is_refused_at_once_and_shown_nowhere() {
    let server = MailServer::start(0);
    let desk = mail_desk(&server);
    let output = run(desk.path(), "wrong-password-of-the-desk");
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(server.mails().is_empty());
    for text in [said(&output), ledger(desk.path())] {
        assert!(!text.contains("wrong-password") && !text.contains(USER), "{text}");
    }
    assert!(!said(&output).contains("tried"), "trying again cannot help: {}", said(&output));
}

#[test]
fn a_server_without_the_trusted_certificate_gets_nothing() {
    let (server, other) = (MailServer::start(0), MailServer::start(0));
    let desk = mail_desk(&server);
    write_file(&desk.path().join("ca.pem"), &other.certificate);
    let output = run(desk.path(), SECRET);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(server.mails().is_empty());
}

#[test]
fn files_lie_in_the_bucket_byte_for_byte_after_a_failure() {
    let store = tempfile::tempdir().unwrap();
    fs_err::create_dir(store.path().join("briefs")).unwrap();
    let port = start_objects(store.path(), 3);
    let desk = desk(&format!(
        "{{bucket: briefs, prefix: desk/2025, endpoint: \"http://127.0.0.1:{port}\", key_id: {{env: DESK_USER}}, \
         key: {{env: DESK_SECRET}}}}"
    ));
    // Two attempts meet a store that is down; the next run meets it once more, and succeeds.
    let first = run(desk.path(), SECRET);
    assert_eq!(first.status.code(), Some(3), "{}", said(&first));
    let second = run(desk.path(), SECRET);
    assert_eq!(second.status.code(), Some(0), "{}", said(&second));
    let (from, to) =
        (desk.path().join("out/weekly/2025-W05"), store.path().join("briefs/desk/2025/weekly/2025-W05"));
    for name in ["weekly-2025-W05.fr.pdf", "weekly-2025-W05.en.pdf", "brief.json", "manifest.json"] {
        assert!(fs_err::read(from.join(name)).unwrap() == fs_err::read(to.join(name)).unwrap(), "{name}");
    }
    assert_eq!(said(&run(desk.path(), SECRET)), "");
    assert_eq!(ledger(desk.path()).matches("\"delivered\"").count(), 1);
}

#[test]
fn a_wrong_key_is_refused_at_once_and_shown_nowhere() {
    let store = tempfile::tempdir().unwrap();
    fs_err::create_dir(store.path().join("briefs")).unwrap();
    let port = start_objects(store.path(), 0);
    let desk = desk(&format!(
        "{{bucket: briefs, endpoint: \"http://127.0.0.1:{port}\", key_id: {{env: DESK_USER}}, key: {{env: DESK_SECRET}}}}"
    ));
    let output = run(desk.path(), "wrong-key-of-the-desk");
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(
        said(&output).contains("delivery to `desk`") && !said(&output).contains("tried"),
        "{}",
        said(&output)
    );
    for text in [said(&output), ledger(desk.path())] {
        assert!(!text.contains("wrong-key") && !text.contains(USER), "{text}");
    }
    assert!(!store.path().join("briefs/weekly").exists());
}

/// Without a licence that lets the data go, a mail leaves only where all its readers belong to the house.
#[test]
fn data_that_may_not_be_redistributed_stay_in_the_house() {
    let server = MailServer::start(0);
    let desk = mail_desk(&server);
    let sources = desk.path().join("config/sources.yaml");
    let text = fs_err::read_to_string(&sources).unwrap();
    write_file(&sources, &text.replace("    redistribute: true\n", ""));
    let kept = run(desk.path(), SECRET);
    assert_eq!(kept.status.code(), Some(3), "{}", said(&kept));
    assert!(
        said(&kept).contains(
            "delivery to `desk` of weekly 2025-W05: not sent out of the house, which the licence of these sources forbids: \
             reconstruction"
        ) && said(&kept).contains("`internal: true`"),
        "{}",
        said(&kept)
    );
    assert!(server.mails().is_empty() && ledger(desk.path()).contains("\"undelivered\""));
    // The brief itself is out, and readers in the house get it.
    assert!(desk.path().join("out/weekly/2025-W05/manifest.json").is_file());
    let delivery = desk.path().join("config/delivery.yaml");
    let text = fs_err::read_to_string(&delivery).unwrap();
    write_file(&delivery, &text.replace("{smtp:", "{internal: true, smtp:"));
    let sent = run(desk.path(), SECRET);
    assert_eq!(sent.status.code(), Some(0), "{}", said(&sent));
    assert_eq!(server.mails().len(), 3);
}
