//! Data sets that a circuit can learn: drawn from a generator, or read from CSV, IDX or NPZ.
//!
//! **Invariant:** this folder knows numbers only. Which source carries which feature, and which
//! node is read as which class, is decided where ports meet features.

mod augment;
mod csv;
mod csv_options;
mod csv_target;
mod digits;
mod error;
mod generate;
mod glyphs;
mod idx;
mod npz;
mod random;

pub use augment::{Augmentation, MovedBatch};
pub use csv::{parse_csv, read_csv};
pub use csv_options::{CsvOptions, TargetColumn};
pub use digits::DIGIT_SIDE;
pub use error::{DataError, Place};
pub use generate::{Generator, GeneratorOptions, generate};
pub use idx::{parse_idx, read_idx};
pub use npz::{parse_npz, read_npz};
pub use random::SampleRandom;

use crate::batch::{Sample, Samples};

/// Samples with their targets.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Numbers in one sample.
    pub features: usize,
    /// samples × features, row major.
    pub inputs: Samples,
    pub targets: Targets,
}

/// What a sample should give.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// One label below `count` for each sample.
    Classes { count: usize, labels: Vec<usize> },
    /// samples × width, row major.
    Values { width: usize, values: Vec<f64> },
}

impl Dataset {
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The features of one sample.
    pub fn input(&self, sample: usize) -> Sample<'_> {
        let first = sample * self.features;
        self.inputs.part(first..first + self.features)
    }

    /// The samples at `indices`, in that order; an index may come twice.
    pub fn subset(&self, indices: &[usize]) -> Dataset {
        Dataset {
            features: self.features,
            inputs: self.inputs.rows(self.features, indices),
            targets: self.targets.subset(indices),
        }
    }

    /// The first `count` samples and the rest; all samples and none if there are fewer.
    pub fn split(&self, count: usize) -> (Dataset, Dataset) {
        let indices: Vec<usize> = (0..self.len()).collect();
        let (first, rest) = indices.split_at(count.min(self.len()));
        (self.subset(first), self.subset(rest))
    }

    /// Checks the shapes, that every number is finite and every label below the class count.
    pub fn validate(&self) -> Result<(), DataError> {
        self.targets.validate()?;
        expect_shape("inputs", self.inputs.len(), self.len() * self.features)?;
        match &self.inputs {
            Samples::Numbers(values) => expect_finite("inputs", values),
            Samples::Pixels(_) => Ok(()),
        }
    }
}

impl Targets {
    /// Number of samples.
    pub fn len(&self) -> usize {
        match self {
            Targets::Classes { labels, .. } => labels.len(),
            Targets::Values { width, values } => values.len() / (*width).max(1),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Numbers a model has to give for one sample: the class count or the width.
    pub fn width(&self) -> usize {
        match self {
            Targets::Classes { count, .. } => *count,
            Targets::Values { width, .. } => *width,
        }
    }

    fn subset(&self, indices: &[usize]) -> Targets {
        match self {
            Targets::Classes { count, labels } => Targets::Classes {
                count: *count,
                labels: indices.iter().map(|&index| labels[index]).collect(),
            },
            Targets::Values { width, values } => Targets::Values {
                width: *width,
                values: rows(values, *width, indices),
            },
        }
    }

    fn validate(&self) -> Result<(), DataError> {
        match self {
            Targets::Classes { count, labels } => match labels.iter().find(|&label| label >= count)
            {
                Some(&found) => Err(DataError::Label {
                    found,
                    count: *count,
                }),
                None => Ok(()),
            },
            Targets::Values { width, values } => {
                expect_shape("target values", values.len(), self.len() * width)?;
                expect_finite("target values", values)
            }
        }
    }
}

fn row(values: &[f64], width: usize, index: usize) -> &[f64] {
    &values[index * width..(index + 1) * width]
}

fn rows(values: &[f64], width: usize, indices: &[usize]) -> Vec<f64> {
    indices
        .iter()
        .flat_map(|&index| row(values, width, index))
        .copied()
        .collect()
}

fn expect_shape(what: &'static str, found: usize, expected: usize) -> Result<(), DataError> {
    match found == expected {
        true => Ok(()),
        false => Err(DataError::Shape {
            what,
            found,
            expected,
        }),
    }
}

fn expect_finite(what: &'static str, values: &[f64]) -> Result<(), DataError> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(DataError::NotFinite { what, index }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Dataset {
        Dataset {
            features: 2,
            inputs: vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0].into(),
            targets: Targets::Classes {
                count: 2,
                labels: vec![0, 1, 0],
            },
        }
    }

    #[test]
    fn a_subset_keeps_the_order_of_its_indices() {
        let subset = three().subset(&[2, 0, 2]);
        assert_eq!(subset.inputs.all().to_vec(), [4.0, 5.0, 0.0, 1.0, 4.0, 5.0]);
        assert_eq!(subset.targets.len(), 3);
        assert_eq!(subset.input(1).to_vec(), [0.0, 1.0]);
        subset.validate().unwrap();
    }

    #[test]
    fn a_split_beyond_the_end_leaves_nothing() {
        let (first, rest) = three().split(7);
        assert_eq!((first.len(), rest.len()), (3, 0));
        assert!(rest.is_empty());
    }

    #[test]
    fn validate_names_the_fault() {
        let mut short = three();
        short.inputs = vec![0.0; 5].into();
        assert!(matches!(
            short.validate(),
            Err(DataError::Shape {
                found: 5,
                expected: 6,
                ..
            })
        ));
        let mut wild = three();
        wild.inputs = vec![0.0, 1.0, 2.0, f64::NAN, 4.0, 5.0].into();
        assert!(matches!(
            wild.validate(),
            Err(DataError::NotFinite { index: 3, .. })
        ));
        let mut strange = three();
        strange.targets = Targets::Classes {
            count: 2,
            labels: vec![0, 2, 0],
        };
        assert!(matches!(
            strange.validate(),
            Err(DataError::Label { found: 2, .. })
        ));
    }
}
