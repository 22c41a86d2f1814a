//! Parameters of a ReLU monotone operator equilibrium network (Winston and Kolter 2020).

use std::path::Path;

use crate::kernel::{Dense, MonDeq};
use crate::safetensors::{SafeTensors, Tensor};

use super::SynthesisError;
use super::standardization::{Standardization, large_row};

/// `z = ReLU(W z + U x + b)` with `I - W = m I + A'A + B' - B`; logits are `V z + v`. There are n units,
/// any number of inputs and of classes.
#[derive(Clone, Debug, PartialEq)]
pub struct Equilibrium {
    /// Modulus of strong monotonicity, above zero.
    pub m: f64,
    /// n x n.
    pub a: Dense,
    /// n x n.
    pub b: Dense,
    /// n x inputs.
    pub u: Dense,
    /// n.
    pub bias: Vec<f64>,
    /// V, classes x n.
    pub out_weight: Dense,
    /// v, classes.
    pub out_bias: Vec<f64>,
}

impl Equilibrium {
    /// Reads a safetensors file: `A`, `B`, `U`, `b`, `out.weight`, `out.bias`, the metadata `m`, and at
    /// will the metadata `input_mean` and `input_std` (a number, or a JSON list of one for each input),
    /// which are taken into `U` and `b`: x is what comes before they are applied.
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
        let a = source.tensor("A")?;
        let n = a.shape.first().copied().unwrap_or(0);
        let a = source.matrix("A", a, [Some(n), Some(n)])?;
        let b = source.tensor("B")?;
        let b = source.matrix("B", b, [Some(n), Some(n)])?;
        let u = source.tensor("U")?;
        let u = source.matrix("U", u, [Some(n), None])?;
        let bias = source.tensor("b")?;
        let bias = source.vector("b", bias, n)?;
        let out_weight = source.tensor("out.weight")?;
        let out_weight = source.matrix("out.weight", out_weight, [None, Some(n)])?;
        let out_bias = source.tensor("out.bias")?;
        let out_bias = source.vector("out.bias", out_bias, out_weight.rows())?;
        let mut network = Self {
            m: source.modulus()?,
            a,
            b,
            u,
            bias,
            out_weight,
            out_bias,
        };
        let inputs = network.u.columns();
        network.take_in(&Standardization::read(file, &source.read, inputs)?);
        match large_row(&network.u, &network.bias) {
            Some(row) => Err(SynthesisError::LargeRow {
                file: file.to_path_buf(),
                tensor: "U".into(),
                row,
            }),
            None => Ok(network),
        }
    }

    /// Inputs become those before they are standardized.
    pub(crate) fn take_in(&mut self, standardization: &Standardization) {
        standardization.take_in(&mut self.u, &mut self.bias);
    }

    /// What [`Equilibrium::read`] reads.
    pub fn to_tensors(&self) -> SafeTensors {
        let matrix = |matrix: &Dense| Tensor {
            shape: vec![matrix.rows(), matrix.columns()],
            numbers: matrix.numbers().to_vec(),
        };
        let vector = |numbers: &[f64]| Tensor {
            shape: vec![numbers.len()],
            numbers: numbers.to_vec(),
        };
        let tensors = [
            ("A", matrix(&self.a)),
            ("B", matrix(&self.b)),
            ("U", matrix(&self.u)),
            ("b", vector(&self.bias)),
            ("out.weight", matrix(&self.out_weight)),
            ("out.bias", vector(&self.out_bias)),
        ];
        let tensors = tensors.map(|(name, tensor)| (name.to_string(), tensor));
        let modulus = ("m".to_string(), self.m.to_string());
        SafeTensors {
            tensors: tensors.into_iter().collect(),
            metadata: [modulus].into_iter().collect(),
        }
    }

    /// Number of units.
    pub fn units(&self) -> usize {
        self.a.rows()
    }

    /// The network with W multiplied out.
    pub fn network(&self) -> MonDeq {
        let n = self.units();
        let mut w = Dense::from_fn(n, n, |i, j| {
            let diagonal = if i == j { 1.0 - self.m } else { 0.0 };
            diagonal - (self.b[(j, i)] - self.b[(i, j)])
        });
        for k in 0..n {
            for i in 0..n {
                for j in 0..n {
                    w[(i, j)] -= self.a[(k, i)] * self.a[(k, j)];
                }
            }
        }
        MonDeq {
            w,
            u: self.u.clone(),
            b: self.bias.clone(),
        }
    }

    /// `V z + v` of the units z (n).
    pub fn logits(&self, z: &[f64]) -> Vec<f64> {
        let mut logits = self.out_bias.clone();
        self.out_weight.multiply_add(1.0, z, &mut logits);
        logits
    }
}

/// A file whose tensors are taken one by one.
struct Source<'a> {
    file: &'a Path,
    read: SafeTensors,
}

impl Source<'_> {
    fn tensor(&mut self, name: &'static str) -> Result<Tensor, SynthesisError> {
        let taken = self.read.tensors.get_mut(name).map(std::mem::take);
        taken.ok_or_else(|| {
            let names: Vec<&str> = self
                .read
                .tensors
                .keys()
                .map(String::as_str)
                .take(8)
                .collect();
            SynthesisError::Missing {
                file: self.file.to_path_buf(),
                tensor: name,
                found: match names[..] {
                    [] => "no tensors at all".to_string(),
                    _ => names.join(", "),
                },
            }
        })
    }

    /// Sizes that are not given may be any but zero.
    fn matrix(
        &self,
        name: &'static str,
        tensor: Tensor,
        sizes: [Option<usize>; 2],
    ) -> Result<Dense, SynthesisError> {
        let fits =
            |(&size, wanted): (&usize, Option<usize>)| size > 0 && wanted.is_none_or(|w| w == size);
        let text = |size: Option<usize>| size.map_or("any".to_string(), |n| n.to_string());
        let Tensor { shape, numbers } = tensor;
        match shape[..] {
            [rows, columns] if shape.iter().zip(sizes).all(fits) => {
                Ok(Dense::from_rows(rows, columns, numbers).unwrap_or_default())
            }
            _ => Err(SynthesisError::Shape {
                file: self.file.to_path_buf(),
                tensor: name,
                found: shape,
                expected: format!("[{}, {}]", text(sizes[0]), text(sizes[1])),
            }),
        }
    }

    fn vector(
        &self,
        name: &'static str,
        tensor: Tensor,
        size: usize,
    ) -> Result<Vec<f64>, SynthesisError> {
        match tensor.shape == [size] {
            true => Ok(tensor.numbers),
            false => Err(SynthesisError::Shape {
                file: self.file.to_path_buf(),
                tensor: name,
                found: tensor.shape,
                expected: format!("[{size}]"),
            }),
        }
    }

    fn metadata(&self, key: &'static str, expected: String) -> SynthesisError {
        let found = self.read.metadata.get(key).cloned().unwrap_or_default();
        SynthesisError::Metadata {
            file: self.file.to_path_buf(),
            key,
            found,
            expected,
        }
    }

    fn modulus(&self) -> Result<f64, SynthesisError> {
        let text = self.read.metadata.get("m");
        let m = text.and_then(|text| text.trim().parse::<f64>().ok());
        m.filter(|m| *m > 0.0 && m.is_finite())
            .ok_or_else(|| self.metadata("m", "a number above zero".into()))
    }
}
