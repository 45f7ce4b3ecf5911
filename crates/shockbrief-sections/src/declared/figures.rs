//! Declared figures: measures of courses, and arithmetic in the order of what it builds on.

use super::{Work, add_figure, full};
use crate::series::{Course, Reason};
use jiff::civil::Date;
use shockbrief_analytics::{drawdown::max_drawdown, moments, volatility::realised_volatility};
use shockbrief_core::{
    Figure, Findings, Refusal, Unit,
    config::section::{Change, Count, FigureSpec, Figuring, Instance, Over, Paired, Rank, Ref, Set, Span},
    expr::{Answer, Expr},
};
use std::{collections::BTreeMap, ops::Range};

/// Sessions of a year, by which volatility is annualised.
const YEAR: f64 = 252.0;
/// Pairs of changes below which no correlation or slope is stated: its standard error would exceed a fifth.
const PAIRS: usize = 20;

/// A number with what it was made of.
struct Made {
    value: f64,
    unit: Unit,
    currency: Option<String>,
    n: Option<usize>,
    se: Option<f64>,
    inputs: Vec<String>,
    span: Option<(Date, Date)>,
    /// Whose it is, for the largest and smallest.
    whose: Option<Ref>,
}

impl Made {
    fn new(value: f64, unit: Unit) -> Self {
        Self { value, unit, currency: None, n: None, se: None, inputs: Vec::new(), span: None, whose: None }
    }
}

/// The ends of a stretch as its author wrote them.
type Ends<'a> = (
    &'a Option<shockbrief_core::config::section::When>,
    &'a Option<shockbrief_core::config::section::When>,
    &'a Option<u32>,
);

/// A declared figure with the section that declares it.
struct Task<'a> {
    instance: &'a Instance,
    name: &'a str,
    spec: &'a FigureSpec,
    expr: Option<Expr>,
}

impl Work<'_> {
    /// Makes all declared figures, each after those that it builds on.
    pub(super) fn figures(&self, findings: &mut Findings, faults: &mut Vec<Refusal>) {
        let mut tasks: BTreeMap<String, Task<'_>> = BTreeMap::new();
        for instance in self.present(findings) {
            for (name, spec) in instance.spec.figures.iter() {
                let expr = match &spec.make {
                    Figuring::Is(text) => match Expr::parse(text) {
                        Ok(expr) => Some(expr),
                        Err(fault) => {
                            let message = format!("figure `{name}`: {}", fault.told(text));
                            let place = format!("{name}:");
                            faults.push(instance.origin.refuse(&place, message).hint(fault.hint));
                            continue;
                        }
                    },
                    _ => None,
                };
                tasks.insert(full(&format!(".{name}"), instance), Task { instance, name, spec, expr });
            }
        }
        match order(&tasks) {
            Ok(order) => {
                for id in order {
                    self.figure(&id, &tasks[&id], findings, faults);
                }
            }
            Err(circle) => {
                let task = &tasks[&circle[0]];
                let message = format!("figures build on each other in a circle: {}", circle.join(" → "));
                let refusal = task.instance.origin.refuse(&format!("{}:", task.name), message);
                faults.push(refusal.hint("make one of them of something else"));
            }
        }
    }

    fn figure(&self, id: &str, task: &Task<'_>, findings: &mut Findings, faults: &mut Vec<Refusal>) {
        let figure = match &task.expr {
            None => self.measured(id, task.spec, findings),
            Some(expr) => match self.expressed(id, expr, task, findings) {
                Ok(figure) => figure,
                Err(refusal) => return faults.push(refusal),
            },
        };
        match declared_unit(figure, task.spec) {
            Ok(figure) => drop(add_figure(findings, figure)),
            Err(message) => {
                let message = format!("figure `{}` {message}", task.name);
                let refusal = task.instance.origin.refuse(&format!("{}:", task.name), message);
                faults.push(
                    refusal.hint("`as` gives a unit to a plain number, such as a ratio of two amounts"),
                );
            }
        }
    }

    fn expressed(
        &self,
        id: &str,
        expr: &Expr,
        task: &Task<'_>,
        findings: &Findings,
    ) -> Result<Figure, Refusal> {
        let as_of = self.desk.as_of;
        let text = match &task.spec.make {
            Figuring::Is(text) => text.as_str(),
            _ => "",
        };
        let mut inputs: Vec<String> = expr.figures().iter().map(|(id, _)| full(id, task.instance)).collect();
        // A section with nothing to say leaves no figures: what builds on them is missing, not wrong.
        let gone = inputs.iter().find(|id| !findings.figures.contains_key(*id));
        if let Some(gone) = gone.filter(|gone| !findings.absent.is_empty() || self.unknown_yet(gone)) {
            let reason = format!("no figure `{gone}` in this issue");
            return Ok(Figure::missing(id, reason, Unit::Number, "expression", as_of).inputs(inputs));
        }
        let names = self.names(findings, &task.instance.id);
        let quantity = expr.number(&names).map_err(|fault| {
            let message = format!("figure `{}`: {}", task.name, fault.told(text));
            task.instance.origin.refuse(&format!("{}:", task.name), message).hint(fault.hint)
        })?;
        let unit = quantity.measure.unit();
        let figure = match &quantity.value {
            Answer::Is(value) => Figure::new(id, *value, unit, "expression", as_of),
            Answer::Missing(reason) => Figure::missing(id, reason.clone(), unit, "expression", as_of),
        };
        // A number written out rests on the section that declares it.
        if inputs.is_empty() {
            inputs.push(format!("section:{}", task.instance.id));
        }
        let figure = figure.inputs(inputs);
        Ok(match quantity.measure.currency() {
            Some(currency) => figure.currency(currency),
            None => figure,
        })
    }

    /// A fact that is declared but not public by the as-of date.
    fn unknown_yet(&self, id: &str) -> bool {
        id.strip_prefix("fact.").is_some_and(|fact| self.facts.contains(fact))
    }

    /// A figure measured for a cell or a mark, with the unit that its author declares.
    pub(super) fn shown(
        &self,
        id: &str,
        spec: &FigureSpec,
        (instance, place): (&Instance, &str),
        findings: &mut Findings,
        faults: &mut Vec<Refusal>,
    ) -> String {
        let figure = self.measured(id, spec, findings);
        let fallback = figure.clone();
        let figure = declared_unit(figure, spec).unwrap_or_else(|message| {
            let refusal = instance.origin.refuse(place, format!("`{place}`: a measure {message}"));
            faults.push(refusal.hint("`as` gives a unit to a plain number, such as a level of records"));
            fallback
        });
        add_figure(findings, figure)
    }

    /// A measured figure; a list names whose the largest or smallest is.
    pub(super) fn measured(&self, id: &str, spec: &FigureSpec, findings: &mut Findings) -> Figure {
        let (name, as_of) = (spec.make.name(), self.desk.as_of);
        match self.measure(&spec.make) {
            Ok(made) => {
                if let Some(whose) = &made.whose {
                    findings.lists.insert(format!("{id}.name"), vec![whose.to_string()]);
                }
                let mut figure = Figure::new(id, made.value, made.unit, name, as_of).inputs(made.inputs);
                figure.n = made.n;
                figure.se = made.se;
                figure.span = made.span;
                figure.currency = made.currency;
                figure
            }
            Err(reason) => {
                let inputs = spec.make.references().into_iter().map(ToString::to_string);
                let figure = Figure::missing(id, reason, expected(&spec.make), name, as_of).inputs(inputs);
                // A unit that needs a currency has none where nothing could be read.
                if figure.unit == Unit::Price { Figure { unit: Unit::Number, ..figure } } else { figure }
            }
        }
    }

    fn measure(&self, make: &Figuring) -> Result<Made, Reason> {
        match make {
            Figuring::Return(span) => self.one(span, Change::Return),
            Figuring::Change(span) => self.one(span, Change::Change),
            Figuring::Last(span) => self.one(span, Change::Last),
            Figuring::Volatility(span) => self.one(span, Change::Volatility),
            Figuring::Drawdown(span) => self.one(span, Change::Drawdown),
            Figuring::Max(over) => self.over(over, |a, b| a > b),
            Figuring::Min(over) => self.over(over, |a, b| a < b),
            Figuring::Mean(over) => self.mean(over),
            Figuring::Correlation(paired) => self.correlation(paired),
            Figuring::Beta(paired) => self.beta(paired),
            Figuring::Count(count) => self.count(count),
            Figuring::Rank(rank) => self.rank(rank),
            Figuring::Is(_) => Err("arithmetic is no measure".to_owned()),
        }
    }

    fn one(&self, span: &Span, change: Change) -> Result<Made, Reason> {
        let name = span.of.as_ref().ok_or("no name is given")?;
        self.of_name(name, change, (&span.from, &span.to, &span.last))
    }

    /// One measure of one name.
    fn of_name(&self, name: &Ref, change: Change, ends: Ends<'_>) -> Result<Made, Reason> {
        let course = self.courses.get(name);
        let course = course.as_ref().as_ref().map_err(Clone::clone)?;
        let rows = self.courses.rows(name, course, ends)?;
        let last = rows.end - 1;
        let told = |reason: shockbrief_analytics::reason::Missing| reason.to_string();
        let (value, unit, n) = match change {
            Change::Return => (course.change(&rows)?, Unit::Ratio, None),
            Change::Change => {
                let unit = course.unit.ok_or("a portfolio has no level of its own; take its return")?;
                (course.level(last)? - course.level(rows.start)?, unit, None)
            }
            Change::Last => {
                let unit = course.unit.ok_or("a portfolio has no level of its own; take its return")?;
                (course.level(last)?, unit, None)
            }
            Change::Volatility => {
                let logs: Vec<Option<f64>> =
                    course.returns[rows.start + 1..rows.end].iter().map(|r| r.map(f64::ln_1p)).collect();
                let volatility = realised_volatility(&logs, YEAR).map_err(told)?;
                (volatility.annualised, Unit::Ratio, Some(volatility.n))
            }
            Change::Drawdown => {
                (max_drawdown(&course.levels[rows.clone()]).map_err(told)?, Unit::Ratio, Some(rows.len()))
            }
        };
        let priced = matches!(change, Change::Change | Change::Last);
        let first = if change == Change::Last { last } else { rows.start };
        Ok(Made {
            n,
            currency: course.currency.clone().filter(|_| priced),
            inputs: course.inputs.clone(),
            span: Some((course.dates[first], course.dates[last])),
            ..Made::new(value, unit)
        })
    }

    /// One measure of each of several names, in order; those without it are left out, and `n` says how many count.
    fn each(&self, set: &Set, change: Change, ends: Ends<'_>) -> Result<Vec<(Ref, Made)>, Reason> {
        let members = self.courses.members(set);
        let measured = members.into_iter().filter_map(|name| {
            let made = self.of_name(&name, change, ends).ok()?;
            Some((name, made))
        });
        let found: Vec<(Ref, Made)> = measured.collect();
        if found.is_empty() { Err("no name has a value there".to_owned()) } else { Ok(found) }
    }

    /// Of several numbers with their names, one that sums them up.
    fn put_together(found: &[(Ref, Made)], value: f64, unit: Unit) -> Made {
        let inputs = found.iter().flat_map(|(_, made)| made.inputs.iter().cloned()).collect();
        let dates = || found.iter().filter_map(|(_, made)| made.span);
        let span = dates().map(|(first, _)| first).min().zip(dates().map(|(_, last)| last).max());
        Made { n: Some(found.len()), inputs, span, ..Made::new(value, unit) }
    }

    fn over(&self, over: &Over, better: impl Fn(f64, f64) -> bool) -> Result<Made, Reason> {
        let set = over.of.as_ref().ok_or("no name is given")?;
        let ends = (&over.from, &over.to, &over.last);
        if let Some(change) = over.measure {
            let found = self.each(set, change, ends)?;
            let best = found
                .iter()
                .reduce(|best, next| if better(next.1.value, best.1.value) { next } else { best });
            let (whose, best) = best.ok_or("no name has a value there")?;
            let made = Self::put_together(&found, best.value, best.unit);
            return Ok(Made { whose: Some(whose.clone()), currency: best.currency.clone(), ..made });
        }
        let (course, rows, levels) = self.levels(set, ends)?;
        let best = levels.into_iter().reduce(|best, next| if better(next, best) { next } else { best });
        of_levels(&course, &rows, best)
    }

    fn mean(&self, over: &Over) -> Result<Made, Reason> {
        let set = over.of.as_ref().ok_or("no name is given")?;
        let ends = (&over.from, &over.to, &over.last);
        if let Some(change) = over.measure {
            let found = self.each(set, change, ends)?;
            let values: Vec<f64> = found.iter().map(|(_, made)| made.value).collect();
            let (unit, currency) = (found[0].1.unit, found[0].1.currency.clone());
            if found.iter().any(|(_, made)| made.currency != currency) {
                return Err("names of several currencies have no mean".to_owned());
            }
            let mean = moments::mean(&values).map_err(|reason| reason.to_string())?;
            return Ok(Made { currency, ..Self::put_together(&found, mean, unit) });
        }
        let (course, rows, levels) = self.levels(set, ends)?;
        of_levels(&course, &rows, moments::mean(&levels).ok())
    }

    /// The levels of one course over a stretch, without gaps.
    fn levels(&self, set: &Set, ends: Ends<'_>) -> Result<(Course, Range<usize>, Vec<f64>), Reason> {
        let name = set.one().ok_or("of several names a `measure` is asked for")?;
        let course = self.courses.get(name);
        let course = course.as_ref().as_ref().map_err(Clone::clone)?.clone();
        let rows = self.courses.rows(name, &course, ends)?;
        let levels = course.levels[rows.clone()].iter().flatten().copied().collect();
        Ok((course, rows, levels))
    }

    /// Changes of two courses between the dates that both have, with those dates.
    fn paired(&self, paired: &Paired) -> Result<(Vec<[f64; 2]>, Made), Reason> {
        let of = paired.of.as_ref().ok_or("no name is given")?;
        let (one, other) = (self.courses.get(of), self.courses.get(&paired.on));
        let (one, other) = (one.as_ref().as_ref(), other.as_ref().as_ref());
        let (one, other) = (one.map_err(Clone::clone)?, other.map_err(Clone::clone)?);
        let rows = self.courses.rows(of, one, (&paired.from, &paired.to, &paired.last))?;
        let levels: BTreeMap<Date, Option<f64>> =
            other.dates.iter().copied().zip(other.levels.iter().copied()).collect();
        let both: Vec<(Date, f64, f64)> = rows
            .filter_map(|row| {
                Some((one.dates[row], one.levels[row]?, levels.get(&one.dates[row]).copied()??))
            })
            .collect();
        // Prices move by returns, rates and other numbers by differences.
        let step = |course: &Course, before: f64, now: f64| match course.unit {
            Some(Unit::Number) => now - before,
            _ => now / before - 1.0,
        };
        let changes: Vec<[f64; 2]> = both
            .windows(2)
            .map(|pair| [step(one, pair[0].1, pair[1].1), step(other, pair[0].2, pair[1].2)])
            .collect();
        if changes.len() < PAIRS {
            return Err(format!("{} of {PAIRS} pairs of changes", changes.len()));
        }
        let inputs = one.inputs.iter().chain(&other.inputs).cloned().collect();
        let span = both.first().map(|first| first.0).zip(both.last().map(|last| last.0));
        Ok((changes, Made { n: Some(both.len() - 1), inputs, span, ..Made::new(0.0, Unit::Number) }))
    }

    fn correlation(&self, paired: &Paired) -> Result<Made, Reason> {
        let (changes, made) = self.paired(paired)?;
        let (x, y) = columns(&changes);
        let value = moments::correlation(&x, &y).map_err(|reason| reason.to_string())?;
        Ok(Made { value, unit: Unit::Correlation, ..made })
    }

    /// Slope of the least-squares line with its standard error under independent errors of one variance.
    fn beta(&self, paired: &Paired) -> Result<Made, Reason> {
        let (changes, made) = self.paired(paired)?;
        let (y, x) = columns(&changes);
        let told = |reason: shockbrief_analytics::reason::Missing| reason.to_string();
        let variance = moments::variance(&x, 1).map_err(told)?;
        let covariance = moments::covariance(&x, &y, 1).map_err(told)?;
        if variance <= 0.0 {
            return Err("what it is measured against does not vary".to_owned());
        }
        let slope = covariance / variance;
        let left = moments::variance(&y, 1).map_err(told)? - slope * covariance;
        let n = changes.len() as f64;
        let se = (left.max(0.0) / variance / (n - 2.0)).sqrt();
        Ok(Made { value: slope, unit: Unit::Number, se: Some(se), ..made })
    }

    fn count(&self, count: &Count) -> Result<Made, Reason> {
        let found = self.each(&count.of, count.measure, (&count.from, &count.to, &count.last))?;
        let inside = |made: &Made| {
            count.above.is_none_or(|bound| made.value > bound)
                && count.below.is_none_or(|bound| made.value < bound)
        };
        let value = found.iter().filter(|(_, made)| inside(made)).count() as f64;
        Ok(Self::put_together(&found, value, Unit::Count))
    }

    fn rank(&self, rank: &Rank) -> Result<Made, Reason> {
        let name = rank.of.as_ref().ok_or("no name is given")?;
        let ends = (&rank.from, &rank.to, &rank.last);
        let own = self.of_name(name, rank.measure, ends)?;
        let others = self.each(&rank.among, rank.measure, ends)?;
        let before = others.iter().filter(|(other, made)| other != name && made.value > own.value).count();
        let n = others.len() + usize::from(!others.iter().any(|(other, _)| other == name));
        let made = Self::put_together(&others, before as f64 + 1.0, Unit::Count);
        Ok(Made { n: Some(n), ..made })
    }
}

fn columns(changes: &[[f64; 2]]) -> (Vec<f64>, Vec<f64>) {
    changes.iter().map(|[one, other]| (*one, *other)).unzip()
}

fn of_levels(course: &Course, rows: &Range<usize>, value: Option<f64>) -> Result<Made, Reason> {
    let unit = course.unit.ok_or("a portfolio has no level of its own; name a `measure`")?;
    Ok(Made {
        n: Some(course.levels[rows.clone()].iter().flatten().count()),
        currency: course.currency.clone(),
        inputs: course.inputs.clone(),
        span: Some((course.dates[rows.start], course.dates[rows.end - 1])),
        ..Made::new(value.ok_or("no value in the stretch")?, unit)
    })
}

/// What a measure's number will measure, where it cannot be made.
fn expected(make: &Figuring) -> Unit {
    let of = |change: Change| match change {
        Change::Return | Change::Volatility | Change::Drawdown => Unit::Ratio,
        Change::Change | Change::Last => Unit::Number,
    };
    match make {
        Figuring::Return(_) | Figuring::Volatility(_) | Figuring::Drawdown(_) => Unit::Ratio,
        Figuring::Max(over) | Figuring::Min(over) | Figuring::Mean(over) => {
            over.measure.map_or(Unit::Number, of)
        }
        Figuring::Correlation(_) => Unit::Correlation,
        Figuring::Count(_) | Figuring::Rank(_) => Unit::Count,
        Figuring::Is(_) | Figuring::Change(_) | Figuring::Last(_) | Figuring::Beta(_) => Unit::Number,
    }
}

/// The figure with the unit that its author declares: only a plain number takes one.
fn declared_unit(mut figure: Figure, spec: &FigureSpec) -> Result<Figure, String> {
    let Some(unit) = spec.unit else {
        return match &spec.currency {
            Some(_) => Err("names a currency and no unit".to_owned()),
            None => Ok(figure),
        };
    };
    if figure.unit == unit && spec.currency.is_none() {
        return Ok(figure);
    }
    if figure.unit != Unit::Number || unit == Unit::Date {
        return Err("has a unit already, which `as` cannot change".to_owned());
    }
    if matches!(unit, Unit::Money | Unit::Price) != spec.currency.is_some() {
        return Err("is money or a price without currency, or the reverse".to_owned());
    }
    figure.unit = unit;
    figure.currency.clone_from(&spec.currency);
    Ok(figure)
}

/// Ids in an order in which each stands after those that it builds on; else the circle.
fn order(tasks: &BTreeMap<String, Task<'_>>) -> Result<Vec<String>, Vec<String>> {
    let mut done: BTreeMap<&str, bool> = BTreeMap::new();
    let mut ordered = Vec::with_capacity(tasks.len());
    for start in tasks.keys() {
        // Depth first with a stack of its own: a chain may be as long as the list.
        let mut path: Vec<(&str, Vec<String>)> = Vec::new();
        let below = |id: &str| -> Vec<String> {
            let task = &tasks[id];
            let named = task.expr.iter().flat_map(Expr::figures);
            let ids = named.map(|(id, _)| full(id, task.instance));
            ids.filter(|id| tasks.contains_key(id)).collect()
        };
        if done.contains_key(start.as_str()) {
            continue;
        }
        done.insert(start, false);
        path.push((start, below(start)));
        while let Some((id, rest)) = path.last_mut() {
            let Some(next) = rest.pop() else {
                done.insert(*id, true);
                ordered.push((*id).to_owned());
                path.pop();
                continue;
            };
            let Some((next, _)) = tasks.get_key_value(&next) else { continue };
            match done.get(next.as_str()) {
                Some(true) => {}
                Some(false) => {
                    let from = path.iter().position(|(id, _)| id == next).unwrap_or_default();
                    let circle = path[from..].iter().map(|(id, _)| (*id).to_owned());
                    return Err(circle.chain([next.clone()]).collect());
                }
                None => {
                    done.insert(next, false);
                    path.push((next, below(next)));
                }
            }
        }
    }
    Ok(ordered)
}
