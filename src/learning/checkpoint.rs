//! The state of a training run on disk: written whole or not at all, checked when read.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files::{Staged, read_at_most};

use super::engine::Evaluation;
use super::fingerprint::{Fingerprints, sha256};
use super::optimizer::Optimizer;

/// First word of a checkpoint, before its format.
const NAME: &str = "ohmgrad-checkpoint";

/// The format that is written and read. Any change of [`Checkpoint`] raises it.
const FORMAT: u32 = 2;

/// A checkpoint may not be larger than this, bytes.
const LARGEST: u64 = 1 << 30;

/// Everything that the next batch depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// What the run was trained from.
    pub fingerprints: Fingerprints,
    /// Epochs done.
    pub epoch: usize,
    /// Batches done of the epoch after them.
    pub batch: usize,
    /// What those batches gave.
    pub sums: Sums,
    /// Coordinates of the trained parameters.
    pub theta: Vec<f64>,
    pub optimizer: Optimizer,
}

/// Sums over the samples of an epoch's batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    pub samples: usize,
    loss: f64,
    accuracy: f64,
    iterations: usize,
}

impl Sums {
    /// Adds a batch's sums.
    pub fn add(&mut self, batch: &Evaluation) {
        self.samples += batch.samples;
        self.loss += batch.loss;
        self.accuracy += batch.accuracy;
        self.iterations += batch.iterations;
    }

    /// Means over the samples; what belongs to single samples is left out.
    pub fn mean(&self, predicted_classes: bool) -> Evaluation {
        let count = self.samples.max(1) as f64;
        Evaluation {
            samples: self.samples,
            loss: self.loss / count,
            accuracy: self.accuracy / count,
            iterations: self.iterations,
            predicted_classes,
            ..Evaluation::default()
        }
    }
}

/// Why a checkpoint cannot be written, read or used. The file that was there before is untouched.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    #[error("cannot {action} the checkpoint {}: {source}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "cannot write the checkpoint {}: {what} is no finite number any more\n  help: the training \
         diverges; lower optimizer.rate, or give the parameters `min` and `max`",
        path.display()
    )]
    NotFinite { path: PathBuf, what: &'static str },
    #[error("{} is not a whole checkpoint: {reason}\n  help: {}", path.display(), way_out(path))]
    Damaged { path: PathBuf, reason: String },
    #[error(
        "{} is in format {found}, but this program reads format {FORMAT}\n  help: resume with the \
         version of ohmgrad that wrote it, or train again into a new folder",
        path.display()
    )]
    Format { path: PathBuf, found: u32 },
    #[error(
        "{} was trained with {}\n  help: put back what was changed, or train again into a new folder",
        path.display(),
        changes.join(" and with ")
    )]
    Changed {
        path: PathBuf,
        changes: Vec<&'static str>,
    },
    #[error(
        "{} holds {found} parameters, but the training file asks for {expected}\n  help: resume with \
         the deck and training file that the run began with",
        path.display()
    )]
    OtherCircuit {
        path: PathBuf,
        found: usize,
        expected: usize,
    },
}

/// What to do about a damaged checkpoint: the one before it leads to the same bits.
fn way_out(path: &Path) -> String {
    let previous = Checkpoint::previous(path);
    if Checkpoint::read(&previous).is_err() {
        return "it was cut short or altered; train again into a new folder".to_string();
    }
    format!(
        "it was cut short or altered, but the checkpoint before it is whole and leads to the same \
         bits: rename {} to {}, then resume",
        previous.display(),
        path.display()
    )
}

impl Checkpoint {
    /// Where the checkpoint before the one at `path` is kept.
    pub fn previous(path: &Path) -> PathBuf {
        path.with_extension("previous.json")
    }

    /// Writes the checkpoint beside `path`, then renames it into place; what was there is kept as
    /// [`Checkpoint::previous`].
    ///
    /// # Errors
    /// [`CheckpointError::Io`], or [`CheckpointError::NotFinite`], which JSON could not hold.
    pub fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        let io = |source| CheckpointError::Io {
            action: "write",
            path: path.to_path_buf(),
            source,
        };
        self.check_finite(path)?;
        let body = serde_json::to_string(self).map_err(|e| io(e.into()))?;
        let head = format!("{NAME} {FORMAT} sha256={}", checksum(FORMAT, &body));
        let staged = Staged::write(path, format!("{head}\n{body}\n").as_bytes()).map_err(io)?;
        keep_previous(path);
        staged.commit().map_err(io)
    }

    fn check_finite(&self, path: &Path) -> Result<(), CheckpointError> {
        let theta = self.theta.iter().all(|x| x.is_finite());
        let what = match (theta, self.sums.loss.is_finite()) {
            (false, _) => "a parameter",
            (_, false) => "the loss",
            _ if !self.optimizer.is_finite() => "a mean of gradients",
            _ => return Ok(()),
        };
        let path = path.to_path_buf();
        Err(CheckpointError::NotFinite { path, what })
    }

    /// Reads a checkpoint and verifies its checksum.
    ///
    /// # Errors
    /// [`CheckpointError::Io`], [`CheckpointError::Format`] or [`CheckpointError::Damaged`].
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let bytes = read_at_most(path, LARGEST).map_err(|source| CheckpointError::Io {
            action: "read",
            path: path.to_path_buf(),
            source,
        })?;
        Self::parse(&bytes, path)
    }

    /// Reads a checkpoint that `path` held.
    ///
    /// # Errors
    /// [`CheckpointError::Format`] or [`CheckpointError::Damaged`].
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, CheckpointError> {
        Self::parse_bytes(bytes).map_err(|fault| {
            let path = path.to_path_buf();
            match fault {
                Fault::Format(found) => CheckpointError::Format { path, found },
                Fault::Damaged(reason) => CheckpointError::Damaged { path, reason },
            }
        })
    }

    fn parse_bytes(bytes: &[u8]) -> Result<Self, Fault> {
        let text = std::str::from_utf8(bytes).map_err(|_| Fault::of("it is not text"))?;
        let (head, body) = text
            .split_once('\n')
            .ok_or_else(|| Fault::of("it has no body"))?;
        let (format, sum) = split_head(head)
            .ok_or_else(|| Fault::of(&format!("its first line is not `{NAME} {FORMAT} …`")))?;
        if format != FORMAT {
            return Err(Fault::Format(format));
        }
        let body = body
            .strip_suffix('\n')
            .ok_or_else(|| Fault::of("its last line does not end"))?;
        if sum != format!("sha256={}", checksum(format, body)) {
            return Err(Fault::of("its checksum does not match"));
        }
        serde_json::from_str(body).map_err(|e| Fault::Damaged(e.to_string()))
    }
}

enum Fault {
    Format(u32),
    Damaged(String),
}

impl Fault {
    fn of(reason: &str) -> Self {
        Self::Damaged(reason.to_string())
    }
}

/// Format and checksum of a first line.
fn split_head(head: &str) -> Option<(u32, &str)> {
    let rest = head.strip_prefix(NAME)?.strip_prefix(' ')?;
    let (format, sum) = rest.split_once(' ')?;
    Some((format.parse().ok()?, sum))
}

/// Of everything but itself.
fn checksum(format: u32, body: &str) -> String {
    sha256(format!("{NAME} {format}\n{body}").as_bytes())
}

/// A spare, for the case that the new checkpoint is damaged later: without it training goes on.
fn keep_previous(path: &Path) {
    let previous = Checkpoint::previous(path);
    let _ = std::fs::remove_file(&previous);
    // Not every file system has links.
    let _ = std::fs::hard_link(path, &previous)
        .or_else(|_| std::fs::copy(path, &previous).map(|_bytes| ()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Checkpoint {
        let theta = vec![0.1, -1e-300, -0.0, std::f64::consts::PI, 1.0 / 3.0];
        let fingerprints = Fingerprints {
            training: sha256(b"t"),
            circuit: sha256(b"c"),
            data: sha256(b"d"),
        };
        Checkpoint {
            fingerprints,
            epoch: 3,
            batch: 7,
            sums: Sums {
                samples: 140,
                loss: 0.1 + 0.2,
                accuracy: 99.0,
                iterations: 1234,
            },
            optimizer: Optimizer::new(theta.len()),
            theta,
        }
    }

    fn is_damaged(path: &Path) -> bool {
        matches!(Checkpoint::read(path), Err(CheckpointError::Damaged { .. }))
    }

    #[test]
    fn a_checkpoint_comes_back_to_the_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.json");
        sample().write(&path).unwrap();
        let read = Checkpoint::read(&path).unwrap();
        let bits = |c: &Checkpoint| c.theta.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(read, sample());
        assert_eq!(bits(&read), bits(&sample()));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_checkpoint_before_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.json");
        for epoch in 1..4 {
            Checkpoint { epoch, ..sample() }.write(&path).unwrap();
        }
        let previous = Checkpoint::read(&Checkpoint::previous(&path)).unwrap();
        assert_eq!(
            (previous.epoch, Checkpoint::read(&path).unwrap().epoch),
            (2, 3)
        );
        std::fs::write(&path, "torn").unwrap();
        let message = Checkpoint::read(&path).unwrap_err().to_string();
        assert!(message.contains("checkpoint.previous.json"), "{message}");
    }

    #[test]
    fn a_checkpoint_cut_anywhere_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.json");
        sample().write(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert!(is_damaged(&path), "{cut}");
        }
    }

    #[test]
    fn a_checkpoint_altered_anywhere_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.json");
        sample().write(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for k in 0..whole.len() {
            for bit in 0..8 {
                let mut altered = whole.clone();
                altered[k] ^= 1 << bit;
                std::fs::write(&path, &altered).unwrap();
                // An altered digit of the format is another format.
                let refused = Checkpoint::read(&path).is_err();
                assert!(refused, "byte {k}, bit {bit}");
            }
        }
    }

    #[test]
    fn another_format_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.json");
        for (head, format) in [
            ("ohmgrad-checkpoint 1 crc32=00000000", 1),
            ("ohmgrad-checkpoint 7 sha256=00", 7),
        ] {
            std::fs::write(&path, format!("{head}\n{{}}\n")).unwrap();
            let error = Checkpoint::read(&path).unwrap_err();
            assert!(
                matches!(error, CheckpointError::Format { found, .. } if found == format),
                "{error}"
            );
        }
    }

    #[test]
    fn numbers_that_json_cannot_hold_are_refused_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.json");
        let diverged = Checkpoint {
            theta: vec![f64::NAN],
            ..sample()
        };
        assert!(matches!(
            diverged.write(&path),
            Err(CheckpointError::NotFinite { .. })
        ));
        assert!(!path.exists());
    }
}
