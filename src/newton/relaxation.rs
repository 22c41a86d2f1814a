//! Ideal diodes softened into two slopes, then hardened again.
//!
//! A soft diode makes the problem strictly monotone, so that it has one solution and pivoting cannot
//! cycle; where a co-content exists the line search gets there from any start. The states found are
//! where the exact problem starts: no soft result is ever returned.

use super::active_set::Pivoting;
use super::{Outcome, Run};

/// From soft to nearly ideal; each solution starts the next.
const SOFTNESS: [f64; 5] = [1e-2, 1e-4, 1e-6, 1e-8, 1e-10];

impl Run<'_> {
    pub(super) fn relaxation(&mut self) -> Outcome {
        let has_cocontent =
            self.system.is_reciprocal() && self.system.has_only_nodes_and_ideal_diodes();
        for softness in SOFTNESS {
            self.set_relaxation(softness);
            let mut outcome = Outcome::Stalled;
            if has_cocontent {
                outcome = self.line_search();
            }
            if outcome != Outcome::Converged {
                outcome = self.limited_newton_with(Pivoting::one_by_one());
            }
            let soft = self.snapshot();
            self.set_relaxation(0.0);
            if outcome != Outcome::Converged {
                return outcome;
            }
            if self.limited_newton_with(Pivoting::one_by_one()) == Outcome::Converged {
                return Outcome::Converged;
            }
            self.restore(&soft);
        }
        Outcome::Stalled
    }

    fn set_relaxation(&mut self, relaxation: f64) {
        self.workspace.relaxation = relaxation;
        self.workspace.invalidate();
    }
}
