//! Islands: which potentials may move, and how far.
//!
//! With `d` the shift of each island, an element between islands P and N whose voltage may rise by `up`
//! and fall by `down` asks for `d_P - d_N <= up` and `d_N - d_P <= down`. The largest shift of an island
//! is its distance from ground in the graph of these inequalities, all lengths being positive.

use petgraph::algo::dijkstra;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::unionfind::UnionFind;
use petgraph::visit::{EdgeRef, Reversed};

use crate::analysis::{Diode, OperatingPoint};
use crate::circuit::{Circuit, ElementId, NodeId, conducts, control_pairs};
use crate::device::{Device, OnePort, PiecewiseTable};

use super::{Scales, Undetermined};

/// An element whose voltage may change while its current stays, and by how much, V.
struct Loose {
    element: ElementId,
    port: [NodeId; 2],
    up: f64,
    down: f64,
}

pub(super) fn find(circuit: &Circuit, op: &OperatingPoint, scales: &Scales) -> Vec<Undetermined> {
    let loose: Vec<Loose> = op
        .diodes
        .iter()
        .filter_map(|diode| Loose::new(circuit, diode, scales))
        .collect();
    if loose.is_empty() {
        return Vec::new();
    }
    let islands = Islands::new(circuit, &loose);
    if islands.is_all_fixed() {
        return Vec::new();
    }
    islands.find(circuit, op, scales, &loose)
}

impl Loose {
    fn new(circuit: &Circuit, diode: &Diode, scales: &Scales) -> Option<Self> {
        let element = circuit.element(diode.element);
        let port = element.port;
        let (down, up) = match &element.device {
            Device::IdealDiode if scales.is_no_current(diode.current, port) => {
                (f64::INFINITY, (-diode.voltage).max(0.0))
            }
            Device::OnePort(one_port) if diode.conductance == 0.0 => match &**one_port {
                OnePort::PiecewiseTable(table) => room(table, diode.voltage),
                _ => return None,
            },
            _ => return None,
        };
        Some(Self {
            element: diode.element,
            port,
            up,
            down,
        })
    }
}

/// How far below and above `voltage` the current of a table stays the same. Currents never fall, so
/// that breakpoints of one current are neighbours, and outside the table its last current stays.
fn room(table: &PiecewiseTable, voltage: f64) -> (f64, f64) {
    let current = table.law().evaluate(voltage).current;
    let points = table.points();
    let first = points.partition_point(|p| p.1 < current);
    let behind = points.partition_point(|p| p.1 <= current);
    let low = (first > 0).then(|| points[first].0);
    let high = (behind < points.len()).then(|| points[behind - 1].0);
    let distance = |bound: Option<f64>| bound.map_or(f64::INFINITY, |b| (voltage - b).abs());
    (distance(low), distance(high))
}

/// Nodes that hold together, numbered; 0 holds ground and all that nothing here may move.
struct Islands {
    of_node: Vec<usize>,
    count: usize,
}

impl Islands {
    fn new(circuit: &Circuit, loose: &[Loose]) -> Self {
        let mut is_loose = vec![false; circuit.element_count()];
        for item in loose {
            is_loose[item.element.index()] = true;
        }
        let mut union = UnionFind::<usize>::new(circuit.node_count());
        let mut join = |[p, n]: [NodeId; 2]| union.union(p.index(), n.index());
        for (id, element) in circuit.elements() {
            let is_gyrator = matches!(element.device, Device::Gyrator { .. });
            if is_loose[id.index()] || !(conducts(&element.device) || is_gyrator) {
                continue;
            }
            join(element.port);
            if let (true, Some(second)) = (element.is_two_port(), element.second()) {
                join(second);
            }
        }
        let root = union.into_labeling();
        let is_sensed = sensed(circuit, &root);
        let mut number = vec![None; root.len()];
        let mut count = 1;
        let mut of_root = |root_of: usize| {
            if root_of == root[0] || is_sensed[root_of] {
                return 0;
            }
            *number[root_of].get_or_insert_with(|| {
                count += 1;
                count - 1
            })
        };
        let of_node = root.iter().map(|&r| of_root(r)).collect();
        Self { of_node, count }
    }

    fn is_all_fixed(&self) -> bool {
        self.count == 1
    }

    fn of(&self, node: NodeId) -> usize {
        self.of_node[node.index()]
    }

    /// `d_P - d_N <= length` as an edge from N to P.
    fn inequalities(&self, loose: &[Loose]) -> DiGraph<(), f64> {
        let mut graph = DiGraph::new();
        for _ in 0..self.count {
            graph.add_node(());
        }
        for item in loose {
            let [p, n] = item.port.map(|node| NodeIndex::new(self.of(node)));
            for (from, to, length) in [(n, p, item.up), (p, n, item.down)] {
                if from != to && length.is_finite() {
                    graph.add_edge(from, to, length);
                }
            }
        }
        graph
    }

    fn find(
        &self,
        circuit: &Circuit,
        op: &OperatingPoint,
        scales: &Scales,
        loose: &[Loose],
    ) -> Vec<Undetermined> {
        let graph = self.inequalities(loose);
        let fixed = NodeIndex::new(0);
        let length = |edge: petgraph::graph::EdgeReference<f64>| *edge.weight();
        let up = dijkstra(&graph, fixed, None, length);
        let down = dijkstra(Reversed(&graph), fixed, None, |edge| *edge.weight());
        let mut nodes = vec![Vec::new(); self.count];
        for (node, _) in circuit.nodes() {
            nodes[self.of(node)].push(node);
        }
        let mut bounds = vec![Vec::new(); self.count];
        for item in loose {
            let [p, n] = item.port.map(|node| self.of(node));
            if p != n {
                bounds[p].push(item.element);
                bounds[n].push(item.element);
            }
        }
        let islands = nodes.into_iter().zip(bounds).enumerate().skip(1);
        let island = |(index, (nodes, bounded_by)): (usize, (Vec<NodeId>, _))| {
            let [up, down] = [&up, &down].map(|d| d.get(&NodeIndex::new(index)).copied());
            let room = up.unwrap_or(f64::INFINITY) + down.unwrap_or(f64::INFINITY);
            let chosen = op.potentials[nodes.first()?.index()];
            (room > scales.voltage).then(|| Undetermined::FloatingNodes {
                nodes,
                bounded_by,
                low: down.map(|d| chosen - d),
                high: up.map(|d| chosen + d),
                chosen,
            })
        };
        islands.filter_map(island).collect()
    }
}

/// By root: whether something besides loose elements and gyrators depends on the potential of a
/// component against the rest.
fn sensed(circuit: &Circuit, root: &[usize]) -> Vec<bool> {
    let mut sensed = vec![false; root.len()];
    for (_, element) in circuit.elements() {
        let second = element.second().filter(|_| !element.is_two_port());
        for pair in control_pairs(&element).chain(second) {
            let [p, n] = pair.map(|node| root[node.index()]);
            sensed[p] |= p != n;
            sensed[n] |= p != n;
        }
    }
    sensed
}
