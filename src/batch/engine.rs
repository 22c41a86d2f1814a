//! Blocks of samples over threads, and the sums over samples that make a gradient.

use std::time::{Duration, Instant};

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::circuit::NodeId;

use super::assembly::Assembly;
use super::block::{BlockState, Shared};
use super::features::Features;
use super::inputs::NO_COLUMN;
use super::law::Law;
use super::real::Real;
use super::rows::{Common, sum_of};
use super::sample::Sample;
use super::structure::{BatchSystem, End, Method};

/// The numbers that operating points and adjoint states are computed in. Parameters and what the
/// optimizer remembers are doubles in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    #[default]
    F64,
    F32,
}

/// How exactly batches are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Accuracy {
    pub precision: Precision,
    /// Where relaxation ends: what a sweep may still change, in parts of the largest potential. None
    /// for as far as the precision goes, [`TOLERANCE_F64`] or [`TOLERANCE_F32`].
    pub tolerance: Option<f64>,
}

/// Where the time of a batch goes; summed over threads where blocks run side by side.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Timing {
    /// Conductances into the form that products want.
    pub assembly: Duration,
    /// Features gathered and multiplied by what they inject.
    pub inputs: Duration,
    pub operating_points: Duration,
    pub adjoint: Duration,
    /// Products summed over samples.
    pub outer_products: Duration,
    /// Gradient of every parameter and its step.
    pub optimizer: Duration,
    /// Newton steps or sweeps, over all blocks.
    pub steps: u64,
    pub blocks: u64,
}

impl Timing {
    /// What came after `earlier`.
    pub fn since(&self, earlier: &Timing) -> Timing {
        Timing {
            assembly: self.assembly.saturating_sub(earlier.assembly),
            inputs: self.inputs.saturating_sub(earlier.inputs),
            operating_points: self
                .operating_points
                .saturating_sub(earlier.operating_points),
            adjoint: self.adjoint.saturating_sub(earlier.adjoint),
            outer_products: self.outer_products.saturating_sub(earlier.outer_products),
            optimizer: self.optimizer.saturating_sub(earlier.optimizer),
            steps: self.steps.saturating_sub(earlier.steps),
            blocks: self.blocks.saturating_sub(earlier.blocks),
        }
    }

    fn add(&mut self, other: &Timing) {
        self.assembly += other.assembly;
        self.inputs += other.inputs;
        self.operating_points += other.operating_points;
        self.adjoint += other.adjoint;
        self.outer_products += other.outer_products;
        self.optimizer += other.optimizer;
        self.steps += other.steps;
        self.blocks += other.blocks;
    }
}

/// Equilibrium propagation (Scellier and Bengio 2017; Kendall et al. 2020): currents
/// `-beta dL/dv` at the outputs, and what the potentials make of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nudge {
    /// S V² for a loss without a unit; negative ones nudge away from the target.
    pub beta: f64,
    /// Nudges in both directions, and takes the difference.
    pub is_centered: bool,
}

/// Rows and columns of a gradient that one task sums; kernels take 96 or 48 columns at once.
const ROWS: usize = 128;
const COLUMNS: usize = 192;

/// What a sweep of relaxation may still change at the end, in parts of the largest potential.
pub const TOLERANCE_F64: f64 = 1e-13;
pub const TOLERANCE_F32: f64 = 3e-6;

/// A circuit with its conductances, ready for batches of samples.
#[derive(Debug)]
pub struct BatchEngine<T> {
    pub system: BatchSystem,
    /// Conductance of each resistor of the system, S.
    pub conductances: Vec<f64>,
    /// Ends of each output, whose voltage it is, and the units of their potentials, V.
    outputs: Vec<[(End, f64); 2]>,
    laws: Vec<Law>,
    assembly: Assembly<T>,
    features: Features<T>,
    blocks: Vec<Worker<T>>,
    sums: Sums<T>,
    lanes: usize,
    tolerance: f64,
    /// Equilibrium propagation in the place of the adjoint.
    pub nudge: Option<Nudge>,
    pub timing: Timing,
}

/// One block with its part of the results.
#[derive(Debug)]
struct Worker<T> {
    state: BlockState<T>,
    /// Lanes x outputs, V.
    outputs: Vec<f64>,
    derivative: Vec<f64>,
    timing: Timing,
    /// Steps of the last batch, times samples.
    steps: usize,
}

/// Sums over the samples of a batch.
#[derive(Debug)]
struct Sums<T> {
    samples: usize,
    /// Adjoint potentials and potentials of all samples: nodes x samples.
    lambda: Vec<T>,
    x: Vec<T>,
    /// Adjoint potentials of the fed nodes, where these are not neighbours.
    fed: Vec<T>,
    /// `sum lambda` and `sum lambda x` of each node.
    lambda_sum: Vec<f64>,
    product_sum: Vec<f64>,
    /// `sum lambda u`: fed nodes x columns.
    feed: Vec<T>,
    /// `sum lambda_a x_b + x_a lambda_b` of each dense block.
    blocks: Vec<Vec<T>>,
}

impl<T: Real> BatchEngine<T> {
    /// `conductances` in the order of the system (S); `laws` of its one-ports; outputs are voltages
    /// between two nodes, whose potentials come in units of so many V. Relaxation ends at `tolerance`.
    pub fn new(
        system: BatchSystem,
        conductances: Vec<f64>,
        laws: Vec<Law>,
        outputs: &[[(NodeId, f64); 2]],
        tolerance: Option<f64>,
    ) -> Self {
        let mut assembly = Assembly::new(&system);
        assembly.update(&system, &conductances);
        let finest = match T::EPSILON < 1e-10 {
            true => TOLERANCE_F64,
            false => TOLERANCE_F32,
        };
        Self {
            outputs: outputs
                .iter()
                .map(|pair| pair.map(|(node, unit)| (system.end(node), unit)))
                .collect(),
            sums: Sums::new(&system),
            system,
            conductances,
            laws,
            assembly,
            features: Features::default(),
            blocks: Vec::new(),
            lanes: 0,
            tolerance: tolerance.unwrap_or(finest),
            nudge: None,
            timing: Timing::default(),
        }
    }

    /// Takes [`Self::conductances`] into the next batch.
    pub fn refresh(&mut self) {
        let began = Instant::now();
        self.assembly.update(&self.system, &self.conductances);
        self.timing.assembly += began.elapsed();
    }

    /// Samples of one block for a batch of so many: it decides the order of sums, and so the bits.
    /// What a Newton step reads of a block should stay in a core's cache; relaxation would rather
    /// read its dense blocks less often, and spreads the nodes of a group over threads.
    fn lanes_for(&self, samples: usize) -> usize {
        const NODES_TIMES_LANES: usize = 1 << 16;
        const WIDEST: usize = 1024;
        let (parts, most) = match self.system.method() {
            Method::Elimination(_) => (4, (NODES_TIMES_LANES / self.system.nodes).clamp(16, 64)),
            Method::Relaxation(_) if !self.laws.is_empty() => (4, 64),
            Method::Relaxation(_) => (1, WIDEST),
        };
        samples
            .div_ceil(parts)
            .next_multiple_of(16)
            .clamp(16, most / 16 * 16)
    }

    fn prepare(&mut self, samples: usize) {
        let lanes = self.lanes_for(samples);
        if lanes != self.lanes {
            self.blocks.clear();
            self.lanes = lanes;
        }
        let outputs = self.outputs.len();
        let mut ends = self.outputs.iter().flatten();
        let has_columns = self.system.has_loose_columns()
            || ends.any(|(end, _)| self.system.inputs.held[end.held as usize].column != NO_COLUMN);
        while self.blocks.len() < samples.div_ceil(lanes) {
            self.blocks.push(Worker {
                state: BlockState::new(&self.system, lanes, has_columns),
                outputs: vec![0.0; lanes * outputs],
                derivative: vec![0.0; outputs],
                timing: Timing::default(),
                steps: 0,
            });
        }
    }

    /// Operating points of samples `0..results.len()` with features `input(sample)`. `judge` gets
    /// the sample and its outputs and writes the derivative of the loss to each output; the adjoint
    /// states follow if `differentiate`. A result is none where the operating point is not certain.
    pub fn run<'a, R: Send>(
        &mut self,
        input: impl Fn(usize) -> Sample<'a> + Sync,
        judge: impl Fn(usize, &[f64], &mut [f64]) -> R + Sync,
        differentiate: bool,
        results: &mut [Option<R>],
    ) {
        self.prepare(results.len());
        let Self {
            system,
            conductances,
            outputs,
            laws,
            assembly,
            features,
            blocks,
            lanes,
            tolerance,
            nudge,
            ..
        } = self;
        let began = Instant::now();
        features.load(system, assembly, (results.len(), *lanes), input);
        self.timing.inputs += began.elapsed();
        let shared = Shared {
            system,
            conductances,
            outputs,
            laws,
            assembly,
            features,
            tolerance: *tolerance,
            nudge: *nudge,
        };
        let lanes = *lanes;
        let work = blocks
            .par_iter_mut()
            .zip(results.par_chunks_mut(lanes))
            .enumerate();
        work.for_each(|(block, (worker, results))| {
            let first = block * lanes;
            worker.run(&shared, first, &judge, differentiate, results);
        });
        let samples = results.len();
        let used = samples.div_ceil(lanes);
        for worker in &mut self.blocks[..used] {
            self.timing.add(&std::mem::take(&mut worker.timing));
        }
        self.blocks[used..]
            .iter_mut()
            .for_each(|worker| worker.steps = 0);
        if differentiate {
            let began = Instant::now();
            self.sums
                .collect(&self.system, &self.blocks, lanes, samples);
            self.sums.multiply(&self.system, &self.features);
            self.timing.outer_products += began.elapsed();
        }
    }

    /// Outputs of one sample of the last batch, of which there are `count`, V.
    pub fn outputs_of(&self, sample: usize, count: usize) -> &[f64] {
        let lane = sample % self.lanes;
        &self.blocks[sample / self.lanes].outputs[lane * count..(lane + 1) * count]
    }

    /// Newton steps or sweeps of the last batch, summed over samples.
    pub fn last_steps(&self) -> usize {
        let own = self.blocks.iter().map(|b| b.steps);
        own.sum()
    }

    /// Takes the other method, if there is one for this circuit; false if not.
    pub fn relax(&mut self) -> bool {
        let has = self.system.relax();
        if has {
            self.assembly = Assembly::new(&self.system);
            self.blocks.clear();
            self.refresh();
        }
        has
    }

    /// Derivatives of the sum of losses of the last batch to conductances from `first` on, in 1/S,
    /// times `factor`.
    pub fn conductance_derivatives(&self, first: usize, factor: f64, out: &mut [f64]) {
        (self.sums).conductances(&self.system, &self.features, first, factor, out);
    }

    /// Derivative of the same to the value of a constant current source, in 1/A.
    pub fn current_derivative(&self, source: usize) -> f64 {
        let own = self.system.injections.iter();
        let own = own.filter(|i| i.source as usize == source);
        own.map(|i| i.sign * self.sums.lambda_sum[i.node as usize])
            .sum()
    }

    /// Gives a constant current source another value, A.
    pub fn set_current(&mut self, source: usize, value: f64) {
        self.system.inputs.sources[source].constant = value;
    }

    /// Potential of a circuit node in one sample of the last batch, V.
    pub fn potential(&self, sample: usize, node: NodeId) -> f64 {
        let end = self.system.end(node);
        let lane = sample % self.lanes;
        let block = &self.blocks[sample / self.lanes].state;
        let free = end
            .node()
            .map_or(0.0, |node| block.x[node * self.lanes + lane].f64());
        let held = &self.system.inputs.held[end.held as usize];
        free + held.at(|column| self.features.value(column, sample).f64())
    }
}

impl<T: Real> Worker<T> {
    fn run<R>(
        &mut self,
        shared: &Shared<'_, T>,
        first: usize,
        judge: &impl Fn(usize, &[f64], &mut [f64]) -> R,
        differentiate: bool,
        results: &mut [Option<R>],
    ) {
        let system = shared.system;
        let began = Instant::now();
        let state = &mut self.state;
        state.load(system, shared.assembly, shared.features, first);
        state.inject_sparse(system, shared.conductances);
        state.solve(shared);
        state.cotangent.fill(T::ZERO);
        let width = shared.outputs.len();
        for (lane, result) in results.iter_mut().enumerate() {
            let outputs = &mut self.outputs[lane * width..(lane + 1) * width];
            for (value, ends) in outputs.iter_mut().zip(shared.outputs) {
                let [p, n] =
                    ends.map(|(end, unit)| unit * state.voltage(system, end, &state.x, lane));
                *value = p - n;
            }
            if state.is_moving[lane] || !outputs.iter().all(|y| y.is_finite()) {
                *result = None;
                continue;
            }
            *result = Some(judge(first + lane, outputs, &mut self.derivative));
            for (ends, &weight) in shared.outputs.iter().zip(&self.derivative) {
                for ((end, unit), sign) in [(ends[0], 1.0), (ends[1], -1.0)] {
                    if let Some(node) = end.node() {
                        state.cotangent[node * state.lanes + lane] += T::of(sign * unit * weight);
                    }
                }
            }
        }
        let solved = Instant::now();
        if differentiate {
            match shared.nudge {
                None => state.solve_adjoint(shared),
                Some(nudge) => state.nudge(shared, nudge),
            }
            for (lane, result) in results.iter_mut().enumerate() {
                if result.is_none() || state.is_moving[lane] {
                    *result = None;
                    state.clear(lane);
                }
            }
        }
        self.steps = state.steps * results.len();
        self.timing.operating_points += solved - began;
        self.timing.adjoint += solved.elapsed();
        self.timing.steps += state.steps as u64;
        self.timing.blocks += 1;
    }
}

impl<T: Real> Sums<T> {
    fn new(system: &BatchSystem) -> Self {
        let zeros = |count: usize| vec![T::ZERO; count];
        Self {
            samples: 0,
            lambda: Vec::new(),
            x: Vec::new(),
            fed: Vec::new(),
            lambda_sum: vec![0.0; system.nodes],
            product_sum: vec![0.0; system.nodes],
            feed: zeros(system.fed.len() * system.inputs.columns()),
            blocks: system
                .blocks
                .iter()
                .map(|b| zeros(b.conductances.len()))
                .collect(),
        }
    }

    /// Rows of all blocks side by side.
    fn collect(
        &mut self,
        system: &BatchSystem,
        workers: &[Worker<T>],
        lanes: usize,
        samples: usize,
    ) {
        let blocks = samples.div_ceil(lanes);
        self.samples = samples;
        self.lambda.resize(system.nodes * samples, T::ZERO);
        self.x.resize(system.nodes * samples, T::ZERO);
        let apart = match fed_range(system) {
            Some(_) => 0,
            None => system.fed.len(),
        };
        self.fed.resize(apart * samples, T::ZERO);
        let copy = |row: &mut [T], index: usize, of: fn(&BlockState<T>) -> &Vec<T>| {
            for (part, worker) in row.chunks_mut(lanes).zip(&workers[..blocks]) {
                let source = &of(&worker.state)[index * lanes..];
                part.copy_from_slice(&source[..part.len()]);
            }
        };
        if samples == 0 {
            return;
        }
        let rows = self
            .lambda
            .par_chunks_mut(samples)
            .zip(self.x.par_chunks_mut(samples));
        let sums = self.lambda_sum.par_iter_mut().zip(&mut self.product_sum);
        rows.zip(sums)
            .enumerate()
            .for_each(|(node, ((lambda, x), (sum, products)))| {
                copy(lambda, node, |state| &state.lambda);
                copy(x, node, |state| &state.x);
                pulp::Arch::new().dispatch(
                    #[inline(always)]
                    move || {
                        let (sum, products) = (sum, products);
                        *sum = sum_of(lambda.iter().map(|l| l.f64()));
                        let pairs = lambda.iter().zip(&*x);
                        *products = sum_of(pairs.map(|(l, x)| l.f64() * x.f64()));
                    },
                );
            });
        let rows = self.fed.par_chunks_mut(samples).zip(&system.fed);
        rows.for_each(|(row, &node)| copy(row, node as usize, |state| &state.lambda));
    }

    fn multiply(&mut self, system: &BatchSystem, features: &Features<T>) {
        let (samples, columns) = (self.samples, system.inputs.columns());
        if samples == 0 {
            return;
        }
        if columns > 0 {
            let inputs = features.matrix(samples);
            let lambda = match fed_range(system) {
                Some(nodes) => &self.lambda[nodes.start * samples..nodes.end * samples],
                None => &self.fed,
            };
            let tiles = self.feed.par_chunks_mut(ROWS * columns);
            tiles
                .zip(lambda.par_chunks(ROWS * samples))
                .for_each(|(tile, lambda)| {
                    outer(tile, Accum::Replace, inputs, lambda, samples);
                });
        }
        for (products, block) in self.blocks.iter_mut().zip(&system.blocks) {
            let [rows, others] = block
                .groups
                .map(|g| system.groups.groups[g as usize].clone());
            let part = |range: &std::ops::Range<usize>| range.start * samples..range.end * samples;
            let around = part(&others);
            let [x, lambda] = [&self.x, &self.lambda]
                .map(|v| MatRef::from_row_major_slice(&v[around.clone()], others.len(), samples));
            let own = part(&rows);
            let tiles = products.par_chunks_mut(ROWS * others.len());
            let states = self.lambda[own.clone()].par_chunks(ROWS * samples);
            let states = states.zip(self.x[own].par_chunks(ROWS * samples));
            tiles.zip(states).for_each(|(tile, (own_lambda, own_x))| {
                outer(tile, Accum::Replace, x, own_lambda, samples);
                outer(tile, Accum::Add, lambda, own_x, samples);
            });
        }
    }

    /// `-sum lambda_pn v_pn` (Director and Rohrer 1969).
    fn conductances(
        &self,
        system: &BatchSystem,
        features: &Features<T>,
        first: usize,
        factor: f64,
        out: &mut [f64],
    ) {
        let end = first + out.len();
        let columns = system.inputs.columns();
        let mut rows = system.rows.from(first).iter().peekable();
        let mut from = first;
        while from < end {
            let Some(row) = rows.next_if(|row| row.conductances.start <= from) else {
                out[from - first] = factor * self.other_conductance(system, features, from);
                from += 1;
                continue;
            };
            let own = from..row.conductances.end.min(end);
            let feed = &self.feed[row.place as usize * columns..][..columns];
            let common = Common {
                factor,
                lambda: self.lambda_sum[row.node as usize],
                product: self.product_sum[row.node as usize],
            };
            let start = row.conductances.start;
            let members = own.start - start..own.end - start;
            let out = &mut out[own.start - first..own.end - first];
            let pattern = system.rows.pattern_of(row);
            pattern.derivatives(members, feed, common, out);
            from = own.end;
        }
    }

    fn other_conductance(&self, system: &BatchSystem, features: &Features<T>, index: usize) -> f64 {
        let ends = system.ends[index];
        if let [Some(p), Some(n)] = ends.map(End::node)
            && !system.is_offset(index)
            && let Some((block, entry)) = system.block_entry(p, n)
        {
            let cross = self.blocks[block][entry].f64();
            return cross - self.product_sum[p] - self.product_sum[n];
        }
        // Sample by sample: differences lose no digit.
        let derivative = |sample: usize| {
            let at = |values: &[T], node: usize| values[node * self.samples + sample].f64();
            let [p, n] = ends.map(|end| {
                let affine = &system.inputs.held[end.held as usize];
                let prescribed = affine.at(|column| features.value(column, sample).f64());
                let node = |values| end.node().map_or(0.0, |node| at(values, node));
                (node(&self.lambda), node(&self.x) + prescribed)
            });
            -(p.0 - n.0) * (p.1 - n.1)
        };
        (0..self.samples).map(derivative).sum()
    }
}

/// The fed nodes, if they are neighbours.
fn fed_range(system: &BatchSystem) -> Option<std::ops::Range<usize>> {
    let (&first, &last) = (system.fed.first()?, system.fed.last()?);
    let is_dense = (last - first) as usize + 1 == system.fed.len();
    is_dense.then_some(first as usize..last as usize + 1)
}

/// `out (+)= own others'`: rows of `own` by rows of `others`, summed over samples.
fn outer<T: Real>(out: &mut [T], sum: Accum, others: MatRef<'_, T>, own: &[T], samples: usize) {
    let (rows, columns) = (own.len() / samples, others.nrows());
    let own = MatRef::from_column_major_slice(own, samples, rows);
    let out = MatMut::from_column_major_slice_mut(out, columns, rows);
    let tiles = out.par_row_chunks_mut(COLUMNS);
    let tiles = tiles.zip(others.par_row_chunks(COLUMNS));
    tiles.for_each(|(tile, others)| matmul(tile, sum, others, own, T::ONE, Par::Seq));
}
