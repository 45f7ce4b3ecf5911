//! An author's day: from an empty folder to pages, what is refused on the way, and what is not.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use shockbrief_tests::{copy_folder, pages, root, sample, shockbrief, succeeded};
use std::{
    path::{Path, PathBuf},
    process::Output,
};

/// A small weekly brief in English, with one section and prose of its own.
const REPORT: &str = "title: {en: \"A week\"}
subtitle: {en: \"A trial\"}
languages: [en]
schedule: {every: week}
period: \"2025-W05\"
panel: {benchmark: ^GSPC, from: 2024-07-01, sample: [NVDA, AVGO, AMD, CRM, ADBE, NOW]}
themes: [compute, software]
sections: [market]
";

struct Folder(tempfile::TempDir);

impl Folder {
    /// A desk with the house's configuration, and this prose.
    fn with(prose: &str) -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        copy_folder(&root().join("config"), &desk.path("config"));
        desk.write("reports/brief/report.yaml", REPORT);
        desk.write("reports/brief/prose/market.en.typ.j2", prose);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    fn run(&self, within: &str, args: &[&str]) -> Output {
        shockbrief(args).current_dir(self.path(within)).output().unwrap()
    }

    /// Everything but pages.
    fn check(&self) -> Output {
        let data = sample();
        self.run(".", &["check", "reports/brief", "--data", data.to_str().unwrap()])
    }

    /// Pages; the text of all of them where they are made.
    fn render(&self) -> Result<String, Output> {
        let data = sample();
        let output =
            self.run(".", &["render", "reports/brief", "--data", data.to_str().unwrap(), "--out", "out"]);
        if !output.status.success() {
            return Err(output);
        }
        let pdf = fs_err::read(self.path("out/brief/2025-W05/brief-2025-W05.en.pdf")).unwrap();
        Ok(pages(&pdf).join("\n"))
    }
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn refused(output: &Output, code: i32, words: &[&str]) {
    let told = told(output);
    assert_eq!(output.status.code(), Some(code), "{told}");
    for word in words {
        assert!(told.contains(word), "no `{word}` in: {told}");
    }
}

#[test]
fn from_an_empty_folder_to_pages_with_the_program_alone() {
    let desk = Folder(tempfile::tempdir().unwrap());
    succeeded(&desk.run(".", &["init"]));
    assert!(!desk.path("config").exists(), "the house's files stay in the program");
    succeeded(&desk.run(".", &["check", "first-brief"]));
    // From a folder below, as a version control finds its own.
    succeeded(&desk.run("reports/first-brief/prose", &["render", "first-brief", "--out", "../../../out"]));
    assert!(desk.path("out/first-brief/2025-W05/manifest.json").is_file());
    succeeded(&desk.run(".", &["new", "report", "chip-week"]));
    succeeded(&desk.run(".", &["new", "fact", "chip-orders"]));
    succeeded(&desk.run(".", &["new", "event", "chip-news"]));
    succeeded(&desk.run(".", &["check", "chip-week", "first-brief"]));
    refused(&desk.run(".", &["init"]), 2, &["first-brief is there already"]);
    refused(&desk.run(".", &["new", "report", "../x"]), 2, &["is no name"]);
}

#[test]
fn a_new_section_stands_in_a_brief_once_it_is_named() {
    let desk = Folder(tempfile::tempdir().unwrap());
    succeeded(&desk.run(".", &["init"]));
    succeeded(&desk.run(".", &["new", "section", "chip-names2"]));
    succeeded(&desk.run(".", &["new", "section", "own-names", "--report", "first-brief"]));
    assert!(desk.path("config/sections/chip-names2/section.yaml").is_file());
    assert!(desk.path("reports/first-brief/sections/own-names/prose.en.typ.j2").is_file());
    let report = desk.path("reports/first-brief/report.yaml");
    let text = fs_err::read_to_string(&report).unwrap();
    let named = text.replace("sections: [market, data]", "sections: [market, chip-names2, own-names, data]");
    assert_ne!(text, named);
    fs_err::write(&report, named).unwrap();
    succeeded(&desk.run(".", &["check", "first-brief"]));
    succeeded(&desk.run(".", &["render", "first-brief"]));
    refused(&desk.run(".", &["new", "section", "chip-names2"]), 2, &["is there already"]);
    refused(&desk.run(".", &["new", "section", "market"]), 2, &["a section of the house"]);
    refused(&desk.run(".", &["new", "fact", "x", "--report", "first-brief"]), 2, &["for a section alone"]);
    refused(&desk.run(".", &["new", "section", "x", "--report", "none"]), 2, &["none"]);
}

/// The commands as the help lists them.
fn commands() -> Vec<String> {
    let help = String::from_utf8(shockbrief(["--help"]).output().unwrap().stdout).unwrap();
    let list = help.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0;
    let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

#[test]
fn shells_and_man_know_every_command() {
    let commands = commands();
    assert!(commands.len() > 15 && commands.contains(&"render".to_owned()), "{commands:?}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = shockbrief(["completions", shell]).output().unwrap();
        succeeded(&output);
        let script = String::from_utf8(output.stdout).unwrap();
        let lacking: Vec<_> = commands.iter().filter(|name| !script.contains(*name)).collect();
        assert!(lacking.is_empty() && script.contains("--as-of"), "{shell}: {lacking:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    succeeded(&shockbrief(["man"]).arg(folder.path()).output().unwrap());
    for name in commands.iter().filter(|name| *name != "help") {
        let page = fs_err::read_to_string(folder.path().join(format!("shockbrief-{name}.1"))).unwrap();
        assert!(page.contains(".SH NAME") && page.contains(".SH OPTIONS"), "{name}");
    }
    let main = fs_err::read_to_string(folder.path().join("shockbrief.1")).unwrap();
    assert!(main.contains("75 another run holds the output folder"), "exit codes stand on the page");
}

#[test]
fn the_version_says_what_briefs_depend_on() {
    let short = String::from_utf8(shockbrief(["--version"]).output().unwrap().stdout).unwrap();
    assert_eq!(short.trim(), format!("shockbrief {}", env!("CARGO_PKG_VERSION")));
    let said = |args: &[&str]| {
        let output = shockbrief(args).output().unwrap();
        succeeded(&output);
        String::from_utf8(output.stdout).unwrap()
    };
    let long = said(&["--version", "--verbose"]);
    assert_eq!(long, said(&["-vV"]));
    let lines: Vec<&str> = long.lines().collect();
    assert_eq!(lines[0], short.trim());
    let (version, path) = lines[1].split_once(", ").unwrap();
    assert!(version == "typst 0.15.1" && Path::new(path).is_file(), "{long}");
    assert!(lines[2].ends_with("schema 1") && lines[3].starts_with("features: "), "{long}");
    let none = shockbrief(["-vV"]).env("PATH", "").current_dir("/").output().unwrap();
    succeeded(&none);
    assert!(String::from_utf8_lossy(&none.stdout).contains("typst 0.15.1 is wanted: "));
    refused(&shockbrief(["--verbose"]).output().unwrap(), 2, &["--version"]);
    assert_eq!(shockbrief::<&str>([]).output().unwrap().status.code(), Some(2));
}

#[test]
fn a_file_of_the_house_is_changed_by_writing_it_into_the_desk() {
    let desk = Folder(tempfile::tempdir().unwrap());
    succeeded(&desk.run(".", &["init"]));
    succeeded(&desk.run(".", &["eject", "universe.yaml"]));
    let path = desk.path("config/universe.yaml");
    let text = fs_err::read_to_string(&path).unwrap();
    fs_err::write(&path, text.replacen("  compute:", "  computed:", 1)).unwrap();
    refused(
        &desk.run(".", &["check", "first-brief"]),
        2,
        &["universe.yaml:", "unknown theme `compute`", "`computed`"],
    );
    refused(&desk.run(".", &["eject", "univers.yaml"]), 2, &["universe.yaml"]);
}

#[test]
fn a_folder_without_desk_is_an_error_of_usage() {
    let empty = tempfile::tempdir().unwrap();
    let output = shockbrief(["check", "brief"]).current_dir(empty.path()).output().unwrap();
    refused(&output, 2, &["no desk", "shockbrief init"]);
}

#[test]
fn all_faults_of_a_desk_are_told_in_one_run() {
    let desk = Folder::with(
        "{{ fig(\"one.return.period\") | pct(1) }} and {{ fig(\"two.return.period\") | pct(1) }}.\nLost 5 billion.",
    );
    let listed = "headline: [{figure: three.return.period, format: pct(1), name: {en: A}}]\n";
    desk.write("reports/brief/report.yaml", &(REPORT.to_owned() + listed));
    let output = desk.check();
    let words = [
        "one.return.period",
        "two.return.period",
        "three.return.period",
        "market.en.typ.j2:2:6",
        "report.yaml:9:",
    ];
    refused(&output, 5, &words);

    let data = sample();
    let args = ["check", "reports/brief", "--format", "json", "--data", data.to_str().unwrap()];
    let faults: Vec<Value> = serde_json::from_slice(&desk.run(".", &args).stdout).unwrap();
    assert!(faults.len() >= 4, "{faults:?}");
    let typed = faults.iter().find(|fault| fault["exit_code"] == 5).unwrap();
    assert_eq!((&typed["line"], &typed["column"]), (&Value::from(2), &Value::from(6)));
    assert_eq!(typed["file"], "reports/brief/prose/market.en.typ.j2");
}

#[test]
fn ids_that_point_nowhere_and_doubles_are_refused_at_their_line() {
    let cases = [
        ("sample: [NVDA, ", "sample: [NVDAA, ", "6:", "`NVDA`"),
        ("sample: [NVDA, ", "sample: [NVDA, NVDA, ", "6:", "stands twice"),
        ("benchmark: ^GSPC", "benchmark: ^GPSC", "6:", "`^GSPC`"),
        ("themes: [compute, ", "themes: [compute, memory, ", "7:", "no member in the sample"),
        ("themes: [compute, ", "themes: [computer, ", "7:", "`compute`"),
        ("sections: [market]", "sections: [markets]", "8:", "`market`"),
        ("sections: [market]", "sections: [market, market]", "8:", "stands twice"),
        ("schedule: {every: week}", "schedule: {every: week, calendar: XNYC}", "4:", "`XNYS`"),
        ("schedule: {every: week}", "schedule: {evry: week}", "4:", "`every`"),
        ("title: {en: \"A week\"}", "title: {fr: \"Une semaine\"}", "1:", "no text in `en`"),
        ("subtitle: {en", "title: {en", "2:", "stands twice"),
        ("languages: [en]", "languages: [en, en]", "3:", "stands twice"),
    ];
    for (find, with, line, says) in cases {
        let desk = Folder::with("A sentence.");
        assert!(REPORT.contains(find));
        desk.write("reports/brief/report.yaml", &REPORT.replacen(find, with, 1));
        refused(&desk.check(), 2, &[&format!("report.yaml:{line}"), says]);
    }
}

#[test]
fn what_code_prints_is_read_in_the_pages() {
    let once = "The week had {{ fig(\"period.sessions\") | int }} sessions. ";
    for (prose, code, says) in [
        ("Nvidia lost #str(5) billion.", 5, "`5`"),
        ("Nvidia lost #numbering(\"I\", 5) billion.", 5, "`V billion`"),
        ("Profit #numbering(\"١\", 4217) percent.", 5, "٤٢١٧"),
        ("#text(tracking: 3pt)[#(40 + 2)] percent", 5, "42"),
        ("#figure(alt: \"4217 dollars\", rect())", 5, "4217"),
        (
            "#figure(alt: \"x\", image(bytes(\"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><text y='9'>42</text></svg>\")))",
            5,
            "4",
        ),
        ("{{ \"Lost\" ~ \" 5\" }} of it", 5, "`5`"),
    ] {
        let desk = Folder::with(&format!("{once}{prose}"));
        match desk.render() {
            Ok(_) => panic!("published: {prose}"),
            Err(output) => refused(&output, code, &[says]),
        }
    }
}

#[test]
fn structure_is_made_and_read() {
    let prose = "Orders were steady.#footnote[As the company says.] More.#footnote[As others say.]

= Own heading <own>

+ First item.
+ Second item.

1. Third item.

See @own, and #link(\"https://example.org/report-2024\")[this report].

#quote(block: true)[Nothing is known.] {% include \"note.typ.j2\" %}";
    let desk = Folder::with(prose);
    desk.write(
        "reports/brief/prose/snippets/note.typ.j2",
        "A note over {{ fig(\"period.sessions\") | int }} sessions.",
    );
    let text = match desk.render() {
        Ok(text) => text,
        Err(output) => panic!("{}", told(&output)),
    };
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "As the company says",
        "As others say",
        "Second item",
        "Third item",
        "Nothing is known",
        "A note over",
    ] {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
}

#[test]
fn files_from_elsewhere_and_links_that_run_are_refused() {
    let desk = Folder::with("A sentence.");
    let elsewhere = tempfile::tempdir().unwrap();
    fs_err::write(elsewhere.path().join("secret"), "the word of the house").unwrap();
    let prose = desk.path("reports/brief/prose/market.en.typ.j2");
    fs_err::remove_file(&prose).unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("secret"), &prose).unwrap();
    refused(&desk.check(), 2, &["lies outside the report"]);
    for address in ["javascript:alert()", "file:///etc/hosts", "http://example.org"] {
        let desk = Folder::with(&format!("Read #link(\"{address}\")[this]."));
        refused(&desk.check(), 2, &["market.en.typ.j2:1:", address]);
        let desk =
            Folder::with(&format!("Read #{{ link(\"{}\" + \"{}\")[this] }}.", &address[..4], &address[4..]));
        assert!(desk.render().is_err(), "published: {address}");
    }
}

#[test]
fn a_report_named_as_the_folder_one_is_in_keeps_its_name() {
    let desk = Folder::with("A sentence.");
    let data = sample();
    let args =
        ["render", ".", "--config", "../../config", "--data", data.to_str().unwrap(), "--out", "../../out"];
    succeeded(&desk.run("reports/brief", &args));
    assert!(Path::new(&desk.path("out/brief/2025-W05/brief-2025-W05.en.pdf")).is_file());
}

#[test]
fn a_name_that_lacks_a_language_is_told_with_its_place() {
    let desk = Folder::with("A sentence.");
    let path = desk.path("config/universe.yaml");
    let text = fs_err::read_to_string(&path).unwrap();
    let line = text.lines().position(|line| line.starts_with("  compute:")).unwrap();
    let changed: Vec<String> = text
        .lines()
        .enumerate()
        .map(
            |(at, found)| {
                if (line..line + 4).contains(&at) { found.replace("en:", "nl:") } else { found.to_owned() }
            },
        )
        .collect();
    fs_err::write(&path, changed.join("\n") + "\n").unwrap();
    refused(&desk.check(), 2, &["theme `compute` has no text in `en`", "universe.yaml:"]);
}
