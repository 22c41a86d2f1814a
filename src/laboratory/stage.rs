//! Two boards of one stage: forwards, and backwards.

use crate::adjoint::Cotangent;
use crate::analysis::{CompileError, OperatingPoint, SolveError, Solver};
use crate::circuit::ElementId;
use crate::device::Device;
use crate::learning::BenchConfig;

use super::fabrication::Deviations;
use super::second::{Second, Settled};
use super::wiring::{Follower, Site, StageWiring};

/// A stage on the bench.
#[derive(Debug)]
pub struct StageBench {
    /// The first circuit.
    pub first: Solver,
    second: Second,
    boards: [Deviations; 2],
    followers: Vec<Follower>,
    /// Of each follower: its place among the system's sources.
    places: Vec<usize>,
    outputs: Vec<[crate::circuit::NodeId; 2]>,
    injected: Cotangent,
}

impl StageBench {
    /// Builds both boards of stage `number`, with the deviations that `seed` gives them.
    ///
    /// # Errors
    /// [`CompileError`]
    pub fn new(
        wiring: &StageWiring,
        bench: &BenchConfig,
        seed: u64,
        number: usize,
    ) -> Result<Self, CompileError> {
        let boards =
            [0, 1].map(|board| Deviations::draw(&wiring.circuit, bench, seed, 2 * number + board));
        let [mut first, mut second] = [wiring.circuit.clone(), wiring.circuit.clone()];
        boards[0].apply(&mut first);
        boards[1].apply(&mut second);
        let first = Solver::new(first)?;
        let sources = first.system.source_elements();
        let place = |f: &Follower| sources.iter().position(|id| *id == f.source);
        Ok(Self {
            places: wiring.followers.iter().filter_map(place).collect(),
            injected: Cotangent::new(&first.system),
            first,
            second: Second::new(second),
            boards,
            followers: wiring.followers.clone(),
            outputs: wiring.outputs.clone(),
        })
    }

    /// Programs parts of both boards; `values` are in the deck's unit.
    ///
    /// # Errors
    /// [`CompileError`]
    pub fn program<'a>(
        &mut self,
        values: impl Iterator<Item = (&'a Site, f64)>,
    ) -> Result<(), CompileError> {
        let mut others = false;
        for (site, value) in values {
            self.boards[0].set(&mut self.first.circuit, site.id, value);
            self.boards[1].set(&mut self.second.parts, site.id, value);
            others |= !site.is_reciprocal;
        }
        self.second.note_programming(others);
        self.first.take_values()
    }

    /// Settles the first circuit with `signals` (features, or V of the stage before) on its sources.
    ///
    /// # Errors
    /// [`SolveError`]
    pub fn forward(&mut self, signals: &[f64]) -> Result<OperatingPoint, SolveError> {
        let workspace = &mut self.first.workspace;
        for (follower, &place) in self.followers.iter().zip(&self.places) {
            workspace.sources[place] = follower.gain * signals[follower.from] + follower.offset;
        }
        workspace.apply_ties(&self.first.system);
        self.first.operating_point_from_anywhere()
    }

    /// Voltage of each output, V.
    pub fn outputs(&self, op: &OperatingPoint) -> Vec<f64> {
        let pairs = self.outputs.iter();
        pairs.map(|[p, n]| op.voltage(*p, *n)).collect()
    }

    /// Settles the second circuit with `currents` (A) going into the outputs.
    ///
    /// # Errors
    /// As for any circuit.
    pub fn backward(
        &mut self,
        op: &OperatingPoint,
        currents: &[f64],
    ) -> Result<Settled, crate::Error> {
        self.injected.clear();
        for ([p, n], current) in self.outputs.iter().zip(currents) {
            self.injected.full[p.index()] += current;
            self.injected.full[n.index()] -= current;
        }
        let asked: Vec<ElementId> = self.followers.iter().map(|f| f.source).collect();
        self.second.settle(&self.first, op, &self.injected, &asked)
    }

    /// What goes into the `before` outputs of the stage before, A: the currents that the shorted voltage sources
    /// carry, and the voltages (V) across the open current sources, times the gains of the buffers.
    pub fn pass_back(&self, settled: &Settled, before: usize) -> Vec<f64> {
        let mut currents = vec![0.0; before];
        for (follower, carried) in self.followers.iter().zip(&settled.currents) {
            let element = self.first.circuit.element(follower.source);
            let [p, n] = element.port;
            let derivative = match element.device {
                Device::CurrentSource { .. } => -settled.op.voltage(p, n),
                _ => *carried,
            };
            currents[follower.from] += follower.gain * derivative;
        }
        currents
    }
}
