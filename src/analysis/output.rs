//! Named outputs: `v(a)`, `v(a,b)`, `i(r1)`.

use std::fmt;

use crate::circuit::{Circuit, ElementId, NodeId};

use super::OperatingPoint;

/// A number read off an operating point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// Voltage between two nodes, V.
    Voltage { p: NodeId, n: NodeId },
    /// Current p -> n of the (first) port of an element, A.
    Current { element: ElementId },
}

/// Why a text names no output of a circuit.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OutputError {
    #[error(
        "`{text}` is not an output\n  help: write v(node), v(node,node) or i(element), \
         for instance v(out)"
    )]
    Syntax { text: String },
    #[error("output `{text}`: the circuit has no node `{name}`{}", hint(.suggestion))]
    UnknownNode {
        text: String,
        name: String,
        suggestion: Option<String>,
    },
    #[error("output `{text}`: the circuit has no element `{name}`{}", hint(.suggestion))]
    UnknownElement {
        text: String,
        name: String,
        suggestion: Option<String>,
    },
}

fn hint(suggestion: &Option<String>) -> String {
    suggestion
        .as_ref()
        .map_or(String::new(), |s| format!("\n  help: did you mean `{s}`?"))
}

impl Output {
    /// Reads `v(a)`, `v(a,b)` or `i(element)`, case-insensitively.
    pub fn parse(circuit: &Circuit, text: &str) -> Result<Self, OutputError> {
        let syntax = || OutputError::Syntax {
            text: text.to_string(),
        };
        let lower = text.trim().to_ascii_lowercase();
        let (kind, rest) = lower.split_once('(').ok_or_else(syntax)?;
        let inner = rest.strip_suffix(')').ok_or_else(syntax)?;
        let names: Vec<_> = inner.split(',').map(str::trim).collect();
        match (kind.trim(), names[..].as_ref()) {
            (_, names) if names.iter().any(|n| n.is_empty()) => Err(syntax()),
            ("v", [p]) => Ok(Output::Voltage {
                p: node(circuit, text, p)?,
                n: NodeId::GROUND,
            }),
            ("v", [p, n]) => Ok(Output::Voltage {
                p: node(circuit, text, p)?,
                n: node(circuit, text, n)?,
            }),
            ("i", [name]) => match circuit.find_element_spelled(name) {
                Some(element) => Ok(Output::Current { element }),
                None => Err(OutputError::UnknownElement {
                    text: text.to_string(),
                    name: (*name).to_string(),
                    suggestion: closest(name, circuit.elements().map(|(_, e)| e.name())),
                }),
            },
            _ => Err(syntax()),
        }
    }

    /// Its value at an operating point, V or A.
    pub fn value(&self, circuit: &Circuit, op: &OperatingPoint) -> f64 {
        match *self {
            Output::Voltage { p, n } => op.voltage(p, n),
            Output::Current { element } => op.current(circuit, element),
        }
    }

    /// The text that [`Output::parse`] reads.
    pub fn name(&self, circuit: &Circuit) -> impl fmt::Display {
        match *self {
            Output::Voltage {
                p,
                n: NodeId::GROUND,
            } => format!("v({})", circuit.node_name(p)),
            Output::Voltage { p, n } => {
                format!("v({},{})", circuit.node_name(p), circuit.node_name(n))
            }
            Output::Current { element } => format!("i({})", circuit.element(element).name()),
        }
    }
}

fn node(circuit: &Circuit, text: &str, name: &str) -> Result<NodeId, OutputError> {
    circuit
        .find_node_spelled(name)
        .ok_or_else(|| OutputError::UnknownNode {
            text: text.to_string(),
            name: name.to_string(),
            suggestion: closest(name, circuit.nodes().map(|(_, node)| node.name.as_str())),
        })
}

fn closest<S: AsRef<str>>(name: &str, candidates: impl Iterator<Item = S>) -> Option<String> {
    crate::netlist::closest(name, candidates).map(|found| found.as_ref().to_string())
}
