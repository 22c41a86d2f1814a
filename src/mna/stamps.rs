//! What each kind of element adds to the equations, and where.

use crate::circuit::{ElementId, NodeId};
use crate::device::Parameter;

use super::{FullIndex, KeptBranch, Slot, SourceId};

/// Where the numbers of an element live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Conductance(u32),
    OnePort(u32),
    Ideal(u32),
    /// Eliminated voltage source or short: index into `ties`.
    Tie(u32),
    RedundantShort,
    Current(u32),
    Law(u32),
    /// First of its entries in `couplings` and, if it has one, its kept branch.
    Coupled {
        first: u32,
        branch: Option<KeptBranch>,
    },
}

/// A branch between two nodes whose conductance is stamped at four places.
#[derive(Clone, Copy, Debug)]
pub(super) struct PairStamp {
    pub p: NodeId,
    pub n: NodeId,
    pub element: ElementId,
    pub pp: Slot,
    pub nn: Slot,
    pub pn: Slot,
    pub np: Slot,
}

/// An ideal diode with its branch current: `v = 0` (conducting) or `i = 0` (blocking).
#[derive(Clone, Copy, Debug)]
pub(super) struct IdealStamp {
    pub p: NodeId,
    pub n: NodeId,
    pub branch: FullIndex,
    pub current_p: Slot,
    pub current_n: Slot,
    pub voltage_p: Slot,
    pub voltage_n: Slot,
    pub own: Slot,
}

/// One constant entry of the full Jacobian: `F[row] += coefficient z[column]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coupling {
    pub row: FullIndex,
    pub column: FullIndex,
    pub slot: Slot,
    pub element: ElementId,
    pub sign: f64,
    /// The coefficient is `sign` times this parameter, or `sign` itself.
    pub parameter: Option<Parameter>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct CurrentStamp {
    pub p: NodeId,
    pub n: NodeId,
    pub source: SourceId,
}

impl PairStamp {
    pub(super) fn between(p: NodeId, n: NodeId, element: ElementId) -> Self {
        let none = Slot::NONE;
        Self {
            p,
            n,
            element,
            pp: none,
            nn: none,
            pn: none,
            np: none,
        }
    }
}

impl IdealStamp {
    pub(super) fn new(p: NodeId, n: NodeId, branch: FullIndex) -> Self {
        let none = Slot::NONE;
        Self {
            p,
            n,
            branch,
            current_p: none,
            current_n: none,
            voltage_p: none,
            voltage_n: none,
            own: none,
        }
    }
}
