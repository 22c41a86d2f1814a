//! `ohmgrad bench`: solvers side by side.

use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::benchmark::{Cell, Job, Machine, Plan, SolverKind, Subject, exponents, measure};
use crate::circuit::generators::Family;
use crate::report::benchmark::{self as report, Report};
use crate::report::json;
use crate::units::parse_number;

use super::{Failure, Format, FormatArguments, emit};

const HELP: &str = "\
Every run is a process of its own that reads the deck: its time is comparable with another program's, and
its memory is that of the cell. A solver that is over the limit is not run on larger circuits of the family.
disagreement: largest difference of a potential from that of the first solver that has an answer, relative to
the largest potential. residual: largest part of the currents at a node that does not balance.

Examples:
  ohmgrad bench --families ladder,grid --sizes 1e3,1e4,1e5 --solvers auto,ngspice --svg scaling.svg
  ohmgrad bench --deck mine.cir --deck other.cir --repeat 5
  ohmgrad bench --families grid --sizes 1e5 --solvers auto --profile";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// Families of circuits, instead of all
    #[arg(
        long,
        value_enum,
        value_name = "LIST",
        value_delimiter = ',',
        conflicts_with = "decks"
    )]
    families: Vec<Family>,
    /// Elements of each circuit, about
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = count, default_value = "100,1000,10000")]
    sizes: Vec<usize>,
    /// Seeds of element values
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "0")]
    seeds: Vec<u64>,
    /// A deck of your own instead of families (repeatable)
    #[arg(long = "deck", value_name = "FILE")]
    decks: Vec<PathBuf>,
    /// Solvers, instead of all of ours and those of other programs on PATH
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',')]
    solvers: Vec<SolverKind>,
    /// Runs of each cell
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    repeat: u16,
    /// End a run after so long: 30, 10m
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = super::settings::duration)]
    limit: Duration,
    /// Break runs into their parts, and set kernels beside what this machine can do
    #[arg(long)]
    profile: bool,
    #[command(flatten)]
    format: FormatArguments,
    /// Draw time over elements into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Write the result to this file instead of standard output
    #[arg(long, short)]
    out: Option<PathBuf>,
    /// One run in this process; what the command itself calls
    #[arg(long, hide = true, exclusive = true)]
    job: Option<String>,
}

/// Elements beyond this would not fit into the memory of an ordinary machine.
const MOST_ELEMENTS: f64 = 5e7;

fn count(text: &str) -> Result<usize, String> {
    let number = parse_number(text.trim()).filter(|n| (1.0..=MOST_ELEMENTS).contains(n));
    let number = number.ok_or_else(|| format!("expected a number from 1 to {MOST_ELEMENTS:e}"))?;
    Ok(number.round() as usize)
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    if let Some(job) = &arguments.job {
        return run_job(job);
    }
    check_files(arguments)?;
    let plan = plan(arguments)?;
    let bar = progress_bar(plan.cells());
    let records = crate::benchmark::run(&plan, |done, cell| show(&bar, done, cell))?;
    bar.finish_and_clear();
    let fits = exponents(&records);
    let machine = plan.profile.then(Machine::measure);
    let report = Report {
        records: &records,
        exponents: &fits,
        machine: machine.as_ref(),
    };
    if let Some(path) = &arguments.svg {
        emit(report::picture(&report), Some(path))?;
    }
    let text = match arguments.format.chosen() {
        Format::Table => report::table(&report),
        Format::Csv => report::csv(&records),
        Format::Json => json::text(&report::json(&report)),
    };
    emit(text, arguments.out.as_deref())
}

fn plan(arguments: &Arguments) -> Result<Plan, Failure> {
    let families = match arguments.families.is_empty() {
        true => <Family as clap::ValueEnum>::value_variants().to_vec(),
        false => arguments.families.clone(),
    };
    let subjects = match arguments.decks.is_empty() {
        true => Plan::subjects(&families, &arguments.sizes, &arguments.seeds),
        false => {
            let deck = |deck: &PathBuf| Subject::Deck { deck: deck.clone() };
            arguments.decks.iter().map(deck).collect()
        }
    };
    let solvers = match arguments.solvers.is_empty() {
        true => SolverKind::available(),
        false => arguments.solvers.clone(),
    };
    let program = std::env::current_exe();
    Ok(Plan {
        subjects,
        solvers,
        repetitions: usize::from(arguments.repeat),
        limit: arguments.limit,
        profile: arguments.profile,
        program: program.map_err(|error| Failure::failed(format!("error: {error}")))?,
    })
}

/// One run; its outcome goes to standard output as JSON.
fn run_job(text: &str) -> Result<(), Failure> {
    let job: Job = serde_json::from_str(text)
        .map_err(|error| Failure::arguments(format!("error: --job: {error}")))?;
    let outcome = serde_json::to_string(&measure(&job));
    emit(
        outcome.map_err(|error| Failure::failed(format!("error: {error}")))?,
        None,
    )
}

/// Refuses to write over a deck, or two results to one file.
fn check_files(arguments: &Arguments) -> Result<(), Failure> {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    for (flag, path) in [("--out", &arguments.out), ("--svg", &arguments.svg)] {
        let place = path.as_deref().and_then(real);
        let is_deck = |deck: &PathBuf| place.is_some() && real(deck) == place;
        if let Some(deck) = arguments.decks.iter().find(|deck| is_deck(deck)) {
            let deck = deck.display();
            let message = format!("error: {flag} would overwrite the deck {deck}");
            return Err(Failure::arguments(message));
        }
    }
    if arguments.svg.is_some() && arguments.svg == arguments.out {
        return Err(Failure::arguments(
            "error: --svg and --out name the same file\n  help: give the picture a file of its own",
        ));
    }
    Ok(())
}

/// On a terminal only.
fn progress_bar(cells: usize) -> ProgressBar {
    let bar = ProgressBar::new(cells as u64);
    let style = ProgressStyle::with_template("  {bar:30.cyan} {pos}/{len} {msg}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn show(bar: &ProgressBar, done: usize, cell: Option<&Cell>) {
    bar.set_position(done as u64);
    if let Some(cell) = cell {
        bar.set_message(format!("{}, {}", cell.subject, cell.solver));
    }
}
