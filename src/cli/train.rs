//! `ohmgrad train`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::batch::{Precision, Timing};
use crate::learning::{EpochReport, Evaluation, SampleError, Trainer};
use crate::parallel::Poll;

use super::beginning::{check_alike, resume, start, team_line};
use super::interrupt::{Interrupts, Signal};
use super::ranks::{self, Team};
use super::run_folder::{LogLine, Phases, RunFolder};
use super::{Failure, say};
use super::{pictures, report};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Training file (TOML); without it, the built-in digits
    pub config: Option<PathBuf>,
    /// Folder of the data, instead of the training file's
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub data: Option<PathBuf>,
    /// Numbers that batches are computed in, instead of the file's: f64 or f32
    #[arg(long, conflicts_with = "resume")]
    pub precision: Option<Precision>,
    /// What the last sweep of relaxation may change, in parts of the largest potential, instead of the
    /// file's
    #[arg(long, conflicts_with = "resume")]
    pub tolerance: Option<f64>,
    /// What finds the gradients, instead of the file's: adjoint (hardware linearization), eqprop,
    /// eqprop-random, eqprop-centered, or another of those that compare-gradients knows
    #[arg(long, value_name = "NAME", conflicts_with = "resume")]
    pub estimator: Option<String>,
    /// Strength of the estimator's nudge, instead of the file's
    #[arg(long, conflicts_with = "resume")]
    pub beta: Option<f64>,
    /// Number of epochs in all, instead of the file's
    #[arg(long)]
    pub epochs: Option<usize>,
    /// End after this time (90s, 10m, 2h), at the next batch, with results of what was trained
    #[arg(long, value_name = "TIME", value_parser = super::settings::duration)]
    time_limit: Option<Duration>,
    /// Write a checkpoint this often, beside those at the end of each epoch
    #[arg(long, value_name = "TIME", value_parser = super::settings::duration, default_value = "30s")]
    checkpoint_every: Duration,
    /// Seed, instead of the file's
    #[arg(long)]
    pub seed: Option<u64>,
    /// Threads, 0 for all cores; the result does not depend on them [default: 0]
    #[arg(long)]
    threads: Option<usize>,
    /// Folder of the run [default: a new one under runs/]
    #[arg(long, conflicts_with = "resume")]
    pub out: Option<PathBuf>,
    /// Write report.html into the folder at the end: the run as a page that stands alone
    #[arg(long)]
    report: bool,
    /// Go on with the run in this folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["config", "seed"])]
    resume: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let threads = ranks::threads(arguments.threads);
    ranks::run(|team| super::settings::pool(threads)?.install(|| train(arguments, team)))
}

fn train(arguments: &Arguments, team: Team) -> Result<(), Failure> {
    let started = Instant::now();
    let (mut trainer, folder) = match &arguments.resume {
        Some(path) => resume(path, arguments.epochs, &team)?,
        None => start(arguments, &team)?,
    };
    check_alike(&trainer, &team)?;
    // Until here there was nothing to lose, and the first Ctrl-C ended the program.
    let interrupts = Interrupts::listen()
        .map_err(|e| Failure::failed(format!("error: cannot listen to signals: {e}")))?;
    trainer.spread(team.ranks());
    let idle = trainer.idle_ranks();
    if let Some(folder) = &folder {
        say(&headline(&trainer, folder))?;
        say(&team_line(&team, idle))?;
    }
    if arguments.resume.is_some() && trainer.epoch >= trainer.config.epochs {
        let is_whole = folder.as_ref().is_some_and(RunFolder::is_whole);
        if folder.is_some() {
            say(&format!(
                "already trained for {}; name more with --epochs\n",
                count(trainer.epoch, "epoch")
            ))?;
        }
        if team.ask_all([f64::from(u8::from(is_whole))])[0] != [0.0] {
            return Ok(());
        }
    }
    let mut session = Session {
        bar: progress_bar(&trainer, &team),
        saved: (trainer.epoch, trainer.batch),
        trainer,
        folder,
        team,
        poll: Poll::default(),
        saved_at: Instant::now(),
        timing: Timing::default(),
        interrupts,
        checkpoint_every: arguments.checkpoint_every,
        end: arguments
            .time_limit
            .and_then(|limit| started.checked_add(limit)),
    };
    let ending = session.run()?;
    session.bar.finish_and_clear();
    session.finish(ending, started)?;
    if let (true, Some(folder)) = (arguments.report, &session.folder) {
        let path = folder.path().to_path_buf();
        // The folder is free for who reads it.
        drop(session);
        let page = path.join(report::NAME);
        report::write(&[path], arguments.data.as_deref(), &page)?;
    }
    Ok(())
}

/// Why training ends.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Epochs,
    TimeLimit,
    Signal(Signal),
}

/// Training, and what is kept of it on the way.
struct Session {
    trainer: Trainer,
    /// The first rank's.
    folder: Option<RunFolder>,
    team: Team,
    poll: Poll,
    bar: ProgressBar,
    /// Epochs and batches of the last checkpoint.
    saved: (usize, usize),
    saved_at: Instant,
    /// Of all batches before this epoch.
    timing: Timing,
    interrupts: Interrupts,
    checkpoint_every: Duration,
    /// The time limit.
    end: Option<Instant>,
}

impl Session {
    /// Trains until something ends it; its last batch is in the checkpoint then.
    fn run(&mut self) -> Result<Ending, Failure> {
        if let Some(folder) = &self.folder {
            folder.remove_checksums()?;
        }
        let mut epoch_began = Instant::now();
        loop {
            let (ending, is_due) = self.agree();
            if let Some(ending) = ending {
                self.save()?;
                return Ok(ending);
            }
            if is_due {
                self.save()?;
            }
            if let Some(report) = self.batch()? {
                self.end_epoch(&report, epoch_began.elapsed().as_secs_f64())?;
                epoch_began = Instant::now();
            }
        }
    }

    /// What all ranks do next: end, or write a checkpoint. A signal to any of them counts, and the first
    /// one's clock, of a batch ago where there are several: none waits for the answers.
    fn agree(&mut self) -> (Option<Ending>, bool) {
        let mut heard = self.team.hear(&mut self.poll);
        let flag = |is: bool| f64::from(u8::from(is));
        let signal = self.interrupts.received().map_or(0, Signal::number);
        let is_over = self.end.is_some_and(|end| Instant::now() >= end);
        let is_due = self.saved_at.elapsed() >= self.checkpoint_every;
        let was_due = heard.first().is_some_and(|first| first[2] > 0.0);
        let own = [
            f64::from(signal),
            flag(is_over),
            // What is heard now resets the clock.
            flag(is_due && !was_due),
        ];
        if self.team.ranks().is_none() {
            heard = vec![own];
        } else if heard.is_empty() {
            // Before the first batch nothing was said yet.
            self.team.say(&mut self.poll, own);
            heard = self.team.hear(&mut self.poll);
        }
        let signal = heard.iter().find_map(|own| Signal::of(own[0] as u8));
        let [_, is_over, is_due] = heard.first().map_or([false; 3], |own| own.map(|x| x > 0.0));
        let ending = if self.trainer.epoch >= self.trainer.config.epochs {
            Some(Ending::Epochs)
        } else {
            let is_over = is_over.then_some(Ending::TimeLimit);
            signal.map(Ending::Signal).or(is_over)
        };
        if ending.is_none() {
            self.team.say(&mut self.poll, own);
        }
        (ending, is_due)
    }

    fn batch(&mut self) -> Result<Option<EpochReport>, Failure> {
        let trained = self.trainer.train_batch();
        if let (Err(_), (0, 0), Some(folder)) = (&trained, self.saved, &self.folder) {
            // Nothing was learned: the folder may be used again.
            folder.forget_checkpoint();
        }
        let report = match trained {
            Err(error @ SampleError::Elsewhere { .. }) => {
                return Err(Failure::echo(format!("error: {error}")));
            }
            trained => trained?,
        };
        self.bar.set_position(self.trainer.samples_done() as u64);
        if let Some(accuracy) = self.trainer.running_accuracy() {
            self.bar
                .set_message(format!("train {:.2} %", 100.0 * accuracy));
        }
        Ok(report)
    }

    fn end_epoch(&mut self, report: &EpochReport, seconds: f64) -> Result<(), Failure> {
        // The log comes first: a line beyond the checkpoint is dropped when the run is resumed.
        let timing = self.trainer.engine.batches().map(|b| b.timing());
        let phases = timing.map(|timing| Phases::new(&timing.since(&self.timing)));
        self.timing = timing.unwrap_or_default();
        if let Some(folder) = &self.folder {
            folder.append_log(&LogLine::new(report, seconds, phases))?;
        }
        self.save()?;
        if self.folder.is_none() {
            return Ok(());
        }
        let line = epoch_line(&self.trainer, report, seconds);
        self.bar.suspend(|| say(&line))
    }

    fn save(&mut self) -> Result<(), Failure> {
        let now = (self.trainer.epoch, self.trainer.batch);
        if self.saved != now {
            self.trainer.gather();
            if let Some(folder) = &self.folder {
                folder.write_checkpoint(&self.trainer.checkpoint())?;
            }
            self.saved = now;
        }
        self.saved_at = Instant::now();
        Ok(())
    }

    fn finish(&mut self, ending: Ending, started: Instant) -> Result<(), Failure> {
        // The rest is the first rank's alone.
        self.trainer.spread(None);
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let place = place(&self.trainer);
        let resume = format!("`ohmgrad train --resume {}`", folder.path().display());
        match ending {
            Ending::Signal(signal) => Err(Failure::interrupted(
                signal,
                format!(
                    "interrupted {place}; checkpoint: {}\n  help: go on with {resume}",
                    folder.checkpoint().display()
                ),
            )),
            Ending::TimeLimit => {
                say(&format!(
                    "stopped by the time limit {place}; go on with {resume}\n"
                ))?;
                write_results(&mut self.trainer, folder, "time limit", started)
            }
            Ending::Epochs => write_results(&mut self.trainer, folder, "epochs", started),
        }
    }
}

/// How far training has come, after a verb.
fn place(trainer: &Trainer) -> String {
    match (trainer.epoch, trainer.batch) {
        (0, 0) => "before the first batch".to_string(),
        (epoch, 0) => format!("after epoch {epoch}"),
        (epoch, batch) => format!(
            "in epoch {}, after batch {batch} of {}",
            epoch + 1,
            trainer.batches()
        ),
    }
}

fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

fn progress_bar(trainer: &Trainer, team: &Team) -> ProgressBar {
    if !team.is_first() {
        return ProgressBar::hidden();
    }
    let total = trainer.config.epochs.saturating_mul(trainer.train.len());
    let bar = ProgressBar::new(total as u64);
    let style = ProgressStyle::with_template(
        "  {bar:30.cyan} {pos}/{len} samples, {per_sec}, {eta} left  {msg}",
    );
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn headline(trainer: &Trainer, folder: &RunFolder) -> String {
    let engine = &trainer.engine;
    format!(
        "{}\n{} elements, {} trained parameters, {} unknowns; {} training samples, {} test samples\nbatches by {}\n{}\
         run folder: {}\n",
        engine.circuit.title,
        engine.circuit.element_count(),
        trainer.parameters.len(),
        engine.outline.order(),
        trainer.train.len(),
        trainer.test.len(),
        engine.method(),
        trainer.gradient_source().unwrap_or_default(),
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

/// `result.json`
#[derive(Debug, Serialize)]
struct RunResult {
    schema: u32,
    /// `epochs` (all that were asked for are done) or `time limit`.
    ended: &'static str,
    epochs: usize,
    /// Batches of the epoch after them.
    batch: usize,
    batches_per_epoch: usize,
    test_loss: Option<f64>,
    test_accuracy: Option<f64>,
    /// How batches were solved.
    method: String,
}

impl RunResult {
    fn new(ended: &'static str, trainer: &Trainer, test: &Evaluation) -> Self {
        let tested = test.samples > 0;
        Self {
            schema: 1,
            ended,
            epochs: trainer.epoch,
            batch: trainer.batch,
            batches_per_epoch: trainer.batches(),
            test_loss: tested.then_some(test.loss),
            test_accuracy: (tested && test.predicted_classes).then_some(test.accuracy),
            method: trainer.engine.method(),
        }
    }
}

/// The trained deck.
const DECK: &str = "trained.cir";

/// Writes the trained deck, the result and the pictures, then their checksums, and says what came out.
fn write_results(
    trainer: &mut Trainer,
    folder: &RunFolder,
    ended: &'static str,
    started: Instant,
) -> Result<(), Failure> {
    let test = trainer.test()?;
    let result = RunResult::new(ended, trainer, &test);
    let json = serde_json::to_string_pretty(&result).unwrap_or_default() + "\n";
    folder.write_deck(DECK, trainer.circuit())?;
    let mut files = vec![("result.json".to_string(), json)];
    files.extend(pictures::draw(trainer, &folder.read_log()?, &test)?);
    for (name, text) in &files {
        folder.write(name, text)?;
    }
    let files = files.into_iter().map(|(name, _)| name);
    let names: Vec<String> = std::iter::once(DECK.to_string()).chain(files).collect();
    folder.write_checksums(&names)?;
    let phases = trainer.engine.batches().map(|b| Phases::new(&b.timing()));
    say(&summary(&result, phases, folder, &names, started))
}

fn summary(
    result: &RunResult,
    phases: Option<Phases>,
    folder: &RunFolder,
    names: &[String],
    started: Instant,
) -> String {
    let mut text = String::from("\n");
    if let Some(accuracy) = result.test_accuracy {
        text += &format!("test accuracy {:.2} %, ", 100.0 * accuracy);
    }
    if let Some(loss) = result.test_loss {
        text += &format!("test loss {loss:.4}, ");
    }
    text += &format!("{:.1} s in all\n", started.elapsed().as_secs_f64());
    text += &phases.map_or(String::new(), |phases| phases.line());
    text += &format!("written to {}:\n", folder.path().display());
    for name in names {
        text += &format!("  {name}\n");
    }
    text
}
