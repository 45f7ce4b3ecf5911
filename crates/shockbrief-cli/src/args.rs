//! The command line; doc comments are the help text.

use crate::desk;
use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use jiff::{SignedDuration, Timestamp, civil::Date};
use shockbrief_core::Period;
use shockbrief_data::{Stored, store};
use shockbrief_run::{due, shard::Shard};
use std::path::PathBuf;

/// Briefs on AI-market shocks: every number computed, traceable and checked.
///
/// Exit codes: 0 done; 2 usage or configuration; 3 some briefs failed, the others are out; 4 data refused;
/// 5 a claim failed; 6 typesetting failed; 75 another run holds the output folder; 130 and 143 stopped by a signal;
/// 1 anything else.
#[derive(Debug, Parser)]
#[command(name = "shockbrief", version, disable_version_flag = true, max_term_width = 100)]
#[command(
    subcommand_negates_reqs = true,
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// Print the version.
    #[arg(short = 'V', long, required = true)]
    pub version: bool,
    /// With `--version`: also typst, the schema of brief.json, and what is compiled in.
    #[arg(short, long, requires = "version")]
    pub verbose: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a desk that renders at once, in an empty folder.
    Init(Init),
    /// Begin a report, section, event, fact, portfolio or language.
    New(New),
    /// Write a file of the house's configuration into the desk, to be changed.
    Eject(Eject),
    /// Make the named briefs for one period.
    Render(Render),
    /// Show the pages of one report in the browser, drawn again after every save; nothing is published.
    Watch(Watch),
    /// Make what is due and nothing else; for cron, timers and job arrays.
    Run(Run),
    /// Print units for cron, systemd, Kubernetes or Slurm.
    Schedule(Schedule),
    /// Look for what would keep runs from succeeding here, each with its next step.
    Doctor(Doctor),
    /// Write the pages that list every brief of an output folder.
    Archive(Archive),
    /// Make published briefs again and compare every byte.
    Verify(Verify),
    /// Everything but typesetting: configs, data, claims; without a report, the quality of the data.
    Check(Check),
    /// Bring what is new from providers into the local store.
    Fetch(Fetch),
    /// Make the reconstructed market data.
    Sample(Sample),
    /// Print where a figure comes from, of a brief that is out or of a report as it stands.
    Explain(Explain),
    /// Print what changed between two briefs: market, revised data, method.
    Diff(Diff),
    /// Run one event study from a YAML file that names CSV or Parquet tables.
    Study(Study),
    /// Compute one statistic of a table; without a name, list all.
    Stat(Stat),
    /// List what briefs can be made of: figures, filters, functions, sections, kinds, themes, strings, events, facts.
    List(List),
    /// Print the JSON schema of a kind of file, for editors; without one, list all.
    Schema(Schema),
    /// Write the pages of the documentation that are made from the program.
    Reference(Reference),
    /// List the shock days of a panel of prices.
    Detect(Detect),
    /// Print what completes these commands in a shell.
    Completions(Completions),
    /// Print the manual page, or write those of all commands into a folder.
    Man(Man),
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
pub struct Man {
    /// The folder, such as ~/.local/share/man/man1 (default: print the page of the command itself).
    pub folder: Option<PathBuf>,
}

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct Init {
    /// The folder of the desk.
    #[arg(default_value = ".")]
    pub folder: PathBuf,
}

/// Arguments of `eject`.
#[derive(Debug, Args)]
pub struct Eject {
    /// A file or folder of the house, such as universe.yaml, languages or prose/market.en.typ.j2.
    pub part: String,
    /// Where it is written.
    #[arg(long, default_value = "config", value_parser = desk::config)]
    pub config: PathBuf,
}

/// Arguments of `new`.
#[derive(Debug, Args)]
pub struct New {
    /// What to begin.
    #[arg(value_enum)]
    pub part: Part,
    /// Its name; the code of a language.
    pub name: String,
    /// Of a section: the report that it is for (default: the house of this desk, for every report).
    #[arg(long, value_parser = desk::report)]
    pub report: Option<PathBuf>,
    /// The configuration folder of the desk.
    #[arg(long, default_value = "config", value_parser = desk::config)]
    pub config: PathBuf,
}

/// What `new` begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// A brief, with prose.
    Report,
    /// A section, with prose in each language.
    Section,
    /// A dated event in the desk's events.yaml.
    Event,
    /// A public fact with its source.
    Fact,
    /// A portfolio of the report that makes a brief for each.
    Portfolio,
    /// Every string, to be translated.
    Language,
}

/// The store of fetched values.
#[derive(Debug, Clone, Default, Args)]
pub struct Holding {
    /// The store of fetched values that sources of the format `store` read (default: none is read).
    #[arg(long, env = "SHOCKBRIEF_STORE")]
    pub store: Option<PathBuf>,
    /// Read what the store knew at this time, such as 2025-02-01T07:00:00Z (default: the end of the as-of date in UTC).
    #[arg(long, requires = "store")]
    pub known_by: Option<Timestamp>,
}

impl Command {
    /// The configuration folder that it reads.
    #[must_use]
    pub fn config(&self) -> Option<PathBuf> {
        match self {
            Self::Init(args) => Some(args.folder.join("config")),
            Self::New(args) => Some(args.config.clone()),
            Self::Eject(args) => Some(args.config.clone()),
            Self::Render(args) => Some(args.inputs.config.clone()),
            Self::Check(args) => Some(args.inputs.config.clone()),
            Self::Watch(args) => Some(args.inputs.config.clone()),
            Self::Run(args) => Some(args.config.clone()),
            Self::Archive(args) => Some(args.config.clone()),
            Self::Verify(args) => Some(args.config.clone()),
            Self::Fetch(args) => Some(args.config.clone()),
            Self::Sample(args) => Some(args.config.clone()),
            Self::Detect(args) => Some(args.config.clone()),
            Self::Doctor(args) => Some(args.config.clone()),
            Self::Schema(args) => Some(args.config.clone()),
            Self::List(args) => Some(args.inputs.config.clone()),
            Self::Explain(args) => Some(args.inputs.config.clone()),
            _ => None,
        }
    }
}

impl Holding {
    /// The store and the time whose knowledge is read for an as-of date.
    ///
    /// # Errors
    /// A date at the end of time.
    pub fn at(&self, as_of: Date) -> Result<Option<Stored<'_>>> {
        let Some(folder) = self.store.as_deref() else { return Ok(None) };
        let known_by = self.known_by.map_or_else(|| store::end_of(as_of), Ok)?;
        Ok(Some(Stored { folder, known_by }))
    }
}

/// Where configuration and data are.
#[derive(Debug, Clone, Args)]
pub struct Inputs {
    /// Folder with market data, laid out as config/sources.yaml says.
    #[arg(long, env = "SHOCKBRIEF_DATA", default_value = "data", value_parser = desk::data)]
    pub data: PathBuf,
    /// Folder with universe, events, sources, brand and languages.
    #[arg(long, default_value = "config", value_parser = desk::config)]
    pub config: PathBuf,
    /// Use nothing later than this date (default: the report's, else the end of the period).
    #[arg(long)]
    pub as_of: Option<Date>,
    /// Period, such as 2025-01-27, 2025-W05, 2025-01 or 2025-Q1 (default: the report's).
    #[arg(long)]
    pub period: Option<Period>,
    /// Languages (default: the report's); one that the report does not name is added to its own for this run.
    #[arg(long, value_delimiter = ',')]
    pub lang: Vec<String>,
    #[command(flatten)]
    pub holding: Holding,
}

/// Arguments of `render`.
#[derive(Debug, Args)]
pub struct Render {
    /// Report folders, such as reports/2025-01-deepseek.
    #[arg(required = true, value_parser = desk::report)]
    pub reports: Vec<PathBuf>,
    #[command(flatten)]
    pub inputs: Inputs,
    /// Output folder.
    #[arg(long, default_value = "out")]
    pub out: PathBuf,
    /// The typst command (default: the one on PATH).
    #[arg(long)]
    pub typst: Option<PathBuf>,
    /// Seconds that one typesetting may take.
    #[arg(long, default_value_t = 120)]
    pub time_limit: u64,
    /// Also keep the generated Typst source, as `SLUG-PERIOD.LANG.src`.
    #[arg(long)]
    pub keep_source: bool,
    /// Also draw every page at so many pixels per inch, as `SLUG-PERIOD.LANG.pages/N.png`.
    #[arg(long, value_name = "PPI", value_parser = clap::value_parser!(u16).range(20..=600))]
    pub draw: Option<u16>,
}

/// Arguments of `watch`.
#[derive(Debug, Args)]
pub struct Watch {
    /// The report's folder, such as reports/2025-01-deepseek; for a report on portfolios, the file of one.
    #[arg(value_parser = desk::report)]
    pub report: PathBuf,
    #[command(flatten)]
    pub inputs: Inputs,
    /// Also open the pages in the browser.
    #[arg(long)]
    pub open: bool,
    /// Port on this machine's own address, 127.0.0.1 (default: a free one).
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    pub port: u16,
    /// The typst command (default: the one on PATH).
    #[arg(long)]
    pub typst: Option<PathBuf>,
    /// Seconds that one typesetting may take.
    #[arg(long, default_value_t = 30)]
    pub time_limit: u64,
}

/// How missed periods are made up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum CatchUp {
    /// The last one alone.
    Last,
    /// Every one since the last published.
    All,
    /// Only what became ready today.
    None,
}

impl From<CatchUp> for due::CatchUp {
    fn from(value: CatchUp) -> Self {
        match value {
            CatchUp::Last => Self::Last,
            CatchUp::All => Self::All,
            CatchUp::None => Self::None,
        }
    }
}

/// How `run` tells what it does on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Report folders, as patterns.
    #[arg(long, value_delimiter = ',', default_value = "reports/*")]
    pub reports: Vec<String>,
    /// Folder with market data, laid out as config/sources.yaml says.
    #[arg(long, env = "SHOCKBRIEF_DATA", default_value = "data", value_parser = desk::data)]
    pub data: PathBuf,
    /// Folder with universe, events, sources, brand and languages.
    #[arg(long, default_value = "config", value_parser = desk::config)]
    pub config: PathBuf,
    /// Output folder.
    #[arg(long, default_value = "out")]
    pub out: PathBuf,
    /// The instant that decides what is due, such as 2025-02-01T07:00:00Z (default: the clock).
    #[arg(long)]
    pub now: Option<Timestamp>,
    /// Which missed periods to make.
    #[arg(long, value_enum, default_value = "last")]
    pub catch_up: CatchUp,
    /// Make the last period again even where it is out; publish it when its bytes differ.
    #[arg(long)]
    pub force: bool,
    /// Make the last period again and publish a revision where its inputs changed.
    #[arg(long)]
    pub revise: bool,
    /// Say what would be made and why.
    #[arg(long)]
    pub dry_run: bool,
    /// Make only the briefs of one shard: I/N (default: SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX).
    #[arg(long)]
    pub shard: Option<Shard>,
    /// Wait so long for another run to end, such as 5m.
    #[arg(long)]
    pub wait: Option<Wait>,
    /// Wait for a random part of this time first, such as 5m, so that many machines do not begin together.
    #[arg(long)]
    pub delay_up_to: Option<Wait>,
    /// The store of fetched values: reports with `fetch: before` fill and read it (default there: .store), others
    /// read it where it is named.
    #[arg(long, env = "SHOCKBRIEF_STORE")]
    pub store: Option<PathBuf>,
    /// Briefs made side by side (default: one per core); memory grows with it.
    #[arg(short, long)]
    pub jobs: Option<std::num::NonZeroU8>,
    /// Write a Prometheus text file.
    #[arg(long)]
    pub metrics: Option<PathBuf>,
    /// Add to the ledger what is published and not in it, and end.
    #[arg(long)]
    pub rebuild_ledger: bool,
    /// Say nothing but errors.
    #[arg(short, long)]
    pub quiet: bool,
    /// How to log on standard error.
    #[arg(long, value_enum, default_value = "text")]
    pub log: LogFormat,
    /// The typst command (default: the one on PATH).
    #[arg(long)]
    pub typst: Option<PathBuf>,
    /// Seconds that one typesetting may take.
    #[arg(long, default_value_t = 120)]
    pub time_limit: u64,
}

/// A duration such as 90s, 5m or 1h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait(std::time::Duration);

impl From<Wait> for std::time::Duration {
    fn from(wait: Wait) -> Self {
        wait.0
    }
}

impl std::str::FromStr for Wait {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let duration: SignedDuration = text.parse().map_err(|_| "write a duration such as 90s or 5m")?;
        duration.try_into().map(Self).map_err(|_| "a wait cannot be negative".to_owned())
    }
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// Manifests of published briefs: out/SLUG/PERIOD/manifest.json.
    #[arg(required = true)]
    pub manifests: Vec<PathBuf>,
    /// Folder with market data, laid out as config/sources.yaml says.
    #[arg(long, env = "SHOCKBRIEF_DATA", default_value = "data", value_parser = desk::data)]
    pub data: PathBuf,
    /// Folder with universe, events, sources, brand and languages.
    #[arg(long, default_value = "config", value_parser = desk::config)]
    pub config: PathBuf,
    /// Folder with the reports' folders.
    #[arg(long, default_value = "reports")]
    pub reports: PathBuf,
    /// The store of fetched values that sources of the format `store` read (default: none is read).
    #[arg(long, env = "SHOCKBRIEF_STORE")]
    pub store: Option<PathBuf>,
    /// The typst command (default: the one on PATH).
    #[arg(long)]
    pub typst: Option<PathBuf>,
    /// Seconds that one typesetting may take.
    #[arg(long, default_value_t = 120)]
    pub time_limit: u64,
}

/// Arguments of `archive`.
#[derive(Debug, Args)]
pub struct Archive {
    /// Output folder.
    #[arg(default_value = "out")]
    pub out: PathBuf,
    /// Folder with brand and languages.
    #[arg(long, default_value = "config", value_parser = desk::config)]
    pub config: PathBuf,
}

/// What calls `run`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Scheduler {
    /// Lines for a user's table; with `--add-to FILE` they are put into that file.
    Crontab,
    /// A file of its own for /etc/cron.d.
    #[value(name = "cron.d")]
    CronD,
    /// A service and a timer.
    Systemd,
    /// A `CronJob`.
    Kubernetes,
    /// A batch script for a job array.
    Slurm,
}

/// Arguments of `schedule`.
#[derive(Debug, Args)]
pub struct Schedule {
    /// For which scheduler.
    #[arg(long, value_enum)]
    pub print: Scheduler,
    /// Report folders, as patterns.
    #[arg(long, value_delimiter = ',', default_value = "reports/*")]
    pub reports: Vec<String>,
    /// Folder with market data.
    #[arg(long, env = "SHOCKBRIEF_DATA", default_value = "data")]
    pub data: PathBuf,
    /// Output folder.
    #[arg(long, default_value = "out")]
    pub out: PathBuf,
    /// Folder with universe, events, sources, brand and languages.
    #[arg(long, default_value = "config", value_parser = desk::config)]
    pub config: PathBuf,
    /// The store of fetched values, where it is not .store in this folder.
    #[arg(long, env = "SHOCKBRIEF_STORE")]
    pub store: Option<PathBuf>,
    /// The typst command (default: the one found now).
    #[arg(long)]
    pub typst: Option<PathBuf>,
    /// A file with the variables that keys are found in, NAME=value a line, readable by who runs it alone.
    #[arg(long)]
    pub env_file: Option<PathBuf>,
    /// Who runs it, in cron.d and systemd (default: root).
    #[arg(long)]
    pub user: Option<String>,
    /// A copy of a user's crontab (`crontab -l >FILE`): the lines are put into it, in place of those of before.
    #[arg(long, value_name = "FILE")]
    pub add_to: Option<PathBuf>,
    /// The container image, for Kubernetes.
    #[arg(long, default_value = "shockbrief:latest")]
    pub image: String,
    /// Into how many jobs Kubernetes or Slurm shares the briefs out.
    #[arg(long, default_value = "1")]
    pub shards: std::num::NonZeroU32,
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Report folders, as patterns.
    #[arg(long, value_delimiter = ',', default_value = "reports/*")]
    pub reports: Vec<String>,
    /// Folder with market data.
    #[arg(long, env = "SHOCKBRIEF_DATA", default_value = "data")]
    pub data: PathBuf,
    /// Folder with universe, events, sources, brand and languages.
    #[arg(long, default_value = "config", value_parser = desk::config)]
    pub config: PathBuf,
    /// Output folder.
    #[arg(long, default_value = "out")]
    pub out: PathBuf,
    /// The store of fetched values.
    #[arg(long, env = "SHOCKBRIEF_STORE")]
    pub store: Option<PathBuf>,
    /// The typst command (default: the one on PATH).
    #[arg(long)]
    pub typst: Option<PathBuf>,
    /// Look with the eyes of cron: no variables but those of `--env-file`, and cron's short PATH.
    #[arg(long)]
    pub as_cron: bool,
    /// The file with the variables that keys are found in, as given to `schedule`.
    #[arg(long)]
    pub env_file: Option<PathBuf>,
    /// Look as if it were this time.
    #[arg(long, hide = true)]
    pub now: Option<Timestamp>,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Report folders; without any, the data are checked instead: gaps, duplicates, units, splits, second sources.
    #[arg(value_name = "REPORT", value_parser = desk::report)]
    pub folders: Vec<PathBuf>,
    /// Check the data for the instruments of these reports alone, as patterns (default: all instruments).
    #[arg(long, value_delimiter = ',', conflicts_with = "folders")]
    pub reports: Vec<String>,
    /// Of reports, print what would become brief.json; of data, write the quality report to this file (or print it).
    #[arg(long, num_args = 0..=1, value_name = "FILE")]
    pub json: Option<Option<PathBuf>>,
    /// How faults are told; `json` prints a list of them, each with file, line, column, message and hint; `trials` prints what could
    /// refute each claim.
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub format: CheckFormat,
    #[command(flatten)]
    pub inputs: Inputs,
}

/// How `check` tells faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum CheckFormat {
    /// For people.
    Text,
    /// For editors.
    Json,
    /// A table of what could refute each claim; a claim that stands above its share of ordinary days is a fault.
    Trials,
}

/// Arguments of `fetch`.
#[derive(Debug, Args)]
pub struct Fetch {
    /// Only what these reports need (default: all instruments and series).
    #[arg(long, num_args = 1.., conflicts_with = "symbols")]
    pub reports: Vec<PathBuf>,
    /// Only these symbols or series, with commas.
    #[arg(long, value_delimiter = ',')]
    pub symbols: Vec<String>,
    /// First date (default: where the store ends, less the overlap).
    #[arg(long)]
    pub from: Option<Date>,
    /// Last date (default: today).
    #[arg(long)]
    pub to: Option<Date>,
    /// Print per symbol: last date, sessions behind, provider, revisions. Asks no provider.
    #[arg(long)]
    pub status: bool,
    /// Merge all segments of the store; fetching merges small ones by itself.
    #[arg(long)]
    pub compact: bool,
    /// Compare every segment of the store with its digest, and the list of segments with its own.
    #[arg(long)]
    pub verify_store: bool,
    /// Put the store together from what is whole: the list from its copy or from the segments, damaged files set aside.
    #[arg(long, conflicts_with = "verify_store")]
    pub repair_store: bool,
    /// Make a store that was moved away again from the raw answers that were kept. Asks no provider.
    #[arg(long, conflicts_with_all = ["verify_store", "repair_store"])]
    pub rebuild_store: bool,
    /// List the kinds of providers and what they need.
    #[arg(long)]
    pub providers: bool,
    /// Write what was known at `--as-of` as data files into this folder. Asks no provider.
    #[arg(long)]
    pub export: Option<PathBuf>,
    /// For `--export`: the end of which day (default: today).
    #[arg(long, requires = "export")]
    pub as_of: Option<Date>,
    /// Run as if it were this time, such as 2025-01-27T22:30:00Z: rehearsals against a replayed provider.
    #[arg(long, hide = true)]
    pub now: Option<jiff::Timestamp>,
    /// The store.
    #[arg(long, default_value = ".store", env = "SHOCKBRIEF_STORE")]
    pub store: PathBuf,
    /// Folder with universe, providers and calendars.
    #[arg(long, default_value = "config", value_parser = desk::config)]
    pub config: PathBuf,
}

/// Arguments of `sample`.
#[derive(Debug, Args)]
pub struct Sample {
    /// Seed of the simulated part.
    #[arg(long, default_value_t = 20_250_127)]
    pub seed: u64,
    /// Folder to write.
    #[arg(long)]
    pub out: PathBuf,
    /// Folder with universe, events, sources, brand and languages.
    #[arg(long, default_value = "config", value_parser = desk::config)]
    pub config: PathBuf,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// A brief.json, or a report's folder.
    #[arg(value_parser = desk::report)]
    pub brief: PathBuf,
    /// A figure id, such as nvda.return.day0.
    pub figure: String,
    #[command(flatten)]
    pub inputs: Inputs,
}

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub struct Diff {
    /// The earlier brief.json.
    pub before: PathBuf,
    /// The later brief.json.
    pub after: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// How `study` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum StudyFormat {
    /// Every statistic.
    Json,
    /// A summary, headline tests first.
    Table,
}

/// Arguments of `study`.
#[derive(Debug, Args)]
pub struct Study {
    /// The study file.
    pub file: PathBuf,
    /// Write to this file instead of standard output.
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value = "json")]
    pub format: StudyFormat,
    /// Print formula, source and inputs of one statistic, such as kp_adj_bmp_t.
    #[arg(long)]
    pub explain: Option<String>,
}

/// Arguments of `list`.
#[derive(Debug, Args)]
pub struct List {
    /// What to list.
    #[arg(value_enum)]
    pub what: Listed,
    /// For figures, the report; then the part of a name or line that is looked for, or a pattern with `*` and `?`.
    #[arg(num_args = 0..=2, value_name = "REPORT|PATTERN")]
    pub words: Vec<String>,
    #[command(flatten)]
    pub inputs: Inputs,
}

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub struct Schema {
    /// The kind of file, such as report or section.
    pub file: Option<String>,
    /// Let ids be those of this desk alone: symbols, themes, events, facts, sources, sections, languages.
    #[arg(long)]
    pub desk: bool,
    /// Write it, or all of them, into this folder, such as schemas.
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// The configuration folder of the desk.
    #[arg(long, default_value = "config", value_parser = desk::config)]
    pub config: PathBuf,
}

/// Arguments of `reference`.
#[derive(Debug, Args)]
pub struct Reference {
    /// The folder of the documentation.
    #[arg(default_value = "docs")]
    pub folder: PathBuf,
}

/// What `list` knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Listed {
    /// What a report computes, each with its unit, statistic and value.
    Figures,
    /// What prints figures in prose, each with the units that it prints.
    Filters,
    /// What prose can call.
    Functions,
    /// What a report's `sections:` may name.
    Sections,
    /// Kinds of sections, with their parameters and defaults.
    Kinds,
    /// Groups of instruments, with their members.
    Themes,
    /// Texts of the house.
    Strings,
    /// Dated events.
    Events,
    /// Public facts.
    Facts,
}

/// Arguments of `stat`.
#[derive(Debug, Args)]
pub struct Stat {
    /// The statistic.
    #[arg(requires = "input")]
    pub name: Option<String>,
    /// CSV or Parquet table: row labels or dates first, then one column per series.
    #[arg(long)]
    pub input: Option<PathBuf>,
    /// A parameter, as name=value; may be repeated.
    #[arg(long)]
    pub param: Vec<String>,
    /// Of a table with one header line for symbols and one for fields: the field, such as `Adj Close`.
    #[arg(long)]
    pub field: Option<String>,
    /// Write to this file instead of standard output.
    #[arg(long)]
    pub out: Option<PathBuf>,
}

/// How `detect` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum DetectFormat {
    /// For people.
    Table,
    /// One row per shock day.
    Csv,
    /// Everything, with the settings.
    Json,
}

/// What `detect` takes returns net of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum DetectModel {
    /// The benchmark's return, as in the briefs.
    MarketAdjusted,
    /// The benchmark's return by a trailing market model.
    MarketModel,
    /// Nothing: falls of the whole market are shocks too.
    None,
}

/// Arguments of `detect`.
#[derive(Debug, Args)]
pub struct Detect {
    /// Folder with market data, laid out as config/sources.yaml says.
    #[arg(long, env = "SHOCKBRIEF_DATA", default_value = "data", value_parser = desk::data)]
    pub data: PathBuf,
    /// Folder with universe, events, sources and calendars.
    #[arg(long, default_value = "config", value_parser = desk::config)]
    pub config: PathBuf,
    #[command(flatten)]
    pub holding: Holding,
    /// Names of the panel, with commas; their exchanges must keep the same sessions.
    #[arg(long, value_delimiter = ',', required = true)]
    pub symbols: Vec<String>,
    /// First day searched; history before it is read where there is any.
    #[arg(long)]
    pub from: Date,
    /// Last day searched.
    #[arg(long)]
    pub to: Date,
    /// What returns are taken net of.
    #[arg(long, value_enum, default_value = "market-adjusted")]
    pub model: DetectModel,
    /// The market of the model.
    #[arg(long, default_value = "^GSPC")]
    pub benchmark: String,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    pub format: DetectFormat,
    /// Score the list against config/events.yaml, one session to either side of each day 0.
    #[arg(long)]
    pub validate: bool,
    /// Write to this file instead of standard output.
    #[arg(long)]
    pub out: Option<PathBuf>,
}
