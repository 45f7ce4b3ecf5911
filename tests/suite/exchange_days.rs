//! Days, weeks and sessions of the New York exchange, apart from the libraries that the command uses.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

/// Dates from the civil-from-days algorithm, apart from the library that the command uses.
pub fn days(from: &str, to: &str) -> Vec<String> {
    (day_number(from)..=day_number(to)).map(date_of).collect()
}

pub fn day_number(date: &str) -> i64 {
    let parts: Vec<i64> = date.split('-').map(|part| part.parse().unwrap()).collect();
    let (y, m, d) = (parts[0] - i64::from(parts[1] <= 2), parts[1], parts[2]);
    let (era, yoe) = (y.div_euclid(400), y.rem_euclid(400));
    let doy = (153 * ((m + 9) % 12) + 2) / 5 + d - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

pub fn date_of(number: i64) -> String {
    let z = number + 719_468;
    let (era, doe) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (d, m) = (doy - (153 * mp + 2) / 5 + 1, (mp + 2) % 12 + 1);
    format!("{:04}-{m:02}-{d:02}", yoe + era * 400 + i64::from(m <= 2))
}

/// Weekdays on which NYSE published no closure.
pub fn sessions(from: &str, to: &str) -> Vec<i64> {
    const CLOSED: [&str; 11] = [
        "2024-07-04",
        "2024-09-02",
        "2024-11-28",
        "2024-12-25",
        "2025-01-01",
        "2025-01-09",
        "2025-01-20",
        "2025-02-17",
        "2025-04-18",
        "2025-05-26",
        "2025-06-19",
    ];
    let session = |n: &i64| (n + 3).rem_euclid(7) < 5 && !CLOSED.contains(&date_of(*n).as_str());
    (day_number(from)..=day_number(to)).filter(session).collect()
}

/// What a daily call at 07:00 in Paris makes, from the closures that NYSE published for these months.
pub fn expected() -> BTreeSet<(String, String, String)> {
    let sessions = sessions("2024-06-01", "2025-07-31");
    let mut expected = BTreeSet::new();
    for pair in sessions.windows(2) {
        let (date, next, made) = (date_of(pair[0]), date_of(pair[1]), date_of(pair[0] + 1));
        let quarter = |date: &str| (date[5..7].parse::<u32>().unwrap() - 1) / 3 + 1;
        let mut add = |report: &str, period: String| {
            if (date_of(day_number("2024-07-01"))..=date_of(day_number("2025-06-30"))).contains(&made) {
                expected.insert((report.to_owned(), period, made.clone()));
            }
        };
        // Weeks begin on Mondays; 1970-01-05 was one.
        if (pair[0] - 4).div_euclid(7) != (pair[1] - 4).div_euclid(7) {
            add("weekly-monitor", iso_week(pair[0]));
        }
        if date[..7] != next[..7] {
            add("monthly-brief", date[..7].to_owned());
        }
        if quarter(&date) != quarter(&next) {
            add("quarterly-capex-and-controls", format!("{}-Q{}", &date[..4], quarter(&date)));
        }
    }
    // The first call also finds what became ready before it.
    for (report, period) in [
        ("weekly-monitor", "2024-W26"),
        ("monthly-brief", "2024-06"),
        ("quarterly-capex-and-controls", "2024-Q2"),
    ] {
        expected.insert((report.to_owned(), period.to_owned(), "2024-07-01".to_owned()));
    }
    expected
}

/// The ISO week of a day: the year is that of the week's Thursday.
fn iso_week(day: i64) -> String {
    let thursday = (day - 4).div_euclid(7) * 7 + 7;
    let year = &date_of(thursday)[..4];
    let week = (thursday - day_number(&format!("{year}-01-01"))) / 7 + 1;
    format!("{year}-W{week:02}")
}
