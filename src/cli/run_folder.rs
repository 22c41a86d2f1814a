//! The folder of a training run: training file, checkpoint, log, deck, pictures.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files::write_atomically;
use crate::learning::{
    Checkpoint, CircuitSource, DataConfig, EpochReport, LoadedConfig, TrainingConfig,
};

use super::Failure;

/// A folder that belongs to one run.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
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
    pub seconds: f64,
}

impl LogLine {
    pub fn new(report: &EpochReport, seconds: f64) -> Self {
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
        }
    }
}

impl RunFolder {
    /// A folder that the user named; refuses one that holds a run.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        let folder = Self {
            path: path.to_path_buf(),
        };
        if folder.checkpoint().exists() {
            return Err(Failure::arguments(format!(
                "error: {} already holds a run\n  help: go on with `--resume {}`, or name another \
                 folder",
                path.display(),
                path.display()
            )));
        }
        std::fs::create_dir_all(path).map_err(|e| Failure::write(Some(path), &e))?;
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
                Ok(()) => return Ok(Self { path }),
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(Failure::write(Some(&path), &e)),
            }
        }
        Err(Failure::failed("error: no free run folder"))
    }

    /// The folder of an earlier run.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let folder = Self {
            path: path.to_path_buf(),
        };
        if folder.checkpoint().exists() && folder.config().exists() {
            return Ok(folder);
        }
        Err(Failure::arguments(format!(
            "error: {} is not the folder of a run: it has no config.toml and checkpoint.json\n  \
             help: name the run folder that `ohmgrad train` printed",
            path.display()
        )))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn config(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    pub fn checkpoint(&self) -> PathBuf {
        self.path.join("checkpoint.json")
    }

    fn log(&self) -> PathBuf {
        self.path.join("log.jsonl")
    }

    /// Writes the training file so that the folder stands alone: the deck is copied, paths of data
    /// become absolute.
    pub fn write_config(&self, loaded: &LoadedConfig) -> Result<(), Failure> {
        let mut config = loaded.config.clone();
        if let CircuitSource::Deck(path) = &mut config.circuit {
            let circuit = loaded
                .circuit()
                .map_err(crate::learning::TrainError::from)?;
            self.write("initial.cir", &circuit.to_spice()?)?;
            *path = PathBuf::from("initial.cir");
        }
        if let DataConfig::Csv { train, test, .. } = &mut config.data {
            for path in [Some(train), test.as_mut()].into_iter().flatten() {
                let found = loaded.folder.join(&path);
                *path = std::fs::canonicalize(&found).unwrap_or(found);
            }
        }
        self.write("config.toml", &TrainingConfig::to_toml(&config))
    }

    pub fn write_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), Failure> {
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

    pub fn append_log(&self, line: &LogLine) -> Result<(), Failure> {
        let path = self.log();
        let text = serde_json::to_string(line).unwrap_or_default() + "\n";
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|e| Failure::write(Some(&path), &e))
    }

    /// The lines that can be read; a line cut short by a crash is left out.
    pub fn read_log(&self) -> Result<Vec<LogLine>, Failure> {
        match std::fs::read_to_string(self.log()) {
            Ok(text) => Ok(text
                .lines()
                .filter_map(|l| serde_json::from_str(l).ok())
                .collect()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(e) => Err(Failure::failed(format!(
                "error: cannot read {}: {e}",
                self.log().display()
            ))),
        }
    }

    /// Drops log lines beyond the checkpoint.
    pub fn truncate_log(&self, epoch: usize) -> Result<(), Failure> {
        let lines = self.read_log()?;
        let kept = lines.iter().filter(|line| line.epoch <= epoch);
        let text: String = kept
            .filter_map(|line| serde_json::to_string(line).ok())
            .map(|l| l + "\n")
            .collect();
        self.write("log.jsonl", &text)
    }
}
