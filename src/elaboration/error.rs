//! Why a netlist is no circuit.

use crate::circuit::TopologyError;
use crate::netlist::{Diagnostic, NetlistError};
use crate::source::SourceMap;

/// Why a netlist is no circuit.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    Netlist(#[from] NetlistError),
    /// Values, models or references that cannot be used; each says where and why.
    #[error("{}", render(.sources, .faults))]
    Element {
        sources: SourceMap,
        faults: Vec<Diagnostic>,
    },
    #[error(transparent)]
    Topology(#[from] TopologyError),
}

fn render(sources: &SourceMap, faults: &[Diagnostic]) -> String {
    let rendered: Vec<_> = faults
        .iter()
        .map(|f| f.render(sources).to_string())
        .collect();
    rendered.join("\n")
}
