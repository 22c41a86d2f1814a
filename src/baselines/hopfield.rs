//! Equilibrium propagation in software: a continuous Hopfield network of one hidden layer.
//!
//! Scellier and Bengio 2017 ([arXiv 1602.05179](https://arxiv.org/abs/1602.05179)), equation 1: with hidden
//! units h, which the hard sigmoid `ρ(s) = min(max(s, 0), 1)` keeps between 0 and 1, and outputs o,
//!
//! ```text
//! E = |h|^2 / 2 + |o|^2 / 2 - h' W x - o' V h - b' h - c' o
//! ```
//!
//! Outputs are linear, as those of the circuits are, which have no diodes: under a hard sigmoid an output that
//! is below zero for every sample would learn nothing. Weights act in both directions. At rest
//! `h = ρ(W x + b + V' o)` and `o = V h + c`: the free phase sets the layers to these by turns. The nudged phase
//! goes on from there under `E + β |o - y|^2 / 2`, and the derivatives of the loss `|o - y|^2 / 2` are estimated
//! by `(∂E/∂θ nudged - ∂E/∂θ free) / β` (equation 16), the sign of β drawn for each batch as Kendall et al. 2020 do.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::batch::Conversion;
use crate::learning::data::Dataset;
use crate::learning::{ConfigError, Evaluation, Loss, LossConfig, LossKind};

use super::relaxation::{Coupling, States};
use super::trainer::{Layer, Model, TASK, add_sums, sum_of_products};

/// What weights may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Weights {
    /// As conductances are: each step ends at zero or above, and inputs are doubled to (x, -x)
    NonNegative,
    /// Of any sign, on the inputs x alone
    Signed,
}

/// Which network, and how its gradient is estimated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HopfieldOptions {
    pub hidden: usize,
    pub weights: Weights,
    /// Strength of the nudge, between 0 and 1: beyond, a negative one has no state of least energy.
    pub beta: f64,
    /// How often both layers are set in the free and in the nudged phase.
    pub free: usize,
    pub nudged: usize,
    /// Factors on the step size of each layer.
    pub rates: [f64; 2],
}

impl Default for HopfieldOptions {
    fn default() -> Self {
        Self {
            hidden: 100,
            weights: Weights::NonNegative,
            beta: 0.1,
            free: 10,
            nudged: 4,
            rates: [0.3, 3.0],
        }
    }
}

/// A continuous Hopfield network. Its trained numbers are W (hidden x inputs), b, V (classes x hidden) and c,
/// matrices by columns. Biases are of any sign, as a bias node and its opposite would make them.
#[derive(Debug)]
pub struct Hopfield {
    options: HopfieldOptions,
    features: usize,
    classes: usize,
    loss: Loss,
    // By columns, a column for each sample of the last batch.
    inputs: Vec<f64>,
    /// `W x + b`.
    drive: Vec<f64>,
    free: States,
    nudged: States,
    /// Derivatives of the losses to the outputs, then the outputs that are wanted.
    wanted: Vec<f64>,
}

impl Hopfield {
    /// # Errors
    /// [`ConfigError`] if the data do not fit the loss.
    pub fn new(options: HopfieldOptions, train: &Dataset) -> Result<Self, ConfigError> {
        let classes = train.targets.width();
        let squared = LossConfig {
            kind: LossKind::SquaredError,
            scale: 1.0,
        };
        Ok(Self {
            options,
            features: train.features,
            classes,
            loss: Loss::new(squared, classes, train)?,
            inputs: Vec::new(),
            drive: Vec::new(),
            free: States::default(),
            nudged: States::default(),
            wanted: Vec::new(),
        })
    }

    /// Inputs of the network, doubled or not.
    pub fn inputs(&self) -> usize {
        match self.options.weights {
            Weights::NonNegative => 2 * self.features,
            Weights::Signed => self.features,
        }
    }

    /// W, b, V and c.
    fn parts(&self) -> [Range<usize>; 4] {
        let hidden = self.options.hidden;
        let sizes = [
            hidden * self.inputs(),
            hidden,
            self.classes * hidden,
            self.classes,
        ];
        let mut end = 0;
        sizes.map(|size| {
            end += size;
            end - size..end
        })
    }

    /// Adds losses and outputs of samples at rest to `total` and estimates the derivatives of their mean
    /// loss with a nudge of `beta`, of any sign.
    pub fn estimate(
        &mut self,
        theta: &[f64],
        (data, indices): (&Dataset, &[usize]),
        beta: f64,
        gradient: &mut [f64],
        total: &mut Evaluation,
    ) {
        self.evaluate(theta, data, indices, total);
        self.nudge(theta, beta);
        let factor = 1.0 / (beta * indices.len().max(1) as f64);
        let [w, b, v, c] = self.parts();
        let (hidden, inputs, classes) = (self.options.hidden, self.inputs(), self.classes);
        let Self {
            free,
            nudged,
            inputs: x,
            ..
        } = self;
        // dE/dV = -o h'.
        let target = &mut gradient[v];
        let (out, units) = ((&free.out[..], classes), (&free.hidden[..], hidden));
        sum_of_products(out, units, factor, Accum::Replace, target);
        let (out, units) = ((&nudged.out[..], classes), (&nudged.hidden[..], hidden));
        sum_of_products(out, units, -factor, Accum::Add, target);
        // dE/dW = -h x', dE/db = -h and dE/dc = -o are linear in what the nudge moves.
        let moved = |free: &mut [f64], nudged: &[f64]| {
            let pairs = free.iter_mut().zip(nudged);
            pairs.for_each(|(free, nudged)| *free -= nudged);
        };
        moved(&mut free.hidden, &nudged.hidden);
        moved(&mut free.out, &nudged.out);
        let (units, x) = ((&free.hidden[..], hidden), (&x[..], inputs));
        sum_of_products(units, x, factor, Accum::Replace, &mut gradient[w]);
        for (states, part) in [(&free.hidden, b), (&free.out, c)] {
            gradient[part.clone()].fill(0.0);
            add_sums(states, factor, &mut gradient[part]);
        }
    }

    /// `W x + b` and the states of least energy.
    fn forward(&mut self, theta: &[f64], data: &Dataset, indices: &[usize]) {
        let (hidden, inputs, classes) = (self.options.hidden, self.inputs(), self.classes);
        self.inputs.resize(inputs * indices.len(), 0.0);
        for numbers in [&mut self.drive, &mut self.free.hidden] {
            numbers.resize(hidden * indices.len(), 0.0);
        }
        for numbers in [&mut self.free.out, &mut self.wanted] {
            numbers.resize(classes * indices.len(), 0.0);
        }
        let parts = self.parts();
        let coupling = coupling(theta, &parts);
        let weight = MatRef::from_column_major_slice(&theta[parts[0].clone()], hidden, inputs);
        let bias = &theta[parts[1].clone()];
        let tasks = self
            .inputs
            .par_chunks_mut(TASK * inputs)
            .zip(self.drive.par_chunks_mut(TASK * hidden))
            .zip(self.free.hidden.par_chunks_mut(TASK * hidden))
            .zip(self.free.out.par_chunks_mut(TASK * classes))
            .zip(indices.par_chunks(TASK));
        let (features, count) = (self.features, self.options.free);
        let plain = Conversion::new(|feature| feature);
        tasks.for_each(|((((x, drive), units), out), indices)| {
            for (x, &sample) in x.chunks_exact_mut(inputs).zip(indices) {
                let (plus, minus) = x.split_at_mut(features);
                data.input(sample).write(&plain, plus);
                let pairs = minus.iter_mut().zip(&*plus);
                pairs.for_each(|(minus, plus)| *minus = -plus);
            }
            let columns = drive.chunks_exact_mut(hidden);
            columns.for_each(|drive| drive.copy_from_slice(bias));
            let x = MatRef::from_column_major_slice(x, inputs, indices.len());
            let target = MatMut::from_column_major_slice_mut(&mut *drive, hidden, indices.len());
            matmul(target, Accum::Add, weight, x, 1.0, Par::Seq);
            out.fill(0.0);
            coupling.settle_hidden(drive, out, units);
            for _ in 0..count {
                coupling.settle_out(units, None, out);
                coupling.settle_hidden(drive, out, units);
            }
        });
    }

    /// States of least energy under a nudge, from those without.
    fn nudge(&mut self, theta: &[f64], beta: f64) {
        let (hidden, classes) = (self.options.hidden, self.classes);
        self.nudged.hidden.clone_from(&self.free.hidden);
        self.nudged.out.clone_from(&self.free.out);
        let coupling = coupling(theta, &self.parts());
        let tasks = self
            .drive
            .par_chunks(TASK * hidden)
            .zip(self.wanted.par_chunks(TASK * classes))
            .zip(self.nudged.hidden.par_chunks_mut(TASK * hidden))
            .zip(self.nudged.out.par_chunks_mut(TASK * classes));
        let count = self.options.nudged;
        tasks.for_each(|(((drive, wanted), units), out)| {
            for _ in 0..count {
                coupling.settle_out(units, Some((beta, wanted)), out);
                coupling.settle_hidden(drive, out, units);
            }
        });
    }
}

fn coupling<'a>(theta: &'a [f64], [_, b, v, c]: &[Range<usize>; 4]) -> Coupling<'a> {
    let (weight, bias) = (&theta[v.clone()], &theta[c.clone()]);
    Coupling {
        weight: MatRef::from_column_major_slice(weight, c.len(), b.len()),
        bias,
    }
}

impl Model for Hopfield {
    fn layers(&self) -> Vec<Layer> {
        let least = match self.options.weights {
            Weights::NonNegative => 0.0,
            Weights::Signed => f64::NEG_INFINITY,
        };
        let [first, second] = self.options.rates;
        let rules = [
            (first, least),
            (first, f64::NEG_INFINITY),
            (second, least),
            (second, f64::NEG_INFINITY),
        ];
        let layers = self.parts().into_iter().zip(rules);
        let layer = |(numbers, (rate, least))| Layer {
            numbers,
            rate,
            least,
        };
        layers.map(layer).collect()
    }

    /// Weights uniform within half of one over the root of what they sum over, or zero if they may not be
    /// negative. Biases put hidden units to a half, where the hard sigmoid has a slope, and then outputs
    /// to one over their number.
    fn draw(&self, seed: u64) -> Vec<f64> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let [w, b, v, c] = self.parts();
        let mut theta = vec![0.0; c.end];
        for (part, summed) in [(w, self.features), (v.clone(), self.options.hidden)] {
            let bound = 0.5 / (summed.max(1) as f64).sqrt();
            for x in &mut theta[part] {
                *x = random.random_range(-bound..bound);
                if self.options.weights == Weights::NonNegative {
                    *x = x.max(0.0);
                }
            }
        }
        theta[b].fill(0.5);
        let mut bias = vec![1.0 / self.classes.max(1) as f64; c.len()];
        add_sums(&theta[v], -0.5, &mut bias);
        theta[c].copy_from_slice(&bias);
        theta
    }

    fn evaluate(
        &mut self,
        theta: &[f64],
        data: &Dataset,
        indices: &[usize],
        total: &mut Evaluation,
    ) {
        self.forward(theta, data, indices);
        let outputs = self.free.out.chunks_exact(self.classes);
        let wanted = self.wanted.chunks_exact_mut(self.classes);
        for ((out, wanted), &sample) in outputs.zip(wanted).zip(indices) {
            total.push(&self.loss.evaluate(out, &data.targets, sample, wanted));
            total.outputs.extend(out);
            // The derivative is o - y.
            let pairs = wanted.iter_mut().zip(out);
            pairs.for_each(|(wanted, out)| *wanted = out - *wanted);
        }
    }

    fn differentiate(
        &mut self,
        theta: &[f64],
        batch: (&Dataset, &[usize]),
        random: &mut ChaCha8Rng,
        gradient: &mut [f64],
        total: &mut Evaluation,
    ) {
        let sign = if random.random() { 1.0 } else { -1.0 };
        self.estimate(theta, batch, sign * self.options.beta, gradient, total);
    }
}
