//! `ohmgrad synth`: trained networks as decks.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::synthesis::{Equilibrium, SymmetricPart};

use super::{DeckArguments, Failure, emit};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    network: Network,
}

#[derive(Debug, clap::Subcommand)]
enum Network {
    /// A ReLU equilibrium network (monDEQ) as resistors, transformers, gyrators, ideal diodes and sources
    Mondeq {
        /// Safetensors file with A, B, U, b, out.weight, out.bias and the metadata m
        file: PathBuf,
        /// Write the deck to this file instead of standard output
        #[arg(long, short)]
        out: Option<PathBuf>,
        /// What makes A'A
        #[arg(long, value_enum, default_value = "gyrators")]
        symmetric: Symmetric,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Symmetric {
    /// Gyrators to a resistor for each row of A
    Gyrators,
    /// Transformers in series for each row of A: slower to solve, reciprocal without B
    Transformers,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Network::Mondeq {
        file,
        out,
        symmetric,
    } = &arguments.network;
    let apart = DeckArguments {
        deck: file.clone(),
        out: out.clone(),
    };
    apart.check_apart("network", file)?;
    let network = Equilibrium::read(file)?;
    network.check_size()?;
    let mut circuit = network.circuit(match symmetric {
        Symmetric::Gyrators => SymmetricPart::Gyrators,
        Symmetric::Transformers => SymmetricPart::Transformers,
    })?;
    circuit.ask_for_operating_point();
    emit(&circuit.to_spice()?, out.as_deref())
}
