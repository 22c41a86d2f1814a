//! Which weight the co-content of each part of a circuit has, where amplifiers stand between the parts.
//!
//! A part is what resistors, diodes, sources and transformers connect. Nodes that voltage sources hold
//! against ground connect nothing: a rail that feeds two layers does not make them one.
//!
//! With part 2 behind an amplifier `v2 = A v1`, `i1 = B i2` (i2 delivered to part 2, i1 drawn from part 1),
//! Kirchhoff's law in part 1 is the derivative of `E1(v1) + (B/A) E2(A v1)`: the whole circuit minimises the
//! sum with weights `w2 = w1 B/A`.

use petgraph::unionfind::UnionFind;

use crate::device::Device;

use super::{Circuit, Element, ElementId, ElementRef, NodeId};

/// The weight of the co-content around each node.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// By node; none where voltage sources hold it.
    nodes: Vec<Option<f64>>,
}

/// Why a circuit has no weights; names the element.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeightFault {
    #[error("`{element}` is not reciprocal and has no partner that makes it so")]
    NotReciprocal { element: String },
    #[error("what stands between the amplifiers of `{element}` has two weights that disagree")]
    Ambiguous { element: String },
}

/// Two weights that differ by less are one.
const SAME: f64 = 1e-9;

impl Weights {
    /// Follows the amplifiers of a circuit.
    ///
    /// # Errors
    /// [`WeightFault::NotReciprocal`] names an element that has no weight,
    /// [`WeightFault::Ambiguous`] an amplifier in a loop whose weights disagree.
    pub fn of(circuit: &Circuit) -> Result<Self, WeightFault> {
        let held = held_nodes(circuit);
        let mut parts = UnionFind::<usize>::new(circuit.node_count());
        let mut amplifiers = Vec::new();
        let mut returns = Vec::new();
        for (id, element) in circuit.elements() {
            match &element.device {
                Device::Vcvs { gain } if *gain != 0.0 => amplifiers.push((id, *gain)),
                Device::Cccs { gain } => returns.push((id, *gain)),
                device if device.is_reciprocal() => {
                    let second = element.second().filter(|_| element.is_two_port());
                    let nodes = element.port.into_iter().chain(second.into_iter().flatten());
                    let free: Vec<_> = nodes.filter(|n| !held[n.index()]).collect();
                    for pair in free.windows(2) {
                        parts.union(pair[0].index(), pair[1].index());
                    }
                }
                _ => return Err(not_reciprocal(&element)),
            }
        }
        let terminals = terminals(circuit);
        let mut relations = Vec::new();
        for &(id, gain) in &amplifiers {
            let element = circuit.element(id);
            let mut back = 0.0;
            returns.retain(|&(by, b)| match sense((circuit, &terminals), id, by) {
                Some(sign) => {
                    back += sign * b;
                    false
                }
                None => true,
            });
            let part = |nodes: [NodeId; 2]| {
                let mut free = nodes.into_iter().filter(|n| !held[n.index()]);
                let first = free.next().map(|n| parts.find(n.index()));
                let is_one = free.all(|n| Some(parts.find(n.index())) == first);
                is_one
                    .then_some(first)
                    .ok_or_else(|| not_reciprocal(&element))
            };
            let input = part(element.second().unwrap_or(element.port))?;
            let output = part(element.port)?;
            // What is controlled by a held node is a source.
            if let (Some(input), Some(output)) = (input, output) {
                if back == 0.0 {
                    return Err(not_reciprocal(&element));
                }
                relations.push((id, input, output, back / gain));
            }
        }
        if let Some(&(id, _)) = returns.first() {
            return Err(not_reciprocal(&circuit.element(id)));
        }
        let weights = spread(circuit, &relations)?;
        let weight = |node: usize| (!held[node]).then(|| weights[parts.find(node)]);
        let nodes = (0..circuit.node_count()).map(weight).collect();
        Ok(Self { nodes })
    }

    /// The weight of the co-content around a node; none where a voltage source holds it.
    pub fn of_node(&self, node: NodeId) -> Option<f64> {
        self.nodes.get(node.index()).copied().flatten()
    }
}

fn not_reciprocal(element: &ElementRef) -> WeightFault {
    WeightFault::NotReciprocal {
        element: element.name().to_string(),
    }
}

/// Ground, and what voltage sources hold against it.
pub(crate) fn held_nodes(circuit: &Circuit) -> Vec<bool> {
    let mut held = vec![false; circuit.node_count()];
    held[NodeId::GROUND.index()] = true;
    loop {
        let mut is_done = true;
        for (_, element) in circuit.elements() {
            let [p, n] = element.port.map(NodeId::index);
            if matches!(element.device, Device::VoltageSource { .. }) && held[p] != held[n] {
                (held[p], held[n]) = (true, true);
                is_done = false;
            }
        }
        if is_done {
            return held;
        }
    }
}

/// Sign with which the CCCS `by` draws, at the control pair of the VCVS `amplifier`, its gain times the
/// current that the amplifier delivers; none if it does something else.
fn sense(
    (circuit, terminals): (&Circuit, &[u32]),
    amplifier: ElementId,
    by: ElementId,
) -> Option<f64> {
    let (vcvs, cccs) = (circuit.element(amplifier), circuit.element(by));
    let [p, n] = vcvs.second()?;
    let direction = match cccs.port {
        port if port == [p, n] => 1.0,
        port if port == [n, p] => -1.0,
        _ => return None,
    };
    let sensor = cccs.control()?;
    let along = if sensor == amplifier {
        1.0
    } else {
        series(terminals, &vcvs, &circuit.element(sensor))?
    };
    // A branch current flows from p to n inside the element: it delivers the opposite one.
    Some(-direction * along)
}

/// 1 if a source carries the current of an amplifier in the same direction, -1 if in the other; none if
/// something else meets them where they are joined.
fn series(terminals: &[u32], vcvs: &Element, sensor: &Element) -> Option<f64> {
    if !matches!(sensor.device, Device::VoltageSource { .. }) {
        return None;
    }
    let joins = [(0, 0, -1.0), (1, 1, -1.0), (0, 1, 1.0), (1, 0, 1.0)];
    let found = joins.into_iter().find(|&(a, b, _)| {
        let node = vcvs.port[a];
        node == sensor.port[b] && node != NodeId::GROUND && terminals[node.index()] == 2
    });
    found.map(|(_, _, sign)| sign)
}

/// Terminals that carry current into each node.
fn terminals(circuit: &Circuit) -> Vec<u32> {
    let mut counts = vec![0; circuit.node_count()];
    for (_, element) in circuit.elements() {
        let second = element.second().filter(|_| element.is_two_port());
        let nodes = element.port.into_iter().chain(second.into_iter().flatten());
        nodes.for_each(|node| counts[node.index()] += 1);
    }
    counts
}

/// Weights by the representative of each part, 1 where nothing is known.
fn spread(
    circuit: &Circuit,
    relations: &[(ElementId, usize, usize, f64)],
) -> Result<Vec<f64>, WeightFault> {
    let mut known: Vec<Option<f64>> = vec![None; circuit.node_count()];
    for start in relations {
        // A part that no amplifier before has reached begins at 1.
        if known[start.1].is_none() && known[start.2].is_none() {
            known[start.1] = Some(1.0);
        }
        let mut is_done = false;
        while !is_done {
            is_done = true;
            for &(_, input, output, ratio) in relations {
                match (known[input], known[output]) {
                    (Some(w), None) => known[output] = Some(w * ratio),
                    (None, Some(w)) => known[input] = Some(w / ratio),
                    _ => continue,
                }
                is_done = false;
            }
        }
    }
    let weight = |part: usize| known[part].unwrap_or(1.0);
    for &(id, input, output, ratio) in relations {
        let (expected, found) = (weight(input) * ratio, weight(output));
        if (expected - found).abs() > SAME * found.abs() {
            let element = circuit.element(id).name().to_string();
            return Err(WeightFault::Ambiguous { element });
        }
    }
    Ok((0..circuit.node_count()).map(weight).collect())
}
