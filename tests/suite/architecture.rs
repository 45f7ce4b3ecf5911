//! The dependency direction that ARCHITECTURE.md promises.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use shockbrief_tests::root;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// Crate, the crates of this workspace that it may use, and outside crates that it alone may use.
const RULES: &[(&str, &[&str], &[&str])] = &[
    ("core", &[], &["serde_yaml"]),
    ("data", &["core"], &["polars", "calamine", "adbc_core", "adbc_driver_manager"]),
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
        &["clap", "open", "tiny_http"],
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
    refuse("core", "serde_yaml", &["config.rs", "shape.rs"]);
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

/// Crates whose circles are still to be untied; the list may only get shorter.
const TIED: &[&str] = &["cli", "core", "data", "templating"];

/// A file may be read with those it uses, and none of them needs it in turn. Re-exports are signposts and do not count.
#[test]
fn files_do_not_use_each_other_in_circles() {
    for (name, _, _) in RULES {
        let found = circles(&uses(name));
        assert!(found.is_empty() || TIED.contains(name), "shockbrief-{name}: {found:?}");
        assert!(
            !found.is_empty() || !TIED.contains(name),
            "shockbrief-{name} has no circle any more: take it off"
        );
    }
}

/// Modules of a crate with the modules that their `use` lines name.
fn uses(name: &str) -> BTreeMap<String, BTreeSet<String>> {
    let src = root().join(format!("crates/shockbrief-{name}/src"));
    let mut files = BTreeMap::new();
    visit(&src, &mut |path| {
        let inner = path.strip_prefix(&src).unwrap().with_extension("");
        let parts: Vec<String> = inner.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let module = parts.join("::");
        let module = if matches!(module.as_str(), "lib" | "main") { String::new() } else { module };
        files.insert(module.trim_end_matches("::mod").to_owned(), fs_err::read_to_string(path).unwrap());
    });
    let modules: BTreeSet<String> = files.keys().cloned().collect();
    let used = |(module, text): (&String, &String)| {
        let code = text.split("#[cfg(test)]").next().unwrap();
        let named = statements(code).iter().flat_map(|s| expand(s)).collect::<Vec<_>>();
        let targets = named.iter().filter_map(|path| target(module, path, &modules));
        (module.clone(), targets.filter(|target| target != module).collect())
    };
    files.iter().map(used).collect()
}

/// The paths of private `use` statements, without spaces.
fn statements(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        let Some(first) = line.trim_start().strip_prefix("use ") else { continue };
        let mut statement = first.to_owned();
        while !statement.contains(';') {
            let Some(next) = lines.next() else { break };
            statement.push_str(next);
        }
        let path = statement.split(';').next().unwrap();
        found.push(path.replace(" as ", "@").split_whitespace().collect());
    }
    found
}

/// `a::{b, c::d}` as `a::b` and `a::c::d`.
fn expand(path: &str) -> Vec<String> {
    let Some((before, rest)) = path.split_once('{') else {
        return vec![path.split('@').next().unwrap().to_owned()];
    };
    let inner = rest.strip_suffix('}').unwrap_or(rest);
    let (mut depth, mut parts) = (0_i32, vec![String::new()]);
    for letter in inner.chars() {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        if letter == ',' && depth == 0 {
            parts.push(String::new());
        } else {
            parts.last_mut().unwrap().push(letter);
        }
    }
    parts.iter().filter(|part| !part.is_empty()).flat_map(|part| expand(&format!("{before}{part}"))).collect()
}

/// The module of this crate that a path names: the longest beginning that is a file.
fn target(module: &str, path: &str, modules: &BTreeSet<String>) -> Option<String> {
    let mut base: Vec<&str> = if module.is_empty() { Vec::new() } else { module.split("::").collect() };
    let mut parts: Vec<&str> = path.split("::").collect();
    match parts[0] {
        "crate" => base.clear(),
        "self" => {}
        "super" => {
            while parts.first() == Some(&"super") {
                base.pop();
                parts.remove(0);
            }
            parts.insert(0, "super");
        }
        // A module declared here, named without a prefix.
        first => {
            let here = [base.as_slice(), &[first]].concat().join("::");
            if !modules.contains(&here) {
                return None;
            }
            parts.insert(0, "self");
        }
    }
    let mut whole = [base, parts[1..].iter().copied().filter(|part| *part != "self").collect()].concat();
    while !whole.is_empty() && !modules.contains(&whole.join("::")) {
        whole.pop();
    }
    Some(whole.join("::"))
}

/// Sets of modules that reach each other, each set sorted.
fn circles(uses: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let reach = |from: &String| -> BTreeSet<String> {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(next) = open.pop() {
            for target in uses.get(&next).into_iter().flatten() {
                if seen.insert(target.clone()) {
                    open.push(target.clone());
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&String, BTreeSet<String>> =
        uses.keys().map(|module| (module, reach(module))).collect();
    let together = |a: &String| -> Vec<String> {
        let others = reached[a].iter();
        others.filter(|b| *b == a || reached.get(b).is_some_and(|back| back.contains(a))).cloned().collect()
    };
    let sets: BTreeSet<Vec<String>> = uses.keys().map(together).filter(|set| set.len() > 1).collect();
    sets.into_iter().collect()
}

#[test]
fn paths_are_read_as_the_compiler_reads_them() {
    let modules: BTreeSet<String> = ["", "a", "a::b", "c"].map(str::to_owned).into();
    let to = |module: &str, path: &str| target(module, path, &modules);
    assert_eq!(to("a::b", "super::Thing").as_deref(), Some("a"));
    assert_eq!(to("a", "b::Thing").as_deref(), Some("a::b"));
    assert_eq!(to("a::b", "crate::c::d::Thing").as_deref(), Some("c"));
    assert_eq!(to("a", "std::fs").as_deref(), None);
    assert_eq!(expand("crate::{a::{self,b},c@d}"), ["crate::a::self", "crate::a::b", "crate::c"]);
    let ring = BTreeMap::from([
        ("a".to_owned(), ["c".to_owned()].into()),
        ("c".to_owned(), ["a".to_owned()].into()),
    ]);
    assert_eq!(circles(&ring), [["a", "c"]]);
}

/// Names of stories: symbols, companies, models, themes, baskets, topics, facts and sources that are data.
const STORIES: &[&str] = &[
    "NVDA",
    "nvda",
    "Nvidia",
    "DeepSeek",
    "Broadcom",
    "Stargate",
    "OpenAI",
    "GSPC",
    "NDX",
    "v3",
    "r1",
    "o1",
    "compute",
    "software",
    "power",
    "hyperscalers",
    "custom-silicon",
    "merchant-silicon",
    "export-controls",
    "export-exposed",
    "export-rules",
    "chip-specifications",
    "chip-results",
    "capex-quarterly",
    "training-compute",
    "list-prices",
    "arena-scores",
];

/// Files that still hold one story: each must go from here with its last name.
const OF_ONE_STORY: &[&str] = &[
    "sections/src/controls.rs",
    "sections/src/declared/check.rs",
    "sections/src/efficiency.rs",
    "sections/src/lib.rs",
];

/// Literals of a file's code before its tests, comments left out.
fn literals(text: &str) -> Vec<String> {
    let code = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
    let code = code.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    // Quotes that delimit nothing.
    let code = code.replace("'\"'", "").replace("'\\\"'", "").replace("\\\"", "");
    code.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

fn stories(literals: &[String]) -> Vec<&'static str> {
    let parts = literals.iter().flat_map(|text| {
        let whole = text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')));
        whole.chain(text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')))
    });
    let words: BTreeSet<&str> = parts.collect();
    STORIES.iter().copied().filter(|story| words.contains(story)).collect()
}

#[test]
fn no_story_is_told_in_code() {
    let mut found = BTreeMap::new();
    for name in ["sections", "templating"] {
        let source = root().join(format!("crates/shockbrief-{name}/src"));
        let mut folders = vec![source.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs_err::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|ending| ending == "rs") {
                    let words = stories(&literals(&fs_err::read_to_string(&path).unwrap()));
                    let place = path.strip_prefix(&source).unwrap().display().to_string();
                    if !words.is_empty() {
                        found.insert(format!("{name}/src/{place}"), words);
                    }
                }
            }
        }
    }
    let of_one: BTreeSet<&str> = OF_ONE_STORY.iter().copied().collect();
    let now: BTreeSet<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(now, of_one, "{found:?}");
}

#[test]
fn a_story_is_known_by_its_words() {
    let of = |text: &str| stories(&literals(text));
    assert_eq!(of("let x = \"fact.r1-release\";"), ["r1"]);
    assert_eq!(of("let x = \"theme.compute.run_up\";"), ["compute"]);
    assert_eq!(of("// \"NVDA\"\nlet x = \"computed\";\n#[cfg(test)]\nlet y = \"NVDA\";"), Vec::<&str>::new());
}
