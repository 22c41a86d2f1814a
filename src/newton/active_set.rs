//! States of ideal diodes: which conduct, which block.
//!
//! Block principal pivoting (Júdice and Pires 1994): all diodes whose state contradicts the solution
//! change at once, as long as their number shrinks now and then; otherwise one at a time, by highest
//! index (Murty 1974), which cannot cycle on a strictly monotone circuit.

use super::Run;

/// How often the number of contradictions may fail to shrink before single pivots start.
const PATIENCE: usize = 10;

/// A contradiction counts beyond this many units in the last place of what surrounds it.
const TOLERANCE: f64 = 1e-13;

/// The same, of a refined solution.
const LOCAL_TOLERANCE: f64 = 1e-11;
const NOISE: f64 = 1e-28;

/// Whether, and how, states may still change.
#[derive(Debug)]
pub(super) struct Pivoting {
    fewest: usize,
    patience: usize,
    single_pivots: bool,
}

impl Pivoting {
    /// Blocks only: gives up when the number of contradictions stops shrinking.
    pub(super) fn by_blocks() -> Self {
        Self {
            fewest: usize::MAX,
            patience: PATIENCE,
            single_pivots: false,
        }
    }

    /// Blocks, then one at a time.
    pub(super) fn one_by_one() -> Self {
        Self {
            single_pivots: true,
            ..Self::by_blocks()
        }
    }

    /// Notes the number of contradictions.
    fn note(&mut self, count: usize) {
        if count < self.fewest {
            self.fewest = count;
            self.patience = PATIENCE;
        } else {
            self.patience = self.patience.saturating_sub(1);
        }
    }

    /// Blocks have stopped helping and single pivots are not wanted.
    pub(super) fn is_stuck(&self) -> bool {
        self.patience == 0 && !self.single_pivots
    }
}

impl Run<'_> {
    /// Changes the state of diodes that contradict the iterate; true if any did.
    pub(super) fn flip_ideal_diodes(&mut self, pivoting: &mut Pivoting) -> bool {
        if self.workspace.is_precise() {
            self.workspace.measure_scales(self.system, self.values);
        }
        let count = self.ideal_violations();
        if count == 0 {
            return false;
        }
        pivoting.note(count);
        let floors = self.floors();
        let last_only = pivoting.patience == 0;
        for index in (0..self.workspace.conducting.len()).rev() {
            if self.contradicts(index, floors) {
                self.workspace.conducting[index] ^= true;
                if last_only {
                    break;
                }
            }
        }
        self.workspace.invalidate();
        true
    }

    /// Number of ideal diodes whose state contradicts the iterate.
    pub(super) fn ideal_violations(&self) -> usize {
        self.count_violations(self.floors())
    }

    /// The same by what surrounds each diode, however small that is.
    pub(super) fn local_violations(&self) -> usize {
        self.count_violations(self.local_floors())
    }

    fn count_violations(&self, floors: Floors) -> usize {
        (0..self.workspace.conducting.len())
            .filter(|&index| self.contradicts(index, floors))
            .count()
    }

    /// Conducting asks for `i >= 0`, blocking for `v <= 0`.
    fn contradicts(&self, index: usize, floors: Floors) -> bool {
        let (voltage, current) = self.system.ideal_diode(self.workspace, index);
        let (least_current, least_voltage) = match floors {
            Floors::Global(current, voltage) => (current, voltage),
            Floors::Local(least_current, least_voltage) => {
                let (current, voltage) = self.system.around_ideal_diode(self.workspace, index);
                let current = LOCAL_TOLERANCE * current;
                let voltage = LOCAL_TOLERANCE * voltage;
                (current.max(least_current), voltage.max(least_voltage))
            }
        };
        if self.workspace.conducting[index] {
            current < -least_current
        } else {
            voltage > least_voltage
        }
    }

    fn floors(&self) -> Floors {
        if self.workspace.is_precise() {
            return self.local_floors();
        }
        let (current, voltage) = self.largest_of_all();
        Floors::Global(TOLERANCE * current, TOLERANCE * voltage)
    }

    fn local_floors(&self) -> Floors {
        let (current, voltage) = self.largest_of_all();
        Floors::Local(NOISE * current, NOISE * voltage)
    }

    /// Largest current (A) of a branch with an unknown and largest potential (V).
    fn largest_of_all(&self) -> (f64, f64) {
        let ws = &*self.workspace;
        if ws.conducting.is_empty() {
            return (0.0, 0.0);
        }
        let (nodes, branches) = ws.full.split_at(self.system.node_count());
        let largest = |values: &[f64]| values.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        (largest(branches), largest(nodes))
    }
}

/// Below which current (A) and voltage (V) an ideal diode contradicts nothing.
#[derive(Clone, Copy)]
enum Floors {
    /// The same for all: in double precision rounding spreads over the whole circuit.
    Global(f64, f64),
    /// By the currents and potentials that meet at its nodes, as the scales hold them, but not below
    /// what twice the digits leave of zero.
    Local(f64, f64),
}
