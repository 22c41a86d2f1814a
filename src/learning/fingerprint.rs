//! What a run is trained from, as three checksums: a resumed run must find them unchanged.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::batch::Samples;
use crate::circuit::Circuit;

use super::TrainError;
use super::config::{
    ConfigError, EstimatorConfig, FeatureConfig, LossConfig, OptimizerConfig, OutputConfig,
    ParallelConfig, ParameterGroup, TrainingConfig,
};
use super::data::{Dataset, Targets};

/// SHA-256 of all that decides the bits of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprints {
    /// The training file but for its number of epochs, its circuit and its data.
    pub training: String,
    /// The circuit before training, as a flat deck.
    pub circuit: String,
    /// The numbers of all samples.
    pub data: String,
}

impl Fingerprints {
    /// # Errors
    /// If the training file or the deck cannot be written.
    pub fn new(
        config: &TrainingConfig,
        circuit: &Circuit,
        data: [&Dataset; 2],
    ) -> Result<Self, TrainError> {
        let mut deck = Sha256::new();
        circuit.write_spice(|part| deck.update(part))?;
        Ok(Self {
            training: sha256(Rules::of(config).to_toml()?.as_bytes()),
            circuit: hexadecimal(&deck.finalize()),
            data: of_data(data),
        })
    }

    /// What differs from an earlier run, in words.
    pub fn changes_from(&self, earlier: &Self) -> Vec<&'static str> {
        let pairs = [
            (&self.training, &earlier.training, "another training file"),
            (&self.circuit, &earlier.circuit, "another deck"),
            (&self.data, &earlier.data, "other data"),
        ];
        let changed = pairs.into_iter().filter(|(now, then, _)| now != then);
        changed.map(|(_, _, what)| what).collect()
    }
}

/// What a training file says beside its epochs, its circuit and its data.
#[derive(Serialize)]
struct Rules<'a> {
    seed: u64,
    batch: usize,
    features: &'a FeatureConfig,
    outputs: &'a OutputConfig,
    loss: LossConfig,
    optimizer: OptimizerConfig,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimator: Option<EstimatorConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel: Option<ParallelConfig>,
    parameters: &'a [ParameterGroup],
}

impl<'a> Rules<'a> {
    fn of(config: &'a TrainingConfig) -> Self {
        Self {
            seed: config.seed,
            batch: config.batch,
            features: &config.features,
            outputs: &config.outputs,
            loss: config.loss,
            optimizer: config.optimizer,
            estimator: config.estimator,
            parallel: config.parallel,
            parameters: &config.parameters,
        }
    }

    fn to_toml(&self) -> Result<String, ConfigError> {
        Ok(toml::to_string(self)?)
    }
}

fn of_data(data: [&Dataset; 2]) -> String {
    let mut hash = Sha256::new();
    let number = |hash: &mut Sha256, n: usize| hash.update((n as u64).to_le_bytes());
    let numbers = |hash: &mut Sha256, values: &[f64]| {
        for value in values {
            hash.update(value.to_le_bytes());
        }
    };
    for set in data {
        number(&mut hash, set.len());
        number(&mut hash, set.features);
        match &set.inputs {
            Samples::Numbers(values) => numbers(&mut hash, values),
            Samples::Pixels(bytes) => hash.update(bytes),
        }
        match &set.targets {
            Targets::Classes { count, labels } => {
                number(&mut hash, *count);
                labels.iter().for_each(|&label| number(&mut hash, label));
            }
            Targets::Values { width, values } => {
                number(&mut hash, *width);
                numbers(&mut hash, values);
            }
        }
    }
    hexadecimal(&hash.finalize())
}

/// SHA-256 in hexadecimal digits, as `sha256sum` prints it.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// The same of all that `reader` has left, of which little is in memory at a time.
///
/// # Errors
/// If it cannot be read.
pub fn sha256_of(mut reader: impl std::io::Read) -> std::io::Result<String> {
    let mut sum = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(hexadecimal(&sum.finalize())),
            count => sum.update(&buffer[..count]),
        }
    }
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
