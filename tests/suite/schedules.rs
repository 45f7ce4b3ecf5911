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

/// What the API takes (public reference of `batch/v1` CronJob and Job, and of `v1` PodSpec, Container, Volume): fields with
/// their kinds; `!` marks those that must be there. Kubernetes drops keys that it does not know, with a warning at best.
const SHAPE: &[(&str, &[&str])] = &[
    ("CronJob", &["apiVersion!=batch/v1", "kind!=CronJob", "metadata!:Metadata", "spec!:CronJobSpec"]),
    ("Metadata", &["name!:label52"]),
    (
        "CronJobSpec",
        &[
            "schedule!:cron",
            "concurrencyPolicy=Allow|Forbid|Replace",
            "startingDeadlineSeconds:count",
            "successfulJobsHistoryLimit:count",
            "failedJobsHistoryLimit:count",
            "jobTemplate!:JobTemplate",
        ],
    ),
    ("JobTemplate", &["spec!:JobSpec"]),
    (
        "JobSpec",
        &[
            "backoffLimit:count",
            "backoffLimitPerIndex:count",
            "maxFailedIndexes:count",
            "completionMode=NonIndexed|Indexed",
            "completions:count",
            "parallelism:count",
            "template!:Template",
        ],
    ),
    ("Template", &["spec!:PodSpec"]),
    (
        "PodSpec",
        // In a job, never `Always`.
        &[
            "restartPolicy!=Never|OnFailure",
            "terminationGracePeriodSeconds:count",
            "containers!:[Container]",
            "volumes:[Volume]",
        ],
    ),
    (
        "Container",
        &[
            "name!:label",
            "image!:image",
            "workingDir:path",
            "command:[text]",
            "args:[text]",
            "resources:Resources",
            "env:[Variable]",
            "envFrom:[Source]",
            "volumeMounts:[Mount]",
        ],
    ),
    ("Resources", &["requests:Amounts", "limits:Amounts"]),
    ("Amounts", &["cpu:quantity", "memory:quantity"]),
    ("Variable", &["name!:variable", "value:text"]),
    ("Source", &["secretRef:Secret", "configMapRef:Secret"]),
    ("Secret", &["name!:subdomain", "optional:flag"]),
    ("Mount", &["name!:label", "mountPath!:path", "readOnly:flag"]),
    ("Volume", &["name!:label", "emptyDir:Nothing", "persistentVolumeClaim:Claim"]),
    ("Nothing", &[]),
    ("Claim", &["claimName!:subdomain", "readOnly:flag"]),
];

/// Where an object is not what the API takes.
fn misfits(value: &Value, kind: &str, at: &str, found: &mut Vec<String>) {
    let Some((_, fields)) = SHAPE.iter().find(|(name, _)| *name == kind) else {
        if !fits(value, kind) {
            found.push(format!("{at}: {value} is no {kind}"));
        }
        return;
    };
    let Some(object) = value.as_object() else {
        found.push(format!("{at}: {value} is no object"));
        return;
    };
    let mut known = Vec::new();
    for field in *fields {
        let end = field.find(['!', ':', '=']).unwrap();
        let (name, rest) = field.split_at(end);
        let (needed, rest) = (rest.starts_with('!'), rest.trim_start_matches('!'));
        known.push(name);
        let at = format!("{at}.{name}");
        let Some(value) = object.get(name) else {
            if needed {
                found.push(format!("{at}: missing"));
            }
            continue;
        };
        match rest.split_at(1) {
            ("=", words) if !words.split('|').any(|word| value == word) => {
                found.push(format!("{at}: {value}"))
            }
            ("=", _) => {}
            (_, kind) => match kind.strip_prefix('[').and_then(|kind| kind.strip_suffix(']')) {
                Some(kind) => match value.as_array() {
                    Some(all) if !all.is_empty() => {
                        all.iter().for_each(|one| misfits(one, kind, &format!("{at}[]"), found));
                    }
                    _ => found.push(format!("{at}: {value} is no list with entries")),
                },
                None => misfits(value, kind, &at, found),
            },
        }
    }
    found.extend(
        object.keys().filter(|key| !known.contains(&key.as_str())).map(|key| format!("{at}.{key}: unknown")),
    );
}

/// A value of a plain kind. Names are those of RFC 1123, small letters, digits and hyphens; a pod's name adds eleven
/// characters to a CronJob's.
fn fits(value: &Value, kind: &str) -> bool {
    let text = value.as_str();
    let label = |name: &str, most: usize| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        (1..=most).contains(&name.len())
            && name.chars().all(plain)
            && !name.starts_with('-')
            && !name.ends_with('-')
    };
    match kind {
        "text" => text.is_some(),
        "flag" => value.is_boolean(),
        "count" => value.as_i64().is_some_and(|n| (0..=i64::from(i32::MAX)).contains(&n)),
        "label" => text.is_some_and(|name| label(name, 63)),
        "label52" => text.is_some_and(|name| label(name, 52)),
        "subdomain" => {
            text.is_some_and(|name| name.len() <= 253 && name.split('.').all(|part| label(part, 63)))
        }
        "path" => text.is_some_and(|path| path.starts_with('/') && !path.contains(':')),
        "variable" => text.is_some_and(|name| {
            !name.starts_with(|c: char| c.is_ascii_digit())
                && !name.is_empty()
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        }),
        "image" => text.is_some_and(|name| {
            let (place, tag) = name.rsplit_once(':').unwrap_or((name, "latest"));
            !place.is_empty() && !name.contains(' ') && place.to_lowercase() == place && !tag.contains('/')
        }),
        "quantity" => text.is_some_and(|amount| {
            let digits = amount.trim_end_matches(|c: char| c.is_ascii_alphabetic());
            digits.parse::<f64>().is_ok_and(|n| n > 0.0)
                && ["", "m", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti"].contains(&&amount[digits.len()..])
        }),
        "cron" => text.is_some_and(|line| {
            line.split(' ').count() == 5
                && line.split(' ').next().unwrap().parse::<u8>().is_ok_and(|m| m < 60)
        }),
        _ => panic!("{kind}"),
    }
}

/// What stands between fields: a limit for each index asks for an indexed job whose pods are never started again in
/// place; each mount has its volume, each volume one source.
fn contradictions(job: &Value) -> Vec<String> {
    let spec = &job["spec"]["jobTemplate"]["spec"];
    let pod = &spec["template"]["spec"];
    let mut found = Vec::new();
    let mut demand = |holds: bool, what: &str| found.extend((!holds).then(|| what.to_owned()));
    if !spec["backoffLimitPerIndex"].is_null() {
        demand(spec["completionMode"] == "Indexed", "backoffLimitPerIndex needs completionMode Indexed");
        demand(pod["restartPolicy"] == "Never", "backoffLimitPerIndex needs restartPolicy Never");
    } else {
        demand(spec["maxFailedIndexes"].is_null(), "maxFailedIndexes needs backoffLimitPerIndex");
    }
    if spec["completionMode"] == "Indexed" {
        let count = |key: &str| spec[key].as_u64().unwrap_or(0);
        demand(count("completions") > 0, "an indexed job needs completions");
        demand(count("parallelism") <= 100_000, "parallelism is bounded");
        demand(count("maxFailedIndexes") <= count("completions"), "more failed indexes than there are");
    }
    let names = |list: &Value, key: &str| -> Vec<String> {
        let all = list.as_array().into_iter().flatten();
        all.filter_map(|one| one[key].as_str()).map(str::to_owned).collect()
    };
    let volumes = names(&pod["volumes"], "name");
    for container in pod["containers"].as_array().into_iter().flatten() {
        let mounts = &container["volumeMounts"];
        demand(names(mounts, "name").iter().all(|name| volumes.contains(name)), "a mount without volume");
        for list in [names(mounts, "mountPath"), names(&container["env"], "name"), volumes.clone()] {
            let once: std::collections::BTreeSet<&String> = list.iter().collect();
            demand(once.len() == list.len(), "a name or place that stands twice");
        }
    }
    for volume in pod["volumes"].as_array().into_iter().flatten() {
        demand(volume.as_object().unwrap().len() == 2, "a volume has one source");
    }
    found
}

fn wrong(job: &Value) -> Vec<String> {
    let mut found = Vec::new();
    misfits(job, "CronJob", "", &mut found);
    found.extend(contradictions(job));
    found
}

#[test]
fn the_cron_job_is_one_that_kubernetes_takes() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(folder.path());
    for (more, shards) in [(vec![], None), (vec!["--shards", "8", "--store", "the store"], Some(8))] {
        let text = unit(&desk, "kubernetes", &more);
        let job: Value = serde_yaml::from_str(&text).unwrap();
        assert_eq!(wrong(&job), [""; 0], "{text}");
        let spec = &job["spec"]["jobTemplate"]["spec"];
        assert_ne!(spec["backoffLimit"].is_null(), spec["backoffLimitPerIndex"].is_null(), "{text}");
        assert_eq!(job["spec"]["concurrencyPolicy"], "Forbid");
        assert_eq!(spec["completions"].as_u64(), shards);
        if let Some(shards) = shards {
            assert_eq!(spec["template"]["spec"]["containers"][0]["env"][1]["value"], shards.to_string());
        }
    }
}

#[test]
fn a_cron_job_that_kubernetes_refuses_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let text = unit(&desk(folder.path()), "kubernetes", &["--shards", "8"]);
    for (from, to, said) in [
        ("  name: shockbrief\n", "  name: Shock_brief\n", ".metadata.name"),
        ("restartPolicy: Never", "restartPolicy: Always", "restartPolicy"),
        ("restartPolicy: Never", "restartPolicy: OnFailure", "needs restartPolicy Never"),
        ("completionMode: Indexed", "completionMode: NonIndexed", "needs completionMode Indexed"),
        ("backoffLimitPerIndex: 2", "backoffLimitPerIndex: two", "backoffLimitPerIndex: \"two\" is no count"),
        ("backoffLimitPerIndex: 2", "backoffLimitPerindex: 2", "backoffLimitPerindex: unknown"),
        ("completions: 8", "completions: 0", "needs completions"),
        ("memory: 1Gi", "memory: 1GiB", "memory: \"1GiB\" is no quantity"),
        ("secretRef: {name: shockbrief-keys", "secretRef: {nome: shockbrief-keys", "secretRef.name: missing"),
        ("- {name: out, persistent", "- {name: aus, persistent", "a mount without volume"),
        ("command: [shockbrief]", "command: shockbrief", "no list"),
        ("schedule: \"", "schedule: \"@", ".spec.schedule"),
        ("optional: true", "optional: \"true\"", "is no flag"),
        ("image: ", "picture: ", "image: missing"),
    ] {
        assert!(text.contains(from), "{from} is missing in\n{text}");
        let job: Value = serde_yaml::from_str(&text.replacen(from, to, 1)).unwrap();
        let found = wrong(&job);
        assert!(found.iter().any(|line| line.contains(said)), "{to}: {found:?}");
    }
}

/// As Kubernetes does it: `$(NAME)` is a variable where there is one, two dollar signs are one.
fn expanded(text: &str, variables: &[(String, String)]) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let named = rest.strip_prefix('(').and_then(|inner| inner.split_once(')'));
        let value =
            named.and_then(|(name, after)| Some((&variables.iter().find(|(own, _)| own == name)?.1, after)));
        match value {
            Some((value, after)) => {
                out.push_str(value);
                rest = after;
            }
            None => {
                out.push('$');
                rest = rest.strip_prefix('$').unwrap_or(rest);
            }
        }
    }
    out + rest
}

#[test]
fn the_cron_job_starts_as_printed() {
    let folder = tempfile::tempdir().unwrap();
    let desk = folder.path().join("a $$ and $(PATH)");
    fs_err::rename(self::desk(folder.path()), &desk).unwrap();
    let job: Value = serde_yaml::from_str(&unit(&desk, "kubernetes", &["--shards", "2"])).unwrap();
    let container = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];
    let list = |key: &str| container[key].as_array().unwrap().clone();
    let mut variables: Vec<(String, String)> = Vec::new();
    for variable in list("env") {
        let [name, value] = ["name", "value"].map(|key| variable[key].as_str().unwrap().to_owned());
        let value = expanded(&value, &variables);
        variables.push((name, value));
    }
    let words = list("args").into_iter().map(|word| expanded(word.as_str().unwrap(), &variables));
    let words = words.map(|word| if word == "300s" { "1ms".to_owned() } else { word });
    assert_eq!(list("command"), ["shockbrief"]);
    // The image has the command on its search path; each pod is told its index.
    let started = |index: &str| {
        let output = Command::new(shockbrief_tests::command())
            .args(words.clone())
            .args(["--dry-run", "--now", "2025-02-03T07:00:00Z"])
            .env_clear()
            .envs(variables.clone())
            .env("JOB_COMPLETION_INDEX", index)
            .current_dir(container["workingDir"].as_str().unwrap())
            .output()
            .unwrap();
        succeeded(&output);
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let both = [started("0"), started("1")];
    assert_eq!(both.iter().filter(|said| said.starts_with("weekly 2025-W05: ")).count(), 1, "{both:?}");
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
