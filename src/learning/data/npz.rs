//! NumPy files to a [`Dataset`]: features in the array `x`, targets in `y`.

use std::io::{Cursor, Read, Seek};
use std::path::Path;

use crate::npz::{Archive, Array, NpzError};

use super::csv_target::CLASS_LIMIT;
use super::{DataError, Dataset, Targets};

/// Reads an `.npz` file.
///
/// # Errors
/// [`DataError::Npz`]
pub fn read_npz(path: &Path) -> Result<Dataset, DataError> {
    Ok(Samples { file: path }.read(Archive::open(path)?)?)
}

/// The same from bytes; `file` is their name in messages. `x` has a sample in each row, or in each
/// matrix of rows and columns; its numbers are taken as they are. Integers in `y` are classes, other
/// numbers one or several values of each sample.
///
/// # Errors
/// [`DataError::Npz`]
pub fn parse_npz(file: &Path, bytes: &[u8]) -> Result<Dataset, DataError> {
    Ok(Samples { file }.read(Archive::new(file, Cursor::new(bytes))?)?)
}

struct Samples<'a> {
    file: &'a Path,
}

impl Samples<'_> {
    fn read<R: Read + Seek>(&self, mut archive: Archive<R>) -> Result<Dataset, NpzError> {
        let (x, y) = (archive.read("x")?, archive.read("y")?);
        let [samples, rest @ ..] = &x.shape[..] else {
            return Err(self.fault("x", "a single number".into(), SAMPLES));
        };
        let features = rest.iter().product();
        if rest.is_empty() || features == 0 || *samples == 0 {
            return Err(self.shape("x", &x, SAMPLES));
        }
        if y.shape.first() != Some(samples) {
            let expected = format!("{samples} targets, one for each sample of `x`");
            return Err(self.shape("y", &y, &expected));
        }
        self.expect_finite("x", &x.numbers)?;
        Ok(Dataset {
            features,
            targets: self.targets(y)?,
            inputs: x.numbers.into(),
        })
    }

    fn targets(&self, y: Array) -> Result<Targets, NpzError> {
        let width: usize = y.shape[1..].iter().product();
        if y.shape.len() > 2 || width == 0 {
            return Err(self.shape("y", &y, "classes, or rows of values"));
        }
        if !y.is_integer {
            self.expect_finite("y", &y.numbers)?;
            let values = y.numbers;
            return Ok(Targets::Values { width, values });
        }
        if width > 1 {
            let expected = "one integer for each sample, or float32 or float64 values";
            return Err(self.shape("y", &y, expected));
        }
        let is_class = |label: &f64| (0.0..CLASS_LIMIT as f64).contains(label);
        if let Some(index) = y.numbers.iter().position(|label| !is_class(label)) {
            let found = format!("class {} at index {index}", y.numbers[index]);
            return Err(self.fault("y", found, "classes from 0 to 9999"));
        }
        let labels: Vec<usize> = y.numbers.iter().map(|&label| label as usize).collect();
        let count = labels.iter().max().map_or(0, |largest| largest + 1);
        Ok(Targets::Classes { count, labels })
    }

    fn expect_finite(&self, array: &str, numbers: &[f64]) -> Result<(), NpzError> {
        match numbers.iter().position(|x| !x.is_finite()) {
            Some(index) => {
                let found = format!("{} at index {index}", numbers[index]);
                Err(self.fault(array, found, "finite numbers"))
            }
            None => Ok(()),
        }
    }

    fn shape(&self, name: &str, array: &Array, expected: &str) -> NpzError {
        self.fault(name, format!("shape {}", array.shape_text()), expected)
    }

    fn fault(&self, array: &str, found: String, expected: &str) -> NpzError {
        NpzError::Array {
            file: self.file.to_path_buf(),
            array: array.to_string(),
            found,
            expected: expected.to_string(),
        }
    }
}

const SAMPLES: &str = "samples x features, or samples x rows x columns";

#[cfg(test)]
#[path = "npz_tests.rs"]
mod tests;
