//! Declared charts: lines over dates, bars and dots of figures, points of two measures, events along a line.

use super::{Work, add_figure, existing, full};
use jiff::civil::Date;
use shockbrief_core::{
    Cell, Chart, Figure, Findings, Refusal,
    config::section::{
        BarSpec, CellSpec, Channel, ChartMark, ChartSpec, ColorBy, Instance, LineSpec, PointSpec, Ref,
        RuleSpec, Sort, Upright,
    },
    findings::{Axis, Line, Mark, Spot, Stop},
};

impl Work<'_> {
    pub(super) fn chart(
        &self,
        instance: &Instance,
        name: &str,
        spec: &ChartSpec,
        findings: &mut Findings,
        faults: &mut Vec<Refusal>,
    ) {
        let id = full(&format!(".{name}"), instance);
        let chart = match &spec.mark {
            ChartMark::Line(line) => self.lines_of(instance, &id, line),
            ChartMark::Bar(bar) => {
                let (marks, sources) = self.marks(instance, name, &id, bar, findings, faults);
                Chart::Bars { id: id.clone(), marks, sources }
            }
            ChartMark::Interval(bar) => {
                let (marks, sources) = self.marks(instance, name, &id, bar, findings, faults);
                Chart::Intervals { id: id.clone(), marks, sources }
            }
            ChartMark::Point(point) => self.points(instance, name, &id, point, findings, faults),
            ChartMark::Rule(rule) => self.rule(&id, rule, findings),
        };
        findings.charts.insert(id, chart);
    }

    /// Lines on the dates of the first course; each the change since its first close, or its level.
    fn lines_of(&self, instance: &Instance, id: &str, spec: &LineSpec) -> Chart {
        let names = self.names_of(&spec.of);
        let ends = (&spec.from, &spec.to, &spec.last);
        let mut dates: Vec<Date> = Vec::new();
        let mut drawn = Vec::new();
        let mut sources = Vec::new();
        for name in &names {
            let course = self.courses.get(name);
            let Ok(course) = course.as_ref() else { continue };
            let Ok(rows) = self.courses.rows(name, course, ends) else { continue };
            let level = match spec.y {
                Some(upright) => upright == Upright::Level,
                None => matches!(name, Ref::Column { .. }),
            };
            let start = course.level(rows.start).ok();
            let value = |row: usize| {
                let now = course.levels[row]?;
                if level { Some(now) } else { Some(now / start? - 1.0) }
            };
            let points: Vec<(Date, Option<f64>)> = rows.map(|row| (course.dates[row], value(row))).collect();
            dates.extend(points.iter().map(|(date, _)| *date));
            sources.extend(course.sources.iter().cloned());
            drawn.push((name, points));
        }
        dates.sort_unstable();
        dates.dedup();
        let lines = drawn
            .into_iter()
            .map(|(name, points)| {
                let (label, translate) = self.text(instance, name);
                let at = |date: &Date| {
                    points.binary_search_by_key(date, |(day, _)| *day).ok().and_then(|row| points[row].1)
                };
                Line {
                    label,
                    translate,
                    values: dates.iter().map(at).collect(),
                    group: group(self, name, matches!(name, Ref::Theme(_))),
                    strong: spec.strong.as_ref() == Some(name),
                }
            })
            .collect();
        sources.sort();
        sources.dedup();
        let statistic = match spec.y {
            Some(Upright::Level) => "level",
            _ => "cumulative_return",
        };
        Chart::Lines {
            id: id.to_owned(),
            x: Axis::Dates(dates),
            lines,
            sources,
            statistic: statistic.to_owned(),
        }
    }

    fn text(&self, instance: &Instance, name: &Ref) -> (String, bool) {
        match self.label(instance, name) {
            Cell::Label(key) => (key, true),
            Cell::Text(text) => (text, false),
            _ => (name.to_string(), false),
        }
    }

    /// The figure that a channel shows of a name.
    #[allow(clippy::too_many_arguments, reason = "a channel has a place, a name and two books to write into")]
    fn channel(
        &self,
        instance: &Instance,
        chart: &str,
        channel: &Channel,
        name: &Ref,
        id: String,
        findings: &mut Findings,
        faults: &mut Vec<Refusal>,
    ) -> Option<String> {
        match &channel.0 {
            CellSpec::Measure(spec) => {
                let mut spec = spec.clone();
                spec.make = spec.make.of(name);
                Some(self.shown(&id, &spec, (instance, chart), findings, faults))
            }
            CellSpec::Figure(pattern, _) => {
                existing(&pattern.replace("{row}", &name.slug()), instance, findings, faults, chart)
            }
            CellSpec::Field(_) | CellSpec::Source(_) => None,
        }
    }

    fn marks(
        &self,
        instance: &Instance,
        chart: &str,
        id: &str,
        spec: &BarSpec,
        findings: &mut Findings,
        faults: &mut Vec<Refusal>,
    ) -> (Vec<Mark>, Vec<String>) {
        let mut marks = Vec::new();
        let mut sources = Vec::new();
        for name in self.names_of(&spec.of) {
            let own = format!("{id}.{}.x", name.slug());
            let Some(figure) = self.channel(instance, chart, &spec.x, &name, own, findings, faults) else {
                continue;
            };
            let (label, translate) = self.text(instance, &name);
            let group = group(self, &name, spec.color == Some(ColorBy::Theme));
            if let Ok(course) = self.courses.get(&name).as_ref() {
                sources.extend(course.sources.iter().cloned());
            }
            marks.push(Mark { label, translate, figure, p: None, group });
        }
        if let Some(sort) = spec.sort {
            let value = |mark: &Mark| findings.number(&mark.figure);
            marks.sort_by(|a, b| match (value(a), value(b)) {
                (Some(a), Some(b)) if sort == Sort::Falling => b.total_cmp(&a),
                (Some(a), Some(b)) => a.total_cmp(&b),
                (a, b) => b.is_some().cmp(&a.is_some()),
            });
        }
        marks.truncate(spec.limit.unwrap_or(usize::MAX));
        sources.sort();
        sources.dedup();
        (marks, sources)
    }

    fn points(
        &self,
        instance: &Instance,
        chart: &str,
        id: &str,
        spec: &PointSpec,
        findings: &mut Findings,
        faults: &mut Vec<Refusal>,
    ) -> Chart {
        let (mut spots, mut sources) = (Vec::new(), Vec::new());
        for name in self.names_of(&spec.of) {
            let part = |part: &str| format!("{id}.{}.{part}", name.slug());
            let x = self.channel(instance, chart, &spec.x, &name, part("x"), findings, faults);
            let y = self.channel(instance, chart, &spec.y, &name, part("y"), findings, faults);
            let (Some(x), Some(y)) = (x, y) else { continue };
            let (label, translate) = self.text(instance, &name);
            if let Ok(course) = self.courses.get(&name).as_ref() {
                sources.extend(course.sources.iter().cloned());
            }
            spots.push(Spot { label, translate, x, y, strong: spec.strong.contains(&name) });
        }
        sources.sort();
        sources.dedup();
        Chart::Points { id: id.to_owned(), spots, sources }
    }

    fn rule(&self, id: &str, spec: &RuleSpec, findings: &mut Findings) -> Chart {
        let as_of = self.desk.as_of;
        let mut stops = Vec::new();
        for event in self.events(&spec.events) {
            let Some(found) = self.desk.events.events.get(&event.as_str().into()) else { continue };
            let day = jiff::tz::TimeZone::UTC.to_datetime(found.instant).date();
            let figure = Figure::date(format!("{id}.{event}"), day, "event", as_of);
            stops.push((
                found.instant,
                Stop { label: format!("event.{event}"), figure: add_figure(findings, figure) },
            ));
        }
        stops.sort_by_key(|(instant, _)| *instant);
        Chart::Rules {
            id: id.to_owned(),
            stops: stops.into_iter().map(|(_, stop)| stop).collect(),
            sources: vec!["events".to_owned()],
        }
    }
}

/// The colour group of a name: its theme, or none.
fn group(work: &Work<'_>, name: &Ref, wanted: bool) -> String {
    let theme = match name {
        Ref::Symbol(symbol) => work.desk.universe.get(symbol).and_then(|found| found.theme.clone()),
        Ref::Theme(theme) => Some(theme.clone()),
        _ => None,
    };
    // Lines of one theme would share one colour: only themes themselves are drawn in theirs there.
    theme.filter(|_| wanted).map(|theme| theme.to_string()).unwrap_or_default()
}
