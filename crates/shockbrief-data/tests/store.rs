//! The store's promises: what was known stays known, torn writes heal, two writers lose nothing, reads at a time never
//! see later knowledge, and merging changes no answer.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use jiff::{SignedDuration, Timestamp, civil::Date};
use proptest::prelude::*;
use shockbrief_core::Refusal;
use shockbrief_data::store::{Ask, Learnt, MANIFEST, Store, Told, end_of};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

fn told(symbol: &str, date: &str, value: f64, known: &str) -> Told {
    let known: Timestamp = known.parse().unwrap();
    Told {
        kind: "prices".into(),
        subject: symbol.into(),
        symbol: symbol.into(),
        field: "adj_close".into(),
        date: date.parse().unwrap(),
        known,
        fetched: known,
        value,
        unit: "USD".into(),
        provider: "p".into(),
    }
}

fn learn(store: &Store, told: &[Told]) -> Learnt {
    store.writer().unwrap().learn(told).unwrap()
}

/// Values as known at a time, by symbol, provider and date.
fn known(store: &Store, time: Timestamp) -> BTreeMap<(String, String, Date), f64> {
    let ask = Ask { known: Some(time), ..Ask::default() };
    let latest = store.read(|snapshot| snapshot.latest(&ask)).unwrap();
    let lines = latest.lines.iter();
    lines
        .flat_map(|line| {
            line.points.iter().map(|point| {
                ((line.symbol.clone(), line.provider.clone(), point.date().unwrap()), point.value)
            })
        })
        .collect()
}

fn values(store: &Store, time: &str) -> Vec<f64> {
    known(store, time.parse().unwrap()).into_values().collect()
}

fn revisions(store: &Store) -> usize {
    let latest = store.read(|snapshot| snapshot.latest(&Ask::default())).unwrap();
    latest.lines.iter().map(shockbrief_data::store::Line::revisions).sum()
}

fn files(store: &Store) -> BTreeSet<String> {
    let entries = fs_err::read_dir(store.folder()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn segment(store: &Store) -> PathBuf {
    let name = store.read(|snapshot| Ok(snapshot.segments()[0].file.clone())).unwrap();
    store.folder().join(name)
}

#[test]
fn a_revision_leaves_what_was_known_before() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let first = [
        told("A", "2025-01-02", 1.0, "2025-01-03T00:00:00Z"),
        told("A", "2025-01-03", 2.0, "2025-01-03T00:00:00Z"),
    ];
    assert_eq!(learn(&store, &first), Learnt { new: 2, revised: 0, same: 0 });
    let again = [
        told("A", "2025-01-02", 1.0, "2025-01-06T00:00:00Z"),
        told("A", "2025-01-03", 2.5, "2025-01-06T00:00:00Z"),
    ];
    assert_eq!(learn(&store, &again), Learnt { new: 0, revised: 1, same: 1 });
    assert_eq!(values(&store, "2025-01-05T00:00:00Z"), [1.0, 2.0]);
    assert_eq!(values(&store, "2025-01-07T00:00:00Z"), [1.0, 2.5]);
    assert_eq!(values(&store, "2025-01-01T00:00:00Z"), [0.0; 0]);
    assert_eq!(revisions(&store), 1);
    assert_eq!(learn(&store, &again), Learnt { new: 0, revised: 0, same: 2 });
    assert_eq!(store.read(|snapshot| Ok(snapshot.rows())).unwrap(), 3);
}

#[test]
fn another_value_for_a_time_already_answered_is_known_since_it_was_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    learn(&store, &[told("A", "2025-01-02", 1.0, "2025-01-03T00:00:00Z")]);
    // The provider gives the old time for the new value.
    let fetched = "2025-01-09T00:00:00Z".parse().unwrap();
    let again = [Told { fetched, ..told("A", "2025-01-02", 1.5, "2025-01-03T00:00:00Z") }];
    assert_eq!(learn(&store, &again), Learnt { new: 0, revised: 1, same: 0 });
    assert_eq!(values(&store, "2025-01-08T23:59:59Z"), [1.0]);
    assert_eq!(values(&store, "2025-01-09T00:00:00Z"), [1.5]);
    // Once more another value at one and the same time: later by the smallest step, and none is lost.
    let third = [Told { fetched, ..told("A", "2025-01-02", 1.25, "2025-01-03T00:00:00Z") }];
    assert_eq!(learn(&store, &third), Learnt { new: 0, revised: 1, same: 0 });
    assert_eq!(values(&store, "2025-01-09T00:00:00Z"), [1.5]);
    assert_eq!(values(&store, "2025-01-09T00:00:00.000001Z"), [1.25]);
    assert_eq!(revisions(&store), 2);
}

#[test]
fn providers_stand_side_by_side_and_the_one_that_reaches_furthest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let own = |date: &str, value: f64| told("A", date, value, "2025-01-06T00:00:00Z");
    let other = |date: &str, value: f64| Told { provider: "q".into(), ..own(date, value) };
    let learnt = learn(&store, &[own("2025-01-02", 1.0), own("2025-01-03", 2.0), other("2025-01-02", 9.0)]);
    assert_eq!(learnt, Learnt { new: 3, revised: 0, same: 0 });
    let chosen = |store: &Store| {
        let latest = store.read(|snapshot| snapshot.latest(&Ask::default())).unwrap();
        let chosen = &latest.chosen()["A"];
        let points = chosen.fields["adj_close"].iter().map(|point| point.value).collect::<Vec<_>>();
        (chosen.provider.to_owned(), points)
    };
    assert_eq!(chosen(&store), ("p".to_owned(), vec![1.0, 2.0]));
    learn(&store, &[other("2025-01-06", 9.5)]);
    // Never mixed: the history of the one is not continued with the other's last day.
    assert_eq!(chosen(&store), ("q".to_owned(), vec![9.0, 9.5]));
}

#[test]
fn what_a_writer_that_died_left_is_not_seen_and_goes() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    learn(&store, &[told("A", "2025-01-02", 1.0, "2025-01-03T00:00:00Z")]);
    let (before, whole) = (files(&store), fs_err::read(segment(&store)).unwrap());
    // Dead while writing a segment, after any number of its bytes, or while writing the new list.
    for length in [0, 1, whole.len() / 2, whole.len()] {
        fs_err::write(store.folder().join("00000003-0000.parquet.part"), &whole[..length]).unwrap();
        fs_err::write(store.folder().join(format!("{MANIFEST}.tmp")), b"{\"schema\": 1, \"gen").unwrap();
        assert_eq!(values(&store, "2025-01-05T00:00:00Z"), [1.0]);
        let writer = store.writer().unwrap();
        assert_eq!(files(&store), before, "after {length} bytes");
        drop(writer);
    }
    learn(&store, &[told("A", "2025-01-03", 2.0, "2025-01-06T00:00:00Z")]);
    assert_eq!(values(&store, "2025-01-07T00:00:00Z"), [1.0, 2.0]);
    assert_eq!(store.verify().unwrap(), (2, 2));
}

/// Dead at each step after the new list was written: the next writer ends what was begun, and no row is lost.
#[test]
fn a_write_that_was_ready_is_ended() {
    for named in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        learn(&store, &[told("A", "2025-01-02", 1.0, "2025-01-03T00:00:00Z")]);
        let list = fs_err::read(store.folder().join(MANIFEST)).unwrap();
        learn(&store, &[told("A", "2025-01-03", 2.0, "2025-01-06T00:00:00Z")]);
        let next = fs_err::read(store.folder().join(MANIFEST)).unwrap();
        fs_err::write(store.folder().join(format!("{MANIFEST}.tmp")), next).unwrap();
        fs_err::write(store.folder().join(MANIFEST), &list).unwrap();
        fs_err::write(store.folder().join("manifest.backup.json"), &list).unwrap();
        let last = store.folder().join("00000003-0000.parquet");
        if !named {
            fs_err::rename(&last, store.folder().join("00000003-0000.parquet.part")).unwrap();
        }
        assert_eq!(values(&store, "2025-01-07T00:00:00Z"), [1.0]);
        drop(store.writer().unwrap());
        assert_eq!(values(&store, "2025-01-07T00:00:00Z"), [1.0, 2.0]);
        assert_eq!(store.verify().unwrap(), (2, 2));
    }
}

/// A list that is lost, or older than what lies there, must not have segments written over.
#[test]
fn segments_that_no_list_names_stop_a_write_and_can_be_repaired() {
    let lost = |store: &Store| fs_err::remove_file(store.folder().join(MANIFEST)).unwrap();
    let without_copy = |store: &Store| {
        lost(store);
        fs_err::remove_file(store.folder().join("manifest.backup.json")).unwrap();
    };
    let cut = |store: &Store| {
        let list = fs_err::read(store.folder().join(MANIFEST)).unwrap();
        fs_err::write(store.folder().join(MANIFEST), &list[..list.len() / 2]).unwrap();
    };
    let edited = |store: &Store| {
        let list = fs_err::read_to_string(store.folder().join(MANIFEST)).unwrap();
        let list = list.replacen("\"first_symbol\": \"A\"", "\"first_symbol\": \"B\"", 1);
        fs_err::write(store.folder().join(MANIFEST), list).unwrap();
    };
    let ways: [&dyn Fn(&Store); 4] = [&lost, &without_copy, &cut, &edited];
    for (way, damage) in ways.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        learn(&store, &[told("A", "2025-01-02", 1.0, "2025-01-03T00:00:00Z")]);
        learn(
            &store,
            &[
                told("A", "2025-01-02", 1.5, "2025-01-06T00:00:00Z"),
                told("B", "2025-01-03", 2.0, "2025-01-06T00:00:00Z"),
            ],
        );
        let before = [known(&store, "2025-01-05T00:00:00Z".parse().unwrap()), known(&store, Timestamp::MAX)];
        damage(&store);
        let there = files(&store);
        for error in [store.writer().unwrap_err(), store.verify().unwrap_err()] {
            assert!(error.downcast_ref::<Refusal>().unwrap().message.contains(MANIFEST), "{way}: {error:#}");
        }
        assert!(store.read(|snapshot| snapshot.latest(&Ask::default())).is_err(), "{way}");
        assert_eq!(files(&store), there, "{way}: nothing is taken away");
        let said = store.repair().unwrap();
        assert!(!said.is_empty());
        let after = [known(&store, "2025-01-05T00:00:00Z".parse().unwrap()), known(&store, Timestamp::MAX)];
        assert_eq!(before, after, "{way}: {said:?}");
        store.verify().unwrap();
        assert_eq!(store.repair().unwrap(), [""; 0]);
        learn(&store, &[told("C", "2025-01-03", 3.0, "2025-01-07T00:00:00Z")]);
        assert_eq!(known(&store, Timestamp::MAX).len(), 3, "{way}");
    }
}

#[test]
fn an_older_list_put_back_stops_a_write() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    learn(&store, &[told("A", "2025-01-02", 1.0, "2025-01-03T00:00:00Z")]);
    let old = fs_err::read(store.folder().join(MANIFEST)).unwrap();
    learn(&store, &[told("A", "2025-01-03", 2.0, "2025-01-06T00:00:00Z")]);
    fs_err::write(store.folder().join(MANIFEST), &old).unwrap();
    let there = files(&store);
    assert!(store.writer().unwrap_err().to_string().contains("older than that of its copy"));
    let told = store.verify().unwrap_err().to_string();
    assert!(
        told.contains("2 faults") && told.contains("00000003-0000.parquet: a segment that the list"),
        "{told}"
    );
    // Put back together with its copy, as from a backup of the folder without the segments.
    fs_err::write(store.folder().join("manifest.backup.json"), &old).unwrap();
    assert!(
        store
            .writer()
            .unwrap_err()
            .to_string()
            .contains("segments that the list does not name: 00000003-0000")
    );
    assert_eq!(files(&store), there);
    store.repair().unwrap();
    assert_eq!(values(&store, "2025-01-07T00:00:00Z"), [1.0, 2.0]);
}

/// Every bit of a segment: the answer is refused, never another one.
#[test]
fn no_turned_bit_changes_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let rows: Vec<Told> = (1..=20)
        .map(|day| told("A", &format!("2025-01-{day:02}"), f64::from(day), "2025-02-03T00:00:00Z"))
        .collect();
    learn(&store, &rows);
    let (path, whole) = (segment(&store), fs_err::read(segment(&store)).unwrap());
    for (at, bit) in (0..whole.len()).zip((0..8).cycle()) {
        let mut other = whole.clone();
        other[at] ^= 1 << bit;
        fs_err::write(&path, &other).unwrap();
        let error = store.read(|snapshot| snapshot.latest(&Ask::default())).unwrap_err();
        assert!(error.downcast_ref::<Refusal>().is_some(), "byte {at}: {error:#}");
    }
    fs_err::write(&path, &whole).unwrap();
    assert_eq!(values(&store, "2025-02-04T00:00:00Z").len(), 20);
}

#[test]
fn a_damaged_segment_is_set_aside_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    learn(&store, &[told("A", "2025-01-02", 1.0, "2025-01-03T00:00:00Z")]);
    let first = segment(&store);
    learn(&store, &[told("B", "2025-01-03", 2.0, "2025-01-06T00:00:00Z")]);
    let mut bytes = fs_err::read(&first).unwrap();
    bytes[100] ^= 1;
    fs_err::write(&first, &bytes).unwrap();
    let said = store.repair().unwrap().join("\n");
    assert!(
        said.contains("1 rows lost") && said.contains("set aside as 00000002-0000.parquet.damaged"),
        "{said}"
    );
    assert_eq!(fs_err::read(folder.path().join("00000002-0000.parquet.damaged")).unwrap(), bytes);
    assert_eq!(values(&store, "2025-01-07T00:00:00Z"), [2.0]);
    assert_eq!(store.verify().unwrap(), (1, 1));
}

#[test]
fn a_withdrawn_value_ends_and_was_known_before() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    learn(&store, &[told("A", "2025-01-02", 14.85, "2025-01-27T00:00:00Z")]);
    let withdrawn = [
        told("A", "2025-01-02", f64::NAN, "2025-01-29T00:00:00Z"),
        // Never told, so nothing to withdraw.
        told("A", "2025-01-03", f64::NAN, "2025-01-29T00:00:00Z"),
    ];
    assert_eq!(learn(&store, &withdrawn), Learnt { new: 0, revised: 1, same: 0 });
    assert_eq!(learn(&store, &withdrawn), Learnt { new: 0, revised: 0, same: 1 });
    let told_at = |time: &str| {
        let ask = Ask { known: Some(time.parse().unwrap()), ..Ask::default() };
        let told = store.read(|snapshot| snapshot.values(&ask)).unwrap();
        told.into_iter().map(|told| told.value).collect::<Vec<_>>()
    };
    for compacted in [false, true] {
        if compacted {
            store.writer().unwrap().compact().unwrap();
        }
        assert_eq!(
            (values(&store, "2025-01-28T00:00:00Z"), told_at("2025-01-28T00:00:00Z")),
            (vec![14.85], vec![14.85])
        );
        assert_eq!(
            (values(&store, "2025-02-05T00:00:00Z"), told_at("2025-02-05T00:00:00Z")),
            (vec![], vec![])
        );
        assert_eq!(revisions(&store), 1);
    }
    learn(&store, &[told("A", "2025-01-02", 14.9, "2025-02-10T00:00:00Z")]);
    assert_eq!(values(&store, "2025-02-11T00:00:00Z"), [14.9]);
}

/// A list of the first version, without a digest of itself, is read and goes on as one of the present version.
#[test]
fn a_list_of_the_first_version_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    learn(&store, &[told("A", "2025-01-02", 1.0, "2025-01-03T00:00:00Z")]);
    let path = store.folder().join(MANIFEST);
    let mut list: serde_json::Value = serde_json::from_slice(&fs_err::read(&path).unwrap()).unwrap();
    let object = list.as_object_mut().unwrap();
    object.insert("schema".to_owned(), 1.into());
    object.remove("sha256");
    object.remove("dropped");
    fs_err::write(&path, serde_json::to_vec(&list).unwrap()).unwrap();
    fs_err::remove_file(store.folder().join("manifest.backup.json")).unwrap();
    assert_eq!(values(&store, "2025-01-05T00:00:00Z"), [1.0]);
    learn(&store, &[told("A", "2025-01-03", 2.0, "2025-01-06T00:00:00Z")]);
    assert!(fs_err::read_to_string(&path).unwrap().contains("\"schema\": 2"));
    assert_eq!(values(&store, "2025-01-07T00:00:00Z"), [1.0, 2.0]);
}

#[test]
fn a_damaged_segment_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    learn(&store, &[told("A", "2025-01-02", 1.0, "2025-01-03T00:00:00Z")]);
    let (path, whole) = (segment(&store), fs_err::read(segment(&store)).unwrap());
    let refused = |what: &str| {
        let error = store.read(|snapshot| snapshot.latest(&Ask::default())).unwrap_err();
        let refusal = error.downcast_ref::<Refusal>().unwrap();
        assert!(refusal.message.contains(path.to_str().unwrap()), "{refusal:?}");
        assert!(refusal.message.contains(what), "{refusal:?}");
        assert!(refusal.hint.as_ref().unwrap().contains("restore the file"), "{refusal:?}");
    };
    fs_err::write(&path, &whole[..whole.len() - 1]).unwrap();
    refused("bytes where the manifest says");
    let mut other = whole.clone();
    *other.last_mut().unwrap() ^= 1;
    fs_err::write(&path, &other).unwrap();
    refused("not a whole Parquet file");
    fs_err::remove_file(&path).unwrap();
    refused("not found");
    let mut other = whole.clone();
    other[40] ^= 1;
    fs_err::write(&path, &other).unwrap();
    refused("SHA-256");
    assert!(format!("{:#}", store.verify().unwrap_err()).contains("SHA-256"));
    fs_err::write(&path, &whole).unwrap();
    assert_eq!(store.verify().unwrap(), (1, 1));
}

#[test]
fn two_writers_at_once_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for day in 1..=8 {
            let store = Store::new(folder.path());
            scope.spawn(move || {
                let told =
                    |symbol: &str| told(symbol, &format!("2025-01-0{day}"), 1.0, "2025-01-09T00:00:00Z");
                // Every writer also tells what all others tell: it is taken once.
                learn(&store, &[told("A"), told("B")]);
                learn(&store, &[self::told("C", "2025-01-02", 3.0, "2025-01-09T00:00:00Z")]);
                store.writer().unwrap().maintain().unwrap();
            });
        }
    });
    let store = Store::new(folder.path());
    assert_eq!(values(&store, "2025-01-10T00:00:00Z").len(), 17);
    assert_eq!(store.read(|snapshot| Ok(snapshot.rows())).unwrap(), 17);
    store.verify().unwrap();
}

/// A batch of a fetch: the day it came, and for each row the symbol, the provider, the date and the value.
type Batch = (u8, Vec<(u8, u8, u8, u8)>);

fn batches() -> impl Strategy<Value = Vec<(Batch, u8)>> {
    let row = (0..4u8, 0..2u8, 0..6u8, 0..4u8);
    proptest::collection::vec(((0..3u8, proptest::collection::vec(row, 0..12)), 0..4u8), 1..12)
}

fn rows(at: Timestamp, rows: &[(u8, u8, u8, u8)]) -> Vec<Told> {
    let row = |(symbol, provider, date, value): &(u8, u8, u8, u8)| Told {
        provider: format!("p{provider}"),
        fetched: at,
        known: at,
        ..told(
            &format!("S{symbol}"),
            &format!("2025-01-0{}", date + 1),
            f64::from(*value),
            "2025-02-01T00:00:00Z",
        )
    };
    // A provider's answer holds one value for a place: the last one told.
    let settled: BTreeMap<_, _> =
        rows.iter().map(row).map(|row| ((row.symbol.clone(), row.provider.clone(), row.date), row)).collect();
    settled.into_values().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// What was read at a time is what is read at that time ever after, whatever is told, merged and compacted later.
    #[test]
    fn reads_at_a_time_never_see_later_knowledge(batches in batches()) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        let mut at: Timestamp = "2025-02-01T18:00:00Z".parse().unwrap();
        let mut read = vec![(at, known(&store, at))];
        // A model that knows nothing of segments: for each place, every value in the order of knowledge.
        let mut model: BTreeMap<(String, String, Date), f64> = BTreeMap::new();
        for ((days, told), upkeep) in &batches {
            at += SignedDuration::from_hours(24 * (1 + i64::from(*days)));
            let told = rows(at, told);
            learn(&store, &told);
            at += SignedDuration::from_hours(1);
            for row in told {
                model.insert((row.symbol, row.provider, row.date), row.value);
            }
            match upkeep {
                0 => store.writer().unwrap().compact().unwrap(),
                1 => { store.writer().unwrap().maintain().unwrap(); }
                _ => {}
            }
            prop_assert_eq!(&known(&store, at), &model);
            read.push((at, model.clone()));
        }
        for (at, then) in &read {
            prop_assert_eq!(&known(&store, *at), then, "at {}", at);
        }
        store.verify().unwrap();
    }

    /// Broken lists are refused, or read as what they say; they crash nothing.
    #[test]
    fn a_broken_list_is_refused(at in any::<usize>(), cut in 0..60usize, bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        learn(&store, &[told("A", "2025-01-02", 1.0, "2025-01-03T00:00:00Z")]);
        let path = store.folder().join(MANIFEST);
        let mut list = fs_err::read(&path).unwrap();
        let at = at % list.len();
        let end = (at + cut).min(list.len());
        list.splice(at..end, bytes);
        fs_err::write(&path, &list).unwrap();
        match store.read(|snapshot| snapshot.latest(&Ask::default())) {
            Ok(latest) => prop_assert!(latest.lines.len() <= 1),
            Err(error) => prop_assert!(error.downcast_ref::<Refusal>().is_some(), "{error:#}"),
        }
    }
}

#[test]
fn the_end_of_a_day_is_its_last_microsecond() {
    let end = end_of("2025-01-31".parse().unwrap()).unwrap();
    assert_eq!(end.to_string(), "2025-01-31T23:59:59.999999Z");
}
