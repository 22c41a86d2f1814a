//! Cell after cell.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::circuit::{BuildError, Circuit, TopologyError};
use crate::mna::{System, Values, Workspace};
use crate::netlist::{Netlist, NetlistError};

use super::descent::balance;
use super::external;
use super::measure::Job;
use super::process::{self, End};
use super::record::{Measurement, Outcome, Record, Result, Summary};
use super::{Cell, Plan, SolverKind, Subject};

/// Why nothing can be measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchmarkError {
    #[error(transparent)]
    Topology(#[from] TopologyError),
    #[error(transparent)]
    Netlist(#[from] NetlistError),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error("the deck of {subject} cannot be written: {error}")]
    Deck {
        subject: String,
        error: crate::expression::TextTooLong,
    },
    #[error("{}: {error}", .path.display())]
    File {
        path: PathBuf,
        error: std::io::Error,
    },
}

/// Runs all cells; `progress` hears of each before it is run, and of the last one when all is done.
///
/// # Errors
/// If a deck is faulty or a file cannot be written. A solver that fails is a [`Result`].
pub fn run(
    plan: &Plan,
    mut progress: impl FnMut(usize, Option<&Cell>),
) -> std::result::Result<Vec<Record>, BenchmarkError> {
    let folder = Folder::new()?;
    let mut records = Vec::with_capacity(plan.cells());
    // Smallest size of each family at which a solver was over the limit.
    let mut over: HashMap<(String, SolverKind), usize> = HashMap::new();
    for subject in &plan.subjects {
        let mut instance = Instance::new(plan, subject, &folder.0)?;
        for &solver in &plan.solvers {
            let subject = subject.clone();
            let cell = Cell { subject, solver };
            progress(records.len(), Some(&cell));
            let key = (cell.subject.name(), solver);
            let result = match over.get(&key) {
                Some(&elements) if elements < instance.elements => Result::Skipped { elements },
                _ => instance.cell(plan, solver),
            };
            if matches!(result, Result::OverLimit { .. }) {
                over.entry(key).or_insert(instance.elements);
            }
            records.push(Record {
                cell,
                elements: instance.elements,
                result,
            });
        }
    }
    progress(records.len(), None);
    Ok(records)
}

/// A folder that goes when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> std::result::Result<Self, BenchmarkError> {
        let base = std::env::temp_dir();
        for number in 0.. {
            let path = base.join(format!("ohmgrad-bench-{}-{number}", std::process::id()));
            match std::fs::create_dir(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(BenchmarkError::File { path, error }),
                Ok(()) => return Ok(Self(path)),
            }
        }
        Ok(Self(base))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// One circuit and what is known of its solution.
struct Instance<'a> {
    folder: &'a Path,
    deck: PathBuf,
    elements: usize,
    /// As the deck gives it, for programs that are not ours.
    circuit: Option<Circuit>,
    /// Potentials of the first solver that had an answer, V.
    reference: Option<Vec<f64>>,
}

impl<'a> Instance<'a> {
    fn new(
        plan: &Plan,
        subject: &Subject,
        folder: &'a Path,
    ) -> std::result::Result<Self, BenchmarkError> {
        let (deck, elements) = match subject {
            Subject::Generated { family, size, seed } => {
                let mut circuit = family.build(*size, *seed)?;
                circuit.ask_for_operating_point();
                let text = circuit.to_spice().map_err(|error| BenchmarkError::Deck {
                    subject: subject.to_string(),
                    error,
                })?;
                let path = folder.join("deck.cir");
                let written = std::fs::write(&path, text);
                written.map_err(|error| BenchmarkError::File {
                    path: path.clone(),
                    error,
                })?;
                (path, circuit.element_count())
            }
            Subject::Deck { deck } => (deck.clone(), 0),
        };
        let is_external = |solver: &SolverKind| {
            let program = solver.program();
            program.is_some_and(external::is_on_path)
        };
        let is_wanted = elements == 0 || plan.solvers.iter().any(is_external);
        let circuit = match is_wanted {
            true => Some(Circuit::from_netlist(&Netlist::read(&deck)?)?),
            false => None,
        };
        let counted = circuit.as_ref().map_or(elements, Circuit::element_count);
        Ok(Self {
            folder,
            deck,
            elements: counted,
            circuit,
            reference: None,
        })
    }

    /// All runs of one solver.
    fn cell(&mut self, plan: &Plan, solver: SolverKind) -> Result {
        let mut runs = Vec::with_capacity(plan.repetitions);
        let mut potentials = Vec::new();
        for _ in 0..plan.repetitions {
            let (outcome, found) = match (solver.program(), &self.circuit) {
                (Some(_), Some(circuit)) => {
                    external::measure(circuit, solver, self.folder, plan.limit)
                }
                (Some(program), None) => {
                    let reason = format!("{program} is not on PATH");
                    (Outcome::DoesNotFit(reason), Vec::new())
                }
                (None, _) => self.own(plan, solver),
            };
            match outcome {
                Outcome::Measured(measurement) => runs.push(*measurement),
                Outcome::DoesNotFit(reason) => return Result::DoesNotFit { reason },
                Outcome::Failed(reason) => return Result::Failed { reason },
                Outcome::OverLimit(limit) => return Result::OverLimit { limit },
            }
            potentials = found;
        }
        if let (Some(_), Some(circuit), Some(first)) =
            (solver.program(), &self.circuit, runs.first_mut())
        {
            first.residual = balance_of(circuit, &potentials);
        }
        let disagreement = match &self.reference {
            Some(reference) => Some(difference(reference, &potentials)),
            None => {
                self.reference = Some(potentials);
                None
            }
        };
        Result::Measured(Box::new(Summary::of(&runs, disagreement)))
    }

    /// One run of one of our solvers, in a process of its own.
    fn own(&self, plan: &Plan, solver: SolverKind) -> (Outcome, Vec<f64>) {
        let [answer, out, errors] =
            ["answer.bin", "outcome.json", "own.err"].map(|f| self.folder.join(f));
        let _ = std::fs::remove_file(&answer);
        let job = Job {
            deck: self.deck.clone(),
            solver,
            profile: plan.profile,
            answer: answer.clone(),
        };
        let mut command = Command::new(&plan.program);
        let job = serde_json::to_string(&job).unwrap_or_default();
        command.args(["bench", "--job", &job]);
        let end = match process::run(&mut command, plan.limit, [&out, &errors]) {
            Ok(end) => end,
            Err(error) => return (Outcome::Failed(error.to_string()), Vec::new()),
        };
        let End::Exited {
            status, seconds, ..
        } = end
        else {
            let limit = plan.limit.as_secs_f64();
            return (Outcome::OverLimit(limit), Vec::new());
        };
        let told = std::fs::read(&out).unwrap_or_default();
        let mut outcome = match serde_json::from_slice(&told) {
            Ok(outcome) => outcome,
            Err(_) => Outcome::Failed(end_of(&errors, status)),
        };
        if let Outcome::Measured(measurement) = &mut outcome {
            let Measurement { process, aside, .. } = &mut **measurement;
            *process = (seconds - *aside).max(0.0);
        }
        (
            outcome,
            doubles(&std::fs::read(&answer).unwrap_or_default()),
        )
    }
}

/// The last line that a process left, or how it ended.
fn end_of(errors: &Path, status: std::process::ExitStatus) -> String {
    let text = std::fs::read_to_string(errors).unwrap_or_default();
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    last.map_or_else(|| format!("it ended with {status}"), str::to_string)
}

fn doubles(bytes: &[u8]) -> Vec<f64> {
    let parts = bytes.chunks_exact(8);
    parts
        .filter_map(|part| part.try_into().ok().map(f64::from_le_bytes))
        .collect()
}

/// Largest difference of a potential, relative to the largest potential; infinite where one is missing.
fn difference(reference: &[f64], other: &[f64]) -> f64 {
    if reference.len() != other.len() {
        return f64::INFINITY;
    }
    let size = reference.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let largest = reference.iter().zip(other).fold(0.0f64, |m, (a, b)| {
        let apart = (a - b).abs();
        if apart.is_nan() {
            f64::INFINITY
        } else {
            m.max(apart)
        }
    });
    match largest == 0.0 {
        true => 0.0,
        false => largest / size,
    }
}

/// What is left of the currents at potentials that another program found, where these say all.
fn balance_of(circuit: &Circuit, potentials: &[f64]) -> Option<f64> {
    circuit.check().ok()?;
    let system = System::put_off(circuit);
    if !system.has_only_nodes() {
        return None;
    }
    let values = Values::new(&system, circuit);
    let mut ws = Workspace::without_factors(&system, &values);
    ws.full.copy_from_slice(potentials);
    ws.apply_ties(&system);
    Some(balance(&mut ws, &system, &values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_relative_to_the_largest_potential() {
        assert_eq!(difference(&[0.0, 2.0], &[0.0, 2.0]), 0.0);
        assert_eq!(difference(&[0.0, 2.0], &[0.5, 2.0]), 0.25);
        assert_eq!(difference(&[0.0, 2.0], &[0.0, f64::NAN]), f64::INFINITY);
        assert_eq!(difference(&[0.0], &[]), f64::INFINITY);
    }
}
