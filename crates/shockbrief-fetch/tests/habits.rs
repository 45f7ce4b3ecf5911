//! Providers' habits beside faults: splits told twice, hundredths of a currency, pages, tags without answer,
//! several tables in one file, providers that must not be asked.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use shockbrief_core::config::DataKind;
use shockbrief_fetch::{Outcome, Trouble};
use support::{MemoryStore, Reply, Seen, Server, TestClock, answers, config, fetch, limits, wanted};

/// One fetch with a provider as declared.
fn ask(
    server: &Server,
    data: DataKind,
    subject: &str,
    declaration: &str,
    head: &str,
) -> (Outcome, MemoryStore) {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("key"), "K3Y").unwrap();
    let declaration =
        declaration.replace("$KEY", &format!("{{file: {}}}", folder.path().join("key").display()));
    let (url, kind) = (server.url(), data.name());
    let config = config(&format!(
        "{head}history_from: 2018-01-01\norder: {{{kind}: [p]}}\nproviders:\n  - {{id: p, data: {kind}, url: \"{url}\", interval_ms: 0, licence: test, {declaration}}}\n"
    ));
    let clock = TestClock::at("2025-01-31T17:00:00Z");
    let mut store = MemoryStore::default();
    let outcomes = fetch(&config, &limits(), &clock, folder.path(), &[wanted(data, subject)], &mut store);
    (outcomes.into_iter().next().unwrap(), store)
}

fn values(store: &MemoryStore, symbol: &str, field: &str) -> Vec<(String, f64)> {
    let known = store.as_of(symbol, field, jiff::Timestamp::MAX);
    known.into_iter().map(|(date, value)| (date.to_string(), value)).collect()
}

const TIINGO: &str = "kind: tiingo, key: $KEY, pattern: \"{symbol}\"";

/// The price moves on the second of the two days, so the split is of that day.
#[test]
fn a_split_told_twice_is_taken_once_where_the_price_moved() {
    let day = |date: &str, close: f64, split: u32| {
        format!(
            r#"{{"date":"{date}T00:00:00.000Z","close":{close},"adjClose":{close},"volume":1,"divCash":0,"splitFactor":{split}}}"#
        )
    };
    let days = [day("2024-06-06", 1210.0, 1), day("2024-06-07", 1209.0, 10), day("2024-06-10", 121.8, 10)];
    let server = Server::start(move |_| Reply::ok(format!("[{}]", days.join(","))));
    let (outcome, store) = ask(&server, DataKind::Prices, "NVDA", TIINGO, "");
    assert_eq!(values(&store, "NVDA", "split"), [("2024-06-10".to_owned(), 10.0)]);
    assert!(
        outcome.notes.iter().any(|note| note.contains("taken once, on 2024-06-10")),
        "{:?}",
        outcome.notes
    );
}

#[test]
fn pence_become_pounds() {
    let server = Server::start(|_| Reply::ok(answers::YAHOO.replace("\"USD\"", "\"GBp\"")));
    let declaration = "kind: yahoo-chart, unofficial_accepted: true, pattern: \"{symbol}\"";
    let (outcome, store) = ask(&server, DataKind::Prices, "ARM.L", declaration, "");
    assert!(
        store.rows.iter().filter(|(_, row)| row.field.contains("close")).all(|(_, row)| row.unit == "GBP")
    );
    assert!((values(&store, "ARM.L", "adj_close")[0].1 - 0.713).abs() < 1e-12);
    assert!(outcome.notes.iter().any(|note| note.contains("divided by 100")));
}

/// Closes told are adjusted for the split of the 27th: the 24th traded at twice the value, with half the shares.
#[test]
fn traded_prices_are_rebuilt_from_later_splits() {
    let server = Server::start(|_| Reply::ok(answers::YAHOO));
    let declaration = "kind: yahoo-chart, unofficial_accepted: true, pattern: \"{symbol}\"";
    let (_, store) = ask(&server, DataKind::Prices, "NVDA", declaration, "");
    let day = |date: &str, value: f64| (date.to_owned(), value);
    assert_eq!(
        values(&store, "NVDA", "close_as_traded"),
        [day("2025-01-24", 142.62), day("2025-01-27", 59.21)]
    );
    assert_eq!(
        values(&store, "NVDA", "volume"),
        [day("2025-01-24", 234_657_596.0), day("2025-01-27", 818_830_889.0)]
    );
}

#[test]
fn an_unofficial_provider_is_not_asked_unless_accepted() {
    let server = Server::start(|_| Reply::ok(answers::YAHOO));
    let (outcome, _) = ask(&server, DataKind::Prices, "NVDA", "kind: yahoo-chart, pattern: \"{symbol}\"", "");
    assert!(outcome.failures[0].seen.contains("unofficial"), "{}", outcome.failures[0]);
    assert!(server.seen.lock().unwrap().is_empty());
}

const CAPEX: &str = "kind: edgar, document: concept, codes: {NVDA: \"1045810\"}, concepts: [{field: capex, taxonomy: us-gaap, tags: [New, Old], unit: USD}]";

#[test]
fn filings_are_not_asked_without_a_contact() {
    let server = Server::start(|_| Reply::ok("{}"));
    let (outcome, _) = ask(&server, DataKind::Filings, "NVDA", CAPEX, "");
    assert_eq!(outcome.failures[0].trouble, Trouble::Contact);
    assert!(server.seen.lock().unwrap().is_empty());
}

#[test]
fn a_tag_that_a_company_never_used_is_passed_over() {
    let server = Server::start(|seen: &Seen| match seen.target.contains("/New.json") {
        true => Reply::status(404, "<Error>NoSuchKey</Error>"),
        false => Reply::ok(
            r#"{"cik":1,"taxonomy":"us-gaap","tag":"Old","units":{"USD":[{"start":"2024-01-29","end":"2024-04-28","val":"369000000","filed":"2024-05-29"}]}}"#,
        ),
    });
    let (_, store) = ask(&server, DataKind::Filings, "NVDA", CAPEX, "contact: a@example.org\n");
    assert_eq!(values(&store, "NVDA", "capex"), [("2024-04-28".to_owned(), 369e6)]);
    // Its middle, 13 March, lies in the first calendar quarter.
    assert_eq!(values(&store, "NVDA", "capex_calendar"), [("2024-03-31".to_owned(), 369e6)]);
    let targets: Vec<String> = server.seen.lock().unwrap().iter().map(|seen| seen.target.clone()).collect();
    assert_eq!(targets[1], "/api/xbrl/companyconcept/CIK0001045810/us-gaap/Old.json");
}

#[test]
fn long_histories_come_in_pages() {
    let page = |offset: u32, date: &str, value: &str| {
        format!(
            r#"{{"count":2,"offset":{offset},"limit":1,"observations":[{{"realtime_start":"{date}","realtime_end":"9999-12-31","date":"{date}","value":"{value}"}}]}}"#
        )
    };
    let pages = [page(0, "2025-01-24", "14.85"), page(1, "2025-01-27", "17.90")];
    let server = Server::start(move |seen: &Seen| {
        Reply::ok(pages[usize::from(seen.target.contains("offset=1"))].clone())
    });
    let declaration = "kind: fred, key: $KEY, codes: {VIX: VIXCLS}, unit: points";
    let (_, store) = ask(&server, DataKind::Macro, "VIX", declaration, "");
    let day = |date: &str, value: f64| (date.to_owned(), value);
    assert_eq!(values(&store, "VIX", "value"), [day("2025-01-24", 14.85), day("2025-01-27", 17.90)]);
    assert_eq!(server.seen.lock().unwrap().len(), 2);
}

/// What was known on the evening of 28 January is the first value of the 24th, not its revision.
#[test]
fn vintages_are_known_since_their_day() {
    let server = Server::start(|_| Reply::ok(answers::FRED));
    let declaration = "kind: fred, key: $KEY, codes: {VIX: VIXCLS}, unit: points";
    let (_, store) = ask(&server, DataKind::Macro, "VIX", declaration, "");
    let then = store.as_of("VIX", "value", "2025-01-28T22:00:00Z".parse().unwrap());
    assert_eq!(then.into_values().collect::<Vec<_>>(), [14.85, 17.90]);
    let now = store.as_of("VIX", "value", "2025-01-29T22:00:00Z".parse().unwrap());
    assert_eq!(now.into_values().collect::<Vec<_>>(), [14.86, 17.90]);
}

/// The monthly table of a file is taken, not the annual one after it, whatever the title says.
#[test]
fn the_monthly_table_is_told_from_the_annual_one() {
    let text = "Another title than last year\n\n,Mkt-RF,RF\n202412,-3.17,0.37\n202501,2.80,0.37\n\n Annual Factors\n,Mkt-RF,RF\n2024,19.0,5.0\n";
    let server = Server::start(move |_| Reply::ok(answers::zip("F-F.CSV", text)));
    let declaration = "kind: french, codes: {factors: F-F_Research_Data_Factors}, columns: {mkt_rf: mkt-rf}";
    let (_, store) = ask(&server, DataKind::Factors, "factors", declaration, "");
    let told = values(&store, "factors", "mkt_rf");
    assert_eq!(told.iter().map(|(date, _)| date.as_str()).collect::<Vec<_>>(), ["2024-12-31", "2025-01-31"]);
    assert!((told[0].1 + 0.0317).abs() < 1e-15);
}

/// A certificate that nobody vouches for cannot be made here without a key in the repository; a server that does not
/// speak TLS is refused in the same way, and never asked again in plain text.
#[test]
fn https_never_falls_back() {
    let plain = Server::start(|_| Reply::ok("[]"));
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("key"), "K3Y").unwrap();
    let config = config(&format!(
        "history_from: 2018-01-01\norder: {{prices: [p]}}\nproviders:\n  - {{id: p, data: prices, url: \"{}\", interval_ms: 0, licence: test, kind: tiingo, key: {{file: {}}}, pattern: x}}\n",
        plain.url().replace("http:", "https:"),
        folder.path().join("key").display()
    ));
    let clock = TestClock::at("2025-01-31T17:00:00Z");
    let wanted = [wanted(DataKind::Prices, "NVDA")];
    let outcomes = fetch(&config, &limits(), &clock, folder.path(), &wanted, &mut MemoryStore::default());
    assert_eq!(outcomes[0].failures[0].trouble, Trouble::Tls);
    assert!(plain.seen.lock().unwrap().is_empty());
}

const PARQUET: &str =
    "kind: table, pattern: \"{symbol}\", mapping: {format: parquet, date: day, values: {adj_close: close}}";

#[test]
fn a_parquet_file_is_read_by_its_mapping() {
    let server = Server::start(|_| Reply::ok("PAR1day,close\n2025-01-24,142.5\n2025-01-27,118.25\nPAR1"));
    let (_, store) = ask(&server, DataKind::Prices, "NVDA", PARQUET, "");
    let day = |date: &str, value: f64| (date.to_owned(), value);
    assert_eq!(values(&store, "NVDA", "adj_close"), [day("2025-01-24", 142.5), day("2025-01-27", 118.25)]);
}

#[test]
fn a_cut_or_foreign_parquet_file_is_told() {
    for (body, seen) in [
        ("PAR1day,close\n", "the Parquet file stops after 14 bytes"),
        ("day,close\n", "no Parquet file: “day,close”"),
        ("PAR1PAR1", "the Parquet file cannot be read: no rows"),
        ("<html><title>Login</title></html>", "a web page instead of data: “Login”"),
    ] {
        let server = Server::start(move |_| Reply::ok(body));
        let (outcome, _) = ask(&server, DataKind::Prices, "NVDA", PARQUET, "");
        assert_eq!(outcome.failures[0].seen, seen);
    }
}
