//! The store as the place where fetched rows go.
//!
//! Rows wait until some dozens of subjects have come, and are then written as one segment: a segment per subject
//! would make thousands of small files. What waits when a fetch is killed is lost here but not asked for twice: raw
//! answers are kept as they come, and the next fetch reads them again.

use anyhow::Result;
use shockbrief_core::config::DataKind;
use shockbrief_data::store::{Ask, Store, Told, learn};
use shockbrief_fetch::{Appended, Batch, Known, Provenance, Row, Sink};

/// Subjects whose rows wait at most.
const SUBJECTS: usize = 32;

/// Rows that wait at most.
const ROWS: usize = 200_000;

/// The store, and the rows that wait to be written to it.
pub struct StoreSink {
    store: Store,
    waiting: Vec<Told>,
    subjects: usize,
}

impl StoreSink {
    /// A sink into a store.
    pub fn new(store: Store) -> Self {
        Self { store, waiting: Vec::new(), subjects: 0 }
    }

    /// Writes what waits, and merges segments where there are many.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn finish(mut self) -> Result<()> {
        self.write()?;
        self.store.writer()?.maintain()?;
        Ok(())
    }

    /// Writes what waits. Another fetch may have written meanwhile: what is new is judged again, under the lock.
    fn write(&mut self) -> Result<()> {
        if !self.waiting.is_empty() {
            self.store.writer()?.learn(&self.waiting)?;
        }
        self.waiting.clear();
        self.subjects = 0;
        Ok(())
    }

    /// What is held of a subject from a provider, and what waits of it, oldest knowledge first.
    fn held(&self, provider: &str, data: DataKind, subject: &str) -> Result<Vec<Told>> {
        let kind = data.name();
        let ask = Ask { kinds: &[kind], subject: Some(subject), provider: Some(provider), ..Ask::default() };
        let mut held = self.store.read(|snapshot| snapshot.told(&ask))?;
        let own = |told: &&Told| told.kind == kind && told.subject == subject && told.provider == provider;
        held.extend(self.waiting.iter().filter(own).cloned());
        held.sort_by_key(|told| told.known);
        Ok(held)
    }
}

impl Sink for StoreSink {
    fn known(&self, provider: &str, data: DataKind, subject: &str) -> Result<Known> {
        let held = self.held(provider, data, subject)?;
        Ok(held.into_iter().map(|told| ((told.field, told.date), told.value)).collect())
    }

    fn append(
        &mut self,
        subject: &str,
        batch: &Batch,
        data: DataKind,
        provenance: &Provenance,
    ) -> Result<Appended> {
        let told: Vec<Told> = batch.rows.iter().map(|row| told(subject, row, data, provenance)).collect();
        let (rows, learnt) = learn(&self.held(&provenance.provider, data, subject)?, &told);
        self.waiting.extend(rows);
        self.subjects += 1;
        if self.subjects >= SUBJECTS || self.waiting.len() >= ROWS {
            self.write()?;
        }
        Ok(Appended { new: learnt.new, revised: learnt.revised, same: learnt.same })
    }
}

fn told(subject: &str, row: &Row, data: DataKind, provenance: &Provenance) -> Told {
    Told {
        kind: data.name().to_owned(),
        subject: subject.to_owned(),
        symbol: row.symbol.clone(),
        field: row.field.clone(),
        date: row.date,
        known: row.known,
        fetched: provenance.fetched,
        value: row.value,
        unit: row.unit.clone(),
        provider: provenance.provider.clone(),
    }
}
