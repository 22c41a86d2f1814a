//! The second circuit: the first one linearized where it stands, as a board of its own.

use std::collections::HashMap;

use crate::adjoint::{AdjointNetwork, Cotangent};
use crate::analysis::{OperatingPoint, Solver};
use crate::circuit::{Circuit, ElementId, ParameterId};
use crate::device::{Device, Parameter};

/// Boards that are kept: one for each set of conducting ideal diodes.
const MOST_NETWORKS: usize = 64;

/// The parts of the second board, and its networks so far.
#[derive(Debug)]
pub struct Second {
    /// The nonlinear circuit with the parts of this board.
    pub parts: Circuit,
    /// By structure: what conducts, what has a slope, where something is injected.
    networks: HashMap<Vec<bool>, Network>,
    /// Slopes of behavioural sources are in many places of a network: it is built anew for each sample.
    is_reusable: bool,
    /// Parts are as they were when networks were built.
    generation: u64,
}

#[derive(Debug)]
struct Network {
    adjoint: AdjointNetwork,
    solver: Solver,
    /// Resistors of the first circuit with those here.
    resistors: Vec<(ElementId, ElementId)>,
    generation: u64,
}

/// Where the second circuit settles.
#[derive(Debug)]
pub struct Settled {
    pub op: OperatingPoint,
    /// Current p -> n of the source in the place of each asked element, A.
    pub currents: Vec<f64>,
}

impl Second {
    pub fn new(parts: Circuit) -> Self {
        let is_law = |device: &Device| matches!(device, Device::Behavioural(_));
        let has_laws = parts.elements().any(|(_, e)| is_law(&e.device));
        Self {
            is_reusable: !has_laws,
            parts,
            networks: HashMap::new(),
            generation: 0,
        }
    }

    /// To be called when [`Self::parts`] were programmed. `others` tells that not only resistors were.
    pub fn note_programming(&mut self, others: bool) {
        self.generation += 1;
        if others {
            self.networks.clear();
        }
    }

    /// Settles the second circuit of `first`, which stands at `op`, with the currents of `injected` (A) going
    /// into its nodes; reads the currents of what stands for the elements `asked`.
    ///
    /// # Errors
    /// As for any circuit.
    pub fn settle(
        &mut self,
        first: &Solver,
        op: &OperatingPoint,
        injected: &Cotangent,
        asked: &[ElementId],
    ) -> Result<Settled, crate::Error> {
        let key = structure(first, op, injected);
        let is_full = self.networks.len() >= MOST_NETWORKS && !self.networks.contains_key(&key);
        if !self.is_reusable || is_full {
            self.networks.clear();
        }
        let network = match self.networks.entry(key) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(Network::build(first, op, injected)?)
            }
        };
        if network.generation != self.generation {
            network.take_resistors(&self.parts);
            network.generation = self.generation;
        }
        network.tune(&self.parts, op, injected);
        let op = network.solver.operating_point_from_anywhere()?;
        let current = |id: &ElementId| {
            let carrier = network.adjoint.carrier(*id);
            carrier.map_or(0.0, |carrier| op.current(&network.solver.circuit, carrier))
        };
        Ok(Settled {
            currents: asked.iter().map(current).collect(),
            op,
        })
    }
}

impl Network {
    fn build(
        first: &Solver,
        op: &OperatingPoint,
        injected: &Cotangent,
    ) -> Result<Self, crate::Error> {
        let adjoint = AdjointNetwork::new(first, op, injected)
            .map_err(crate::analysis::CompileError::from)?;
        let solver = Solver::new(adjoint.circuit.clone())?;
        let resistors = first.circuit.elements().filter_map(|(id, element)| {
            let here = solver.circuit.find_element(&element.name())?;
            let is_one = |device: &Device| matches!(device, Device::Resistor { resistance } if *resistance != 0.0);
            let other = &solver.circuit.element(here).device;
            (is_one(&element.device) && is_one(other)).then_some((id, here))
        });
        Ok(Self {
            resistors: resistors.collect(),
            adjoint,
            solver,
            generation: u64::MAX,
        })
    }

    fn take_resistors(&mut self, parts: &Circuit) {
        for k in 0..self.resistors.len() {
            let (of, here) = self.resistors[k];
            if let Device::Resistor { resistance } = parts.element(of).device {
                self.set(here, Parameter::Resistance, resistance);
            }
        }
    }

    /// Sets incremental conductances, each that of this board's part at the drop in the first circuit, and
    /// what is injected.
    fn tune(&mut self, parts: &Circuit, op: &OperatingPoint, injected: &Cotangent) {
        for k in 0..self.adjoint.conductances.len() {
            let (of, here) = self.adjoint.conductances[k];
            let part = parts.element(of);
            let [p, n] = part.port;
            if let Device::OnePort(law) = &part.device {
                let slope = law.evaluate(op.voltage(p, n)).conductance;
                self.set(here, Parameter::Resistance, 1.0 / slope);
            }
        }
        for k in 0..self.adjoint.injections.len() {
            let (node, source) = self.adjoint.injections[k];
            self.set(source, Parameter::Current, injected.full[node.index()]);
        }
        self.solver.refresh();
    }

    fn set(&mut self, element: ElementId, parameter: Parameter, value: f64) {
        // A slope of zero, which no resistance has, leaves the last one.
        let _ = self
            .solver
            .circuit
            .set(ParameterId { element, parameter }, value);
    }
}

/// What a network is the same for.
fn structure(first: &Solver, op: &OperatingPoint, injected: &Cotangent) -> Vec<bool> {
    let of_element = |(id, element): (ElementId, crate::circuit::ElementRef)| match &element.device
    {
        Device::IdealDiode => first.system.ideal_state(&first.workspace, id),
        Device::OnePort(law) => {
            let [p, n] = element.port;
            Some(law.evaluate(op.voltage(p, n)).conductance != 0.0)
        }
        _ => None,
    };
    let nodes = &injected.full[..first.system.node_count()];
    let elements = first.circuit.elements().filter_map(of_element);
    elements.chain(nodes.iter().map(|i| *i != 0.0)).collect()
}
