//! The gradient against differences: the same derivative, without any of the adjoint's code.

use crate::analysis::{Output, Solver};
use crate::circuit::{Circuit, ParameterId};
use crate::device::Parameter;

use super::{Gradient, GradientEntry};

/// One gradient entry beside its finite-difference estimate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    pub entry: GradientEntry,
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

/// Compares each entry with a fourth-order central difference (one-sided where the parameter cannot
/// be negative). A parameter whose circuit has no operating point nearby is left out.
pub fn compare_with_differences(
    solver: &Solver,
    seeds: &[(Output, f64)],
    gradient: &Gradient,
) -> Vec<Comparison> {
    let largest = solver
        .workspace
        .full
        .iter()
        .fold(0.0f64, |m, x| m.max(x.abs()));
    let effect = |e: &GradientEntry| (e.gradient * e.value).abs();
    let probe = Probe {
        circuit: &solver.circuit,
        seeds,
        largest,
        strongest: gradient.entries.iter().map(effect).fold(0.0, f64::max),
    };
    let compare = |&entry: &GradientEntry| {
        let (difference, uncertainty) = probe.difference(entry.parameter, entry.value)?;
        Some(Comparison {
            entry,
            difference,
            uncertainty,
        })
    };
    gradient.entries.iter().filter_map(compare).collect()
}

struct Probe<'a> {
    circuit: &'a Circuit,
    seeds: &'a [(Output, f64)],
    /// Largest number in the solution: the rounding level of outputs goes with it.
    largest: f64,
    /// Largest effect of a parameter, gradient times value: what it does to the output in passing
    /// hides effects that are many orders of magnitude smaller.
    strongest: f64,
}

impl Probe<'_> {
    /// Derivative and its uncertainty: the two steps whose estimates are best in themselves must
    /// also agree with each other.
    fn difference(&self, id: ParameterId, value: f64) -> Option<(f64, f64)> {
        let estimate = |step: f64| {
            let central = self.central(id, value, step);
            let (fine, coarse, magnitude) = central.or_else(|| self.forward(id, value, step))?;
            let rounding = 4e-14 * (magnitude + self.largest + self.strongest) / step;
            Some((fine, (fine - coarse).abs() + rounding))
        };
        let mut estimates: Vec<(f64, f64)> = steps(id.parameter, value)
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
    fn central(&self, id: ParameterId, value: f64, h: f64) -> Option<(f64, f64, f64)> {
        let f = |k: f64| self.output(id, value + k * h);
        let (p1, m1, p2, m2) = (f(1.0)?, f(-1.0)?, f(2.0)?, f(-2.0)?);
        let (p3, m3) = (f(3.0)?, f(-3.0)?);
        let fourth = (8.0 * (p1 - m1) - (p2 - m2)) / (12.0 * h);
        let sixth = (45.0 * (p1 - m1) - 9.0 * (p2 - m2) + (p3 - m3)) / (60.0 * h);
        Some((sixth, fourth, p1.abs()))
    }

    fn forward(&self, id: ParameterId, value: f64, h: f64) -> Option<(f64, f64, f64)> {
        let f = |k: f64| self.output(id, value + k * h);
        let (f0, f1, f2, f3, f4) = (f(0.0)?, f(1.0)?, f(2.0)?, f(3.0)?, f(4.0)?);
        let fourth = (-25.0 * f0 + 48.0 * f1 - 36.0 * f2 + 16.0 * f3 - 3.0 * f4) / (12.0 * h);
        let third = (-11.0 * f0 + 18.0 * f1 - 9.0 * f2 + 2.0 * f3) / (6.0 * h);
        Some((fourth, third, f0.abs()))
    }

    fn output(&self, id: ParameterId, value: f64) -> Option<f64> {
        let mut circuit = self.circuit.clone();
        if !circuit.set(id, value) {
            return None;
        }
        let mut solver = Solver::new(circuit).ok()?;
        let op = solver.operating_point().ok()?;
        Some(
            self.seeds
                .iter()
                .map(|(o, w)| w * o.value(&solver.circuit, &op))
                .sum(),
        )
    }
}

/// Steps to try, in units of the parameter.
fn steps(parameter: Parameter, value: f64) -> Vec<f64> {
    let scale = match parameter {
        // An exponential law changes e-fold within a few per cent of these.
        Parameter::EmissionCoefficient | Parameter::BreakdownVoltage => 0.1 * value.abs(),
        Parameter::Temperature => 30.0,
        Parameter::ActivationEnergy => 0.1,
        _ if value != 0.0 => value.abs(),
        Parameter::Current | Parameter::BreakpointCurrent(_) => 1e-3,
        _ => 1.0,
    };
    [1e-2, 2e-3, 3e-4, 3e-5, 3e-6]
        .iter()
        .map(|h| h * scale)
        .collect()
}
