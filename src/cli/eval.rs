//! `ohmgrad eval`.

use std::path::PathBuf;
use std::time::Instant;

use serde::Serialize;

use crate::equilibrium;
use crate::learning::data::Dataset;
use crate::learning::{Checkpoint, DataConfig, Evaluation, LoadedConfig, Trainer};
use crate::synthesis::Equilibrium;

use super::run_folder::RunFolder;
use super::{Failure, emit};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folder of a training run, or a file NET.safetensors: its circuit is solved for every sample
    run: PathBuf,
    /// Folder of the data, instead of the run's; files of the same names are read there
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Evaluate the training samples, not the test samples
    #[arg(long)]
    train: bool,
    /// Threads, 0 for all cores [default: 0]
    #[arg(long)]
    threads: Option<usize>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What the trained circuit makes of the samples.
#[derive(Debug, Serialize)]
struct Summary {
    schema: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    epochs: Option<usize>,
    samples: usize,
    loss: f64,
    accuracy: Option<f64>,
    /// Samples of each class (row) that were read as each class (column).
    confusion: Vec<Vec<usize>>,
    seconds: f64,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let pool = super::settings::pool(arguments.threads)?;
    pool.install(|| eval(arguments))
}

fn eval(arguments: &Arguments) -> Result<(), Failure> {
    if arguments
        .run
        .extension()
        .is_some_and(|e| e == "safetensors")
    {
        return eval_network(arguments);
    }
    let folder = RunFolder::open(&arguments.run)?;
    let mut loaded = LoadedConfig::read(&folder.config())?;
    let checkpoint = Checkpoint::read(&folder.checkpoint())?;
    if let Some(folder) = &arguments.data {
        loaded.take_data_from(folder);
    }
    let mut trainer = Trainer::new(&loaded)?;
    trainer.take_parameters(checkpoint, &folder.checkpoint())?;
    let data = match arguments.train {
        true => std::mem::replace(&mut trainer.train, trainer.test.subset(&[])),
        false => std::mem::replace(&mut trainer.test, trainer.train.subset(&[])),
    };
    let began = Instant::now();
    let evaluation = trainer.evaluate(&data)?;
    show(arguments, Some(trainer.epoch), &data, &evaluation, began)
}

/// The circuit of an equilibrium network.
fn eval_network(arguments: &Arguments) -> Result<(), Failure> {
    let network = Equilibrium::read(&arguments.run)?;
    network.check_size()?;
    let (train, test) = match &arguments.data {
        Some(folder) => DataConfig::mnist().read(folder)?,
        None => LoadedConfig::built_in()?.data()?,
    };
    let data = if arguments.train { train } else { test };
    let began = Instant::now();
    let evaluation = equilibrium::evaluate(&network, &data)?;
    show(arguments, None, &data, &evaluation, began)?;
    let by_iteration = equilibrium::logits(&network, &data);
    let Some(by_iteration) = by_iteration.filter(|_| !arguments.json) else {
        return Ok(());
    };
    // Currents are in amperes, a milliampere for each unit of the logits.
    let pairs = by_iteration.iter().zip(&evaluation.outputs);
    let differences = pairs.map(|(logit, current)| (logit - 1e3 * current).abs());
    let largest = by_iteration.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    let text = format!(
        "logits of the circuit and of the fixed point differ by up to {:.1e}, the largest is {largest:.1}\n",
        differences.fold(0.0, f64::max)
    );
    emit(text, None)
}

fn show(
    arguments: &Arguments,
    epochs: Option<usize>,
    data: &Dataset,
    evaluation: &Evaluation,
    began: Instant,
) -> Result<(), Failure> {
    let summary = Summary {
        schema: 1,
        epochs,
        samples: evaluation.samples,
        loss: evaluation.loss,
        accuracy: evaluation.predicted_classes.then_some(evaluation.accuracy),
        confusion: evaluation.confusion(data),
        seconds: began.elapsed().as_secs_f64(),
    };
    if arguments.json {
        let json = serde_json::to_string_pretty(&summary).unwrap_or_default();
        return emit(&(json + "\n"), None);
    }
    emit(text(&summary, arguments.train), None)
}

fn text(summary: &Summary, is_train: bool) -> String {
    let kind = if is_train { "training" } else { "test" };
    let after = summary
        .epochs
        .map(|n| format!(" after {n} epochs of training"));
    let mut text = format!(
        "{} {kind} samples{}: loss {:.4}",
        summary.samples,
        after.unwrap_or_default(),
        summary.loss
    );
    if let Some(accuracy) = summary.accuracy {
        text += &format!(
            ", accuracy {:.2} %, error {:.2} %",
            100.0 * accuracy,
            100.0 - 100.0 * accuracy
        );
    }
    text += &format!(
        "\n{:.0} operating points/s\n",
        summary.samples as f64 / summary.seconds.max(f64::MIN_POSITIVE)
    );
    for (class, row) in summary.confusion.iter().enumerate() {
        let counts: Vec<String> = row.iter().map(|n| format!("{n:>6}")).collect();
        text += &format!("{class:>4} |{}\n", counts.concat());
    }
    text
}
