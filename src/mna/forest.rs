//! Nodes that voltage sources and shorts tie together: each tree of them is one unknown, or none.

use petgraph::unionfind::UnionFind;

use crate::circuit::{Circuit, Element, ElementId, NodeId};
use crate::device::Device;

use super::{SourceId, Unknown};

/// `potential[node] = potential[parent] + sign * E`, with E the source's voltage or 0 for a short.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tie {
    pub node: NodeId,
    pub parent: NodeId,
    pub source: Option<SourceId>,
    pub element: ElementId,
    pub sign: f64,
}

/// Node potentials that voltage sources and shorts tie together.
pub(super) struct Forest {
    /// Node -> number of its tree, `NONE` for the tree of ground.
    pub(super) root: Vec<Unknown>,
    pub(super) trees: usize,
    pub(super) ties: Vec<Tie>,
    pub(super) source_elements: Vec<ElementId>,
    pub(super) source_of: Vec<Option<SourceId>>,
}

impl Forest {
    pub(super) fn grow(circuit: &Circuit, sensed: &[bool]) -> Self {
        let mut source_elements = Vec::new();
        let mut source_of = vec![None; circuit.element_count()];
        let mut union = UnionFind::<u32>::new(circuit.node_count());
        let mut ends: Vec<(NodeId, Tie)> = Vec::new();
        for (id, element) in circuit.elements() {
            let device = &element.device;
            if matches!(
                device,
                Device::VoltageSource { .. } | Device::CurrentSource { .. }
            ) {
                source_of[id.index()] = Some(SourceId(source_elements.len() as u32));
                source_elements.push(id);
            }
            if !is_tie(&element, sensed[id.index()]) {
                continue;
            }
            let [p, n] = element.port;
            if !union.union(p.index() as u32, n.index() as u32) {
                continue;
            }
            let source = source_of[id.index()];
            let up = Tie {
                node: p,
                parent: n,
                source,
                element: id,
                sign: 1.0,
            };
            ends.push((p, up));
            ends.push((
                n,
                Tie {
                    node: n,
                    parent: p,
                    sign: -1.0,
                    ..up
                },
            ));
        }
        // Those of a node stay in their order.
        ends.sort_by_key(|(_, tie)| tie.parent);
        let (root, trees, ties) = walk(&ends, circuit.node_count());
        Self {
            root,
            trees,
            ties,
            source_elements,
            source_of,
        }
    }
}

fn is_tie(element: &Element, sensed: bool) -> bool {
    match element.device {
        Device::VoltageSource { .. } | Device::Resistor { resistance: 0.0 } => !sensed,
        _ => false,
    }
}

/// Numbers the trees (ground's first, without a number) and lists ties with parents first.
fn walk(ends: &[(NodeId, Tie)], nodes: usize) -> (Vec<Unknown>, usize, Vec<Tie>) {
    let mut first = vec![0u32; nodes + 1];
    for (_, tie) in ends {
        first[tie.parent.index() + 1] += 1;
    }
    for node in 0..nodes {
        first[node + 1] += first[node];
    }
    let adjacent = |node: usize| &ends[first[node] as usize..first[node + 1] as usize];
    let mut root = vec![Unknown::NONE; nodes];
    let mut visited = vec![false; nodes];
    let (mut ties, mut trees, mut queue) = (Vec::new(), 0u32, Vec::new());
    for start in 0..nodes {
        if visited[start] {
            continue;
        }
        let number = if start == 0 {
            Unknown::NONE
        } else {
            Unknown(trees)
        };
        trees += u32::from(start != 0);
        visited[start] = true;
        root[start] = number;
        queue.push(start);
        while let Some(node) = queue.pop() {
            for &(next, tie) in adjacent(node) {
                if !std::mem::replace(&mut visited[next.index()], true) {
                    root[next.index()] = number;
                    ties.push(tie);
                    queue.push(next.index());
                }
            }
        }
    }
    (root, trees as usize, ties)
}
