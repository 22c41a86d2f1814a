//! The training loop: shuffle, gradient, step, project; one batch at a time.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::analysis::CompileError;
use crate::circuit::Circuit;
use crate::estimators::EstimatorError;
use crate::expression::TextTooLong;
use crate::mna::Outline;
use crate::parallel::Ranks;

use super::checkpoint::{Checkpoint, CheckpointError, Sums};
use super::config::{CircuitError, ConfigError, LoadedConfig, OptimizerConfig, TrainingConfig};
use super::data::{Dataset, MovedBatch, Targets};
use super::engine::{Engine, Evaluation, SampleError};
use super::fingerprint::Fingerprints;
use super::guide::{self, Guide};
use super::loss::Loss;
use super::optimizer::Optimizer;
use super::parameters::TrainedParameters;
use super::ports::Ports;

/// A training run between two batches.
#[derive(Debug)]
pub struct Trainer {
    pub config: TrainingConfig,
    pub engine: Engine,
    pub train: Dataset,
    pub test: Dataset,
    pub parameters: TrainedParameters,
    optimizer: Optimizer,
    /// Epochs done.
    pub epoch: usize,
    /// Batches done of the epoch after them.
    pub batch: usize,
    sums: Sums,
    /// Samples of the epoch in the order they are taken; empty until its first batch is.
    order: Vec<usize>,
    gradient: Vec<f64>,
    moved: MovedBatch,
    /// What the last batch gave.
    evaluation: Evaluation,
    fingerprints: Fingerprints,
    guide: Guide,
}

/// What one epoch did.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochReport {
    /// Counted from 1.
    pub epoch: usize,
    /// Mean over the epoch, measured on the way.
    pub train: Evaluation,
    /// Measured at its end; empty without test samples.
    pub test: Evaluation,
}

#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Circuit(#[from] CircuitError),
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error(transparent)]
    Write(#[from] TextTooLong),
    #[error(transparent)]
    Sample(#[from] SampleError),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Estimator(#[from] EstimatorError),
}

impl Trainer {
    /// Builds the circuit, its ports and its data from a training file.
    ///
    /// # Errors
    /// Anything in the file, the deck or the data that does not fit together.
    pub fn new(loaded: &LoadedConfig) -> Result<Self, TrainError> {
        let config = loaded.config.clone();
        let mut circuit = loaded.circuit()?;
        circuit.check().map_err(CompileError::from)?;
        let (train, test) = loaded.data()?;
        if train.is_empty() {
            return Err(ConfigError::Value {
                field: "data".to_string(),
                value: "0 training samples".to_string(),
                expected: "at least one; lower test_fraction or add samples".to_string(),
            }
            .into());
        }
        let fingerprints = Fingerprints::new(&config, &circuit, [&train, &test])?;
        let parameters = TrainedParameters::resolve(&mut circuit, &config.parameters, config.seed)?;
        let outline = Outline::of(&circuit);
        let ports = Ports::resolve(
            &circuit,
            outline.source_elements(),
            &config.features,
            &config.outputs,
        )?;
        if ports.features() != train.features {
            return Err(ConfigError::Mismatch {
                left_what: "sources of features",
                left: ports.features(),
                right_what: "features of the data",
                right: train.features,
                help: "name one source for each feature in features.sources",
            }
            .into());
        }
        let rest = config.augment.map_or(0, |a| train.features % a.width);
        if let (Some(augment), 1..) = (config.augment, rest) {
            return Err(ConfigError::Value {
                field: "augment.width".to_string(),
                value: augment.width.to_string(),
                expected: format!("a divisor of the number of features, {}", train.features),
            }
            .into());
        }
        let loss = Loss::new(config.loss, ports.outputs.len(), &train)?;
        let count = parameters.len();
        let moved = MovedBatch::new(&train);
        let mut trainer = Self {
            engine: Engine::new(
                circuit,
                outline,
                ports,
                loss,
                (&parameters, config.accuracy()),
            ),
            config,
            train,
            test,
            optimizer: Optimizer::new(count),
            gradient: Vec::new(),
            moved,
            evaluation: Evaluation::default(),
            parameters,
            epoch: 0,
            batch: 0,
            sums: Sums::default(),
            order: Vec::new(),
            fingerprints,
            guide: Guide::Adjoint,
        };
        trainer.engine.evaluate_in_batches_of(trainer.config.batch);
        if let (Some(parallel), Some(batches)) = (trainer.config.parallel, trainer.engine.batches())
        {
            batches.cut_into(parallel.blocks);
        }
        trainer.guide = Guide::new(&mut trainer)?;
        Ok(trainer)
    }

    /// Shares the work of the next batches with other processes that train the same: all of them call the
    /// same functions in the same order and come to the same bits, whatever their number. None for a single
    /// process again.
    pub fn spread(&mut self, ranks: Option<Arc<dyn Ranks>>) {
        self.engine.spread(ranks, &mut self.parameters);
    }

    /// Brings everything of a checkpoint to the first rank; all ranks call this.
    pub fn gather(&mut self) {
        let (first, second) = self.optimizer.moments_mut();
        let numbers = [&mut self.parameters.theta[..], first, second];
        self.engine.gather_to_first(numbers);
    }

    /// Ranks of so many that get no samples to solve, since a batch has fewer blocks.
    pub fn idle_ranks(&mut self) -> usize {
        let batch = self.config.batch.min(self.train.len());
        let Some(batches) = self.engine.batches() else {
            return 0;
        };
        let samples = batches.samples_of_ranks(batch);
        samples.iter().filter(|samples| samples.is_empty()).count()
    }

    /// What finds the gradients, if it is not hardware linearization: a line for people.
    pub fn gradient_source(&self) -> Option<String> {
        let config = self.config.estimator?;
        let way = match self.guide {
            Guide::Adjoint => return None,
            Guide::Nudged(_) => "whole batches",
            Guide::Bench(..) => "one sample after the other",
        };
        Some(format!("gradients by {}, {way}\n", config.kind))
    }

    /// Trains to the end of the epoch.
    ///
    /// # Errors
    /// As [`Trainer::train_batch`].
    pub fn train_epoch(&mut self) -> Result<EpochReport, SampleError> {
        loop {
            if let Some(report) = self.train_batch()? {
                return Ok(report);
            }
        }
    }

    /// Trains the next batch. The last one of an epoch ends it and gives its report.
    ///
    /// # Errors
    /// [`SampleError`] of the first sample that fails; the circuit is then as after the last step.
    pub fn train_batch(&mut self) -> Result<Option<EpochReport>, SampleError> {
        if self.batch < self.batches() {
            let mut order = std::mem::take(&mut self.order);
            if order.is_empty() {
                order = self.shuffled();
            }
            let batch = order.chunks(self.config.batch).nth(self.batch);
            self.step(batch.unwrap_or_default())?;
            self.sums.add(&self.evaluation);
            self.batch += 1;
            self.order = order;
        }
        if self.batch < self.batches() {
            return Ok(None);
        }
        self.end_epoch().map(Some)
    }

    /// Batches in one epoch.
    pub fn batches(&self) -> usize {
        self.train.len().div_ceil(self.config.batch)
    }

    /// Samples trained since the run began.
    pub fn samples_done(&self) -> usize {
        self.epoch * self.train.len() + self.sums.samples
    }

    /// Part of the samples of the epoch so far whose class was right; for classes only.
    pub fn running_accuracy(&self) -> Option<f64> {
        let mean = self.sums.mean(self.has_classes());
        (mean.predicted_classes && mean.samples > 0).then_some(mean.accuracy)
    }

    /// The order depends on the seed and the epoch alone: it is the same after a resume.
    pub(crate) fn shuffled(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.train.len()).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(self.config.seed);
        rng.set_stream(2 + self.epoch as u64);
        order.shuffle(&mut rng);
        order
    }

    fn end_epoch(&mut self) -> Result<EpochReport, SampleError> {
        let test = self.test()?;
        let sums = std::mem::take(&mut self.sums);
        self.order.clear();
        self.batch = 0;
        self.epoch += 1;
        Ok(EpochReport {
            epoch: self.epoch,
            train: sums.mean(self.has_classes()),
            test,
        })
    }

    fn step(&mut self, batch: &[usize]) -> Result<(), SampleError> {
        let mut config: OptimizerConfig = self.config.optimizer;
        config.rate *= config.decay.powi(self.epoch as i32);
        self.evaluation.clear();
        let moved = &mut self.moved;
        let (data, batch) = match &self.config.augment {
            None => (&self.train, batch),
            Some(augmentation) => {
                let mut rng = ChaCha8Rng::seed_from_u64(self.config.seed);
                rng.set_stream((1 << 32) + (self.epoch as u64) + ((self.batch as u64) << 33));
                augmentation.fill(&self.train, batch, &mut rng, moved);
                (&moved.data, moved.indices.as_slice())
            }
        };
        let memory = (&mut self.optimizer, &config, &mut self.gradient);
        let (engine, parameters) = (&mut self.engine, &mut self.parameters);
        let seed = self.config.seed ^ (self.epoch as u64 + 1) << 32 ^ (self.batch as u64) << 8;
        match &mut self.guide {
            Guide::Adjoint => {}
            Guide::Nudged(nudging) => engine.set_nudge(nudging.of_batch(seed)),
            Guide::Bench(bench, config) => {
                let settings = guide::settings(config, seed);
                bench.take(parameters);
                let estimate = bench.estimate(config.kind, &settings, batch)?;
                let (optimizer, rules, _) = memory;
                engine.look(data, batch, parameters, &mut self.evaluation)?;
                engine.step_along(&estimate.gradient, parameters, (optimizer, rules));
                return Ok(());
            }
        }
        engine.step(data, batch, parameters, memory, &mut self.evaluation)
    }

    /// Evaluates samples that are not trained.
    ///
    /// # Errors
    /// [`SampleError`] of the first sample that fails.
    pub fn evaluate(&mut self, data: &Dataset) -> Result<Evaluation, SampleError> {
        self.engine.evaluate(data, &mut self.parameters)
    }

    /// Mean loss, accuracy and outputs of the test samples.
    ///
    /// # Errors
    /// As [`Self::evaluate`].
    pub fn test(&mut self) -> Result<Evaluation, SampleError> {
        self.engine.evaluate(&self.test, &mut self.parameters)
    }

    /// What the circuit with other values of its elements makes of samples.
    ///
    /// # Errors
    /// As [`Self::evaluate`], and if `circuit` is not that of the training.
    pub fn evaluate_circuit(
        &self,
        mut circuit: Circuit,
        data: &Dataset,
    ) -> Result<Evaluation, TrainError> {
        let mut nothing_trained = TrainedParameters::resolve(&mut circuit, &[], self.config.seed)?;
        let outline = Outline::of(&circuit);
        let (features, outputs) = (&self.config.features, &self.config.outputs);
        let ports = Ports::resolve(&circuit, outline.source_elements(), features, outputs)?;
        let precision = (&nothing_trained, self.config.accuracy());
        let mut engine = Engine::new(circuit, outline, ports, self.engine.loss, precision);
        Ok(engine.evaluate(data, &mut nothing_trained)?)
    }

    /// The circuit with the values that training has come to.
    pub fn circuit(&mut self) -> &Circuit {
        self.engine.update_circuit(&mut self.parameters);
        &self.engine.circuit
    }

    /// True if the targets are classes.
    pub fn has_classes(&self) -> bool {
        matches!(self.train.targets, Targets::Classes { .. })
    }

    pub fn checkpoint(&self) -> Checkpoint<'_> {
        Checkpoint {
            fingerprints: self.fingerprints.clone(),
            epoch: self.epoch,
            batch: self.batch,
            sums: self.sums,
            theta: Cow::Borrowed(&self.parameters.theta),
            optimizer: Cow::Borrowed(&self.optimizer),
        }
    }

    /// Takes the parameters of a checkpoint of the same circuit, whatever the data; `path` is its place.
    ///
    /// # Errors
    /// [`CheckpointError::OtherCircuit`] if the number of parameters differs.
    pub fn take_parameters(
        &mut self,
        checkpoint: Checkpoint,
        path: &Path,
    ) -> Result<(), CheckpointError> {
        let (found, expected) = (checkpoint.theta.len(), self.parameters.len());
        if found != expected {
            return Err(CheckpointError::OtherCircuit {
                path: path.to_path_buf(),
                found,
                expected,
            });
        }
        self.epoch = checkpoint.epoch;
        self.parameters.theta = checkpoint.theta.into_owned();
        self.engine.set_parameters(&mut self.parameters);
        Ok(())
    }

    /// Goes on from a checkpoint of the same training file, deck and data; `path` is its place.
    ///
    /// # Errors
    /// [`CheckpointError::Changed`] if one of them differs, [`CheckpointError::OtherCircuit`] if the
    /// number of parameters does.
    pub fn restore(&mut self, checkpoint: Checkpoint, path: &Path) -> Result<(), CheckpointError> {
        let path = path.to_path_buf();
        let changes = self.fingerprints.changes_from(&checkpoint.fingerprints);
        if !changes.is_empty() {
            return Err(CheckpointError::Changed { path, changes });
        }
        let expected = self.parameters.len();
        let found = checkpoint.theta.len();
        if found != expected || checkpoint.optimizer.len() != expected {
            return Err(CheckpointError::OtherCircuit {
                path,
                found,
                expected,
            });
        }
        self.epoch = checkpoint.epoch;
        self.batch = checkpoint.batch;
        self.sums = checkpoint.sums;
        self.order.clear();
        self.optimizer = checkpoint.optimizer.into_owned();
        self.parameters.theta = checkpoint.theta.into_owned();
        self.engine.set_parameters(&mut self.parameters);
        Ok(())
    }
}
