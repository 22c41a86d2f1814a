//! One set of boards, and the samples that are put on it one after the other.

use crate::analysis::OperatingPoint;
use crate::learning::data::{Dataset, SampleRandom};
use crate::learning::{BenchConfig, Evaluation, Loss};

use super::LaboratoryError;
use super::meter::Meter;
use super::stage::StageBench;
use super::wiring::{Site, Wiring};

/// The instruments of a bench.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Instruments {
    pub first: Meter,
    pub second: Meter,
    pub outputs: Meter,
    /// A for a derivative of 1/V.
    pub injection: f64,
}

impl Instruments {
    pub fn new(bench: &BenchConfig) -> Self {
        let meter = |range| Meter::new(bench.noise, bench.bits, range);
        Self {
            first: meter(bench.range),
            second: meter(bench.adjoint_range),
            outputs: meter(bench.output_range),
            injection: bench.injection,
        }
    }
}

/// What all workers share.
#[derive(Clone, Copy, Debug)]
pub struct Shared<'a> {
    pub wiring: &'a Wiring,
    pub loss: &'a Loss,
    pub data: &'a Dataset,
    pub instruments: &'a Instruments,
    /// Seed of what the readings of this batch add.
    pub seed: u64,
}

/// Copies of the same boards: workers differ in nothing but the samples they take.
#[derive(Debug)]
pub struct Worker {
    pub stages: Vec<StageBench>,
    /// Sums over samples of `dL/dtheta`, theta the trained quantity.
    pub gradient: Vec<f64>,
    pub evaluation: Evaluation,
}

impl Worker {
    /// # Errors
    /// [`LaboratoryError::Compile`]
    pub fn new(wiring: &Wiring, bench: &BenchConfig, seed: u64) -> Result<Self, LaboratoryError> {
        let stages = wiring.stages.iter().enumerate();
        let stages = stages.map(|(k, stage)| StageBench::new(stage, bench, seed, k));
        Ok(Self {
            stages: stages.collect::<Result<_, _>>()?,
            gradient: vec![0.0; wiring.sites.len()],
            evaluation: Evaluation::default(),
        })
    }

    /// Programs `values`, one for each trained parameter, in its deck's unit.
    ///
    /// # Errors
    /// [`LaboratoryError::Compile`]
    pub fn program(&mut self, sites: &[Site], values: &[f64]) -> Result<(), LaboratoryError> {
        for (k, stage) in self.stages.iter_mut().enumerate() {
            let own = sites.iter().zip(values.iter().copied());
            stage.program(own.filter(|(site, _)| site.stage == k))?;
        }
        Ok(())
    }

    /// Puts the samples at `indices` on the bench; steps 2 and 3 only if `differentiate`.
    ///
    /// # Errors
    /// The first sample that does not settle.
    pub fn run(
        &mut self,
        shared: &Shared,
        indices: &[usize],
        differentiate: bool,
    ) -> Result<(), LaboratoryError> {
        self.gradient.fill(0.0);
        self.evaluation = Evaluation::default();
        for &sample in indices {
            let mut random = SampleRandom::new(shared.seed, sample);
            let points = self.forward(shared, sample)?;
            let derivative = self.judge(shared, sample, &points, &mut random);
            if differentiate {
                self.backward(shared, sample, (&points, &derivative), &mut random)?;
            }
        }
        Ok(())
    }

    fn forward(
        &mut self,
        shared: &Shared,
        sample: usize,
    ) -> Result<Vec<OperatingPoint>, LaboratoryError> {
        let mut signals = shared.data.input(sample).to_vec();
        let mut points = Vec::with_capacity(self.stages.len());
        for (k, stage) in self.stages.iter_mut().enumerate() {
            let point = stage.forward(&signals);
            let point = point.map_err(|error| LaboratoryError::First {
                sample,
                stage: k + 1,
                error,
            })?;
            signals = stage.outputs(&point);
            points.push(point);
        }
        Ok(points)
    }

    /// Reads the outputs; gives the derivative of the loss to each, 1/V.
    fn judge(
        &mut self,
        shared: &Shared,
        sample: usize,
        points: &[OperatingPoint],
        random: &mut SampleRandom,
    ) -> Vec<f64> {
        let last = self.stages.iter().zip(points).next_back();
        let outputs = last.map_or(Vec::new(), |(stage, point)| stage.outputs(point));
        let read = |k: &usize| shared.instruments.outputs.read(outputs[*k], random);
        let read: Vec<f64> = shared.wiring.readouts.iter().map(read).collect();
        let mut derivative = vec![0.0; read.len()];
        let targets = &shared.data.targets;
        let judged = shared
            .loss
            .evaluate(&read, targets, sample, &mut derivative);
        self.evaluation.push(&judged);
        self.evaluation.outputs.extend(read);
        derivative
    }

    fn backward(
        &mut self,
        shared: &Shared,
        sample: usize,
        (points, derivative): (&[OperatingPoint], &[f64]),
        random: &mut SampleRandom,
    ) -> Result<(), LaboratoryError> {
        let Instruments {
            first,
            second,
            injection,
            ..
        } = shared.instruments;
        let outputs = |k: usize| shared.wiring.stages[k].outputs.len();
        let mut currents = vec![0.0; outputs(points.len() - 1)];
        for (&k, d) in shared.wiring.readouts.iter().zip(derivative) {
            currents[k] += injection * d;
        }
        // Each reading is a measurement of its own: where a rule reads twice, noise is drawn twice.
        for (k, point) in points.iter().enumerate().rev() {
            let stage = &mut self.stages[k];
            let settled = stage.backward(point, &currents);
            let settled = settled.map_err(|error| LaboratoryError::Second {
                sample,
                stage: k + 1,
                error: Box::new(error),
            })?;
            let sites = shared.wiring.sites.iter().zip(&mut self.gradient);
            for (site, sum) in sites.filter(|(site, _)| site.stage == k) {
                let reading = std::cell::RefCell::new(&mut *random);
                let read = |meter: &Meter, op: &OperatingPoint, [p, n]: [_; 2]| {
                    meter.read(op.voltage(p, n), &mut reading.borrow_mut())
                };
                *sum += site.rule.derivative(
                    |pair| read(first, point, pair),
                    |pair| read(second, &settled.op, pair),
                ) / injection;
            }
            if k > 0 {
                currents = stage.pass_back(&settled, outputs(k - 1));
            }
        }
        Ok(())
    }
}
