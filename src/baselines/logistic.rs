//! Multinomial logistic regression: `p = softmax(W x + b)`, trained on the cross-entropy.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::batch::Conversion;
use crate::learning::data::Dataset;
use crate::learning::{ConfigError, Evaluation, Loss, LossConfig};

use super::trainer::{Layer, Model, TASK, add_sums, sum_of_products};

/// A linear classifier. Its trained numbers are W (classes x features, by columns) and b. Inputs are
/// taken less their mean, over their standard deviation, both of all features of the training samples.
#[derive(Debug)]
pub struct Logistic {
    features: usize,
    classes: usize,
    mean: f64,
    deviation: f64,
    loss: Loss,
    // By columns, a column for each sample of the last batch.
    inputs: Vec<f64>,
    logits: Vec<f64>,
    /// Derivatives of each loss to its logits.
    slopes: Vec<f64>,
}

impl Logistic {
    /// # Errors
    /// [`ConfigError`] if the data have no classes.
    pub fn new(train: &Dataset) -> Result<Self, ConfigError> {
        let classes = train.targets.width();
        let (mean, deviation) = train.inputs.mean_and_deviation();
        Ok(Self {
            features: train.features,
            classes,
            mean,
            deviation,
            loss: Loss::new(LossConfig::default(), classes, train)?,
            inputs: Vec::new(),
            logits: Vec::new(),
            slopes: Vec::new(),
        })
    }

    fn weight(&self) -> Range<usize> {
        0..self.classes * self.features
    }

    fn bias(&self) -> Range<usize> {
        let start = self.weight().end;
        start..start + self.classes
    }

    fn forward(&mut self, theta: &[f64], data: &Dataset, indices: &[usize]) {
        let (features, classes) = (self.features, self.classes);
        let (weight, bias) = (&theta[self.weight()], &theta[self.bias()]);
        let weight = MatRef::from_column_major_slice(weight, classes, features);
        self.inputs.resize(features * indices.len(), 0.0);
        self.logits.resize(classes * indices.len(), 0.0);
        self.slopes.resize(classes * indices.len(), 0.0);
        let (mean, factor) = (self.mean, 1.0 / self.deviation);
        let tasks = self
            .inputs
            .par_chunks_mut(TASK * features.max(1))
            .zip(self.logits.par_chunks_mut(TASK * classes))
            .zip(indices.par_chunks(TASK));
        let standard = Conversion::new(|feature| (feature - mean) * factor);
        tasks.for_each(|((x, logits), indices)| {
            for (x, &sample) in x.chunks_exact_mut(features.max(1)).zip(indices) {
                data.input(sample).write(&standard, x);
            }
            let columns = logits.chunks_exact_mut(classes);
            columns.for_each(|y| y.copy_from_slice(bias));
            let x = MatRef::from_column_major_slice(x, features, indices.len());
            let target = MatMut::from_column_major_slice_mut(logits, classes, indices.len());
            matmul(target, Accum::Add, weight, x, 1.0, Par::Seq);
        });
    }
}

impl Model for Logistic {
    fn layers(&self) -> Vec<Layer> {
        vec![Layer {
            numbers: 0..self.bias().end,
            rate: 1.0,
            least: f64::NEG_INFINITY,
        }]
    }

    /// All zero: the loss is convex.
    fn draw(&self, _seed: u64) -> Vec<f64> {
        vec![0.0; self.bias().end]
    }

    fn evaluate(
        &mut self,
        theta: &[f64],
        data: &Dataset,
        indices: &[usize],
        total: &mut Evaluation,
    ) {
        self.forward(theta, data, indices);
        let logits = self.logits.chunks_exact(self.classes);
        let slopes = self.slopes.chunks_exact_mut(self.classes);
        for ((logits, slopes), &sample) in logits.zip(slopes).zip(indices) {
            let loss = self.loss.evaluate(logits, &data.targets, sample, slopes);
            total.push(&loss);
            total.outputs.extend(logits);
        }
    }

    fn differentiate(
        &mut self,
        theta: &[f64],
        (data, indices): (&Dataset, &[usize]),
        _random: &mut ChaCha8Rng,
        gradient: &mut [f64],
        total: &mut Evaluation,
    ) {
        self.evaluate(theta, data, indices, total);
        let factor = 1.0 / indices.len().max(1) as f64;
        let (weight, bias) = gradient.split_at_mut(self.weight().end);
        let slopes = (&self.slopes[..], self.classes);
        let inputs = (&self.inputs[..], self.features);
        sum_of_products(slopes, inputs, factor, Accum::Replace, weight);
        bias.fill(0.0);
        add_sums(&self.slopes, factor, bias);
    }
}
