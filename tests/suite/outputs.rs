//! What a reader and an operator get: snapshots at three depths, the same bytes twice, whole outputs under kills.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use shockbrief_tests::{pages, rendered, root, sample, shockbrief, succeeded};
use std::{collections::BTreeMap, path::Path};

const PDFS: [&str; 2] = ["2025-01-deepseek-2025-01-27.fr.pdf", "2025-01-deepseek-2025-01-27.en.pdf"];

fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

#[test]
fn findings_are_as_approved() {
    let brief: Value = serde_json::from_slice(&fs_err::read(rendered().join("brief.json")).unwrap()).unwrap();
    let findings = &brief["findings"];
    let kinds = [("figures", figure as fn(&Value) -> String), ("tables", table), ("charts", chart)];
    for (kind, told) in kinds {
        let items = findings[kind].as_object().unwrap();
        let lines: Vec<String> = items.iter().map(|(id, item)| format!("{id}  {}", told(item))).collect();
        settings().bind(|| insta::assert_snapshot!(format!("findings.{kind}"), lines.join("\n")));
    }
    let rest: Vec<String> =
        ["lists", "absent"].iter().map(|kind| format!("{kind}: {}", findings[kind])).collect();
    settings().bind(|| insta::assert_snapshot!("findings.rest", rest.join("\n")));
}

/// A figure in a line: unit, value, then what it comes with.
fn figure(figure: &Value) -> String {
    let value = if figure["value"].is_null() { "missing".to_owned() } else { short(&figure["value"]) };
    let mut line = format!("{}  {value}", figure["unit"].as_str().unwrap());
    for key in ["currency", "firms", "n", "se", "p", "df", "reason"] {
        if !figure[key].is_null() {
            line.push_str(&format!("  {key}={}", short(&figure[key])));
        }
    }
    line
}

/// A table in a line: its rows, then its columns with their formats.
fn table(table: &Value) -> String {
    let columns = table["columns"].as_array().unwrap().iter();
    let columns: Vec<String> = columns
        .map(|column| match column["format"].as_str() {
            None | Some("") => short(&column["header"]),
            Some(format) => format!("{}:{format}", short(&column["header"])),
        })
        .collect();
    format!("{} rows  {}", table["rows"].as_array().map_or(0, Vec::len), columns.join(" "))
}

/// A chart in a line: its kind, then its lists by their length and their last number.
fn chart(chart: &Value) -> String {
    let mut lists = Vec::new();
    count(chart, "", &mut lists);
    format!("{}  {}", chart["kind"].as_str().unwrap(), lists.join(" "))
}

fn count(value: &Value, path: &str, lists: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, field)| count(field, &format!("{path}.{key}"), lists))
        }
        Value::Array(items) if items.iter().any(|item| item.is_object()) => {
            for (at, item) in items.iter().enumerate() {
                count(item, &format!("{path}[{at}]"), lists);
            }
        }
        Value::Array(items) => {
            let last = items.iter().rev().find(|item| !item.is_null()).map(short).unwrap_or_default();
            lists.push(format!("{}={}×…{last}", path.trim_start_matches('.'), items.len()));
        }
        _ => {}
    }
}

/// A value as it is read; of numbers the six digits that every machine's vector units agree on.
fn short(value: &Value) -> String {
    match value {
        Value::Number(number) if number.is_f64() => {
            let text = format!("{:.5e}", number.as_f64().unwrap());
            text.parse::<f64>().map(|number| number.to_string()).unwrap_or(text)
        }
        Value::Array(items) => items.iter().map(short).collect::<Vec<_>>().join(","),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[test]
fn typst_source_is_as_approved() {
    for language in ["fr", "en"] {
        let source = rendered().join(format!("2025-01-deepseek-2025-01-27.{language}.src/main.typ"));
        let text = fs_err::read_to_string(source).unwrap();
        settings().bind(|| insta::assert_snapshot!(format!("source.{language}"), text));
    }
}

#[test]
fn pdf_text_is_as_approved() {
    for pdf in PDFS {
        let text = pages(&fs_err::read(rendered().join(pdf)).unwrap()).join("\n=== page ===\n");
        let language = pdf.rsplit('.').nth(1).unwrap();
        settings().bind(|| insta::assert_snapshot!(format!("pdf.{language}"), text));
    }
}

#[test]
fn pages_hold_no_trace_of_a_failed_value() {
    for pdf in PDFS {
        for page in pages(&fs_err::read(rendered().join(pdf)).unwrap()) {
            for trace in ["undefined", "NaN", "{{", "}}", "inf%"] {
                assert!(!page.contains(trace), "{pdf} contains {trace:?}");
            }
        }
    }
}

#[test]
fn french_signs_are_held_by_spaces_that_do_not_break() {
    let pdf = fs_err::read(rendered().join("2025-01-deepseek-2025-01-27.fr.pdf")).unwrap();
    let text: Vec<char> = pages(&pdf).concat().chars().collect();
    let held = |c: char| matches!(c, '\u{a0}' | '\u{202f}');
    let mut count = 0;
    for window in text.windows(3) {
        let [before, space, sign] = [window[0], window[1], window[2]];
        if "%;:!?".contains(sign) && !before.is_whitespace() {
            assert_ne!(space, ' ', "{before}{space}{sign}");
            count += usize::from(held(space));
        }
    }
    assert!(count > 200, "only {count} signs were looked at");
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let out = tempfile::tempdir().unwrap();
    render(out.path());
    assert_eq!(digests(&out.path().join("2025-01-deepseek/2025-01-27")), digests(rendered()));
}

fn digests(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fs_err::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_file())
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), fs_err::read(entry.path()).unwrap()))
        .collect()
}

fn render(out: &Path) {
    let run = shockbrief(["render", "reports/2025-01-deepseek", "--keep-source", "--data"])
        .arg(sample())
        .arg("--out")
        .arg(out)
        .output()
        .unwrap();
    succeeded(&run);
}

/// Kills a run at 24 moments spread over its length: the earlier output stays whole each time.
#[test]
#[expect(clippy::disallowed_methods, reason = "the moments of the kills are spread over a measured run")]
fn a_killed_run_leaves_the_earlier_output_whole() {
    let out = tempfile::tempdir().unwrap();
    let started = std::time::Instant::now();
    render(out.path());
    let length = started.elapsed();
    let folder = out.path().join("2025-01-deepseek/2025-01-27");
    let before = digests(&folder);
    assert!(before.len() >= 4, "{:?}", before.keys());
    for moment in 1..=24 {
        let mut run = shockbrief(["render", "reports/2025-01-deepseek", "--keep-source", "--data"])
            .arg(sample())
            .arg("--out")
            .arg(out.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(length.mul_f64(f64::from(moment) / 22.0));
        let _ = run.kill();
        run.wait().unwrap();
        assert_eq!(before, digests(&folder), "after a kill at moment {moment}");
    }
    render(out.path());
    let left: Vec<_> =
        fs_err::read_dir(folder.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 1, "unfinished folders are left: {left:?}");
}

#[test]
fn two_runs_do_not_share_a_folder() {
    let out = tempfile::tempdir().unwrap();
    fs_err::create_dir_all(out.path()).unwrap();
    let lock = fs_err::File::create(out.path().join(".lock")).unwrap();
    lock.file().lock().unwrap();
    let run = shockbrief(["render", "reports/2025-01-deepseek", "--data"])
        .arg(sample())
        .arg("--out")
        .arg(out.path())
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(75), "{}", String::from_utf8_lossy(&run.stderr));
}

#[test]
fn one_failing_brief_does_not_stop_the_others() {
    let project = tempfile::tempdir().unwrap();
    let out = project.path().join("out");
    let run = shockbrief(["render", "reports/nothing", "reports/2025-01-deepseek", "--lang", "en", "--data"])
        .arg(sample())
        .arg("--out")
        .arg(&out)
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(3), "{}", String::from_utf8_lossy(&run.stderr));
    assert!(out.join("2025-01-deepseek/2025-01-27").join(PDFS[1]).is_file());
}

#[test]
fn a_figure_can_be_explained() {
    let run = shockbrief(["explain"])
        .arg(rendered().join("brief.json"))
        .arg("nvda.market_value.loss")
        .output()
        .unwrap();
    succeeded(&run);
    let text = String::from_utf8(run.stdout).unwrap();
    for part in ["money", "USD", "nvda.quote.before", "prices.csv", "sha256"] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
}

#[test]
fn the_manifest_names_every_file_with_its_digest() {
    let manifest: Value =
        serde_json::from_slice(&fs_err::read(rendered().join("manifest.json")).unwrap()).unwrap();
    let outputs = manifest["outputs"].as_object().unwrap();
    for name in digests(rendered()).keys().filter(|name| *name != "manifest.json") {
        assert_eq!(outputs[name].as_str().unwrap().len(), 64, "{name}");
    }
    assert!(
        root().join("config/sources.yaml").is_file() && manifest["config"]["config/sources.yaml"].is_string()
    );
}
