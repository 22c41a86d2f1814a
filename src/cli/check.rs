//! `ohmgrad check`: parse and topology only.

use std::path::PathBuf;

use super::{Failure, emit, load};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// SPICE deck; `-` reads standard input
    deck: PathBuf,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let solver = load(&arguments.deck)?;
    let circuit = &solver.circuit;
    let kind = if circuit.is_reciprocal() {
        "reciprocal"
    } else {
        "not reciprocal"
    };
    let text = format!(
        "ok: {} nodes, {} elements, {} parameters; {kind}; {} unknowns, solved by {:?}\n",
        circuit.node_count(),
        circuit.element_count(),
        circuit.parameters().len(),
        solver.system.order(),
        solver.system.method(),
    );
    emit(&text, None)
}
