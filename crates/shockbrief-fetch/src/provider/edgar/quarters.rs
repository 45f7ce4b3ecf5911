//! Quarters of a flow from what filings tell: quarters, half years, nine months and years.
//!
//! At each filing date the values known by then are laid out by fiscal year: a chain of period ends
//! from one start. A quarter is the difference of two neighbours of the chain, so that the quarters of a year
//! always sum to its annual value. A restated value replaces the earlier one from its filing on.

use jiff::{Span, civil::Date};
use std::collections::{BTreeMap, BTreeSet};

/// One value as filed.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// First day of the period; none for a value at a date.
    pub start: Option<Date>,
    /// Last day of the period.
    pub end: Date,
    /// The day of the filing.
    pub filed: Date,
    /// The value.
    pub value: f64,
    /// Rank of its tag, 0 for the preferred one.
    pub rank: usize,
    /// The form of the filing, such as `10-Q`; empty where it is not told.
    pub form: String,
}

impl Fact {
    /// How much the filing's form says about accounts: 0 a periodic report, 1 another report with accounts, 2 any other,
    /// such as a proxy statement that repeats a year in thousands.
    pub(super) fn standing(&self) -> u8 {
        let is = |forms: &[&str]| forms.iter().any(|form| self.form.starts_with(form));
        match () {
            () if self.form.is_empty() || is(&["10-K", "10-Q", "20-F", "40-F"]) => 0,
            () if is(&["8-K", "6-K", "S-", "F-", "424B"]) => 1,
            () => 2,
        }
    }

    /// Why a later filing does not replace a value that is known, in words.
    pub(super) fn overruled(&self, known: f64, standing: u8) -> Option<String> {
        let form = if self.form.is_empty() { "a filing" } else { self.form.as_str() };
        let scaled = [3, 6, 9].map(|power| 10_f64.powi(power)).iter().any(|scale| {
            let ratio = (self.value / known).abs();
            [ratio * scale, ratio / scale].iter().any(|one| (one - 1.0).abs() < 1e-3)
        });
        let why = match () {
            () if self.value == known => return None,
            () if self.standing() > standing => "which is no periodic report",
            () if scaled && self.standing() == standing => "which is of another scale",
            () => return None,
        };
        Some(format!("{} of {form} filed on {}, {why}, does not replace {known}", self.value, self.filed))
    }
}

/// A quarter's value, known from a filing until the next one for the same quarter.
#[derive(Debug, Clone, PartialEq)]
pub struct Quarter {
    /// First day.
    pub start: Date,
    /// Last day.
    pub end: Date,
    /// The value.
    pub value: f64,
    /// Known since.
    pub filed: Date,
}

impl Quarter {
    /// Last day of the calendar quarter that holds the middle of this one: a quarter that ends in January is
    /// the last quarter of the year before.
    #[must_use]
    pub fn calendar_end(&self) -> Date {
        let half = days(self.start, self.end) / 2;
        let middle = self.start.saturating_add(Span::new().days(half));
        let month = (middle.month() - 1) / 3 * 3 + 3;
        Date::new(middle.year(), month, 1).map_or(self.end, Date::last_of_month)
    }
}

/// What could be derived.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Derived {
    /// Quarters in order of end and filing.
    pub quarters: Vec<Quarter>,
    /// What the reader should know.
    pub notes: Vec<String>,
}

/// Days by which two starts of one fiscal year may differ in filings (52 and 53 week years).
const SAME_START: i64 = 4;
/// Filing dates that are replayed at most; a company files about six times a year.
const MOST_FILINGS: usize = 1000;

/// How many quarters a period spans; none where it is no whole number of them.
fn span(start: Date, end: Date) -> Option<usize> {
    match days(start, end) + 1 {
        // Twelve to seventeen weeks; then two and three of them, of which one may be the long one.
        80..=119 => Some(1),
        165..=203 => Some(2),
        248..=290 => Some(3),
        350..=380 => Some(4),
        _ => None,
    }
}

fn days(from: Date, to: Date) -> i64 {
    from.until(to).map_or(0, |span| i64::from(span.get_days()))
}

/// A period told by filings, by start and end.
type Known = BTreeMap<(Date, Date), Value>;

/// A value with the rank of its tag, the day of its filing and the standing of its form.
type Value = (f64, usize, Date, u8);

/// Derives quarters, each with the filings that changed it.
#[must_use]
pub fn derive(mut facts: Vec<Fact>) -> Derived {
    let mut derived = Derived::default();
    derived.notes.extend(unusual(&facts));
    facts.retain(|fact| fact.start.is_some_and(|start| span(start, fact.end).is_some()));
    facts.sort_by_key(|fact| (fact.filed, fact.start, fact.end, std::cmp::Reverse(fact.rank)));
    let mut known = Known::new();
    let mut last: BTreeMap<Date, (Date, f64)> = BTreeMap::new();
    let mut filings = 0;
    let mut index = 0;
    while let Some(filed) = facts.get(index).map(|fact| fact.filed).filter(|_| filings < MOST_FILINGS) {
        let mut touched = BTreeSet::new();
        while let Some(fact) = facts.get(index).filter(|fact| fact.filed == filed) {
            index += 1;
            filings += usize::from(touched.is_empty());
            if let Some(start) = fact.start {
                learn(&mut known, start, fact, &mut derived.notes);
                touched.insert((start, fact.end));
            }
        }
        for quarter in years(&known, &touched, filed) {
            let same = last
                .get(&quarter.end)
                .is_some_and(|(start, value)| (*start, *value) == (quarter.start, quarter.value));
            if !same {
                last.insert(quarter.end, (quarter.start, quarter.value));
                derived.quarters.push(quarter);
            }
        }
    }
    derived.quarters.sort_by_key(|quarter| (quarter.end, quarter.filed));
    derived
}

/// Says which values are over no whole number of quarters.
fn unusual(facts: &[Fact]) -> Option<String> {
    let odd = |fact: &&Fact| {
        let start = fact.start.filter(|start| (60..400).contains(&days(*start, fact.end)));
        start.is_some_and(|start| span(start, fact.end).is_none())
    };
    let first = facts.iter().find(odd)?;
    let (start, count) = (first.start?, facts.iter().filter(odd).count());
    let weeks = (days(start, first.end) + 4) / 7;
    Some(format!(
        "left out {count} values over no whole number of quarters, the first from {start} to {}, {weeks} weeks",
        first.end
    ))
}

/// The preferred tag stands where one filing tells two; a later filing stands over an earlier one.
fn learn(known: &mut Known, start: Date, fact: &Fact, notes: &mut Vec<String>) {
    let place = (start, fact.end);
    if let Some((value, rank, filed, standing)) = known.get(&place) {
        if *filed == fact.filed && *rank < fact.rank {
            return;
        }
        // A less preferred tag beside the preferred one of an earlier filing is another quantity, no restatement.
        if *rank < fact.rank && *value != fact.value {
            return;
        }
        if let Some(why) = fact.overruled(*value, *standing) {
            if notes.len() < 50 {
                notes.push(format!("{start} to {}: {why}", fact.end));
            }
            return;
        }
        if *value != fact.value && *rank == fact.rank && notes.len() < 50 {
            notes.push(format!(
                "{start} to {} restated on {} from {value} to {}",
                fact.end, fact.filed, fact.value
            ));
        }
    }
    known.insert(place, (fact.value, fact.rank, fact.filed, fact.standing()));
}

/// The quarters that end inside a touched period. Of several chains that give one quarter, the one with most
/// year-to-date values stands: it is the fiscal year, the others are trailing twelve months or lone quarters.
fn years(known: &Known, touched: &BTreeSet<(Date, Date)>, filed: Date) -> Vec<Quarter> {
    let mut starts: BTreeSet<Date> = BTreeSet::new();
    for &(start, end) in touched {
        let earliest = start.saturating_add(Span::new().days(-300));
        starts.extend(known.range((earliest, Date::MIN)..=(end, Date::MAX)).map(|((start, _), _)| *start));
    }
    let mut chains: Vec<Chain> = starts.iter().map(|start| chain(known, *start, filed)).collect();
    chains.sort_by_key(|chain| (std::cmp::Reverse(chain.sums_told), chain.start));
    let mut quarters: BTreeMap<Date, Quarter> = BTreeMap::new();
    for quarter in chains.into_iter().flat_map(|chain| chain.quarters) {
        let inside = touched.iter().any(|(start, end)| *start < quarter.end && quarter.end <= *end);
        let near = Span::new().days(SAME_START);
        let (low, high) = (quarter.end.saturating_sub(near), quarter.end.saturating_add(near));
        if inside && quarters.range(low..=high).next().is_none() {
            quarters.insert(quarter.end, quarter);
        }
    }
    quarters.into_values().collect()
}

/// Quarters laid end to end from one start.
struct Chain {
    start: Date,
    /// Values over several quarters that filings told.
    sums_told: usize,
    quarters: Vec<Quarter>,
}

/// Totals since the start after each number of quarters: as told, else completed by single quarters.
fn chain(known: &Known, start: Date, filed: Date) -> Chain {
    let mut totals: BTreeMap<usize, (Date, f64)> = BTreeMap::new();
    for (&(own, end), &(value, ..)) in near(known, start) {
        if let Some(count) = span(own, end) {
            totals.insert(count, (end, value));
        }
    }
    let sums_told = totals.keys().filter(|count| **count > 1).count();
    for count in 1..4 {
        if let (Some(&(end, total)), false) = (totals.get(&count), totals.contains_key(&(count + 1)))
            && let Some((own_end, value)) = single(known, next_day(end))
        {
            totals.insert(count + 1, (own_end, total + value));
        }
    }
    totals.insert(0, (start.yesterday().unwrap_or(start), 0.0));
    let quarters = (1..=4).filter_map(|count| {
        let ((before, earlier), (end, total)) = (totals.get(&(count - 1))?, totals.get(&count)?);
        let start = next_day(*before);
        (span(start, *end) == Some(1)).then(|| Quarter { start, end: *end, value: total - earlier, filed })
    });
    Chain { start, sums_told, quarters: quarters.collect() }
}

/// What is known of periods that start within some days of a day.
fn near(known: &Known, start: Date) -> impl Iterator<Item = (&(Date, Date), &Value)> {
    let near = Span::new().days(SAME_START);
    known.range((start.saturating_sub(near), Date::MIN)..=(start.saturating_add(near), Date::MAX))
}

/// The value of the quarter that starts on a day, as told by itself.
fn single(known: &Known, start: Date) -> Option<(Date, f64)> {
    near(known, start)
        .find(|((start, end), _)| span(*start, *end) == Some(1))
        .map(|((_, end), (value, ..))| (*end, *value))
}

fn next_day(date: Date) -> Date {
    date.tomorrow().unwrap_or(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(start: &str, end: &str, filed: &str, value: f64) -> Fact {
        let date = |text: &str| text.parse().unwrap();
        Fact {
            start: Some(date(start)),
            end: date(end),
            filed: date(filed),
            value,
            rank: 0,
            form: String::new(),
        }
    }

    fn told(derived: &Derived) -> Vec<(String, f64, String)> {
        derived.quarters.iter().map(|q| (q.end.to_string(), q.value, q.filed.to_string())).collect()
    }

    /// Microsoft's additions to property and equipment, fiscal 2024, in millions, as its 10-Q and 10-K tell them.
    #[test]
    fn year_to_date_values_become_quarters() {
        let derived = derive(vec![
            fact("2023-07-01", "2023-09-30", "2023-10-24", 9_917.0),
            fact("2023-07-01", "2023-12-31", "2024-01-30", 19_652.0),
            fact("2023-07-01", "2024-03-31", "2024-04-25", 30_604.0),
            fact("2023-07-01", "2024-06-30", "2024-07-30", 44_477.0),
        ]);
        let expected = [
            ("2023-09-30", 9_917.0, "2023-10-24"),
            ("2023-12-31", 9_735.0, "2024-01-30"),
            ("2024-03-31", 10_952.0, "2024-04-25"),
            ("2024-06-30", 13_873.0, "2024-07-30"),
        ];
        let expected: Vec<_> = expected
            .iter()
            .map(|(end, value, filed)| ((*end).to_owned(), *value, (*filed).to_owned()))
            .collect();
        assert_eq!(told(&derived), expected);
    }

    #[test]
    fn a_restatement_is_a_later_row_and_the_year_keeps_its_sum() {
        let derived = derive(vec![
            fact("2023-01-01", "2023-03-31", "2023-04-20", 10.0),
            fact("2023-01-01", "2023-06-30", "2023-07-20", 25.0),
            fact("2023-01-01", "2023-06-30", "2023-09-01", 27.0),
        ]);
        let values: Vec<_> = derived.quarters.iter().map(|q| (q.value, q.filed.to_string())).collect();
        let expected = [(10.0, "2023-04-20"), (15.0, "2023-07-20"), (17.0, "2023-09-01")];
        assert_eq!(values, expected.map(|(value, filed)| (value, filed.to_owned())));
        assert!(derived.notes[0].contains("restated on 2023-09-01 from 25 to 27"));
    }

    #[test]
    fn a_quarter_that_ends_in_january_is_the_last_of_the_year_before() {
        let quarter = Quarter {
            start: "2024-10-28".parse().unwrap(),
            end: "2025-01-26".parse().unwrap(),
            value: 1.0,
            filed: "2025-02-26".parse().unwrap(),
        };
        assert_eq!(quarter.calendar_end(), "2024-12-31".parse().unwrap());
    }

    #[test]
    fn a_half_year_alone_gives_no_quarter() {
        assert_eq!(derive(vec![fact("2023-01-01", "2023-06-30", "2023-07-20", 25.0)]).quarters, []);
    }

    #[test]
    fn the_third_quarter_follows_from_half_and_nine_months() {
        let derived = derive(vec![
            fact("2023-01-01", "2023-06-30", "2023-07-20", 25.0),
            fact("2023-01-01", "2023-09-30", "2023-10-20", 40.0),
        ]);
        assert_eq!(told(&derived), [("2023-09-30".to_owned(), 15.0, "2023-10-20".to_owned())]);
    }

    #[test]
    fn single_quarters_and_a_year_give_the_fourth() {
        let derived = derive(vec![
            fact("2023-01-01", "2023-03-31", "2023-04-20", 10.0),
            fact("2023-04-01", "2023-06-30", "2023-07-20", 11.0),
            fact("2023-07-01", "2023-09-30", "2023-10-20", 12.0),
            fact("2023-01-01", "2023-12-31", "2024-01-20", 50.0),
        ]);
        assert_eq!(derived.quarters.last().map(|q| q.value), Some(17.0));
    }

    #[test]
    fn a_tag_change_keeps_the_preferred_tag() {
        let other = |start, end, filed, value| Fact { rank: 1, ..fact(start, end, filed, value) };
        let derived = derive(vec![
            other("2022-01-01", "2022-03-31", "2022-04-20", 7.0),
            fact("2023-01-01", "2023-03-31", "2023-04-20", 10.0),
            other("2023-01-01", "2023-03-31", "2023-04-20", 9.0),
        ]);
        assert_eq!(derived.quarters.iter().map(|q| q.value).collect::<Vec<_>>(), [7.0, 10.0]);
    }

    /// Some companies also tell the twelve months that end with each quarter: these are no fiscal years.
    #[test]
    fn trailing_twelve_months_change_nothing() {
        let fiscal = vec![
            fact("2022-01-01", "2022-12-31", "2023-02-02", 60.0),
            fact("2022-01-01", "2022-09-30", "2022-10-28", 46.0),
            fact("2022-01-01", "2022-06-30", "2022-07-29", 30.0),
            fact("2022-01-01", "2022-03-31", "2022-04-29", 15.0),
            fact("2023-01-01", "2023-03-31", "2023-04-28", 14.0),
            fact("2023-01-01", "2023-06-30", "2023-08-04", 25.0),
        ];
        // Told with a rounding of their own, so that a quarter derived from them would differ.
        let trailing = [
            fact("2022-04-01", "2023-03-31", "2023-04-28", 59.4),
            fact("2022-07-01", "2023-06-30", "2023-08-04", 55.4),
        ];
        let with = derive(fiscal.iter().cloned().chain(trailing).collect());
        assert_eq!(told(&with), told(&derive(fiscal)));
    }

    /// Years of 12, 12, 12 and 16 weeks, and of 16, 12, 12 and 12: three quarters told by sums, the fourth from the year.
    #[test]
    fn quarters_of_twelve_and_sixteen_weeks() {
        let long_last =
            [("2024-03-23", 100.0), ("2024-06-15", 210.0), ("2024-09-07", 330.0), ("2024-12-28", 480.0)];
        let long_first =
            [("2024-04-20", 150.0), ("2024-07-13", 250.0), ("2024-10-05", 360.0), ("2024-12-28", 480.0)];
        for (year, expected) in
            [(long_last, [100.0, 110.0, 120.0, 150.0]), (long_first, [150.0, 100.0, 110.0, 120.0])]
        {
            let facts = year.iter().map(|(end, value)| fact("2023-12-31", end, end, *value)).collect();
            let derived = derive(facts);
            assert_eq!(derived.quarters.iter().map(|quarter| quarter.value).collect::<Vec<_>>(), expected);
            assert_eq!(derived.notes, [""; 0]);
        }
    }

    #[test]
    fn a_value_over_another_span_is_told() {
        let derived = derive(vec![fact("2024-01-01", "2024-05-31", "2024-06-20", 25.0)]);
        assert_eq!(derived.quarters, []);
        assert!(
            derived.notes[0].contains("the first from 2024-01-01 to 2024-05-31, 22 weeks"),
            "{:?}",
            derived.notes
        );
    }

    /// A proxy statement repeats the year in thousands; a later annual report restates it, in the same scale.
    #[test]
    fn a_smaller_form_or_another_scale_replaces_nothing() {
        let year = |filed, value, form: &str| {
            let form = form.to_owned();
            Fact { form, ..fact("2024-01-01", "2024-12-31", filed, value) }
        };
        let sums = [("2024-03-31", 100e6), ("2024-06-30", 210e6), ("2024-09-30", 330e6)];
        let told = |later: Fact| {
            let first = sums.iter().map(|(end, value)| fact("2024-01-01", end, end, *value));
            let derived = derive(first.chain([year("2025-02-20", 460e6, "10-K"), later]).collect());
            (derived.quarters.last().unwrap().value, derived.notes.concat())
        };
        let (fourth, notes) = told(year("2025-04-15", 460e3, "DEF 14A"));
        assert_eq!(fourth, 130e6);
        assert!(
            notes.contains("460000 of DEF 14A filed on 2025-04-15, which is no periodic report"),
            "{notes}"
        );
        let (fourth, notes) = told(year("2025-04-15", 455e6, "DEF 14A"));
        assert!(fourth == 130e6 && notes.contains("does not replace 460000000"), "{notes}");
        let (fourth, notes) = told(year("2025-04-15", 460.1, "10-K/A"));
        assert!(fourth == 130e6 && notes.contains("of another scale"), "{notes}");
        let (fourth, notes) = told(year("2025-04-15", 470e6, "10-K/A"));
        assert!(fourth == 140e6 && notes.contains("restated on 2025-04-15"), "{notes}");
    }
}
