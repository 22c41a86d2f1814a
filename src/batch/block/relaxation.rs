//! Block descent: each group exactly, group after group, until nothing moves. The nodes of a group are
//! spread over threads, tile by tile.

use std::ops::Range;

use faer::{Accum, MatRef};
use rayon::prelude::*;

use crate::batch::assembly::Assembly;
use crate::batch::law::Law;
use crate::batch::real::Real;
use crate::batch::relaxation::{Relaxation, RelaxedGroup, TILE};
use crate::batch::structure::BatchSystem;

use super::BlockState;
use super::lanes::{dispatch, measure, product, row, row_mut};

const MOST_SWEEPS: usize = 400;

/// What a sweep solves for, and whether the sweeps, which begin at zero, have only begun.
#[derive(Clone, Copy)]
struct Sweep {
    is_primal: bool,
    is_first: bool,
    /// What it may still change at the end, in parts of the largest potential.
    tolerance: f64,
}

/// Potentials outside of a group.
#[derive(Clone, Copy)]
struct Around<'a, T> {
    before: &'a [T],
    after: &'a [T],
    /// Nodes of the group between them.
    own: &'a Range<usize>,
    lanes: usize,
}

impl<'a, T> Around<'a, T> {
    fn of(&self, nodes: &Range<usize>) -> &'a [T] {
        let lanes = self.lanes;
        match nodes.end <= self.own.start {
            true => &self.before[nodes.start * lanes..nodes.end * lanes],
            false => {
                let end = self.own.end;
                &self.after[(nodes.start - end) * lanes..(nodes.end - end) * lanes]
            }
        }
    }
}

/// A part of a group: rows of lanes of its nodes, and what is found out about the lanes.
struct Tile<'a, T> {
    nodes: Range<usize>,
    x: &'a mut [T],
    push: &'a mut [T],
    inverse: &'a mut [T],
    is_moving: &'a mut [bool],
    largest: &'a mut [T],
}

/// What all tiles read.
struct Inputs<'a, T> {
    system: &'a BatchSystem,
    assembly: &'a Assembly<T>,
    sweep: Sweep,
    lanes: usize,
    injected: &'a [T],
    companion: &'a [T],
    slope: &'a [T],
    bounds: &'a [T],
    cotangent: &'a [T],
    /// Largest potential of each lane in the last sweep.
    largest: &'a [T],
}

impl<T: Real> BlockState<T> {
    pub(super) fn relax(
        &mut self,
        system: &BatchSystem,
        assembly: &Assembly<T>,
        relaxation: &Relaxation,
        laws: &[Law],
        tolerance: f64,
    ) {
        let mut x = std::mem::take(&mut self.x);
        x.fill(T::ZERO);
        self.largest.fill(T::ZERO);
        for sweep in 1..=MOST_SWEEPS {
            self.steps = sweep;
            self.is_moving.fill(false);
            self.move_laws(system, assembly, laws, &x);
            self.stamp_laws(system);
            let sweep = Sweep {
                is_primal: true,
                is_first: sweep == 1,
                tolerance,
            };
            self.sweep(system, assembly, relaxation, sweep, &mut x);
            for tile in self.tiles_moving.chunks_exact(self.lanes) {
                let lanes = self.is_moving.iter_mut().zip(tile);
                lanes.for_each(|(is_moving, &moved)| *is_moving |= moved);
            }
            if !self.is_moving.contains(&true) {
                break;
            }
        }
        self.x = x;
    }

    pub(super) fn relax_adjoint(
        &mut self,
        system: &BatchSystem,
        assembly: &Assembly<T>,
        relaxation: &Relaxation,
        tolerance: f64,
    ) {
        let mut lambda = std::mem::take(&mut self.lambda);
        lambda.fill(T::ZERO);
        self.largest.fill(T::ZERO);
        for sweep in 1..=MOST_SWEEPS {
            let sweep = Sweep {
                is_primal: false,
                is_first: sweep == 1,
                tolerance,
            };
            self.sweep(system, assembly, relaxation, sweep, &mut lambda);
            if !self.tiles_moving.contains(&true) {
                break;
            }
        }
        self.lambda = lambda;
    }

    /// Operating points are swept upwards. The loss enters adjoint states at the far end: downwards is
    /// the order that carries it through in one sweep.
    fn sweep(
        &mut self,
        system: &BatchSystem,
        assembly: &Assembly<T>,
        relaxation: &Relaxation,
        sweep: Sweep,
        x: &mut [T],
    ) {
        let count = relaxation.groups.len();
        for k in 0..count {
            let k = if sweep.is_primal { k } else { count - 1 - k };
            self.sweep_group(system, assembly, &relaxation.groups[k], sweep, x);
        }
        self.largest.fill(T::ZERO);
        measure(&mut self.largest, &self.tiles_largest);
    }

    fn sweep_group(
        &mut self,
        system: &BatchSystem,
        assembly: &Assembly<T>,
        group: &RelaxedGroup,
        sweep: Sweep,
        x: &mut [T],
    ) {
        let lanes = self.lanes;
        let nodes = &system.groups.groups[group.group];
        let own = nodes.start * lanes..nodes.end * lanes;
        let (before, rest) = x.split_at_mut(own.start);
        let (x, after) = rest.split_at_mut(own.len());
        let around = Around {
            before,
            after,
            own: nodes,
            lanes,
        };
        let inputs = Inputs {
            system,
            assembly,
            sweep,
            lanes,
            injected: &self.injected,
            companion: &self.companion,
            slope: &self.slope,
            bounds: &self.bounds,
            cotangent: &self.cotangent,
            largest: &self.largest,
        };
        let size = TILE * lanes;
        let tiles = group.tiles_before * lanes..;
        let found = self.tiles_moving[tiles.clone()]
            .par_chunks_mut(lanes)
            .zip(self.tiles_largest[tiles].par_chunks_mut(lanes));
        x.par_chunks_mut(size)
            .zip(self.push[own.clone()].par_chunks_mut(size))
            .zip(self.inverse[own].par_chunks_mut(size))
            .zip(found)
            .enumerate()
            .for_each(|(tile, (((x, push), inverse), (is_moving, largest)))| {
                let first = nodes.start + tile * TILE;
                let mut tile = Tile {
                    nodes: first..first + x.len() / lanes,
                    x,
                    push,
                    inverse,
                    is_moving,
                    largest,
                };
                inputs.gather(group, around, &mut tile);
                dispatch(
                    #[inline(always)]
                    || match sweep.is_primal {
                        true => inputs.descend(&mut tile),
                        false => inputs.substitute(&mut tile),
                    },
                );
            });
    }
}

impl<T: Real> Inputs<'_, T> {
    /// What the neighbours and sources of a tile send into it.
    fn gather(&self, group: &RelaxedGroup, around: Around<'_, T>, tile: &mut Tile<'_, T>) {
        let lanes = self.lanes;
        let own = tile.nodes.start * lanes..tile.nodes.end * lanes;
        match self.sweep.is_primal {
            true if self.system.ports.is_empty() => tile.push.copy_from_slice(&self.injected[own]),
            true => {
                let sources = self.injected[own.clone()].iter().zip(&self.companion[own]);
                for (push, (&injected, &companion)) in tile.push.iter_mut().zip(sources) {
                    *push = injected + companion;
                }
            }
            false => tile.push.copy_from_slice(&self.cotangent[own]),
        }
        let (first, count) = (tile.nodes.start - around.own.start, tile.nodes.len());
        for &(block, is_row) in &group.blocks {
            let groups = self.system.blocks[block].groups;
            let other = groups[usize::from(is_row)] as usize;
            // The sweeps have not come there yet.
            if self.sweep.is_first && (other > group.group) == self.sweep.is_primal {
                continue;
            }
            let ranges = groups.map(|g| &self.system.groups.groups[g as usize]);
            let [rows, columns] = ranges.map(|r| r.len());
            let matrix = MatRef::from_row_major_slice(&self.assembly.blocks[block], rows, columns);
            let matrix = match is_row {
                true => matrix.subrows(first, count).transpose(),
                false => matrix.subcols(first, count),
            };
            let input = around.of(ranges[usize::from(is_row)]);
            product(tile.push, Accum::Add, input, matrix, lanes);
        }
    }

    /// Minimises the co-content over the nodes of a tile, which are not neighbours.
    #[inline(always)]
    fn descend(&self, tile: &mut Tile<'_, T>) {
        let lanes = self.lanes;
        let has_laws = !self.system.ports.is_empty();
        tile.is_moving.fill(false);
        tile.largest.fill(T::ZERO);
        for (member, node) in tile.nodes.clone().enumerate() {
            let diagonal = self.assembly.diagonal[node];
            let inverse = row_mut(tile.inverse, member, lanes);
            let push = row_mut(tile.push, member, lanes);
            if has_laws {
                let slope = row(self.slope, node, lanes);
                for (inverse, &slope) in inverse.iter_mut().zip(slope) {
                    *inverse = T::ONE / (diagonal + slope);
                }
            } else {
                inverse.fill(T::ONE / diagonal);
            }
            for (push, &inverse) in push.iter_mut().zip(&*inverse) {
                *push *= inverse;
            }
            for &clamp in &self.system.clamps_of[node] {
                let (index, clamp) = (clamp as usize, &self.system.clamps[clamp as usize]);
                let bound = row(self.bounds, index, lanes);
                let state = push.iter_mut().zip(inverse.iter_mut()).zip(bound);
                for ((push, inverse), &bound) in state {
                    let is_beyond = match clamp.is_upper {
                        true => *push > bound,
                        false => *push < bound,
                    };
                    *push = if is_beyond { bound } else { *push };
                    *inverse = if is_beyond { T::ZERO } else { *inverse };
                }
            }
            self.move_to(tile, member);
        }
    }

    /// The same for the adjoint, on the pivots of the operating point.
    #[inline(always)]
    fn substitute(&self, tile: &mut Tile<'_, T>) {
        tile.is_moving.fill(false);
        tile.largest.fill(T::ZERO);
        for member in 0..tile.nodes.len() {
            let inverse = row(tile.inverse, member, self.lanes);
            let push = row_mut(tile.push, member, self.lanes);
            for (push, &inverse) in push.iter_mut().zip(inverse) {
                *push *= inverse;
            }
            self.move_to(tile, member);
        }
    }

    /// Moves a node to the potentials in `push` and notes which lanes that changes.
    #[inline(always)]
    fn move_to(&self, tile: &mut Tile<'_, T>, member: usize) {
        let tolerance = T::of(self.sweep.tolerance);
        let new = row(tile.push, member, self.lanes);
        let x = row_mut(tile.x, member, self.lanes);
        let lanes = tile.is_moving.iter_mut().zip(self.largest);
        for ((x, &new), (is_moving, &largest)) in x.iter_mut().zip(new).zip(lanes) {
            let moved = (new - *x).size();
            *is_moving |= !(moved <= tolerance * largest);
            *x = new;
        }
        measure(tile.largest, new);
    }
}
