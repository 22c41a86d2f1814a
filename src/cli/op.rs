//! `ohmgrad op`.

use std::path::{Path, PathBuf};

use crate::analysis::Solver;
use crate::linear::write_matrix_market;
use crate::report::{csv, json, table};

use super::{DeckArguments, Failure, Format, emit, load};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    deck: DeckArguments,
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Write the reduced Jacobian at the operating point to this file (MatrixMarket)
    #[arg(long, value_name = "FILE")]
    jacobian: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    arguments.deck.check_out()?;
    let mut solver = load(&arguments.deck.deck)?;
    let out = arguments.deck.out.as_deref();
    let outcome = solver.operating_point();
    if let (Ok(_), Some(path)) = (&outcome, &arguments.jacobian) {
        write_jacobian(&mut solver, path)?;
    }
    let circuit = &solver.circuit;
    let op = match outcome {
        Ok(op) => op,
        Err(error) => {
            if arguments.format == Format::Json {
                emit(&json::text(&json::no_operating_point(circuit, &error)), out)?;
            }
            return Err(error.into());
        }
    };
    let text = match arguments.format {
        Format::Table => table::operating_point(circuit, &op),
        Format::Json => json::text(&json::operating_point(circuit, &op)),
        Format::Csv => csv::operating_point(circuit, &op),
    };
    emit(&text, out)
}

fn write_jacobian(solver: &mut Solver, path: &Path) -> Result<(), Failure> {
    let Solver {
        system,
        values,
        workspace,
        ..
    } = solver;
    workspace.settle(system, values);
    workspace
        .factor(system, values)
        .map_err(|error| Failure::failed(format!("error: {error}")))?;
    write_matrix_market(path, workspace.matrix(), system.method())
        .map_err(|error| Failure::write(Some(path), &error))
}
