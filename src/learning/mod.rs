//! Gradients to trained circuits: what a circuit learns from, how it is read, and how it changes.
//!
//! A training file ([`TrainingConfig`]) names the deck, the sources that carry features, the voltages
//! that are outputs, the loss and the parameters that train. [`Trainer`] runs it; every number it
//! produces depends on the file alone, never on the number of threads.

mod batches;
mod checkpoint;
mod config;
pub mod data;
mod engine;
mod entries;
mod fingerprint;
mod frame;
mod gather;
mod guide;
mod loss;
mod optimizer;
mod parameters;
mod ports;
mod trainer;

pub use batches::Batches;
pub use checkpoint::{Checkpoint, CheckpointError, Sums};
pub use config::{
    BUILT_IN_DIGITS, BenchConfig, CascadeCircuit, CircuitError, CircuitSource, ConfigError,
    DataConfig, EstimatorConfig, FeatureConfig, LoadedConfig, LossConfig, LossKind,
    OptimizerConfig, OptimizerKind, OutputConfig, ParallelConfig, ParameterGroup, Quantity,
    StageConfig, TrainingConfig,
};
pub use engine::{Engine, Evaluation, SampleError};
pub use fingerprint::{Fingerprints, sha256, sha256_of};
pub use loss::{Loss, SampleLoss};
pub use optimizer::Optimizer;
pub use parameters::TrainedParameters;
pub use ports::Ports;
pub use trainer::{EpochReport, TrainError, Trainer};
