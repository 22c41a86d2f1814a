//! What fuzzing has found, replayed: every input is read or refused, in time.

#[path = "findings/harness.rs"]
mod harness;

use std::path::Path;
use std::time::{Duration, Instant};

/// Findings are small, and debug builds slow.
const LONGEST: Duration = Duration::from_secs(5);

fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/findings");
    let folder = std::fs::read_dir(folder.join(target)).expect("the findings of a target");
    for entry in folder {
        let path = entry.expect("a folder entry").path();
        let bytes = std::fs::read(&path).expect("a finding");
        // A panic names no file.
        println!("{}", path.display());
        let started = Instant::now();
        run(&bytes);
        let taken = started.elapsed();
        assert!(taken < LONGEST, "{}: {taken:?}", path.display());
    }
}

#[test]
fn netlists() {
    replay("netlist", harness::netlist);
}

#[test]
fn expressions() {
    replay("expression", harness::expression);
}

#[test]
fn training_files() {
    replay("config", harness::config);
}

#[test]
fn data_files() {
    replay("data", harness::data);
}

#[test]
fn checkpoints() {
    replay("checkpoint", harness::checkpoint);
}

#[test]
fn networks() {
    replay("safetensors", harness::safetensors);
}

/// The findings that are cut from it, or made of it, mean nothing otherwise.
#[test]
fn a_whole_checkpoint_is_read() {
    let whole = include_bytes!("findings/checkpoint/whole");
    let path = Path::new("checkpoint.bin");
    assert!(ohmgrad::learning::Checkpoint::parse(whole, path).is_ok());
}
