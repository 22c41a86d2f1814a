//! Stage by stage, forwards.

use crate::analysis::{OperatingPoint, Solver};
use crate::circuit::{Circuit, NodeId, ParameterId};

use super::stage::source_parameter;
use super::{CascadeError, Drive, Readout, Stage};

/// Compiled stages. Values of elements and gains may change between evaluations
/// ([`Cascade::set`]); who drives whom may not.
#[derive(Debug)]
pub struct Cascade {
    pub(super) inputs: usize,
    pub(super) stages: Vec<Compiled>,
    pub(super) readouts: Vec<Readout>,
    /// Of the last evaluation, unless something has changed since.
    pub(super) last: Option<Evaluation>,
}

#[derive(Debug)]
pub(super) struct Compiled {
    pub solver: Solver,
    pub drives: Vec<Drive>,
    pub outputs: Vec<[NodeId; 2]>,
}

impl Compiled {
    /// The value that a drive sets.
    pub fn driven(&self, drive: &Drive) -> Option<ParameterId> {
        let element = drive.source;
        let parameter = source_parameter(&self.solver.circuit.element(element).device)?;
        Some(ParameterId { element, parameter })
    }
}

/// Where a cascade settles.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// V, one for each readout.
    pub outputs: Vec<f64>,
    /// V: the inputs of the cascade, then the outputs of each stage.
    pub signals: Vec<Vec<f64>>,
    /// One for each stage.
    pub operating_points: Vec<OperatingPoint>,
}

impl Cascade {
    /// Checks and compiles the stages; the first is driven by `inputs` numbers (V).
    ///
    /// # Errors
    /// [`CascadeError::NoStages`], [`CascadeError::NoSuchOutput`], [`CascadeError::Gain`],
    /// [`CascadeError::Compile`].
    pub fn new(
        inputs: usize,
        stages: Vec<Stage>,
        readouts: Vec<Readout>,
    ) -> Result<Self, CascadeError> {
        if stages.is_empty() {
            return Err(CascadeError::NoStages);
        }
        let (mut available, mut compiled) = (inputs, Vec::with_capacity(stages.len()));
        for (k, stage) in stages.into_iter().enumerate() {
            for drive in &stage.drives {
                let reader = || format!("stage {}", k + 1);
                check_link(reader, (drive.from, drive.gain), k, available)?;
            }
            available = stage.outputs.len();
            let solver = Solver::new(stage.circuit).map_err(|error| CascadeError::Compile {
                stage: k + 1,
                error: Box::new(error),
            })?;
            compiled.push(Compiled {
                solver,
                drives: stage.drives,
                outputs: stage.outputs,
            });
        }
        for (k, readout) in readouts.iter().enumerate() {
            let reader = || format!("readout {k}");
            check_link(
                reader,
                (readout.from, readout.gain),
                compiled.len(),
                available,
            )?;
        }
        Ok(Self {
            inputs,
            stages: compiled,
            readouts,
            last: None,
        })
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.readouts.len()
    }

    /// The circuits as they stand.
    pub fn circuits(&self) -> impl ExactSizeIterator<Item = &Circuit> {
        self.stages.iter().map(|stage| &stage.solver.circuit)
    }

    /// Solves the stages one after the other for inputs x (V). Each starts from where it settled last,
    /// and from a cold start if that leads nowhere: results of circuits with one operating point differ by
    /// rounding at most, whatever was solved before.
    ///
    /// # Errors
    /// [`CascadeError::Count`], [`CascadeError::NotFinite`], [`CascadeError::Solve`].
    pub fn evaluate(&mut self, x: &[f64]) -> Result<Evaluation, CascadeError> {
        check_numbers("inputs", "input", x, self.inputs)?;
        self.last = None;
        let mut signals = vec![x.to_vec()];
        let mut operating_points = Vec::with_capacity(self.stages.len());
        let mut before = x.to_vec();
        for (k, stage) in self.stages.iter_mut().enumerate() {
            let op = stage.settle(k, &before)?;
            before = stage
                .outputs
                .iter()
                .map(|[p, n]| op.voltage(*p, *n))
                .collect();
            signals.push(before.clone());
            operating_points.push(op);
        }
        let read = |readout: &Readout| readout.gain * before[readout.from];
        let evaluation = Evaluation {
            outputs: self.readouts.iter().map(read).collect(),
            signals,
            operating_points,
        };
        self.last = Some(evaluation.clone());
        Ok(evaluation)
    }
}

impl Compiled {
    fn settle(&mut self, k: usize, before: &[f64]) -> Result<OperatingPoint, CascadeError> {
        for j in 0..self.drives.len() {
            let drive = self.drives[j];
            let value = drive.gain * before[drive.from];
            let is_set = self
                .driven(&drive)
                .is_some_and(|id| self.solver.circuit.set(id, value));
            if !is_set {
                return Err(CascadeError::NotFinite {
                    what: "the value of drive",
                    index: j,
                    value,
                });
            }
        }
        let taken = self.solver.take_values();
        taken.map_err(|error| CascadeError::Compile {
            stage: k + 1,
            error: Box::new(error),
        })?;
        let solved = self.solver.operating_point_from_anywhere();
        solved.map_err(|error| CascadeError::Solve {
            stage: k + 1,
            error: Box::new(error),
        })
    }
}

/// `stage` is the number of stages before the reader.
fn check_link(
    reader: impl Fn() -> String,
    (from, gain): (usize, f64),
    stage: usize,
    available: usize,
) -> Result<(), CascadeError> {
    if from >= available {
        return Err(CascadeError::NoSuchOutput {
            reader: reader(),
            from,
            source_of: match stage {
                0 => "the inputs".to_string(),
                _ => format!("stage {stage}"),
            },
            available,
        });
    }
    if !gain.is_finite() {
        let place = reader();
        return Err(CascadeError::Gain { place, gain });
    }
    Ok(())
}

/// As many finite numbers as expected.
pub(super) fn check_numbers(
    plural: &'static str,
    singular: &'static str,
    numbers: &[f64],
    expected: usize,
) -> Result<(), CascadeError> {
    if numbers.len() != expected {
        return Err(CascadeError::Count {
            what: plural,
            found: numbers.len(),
            expected,
        });
    }
    match numbers.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(CascadeError::NotFinite {
            what: singular,
            index,
            value: numbers[index],
        }),
        None => Ok(()),
    }
}
