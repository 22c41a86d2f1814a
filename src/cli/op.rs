//! `ohmgrad op`.

use crate::report::{csv, json, table};

use super::{DeckArguments, Failure, Format, emit, load};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    deck: DeckArguments,
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut solver = load(&arguments.deck.deck)?;
    let out = arguments.deck.out.as_deref();
    let outcome = solver.operating_point();
    let circuit = &solver.circuit;
    let op = match outcome {
        Ok(op) => op,
        Err(error) => {
            if arguments.format == Format::Json {
                emit(&json::text(&json::no_operating_point(circuit, &error)), out)?;
            }
            return Err(error.into());
        }
    };
    let text = match arguments.format {
        Format::Table => table::operating_point(circuit, &op),
        Format::Json => json::text(&json::operating_point(circuit, &op)),
        Format::Csv => csv::operating_point(circuit, &op),
    };
    emit(&text, out)
}
