//! What the tests of day 0 could have seen: the smallest effect that each detects in four of five cases.
//!
//! A test that does not reject says little without it. For the mean, the adjusted BMP test and the portfolio t; for themes and their
//! differences the t of their portfolio. The placebo test and the joint F have no effect of one size.

use crate::{Shock, kind::Output};
use shockbrief_analytics::{
    event_study::{self, FirmFit, cross_section::CrossSection},
    power::{POWER, minimum_common_effect, minimum_effect},
};
use shockbrief_core::{Figure, Unit};

const DAY0: [i32; 2] = [0, 0];
/// Level of the tests, two-sided.
const LEVEL: f64 = 0.05;

/// Adds the smallest effects of day 0.
pub fn analyse(shock: &Shock<'_>, out: &mut Output<'_>) {
    let mut add = |id: String, value: Result<f64, String>, unit, inputs: Vec<String>| {
        let figure = Figure::from_result(id, value, unit, "minimum_detectable_effect", shock.as_of);
        out.add(figure.inputs(inputs));
    };
    let sample = || shock.inputs(&[]);
    add("mde.power".to_owned(), Ok(POWER), Unit::Ratio, vec!["config".to_owned()]);
    add("mde.level".to_owned(), Ok(LEVEL), Unit::Ratio, vec!["config".to_owned()]);
    add("mde.kp_adj_bmp_t".to_owned(), adjusted(shock), Unit::Ratio, sample());
    let portfolio =
        |id: &str| shock.portfolios.firm(id).ok_or("too little history".to_owned()).and_then(effect);
    add("mde.portfolio_t".to_owned(), portfolio("sample"), Unit::Ratio, sample());
    for key in ["placebo_p", "mvrm_f"] {
        let none = Err("the test asks for no effect of one size".to_owned());
        add(format!("mde.{key}"), none, Unit::Ratio, sample());
    }
    for theme in &shock.report.themes {
        let id = format!("theme.{theme}.mde.w0_0");
        add(id, portfolio(&format!("theme:{theme}")), Unit::Ratio, shock.inputs(&[theme]));
    }
    for [long, short] in &shock.spec.long_short {
        let id = format!("pair.{long}-{short}.mde.w0_0");
        let inputs = shock.inputs(&[long, short]);
        add(id, portfolio(&format!("pair:{long}-{short}")), Unit::Points, inputs);
    }
}

/// Of a portfolio's t.
fn effect(fit: &FirmFit) -> Result<f64, String> {
    let car = fit.car(DAY0).map_err(|reason| reason.to_string())?;
    minimum_effect(car.se, car.df as f64, LEVEL, POWER).map_err(|reason| reason.to_string())
}

/// Of the adjusted BMP test: the abnormal return common to all companies.
fn adjusted(shock: &Shock<'_>) -> Result<f64, String> {
    let told = |reason: shockbrief_analytics::reason::Missing| reason.to_string();
    let section = CrossSection::new(&shock.study, DAY0).map_err(told)?;
    let stat =
        event_study::tests(&shock.study, DAY0).and_then(|tests| tests.get("kp_adj_bmp_t")).map_err(told)?;
    let scars: Vec<(f64, f64)> = section.cars.iter().map(|car| (car.se, car.t)).collect();
    let df = stat.df.unwrap_or(section.n() as f64 - 1.0);
    minimum_common_effect(&scars, stat.value, df, LEVEL, POWER).map_err(told)
}
