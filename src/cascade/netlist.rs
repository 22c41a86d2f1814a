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
use crate::circuit::{
    Circuit, Control, ElementId, ElementRef, Node, NodeId, ParameterId, canonical,
};
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

/// Stage k on its way into the whole, driven by the voltages `before`.
struct Source<'a> {
    k: usize,
    stage: &'a Compiled,
    before: &'a [[NodeId; 2]],
    /// Where its nodes are.
    nodes: Vec<NodeId>,
    /// The voltage sources whose currents control other elements.
    sensed: HashSet<ElementId>,
}

impl Source<'_> {
    fn pair(&self, [p, n]: [NodeId; 2]) -> [NodeId; 2] {
        [self.nodes[p.index()], self.nodes[n.index()]]
    }

    /// `r.s2.r1` of the element `r1`, with a letter of choice.
    fn name(&self, letter: char, element: &ElementRef) -> String {
        format!("{letter}.s{}.{}", self.k + 1, element.name())
    }
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
        let node = |(id, node): (NodeId, &Node)| match id {
            NodeId::GROUND => id,
            _ => self.circuit.node(&format!("s{}.{}", k + 1, node.name)),
        };
        let source = Source {
            k,
            stage,
            before,
            nodes: from.nodes().map(node).collect(),
            sensed: from.sensed_elements().collect(),
        };
        let drives = stage.drives.iter().enumerate();
        let drives: HashMap<ElementId, usize> = drives.map(|(j, d)| (d.source, j)).collect();
        let mut elements = Vec::with_capacity(from.element_count());
        for (id, _) in from.elements() {
            elements.push(match drives.get(&id) {
                Some(&drive) => self.drive(&source, id, drive)?,
                None => self.element(&source, id)?,
            });
        }
        self.controls(&source, &elements);
        let nodeset = from.nodeset.iter();
        let nodeset = nodeset.map(|(node, value)| (source.nodes[node.index()], *value));
        self.circuit.nodeset.extend(nodeset);
        self.circuit.options.extend(from.options.iter().cloned());
        let outputs = stage.outputs.iter();
        Ok(outputs.map(|&output| source.pair(output)).collect())
    }

    /// Puts a buffer in the place of a source that is driven; returns the element whose current is that of
    /// the source.
    fn drive(
        &mut self,
        source: &Source,
        id: ElementId,
        drive: usize,
    ) -> Result<ElementId, CascadeError> {
        let element = source.stage.solver.circuit.element(id);
        let driven = source.stage.drives[drive];
        let (gain, transconductance) = (driven.gain, driven.gain);
        let is_voltage = matches!(element.device, Device::VoltageSource { .. });
        let (letter, device, parameter) = match is_voltage {
            true => ('e', Device::Vcvs { gain }, Parameter::Gain),
            false => (
                'g',
                Device::Vccs { transconductance },
                Parameter::Transconductance,
            ),
        };
        let mut behind = source.pair(element.port);
        let mut sensor = None;
        if is_voltage && source.sensed.contains(&id) {
            // F, H and laws read the current of a V source: it stays, at 0 V, in series.
            let name = source.name('v', &element);
            let between = self.circuit.fresh_node(&format!("{name}.in"));
            sensor = Some((name, [behind[0], between]));
            behind[0] = between;
        }
        let name = source.name(letter, &element);
        let control = source.before[driven.from];
        let buffer = self.circuit.add_two_port(&name, device, behind, control)?;
        let id = ParameterId {
            element: buffer,
            parameter,
        };
        let stage = source.k;
        let gain = CascadeParameter::Gain { stage, drive };
        self.parameters.insert(gain, id);
        match sensor {
            Some((name, port)) => {
                let device = Device::VoltageSource { voltage: 0.0 };
                Ok(self.circuit.add(&name, device, port)?)
            }
            None => Ok(buffer),
        }
    }

    /// Adds an element as it is, its controls left out.
    fn element(&mut self, source: &Source, id: ElementId) -> Result<ElementId, CascadeError> {
        let element = source.stage.solver.circuit.element(id);
        let letter = element.name().chars().next().unwrap_or('e');
        let name = canonical(&source.name(letter, &element));
        let second = element.second().map(|pair| source.pair(pair));
        let (device, port) = (element.device.clone(), source.pair(element.port));
        let new = self
            .circuit
            .insert(name, None, device, port, second, None)?;
        for parameter in element.device.parameters() {
            let of_stage = ParameterId {
                element: id,
                parameter,
            };
            let of_cascade = CascadeParameter::Element {
                stage: source.k,
                id: of_stage,
            };
            let id = ParameterId {
                element: new,
                parameter,
            };
            self.parameters.insert(of_cascade, id);
        }
        Ok(new)
    }

    /// Sets what controls the elements of a stage: it may come after them.
    fn controls(&mut self, source: &Source, elements: &[ElementId]) {
        for ((_, element), &new) in source.stage.solver.circuit.elements().zip(elements) {
            if let Some(control) = element.control() {
                self.circuit.set_control(new, elements[control.index()]);
            }
            let moved = |control: &Control| match *control {
                Control::Voltage(nodes) => Control::Voltage(source.pair(nodes)),
                Control::Current(id) => Control::Current(elements[id.index()]),
            };
            let controls = element.controls().iter().map(moved).collect();
            self.circuit.set_controls(new, controls);
        }
    }
}
