//! `stat`: one statistic of a table of the user's own.

use crate::{args::Stat, say};
use anyhow::Result;
use shockbrief_analytics::stat::{self, Params, STATS, Table};
use shockbrief_core::{Refusal, fs};
use shockbrief_data::table::TextTable;

/// Reads the table, computes the statistic and prints its JSON; without a name, lists what there is.
pub fn run(args: &Stat) -> Result<()> {
    let (Some(name), Some(input)) = (&args.name, &args.input) else {
        list();
        return Ok(());
    };
    let file = TextTable::read_field(input, None, args.field.as_deref())?;
    let (rows, columns) = file
        .headers
        .split_first()
        .ok_or_else(|| Refusal::data(format!("{}: no columns", input.display())))?;
    in_time(&file, rows)?;
    let labels = file.texts(rows)?.into_iter().map(Option::unwrap_or_default).collect();
    let columns = columns
        .iter()
        .map(|column| Ok((column.clone(), file.numbers(column, 1.0)?)))
        .collect::<Result<Vec<_>, Refusal>>()?;
    let result =
        stat::run(name, &Table { rows: labels, columns }, &params(&args.param)?).map_err(|error| {
            Refusal::data(format!("{}: {error}", input.display()))
                .hint("`shockbrief stat` lists statistics and parameters")
        })?;
    let text = serde_json::to_string_pretty(&result)? + "\n";
    match &args.out {
        Some(path) => fs::write_atomic(path, text.as_bytes()),
        None => {
            say(text.trim_end());
            Ok(())
        }
    }
}

/// Rows that are dated stand in order of time, each date once: a statistic of a series reads them as they come.
fn in_time(file: &TextTable, rows: &str) -> Result<(), Refusal> {
    let named =
        ["date", "day", "time", "timestamp", "datetime"].iter().any(|name| rows.eq_ignore_ascii_case(name));
    match file.ascending(rows) {
        Ok(_) => Ok(()),
        Err(refusal) if named || file.dated(rows)? => Err(refusal),
        Err(_) => Ok(()),
    }
}

fn params(given: &[String]) -> Result<Params> {
    given
        .iter()
        .map(|text| {
            let (name, value) = text.split_once('=').ok_or_else(|| {
                Refusal::config(format!("parameter `{text}`")).hint("write it as --param name=value")
            })?;
            Ok((name.to_owned(), value.to_owned()))
        })
        .collect()
}

fn list() {
    for stat in STATS {
        say(format_args!("{}: {}", stat.name, stat.doc));
        for param in stat.params {
            let default = if param.default.is_empty() {
                "required or none".to_owned()
            } else {
                format!("default {}", param.default)
            };
            say(format_args!("  {} ({default}): {}", param.name, param.doc));
        }
    }
}
