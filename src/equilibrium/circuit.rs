//! A trained equilibrium network as the circuit it is, solved for every sample of a data set.

use crate::analysis::CompileError;
use crate::batch::Accuracy;
use crate::learning::data::Dataset;
use crate::learning::{
    ConfigError, Engine, Evaluation, FeatureConfig, Loss, LossConfig, OutputConfig, Ports,
    SampleError, TrainedParameters,
};
use crate::mna::System;
use crate::synthesis::{Equilibrium, SymmetricPart};

/// Logits are milliamperes.
const LOGITS: LossConfig = LossConfig {
    kind: crate::learning::LossKind::CrossEntropy,
    scale: 1e3,
};

/// Why a network could not be evaluated as a circuit.
#[derive(Debug, thiserror::Error)]
pub enum CircuitEvaluationError {
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Sample(#[from] SampleError),
}

/// The circuit of a network with its inputs and logits as ports, ready for samples with labels like those
/// of `data`. `trained` are its trained parameters, none for an evaluation.
///
/// # Errors
/// [`CircuitEvaluationError`] if the data do not fit the network.
pub fn engine(
    network: &Equilibrium,
    data: &Dataset,
    trained: impl FnOnce(&mut crate::circuit::Circuit) -> Result<TrainedParameters, ConfigError>,
) -> Result<(Engine, TrainedParameters), CircuitEvaluationError> {
    let built = network.circuit(SymmetricPart::Gyrators);
    let mut circuit = built.map_err(CompileError::from)?;
    circuit.check().map_err(CompileError::from)?;
    let parameters = trained(&mut circuit)?;
    let system = System::compile(&circuit).map_err(CompileError::from)?;
    let features = FeatureConfig {
        sources: vec!["vx*".into()],
        complements: Vec::new(),
        scale: 1.0,
        offset: 0.0,
    };
    let outputs = OutputConfig {
        read: (0..network.out_bias.len())
            .map(|c| format!("i(vo{c})"))
            .collect(),
    };
    let ports = Ports::resolve(&circuit, &system, &features, &outputs)?;
    if ports.features() != data.features {
        return Err(ConfigError::Mismatch {
            left_what: "inputs of the network",
            left: ports.features(),
            right_what: "features of the data",
            right: data.features,
            help: "evaluate it on data like those that it was trained on",
        }
        .into());
    }
    let loss = Loss::new(LOGITS, ports.outputs.len(), data)?;
    let accuracy = (&parameters, Accuracy::default());
    let engine = Engine::new(circuit, system, ports, loss, accuracy);
    Ok((engine, parameters))
}

/// Solves the circuit for every sample: losses, predictions, and the logits in amperes as outputs.
///
/// # Errors
/// [`CircuitEvaluationError`]
pub fn evaluate(
    network: &Equilibrium,
    data: &Dataset,
) -> Result<Evaluation, CircuitEvaluationError> {
    let none = |circuit: &mut _| TrainedParameters::resolve(circuit, &[], 0);
    let (mut engine, mut parameters) = engine(network, data, none)?;
    Ok(engine.evaluate(data, &mut parameters)?)
}
