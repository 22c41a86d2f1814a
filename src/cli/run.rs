//! `ohmgrad run`: the analyses that the deck itself asks for.

use crate::execution::{Columns, Results, execute};
use crate::report::{json, table};
use crate::units::format_exact;

use super::{DeckArguments, Failure, ResultFormat, emit, load_with, show_warnings};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    deck: DeckArguments,
    #[command(flatten)]
    settings: super::Settings,
    #[arg(long, value_enum, default_value = "table")]
    format: ResultFormat,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let out = arguments.deck.out.as_deref();
    arguments.deck.check_out()?;
    arguments.format.check_out(out)?;
    let mut solver = load_with(&arguments.deck.deck, &arguments.settings)?;
    let commands = &solver.circuit.commands;
    if commands.analyses.is_empty() {
        crate::note!("note: the deck asks for no analysis; running .op");
    }
    let has_columns = !commands.outputs.is_empty();
    let columns = match arguments.format {
        ResultFormat::Prn => Columns::Printed,
        _ => Columns::Saved,
    };
    let results = execute(&mut solver, columns)?;
    show_warnings(&results.warnings, &solver.circuit.sources);
    let bytes = match arguments.format {
        ResultFormat::Table => tables(&solver.circuit, &results, has_columns).into_bytes(),
        ResultFormat::Json => json::text(&json::results(&results)).into_bytes(),
        format => {
            if !results.measurements.is_empty() {
                // These formats have no place for them.
                crate::note!("{}", table::measurements(&results.measurements).trim_end());
            }
            format.datasets(&results.datasets())
        }
    };
    emit(bytes, out)
}

/// Everything that is known of an operating point, unless the deck chooses columns.
fn tables(circuit: &crate::circuit::Circuit, results: &Results, has_columns: bool) -> String {
    let outcomes = results.outcomes.iter();
    let mut parts: Vec<String> = outcomes
        .map(|outcome| match &outcome.operating_point {
            Some(op) if !has_columns => {
                steps(&outcome.dataset.steps) + &table::operating_point(circuit, op)
            }
            _ => table::datasets(std::slice::from_ref(&outcome.dataset)),
        })
        .collect();
    if !results.measurements.is_empty() {
        parts.push(table::measurements(&results.measurements));
    }
    parts.join("\n")
}

/// Where the loops of `.step` stand.
fn steps(steps: &[(String, f64)]) -> String {
    let texts: Vec<String> = steps
        .iter()
        .map(|(name, value)| format!("{name} = {}", format_exact(*value)))
        .collect();
    match texts.is_empty() {
        true => String::new(),
        false => format!("step {}\n", texts.join(", ")),
    }
}
