//! Due-ness: a pure function of schedule, sessions, instant and what was published.
//!
//! A period is **ready** at the first instant that is not before the close of its last session (or of the first
//! session after it, where the schedule says so) and whose time of day in the schedule's zone is not before
//! `not_before`. A ready period that was not published is **due**; how far back is the catch-up rule's matter.

use jiff::{
    Timestamp,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};
use shockbrief_core::{
    Period, Session,
    config::{Frequency, ReadyAfter, Schedule},
};
use std::collections::BTreeSet;

/// How missed periods are made up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CatchUp {
    /// The last ready period alone.
    #[default]
    Last,
    /// Every period after the last published one; the last ready one where none was.
    All,
    /// Only a period that became ready on the day of the run, in the schedule's zone.
    None,
}

/// A period with the instant from which it may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    /// The period.
    pub period: Period,
    /// Its last session, the as-of date.
    pub last_session: Date,
    /// The first instant at which it may be made.
    pub since: Timestamp,
}

/// The period of this frequency that holds a date.
#[must_use]
pub fn period_of(date: Date, every: Frequency) -> Period {
    match every {
        Frequency::Day | Frequency::OnShock => Period::Day(date),
        Frequency::Week => {
            let back = i64::from(date.weekday().since(Weekday::Monday));
            Period::Week(date.saturating_sub(jiff::Span::new().days(back)))
        }
        Frequency::Month => Period::Month(date.first_of_month()),
        Frequency::Quarter => {
            let month = (date.month() - 1) / 3 * 3 + 1;
            Period::Quarter(Date::new(date.year(), month, 1).unwrap_or(date))
        }
    }
}

/// The dates whose sessions decide at `now`: from the period that holds `since` (else from two periods back) to
/// the first days after the period that holds `now`.
#[must_use]
pub fn span(schedule: &Schedule, now: Timestamp, since: Option<Date>) -> (Date, Date) {
    let today = TimeZone::UTC.to_datetime(now).date();
    let current = period_of(today, schedule.every);
    let back = match schedule.every {
        // Closures of exchanges can last longer than a week.
        Frequency::Day | Frequency::OnShock => today.saturating_sub(jiff::Span::new().days(14)),
        _ => current.previous().previous().first_date(),
    };
    let from = since.map_or(back, |since| back.min(period_of(since, schedule.every).first_date()));
    let ahead = |date: Date| date.saturating_add(jiff::Span::new().days(10));
    (from, ahead(current.last_date()))
}

/// All periods that are ready at `now`, oldest first.
///
/// `sessions` must cover [`span`]; a period whose first session lies before them is left out.
#[must_use]
pub fn ready(schedule: &Schedule, zone: &TimeZone, sessions: &[Session], now: Timestamp) -> Vec<Ready> {
    let mut found: Vec<Ready> = Vec::new();
    for (index, session) in sessions.iter().enumerate() {
        let period = period_of(session.date, schedule.every);
        // The last session of its period: the next one belongs to another. Without a next one nobody knows.
        let Some(next) = sessions.get(index + 1) else { break };
        if period_of(next.date, schedule.every) == period {
            continue;
        }
        let close = match schedule.ready_after {
            ReadyAfter::LastSession => session.close,
            ReadyAfter::FirstSession => next.close,
        };
        let since = not_before(close, schedule.not_before, zone);
        if since <= now {
            found.push(Ready { period, last_session: session.date, since });
        }
    }
    found
}

/// The first instant from `close` on whose time of day is `at` or later.
fn not_before(close: Timestamp, at: Option<Time>, zone: &TimeZone) -> Timestamp {
    let (Some(at), local) = (at, zone.to_datetime(close)) else { return close };
    if local.time() >= at {
        return close;
    }
    // A time that a change of clocks leaves out is taken after it; one that comes twice, the first time.
    let moment = zone.to_ambiguous_timestamp(local.date().to_datetime(at)).compatible();
    moment.map_or(close, |moment| moment.max(close))
}

/// The periods to make now, oldest first; none before the last published one, which only a clock set back would ask
/// for.
#[must_use]
pub fn due(
    ready: &[Ready],
    published: &BTreeSet<Period>,
    catch_up: CatchUp,
    zone: &TimeZone,
    now: Timestamp,
) -> Vec<Ready> {
    let missing = |ready: &&Ready| published.last().is_none_or(|done| ready.period > *done);
    let today = zone.to_datetime(now).date();
    let last = ready.last().filter(missing);
    match (catch_up, published.last()) {
        (CatchUp::All, Some(_)) => ready.iter().filter(missing).copied().collect(),
        (CatchUp::None, _) => {
            last.filter(|ready| zone.to_datetime(ready.since).date() == today).into_iter().copied().collect()
        }
        (CatchUp::Last | CatchUp::All, _) => last.into_iter().copied().collect(),
    }
}

/// Sessions for which a brief on shocks is still made once their data have come.
const OPEN: usize = 5;

/// Of the last sessions that are ready, those in `open` beside what is due already, oldest first: data that come late
/// leave their session open, even when the next one has closed meanwhile.
#[must_use]
pub fn with_open(ready: &[Ready], open: &BTreeSet<Period>, due: Vec<Ready>) -> Vec<Ready> {
    let late = ready.iter().rev().take(OPEN).filter(|ready| open.contains(&ready.period));
    let mut all: Vec<Ready> = late.copied().chain(due).collect();
    all.sort_by_key(|ready| ready.period);
    all.dedup_by_key(|ready| ready.period);
    all
}

/// Whether a shock on the session after `sessions` days is too near to the last brief on one.
#[must_use]
pub fn cooling_down(sessions: &[Session], last_brief: Option<Date>, day: Date, cooldown: usize) -> bool {
    last_brief.is_some_and(|last| {
        let between = sessions.iter().filter(|session| session.date > last && session.date <= day).count();
        last >= day || between <= cooldown
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::{ToSpan, civil::date};
    use proptest::prelude::*;

    fn schedule(every: Frequency, not_before: Option<&str>) -> Schedule {
        Schedule {
            every,
            calendar: "XNYS".to_owned(),
            timezone: "Europe/Paris".to_owned(),
            not_before: not_before.map(|text| text.parse().unwrap()),
            ready_after: ReadyAfter::LastSession,
            fetch: None,
            cooldown: 10,
        }
    }

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    /// Every weekday but 25 December and 1 January, closing at 16:00 in New York.
    fn weekdays(from: Date, to: Date) -> Vec<Session> {
        let new_york = zone("America/New_York");
        from.series(1.day())
            .take_while(|date| *date <= to)
            .filter(|date| !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday))
            .filter(|date| !matches!((date.month(), date.day()), (12, 25) | (1, 1)))
            .map(|date| {
                let at = |hour| new_york.to_ambiguous_timestamp(date.at(hour, 0, 0, 0)).compatible().unwrap();
                Session { date, open: at(9), close: at(16), early: false }
            })
            .collect()
    }

    fn names(schedule: &Schedule, now: &str, published: &[&str], catch_up: CatchUp) -> Vec<String> {
        let now: Timestamp = now.parse().unwrap();
        let published: BTreeSet<Period> = published.iter().map(|name| name.parse().unwrap()).collect();
        let since = published.last().map(|period| period.first_date());
        let (from, to) = span(schedule, now, since);
        let (sessions, zone) = (weekdays(from, to), zone(&schedule.timezone));
        let ready = ready(schedule, &zone, &sessions, now);
        due(&ready, &published, catch_up, &zone, now).iter().map(|due| due.period.to_string()).collect()
    }

    #[test]
    fn a_period_is_due_once_its_last_session_has_closed() {
        // Friday 31 January 2025 closes in New York at 21:00 UTC.
        for (every, name) in
            [(Frequency::Day, "2025-01-31"), (Frequency::Week, "2025-W05"), (Frequency::Month, "2025-01")]
        {
            let schedule = schedule(every, None);
            let last = CatchUp::Last;
            assert_ne!(names(&schedule, "2025-01-31T20:59:59Z", &[], last), [name]);
            assert_eq!(names(&schedule, "2025-01-31T21:00:00Z", &[], last), [name]);
            assert!(names(&schedule, "2025-01-31T21:00:00Z", &[name], last).is_empty());
        }
        let quarterly = schedule(Frequency::Quarter, None);
        assert_eq!(names(&quarterly, "2025-03-31T19:59:59Z", &[], CatchUp::Last), ["2024-Q4"]);
        assert_eq!(names(&quarterly, "2025-03-31T20:00:00Z", &[], CatchUp::Last), ["2025-Q1"]);
    }

    #[test]
    fn not_before_waits_for_the_time_of_day_in_its_zone() {
        let early = schedule(Frequency::Week, Some("07:00"));
        // 22:00 in Paris is past 07:00: ready at the close.
        assert_eq!(names(&early, "2025-01-31T21:00:00Z", &[], CatchUp::Last), ["2025-W05"]);
        let late = schedule(Frequency::Week, Some("22:30"));
        assert_eq!(names(&late, "2025-01-31T21:29:59Z", &[], CatchUp::Last), ["2025-W04"]);
        assert_eq!(names(&late, "2025-01-31T21:30:00Z", &[], CatchUp::Last), ["2025-W05"]);
    }

    #[test]
    fn clocks_that_change_neither_skip_nor_double_a_period() {
        // On 30 March 2025 02:30 does not exist in Paris; on 9 March 2025 it does not in New York.
        let paris = zone("Europe/Paris");
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let two_thirty = Some("02:30".parse().unwrap());
        assert_eq!(not_before(at("2025-03-30T00:10:00Z"), two_thirty, &paris), at("2025-03-30T01:30:00Z"));
        // On 26 October 2025 it comes twice: the first one counts.
        assert_eq!(not_before(at("2025-10-25T23:10:00Z"), two_thirty, &paris), at("2025-10-26T00:30:00Z"));
        let new_york = zone("America/New_York");
        assert_eq!(not_before(at("2025-03-09T06:10:00Z"), two_thirty, &new_york), at("2025-03-09T07:30:00Z"));
        let half_past_one = Some("01:30".parse().unwrap());
        assert_eq!(
            not_before(at("2025-11-02T04:10:00Z"), half_past_one, &new_york),
            at("2025-11-02T05:30:00Z")
        );
    }

    #[test]
    fn catch_up_makes_the_last_all_or_none() {
        let weekly = schedule(Frequency::Week, None);
        let monday = "2025-02-17T08:00:00Z";
        assert_eq!(names(&weekly, monday, &["2025-W04"], CatchUp::Last), ["2025-W07"]);
        assert_eq!(names(&weekly, monday, &["2025-W04"], CatchUp::All), ["2025-W05", "2025-W06", "2025-W07"]);
        assert!(names(&weekly, monday, &["2025-W04"], CatchUp::None).is_empty());
        assert_eq!(names(&weekly, "2025-02-14T21:00:00Z", &["2025-W04"], CatchUp::None), ["2025-W07"]);
        // Nobody asks for the past of a report that never appeared.
        assert_eq!(names(&weekly, monday, &[], CatchUp::All), ["2025-W07"]);
    }

    #[test]
    fn a_clock_set_back_asks_for_no_earlier_period() {
        let weekly = schedule(Frequency::Week, None);
        let friday = "2025-01-31T20:30:00Z";
        for catch_up in [CatchUp::Last, CatchUp::All, CatchUp::None] {
            assert!(names(&weekly, friday, &["2025-W05"], catch_up).is_empty());
        }
    }

    #[test]
    fn fifty_missed_periods_are_all_made_up_for() {
        let weekly = schedule(Frequency::Week, None);
        let missed = names(&weekly, "2025-01-11T00:00:00Z", &["2024-W04"], CatchUp::All);
        assert_eq!(missed.len(), 50);
        assert_eq!((missed[0].as_str(), missed[49].as_str()), ("2024-W05", "2025-W02"));
    }

    #[test]
    fn the_first_session_after_a_period_may_be_waited_for() {
        let monthly = Schedule { ready_after: ReadyAfter::FirstSession, ..schedule(Frequency::Month, None) };
        assert_eq!(names(&monthly, "2025-02-03T20:59:59Z", &[], CatchUp::Last), ["2024-12"]);
        assert_eq!(names(&monthly, "2025-02-03T21:00:00Z", &[], CatchUp::Last), ["2025-01"]);
    }

    #[test]
    fn a_session_whose_data_come_late_stays_open_for_some_days() {
        let daily = schedule(Frequency::OnShock, None);
        let now: Timestamp = "2025-01-31T21:30:00Z".parse().unwrap();
        let (from, to) = span(&daily, now, None);
        let (sessions, zone) = (weekdays(from, to), zone("Europe/Paris"));
        let ready = ready(&daily, &zone, &sessions, now);
        let periods =
            |names: &[&str]| -> BTreeSet<Period> { names.iter().map(|n| n.parse().unwrap()).collect() };
        // The 28th was quiet; of the 27th nothing was known, nor of the 24th, which is too long ago.
        let due = due(&ready, &periods(&["2025-01-28"]), CatchUp::Last, &zone, now);
        let all = with_open(&ready, &periods(&["2025-01-24", "2025-01-27"]), due);
        let names: Vec<String> = all.iter().map(|ready| ready.period.to_string()).collect();
        assert_eq!(names, ["2025-01-27", "2025-01-31"]);
    }

    #[test]
    fn a_shock_waits_for_the_end_of_the_cool_down() {
        let sessions = weekdays(date(2025, 1, 20), date(2025, 2, 28));
        let cooling = |day| cooling_down(&sessions, Some(date(2025, 1, 27)), day, 3);
        assert!(cooling(date(2025, 1, 30)));
        assert!(!cooling(date(2025, 1, 31)));
        assert!(!cooling_down(&sessions, None, date(2025, 1, 27), 3));
    }

    proptest! {
        /// Asked at any set of instants, every period is made exactly once and never before it is ready.
        #[test]
        fn nothing_is_made_twice(hours in prop::collection::vec(1_i64..200, 1..60), every in 0..3) {
            let every = [Frequency::Day, Frequency::Week, Frequency::Month][every as usize];
            let schedule = schedule(every, Some("18:30"));
            let zone = zone("Europe/Paris");
            let sessions = weekdays(date(2024, 8, 1), date(2026, 12, 31));
            let mut published = BTreeSet::from([period_of(date(2024, 9, 2), every)]);
            let mut now: Timestamp = "2024-10-01T00:00:00Z".parse().unwrap();
            let mut made = Vec::new();
            for step in hours {
                now = now.checked_add(step.hours()).unwrap();
                let all = ready(&schedule, &zone, &sessions, now);
                for item in due(&all, &published, CatchUp::All, &zone, now) {
                    prop_assert!(item.since <= now);
                    prop_assert!(published.insert(item.period));
                    made.push(item.period);
                }
            }
            prop_assert!(made.windows(2).all(|pair| pair[0] < pair[1]));
            let all = ready(&schedule, &zone, &sessions, now);
            let first = period_of(date(2024, 9, 2), every);
            prop_assert_eq!(made.len(), all.iter().filter(|ready| ready.period > first).count());
        }
    }
}
