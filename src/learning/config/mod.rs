//! The training file: TOML to a checked configuration.

mod bench;
mod cascade;
mod loaded;
mod text;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::batch::{Accuracy, Precision};
use crate::circuit::generators::{DeepNetwork, KendallNetwork, Layered};
use crate::estimators::{Estimator, Meter, Settings};

use super::data::{Augmentation, CsvOptions, DataError, Generator};
pub use bench::BenchConfig;
pub use cascade::{CascadeCircuit, StageConfig};
pub use loaded::{BUILT_IN_DIGITS, CircuitError, LoadedConfig};

/// A training file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingConfig {
    pub circuit: CircuitSource,
    pub features: FeatureConfig,
    pub outputs: OutputConfig,
    #[serde(default)]
    pub loss: LossConfig,
    #[serde(default)]
    pub optimizer: OptimizerConfig,
    pub parameters: Vec<ParameterGroup>,
    pub data: DataConfig,
    /// Moves training samples a little each time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augment: Option<Augmentation>,
    /// What finds the gradients; hardware linearization if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimator: Option<EstimatorConfig>,
    /// Seed of everything random but the data: initial values and the order of samples.
    #[serde(default)]
    pub seed: u64,
    #[serde(default = "default_epochs")]
    pub epochs: usize,
    /// Samples whose gradients are averaged for one step.
    #[serde(default = "default_batch")]
    pub batch: usize,
    /// The numbers that whole batches are computed in.
    #[serde(default, skip_serializing_if = "is_default")]
    pub precision: Precision,
    /// Where the relaxation of deep networks ends: what a sweep may still change, in parts of the
    /// largest potential; as far as the precision goes if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<f64>,
    /// How batches are cut for several processes; it decides bits, so it does not depend on how many there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallel: Option<ParallelConfig>,
    /// What instruments and parts do to `ohmgrad bench-train`; other training knows nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bench: Option<BenchConfig>,
}

impl TrainingConfig {
    pub fn accuracy(&self) -> Accuracy {
        Accuracy {
            precision: self.precision,
            tolerance: self.tolerance,
        }
    }
}

/// How batches are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParallelConfig {
    /// Blocks of samples of a batch, at least, where it has as many times 16 samples. A rank solves whole
    /// blocks.
    pub blocks: usize,
}

fn is_default(precision: &Precision) -> bool {
    *precision == Precision::default()
}

fn default_epochs() -> usize {
    10
}

fn default_batch() -> usize {
    32
}

/// An estimator of the gradient that the circuit could measure by itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EstimatorConfig {
    #[serde(with = "estimator_name")]
    pub kind: Estimator,
    /// Strength of the nudge: 1 stands for a current of the circuit's typical conductance times the
    /// derivative of the loss.
    #[serde(default = "default_beta")]
    pub beta: f64,
    /// Standard deviation of a reading relative to its value, of a measured gradient.
    #[serde(default)]
    pub noise: f64,
    /// Resolution of the meter; 0 for an exact one.
    #[serde(default)]
    pub bits: u32,
    /// Phases of one period of a sinusoidal nudge.
    #[serde(default = "default_phases")]
    pub phases: usize,
}

fn default_beta() -> f64 {
    Settings::default().beta
}

fn default_phases() -> usize {
    Settings::default().phases
}

impl EstimatorConfig {
    pub fn of(kind: Estimator) -> Self {
        Self {
            kind,
            beta: default_beta(),
            noise: 0.0,
            bits: 0,
            phases: default_phases(),
        }
    }

    pub fn meter(&self) -> Meter {
        Meter {
            noise: self.noise,
            bits: (self.bits > 0).then_some(self.bits),
        }
    }
}

/// Estimators by their names.
mod estimator_name {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::estimators::Estimator;

    pub(super) fn serialize<S: Serializer>(kind: &Estimator, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(kind.name())
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Estimator, D::Error> {
        let name = String::deserialize(from)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

/// Where the circuit comes from: a deck beside the training file, or a generator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum CircuitSource {
    /// Path of a deck, relative to the training file.
    Deck(PathBuf),
    /// A layered network of crossbars and clamped hidden nodes.
    Layered(Layered),
    /// A deep resistive network.
    #[serde(rename = "drn")]
    Deep(DeepNetwork),
    /// The network of Kendall et al. 2020, with amplifiers.
    Kendall(KendallNetwork),
    /// Stages with unidirectional buffers between them, as one circuit: see [`CascadeCircuit`].
    Cascade(Vec<StageConfig>),
}

/// Which sources carry the features, in order. Feature x drives `scale x + offset` (V or A).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureConfig {
    /// Names or globs of V or I elements; a glob takes elements in deck order.
    pub sources: Vec<String>,
    /// Sources that carry the negative of each feature's value ("doubled" inputs).
    #[serde(default)]
    pub complements: Vec<String>,
    #[serde(default = "one")]
    pub scale: f64,
    #[serde(default)]
    pub offset: f64,
}

/// What is read: `v(a)`, `v(a,b)`, `i(r1)`; `v(out*)` stands for every node that matches, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputConfig {
    pub read: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LossConfig {
    pub kind: LossKind,
    /// Factor on the outputs (1/V) before the loss.
    pub scale: f64,
}

impl Default for LossConfig {
    fn default() -> Self {
        Self {
            kind: LossKind::CrossEntropy,
            scale: 1.0,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossKind {
    /// `sum (scale y - target)^2 / 2`; classes are one-hot, two classes on one output are -1 and 1.
    SquaredError,
    /// `-log softmax(scale y)[class]`; two classes on one output are the two signs of it.
    CrossEntropy,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OptimizerConfig {
    pub kind: OptimizerKind,
    /// Step size. Parameters are trained in units of their group's typical initial value, so that a
    /// rate of 0.01 means steps of about one per cent (Adam).
    pub rate: f64,
    /// Factor on the rate after each epoch.
    pub decay: f64,
    /// Momentum (`momentum`), or decay of the first moment (`adam`).
    pub momentum: f64,
    /// Decay of the second moment (`adam`).
    pub beta2: f64,
    pub epsilon: f64,
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self {
            kind: OptimizerKind::Adam,
            rate: 0.02,
            decay: 1.0,
            momentum: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    Sgd,
    Momentum,
    Adam,
}

/// A set of parameters that train alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterGroup {
    /// Glob on element names, such as `r*`.
    pub elements: String,
    /// Which parameter of them; by default the conductance of resistors, otherwise the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// Train the logarithm instead of the value.
    #[serde(default)]
    pub log: bool,
    /// Bounds, in the quantity's unit (S, ohm, V, …).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// Factor on the optimizer's rate for this group.
    #[serde(default = "one")]
    pub rate: f64,
    /// Initial values are multiplied by exp(u), u uniform in ± this.
    #[serde(default)]
    pub spread: f64,
}

/// A trainable quantity: a parameter by its deck name, or a resistor's conductance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quantity {
    /// Conductance of a resistor, S.
    Conductance,
    /// Any parameter by the name that `ohmgrad grad` shows: `resistance`, `is`, `voltage`, …
    #[serde(untagged)]
    Named(String),
}

/// Where samples come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum DataConfig {
    /// A built-in problem. The first `samples` samples train, the next `test` samples test.
    Generator {
        name: Generator,
        #[serde(default = "default_samples")]
        samples: usize,
        #[serde(default = "default_test")]
        test: usize,
        #[serde(default = "default_noise")]
        noise: f64,
        #[serde(default)]
        seed: u64,
    },
    /// CSV files; without a test file, the last `test_fraction` of the samples test.
    Csv {
        train: PathBuf,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        test: Option<PathBuf>,
        #[serde(default = "default_fraction")]
        test_fraction: f64,
        #[serde(default)]
        format: CsvOptions,
    },
    /// IDX files such as those of MNIST; without test files, the last `test_fraction` of the samples
    /// test.
    Idx {
        images: PathBuf,
        labels: PathBuf,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        test_images: Option<PathBuf>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        test_labels: Option<PathBuf>,
        #[serde(default = "default_fraction")]
        test_fraction: f64,
        /// Samples read from each pair of files.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<usize>,
    },
    /// NumPy files of arrays `x` and `y`; without a test file, the last `test_fraction` of the samples
    /// test.
    Npz {
        train: PathBuf,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        test: Option<PathBuf>,
        #[serde(default = "default_fraction")]
        test_fraction: f64,
    },
}

fn one() -> f64 {
    1.0
}

fn default_samples() -> usize {
    1000
}

fn default_test() -> usize {
    500
}

fn default_noise() -> f64 {
    0.1
}

fn default_fraction() -> f64 {
    0.2
}

/// Why a training file cannot be used. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read the training file {}: {source}", path.display())]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{}: {message}", path.display())]
    Syntax { path: PathBuf, message: String },
    #[error("{field} = {value}: expected {expected}")]
    Value {
        field: String,
        value: String,
        expected: String,
    },
    #[error(
        "the network of the training file has about {elements} elements; the limit is {limit}\n  \
         help: give it fewer nodes; {} raises the limit (GB)",
        crate::limits::VARIABLE
    )]
    TooLarge { elements: usize, limit: u64 },
    #[error("`{pattern}` in {field} matches no {what} of the circuit\n  help: {help}")]
    NoMatch {
        field: &'static str,
        pattern: String,
        what: &'static str,
        help: String,
    },
    #[error("{0}")]
    Output(#[from] crate::analysis::OutputError),
    #[error("{error}\n  help: {}", error.help())]
    Data { error: DataError },
    #[error("{left_what}: {left}, but {right_what}: {right}\n  help: {help}")]
    Mismatch {
        left_what: &'static str,
        left: usize,
        right_what: &'static str,
        right: usize,
        help: &'static str,
    },
    #[error("the training file cannot be written: {0}")]
    Unwritable(#[from] toml::ser::Error),
}
