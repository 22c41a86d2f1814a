//! Damped Newton.
//!
//! Where a co-content exists the operating point is its minimum (Millar 1951). The slope of the
//! co-content along a Newton step is `F(z + t d) . d`, which rises with `t` in a monotone circuit: a
//! bracketing search finds its zero without evaluating the co-content, free of cancellation. The
//! co-content falls at every step, so that the iteration converges from any start.

use super::active_set::Pivoting;
use super::{Outcome, Run};

/// A step is long enough where the slope has fallen to this part of the initial one.
const SLOPE_REDUCTION: f64 = 0.25;
const MAX_HALVINGS: usize = 60;

impl Run<'_> {
    pub(super) fn line_search(&mut self) -> Outcome {
        self.line_search_within(self.options.max_iterations)
    }

    pub(super) fn line_search_within(&mut self, max_iterations: usize) -> Outcome {
        let mut pivoting = Pivoting::one_by_one();
        for _ in 0..max_iterations {
            let check = self.check();
            if check.ratio <= 1.0 && !self.flip_ideal_diodes(&mut pivoting) {
                return Outcome::Converged;
            }
            if let Err(outcome) = self.step() {
                return outcome;
            }
            if !self.move_along_step() {
                return Outcome::Stalled;
            }
            self.flip_ideal_diodes(&mut pivoting);
        }
        Outcome::TooManyIterations
    }

    /// Moves along the step, on the co-content if there is one; false if it cannot.
    pub(super) fn move_along_step(&mut self) -> bool {
        match self.workspace.has_cocontent(self.system) {
            true => self.search_cocontent(),
            false => self.search_residual_norm(),
        }
    }

    /// Moves along the step to where the slope of the co-content is small; false if it cannot.
    fn search_cocontent(&mut self) -> bool {
        self.workspace.begin_search();
        let initial = self.slope_at(0.0);
        if !(initial < 0.0) {
            return false;
        }
        let enough = |slope: f64| slope.abs() <= SLOPE_REDUCTION * initial.abs();
        let (mut low, mut high, mut t) = (0.0, f64::INFINITY, 1.0);
        for _ in 0..MAX_HALVINGS {
            let slope = self.slope_at(t);
            if enough(slope) {
                return true;
            }
            if slope > 0.0 || !slope.is_finite() {
                high = t;
            } else {
                low = t;
            }
            t = if high.is_finite() {
                0.5 * (low + high)
            } else {
                4.0 * t
            };
        }
        // The slope jumps over zero (a corner of a piecewise-linear law): stay on the near side.
        low > 0.0 && {
            self.slope_at(low);
            true
        }
    }

    /// Puts the iterate `t` steps from where the search began and returns `F . direction` there.
    fn slope_at(&mut self, t: f64) -> f64 {
        self.move_to(t);
        self.workspace.slope()
    }

    fn move_to(&mut self, t: f64) {
        self.workspace.move_along(self.system, t);
        self.unlimit();
    }

    /// Halves the step until the norm of the residual falls. The norm is that of the correction which
    /// the residual calls for on the factors at hand, `|J^-1 F|` (Deuflhard 2004, natural
    /// monotonicity test): it does not depend on how equations are scaled.
    fn search_residual_norm(&mut self) -> bool {
        self.workspace.begin_search();
        // Away from where a law is undefined every step is progress.
        let initial = match self.workspace.undefined_laws() {
            0 => self.correction_norm(),
            _ => f64::MAX,
        };
        let mut t = 1.0;
        for _ in 0..MAX_HALVINGS {
            self.move_to(t);
            self.workspace.solve_step();
            if self.correction_norm() <= (1.0 - 0.25 * t) * initial {
                return true;
            }
            t *= 0.5;
        }
        self.move_to(0.0);
        false
    }

    /// Euclidean norm of the step in the workspace, in V: currents count by the typical conductance.
    fn correction_norm(&self) -> f64 {
        let (nodes, branches) = self
            .workspace
            .reduced
            .split_at(self.system.node_unknown_count());
        let squares = |values: &[f64]| values.iter().map(|x| x * x).sum::<f64>();
        let g = self.values.typical_conductance();
        (squares(nodes) + squares(branches) / (g * g)).sqrt()
    }
}
