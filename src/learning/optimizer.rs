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

    /// One that has taken `steps` steps and remembers these means of gradients and of their squares.
    pub(super) fn resumed(steps: u64, first: Vec<f64>, second: Vec<f64>) -> Self {
        Self {
            steps,
            first,
            second,
        }
    }

    /// Means of each parameter's gradients and of their squares.
    pub(super) fn moments(&self) -> (&[f64], &[f64]) {
        (&self.first, &self.second)
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

    /// Counts a step and gives what all parameters share in it.
    pub fn begin_step(&mut self, config: &OptimizerConfig) -> Step {
        self.steps += 1;
        let steps = self.steps.min(i32::MAX as u64) as i32;
        Step {
            config: *config,
            bias1: 1.0 / (1.0 - config.momentum.powi(steps)),
            bias2: 1.0 / (1.0 - config.beta2.powi(steps)),
        }
    }

    /// What is remembered of each parameter's gradients: mean and mean square.
    pub fn moments_mut(&mut self) -> (&mut [f64], &mut [f64]) {
        (&mut self.first, &mut self.second)
    }

    /// Moves `theta` against `gradient`; `rates` holds each parameter's step size.
    pub fn step(
        &mut self,
        config: &OptimizerConfig,
        rates: impl Iterator<Item = f64>,
        theta: &mut [f64],
        gradient: &[f64],
    ) {
        let step = self.begin_step(config);
        for (k, rate) in rates.enumerate() {
            let own = k..k + 1;
            let (m, v) = (&mut self.first[own.clone()], &mut self.second[own.clone()]);
            step.advance(
                rate / config.rate,
                [gradient[k]].into_iter(),
                &mut theta[own],
                m,
                v,
            );
        }
    }
}

/// One step of all parameters.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    config: OptimizerConfig,
    bias1: f64,
    bias2: f64,
}

impl Step {
    /// Moves parameters, `rate` times as fast as the others, against their `gradient`.
    pub fn advance(
        &self,
        rate: f64,
        gradient: impl Iterator<Item = f64>,
        theta: &mut [f64],
        first: &mut [f64],
        second: &mut [f64],
    ) {
        let (config, rate) = (&self.config, rate * self.config.rate);
        let (beta1, beta2) = (config.momentum, config.beta2);
        let (bias1, bias2) = (rate * self.bias1, self.bias2);
        let (kind, epsilon) = (config.kind, config.epsilon);
        let moments = first.iter_mut().zip(second);
        let all = theta.iter_mut().zip(gradient).zip(moments);
        pulp::Arch::new().dispatch(
            #[inline(always)]
            move || match kind {
                OptimizerKind::Sgd => all.for_each(|((theta, g), _)| *theta -= rate * g),
                OptimizerKind::Momentum => all.for_each(|((theta, g), (m, _))| {
                    *m = beta1 * *m + g;
                    *theta -= rate * *m;
                }),
                OptimizerKind::Adam => all.for_each(|((theta, g), (m, v))| {
                    *m = beta1 * *m + (1.0 - beta1) * g;
                    *v = beta2 * *v + (1.0 - beta2) * g * g;
                    *theta -= bias1 * *m / ((*v * bias2).sqrt() + epsilon);
                }),
            },
        );
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
