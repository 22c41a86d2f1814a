//! One-ports that are decks, or parts of them.

use crate::analysis::CompileError;
use crate::circuit::{Circuit, NodeId};
use crate::device::Device;
use crate::netlist::Netlist;
use crate::suggest::closest;

use super::element::{Element, Kind};
use super::error::{ActivationError, ElementError};

const EXAMPLE_OF_CARDS: &str = "\"spice:R1 p a 100; D1 a n DX; .model DX D(IS=1e-12)\"";
const EXAMPLE_OF_LAW: &str = "\"b:i=1m*tanh(v(p)/0.1)\"";

/// `@file.cir:p,n`, given without its `@` as well.
pub(super) fn of_file(text: &str, file: &str) -> Result<Element, ActivationError> {
    let split = file.rsplit_once(':');
    // A path of Windows has a colon too.
    let split = split.filter(|(path, nodes)| {
        !path.is_empty() && !nodes.trim().is_empty() && !nodes.contains(['/', '\\'])
    });
    let Some((path, nodes)) = split else {
        let element = text.to_string();
        return Err(ElementError::NoTerminals { element }.into());
    };
    let circuit = build(&Netlist::read(path)?)?;
    let (p, n) = nodes.split_once(',').unwrap_or((nodes, "0"));
    let port = [find(text, &circuit, p)?, find(text, &circuit, n)?];
    let mut element = of_circuit(text, circuit, port)?;
    element.file = Some(path.into());
    Ok(element)
}

/// `spice:card; card`.
pub(super) fn of_cards(text: &str, cards: &str) -> Result<Element, ActivationError> {
    if cards.trim().is_empty() {
        return Err(no_cards(text, EXAMPLE_OF_CARDS));
    }
    let lines: Vec<_> = cards.split(';').map(str::trim).collect();
    of_lines(text, &lines.join("\n"))
}

/// `b:i=law`.
pub(super) fn of_behavioural(text: &str, law: &str) -> Result<Element, ActivationError> {
    if law.trim().is_empty() {
        return Err(no_cards(text, EXAMPLE_OF_LAW));
    }
    of_lines(text, &format!("b1 p n {}", law.trim()))
}

fn no_cards(text: &str, example: &'static str) -> ActivationError {
    let element = text.to_string();
    ElementError::NoCards { element, example }.into()
}

/// Cards between the nodes p and n, of which n is ground.
fn of_lines(text: &str, lines: &str) -> Result<Element, ActivationError> {
    let title: Vec<_> = text.lines().collect();
    let deck = format!("{}\n{lines}\n", title.join(" "));
    let mut circuit = build(&Netlist::parse("argument", deck)?)?;
    let p = find(text, &circuit, "p")?;
    let port = match circuit.find_node("n") {
        None => [p, NodeId::GROUND],
        Some(n) => {
            let device = Device::VoltageSource { voltage: 0.0 };
            circuit.add("v_n_is_ground", device, [n, NodeId::GROUND])?;
            [p, n]
        }
    };
    of_circuit(text, circuit, port)
}

fn build(netlist: &Netlist) -> Result<Circuit, ActivationError> {
    Circuit::from_netlist(netlist).map_err(|error| CompileError::from(error).into())
}

fn of_circuit(text: &str, circuit: Circuit, port: [NodeId; 2]) -> Result<Element, ActivationError> {
    if port[0] == port[1] {
        let element = text.to_string();
        return Err(ElementError::OneNode { element }.into());
    }
    let circuit = Box::new(circuit);
    Ok(Element::new(text, Kind::Deck { circuit, port }, false))
}

fn find(text: &str, circuit: &Circuit, name: &str) -> Result<NodeId, ElementError> {
    let name = name.trim();
    circuit.find_node_spelled(name).ok_or_else(|| {
        let names = circuit.nodes().map(|(_, node)| node.name.as_str());
        let lower = name.to_ascii_lowercase();
        ElementError::UnknownNode {
            element: text.to_string(),
            node: name.to_string(),
            suggestion: closest(&lower, names).map(str::to_string),
        }
    })
}
