//! Loops without resistance, and which way a current may circulate there.
//!
//! A source or a short takes any change of its current, a diode that conducts one of either sign, a
//! diode without current and without voltage one that makes it conduct. A branch is on a loop that
//! allows a circulation just if it is no bridge within a strongly connected component of the graph of
//! these directions (Boesch and Tindell 1980).

use petgraph::algo::bridges::bridges;
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, EdgeIndex, NodeIndex, UnGraph};
use petgraph::unionfind::UnionFind;
use petgraph::visit::EdgeRef;

use crate::analysis::{Diode, OperatingPoint};
use crate::circuit::{Circuit, ElementId, ElementRef, NodeId, prescribes_voltage};
use crate::device::Device;

use super::{Scales, Undetermined};

/// A branch without resistance.
struct Branch {
    element: ElementId,
    port: [NodeId; 2],
    /// Of a diode, which cannot carry less than nothing.
    current: Option<f64>,
}

pub(super) fn find(circuit: &Circuit, op: &OperatingPoint, scales: &Scales) -> Vec<Undetermined> {
    let branches = branches(circuit, op, scales);
    let label = components(circuit, &branches, scales);
    let inside = |b: &Branch| {
        let [p, n] = b.port.map(|node| label[node.index()]);
        p == n
    };
    let branches: Vec<Branch> = branches.into_iter().filter(inside).collect();
    let branches = without_bridges(circuit, branches);
    groups(circuit, &branches)
        .into_iter()
        .map(|elements| Undetermined::OpenSplit {
            chosen: elements.iter().map(|&id| op.current(circuit, id)).collect(),
            elements,
        })
        .collect()
}

/// In the order of the elements.
fn branches(circuit: &Circuit, op: &OperatingPoint, scales: &Scales) -> Vec<Branch> {
    let mut is_sensed = vec![false; circuit.element_count()];
    for control in circuit.sensed_elements() {
        is_sensed[control.index()] = true;
    }
    let mut diodes = op.diodes.iter().peekable();
    let branch = |(id, element): (ElementId, ElementRef)| {
        let diode = diodes.next_if(|d| d.element == id);
        let current = match element.device {
            _ if is_sensed[id.index()] => return None,
            Device::IdealDiode => Some(diode.filter(|d| has_no_voltage(d, scales))?.current),
            ref device if prescribes_voltage(device) => None,
            _ => return None,
        };
        Some(Branch {
            element: id,
            port: element.port,
            current,
        })
    };
    circuit.elements().filter_map(branch).collect()
}

fn has_no_voltage(diode: &Diode, scales: &Scales) -> bool {
    diode.conductance.is_infinite() || diode.voltage.abs() <= scales.voltage
}

/// By node: the currents that are rounding errors, A. They spread over all that is joined without
/// resistance.
fn floors(circuit: &Circuit, branches: &[Branch], scales: &Scales) -> Vec<f64> {
    let mut union = UnionFind::<usize>::new(circuit.node_count());
    for branch in branches {
        let [p, n] = branch.port.map(NodeId::index);
        union.union(p, n);
    }
    let root = union.into_labeling();
    let mut largest = vec![0.0f64; root.len()];
    for (&root, current) in root.iter().zip(&scales.currents) {
        largest[root] = largest[root].max(*current);
    }
    root.iter().map(|&root| largest[root]).collect()
}

/// By node: its strongly connected component.
fn components(circuit: &Circuit, branches: &[Branch], scales: &Scales) -> Vec<usize> {
    let floors = floors(circuit, branches, scales);
    let mut graph = DiGraph::<(), ()>::new();
    for _ in 0..circuit.node_count() {
        graph.add_node(());
    }
    for branch in branches {
        let [p, n] = branch.port.map(|node| NodeIndex::new(node.index()));
        graph.add_edge(p, n, ());
        let floor = floors[branch.port[0].index()];
        if branch.current.is_none_or(|current| current > floor) {
            graph.add_edge(n, p, ());
        }
    }
    let mut label = vec![0; circuit.node_count()];
    for (index, component) in kosaraju_scc(&graph).iter().enumerate() {
        for node in component {
            label[node.index()] = index;
        }
    }
    label
}

/// Two nodes in the middle of each branch make the graph simple.
fn without_bridges(circuit: &Circuit, branches: Vec<Branch>) -> Vec<Branch> {
    let mut graph = UnGraph::<(), usize>::default();
    for _ in 0..circuit.node_count() {
        graph.add_node(());
    }
    for (index, branch) in branches.iter().enumerate() {
        let [p, n] = branch.port.map(|node| NodeIndex::new(node.index()));
        let (a, b) = (graph.add_node(()), graph.add_node(()));
        for (from, to) in [(p, a), (a, b), (b, n)] {
            graph.add_edge(from, to, index);
        }
    }
    let mut is_bridge = vec![false; branches.len()];
    for edge in bridges(&graph) {
        is_bridge[graph[EdgeIndex::new(edge.id().index())]] = true;
    }
    let kept = branches.into_iter().zip(is_bridge);
    kept.filter(|(_, is_bridge)| !is_bridge)
        .map(|(b, _)| b)
        .collect()
}

/// Branches that touch each other, in the order of their first elements.
fn groups(circuit: &Circuit, branches: &[Branch]) -> Vec<Vec<ElementId>> {
    let mut union = UnionFind::<usize>::new(circuit.node_count());
    for branch in branches {
        let [p, n] = branch.port.map(NodeId::index);
        union.union(p, n);
    }
    let mut groups = indexmap::IndexMap::<usize, Vec<ElementId>>::new();
    for branch in branches {
        let root = union.find(branch.port[0].index());
        groups.entry(root).or_default().push(branch.element);
    }
    groups.into_values().collect()
}
