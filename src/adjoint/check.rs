//! The gradient against differences: the same derivative, without any of the adjoint's code.

use crate::analysis::{Probe, Solver};
use crate::circuit::{Circuit, Variable};
use crate::device::Parameter;

use super::Derivative;

/// One derivative beside its finite-difference estimate.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    pub entry: Derivative,
    pub difference: f64,
    /// Estimated error of the difference itself (rounding and truncation).
    pub uncertainty: f64,
}

impl Comparison {
    /// Disagreement relative to the larger of the two, whatever the difference can resolve.
    pub fn raw_error(&self) -> f64 {
        let scale = self.entry.gradient.abs().max(self.difference.abs());
        if scale == 0.0 {
            return 0.0;
        }
        (self.entry.gradient - self.difference).abs() / scale
    }

    /// True if the difference is certain to about `tolerance`, so that it can tell right from wrong.
    pub fn is_resolved(&self, tolerance: f64) -> bool {
        self.uncertainty <= tolerance * self.difference.abs()
    }

    /// Disagreement relative to the larger of the two, beyond three times the uncertainty of the
    /// difference.
    pub fn relative_error(&self) -> f64 {
        let scale = self.entry.gradient.abs().max(self.difference.abs());
        let beyond = (self.entry.gradient - self.difference).abs() - 3.0 * self.uncertainty;
        if beyond <= 0.0 { 0.0 } else { beyond / scale }
    }
}

/// Compares each derivative with a fourth-order central difference (one-sided where the variable cannot
/// be negative). A variable whose circuit has no operating point nearby is left out.
pub fn compare_with_differences(
    solver: &Solver,
    probe: &Probe,
    derivatives: &[Derivative],
) -> Vec<Comparison> {
    let largest = solver
        .workspace
        .full
        .iter()
        .fold(0.0f64, |m, x| m.max(x.abs()));
    let effect = |d: &Derivative| (d.gradient * d.value).abs();
    let experiment = Experiment {
        circuit: &solver.circuit,
        probe,
        largest,
        strongest: derivatives.iter().map(effect).fold(0.0, f64::max),
    };
    let compare = |entry: &Derivative| {
        let (difference, uncertainty) = experiment.difference(&entry.variable, entry.value)?;
        Some(Comparison {
            entry: entry.clone(),
            difference,
            uncertainty,
        })
    };
    derivatives.iter().filter_map(compare).collect()
}

struct Experiment<'a> {
    circuit: &'a Circuit,
    probe: &'a Probe,
    /// Largest number in the solution: the rounding level of outputs goes with it.
    largest: f64,
    /// Largest effect of a variable, gradient times value: what it does to the output in passing
    /// hides effects that are many orders of magnitude smaller.
    strongest: f64,
}

impl Experiment<'_> {
    /// Derivative and its uncertainty: the two steps whose estimates are best in themselves must
    /// also agree with each other.
    fn difference(&self, variable: &Variable, value: f64) -> Option<(f64, f64)> {
        let estimate = |step: f64| {
            let central = self.central(variable, value, step);
            let (fine, coarse, magnitude) =
                central.or_else(|| self.forward(variable, value, step))?;
            let rounding = 4e-14 * (magnitude + self.largest + self.strongest) / step;
            Some((fine, (fine - coarse).abs() + rounding))
        };
        let mut estimates: Vec<(f64, f64)> = steps(variable, value)
            .into_iter()
            .filter_map(estimate)
            .collect();
        estimates.sort_by(|a, b| a.1.total_cmp(&b.1));
        let (best, uncertainty) = *estimates.first()?;
        let apart = estimates
            .get(1)
            .map_or(0.0, |second| (second.0 - best).abs());
        Some((best, uncertainty.max(apart)))
    }

    /// Fourth-order and second-order estimate, and the size of the output.
    fn central(&self, variable: &Variable, value: f64, h: f64) -> Option<(f64, f64, f64)> {
        let f = |k: f64| self.output(variable, value + k * h);
        let (p1, m1, p2, m2) = (f(1.0)?, f(-1.0)?, f(2.0)?, f(-2.0)?);
        let (p3, m3) = (f(3.0)?, f(-3.0)?);
        let fourth = (8.0 * (p1 - m1) - (p2 - m2)) / (12.0 * h);
        let sixth = (45.0 * (p1 - m1) - 9.0 * (p2 - m2) + (p3 - m3)) / (60.0 * h);
        Some((sixth, fourth, p1.abs()))
    }

    fn forward(&self, variable: &Variable, value: f64, h: f64) -> Option<(f64, f64, f64)> {
        let f = |k: f64| self.output(variable, value + k * h);
        let (f0, f1, f2, f3, f4) = (f(0.0)?, f(1.0)?, f(2.0)?, f(3.0)?, f(4.0)?);
        let fourth = (-25.0 * f0 + 48.0 * f1 - 36.0 * f2 + 16.0 * f3 - 3.0 * f4) / (12.0 * h);
        let third = (-11.0 * f0 + 18.0 * f1 - 9.0 * f2 + 2.0 * f3) / (6.0 * h);
        Some((fourth, third, f0.abs()))
    }

    fn output(&self, variable: &Variable, value: f64) -> Option<f64> {
        let mut circuit = self.circuit.clone();
        if !circuit.set_variable(variable, value) {
            return None;
        }
        let mut solver = Solver::new(circuit).ok()?;
        let op = solver.operating_point().ok()?;
        Some(self.probe.value(&solver.circuit, &op))
    }
}

/// Steps to try, in units of the variable.
fn steps(variable: &Variable, value: f64) -> Vec<f64> {
    let parameter = match variable {
        Variable::Temperature => Some(Parameter::Temperature),
        Variable::Named(_) => None,
        Variable::Elements(ids) => ids.first().map(|id| id.parameter),
    };
    let scale = match parameter {
        // An exponential law changes e-fold within a few per cent of these.
        Some(Parameter::EmissionCoefficient | Parameter::BreakdownVoltage) => 0.1 * value.abs(),
        Some(Parameter::Temperature) => 30.0,
        Some(Parameter::ActivationEnergy) => 0.1,
        _ if value != 0.0 => value.abs(),
        Some(Parameter::Current | Parameter::BreakpointCurrent(_)) => 1e-3,
        _ => 1.0,
    };
    [1e-2, 2e-3, 3e-4, 3e-5, 3e-6]
        .iter()
        .map(|h| h * scale)
        .collect()
}
