//! Digests of what was read: the values that loading handed over, file by file.
//!
//! A brief names these beside its files. Rows after the as-of date are not read, so that a file to which
//! tomorrow's rows were added gives the same digest, and the same brief, for today.

use sha2::{Digest, Sha256};
use shockbrief_core::{Dataset, Market, Series, TimeTable};

/// One digest for each input of a dataset, in its order.
pub fn of_inputs(dataset: &Dataset) -> Vec<String> {
    let mut hashers = vec![Sha256::new(); dataset.inputs.len()];
    for market in dataset.markets.values() {
        for series in market.series.values() {
            if let Some(hasher) = hashers.get_mut(series.input) {
                add_series(hasher, market, series);
            }
        }
    }
    for table in [&dataset.fx, &dataset.factors] {
        for index in &table.inputs {
            if let Some(hasher) = hashers.get_mut(*index) {
                add_table(hasher, table);
            }
        }
    }
    for count in &dataset.shares {
        if let Some(hasher) = hashers.get_mut(count.input) {
            hasher.update(format!("{}|{}|{}|", count.symbol, count.as_of, count.filed));
            hasher.update(count.shares.to_le_bytes());
        }
    }
    for records in dataset.records.values() {
        for index in &records.inputs {
            if let Some(hasher) = hashers.get_mut(*index) {
                records.rows.iter().for_each(|row| hasher.update(format!("{row:?}|")));
            }
        }
    }
    hashers.into_iter().map(|hasher| hex(&hasher.finalize())).collect()
}

fn add_series(hasher: &mut Sha256, market: &Market, series: &Series) {
    hasher.update(format!("{}|{}|", series.symbol, series.currency));
    for (row, session) in market.sessions.iter().enumerate() {
        let values = [series.adjusted[row], series.quote[row], series.volume[row]];
        if values.iter().any(Option::is_some) {
            hasher.update(session.date.to_string());
            values.into_iter().for_each(|value| add_value(hasher, value));
        }
    }
}

fn add_table(hasher: &mut Sha256, table: &TimeTable) {
    table.dates.iter().for_each(|date| hasher.update(date.to_string()));
    for (name, values) in &table.columns {
        hasher.update(format!("|{name}|"));
        values.iter().for_each(|value| add_value(hasher, *value));
    }
}

fn add_value(hasher: &mut Sha256, value: Option<f64>) {
    hasher.update(value.map_or([0xff; 8], f64::to_le_bytes));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
