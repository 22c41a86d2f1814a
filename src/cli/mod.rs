//! Arguments to a library call to a report.

mod activation;
mod baseline;
mod beginning;
mod bench;
mod bench_train;
mod check;
mod checksums;
mod compare_gradients;
mod draw;
mod epochs;
mod eval;
mod export;
mod failure;
mod generate;
mod grad;
mod interrupt;
mod landscape;
mod linearize;
mod manual;
mod mondeq;
mod op;
mod pictures;
mod plot;
mod points;
mod ports;
mod ranks;
mod report;
mod run;
mod run_folder;
mod run_pictures;
mod settings;
mod sweep_study;
mod synth;
mod train;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand, ValueEnum};

use crate::analysis::dataset::Dataset;
use crate::analysis::{OperatingPoint, Solver};
use crate::circuit::Circuit;
use crate::files::write_atomically;
use crate::netlist::{Diagnostic, Netlist, SourceMap};
use crate::report::picture::png;
use crate::report::{csv, json, prn, raw, table};

pub use failure::Failure;
use settings::{Settings, load_with};

/// Resistor-diode circuits: solve them, differentiate them, train them.
#[derive(Debug, Parser)]
#[command(
    name = "ohmgrad",
    version,
    about,
    after_help = "Exit codes: 0 ok, 1 did not converge, a check failed or a result could not be \
                  written, 2 bad arguments, 3 bad netlist, table, training file or checkpoint, \
                  4 bad topology, 130 ended by Ctrl-C, 143 ended by SIGTERM"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Solve the DC operating point of a deck
    Op(op::Arguments),
    /// Execute the deck's own analyses: .op .dc .tf .sens .step .measure
    Run(run::Arguments),
    /// Parse a deck and check its topology; verify the files of a run folder
    Check(check::Arguments),
    /// Differentiate an output with respect to every parameter, or to those of --wrt
    Grad(grad::Arguments),
    /// Write the adjoint network of an output as a deck (hardware linearization)
    Linearize(linearize::Arguments),
    /// Port behaviour of a circuit of resistors, transformers, gyrators and ideal diodes: the matrices of
    /// its kernel equation
    Ports(ports::Arguments),
    /// Write a deck or a training run's circuit for other programs: plain SPICE, KiCad, a bill of materials
    Export(export::Arguments),
    /// Train a circuit; without a file, the built-in digits
    Train(train::Arguments),
    /// Train as on a bench: from voltage drops in two circuits, with the errors of instruments and parts
    BenchTrain(bench_train::Arguments),
    /// Measure many points: seeds, hyper-parameters, boards with mismatch; goes on where it was interrupted
    SweepStudy(sweep_study::Arguments),
    /// Evaluate a trained circuit on its test samples or on other ones
    Eval(eval::Arguments),
    /// Set gradients that a circuit measures by itself (equilibrium propagation and others) beside the exact one
    CompareGradients(compare_gradients::Arguments),
    /// Draw a circuit: its symbols, its operating point, its gradient; large crossbars as heat maps
    Draw(draw::Arguments),
    /// Plot what ohmgrad has written: sweeps, training runs, errors of gradients
    Plot(plot::Arguments),
    /// Write a page about training runs: one HTML file that stands alone
    Report(report::Arguments),
    /// Draw what a one-port behind a resistor makes of its input: ReLU, clip, softplus
    Activation(activation::Arguments),
    /// Draw the co-content of a circuit along lines through its operating point, the least of them
    Landscape(landscape::Arguments),
    /// Train an equilibrium network: gyrators, resistors and ideal diodes
    Mondeq(mondeq::Arguments),
    /// Train what circuits are set beside: logistic regression, equilibrium propagation in software
    Baseline(baseline::Arguments),
    /// Write a trained network as a deck
    Synth(synth::Arguments),
    /// Write a standard circuit as a deck
    Generate(generate::Arguments),
    /// Print the completions of a shell
    Completions(manual::Completions),
    /// Write the manual pages, one for each command
    Man(manual::Pages),
    /// Measure solvers, ours and other programs', side by side on circuits of any size
    Bench(bench::Arguments),
}

/// Which format a result of rows is printed in.
#[derive(Clone, Copy, Debug, clap::Args)]
struct FormatArguments {
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// The same as --format csv
    #[arg(long, conflicts_with_all = ["format", "json"])]
    csv: bool,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

impl FormatArguments {
    fn chosen(self) -> Format {
        match self {
            Self { csv: true, .. } => Format::Csv,
            Self { json: true, .. } => Format::Json,
            Self { format, .. } => format,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
    Csv,
}

/// Formats of columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ResultFormat {
    /// For people
    Table,
    Csv,
    Json,
    /// Binary raw file of ngspice
    Raw,
    /// Raw file as text
    RawAscii,
    /// Columns of Xyce
    Prn,
}

impl ResultFormat {
    fn datasets(self, datasets: &[Dataset]) -> Vec<u8> {
        match self {
            Self::Table => table::datasets(datasets).into_bytes(),
            Self::Csv => csv::datasets(datasets).into_bytes(),
            Self::Json => json::text(&json::datasets(datasets)).into_bytes(),
            Self::Raw => raw::binary(datasets),
            Self::RawAscii => raw::ascii(datasets),
            Self::Prn => prn::datasets(datasets).into_bytes(),
        }
    }

    /// Bytes are not for a terminal.
    fn check_out(self, out: Option<&Path>) -> Result<(), Failure> {
        if self == Self::Raw && out.is_none() && std::io::stdout().is_terminal() {
            return Err(Failure::arguments(
                "error: a raw file is binary\n  help: give --out FILE, or --format raw-ascii",
            ));
        }
        Ok(())
    }
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
            Command::Ports(arguments) => ports::run(&arguments),
            Command::Export(arguments) => export::run(&arguments),
            Command::Train(arguments) => train::run(&arguments),
            Command::BenchTrain(arguments) => bench_train::run(&arguments),
            Command::SweepStudy(arguments) => sweep_study::run(&arguments),
            Command::Eval(arguments) => eval::run(&arguments),
            Command::CompareGradients(arguments) => compare_gradients::run(&arguments),
            Command::Draw(arguments) => draw::run(&arguments),
            Command::Plot(arguments) => plot::run(&arguments),
            Command::Report(arguments) => report::run(&arguments),
            Command::Activation(arguments) => activation::run(&arguments),
            Command::Landscape(arguments) => landscape::run(&arguments),
            Command::Mondeq(arguments) => mondeq::run(&arguments),
            Command::Baseline(arguments) => baseline::run(&arguments),
            Command::Synth(arguments) => synth::run(&arguments),
            Command::Generate(arguments) => generate::run(&arguments),
            Command::Completions(arguments) => manual::completions(&arguments),
            Command::Man(arguments) => manual::pages(&arguments),
            Command::Bench(arguments) => bench::run(&arguments),
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
        self.check_apart("deck", &self.deck)
    }

    /// Refuses to write the result over what it is made from.
    fn check_apart(&self, what: &str, source: &Path) -> Result<(), Failure> {
        let same = |out: &PathBuf| {
            let real = |path: &Path| std::fs::canonicalize(path).ok();
            real(out).is_some() && real(out) == real(source)
        };
        if self.out.as_ref().is_some_and(same) {
            let source = source.display();
            let message = format!("error: --out would overwrite the {what} {source}");
            return Err(Failure::arguments(message));
        }
        Ok(())
    }
}

/// Reads, builds, checks and compiles a deck; warnings go to standard error.
fn load(deck: &Path) -> Result<Solver, Failure> {
    let netlist = read_netlist(deck)?;
    let circuit = Circuit::from_netlist(&netlist)?;
    netlist.drop_aside();
    let solver = Solver::new(circuit)?;
    show_warnings(&solver.warnings, &solver.circuit.sources);
    Ok(solver)
}

/// Warnings on standard error beyond this number are counted only.
const SHOWN_WARNINGS: usize = 20;

fn show_warnings(warnings: &[Diagnostic], sources: &SourceMap) {
    for warning in warnings.iter().take(SHOWN_WARNINGS) {
        crate::note!("{}", warning.render(sources));
    }
    if warnings.len() > SHOWN_WARNINGS {
        let more = warnings.len() - SHOWN_WARNINGS;
        crate::note!("warning: {more} more warnings");
    }
}

/// Says what an operating point leaves open.
fn show_undetermined(circuit: &Circuit, op: &OperatingPoint) {
    let open = op.undetermined(circuit);
    let warnings: Vec<_> = open.iter().map(|item| item.diagnostic(circuit)).collect();
    show_warnings(&warnings, &circuit.sources);
}

/// Writes a picture as PNG to a file of that ending, as SVG elsewhere.
fn emit_picture(svg: &str, out: Option<&Path>) -> Result<(), Failure> {
    let ending = out.and_then(Path::extension);
    match ending.is_some_and(|ending| ending.eq_ignore_ascii_case("png")) {
        true => emit(png(svg)?, out),
        false => emit(svg, out),
    }
}

fn say(text: &str) -> Result<(), Failure> {
    emit(text, None)
}

/// Writes a result to a file, whole or not at all, or to standard output.
fn emit(result: impl AsRef<[u8]>, out: Option<&Path>) -> Result<(), Failure> {
    let bytes = result.as_ref();
    let written = match out {
        Some(path) => write_atomically(path, bytes),
        None => {
            let mut stdout = std::io::stdout().lock();
            stdout.write_all(bytes).and_then(|()| stdout.flush())
        }
    };
    match written {
        // A reader such as `head` that has seen enough is no failure.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::write(out, &error)),
        Ok(()) => Ok(()),
    }
}
