//! Residual, its certificate, and the last digits.

use crate::linear::LinearError;

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
    /// The correction that the last Newton step still asked for, relative to the largest potential:
    /// an estimate of how far rounding and conditioning leave the potentials uncertain.
    pub correction: f64,
    /// How far a change of every element value by one unit in its last place, each in the worse
    /// direction, moves the largest potential that is an unknown, relative to the largest of all; zero
    /// where it was not asked for.
    pub sensitivity: f64,
}

impl Check {
    /// Decimal digits of the largest potential that element values in double precision determine.
    pub fn digits(&self) -> f64 {
        -self.sensitivity.max(f64::EPSILON).log10()
    }

    /// Whether the worst residual, by its tolerance or in amperes, is less than half of the other's.
    fn gains_on(&self, other: &Check) -> bool {
        self.ratio < 0.5 * other.ratio || self.residual < 0.5 * other.residual
    }
}

/// Potentials (V) below this are zero: corrections of them do not count.
const NOTHING: f64 = 1e-24;

/// A correction that is larger at the end says that digits are missing.
const SMALL_ERROR: f64 = 1e-6;

/// A solution whose correction is larger than this is none: the circuit is singular to rounding.
const LARGEST_CORRECTION: f64 = 0.02;

/// Where one Newton step corrects less than this, its square is nothing beside rounding.
const QUICK_CORRECTION: f64 = 1e-7;
const QUICK_STEPS: usize = 3;

/// Factors whose conductances are this near, relatively, do for the last steps, of which each leaves
/// about that part of the correction; so many units in the last place may be left.
const NEAR_FACTORS: f64 = 0.05;
const UNITS_LEFT: f64 = 4.0;

/// What a residual may move the largest potential, relative to it, before its last digits are wanted.
const QUICK_ERROR: f64 = 1e-11;

/// Steps of refinement, and the correction after which the factors stay as they are.
const MOST_REFINEMENTS: usize = 12;
const SMALL_CORRECTION: f64 = 1e-9;

/// No residual is larger than this part of the currents that meet at its node.
const LARGEST_PART: f64 = 1e-2;

/// Rounding errors of a sum of a few thousand currents, as random as they are, stay below this many
/// units in the last place of the sum of their magnitudes: that of one current is of its own size,
/// whatever the potentials are.
const SUM_UNITS: f64 = 64.0;

/// What rounding of the potentials leaves of a sum of a few dozen currents stays below this many units
/// in the last place.
const ROUNDING_UNITS: f64 = 64.0;
/// The same of the evaluation of a law.
const EVALUATION_UNITS: f64 = 16.0;

/// What a check makes of the rounding of the residual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rounding {
    /// There is none: the residual was summed in twice the precision.
    Absent,
    /// A residual may be as large as what potentials rounded to a double leave.
    Allowed,
    /// What rounding may have done to the sums adds to the residual, and no current is too small to
    /// count: what passes holds for certain.
    Added,
}

/// What [`Workspace::reduced`] holds before a step.
///
/// [`Workspace::reduced`]: crate::mna::Workspace::reduced
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Residual {
    Unknown,
    /// That of the state in force.
    AtHand,
}

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

    /// Whether the residual in the workspace is so large that no check of it passes: found without what
    /// meets in each equation.
    pub(super) fn is_far(&self) -> bool {
        let options = self.options;
        let part = options.relative_tolerance + f64::EPSILON * (ROUNDING_UNITS + EVALUATION_UNITS);
        let meets = self.workspace.largest_scale(self.system, self.values);
        let most = 2.0 * (part * meets + options.absolute_tolerance);
        // A NaN is left to the check.
        self.workspace.reduced.iter().any(|r| r.abs() > most)
    }

    /// Measures the residual that is in the workspace, in the precision it was evaluated in.
    pub(super) fn check_residual(&mut self) -> Check {
        self.check_residual_with(if self.workspace.is_precise() {
            Rounding::Absent
        } else {
            Rounding::Allowed
        })
    }

    fn check_residual_with(&mut self, rounding: Rounding) -> Check {
        self.workspace.measure_scales(self.system, self.values);
        let mut check = Check {
            passed: true,
            ..Check::default()
        };
        let equations = self.workspace.reduced.iter().zip(&self.workspace.scales);
        for (index, (r, scale)) in equations.enumerate() {
            let (excused, added) = match rounding {
                Rounding::Absent => (0.0, 0.0),
                Rounding::Allowed => (f64::EPSILON * ROUNDING_UNITS * scale.rounding, 0.0),
                Rounding::Added => (0.0, f64::EPSILON * SUM_UNITS * scale.magnitude),
            };
            let mut allowed = self.options.relative_tolerance * scale.magnitude
                + (f64::EPSILON * EVALUATION_UNITS * scale.evaluation + excused);
            if rounding != Rounding::Allowed && index < self.system.node_unknown_count() {
                // Next to a pole of a law its slope would excuse anything.
                allowed = allowed.min(LARGEST_PART * scale.magnitude);
            }
            allowed += match rounding {
                Rounding::Added => f64::MIN_POSITIVE,
                _ => self.options.absolute_tolerance,
            };
            let ratio = (r.abs() + added) / allowed;
            if !ratio.is_finite() {
                return Check {
                    passed: false,
                    ratio: f64::INFINITY,
                    residual: f64::INFINITY,
                    worst: index,
                    correction: f64::INFINITY,
                    sensitivity: f64::INFINITY,
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
    /// [`Outcome::Singular`] if even the regularized Jacobian gives no finite step, and
    /// [`Outcome::OutOfMemory`].
    pub(super) fn step(&mut self) -> Result<(), Outcome> {
        self.step_on(Residual::Unknown)
    }

    /// The same where the workspace may hold the residual of its state.
    pub(super) fn step_on(&mut self, residual: Residual) -> Result<(), Outcome> {
        if self.is_out_of_budget() {
            return Err(Outcome::OutOfBudget);
        }
        self.workspace
            .displace_undefined_laws(self.system, self.values);
        match self.exact_step_on(residual) {
            Err(Outcome::Singular) if !self.system.is_linear() => self.shifted_step(),
            outcome => outcome,
        }
    }

    /// The same without a shift of the diagonal: for the last step, which certifies the solution.
    fn exact_step(&mut self) -> Result<(), Outcome> {
        self.exact_step_on(Residual::Unknown)
    }

    fn exact_step_on(&mut self, residual: Residual) -> Result<(), Outcome> {
        self.iterations += 1;
        let factored = self.workspace.factor(self.system, self.values);
        if is_whole(factored)? && self.solve_checked_on(residual) {
            return Ok(());
        }
        if self.workspace.is_regularized() || !self.system.has_ideal_diodes() {
            return Err(Outcome::Singular);
        }
        self.workspace.regularize();
        self.exact_step()
    }

    /// Solves and says whether the step is one: finite, and a solution of `J step = -F`.
    fn solve_checked(&mut self) -> bool {
        self.solve_checked_on(Residual::Unknown)
    }

    fn solve_checked_on(&mut self, residual: Residual) -> bool {
        if residual == Residual::Unknown {
            self.residual();
        }
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
            if is_whole(factored)? && self.solve_checked() {
                return Ok(());
            }
            shift *= 1e3;
        }
        Err(Outcome::Singular)
    }

    /// Newton steps from residuals in twice the precision, until they gain less than a factor of two,
    /// and a check by the currents alone. Where large currents circulate, a residual that is small
    /// beside them may still be all that the rest of the circuit carries.
    ///
    /// # Errors
    /// [`Outcome::Singular`] if the last step says that the solution is anywhere,
    /// [`Outcome::Imprecise`] if rounding leaves too much of the currents.
    pub(super) fn certify(&mut self, check: Check) -> Result<Check, Outcome> {
        if !self.options.refine {
            return Ok(check);
        }
        if let Some(check) = self.certify_quickly()? {
            return Ok(check);
        }
        let mut check = self.precise_check();
        let mut correction = f64::INFINITY;
        // Where currents vanish, a better state may fail until the next step: it is not given up for
        // that, but neither is the last one that passed.
        let mut passing = None;
        for _ in 0..MOST_REFINEMENTS {
            let before = self.workspace.is_precise().then(|| self.snapshot());
            self.workspace.keep();
            self.refining_step(correction <= SMALL_CORRECTION)?;
            correction = self.correction();
            self.workspace.advance(self.system, 1.0);
            let next = self.precise_check();
            let gained = next.gains_on(&check);
            if gained || (next.ratio < check.ratio && next.passed == check.passed) {
                if let (true, false, Some(state)) = (check.passed, next.passed, before) {
                    passing = Some((check, state));
                }
                check = next;
            } else {
                self.workspace.recall();
                check = self.precise_check();
            }
            check.correction = correction;
            if !gained {
                break;
            }
        }
        if let (false, Some((passed, state))) = (check.passed, passing) {
            self.restore(&state);
            check = passed;
        }
        check.sensitivity = self.sensitivity();
        if !(check.correction.max(check.sensitivity) <= LARGEST_CORRECTION) {
            Err(Outcome::Singular)
        } else if !check.passed || check.correction > SMALL_ERROR || self.local_violations() > 0 {
            Err(Outcome::Imprecise)
        } else {
            Ok(check)
        }
    }

    /// A Newton step or a few, on one Jacobian: that of the last iteration if it is near enough, and a
    /// check by the currents alone in double precision, for states so well determined that potentials rounded to a double satisfy it. If they
    /// do not, the iterate is where it was. Branch currents that are unknowns, and those through trees of
    /// floating sources, are left to twice the precision: they come from sums that lose digits.
    ///
    /// # Errors
    /// [`Outcome::Singular`] if there is no step, and [`Outcome::OutOfMemory`].
    fn certify_quickly(&mut self) -> Result<Option<Check>, Outcome> {
        let has_plain_currents = self.system.has_only_nodes() && !self.system.has_floating_ties();
        if self.workspace.is_precise() || !has_plain_currents {
            return Ok(None);
        }
        let distance = self.workspace.distance_from_factors(self.system);
        let is_near = distance <= NEAR_FACTORS;
        self.workspace.keep();
        for repeats in 0..QUICK_STEPS {
            if repeats == 0 && !is_near {
                self.exact_step()?;
            } else if !self.solve_checked() {
                break;
            }
            let correction = self.correction();
            self.workspace.advance(self.system, 1.0);
            // A residual in double precision is that of the rounded iterate.
            self.workspace.low.fill(0.0);
            self.unlimit();
            let is_last = repeats + 1 == QUICK_STEPS;
            let leaves = distance * correction > UNITS_LEFT * f64::EPSILON;
            if correction > QUICK_CORRECTION || (is_near && leaves && !is_last) {
                continue;
            }
            let mut check = self.check_residual_with(Rounding::Added);
            if !check.passed || !self.ground_balances() {
                break;
            }
            check.correction = correction;
            check.sensitivity = self.sensitivity();
            let left = check.ratio * self.options.relative_tolerance;
            if left * check.sensitivity <= QUICK_ERROR * f64::EPSILON {
                return Ok(Some(check));
            }
            break;
        }
        self.workspace.recall();
        Ok(None)
    }

    /// Whether what Kirchhoff's current law leaves over at all other nodes is small beside the currents
    /// at ground, which takes it.
    fn ground_balances(&self) -> bool {
        let workspace = &*self.workspace;
        let equations = workspace.reduced.iter().zip(&workspace.scales);
        let left = equations.map(|(r, s)| r.abs() + f64::EPSILON * SUM_UNITS * s.magnitude);
        let currents = workspace.ground_magnitude(self.system);
        left.sum::<f64>() <= self.options.relative_tolerance * currents
    }

    /// How far units in the last place of the element values move the largest potential that is an
    /// unknown, relative to the largest of all.
    fn sensitivity(&mut self) -> f64 {
        let full = &self.workspace.full[..self.system.node_count()];
        let size = full.iter().fold(NOTHING, |m, x| m.max(x.abs()));
        let unknowns = self.system.unknowns().iter().zip(full);
        let free = unknowns.filter(|(unknown, _)| unknown.is_some());
        let largest = free.max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
        let Some((unknown, _)) = largest else {
            return 0.0;
        };
        let index = (size > NOTHING).then_some(unknown.index());
        let size = if index.is_some() { size } else { 1.0 };
        let (system, values) = (self.system, self.values);
        let moved = (self.workspace).sensitivity_to_elements(system, values, index);
        f64::EPSILON * moved / size
    }

    /// A Newton step from a residual in twice the precision, on the factors of the last one if the
    /// iterate `is_near` to it.
    fn refining_step(&mut self, is_near: bool) -> Result<(), Outcome> {
        if !is_near {
            self.exact_step()?;
        }
        self.workspace
            .evaluate_residual_precisely(self.system, self.values);
        self.workspace.solve_step();
        let is_finite = self.workspace.reduced.iter().all(|x| x.is_finite());
        if is_finite {
            Ok(())
        } else {
            Err(Outcome::Singular)
        }
    }

    /// The check on a residual in twice the precision.
    fn precise_check(&mut self) -> Check {
        self.unlimit();
        self.workspace
            .evaluate_residual_precisely(self.system, self.values);
        self.check_residual_with(Rounding::Absent)
    }

    /// Largest potential change of the step in the workspace, relative to the largest potential.
    fn correction(&self) -> f64 {
        let largest = |values: &[f64]| values.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        let nodes = self.system.node_unknown_count();
        let step = largest(&self.workspace.reduced[..nodes]);
        let size = largest(&self.workspace.full[..self.system.node_count()]);
        if step == 0.0 {
            0.0
        } else {
            step / size.max(step).max(NOTHING)
        }
    }
}

/// Whether there are factors; lack of memory is not mended by another matrix.
fn is_whole(factored: Result<(), LinearError>) -> Result<bool, Outcome> {
    match factored {
        Err(LinearError::OutOfMemory { .. }) => Err(Outcome::OutOfMemory),
        outcome => Ok(outcome.is_ok()),
    }
}
