//! Static elimination: which groups go first, and the order and fill of the rest.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use super::groups::Groups;
use super::structure::{Block, Edge};

/// A group that is eliminated first may have so many neighbours.
const MOST_NEIGHBOURS: usize = 128;

/// Entries of the factors of the rest, for each sample of a block; beyond, a general solver is better.
const MOST_FILL: usize = 200_000;

/// Order and pattern of `L D L'` with groups of a crossbar first.
///
/// The remaining matrix is symmetric and diagonally dominant with a positive diagonal: its pivots
/// are positive in any order, and no entry grows.
#[derive(Debug)]
pub struct Elimination {
    pub(super) first: Vec<FirstGroup>,
    /// Nodes of the rest, in the order of elimination.
    pub(super) rest: Vec<u32>,
    /// Place of each node among the rest.
    pub(super) rest_of: Vec<Option<u32>>,
    /// Below the diagonal, by column: rows (places among the rest).
    pub(super) rows: Vec<u32>,
    pub(super) column: Vec<usize>,
    /// Target of each product of two entries of a column: diagonal `k` as `k`, entry `e` as
    /// `rest + e`.
    pub(super) targets: Vec<u32>,
    cost: usize,
}

/// A group whose nodes have no neighbours among themselves nor in other first groups.
#[derive(Debug)]
pub(super) struct FirstGroup {
    pub nodes: Range<usize>,
    /// Blocks to its neighbours; true if the group is the block's first.
    pub blocks: Vec<(usize, bool)>,
    /// Neighbours, places among the rest, block after block.
    pub neighbours: Vec<u32>,
    /// Target of each pair (i, j <= i) of neighbours.
    pub targets: Vec<u32>,
}

impl fmt::Display for Elimination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first: usize = self.first.iter().map(|g| g.nodes.len()).sum();
        let rest = self.rest.len();
        match first {
            0 => write!(f, "elimination of {rest} nodes in lock-step"),
            _ => write!(
                f,
                "elimination of {first} nodes of crossbars, then of {rest}"
            ),
        }
    }
}

impl Elimination {
    /// # Errors
    /// The number of entries, if the factors of the rest have too many.
    pub(super) fn plan(
        nodes: usize,
        groups: &Groups,
        blocks: &[Block],
        edges: &[Edge],
        ports: &[[u32; 2]],
    ) -> Result<Self, usize> {
        let first = choose_first(groups, blocks, edges);
        let mut is_first = vec![false; nodes];
        for &group in &first {
            is_first[groups.groups[group].clone()].fill(true);
        }
        let mut around = vec![BTreeSet::new(); nodes];
        let mut connect = |a: u32, b: u32| {
            if a != b && !is_first[a as usize] && !is_first[b as usize] {
                around[a as usize].insert(b);
                around[b as usize].insert(a);
            }
        };
        edges.iter().for_each(|e| connect(e.nodes[0], e.nodes[1]));
        ports.iter().for_each(|p| connect(p[0], p[1]));
        for block in blocks {
            let [rows, columns] = block.groups.map(|g| groups.groups[g as usize].clone());
            if !is_first[rows.start] && !is_first[columns.start] {
                if rows.len() * columns.len() > MOST_FILL {
                    return Err(rows.len() * columns.len());
                }
                for row in rows {
                    columns
                        .clone()
                        .for_each(|column| connect(row as u32, column as u32));
                }
            }
        }
        let others: Vec<Vec<u32>> = first
            .iter()
            .map(|&g| neighbours_of(g as u32, groups, blocks))
            .collect();
        for clique in &others {
            for (k, &a) in clique.iter().enumerate() {
                clique[..k].iter().for_each(|&b| connect(a, b));
            }
        }
        let (rest, structure) = minimum_degree(around, &is_first)?;
        let mut plan = Self::with_structure(nodes, rest, &structure);
        for (&group, clique) in first.iter().zip(&others) {
            let own = plan.first_group(group as u32, groups, blocks, clique);
            plan.cost += own.nodes.len() * own.targets.len();
            plan.first.push(own);
        }
        Ok(plan)
    }

    fn with_structure(nodes: usize, rest: Vec<u32>, structure: &[Vec<u32>]) -> Self {
        let mut rest_of = vec![None; nodes];
        for (place, &node) in rest.iter().enumerate() {
            rest_of[node as usize] = Some(place as u32);
        }
        let (mut rows, mut column) = (Vec::new(), vec![0]);
        for below in structure {
            let mut places: Vec<u32> = below
                .iter()
                .filter_map(|&node| rest_of[node as usize])
                .collect();
            places.sort_unstable();
            rows.extend(places);
            column.push(rows.len());
        }
        let mut plan = Self {
            first: Vec::new(),
            rest,
            rest_of,
            rows,
            column,
            targets: Vec::new(),
            cost: 0,
        };
        let mut targets = Vec::new();
        for k in 0..plan.rest.len() {
            let below = plan.rows[plan.column[k]..plan.column[k + 1]].to_vec();
            for (i, &a) in below.iter().enumerate() {
                targets.extend(below[..=i].iter().map(|&b| plan.target(a, b)));
            }
        }
        plan.cost = targets.len() + 2 * plan.rows.len();
        plan.targets = targets;
        plan
    }

    /// Where the entry of two places is kept.
    pub(super) fn target(&self, a: u32, b: u32) -> u32 {
        let (low, high) = (a.min(b), a.max(b));
        if low == high {
            return low;
        }
        let start = self.column[low as usize];
        let below = &self.rows[start..self.column[low as usize + 1]];
        let found = below.binary_search(&high).unwrap_or_default();
        (self.rest.len() + start + found) as u32
    }

    fn first_group(
        &self,
        group: u32,
        groups: &Groups,
        blocks: &[Block],
        clique: &[u32],
    ) -> FirstGroup {
        let place = |node: &u32| self.rest_of[*node as usize].unwrap_or_default();
        let neighbours: Vec<u32> = clique.iter().map(place).collect();
        let mut targets = Vec::new();
        for (i, &a) in neighbours.iter().enumerate() {
            targets.extend(neighbours[..=i].iter().map(|&b| self.target(a, b)));
        }
        let own = blocks.iter().enumerate();
        let own = own.filter(|(_, b)| b.groups.contains(&group));
        FirstGroup {
            nodes: groups.groups[group as usize].clone(),
            blocks: own.map(|(k, b)| (k, b.groups[0] == group)).collect(),
            neighbours,
            targets,
        }
    }

    /// Entries of the factors of the rest: diagonal, then below it.
    pub(super) fn entries(&self) -> usize {
        self.rest.len() + self.rows.len()
    }

    /// Multiplications of one factorization.
    pub(super) fn cost(&self) -> usize {
        self.cost
    }
}

/// Groups, largest first, that only dense blocks touch and that are not neighbours.
fn choose_first(groups: &Groups, blocks: &[Block], edges: &[Edge]) -> Vec<usize> {
    let mut is_open = vec![true; groups.groups.len()];
    for node in edges.iter().flat_map(|e| e.nodes) {
        if let Some(group) = groups.group_of[node as usize] {
            is_open[group as usize] = false;
        }
    }
    let mut by_size: Vec<usize> = (0..groups.groups.len()).collect();
    by_size.sort_by_key(|&g| std::cmp::Reverse(groups.groups[g].len()));
    let mut first = Vec::new();
    for group in by_size {
        let count = neighbours_of(group as u32, groups, blocks).len();
        if !is_open[group] || count > MOST_NEIGHBOURS {
            continue;
        }
        for block in blocks.iter().filter(|b| b.groups.contains(&(group as u32))) {
            block
                .groups
                .iter()
                .for_each(|&g| is_open[g as usize] = false);
        }
        first.push(group);
    }
    first
}

/// Nodes of the groups on the other side of a group's blocks, block after block.
fn neighbours_of(group: u32, groups: &Groups, blocks: &[Block]) -> Vec<u32> {
    let mut list = Vec::new();
    for block in blocks {
        let other = match block.groups {
            [a, b] if a == group => b,
            [a, b] if b == group => a,
            _ => continue,
        };
        list.extend(groups.groups[other as usize].clone().map(|k| k as u32));
    }
    list
}

/// Order of elimination by exact minimum degree, and what is left below each node.
fn minimum_degree(
    mut around: Vec<BTreeSet<u32>>,
    is_first: &[bool],
) -> Result<(Vec<u32>, Vec<Vec<u32>>), usize> {
    let open = (0..around.len() as u32).filter(|&k| !is_first[k as usize]);
    let mut queue: BTreeSet<(usize, u32)> = open.map(|k| (around[k as usize].len(), k)).collect();
    let (mut order, mut structure) = (Vec::new(), Vec::new());
    let mut fill = queue.len();
    while let Some((_, node)) = queue.pop_first() {
        let below: Vec<u32> = std::mem::take(&mut around[node as usize])
            .into_iter()
            .collect();
        fill += below.len();
        if fill > MOST_FILL {
            return Err(fill);
        }
        for &a in &below {
            queue.remove(&(around[a as usize].len(), a));
            let set = &mut around[a as usize];
            set.remove(&node);
            set.extend(below.iter().filter(|&&b| b != a));
            queue.insert((set.len(), a));
        }
        order.push(node);
        structure.push(below);
    }
    Ok((order, structure))
}
