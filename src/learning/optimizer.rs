//! Steps from gradients: gradient descent, momentum, Adam (Kingma and Ba 2015).

use serde::{Deserialize, Serialize};

use super::config::{OptimizerConfig, OptimizerKind};

/// An optimizer with its memory; every vector has one entry for each trained parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Optimizer {
    /// Steps taken so far.
    pub steps: u64,
    first: Vec<f64>,
    second: Vec<f64>,
}

impl Optimizer {
    pub fn new(parameters: usize) -> Self {
        Self {
            steps: 0,
            first: vec![0.0; parameters],
            second: vec![0.0; parameters],
        }
    }

    /// Number of parameters it was made for.
    pub fn len(&self) -> usize {
        self.first.len()
    }

    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// False once a gradient was too large to be remembered.
    pub fn is_finite(&self) -> bool {
        self.first.iter().chain(&self.second).all(|x| x.is_finite())
    }

    /// Moves `theta` against `gradient`; `rates` holds each parameter's step size.
    pub fn step(
        &mut self,
        config: &OptimizerConfig,
        rates: impl Iterator<Item = f64>,
        theta: &mut [f64],
        gradient: &[f64],
    ) {
        self.steps += 1;
        let steps = self.steps.min(i32::MAX as u64) as i32;
        let bias1 = 1.0 - config.momentum.powi(steps);
        let bias2 = 1.0 - config.beta2.powi(steps);
        for (k, rate) in rates.enumerate() {
            let g = gradient[k];
            let (m, v) = (&mut self.first[k], &mut self.second[k]);
            theta[k] -= match config.kind {
                OptimizerKind::Sgd => rate * g,
                OptimizerKind::Momentum => {
                    *m = config.momentum * *m + g;
                    rate * *m
                }
                OptimizerKind::Adam => {
                    *m = config.momentum * *m + (1.0 - config.momentum) * g;
                    *v = config.beta2 * *v + (1.0 - config.beta2) * g * g;
                    rate * (*m / bias1) / ((*v / bias2).sqrt() + config.epsilon)
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_descends_a_bowl() {
        for kind in [
            OptimizerKind::Sgd,
            OptimizerKind::Momentum,
            OptimizerKind::Adam,
        ] {
            let config = OptimizerConfig {
                kind,
                rate: 0.05,
                ..OptimizerConfig::default()
            };
            let mut optimizer = Optimizer::new(2);
            let mut theta = [3.0, -2.0];
            for _ in 0..500 {
                let gradient = theta.map(|x| 2.0 * x);
                optimizer.step(&config, [config.rate; 2].into_iter(), &mut theta, &gradient);
            }
            assert!(theta.iter().all(|x| x.abs() < 1e-2), "{kind:?}: {theta:?}");
        }
    }
}
