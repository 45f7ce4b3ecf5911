//! Hostile text in every text field of the data files: it is set as text, or refused in words; never run, never a crash.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "counts are part of what the test tells")]

use shockbrief_tests::{copy_folder, pages, root, sample, shockbrief};
use std::{fmt::Write as _, path::Path};

/// Exit codes that the documentation names for a brief that is not made.
const REFUSED: [i32; 4] = [1, 2, 4, 5];

fn hostile() -> Vec<String> {
    vec![
        "#import \"@preview/cetz:0.3.0\": *".to_owned(),
        "#read(\"/etc/passwd\") $x$ *b* _i_ `c` <l> @r \\ // /* ~ [".to_owned(),
        "{{ 7 * 191 }}{% include '/etc/passwd' %}{# x".to_owned(),
        "\u{202e}\u{2066}desrever\u{200f}".to_owned(),
        "a\0b\u{7}\u{1b}[31m".to_owned(),
        "line\nbreak\r\"quote\",comma;semicolon\ttab".to_owned(),
        "=cmd|' /C calc'!A0".to_owned(),
        "\u{feff}\u{fffd}\u{e000}\u{1f9ff}e\u{301}\u{301}\u{301}".to_owned(),
        "../../../../etc/passwd".to_owned(),
        "x".repeat(1 << 20),
    ]
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// Data files beside the sample, with `bad` in every column of text of the file number `which`.
fn write_data(folder: &Path, which: usize, bad: &str) {
    let write = |name: &str, text: String| fs_err::write(folder.join(name), text).unwrap();
    let text = |file: usize, plain: &str| if file == which { quoted(bad) } else { plain.to_owned() };
    let mut prices = "snapshot_date,model,event,input_usd_per_mtok,output_usd_per_mtok\n".to_owned();
    let mut scores = "snapshot_date,model,arena_score,ci_plus,ci_minus,votes\n".to_owned();
    for (n, (price, score)) in
        [("o1-2024-12-17", "o1-2024-12-17"), ("deepseek/deepseek-reasoner", "DeepSeek-R1")]
            .into_iter()
            .enumerate()
    {
        writeln!(prices, "2025-01-2{n},{price},added,15,60").unwrap();
        writeln!(scores, "2025-02-10,{score},1300,10,10,100").unwrap();
    }
    writeln!(prices, "2025-01-25,{},{},15,60", text(0, "other"), text(0, "added")).unwrap();
    writeln!(scores, "2025-02-10,{},1310,10,10,100", text(1, "other")).unwrap();
    write("llm_price_change_log.csv", prices);
    write("arena_elo_history.csv", scores);
    let mut models = "publication_date,model,frontier_model,confidence,training_compute_flop\n".to_owned();
    for year in 2019..2025 {
        writeln!(models, "{year}-05-01,{},True,{},1e{}", text(2, "Model"), text(2, "Confident"), year - 1998)
            .unwrap();
    }
    write("epoch_ai_models.csv", models);
    let path = folder.join("prices.csv");
    let mut rows = fs_err::read_to_string(&path).unwrap();
    let columns = rows.lines().next().unwrap().split(',').map(str::to_owned).collect::<Vec<_>>();
    if which == 3 {
        // A name that nobody asked for, and a currency that is none.
        let cells = columns.iter().map(|column| match column.as_str() {
            "date" => "2025-01-27".to_owned(),
            "symbol" | "currency" => quoted(bad),
            _ => "1".to_owned(),
        });
        rows.push_str(&(cells.collect::<Vec<_>>().join(",") + "\n"));
        fs_err::write(&path, rows).unwrap();
    } else if which == 4 {
        // A name that the brief needs, in a currency that is none.
        let currency = columns.iter().position(|column| column == "currency").unwrap();
        let spoilt = rows.lines().map(|line| {
            let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
            if cells.contains(&"NVDA".to_owned()) && cells.contains(&"2025-01-27".to_owned()) {
                cells[currency] = quoted(bad);
            }
            cells.join(",") + "\n"
        });
        let text: String = spoilt.collect();
        fs_err::write(&path, text).unwrap();
    }
}

#[test]
fn hostile_text_in_data_is_text_or_refused() {
    let (mut made, mut refused) = (0, 0);
    for which in 0..5 {
        for bad in hostile() {
            let folder = tempfile::tempdir().unwrap();
            copy_folder(&sample(), &folder.path().join("data"));
            write_data(&folder.path().join("data"), which, &bad);
            let mut render = shockbrief(["render", "reports/2025-01-deepseek", "--lang", "en", "--data"]);
            let output =
                render.arg(folder.path().join("data")).arg("--out").arg(folder.path().join("out")).output();
            let output = output.unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            let about = format!("file {which}, {:.40}: {said:.800}", bad.escape_debug().to_string());
            assert!(said.len() < 20_000 && !said.contains("panicked"), "{about}");
            assert!(
                !said.contains('\u{1b}') && !said.contains('\0') && !said.contains('\u{202e}'),
                "{about}"
            );
            match output.status.code() {
                Some(0) => {
                    let period = folder.path().join("out/2025-01-deepseek/2025-01-27");
                    let pdf = fs_err::read(period.join("2025-01-deepseek-2025-01-27.en.pdf")).unwrap();
                    let text = pages(&pdf).concat();
                    assert!(!text.contains("1337") && !text.contains("root:"), "{about}");
                    made += 1;
                }
                Some(code) if REFUSED.contains(&code) => {
                    assert!(said.contains("error: ") && said.contains("hint: "), "{about}");
                    assert!(!folder.path().join("out/2025-01-deepseek/2025-01-27").exists(), "{about}");
                    refused += 1;
                }
                code => panic!("{code:?}: {about}"),
            }
        }
    }
    println!("{made} briefs made, {refused} refused");
    assert!(made >= 30 && made + refused == 50);
}

#[test]
fn names_that_leave_the_folder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for args in [
        ["--period", "../../2025-01-27"],
        ["--period", "2025-01-27/../x"],
        ["--lang", "../fr"],
        ["--period", "/etc"],
    ] {
        let mut render = shockbrief(["render", "reports/2025-01-deepseek", "--data"]);
        let output =
            render.arg(sample()).args(args).arg("--out").arg(folder.path().join("out")).output().unwrap();
        assert_ne!(output.status.code(), Some(0), "{args:?}");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"), "{args:?}");
    }
    // Prose that includes a file of the machine.
    let project = folder.path().join("project");
    copy_folder(&root().join("config"), &project.join("config"));
    copy_folder(&root().join("reports/weekly-monitor"), &project.join("reports/weekly"));
    for include in ["/etc/passwd", "../../../../../../etc/passwd", "../report.yaml"] {
        let prose = project.join("reports/weekly/prose/summary.en.typ.j2");
        fs_err::write(&prose, format!("{{% include \"{include}\" %}}\n")).unwrap();
        let mut render = shockbrief(["render", "reports/weekly", "--lang", "en", "--data"]);
        let output = render.arg(sample()).current_dir(&project).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains("summary.en.typ.j2:1"), "{said}");
        assert!(!project.join("out/weekly").exists());
    }
    // What Typst itself offers: files, pictures, packages, plugins, also from a text that is evaluated.
    for text in [
        "#read(\"/etc/passwd\")",
        "#read(\"../../../../etc/passwd\")",
        "#image(\"/etc/passwd\")",
        "#include \"/etc/hostname\"",
        "#eval(\"import \\\"@preview/cetz:0.3.0\\\": *\")",
        "#plugin(\"/main.typ\")",
    ] {
        let prose = project.join("reports/weekly/prose/summary.en.typ.j2");
        fs_err::write(&prose, format!("Hello {text}\n")).unwrap();
        let mut render = shockbrief(["render", "reports/weekly", "--lang", "en", "--data"]);
        let output = render.arg(sample()).current_dir(&project).output().unwrap();
        assert_ne!(output.status.code(), Some(0), "{text}");
        assert!(!project.join("out/weekly").exists(), "{text}");
    }
}

/// Fields of configuration that reach a page: the file, what stands before the value, and whether the portfolio's
/// letter shows it instead of the brief on the shock.
const FIELDS: [(&str, &str, bool); 17] = [
    ("reports/brief/report.yaml", "  en: ", false),
    ("reports/brief/report.yaml", "A low-cost Chinese reasoning model and the value of AI hardware", false),
    ("config/universe.yaml", "symbol: NVDA, name: ", false),
    ("config/universe.yaml", "{symbol: ", false),
    ("config/universe.yaml", "Calcul et réseau\", en: ", false),
    ("config/events.yaml", "Choc DeepSeek\", en: ", false),
    ("config/events.yaml", "de: DeepSeek-Schock}\n  source: ", false),
    ("config/facts/models.yaml", "million de jetons de sortie\", en: ", false),
    ("config/facts/models.yaml", "source: {text: ", false),
    ("config/facts/models.yaml", "url: ", false),
    ("config/facts/models.yaml", "unit: ", false),
    ("config/brand.yaml", "publisher: ", false),
    ("config/sources.yaml", "licence: ", false),
    ("config/scenarios.yaml", "Matériel −20 %\", en: ", false),
    ("config/numerals.yaml", "- ", false),
    ("reports/letter/portfolios/p.yaml", "en: ", true),
    ("reports/letter/portfolios/p.yaml", "weights: {", true),
];

/// The text with the first value after `mark` replaced, or every one of a licence.
fn replaced(text: &str, mark: &str, bad: &str) -> String {
    let bad = serde_json::to_string(bad).unwrap();
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(mark) {
        let value = match after.strip_prefix('"') {
            Some(quoted) => quoted.find('"').unwrap() + 2,
            None => after.find([',', '}', '\n', ':']).unwrap(),
        };
        out.push_str(before);
        // A mark that is the value itself.
        out.push_str(if mark.ends_with([' ', '{']) { mark } else { "" });
        out.push_str(&bad);
        rest = if mark.ends_with([' ', '{']) { &after[value..] } else { after };
        if mark != "licence: " {
            break;
        }
    }
    assert!(!out.is_empty(), "`{mark}` is not in the file");
    out + rest
}

#[test]
fn hostile_text_in_configuration_is_text_or_refused() {
    let joined = |range: std::ops::Range<usize>| hostile()[range].join(" ");
    let (mut made, mut refused) = (0, 0);
    let portfolio = "name: {fr: Nom, en: Name}\nweights: {NVDA: 0.5, MSFT: 0.5}\n";
    for (file, mark, letter) in FIELDS {
        for bad in [joined(0..3), joined(3..8), hostile()[8].clone(), hostile()[9].clone()] {
            let folder = tempfile::tempdir().unwrap();
            let desk = folder.path();
            copy_folder(&root().join("config"), &desk.join("config"));
            copy_folder(&root().join("reports/2025-01-deepseek"), &desk.join("reports/brief"));
            copy_folder(&root().join("reports/portfolio-letter"), &desk.join("reports/letter"));
            fs_err::remove_dir_all(desk.join("reports/letter/portfolios")).unwrap();
            fs_err::create_dir(desk.join("reports/letter/portfolios")).unwrap();
            fs_err::write(desk.join("reports/letter/portfolios/p.yaml"), portfolio).unwrap();
            let text = fs_err::read_to_string(desk.join(file)).unwrap();
            fs_err::write(desk.join(file), replaced(&text, mark, &bad)).unwrap();
            let report = if letter { "reports/letter" } else { "reports/brief" };
            let mut render = shockbrief(["render", report, "--lang", "en", "--data"]);
            let output = render.arg(sample()).current_dir(desk).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            let about = format!("{file} {mark}, {:.40}: {said:.800}", bad.escape_debug().to_string());
            assert!(said.len() < 20_000 && !said.contains("panicked"), "{about}");
            let control = ['\u{1b}', '\0', '\u{202e}', '\u{2066}', '\u{7}'];
            assert!(!said.contains(control), "{about}");
            match output.status.code() {
                Some(0) => {
                    for pdf in pdfs(&desk.join("out")) {
                        let text = pages(&fs_err::read(pdf).unwrap()).concat();
                        assert!(!text.contains("1337") && !text.contains("root:"), "{about}");
                    }
                    made += 1;
                }
                // No font draws every character; which one it was is said.
                Some(6) if said.contains("could not be displayed") && said.contains("hint: take the") => {
                    refused += 1;
                }
                Some(code) if REFUSED.contains(&code) => {
                    assert!(said.contains("error: ") && said.contains("hint: "), "{about}");
                    assert!(pdfs(&desk.join("out")).is_empty(), "{about}");
                    refused += 1;
                }
                code => panic!("{code:?}: {about}"),
            }
        }
    }
    println!("{made} briefs made, {refused} refused");
    assert!(made >= 20 && made + refused == 4 * FIELDS.len(), "{made} made, {refused} refused");
}

fn pdfs(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(pdfs(&path));
        } else if path.extension().is_some_and(|extension| extension == "pdf") {
            found.push(path);
        }
    }
    found
}

#[test]
fn names_of_portfolios_and_reports_stay_in_their_folder() {
    let folder = tempfile::tempdir().unwrap();
    let desk = folder.path().join("desk");
    copy_folder(&root().join("config"), &desk.join("config"));
    copy_folder(&root().join("reports/portfolio-letter"), &desk.join("reports/letter"));
    fs_err::write(desk.join("secret.yaml"), "name: {fr: S, en: S}\nweights: {NVDA: 1}\n").unwrap();
    let report = desk.join("reports/letter/report.yaml");
    let text = fs_err::read_to_string(&report).unwrap();
    // A link is followed by the file system; the name that a brief gets is still the link's own.
    std::os::unix::fs::symlink(desk.join("secret.yaml"), desk.join("reports/letter/portfolios/link.yaml"))
        .unwrap();
    for pattern in [
        "portfolios/../../../secret.yaml",
        "../letter/../../secret.yaml",
        "/etc/pass*",
        "portfolios/./*.yaml",
    ] {
        fs_err::write(&report, text.replace("portfolios/*.yaml", pattern)).unwrap();
        let mut render = shockbrief(["render", "reports/letter", "--lang", "en", "--data"]);
        let output = render.arg(sample()).current_dir(&desk).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("panicked") && !said.contains("root:"), "{said}");
        let out: Vec<String> = list(&desk.join("out"));
        assert!(
            out.iter().all(|name| name.starts_with("letter.") || !name.contains("secret")),
            "{pattern}: {out:?}"
        );
        assert!(
            list(folder.path()) == ["desk"] && list(&desk).iter().all(|name| !name.contains("letter")),
            "{pattern}"
        );
    }
    // A report's name comes from its folder; one that is nothing but dots names none.
    for place in ["reports/..", "reports/letter/portfolios/..", "."] {
        let mut render = shockbrief(["render", place, "--lang", "en", "--data"]);
        let output = render.arg(sample()).current_dir(&desk).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("panicked"), "{place}: {said}");
        assert_eq!(list(folder.path()), ["desk"], "{place}: {said}");
    }
}

fn list(folder: &Path) -> Vec<String> {
    let mut found: Vec<String> = fs_err::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    found.sort();
    found
}

/// Each sentence of SECURITY.md names the test that holds it, and that test is there.
#[test]
fn every_promise_of_the_security_page_has_its_test() {
    let page = fs_err::read_to_string(root().join("SECURITY.md")).unwrap();
    let mut known = std::collections::BTreeSet::new();
    let mut folders = vec![root().join("crates"), root().join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                known.insert(path.file_stem().unwrap().to_string_lossy().into_owned());
                let text = fs_err::read_to_string(&path).unwrap();
                let names =
                    text.lines().filter_map(|line| line.trim_start().strip_prefix("fn ")?.split('(').next());
                known.extend(names.map(str::to_owned));
            }
        }
    }
    let rows: Vec<&str> =
        page.lines().filter(|line| line.starts_with("| ") && !line.contains("| Test |")).collect();
    let mut tests = 0;
    for row in &rows {
        let cell = row.rsplit(" | ").next().unwrap();
        let named: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "no test: {row}");
        for name in named {
            let last = name.rsplit("::").next().unwrap();
            assert!(known.contains(last), "`{name}` is no test: {row}");
            tests += 1;
        }
    }
    println!("{} sentences, {tests} tests", rows.len());
    assert!(rows.len() > 25);
}
