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
        let on_cocontent = self.system.is_reciprocal() && self.workspace.conducting.is_empty();
        let mut pivoting = Pivoting::default();
        for _ in 0..5 * self.options.max_iterations {
            let check = self.check();
            if check.ratio <= 1.0 && !self.flip_ideal_diodes(&mut pivoting) {
                return Outcome::Converged;
            }
            if let Err(outcome) = self.step() {
                return outcome;
            }
            let moved = if on_cocontent && self.system.has_only_nodes() {
                self.search_cocontent()
            } else {
                self.search_residual_norm()
            };
            if !moved {
                return Outcome::Stalled;
            }
            self.flip_ideal_diodes(&mut pivoting);
        }
        Outcome::TooManyIterations
    }

    /// Moves along the step to where the slope of the co-content is small; false if it cannot.
    fn search_cocontent(&mut self) -> bool {
        let direction = self.workspace.reduced.clone();
        let start = self.workspace.full.clone();
        let initial = self.slope_at(&start, &direction, 0.0);
        if !(initial < 0.0) {
            return false;
        }
        let enough = |slope: f64| slope.abs() <= SLOPE_REDUCTION * initial.abs();
        let (mut low, mut high, mut t) = (0.0, f64::INFINITY, 1.0);
        for _ in 0..MAX_HALVINGS {
            let slope = self.slope_at(&start, &direction, t);
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
            self.slope_at(&start, &direction, low);
            true
        }
    }

    /// Puts the iterate at `start + t direction` and returns `F . direction` there.
    fn slope_at(&mut self, start: &[f64], direction: &[f64], t: f64) -> f64 {
        self.move_to(start, direction, t);
        self.workspace
            .reduced
            .iter()
            .zip(direction)
            .map(|(r, d)| r * d)
            .sum()
    }

    fn move_to(&mut self, start: &[f64], direction: &[f64], t: f64) {
        self.workspace.full.copy_from_slice(start);
        self.workspace.reduced.copy_from_slice(direction);
        self.workspace.advance(self.system, t);
        self.unlimit();
    }

    /// Halves the step until the norm of the residual, in units of its tolerance, falls.
    fn search_residual_norm(&mut self) -> bool {
        let direction = self.workspace.reduced.clone();
        let start = self.workspace.full.clone();
        self.move_to(&start, &direction, 0.0);
        self.workspace.measure_scales(self.system, self.values);
        let weight =
            |s: &crate::mna::Scale| 1.0 / (s.magnitude + f64::EPSILON * s.rounding + 1e-30);
        let weights: Vec<f64> = self.workspace.scales.iter().map(weight).collect();
        let initial = self.weighted_norm(&weights);
        let mut t = 1.0;
        for _ in 0..MAX_HALVINGS {
            self.move_to(&start, &direction, t);
            if self.weighted_norm(&weights) < (1.0 - 1e-4 * t) * initial {
                return true;
            }
            t *= 0.5;
        }
        self.move_to(&start, &direction, 0.0);
        false
    }

    fn weighted_norm(&self, weights: &[f64]) -> f64 {
        let squares = self
            .workspace
            .reduced
            .iter()
            .zip(weights)
            .map(|(r, w)| (r * w).powi(2));
        squares.sum::<f64>().sqrt()
    }
}
