//! Why there is no line.

use crate::analysis::{CompileError, NotReciprocal, OutputError, SolveError, SweepError};
use crate::circuit::TopologyError;

/// What is wrong with a circuit, or with a line through its operating point.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LandscapeError {
    #[error(
        "{0}\n  help: circuits of resistors, diodes, tables, transformers and independent sources have one"
    )]
    NotReciprocal(#[from] NotReciprocal),
    #[error(
        "`{text}` is no direction\n  help: write random: and a whole number, for instance random:1, or a \
         voltage such as v(out)"
    )]
    Direction { text: String },
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error("`{name}` is no voltage\n  help: write v(node) or v(node,node)")]
    NoVoltage { name: String },
    #[error(
        "`{name}` cannot be varied: sources, shorts or conducting ideal diodes hold it\n  help: take a \
         voltage that the circuit sets by itself"
    )]
    Held { name: String },
    #[error(transparent)]
    Topology(#[from] TopologyError),
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error(transparent)]
    Solve(#[from] SolveError),
    #[error(transparent)]
    Sweep(#[from] SweepError),
}
