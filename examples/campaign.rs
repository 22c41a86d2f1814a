//! Solves random circuits in great numbers and verifies each independently of the solver.
//!
//! Run with `cargo run --release --example campaign -- --count 100000`; circuit 7 as a deck is
//! `ohmgrad generate random --seed 7`, or `--seed 7 --kind rtgd` of the other family.

#[path = "../tests/common/campaign.rs"]
mod campaign;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use campaign::{Failure, Family, Quantiles, Summary};
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
    if let Some(path) = &arguments.json {
        let text = serde_json::to_string_pretty(&summary).unwrap_or_default();
        if let Err(error) = std::fs::write(path, text) {
            eprintln!("error: {}: {error}", path.display());
            return ExitCode::from(1);
        }
    }
    ExitCode::from(u8::from(!summary.is_clean()))
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
        "{:<34} {:>8} {:>9} {:>9} {:>9} {:>9}",
        "", "count", "median", "99 %", "99.9 %", "max"
    );
    for (name, quantiles) in [
        ("iterations", summary.iterations),
        ("seconds", summary.seconds),
        ("KCL / largest current", summary.kirchhoff_strict),
        ("KCL / allowed with rounding", summary.kirchhoff_weak),
        ("distance from curves / current", summary.curve),
        ("complementarity", summary.complementarity),
        ("sum of powers / allowed", summary.tellegen),
        ("error of potentials / largest", summary.forward),
        ("error of potentials, each", summary.forward_each_potential),
        ("error of currents, each", summary.forward_each_current),
    ] {
        row(name, &quantiles);
    }
    list("not solved", &summary.unsolved);
    list("not verified", &summary.unverified);
}

fn row(name: &str, q: &Quantiles) {
    let number = |x: f64| {
        if x >= 1.0 && x < 1e6 {
            format!("{x:.0}")
        } else {
            format!("{x:.1e}")
        }
    };
    let columns = [q.median, q.p99, q.p999, q.max].map(|x| format!("{:>9}", number(x)));
    println!("{name:<34} {:>8} {}", q.count, columns.join(" "));
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
