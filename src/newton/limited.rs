//! Newton with junction limiting: each diode is linearized where its own law can follow the step.

use super::active_set::Pivoting;
use super::{Outcome, Run};

/// Iterations without progress after which another strategy is more likely to help.
const PATIENCE: usize = 40;

/// Where it works at all it takes fewer; what is left of the budget belongs to other strategies.
const MOST_ITERATIONS: usize = 150;

/// How often a step into the undefined is halved.
const MOST_HALVINGS: i32 = 40;

/// The best state so far: fewest limited diodes, then smallest residual.
struct Progress {
    limited: usize,
    ratio: f64,
    patience: usize,
}

impl Progress {
    fn new() -> Self {
        Self {
            limited: usize::MAX,
            ratio: f64::INFINITY,
            patience: PATIENCE,
        }
    }

    /// False if there has been none for too long.
    fn note(&mut self, limited: usize, ratio: f64) -> bool {
        let better =
            limited < self.limited || (limited == self.limited && ratio < 0.5 * self.ratio);
        if better {
            *self = Self {
                limited,
                ratio,
                patience: PATIENCE,
            };
        } else {
            self.patience = self.patience.saturating_sub(1);
        }
        self.patience > 0
    }
}

impl Run<'_> {
    /// Iterates from the state of the workspace. Converged means that no diode was limited, no ideal
    /// diode changed its state, and the residual passed its check.
    pub(super) fn limited_newton(&mut self) -> Outcome {
        self.limited_newton_with(Pivoting::by_blocks())
    }

    pub(super) fn limited_newton_with(&mut self, mut pivoting: Pivoting) -> Outcome {
        let mut progress = Progress::new();
        for _ in 0..MOST_ITERATIONS.min(self.options.max_iterations) {
            if let Err(outcome) = self.step() {
                return outcome;
            }
            self.advance_within_laws();
            self.sharpen();
            let limited = self.limit_points() + self.workspace.undefined_laws();
            if self.flip_ideal_diodes(&mut pivoting) {
                if pivoting.is_stuck() {
                    return Outcome::Stalled;
                }
                continue;
            }
            let mut ratio = f64::INFINITY;
            if limited == 0 {
                self.residual();
                ratio = self.check_residual().ratio;
                if ratio <= 1.0 {
                    return Outcome::Converged;
                }
            }
            if !progress.note(limited, ratio) {
                return Outcome::Stalled;
            }
        }
        Outcome::TooManyIterations
    }

    /// The step was rounded to double precision, which leaves of a current that should vanish the last
    /// digit of what it was: enough to contradict the state of an ideal diode.
    fn sharpen(&mut self) {
        let ws = &mut *self.workspace;
        if ws.is_precise() && self.system.has_ideal_diodes() && !self.system.has_laws() {
            ws.evaluate_residual(self.system, self.values);
            ws.solve_step();
            ws.advance(self.system, 1.0);
        }
    }

    /// Takes the step, or as much of it as leaves every law defined.
    fn advance_within_laws(&mut self) {
        let ws = &mut *self.workspace;
        if !self.system.has_laws() {
            ws.advance(self.system, 1.0);
            return;
        }
        ws.keep();
        let shorter = (1..MOST_HALVINGS).map(|k| 0.5f64.powi(k));
        // Where no part of the step will do, the whole of it may lead past the undefined region.
        for t in std::iter::once(1.0).chain(shorter).chain([1.0]) {
            ws.recall();
            ws.advance(self.system, t);
            ws.evaluate_laws(self.system, self.values);
            if ws.undefined_laws() == 0 {
                return;
            }
        }
    }

    /// Chooses the next linearization point of each one-port; returns how many differ from the
    /// voltage across it by more than rounding.
    pub(super) fn limit_points(&mut self) -> usize {
        let ws = &mut *self.workspace;
        let mut limited = 0;
        for (index, nodes) in self.system.one_port_nodes().enumerate() {
            let voltage = ws.voltage(nodes[0], nodes[1]);
            let previous = ws.points[index];
            let point = self.values.one_ports()[index].limit(voltage, previous);
            // A point beside the voltage that the residual check cannot tell from it is the voltage.
            let near = (point - voltage).abs() <= 1e-9 * voltage.abs();
            limited += usize::from(!near);
            ws.points[index] = if near { voltage } else { point };
        }
        ws.evaluate_companions(self.values);
        limited
    }
}
