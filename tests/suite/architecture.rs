//! The dependency direction that ARCHITECTURE.md promises.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use shockbrief_tests::root;
use std::{collections::BTreeSet, path::Path};

/// Crate, the crates of this workspace that it may use, and outside crates that it alone may use.
const RULES: &[(&str, &[&str], &[&str])] = &[
    ("core", &[], &["serde_yaml"]),
    ("data", &["core"], &["polars", "adbc_core", "adbc_driver_manager"]),
    ("analytics", &[], &["faer", "statrs"]),
    ("templating", &["core"], &["minijinja", "icu"]),
    ("fetch", &["core"], &["reqwest"]),
    ("sample", &["core"], &[]),
    ("sections", &["core", "analytics"], &[]),
    ("run", &["core"], &[]),
    ("archive", &["core"], &[]),
    ("deliver", &["core"], &["lettre", "object_store"]),
    (
        "cli",
        &[
            "core",
            "data",
            "analytics",
            "templating",
            "sections",
            "sample",
            "fetch",
            "run",
            "archive",
            "deliver",
        ],
        &["clap"],
    ),
];

#[test]
fn crates_depend_in_one_direction() {
    for (name, allowed, _) in RULES {
        let used = dependencies(name);
        let inner: BTreeSet<&str> = used.iter().filter_map(|used| used.strip_prefix("shockbrief-")).collect();
        let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
        assert!(inner.is_subset(&allowed), "shockbrief-{name} may use {allowed:?}, uses {inner:?}");
    }
}

#[test]
fn special_libraries_stay_in_their_crate() {
    for (owner, _, own) in RULES {
        for (name, _, _) in RULES.iter().filter(|(name, _, _)| name != owner) {
            let used = dependencies(name);
            for library in *own {
                assert!(
                    !used.contains(*library),
                    "{library} belongs to shockbrief-{owner}, shockbrief-{name} uses it"
                );
            }
        }
    }
}

#[test]
fn every_crate_is_under_a_rule() {
    let found: BTreeSet<String> = fs_err::read_dir(root().join("crates"))
        .unwrap()
        .map(|entry| {
            entry.unwrap().file_name().to_string_lossy().trim_start_matches("shockbrief-").to_owned()
        })
        .collect();
    let ruled: BTreeSet<String> = RULES.iter().map(|(name, _, _)| (*name).to_owned()).collect();
    assert_eq!(found, ruled);
}

#[test]
fn only_the_config_module_knows_yaml() {
    refuse("core", "serde_yaml", &["config.rs"]);
}

#[test]
fn processes_start_in_one_file() {
    for (name, _, _) in RULES {
        refuse(name, "process::Command", &["typst.rs"]);
        refuse(name, "Command::new", &["typst.rs"]);
    }
}

#[test]
fn analytics_reads_no_file_and_no_clock() {
    for forbidden in ["std::fs", "fs_err", "std::env", "SystemTime", "Instant::", "::now()"] {
        refuse("analytics", forbidden, &[]);
    }
}

#[test]
fn due_ness_reads_no_clock() {
    for forbidden in ["std::env", "SystemTime", "Instant::", "::now()"] {
        refuse("run", forbidden, &[]);
    }
}

fn dependencies(name: &str) -> BTreeSet<String> {
    let manifest =
        fs_err::read_to_string(root().join(format!("crates/shockbrief-{name}/Cargo.toml"))).unwrap();
    let mut inside = false;
    let mut names = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line == "[dependencies]";
        } else if let Some(name) =
            line.split(['.', ' ', '=']).next().filter(|name| inside && !name.is_empty())
        {
            names.insert(name.to_owned());
        }
    }
    names
}

/// Fails when the sources of a crate, outside tests, contain `word` in another file than `except`.
fn refuse(name: &str, word: &str, except: &[&str]) {
    visit(&root().join(format!("crates/shockbrief-{name}/src")), &mut |path| {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs_err::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let found = code.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(word));
        assert!(!found || except.contains(&file.as_str()), "{} contains `{word}`", path.display());
    });
}

fn visit(folder: &Path, each: &mut impl FnMut(&Path)) {
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            visit(&path, each);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            each(&path);
        }
    }
}
