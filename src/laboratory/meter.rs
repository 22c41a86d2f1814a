//! Readings of voltages.

use crate::learning::data::SampleRandom;

/// Noise first, then a converter that rounds and clips.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Meter {
    /// V rms.
    pub noise: f64,
    /// Bits of the converter and its full scale, V; none for any resolution and any range.
    pub converter: Option<(u32, f64)>,
}

impl Meter {
    pub fn new(noise: f64, bits: Option<u32>, range: Option<f64>) -> Self {
        Self {
            noise,
            converter: bits.zip(range),
        }
    }

    /// What it shows at a voltage, V.
    pub fn read(&self, mut voltage: f64, random: &mut SampleRandom) -> f64 {
        if self.noise > 0.0 {
            voltage += random.gaussian(self.noise);
        }
        match self.converter {
            None => voltage,
            Some((bits, range)) => {
                let half = 2f64.powi(bits as i32 - 1);
                let step = range / half;
                // Two's complement: one step less above zero than below it.
                (voltage / step).round().clamp(-half, half - 1.0) * step
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_converter_rounds_and_clips() {
        let meter = Meter::new(0.0, Some(3), Some(1.0));
        let mut random = SampleRandom::new(0, 0);
        let shown = [-9.0, -0.6, 0.1, 0.13, 0.8, 9.0].map(|v| meter.read(v, &mut random));
        assert_eq!(shown, [-1.0, -0.5, 0.0, 0.25, 0.75, 0.75]);
    }

    #[test]
    fn noise_has_the_stated_deviation() {
        let meter = Meter::new(1e-3, None, None);
        let mut random = SampleRandom::new(1, 0);
        let square: f64 = (0..20_000)
            .map(|_| (meter.read(0.5, &mut random) - 0.5).powi(2))
            .sum();
        assert!(((square / 20_000.0).sqrt() / 1e-3 - 1.0).abs() < 0.02);
    }
}
