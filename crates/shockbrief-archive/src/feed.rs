//! The Atom feed (RFC 4287). Its ids are made from names and stay when a brief is revised; its dates are those of the
//! data until a revision, which is dated by its publication. The same briefs give the same bytes.

use crate::{
    Edition, Issue,
    html::{escape, link},
};
use std::fmt::Write as _;

/// Entries in a feed.
const KEPT: usize = 50;

/// The feed of one language, newest first; a brief that does not speak it is left out. `home` is the folder of the
/// archive that it belongs to, with a slash, or empty.
#[must_use]
pub fn feed(edition: &Edition<'_>, issues: &[Issue], home: &str) -> String {
    let spoken = |issue: &&Issue| issue.pdfs().iter().any(|(code, _)| *code == edition.code);
    let mut issues: Vec<&Issue> = issues.iter().filter(spoken).collect();
    issues.sort_by(|a, b| {
        (b.manifest.as_of, &b.manifest.report, &b.manifest.period).cmp(&(
            a.manifest.as_of,
            &a.manifest.report,
            &a.manifest.period,
        ))
    });
    issues.truncate(KEPT);
    let updated = issues.iter().map(|issue| issue.updated.as_str()).max().unwrap_or("1970-01-01T00:00:00Z");
    let (code, publisher) = (escape(edition.code), escape(edition.publisher));
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"{code}\">\n\
         <id>{}</id>\n<title>{publisher}</title>\n<author><name>{publisher}</name></author>\n\
         <updated>{}</updated>\n<link rel=\"self\" type=\"application/atom+xml\" href=\"{}\"/>\n\
         <link rel=\"alternate\" type=\"text/html\" href=\"{}\"/>\n",
        id(edition, &["feed", home.trim_end_matches('/')]),
        escape(updated),
        link(&edition.feed_page()),
        link(&edition.index_page(edition.code)),
    );
    issues.into_iter().for_each(|issue| entry(&mut out, edition, issue));
    out.push_str("</feed>\n");
    out
}

/// An id of this desk's: its publisher's name keeps it apart from the feeds of others that publish a report of the same
/// name.
fn id(edition: &Edition<'_>, parts: &[&str]) -> String {
    let parts = parts
        .iter()
        .filter(|part| !part.is_empty())
        .map(|part| format!(":{}", link(part).replace('/', "%2F")));
    let desk = link(edition.publisher).replace('/', "%2F");
    format!("urn:shockbrief:{desk}{}:{}", parts.collect::<String>(), link(edition.code))
}

fn entry(out: &mut String, edition: &Edition<'_>, issue: &Issue) {
    let (manifest, code) = (&issue.manifest, edition.code);
    let _ = writeln!(
        out,
        "<entry>\n<id>{}</id>\n<title>{} {}</title>\n<published>{}T00:00:00Z</published>\n<updated>{}</updated>",
        id(edition, &["brief", &manifest.report, &manifest.period]),
        escape(&issue.name(code)),
        escape(&manifest.period),
        manifest.as_of,
        escape(&issue.updated),
    );
    let mut pdfs = String::new();
    for (language, name) in issue.pdfs() {
        let (href, language) = (link(&format!("{}{name}", issue.folder())), escape(language));
        let rel = if language == escape(code) { "alternate" } else { "related" };
        let _ = writeln!(
            out,
            "<link rel=\"{rel}\" type=\"application/pdf\" hreflang=\"{language}\" href=\"{href}\"/>"
        );
        let _ = write!(pdfs, "<a href=\"{href}\">PDF {language}</a> ");
    }
    let words: Vec<(&str, &str)> = issue
        .brief
        .headline
        .iter()
        .filter_map(|headline| Some((headline.name.get(code)?.as_str(), headline.text.get(code)?.as_str())))
        .collect();
    let rows: String = words
        .iter()
        .map(|(name, text)| format!("<dt>{}</dt><dd>{}</dd>", escape(name), escape(text)))
        .collect();
    let rows = if rows.is_empty() { rows } else { format!("<dl>{rows}</dl>") };
    let summary: Vec<String> = words.iter().map(|(name, text)| format!("{name}: {text}")).collect();
    let _ = writeln!(
        out,
        "<summary>{}</summary>\n<content type=\"xhtml\"><div xmlns=\"http://www.w3.org/1999/xhtml\"><p>{}</p>{rows}<p>{}\
         </p></div></content>\n</entry>",
        escape(&summary.join("; ")),
        escape(&issue.name(code)),
        pdfs.trim_end(),
    );
}
