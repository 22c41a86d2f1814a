//! A circuit as a function of sources and conductances: whole batches there and back.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::engine::BatchEngine;
use super::inputs::Drive;
use super::law::Law;
use super::pool::Pool;
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
    /// Arguments of the last batch, S.
    conductances: Arc<Vec<f64>>,
    pool: Pool<f64>,
    /// Rows of the last batch that are certain.
    certain: Vec<Option<()>>,
    /// Number of the last batch, and batches so far.
    batch: u64,
    batches: u64,
}

/// Why a batch was not solved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// An input is not finite.
    Inputs,
    /// A conductance is not a finite number above zero.
    Conductances,
}

/// What a batch was given. Shares its numbers with the engine.
#[derive(Clone, Debug)]
pub struct Given {
    batch: u64,
    /// Rows of `width` numbers, the first of which are inputs.
    inputs: Arc<Vec<f64>>,
    width: usize,
    conductances: Arc<Vec<f64>>,
    rows: usize,
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
            conductances: Arc::default(),
            pool: Pool::default(),
            certain: Vec::new(),
            batch: 0,
            batches: 0,
        })
    }

    /// Whether the derivatives to the inputs are known: not where diodes meet them.
    pub fn has_input_derivatives(&self) -> bool {
        !self.engine.system.has_driven_diodes()
    }

    /// Outputs, rows x outputs (V), at so many rows of inputs, all of them as one. Rows that are not certain, of
    /// which [`Self::is_certain`] tells, are for the general solver.
    ///
    /// # Errors
    /// Numbers that the batch engine does not take.
    pub fn forward(
        &mut self,
        (rows, inputs): (usize, Sample<'_>),
        conductances: &[f64],
        outputs: &mut [f64],
    ) -> Result<Given, Refused> {
        let (width, count) = (self.inputs, self.outputs.max(1));
        self.batches += 1;
        self.batch = self.batches;
        if !self.take_conductances(conductances) {
            return Err(Refused::Conductances);
        }
        let are_finite = AtomicBool::new(true);
        self.engine.load(rows, |row| {
            let own = inputs.part(row * width..(row + 1) * width);
            if !own.is_finite() {
                are_finite.store(false, Ordering::Relaxed);
            }
            own
        });
        if !are_finite.into_inner() {
            return Err(Refused::Inputs);
        }
        self.solve(rows);
        for (row, outputs) in outputs.chunks_mut(count).enumerate() {
            outputs.copy_from_slice(self.engine.outputs_of(row, count));
        }
        let (values, width) = self.engine.values();
        Ok(Given {
            batch: self.batch,
            inputs: Arc::clone(values),
            width,
            conductances: Arc::clone(&self.conductances),
            rows,
        })
    }

    /// Keeps the conductances that are arguments, and gives them to the engine; false if one is not a finite
    /// number above zero.
    fn take_conductances(&mut self, given: &[f64]) -> bool {
        let kept = (self.pool).renew(&mut self.conductances, given.len());
        let is_usable = |g: &f64| (*g > 0.0) & (*g < f64::INFINITY);
        let mut are_usable = true;
        for run in &self.runs {
            let own = &mut self.engine.conductances[run.first..][..run.arguments.len()];
            let kept = kept[run.arguments.clone()].par_chunks_mut(AT_ONCE);
            let parts = own.par_chunks_mut(AT_ONCE).zip(kept);
            let parts = parts.zip(given[run.arguments.clone()].par_chunks(AT_ONCE));
            let usable = parts.map(|((own, kept), given)| {
                own.copy_from_slice(given);
                kept.copy_from_slice(given);
                // Without an end before the last number this loop is vector instructions.
                given.iter().fold(true, |all, g| all & is_usable(g))
            });
            are_usable &= usable.reduce(|| true, |a, b| a & b);
        }
        if are_usable && !self.runs.is_empty() {
            self.engine.refresh();
        }
        are_usable
    }

    fn solve(&mut self, rows: usize) {
        self.certain.clear();
        self.certain.resize(rows, None);
        self.engine.solve(|_, _, _| (), false, &mut self.certain);
        self.engine.end(rows, false);
    }

    /// Makes a batch the last one, if another came after it.
    fn return_to(&mut self, given: &Given) {
        if self.batch == given.batch {
            return;
        }
        self.take_conductances(&given.conductances);
        let width = self.inputs;
        let input = |row: usize| Sample::Numbers(&given.row(row)[..width]);
        self.engine.load(given.rows, input);
        self.solve(given.rows);
        self.batch = given.batch;
    }

    /// Whether a row of the last batch needs no other solver.
    pub fn is_certain(&self, row: usize) -> bool {
        self.certain[row].is_some()
    }

    /// Derivatives of `sum cotangents * outputs` over the certain rows of a batch, which becomes the last one,
    /// to the conductances, and of each row to its inputs, rows x inputs, if there is room for them. Rows may
    /// turn out not to be certain.
    pub fn backward(
        &mut self,
        given: &Given,
        cotangents: &[f64],
        to_conductances: &mut [f64],
        to_inputs: Option<&mut [f64]>,
    ) {
        if given.rows == 0 {
            return to_conductances.fill(0.0);
        }
        self.return_to(given);
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

impl Given {
    /// For rows that no batch engine takes.
    pub fn alone(inputs: Sample<'_>, rows: usize, conductances: &[f64]) -> Self {
        Self {
            batch: 0,
            inputs: Arc::new(inputs.to_vec()),
            width: inputs.len() / rows.max(1),
            conductances: Arc::new(conductances.to_vec()),
            rows,
        }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Begins with the inputs of a row.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.inputs[row * self.width..(row + 1) * self.width]
    }

    /// S.
    pub fn conductances(&self) -> &[f64] {
        &self.conductances
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
