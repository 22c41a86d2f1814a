//! Currents into the outputs: equilibrium propagation and frequency propagation.

use std::f64::consts::TAU;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Bench, Estimator, EstimatorError, Settings};

impl Bench {
    /// Adds up the drop rule over the nudges of `estimator`: each is a multiple `s` of beta with a weight
    /// on its contrast to the free state.
    pub(super) fn nudged(
        &mut self,
        estimator: Estimator,
        settings: &Settings,
        samples: &[usize],
        gradient: &mut [f64],
    ) -> Result<(), EstimatorError> {
        let plan = plan(estimator, settings);
        let beta = settings.beta * self.unit();
        for &sample in samples {
            let free = self.settle(sample, &[], estimator)?;
            let (_, slope, _) = self.slope(&free, sample);
            for &(s, weight) in &plan {
                let nudge: Vec<f64> = slope.iter().map(|d| s * beta * d).collect();
                let nudged = self.settle(sample, &nudge, estimator)?;
                self.add_contrast((&free, &nudged), weight / beta, gradient);
            }
        }
        Ok(())
    }
}

/// Multiples of beta and the weights of their contrasts.
fn plan(estimator: Estimator, settings: &Settings) -> Vec<(f64, f64)> {
    match estimator {
        Estimator::EqPropCentered => vec![(1.0, 0.5), (-1.0, -0.5)],
        Estimator::EqPropRandom => {
            let is_up = ChaCha8Rng::seed_from_u64(settings.seed).random::<f64>() < 0.5;
            let sign = if is_up { 1.0 } else { -1.0 };
            vec![(sign, sign)]
        }
        Estimator::Frequency => {
            // Half a step off zero, so that no phase is spent where the nudge vanishes. The quasi-static
            // limit: each phase settles; the lock-in is the first Fourier coefficient.
            let phases = settings.phases;
            let phase = |k: usize| (TAU * (k as f64 + 0.5) / phases as f64).sin();
            let weight = 2.0 / phases as f64;
            (0..phases).map(|k| (phase(k), weight * phase(k))).collect()
        }
        _ => vec![(1.0, 1.0)],
    }
}
