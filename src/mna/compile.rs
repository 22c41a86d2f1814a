//! A circuit compiled for solving.

use std::sync::OnceLock;

use crate::circuit::{Circuit, ElementId, NodeId};
use crate::device::Device;
use crate::linear::{LinearError, Matrix, Method, Symbolic, Way};
use crate::threads::join;

use super::collect::Stamps;
use super::extended::PreciseSymbolic;
use super::forest::{Forest, Tie};
use super::laws::{ControlStamp, LawStamp};
use super::stamps::{Coupling, CurrentStamp, IdealStamp, PairStamp, Place};
use super::strips::Strips;
use super::{FullIndex, Slot, SourceId, Unknown};

/// A circuit compiled for solving: structure only, no element values.
#[derive(Debug)]
pub struct System {
    pub(super) node_count: usize,
    pub(super) order: usize,
    /// Unknown of each entry of the full vector.
    pub(super) unknown: Vec<Unknown>,
    /// Voltage sources and shorts that were eliminated, parents before children.
    pub(super) ties: Vec<Tie>,
    pub(super) conductances: Vec<PairStamp>,
    pub(super) one_ports: Vec<PairStamp>,
    pub(super) ideal_diodes: Vec<IdealStamp>,
    pub(super) couplings: Vec<Coupling>,
    pub(super) current_sources: Vec<CurrentStamp>,
    pub(super) kept_voltage_sources: Vec<(FullIndex, SourceId)>,
    pub(super) laws: Vec<LawStamp>,
    pub(super) controls: Vec<ControlStamp>,
    pub(super) source_elements: Vec<ElementId>,
    /// Per element: its index in the list of its kind.
    pub(super) place: Vec<Place>,
    /// Slot of the diagonal entry of each node unknown.
    pub(super) diagonal: Vec<Slot>,
    pub(super) node_unknowns: usize,
    /// One where an entry is never zero, zero elsewhere.
    pub(super) pattern: Matrix,
    pub(super) method: Method,
    pub(super) way: Way,
    /// Made when it is first needed.
    pub(super) symbolic: OnceLock<Symbolic>,
    /// Made when it is first needed.
    pub(super) precise_symbolic: OnceLock<PreciseSymbolic>,
    pub(super) is_reciprocal: bool,
    /// Made when it is first needed.
    pub(super) strips: OnceLock<Strips>,
}

impl System {
    /// Compiles a circuit whose topology [has been checked](Circuit::check).
    ///
    /// # Errors
    /// Only if memory runs out in the symbolic analysis.
    pub fn compile(circuit: &Circuit) -> Result<Self, LinearError> {
        let system = Self::put_off(circuit);
        system.analyze()?;
        Ok(system)
    }

    /// The same, with the symbolic analysis put off until something is solved.
    pub fn put_off(circuit: &Circuit) -> Self {
        Self::without_analysis(circuit, false)
    }

    /// The same for LU, whatever the circuit allows: to compare the methods.
    pub fn for_lu(circuit: &Circuit) -> Self {
        Self::without_analysis(circuit, true)
    }

    /// The same with equations that are positive definite solved in this way: to compare the methods.
    pub fn solved_by(circuit: &Circuit, way: Way) -> Self {
        Self {
            way,
            ..Self::without_analysis(circuit, false)
        }
    }

    fn without_analysis(circuit: &Circuit, is_general: bool) -> Self {
        let sensed = sensed_sources(circuit);
        let ((forest, stamps), (spd, is_reciprocal)) = join(
            circuit.element_count(),
            || {
                let forest = Forest::grow(circuit, &sensed);
                let stamps = Stamps::collect(circuit, &forest, &sensed);
                (forest, stamps)
            },
            || {
                let spd = !is_general && is_positive_definite(circuit, &sensed);
                (spd, circuit.is_reciprocal())
            },
        );
        stamps.assemble(forest, spd, is_reciprocal)
    }

    /// The order of elimination and the pattern of the factors; a large crossbar's take a while.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn analyze(&self) -> Result<&Symbolic, LinearError> {
        if self.symbolic.get().is_none() {
            // Another thread may have been faster: both made the same.
            let way = match self.way {
                Way::Best if self.is_linear() => Way::Once,
                way => way,
            };
            let symbolic = Symbolic::analyze(&self.pattern, self.method, way)?;
            let _ = self.symbolic.set(symbolic);
        }
        let order = self.order;
        self.symbolic
            .get()
            .ok_or(LinearError::OutOfMemory { order })
    }

    /// The analysis for elimination without the loss of a digit.
    pub(super) fn precise_symbolic(&self) -> Result<&PreciseSymbolic, LinearError> {
        if self.precise_symbolic.get().is_none() {
            // Another thread may have been faster: both made the same.
            let symbolic = PreciseSymbolic::analyze(&self.pattern, self.method())?;
            let _ = self.precise_symbolic.set(symbolic);
        }
        let order = self.order;
        let symbolic = self.precise_symbolic.get();
        symbolic.ok_or(LinearError::OutOfMemory { order })
    }

    pub(super) fn strips(&self) -> &Strips {
        self.strips.get_or_init(|| Strips::of(self))
    }

    /// Number of reduced unknowns.
    pub fn order(&self) -> usize {
        self.order
    }

    /// Nonzeros of the reduced matrix as stored (lower triangle for Cholesky).
    pub fn nonzeros(&self) -> usize {
        self.pattern.nnz()
    }

    pub fn method(&self) -> Method {
        self.method
    }

    pub fn node_count(&self) -> usize {
        self.node_count
    }

    /// True if a co-content exists, so that the operating point is its minimum.
    pub fn is_reciprocal(&self) -> bool {
        self.is_reciprocal
    }

    /// True if one linear solve gives the operating point.
    pub fn is_linear(&self) -> bool {
        self.one_ports.is_empty() && self.ideal_diodes.is_empty() && self.laws.is_empty()
    }

    /// The V and I elements, in the order of the vector of source values.
    pub fn source_elements(&self) -> &[ElementId] {
        &self.source_elements
    }

    /// Largest voltage (V) and largest current (A) of the independent sources in `workspace`.
    pub fn largest_sources(&self, workspace: &super::Workspace) -> (f64, f64) {
        let mut is_current = vec![false; workspace.sources.len()];
        for stamp in &self.current_sources {
            is_current[stamp.source.index()] = true;
        }
        let mut largest = (0.0f64, 0.0f64);
        for (value, is_current) in workspace.sources.iter().zip(is_current) {
            let size = if is_current {
                &mut largest.1
            } else {
                &mut largest.0
            };
            *size = size.max(value.abs());
        }
        largest
    }

    /// Number of unknowns that are node potentials; kept branch currents follow them.
    pub fn node_unknown_count(&self) -> usize {
        self.node_unknowns
    }

    /// True if every unknown is a node potential.
    pub fn has_only_nodes(&self) -> bool {
        self.order == self.node_unknowns
    }

    pub fn has_ideal_diodes(&self) -> bool {
        !self.ideal_diodes.is_empty()
    }

    /// Positive and negative node of each nonlinear one-port.
    pub fn one_port_nodes(&self) -> impl Iterator<Item = [NodeId; 2]> + '_ {
        self.one_ports.iter().map(|stamp| [stamp.p, stamp.n])
    }

    /// Voltage (V) and current (A) of ideal diode `index` in the iterate of `workspace`.
    pub fn ideal_diode(&self, workspace: &super::Workspace, index: usize) -> (f64, f64) {
        let stamp = &self.ideal_diodes[index];
        (
            workspace.voltage(stamp.p, stamp.n),
            workspace.full[stamp.branch.index()],
        )
    }

    /// Sizes of the currents (A) that meet at the nodes of ideal diode `index`, the smaller of the two
    /// sums, and of its potentials (V). The scales must have been measured.
    pub fn around_ideal_diode(&self, workspace: &super::Workspace, index: usize) -> (f64, f64) {
        let stamp = &self.ideal_diodes[index];
        let nodes = [stamp.p, stamp.n].map(NodeId::index);
        let [p, n] = nodes.map(|node| workspace.full_scales[node].magnitude);
        let volts = nodes.map(|node| workspace.full[node].abs());
        (p.min(n), volts[0].max(volts[1]))
    }

    /// A node that the unknown `index` belongs to: its own, or the positive node of its branch.
    pub fn node_of_unknown(&self, index: usize) -> NodeId {
        let full = self
            .unknown
            .iter()
            .position(|u| u.index() == index)
            .unwrap_or(0);
        if full < self.node_count {
            return NodeId::from_index(full);
        }
        let at_branch = |c: &&Coupling| c.column.index() == full && c.row.index() < self.node_count;
        let ideal = self
            .ideal_diodes
            .iter()
            .find(|s| s.branch.index() == full)
            .map(|s| s.p);
        let coupled = self.couplings.iter().find(at_branch);
        ideal
            .or(coupled.map(|c| NodeId::from_index(c.row.index())))
            .unwrap_or(NodeId::GROUND)
    }

    /// The unknown that carries a node's potential, if it is not held by sources.
    pub fn node_unknown(&self, node: NodeId) -> Option<Unknown> {
        Some(self.unknown[node.index()]).filter(|u| u.is_some())
    }
}

/// Voltage sources and resistors whose current controls another element keep it as an unknown.
pub(super) fn sensed_sources(circuit: &Circuit) -> Vec<bool> {
    let mut sensed = vec![false; circuit.element_count()];
    for control in circuit.sensed_elements() {
        sensed[control.index()] = true;
    }
    sensed
}

/// R, D, V, I and piecewise-linear circuits reduce to a symmetric positive definite system as long
/// as no conductance is negative.
fn is_positive_definite(circuit: &Circuit, sensed: &[bool]) -> bool {
    circuit.elements().all(|(id, e)| match e.device {
        Device::VoltageSource { .. } => !sensed[id.index()],
        Device::Resistor { resistance } => resistance >= 0.0 && !sensed[id.index()],
        Device::CurrentSource { .. } | Device::OnePort(_) => true,
        _ => false,
    })
}
