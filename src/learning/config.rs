//! The training file: TOML to a checked configuration.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::batch::{Accuracy, Precision};
use crate::circuit::generators::{DeepNetwork, Layered};
use crate::circuit::{BuildError, Circuit, TopologyError};
use crate::files::read_at_most;
use crate::limits::{ELEMENT, memory};
use crate::netlist::{Netlist, NetlistError};

use super::data::{
    Augmentation, CsvOptions, DataError, Dataset, Generator, GeneratorOptions, Targets, generate,
    read_csv, read_idx, read_npz,
};

/// The training file of the built-in example: 8 x 8 digits.
pub const BUILT_IN_DIGITS: &str = include_str!("../../circuits/learning/digits.toml");

/// A training file may not be larger than this, bytes.
const LARGEST: u64 = 1 << 24;

/// Samples that a generator draws.
const MOST_SAMPLES: usize = 1_000_000;

/// Standard deviation beside features of order one.
const MOST_NOISE: f64 = 1e6;

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
}

impl TrainingConfig {
    pub fn accuracy(&self) -> Accuracy {
        Accuracy {
            precision: self.precision,
            tolerance: self.tolerance,
        }
    }
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

/// A configuration with the folder its relative paths start from.
#[derive(Clone, Debug)]
pub struct LoadedConfig {
    pub config: TrainingConfig,
    pub folder: PathBuf,
}

impl LoadedConfig {
    /// Reads and checks a training file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = read_text(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_path_buf(),
            source,
        })?;
        let folder = path.parent().unwrap_or(Path::new(".")).to_path_buf();
        Ok(Self {
            config: TrainingConfig::parse(path, &text)?,
            folder,
        })
    }

    /// The built-in digits example.
    pub fn built_in() -> Result<Self, ConfigError> {
        let config = TrainingConfig::parse(Path::new("<built-in digits>"), BUILT_IN_DIGITS)?;
        Ok(Self {
            config,
            folder: PathBuf::from("."),
        })
    }

    /// Takes the files of the data from another folder, packed by gzip or not.
    pub fn take_data_from(&mut self, folder: &Path) {
        for path in self.config.data.paths_mut() {
            let name = path.file_name().unwrap_or_default().to_owned();
            let plain = folder.join(&name);
            let text = name.to_string_lossy();
            let other = match text.strip_suffix(".gz") {
                Some(bare) => folder.join(bare),
                None => folder.join(format!("{text}.gz")),
            };
            *path = if !plain.exists() && other.exists() {
                other
            } else {
                plain
            };
            // Relative to where the program was started, not to the training file.
            *path = std::path::absolute(&*path).unwrap_or_else(|_| path.clone());
        }
    }

    /// The circuit to train.
    pub fn circuit(&self) -> Result<Circuit, CircuitError> {
        match &self.config.circuit {
            CircuitSource::Deck(path) => Ok(Circuit::from_netlist(&Netlist::read(
                self.folder.join(path),
            )?)?),
            CircuitSource::Layered(layered) => {
                let layered = Layered {
                    seed: layered.seed ^ self.config.seed,
                    ..layered.clone()
                };
                Ok(layered.build()?)
            }
            CircuitSource::Deep(deep) => {
                let deep = DeepNetwork {
                    seed: deep.seed ^ self.config.seed,
                    ..deep.clone()
                };
                Ok(deep.build()?)
            }
        }
    }

    /// Training and test samples.
    pub fn data(&self) -> Result<(Dataset, Dataset), ConfigError> {
        let wrap = |error| ConfigError::Data { error };
        match &self.config.data {
            DataConfig::Generator {
                name,
                samples,
                test,
                noise,
                seed,
            } => {
                let options = GeneratorOptions {
                    samples: samples + test,
                    noise: *noise,
                    seed: *seed,
                };
                Ok(generate(*name, &options).split(*samples))
            }
            DataConfig::Csv {
                train,
                test,
                test_fraction,
                format,
            } => {
                let read = |path: &Path| read_csv(&self.folder.join(path), format).map_err(wrap);
                let test = test.as_deref().map(read);
                with_test(read(train)?, test.transpose()?, *test_fraction)
            }
            DataConfig::Idx {
                images,
                labels,
                test_images,
                test_labels,
                test_fraction,
                limit,
            } => {
                let read = |(images, labels): (&PathBuf, &PathBuf)| {
                    let (images, labels) = (self.folder.join(images), self.folder.join(labels));
                    read_idx(&images, &labels, *limit).map_err(wrap)
                };
                let test = test_images.as_ref().zip(test_labels.as_ref()).map(read);
                with_test(read((images, labels))?, test.transpose()?, *test_fraction)
            }
            DataConfig::Npz {
                train,
                test,
                test_fraction,
            } => {
                let read = |path: &Path| read_npz(&self.folder.join(path)).map_err(wrap);
                let test = test.as_deref().map(read);
                with_test(read(train)?, test.transpose()?, *test_fraction)
            }
        }
    }
}

/// The samples and those of the test file, or of the last part of them.
fn with_test(
    mut train: Dataset,
    test: Option<Dataset>,
    fraction: f64,
) -> Result<(Dataset, Dataset), ConfigError> {
    let Some(mut test) = test else {
        let kept = ((1.0 - fraction) * train.len() as f64).round() as usize;
        return Ok(train.split(kept));
    };
    expect_same(
        ["features of the training data", "features of the test data"],
        [train.features, test.features],
    )?;
    // A class may be missing from either file.
    if let (Targets::Classes { count: a, .. }, Targets::Classes { count: b, .. }) =
        (&mut train.targets, &mut test.targets)
    {
        *a = (*a).max(*b);
        *b = *a;
    }
    expect_same(
        ["targets of the training data", "targets of the test data"],
        [train.targets.width(), test.targets.width()],
    )?;
    Ok((train, test))
}

fn expect_same(what: [&'static str; 2], [left, right]: [usize; 2]) -> Result<(), ConfigError> {
    match left == right {
        true => Ok(()),
        false => Err(ConfigError::Mismatch {
            left_what: what[0],
            left,
            right_what: what[1],
            right,
            help: "take training and test data from files of the same form",
        }),
    }
}

fn read_text(path: &Path) -> std::io::Result<String> {
    let bytes = read_at_most(path, LARGEST)?;
    String::from_utf8(bytes).map_err(|_| std::io::Error::other("it is not text"))
}

/// Why the circuit of a training file cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CircuitError {
    #[error(transparent)]
    Netlist(#[from] NetlistError),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error(transparent)]
    Topology(#[from] TopologyError),
}

impl TrainingConfig {
    /// Parses and checks the text of a training file.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| ConfigError::Syntax {
            path: path.to_path_buf(),
            message: describe(&error, text),
        })?;
        config.validate()?;
        Ok(config)
    }

    /// The text of a training file; [`TrainingConfig::parse`] reads it back.
    ///
    /// # Errors
    /// [`ConfigError::Unwritable`] for numbers that TOML does not have.
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        Ok(toml::to_string_pretty(self)?)
    }

    fn validate(&self) -> Result<(), ConfigError> {
        check(self.batch > 0, "batch", self.batch, "at least 1")?;
        if let Some(tolerance) = self.tolerance {
            let holds = tolerance > 0.0 && tolerance < 1.0;
            let expected = "a number between 0 and 1, such as 1e-3";
            check(holds, "tolerance", tolerance, expected)?;
        }
        let expected = "at least one [[parameters]] table";
        check(!self.parameters.is_empty(), "parameters", "[]", expected)?;
        let (features, o) = (&self.features, &self.optimizer);
        check_positive("loss.scale", self.loss.scale)?;
        check_positive("optimizer.rate", o.rate)?;
        check_positive("optimizer.decay", o.decay)?;
        check_positive("optimizer.epsilon", o.epsilon)?;
        check_fraction("optimizer.momentum", o.momentum)?;
        check_fraction("optimizer.beta2", o.beta2)?;
        for (name, value) in [("scale", features.scale), ("offset", features.offset)] {
            let field = format!("features.{name}");
            check(value.is_finite(), &field, value, "a finite number")?;
        }
        match &self.circuit {
            CircuitSource::Deck(_) => {}
            CircuitSource::Layered(l) => {
                check_size(Layered::size(l.inputs, &l.hidden, l.outputs))?;
            }
            CircuitSource::Deep(deep) => {
                let count = deep.layers.len();
                let expected = "features, hidden layers, outputs: at least two numbers above 0";
                let holds = count >= 2 && !deep.layers.contains(&0);
                check(
                    holds,
                    "circuit.drn.layers",
                    format!("{:?}", deep.layers),
                    expected,
                )?;
                check_positive("circuit.drn.conductance", deep.conductance)?;
                check_positive("circuit.drn.floor", deep.floor)?;
                check_size(deep.size())?;
            }
        }
        if let Some(augment) = &self.augment {
            check(
                augment.width > 0,
                "augment.width",
                augment.width,
                "at least 1",
            )?;
        }
        self.data.validate()?;
        self.parameters
            .iter()
            .try_for_each(ParameterGroup::validate)
    }
}

impl DataConfig {
    /// The files that samples are read from.
    pub fn paths_mut(&mut self) -> Vec<&mut PathBuf> {
        match self {
            DataConfig::Generator { .. } => Vec::new(),
            DataConfig::Csv { train, test, .. } | DataConfig::Npz { train, test, .. } => {
                [train].into_iter().chain(test).collect()
            }
            DataConfig::Idx {
                images,
                labels,
                test_images,
                test_labels,
                ..
            } => {
                let test = test_images.iter_mut().chain(test_labels);
                [images, labels].into_iter().chain(test).collect()
            }
        }
    }

    fn validate(&self) -> Result<(), ConfigError> {
        match self {
            DataConfig::Generator {
                samples,
                test,
                noise,
                ..
            } => {
                let all = samples.saturating_add(*test);
                let expected = format!("at most {MOST_SAMPLES}");
                let field = "samples + test of data.generator";
                check(all <= MOST_SAMPLES, field, all, &expected)?;
                let expected = format!("a number from 0 to {MOST_NOISE:e}");
                let holds = (0.0..=MOST_NOISE).contains(noise);
                check(holds, "data.generator.noise", noise, &expected)
            }
            DataConfig::Csv { test_fraction, .. } => {
                check_fraction("data.csv.test_fraction", *test_fraction)
            }
            DataConfig::Idx {
                test_images,
                test_labels,
                test_fraction,
                limit,
                ..
            } => {
                let is_pair = test_images.is_some() == test_labels.is_some();
                let field = "data.idx.test_images";
                let given = test_images
                    .as_ref()
                    .map_or("nothing".into(), |p| p.display().to_string());
                check(
                    is_pair,
                    field,
                    given,
                    "both test_images and test_labels, or neither",
                )?;
                let limit = limit.unwrap_or(1);
                check(limit > 0, "data.idx.limit", limit, "at least 1")?;
                check_fraction("data.idx.test_fraction", *test_fraction)
            }
            DataConfig::Npz { test_fraction, .. } => {
                check_fraction("data.npz.test_fraction", *test_fraction)
            }
        }
    }
}

fn check_size(elements: usize) -> Result<(), ConfigError> {
    let limit = memory() / ELEMENT;
    match elements as u64 > limit {
        true => Err(ConfigError::TooLarge { elements, limit }),
        false => Ok(()),
    }
}

impl ParameterGroup {
    fn validate(&self) -> Result<(), ConfigError> {
        let name = |field: &str| format!("{field} of the parameters `{}`", self.elements);
        check(
            self.rate >= 0.0 && self.rate.is_finite(),
            &name("rate"),
            self.rate,
            "a number that is not negative",
        )?;
        let spread = self.spread.is_finite() && self.spread >= 0.0;
        check(
            spread,
            &name("spread"),
            self.spread,
            "a number that is not negative",
        )?;
        for (field, bound) in [("min", self.min), ("max", self.max)] {
            let bound = bound.unwrap_or(0.0);
            check(!bound.is_nan(), &name(field), bound, "a number")?;
        }
        if let (Some(min), Some(max)) = (self.min, self.max) {
            check(
                min <= max,
                &name("min"),
                min,
                "a number that is not above max",
            )?;
        }
        let log_needs = !self.log || self.min.is_none_or(|min| min > 0.0);
        check(
            log_needs,
            &name("min"),
            self.min.unwrap_or(0.0),
            "a positive number, since log = true",
        )
    }
}

/// What toml says, but for lines and names that would fill a page.
fn describe(error: &toml::de::Error, text: &str) -> String {
    const LONGEST: usize = 2000;
    let whole = error.to_string();
    if whole.len() <= LONGEST {
        return whole;
    }
    let start = error.span().map_or(0, |span| span.start);
    let before = text.get(..start).unwrap_or_default();
    let (_, last) = before.rsplit_once('\n').unwrap_or(("", before));
    let (line, column) = (before.matches('\n').count() + 1, last.chars().count() + 1);
    let message: String = error.message().chars().take(LONGEST).collect();
    format!("line {line}, column {column}: {message}")
}

fn check_positive(field: &str, value: f64) -> Result<(), ConfigError> {
    let holds = value > 0.0 && value.is_finite();
    check(holds, field, value, "a positive number")
}

fn check_fraction(field: &str, value: f64) -> Result<(), ConfigError> {
    check(
        (0.0..1.0).contains(&value),
        field,
        value,
        "a number in [0, 1)",
    )
}

fn check(
    holds: bool,
    field: &str,
    value: impl std::fmt::Display,
    expected: &str,
) -> Result<(), ConfigError> {
    if holds {
        return Ok(());
    }
    Err(ConfigError::Value {
        field: field.to_string(),
        value: value.to_string(),
        expected: expected.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(features: usize, classes: usize) -> Dataset {
        Dataset {
            features,
            inputs: vec![0.0; 2 * features],
            targets: Targets::Classes {
                count: classes,
                labels: vec![0, classes - 1],
            },
        }
    }

    #[test]
    fn training_and_test_data_have_the_same_form() {
        let (train, test) = with_test(set(3, 2), Some(set(3, 4)), 0.0).unwrap();
        assert_eq!((train.targets.width(), test.targets.width()), (4, 4));
        assert!(with_test(set(3, 2), Some(set(2, 2)), 0.0).is_err());
    }

    #[test]
    fn test_images_come_with_labels() {
        let text = BUILT_IN_DIGITS.split_once("[data.generator]").unwrap().0;
        let parse = |more: &str| {
            let data = "[data.idx]\nimages = \"a\"\nlabels = \"b\"\n";
            TrainingConfig::parse(Path::new("t.toml"), &format!("{text}{data}{more}"))
        };
        assert!(parse("").is_ok());
        assert!(parse("test_images = \"c\"\ntest_labels = \"d\"").is_ok());
        for fault in ["test_images = \"c\"", "test_labels = \"c\"", "limit = 0"] {
            assert!(
                matches!(parse(fault), Err(ConfigError::Value { .. })),
                "{fault}"
            );
        }
    }
}
