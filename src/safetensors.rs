//! Safetensors files: named tensors and texts.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensorError};

use crate::cells::quoted;
use crate::files::read_at_most;
use crate::limits::{VARIABLE, memory};

/// Real numbers in row-major order, whatever they are stored as.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensor {
    pub shape: Vec<usize>,
    pub numbers: Vec<f64>,
}

/// What is in a file, in its order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SafeTensors {
    pub tensors: IndexMap<String, Tensor>,
    pub metadata: IndexMap<String, String>,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum SafeTensorsError {
    #[error("cannot read {}: {source}\n  help: check the path and its permissions; files beyond the \
             memory limit need a larger {VARIABLE} (GB)", file.display())]
    Unreadable {
        file: PathBuf,
        source: std::io::Error,
    },
    #[error("{}: no safetensors file: {reason}\n  help: write it with safetensors.numpy.save_file or \
             safetensors.torch.save_file", file.display())]
    Header { file: PathBuf, reason: String },
    #[error("{}, tensor {}: found {found}, expected {expected}\n  help: store finite numbers as float32 or \
             float64", file.display(), quoted(tensor))]
    Tensor {
        file: PathBuf,
        tensor: String,
        found: String,
        expected: String,
    },
}

impl SafeTensors {
    /// # Errors
    /// [`SafeTensorsError`]
    pub fn read(path: &Path) -> Result<Self, SafeTensorsError> {
        // A float32 takes twice its bytes once it is read.
        let bytes = read_at_most(path, memory() / 3);
        let bytes = bytes.map_err(|source| SafeTensorsError::Unreadable {
            file: path.to_path_buf(),
            source,
        })?;
        Self::parse(path, &bytes)
    }

    /// The same from bytes; `file` is their name in messages.
    ///
    /// # Errors
    /// [`SafeTensorsError`]
    pub fn parse(file: &Path, bytes: &[u8]) -> Result<Self, SafeTensorsError> {
        let fault = |error: SafeTensorError| SafeTensorsError::Header {
            file: file.to_path_buf(),
            reason: error.to_string(),
        };
        let (_, header) = safetensors::SafeTensors::read_metadata(bytes).map_err(fault)?;
        let views = safetensors::SafeTensors::deserialize(bytes).map_err(fault)?;
        let mut read = Self::default();
        for (key, text) in header.metadata().iter().flatten() {
            read.metadata.insert(key.clone(), text.clone());
        }
        read.metadata.sort_unstable_keys();
        for name in header.offset_keys() {
            let view = views.tensor(&name).map_err(fault)?;
            let tensor =
                Tensor::of(&view).map_err(|(found, expected)| SafeTensorsError::Tensor {
                    file: file.to_path_buf(),
                    tensor: name.clone(),
                    found,
                    expected: expected.into(),
                })?;
            read.tensors.insert(name, tensor);
        }
        Ok(read)
    }

    /// The bytes of a file of doubles.
    ///
    /// # Errors
    /// [`SafeTensorsError`] if the numbers of a tensor are not as many as its shape says.
    pub fn to_bytes(&self) -> Result<Vec<u8>, SafeTensorsError> {
        let fault = |error: SafeTensorError| SafeTensorsError::Header {
            file: PathBuf::new(),
            reason: error.to_string(),
        };
        let bytes = |tensor: &Tensor| -> Vec<u8> {
            let numbers = tensor.numbers.iter();
            numbers.flat_map(|x| x.to_le_bytes()).collect()
        };
        let data: Vec<Vec<u8>> = self.tensors.values().map(bytes).collect();
        let views = self
            .tensors
            .iter()
            .zip(&data)
            .map(|((name, tensor), data)| {
                let view = TensorView::new(Dtype::F64, tensor.shape.clone(), data)?;
                Ok((name, view))
            });
        let views: Result<Vec<_>, SafeTensorError> = views.collect();
        let metadata = self.metadata.clone().into_iter().collect();
        let metadata = (!self.metadata.is_empty()).then_some(metadata);
        safetensors::serialize(views.map_err(fault)?, metadata).map_err(fault)
    }
}

/// What was found, and what was expected.
type Mismatch = (String, &'static str);

impl Tensor {
    fn of(view: &TensorView<'_>) -> Result<Self, Mismatch> {
        let size = match view.dtype() {
            Dtype::F32 => 4,
            Dtype::F64 => 8,
            other => return Err((format!("type {other}"), "F32 or F64")),
        };
        let numbers: Vec<f64> = view.data().chunks_exact(size).map(number).collect();
        match numbers.iter().find(|x| !x.is_finite()) {
            Some(x) => Err((x.to_string(), "finite numbers")),
            None => Ok(Self {
                shape: view.shape().to_vec(),
                numbers,
            }),
        }
    }
}

/// Four or eight bytes.
fn number(bytes: &[u8]) -> f64 {
    if let Ok(bytes) = bytes.try_into() {
        return f64::from_le_bytes(bytes);
    }
    bytes
        .try_into()
        .map_or(f64::NAN, |bytes| f64::from(f32::from_le_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<SafeTensors, String> {
        SafeTensors::parse(Path::new("x"), bytes).map_err(|error| error.to_string())
    }

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn what_is_written_is_read() {
        let mut written = SafeTensors::default();
        let shape = vec![2, 1];
        let numbers = vec![0.1, -3e300];
        written
            .tensors
            .insert("a.b".into(), Tensor { shape, numbers });
        written.tensors.insert(
            "none".into(),
            Tensor {
                shape: vec![0, 3],
                numbers: vec![],
            },
        );
        written.metadata.insert("m".into(), "1.5".into());
        assert_eq!(
            parse(&written.to_bytes().expect("as many numbers")).expect("a file"),
            written
        );
    }

    #[test]
    fn single_precision_is_read() {
        let header = r#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
        let read = parse(&file(header, &1.5f32.to_le_bytes())).expect("a file");
        assert_eq!(read.tensors["x"].numbers, [1.5]);
    }

    #[test]
    fn what_is_no_such_file_is_said() {
        let entry = |text: &str| file(&format!(r#"{{"x":{{{text}}}}}"#), &[0; 8]);
        let cases = [
            (vec![1, 2], "header too small"),
            (vec![255; 20], "header too large"),
            (file("{", &[]), "JSON"),
            (
                entry(r#""dtype":"I8","shape":[8],"data_offsets":[0,8]"#),
                "type I8",
            ),
            (
                entry(r#""dtype":"F64","shape":[2],"data_offsets":[0,8]"#),
                "invalid shape",
            ),
            (
                entry(r#""dtype":"F64","shape":[1],"data_offsets":[4,12]"#),
                "offset",
            ),
            (
                entry(r#""dtype":"F64","shape":[1],"data_offsets":[8,0]"#),
                "offset",
            ),
            (entry(r#""dtype":"F64","data_offsets":[0,8]"#), "shape"),
        ];
        for (bytes, expected) in cases {
            let message = parse(&bytes).expect_err("a fault");
            assert!(
                message.contains(expected) && message.contains("help:"),
                "{message}"
            );
        }
        let entry = r#"{"dtype":"F64","shape":[1],"data_offsets":[0,8]}"#;
        let twice = file(&format!(r#"{{"x":{entry},"y":{entry}}}"#), &[0; 8]);
        let message = parse(&twice).expect_err("a fault");
        assert!(message.contains("offset"), "{message}");
        let header = r#"{"x":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}"#;
        let message = parse(&file(header, &f64::NAN.to_le_bytes())).expect_err("a fault");
        assert!(message.contains("NaN"), "{message}");
    }
}
