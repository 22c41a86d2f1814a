//! Currents that the reduction eliminated, and the transposed residual of the adjoint network.

use crate::circuit::{Circuit, ElementId, NodeId};

use super::precise::{two_product, two_sum};
use super::stamps::Place;
use super::workspace::Workspace;
use super::{System, Values};

/// Currents of eliminated voltage sources and shorts (A), by tie.
#[derive(Clone, Debug)]
pub struct BranchCurrents {
    currents: Vec<f64>,
    /// What is left over at each node, A.
    surplus: Vec<f64>,
}

impl BranchCurrents {
    pub fn zero(system: &System) -> Self {
        Self {
            currents: vec![0.0; system.ties.len()],
            surplus: vec![0.0; system.full_len()],
        }
    }

    /// The currents that the residual of a converged workspace asks for.
    pub fn of_workspace(system: &System, workspace: &Workspace) -> Self {
        let mut currents = Self::zero(system);
        currents.recover(system, &workspace.residual);
        currents.move_surplus(system, workspace);
        currents
    }

    /// What rounding leaves of the sum over a tree of tied nodes shows at one of them. That is where the
    /// largest currents meet, not the root, where it may be large beside all there is. Scales must have
    /// been measured.
    fn move_surplus(&mut self, system: &System, workspace: &Workspace) {
        if !system.has_floating_ties() {
            return;
        }
        let has_unknown = |node: NodeId| system.unknown[node.index()].is_some();
        let size = |node: usize| workspace.full_scales[node].magnitude;
        let mut heaviest: Vec<usize> = (0..system.node_count).collect();
        for tie in system.ties.iter().rev() {
            let [node, parent] = [tie.node, tie.parent].map(NodeId::index);
            if size(heaviest[node]) > size(heaviest[parent]) {
                heaviest[parent] = heaviest[node];
            }
        }
        for (current, tie) in self.currents.iter_mut().zip(&system.ties) {
            let [node, parent] = [tie.node, tie.parent].map(NodeId::index);
            if heaviest[node] == heaviest[parent] && has_unknown(tie.parent) {
                let left = std::mem::take(&mut self.surplus[parent]);
                *current += tie.sign * left;
                self.surplus[node] = left;
            }
        }
    }

    /// Walks the trees of tied nodes from the leaves: what Kirchhoff's current law leaves over at a
    /// node flows through its tie. `leaving` holds the currents leaving each node without the ties.
    pub fn recover(&mut self, system: &System, leaving: &[f64]) {
        self.surplus.copy_from_slice(leaving);
        for (current, tie) in self.currents.iter_mut().zip(&system.ties).rev() {
            let surplus = std::mem::take(&mut self.surplus[tie.node.index()]);
            *current = -tie.sign * surplus;
            self.surplus[tie.parent.index()] += surplus;
        }
    }

    pub fn get(&self, tie: usize) -> f64 {
        self.currents[tie]
    }

    pub(crate) fn set(&mut self, tie: usize, value: f64) {
        self.currents[tie] = value;
    }
}

impl System {
    /// Where the branch current of an element lives: `Ok(full index)` or `Err(tie)`.
    pub(crate) fn branch_location(&self, id: ElementId) -> Option<Result<usize, usize>> {
        match self.place[id.index()] {
            Place::Ideal(k) => Some(Ok(self.ideal_diodes[k as usize].branch.index())),
            Place::Tie(k) => Some(Err(k as usize)),
            Place::Law(k) => self.laws[k as usize].branch.map(|b| Ok(b.index())),
            Place::Coupled {
                branch: Some(b), ..
            } => Some(Ok(self.node_count + b.0 as usize)),
            _ => None,
        }
    }

    /// Whether voltage sources or shorts tie nodes together none of which has a prescribed potential.
    pub(crate) fn has_floating_ties(&self) -> bool {
        let mut parents = self.ties.iter().map(|tie| tie.parent.index());
        parents.any(|parent| self.unknown[parent].is_some())
    }

    /// State of an ideal diode; none for other elements.
    pub fn ideal_state(&self, workspace: &Workspace, id: ElementId) -> Option<bool> {
        match self.place[id.index()] {
            Place::Ideal(k) => Some(workspace.conducting[k as usize]),
            _ => None,
        }
    }

    /// Current p -> n of the (first) port of an element at the iterate of `workspace`, A.
    pub fn current(
        &self,
        circuit: &Circuit,
        values: &Values,
        workspace: &Workspace,
        ties: &BranchCurrents,
        id: ElementId,
    ) -> f64 {
        let [p, n] = circuit.element(id).port;
        match self.place[id.index()] {
            Place::Conductance(k) => values.conductances[k as usize] * workspace.voltage(p, n),
            Place::OnePort(k) => {
                let beyond = workspace.voltage(p, n) - workspace.points[k as usize];
                let companion = workspace.companions[k as usize];
                companion.current + companion.conductance * beyond
            }
            Place::Ideal(k) => workspace.full[self.ideal_diodes[k as usize].branch.index()],
            Place::Tie(k) => ties.get(k as usize),
            Place::RedundantShort => 0.0,
            Place::Current(k) => workspace.sources[self.current_sources[k as usize].source.index()],
            Place::Law(k) => {
                let stamp = &self.laws[k as usize];
                match stamp.branch {
                    Some(branch) => workspace.full[branch.index()],
                    None => workspace.laws.value(
                        k as usize,
                        stamp,
                        self,
                        (&workspace.full, &workspace.low),
                    ),
                }
            }
            Place::Coupled {
                branch: Some(branch),
                ..
            } => workspace.full[self.node_count + branch.0 as usize],
            Place::Coupled {
                first,
                branch: None,
            } => self.coupled_current(circuit, values, workspace, id, first, 0),
        }
    }

    /// Current p -> n of the second port of a transformer or gyrator, A.
    pub fn second_current(
        &self,
        circuit: &Circuit,
        values: &Values,
        workspace: &Workspace,
        id: ElementId,
    ) -> f64 {
        match self.place[id.index()] {
            Place::Coupled { first, .. } => {
                self.coupled_current(circuit, values, workspace, id, first, 1)
            }
            _ => 0.0,
        }
    }

    /// Sums the entries that make the current of one port.
    fn coupled_current(
        &self,
        circuit: &Circuit,
        values: &Values,
        workspace: &Workspace,
        id: ElementId,
        first: u32,
        port: u32,
    ) -> f64 {
        let (mut sum, mut low) = (0.0, 0.0);
        for k in self.port_entries(circuit, id, first, port) {
            let (c, column) = (values.coefficients[k], self.couplings[k].column.index());
            let (product, rest) = two_product(c, workspace.full[column]);
            let (high, error) = two_sum(sum, product);
            sum = high;
            low += error + rest + c * workspace.low[column];
        }
        sum + low
    }
}
