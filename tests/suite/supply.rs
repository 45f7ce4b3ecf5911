//! What the command is built from: licences, sources, bans and advisories, without network and without cargo-deny.
//!
//! deny.toml stays the one place where licences and bans are declared; it is read here as cargo-deny reads it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "cargo is asked what the workspace consists of")]

use semver::{Version, VersionReq};
use serde::Deserialize;
use serde_json::Value;
use shockbrief_tests::root;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

/// Every package of the lock file, as cargo tells of it.
fn packages() -> Vec<Value> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--offline", "--locked", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    all["packages"].as_array().unwrap().clone()
}

fn name(package: &Value) -> String {
    format!("{} {}", package["name"].as_str().unwrap(), package["version"].as_str().unwrap())
}

/// A list of deny.toml: each entry's first text in quotes.
fn listed(key: &str) -> BTreeSet<String> {
    let text = fs_err::read_to_string(root().join("deny.toml")).unwrap();
    let code: String = text.lines().map(|line| format!("{}\n", line.split(" #").next().unwrap())).collect();
    let list = code.split_once(&format!("\n{key} = [")).unwrap().1.split_once("\n]").unwrap().0;
    let entries = list.lines().filter(|line| !line.trim_start().starts_with('#'));
    let found: BTreeSet<String> = if list.contains('{') {
        entries.filter_map(|line| line.split('"').nth(1)).map(str::to_owned).collect()
    } else {
        entries.flat_map(|line| line.split('"').skip(1).step_by(2)).map(str::to_owned).collect()
    };
    assert!(!found.is_empty(), "{key}");
    found
}

/// Whether an expression of licences (SPDX 2.1, annex IV; `/` is the older `OR`) can be met with these.
fn met(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let (result, rest) = either(&words, allowed);
    assert!(rest.is_empty(), "{expression}");
    result
}

fn either<'a>(words: &'a [&'a str], allowed: &BTreeSet<String>) -> (bool, &'a [&'a str]) {
    let (mut result, mut rest) = both(words, allowed);
    while let ["OR", after @ ..] = rest {
        let (next, left) = both(after, allowed);
        (result, rest) = (result | next, left);
    }
    (result, rest)
}

fn both<'a>(words: &'a [&'a str], allowed: &BTreeSet<String>) -> (bool, &'a [&'a str]) {
    let (mut result, mut rest) = one(words, allowed);
    while let ["AND", after @ ..] = rest {
        let (next, left) = one(after, allowed);
        (result, rest) = (result & next, left);
    }
    (result, rest)
}

fn one<'a>(words: &'a [&'a str], allowed: &BTreeSet<String>) -> (bool, &'a [&'a str]) {
    match words {
        ["(", rest @ ..] => {
            let (result, rest) = either(rest, allowed);
            assert_eq!(rest.first(), Some(&")"));
            (result, &rest[1..])
        }
        [licence, "WITH", exception, rest @ ..] => {
            (allowed.contains(&format!("{licence} WITH {exception}")), rest)
        }
        [licence, rest @ ..] => (allowed.contains(*licence), rest),
        [] => (false, words),
    }
}

#[test]
fn expressions_of_licences_are_read_as_spdx_defines_them() {
    let allowed = ["MIT", "Zlib", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into();
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("GPL-3.0-only OR MIT", true),
        ("GPL-3.0-only/MIT", true),
        ("GPL-3.0-only AND MIT", false),
        ("Apache-2.0", false),
        ("Apache-2.0 WITH LLVM-exception", true),
        // AND binds closer than OR.
        ("MIT OR Zlib AND GPL-3.0-only", true),
        ("(MIT OR Zlib) AND GPL-3.0-only", false),
        ("(MIT OR GPL-3.0-only) AND (Zlib OR ISC)", true),
        ("", false),
    ] {
        assert_eq!(met(expression, &allowed), expected, "{expression}");
    }
}

#[test]
fn every_licence_is_one_that_is_allowed() {
    let allowed = listed("allow");
    let packages = packages();
    assert!(packages.len() > 300, "{}", packages.len());
    let wrong: Vec<String> = packages
        .iter()
        .filter(|package| !met(package["license"].as_str().unwrap_or_default(), &allowed))
        .map(|package| format!("{}: {}", name(package), package["license"]))
        .collect();
    assert!(wrong.is_empty(), "not in deny.toml's list: {wrong:#?}");
}

#[test]
fn everything_comes_from_one_registry_with_its_checksum() {
    let lock = fs_err::read_to_string(root().join("Cargo.lock")).unwrap();
    let mut sources = BTreeSet::new();
    let mut own = 0;
    for package in lock.split("[[package]]").skip(1) {
        let field = |key: &str| package.lines().find_map(|line| line.strip_prefix(&format!("{key} = \"")));
        let Some(source) = field("source") else {
            assert!(field("name").unwrap().starts_with("shockbrief-"), "{package}");
            own += 1;
            continue;
        };
        assert!(source.starts_with("registry+"), "{package}");
        assert_eq!(field("checksum").map(|sum| sum.trim_end_matches('"').len()), Some(64), "{package}");
        sources.insert(source);
    }
    assert!(sources.len() == 1 && own > 5, "{sources:?}, {own}");
    assert!(!lock.contains("git+"));
}

#[test]
fn what_is_banned_is_not_there_and_no_version_is_left_open() {
    let banned = listed("deny");
    for package in packages() {
        let own = package["name"].as_str().unwrap();
        assert!(!banned.contains(own), "{} is banned by deny.toml", name(&package));
        // What others leave open, the lock file pins.
        for dependency in package["dependencies"].as_array().unwrap() {
            let open = dependency["req"] == "*" && dependency["path"].is_null();
            assert!(!(open && package["source"].is_null()), "{own}: {}", dependency["name"]);
        }
    }
}

/// The published advisories on crates that are used, as they stood on a day.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advisories {
    dated: String,
    advisories: Vec<Advisory>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Advisory {
    id: String,
    #[serde(rename = "crate")]
    name: String,
    /// Versions in which it is mended, and those that never had it; every other one is affected.
    #[serde(default)]
    patched: Vec<VersionReq>,
    #[serde(default)]
    unaffected: Vec<VersionReq>,
    #[serde(default)]
    accepted: Option<String>,
}

impl Advisory {
    fn affects(&self, version: &Version) -> bool {
        !self.patched.iter().chain(&self.unaffected).any(|safe| safe.matches(version))
    }

    /// As one entry of the list.
    fn written(&self) -> String {
        let ranges = |key: &str, list: &[VersionReq]| match list {
            [] => String::new(),
            _ => format!(
                ", {key}: [{}]",
                list.iter().map(|range| format!("\"{range}\"")).collect::<Vec<_>>().join(", ")
            ),
        };
        let known = [ranges("patched", &self.patched), ranges("unaffected", &self.unaffected)].concat();
        match &self.accepted {
            None => format!("  - {{id: {}, crate: {}{known}}}\n", self.id, self.name),
            Some(why) => {
                let known =
                    known.replace(", patched", "\n    patched").replace(", unaffected", "\n    unaffected");
                let why = why.trim();
                format!(
                    "  - id: {}\n    crate: {}{known}\n    accepted: >-\n      {why}\n",
                    self.id, self.name
                )
            }
        }
    }
}

/// Every crate of the lock file with its version.
fn used() -> Vec<(String, Version)> {
    let read = |package: &Value, key: &str| package[key].as_str().unwrap().to_owned();
    packages().iter().map(|own| (read(own, "name"), read(own, "version").parse().unwrap())).collect()
}

const LIST: &str = "tests/advisories.yaml";

fn list() -> Advisories {
    serde_yaml::from_str(&fs_err::read_to_string(root().join(LIST)).unwrap()).unwrap()
}

/// What is wrong between a list of advisories, the versions in use, and those that deny.toml ignores.
fn faults(list: &[Advisory], used: &[(String, Version)], ignored: &BTreeSet<String>) -> Vec<String> {
    let mut found = Vec::new();
    for advisory in list {
        let Advisory { id, name, accepted, .. } = advisory;
        let hit = used.iter().find(|(own, version)| own == name && advisory.affects(version));
        match (hit, accepted) {
            (None, Some(_)) => found.push(format!("{id}: {name} is accepted and applies no longer")),
            (Some((_, version)), None) => found.push(format!("{id}: {name} {version} is affected")),
            (_, Some(why)) if why.trim().len() < 20 => found.push(format!("{id}: no reason")),
            _ => {}
        }
        if accepted.is_some() != ignored.contains(id) {
            found.push(format!("{id}: deny.toml and the list differ"));
        }
    }
    let known: BTreeSet<&String> = list.iter().map(|advisory| &advisory.id).collect();
    found
        .extend(ignored.iter().filter(|id| !known.contains(id)).map(|id| format!("{id}: only in deny.toml")));
    found
}

#[test]
fn advisories_are_judged_by_version_and_reason() {
    let advisory = |patched: &[&str], unaffected: &[&str], accepted: Option<&str>| Advisory {
        id: "A-1".to_owned(),
        name: "reader".to_owned(),
        patched: patched.iter().map(|range| range.parse().unwrap()).collect(),
        unaffected: unaffected.iter().map(|range| range.parse().unwrap()).collect(),
        accepted: accepted.map(str::to_owned),
    };
    let told = |advisory: Advisory, version: &str, ignored: &[&str]| {
        let ignored = ignored.iter().map(|id| (*id).to_owned()).collect();
        faults(&[advisory], &[("reader".to_owned(), version.parse().unwrap())], &ignored).join("; ")
    };
    let why = Some("it reads nothing that others send");
    assert_eq!(told(advisory(&[">=1.10.0"], &[], None), "1.10.0", &[]), "");
    assert!(told(advisory(&[">=1.10.0"], &[], None), "1.9.3", &[]).contains("1.9.3 is affected"));
    // Mended in a line of its own, and a line that never had the fault.
    let two = || advisory(&["^0.3.24", ">=0.4.2"], &["<0.2.0"], None);
    assert_eq!(told(two(), "0.3.30", &[]), "");
    assert_eq!(told(two(), "0.1.9", &[]), "");
    assert!(told(two(), "0.4.1", &[]).contains("is affected"));
    assert!(told(two(), "0.3.23+x", &[]).contains("is affected"));
    assert_eq!(told(advisory(&[], &[], why), "1.0.0", &["A-1"]), "");
    assert!(told(advisory(&[], &[], Some("so")), "1.0.0", &["A-1"]).contains("no reason"));
    assert!(told(advisory(&[">=1.0.0"], &[], why), "1.0.0", &["A-1"]).contains("applies no longer"));
    assert!(told(advisory(&[], &[], why), "1.0.0", &[]).contains("differ"));
    assert!(told(advisory(&[">=1.0.0"], &[], None), "1.0.0", &["A-2"]).contains("A-2: only in deny.toml"));
}

#[test]
fn no_version_in_use_has_an_advisory_that_nobody_accepted() {
    let list = list();
    assert_eq!(list.dated.split('-').count(), 3, "{}", list.dated);
    let used = used();
    let found = faults(&list.advisories, &used, &listed("ignore"));
    assert!(found.is_empty(), "{found:#?}");
    // An advisory on what is not used at all watches nothing.
    let names: BTreeSet<&String> = used.iter().map(|(name, _)| name).collect();
    let idle: Vec<&String> =
        list.advisories.iter().map(|advisory| &advisory.name).filter(|name| !names.contains(name)).collect();
    assert!(idle.is_empty(), "{idle:?}");
}

/// An advisory as it is published: a block of TOML, then its text; none where it was withdrawn.
fn published(text: &str) -> Option<Advisory> {
    let block = text.split_once("```toml\n").unwrap().1.split_once("\n```").unwrap().0;
    let table: toml::Table = block.parse().unwrap();
    let own = table["advisory"].as_table().unwrap();
    let ranges = |key: &str| -> Vec<VersionReq> {
        let list =
            table.get("versions").and_then(|versions| versions.get(key)).and_then(toml::Value::as_array);
        list.into_iter().flatten().map(|range| range.as_str().unwrap().parse().unwrap()).collect()
    };
    (!own.contains_key("withdrawn")).then(|| Advisory {
        id: own["id"].as_str().unwrap().to_owned(),
        name: own["package"].as_str().unwrap().to_owned(),
        patched: ranges("patched"),
        unaffected: ranges("unaffected"),
        accepted: None,
    })
}

/// Every advisory of a checkout of the public list on a crate that is used.
fn checked_out(folder: &Path, used: &[(String, Version)]) -> Vec<Advisory> {
    let names: BTreeSet<&String> = used.iter().map(|(name, _)| name).collect();
    let folders = names.iter().filter_map(|name| fs_err::read_dir(folder.join("crates").join(name)).ok());
    let files = folders.flatten().map(|entry| entry.unwrap().path());
    let mut found: Vec<Advisory> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .filter_map(|path| published(&fs_err::read_to_string(path).unwrap()))
        .collect();
    found.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    found
}

#[test]
fn an_advisory_is_read_as_it_is_published() {
    let text = "```toml\n[advisory]\nid = \"A-1\"\npackage = \"reader\"\n\n[versions]\npatched = [\"^ 0.3.1\",                 \">= 0.4.2\"]\nunaffected = [\"=0.2.0\"]\n```\n\n# Title\n";
    let own = published(text).unwrap();
    assert_eq!((own.id.as_str(), own.name.as_str(), own.accepted.is_none()), ("A-1", "reader", true));
    let affected = |version: &str| own.affects(&version.parse().unwrap());
    assert_eq!(
        ["0.2.0", "0.2.1", "0.3.1", "0.4.1", "0.4.2"].map(affected),
        [false, true, false, true, false]
    );
    assert!(
        published(&text.replace("\n\n[versions]", "\nwithdrawn = \"2026-01-01\"\n\n[versions]")).is_none()
    );
    // What is written is read back.
    let again: Vec<Advisory> = serde_yaml::from_str(&own.written()).unwrap();
    assert!(again[0].affects(&"0.2.1".parse().unwrap()) && !again[0].affects(&"0.2.0".parse().unwrap()));
}

/// Writes the list anew from a checkout of the public one, with the reasons that it has: `make advisories DB=FOLDER`.
#[test]
#[ignore = "needs a checkout of the public list of advisories"]
fn the_list_is_written_anew() {
    let (Some(folder), Some(day)) = (std::env::var_os("SHOCKBRIEF_ADVISORIES"), std::env::var("DATED").ok())
    else {
        eprintln!("left out: SHOCKBRIEF_ADVISORIES and DATED name no checkout");
        return;
    };
    let kept = list();
    let reason =
        |id: &str| kept.advisories.iter().find(|own| own.id == id).and_then(|own| own.accepted.clone());
    let all = checked_out(Path::new(&folder), &used());
    assert!(!all.is_empty(), "{}: no advisory on any crate in use", folder.display());
    let entries = all.into_iter().map(|own| Advisory { accepted: reason(&own.id), ..own }.written());
    let text = fs_err::read_to_string(root().join(LIST)).unwrap();
    let head: String =
        text.lines().take_while(|line| line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    let list = format!("{head}dated: {day}\nadvisories:\n{}", entries.collect::<String>());
    fs_err::write(root().join(LIST), list).unwrap();
}

/// The page names the ten crates that meet the most of what others send, each with its reason, and all are in use.
#[test]
fn the_most_exposed_crates_are_named_with_reasons() {
    let page = fs_err::read_to_string(root().join("SECURITY.md")).unwrap();
    let list = page.split_once("\n## The ten most exposed crates\n").unwrap().1;
    let list = list.split("\n## ").next().unwrap();
    let used: BTreeSet<String> =
        packages().iter().map(|package| package["name"].as_str().unwrap().to_owned()).collect();
    let mut named: BTreeMap<&str, &str> = BTreeMap::new();
    for entry in list.split("\n- ").skip(1) {
        let (name, why) = entry.strip_prefix('`').unwrap().split_once('`').unwrap();
        assert!(used.contains(name), "{name} is not in Cargo.lock");
        assert!(why.len() > 80, "{name}: {why}");
        named.insert(name, why);
    }
    assert_eq!(named.len(), 10, "{named:?}");
}
