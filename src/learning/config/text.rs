//! The text of a training file, and what its values must be.

use std::path::{Path, PathBuf};

use crate::circuit::generators::Layered;
use crate::limits::{TRAINED_CROSSING, TRAINED_ELEMENT, memory};

use super::{CircuitSource, ConfigError, DataConfig, ParameterGroup, TrainingConfig};

/// Samples that a generator draws.
const MOST_SAMPLES: usize = 1_000_000;

/// Standard deviation beside features of order one.
const MOST_NOISE: f64 = 1e6;

/// Blocks of 16 samples of the largest batch worth the name.
const MOST_BLOCKS: usize = 1 << 16;

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

    /// # Errors
    /// [`ConfigError`] for the first value that makes no sense.
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        check(self.batch > 0, "batch", self.batch, "at least 1")?;
        if let Some(tolerance) = self.tolerance {
            let holds = tolerance > 0.0 && tolerance < 1.0;
            let expected = "a number between 0 and 1, such as 1e-3";
            check(holds, "tolerance", tolerance, expected)?;
        }
        if let Some(parallel) = self.parallel {
            let holds = (1..=MOST_BLOCKS).contains(&parallel.blocks);
            let expected = format!("1 to {MOST_BLOCKS}");
            check(holds, "parallel.blocks", parallel.blocks, &expected)?;
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
        self.circuit.validate()?;
        self.bench.iter().try_for_each(|bench| bench.validate())?;
        if let Some(estimator) = &self.estimator {
            check_positive("estimator.beta", estimator.beta)?;
            let noise = estimator.noise;
            let holds = noise >= 0.0 && noise.is_finite();
            let expected = "a number that is not negative";
            check(holds, "estimator.noise", noise, expected)?;
            let phases = estimator.phases;
            check(phases >= 3, "estimator.phases", phases, "at least 3")?;
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

impl CircuitSource {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        match self {
            CircuitSource::Deck(_) => Ok(()),
            CircuitSource::Layered(l) => {
                let size = Layered::size(l.inputs, &l.hidden, l.outputs);
                check_size(size, TRAINED_ELEMENT)
            }
            CircuitSource::Deep(deep) => {
                check_layers("circuit.drn.layers", &deep.layers)?;
                check_positive("circuit.drn.conductance", deep.conductance)?;
                check_positive("circuit.drn.floor", deep.floor)?;
                check_size(deep.size(), TRAINED_CROSSING)
            }
            CircuitSource::Kendall(network) => {
                check_layers("circuit.kendall.layers", &network.layers)?;
                check_positive("circuit.kendall.gain", network.gain)?;
                check_positive("circuit.kendall.conductance", network.conductance)?;
                check_positive("circuit.kendall.floor", network.floor)?;
                let (bias, expected) = (network.bias, "a finite number");
                check(bias.is_finite(), "circuit.kendall.bias", bias, expected)?;
                check_size(network.size(), TRAINED_ELEMENT)
            }
            CircuitSource::Cascade(stages) => {
                let expected = "at least one stage";
                check(!stages.is_empty(), "circuit.cascade", "[]", expected)?;
                stages.iter().try_for_each(|stage| {
                    let field = "gain of a stage of circuit.cascade";
                    check(stage.gain.is_finite(), field, stage.gain, "a finite number")?;
                    stage.circuit.validate()
                })
            }
        }
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

fn check_layers(field: &str, layers: &[usize]) -> Result<(), ConfigError> {
    let expected = "features, hidden layers, outputs: at least two numbers above 0";
    let holds = layers.len() >= 2 && !layers.contains(&0);
    check(holds, field, format!("{layers:?}"), expected)
}

/// `bytes` is what an element takes.
fn check_size(elements: usize, bytes: u64) -> Result<(), ConfigError> {
    let limit = memory() / bytes;
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

pub(super) fn check_positive(field: &str, value: f64) -> Result<(), ConfigError> {
    let holds = value > 0.0 && value.is_finite();
    check(holds, field, value, "a positive number")
}

pub(super) fn check_fraction(field: &str, value: f64) -> Result<(), ConfigError> {
    check(
        (0.0..1.0).contains(&value),
        field,
        value,
        "a number in [0, 1)",
    )
}

pub(super) fn check(
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
