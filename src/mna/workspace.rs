//! Everything that changes while one operating point is sought; one for each thread.

use rayon::prelude::*;

use crate::circuit::NodeId;
use crate::device::{Companion, OnePort};
use crate::linear::{Factor, LinearError, Matrix};

use super::clock::{Clock, Phase};
use super::extended::PreciseJacobian;
use super::laws::LawStates;
use super::precise::Sums;
use super::relaxed::Relaxed;
use super::{Entries, System, Values, plain};

/// One-ports that one thread evaluates at a time.
const ONE_PORTS_OF_A_THREAD: usize = 4096;

/// Relative size of the regularization of ideal diodes in the Jacobian when the exact one is
/// singular. The residual stays exact, so that the solution does not depend on it.
const IDEAL_REGULARIZATION: f64 = 1e-9;

/// Iterate, Jacobian and buffers of one solve. Vectors are full (nodes, then kept branches) unless
/// said otherwise.
#[derive(Debug)]
pub struct Workspace {
    /// Value of each independent source in this solve (V, A).
    pub sources: Vec<f64>,
    /// Factor on all sources; below 1 only during source stepping.
    pub source_factor: f64,
    /// Conductance (S) from each node unknown to its anchor; nonzero only during continuation.
    pub shunt: f64,
    /// Potentials (V) that the shunts pull to, by reduced unknown.
    pub anchor: Vec<f64>,
    /// Conductance (S) from the nodes of the nodeset to their potentials there; nonzero only while a
    /// start is sought.
    pub pull: f64,
    /// Iterate: node potentials (V) and kept branch currents (A).
    pub full: Vec<f64>,
    /// What rounding cut off the iterate. Nodes that a milliohm ties together at a kilovolt differ by
    /// less than a double resolves; the current between them is as right as this is.
    pub low: Vec<f64>,
    /// Voltage at which each one-port is linearized, V.
    pub points: Vec<f64>,
    /// Companion model of each one-port at its point.
    pub companions: Vec<Companion>,
    /// State of each ideal diode: true = conducting (`v = 0`).
    pub conducting: Vec<bool>,
    /// What stands in for the law of ideal diodes; a solution is never accepted there.
    pub(super) relaxed: Option<Relaxed>,
    /// Residual `F`: currents leaving each node (A), then branch equations.
    pub residual: Vec<f64>,
    /// Residual, then step, by reduced unknown.
    pub reduced: Vec<f64>,
    /// What each reduced equation's residual is measured by; see [`Workspace::measure_scales`].
    pub scales: Vec<Scale>,
    pub(super) full_scales: Vec<Scale>,
    pub(super) reach: Vec<f64>,
    kept: [Vec<f64>; 2],
    /// The step of a line search, by reduced unknown.
    direction: Vec<f64>,
    pub(super) sums: Sums,
    pub(super) laws: LawStates,
    nonzeros: Vec<f64>,
    factor: Factor,
    /// In force where double precision does not suffice: residuals and factors that lose no digit.
    precise: Option<PreciseJacobian>,
    pub(super) is_regularized: bool,
    pub(super) scratch: Vec<f64>,
    /// The factors belong to the companions and states in force.
    pub(super) is_factored: bool,
    /// Conductance of each one-port in the factors (S); meaningful while they are those of a Jacobian
    /// without any help.
    held: Vec<f64>,
    holds_jacobian: bool,
    /// Nothing has been solved since the cold start.
    is_cold: bool,
    pub clock: Clock,
    /// Where it is kept, the largest residual of an equation (A, or V of a branch) at each linear solve.
    pub history: Option<Vec<f64>>,
}

/// What the residual at one entry is to be compared with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scale {
    /// Sum of the magnitudes that meet in the equation (A at a node).
    pub magnitude: f64,
    /// What the unit roundoff of the potentials is multiplied by on its way into a residual in
    /// double precision.
    pub rounding: f64,
    /// The same of the evaluation of laws, which no precise sum takes away.
    pub evaluation: f64,
}

impl std::ops::AddAssign for Scale {
    fn add_assign(&mut self, other: Self) {
        self.magnitude += other.magnitude;
        self.rounding += other.rounding;
        self.evaluation += other.evaluation;
    }
}

impl Workspace {
    pub fn new(system: &System, values: &Values) -> Self {
        Self::with(system, values, Factor::of(system.analyze()))
    }

    /// For who solves the equations by other means: nothing can be factored here.
    pub(crate) fn without_factors(system: &System, values: &Values) -> Self {
        let order = system.order;
        Self::with(
            system,
            values,
            Factor::Missing(LinearError::OutOfMemory { order }),
        )
    }

    fn with(system: &System, values: &Values, factor: Factor) -> Self {
        let full = system.full_len();
        let mut ws = Self {
            sources: values.sources.clone(),
            source_factor: 1.0,
            shunt: 0.0,
            anchor: vec![0.0; system.order],
            pull: 0.0,
            full: vec![0.0; full],
            low: vec![0.0; full],
            points: vec![0.0; system.one_ports.len()],
            companions: vec![Companion::default(); system.one_ports.len()],
            conducting: vec![false; system.ideal_diodes.len()],
            relaxed: None,
            residual: vec![0.0; full],
            reduced: vec![0.0; system.order],
            scales: vec![Scale::default(); system.order],
            full_scales: vec![Scale::default(); full],
            reach: vec![0.0; full],
            kept: [vec![0.0; full], vec![0.0; full]],
            direction: vec![0.0; system.order],
            sums: Sums::new(full),
            laws: LawStates::new(system),
            nonzeros: vec![0.0; system.pattern.nnz()],
            precise: None,
            factor,
            is_regularized: false,
            scratch: vec![0.0; system.order],
            is_factored: false,
            held: vec![0.0; system.one_ports.len()],
            holds_jacobian: false,
            is_cold: true,
            clock: Clock::default(),
            history: None,
        };
        ws.restart(system, values);
        ws
    }

    /// Back to the cold start: all potentials zero, all diodes at 0 V, ideal ones blocking.
    pub fn restart(&mut self, system: &System, values: &Values) {
        self.full.fill(0.0);
        self.low.fill(0.0);
        self.points.fill(0.0);
        self.conducting.fill(false);
        self.source_factor = 1.0;
        self.shunt = 0.0;
        self.pull = 0.0;
        self.relaxed = None;
        self.invalidate();
        self.is_regularized = false;
        self.is_cold = true;
        self.evaluate_companions(values);
        self.apply_ties(system);
        self.evaluate_laws(system, values);
    }

    /// Whether nothing has been solved since the cold start; from here on something has.
    pub fn leave_cold_start(&mut self) -> bool {
        std::mem::replace(&mut self.is_cold, false)
    }

    /// Evaluates every one-port at its point.
    pub fn evaluate_companions(&mut self, values: &Values) {
        let began = self.clock.begin();
        let points = self.points.as_slice();
        let companions = self.companions.as_mut_slice();
        self.is_factored &= if values.has_plain_laws() {
            evaluate_all(companions, &values.plain, points, plain::evaluate)
        } else {
            evaluate_all(companions, &values.one_ports, points, evaluate_each)
        };
        self.clock.end(Phase::Devices, began);
    }

    /// Writes the reduced Jacobian at the companions in force and factors it.
    ///
    /// # Errors
    /// [`LinearError::Singular`] if the method notices.
    pub fn factor(&mut self, system: &System, values: &Values) -> Result<(), LinearError> {
        if self.is_factored {
            return Ok(());
        }
        if let Some(mut precise) = self.precise.take() {
            let began = self.clock.begin();
            let outcome = match &mut precise {
                PreciseJacobian::StarMesh(mesh) => mesh.factor(|conductances| {
                    values.load_linear(system, conductances);
                    self.load_jacobian(system, values, conductances);
                }),
                PreciseJacobian::Extended(jacobian) => jacobian.factor(system, |sums| {
                    values.load_linear(system, sums);
                    self.load_jacobian(system, values, sums);
                }),
            };
            self.precise = Some(precise);
            self.clock.end(Phase::Factor, began);
            outcome?;
        } else {
            let began = self.clock.begin();
            let mut nonzeros = std::mem::take(&mut self.nonzeros);
            nonzeros.copy_from_slice(&values.base);
            self.load_jacobian(system, values, nonzeros.as_mut_slice());
            self.nonzeros = nonzeros;
            self.holds_jacobian = false;
            self.clock.end(Phase::Load, began);
            let began = self.clock.begin();
            let factored = self.factor.factor(&self.nonzeros);
            self.clock.end(Phase::Factor, began);
            factored?;
            self.holds_jacobian = self.shunt == 0.0 && self.pull == 0.0;
            for (held, companion) in self.held.iter_mut().zip(&self.companions) {
                *held = companion.conductance;
            }
        }
        self.is_factored = true;
        Ok(())
    }

    /// How far the conductance of any one-port is from what it is in the factors, relative to that;
    /// infinite where more than one-ports may have changed.
    pub fn distance_from_factors(&self, system: &System) -> f64 {
        if !self.holds_jacobian || self.is_precise() || system.has_laws() {
            return f64::INFINITY;
        }
        let pairs = self.companions.iter().zip(&self.held);
        pairs.fold(0.0, |farthest, (companion, held)| {
            let change = (companion.conductance - held).abs();
            let distance = if change == 0.0 {
                0.0
            } else {
                change / held.abs()
            };
            f64::max(farthest, distance)
        })
    }

    /// Adds everything but the linear elements to the entries of the reduced Jacobian.
    fn load_jacobian(
        &self,
        system: &System,
        values: &Values,
        entries: &mut (impl Entries + ?Sized),
    ) {
        for (stamp, companion) in system.one_ports.iter().zip(&self.companions) {
            stamp.add(entries, companion.conductance);
        }
        self.load_ideal_diodes(system, values, entries);
        if self.shunt != 0.0 {
            for slot in &system.diagonal {
                slot.add(entries, self.shunt);
            }
        }
        self.load_laws(system, entries);
        if self.pull != 0.0 {
            for (node, _) in &values.nodeset {
                if let Some(slot) = system.diagonal.get(system.unknown[node.index()].index()) {
                    slot.add(entries, self.pull);
                }
            }
        }
    }

    fn load_ideal_diodes(
        &self,
        system: &System,
        values: &Values,
        entries: &mut (impl Entries + ?Sized),
    ) {
        let g = values.typical_conductance;
        let floor = if self.is_regularized {
            IDEAL_REGULARIZATION
        } else {
            0.0
        };
        for (index, (stamp, &on)) in system.ideal_diodes.iter().zip(&self.conducting).enumerate() {
            if let Some(relaxed) = &self.relaxed {
                let current = self.full[stamp.branch.index()];
                let law = relaxed.linearized(index, current, self.voltage(stamp.p, stamp.n), g);
                stamp.load(entries, law.is_conducting, law.softness);
            } else {
                stamp.load(entries, on, if on { floor / g } else { floor * g });
            }
        }
    }

    /// From here on, residuals and factors lose no digit.
    ///
    /// # Errors
    /// [`LinearError::OutOfMemory`].
    pub fn be_precise(&mut self, system: &System) -> Result<(), LinearError> {
        if !self.is_precise() {
            self.precise = Some(PreciseJacobian::new(system)?);
            self.invalidate();
        }
        Ok(())
    }

    /// From here on, residuals and factors are in double precision.
    pub fn be_quick(&mut self) {
        if self.precise.take().is_some() {
            self.invalidate();
        }
    }

    pub fn is_precise(&self) -> bool {
        self.precise.is_some()
    }

    /// Adds `shift` (S) to the diagonal of the Jacobian and factors it: a way past a singular one.
    pub fn factor_shifted(
        &mut self,
        system: &System,
        values: &Values,
        shift: f64,
    ) -> Result<(), LinearError> {
        let shunt = self.shunt;
        self.shunt += shift;
        self.is_factored = false;
        let outcome = self.factor(system, values);
        self.shunt = shunt;
        self.invalidate();
        outcome
    }

    /// Regularizes ideal diodes in the Jacobian from here on.
    pub fn regularize(&mut self) {
        self.is_regularized = true;
        self.invalidate();
    }

    pub fn is_regularized(&self) -> bool {
        self.is_regularized
    }

    /// Puts the nodes of the nodeset at their potentials, as far as sources let them.
    pub fn move_to_nodeset(&mut self, system: &System, values: &Values) {
        for &(node, volts) in &values.nodeset {
            self.full[node.index()] = volts;
        }
        self.apply_ties(system);
        self.settle(system, values);
    }

    /// Puts the linearization points at the voltages of the iterate and evaluates the residual there.
    pub fn settle(&mut self, system: &System, values: &Values) {
        let (full, low) = (self.full.as_slice(), self.low.as_slice());
        for (point, stamp) in self.points.iter_mut().zip(&system.one_ports) {
            let (p, n) = (stamp.p.index(), stamp.n.index());
            *point = (full[p] - full[n]) + (low[p] - low[n]);
        }
        self.follow_multipliers(system);
        self.evaluate_companions(values);
        if self.relaxed.is_none() {
            // What rounding left in a blocking diode goes: its current is zero, not small.
            for (stamp, &on) in system.ideal_diodes.iter().zip(&self.conducting) {
                if !on {
                    self.full[stamp.branch.index()] = 0.0;
                    self.low[stamp.branch.index()] = 0.0;
                }
            }
        }
        self.evaluate_laws(system, values);
        self.evaluate_residual(system, values);
    }

    /// Remembers the iterate, to come back to by [`Workspace::recall`].
    pub fn keep(&mut self) {
        self.kept[0].copy_from_slice(&self.full);
        self.kept[1].copy_from_slice(&self.low);
    }

    pub fn recall(&mut self) {
        self.full.copy_from_slice(&self.kept[0]);
        self.low.copy_from_slice(&self.kept[1]);
    }

    /// Keeps the iterate, and the step in [`Self::reduced`] as the direction of a search from there.
    pub fn begin_search(&mut self) {
        self.keep();
        self.direction.copy_from_slice(&self.reduced);
    }

    /// Puts the iterate `t` steps from where the search began.
    pub fn move_along(&mut self, system: &System, t: f64) {
        self.recall();
        self.reduced.copy_from_slice(&self.direction);
        self.advance(system, t);
    }

    /// Slope of the co-content where the search begins, from the residual that the step was solved for.
    pub fn initial_slope(&mut self, system: &System) -> f64 {
        self.reduce(system);
        self.slope()
    }

    /// Slope of the co-content along the search: `F . direction`.
    pub fn slope(&self) -> f64 {
        let pairs = self.reduced.iter().zip(&self.direction);
        pairs.map(|(r, d)| r * d).sum()
    }

    /// What linear conductances add to the slope of the co-content over a unit of the search, W.
    pub fn linear_rise(&self, system: &System, values: &Values) -> f64 {
        let along = |node: NodeId| {
            let unknown = system.unknown[node.index()];
            self.direction.get(unknown.index()).map_or(0.0, |d| *d)
        };
        let stamps = system.conductances.iter().zip(&values.conductances);
        stamps
            .map(|(stamp, g)| g * (along(stamp.p) - along(stamp.n)).powi(2))
            .sum()
    }

    /// Marks the factors as out of date, for instance after the state of an ideal diode changed.
    pub fn invalidate(&mut self) {
        self.is_factored = false;
        self.holds_jacobian = false;
    }

    /// Solves `J step = -residual` on the held factors; the step is left in [`Self::reduced`].
    pub fn solve_step(&mut self) {
        if let Some(history) = &mut self.history {
            history.push(self.reduced.iter().fold(0.0, |m, r| m.max(r.abs())));
        }
        for r in &mut self.reduced {
            *r = -*r;
        }
        let began = self.clock.begin();
        match &mut self.precise {
            Some(precise) => precise.solve(&mut self.reduced),
            None => self.factor.solve(&mut self.reduced),
        }
        self.clock.end(Phase::Solve, began);
    }

    /// Solves `J' x = b` in place on the held factors, b by reduced unknown.
    pub fn solve_transpose(&mut self, b: &mut [f64]) {
        let began = self.clock.begin();
        match &mut self.precise {
            Some(precise) => precise.solve_transpose(b),
            None => self.factor.solve_transpose(b),
        }
        self.clock.end(Phase::Solve, began);
    }

    /// The reduced Jacobian at the state in force (lower triangle if the method is Cholesky).
    pub fn jacobian(&self, system: &System, values: &Values) -> Matrix {
        let mut matrix = system.pattern.clone();
        let entries = matrix.data_mut();
        entries.copy_from_slice(&values.base);
        self.load_jacobian(system, values, entries);
        matrix
    }
}

/// Evaluates one-ports by `evaluate`, which says whether the conductances are what they were.
fn evaluate_all<L: Sync>(
    companions: &mut [Companion],
    laws: &[L],
    points: &[f64],
    evaluate: fn(&mut [Companion], &[L], &[f64]) -> bool,
) -> bool {
    if points.len() <= ONE_PORTS_OF_A_THREAD {
        return evaluate(companions, laws, points);
    }
    let parts = (companions.par_chunks_mut(ONE_PORTS_OF_A_THREAD))
        .zip(laws.par_chunks(ONE_PORTS_OF_A_THREAD))
        .zip(points.par_chunks(ONE_PORTS_OF_A_THREAD));
    parts
        .map(|((companions, laws), points)| evaluate(companions, laws, points))
        .reduce(|| true, |a, b| a & b)
}

fn evaluate_each(companions: &mut [Companion], laws: &[OnePort], points: &[f64]) -> bool {
    let mut are_same = true;
    for ((companion, law), &point) in companions.iter_mut().zip(laws).zip(points) {
        let new = law.evaluate(point);
        are_same &= new.conductance == companion.conductance;
        *companion = new;
    }
    are_same
}

impl super::stamps::IdealStamp {
    /// Conducting: `v_p - v_n - softness j`; blocking: `j - softness (v_p - v_n)`.
    fn load(&self, entries: &mut (impl Entries + ?Sized), on: bool, softness: f64) {
        self.current_p.add(entries, 1.0);
        self.current_n.add(entries, -1.0);
        let (voltage, own) = if on {
            (1.0, -softness)
        } else {
            (-softness, 1.0)
        };
        self.voltage_p.add(entries, voltage);
        self.voltage_n.add(entries, -voltage);
        self.own.add(entries, own);
    }
}
