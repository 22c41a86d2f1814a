//! The folder of a training run: training file, checkpoint, log, deck, pictures.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::batch::Timing;
use crate::circuit::Circuit;
use crate::files::{Staged, remove_unfinished, write_atomically};
use crate::learning::{Checkpoint, CircuitSource, EpochReport, LoadedConfig, TrainingConfig};

use super::{Failure, checksums};

const CONFIG: &str = "config.toml";
const CIRCUIT: &str = "initial.cir";
const CHECKPOINT: &str = "checkpoint.bin";
const LOG: &str = "log.jsonl";
const LOCK: &str = "lock";

/// A folder that belongs to one run, and to this process as long as it is open.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// The system gives the lock back however the process ends.
    _lock: File,
}

/// One line of `log.jsonl`: an epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    pub epoch: usize,
    pub loss: f64,
    pub train_accuracy: Option<f64>,
    pub test_loss: Option<f64>,
    pub test_accuracy: Option<f64>,
    /// Linear solves of Newton for each training sample.
    pub iterations_per_sample: f64,
    /// Wall time since the epoch began or was resumed.
    pub seconds: f64,
    /// Where the batch engine spent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phases: Option<Phases>,
}

/// Seconds of each phase of training; `_all_threads` where blocks of samples run side by side.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phases {
    pub assembly: f64,
    pub inputs_all_threads: f64,
    pub operating_points_all_threads: f64,
    pub adjoint_all_threads: f64,
    pub outer_products: f64,
    pub optimizer: f64,
}

impl Phases {
    pub fn new(timing: &Timing) -> Self {
        Self {
            assembly: timing.assembly.as_secs_f64(),
            inputs_all_threads: timing.inputs.as_secs_f64(),
            operating_points_all_threads: timing.operating_points.as_secs_f64(),
            adjoint_all_threads: timing.adjoint.as_secs_f64(),
            outer_products: timing.outer_products.as_secs_f64(),
            optimizer: timing.optimizer.as_secs_f64(),
        }
    }

    /// One line for people, as if threads had shared their work evenly.
    pub fn line(&self) -> String {
        let threads = rayon::current_num_threads() as f64;
        format!(
            "of these, input products {:.1} s, operating points {:.1} s, adjoint {:.1} s, outer \
             products {:.1} s, optimizer {:.1} s, assembly {:.1} s\n",
            self.inputs_all_threads / threads,
            self.operating_points_all_threads / threads,
            self.adjoint_all_threads / threads,
            self.outer_products,
            self.optimizer,
            self.assembly,
        )
    }
}

impl LogLine {
    pub fn new(report: &EpochReport, seconds: f64, phases: Option<Phases>) -> Self {
        let classes = report.train.predicted_classes;
        let tested = report.test.samples > 0;
        Self {
            epoch: report.epoch,
            loss: report.train.loss,
            train_accuracy: classes.then_some(report.train.accuracy),
            test_loss: tested.then_some(report.test.loss),
            test_accuracy: (tested && classes).then_some(report.test.accuracy),
            iterations_per_sample: report.train.iterations as f64
                / report.train.samples.max(1) as f64,
            seconds,
            phases,
        }
    }
}

impl RunFolder {
    /// A folder that the user named; refuses one that holds a run.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(path).map_err(|e| Failure::write(Some(path), &e))?;
        let folder = Self::lock(path)?;
        let checkpoint = folder.checkpoint();
        if checkpoint.exists() || Checkpoint::previous(&checkpoint).exists() {
            return Err(Failure::arguments(format!(
                "error: {} already holds a run\n  help: go on with `--resume {}`, or name another \
                 folder",
                path.display(),
                path.display()
            )));
        }
        Ok(folder)
    }

    /// `base/name`, or `base/name-2` and so on if that is taken.
    pub fn create_new(base: &Path, name: &str) -> Result<Self, Failure> {
        std::fs::create_dir_all(base).map_err(|e| Failure::write(Some(base), &e))?;
        for k in 1.. {
            let name = if k == 1 {
                name.to_string()
            } else {
                format!("{name}-{k}")
            };
            let path = base.join(name);
            match std::fs::create_dir(&path) {
                Ok(()) => return Self::lock(&path),
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                Err(e) => return Err(Failure::write(Some(&path), &e)),
            }
        }
        Err(Failure::failed("error: no free run folder"))
    }

    /// The folder of an earlier run.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let holds_run = [CONFIG, CHECKPOINT]
            .iter()
            .all(|name| path.join(name).exists());
        if holds_run {
            return Self::lock(path);
        }
        Err(Failure::arguments(format!(
            "error: {} is not the folder of a run: it has no {CONFIG} and {CHECKPOINT}\n  help: name \
             the run folder that `ohmgrad train` printed",
            path.display()
        )))
    }

    fn lock(path: &Path) -> Result<Self, Failure> {
        let file = path.join(LOCK);
        let lock = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&file)
            .map_err(|e| Failure::write(Some(&file), &e))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::failed(format!(
                    "error: {} is in use by another process\n  help: wait until it ends, or name \
                     another folder",
                    path.display()
                )));
            }
            // Some network file systems have no locks.
            Err(TryLockError::Error(e)) if e.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(e)) => return Err(Failure::write(Some(&file), &e)),
        }
        remove_unfinished(path).map_err(|e| Failure::write(Some(path), &e))?;
        Ok(Self {
            path: path.to_path_buf(),
            _lock: lock,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn config(&self) -> PathBuf {
        Self::config_in(&self.path)
    }

    pub fn checkpoint(&self) -> PathBuf {
        Self::checkpoint_in(&self.path)
    }

    /// Where a folder that another process holds has its training file.
    pub fn config_in(path: &Path) -> PathBuf {
        path.join(CONFIG)
    }

    pub fn checkpoint_in(path: &Path) -> PathBuf {
        path.join(CHECKPOINT)
    }

    fn log(&self) -> PathBuf {
        self.path.join(LOG)
    }

    /// Refuses to write the run's own files over those it is made from.
    pub fn check_apart(&self, loaded: &LoadedConfig, config: Option<&Path>) -> Result<(), Failure> {
        let decks = loaded.config.circuit.decks().into_iter();
        let decks = decks.map(|path| loaded.folder.join(path));
        let real = |path: &Path| std::fs::canonicalize(path).ok();
        let config = config.map(Path::to_path_buf);
        for source in &config.into_iter().chain(decks).collect::<Vec<_>>() {
            for own in [CONFIG, CIRCUIT, LOG].map(|name| self.path.join(name)) {
                if real(&own).is_some() && real(&own) == real(source) {
                    return Err(Failure::arguments(format!(
                        "error: the run would overwrite {}\n  help: name another folder with --out",
                        source.display()
                    )));
                }
            }
        }
        Ok(())
    }

    /// Writes the training file so that the folder stands alone: the deck is copied, paths of data
    /// become absolute.
    pub fn write_config(&self, loaded: &LoadedConfig) -> Result<(), Failure> {
        let mut config = loaded.config.clone();
        if matches!(
            config.circuit,
            CircuitSource::Deck(_) | CircuitSource::Cascade(_)
        ) {
            let circuit = loaded
                .circuit()
                .map_err(crate::learning::TrainError::from)?;
            self.write_deck(CIRCUIT, &circuit)?;
            config.circuit = CircuitSource::Deck(PathBuf::from(CIRCUIT));
        }
        for path in config.data.paths_mut() {
            let found = loaded.folder.join(&path);
            *path = std::fs::canonicalize(&found).unwrap_or(found);
        }
        self.write(CONFIG, &TrainingConfig::to_toml(&config)?)
    }

    pub fn write_checkpoint(&self, checkpoint: &Checkpoint<'_>) -> Result<(), Failure> {
        Ok(checkpoint.write(&self.checkpoint())?)
    }

    /// Removes the checkpoint of a run that has learned nothing.
    pub fn forget_checkpoint(&self) {
        let _ = std::fs::remove_file(self.checkpoint());
    }

    /// Writes a file of the folder, whole or not at all.
    pub fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.path.join(name);
        write_atomically(&path, text.as_bytes()).map_err(|e| Failure::write(Some(&path), &e))
    }

    /// The same of a circuit as a deck, of which little is in memory at a time.
    pub fn write_deck(&self, name: &str, circuit: &Circuit) -> Result<(), Failure> {
        let path = self.path.join(name);
        let mut text = Ok(());
        let staged = Staged::create(&path, |file| {
            let mut written = Ok(());
            text = circuit.write_spice(|part| {
                if written.is_ok() {
                    written = file.write_all(part.as_bytes());
                }
            });
            written
        });
        let staged = staged.map_err(|e| Failure::write(Some(&path), &e))?;
        text?;
        staged.commit().map_err(|e| Failure::write(Some(&path), &e))
    }

    /// Writes the checksums of the run's own files and of these results: the last thing of a run.
    pub fn write_checksums(&self, results: &[String]) -> Result<(), Failure> {
        let own = [CONFIG, CIRCUIT, CHECKPOINT, LOG].map(String::from);
        let is_there = |name: &String| self.path.join(name).exists();
        let names: Vec<String> = own.into_iter().filter(is_there).collect();
        checksums::write(&self.path, &[&names, results].concat())
    }

    /// True if the run has ended and its results are what they were then.
    pub fn is_whole(&self) -> bool {
        checksums::verify(&self.path).is_ok()
    }

    /// Results are no longer those of the checkpoint.
    pub fn remove_checksums(&self) -> Result<(), Failure> {
        let path = self.path.join(checksums::NAME);
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(Failure::write(Some(&path), &e)),
            _ => Ok(()),
        }
    }

    /// Adds a line and flushes it to disk.
    pub fn append_log(&self, line: &LogLine) -> Result<(), Failure> {
        let path = self.log();
        let text = serde_json::to_string(line).unwrap_or_default() + "\n";
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_data()
            })
            .map_err(|e| Failure::write(Some(&path), &e))
    }

    /// The lines that can be read; a line cut short by a crash is left out.
    pub fn read_log(&self) -> Result<Vec<LogLine>, Failure> {
        Ok(lines(&self.log_text()?).map(|(_, line)| line).collect())
    }

    fn log_text(&self) -> Result<String, Failure> {
        text_of(&self.log())
    }

    /// Drops log lines beyond the checkpoint's epochs, and what a crash left of a line; says if
    /// others are missing.
    pub fn truncate_log(&self, epochs: usize) -> Result<(), Failure> {
        let before = self.log_text()?;
        let kept: Vec<_> = lines(&before)
            .filter(|(_, line)| line.epoch <= epochs)
            .collect();
        if kept.len() < epochs {
            crate::note!(
                "warning: {} has {} of {epochs} epochs; training goes on without the others",
                self.log().display(),
                kept.len()
            );
        }
        let after: String = kept.iter().flat_map(|(text, _)| [*text, "\n"]).collect();
        if after == before {
            return Ok(());
        }
        self.write(LOG, &after)
    }
}

/// The log of a run, which may still be going on.
pub fn log_of(folder: &Path) -> Result<Vec<LogLine>, Failure> {
    let text = text_of(&folder.join(LOG))?;
    Ok(lines(&text).map(|(_, line)| line).collect())
}

fn text_of(log: &Path) -> Result<String, Failure> {
    match std::fs::read(log) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(e) => Err(Failure::read(log, &e)),
    }
}

/// The whole lines of a log, as text and as numbers.
fn lines(text: &str) -> impl Iterator<Item = (&str, LogLine)> {
    text.lines()
        .filter_map(|text| Some((text, serde_json::from_str(text).ok()?)))
}
