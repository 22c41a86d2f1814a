//! What is open, for people.

use crate::circuit::{Circuit, Located, names, nodes_named, place, relate};
use crate::device::Device;
use crate::netlist::Diagnostic;
use crate::units::format_engineering;

use super::Undetermined;

const DIGITS: usize = 4;

/// Elements around an island that are shown with their lines.
const SHOWN: usize = 3;

impl Undetermined {
    /// What determines it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::FloatingNodes { .. } => {
                "put a large resistor from there to ground, for instance `Rfix node 0 1G`"
            }
            Self::OpenSplit { .. } => {
                "put a small resistor in series with each of them but one, for instance 1 mohm"
            }
        }
    }

    /// A warning with its place in the deck and a way out.
    pub fn diagnostic(&self, circuit: &Circuit) -> Diagnostic {
        match self {
            Self::FloatingNodes {
                nodes,
                bounded_by,
                low,
                high,
                chosen,
            } => {
                let nodes: Vec<_> = nodes.iter().map(|&id| circuit.locate_node(id)).collect();
                let message = format!(
                    "the potential of {} is open: {}; {} was chosen",
                    nodes_named(&nodes),
                    interval(&nodes, *low, *high),
                    volts(*chosen),
                );
                let mut d = place(
                    Diagnostic::warning(message),
                    &nodes,
                    "nothing fixes its potential",
                );
                for &id in bounded_by.iter().take(SHOWN) {
                    let label = match circuit.element(id).device {
                        Device::IdealDiode => "blocks",
                        _ => "its current is constant there",
                    };
                    d = relate(d, &circuit.locate_element(id), label);
                }
                d.help(self.help())
            }
            Self::OpenSplit {
                elements: ids,
                chosen,
            } => {
                let elements: Vec<_> = ids.iter().map(|&id| circuit.locate_element(id)).collect();
                let message = format!(
                    "the currents of {} are open: they form a loop without resistance; {} chosen",
                    names(&elements),
                    currents(&elements, chosen),
                );
                let mut d = place(Diagnostic::warning(message), &elements, "part of the loop");
                for other in elements.iter().skip(1).take(SHOWN) {
                    d = relate(d, other, "part of the loop");
                }
                d.help(self.help())
            }
        }
    }
}

fn volts(value: f64) -> String {
    format_engineering(value, DIGITS, "V")
}

/// Of several nodes the first is meant; the others move with it.
fn interval(nodes: &[Located], low: Option<f64>, high: Option<f64>) -> String {
    let range = match (low, high) {
        (Some(low), Some(high)) => format!("anything from {} to {}", volts(low), volts(high)),
        (Some(low), None) => format!("anything from {} upwards", volts(low)),
        (None, Some(high)) => format!("anything up to {}", volts(high)),
        (None, None) => "anything".to_string(),
    };
    match nodes {
        [first, _, ..] => format!(
            "{range} at `{}` is a solution, and the others move with it",
            first.name
        ),
        _ => format!("{range} is a solution"),
    }
}

/// The first few currents.
fn currents(elements: &[Located], chosen: &[f64]) -> String {
    let pairs = elements.iter().zip(chosen).take(SHOWN);
    let texts: Vec<_> = pairs
        .map(|(e, i)| format!("{} in `{}`", format_engineering(*i, DIGITS, "A"), e.name))
        .collect();
    let rest = if elements.len() > SHOWN { ", …" } else { "" };
    format!("{}{rest} were", texts.join(", "))
}
