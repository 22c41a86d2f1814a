//! Kernel equations as a table, JSON and NumPy arrays.

use serde_json::{Value, json};

use crate::circuit::Circuit;
use crate::kernel::{
    Choice, CircuitKernel, Definiteness, Dense, Diode, Guarantee, Method, Port, Step, Summary,
    Variable,
};
use crate::npz::Writer;

use super::json::SCHEMA;
use super::table::columns;

/// Wider matrices are for files.
const MOST_COLUMNS: usize = 12;

/// Sizes, the choice of variables, the matrices if they are small, and what their eigenvalues say.
pub fn table(found: &CircuitKernel, summary: &Summary) -> String {
    let kernel = &found.kernel;
    let (n, m) = (kernel.order(), kernel.inputs());
    let mut text = format!(
        "{}\n\n0 in H z + N(z) + B u + c, y = -(C z + D u + d): {n} diodes, {m} ports; {}\n\n",
        found.title,
        choice_text(found.choice),
    );
    if n + m < MOST_COLUMNS {
        text += &matrices(found);
    } else {
        text += &format!(
            "H is {n} x {n}, B {n} x {m}, C {m} x {n}, D {m} x {m}: --out FILE.npz or FILE.json writes \
             them\n\n"
        );
    }
    text += &symmetry(found);
    if n == 0 {
        return text;
    }
    let (own, scaled) = (&summary.spectrum, &summary.equilibrated);
    text += &format!(
        "H is {}: eigenvalues of its symmetric part {:.6e} to {:.6e}{}, norm {:.6e}\n\
         equilibrated: {:.6e} to {:.6e}, norm {:.6e}\n",
        scaled.definiteness.name(),
        own.smallest,
        own.largest,
        unit(found.choice),
        own.norm,
        scaled.smallest,
        scaled.largest,
        scaled.norm,
    );
    let rows: Vec<_> = summary.steps.iter().map(step_row).collect();
    if !rows.is_empty() {
        let header = ["equilibrated equation", "step", "each iteration"];
        text += "\n";
        text += &columns(&header, &rows, &[false, true, false]);
    }
    text
}

fn choice_text(choice: Choice) -> &'static str {
    match choice {
        Choice::Currents => "z holds diode currents",
        Choice::Voltages => "z holds reverse voltages of diodes, as their currents are not free",
        Choice::Hybrid => "z holds currents of some diodes and reverse voltages of others",
    }
}

fn unit(choice: Choice) -> &'static str {
    match choice {
        Choice::Currents => " ohm",
        Choice::Voltages => " S",
        Choice::Hybrid => " (ohm, S and plain numbers)",
    }
}

fn symmetry(found: &CircuitKernel) -> String {
    match (found.is_reciprocal, found.choice) {
        (true, Choice::Hybrid) => {
            "reciprocal: H equals its transpose, but for the signs of entries \
                                   between a current and a voltage\n"
                .to_string()
        }
        (true, _) => "reciprocal: H is symmetric\n".to_string(),
        (false, _) => format!(
            "not reciprocal: H is {}\n",
            if found.kernel.is_symmetric() {
                "symmetric all the same"
            } else {
                "not symmetric"
            }
        ),
    }
}

fn step_row((method, step): &(Method, Step)) -> Vec<String> {
    let promise = match step.guarantee {
        Guarantee::Linear { factor } => format!("shrinks the error to {factor:.6} of it"),
        Guarantee::Convergent => "converges, if there is a solution".to_string(),
        Guarantee::None { reason } => format!("no guarantee: {reason}"),
    };
    vec![method.to_string(), format!("{:.4e}", step.length), promise]
}

fn matrices(found: &CircuitKernel) -> String {
    let kernel = &found.kernel;
    let unknowns = found.diodes.iter().map(|d| name(d, d.variable));
    let inputs = found.ports.iter().map(input_name);
    let heads: Vec<String> = unknowns.chain(inputs).chain(["1".into()]).collect();
    let part = |title: &str, names: Vec<String>, left: &Dense, right: &Dense, last: &[f64]| {
        let row = |(i, name): (usize, String)| {
            let numbers = left.row(i).iter().chain(right.row(i)).chain([&last[i]]);
            let cells = numbers.map(|x| format!("{:.6e}", x + 0.0));
            [name].into_iter().chain(cells).collect()
        };
        let rows: Vec<Vec<String>> = names.into_iter().enumerate().map(row).collect();
        let header: Vec<&str> = [title]
            .into_iter()
            .chain(heads.iter().map(String::as_str))
            .collect();
        let right: Vec<bool> = (0..header.len()).map(|k| k > 0).collect();
        columns(&header, &rows, &right) + "\n"
    };
    let mut text = String::new();
    if !found.diodes.is_empty() {
        let slacks = found.diodes.iter().map(|d| name(d, other(d.variable)));
        let (h, b) = (&kernel.h, &kernel.b);
        text += &part("w = [H B c]", slacks.collect(), h, b, &kernel.bias);
    }
    if !found.ports.is_empty() {
        let outputs = found.ports.iter().map(output_name).collect();
        let (c, d) = (&kernel.c, &kernel.d);
        text += &part("-y = [C D d]", outputs, c, d, &kernel.output_bias);
    }
    text
}

fn other(variable: Variable) -> Variable {
    match variable {
        Variable::Current => Variable::Voltage,
        Variable::Voltage => Variable::Current,
    }
}

/// Both are non-negative.
fn name(diode: &Diode, variable: Variable) -> String {
    match variable {
        Variable::Current => format!("i({})", diode.name),
        Variable::Voltage => format!("-v({})", diode.name),
    }
}

fn input_name(port: &Port) -> String {
    match port.drive {
        Variable::Current => format!("i({})", port.name),
        Variable::Voltage => format!("v({})", port.name),
    }
}

/// Of the source that drives the port; in the table stands its negative.
fn output_name(port: &Port) -> String {
    match port.drive {
        Variable::Current => format!("v({})", port.name),
        Variable::Voltage => format!("i({})", port.name),
    }
}

/// `schema, title, diodes[], ports[], choice, reciprocal, symmetric, rounding, definiteness, spectrum{},
/// equilibrated{}, steps[], H, B, C, D, bias, output_bias`: matrices are lists of rows.
pub fn json(circuit: &Circuit, found: &CircuitKernel, summary: &Summary) -> Value {
    let kernel = &found.kernel;
    let diode = |d: &Diode| json!({ "name": d.name, "z": name(d, d.variable), "w": name(d, other(d.variable)) });
    let port = |port: &Port| {
        let [p, n] = port.nodes.map(|node| circuit.node_name(node));
        json!({
            "name": port.name,
            "nodes": [p, n],
            "drive": match port.drive { Variable::Current => "current", Variable::Voltage => "voltage" },
            "is_source": port.source.is_some(),
        })
    };
    let spectrum = |s: &crate::kernel::Spectrum| json!({ "smallest": s.smallest, "largest": s.largest, "norm": s.norm });
    let step = |(method, step): &(Method, Step)| {
        let (factor, reason) = match step.guarantee {
            Guarantee::Linear { factor } => (Some(factor), None),
            Guarantee::Convergent => (None, None),
            Guarantee::None { reason } => (None, Some(reason)),
        };
        json!({ "method": method.to_string(), "step": step.length, "factor": factor, "no_guarantee": reason })
    };
    json!({
        "schema": SCHEMA,
        "title": found.title,
        "diodes": found.diodes.iter().map(diode).collect::<Vec<_>>(),
        "ports": found.ports.iter().map(port).collect::<Vec<_>>(),
        "choice": match found.choice {
            Choice::Currents => "currents",
            Choice::Voltages => "voltages",
            Choice::Hybrid => "hybrid",
        },
        "reciprocal": found.is_reciprocal,
        "symmetric": kernel.is_symmetric(),
        "rounding": found.rounding,
        "definiteness": definiteness(summary.equilibrated.definiteness),
        "spectrum": spectrum(&summary.spectrum),
        "equilibrated": spectrum(&summary.equilibrated),
        "steps": summary.steps.iter().map(step).collect::<Vec<_>>(),
        "H": rows(&kernel.h),
        "B": rows(&kernel.b),
        "C": rows(&kernel.c),
        "D": rows(&kernel.d),
        "bias": kernel.bias,
        "output_bias": kernel.output_bias,
    })
}

fn definiteness(definiteness: Definiteness) -> &'static str {
    match definiteness {
        Definiteness::Positive => "positive",
        Definiteness::Semidefinite => "semidefinite",
        Definiteness::Indefinite => "indefinite",
    }
}

fn rows(matrix: &Dense) -> Vec<&[f64]> {
    (0..matrix.rows()).map(|i| matrix.row(i)).collect()
}

/// Arrays `H`, `B`, `C`, `D`, `bias`, `output_bias`, and `diode_by_current` and `port_by_current`, which
/// hold 1 where a current is in `z` or `u` and 0 where it is a voltage.
///
/// # Errors
/// What a zip file cannot express.
pub fn npz(found: &CircuitKernel) -> std::io::Result<Vec<u8>> {
    let kernel = &found.kernel;
    let mut writer = Writer::default();
    let matrices = [
        ("H", &kernel.h),
        ("B", &kernel.b),
        ("C", &kernel.c),
        ("D", &kernel.d),
    ];
    for (name, matrix) in matrices {
        let shape = [matrix.rows(), matrix.columns()];
        writer.add(name, &shape, matrix.numbers().iter().copied())?;
    }
    for (name, vector) in [("bias", &kernel.bias), ("output_bias", &kernel.output_bias)] {
        writer.add(name, &[vector.len()], vector.iter().copied())?;
    }
    let flag = |variable: Variable| f64::from(u8::from(variable == Variable::Current));
    let diodes = found.diodes.iter().map(|diode| flag(diode.variable));
    writer.add("diode_by_current", &[found.diodes.len()], diodes)?;
    let ports = found.ports.iter().map(|port| flag(port.drive));
    writer.add("port_by_current", &[found.ports.len()], ports)?;
    writer.finish()
}
