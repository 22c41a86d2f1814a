//! Versions of the circuit with sources of estimators in it, and values on sources.

use crate::analysis::{CompileError, Output, Solver};
use crate::batch::{Drive, Sample};
use crate::circuit::{Circuit, ElementId, NodeId};
use crate::device::Device;

use super::{Estimator, EstimatorError};

/// Puts the features of a sample on its sources.
pub(super) fn apply_drives(solver: &mut Solver, drives: &[(ElementId, Drive)], input: Sample<'_>) {
    for &(element, drive) in drives {
        let feature = drive.feature.map_or(0.0, |k| input.get(k as usize));
        set_source(
            solver,
            element,
            drive.coefficient * feature + drive.constant,
        );
    }
}

/// Sets an independent source for the next solve, V or A.
pub(super) fn set_source(solver: &mut Solver, element: ElementId, value: f64) {
    // Sources are few beside the work of a solve, and are kept in element order.
    let sources = solver.system.source_elements();
    if let Some(k) = sources.iter().position(|id| *id == element) {
        solver.workspace.sources[k] = value;
    }
}

/// The circuit with a current source at each output that is a voltage.
pub(super) fn with_nudges(
    circuit: &Circuit,
    outputs: &[Output],
) -> Result<(Circuit, Vec<ElementId>), EstimatorError> {
    let mut circuit = circuit.clone();
    let mut nudges = Vec::new();
    for &output in outputs {
        if let Output::Voltage { p, n } = output {
            let device = Device::CurrentSource { current: 0.0 };
            nudges.push(add_at_output(&mut circuit, "i", device, [p, n])?);
        }
    }
    Ok((circuit, nudges))
}

/// Adds an element under a name that no deck has taken.
pub(super) fn add_at_output(
    circuit: &mut Circuit,
    letter: &str,
    device: Device,
    port: [NodeId; 2],
) -> Result<ElementId, EstimatorError> {
    // Every name holds the number of elements; numbers above it are tried where a deck has that too.
    let mut number = circuit.element_count();
    while circuit
        .find_element(&format!("{letter}_nudge_{number}"))
        .is_some()
    {
        number += 1;
    }
    Ok(circuit.add(&format!("{letter}_nudge_{number}"), device, port)?)
}

/// Compiles another version of the circuit for an estimator.
pub(super) fn compile(circuit: Circuit, estimator: Estimator) -> Result<Solver, EstimatorError> {
    let compiled: Result<Solver, CompileError> = Solver::new(circuit);
    compiled.map_err(|error| EstimatorError::Compile { estimator, error })
}
