//! Why a file of parameters makes no circuit.

use std::path::PathBuf;

use crate::cells::quoted;
use crate::limits::VARIABLE;
use crate::safetensors::SafeTensorsError;

/// What a ReLU network is in a file.
const MLP: &str = "a ReLU network has tensors 0.weight [n1, n0], 0.bias [n1], 1.weight [n2, n1], ..., or as \
                   torch.nn.Sequential of Linear and ReLU names them, 0.weight, 0.bias, 2.weight, ...";

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
        "{}: no tensor `{tensor}`, but {found}\n  help: {MLP}; a layer without a bias needs one of zeros",
        file.display()
    )]
    MissingOfLayer {
        file: PathBuf,
        tensor: String,
        found: String,
    },
    #[error(
        "{}, tensor {}: found shape {found:?}, expected {expected}\n  help: {MLP}",
        file.display(),
        quoted(tensor)
    )]
    ShapeOfLayer {
        file: PathBuf,
        tensor: String,
        found: Vec<usize>,
        expected: String,
    },
    #[error(
        "{}, tensor {}: this name is none of a ReLU network\n  help: {MLP}",
        file.display(),
        quoted(tensor)
    )]
    NameOfLayer { file: PathBuf, tensor: String },
    #[error(
        "{}: layers are numbered {found}, expected 0, 1, 2, ... or 0, 2, 4, ...\n  help: {MLP}; number \
         the layers anew if others lay between them",
        file.display()
    )]
    NumbersOfLayers { file: PathBuf, found: String },
    #[error(
        "{}, tensor `{tensor}`: the weights of row {row} add up to more than a number can hold\n  help: \
         scale the network down",
        file.display()
    )]
    LargeRow {
        file: PathBuf,
        tensor: String,
        row: usize,
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
