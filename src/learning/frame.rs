//! A circuit as the batch engine has it: nodes and elements in their units, without amplifiers.

use std::collections::HashMap;

use crate::analysis::Output;
use crate::batch::{Drive, Law, Unamplified, Unsuited};
use crate::circuit::{Circuit, ElementId, NodeId};
use crate::device::Parameter;
use crate::mna::Outline;

use super::parameters::TrainedParameters;

/// A trained quantity.
#[derive(Clone, Copy, Debug)]
pub(super) enum Handle {
    Conductance(u32),
    /// Index of a source that no feature drives.
    Current(u32),
}

/// The circuit that batches are made of, and how the one that trains is seen in it.
pub(super) struct Frame<'a> {
    pub circuit: &'a Circuit,
    pub outline: &'a Outline,
    /// Without amplifiers, and the outline with them.
    pub units: Option<(&'a Unamplified, &'a Outline)>,
}

impl Frame<'_> {
    pub fn node(&self, node: NodeId) -> (NodeId, f64) {
        self.units
            .map_or((node, 1.0), |(without, _)| without.node(node))
    }

    pub fn is_held(&self, node: NodeId) -> bool {
        match self.units {
            None => node == NodeId::GROUND,
            Some((without, _)) => without.is_held(node),
        }
    }

    fn element(&self, element: ElementId) -> Option<(ElementId, f64)> {
        match self.units {
            None => Some((element, 1.0)),
            Some((without, _)) => {
                let element = without.element(element)?;
                Some((element, without.unit(element)))
            }
        }
    }

    /// The one-ports of the circuit in their units.
    pub fn laws(&self) -> Vec<Law> {
        let unit = |element| self.units.map_or(1.0, |(without, _)| without.unit(element));
        let elements = self.outline.one_ports().iter().map(|(id, _)| *id);
        let laws = self.outline.laws(self.circuit).zip(elements);
        laws.map(|(law, element)| Law::new(law, unit(element)))
            .collect()
    }

    /// What the sources of the circuit carry, for those that carry features.
    pub fn drives(&self, drives: &[(usize, Drive)]) -> Vec<(usize, Drive)> {
        let Some((without, original)) = self.units else {
            return drives.to_vec();
        };
        let place: HashMap<ElementId, usize> = self
            .outline
            .source_elements()
            .iter()
            .copied()
            .zip(0..)
            .collect();
        let mut moved = Vec::with_capacity(drives.len());
        for &(source, drive) in drives {
            let element = original.source_elements()[source];
            let copies = without.copies.iter().filter(|copy| copy.0 == element);
            let all = without.element(element).into_iter();
            for element in all.chain(copies.map(|copy| copy.1)) {
                let unit = without.unit(element);
                let drive = Drive {
                    coefficient: drive.coefficient / unit,
                    constant: drive.constant / unit,
                    ..drive
                };
                moved.push((place[&element], drive));
            }
        }
        moved
    }
}

pub(super) fn find_handles(
    frame: &Frame<'_>,
    parameters: &TrainedParameters,
    is_driven: impl Fn(usize) -> bool,
) -> Result<Vec<Handle>, Unsuited> {
    let outline = frame.outline;
    let source_of: HashMap<_, _> = outline.source_elements().iter().zip(0usize..).collect();
    let handle = |(id, is_conductance): (crate::circuit::ParameterId, bool)| {
        let unsuited = Unsuited::Parameter(id.element, id.parameter);
        let Some((element, unit)) = frame.element(id.element) else {
            return Err(unsuited);
        };
        let conductance = outline.conductance_of(element).filter(|_| is_conductance);
        if let Some(k) = conductance {
            return Ok(Handle::Conductance(k as u32));
        }
        match (id.parameter, source_of.get(&element)) {
            (Parameter::Current, Some(&source)) if !is_driven(source) && unit == 1.0 => {
                Ok(Handle::Current(source as u32))
            }
            _ => Err(unsuited),
        }
    };
    parameters.entries().map(handle).collect()
}

pub(super) fn voltages(outputs: &[Output]) -> Result<Vec<[NodeId; 2]>, Unsuited> {
    let nodes = |output: &Output| match *output {
        Output::Voltage { p, n } => Ok([p, n]),
        Output::Current { .. } => Err(Unsuited::CurrentOutput),
    };
    outputs.iter().map(nodes).collect()
}
