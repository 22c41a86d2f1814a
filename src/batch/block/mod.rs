//! One block of samples: operating points and adjoint states in lock-step.
//!
//! Rows are unknowns, columns are the samples (*lanes*) of the block. Lanes that have settled go on
//! with the others: their state changes no more.

mod elimination;
mod lanes;
mod laws;
mod relaxation;

use super::law::Law;

use super::assembly::Assembly;
use super::ends::End;
use super::engine::Nudge;
use super::features::Features;
use super::inputs::NO_COLUMN;
use super::real::Real;
use super::structure::{BatchSystem, Method};
use lanes::{add_affine, add_scaled, dispatch, row, row_mut};

/// What the blocks of a batch share.
pub(super) struct Shared<'a, T> {
    pub system: &'a BatchSystem,
    /// S.
    pub conductances: &'a [f64],
    pub outputs: &'a [[(End, f64); 2]],
    pub laws: &'a [Law],
    pub assembly: &'a Assembly<T>,
    pub features: &'a Features<T>,
    /// Where relaxation ends.
    pub tolerance: f64,
    pub nudge: Option<Nudge>,
}

/// State of a block.
#[derive(Debug)]
pub(super) struct BlockState<T> {
    pub lanes: usize,
    /// Values of the columns: columns x lanes; empty where only dense rows need them.
    columns: Vec<T>,
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
    largest: Vec<T>,
    /// What each tile of a sweep found: lanes that moved, and their largest potential.
    tiles_moving: Vec<bool>,
    tiles_largest: Vec<T>,
    /// Lanes that the last step changed.
    pub is_moving: Vec<bool>,
    /// Takes its place while steps no longer decide.
    is_settled: Vec<bool>,
    /// Room for a correction and for a right-hand side that waits.
    correction: Vec<T>,
    waiting: Vec<T>,
    /// How much of [`Self::cotangent`] flows into the outputs.
    pushed: T,
    /// Potentials that a nudge is measured against.
    before: Vec<T>,
    /// Linear solves or sweeps of the last operating point.
    pub steps: usize,
}

impl<T: Real> BlockState<T> {
    pub(super) fn new(system: &BatchSystem, lanes: usize, has_columns: bool) -> Self {
        let zeros = |count: usize| vec![T::ZERO; count * lanes];
        let nodes = system.nodes;
        let (entries, widest, tiles) = match system.method() {
            Method::Elimination(e) => {
                let pairs = e.first.iter().map(|g| g.targets.len()).max().unwrap_or(0);
                let around = e
                    .first
                    .iter()
                    .map(|g| g.neighbours.len())
                    .max()
                    .unwrap_or(0);
                (e.entries(), pairs + around, 0)
            }
            Method::Relaxation(r) => (0, 0, r.tiles()),
        };
        Self {
            lanes,
            columns: match has_columns {
                true => zeros(system.inputs.columns()),
                false => Vec::new(),
            },
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
            largest: zeros(1),
            tiles_moving: vec![false; tiles * lanes],
            tiles_largest: zeros(tiles),
            is_moving: vec![false; lanes],
            is_settled: vec![false; lanes],
            correction: zeros(if system.is_sparse() { nodes } else { 0 }),
            waiting: zeros(if system.is_sparse() { nodes } else { 0 }),
            pushed: T::ZERO,
            before: Vec::new(),
            steps: 0,
        }
    }

    /// Takes the samples from `first` on.
    pub(super) fn load(
        &mut self,
        system: &BatchSystem,
        assembly: &Assembly<T>,
        features: &Features<T>,
        first: usize,
    ) {
        let (lanes, inputs) = (self.lanes, &system.inputs);
        for (column, row) in self.columns.chunks_exact_mut(lanes).enumerate() {
            for (lane, value) in row.iter_mut().enumerate() {
                *value = features.value(column, first + lane);
            }
        }
        dispatch(
            #[inline(always)]
            || self.inject(system, assembly, features, first),
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
    fn inject(
        &mut self,
        system: &BatchSystem,
        assembly: &Assembly<T>,
        features: &Features<T>,
        first: usize,
    ) {
        let lanes = self.lanes;
        for (node, &constant) in assembly.constant.iter().enumerate() {
            row_mut(&mut self.injected, node, lanes).fill(constant);
        }
        for (place, &node) in system.fed.iter().enumerate() {
            let injected = row_mut(&mut self.injected, node as usize, lanes);
            add_scaled(injected, T::ONE, features.current(place, first, lanes));
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
        self.conducting.fill(false);
        self.pin.fill(T::ZERO);
        self.pushed = T::ZERO;
        self.start_laws(shared.laws);
        self.settle_all(shared);
    }

    /// The same from the states of diodes at hand.
    fn settle_all(&mut self, shared: &Shared<'_, T>) {
        let Shared {
            system,
            assembly,
            laws,
            tolerance,
            ..
        } = *shared;
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

    /// Settles again with [`Self::cotangent`] as currents at the outputs. What becomes of the squares of
    /// the drops, `((v + d)² - v²) / (2 beta)`, is the product of `-d / beta` with the drop half-way: these
    /// take the places of adjoint potentials and potentials.
    pub(super) fn nudge(&mut self, shared: &Shared<'_, T>, nudge: Nudge) {
        let mut before = std::mem::take(&mut self.before);
        before.clear();
        before.extend_from_slice(&self.x);
        let mut failed = self.is_moving.clone();
        let mut apart = nudge.beta;
        let mut from = 0.0;
        if nudge.is_centered {
            self.push_outputs(shared, T::of(nudge.beta), &mut failed);
            before.copy_from_slice(&self.x);
            (from, apart) = (nudge.beta, 2.0 * nudge.beta);
        }
        self.push_outputs(shared, T::of(-nudge.beta - from), &mut failed);
        self.is_moving = failed;
        let (rate, half) = (T::of(-1.0 / apart), T::of(0.5));
        let states = self.x.iter_mut().zip(&mut self.lambda).zip(&before);
        for ((x, lambda), &before) in states {
            *lambda = rate * (*x - before);
            *x = half * (*x + before);
        }
        self.before = before;
    }

    /// Adds `factor` times [`Self::cotangent`] to the injected currents and settles.
    fn push_outputs(&mut self, shared: &Shared<'_, T>, factor: T, failed: &mut [bool]) {
        let steps = self.steps;
        self.pushed += factor;
        for (current, &cotangent) in self.injected.iter_mut().zip(&self.cotangent) {
            *current = factor.fma(cotangent, *current);
        }
        self.settle_all(shared);
        self.steps += steps;
        let moving = failed.iter_mut().zip(&self.is_moving);
        moving.for_each(|(failed, moving)| *failed |= moving);
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

    fn held(&self, system: &BatchSystem, end: End, lane: usize) -> f64 {
        let affine = &system.inputs.held[end.held as usize];
        affine.at(|column| self.columns[column * self.lanes + lane].f64())
    }

    pub(super) fn voltage(&self, system: &BatchSystem, end: End, x: &[T], lane: usize) -> f64 {
        let free = end
            .node()
            .map_or(0.0, |node| x[node * self.lanes + lane].f64());
        free + self.held(system, end, lane)
    }
}
