//! Sessions of the shipped calendars.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use jiff::{Timestamp, civil::date};
use shockbrief_core::{
    Market, Mic, Refusal,
    config::{Events, Report, Universe},
};
use shockbrief_data::{Calendar, Calendars};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn shipped() -> Calendars {
    Calendars::load(&root().join("config/calendars")).unwrap()
}

fn refusal(error: &anyhow::Error) -> String {
    let refusal = error.downcast_ref::<Refusal>().unwrap();
    format!("{refusal}\nhint: {}", refusal.hint.as_deref().unwrap_or("none"))
}

#[test]
fn day_zero_of_the_deepseek_shock() {
    let instant =
        Events::load(&root().join("config/events.yaml")).unwrap().events[&"deepseek-r1".into()].instant;
    let calendars = shipped();
    for (mic, day) in [
        ("XNYS", date(2025, 1, 27)),
        ("XNAS", date(2025, 1, 27)),
        ("XAMS", date(2025, 1, 27)),
        ("XTKS", date(2025, 1, 27)),
        ("XHKG", date(2025, 1, 27)),
        ("XKRX", date(2025, 1, 31)),
        ("XTAI", date(2025, 2, 3)),
    ] {
        let sessions = calendars.sessions(&mic.into(), date(2025, 1, 2), date(2025, 2, 14)).unwrap();
        let market = Market { mic: mic.into(), sessions, series: BTreeMap::new() };
        assert_eq!(market.sessions[market.event_row(instant).unwrap()].date, day, "{mic}");
    }
}

#[test]
fn day_zero_moves_past_the_close() {
    let sessions = shipped().sessions(&"XNYS".into(), date(2025, 4, 1), date(2025, 4, 16)).unwrap();
    let market = Market { mic: "XNYS".into(), sessions, series: BTreeMap::new() };
    let day = |instant: &str| market.sessions[market.event_row(instant.parse().unwrap()).unwrap()].date;
    assert_eq!(day("2025-04-02T19:59:59Z"), date(2025, 4, 2));
    assert_eq!(day("2025-04-02T20:00:00Z"), date(2025, 4, 3));
    assert_eq!(day("2025-04-02T20:15:00Z"), date(2025, 4, 3));
}

#[test]
fn hours_follow_daylight_saving_half_days_and_reforms() {
    let calendars = shipped();
    let close = |mic: &str, day| {
        let session = calendars.sessions(&mic.into(), day, day).unwrap()[0];
        (session.close, session.early)
    };
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    assert_eq!(close("XNYS", date(2025, 3, 7)), (at("2025-03-07T21:00:00Z"), false));
    assert_eq!(close("XNYS", date(2025, 3, 10)), (at("2025-03-10T20:00:00Z"), false));
    assert_eq!(close("XNAS", date(2024, 11, 29)), (at("2024-11-29T18:00:00Z"), true));
    assert_eq!(close("XHKG", date(2025, 1, 28)), (at("2025-01-28T04:00:00Z"), true));
    assert_eq!(close("XTKS", date(2024, 11, 1)), (at("2024-11-01T06:00:00Z"), false));
    assert_eq!(close("XTKS", date(2024, 11, 5)), (at("2024-11-05T06:30:00Z"), false));
    assert_eq!(close("XKRX", date(2024, 11, 14)), (at("2024-11-14T07:30:00Z"), false));
    assert_eq!(close("XAMS", date(2024, 12, 24)), (at("2024-12-24T13:05:00Z"), true));
}

#[test]
fn closures_of_early_2025() {
    let calendars = shipped();
    for (mic, from, to) in [
        ("XNYS", date(2025, 1, 9), date(2025, 1, 9)),
        ("XKRX", date(2025, 1, 25), date(2025, 1, 30)),
        ("XTAI", date(2025, 1, 23), date(2025, 2, 2)),
        ("XHKG", date(2025, 1, 29), date(2025, 1, 31)),
    ] {
        assert_eq!(calendars.sessions(&mic.into(), from, to).unwrap(), [], "{mic}");
    }
}

#[test]
fn dates_outside_the_coverage_are_refused() {
    let error = shipped().sessions(&"XTAI".into(), date(2017, 12, 1), date(2018, 2, 1)).unwrap_err();
    insta::assert_snapshot!(refusal(&error), @r"
    2017-12-01: the calendar of XTAI covers 2018-01-01 to 2027-12-31
    hint: choose dates inside, or extend config/calendars/XTAI.yaml with the published closures
    ");
}

#[test]
fn every_calendar_reaches_to_the_end_of_2027_with_its_known_closures() {
    let calendars = shipped();
    let open = |mic: &str, day| !calendars.sessions(&mic.into(), day, day).unwrap().is_empty();
    for mic in calendars.mics() {
        assert!(calendars.get(mic).unwrap().covered_to() >= date(2027, 12, 31), "{mic}");
        // New Year and the first Monday after it.
        assert!(!open(mic.as_str(), date(2027, 1, 1)), "{mic}");
        assert!(mic.as_str() == "XTKS" || open(mic.as_str(), date(2027, 1, 4)), "{mic}");
    }
    // Good Friday and Easter Monday; the Lunar New Year, a day later in Seoul than in Taipei, with days in lieu.
    assert!(
        !open("XAMS", date(2027, 3, 26))
            && !open("XAMS", date(2027, 3, 29))
            && open("XAMS", date(2027, 3, 30))
    );
    assert!(
        open("XKRX", date(2027, 2, 5)) && !open("XKRX", date(2027, 2, 9)) && open("XKRX", date(2027, 2, 10))
    );
    assert!(
        open("XTAI", date(2027, 2, 1)) && !open("XTAI", date(2027, 2, 2)) && !open("XTAI", date(2027, 2, 10))
    );
    // Sessions of a year: 365 days less weekends and listed closures, by hand.
    let count =
        |mic: &str| calendars.sessions(&mic.into(), date(2027, 1, 1), date(2027, 12, 31)).unwrap().len();
    assert_eq!((count("XAMS"), count("XKRX"), count("XTAI")), (261 - 3, 261 - 14, 261 - 19));
    let half = calendars.sessions(&"XAMS".into(), date(2027, 12, 24), date(2027, 12, 24)).unwrap();
    assert_eq!(half[0].close.to_string(), "2027-12-24T13:05:00Z");
}

#[test]
fn every_calendar_refuses_the_days_around_its_coverage() {
    let calendars = shipped();
    for mic in calendars.mics() {
        let calendar = calendars.get(mic).unwrap();
        let (from, to) = (calendar.covered_from(), calendar.covered_to());
        let (before, after) = (from.yesterday().unwrap(), to.tomorrow().unwrap());
        assert!(!calendar.sessions(from, to).unwrap().is_empty(), "{mic}");
        for (from, to) in [(before, before), (after, after), (before, to), (from, after)] {
            let error = calendar.sessions(from, to).unwrap_err();
            assert!(refusal(&error).contains("the calendar of"), "{mic}: {error}");
        }
    }
}

#[test]
fn the_table_of_nasdaq_agrees_with_the_one_that_reaches_further() {
    let text = shockbrief_core::fs::read_text(&root().join("config/calendars/XNAS.yaml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("XNAS.yaml");
    fs_err::write(&path, text.replace("table: nyse", "table: nasdaq").replace("2028-12-31", "2026-12-31"))
        .unwrap();
    let own = Calendar::load(&path).unwrap();
    let (from, to) = (own.covered_from(), own.covered_to());
    let further = shipped().sessions(&"XNAS".into(), from, to).unwrap();
    let own = own.sessions(from, to).unwrap();
    let pairs = own.iter().filter(|session| !further.contains(session));
    let differ: Vec<String> = pairs.map(|session| session.date.to_string()).collect();
    // On 3 July 2023 Nasdaq too closed at 13:00, which its table lacks.
    assert!(own.len() == further.len() && own.len() > 3000 && differ == ["2023-07-03"], "{differ:?}");
}

/// The day on which this state of the project was declared good, from the workspace's manifest.
fn declared() -> jiff::civil::Date {
    let text = shockbrief_core::fs::read_text(&root().join("Cargo.toml")).unwrap();
    let (_, after) = text.split_once("[workspace.metadata.shockbrief]\ndate = \"").unwrap();
    after.split('"').next().unwrap().parse().unwrap()
}

/// The exchanges of a report that will be made again: of its schedule, and of every name it follows. A report on one
/// event of the past asks for no day to come.
fn exchanges(report: &Report, universe: &Universe) -> BTreeSet<Mic> {
    let mut found = BTreeSet::from([Mic::from(report.schedule.calendar.as_str())]);
    if report.pinned().is_some() {
        return BTreeSet::new();
    }
    let study = report.study.iter().flat_map(|study| {
        let names = [&study.benchmark, &study.source];
        study.sample.iter().chain(&study.abroad).chain(names)
    });
    let panel = report
        .panel
        .iter()
        .flat_map(|panel| panel.sample.iter().chain(&panel.regions).chain([&panel.benchmark]));
    found.extend(report.study.iter().flat_map(|study| study.exchanges.clone()));
    found.extend(study.chain(panel).map(|symbol| universe.get(symbol).unwrap().exchange.clone()));
    found
}

#[test]
fn calendars_in_use_reach_sixty_days_beyond_the_declared_date() {
    let universe = Universe::load(&root().join("config/universe.yaml")).unwrap();
    let (calendars, limit) = (shipped(), declared().checked_add(jiff::Span::new().days(60)).unwrap());
    let mut used: BTreeMap<Mic, String> = BTreeMap::new();
    for entry in fs_err::read_dir(root().join("reports")).unwrap() {
        let folder = entry.unwrap().path();
        let report = Report::load(&folder).unwrap();
        used.extend(exchanges(&report, &universe).into_iter().map(|mic| (mic, report.slug.clone())));
    }
    assert!(used.contains_key(&Mic::from("XNYS")), "{used:?}");
    for (mic, report) in used {
        let to = calendars.get(&mic).unwrap().covered_to();
        assert!(
            to > limit,
            "the calendar of {mic}, which `{report}` uses, ends on {to}, within 60 days of {}: extend \
             config/calendars/{mic}.yaml with the closures published since",
            declared()
        );
    }
}

#[test]
fn unknown_exchange() {
    let error = shipped().sessions(&"XPAR".into(), date(2025, 1, 2), date(2025, 1, 3)).unwrap_err();
    insta::assert_snapshot!(refusal(&error), @r"
    no calendar for the exchange `XPAR`
    hint: add config/calendars/XPAR.yaml, or use one of: XAMS, XHKG, XKRX, XNAS, XNYS, XTAI, XTKS
    ");
}

#[test]
fn broken_calendar_files() {
    let folder = tempfile::tempdir().unwrap();
    let good = "timezone: Asia/Seoul\ncovers: {from: 2025-01-01, to: 2025-12-31}\n\
                hours:\n  - {from: 2025-01-01, open: \"09:00\", close: \"15:30\"}\nsource: test\n";
    let message = |text: String| {
        let path = folder.path().join("XTST.yaml");
        fs_err::write(&path, text).unwrap();
        let error = Calendar::load(&path).unwrap_err();
        refusal(&error).replace(&folder.path().display().to_string(), "DIR")
    };
    let broken = [
        message(good.replace("Asia/Seoul", "Asia/Nowhere")),
        message(format!("{good}table: moon\n")),
        message(format!("{good}table: krx\n")),
        message(good.replace("09:00", "16:00")),
        message(format!("{good}closd: {{}}\n")),
    ];
    insta::assert_snapshot!(broken.join("\n\n"), @r"
    DIR/XTST.yaml:1:1: unknown time zone `Asia/Nowhere`
    hint: write an IANA name, such as America/New_York

    DIR/XTST.yaml:6:1: unknown table `moon`
    hint: write a name of the exchange-hours crate, such as nyse, or leave `table` out

    DIR/XTST.yaml:6:1: table `krx` lists no holidays
    hint: leave `table` out and list all closures under `closed`

    DIR/XTST.yaml:3:1: hours from 2025-01-01 end before they begin
    hint: write the local opening and closing time of the same day

    DIR/XTST.yaml:6:1: unknown field `closd`, expected one of `timezone`, `covers`, `hours`, `table`, `table_to`, `half_day_close`, `closed`, `open`, `special`, `source`
    hint: the nearest is `closed`; there are: timezone, covers, hours, table, table_to, half_day_close, closed, open, special, source
    ");
}

/// Sessions by exchange and date, with opening and closing instants.
type Listed = BTreeMap<(String, jiff::civil::Date), (String, String)>;

fn reference(folder: &Path) -> Listed {
    let text = shockbrief_core::fs::read_text(&folder.join("trading_sessions.csv")).unwrap();
    let rows = text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    rows.map(|row| ((row[0].to_owned(), row[1].parse().unwrap()), (row[4].to_owned(), row[5].to_owned())))
        .collect()
}

/// Disagreements that were looked into: the shipped calendar is right, or the file says so itself.
fn known(folder: &Path) -> BTreeSet<(String, jiff::civil::Date)> {
    let text = shockbrief_core::fs::read_text(&folder.join("calendar_known_issues.csv")).unwrap();
    let rows = text.lines().skip(1).filter(|line| line.contains("listed as a session"));
    rows.map(|line| line.splitn(3, ',').collect::<Vec<_>>())
        .map(|row| (row[0].to_owned(), row[1].parse().unwrap()))
        .collect()
}

#[test]
#[ignore = "needs real data"]
fn sessions_agree_with_an_independent_calendar() {
    let set = std::env::var_os("SHOCKBRIEF_DATA").filter(|value| !value.is_empty());
    let folder = set.map_or_else(|| root().join("../shared/data"), PathBuf::from);
    let (theirs, known) = (reference(&folder), known(&folder));
    let (from, to) = (date(2018, 1, 1), date(2025, 12, 31));
    let mut disagreements = Vec::new();
    for mic in ["XNYS", "XAMS", "XHKG", "XTKS", "XTAI", "XKRX"] {
        let ours = shipped().sessions(&Mic::from(mic), from, to).unwrap();
        let dates: BTreeSet<_> = ours.iter().map(|session| session.date).collect();
        for (_, day) in theirs.keys().filter(|(theirs, day)| theirs == mic && (from..=to).contains(day)) {
            if !dates.contains(day) && !known.contains(&(mic.to_owned(), *day)) {
                disagreements.push(format!("{mic} {day}: closed here"));
            }
        }
        for session in &ours {
            let instants = (minute(session.open), minute(session.close));
            match theirs.get(&(mic.to_owned(), session.date)) {
                None => disagreements.push(format!("{mic} {}: open here", session.date)),
                Some(listed) if *listed != instants => {
                    disagreements
                        .push(format!("{mic} {}: {instants:?} here, {listed:?} there", session.date));
                }
                Some(_) => {}
            }
        }
    }
    // Looked into: the exchange was shut on 4 February 2022 (New Year), 18 January 2023 (settlement only) and
    // 31 October 2024 (typhoon Kong-rey); two Saturdays of 2018 made up for bridge days; on the day of
    // the university entrance examination Seoul trades from 10:00 to 16:30.
    insta::assert_snapshot!(disagreements.join("\n"), @r#"
    XTAI 2022-02-04: closed here
    XTAI 2023-01-18: closed here
    XTAI 2024-10-31: closed here
    XTAI 2018-03-31: open here
    XTAI 2018-12-22: open here
    XKRX 2021-11-18: ("2021-11-18T01:00Z", "2021-11-18T07:30Z") here, ("2021-11-18T00:00Z", "2021-11-18T06:30Z") there
    XKRX 2022-11-17: ("2022-11-17T01:00Z", "2022-11-17T07:30Z") here, ("2022-11-17T00:00Z", "2022-11-17T06:30Z") there
    XKRX 2023-11-16: ("2023-11-16T01:00Z", "2023-11-16T07:30Z") here, ("2023-11-16T00:00Z", "2023-11-16T06:30Z") there
    XKRX 2024-11-14: ("2024-11-14T01:00Z", "2024-11-14T07:30Z") here, ("2024-11-14T00:00Z", "2024-11-14T06:30Z") there
    XKRX 2025-11-13: ("2025-11-13T01:00Z", "2025-11-13T07:30Z") here, ("2025-11-13T00:00Z", "2025-11-13T06:30Z") there
    "#);
}

fn minute(instant: Timestamp) -> String {
    format!("{}Z", &instant.to_string()[..16])
}
