//! The reconstruction: market data that a fresh machine can make without network.
//!
//! Public moves around the event are taken as they are from `config/sample.yaml`; every earlier price is
//! simulated, in such a way that the estimation window has exactly the moments stated there. Alpha, beta,
//! sigma, abnormal returns and tests then come out as on the real prices.
//!
//! Refuses to invent a public move: a listed series that does not fill its sessions is an error. Uses no
//! transcendental function and no vectorised library, so that a seed gives the same bytes on any machine.

mod frame;
mod noise;
mod parameters;
mod path;

pub use parameters::{Expected, Parameters};

use anyhow::{Context, Result};
use frame::Frame;
use jiff::Timestamp;
use noise::Noise;
use parameters::Instrument;
use path::{Path, benchmark_over};
use shockbrief_core::{Mic, Refusal, Session, Symbol, config::Universe};
use std::{collections::BTreeMap, fmt::Write};

/// A file of the reconstruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Name within the sample folder.
    pub name: &'static str,
    /// Content.
    pub text: String,
}

/// Makes all files of the reconstruction.
///
/// `sessions` holds every exchange of the instruments from `parameters.from` to `parameters.as_of`;
/// `event` is the instant of the event.
///
/// # Errors
/// An instrument outside the universe, an exchange without sessions, a series whose moves do not fill
/// its sessions, or correlations that are not positive definite.
pub fn generate(
    parameters: &Parameters,
    universe: &Universe,
    sessions: &BTreeMap<Mic, Vec<Session>>,
    event: Timestamp,
    seed: u64,
) -> Result<Vec<File>> {
    let mut noise = Noise::new(seed);
    let market = |symbol: &Symbol| -> Result<Frame<'_>> {
        let instrument = universe.get(symbol).ok_or_else(|| unknown(symbol))?;
        let rows = sessions
            .get(&instrument.exchange)
            .with_context(|| format!("no sessions of {}", instrument.exchange))?;
        Frame::new(rows, event, parameters)
    };
    let home = market(&parameters.benchmark.symbol)?;
    let benchmark = path::benchmark(&home, &parameters.benchmark, &mut noise)?;
    let mut paths = vec![benchmark.clone()];
    paths.extend(correlated(parameters, &home, &benchmark, &mut noise)?);
    for instrument in parameters.uncorrelated() {
        let frame = market(&instrument.symbol)?;
        let regressor = benchmark_over(&frame, &home, &benchmark);
        let shocks = noise.exact(&frame, std::slice::from_ref(&regressor), 1)?;
        paths.push(path::instrument(&frame, instrument, &regressor, &shocks[0])?);
    }
    Ok(vec![
        File { name: "prices.csv", text: prices(&paths, universe)? },
        File { name: "shares.csv", text: shares(parameters) },
    ])
}

fn unknown(symbol: &Symbol) -> Refusal {
    Refusal::config(format!("config/sample.yaml: `{symbol}` is not in config/universe.yaml"))
        .hint("add the instrument to the universe or remove it from the sample")
}

/// The instruments whose residuals have the stated correlations; all share the benchmark's calendar.
fn correlated(
    parameters: &Parameters,
    home: &Frame<'_>,
    benchmark: &Path,
    noise: &mut Noise,
) -> Result<Vec<Path>> {
    let members: Vec<&Instrument> = parameters.correlated()?;
    let factor = noise::cholesky(&parameters.correlation.matrix()?)?;
    let independent = noise.exact(home, std::slice::from_ref(&benchmark.returns), members.len())?;
    members
        .iter()
        .enumerate()
        .map(|(i, instrument)| {
            let shocks: Vec<f64> = (0..home.sessions.len())
                .map(|row| factor[i].iter().enumerate().map(|(k, weight)| weight * independent[k][row]).sum())
                .collect();
            path::instrument(home, instrument, &benchmark.returns, &shocks)
        })
        .collect()
}

fn prices(paths: &[Path], universe: &Universe) -> Result<String> {
    let mut text = String::from("date,symbol,currency,adj_close,close_as_traded\n");
    for path in paths {
        let currency = &universe.get(&path.symbol).ok_or_else(|| unknown(&path.symbol))?.currency;
        for (date, price) in path.dates.iter().zip(&path.prices) {
            write!(text, "{date},{},{currency},{price:.8},", path.symbol)?;
            if path.quoted {
                write!(text, "{price:.8}")?;
            }
            text.push('\n');
        }
    }
    Ok(text)
}

fn shares(parameters: &Parameters) -> String {
    let mut text = String::from("ticker,as_of,shares_outstanding,filed\n");
    for count in &parameters.shares {
        text.push_str(&format!("{},{},{},{}\n", count.symbol, count.as_of, count.shares, count.filed));
    }
    text
}
