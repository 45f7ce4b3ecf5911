//! Arrow arrays of a warehouse's answer as columns: numbers, days and text; anything else is refused by its type.
//!
//! Written out by hand for the types that hold those: a general cast would also read a duration as a number.

use crate::cells;
use anyhow::Result;
use arrow_array::{
    Array, ArrayRef,
    cast::AsArray,
    types::{
        ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type,
        Decimal256Type, DecimalType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
        TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
        UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    },
};
use arrow_schema::{DataType, TimeUnit};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use polars::prelude::{Column, DataType as Stored};
use shockbrief_core::Refusal;

/// What an array holds.
enum Held {
    Numbers(Vec<Option<f64>>),
    Texts(Vec<Option<String>>),
    Days(Vec<Option<Date>>),
}

/// A column of an answer.
///
/// # Errors
/// A type that is neither number, date nor text.
pub(super) fn column(name: &str, array: &ArrayRef) -> Result<Column> {
    let held = held(array).ok_or_else(|| {
        Refusal::data(format!("column `{name}` holds {}, neither numbers, dates nor text", array.data_type()))
            .hint("cast it in the query, or map another column in config/sources.yaml")
    })?;
    Ok(match held {
        Held::Numbers(values) => Column::new(name.into(), values),
        Held::Texts(values) => Column::new(name.into(), values),
        Held::Days(values) => {
            let days: Vec<Option<i32>> = values.into_iter().map(|day| day.map(cells::days_since)).collect();
            Column::new(name.into(), days).cast(&Stored::Date)?
        }
    })
}

fn held(array: &ArrayRef) -> Option<Held> {
    Some(match array.data_type() {
        DataType::Null => Held::Texts(vec![None; array.len()]),
        DataType::Int8 => numbers::<Int8Type>(array, f64::from),
        DataType::Int16 => numbers::<Int16Type>(array, f64::from),
        DataType::Int32 => numbers::<Int32Type>(array, f64::from),
        DataType::UInt8 => numbers::<UInt8Type>(array, f64::from),
        DataType::UInt16 => numbers::<UInt16Type>(array, f64::from),
        DataType::UInt32 => numbers::<UInt32Type>(array, f64::from),
        #[expect(clippy::cast_precision_loss, reason = "the nearest number is what a float column holds too")]
        DataType::Int64 => numbers::<Int64Type>(array, |value| value as f64),
        #[expect(clippy::cast_precision_loss, reason = "the nearest number is what a float column holds too")]
        DataType::UInt64 => numbers::<UInt64Type>(array, |value| value as f64),
        DataType::Float32 => numbers::<Float32Type>(array, f64::from),
        DataType::Float64 => numbers::<Float64Type>(array, |value| value),
        DataType::Decimal32(..) => decimals::<Decimal32Type>(array),
        DataType::Decimal64(..) => decimals::<Decimal64Type>(array),
        DataType::Decimal128(..) => decimals::<Decimal128Type>(array),
        DataType::Decimal256(..) => decimals::<Decimal256Type>(array),
        DataType::Utf8 => texts(array.as_string::<i32>().iter()),
        DataType::LargeUtf8 => texts(array.as_string::<i64>().iter()),
        DataType::Utf8View => texts(array.as_string_view().iter()),
        DataType::Date32 => {
            Held::Days(array.as_primitive::<Date32Type>().iter().map(|day| cells::date_of(day?)).collect())
        }
        DataType::Date64 => {
            let days = array.as_primitive::<Date64Type>();
            let day = |value: i64| cells::date_of(i32::try_from(value.div_euclid(86_400_000)).ok()?);
            Held::Days(days.iter().map(|value| value.and_then(day)).collect())
        }
        DataType::Timestamp(unit, zone) => instants(array, *unit, zone.as_deref()),
        DataType::Dictionary(..) => return dictionary(array),
        _ => return None,
    })
}

fn numbers<T: ArrowPrimitiveType>(array: &ArrayRef, number: fn(T::Native) -> f64) -> Held {
    Held::Numbers(array.as_primitive::<T>().iter().map(|value| value.map(number)).collect())
}

/// Every digit as text: a float may not hold them all.
fn decimals<T: DecimalType>(array: &ArrayRef) -> Held {
    let values = array.as_primitive::<T>();
    let text = |row: usize| values.is_valid(row).then(|| values.value_as_string(row));
    Held::Texts((0..values.len()).map(text).collect())
}

fn texts<'a>(values: impl Iterator<Item = Option<&'a str>>) -> Held {
    Held::Texts(values.map(|value| value.map(str::to_owned)).collect())
}

fn dictionary(array: &ArrayRef) -> Option<Held> {
    let dictionary = array.as_any_dictionary();
    if dictionary.values().is_empty() {
        return Some(Held::Texts(vec![None; array.len()]));
    }
    let keys = dictionary.normalized_keys();
    let present = |row: usize| dictionary.keys().is_valid(row);
    fn spread<T: Clone>(
        values: &[Option<T>],
        keys: &[usize],
        present: impl Fn(usize) -> bool,
    ) -> Vec<Option<T>> {
        let cell = |(row, key): (usize, &usize)| values.get(*key).cloned().flatten().filter(|_| present(row));
        keys.iter().enumerate().map(cell).collect()
    }
    Some(match held(dictionary.values())? {
        Held::Numbers(values) => Held::Numbers(spread(&values, &keys, present)),
        Held::Texts(values) => Held::Texts(spread(&values, &keys, present)),
        Held::Days(values) => Held::Days(spread(&values, &keys, present)),
    })
}

/// Times without zone are the day as written; an instant is written out with its offset, for the reader of dates.
fn instants(array: &ArrayRef, unit: TimeUnit, zone: Option<&str>) -> Held {
    let (values, per_second): (Vec<Option<i64>>, i64) = match unit {
        TimeUnit::Second => (array.as_primitive::<TimestampSecondType>().iter().collect(), 1),
        TimeUnit::Millisecond => (array.as_primitive::<TimestampMillisecondType>().iter().collect(), 1_000),
        TimeUnit::Microsecond => {
            (array.as_primitive::<TimestampMicrosecondType>().iter().collect(), 1_000_000)
        }
        TimeUnit::Nanosecond => {
            (array.as_primitive::<TimestampNanosecondType>().iter().collect(), 1_000_000_000)
        }
    };
    if zone.is_none()
        && let Ok(days) = cells::instants(&values, per_second, None, None)
    {
        return Held::Days(days);
    }
    let zone = zone.and_then(cells::zone_of).unwrap_or(TimeZone::UTC);
    let text = |value: i64| {
        let instant = Timestamp::from_second(value.div_euclid(per_second)).ok()?;
        let there = instant.to_zoned_datetime(zone.clone());
        Some(there.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
    };
    Held::Texts(values.iter().map(|value| value.and_then(text)).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use arrow_array::{
        BooleanArray, Decimal128Array, DictionaryArray, DurationSecondArray, LargeStringArray,
        StringViewArray, TimestampMicrosecondArray, TimestampNanosecondArray,
    };
    use std::sync::Arc;

    fn text(array: ArrayRef) -> Vec<Option<String>> {
        cells::texts(&column("x", &array).unwrap()).unwrap()
    }

    #[test]
    fn every_form_of_text_and_number_is_read() {
        assert_eq!(text(Arc::new(LargeStringArray::from(vec![Some("a"), None]))), [Some("a".into()), None]);
        assert_eq!(text(Arc::new(StringViewArray::from(vec!["a"]))), [Some("a".into())]);
        let coded: DictionaryArray<Int8Type> = vec![Some("b"), None, Some("b")].into_iter().collect();
        assert_eq!(text(Arc::new(coded)), [Some("b".into()), None, Some("b".into())]);
        let decimals = Decimal128Array::from(vec![12_345_i128]).with_precision_and_scale(10, 6).unwrap();
        assert_eq!(text(Arc::new(decimals)), [Some("0.012345".into())]);
    }

    #[test]
    fn an_instant_keeps_its_zone_and_a_plain_time_is_a_day() {
        let micros = 1_737_903_600_000_000;
        let seoul = TimestampMicrosecondArray::from(vec![micros]).with_timezone("Asia/Seoul");
        assert_eq!(text(Arc::new(seoul)), [Some("2025-01-27T00:00:00+09:00".into())]);
        let utc = TimestampMicrosecondArray::from(vec![micros]).with_timezone("UTC");
        assert_eq!(text(Arc::new(utc)), [Some("2025-01-26T15:00:00+00:00".into())]);
        let plain = TimestampNanosecondArray::from(vec![1_737_936_000_000_000_000]);
        assert_eq!(text(Arc::new(plain)), [Some("2025-01-27".into())]);
    }

    #[test]
    fn what_is_no_value_is_refused_by_its_type() {
        for array in [
            Arc::new(DurationSecondArray::from(vec![1])) as ArrayRef,
            Arc::new(BooleanArray::from(vec![true])) as ArrayRef,
        ] {
            let error = column("adj_close", &array).unwrap_err().to_string();
            assert!(error.contains("`adj_close` holds") && error.contains("neither"), "{error}");
        }
    }
}
