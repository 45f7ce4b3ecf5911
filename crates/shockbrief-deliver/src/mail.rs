//! Mails the PDF of a language to one reader.
//!
//! Each reader has a message, a key and a receipt: none sees the others, and what the server says about one decides for
//! that one alone.
//!
//! The message's id is made of the delivery's key: should a run die after the server took a message and before that
//! was recorded, the next one sends it with the same id, which mail servers and programs show once.

use crate::{Job, retry::Failed};
use anyhow::{Context, Result};
use lettre::{
    Message, SmtpTransport, Transport,
    message::{Attachment, Mailbox, MultiPart, SinglePart, header::ContentType},
    transport::smtp::{
        Error,
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
    },
};
use shockbrief_core::{Brief, Refusal, address::MailServer, config::MailTarget, fs::sha256};
use std::{path::Path, time::Duration};

/// Time that a server has for each answer.
const LIMIT: Duration = Duration::from_secs(30);

/// The message to the job's reader.
pub fn message(target: &MailTarget, job: &Job<'_>) -> Result<Message> {
    let part = job.part.context("a mail has a reader")?;
    let language = part.language.as_str();
    let brief: Brief = serde_json::from_slice(job.package.file("brief.json")?)?;
    let pdf = format!("{}-{}.{language}.pdf", brief.report, brief.period);
    let title = brief.title.get(language).with_context(|| format!("the brief has no `{language}`"))?;
    let from = mailbox(&target.from)?;
    let digest: String = sha256(job.key().as_bytes()).chars().take(32).collect();
    let id = format!("<{digest}@{}>", from.email.domain());
    let head = Message::builder()
        .from(from)
        .to(mailbox(&part.reader)?)
        .message_id(Some(id))
        .subject(format!("{title} · {}", brief.period));
    let attached = Attachment::new(pdf.clone())
        .body(job.package.file(&pdf)?.to_vec(), ContentType::parse("application/pdf")?);
    Ok(head.multipart(
        MultiPart::mixed()
            .singlepart(SinglePart::plain(text(&brief, language, title, job)))
            .singlepart(attached),
    )?)
}

/// What a reader sees before opening the attachment: title, stamp, figures of the headline.
fn text(brief: &Brief, language: &str, title: &str, job: &Job<'_>) -> String {
    let in_language =
        |texts: &std::collections::BTreeMap<String, String>| texts.get(language).cloned().unwrap_or_default();
    let figures = brief
        .headline
        .iter()
        .map(|listed| format!("{}  {}\n", in_language(&listed.text), in_language(&listed.name)));
    let stamp = job.stamp.map(|stamp| format!("{stamp}\n\n")).unwrap_or_default();
    format!("{stamp}{title}\n{} · {}\n\n{}", brief.period, brief.as_of, figures.collect::<String>())
}

fn mailbox(address: &str) -> Result<Mailbox> {
    address.parse().map_err(|error| {
        Refusal::config(format!("`{}` is no mail address: {error}", address.escape_debug()))
            .hint("correct it in config/delivery.yaml")
            .into()
    })
}

/// The bytes of a certificate, which is an ordinary file.
fn certificate(path: &Path) -> Result<Vec<u8>> {
    if !path.is_file() {
        return Err(Refusal::config(format!("`ca`: {} is no file", path.display()))
            .hint("name a file with a certificate in PEM, or take `ca` out of config/delivery.yaml")
            .into());
    }
    Ok(fs_err::read(path)?)
}

/// A connection to the target's server.
pub fn server(target: &MailTarget, job: &Job<'_>) -> Result<SmtpTransport> {
    let MailServer { host, port, wrapped, local } =
        MailServer::read(&target.smtp).map_err(|told| Refusal::config(told.fault).hint(told.hint))?;
    let mut tls = TlsParameters::builder(host.clone());
    if let Some(path) = &target.ca {
        tls = tls.add_root_certificate(Certificate::from_pem(&certificate(path)?)?);
    }
    let tls = tls.build()?;
    let security = match (wrapped, local && target.ca.is_none()) {
        (true, _) => Tls::Wrapper(tls),
        // On this machine nobody listens in; anywhere else a server without TLS is refused.
        (false, true) => Tls::Opportunistic(tls),
        (false, false) => Tls::Required(tls),
    };
    let mut builder = SmtpTransport::builder_dangerous(host).port(port).tls(security).timeout(Some(LIMIT));
    if let (Some(user), Some(secret)) = (&job.secrets.user, &job.secrets.secret) {
        builder = builder.credentials(Credentials::new(user.clone(), secret.clone()));
    }
    Ok(builder.build())
}

/// Sends once.
pub fn send(server: &SmtpTransport, message: &Message, job: &Job<'_>) -> Result<(), Failed> {
    server.send(message).map(|_| ()).map_err(|error| failed(&error, job))
}

fn failed(error: &Error, job: &Job<'_>) -> Failed {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        // The outer error often tells its cause already.
        let inner_words = inner.to_string();
        if !words.contains(&inner_words) {
            words = format!("{words}: {inner_words}");
        }
        cause = inner.source();
    }
    let said = job.secrets.said(&words);
    match () {
        () if error.is_permanent() => Failed::ForGood(said),
        () if error.is_transient() => Failed::ForNow(said, None),
        () => Failed::Unreachable(said),
    }
}
