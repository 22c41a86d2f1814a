//! The loop on the bench: settle, settle the second circuit, change conductances.

use rayon::prelude::*;

use crate::learning::data::SampleRandom;
use crate::learning::{BenchConfig, EpochReport, Evaluation, LoadedConfig, OptimizerKind, Trainer};

use super::LaboratoryError;
use super::program::Programming;
use super::wiring::{Wiring, value};
use super::worker::{Instruments, Shared, Worker};

/// Sets of boards that samples are spread over; the bits depend on it, and on no number of threads.
const WORKERS: usize = 8;

/// Streams of random numbers that must not meet those of training: parts, readings, updates.
const PARTS: u64 = 0x9a97_5b0a_4d5e_11c3;
const READINGS: u64 = 0x3c6e_f372_fe94_f82b;
const TESTS: u64 = 0xa54f_f53a_5f1d_36f1;
const UPDATES: u64 = 0x510e_527f_ade6_82d1;

/// A run of training on the bench.
#[derive(Debug)]
pub struct BenchTrainer {
    /// Data, loss, order of samples and the values that are programmed.
    pub trainer: Trainer,
    pub bench: BenchConfig,
    wiring: Wiring,
    instruments: Instruments,
    programming: Programming,
    workers: Vec<Worker>,
    updates: u64,
}

impl BenchTrainer {
    /// Builds the boards of a training file, with the effects of `bench` in place of its own.
    ///
    /// # Errors
    /// What does not fit together, or has no rule of two drops.
    pub fn new(loaded: &LoadedConfig, bench: BenchConfig) -> Result<Self, LaboratoryError> {
        let mut loaded = loaded.clone();
        check(&loaded, &bench)?;
        for group in &mut loaded.config.parameters {
            group.min = bench
                .min
                .map_or(group.min, |b| Some(group.min.map_or(b, |g| g.max(b))));
            group.max = bench
                .max
                .map_or(group.max, |b| Some(group.max.map_or(b, |g| g.min(b))));
        }
        let mut trainer = Trainer::new(&loaded)?;
        let wiring = Wiring::new(&loaded, &mut trainer)?;
        let programming = Programming::new(&bench, &mut trainer.parameters);
        let seed = loaded.config.seed ^ PARTS;
        let workers = (0..WORKERS).map(|_| Worker::new(&wiring, &bench, seed));
        let mut trainer = Self {
            workers: workers.collect::<Result<_, _>>()?,
            instruments: Instruments::new(&bench),
            trainer,
            bench,
            wiring,
            programming,
            updates: 0,
        };
        trainer.program()?;
        Ok(trainer)
    }

    /// Trains to the end of an epoch, and tests.
    ///
    /// # Errors
    /// The first sample that does not settle.
    pub fn train_epoch(&mut self) -> Result<EpochReport, LaboratoryError> {
        let order = self.trainer.shuffled();
        let mut train = Evaluation::default();
        for batch in order.chunks(self.trainer.config.batch) {
            train.append(&self.step(batch)?);
        }
        train.divide();
        self.trainer.epoch += 1;
        Ok(EpochReport {
            epoch: self.trainer.epoch,
            train,
            test: self.test()?,
        })
    }

    /// The gradient of the mean loss of training samples to each trained quantity (S, A), as the two circuits
    /// tell it with the instruments of the bench.
    ///
    /// # Errors
    /// The first sample that does not settle.
    pub fn gradient(&mut self, samples: &[usize]) -> Result<Vec<f64>, LaboratoryError> {
        self.measure(samples).map(|(_, gradient)| gradient)
    }

    /// Sums of the losses of training samples, and the gradient of their mean.
    fn measure(&mut self, samples: &[usize]) -> Result<(Evaluation, Vec<f64>), LaboratoryError> {
        let seed = self.seed(READINGS, self.updates);
        let (evaluation, mut gradient) = self.run(Data::Training, samples, seed, true)?;
        let count = samples.len().max(1) as f64;
        gradient.iter_mut().for_each(|g| *g /= count);
        Ok((evaluation, gradient))
    }

    /// Mean loss and accuracy of the test samples, as read on the bench.
    ///
    /// # Errors
    /// The first sample that does not settle.
    pub fn test(&mut self) -> Result<Evaluation, LaboratoryError> {
        let samples: Vec<usize> = (0..self.trainer.test.len()).collect();
        let seed = self.seed(TESTS, self.updates);
        let (mut evaluation, _) = self.run(Data::Test, &samples, seed, false)?;
        evaluation.divide();
        Ok(evaluation)
    }

    /// One update; the evaluation holds sums.
    fn step(&mut self, batch: &[usize]) -> Result<Evaluation, LaboratoryError> {
        let (evaluation, gradient) = self.measure(batch)?;
        let config = &self.trainer.config.optimizer;
        let rate = config.rate * config.decay.powi(self.trainer.epoch as i32);
        let mut random = SampleRandom::new(self.seed(UPDATES, 0), self.updates as usize);
        let parameters = &mut self.trainer.parameters;
        self.programming
            .update(parameters, &gradient, rate, &mut random);
        self.updates += 1;
        self.program()?;
        Ok(evaluation)
    }

    /// Another number for each purpose and each batch.
    fn seed(&self, purpose: u64, number: u64) -> u64 {
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.trainer.config.seed ^ purpose ^ mixed
    }

    /// Gives all boards the values of the parameters.
    fn program(&mut self) -> Result<(), LaboratoryError> {
        let sites = &self.wiring.sites;
        let parameters = &self.trainer.parameters;
        let values: Vec<f64> = (0..sites.len())
            .map(|k| match sites[k].is_reciprocal {
                true => 1.0 / parameters.quantity(k),
                false => parameters.quantity(k),
            })
            .collect();
        let workers = self.workers.par_iter_mut();
        let programmed: Vec<_> = workers.map(|w| w.program(sites, &values)).collect();
        programmed.into_iter().collect()
    }

    /// Sums over samples.
    fn run(
        &mut self,
        data: Data,
        samples: &[usize],
        seed: u64,
        differentiate: bool,
    ) -> Result<(Evaluation, Vec<f64>), LaboratoryError> {
        let shared = Shared {
            wiring: &self.wiring,
            loss: &self.trainer.engine.loss,
            data: match data {
                Data::Training => &self.trainer.train,
                Data::Test => &self.trainer.test,
            },
            instruments: &self.instruments,
            seed,
        };
        let each = samples.len().div_ceil(WORKERS).max(1);
        let pairs = self.workers.par_iter_mut().zip(samples.par_chunks(each));
        let outcomes: Vec<_> = pairs
            .map(|(worker, samples)| worker.run(&shared, samples, differentiate))
            .collect();
        let used = outcomes.len();
        outcomes.into_iter().collect::<Result<(), _>>()?;
        let mut total = Evaluation::default();
        let mut gradient = vec![0.0; self.wiring.sites.len()];
        for worker in &self.workers[..used] {
            total.append(&worker.evaluation);
            let both = gradient.iter_mut().zip(&worker.gradient);
            both.for_each(|(sum, g)| *sum += g);
        }
        Ok((total, gradient))
    }
}

#[derive(Clone, Copy, Debug)]
enum Data {
    Training,
    Test,
}

/// What of a training file a bench cannot do.
fn check(loaded: &LoadedConfig, bench: &BenchConfig) -> Result<(), LaboratoryError> {
    bench.validate()?;
    let config = &loaded.config;
    if config.optimizer.kind != OptimizerKind::Sgd {
        let kind = format!("{:?}", config.optimizer.kind).to_lowercase();
        return Err(value(
            "optimizer.kind",
            &kind,
            "\"sgd\": an update is a product of two drops, and nothing is remembered",
        ));
    }
    if config.augment.is_some() {
        return Err(value("augment", "a table", "none on the bench"));
    }
    for group in &config.parameters {
        if group.log {
            let field = format!("log of the parameters `{}`", group.elements);
            let expected = "false: conductances change by a product of two drops";
            return Err(value(&field, "true", expected));
        }
        let lowest = bench
            .min
            .unwrap_or(f64::NEG_INFINITY)
            .max(group.min.unwrap_or(f64::NEG_INFINITY));
        let highest = bench
            .max
            .unwrap_or(f64::INFINITY)
            .min(group.max.unwrap_or(f64::INFINITY));
        if lowest > highest {
            let expected = format!(
                "bounds that meet those of the parameters `{}`",
                group.elements
            );
            return Err(value("bench.min or bench.max", "elsewhere", &expected));
        }
        let has_levels = bench.levels.is_some();
        if has_levels && !(highest - lowest).is_finite() {
            let expected = format!(
                "min and max, for {} or [bench], to count levels in",
                group.elements
            );
            return Err(value("bench.levels", "a number", &expected));
        }
    }
    Ok(())
}
