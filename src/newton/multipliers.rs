//! Ideal diodes by the method of multipliers.
//!
//! For given multipliers every diode has a law that gives its current, and in a reciprocal circuit the
//! operating point is the minimum of a co-content again: Newton with a line search finds it from any
//! start, whatever corners the other laws have. The multipliers lead to the states of the ideal
//! diodes, and the exact problem starts from there: nothing that is found on the way is ever returned.

use super::{Outcome, Run};

/// States that are not right by then are degenerate; circuits without an operating point use them all.
const MOST_MULTIPLIERS: usize = 5;
/// With all digits the first states are right or there are none.
const MOST_PRECISE_MULTIPLIERS: usize = 2;
/// Exponentials are climbed down by a thermal voltage a step.
const MOST_STEPS: usize = 100;

/// No potential is larger in units of what the sources drive through a typical resistor.
const HIGHEST: f64 = 1e12;

impl Run<'_> {
    pub(super) fn multipliers(&mut self) -> Outcome {
        self.workspace.enter_multipliers(self.system, self.values);
        let outcome = self.advance_multipliers();
        self.workspace.set_relaxed(None);
        outcome
    }

    fn advance_multipliers(&mut self) -> Outcome {
        let most = match self.workspace.is_precise() {
            true => MOST_PRECISE_MULTIPLIERS,
            false => MOST_MULTIPLIERS,
        };
        for _ in 0..most {
            if let Err(outcome) = self.descend() {
                return outcome;
            }
            if self.try_states(Self::either_newton) {
                return Outcome::Converged;
            }
            self.workspace.advance_multipliers(self.system);
        }
        Outcome::Stalled
    }

    /// To the operating point for the multipliers in force, as near as rounding lets it.
    fn descend(&mut self) -> Result<(), Outcome> {
        let mut check = self.check();
        for _ in 0..MOST_STEPS {
            if check.ratio <= 1.0 {
                break;
            }
            self.step()?;
            if !self.move_along_step() {
                break;
            }
            if self.is_runaway() {
                return Err(Outcome::Stalled);
            }
            check = self.check_after_move();
        }
        Ok(())
    }

    /// Without an operating point the co-content has no minimum, and potentials grow until rounding
    /// excuses any current.
    fn is_runaway(&self) -> bool {
        let (_, voltage) = self.scales_of_sources();
        let nodes = &self.workspace.full[..self.system.node_count()];
        nodes.iter().any(|v| !(v.abs() <= HIGHEST * voltage))
    }
}
