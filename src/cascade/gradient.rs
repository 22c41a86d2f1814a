//! Stage by stage, backwards.

use crate::analysis::Output;
use crate::circuit::ParameterId;

use super::solve::{Compiled, check_numbers};
use super::{Cascade, CascadeError, Evaluation};

/// A number of a cascade that its outputs depend on. Stages, drives and readouts count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CascadeParameter {
    /// An input, V.
    Input { input: usize },
    /// A parameter of an element that is not driven, in the deck's unit.
    Element { stage: usize, id: ParameterId },
    /// Gain of a drive, V/V or A/V.
    Gain { stage: usize, drive: usize },
    /// Gain of a readout, V/V.
    Readout { readout: usize },
}

/// Derivative of one number to one parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CascadeEntry {
    pub parameter: CascadeParameter,
    /// Value of the parameter, in its unit.
    pub value: f64,
    /// Derivative per that unit.
    pub gradient: f64,
}

/// Derivatives to inputs, then stage by stage to elements and gains, then to readouts.
#[derive(Clone, Debug, PartialEq)]
pub struct CascadeGradient {
    pub entries: Vec<CascadeEntry>,
}

impl Cascade {
    /// Every parameter, in the order of [`CascadeGradient`].
    pub fn parameters(&self) -> Vec<CascadeParameter> {
        let inputs = (0..self.inputs).map(|input| CascadeParameter::Input { input });
        let of_stage = |(stage, compiled): (usize, &Compiled)| {
            let elements = compiled.free_parameters();
            let elements = elements.into_iter();
            let elements = elements.map(move |id| CascadeParameter::Element { stage, id });
            let drives = 0..compiled.drives.len();
            let gains = drives.map(move |drive| CascadeParameter::Gain { stage, drive });
            elements.chain(gains)
        };
        let stages = self.stages.iter().enumerate().flat_map(of_stage);
        let readouts = 0..self.readouts.len();
        let readouts = readouts.map(|readout| CascadeParameter::Readout { readout });
        inputs.chain(stages).chain(readouts).collect()
    }

    /// The value of a parameter in its unit; that of an input is the one of the last evaluation.
    pub fn value(&self, parameter: CascadeParameter) -> Option<f64> {
        match parameter {
            CascadeParameter::Input { input } => {
                let last = self.last.as_ref()?;
                last.signals.first()?.get(input).copied()
            }
            CascadeParameter::Element { stage, id } => {
                let circuit = &self.stages.get(stage)?.solver.circuit;
                (id.element.index() < circuit.element_count()).then(|| circuit.value(id))?
            }
            CascadeParameter::Gain { stage, drive } => {
                Some(self.stages.get(stage)?.drives.get(drive)?.gain)
            }
            CascadeParameter::Readout { readout } => Some(self.readouts.get(readout)?.gain),
        }
    }

    /// Sets a parameter for the evaluations that follow; false if there is none such, if it cannot take
    /// the value, if its source is driven, or for an input, which an evaluation is given.
    #[must_use]
    pub fn set(&mut self, parameter: CascadeParameter, value: f64) -> bool {
        if !value.is_finite() {
            return false;
        }
        let is_set = match parameter {
            CascadeParameter::Input { .. } => false,
            CascadeParameter::Element { stage, id } => match self.stages.get_mut(stage) {
                Some(stage) => {
                    let is_driven = stage.drives.iter().any(|d| d.source == id.element);
                    let circuit = &mut stage.solver.circuit;
                    let is_there = id.element.index() < circuit.element_count();
                    is_there && !is_driven && circuit.set(id, value)
                }
                None => false,
            },
            CascadeParameter::Gain { stage, drive } => {
                let stage = self.stages.get_mut(stage);
                let slot = stage.and_then(|s| s.drives.get_mut(drive));
                slot.map(|drive| drive.gain = value).is_some()
            }
            CascadeParameter::Readout { readout } => {
                let slot = self.readouts.get_mut(readout);
                slot.map(|readout| readout.gain = value).is_some()
            }
        };
        if is_set {
            self.last = None;
        }
        is_set
    }

    /// Gradient of `sum weight * output` where the cascade was evaluated last, at the cost of one linear
    /// solve for each stage; `weights` holds one for each output (the derivative of a loss to it).
    ///
    /// # Errors
    /// [`CascadeError::NotEvaluated`] if it was not, or if a parameter was set since;
    /// [`CascadeError::Count`], [`CascadeError::NotFinite`], [`CascadeError::Adjoint`].
    pub fn gradient(&mut self, weights: &[f64]) -> Result<CascadeGradient, CascadeError> {
        check_numbers("weights of outputs", "weight", weights, self.readouts.len())?;
        // Taken out of the cascade while its stages are at work.
        let last = self.last.take().ok_or(CascadeError::NotEvaluated)?;
        let gradient = self.backward(&last, weights);
        self.last = Some(last);
        gradient
    }

    fn backward(
        &mut self,
        last: &Evaluation,
        weights: &[f64],
    ) -> Result<CascadeGradient, CascadeError> {
        let read = last.signals.last().map_or(&[][..], Vec::as_slice);
        let mut cotangent = vec![0.0; read.len()];
        let mut readouts = Vec::with_capacity(weights.len());
        for (k, (readout, weight)) in self.readouts.iter().zip(weights).enumerate() {
            cotangent[readout.from] += weight * readout.gain;
            readouts.push(CascadeEntry {
                parameter: CascadeParameter::Readout { readout: k },
                value: readout.gain,
                gradient: weight * read[readout.from],
            });
        }
        let mut of_stages = Vec::with_capacity(self.stages.len());
        for (k, stage) in self.stages.iter_mut().enumerate().rev() {
            let (entries, before) = stage.backward(k, last, &cotangent)?;
            of_stages.push(entries);
            cotangent = before;
        }
        let input = |(input, (&value, gradient)): (usize, (&f64, f64))| CascadeEntry {
            parameter: CascadeParameter::Input { input },
            value,
            gradient,
        };
        let inputs = last.signals[0].iter().zip(cotangent);
        let inputs = inputs.enumerate().map(input);
        let stages = of_stages.into_iter().rev().flatten();
        let entries: Vec<CascadeEntry> = inputs.chain(stages).chain(readouts).collect();
        match entries.iter().all(|e| e.gradient.is_finite()) {
            true => Ok(CascadeGradient { entries }),
            false => Err(CascadeError::Adjoint {
                stage: 1,
                error: crate::adjoint::AdjointError::OutOfRange,
            }),
        }
    }
}

impl Compiled {
    /// Parameters of elements that no drive sets.
    fn free_parameters(&self) -> Vec<ParameterId> {
        let is_driven = self.is_driven();
        let mut parameters = self.solver.circuit.parameters();
        parameters.retain(|id| !is_driven[id.element.index()]);
        parameters
    }

    fn is_driven(&self) -> Vec<bool> {
        let mut is_driven = vec![false; self.solver.circuit.element_count()];
        for drive in &self.drives {
            is_driven[drive.source.index()] = true;
        }
        is_driven
    }

    /// Entries of stage k, and the cotangent of what drives it.
    fn backward(
        &mut self,
        k: usize,
        last: &Evaluation,
        cotangent: &[f64],
    ) -> Result<(Vec<CascadeEntry>, Vec<f64>), CascadeError> {
        let fail = |error| CascadeError::Adjoint {
            stage: k + 1,
            error,
        };
        let pairs = self.outputs.iter().zip(cotangent);
        let seeds: Vec<(Output, f64)> = pairs
            .map(|(&[p, n], &weight)| (Output::Voltage { p, n }, weight))
            .collect();
        let op = &last.operating_points[k];
        self.solver.check_determined(op, &seeds).map_err(fail)?;
        let gradient = self.solver.gradient(&seeds).map_err(fail)?;
        let is_driven = self.is_driven();
        let mut to_source = vec![0.0; is_driven.len()];
        let mut entries = Vec::with_capacity(gradient.entries.len());
        for entry in gradient.entries {
            let id = entry.parameter;
            if is_driven[id.element.index()] {
                // An independent source has one parameter.
                to_source[id.element.index()] = entry.gradient;
                continue;
            }
            entries.push(CascadeEntry {
                parameter: CascadeParameter::Element { stage: k, id },
                value: entry.value,
                gradient: entry.gradient,
            });
        }
        let signals = &last.signals[k];
        let mut before = vec![0.0; signals.len()];
        for (j, drive) in self.drives.iter().enumerate() {
            let slope = to_source[drive.source.index()];
            before[drive.from] += drive.gain * slope;
            entries.push(CascadeEntry {
                parameter: CascadeParameter::Gain { stage: k, drive: j },
                value: drive.gain,
                gradient: slope * signals[drive.from],
            });
        }
        Ok((entries, before))
    }
}
