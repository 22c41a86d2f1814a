//! Training takes little more memory than its parameters, the optimizer's state and a batch.
#![cfg(target_os = "linux")]

use std::path::Path;

use ohmgrad::learning::{LoadedConfig, Trainer, TrainingConfig};

/// Bytes of this process in memory, now (`VmRSS`) or at most (`VmHWM`).
fn resident(what: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    let kilobytes = line.split_whitespace().nth(1).unwrap();
    1024 * kilobytes.parse::<usize>().unwrap()
}

const BATCH: usize = 64;

const SAMPLES: usize = 512;

/// Images of 28 x 28 pixels without a meaning, as MNIST comes.
fn write_images(folder: &Path) {
    let word = |n: usize| (n as u32).to_be_bytes();
    let pixel = |k: usize| (k.wrapping_mul(2_654_435_761) >> 13) as u8;
    let mut images = [word(0x803), word(SAMPLES), word(28), word(28)].concat();
    images.extend((0..SAMPLES * 784).map(pixel));
    let mut labels = [word(0x801), word(SAMPLES)].concat();
    labels.extend((0..SAMPLES).map(|k| (k % 10) as u8));
    std::fs::write(folder.join("images"), images).unwrap();
    std::fs::write(folder.join("labels"), labels).unwrap();
}

fn trainer(layers: &[usize], folder: &Path) -> Trainer {
    let text = format!(
        "epochs = 1\nbatch = {BATCH}\n[circuit.drn]\nlayers = {layers:?}\nclamp = \"ideal\"\n\
         [features]\nsources = [\"vp*\"]\ncomplements = [\"vn*\"]\nscale = 20.0\n[outputs]\n\
         read = [\"v(out*)\"]\n[optimizer]\nkind = \"adam\"\n[[parameters]]\nelements = \"r*\"\n\
         min = 1e-7\n[data.idx]\nimages = \"images\"\nlabels = \"labels\"\n\
         test_images = \"images\"\ntest_labels = \"labels\"\n"
    );
    let config = TrainingConfig::parse(Path::new("test.toml"), &text).unwrap();
    let folder = folder.to_path_buf();
    Trainer::new(&LoadedConfig { config, folder }).unwrap()
}

/// One test, for nothing else may take memory beside it.
#[test]
fn peak_memory_is_within_three_times_parameters_optimizer_and_batch() {
    let folder = tempfile::tempdir().unwrap();
    write_images(folder.path());
    for layers in [&[784, 4096, 10][..], &[784, 1024, 1024, 10]] {
        // The peak begins anew.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = resident("VmRSS");
        // Products have a buffer for each thread, whatever the network.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        let trainer = pool.unwrap().install(|| {
            let mut trainer = trainer(layers, folder.path());
            while trainer.train_batch().unwrap().is_none() {}
            let path = folder.path().join("checkpoint.bin");
            trainer.checkpoint().write(&path).unwrap();
            trainer
        });
        let peak = resident("VmHWM") - before;
        // A double for each parameter, two for Adam's means; features and potentials of the samples.
        let parameters = 3 * 8 * trainer.parameters.len();
        let nodes: usize = layers.iter().sum();
        let state = parameters + 8 * BATCH * nodes;
        let ratio = peak as f64 / state as f64;
        println!("{layers:?}: {peak} bytes, {ratio:.2} times {state}");
        assert!(ratio <= 3.0, "{layers:?}: {ratio:.2}");
    }
}
