//! Units for the schedulers that start `shockbrief run`: crontab, systemd and Kubernetes.
//!
//! Due-ness is the command's own matter, so one unit that calls it often enough serves all reports; the lock and
//! the ledger make a call too many harmless. Calls are spread over five minutes, so that many machines do not ask one
//! provider at once: by systemd itself, elsewhere by the command, since a crontab's shell has no common way to draw a
//! random number and an image may have no shell.

use std::fmt::Write as _;

/// What the units need to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// The command, absolute.
    pub command: String,
    /// The folder with config and reports.
    pub folder: String,
    /// The folder of market data.
    pub data: String,
    /// The output folder.
    pub out: String,
    /// IANA time zone of the hour.
    pub timezone: String,
    /// Hour and minute at which it is called on every day.
    pub at: (i8, i8),
    /// The container image, for Kubernetes.
    pub image: String,
    /// Into how many jobs Kubernetes shares the briefs out.
    pub shards: u32,
}

/// Over how many seconds calls are spread.
const SPREAD: u32 = 300;

impl Unit {
    fn arguments(&self) -> String {
        let quoted = |text: &str| shell(text);
        let places = format!("--data {} --out {}", quoted(&self.data), quoted(&self.out));
        format!("run --quiet --delay-up-to {SPREAD}s {places}")
    }

    /// Lines for `crontab -`.
    #[must_use]
    pub fn crontab(&self) -> String {
        let (hour, minute) = self.at;
        let mut out =
            "# Every day: what is due is made, nothing else. Mail comes only when something failed.\n\
             # The hour is of this zone where cron knows CRON_TZ (cronie does, Debian's cron does not), else of the\n\
             # machine's; a call too early leaves to the next one what is not ready.\n"
                .to_owned();
        let _ = writeln!(out, "MAILTO=root\nCRON_TZ={}", self.timezone);
        let line = format!("cd {} && {} {}", shell(&self.folder), shell(&self.command), self.arguments());
        // In a crontab a percent sign ends the command.
        let _ = writeln!(out, "{minute} {hour} * * * {}", line.replace('%', "\\%"));
        out
    }

    /// A service and its timer, one after the other.
    #[must_use]
    pub fn systemd(&self) -> String {
        let (hour, minute) = self.at;
        let command = format!("{} {}", word(&self.command), self.words());
        let store = format!("{}/.store", self.folder);
        // The one path that systemd reads to the end of its line, spaces and all.
        let folder = self.folder.replace('%', "%%");
        format!(
            "# /etc/systemd/system/shockbrief.service\n[Unit]\nDescription=Briefs that are due\n\
             Wants=network-online.target\nAfter=network-online.target\n\n[Service]\nType=oneshot\n\
             WorkingDirectory={folder}\n# The output, and what is fetched: all that may be written.\n\
             ExecStartPre=+/bin/mkdir -p {} {}\nReadWritePaths={} {}\nExecStart={command}\n# Another run holds the folder: no failure.\n\
             SuccessExitStatus=75\nPrivateTmp=true\nProtectSystem=strict\n\n\
             # /etc/systemd/system/shockbrief.timer\n[Unit]\nDescription=Calls shockbrief every day\n\n[Timer]\n\
             OnCalendar=*-*-* {hour:02}:{minute:02}:00 {}\nPersistent=true\nRandomizedDelaySec={SPREAD}\n\n[Install]\n\
             WantedBy=timers.target\n",
            word(&self.out),
            word(&store),
            path(&format!("-{}", self.out)),
            path(&format!("-{store}")),
            self.timezone,
        )
    }

    fn words(&self) -> String {
        format!("run --quiet --data {} --out {}", word(&self.data), word(&self.out))
    }

    /// A `CronJob`; with shards, an indexed job, whose volume for output all its pods must be able to write.
    #[must_use]
    pub fn kubernetes(&self) -> String {
        let (hour, minute) = self.at;
        let delay = format!("{SPREAD}s");
        let arguments = ["run", "--quiet", "--delay-up-to", &delay, "--data", &self.data, "--out", &self.out];
        let arguments: Vec<String> = arguments.iter().map(|word| yaml(word)).collect();
        format!(
            "apiVersion: batch/v1\nkind: CronJob\nmetadata:\n  name: shockbrief\nspec:\n  \
             schedule: \"{minute} {hour} * * *\"\n  timeZone: {}\n  concurrencyPolicy: Forbid\n  \
             startingDeadlineSeconds: 3600\n  successfulJobsHistoryLimit: 3\n  failedJobsHistoryLimit: 3\n  \
             jobTemplate:\n    spec:\n      backoffLimit: 2\n{}      template:\n        spec:\n          \
             restartPolicy: Never\n          containers:\n            - name: shockbrief\n              image: {}\n              \
             workingDir: {}\n              command: [{}]\n              args: [{}]\n{}              volumeMounts:\n                \
             - {{name: data, mountPath: {}, readOnly: true}}\n                - {{name: out, mountPath: {}}}\n          \
             volumes:\n            - {{name: data, persistentVolumeClaim: {{claimName: shockbrief-data, readOnly: true}}}}\n            \
             - {{name: out, persistentVolumeClaim: {{claimName: shockbrief-out}}}}\n",
            yaml(&self.timezone),
            self.indexed(),
            yaml(&self.image),
            yaml(&self.folder),
            yaml(&self.command),
            arguments.join(", "),
            self.environment(),
            yaml(&self.data),
            yaml(&self.out),
        )
    }

    /// A job for each shard; Kubernetes tells each its index.
    fn indexed(&self) -> String {
        let n = self.shards;
        if n < 2 {
            return String::new();
        }
        format!("      completionMode: Indexed\n      completions: {n}\n      parallelism: {n}\n")
    }

    /// How many shards there are, which Kubernetes does not tell.
    fn environment(&self) -> String {
        let n = self.shards;
        if n < 2 {
            return String::new();
        }
        format!("              env:\n                - {{name: SHOCKBRIEF_SHARDS, value: \"{n}\"}}\n")
    }
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
    if escaped == *text && !text.contains(char::is_whitespace) { escaped } else { format!("\"{escaped}\"") }
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
            data: "/srv/data".to_owned(),
            out: "/srv/100% out".to_owned(),
            timezone: "Europe/Paris".to_owned(),
            at: (6, 30),
            image: "shockbrief:0.1".to_owned(),
            shards: 1,
        }
    }

    #[test]
    fn crontab_quotes_and_escapes() {
        let text = sample().crontab();
        let line = text.lines().last().unwrap();
        assert_eq!(
            line,
            "30 6 * * * cd '/srv/my desk' && /opt/bin/shockbrief run --quiet --delay-up-to 300s --data /srv/data --out '/srv/100\\% out'"
        );
        assert!(text.contains("CRON_TZ=Europe/Paris\n") && text.contains("MAILTO="));
    }

    #[test]
    fn systemd_makes_up_for_missed_calls() {
        let text = sample().systemd();
        for part in [
            "Persistent=true",
            "OnCalendar=*-*-* 06:30:00 Europe/Paris",
            "\"/srv/100%% out\"",
            "WorkingDirectory=/srv/my desk\n",
            "ReadWritePaths=\"-/srv/100%% out\" \"-/srv/my desk/.store\"\n",
            "RandomizedDelaySec=300",
            "SuccessExitStatus=75",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }

    #[test]
    fn kubernetes_tells_each_shard_which_it_is() {
        let text = Unit { shards: 8, ..sample() }.kubernetes();
        for part in ["completionMode: Indexed", "completions: 8", "parallelism: 8", "value: \"8\""] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }

    #[test]
    fn kubernetes_forbids_two_at_once() {
        let text = sample().kubernetes();
        for part in [
            "concurrencyPolicy: Forbid",
            "timeZone: \"Europe/Paris\"",
            "schedule: \"30 6 * * *\"",
            "\"/srv/100% out\"",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }
}
