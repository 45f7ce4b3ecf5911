//! The Atom feed (RFC 4287). Dates are as-of dates and ids are made from names: the same briefs, the same bytes.

use crate::{
    Edition, Issue,
    html::{escape, link},
};
use std::fmt::Write as _;

/// Entries in a feed.
const KEPT: usize = 50;

/// The feed of one language, newest first.
#[must_use]
pub fn feed(edition: &Edition<'_>, issues: &[Issue]) -> String {
    let mut issues: Vec<&Issue> = issues.iter().collect();
    issues.sort_by(|a, b| {
        (b.manifest.as_of, &b.manifest.report, &b.manifest.period).cmp(&(
            a.manifest.as_of,
            &a.manifest.report,
            &a.manifest.period,
        ))
    });
    let updated =
        issues.first().map_or_else(|| "1970-01-01".to_owned(), |issue| issue.manifest.as_of.to_string());
    let code = escape(edition.code);
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"{code}\">\n\
         <id>urn:shockbrief:feed:{code}</id>\n<title>{}</title>\n<author><name>{}</name></author>\n\
         <updated>{updated}T00:00:00Z</updated>\n<link rel=\"alternate\" type=\"text/html\" href=\"{}\"/>\n",
        escape(edition.publisher),
        escape(edition.publisher),
        edition.index_page(edition.code),
    );
    for issue in issues.into_iter().take(KEPT) {
        let manifest = &issue.manifest;
        let _ = writeln!(
            out,
            "<entry>\n<id>urn:shockbrief:{}:{}:{}:{code}</id>\n<title>{} {}</title>\n<updated>{}T00:00:00Z</updated>",
            link(&manifest.report),
            link(&manifest.period),
            manifest.revision,
            escape(&issue.name(edition.code)),
            escape(&manifest.period),
            manifest.as_of,
        );
        for (language, name) in issue.pdfs().into_iter().filter(|(language, _)| *language == edition.code) {
            let href = link(&format!("{}{name}", issue.folder()));
            let _ = writeln!(
                out,
                "<link rel=\"alternate\" type=\"application/pdf\" hreflang=\"{language}\" href=\"{href}\"/>"
            );
        }
        let words: Vec<String> = issue
            .brief
            .headline
            .iter()
            .filter_map(|headline| {
                Some(format!("{}: {}", headline.name.get(edition.code)?, headline.text.get(edition.code)?))
            })
            .collect();
        let _ = writeln!(out, "<summary>{}</summary>\n</entry>", escape(&words.join("; ")));
    }
    out.push_str("</feed>\n");
    out
}
