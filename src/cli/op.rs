//! `ohmgrad op`.

use std::path::{Path, PathBuf};

use crate::analysis::Solver;
use crate::analysis::selected_probes;
use crate::execution;
use crate::linear::write_matrix_market;
use crate::report::{csv, json, table};

use super::{DeckArguments, Failure, ResultFormat, emit, load_with, points, show_undetermined};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    deck: DeckArguments,
    #[command(flatten)]
    settings: super::Settings,
    #[arg(long, value_enum, default_value = "table")]
    format: ResultFormat,
    #[command(flatten)]
    points: points::Arguments,
    /// Write the reduced Jacobian at the operating point to this file (MatrixMarket)
    #[arg(long, value_name = "FILE")]
    jacobian: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    arguments.deck.check_out()?;
    if let Some(table) = &arguments.points.inputs {
        return points::run(
            &arguments.deck,
            &arguments.settings,
            table,
            &arguments.points,
        );
    }
    let out = arguments.deck.out.as_deref();
    arguments.format.check_out(out)?;
    let mut solver = load_with(&arguments.deck.deck, &arguments.settings)?;
    let outcome = solver.operating_point();
    if let (Ok(_), Some(path)) = (&outcome, &arguments.jacobian) {
        write_jacobian(&mut solver, path)?;
    }
    let circuit = &solver.circuit;
    let op = match outcome {
        Ok(op) => op,
        Err(error) => {
            if arguments.format == ResultFormat::Json {
                emit(json::text(&json::no_operating_point(circuit, &error)), out)?;
            }
            return Err(error.into());
        }
    };
    show_undetermined(circuit, &op);
    let bytes = match arguments.format {
        ResultFormat::Table => table::operating_point(circuit, &op).into_bytes(),
        ResultFormat::Json => json::text(&json::operating_point(circuit, &op)).into_bytes(),
        ResultFormat::Csv => csv::operating_point(circuit, &op).into_bytes(),
        format => {
            let probes = selected_probes(circuit, &circuit.commands.outputs)?;
            format.datasets(&[execution::operating_point(&solver, &op, &probes)])
        }
    };
    emit(bytes, out)
}

fn write_jacobian(solver: &mut Solver, path: &Path) -> Result<(), Failure> {
    let Solver {
        system,
        values,
        workspace,
        ..
    } = solver;
    workspace.settle(system, values);
    let jacobian = workspace.jacobian(system, values);
    write_matrix_market(path, &jacobian, system.method())
        .map_err(|error| Failure::write(Some(path), &error))
}
