//! One circuit of a cascade, with what drives it and what is read off it.

use crate::circuit::{Circuit, ElementId, NodeId};
use crate::device::{Device, Parameter};

use super::CascadeError;

/// A source that follows an output of the stage before, or an input of the cascade.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drive {
    /// A V or I source of the stage.
    pub source: ElementId,
    /// Output of the stage before, or input of the cascade, counted from 0.
    pub from: usize,
    /// V/V for a voltage source, A/V for a current source.
    pub gain: f64,
}

/// An output of the cascade: an output of its last stage behind a buffer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Readout {
    /// Output of the last stage, counted from 0.
    pub from: usize,
    /// V/V.
    pub gain: f64,
}

/// A circuit, its driven sources and its outputs. Sources that are not driven keep their values.
#[derive(Clone, Debug)]
pub struct Stage {
    pub circuit: Circuit,
    pub(super) drives: Vec<Drive>,
    pub(super) outputs: Vec<[NodeId; 2]>,
}

impl Stage {
    pub fn new(circuit: Circuit) -> Self {
        Self {
            circuit,
            drives: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// Makes the source of this name follow output `from` of the stage before (or input `from` of the
    /// cascade), times `gain` (V/V; A/V for a current source).
    ///
    /// # Errors
    /// [`CascadeError::UnknownSource`], [`CascadeError::NoSource`], [`CascadeError::DrivenTwice`].
    pub fn drive(mut self, name: &str, from: usize, gain: f64) -> Result<Self, CascadeError> {
        let circuit = || self.circuit.title.clone();
        let name = || name.to_string();
        let Some(source) = self.circuit.find_element_spelled(&name()) else {
            return Err(CascadeError::UnknownSource {
                circuit: circuit(),
                name: name(),
            });
        };
        if source_parameter(&self.circuit.element(source).device).is_none() {
            return Err(CascadeError::NoSource {
                circuit: circuit(),
                name: name(),
            });
        }
        if self.drives.iter().any(|drive| drive.source == source) {
            return Err(CascadeError::DrivenTwice {
                circuit: circuit(),
                name: name(),
            });
        }
        self.drives.push(Drive { source, from, gain });
        Ok(self)
    }

    /// Adds the voltage between two nodes (V) to the outputs.
    ///
    /// # Errors
    /// [`CascadeError::UnknownNode`]
    pub fn output(mut self, p: &str, n: &str) -> Result<Self, CascadeError> {
        let node = |name: &str| {
            let found = self.circuit.find_node_spelled(name);
            found.ok_or_else(|| CascadeError::UnknownNode {
                circuit: self.circuit.title.clone(),
                name: name.to_string(),
            })
        };
        let pair = [node(p)?, node(n)?];
        self.outputs.push(pair);
        Ok(self)
    }

    /// In the order in which they were added.
    pub fn drives(&self) -> &[Drive] {
        &self.drives
    }

    /// Positive and negative node of each output.
    pub fn outputs(&self) -> &[[NodeId; 2]] {
        &self.outputs
    }
}

/// What of an independent source is driven.
pub(super) fn source_parameter(device: &Device) -> Option<Parameter> {
    match device {
        Device::VoltageSource { .. } => Some(Parameter::Voltage),
        Device::CurrentSource { .. } => Some(Parameter::Current),
        _ => None,
    }
}
