//! Parameters of a ReLU network, layer by layer.

use std::path::Path;

use crate::kernel::Dense;
use crate::safetensors::{SafeTensors, Tensor};

use super::SynthesisError;
use super::standardization::{Standardization, large_row};

/// `z = ReLU(W x + b)`; the last layer of a network is without ReLU.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Outputs x inputs.
    pub weight: Dense,
    /// One for each output.
    pub bias: Vec<f64>,
}

/// A ReLU network (multilayer perceptron): layers with ReLU between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Mlp {
    /// One at least; the outputs of each are the inputs of the next.
    layers: Vec<Layer>,
}

/// Where tensors are taken from.
struct Source<'a> {
    file: &'a Path,
    read: SafeTensors,
}

impl Mlp {
    /// Reads a safetensors file: `0.weight` [n1, n0], `0.bias` (n1), `1.weight` [n2, n1], ..., or the names
    /// that `torch.nn.Sequential` gives when ReLUs lie between: `0.weight`, `0.bias`, `2.weight`, ... The
    /// metadata `input_mean` and `input_std` are taken into the first layer, as those of an
    /// [`Equilibrium`](super::Equilibrium) are: inputs are what comes before they are applied.
    ///
    /// # Errors
    /// [`SynthesisError`]
    pub fn read(path: &Path) -> Result<Self, SynthesisError> {
        Self::from_tensors(path, SafeTensors::read(path)?)
    }

    /// The same of a file that was read; `file` is its name in messages.
    ///
    /// # Errors
    /// [`SynthesisError`]
    pub fn from_tensors(file: &Path, read: SafeTensors) -> Result<Self, SynthesisError> {
        let mut source = Source { file, read };
        let numbers = source.numbers()?;
        let mut layers: Vec<Layer> = Vec::with_capacity(numbers.len());
        for number in numbers {
            let inputs = layers.last().map(|layer| layer.bias.len());
            let mut layer = source.layer(number, inputs)?;
            if layers.is_empty() {
                let inputs = layer.weight.columns();
                let standardization = Standardization::read(file, &source.read, inputs)?;
                standardization.take_in(&mut layer.weight, &mut layer.bias);
            }
            if let Some(row) = large_row(&layer.weight, &layer.bias) {
                return Err(SynthesisError::LargeRow {
                    file: file.to_path_buf(),
                    tensor: format!("{number}.weight"),
                    row,
                });
            }
            layers.push(layer);
        }
        Ok(Self { layers })
    }

    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.layers.first().map_or(0, |l| l.weight.columns())
    }

    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.layers.last().map_or(0, |l| l.bias.len())
    }

    /// The outputs for inputs x, by multiplication.
    pub fn evaluate(&self, x: &[f64]) -> Vec<f64> {
        let mut z = x.to_vec();
        for (k, layer) in self.layers.iter().enumerate() {
            let mut next = layer.bias.clone();
            layer.weight.multiply_add(1.0, &z, &mut next);
            if k + 1 < self.layers.len() {
                next.iter_mut().for_each(|z| *z = z.max(0.0));
            }
            z = next;
        }
        z
    }
}

impl Source<'_> {
    /// The numbers of the layers, in order.
    fn numbers(&self) -> Result<Vec<usize>, SynthesisError> {
        let mut numbers = Vec::new();
        for name in self.read.tensors.keys() {
            let number = name
                .strip_suffix(".weight")
                .or_else(|| name.strip_suffix(".bias"))
                .and_then(|number| {
                    number
                        .parse::<usize>()
                        .ok()
                        .filter(|n| n.to_string() == number)
                });
            match number {
                Some(number) => numbers.push(number),
                None => {
                    return Err(SynthesisError::NameOfLayer {
                        file: self.file.to_path_buf(),
                        tensor: name.clone(),
                    });
                }
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        if numbers.is_empty() {
            return Err(self.missing("0.weight".into()));
        }
        let is_every = |step: usize| numbers.iter().enumerate().all(|(k, n)| *n == k * step);
        match is_every(1) || is_every(2) {
            true => Ok(numbers),
            false => {
                let texts: Vec<String> = numbers.iter().take(12).map(usize::to_string).collect();
                Err(SynthesisError::NumbersOfLayers {
                    file: self.file.to_path_buf(),
                    found: texts.join(", "),
                })
            }
        }
    }

    fn layer(&mut self, number: usize, inputs: Option<usize>) -> Result<Layer, SynthesisError> {
        let name = format!("{number}.weight");
        let Tensor { shape, numbers } = self.take(&name)?;
        let fault = |tensor: String, found: Vec<usize>, expected: String| {
            let file = self.file.to_path_buf();
            SynthesisError::ShapeOfLayer {
                file,
                tensor,
                found,
                expected,
            }
        };
        let weight = match shape[..] {
            [rows, columns]
                if rows > 0 && columns > 0 && inputs.is_none_or(|inputs| inputs == columns) =>
            {
                // The reader has checked that there are as many numbers as the shape says.
                Dense::from_rows(rows, columns, numbers).unwrap_or_default()
            }
            _ => {
                let columns = inputs.map_or("any".to_string(), |n| n.to_string());
                return Err(fault(name, shape, format!("[any, {columns}]")));
            }
        };
        let bias_name = format!("{number}.bias");
        let expected = format!("[{}]", weight.rows());
        let bias = self.read.tensors.get(&bias_name);
        if let Some(bias) = bias.filter(|bias| bias.shape != [weight.rows()]) {
            return Err(fault(bias_name, bias.shape.clone(), expected));
        }
        let bias = self.take(&bias_name)?.numbers;
        Ok(Layer { weight, bias })
    }

    fn take(&mut self, name: &str) -> Result<Tensor, SynthesisError> {
        let taken = self.read.tensors.get_mut(name).map(std::mem::take);
        taken.ok_or_else(|| self.missing(name.to_string()))
    }

    fn missing(&self, tensor: String) -> SynthesisError {
        let names = self.read.tensors.keys().map(String::as_str);
        let names: Vec<&str> = names.take(8).collect();
        SynthesisError::MissingOfLayer {
            file: self.file.to_path_buf(),
            tensor,
            found: match names[..] {
                [] => "no tensors at all".to_string(),
                _ => names.join(", "),
            },
        }
    }
}
