//! The study file.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::learning::{ConfigError, TrainError};

/// Points of a study, at most.
const MOST_POINTS: usize = 10_000_000;

/// A study file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudyConfig {
    /// A training file, or the folder of a trained run; relative to the study file.
    pub base: PathBuf,
    /// Folder of the data, instead of the base's; relative to the study file.
    #[serde(default)]
    pub data: Option<PathBuf>,
    /// The first so many test samples; all if not given.
    #[serde(default)]
    pub test_samples: Option<usize>,
    /// Every combination of their values is measured.
    #[serde(default)]
    pub axes: Vec<Axis>,
    /// Boards of the trained network, each with deviations of its own.
    #[serde(default)]
    pub monte_carlo: Option<MonteCarlo>,
}

/// Values of a key of the training file, such as `optimizer.rate` or `seed`; with a trained run, of
/// `mismatch` or `diode_mismatch`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    pub key: String,
    pub values: Vec<toml::Value>,
}

/// Deviations of parts, as the table `[bench]` of a training file has them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MonteCarlo {
    /// Boards at each combination of the axes.
    pub count: usize,
    #[serde(default)]
    pub seed: u64,
    /// Standard deviation of the logarithm of realised over nominal conductance.
    #[serde(default)]
    pub mismatch: f64,
    /// The same of the saturation current of diodes.
    #[serde(default)]
    pub diode_mismatch: f64,
}

/// Deviations of one point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Corner {
    pub board: usize,
    pub seed: u64,
    pub mismatch: f64,
    pub diode_mismatch: f64,
}

/// A checked study file, and where it lies.
#[derive(Clone, Debug)]
pub struct Study {
    pub config: StudyConfig,
    pub folder: PathBuf,
    /// The text of the file.
    pub text: String,
}

/// One measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    pub number: usize,
    /// Number of the combination of the axes.
    pub combination: usize,
    /// The values of the axes.
    pub values: Vec<(String, toml::Value)>,
    /// Number of the board, if there are boards.
    pub board: Option<usize>,
}

#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        action: &'static str,
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
        "{} holds the results of another study: {what} has changed\n  help: put back what was changed, or \
         name another folder with --out",
        path.display()
    )]
    Changed { path: PathBuf, what: &'static str },
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Train(#[from] TrainError),
}

impl Study {
    /// Reads and checks a study file.
    ///
    /// # Errors
    /// [`StudyError`]
    pub fn read(path: &Path) -> Result<Self, StudyError> {
        let text = std::fs::read_to_string(path).map_err(|source| StudyError::Io {
            action: "read",
            path: path.to_path_buf(),
            source,
        })?;
        let config = toml::from_str(&text).map_err(|error| StudyError::Syntax {
            path: path.to_path_buf(),
            message: error.to_string(),
        })?;
        let folder = path.parent().unwrap_or(Path::new(".")).to_path_buf();
        let study = Self {
            config,
            folder,
            text,
        };
        study.validate()?;
        Ok(study)
    }

    fn validate(&self) -> Result<(), StudyError> {
        let wrong = |field: String, value: String, expected: &str| {
            let expected = expected.to_string();
            Err(StudyError::Value {
                field,
                value,
                expected,
            })
        };
        for axis in &self.config.axes {
            if axis.values.is_empty() {
                let field = format!("values of the axis `{}`", axis.key);
                return wrong(field, "[]".into(), "at least one");
            }
        }
        if let Some(own) = &self.config.monte_carlo {
            for (name, value) in [
                ("mismatch", own.mismatch),
                ("diode_mismatch", own.diode_mismatch),
            ] {
                if !(0.0..10.0).contains(&value) {
                    let field = format!("monte_carlo.{name}");
                    return wrong(
                        field,
                        value.to_string(),
                        "a number from 0 to 10, such as 0.05",
                    );
                }
            }
            if own.count == 0 {
                return wrong("monte_carlo.count".into(), "0".into(), "at least 1");
            }
        }
        let sizes = self.config.axes.iter().map(|axis| axis.values.len());
        let boards = self.config.monte_carlo.map_or(1, |own| own.count);
        let count = sizes.chain([boards]).try_fold(1usize, usize::checked_mul);
        match count.filter(|&count| count <= MOST_POINTS) {
            Some(_) => Ok(()),
            None => wrong(
                "the number of points".into(),
                count.map_or("too many".into(), |count| count.to_string()),
                "at most ten million",
            ),
        }
    }

    /// All points, in order: boards follow each other, then the values of the last axis.
    pub fn points(&self) -> Vec<Point> {
        let boards = self.config.monte_carlo.map(|own| own.count);
        let sizes: Vec<usize> = self
            .config
            .axes
            .iter()
            .map(|axis| axis.values.len())
            .collect();
        let combinations: usize = sizes.iter().product();
        let mut points = Vec::new();
        for combination in 0..combinations {
            let mut rest = combination;
            let mut values: Vec<_> = (self.config.axes.iter().rev())
                .map(|axis| {
                    let value = axis.values[rest % axis.values.len()].clone();
                    rest /= axis.values.len();
                    (axis.key.clone(), value)
                })
                .collect();
            values.reverse();
            for board in 0..boards.unwrap_or(1) {
                points.push(Point {
                    number: points.len(),
                    combination,
                    values: values.clone(),
                    board: boards.map(|_| board),
                });
            }
        }
        points
    }
}
