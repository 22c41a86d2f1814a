//! `ohmgrad synth`: trained networks as decks.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::synthesis::{Equilibrium, Mlp, SymmetricPart};

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
    /// A ReLU network (multilayer perceptron) as a cascade of resistors, ideal diodes and buffers
    Mlp {
        /// Safetensors file with 0.weight [n1, n0], 0.bias [n1], 1.weight, ... or, as torch.nn.Sequential
        /// has it, 0.weight, 0.bias, 2.weight, ...
        file: PathBuf,
        /// Write the deck to this file instead of standard output
        #[arg(long, short)]
        out: Option<PathBuf>,
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
    let (Network::Mondeq { file, out, .. } | Network::Mlp { file, out }) = &arguments.network;
    let apart = DeckArguments {
        deck: file.clone(),
        out: out.clone(),
    };
    apart.check_apart("network", file)?;
    let mut circuit = match &arguments.network {
        Network::Mondeq { symmetric, .. } => {
            let network = Equilibrium::read(file)?;
            network.check_size()?;
            network.circuit(match symmetric {
                Symmetric::Gyrators => SymmetricPart::Gyrators,
                Symmetric::Transformers => SymmetricPart::Transformers,
            })?
        }
        Network::Mlp { .. } => {
            let network = Mlp::read(file)?;
            network.check_size()?;
            network.cascade()?.to_circuit()?.circuit
        }
    };
    circuit.ask_for_operating_point();
    emit(&circuit.to_spice()?, out.as_deref())
}
