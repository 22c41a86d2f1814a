//! `ohmgrad run`: the analyses that the deck itself asks for.

use serde_json::json;

use crate::analysis::{Solver, Sweep, dc_sweep};
use crate::circuit::Circuit;
use crate::device::Device;
use crate::netlist::Analysis;
use crate::report::{csv, json as report_json, table};

use super::{DeckArguments, Failure, Format, emit, load};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    deck: DeckArguments,
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    arguments.deck.check_out()?;
    let mut solver = load(&arguments.deck.deck)?;
    let mut analyses: Vec<_> = solver
        .circuit
        .commands
        .analyses
        .iter()
        .map(|a| a.value.clone())
        .collect();
    if analyses.is_empty() {
        eprintln!("note: the deck asks for no analysis; running .op");
        analyses.push(Analysis::OperatingPoint);
    }
    let mut results = Vec::new();
    for analysis in &analyses {
        results.push(match analysis {
            Analysis::OperatingPoint => operating_point(&mut solver, arguments.format)?,
            Analysis::DcSweep { sweeps } => {
                let cards = sweeps
                    .iter()
                    .map(|card| Sweep::from_card(&solver.circuit, card));
                let sweeps = cards.collect::<Result<Vec<_>, _>>()?;
                sweep(&mut solver, &sweeps, arguments.format)?
            }
            _ => String::new(),
        });
    }
    let text = match arguments.format {
        Format::Json => format!("[\n{}\n]\n", results.join(",\n")),
        Format::Table | Format::Csv => results.join("\n"),
    };
    emit(&text, arguments.deck.out.as_deref())
}

fn operating_point(solver: &mut Solver, format: Format) -> Result<String, Failure> {
    let op = solver.operating_point()?;
    Ok(match format {
        Format::Table => table::operating_point(&solver.circuit, &op),
        Format::Json => {
            let mut value = report_json::operating_point(&solver.circuit, &op);
            value["analysis"] = json!("op");
            format!("{value:#}")
        }
        Format::Csv => csv::operating_point(&solver.circuit, &op),
    })
}

/// Columns: sweep variables, then every node, then the current of every voltage source.
fn sweep(solver: &mut Solver, sweeps: &[Sweep], format: Format) -> Result<String, Failure> {
    let header = header(&solver.circuit, sweeps);
    let mut rows: Vec<Vec<f64>> = Vec::new();
    dc_sweep(solver, sweeps, &mut |circuit, point| {
        let mut row = point.values;
        row.extend(point.op.potentials.iter().skip(1));
        row.extend(voltage_sources(circuit).map(|id| point.op.current(circuit, id)));
        rows.push(row);
    })?;
    Ok(match format {
        Format::Csv => csv::rows(&header, &rows),
        Format::Json => {
            format!(
                "{:#}",
                json!({ "analysis": "dc", "columns": header, "rows": rows })
            )
        }
        Format::Table => {
            let names: Vec<&str> = header.iter().map(String::as_str).collect();
            let cells = |row: &Vec<f64>| row.iter().map(|x| format!("{x:.6e}")).collect();
            let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
            let right = vec![true; names.len()];
            format!(
                "{}\n\n{}",
                solver.circuit.title,
                table::columns(&names, &rows, &right)
            )
        }
    })
}

fn header(circuit: &Circuit, sweeps: &[Sweep]) -> Vec<String> {
    let name = |id| circuit.element(id).name.to_string();
    let swept = sweeps.iter().map(|s| s.name.clone());
    let nodes = circuit
        .nodes()
        .skip(1)
        .map(|(_, node)| format!("v({})", node.name));
    let currents = voltage_sources(circuit).map(|id| format!("i({})", name(id)));
    swept.chain(nodes).chain(currents).collect()
}

fn voltage_sources(circuit: &Circuit) -> impl Iterator<Item = crate::circuit::ElementId> + '_ {
    let is_source = |device: &Device| matches!(device, Device::VoltageSource { .. });
    circuit
        .elements()
        .filter(move |(_, e)| is_source(&e.device))
        .map(|(id, _)| id)
}
