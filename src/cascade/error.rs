//! Why a cascade cannot be built, solved or differentiated.

use crate::adjoint::AdjointError;
use crate::analysis::{CompileError, SolveError};
use crate::circuit::TopologyError;

/// Stages count from 1 in messages, inputs and outputs from 0.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CascadeError {
    #[error("a cascade without stages\n  help: give it one circuit at least")]
    NoStages,
    #[error(
        "circuit \"{circuit}\" has no element `{name}` to drive\n  help: name one of its V or I sources"
    )]
    UnknownSource { circuit: String, name: String },
    #[error(
        "`{name}` of circuit \"{circuit}\" is driven, but is no independent source\n  help: drive V or I \
         sources"
    )]
    NoSource { circuit: String, name: String },
    #[error(
        "source `{name}` of circuit \"{circuit}\" is driven twice\n  help: drive each source once"
    )]
    DrivenTwice { circuit: String, name: String },
    #[error(
        "circuit \"{circuit}\" has no node `{name}` to read\n  help: name one of its nodes, or 0 for ground"
    )]
    UnknownNode { circuit: String, name: String },
    #[error(
        "{reader} reads output {from} of {source_of}, which has {available}\n  help: outputs count from 0"
    )]
    NoSuchOutput {
        /// `stage 2` or `readout 0`.
        reader: String,
        from: usize,
        /// `the inputs` or `stage 1`.
        source_of: String,
        available: usize,
    },
    #[error("the gain of {place} is {gain}\n  help: gains are finite numbers")]
    Gain { place: String, gain: f64 },
    #[error("stage {stage}: {error}")]
    Compile {
        stage: usize,
        error: Box<CompileError>,
    },
    #[error("found {found} {what}, expected {expected}\n  help: give one number for each")]
    Count {
        /// `inputs` or `weights of outputs`.
        what: &'static str,
        found: usize,
        expected: usize,
    },
    #[error("{what} {index} is {value}\n  help: give finite numbers")]
    NotFinite {
        what: &'static str,
        index: usize,
        value: f64,
    },
    #[error("stage {stage}: {error}")]
    Solve {
        stage: usize,
        error: Box<SolveError>,
    },
    #[error("stage {stage}: {error}")]
    Adjoint { stage: usize, error: AdjointError },
    #[error("there is no operating point to differentiate\n  help: evaluate the cascade first")]
    NotEvaluated,
    #[error(
        "stages 1 and {stage} have different temperatures, TNOM or gmin, which one deck cannot have\n  \
         help: build all stages with the same .temp and .options"
    )]
    Environment { stage: usize },
    #[error(transparent)]
    Topology(#[from] TopologyError),
}
