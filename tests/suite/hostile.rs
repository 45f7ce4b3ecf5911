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
}
