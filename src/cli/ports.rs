//! `ohmgrad ports`: the kernel equation of a circuit seen from its ports.

use std::path::Path;

use clap::ValueEnum;

use crate::kernel::{CircuitKernel, Port};
use crate::points::is_npz;
use crate::report::{json, kernel};

use super::settings::build_with;
use super::{DeckArguments, Failure, emit, show_warnings};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    deck: DeckArguments,
    /// A port (repeatable): name:p,n driven by a voltage, name:p,n:i by a current, or the name of a V or
    /// I source that becomes the port; --out may end in .json or .npz
    #[arg(long = "port", value_name = "NAME:P,N")]
    ports: Vec<String>,
    /// Set a variable of the deck (repeatable): a .param, temp, r1
    #[arg(long = "param", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// Without it, as the ending of --out says, else a table
    #[arg(long, value_enum)]
    format: Option<Format>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    Json,
    /// Arrays for NumPy
    Npz,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    arguments.deck.check_out()?;
    let out = arguments.deck.out.as_deref();
    let format = arguments.format.unwrap_or_else(|| format_of(out));
    if format == Format::Npz && out.is_none() {
        return Err(Failure::arguments(
            "error: NPZ is binary\n  help: give --out FILE.npz, or --format json",
        ));
    }
    let circuit = build_with(&arguments.deck.deck, &arguments.parameters)?;
    show_warnings(&circuit.warnings, &circuit.sources);
    let ports =
        Port::parse_all(&circuit, &arguments.ports).map_err(|error| Failure::argument(&error))?;
    let found = CircuitKernel::of(&circuit, &ports)?;
    let summary = found.summary()?;
    let bytes = match format {
        Format::Table => kernel::table(&found, &summary).into_bytes(),
        Format::Json => json::text(&kernel::json(&circuit, &found, &summary)).into_bytes(),
        Format::Npz => kernel::npz(&found).map_err(|error| Failure::write(out, &error))?,
    };
    emit(bytes, out)
}

fn format_of(out: Option<&Path>) -> Format {
    let ends = |path: &Path, ending: &str| {
        let extension = path.extension().and_then(|e| e.to_str());
        extension.is_some_and(|e| e.eq_ignore_ascii_case(ending))
    };
    match out {
        Some(path) if is_npz(path) => Format::Npz,
        Some(path) if ends(path, "json") => Format::Json,
        _ => Format::Table,
    }
}
