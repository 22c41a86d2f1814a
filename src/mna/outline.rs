//! What whole batches want to know of a circuit: what holds which node and what lies between which
//! nodes; no matrix and no slots.

use std::collections::HashSet;
use std::sync::Arc;

use crate::circuit::{Circuit, Element, ElementId, NodeId, Segment};
use crate::device::{Device, OnePort};

use super::collect::keeps_branch;
use super::compile::sensed_sources;
use super::forest::{Forest, Tie};
use super::{SourceId, Unknown};

/// Conductances of neighbouring elements.
#[derive(Clone, Debug)]
pub(crate) struct ConductanceRun {
    /// Index of the first one among all conductances.
    pub first: usize,
    /// Its element.
    pub element: ElementId,
    pub ports: Ports,
}

/// Positive and negative node of neighbouring elements.
#[derive(Clone, Debug)]
pub(crate) enum Ports {
    Each(Vec<[NodeId; 2]>),
    /// From each of several nodes to one node.
    Fan(Arc<[NodeId]>, NodeId),
}

impl Ports {
    pub(crate) fn len(&self) -> usize {
        match self {
            Ports::Each(ports) => ports.len(),
            Ports::Fan(from, _) => from.len(),
        }
    }

    #[inline]
    pub(crate) fn at(&self, member: usize) -> [NodeId; 2] {
        match self {
            Ports::Each(ports) => ports[member],
            Ports::Fan(from, to) => [from[member], *to],
        }
    }
}

/// A circuit for batches: structure only, no element values.
#[derive(Debug)]
pub struct Outline {
    order: usize,
    trees: usize,
    /// Tree of each node; none if it is ground's.
    unknown: Vec<Unknown>,
    ties: Vec<Tie>,
    source_elements: Vec<ElementId>,
    conductances: Arc<[ConductanceRun]>,
    one_ports: Vec<(ElementId, [NodeId; 2])>,
    ideal_diodes: Vec<(ElementId, [NodeId; 2])>,
    current_sources: Vec<([NodeId; 2], SourceId)>,
    is_plain: bool,
}

impl Outline {
    /// The outline of a circuit whose topology [has been checked](Circuit::check).
    pub fn of(circuit: &Circuit) -> Self {
        let sensed = sensed_sources(circuit);
        let forest = Forest::grow(circuit, &sensed);
        let tied: HashSet<ElementId> = forest.ties.iter().map(|tie| tie.element).collect();
        let mut drawing = Drawing {
            runs: Vec::new(),
            count: 0,
            one_ports: Vec::new(),
            ideal_diodes: Vec::new(),
            current_sources: Vec::new(),
            kept: 0,
            is_plain: true,
        };
        for segment in circuit.segments() {
            match segment {
                Segment::Fan(id, fan)
                    if fan.resistances.iter().all(|r| *r != 0.0)
                        && !sensed[id.index()..][..fan.from.len()].contains(&true) =>
                {
                    drawing.push(id, Ports::Fan(fan.from.clone(), fan.to));
                }
                Segment::Fan(first, fan) => {
                    let sensed = &sensed[first.index()..][..fan.from.len()];
                    for (member, &is_sensed) in sensed.iter().enumerate() {
                        let id = ElementId::from_index(first.index() + member);
                        let element = circuit.element(id);
                        let is = (is_sensed, tied.contains(&id));
                        drawing.element(id, &element, is, &forest);
                    }
                }
                Segment::One(id, element) => {
                    let is = (sensed[id.index()], tied.contains(&id));
                    drawing.element(id, element, is, &forest);
                }
            }
        }
        Self {
            order: forest.trees + drawing.kept,
            trees: forest.trees,
            unknown: forest.root,
            ties: forest.ties,
            source_elements: forest.source_elements,
            conductances: drawing.runs.into(),
            one_ports: drawing.one_ports,
            ideal_diodes: drawing.ideal_diodes,
            current_sources: drawing.current_sources,
            is_plain: drawing.is_plain,
        }
    }

    /// Unknowns of the circuit's reduced system.
    pub fn order(&self) -> usize {
        self.order
    }

    /// Trees of tied nodes but ground's: the potentials that are unknown.
    pub fn node_unknown_count(&self) -> usize {
        self.trees
    }

    pub fn node_count(&self) -> usize {
        self.unknown.len()
    }

    /// The V and I elements, in the order of the vector of source values.
    pub fn source_elements(&self) -> &[ElementId] {
        &self.source_elements
    }

    /// True for circuits of resistors, one-ports, ideal diodes and independent sources alone, in which
    /// voltage sources make no loop and nothing senses a current.
    pub fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// The unknown that carries a node's potential, if it is not held by sources.
    pub fn node_unknown(&self, node: NodeId) -> Option<Unknown> {
        Some(self.unknown[node.index()]).filter(|u| u.is_some())
    }

    /// The conductances, in the order of [`Self::conductances`].
    pub(crate) fn conductance_runs(&self) -> &Arc<[ConductanceRun]> {
        &self.conductances
    }

    /// Index of the conductance that an element is.
    pub(crate) fn conductance_of(&self, id: ElementId) -> Option<usize> {
        let after = self.conductances.partition_point(|run| run.element <= id);
        let run = &self.conductances[after.checked_sub(1)?];
        let member = id.index() - run.element.index();
        (member < run.ports.len()).then_some(run.first + member)
    }

    /// Element and nodes of each nonlinear one-port.
    pub(crate) fn one_ports(&self) -> &[(ElementId, [NodeId; 2])] {
        &self.one_ports
    }

    /// Element and nodes of each ideal diode.
    pub(crate) fn ideal_diodes(&self) -> &[(ElementId, [NodeId; 2])] {
        &self.ideal_diodes
    }

    /// Nodes of each current source, and which source it is.
    pub(crate) fn current_sources(&self) -> &[([NodeId; 2], SourceId)] {
        &self.current_sources
    }

    /// Eliminated voltage sources and shorts, parents before children.
    pub(crate) fn tied_nodes(&self) -> &[Tie] {
        &self.ties
    }

    /// Voltage (V) or current (A) of each independent source.
    pub(crate) fn source_values(&self, circuit: &Circuit) -> Vec<f64> {
        let value = |id: &ElementId| match circuit.element(*id).device {
            Device::VoltageSource { voltage } => voltage,
            Device::CurrentSource { current } => current,
            _ => 0.0,
        };
        self.source_elements.iter().map(value).collect()
    }

    /// Conductance of each resistor between two nodes, S.
    pub(crate) fn conductances(&self, circuit: &Circuit) -> Vec<f64> {
        let last = self.conductances.last();
        let mut values = Vec::with_capacity(last.map_or(0, |run| run.first + run.ports.len()));
        for run in self.conductances.iter() {
            let first = run.element.index();
            let ids = (first..first + run.ports.len()).map(ElementId::from_index);
            values.extend(ids.map(|id| match circuit.element(id).device {
                Device::Resistor { resistance } => 1.0 / resistance,
                _ => 0.0,
            }));
        }
        values
    }

    /// Law of each nonlinear one-port.
    pub(crate) fn laws<'a>(&'a self, circuit: &'a Circuit) -> impl Iterator<Item = OnePort> + 'a {
        let law = |id: ElementId| match &circuit.element(id).device {
            Device::OnePort(law) => Some((**law).clone()),
            _ => None,
        };
        self.one_ports.iter().filter_map(move |(id, _)| law(*id))
    }
}

/// An outline in the making.
struct Drawing {
    runs: Vec<ConductanceRun>,
    count: usize,
    one_ports: Vec<(ElementId, [NodeId; 2])>,
    ideal_diodes: Vec<(ElementId, [NodeId; 2])>,
    current_sources: Vec<([NodeId; 2], SourceId)>,
    kept: usize,
    is_plain: bool,
}

impl Drawing {
    fn push(&mut self, element: ElementId, ports: Ports) {
        let first = self.count;
        self.count += ports.len();
        self.runs.push(ConductanceRun {
            first,
            element,
            ports,
        });
    }

    fn element(
        &mut self,
        id: ElementId,
        element: &Element,
        (is_sensed, is_tied): (bool, bool),
        forest: &Forest,
    ) {
        let port = element.port;
        let keeps = keeps_branch(&element.device, is_sensed, is_tied);
        self.kept += usize::from(keeps);
        match &element.device {
            Device::Resistor { .. } if keeps => self.is_plain = false,
            Device::Resistor { resistance: 0.0 } => {}
            Device::Resistor { .. } => self.conductance(id, port),
            Device::OnePort(_) => self.one_ports.push((id, port)),
            Device::IdealDiode => self.ideal_diodes.push((id, port)),
            Device::CurrentSource { .. } => {
                let source = forest.source_of[id.index()];
                self.current_sources.extend(source.map(|s| (port, s)));
            }
            Device::VoltageSource { .. } if !keeps => {}
            _ => self.is_plain = false,
        }
    }

    fn conductance(&mut self, id: ElementId, port: [NodeId; 2]) {
        if let Some(last) = self.runs.last_mut()
            && last.element.index() + last.ports.len() == id.index()
            && let Ports::Each(ports) = &mut last.ports
        {
            ports.push(port);
            self.count += 1;
            return;
        }
        self.push(id, Ports::Each(vec![port]));
    }
}
