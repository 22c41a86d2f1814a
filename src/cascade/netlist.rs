//! A cascade as one circuit.
//!
//! | part | name |
//! |---|---|
//! | input k | source `vx<k>` at node `x<k>` |
//! | element `r1` and node `a` of stage 2 | `r.s2.r1`, `s2.a` |
//! | drive of the voltage source `v1` of stage 2 | VCVS `e.s2.v1` in its place |
//! | drive of the current source `i1` of stage 2 | VCCS `g.s2.i1` in its place |
//! | readout k | VCVS `ey<k>` at node `y<k>` |

use std::collections::{HashMap, HashSet};

use crate::analysis::Output;
use crate::circuit::{Circuit, Control, ElementId, NodeId, ParameterId};
use crate::device::{Device, Parameter};

use super::solve::Compiled;
use super::{Cascade, CascadeError, CascadeParameter};

/// A cascade as one circuit, and where its parts are in it.
#[derive(Clone, Debug)]
pub struct Monolith {
    pub circuit: Circuit,
    /// Source of each input, V.
    pub inputs: Vec<ElementId>,
    /// V.
    pub outputs: Vec<Output>,
    /// The parameter of the circuit that each one of the cascade has become.
    pub parameters: HashMap<CascadeParameter, ParameterId>,
}

impl Cascade {
    /// The cascade as one circuit, whose inputs stand at those of the last evaluation, or at 0 V. What
    /// decks of the stages ask for (`.dc`, `.param`) is not in it; nodesets and options are.
    ///
    /// # Errors
    /// [`CascadeError::Environment`] if temperatures differ.
    pub fn to_circuit(&self) -> Result<Monolith, CascadeError> {
        let mut circuit = Circuit::new(format!(
            "cascade of {} stages, {} inputs and {} outputs",
            self.stages.len(),
            self.inputs,
            self.readouts.len()
        ));
        if let Some(first) = self.stages.first() {
            circuit.set_environment(first.solver.circuit.environment);
        }
        let mut builder = Builder {
            circuit,
            parameters: HashMap::new(),
        };
        let x = self.last.as_ref().and_then(|last| last.signals.first());
        let (mut inputs, mut before) = (Vec::new(), Vec::new());
        for input in 0..self.inputs {
            let node = builder.circuit.node(&format!("x{input}"));
            let voltage = x.map_or(0.0, |x| x[input]);
            let device = Device::VoltageSource { voltage };
            let pair = [node, NodeId::GROUND];
            let element = builder.circuit.add(&format!("vx{input}"), device, pair)?;
            let id = ParameterId {
                element,
                parameter: Parameter::Voltage,
            };
            let parameter = CascadeParameter::Input { input };
            builder.parameters.insert(parameter, id);
            inputs.push(element);
            before.push(pair);
        }
        for (k, stage) in self.stages.iter().enumerate() {
            if stage.solver.circuit.environment != builder.circuit.environment {
                return Err(CascadeError::Environment { stage: k + 1 });
            }
            before = builder.stage(k, stage, &before)?;
        }
        let mut outputs = Vec::with_capacity(self.readouts.len());
        for (k, readout) in self.readouts.iter().enumerate() {
            let p = builder.circuit.node(&format!("y{k}"));
            let n = NodeId::GROUND;
            let device = Device::Vcvs { gain: readout.gain };
            let control = before[readout.from];
            let name = format!("ey{k}");
            let element = builder
                .circuit
                .add_two_port(&name, device, [p, n], control)?;
            let id = ParameterId {
                element,
                parameter: Parameter::Gain,
            };
            let parameter = CascadeParameter::Readout { readout: k };
            builder.parameters.insert(parameter, id);
            outputs.push(Output::Voltage { p, n });
        }
        Ok(Monolith {
            circuit: builder.circuit,
            inputs,
            outputs,
            parameters: builder.parameters,
        })
    }
}

struct Builder {
    circuit: Circuit,
    parameters: HashMap<CascadeParameter, ParameterId>,
}

impl Builder {
    /// Adds stage k, driven by the voltages `before`, and returns its outputs.
    fn stage(
        &mut self,
        k: usize,
        stage: &Compiled,
        before: &[[NodeId; 2]],
    ) -> Result<Vec<[NodeId; 2]>, CascadeError> {
        let from = &stage.solver.circuit;
        let node = |(id, node): (NodeId, &crate::circuit::Node)| match id {
            NodeId::GROUND => id,
            _ => self.circuit.node(&format!("s{}.{}", k + 1, node.name)),
        };
        let nodes: Vec<NodeId> = from.nodes().map(node).collect();
        let pair = |[p, n]: [NodeId; 2]| [nodes[p.index()], nodes[n.index()]];
        let drives = stage.drives.iter().enumerate();
        let drives: HashMap<ElementId, usize> = drives.map(|(j, d)| (d.source, j)).collect();
        let sensed: HashSet<ElementId> = from
            .elements()
            .flat_map(|(_, e)| e.control_currents())
            .collect();
        let mut elements = Vec::with_capacity(from.element_count());
        for (id, element) in from.elements() {
            let letter = element.name.chars().next().unwrap_or('e');
            let name = |letter: char| format!("{letter}.s{}.{}", k + 1, element.name);
            let mut port = pair(element.port);
            let drive = drives.get(&id).map(|&j| (j, stage.drives[j]));
            if let Some((j, drive)) = drive {
                let is_voltage = matches!(element.device, Device::VoltageSource { .. });
                let (letter, device, parameter) = match is_voltage {
                    true => ('e', Device::Vcvs { gain: drive.gain }, Parameter::Gain),
                    false => {
                        let transconductance = drive.gain;
                        let device = Device::Vccs { transconductance };
                        (('g'), device, Parameter::Transconductance)
                    }
                };
                let mut behind = port;
                let is_sensed = is_voltage && sensed.contains(&id);
                if is_sensed {
                    // F, H and laws read the current of a V source: it stays, at 0 V, in series.
                    let between = self.circuit.fresh_node(&format!("{}.in", name('v')));
                    behind[0] = between;
                    port[1] = between;
                }
                let buffer =
                    self.circuit
                        .add_two_port(&name(letter), device, behind, before[drive.from])?;
                let id = ParameterId {
                    element: buffer,
                    parameter,
                };
                let gain = CascadeParameter::Gain { stage: k, drive: j };
                self.parameters.insert(gain, id);
                elements.push(match is_sensed {
                    true => {
                        let device = Device::VoltageSource { voltage: 0.0 };
                        self.circuit.add(&name('v'), device, port)?
                    }
                    false => buffer,
                });
                continue;
            }
            let (device, second) = (element.device.clone(), element.second().map(pair));
            let name = crate::circuit::canonical(&name(letter));
            let new = self
                .circuit
                .insert(name, None, device, port, second, None)?;
            for parameter in element.device.parameters() {
                let id = ParameterId {
                    element: id,
                    parameter,
                };
                let of_cascade = CascadeParameter::Element { stage: k, id };
                let id = ParameterId {
                    element: new,
                    parameter,
                };
                self.parameters.insert(of_cascade, id);
            }
            elements.push(new);
        }
        // An element may be controlled by one that comes after it.
        for ((_, element), &new) in from.elements().zip(&elements) {
            if let Some(control) = element.control() {
                self.circuit.set_control(new, elements[control.index()]);
            }
            let moved = |control: &Control| match *control {
                Control::Voltage(nodes) => Control::Voltage(pair(nodes)),
                Control::Current(id) => Control::Current(elements[id.index()]),
            };
            let controls = element.controls().iter().map(moved).collect();
            self.circuit.set_controls(new, controls);
        }
        let nodeset = from.nodeset.iter();
        let nodeset = nodeset.map(|(node, value)| (nodes[node.index()], *value));
        self.circuit.nodeset.extend(nodeset);
        self.circuit.options.extend(from.options.iter().cloned());
        Ok(stage.outputs.iter().map(|&output| pair(output)).collect())
    }
}
