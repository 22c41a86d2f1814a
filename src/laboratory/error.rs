//! Why a bench cannot be built, or does not settle.

use crate::analysis::{CompileError, SolveError};
use crate::learning::{CircuitError, ConfigError, TrainError};

#[derive(Debug, thiserror::Error)]
pub enum LaboratoryError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Circuit(#[from] CircuitError),
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error(
        "output `{output}` is a current, and what is injected goes into nodes\n  help: read voltages in \
         [outputs]; of a cascade v(y0), v(y1), …"
    )]
    Output { output: String },
    #[error(
        "there is no rule of two voltage drops for `{parameter}` of `{element}`\n  help: train the \
         conductance of resistors, of G or of gyrators, or current sources"
    )]
    NoRule { element: String, parameter: String },
    /// Stages count from 1.
    #[error("sample {sample}, stage {stage}: {error}")]
    First {
        sample: usize,
        stage: usize,
        error: SolveError,
    },
    #[error("sample {sample}, second circuit of stage {stage}: {error}")]
    Second {
        sample: usize,
        stage: usize,
        error: Box<crate::Error>,
    },
}
