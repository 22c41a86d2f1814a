//! Training on several ranks: the bits of one.

use std::path::Path;
use std::sync::Arc;

use ohmgrad::learning::{Checkpoint, LoadedConfig, Trainer};
use ohmgrad::parallel::{Ranks, local_ranks};

/// A network of digits: `circuit` is the table of its circuit.
fn digits(circuit: &str, more: &str) -> String {
    format!(
        r#"
seed = 3
epochs = 1
batch = 80
{more}

{circuit}

[features]
sources = ["vp*"]
complements = ["vn*"]
scale = 60.0

[outputs]
read = ["v(out*)"]

[loss]
kind = "cross-entropy"
scale = 4.0

[optimizer]
rate = 0.05

[[parameters]]
elements = "r*"
min = 1e-7

[data.generator]
name = "digits"
samples = 200
test = 90
noise = 0.1
"#
    )
}

fn load(folder: &Path, text: &str) -> LoadedConfig {
    let path = folder.join("net.toml");
    std::fs::write(&path, text).unwrap();
    LoadedConfig::read(&path).unwrap_or_else(|error| panic!("{error}"))
}

/// What one rank, or a single process, comes to: bits of the parameters, of the optimizer's memory and of
/// all losses.
fn train(
    loaded: &LoadedConfig,
    ranks: Option<Arc<dyn Ranks>>,
    alone: bool,
) -> (Checkpoint<'static>, String) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1);
    pool.build().unwrap().install(|| {
        let mut trainer = Trainer::new(loaded).unwrap_or_else(|error| panic!("{error}"));
        if alone {
            trainer.engine.solve_one_by_one();
        }
        trainer.spread(ranks);
        let mut report = format!("{:?}", trainer.train_epoch().unwrap());
        for _ in 0..1 {
            trainer.train_batch().unwrap();
        }
        trainer.gather();
        let checkpoint = trainer.checkpoint().into_owned();
        trainer.spread(None);
        report += &format!("{:?}", trainer.test().unwrap());
        (checkpoint, report)
    })
}

/// The same training on 1, 2, 3 and 4 ranks.
fn assert_same_bits(text: &str, alone: bool) {
    let folder = tempfile::tempdir().unwrap();
    let loaded = load(folder.path(), text);
    let (single, report) = train(&loaded, None, alone);
    assert!(single.theta.iter().all(|x| x.is_finite()));
    for size in [1, 2, 3, 4] {
        let threads = local_ranks(size).into_iter().map(|ranks| {
            let loaded = loaded.clone();
            std::thread::spawn(move || train(&loaded, Some(ranks), alone))
        });
        let threads: Vec<_> = threads.collect();
        let found: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        let bits = |c: &Checkpoint| c.theta.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert!(
            bits(&found[0].0) == bits(&single),
            "parameters of {size} ranks"
        );
        assert!(found[0].0 == single, "checkpoint of {size} ranks");
        for (_, own) in &found {
            assert_eq!(*own, report, "losses of {size} ranks");
        }
    }
}

#[test]
fn a_wide_network_of_ideal_diodes_has_the_bits_of_one_rank() {
    let circuit = "[circuit.drn]\nlayers = [64, 300, 10]\nclamp = \"ideal\"";
    assert_same_bits(&digits(circuit, ""), false);
}

#[test]
fn so_it_is_in_single_precision_and_with_moved_images() {
    let circuit =
        "[circuit.drn]\nlayers = [64, 300, 10]\nclamp = \"ideal\"\n[augment]\nwidth = 8\nshift = 1";
    assert_same_bits(&digits(circuit, "precision = \"f32\""), false);
}

#[test]
fn a_deep_network_is_relaxed_to_the_bits_of_one_rank() {
    let circuit =
        "[circuit.drn]\nlayers = [64, 200, 260, 10]\nclamp = \"ideal\"\n[parallel]\nblocks = 4";
    assert_same_bits(&digits(circuit, ""), false);
}

#[test]
fn a_network_of_shockley_diodes_with_a_bias_has_the_bits_of_one_rank() {
    let circuit = "[circuit.layered]\ninputs = 64\nhidden = [24]\noutputs = 10\nclamp = \"shockley\"\nbias = 1.0";
    assert_same_bits(&digits(circuit, ""), false);
}

#[test]
fn equilibrium_propagation_has_the_bits_of_one_rank() {
    let circuit = "[circuit.drn]\nlayers = [64, 200, 10]\nclamp = \"ideal\"\n\n[estimator]\nkind = \"eqprop-random\"\nbeta = 1e-3";
    assert_same_bits(&digits(circuit, ""), false);
}

#[test]
fn the_general_solver_has_the_bits_of_one_rank() {
    let circuit =
        "[circuit.layered]\ninputs = 64\nhidden = [8]\noutputs = 10\nclamp = \"shockley\"";
    assert_same_bits(&digits(circuit, ""), true);
}

#[test]
fn blocks_of_a_batch_are_in_a_sensible_range() {
    let folder = tempfile::tempdir().unwrap();
    let circuit = "[circuit.drn]\nlayers = [64, 20, 10]\nclamp = \"ideal\"\n[parallel]\nblocks = 0";
    let path = folder.path().join("net.toml");
    std::fs::write(&path, digits(circuit, "")).unwrap();
    let error = LoadedConfig::read(&path).unwrap_err().to_string();
    assert!(error.contains("parallel.blocks"), "{error}");
}
