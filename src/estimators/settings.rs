//! What an estimate needs besides samples.

use super::{EstimatorError, Meter};

/// Strengths, phases, a meter and a seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Strength of the nudge, without unit (see the [module](super)).
    pub beta: f64,
    pub meter: Meter,
    /// Phases of one period of the sinusoidal nudge, at least 3.
    pub phases: usize,
    /// Of random signs and of the meter's noise.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            beta: 1e-3,
            meter: Meter::default(),
            phases: 8,
            seed: 0,
        }
    }
}

impl Settings {
    pub(super) fn check(&self) -> Result<(), EstimatorError> {
        let fail = |what, value, expected| {
            Err(EstimatorError::Setting {
                what,
                value,
                expected,
            })
        };
        if !(self.beta > 0.0 && self.beta.is_finite()) {
            return fail("beta", self.beta, "a positive number such as 1e-3");
        }
        if self.phases < 3 {
            // Two phases cannot tell a sine from its even harmonics.
            return fail("phases", self.phases as f64, "at least 3");
        }
        if !(self.meter.noise >= 0.0 && self.meter.noise.is_finite()) {
            return fail(
                "noise",
                self.meter.noise,
                "a relative deviation of 0 or more",
            );
        }
        if self
            .meter
            .bits
            .is_some_and(|bits| !(2..=52).contains(&bits))
        {
            let bits = f64::from(self.meter.bits.unwrap_or_default());
            return fail("bits", bits, "between 2 and 52");
        }
        Ok(())
    }
}
