//! What can be wrong with a table of points, and where.

use std::path::PathBuf;

use crate::analysis::{CompileError, SolveError};
use crate::cells::Place;
use crate::circuit::VariableError;
use crate::limits::VARIABLE;
use crate::npz::NpzError;

/// A table that cannot be used. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error(
        "cannot read {}: {source}\n  help: check the path and its permissions",
        file.display()
    )]
    Unreadable {
        file: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "{}: no rows\n  help: write a header of variables, for instance `v1,v2`, then the values of \
         one operating point on each line",
        file.display()
    )]
    Empty { file: PathBuf },
    #[error(
        "{place}: found the number {found}, expected the name of a variable\n  help: the first line \
         names what each column sets, for instance `v1,v2`"
    )]
    NoHeader { place: Place, found: String },
    #[error(
        "{place}: found {found}, expected {expected}\n  help: write plain numbers such as 4.7e3"
    )]
    Cell {
        place: Place,
        /// The text of the cell, quoted and shortened.
        found: String,
        expected: &'static str,
    },
    #[error(
        "{place}: found {found} columns, expected {expected} as in the header\n  help: give every \
         line a number for each name of the header"
    )]
    Ragged {
        place: Place,
        found: usize,
        expected: usize,
    },
    #[error("{error}\n  help: {}", error.help())]
    Npz {
        #[from]
        error: NpzError,
    },
    #[error(
        "{}, array `{array}`: found shape {found}, expected {expected}\n  help: give each variable an \
         array of one dimension, all of the same length, or give a single array `inputs` of rows, \
         whose columns are the V and I sources in deck order",
        file.display()
    )]
    Shape {
        file: PathBuf,
        array: String,
        found: String,
        expected: String,
    },
    #[error(
        "{}, array `inputs`: found {found} columns, expected {expected}, one for each V and I source \
         of the deck\n  help: the deck has {sources}; to set a few of them, save an array for each",
        file.display()
    )]
    Sources {
        file: PathBuf,
        found: usize,
        expected: usize,
        sources: String,
    },
    #[error(
        "{}: found {found} numbers, expected rows of {width}\n  help: give every row a number for each \
         variable",
        file.display()
    )]
    Short {
        file: PathBuf,
        found: usize,
        width: usize,
    },
    #[error(
        "{}, row {row}: `{name}` cannot be {value}\n  help: give finite numbers",
        file.display()
    )]
    NotFinite {
        file: PathBuf,
        name: String,
        /// Counted from 1.
        row: usize,
        value: f64,
    },
    #[error("{place}: {error}")]
    Variable { place: String, error: VariableError },
    #[error(
        "{place}: `{name}` is set by `{first}` already\n  help: leave one of the two columns out"
    )]
    Twice {
        place: String,
        name: String,
        first: String,
    },
    #[error(
        "{}: its numbers need {:.1} GB; the limit is {:.1} GB\n  help: split the table; {VARIABLE} \
         raises the limit (GB)",
        file.display(),
        *bytes as f64 * 1e-9,
        *limit as f64 * 1e-9
    )]
    TooLarge {
        file: PathBuf,
        bytes: u64,
        limit: u64,
    },
}

/// A row without a result.
#[derive(Debug, thiserror::Error)]
pub enum PointError {
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(
        "{at}: `{name}` cannot be {value}\n  help: an element that depends on it refuses its value \
         then; correct the row"
    )]
    Refused {
        at: String,
        name: String,
        value: f64,
    },
    #[error("{at}: {error}")]
    Compile { at: String, error: CompileError },
    #[error("{at}: {error}")]
    Solve { at: String, error: SolveError },
    #[error(
        "{rows} rows of {columns} outputs need {:.1} GB; the limit is {:.1} GB\n  help: name the \
         outputs to keep with --read, or split the table; {VARIABLE} raises the limit (GB)",
        *bytes as f64 * 1e-9,
        *limit as f64 * 1e-9
    )]
    TooLarge {
        rows: usize,
        columns: usize,
        bytes: u64,
        limit: u64,
    },
}
