//! Each parameter moved a little, up and down.

use super::{Bench, Estimator, EstimatorError, Inapplicable};

impl Bench {
    /// Central differences with a step of `beta` times the parameter's value (or beta, where that is 0).
    pub(super) fn differences(
        &mut self,
        beta: f64,
        samples: &[usize],
        gradient: &mut [f64],
    ) -> Result<(), EstimatorError> {
        let estimator = Estimator::Differences;
        let ids: Vec<_> = self.parameters.ids().collect();
        for (g, id) in gradient.iter_mut().zip(ids) {
            let value = self.solver.circuit.value(id).unwrap_or_default();
            let step = if value == 0.0 {
                beta
            } else {
                beta * value.abs()
            };
            let mut losses = [0.0; 2];
            for (loss, moved) in losses.iter_mut().zip([value + step, value - step]) {
                if !self.set(id, moved) {
                    let element = self.solver.circuit.element(id.element).name().to_string();
                    return Err(EstimatorError::Inapplicable {
                        estimator,
                        reason: Inapplicable::FixedValue { element },
                    });
                }
                let outcome = self.total_loss(samples);
                // Whatever happened, the next one starts from the circuit as it was.
                let restored = self.set(id, value);
                debug_assert!(restored, "an element takes back its own value");
                *loss = outcome?;
            }
            *g = (losses[0] - losses[1]) / (2.0 * step);
        }
        self.take_values(estimator)
    }

    fn total_loss(&mut self, samples: &[usize]) -> Result<f64, EstimatorError> {
        let estimator = Estimator::Differences;
        self.take_values(estimator)?;
        let mut total = 0.0;
        for &sample in samples {
            let op = self.settle(sample, &[], estimator)?;
            total += self.slope(&op, sample).2;
        }
        Ok(total)
    }

    fn take_values(&mut self, estimator: Estimator) -> Result<(), EstimatorError> {
        let taken = self.solver.take_values();
        taken.map_err(|error| EstimatorError::Compile { estimator, error })
    }
}
