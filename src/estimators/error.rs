//! Why there is no estimate.

use crate::adjoint::AdjointError;
use crate::analysis::{CompileError, SolveError};
use crate::circuit::{TopologyError, WeightFault};

use super::Estimator;

#[derive(Debug, thiserror::Error)]
pub enum EstimatorError {
    #[error("there is no estimator `{name}`\n  help: {}", known(.suggestion))]
    Unknown {
        name: String,
        suggestion: Option<&'static str>,
    },
    /// The method says nothing about this circuit or this loss.
    #[error("`{estimator}` does not apply: {reason}\n  help: {}", .reason.help())]
    Inapplicable {
        estimator: Estimator,
        reason: Inapplicable,
    },
    #[error("{what} = {value}: expected {expected}")]
    Setting {
        what: &'static str,
        value: f64,
        expected: &'static str,
    },
    #[error("sample {sample}, `{estimator}`: {error}")]
    Solve {
        sample: usize,
        estimator: Estimator,
        error: SolveError,
    },
    #[error("sample {sample}, `{estimator}`: {error}")]
    Adjoint {
        sample: usize,
        estimator: Estimator,
        error: AdjointError,
    },
    #[error("`{estimator}`: the adjoint network of sample {sample} cannot be solved: {error}")]
    Network {
        sample: usize,
        estimator: Estimator,
        error: Box<crate::Error>,
    },
    /// The circuit with nudges or clamps at its outputs cannot be built.
    #[error("`{estimator}`: {error}")]
    Compile {
        estimator: Estimator,
        error: CompileError,
    },
    #[error(transparent)]
    Topology(#[from] TopologyError),
}

/// Which assumption of a method does not hold.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Inapplicable {
    #[error("output `{output}` is a current, and nudges go into nodes")]
    CurrentOutput { output: String },
    #[error("`{element}` is not reciprocal and has no partner that makes it so")]
    NotReciprocal { element: String },
    #[error("what stands between the amplifiers of `{element}` has two weights that disagree")]
    AmbiguousWeight { element: String },
    #[error("the outputs stand behind different numbers of amplifiers")]
    UnequalOutputs,
    #[error("there is no local rule for `{parameter}` of `{element}`")]
    NoLocalRule { element: String, parameter: String },
    #[error("the loss has no target voltages")]
    NoTarget,
    #[error("beta = {beta} is not a part of the way from the free output to its target")]
    NotAPart { beta: f64 },
    #[error("`{element}` cannot take the values around its own")]
    FixedValue { element: String },
    #[error(
        "all outputs of sample {sample} are where they should be, and the clamps carry nothing"
    )]
    NothingToClamp { sample: usize },
}

impl From<WeightFault> for Inapplicable {
    fn from(fault: WeightFault) -> Self {
        match fault {
            WeightFault::NotReciprocal { element } => Self::NotReciprocal { element },
            WeightFault::Ambiguous { element } => Self::AmbiguousWeight { element },
        }
    }
}

impl Inapplicable {
    /// What to do.
    pub fn help(&self) -> &'static str {
        match self {
            Self::CurrentOutput { .. } => {
                "read voltages in [outputs], or take adjoint or differences"
            }
            Self::NotReciprocal { .. } => {
                "give each VCVS of gain A, by its own control pair, a CCCS of gain 1/A that senses its \
                 output current; or take adjoint or differences"
            }
            Self::AmbiguousWeight { .. } | Self::UnequalOutputs | Self::FixedValue { .. } => {
                "take adjoint"
            }
            Self::NoLocalRule { .. } => {
                "train conductances, diodes or current sources, or take adjoint or differences"
            }
            Self::NoTarget => {
                "set loss.kind = \"squared-error\", or take an estimator that nudges by currents: \
                 eqprop-centered"
            }
            Self::NotAPart { .. } => "choose 0 < beta <= 1",
            Self::NothingToClamp { .. } => "leave that sample out, or take eqprop-centered",
        }
    }
}

fn known(suggestion: &Option<&'static str>) -> String {
    match suggestion {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!(
            "choose from {}",
            Estimator::ALL.map(Estimator::name).join(", ")
        ),
    }
}
