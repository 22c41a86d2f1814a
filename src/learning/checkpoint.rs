//! The state of a training run on disk: written whole or not at all, checked when read.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files::write_atomically;

use super::optimizer::Optimizer;

const FORMAT: &str = "ohmgrad-checkpoint 1";

/// Everything that the next epoch depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Epochs done.
    pub epoch: usize,
    pub seed: u64,
    /// Coordinates of the trained parameters.
    pub theta: Vec<f64>,
    pub optimizer: Optimizer,
}

/// Why a checkpoint cannot be written or read. The file that was there before is untouched.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    #[error("cannot {action} the checkpoint {}: {source}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "{} is not a whole checkpoint: {reason}\n  help: it was cut short or altered; train again \
         into a new folder",
        path.display()
    )]
    Damaged { path: PathBuf, reason: String },
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

impl Checkpoint {
    /// Writes the checkpoint beside `path`, then renames it into place.
    pub fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        let io = |source| CheckpointError::Io {
            action: "write",
            path: path.to_path_buf(),
            source,
        };
        let body = serde_json::to_string(self).map_err(|e| io(e.into()))?;
        let head = format!("{FORMAT} crc32={:08x}", crc32fast::hash(body.as_bytes()));
        write_atomically(path, format!("{head}\n{body}\n").as_bytes()).map_err(io)
    }

    /// Reads a checkpoint and verifies its checksum.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let bytes = std::fs::read(path).map_err(|source| CheckpointError::Io {
            action: "read",
            path: path.to_path_buf(),
            source,
        })?;
        Self::parse(&bytes, path)
    }

    /// Reads a checkpoint that `path` held.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, CheckpointError> {
        let damaged = |reason: String| CheckpointError::Damaged {
            path: path.to_path_buf(),
            reason,
        };
        let text = std::str::from_utf8(bytes).map_err(|_| damaged("it is not text".to_string()))?;
        let (head, body) = text
            .split_once('\n')
            .ok_or_else(|| damaged("it has no body".to_string()))?;
        let body = body.trim_end();
        let sum = head
            .strip_prefix(FORMAT)
            .and_then(|rest| rest.trim().strip_prefix("crc32="))
            .ok_or_else(|| damaged(format!("its first line is not `{FORMAT} crc32=…`")))?;
        if u32::from_str_radix(sum, 16) != Ok(crc32fast::hash(body.as_bytes())) {
            return Err(damaged("its checksum does not match".to_string()));
        }
        serde_json::from_str(body).map_err(|e| damaged(e.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Checkpoint {
        let theta = vec![0.1, -1e-300, std::f64::consts::PI, 1.0 / 3.0];
        Checkpoint {
            epoch: 3,
            seed: 9,
            optimizer: Optimizer::new(theta.len()),
            theta,
        }
    }

    #[test]
    fn a_checkpoint_comes_back_to_the_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.json");
        sample().write(&path).unwrap();
        assert_eq!(Checkpoint::read(&path).unwrap(), sample());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_truncated_or_altered_checkpoint_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.json");
        sample().write(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for cut in [0, 10, 40, whole.len() / 2, whole.len() - 2] {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert!(
                matches!(
                    Checkpoint::read(&path),
                    Err(CheckpointError::Damaged { .. })
                ),
                "{cut}"
            );
        }
        let mut altered = whole.clone();
        let last = altered.len() - 5;
        altered[last] ^= 1;
        std::fs::write(&path, &altered).unwrap();
        assert!(matches!(
            Checkpoint::read(&path),
            Err(CheckpointError::Damaged { .. })
        ));
    }
}
