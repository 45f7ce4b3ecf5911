//! Units for the schedulers that start `shockbrief run`: cron, systemd, Kubernetes and Slurm.
//!
//! A unit carries all that it starts with: what is found, read, written and known on the day it is printed stands in it,
//! since a scheduler's shell has next to nothing. Due-ness is the command's own matter, so one unit that calls it every
//! hour serves all reports and all zones: a call with nothing due takes a fraction of a second, and data that come late
//! are waited for without anybody's doing. The lock and the ledger make a call too many harmless. Calls are spread over
//! five minutes, so that many machines do not ask one provider at once: by systemd itself, elsewhere by the command,
//! since a crontab's shell has no common way to draw a random number and an image may have no shell.

use std::fmt::Write as _;

/// What the units need to know. Paths are absolute.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unit {
    /// The command.
    pub command: String,
    /// The folder with config and reports.
    pub folder: String,
    /// The configuration.
    pub config: String,
    /// Patterns of reports.
    pub reports: Vec<String>,
    /// The folder of market data.
    pub data: String,
    /// The output folder.
    pub out: String,
    /// The store of fetched values, where it is read.
    pub store: Option<String>,
    /// The typst command, where it was found.
    pub typst: Option<String>,
    /// The search path.
    pub path: String,
    /// A file with the variables that keys are found in, `NAME=value` a line.
    pub environment: Option<String>,
    /// Who it runs as, where the scheduler asks.
    pub user: Option<String>,
    /// Other folders that are written: targets of deliveries.
    pub written: Vec<String>,
    /// The minute of each hour at which it is called.
    pub minute: i8,
    /// The container image, for Kubernetes.
    pub image: String,
    /// Into how many jobs the briefs are shared out.
    pub shards: u32,
}

/// Over how many seconds calls are spread.
const SPREAD: u32 = 300;
/// How the lines of a table that are ours begin and end; the desk's folder tells those of several desks apart.
const MARKS: [&str; 2] = ["# BEGIN shockbrief ", "# END shockbrief "];

impl Unit {
    /// The words of `run`, without the command; `spread` where the scheduler has no delay of its own.
    fn arguments(&self, spread: bool) -> Vec<String> {
        let mut words = vec!["run".to_owned(), "--quiet".to_owned()];
        let mut option = |name: &str, value: &str| words.extend([name.to_owned(), value.to_owned()]);
        if spread {
            option("--delay-up-to", &format!("{SPREAD}s"));
        }
        if !self.reports.is_empty() {
            option("--reports", &self.reports.join(","));
        }
        option("--config", &self.config);
        option("--data", &self.data);
        option("--out", &self.out);
        self.store.iter().for_each(|store| option("--store", store));
        self.typst.iter().for_each(|typst| option("--typst", typst));
        words
    }

    /// The call for a POSIX shell that knows nothing.
    fn call(&self) -> String {
        let words = self.arguments(true);
        let words: Vec<String> =
            std::iter::once(&self.command).chain(&words).map(|word| shell(word)).collect();
        let keys = self.environment.iter().map(|file| format!("set -a && . {} && set +a && ", shell(file)));
        format!(
            "cd {} && {}PATH={} {}",
            shell(&self.folder),
            keys.collect::<String>(),
            shell(&self.path),
            words.join(" ")
        )
    }

    /// Lines for a user's table, between marks by which they are found and replaced the next time.
    ///
    /// No variable is set: it would hold for the lines below, which may be somebody else's.
    #[must_use]
    pub fn crontab(&self) -> String {
        let [begin, end] = MARKS;
        let folder = one_line(&self.folder);
        format!(
            "{begin}{folder}\n# Every hour: what is due is made, nothing else. Mail comes only when something failed.\n\
             {} * * * * {}\n{end}{folder}\n",
            self.minute,
            in_table(&self.call()),
        )
    }

    /// A user's table with the lines of this unit in the place of its earlier ones, else at its end.
    #[must_use]
    pub fn merged(&self, table: &str) -> String {
        let folder = one_line(&self.folder);
        let [begin, end] = MARKS.map(|mark| format!("{mark}{folder}"));
        let mut lines: Vec<&str> = table.lines().collect();
        // A beginning whose end somebody removed takes nothing with it.
        while let Some(from) = lines.iter().position(|line| *line == begin) {
            let to = lines.iter().skip(from).position(|line| *line == end);
            lines.drain(from..=to.map_or(from, |to| from + to));
        }
        let mut merged = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        merged.push_str(&self.crontab());
        merged
    }

    /// A file of its own for `/etc/cron.d`, which may set what it likes and names who runs it.
    #[must_use]
    pub fn cron_d(&self) -> String {
        format!(
            "# /etc/cron.d/shockbrief\n# Every hour: what is due is made, nothing else. Mail comes only when something failed.\n\
             SHELL=/bin/sh\nMAILTO={1}\n{0} * * * * {1} {2}\n",
            self.minute,
            self.user.as_deref().unwrap_or("root"),
            in_table(&self.call()),
        )
    }

    /// A service and its timer, one after the other.
    #[must_use]
    pub fn systemd(&self) -> String {
        let words = self.arguments(false);
        let words: Vec<String> =
            std::iter::once(&self.command).chain(&words).map(|text| word(text)).collect();
        // The paths that systemd reads to the end of their line, spaces and all.
        let whole = |text: &str| text.replace('%', "%%");
        let store = self.store.clone().unwrap_or_else(|| format!("{}/.store", self.folder));
        let mut written = vec![self.out.clone(), store];
        written.extend(self.written.iter().cloned());
        let made: Vec<String> = written.iter().take(2).map(|path| word(path)).collect();
        let open: Vec<String> = written.iter().map(|place| path(&format!("-{place}"))).collect();
        let mut out = format!(
            "# /etc/systemd/system/shockbrief.service\n[Unit]\nDescription=Briefs that are due\n\
             Wants=network-online.target\nAfter=network-online.target\n\n[Service]\nType=oneshot\nWorkingDirectory={}\n",
            whole(&self.folder)
        );
        if let Some(user) = &self.user {
            let _ = writeln!(out, "User={}", whole(user));
        }
        let _ = writeln!(out, "Environment={}", path(&format!("PATH={}", self.path)));
        if let Some(file) = &self.environment {
            let _ = writeln!(out, "# Keys, NAME=value a line.\nEnvironmentFile={}", whole(file));
        }
        let own = self
            .user
            .as_ref()
            .map(|user| format!("ExecStartPre=+/bin/chown {} {}\n", word(user), made.join(" ")));
        let _ = write!(
            out,
            "# The output, what is fetched, and where briefs are delivered: all that may be written.\n\
             ExecStartPre=+/bin/mkdir -p {}\n{}ReadWritePaths={}\nExecStart={}\n\
             # Another run holds the folder: no failure.\nSuccessExitStatus=75\nTimeoutStopSec=90\nPrivateTmp=true\n\
             ProtectSystem=strict\n\n",
            made.join(" "),
            own.unwrap_or_default(),
            open.join(" "),
            words.join(" "),
        );
        let _ = write!(
            out,
            "# /etc/systemd/system/shockbrief.timer\n[Unit]\nDescription=Calls shockbrief every hour\n\n[Timer]\n\
             OnCalendar=*-*-* *:{:02}:00\nPersistent=true\nRandomizedDelaySec={SPREAD}\n\n[Install]\n\
             WantedBy=timers.target\n",
            self.minute,
        );
        out
    }

    /// A `CronJob`; with shards, an indexed job, whose volume for output all its pods must be able to write.
    ///
    /// Configuration, data and output are volumes under the same paths as here, keys a secret; what commands are called
    /// and where they are is the image's matter.
    #[must_use]
    pub fn kubernetes(&self) -> String {
        let image = Self { typst: None, ..self.clone() };
        let arguments = image.arguments(true);
        let arguments: Vec<String> = arguments.iter().map(|word| yaml(&unexpanded(word))).collect();
        let mut mounts =
            vec![("desk", self.folder.as_str(), true), ("data", &self.data, true), ("out", &self.out, false)];
        mounts.extend(self.store.iter().map(|store| ("store", store.as_str(), false)));
        let mounted: String = mounts
            .iter()
            .map(|(name, path, read)| {
                let read = if *read { ", readOnly: true" } else { "" };
                format!("                - {{name: {name}, mountPath: {}{read}}}\n", yaml(path))
            })
            .collect();
        let volumes: String = mounts
            .iter()
            .map(|(name, _, _)| {
                format!("            - {{name: {name}, persistentVolumeClaim: {{claimName: shockbrief-{name}}}}}\n")
            })
            .collect();
        let minute = self.minute;
        format!(
            "apiVersion: batch/v1\nkind: CronJob\nmetadata:\n  name: shockbrief\nspec:\n  \
             schedule: \"{minute} * * * *\"\n  concurrencyPolicy: Forbid\n  \
             startingDeadlineSeconds: 3600\n  successfulJobsHistoryLimit: 3\n  failedJobsHistoryLimit: 3\n  \
             jobTemplate:\n    spec:\n{}      template:\n        spec:\n          \
             restartPolicy: Never\n          terminationGracePeriodSeconds: 60\n          containers:\n            \
             - name: shockbrief\n              image: {}\n              \
             workingDir: {}\n              \
             # The image has shockbrief and typst on this PATH.\n              command: [shockbrief]\n              args: [{}]\n              \
             resources:\n                requests: {{cpu: \"1\", memory: 1Gi}}\n                \
             limits: {{memory: 8Gi}}\n              env:\n{}              \
             # Keys: kubectl create secret generic shockbrief-keys --from-literal=NAME=value\n              \
             envFrom:\n                - secretRef: {{name: shockbrief-keys, optional: true}}\n              \
             volumeMounts:\n                - {{name: tmp, mountPath: /tmp}}\n{mounted}          \
             volumes:\n            - {{name: tmp, emptyDir: {{}}}}\n{volumes}",
            self.indexed(),
            yaml(&self.image),
            yaml(&self.folder),
            arguments.join(", "),
            self.variables(),
        )
    }

    /// A job for each shard; Kubernetes tells each its index, and tries each again by itself.
    fn indexed(&self) -> String {
        let n = self.shards;
        if n < 2 {
            return "      backoffLimit: 2\n".to_owned();
        }
        format!(
            "      completionMode: Indexed\n      completions: {n}\n      parallelism: {n}\n      backoffLimitPerIndex: 2\n      \
             maxFailedIndexes: {n}\n"
        )
    }

    /// The search path, and how many shards there are, which Kubernetes does not tell.
    fn variables(&self) -> String {
        let mut variables = vec![("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned())];
        if self.shards > 1 {
            variables.push(("SHOCKBRIEF_SHARDS", self.shards.to_string()));
        }
        let line = |(name, value): (&str, String)| {
            format!("                - {{name: {name}, value: {}}}\n", yaml(&unexpanded(&value)))
        };
        variables.into_iter().map(line).collect()
    }

    /// A batch script: a job array of which each task makes its share, whatever node it lands on.
    ///
    /// Folder, data and output lie on a file system that the nodes share and that carries `flock`. A task that its node
    /// takes down is queued again: what it had not published is made then, and nothing twice.
    #[must_use]
    pub fn slurm(&self) -> String {
        let n = self.shards.max(1);
        let words = self.arguments(true);
        let words: Vec<String> =
            std::iter::once(&self.command).chain(&words).map(|word| shell(word)).collect();
        let mut out = format!(
            "#!/bin/sh\n# sbatch shockbrief.sbatch; from a crontab or scrontab, or by hand.\n#SBATCH --job-name=shockbrief\n\
             #SBATCH --array=1-{n}\n#SBATCH --ntasks=1\n#SBATCH --cpus-per-task=1\n#SBATCH --mem=4G\n\
             #SBATCH --requeue\n#SBATCH --open-mode=append\n#SBATCH --signal=B:TERM@60\n#SBATCH --export=NONE\n\
             # Another run may hold the folder (75): the next one makes what is due.\nset -eu\n"
        );
        let _ = writeln!(out, "cd {}", shell(&self.folder));
        if let Some(file) = &self.environment {
            let _ = writeln!(out, "set -a; . {}; set +a", shell(file));
        }
        let _ = writeln!(out, "PATH={}\nexport PATH\nexec {} --jobs 1", shell(&self.path), words.join(" "));
        out
    }
}

/// A line of a table; a percent sign would end the command there.
fn in_table(line: &str) -> String {
    one_line(line).replace('%', "\\%")
}

/// A table has one line for each entry.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

/// A word for a POSIX shell.
fn shell(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A word of a command in a systemd unit, where variables are put in too.
fn word(text: &str) -> String {
    path(&text.replace('$', "$$"))
}

/// A word of a list in a systemd unit: quoted, with its specifiers escaped.
fn path(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@=,$".contains(c);
    if escaped == *text && !text.is_empty() && text.chars().all(plain) {
        escaped
    } else {
        format!("\"{escaped}\"")
    }
}

/// Kubernetes puts variables into arguments and values, `$(NAME)`, and takes two dollar signs for one.
fn unexpanded(text: &str) -> String {
    text.replace('$', "$$")
}

/// A YAML string; JSON's strings are YAML's.
fn yaml(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Unit {
        Unit {
            command: "/opt/bin/shockbrief".to_owned(),
            folder: "/srv/my desk".to_owned(),
            config: "/srv/my desk/config".to_owned(),
            reports: vec!["reports/*".to_owned()],
            data: "/srv/it's".to_owned(),
            out: "/srv/100% out".to_owned(),
            store: None,
            typst: Some("/opt/typst/typst".to_owned()),
            path: "/usr/bin:/bin".to_owned(),
            environment: None,
            user: None,
            written: vec!["/srv/share".to_owned()],
            minute: 30,
            image: "shockbrief:0.1".to_owned(),
            shards: 1,
        }
    }

    #[test]
    fn a_table_gets_one_line_that_knows_all_and_sets_nothing() {
        let text = sample().crontab();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            (lines[0], lines[3]),
            ("# BEGIN shockbrief /srv/my desk", "# END shockbrief /srv/my desk")
        );
        assert_eq!(
            lines[2],
            "30 * * * * cd '/srv/my desk' && PATH=/usr/bin:/bin /opt/bin/shockbrief run --quiet --delay-up-to 300s --reports \
             'reports/*' --config '/srv/my desk/config' --data '/srv/it'\\''s' --out '/srv/100\\% out' --typst /opt/typst/typst"
        );
        assert_eq!(lines.len(), 4);
        let keyed = Unit { environment: Some("/etc/desk.env".to_owned()), ..sample() }.crontab();
        assert!(keyed.contains("&& set -a && . /etc/desk.env && set +a && PATH="), "{keyed}");
    }

    #[test]
    fn the_lines_of_others_stay() {
        let (unit, other) = (sample(), Unit { folder: "/srv/other".to_owned(), ..sample() });
        let theirs = "MAILTO=them\n0 3 * * * backup\n";
        let once = unit.merged(theirs);
        assert_eq!(once, format!("{theirs}{}", unit.crontab()));
        assert_eq!(unit.merged(&once), once);
        let both = other.merged(&once);
        assert_eq!(unit.merged(&both), format!("{theirs}{}{}", other.crontab(), unit.crontab()));
        // Somebody removed the end of ours: nothing below it is lost.
        let torn = format!("{}{theirs}", unit.crontab().replace("# END shockbrief /srv/my desk\n", ""));
        assert!(unit.merged(&torn).contains(theirs));
    }

    #[test]
    fn a_file_of_its_own_names_who_runs_it() {
        let text = Unit { user: Some("desk".to_owned()), ..sample() }.cron_d();
        assert!(
            text.contains("MAILTO=desk\n") && text.contains("\n30 * * * * desk cd '/srv/my desk' && "),
            "{text}"
        );
    }

    #[test]
    fn systemd_opens_what_is_written_and_makes_up_for_missed_calls() {
        let unit = Unit {
            environment: Some("/etc/my desk.env".to_owned()),
            user: Some("desk".to_owned()),
            store: Some("/srv/store".to_owned()),
            ..sample()
        };
        let text = unit.systemd();
        for part in [
            "Persistent=true",
            "OnCalendar=*-*-* *:30:00\n",
            "\"/srv/100%% out\"",
            "--data \"/srv/it's\"",
            "WorkingDirectory=/srv/my desk\n",
            "User=desk\n",
            "Environment=PATH=/usr/bin:/bin\n",
            "EnvironmentFile=/etc/my desk.env\n",
            "ReadWritePaths=\"-/srv/100%% out\" -/srv/store -/srv/share\n",
            "--typst /opt/typst/typst",
            "RandomizedDelaySec=300",
            "SuccessExitStatus=75",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }

    #[test]
    fn kubernetes_tells_each_shard_which_it_is() {
        let text = Unit { shards: 8, ..sample() }.kubernetes();
        for part in [
            "completionMode: Indexed",
            "completions: 8",
            "parallelism: 8",
            "backoffLimitPerIndex: 2",
            "value: \"8\"",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }

    #[test]
    fn kubernetes_forbids_two_at_once() {
        let text = sample().kubernetes();
        for part in
            ["concurrencyPolicy: Forbid", "schedule: \"30 * * * *\"", "\"/srv/100% out\"", "secretRef"]
        {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }

    #[test]
    fn slurm_gives_each_task_its_share() {
        let text = Unit { shards: 4, ..sample() }.slurm();
        for part in ["#SBATCH --array=1-4\n", "#SBATCH --requeue\n", "\ncd '/srv/my desk'\n", " --jobs 1\n"] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        assert!(text.starts_with("#!/bin/sh\n"));
    }
}
