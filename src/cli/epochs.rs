//! What commands share that train something on images: samples, lines after epochs, the place of results.

use std::path::Path;
use std::time::Instant;

use crate::learning::data::Dataset;
use crate::learning::{DataConfig, EpochReport, LoadedConfig};

use super::Failure;

/// Samples to train and to test: MNIST in a folder, or the built-in digits.
pub fn samples(folder: Option<&Path>) -> Result<(Dataset, Dataset), Failure> {
    let mut loaded = LoadedConfig::built_in()?;
    if let Some(folder) = folder {
        loaded.config.data = DataConfig::mnist();
        loaded.take_data_from(folder);
    }
    Ok(loaded.data()?)
}

/// Says that a result has no folder to go to: better before the training than after it.
pub fn check_folder(out: Option<&Path>) -> Result<(), Failure> {
    let folder = out.and_then(Path::parent);
    if folder.is_some_and(|f| !f.as_os_str().is_empty() && !f.is_dir()) {
        let error = std::io::ErrorKind::NotFound.into();
        return Err(Failure::write(out, &error));
    }
    Ok(())
}

/// A loss for people: one of a training that diverges has hundreds of digits.
pub fn loss(loss: f64) -> String {
    match loss.abs() < 1e5 {
        true => format!("{loss:.4}"),
        false => format!("{loss:.4e}"),
    }
}

/// One line on standard error.
pub fn note(result: &EpochReport, epochs: usize, began: Instant) {
    crate::note!(
        "epoch {:>3}/{epochs}  loss {}  train {:.2} %  test loss {}  test {:.2} %  {:.2} s",
        result.epoch,
        loss(result.train.loss),
        100.0 * result.train.accuracy,
        loss(result.test.loss),
        100.0 * result.test.accuracy,
        began.elapsed().as_secs_f64()
    );
}
