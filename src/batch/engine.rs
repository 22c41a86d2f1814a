//! Blocks of samples over threads: operating points, outputs, adjoint states.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::circuit::NodeId;
use crate::parallel::Ranks;

use super::assembly::Assembly;
use super::block::{BlockState, Shared};
use super::ends::End;
use super::features::Features;
use super::inputs::NO_COLUMN;
use super::law::Law;
use super::real::Real;
use super::sample::Sample;
use super::share::Share;
use super::structure::{BatchSystem, Method};
use super::sums::Sums;

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
    /// A batch is cut into so many blocks at least, where it has as many times 16 samples.
    pub least_blocks: usize,
    /// None for a single process. The blocks are those of this rank.
    share: Option<Share<T>>,
    /// Index of the first of the own blocks of the last batch.
    first_block: usize,
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
        assembly.begin(&system, &conductances, None);
        assembly.finish(&system, &conductances);
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
            least_blocks: 1,
            share: None,
            first_block: 0,
            tolerance: tolerance.unwrap_or(finest),
            nudge: None,
            timing: Timing::default(),
        }
    }

    /// Takes [`Self::conductances`] into the next batch. What needs the rows of other ranks waits for it.
    pub fn refresh(&mut self) {
        let began = Instant::now();
        let share = self.share.as_ref();
        self.assembly.begin(&self.system, &self.conductances, share);
        if self.share.is_none() {
            self.assembly.finish(&self.system, &self.conductances);
        }
        self.timing.assembly += began.elapsed();
    }

    /// Takes what other ranks have found of the last batch: before that, derivatives to the conductances of
    /// the own crossbar rows alone are known.
    pub fn complete(&mut self) {
        if let Some(share) = &mut self.share {
            self.sums.complete(&self.system, share);
        }
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
            .div_ceil(parts.max(self.least_blocks))
            .next_multiple_of(16)
            .clamp(16, most / 16 * 16)
    }

    /// Shares the work of the next batches with other processes, all of which call this. From here on each
    /// knows the conductances of its own crossbar rows alone; none to be a single process again, which knows
    /// all if [`Self::conductances`] are up to date.
    pub fn spread(&mut self, ranks: Option<Arc<dyn Ranks>>) {
        self.complete();
        self.share = ranks.map(|ranks| Share::new(&self.system, ranks));
        self.blocks.clear();
        self.refresh();
    }

    /// The conductances that each rank alone knows; nothing for a single process.
    pub fn apart(&self) -> Vec<Vec<Range<usize>>> {
        let share = self.share.as_ref();
        share.map_or(Vec::new(), |share| share.conductances(&self.system))
    }

    /// The samples of each rank in a batch of so many.
    pub fn samples_of_ranks(&self, samples: usize) -> Vec<Range<usize>> {
        let Some(share) = &self.share else {
            return std::iter::once(0..samples).collect();
        };
        let lanes = self.lanes_for(samples);
        let blocks = share.blocks(samples.div_ceil(lanes)).into_iter();
        let end = |block: usize| (block * lanes).min(samples);
        blocks.map(|b| end(b.start)..end(b.end)).collect()
    }

    fn prepare(&mut self, samples: usize) {
        let lanes = self.lanes_for(samples);
        let all = 0..samples.div_ceil(lanes);
        let own = self.share.as_ref().map_or(all.clone(), |share| {
            share.blocks(all.len()).swap_remove(share.ranks.rank())
        });
        self.first_block = own.start;
        if lanes != self.lanes {
            self.blocks.clear();
            self.lanes = lanes;
        }
        let outputs = self.outputs.len();
        let mut ends = self.outputs.iter().flatten();
        let has_columns = self.system.has_loose_columns()
            || ends.any(|(end, _)| self.system.inputs.held[end.held as usize].column != NO_COLUMN);
        while self.blocks.len() < own.len() {
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
    /// states follow if `differentiate`. A result is none where the operating point is not certain, or
    /// another rank has the sample. [`Self::end`] follows.
    pub fn run<'a, R: Send>(
        &mut self,
        input: impl Fn(usize) -> Sample<'a> + Sync,
        judge: impl Fn(usize, &[f64], &mut [f64]) -> R + Sync,
        differentiate: bool,
        results: &mut [Option<R>],
    ) {
        self.load(results.len(), input);
        self.solve(judge, differentiate, results);
    }

    /// Takes the features of so many samples: the first part of [`Self::run`].
    pub(super) fn load<'a>(&mut self, samples: usize, input: impl Fn(usize) -> Sample<'a> + Sync) {
        self.complete();
        self.prepare(samples);
        let began = Instant::now();
        let (size, share) = ((samples, self.lanes), self.share.as_mut());
        self.features
            .load(&self.system, &mut self.assembly, size, input, share);
        self.timing.inputs += began.elapsed();
    }

    /// The second part of [`Self::run`].
    pub(super) fn solve<R: Send>(
        &mut self,
        judge: impl Fn(usize, &[f64], &mut [f64]) -> R + Sync,
        differentiate: bool,
        results: &mut [Option<R>],
    ) {
        let own = self.own_samples(results.len());
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
        assembly.finish(system, conductances);
        self.timing.assembly += began.elapsed();
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
            .zip(results[own.clone()].par_chunks_mut(lanes))
            .enumerate();
        work.for_each(|(block, (worker, results))| {
            let first = own.start + block * lanes;
            worker.run(&shared, first, &judge, differentiate, results);
        });
        let used = own.len().div_ceil(lanes);
        self.blocks[used..]
            .iter_mut()
            .for_each(|worker| worker.steps = 0);
    }

    /// Values of the features of the last batch, for its gradient too: rows that begin with the features of a
    /// sample, and their length.
    pub(super) fn values(&self) -> (&Arc<Vec<T>>, usize) {
        self.features.all()
    }

    /// Adjoint states at the operating points of the last batch, which did not ask for them;
    /// `cotangents` are the derivatives of the loss to the outputs, samples x outputs. A result that was
    /// none stays so.
    pub fn differentiate<R: Send>(&mut self, cotangents: &[f64], results: &mut [Option<R>]) {
        let width = self.outputs.len().max(1);
        let lanes = self.lanes.max(1);
        let Self {
            system,
            conductances,
            outputs,
            laws,
            assembly,
            features,
            blocks,
            tolerance,
            ..
        } = self;
        let shared = Shared {
            system,
            conductances,
            outputs,
            laws,
            assembly,
            features,
            tolerance: *tolerance,
            nudge: None,
        };
        let work = blocks
            .par_iter_mut()
            .zip(results.par_chunks_mut(lanes))
            .zip(cotangents.par_chunks(lanes * width));
        work.for_each(|((worker, results), cotangents)| {
            worker.state.cotangent.fill(T::ZERO);
            for (lane, weights) in cotangents.chunks(width).enumerate() {
                if results[lane].is_some() {
                    seed(&mut worker.state, shared.outputs, lane, weights);
                }
            }
            worker.differentiate(&shared, results);
        });
        self.end(results.len(), true);
    }

    /// Gathers what the blocks of a batch found. Ranks need [`Self::complete`] for the derivatives to
    /// conductances that all of them know.
    pub fn end(&mut self, samples: usize, differentiate: bool) {
        let used = self.own_samples(samples).len().div_ceil(self.lanes.max(1));
        for worker in &mut self.blocks[..used] {
            self.timing.add(&std::mem::take(&mut worker.timing));
        }
        if differentiate {
            let began = Instant::now();
            let states = self.blocks[..used].iter().map(|b| &b.state);
            let (sums, mut share) = (&mut self.sums, self.share.as_mut());
            let size = (self.lanes, samples);
            sums.collect(&self.system, states, size, share.as_deref_mut());
            sums.multiply(&self.system, &self.features, share);
            self.timing.outer_products += began.elapsed();
        }
    }

    /// Those that this rank has.
    pub fn own_samples(&self, samples: usize) -> Range<usize> {
        match &self.share {
            None => 0..samples,
            Some(share) => self
                .samples_of_ranks(samples)
                .swap_remove(share.ranks.rank()),
        }
    }

    /// Outputs of one of the own samples of the last batch, of which there are `count`, V.
    pub fn outputs_of(&self, sample: usize, count: usize) -> &[f64] {
        let lane = sample % self.lanes;
        &self.blocks[sample / self.lanes - self.first_block].outputs
            [lane * count..(lane + 1) * count]
    }

    /// Newton steps or sweeps of the last batch, summed over the own samples.
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

    /// Derivatives of the loss of each sample of the last batch to its features: samples x features.
    /// `cotangents` are those of the outputs, samples x outputs. Nothing for a circuit whose diodes meet
    /// features, of which [`BatchSystem::has_driven_diodes`] tells.
    pub fn feature_derivatives(&self, cotangents: &[f64], out: &mut [f64]) {
        let (system, features) = (&self.system, self.system.inputs.features);
        let columns = system.inputs.columns();
        let mut by_column = vec![
            0.0;
            if columns == features {
                0
            } else {
                self.sums.samples * columns
            }
        ];
        let found = if columns == features {
            &mut *out
        } else {
            &mut by_column
        };
        (self.sums).columns(system, &self.assembly, &self.conductances, found);
        let width = self.outputs.len();
        if width > 0 && columns > 0 {
            let rows = found
                .par_chunks_mut(columns)
                .zip(cotangents.par_chunks(width));
            rows.for_each(|(row, weights)| {
                for (ends, &weight) in self.outputs.iter().zip(weights) {
                    for ((end, unit), sign) in [(ends[0], 1.0), (ends[1], -1.0)] {
                        let affine = &system.inputs.held[end.held as usize];
                        if let Some(entry) = row.get_mut(affine.column as usize) {
                            *entry += sign * unit * weight * affine.coefficient;
                        }
                    }
                }
            });
        }
        if columns > features {
            let rows = out.chunks_mut(features).zip(by_column.chunks(columns));
            for (row, found) in rows {
                let (plain, derived) = found.split_at(features);
                row.copy_from_slice(plain);
                for (terms, derivative) in system.inputs.derived.iter().zip(derived) {
                    for &(feature, coefficient) in terms {
                        row[feature as usize] += coefficient * derivative;
                    }
                }
            }
        }
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

    /// Potential of a circuit node in one of the own samples of the last batch, V.
    pub fn potential(&self, sample: usize, node: NodeId) -> f64 {
        let end = self.system.end(node);
        let lane = sample % self.lanes;
        let block = &self.blocks[sample / self.lanes - self.first_block].state;
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
            if differentiate {
                seed(state, shared.outputs, lane, &self.derivative);
            }
        }
        self.timing.operating_points += began.elapsed();
        if differentiate {
            self.differentiate(shared, results);
        }
        let steps = self.state.steps;
        self.steps = steps * results.len();
        self.timing.steps += steps as u64;
        self.timing.blocks += 1;
    }

    /// Adjoint states from the cotangent of the block; lanes whose state is not certain leave all sums.
    fn differentiate<R>(&mut self, shared: &Shared<'_, T>, results: &mut [Option<R>]) {
        let began = Instant::now();
        let state = &mut self.state;
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
        self.timing.adjoint += began.elapsed();
    }
}

/// Derivatives of the loss to the outputs of one sample become the right-hand side of its adjoint.
fn seed<T: Real>(
    state: &mut BlockState<T>,
    outputs: &[[(End, f64); 2]],
    lane: usize,
    weights: &[f64],
) {
    for (ends, &weight) in outputs.iter().zip(weights) {
        for ((end, unit), sign) in [(ends[0], 1.0), (ends[1], -1.0)] {
            if let Some(node) = end.node() {
                state.cotangent[node * state.lanes + lane] += T::of(sign * unit * weight);
            }
        }
    }
}
