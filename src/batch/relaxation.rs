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
    tiles: usize,
}

/// Nodes of a group that one task takes.
pub(super) const TILE: usize = 64;

#[derive(Debug)]
pub(super) struct RelaxedGroup {
    /// Index among the groups.
    pub group: usize,
    /// Tiles of the groups before it.
    pub tiles_before: usize,
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
        let mut tiles = 0;
        let of = |group: usize| RelaxedGroup {
            group,
            tiles_before: {
                let before = tiles;
                tiles += groups.groups[group].len().div_ceil(TILE);
                before
            },
            blocks: (blocks.iter().enumerate())
                .filter(|(_, b)| b.groups.contains(&(group as u32)))
                .map(|(k, b)| (k, b.groups[0] as usize == group))
                .collect(),
        };
        let relaxed = (0..groups.groups.len()).map(of).collect();
        Some(Self {
            groups: relaxed,
            tiles,
            cost: blocks.iter().map(|b| 2 * b.conductances.len()).sum(),
        })
    }

    /// Tiles of all groups.
    pub(super) fn tiles(&self) -> usize {
        self.tiles
    }

    /// Multiplications of one sweep.
    pub(super) fn cost(&self) -> usize {
        self.cost
    }
}
