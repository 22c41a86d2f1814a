//! Newton with junction limiting: each diode is linearized where its own law can follow the step.

use super::active_set::Pivoting;
use super::{Outcome, Run};

impl Run<'_> {
    /// Iterates from the state of the workspace. Converged means that no diode was limited, no ideal
    /// diode changed its state, and the residual passed its check.
    pub(super) fn limited_newton(&mut self) -> Outcome {
        self.limited_newton_within(self.options.max_iterations)
    }

    pub(super) fn limited_newton_within(&mut self, max_iterations: usize) -> Outcome {
        let mut pivoting = Pivoting::default();
        for _ in 0..max_iterations {
            if let Err(outcome) = self.step() {
                return outcome;
            }
            self.workspace.advance(self.system, 1.0);
            let limited = self.limit_points();
            let flipped = self.flip_ideal_diodes(&mut pivoting);
            if limited || flipped {
                continue;
            }
            self.residual();
            if self.check_residual().ratio <= 1.0 {
                return Outcome::Converged;
            }
        }
        Outcome::TooManyIterations
    }

    /// Chooses the next linearization point of each one-port; true if one differs from the voltage
    /// across it by more than rounding.
    fn limit_points(&mut self) -> bool {
        let ws = &mut *self.workspace;
        let mut limited = false;
        for (index, nodes) in self.system.one_port_nodes().enumerate() {
            let voltage = ws.full[nodes[0].index()] - ws.full[nodes[1].index()];
            let previous = ws.points[index];
            let point = self.values.one_ports()[index].limit(voltage, previous);
            // A point beside the voltage that the residual check cannot tell from it is the voltage.
            let near = (point - voltage).abs() <= 1e-9 * voltage.abs();
            limited |= !near;
            ws.points[index] = if near { voltage } else { point };
        }
        ws.evaluate_companions(self.values);
        limited
    }
}
