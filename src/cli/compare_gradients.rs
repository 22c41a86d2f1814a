//! `ohmgrad compare-gradients`: estimators of the gradient beside the adjoint.

use std::path::{Path, PathBuf};

use crate::estimators::{Bench, Estimator, Meter, Settings, compare};
use crate::learning::{LoadedConfig, Trainer};
use crate::report::estimators as report;
use crate::report::json;
use crate::units::parse_number;

use super::{Failure, Format, FormatArguments, emit};

const HELP: &str = "\
Estimators: adjoint, adjoint-measured, forward, differences, eqprop, eqprop-random, eqprop-centered,
eqprop-conductance, coupled, frequency.
beta has no unit: nudges are in parts of the circuit's typical conductance at 1 V, clamps in parts of the way
to the target, differences in parts of each parameter's value.

Examples:
  ohmgrad compare-gradients circuits/learning/xor.toml --samples 4
  ohmgrad compare-gradients mine.toml --beta 1e-2,1e-3,1e-4 --estimators eqprop,eqprop-centered --svg beta.svg
  ohmgrad compare-gradients mine.toml --estimators adjoint-measured --noise 0.05 --bits 8 --csv --out errors.csv";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// Training file (TOML)
    config: PathBuf,
    /// Strengths of nudges, clamps and differences, without unit
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = number, default_value = "1e-1,1e-2,1e-3,1e-4,1e-5")]
    beta: Vec<f64>,
    /// Training samples, from the first, whose mean loss is differentiated
    #[arg(long, value_name = "N", default_value_t = 4)]
    samples: usize,
    /// Which estimators, instead of all
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    estimators: Vec<String>,
    /// Relative noise of the readings of adjoint-measured
    #[arg(long, value_name = "X", default_value_t = 0.01)]
    noise: f64,
    /// Bits of the readings of adjoint-measured, 0 for no steps
    #[arg(long, value_name = "N", default_value_t = 12)]
    bits: u32,
    /// Phases in a period of the nudge of frequency
    #[arg(long, value_name = "N", default_value_t = 8)]
    phases: usize,
    /// Seed, instead of the file's
    #[arg(long)]
    seed: Option<u64>,
    /// Folder of the data, instead of the training file's
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    format: FormatArguments,
    /// Draw the relative errors over beta into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Write the result to this file instead of standard output
    #[arg(long, short)]
    out: Option<PathBuf>,
}

fn number(text: &str) -> Result<f64, String> {
    let beta = parse_number(text.trim()).filter(|beta| *beta > 0.0 && beta.is_finite());
    beta.ok_or_else(|| "expected a positive number such as 1e-3".to_string())
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    check_files(arguments)?;
    let named = arguments.estimators.iter().map(|name| name.parse());
    let mut estimators = named.collect::<Result<Vec<Estimator>, _>>()?;
    if estimators.is_empty() {
        estimators = Estimator::ALL.to_vec();
    }
    let mut loaded = LoadedConfig::read(&arguments.config)?;
    if let Some(folder) = &arguments.data {
        loaded.take_data_from(folder);
    }
    if let Some(seed) = arguments.seed {
        loaded.config.seed = seed;
    }
    let settings = Settings {
        meter: Meter {
            noise: arguments.noise,
            bits: (arguments.bits > 0).then_some(arguments.bits),
        },
        phases: arguments.phases,
        seed: loaded.config.seed,
        ..Settings::default()
    };
    let mut trainer = Trainer::new(&loaded)?;
    let mut bench = Bench::new(&mut trainer)?;
    if !(1..=bench.samples()).contains(&arguments.samples) {
        return Err(Failure::arguments(format!(
            "error: --samples {}: expected between 1 and {}, the training samples",
            arguments.samples,
            bench.samples()
        )));
    }
    let samples: Vec<usize> = (0..arguments.samples).collect();
    let comparisons = compare(
        &mut bench,
        &estimators,
        &arguments.beta,
        &settings,
        &samples,
    )?;
    if let Some(path) = &arguments.svg {
        emit(report::picture(&comparisons), Some(path))?;
    }
    let text = match arguments.format.chosen() {
        Format::Csv => report::csv(&comparisons),
        Format::Json => json::text(&report::json(&comparisons, bench.unit())),
        Format::Table => report::table(&comparisons, bench.unit(), samples.len()),
    };
    emit(text, arguments.out.as_deref())
}

/// Refuses to write over the training file, or two results to one file.
fn check_files(arguments: &Arguments) -> Result<(), Failure> {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    for (flag, path) in [("--out", &arguments.out), ("--svg", &arguments.svg)] {
        let place = path.as_deref().and_then(real);
        if place.is_some() && place == real(&arguments.config) {
            let message = format!("error: {flag} would overwrite the training file");
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
