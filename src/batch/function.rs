//! A circuit as a function of sources and conductances: whole batches there and back.

use std::collections::HashMap;
use std::ops::Range;

use rayon::prelude::*;

use super::engine::BatchEngine;
use super::inputs::Drive;
use super::law::Law;
use super::sample::Sample;
use super::structure::{BatchSystem, Unsuited};
use crate::circuit::{Circuit, ElementId, NodeId};
use crate::device::Parameter;
use crate::mna::Outline;

/// Voltages of a circuit for rows of source values (V, A) and for the conductances of some of its
/// resistors (S), and the derivatives back from there.
#[derive(Debug)]
pub struct BatchFunction {
    engine: BatchEngine<f64>,
    /// Conductances of the engine that are arguments, one after the other.
    runs: Vec<Run>,
    inputs: usize,
    outputs: usize,
    /// Rows of the last batch that are certain.
    certain: Vec<Option<()>>,
    /// Batches so far.
    batch: u64,
}

/// Conductances whose derivatives one task finds.
const AT_ONCE: usize = 1 << 13;

/// Arguments that are neighbouring conductances of the engine.
#[derive(Clone, Debug)]
struct Run {
    arguments: Range<usize>,
    first: usize,
}

impl BatchFunction {
    /// Drives are independent sources with the input that each carries and its factor; outputs are voltages
    /// between two nodes.
    ///
    /// # Errors
    /// [`Unsuited`] if the general solver has to take the rows.
    pub fn new(
        circuit: &Circuit,
        drives: &[(ElementId, usize, f64)],
        outputs: &[[NodeId; 2]],
        resistors: &[ElementId],
    ) -> Result<Self, Unsuited> {
        let outline = Outline::of(circuit);
        let places: HashMap<_, _> = outline.source_elements().iter().zip(0usize..).collect();
        let drive = |&(element, input, coefficient): &(ElementId, usize, f64)| {
            let unsuited = Unsuited::Parameter(element, Parameter::Voltage);
            let drive = Drive {
                feature: Some(input as u32),
                coefficient,
                constant: 0.0,
            };
            Ok((*places.get(&element).ok_or(unsuited)?, drive))
        };
        let inputs = drives.iter().map(|drive| drive.1 + 1).max().unwrap_or(0);
        let drives: Vec<(usize, Drive)> = drives.iter().map(drive).collect::<Result<_, _>>()?;
        let compiled =
            BatchSystem::compile(&outline, &outline.source_values(circuit), inputs, &drives)?;
        let places = resistors.iter().map(|&id| {
            let unsuited = Unsuited::Parameter(id, Parameter::Resistance);
            outline.conductance_of(id).ok_or(unsuited)
        });
        let runs = find_runs(places)?;
        let pairs: Vec<_> = outputs
            .iter()
            .map(|pair| pair.map(|node| (node, 1.0)))
            .collect();
        let laws = outline.laws(circuit).map(Law::from).collect();
        let conductances = outline.conductances(circuit);
        Ok(Self {
            engine: BatchEngine::new(compiled, conductances, laws, &pairs, None),
            runs,
            inputs,
            outputs: outputs.len(),
            certain: Vec::new(),
            batch: 0,
        })
    }

    /// Whether the derivatives to the inputs are known: not where diodes meet them.
    pub fn has_input_derivatives(&self) -> bool {
        !self.engine.system.has_driven_diodes()
    }

    /// Outputs, rows x outputs (V), at `inputs`, rows x inputs. Returns the number of this batch; rows that
    /// are not certain, of which [`Self::is_certain`] tells, are for the general solver.
    pub fn forward(&mut self, inputs: &[f64], conductances: &[f64], outputs: &mut [f64]) -> u64 {
        for run in &self.runs {
            let own = &mut self.engine.conductances[run.first..][..run.arguments.len()];
            let given = conductances[run.arguments.clone()].par_chunks(AT_ONCE);
            let parts = own.par_chunks_mut(AT_ONCE).zip(given);
            parts.for_each(|(own, given)| own.copy_from_slice(given));
        }
        if !self.runs.is_empty() {
            self.engine.refresh();
        }
        let (width, count) = (self.inputs, self.outputs);
        let rows = outputs.len() / count.max(1);
        self.certain.clear();
        self.certain.resize(rows, None);
        let input = |row: usize| Sample::Numbers(&inputs[row * width..(row + 1) * width]);
        self.engine
            .run(input, |_, _, _| (), false, &mut self.certain);
        self.engine.end(rows, false);
        for (row, outputs) in outputs.chunks_mut(count.max(1)).enumerate() {
            outputs.copy_from_slice(self.engine.outputs_of(row, count));
        }
        self.batch += 1;
        self.batch
    }

    /// The number of the last batch.
    pub fn batch(&self) -> u64 {
        self.batch
    }

    /// Whether a row of the last batch needs no other solver.
    pub fn is_certain(&self, row: usize) -> bool {
        self.certain[row].is_some()
    }

    /// Derivatives of `sum cotangents * outputs` over the certain rows of the last batch to the
    /// conductances, and of each row to its inputs, rows x inputs, if there is room for them. Rows may turn
    /// out not to be certain.
    pub fn backward(
        &mut self,
        cotangents: &[f64],
        to_conductances: &mut [f64],
        to_inputs: Option<&mut [f64]>,
    ) {
        self.engine.differentiate(cotangents, &mut self.certain);
        for run in &self.runs {
            let own = to_conductances[run.arguments.clone()].par_chunks_mut(AT_ONCE);
            own.enumerate().for_each(|(part, own)| {
                let first = run.first + part * AT_ONCE;
                self.engine.conductance_derivatives(first, 1.0, own);
            });
        }
        if let Some(out) = to_inputs {
            self.engine.feature_derivatives(cotangents, out);
        }
    }
}

fn find_runs(places: impl Iterator<Item = Result<usize, Unsuited>>) -> Result<Vec<Run>, Unsuited> {
    let mut runs: Vec<Run> = Vec::new();
    for (argument, place) in places.enumerate() {
        let place = place?;
        match runs.last_mut() {
            Some(run) if run.first + run.arguments.len() == place => run.arguments.end += 1,
            _ => runs.push(Run {
                arguments: argument..argument + 1,
                first: place,
            }),
        }
    }
    Ok(runs)
}
