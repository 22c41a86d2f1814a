//! Comma-separated values: one line for each number, or one for each sweep point.

use crate::adjoint::Gradient;
use crate::analysis::OperatingPoint;
use crate::circuit::Circuit;

/// `quantity,name,value,unit`.
pub fn operating_point(circuit: &Circuit, op: &OperatingPoint) -> String {
    let mut text = String::from("quantity,name,value,unit\n");
    for (id, node) in circuit.nodes().skip(1) {
        text += &format!(
            "potential,{},{},V\n",
            field(&node.name),
            op.potentials[id.index()]
        );
    }
    for (id, element) in circuit.elements() {
        let name = field(&element.name);
        text += &format!("current,{name},{},A\n", op.current(circuit, id));
        text += &format!("power,{name},{},W\n", op.power[id.index()]);
    }
    text
}

/// `element,parameter,value,gradient`.
pub fn gradient(circuit: &Circuit, gradient: &Gradient) -> String {
    let mut text = String::from("element,parameter,value,gradient\n");
    for e in &gradient.entries {
        let name = field(&circuit.element(e.parameter.element).name);
        text += &format!(
            "{name},{},{},{}\n",
            e.parameter.parameter, e.value, e.gradient
        );
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

/// Quotes a name that holds a comma or a quote (RFC 4180).
fn field(name: &str) -> String {
    if name.contains([',', '"', '\n']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_string()
    }
}
