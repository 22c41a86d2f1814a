//! Elimination in lock-step: groups first, then the rest, and Newton's method on it.

use std::ops::Range;

use faer::{Accum, MatRef};

use crate::batch::assembly::Assembly;
use crate::batch::elimination::Elimination;
use crate::batch::ends::End;
use crate::batch::law::Law;
use crate::batch::real::Real;
use crate::batch::structure::BatchSystem;

use super::lanes::{
    add_affine, add_scaled, dispatch, measure, product, row, row_mut, subtract_product, two_rows,
};
use super::{BlockState, Shared};

/// Steps of Newton's method; a lane that needs more goes to the general solver.
const MOST_STEPS: usize = 60;

/// A diode contradicts its state beyond this many units in the last place.
const UNITS: f64 = 64.0;

/// A potential that rounding moved by more than this part of the largest one is left to the general
/// solver.
const LARGEST_CORRECTION: f64 = 1e-11;

/// Nodes of a tile.
const TILE: usize = 256;

impl<T: Real> BlockState<T> {
    pub(super) fn eliminate(
        &mut self,
        system: &BatchSystem,
        assembly: &Assembly<T>,
        elimination: &Elimination,
        laws: &[Law],
    ) {
        let mut x = std::mem::take(&mut self.x);
        for step in 1..=MOST_STEPS {
            self.steps = step;
            self.is_moving.fill(false);
            self.step(system, assembly, elimination, &mut x);
            self.move_laws(system, assembly, laws, &x);
            if !self.is_moving.contains(&true) {
                break;
            }
        }
        if !laws.is_empty() {
            // The factors of the adjoint belong to the solution, and the steps square what is left:
            // where little but diodes leads to ground, that may be more than the currents show.
            let settled = std::mem::take(&mut self.is_settled);
            let is_moving = std::mem::replace(&mut self.is_moving, settled);
            for last in 0..if system.is_sparse() { 3 } else { 1 } {
                if last > 0 {
                    self.move_laws(system, assembly, laws, &x);
                }
                self.step(system, assembly, elimination, &mut x);
            }
            self.is_settled = std::mem::replace(&mut self.is_moving, is_moving);
        }
        self.x = x;
    }

    /// Factors with the states in force, solves, and turns over the clamps that contradict.
    fn step(&mut self, system: &BatchSystem, assembly: &Assembly<T>, e: &Elimination, x: &mut [T]) {
        dispatch(
            #[inline(always)]
            || {
                self.stamp_laws(system);
                self.largest.fill(T::ZERO);
                self.load_rest(system, e, assembly);
                self.forward_first(system, e, assembly, x, true);
                self.factor_rest(system, e);
                self.substitute_rest(e, x);
                self.switch_clamps(system, assembly, e, &e.rest, x);
                self.back_first(system, e, assembly, x, true);
            },
        );
    }

    /// Solves for `out` from [`Self::cotangent`] on the factors at hand.
    pub(super) fn substitute(
        &mut self,
        system: &BatchSystem,
        assembly: &Assembly<T>,
        e: &Elimination,
        out: &mut [T],
    ) {
        self.pin.fill(T::ZERO);
        for &node in &e.rest {
            let cotangent = row(&self.cotangent, node as usize, self.lanes);
            row_mut(&mut self.push, node as usize, self.lanes).copy_from_slice(cotangent);
        }
        dispatch(
            #[inline(always)]
            || {
                self.forward_first(system, e, assembly, out, false);
                self.substitute_rest(e, out);
                self.back_first(system, e, assembly, out, false);
            },
        );
    }

    /// One correction from a residual that is a sum over branches. Where conductances of very
    /// different size meet, the rounding of their sum on the diagonal is a leak to ground that the
    /// small ones notice; differences of neighbouring potentials lose nothing.
    pub(super) fn refine(
        &mut self,
        shared: &Shared<'_, T>,
        e: &Elimination,
        out: &mut [T],
        is_primal: bool,
    ) {
        let (system, lanes) = (shared.system, self.lanes);
        self.waiting.copy_from_slice(&self.cotangent);
        if is_primal {
            self.cotangent.fill(T::ZERO);
            for injection in &system.injections {
                let source = &system.inputs.sources[injection.source as usize];
                let row = row_mut(&mut self.cotangent, injection.node as usize, lanes);
                add_affine(row, T::of(injection.sign), source, &self.columns);
            }
            add_scaled(&mut self.cotangent, self.pushed, &self.waiting);
        }
        let voltage = |state: &Self, [p, n]: [End; 2], out: &[T], lane: usize| match is_primal {
            true => state.voltage(system, p, out, lane) - state.voltage(system, n, out, lane),
            false => {
                let at = |end: End| end.node().map_or(0.0, |k| out[k * lanes + lane].f64());
                at(p) - at(n)
            }
        };
        let subtract = |state: &mut Self, ends: [End; 2], lane: usize, current: f64| {
            for (end, sign) in ends.into_iter().zip([1.0, -1.0]) {
                if let Some(node) = end.node() {
                    state.cotangent[node * lanes + lane] -= T::of(sign * current);
                }
            }
        };
        for (ends, &g) in system.ends.iter().zip(shared.conductances) {
            for lane in 0..lanes {
                let current = g * voltage(self, ends, out, lane);
                subtract(self, ends, lane, current);
            }
        }
        for (index, port) in system.ports.iter().enumerate() {
            for lane in 0..lanes {
                let v = voltage(self, port.ends, out, lane);
                let at = index * lanes + lane;
                let (current, slope) = (self.currents[at], self.conductances[at]);
                let current = match is_primal {
                    true => current + slope * (v - self.points[at]),
                    false => slope * v,
                };
                subtract(self, port.ends, lane, current);
            }
        }
        let mut correction = std::mem::take(&mut self.correction);
        self.substitute(system, shared.assembly, e, &mut correction);
        self.largest.fill(T::ZERO);
        measure(&mut self.largest, out);
        for (row, correction) in out
            .chunks_exact_mut(lanes)
            .zip(correction.chunks_exact(lanes))
        {
            for lane in 0..lanes {
                row[lane] += correction[lane];
                let allowed = T::of(LARGEST_CORRECTION.max(T::EPSILON)) * self.largest[lane];
                self.is_moving[lane] |= !(correction[lane].size() <= allowed);
            }
        }
        self.correction = correction;
        std::mem::swap(&mut self.cotangent, &mut self.waiting);
    }

    /// Matrix and right-hand side of the rest, before anything is eliminated.
    #[inline(always)]
    fn load_rest(&mut self, system: &BatchSystem, e: &Elimination, assembly: &Assembly<T>) {
        let lanes = self.lanes;
        for (index, &base) in assembly.rest.iter().enumerate() {
            row_mut(&mut self.entries, index, lanes).fill(base);
        }
        for (place, &node) in e.rest.iter().enumerate() {
            let node = node as usize;
            let slope = row(&self.slope, node, lanes);
            add_scaled(row_mut(&mut self.entries, place, lanes), T::ONE, slope);
            let push = row_mut(&mut self.push, node, lanes);
            push.copy_from_slice(row(&self.injected, node, lanes));
            add_scaled(push, T::ONE, row(&self.companion, node, lanes));
        }
        self.add_floating_laws(system, e);
    }

    /// Eliminates the first groups, tile by tile: a tile stays in the cache for all that is done to it.
    #[inline(always)]
    fn forward_first(
        &mut self,
        system: &BatchSystem,
        e: &Elimination,
        assembly: &Assembly<T>,
        out: &mut [T],
        is_primal: bool,
    ) {
        let lanes = self.lanes;
        for (index, first) in e.first.iter().enumerate() {
            let (width, count) = (first.neighbours.len(), first.targets.len());
            for tile in tiles(&first.nodes) {
                let own = tile.own(lanes);
                if is_primal {
                    self.pivot(system, assembly, tile.nodes.clone());
                } else {
                    self.push[own.clone()].copy_from_slice(&self.cotangent[own.clone()]);
                }
                self.settle(own.clone(), &mut out[own.clone()]);
                let sum = match tile.members.start {
                    0 => Accum::Replace,
                    _ => Accum::Add,
                };
                let (sums, pairs) = self.scratch.split_at_mut(width * lanes);
                if is_primal {
                    measure(&mut self.largest, &out[own.clone()]);
                    let matrix = tile.rows_of(&assembly.pairs[index], count);
                    let inverse = &self.inverse[own.clone()];
                    product(&mut pairs[..count * lanes], sum, inverse, matrix, lanes);
                }
                let matrix = tile.rows_of(&assembly.couplings[index], width);
                product(sums, sum, &out[own], matrix, lanes);
            }
            let (sums, pairs) = self.scratch.split_at(width * lanes);
            for (sum, &place) in sums.chunks_exact(lanes).zip(&first.neighbours) {
                let node = e.rest[place as usize] as usize;
                add_scaled(row_mut(&mut self.push, node, lanes), T::ONE, sum);
            }
            if is_primal {
                for (sum, &target) in pairs.chunks_exact(lanes).zip(&first.targets) {
                    let entry = row_mut(&mut self.entries, target as usize, lanes);
                    add_scaled(entry, -T::ONE, sum);
                }
            }
        }
    }

    /// One over the pivots and the right-hand side of nodes that are eliminated first.
    #[inline(always)]
    fn pivot(&mut self, system: &BatchSystem, assembly: &Assembly<T>, nodes: Range<usize>) {
        let lanes = self.lanes;
        for node in nodes {
            let diagonal = assembly.diagonal[node];
            let inverse = row_mut(&mut self.inverse, node, lanes);
            let push = row_mut(&mut self.push, node, lanes);
            let injected = row(&self.injected, node, lanes);
            if system.ports.is_empty() {
                inverse.fill(T::ONE / diagonal);
                push.copy_from_slice(injected);
            } else {
                let slope = row(&self.slope, node, lanes);
                let companion = row(&self.companion, node, lanes);
                for (inverse, &slope) in inverse.iter_mut().zip(slope) {
                    *inverse = T::ONE / (slope + diagonal);
                }
                for ((push, &a), &b) in push.iter_mut().zip(injected).zip(companion) {
                    *push = a + b;
                }
            }
            for &clamp in &system.clamps_of[node] {
                self.hold_node(clamp as usize, node);
            }
        }
    }

    /// Potentials of the first groups from those of the rest.
    #[inline(always)]
    fn back_first(
        &mut self,
        system: &BatchSystem,
        e: &Elimination,
        assembly: &Assembly<T>,
        out: &mut [T],
        is_primal: bool,
    ) {
        let lanes = self.lanes;
        for (index, first) in e.first.iter().enumerate() {
            let width = first.neighbours.len();
            for (k, &place) in first.neighbours.iter().enumerate() {
                let node = e.rest[place as usize] as usize;
                row_mut(&mut self.scratch, k, lanes).copy_from_slice(row(out, node, lanes));
            }
            for tile in tiles(&first.nodes) {
                let own = tile.own(lanes);
                let matrix = tile.rows_of(&assembly.couplings[index], width);
                let push = &mut self.push[own.clone()];
                let around = &self.scratch[..width * lanes];
                product(push, Accum::Add, around, matrix.transpose(), lanes);
                self.settle(own.clone(), &mut out[own]);
                if is_primal {
                    let nodes = tile.nodes.map(|k| k as u32);
                    self.switch_clamps(system, assembly, e, nodes, out);
                }
            }
        }
    }

    /// Zero inverse pivots where a clamp conducts.
    #[inline(always)]
    fn hold_node(&mut self, clamp: usize, node: usize) {
        let inverse = row_mut(&mut self.inverse, node, self.lanes);
        for (value, &on) in inverse
            .iter_mut()
            .zip(row(&self.conducting, clamp, self.lanes))
        {
            *value = if on { T::ZERO } else { *value };
        }
    }

    #[inline(always)]
    fn factor_rest(&mut self, system: &BatchSystem, e: &Elimination) {
        let (lanes, rest) = (self.lanes, e.rest.len());
        let mut targets = e.targets.iter();
        for (place, &node) in e.rest.iter().enumerate() {
            let node = node as usize;
            let pivots = row(&self.entries, place, lanes);
            for (value, &pivot) in row_mut(&mut self.inverse, node, lanes)
                .iter_mut()
                .zip(pivots)
            {
                *value = T::ONE / pivot;
            }
            for &clamp in &system.clamps_of[node] {
                self.hold_node(clamp as usize, node);
            }
            let inverse = row(&self.inverse, node, lanes);
            for a in e.column[place]..e.column[place + 1] {
                let own = row(&self.entries, rest + a, lanes);
                for ((l, &own), &inverse) in self.row.iter_mut().zip(own).zip(inverse) {
                    *l = own * inverse;
                }
                for (b, &target) in (e.column[place]..=a).zip(&mut targets) {
                    let (y, x) = two_rows(&mut self.entries, target as usize, rest + b, lanes);
                    subtract_product(y, &self.row, x);
                }
            }
        }
    }

    /// Solves the rest for `out` from [`Self::push`], which becomes what the network sends into each
    /// node.
    #[inline(always)]
    fn substitute_rest(&mut self, e: &Elimination, out: &mut [T]) {
        let (lanes, rest) = (self.lanes, e.rest.len());
        for (place, &node) in e.rest.iter().enumerate() {
            let own = node as usize * lanes..(node as usize + 1) * lanes;
            self.settle(own.clone(), &mut out[own.clone()]);
            for a in e.column[place]..e.column[place + 1] {
                let below = e.rest[e.rows[a] as usize] as usize;
                let entry = row(&self.entries, rest + a, lanes);
                subtract_product(
                    row_mut(&mut self.push, below, lanes),
                    entry,
                    &out[own.clone()],
                );
            }
        }
        for (place, &node) in e.rest.iter().enumerate().rev() {
            let own = node as usize * lanes..(node as usize + 1) * lanes;
            for a in e.column[place]..e.column[place + 1] {
                let below = e.rest[e.rows[a] as usize] as usize;
                let entry = row(&self.entries, rest + a, lanes);
                let push = row_mut(&mut self.push, node as usize, lanes);
                subtract_product(push, entry, row(out, below, lanes));
            }
            self.settle(own.clone(), &mut out[own.clone()]);
            measure(&mut self.largest, &out[own]);
        }
    }

    /// Potentials from what the network sends into the nodes.
    #[inline(always)]
    fn settle(&self, range: Range<usize>, out: &mut [T]) {
        let inverse = self.inverse[range.clone()].iter();
        let push = self.push[range.clone()].iter();
        let pin = self.pin[range].iter();
        for (((x, &inverse), &push), &pin) in out.iter_mut().zip(inverse).zip(push).zip(pin) {
            *x = inverse.fma(push, pin);
        }
    }

    /// Turns over clamps of `nodes` whose state contradicts the solution.
    #[inline(always)]
    fn switch_clamps(
        &mut self,
        system: &BatchSystem,
        assembly: &Assembly<T>,
        e: &Elimination,
        nodes: impl IntoIterator<Item = impl std::borrow::Borrow<u32>>,
        x: &[T],
    ) {
        let (lanes, units) = (self.lanes, T::of(UNITS * T::EPSILON));
        for node in nodes {
            let node = *node.borrow() as usize;
            for &index in &system.clamps_of[node] {
                let index = index as usize;
                let sign = if system.clamps[index].is_upper {
                    T::ONE
                } else {
                    -T::ONE
                };
                let (x, push) = (row(x, node, lanes), row(&self.push, node, lanes));
                let bound = row(&self.bounds, index, lanes);
                let slope = row(&self.slope, node, lanes);
                let pivots = e.rest_of[node].map(|k| row(&self.entries, k as usize, lanes));
                let diagonal = assembly.diagonal[node];
                let conducting = row_mut(&mut self.conducting, index, lanes);
                let pin = row_mut(&mut self.pin, node, lanes);
                let (largest, is_moving) = (&self.largest[..lanes], &mut self.is_moving[..lanes]);
                for lane in 0..lanes {
                    let pivot = match pivots {
                        Some(pivots) => pivots[lane],
                        None => diagonal + slope[lane],
                    };
                    let allowed = units * largest[lane];
                    let flow = sign * (push[lane] - pivot * x[lane]);
                    let beyond = sign * (x[lane] - bound[lane]);
                    let on = conducting[lane];
                    let contradicts =
                        (on & (flow < -(allowed * pivot))) | (!on & (beyond > allowed));
                    let held = if on { T::ZERO } else { bound[lane] };
                    pin[lane] = if contradicts { held } else { pin[lane] };
                    conducting[lane] = on ^ contradicts;
                    is_moving[lane] |= contradicts;
                }
            }
        }
    }

    /// One-ports between free nodes couple them.
    #[inline(always)]
    fn add_floating_laws(&mut self, system: &BatchSystem, e: &Elimination) {
        let lanes = self.lanes;
        for (index, port) in system.ports.iter().enumerate() {
            let [Some(p), Some(n)] = port.ends.map(End::node) else {
                continue;
            };
            if let (true, Some(a), Some(b)) = (p != n, e.rest_of[p], e.rest_of[n]) {
                let entry = row_mut(&mut self.entries, e.target(a, b) as usize, lanes);
                for (value, &g) in entry.iter_mut().zip(row(&self.conductances, index, lanes)) {
                    *value -= T::of(g);
                }
            }
        }
    }
}

/// Nodes of a group that are worked on together.
struct Tile {
    nodes: Range<usize>,
    /// The same, counted from the first of the group.
    members: Range<usize>,
}

impl Tile {
    /// Where rows of lanes of its nodes are.
    fn own(&self, lanes: usize) -> Range<usize> {
        self.nodes.start * lanes..self.nodes.end * lanes
    }

    /// Its rows of a matrix with a row for each member of the group.
    fn rows_of<'a, T: Real>(&self, entries: &'a [T], width: usize) -> MatRef<'a, T> {
        let part = self.members.start * width..self.members.end * width;
        MatRef::from_row_major_slice(&entries[part], self.members.len(), width)
    }
}

fn tiles(group: &Range<usize>) -> impl Iterator<Item = Tile> + use<> {
    let (first, end) = (group.start, group.end);
    group.clone().step_by(TILE).map(move |start| {
        let nodes = start..(start + TILE).min(end);
        Tile {
            members: nodes.start - first..nodes.end - first,
            nodes,
        }
    })
}
