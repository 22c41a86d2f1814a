//! Ideal diodes under a law that is easier to solve; a solution is never accepted there.

use super::barrier::Barrier;
use super::multipliers::Multipliers;
use super::workspace::Workspace;

/// What stands in for the ideal diodes' own law.
#[derive(Clone, Debug)]
pub enum Relaxed {
    Barrier(Barrier),
    Multipliers(Multipliers),
}

/// The linearized law of one diode, divided by its larger side:
/// `v - softness_v i` or `i - softness_i v`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Linearized {
    pub is_conducting: bool,
    pub softness: f64,
    pub residual: f64,
}

impl Relaxed {
    /// The law of diode `index` at its current and voltage, with `g` to compare the sides.
    #[inline]
    pub(super) fn linearized(
        &self,
        index: usize,
        current: f64,
        voltage: f64,
        g: f64,
    ) -> Linearized {
        match self {
            Relaxed::Barrier(barrier) => barrier.linearized(index, current, voltage, g),
            Relaxed::Multipliers(multipliers) => multipliers.linearized(index, current),
        }
    }
}

impl Workspace {
    /// Takes up, or lays down, another law for the ideal diodes.
    pub fn set_relaxed(&mut self, relaxed: Option<Relaxed>) -> Option<Relaxed> {
        self.invalidate();
        std::mem::replace(&mut self.relaxed, relaxed)
    }
}
