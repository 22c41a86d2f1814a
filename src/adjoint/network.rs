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
//! | behavioural source | as one E, F, G or H for each control, its slope there as the gain |
//! | output `v(p,n)` of weight w | current source w from n to p |

use std::collections::HashMap;

use crate::analysis::{OperatingPoint, Solver};
use crate::circuit::{Circuit, Control, Element, ElementId, NodeId, TopologyError};
use crate::device::{Device, Quantity};
use crate::mna::{BranchCurrents, System};
use crate::netlist::Name;

use super::{Adjoint, Cotangent};

/// The linear circuit whose potentials and branch currents are `lambda`.
#[derive(Clone, Debug)]
pub struct AdjointNetwork {
    pub circuit: Circuit,
    /// For elements of the original circuit with an adjoint branch current: who carries it here.
    carriers: Vec<(ElementId, ElementId)>,
    /// Nonlinear one-ports of the original circuit, each with the resistor in its place.
    pub conductances: Vec<(ElementId, ElementId)>,
    /// Current sources of the loss, from ground into these nodes.
    pub injections: Vec<(NodeId, ElementId)>,
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
            sensing: sensing(solver),
            carriers: Vec::new(),
            conductances: Vec::new(),
            injections: Vec::new(),
        };
        builder.build()
    }

    /// The element here whose current is the adjoint branch current of an original one.
    pub fn carrier(&self, original: ElementId) -> Option<ElementId> {
        let found = self.carriers.iter().find(|(id, _)| *id == original);
        found.map(|(_, carrier)| *carrier)
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
    /// What is controlled by the current of an element.
    sensing: HashMap<ElementId, Vec<Sensing>>,
    carriers: Vec<(ElementId, ElementId)>,
    conductances: Vec<(ElementId, ElementId)>,
    injections: Vec<(NodeId, ElementId)>,
}

/// An element that a current controls, and how strongly: `d i/d i` or `d v/d i` (ohm).
#[derive(Clone, Copy, Debug)]
struct Sensing {
    by: ElementId,
    quantity: Quantity,
    slope: f64,
}

fn sensing(solver: &Solver) -> HashMap<ElementId, Vec<Sensing>> {
    let mut sensing: HashMap<_, Vec<_>> = HashMap::new();
    for (by, element) in solver.circuit.elements() {
        let (quantity, control, slope) = match &element.device {
            Device::Cccs { gain } => (Quantity::Current, element.control(), *gain),
            Device::Ccvs { transresistance } => {
                (Quantity::Voltage, element.control(), *transresistance)
            }
            Device::Behavioural(source) => {
                let quantity = source.quantity;
                for (control, slope) in solver.controls(by, &element) {
                    if let Control::Current(id) = control {
                        let item = Sensing {
                            by,
                            quantity,
                            slope,
                        };
                        sensing.entry(id).or_default().push(item);
                    }
                }
                continue;
            }
            _ => continue,
        };
        if let Some(id) = control {
            let item = Sensing {
                by,
                quantity,
                slope,
            };
            sensing.entry(id).or_default().push(item);
        }
    }
    sensing
}

impl Solver {
    /// Controls of a behavioural source with its slopes to them.
    fn controls<'a>(
        &'a self,
        id: ElementId,
        element: &'a Element,
    ) -> impl Iterator<Item = (Control, f64)> + 'a {
        let slopes = self.system.law_slopes(&self.workspace, id).unwrap_or(&[]);
        element
            .controls()
            .iter()
            .copied()
            .zip(slopes.iter().copied())
    }
}

impl Builder<'_> {
    fn build(mut self) -> Result<AdjointNetwork, TopologyError> {
        let original = &self.solver.circuit;
        // Carriers of adjoint branch currents come first: others are controlled by them.
        let mut chains = Vec::new();
        for (id, element) in original.elements() {
            if self.is_carried(id, &element.device) {
                let [p, n] = element.port;
                let end = if self.sensing.contains_key(&id) {
                    self.series_node(id)
                } else {
                    n
                };
                self.carry(id, [p, end])?;
                let end = self.series_resistance(id, &element.device, end)?;
                chains.push((id, [end, n]));
            }
        }
        for (id, ends) in chains {
            self.chain(id, ends)?;
        }
        for (id, _) in original.elements() {
            self.element(id)?;
        }
        self.inject()?;
        Ok(AdjointNetwork {
            circuit: self.circuit,
            carriers: self.carriers,
            conductances: self.conductances,
            injections: self.injections,
        })
    }

    fn is_on(&self, id: ElementId) -> bool {
        self.solver.system.ideal_state(&self.solver.workspace, id) == Some(true)
    }

    fn name(&self, id: ElementId) -> Name {
        self.solver.circuit.element(id).name()
    }

    /// True if a source takes the place of the element's branch.
    fn is_carried(&self, id: ElementId, device: &Device) -> bool {
        match device {
            Device::Transformer { .. } => false,
            Device::IdealDiode => self.is_on(id),
            _ => self.solver.system.branch_location(id).is_some(),
        }
    }

    /// The voltage that the loss asks for in the element's branch.
    fn branch_voltage(&self, id: ElementId) -> f64 {
        let Cotangent { full, ties, .. } = self.cotangent;
        self.solver.system.branch_cotangent(id, full, ties)
    }

    /// A source in the place of the element's branch, of the voltage that the loss asks for.
    fn carry(&mut self, id: ElementId, port: [NodeId; 2]) -> Result<(), TopologyError> {
        let voltage = self.branch_voltage(id);
        let own = self.name(id);
        let name = match self.solver.circuit.element(id).device {
            Device::VoltageSource { .. } => own.to_string(),
            _ => self.free_name(&format!("v.{own}")),
        };
        let device = Device::VoltageSource { voltage };
        let carrier = self.circuit.add(&name, device, port)?;
        self.carriers.push((id, carrier));
        Ok(())
    }

    /// The resistance of a branch whose current is sensed; returns its far end.
    fn series_resistance(
        &mut self,
        id: ElementId,
        device: &Device,
        from: NodeId,
    ) -> Result<NodeId, TopologyError> {
        match device {
            Device::Resistor { resistance } if *resistance != 0.0 => {
                let to = self.series_node(id);
                let name = self.name(id);
                self.circuit.add(&name, device.clone(), [from, to])?;
                Ok(to)
            }
            _ => Ok(from),
        }
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
        let name = element.name();
        let name = name.as_str();
        let [p, n] = element.port;
        let second = element.second().unwrap_or([NodeId::GROUND; 2]);
        match &element.device {
            Device::Resistor { resistance } if *resistance != 0.0 && self.carrier(id).is_none() => {
                self.circuit
                    .add(name, element.device.clone(), [p, n])
                    .map(drop)
            }
            Device::OnePort(one_port) => {
                let conductance = one_port.evaluate(self.op.voltage(p, n)).conductance;
                self.conductance(id, conductance, [p, n])
            }
            Device::Vcvs { gain } => self.drain(id, *gain, second),
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
            Device::Behavioural(source) => self.law(id, source.quantity),
            Device::Resistor { .. }
            | Device::VoltageSource { .. }
            | Device::CurrentSource { .. }
            | Device::IdealDiode
            | Device::Cccs { .. }
            | Device::Ccvs { .. } => Ok(()),
        }
    }

    /// What a gain from the voltage of `control` to that of an element becomes: a current at `control`,
    /// `-gain` times that of the element's carrier.
    fn drain(
        &mut self,
        id: ElementId,
        gain: f64,
        control: [NodeId; 2],
    ) -> Result<(), TopologyError> {
        let Some(carrier) = self.carrier(id) else {
            return Ok(());
        };
        let name = self.free_name(&format!("f.{}", self.name(id)));
        let device = Device::Cccs { gain: -gain };
        self.circuit
            .add_controlled(&name, device, control, carrier)
            .map(drop)
    }

    /// The control voltages of a behavioural source; its control currents are in chains.
    fn law(&mut self, id: ElementId, quantity: Quantity) -> Result<(), TopologyError> {
        let solver = self.solver;
        let element = solver.circuit.element(id);
        for (control, slope) in solver.controls(id, &element) {
            match (control, quantity) {
                (Control::Voltage(_), _) if slope == 0.0 => {}
                (Control::Voltage(pair), Quantity::Voltage) => self.drain(id, slope, pair)?,
                (Control::Voltage(pair), Quantity::Current) => {
                    let name = self.free_name(&format!("g.{}", element.name()));
                    let device = Device::Vccs {
                        transconductance: slope,
                    };
                    self.circuit
                        .add_two_port(&name, device, pair, element.port)?;
                }
                (Control::Current(_), _) => {}
            }
        }
        Ok(())
    }

    fn conductance(
        &mut self,
        id: ElementId,
        g: f64,
        port: [NodeId; 2],
    ) -> Result<(), TopologyError> {
        let resistance = 1.0 / g;
        if g == 0.0 || !resistance.is_finite() {
            return Ok(());
        }
        let name = self.free_name(&format!("r.{}", self.name(id)));
        let stand_in = self
            .circuit
            .add(&name, Device::Resistor { resistance }, port)?;
        self.conductances.push((id, stand_in));
        Ok(())
    }

    /// Controlled sources in series, one for each control by the element's current.
    fn chain(&mut self, id: ElementId, [mut from, n]: [NodeId; 2]) -> Result<(), TopologyError> {
        let sensing = self.sensing.get(&id).cloned().unwrap_or_default();
        for (index, &item) in sensing.iter().enumerate() {
            let last = index + 1 == sensing.len();
            let to = if last { n } else { self.series_node(id) };
            self.link(item, [from, to])?;
            from = to;
        }
        Ok(())
    }

    fn series_node(&mut self, id: ElementId) -> NodeId {
        let base = format!("{}.series", self.name(id));
        self.circuit.fresh_node(&base)
    }

    fn link(&mut self, sensing: Sensing, port: [NodeId; 2]) -> Result<(), TopologyError> {
        let Sensing {
            by,
            quantity,
            slope,
        } = sensing;
        let element = self.solver.circuit.element(by);
        match (quantity, self.carrier(by)) {
            (Quantity::Current, _) => {
                let device = Device::Vcvs { gain: -slope };
                let name = self.free_name(&format!("e.{}", element.name()));
                self.circuit
                    .add_two_port(&name, device, port, element.port)
                    .map(drop)
            }
            (Quantity::Voltage, Some(carrier)) => {
                let device = Device::Ccvs {
                    transresistance: slope,
                };
                let name = self.free_name(&format!("h.{}", element.name()));
                self.circuit
                    .add_controlled(&name, device, port, carrier)
                    .map(drop)
            }
            (Quantity::Voltage, None) => Ok(()),
        }
    }

    /// A transformer is its own adjoint; a loss on its current is a voltage in series, and so is what
    /// its current controls.
    fn transformer(&mut self, id: ElementId) -> Result<(), TopologyError> {
        let element = self.solver.circuit.element(id);
        let [p, n] = element.port;
        let second = element.second().unwrap_or([NodeId::GROUND; 2]);
        let voltage = self.branch_voltage(id);
        let mut port = [p, n];
        if voltage != 0.0 {
            port[0] = self.series_node(id);
            let name = self.free_name(&format!("v.{}", element.name()));
            self.circuit
                .add(&name, Device::VoltageSource { voltage }, [p, port[0]])?;
        }
        if self.sensing.contains_key(&id) {
            let from = port[0];
            port[0] = self.series_node(id);
            self.chain(id, [from, port[0]])?;
        }
        let device = element.device.clone();
        let carrier = self
            .circuit
            .add_two_port(&element.name(), device, port, second)?;
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
                let source = self
                    .circuit
                    .add(&name, Device::CurrentSource { current }, port)?;
                self.injections.push((node, source));
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
