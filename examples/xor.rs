//! XOR learned by a circuit: the training loop through the library.
//!
//! Run with `cargo run --release --example xor`.

use std::path::Path;

use ohmgrad::learning::{LoadedConfig, TrainError, Trainer};

fn main() -> Result<(), TrainError> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("circuits/learning/xor.toml");
    let mut trainer = Trainer::new(&LoadedConfig::read(&file)?)?;
    while trainer.epoch < trainer.config.epochs {
        let report = trainer.train_epoch()?;
        if report.epoch % 5 == 0 {
            println!(
                "epoch {:>3}  loss {:.4}  test accuracy {:.1} %",
                report.epoch,
                report.train.loss,
                100.0 * report.test.accuracy
            );
        }
    }
    Ok(())
}
