//! The circuit on the bench: sources that carry samples, nudges at the outputs, counted settlings.

use crate::analysis::{OperatingPoint, Output, Solver};
use crate::batch::Drive;
use crate::circuit::{ElementId, NodeId, ParameterId};
use crate::learning::data::Dataset;
use crate::learning::{Loss, TrainedParameters, Trainer};

use super::versions::{apply_drives, set_source, with_nudges};
use super::{Estimator, EstimatorError, Inapplicable, Settings, Weights};

/// A circuit with everything that estimators do to it.
#[derive(Debug)]
pub struct Bench {
    /// The circuit with one current source (p to n, 0 A when free) at each output that is a voltage.
    pub(super) solver: Solver,
    pub(super) outputs: Vec<Output>,
    pub(super) loss: Loss,
    pub(super) data: Dataset,
    pub(super) parameters: TrainedParameters,
    pub(super) weights: Result<Weights, Inapplicable>,
    groups: Vec<(String, std::ops::Range<usize>)>,
    drives: Vec<(ElementId, Drive)>,
    nudges: Vec<ElementId>,
    unit: f64,
    pub(super) cost: Cost,
}

/// What an estimate took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Settlings of the nonlinear circuit.
    pub operating_points: usize,
    /// Solves of a linearized circuit.
    pub linear: usize,
}

/// A gradient of the mean loss.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// To each coordinate that the optimizer moves: per unit of the group's typical value, or per e-fold
    /// where the logarithm trains. Without unit.
    pub gradient: Vec<f64>,
    pub cost: Cost,
}

impl Bench {
    /// Takes circuit, ports, loss, parameters and training samples of a trainer, with the values in force.
    ///
    /// # Errors
    /// [`EstimatorError::Compile`] if the circuit cannot be compiled.
    pub fn new(trainer: &mut Trainer) -> Result<Self, EstimatorError> {
        let original = trainer.circuit().clone();
        let engine = &trainer.engine;
        let sources = engine.outline.source_elements();
        let drives = engine.ports.source_drives().into_iter();
        let drives = drives.map(|(k, drive)| (sources[k], drive)).collect();
        let outputs = engine.ports.outputs.clone();
        let weights = Weights::of(&original).map_err(Inapplicable::from);
        let (circuit, nudges) = with_nudges(&original, &outputs)?;
        let solver = Solver::new(circuit).map_err(|error| EstimatorError::Compile {
            estimator: Estimator::Adjoint,
            error,
        })?;
        let unit = solver.values.typical_conductance();
        let names = trainer.config.parameters.iter().map(|g| g.elements.clone());
        Ok(Self {
            groups: names.zip(trainer.parameters.group_ranges()).collect(),
            loss: engine.loss,
            data: trainer.train.clone(),
            parameters: trainer.parameters.clone(),
            cost: Cost::default(),
            solver,
            outputs,
            weights,
            drives,
            nudges,
            unit,
        })
    }

    /// Takes the values of the same parameters as they are now.
    pub fn take(&mut self, parameters: &TrainedParameters) {
        self.parameters.theta.copy_from_slice(&parameters.theta);
        self.parameters.write(&mut self.solver.circuit);
        self.solver
            .values
            .update(&self.solver.system, &self.solver.circuit);
    }

    /// Name and coordinates of each group of trained parameters.
    pub fn groups(&self) -> &[(String, std::ops::Range<usize>)] {
        &self.groups
    }

    /// Number of training samples.
    pub fn samples(&self) -> usize {
        self.data.len()
    }

    /// Conductance that a nudge of beta = 1 stands for, S.
    pub fn unit(&self) -> f64 {
        self.unit
    }

    /// Factor on the drop rule of each trained parameter, for the amplifiers between it and the outputs:
    /// `A^(2k)`.
    ///
    /// # Errors
    /// Why there are no such factors.
    pub fn factors(&self) -> Result<Vec<f64>, Inapplicable> {
        let weights = self.weights.as_ref().map_err(Clone::clone)?;
        let circuit = &self.solver.circuit;
        let mut reference: Option<f64> = None;
        for &output in &self.outputs {
            let Output::Voltage { p, n } = output else {
                let output = output.name(circuit).to_string();
                return Err(Inapplicable::CurrentOutput { output });
            };
            for weight in [p, n].into_iter().filter_map(|node| weights.of_node(node)) {
                // The same amplifiers in another order differ in the last digits.
                let first = *reference.get_or_insert(weight);
                if (first - weight).abs() > 1e-9 * f64::abs(first) {
                    return Err(Inapplicable::UnequalOutputs);
                }
            }
        }
        let reference = reference.unwrap_or(1.0);
        let factor = |id: ParameterId| {
            let port = circuit.element(id.element).port;
            let weight = port.into_iter().find_map(|node| weights.of_node(node));
            weight.unwrap_or(1.0) / reference
        };
        Ok(self.parameters.ids().map(factor).collect())
    }

    /// The gradient of the mean loss of the training samples at `samples`.
    ///
    /// # Errors
    /// [`EstimatorError::Inapplicable`] says which assumption of the estimator does not hold; otherwise
    /// the first sample that fails.
    pub fn estimate(
        &mut self,
        estimator: Estimator,
        settings: &Settings,
        samples: &[usize],
    ) -> Result<Estimate, EstimatorError> {
        settings.check()?;
        self.cost = Cost::default();
        self.solver
            .workspace
            .restart(&self.solver.system, &self.solver.values);
        let mut gradient = vec![0.0; self.parameters.len()];
        let wrap = |reason| EstimatorError::Inapplicable { estimator, reason };
        match estimator {
            Estimator::Adjoint => self.adjoint(samples, &mut gradient)?,
            Estimator::AdjointMeasured => self.measured(settings, samples, &mut gradient)?,
            Estimator::Forward => self.forward(samples, &mut gradient)?,
            Estimator::Differences => self.differences(settings.beta, samples, &mut gradient)?,
            _ => {
                let factors = self.factors().map_err(wrap)?;
                self.check_local(factors.iter().all(|f| *f == 1.0))
                    .map_err(wrap)?;
                match estimator {
                    Estimator::EqPropConductance => {
                        self.conductance(settings.beta, samples, &mut gradient)?;
                    }
                    Estimator::Coupled => self.coupled(settings.beta, samples, &mut gradient)?,
                    _ => self.nudged(estimator, settings, samples, &mut gradient)?,
                }
                gradient.iter_mut().zip(factors).for_each(|(g, f)| *g *= f);
            }
        }
        let count = samples.len().max(1) as f64;
        gradient.iter_mut().for_each(|g| *g /= count);
        self.parameters
            .chain_rule(&self.solver.circuit, &mut gradient);
        Ok(Estimate {
            gradient,
            cost: self.cost,
        })
    }

    /// Settles the circuit with a sample on its sources and `nudge` (A, p to n) at the outputs.
    pub(super) fn settle(
        &mut self,
        sample: usize,
        nudge: &[f64],
        estimator: Estimator,
    ) -> Result<OperatingPoint, EstimatorError> {
        let drives = &self.drives;
        let input = self.data.input(sample);
        apply_drives(&mut self.solver, drives, input);
        for (k, &element) in self.nudges.iter().enumerate() {
            let current = nudge.get(k).copied().unwrap_or(0.0);
            set_source(&mut self.solver, element, current);
        }
        self.solver.workspace.apply_ties(&self.solver.system);
        self.cost.operating_points += 1;
        self.solver
            .operating_point_from_anywhere()
            .map_err(|error| EstimatorError::Solve {
                sample,
                estimator,
                error,
            })
    }

    /// Settles another version of the circuit, which has the same sources for samples.
    pub(super) fn settle_other(
        &mut self,
        other: &mut Solver,
        own: &[(ElementId, f64)],
        (sample, estimator): (usize, Estimator),
    ) -> Result<OperatingPoint, EstimatorError> {
        apply_drives(other, &self.drives, self.data.input(sample));
        own.iter()
            .for_each(|&(id, value)| set_source(other, id, value));
        other.workspace.apply_ties(&other.system);
        self.cost.operating_points += 1;
        other
            .operating_point_from_anywhere()
            .map_err(|error| EstimatorError::Solve {
                sample,
                estimator,
                error,
            })
    }

    /// Outputs (V or A) at an operating point, and the derivative of the loss to each.
    pub(super) fn slope(&self, op: &OperatingPoint, sample: usize) -> (Vec<f64>, Vec<f64>, f64) {
        let outputs = self.outputs.iter();
        let outputs: Vec<f64> = outputs.map(|o| o.value(&self.solver.circuit, op)).collect();
        let mut slope = vec![0.0; outputs.len()];
        let targets = &self.data.targets;
        let loss = self.loss.evaluate(&outputs, targets, sample, &mut slope);
        (outputs, slope, loss.loss)
    }

    /// Terminals of the outputs that are voltages.
    pub(super) fn output_pairs(&self) -> Vec<[NodeId; 2]> {
        let pairs = self.outputs.iter().filter_map(|output| match *output {
            Output::Voltage { p, n } => Some([p, n]),
            Output::Current { .. } => None,
        });
        pairs.collect()
    }
}
