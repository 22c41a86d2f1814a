//! `ohmgrad op`.

use std::path::{Path, PathBuf};

use crate::analysis::Solver;
use crate::analysis::selected_probes;
use crate::execution;
use crate::linear::write_matrix_market;
use crate::report::picture::{Curves, Panel, Series, YScale, draw_curves};
use crate::report::{csv, json, table};

use super::{
    DeckArguments, Failure, ResultFormat, emit, emit_picture, load_with, points, show_undetermined,
};

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
    /// Write the largest residual at each linear solve to this file: .svg and .png are pictures, everything
    /// else CSV; also where there is no operating point
    #[arg(long, value_name = "FILE", conflicts_with = "inputs")]
    history: Option<PathBuf>,
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
    solver.workspace.history = arguments.history.as_ref().map(|_| Vec::new());
    let outcome = solver.operating_point();
    if let (Some(path), Some(history)) = (&arguments.history, solver.workspace.history.take()) {
        let deck = &arguments.deck.deck;
        DeckArguments {
            deck: deck.clone(),
            out: Some(path.clone()),
        }
        .check_out()?;
        write_history(&solver.circuit.title, &history, path)?;
    }
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
    let written = emit(bytes, out);
    // The command ends here: nobody needs the memory of a large circuit back.
    std::mem::forget(solver);
    written
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

fn write_history(title: &str, residuals: &[f64], path: &Path) -> Result<(), Failure> {
    let points = || (1..).zip(residuals);
    let is_picture = |ending: &std::ffi::OsStr| {
        let endings = ["svg", "png"];
        endings
            .iter()
            .any(|known| ending.eq_ignore_ascii_case(known))
    };
    if !path.extension().is_some_and(is_picture) {
        let mut text = String::from("solve,residual\n");
        points().for_each(|(solve, residual)| text += &format!("{solve},{residual:e}\n"));
        return emit(text, Some(path));
    }
    let series = Series {
        name: "residual".to_string(),
        points: points().map(|(k, r)| (f64::from(k), *r)).collect(),
        ..Series::default()
    };
    let picture = draw_curves(&Curves {
        title: "Convergence".to_string(),
        subtitle: title.to_string(),
        x_title: "linear solve".to_string(),
        counts: true,
        panels: vec![Panel {
            y_title: "largest residual, A".to_string(),
            series: vec![series],
            scale: YScale::Logarithmic,
        }],
        ..Curves::default()
    });
    emit_picture(&picture, Some(path))
}
