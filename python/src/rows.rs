//! Many operating points of one circuit as a function of sources and conductances, and back. Knows no
//! Python.
//!
//! Whole batches go to the batch engine where the circuit suits it. Rows of other circuits, and those that
//! it is not certain of, are taken in blocks of a fixed size; each row starts cold, and blocks are summed in
//! order: the bits do not depend on the number of threads.

use std::borrow::Cow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ohmgrad::adjoint::{AdjointError, derivative};
use ohmgrad::analysis::{OperatingPoint, Output, Probe, Solver, Undetermined};
use ohmgrad::batch::{BatchFunction, Given, Refused, Sample};
use ohmgrad::circuit::{Circuit, ParameterId};
use ohmgrad::mna::BranchCurrents;
use rayon::prelude::*;

use crate::fault::{Fault, Result};
use crate::wiring::{Drive, batches, find_drive, resistors};

/// Rows that one thread takes one after the other.
const BLOCK: usize = 16;

/// What a circuit makes of its sources and conductances.
pub struct Rows {
    circuit: Circuit,
    inputs: usize,
    drives: Vec<Drive>,
    outputs: Vec<Probe>,
    /// Resistors whose conductance (S) is an argument.
    conductances: Vec<ParameterId>,
    /// Solvers that no thread uses at the moment.
    idle: Mutex<Vec<Solver>>,
    batches: Option<Mutex<BatchFunction>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The operating point of one row, to come back to.
#[derive(Clone)]
struct Point {
    full: Vec<f64>,
    low: Vec<f64>,
    conducting: Vec<bool>,
    /// Outputs that the operating point does not determine, and what helps.
    open: Vec<(usize, &'static str)>,
}

/// What was given, and the operating points that it led to.
pub struct Tape {
    given: Given,
    /// The batch engine has taken the rows.
    is_batch: bool,
    /// The rows that were not certain there, in order; all rows without it.
    points: Vec<(usize, Point)>,
}

/// Derivatives of one number to the inputs of its row and to all conductances.
struct RowGradient {
    inputs: Vec<f64>,
    conductances: Vec<f64>,
}

impl Rows {
    /// Sources `complements` carry the negatives of the inputs, in order.
    ///
    /// # Errors
    /// An input that is no V or I source, or a resistor of no or infinite conductance.
    pub fn new(
        mut solver: Solver,
        (inputs, complements): (&[String], &[String]),
        outputs: Vec<Probe>,
        conductances: &[String],
    ) -> Result<Self> {
        if !complements.is_empty() && complements.len() != inputs.len() {
            let (found, expected) = (complements.len(), inputs.len());
            return Err(Fault::argument(format!(
                "{found} complements for {expected} inputs\n  help: name one source for each input"
            )));
        }
        let circuit = solver.circuit.clone();
        let drives = (inputs.iter().enumerate().map(|(k, name)| (k, 1.0, name)))
            .chain(
                complements
                    .iter()
                    .enumerate()
                    .map(|(k, name)| (k, -1.0, name)),
            )
            .map(|drive| find_drive(&circuit, solver.system.source_elements(), drive));
        let drives: Vec<Drive> = drives.collect::<Result<_>>()?;
        let conductances = resistors(&circuit, conductances)?;
        solver.take_values().map_err(Fault::of)?;
        let batches = batches(&circuit, &drives, &outputs, &conductances).map(Mutex::new);
        Ok(Self {
            circuit,
            inputs: inputs.len(),
            drives,
            outputs,
            conductances,
            idle: Mutex::new(vec![solver]),
            batches,
        })
    }

    pub fn inputs(&self) -> usize {
        self.inputs
    }

    pub fn outputs(&self) -> &[Probe] {
        &self.outputs
    }

    /// Names of the resistors whose conductances are an argument.
    pub fn resistors(&self) -> Vec<String> {
        let elements = self.conductances.iter().map(|id| id.element);
        elements
            .map(|id| self.circuit.element(id).name().to_string())
            .collect()
    }

    pub fn conductance_count(&self) -> usize {
        self.conductances.len()
    }

    /// Their conductances in the deck, S.
    pub fn conductances(&self) -> Vec<f64> {
        let value = |&id: &ParameterId| self.circuit.value(id).unwrap_or(f64::NAN).recip();
        self.conductances.iter().map(value).collect()
    }

    /// Whether rows go to the batch engine.
    pub fn is_batched(&self) -> bool {
        self.batches.is_some()
    }

    /// Outputs (rows x outputs) at `rows` rows of inputs, all of them as one, and what leads back from there.
    pub fn forward(
        &self,
        (rows, inputs): (usize, Sample<'_>),
        conductances: &[f64],
    ) -> Result<(Vec<f64>, Tape)> {
        let width = self.outputs.len();
        let mut outputs = vec![0.0; rows * width];
        let batch = match &self.batches {
            None => Err(Refused::Conductances),
            Some(batches) => {
                let mut batches = lock(batches);
                let given = batches.forward((rows, inputs), conductances, &mut outputs);
                given.map(|given| {
                    let alone = (0..rows).filter(|&row| !batches.is_certain(row));
                    (given, alone.collect())
                })
            }
        };
        let is_batch = batch.is_ok();
        let (given, alone): (Given, Vec<usize>) = match batch {
            Ok(batch) => batch,
            Err(_) => {
                self.check(inputs, conductances)?;
                let given = Given::alone(inputs, rows, conductances);
                (given, (0..rows).collect())
            }
        };
        let solved = self.each(conductances, &alone, |solver, row| {
            let op = self.solve(solver, given.row(row), row)?;
            let circuit = &solver.circuit;
            let values: Vec<f64> = self.outputs.iter().map(|p| p.value(circuit, &op)).collect();
            Ok((values, Point::of(solver, &op, &self.outputs)))
        })?;
        let mut points = Vec::with_capacity(alone.len());
        for (row, (values, point)) in alone.into_iter().zip(solved) {
            outputs[row * width..(row + 1) * width].copy_from_slice(&values);
            points.push((row, point));
        }
        let tape = Tape {
            given,
            is_batch,
            points,
        };
        Ok((outputs, tape))
    }

    /// Derivatives of `sum cotangents * outputs` to the inputs (rows x inputs), if they are asked for, and
    /// to the conductances, at the cost of one linear solve for each row.
    pub fn backward(
        &self,
        tape: &Tape,
        cotangents: &[f64],
        to_conductances: &mut [f64],
        with_inputs: bool,
    ) -> Result<Option<Vec<f64>>> {
        let (width, count) = (self.outputs.len(), self.inputs);
        let (given, rows) = (&tape.given, tape.rows());
        let mut to_inputs = with_inputs.then(|| vec![0.0; rows * count]);
        let alone: Vec<usize> = match &self.batches {
            Some(batches) if tape.is_batch => {
                let (mut batches, to_inputs) = (lock(batches), to_inputs.as_deref_mut());
                batches.backward(given, cotangents, to_conductances, to_inputs);
                let alone = (0..rows).filter(|&row| !batches.is_certain(row));
                alone.collect()
            }
            _ => {
                to_conductances.fill(0.0);
                (0..rows).collect()
            }
        };
        let gradients = self.each(given.conductances(), &alone, |solver, row| {
            let point = self.restore(solver, tape, row)?;
            let weights = &cotangents[row * width..(row + 1) * width];
            self.check_determined(&point, row, weights)?;
            self.gradient(solver, row, weights)
        })?;
        // Sums of blocks, in order.
        for block in gradients.chunks(BLOCK) {
            let mut sum = vec![0.0; self.conductances.len()];
            for own in block {
                let pairs = sum.iter_mut().zip(&own.conductances);
                pairs.for_each(|(sum, own)| *sum += own);
            }
            let pairs = to_conductances.iter_mut().zip(sum);
            pairs.for_each(|(all, sum)| *all += sum);
        }
        if let Some(to_inputs) = &mut to_inputs {
            for (row, own) in alone.into_iter().zip(gradients) {
                to_inputs[row * count..(row + 1) * count].copy_from_slice(&own.inputs);
            }
        }
        Ok(to_inputs)
    }

    /// How outputs (rows x outputs) change along `inputs` (rows x inputs) and `conductances`, at the
    /// cost of one linear solve for each of them.
    pub fn tangents(&self, tape: &Tape, inputs: &[f64], conductances: &[f64]) -> Result<Vec<f64>> {
        let (width, count) = (self.outputs.len(), self.inputs);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let rows: Vec<usize> = (0..tape.rows()).collect();
        let changes = self.each(tape.given.conductances(), &rows, |solver, row| {
            let own = &inputs[row * count..(row + 1) * count];
            let change = |output: usize| {
                let mut weights = vec![0.0; width];
                weights[output] = 1.0;
                let point = self.restore(solver, tape, row)?;
                self.check_determined(&point, row, &weights)?;
                let gradient = self.gradient(solver, row, &weights)?;
                Ok(dot(&gradient.inputs, own) + dot(&gradient.conductances, conductances))
            };
            (0..width).map(change).collect::<Result<Vec<f64>>>()
        })?;
        Ok(changes.concat())
    }

    /// What `work` makes of each of some rows, in order; blocks of them are spread over threads.
    fn each<T: Send>(
        &self,
        conductances: &[f64],
        rows: &[usize],
        work: impl Fn(&mut Solver, usize) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let blocks: Vec<Result<Vec<T>>> = rows
            .par_chunks(BLOCK)
            .map(|block| {
                self.with_solver(conductances, |solver| {
                    block.iter().map(|&row| work(solver, row)).collect()
                })
            })
            .collect();
        let mut all = Vec::with_capacity(rows.len());
        for block in blocks {
            all.extend(block?);
        }
        Ok(all)
    }

    /// Refuses numbers that no solver takes.
    fn check(&self, inputs: Sample<'_>, conductances: &[f64]) -> Result<()> {
        let is_usable = |g: &f64| *g != 0.0 && g.is_finite();
        if let Some(k) = conductances.iter().position(|g| !is_usable(g)) {
            return Err(self.unusable(self.conductances[k], conductances[k]));
        }
        let Some(k) = inputs.iter().position(|x| !x.is_finite()) else {
            return Ok(());
        };
        let (row, column) = (k / self.inputs + 1, k % self.inputs);
        // Drives by inputs come first.
        let name = &self.circuit.element(self.drives[column].id.element).name();
        let value = inputs.get(k);
        Err(Fault::argument(format!(
            "inputs, row {row}: `{name}` cannot be {value}\n  help: give finite numbers"
        )))
    }

    fn unusable(&self, id: ParameterId, g: f64) -> Fault {
        let name = &self.circuit.element(id.element).name();
        Fault::argument(format!(
            "the conductance of `{name}` cannot be {g} S\n  help: keep conductances above zero, for \
             instance by clamp_() after each step"
        ))
    }

    /// Lends a solver of the circuit with these conductances.
    fn with_solver<T>(
        &self,
        conductances: &[f64],
        work: impl FnOnce(&mut Solver) -> Result<T>,
    ) -> Result<T> {
        let known = lock(&self.idle).pop();
        let mut solver = match known {
            Some(solver) => solver,
            None => Solver::new(self.circuit.clone()).map_err(Fault::of)?,
        };
        for (&id, &g) in self.conductances.iter().zip(conductances) {
            if !solver.circuit.set(id, g.recip()) {
                return Err(self.unusable(id, g));
            }
        }
        solver.take_values().map_err(Fault::of)?;
        let outcome = work(&mut solver);
        lock(&self.idle).push(solver);
        outcome
    }

    fn drive(&self, solver: &mut Solver, inputs: &[f64]) {
        for drive in &self.drives {
            solver.workspace.sources[drive.place] = drive.sign * inputs[drive.input];
        }
    }

    /// Solves a row from a cold start.
    fn solve(&self, solver: &mut Solver, inputs: &[f64], row: usize) -> Result<OperatingPoint> {
        self.drive(solver, inputs);
        solver.workspace.restart(&solver.system, &solver.values);
        let op = solver.operating_point();
        op.map_err(|error| Fault::failed(row, &error))
    }

    /// Back to the operating point of a row, which the batch engine may have found.
    fn restore<'a>(
        &self,
        solver: &mut Solver,
        tape: &'a Tape,
        row: usize,
    ) -> Result<Cow<'a, Point>> {
        let known = tape.points.binary_search_by_key(&row, |(row, _)| *row);
        let point = match known {
            Ok(k) => Cow::Borrowed(&tape.points[k].1),
            Err(_) => {
                let op = self.solve(solver, tape.given.row(row), row)?;
                Cow::Owned(Point::of(solver, &op, &self.outputs))
            }
        };
        self.drive(solver, tape.given.row(row));
        let Solver {
            system,
            values,
            workspace,
            ..
        } = solver;
        workspace.restart(system, values);
        workspace.full.copy_from_slice(&point.full);
        workspace.low.copy_from_slice(&point.low);
        workspace.conducting.copy_from_slice(&point.conducting);
        workspace.settle(system, values);
        Ok(point)
    }

    /// No derivative of what the operating point leaves open.
    fn check_determined(&self, point: &Point, row: usize, weights: &[f64]) -> Result<()> {
        let mut open = point.open.iter();
        match open.find(|(output, _)| weights[*output] != 0.0) {
            None => Ok(()),
            Some(&(output, help)) => {
                let output = self.outputs[output].name.clone();
                let error = AdjointError::Undetermined { output, help };
                Err(Fault::failed(row, &error))
            }
        }
    }

    /// At the operating point that the solver holds.
    fn gradient(&self, solver: &mut Solver, row: usize, weights: &[f64]) -> Result<RowGradient> {
        let failed = |error: AdjointError| Fault::failed(row, &error);
        let seeds = self.seeds(solver, row, weights)?;
        let (adjoint, cotangent) = solver.adjoint(&seeds).map_err(failed)?;
        let ties = BranchCurrents::of_workspace(&solver.system, &solver.workspace);
        let lambda = (&adjoint, &cotangent, &ties);
        let to = |id: ParameterId| {
            let (circuit, system) = (&solver.circuit, &solver.system);
            derivative(
                circuit,
                system,
                &solver.values,
                &solver.workspace,
                lambda,
                id,
            )
        };
        let to_conductance = |id: &ParameterId| {
            // dR/dG = -R^2
            let resistance = solver.circuit.value(*id).unwrap_or(f64::NAN);
            -to(*id) * resistance * resistance
        };
        let mut inputs = vec![0.0; self.inputs];
        for drive in &self.drives {
            inputs[drive.input] += drive.sign * to(drive.id);
        }
        let gradient = RowGradient {
            inputs,
            conductances: self.conductances.iter().map(to_conductance).collect(),
        };
        let mut all = gradient.inputs.iter().chain(&gradient.conductances);
        match all.all(|x| x.is_finite()) {
            true => Ok(gradient),
            false => Err(failed(AdjointError::OutOfRange)),
        }
    }

    /// `sum weight * probe` by outputs. Voltages and currents are themselves; an expression is
    /// linearized at the operating point.
    fn seeds(
        &self,
        solver: &mut Solver,
        row: usize,
        weights: &[f64],
    ) -> Result<Vec<(Output, f64)>> {
        let mut seeds = Vec::with_capacity(weights.len());
        let mut op = None;
        for (probe, &weight) in self.outputs.iter().zip(weights) {
            if let Some(output) = probe.output() {
                seeds.push((output, weight));
                continue;
            }
            if op.is_none() {
                let found = solver.operating_point();
                op = Some(found.map_err(|error| Fault::failed(row, &error))?);
            }
            let Some(op) = &op else { continue };
            let parts = probe.derivatives(&solver.circuit, op).outputs;
            seeds.extend(parts.into_iter().map(|(o, d)| (o, weight * d)));
        }
        Ok(seeds)
    }
}

impl Tape {
    pub fn rows(&self) -> usize {
        self.given.rows()
    }
}

impl Point {
    fn of(solver: &Solver, op: &OperatingPoint, outputs: &[Probe]) -> Self {
        let workspace = &solver.workspace;
        let concerned = |item: &Undetermined| {
            let numbered = outputs.iter().enumerate();
            let of_item =
                numbered.filter(|(_, probe)| probe.output().is_some_and(|o| item.concerns(o)));
            let of_item: Vec<_> = of_item.map(|(k, _)| (k, item.help())).collect();
            of_item
        };
        let open = op.undetermined(&solver.circuit);
        Self {
            full: workspace.full.clone(),
            low: workspace.low.clone(),
            conducting: workspace.conducting.clone(),
            open: open.iter().flat_map(concerned).collect(),
        }
    }
}
