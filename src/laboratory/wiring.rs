//! From a training file to stages with their drives, outputs and trained parts. A single circuit is one stage.

use crate::analysis::Output;
use crate::cascade::CascadeParameter;
use crate::circuit::{Circuit, ElementId, NodeId, ParameterId};
use crate::learning::{CircuitSource, ConfigError, LoadedConfig, Trainer};

use super::LaboratoryError;
use super::rule::Rule;

/// A source and what it follows: `gain x + offset` (V or A), x being a feature or an output of the stage before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Follower {
    pub source: ElementId,
    pub from: usize,
    pub gain: f64,
    pub offset: f64,
}

/// A circuit of the row, with the values of the training file.
#[derive(Clone, Debug)]
pub struct StageWiring {
    pub circuit: Circuit,
    pub followers: Vec<Follower>,
    /// Positive and negative node of each output.
    pub outputs: Vec<[NodeId; 2]>,
}

/// A trained parameter where it stands in the row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Site {
    pub stage: usize,
    pub id: ParameterId,
    /// The quantity is the reciprocal of the parameter.
    pub is_reciprocal: bool,
    pub rule: Rule,
}

/// What is on the bench.
#[derive(Clone, Debug)]
pub struct Wiring {
    pub stages: Vec<StageWiring>,
    /// In the order of the trained parameters.
    pub sites: Vec<Site>,
    /// Output of the last stage behind each output that the loss sees.
    pub readouts: Vec<usize>,
}

impl Wiring {
    /// # Errors
    /// [`LaboratoryError::Output`], [`LaboratoryError::NoRule`], or what is wrong with the training file.
    pub fn new(loaded: &LoadedConfig, trainer: &mut Trainer) -> Result<Self, LaboratoryError> {
        match loaded.config.circuit {
            CircuitSource::Cascade(_) => Self::of_cascade(loaded, trainer),
            _ => Self::of_circuit(trainer),
        }
    }

    fn of_circuit(trainer: &mut Trainer) -> Result<Self, LaboratoryError> {
        let circuit = trainer.circuit().clone();
        let followers = followers(trainer).collect();
        let outputs = &trainer.engine.ports.outputs;
        let pair = |output: &Output| match *output {
            Output::Voltage { p, n } => Ok([p, n]),
            output => Err(current_output(&circuit, output)),
        };
        let outputs = outputs.iter().map(pair).collect::<Result<Vec<_>, _>>()?;
        let site = |(id, is_reciprocal)| {
            Ok(Site {
                stage: 0,
                id,
                is_reciprocal,
                rule: Rule::of(&circuit, id, is_reciprocal)?,
            })
        };
        let sites = trainer.parameters.entries().map(site);
        Ok(Self {
            sites: sites.collect::<Result<_, LaboratoryError>>()?,
            readouts: (0..outputs.len()).collect(),
            stages: vec![StageWiring {
                circuit,
                followers,
                outputs,
            }],
        })
    }

    fn of_cascade(loaded: &LoadedConfig, trainer: &mut Trainer) -> Result<Self, LaboratoryError> {
        let cascade = loaded.cascade()?;
        let whole = trainer.circuit().clone();
        // What the features make of each input `vx<k>`, V.
        let mut inputs = vec![None; cascade.monolith.inputs.len()];
        for follower in followers(trainer) {
            let k = cascade
                .monolith
                .inputs
                .iter()
                .position(|id| *id == follower.source);
            let Some(k) = k else {
                let name = &whole.element(follower.source).name;
                return Err(value(
                    "features.sources",
                    name,
                    "inputs of the cascade: vx0, vx1, …, or vx*",
                ));
            };
            inputs[k] = Some(follower);
        }
        let mut stages = Vec::with_capacity(cascade.stages.len());
        for (number, stage) in cascade.stages.iter().enumerate() {
            let mut all = Vec::with_capacity(stage.drives().len());
            for drive in stage.drives() {
                let plain = Follower {
                    source: drive.source,
                    from: drive.from,
                    gain: drive.gain,
                    offset: 0.0,
                };
                let follower = match (number, inputs.get(drive.from)) {
                    (0, Some(Some(input))) => Follower {
                        from: input.from,
                        gain: drive.gain * input.gain,
                        offset: drive.gain * input.offset,
                        ..plain
                    },
                    // An input without a feature stands at 0 V.
                    (0, _) => Follower {
                        from: 0,
                        gain: 0.0,
                        ..plain
                    },
                    _ => plain,
                };
                all.push(follower);
            }
            stages.push(StageWiring {
                circuit: stage.circuit.clone(),
                followers: all,
                outputs: stage.outputs().to_vec(),
            });
        }
        let place = |output: &Output| {
            let found = cascade
                .monolith
                .outputs
                .iter()
                .position(|own| own == output);
            found.ok_or_else(|| current_output(&whole, *output))
        };
        let readouts = trainer.engine.ports.outputs.iter().map(place);
        let readouts = readouts.collect::<Result<Vec<_>, _>>()?;
        let elements: std::collections::HashMap<ParameterId, (usize, ParameterId)> = cascade
            .monolith
            .parameters
            .iter()
            .filter_map(|(parameter, whole)| match *parameter {
                CascadeParameter::Element { stage, id } => Some((*whole, (stage, id))),
                _ => None,
            })
            .collect();
        let mut sites = Vec::with_capacity(trainer.parameters.len());
        for (k, (id, is_reciprocal)) in trainer.parameters.entries().enumerate() {
            let Some(&(stage, own)) = elements.get(&id) else {
                return Err(LaboratoryError::NoRule {
                    element: whole.element(id.element).name.to_string(),
                    parameter: id.parameter.to_string(),
                });
            };
            let circuit = &mut stages[stage].circuit;
            // Initial values may have been spread.
            let quantity = trainer.parameters.quantity(k);
            let nominal = if is_reciprocal {
                1.0 / quantity
            } else {
                quantity
            };
            let _ = circuit.set(own, nominal);
            let rule = Rule::of(circuit, own, is_reciprocal)?;
            sites.push(Site {
                stage,
                id: own,
                is_reciprocal,
                rule,
            });
        }
        Ok(Self {
            stages,
            sites,
            readouts,
        })
    }
}

/// The sources that features drive, of the trainer's whole circuit.
fn followers(trainer: &Trainer) -> impl Iterator<Item = Follower> {
    let sources = trainer.engine.system.source_elements();
    let drives = trainer.engine.ports.source_drives().into_iter();
    drives.map(|(k, drive)| Follower {
        source: sources[k],
        from: drive.feature.map_or(0, |f| f as usize),
        gain: drive.coefficient,
        offset: drive.constant,
    })
}

fn current_output(circuit: &Circuit, output: Output) -> LaboratoryError {
    LaboratoryError::Output {
        output: output.name(circuit).to_string(),
    }
}

pub(super) fn value(field: &str, value: &str, expected: &str) -> LaboratoryError {
    LaboratoryError::Config(ConfigError::Value {
        field: field.to_string(),
        value: value.to_string(),
        expected: expected.to_string(),
    })
}
