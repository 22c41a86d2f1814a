//! A trained equilibrium network as the circuit it is, solved for every sample of a data set.

use faer::Mat;
use rayon::prelude::*;

use crate::analysis::CompileError;
use crate::batch::{Accuracy, Conversion};
use crate::learning::data::Dataset;
use crate::learning::{
    ConfigError, Engine, Evaluation, FeatureConfig, Loss, LossConfig, OutputConfig, Ports,
    SampleError, TrainedParameters,
};
use crate::mna::Outline;
use crate::synthesis::{Equilibrium, SymmetricPart};

use super::splitting::{Room, Splitting};

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
    let outline = Outline::of(&circuit);
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
    let ports = Ports::resolve(&circuit, outline.source_elements(), &features, &outputs)?;
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
    let engine = Engine::new(circuit, outline, ports, loss, accuracy);
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

/// Logits by iteration, without a circuit: samples x classes. None if it does not settle.
pub fn logits(network: &Equilibrium, data: &Dataset) -> Option<Vec<f64>> {
    const TOLERANCE: f64 = 1e-13;
    const AT_ONCE: usize = 64;
    let iterated = network.network();
    let (n, features) = (network.units(), data.features);
    let identity = |i: usize, j: usize| f64::from(u8::from(i == j));
    let s = Mat::from_fn(n, n, |i, j| identity(i, j) - iterated.w[(i, j)]);
    let splitting = Splitting::new(s.as_ref(), network.m);
    let samples: Vec<usize> = (0..data.len()).collect();
    let plain = Conversion::new(|feature| feature);
    let of_block = |block: &[usize]| {
        let mut q = Vec::with_capacity(block.len() * n);
        let mut x = vec![0.0; features];
        for &sample in block {
            data.input(sample).write(&plain, &mut x);
            let mut sums = iterated.b.clone();
            iterated.u.multiply_add(1.0, &x, &mut sums);
            q.extend(sums);
        }
        let mut z = vec![0.0; q.len()];
        let is_settled = splitting.solve(&q, TOLERANCE, &mut Room::default(), &mut z);
        is_settled.then(|| z.chunks_exact(n).flat_map(|z| network.logits(z)).collect())
    };
    let logits: Option<Vec<Vec<f64>>> = samples.par_chunks(AT_ONCE).map(of_block).collect();
    logits.map(|blocks| blocks.concat())
}
