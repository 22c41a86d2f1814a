//! Why a file of parameters makes no circuit.

use std::path::PathBuf;

use crate::cells::quoted;
use crate::limits::VARIABLE;
use crate::safetensors::SafeTensorsError;

/// A file that holds no network.
#[derive(Debug, thiserror::Error)]
pub enum SynthesisError {
    #[error(transparent)]
    File(#[from] SafeTensorsError),
    #[error(
        "{}: no tensor `{tensor}`, but {found}\n  help: an equilibrium network has A, B, U, b, out.weight, \
         out.bias and the metadata m",
        file.display()
    )]
    Missing {
        file: PathBuf,
        tensor: &'static str,
        found: String,
    },
    #[error(
        "{}, tensor `{tensor}`: found shape {found:?}, expected {expected}\n  help: A and B are [n, n], \
         U [n, inputs], b [n], out.weight [classes, n], out.bias [classes]",
        file.display()
    )]
    Shape {
        file: PathBuf,
        tensor: &'static str,
        found: Vec<usize>,
        expected: String,
    },
    #[error(
        "{}, metadata `{key}`: found {}, expected {expected}",
        file.display(),
        quoted(found)
    )]
    Metadata {
        file: PathBuf,
        key: &'static str,
        found: String,
        expected: String,
    },
    #[error(
        "about {elements} elements need {:.1} GB; the limit is {:.1} GB\n  help: {VARIABLE} raises the \
         limit (GB)",
        *bytes as f64 * 1e-9,
        *limit as f64 * 1e-9
    )]
    TooLarge {
        elements: u64,
        bytes: u64,
        limit: u64,
    },
}
