//! `ohmgrad baseline`: what trained circuits are set beside.

use std::path::PathBuf;
use std::time::Instant;

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::baselines::{
    Hopfield, HopfieldOptions, Logistic, Model, Run, Spread, Trainer, TrainerOptions, Weights,
};
use crate::learning::ConfigError;
use crate::learning::data::Dataset;
use crate::report::baselines as report;
use crate::report::json;

use super::settings::{pool, positive};
use super::{Failure, Format, FormatArguments, emit, epochs};

const HELP: &str = "\
Examples:
  ohmgrad baseline logistic --data DIR --seeds 3
  ohmgrad baseline eqprop --data DIR --seeds 3 --json --out eqprop.json
  ohmgrad baseline eqprop --data DIR --weights signed --beta 0.2 --free 30";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Arguments {
    #[command(subcommand)]
    baseline: Baseline,
}

#[derive(Debug, clap::Subcommand)]
enum Baseline {
    /// Multinomial logistic regression on the pixels
    Logistic(LogisticArguments),
    /// Continuous Hopfield network of one hidden layer, trained by equilibrium propagation
    Eqprop(EqpropArguments),
}

#[derive(Debug, clap::Args)]
struct LogisticArguments {
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    /// Step size of Adam
    #[arg(long, default_value_t = 1e-3, value_parser = positive)]
    rate: f64,
    /// Factor on the step size after each epoch
    #[arg(long, default_value_t = 0.8, value_parser = positive)]
    decay: f64,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
struct EqpropArguments {
    /// Hidden units
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    hidden: u16,
    #[arg(long, value_enum, default_value = "non-negative")]
    weights: Weights,
    /// Strength of the nudge, between 0 and 1; its sign is drawn for each batch
    #[arg(long, default_value_t = 0.1, value_parser = below_one)]
    beta: f64,
    /// How often both layers are set in the free phase
    #[arg(long, value_name = "N", default_value_t = 10)]
    free: u32,
    /// How often both layers are set in the nudged phase
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    nudged: u32,
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    /// Step size of Adam: one, or one for each of the two layers
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "6e-4,6e-3", value_parser = positive)]
    rate: Vec<f64>,
    /// Factor on the step size after each epoch
    #[arg(long, default_value_t = 0.8, value_parser = positive)]
    decay: f64,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
struct Common {
    /// Folder of the four files of MNIST, packed or not [default: built-in digits]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    epochs: u32,
    /// Seed of the first run; those of the others follow it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of runs, whose mean and deviation are told
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    seeds: u16,
    /// Threads, 0 for all cores [default: 0]
    #[arg(long)]
    threads: Option<usize>,
    #[command(flatten)]
    format: FormatArguments,
    /// Write the result to this file instead of standard output
    #[arg(long, short)]
    out: Option<PathBuf>,
}

fn below_one(text: &str) -> Result<f64, String> {
    let beta = positive(text).ok().filter(|beta| *beta < 1.0);
    beta.ok_or_else(|| "expected a number between 0 and 1".to_string())
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.baseline {
        Baseline::Logistic(arguments) => logistic(arguments),
        Baseline::Eqprop(arguments) => eqprop(arguments),
    }
}

fn logistic(arguments: &LogisticArguments) -> Result<(), Failure> {
    let options = TrainerOptions {
        batch: arguments.batch as usize,
        rate: arguments.rate,
        decay: arguments.decay,
        seed: arguments.common.seed,
    };
    let said = json!({
        "batch": arguments.batch,
        "rate": arguments.rate,
        "decay": arguments.decay,
    });
    train(
        &arguments.common,
        ("logistic", said),
        options,
        Logistic::new,
    )
}

fn eqprop(arguments: &EqpropArguments) -> Result<(), Failure> {
    let rates = match arguments.rate[..] {
        [rate] => [rate; 2],
        [first, second] => [first, second],
        _ => {
            let count = arguments.rate.len();
            return Err(Failure::arguments(format!(
                "error: --rate has {count} numbers, expected one, or one for each of the two layers"
            )));
        }
    };
    let network = HopfieldOptions {
        hidden: usize::from(arguments.hidden),
        weights: arguments.weights,
        beta: arguments.beta,
        free: arguments.free as usize,
        nudged: arguments.nudged as usize,
        rates,
    };
    let options = TrainerOptions {
        batch: arguments.batch as usize,
        rate: 1.0,
        decay: arguments.decay,
        seed: arguments.common.seed,
    };
    let weights = arguments.weights.to_possible_value();
    let said = json!({
        "hidden": arguments.hidden,
        "weights": weights.map(|value| value.get_name().to_string()),
        "beta": arguments.beta,
        "free": arguments.free,
        "nudged": arguments.nudged,
        "batch": arguments.batch,
        "rate": rates,
        "decay": arguments.decay,
    });
    train(&arguments.common, ("eqprop", said), options, |samples| {
        Hopfield::new(network, samples)
    })
}

/// Trains a model from each seed, and prints or writes the test errors.
fn train<M: Model>(
    common: &Common,
    (name, said): (&str, Value),
    options: TrainerOptions,
    model: impl Fn(&Dataset) -> Result<M, ConfigError> + Sync,
) -> Result<(), Failure> {
    let Some(last) = common.seed.checked_add(u64::from(common.seeds) - 1) else {
        let message = "error: --seed is too large for as many --seeds".to_string();
        return Err(Failure::arguments(message));
    };
    epochs::check_folder(common.out.as_deref())?;
    let samples = epochs::samples(common.data.as_deref())?;
    let runs = pool(common.threads)?.install(|| {
        let seeds = common.seed..=last;
        let run = |seed| {
            train_once(
                common,
                model(&samples.0)?,
                TrainerOptions { seed, ..options },
                &samples,
            )
        };
        seeds.map(run).collect::<Result<Vec<_>, _>>()
    })?;
    let spreads = Spread::by_epoch(&runs);
    let text = match common.format.chosen() {
        Format::Table => report::table(&runs, &spreads),
        Format::Csv => report::csv(&runs),
        Format::Json => json::text(&report::json(name, &said, &runs, &spreads)),
    };
    emit(text, common.out.as_deref())
}

fn train_once(
    common: &Common,
    model: impl Model,
    options: TrainerOptions,
    (train, test): &(Dataset, Dataset),
) -> Result<Run, Failure> {
    let mut trainer = Trainer::new(model, options, (train, test));
    crate::note!(
        "seed {}: {} numbers, {} samples to train, {} to test",
        options.seed,
        trainer.theta.len(),
        train.len(),
        test.len()
    );
    let mut errors = Vec::new();
    for _ in 0..common.epochs {
        let began = Instant::now();
        let result = trainer.train_epoch()?;
        epochs::note(&result, common.epochs as usize, began);
        errors.push(1.0 - result.test.accuracy);
    }
    let seed = options.seed;
    Ok(Run { seed, errors })
}
