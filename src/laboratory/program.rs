//! The local update: steps, bounds, drift.

use crate::learning::data::SampleRandom;
use crate::learning::{BenchConfig, TrainedParameters};

/// How conductances take an update.
#[derive(Clone, Debug, PartialEq)]
pub struct Programming {
    /// Size of a step of each quantity, in its unit; none for any change.
    steps: Vec<Option<f64>>,
    drift: f64,
}

impl Programming {
    /// Puts initial values onto the grid of the steps.
    pub fn new(bench: &BenchConfig, parameters: &mut TrainedParameters) -> Self {
        let step = |k: usize| {
            let (min, max) = parameters.bounds(k);
            bench.step_within(Some(min), Some(max))
        };
        let steps: Vec<_> = (0..parameters.len()).map(step).collect();
        for (k, step) in steps.iter().enumerate() {
            if let Some(step) = step {
                let (min, _) = parameters.bounds(k);
                let origin = if min.is_finite() { min } else { 0.0 };
                let count = ((parameters.quantity(k) - origin) / step).round();
                parameters.set_quantity(k, origin + count * step);
            }
        }
        Self {
            steps,
            drift: bench.drift,
        }
    }

    /// Changes each quantity by `-rate dL/dtheta`; `rate` is in units of the square of a group's typical
    /// value, as that of an optimizer is. A part of a step is taken as a whole one with that probability.
    pub fn update(
        &self,
        parameters: &mut TrainedParameters,
        gradient: &[f64],
        rate: f64,
        random: &mut SampleRandom,
    ) {
        let rates: Vec<f64> = parameters.rates().collect();
        for (k, g) in gradient.iter().enumerate() {
            let unit = parameters.unit(k);
            let mut change = -rate * rates[k] * unit * unit * g;
            if let Some(step) = self.steps[k] {
                change = (change / step + random.uniform(0.0, 1.0)).floor() * step;
            }
            let mut quantity = parameters.quantity(k) + change;
            let (min, max) = parameters.bounds(k);
            quantity = quantity.clamp(min, max);
            if self.drift > 0.0 && min.is_finite() {
                quantity += self.drift * (min - quantity);
            }
            parameters.set_quantity(k, quantity);
        }
    }
}
