//! A clean file with one corruption at a random place: refused or told, or what it says is what the clean file said.
//!
//! Each kind is drawn with seeds of its own, so that a failure names kind and seed and can be drawn again.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the table is printed")]
#![allow(dead_code, reason = "the desk has more than is used here")]

mod desk;

use desk::{Desk, HEADER, Line, calendars};
use jiff::{
    ToSpan,
    civil::{Date, date},
};
use shockbrief_core::Dataset;
use std::collections::BTreeMap;

/// SplitMix64: one seed, the same draws everywhere.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    /// Between 0 and 1.
    fn part(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// About standard normal: twelve uniform draws.
    fn noise(&mut self) -> f64 {
        (0..12).map(|_| self.part()).sum::<f64>() - 6.0
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

const NAMES: [&str; 6] = ["AAA", "BBB", "CCC", "DDD", "EEE", "FFF"];
const SESSIONS: usize = 200;

/// Six names with a common move, own moves of 1.5 % a day and volumes about a level, row by row in order of time.
fn clean() -> Vec<Line> {
    let mut draws = Draws(7);
    let sessions = calendars().sessions(&"XNYS".into(), date(2024, 3, 1), date(2025, 2, 14)).unwrap();
    let mut levels: Vec<f64> = (0..NAMES.len()).map(|at| 31.0 + 47.0 * at as f64).collect();
    let mut lines = Vec::new();
    for session in &sessions[..SESSIONS] {
        let common = 0.007 * draws.noise();
        for (name, level) in NAMES.iter().zip(&mut levels) {
            *level *= (common + 0.013 * draws.noise()).exp();
            let volume = (1e6 * (0.15 * draws.noise()).exp()).round();
            let price = format!("{level:.4}");
            lines.push([
                session.date.to_string(),
                (*name).into(),
                "USD".into(),
                price.clone(),
                price,
                volume.to_string(),
            ]);
        }
    }
    lines
}

fn text(lines: &[Line]) -> String {
    format!("{HEADER}\n{}", lines.iter().map(|line| line.join(",") + "\n").collect::<String>())
}

fn load(text: &[u8], last: Date) -> anyhow::Result<Dataset> {
    let mut desk = Desk::empty().file("prices.csv", text);
    desk.symbols = NAMES.to_vec();
    desk.from = date(2024, 3, 1);
    desk.as_of = last;
    desk.load()
}

/// A row in the middle half of the file, and its name.
fn place(draws: &mut Draws, lines: &[Line]) -> (usize, String, String) {
    let at = lines.len() / 4 + draws.below(lines.len() / 2);
    (at, lines[at][1].clone(), lines[at][0].clone())
}

fn scale(cell: &mut String, by: f64) {
    *cell = format!("{:.6}", cell.parse::<f64>().unwrap() * by);
}

/// Scales columns of one name from a day on.
fn from_day(draws: &mut Draws, lines: &mut [Line], columns: &[(usize, f64)]) {
    let (_, name, day) = place(draws, lines);
    for line in lines.iter_mut().filter(|line| line[1] == name && line[0] >= day) {
        columns.iter().for_each(|(column, by)| scale(&mut line[*column], *by));
    }
}

fn one_cell(draws: &mut Draws, lines: &mut [Line], change: impl Fn(&mut Line)) {
    let (at, ..) = place(draws, lines);
    change(&mut lines[at]);
}

/// Rows of a name over some sessions from a day on, by their index.
fn stretch(draws: &mut Draws, lines: &[Line], sessions: usize) -> Vec<usize> {
    let (_, name, day) = place(draws, lines);
    let of = |(at, line): (usize, &Line)| (line[1] == name && line[0] >= day).then_some(at);
    lines.iter().enumerate().filter_map(of).take(sessions).collect()
}

type Corruption = (&'static str, fn(&mut Draws, &mut Vec<Line>));

/// Corruptions of rows.
const KINDS: [Corruption; 30] = [
    ("split in price and quote", |d, l| {
        let k = d.of(&[2.0, 3.0, 4.0, 10.0, 20.0, 50.0]);
        from_day(d, l, &[(3, 1.0 / k), (4, 1.0 / k), (5, k)]);
    }),
    ("split, volume adjusted", |d, l| {
        let k = d.of(&[2.0, 3.0, 4.0, 10.0, 20.0, 50.0]);
        from_day(d, l, &[(3, 1.0 / k), (4, 1.0 / k)]);
    }),
    ("reverse split", |d, l| {
        let k = d.of(&[2.0, 5.0, 8.0, 12.0, 30.0, 190.0]);
        from_day(d, l, &[(3, k), (4, k), (5, 1.0 / k)]);
    }),
    ("split in the adjusted price alone", |d, l| {
        let k = d.of(&[2.0, 3.0, 10.0]);
        from_day(d, l, &[(3, 1.0 / k)]);
    }),
    ("split in the quote, not in the price", |d, l| {
        let k = d.of(&[2.0, 3.0, 10.0]);
        from_day(d, l, &[(3, k)]);
    }),
    ("one price a hundredfold", |d, l| {
        one_cell(d, l, |line| {
            scale(&mut line[3], 100.0);
            scale(&mut line[4], 100.0);
        })
    }),
    ("hundredfold for good", |d, l| from_day(d, l, &[(3, 100.0), (4, 100.0)])),
    ("a hundredth for good", |d, l| from_day(d, l, &[(3, 0.01), (4, 0.01)])),
    ("thousandfold for good", |d, l| from_day(d, l, &[(3, 1000.0), (4, 1000.0)])),
    ("bad print", |d, l| {
        let by = 1.5 + d.part();
        let (at, ..) = place(d, l);
        scale(&mut l[at][3], by);
        scale(&mut l[at][4], by);
    }),
    ("two digits exchanged by a factor", |d, l| {
        one_cell(d, l, |line| {
            scale(&mut line[3], 10.0);
            scale(&mut line[4], 10.0);
        })
    }),
    ("zero price", |d, l| one_cell(d, l, |line| line[3] = "0".into())),
    ("negative price", |d, l| one_cell(d, l, |line| line[3] = format!("-{}", line[3]))),
    ("mark of a missing price", |d, l| one_cell(d, l, |line| line[3] = "N/A".into())),
    ("infinite price", |d, l| one_cell(d, l, |line| line[3] = "inf".into())),
    ("price too large for a number", |d, l| one_cell(d, l, |line| line[3] = "1e999".into())),
    ("decimal comma in a cell", |d, l| {
        one_cell(d, l, |line| line[3] = format!("\"{}\"", line[3].replace('.', ",")))
    }),
    ("word for a price", |d, l| one_cell(d, l, |line| line[3] = "closed".into())),
    ("same row twice", |d, l| {
        let (at, ..) = place(d, l);
        l.insert(at, l[at].clone());
    }),
    ("two prices for a day", |d, l| {
        let (at, ..) = place(d, l);
        let mut other = l[at].clone();
        scale(&mut other[3], 1.01);
        l.insert(at + 1, other);
    }),
    ("date in another form", |d, l| {
        one_cell(d, l, |line| {
            let (year, rest) = line[0].split_once('-').unwrap();
            let (month, day) = rest.split_once('-').unwrap();
            line[0] = format!("{day}/{month}/{year}");
        })
    }),
    ("date that is none", |d, l| one_cell(d, l, |line| line[0] = "2024-02-30".into())),
    ("date of a closed day", |d, l| {
        one_cell(d, l, |line| {
            let day: jiff::civil::Date = line[0].parse().unwrap();
            let saturday = day + i64::from(6 - day.weekday().to_monday_one_offset()).days();
            line[0] = saturday.to_string();
        })
    }),
    ("currency of one row", |d, l| one_cell(d, l, |line| line[2] = "GBP".into())),
    ("currency from a day on", |d, l| {
        for at in stretch(d, l, SESSIONS) {
            l[at][2] = "GBp".into();
        }
    }),
    ("no symbol", |d, l| one_cell(d, l, |line| line[1].clear())),
    ("frozen price", |d, l| {
        let rows = stretch(d, l, 15);
        let (price, quote) = (l[rows[0]][3].clone(), l[rows[0]][4].clone());
        for at in rows {
            l[at][3].clone_from(&price);
            l[at][4].clone_from(&quote);
        }
    }),
    ("gap of 25 sessions", |d, l| {
        let rows = stretch(d, l, 25);
        rows.into_iter().rev().for_each(|at| drop(l.remove(at)));
    }),
    ("ends early", |d, l| {
        let rows = stretch(d, l, SESSIONS);
        rows.into_iter().rev().for_each(|at| drop(l.remove(at)));
    }),
    ("another company from a day on", |d, l| {
        let (_, name, day) = place(d, l);
        // A step as small as an ordinary day's move cannot be seen in prices: the other company is worth another price.
        let price = |name: &str| {
            let line = l.iter().find(|line| line[0] == day && line[1] == name).unwrap();
            line[3].parse::<f64>().unwrap().ln()
        };
        let apart = |other: &&str| (price(other) - price(&name)).abs() > 0.6;
        let others: Vec<&str> = NAMES.into_iter().filter(apart).collect();
        let other = d.of(&others);
        for line in l.iter_mut().filter(|line| line[0] >= day) {
            if line[1] == name {
                other.clone_into(&mut line[1]);
            } else if line[1] == other {
                line[1].clone_from(&name);
            }
        }
    }),
];

type TextCorruption = (&'static str, fn(&mut Draws, &str) -> Vec<u8>);

fn with_line(draws: &mut Draws, text: &str, change: impl Fn(&str) -> String) -> Vec<u8> {
    let lines: Vec<&str> = text.lines().collect();
    let at = 1 + lines.len() / 4 + draws.below(lines.len() / 2);
    let of = |(row, line): (usize, &&str)| if row == at { change(line) } else { (*line).to_owned() };
    let changed: Vec<String> = lines.iter().enumerate().map(of).collect();
    (changed.join("\n") + "\n").into_bytes()
}

/// Corruptions of the file as text.
const TEXTS: [TextCorruption; 8] = [
    ("cut off", |d, t| {
        let end = t.len() / 2 + d.below(t.len() / 2 - 60);
        // Within the last line, never at its end.
        let line = t[..end].rfind('\n').unwrap();
        t.as_bytes()[..line + 12].to_vec()
    }),
    ("a cell too many", |d, t| with_line(d, t, |line| format!("{line},7"))),
    ("a cell too few", |d, t| with_line(d, t, |line| line.rsplit_once(',').unwrap().0.to_owned())),
    ("a cell left out in the middle", |d, t| with_line(d, t, |line| line.replacen(",USD", "", 1))),
    ("the header again", |d, t| with_line(d, t, |line| format!("{HEADER}\n{line}"))),
    ("a column twice", |_, t| t.replacen("volume", "adj_close", 1).into_bytes()),
    ("a quote left open", |d, t| with_line(d, t, |line| line.replacen("USD", "\"USD", 1))),
    ("a byte that is no text", |d, t| {
        let mut bytes = t.as_bytes().to_vec();
        let at = bytes.len() / 4 + d.below(bytes.len() / 2);
        bytes[at] = 0xff;
        bytes
    }),
];

/// A cell of volume too few at the end of a line, and the header once more: the prices stand as they were.
const HARMLESS: [&str; 2] = ["a cell too few", "the header again"];

#[derive(Default, Debug, Clone, Copy)]
struct Count {
    refused: usize,
    told: usize,
    same: usize,
    silent: usize,
}

fn bits(data: &Dataset) -> Vec<(String, Vec<Option<u64>>)> {
    let series = data.markets.values().flat_map(|market| &market.series);
    series
        .map(|(symbol, s)| (symbol.to_string(), s.adjusted.iter().map(|p| p.map(f64::to_bits)).collect()))
        .collect()
}

/// The table of kinds over so many draws of each.
fn table(draws: u64) -> BTreeMap<&'static str, Count> {
    let lines = clean();
    let last: Date = lines.last().unwrap()[0].parse().unwrap();
    let clean = load(text(&lines).as_bytes(), last).unwrap();
    assert_eq!(clean.notices, [], "the clean file is clean");
    let clean = bits(&clean);
    let mut table = BTreeMap::new();
    let mut count = |kind: &'static str, seed: u64, file: &[u8]| {
        let count: &mut Count = table.entry(kind).or_default();
        match load(file, last) {
            Err(_) => count.refused += 1,
            Ok(data) if !data.notices.is_empty() => count.told += 1,
            Ok(data) if bits(&data) == clean => count.same += 1,
            Ok(_) => {
                count.silent += 1;
                println!("silent: {kind}, seed {seed}");
            }
        }
    };
    for seed in 0..draws {
        for (kind, corrupt) in KINDS {
            let mut corrupted = lines.clone();
            corrupt(&mut Draws(seed), &mut corrupted);
            count(kind, seed, text(&corrupted).as_bytes());
        }
        for (kind, corrupt) in TEXTS {
            count(kind, seed, &corrupt(&mut Draws(seed), &text(&lines)));
        }
    }
    table
}

fn judged(draws: u64) {
    let table = table(draws);
    println!("{:<40} {:>8} {:>8} {:>8} {:>8}", "kind", "refused", "told", "same", "silent");
    for (kind, c) in &table {
        println!("{kind:<40} {:>8} {:>8} {:>8} {:>8}", c.refused, c.told, c.same, c.silent);
    }
    // A kind whose draws all leave the file as it was would say nothing.
    let idle: Vec<_> =
        table.iter().filter(|(kind, c)| c.refused + c.told == 0 && !HARMLESS.contains(kind)).collect();
    assert!(idle.is_empty(), "{idle:?}");
    let silent: Vec<_> = table.iter().filter(|(_, count)| count.silent > 0).collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn no_corruption_is_silent() {
    judged(8);
}

/// Some 10,000 draws.
#[test]
#[ignore = "takes minutes"]
fn no_corruption_is_silent_over_many_draws() {
    judged(264);
}
