//! Errors to a message and an exit code.

use std::path::Path;

use crate::activation::ActivationError;
use crate::adjoint::AdjointError;
use crate::analysis::{CompileError, OutputError, RequestError, SolveError, SweepError};
use crate::baselines::Diverged;
use crate::benchmark::BenchmarkError;
use crate::cascade::CascadeError;
use crate::circuit::{BuildError, TopologyError};
use crate::drawing::DrawingError;
use crate::equilibrium::{CircuitEvaluationError, NotSettled};
use crate::estimators::EstimatorError;
use crate::execution::ExecutionError;
use crate::kernel::KernelError;
use crate::laboratory::LaboratoryError;
use crate::landscape::LandscapeError;
use crate::learning::{CheckpointError, CircuitError, ConfigError, SampleError, TrainError};
use crate::netlist::NetlistError;
use crate::parts::KicadError;
use crate::plots::PlotError;
use crate::points::PointError;
use crate::report::picture::PngError;
use crate::study::StudyError;
use crate::synthesis::SynthesisError;

use super::interrupt::Signal;

/// Why the program ends, and with which code.
#[derive(Debug)]
pub struct Failure {
    pub code: u8,
    pub message: String,
}

/// Did not converge, a check failed, or a result could not be written.
const FAILED: u8 = 1;
const BAD_ARGUMENTS: u8 = 2;
const BAD_INPUT: u8 = 3;
const BAD_TOPOLOGY: u8 = 4;

impl Failure {
    pub fn failed(message: impl Into<String>) -> Self {
        Self {
            code: FAILED,
            message: message.into(),
        }
    }

    /// Another process has failed and says why.
    pub fn echo(message: impl Into<String>) -> Self {
        Self {
            code: 0,
            message: message.into(),
        }
    }

    pub fn is_echo(&self) -> bool {
        self.code == 0
    }

    pub fn arguments(message: impl Into<String>) -> Self {
        Self {
            code: BAD_ARGUMENTS,
            message: message.into(),
        }
    }

    /// An argument that names what the deck does not have.
    pub fn argument(error: &dyn std::fmt::Display) -> Self {
        Self::of(BAD_ARGUMENTS, &error)
    }

    pub fn write(path: Option<&Path>, error: &std::io::Error) -> Self {
        let place = path.map_or("standard output".to_string(), |p| p.display().to_string());
        Self::failed(format!("error: cannot write {place}: {error}"))
    }

    pub fn read(path: &Path, error: &std::io::Error) -> Self {
        Self::failed(format!("error: cannot read {}: {error}", path.display()))
    }

    /// The user or the system has ended the program.
    pub fn interrupted(signal: Signal, message: String) -> Self {
        Self {
            code: signal.exit_code(),
            message,
        }
    }

    fn of(code: u8, error: &impl std::fmt::Display) -> Self {
        let text = error.to_string();
        // Diagnostics of a deck carry their own severity.
        let message = if text.starts_with("error") {
            text
        } else {
            format!("error: {text}")
        };
        Self { code, message }
    }
}

impl From<NetlistError> for Failure {
    fn from(error: NetlistError) -> Self {
        Self::of(BAD_INPUT, &error)
    }
}

impl From<StudyError> for Failure {
    fn from(error: StudyError) -> Self {
        match error {
            StudyError::Train(error) => error.into(),
            StudyError::Config(error) => error.into(),
            StudyError::Io { .. } => Self::of(FAILED, &error),
            error => Self::of(BAD_INPUT, &error),
        }
    }
}

impl From<TopologyError> for Failure {
    fn from(error: TopologyError) -> Self {
        Self::of(BAD_TOPOLOGY, &error)
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Topology(error) => error.into(),
            error => Self::of(BAD_INPUT, &error),
        }
    }
}

impl From<CompileError> for Failure {
    fn from(error: CompileError) -> Self {
        match error {
            CompileError::Build(error) => error.into(),
            CompileError::Topology(error) => error.into(),
            CompileError::Linear(error) => Self::of(FAILED, &error),
        }
    }
}

impl From<KicadError> for Failure {
    fn from(error: KicadError) -> Self {
        Self::of(BAD_INPUT, &error)
    }
}

impl From<Diverged> for Failure {
    fn from(error: Diverged) -> Self {
        Self::of(FAILED, &error)
    }
}

impl From<BenchmarkError> for Failure {
    fn from(error: BenchmarkError) -> Self {
        match error {
            BenchmarkError::Topology(error) => error.into(),
            BenchmarkError::Netlist(error) => error.into(),
            BenchmarkError::Build(error) => error.into(),
            BenchmarkError::Deck { .. } | BenchmarkError::File { .. } => Self::of(FAILED, &error),
        }
    }
}

impl From<NotSettled> for Failure {
    fn from(error: NotSettled) -> Self {
        Self::of(FAILED, &error)
    }
}

impl From<CircuitEvaluationError> for Failure {
    fn from(error: CircuitEvaluationError) -> Self {
        match error {
            CircuitEvaluationError::Compile(error) => error.into(),
            CircuitEvaluationError::Config(error) => error.into(),
            CircuitEvaluationError::Sample(error) => Self::of(FAILED, &error),
        }
    }
}

impl From<SolveError> for Failure {
    fn from(error: SolveError) -> Self {
        Self::of(FAILED, &error)
    }
}

impl From<SweepError> for Failure {
    fn from(error: SweepError) -> Self {
        let code = match error {
            SweepError::Solve { .. } => FAILED,
            SweepError::Compile {
                error: CompileError::Topology(_),
                ..
            } => BAD_TOPOLOGY,
            _ => BAD_INPUT,
        };
        Self::of(code, &error)
    }
}

impl From<LandscapeError> for Failure {
    fn from(error: LandscapeError) -> Self {
        match error {
            LandscapeError::NotReciprocal(_) => Self::of(BAD_INPUT, &error),
            LandscapeError::Topology(error) => error.into(),
            LandscapeError::Compile(error) => error.into(),
            LandscapeError::Solve(error) => error.into(),
            LandscapeError::Sweep(error) => error.into(),
            error => Self::of(BAD_ARGUMENTS, &error),
        }
    }
}

impl From<PointError> for Failure {
    fn from(error: PointError) -> Self {
        let code = match &error {
            PointError::Solve { .. } => FAILED,
            PointError::Compile {
                error: CompileError::Topology(_),
                ..
            } => BAD_TOPOLOGY,
            _ => BAD_INPUT,
        };
        Self::of(code, &error)
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        Self::of(BAD_INPUT, &error)
    }
}

impl From<ExecutionError> for Failure {
    fn from(error: ExecutionError) -> Self {
        match error {
            ExecutionError::Request(error) => error.into(),
            ExecutionError::Sweep(error) => error.into(),
            ExecutionError::Solve(error) => error.into(),
            ExecutionError::Adjoint(error) => error.into(),
            ExecutionError::TooLarge { .. } => Self::of(BAD_INPUT, &error),
        }
    }
}

impl From<crate::expression::TextTooLong> for Failure {
    fn from(error: crate::expression::TextTooLong) -> Self {
        Self::of(FAILED, &error)
    }
}

impl From<KernelError> for Failure {
    fn from(error: KernelError) -> Self {
        match error {
            KernelError::Port(_) => Self::of(BAD_ARGUMENTS, &error),
            KernelError::Unsupported(_) | KernelError::TooLarge { .. } => {
                Self::of(BAD_INPUT, &error)
            }
            KernelError::Topology { .. } => Self::of(BAD_TOPOLOGY, &error),
            KernelError::Compile(error) => error.into(),
            KernelError::Solve { .. } | KernelError::Range => Self::of(FAILED, &error),
        }
    }
}

impl From<CascadeError> for Failure {
    fn from(error: CascadeError) -> Self {
        match error {
            CascadeError::Compile { stage, error } => {
                let failure = Self::from(*error);
                let message = format!("{}\n  in stage {stage} of the cascade", failure.message);
                Self { message, ..failure }
            }
            CascadeError::Topology(error) => error.into(),
            CascadeError::Solve { .. } | CascadeError::Adjoint { .. } => Self::of(FAILED, &error),
            _ => Self::of(BAD_INPUT, &error),
        }
    }
}

impl From<SynthesisError> for Failure {
    fn from(error: SynthesisError) -> Self {
        Self::of(BAD_INPUT, &error)
    }
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        Self::of(BAD_ARGUMENTS, &error)
    }
}

impl From<AdjointError> for Failure {
    fn from(error: AdjointError) -> Self {
        Self::of(FAILED, &error)
    }
}

impl From<ActivationError> for Failure {
    fn from(error: ActivationError) -> Self {
        match error {
            ActivationError::Netlist(error) => error.into(),
            ActivationError::Compile(error) => error.into(),
            ActivationError::Topology(error) => error.into(),
            ActivationError::Sweep(error) => error.into(),
            ActivationError::Solve { .. } | ActivationError::Slope { .. } => {
                Self::of(FAILED, &error)
            }
            error => Self::of(BAD_ARGUMENTS, &error),
        }
    }
}

impl From<DrawingError> for Failure {
    fn from(error: DrawingError) -> Self {
        Self::of(BAD_ARGUMENTS, &error)
    }
}

impl From<PlotError> for Failure {
    fn from(error: PlotError) -> Self {
        let code = match error {
            PlotError::Unreadable { .. } => FAILED,
            PlotError::NoVariable { .. } => BAD_ARGUMENTS,
            PlotError::NotUnderstood { .. } | PlotError::NoCurve { .. } => BAD_INPUT,
        };
        Self::of(code, &error)
    }
}

impl From<PngError> for Failure {
    fn from(error: PngError) -> Self {
        Self::of(FAILED, &error)
    }
}

impl From<EstimatorError> for Failure {
    fn from(error: EstimatorError) -> Self {
        match error {
            EstimatorError::Unknown { .. }
            | EstimatorError::Inapplicable { .. }
            | EstimatorError::Setting { .. } => Self::of(BAD_ARGUMENTS, &error),
            EstimatorError::Topology(error) => error.into(),
            EstimatorError::Compile { error, .. } => error.into(),
            error => Self::of(FAILED, &error),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::of(BAD_INPUT, &error)
    }
}

impl From<CheckpointError> for Failure {
    fn from(error: CheckpointError) -> Self {
        let code = match error {
            CheckpointError::Io { .. } | CheckpointError::NotFinite { .. } => FAILED,
            _ => BAD_INPUT,
        };
        Self::of(code, &error)
    }
}

impl From<SampleError> for Failure {
    fn from(error: SampleError) -> Self {
        Self::of(FAILED, &error)
    }
}

/// For a linearized circuit that cannot be solved: the fault lies in the operating point.
impl From<crate::Error> for Failure {
    fn from(error: crate::Error) -> Self {
        Self::failed(format!(
            "error: the linearized circuit cannot be solved\n{error}\n  help: a node is held by \
             blocking diodes or flat tables only; put a large resistor there"
        ))
    }
}

impl From<LaboratoryError> for Failure {
    fn from(error: LaboratoryError) -> Self {
        match error {
            LaboratoryError::Config(error) => error.into(),
            LaboratoryError::Circuit(error) => TrainError::from(error).into(),
            LaboratoryError::Train(error) => error.into(),
            LaboratoryError::Compile(error) => error.into(),
            LaboratoryError::Output { .. } | LaboratoryError::NoRule { .. } => {
                Self::of(BAD_INPUT, &error)
            }
            LaboratoryError::First { .. } | LaboratoryError::Second { .. } => {
                Self::of(FAILED, &error)
            }
        }
    }
}

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Self {
        match error {
            TrainError::Config(error) => error.into(),
            TrainError::Circuit(CircuitError::Netlist(error)) => error.into(),
            TrainError::Circuit(CircuitError::Build(error)) => error.into(),
            TrainError::Circuit(CircuitError::Topology(error)) => error.into(),
            TrainError::Circuit(CircuitError::Config(error)) => error.into(),
            TrainError::Circuit(CircuitError::Cascade(error)) => error.into(),
            TrainError::Circuit(error @ CircuitError::Nested) => Self::of(BAD_INPUT, &error),
            TrainError::Compile(error) => error.into(),
            TrainError::Write(error) => error.into(),
            TrainError::Sample(error) => error.into(),
            TrainError::Checkpoint(error) => error.into(),
            TrainError::Estimator(error) => error.into(),
        }
    }
}
