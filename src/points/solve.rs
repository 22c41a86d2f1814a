//! A table of values to a table of what is read.

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::analysis::{Output, Probe, Solver, Undetermined};
use crate::batch::{BatchEngine, BatchSystem, Drive, Law, Sample};
use crate::circuit::{ElementId, NodeId, Variable};
use crate::device::{Device, Parameter};
use crate::limits::{ELEMENT, memory};
use crate::mna::Outline;
use crate::netlist::Diagnostic;

use super::error::PointError;
use super::table::{Column, PointTable};

/// Rows of one batch. It decides the blocks, and so the bits; they do not depend on threads.
const BATCH: usize = 512;

/// A block of the batch engine has as many lanes at least: below, rows are quicker one by one.
const FEWEST_ROWS: usize = 16;

/// Volts and amperes beyond this are left to the general solver, which finds currents and powers that
/// mean nothing.
const LARGEST_PLAIN: f64 = 1e30;

/// What a result takes until it is written, bytes: the number itself and its text.
const NUMBER: u64 = 32;

/// Operating points.
#[derive(Clone, Debug, PartialEq)]
pub struct Points {
    /// Rows x probes.
    pub values: Vec<f64>,
    /// Rows that were solved in blocks.
    pub in_blocks: usize,
    /// What operating points leave open, each kind of the first row where it comes up.
    pub warnings: Vec<Diagnostic>,
}

/// Solves the circuit of `solver` for each row of `table` and reads `probes`; `progress` hears of the
/// rows that are done, from any thread.
///
/// # Errors
/// [`PointError`]: a column that the circuit does not have, or the first row, in order, without an
/// operating point.
pub fn solve(
    solver: &Solver,
    table: &PointTable,
    probes: &[Probe],
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Points, PointError> {
    let columns = table.resolve(&solver.circuit, &solver.system)?;
    let (rows, width) = (table.len(), probes.len());
    let bytes = (rows as u64)
        .saturating_mul(width as u64)
        .saturating_mul(NUMBER);
    if bytes > memory() {
        return Err(PointError::TooLarge {
            rows,
            columns: width,
            bytes,
            limit: memory(),
        });
    }
    let mut points = Points {
        values: vec![0.0; rows * width],
        in_blocks: 0,
        warnings: Vec::new(),
    };
    let alone = match blocks(solver, table, &columns, probes) {
        Some(mut engine) => {
            solve_in_blocks(&mut engine, table, width, &mut points.values, progress)
        }
        None => (0..rows).collect(),
    };
    points.in_blocks = rows - alone.len();
    let job = Job {
        solver,
        table,
        columns: &columns,
        probes,
        rows: &alone,
        progress,
    };
    job.run(&mut points)?;
    Ok(points)
}

/// The same where the batch engine takes the rows; none if it does not, or if there is anything to be said
/// about the operating points.
pub(crate) fn solve_in_batches(
    solver: &Solver,
    table: &PointTable,
    probes: &[Probe],
) -> Option<Points> {
    let columns = table.resolve(&solver.circuit, &solver.system).ok()?;
    // Two engines are made, if there is one; it takes no longer than a few rows.
    blocks(solver, table, &columns, probes)?;
    let points = solve(solver, table, probes, &|_| ()).ok()?;
    points.warnings.is_empty().then_some(points)
}

/// The batch engine, where it can take the rows.
fn blocks(
    solver: &Solver,
    table: &PointTable,
    columns: &[Column],
    probes: &[Probe],
) -> Option<BatchEngine<f64>> {
    if table.len() < FEWEST_ROWS {
        return None;
    }
    let circuit = &solver.circuit;
    let outline = Outline::of(circuit);
    let source_of: HashMap<ElementId, usize> =
        outline.source_elements().iter().copied().zip(0..).collect();
    let drive = |(feature, column): (usize, &Column)| {
        let element = driven_source(solver, &column.variable)?;
        let drive = Drive {
            feature: Some(feature as u32),
            coefficient: 1.0,
            constant: 0.0,
        };
        Some((*source_of.get(&element)?, drive))
    };
    let drives: Option<Vec<(usize, Drive)>> = columns.iter().enumerate().map(drive).collect();
    let pair = |nodes: [NodeId; 2]| nodes.map(|node| (node, 1.0));
    let outputs = probes.iter().map(|probe| voltage(probe).map(pair));
    let outputs: Option<Vec<_>> = outputs.collect();
    let compiled = BatchSystem::compile(
        &outline,
        &outline.source_values(circuit),
        columns.len(),
        &drives?,
    )
    .ok()?;
    let conductances = outline.conductances(circuit);
    let laws = outline.laws(circuit).map(Law::from).collect();
    Some(BatchEngine::new(
        compiled,
        conductances,
        laws,
        &outputs?,
        None,
    ))
}

/// The V or I element whose value a variable is.
fn driven_source(solver: &Solver, variable: &Variable) -> Option<ElementId> {
    let Variable::Elements(ids) = variable else {
        return None;
    };
    let [id] = ids[..] else {
        return None;
    };
    let device = &solver.circuit.element(id.element).device;
    let is_value = matches!(
        (device, id.parameter),
        (Device::VoltageSource { .. }, Parameter::Voltage)
            | (Device::CurrentSource { .. }, Parameter::Current)
    );
    is_value.then_some(id.element)
}

fn voltage(probe: &Probe) -> Option<[NodeId; 2]> {
    match probe.output()? {
        Output::Voltage { p, n } => Some([p, n]),
        Output::Current { .. } => None,
    }
}

/// Writes the outputs of the rows that the engine is certain of; returns the others.
fn solve_in_blocks(
    engine: &mut BatchEngine<f64>,
    table: &PointTable,
    width: usize,
    values: &mut [f64],
    progress: &(dyn Fn(usize) + Sync),
) -> Vec<usize> {
    let is_plain = |numbers: &[f64]| numbers.iter().all(|x| x.abs() < LARGEST_PLAIN);
    let mut alone = Vec::new();
    let mut results = Vec::new();
    for first in (0..table.len()).step_by(BATCH) {
        let count = BATCH.min(table.len() - first);
        results.clear();
        results.resize(count, None);
        let judge = |_: usize, _: &[f64], _: &mut [f64]| ();
        engine.run(
            |k| Sample::Numbers(table.row(first + k)),
            judge,
            false,
            &mut results,
        );
        let before = alone.len();
        for (k, result) in results.iter().enumerate() {
            let outputs = engine.outputs_of(k, width);
            let row = first + k;
            if result.is_some() && is_plain(outputs) && is_plain(table.row(row)) {
                values[row * width..(row + 1) * width].copy_from_slice(outputs);
            } else {
                alone.push(row);
            }
        }
        progress(count - (alone.len() - before));
    }
    alone
}

/// Rows for the general solver.
struct Job<'a> {
    solver: &'a Solver,
    table: &'a PointTable,
    columns: &'a [Column],
    probes: &'a [Probe],
    /// In order.
    rows: &'a [usize],
    progress: &'a (dyn Fn(usize) + Sync),
}

/// Rows that one thread has solved.
#[derive(Default)]
struct Share {
    rows: Vec<usize>,
    values: Vec<f64>,
    open: Vec<Open>,
    /// The row where it ended.
    failure: Option<(usize, PointError)>,
}

/// What the operating point of a row leaves open, of one kind.
struct Open {
    row: usize,
    kind: Discriminant<Undetermined>,
    warnings: Vec<Diagnostic>,
}

impl Job<'_> {
    fn run(&self, points: &mut Points) -> Result<(), PointError> {
        // Each thread has a circuit of its own.
        let elements = self.solver.circuit.element_count().max(1) as u64;
        let most = (memory() / (elements * ELEMENT)).max(1) as usize;
        let threads = rayon::current_num_threads().min(most).min(self.rows.len());
        let (next, end) = (AtomicUsize::new(0), AtomicUsize::new(self.rows.len()));
        let shares: Vec<Share> = (0..threads)
            .into_par_iter()
            .map(|_| self.share(&next, &end))
            .collect();
        let width = self.probes.len();
        let mut open = Vec::new();
        let mut failures = Vec::new();
        for share in shares {
            for (k, &row) in share.rows.iter().enumerate() {
                let from = &share.values[k * width..(k + 1) * width];
                points.values[row * width..(row + 1) * width].copy_from_slice(from);
            }
            open.extend(share.open);
            failures.extend(share.failure);
        }
        failures.sort_by_key(|(row, _)| *row);
        if let Some((_, error)) = failures.into_iter().next() {
            return Err(error);
        }
        open.sort_by_key(|open| open.row);
        let mut said = Vec::new();
        for open in open {
            if !said.contains(&open.kind) {
                said.push(open.kind);
                points.warnings.extend(open.warnings);
            }
        }
        Ok(())
    }

    /// Takes the next row until all are taken, or one before it has failed: rows are taken in order,
    /// so that all before the first failure are done.
    fn share(&self, next: &AtomicUsize, end: &AtomicUsize) -> Share {
        let mut share = Share::default();
        let mut solver = None;
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= end.load(Ordering::Relaxed) {
                return share;
            }
            let row = self.rows[index];
            let solver = match &mut solver {
                Some(solver) => solver,
                None => match Solver::new(self.solver.circuit.clone()) {
                    Ok(mut new) => {
                        new.options = self.solver.options;
                        solver.insert(new)
                    }
                    Err(error) => {
                        let at = self.place(row);
                        share.failure = Some((row, PointError::Compile { at, error }));
                        return share;
                    }
                },
            };
            if let Err(error) = self.solve(solver, row, &mut share) {
                end.fetch_min(index, Ordering::Relaxed);
                share.failure = Some((row, error));
                return share;
            }
            share.rows.push(row);
            (self.progress)(1);
        }
    }

    fn solve(&self, solver: &mut Solver, row: usize, share: &mut Share) -> Result<(), PointError> {
        for (column, &value) in self.columns.iter().zip(self.table.row(row)) {
            if !solver.circuit.set_variable(&column.variable, value) {
                let (at, name) = (self.place(row), column.name.clone());
                return Err(PointError::Refused { at, name, value });
            }
        }
        solver.take_values().map_err(|error| PointError::Compile {
            at: self.place(row),
            error,
        })?;
        solver.workspace.restart(&solver.system, &solver.values);
        let op = solver.operating_point();
        let op = op.map_err(|error| PointError::Solve {
            at: self.place(row),
            error,
        })?;
        let circuit = &solver.circuit;
        let read = self.probes.iter().map(|probe| probe.value(circuit, &op));
        share.values.extend(read);
        if share.open.len() < Undetermined::KINDS {
            for item in op.undetermined(circuit) {
                let (kind, warning) = (discriminant(&item), item.diagnostic(circuit));
                match share.open.iter_mut().find(|open| open.kind == kind) {
                    Some(open) if open.row == row => open.warnings.push(warning),
                    Some(_) => {}
                    None => share.open.push(Open {
                        row,
                        kind,
                        warnings: vec![warning],
                    }),
                }
            }
        }
        Ok(())
    }

    /// A row, counted from 1 without a header, and its first values.
    fn place(&self, row: usize) -> String {
        const SHOWN: usize = 4;
        let values = self.columns.iter().zip(self.table.row(row)).take(SHOWN);
        let values: Vec<_> = values
            .map(|(column, value)| format!("{} = {value}", column.name))
            .collect();
        let more = if self.columns.len() > SHOWN {
            ", …"
        } else {
            ""
        };
        let file = self.table.file.display();
        format!("{file}, row {} ({}{more})", row + 1, values.join(", "))
    }
}
