//! `--param name=value`: variables of the deck set from outside.

use std::path::Path;

use crate::analysis::Solver;
use crate::circuit::Circuit;
use crate::units::parse_number;

use super::{Failure, read_netlist, show_warnings};

#[derive(Debug, clap::Args)]
pub struct Settings {
    /// Set a variable of the deck (repeatable): a .param, temp, r1, d1:is, dmod:is
    #[arg(long = "param", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
}

/// Reads and builds a deck, sets what the user asks for, checks and compiles it; warnings go to
/// standard error.
pub fn load_with(deck: &Path, settings: &Settings) -> Result<Solver, Failure> {
    let mut circuit = Circuit::from_netlist(&read_netlist(deck)?)?;
    for text in &settings.parameters {
        set(&mut circuit, text)?;
    }
    let solver = Solver::new(circuit)?;
    show_warnings(&solver.warnings, &solver.circuit.sources);
    Ok(solver)
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
