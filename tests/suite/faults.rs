//! Faults of the surroundings during scheduled runs: the last good output stays whole, what else is due is made, the
//! next run makes up for the rest, and nothing is made twice.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "runs are started, timed and hindered from outside")]
#![allow(clippy::print_stdout, reason = "what was left out is told")]

use serde_json::Value;
use shockbrief_tests::{
    copy_folder,
    desk::{Desk, WEEK, code, errors, list, sha256, write},
    root, sample,
};
use std::{
    collections::BTreeMap,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

fn ran(desk: &Desk, typst: &Path, more: &[&str]) -> Output {
    desk.command(more).arg("--typst").arg(typst).output().unwrap()
}

/// Two briefs are out and are to be revised: what a fault leaves must be the first edition, then the next run's.
fn revised_after(name: &str, fault: impl FnOnce(&Desk) -> Output, expected: i32, said: &str) {
    let desk = Desk::with(2);
    assert_eq!(code(&desk.run(&["-q"])), Some(0));
    let before = digests(&desk);
    let brand = desk.path("config/brand.yaml");
    let text = fs_err::read_to_string(&brand).unwrap();
    write(&brand, &text.replacen("publisher: ", "publisher: The ", 1));
    let output = fault(&desk);
    let text = errors(&output);
    assert_eq!(code(&output), Some(expected), "{name}: {text}");
    assert!(text.contains(said) && text.contains("hint: ") && text.len() < 20_000, "{name}: {text:.2000}");
    assert_eq!(desk.record()["exit_code"], expected, "{name}");
    assert_eq!((desk.whole(), digests(&desk)), (2, before), "{name}: the last good output stays");
    let after = desk.run(&["-q", "--revise"]);
    assert_eq!(code(&after), Some(0), "{name}: {}", errors(&after));
    assert_eq!(desk.published().into_values().collect::<Vec<_>>(), [2, 2], "{name}: two revisions each");
}

fn digests(desk: &Desk) -> BTreeMap<PathBuf, String> {
    let folders = list(&desk.path("out")).into_iter().map(|report| report.join(WEEK));
    folders.flat_map(|folder| list(&folder)).map(|file| (file.clone(), sha256(&file))).collect()
}

#[test]
fn a_typesetter_that_is_missing_wrong_or_broken() {
    let revise = |desk: &Desk, typst: PathBuf| ran(desk, &typst, &["-q", "--revise"]);
    revised_after("missing", |desk| revise(desk, desk.path("none")), 6, "cannot be started");
    let wrong = |desk: &Desk| revise(desk, desk.typst("typst", "0.14.0", "exit 0"));
    revised_after("wrong version", wrong, 6, "is version 0.14.0, not 0.15.1");
    let crash = |desk: &Desk| revise(desk, desk.typst("typst", "0.15.1", "kill -SEGV $$"));
    revised_after("crashing", crash, 6, "was ended by signal 11");
    let empty = |desk: &Desk| revise(desk, desk.typst("typst", "0.15.1", "exit 0"));
    revised_after("making nothing", empty, 6, "left no PDF");
}

#[test]
fn a_typesetter_that_hangs_is_stopped_with_all_that_it_started() {
    let hang = |desk: &Desk| {
        let body = "sleep 600 & echo $! >> \"$DESK/pids\"; echo $$ >> \"$DESK/pids\"; wait";
        let typst = desk.typst("typst", "0.15.1", body);
        let started = Instant::now();
        let output = ran(desk, &typst, &["-q", "--revise", "--time-limit", "1"]);
        // Two briefs in two languages, one second each, and what the rest takes.
        assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
        for pid in fs_err::read_to_string(desk.path("pids")).unwrap().lines() {
            let status = fs_err::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            assert!(status.is_empty() || status.contains("State:\tZ"), "{pid} is left: {status}");
        }
        output
    };
    revised_after("hanging", hang, 6, "did not end within 1s");
}

#[test]
fn a_typesetter_that_prints_a_gigabyte_takes_no_memory() {
    let plain = Desk::with(1);
    let usual = peak(plain.command(&["-q"]), 0);
    let shout = |desk: &Desk| {
        let typst = desk.typst("typst", "0.15.1", "head -c 1073741824 /dev/zero >&2; exit 1");
        let mut command = desk.command(&["-q", "--revise", "--jobs", "1"]);
        let shouted = peak(command.arg("--typst").arg(&typst), 6);
        assert!(shouted < usual + (64 << 10), "{shouted} kB against {usual} kB");
        ran(desk, &typst, &["-q", "--revise"])
    };
    revised_after("printing a gigabyte", shout, 6, "ended with code 1");
}

/// The most memory that a command held, in kB.
fn peak(mut command: impl std::borrow::BorrowMut<Command>, expected: i32) -> u64 {
    let command = command.borrow_mut().stderr(Stdio::null()).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut most = 0;
    loop {
        let status = fs_err::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        most = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0).max(most);
        if let Some(ended) = child.try_wait().unwrap() {
            assert_eq!(ended.code(), Some(expected));
            return most;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn one_crash_of_the_typesetter_costs_one_brief() {
    let desk = Desk::with(3);
    let once = "if mkdir \"$DESK/crashed\" 2>/dev/null; then kill -SEGV $$; fi\nexec \"$REAL\" \"$@\"";
    let typst = desk.typst("typst", "0.15.1", once);
    let output = ran(&desk, &typst, &["-q"]);
    assert_eq!((code(&output), desk.whole()), (Some(3), 2), "{}", errors(&output));
    assert!(errors(&output).contains("1 failed, 2 briefs are out:"), "{}", errors(&output));
    let failed: Vec<Value> = desk.record()["briefs"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|b| b["outcome"] == "failed")
        .cloned()
        .collect();
    assert_eq!((failed.len(), &failed[0]["exit_code"]), (1, &Value::from(6)));
    let again = ran(&desk, &typst, &["-q"]);
    assert_eq!((code(&again), desk.whole()), (Some(0), 3), "{}", errors(&again));
    assert_eq!(desk.published().into_values().collect::<Vec<_>>(), [1, 1, 1]);
}

#[test]
fn so_many_typesetters_at_once_and_no_more() {
    let desk = Desk::with(4);
    let counted = "mkdir -p \"$DESK/now\"; : > \"$DESK/now/$$\"; ls \"$DESK/now\" | wc -l >> \"$DESK/counts\"\n\
                   sleep 0.3; \"$REAL\" \"$@\"; ended=$?; rm \"$DESK/now/$$\"; exit $ended";
    let typst = desk.typst("typst", "0.15.1", counted);
    let output = ran(&desk, &typst, &["-q", "--jobs", "2"]);
    assert_eq!((code(&output), desk.whole()), (Some(0), 4), "{}", errors(&output));
    let counts = fs_err::read_to_string(desk.path("counts")).unwrap();
    let counts: Vec<u32> = counts.lines().map(|line| line.trim().parse().unwrap()).collect();
    // Four briefs in two languages.
    assert_eq!((counts.len(), counts.iter().max()), (8, Some(&2)), "{counts:?}");
}

#[test]
fn config_edited_during_a_run_makes_no_brief_of_two_states() {
    for edited in ["config/brand.yaml", "reports/weekly-01/report.yaml", "config/languages/en.yaml"] {
        let desk = Desk::with(1);
        // The edit comes when the pages are made already and the rest is not.
        let edit = format!(
            "if mkdir \"$DESK/edited\" 2>/dev/null; then echo '# edited' >> \"$DESK/{edited}\"; fi\nexec \"$REAL\" \"$@\""
        );
        let typst = desk.typst("typst", "0.15.1", &edit);
        let output = ran(&desk, &typst, &["-q"]);
        assert_eq!((code(&output), desk.whole()), (Some(2), 0), "{edited}: {}", errors(&output));
        assert!(errors(&output).contains("was edited while the brief was made"), "{}", errors(&output));
        let again = ran(&desk, &typst, &["-q"]);
        assert_eq!((code(&again), desk.whole()), (Some(0), 1), "{edited}: {}", errors(&again));
        let name = edited;
        assert_eq!(manifest(&desk, "weekly-01")["config"][name], sha256(&desk.path(edited)), "{edited}");
    }
}

#[test]
fn briefs_after_an_edit_are_made_from_the_new_state() {
    let desk = Desk::with(2);
    let edit = "if mkdir \"$DESK/edited\" 2>/dev/null; then echo '# edited' >> \"$DESK/config/brand.yaml\"; fi\nexec \"$REAL\" \"$@\"";
    let typst = desk.typst("typst", "0.15.1", edit);
    let output = ran(&desk, &typst, &["-q", "--jobs", "1"]);
    assert_eq!((code(&output), desk.whole()), (Some(3), 1), "{}", errors(&output));
    let digest = sha256(&desk.path("config/brand.yaml"));
    assert_eq!(manifest(&desk, "weekly-02")["config"]["config/brand.yaml"], digest);
}

fn manifest(desk: &Desk, report: &str) -> Value {
    let path = desk.path("out").join(report).join(WEEK).join("manifest.json");
    serde_json::from_slice(&fs_err::read(path).unwrap()).unwrap()
}

#[test]
fn an_output_folder_taken_away_during_a_run_is_noticed() {
    let desk = Desk::with(3);
    let taken = "if [ -d \"$DESK/out/weekly-01/2025-W05\" ] && mkdir \"$DESK/taken\" 2>/dev/null; then mv \"$DESK/out\" \"$DESK/away\"; fi\nexec \"$REAL\" \"$@\"";
    let typst = desk.typst("typst", "0.15.1", taken);
    let output = ran(&desk, &typst, &["-q", "--jobs", "1"]);
    assert_eq!(code(&output), Some(3), "{}", errors(&output));
    assert!(errors(&output).contains("was removed or replaced during the run"), "{}", errors(&output));
    assert_eq!(desk.whole(), 0, "nothing is put into a folder that is not held");
    let again = ran(&desk, &typst, &["-q"]);
    assert_eq!((code(&again), desk.whole()), (Some(0), 3), "{}", errors(&again));
    assert_eq!(desk.published().into_values().collect::<Vec<_>>(), [1, 1, 1]);
}

#[test]
fn broken_data_stops_the_briefs_that_need_it() {
    let desk = Desk::with(1);
    copy_folder(&root().join("reports/quarterly-capex-and-controls"), &desk.path("reports/quarterly"));
    let data = desk.path("data");
    copy_folder(&sample(), &data);
    let run = |more: &[&str]| desk.command_on(&data, more).output().unwrap();
    let first = run(&["-q"]);
    assert_eq!(code(&first), Some(0), "{}", errors(&first));
    let quarterly = desk.path("out/quarterly/2024-Q4");
    let before: Vec<String> = list(&quarterly).iter().map(|file| sha256(file)).collect();
    // Parquet that is none: the quarterly report reads it, the weekly one does not.
    let sources = desk.path("config/sources.yaml");
    let text = fs_err::read_to_string(&sources).unwrap();
    let (head, tail) = text.split_once("glob: capex_quarterly.csv").unwrap();
    let at = head.rfind("format: csv").unwrap();
    let head = format!("{}format: parquet{}", &head[..at], &head[at + "format: csv".len()..]);
    write(&sources, &format!("{head}glob: capex_quarterly.parquet{tail}"));
    write(&data.join("capex_quarterly.parquet"), "PAR1 and then what no reader of Parquet expects PAR1");
    let output = run(&["-q", "--revise"]);
    assert_eq!(code(&output), Some(3), "{}", errors(&output));
    assert!(errors(&output).contains("capex_quarterly.parquet"), "{}", errors(&output));
    let record = desk.record();
    let codes: Vec<_> = record["briefs"].as_array().unwrap().iter().map(|b| b["exit_code"].clone()).collect();
    assert_eq!(codes, [4, 0], "{record}");
    assert_eq!(list(&quarterly).iter().map(|file| sha256(file)).collect::<Vec<_>>(), before);
    assert_eq!(manifest(&desk, "weekly-01")["revision"], 2, "the other brief is out");
}

#[test]
fn a_csv_file_cut_short_is_refused() {
    let desk = Desk::with(1);
    let data = desk.path("data");
    copy_folder(&sample(), &data);
    let whole = fs_err::read(data.join("prices.csv")).unwrap();
    for kept in [0, 10, whole.len() / 3, whole.len() * 4 / 5] {
        fs_err::write(data.join("prices.csv"), &whole[..kept]).unwrap();
        let output = desk.command_on(&data, &["-q"]).output().unwrap();
        assert_eq!((code(&output), desk.whole()), (Some(4), 0), "{kept} bytes: {}", errors(&output));
        assert!(errors(&output).contains("hint: "), "{}", errors(&output));
    }
    fs_err::write(data.join("prices.csv"), &whole).unwrap();
    let output = desk.command_on(&data, &["-q"]).output().unwrap();
    assert_eq!((code(&output), desk.whole()), (Some(0), 1), "{}", errors(&output));
}

#[test]
fn a_folder_that_may_only_be_read() {
    let desk = Desk::with(1);
    let out = desk.path("out");
    for folder in [desk.path(""), out.clone()] {
        fs_err::create_dir_all(&folder).unwrap();
        fs_err::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let nobody = |more: &[&str]| as_nobody(&desk.command(more));
    if nobody(&["--dry-run"]).is_none_or(|output| code(&output) != Some(0)) {
        println!("left out: this user can neither write everywhere nor become another one");
        return;
    }
    let output = nobody(&["-q"]).unwrap();
    assert_eq!(code(&output), Some(1), "{}", errors(&output));
    assert!(
        errors(&output).contains("cannot write") && errors(&output).contains("hint: allow"),
        "{}",
        errors(&output)
    );
    // With nothing to do, a run in such a folder is no failure, where what is recorded may be read.
    assert_eq!(code(&desk.run(&["-q"])), Some(0));
    fs_err::set_permissions(out.join("ledger.jsonl"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let idle = nobody(&["-q"]).unwrap();
    assert_eq!((code(&idle), errors(&idle).as_str()), (Some(0), ""));
    assert!(errors(&nobody(&[]).unwrap()).starts_with("warning: "));
    assert_eq!(desk.published().into_values().collect::<Vec<_>>(), [1]);
}

/// The same command as a user who owns nothing; root may write anywhere.
fn as_nobody(command: &Command) -> Option<Output> {
    let mut other = Command::new("setpriv");
    other.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    other.arg(command.get_program()).args(command.get_args());
    other.current_dir(command.get_current_dir()?).stdin(Stdio::null()).output().ok()
}

/// A call of the shell around a run: bounds that it inherits, streams that are closed.
fn in_shell(desk: &Desk, args: &[&str], around: &str) -> Output {
    let run = desk.command(args);
    let words: Vec<String> = run.get_args().map(|word| format!("'{}'", word.to_string_lossy())).collect();
    let call =
        around.replace("RUN", &format!("'{}' {}", run.get_program().to_string_lossy(), words.join(" ")));
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &call]).current_dir(desk.path("")).env("SHOCKBRIEF_CACHE", "").output().unwrap()
}

#[test]
fn closed_streams_cost_nothing() {
    for around in ["exec RUN <&-", "exec RUN >&-", "exec RUN 2>&-", "exec RUN <&- >&- 2>&-"] {
        let desk = Desk::with(1);
        let output = in_shell(&desk, &["-q"], around);
        assert_eq!((code(&output), desk.whole()), (Some(0), 1), "{around}: {}", errors(&output));
        // What is written first would else get the number of a stream, and with it what is printed.
        assert!(desk.ledger().iter().all(|entry| entry["event"].is_string()), "{around}");
        assert_eq!(desk.record()["exit_code"], 0, "{around}");
    }
}

/// From what is far too little to what suffices: whole and told so, or nothing and told why; the next run mends it.
#[test]
fn few_file_handles_make_a_whole_brief_or_none() {
    let mut whole = 0;
    for handles in [10, 14, 18, 24, 32, 48, 64, 128] {
        let desk = Desk::with(1);
        let output = in_shell(&desk, &["-q"], &format!("ulimit -n {handles}; exec RUN"));
        let made = desk.whole();
        whole += made;
        if made == 1 {
            assert_eq!(code(&output), Some(0), "{handles}: {}", errors(&output));
        } else {
            assert!(!matches!(code(&output), Some(0 | 101) | None), "{handles}: {}", errors(&output));
            assert!(errors(&output).contains("error: "), "{handles}: {}", errors(&output));
            assert!(!errors(&output).contains("panicked"), "{handles}: {}", errors(&output));
        }
        let next = desk.run(&["-q"]);
        assert_eq!((code(&next), desk.whole()), (Some(0), 1), "{handles}: {}", errors(&next));
    }
    assert!(whole >= 3, "{whole} of 8 were made");
}

/// Pieces of a desk and of what is out that may not be read or written: each is named, and nothing is half made.
#[test]
fn pieces_that_may_only_be_read_are_named() {
    let as_another = |desk: &Desk| as_nobody(&desk.command(&["-q"])).filter(|_| desk.path("").exists());
    let shared = || {
        let desk = Desk::with(1);
        fs_err::create_dir(desk.path("out")).unwrap();
        for (folder, mode) in [("", 0o755), ("out", 0o777)] {
            fs_err::set_permissions(desk.path(folder), std::fs::Permissions::from_mode(mode)).unwrap();
        }
        desk
    };
    if as_another(&shared()).is_none_or(|output| code(&output) != Some(0)) {
        println!("left out: this user cannot become another one");
        return;
    }
    let closed = |desk: &Desk, piece: &str, mode: u32| {
        fs_err::set_permissions(desk.path(piece), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    for piece in ["config/universe.yaml", "reports/weekly-01/report.yaml", "config/calendars"] {
        let desk = shared();
        closed(&desk, piece, 0o000);
        let output = as_another(&desk).unwrap();
        let last = piece.rsplit('/').next().unwrap();
        assert!(!matches!(code(&output), Some(0 | 101) | None), "{piece}: {}", errors(&output));
        assert!(errors(&output).contains(last), "{piece}: {}", errors(&output));
        assert_eq!(desk.whole(), 0, "{piece}");
    }
    // A report's own folder in the output, made by somebody else.
    let desk = shared();
    fs_err::create_dir(desk.path("out/weekly-01")).unwrap();
    closed(&desk, "out/weekly-01", 0o555);
    let output = as_another(&desk).unwrap();
    assert!(!matches!(code(&output), Some(0 | 101) | None), "{}", errors(&output));
    assert!(errors(&output).contains("out/weekly-01"), "{}", errors(&output));
    assert_eq!(list(&desk.path("out/weekly-01")).len(), 0);
    closed(&desk, "out/weekly-01", 0o777);
    assert_eq!(code(&as_another(&desk).unwrap()), Some(0));
    assert_eq!(desk.whole(), 1);
}

/// Two users of one group share an output folder, as cron's and the desk's own may: what a run noted is for its owner
/// alone to go on with until that one allows the group to, and then what one began the other ends.
#[test]
fn two_users_share_a_folder_where_the_owner_allows_it() {
    let desk = Desk::with(1);
    fs_err::create_dir(desk.path("out")).unwrap();
    for (folder, mode) in [("", 0o755), ("out", 0o777)] {
        fs_err::set_permissions(desk.path(folder), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let user = |number: &str, more: &[&str]| {
        let command = desk.command(more);
        let mut other = Command::new("setpriv");
        other.args([
            &format!("--reuid={number}"),
            "--regid=65534",
            "--clear-groups",
            "sh",
            "-c",
            "umask 002; exec \"$@\"",
            "-",
        ]);
        other.arg(command.get_program()).args(command.get_args()).env("SHOCKBRIEF_CACHE", "");
        other.current_dir(desk.path("")).stdin(Stdio::null()).output().ok()
    };
    let first = user("65534", &["-q"]);
    if first.as_ref().is_none_or(|output| code(output) != Some(0)) {
        println!("left out: this user cannot become others");
        return;
    }
    let next = ["-q", "--now", "2025-02-10T07:00:00Z"];
    let refused = user("65533", &next).unwrap();
    assert_eq!(code(&refused), Some(1), "{}", errors(&refused));
    assert!(errors(&refused).contains("out/ledger.jsonl"), "{}", errors(&refused));
    assert!(errors(&refused).contains("hint: allow this user"), "{}", errors(&refused));
    assert_eq!(desk.published().into_values().collect::<Vec<_>>(), [1]);
    for piece in list(&desk.path("out")).into_iter().filter(|path| path.is_file()) {
        fs_err::set_permissions(&piece, std::fs::Permissions::from_mode(0o660)).unwrap();
    }
    for (number, published) in [("65533", 2), ("65534", 2), ("65533", 2)] {
        let output = user(number, &next).unwrap();
        assert_eq!(code(&output), Some(0), "{number}: {}", errors(&output));
        assert_eq!(desk.published().into_values().collect::<Vec<_>>(), [published], "{number}");
    }
}

#[test]
fn a_disk_that_is_full() {
    let desk = Desk::with(3);
    let out = desk.path("out");
    fs_err::create_dir_all(&out).unwrap();
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"]).arg(&out).output();
    if !mount.is_ok_and(|output| output.status.success()) {
        println!("left out: a small disk cannot be mounted here; the quota below stands for it");
        return;
    }
    let _mounted = Mounted(out.clone());
    // One brief takes less than this, three take more.
    fill(&out.join("ballast"), 600 << 10);
    let output = desk.run(&["-q", "--jobs", "1"]);
    let failed = errors(&output);
    assert!(matches!(code(&output), Some(1 | 3)), "{failed}");
    assert!(failed.contains("No space left on device") && failed.contains("hint: free space"), "{failed}");
    let out_then = desk.whole();
    assert!(out_then < 3, "{out_then}");
    fs_err::remove_file(out.join("ballast")).unwrap();
    let again = desk.run(&["-q"]);
    assert_eq!((code(&again), desk.whole()), (Some(0), 3), "{}", errors(&again));
    assert_eq!(desk.published().into_values().collect::<Vec<_>>(), [1, 1, 1]);
    println!("{out_then} of 3 were out on the full disk");
}

/// A mounted folder, given back at the end.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Fills a disk until so many bytes are left.
fn fill(path: &Path, left: u64) {
    let folder = path.parent().unwrap();
    let output = Command::new("df").args(["--output=avail", "-B1"]).arg(folder).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let free: u64 = text.lines().nth(1).unwrap().trim().parse().unwrap();
    fs_err::write(path, vec![0; usize::try_from(free - left).unwrap()]).unwrap();
}

#[test]
fn a_quota_that_is_used_up() {
    let desk = Desk::with(2);
    // No file may grow beyond 8 kB; the signal for it is ignored, as a quota sends none.
    let plain = desk.command(&["-q"]);
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 16; exec \"$@\"", "sh"]);
    limited.arg(plain.get_program()).args(plain.get_args()).current_dir(plain.get_current_dir().unwrap());
    let output = limited.stdin(Stdio::null()).output().unwrap();
    assert!(matches!(code(&output), Some(1 | 3 | 6)), "{}", errors(&output));
    assert!(errors(&output).contains("hint: "), "{}", errors(&output));
    assert_eq!(desk.whole(), 0);
    let again = desk.run(&["-q"]);
    assert_eq!((code(&again), desk.whole()), (Some(0), 2), "{}", errors(&again));
    assert_eq!(desk.published().into_values().collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn a_manifest_that_is_damaged_stops_no_other_brief() {
    let desk = Desk::with(2);
    assert_eq!(code(&desk.run(&["-q"])), Some(0));
    write(&desk.path("out/weekly-01/2025-W05/manifest.json"), "{");
    let next = desk.run(&["-q", "--now", "2025-02-10T07:00:00Z"]);
    assert_eq!(code(&next), Some(3), "{}", errors(&next));
    assert!(errors(&next).contains("manifest.json is no manifest"), "{}", errors(&next));
    assert!(desk.path("out/weekly-02/2025-W06/manifest.json").is_file());
}

/// Waits until a file holds something.
fn told(path: &Path) -> String {
    let started = Instant::now();
    loop {
        let text = fs_err::read_to_string(path).unwrap_or_default();
        if text.ends_with('\n') {
            return text;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{} was never written", path.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a process works on, and is not only waited for.
fn lives(pid: &str) -> bool {
    let status = fs_err::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}

#[test]
fn typst_dies_with_its_run_and_the_next_one_clears_up() {
    let desk = Desk::with(1);
    let temporary = desk.path("tmp");
    fs_err::create_dir(&temporary).unwrap();
    let busy = desk.typst("busy", "0.15.1", "echo $$ >> \"$DESK/pids\"\nwhile :; do :; done");
    let mut command = desk.command(&["-q", "--jobs", "1"]);
    let mut run = command.env("TMPDIR", &temporary).arg("--typst").arg(&busy).spawn().unwrap();
    told(&desk.path("pids"));
    run.kill().unwrap();
    run.wait().unwrap();
    let pids = fs_err::read_to_string(desk.path("pids")).unwrap();
    let started = Instant::now();
    while pids.lines().any(lives) {
        assert!(started.elapsed() < Duration::from_secs(3), "left: {pids}");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_ne!(list(&temporary).len(), 0, "what the killed run left");
    let output = desk.command(&["-q"]).env("TMPDIR", &temporary).output().unwrap();
    assert_eq!((code(&output), list(&temporary).len()), (Some(0), 0), "{}", errors(&output));
}

#[test]
fn a_signal_is_heeded_while_typst_works() {
    let desk = Desk::with(3);
    let busy = desk.typst("busy", "0.15.1", "echo $$ >> \"$DESK/pids\"\nwhile :; do :; done");
    let mut command = desk.command(&["-q", "--jobs", "1"]);
    let run = command.arg("--typst").arg(&busy).stderr(Stdio::piped()).spawn().unwrap();
    told(&desk.path("pids"));
    let started = Instant::now();
    Command::new("kill").args(["-TERM", &run.id().to_string()]).status().unwrap();
    let output = run.wait_with_output().unwrap();
    assert_eq!(code(&output), Some(143), "{}", errors(&output));
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert!(!fs_err::read_to_string(desk.path("pids")).unwrap().lines().any(lives));
    assert_eq!(desk.record()["exit_code"], 143);
    // What was cut off did not fail.
    assert_eq!(desk.ledger().len(), 0, "{:?}", desk.ledger());
    assert_eq!(code(&desk.run(&["-q"])), Some(0));
    assert_eq!(desk.whole(), 3);
}

#[test]
fn a_template_without_end_or_measure_fails_alone() {
    let bombs = [
        "{% for a in range(50000) %}{% for b in range(50000) %}{% endfor %}{% endfor %}",
        "{% set n = namespace(s=\"xxxxxxxx\") %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
        "{% set n = namespace(l=[1, 2]) %}{% for i in range(60) %}{% set n.l = n.l + n.l %}{% endfor %}",
        "{% set n = namespace(l=[1, 2]) %}{% for i in range(60) %}{% set n.l = [n.l, n.l] %}{% endfor %}{{ n.l ~ \"\" }}",
        "{{ \"xxxxxxxx\" * 99999999999 }}",
        "{% macro m(n) %}{% if n > 0 %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
        "{% for i in range(50000) %}{% for j in range(50000) %}x{% endfor %}{% endfor %}",
    ];
    let desk = Desk::with(bombs.len() + 1);
    for (n, bomb) in (1..).zip(bombs) {
        write(
            &desk.path(&format!("reports/weekly-{n:02}/prose/summary.en.typ.j2")),
            &format!("Fine.\n\n{bomb}\n"),
        );
    }
    let started = Instant::now();
    // Within a bound of memory that a bomb would break: then nothing at all would be out.
    let args = ["-q", "--jobs", "2", "--time-limit", "10"];
    let output = in_shell(&desk, &args, "ulimit -v 6000000; exec RUN");
    assert!(started.elapsed() < Duration::from_secs(120), "{:?}", started.elapsed());
    assert_eq!((code(&output), desk.whole()), (Some(3), 1), "{}", errors(&output));
    for n in 1..=bombs.len() {
        let place = format!("weekly-{n:02}/prose/summary.en.typ.j2:3: ");
        assert!(errors(&output).contains(&place), "{place} is missing in\n{}", errors(&output));
    }
    assert!(errors(&output).contains("2 million steps"), "{}", errors(&output));
}

#[test]
fn a_link_in_place_of_a_file_leads_nowhere() {
    let desk = Desk::with(1);
    write(&desk.path("precious"), "precious");
    fs_err::create_dir(desk.path("out")).unwrap();
    for name in [".lock", "ledger.jsonl"] {
        let link = desk.path("out").join(name);
        std::os::unix::fs::symlink(desk.path("precious"), &link).unwrap();
        let output = desk.run(&["-q"]);
        assert_ne!(code(&output), Some(0), "{name}");
        assert!(errors(&output).contains("is a symbolic link"), "{name}: {}", errors(&output));
        assert_eq!(fs_err::read_to_string(desk.path("precious")).unwrap(), "precious", "{name}");
        fs_err::remove_file(link).unwrap();
    }
    fs_err::remove_dir_all(desk.path("out")).unwrap();
    fs_err::create_dir(desk.path("out")).unwrap();
    fs_err::create_dir(desk.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(desk.path("elsewhere"), desk.path("out/weekly-01")).unwrap();
    let output = desk.run(&["-q"]);
    assert_eq!(code(&output), Some(4), "{}", errors(&output));
    assert_eq!(list(&desk.path("elsewhere")).len(), 0);
}

#[test]
fn what_never_ends_is_no_configuration() {
    let desk = Desk::with(1);
    fs_err::remove_file(desk.path("config/models.yaml")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", desk.path("config/models.yaml")).unwrap();
    let started = Instant::now();
    let output = desk.run(&["-q"]);
    assert_eq!(code(&output), Some(2), "{}", errors(&output));
    assert!(errors(&output).contains("models.yaml: this is a device or a pipe"), "{}", errors(&output));
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn an_answer_that_is_lost_is_no_success() {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ask = |args: &[&str]| shockbrief_tests::shockbrief(args).stdout(full()).output().unwrap();
    for args in [&["stat"][..], &["fetch", "--providers"]] {
        let output = ask(args);
        assert_eq!(code(&output), Some(1), "{args:?}: {}", errors(&output));
        assert!(errors(&output).contains("could not be printed"), "{args:?}: {}", errors(&output));
    }
    // Of a run the answer is what is out.
    let desk = Desk::with(1);
    let output = desk.command(&[]).stdout(full()).output().unwrap();
    assert_eq!((code(&output), desk.whole()), (Some(0), 1), "{}", errors(&output));
}

#[test]
fn records_damaged_anywhere_are_told_and_nothing_is_made_or_sent_twice() {
    let desk = Desk::with(1);
    let report = desk.path("reports/weekly-01/report.yaml");
    let text = fs_err::read_to_string(&report).unwrap();
    write(&report, &format!("deliver: [share]\n{text}"));
    write(&desk.path("config/delivery.yaml"), "targets:\n  share: {folder: share}\n");
    let first = desk.run(&["-q"]);
    assert_eq!(code(&first), Some(0), "{}", errors(&first));
    let count = |event: &str| desk.ledger().iter().filter(|entry| entry["event"] == event).count();
    assert_eq!((count("published"), count("delivered")), (1, 1));
    let files = ["out/ledger.jsonl", "out/.receipts/weekly-01.jsonl", "out/weekly-01/2025-W05/manifest.json"]
        .map(|name| desk.path(name));
    let whole: Vec<Vec<u8>> = files.iter().map(|file| fs_err::read(file).unwrap()).collect();
    let mut told = 0;
    for (file, good) in files.iter().zip(&whole) {
        for part in 1..12 {
            let mut bytes = good.clone();
            let at = bytes.len() * part / 12;
            bytes[at] ^= 0x04;
            std::io::Write::write_all(&mut fs_err::File::create(file).unwrap(), &bytes).unwrap();
            let output = desk.run(&[]);
            let said = errors(&output);
            assert!(matches!(code(&output), Some(0 | 3 | 4)), "{} at {at}: {said}", file.display());
            told += usize::from(!said.is_empty());
            // What the entry of before says stands, or is said again: never another thing.
            for entry in desk.ledger() {
                assert_eq!(
                    (entry["report"].as_str(), entry["period"].as_str()),
                    (Some("weekly-01"), Some(WEEK)),
                    "{entry}"
                );
                assert!(entry["revision"].as_u64().is_none_or(|n| n == 1), "{entry}");
            }
            let delivered = list(&desk.path("share/weekly-01"));
            assert_eq!(delivered.len(), 1, "{} at {at}: {delivered:?}", file.display());
            for (file, good) in files.iter().zip(&whole) {
                std::io::Write::write_all(&mut fs_err::File::create(file).unwrap(), good).unwrap();
            }
        }
    }
    assert!(told >= 11, "{told} of 33 damages were told");
}
