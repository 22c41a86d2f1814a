//! Roads to the operating point through easier circuits, each in a fixed order with a clear end.

use super::{Outcome, Run};

const MAX_STAGES: usize = 200;

/// Source values that could not be reached before the rest is taken to be out of reach: close to where
/// a circuit has no solution any more, every other step fails.
const MOST_SETBACKS: usize = 30;

impl Run<'_> {
    /// A shunt from every node to ground, lowered from large to nothing.
    pub(super) fn gmin_stepping(&mut self) -> Outcome {
        let top = 1e3 * self.values.typical_conductance();
        let (mut shunt, mut factor) = (top, 10.0);
        let mut good = None;
        for _ in 0..MAX_STAGES {
            self.set_shunt(shunt);
            if self.limited_newton() == Outcome::Converged {
                good = Some((shunt, self.snapshot()));
                if shunt < 1e-18 * top {
                    self.set_shunt(0.0);
                    return self.limited_newton();
                }
                factor = f64::min(factor * 2.0, 100.0);
            } else {
                let Some((last, state)) = &good else { break };
                factor = factor.sqrt();
                if factor < 1.02 {
                    break;
                }
                shunt = *last;
                self.restore(&state.clone());
            }
            shunt /= factor;
        }
        self.set_shunt(0.0);
        Outcome::Stalled
    }

    /// All sources together from nothing to their values.
    pub(super) fn source_stepping(&mut self) -> Outcome {
        let (mut reached, mut step) = (0.0, 0.1);
        let mut good = self.snapshot();
        let mut setbacks = 0;
        for _ in 0..MAX_STAGES {
            let factor = f64::min(reached + step, 1.0);
            self.set_source_factor(factor);
            if self.limited_newton() == Outcome::Converged {
                reached = factor;
                if reached >= 1.0 {
                    return Outcome::Converged;
                }
                good = self.snapshot();
                step *= 2.0;
            } else {
                step *= 0.25;
                setbacks += 1;
                self.restore(&good);
                if step < 1e-7 || setbacks > MOST_SETBACKS {
                    break;
                }
            }
        }
        self.set_source_factor(1.0);
        Outcome::Stalled
    }

    /// A shunt from every node to where it just was: the circuit relaxes as if through capacitors
    /// (Kelley and Keyes 1998). On a monotone circuit this is the proximal point method.
    pub(super) fn pseudo_transient(&mut self) -> Outcome {
        let mut shunt = 1e2 * self.values.typical_conductance();
        let (floor, ceiling) = (1e-16 * shunt, 1e12 * shunt);
        for _ in 0..MAX_STAGES {
            self.workspace.anchor_here(self.system);
            let good = self.snapshot();
            self.set_shunt(shunt);
            if self.either_newton(&good) == Outcome::Converged {
                if shunt < floor {
                    self.set_shunt(0.0);
                    return self.limited_newton();
                }
                shunt *= 0.3;
            } else {
                self.restore(&good);
                shunt *= 10.0;
                if shunt > ceiling {
                    break;
                }
            }
        }
        self.set_shunt(0.0);
        Outcome::Stalled
    }

    /// Newton with limiting and, if that fails, from the same state with a line search.
    pub(super) fn either_newton(&mut self, start: &Snapshot) -> Outcome {
        match self.limited_newton() {
            Outcome::Converged => Outcome::Converged,
            _ => {
                self.restore(start);
                self.line_search()
            }
        }
    }

    fn set_shunt(&mut self, shunt: f64) {
        self.workspace.shunt = shunt;
        self.workspace.invalidate();
    }

    fn set_source_factor(&mut self, factor: f64) {
        self.workspace.source_factor = factor;
        self.workspace.apply_ties(self.system);
        // The factor scales the slopes of behavioural laws too.
        self.workspace.invalidate();
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let ws = &*self.workspace;
        Snapshot {
            full: ws.full.clone(),
            low: ws.low.clone(),
            points: ws.points.clone(),
            conducting: ws.conducting.clone(),
        }
    }

    pub(super) fn restore(&mut self, snapshot: &Snapshot) {
        let ws = &mut *self.workspace;
        ws.full.copy_from_slice(&snapshot.full);
        ws.low.copy_from_slice(&snapshot.low);
        ws.points.copy_from_slice(&snapshot.points);
        ws.conducting.copy_from_slice(&snapshot.conducting);
        ws.evaluate_companions(self.values);
        ws.evaluate_laws(self.system, self.values);
        ws.invalidate();
    }
}

/// A state to come back to.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    full: Vec<f64>,
    low: Vec<f64>,
    points: Vec<f64>,
    conducting: Vec<bool>,
}
