//! Random numbers that belong to one sample.

use std::f64::consts::TAU;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The random numbers of one sample.
///
/// Every sample has its own stream, so that it does not depend on how many samples are drawn or
/// how many numbers another sample took.
pub struct SampleRandom(ChaCha8Rng);

impl SampleRandom {
    pub fn new(seed: u64, sample: usize) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(sample as u64);
        Self(generator)
    }

    /// Uniform in `low..high`.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.random::<f64>()
    }

    /// Uniform in `0..count`; 0 if the count is 0.
    pub fn below(&mut self, count: usize) -> usize {
        (self.uniform(0.0, count as f64) as usize).min(count.saturating_sub(1))
    }

    /// Normal with mean 0, by Box and Muller.
    pub fn gaussian(&mut self, deviation: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform(0.0, 1.0)).ln()).sqrt();
        deviation * radius * self.uniform(0.0, TAU).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaussian_has_the_asked_mean_and_deviation() {
        let mut random = SampleRandom::new(3, 0);
        let draws: Vec<f64> = (0..20_000).map(|_| random.gaussian(2.0)).collect();
        let mean = draws.iter().sum::<f64>() / 20_000.0;
        let variance = draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.05, "{mean}");
        assert!((variance.sqrt() - 2.0).abs() < 0.05, "{variance}");
    }

    #[test]
    fn below_reaches_every_value_and_no_more() {
        let mut random = SampleRandom::new(3, 1);
        let mut seen = [0; 3];
        (0..300).for_each(|_| seen[random.below(3)] += 1);
        assert!(seen.iter().all(|&count| count > 60), "{seen:?}");
    }
}
