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
        let count = self.ideal_violations();
        if count == 0 {
            return false;
        }
        pivoting.note(count);
        let (current_floor, voltage_floor) = self.ideal_floors();
        let last_only = pivoting.patience == 0;
        for index in (0..self.workspace.conducting.len()).rev() {
            if self.contradicts(index, current_floor, voltage_floor) {
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
        let (current_floor, voltage_floor) = self.ideal_floors();
        (0..self.workspace.conducting.len())
            .filter(|&index| self.contradicts(index, current_floor, voltage_floor))
            .count()
    }

    /// Conducting asks for `i >= 0`, blocking for `v <= 0`.
    fn contradicts(&self, index: usize, current_floor: f64, voltage_floor: f64) -> bool {
        let (voltage, current) = self.system.ideal_diode(self.workspace, index);
        if self.workspace.conducting[index] {
            current < -current_floor
        } else {
            voltage > voltage_floor
        }
    }

    /// Rounding levels of current (A) and voltage (V) among the ideal diodes.
    fn ideal_floors(&self) -> (f64, f64) {
        let ws = &*self.workspace;
        if ws.conducting.is_empty() {
            return (0.0, 0.0);
        }
        let (nodes, branches) = ws.full.split_at(self.system.node_count());
        let largest = |values: &[f64]| values.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        (TOLERANCE * largest(branches), TOLERANCE * largest(nodes))
    }
}
