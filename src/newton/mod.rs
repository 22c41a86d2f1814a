//! `F(z) = 0`: from a cold or warm start to a certified operating point.
//!
//! In this order, until one succeeds: Newton with junction limiting; Newton with a line search (on
//! the co-content where there is one, on the residual norm otherwise); gmin stepping; source
//! stepping; pseudo-transient continuation. A result is returned only if Kirchhoff's current law
//! holds at every node to the tolerance.
//!
//! **Invariant:** this folder never prints, and never returns a state that has not been checked.

mod active_set;
mod continuation;
mod limited;
mod line_search;
mod state;

use std::fmt;

use crate::mna::{System, Values, Workspace};

pub use state::Check;

/// Tolerances and limits. The defaults ask for the accuracy that double precision can give.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NewtonOptions {
    /// Allowed residual at a node relative to the sum of the currents that meet there.
    pub relative_tolerance: f64,
    /// Allowed residual at a node, A.
    pub absolute_tolerance: f64,
    /// Iterations for each attempt of each strategy.
    pub max_iterations: usize,
}

impl Default for NewtonOptions {
    fn default() -> Self {
        Self {
            relative_tolerance: 1e-10,
            absolute_tolerance: 1e-24,
            max_iterations: 200,
        }
    }
}

/// How an operating point was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// One linear solve.
    Linear,
    Newton,
    LineSearch,
    GminStepping,
    SourceStepping,
    PseudoTransient,
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Strategy::Linear => "linear",
            Strategy::Newton => "newton",
            Strategy::LineSearch => "line-search",
            Strategy::GminStepping => "gmin-stepping",
            Strategy::SourceStepping => "source-stepping",
            Strategy::PseudoTransient => "pseudo-transient",
        })
    }
}

/// A certified solution, left in the workspace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Convergence {
    pub strategy: Strategy,
    /// Linear solves in all, failed attempts included.
    pub iterations: usize,
    pub check: Check,
}

/// One strategy that did not get there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attempt {
    pub strategy: Strategy,
    pub iterations: usize,
    pub outcome: Outcome,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    Converged,
    /// The limit of iterations was reached.
    TooManyIterations,
    /// The Jacobian could not be factored or gave no finite step.
    Singular,
    /// No step along the Newton direction made progress.
    Stalled,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::Converged => "converged",
            Outcome::TooManyIterations => "iteration limit",
            Outcome::Singular => "singular Jacobian",
            Outcome::Stalled => "no progress",
        })
    }
}

/// No operating point was found: what was tried and where it hurts most.
#[derive(Clone, Debug, PartialEq)]
pub struct NoConvergence {
    pub attempts: Vec<Attempt>,
    /// The state of the attempt that came closest.
    pub check: Check,
}

/// Finds the operating point of `system` from the state of `workspace` (cold or warm).
///
/// # Errors
/// [`NoConvergence`] after every strategy has failed; the workspace is then at its cold start.
pub fn solve(
    system: &System,
    values: &Values,
    workspace: &mut Workspace,
    options: &NewtonOptions,
) -> Result<Convergence, NoConvergence> {
    let mut run = Run {
        system,
        values,
        workspace,
        options,
        iterations: 0,
    };
    let mut attempts = Vec::new();
    let mut best: Option<Check> = None;
    for strategy in strategies(system) {
        let before = run.iterations;
        if strategy != Strategy::Newton && strategy != Strategy::Linear {
            run.restart();
        }
        let outcome = run.attempt(strategy);
        let check = run.check();
        if outcome == Outcome::Converged && check.passed {
            let check = run.polish(check);
            return Ok(Convergence {
                strategy,
                iterations: run.iterations,
                check,
            });
        }
        attempts.push(Attempt {
            strategy,
            iterations: run.iterations - before,
            outcome,
        });
        if best.is_none_or(|b| check.ratio < b.ratio) {
            best = Some(check);
        }
    }
    run.restart();
    Err(NoConvergence {
        attempts,
        check: best.unwrap_or_default(),
    })
}

fn strategies(system: &System) -> Vec<Strategy> {
    if system.is_linear() {
        return vec![Strategy::Linear];
    }
    vec![
        Strategy::Newton,
        Strategy::LineSearch,
        Strategy::GminStepping,
        Strategy::SourceStepping,
        Strategy::PseudoTransient,
    ]
}

/// One call of [`solve`].
struct Run<'a> {
    system: &'a System,
    values: &'a Values,
    workspace: &'a mut Workspace,
    options: &'a NewtonOptions,
    /// Linear solves so far.
    iterations: usize,
}

impl Run<'_> {
    fn attempt(&mut self, strategy: Strategy) -> Outcome {
        match strategy {
            Strategy::Linear | Strategy::Newton => self.limited_newton(),
            Strategy::LineSearch => self.line_search(),
            Strategy::GminStepping => self.gmin_stepping(),
            Strategy::SourceStepping => self.source_stepping(),
            Strategy::PseudoTransient => self.pseudo_transient(),
        }
    }

    /// Cold start, with the sources of this solve.
    fn restart(&mut self) {
        self.workspace.restart(self.system, self.values);
    }
}
