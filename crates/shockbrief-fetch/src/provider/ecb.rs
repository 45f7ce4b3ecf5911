//! The European Central Bank's data interface, as `csvdata`: reference rates of the euro.

use super::{Auth, Call, Provider, only};
use crate::{
    Ask, Batch, Failure, Row,
    text::{self, Cell, Csv},
};
use shockbrief_core::config::DataKind;

/// See the module.
pub struct Ecb;

impl Provider for Ecb {
    fn name(&self) -> &'static str {
        "ecb"
    }

    fn data(&self) -> Option<DataKind> {
        Some(DataKind::Fx)
    }

    fn calls(&self, ask: &Ask<'_>) -> Vec<Call> {
        let path = format!("/service/data/EXR/D.{}.EUR.SP00.A", ask.code);
        let call = Call::new(path, Auth::None).with("startPeriod", ask.from).with("endPeriod", ask.to);
        let mut call = call.with("format", "csvdata");
        // Nothing published in the window is told as 404.
        call.may_lack = true;
        vec![call]
    }

    fn parse(&self, ask: &Ask<'_>, bodies: &[&[u8]]) -> Result<Batch, Failure> {
        let bytes = only(ask, bodies)?;
        text::refuse_page(ask, bytes)?;
        text::refuse_open_end(ask, bytes)?;
        let table = Csv::read(ask, bytes, b',')?;
        let currency = table.need(ask, "CURRENCY")?;
        let date = table.need(ask, "TIME_PERIOD")?;
        let value = table.need(ask, "OBS_VALUE")?;
        let mut batch = Batch::default();
        let mut missing = 0;
        for row in &table.rows {
            let line = row.line;
            if row.get(currency) != Some(ask.code) {
                let other = ask.glimpse(row.get(currency).unwrap_or_default().as_bytes());
                return Err(ask.changed(format!("line {line}: currency `{other}`, asked for {}", ask.code)));
            }
            let Some(date) = row.get(date).and_then(text::iso_date) else {
                return Err(ask.changed(format!("line {line}: no day in TIME_PERIOD")));
            };
            match text::cell(row.get(value).unwrap_or_default()) {
                Some(Cell::Number(rate)) if rate > 0.0 => batch.rows.push(Row {
                    symbol: ask.subject.to_owned(),
                    field: "rate".to_owned(),
                    date,
                    value: rate,
                    unit: ask.code.to_owned(),
                    known: ask.now,
                }),
                Some(Cell::Missing) => missing += 1,
                _ => return Err(ask.changed(format!("line {line}: OBS_VALUE is no rate"))),
            }
        }
        batch.rows.retain(|row| ask.wants(row.date));
        if missing > 0 {
            batch.notes.push(format!("left out {missing} days without a rate (holidays)"));
        }
        if batch.rows.is_empty() {
            return Err(ask.empty());
        }
        batch.settle();
        Ok(batch)
    }
}
