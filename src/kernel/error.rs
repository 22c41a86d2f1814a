//! Why a circuit has no kernel equation, and why one was not solved.

use crate::analysis::{CompileError, SolveError};
use crate::circuit::TopologyError;
use crate::limits::VARIABLE;
use crate::netlist::{Diagnostic, SourceMap};

use super::{Method, PortError};

/// A circuit whose port behaviour is not that of an RTGD circuit.
#[derive(Clone, Debug, thiserror::Error)]
pub enum KernelError {
    #[error(transparent)]
    Port(#[from] PortError),
    #[error(transparent)]
    Unsupported(#[from] Box<Unsupported>),
    /// With a resistor in the place of each diode the graph leaves something open.
    #[error("{error}{}", port_hint(.is_of_port))]
    Topology {
        error: TopologyError,
        /// A port takes part in it.
        is_of_port: bool,
    },
    #[error("{0}")]
    Compile(CompileError),
    #[error(
        "the circuit between its ports and diodes has no unique solution\n{error}\n  help: a \
         transformer or a gyrator may force a port whose voltage or current is given: drive that port \
         by the other quantity (`:i` or `:v`), or put a resistor in series with it or across it"
    )]
    Solve { error: SolveError },
    #[error(
        "{diodes} diodes and {ports} ports need {:.1} GB; the limit is {:.1} GB\n  help: split the \
         circuit; {VARIABLE} raises the limit (GB)",
        *bytes as f64 * 1e-9,
        *limit as f64 * 1e-9
    )]
    TooLarge {
        diodes: usize,
        ports: usize,
        bytes: u64,
        limit: u64,
    },
    /// An eigenvalue or singular value iteration of a matrix that is not finite.
    #[error(
        "the matrix H has entries beyond what double precision resolves\n  help: look for resistances, \
         ratios or conductances that are out of range"
    )]
    Range,
}

fn port_hint(is_of_port: &bool) -> &'static str {
    match is_of_port {
        true => {
            "\n  help: a port across a source or a short takes a current (name:p,n:i), one behind a \
             current source a voltage (name:p,n); or name the source itself as the port (--port v1)"
        }
        false => "",
    }
}

/// An element that is no resistor, transformer, gyrator, ideal diode or independent source.
#[derive(Clone, Debug)]
pub struct Unsupported {
    pub element: String,
    pub diagnostic: Diagnostic,
    pub sources: SourceMap,
}

impl std::error::Error for Unsupported {}

impl std::fmt::Display for Unsupported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.diagnostic.render(&self.sources))
    }
}

/// A splitting that has found no solution.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SplittingError {
    #[error("{given} inputs, expected {expected}\n  help: give one number for each port, in order")]
    Inputs { given: usize, expected: usize },
    #[error(
        "{method} with step {step:.3e} did not converge in {iterations} iterations: residual \
         {residual:.1e}, tolerance {tolerance:.1e}\n  {diagnosis}"
    )]
    NoConvergence {
        method: Method,
        step: f64,
        iterations: usize,
        /// Largest entry of `min(z, w)` of the equilibrated equation, in the root of a watt.
        residual: f64,
        tolerance: f64,
        diagnosis: Diagnosis,
    },
    #[error("{method} with step {step:.3e} diverged after {iterations} iterations\n  {diagnosis}")]
    Diverged {
        method: Method,
        step: f64,
        iterations: usize,
        diagnosis: Diagnosis,
    },
}

/// What kept a splitting from its end.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Diagnosis {
    /// The iterates leave along a ray, as they do where there is no solution.
    #[error(
        "the iterates leave along `{unknown}`: the equation seems to have no solution\n  help: look \
         there for a current that has nowhere to go or a voltage forced across an ideal diode"
    )]
    NoSolution { unknown: String },
    /// Each iteration gains too little.
    #[error(
        "each iteration shrinks the error by a factor of {factor:.9} only, so that about {needed:.0} \
         iterations are needed\n  help: raise the limit on iterations, or take Peaceman-Rachford or \
         Douglas-Rachford splitting"
    )]
    Slow { factor: f64, needed: f64 },
    #[error("{reason}\n  help: take Douglas-Rachford splitting")]
    NoGuarantee { reason: &'static str },
    #[error(
        "it converges, with no rate that can be told beforehand\n  help: raise the limit on iterations"
    )]
    NoRate,
    #[error(
        "H is not monotone, so that no splitting needs to converge\n  help: look for a negative \
         resistance in the circuit"
    )]
    NotMonotone,
    #[error(
        "the step that was asked for is too long or too short\n  help: leave the choice of the step to \
         the program"
    )]
    Step,
}
