//! Price paths: simulated before the public window, public from there on.

use crate::{
    frame::Frame,
    noise::Noise,
    parameters::{Benchmark, Instrument},
};
use anyhow::{Context, Result};
use jiff::civil::Date;
use shockbrief_core::{Refusal, Session, Symbol};

/// One instrument's prices.
#[derive(Clone)]
pub(crate) struct Path {
    pub symbol: Symbol,
    pub dates: Vec<Date>,
    pub returns: Vec<f64>,
    pub prices: Vec<f64>,
    pub quoted: bool,
}

/// The benchmark: noise with the stated mean and deviation in the estimation window.
pub(crate) fn benchmark(frame: &Frame<'_>, stated: &Benchmark, noise: &mut Noise) -> Result<Path> {
    let shocks = noise.exact(frame, &[], 1)?;
    let simulated: Vec<f64> =
        shocks[0].iter().map(|shock| (stated.mean + stated.sd * shock) / 100.0).collect();
    finish(frame, &stated.symbol, simulated, &stated.returns, stated.quote, true)
}

/// An instrument: the market model on `regressor` with the given unit-variance residuals.
pub(crate) fn instrument(
    frame: &Frame<'_>,
    stated: &Instrument,
    regressor: &[f64],
    shocks: &[f64],
) -> Result<Path> {
    let simulated = regressor
        .iter()
        .zip(shocks)
        .map(|(market, shock)| (stated.alpha + stated.sigma * shock) / 100.0 + stated.beta * market)
        .collect();
    let level = stated
        .quote
        .or(stated.level)
        .with_context(|| format!("config/sample.yaml: {} has neither quote nor level", stated.symbol))?;
    finish(frame, &stated.symbol, simulated, &stated.returns, level, stated.quote.is_some())
}

/// Puts the public moves in place and turns returns into prices, anchored at the close before day 0.
fn finish(
    frame: &Frame<'_>,
    symbol: &Symbol,
    mut returns: Vec<f64>,
    public: &[f64],
    level: f64,
    quoted: bool,
) -> Result<Path> {
    let due = frame.sessions.len() - frame.public;
    if public.len() != due {
        return Err(Refusal::config(format!(
            "config/sample.yaml: {symbol} lists {} moves for {due} sessions",
            public.len()
        ))
        .hint("list one move per session of its exchange, from `window_start` to `as_of`")
        .into());
    }
    returns.truncate(frame.public);
    returns.extend(public.iter().map(|percent| percent / 100.0));
    let mut prices = vec![level; returns.len()];
    for row in (0..frame.day0 - 1).rev() {
        prices[row] = prices[row + 1] / (1.0 + returns[row + 1]);
    }
    for row in frame.day0..returns.len() {
        prices[row] = prices[row - 1] * (1.0 + returns[row]);
    }
    let dates = frame.sessions.iter().map(|session| session.date).collect();
    Ok(Path { symbol: symbol.clone(), dates, returns, prices, quoted })
}

/// The benchmark's return over each session interval of another exchange: between the last benchmark closes
/// not after the exchange's own closes.
pub(crate) fn benchmark_over(frame: &Frame<'_>, home: &Frame<'_>, benchmark: &Path) -> Vec<f64> {
    let known = |session: &Session| {
        let closed = home.sessions.partition_point(|own| own.close <= session.close);
        benchmark.prices[closed.saturating_sub(1)]
    };
    let mut previous = frame.sessions.first().map_or(1.0, known);
    frame
        .sessions
        .iter()
        .map(|session| {
            let level = known(session);
            let change = level / previous - 1.0;
            previous = level;
            change
        })
        .collect()
}
