//! Mails the PDF of a language to its readers.
//!
//! The message's id is made of the delivery's key: should a run die after the server took a message and before that
//! was recorded, the next one sends it with the same id, which mail servers and programs show once.

use crate::{Job, retry::Failed};
use anyhow::{Context, Result, anyhow};
use lettre::{
    Message, SmtpTransport, Transport,
    message::{Attachment, Mailbox, MessageBuilder, MultiPart, SinglePart, header::ContentType},
    transport::smtp::{
        Error,
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
    },
};
use shockbrief_core::{Brief, config::MailTarget, fs::sha256};
use std::time::Duration;

/// Time that a server has for each answer.
const LIMIT: Duration = Duration::from_secs(30);

/// The message to the readers of the job's language.
pub fn message(target: &MailTarget, job: &Job<'_>) -> Result<Message> {
    let language = job.part.context("a mail has a language")?;
    let folder = job.package.folder;
    let brief: Brief = serde_json::from_slice(&fs_err::read(folder.join("brief.json"))?)?;
    let pdf = format!("{}-{}.{language}.pdf", brief.report, brief.period);
    let title = brief.title.get(language).with_context(|| format!("the brief has no `{language}`"))?;
    let from = mailbox(&target.from)?;
    let id = format!("<{}@{}>", &sha256(job.key().as_bytes())[..32], from.email.domain());
    let head =
        Message::builder().from(from).message_id(Some(id)).subject(format!("{title} · {}", brief.period));
    let readers = target.to.get(language).into_iter().flatten();
    let head = readers
        .map(|address| mailbox(address))
        .try_fold(head, |head, reader| -> Result<MessageBuilder> { Ok(head.to(reader?)) })?;
    let attached = Attachment::new(pdf.clone())
        .body(fs_err::read(folder.join(&pdf))?, ContentType::parse("application/pdf")?);
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
    address.parse().map_err(|error| anyhow!("`{address}` is no mail address: {error}"))
}

/// A connection to the target's server.
pub fn server(target: &MailTarget, job: &Job<'_>) -> Result<SmtpTransport> {
    let (wrapped, place) = match target.smtp.split_once("://") {
        Some(("smtps", place)) => (true, place),
        Some((_, place)) => (false, place),
        None => (false, target.smtp.as_str()),
    };
    let (host, port) =
        place.trim_end_matches('/').rsplit_once(':').unwrap_or((place, if wrapped { "465" } else { "587" }));
    let port = port.parse().with_context(|| format!("`{port}` is no port"))?;
    let mut tls = TlsParameters::builder(host.to_owned());
    if let Some(path) = &target.ca {
        tls = tls.add_root_certificate(Certificate::from_pem(&fs_err::read(path)?)?);
    }
    let tls = tls.build()?;
    let local = matches!(host, "127.0.0.1" | "localhost" | "[::1]");
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
    let said = job.secrets.hide(&format!("{:#}", anyhow!(error.to_string())));
    if error.is_permanent() { Failed::ForGood(said) } else { Failed::ForNow(said, None) }
}
