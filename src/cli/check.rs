//! `ohmgrad check`: parse and topology of a deck, or the checksums of a run folder.

use std::path::{Path, PathBuf};

use super::{Failure, checksums, emit, load};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// SPICE deck, or the folder of a training run; `-` reads a deck from standard input
    deck: PathBuf,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.deck.is_dir() {
        return check_folder(&arguments.deck);
    }
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

fn check_folder(folder: &Path) -> Result<(), Failure> {
    let files = checksums::verify(folder)?;
    emit(
        format!("ok: {files} files are as the training left them\n"),
        None,
    )
}
