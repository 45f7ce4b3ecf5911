//! Declared tables: rows of names, facts, events or records against columns of what is measured of them.

use super::{Work, add_figure, existing, full};
use shockbrief_core::{
    Align, Cell, Column, Datum, Figure, Findings, Record, Refusal, Row, Table, Unit,
    config::section::{
        Base, CellSpec, ColumnSpec, EventsSpec, Field, FigureSpec, Head, Instance, Ref, RowKind, RowsSpec,
        TableSpec, Total, When,
    },
};

/// A row before its cells.
struct Line<'a> {
    /// As it stands in ids.
    slug: String,
    /// Its name; rows of records have none of their own.
    name: Option<Cell>,
    what: What<'a>,
}

enum What<'a> {
    Name(Ref),
    Fact(&'a str),
    Event(String),
    Record(&'a Record),
    Entry,
}

impl<'a> Work<'a> {
    pub(super) fn table(
        &self,
        instance: &Instance,
        name: &str,
        spec: &TableSpec,
        findings: &mut Findings,
        faults: &mut Vec<Refusal>,
    ) {
        let id = full(&format!(".{name}"), instance);
        let lines = self.lines(instance, &spec.rows);
        let named = lines.iter().any(|line| line.name.is_some());
        let mut rows = Vec::new();
        for line in &lines {
            let mut cells: Vec<Cell> = line.name.iter().cloned().collect();
            for (index, column) in spec.columns.iter().enumerate() {
                let cell_id = format!("{id}.{}.c{}", line.slug, index + 1);
                let cell = self.cell(instance, name, line, column, &cell_id, findings, faults);
                cells.push(cell);
            }
            rows.push(Row::new(cells));
        }
        let first = usize::from(named);
        if let Some(sort) = spec.sort {
            let column = first + (sort.unsigned_abs() as usize).saturating_sub(1);
            sort_rows(&mut rows, column, sort < 0, findings);
        }
        rows.truncate(spec.limit.unwrap_or(usize::MAX));
        if let Some(total) = spec.total {
            let row = self.total(&id, total, &rows, first, findings);
            rows.extend(row);
        }
        findings.lists.insert(format!("{id}.rows"), lines.iter().map(|line| line.slug.clone()).collect());
        findings.lists.insert(format!("{id}.notes"), self.noted(&lines));
        let columns = self.columns(&id, spec, named, &rows);
        let sources = self.sources(spec, &lines);
        findings.tables.insert(id.clone(), Table { id, columns, rows, sources });
    }

    /// Facts of the rows that carry a note: what is partial or only claimed is said in words beside the table.
    fn noted(&self, lines: &[Line<'_>]) -> Vec<String> {
        let facts = lines.iter().filter_map(|line| match &line.what {
            What::Fact(fact) => Some(*fact),
            _ => None,
        });
        let noted = |id: &&str| self.desk.facts.known(id, self.desk.as_of).is_some_and(|f| f.note.is_some());
        facts.filter(noted).map(str::to_owned).collect()
    }

    fn columns(&self, id: &str, spec: &TableSpec, named: bool, rows: &[Row]) -> Vec<Column> {
        let mut columns = Vec::new();
        if named {
            let header = spec.head.as_ref().map_or("col.name".to_owned(), |_| format!("head.{id}.0"));
            columns.push(Column { header, align: Align::Left, format: String::new() });
        }
        for (index, column) in spec.columns.iter().enumerate() {
            let header = match &column.head {
                Head::Key(key) => key.clone(),
                Head::Texts(_) => format!("head.{id}.{}", index + 1),
            };
            let at = index + usize::from(named);
            let numbers =
                rows.iter().any(|row| matches!(row.cells.get(at), Some(Cell::Figure(_) | Cell::P(_))));
            let align = if numbers { Align::Decimal } else { Align::Left };
            columns.push(Column { header, align, format: column.format.clone().unwrap_or_default() });
        }
        columns
    }

    fn lines(&self, instance: &Instance, rows: &RowsSpec) -> Vec<Line<'a>> {
        match rows {
            RowsSpec::Of(set) => self
                .names_of(set)
                .into_iter()
                .map(|name| Line {
                    slug: name.slug(),
                    name: Some(self.label(instance, &name)),
                    what: What::Name(name),
                })
                .collect(),
            RowsSpec::Kind(kind) => self.others(kind),
        }
    }

    /// Names of rows: as listed, `sample` and `themes` for those of the report; a theme alone is one row.
    pub(super) fn names_of(&self, set: &shockbrief_core::config::section::Set) -> Vec<Ref> {
        match set.one() {
            Some(one @ (Ref::Theme(_) | Ref::Basket(_))) => vec![one.clone()],
            _ => self.courses.members(set),
        }
    }

    /// How a name is written.
    pub(super) fn label(&self, instance: &Instance, name: &Ref) -> Cell {
        match name {
            Ref::Symbol(symbol) if !instance.spec.names.contains_key(symbol.as_str()) => {
                Cell::Text(self.desk.name(symbol))
            }
            Ref::Theme(theme) if !instance.spec.names.contains_key(&name.to_string()) => {
                Cell::Label(format!("theme.{theme}"))
            }
            other => Cell::Label(format!("ref.{}.{other}", instance.id)),
        }
    }

    fn others(&self, kind: &RowKind) -> Vec<Line<'a>> {
        let as_of = self.desk.as_of;
        let mut lines = Vec::new();
        for id in kind.facts.iter().flatten() {
            let Some((id, _)) = self.desk.facts.all_known(as_of).find(|(known, _)| known == id) else {
                continue;
            };
            let name = Some(Cell::Label(format!("fact.{id}")));
            lines.push(Line { slug: id.to_owned(), name, what: What::Fact(id) });
        }
        for id in kind.events.iter().flat_map(|events| self.events(events)) {
            let name = Some(Cell::Label(format!("event.{id}")));
            lines.push(Line { slug: id.clone(), name, what: What::Event(id) });
        }
        for entry in kind.entries.iter().flatten() {
            if entry.fact.as_ref().is_none_or(|fact| self.desk.knows(&[fact])) {
                let name = Some(Cell::Text(entry.name.clone()));
                lines.push(Line { slug: entry.row.clone(), name, what: What::Entry });
            }
        }
        if let Some(records) = &kind.records {
            let rows =
                self.desk.records(&records.source).map(|found| found.rows.as_slice()).unwrap_or_default();
            let kept = |row: &&Record| {
                records.filter.iter().all(|(field, wanted)| row.text(field) == Some(wanted.as_str()))
            };
            let kept = rows.iter().filter(kept).enumerate();
            lines.extend(kept.map(|(at, row)| Line {
                slug: format!("r{}", at + 1),
                name: None,
                what: What::Record(row),
            }));
        }
        lines
    }

    /// Events that had happened by the as-of date.
    pub(super) fn events(&self, spec: &EventsSpec) -> Vec<String> {
        let happened = |id: &str| {
            let event = self.desk.events.events.get(&id.into())?;
            let day = jiff::tz::TimeZone::UTC.to_datetime(event.instant).date();
            (day <= self.desk.as_of).then_some((event.instant, id.to_owned()))
        };
        match spec {
            EventsSpec::Ids(ids) => ids.iter().filter_map(|id| happened(id)).map(|(_, id)| id).collect(),
            EventsSpec::Topic { topic } => {
                let events = self.desk.events.events.iter();
                let of_topic = events.filter(|(_, event)| event.topic.as_ref() == Some(topic));
                let mut found: Vec<_> = of_topic.filter_map(|(id, _)| happened(id.as_str())).collect();
                found.sort();
                found.into_iter().map(|(_, id)| id).collect()
            }
        }
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "a cell has a place, a row, a column and two books to write into"
    )]
    fn cell(
        &self,
        instance: &Instance,
        table: &str,
        line: &Line<'_>,
        column: &ColumnSpec,
        id: &str,
        findings: &mut Findings,
        faults: &mut Vec<Refusal>,
    ) -> Cell {
        match &column.cell {
            CellSpec::Figure(pattern, part) => {
                let of_row = |pattern: &str| full(&pattern.replace("{row}", &line.slug), instance);
                let first = Some(of_row(pattern)).filter(|id| findings.figures.contains_key(id));
                let found = match (first, column.or.as_deref()) {
                    (Some(id), _) => Some(id),
                    (None, Some("none")) => None,
                    (None, Some(other)) => existing(&of_row(other), instance, findings, faults, table),
                    (None, None) => existing(&of_row(pattern), instance, findings, faults, table),
                };
                match (found, part) {
                    (None, _) => Cell::Empty,
                    (Some(id), Field::Value) => Cell::Figure(id),
                    (Some(id), Field::P) => Cell::P(id),
                }
            }
            CellSpec::Measure(spec) => {
                let spec = at_row(spec, line);
                Cell::Figure(self.shown(id, &spec, (instance, table), findings, faults))
            }
            CellSpec::Field(field) => self.field(line, field, column, id, findings),
            CellSpec::Source(pattern) => {
                let fact = self.desk.facts.known(&pattern.replace("{row}", &line.slug), self.desk.as_of);
                fact.map_or(Cell::Empty, |fact| Cell::Text(fact.source.text.clone()))
            }
        }
    }

    fn field(
        &self,
        line: &Line<'_>,
        field: &str,
        column: &ColumnSpec,
        id: &str,
        findings: &mut Findings,
    ) -> Cell {
        let as_of = self.desk.as_of;
        let date = |day, findings: &mut Findings| {
            Cell::Figure(add_figure(findings, Figure::date(id, day, "record", as_of)))
        };
        match (&line.what, field) {
            (What::Fact(fact), _) => {
                let Some(found) = self.desk.facts.known(fact, as_of) else { return Cell::Empty };
                match field {
                    "value" => Cell::Figure(format!("fact.{fact}")),
                    "known" => {
                        let figure = Figure::date(format!("fact.{fact}.known"), found.known(), "fact", as_of);
                        Cell::Figure(add_figure(findings, figure.inputs([format!("fact.{fact}")])))
                    }
                    "date" => date(found.date, findings),
                    "source" => Cell::Text(found.source.text.clone()),
                    "checked" => {
                        found.checked.map_or(Cell::Empty, |checked| Cell::Label(checked.label().to_owned()))
                    }
                    _ => Cell::Empty,
                }
            }
            (What::Event(event), _) => {
                let Some(found) = self.desk.events.events.get(&event.as_str().into()) else {
                    return Cell::Empty;
                };
                match field {
                    "date" => date(jiff::tz::TimeZone::UTC.to_datetime(found.instant).date(), findings),
                    "source" => Cell::Text(found.source.clone()),
                    _ => Cell::Empty,
                }
            }
            (What::Record(record), "date") => date(record.date, findings),
            (What::Record(record), _) => match record.fields.get(field) {
                Some(Datum::Text(text)) => Cell::Text(text.clone()),
                Some(Datum::Date(day)) => date(*day, findings),
                Some(Datum::Number(value)) => {
                    let unit = column.unit.unwrap_or(Unit::Number);
                    let mut figure = Figure::new(id, *value, unit, "record", as_of).inputs([field]);
                    figure.currency.clone_from(&column.currency);
                    Cell::Figure(add_figure(findings, figure))
                }
                None => Cell::Empty,
            },
            (What::Name(_) | What::Entry, _) => Cell::Empty,
        }
    }

    /// A last row of means or sums over the rows shown, where all of a column's values have one unit.
    fn total(
        &self,
        id: &str,
        total: Total,
        rows: &[Row],
        first: usize,
        findings: &mut Findings,
    ) -> Option<Row> {
        let width = rows.first()?.cells.len();
        let key = if total == Total::Mean { "total.mean" } else { "total.sum" };
        let mut cells = vec![Cell::Label(key.to_owned()); first.min(1)];
        for at in first..width {
            let ids: Vec<String> = rows
                .iter()
                .filter_map(|row| match row.cells.get(at) {
                    Some(Cell::Figure(id)) => Some(id.clone()),
                    _ => None,
                })
                .collect();
            cells.push(match self.summed(id, at - first + 1, total, &ids, findings) {
                Some(figure) => Cell::Figure(add_figure(findings, figure)),
                None => Cell::Empty,
            });
        }
        Some(Row { total: true, ..Row::new(cells) })
    }

    fn summed(
        &self,
        id: &str,
        column: usize,
        total: Total,
        ids: &[String],
        findings: &Findings,
    ) -> Option<Figure> {
        let figures: Vec<&Figure> = ids.iter().filter_map(|id| findings.figures.get(id)).collect();
        let first = figures.first()?;
        let alike =
            figures.iter().all(|figure| figure.unit == first.unit && figure.currency == first.currency);
        let summable = match total {
            Total::Mean => !matches!(first.unit, Unit::Date | Unit::Probability | Unit::Statistic),
            Total::Sum => matches!(first.unit, Unit::Money | Unit::Count),
        };
        if !alike || !summable {
            return None;
        }
        let values: Vec<f64> = figures.iter().filter_map(|figure| figure.number()).collect();
        let (id, statistic) = match total {
            Total::Mean => (format!("{id}.mean.c{column}"), "mean"),
            Total::Sum => (format!("{id}.sum.c{column}"), "sum"),
        };
        let sum: f64 = values.iter().sum();
        let value = if total == Total::Mean { sum / values.len() as f64 } else { sum };
        let as_of = self.desk.as_of;
        let figure = if values.is_empty() {
            Figure::missing(id, "no row has a value", first.unit, statistic, as_of)
        } else {
            Figure::new(id, value, first.unit, statistic, as_of)
        };
        let figure = figure.n(values.len()).inputs(ids.to_vec());
        Some(first.currency.iter().fold(figure, |figure, currency| figure.currency(currency)))
    }

    /// Files behind rows and measures; facts and events name their sources unless a column does.
    fn sources(&self, spec: &TableSpec, lines: &[Line<'_>]) -> Vec<String> {
        let mut files: Vec<String> = Vec::new();
        let rows = lines.iter().filter_map(|line| match &line.what {
            What::Name(name) => Some(name),
            _ => None,
        });
        let measured = spec.columns.iter().filter_map(|column| match &column.cell {
            CellSpec::Measure(figure) => Some(figure.make.references()),
            _ => None,
        });
        for name in rows.chain(measured.flatten()) {
            if let Ok(course) = self.courses.get(name).as_ref() {
                files.extend(course.sources.iter().cloned());
            }
        }
        let told = |column: &ColumnSpec| match &column.cell {
            CellSpec::Field(field) => field == "source",
            other => matches!(other, CellSpec::Source(_)),
        };
        if let RowsSpec::Kind(kind) = &spec.rows {
            let found = kind.records.iter().filter_map(|records| self.desk.records(&records.source));
            found.for_each(|found| files.extend(self.desk.files(&[found])));
            let named = [("facts", kind.facts.is_some()), ("events", kind.events.is_some())];
            let named = named.iter().filter(|(_, shown)| *shown && !spec.columns.iter().any(told));
            files.extend(named.map(|(name, _)| (*name).to_owned()));
        }
        files.sort();
        files.dedup();
        files
    }
}

/// A measure as it is for a row: of the row's name, around the row's event.
fn at_row(spec: &FigureSpec, line: &Line<'_>) -> FigureSpec {
    let mut made = spec.clone();
    match &line.what {
        What::Name(name) => made.make = spec.make.of(name),
        What::Event(event) => {
            made.make = spec.make.around(&|when: &When| match &when.base {
                Base::Event(None) => {
                    When { base: Base::Event(Some(event.as_str().into())), sessions: when.sessions }
                }
                _ => when.clone(),
            })
        }
        What::Fact(_) | What::Record(_) | What::Entry => {}
    }
    made
}

/// Orders rows by the figures of a column; rows without value come last, in their order.
fn sort_rows(rows: &mut [Row], column: usize, falling: bool, findings: &Findings) {
    let key = |row: &Row| match row.cells.get(column) {
        Some(Cell::Figure(id)) => match findings.figures.get(id).and_then(|figure| figure.value) {
            Some(shockbrief_core::Value::Number(value)) => Some(value),
            Some(shockbrief_core::Value::Date(date)) => {
                Some(f64::from((date - jiff::civil::date(1970, 1, 1)).get_days()))
            }
            None => None,
        },
        Some(Cell::P(id)) => findings.figures.get(id).and_then(|figure| figure.p),
        _ => None,
    };
    rows.sort_by(|a, b| match (key(a), key(b)) {
        (Some(a), Some(b)) if falling => b.total_cmp(&a),
        (Some(a), Some(b)) => a.total_cmp(&b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    });
}
