//! Circuits without their bidirectional amplifiers.
//!
//! Behind an amplifier `v2 = A v1`, `i1 = i2 / A` (Kendall et al. 2020) count voltages and currents in
//! units A times larger: `v2 = v1` and `i1 = i2` then, so that both nodes are one. Resistors stay what
//! they are, sources have values A times smaller, and one-ports see their law through the units. What
//! is left is reciprocal.

use std::collections::HashMap;

use petgraph::unionfind::UnionFind;

use crate::circuit::{Circuit, Element, ElementId, ElementRef, NodeId, Weights, held_nodes};
use crate::device::Device;

/// Products of the two gains of an amplifier that differ from 1 by less are 1.
const SAME: f64 = 1e-12;

/// The circuit that is left.
#[derive(Debug)]
pub struct Unamplified {
    pub circuit: Circuit,
    /// Units of each element of it, V and A.
    pub units: Vec<f64>,
    /// For each node of the original circuit its node here, and the unit of its potential if no source
    /// holds it.
    nodes: Vec<(NodeId, Option<f64>)>,
    /// For each element of the original circuit the one here; none for amplifiers.
    elements: Vec<Option<ElementId>>,
    /// Elements here that stand for a source in other units: the original one, and the copy.
    pub copies: Vec<(ElementId, ElementId)>,
}

/// What is known of the original circuit.
struct Plan<'a> {
    original: &'a Circuit,
    held: Vec<bool>,
    weights: Weights,
    /// Nodes that become one.
    joined: UnionFind<usize>,
    /// The source that holds a node, and its other end.
    holder: Vec<Option<(ElementId, NodeId)>>,
    built: Unamplified,
    /// Copies of held nodes, by node and bits of the unit.
    rails: HashMap<(NodeId, u64), NodeId>,
}

impl Unamplified {
    /// None if the circuit has no bidirectional amplifier, or one whose ports do not both lead to
    /// ground, or any other element that is not reciprocal.
    pub fn of(circuit: &Circuit) -> Option<Self> {
        let mut plan = Plan::new(circuit)?;
        let removed = plan.join_amplifiers()?;
        for (id, element) in circuit.elements() {
            let moved = match removed.contains(&id) {
                true => None,
                false => Some(plan.add(&element)?),
            };
            plan.built.elements.push(moved);
        }
        for node in 0..circuit.node_count() {
            let node = NodeId::from_index(node);
            let place = (plan.node(node, 1.0), plan.unit(node));
            plan.built.nodes.push(place);
        }
        Some(plan.built)
    }

    /// Where a node of the original circuit is, and the unit of its potential, V.
    pub fn node(&self, original: NodeId) -> (NodeId, f64) {
        let (node, unit) = self.nodes[original.index()];
        (node, unit.unwrap_or(1.0))
    }

    pub fn is_held(&self, original: NodeId) -> bool {
        self.nodes[original.index()].1.is_none()
    }

    pub fn element(&self, original: ElementId) -> Option<ElementId> {
        self.elements[original.index()]
    }

    pub fn unit(&self, element: ElementId) -> f64 {
        self.units[element.index()]
    }
}

impl<'a> Plan<'a> {
    fn new(original: &'a Circuit) -> Option<Self> {
        let held = held_nodes(original);
        let mut holder = vec![None; original.node_count()];
        let mut is_known = vec![false; original.node_count()];
        is_known[NodeId::GROUND.index()] = true;
        let mut is_done = false;
        while !is_done {
            is_done = true;
            for (id, element) in original.elements() {
                let [p, n] = element.port;
                let is_source = matches!(element.device, Device::VoltageSource { .. });
                for (node, other) in [(p, n), (n, p)] {
                    if is_source && is_known[other.index()] && !is_known[node.index()] {
                        is_known[node.index()] = true;
                        holder[node.index()] = Some((id, other));
                        is_done = false;
                    }
                }
            }
        }
        Some(Self {
            original,
            held,
            weights: Weights::of(original).ok()?,
            joined: UnionFind::new(original.node_count()),
            holder,
            built: Unamplified {
                circuit: Circuit::new(original.title.clone()),
                units: Vec::new(),
                nodes: Vec::with_capacity(original.node_count()),
                elements: Vec::with_capacity(original.element_count()),
                copies: Vec::new(),
            },
            rails: HashMap::new(),
        })
    }

    /// Joins the nodes of each amplifier; returns its elements.
    fn join_amplifiers(&mut self) -> Option<std::collections::HashSet<ElementId>> {
        let mut removed = std::collections::HashSet::new();
        for (id, element) in self.original.elements() {
            match element.device {
                Device::Vcvs { gain } => {
                    let ([output, a], [input, b]) = (element.port, element.second()?);
                    let units = (self.unit(output)?, self.unit(input)?);
                    let agrees = (units.0 / (units.1 * gain) - 1.0).abs() < SAME;
                    if a != NodeId::GROUND || b != NodeId::GROUND || !(gain > 0.0) || !agrees {
                        return None;
                    }
                    self.joined.union(output.index(), input.index());
                    removed.insert(id);
                }
                Device::Cccs { .. } => {
                    removed.insert(id);
                    // There are weights, so that its sensor is the amplifier or in series with it;
                    // without a voltage that is a wire.
                    let sensor = element.control()?;
                    let wire = self.original.element(sensor);
                    if matches!(wire.device, Device::VoltageSource { voltage: 0.0 }) {
                        (self.joined).union(wire.port[0].index(), wire.port[1].index());
                        removed.insert(sensor);
                    }
                }
                _ => {}
            }
        }
        (!removed.is_empty()).then_some(removed)
    }

    /// Unit of the potential of a free node, V.
    fn unit(&self, node: NodeId) -> Option<f64> {
        self.weights.of_node(node).map(|weight| 1.0 / weight.sqrt())
    }

    fn node(&mut self, node: NodeId, unit: f64) -> NodeId {
        if node == NodeId::GROUND {
            return node;
        }
        if self.held[node.index()] && unit != 1.0 {
            return self.rail(node, unit);
        }
        let first = NodeId::from_index(self.joined.find_mut(node.index()));
        self.built.circuit.node(self.original.node_name(first))
    }

    /// A node that holds the same potential in another unit.
    fn rail(&mut self, node: NodeId, unit: f64) -> NodeId {
        if let Some(&rail) = self.rails.get(&(node, unit.to_bits())) {
            return rail;
        }
        let name = format!("{}#{unit}", self.original.node_name(node));
        let rail = self.built.circuit.fresh_node(&name);
        self.rails.insert((node, unit.to_bits()), rail);
        if let Some((source, _)) = self.holder[node.index()] {
            let element = self.original.element(source);
            let port = element.port.map(|end| self.node(end, unit));
            let name = format!("{}#{unit}", element.name());
            let copy = self.insert(&name, &element, port, unit);
            self.built.copies.extend(copy.map(|copy| (source, copy)));
        }
        rail
    }

    fn add(&mut self, element: &ElementRef) -> Option<ElementId> {
        if !matches!(
            element.device,
            Device::Resistor { .. }
                | Device::VoltageSource { .. }
                | Device::CurrentSource { .. }
                | Device::OnePort(_)
                | Device::IdealDiode
        ) {
            return None;
        }
        let unit = element.port.into_iter().find_map(|node| self.unit(node));
        let unit = unit.unwrap_or(1.0);
        let port = element.port.map(|node| self.node(node, unit));
        self.insert(&element.name(), element, port, unit)
    }

    fn insert(
        &mut self,
        name: &str,
        element: &Element,
        port: [NodeId; 2],
        unit: f64,
    ) -> Option<ElementId> {
        let device = match element.device {
            Device::VoltageSource { voltage } => Device::VoltageSource {
                voltage: voltage / unit,
            },
            Device::CurrentSource { current } => Device::CurrentSource {
                current: current / unit,
            },
            ref device => device.clone(),
        };
        let id = self.built.circuit.add(name, device, port).ok()?;
        self.built.units.push(unit);
        Some(id)
    }
}
