//! Posts the twin to an address.

use crate::{Courier, Letter, Package, Reply};
use anyhow::Result;
use shockbrief_core::{Class, Refusal, config::Retry, fs::sha256};
use std::time::Duration;

/// Longest pause that the other side may ask for.
const LONGEST: u64 = 60;

/// Posts until it is taken, refused for good, or the attempts are used up.
pub fn post(
    name: &str,
    url: &str,
    secret: Option<&str>,
    package: &Package<'_>,
    retry: Retry,
    courier: &dyn Courier,
) -> Result<()> {
    let key = package.key(name);
    let letter = Letter {
        url: url.to_owned(),
        headers: vec![
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("Idempotency-Key".to_owned(), key.clone()),
        ],
        bearer: secret.map(str::to_owned),
        body: fs_err::read(package.folder.join("brief.json"))?,
    };
    let mut attempt = 1;
    loop {
        let (said, pause) = match courier.send(&letter) {
            Ok(Reply { status: 200..=299, .. }) => return Ok(()),
            Ok(Reply { status, .. }) if !again(status) => {
                return Err(refused(name, &format!("status {status}")));
            }
            Ok(Reply { status, retry_after }) => (format!("status {status}"), retry_after),
            Err(error) => (error, None),
        };
        if attempt >= retry.attempts {
            return Err(refused(name, &format!("{said} (tried {attempt} times)")));
        }
        courier.pause(wait(&key, attempt, retry, pause));
        attempt += 1;
    }
}

/// Whether asking again may help.
fn again(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..=599)
}

/// What the other side wants, else twice as long each time, with a part that differs from delivery to delivery so that
/// many do not come back at once.
fn wait(key: &str, attempt: u32, retry: Retry, wanted: Option<u64>) -> Duration {
    if let Some(seconds) = wanted {
        return Duration::from_secs(seconds.min(LONGEST));
    }
    let spread =
        u64::from_str_radix(&sha256(format!("{key}{attempt}").as_bytes())[..8], 16).unwrap_or_default();
    let base = retry.pause_ms.saturating_mul(1 << (attempt - 1).min(6));
    Duration::from_millis(base / 2 + base.saturating_mul(spread) / (u64::from(u32::MAX) * 2))
}

fn refused(name: &str, said: &str) -> anyhow::Error {
    Refusal::new(Class::Delivery, format!("delivery to `{name}`: {said}"))
        .hint("the brief is out; the next run tries again; check the target in config/delivery.yaml")
        .into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use shockbrief_core::Manifest;
    use std::{cell::RefCell, collections::BTreeMap};

    struct Script {
        replies: RefCell<Vec<Result<Reply, String>>>,
        letters: RefCell<Vec<Letter>>,
        pauses: RefCell<Vec<Duration>>,
    }

    impl Courier for Script {
        fn send(&self, letter: &Letter) -> Result<Reply, String> {
            self.letters.borrow_mut().push(letter.clone());
            self.replies.borrow_mut().remove(0)
        }

        fn pause(&self, duration: Duration) {
            self.pauses.borrow_mut().push(duration);
        }
    }

    fn run(replies: Vec<Result<Reply, String>>) -> (Result<()>, Script) {
        let folder = tempfile::tempdir().unwrap();
        shockbrief_core::fs::write_atomic(&folder.path().join("brief.json"), b"{}").unwrap();
        let manifest = Manifest {
            schema: 1,
            report: "weekly".to_owned(),
            period: "2025-W05".to_owned(),
            as_of: jiff_date(),
            revision: 2,
            shockbrief: String::new(),
            typst: String::new(),
            config: BTreeMap::new(),
            inputs: Vec::new(),
            files: BTreeMap::new(),
            audited: BTreeMap::new(),
            outputs: BTreeMap::new(),
        };
        let package = Package { folder: folder.path(), manifest: &manifest };
        let courier = Script {
            replies: RefCell::new(replies),
            letters: RefCell::default(),
            pauses: RefCell::default(),
        };
        let retry = Retry { attempts: 3, pause_ms: 1000 };
        let outcome = post("desk", "https://example.org/hook", Some("s3cret"), &package, retry, &courier);
        (outcome, courier)
    }

    fn jiff_date() -> shockbrief_core::Date {
        "2025-01-31".parse().unwrap()
    }

    fn reply(status: u16, retry_after: Option<u64>) -> Result<Reply, String> {
        Ok(Reply { status, retry_after })
    }

    #[test]
    fn taken_at_once_with_its_key() {
        let (outcome, courier) = run(vec![reply(202, None)]);
        outcome.unwrap();
        let letters = courier.letters.borrow();
        assert_eq!(letters.len(), 1);
        let key = letters[0].headers.iter().find(|(name, _)| name == "Idempotency-Key").unwrap();
        assert_eq!(key.1, "desk/weekly/2025-W05/r2");
    }

    #[test]
    fn tried_again_after_a_growing_pause_or_the_one_asked_for() {
        let (outcome, courier) =
            run(vec![Err("no connection".to_owned()), reply(429, Some(7)), reply(200, None)]);
        outcome.unwrap();
        let pauses = courier.pauses.borrow();
        assert!((500..=1000).contains(&pauses[0].as_millis()), "{pauses:?}");
        assert_eq!(pauses[1], Duration::from_secs(7));
        let long = wait("k", 1, Retry { attempts: 3, pause_ms: 1 }, Some(86_400));
        assert_eq!(long, Duration::from_secs(LONGEST));
    }

    #[test]
    fn refused_for_good_or_given_up_without_a_secret_in_the_message() {
        let (outcome, courier) = run(vec![reply(403, None)]);
        let message = format!("{:#}", outcome.unwrap_err());
        assert!(
            message.contains("status 403") && !message.contains("s3cret") && !message.contains("example.org")
        );
        assert_eq!(courier.letters.borrow().len(), 1);
        let (outcome, courier) = run(vec![reply(503, None), reply(503, None), reply(500, None)]);
        assert!(outcome.unwrap_err().to_string().contains("tried 3 times"));
        assert_eq!((courier.letters.borrow().len(), courier.pauses.borrow().len()), (3, 2));
    }
}
