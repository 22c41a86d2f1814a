//! What a network does to its inputs before its first layer sees them.

use std::path::Path;

use crate::kernel::Dense;
use crate::safetensors::SafeTensors;

use super::SynthesisError;

/// `(x - mean) / deviation`, one of each for each input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standardization {
    pub mean: Vec<f64>,
    pub deviation: Vec<f64>,
}

impl Standardization {
    /// The metadata `input_mean` and `input_std`: a number, or a JSON list of one for each input; 0 and 1 if
    /// they are not there.
    pub fn read(file: &Path, read: &SafeTensors, inputs: usize) -> Result<Self, SynthesisError> {
        Ok(Self {
            mean: list(file, read, "input_mean", inputs, 0.0)?,
            deviation: list(file, read, "input_std", inputs, 1.0)?,
        })
    }

    /// Takes it into the `weight` (outputs x inputs) and the `bias` of a layer, whose inputs are those before
    /// it then.
    pub fn take_in(&self, weight: &mut Dense, bias: &mut [f64]) {
        for (i, bias) in bias.iter_mut().enumerate() {
            let row = weight.row_mut(i).iter_mut();
            for (w, (mean, deviation)) in row.zip(self.mean.iter().zip(&self.deviation)) {
                *w /= deviation;
                *bias -= *w * mean;
            }
        }
    }
}

/// A number for each input, or one for all.
fn list(
    file: &Path,
    read: &SafeTensors,
    key: &'static str,
    count: usize,
    default: f64,
) -> Result<Vec<f64>, SynthesisError> {
    let Some(text) = read.metadata.get(key) else {
        return Ok(vec![default; count]);
    };
    let list: Option<Vec<f64>> = match serde_json::from_str(text) {
        Ok(serde_json::Value::Array(list)) => list.iter().map(|x| x.as_f64()).collect(),
        Ok(value) => value.as_f64().map(|x| vec![x; count]),
        Err(_) => None,
    };
    let is_usable = |list: &Vec<f64>| {
        let is_divisor = |x: &f64| key != "input_std" || *x != 0.0;
        list.len() == count && list.iter().all(|x| x.is_finite() && is_divisor(x))
    };
    list.filter(is_usable)
        .ok_or_else(|| SynthesisError::Metadata {
            file: file.to_path_buf(),
            key,
            found: text.clone(),
            expected: match key {
                "input_std" => {
                    format!("a number, or a list of {count} numbers, none of them zero")
                }
                _ => format!("a number, or a list of {count} numbers"),
            },
        })
}

/// The first row whose weights and bias add up to more than a number can hold.
pub(super) fn large_row(weight: &Dense, bias: &[f64]) -> Option<usize> {
    let sum = |row: usize| weight.row(row).iter().map(|w| w.abs()).sum::<f64>();
    (0..weight.rows()).find(|&row| !(sum(row) + bias[row].abs()).is_finite())
}
