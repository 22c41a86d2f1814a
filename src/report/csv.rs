//! Comma-separated values: one line for each number, or one for each sweep point.

use std::fmt::Write;

use rayon::prelude::*;

use crate::adjoint::Derivative;
use crate::analysis::OperatingPoint;
use crate::circuit::{Circuit, ElementId};
use crate::threads::MANY;
use crate::units::format_exact;

use super::dataset::{Dataset, by_analysis};

/// `quantity,name,value,unit`; quantities of the whole circuit have no name. Without a co-content there is
/// no line of it.
pub fn operating_point(circuit: &Circuit, op: &OperatingPoint) -> String {
    let nodes: Vec<_> = circuit.nodes().skip(1).collect();
    let potentials = lines(nodes.len(), |k, text| {
        let (id, node) = nodes[k];
        let (name, volts) = (field(&node.name), op.potentials[id.index()]);
        let _ = writeln!(text, "potential,{name},{volts},V");
    });
    let of_elements = lines(circuit.element_count(), |k, text| {
        let id = ElementId::from_index(k);
        let name = circuit.element(id).name();
        let (name, amperes, watts) = (field(&name), op.current(circuit, id), op.power[k]);
        let _ = writeln!(text, "current,{name},{amperes},A\npower,{name},{watts},W");
    });
    let mut text = ["quantity,name,value,unit\n", &potentials, &of_elements].concat();
    text += &format!("power_dissipated,,{},W\n", op.power_dissipated(circuit));
    text += &format!("power_delivered,,{},W\n", op.power_delivered(circuit));
    if let Some(cocontent) = op.cocontent {
        text += &format!("cocontent,,{cocontent},W\n");
    }
    text
}

/// The lines of so many things, written on all threads if there are many.
fn lines(count: usize, write: impl Fn(usize, &mut String) + Sync) -> String {
    let part = |first: usize| {
        let mut text = String::new();
        (first..(first + MANY).min(count)).for_each(|k| write(k, &mut text));
        text
    };
    if count <= MANY {
        return part(0);
    }
    let parts = (0..count.div_ceil(MANY)).into_par_iter();
    let parts: Vec<String> = parts.map(|k| part(k * MANY)).collect();
    parts.concat()
}

/// `element,parameter,value,gradient`; named parameters and the temperature have no element.
pub fn gradient(circuit: &Circuit, derivatives: &[Derivative]) -> String {
    let mut text = String::from("element,parameter,value,gradient\n");
    for d in derivatives {
        let (owner, parameter) = d.owner_and_parameter(circuit);
        let owner = field(&owner.unwrap_or_default());
        text += &format!("{owner},{},{},{}\n", field(&parameter), d.value, d.gradient);
    }
    text
}

/// A header and rows of numbers.
pub fn rows(header: &[String], rows: &[Vec<f64>]) -> String {
    let names: Vec<_> = header.iter().map(|name| field(name)).collect();
    let mut text = names.join(",") + "\n";
    for row in rows {
        let numbers: Vec<_> = row.iter().map(f64::to_string).collect();
        text += &(numbers.join(",") + "\n");
    }
    text
}

/// A header and as many numbers in each row.
pub fn points(header: &[String], numbers: &[f64]) -> String {
    let names: Vec<_> = header.iter().map(|name| field(name)).collect();
    let mut text = names.join(",") + "\n";
    for row in numbers.chunks(header.len().max(1)) {
        for (k, &x) in row.iter().enumerate() {
            if k > 0 {
                text.push(',');
            }
            text += &format_exact(x);
        }
        text.push('\n');
    }
    text
}

/// One block for each analysis, an empty line between blocks. Variables of `.step` are the leading
/// columns, so that a stepped analysis is one block.
pub fn datasets(datasets: &[Dataset]) -> String {
    let blocks: Vec<_> = by_analysis(datasets)
        .iter()
        .map(|steps| block(steps))
        .collect();
    blocks.join("\n")
}

fn block(steps: &[&Dataset]) -> String {
    let stepped = steps[0].steps.iter().map(|(name, _)| name);
    let names = stepped.chain(steps[0].variables.iter().map(|v| &v.name));
    let names: Vec<_> = names.map(|name| field(name)).collect();
    let mut text = names.join(",") + "\n";
    for dataset in steps {
        let values: Vec<_> = dataset.steps.iter().map(|step| step.1).collect();
        for row in &dataset.rows {
            let numbers: Vec<_> = values.iter().chain(row).map(|&x| format_exact(x)).collect();
            text += &(numbers.join(",") + "\n");
        }
    }
    text
}

/// Quotes a name that holds a comma or a quote (RFC 4180).
pub(super) fn field(name: &str) -> String {
    if name.contains([',', '"', '\n']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_string()
    }
}
