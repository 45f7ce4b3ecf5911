//! Prices from a warehouse: the brief is the one made from files, but for the names of its sources.
//!
//! Needs ADBC drivers in the folder `SHOCKBRIEF_ADBC`, and a PostgreSQL at `SHOCKBRIEF_POSTGRES`; `make warehouse`
//! provides both.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "what is left out is said")]

use adbc_core::{
    Connection as _, Database as _, Driver as _, Statement as _,
    options::{AdbcVersion, OptionDatabase, OptionValue},
};
use adbc_driver_manager::ManagedDriver;
use serde_json::Value;
use shockbrief_tests::{copy_folder, root, sample, shockbrief, succeeded};
use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::Output,
};

fn write_file(path: &Path, text: &str) {
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    fs_err::File::create(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn driver(name: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("SHOCKBRIEF_ADBC")?);
    Some(folder.join(format!("libadbc_driver_{name}.so")))
}

/// Runs statements in a database.
fn execute(driver: &Path, uri: &str, statements: impl IntoIterator<Item = String>) {
    let mut driver = ManagedDriver::load_dynamic_from_filename(driver, None, AdbcVersion::V110).unwrap();
    let options = [(OptionDatabase::Uri, OptionValue::from(uri))];
    let database = driver.new_database_with_opts(options).unwrap();
    let mut connection = database.new_connection().unwrap();
    for sql in statements {
        let mut statement = connection.new_statement().unwrap();
        statement.set_sql_query(&sql).unwrap();
        statement.execute_update().unwrap();
    }
}

/// The sample's prices as rows of a table, every number with all its digits.
fn table(kinds: [&str; 2]) -> Vec<String> {
    let text = fs_err::read_to_string(sample().join("prices.csv")).unwrap();
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next().unwrap().split(',').collect();
    let [day, number] = kinds;
    let kind = |column: &str| match column {
        "date" => day,
        "symbol" | "currency" => "TEXT",
        _ => number,
    };
    let columns: Vec<String> = head.iter().map(|column| format!("{column} {}", kind(column))).collect();
    let mut statements =
        vec!["DROP TABLE IF EXISTS bars".to_owned(), format!("CREATE TABLE bars ({})", columns.join(", "))];
    let rows: Vec<String> = lines
        .map(|line| {
            let cells = line.split(',').zip(&head).map(|(cell, column)| match kind(column) {
                _ if cell.is_empty() => "NULL".to_owned(),
                kind if kind == number => cell.to_owned(),
                _ => format!("'{cell}'"),
            });
            format!("({})", cells.collect::<Vec<_>>().join(", "))
        })
        .collect();
    statements.extend(rows.chunks(400).map(|rows| format!("INSERT INTO bars VALUES {}", rows.join(", "))));
    statements
}

/// A desk whose prices come through the query file; its other data are the sample's.
fn desk(query: &str) -> tempfile::TempDir {
    let desk = tempfile::tempdir().unwrap();
    copy_folder(&root().join("config"), &desk.path().join("config"));
    copy_folder(&sample(), &desk.path().join("data"));
    fs_err::remove_file(desk.path().join("data/prices.csv")).unwrap();
    write_file(&desk.path().join("data/warehouse/prices.yaml"), query);
    let sources = desk.path().join("config/sources.yaml");
    let text = fs_err::read_to_string(&sources).unwrap();
    let at = text.find("  - id: reconstruction\n").unwrap();
    let (before, own) = text.split_at(at);
    let own = own.replacen("format: csv", "format: sql", 1).replacen(
        "glob: prices.csv",
        "glob: warehouse/prices.yaml",
        1,
    );
    write_file(&sources, &format!("{before}{own}"));
    desk
}

fn render(desk: &Path, uri: &str) -> Output {
    shockbrief(["render"])
        .arg(root().join("reports/2025-01-deepseek"))
        .args(["--lang", "fr", "--data", "data"])
        .current_dir(desk)
        .env("WAREHOUSE", uri)
        .output()
        .unwrap()
}

/// The twin without what names or digests files.
fn twin(folder: &Path) -> String {
    let mut twin: Value =
        serde_json::from_slice(&fs_err::read(folder.join("2025-01-deepseek/2025-01-27/brief.json")).unwrap())
            .unwrap();
    for input in twin["inputs"].as_array_mut().unwrap() {
        input["file_sha256"] = Value::Null;
    }
    serde_json::to_string_pretty(&twin).unwrap().replace("warehouse/prices.yaml", "prices.csv")
}

fn same_brief(driver: &Path, uri: &str, kinds: [&str; 2]) {
    execute(driver, uri, table(kinds));
    let desk = desk(&format!(
        "driver: {}\nuri: {{env: WAREHOUSE}}\nparameters: {{currency: USD}}\nquery: |\n  SELECT * FROM bars\n  \
         WHERE date <= :to AND (currency = :currency OR currency <> :currency OR currency IS NULL);\n",
        driver.display()
    ));
    succeeded(&render(desk.path(), uri));
    let files = tempfile::tempdir().unwrap();
    let from_files = shockbrief(["render", "reports/2025-01-deepseek", "--lang", "fr", "--data"])
        .arg(sample())
        .arg("--out")
        .arg(files.path())
        .output()
        .unwrap();
    succeeded(&from_files);
    let (ours, theirs) = (twin(&desk.path().join("out")), twin(files.path()));
    let different: Vec<_> = ours.lines().zip(theirs.lines()).filter(|(a, b)| a != b).take(5).collect();
    assert!(ours == theirs, "{different:#?}");
    assert!(ours.contains("sha256"), "the digest of the values read is part of the comparison");
}

#[test]
fn sqlite_gives_the_brief_of_the_files() {
    let Some(driver) = driver("sqlite") else { return println!("left out: no ADBC driver") };
    let folder = tempfile::tempdir().unwrap();
    let uri = folder.path().join("bars.db").display().to_string();
    same_brief(&driver, &uri, ["TEXT", "REAL"]);
}

#[test]
fn postgresql_gives_the_brief_of_the_files() {
    let (Some(driver), Ok(uri)) = (driver("postgresql"), std::env::var("SHOCKBRIEF_POSTGRES")) else {
        return println!("left out: no PostgreSQL");
    };
    same_brief(&driver, &uri, ["DATE", "DOUBLE PRECISION"]);
}

#[test]
fn daily_bars_are_made_of_ticks_where_the_ticks_are() {
    let (Some(driver), Ok(uri)) = (driver("postgresql"), std::env::var("SHOCKBRIEF_POSTGRES")) else {
        return println!("left out: no PostgreSQL");
    };
    // A hundred trades a day; the last one of the day is the close, and volumes add up.
    let ticks = [
        "DROP TABLE IF EXISTS ticks",
        "CREATE TABLE ticks (at TIMESTAMPTZ, symbol TEXT, price DOUBLE PRECISION, size DOUBLE PRECISION)",
        "INSERT INTO ticks SELECT day + INTERVAL '14 hours' + n * INTERVAL '2 minutes', symbol, \
         100 + EXTRACT(DAY FROM day)::int % m + n / 128.0, 2 \
         FROM generate_series(TIMESTAMPTZ '2023-06-01 00:00Z', '2025-01-10 00:00Z', '1 day') AS day, generate_series(1, 128) AS n, \
         (VALUES ('NVDA', 5), ('MSFT', 7)) AS names (symbol, m) \
         WHERE EXTRACT(ISODOW FROM day) < 6",
    ];
    execute(&driver, &uri, ticks.map(str::to_owned));
    let desk = tempfile::tempdir().unwrap();
    copy_folder(&root().join("config"), &desk.path().join("config"));
    write_file(
        &desk.path().join("data/ticks.yaml"),
        &format!(
            "driver: {}\nuri: {{env: WAREHOUSE}}\nquery: |\n  SELECT (at AT TIME ZONE 'America/New_York')::date AS date, symbol,\n    \
             (array_agg(price ORDER BY at DESC))[1] AS close, sum(size) AS volume\n  FROM ticks\n  \
             WHERE at >= :from::timestamptz AND at < :to::timestamptz + INTERVAL '2 days'\n  GROUP BY 1, 2\n",
            driver.display()
        ),
    );
    // The closes worked out here: 128 / 128 above the day's level.
    let mut bars = "date,symbol,close,volume\n".to_owned();
    let mut day: jiff::civil::Date = "2023-06-01".parse().unwrap();
    while day <= "2025-01-10".parse().unwrap() {
        if day.weekday().to_monday_one_offset() < 6 {
            for (symbol, m) in [("NVDA", 5), ("MSFT", 7)] {
                bars.push_str(&format!("{day},{symbol},{},256\n", 101 + day.day() % m));
            }
        }
        day = day.tomorrow().unwrap();
    }
    write_file(&desk.path().join("data/bars.csv"), &bars);
    let detect = |format: &str, glob: &str| {
        write_file(
            &desk.path().join("config/sources.yaml"),
            &format!(
                "sources:\n  - id: bars\n    kind: prices\n    format: {format}\n    glob: {glob}\n    \
                 columns: {{date: date, symbol: symbol, returns: close, quote: close, volume: volume}}\n    \
                 currency: USD\n    licence: own\n"
            ),
        );
        let output = shockbrief([
            "detect",
            "--data",
            "data",
            "--symbols",
            "NVDA,MSFT",
            "--from",
            "2024-06-03",
            "--to",
            "2025-01-08",
        ])
        .args(["--model", "none", "--format", "json"])
        .current_dir(desk.path())
        .env("WAREHOUSE", &uri)
        .output()
        .unwrap();
        succeeded(&output);
        String::from_utf8(output.stdout).unwrap().replace(glob, "bars")
    };
    let (ours, theirs) = (detect("sql", "ticks.yaml"), detect("csv", "bars.csv"));
    assert!(theirs.contains("\"sessions\""), "{theirs:.500}");
    assert_eq!(ours, theirs);
}

#[test]
fn what_is_wrong_is_named_without_the_password() {
    let Some(driver) = driver("sqlite") else { return println!("left out: no ADBC driver") };
    let folder = tempfile::tempdir().unwrap();
    let uri = folder.path().join("bars.db").display().to_string();
    execute(&driver, &uri, ["CREATE TABLE bars (date TEXT, symbol TEXT)".to_owned()]);
    let place = driver.display();
    for (query, code, expected) in [
        (
            format!("driver: {place}\nuri: {{env: WAREHOUSE}}\nquery: DELETE FROM bars\n"),
            2,
            "prices.yaml:3:1: the query is no single SELECT",
        ),
        (
            format!("driver: {place}\nuri: {{env: WAREHOUSE}}\nquery: SELECT 1; DROP TABLE bars\n"),
            2,
            "no single SELECT",
        ),
        (
            format!("driver: {place}\nuri: {{env: WAREHOUSE}}\nquery: SELECT * FROM absent_table\n"),
            4,
            "no such table: absent_table",
        ),
        (format!("driver: {place}\nuri: {{env: WAREHOUSE}}\nquery: SELECT * FROM bars\n"), 4, "prices.yaml"),
        (
            "driver: /nowhere/libadbc.so\nquery: SELECT 1\n".to_owned(),
            4,
            "the ADBC driver `/nowhere/libadbc.so` cannot be loaded",
        ),
        (
            format!("driver: {place}\nuri: {{env: NO_SUCH_VARIABLE}}\nquery: SELECT 1\n"),
            4,
            "the environment variable NO_SUCH_VARIABLE holds no address",
        ),
    ] {
        let desk = desk(&query);
        let output = render(desk.path(), &uri);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(expected) && said.contains("hint: "), "{said}");
        assert!(!said.contains(&uri) && !desk.path().join("out/2025-01-deepseek").exists(), "{said}");
    }
}
