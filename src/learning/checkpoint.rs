//! The state of a training run on disk: written whole or not at all, checked when read.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::files::{Staged, read_at_most};
use crate::limits::memory;

use super::engine::Evaluation;
use super::fingerprint::{Fingerprints, hexadecimal};
use super::optimizer::Optimizer;

/// First word of a checkpoint, before its format.
const NAME: &str = "ohmgrad-checkpoint";

/// The format that is written and read. Any change of [`Checkpoint`] raises it.
const FORMAT: u32 = 3;

/// Most bytes of the lines before the numbers.
const LONGEST_LINE: u64 = 1 << 16;

/// Most bytes of a checkpoint that is no regular file, whose length is not known.
const LARGEST_STREAM: u64 = 1 << 30;

/// Everything that the next batch depends on.
///
/// On disk: a line with the format and a checksum of all that follows, a line of JSON, then the
/// parameters and the optimizer's two means of each, as doubles, the least significant byte first.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint<'a> {
    /// What the run was trained from.
    pub fingerprints: Fingerprints,
    /// Epochs done.
    pub epoch: usize,
    /// Batches done of the epoch after them.
    pub batch: usize,
    /// What those batches gave.
    pub sums: Sums,
    /// Coordinates of the trained parameters.
    pub theta: Cow<'a, [f64]>,
    pub optimizer: Cow<'a, Optimizer>,
}

/// The line of JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    fingerprints: Fingerprints,
    epoch: usize,
    batch: usize,
    sums: Sums,
    steps: u64,
    parameters: u64,
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

impl Checkpoint<'_> {
    /// The same, with numbers of its own.
    pub fn into_owned(self) -> Checkpoint<'static> {
        Checkpoint {
            theta: Cow::Owned(self.theta.into_owned()),
            optimizer: Cow::Owned(self.optimizer.into_owned()),
            fingerprints: self.fingerprints,
            ..self
        }
    }

    /// Where the checkpoint before the one at `path` is kept.
    pub fn previous(path: &Path) -> PathBuf {
        path.with_extension("previous.bin")
    }

    /// Writes the checkpoint beside `path`, then renames it into place; what was there is kept as
    /// [`Checkpoint::previous`].
    ///
    /// # Errors
    /// [`CheckpointError::Io`], or [`CheckpointError::NotFinite`] if training has diverged.
    pub fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        let io = |source| CheckpointError::Io {
            action: "write",
            path: path.to_path_buf(),
            source,
        };
        self.check_finite(path)?;
        let staged = Staged::create(path, |file| self.write_to(file)).map_err(io)?;
        keep_previous(path);
        staged.commit().map_err(io)
    }

    fn write_to(&self, file: &mut File) -> std::io::Result<()> {
        // The checksum goes to its place once it is known.
        let head = |sum: &[u8]| format!("{NAME} {FORMAT} sha256={}\n", hexadecimal(sum));
        file.write_all(head(&[0; 32]).as_bytes())?;
        let mut body = Summed {
            inner: BufWriter::new(file),
            sum: checksum(FORMAT),
        };
        self.write_body(&mut body)?;
        let sum = body.sum.finalize();
        let file = body.inner.into_inner()?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(head(&sum).as_bytes())
    }

    fn write_body(&self, body: &mut impl Write) -> std::io::Result<()> {
        let header = Header {
            fingerprints: self.fingerprints.clone(),
            epoch: self.epoch,
            batch: self.batch,
            sums: self.sums,
            steps: self.optimizer.steps,
            parameters: self.theta.len() as u64,
        };
        serde_json::to_writer(&mut *body, &header)?;
        body.write_all(b"\n")?;
        let (first, second) = self.optimizer.moments();
        for numbers in [&self.theta, first, second] {
            write_numbers(body, numbers)?;
        }
        Ok(())
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
    pub fn read(path: &Path) -> Result<Checkpoint<'static>, CheckpointError> {
        let io = |source| CheckpointError::Io {
            action: "read",
            path: path.to_path_buf(),
            source,
        };
        let file = File::open(path).map_err(io)?;
        let about = file.metadata().map_err(io)?;
        if !about.is_file() {
            let bytes = read_at_most(path, LARGEST_STREAM).map_err(io)?;
            return Self::parse(&bytes, path);
        }
        from_reader(BufReader::new(file), about.len()).map_err(|fault| fault.at(path))
    }

    /// Reads a checkpoint that `path` held.
    ///
    /// # Errors
    /// As [`Checkpoint::read`].
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Checkpoint<'static>, CheckpointError> {
        from_reader(bytes, bytes.len() as u64).map_err(|fault| fault.at(path))
    }
}

/// Reads a checkpoint of so many bytes.
fn from_reader(mut input: impl Read, length: u64) -> Result<Checkpoint<'static>, Fault> {
    let head = read_line(&mut input, "body")?;
    let head = std::str::from_utf8(&head).map_err(|_| Fault::of("it is not text"))?;
    let (format, sum) = split_head(head)
        .ok_or_else(|| Fault::of(&format!("its first line is not `{NAME} {FORMAT} …`")))?;
    if format != FORMAT {
        return Err(Fault::Format(format));
    }
    let mut body = Summed {
        inner: input,
        sum: checksum(format),
    };
    let line = read_line(&mut body, "numbers")?;
    let header: Header = serde_json::from_slice(&line)
        .map_err(|error| Fault::of(&format!("its second line cannot be read: {error}")))?;
    let before = (head.len() + line.len() + 2) as u64;
    let numbers = header.parameters.saturating_mul(24);
    if numbers > memory() {
        return Err(Fault::of("it holds more parameters than memory does"));
    }
    match before.saturating_add(numbers).cmp(&length) {
        std::cmp::Ordering::Less => return Err(Fault::of("it goes on beyond its end")),
        std::cmp::Ordering::Greater => return Err(Fault::of("it ends too early")),
        std::cmp::Ordering::Equal => {}
    }
    let mut next = || read_numbers(&mut body, header.parameters as usize);
    let (theta, first, second) = (next()?, next()?, next()?);
    if sum != format!("sha256={}", hexadecimal(&body.sum.finalize())) {
        return Err(Fault::of("its checksum does not match"));
    }
    Ok(Checkpoint {
        fingerprints: header.fingerprints,
        epoch: header.epoch,
        batch: header.batch,
        sums: header.sums,
        theta: Cow::Owned(theta),
        optimizer: Cow::Owned(Optimizer::resumed(header.steps, first, second)),
    })
}

/// Adds up what goes through.
struct Summed<T> {
    inner: T,
    sum: Sha256,
}

impl<T: Write> Write for Summed<T> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.sum.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Read> Read for Summed<T> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(bytes)?;
        self.sum.update(&bytes[..read]);
        Ok(read)
    }
}

/// A line without its end; after it there should be something.
fn read_line(input: &mut impl Read, after: &str) -> Result<Vec<u8>, Fault> {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.len() as u64 <= LONGEST_LINE {
        if input.read_exact(&mut byte).is_err() {
            return Err(Fault::of(&format!("it has no {after}")));
        }
        if byte == [b'\n'] {
            return Ok(line);
        }
        line.push(byte[0]);
    }
    Err(Fault::of(&format!("it has no {after}")))
}

/// Numbers that are turned into bytes at once.
const AT_ONCE: usize = 4096;

fn write_numbers(output: &mut impl Write, numbers: &[f64]) -> std::io::Result<()> {
    let mut buffer = Vec::with_capacity(8 * AT_ONCE);
    for numbers in numbers.chunks(AT_ONCE) {
        buffer.clear();
        buffer.extend(numbers.iter().flat_map(|x| x.to_le_bytes()));
        output.write_all(&buffer)?;
    }
    Ok(())
}

fn read_numbers(input: &mut impl Read, count: usize) -> Result<Vec<f64>, Fault> {
    let mut numbers = Vec::with_capacity(count);
    let mut buffer = [0; 8 * AT_ONCE];
    while numbers.len() < count {
        let bytes = &mut buffer[..8 * AT_ONCE.min(count - numbers.len())];
        input
            .read_exact(bytes)
            .map_err(|error| Fault::of(&format!("it cannot be read on: {error}")))?;
        let (chunks, _) = bytes.as_chunks();
        numbers.extend(chunks.iter().map(|chunk| f64::from_le_bytes(*chunk)));
    }
    Ok(numbers)
}

enum Fault {
    Format(u32),
    Damaged(String),
}

impl Fault {
    fn of(reason: &str) -> Self {
        Self::Damaged(reason.to_string())
    }

    fn at(self, path: &Path) -> CheckpointError {
        let path = path.to_path_buf();
        match self {
            Fault::Format(found) => CheckpointError::Format { path, found },
            Fault::Damaged(reason) => CheckpointError::Damaged { path, reason },
        }
    }
}

/// Format and checksum of a first line.
fn split_head(head: &str) -> Option<(u32, &str)> {
    let rest = head.strip_prefix(NAME)?.strip_prefix(' ')?;
    let (format, sum) = rest.split_once(' ')?;
    Some((format.parse().ok()?, sum))
}

/// Of everything but itself.
fn checksum(format: u32) -> Sha256 {
    Sha256::new_with_prefix(format!("{NAME} {format}\n"))
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
    use super::super::fingerprint::sha256;
    use super::*;

    fn sample() -> Checkpoint<'static> {
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
            optimizer: Cow::Owned(Optimizer::new(theta.len())),
            theta: theta.into(),
        }
    }

    fn is_damaged(path: &Path) -> bool {
        matches!(Checkpoint::read(path), Err(CheckpointError::Damaged { .. }))
    }

    #[test]
    fn a_checkpoint_comes_back_to_the_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.bin");
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
        let path = folder.path().join("checkpoint.bin");
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
        assert!(message.contains("checkpoint.previous.bin"), "{message}");
    }

    #[test]
    fn a_checkpoint_cut_anywhere_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.bin");
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
        let path = folder.path().join("checkpoint.bin");
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
        let path = folder.path().join("checkpoint.bin");
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
    fn numbers_that_are_not_finite_are_refused_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.bin");
        let diverged = Checkpoint {
            theta: vec![f64::NAN].into(),
            ..sample()
        };
        assert!(matches!(
            diverged.write(&path),
            Err(CheckpointError::NotFinite { .. })
        ));
        assert!(!path.exists());
    }
}
