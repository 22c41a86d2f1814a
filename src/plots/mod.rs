//! Pictures of what the program has written: files are read back, their kind is found by what they hold.
//!
//! **Invariant:** nothing is solved here; a file is all that is known of a circuit.

mod estimates;
mod read;
mod sweeps;

use std::path::{Path, PathBuf};

use crate::analysis::dataset::Dataset;

pub use estimates::Estimate;
pub use sweeps::{SweepOptions, sweep_curves};

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Results of `run` and `op --inputs`: columns of numbers.
    Results(Vec<Dataset>),
    /// Errors of estimators, of `compare-gradients`.
    Estimates(Vec<Estimate>),
}

/// Why there is no picture of a file.
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    #[error("cannot read {}: {source}", .path.display())]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{}: {reason}\n  help: {UNDERSTOOD}", .path.display())]
    NotUnderstood { path: PathBuf, reason: String },
    #[error(
        "{}: {reason}\n  help: a curve needs at least two points: give the deck a `.dc` card, or draw an \
         operating point with `ohmgrad draw DECK --op`", .path.display()
    )]
    NoCurve { path: PathBuf, reason: String },
    #[error("nothing is called `{pattern}`\n  help: there are {}", .names.join(", "))]
    NoVariable { pattern: String, names: Vec<String> },
}

const UNDERSTOOD: &str = "understood are results of `run` and `op --inputs` (CSV, JSON, raw, NPZ), of \
                          `compare-gradients` (CSV, JSON), and run folders of `train`";

/// Larger files are refused: a picture of more numbers shows no more.
const LARGEST_FILE: u64 = 1 << 30;

/// Reads a file, whatever its name.
///
/// # Errors
/// [`PlotError`]
pub fn read(path: &Path) -> Result<Content, PlotError> {
    let bytes = crate::files::read_at_most(path, LARGEST_FILE);
    let bytes = bytes.map_err(|source| PlotError::Unreadable {
        path: path.to_path_buf(),
        source,
    })?;
    let content = read::content(path, &bytes);
    content.map_err(|reason| PlotError::NotUnderstood {
        path: path.to_path_buf(),
        reason,
    })
}
