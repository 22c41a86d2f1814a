//! What the equations of a circuit leave open at an operating point, and what was chosen there.
//!
//! Ideal diodes and flat tables can leave two things open:
//!
//! - the potential of an island: nodes that only blocking ideal diodes, flat pieces of tables and
//!   current sources join to the rest may move together, as far as every diode goes on blocking and
//!   every table stays on its piece (`floating.rs`);
//! - the split of a current: around a loop of branches without resistance (conducting ideal diodes,
//!   shorts, sources of voltage) any current may circulate that reverses none of the diodes
//!   (`split.rs`).
//!
//! Both searches look at the graph and at signs only, in time near linear in its size, and say only
//! what is certain. Where a dependent source, a switch, a gyrator or a transformer senses the
//! potential of an island, or something senses the current of a branch, the equations elsewhere may
//! determine it: such islands and branches are passed over.

mod floating;
mod split;
mod text;

use crate::circuit::{Circuit, ElementId, NodeId, is_short};
use crate::device::{Device, OnePort};

use super::{OperatingPoint, Output};

/// One thing that is open.
#[derive(Clone, Debug, PartialEq)]
pub enum Undetermined {
    /// The potentials of these nodes may move together.
    FloatingNodes {
        /// In ascending order.
        nodes: Vec<NodeId>,
        /// The blocking diodes and flat tables around them.
        bounded_by: Vec<ElementId>,
        /// Lowest potential of the first node that is a solution, V; none if there is no lowest.
        low: Option<f64>,
        high: Option<f64>,
        /// The potential of the first node in the operating point, V.
        chosen: f64,
    },
    /// Currents may circulate among these elements.
    OpenSplit {
        /// In ascending order.
        elements: Vec<ElementId>,
        /// The current of each in the operating point, A.
        chosen: Vec<f64>,
    },
}

/// Voltages and currents below this part of what surrounds them are rounding errors.
const ROUNDING: f64 = 1e-12;

/// A current below this part of the largest is nothing, whatever surrounds it.
const NOTHING: f64 = 1e-22;

impl OperatingPoint {
    /// Everything that the graph shows to be open, islands first.
    pub fn undetermined(&self, circuit: &Circuit) -> Vec<Undetermined> {
        if !circuit.elements().any(|(_, e)| may_be_open(&e.device)) {
            return Vec::new();
        }
        let scales = Scales::new(circuit, self);
        let mut found = floating::find(circuit, self, &scales);
        found.extend(split::find(circuit, self, &scales));
        found
    }
}

impl Undetermined {
    pub(crate) const KINDS: usize = 2;

    /// Whether it leaves the value of an output open.
    pub fn concerns(&self, output: Output) -> bool {
        match (self, output) {
            (Self::FloatingNodes { nodes, .. }, Output::Voltage { p, n }) => {
                let moves = |node| nodes.binary_search(&node).is_ok();
                moves(p) != moves(n)
            }
            (Self::OpenSplit { elements, .. }, Output::Current { element }) => {
                elements.binary_search(&element).is_ok()
            }
            _ => false,
        }
    }
}

/// The elements without which everything is determined.
fn may_be_open(device: &Device) -> bool {
    match device {
        Device::IdealDiode => true,
        Device::OnePort(one_port) => matches!(**one_port, OnePort::PiecewiseTable(_)),
        _ => is_short(device),
    }
}

/// What counts as zero.
struct Scales {
    /// V.
    voltage: f64,
    /// By node, A.
    currents: Vec<f64>,
    /// Anywhere, A.
    nothing: f64,
}

impl Scales {
    fn new(circuit: &Circuit, op: &OperatingPoint) -> Self {
        let mut currents = vec![0.0f64; circuit.node_count()];
        for (_, element) in circuit.elements() {
            for branch in element.branches() {
                let current = ROUNDING * op.currents[branch.index()].abs();
                for node in circuit.branch_nodes(branch) {
                    let largest = &mut currents[node.index()];
                    *largest = largest.max(current);
                }
            }
        }
        let largest = op.potentials.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let strongest = currents.iter().fold(0.0f64, |m, i| m.max(*i));
        Self {
            voltage: ROUNDING * largest,
            nothing: NOTHING / ROUNDING * strongest,
            currents,
        }
    }

    /// Whether an element between these nodes carries no more than rounding errors.
    fn is_no_current(&self, current: f64, port: [NodeId; 2]) -> bool {
        let [p, n] = port.map(|node| self.currents[node.index()]);
        current.abs() <= p.min(n).max(self.nothing)
    }
}
