//! The residual `F(z)`, its scale, and the step from reduced to full unknowns.

use crate::circuit::NodeId;

use super::workspace::{Scale, Workspace};
use super::{System, Values};

impl Workspace {
    /// Voltage between two nodes in the iterate, V.
    #[inline]
    pub fn voltage(&self, p: NodeId, n: NodeId) -> f64 {
        self.full[p.index()] - self.full[n.index()]
    }

    /// Makes the potentials of tied nodes agree with the sources.
    pub fn apply_ties(&mut self, system: &System) {
        self.full[0] = 0.0;
        for tie in &system.ties {
            let source = tie.source.map_or(0.0, |s| self.sources[s.index()]);
            let parent = self.full[tie.parent.index()];
            self.full[tie.node.index()] = parent + tie.sign * self.source_factor * source;
        }
    }

    /// `z += t * step` with the step in [`Workspace::reduced`]; tied nodes follow.
    pub fn advance(&mut self, system: &System, t: f64) {
        for (value, unknown) in self.full.iter_mut().zip(&system.unknown) {
            if let Some(step) = self.reduced.get(unknown.index()) {
                *value += t * step;
            }
        }
        self.apply_ties(system);
    }

    /// Fills [`Workspace::residual`] with the residual of the circuit whose one-ports are replaced
    /// by their companion models, and [`Workspace::reduced`] with its reduction.
    pub fn evaluate_residual(&mut self, system: &System, values: &Values) {
        self.residual.fill(0.0);
        self.add_two_terminal_currents(system, values);
        for (coupling, &c) in system.couplings.iter().zip(&values.coefficients) {
            self.residual[coupling.row.index()] += c * self.full[coupling.column.index()];
        }
        for &(row, source) in &system.kept_voltage_sources {
            self.residual[row.index()] -= self.source_factor * self.sources[source.index()];
        }
        for (stamp, &on) in system.ideal_diodes.iter().zip(&self.conducting) {
            let current = self.full[stamp.branch.index()];
            let voltage = self.voltage(stamp.p, stamp.n);
            self.residual[stamp.p.index()] += current;
            self.residual[stamp.n.index()] -= current;
            self.residual[stamp.branch.index()] = if on { voltage } else { current };
        }
        self.reduce(system);
    }

    fn add_two_terminal_currents(&mut self, system: &System, values: &Values) {
        for (stamp, &g) in system.conductances.iter().zip(&values.conductances) {
            let current = g * self.voltage(stamp.p, stamp.n);
            self.residual[stamp.p.index()] += current;
            self.residual[stamp.n.index()] -= current;
        }
        for stamp in &system.current_sources {
            let current = self.source_factor * self.sources[stamp.source.index()];
            self.residual[stamp.p.index()] += current;
            self.residual[stamp.n.index()] -= current;
        }
        for (index, stamp) in system.one_ports.iter().enumerate() {
            let companion = self.companions[index];
            let beyond = self.voltage(stamp.p, stamp.n) - self.points[index];
            let current = companion.current + companion.conductance * beyond;
            self.residual[stamp.p.index()] += current;
            self.residual[stamp.n.index()] -= current;
        }
    }

    /// Sums the rows of nodes that share an unknown, and adds the shunts of continuation.
    fn reduce(&mut self, system: &System) {
        self.reduced.fill(0.0);
        for (value, unknown) in self.residual.iter().zip(&system.unknown) {
            if let Some(sum) = self.reduced.get_mut(unknown.index()) {
                *sum += value;
            }
        }
        if self.shunt != 0.0 {
            for k in 0..system.node_unknowns {
                self.scratch[k] = 0.0;
            }
            self.read_reduced(system);
            for k in 0..system.node_unknowns {
                self.reduced[k] += self.shunt * (self.scratch[k] - self.anchor[k]);
            }
        }
    }

    /// Reduced node unknowns of the iterate, into the scratch vector.
    fn read_reduced(&mut self, system: &System) {
        for node in (0..system.node_count).rev() {
            let unknown = system.unknown[node];
            if let Some(value) = self.scratch.get_mut(unknown.index()) {
                *value = self.full[node];
            }
        }
    }

    /// Anchors the shunts of continuation at the iterate.
    pub fn anchor_here(&mut self, system: &System) {
        self.read_reduced(system);
        self.anchor.copy_from_slice(&self.scratch);
    }

    /// What the residual of each reduced equation is to be compared with.
    pub fn scales(&self, system: &System, values: &Values) -> Vec<Scale> {
        let mut full = vec![Scale::default(); self.full.len()];
        let reach = self.reach(system);
        for (stamp, &g) in system.conductances.iter().zip(&values.conductances) {
            let current = g * self.voltage(stamp.p, stamp.n);
            add_scale(&mut full, &reach, [stamp.p, stamp.n], current, g);
        }
        for (stamp, companion) in system.one_ports.iter().zip(&self.companions) {
            add_scale(
                &mut full,
                &reach,
                [stamp.p, stamp.n],
                companion.current,
                companion.conductance,
            );
        }
        for stamp in &system.current_sources {
            add_scale(
                &mut full,
                &reach,
                [stamp.p, stamp.n],
                self.sources[stamp.source.index()],
                0.0,
            );
        }
        for (stamp, &on) in system.ideal_diodes.iter().zip(&self.conducting) {
            let current = self.full[stamp.branch.index()];
            add_scale(&mut full, &reach, [stamp.p, stamp.n], current, 0.0);
            let own = &mut full[stamp.branch.index()];
            own.rounding = if on {
                self.full[stamp.p.index()].abs()
            } else {
                current.abs()
            };
        }
        self.add_coupling_scales(system, values, &mut full);
        reduce_scales(system, &full)
    }

    /// Size of the potential (V) whose rounding each node carries: a tied node is computed from its
    /// parent and keeps the parent's error even if its own potential is small.
    fn reach(&self, system: &System) -> Vec<f64> {
        let mut reach: Vec<f64> = self.full.iter().map(|x| x.abs()).collect();
        for tie in &system.ties {
            let parent = reach[tie.parent.index()];
            let node = &mut reach[tie.node.index()];
            *node = node.max(parent);
        }
        reach
    }

    fn add_coupling_scales(&self, system: &System, values: &Values, full: &mut [Scale]) {
        for (coupling, &c) in system.couplings.iter().zip(&values.coefficients) {
            let term = (c * self.full[coupling.column.index()]).abs();
            full[coupling.row.index()].magnitude += term;
            full[coupling.row.index()].rounding += term;
        }
        for &(row, source) in &system.kept_voltage_sources {
            full[row.index()].magnitude += self.sources[source.index()].abs();
        }
    }
}

fn add_scale(
    full: &mut [Scale],
    reach: &[f64],
    nodes: [NodeId; 2],
    current: f64,
    conductance: f64,
) {
    let [p, n] = nodes.map(NodeId::index);
    for node in [p, n] {
        full[node].magnitude += current.abs();
        full[node].rounding += conductance.abs() * (reach[p] + reach[n]);
    }
}

fn reduce_scales(system: &System, full: &[Scale]) -> Vec<Scale> {
    let mut reduced = vec![Scale::default(); system.order];
    for (scale, unknown) in full.iter().zip(&system.unknown) {
        if let Some(sum) = reduced.get_mut(unknown.index()) {
            sum.magnitude += scale.magnitude;
            sum.rounding += scale.rounding;
        }
    }
    reduced
}
