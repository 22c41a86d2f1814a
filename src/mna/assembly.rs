//! The residual `F(z)`, its scale, and the step from reduced to full unknowns.

use crate::circuit::NodeId;
use crate::linear::Method;

use super::clock::Phase;
use super::precise::two_sum;
use super::stamps::Coupling;
use super::strips::Part;
use super::workspace::{Scale, Workspace};
use super::{FullIndex, System, Values};

/// `(high + low) + term`, again as a double and what rounding cut off it.
#[inline]
fn sum(high: f64, low: f64, term: f64) -> (f64, f64) {
    let (high, error) = two_sum(high, term);
    two_sum(high, low + error)
}

impl Workspace {
    /// Voltage between two nodes in the iterate, V.
    #[inline]
    pub fn voltage(&self, p: NodeId, n: NodeId) -> f64 {
        let (p, n) = (p.index(), n.index());
        (self.full[p] - self.full[n]) + (self.low[p] - self.low[n])
    }

    /// The same without what rounding cut off the iterate.
    #[inline]
    fn rounded_voltage(&self, p: NodeId, n: NodeId) -> f64 {
        self.full[p.index()] - self.full[n.index()]
    }

    /// Makes the potentials of tied nodes agree with the sources.
    pub fn apply_ties(&mut self, system: &System) {
        self.full[0] = 0.0;
        self.low[0] = 0.0;
        for tie in &system.ties {
            let source = tie.source.map_or(0.0, |s| self.sources[s.index()]);
            let parent = tie.parent.index();
            let volts = tie.sign * self.source_factor * source;
            let (high, low) = sum(self.full[parent], self.low[parent], volts);
            self.full[tie.node.index()] = high;
            self.low[tie.node.index()] = low;
        }
    }

    /// `z += t * step` with the step in [`Workspace::reduced`]; tied nodes follow.
    pub fn advance(&mut self, system: &System, t: f64) {
        let iterate = self.full.iter_mut().zip(&mut self.low);
        for ((high, low), unknown) in iterate.zip(&system.unknown) {
            if let Some(step) = self.reduced.get(unknown.index()) {
                (*high, *low) = sum(*high, *low, t * step);
            }
        }
        self.apply_ties(system);
    }

    /// Fills [`Workspace::residual`] with the residual of the circuit whose one-ports are replaced
    /// by their companion models, and [`Workspace::reduced`] with its reduction.
    pub fn evaluate_residual(&mut self, system: &System, values: &Values) {
        if self.is_precise() {
            return self.evaluate_residual_precisely(system, values);
        }
        let began = self.clock.begin();
        self.residual.fill(0.0);
        self.add_two_terminal_currents(system, values);
        for (coupling, &c) in system.couplings.iter().zip(&values.coefficients) {
            self.residual[coupling.row.index()] += c * self.full[coupling.column.index()];
        }
        for &(row, source) in &system.kept_voltage_sources {
            self.residual[row.index()] -= self.source_factor * self.sources[source.index()];
        }
        for (index, (stamp, &on)) in system.ideal_diodes.iter().zip(&self.conducting).enumerate() {
            let current = self.full[stamp.branch.index()];
            let voltage = self.rounded_voltage(stamp.p, stamp.n);
            self.residual[stamp.p.index()] += current;
            self.residual[stamp.n.index()] -= current;
            self.residual[stamp.branch.index()] = match &self.relaxed {
                Some(relaxed) => {
                    let g = values.typical_conductance;
                    relaxed.linearized(index, current, voltage, g).residual
                }
                None if on => voltage,
                None => current,
            };
        }
        self.add_law_values(system);
        self.add_pull(values);
        self.reduce(system);
        self.clock.end(Phase::Residual, began);
    }

    /// Currents that pull nodes to where a start is sought.
    fn add_pull(&mut self, values: &Values) {
        if self.pull == 0.0 {
            return;
        }
        for &(node, volts) in &values.nodeset {
            self.residual[node.index()] += self.pull * (self.full[node.index()] - volts);
        }
    }

    fn add_two_terminal_currents(&mut self, system: &System, values: &Values) {
        if system.strips().is_one() {
            return self.add_currents_in_turn(system, values);
        }
        let mut residual = std::mem::take(&mut self.residual);
        let ws = &*self;
        let full = ws.full.as_slice();
        let voltage = |p: NodeId, n: NodeId| full[p.index()] - full[n.index()];
        let nodes = &mut residual[..system.node_count];
        system.strips().run(nodes, |strip, sums| {
            let mut add = |p: NodeId, n: NodeId, current: f64| {
                *sums.at(p) += current;
                *sums.at(n) -= current;
            };
            strip.conductances.for_each(|k| {
                let stamp = &system.conductances[k];
                let current = values.conductances[k] * voltage(stamp.p, stamp.n);
                add(stamp.p, stamp.n, current);
            });
            strip.current_sources.for_each(|k| {
                let stamp = &system.current_sources[k];
                let current = ws.source_factor * ws.sources[stamp.source.index()];
                add(stamp.p, stamp.n, current);
            });
            strip.one_ports.for_each(|k| {
                let (stamp, companion) = (&system.one_ports[k], &ws.companions[k]);
                let beyond = voltage(stamp.p, stamp.n) - ws.points[k];
                let current = companion.current + companion.conductance * beyond;
                add(stamp.p, stamp.n, current);
            });
        });
        self.residual = residual;
    }

    /// The same for circuits that one thread goes through. What meets at ground, most diodes of many circuits,
    /// stays in a register.
    fn add_currents_in_turn(&mut self, system: &System, values: &Values) {
        let full = &self.full[..system.node_count];
        let residual = &mut self.residual[..system.node_count];
        let mut ground = 0.0;
        let mut add = |node: usize, current: f64| match node {
            0 => ground += current,
            _ => residual[node] += current,
        };
        for (stamp, g) in system.conductances.iter().zip(&values.conductances) {
            let [p, n] = [stamp.p.index(), stamp.n.index()];
            let current = g * (full[p] - full[n]);
            add(p, current);
            add(n, -current);
        }
        for stamp in &system.current_sources {
            let current = self.source_factor * self.sources[stamp.source.index()];
            add(stamp.p.index(), current);
            add(stamp.n.index(), -current);
        }
        let laws = self.companions.iter().zip(&self.points);
        for (stamp, (companion, point)) in system.one_ports.iter().zip(laws) {
            let [p, n] = [stamp.p.index(), stamp.n.index()];
            let beyond = (full[p] - full[n]) - point;
            let current = companion.current + companion.conductance * beyond;
            add(p, current);
            add(n, -current);
        }
        residual[0] += ground;
    }

    /// How far the potential of unknown `index` moves, V, if every element value changes by the same
    /// small part of itself, each in the worse direction, per unit of that part: the sum of
    /// `|dv/d ln p|`, by one transposed solve on the held factors. Sources stay as they are.
    ///
    /// Without an index, the same of a sum of all unknowns if each element had 1 V (or 1 A) across its
    /// control: what a circuit at rest, where nothing moves, would do.
    pub fn sensitivity_to_elements(
        &mut self,
        system: &System,
        values: &Values,
        index: Option<usize>,
    ) -> f64 {
        let mut lambda = std::mem::take(&mut self.reduced);
        for (k, l) in lambda.iter_mut().enumerate() {
            // No likely direction is orthogonal to these.
            let any = 1.0 + (0.618 * k as f64).fract();
            *l = index.map_or(any, |index| f64::from(k == index));
        }
        self.solve_transpose(&mut lambda);
        let is_at_rest = index.is_none();
        let drop = |volts: f64| if is_at_rest { 1.0 } else { volts };
        let at = |full: usize| {
            let unknown = system.unknown[full].index();
            lambda.get(unknown).copied().unwrap_or(0.0)
        };
        let across = |p: NodeId, n: NodeId| at(p.index()) - at(n.index());
        let mut sum = 0.0;
        for (stamp, &g) in system.conductances.iter().zip(&values.conductances) {
            let volts = drop(self.voltage(stamp.p, stamp.n));
            sum += (g * volts * across(stamp.p, stamp.n)).abs();
        }
        for (stamp, companion) in system.one_ports.iter().zip(&self.companions) {
            let current = match is_at_rest {
                true => companion.conductance,
                false => companion.current,
            };
            sum += (current * across(stamp.p, stamp.n)).abs();
        }
        let mut first = 0;
        for entries in system.couplings.chunk_by(|a, b| a.element == b.element) {
            let coefficients = &values.coefficients[first..first + entries.len()];
            first += entries.len();
            let own = entries.iter().zip(coefficients);
            let own = own.filter(|(coupling, _)| coupling.parameter.is_some());
            let term = |(coupling, &c): (&Coupling, &f64)| {
                let column = coupling.column.index();
                let control = drop(self.full[column] + self.low[column]);
                c * control * at(coupling.row.index())
            };
            let terms = own.map(term);
            sum += match is_at_rest {
                true => terms.map(f64::abs).sum::<f64>(),
                false => terms.sum::<f64>().abs(),
            };
        }
        for (stamp, &value) in system.laws.iter().zip(&self.laws.values) {
            let [p, n] = stamp.rows.map(FullIndex::index);
            sum += (value * (at(p) - at(n))).abs();
        }
        self.reduced = lambda;
        sum
    }

    /// Sums the rows of nodes that share an unknown, and adds the shunts of continuation.
    pub(super) fn reduce(&mut self, system: &System) {
        self.reduced.fill(0.0);
        for (value, unknown) in self.residual.iter().zip(&system.unknown) {
            if let Some(sum) = self.reduced.get_mut(unknown.index()) {
                *sum += value;
            }
        }
        self.add_shunts(system);
    }

    /// Adds the currents of the shunts of continuation to the reduced residual.
    pub(super) fn add_shunts(&mut self, system: &System) {
        if self.shunt == 0.0 {
            return;
        }
        for k in 0..system.node_unknowns {
            self.scratch[k] = 0.0;
        }
        self.read_reduced(system);
        for k in 0..system.node_unknowns {
            self.reduced[k] += self.shunt * (self.scratch[k] - self.anchor[k]);
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

    /// Measures what the residual of each reduced equation is to be compared with, into
    /// [`Workspace::scales`].
    pub fn measure_scales(&mut self, system: &System, values: &Values) {
        let began = self.clock.begin();
        self.measure_reach(system);
        self.full_scales.fill(Scale::default());
        self.add_two_terminal_scales(system, values);
        for (index, stamp) in system.ideal_diodes.iter().enumerate() {
            let [p, n] = [stamp.p, stamp.n].map(NodeId::index);
            if system.unknown[p] != system.unknown[n] {
                let current = self.full[stamp.branch.index()].abs();
                self.full_scales[p].magnitude += current;
                self.full_scales[n].magnitude += current;
            }
            self.full_scales[stamp.branch.index()].evaluation = if self.conducting[index] {
                self.reach[p] + self.reach[n]
            } else {
                self.full[stamp.branch.index()].abs()
            };
        }
        self.add_coupling_scales(system, values);
        self.add_law_scales(system);
        self.add_pull_scales(values);
        self.reduce_scales(system);
        self.clock.end(Phase::Scales, began);
    }

    /// Sum of the magnitudes of the currents that meet at ground, A, after
    /// [`Workspace::measure_scales`].
    pub fn ground_magnitude(&self, system: &System) -> f64 {
        let sources = system.ties.iter().filter(|tie| tie.parent.index() == 0);
        let sources = sources.map(|tie| self.residual[tie.node.index()].abs());
        self.full_scales[0].magnitude + sources.sum::<f64>()
    }

    /// Size of the potential (V) whose rounding each node carries: a tied node is computed from its
    /// parent and keeps the parent's error even if its own potential is small.
    fn measure_reach(&mut self, system: &System) {
        for (reach, x) in self.reach.iter_mut().zip(&self.full) {
            *reach = x.abs();
        }
        if system.method() == Method::Lu {
            self.spread_reach(system);
        }
        for tie in &system.ties {
            let parent = self.reach[tie.parent.index()];
            let node = &mut self.reach[tie.node.index()];
            *node = node.max(parent);
        }
    }

    /// LU is accurate relative to the largest potential of the circuit; Cholesky of a resistive
    /// network is so node by node.
    fn spread_reach(&mut self, system: &System) {
        const LEAST: f64 = 1.0 / 64.0;
        let nodes = &mut self.reach[..system.node_count];
        let floor = LEAST * nodes.iter().fold(0.0f64, |m, x| m.max(*x));
        for reach in nodes {
            *reach = reach.max(floor);
        }
    }

    fn add_two_terminal_scales(&mut self, system: &System, values: &Values) {
        let mut scales = std::mem::take(&mut self.full_scales);
        let ws = &*self;
        let nodes = &mut scales[..system.node_count];
        system.strips().run(nodes, |strip, sums| {
            strip.conductances.for_each(|k| {
                let (stamp, g) = (&system.conductances[k], values.conductances[k]);
                let current = g * ws.voltage(stamp.p, stamp.n);
                ws.add_scale(system, sums, [stamp.p, stamp.n], current, g);
            });
            strip.one_ports.for_each(|k| {
                let (stamp, companion) = (&system.one_ports[k], ws.companions[k]);
                let (nodes, g) = ([stamp.p, stamp.n], companion.conductance);
                ws.add_scale(system, sums, nodes, companion.current, g);
                let own = values.one_ports[k].offset(ws.points[k]) + (g * ws.points[k]).abs();
                for node in nodes {
                    sums.at(node).evaluation += own;
                }
            });
            strip.current_sources.for_each(|k| {
                let stamp = &system.current_sources[k];
                let current = ws.sources[stamp.source.index()];
                ws.add_scale(system, sums, [stamp.p, stamp.n], current, 0.0);
            });
        });
        self.full_scales = scales;
    }

    /// A current between two nodes of one unknown is none of its equation, however large.
    #[inline(always)]
    fn add_scale(
        &self,
        system: &System,
        sums: &mut Part<Scale>,
        nodes: [NodeId; 2],
        current: f64,
        conductance: f64,
    ) {
        let [p, n] = nodes.map(NodeId::index);
        if system.unknown[p] == system.unknown[n] {
            return;
        }
        let rounding = conductance.abs() * (self.reach[p] + self.reach[n]);
        for node in nodes {
            let sum = sums.at(node);
            sum.magnitude += current.abs();
            sum.rounding += rounding;
        }
    }

    fn add_coupling_scales(&mut self, system: &System, values: &Values) {
        for (coupling, &c) in system.couplings.iter().zip(&values.coefficients) {
            let term = (c * self.full[coupling.column.index()]).abs();
            let scale = &mut self.full_scales[coupling.row.index()];
            scale.magnitude += term;
            scale.rounding += c.abs() * self.reach[coupling.column.index()];
        }
        for &(row, source) in &system.kept_voltage_sources {
            self.full_scales[row.index()].magnitude += self.sources[source.index()].abs();
        }
    }

    fn add_pull_scales(&mut self, values: &Values) {
        if self.pull == 0.0 {
            return;
        }
        for &(node, volts) in &values.nodeset {
            let reach = self.reach[node.index()] + volts.abs();
            self.full_scales[node.index()].rounding += self.pull * reach;
        }
    }

    fn reduce_scales(&mut self, system: &System) {
        self.scales.fill(Scale::default());
        for (scale, unknown) in self.full_scales.iter().zip(&system.unknown) {
            if let Some(sum) = self.scales.get_mut(unknown.index()) {
                *sum += *scale;
            }
        }
        if self.shunt != 0.0 {
            self.read_reduced(system);
            for k in 0..system.node_unknowns {
                let reach = self.scratch[k].abs() + self.anchor[k].abs();
                self.scales[k].rounding += self.shunt * reach;
            }
        }
    }
}
