//! Ports: pairs of nodes at which the world outside drives a circuit.

use crate::circuit::{Circuit, ElementId, NodeId};
use crate::device::Device;
use crate::netlist::closest;

use super::Variable;

/// A pair of nodes and which of voltage and current is given there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    pub name: String,
    /// Positive and negative terminal.
    pub nodes: [NodeId; 2],
    /// What is given: the voltage p to n (V), or the current into p (A).
    pub drive: Variable,
    /// The source of the circuit whose place the port takes.
    pub source: Option<ElementId>,
}

/// Why a text is no port of a circuit.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PortError {
    #[error(
        "port `{text}`: expected name:p,n\n  help: write for instance in:a,0 for a port driven by a \
         voltage, in:a,0:i for one driven by a current, or the name of a V or I source"
    )]
    Syntax { text: String },
    #[error("port `{port}`: the circuit has no node `{node}`{}", hint(.suggestion))]
    UnknownNode {
        port: String,
        node: String,
        suggestion: Option<String>,
    },
    #[error(
        "port `{text}`: the circuit has no source of this name{}\n  help: write name:p,n to make a \
         port of two nodes",
        hint(.suggestion)
    )]
    UnknownSource {
        text: String,
        suggestion: Option<String>,
    },
    #[error(
        "port `{text}`: `{text}` is no V or I source\n  help: write name:p,n to make a port of two \
         nodes"
    )]
    NotASource { text: String },
    #[error("port `{port}`: both ends are node `{node}`\n  help: name two different nodes")]
    Short { port: String, node: String },
    #[error("two ports are called `{name}`\n  help: give each port a name of its own")]
    Duplicate { name: String },
}

fn hint(suggestion: &Option<String>) -> String {
    suggestion
        .as_ref()
        .map_or(String::new(), |s| format!("\n  help: did you mean `{s}`?"))
}

impl Port {
    /// Reads `name:p,n`, `name:p` (against ground), either with `:v` (the default) or `:i` behind it,
    /// or the name of a V or I source, which becomes the port: `u` is its value then.
    ///
    /// # Errors
    /// [`PortError`]
    pub fn parse(circuit: &Circuit, text: &str) -> Result<Self, PortError> {
        let text = text.trim();
        let syntax = || PortError::Syntax {
            text: text.to_string(),
        };
        let Some((name, rest)) = text.split_once(':') else {
            return Self::of_source(circuit, text);
        };
        let (nodes, drive) = match rest.rsplit_once(':') {
            Some((nodes, "i" | "I")) => (nodes, Variable::Current),
            Some((nodes, "v" | "V")) => (nodes, Variable::Voltage),
            _ => (rest, Variable::Voltage),
        };
        let nodes: Vec<&str> = nodes.split(',').map(str::trim).collect();
        let (p, n) = match nodes[..] {
            [p] => (p, "0"),
            [p, n] => (p, n),
            _ => return Err(syntax()),
        };
        if name.trim().is_empty() || p.is_empty() || n.is_empty() {
            return Err(syntax());
        }
        let find = |node: &str| {
            let found = circuit.find_node_spelled(node);
            found.ok_or_else(|| {
                let names = circuit.nodes().map(|(_, node)| node.name.as_str());
                PortError::UnknownNode {
                    port: text.to_string(),
                    node: node.to_string(),
                    suggestion: closest(&node.to_ascii_lowercase(), names).map(|n| n.to_string()),
                }
            })
        };
        let nodes = [find(p)?, find(n)?];
        if nodes[0] == nodes[1] {
            return Err(PortError::Short {
                port: text.to_string(),
                node: p.to_string(),
            });
        }
        Ok(Self {
            name: name.trim().to_string(),
            nodes,
            drive,
            source: None,
        })
    }

    /// All ports of a command; their names differ.
    ///
    /// # Errors
    /// [`PortError`]
    pub fn parse_all(circuit: &Circuit, texts: &[String]) -> Result<Vec<Self>, PortError> {
        let mut ports: Vec<Self> = Vec::with_capacity(texts.len());
        for text in texts {
            let port = Self::parse(circuit, text)?;
            if ports.iter().any(|other| other.name == port.name) {
                return Err(PortError::Duplicate { name: port.name });
            }
            ports.push(port);
        }
        Ok(ports)
    }

    /// A current source drives the current into its second terminal.
    fn of_source(circuit: &Circuit, text: &str) -> Result<Self, PortError> {
        let Some(id) = circuit.find_element_spelled(text) else {
            let is_source = |device: &Device| {
                matches!(
                    device,
                    Device::VoltageSource { .. } | Device::CurrentSource { .. }
                )
            };
            let sources = circuit.elements().filter(|(_, e)| is_source(&e.device));
            let names = sources.map(|(_, e)| e.name());
            return Err(PortError::UnknownSource {
                text: text.to_string(),
                suggestion: closest(&text.to_ascii_lowercase(), names).map(|n| n.to_string()),
            });
        };
        let element = circuit.element(id);
        let [p, n] = element.port;
        let (nodes, drive) = match element.device {
            Device::VoltageSource { .. } => ([p, n], Variable::Voltage),
            Device::CurrentSource { .. } => ([n, p], Variable::Current),
            _ => {
                return Err(PortError::NotASource {
                    text: text.to_string(),
                });
            }
        };
        Ok(Self {
            name: element.name().to_string(),
            nodes,
            drive,
            source: Some(id),
        })
    }
}
