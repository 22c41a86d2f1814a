//! A cascade in a training file: circuits in a row with unidirectional buffers between them.
//!
//! ```toml
//! [[circuit.cascade]]
//! circuit = { layered = { inputs = 2, hidden = [8], outputs = 4, clamp = "1n4148" } }
//! sources = ["vp*"]
//! complements = ["vn*"]
//! read = ["v(out*)"]
//! ```
//!
//! Feature k drives the k-th input, `vx<k>`, and the k-th source of the first stage follows it; the sources
//! of each other stage follow what is read of the stage before. The outputs are `v(y0)`, `v(y1)`, …, and
//! element `r1` of stage 2 is `r.s2.r1`.

use serde::{Deserialize, Serialize};

use crate::analysis::Output;
use crate::cascade::{Cascade, Monolith, Readout, Stage};
use crate::circuit::{Circuit, ElementId};
use crate::device::Device;
use crate::learning::ports::{match_sources, read_outputs};

use super::{CircuitError, CircuitSource, ConfigError, LoadedConfig, OutputConfig};

/// One stage: a circuit, what drives it and what is read off it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageConfig {
    pub circuit: CircuitSource,
    /// V or I sources that follow what is read of the stage before (or the features), in order.
    pub sources: Vec<String>,
    /// Sources that follow the negative of it.
    #[serde(default)]
    pub complements: Vec<String>,
    /// Gain of the buffers before the sources, V/V (A/V for a current source).
    #[serde(default = "super::one")]
    pub gain: f64,
    /// Voltages for the next stage: `v(a)`, `v(a,b)`, `v(out*)`.
    pub read: Vec<String>,
}

/// The stages of a training file, compiled one by one and as one circuit.
#[derive(Debug)]
pub struct CascadeCircuit {
    pub cascade: Cascade,
    pub stages: Vec<Stage>,
    /// With the inputs `vx0`, `vx1`, … and the outputs `v(y0)`, `v(y1)`, …
    pub monolith: Monolith,
}

impl LoadedConfig {
    /// The cascade of the training file.
    ///
    /// # Errors
    /// What does not fit together, with its place; [`ConfigError::Value`] if the circuit is no cascade.
    pub fn cascade(&self) -> Result<CascadeCircuit, CircuitError> {
        let CircuitSource::Cascade(configs) = &self.config.circuit else {
            let error = ConfigError::Value {
                field: "circuit".to_string(),
                value: "one circuit".to_string(),
                expected: "[[circuit.cascade]]".to_string(),
            };
            return Err(error.into());
        };
        let (mut inputs, mut available) = (0, None);
        let mut stages = Vec::with_capacity(configs.len());
        for (number, config) in configs.iter().enumerate() {
            let circuit = self.build(&config.circuit, number)?;
            let (stage, driven) = config.stage(circuit)?;
            match available {
                None => inputs = driven,
                Some(left) if left != driven => {
                    return Err(ConfigError::Mismatch {
                        left_what: "outputs of a stage of circuit.cascade",
                        left,
                        right_what: "sources of the next one",
                        right: driven,
                        help: "let each output drive one source",
                    }
                    .into());
                }
                Some(_) => {}
            }
            available = Some(stage.outputs().len());
            stages.push(stage);
        }
        let readouts = (0..available.unwrap_or(0)).map(|from| Readout { from, gain: 1.0 });
        let cascade = Cascade::new(inputs, stages.clone(), readouts.collect())?;
        let monolith = cascade.to_circuit()?;
        Ok(CascadeCircuit {
            cascade,
            stages,
            monolith,
        })
    }
}

impl CircuitSource {
    /// Paths of the decks, relative to the training file.
    pub fn decks(&self) -> Vec<&std::path::Path> {
        match self {
            Self::Deck(path) => vec![path],
            Self::Layered(_) | Self::Deep(_) | Self::Kendall(_) => Vec::new(),
            Self::Cascade(stages) => stages.iter().flat_map(|s| s.circuit.decks()).collect(),
        }
    }
}

impl StageConfig {
    /// The stage, and how many signals drive it.
    fn stage(&self, circuit: Circuit) -> Result<(Stage, usize), CircuitError> {
        let is_source = |device: &Device| {
            matches!(
                device,
                Device::VoltageSource { .. } | Device::CurrentSource { .. }
            )
        };
        let elements = circuit.elements();
        let sources = elements.filter_map(|(id, e)| is_source(&e.device).then_some(id));
        let sources: Vec<ElementId> = sources.collect();
        let find = |field, patterns| match_sources(&circuit, &sources, field, patterns);
        let plain = find("sources of a stage of circuit.cascade", &self.sources)?;
        let negated = find(
            "complements of a stage of circuit.cascade",
            &self.complements,
        )?;
        if !negated.is_empty() && negated.len() != plain.len() {
            return Err(ConfigError::Mismatch {
                left_what: "sources of a stage of circuit.cascade",
                left: plain.len(),
                right_what: "their complements",
                right: negated.len(),
                help: "give each source one complement, or none to all of them",
            }
            .into());
        }
        let read = OutputConfig {
            read: self.read.clone(),
        };
        let outputs = read_outputs(&circuit, &read).map_err(CircuitError::from)?;
        let mut stage = Stage::new(circuit.clone());
        for (list, gain) in [(&plain, self.gain), (&negated, -self.gain)] {
            for (from, &source) in list.iter().enumerate() {
                let name = circuit.element(sources[source]).name();
                stage = stage.drive(&name, from, gain)?;
            }
        }
        for output in outputs {
            let Output::Voltage { p, n } = output else {
                return Err(ConfigError::Value {
                    field: "read of a stage of circuit.cascade".to_string(),
                    value: output.name(&circuit).to_string(),
                    expected: "voltages, which buffers follow".to_string(),
                }
                .into());
            };
            stage = stage.output(circuit.node_name(p), circuit.node_name(n))?;
        }
        Ok((stage, plain.len()))
    }
}
