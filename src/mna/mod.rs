//! Circuit to [`System`]: modified nodal analysis, compiled once (Ho, Ruehli and Brennan 1975).
//!
//! The *full* vector is `z = (potential of each node, current of each kept branch)`; the residual
//! `F(z)` holds Kirchhoff's current law at each node (currents leaving, A) and one equation for each
//! kept branch. Nodes tied to ground or to each other by voltage sources and shorts are then one
//! unknown, or none: the *reduced* system is what gets factored. Without controlled and
//! behavioural sources, ideal diodes and two-ports it is symmetric positive definite.
//!
//! **Invariant:** this folder alone puts numbers into a matrix; it writes them by slot and allocates
//! nothing once a [`Workspace`] exists.

mod assembly;
mod barrier;
mod clock;
mod collect;
mod compile;
mod extended;
mod forest;
mod incidence;
mod laws;
mod multipliers;
mod outline;
mod plain;
mod precise;
mod recover;
mod relaxed;
mod sensitivity;
mod stamps;
mod strips;
mod values;
mod work;
mod workspace;

pub use clock::{Clock, Phase};
pub use compile::System;
pub use incidence::incidence;
pub(crate) use outline::ConductanceRun;
pub use outline::Outline;
pub use precise::TransposedResidual;
pub use recover::BranchCurrents;
pub use relaxed::Relaxed;
pub use values::Values;
pub(crate) use values::typical;
pub use work::Work;
pub use workspace::{Scale, Workspace};

/// Index into the reduced vector of unknowns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown(u32);

/// Index into the full vector: nodes first, then kept branches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FullIndex(u32);

/// Position of a matrix entry in the array of nonzeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(u32);

/// Index of an independent source among all V and I elements, in element order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceId(u32);

/// Index of a kept branch: its current is an unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptBranch(u32);

impl Unknown {
    /// A node held by sources has no unknown of its own.
    pub(crate) const NONE: Unknown = Unknown(u32::MAX);

    pub fn index(self) -> usize {
        self.0 as usize
    }

    pub fn is_some(self) -> bool {
        self != Self::NONE
    }
}

impl Slot {
    /// An entry that falls outside the reduced matrix, or above the diagonal of a symmetric one.
    pub(crate) const NONE: Slot = Slot(u32::MAX);

    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// Adds to the entry; nothing for [`Slot::NONE`].
    #[inline]
    pub(crate) fn add(self, entries: &mut (impl Entries + ?Sized), value: f64) {
        entries.add(self.index(), value);
    }
}

/// The nonzeros of a matrix while they are summed up, in one precision or another.
pub(crate) trait Entries {
    /// Adds to the entry; nothing where there is none.
    fn add(&mut self, index: usize, value: f64);

    /// Adds a conductance between the nodes p and n to the entries pp, nn, pn and np.
    #[inline]
    fn add_pair(&mut self, [pp, nn, pn, np]: [Slot; 4], g: f64) {
        pp.add(self, g);
        nn.add(self, g);
        pn.add(self, -g);
        np.add(self, -g);
    }
}

impl Entries for [f64] {
    #[inline]
    fn add(&mut self, index: usize, value: f64) {
        if let Some(entry) = self.get_mut(index) {
            *entry += value;
        }
    }
}

impl FullIndex {
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl SourceId {
    pub fn index(self) -> usize {
        self.0 as usize
    }
}
