//! Properties of whole files: what a writer with any habits wrote comes back bit for bit, and nothing panics.

use super::*;
use proptest::prelude::*;
use shockbrief_core::config::{ColumnNames, SourceKind, ZeroVolume};

fn spec(dialect: Option<Dialect>) -> SourceSpec {
    SourceSpec {
        id: "wild".to_owned(),
        kind: SourceKind::Prices,
        format: "csv".to_owned(),
        glob: "data.csv".to_owned(),
        priority: 50,
        optional: false,
        columns: ColumnNames::default(),
        layout: shockbrief_core::config::Layout::Long,
        symbols: None,
        symbol: None,
        currency: None,
        unit: SourceUnit::Decimal,
        zone: None,
        zero_volume: ZeroVolume::Missing,
        stale_days: 10,
        lag_days: 0,
        undated: Undated::Refuse,
        dialect,
        redistribute: false,
        remote: None,
        credit: None,
        workbook: None,
        licence: String::new(),
        licence_local: std::collections::BTreeMap::new(),
        simulated: false,
    }
}

fn read_bytes(bytes: &[u8], spec: &SourceSpec) -> Result<Option<Canonical>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.csv");
    fs_err::write(&path, bytes).unwrap();
    let columns = vec![("day", Role::Date), ("who", Role::Text), ("px", Role::Number)];
    let days = (None, Date::MAX);
    let task = Task { spec, path: &path, file: "data.csv", columns, symbols: None, days, zone: None };
    read(&task, true)
}

/// A writer's habits.
#[derive(Debug, Clone)]
struct Habits {
    encoding: Encoding,
    marked: bool,
    separator: Separator,
    comma: bool,
    space: bool,
    dates: &'static str,
    quoted: bool,
    windows: bool,
    titles: bool,
    newest_first: bool,
}

fn habits() -> impl Strategy<Value = Habits> {
    let encodings = prop::sample::select(vec![
        Encoding::Utf8,
        Encoding::Utf16le,
        Encoding::Utf16be,
        Encoding::Windows1252,
    ]);
    let separators = prop::sample::select(Separator::ALL.to_vec());
    let dates =
        prop::sample::select(vec!["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y%m%d", "%d-%b-%y", "%Y-%m-%d"]);
    (encodings, separators, dates, prop::array::uniform7(any::<bool>())).prop_map(
        |(encoding, separator, dates, [marked, comma, space, quoted, windows, titles, newest_first])| {
            Habits {
                encoding,
                marked: marked && encoding != Encoding::Windows1252,
                separator,
                comma,
                space,
                dates,
                // A comma inside a cell between commas stands in quotes, or nobody could read it.
                quoted: quoted || comma && separator == Separator::Comma,
                windows,
                titles,
                newest_first,
            }
        },
    )
}

type Row = (Date, String, Option<f64>);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let day = (0_i64..9000)
        .prop_map(|days| jiff::civil::date(2001, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap());
    let price = prop::option::of(prop_oneof![-1e9_f64..1e9, 0.001_f64..1.0, Just(1234.0), Just(1.234)]);
    prop::collection::vec((day, "[A-Z][A-Z0-9é;,|\"]{0,5}", price), 1..20)
}

impl Habits {
    fn write(&self, rows: &[Row]) -> Vec<u8> {
        let end = if self.windows { "\r\n" } else { "\n" };
        let mut lines = vec![self.line(&["day".into(), "who".into(), "px".into()])];
        let mut body: Vec<String> = rows.iter().map(|row| self.row(row)).collect();
        // One row of each kind that decides: a day after the twelfth, a fraction of two digits.
        body.push(self.row(&(jiff::civil::date(2025, 1, 27), "Z".to_owned(), Some(12_345.67))));
        if self.newest_first {
            body.reverse();
        }
        if self.titles {
            lines.insert(0, format!("Prices{end}"));
        }
        lines.extend(body);
        self.encode(&lines.join(end))
    }

    fn row(&self, (day, who, price): &Row) -> String {
        let price = price.map_or_else(|| "N/A".to_owned(), |price| self.number(price));
        self.line(&[day.strftime(self.dates).to_string(), who.clone(), price])
    }

    fn line(&self, cells: &[String]) -> String {
        let separator = self.separator.char();
        let cell = |cell: &String| match self.quoted || cell.contains([separator, '"']) {
            true => format!("\"{}\"", cell.replace('"', "\"\"")),
            false => cell.clone(),
        };
        cells.iter().map(cell).collect::<Vec<_>>().join(&separator.to_string())
    }

    fn number(&self, value: f64) -> String {
        let plain = value.abs().to_string();
        let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        let mut text = if value.is_sign_negative() { "-".to_owned() } else { String::new() };
        for (at, digit) in whole.chars().enumerate() {
            if self.space && at > 0 && (whole.len() - at) % 3 == 0 {
                text.push('\u{a0}');
            }
            text.push(digit);
        }
        if !fraction.is_empty() {
            text.push(if self.comma { ',' } else { '.' });
            text.push_str(fraction);
        }
        text
    }

    fn encode(&self, text: &str) -> Vec<u8> {
        let marked = if self.marked { format!("\u{feff}{text}") } else { text.to_owned() };
        match self.encoding {
            Encoding::Utf8 => marked.into_bytes(),
            Encoding::Utf16le => marked.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Encoding::Utf16be => marked.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            Encoding::Windows1252 => encoding_rs::WINDOWS_1252.encode(text).0.into_owned(),
        }
    }
}

proptest! {
    #[test]
    fn a_table_comes_back_from_any_habits(habits in habits(), rows in rows()) {
        let bytes = habits.write(&rows);
        let found = read_bytes(&bytes, &spec(None)).unwrap().expect("read as what it is");
        let cells = |at: usize| found.columns[at].1.clone();
        let mut read: Vec<(Option<String>, Option<String>, Option<u64>)> = cells(0)
            .into_iter()
            .zip(cells(1))
            .zip(cells(2))
            .map(|((day, who), price)| (day, who, price.map(|text| text.parse::<f64>().unwrap().to_bits())))
            .collect();
        if habits.newest_first {
            read.reverse();
        }
        read.pop();
        let expected: Vec<_> = rows
            .iter()
            .map(|(day, who, price)| (Some(day.to_string()), Some(who.clone()), price.map(f64::to_bits)))
            .collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_bytes(&bytes, &spec(None));
    }

    #[test]
    fn no_damage_makes_it_panic(habits in habits(), rows in rows(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = habits.write(&rows);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = read_bytes(&bytes, &spec(None));
        let _ = read_bytes(&bytes[..at], &spec(None));
    }

    #[test]
    fn nearly_tables_do_not_panic(text in "day[,;|]who[,;|]px\n([0-9/.,;| A-C\"\n-]{0,12}\n){0,8}") {
        let declared = Dialect { dates: DateForm::try_from("dd/mm/yyyy".to_owned()).ok(), ..NOTHING.clone() };
        let _ = read_bytes(text.as_bytes(), &spec(Some(declared)));
        let _ = read_bytes(text.as_bytes(), &spec(None));
    }
}
