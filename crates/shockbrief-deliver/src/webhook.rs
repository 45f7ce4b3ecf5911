//! Posts the twin to an address.

use crate::{Courier, Job, Letter, Reply, retry::Failed};
use anyhow::Result;

/// The request that a brief becomes.
pub fn letter(url: &str, job: &Job<'_>) -> Result<Letter> {
    Ok(Letter {
        url: url.to_owned(),
        headers: vec![
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("Idempotency-Key".to_owned(), job.key()),
        ],
        bearer: job.secrets.secret.clone(),
        body: job.package.file("brief.json")?.to_vec(),
    })
}

/// Posts once.
pub fn post(letter: &Letter, courier: &dyn Courier) -> Result<(), Failed> {
    match courier.send(letter) {
        Ok(Reply { status: 200..=299, .. }) => Ok(()),
        Ok(Reply { status: status @ (408 | 425 | 429 | 500..=599), retry_after }) => {
            Err(Failed::ForNow(format!("status {status}"), retry_after))
        }
        Ok(Reply { status, .. }) => Err(Failed::ForGood(format!("status {status}"))),
        Err(error) => Err(Failed::Unreachable(error)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use std::time::Duration;

    struct Answer(Result<Reply, String>);

    impl Courier for Answer {
        fn send(&self, _: &Letter) -> Result<Reply, String> {
            self.0.clone()
        }

        fn pause(&self, _: Duration) {}
    }

    #[test]
    fn an_answer_says_whether_to_try_again() {
        let letter = Letter { url: String::new(), headers: vec![], bearer: None, body: vec![] };
        let post = |status, retry_after| super::post(&letter, &Answer(Ok(Reply { status, retry_after })));
        assert_eq!(post(202, None), Ok(()));
        assert_eq!(post(429, Some(7)), Err(Failed::ForNow("status 429".to_owned(), Some(7))));
        assert_eq!(post(503, None), Err(Failed::ForNow("status 503".to_owned(), None)));
        assert_eq!(post(403, None), Err(Failed::ForGood("status 403".to_owned())));
        assert_eq!(post(301, None), Err(Failed::ForGood("status 301".to_owned())));
        let broken = super::post(&letter, &Answer(Err("no connection".to_owned())));
        assert_eq!(broken, Err(Failed::Unreachable("no connection".to_owned())));
    }
}
