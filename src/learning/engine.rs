//! Losses and gradients of many samples through one circuit, spread over threads.
//!
//! Samples are taken in blocks of a fixed size. A block starts cold and goes on warm, one worker
//! takes one block, and blocks are summed in order: the bits do not depend on the number of threads.

use rayon::prelude::*;

use crate::adjoint::{Adjoint, AdjointError, Cotangent, derivative};
use crate::analysis::{Output, SolveError, describe};
use crate::circuit::Circuit;
use crate::mna::{BranchCurrents, System, Values, Workspace};
use crate::newton::{self, NewtonOptions};

use super::data::Dataset;
use super::loss::{Loss, SampleLoss};
use super::parameters::TrainedParameters;
use super::ports::Ports;

/// Samples that one worker solves one after the other.
const BLOCK: usize = 16;

/// A compiled circuit with its ports and a loss.
#[derive(Debug)]
pub struct Engine {
    pub circuit: Circuit,
    pub system: System,
    pub values: Values,
    pub ports: Ports,
    pub loss: Loss,
    options: NewtonOptions,
    workers: Vec<Worker>,
}

/// A sample whose operating point or gradient could not be found.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    #[error("sample {sample}: {error}")]
    Solve { sample: usize, error: SolveError },
    #[error("sample {sample}: {error}")]
    Adjoint { sample: usize, error: AdjointError },
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
struct Worker {
    workspace: Workspace,
    adjoint: Adjoint,
    cotangent: Cotangent,
    ties: BranchCurrents,
    outputs: Vec<f64>,
    derivative: Vec<f64>,
    gradient: Vec<f64>,
    evaluation: Evaluation,
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
    pub fn new(circuit: Circuit, system: System, ports: Ports, loss: Loss) -> Self {
        let values = Values::new(&system, &circuit);
        // Millions of solutions need no last digit; their gradients are refined all the same.
        let options = NewtonOptions {
            refine: false,
            ..NewtonOptions::default()
        };
        Self {
            circuit,
            system,
            values,
            ports,
            loss,
            options,
            workers: Vec::new(),
        }
    }

    /// Takes changed element values of [`Self::circuit`] into the next evaluation.
    pub fn refresh(&mut self) {
        self.values.update(&self.system, &self.circuit);
    }

    /// Mean loss and accuracy of all samples of a data set.
    ///
    /// # Errors
    /// The first sample, in order, that fails.
    pub fn evaluate(&mut self, data: &Dataset) -> Result<Evaluation, SampleError> {
        let indices: Vec<usize> = (0..data.len()).collect();
        self.run(data, &indices, None)
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
        parameters: &TrainedParameters,
        gradient: &mut [f64],
    ) -> Result<Evaluation, SampleError> {
        let evaluation = self.run(data, indices, Some(parameters))?;
        gradient.fill(0.0);
        for worker in &self.workers[..indices.len().div_ceil(BLOCK)] {
            for (sum, g) in gradient.iter_mut().zip(&worker.gradient) {
                *sum += g;
            }
        }
        let count = indices.len().max(1) as f64;
        gradient.iter_mut().for_each(|g| *g /= count);
        Ok(evaluation)
    }

    fn run(
        &mut self,
        data: &Dataset,
        indices: &[usize],
        parameters: Option<&TrainedParameters>,
    ) -> Result<Evaluation, SampleError> {
        let blocks = indices.len().div_ceil(BLOCK);
        while self.workers.len() < blocks {
            self.workers.push(Worker::new(
                &self.system,
                &self.values,
                self.ports.outputs.len(),
            ));
        }
        let Self {
            circuit,
            system,
            values,
            ports,
            loss,
            options,
            workers,
        } = self;
        let shared = Shared {
            circuit,
            system,
            values,
            ports,
            loss,
            options,
            data,
        };
        let outcomes: Vec<Result<(), SampleError>> = workers[..blocks]
            .par_iter_mut()
            .zip(indices.par_chunks(BLOCK))
            .map(|(worker, block)| worker.run(&shared, block, parameters))
            .collect();
        outcomes.into_iter().collect::<Result<(), _>>()?;
        Ok(summarize(&self.workers[..blocks]))
    }
}

fn summarize(workers: &[Worker]) -> Evaluation {
    let mut total = Evaluation::default();
    for worker in workers {
        let e = &worker.evaluation;
        total.samples += e.samples;
        total.loss += e.loss;
        total.accuracy += e.accuracy;
        total.iterations += e.iterations;
        total.predicted_classes |= e.predicted_classes;
        total.predicted.extend(&e.predicted);
        total.outputs.extend(&e.outputs);
    }
    let count = total.samples.max(1) as f64;
    total.loss /= count;
    total.accuracy /= count;
    total
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
            self.evaluation.samples += 1;
            self.evaluation.loss += loss.loss;
            self.evaluation.accuracy += f64::from(u8::from(loss.correct));
            self.evaluation.predicted_classes = loss.predicted.is_some();
            self.evaluation.predicted.push(loss.predicted);
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
