//! Shock days: on real prices, and what a user sees who asks for the impossible.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use shockbrief_tests::{real_data, sample, shockbrief, succeeded};

fn failure(args: &[&str]) -> (i32, String) {
    let output = shockbrief(["detect", "--data"]).arg(sample()).args(args).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn what_cannot_be_searched_is_refused() {
    let days = ["--from", "2025-01-20", "--to", "2025-02-10"];
    for (symbols, told) in
        [("NVDA", "a group needs two"), ("NVDA,FOO", "unknown symbol `FOO`"), ("NVDA,NVDA", "twice")]
    {
        let (code, message) = failure(&[&["--symbols", symbols], &days[..]].concat());
        assert_eq!(code, 2, "{message}");
        assert!(message.contains(told) && message.contains("hint:"), "{message}");
    }
    let (code, message) = failure(&["--symbols", "NVDA,AMD", "--from", "2025-02-10", "--to", "2025-01-20"]);
    assert!(code == 2 && message.contains("--from 2025-02-10 is after --to 2025-01-20"), "{message}");
    let (code, message) = failure(&[&["--symbols", "NVDA,9984.T"], &days[..]].concat());
    assert!(code == 2 && message.contains("9984.T trades on XTKS"), "{message}");
}

#[test]
fn too_short_a_history_judges_nothing() {
    let output = shockbrief(["detect", "--data"])
        .arg(sample())
        .args(["--symbols", "NVDA,AMD,VST", "--from", "2025-01-20", "--to", "2025-02-10"])
        .args(["--validate", "--format", "json"])
        .output()
        .unwrap();
    succeeded(&output);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["judged_from"], Value::Null);
    assert_eq!(found["shock_days"], Value::Array(Vec::new()));
    assert_eq!(found["validation"]["events"]["deepseek-r1"]["finding"], "not_judged");
    assert_eq!(found["validation"]["recall"], Value::Null);
}

#[test]
#[ignore = "needs real market data: set SHOCKBRIEF_DATA"]
fn the_session_of_27_january_2025_is_a_shock() {
    let names = "NVDA,AVGO,AMD,MRVL,MU,ANET,VRT,VST,CEG,GEV,MSFT,GOOGL,META,AMZN,ORCL,CRM,NOW,IBM";
    for model in ["market-adjusted", "market-model", "none"] {
        let output = shockbrief(["detect", "--symbols", names, "--validate", "--format", "json", "--data"])
            .arg(real_data())
            .args(["--from", "2025-01-02", "--to", "2025-02-28", "--model", model])
            .output()
            .unwrap();
        succeeded(&output);
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        let days = found["shock_days"].as_array().unwrap();
        let day = days.iter().find(|day| day["date"] == "2025-01-27").unwrap();
        assert!(day["group_z"].as_f64().unwrap() < -3.0, "{model}: {day}");
        assert!(day["names"].as_array().unwrap().iter().any(|name| name == "NVDA"), "{model}: {day}");
        assert_eq!(found["validation"]["events"]["deepseek-r1"]["finding"], "hit", "{model}");
    }
}
