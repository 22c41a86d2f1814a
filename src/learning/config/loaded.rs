//! A training file with what it names: its circuit and its data.

use std::path::{Path, PathBuf};

use crate::cascade::CascadeError;
use crate::circuit::generators::{DeepNetwork, KendallNetwork, Layered};
use crate::circuit::{BuildError, Circuit, TopologyError};
use crate::files::read_at_most;
use crate::netlist::{Netlist, NetlistError};

use super::{CircuitSource, ConfigError, DataConfig, TrainingConfig};
use crate::learning::data::{
    Dataset, GeneratorOptions, Targets, generate, read_csv, read_idx, read_npz,
};

/// The training file of the built-in example: 8 x 8 digits.
pub const BUILT_IN_DIGITS: &str = include_str!("../../../circuits/learning/digits.toml");

/// A training file may not be larger than this, bytes.
const LARGEST: u64 = 1 << 24;

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
            CircuitSource::Cascade(_) => Ok(self.cascade()?.monolith.circuit),
            source => self.build(source, 0),
        }
    }

    /// The circuit of one source, the `number`th of several.
    pub(super) fn build(
        &self,
        source: &CircuitSource,
        number: usize,
    ) -> Result<Circuit, CircuitError> {
        // Alike generators draw other numbers at other places.
        let seed = |own: u64| own.wrapping_add(number as u64) ^ self.config.seed;
        match source {
            CircuitSource::Deck(path) => Ok(Circuit::from_netlist(&Netlist::read(
                self.folder.join(path),
            )?)?),
            CircuitSource::Layered(layered) => {
                let layered = Layered {
                    seed: seed(layered.seed),
                    ..layered.clone()
                };
                Ok(layered.build()?)
            }
            CircuitSource::Deep(deep) => {
                let deep = DeepNetwork {
                    seed: seed(deep.seed),
                    ..deep.clone()
                };
                Ok(deep.build()?)
            }
            CircuitSource::Kendall(network) => {
                let network = KendallNetwork {
                    seed: network.seed ^ self.config.seed,
                    ..network.clone()
                };
                Ok(network.build()?)
            }
            CircuitSource::Cascade(_) => Err(CircuitError::Nested),
        }
    }

    /// Training and test samples.
    ///
    /// # Errors
    /// [`ConfigError`]
    pub fn data(&self) -> Result<(Dataset, Dataset), ConfigError> {
        self.config.data.read(&self.folder)
    }
}

impl DataConfig {
    /// The four files of MNIST by the names they were published under, packed.
    pub fn mnist() -> Self {
        let file = |name: &str| PathBuf::from(format!("{name}.gz"));
        Self::Idx {
            images: file("train-images-idx3-ubyte"),
            labels: file("train-labels-idx1-ubyte"),
            test_images: Some(file("t10k-images-idx3-ubyte")),
            test_labels: Some(file("t10k-labels-idx1-ubyte")),
            test_fraction: 0.0,
            limit: None,
        }
    }

    /// Training and test samples; paths are relative to `folder`.
    ///
    /// # Errors
    /// [`ConfigError`]
    pub fn read(&self, folder: &Path) -> Result<(Dataset, Dataset), ConfigError> {
        let wrap = |error| ConfigError::Data { error };
        match self {
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
                let read = |path: &Path| read_csv(&folder.join(path), format).map_err(wrap);
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
                    let (images, labels) = (folder.join(images), folder.join(labels));
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
                let read = |path: &Path| read_npz(&folder.join(path)).map_err(wrap);
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
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Cascade(#[from] CascadeError),
    #[error(
        "a stage of [[circuit.cascade]] is a cascade itself\n  help: write its stages one after the other"
    )]
    Nested,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(features: usize, classes: usize) -> Dataset {
        Dataset {
            features,
            inputs: vec![0.0; 2 * features].into(),
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
