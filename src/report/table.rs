//! Tables for people.

use crate::adjoint::{Comparison, Derivative};
use crate::analysis::{OperatingPoint, check_reciprocal};
use crate::circuit::{Circuit, Variable};
use crate::execution::Measurement;
use crate::units::{format_engineering, format_exact};

use super::dataset::Dataset;

/// Digits that a person wants to see.
const DIGITS: usize = 7;

/// Fewer digits than a person sees are told.
const FEW_DIGITS: f64 = 7.0;

/// Columns of text, padded to their widest entry; numbers (by `right`) are aligned to the right.
pub fn columns(header: &[&str], rows: &[Vec<String>], right: &[bool]) -> String {
    let width = |k: usize| {
        let cells = rows.iter().map(|row| row[k].chars().count());
        cells.chain([header[k].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .zip(right)
            .map(|((cell, &w), &right)| {
                let pad = " ".repeat(w - cell.chars().count());
                if right {
                    pad + cell
                } else {
                    cell.to_string() + &pad
                }
            })
            .collect();
        format!("  {}\n", padded.join("  ")).trim_end().to_string() + "\n"
    };
    let mut text = line(header.to_vec());
    for row in rows {
        text += &line(row.iter().map(String::as_str).collect());
    }
    text
}

/// One table for each dataset: title, what it is, values of the steps, columns.
pub fn datasets(datasets: &[Dataset]) -> String {
    let tables: Vec<_> = datasets.iter().map(dataset).collect();
    tables.join("\n")
}

/// A single row of more numbers than this is written down the page.
const MOST_COLUMNS: usize = 6;

fn dataset(dataset: &Dataset) -> String {
    let step = |(name, value): &(String, f64)| format!("{name} = {}", format_exact(*value));
    let steps: Vec<_> = dataset.steps.iter().map(step).collect();
    let mut heading = dataset.plot.clone();
    if !steps.is_empty() {
        heading += &format!(", {}", steps.join(", "));
    }
    // Adding zero turns -0 into 0.
    let cell = |x: &f64| format!("{:.6e}", x + 0.0);
    let names = dataset.variables.iter().map(|v| v.name.as_str());
    let columns = match &dataset.rows[..] {
        [row] if row.len() > MOST_COLUMNS => {
            let rows = names.zip(row).map(|(n, x)| vec![n.to_string(), cell(x)]);
            columns(
                &["name", "value"],
                &rows.collect::<Vec<_>>(),
                &[false, true],
            )
        }
        rows => {
            let names: Vec<&str> = names.collect();
            let cells = |row: &Vec<f64>| row.iter().map(cell).collect();
            let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
            columns(&names, &rows, &vec![true; names.len()])
        }
    };
    format!("{}\n{heading}\n\n{columns}", dataset.title)
}

/// Names and values of measurements; of a failed one, the reason.
pub fn measurements(measurements: &[Measurement]) -> String {
    let row = |m: &Measurement| {
        let steps = m.steps.iter();
        let steps: Vec<_> = steps
            .map(|(name, x)| format!("{name} = {}", format_exact(*x)))
            .collect();
        let value = match &m.value {
            Ok(value) => format!("{:.6e}", value + 0.0),
            Err(reason) => format!("failed: {reason}"),
        };
        vec![m.name.clone(), value, steps.join(", ")]
    };
    let rows: Vec<_> = measurements.iter().map(row).collect();
    columns(&["measurement", "value", ""], &rows, &[false; 3])
}

/// An operating point: how it was reached, nodes, elements, balance.
pub fn operating_point(circuit: &Circuit, op: &OperatingPoint) -> String {
    let c = &op.convergence;
    let mut text = format!("{}\n\n", circuit.title);
    text += &columns(
        &["node", "potential"],
        &node_rows(circuit, op),
        &[false, true],
    );
    text += "\n";
    let header = ["element", "voltage", "current", "power", "state"];
    text += &columns(
        &header,
        &element_rows(circuit, op),
        &[false, true, true, true, false],
    );
    text += &format!(
        "\nreached by {} in {} iterations; largest KCL residual {}\n",
        c.strategy,
        c.iterations,
        format_engineering(c.check.residual, 2, "A"),
    );
    if c.check.digits() < FEW_DIGITS {
        text += &format!(
            "element values in double precision leave about {:.0} digits of the potentials\n",
            c.check.digits()
        );
    }
    text += &energy(circuit, op);
    text
}

/// Power, and the co-content or why there is none.
fn energy(circuit: &Circuit, op: &OperatingPoint) -> String {
    let watts = |power: f64, digits| format_engineering(power, digits, "W");
    let mut text = format!(
        "power dissipated {}, delivered by sources {}, balance {}\n",
        watts(op.power_dissipated(circuit), DIGITS),
        watts(op.power_delivered(circuit), DIGITS),
        watts(op.power_balance(), 2),
    );
    if let Some(cocontent) = op.cocontent {
        text += &format!("co-content {}\n", watts(cocontent, DIGITS));
    }
    if let Err(error) = check_reciprocal(circuit) {
        text += &format!("{error}\n");
    }
    text
}

fn node_rows(circuit: &Circuit, op: &OperatingPoint) -> Vec<Vec<String>> {
    let nodes = circuit.nodes().skip(1);
    nodes
        .map(|(id, node)| {
            let potential = format_engineering(op.potentials[id.index()], DIGITS, "V");
            vec![node.name.to_string(), potential]
        })
        .collect()
}

fn element_rows(circuit: &Circuit, op: &OperatingPoint) -> Vec<Vec<String>> {
    let states: std::collections::HashMap<_, _> =
        op.diodes.iter().map(|d| (d.element, d.state)).collect();
    circuit
        .elements()
        .map(|(id, element)| {
            let voltage = op.voltage(element.port[0], element.port[1]);
            vec![
                element.name().to_string(),
                format_engineering(voltage, DIGITS, "V"),
                format_engineering(op.current(circuit, id), DIGITS, "A"),
                format_engineering(op.power[id.index()], DIGITS, "W"),
                states.get(&id).map_or(String::new(), |s| (*s).to_string()),
            ]
        })
        .collect()
}

/// A gradient, largest effect first: `value * d/dvalue` says what a relative change does.
pub fn gradient(
    circuit: &Circuit,
    output: &str,
    unit: &str,
    value: f64,
    derivatives: &[Derivative],
) -> String {
    let mut sorted: Vec<_> = derivatives.iter().collect();
    let effect = |d: &Derivative| (d.gradient * d.value).abs();
    sorted.sort_by(|a, b| effect(b).total_cmp(&effect(a)));
    let rows: Vec<_> = sorted
        .iter()
        .map(|d| {
            let (owner, parameter) = d.owner_and_parameter(circuit);
            vec![
                owner.unwrap_or_default().to_string(),
                parameter,
                format_engineering(d.value, DIGITS, variable_unit(circuit, &d.variable)),
                format!("{:.6e}", d.gradient + 0.0),
                format_engineering(0.01 * d.gradient * d.value, 4, unit),
            ]
        })
        .collect();
    let header = [
        "element",
        "parameter",
        "value",
        "gradient",
        "effect of +1 %",
    ];
    format!(
        "{output} = {}\n\n{}",
        format_engineering(value, DIGITS, unit),
        columns(&header, &rows, &[false, false, true, true, true])
    )
}

/// The worst comparisons with differences.
pub fn comparisons(circuit: &Circuit, comparisons: &[&Comparison]) -> String {
    let rows: Vec<_> = comparisons
        .iter()
        .map(|c| {
            let (owner, parameter) = c.entry.owner_and_parameter(circuit);
            vec![
                owner.unwrap_or_default().to_string(),
                parameter,
                format!("{:.9e}", c.entry.gradient),
                format!("{:.9e}", c.difference),
                format!("{:.1e}", c.relative_error()),
            ]
        })
        .collect();
    let header = [
        "element",
        "parameter",
        "adjoint",
        "differences",
        "relative error",
    ];
    columns(&header, &rows, &[false, false, true, true, true])
}

/// Unit of a variable, for people.
fn variable_unit(circuit: &Circuit, variable: &Variable) -> &'static str {
    match variable {
        Variable::Temperature => "°C",
        Variable::Named(_) => "",
        Variable::Elements(ids) => ids.first().map_or("", |id| {
            circuit.element(id.element).device.unit(id.parameter)
        }),
    }
}
