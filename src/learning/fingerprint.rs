//! What a run is trained from, as three checksums: a resumed run must find them unchanged.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::config::{
    ConfigError, FeatureConfig, LossConfig, OptimizerConfig, OutputConfig, ParameterGroup,
    TrainingConfig,
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
    /// `deck` is the text of the circuit.
    ///
    /// # Errors
    /// [`ConfigError::Unwritable`]
    pub fn new(
        config: &TrainingConfig,
        deck: &str,
        data: [&Dataset; 2],
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            training: sha256(Rules::of(config).to_toml()?.as_bytes()),
            circuit: sha256(deck.as_bytes()),
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
        numbers(&mut hash, &set.inputs);
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

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
