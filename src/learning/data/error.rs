//! What can be wrong with a data set, and where.

use std::path::PathBuf;

pub use crate::cells::Place;
use crate::npz::NpzError;

/// A data set that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    #[error("cannot read {}: {source}", file.display())]
    Unreadable {
        file: PathBuf,
        source: std::io::Error,
    },
    #[error("{}: no samples", file.display())]
    Empty { file: PathBuf },
    #[error("{place}: found {found}, expected {expected}")]
    Cell {
        place: Place,
        /// The text of the cell, quoted and shortened.
        found: String,
        expected: String,
    },
    #[error("{place}: found {found} columns, expected {expected} as in the first line")]
    Ragged {
        place: Place,
        found: usize,
        expected: usize,
    },
    #[error("{place}: found a single column, expected features and a target")]
    NoFeatures { place: Place },
    #[error("{place}: found no target column {found}, expected {expected}")]
    NoTarget {
        place: Place,
        found: String,
        expected: String,
    },
    #[error(
        "found delimiter {found:?}, expected one ASCII character other than a quote or a line end"
    )]
    Delimiter { found: char },
    #[error("{}: byte {at}{of}: found {found}, expected {expected}", file.display())]
    Idx {
        file: PathBuf,
        at: u64,
        /// What the byte is counted in, if not in the file itself.
        of: &'static str,
        found: String,
        expected: String,
    },
    #[error(
        "{}: its numbers need {:.1} GB; the limit is {:.1} GB",
        file.display(),
        *bytes as f64 * 1e-9,
        *limit as f64 * 1e-9
    )]
    TooLarge {
        file: PathBuf,
        bytes: u64,
        limit: u64,
    },
    #[error(transparent)]
    Npz(#[from] NpzError),
    #[error("found {found} {what}, expected {expected}")]
    Shape {
        what: &'static str,
        found: usize,
        expected: usize,
    },
    #[error("found a number in {what} at index {index} that is not finite")]
    NotFinite { what: &'static str, index: usize },
    #[error("found class {found}, expected a class below {count}")]
    Label { found: usize, count: usize },
}

impl DataError {
    /// What the user can do about it.
    pub fn help(&self) -> &'static str {
        match self {
            DataError::Unreadable { .. } => {
                "check the path and its permissions; `--data DIR` names another folder"
            }
            DataError::Empty { .. } => "write one sample on each line",
            DataError::Cell { .. } => {
                "correct the cell; if it is the label, choose its column as the target"
            }
            DataError::Ragged { .. } => {
                "give every line the same columns; quote text that holds the delimiter"
            }
            DataError::NoFeatures { .. } => {
                "check the delimiter; a line holds its features and one target"
            }
            DataError::NoTarget { .. } => {
                "name a column of the header, a column number from 1, or \"last\""
            }
            DataError::Delimiter { .. } => "use a comma, a semicolon or a tab",
            DataError::Idx { .. } => {
                "name IDX files of unsigned bytes, whole, gzipped or not: images, then their labels"
            }
            DataError::TooLarge { .. } => {
                "read fewer samples with `limit`, or raise OHMGRAD_MEMORY (GB)"
            }
            DataError::Npz(error) => error.help(),
            DataError::Shape { .. } => "inputs hold samples x features numbers, row by row",
            DataError::NotFinite { .. } => "remove samples with missing or infinite numbers",
            DataError::Label { .. } => "classes are numbered from 0",
        }
    }
}
