//! Residual, its certificate, and the last digits.

use super::{Outcome, Run};

/// The residual of a state, measured equation by equation in units of what is allowed there.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Check {
    /// Every equation holds to its tolerance.
    pub passed: bool,
    /// Largest residual in units of its tolerance.
    pub ratio: f64,
    /// Largest residual of Kirchhoff's current law, A.
    pub residual: f64,
    /// Reduced index of the equation with the largest ratio.
    pub worst: usize,
}

/// Rounding errors of a sum of a few dozen currents stay below this many units in the last place.
const ROUNDING_UNITS: f64 = 64.0;

impl Run<'_> {
    /// Drops all limiting: points at the voltages of the iterate, residual evaluated there.
    pub(super) fn unlimit(&mut self) {
        self.workspace.settle(self.system, self.values);
    }

    pub(super) fn residual(&mut self) {
        self.workspace.evaluate_residual(self.system, self.values);
    }

    /// Measures the true residual: no limiting, no regularization.
    pub(super) fn check(&mut self) -> Check {
        self.unlimit();
        self.check_residual()
    }

    /// Measures the residual that is in the workspace.
    pub(super) fn check_residual(&mut self) -> Check {
        self.workspace.measure_scales(self.system, self.values);
        let mut check = Check {
            passed: true,
            ..Check::default()
        };
        for (index, (r, scale)) in self
            .workspace
            .reduced
            .iter()
            .zip(&self.workspace.scales)
            .enumerate()
        {
            let allowed = self.options.relative_tolerance * scale.magnitude
                + ROUNDING_UNITS * f64::EPSILON * scale.rounding
                + self.options.absolute_tolerance;
            let ratio = r.abs() / allowed;
            if !ratio.is_finite() {
                return Check {
                    passed: false,
                    ratio: f64::INFINITY,
                    residual: f64::INFINITY,
                    worst: index,
                };
            }
            if index < self.system.node_unknown_count() {
                check.residual = check.residual.max(r.abs());
            }
            if ratio > check.ratio {
                check.ratio = ratio;
                check.worst = index;
            }
        }
        check.passed = check.ratio <= 1.0 && self.ideal_violations() == 0;
        check
    }

    /// Factors the Jacobian in force and solves for the step.
    ///
    /// # Errors
    /// [`Outcome::Singular`] if even the regularized Jacobian gives no finite step.
    pub(super) fn step(&mut self) -> Result<(), Outcome> {
        self.iterations += 1;
        let mut regularized = self.workspace.is_regularized();
        loop {
            let factored = self.workspace.factor(self.system, self.values);
            if factored.is_ok() && self.solve_checked() {
                return Ok(());
            }
            if regularized {
                return self.shifted_step();
            }
            self.workspace.regularize();
            regularized = true;
        }
    }

    /// Solves and says whether the step is one: finite, and a solution of `J step = -F`.
    fn solve_checked(&mut self) -> bool {
        self.residual();
        self.workspace.solve_step();
        self.workspace.reduced.iter().all(|x| x.is_finite())
    }

    /// A flat law can leave a node without any conductance for one iteration: a small shunt gives a
    /// step all the same, and the residual decides.
    fn shifted_step(&mut self) -> Result<(), Outcome> {
        let mut shift = 1e-12 * self.values.typical_conductance();
        for _ in 0..4 {
            let factored = self
                .workspace
                .factor_shifted(self.system, self.values, shift);
            if factored.is_ok() && self.solve_checked() {
                return Ok(());
            }
            shift *= 1e3;
        }
        Err(Outcome::Singular)
    }

    /// Newton steps beyond the tolerance as long as they gain at least a factor of two.
    pub(super) fn polish(&mut self, mut check: super::Check) -> super::Check {
        for _ in 0..3 {
            self.workspace.keep();
            if self.step().is_err() {
                break;
            }
            self.workspace.advance(self.system, 1.0);
            let next = self.check();
            if !next.passed || next.ratio >= check.ratio {
                self.workspace.recall();
                return self.check();
            }
            let gained = next.ratio < 0.5 * check.ratio;
            check = next;
            if !gained {
                break;
            }
        }
        check
    }
}
