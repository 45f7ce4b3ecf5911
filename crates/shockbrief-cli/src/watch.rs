//! `watch`: the pages of one report in the browser, drawn again after every save. Nothing is published.

mod files;
mod kept;
mod screen;
mod server;

use crate::{
    args::Watch,
    render::{self, Making},
    run::{Ended, Signals},
    say, tell,
};
use anyhow::Result;
use files::{Files, Redo};
use kept::{Kept, Tools};
use screen::Screen;
use server::Server;
use shockbrief_templating::Typst;
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::AtomicUsize,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    time::Duration,
};

/// How often a signal is looked for.
const STEP: Duration = Duration::from_millis(100);

/// Shows the pages until a signal comes.
pub fn run(args: &Watch) -> Result<()> {
    let typst = Typst::locate(args.typst.as_deref(), Path::new("."))?.guarded();
    shockbrief_templating::sweep();
    let place = place(&args.report)?;
    let screen = Arc::new(Screen::new(&place));
    let server = Server::open(args.port, screen.clone())?;
    let signals = Signals::watch(drop)?;
    // Looked at before anything is read: what is saved from now on is seen to differ.
    let (sender, saved) = channel();
    let files = Files::of(&args.inputs, &place);
    let newer = Arc::new(AtomicUsize::new(0));
    files.watch(sender, newer.clone(), signals.stop())?;
    let making = Making {
        place: &place,
        inputs: &args.inputs,
        limit: Duration::from_secs(args.time_limit),
        keep_source: false,
        draw: None,
        revise: false,
    };
    let tools = Tools {
        drawer: typst.clone().stopped_by(signals.stop()),
        printer: typst.stopped_by(newer.clone()),
        newer,
        making,
        screen: &screen,
    };
    let address = server.answer()?;
    say(&address);
    if args.open {
        show(&address);
    }
    let mut kept = Kept::default();
    let mut redo = Some(Redo::Everything);
    loop {
        if let Some(redo) = redo {
            kept.forget(redo);
            kept.round(&tools);
        }
        if let Some(signal) = signals.seen() {
            return Err(Ended(128 + signal).into());
        }
        redo = next(&saved)?;
    }
}

/// What the saves of the last moments ask for together.
fn next(saved: &Receiver<Redo>) -> Result<Option<Redo>> {
    match saved.recv_timeout(STEP) {
        Ok(first) => Ok(saved.try_iter().chain([first]).max()),
        Err(RecvTimeoutError::Timeout) => Ok(None),
        Err(RecvTimeoutError::Disconnected) => anyhow::bail!("the files are looked at no more"),
    }
}

/// The report, or the first of its portfolios.
fn place(report: &Path) -> Result<PathBuf> {
    let (mut places, mut failures) = render::places(std::slice::from_ref(&report.to_owned()));
    if let Some(error) = failures.pop() {
        return Err(error);
    }
    if places.len() > 1 {
        let first = places[0].display();
        tell(format_args!(
            "{first} is shown, the first of {}; name the file of another for that",
            places.len()
        ));
    }
    if places.is_empty() { Ok(report.to_owned()) } else { Ok(places.swap_remove(0)) }
}

/// Opens the browser; without one the address that is printed does.
fn show(address: &str) {
    if let Err(error) = open::that_detached(address) {
        tell(format_args!("no browser could be opened ({error}); open {address} in one"));
    }
}
