//! Arguments to a library call to a report.

mod check;
mod export;
mod failure;
mod generate;
mod grad;
mod linearize;
mod op;
mod pictures;
mod run;
mod run_folder;
mod train;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand, ValueEnum};

use crate::analysis::Solver;
use crate::circuit::Circuit;
use crate::files::write_atomically;
use crate::netlist::Netlist;

pub use failure::Failure;

/// Resistor-diode circuits: solve them, differentiate them, train them.
#[derive(Debug, Parser)]
#[command(
    name = "ohmgrad",
    version,
    about,
    after_help = "Exit codes: 0 ok, 1 did not converge or a check failed, 2 bad arguments, \
                  3 bad netlist or training file, 4 bad topology"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Solve the DC operating point of a deck
    Op(op::Arguments),
    /// Execute the deck's own analyses (.op, .dc)
    Run(run::Arguments),
    /// Parse a deck and check its topology
    Check(check::Arguments),
    /// Differentiate an output with respect to every parameter
    Grad(grad::Arguments),
    /// Write the adjoint network of an output as a deck (hardware linearization)
    Linearize(linearize::Arguments),
    /// Write a flat, plain deck that other simulators run
    Export(export::Arguments),
    /// Train a circuit; without a file, the built-in digits
    Train(train::Arguments),
    /// Write a standard circuit as a deck
    Generate(generate::Arguments),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
    Csv,
}

/// A deck and where the result goes.
#[derive(Debug, clap::Args)]
struct DeckArguments {
    /// SPICE deck; `-` reads standard input
    deck: PathBuf,
    /// Write the result to this file instead of standard output
    #[arg(long, short)]
    out: Option<PathBuf>,
}

impl Cli {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] with a message and an exit code.
    pub fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::Op(arguments) => op::run(&arguments),
            Command::Run(arguments) => run::run(&arguments),
            Command::Check(arguments) => check::run(&arguments),
            Command::Grad(arguments) => grad::run(&arguments),
            Command::Linearize(arguments) => linearize::run(&arguments),
            Command::Export(arguments) => export::run(&arguments),
            Command::Train(arguments) => train::run(&arguments),
            Command::Generate(arguments) => generate::run(&arguments),
        }
    }
}

fn read_netlist(deck: &Path) -> Result<Netlist, Failure> {
    let netlist = if deck == Path::new("-") {
        Netlist::read_stdin()
    } else {
        Netlist::read(deck)
    };
    Ok(netlist?)
}

impl DeckArguments {
    /// Refuses to write the result over the deck.
    fn check_out(&self) -> Result<(), Failure> {
        let same = |out: &PathBuf| {
            let real = |path: &Path| std::fs::canonicalize(path).ok();
            real(out).is_some() && real(out) == real(&self.deck)
        };
        if self.out.as_ref().is_some_and(same) {
            let message = format!(
                "error: --out would overwrite the deck {}",
                self.deck.display()
            );
            return Err(Failure::arguments(message));
        }
        Ok(())
    }
}

/// Reads, builds, checks and compiles a deck; warnings go to standard error.
fn load(deck: &Path) -> Result<Solver, Failure> {
    let circuit = Circuit::from_netlist(&read_netlist(deck)?)?;
    let solver = Solver::new(circuit)?;
    show_warnings(&solver);
    Ok(solver)
}

fn show_warnings(solver: &Solver) {
    const SHOWN: usize = 20;
    for warning in solver.warnings.iter().take(SHOWN) {
        eprintln!("{}", warning.render(&solver.circuit.sources));
    }
    if solver.warnings.len() > SHOWN {
        eprintln!("warning: {} more warnings", solver.warnings.len() - SHOWN);
    }
}

/// Writes a result to a file, whole or not at all, or to standard output.
fn emit(text: &str, out: Option<&Path>) -> Result<(), Failure> {
    let written = match out {
        Some(path) => write_atomically(path, text.as_bytes()),
        None => {
            let mut stdout = std::io::stdout().lock();
            stdout
                .write_all(text.as_bytes())
                .and_then(|()| stdout.flush())
        }
    };
    match written {
        // A reader such as `head` that has seen enough is no failure.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::write(out, &error)),
        Ok(()) => Ok(()),
    }
}
