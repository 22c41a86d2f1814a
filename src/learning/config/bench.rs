//! What instruments and parts of a bench do to training, the table `[bench]` of a training file.

use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::text::{check, check_fraction, check_positive};

/// Effects of a bench; nothing of them by default.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BenchConfig {
    /// Current into an output of the second circuit where the loss rises by 1 per V, A.
    pub injection: f64,
    /// Resolution of the converter behind every reading: `2^bits` steps between minus and plus the full
    /// scale, which clips.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bits: Option<u32>,
    /// Full scale of the drops in the first circuit, V.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<f64>,
    /// Full scale of the drops in the second circuit, V.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adjoint_range: Option<f64>,
    /// Full scale of the outputs, V.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_range: Option<f64>,
    /// Noise of every reading, V rms.
    pub noise: f64,
    /// Standard deviation of the logarithm of realised over programmed conductance of each resistor: the
    /// relative one where it is small. Drawn for each circuit.
    pub mismatch: f64,
    /// The same of the saturation current of each diode.
    pub diode_mismatch: f64,
    /// Values that a conductance can take within its bounds: updates are whole steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub levels: Option<u32>,
    /// Or the size of a step, S.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<f64>,
    /// Least conductance that the parts have, S; the bound of `[[parameters]]` if that is higher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Largest one, S.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// Part of its distance to its lower bound that a conductance loses with each update.
    pub drift: f64,
}

impl Default for BenchConfig {
    fn default() -> Self {
        Self {
            injection: 1e-3,
            bits: None,
            range: None,
            adjoint_range: None,
            output_range: None,
            noise: 0.0,
            mismatch: 0.0,
            diode_mismatch: 0.0,
            levels: None,
            step: None,
            min: None,
            max: None,
            drift: 0.0,
        }
    }
}

/// Beyond this a logarithmic deviation is a mistake in the unit.
const MOST_MISMATCH: f64 = 5.0;

impl BenchConfig {
    /// # Errors
    /// [`ConfigError::Value`]
    pub fn validate(&self) -> Result<(), ConfigError> {
        check_positive("bench.injection", self.injection)?;
        if let Some(bits) = self.bits {
            let holds = (2..=32).contains(&bits);
            check(holds, "bench.bits", bits, "between 2 and 32")?;
        }
        let ranges = [
            ("bench.range", self.range),
            ("bench.adjoint_range", self.adjoint_range),
            ("bench.output_range", self.output_range),
        ];
        for (field, range) in ranges {
            match (range, self.bits) {
                (Some(range), _) => check_positive(field, range)?,
                (None, None) => {}
                (None, Some(_)) => {
                    let expected = "the full scale in V, since bits are given";
                    check(false, field, "nothing", expected)?;
                }
            }
        }
        let noise = self.noise >= 0.0 && self.noise.is_finite();
        check(noise, "bench.noise", self.noise, "0 or more, in V rms")?;
        for (field, sigma) in [
            ("bench.mismatch", self.mismatch),
            ("bench.diode_mismatch", self.diode_mismatch),
        ] {
            let holds = (0.0..=MOST_MISMATCH).contains(&sigma);
            check(holds, field, sigma, "between 0 and 5; 0.05 is 5 %")?;
        }
        if let Some(levels) = self.levels {
            check(levels >= 2, "bench.levels", levels, "at least 2")?;
            let expected = "either levels or a step";
            check(self.step.is_none(), "bench.step", "a number", expected)?;
        }
        self.step
            .map_or(Ok(()), |step| check_positive("bench.step", step))?;
        for (field, bound) in [("bench.min", self.min), ("bench.max", self.max)] {
            bound.map_or(Ok(()), |bound| check_positive(field, bound))?;
        }
        if let (Some(min), Some(max)) = (self.min, self.max) {
            check(min < max, "bench.min", min, "a number below max")?;
        }
        check_fraction("bench.drift", self.drift)
    }
}
