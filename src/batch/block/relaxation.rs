//! Block descent: each group exactly, group after group, until nothing moves.

use std::ops::Range;

use faer::{Accum, MatRef};

use crate::batch::assembly::Assembly;
use crate::batch::real::Real;
use crate::batch::relaxation::{Relaxation, RelaxedGroup};
use crate::batch::structure::BatchSystem;
use crate::device::OnePort;

use super::BlockState;
use super::lanes::{dispatch, measure, product, row, row_mut};

const MOST_SWEEPS: usize = 400;

/// The part of a sweep that one group takes.
#[derive(Clone, Copy)]
struct Part<'a> {
    group: &'a RelaxedGroup,
    is_first_sweep: bool,
    is_primal: bool,
}

impl<'a> Part<'a> {
    fn of(group: &'a RelaxedGroup, is_first_sweep: bool, is_primal: bool) -> Self {
        Self {
            group,
            is_first_sweep,
            is_primal,
        }
    }

    /// Whether the sweeps, which begin at zero, have not come to `group` yet. Operating points are swept
    /// upwards, adjoint states downwards.
    fn is_still_zero(&self, group: usize) -> bool {
        self.is_first_sweep && (group > self.group.group) == self.is_primal
    }
}

impl<T: Real> BlockState<T> {
    pub(super) fn relax(
        &mut self,
        system: &BatchSystem,
        assembly: &Assembly<T>,
        relaxation: &Relaxation,
        laws: &[OnePort],
        tolerance: f64,
    ) {
        let mut x = std::mem::take(&mut self.x);
        x.fill(T::ZERO);
        self.is_moving.fill(true);
        for sweep in 1..=MOST_SWEEPS {
            self.steps = sweep;
            self.largest.fill(T::ZERO);
            measure(&mut self.largest, &x);
            self.is_moving.fill(false);
            self.move_laws(system, assembly, laws, &x);
            self.stamp_laws(system);
            for group in &relaxation.groups {
                let range = system.groups.groups[group.group].clone();
                let own = range.start * self.lanes..range.end * self.lanes;
                let part = Part::of(group, sweep == 1, true);
                self.gather(system, assembly, part, own.clone(), &x);
                dispatch(
                    #[inline(always)]
                    || self.descend(system, assembly, range, &mut x, tolerance),
                );
            }
            if !self.is_moving.contains(&true) {
                break;
            }
        }
        self.x = x;
    }

    /// What the neighbours and sources of a group send into it.
    fn gather(
        &mut self,
        system: &BatchSystem,
        assembly: &Assembly<T>,
        part: Part<'_>,
        own: Range<usize>,
        x: &[T],
    ) {
        let lanes = self.lanes;
        let push = &mut self.push[own.clone()];
        match part.is_primal {
            true => {
                let sources = self.injected[own.clone()].iter().zip(&self.companion[own]);
                for (push, (&injected, &companion)) in push.iter_mut().zip(sources) {
                    *push = injected + companion;
                }
            }
            false => push.copy_from_slice(&self.cotangent[own]),
        }
        for &(block, is_row) in &part.group.blocks {
            let groups = system.blocks[block].groups;
            if part.is_still_zero(groups[usize::from(is_row)] as usize) {
                continue;
            }
            let ranges = groups.map(|g| &system.groups.groups[g as usize]);
            let [rows, columns] = ranges.map(|r| r.len());
            let matrix = MatRef::from_row_major_slice(&assembly.blocks[block], rows, columns);
            let other = ranges[usize::from(is_row)];
            let input = &x[other.start * lanes..other.end * lanes];
            let matrix = if is_row { matrix.transpose() } else { matrix };
            product(push, Accum::Add, input, matrix, lanes);
        }
    }

    /// Minimises the co-content over the nodes of a group.
    #[inline(always)]
    fn descend(
        &mut self,
        system: &BatchSystem,
        assembly: &Assembly<T>,
        nodes: Range<usize>,
        x: &mut [T],
        tolerance: f64,
    ) {
        let (lanes, tolerance) = (self.lanes, T::of(tolerance));
        for node in nodes {
            let diagonal = assembly.diagonal[node];
            let slope = row(&self.slope, node, lanes);
            let inverse = row_mut(&mut self.inverse, node, lanes);
            let push = row_mut(&mut self.push, node, lanes);
            for ((inverse, &slope), push) in inverse.iter_mut().zip(slope).zip(push.iter_mut()) {
                *inverse = T::ONE / (diagonal + slope);
                *push *= *inverse;
            }
            for &clamp in &system.clamps_of[node] {
                let (index, clamp) = (clamp as usize, &system.clamps[clamp as usize]);
                let bound = row(&self.bounds, index, lanes);
                let conducting = row_mut(&mut self.conducting, index, lanes);
                for lane in 0..lanes {
                    let beyond = match clamp.is_upper {
                        true => push[lane] > bound[lane],
                        false => push[lane] < bound[lane],
                    };
                    conducting[lane] = beyond;
                    push[lane] = if beyond { bound[lane] } else { push[lane] };
                    inverse[lane] = if beyond { T::ZERO } else { inverse[lane] };
                }
            }
            let x = row_mut(x, node, lanes);
            let lanes = self.is_moving.iter_mut().zip(&self.largest);
            for ((x, &new), (is_moving, &largest)) in x.iter_mut().zip(&*push).zip(lanes) {
                let moved = (new - *x).size();
                *is_moving |= !(moved <= tolerance * largest);
                *x = new;
            }
        }
    }

    pub(super) fn relax_adjoint(
        &mut self,
        system: &BatchSystem,
        assembly: &Assembly<T>,
        relaxation: &Relaxation,
        tolerance: f64,
    ) {
        let lanes = self.lanes;
        let mut lambda = std::mem::take(&mut self.lambda);
        lambda.fill(T::ZERO);
        let allowed = T::of(tolerance);
        for sweep in 1..=MOST_SWEEPS {
            self.largest.fill(T::ZERO);
            measure(&mut self.largest, &lambda);
            let mut is_moving = false;
            // The loss enters at the far end: this order carries it through in one sweep.
            for group in relaxation.groups.iter().rev() {
                let range = system.groups.groups[group.group].clone();
                let own = range.start * lanes..range.end * lanes;
                let part = Part::of(group, sweep == 1, false);
                self.gather(system, assembly, part, own.clone(), &lambda);
                dispatch(
                    #[inline(always)]
                    || {
                        let inverse = self.inverse[own.clone()].chunks_exact(lanes);
                        let push = self.push[own.clone()].chunks_exact(lanes);
                        let rows = lambda[own].chunks_exact_mut(lanes).zip(inverse).zip(push);
                        for ((row, inverse), push) in rows {
                            for lane in 0..lanes {
                                let new = inverse[lane] * push[lane];
                                let moved = (new - row[lane]).size();
                                is_moving |= !(moved <= allowed * self.largest[lane]);
                                row[lane] = new;
                            }
                        }
                    },
                );
            }
            if !is_moving {
                break;
            }
        }
        self.lambda = lambda;
    }
}
