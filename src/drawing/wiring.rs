//! Which branches join which nets, and which way up.

use crate::circuit::{BranchId, Circuit, Element, ElementId, NodeId};
use crate::device::Device;

use super::layout::{Branch, Graph};

/// A branch on paper.
pub(super) struct Wired {
    pub element: ElementId,
    pub port: usize,
    pub branch: BranchId,
    /// Nodes from the top to the bottom.
    pub nodes: [NodeId; 2],
    /// The first terminal is at the bottom.
    pub flipped: bool,
}

/// A net for each node but ground. Ground has one only if a branch leads from it to itself.
pub(super) fn nets(circuit: &Circuit) -> Vec<usize> {
    let mut branches = circuit
        .elements()
        .flat_map(|(_, element)| element.branches());
    let has_loop = branches.any(|b| circuit.branch_nodes(b) == [NodeId::GROUND; 2]);
    let nodes = circuit.node_count();
    let ground = if has_loop { nodes - 1 } else { usize::MAX };
    let others = 0..nodes.saturating_sub(1);
    std::iter::once(ground).chain(others).collect()
}

/// Branches with their first terminal on top where it has a net, and nets that sources hold above others.
pub(super) fn graph(circuit: &Circuit, net: &[usize]) -> (Graph, Vec<Wired>) {
    let mut graph = Graph {
        nets: net.iter().filter(|net| **net != usize::MAX).count(),
        ..Graph::default()
    };
    let held = held(circuit);
    let mut wired = Vec::new();
    for (id, element) in circuit.elements() {
        for (port, branch) in element.branches().enumerate() {
            let [p, n] = circuit.branch_nodes(branch);
            let is_fed = !held[p.index()] && held[n.index()];
            let is_up = matches!(element.device, Device::Resistor { .. }) && is_fed;
            let flipped = (p == NodeId::GROUND || is_up) && n != NodeId::GROUND;
            let nodes = if flipped { [n, p] } else { [p, n] };
            let ends = nodes.map(|node| net[node.index()]);
            let is_grounded = nodes[1] == NodeId::GROUND;
            let is_resistor = matches!(element.device, Device::Resistor { .. });
            let falls = held[nodes[0].index()] && !held[nodes[1].index()];
            graph.branches.push(Branch {
                ends: [ends[0], if is_grounded { ends[0] } else { ends[1] }],
                is_directed: !is_grounded && (!is_resistor || falls),
                is_source: is_grounded && is_source(&element),
            });
            wired.push(Wired {
                element: id,
                port,
                branch,
                nodes,
                flipped,
            });
        }
        if element.is_two_port() {
            let last = graph.branches.len() - 1;
            graph.links.push((last - 1, last));
        }
    }
    (graph, wired)
}

fn is_source(element: &Element) -> bool {
    matches!(element.device, Device::VoltageSource { .. })
}

/// Nodes that voltage sources hold against ground.
fn held(circuit: &Circuit) -> Vec<bool> {
    let mut held = vec![false; circuit.node_count()];
    for (_, element) in circuit.elements() {
        let [p, n] = element.port;
        if is_source(&element) && (p == NodeId::GROUND) != (n == NodeId::GROUND) {
            held[p.index().max(n.index())] = true;
        }
    }
    held
}
