//! Solves random circuits in great numbers and verifies each independently of the solver.
//!
//! Run with `cargo run --release --example campaign -- --count 100000`; circuit 7 as a deck is
//! `ohmgrad generate random --seed 7`, or `--seed 7 --kind rtgd` of the other family.

#[path = "../tests/common/campaign.rs"]
mod campaign;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use campaign::Family;
use campaign::side_by_side::{self, Outcome, SideBySide};
use campaign::summary::{Failure, Quantiles, Summary};
use clap::{Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FamilyName {
    /// R, V, I, diodes of every kind, tables
    Monotone,
    /// The same with ideal transformers and gyrators
    Rtgd,
}

/// Solves random circuits and verifies each independently of the solver.
#[derive(Debug, Parser)]
struct Arguments {
    /// Number of circuits
    #[arg(long, default_value_t = 1000)]
    count: u64,
    /// Number of the first circuit
    #[arg(long, default_value_t = 0)]
    first: u64,
    #[arg(long, value_enum, default_value = "monotone")]
    family: FamilyName,
    #[arg(long)]
    threads: Option<usize>,
    /// Seconds after which a circuit counts as unsolved
    #[arg(long, default_value_t = 60.0)]
    limit: f64,
    /// Run so many of the circuits in ngspice too, at its default options
    #[arg(long, default_value_t = 0)]
    ngspice: usize,
    /// Write everything to this file
    #[arg(long)]
    json: Option<PathBuf>,
}

const SHOWN_FAILURES: usize = 20;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(threads) = arguments.threads {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        if let Err(error) = pool.build_global() {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    }
    let family = match arguments.family {
        FamilyName::Monotone => Family::Monotone,
        FamilyName::Rtgd => Family::Rtgd,
    };
    let bar = progress_bar(arguments.count);
    let limit = Duration::from_secs_f64(arguments.limit);
    let records = campaign::run(family, arguments.first, arguments.count, limit, |_| {
        bar.inc(1)
    });
    bar.finish_and_clear();
    let summary = Summary::of(&records);
    print(&summary);
    let side_by_side = (arguments.ngspice > 0).then(|| {
        let bar = progress_bar(arguments.ngspice as u64);
        let (first, count) = (arguments.first, arguments.ngspice);
        let table = side_by_side::compare(family, first, count, limit, || bar.inc(1));
        bar.finish_and_clear();
        print_side_by_side(&table);
        table
    });
    if let Some(path) = &arguments.json {
        let report = Report {
            first: arguments.first,
            summary: &summary,
            ngspice: side_by_side,
        };
        let text = serde_json::to_string_pretty(&report).unwrap_or_default();
        if let Err(error) = std::fs::write(path, text) {
            eprintln!("error: {}: {error}", path.display());
            return ExitCode::from(1);
        }
    }
    ExitCode::from(u8::from(!summary.is_clean()))
}

#[derive(serde::Serialize)]
struct Report<'a> {
    first: u64,
    #[serde(flatten)]
    summary: &'a Summary,
    ngspice: Option<SideBySide>,
}

/// Drawn on a terminal only.
fn progress_bar(count: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {elapsed} left {eta}");
    ProgressBar::new(count).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn print(summary: &Summary) {
    let share = |part: usize| 100.0 * part as f64 / summary.circuits.max(1) as f64;
    println!("circuits     {}", summary.circuits);
    for (name, part) in [
        ("solved", summary.solved),
        ("verified", summary.verified),
        ("strict", summary.strict),
    ] {
        println!("{name:<12} {part} ({:.3} %)", share(part));
    }
    println!("strategies");
    for (strategy, count) in &summary.strategies {
        println!("  {strategy:<18} {count:>8}");
    }
    println!(
        "{:<34} {:>8} {:>9} {:>9} {:>9} {:>9}  of",
        "", "count", "median", "99 %", "99.9 %", "max"
    );
    for measure in &summary.measures {
        row(measure.name, &measure.quantiles);
    }
    println!("exact solution not found: {}", summary.open);
    list("not solved", &summary.unsolved);
    list("not verified", &summary.unverified);
}

fn row(name: &str, q: &Quantiles) {
    let number = |x: f64| {
        if (1.0..1e6).contains(&x) {
            format!("{x:.0}")
        } else {
            format!("{x:.1e}")
        }
    };
    let columns = [q.median, q.p99, q.p999, q.max].map(|x| format!("{:>9}", number(x)));
    println!(
        "{name:<34} {:>8} {}  {}",
        q.count,
        columns.join(" "),
        q.seed
    );
}

fn list(what: &str, failures: &[Failure]) {
    if failures.is_empty() {
        return;
    }
    println!("{what}: {}", failures.len());
    for failure in failures.iter().take(SHOWN_FAILURES) {
        println!("  {}", failure.circuit);
        println!("    {}", failure.message.replace('\n', "\n    "));
    }
}

fn print_side_by_side(table: &SideBySide) {
    const COLUMNS: [(&str, &[Outcome]); 5] = [
        ("right", &[Outcome::Right]),
        ("tolerance", &[Outcome::Tolerance]),
        ("wrong", &[Outcome::Wrong, Outcome::WrongOrStuck]),
        (
            "failed",
            &[
                Outcome::NoConvergence,
                Outcome::Singular,
                Outcome::Timeout,
                Outcome::Crash,
                Outcome::OtherError,
            ],
        ),
        ("unknown", &[Outcome::Unknown]),
    ];
    let header = COLUMNS.map(|(name, _)| format!("{name:>10}"));
    println!("ngspice at its defaults");
    println!("{:<34} {}", "", header.join(""));
    let all = std::iter::once((&"all", &table.outcomes));
    for (feature, outcomes) in all.chain(&table.by_feature) {
        let cells = COLUMNS.map(|(_, kinds)| {
            let count: usize = kinds.iter().filter_map(|kind| outcomes.get(kind)).sum();
            format!("{count:>10}")
        });
        println!("{feature:<34} {}", cells.join(""));
    }
    for (outcome, seeds) in &table.seeds {
        let some: Vec<String> = seeds.iter().take(12).map(u64::to_string).collect();
        println!("  {outcome:?}: {} ({} ...)", seeds.len(), some.join(" "));
    }
}
