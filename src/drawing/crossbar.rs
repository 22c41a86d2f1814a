//! Crossbars in a graph: each node of one group is joined to each node of another by a resistor.

use std::collections::{BTreeMap, HashMap};

use crate::circuit::{Circuit, ElementId, NodeId};
use crate::device::Device;

/// Resistors beyond which two groups count as a crossbar.
pub(super) const LEAST: usize = 24;

/// Groups of so few nodes join the larger crossbar to the same nodes: bias nodes, as a rule.
const FEW: usize = 3;

/// A crossbar.
#[derive(Clone, Debug, PartialEq)]
pub struct Crossbar {
    pub rows: Vec<NodeId>,
    pub columns: Vec<NodeId>,
    /// Resistors by row and column; several in parallel are all there.
    pub elements: Vec<(usize, usize, ElementId)>,
}

/// The crossbars of a circuit, in the order of their first nodes.
///
/// Nodes whose resistors lead to the same nodes are one group: in layered networks, a layer.
pub fn crossbars(circuit: &Circuit) -> Vec<Crossbar> {
    let resistors = resistors(circuit);
    let mut beside: Vec<Vec<NodeId>> = vec![Vec::new(); circuit.node_count()];
    for &(_, [p, n]) in &resistors {
        beside[p.index()].push(n);
        beside[n.index()].push(p);
    }
    let mut groups: HashMap<&[NodeId], usize> = HashMap::new();
    let mut members: Vec<Vec<NodeId>> = Vec::new();
    let mut group_of: Vec<Option<usize>> = vec![None; circuit.node_count()];
    beside.iter_mut().for_each(|nodes| {
        nodes.sort_unstable();
        nodes.dedup();
    });
    for (id, _) in circuit.nodes() {
        let nodes = &beside[id.index()][..];
        if !nodes.is_empty() {
            let group = *groups.entry(nodes).or_insert(members.len());
            if group == members.len() {
                members.push(Vec::new());
            }
            members[group].push(id);
            group_of[id.index()] = Some(group);
        }
    }
    let mut blocks: BTreeMap<(usize, usize), Block> = BTreeMap::new();
    for &(id, [p, n]) in &resistors {
        if let (Some(a), Some(b)) = (group_of[p.index()], group_of[n.index()]) {
            let (key, ends) = if a <= b {
                ((a, b), [p, n])
            } else {
                ((b, a), [n, p])
            };
            blocks.entry(key).or_default().push((id, ends));
        }
    }
    merged(&members, blocks)
}

/// Resistors between two nodes, neither of them ground.
fn resistors(circuit: &Circuit) -> Vec<(ElementId, [NodeId; 2])> {
    let mut found = Vec::new();
    for (id, element) in circuit.elements() {
        let [p, n] = element.port;
        let is_inner = p != n && p != NodeId::GROUND && n != NodeId::GROUND;
        if is_inner && matches!(element.device, Device::Resistor { .. }) {
            found.push((id, element.port));
        }
    }
    found
}

/// Resistors with their nodes, those of the first group first.
type Block = Vec<(ElementId, [NodeId; 2])>;

fn merged(members: &[Vec<NodeId>], blocks: BTreeMap<(usize, usize), Block>) -> Vec<Crossbar> {
    let is_small = |group: usize| members[group].len() <= FEW;
    // Blocks by the group of their columns; the first is the largest.
    let mut found: Vec<(Vec<usize>, usize, Block)> = Vec::new();
    let (large, small): (Vec<_>, Vec<_>) = blocks
        .into_iter()
        .partition(|((a, b), _)| !is_small(*a) && !is_small(*b));
    for ((a, b), block) in large {
        found.push((vec![a], b, block));
    }
    for ((a, b), block) in small {
        let (few, many) = if members[a].len() <= members[b].len() {
            (a, b)
        } else {
            (b, a)
        };
        let turn = |(id, [p, n]): (ElementId, [NodeId; 2])| match few == a {
            true => (id, [p, n]),
            false => (id, [n, p]),
        };
        let block: Block = block.into_iter().map(turn).collect();
        let fitting = found
            .iter_mut()
            .filter(|f| f.1 == many && !is_small(f.0[0]));
        match fitting.max_by_key(|f| f.2.len()) {
            Some(crossbar) => {
                crossbar.0.push(few);
                crossbar.2.extend(block);
            }
            None => found.push((vec![few], many, block)),
        }
    }
    let large = found.into_iter().filter(|f| f.2.len() >= LEAST);
    large
        .map(|(rows, columns, block)| {
            let rows: Vec<NodeId> = rows.iter().flat_map(|g| members[*g].clone()).collect();
            let columns = members[columns].clone();
            let place = |nodes: &[NodeId]| -> HashMap<NodeId, usize> {
                nodes
                    .iter()
                    .enumerate()
                    .map(|(k, node)| (*node, k))
                    .collect()
            };
            let (row, column) = (place(&rows), place(&columns));
            let elements = block
                .iter()
                .filter_map(|(id, [p, n])| Some((*row.get(p)?, *column.get(n)?, *id)));
            Crossbar {
                elements: elements.collect(),
                rows,
                columns,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::generators::{Clamp, Layered};

    #[test]
    fn layers_of_a_network_are_crossbars_with_their_bias_nodes() {
        let network = Layered {
            inputs: 5,
            hidden: vec![8],
            outputs: 4,
            clamp: Clamp::Shockley,
            conductance: 1e-3,
            bias: 1.0,
            seed: 3,
        };
        let circuit = network.build().expect("a circuit");
        let found = crossbars(&circuit);
        let sizes: Vec<_> = found
            .iter()
            .map(|c| (c.rows.len(), c.columns.len()))
            .collect();
        assert_eq!(
            sizes,
            [(12, 8), (10, 4)],
            "features and biases; hidden nodes and biases"
        );
        for crossbar in &found {
            let cells = crossbar.rows.len() * crossbar.columns.len();
            assert_eq!(crossbar.elements.len(), cells);
            for &(row, column, id) in &crossbar.elements {
                let port = circuit.element(id).port;
                assert!(port.contains(&crossbar.rows[row]));
                assert!(port.contains(&crossbar.columns[column]));
            }
        }
    }

    #[test]
    fn a_grid_has_none() {
        let circuit = crate::circuit::generators::grid(9, 9, 1).expect("a circuit");
        assert_eq!(crossbars(&circuit), []);
    }
}
