//! `--param name=value`: variables of the deck set from outside.

use std::path::Path;
use std::time::Duration;

use crate::analysis::Solver;
use crate::circuit::Circuit;
use crate::units::parse_number;

use super::{Failure, read_netlist, show_warnings};

#[derive(Debug, clap::Args)]
pub struct Settings {
    /// Set a variable of the deck (repeatable): a .param, temp, r1, d1:is, dmod:is
    #[arg(long = "param", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// Give up on an operating point after so many linear solves
    #[arg(long, value_name = "N")]
    max_iterations: Option<usize>,
    /// Give up on an operating point after so long: 0.5s, 10m, 2h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    time_limit: Option<Duration>,
}

/// More threads than any machine here has cores only cost time to start.
const MOST_THREADS: usize = 256;

/// So many threads; all cores for none or zero.
pub fn pool(threads: Option<usize>) -> Result<rayon::ThreadPool, Failure> {
    let mut pool = rayon::ThreadPoolBuilder::new();
    if let Some(threads) = threads {
        pool = pool.num_threads(threads.min(MOST_THREADS));
    }
    pool.build()
        .map_err(|error| Failure::failed(format!("error: cannot start threads: {error}")))
}

/// A number above zero.
pub fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok();
    let number = number.filter(|x| *x > 0.0 && x.is_finite());
    number.ok_or_else(|| "expected a number above zero".to_string())
}

/// Reads and builds a deck, sets what the user asks for, checks and compiles it; warnings go to
/// standard error.
pub fn load_with(deck: &Path, settings: &Settings) -> Result<Solver, Failure> {
    let circuit = build_with(deck, &settings.parameters)?;
    let mut solver = Solver::new(circuit)?;
    solver.options.time_budget = settings.time_limit;
    if let Some(iterations) = settings.max_iterations {
        solver.options.iteration_budget = iterations;
    }
    show_warnings(&solver.warnings, &solver.circuit.sources);
    Ok(solver)
}

/// Reads and builds a deck and sets variables of it.
pub fn build_with(deck: &Path, parameters: &[String]) -> Result<Circuit, Failure> {
    let mut circuit = Circuit::from_netlist(&read_netlist(deck)?)?;
    for text in parameters {
        set(&mut circuit, text)?;
    }
    Ok(circuit)
}

fn set(circuit: &mut Circuit, text: &str) -> Result<(), Failure> {
    let parsed = text
        .split_once('=')
        .and_then(|(name, value)| Some((name, parse_number(value.trim())?)));
    let Some((name, value)) = parsed else {
        return Err(Failure::arguments(format!(
            "error: `--param {text}` is no setting\n  help: write name=value with a number, for \
             instance --param rload=4.7k"
        )));
    };
    let variable = circuit
        .find_variable(name)
        .map_err(|error| Failure::argument(&error))?;
    if !circuit.set_variable(&variable, value) {
        return Err(Failure::arguments(format!(
            "error: `{name}` cannot be {value}\n  help: an element that depends on it refuses its \
             value then"
        )));
    }
    Ok(())
}

/// `90`, `90s`, `1.5m`, `2h`
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let units = [('s', 1.0), ('m', 60.0), ('h', 3600.0)];
    let unit = units.into_iter().find(|(unit, _)| text.ends_with(*unit));
    let (number, seconds) = match unit {
        Some((unit, seconds)) => (text.trim_end_matches(unit), seconds),
        None => (text, 1.0),
    };
    number
        .parse()
        .ok()
        .and_then(|number: f64| Duration::try_from_secs_f64(number * seconds).ok())
        .ok_or_else(|| "expected a time such as 90s, 10m or 2h".to_string())
}
