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
        for (id, element) in circuit.elements() {
            let device = &element.device;
            if matches!(
                device,
                Device::VoltageSource { .. } | Device::CurrentSource { .. }
            ) {
                source_of[id.index()] = Some(SourceId(source_elements.len() as u32));
                source_elements.push(id);
            }
        }
        let mut union = UnionFind::<u32>::new(circuit.node_count());
        let mut adjacent: Vec<Vec<(NodeId, Tie)>> = vec![Vec::new(); circuit.node_count()];
        for (id, element) in circuit.elements() {
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
            adjacent[n.index()].push((p, up));
            adjacent[p.index()].push((
                n,
                Tie {
                    node: n,
                    parent: p,
                    sign: -1.0,
                    ..up
                },
            ));
        }
        let (root, trees, ties) = walk(&adjacent);
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
fn walk(adjacent: &[Vec<(NodeId, Tie)>]) -> (Vec<Unknown>, usize, Vec<Tie>) {
    let mut root = vec![Unknown::NONE; adjacent.len()];
    let mut visited = vec![false; adjacent.len()];
    let (mut ties, mut trees, mut queue) = (Vec::new(), 0u32, Vec::new());
    for start in 0..adjacent.len() {
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
            for &(next, tie) in &adjacent[node] {
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
