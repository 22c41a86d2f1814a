//! Safetensors files: a JSON header that says name, type, shape and place of each tensor, then numbers.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

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

/// As in the reference implementation, bytes.
const LONGEST_HEADER: u64 = 100_000_000;

const METADATA: &str = "__metadata__";

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
        let fault = |reason: String| SafeTensorsError::Header {
            file: file.to_path_buf(),
            reason,
        };
        let (header, data) = split(bytes).map_err(fault)?;
        let header: Map<String, Value> =
            serde_json::from_slice(header).map_err(|error| fault(error.to_string()))?;
        let mut read = Self::default();
        // Tensors do not share bytes: a small file must not fill the memory.
        let mut left = data.len();
        for (name, entry) in &header {
            if name == METADATA {
                let entries = entry.as_object().into_iter().flatten();
                let texts = entries.filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_string())));
                read.metadata.extend(texts);
                continue;
            }
            let tensor = Tensor::parse(entry, data, &mut left);
            let tensor = tensor.map_err(|(found, expected)| SafeTensorsError::Tensor {
                file: file.to_path_buf(),
                tensor: name.clone(),
                found,
                expected: expected.into(),
            })?;
            read.tensors.insert(name.clone(), tensor);
        }
        Ok(read)
    }

    /// The bytes of a file of doubles.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut header = Map::new();
        if !self.metadata.is_empty() {
            let texts = self.metadata.iter().map(|(k, v)| (k.clone(), json!(v)));
            header.insert(METADATA.into(), Value::Object(texts.collect()));
        }
        let mut data = Vec::new();
        for (name, tensor) in &self.tensors {
            let start = data.len();
            data.extend(tensor.numbers.iter().flat_map(|x| x.to_le_bytes()));
            let entry = json!({
                "dtype": "F64",
                "shape": tensor.shape,
                "data_offsets": [start, data.len()],
            });
            header.insert(name.clone(), entry);
        }
        let mut header = Value::Object(header).to_string().into_bytes();
        // Numbers lie aligned.
        header.resize(header.len().next_multiple_of(8), b' ');
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header);
        bytes.extend(data);
        bytes
    }
}

fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), String> {
    let (length, rest) = bytes
        .split_first_chunk::<8>()
        .ok_or("it is shorter than the length of a header")?;
    let length = u64::from_le_bytes(*length);
    if length > LONGEST_HEADER.min(rest.len() as u64) {
        return Err(format!("a header of {length} bytes does not fit into it"));
    }
    Ok(rest.split_at(length as usize))
}

/// What was found, and what was expected.
type Mismatch = (String, &'static str);

impl Tensor {
    /// `left` bytes of the data are in no tensor yet.
    fn parse(entry: &Value, data: &[u8], left: &mut usize) -> Result<Self, Mismatch> {
        let whole = |value: &Value| value.as_u64().and_then(|n| usize::try_from(n).ok());
        let list = |key: &str| -> Option<Vec<usize>> {
            entry[key].as_array()?.iter().map(whole).collect()
        };
        let dtype = entry["dtype"].as_str().unwrap_or_default();
        let size = match dtype {
            "F32" => 4,
            "F64" => 8,
            _ => return Err((format!("type {}", quoted(dtype)), "F32 or F64")),
        };
        let shape = list("shape").ok_or(("no shape".to_string(), "a list of sizes"))?;
        let count = shape.iter().try_fold(size, |n: usize, &k| n.checked_mul(k));
        let stored = match list("data_offsets").as_deref() {
            Some(&[start, end]) => data.get(start..end),
            _ => None,
        };
        let stored = stored.ok_or(("offsets outside of the file".to_string(), "its numbers"))?;
        if count != Some(stored.len()) {
            return Err((
                format!("{} bytes", stored.len()),
                "as many as its shape says",
            ));
        }
        *left = left
            .checked_sub(stored.len())
            .ok_or(("bytes of other tensors".to_string(), "bytes of its own"))?;
        let numbers: Vec<f64> = stored.chunks_exact(size).map(number).collect();
        match numbers.iter().find(|x| !x.is_finite()) {
            Some(x) => Err((x.to_string(), "finite numbers")),
            None => Ok(Self { shape, numbers }),
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
        assert_eq!(parse(&written.to_bytes()).expect("a file"), written);
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
            (vec![1, 2], "shorter"),
            (vec![255; 20], "does not fit"),
            (file("{", &[]), "EOF"),
            (
                entry(r#""dtype":"I8","shape":[8],"data_offsets":[0,8]"#),
                "`I8`",
            ),
            (
                entry(r#""dtype":"F64","shape":[2],"data_offsets":[0,8]"#),
                "8 bytes",
            ),
            (
                entry(r#""dtype":"F64","shape":[1],"data_offsets":[4,12]"#),
                "outside",
            ),
            (
                entry(r#""dtype":"F64","shape":[1],"data_offsets":[8,0]"#),
                "outside",
            ),
            (entry(r#""dtype":"F64","data_offsets":[0,8]"#), "no shape"),
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
        assert!(message.contains("bytes of other tensors"), "{message}");
        let header = r#"{"x":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}"#;
        let message = parse(&file(header, &f64::NAN.to_le_bytes())).expect_err("a fault");
        assert!(message.contains("NaN"), "{message}");
    }
}
