//! `ohmgrad train`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use crate::learning::{Checkpoint, EpochReport, LoadedConfig, Trainer};

use super::pictures;
use super::run_folder::{LogLine, RunFolder};
use super::{Failure, emit};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Training file (TOML); without it, the built-in digits
    config: Option<PathBuf>,
    /// Number of epochs in all, instead of the file's
    #[arg(long)]
    epochs: Option<usize>,
    /// Seed, instead of the file's
    #[arg(long)]
    seed: Option<u64>,
    /// Threads, 0 for all cores; the result does not depend on them [default: 0]
    #[arg(long)]
    threads: Option<usize>,
    /// Folder of the run [default: a new one under runs/]
    #[arg(long, conflicts_with = "resume")]
    out: Option<PathBuf>,
    /// Go on with the run in this folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["config", "seed"])]
    resume: Option<PathBuf>,
}

/// More threads than any machine here has cores only cost time to start.
const MOST_THREADS: usize = 256;

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut pool = rayon::ThreadPoolBuilder::new();
    if let Some(threads) = arguments.threads {
        pool = pool.num_threads(threads.min(MOST_THREADS));
    }
    let pool = pool
        .build()
        .map_err(|error| Failure::failed(format!("error: cannot start threads: {error}")))?;
    pool.install(|| train(arguments))
}

fn train(arguments: &Arguments) -> Result<(), Failure> {
    let started = Instant::now();
    let (mut trainer, folder) = match &arguments.resume {
        Some(path) => resume(path, arguments.epochs)?,
        None => start(arguments)?,
    };
    say(&headline(&trainer, &folder))?;
    let bar = progress_bar(&trainer);
    while trainer.epoch < trainer.config.epochs {
        let report = train_epoch(&mut trainer, &folder, &bar);
        if report.is_err() && trainer.epoch == 0 {
            // Nothing was learned: the folder may be used again.
            folder.forget_checkpoint();
        }
        let report = report?;
        bar.suspend(|| say(&report))?;
    }
    bar.finish_and_clear();
    finish(&mut trainer, &folder, started)
}

fn start(arguments: &Arguments) -> Result<(Trainer, RunFolder), Failure> {
    let mut loaded = match &arguments.config {
        Some(path) => LoadedConfig::read(path)?,
        None => LoadedConfig::built_in()?,
    };
    if let Some(epochs) = arguments.epochs {
        loaded.config.epochs = epochs;
    }
    if let Some(seed) = arguments.seed {
        loaded.config.seed = seed;
    }
    let trainer = Trainer::new(&loaded)?;
    let name = arguments.config.as_deref().and_then(Path::file_stem);
    let name = name.map_or("digits".to_string(), |stem| {
        stem.to_string_lossy().into_owned()
    });
    let folder = match &arguments.out {
        Some(path) => RunFolder::create(path)?,
        None => RunFolder::create_new(Path::new("runs"), &name)?,
    };
    folder.write_config(&loaded)?;
    folder.write_checkpoint(&trainer.checkpoint())?;
    Ok((trainer, folder))
}

fn resume(path: &Path, epochs: Option<usize>) -> Result<(Trainer, RunFolder), Failure> {
    let folder = RunFolder::open(path)?;
    let mut loaded = LoadedConfig::read(&folder.config())?;
    if let Some(epochs) = epochs {
        loaded.config.epochs = epochs;
    }
    let checkpoint = Checkpoint::read(&folder.checkpoint())?;
    let mut trainer = Trainer::new(&loaded)?;
    trainer.restore(checkpoint, &folder.checkpoint())?;
    folder.truncate_log(trainer.epoch)?;
    Ok((trainer, folder))
}

fn train_epoch(
    trainer: &mut Trainer,
    folder: &RunFolder,
    bar: &ProgressBar,
) -> Result<String, Failure> {
    let started = Instant::now();
    let done = (trainer.epoch * trainer.train.len()) as u64;
    let report = trainer.train_epoch(&mut |samples| bar.set_position(done + samples as u64))?;
    let seconds = started.elapsed().as_secs_f64();
    // The log comes first: a line beyond the checkpoint is dropped when the run is resumed.
    folder.append_log(&LogLine::new(&report, seconds))?;
    folder.write_checkpoint(&trainer.checkpoint())?;
    Ok(epoch_line(trainer, &report, seconds))
}

fn progress_bar(trainer: &Trainer) -> ProgressBar {
    let total = trainer.config.epochs * trainer.train.len();
    let bar = ProgressBar::new(total as u64);
    let style =
        ProgressStyle::with_template("  {bar:30.cyan} {pos}/{len} samples, {per_sec}, {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn headline(trainer: &Trainer, folder: &RunFolder) -> String {
    let engine = &trainer.engine;
    format!(
        "{}\n{} elements, {} trained parameters, {} unknowns ({:?}); {} training samples, {} test \
         samples\nrun folder: {}\n",
        engine.circuit.title,
        engine.circuit.element_count(),
        trainer.parameters.len(),
        engine.system.order(),
        engine.system.method(),
        trainer.train.len(),
        trainer.test.len(),
        folder.path().display(),
    )
}

fn epoch_line(trainer: &Trainer, report: &EpochReport, seconds: f64) -> String {
    let mut line = format!(
        "epoch {:>3}/{}  loss {:.4}",
        report.epoch, trainer.config.epochs, report.train.loss
    );
    if trainer.has_classes() {
        line += &format!("  train {:>6.2} %", 100.0 * report.train.accuracy);
    }
    if report.test.samples > 0 {
        line += &format!("  test loss {:.4}", report.test.loss);
        if trainer.has_classes() {
            line += &format!("  test {:>6.2} %", 100.0 * report.test.accuracy);
        }
    }
    line + &format!("  {seconds:.2} s\n")
}

/// Writes the trained deck and the pictures, and says what came out.
fn finish(trainer: &mut Trainer, folder: &RunFolder, started: Instant) -> Result<(), Failure> {
    folder.write("trained.cir", &trainer.engine.circuit.to_spice()?)?;
    let log = folder.read_log()?;
    let mut written = vec!["trained.cir".to_string()];
    for (name, svg) in pictures::draw(trainer, &log)? {
        folder.write(&name, &svg)?;
        written.push(name);
    }
    let mut text = String::new();
    if let Some(last) = log.last() {
        text += "\n";
        if let Some(accuracy) = last.test_accuracy {
            text += &format!("test accuracy {:.2} %, ", 100.0 * accuracy);
        }
        if let Some(loss) = last.test_loss {
            text += &format!("test loss {loss:.4}, ");
        }
    }
    text += &format!(
        "{:.1} s in all\nwritten to {}:\n",
        started.elapsed().as_secs_f64(),
        folder.path().display()
    );
    for name in written {
        text += &format!("  {name}\n");
    }
    say(&text)
}

fn say(text: &str) -> Result<(), Failure> {
    emit(text, None)
}
