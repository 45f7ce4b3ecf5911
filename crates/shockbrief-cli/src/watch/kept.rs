//! What stays in memory between two saves, and one round from there to the screen.

use super::{files::Redo, screen::Screen};
use crate::{
    analyse::Analysed,
    described,
    load::Project,
    render::{self, Making},
};
use anyhow::{Context, Result};
use shockbrief_templating::{Typeset, Typst, drawings};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// What rounds are made with.
pub struct Tools<'a> {
    /// Draws pages; stopped by a signal alone, so that saves without end do not keep pages away.
    pub drawer: Typst,
    /// Makes the PDFs for the audit; stopped by the next save.
    pub printer: Typst,
    /// Not 0 once something was saved since the round began.
    pub newer: Arc<AtomicUsize>,
    /// Report, inputs, languages, time.
    pub making: Making<'a>,
    /// Where pages and faults are shown.
    pub screen: &'a Screen,
}

impl Tools<'_> {
    /// Whether a save came since the round began.
    fn is_outdated(&self) -> bool {
        self.newer.load(Ordering::SeqCst) != 0
    }
}

/// The configuration that was read and the analysis made of it, as long as nothing they depend on was saved.
#[derive(Default)]
pub struct Kept {
    project: Option<Project>,
    analysed: Option<Analysed>,
}

impl Kept {
    /// Drops what is to be made again.
    pub fn forget(&mut self, redo: Redo) {
        if redo >= Redo::Everything {
            self.project = None;
        }
        if redo >= Redo::Analysis {
            self.analysed = None;
        }
    }

    /// Makes pages of what is there now; what is wrong is shown over the last good ones.
    pub fn round(&mut self, tools: &Tools<'_>) {
        tools.newer.store(0, Ordering::SeqCst);
        tools.screen.begin();
        match crate::safely(|| self.made(tools)) {
            Ok(files) => tools.screen.whole(files),
            // What a newer save stopped is made again at once.
            Err(_) if tools.is_outdated() && tools.screen.is_drawn() => {}
            Err(error) => {
                crate::complain(&error);
                tools.screen.fault(described(&error));
            }
        }
    }

    fn made(&mut self, tools: &Tools<'_>) -> Result<BTreeMap<String, Vec<u8>>> {
        let (project, analysed) = self.analysed(tools)?;
        let making = &tools.making;
        let languages = render::languages(analysed, &making.inputs.lang);
        render::rehearse(project, &tools.drawer, analysed, &languages, making)?;
        let pages = render::compose(project, analysed, &languages)?;
        let options = Typeset { limit: making.limit, ..Typeset::default() };
        let drawn = drawings(&tools.drawer, &pages.composed, &options)?;
        tools.screen.drawn(&analysed.issue, drawn);
        Ok(render::print(&tools.printer, analysed, pages, making.limit)?.files)
    }

    /// What is kept, made where it is not.
    fn analysed(&mut self, tools: &Tools<'_>) -> Result<(&Project, &Analysed)> {
        let (place, inputs) = (tools.making.place, tools.making.inputs);
        if self.project.is_none() {
            self.analysed = None;
            self.project = Some(Project::load(&inputs.config)?);
        }
        let project = self.project.as_mut().context("no configuration, and no reason")?;
        if self.analysed.is_none() {
            // What the briefs of one report have in common was made from data as they were.
            project.shared = Default::default();
            let analysed = Analysed::new(project, place, inputs)?;
            analysed.left_out().into_iter().for_each(crate::tell);
            self.analysed = Some(analysed);
        }
        Ok((project, self.analysed.as_ref().context("no analysis, and no reason")?))
    }
}

/// A language with its pages.
pub type Drawn = (String, Vec<Vec<u8>>);
