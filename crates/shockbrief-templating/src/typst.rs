//! The Typst command: the only place that starts a process.
//!
//! It runs in its own process group under a time limit, without network, system fonts or input, and with
//! a fixed creation time. What it prints is read to the end but only the first part is kept. Its errors
//! come back with the line of the template that made the faulty line.
//!
//! However many briefs and languages are made side by side, only so many processes run at once, each within a bound of
//! memory and of computing time. A guarded process dies with the one that started it, however that ends: see [`guard`].

use crate::compose::{Composed, Document};
use crate::{fonts, workshop::WorkFolder};
use anyhow::Result;
use shockbrief_core::{Class, Refusal};
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The one version that briefs are typeset with.
pub const VERSION: &str = "0.15.1";
/// How much of a stream is kept.
const KEPT: usize = 64 * 1024;
/// First argument with which a command that started this crate becomes Typst; it then calls [`guard`].
pub const GUARD: &str = "--become-typst";
/// How often a running process is asked for, so that it can be stopped.
const STEP: Duration = Duration::from_millis(50);

/// A Typst command of the right version; its clones share the bound on processes.
#[derive(Debug, Clone)]
pub struct Typst {
    path: PathBuf,
    gate: Arc<Gate>,
    guarded: bool,
    /// Not 0 when all is to be stopped.
    stop: Arc<AtomicUsize>,
}

/// Lets so many in and has the others wait.
#[derive(Debug)]
struct Gate {
    free: Mutex<usize>,
    left: Condvar,
}

/// A place inside the gate, given back when dropped.
struct Inside<'a>(&'a Gate);

impl Gate {
    fn new(places: usize) -> Arc<Self> {
        Arc::new(Self { free: Mutex::new(places.max(1)), left: Condvar::new() })
    }

    fn enter(&self) -> Inside<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |free: &mut usize| *free == 0;
        *self.left.wait_while(free, full).unwrap_or_else(PoisonError::into_inner) -= 1;
        Inside(self)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.left.notify_one();
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// How a brief is typeset.
#[derive(Debug, Clone)]
pub struct Typeset {
    /// Time for one document; default one minute.
    pub limit: Duration,
    /// PDF standards; default `ua-1` and `a-3a`.
    pub standards: Vec<String>,
    /// Bytes of data that the process may hold; default 4 GiB, some twenty times what a long brief takes.
    pub memory: u64,
}

impl Default for Typeset {
    fn default() -> Self {
        Self {
            limit: Duration::from_secs(60),
            standards: vec!["ua-1".to_owned(), "a-3a".to_owned()],
            memory: 4 << 30,
        }
    }
}

/// A typeset document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pdf {
    /// Language code.
    pub language: String,
    /// The file's bytes.
    pub bytes: Vec<u8>,
}

impl Typst {
    /// Finds the command: `explicit` (or the environment variable `TYPST`), `<root>/.tools/bin/typst`,
    /// then every folder of `PATH`; the first of version 0.15.1 is taken.
    ///
    /// # Errors
    /// Class `Typeset` when none of these has the version; the message names what was found.
    pub fn locate(explicit: Option<&Path>, root: &Path) -> Result<Self> {
        let variable = std::env::var_os("TYPST").filter(|v| !v.is_empty()).map(PathBuf::from);
        let named = explicit.map(Path::to_owned).or(variable);
        Self::locate_on(named.as_deref(), root, &std::env::var_os("PATH").unwrap_or_default())
    }

    /// Finds the command where only this search path is known, as a scheduler's shell knows it.
    ///
    /// # Errors
    /// As [`Typst::locate`].
    pub fn locate_on(explicit: Option<&Path>, root: &Path, path: &OsStr) -> Result<Self> {
        if let Some(path) = explicit {
            return Ok(Self::checked(path)?);
        }
        let folders = std::env::split_paths(path).map(|folder| folder.join("typst"));
        let mut found = Vec::new();
        for candidate in
            std::iter::once(root.join(".tools/bin/typst")).chain(folders).filter(|path| path.is_file())
        {
            match Self::checked(&candidate) {
                Ok(typst) => return Ok(typst),
                Err(refusal) => found.push(refusal.message),
            }
        }
        let found = if found.is_empty() {
            format!("no `typst` in .tools/bin or on PATH ({})", path.display())
        } else {
            found.join("; ")
        };
        Err(missing(found).into())
    }

    /// The command at `path`, if it answers with the right version.
    ///
    /// # Errors
    /// Class `Typeset` when it does not start, does not answer in time, or has another version.
    pub fn checked(path: &Path) -> Result<Self, Refusal> {
        // A command of the search path has no folder; any other must be found from the document's folder too.
        let path = &if path.components().count() > 1 { absolute(path) } else { path.to_owned() };
        let mut command = command(path);
        command.arg("--version");
        let going = AtomicUsize::new(0);
        let ended = run(&mut command, Duration::from_secs(20), Typeset::default().memory, &going)
            .map_err(|error| missing(format!("{}: {error}", path.display())))?;
        let text = String::from_utf8_lossy(&ended.stdout).into_owned();
        match text.split_whitespace().nth(1) {
            Some(VERSION) => {
                let cores = std::thread::available_parallelism().map_or(1, usize::from);
                let stop = Arc::new(AtomicUsize::new(0));
                Ok(Self { path: path.to_owned(), gate: Gate::new(cores), guarded: false, stop })
            }
            Some(other) if text.starts_with("typst ") => {
                Err(missing(format!("{} is version {other}, not {VERSION}", path.display())))
            }
            _ => Err(missing(format!("{} does not say which version of Typst it is", path.display()))),
        }
    }

    /// The same command, of which at most so many run at once (default: one for each core).
    #[must_use]
    pub fn at_most(self, processes: usize) -> Self {
        Self { gate: Gate::new(processes), ..self }
    }

    /// The same command, started through this very executable, which must answer to [`GUARD`] by [`guard`]: the
    /// process then dies with this one.
    #[must_use]
    pub fn guarded(self) -> Self {
        let guarded = cfg!(target_os = "linux") && Path::new(OWN).exists();
        Self { guarded, ..self }
    }

    /// The same command, whose processes are stopped as soon as the number is not 0.
    #[must_use]
    pub fn stopped_by(self, stop: Arc<AtomicUsize>) -> Self {
        Self { stop, ..self }
    }

    /// Where the command is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Typesets one document.
    ///
    /// # Errors
    /// Class `Typeset`: an error in the source, with the template's file and line; the time limit; a crash.
    pub fn compile(&self, document: &Document, options: &Typeset) -> Result<Pdf> {
        // The time limit begins inside: waiting for others is no fault of this document.
        let _inside = self.gate.enter();
        let folder = WorkFolder::new()?;
        lay_out(document, folder.path())?;
        let mut command = self.compile_command(document, folder.path(), options);
        self.finish(&mut command, document, options)?;
        let bytes = fs_err::read(folder.path().join("out.pdf")).map_err(|error| {
            Refusal::new(
                Class::Typeset,
                format!("{} ended well but left no PDF: {error}", self.path.display()),
            )
            .hint("check that this is the real Typst command")
        })?;
        Ok(Pdf { language: document.language.clone(), bytes: crate::compact::compact(&bytes)? })
    }

    /// Makes the edition of a document for browsers: one HTML file that loads nothing.
    ///
    /// # Errors
    /// As [`Typst::compile`].
    pub fn html(&self, document: &Document, options: &Typeset) -> Result<Vec<u8>> {
        let _inside = self.gate.enter();
        let folder = WorkFolder::new()?;
        let document = crate::edition::of(document);
        lay_out(&document, folder.path())?;
        let mut command = self.base_command(&document, folder.path(), options);
        command.args(["--features", "html", "--format", "html", "main.typ", "out.html"]);
        self.finish(&mut command, &document, options)?;
        Ok(fs_err::read(folder.path().join("out.html"))?)
    }

    /// Draws every page of a document as PNG, at so many pixels per inch.
    ///
    /// # Errors
    /// As [`Typst::compile`].
    pub fn draw(&self, document: &Document, ppi: u16, options: &Typeset) -> Result<Vec<Vec<u8>>> {
        self.drawn(document, &["--format", "png", "--ppi", &ppi.to_string()], "drawn/{0p}.png", options)
    }

    /// Draws every page of a document as SVG, which is sharp at any size.
    ///
    /// # Errors
    /// As [`Typst::compile`].
    pub fn draw_svg(&self, document: &Document, options: &Typeset) -> Result<Vec<Vec<u8>>> {
        self.drawn(document, &["--format", "svg"], "drawn/{0p}.svg", options)
    }

    fn drawn(
        &self,
        document: &Document,
        format: &[&str],
        pages: &str,
        options: &Typeset,
    ) -> Result<Vec<Vec<u8>>> {
        let _inside = self.gate.enter();
        let folder = WorkFolder::new()?;
        lay_out(document, folder.path())?;
        fs_err::create_dir(folder.path().join("drawn"))?;
        let mut command = self.base_command(document, folder.path(), options);
        command.args(format).args(["main.typ", pages]);
        self.finish(&mut command, document, options)?;
        let drawn = fs_err::read_dir(folder.path().join("drawn"))?;
        let mut pages = drawn.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        pages.sort();
        pages.iter().map(|page| Ok(fs_err::read(page)?)).collect()
    }

    /// Runs this very executable with other words, in a process of its own within the bounds of a typesetting: what
    /// would take the machine's time or memory takes that process's alone. How it ends by itself is no matter here.
    ///
    /// # Errors
    /// How it was ended, as a clause. A command that is not guarded cannot rehearse, and says nothing.
    pub fn rehearse(&self, words: &[OsString], options: &Typeset) -> Result<(), String> {
        if !self.guarded {
            return Ok(());
        }
        let _inside = self.gate.enter();
        let mut command = within(options);
        command.arg(OWN).args(words);
        let ended =
            run(&mut command, options.limit, options.memory, &self.stop).map_err(|how| how.to_string())?;
        match ended.status.signal() {
            None => Ok(()),
            Some(signal) => {
                Err(format!("was ended by signal {signal}, with {} MB at most", options.memory >> 20))
            }
        }
    }

    /// Runs a command on a document to a good end.
    fn finish(&self, command: &mut Command, document: &Document, options: &Typeset) -> Result<()> {
        let ended = run(command, options.limit, options.memory, &self.stop)
            .map_err(|error| broken(&self.path, document, &error))?;
        if !ended.status.success() {
            return Err(failed(document, &ended).into());
        }
        Ok(())
    }

    /// The command, or this executable on its way to become it.
    fn start(&self, options: &Typeset) -> Command {
        if !self.guarded {
            return command(&self.path);
        }
        let mut command = within(options);
        caged(&mut command);
        command.arg(&self.path);
        command
    }

    fn base_command(&self, document: &Document, folder: &Path, options: &Typeset) -> Command {
        let mut command = self.start(options);
        command.current_dir(folder).arg("compile").args(["--root", "."]).arg("--ignore-system-fonts");
        command.args([
            "--font-path",
            "fonts",
            "--package-path",
            "packages",
            "--package-cache-path",
            "packages",
        ]);
        command.arg("--creation-timestamp").arg(document.timestamp.to_string());
        command.args(["--diagnostic-format", "short"]);
        command
    }

    fn compile_command(&self, document: &Document, folder: &Path, options: &Typeset) -> Command {
        let mut command = self.base_command(document, folder, options);
        if !options.standards.is_empty() {
            command.arg("--pdf-standard").arg(options.standards.join(","));
        }
        command.args(["main.typ", "out.pdf"]);
        command
    }
}

/// This executable, also after its file was replaced by a newer one.
const OWN: &str = "/proc/self/exe";

/// Becomes Typst: a process that dies when the one that started it does, within bounds of memory and computing time.
///
/// `arguments` are what follows [`GUARD`]: the process id of the parent, bytes, seconds, the command, its arguments.
/// Returns only when that fails.
#[cfg(target_os = "linux")]
#[must_use]
pub fn guard(mut arguments: impl Iterator<Item = OsString>) -> std::io::Error {
    use rustix::process::{Resource, Rlimit, Signal, getppid, set_parent_process_death_signal, setrlimit};
    let wrong = || std::io::Error::from(std::io::ErrorKind::InvalidInput);
    let mut number = || arguments.next()?.to_str()?.parse::<u64>().ok();
    let (Some(parent), Some(memory), Some(seconds)) = (number(), number(), number()) else { return wrong() };
    let Some(path) = arguments.next() else { return wrong() };
    let at_most = |value| Rlimit { current: Some(value), maximum: Some(value) };
    let bounds = [(Resource::Data, memory), (Resource::Cpu, seconds), (Resource::Core, 0)];
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return error.into();
    }
    // A bound below what is allowed anyway stays; a parent that died before it was asked for sends no signal any more.
    for (resource, value) in bounds {
        let _ = setrlimit(resource, at_most(value));
    }
    if getppid().is_none_or(|own| u64::from(own.as_raw_nonzero().get().unsigned_abs()) != parent) {
        return std::io::Error::other("the process that wanted a page has ended");
    }
    #[expect(clippy::disallowed_methods, reason = "this module is the one place that starts processes")]
    Command::new(path).args(arguments).exec()
}

/// Other systems have no such bond; nothing asks for it there.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn guard(_: impl Iterator<Item = OsString>) -> std::io::Error {
    std::io::ErrorKind::Unsupported.into()
}

/// Typesets all languages at once.
///
/// # Errors
/// The first language's error, in order; see [`Typst::compile`].
pub fn typeset(typst: &Typst, composed: &Composed, options: &Typeset) -> Result<Vec<Pdf>> {
    side_by_side(composed, |document| typst.compile(document, options))
}

/// Makes the HTML edition of all languages at once, with the code of each.
///
/// # Errors
/// The first language's error, in order; see [`Typst::html`].
pub fn editions(typst: &Typst, composed: &Composed, options: &Typeset) -> Result<Vec<(String, Vec<u8>)>> {
    side_by_side(composed, |document| Ok((document.language.clone(), typst.html(document, options)?)))
}

/// Draws every page of all languages at once as SVG, with the code of each.
///
/// # Errors
/// The first language's error, in order; see [`Typst::draw_svg`].
pub fn drawings(
    typst: &Typst,
    composed: &Composed,
    options: &Typeset,
) -> Result<Vec<(String, Vec<Vec<u8>>)>> {
    side_by_side(composed, |document| Ok((document.language.clone(), typst.draw_svg(document, options)?)))
}

fn side_by_side<T: Send>(
    composed: &Composed,
    make: impl Fn(&Document) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let make = &make;
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            composed.documents.iter().map(|document| scope.spawn(move || make(document))).collect();
        threads
            .into_iter()
            .map(|thread| {
                thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a typesetting thread panicked")))
            })
            .collect()
    })
}

/// Writes a document's files, the fonts and an empty package folder.
///
/// # Errors
/// When the folder is not writable.
pub fn lay_out(document: &Document, folder: &Path) -> Result<()> {
    let texts = document.files.iter().map(|(path, text)| (path, text.as_bytes()));
    let pictures = document.pictures.iter().map(|(path, bytes)| (path, bytes.as_slice()));
    for (path, bytes) in texts.chain(pictures) {
        let path = folder.join(path.trim_start_matches('/'));
        if let Some(parent) = path.parent() {
            fs_err::create_dir_all(parent)?;
        }
        fs_err::write(path, bytes)?;
    }
    fs_err::create_dir_all(folder.join("packages"))?;
    fonts::write(&folder.join("fonts"))
}

/// This executable on its way to become, within bounds, the command that is still to be named.
#[expect(clippy::disallowed_methods, reason = "this module is the one place that starts processes")]
fn within(options: &Typeset) -> Command {
    // Typst works on every core at once.
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let seconds = options.limit.as_secs().saturating_add(1).saturating_mul(cores);
    let mut command = Command::new(OWN);
    command.arg(GUARD);
    command.args([std::process::id().to_string(), options.memory.to_string(), seconds.to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    command
}

#[expect(clippy::disallowed_methods, reason = "this module is the one place that starts processes")]
fn command(path: &Path) -> Command {
    let mut command = Command::new(path);
    caged(&mut command);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    command
}

/// Takes from a command what it need not know, and the way out.
fn caged(command: &mut Command) {
    command.env_clear().env("LC_ALL", "C");
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    // Should a source ask for a package after all, the request goes nowhere.
    for proxy in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env(proxy, OsStr::new("http://127.0.0.1:9"));
    }
}

/// A process that ended by itself.
struct Ended {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// Why a process gave no result.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("cannot be started: {0}")]
    Start(std::io::Error),
    #[error("did not end within {0:?} and was stopped")]
    Time(Duration),
    #[error("was stopped with the run")]
    Stopped,
    #[error("cannot be waited for: {0}")]
    Wait(std::io::Error),
}

/// Runs a command to its end, to the limit or until it is to stop; the whole process group is gone afterwards.
fn run(command: &mut Command, limit: Duration, memory: u64, stop: &AtomicUsize) -> Result<Ended, Broken> {
    let mut child = command.spawn().map_err(Broken::Start)?;
    let group = Group(child.id());
    group.bound(memory);
    let stdout = capture(child.stdout.take());
    let stderr = capture(child.stderr.take());
    let status = ended(&wait(child), limit, stop);
    // Also after a regular end: nothing that it started may hold the pipes or outlive it.
    group.kill();
    let status = status?;
    let kept = |stream: Receiver<Vec<u8>>| stream.recv_timeout(Duration::from_secs(5)).unwrap_or_default();
    Ok(Ended { status, stdout: kept(stdout), stderr: kept(stderr) })
}

/// The status of a process that ends within the limit.
fn ended(
    process: &Receiver<std::io::Result<ExitStatus>>,
    limit: Duration,
    stop: &AtomicUsize,
) -> Result<ExitStatus, Broken> {
    let mut left = limit;
    loop {
        let step = STEP.min(left);
        match process.recv_timeout(step) {
            Ok(status) => return status.map_err(Broken::Wait),
            Err(RecvTimeoutError::Disconnected) => return Err(Broken::Time(limit)),
            Err(RecvTimeoutError::Timeout) if stop.load(Ordering::SeqCst) != 0 => {
                return Err(Broken::Stopped);
            }
            Err(RecvTimeoutError::Timeout) => left = left.saturating_sub(step),
        }
        if left.is_zero() {
            return Err(Broken::Time(limit));
        }
    }
}

/// A process group by its leader.
struct Group(u32);

impl Group {
    /// Bounds the memory of the leader and of what it starts from now on.
    #[cfg(target_os = "linux")]
    fn bound(&self, memory: u64) {
        use rustix::process::{Pid, Resource, Rlimit, prlimit};
        // Without a number the call would bound this process itself.
        let Some(leader) = i32::try_from(self.0).ok().and_then(Pid::from_raw) else { return };
        // A process that has ended already needs no bound.
        let _ =
            prlimit(Some(leader), Resource::Data, Rlimit { current: Some(memory), maximum: Some(memory) });
    }

    /// Other systems bound the memory of a process only from inside.
    #[cfg(not(target_os = "linux"))]
    fn bound(&self, _: u64) {}

    fn kill(&self) {
        let leader = i32::try_from(self.0).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(leader) = leader {
            // A group without members is what we want; the error says no more.
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}

fn wait(mut child: Child) -> Receiver<std::io::Result<ExitStatus>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || sender.send(child.wait()));
    receiver
}

/// Reads a stream to its end and keeps its first part.
fn capture<R: Read + Send + 'static>(stream: Option<R>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        if let Some(mut stream) = stream {
            let _ = stream.by_ref().take(KEPT as u64).read_to_end(&mut kept);
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
        sender.send(kept)
    });
    receiver
}

fn missing(message: String) -> Refusal {
    Refusal::new(Class::Typeset, message)
        .hint(format!("run `make typst`, or name Typst {VERSION} with --typst or the variable TYPST"))
}

fn broken(path: &Path, document: &Document, error: &Broken) -> Refusal {
    let hint = match error {
        Broken::Stopped => "run again: what was not finished is made then",
        Broken::Time(_) => "look for an endless loop in the templates, or raise the time limit",
        _ => "check that the file is the Typst command and may be run",
    };
    Refusal::new(Class::Typeset, format!("typesetting `{}`: {} {error}", document.language, path.display()))
        .hint(hint)
}

fn failed(document: &Document, ended: &Ended) -> Refusal {
    let stderr = String::from_utf8_lossy(&ended.stderr);
    let errors: Vec<String> = stderr.lines().filter_map(|line| located(document, line)).collect();
    if !errors.is_empty() {
        let glyph = errors.iter().any(|error| error.contains("could not be displayed with font"));
        return Refusal::new(Class::Typeset, errors.join("\n")).hint(if glyph {
            "take the character out of the title, name or text that holds it: no font of the brief draws it"
        } else {
            "correct the template at the line named; values are escaped, so the fault is in its markup"
        });
    }
    let how = match (ended.status.code(), ended.status.signal()) {
        (Some(code), _) => format!("ended with code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "failed".to_owned(),
    };
    let said: String = stderr.trim().chars().take(400).collect();
    let said = if said.is_empty() { "without a word".to_owned() } else { format!("and said: {said}") };
    Refusal::new(Class::Typeset, format!("typesetting `{}`: Typst {how} {said}", document.language))
        .hint("run the command again with the same sources to see whether it repeats")
}

/// An error line of Typst with the template's place, or `None` for a line that is no error.
fn located(document: &Document, line: &str) -> Option<String> {
    let (place, message) =
        line.split_once(": error: ").or_else(|| Some(("", line.strip_prefix("error: ")?)))?;
    let mut parts = place.rsplitn(3, ':');
    let (_, row, file) = (parts.next(), parts.next(), parts.next());
    let origin = file.zip(row).and_then(|(file, row)| {
        let origins =
            document.origins.get(&format!("/{}", file.trim_start_matches("./").trim_start_matches('/')))?;
        origins.get(row.parse::<usize>().ok()?.checked_sub(1)?)
    });
    Some(match origin {
        Some((name, line)) => format!("{name}:{line}: {message} (in `{}`)", document.language),
        None if place.is_empty() => format!("{message} (in `{}`)", document.language),
        None => format!("{place}: {message} (in `{}`)", document.language),
    })
}
