//! Features onto sources, outputs off nodes.

use glob_match::glob_match;

use crate::analysis::Output;
use crate::batch::{Drive, Sample};
use crate::circuit::{Circuit, ElementId, NodeId, canonical};
use crate::mna::Workspace;

use super::config::{ConfigError, FeatureConfig, OutputConfig};

/// Which source carries which feature and what is read.
#[derive(Clone, Debug)]
pub struct Ports {
    /// Index among the circuit's sources and sign of each feature's sources.
    drives: Vec<(usize, usize, f64)>,
    features: usize,
    scale: f64,
    offset: f64,
    pub outputs: Vec<Output>,
}

impl Ports {
    /// Resolves names and globs.
    ///
    /// # Errors
    /// A name or glob without a match, or lists of different lengths.
    pub fn resolve(
        circuit: &Circuit,
        sources: &[ElementId],
        features: &FeatureConfig,
        outputs: &OutputConfig,
    ) -> Result<Self, ConfigError> {
        let plain = match_sources(circuit, sources, "features.sources", &features.sources)?;
        let negated = match_sources(
            circuit,
            sources,
            "features.complements",
            &features.complements,
        )?;
        if !negated.is_empty() && negated.len() != plain.len() {
            return Err(ConfigError::Mismatch {
                left_what: "sources of features",
                left: plain.len(),
                right_what: "their complements",
                right: negated.len(),
                help: "give each feature one source and one complement, or no complements at all",
            });
        }
        let with_sign = |list: Vec<usize>, sign: f64| {
            list.into_iter()
                .enumerate()
                .map(move |(feature, source)| (source, feature, sign))
        };
        let count = plain.len();
        Ok(Self {
            drives: with_sign(plain, 1.0)
                .chain(with_sign(negated, -1.0))
                .collect(),
            features: count,
            scale: features.scale,
            offset: features.offset,
            outputs: read_outputs(circuit, outputs)?,
        })
    }

    /// Number of features that have a source.
    pub fn features(&self) -> usize {
        self.features
    }

    /// Index among the circuit's sources, feature and sign of each source that is driven.
    pub fn drives(&self) -> impl Iterator<Item = (usize, usize, f64)> + '_ {
        self.drives.iter().copied()
    }

    /// How the features reach the sources.
    pub fn source_drives(&self) -> Vec<(usize, Drive)> {
        let drive = |&(source, feature, sign): &(usize, usize, f64)| {
            let drive = Drive {
                feature: Some(feature as u32),
                coefficient: sign * self.scale,
                constant: sign * self.offset,
            };
            (source, drive)
        };
        self.drives.iter().map(drive).collect()
    }

    /// Sets the sources of one solve: `scale x + offset`, negated at complements.
    pub fn apply(&self, features: Sample<'_>, workspace: &mut Workspace) {
        for &(source, feature, sign) in &self.drives {
            workspace.sources[source] = sign * (self.scale * features.get(feature) + self.offset);
        }
    }
}

pub(super) fn match_sources(
    circuit: &Circuit,
    sources: &[ElementId],
    field: &'static str,
    patterns: &[String],
) -> Result<Vec<usize>, ConfigError> {
    let mut found = Vec::new();
    for pattern in patterns {
        let glob = canonical(pattern);
        let before = found.len();
        let matches = |id: &ElementId| glob_match(&glob, &circuit.element(*id).name());
        found.extend(
            sources
                .iter()
                .enumerate()
                .filter(|(_, id)| matches(id))
                .map(|(k, _)| k),
        );
        if found.len() == before {
            return Err(ConfigError::NoMatch {
                field,
                pattern: pattern.clone(),
                what: "V or I source",
                help: format!("the circuit has {}", listing(circuit, sources)),
            });
        }
    }
    Ok(found)
}

fn listing(circuit: &Circuit, elements: &[ElementId]) -> String {
    let names: Vec<_> = elements
        .iter()
        .take(8)
        .map(|id| circuit.element(*id).name())
        .collect();
    match elements.len() {
        0 => "no V or I sources".to_string(),
        n if n > names.len() => format!("{}, … ({n} sources)", names.join(", ")),
        _ => names.join(", "),
    }
}

pub(super) fn read_outputs(
    circuit: &Circuit,
    config: &OutputConfig,
) -> Result<Vec<Output>, ConfigError> {
    let mut outputs = Vec::new();
    for text in &config.read {
        let lower = canonical(text);
        let glob = lower.strip_prefix("v(").and_then(|t| t.strip_suffix(')'));
        match glob.filter(|g| g.contains('*') && !g.contains(',')) {
            None => outputs.push(Output::parse(circuit, text)?),
            Some(glob) => {
                let before = outputs.len();
                let nodes = circuit
                    .nodes()
                    .filter(|(_, node)| glob_match(glob, &node.name));
                outputs.extend(nodes.map(|(p, _)| Output::Voltage {
                    p,
                    n: NodeId::GROUND,
                }));
                if outputs.len() == before {
                    return Err(ConfigError::NoMatch {
                        field: "outputs.read",
                        pattern: text.clone(),
                        what: "node",
                        help: "name the nodes to read, for instance v(out)".to_string(),
                    });
                }
            }
        }
    }
    Ok(outputs)
}
