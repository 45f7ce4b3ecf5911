//! The archive: one page per language that lists every brief, one page per change from issue to issue, and an Atom
//! feed, as text. The letters of a report for each portfolio have such an archive for each reader, who sees no other's.
//!
//! Nothing here reads a file or a clock: the same briefs give the same bytes. The pages work from a file system and
//! from any static server; they can be read without a script, which only adds the filter.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::string_slice))]

mod feed;
mod html;
mod page;

pub use feed::feed;
pub use page::{changes, index};

use shockbrief_core::{Brief, Manifest, diff::Diff};
use std::collections::BTreeMap;

/// One published brief.
#[derive(Debug, Clone, PartialEq)]
pub struct Issue {
    /// Its manifest.
    pub manifest: Manifest,
    /// Its twin, without findings where only the listing is asked for.
    pub brief: Brief,
    /// What it has else than the issue before.
    pub diff: Option<(String, Diff)>,
    /// When it was last changed in a way that readers should notice (RFC 3339).
    pub updated: String,
}

impl Issue {
    /// The title in a language, or the slug.
    pub(crate) fn title(&self, code: &str) -> &str {
        self.brief.title.get(code).map_or(self.brief.report.as_str(), String::as_str)
    }

    /// The subtitle in a language; empty where it has none.
    pub(crate) fn subtitle(&self, code: &str) -> &str {
        self.brief.subtitle.get(code).map_or("", String::as_str)
    }

    /// Title and subtitle: what tells it from the briefs of other reports and portfolios.
    pub(crate) fn name(&self, code: &str) -> String {
        match self.subtitle(code) {
            "" => self.title(code).to_owned(),
            subtitle => format!("{} – {subtitle}", self.title(code)),
        }
    }

    /// The folder whose archive lists it, from the output folder: its reader's own, with a slash, or none.
    ///
    /// A letter of a version that said nothing of readers has their portfolio's name after a dot: it is kept apart.
    #[must_use]
    pub fn home(&self) -> String {
        let report = &self.manifest.report;
        if self.manifest.apart.unwrap_or_else(|| report.contains('.')) {
            format!("{report}/")
        } else {
            String::new()
        }
    }

    /// The folder from the archive's root, with a slash.
    pub(crate) fn folder(&self) -> String {
        if self.home().is_empty() {
            format!("{}/{}/", self.manifest.report, self.manifest.period)
        } else {
            format!("{}/", self.manifest.period)
        }
    }

    /// The name of the page of changes, from the archive's root.
    #[must_use]
    pub fn changes_page(&self, code: &str) -> String {
        format!("changes/{}-{}.{code}.html", self.manifest.report, self.manifest.period)
    }

    /// Published PDFs by language.
    pub(crate) fn pdfs(&self) -> Vec<(&str, &str)> {
        let names = self.manifest.outputs.keys().filter_map(|name| Some((name, name.strip_suffix(".pdf")?)));
        names.filter_map(|(name, stem)| Some((stem.rsplit('.').next()?, name.as_str()))).collect()
    }
}

/// How a page is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edition<'a> {
    /// Language code.
    pub code: &'a str,
    /// Words by key, `archive.…`.
    pub words: &'a BTreeMap<String, String>,
    /// Colours by token.
    pub colors: &'a BTreeMap<String, String>,
    /// The publisher's name.
    pub publisher: &'a str,
    /// All languages with their own names, in order.
    pub languages: &'a BTreeMap<String, String>,
}

impl Edition<'_> {
    pub(crate) fn word(&self, key: &str) -> String {
        let key = format!("archive.{key}");
        html::escape(self.words.get(&key).map_or(key.as_str(), String::as_str))
    }

    /// The name of this language's feed.
    #[must_use]
    pub fn feed_page(&self) -> String {
        format!("feed.{}.xml", self.code)
    }

    /// The name of the archive's page in a language; the first language has the plain one.
    #[must_use]
    pub fn index_page(&self, code: &str) -> String {
        if self.languages.keys().next().is_some_and(|first| first == code) {
            "index.html".to_owned()
        } else {
            format!("index.{code}.html")
        }
    }
}
