//! The numbers of a system: element values in the form that loading wants.

use crate::circuit::{Circuit, NodeId};
use crate::device::{Behavioural, Device, OnePort, PlainDiode};

use super::plain::plain;
use super::{Entries, System};

/// Element values of one circuit for its [`System`]; shared by all samples of a batch.
#[derive(Clone, Debug)]
pub struct Values {
    /// Voltage (V) or current (A) of each independent source.
    pub sources: Vec<f64>,
    /// Conductance of each resistor, S.
    pub(super) conductances: Vec<f64>,
    pub(super) one_ports: Vec<OnePort>,
    /// The same if all are plain diodes; otherwise empty.
    pub(super) plain: Vec<PlainDiode>,
    pub(super) laws: Vec<Behavioural>,
    pub(super) coefficients: Vec<f64>,
    /// Potentials (V) to pull nodes to before a cold start.
    pub(super) nodeset: Vec<(NodeId, f64)>,
    /// Nonzeros of the reduced Jacobian of all linear elements.
    pub(super) base: Vec<f64>,
    /// A typical conductance of the circuit, S: the geometric mean over its resistors.
    pub(super) typical_conductance: f64,
    /// Sum over all resistors, S.
    pub(super) total_conductance: f64,
}

impl Values {
    pub fn new(system: &System, circuit: &Circuit) -> Self {
        let mut values = Self {
            sources: vec![0.0; system.source_elements.len()],
            conductances: vec![0.0; system.conductances.len()],
            one_ports: Vec::new(),
            plain: Vec::new(),
            laws: Vec::new(),
            coefficients: vec![0.0; system.couplings.len()],
            nodeset: Vec::new(),
            base: vec![0.0; system.pattern.nnz()],
            typical_conductance: 1e-3,
            total_conductance: 0.0,
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
        self.one_ports.reserve_exact(system.one_ports.len());
        self.one_ports
            .extend(system.one_ports.iter().filter_map(|stamp| {
                match &circuit.element(stamp.element).device {
                    Device::OnePort(one_port) => Some((**one_port).clone()),
                    _ => None,
                }
            }));
        self.plain = plain(&self.one_ports);
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
        self.typical_conductance = typical(self.conductances.iter().copied());
        self.total_conductance = self.conductances.iter().map(|g| g.abs()).sum();
    }

    /// Conductance of each resistor, S.
    pub fn conductances(&self) -> &[f64] {
        &self.conductances
    }

    /// Laws of the nonlinear one-ports, in the order of the workspace's companions.
    pub fn one_ports(&self) -> &[OnePort] {
        &self.one_ports
    }

    /// True if some nodes have a potential to start from.
    pub fn has_nodeset(&self) -> bool {
        !self.nodeset.is_empty()
    }

    /// Largest over smallest conductance of the circuit's resistors.
    pub fn conductance_spread(&self) -> f64 {
        let sizes = self.conductances.iter().map(|g| g.abs());
        let (low, high) = sizes.fold((f64::INFINITY, 0.0f64), |(low, high), g| {
            (low.min(g), high.max(g))
        });
        high / low.min(high)
    }

    /// Geometric mean of the conductances of the circuit's resistors, S.
    pub fn typical_conductance(&self) -> f64 {
        self.typical_conductance
    }

    fn load_base(&mut self, system: &System) {
        let mut base = std::mem::take(&mut self.base);
        base.fill(0.0);
        self.load_linear(system, base.as_mut_slice());
        self.base = base;
    }

    /// Adds the linear elements to the entries of the reduced Jacobian.
    pub(super) fn load_linear(&self, system: &System, entries: &mut (impl Entries + ?Sized)) {
        for (stamp, &g) in system.conductances.iter().zip(&self.conductances) {
            stamp.add(entries, g);
        }
        for (coupling, &value) in system.couplings.iter().zip(&self.coefficients) {
            coupling.slot.add(entries, value);
        }
    }
}

/// Geometric mean of conductances, S.
pub(crate) fn typical(conductances: impl Iterator<Item = f64>) -> f64 {
    let logs = conductances.map(|g| g.abs().ln());
    let logs = logs.filter(|l| l.is_finite());
    let (sum, count) = logs.fold((0.0, 0usize), |(s, n), l| (s + l, n + 1));
    if count == 0 {
        1e-3
    } else {
        (sum / count as f64).exp()
    }
}

impl super::stamps::PairStamp {
    #[inline]
    pub(super) fn add(&self, entries: &mut (impl Entries + ?Sized), g: f64) {
        entries.add_pair([self.pp, self.nn, self.pn, self.np], g);
    }
}
