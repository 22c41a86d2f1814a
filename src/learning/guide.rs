//! Where training steps get their gradients: the adjoint, or an estimator that a circuit can measure.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::batch::Nudge;
use crate::estimators::{Bench, Estimator, EstimatorError, Settings};

use super::config::{ConfigError, EstimatorConfig};
use super::{TrainError, Trainer};

/// What guides the steps of a run.
#[derive(Debug)]
pub(super) enum Guide {
    /// The exact gradient, by hardware linearization.
    Adjoint,
    /// Whole batches are nudged; a sample that the batch engine is not certain of contributes its exact
    /// gradient.
    Nudged(Nudging),
    /// One sample after the other, on a circuit of its own.
    Bench(Box<Bench>, EstimatorConfig),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Nudging {
    estimator: Estimator,
    /// S.
    beta: f64,
}

impl Guide {
    /// # Errors
    /// [`EstimatorError::Inapplicable`] if the circuit does not allow the estimator.
    pub(super) fn new(trainer: &mut Trainer) -> Result<Self, TrainError> {
        let config = match trainer.config.estimator {
            None => return Ok(Self::Adjoint),
            Some(config) if config.kind == Estimator::Adjoint => return Ok(Self::Adjoint),
            Some(config) => config,
        };
        let unit = trainer.engine.typical_conductance();
        let nudging = Nudging {
            estimator: config.kind,
            beta: config.beta * unit,
        };
        if let (Some(nudge), Some(batches)) = (nudging.of_batch(0), trainer.engine.batches()) {
            let estimator = config.kind;
            let wrap = |reason| EstimatorError::Inapplicable { estimator, reason };
            batches.set_nudge(Some(nudge)).map_err(wrap)?;
            return Ok(Self::Nudged(nudging));
        }
        if trainer.config.augment.is_some() {
            return Err(ConfigError::Value {
                field: "augment".to_string(),
                value: "given".to_string(),
                expected: format!("none with the estimator {}", config.kind),
            }
            .into());
        }
        let mut bench = Bench::new(trainer)?;
        // What does not apply is said before the training.
        bench.estimate(config.kind, &settings(&config, 0), &[0])?;
        Ok(Self::Bench(Box::new(bench), config))
    }
}

impl Nudging {
    /// What the batch engine does for a batch whose random sign comes from `seed`; none if it cannot.
    pub(super) fn of_batch(self, seed: u64) -> Option<Nudge> {
        let (beta, is_centered) = match self.estimator {
            Estimator::EqProp => (self.beta, false),
            Estimator::EqPropCentered => (self.beta, true),
            Estimator::EqPropRandom => {
                let is_up = ChaCha8Rng::seed_from_u64(seed).random::<bool>();
                (if is_up { self.beta } else { -self.beta }, false)
            }
            _ => return None,
        };
        Some(Nudge { beta, is_centered })
    }
}

/// The settings of one batch.
pub(super) fn settings(config: &EstimatorConfig, seed: u64) -> Settings {
    Settings {
        beta: config.beta,
        meter: config.meter(),
        phases: config.phases,
        seed,
    }
}
