//! Whether every id that a report names is declared: symbols, themes, events, sections, exchanges.

use super::{DETECTED, Events, KeyPath, Report, Scenarios, Universe};
use crate::{Refusals, Symbol, ThemeId, at, nearest};

/// What a report can name.
#[derive(Debug, Clone, Copy)]
pub struct House<'a> {
    /// Instruments, themes, baskets.
    pub universe: &'a Universe,
    /// Dated events.
    pub events: &'a Events,
    /// Sections that exist.
    pub sections: &'a [&'a str],
    /// Exchanges with a calendar.
    pub exchanges: &'a [&'a str],
}

/// All ids of a report that point nowhere, each with its place and the nearest that exists.
#[must_use]
pub fn bind(report: &Report, house: &House<'_>) -> Refusals {
    let mut binding = Binding { report, house, faults: Refusals::default() };
    binding.schedule();
    binding.themes();
    binding.sections();
    binding.study();
    binding.panel();
    binding.faults
}

/// Ids of the stress scenarios that point nowhere.
#[must_use]
pub fn bind_scenarios(scenarios: &Scenarios, universe: &Universe, events: &Events) -> Refusals {
    let mut faults = Refusals::default();
    let Some(origin) = &scenarios.origin else { return faults };
    let mut refuse =
        |path: KeyPath, what: String, hint: String| faults.push(origin.refuse(path, what).hint(hint));
    for (id, portfolio) in &scenarios.portfolios {
        for symbol in portfolio.weights.keys().filter(|symbol| universe.get(symbol).is_none()) {
            let near = nearest::offer(symbol.as_str(), symbols(universe));
            refuse(at!["portfolios", id, "weights", symbol.as_str()], unknown("symbol", symbol), near);
        }
    }
    for (id, scenario) in &scenarios.scenarios {
        for theme in scenario.shock.keys().filter(|theme| !universe.themes.contains_key(*theme)) {
            let near = nearest::offer(theme.as_str(), universe.themes.keys().map(ThemeId::as_str));
            refuse(at!["scenarios", id, "shock", theme.as_str()], unknown("theme", theme), near);
        }
    }
    for (index, event) in scenarios.replays.iter().enumerate() {
        if !events.events.contains_key(event) {
            let near = nearest::offer(event.as_str(), events.events.keys().map(|id| id.as_str()));
            refuse(at!["replays", index], unknown("event", event), near);
        }
    }
    faults
}

fn unknown(what: &str, id: impl std::fmt::Display) -> String {
    format!("unknown {what} `{id}`")
}

fn symbols(universe: &Universe) -> impl Iterator<Item = &str> {
    universe.instruments.iter().map(|instrument| instrument.symbol.as_str())
}

struct Binding<'a> {
    report: &'a Report,
    house: &'a House<'a>,
    faults: Refusals,
}

impl Binding<'_> {
    fn refuse(&mut self, path: &KeyPath, what: String, hint: String) {
        self.faults.push(self.report.origin.refuse(path, what).hint(hint));
    }

    /// Refuses an id that is not among the known ones.
    fn known(&mut self, what: &str, id: &str, path: &KeyPath, known: &[&str], declare: &str) {
        if !known.contains(&id) {
            let near = nearest::offer(id, known.iter().copied());
            self.refuse(path, unknown(what, id), format!("{declare}{near}"));
        }
    }

    fn symbol(&mut self, symbol: &Symbol, path: &KeyPath) {
        if self.house.universe.get(symbol).is_none() {
            let near = nearest::offer(symbol.as_str(), symbols(self.house.universe));
            let hint = format!("correct its spelling, or declare it in universe.yaml; {near}");
            self.refuse(path, unknown("symbol", symbol), hint);
        }
    }

    fn symbols(&mut self, list: &[Symbol], path: &KeyPath) {
        list.iter().enumerate().for_each(|(index, symbol)| self.symbol(symbol, &path.then(index)));
    }

    fn theme(&mut self, theme: &ThemeId, path: &KeyPath) -> bool {
        let themes: Vec<&str> = self.house.universe.themes.keys().map(ThemeId::as_str).collect();
        self.known("theme", theme.as_str(), path, &themes, "declare it under `themes` in universe.yaml; ");
        themes.contains(&theme.as_str())
    }

    fn schedule(&mut self) {
        let calendar = &self.report.schedule.calendar;
        let exchanges = self.house.exchanges;
        self.known("exchange", calendar, &at!["schedule", "calendar"], exchanges, "add its calendar; ");
    }

    fn themes(&mut self) {
        let (report, universe) = (self.report, self.house.universe);
        let study = report.study.iter().flat_map(|study| &study.sample);
        let sample: Vec<&Symbol> = report.panel.iter().flat_map(|panel| &panel.sample).chain(study).collect();
        for (index, theme) in report.themes.iter().enumerate() {
            let path = at!["themes", index];
            let known = self.theme(theme, &path);
            let has_member = universe.of_theme(theme).any(|member| sample.contains(&&member.symbol));
            if known && !has_member {
                let members: Vec<&str> = universe.of_theme(theme).map(|i| i.symbol.as_str()).collect();
                let hint = match members.is_empty() {
                    true => "give it instruments in universe.yaml, or take the theme out".to_owned(),
                    false => format!("add one of {} to `sample`, or take the theme out", members.join(", ")),
                };
                self.refuse(&path, format!("theme `{theme}` has no member in the sample"), hint);
            }
        }
    }

    fn sections(&mut self) {
        let (report, sections) = (self.report, self.house.sections);
        if report.sections.is_empty() {
            let near = nearest::offer("", sections.iter().copied());
            self.refuse(&at!["sections"], "a brief without sections".to_owned(), near);
        }
        for (index, id) in report.sections.iter().enumerate() {
            self.known("section", id, &at!["sections", index], sections, "");
        }
        for (index, claim) in report.claims.iter().enumerate() {
            let Some(section) = &claim.section else { continue };
            let path = at!["claims", index, "section"];
            if sections.contains(&section.as_str()) && !report.sections.contains(section) {
                let what =
                    format!("claim `{}` is of section `{section}`, which is not in the report", claim.id);
                self.refuse(&path, what, format!("add `{section}` to `sections`, or take the claim out"));
            } else {
                self.known("section", section, &path, sections, "");
            }
        }
    }

    fn study(&mut self) {
        let Some(study) = &self.report.study else { return };
        if study.event.as_str() != DETECTED {
            let events: Vec<&str> = self.house.events.events.keys().map(|id| id.as_str()).collect();
            let declare = "declare it in events.yaml; ";
            self.known("event", study.event.as_str(), &at!["study", "event"], &events, declare);
        }
        self.symbol(&study.benchmark, &at!["study", "benchmark"]);
        self.symbol(&study.source, &at!["study", "source"]);
        self.symbols(&study.sample, &at!["study", "sample"]);
        self.symbols(&study.abroad, &at!["study", "abroad"]);
        for (index, symbol) in study.abroad.iter().enumerate() {
            if study.sample.contains(symbol) {
                let hint = "keep it in one of the two: `abroad` is for calendars of their own";
                let what = format!("`{symbol}` stands in `sample` and in `abroad`");
                self.refuse(&at!["study", "abroad", index], what, hint.to_owned());
            }
        }
        for (index, pair) in study.long_short.iter().enumerate() {
            for (side, theme) in pair.iter().enumerate() {
                self.theme(theme, &at!["study", "long_short", index, side]);
            }
            if pair[0] == pair[1] {
                let what = format!("`{}` is compared with itself", pair[0]);
                self.refuse(&at!["study", "long_short", index], what, "name two themes".to_owned());
            }
        }
        for (index, mic) in study.exchanges.iter().enumerate() {
            let path = at!["study", "exchanges", index];
            self.known("exchange", mic.as_str(), &path, self.house.exchanges, "add its calendar; ");
        }
    }

    fn panel(&mut self) {
        let Some(panel) = &self.report.panel else { return };
        self.symbol(&panel.benchmark, &at!["panel", "benchmark"]);
        self.symbols(&panel.sample, &at!["panel", "sample"]);
        self.symbols(&panel.regions, &at!["panel", "regions"]);
    }
}
