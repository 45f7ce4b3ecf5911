//! Units for schedulers: each is read by the scheduler's own tool where there is one, and its command is started.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "schedulers start the command from outside")]
#![allow(clippy::print_stdout, reason = "what was left out is told")]

use serde_json::Value;
use shockbrief_tests::{copy_folder, root, sample, shockbrief, succeeded};
use std::{path::Path, process::Command};

/// A desk whose paths hold what shells, crontabs and units treat as their own.
fn desk(folder: &Path) -> std::path::PathBuf {
    let desk = folder.join("my 100% de$k");
    copy_folder(&root().join("config"), &desk.join("config"));
    copy_folder(&root().join("reports/weekly-monitor"), &desk.join("reports/weekly"));
    copy_folder(&sample(), &desk.join("da'ta"));
    desk
}

fn unit(desk: &Path, scheduler: &str, more: &[&str]) -> String {
    let mut schedule = shockbrief(["schedule", "--data", "da'ta", "--print", scheduler]);
    let output = schedule.args(more).current_dir(desk).output().unwrap();
    succeeded(&output);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_line_of_the_crontab_starts_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let text = unit(&desk(folder.path()), "crontab", &[]);
    let mut jobs = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        match line.split_once('=') {
            Some((name, _)) if name.chars().all(|c| c.is_ascii_uppercase() || c == '_') => {}
            _ => jobs.push(line),
        }
    }
    let [job] = jobs.as_slice() else { panic!("{text}") };
    let fields: Vec<&str> = job.splitn(6, ' ').collect();
    let number = |at: usize, range: std::ops::Range<u32>| range.contains(&fields[at].parse().unwrap());
    assert!(number(0, 0..60) && fields[1..5] == ["*", "*", "*", "*"], "{job}");
    let table = folder.path().join("table");
    fs_err::write(&table, &text).unwrap();
    match reader() {
        Some(option) => {
            let read = Command::new("crontab").arg(option).arg(&table).output().unwrap();
            assert!(read.status.success(), "{read:?}\n{text}");
        }
        None => println!("left out: no crontab that checks a file without installing it"),
    }
    // As cron does it: a bare percent sign ends the command, an escaped one is a percent sign.
    let command = fields[5].replace("\\%", "\u{1}");
    assert!(!command.contains('%'), "{command}");
    let command = command.replace('\u{1}', "%").replace("--delay-up-to 300s", "--delay-up-to 1s");
    let output = Command::new("/bin/sh")
        .args(["-c", &format!("{command} --dry-run --now 2025-02-03T07:00:00Z")])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .current_dir("/")
        .output()
        .unwrap();
    succeeded(&output);
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("weekly 2025-W05: "), "{output:?}");
}

/// How this machine's crontab checks a file, by its own help: the same letter means something else to another one.
fn reader() -> Option<&'static str> {
    let output = Command::new("crontab").arg("-h").output().ok()?;
    let help = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let says = |option: &str, words: &str| {
        help.lines().any(|line| line.trim_start().starts_with(option) && line.contains(words))
    };
    match (says("-n", "dry run"), says("-T", "test")) {
        (true, _) => Some("-n"),
        (_, true) => Some("-T"),
        _ => None,
    }
}

#[test]
fn systemd_accepts_its_units() {
    let folder = tempfile::tempdir().unwrap();
    let text = unit(&desk(folder.path()), "systemd", &[]);
    let (service, timer) = text.split_once("\n# /etc/systemd/system/shockbrief.timer\n").unwrap();
    fs_err::write(folder.path().join("shockbrief.service"), service).unwrap();
    fs_err::write(folder.path().join("shockbrief.timer"), timer).unwrap();
    let verify = Command::new("systemd-analyze")
        .args(["verify", "--recursive-errors=no", "./shockbrief.service", "./shockbrief.timer"])
        .current_dir(folder.path())
        .output();
    let Ok(output) = verify else {
        println!("left out: systemd-analyze is not here");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && !said.contains("shockbrief."), "{said}\n{text}");
}

#[test]
fn the_cron_job_is_one_that_kubernetes_knows() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(folder.path());
    for (more, shards) in [(vec![], None), (vec!["--shards", "8"], Some(8))] {
        let text = unit(&desk, "kubernetes", &more);
        let job: Value = serde_yaml::from_str(&text).unwrap();
        assert_eq!((&job["apiVersion"], &job["kind"]), (&"batch/v1".into(), &"CronJob".into()));
        known(
            &job["spec"],
            &[
                "schedule",
                "concurrencyPolicy",
                "startingDeadlineSeconds",
                "successfulJobsHistoryLimit",
                "failedJobsHistoryLimit",
                "jobTemplate",
            ],
        );
        let spec = &job["spec"]["jobTemplate"]["spec"];
        known(
            spec,
            &[
                "backoffLimit",
                "backoffLimitPerIndex",
                "maxFailedIndexes",
                "completionMode",
                "completions",
                "parallelism",
                "template",
            ],
        );
        assert_ne!(spec["backoffLimit"].is_null(), spec["backoffLimitPerIndex"].is_null(), "{text}");
        let pod = &spec["template"]["spec"];
        known(pod, &["restartPolicy", "terminationGracePeriodSeconds", "containers", "volumes"]);
        let container = &pod["containers"][0];
        known(
            container,
            &[
                "name",
                "image",
                "workingDir",
                "command",
                "args",
                "resources",
                "env",
                "envFrom",
                "volumeMounts",
            ],
        );
        assert_eq!(job["spec"]["concurrencyPolicy"], "Forbid");
        assert_eq!(spec["completions"].as_u64(), shards);
        let places: Vec<&str> =
            container["args"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(places.contains(&desk.join("da'ta").to_str().unwrap()), "{places:?}");
        for mount in container["volumeMounts"].as_array().unwrap() {
            let volumes = pod["volumes"].as_array().unwrap();
            assert!(volumes.iter().any(|volume| volume["name"] == mount["name"]), "{mount}");
        }
        if let Some(shards) = shards {
            assert_eq!(container["env"][1]["value"], shards.to_string());
        }
    }
}

/// Kubernetes drops keys that it does not know, with a warning at best.
fn known(object: &Value, keys: &[&str]) {
    for key in object.as_object().unwrap().keys() {
        assert!(keys.contains(&key.as_str()), "{key}");
    }
}

/// A shell that knows nothing, as schedulers start it.
fn bare(script: &str) -> std::process::Output {
    Command::new("/bin/sh").args(["-c", script]).env_clear().current_dir("/").output().unwrap()
}

#[test]
fn every_unit_starts_on_a_machine_that_knows_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(folder.path());
    let keys = folder.path().join("my keys.env");
    fs_err::write(&keys, "DESK_KEY=x\n").unwrap();
    let keys = ["--env-file", keys.to_str().unwrap(), "--shards", "3"];
    let job = |text: String, marked: bool| {
        let line = text.lines().find(|line| line.contains(" * * * ") && !line.starts_with('#')).unwrap();
        // In a file of its own the user stands before the command.
        line.splitn(if marked { 6 } else { 7 }, ' ').last().unwrap().replace("\\%", "%")
    };
    let systemd = unit(&desk, "systemd", &keys);
    let start = systemd.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let place = systemd.lines().find_map(|line| line.strip_prefix("WorkingDirectory=")).unwrap();
    let started = format!(
        "cd '{}' && {}",
        place.replace("%%", "%"),
        // What is quoted there is quoted for the shell; this desk's names hold no backslash.
        start.replace("%%", "%").replace("$$", "\\$")
    );
    let slurm = unit(&desk, "slurm", &keys);
    assert!(slurm.contains("#SBATCH --array=1-3\n"), "{slurm}");
    let calls = [
        ("crontab", job(unit(&desk, "crontab", &keys), true)),
        ("cron.d", job(unit(&desk, "cron.d", &keys), false)),
        ("systemd", started),
        ("slurm", slurm.trim_end().to_owned()),
    ];
    for (name, call) in calls {
        let call = call.replace("--delay-up-to 300s", "--delay-up-to 1ms");
        let output = bare(&format!("{call} --dry-run --now 2025-02-03T07:00:00Z"));
        succeeded(&output);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.starts_with("weekly 2025-W05: "), "{name}: {said}");
    }
}

#[test]
fn the_lines_of_others_stay_in_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(folder.path());
    let table = folder.path().join("table");
    fs_err::write(&table, "MAILTO=them\n0 3 * * * backup-of-somebody\n").unwrap();
    for _ in 0..2 {
        unit(&desk, "crontab", &["--add-to", table.to_str().unwrap()]);
    }
    let text = fs_err::read_to_string(&table).unwrap();
    assert!(text.starts_with("MAILTO=them\n0 3 * * * backup-of-somebody\n"), "{text}");
    assert_eq!(text.matches(" run --quiet ").count(), 1, "{text}");
}

#[test]
fn the_doctor_names_what_would_fail_and_shows_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(folder.path());
    fs_err::write(desk.join("key"), "s3cret-of-the-desk").unwrap();
    let report = desk.join("reports/weekly/report.yaml");
    let text = fs_err::read_to_string(&report).unwrap();
    fs_err::write(&report, format!("deliver: [desk, hook]\n{text}")).unwrap();
    let targets = "targets:\n  desk: {url: \"https://desk.example/hook\", token: {env: DESK_OF_TEST}}\n  \
                   hook: {url: \"https://desk.example/hook\", token: {file: key}}\n";
    fs_err::write(desk.join("config/delivery.yaml"), targets).unwrap();
    let ask = |more: &[&str]| {
        let mut doctor = shockbrief(["doctor", "--data", "da'ta", "--now", "2025-02-03T07:00:00Z"]);
        let output =
            doctor.args(more).env("DESK_OF_TEST", "s3cret-of-the-desk").current_dir(&desk).output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(!said.contains("s3cret"), "{said}");
        (output.status.code(), said)
    };
    let line = |said: &str, state: &str, words: &str| {
        said.lines().any(|line| line.starts_with(state) && line.contains(words))
    };
    let (code, said) = ask(&[]);
    assert_eq!(code, Some(0), "{said}");
    for (state, words) in [
        ("ok", "desk: the environment variable DESK_OF_TEST holds one"),
        ("warning", "hook: others can read key"),
        ("ok", "XNYS reaches to"),
        ("ok", "keeps a second run out"),
        ("ok", " names to 2025-0"),
    ] {
        assert!(line(&said, state, words), "{state} {words} is missing in\n{said}");
    }
    let (code, said) = ask(&["--as-cron", "--out", "config/brand.yaml"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(line(&said, "error", "a scheduled run has no variable DESK_OF_TEST"), "{said}");
    assert!(line(&said, "error", "config/brand.yaml is not a folder"), "{said}");
    let keys = folder.path().join("keys");
    fs_err::write(&keys, "export DESK_OF_TEST=s3cret-of-the-desk\n").unwrap();
    let (_, said) = ask(&["--as-cron", "--env-file", keys.to_str().unwrap()]);
    assert!(line(&said, "ok", "desk: DESK_OF_TEST stands in the file of variables"), "{said}");
    assert!(line(&said, "warning", "others can read"), "{said}");
}
