//! Which sources, voltages and resistors of a circuit are arguments and results.

use ohmgrad::analysis::{Output, Probe};
use ohmgrad::batch::BatchFunction;
use ohmgrad::circuit::{Circuit, ElementId, ParameterId};
use ohmgrad::device::{Device, Parameter};

use crate::fault::{Fault, Result};

/// An input that is the value of a source, or its negative.
#[derive(Clone, Copy)]
pub struct Drive {
    pub input: usize,
    pub sign: f64,
    /// Place among the system's sources, and the value there (V or A).
    pub place: usize,
    pub id: ParameterId,
}

pub fn find_drive(
    circuit: &Circuit,
    sources: &[ElementId],
    (input, sign, name): (usize, f64, &String),
) -> Result<Drive> {
    let element = circuit.find_element_spelled(name);
    let place = sources.iter().position(|id| Some(*id) == element);
    let Some((element, place)) = element.zip(place) else {
        return Err(Fault::argument(format!(
            "the circuit has no V or I source `{name}`\n  help: inputs are names of sources, for \
             instance v1"
        )));
    };
    let parameter = match circuit.element(element).device {
        Device::CurrentSource { .. } => Parameter::Current,
        _ => Parameter::Voltage,
    };
    Ok(Drive {
        input,
        sign,
        place,
        id: ParameterId { element, parameter },
    })
}

/// The batch engine of a circuit that it takes, for voltages as functions of different sources.
pub fn batches(
    circuit: &Circuit,
    drives: &[Drive],
    outputs: &[Probe],
    conductances: &[ParameterId],
) -> Option<BatchFunction> {
    let mut unique = std::collections::HashSet::new();
    if !drives.iter().all(|drive| unique.insert(drive.place)) {
        return None;
    }
    let voltage = |probe: &Probe| match probe.output() {
        Some(Output::Voltage { p, n }) => Some([p, n]),
        _ => None,
    };
    let outputs: Vec<_> = outputs.iter().map(voltage).collect::<Option<_>>()?;
    let drives: Vec<_> = (drives.iter())
        .map(|drive| (drive.id.element, drive.input, drive.sign))
        .collect();
    let resistors: Vec<ElementId> = conductances.iter().map(|id| id.element).collect();
    let batches = BatchFunction::new(circuit, &drives, &outputs, &resistors).ok()?;
    batches.has_input_derivatives().then_some(batches)
}

/// Resistors by names and patterns such as `r*`, each once, in the order of the patterns.
pub fn resistors(circuit: &Circuit, patterns: &[String]) -> Result<Vec<ParameterId>> {
    let parameter = Parameter::Resistance;
    let mut found: indexmap::IndexSet<ParameterId> = indexmap::IndexSet::new();
    for pattern in patterns {
        let glob = ohmgrad::circuit::canonical(pattern);
        let matching = circuit.elements().filter(|(_, element)| {
            let is_usable =
                matches!(element.device, Device::Resistor { resistance } if resistance != 0.0);
            is_usable && glob_match::glob_match(&glob, &element.name())
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
