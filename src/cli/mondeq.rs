//! `ohmgrad mondeq`: trains an equilibrium network, element values of a circuit.

use std::path::PathBuf;
use std::time::Instant;

use crate::equilibrium::{EquilibriumOptions, EquilibriumTrainer};
use crate::learning::data::Augmentation;
use crate::learning::{EpochReport, Evaluation};
use crate::synthesis::SynthesisError;
use crate::units::format_exact;

use super::{Failure, emit, epochs};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Write the network here, as safetensors that `synth mondeq` and `eval` read
    #[arg(long, short, value_name = "FILE.safetensors")]
    out: Option<PathBuf>,
    /// Folder of the four files of MNIST, packed or not [default: built-in digits]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Units, an ideal diode each
    #[arg(long, default_value_t = 87, value_parser = clap::value_parser!(u16).range(1..=2000))]
    units: u16,
    /// Modulus of strong monotonicity: each unit's resistor is one over it (kilohm)
    #[arg(long, default_value_t = 1.0, value_parser = super::settings::positive)]
    modulus: f64,
    #[arg(long, default_value_t = 20)]
    epochs: usize,
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    /// Step size of Adam
    #[arg(long, default_value_t = 2e-3, value_parser = super::settings::positive)]
    rate: f64,
    /// Factor on the step size after each epoch
    #[arg(long, default_value_t = 0.85, value_parser = super::settings::positive)]
    decay: f64,
    /// Move images by up to so many pixels each time they are trained
    #[arg(long, default_value_t = 0)]
    shift: usize,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads, 0 for all cores [default: 0]
    #[arg(long)]
    threads: Option<usize>,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let pool = super::settings::pool(arguments.threads)?;
    pool.install(|| train(arguments))
}

fn train(arguments: &Arguments) -> Result<(), Failure> {
    epochs::check_folder(arguments.out.as_deref())?;
    let (train, test) = epochs::samples(arguments.data.as_deref())?;
    let options = options(arguments, train.features)?;
    let began = Instant::now();
    let (samples, tested) = (train.len(), test.len());
    let mut trainer = EquilibriumTrainer::new(options, train, test)?;
    crate::note!(
        "{} units, {} numbers, {samples} samples to train, {tested} to test",
        arguments.units,
        trainer.parameters()
    );
    let test = train_epochs(&mut trainer, arguments)?;
    if let Some(out) = &arguments.out {
        let bytes = trainer.network().to_tensors().to_bytes();
        emit(bytes.map_err(SynthesisError::from)?, Some(out))?;
    }
    let seconds = began.elapsed().as_secs_f64();
    emit(
        format!(
            "test error {:.2} % after {} epochs, {seconds:.1} s\n",
            100.0 * (1.0 - test.accuracy),
            arguments.epochs
        ),
        None,
    )
}

fn options(arguments: &Arguments, features: usize) -> Result<EquilibriumOptions, Failure> {
    let width = features.isqrt();
    if arguments.shift > 0 && width * width != features {
        return Err(Failure::arguments(format!(
            "error: --shift moves square images, but samples have {features} features"
        )));
    }
    let augment = (arguments.shift > 0).then_some(Augmentation {
        width,
        shift: arguments.shift,
    });
    Ok(EquilibriumOptions {
        units: usize::from(arguments.units),
        modulus: arguments.modulus,
        batch: arguments.batch as usize,
        rate: arguments.rate,
        decay: arguments.decay,
        seed: arguments.seed,
        augment,
    })
}

/// Trains, one line for each epoch; what the test samples give in the end.
fn train_epochs(
    trainer: &mut EquilibriumTrainer,
    arguments: &Arguments,
) -> Result<Evaluation, Failure> {
    if arguments.epochs == 0 {
        return Ok(trainer.evaluate()?);
    }
    let mut test = Evaluation::default();
    for _ in 0..arguments.epochs {
        let began = Instant::now();
        let result = trainer.train_epoch()?;
        epochs::note(&result, arguments.epochs, began);
        let is_last = result.epoch == arguments.epochs;
        if is_last || !result.train.loss.is_finite() {
            check_learned(&result, trainer.guessing(), arguments.rate)?;
        }
        test = result.test;
    }
    Ok(test)
}

/// Refuses a network that does much worse than equal logits, in training and after it; warns of one that
/// knows the samples no better than by guessing.
fn check_learned(
    result: &EpochReport,
    (loss, share): (f64, f64),
    rate: f64,
) -> Result<(), Failure> {
    // What is untrained is a little worse.
    let is_worse = |evaluation: &Evaluation| !(evaluation.loss <= 2.0 * loss);
    if is_worse(&result.train) && is_worse(&result.test) {
        return Err(Failure::failed(format!(
            "error: training diverged: in epoch {} the mean loss is {}, and {} on test samples; equal logits \
             for all classes have {loss:.4}\n  help: a --rate below {}",
            result.epoch,
            epochs::loss(result.train.loss),
            epochs::loss(result.test.loss),
            format_exact(rate)
        )));
    }
    if result.test.accuracy <= share {
        crate::note!(
            "warning: the network has learned nothing: it knows {:.2} % of the test samples, and the most \
             frequent class is that of {:.2} %\n  help: more --epochs, more --units or another --rate",
            100.0 * result.test.accuracy,
            100.0 * share
        );
    }
    Ok(())
}
