//! A desk of its own for tests of scheduled runs: the shipped config, and copies of the weekly report.

use crate::{copy_folder, root, sample, shockbrief};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs::File,
    io::Write as _,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// Monday after the week of the shock, 08:00 in Paris.
pub const MONDAY: &str = "2025-02-03T07:00:00Z";
/// The week that is due then.
pub const WEEK: &str = "2025-W05";

/// A folder with config, reports, and what runs put out.
pub struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    /// A desk with so many weekly reports.
    #[must_use]
    pub fn with(reports: usize) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let desk = Self { folder };
        copy_folder(&root().join("config"), &desk.path("config"));
        for n in 1..=reports {
            copy_folder(
                &root().join("reports/weekly-monitor"),
                &desk.path(&format!("reports/weekly-{n:02}")),
            );
        }
        desk
    }

    /// A path on the desk.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `run` on the sample, at [`MONDAY`] unless the arguments say else.
    #[must_use]
    pub fn command(&self, args: &[&str]) -> Command {
        self.command_on(&sample(), args)
    }

    /// `run` on other data.
    #[must_use]
    pub fn command_on(&self, data: &Path, args: &[&str]) -> Command {
        let mut command = shockbrief(["run", "--data"]);
        command.arg(data);
        if !args.contains(&"--now") {
            command.args(["--now", MONDAY]);
        }
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        for name in ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs to the end.
    ///
    /// # Panics
    /// When the command does not start.
    #[must_use]
    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("shockbrief starts")
    }

    /// The entries of the ledger that are whole.
    #[must_use]
    pub fn ledger(&self) -> Vec<Value> {
        let text = fs_err::read_to_string(self.path("out/ledger.jsonl")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// `run.json`.
    ///
    /// # Panics
    /// When it is not there, or no JSON.
    #[must_use]
    pub fn record(&self) -> Value {
        let bytes = fs_err::read(self.path("out/run.json")).expect("every run leaves run.json");
        serde_json::from_slice(&bytes).expect("run.json is whole")
    }

    /// How often each report was published.
    #[must_use]
    pub fn published(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for entry in self.ledger().iter().filter(|entry| entry["event"] == "published") {
            *counts.entry(entry["report"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        counts
    }

    /// How many weeks are published; each of their folders is whole: the digests of its manifest hold.
    ///
    /// # Panics
    /// When one is not whole.
    #[must_use]
    pub fn whole(&self) -> usize {
        let folders = list(&self.path("out")).into_iter().map(|report| report.join(WEEK));
        folders.filter(|folder| folder.is_dir()).map(|folder| whole(&folder)).count()
    }

    /// A command that says it is the right Typst, and then does what `body` says; `$REAL` is the real one.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn typst(&self, name: &str, version: &str, body: &str) -> PathBuf {
        let path = self.path(name);
        let text = format!(
            "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'typst {version} (test)'; exit 0; fi\n\
             DESK='{}'\nREAL='{}'\n{body}\n",
            self.folder.path().display(),
            real_typst().display()
        );
        write(&path, &text);
        let open = std::fs::Permissions::from_mode(0o755);
        fs_err::set_permissions(&path, open).expect("permissions can be set");
        path
    }
}

fn real_typst() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([root().join(".tools/bin")]);
    let found = folders.map(|folder| folder.join("typst")).find(|path| path.is_file());
    found.expect("typst is on PATH or in .tools/bin: run the tests with `make test`")
}

fn whole(folder: &Path) {
    let manifest = fs_err::read(folder.join("manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_slice(&manifest).expect("the manifest is whole");
    for (name, digest) in manifest["outputs"].as_object().expect("outputs") {
        assert_eq!(sha256(&folder.join(name)), digest.as_str().unwrap_or_default(), "{name}");
    }
}

/// SHA-256 by the system's own tool.
///
/// # Panics
/// When it is not there.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "an independent digest")]
pub fn sha256(path: &Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().expect("sha256sum starts");
    String::from_utf8_lossy(&output.stdout).split(' ').next().unwrap_or_default().to_owned()
}

/// What lies in a folder, in order.
///
/// # Panics
/// When an entry cannot be read.
#[must_use]
pub fn list(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = match fs_err::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.expect("entry can be read").path()).collect(),
        Err(_) => Vec::new(),
    };
    found.sort();
    found
}

/// Writes a file, whole and at once.
///
/// # Panics
/// When it cannot be written.
pub fn write(path: &Path, text: &str) {
    let mut file = File::create(path).expect("file can be made");
    file.write_all(text.as_bytes()).expect("file can be written");
}

/// The exit code.
#[must_use]
pub fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

/// What was said on standard error.
#[must_use]
pub fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
