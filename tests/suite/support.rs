//! What the end-to-end tests share: the built command, the sample data, and running one against the other.

pub mod desk;
pub mod schema;
pub mod servers;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

/// The workspace's root.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the suite lies in the workspace").to_owned()
}

/// The `shockbrief` command that was built with the tests.
///
/// # Panics
/// When it has not been built; `make test` does so.
#[must_use]
pub fn command() -> PathBuf {
    let test = std::env::current_exe().expect("tests run from a file");
    let command = test.ancestors().nth(2).expect("tests lie in target/<profile>/deps").join("shockbrief");
    assert!(command.exists(), "{} is missing: run the tests with `make test`", command.display());
    command
}

/// `shockbrief` with these arguments, run from the workspace's root with a clean environment.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the suite runs the command as its users do")]
pub fn shockbrief<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut shockbrief = Command::new(command());
    shockbrief.args(args).current_dir(root()).env_remove("SHOCKBRIEF_DATA").env("NO_COLOR", "1");
    // Nothing is kept between tests, nor in the house of whoever runs them.
    shockbrief.env("SHOCKBRIEF_CACHE", "");
    shockbrief
}

/// The reconstruction with the default seed: made by `make test`, else made here once.
///
/// # Panics
/// When it cannot be made.
#[must_use]
pub fn sample() -> PathBuf {
    if let Some(folder) = std::env::var_os("SHOCKBRIEF_SAMPLE") {
        return folder.into();
    }
    let folder = root().join("target/sample");
    if !folder.join("prices.csv").exists() {
        succeeded(&shockbrief(["sample", "--out"]).arg(&folder).output().expect("shockbrief starts"));
    }
    folder
}

/// The folders of the reports that a folder of data covers: of the reconstruction, which holds one winter, those that are not
/// pinned to another day.
///
/// # Panics
/// When a report cannot be read.
#[must_use]
pub fn reports_of(data: &Path) -> Vec<PathBuf> {
    let covered = |folder: &PathBuf| {
        let report = fs_err::read_to_string(folder.join("report.yaml")).expect("a report is readable");
        let mut pinned = report.lines().filter_map(|line| line.strip_prefix("period: "));
        data != sample()
            || pinned.all(|period| period.contains("2025-01-") || period.len() < "\"2025-01-27\"".len())
    };
    let reports = fs_err::read_dir(root().join("reports")).expect("reports are readable");
    let mut folders: Vec<PathBuf> =
        reports.map(|entry| entry.expect("an entry").path()).filter(covered).collect();
    folders.sort();
    folders
}

/// The sample brief, rendered once per test program.
///
/// # Panics
/// When it cannot be rendered.
#[must_use]
pub fn rendered() -> &'static Path {
    static FOLDER: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, folder) = FOLDER.get_or_init(|| {
        let out = tempfile::tempdir().expect("a temporary folder can be made");
        let mut render = shockbrief(["render", "reports/2025-01-deepseek", "--keep-source", "--data"]);
        succeeded(&render.arg(sample()).arg("--out").arg(out.path()).output().expect("shockbrief starts"));
        let folder = out.path().join("2025-01-deepseek/2025-01-27");
        (out, folder)
    });
    folder
}

/// The text of each page of a PDF.
///
/// # Panics
/// When it is no PDF.
#[must_use]
pub fn pages(pdf: &[u8]) -> Vec<String> {
    pdf_extract::extract_text_from_mem_by_pages(pdf).expect("the PDF can be read")
}

/// The folder of real market data, for tests that are ignored without it.
///
/// # Panics
/// When `SHOCKBRIEF_DATA` is not set.
#[must_use]
pub fn real_data() -> PathBuf {
    std::env::var_os("SHOCKBRIEF_DATA").expect("set SHOCKBRIEF_DATA to a folder with real data").into()
}

/// Fails with the command's own message unless it succeeded.
///
/// # Panics
/// When the command failed.
pub fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
}

/// A copy of a folder, for tests that damage it.
///
/// # Panics
/// When it cannot be copied.
pub fn copy_folder(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).expect("folder can be made");
    for entry in fs_err::read_dir(from).expect("folder can be read") {
        let entry = entry.expect("entry can be read");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs_err::copy(entry.path(), target).expect("file can be copied");
        }
    }
}
