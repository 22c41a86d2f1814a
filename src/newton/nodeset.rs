//! A start near given potentials: `.nodeset`.

use super::{Outcome, Run, strategies};

/// Conductance of the pull, in units of the circuit's typical conductance: far above the others, and
/// far from where double precision loses them.
const PULL: f64 = 1e6;

impl Run<'_> {
    /// Solves from the potentials of the nodeset with its nodes pulled there, lets go of them, and
    /// starts every strategy from what came out. The potentials themselves matter where a source holds
    /// a node, which no pull can move. Where the pulled circuit has no solution, the cold start stays.
    pub(super) fn start_from_nodeset(&mut self) {
        for strategy in strategies(self.system) {
            self.restart();
            self.workspace.move_to_nodeset(self.system, self.values);
            self.workspace.pull = PULL * self.values.typical_conductance();
            self.workspace.invalidate();
            if self.attempt(strategy) == Outcome::Converged {
                self.start = Some(self.snapshot());
                break;
            }
        }
        self.restart();
    }
}
