//! Which potentials voltage sources, shorts, transformers and ideal diodes allow.

use crate::analysis::{Solver, element_voltage};
use crate::circuit::{Circuit, Element, ElementId, NodeId};
use crate::device::Device;

use super::LandscapeError;

/// Voltages below this part of the largest potential are what rounding leaves of zero.
const ROUNDING: f64 = 1e-12;

/// The changes of potentials that the circuit allows and that are nearest to those wished, by least squares,
/// V. Voltage sources and the elements that are `rigid` keep their voltage, transformers their ratio.
///
/// They are the potentials of a circuit in which each node hangs on ground by 1 S, which a source drives to
/// what is wished: the co-content of that circuit is half the sum of squares.
pub(super) fn nearest(
    circuit: &Circuit,
    wished: &[f64],
    is_rigid: impl Fn(ElementId) -> bool,
) -> Result<Vec<f64>, LandscapeError> {
    let mut projection = Circuit::new("changes of potentials");
    let names = circuit.nodes().map(|(_, node)| node.name.to_string());
    let nodes: Vec<NodeId> = names.map(|name| projection.node(&name)).collect();
    let at = |port: [NodeId; 2]| port.map(|node| nodes[node.index()]);
    for (k, (&node, &wish)) in nodes.iter().zip(wished).enumerate().skip(1) {
        let conductance = Device::Resistor { resistance: 1.0 };
        projection.add(&format!("r{k}"), conductance, [node, NodeId::GROUND])?;
        let drive = Device::CurrentSource { current: wish };
        projection.add(&format!("i{k}"), drive, [NodeId::GROUND, node])?;
    }
    for (id, element) in circuit.elements() {
        let name = format!("c{}", id.index());
        match (&element.device, element.second()) {
            (Device::Transformer { .. }, Some(second)) => {
                let device = element.device.clone();
                projection.add_two_port(&name, device, at(element.port), at(second))?;
            }
            _ if prescribes_voltage(&element) || is_rigid(id) => {
                let short = Device::Resistor { resistance: 0.0 };
                projection.add(&name, short, at(element.port))?;
            }
            _ => {}
        }
    }
    let op = Solver::new(projection)?.operating_point()?;
    Ok(nodes.iter().map(|n| op.potentials[n.index()]).collect())
}

fn prescribes_voltage(element: &Element) -> bool {
    match element.device {
        Device::VoltageSource { .. } => true,
        Device::Resistor { resistance } => resistance == 0.0,
        _ => false,
    }
}

/// Whether sources and transformers leave the voltage between two nodes open.
pub(super) fn is_free(circuit: &Circuit, [p, n]: [NodeId; 2]) -> Result<bool, LandscapeError> {
    let mut wished = vec![0.0; circuit.node_count()];
    wished[p.index()] += 1.0;
    wished[n.index()] -= 1.0;
    let change = nearest(circuit, &wished, |_| false)?;
    Ok((change[p.index()] - change[n.index()]).abs() > ROUNDING)
}

/// Whether no ideal diode has a forward voltage.
pub(super) fn is_allowed(circuit: &Circuit, potentials: &[f64]) -> bool {
    let largest = potentials.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    circuit.elements().all(|(_, element)| {
        let is_diode = matches!(element.device, Device::IdealDiode);
        !is_diode || element_voltage(&element, potentials) <= ROUNDING * largest
    })
}

/// The lowest and the highest voltage p to n that ideal diodes and sources allow, V: shortest paths in a
/// graph in which `v_p <= v_n + length`. Transformers may leave less.
pub(super) fn reach(circuit: &Circuit, [p, n]: [NodeId; 2]) -> (f64, f64) {
    let mut edges: Vec<([usize; 2], f64)> = Vec::new();
    for (_, element) in circuit.elements() {
        let [p, n] = element.port.map(NodeId::index);
        match element.device {
            Device::IdealDiode => edges.push(([n, p], 0.0)),
            Device::VoltageSource { voltage } => {
                edges.extend([([n, p], voltage), ([p, n], -voltage)]);
            }
            _ if prescribes_voltage(&element) => edges.extend([([n, p], 0.0), ([p, n], 0.0)]),
            _ => {}
        }
    }
    let longest = |from: NodeId, to: NodeId| {
        let mut distance = vec![f64::INFINITY; circuit.node_count()];
        distance[from.index()] = 0.0;
        // Bellman and Ford: loops are not negative, for the circuit has an operating point.
        for _ in 1..circuit.node_count() {
            let mut is_shorter = false;
            for &([from, to], length) in &edges {
                let through = distance[from] + length;
                is_shorter |= through < distance[to];
                distance[to] = distance[to].min(through);
            }
            if !is_shorter {
                break;
            }
        }
        distance[to.index()]
    };
    (-longest(p, n), longest(n, p))
}
