//! Losses and gradients of many samples through one circuit, spread over threads.
//!
//! Whole batches go to the [batch engine](crate::batch) where the circuit suits it; the samples of
//! other circuits, and those that it is not certain of, go to the general solver one by one.
//!
//! There samples are taken in blocks of a fixed size. A block starts cold and goes on warm, one worker
//! takes one block, and blocks are summed in order: the bits do not depend on the number of threads.

use std::sync::Arc;

use rayon::prelude::*;

use crate::adjoint::{Adjoint, AdjointError, Cotangent, derivative};
use crate::analysis::{Output, SolveError, describe};
use crate::batch::{Accuracy, Nudge, Unsuited};
use crate::circuit::Circuit;
use crate::estimators::EstimatorError;
use crate::mna::{BranchCurrents, Outline, System, Values, Workspace, typical};
use crate::newton::{self, NewtonOptions};
use crate::parallel::{Ranks, shares};

use super::batches::Batches;
use super::config::OptimizerConfig;
use super::data::{Dataset, Targets};
use super::gather::{agree, gather_workers};
use super::loss::{Loss, SampleLoss};
use super::optimizer::Optimizer;
use super::parameters::TrainedParameters;
use super::ports::Ports;

/// Samples that one worker solves one after the other.
pub(super) const BLOCK: usize = 16;

/// Samples of one batch where nothing is trained.
const EVALUATED_AT_ONCE: std::ops::RangeInclusive<usize> = 64..=1024;

/// A compiled circuit with its ports and a loss.
#[derive(Debug)]
pub struct Engine {
    pub circuit: Circuit,
    pub outline: Outline,
    pub ports: Ports,
    pub loss: Loss,
    options: NewtonOptions,
    general: Option<General>,
    workers: Vec<Worker>,
    evaluated_at_once: usize,
    batches: Result<Batches, Unsuited>,
    /// The values of the circuit are those before the last steps of the batch engine.
    is_stale: bool,
    /// The processes that share the samples.
    ranks: Option<Arc<dyn Ranks>>,
    /// Ranks have moved parameters that the others do not know.
    is_apart: bool,
}

/// The circuit compiled for the general solver, once a sample needs it.
#[derive(Debug)]
struct General {
    system: System,
    values: Values,
}

impl General {
    fn new(circuit: &Circuit) -> Self {
        let system = System::put_off(circuit);
        let values = Values::new(&system, circuit);
        Self { system, values }
    }
}

/// A sample whose operating point or gradient could not be found.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    #[error("sample {sample}: {error}")]
    Solve { sample: usize, error: SolveError },
    #[error("sample {sample}: {error}")]
    Adjoint { sample: usize, error: AdjointError },
    #[error(transparent)]
    Estimator(#[from] Box<EstimatorError>),
    /// The rank says why.
    #[error("a sample failed on rank {rank}")]
    Elsewhere { rank: usize },
}

impl From<EstimatorError> for SampleError {
    fn from(error: EstimatorError) -> Self {
        Self::Estimator(Box::new(error))
    }
}

/// Averages over a set of samples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluation {
    pub samples: usize,
    /// Mean loss.
    pub loss: f64,
    /// Part of the samples whose class is right; for classes only.
    pub accuracy: f64,
    /// The targets are classes.
    pub predicted_classes: bool,
    /// Linear solves of Newton in all.
    pub iterations: usize,
    /// Predicted class of each sample, where there are classes.
    pub predicted: Vec<Option<usize>>,
    /// Outputs of each sample (V or A): samples x outputs.
    pub outputs: Vec<f64>,
}

/// State and sums of one thread's block.
#[derive(Debug)]
pub(super) struct Worker {
    workspace: Workspace,
    adjoint: Adjoint,
    cotangent: Cotangent,
    ties: BranchCurrents,
    pub(super) outputs: Vec<f64>,
    derivative: Vec<f64>,
    pub(super) gradient: Vec<f64>,
    pub(super) evaluation: Evaluation,
}

/// What the workers share.
struct Shared<'a> {
    circuit: &'a Circuit,
    system: &'a System,
    values: &'a Values,
    ports: &'a Ports,
    loss: &'a Loss,
    options: &'a NewtonOptions,
    data: &'a Dataset,
}

impl Engine {
    /// Compiles for batches too, if the circuit suits them; the batch engine has the values of
    /// `parameters`.
    pub fn new(
        circuit: Circuit,
        outline: Outline,
        ports: Ports,
        loss: Loss,
        (parameters, accuracy): (&TrainedParameters, Accuracy),
    ) -> Self {
        let batches = Batches::new(&circuit, &outline, &ports, parameters, accuracy);
        // Millions of solutions need no last digit; their gradients are refined all the same. Beside
        // a batch engine the general solver gets the hard samples only.
        let options = NewtonOptions {
            refine: batches.is_ok(),
            ..NewtonOptions::default()
        };
        Self {
            circuit,
            outline,
            ports,
            loss,
            options,
            general: None,
            workers: Vec::new(),
            evaluated_at_once: *EVALUATED_AT_ONCE.end(),
            batches,
            is_stale: false,
            ranks: None,
            is_apart: false,
        }
    }

    /// Shares all samples from here on with other processes, which call the same functions in the same
    /// order; none for a single process again.
    pub(super) fn spread(
        &mut self,
        ranks: Option<Arc<dyn Ranks>>,
        parameters: &mut TrainedParameters,
    ) {
        self.gather(parameters);
        if let Ok(batches) = &mut self.batches {
            batches.spread(ranks.clone(), parameters);
        }
        self.ranks = ranks;
    }

    /// Makes the parameters the same on all ranks.
    fn gather(&mut self, parameters: &mut TrainedParameters) {
        if let (true, Ok(batches)) = (std::mem::replace(&mut self.is_apart, false), &self.batches) {
            batches.gather(&mut parameters.theta, true);
        }
    }

    /// Brings what ranks know alone to the first one: parameters and what the optimizer remembers.
    pub(super) fn gather_to_first(&self, numbers: [&mut [f64]; 3]) {
        if let Ok(batches) = &self.batches {
            for numbers in numbers {
                batches.gather(numbers, false);
            }
        }
    }

    /// How batches are solved, or why they are not.
    pub fn method(&self) -> String {
        match &self.batches {
            Ok(batches) => batches.method(),
            Err(unsuited) => {
                let reason = unsuited.describe(&self.circuit);
                format!("one sample after the other, for {reason}")
            }
        }
    }

    /// The batch engine, if the circuit suits it.
    pub fn batches(&mut self) -> Option<&mut Batches> {
        self.batches.as_mut().ok()
    }

    /// Evaluates samples in batches of about this size, so that these take no more memory than
    /// training.
    pub fn evaluate_in_batches_of(&mut self, size: usize) {
        let (least, most) = EVALUATED_AT_ONCE.into_inner();
        self.evaluated_at_once = size.clamp(least, most);
    }

    /// Sends every sample to the general solver, which refines each solution to the last digit.
    pub fn solve_one_by_one(&mut self) {
        self.options.refine = true;
        self.batches = Err(Unsuited::ByRequest);
    }

    /// Takes the values of `parameters` into the next evaluation.
    pub fn set_parameters(&mut self, parameters: &mut TrainedParameters) {
        match &mut self.batches {
            Ok(batches) => {
                batches.take(parameters);
                self.is_stale = true;
            }
            Err(_) => self.write(parameters),
        }
    }

    /// Gives the circuit the values of `parameters`.
    pub fn update_circuit(&mut self, parameters: &mut TrainedParameters) {
        self.gather(parameters);
        if std::mem::replace(&mut self.is_stale, false) {
            self.write(parameters);
        }
    }

    fn write(&mut self, parameters: &mut TrainedParameters) {
        parameters.write(&mut self.circuit);
        if let Some(General { system, values }) = &mut self.general {
            values.update(system, &self.circuit);
        }
    }

    /// Geometric mean of the conductances of the circuit's resistors, S.
    pub fn typical_conductance(&self) -> f64 {
        typical(self.outline.conductances(&self.circuit).into_iter())
    }

    /// Mean loss and accuracy of all samples of a data set.
    ///
    /// # Errors
    /// The first sample, in order, that fails.
    pub fn evaluate(
        &mut self,
        data: &Dataset,
        parameters: &mut TrainedParameters,
    ) -> Result<Evaluation, SampleError> {
        let indices: Vec<usize> = (0..data.len()).collect();
        let mut total = Evaluation::default();
        for indices in indices.chunks(self.evaluated_at_once) {
            self.samples(data, indices, (parameters, None), &mut total)?;
        }
        total.divide();
        Ok(total)
    }

    /// Mean loss of the samples at `indices`, and the mean of its derivatives to the deck's
    /// parameters, written to `gradient`.
    ///
    /// # Errors
    /// The first sample, in order, that fails.
    pub fn gradient(
        &mut self,
        data: &Dataset,
        indices: &[usize],
        parameters: &mut TrainedParameters,
        gradient: &mut [f64],
    ) -> Result<Evaluation, SampleError> {
        let mut evaluation = Evaluation::default();
        let mut alone = Vec::new();
        self.samples(
            data,
            indices,
            (parameters, Some(&mut alone)),
            &mut evaluation,
        )?;
        alone.resize(gradient.len(), 0.0);
        gradient.copy_from_slice(&alone);
        if let Ok(batches) = &mut self.batches {
            batches.complete();
            let mut own = vec![0.0; gradient.len()];
            batches.derivatives(0, 1.0, &mut own);
            for (k, (sum, own)) in gradient.iter_mut().zip(own).enumerate() {
                *sum += own * parameters.slope_of_quantity(k);
            }
        }
        let count = indices.len().max(1) as f64;
        gradient.iter_mut().for_each(|g| *g /= count);
        evaluation.divide();
        Ok(evaluation)
    }

    /// One step of the optimizer against the gradient of the mean loss at `indices`. Sums are added
    /// to `evaluation`.
    ///
    /// # Errors
    /// The first sample, in order, that fails; nothing has changed then.
    pub fn step(
        &mut self,
        data: &Dataset,
        indices: &[usize],
        parameters: &mut TrainedParameters,
        (optimizer, config, gradient): (&mut Optimizer, &OptimizerConfig, &mut Vec<f64>),
        evaluation: &mut Evaluation,
    ) -> Result<(), SampleError> {
        let alone = self.samples(data, indices, (parameters, Some(gradient)), evaluation)?;
        let count = indices.len().max(1) as f64;
        match &mut self.batches {
            Ok(batches) => {
                let rest = (alone > 0).then_some(gradient.as_slice());
                batches.step(parameters, (optimizer, config), rest, count);
                self.is_stale = true;
                self.is_apart = self.ranks.is_some();
            }
            Err(_) => {
                gradient.iter_mut().for_each(|g| *g /= count);
                parameters.chain_rule(&self.circuit, gradient);
                self.step_along(gradient, parameters, (optimizer, config));
            }
        }
        Ok(())
    }

    /// One step of the optimizer against a `gradient` to the coordinates.
    pub(super) fn step_along(
        &mut self,
        gradient: &[f64],
        parameters: &mut TrainedParameters,
        (optimizer, config): (&mut Optimizer, &OptimizerConfig),
    ) {
        let mut theta = std::mem::take(&mut parameters.theta);
        let rates = parameters.rates().map(|r| r * config.rate);
        optimizer.step(config, rates, &mut theta, gradient);
        parameters.theta = theta;
        self.set_parameters(parameters);
    }

    /// Adds losses of samples to `evaluation`.
    ///
    /// # Errors
    /// The first sample, in order, that fails.
    pub(super) fn look(
        &mut self,
        data: &Dataset,
        indices: &[usize],
        parameters: &mut TrainedParameters,
        evaluation: &mut Evaluation,
    ) -> Result<(), SampleError> {
        self.samples(data, indices, (parameters, None), evaluation)
            .map(drop)
    }

    /// How the batch engine finds the next gradients.
    pub(super) fn set_nudge(&mut self, nudge: Option<Nudge>) {
        if let Ok(batches) = &mut self.batches {
            // Whether the circuit allows it was found out with the first.
            let _ = batches.set_nudge(nudge);
        }
    }

    /// Evaluates samples; where there is a `gradient`, the batch engine has their derivatives then,
    /// and those of samples that went to the general solver are written there. Returns how many did.
    fn samples(
        &mut self,
        data: &Dataset,
        indices: &[usize],
        (parameters, gradient): (&mut TrainedParameters, Option<&mut Vec<f64>>),
        total: &mut Evaluation,
    ) -> Result<usize, SampleError> {
        let Ok(batches) = &mut self.batches else {
            let parameters = gradient.is_some().then_some(&*parameters);
            let evaluation = self.run(data, indices, parameters)?;
            self.add_gradients(indices.len(), gradient);
            total.append(&evaluation);
            return Ok(indices.len());
        };
        let first = total.samples;
        let uncertain = batches.run(data, indices, &self.loss, gradient.is_some(), total);
        if uncertain.is_empty() {
            return Ok(0);
        }
        let alone: Vec<usize> = uncertain.iter().map(|&k| indices[k]).collect();
        self.update_circuit(parameters);
        let parameters = gradient.is_some().then_some(&*parameters);
        let evaluation = self.run(data, &alone, parameters)?;
        self.add_gradients(alone.len(), gradient);
        total.replace(&evaluation, uncertain.iter().map(|&k| first + k));
        Ok(alone.len())
    }

    /// Sums of the derivatives to the deck's parameters over the blocks of the last run, in order.
    fn add_gradients(&self, samples: usize, gradient: Option<&mut Vec<f64>>) {
        let Some(gradient) = gradient else {
            return;
        };
        gradient.clear();
        gradient.resize(self.workers.first().map_or(0, |w| w.gradient.len()), 0.0);
        for worker in &self.workers[..samples.div_ceil(BLOCK)] {
            for (sum, g) in gradient.iter_mut().zip(&worker.gradient) {
                *sum += g;
            }
        }
    }

    fn run(
        &mut self,
        data: &Dataset,
        indices: &[usize],
        parameters: Option<&TrainedParameters>,
    ) -> Result<Evaluation, SampleError> {
        let blocks = indices.len().div_ceil(BLOCK);
        let Self {
            circuit,
            ports,
            loss,
            options,
            general,
            workers,
            ..
        } = self;
        let General { system, values } = general.get_or_insert_with(|| General::new(circuit));
        while workers.len() < blocks {
            workers.push(Worker::new(system, values, ports.outputs.len()));
        }
        let shared = Shared {
            circuit,
            system,
            values,
            ports,
            loss,
            options,
            data,
        };
        let of_ranks = self
            .ranks
            .as_ref()
            .map(|ranks| shares(blocks, 1, ranks.size()));
        let me = self.ranks.as_ref().map_or(0, |ranks| ranks.rank());
        let own = of_ranks.as_ref().map_or(0..blocks, |all| all[me].clone());
        let outcomes: Vec<Result<(), SampleError>> = workers[own.clone()]
            .par_iter_mut()
            .zip(indices.par_chunks(BLOCK).skip(own.start))
            .map(|(worker, block)| worker.run(&shared, block, parameters))
            .collect();
        let outcome = outcomes.into_iter().collect::<Result<(), _>>();
        match (&self.ranks, of_ranks) {
            (Some(ranks), Some(of_ranks)) => {
                agree(&**ranks, outcome)?;
                let workers = &mut self.workers[..blocks];
                gather_workers(&**ranks, &of_ranks, workers, indices.len());
            }
            _ => outcome?,
        }
        Ok(summarize(&self.workers[..blocks]))
    }
}

/// Sums over blocks; [`Evaluation::divide`] makes means of them.
fn summarize(workers: &[Worker]) -> Evaluation {
    let mut total = Evaluation::default();
    workers
        .iter()
        .for_each(|worker| total.append(&worker.evaluation));
    total
}

impl Evaluation {
    /// Back to nothing; the memory stays.
    pub(super) fn clear(&mut self) {
        let (mut predicted, mut outputs) = Default::default();
        std::mem::swap(&mut predicted, &mut self.predicted);
        std::mem::swap(&mut outputs, &mut self.outputs);
        predicted.clear();
        outputs.clear();
        *self = Self {
            predicted,
            outputs,
            ..Self::default()
        };
    }

    /// From sums to means.
    pub(crate) fn divide(&mut self) {
        let count = self.samples.max(1) as f64;
        self.loss /= count;
        self.accuracy /= count;
    }

    pub(crate) fn append(&mut self, other: &Evaluation) {
        self.samples += other.samples;
        self.loss += other.loss;
        self.accuracy += other.accuracy;
        self.iterations += other.iterations;
        self.predicted_classes |= other.predicted_classes;
        self.predicted.extend(&other.predicted);
        self.outputs.extend(&other.outputs);
    }

    /// Samples of each class of `data` (row) that were read as each class (column).
    pub fn confusion(&self, data: &Dataset) -> Vec<Vec<usize>> {
        let Targets::Classes { count, labels } = &data.targets else {
            return Vec::new();
        };
        let mut counts = vec![vec![0; *count]; *count];
        for (&label, predicted) in labels.iter().zip(&self.predicted) {
            let place = predicted.and_then(|class| counts[label].get_mut(class));
            place.into_iter().for_each(|n| *n += 1);
        }
        counts
    }

    /// Adds one sample to the sums.
    pub(crate) fn push(&mut self, sample: &SampleLoss) {
        self.samples += 1;
        self.loss += sample.loss;
        self.accuracy += f64::from(u8::from(sample.correct));
        self.predicted_classes |= sample.predicted.is_some();
        self.predicted.push(sample.predicted);
    }

    /// Puts samples that were solved alone to their `places`, where nothing is known yet.
    fn replace(&mut self, alone: &Evaluation, places: impl Iterator<Item = usize>) {
        let width = alone.outputs.len() / alone.samples.max(1);
        self.loss += alone.loss;
        self.accuracy += alone.accuracy;
        self.iterations += alone.iterations;
        self.predicted_classes |= alone.predicted_classes;
        for (k, place) in places.enumerate() {
            self.predicted[place] = alone.predicted[k];
            let outputs = &alone.outputs[k * width..(k + 1) * width];
            self.outputs[place * width..(place + 1) * width].copy_from_slice(outputs);
        }
    }
}

impl Worker {
    fn new(system: &System, values: &Values, outputs: usize) -> Self {
        Self {
            workspace: Workspace::new(system, values),
            adjoint: Adjoint::new(system),
            cotangent: Cotangent::new(system),
            ties: BranchCurrents::zero(system),
            outputs: vec![0.0; outputs],
            derivative: vec![0.0; outputs],
            gradient: Vec::new(),
            evaluation: Evaluation::default(),
        }
    }

    fn run(
        &mut self,
        shared: &Shared,
        block: &[usize],
        parameters: Option<&TrainedParameters>,
    ) -> Result<(), SampleError> {
        self.evaluation = Evaluation::default();
        self.gradient.clear();
        self.gradient
            .resize(parameters.map_or(0, TrainedParameters::len), 0.0);
        self.workspace
            .sources
            .copy_from_slice(&shared.values.sources);
        self.workspace.restart(shared.system, shared.values);
        for &sample in block {
            let loss = self.solve(shared, sample)?;
            self.evaluation.push(&loss);
            self.evaluation.outputs.extend(&self.outputs);
            if let Some(parameters) = parameters {
                self.differentiate(shared, parameters)
                    .map_err(|error| SampleError::Adjoint { sample, error })?;
            }
        }
        Ok(())
    }

    /// Operating point, outputs and loss of one sample.
    fn solve(&mut self, shared: &Shared, sample: usize) -> Result<SampleLoss, SampleError> {
        let Shared {
            circuit,
            system,
            values,
            ..
        } = shared;
        let ws = &mut self.workspace;
        shared.ports.apply(shared.data.input(sample), ws);
        ws.apply_ties(system);
        let convergence = newton::solve(system, values, ws, shared.options).map_err(|failure| {
            SampleError::Solve {
                sample,
                error: describe(circuit, system, failure),
            }
        })?;
        self.evaluation.iterations += convergence.iterations;
        for (value, output) in self.outputs.iter_mut().zip(&shared.ports.outputs) {
            *value = match *output {
                Output::Voltage { p, n } => ws.voltage(p, n),
                Output::Current { element } => {
                    self.ties.recover(system, &ws.residual);
                    system.current(circuit, values, ws, &self.ties, element)
                }
            };
        }
        let targets = &shared.data.targets;
        Ok(shared
            .loss
            .evaluate(&self.outputs, targets, sample, &mut self.derivative))
    }

    /// Adds the gradient of the sample just solved.
    fn differentiate(
        &mut self,
        shared: &Shared,
        parameters: &TrainedParameters,
    ) -> Result<(), AdjointError> {
        let Shared {
            circuit,
            system,
            values,
            ..
        } = *shared;
        self.cotangent.clear();
        for (&output, &weight) in shared.ports.outputs.iter().zip(&self.derivative) {
            let ws = &self.workspace;
            self.cotangent
                .add_output(circuit, system, values, ws, output, weight);
        }
        self.adjoint
            .solve(system, values, &mut self.workspace, &self.cotangent)?;
        self.ties.recover(system, &self.workspace.residual);
        let lambda = (&self.adjoint, &self.cotangent, &self.ties);
        for (sum, id) in self.gradient.iter_mut().zip(parameters.ids()) {
            *sum += derivative(circuit, system, values, &self.workspace, lambda, id);
        }
        Ok(())
    }
}
