//! The event study that the sections on a shock share, fitted once.

use crate::{
    Desk, absent,
    dated::{near_shocks, other_shocks},
    panel,
    rest::{Rest, rest},
};
use anyhow::{Context as _, Result};
use jiff::civil::Date;
use shockbrief_analytics::{
    event_study::{
        self, FirmEvent, FirmFit, Model, Spec, Stat, Study,
        cross_section::CrossSection,
        mvrm::mvrm,
        placebo::placebo,
        portfolio::{long_short, portfolio},
    },
    matched_interval::{self, Matched, matched},
};
use shockbrief_core::{
    Dataset, Figure, Findings, Market, Mic, Refusal, Series, Session, Symbol, ThemeId, Unit,
    config::{Event, Events, Report, Study as StudySpec, Universe},
};
use std::{collections::BTreeMap, ops::Range, sync::Arc};

/// Estimation observations below which a name is dropped and listed.
const MIN_OBSERVATIONS: usize = 60;

/// The event study of a report, and what its sections read.
pub struct Shock<'a> {
    /// The report.
    pub report: &'a Report,
    /// Its study.
    pub spec: &'a StudySpec,
    /// Instruments and themes.
    pub universe: &'a Universe,
    /// The event of the study.
    pub event: Event,
    /// Prices, factors, share counts.
    pub data: &'a Dataset,
    /// Sessions of the exchanges whose day 0 is listed.
    pub exchanges: &'a BTreeMap<Mic, Vec<Session>>,
    /// Nothing later is used.
    pub as_of: Date,
    /// The sample, one fit per company.
    pub study: Study,
    /// Theme portfolios (`theme:<id>`) and differences (`pair:<long>-<short>`), each treated as one firm.
    pub portfolios: Study,
    /// The same study against the rest of the market, or why there is none.
    pub against_rest: Result<AgainstRest, String>,
    pub(crate) desk: Desk<'a>,
    pub(crate) firms: Vec<FirmEvent>,
    pub(crate) home: &'a Market,
    benchmark: &'a Series,
}

/// A study whose benchmark holds none of its companies.
pub struct AgainstRest {
    /// The sample, one fit per company.
    pub study: Study,
    /// Themes, pairs and the whole sample.
    pub portfolios: Study,
    /// The benchmark.
    pub rest: Rest,
}

/// Whose study is recorded: the report's own, or the one against the rest of the market.
#[derive(Clone, Copy)]
pub struct Fitted<'s> {
    /// One fit per company.
    pub study: &'s Study,
    /// Themes, pairs and the whole sample.
    pub portfolios: &'s Study,
    /// What stands in figure ids after the name: nothing, or `rest.`.
    pub infix: &'static str,
}

impl<'a> Shock<'a> {
    /// Fits the study of a report.
    ///
    /// # Errors
    /// An event or symbol that does not exist, a benchmark without prices, or an exchange without day 0.
    pub fn new(desk: &Desk<'a>, study_spec: &'a StudySpec) -> Result<Self> {
        let Desk { report, universe, events, data, exchanges, as_of, .. } = *desk;
        let event = event_of(report, study_spec, events)?;
        let (home, series) = find(data, &study_spec.benchmark)?;
        let spec = Spec {
            estimation: study_spec.estimation,
            window: study_spec.window,
            min_observations: MIN_OBSERVATIONS,
            model: Model::MarketModel,
        };
        check_symbols(report, study_spec, universe)?;
        let firms = sample(desk, report, study_spec, data, (home, series), event)?;
        let study = event_study::fit(&firms, &spec).context("the event study of the sample")?;
        let portfolios = Study::from_fits(spec.clone(), Vec::new(), Vec::new());
        let mut context = Self {
            report,
            spec: study_spec,
            universe,
            event: event.clone(),
            data,
            exchanges,
            as_of,
            study,
            portfolios,
            against_rest: Err(String::new()),
            desk: *desk,
            firms,
            home,
            benchmark: series,
        };
        context.portfolios = context.fit_portfolios(&context.firms, &spec)?;
        context.against_rest = context.fit_against_rest(&spec);
        Ok(context)
    }

    /// The same companies on another session of their exchange, as if its shock had come that day; day 0 alone.
    ///
    /// # Errors
    /// Windows that no company could use.
    pub fn on(&self, row: usize) -> Result<Self> {
        self.refitted(row, |firm| Some(firm.clone()))
    }

    /// The same study without one company; day 0 alone.
    ///
    /// # Errors
    /// A theme that has no other member.
    pub fn without(&self, symbol: &Symbol) -> Result<Self> {
        let row = day0(self.home, &self.event)?;
        self.refitted(row, |firm| (firm.id != symbol.as_str()).then(|| firm.clone()))
    }

    /// The study against the rest of the market as if that were its benchmark; day 0 alone.
    #[must_use]
    pub fn on_rest(&self) -> Option<Self> {
        let rest = &self.against_rest.as_ref().ok()?.rest;
        let row = day0(self.home, &self.event).ok()?;
        self.refitted(row, |firm| Some(firm.clone().with_regressors(vec![rest.returns.clone()]))).ok()
    }

    fn refitted(&self, row: usize, change: impl Fn(&FirmEvent) -> Option<FirmEvent>) -> Result<Self> {
        let spec = Spec { window: [0, 0], ..self.study.spec.clone() };
        let event = Event { instant: self.home.sessions[row].open, ..self.event.clone() };
        let excluded = other_shocks(&self.desk, self.home, event.instant, row, spec.estimation);
        let moved = |firm: FirmEvent| FirmEvent { event_row: row, excluded: excluded.clone(), ..firm };
        let firms: Vec<FirmEvent> = self.firms.iter().filter_map(|firm| change(firm).map(moved)).collect();
        let mut context = Self {
            study: event_study::fit(&firms, &spec)?,
            portfolios: Study::from_fits(spec.clone(), Vec::new(), Vec::new()),
            against_rest: Err("not fitted again".to_owned()),
            firms,
            event,
            report: self.report,
            spec: self.spec,
            universe: self.universe,
            data: self.data,
            exchanges: self.exchanges,
            as_of: self.as_of,
            desk: self.desk,
            home: self.home,
            benchmark: self.benchmark,
        };
        context.portfolios = context.fit_portfolios(&context.firms, &spec)?;
        Ok(context)
    }

    /// The last `count` sessions before the event window on which the study can be fitted and no declared event lies near.
    #[must_use]
    pub fn ordinary(&self, count: usize) -> Vec<usize> {
        let Ok(day0) = day0(self.home, &self.event) else { return Vec::new() };
        self.ordinary_before(day0.saturating_sub(self.spec.window[0].unsigned_abs() as usize), count)
    }

    /// The benchmark's returns on its own sessions.
    pub(crate) fn benchmark_returns(&self) -> Vec<Option<f64>> {
        self.benchmark.simple_returns()
    }

    /// The last `count` sessions before `last` on which the study can be fitted and no declared event lies near.
    pub(crate) fn ordinary_before(&self, last: usize, count: usize) -> Vec<usize> {
        let near: std::collections::BTreeSet<usize> = near_shocks(&self.desk, self.home).collect();
        let first = self.spec.estimation[0].unsigned_abs() as usize + 1;
        let rows = (first..last).rev().filter(|row| !near.contains(row));
        rows.filter(|row| self.benchmark.simple_return(*row).is_some()).take(count).collect()
    }

    /// The report's study.
    #[must_use]
    pub fn own(&self) -> Fitted<'_> {
        Fitted { study: &self.study, portfolios: &self.portfolios, infix: "" }
    }

    /// The study against the rest of the market, where there is one.
    #[must_use]
    pub fn rest(&self) -> Option<Fitted<'_>> {
        let rest = self.against_rest.as_ref().ok()?;
        Some(Fitted { study: &rest.study, portfolios: &rest.portfolios, infix: "rest." })
    }

    /// What a figure of a fitted study is made from: the companies given, and the benchmark that the study has.
    #[must_use]
    pub fn fitted_inputs(&self, fitted: Fitted<'_>, companies: &[String]) -> Vec<String> {
        let benchmark = self.spec.benchmark.as_str();
        let own = companies.iter().filter(|id| fitted.infix.is_empty() || *id != benchmark).cloned();
        own.chain((!fitted.infix.is_empty()).then(|| crate::rest::SOURCE.to_owned())).collect()
    }

    fn fit_against_rest(&self, spec: &Spec) -> Result<AgainstRest, String> {
        let row = day0(self.home, &self.event).map_err(|error| error.to_string())?;
        let at = |day: i32| row.checked_add_signed(day as isize).ok_or("too little history");
        let last = (at(spec.window[1])? + 1).min(self.home.sessions.len());
        let sample: Vec<(&str, &[Option<f64>])> =
            self.firms.iter().map(|firm| (firm.id.as_str(), &firm.returns[..])).collect();
        let rest = rest(&self.desk, self.home, &sample, at(spec.estimation[0])?..last)?;
        let against = |firm: &FirmEvent| firm.clone().with_regressors(vec![rest.returns.clone()]);
        let firms: Vec<FirmEvent> = self.firms.iter().map(against).collect();
        let told = |error: &dyn std::fmt::Display| error.to_string();
        let study = event_study::fit(&firms, spec).map_err(|error| told(&error))?;
        let portfolios = self.fit_portfolios(&firms, spec).map_err(|error| told(&error))?;
        Ok(AgainstRest { study, portfolios, rest })
    }

    fn fit_portfolios(&self, firms: &[FirmEvent], spec: &Spec) -> Result<Study> {
        event_study::fit(&self.held(firms)?, spec).context("the event study of the themes")
    }

    /// The whole sample, the themes and their differences, each as one firm.
    ///
    /// # Errors
    /// A theme without members.
    pub(crate) fn held(&self, firms: &[FirmEvent]) -> Result<Vec<FirmEvent>> {
        let mut held = vec![portfolio("sample", &firms.iter().collect::<Vec<_>>(), None)?];
        for theme in &self.report.themes {
            held.push(self.theme_of(firms, theme, None)?);
        }
        for [long, short] in &self.spec.long_short {
            let id = format!("pair:{long}-{short}");
            let legs = [self.theme_of(firms, long, None)?, self.theme_of(firms, short, None)?];
            held.push(long_short(&id, &legs[0], &legs[1])?);
        }
        Ok(held)
    }

    /// Members of a theme within the sample.
    pub fn members(&self, theme: &ThemeId) -> Vec<&FirmEvent> {
        self.members_of(&self.firms, theme)
    }

    fn members_of<'f>(&self, firms: &'f [FirmEvent], theme: &ThemeId) -> Vec<&'f FirmEvent> {
        let of_theme = |firm: &&FirmEvent| {
            self.universe
                .get(&Symbol::from(firm.id.as_str()))
                .is_some_and(|instrument| instrument.theme.as_ref() == Some(theme))
        };
        firms.iter().filter(of_theme).collect()
    }

    /// A theme's members in the sample, without `except`, as one equal-weight firm `theme:<id>`.
    ///
    /// # Errors
    /// A theme without members.
    pub fn theme(&self, theme: &ThemeId, except: Option<&Symbol>) -> Result<FirmEvent> {
        self.theme_of(&self.firms, theme, except)
    }

    fn theme_of(&self, firms: &[FirmEvent], theme: &ThemeId, except: Option<&Symbol>) -> Result<FirmEvent> {
        let mut members = self.members_of(firms, theme);
        members.retain(|firm| except.is_none_or(|except| firm.id != except.as_str()));
        if members.is_empty() {
            return Err(self
                .report
                .origin
                .refuse(theme.as_str(), format!("theme `{theme}` has no member in the sample"))
                .hint("add a company of the theme to `sample`, or take the theme out")
                .into());
        }
        Ok(portfolio(&format!("theme:{theme}"), &members, None)?)
    }

    /// Symbols behind a theme, a pair (`<long>-<short>` as ids of themes) or the whole sample, and the benchmark.
    #[must_use]
    pub fn inputs(&self, themes: &[&ThemeId]) -> Vec<String> {
        let members = themes.iter().flat_map(|theme| self.members(theme));
        let mut found: Vec<String> = members.map(|firm| firm.id.clone()).collect();
        if themes.is_empty() {
            found = self.firms.iter().map(|firm| firm.id.clone()).collect();
        }
        found.push(self.spec.benchmark.to_string());
        found
    }

    /// Tests of one window that need more than the single fits: portfolio t, placebo p, joint F.
    pub fn joint(&self, window: [i32; 2]) -> BTreeMap<&'static str, Result<Stat, String>> {
        let told = |reason: shockbrief_analytics::reason::Missing| reason.to_string();
        let section = CrossSection::new(&self.study, window).map_err(told);
        let (firms, observations) =
            section.as_ref().map_or((0, 0), |section| (section.n(), section.observations()));
        let whole = self.portfolios.firm("sample").ok_or_else(|| "too little history".to_owned());
        let portfolio_t = whole.and_then(|fit| fit.car(window).map_err(told)).map(|car| Stat {
            value: car.t,
            df: Some(car.df as f64),
            df2: None,
            p: Some(car.p),
            firms,
            observations,
        });
        let placebo_p = section.and_then(|section| placebo(&section).map_err(told)).map(|placebo| Stat {
            value: placebo.p,
            df: None,
            df2: None,
            p: Some(placebo.p),
            firms,
            observations: placebo.n_placebo,
        });
        let joint = mvrm(&self.firms, &self.study.spec, window).and_then(|tests| tests.f).map_err(told);
        BTreeMap::from([("portfolio_t", portfolio_t), ("placebo_p", placebo_p), ("mvrm_f", joint)])
    }

    /// The benchmark over each session interval of another exchange.
    ///
    /// # Errors
    /// Sessions out of order.
    pub fn benchmark_over(&self, market: &Market) -> Result<Matched> {
        self.over(market, &self.benchmark.adjusted)
    }

    /// The rest of the market over each session interval of another exchange, where there is one.
    #[must_use]
    pub fn rest_over(&self, market: &Market) -> Option<Matched> {
        let rest = self.against_rest.as_ref().ok()?;
        let first = rest.rest.returns.iter().position(Option::is_some)?;
        let mut level = 1.0;
        let levels: Vec<Option<f64>> = rest
            .rest
            .returns
            .iter()
            .enumerate()
            .map(|(row, change)| {
                if row + 1 == first {
                    return Some(level);
                }
                level *= 1.0 + (*change)?;
                Some(level)
            })
            .collect();
        self.over(market, &levels).ok()
    }

    fn over(&self, market: &Market, levels: &[Option<f64>]) -> Result<Matched> {
        let closes: Vec<_> = market.sessions.iter().map(|session| session.close).collect();
        let levels: Vec<_> = self
            .home
            .sessions
            .iter()
            .zip(levels)
            .filter_map(|(session, level)| {
                Some(matched_interval::Session { open: session.open, close: session.close, level: (*level)? })
            })
            .collect();
        Ok(matched(&closes, &levels)?)
    }

    /// Market and series of a symbol.
    ///
    /// # Errors
    /// When the data do not hold it.
    pub fn find(&self, symbol: &Symbol) -> Result<(&'a Market, &'a Series)> {
        find(self.data, symbol)
    }

    /// The row of day 0 on an exchange.
    ///
    /// # Errors
    /// When the exchange has not closed a session since the event.
    pub fn day0(&self, market: &Market) -> Result<usize> {
        day0(market, &self.event)
    }

    /// Estimation rows around a day 0, when the history reaches back far enough.
    pub fn estimation_rows(&self, day0: usize) -> Option<Range<usize>> {
        let [first, last] = self.spec.estimation;
        Some(day0.checked_add_signed(first as isize)?..day0.checked_add_signed(last as isize)? + 1)
    }

    /// A company's own return of day 0.
    #[must_use]
    pub fn day0_move(&self, id: &str) -> Option<f64> {
        let firm = self.firms.iter().find(|firm| firm.id == id)?;
        firm.returns.get(firm.event_row).copied().flatten()
    }

    /// Companies of the sample from the lowest to the highest abnormal return on day 0.
    pub fn by_day0(&self) -> Vec<Symbol> {
        let mut ranked: Vec<(&FirmFit, f64)> =
            self.study.firms.iter().filter_map(|firm| Some((firm, firm.days([0, 0]).first()?.ar))).collect();
        ranked.sort_by(|a, b| a.1.total_cmp(&b.1));
        ranked.into_iter().map(|(firm, _)| Symbol::from(firm.id.as_str())).collect()
    }

    /// The name of a symbol as readers know it.
    pub fn name(&self, symbol: &Symbol) -> String {
        panel::name(self.universe, symbol)
    }

    /// The colour group of a symbol: its theme.
    pub fn group(&self, symbol: &Symbol) -> String {
        self.universe
            .get(symbol)
            .and_then(|instrument| instrument.theme.as_ref())
            .map(ToString::to_string)
            .unwrap_or_default()
    }

    /// Files behind these symbols, for a source line.
    pub fn sources(&self, symbols: &[Symbol]) -> Vec<String> {
        self.desk.sources(symbols)
    }

    /// Figures that describe the study itself.
    pub(crate) fn describe(&self, findings: &mut Findings) {
        let [first, last] = self.spec.estimation;
        let as_of = self.as_of;
        let number =
            |id: &str, value: f64, unit| Figure::new(id, value, unit, "config", as_of).inputs(["study"]);
        let day = jiff::tz::TimeZone::UTC.to_datetime(self.event.instant).date();
        findings.add(Figure::date("study.event", day, "config", self.as_of).inputs(["study"]));
        // Own returns of day 0, which any section may use.
        for symbol in self.spec.sample.iter().chain([&self.spec.benchmark, &self.spec.source]) {
            day0_return(self, symbol, findings);
        }
        findings.add(number("study.estimation.first", f64::from(first), Unit::Number));
        findings.add(number("study.estimation.last", f64::from(last), Unit::Number));
        let used = self.study.firms.iter().map(|firm| firm.observations).max().unwrap_or(0);
        findings.add(number("study.estimation.days", f64::from(last - first + 1), Unit::Count));
        findings.add(number("study.estimation.used", used as f64, Unit::Count));
        let apart = usize::try_from(last - first + 1).unwrap_or(0).saturating_sub(used);
        findings.add(number("study.estimation.apart", apart as f64, Unit::Count));
        let rest = self.against_rest.as_ref().map(|rest| rest.rest.names.len() as f64).map_err(Clone::clone);
        let rest = Figure::from_result("study.rest.names", rest, Unit::Count, "equal_weight_rest", as_of);
        findings.add(rest.inputs([crate::rest::SOURCE]));
        for (mic, sessions) in self.exchanges {
            let id = format!("day0.{}", mic.as_str().to_lowercase());
            let row = sessions.partition_point(|session| session.close <= self.event.instant);
            let date = sessions.get(row).map(|session| session.date);
            findings.add(match date {
                Some(date) => Figure::date(id, date, "event_row", as_of).inputs([mic.as_str()]),
                None => Figure::missing(id, "no session since the event", Unit::Date, "event_row", as_of)
                    .inputs([mic.as_str()]),
            });
        }
    }
}

fn event_of<'a>(report: &Report, study: &StudySpec, events: &'a Events) -> Result<&'a Event> {
    let id = &study.event;
    events.events.get(id).ok_or_else(|| {
        let known = events.events.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        report
            .origin
            .refuse(&format!("event: {id}"), format!("unknown event `{id}`"))
            .hint(format!("declare it in config/events.yaml, or use one of: {known}"))
            .into()
    })
}

fn check_symbols(report: &Report, study: &StudySpec, universe: &Universe) -> Result<()> {
    let unknown = study
        .sample
        .iter()
        .chain([&study.source, &study.benchmark])
        .chain(&study.abroad)
        .find(|symbol| universe.get(symbol).is_none());
    match unknown {
        Some(symbol) => Err(report
            .origin
            .refuse(symbol.as_str(), format!("unknown symbol `{symbol}`"))
            .hint("add it to config/universe.yaml or correct its spelling")
            .into()),
        None => Ok(()),
    }
}

fn find<'a>(data: &'a Dataset, symbol: &Symbol) -> Result<(&'a Market, &'a Series)> {
    data.find(symbol).ok_or_else(|| absent(symbol).into())
}

fn day0(market: &Market, event: &Event) -> Result<usize> {
    market.event_row(event.instant).ok_or_else(|| {
        Refusal::data(format!("{} has closed no session since the event by the as-of date", market.mic))
            .hint("choose a later --as-of")
            .into()
    })
}

/// The companies of the sample on the benchmark's calendar.
fn sample(
    desk: &Desk<'_>,
    report: &Report,
    study: &StudySpec,
    data: &Dataset,
    (home, benchmark): (&Market, &Series),
    event: &Event,
) -> Result<Vec<FirmEvent>> {
    let day0 = day0(home, event)?;
    let dates: Arc<[Date]> = home.sessions.iter().map(|session| session.date).collect();
    let regressor: Arc<[Option<f64>]> = benchmark.simple_returns().into();
    let excluded = other_shocks(desk, home, event.instant, day0, study.estimation);
    study
        .sample
        .iter()
        .map(|symbol| {
            let (market, series) = find(data, symbol)?;
            if !market.sessions.iter().map(|session| session.date).eq(dates.iter().copied()) {
                return Err(report
                    .origin
                    .refuse(
                        symbol.as_str(),
                        format!("{symbol} trades on {}, not on the benchmark's calendar", market.mic),
                    )
                    .hint("list it under `abroad` instead of `sample`")
                    .into());
            }
            let mut firm = FirmEvent::new(symbol.as_str(), dates.clone(), series.simple_returns(), day0)
                .with_regressors(vec![regressor.clone()]);
            firm.excluded.clone_from(&excluded);
            Ok(firm)
        })
        .collect()
}

/// The plain return of day 0.
pub fn day0_return(context: &Shock<'_>, symbol: &Symbol, findings: &mut Findings) {
    let found = context.data.find(symbol);
    let value = found.ok_or("no prices").and_then(|(market, series)| {
        let row = market.event_row(context.event.instant).ok_or("no session since the event")?;
        series.simple_return(row).ok_or("a price is missing")
    });
    findings.add(
        Figure::from_result(
            format!("{}.return.day0", symbol.slug()),
            value,
            Unit::Ratio,
            "simple_return",
            context.as_of,
        )
        .inputs([symbol.as_str()]),
    );
}
