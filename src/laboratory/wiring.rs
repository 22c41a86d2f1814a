//! From a training file to stages with their drives, outputs and trained parts. A single circuit is one stage.

use std::collections::HashMap;

use crate::analysis::Output;
use crate::cascade::{CascadeParameter, Drive, Monolith};
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
        let inputs = inputs(trainer, &cascade.monolith, &whole)?;
        let stages = cascade.stages.iter().enumerate();
        let stages = stages.map(|(number, stage)| StageWiring {
            circuit: stage.circuit.clone(),
            followers: stage
                .drives()
                .iter()
                .map(|drive| follower(drive, (number == 0).then_some(&inputs)))
                .collect(),
            outputs: stage.outputs().to_vec(),
        });
        let place = |output: &Output| {
            let mut own = cascade.monolith.outputs.iter();
            let found = own.position(|own| own == output);
            found.ok_or_else(|| current_output(&whole, *output))
        };
        let readouts = trainer.engine.ports.outputs.iter().map(place);
        let mut wiring = Self {
            stages: stages.collect(),
            sites: Vec::with_capacity(trainer.parameters.len()),
            readouts: readouts.collect::<Result<_, _>>()?,
        };
        let elements = elements(&cascade.monolith);
        for (id, is_reciprocal) in trainer.parameters.entries() {
            let Some(&(stage, id)) = elements.get(&id) else {
                return Err(LaboratoryError::NoRule {
                    element: whole.element(id.element).name().to_string(),
                    parameter: id.parameter.to_string(),
                });
            };
            wiring.sites.push(Site {
                stage,
                id,
                is_reciprocal,
                rule: Rule::of(&wiring.stages[stage].circuit, id, is_reciprocal)?,
            });
        }
        Ok(wiring)
    }
}

/// What the features make of each input `vx<k>` of a cascade, V; none of one that stands at 0 V.
fn inputs(
    trainer: &Trainer,
    monolith: &Monolith,
    whole: &Circuit,
) -> Result<Vec<Option<Follower>>, LaboratoryError> {
    let mut inputs = vec![None; monolith.inputs.len()];
    for follower in followers(trainer) {
        let mut own = monolith.inputs.iter();
        let Some(k) = own.position(|id| *id == follower.source) else {
            let name = &whole.element(follower.source).name();
            let expected = "inputs of the cascade: vx0, vx1, …, or vx*";
            return Err(value("features.sources", name, expected));
        };
        inputs[k] = Some(follower);
    }
    Ok(inputs)
}

/// A drive of a stage as a follower; that of the first stage follows the features behind its input.
fn follower(drive: &Drive, inputs: Option<&Vec<Option<Follower>>>) -> Follower {
    let (from, gain, offset) = match inputs.map(|inputs| inputs[drive.from]) {
        None => (drive.from, drive.gain, 0.0),
        Some(None) => (0, 0.0, 0.0),
        Some(Some(input)) => (
            input.from,
            drive.gain * input.gain,
            drive.gain * input.offset,
        ),
    };
    Follower {
        source: drive.source,
        from,
        gain,
        offset,
    }
}

/// Stage and parameter of what the whole circuit's parameters are in a cascade.
fn elements(monolith: &Monolith) -> HashMap<ParameterId, (usize, ParameterId)> {
    let parameters = monolith.parameters.iter();
    let of_stage = |(parameter, whole): (&CascadeParameter, &ParameterId)| match *parameter {
        CascadeParameter::Element { stage, id } => Some((*whole, (stage, id))),
        _ => None,
    };
    parameters.filter_map(of_stage).collect()
}

/// The sources that features drive, of the trainer's whole circuit.
fn followers(trainer: &Trainer) -> impl Iterator<Item = Follower> {
    let sources = trainer.engine.outline.source_elements();
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
