//! The numbers of a system: element values in the form that loading wants.

use crate::circuit::{Circuit, NodeId};
use crate::device::{Behavioural, Device, OnePort};

use super::System;

/// Element values of one circuit for its [`System`]; shared by all samples of a batch.
#[derive(Clone, Debug)]
pub struct Values {
    /// Voltage (V) or current (A) of each independent source.
    pub sources: Vec<f64>,
    /// Conductance of each resistor, S.
    pub(super) conductances: Vec<f64>,
    pub(super) one_ports: Vec<OnePort>,
    pub(super) laws: Vec<Behavioural>,
    pub(super) coefficients: Vec<f64>,
    /// Potentials (V) to pull nodes to before a cold start.
    pub(super) nodeset: Vec<(NodeId, f64)>,
    /// Nonzeros of the reduced Jacobian of all linear elements.
    pub(super) base: Vec<f64>,
    /// A typical conductance of the circuit, S: the geometric mean over its resistors.
    pub(super) typical_conductance: f64,
}

impl Values {
    pub fn new(system: &System, circuit: &Circuit) -> Self {
        let mut values = Self {
            sources: vec![0.0; system.source_elements.len()],
            conductances: vec![0.0; system.conductances.len()],
            one_ports: Vec::new(),
            laws: Vec::new(),
            coefficients: vec![0.0; system.couplings.len()],
            nodeset: Vec::new(),
            base: vec![0.0; system.pattern.nnz()],
            typical_conductance: 1e-3,
        };
        values.update(system, circuit);
        values
    }

    /// Reads all values of the circuit again. A resistor must not become or cease to be a short.
    pub fn update(&mut self, system: &System, circuit: &Circuit) {
        for (value, &id) in self.sources.iter_mut().zip(&system.source_elements) {
            *value = match circuit.element(id).device {
                Device::VoltageSource { voltage } => voltage,
                Device::CurrentSource { current } => current,
                _ => 0.0,
            };
        }
        for (g, stamp) in self.conductances.iter_mut().zip(&system.conductances) {
            if let Device::Resistor { resistance } = circuit.element(stamp.element).device {
                *g = 1.0 / resistance;
            }
        }
        self.one_ports.clear();
        self.one_ports
            .extend(system.one_ports.iter().filter_map(|stamp| {
                match &circuit.element(stamp.element).device {
                    Device::OnePort(one_port) => Some((**one_port).clone()),
                    _ => None,
                }
            }));
        self.laws.clear();
        self.laws.extend(system.laws.iter().filter_map(|stamp| {
            match &circuit.element(stamp.element).device {
                Device::Behavioural(source) => Some((**source).clone()),
                _ => None,
            }
        }));
        self.nodeset.clone_from(&circuit.nodeset);
        for (value, coupling) in self.coefficients.iter_mut().zip(&system.couplings) {
            let device = &circuit.element(coupling.element).device;
            let factor = coupling
                .parameter
                .and_then(|p| device.value(p))
                .unwrap_or(1.0);
            *value = coupling.sign * factor;
        }
        self.load_base(system);
        self.typical_conductance = typical(&self.conductances);
    }

    /// Laws of the nonlinear one-ports, in the order of the workspace's companions.
    pub fn one_ports(&self) -> &[OnePort] {
        &self.one_ports
    }

    /// True if some nodes have a potential to start from.
    pub fn has_nodeset(&self) -> bool {
        !self.nodeset.is_empty()
    }

    /// Geometric mean of the conductances of the circuit's resistors, S.
    pub fn typical_conductance(&self) -> f64 {
        self.typical_conductance
    }

    fn load_base(&mut self, system: &System) {
        self.base.fill(0.0);
        for (stamp, &g) in system.conductances.iter().zip(&self.conductances) {
            stamp.add(&mut self.base, g);
        }
        for (coupling, &value) in system.couplings.iter().zip(&self.coefficients) {
            coupling.slot.add(&mut self.base, value);
        }
    }
}

fn typical(conductances: &[f64]) -> f64 {
    let logs = conductances
        .iter()
        .map(|g| g.abs().ln())
        .filter(|l| l.is_finite());
    let (sum, count) = logs.fold((0.0, 0usize), |(s, n), l| (s + l, n + 1));
    if count == 0 {
        1e-3
    } else {
        (sum / count as f64).exp()
    }
}

impl super::stamps::PairStamp {
    #[inline]
    pub(super) fn add(&self, values: &mut [f64], g: f64) {
        self.pp.add(values, g);
        self.nn.add(values, g);
        self.pn.add(values, -g);
        self.np.add(values, -g);
    }
}
