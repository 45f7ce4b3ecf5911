//! What declared sections need of the data, and what they point at that does not exist: known before anything is loaded.

use super::told;
use crate::{
    Method, Phrase, method,
    series::{SAMPLE, THEMES},
};
use anyhow::Result;
use shockbrief_core::{
    EventId, Refusal, Symbol, ThemeId,
    config::{
        Events, Facts, Report, SourceKind, Sources, Universe,
        section::{
            Base, CellSpec, Channel, ChartMark, EventsSpec, FigureSpec, Figuring, Head, Instance, Ref,
            RowsSpec, Set, TableSpec, Texts, When,
        },
    },
    expr::Expr,
    nearest::nearest,
};
use std::collections::{BTreeMap, BTreeSet};

/// What a section needs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Needs {
    /// Instruments.
    pub symbols: BTreeSet<Symbol>,
    /// Sources of records.
    pub records: BTreeSet<String>,
    /// Sources of records that are read where the desk declares them.
    pub wants: BTreeSet<String>,
    /// Facts that it names.
    pub facts: Vec<String>,
    /// Points in time from which it looks at prices.
    pub from: Vec<When>,
    /// Topics of events that it names.
    pub topics: Vec<String>,
    /// Names with a course.
    pub names: Vec<Ref>,
    /// Most sessions that it looks back on from a point in time.
    pub last: u32,
}

/// The configuration that names are looked up in.
#[derive(Clone, Copy)]
pub struct Lookup<'a> {
    /// The report.
    pub report: &'a Report,
    /// Instruments, themes, baskets.
    pub universe: &'a Universe,
    /// Dated events.
    pub events: &'a Events,
    /// Public facts.
    pub facts: &'a Facts,
    /// Declared sources.
    pub sources: &'a Sources,
}

/// What a section's figures, tables and charts need to be loaded.
#[must_use]
pub fn needs(instance: &Instance, house: &Lookup<'_>) -> Needs {
    let mut needs = Needs::default();
    if let Ok(Method::Kind(kind)) = method(instance)
        && let Ok(own) = kind.needs(instance)
    {
        // A kind that reads records alone asks for no prices.
        if own.records.is_empty() {
            own.names.iter().for_each(|name| need(name, house, &mut needs));
        }
        needs.records.extend(own.records);
    }
    for measure in measures(instance) {
        measure.references().into_iter().for_each(|name| need(name, house, &mut needs));
        if let Some((from, to, last)) = measure.ends() {
            needs.from.extend(from.iter().chain(to).cloned());
            needs.last = needs.last.max(last.unwrap_or(0));
        }
    }
    for (_, table) in instance.spec.tables.iter() {
        table.rows.references().into_iter().for_each(|name| need(name, house, &mut needs));
        if let RowsSpec::Kind(kind) = &table.rows {
            needs.records.extend(kind.records.iter().map(|records| records.source.clone()));
            // Around each event of the rows, not around the report's own.
            for id in kind.events.iter().flat_map(|events| ids_of(events, house.events)) {
                let own = |when: &When| match &when.base {
                    Base::Event(None) => {
                        When { base: Base::Event(Some(id.clone())), sessions: when.sessions }
                    }
                    _ => when.clone(),
                };
                let measures = table.columns.iter().filter_map(|column| of_cell(&column.cell));
                for ends in measures.filter_map(|measure| measure.make.ends()) {
                    needs.from.extend(ends.0.iter().chain(ends.1).map(own));
                }
            }
        }
    }
    for (_, chart) in instance.spec.charts.iter() {
        chart.mark.references().into_iter().for_each(|name| need(name, house, &mut needs));
        if let ChartMark::Line(line) = &chart.mark {
            needs.from.extend(line.from.iter().chain(&line.to).cloned());
            needs.last = needs.last.max(line.last.unwrap_or(0));
        }
    }
    needs
}

/// The events that a table or chart shows.
fn ids_of(spec: &EventsSpec, events: &Events) -> Vec<EventId> {
    match spec {
        EventsSpec::Ids(ids) => ids.iter().map(|id| EventId::from(id.as_str())).collect(),
        EventsSpec::Topic { topic } => {
            let of_topic = events.events.iter().filter(|(_, event)| event.topic.as_ref() == Some(topic));
            of_topic.map(|(id, _)| id.clone()).collect()
        }
    }
}

fn need(name: &Ref, house: &Lookup<'_>, needs: &mut Needs) {
    match name {
        Ref::Symbol(symbol) if is_word(symbol) => {}
        Ref::Symbol(symbol) => drop(needs.symbols.insert(symbol.clone())),
        Ref::Theme(theme) => {
            let of_theme: Vec<Symbol> =
                house.universe.of_theme(theme).map(|one| one.symbol.clone()).collect();
            let followed = followed(house.report);
            let some: Vec<Symbol> = of_theme.iter().filter(|one| followed.contains(*one)).cloned().collect();
            needs.symbols.extend(if some.is_empty() { of_theme } else { some });
        }
        Ref::Basket(basket) => {
            needs.symbols.extend(house.universe.baskets.get(basket).into_iter().flatten().cloned());
        }
        Ref::Pair(long, short) => {
            need(long, house, needs);
            need(short, house, needs);
        }
        Ref::Column { source, .. } => drop(needs.records.insert(source.clone())),
    }
}

fn followed(report: &Report) -> BTreeSet<Symbol> {
    let study = report.study.iter().flat_map(|study| &study.sample);
    study.chain(report.panel.iter().flat_map(|panel| &panel.sample)).cloned().collect()
}

fn is_word(symbol: &Symbol) -> bool {
    [SAMPLE, THEMES].contains(&symbol.as_str())
}

/// Every measure of a section: of its figures, its tables' cells, its charts' channels.
fn measures(instance: &Instance) -> Vec<&Figuring> {
    let spec = &instance.spec;
    let figures = spec.figures.iter().map(|(_, figure)| figure);
    let columns = spec.tables.iter().flat_map(|(_, table)| &table.columns);
    let cells = columns.filter_map(|column| of_cell(&column.cell));
    let channels = spec.charts.iter().flat_map(|(_, chart)| match &chart.mark {
        ChartMark::Bar(bar) | ChartMark::Interval(bar) => vec![&bar.x],
        ChartMark::Point(point) => vec![&point.x, &point.y],
        ChartMark::Line(_) | ChartMark::Rule(_) => Vec::new(),
    });
    let shown = channels.filter_map(|Channel(cell)| of_cell(cell));
    figures.chain(cells).chain(shown).map(|figure| &figure.make).collect()
}

fn of_cell(cell: &CellSpec) -> Option<&FigureSpec> {
    match cell {
        CellSpec::Measure(figure) => Some(figure),
        CellSpec::Figure(..) | CellSpec::Field(_) | CellSpec::Source(_) => None,
    }
}

/// Refuses everything that sections point at and that does not exist, all of it in one message.
///
/// # Errors
/// Names file, line, the id and the nearest that exists; a text without one of the languages; a figure that is
/// nobody's; a condition on a fact or a section that does not exist.
pub fn check(instances: &[Instance], house: &Lookup<'_>) -> Result<()> {
    let mut faults = Vec::new();
    for instance in instances {
        let mut check = Check { instance, house, faults: &mut faults };
        check.kind();
        check.figures();
        check.tables();
        check.charts();
        check.texts();
    }
    told(faults)
}

struct Check<'a> {
    instance: &'a Instance,
    house: &'a Lookup<'a>,
    faults: &'a mut Vec<Refusal>,
}

impl Check<'_> {
    fn fault(&mut self, needle: &str, message: impl Into<String>, hint: impl Into<String>) {
        let message = message.into();
        let origin = if needle == "with:" { &self.instance.with } else { &self.instance.origin };
        self.faults.push(origin.refuse(needle, message).hint(hint));
    }

    fn unknown<'b>(&mut self, needle: &str, what: &str, id: &str, known: impl IntoIterator<Item = &'b str>) {
        let near = nearest(id, known);
        let hint = near
            .map_or_else(|| format!("declare the {what} first"), |near| format!("the nearest is `{near}`"));
        self.fault(needle, format!("there is no {what} `{id}`"), hint);
    }

    /// Parameters that do not fit, and names and facts among them that do not exist.
    fn kind(&mut self) {
        let Ok(Method::Kind(kind)) = method(self.instance) else { return };
        match kind.needs(self.instance) {
            Ok(needs) => {
                needs.names.iter().for_each(|name| self.name(name, "with:"));
                needs.facts.iter().for_each(|fact| self.fact("with:", fact));
                for topic in needs.topics {
                    self.events(&EventsSpec::Topic { topic }, "with:");
                }
            }
            Err(refusal) => self.faults.push(refusal),
        }
    }

    fn figures(&mut self) {
        let instance = self.instance;
        for (name, spec) in instance.spec.figures.iter() {
            let place = format!("{name}:");
            if !spec.make.is_whose() {
                self.fault(&place, format!("figure `{name}` says not whose it is"), "name it: `of: NVDA`");
            }
            self.measure(&spec.make, &place);
            if let Figuring::Is(text) = &spec.make {
                self.expression(name, text);
            }
        }
    }

    /// Arithmetic that cannot be read, or that names facts or own figures that do not exist.
    fn expression(&mut self, name: &str, text: &str) {
        let place = format!("{name}:");
        let expr = match Expr::parse(text) {
            Ok(expr) => expr,
            Err(fault) => {
                return self.fault(&place, format!("figure `{name}`: {}", fault.told(text)), fault.hint);
            }
        };
        let instance = self.instance;
        let own: Vec<&str> = instance.spec.figures.iter().map(|(name, _)| name).collect();
        for (id, _) in expr.figures() {
            if let Some(local) = id.strip_prefix('.')
                && instance.kind == "text"
                && !local.contains('.')
                && !own.contains(&local)
            {
                self.unknown(&place, "figure", local, own.iter().copied());
            }
            if let Some(fact) = id.strip_prefix("fact.").filter(|fact| !fact.contains('.')) {
                self.fact(&place, fact);
            }
        }
    }

    fn fact(&mut self, place: &str, fact: &str) {
        if !self.house.facts.all().any(|(id, _)| id == fact) {
            let known: Vec<&str> = self.house.facts.all().map(|(id, _)| id).collect();
            self.unknown(place, "fact", fact, known);
        }
    }

    fn measure(&mut self, make: &Figuring, place: &str) {
        for name in make.references() {
            self.name(name, place);
        }
        if let Some((from, to, _)) = make.ends() {
            from.iter().chain(to).for_each(|when| self.when(when, place));
        }
    }

    fn when(&mut self, when: &When, place: &str) {
        let events = &self.house.events.events;
        match &when.base {
            Base::Event(Some(id)) if !events.contains_key(id) => {
                self.unknown(place, "event", id.as_str(), events.keys().map(|id| id.as_str()));
            }
            Base::Event(None) if self.house.report.study.is_none() && !self.rows_of_events() => {
                let hint = "name one as `event:<id>`, or give the report a `study`";
                self.fault(place, format!("`{when}`: the report is about no event"), hint);
            }
            _ => {}
        }
    }

    /// Whether a table's rows are events, whose own day 0 `event` then is.
    fn rows_of_events(&self) -> bool {
        self.instance.spec.tables.iter().any(|(_, table)| match &table.rows {
            RowsSpec::Kind(kind) => kind.events.is_some(),
            RowsSpec::Of(_) => false,
        })
    }

    fn name(&mut self, name: &Ref, place: &str) {
        let universe = self.house.universe;
        match name {
            Ref::Symbol(symbol) if is_word(symbol) => {}
            Ref::Symbol(symbol) if universe.get(symbol).is_none() => {
                let known = universe.instruments.iter().map(|one| one.symbol.as_str());
                self.unknown(place, "symbol", symbol.as_str(), known.chain([SAMPLE, THEMES]));
            }
            Ref::Theme(theme) if !universe.themes.contains_key(theme) => {
                self.unknown(place, "theme", theme.as_str(), universe.themes.keys().map(ThemeId::as_str));
            }
            Ref::Basket(basket) if !universe.baskets.contains_key(basket) => {
                self.unknown(place, "basket", basket, universe.baskets.keys().map(String::as_str));
            }
            Ref::Pair(long, short) => {
                self.name(long, place);
                self.name(short, place);
            }
            Ref::Column { source, column } => self.column(source, column, place),
            _ => {}
        }
    }

    fn source(&mut self, source: &str, place: &str) -> Option<Vec<String>> {
        let records: Vec<_> =
            self.house.sources.sources.iter().filter(|spec| spec.kind == SourceKind::Records).collect();
        match records.iter().find(|spec| spec.id == source) {
            Some(spec) => {
                let columns = &spec.columns;
                let names = columns.values.keys().chain(columns.texts.keys()).chain(columns.dates.keys());
                Some(names.cloned().chain(["date".to_owned()]).collect())
            }
            None => {
                self.unknown(place, "source of records", source, records.iter().map(|spec| spec.id.as_str()));
                None
            }
        }
    }

    fn column(&mut self, source: &str, column: &str, place: &str) {
        if let Some(columns) = self.source(source, place)
            && !columns.iter().any(|known| known == column)
        {
            self.unknown(place, "column", column, columns.iter().map(String::as_str));
        }
    }

    fn set(&mut self, set: &Set, place: &str) {
        let mut seen = BTreeSet::new();
        for name in set.refs() {
            self.name(name, place);
            if !seen.insert(name) {
                self.fault(place, format!("`{name}` stands twice"), "keep one of them");
            }
        }
    }

    fn tables(&mut self) {
        let instance = self.instance;
        for (name, table) in instance.spec.tables.iter() {
            let place = format!("{name}:");
            self.rows(table, &place);
            for column in &table.columns {
                match &column.cell {
                    CellSpec::Measure(figure) => {
                        self.measure(&figure.make, &place);
                        let named = matches!(table.rows, RowsSpec::Of(_));
                        if !named && !figure.make.is_whose() {
                            let message = format!("table `{name}`: a measure says not whose it is");
                            self.fault(
                                &place,
                                message,
                                "rows that are no names need `of: NVDA` in the measure",
                            );
                        }
                    }
                    CellSpec::Field(field) => self.field(name, table, field, &place),
                    CellSpec::Figure(..) | CellSpec::Source(_) => {}
                }
            }
            let columns = i32::try_from(table.columns.len()).unwrap_or(i32::MAX);
            if table.sort.is_some_and(|sort| sort == 0 || sort.abs() > columns) {
                let message = format!("table `{name}` is sorted by a column that it does not have");
                self.fault(
                    &place,
                    message,
                    format!("write a number from 1 to {columns}, negative for the largest first"),
                );
            }
        }
    }

    fn rows(&mut self, table: &TableSpec, place: &str) {
        match &table.rows {
            RowsSpec::Of(set) => self.set(set, place),
            RowsSpec::Kind(kind) => {
                let listed = kind.entries.is_some();
                let given = [kind.facts.is_some(), kind.events.is_some(), kind.records.is_some(), listed];
                if given.iter().filter(|given| **given).count() != 1 {
                    self.fault(
                        place,
                        "rows are of one kind",
                        "write one of `facts`, `events`, `records` and `entries`",
                    );
                }
                let needed = kind.entries.iter().flatten().filter_map(|entry| entry.fact.as_ref());
                for fact in kind.facts.iter().flatten().chain(needed) {
                    self.fact(place, fact);
                }
                if let Some(events) = &kind.events {
                    self.events(events, place);
                }
                if let Some(records) = &kind.records {
                    self.source(&records.source, place);
                    for field in records.filter.keys() {
                        self.column(&records.source, field, place);
                    }
                }
            }
        }
    }

    fn events(&mut self, events: &EventsSpec, place: &str) {
        let known = &self.house.events.events;
        match events {
            EventsSpec::Ids(ids) => {
                for id in ids.iter().filter(|id| !known.contains_key(&id.as_str().into())) {
                    self.unknown(place, "event", id, known.keys().map(|id| id.as_str()));
                }
            }
            EventsSpec::Topic { topic } => {
                let topics: BTreeSet<&str> =
                    known.values().filter_map(|event| event.topic.as_deref()).collect();
                if !topics.contains(topic.as_str()) {
                    self.unknown(place, "topic", topic, topics);
                }
            }
        }
    }

    fn field(&mut self, name: &str, table: &TableSpec, field: &str, place: &str) {
        let RowsSpec::Kind(kind) = &table.rows else {
            let message = format!("table `{name}`: rows of names have no field `{field}`");
            return self.fault(
                place,
                message,
                "fields belong to facts, events and records; names have measures",
            );
        };
        if let Some(records) = &kind.records {
            return self.column(&records.source, field, place);
        }
        let known: &[&str] = if kind.facts.is_some() {
            &["value", "known", "date", "source", "checked"]
        } else {
            &["date", "source"]
        };
        if !known.contains(&field) {
            self.unknown(place, "field", field, known.iter().copied());
        }
    }

    fn charts(&mut self) {
        let instance = self.instance;
        for (name, chart) in instance.spec.charts.iter() {
            let place = format!("{name}:");
            match &chart.mark {
                ChartMark::Line(line) => {
                    self.set(&line.of, &place);
                    line.strong.iter().for_each(|strong| self.name(strong, &place));
                    line.from.iter().chain(&line.to).for_each(|when| self.when(when, &place));
                    if line.from.is_none() == line.last.is_none() {
                        let message = format!("chart `{name}` does not say once where its lines begin");
                        self.fault(&place, message, "write `from: event-20`, or `last: 126`");
                    }
                }
                ChartMark::Bar(bar) | ChartMark::Interval(bar) => {
                    self.set(&bar.of, &place);
                    self.channel(&bar.x, &place);
                }
                ChartMark::Point(point) => {
                    self.set(&point.of, &place);
                    self.channel(&point.x, &place);
                    self.channel(&point.y, &place);
                }
                ChartMark::Rule(rule) => self.events(&rule.events, &place),
            }
        }
    }

    fn channel(&mut self, channel: &Channel, place: &str) {
        if let CellSpec::Measure(figure) = &channel.0 {
            self.measure(&figure.make, place);
        }
    }

    /// Every text in each of the report's languages.
    fn texts(&mut self) {
        let missing: Vec<String> = strings(self.instance)
            .iter()
            .flat_map(|(key, texts)| {
                let languages = self.house.report.languages.iter();
                let without = languages.filter(|language| !texts.contains_key(*language));
                without
                    .map(move |language| format!("`{key}` has no text in `{language}`"))
                    .collect::<Vec<_>>()
            })
            .collect();
        for message in missing {
            let hint = "add the language there, or take it out of the report's `languages`";
            self.fault("caption:", format!("section `{}`: {message}", self.instance.id), hint);
        }
    }
}

/// The strings that a section brings, by the keys that its pages ask for.
#[must_use]
pub fn strings(instance: &Instance) -> Vec<(String, &Texts)> {
    let (id, spec) = (&instance.id, &instance.spec);
    let mut strings: Vec<(String, &Texts)> = Vec::new();
    let mut put = |key: String, texts| strings.push((key, texts));
    if let Some(title) = &spec.title {
        put(format!("section.{id}"), title);
    }
    if let Some(absent) = &spec.absent {
        put(format!("absent.{id}"), absent);
    }
    spec.strings.iter().for_each(|(name, texts)| put(format!("{id}.{name}"), texts));
    spec.names.iter().for_each(|(name, texts)| put(format!("ref.{id}.{name}"), texts));
    spec.captions.iter().for_each(|(name, texts)| put(format!("table.{id}.{name}.caption"), texts));
    spec.captions.iter().for_each(|(name, texts)| put(format!("chart.{id}.{name}.caption"), texts));
    spec.heads.iter().for_each(|(name, texts)| put(format!("{id}.column.{name}"), texts));
    spec.axes.iter().for_each(|(name, texts)| put(format!("chart.{id}.{name}.axis"), texts));
    spec.notes.iter().for_each(|(name, texts)| put(format!("table.{id}.{name}.note"), texts));
    for (name, table) in spec.tables.iter() {
        put(format!("table.{id}.{name}.caption"), &table.caption);
        table.note.iter().for_each(|note| put(format!("table.{id}.{name}.note"), note));
        table.head.iter().for_each(|head| put(format!("head.{id}.{name}.0"), head));
        for (index, column) in table.columns.iter().enumerate() {
            if let Head::Texts(texts) = &column.head {
                put(format!("head.{id}.{name}.{}", index + 1), texts);
            }
        }
    }
    for (name, chart) in spec.charts.iter() {
        put(format!("chart.{id}.{name}.caption"), &chart.caption);
        chart.note.iter().for_each(|note| put(format!("chart.{id}.{name}.note"), note));
        chart.axis.iter().for_each(|axis| put(format!("chart.{id}.{name}.axis"), axis));
        chart.across.iter().for_each(|across| put(format!("chart.{id}.{name}.x"), across));
    }
    strings
}

/// What readers call the things that a section points at and gives no name: by the key that its pages ask for.
#[must_use]
pub fn names(instance: &Instance, universe: &Universe, language: &str) -> Vec<(String, String)> {
    let spec = &instance.spec;
    let rows = spec.tables.iter().flat_map(|(_, table)| table.rows.references());
    let drawn = spec.charts.iter().flat_map(|(_, chart)| chart.mark.references());
    let all: BTreeSet<&Ref> = rows.chain(drawn).collect();
    let unnamed = all.into_iter().filter(|name| !spec.names.contains_key(&name.to_string()));
    unnamed.map(|name| (format!("ref.{}.{name}", instance.id), called(name, universe, language))).collect()
}

/// Words that follow from a section's parameters, by the key that its pages ask for; `known` are the house's own.
#[must_use]
pub fn phrases(
    instance: &Instance,
    universe: &Universe,
    language: &str,
    known: &BTreeMap<String, String>,
) -> Vec<(String, String)> {
    let Ok(Method::Kind(kind)) = method(instance) else { return Vec::new() };
    let mut made: Vec<(String, String)> = Vec::new();
    for phrase in kind.phrases(instance).unwrap_or_default() {
        match phrase {
            Phrase::Sessions { key, n } if !known.contains_key(&key) => {
                let pattern = known.get("horizon.other").map_or("{n}", String::as_str);
                made.push((key, pattern.replace("{n}", &n.to_string())));
            }
            Phrase::Sessions { .. } => {}
            Phrase::Name { local, name } => {
                let own = instance.spec.names.get(&name.to_string()).and_then(|texts| texts.get(language));
                let text = own.cloned().unwrap_or_else(|| plain(&called(&name, universe, language)));
                made.push((format!("{}.{local}", instance.id), text));
            }
            Phrase::Same { local, key } => {
                let found = made.iter().find(|(own, _)| *own == key).map(|(_, text)| text.clone());
                let text = found.or_else(|| known.get(&key).cloned()).unwrap_or_default();
                made.push((format!("{}.{local}", instance.id), text));
            }
        }
    }
    made
}

/// Names in a row, the last joined by the language's word where it is known.
fn listed(mut names: Vec<String>, language: &str) -> String {
    let and = match language.split('-').next() {
        Some("fr") => " et ",
        Some("en") => " and ",
        Some("de") => " und ",
        _ => ", ",
    };
    match names.pop() {
        Some(last) if !names.is_empty() => format!("{}{and}{last}", names.join(", ")),
        last => last.unwrap_or_default(),
    }
}

/// A name as markup that prints as it is written; texts of the languages are templates.
fn plain(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars().filter(|c| !"{}".contains(*c)) {
        if "#$*_<>@[]~`/\\\"".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A name as readers know it.
fn called(name: &Ref, universe: &Universe, language: &str) -> String {
    match name {
        Ref::Symbol(symbol) => crate::panel::name(universe, symbol),
        Ref::Theme(theme) => {
            let known = universe.themes.get(theme).and_then(|theme| theme.name.get(language));
            known.cloned().unwrap_or_else(|| theme.to_string())
        }
        Ref::Basket(basket) => {
            let members = universe.baskets.get(basket).into_iter().flatten();
            listed(members.map(|symbol| crate::panel::name(universe, symbol)).collect(), language)
        }
        Ref::Pair(long, short) => {
            format!("{} – {}", called(long, universe, language), called(short, universe, language))
        }
        Ref::Column { column, .. } => column.clone(),
    }
}
