//! The adjoint network as a circuit that can be solved, exported and built.
//!
//! | element | becomes |
//! |---|---|
//! | R | itself |
//! | nonlinear one-port | resistor `1/(di/dv)`, or nothing where the slope is zero |
//! | ideal diode | short (conducting) or nothing (blocking) |
//! | V, I | 0 V source, nothing |
//! | VCVS, gain mu | 0 V source at its output, whose current draws `-mu` times itself at its input |
//! | VCCS | the two pairs of terminals change places |
//! | CCCS, gain b | 0 V at its control source becomes a VCVS `-b` of its output voltage |
//! | CCVS, r | 0 V source at its output; the control source becomes a CCVS `r` of its current |
//! | transformer, gyrator | itself, reversed |
//! | output `v(p,n)` of weight w | current source w from n to p |

use crate::analysis::{OperatingPoint, Solver};
use crate::circuit::{Circuit, ElementId, NodeId, TopologyError};
use crate::device::Device;
use crate::mna::{BranchCurrents, System};
use crate::netlist::Name;

use super::{Adjoint, Cotangent};

/// The linear circuit whose potentials and branch currents are `lambda`.
#[derive(Clone, Debug)]
pub struct AdjointNetwork {
    pub circuit: Circuit,
    /// For elements of the original circuit with an adjoint branch current: who carries it here.
    carriers: Vec<(ElementId, ElementId)>,
}

impl AdjointNetwork {
    /// Re-stamps the operating point held by `solver` as a linear circuit and injects `cotangent`.
    ///
    /// # Errors
    /// Only if the original circuit has an element with the name of one that is added here.
    pub fn new(
        solver: &Solver,
        op: &OperatingPoint,
        cotangent: &Cotangent,
    ) -> Result<Self, TopologyError> {
        let original = &solver.circuit;
        let mut circuit = Circuit::new(format!("adjoint network of: {}", original.title));
        for (_, node) in original.nodes() {
            circuit.node(&node.name);
        }
        let builder = Builder {
            solver,
            op,
            cotangent,
            circuit,
            carriers: Vec::new(),
        };
        builder.build()
    }

    /// Solves the network and reads `lambda` off it.
    ///
    /// # Errors
    /// As for any circuit.
    pub fn solve(&self, original: &Solver) -> Result<Adjoint, crate::Error> {
        let mut solver = Solver::new(self.circuit.clone())?;
        let op = solver.operating_point()?;
        let system = &original.system;
        let mut adjoint = Adjoint::new(system);
        adjoint.full[..system.node_count()].copy_from_slice(&op.potentials[..system.node_count()]);
        for &(element, carrier) in &self.carriers {
            let current = op.current(&self.circuit, carrier);
            system.set_branch_current(element, current, &mut adjoint.full, &mut adjoint.ties);
        }
        Ok(adjoint)
    }
}

struct Builder<'a> {
    solver: &'a Solver,
    op: &'a OperatingPoint,
    cotangent: &'a Cotangent,
    circuit: Circuit,
    carriers: Vec<(ElementId, ElementId)>,
}

impl Builder<'_> {
    fn build(mut self) -> Result<AdjointNetwork, TopologyError> {
        let original = &self.solver.circuit;
        // Carriers of adjoint branch currents come first: others are controlled by them.
        for (id, element) in original.elements() {
            match element.device {
                Device::Vcvs { .. } | Device::Ccvs { .. } => self.zero_source(id, "v.")?,
                Device::IdealDiode if self.is_on(id) => self.zero_source(id, "v.")?,
                _ => {}
            }
        }
        for (id, _) in original.elements() {
            self.element(id)?;
        }
        self.inject()?;
        Ok(AdjointNetwork {
            circuit: self.circuit,
            carriers: self.carriers,
        })
    }

    fn is_on(&self, id: ElementId) -> bool {
        self.solver.system.ideal_state(&self.solver.workspace, id) == Some(true)
    }

    fn name(&self, id: ElementId) -> Name {
        self.solver.circuit.element(id).name.clone()
    }

    /// A source in the place of the element's branch, of the voltage that the loss asks for.
    fn zero_source(&mut self, id: ElementId, prefix: &str) -> Result<(), TopologyError> {
        let port = self.solver.circuit.element(id).port;
        let voltage =
            self.solver
                .system
                .branch_cotangent(id, &self.cotangent.full, &self.cotangent.ties);
        let name = self.free_name(&format!("{prefix}{}", self.name(id)));
        let carrier = self
            .circuit
            .add(&name, Device::VoltageSource { voltage }, port)?;
        self.carriers.push((id, carrier));
        Ok(())
    }

    /// A name that neither the original circuit nor this one has.
    fn free_name(&self, base: &str) -> String {
        let taken = |name: &str| {
            let original = &self.solver.circuit;
            original.find_element(name).is_some() || self.circuit.find_element(name).is_some()
        };
        let mut name = base.to_string();
        while taken(&name) {
            name.push('_');
        }
        name
    }

    fn carrier(&self, id: ElementId) -> Option<ElementId> {
        self.carriers
            .iter()
            .rev()
            .find(|(element, _)| *element == id)
            .map(|c| c.1)
    }

    fn element(&mut self, id: ElementId) -> Result<(), TopologyError> {
        let element = self.solver.circuit.element(id);
        let name = element.name.as_str();
        let [p, n] = element.port;
        let second = element.second.unwrap_or([NodeId::GROUND; 2]);
        match &element.device {
            Device::Resistor { resistance } if *resistance == 0.0 => self.zero_source(id, "v."),
            Device::Resistor { .. } => self
                .circuit
                .add(name, element.device.clone(), [p, n])
                .map(drop),
            Device::OnePort(one_port) => {
                let conductance = one_port.evaluate(self.op.voltage(p, n)).conductance;
                self.conductance(name, conductance, [p, n])
            }
            Device::VoltageSource { .. } => self.control_source(id),
            Device::CurrentSource { .. } | Device::IdealDiode | Device::Ccvs { .. } => Ok(()),
            Device::Cccs { .. } => Ok(()),
            Device::Vcvs { gain } => {
                let Some(carrier) = self.carrier(id) else {
                    return Ok(());
                };
                let device = Device::Cccs { gain: -gain };
                let name = self.free_name(&format!("f.{name}"));
                self.circuit
                    .add_controlled(&name, device, second, carrier)
                    .map(drop)
            }
            Device::Vccs { .. } => self
                .circuit
                .add_two_port(name, element.device.clone(), second, [p, n])
                .map(drop),
            Device::Gyrator { conductance } => {
                let device = Device::Gyrator {
                    conductance: -conductance,
                };
                self.circuit
                    .add_two_port(name, device, [p, n], second)
                    .map(drop)
            }
            Device::Transformer { .. } => self.transformer(id),
            Device::Behavioural(_) => Ok(()),
        }
    }

    fn conductance(&mut self, name: &str, g: f64, port: [NodeId; 2]) -> Result<(), TopologyError> {
        let resistance = 1.0 / g;
        if g == 0.0 || !resistance.is_finite() {
            return Ok(());
        }
        let name = self.free_name(&format!("r.{name}"));
        self.circuit
            .add(&name, Device::Resistor { resistance }, port)
            .map(drop)
    }

    /// A voltage source in series with one controlled source for each element that it controls.
    fn control_source(&mut self, id: ElementId) -> Result<(), TopologyError> {
        let original = &self.solver.circuit;
        let [p, n] = original.element(id).port;
        let controlled: Vec<_> = original
            .elements()
            .filter(|(_, e)| e.control == Some(id))
            .collect();
        let mut from = if controlled.is_empty() {
            n
        } else {
            self.series_node(id)
        };
        let voltage =
            self.solver
                .system
                .branch_cotangent(id, &self.cotangent.full, &self.cotangent.ties);
        let name = self.name(id);
        let carrier = self
            .circuit
            .add(&name, Device::VoltageSource { voltage }, [p, from])?;
        self.carriers.push((id, carrier));
        for (index, (by, element)) in controlled.iter().enumerate() {
            let last = index + 1 == controlled.len();
            let to = if last { n } else { self.series_node(id) };
            self.series_control(*by, element, [from, to])?;
            from = to;
        }
        Ok(())
    }

    fn series_node(&mut self, id: ElementId) -> NodeId {
        let base = format!("{}.series", self.name(id));
        self.circuit.fresh_node(&base)
    }

    fn series_control(
        &mut self,
        by: ElementId,
        element: &crate::circuit::Element,
        port: [NodeId; 2],
    ) -> Result<(), TopologyError> {
        match (&element.device, self.carrier(by)) {
            (Device::Cccs { gain }, _) => {
                let device = Device::Vcvs { gain: -gain };
                let name = self.free_name(&format!("e.{}", element.name));
                self.circuit
                    .add_two_port(&name, device, port, element.port)
                    .map(drop)
            }
            (Device::Ccvs { .. }, Some(carrier)) => {
                let name = self.free_name(&format!("h.{}", element.name));
                let device = element.device.clone();
                self.circuit
                    .add_controlled(&name, device, port, carrier)
                    .map(drop)
            }
            _ => Ok(()),
        }
    }

    /// A transformer is its own adjoint; a loss on its current is a voltage in series.
    fn transformer(&mut self, id: ElementId) -> Result<(), TopologyError> {
        let element = self.solver.circuit.element(id);
        let [p, n] = element.port;
        let second = element.second.unwrap_or([NodeId::GROUND; 2]);
        let voltage =
            self.solver
                .system
                .branch_cotangent(id, &self.cotangent.full, &self.cotangent.ties);
        let mut port = [p, n];
        if voltage != 0.0 {
            port[0] = self.series_node(id);
            let name = self.free_name(&format!("v.{}", element.name));
            self.circuit
                .add(&name, Device::VoltageSource { voltage }, [p, port[0]])?;
        }
        let device = element.device.clone();
        let carrier = self
            .circuit
            .add_two_port(&element.name.clone(), device, port, second)?;
        self.carriers.push((id, carrier));
        Ok(())
    }

    /// `dL/dv` of each node as a current into it.
    fn inject(&mut self) -> Result<(), TopologyError> {
        for index in 1..self.solver.system.node_count() {
            let current = self.cotangent.full[index];
            if current != 0.0 {
                let node = NodeId::from_index(index);
                let name = format!("i.loss.{}", self.solver.circuit.node_name(node));
                let name = self.free_name(&name);
                let port = [NodeId::GROUND, node];
                self.circuit
                    .add(&name, Device::CurrentSource { current }, port)?;
            }
        }
        Ok(())
    }
}

impl System {
    /// `dL/dj` for the branch current of an element; zero if it has none.
    fn branch_cotangent(&self, id: ElementId, full: &[f64], ties: &[f64]) -> f64 {
        match self.branch_location(id) {
            Some(Ok(index)) => full[index],
            Some(Err(tie)) => ties[tie],
            None => 0.0,
        }
    }

    fn set_branch_current(
        &self,
        id: ElementId,
        current: f64,
        full: &mut [f64],
        ties: &mut BranchCurrents,
    ) {
        match self.branch_location(id) {
            Some(Ok(index)) => full[index] = current,
            Some(Err(tie)) => ties.set(tie, current),
            None => {}
        }
    }
}
