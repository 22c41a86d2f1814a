//! Ideal diodes by a primal-dual interior-point method.
//!
//! The states of ideal diodes in a monotone circuit solve a monotone complementarity problem. Led by
//! `i w = mu` with `mu` to zero, its solution is reached in a number of steps that grows slowly with
//! the size, degenerate or not, where pivoting may go round in circles (Kojima, Mizuno and Yoshise
//! 1989; Wright 1997). Which diodes conduct shows early: their reverse voltage falls, and not their
//! current (Tapia 1980). The exact problem then starts from these states: nothing that is found in the
//! interior is ever returned.

use super::active_set::Pivoting;
use super::continuation::Snapshot;
use super::{Outcome, Run};

const MOST_STEPS: usize = 200;
/// The exact problem is tried after so many steps, and from then on every so many.
const FIRST_TRIAL: usize = 8;
const BETWEEN_TRIALS: usize = 4;
/// Steps without a smaller gap after which rounding has the word.
const PATIENCE: usize = 10;
/// Products below this part of the first ones are zero to rounding.
const SMALLEST_GAP: f64 = 1e-60;
/// Currents that circulate where nothing determines them, in units of what the sources drive: the
/// central path leads them to infinity, and beside teraamperes no milliampere is left.
const MOST_CURRENT: f64 = 10.0;

impl Run<'_> {
    pub(super) fn interior_point(&mut self) -> Outcome {
        let (current, voltage) = self.scales_of_sources();
        self.workspace.enter_interior(self.system, current, voltage);
        let outcome = self.follow_central_path(current * voltage);
        self.workspace.set_relaxed(None);
        outcome
    }

    fn follow_central_path(&mut self, first_gap: f64) -> Outcome {
        let mut centering = 0.3;
        let mut whole_steps = 0;
        let (mut least_gap, mut patience) = (f64::INFINITY, PATIENCE);
        for step in 1..=MOST_STEPS {
            let gap = self.workspace.barrier_gap(self.system);
            patience = if gap < 0.5 * least_gap {
                PATIENCE
            } else {
                patience - 1
            };
            least_gap = least_gap.min(gap);
            if !(gap > SMALLEST_GAP * first_gap) || patience == 0 {
                break;
            }
            self.workspace.aim_barrier(centering * gap);
            if let Err(outcome) = self.step() {
                return outcome;
            }
            let length = self.workspace.advance_interior(self.system);
            let limited = self.limit_points();
            whole_steps += usize::from(length > 0.9);
            centering = match length {
                // Junctions that are still on their way would be left behind.
                0.9.. if limited > 0 => 0.3,
                0.9.. => 0.02,
                0.5.. => 0.1,
                _ => 0.4,
            };
            let is_due = whole_steps >= FIRST_TRIAL / 2 && step >= FIRST_TRIAL;
            if is_due && step % BETWEEN_TRIALS == 0 && self.try_states(Self::pivoting_newton) {
                return Outcome::Converged;
            }
        }
        match self.try_states(Self::pivoting_newton) {
            true => Outcome::Converged,
            false => Outcome::Stalled,
        }
    }

    /// Solves the exact problem from the states that show; back to the relaxed one if that fails.
    pub(super) fn try_states(&mut self, newton: fn(&mut Self, &Snapshot) -> Outcome) -> bool {
        let relaxed_state = self.snapshot();
        let relaxed = self.workspace.set_relaxed(None);
        if newton(self, &relaxed_state) == Outcome::Converged {
            return true;
        }
        self.restore(&relaxed_state);
        self.workspace.set_relaxed(relaxed);
        false
    }

    fn pivoting_newton(&mut self, _: &Snapshot) -> Outcome {
        let (current, _) = self.scales_of_sources();
        self.workspace
            .bound_ideal_currents(self.system, MOST_CURRENT * current);
        self.limited_newton_with(Pivoting::one_by_one())
    }

    /// A current (A) and a voltage (V) of the size that the sources have.
    pub(super) fn scales_of_sources(&self) -> (f64, f64) {
        let g = self.values.typical_conductance();
        let (voltage, current) = self.system.largest_sources(self.workspace);
        let both = (current + g * voltage, voltage + current / g);
        match both.0 > 0.0 {
            true => both,
            false => (g, 1.0),
        }
    }
}
