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

const KEY: &str = "Secret/Key+0123456789=ABCDEF";

/// What is told of an answer that repeats the key, in whatever form.
fn echoed(status: u16, body: String) -> String {
    let server = Server::start(move |_| Reply::status(status, &body));
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("key"), KEY).unwrap();
    let config = config(&format!(
        "history_from: 2018-01-01\norder: {{macro: [p]}}\nproviders:\n  - {{id: p, data: macro, url: \"{}\", interval_ms: 0, licence: test, kind: table, key: {{file: {}}}, pattern: x, mapping: {{format: json, rows: /rows, values: {{a: a}}}}}}\n",
        server.url(),
        folder.path().join("key").display()
    ));
    let clock = TestClock::at("2025-01-31T17:00:00Z");
    let wanted = [wanted(DataKind::Macro, "A")];
    let outcomes = fetch(&config, &limits(), &clock, folder.path(), &wanted, &mut MemoryStore::default());
    format!("{} {}", outcomes[0].failures[0], outcomes[0].failures[0].next)
}

#[test]
fn no_eight_letters_of_a_key_are_told() {
    let percent = |upper: bool| {
        let sign = |byte: u8| if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
        let letter =
            |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { sign(byte) };
        KEY.bytes().map(letter).collect::<String>()
    };
    let forms = [
        KEY.to_owned(),
        percent(true),
        percent(false),
        KEY.replace('/', "\\/"),
        // GNU coreutils' base64 of the key, of "Bearer " and the key, of "me:" and the key.
        "U2VjcmV0L0tleSswMTIzNDU2Nzg5PUFCQ0RFRg==".to_owned(),
        "QmVhcmVyIFNlY3JldC9LZXkrMDEyMzQ1Njc4OT1BQkNERUY=".to_owned(),
        "bWU6U2VjcmV0L0tleSswMTIzNDU2Nzg5PUFCQ0RFRg==".to_owned(),
    ];
    for form in &forms {
        for before in [0, 90, 100, 110, 120, 125, 130, 135, 139] {
            for status in [200, 401, 403, 404, 429, 500] {
                let told = echoed(status, format!("{}{form} is not welcome", "x".repeat(before)));
                for shape in &forms {
                    // The base64 of "Bearer " and "me:" is none of the key.
                    let own = ["QmVhcmVyIF", "bWU6"]
                        .iter()
                        .find_map(|head| shape.strip_prefix(head))
                        .unwrap_or(shape);
                    let leak = own
                        .as_bytes()
                        .windows(8)
                        .find(|part| told.contains(std::str::from_utf8(part).unwrap()));
                    let leak = leak.map(|part| String::from_utf8_lossy(part).into_owned());
                    assert_eq!(leak, None, "{status}, behind {before}: {told}");
                }
            }
        }
    }
}

#[test]
fn a_key_goes_to_the_declared_host_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("key"), KEY).unwrap();
    let server = Server::start(|_| Reply::ok("[]"));
    let port = server.address.rsplit_once(':').unwrap().1.to_owned();
    // A code that would move the host behind an @, or end the declared one.
    for (url, code) in [
        (format!("http://127.0.0.1:{port}{{code}}"), format!("@127.0.0.2:{port}/x")),
        (format!("http://127.0.0.1:{port}{{code}}"), "9/x".to_owned()),
    ] {
        let text = format!(
            "history_from: 2018-01-01\norder: {{macro: [p]}}\nproviders:\n  - {{id: p, data: macro, url: \"{url}\", interval_ms: 0, licence: test, kind: table, key: {{file: {}}}, codes: {{A: \"{code}\"}}, mapping: {{format: json, values: {{a: a}}}}}}\n",
            folder.path().join("key").display()
        );
        let path = folder.path().join("fetch.yaml");
        fs_err::write(&path, text).unwrap();
        let Ok(config) = shockbrief_core::config::Fetch::load(&path) else { continue };
        let clock = TestClock::at("2025-01-31T17:00:00Z");
        let wanted = [wanted(DataKind::Macro, "A")];
        let outcomes = fetch(&config, &limits(), &clock, folder.path(), &wanted, &mut MemoryStore::default());
        assert_eq!(outcomes[0].failures[0].trouble, Trouble::Config, "{}", outcomes[0].failures[0]);
    }
    assert!(server.seen.lock().unwrap().is_empty());
}

/// A provider on the internet must not send us to what lies behind the firewall. The provider here is on this machine,
/// which may send to itself; any other inner number is refused before it is asked.
#[test]
fn a_redirect_into_the_inner_network_is_not_followed() {
    for (place, why) in [
        ("https://169.254.169.254/latest/meta-data/", "a machine of the inner network"),
        ("https://10.0.0.8/", "a machine of the inner network"),
        ("https://[fd00::1]/", "a machine of the inner network"),
        ("https://[::ffff:192.168.0.1]/", "a machine of the inner network"),
        ("http://10.0.0.8/", "redirected from http to http"),
        ("http://example.org/", "redirected from http to http"),
        ("https://me:word@example.org/", "with a user's name"),
        ("file:///etc/passwd", "redirected from http to file"),
    ] {
        let server =
            Server::start(move |_| Reply::Full(302, vec![("Location", place.to_owned())], Vec::new()));
        let (outcome, _) = ask(&server, DataKind::Prices, "NVDA", TIINGO, "");
        let failure = &outcome.failures[0];
        assert_eq!(failure.trouble, Trouble::Redirect, "{place}: {failure}");
        assert!(failure.seen.contains(why), "{place}: {failure}");
    }
}

const TABLE: &str =
    "kind: table, pattern: \"{symbol}\", mapping: {format: csv, date: day, values: {adj_close: px}";

#[test]
fn an_instant_is_of_the_day_of_its_zone_or_refused() {
    let bars = "day,px\n2025-01-23T15:00:00Z,142.62\n2025-01-26T15:00:00Z,118.42\n";
    let asked = |body: &'static str, more: &str| {
        let server = Server::start(move |_| Reply::ok(body));
        ask(&server, DataKind::Prices, "ALDR", &format!("{TABLE}{more}}}"), "")
    };
    let day = |date: &str, value: f64| (date.to_owned(), value);
    let (outcome, store) = asked(bars, "");
    let told = outcome.failures[0].to_string();
    assert!(told.contains("line 2: `2025-01-23T15:00:00Z` in `day` is a time of day"), "{told}");
    assert!(store.rows.is_empty());
    let (_, store) = asked(bars, ", zone: Asia/Seoul");
    assert_eq!(values(&store, "ALDR", "adj_close"), [day("2025-01-24", 142.62), day("2025-01-27", 118.42)]);
    let (_, store) = asked("day,px\n2025-01-27T00:00:00Z,118.42\n", "");
    assert_eq!(values(&store, "ALDR", "adj_close"), [day("2025-01-27", 118.42)]);
    // An offset in a form of one's own counts too.
    let own = ", date_format: \"%d.%m.%Y %H:%M %z\"";
    let offset = "day,px\n26.01.2025 15:00 +0000,118.42\n";
    assert!(asked(offset, own).0.failures[0].seen.contains("depends on a zone"));
    let (_, store) = asked(offset, &format!("{own}, zone: Asia/Seoul"));
    assert_eq!(values(&store, "ALDR", "adj_close"), [day("2025-01-27", 118.42)]);
    let (_, store) = asked("day,px\n2025-01-27 09:00:00,118.42\n", ", zone: Asia/Seoul");
    assert_eq!(values(&store, "ALDR", "adj_close"), [day("2025-01-27", 118.42)]);
}

#[test]
fn two_prices_of_one_date_are_refused_with_both() {
    let server =
        Server::start(|_| Reply::ok("day,px\n2025-01-24,142.62\n2025-01-27,118.42\n2025-01-27,124.65\n"));
    let (outcome, store) = ask(&server, DataKind::Prices, "ALDR", &format!("{TABLE}}}"), "");
    let told = outcome.failures[0].to_string();
    assert!(told.contains("2025-01-27: two different rows, with adj_close 118.42 and 124.65"), "{told}");
    assert!(store.rows.is_empty());
    let bar =
        |close: f64| format!(r#"{{"date":"2025-01-27T00:00:00.000Z","close":{close},"adjClose":{close}}}"#);
    let server = Server::start(move |_| Reply::ok(format!("[{},{}]", bar(118.42), bar(124.65))));
    let (outcome, _) = ask(&server, DataKind::Prices, "NVDA", TIINGO, "");
    assert!(outcome.failures[0].seen.contains("2025-01-27: two different rows"), "{}", outcome.failures[0]);
    // The same row twice is one row, with a note.
    let server = Server::start(|_| Reply::ok("day,px\n2025-01-27,118.42\n2025-01-27,118.42\n"));
    let (outcome, store) = ask(&server, DataKind::Prices, "ALDR", &format!("{TABLE}}}"), "");
    assert_eq!(store.rows.len(), 1);
    assert!(
        outcome.notes.iter().any(|note| note.contains("1 rows were told twice, 0 of them")),
        "{:?}",
        outcome.notes
    );
}

#[test]
fn a_limit_is_told_as_a_limit_in_any_language() {
    let stooq = "kind: stooq, key: $KEY, pattern: \"{lower}.us\"";
    for (declaration, body) in [
        (stooq, "Przekroczony dzienny limit wywolan"),
        (stooq, "Exceeded the daily hits limit"),
        (&format!("{TABLE}}}"), "Le quota journalier est dépassé, revenez demain"),
        (&format!("{TABLE}}}"), "Das tägliche Kontingent ist überschritten."),
        (TIINGO, "Se ha superado la cuota diaria de consultas"),
        (
            "kind: table, pattern: x, mapping: {format: json, rows: /rows, values: {a: a}}",
            r#"{"message": "Превышен лимит запросов"}"#,
        ),
    ] {
        let server = Server::start(move |_| Reply::ok(body));
        let (outcome, _) = ask(&server, DataKind::Prices, "NVDA", declaration, "");
        assert_eq!(outcome.failures[0].trouble, Trouble::Quota, "{}", outcome.failures[0]);
    }
    // A sentence that tells of no limit is no cut table either.
    let server = Server::start(|_| Reply::ok("Please confirm your address first"));
    let (outcome, _) = ask(&server, DataKind::Prices, "NVDA", &format!("{TABLE}}}"), "");
    assert_eq!(outcome.failures[0].trouble, Trouble::Page, "{}", outcome.failures[0]);
}

#[test]
fn polish_headers_are_read() {
    let server = Server::start(|_| {
        Reply::ok("Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen\n2025-01-27,1,1,1,118.42,900\n")
    });
    let (_, store) =
        ask(&server, DataKind::Prices, "NVDA", "kind: stooq, key: $KEY, pattern: \"{lower}.us\"", "");
    assert_eq!(values(&store, "NVDA", "adj_close"), [("2025-01-27".to_owned(), 118.42)]);
    assert_eq!(values(&store, "NVDA", "volume"), [("2025-01-27".to_owned(), 900.0)]);
}

/// The marks of the factor library mean missing there in any writing, and are numbers elsewhere.
#[test]
fn marks_for_missing_values_are_those_of_their_provider() {
    let text = "A title\n\n,Mkt-RF,SMB\n20250123, 0.52, -99.9900\n20250124, -999.0, -0.31\n20250127, -1.59, -9.99e1\n";
    let server = Server::start(move |_| Reply::ok(answers::zip("F.CSV", text)));
    let declaration = "kind: french, codes: {factors: F_daily}, columns: {mkt: Mkt-RF, smb: SMB}";
    let (_, store) = ask(&server, DataKind::Factors, "factors", declaration, "");
    let dates =
        |field: &str| values(&store, "factors", field).into_iter().map(|(date, _)| date).collect::<Vec<_>>();
    assert_eq!(
        (dates("mkt"), dates("smb")),
        (
            vec!["2025-01-23".to_owned(), "2025-01-27".to_owned()],
            vec!["2025-01-24".to_owned(), "2025-01-27".to_owned()]
        )
    );
    let server = Server::start(|_| Reply::ok("day,px\n2025-01-27,-999\n"));
    let (_, store) = ask(&server, DataKind::Macro, "BALANCE", &format!("{TABLE}}}"), "");
    assert_eq!(values(&store, "BALANCE", "adj_close"), [("2025-01-27".to_owned(), -999.0)]);
}

fn vintages(rows: &[(&str, &str, &str)]) -> String {
    let row = |(since, date, value): &(&str, &str, &str)| {
        format!(
            r#"{{"realtime_start":"{since}","realtime_end":"9999-12-31","date":"{date}","value":"{value}"}}"#
        )
    };
    let rows: Vec<String> = rows.iter().map(row).collect();
    format!(r#"{{"count":{},"offset":0,"limit":100000,"observations":[{}]}}"#, rows.len(), rows.join(","))
}

const FRED: &str = "kind: fred, key: $KEY, codes: {VIX: VIXCLS}, unit: points";

/// A mark after a value is a withdrawal, known since its vintage; one without a value before it is none.
#[test]
fn a_withdrawn_vintage_is_told() {
    let body = vintages(&[
        ("2025-01-27", "2025-01-24", "14.85"),
        ("2025-01-29", "2025-01-24", "."),
        ("2025-01-28", "2025-01-27", "."),
        ("2025-01-30", "2025-01-27", "17.90"),
    ]);
    let server = Server::start(move |_| Reply::ok(body.clone()));
    let (outcome, store) = ask(&server, DataKind::Macro, "VIX", FRED, "");
    assert!(
        outcome
            .notes
            .iter()
            .any(|note| note.contains("1 values were withdrawn, the first that of 2025-01-24")),
        "{:?}",
        outcome.notes
    );
    let told: Vec<_> = store.rows.iter().map(|(_, row)| (row.date.to_string(), row.value.is_nan())).collect();
    assert_eq!(
        told,
        [("2025-01-24".to_owned(), false), ("2025-01-24".to_owned(), true), ("2025-01-27".to_owned(), false)]
    );
}

/// More vintages than one answer holds: asked in slices, halved where a slice is still too large, and with nothing where
/// the series is younger. A value told in two slices is known since the first.
#[test]
fn many_vintages_are_asked_in_slices() {
    let server = Server::start(|seen: &Seen| {
        let of = |name: &str| {
            let rest = seen.target.split(&format!("{name}=")).nth(1).unwrap_or_default();
            rest.get(..10).unwrap_or_default().to_owned()
        };
        let (from, to) = (of("realtime_start"), of("realtime_end"));
        if to.as_str() < "2010-01-01" {
            return Reply::status(
                400,
                r#"{"error_code":400,"error_message":"Bad Request.  The series does not exist in this period."}"#,
            );
        }
        let years = |text: &str| text[..4].parse::<i32>().unwrap().min(2025);
        if years(&to) - years(&from) > 2 {
            return Reply::status(
                400,
                r#"{"error_code":400,"error_message":"Bad Request.  There are 2431 vintage dates, which exceeds the limit of 2000 vintage dates."}"#,
            );
        }
        let mut rows = Vec::new();
        for (since, date, value) in [("2019-02-01", "2019-01-31", "1.0"), ("2024-06-03", "2024-05-31", "2.0")]
        {
            if since <= to.as_str() {
                rows.push((if since < from.as_str() { from.as_str() } else { since }, date, value));
            }
        }
        Reply::ok(vintages(&rows))
    });
    let (outcome, store) = ask(&server, DataKind::Macro, "VIX", FRED, "");
    assert!(outcome.provider.is_some(), "{:?}", outcome.failures);
    let first: Vec<_> =
        store.rows.iter().map(|(_, row)| (row.date.to_string(), row.known.to_string())).collect();
    assert_eq!(first[0], ("2019-01-31".to_owned(), "2019-02-01T00:00:00Z".to_owned()));
    assert!(first.contains(&("2024-05-31".to_owned(), "2024-06-03T00:00:00Z".to_owned())), "{first:?}");
    // Where even a day is refused, the limit is named and nothing is told as another form.
    let server = Server::start(|_| {
        Reply::status(400, r#"{"error_message":"which exceeds the limit of 2000 vintage dates"}"#)
    });
    let (outcome, _) = ask(&server, DataKind::Macro, "VIX", FRED, "");
    assert_eq!(outcome.failures[0].trouble, Trouble::TooLarge, "{}", outcome.failures[0]);
    assert!(outcome.failures[0].seen.contains("vintage"), "{}", outcome.failures[0]);
}

/// What was asked is noted, and read again from the kept answers alone it gives the same rows.
#[test]
fn kept_answers_give_the_same_rows_again() {
    let server = Server::start(|_| Reply::ok(answers::TIINGO));
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("key"), "K3Y").unwrap();
    let config = config(&format!(
        "history_from: 2018-01-01\norder: {{prices: [p]}}\nproviders:\n  - {{id: p, data: prices, url: \"{}\", interval_ms: 0, licence: test, kind: tiingo, key: {{file: {}}}, pattern: x}}\n",
        server.url(),
        folder.path().join("key").display()
    ));
    let clock = TestClock::at("2025-01-31T17:00:00Z");
    let mut store = MemoryStore::default();
    fetch(&config, &limits(), &clock, folder.path(), &[wanted(DataKind::Prices, "NVDA")], &mut store);
    let asked = server.seen.lock().unwrap().len();
    clock.set("2025-03-01T00:00:00Z");
    let http =
        shockbrief_fetch::Http::new(&limits(), None, &folder.path().join("pace"), clock.clone()).unwrap();
    let raw = shockbrief_fetch::Raw::new(&folder.path().join("raw"));
    let parquet = |_: &[u8]| Err("none here".to_owned());
    let desk = shockbrief_fetch::Desk { config: &config, http: &http, raw: &raw, parquet: &parquet };
    let mut again = MemoryStore::default();
    let (read, failures) = desk.replay(&mut again).unwrap();
    assert_eq!((read, failures.len(), server.seen.lock().unwrap().len()), (1, 0, asked));
    assert_eq!(again.rows, store.rows);
    // An answer that was damaged since is told, not read.
    let body = fs_err::read_dir(folder.path().join("raw/p")).unwrap().map(|entry| entry.unwrap().path());
    let body = body.into_iter().find(|path| path.extension().is_some_and(|end| end == "gz")).unwrap();
    fs_err::write(body, b"damaged").unwrap();
    let (read, failures) = desk.replay(&mut MemoryStore::default()).unwrap();
    assert_eq!((read, failures.len()), (0, 1));
}

/// A good answer that repeats the key is read, and neither it nor an entity tag with the key is kept.
#[test]
fn an_answer_that_repeats_the_key_is_not_kept() {
    let server = Server::start(|_| {
        let body = format!(r#"{{"rows": [{{"a": 1.5, "asked": "/x?apikey={KEY}"}}]}}"#);
        Reply::Full(200, vec![("ETag", format!("\"{KEY}\""))], body.into())
    });
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("key"), KEY).unwrap();
    let config = config(&format!(
        "history_from: 2018-01-01\norder: {{macro: [p]}}\nproviders:\n  - {{id: p, data: macro, url: \"{}\", interval_ms: 0, licence: test, kind: table, key: {{file: {}}}, pattern: x, mapping: {{format: json, rows: /rows, values: {{a: a}}}}}}\n",
        server.url(),
        folder.path().join("key").display()
    ));
    let clock = TestClock::at("2025-01-31T17:00:00Z");
    let mut store = MemoryStore::default();
    let outcomes =
        fetch(&config, &limits(), &clock, folder.path(), &[wanted(DataKind::Macro, "A")], &mut store);
    assert_eq!(outcomes[0].appended.new, 1, "{:?}", outcomes[0].failures);
    for entry in fs_err::read_dir(folder.path().join("raw/p")).unwrap() {
        let path = entry.unwrap().path();
        assert!(path.ends_with("questions.jsonl"), "{}", path.display());
        assert!(!fs_err::read_to_string(&path).unwrap().contains("Secret"));
    }
}
