//! `ohmgrad export`: a flat, plain deck for another simulator.

use clap::ValueEnum;

use crate::circuit::Simulator;

use super::{DeckArguments, Failure, emit, load};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    deck: DeckArguments,
    /// Who shall read the deck
    #[arg(long = "for", value_enum, default_value = "ngspice")]
    reader: Reader,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Reader {
    /// Plain SPICE; elements that ngspice lacks are approximated, and a comment says how
    Ngspice,
    /// Every element as itself
    Ohmgrad,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    arguments.deck.check_out()?;
    let mut circuit = load(&arguments.deck.deck)?.circuit;
    if circuit.commands.analyses.is_empty() {
        circuit.ask_for_operating_point();
    }
    let simulator = match arguments.reader {
        Reader::Ngspice => Simulator::Ngspice,
        Reader::Ohmgrad => Simulator::Ohmgrad,
    };
    emit(
        &circuit.to_spice_for(simulator)?,
        arguments.deck.out.as_deref(),
    )
}
