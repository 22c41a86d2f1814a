//! `F(z) = 0`: from a cold or warm start to a certified operating point.
//!
//! Where every unknown is a node potential and a co-content exists, Newton with a line search on the
//! co-content comes first: it converges from any start, nearly always in a dozen steps. Long strings
//! of diodes are the exception; there, and where there is no co-content, Newton with junction limiting
//! is quick. Behind these, in this order: softened ideal diodes, the line search without a limit, gmin
//! stepping, source stepping, pseudo-transient continuation. A result is returned only if Kirchhoff's
//! current law holds at every node to the tolerance.
//!
//! Behavioural laws may be undefined: a step that ends there is halved, and a start there is left by a
//! step from a neighbour. Where there are several operating points, a nodeset says near which to start.
//!
//! **Invariant:** this folder never prints, and never returns a state that has not been checked.

mod active_set;
mod continuation;
mod limited;
mod line_search;
mod nodeset;
mod relaxation;
mod state;

use std::fmt;

use crate::mna::{System, Values, Workspace};

use continuation::Snapshot;
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
    /// Refine and certify a converged solution by steps from residuals in twice the precision.
    pub refine: bool,
}

impl Default for NewtonOptions {
    fn default() -> Self {
        Self {
            relative_tolerance: 1e-10,
            absolute_tolerance: 1e-24,
            max_iterations: 200,
            refine: true,
        }
    }
}

/// How an operating point was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// One linear solve.
    Linear,
    /// Newton with a line search on the co-content, as long as it is quick.
    Descent,
    /// Newton with junction limiting.
    Newton,
    /// Newton with a line search on the co-content or the residual norm, to the end.
    LineSearch,
    Relaxation,
    GminStepping,
    SourceStepping,
    PseudoTransient,
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Strategy::Linear => "linear",
            Strategy::Descent => "descent",
            Strategy::Newton => "newton",
            Strategy::LineSearch => "line-search",
            Strategy::Relaxation => "relaxation",
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
        start: None,
    };
    if run.workspace.leave_cold_start() && values.has_nodeset() && !system.is_linear() {
        run.start_from_nodeset();
    }
    let mut attempts = Vec::new();
    let mut best: Option<Check> = None;
    for strategy in strategies(system) {
        let before = run.iterations;
        if !attempts.is_empty() {
            run.restart();
        }
        let mut outcome = run.attempt(strategy);
        let check = run.check();
        if outcome == Outcome::Converged && check.passed {
            if !options.refine {
                let iterations = run.iterations;
                return Ok(Convergence {
                    strategy,
                    iterations,
                    check,
                });
            }
            match run.polish() {
                Ok(check) => {
                    let iterations = run.iterations;
                    return Ok(Convergence {
                        strategy,
                        iterations,
                        check,
                    });
                }
                Err(singular) => outcome = singular,
            }
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

/// Steps after which a descent counts as slow.
const QUICK_DESCENT: usize = 25;

fn strategies(system: &System) -> Vec<Strategy> {
    if system.is_linear() {
        return vec![Strategy::Linear];
    }
    let mut list = Vec::with_capacity(7);
    if system.is_reciprocal() && system.has_only_nodes() {
        list.extend([Strategy::Descent, Strategy::Newton]);
    } else {
        list.push(Strategy::Newton);
        if system.has_ideal_diodes() {
            list.push(Strategy::Relaxation);
        }
    }
    list.extend([
        Strategy::LineSearch,
        Strategy::GminStepping,
        Strategy::SourceStepping,
        Strategy::PseudoTransient,
    ]);
    list
}

/// One call of [`solve`].
struct Run<'a> {
    system: &'a System,
    values: &'a Values,
    workspace: &'a mut Workspace,
    options: &'a NewtonOptions,
    /// Linear solves so far.
    iterations: usize,
    /// Where strategies start instead of the cold start.
    start: Option<Snapshot>,
}

impl Run<'_> {
    fn attempt(&mut self, strategy: Strategy) -> Outcome {
        match strategy {
            Strategy::Linear | Strategy::Newton => self.limited_newton(),
            Strategy::Descent => self.line_search_within(QUICK_DESCENT),
            Strategy::LineSearch => self.line_search(),
            Strategy::Relaxation => self.relaxation(),
            Strategy::GminStepping => self.gmin_stepping(),
            Strategy::SourceStepping => self.source_stepping(),
            Strategy::PseudoTransient => self.pseudo_transient(),
        }
    }

    /// Cold start, or what the nodeset made of it, with the sources of this solve.
    fn restart(&mut self) {
        self.workspace.restart(self.system, self.values);
        self.workspace.leave_cold_start();
        if let Some(start) = self.start.take() {
            self.restore(&start);
            self.start = Some(start);
        }
    }
}
