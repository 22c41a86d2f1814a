//! Training allocates nothing after its first batches.

use std::alloc::System;
use std::path::Path;

use ohmgrad::learning::{LoadedConfig, Trainer, TrainingConfig};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn trainer(circuit: &str, data: &str) -> Trainer {
    let text = format!(
        "epochs = 1000\nbatch = 64\n{circuit}\n[features]\nsources = [\"vp*\"]\ncomplements = \
         [\"vn*\"]\nscale = 20.0\n[outputs]\nread = [\"v(out*)\"]\n[[parameters]]\nelements = \
         \"r*\"\nmin = 1e-7\n{data}"
    );
    let config = TrainingConfig::parse(Path::new("test.toml"), &text).unwrap();
    let folder = Path::new(".").to_path_buf();
    Trainer::new(&LoadedConfig { config, folder }).unwrap()
}

/// Blocks on the heap asked for in `batches` batches, after some to warm up. The batches are all of
/// one epoch.
fn allocations(trainer: &mut Trainer, batches: usize) -> usize {
    for _ in 0..4 {
        assert!(trainer.train_batch().unwrap().is_none());
    }
    let region = Region::new(ALLOCATOR);
    for _ in 0..batches {
        assert!(trainer.train_batch().unwrap().is_none());
    }
    let change = region.change();
    change.allocations + change.reallocations
}

/// One test, for nothing else may allocate beside it.
#[test]
fn training_allocates_nothing_after_the_first_batches() {
    let data = "[data.generator]\nname = \"digits\"\nsamples = 4000\ntest = 10\n";
    let moved = format!("[augment]\nwidth = 8\nshift = 1\n{data}");
    for clamp in ["ideal", "shockley"] {
        for (layers, data) in [("[64, 40, 10]", data), ("[64, 400, 400, 10]", &moved)] {
            let circuit = format!("[circuit.drn]\nlayers = {layers}\nclamp = \"{clamp}\"");
            let mut trainer = trainer(&circuit, data);
            // A second thread may meet its first block of samples at any time.
            let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
            let count = pool.unwrap().install(|| allocations(&mut trainer, 40));
            assert_eq!(count, 0, "{layers} {clamp}: {}", trainer.engine.method());
        }
    }
}
