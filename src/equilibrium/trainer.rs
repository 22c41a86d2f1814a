//! The training loop of equilibrium networks.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::batch::Conversion;
use crate::learning::data::{Augmentation, Dataset, MovedBatch, Targets};
use crate::learning::{
    ConfigError, EpochReport, Evaluation, Loss, LossConfig, Optimizer, OptimizerConfig,
    OptimizerKind,
};
use crate::synthesis::{Equilibrium, Standardization};

use super::layout::Layout;
use super::splitting::{Room, Splitting};

/// Samples of one task, and rows of one task of a product: they decide the bits, threads do not.
const TASK: usize = 32;
const ROWS: usize = 64;

/// Samples that are evaluated at once.
const EVALUATED_AT_ONCE: usize = 1024;

/// Where fixed points and adjoints end, in parts of their largest entry.
const TRAINING_TOLERANCE: f64 = 1e-5;
const TEST_TOLERANCE: f64 = 1e-9;

/// What is trained and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EquilibriumOptions {
    pub units: usize,
    /// Modulus of strong monotonicity m, above zero.
    pub modulus: f64,
    pub batch: usize,
    /// Step size of Adam, and its factor after each epoch.
    pub rate: f64,
    pub decay: f64,
    pub seed: u64,
    /// Shifts of images.
    pub augment: Option<Augmentation>,
}

/// No fixed point of a strongly monotone network: its numbers overflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the equilibrium network does not settle in its epoch {epoch}: its numbers have become too large\n  \
     help: a smaller rate, or a larger modulus"
)]
pub struct NotSettled {
    /// Counted from 1.
    pub epoch: usize,
}

/// An equilibrium network between two epochs. Inputs are taken less their mean, over their standard
/// deviation, both of all features of the training samples.
#[derive(Debug)]
pub struct EquilibriumTrainer {
    pub train: Dataset,
    pub test: Dataset,
    options: EquilibriumOptions,
    layout: Layout,
    loss: Loss,
    theta: Vec<f64>,
    gradient: Vec<f64>,
    optimizer: Optimizer,
    config: OptimizerConfig,
    mean: f64,
    deviation: f64,
    epoch: usize,
    room: Batch,
}

/// Room for a batch; by columns, a column for each sample.
#[derive(Debug, Default)]
struct Batch {
    x: Vec<f64>,
    q: Vec<f64>,
    z: Vec<f64>,
    lambda: Vec<f64>,
    logits: Vec<f64>,
    /// Derivatives of the losses to the logits, then to z.
    to_logits: Vec<f64>,
    to_z: Vec<f64>,
    rooms: Vec<Room>,
}

impl EquilibriumTrainer {
    /// # Errors
    /// [`ConfigError`] if the data have no classes or there are no samples.
    pub fn new(
        options: EquilibriumOptions,
        train: Dataset,
        test: Dataset,
    ) -> Result<Self, ConfigError> {
        let layout = Layout {
            units: options.units,
            inputs: train.features,
            classes: train.targets.width(),
        };
        let loss = Loss::new(LossConfig::default(), layout.classes, &train)?;
        let (mean, deviation) = train.inputs.mean_and_deviation();
        Ok(Self {
            theta: layout.draw(options.seed),
            gradient: vec![0.0; layout.len()],
            optimizer: Optimizer::new(layout.len()),
            config: OptimizerConfig {
                kind: OptimizerKind::Adam,
                rate: options.rate,
                ..OptimizerConfig::default()
            },
            mean,
            deviation,
            options,
            layout,
            loss,
            train,
            test,
            epoch: 0,
            room: Batch::default(),
        })
    }

    /// Number of trained numbers.
    pub fn parameters(&self) -> usize {
        self.theta.len()
    }

    /// What guessing gives on the test samples: the loss of equal logits, and the share of the most frequent
    /// class.
    pub fn guessing(&self) -> (f64, f64) {
        let mut counts = vec![0usize; self.layout.classes];
        if let Targets::Classes { labels, .. } = &self.test.targets {
            labels.iter().for_each(|&label| counts[label] += 1);
        }
        let largest = counts.iter().copied().max().unwrap_or(0) as f64;
        let share = largest / self.test.len().max(1) as f64;
        ((self.layout.classes as f64).ln(), share)
    }

    /// The network as it is now, for inputs as the data have them.
    pub fn network(&self) -> Equilibrium {
        let mut network = self.layout.network(&self.theta, self.options.modulus);
        let inputs = self.layout.inputs;
        network.take_in(&Standardization {
            mean: vec![self.mean; inputs],
            deviation: vec![self.deviation; inputs],
        });
        network
    }

    /// Trains every sample once, in an order that the seed and the epoch decide.
    ///
    /// # Errors
    /// [`NotSettled`]
    pub fn train_epoch(&mut self) -> Result<EpochReport, NotSettled> {
        let mut order: Vec<usize> = (0..self.train.len()).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(self.options.seed);
        rng.set_stream(2 + self.epoch as u64);
        order.shuffle(&mut rng);
        self.config.rate = self.options.rate * self.options.decay.powi(self.epoch as i32);
        let train = std::mem::replace(&mut self.train, self.test.subset(&[]));
        let mut moved = MovedBatch::new(&train);
        let mut total = Evaluation::default();
        let mut outcome = Ok(());
        for batch in order.chunks(self.options.batch.max(1)) {
            outcome = match self.options.augment {
                None => self.step(&train, batch, &mut total),
                Some(augmentation) => {
                    augmentation.fill(&train, batch, &mut rng, &mut moved);
                    self.step(&moved.data, &moved.indices, &mut total)
                }
            };
            if outcome.is_err() {
                break;
            }
        }
        self.train = train;
        outcome?;
        total.divide();
        let test = self.evaluate()?;
        self.epoch += 1;
        Ok(EpochReport {
            epoch: self.epoch,
            train: total,
            test,
        })
    }

    /// Mean loss and accuracy of the test samples.
    ///
    /// # Errors
    /// [`NotSettled`]
    pub fn evaluate(&mut self) -> Result<Evaluation, NotSettled> {
        let mut total = Evaluation::default();
        let test = std::mem::replace(&mut self.test, self.train.subset(&[]));
        let indices: Vec<usize> = (0..test.len()).collect();
        let splitting = self.splitting();
        let outcome = indices.chunks(EVALUATED_AT_ONCE).try_for_each(|indices| {
            self.forward(&splitting, &test, indices, TEST_TOLERANCE)?;
            self.judge(&test, indices, &mut total);
            Ok(())
        });
        self.test = test;
        total.divide();
        outcome.map(|()| total)
    }

    /// Mean loss of some samples, and its derivatives to A, B, U, b, V and v, matrices by columns.
    ///
    /// # Errors
    /// [`NotSettled`]
    pub fn gradient(
        &mut self,
        data: &Dataset,
        indices: &[usize],
        tolerance: f64,
    ) -> Result<(Evaluation, &[f64]), NotSettled> {
        let mut total = Evaluation::default();
        self.differentiate(data, indices, tolerance, &mut total)?;
        total.divide();
        Ok((total, &self.gradient))
    }

    fn step(
        &mut self,
        data: &Dataset,
        indices: &[usize],
        total: &mut Evaluation,
    ) -> Result<(), NotSettled> {
        self.differentiate(data, indices, TRAINING_TOLERANCE, total)?;
        let step = self.optimizer.begin_step(&self.config);
        let (first, second) = self.optimizer.moments_mut();
        let gradient = self.gradient.iter().copied();
        step.advance(1.0, gradient, &mut self.theta, first, second);
        Ok(())
    }

    fn matrix(&self, part: std::ops::Range<usize>, columns: usize) -> MatRef<'_, f64> {
        let numbers = &self.theta[part];
        MatRef::from_column_major_slice(numbers, numbers.len() / columns, columns)
    }

    /// `S = m I + A'A + B' - B` and its resolvent.
    fn splitting(&self) -> Splitting {
        let n = self.layout.units;
        let [a, b] = [self.layout.a(), self.layout.b()].map(|part| self.matrix(part, n));
        let identity = |i: usize, j: usize| f64::from(u8::from(i == j));
        let m = self.options.modulus;
        let mut s = Mat::from_fn(n, n, |i, j| m * identity(i, j) + b[(j, i)] - b[(i, j)]);
        matmul(s.as_mut(), Accum::Add, a.transpose(), a, 1.0, Par::Seq);
        Splitting::new(s.as_ref(), m)
    }

    /// Units and logits of samples.
    fn forward(
        &mut self,
        splitting: &Splitting,
        data: &Dataset,
        indices: &[usize],
        tolerance: f64,
    ) -> Result<(), NotSettled> {
        let Layout {
            units,
            inputs,
            classes,
        } = self.layout;
        let mut room = std::mem::take(&mut self.room);
        let count = indices.len();
        room.resize(self.layout, count);
        let (mean, factor) = (self.mean, 1.0 / self.deviation);
        let standard = Conversion::new(|feature| (feature - mean) * factor);
        let columns = room.x.par_chunks_mut(inputs.max(1)).zip(indices);
        columns.for_each(|(x, &sample)| data.input(sample).write(&standard, x));
        let u = self.matrix(self.layout.u(), inputs);
        let out_weight = self.matrix(self.layout.out_weight(), units);
        let (bias, out_bias) = (
            &self.theta[self.layout.bias()],
            &self.theta[self.layout.out_bias()],
        );
        let parts = room
            .x
            .par_chunks(TASK * inputs)
            .zip(room.q.par_chunks_mut(TASK * units))
            .zip(room.z.par_chunks_mut(TASK * units))
            .zip(room.logits.par_chunks_mut(TASK * classes))
            .zip(&mut room.rooms);
        let is_settled = parts
            .map(|((((x, q), z), logits), room)| {
                let samples = q.len() / units;
                q.chunks_exact_mut(units)
                    .for_each(|q| q.copy_from_slice(bias));
                let x = MatRef::from_column_major_slice(x, inputs, samples);
                let target = MatMut::from_column_major_slice_mut(q, units, samples);
                matmul(target, Accum::Add, u, x, 1.0, Par::Seq);
                let is_settled = splitting.solve(q, tolerance, room, z);
                logits
                    .chunks_exact_mut(classes)
                    .for_each(|y| y.copy_from_slice(out_bias));
                let z = MatRef::from_column_major_slice(z, units, samples);
                let target = MatMut::from_column_major_slice_mut(logits, classes, samples);
                matmul(target, Accum::Add, out_weight, z, 1.0, Par::Seq);
                is_settled
            })
            .reduce(|| true, |a, b| a & b);
        self.room = room;
        self.settled(is_settled)
    }

    fn settled(&self, is_settled: bool) -> Result<(), NotSettled> {
        match is_settled {
            true => Ok(()),
            false => Err(NotSettled {
                epoch: self.epoch + 1,
            }),
        }
    }

    /// Losses of the last samples, and their derivatives to the logits.
    fn judge(&mut self, data: &Dataset, indices: &[usize], total: &mut Evaluation) {
        let classes = self.layout.classes;
        let (logits, derivatives) = (&self.room.logits, &mut self.room.to_logits);
        let each = logits
            .chunks_exact(classes)
            .zip(derivatives.chunks_exact_mut(classes));
        for ((logits, derivative), &sample) in each.zip(indices) {
            let loss = self
                .loss
                .evaluate(logits, &data.targets, sample, derivative);
            total.push(&loss);
            total.outputs.extend(logits);
        }
    }

    fn differentiate(
        &mut self,
        data: &Dataset,
        indices: &[usize],
        tolerance: f64,
        total: &mut Evaluation,
    ) -> Result<(), NotSettled> {
        let splitting = self.splitting();
        self.forward(&splitting, data, indices, tolerance)?;
        self.judge(data, indices, total);
        let Layout { units, classes, .. } = self.layout;
        let mut room = std::mem::take(&mut self.room);
        let out_weight = self.matrix(self.layout.out_weight(), units);
        let parts = room
            .to_logits
            .par_chunks(TASK * classes)
            .zip(room.to_z.par_chunks_mut(TASK * units))
            .zip(room.z.par_chunks(TASK * units))
            .zip(room.lambda.par_chunks_mut(TASK * units))
            .zip(&mut room.rooms);
        let is_settled = parts
            .map(|((((to_logits, to_z), z), lambda), room)| {
                let samples = z.len() / units;
                let logits = MatRef::from_column_major_slice(to_logits, classes, samples);
                let target = MatMut::from_column_major_slice_mut(to_z, units, samples);
                let weight = out_weight.transpose();
                matmul(target, Accum::Replace, weight, logits, 1.0, Par::Seq);
                splitting.solve_adjoint(z, to_z, tolerance, room, lambda)
            })
            .reduce(|| true, |a, b| a & b);
        self.room = room;
        self.settled(is_settled)?;
        self.collect(indices.len());
        Ok(())
    }

    /// Sums over the samples of a batch.
    fn collect(&mut self, samples: usize) {
        let Layout {
            units,
            inputs,
            classes,
        } = self.layout;
        let mut gradient = std::mem::take(&mut self.gradient);
        let room = &self.room;
        let factor = 1.0 / samples.max(1) as f64;
        let columns = |numbers: &'_ [f64], rows: usize| -> Vec<f64> {
            let sums = (0..rows).map(|k| numbers.iter().skip(k).step_by(rows).sum::<f64>());
            sums.map(|sum| factor * sum).collect()
        };
        let of = |numbers, rows| MatRef::from_column_major_slice(numbers, rows, samples);
        let (lambda, z) = (of(&room.lambda, units), of(&room.z, units));
        let to_logits = of(&room.to_logits, classes);
        let x = of(&room.x, inputs);
        // Columns of `λ x'`, some for each task.
        let parts = gradient[self.layout.u()].par_chunks_mut(ROWS * units);
        parts.enumerate().for_each(|(part, target)| {
            let count = target.len() / units;
            let target = MatMut::from_column_major_slice_mut(target, units, count);
            let x = x.subrows(part * ROWS, count).transpose();
            matmul(target, Accum::Replace, lambda, x, factor, Par::Seq);
        });
        gradient[self.layout.bias()].copy_from_slice(&columns(&room.lambda, units));
        gradient[self.layout.out_bias()].copy_from_slice(&columns(&room.to_logits, classes));
        let target = &mut gradient[self.layout.out_weight()];
        let target = MatMut::from_column_major_slice_mut(target, classes, units);
        matmul(
            target,
            Accum::Replace,
            to_logits,
            z.transpose(),
            factor,
            Par::Seq,
        );
        let mut g = Mat::zeros(units, units);
        matmul(
            g.as_mut(),
            Accum::Replace,
            lambda,
            z.transpose(),
            -factor,
            Par::Seq,
        );
        let target = &mut gradient[self.layout.b()];
        let mut target = MatMut::from_column_major_slice_mut(target, units, units);
        for j in 0..units {
            for i in 0..units {
                target[(i, j)] = g[(j, i)] - g[(i, j)];
            }
        }
        let both = &g + g.transpose();
        let a = self.matrix(self.layout.a(), units);
        let target = &mut gradient[self.layout.a()];
        let target = MatMut::from_column_major_slice_mut(target, units, units);
        matmul(target, Accum::Replace, a, both.as_ref(), 1.0, Par::Seq);
        self.gradient = gradient;
    }
}

impl Batch {
    fn resize(&mut self, layout: Layout, samples: usize) {
        let sizes = [
            (&mut self.x, layout.inputs),
            (&mut self.q, layout.units),
            (&mut self.z, layout.units),
            (&mut self.lambda, layout.units),
            (&mut self.logits, layout.classes),
            (&mut self.to_logits, layout.classes),
            (&mut self.to_z, layout.units),
        ];
        for (buffer, rows) in sizes {
            buffer.resize(rows * samples, 0.0);
        }
        self.rooms.resize(samples.div_ceil(TASK), Room::default());
    }
}
