//! Many operating points of one circuit as a function of sources and conductances, and back. Knows no
//! Python.
//!
//! Rows are taken in blocks of a fixed size, each row starts cold, and blocks are summed in order: the
//! bits do not depend on the number of threads.

use std::sync::{Mutex, PoisonError};

use ohmgrad::adjoint::{AdjointError, derivative};
use ohmgrad::analysis::{OperatingPoint, Output, Probe, Solver, Undetermined};
use ohmgrad::circuit::{Circuit, ParameterId};
use ohmgrad::device::{Device, Parameter};
use ohmgrad::mna::BranchCurrents;
use rayon::prelude::*;

use crate::fault::{Fault, Result};

/// Rows that one thread takes one after the other.
const BLOCK: usize = 16;

/// What a circuit makes of its sources and conductances.
pub struct Rows {
    circuit: Circuit,
    /// Places among the system's sources, and their values (V or A).
    inputs: Vec<(usize, ParameterId)>,
    outputs: Vec<Probe>,
    /// Resistors whose conductance (S) is an argument.
    conductances: Vec<ParameterId>,
    /// Solvers that no thread uses at the moment.
    idle: Mutex<Vec<Solver>>,
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
    inputs: Vec<f64>,
    conductances: Vec<f64>,
    points: Vec<Point>,
}

/// Derivatives of one number to the inputs of its row and to all conductances.
struct RowGradient {
    inputs: Vec<f64>,
    conductances: Vec<f64>,
}

impl Rows {
    /// # Errors
    /// An input that is no V or I source, or a resistor of no or infinite conductance.
    pub fn new(
        mut solver: Solver,
        inputs: &[String],
        outputs: Vec<Probe>,
        conductances: &[String],
    ) -> Result<Self> {
        let circuit = solver.circuit.clone();
        let sources = solver.system.source_elements();
        let input = |name: &String| {
            let element = circuit.find_element_spelled(name);
            let place = sources.iter().position(|id| Some(*id) == element);
            let Some((element, place)) = element.zip(place) else {
                return Err(Fault::argument(format!(
                    "the circuit has no V or I source `{name}`\n  help: inputs are names of sources, \
                     for instance v1"
                )));
            };
            let parameter = match circuit.element(element).device {
                Device::CurrentSource { .. } => Parameter::Current,
                _ => Parameter::Voltage,
            };
            Ok((place, ParameterId { element, parameter }))
        };
        let inputs: Vec<_> = inputs.iter().map(input).collect::<Result<_>>()?;
        let conductances = resistors(&circuit, conductances)?;
        solver.take_values().map_err(Fault::of)?;
        Ok(Self {
            circuit,
            inputs,
            outputs,
            conductances,
            idle: Mutex::new(vec![solver]),
        })
    }

    pub fn inputs(&self) -> usize {
        self.inputs.len()
    }

    pub fn outputs(&self) -> &[Probe] {
        &self.outputs
    }

    /// Names of the resistors, and their conductances in the deck, S.
    pub fn conductances(&self) -> Vec<(String, f64)> {
        let resistors = self.conductances.iter();
        let named = resistors.map(|&id| {
            let name = self.circuit.element(id.element).name.to_string();
            (name, self.circuit.value(id).unwrap_or(f64::NAN).recip())
        });
        named.collect()
    }

    /// Outputs (rows x outputs) at `inputs` (rows x inputs), and what leads back from there.
    pub fn forward(&self, inputs: Vec<f64>, conductances: Vec<f64>) -> Result<(Vec<f64>, Tape)> {
        let rows = inputs.len() / self.inputs.len().max(1);
        let blocks: Vec<Result<(Vec<f64>, Vec<Point>)>> = (0..rows.div_ceil(BLOCK))
            .into_par_iter()
            .map(|block| {
                self.with_solver(&conductances, |solver| {
                    let (mut values, mut points) = (Vec::new(), Vec::new());
                    for row in rows_of(block, rows) {
                        let op = self.solve(solver, row, &inputs)?;
                        let circuit = &solver.circuit;
                        values.extend(self.outputs.iter().map(|p| p.value(circuit, &op)));
                        points.push(Point::of(solver, &op, &self.outputs));
                    }
                    Ok((values, points))
                })
            })
            .collect();
        let mut outputs = Vec::with_capacity(rows * self.outputs.len());
        let mut points = Vec::with_capacity(rows);
        for block in blocks {
            let (values, states) = block?;
            outputs.extend(values);
            points.extend(states);
        }
        let tape = Tape {
            inputs,
            conductances,
            points,
        };
        Ok((outputs, tape))
    }

    /// Derivatives of `sum cotangents * outputs` to the inputs (rows x inputs) and to the conductances,
    /// at the cost of one linear solve for each row.
    pub fn backward(&self, tape: &Tape, cotangents: &[f64]) -> Result<(Vec<f64>, Vec<f64>)> {
        let (rows, width) = (tape.points.len(), self.outputs.len());
        let blocks: Vec<Result<RowGradient>> = (0..rows.div_ceil(BLOCK))
            .into_par_iter()
            .map(|block| {
                self.with_solver(&tape.conductances, |solver| {
                    let mut sum = RowGradient {
                        inputs: Vec::new(),
                        conductances: vec![0.0; self.conductances.len()],
                    };
                    for row in rows_of(block, rows) {
                        self.restore(solver, tape, row)?;
                        let weights = &cotangents[row * width..(row + 1) * width];
                        self.check_determined(tape, row, weights)?;
                        let own = self.gradient(solver, row, weights)?;
                        sum.inputs.extend(own.inputs);
                        let pairs = sum.conductances.iter_mut().zip(own.conductances);
                        pairs.for_each(|(sum, own)| *sum += own);
                    }
                    Ok(sum)
                })
            })
            .collect();
        let mut to_inputs = Vec::with_capacity(tape.inputs.len());
        let mut to_conductances = vec![0.0; self.conductances.len()];
        for block in blocks {
            let block = block?;
            to_inputs.extend(block.inputs);
            let pairs = to_conductances.iter_mut().zip(block.conductances);
            pairs.for_each(|(sum, own)| *sum += own);
        }
        Ok((to_inputs, to_conductances))
    }

    /// How outputs (rows x outputs) change along `inputs` (rows x inputs) and `conductances`, at the
    /// cost of one linear solve for each of them.
    pub fn tangents(&self, tape: &Tape, inputs: &[f64], conductances: &[f64]) -> Result<Vec<f64>> {
        let (rows, width) = (tape.points.len(), self.outputs.len());
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let blocks: Vec<Result<Vec<f64>>> = (0..rows.div_ceil(BLOCK))
            .into_par_iter()
            .map(|block| {
                self.with_solver(&tape.conductances, |solver| {
                    let mut values = Vec::new();
                    for row in rows_of(block, rows) {
                        let own = &inputs[row * self.inputs.len()..][..self.inputs.len()];
                        for output in 0..width {
                            let mut weights = vec![0.0; width];
                            weights[output] = 1.0;
                            self.check_determined(tape, row, &weights)?;
                            self.restore(solver, tape, row)?;
                            let gradient = self.gradient(solver, row, &weights)?;
                            let change = dot(&gradient.inputs, own)
                                + dot(&gradient.conductances, conductances);
                            values.push(change);
                        }
                    }
                    Ok(values)
                })
            })
            .collect();
        let mut changes = Vec::with_capacity(rows * width);
        for block in blocks {
            changes.extend(block?);
        }
        Ok(changes)
    }

    /// Lends a solver of the circuit with these conductances.
    fn with_solver<T>(
        &self,
        conductances: &[f64],
        work: impl FnOnce(&mut Solver) -> Result<T>,
    ) -> Result<T> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let known = idle().pop();
        let mut solver = match known {
            Some(solver) => solver,
            None => Solver::new(self.circuit.clone()).map_err(Fault::of)?,
        };
        for (&id, &g) in self.conductances.iter().zip(conductances) {
            let is_usable = g != 0.0 && g.is_finite();
            if !(is_usable && solver.circuit.set(id, g.recip())) {
                let name = &self.circuit.element(id.element).name;
                return Err(Fault::argument(format!(
                    "the conductance of `{name}` cannot be {g} S\n  help: keep conductances above \
                     zero, for instance by clamp_() after each step"
                )));
            }
        }
        solver.take_values().map_err(Fault::of)?;
        let outcome = work(&mut solver);
        idle().push(solver);
        outcome
    }

    fn drive(&self, solver: &mut Solver, row: usize, inputs: &[f64]) -> Result<()> {
        let own = &inputs[row * self.inputs.len()..][..self.inputs.len()];
        for (&(place, id), &value) in self.inputs.iter().zip(own) {
            if !value.is_finite() {
                let name = &self.circuit.element(id.element).name;
                let row = row + 1;
                return Err(Fault::argument(format!(
                    "inputs, row {row}: `{name}` cannot be {value}\n  help: give finite numbers"
                )));
            }
            solver.workspace.sources[place] = value;
        }
        Ok(())
    }

    /// Solves a row from a cold start.
    fn solve(&self, solver: &mut Solver, row: usize, inputs: &[f64]) -> Result<OperatingPoint> {
        self.drive(solver, row, inputs)?;
        solver.workspace.restart(&solver.system, &solver.values);
        let op = solver.operating_point();
        op.map_err(|error| Fault::failed(row, &error))
    }

    /// Back to the operating point of a row.
    fn restore(&self, solver: &mut Solver, tape: &Tape, row: usize) -> Result<()> {
        self.drive(solver, row, &tape.inputs)?;
        let Solver {
            system,
            values,
            workspace,
            ..
        } = solver;
        workspace.restart(system, values);
        let point = &tape.points[row];
        workspace.full.copy_from_slice(&point.full);
        workspace.low.copy_from_slice(&point.low);
        workspace.conducting.copy_from_slice(&point.conducting);
        workspace.settle(system, values);
        Ok(())
    }

    /// No derivative of what the operating point leaves open.
    fn check_determined(&self, tape: &Tape, row: usize, weights: &[f64]) -> Result<()> {
        let mut open = tape.points[row].open.iter();
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
        let gradient = RowGradient {
            inputs: self.inputs.iter().map(|(_, id)| to(*id)).collect(),
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
        self.points.len()
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

fn rows_of(block: usize, rows: usize) -> std::ops::Range<usize> {
    block * BLOCK..((block + 1) * BLOCK).min(rows)
}

/// Resistors by names and patterns such as `r*`, each once, in the order of the patterns.
fn resistors(circuit: &Circuit, patterns: &[String]) -> Result<Vec<ParameterId>> {
    let parameter = Parameter::Resistance;
    let mut found: indexmap::IndexSet<ParameterId> = indexmap::IndexSet::new();
    for pattern in patterns {
        let glob = ohmgrad::circuit::canonical(pattern);
        let matching = circuit.elements().filter(|(_, element)| {
            let is_usable =
                matches!(element.device, Device::Resistor { resistance } if resistance != 0.0);
            is_usable && glob_match::glob_match(&glob, &element.name)
        });
        let mut matching = matching.map(|(element, _)| ParameterId { element, parameter });
        let Some(first) = matching.next() else {
            return Err(Fault::argument(format!(
                "no resistor of the circuit matches `{pattern}`\n  help: `*` stands for any text, \
                 `?` for one character"
            )));
        };
        found.insert(first);
        found.extend(matching);
    }
    Ok(found.into_iter().collect())
}
