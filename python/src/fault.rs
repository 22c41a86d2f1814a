//! Errors of the library as Python exceptions, with the text of the command line.

use std::fmt::Display;

use ohmgrad::cli::Failure;
use pyo3::PyErr;
use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyUserWarning};

create_exception!(
    ohmgrad,
    OhmgradError,
    PyException,
    "What went wrong, in the words of the command line."
);
create_exception!(
    ohmgrad,
    NetlistError,
    OhmgradError,
    "A deck that cannot be read."
);
create_exception!(
    ohmgrad,
    TopologyError,
    OhmgradError,
    "A circuit whose graph leaves something open or contradicts itself."
);
create_exception!(
    ohmgrad,
    ConvergenceError,
    OhmgradError,
    "No operating point, or no derivative there."
);
create_exception!(
    ohmgrad,
    OhmgradWarning,
    PyUserWarning,
    "What a deck or an operating point has that is odd."
);

#[derive(Clone, Copy, Debug)]
enum Kind {
    Netlist,
    Topology,
    Convergence,
    Other,
}

/// An error on its way to Python; it is made where Python is not held.
#[derive(Debug)]
pub struct Fault {
    kind: Kind,
    message: String,
}

pub type Result<T> = std::result::Result<T, Fault>;

impl Fault {
    /// An argument that names what the circuit does not have, or cannot be used.
    pub fn argument(error: impl Display) -> Self {
        Self {
            kind: Kind::Other,
            message: Failure::argument(&error).message,
        }
    }

    /// An error of reading or building a deck.
    pub fn of_deck<E>(error: E) -> Self
    where
        Failure: From<E>,
    {
        const BAD_INPUT: u8 = 3;
        let failure = Failure::from(error);
        match failure.code {
            BAD_INPUT => Self {
                kind: Kind::Netlist,
                message: failure.message,
            },
            _ => Self::from(failure),
        }
    }

    /// A row, counted from 0, without an operating point or a derivative.
    pub fn failed(row: usize, error: impl Display) -> Self {
        let row = row + 1;
        Failure::failed(format!("error: inputs, row {row}: {error}")).into()
    }

    /// Any other error of the library.
    pub fn of<E>(error: E) -> Self
    where
        Failure: From<E>,
    {
        Failure::from(error).into()
    }
}

/// By the exit code that the command line gives it.
impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        let kind = match failure.code {
            1 => Kind::Convergence,
            4 => Kind::Topology,
            _ => Kind::Other,
        };
        Self {
            kind,
            message: failure.message,
        }
    }
}

impl From<Fault> for PyErr {
    fn from(fault: Fault) -> Self {
        let message = fault.message;
        match fault.kind {
            Kind::Netlist => NetlistError::new_err(message),
            Kind::Topology => TopologyError::new_err(message),
            Kind::Convergence => ConvergenceError::new_err(message),
            Kind::Other => OhmgradError::new_err(message),
        }
    }
}
