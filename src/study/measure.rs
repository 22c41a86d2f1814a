//! One point of a study.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::circuit::Circuit;
use crate::laboratory::Deviations;
use crate::learning::data::Dataset;
use crate::learning::{
    BenchConfig, Checkpoint, Evaluation, LoadedConfig, TrainError, Trainer, TrainingConfig, sha256,
};

use super::config::{Point, Study, StudyError};

/// What points are made from.
#[derive(Debug)]
pub enum Base {
    /// A training file: points train it with other values.
    File(Box<LoadedConfig>),
    /// A trained run: points are boards of it.
    Run {
        trainer: Box<Trainer>,
        circuit: Box<Circuit>,
        test: Box<Dataset>,
        /// Of the checkpoint.
        checksum: String,
    },
}

/// What was measured on the test samples.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_loss: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_accuracy: Option<f64>,
    /// Why nothing could be measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Outcome {
    fn of(evaluation: &Evaluation) -> Self {
        let classes = evaluation.predicted_classes;
        Self {
            test_loss: Some(evaluation.loss),
            test_accuracy: classes.then_some(evaluation.accuracy),
            error: None,
        }
    }
}

impl Base {
    /// Reads what a study is about.
    ///
    /// # Errors
    /// [`StudyError`]
    pub fn read(study: &Study) -> Result<Self, StudyError> {
        let path = study.folder.join(&study.config.base);
        let is_run = path.is_dir();
        let file = if is_run {
            path.join("config.toml")
        } else {
            path.clone()
        };
        let mut loaded = LoadedConfig::read(&file)?;
        if let Some(data) = &study.config.data {
            loaded.take_data_from(&study.folder.join(data));
        }
        let own = |axis: &str| ["mismatch", "diode_mismatch"].contains(&axis);
        if let Some(axis) = study
            .config
            .axes
            .iter()
            .find(|axis| is_run && !own(&axis.key))
        {
            return Err(value(
                "key",
                &axis.key,
                "mismatch or diode_mismatch, since the base is a trained run",
            ));
        }
        if let (false, Some(_)) = (is_run, study.config.monte_carlo) {
            return Err(value(
                "monte_carlo",
                "given",
                "a trained run as the base, whose boards are drawn",
            ));
        }
        if !is_run {
            // Every key must be one of the training file, and every value one that it may have.
            for axis in &study.config.axes {
                for value in &axis.values {
                    with_values(&loaded.config, &[(axis.key.clone(), value.clone())])?;
                }
            }
            return Ok(Self::File(Box::new(loaded)));
        }
        let place = path.join("checkpoint.bin");
        let checkpoint = Checkpoint::read(&place).map_err(TrainError::from)?;
        let parameters = serde_json::to_vec(&checkpoint.fingerprints).unwrap_or_default();
        let values = checkpoint.theta.iter().flat_map(|x| x.to_le_bytes());
        let checksum = sha256(&parameters.into_iter().chain(values).collect::<Vec<_>>());
        let mut trainer = Trainer::new(&loaded)?;
        trainer
            .take_parameters(checkpoint, &place)
            .map_err(TrainError::from)?;
        let circuit = trainer.circuit().clone();
        let test = first(&trainer.test, study.config.test_samples);
        Ok(Self::Run {
            trainer: Box::new(trainer),
            circuit: Box::new(circuit),
            test: Box::new(test),
            checksum,
        })
    }

    /// Checksum of all that the base brings to the results.
    ///
    /// # Errors
    /// If the training file cannot be written.
    pub fn checksum(&self) -> Result<String, StudyError> {
        match self {
            Self::File(loaded) => Ok(sha256(loaded.config.to_toml()?.as_bytes())),
            Self::Run { checksum, .. } => Ok(checksum.clone()),
        }
    }

    /// Measures a point. What fails is an outcome, too.
    pub fn measure(&self, study: &Study, point: &Point) -> Outcome {
        self.try_measure(study, point)
            .unwrap_or_else(|error| Outcome {
                error: Some(error.to_string()),
                ..Outcome::default()
            })
    }

    fn try_measure(&self, study: &Study, point: &Point) -> Result<Outcome, StudyError> {
        match self {
            Self::File(loaded) => {
                let loaded = LoadedConfig {
                    config: with_values(&loaded.config, &point.values)?,
                    folder: loaded.folder.clone(),
                };
                let mut trainer = Trainer::new(&loaded)?;
                for _ in 0..loaded.config.epochs {
                    trainer.train_epoch().map_err(TrainError::from)?;
                }
                let test = first(&trainer.test, study.config.test_samples);
                let evaluation = trainer.evaluate(&test).map_err(TrainError::from)?;
                Ok(Outcome::of(&evaluation))
            }
            Self::Run {
                trainer,
                circuit,
                test,
                ..
            } => {
                let mut bench = BenchConfig::default();
                let mut seed = 0;
                if let Some(own) = study.config.monte_carlo {
                    (bench.mismatch, bench.diode_mismatch) = (own.mismatch, own.diode_mismatch);
                    seed = own.seed;
                }
                for (key, value) in &point.values {
                    let number = number(key, value)?;
                    match key.as_str() {
                        "mismatch" => bench.mismatch = number,
                        _ => bench.diode_mismatch = number,
                    }
                }
                let mut board = (**circuit).clone();
                let deviations = Deviations::draw(&board, &bench, seed, point.board.unwrap_or(0));
                deviations.apply(&mut board);
                Ok(Outcome::of(&trainer.evaluate_circuit(board, test)?))
            }
        }
    }
}

fn value(field: &str, value: &str, expected: &str) -> StudyError {
    StudyError::Value {
        field: field.to_string(),
        value: value.to_string(),
        expected: expected.to_string(),
    }
}

fn number(key: &str, given: &toml::Value) -> Result<f64, StudyError> {
    let number = given.as_float().or(given.as_integer().map(|n| n as f64));
    let number = number.filter(|x| (0.0..10.0).contains(x));
    number.ok_or_else(|| {
        value(
            key,
            &given.to_string(),
            "a number from 0 to 10, such as 0.05",
        )
    })
}

fn first(data: &Dataset, count: Option<usize>) -> Dataset {
    let count = count.unwrap_or(usize::MAX).min(data.len());
    data.subset(&(0..count).collect::<Vec<_>>())
}

/// A training file with other values at these keys.
fn with_values(
    config: &TrainingConfig,
    values: &[(String, toml::Value)],
) -> Result<TrainingConfig, StudyError> {
    let mut table: toml::Table = toml::from_str(&config.to_toml()?).unwrap_or_default();
    for (key, value) in values {
        set(&mut table, key, value.clone());
    }
    let keys: Vec<&str> = values.iter().map(|(key, _)| key.as_str()).collect();
    let name = format!("<training file with other {}>", keys.join(", "));
    let text = toml::to_string(&table).unwrap_or_default();
    Ok(TrainingConfig::parse(Path::new(&name), &text)?)
}

fn set(table: &mut toml::Table, key: &str, value: toml::Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_string(), value);
        }
        Some((first, rest)) => {
            let inner = table
                .entry(first)
                .or_insert_with(|| toml::Value::Table(toml::Table::new()));
            if let Some(inner) = inner.as_table_mut() {
                set(inner, rest, value);
            }
        }
    }
}
