//! Figures of one specification under the ids of the study's own, and how far each moves over all of them.

use crate::{Shock, kind::Output, method::HEADLINE};
use shockbrief_analytics::{
    event_study::{self, Car, Stat, Study, Tests, cross_section::CrossSection, placebo::placebo},
    moments,
    multiplicity::holm,
    reason::Missing,
    specifications::{Specification, Specified, range},
};
use shockbrief_core::{Figure, Unit};

const DAY0: [i32; 2] = [0, 0];

/// What is recorded of a specification.
struct Record<'a, 'b> {
    shock: &'a Shock<'a>,
    name: &'static str,
    fit: Result<&'a Specified, String>,
    out: &'a mut Output<'b>,
}

/// Adds the figures of a specification; where it has no fit, each says why.
pub fn specification(
    shock: &Shock<'_>,
    specification: Specification,
    fit: &Result<Specified, String>,
    out: &mut Output<'_>,
) {
    let fit = fit.as_ref().map_err(Clone::clone);
    let mut record = Record { shock, name: specification.name(), fit, out };
    record.source();
    record.sample();
    let themes = shock.report.themes.iter().map(|theme| {
        (format!("theme:{theme}"), format!("theme.{theme}"), Unit::Ratio, shock.inputs(&[theme]))
    });
    record.family(themes.collect());
    let pairs = shock.spec.long_short.iter().map(|[long, short]| {
        let id = format!("{long}-{short}");
        (format!("pair:{id}"), format!("pair.{id}"), Unit::Points, shock.inputs(&[long, short]))
    });
    record.family(pairs.collect());
    record.tests();
    record.quality();
}

/// Firm in the study, name in figure ids, unit, what it holds.
type Held = (String, String, Unit, Vec<String>);

impl Record<'_, '_> {
    fn add(
        &mut self,
        id: &str,
        value: Result<f64, String>,
        unit: Unit,
        statistic: &str,
        more: impl FnOnce(Figure) -> Figure,
    ) {
        let id = format!("spec.{}.{id}", self.name);
        let figure = Figure::from_result(id, value, unit, statistic, self.shock.as_of);
        self.out.add(more(figure));
    }

    fn car(&self, study: impl Fn(&Specified) -> &Study, id: &str) -> Result<Car, String> {
        let study = study(self.fit.clone()?);
        match (study.firm(id), study.dropped.iter().find(|lost| lost.id == id)) {
            (Some(fit), _) => fit.car(DAY0).map_err(told),
            (None, Some(lost)) => Err(lost.reason.to_string()),
            (None, None) => Err("too little history".to_owned()),
        }
    }

    fn abnormal(&mut self, id: &str, car: &Result<Car, String>, unit: Unit, inputs: &[String]) {
        let value = car.as_ref().map(|car| car.car).map_err(Clone::clone);
        let inputs = inputs.to_vec();
        self.add(id, value, unit, "abnormal_return", |figure| match car {
            Ok(car) => figure.inputs(inputs).se(car.se).df([car.df as f64]).p(car.p),
            Err(_) => figure.inputs(inputs),
        });
    }

    fn source(&mut self) {
        let symbol = self.shock.spec.source.clone();
        let car = self.car(|fit| &fit.study, symbol.as_str());
        let inputs = [symbol.to_string(), self.shock.spec.benchmark.to_string()];
        self.abnormal(&format!("{}.ar.w0_0", symbol.slug()), &car, Unit::Ratio, &inputs);
    }

    /// The mean with the forecast error of the equal-weight portfolio, and how many companies rose and fell.
    fn sample(&mut self) {
        let ars: Result<Vec<f64>, String> = self
            .fit
            .clone()
            .map(|fit| fit.study.firms.iter().filter_map(|firm| Some(firm.days(DAY0).first()?.ar)).collect());
        let whole = self.car(|fit| &fit.portfolios, "sample").ok();
        let mean = ars.clone().and_then(|ars| moments::mean(&ars).map_err(told));
        let count =
            |keep: fn(f64) -> bool| ars.clone().map(|ars| ars.iter().filter(|ar| keep(**ar)).count() as f64);
        let (risers, fallers) = (count(|ar| ar > 0.0), count(|ar| ar < 0.0));
        let (inputs, firms) = (self.shock.inputs(&[]), ars.map_or(0, |ars| ars.len()));
        for id in ["sample.w0_0.caar", "sample.mean"] {
            let inputs = inputs.clone();
            self.add(id, mean.clone(), Unit::Ratio, "caar", |figure| {
                let figure = figure.inputs(inputs).firms(firms);
                whole.as_ref().map_or(figure.clone(), |car| figure.se(car.se).df([car.df as f64]).p(car.p))
            });
        }
        for (id, value) in [("sample.risers", risers), ("sample.fallers", fallers)] {
            let inputs = inputs.clone();
            self.add(id, value, Unit::Count, "count", |figure| figure.inputs(inputs).firms(firms));
        }
    }

    /// Portfolios of one family; Holm within it.
    fn family(&mut self, family: Vec<Held>) {
        let cars: Vec<Result<Car, String>> =
            family.iter().map(|(firm, ..)| self.car(|fit| &fit.portfolios, firm)).collect();
        let known: Vec<f64> = cars.iter().filter_map(|car| Some(car.as_ref().ok()?.p)).collect();
        let mut adjusted = holm(&known).unwrap_or_default().into_iter();
        for ((_, id, unit, inputs), car) in family.into_iter().zip(cars) {
            self.abnormal(&format!("{id}.ar.w0_0"), &car, unit, &inputs);
            let t = car.as_ref().map(|car| car.t).map_err(Clone::clone);
            let (inputs, p) = (inputs.clone(), car.as_ref().map_or(f64::NAN, |car| car.p));
            let given = inputs.clone();
            self.add(&format!("{id}.t.w0_0"), t, Unit::Statistic, "portfolio_t", |f| f.inputs(given).p(p));
            let holm = car.and_then(|_| adjusted.next().ok_or_else(|| "no test of the family".to_owned()));
            self.add(&format!("{id}.p_holm.w0_0"), holm, Unit::Probability, "holm", |f| f.inputs(inputs));
        }
    }

    fn tests(&mut self) {
        let tests = self.fit.clone().and_then(|fit| event_study::tests(&fit.study, DAY0).map_err(told));
        for key in HEADLINE.into_iter().chain(["event_variance_chi2"]) {
            let stat = self.test(key, &tests);
            let unit = if key == "placebo_p" { Unit::Probability } else { Unit::Statistic };
            let value = stat.as_ref().map(|stat| stat.value).map_err(Clone::clone);
            let inputs = self.shock.inputs(&[]);
            self.add(&format!("tests.w0_0.{key}"), value, unit, key, |figure| match stat {
                Ok(stat) => figure
                    .inputs(inputs)
                    .df([stat.df, stat.df2].into_iter().flatten())
                    .p(stat.p.unwrap_or(f64::NAN))
                    .firms(stat.firms)
                    .n(stat.observations),
                Err(_) => figure.inputs(inputs),
            });
        }
        let r_bar = tests.and_then(|tests| tests.get("r_bar").map(|stat| stat.value).map_err(told));
        let inputs = self.shock.inputs(&[]);
        let statistic = "mean_residual_correlation";
        self.add("sample.r_bar", r_bar, Unit::Correlation, statistic, |figure| figure.inputs(inputs));
    }

    fn test(&self, key: &str, tests: &Result<Tests, String>) -> Result<Stat, String> {
        let fit = self.fit.clone()?;
        let tests = tests.as_ref().map_err(Clone::clone)?;
        let stat = |value, df, p, observations| Stat {
            value,
            df,
            df2: None,
            p: Some(p),
            firms: tests.n,
            observations,
        };
        match key {
            "portfolio_t" => self
                .car(|fit| &fit.portfolios, "sample")
                .map(|car| stat(car.t, Some(car.df as f64), car.p, tests.observations)),
            "placebo_p" => {
                let section = CrossSection::new(&fit.study, DAY0).map_err(told)?;
                let placebo = placebo(&section).map_err(told)?;
                Ok(stat(placebo.p, None, placebo.p, placebo.n_placebo))
            }
            "mvrm_f" => fit.joint(DAY0).and_then(|joint| joint.f).map_err(told),
            _ => tests.get(key).map_err(told),
        }
    }

    /// How well it fitted before: the error of the source's fit, donors, and how many of them an even spread would make.
    fn quality(&mut self) {
        let source = self.shock.spec.source.clone();
        let own = self.fit.clone().and_then(|fit| {
            let found = fit.quality.iter().find(|quality| quality.id == source.as_str()).cloned();
            found.ok_or_else(|| "too little history".to_owned())
        });
        let even = own.clone().and_then(|quality| {
            let weights = quality.weights.ok_or("no weights on donors in this specification")?;
            Ok(1.0 / weights.2)
        });
        let donors = self.fit.clone().and_then(|fit| match fit.donors {
            0 => Err("no donors in this specification".to_owned()),
            n => Ok(n as f64),
        });
        let rmse = own.map(|quality| quality.rmse);
        let inputs = vec![source.to_string()];
        for (id, value, unit, statistic) in [
            ("quality.rmse", rmse, Unit::Ratio, "root_mean_square_error"),
            ("quality.even-donors", even, Unit::Number, "inverse_herfindahl"),
            ("quality.donors", donors, Unit::Count, "count"),
        ] {
            let inputs = inputs.clone();
            self.add(id, value, unit, statistic, |figure| figure.inputs(inputs));
        }
    }
}

fn told(reason: Missing) -> String {
    reason.to_string()
}

/// Least and greatest of each figure over the specifications, and by which.
pub fn ranges(shock: &Shock<'_>, list: &[Specification], out: &mut Output<'_>) {
    out.list_of("specifications", list.iter().map(|s| s.name().to_owned()).collect());
    let Some(first) = list.first() else { return };
    let ids = out.ids_below(&format!("spec.{}.", first.name()));
    for id in ids.into_iter().filter(|id| !id.starts_with("quality.")) {
        let values: Vec<(Specification, Result<f64, Missing>)> = list
            .iter()
            .map(|s| {
                let value = out.number(&format!("spec.{}.{id}", s.name()));
                (*s, value.ok_or(Missing::Incomplete { what: "a value in this specification" }))
            })
            .collect();
        let Some(unit) = out.unit(&format!("spec.{}.{id}", first.name())) else { continue };
        let found = range(&values).map_err(told);
        let inputs: Vec<String> = list.iter().map(|s| format!("spec.{}.{id}", s.name())).collect();
        let n = found.as_ref().map_or(0, |range| range.of);
        for (part, value) in [
            ("least", found.as_ref().map(|range| range.least)),
            ("greatest", found.as_ref().map(|range| range.greatest)),
        ] {
            let value = value.map_err(Clone::clone);
            let figure = Figure::from_result(format!("range.{id}.{part}"), value, unit, "range", shock.as_of);
            out.add(figure.inputs(inputs.clone()).n(n));
        }
        let by =
            found.map(|range| vec![range.least_by.name().to_owned(), range.greatest_by.name().to_owned()]);
        out.list_of(&format!("range.{id}"), by.unwrap_or_default());
    }
}
