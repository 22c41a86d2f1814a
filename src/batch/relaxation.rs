//! Block descent on the co-content: group after group, each minimised exactly.

use std::fmt;

use super::groups::Groups;
use super::structure::{Block, Edge};

/// Groups in the order of a sweep. The nodes of a group are not neighbours: with all others fixed,
/// each of them is one equation of one unknown. A convex co-content falls with every one of them.
#[derive(Debug)]
pub struct Relaxation {
    pub(super) groups: Vec<RelaxedGroup>,
    cost: usize,
}

#[derive(Debug)]
pub(super) struct RelaxedGroup {
    /// Index among the groups.
    pub group: usize,
    /// Blocks to its neighbours; true if the group is the block's first.
    pub blocks: Vec<(usize, bool)>,
}

impl fmt::Display for Relaxation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "relaxation of {} groups of crossbars", self.groups.len())
    }
}

impl Relaxation {
    /// None unless every node is in a group and every conductance between free nodes in a block.
    pub(super) fn plan(
        nodes: usize,
        groups: &Groups,
        blocks: &[Block],
        edges: &[Edge],
        ports: &[[u32; 2]],
    ) -> Option<Self> {
        let grouped = groups.groups.last()?.end;
        if grouped != nodes || !edges.is_empty() || !ports.is_empty() {
            return None;
        }
        let of = |group: usize| RelaxedGroup {
            group,
            blocks: (blocks.iter().enumerate())
                .filter(|(_, b)| b.groups.contains(&(group as u32)))
                .map(|(k, b)| (k, b.groups[0] as usize == group))
                .collect(),
        };
        Some(Self {
            groups: (0..groups.groups.len()).map(of).collect(),
            cost: blocks.iter().map(|b| 2 * b.conductances.len()).sum(),
        })
    }

    /// Multiplications of one sweep.
    pub(super) fn cost(&self) -> usize {
        self.cost
    }
}
