//! The training loop of baselines: shuffle, gradient, step, project.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::learning::data::Dataset;
use crate::learning::{EpochReport, Evaluation, Optimizer, OptimizerConfig, OptimizerKind};

/// Samples of one task, and columns of one task of a product: they decide the bits, threads do not.
pub(super) const TASK: usize = 16;
const COLUMNS: usize = 128;

/// Samples that are evaluated at once.
const EVALUATED_AT_ONCE: usize = 1024;

/// Some of the trained numbers, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    pub numbers: Range<usize>,
    /// Factor on the step size.
    pub rate: f64,
    /// They may not be less; minus infinity for any.
    pub least: f64,
}

/// Something with numbers that are trained on samples.
pub trait Model {
    /// Covers the trained numbers in order.
    fn layers(&self) -> Vec<Layer>;

    /// Where training begins.
    fn draw(&self, seed: u64) -> Vec<f64>;

    /// Adds losses and outputs of samples to `total`.
    fn evaluate(
        &mut self,
        theta: &[f64],
        data: &Dataset,
        indices: &[usize],
        total: &mut Evaluation,
    );

    /// The same, and the derivatives of the mean loss to `theta`, or an estimate of them that may
    /// draw random numbers.
    fn differentiate(
        &mut self,
        theta: &[f64],
        batch: (&Dataset, &[usize]),
        random: &mut ChaCha8Rng,
        gradient: &mut [f64],
        total: &mut Evaluation,
    );
}

/// How a baseline is trained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainerOptions {
    pub batch: usize,
    /// Step size of Adam, and its factor after each epoch.
    pub rate: f64,
    pub decay: f64,
    pub seed: u64,
}

/// Numbers that are no longer finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the numbers of the baseline have become too large in its epoch {epoch}\n  help: a smaller rate"
)]
pub struct Diverged {
    /// Counted from 1.
    pub epoch: usize,
}

/// A baseline between two epochs.
#[derive(Debug)]
pub struct Trainer<'a, M> {
    pub model: M,
    /// The trained numbers.
    pub theta: Vec<f64>,
    train: &'a Dataset,
    test: &'a Dataset,
    options: TrainerOptions,
    layers: Vec<Layer>,
    optimizer: Optimizer,
    epoch: usize,
}

impl<'a, M: Model> Trainer<'a, M> {
    pub fn new(
        model: M,
        options: TrainerOptions,
        (train, test): (&'a Dataset, &'a Dataset),
    ) -> Self {
        let theta = model.draw(options.seed);
        Self {
            optimizer: Optimizer::new(theta.len()),
            layers: model.layers(),
            epoch: 0,
            model,
            theta,
            train,
            test,
            options,
        }
    }

    /// Trains every sample once, in an order that the seed and the epoch decide.
    ///
    /// # Errors
    /// [`Diverged`]
    pub fn train_epoch(&mut self) -> Result<EpochReport, Diverged> {
        let mut order: Vec<usize> = (0..self.train.len()).collect();
        let mut random = ChaCha8Rng::seed_from_u64(self.options.seed);
        random.set_stream(2 + self.epoch as u64);
        order.shuffle(&mut random);
        let config = OptimizerConfig {
            kind: OptimizerKind::Adam,
            rate: self.options.rate * self.options.decay.powi(self.epoch as i32),
            ..OptimizerConfig::default()
        };
        self.epoch += 1;
        let mut train = Evaluation::default();
        let mut gradient = vec![0.0; self.theta.len()];
        for indices in order.chunks(self.options.batch.max(1)) {
            let batch = (self.train, indices);
            self.model
                .differentiate(&self.theta, batch, &mut random, &mut gradient, &mut train);
            self.step(&config, &gradient);
        }
        train.divide();
        let test = self.evaluate();
        match train.loss.is_finite() && test.loss.is_finite() {
            true => Ok(EpochReport {
                epoch: self.epoch,
                train,
                test,
            }),
            false => Err(Diverged { epoch: self.epoch }),
        }
    }

    /// Mean loss and accuracy of the test samples.
    pub fn evaluate(&mut self) -> Evaluation {
        let mut total = Evaluation::default();
        let indices: Vec<usize> = (0..self.test.len()).collect();
        for indices in indices.chunks(EVALUATED_AT_ONCE) {
            self.model
                .evaluate(&self.theta, self.test, indices, &mut total);
        }
        total.divide();
        total
    }

    fn step(&mut self, config: &OptimizerConfig, gradient: &[f64]) {
        let step = self.optimizer.begin_step(config);
        let (first, second) = self.optimizer.moments_mut();
        for Layer {
            numbers,
            rate,
            least,
        } in &self.layers
        {
            let theta = &mut self.theta[numbers.clone()];
            let gradient = gradient[numbers.clone()].iter().copied();
            let (first, second) = (&mut first[numbers.clone()], &mut second[numbers.clone()]);
            step.advance(*rate, gradient, theta, first, second);
            theta.iter_mut().for_each(|x| *x = x.max(*least));
        }
    }
}

/// `target = factor a b'`, matrices by columns, one for each sample in a and b; some columns of the
/// target in each task.
pub(super) fn sum_of_products(
    (a, rows): (&[f64], usize),
    (b, columns): (&[f64], usize),
    factor: f64,
    accumulate: Accum,
    target: &mut [f64],
) {
    let samples = a.len() / rows.max(1);
    let a = MatRef::from_column_major_slice(a, rows, samples);
    let b = MatRef::from_column_major_slice(b, columns, samples);
    let parts = target.par_chunks_mut(COLUMNS * rows.max(1)).enumerate();
    parts.for_each(|(part, target)| {
        let count = target.len() / rows;
        let target = MatMut::from_column_major_slice_mut(target, rows, count);
        let b = b.subrows(part * COLUMNS, count).transpose();
        matmul(target, accumulate, a, b, factor, Par::Seq);
    });
}

/// Adds `factor` times each row's sum over the samples to `target`.
pub(super) fn add_sums(numbers: &[f64], factor: f64, target: &mut [f64]) {
    for column in numbers.chunks_exact(target.len().max(1)) {
        let pairs = target.iter_mut().zip(column);
        pairs.for_each(|(sum, x)| *sum += factor * x);
    }
}
