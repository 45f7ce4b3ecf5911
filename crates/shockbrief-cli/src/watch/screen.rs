//! What the browser shows: the last good pages, and what is wrong now.

use super::kept::Drawn;
use crate::load::Issue;
use serde::Serialize;
use shockbrief_core::fs::sha256;
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Pages and faults, shared by who makes them and who asks for them.
pub struct Screen {
    shown: Mutex<Shown>,
    changed: Condvar,
}

/// All that is shown.
struct Shown {
    state: State,
    /// Pages by their digest: what a browser shows now, and what it may still ask for from the round before.
    pages: BTreeMap<String, Arc<Vec<u8>>>,
    /// The PDFs of the last round that the audit let pass.
    pdfs: BTreeMap<String, Arc<Vec<u8>>>,
    /// Whether this round has pages.
    is_drawn: bool,
    /// Whether the fault was found in the PDF, which new pages alone do not mend.
    is_of_audit: bool,
}

/// What the page is told.
#[derive(Debug, Clone, Serialize)]
struct State {
    /// Another one for each change.
    version: u64,
    title: BTreeMap<String, String>,
    slug: String,
    period: String,
    step: Step,
    /// What `check` would print, or the audit.
    faults: Option<String>,
    editions: Vec<Edition>,
}

/// How far a round is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Step {
    /// Pages are being made.
    Drawing,
    /// Pages are there; the PDF is being audited.
    Auditing,
    /// Nothing is being made.
    Done,
}

/// A language.
#[derive(Debug, Clone, Serialize)]
struct Edition {
    language: String,
    /// Digests of its pages, in order.
    pages: Vec<String>,
    /// The name of its PDF, once it passed the audit.
    pdf: Option<String>,
}

impl Screen {
    /// An empty screen for a report.
    pub fn new(place: &Path) -> Self {
        let slug = place.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let state = State {
            // A browser that was left open knows another run by other numbers.
            version: u64::from(std::process::id()) * 1_000_000,
            title: BTreeMap::new(),
            slug,
            period: String::new(),
            step: Step::Drawing,
            faults: None,
            editions: Vec::new(),
        };
        let shown = Shown {
            state,
            pages: BTreeMap::new(),
            pdfs: BTreeMap::new(),
            is_drawn: false,
            is_of_audit: false,
        };
        Self { shown: Mutex::new(shown), changed: Condvar::new() }
    }

    /// A round begins.
    pub fn begin(&self) {
        self.change(|shown| {
            shown.is_drawn = false;
            shown.state.step = Step::Drawing;
        });
    }

    /// Pages are there.
    pub fn drawn(&self, issue: &Issue, drawn: Vec<Drawn>) {
        self.change(|shown| {
            let before: Vec<String> =
                shown.state.editions.iter().flat_map(|edition| edition.pages.clone()).collect();
            shown.pages.retain(|digest, _| before.contains(digest));
            shown.state.editions.clear();
            for (language, pages) in drawn {
                let mut digests = Vec::new();
                for page in pages {
                    let digest = sha256(&page);
                    shown.pages.entry(digest.clone()).or_insert_with(|| Arc::new(page));
                    digests.push(digest);
                }
                shown.state.editions.push(Edition { language, pages: digests, pdf: None });
            }
            shown.state.title = issue.report.title.clone();
            shown.state.slug.clone_from(&issue.report.slug);
            shown.state.period = issue.period.to_string();
            shown.state.step = Step::Auditing;
            shown.is_drawn = true;
            if !shown.is_of_audit {
                shown.state.faults = None;
            }
        });
    }

    /// The audit let the brief pass.
    pub fn whole(&self, files: BTreeMap<String, Vec<u8>>) {
        self.change(|shown| {
            let pdfs = files.into_iter().filter(|(name, _)| name.ends_with(".pdf"));
            shown.pdfs = pdfs.map(|(name, bytes)| (name, Arc::new(bytes))).collect();
            for edition in &mut shown.state.editions {
                let ending = format!(".{}.pdf", edition.language);
                edition.pdf = shown.pdfs.keys().find(|name| name.ends_with(&ending)).cloned();
            }
            shown.state.faults = None;
            shown.state.step = Step::Done;
        });
    }

    /// Something is wrong; the last good pages stay.
    pub fn fault(&self, told: String) {
        self.change(|shown| {
            shown.state.faults = Some(told);
            shown.is_of_audit = shown.is_drawn;
            shown.state.step = Step::Done;
        });
    }

    /// Whether the round has pages already.
    pub fn is_drawn(&self) -> bool {
        self.shown().is_drawn
    }

    /// The state as JSON, once it is another than `known` or the time is over.
    pub fn after(&self, known: Option<u64>, wait: Duration) -> serde_json::Result<Vec<u8>> {
        let same = |shown: &mut Shown| Some(shown.state.version) == known;
        let waited = self.changed.wait_timeout_while(self.shown(), wait, same);
        let state = waited.unwrap_or_else(PoisonError::into_inner).0.state.clone();
        serde_json::to_vec(&state)
    }

    /// A page by its digest.
    pub fn page(&self, digest: &str) -> Option<Arc<Vec<u8>>> {
        self.shown().pages.get(digest).cloned()
    }

    /// A PDF by its name.
    pub fn pdf(&self, name: &str) -> Option<Arc<Vec<u8>>> {
        self.shown().pdfs.get(name).cloned()
    }

    fn change(&self, change: impl FnOnce(&mut Shown)) {
        let mut shown = self.shown();
        change(&mut shown);
        shown.state.version += 1;
        self.changed.notify_all();
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
