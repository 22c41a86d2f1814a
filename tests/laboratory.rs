//! Training on a bench: the update of two drops is the gradient, tasks are learned by it, and every effect does
//! what it says.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ohmgrad::laboratory::{BenchConfig, BenchTrainer, Deviations, Effect, LaboratoryError, rows};
use ohmgrad::learning::{LoadedConfig, OptimizerKind, TrainingConfig};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("circuits/learning")
        .join(name)
}

fn load(name: &str) -> LoadedConfig {
    LoadedConfig::read(&file(name)).unwrap_or_else(|error| panic!("{error}"))
}

fn ideal(loaded: &LoadedConfig) -> BenchConfig {
    Effect::only(&[], &loaded.config.bench.unwrap_or_default())
}

fn trainer(loaded: &LoadedConfig, bench: BenchConfig) -> BenchTrainer {
    BenchTrainer::new(loaded, bench).unwrap_or_else(|error| panic!("{error}"))
}

/// A training file whose deck has elements of every kind that has a rule of two drops, and others.
fn mixed(folder: &Path, deck: &str, groups: &[&str]) -> LoadedConfig {
    std::fs::write(folder.join("net.cir"), deck).expect("a deck");
    let groups: String = groups
        .iter()
        .map(|g| format!("[[parameters]]\nelements = \"{g}\"\n"))
        .collect();
    let text = format!(
        "seed = 3\nbatch = 5\nepochs = 1\n[circuit]\ndeck = \"net.cir\"\n\
         [features]\nsources = [\"vp*\"]\ncomplements = [\"vn*\"]\nscale = 1.5\noffset = 0.1\n\
         [outputs]\nread = [\"v(out,k)\", \"v(k)\"]\n[loss]\nkind = \"squared-error\"\nscale = 2.0\n\
         [optimizer]\nkind = \"sgd\"\nrate = 0.1\n{groups}\
         [data.generator]\nname = \"xor\"\nsamples = 12\ntest = 4\nnoise = 0.2\n"
    );
    let config = TrainingConfig::parse(Path::new("test.toml"), &text);
    LoadedConfig {
        config: config.unwrap_or_else(|error| panic!("{error}")),
        folder: folder.to_path_buf(),
    }
}

const MIXED: &str = "\
diodes of three kinds, amplifiers, a gyrator, a transformer
Vp0 xp0 0 0
Vn0 xn0 0 0
Vp1 xp1 0 0
Vn1 xn1 0 0
Ib 0 h1 0.2m
R1a xp0 h0 1k
R1b xn1 h0 1.5k
R1c xp1 h1 2.2k
R1d xn0 h1 1.2k
D0 h0 0 1N4148
D1 h1 0 DI
D2 0 k DI
E0 e0 0 h0 0 4
Vs0 e0 g0 0
F0 h0 0 Vs0 0.25
G1 0 k h1 0 0.7m
X1 k 0 m 0 GYRATOR g=0.5m
X2 g0 0 t 0 TRANSFORMER n=2
R2a t k 1k
R2b m out 1k
R2c h1 out 3k
R2d out 0 1k
R2e m 0 2k
B1 0 out I=0.1m*tanh(v(h0))
.model 1N4148 D(IS=2.52n RS=0.568 N=1.752)
.model DI D(IDEAL)
";

/// The largest difference from the crate's adjoint gradient, over the largest derivative.
fn distance_to_adjoint(loaded: &LoadedConfig, samples: &[usize]) -> f64 {
    let mut bench = trainer(loaded, ideal(loaded));
    let measured = bench
        .gradient(samples)
        .unwrap_or_else(|error| panic!("{error}"));
    let inner = &mut bench.trainer;
    inner.engine.solve_one_by_one();
    inner.engine.set_parameters(&mut inner.parameters);
    let mut exact = vec![0.0; inner.parameters.len()];
    let (engine, data) = (&mut inner.engine, &inner.train);
    let found = engine.gradient(data, samples, &mut inner.parameters, &mut exact);
    found.unwrap_or_else(|error| panic!("{error}"));
    let parameters = &inner.parameters;
    let slopes = (0..exact.len()).map(|k| parameters.slope_of_quantity(k));
    exact
        .iter_mut()
        .zip(slopes)
        .for_each(|(g, slope)| *g /= slope);
    // Of each kind by itself: derivatives to conductances and to currents have different units.
    let mut worst = 0.0f64;
    for group in parameters.group_ranges() {
        let size = exact[group.clone()]
            .iter()
            .fold(0.0f64, |m, g| m.max(g.abs()));
        assert!(size > 0.0, "a group without derivative tests nothing");
        for k in group {
            worst = worst.max((measured[k] - exact[k]).abs() / size);
        }
    }
    worst
}

#[test]
fn without_effects_the_update_of_two_drops_is_the_adjoint_gradient() {
    let folder = tempfile::tempdir().expect("a folder");
    let groups = ["r*", "g1", "x1", "ib"];
    let all: Vec<usize> = (0..12).collect();
    // Sixteen ideal diodes: a second circuit for each of their states.
    let mut ideal_diodes = load("moons.toml");
    ideal_diodes.config.optimizer.kind = OptimizerKind::Sgd;
    let cases = [
        ("ideal diodes", ideal_diodes),
        ("bench-xor", load("bench-xor.toml")),
        ("bench-circles", load("bench-circles.toml")),
        ("bench-digits", load("bench-digits.toml")),
        ("a cascade", load("bench-cascade-moons.toml")),
        ("every kind", mixed(folder.path(), MIXED, &groups)),
    ];
    for (name, loaded) in cases {
        let distance = distance_to_adjoint(&loaded, &all);
        println!("{name}: {distance:.1e}");
        assert!(distance < 1e-9, "{name}: {distance:e}");
    }
}

#[test]
fn without_effects_training_is_gradient_descent_of_the_ordinary_trainer() {
    for name in ["bench-xor.toml", "bench-cascade-xor.toml"] {
        let mut loaded = load(name);
        loaded.config.bench = None;
        let mut bench = trainer(&loaded, BenchConfig::default());
        let mut ordinary = ohmgrad::learning::Trainer::new(&loaded).expect("a trainer");
        for _ in 0..2 {
            bench.train_epoch().expect("an epoch");
            ordinary.train_epoch().expect("an epoch");
        }
        let (a, b) = (&bench.trainer.parameters, &ordinary.parameters);
        for k in 0..a.len() {
            let (a, b) = (a.quantity(k), b.quantity(k));
            assert!((a - b).abs() <= 1e-8 * b.abs(), "{name} {k}: {a:e} {b:e}");
        }
    }
}

fn accuracy_after(name: &str, epochs: usize, bench: impl Fn(&LoadedConfig) -> BenchConfig) -> f64 {
    let loaded = load(name);
    let mut trainer = trainer(&loaded, bench(&loaded));
    let mut accuracy = 0.0;
    for _ in 0..epochs {
        accuracy = trainer.train_epoch().expect("an epoch").test.accuracy;
    }
    println!("{name}: {accuracy}");
    accuracy
}

#[test]
fn two_feature_tasks_are_learned_from_drops_by_circuits_and_cascades() {
    let tasks = [
        ("bench-xor.toml", 20),
        ("bench-moons.toml", 20),
        ("bench-circles.toml", 20),
        ("bench-cascade-xor.toml", 20),
        ("bench-cascade-moons.toml", 20),
    ];
    for (name, epochs) in tasks {
        let found = accuracy_after(name, epochs, ideal);
        assert!(found > 0.93, "{name}: {found}");
        let found = accuracy_after(name, epochs, |loaded| loaded.config.bench.expect("effects"));
        assert!(found > 0.85, "{name} with all effects: {found}");
    }
}

#[test]
fn digits_are_learned_from_drops() {
    let found = accuracy_after("bench-digits.toml", 2, ideal);
    assert!(found > 0.85, "{found}");
}

#[test]
fn every_effect_moves_the_gradient_and_no_seed_gives_the_same_parts() {
    let loaded = load("bench-xor.toml");
    let samples = [0, 1, 2, 3];
    let gradient = |loaded: &LoadedConfig, bench| {
        let mut trainer = trainer(loaded, bench);
        trainer.gradient(&samples).expect("a gradient")
    };
    let exact = gradient(&loaded, ideal(&loaded));
    let full = loaded.config.bench.expect("effects");
    for effect in [
        Effect::Resolution,
        Effect::Noise,
        Effect::Mismatch,
        Effect::DiodeMismatch,
    ] {
        let bench = Effect::only(&[effect], &full);
        let found = gradient(&loaded, bench);
        assert_eq!(found, gradient(&loaded, bench), "{effect:?} twice");
        let square = |g: &[f64]| g.iter().map(|x| x * x).sum::<f64>().sqrt();
        let differences: Vec<f64> = found.iter().zip(&exact).map(|(a, b)| a - b).collect();
        let relative = square(&differences) / square(&exact);
        println!("{effect:?}: {relative}");
        assert!((1e-4..1.0).contains(&relative), "{effect:?}: {relative}");
    }
    let circuit = loaded.circuit().expect("a circuit");
    let draw = |seed, board| Deviations::draw(&circuit, &full, seed, board);
    assert_eq!(draw(1, 0), draw(1, 0));
    assert_ne!(draw(1, 0), draw(1, 1), "two boards");
    assert_ne!(draw(1, 0), draw(2, 0), "two seeds");
}

#[test]
fn conductances_stay_on_their_levels_and_within_their_bounds_and_drift_down() {
    let mut loaded = load("bench-xor.toml");
    loaded.config.optimizer.rate *= 10.0;
    let (min, max, levels) = (1e-5, 3e-4, 30);
    let bench = BenchConfig {
        levels: Some(levels),
        min: Some(min),
        max: Some(max),
        ..BenchConfig::default()
    };
    let mut stepped = trainer(&loaded, bench);
    let before = stepped.trainer.parameters.clone();
    stepped.train_epoch().expect("an epoch");
    let parameters = &stepped.trainer.parameters;
    let step = (max - min) / f64::from(levels - 1);
    let mut moved = 0;
    for k in 0..parameters.len() {
        let level = (parameters.quantity(k) - min) / step;
        assert!((level - level.round()).abs() < 1e-6, "{level}");
        assert!((-1e-6..=29.000001).contains(&level), "{level}");
        moved += usize::from((parameters.quantity(k) - before.quantity(k)).abs() > 0.5 * step);
    }
    assert!(moved > parameters.len() / 3, "{moved} have moved");

    loaded.config.optimizer.rate = 1e-12;
    let bench = BenchConfig {
        drift: 1e-2,
        min: Some(min),
        max: Some(max),
        ..BenchConfig::default()
    };
    let mut drifting = trainer(&loaded, bench);
    let before = drifting.trainer.parameters.clone();
    drifting.train_epoch().expect("an epoch");
    let updates = 400f64 / 20.0;
    for k in 0..before.len() {
        let (was, is) = (before.quantity(k), drifting.trainer.parameters.quantity(k));
        let expected = min + (was - min) * 0.99f64.powf(updates);
        assert!((is - expected).abs() < 1e-6 * was, "{is} {expected}");
    }
}

#[test]
fn a_parameter_without_a_rule_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    for (group, element) in [("e0", "e0"), ("d0", "d0"), ("x2", "x2")] {
        let loaded = mixed(folder.path(), MIXED, &[group]);
        match BenchTrainer::new(&loaded, BenchConfig::default()) {
            Err(LaboratoryError::NoRule { element: named, .. }) => assert_eq!(named, element),
            other => panic!("{group}: {:?}", other.map(drop)),
        }
    }
}

#[test]
fn a_table_has_the_ideal_bench_each_effect_and_all_of_them() {
    let bench = BenchConfig {
        noise: 1e-3,
        mismatch: 0.05,
        drift: 1e-4,
        ..BenchConfig::default()
    };
    let names: Vec<String> = rows(&bench).into_iter().map(|(name, _)| name).collect();
    let expected = [
        "ideal",
        "1 mV noise",
        "5 % resistor mismatch",
        "drift 1e-4",
        "all of these",
    ];
    assert_eq!(names, expected);
}

fn ohmgrad(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ohmgrad"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .output()
        .expect("the program runs")
}

#[test]
fn the_command_prints_the_same_table_with_any_number_of_threads() {
    let common = [
        "bench-train",
        "circuits/learning/bench-xor.toml",
        "--table",
        "--epochs",
        "1",
        "--seeds",
        "1,2",
        "--csv",
    ];
    let with = |threads| {
        let output = ohmgrad(&[&common[..], &["--threads", threads]].concat());
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("text")
    };
    let text = with("1");
    assert_eq!(text, with("3"));
    // A header, and two seeds for the ideal bench, seven effects and all of them.
    assert_eq!(text.lines().count(), 1 + 2 * 9, "{text}");
    assert!(text.starts_with("bench,seed,epochs,train_loss,test_loss,test_accuracy\nideal,1,1,"));
}

#[test]
fn a_cascade_trains_as_one_circuit_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("run").display().to_string();
    let file = "circuits/learning/bench-cascade-xor.toml";
    for arguments in [
        vec!["train", file, "--epochs", "8", "--out", &out],
        vec!["train", "--resume", &out, "--epochs", "9"],
        vec!["eval", &out],
    ] {
        let output = ohmgrad(&arguments);
        let (text, error) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(output.status.success(), "{arguments:?}: {error}");
        println!("{text}");
    }
    let result = std::fs::read_to_string(folder.path().join("run/result.json")).expect("a result");
    assert!(result.contains("accuracy"), "{result}");
}

#[test]
fn the_command_says_what_a_bench_cannot_do() {
    let cases: [(&[&str], i32, &str); 5] = [
        (&["circuits/learning/xor.toml"], 3, "optimizer.kind = adam"),
        (
            &["circuits/learning/bench-xor.toml", "--bits", "99"],
            3,
            "bench.bits = 99",
        ),
        (
            &[
                "circuits/learning/bench-xor.toml",
                "--min",
                "1",
                "--max",
                "2",
            ],
            3,
            "bench.min or bench.max",
        ),
        (
            &["circuits/learning/bench-xor.toml", "--mismatch", "much"],
            2,
            "expected a number",
        ),
        (
            &["nowhere.toml"],
            3,
            "cannot read the training file nowhere.toml",
        ),
    ];
    for (arguments, code, message) in cases {
        let output = ohmgrad(&[&["bench-train"], arguments].concat());
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.contains(message), "{arguments:?}: {text}");
    }
}
