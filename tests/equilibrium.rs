//! Equilibrium networks that learn, as numbers and as the circuits they are.

use assert_cmd::Command;
use ohmgrad::equilibrium::{EquilibriumOptions, EquilibriumTrainer, engine, evaluate, logits};
use ohmgrad::learning::data::{Dataset, Generator, GeneratorOptions, generate};
use ohmgrad::learning::{ParameterGroup, Quantity, TrainedParameters};

fn options(units: usize) -> EquilibriumOptions {
    EquilibriumOptions {
        units,
        modulus: 1.0,
        batch: 32,
        rate: 5e-3,
        decay: 0.9,
        seed: 3,
        augment: None,
    }
}

fn digits(samples: usize) -> Dataset {
    let options = GeneratorOptions {
        samples,
        noise: 0.1,
        seed: 5,
    };
    generate(Generator::Digits, &options)
}

/// A trainer after an epoch, so that no entry is special.
fn trained(units: usize) -> (EquilibriumTrainer, Dataset) {
    let (train, test) = digits(400).split(300);
    let mut trainer =
        EquilibriumTrainer::new(options(units), train, test.clone()).expect("classes");
    trainer.train_epoch().expect("a fixed point");
    (trainer, test)
}

#[test]
fn the_circuit_gives_the_logits_of_the_iteration() {
    let (mut trainer, test) = trained(20);
    let by_iteration = trainer.evaluate().expect("fixed points");
    let by_circuit = evaluate(&trainer.network(), &test).expect("operating points");
    assert_eq!(by_iteration.predicted, by_circuit.predicted);
    let largest = by_iteration
        .outputs
        .iter()
        .fold(0.0f64, |m, y| m.max(y.abs()));
    let pairs = by_iteration.outputs.iter().zip(&by_circuit.outputs);
    let worst = pairs.fold(0.0f64, |m, (y, amperes)| m.max((y - 1e3 * amperes).abs()));
    assert!(worst <= 1e-6 * largest, "{worst:e} of {largest:e}");
    let exact = logits(&trainer.network(), &test).expect("fixed points");
    let pairs = exact.iter().zip(&by_circuit.outputs);
    let worst = pairs.fold(0.0f64, |m, (y, amperes)| m.max((y - 1e3 * amperes).abs()));
    assert!(worst <= 1e-9 * largest, "{worst:e} of {largest:e}");
}

/// A, B and U are conductances of gyrators: the adjoint circuit gives their derivatives.
#[test]
fn the_gradient_is_that_of_the_circuit() {
    let (units, samples) = (8, 20);
    let (mut trainer, test) = trained(units);
    let indices: Vec<usize> = (0..samples).collect();
    let network = trainer.network();
    let group = |elements: &str| ParameterGroup {
        elements: elements.into(),
        quantity: Some(Quantity::Conductance),
        log: false,
        min: None,
        max: None,
        rate: 1.0,
        spread: 0.0,
    };
    let groups = [group("xa*"), group("xb*"), group("xo*")];
    let (mut engine, mut parameters) = engine(&network, &test, |circuit| {
        TrainedParameters::resolve(circuit, &groups, 0)
    })
    .expect("a circuit");
    let mut by_circuit = vec![0.0; parameters.len()];
    let theirs = engine.gradient(&test, &indices, &mut parameters, &mut by_circuit);
    let theirs = theirs.expect("operating points");
    let (ours, gradient) = trainer
        .gradient(&test, &indices, 1e-13)
        .expect("fixed points");
    assert!((ours.loss - theirs.loss).abs() <= 1e-9 * ours.loss);
    let largest = gradient.iter().fold(0.0f64, |m, g| m.max(g.abs()));
    let n2 = units * units;
    let (a, b) = (&gradient[..n2], &gradient[n2..2 * n2]);
    let out = &gradient[2 * n2 + units * test.features + units..];
    let classes = test.targets.width();
    let mut compared = 0;
    for (id, derivative) in parameters.ids().zip(&by_circuit) {
        let name = engine.circuit.element(id.element).name().to_string();
        let (kind, places) = name.split_at(2);
        let places: Vec<usize> = places
            .split('_')
            .map(|k| k.parse().expect("a place"))
            .collect();
        let (row, column) = (places[0], places[1]);
        // One for each entry of 1 mS.
        let expected = match kind {
            "xa" => a[column * units + row],
            // The gyrator between i and j is B[j,i] - B[i,j].
            "xb" => b[row * units + column],
            _ => out[column * classes + row],
        };
        let found = 1e-3 * derivative;
        assert!(
            (found - expected).abs() <= 1e-7 * largest,
            "{name}: {found} {expected}"
        );
        compared += 1;
    }
    assert_eq!(compared, n2 + units * (units - 1) / 2 + classes * units);
}

#[test]
fn a_network_learns_digits_and_is_read_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("net.safetensors");
    let mut train = Command::cargo_bin("ohmgrad").expect("the program");
    let train = train
        .args([
            "mondeq", "--units", "20", "--epochs", "15", "--rate", "5e-3", "--out",
        ])
        .arg(&file);
    let printed = String::from_utf8(train.assert().success().get_output().stdout.clone());
    let printed = printed.expect("text");
    let error: f64 = printed
        .strip_prefix("test error ")
        .and_then(|rest| rest.split(' ').next())
        .and_then(|number| number.parse().ok())
        .expect("a number");
    assert!(error < 15.0, "{printed}");
    let mut eval = Command::cargo_bin("ohmgrad").expect("the program");
    let eval = eval.arg("eval").arg(&file).assert().success();
    let text = String::from_utf8_lossy(&eval.get_output().stdout).to_string();
    assert!(
        text.contains(&format!("error {error:.2} %")),
        "{text}{printed}"
    );
}

#[test]
fn training_that_diverges_is_an_error_and_writes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("net.safetensors");
    let train = |rate: &str| {
        let mut train = Command::cargo_bin("ohmgrad").expect("the program");
        let train = train.args(["mondeq", "--units", "4", "--epochs", "1", "--rate", rate]);
        train.arg("--out").arg(&file).assert()
    };
    let diverged = train("1e300").code(1);
    let message = String::from_utf8_lossy(&diverged.get_output().stderr).to_string();
    assert!(message.contains("training diverged"), "{message}");
    assert!(message.lines().all(|line| line.len() < 300), "{message}");
    assert!(!file.exists());
    let idle = train("1e-30").success();
    let message = String::from_utf8_lossy(&idle.get_output().stderr).to_string();
    assert!(message.contains("has learned nothing"), "{message}");
    assert!(file.exists());
}

#[test]
fn threads_do_not_change_the_bits() {
    let gradient = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("threads").install(|| {
            let (mut trainer, test) = trained(10);
            let indices: Vec<usize> = (0..test.len()).collect();
            let (_, gradient) = trainer
                .gradient(&test, &indices, 1e-6)
                .expect("fixed points");
            gradient.to_vec()
        })
    };
    assert_eq!(gradient(1), gradient(3));
}
