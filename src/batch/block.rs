//! One block of samples: operating points and adjoint states in lock-step.
//!
//! Rows are unknowns, columns are the samples (*lanes*) of the block. Lanes that have settled go on
//! with the others: their state changes no more.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use crate::device::{OnePort, PlainDiode};

use super::assembly::Assembly;
use super::elimination::Elimination;
use super::inputs::{Affine, NO_COLUMN};
use super::real::Real;
use super::relaxation::Relaxation;
use super::structure::{BatchSystem, End, Method};

/// Steps of Newton's method; a lane that needs more goes to the general solver.
const MOST_STEPS: usize = 60;
const MOST_SWEEPS: usize = 400;

/// A diode contradicts its state beyond this many units in the last place.
const UNITS: f64 = 64.0;

/// What is left of a current of a law at the end of the iteration, in parts of the currents that
/// meet there. The step that follows squares it.
const LAW_TOLERANCE: f64 = 1e-10;

/// What the blocks of a batch share.
pub(super) struct Shared<'a, T> {
    pub system: &'a BatchSystem,
    /// S.
    pub conductances: &'a [f64],
    pub outputs: &'a [[End; 2]],
    pub laws: &'a [OnePort],
    pub assembly: &'a Assembly<T>,
    /// Where relaxation ends.
    pub tolerance: f64,
}

/// A potential that rounding moved by more than this part of the largest one is left to the general
/// solver.
const LARGEST_CORRECTION: f64 = 1e-11;

/// State of a block.
#[derive(Debug)]
pub(super) struct BlockState<T> {
    pub lanes: usize,
    /// Values of the columns: columns x lanes.
    pub columns: Vec<T>,
    /// Currents that sources send into each node, A.
    injected: Vec<T>,
    /// Potentials, V.
    pub x: Vec<T>,
    /// Adjoint potentials.
    pub lambda: Vec<T>,
    /// Right-hand side, then what the network sends into each node.
    push: Vec<T>,
    /// Incremental conductance of the one-ports at each node, S, and the currents of their companions.
    slope: Vec<T>,
    companion: Vec<T>,
    /// One over the pivot of each node; zero for a node that a clamp holds.
    inverse: Vec<T>,
    /// Potential at which a clamp holds a node, or zero.
    pin: Vec<T>,
    /// Factors of the rest.
    entries: Vec<T>,
    /// Results of dense products.
    scratch: Vec<T>,
    row: Vec<T>,
    /// Right-hand side of the adjoint.
    pub cotangent: Vec<T>,
    conducting: Vec<bool>,
    bounds: Vec<T>,
    /// Voltage, current and slope at which each one-port is linearized: ports x lanes.
    points: Vec<f64>,
    currents: Vec<f64>,
    conductances: Vec<f64>,
    /// Voltage that sources prescribe between the ends of each one-port.
    prescribed: Vec<f64>,
    voltages: Vec<f64>,
    fed: Vec<T>,
    largest: Vec<T>,
    /// Lanes that the last step changed.
    pub is_moving: Vec<bool>,
    /// Takes its place while steps no longer decide.
    is_settled: Vec<bool>,
    /// Room for a correction and for a right-hand side that waits.
    correction: Vec<T>,
    waiting: Vec<T>,
    /// Linear solves or sweeps of the last operating point.
    pub steps: usize,
}

#[inline(always)]
fn row<T>(values: &[T], index: usize, lanes: usize) -> &[T] {
    &values[index * lanes..(index + 1) * lanes]
}

#[inline(always)]
fn row_mut<T>(values: &mut [T], index: usize, lanes: usize) -> &mut [T] {
    &mut values[index * lanes..(index + 1) * lanes]
}

/// `y += a x`.
#[inline(always)]
fn add_scaled<T: Real>(y: &mut [T], a: T, x: &[T]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = a.fma(x, *y);
    }
}

/// `y -= a x`, lane by lane.
#[inline(always)]
fn subtract_product<T: Real>(y: &mut [T], a: &[T], x: &[T]) {
    for ((y, &a), &x) in y.iter_mut().zip(a).zip(x) {
        *y = (-a).fma(x, *y);
    }
}

/// Two different rows, the first to be changed.
#[inline(always)]
fn two_rows<T>(values: &mut [T], first: usize, second: usize, lanes: usize) -> (&mut [T], &[T]) {
    if first < second {
        let (head, tail) = values.split_at_mut(second * lanes);
        (row_mut(head, first, lanes), &tail[..lanes])
    } else {
        let (head, tail) = values.split_at_mut(first * lanes);
        (&mut tail[..lanes], row(head, second, lanes))
    }
}

/// `out (+)= matrix' input`: rows of lanes; `matrix` is inputs x outputs.
fn product<T: Real>(
    out: &mut [T],
    accumulate: Accum,
    input: &[T],
    matrix: MatRef<'_, T>,
    lanes: usize,
) {
    let (inputs, outputs) = matrix.shape();
    let out = MatMut::from_column_major_slice_mut(out, lanes, outputs);
    let input = MatRef::from_column_major_slice(input, lanes, inputs);
    matmul(out, accumulate, input, matrix, T::ONE, Par::Seq);
}

impl<T: Real> BlockState<T> {
    pub(super) fn new(system: &BatchSystem, lanes: usize) -> Self {
        let zeros = |count: usize| vec![T::ZERO; count * lanes];
        let nodes = system.nodes;
        let (entries, widest) = match system.method() {
            Method::Elimination(e) => {
                let pairs = e.first.iter().map(|g| g.targets.len()).max().unwrap_or(0);
                let around = e
                    .first
                    .iter()
                    .map(|g| g.neighbours.len())
                    .max()
                    .unwrap_or(0);
                (e.entries(), pairs + around)
            }
            Method::Relaxation(_) => (0, 0),
        };
        Self {
            lanes,
            columns: zeros(system.inputs.columns()),
            injected: zeros(nodes),
            x: zeros(nodes),
            lambda: zeros(nodes),
            push: zeros(nodes),
            slope: zeros(nodes),
            companion: zeros(nodes),
            inverse: zeros(nodes),
            pin: zeros(nodes),
            entries: zeros(entries),
            scratch: zeros(widest),
            row: zeros(1),
            cotangent: zeros(nodes),
            conducting: vec![false; system.clamps.len() * lanes],
            bounds: zeros(system.clamps.len()),
            points: vec![0.0; system.ports.len() * lanes],
            currents: vec![0.0; system.ports.len() * lanes],
            conductances: vec![0.0; system.ports.len() * lanes],
            prescribed: vec![0.0; system.ports.len() * lanes],
            voltages: vec![0.0; lanes],
            fed: zeros(system.fed.len()),
            largest: zeros(1),
            is_moving: vec![false; lanes],
            is_settled: vec![false; lanes],
            correction: zeros(if system.is_sparse() { nodes } else { 0 }),
            waiting: zeros(if system.is_sparse() { nodes } else { 0 }),
            steps: 0,
        }
    }

    /// Takes the features of each lane and multiplies them by what the sources inject.
    pub(super) fn load<'a>(
        &mut self,
        system: &BatchSystem,
        assembly: &Assembly<T>,
        sample: impl Fn(usize) -> &'a [f64],
    ) {
        let (lanes, inputs) = (self.lanes, &system.inputs);
        const TILE: usize = 8;
        for tile in (0..lanes).step_by(TILE) {
            let rows: [&[f64]; TILE] = std::array::from_fn(|k| sample(tile + k));
            for (column, out) in self
                .columns
                .chunks_exact_mut(lanes)
                .take(inputs.features)
                .enumerate()
            {
                for (u, features) in out[tile..tile + TILE].iter_mut().zip(&rows) {
                    *u = T::of(features[column]);
                }
            }
        }
        for lane in 0..lanes {
            let features = sample(lane);
            for (k, terms) in inputs.derived.iter().enumerate() {
                let sum: f64 = terms.iter().map(|&(f, c)| c * features[f as usize]).sum();
                self.columns[(inputs.features + k) * lanes + lane] = T::of(sum);
            }
        }
        if !system.fed.is_empty() {
            let shape = (inputs.columns(), system.fed.len());
            let matrix = MatRef::from_column_major_slice(&assembly.feed, shape.0, shape.1);
            product(&mut self.fed, Accum::Replace, &self.columns, matrix, lanes);
        }
        dispatch(
            #[inline(always)]
            || self.inject(system, assembly),
        );
        for (index, port) in system.ports.iter().enumerate() {
            let [p, n] = port.ends;
            for lane in 0..lanes {
                self.prescribed[index * lanes + lane] =
                    self.held(system, p, lane) - self.held(system, n, lane);
            }
        }
        for (index, clamp) in system.clamps.iter().enumerate() {
            let bound = row_mut(&mut self.bounds, index, lanes);
            bound.fill(T::ZERO);
            for (held, sign) in clamp.bound.into_iter().zip([T::ONE, -T::ONE]) {
                add_affine(bound, sign, &inputs.held[held as usize], &self.columns);
            }
        }
    }

    #[inline(always)]
    fn inject(&mut self, system: &BatchSystem, assembly: &Assembly<T>) {
        let lanes = self.lanes;
        for (node, &constant) in assembly.constant.iter().enumerate() {
            row_mut(&mut self.injected, node, lanes).fill(constant);
        }
        for (fed, &node) in self.fed.chunks_exact(lanes).zip(&system.fed) {
            add_scaled(
                row_mut(&mut self.injected, node as usize, lanes),
                T::ONE,
                fed,
            );
        }
    }

    /// Adds what held nodes send into nodes outside of the dense input product.
    pub(super) fn inject_sparse(&mut self, system: &BatchSystem, g: &[f64]) {
        let lanes = self.lanes;
        for node in (0..system.nodes).filter(|&k| system.fed_place[k].is_none()) {
            let injected = row_mut(&mut self.injected, node, lanes);
            for feed in system.feeds(node) {
                let affine = &system.inputs.held[feed.held as usize];
                if affine.column != NO_COLUMN {
                    let term = affine.coefficient * g[feed.conductance as usize];
                    let column = row(&self.columns, affine.column as usize, lanes);
                    add_scaled(injected, T::of(term), column);
                }
            }
        }
        for offset in &system.offsets {
            let factor = T::of(offset.sign * g[offset.conductance as usize]);
            let affine = &system.inputs.held[offset.held as usize];
            let injected = row_mut(&mut self.injected, offset.node as usize, lanes);
            add_affine(injected, factor, affine, &self.columns);
        }
        for injection in &system.injections {
            let source = &system.inputs.sources[injection.source as usize];
            if source.column != NO_COLUMN {
                let column = row(&self.columns, source.column as usize, lanes);
                let factor = T::of(injection.sign * source.coefficient);
                add_scaled(
                    row_mut(&mut self.injected, injection.node as usize, lanes),
                    factor,
                    column,
                );
            }
        }
    }

    /// Operating points of all lanes; [`Self::is_moving`] tells which have not settled.
    pub(super) fn solve(&mut self, shared: &Shared<'_, T>) {
        let Shared {
            system,
            assembly,
            laws,
            tolerance,
            ..
        } = *shared;
        self.conducting.fill(false);
        self.pin.fill(T::ZERO);
        self.start_laws(laws);
        match system.method() {
            Method::Elimination(e) => {
                self.eliminate(system, assembly, e, laws);
                if system.is_sparse() {
                    let mut x = std::mem::take(&mut self.x);
                    self.refine(shared, e, &mut x, true);
                    self.x = x;
                }
            }
            Method::Relaxation(r) => self.relax(system, assembly, r, laws, tolerance),
        }
    }

    /// Adjoint potentials from [`Self::cotangent`], on the factors or states of the last solution.
    pub(super) fn solve_adjoint(&mut self, shared: &Shared<'_, T>) {
        let (system, assembly) = (shared.system, shared.assembly);
        match system.method() {
            Method::Elimination(e) => {
                let mut lambda = std::mem::take(&mut self.lambda);
                self.substitute(system, assembly, e, &mut lambda);
                if system.is_sparse() {
                    self.refine(shared, e, &mut lambda, false);
                }
                self.lambda = lambda;
            }
            Method::Relaxation(r) => self.relax_adjoint(system, assembly, r, shared.tolerance),
        }
    }

    /// Solves for `out` from [`Self::cotangent`] on the factors at hand.
    fn substitute(
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
    fn refine(&mut self, shared: &Shared<'_, T>, e: &Elimination, out: &mut [T], is_primal: bool) {
        let (system, lanes) = (shared.system, self.lanes);
        self.waiting.copy_from_slice(&self.cotangent);
        if is_primal {
            self.cotangent.fill(T::ZERO);
            for injection in &system.injections {
                let source = &system.inputs.sources[injection.source as usize];
                let row = row_mut(&mut self.cotangent, injection.node as usize, lanes);
                add_affine(row, T::of(injection.sign), source, &self.columns);
            }
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
        for (&ends, &g) in system.ends.iter().zip(shared.conductances) {
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

    /// Takes a lane out of all sums over samples.
    pub(super) fn clear(&mut self, lane: usize) {
        for values in [&mut self.x, &mut self.lambda] {
            values
                .iter_mut()
                .skip(lane)
                .step_by(self.lanes)
                .for_each(|v| *v = T::ZERO);
        }
    }

    fn eliminate(
        &mut self,
        system: &BatchSystem,
        assembly: &Assembly<T>,
        elimination: &Elimination,
        laws: &[OnePort],
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
                let own = tile.start * lanes..tile.end * lanes;
                if is_primal {
                    self.pivot(system, assembly, tile.clone());
                } else {
                    self.push[own.clone()].copy_from_slice(&self.cotangent[own.clone()]);
                }
                self.settle(own.clone(), &mut out[own.clone()]);
                let members = tile.start - first.nodes.start..tile.end - first.nodes.start;
                let sum = match members.start {
                    0 => Accum::Replace,
                    _ => Accum::Add,
                };
                let part = |width: usize| members.start * width..members.end * width;
                let (sums, pairs) = self.scratch.split_at_mut(width * lanes);
                if is_primal {
                    measure(&mut self.largest, &out[own.clone()]);
                    let entries = &assembly.pairs[index];
                    let entries = &entries[part(count)];
                    let matrix = MatRef::from_row_major_slice(entries, members.len(), count);
                    let inverse = &self.inverse[own.clone()];
                    product(&mut pairs[..count * lanes], sum, inverse, matrix, lanes);
                }
                let entries = &assembly.couplings[index];
                let entries = &entries[part(width)];
                let matrix = MatRef::from_row_major_slice(entries, members.len(), width);
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
                let own = tile.start * lanes..tile.end * lanes;
                let members = tile.start - first.nodes.start..tile.end - first.nodes.start;
                let entries =
                    &assembly.couplings[index][members.start * width..members.end * width];
                let matrix = MatRef::from_row_major_slice(entries, members.len(), width);
                let push = &mut self.push[own.clone()];
                let around = &self.scratch[..width * lanes];
                product(push, Accum::Add, around, matrix.transpose(), lanes);
                self.settle(own.clone(), &mut out[own]);
                if is_primal {
                    self.switch_clamps(system, assembly, e, tile.map(|k| k as u32), out);
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

    fn start_laws(&mut self, laws: &[OnePort]) {
        self.points.fill(0.0);
        self.slope.fill(T::ZERO);
        self.companion.fill(T::ZERO);
        let lanes = self.lanes;
        for (index, law) in laws.iter().enumerate() {
            let start = law.evaluate(0.0);
            row_mut(&mut self.currents, index, lanes).fill(start.current);
            row_mut(&mut self.conductances, index, lanes).fill(start.conductance);
        }
    }

    /// Adds the companions of the one-ports to the nodes.
    #[inline(always)]
    fn stamp_laws(&mut self, system: &BatchSystem) {
        if system.ports.is_empty() {
            return;
        }
        let lanes = self.lanes;
        self.slope.fill(T::ZERO);
        self.companion.fill(T::ZERO);
        for (index, port) in system.ports.iter().enumerate() {
            let nodes = port.ends.map(End::node);
            if nodes[0] == nodes[1] {
                continue;
            }
            let points = row(&self.points, index, lanes);
            let prescribed = row(&self.prescribed, index, lanes);
            let currents = row(&self.currents, index, lanes);
            let conductances = row(&self.conductances, index, lanes);
            for (node, sign) in nodes.into_iter().zip([1.0, -1.0]) {
                let Some(node) = node else {
                    continue;
                };
                let slope = row_mut(&mut self.slope, node, lanes);
                let companion = row_mut(&mut self.companion, node, lanes);
                for lane in 0..lanes {
                    // Current of the tangent where the free potentials are zero.
                    let beyond = prescribed[lane] - points[lane];
                    let rest = currents[lane] + conductances[lane] * beyond;
                    slope[lane] += T::of(conductances[lane]);
                    companion[lane] -= T::of(sign * rest);
                }
            }
        }
    }

    fn held(&self, system: &BatchSystem, end: End, lane: usize) -> f64 {
        let affine = &system.inputs.held[end.held as usize];
        affine.at(|column| self.columns[column * self.lanes + lane].f64())
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

    pub(super) fn voltage(&self, system: &BatchSystem, end: End, x: &[T], lane: usize) -> f64 {
        let free = end
            .node()
            .map_or(0.0, |node| x[node * self.lanes + lane].f64());
        free + self.held(system, end, lane)
    }

    /// New points of the one-ports; lanes where a current is not what the tangent said go on.
    fn move_laws(
        &mut self,
        system: &BatchSystem,
        assembly: &Assembly<T>,
        laws: &[OnePort],
        x: &[T],
    ) {
        for (index, law) in laws.iter().enumerate() {
            // Conductance that the free nodes see beside the one-port.
            let ends = system.ports[index].ends.iter();
            let linear = ends.filter_map(|end| end.node().map(|k| assembly.diagonal[k].f64()));
            let linear = linear.fold(f64::INFINITY, f64::min);
            let linear = if linear.is_finite() { linear } else { 0.0 };
            dispatch(
                #[inline(always)]
                || match law.plain() {
                    Some(plain) => self.move_plain(system, index, linear, x, &plain),
                    None => self.move_law(system, index, linear, x, law),
                },
            );
        }
    }

    /// The voltage across one-port `index` in every lane.
    #[inline(always)]
    fn measure_port(&mut self, system: &BatchSystem, index: usize, x: &[T]) {
        let lanes = self.lanes;
        self.voltages
            .copy_from_slice(row(&self.prescribed, index, lanes));
        for (end, sign) in system.ports[index].ends.into_iter().zip([1.0, -1.0]) {
            if let Some(node) = end.node() {
                for (v, &x) in self.voltages.iter_mut().zip(row(x, node, lanes)) {
                    *v += sign * x.f64();
                }
            }
        }
    }

    #[inline(always)]
    fn move_plain(
        &mut self,
        system: &BatchSystem,
        index: usize,
        linear: f64,
        x: &[T],
        law: &PlainDiode,
    ) {
        self.measure_port(system, index, x);
        let lanes = self.lanes;
        let points = row_mut(&mut self.points, index, lanes);
        let currents = row_mut(&mut self.currents, index, lanes);
        let conductances = row_mut(&mut self.conductances, index, lanes);
        let (voltages, is_moving) = (&mut self.voltages[..lanes], &mut self.is_moving[..lanes]);
        for lane in 0..lanes {
            let (v, before) = (voltages[lane], points[lane]);
            if v > 0.0 && v - before > law.thermal {
                // An exponential runs away from its tangent: what the network offers decides.
                let promised = currents[lane] + conductances[lane] * (v - before);
                let available = promised.max(0.0) + linear * v;
                voltages[lane] = law.resolvent(available, linear).min(v);
                is_moving[lane] = true;
            }
        }
        let tolerance = LAW_TOLERANCE.max(8.0 * T::EPSILON);
        for lane in 0..lanes {
            let point = voltages[lane];
            let promised = currents[lane] + conductances[lane] * (point - points[lane]);
            let (current, conductance) = law.evaluate(point);
            let allowed = tolerance * (current.abs() + linear * point.abs());
            is_moving[lane] |= !((current - promised).abs() <= allowed);
            points[lane] = point;
            currents[lane] = current;
            conductances[lane] = conductance;
        }
    }

    #[inline(always)]
    fn move_law(
        &mut self,
        system: &BatchSystem,
        index: usize,
        linear: f64,
        x: &[T],
        law: &OnePort,
    ) {
        self.measure_port(system, index, x);
        let tolerance = LAW_TOLERANCE.max(8.0 * T::EPSILON);
        for lane in 0..self.lanes {
            let at = index * self.lanes + lane;
            let (voltage, before) = (self.voltages[lane], self.points[at]);
            if voltage == before {
                continue;
            }
            let point = law.limit(voltage, before);
            let new = law.evaluate(point);
            let promised = self.currents[at] + self.conductances[at] * (point - before);
            let allowed = tolerance * (new.current.abs() + linear * voltage.abs());
            let near = (point - voltage).abs() <= 1e-9 * voltage.abs();
            self.is_moving[lane] |= !near || !((new.current - promised).abs() <= allowed);
            self.points[at] = point;
            self.currents[at] = new.current;
            self.conductances[at] = new.conductance;
        }
    }

    fn relax(
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
                self.gather(system, assembly, &group.blocks, own.clone(), &x, true);
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
        blocks: &[(usize, bool)],
        own: Range<usize>,
        x: &[T],
        is_primal: bool,
    ) {
        let lanes = self.lanes;
        let push = &mut self.push[own.clone()];
        match is_primal {
            true => {
                let sources = self.injected[own.clone()].iter().zip(&self.companion[own]);
                for (push, (&injected, &companion)) in push.iter_mut().zip(sources) {
                    *push = injected + companion;
                }
            }
            false => push.copy_from_slice(&self.cotangent[own]),
        }
        for &(block, is_row) in blocks {
            let ranges = system.blocks[block]
                .groups
                .map(|g| &system.groups.groups[g as usize]);
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

    fn relax_adjoint(
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
        for _ in 0..MOST_SWEEPS {
            self.largest.fill(T::ZERO);
            measure(&mut self.largest, &lambda);
            let mut is_moving = false;
            // The loss enters at the far end: this order carries it through in one sweep.
            for group in relaxation.groups.iter().rev() {
                let range = system.groups.groups[group.group].clone();
                let own = range.start * lanes..range.end * lanes;
                self.gather(system, assembly, &group.blocks, own.clone(), &lambda, false);
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

/// Raises the largest potential of each lane.
#[inline(always)]
fn measure<T: Real>(largest: &mut [T], x: &[T]) {
    for row in x.chunks_exact(largest.len()) {
        for (largest, &x) in largest.iter_mut().zip(row) {
            let size = x.size();
            *largest = if size > *largest { size } else { *largest };
        }
    }
}

/// Nodes of a tile.
const TILE: usize = 256;

fn tiles(nodes: &Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
    let end = nodes.end;
    nodes
        .clone()
        .step_by(TILE)
        .map(move |start| start..(start + TILE).min(end))
}

/// Adds `factor` times a prescribed potential to a row.
fn add_affine<T: Real>(out: &mut [T], factor: T, affine: &Affine, columns: &[T]) {
    let constant = factor * T::of(affine.constant);
    out.iter_mut().for_each(|value| *value += constant);
    if affine.column != NO_COLUMN {
        let column = row(columns, affine.column as usize, out.len());
        add_scaled(out, factor * T::of(affine.coefficient), column);
    }
}

/// Runs `f` with the vector instructions of this machine.
#[inline(always)]
fn dispatch<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}
