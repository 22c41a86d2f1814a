//! The training loop: shuffle, gradient, step, project; one epoch at a time.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::analysis::CompileError;
use crate::mna::System;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::config::{CircuitError, ConfigError, LoadedConfig, TrainingConfig};
use super::data::{Dataset, Targets};
use super::engine::{Engine, Evaluation, SampleError};
use super::loss::Loss;
use super::optimizer::Optimizer;
use super::parameters::TrainedParameters;
use super::ports::Ports;

/// A training run between two epochs.
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
    gradient: Vec<f64>,
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
    Sample(#[from] SampleError),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
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
        let parameters = TrainedParameters::resolve(&mut circuit, &config.parameters, config.seed)?;
        let system = System::compile(&circuit).map_err(CompileError::from)?;
        let ports = Ports::resolve(&circuit, &system, &config.features, &config.outputs)?;
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
        let loss = Loss::new(config.loss, ports.outputs.len(), &train)?;
        let count = parameters.len();
        Ok(Self {
            engine: Engine::new(circuit, system, ports, loss),
            config,
            train,
            test,
            optimizer: Optimizer::new(count),
            gradient: vec![0.0; count],
            parameters,
            epoch: 0,
        })
    }

    /// Trains one epoch. `progress` hears how many samples are done.
    ///
    /// # Errors
    /// [`SampleError`] of the first sample that fails; the circuit is then as after the last step.
    pub fn train_epoch(
        &mut self,
        progress: &mut dyn FnMut(usize),
    ) -> Result<EpochReport, SampleError> {
        let mut order: Vec<usize> = (0..self.train.len()).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(self.config.seed);
        rng.set_stream(2 + self.epoch as u64);
        order.shuffle(&mut rng);
        let mut config = self.config.optimizer;
        config.rate *= config.decay.powi(self.epoch as i32);
        let mut total = Evaluation::default();
        for batch in order.chunks(self.config.batch) {
            let batch = self.step(batch, &config)?;
            total.add(&batch);
            progress(total.samples);
        }
        self.epoch += 1;
        let test = self.engine.evaluate(&self.test)?;
        Ok(EpochReport {
            epoch: self.epoch,
            train: total.mean(),
            test,
        })
    }

    fn step(
        &mut self,
        batch: &[usize],
        config: &super::config::OptimizerConfig,
    ) -> Result<Evaluation, SampleError> {
        let Self {
            engine,
            train,
            parameters,
            optimizer,
            gradient,
            ..
        } = self;
        let evaluation = engine.gradient(train, batch, parameters, gradient)?;
        parameters.chain_rule(&engine.circuit, gradient);
        let mut theta = std::mem::take(&mut parameters.theta);
        let rates = parameters.rates().map(|r| r * config.rate);
        optimizer.step(config, rates, &mut theta, gradient);
        parameters.theta = theta;
        parameters.write(&mut engine.circuit);
        engine.refresh();
        Ok(evaluation)
    }

    /// True if the targets are classes.
    pub fn has_classes(&self) -> bool {
        matches!(self.train.targets, Targets::Classes { .. })
    }

    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            epoch: self.epoch,
            seed: self.config.seed,
            theta: self.parameters.theta.clone(),
            optimizer: self.optimizer.clone(),
        }
    }

    /// Goes on from a checkpoint of the same training file.
    ///
    /// # Errors
    /// [`CheckpointError::OtherCircuit`] if the number of parameters differs.
    pub fn restore(
        &mut self,
        checkpoint: Checkpoint,
        path: &std::path::Path,
    ) -> Result<(), CheckpointError> {
        let expected = self.parameters.len();
        let found = checkpoint.theta.len();
        if found != expected || checkpoint.optimizer.len() != expected {
            let path = path.to_path_buf();
            return Err(CheckpointError::OtherCircuit {
                path,
                found,
                expected,
            });
        }
        self.epoch = checkpoint.epoch;
        self.config.seed = checkpoint.seed;
        self.optimizer = checkpoint.optimizer;
        self.parameters.theta = checkpoint.theta;
        self.parameters.write(&mut self.engine.circuit);
        self.engine.refresh();
        Ok(())
    }
}

impl Evaluation {
    /// Adds a batch's means, weighted by its samples; [`Evaluation::mean`] divides at the end.
    fn add(&mut self, batch: &Evaluation) {
        let weight = batch.samples as f64;
        self.samples += batch.samples;
        self.loss += weight * batch.loss;
        self.accuracy += weight * batch.accuracy;
        self.iterations += batch.iterations;
        self.predicted_classes = batch.predicted_classes;
    }

    fn mean(mut self) -> Self {
        let count = self.samples.max(1) as f64;
        self.loss /= count;
        self.accuracy /= count;
        self
    }
}
