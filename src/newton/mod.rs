//! `F(z) = 0`: from a cold or warm start to a certified operating point.
//!
//! Where every unknown is a node potential and a co-content exists, Newton with a line search on the
//! co-content comes first: it converges from any start, nearly always in a dozen steps. Long strings
//! of diodes are the exception; there, and where there is no co-content, Newton with junction limiting
//! is quick. Behind these, in this order: an interior-point method and the method of multipliers for
//! ideal diodes, the line search without a limit, gmin stepping, source stepping, pseudo-transient
//! continuation. A result is returned only if Kirchhoff's
//! current law holds at every node to the tolerance, measured by the currents that meet there. Where
//! double precision cannot give that, the search goes on without the loss of a digit.
//!
//! Behavioural laws may be undefined: a step that ends there is halved, and a start there is left by a
//! step from a neighbour. Where there are several operating points, a nodeset says near which to start.
//!
//! **Invariant:** this folder never prints, and never returns a state that has not been checked.

mod active_set;
mod continuation;
mod interior;
mod limited;
mod line_search;
mod multipliers;
mod nodeset;
mod state;

use std::fmt;
use std::time::{Duration, Instant};

use crate::linear::Method;
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
    /// Linear solves in all before the search ends.
    pub iteration_budget: usize,
    /// Time before the search ends.
    pub time_budget: Option<Duration>,
}

impl Default for NewtonOptions {
    fn default() -> Self {
        Self {
            relative_tolerance: 1e-10,
            absolute_tolerance: 1e-24,
            max_iterations: 200,
            refine: true,
            iteration_budget: usize::MAX,
            time_budget: None,
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
    /// Ideal diodes by an interior-point method.
    InteriorPoint,
    /// Ideal diodes by the method of multipliers.
    Multipliers,
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
            Strategy::InteriorPoint => "interior-point",
            Strategy::Multipliers => "multipliers",
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
    /// Double precision did not suffice: the equations were solved without the loss of a digit.
    pub is_precise: bool,
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
    /// The state converged, but rounding leaves more of the currents than the tolerance allows.
    Imprecise,
    /// The budget of iterations or of time is used up.
    OutOfBudget,
    /// The factors of the Jacobian do not fit into memory.
    OutOfMemory,
}

impl Outcome {
    /// No other strategy has a chance.
    fn is_final(self) -> bool {
        matches!(self, Outcome::OutOfBudget | Outcome::OutOfMemory)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::Converged => "converged",
            Outcome::TooManyIterations => "iteration limit",
            Outcome::Singular => "singular Jacobian",
            Outcome::Stalled => "no progress",
            Outcome::Imprecise => "lost in rounding",
            Outcome::OutOfBudget => "limit reached",
            Outcome::OutOfMemory => "out of memory",
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

impl NoConvergence {
    /// True if the budget of iterations or of time ended the search.
    pub fn is_out_of_budget(&self) -> bool {
        let mut attempts = self.attempts.iter();
        attempts.any(|a| a.outcome == Outcome::OutOfBudget)
    }

    pub fn is_out_of_memory(&self) -> bool {
        let mut attempts = self.attempts.iter();
        attempts.any(|a| a.outcome == Outcome::OutOfMemory)
    }
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
        started: Instant::now(),
        start: None,
    };
    run.workspace.be_quick();
    if run.workspace.leave_cold_start() && values.has_nodeset() && !system.is_linear() {
        run.start_from_nodeset();
    }
    let mut search = Search::default();
    let is_suspect = values.conductance_spread() > LARGE_SPREAD
        || system.has_ideal_diodes()
        || system.method() == Method::Cholesky;
    let patience = match is_suspect {
        true if has_multipliers(system) => FEW_STRATEGIES + 1,
        true => FEW_STRATEGIES,
        false => usize::MAX,
    };
    let mut found = run.search(&mut search, patience);
    let asks = found.is_none() && search.asks_for_digits(patience);
    if asks && run.workspace.be_precise(system).is_ok() {
        found = run.search(&mut search, usize::MAX);
    }
    if let Some(convergence) = found {
        return Ok(convergence);
    }
    run.restart();
    run.workspace.be_quick();
    Err(NoConvergence {
        attempts: search.attempts,
        check: search.best.unwrap_or_default(),
    })
}

/// What has been tried.
#[derive(Debug, Default)]
struct Search {
    attempts: Vec<Attempt>,
    /// The check that came closest.
    best: Option<Check>,
    /// The workspace holds a solution that lacks digits, not one that must be sought anew.
    is_near: bool,
}

/// Linear conductances further apart than this put double precision under suspicion, and so do states
/// that rounding decides: only the first strategies are tried before the digits are doubled. Where
/// elimination without the loss of a digit costs little, it is not put off either.
const LARGE_SPREAD: f64 = 1e9;
const FEW_STRATEGIES: usize = 2;

impl Search {
    /// Whether failure may lie in rounding.
    fn asks_for_digits(&self, patience: usize) -> bool {
        let is_rounding =
            |attempt: &Attempt| matches!(attempt.outcome, Outcome::Singular | Outcome::Imprecise);
        let is_over = |attempt: &Attempt| attempt.outcome.is_final();
        !self.attempts.iter().any(is_over)
            && (patience < usize::MAX || self.attempts.iter().any(is_rounding))
    }
}

impl Run<'_> {
    /// Tries strategies one after the other until one ends at a certified state.
    fn search(&mut self, search: &mut Search, patience: usize) -> Option<Convergence> {
        for strategy in strategies(self.system).into_iter().take(patience) {
            let before = self.iterations;
            if !search.attempts.is_empty() && !search.is_near {
                self.restart();
            }
            search.is_near = false;
            let mut outcome = self.attempt(strategy);
            let check = self.check();
            if outcome == Outcome::Converged && check.passed {
                match self.certify(check) {
                    Ok(check) => {
                        return Some(Convergence {
                            strategy,
                            iterations: self.iterations,
                            check,
                            is_precise: self.workspace.is_precise(),
                        });
                    }
                    Err(failed) => outcome = failed,
                }
            }
            search.attempts.push(Attempt {
                strategy,
                iterations: self.iterations - before,
                outcome,
            });
            if search.best.is_none_or(|b| check.ratio < b.ratio) {
                search.best = Some(check);
            }
            if outcome.is_final() {
                break;
            }
            let lacks_digits = matches!(outcome, Outcome::Imprecise | Outcome::Singular);
            if lacks_digits && !self.workspace.is_precise() {
                search.is_near = outcome == Outcome::Imprecise;
                break;
            }
        }
        None
    }
}

/// Steps after which a descent counts as slow.
const QUICK_DESCENT: usize = 25;

fn strategies(system: &System) -> Vec<Strategy> {
    if system.is_linear() {
        return vec![Strategy::Linear];
    }
    let mut list = Vec::with_capacity(8);
    if system.is_reciprocal() && system.has_only_nodes() {
        list.extend([Strategy::Descent, Strategy::Newton]);
    } else {
        list.push(Strategy::Newton);
        if system.has_ideal_diodes() {
            list.push(Strategy::InteriorPoint);
        }
        if has_multipliers(system) {
            list.push(Strategy::Multipliers);
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

/// Whether ideal diodes are all that keeps Newton from a line search that converges from anywhere.
fn has_multipliers(system: &System) -> bool {
    system.has_ideal_diodes() && !system.has_laws()
}

/// One call of [`solve`].
struct Run<'a> {
    system: &'a System,
    values: &'a Values,
    workspace: &'a mut Workspace,
    options: &'a NewtonOptions,
    /// Linear solves so far.
    iterations: usize,
    started: Instant,
    /// Where strategies start instead of the cold start.
    start: Option<Snapshot>,
}

impl Run<'_> {
    fn attempt(&mut self, strategy: Strategy) -> Outcome {
        match strategy {
            Strategy::Linear | Strategy::Newton => self.limited_newton(),
            Strategy::Descent => self.line_search_within(QUICK_DESCENT),
            Strategy::LineSearch => self.line_search(),
            Strategy::InteriorPoint => self.interior_point(),
            Strategy::Multipliers => self.multipliers(),
            Strategy::GminStepping => self.gmin_stepping(),
            Strategy::SourceStepping => self.source_stepping(),
            Strategy::PseudoTransient => self.pseudo_transient(),
        }
    }

    fn is_out_of_budget(&self) -> bool {
        self.iterations >= self.options.iteration_budget
            || (self.options.time_budget).is_some_and(|budget| self.started.elapsed() >= budget)
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
