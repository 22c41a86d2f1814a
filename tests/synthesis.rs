//! Trained networks as circuits: what the network computes by iteration, the circuit settles to.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Instant;

use ohmgrad::analysis::{OperatingPoint, Solver};
use ohmgrad::circuit::{Circuit, ParameterId};
use ohmgrad::device::Parameter;
use ohmgrad::kernel::{CircuitKernel, Method, Port, Splitting, SplittingOptions};
use ohmgrad::netlist::Netlist;
use ohmgrad::safetensors::{SafeTensors, Tensor};
use ohmgrad::synthesis::{Equilibrium, SymmetricPart};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A network as training leaves it: entries of A and B about one over the root of the number of units.
fn random(seed: u64, units: usize, inputs: usize, classes: usize) -> SafeTensors {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut read = SafeTensors::default();
    let mut tensor = |name: &str, shape: &[usize], size: f64| {
        let count = shape.iter().product();
        let numbers = (0..count)
            .map(|_| size * rng.random_range(-1.0..1.0))
            .collect();
        let shape = shape.to_vec();
        read.tensors.insert(name.into(), Tensor { shape, numbers });
    };
    let size = 1.5 / (units as f64).sqrt();
    tensor("A", &[units, units], size);
    tensor("B", &[units, units], size);
    tensor("U", &[units, inputs], 1.5 / (inputs as f64).sqrt());
    tensor("b", &[units], 0.3);
    tensor("out.weight", &[classes, units], size);
    tensor("out.bias", &[classes], 0.3);
    read.metadata.insert("m".into(), "0.5".into());
    read
}

fn read(tensors: &SafeTensors) -> Equilibrium {
    let network = Equilibrium::from_tensors(Path::new("test"), tensors.clone());
    network.unwrap_or_else(|e| panic!("{e}"))
}

fn inputs(rng: &mut ChaCha8Rng, count: usize) -> Vec<f64> {
    (0..count).map(|_| rng.random_range(-2.0..2.0)).collect()
}

/// Where the circuit settles for inputs x.
fn settle(solver: &mut Solver, x: &[f64]) -> OperatingPoint {
    for (j, &voltage) in x.iter().enumerate() {
        let element = solver
            .circuit
            .find_element(&format!("vx{j}"))
            .expect("a source");
        let parameter = Parameter::Voltage;
        assert!(
            solver
                .circuit
                .set(ParameterId { element, parameter }, voltage)
        );
    }
    solver.refresh();
    solver.operating_point().unwrap_or_else(|e| panic!("{e}"))
}

fn potentials(circuit: &Circuit, op: &OperatingPoint, prefix: &str, count: usize) -> Vec<f64> {
    let node = |k: usize| circuit.find_node(&format!("{prefix}{k}")).expect("a node");
    (0..count).map(|k| op.potentials[node(k).index()]).collect()
}

/// One for each milliampere.
fn logits(circuit: &Circuit, op: &OperatingPoint, classes: usize) -> Vec<f64> {
    let source = |c: usize| circuit.find_element(&format!("vo{c}")).expect("a source");
    (0..classes)
        .map(|c| 1e3 * op.current(circuit, source(c)))
        .collect()
}

fn difference(a: &[f64], b: &[f64]) -> f64 {
    let size = b.iter().fold(1.0f64, |m, x| m.max(x.abs()));
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, f64::max) / size
}

/// Largest difference of units and logits over some inputs.
fn compare(network: &Equilibrium, circuit: Circuit, samples: usize) -> f64 {
    let (n, classes) = (network.units(), network.out_weight.rows());
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mondeq = network.network();
    let kernel = mondeq.kernel();
    let options = SplittingOptions::default();
    let mut splitting = Splitting::new(&kernel, Method::PeacemanRachford, options).expect("finite");
    let mut solver = Solver::new(circuit).unwrap_or_else(|e| panic!("{e}"));
    let mut worst = 0.0f64;
    let mut active = 0;
    for _ in 0..samples {
        let x = inputs(&mut rng, network.u.columns());
        let op = settle(&mut solver, &x);
        let z = potentials(&solver.circuit, &op, "z", n);
        let logits = logits(&solver.circuit, &op, classes);
        active += z.iter().filter(|z| **z > 1e-9).count();
        let iterated = mondeq.fixed_point(&x, 0.05, 1e-13, 1_000_000);
        let iterated = iterated.unwrap_or_else(|e| panic!("{e}"));
        let split = splitting.solve(&x).unwrap_or_else(|e| panic!("{e}"));
        worst = worst
            .max(difference(&z, &iterated))
            .max(difference(&split.z, &iterated))
            .max(difference(&logits, &network.logits(&iterated)));
    }
    // Neither all units rest nor all are active.
    assert!(
        active > samples * n / 10 && active < samples * n * 9 / 10,
        "{active}"
    );
    worst
}

#[test]
fn the_circuit_settles_to_the_fixed_point_and_its_logits() {
    for seed in 0..20 {
        let network = read(&random(seed, 5 + seed as usize, 1 + seed as usize / 2, 3));
        for part in [SymmetricPart::Gyrators, SymmetricPart::Transformers] {
            let circuit = network.circuit(part).expect("new names");
            let worst = compare(&network, circuit, 5);
            assert!(worst <= 1e-6, "seed {seed}, {part:?}: {worst:e}");
        }
    }
}

#[test]
fn eighty_seven_units_with_the_inputs_of_mnist_settle_too() {
    let network = read(&random(87, 87, 784, 10));
    let circuit = network.circuit(SymmetricPart::Gyrators).expect("new names");
    let (elements, start) = (circuit.element_count(), Instant::now());
    let worst = compare(&network, circuit, 3);
    println!(
        "{elements} elements: within {worst:.1e}, {:.1?}",
        start.elapsed()
    );
    assert!(worst <= 1e-6, "{worst:e}");
}

#[test]
fn the_kernel_of_the_circuit_is_the_network_again() {
    let network = read(&random(3, 12, 4, 2));
    let circuit = network.circuit(SymmetricPart::Gyrators).expect("new names");
    let names: Vec<String> = (0..4).map(|j| format!("vx{j}")).collect();
    let ports = Port::parse_all(&circuit, &names).expect("ports");
    let found = CircuitKernel::of(&circuit, &ports).expect("a kernel");
    let (h, expected) = (&found.kernel.h, network.network().kernel());
    assert!(!found.is_reciprocal);
    // z are currents here, so that H is the inverse of the conductances 1 mS (I - W).
    for i in 0..12 {
        for j in 0..12 {
            let product: f64 = (0..12).map(|k| h[(i, k)] * expected.h[(k, j)] * 1e-3).sum();
            let identity = if i == j { 1.0 } else { 0.0 };
            assert!((product - identity).abs() <= 1e-10, "{i}, {j}: {product}");
        }
    }
}

#[test]
fn transformers_leave_a_network_without_b_reciprocal() {
    let mut tensors = random(4, 9, 1, 1);
    for name in ["B", "U", "out.weight"] {
        tensors.tensors[name].numbers.fill(0.0);
    }
    let network = read(&tensors);
    let found = |part: SymmetricPart| {
        let circuit = network.circuit(part).expect("new names");
        CircuitKernel::of(&circuit, &[]).expect("a kernel")
    };
    let transformers = found(SymmetricPart::Transformers);
    let gyrators = found(SymmetricPart::Gyrators);
    assert!(transformers.is_reciprocal && transformers.kernel.is_symmetric());
    let (a, b) = (transformers.kernel.h.numbers(), gyrators.kernel.h.numbers());
    assert!(difference(a, b) <= 1e-12);
}

#[test]
fn means_and_deviations_of_inputs_are_taken_into_the_circuit() {
    let mut tensors = random(5, 8, 3, 2);
    let plain = read(&tensors);
    tensors
        .metadata
        .insert("input_mean".into(), "[0.5, -1, 2]".into());
    tensors.metadata.insert("input_std".into(), "0.25".into());
    let normalised = read(&tensors);
    let x = [0.3, 0.2, -0.1];
    let inner: Vec<f64> = x
        .iter()
        .zip([0.5, -1.0, 2.0])
        .map(|(x, mean)| (x - mean) / 0.25)
        .collect();
    let z = vec![0.1; 8];
    let (a, b) = (
        normalised.network().layer(&z, &x),
        plain.network().layer(&z, &inner),
    );
    assert!(difference(&a, &b) <= 1e-12);
}

fn ohmgrad(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ohmgrad"))
        .args(arguments)
        .output()
        .expect("the program runs")
}

#[test]
fn synth_writes_a_deck_that_settles_to_the_same_numbers() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (file, deck) = (path("net.safetensors"), path("net.cir"));
    let tensors = random(9, 10, 4, 3);
    std::fs::write(&file, tensors.to_bytes().expect("as many numbers")).expect("a file");
    let output = ohmgrad(&["synth", "mondeq", &file, "--out", &deck]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let netlist = Netlist::read(Path::new(&deck)).unwrap_or_else(|e| panic!("{e}"));
    let circuit = Circuit::from_netlist(&netlist).unwrap_or_else(|e| panic!("{e}"));
    let worst = compare(&read(&tensors), circuit, 5);
    assert!(worst <= 1e-6, "{worst:e}");
}

#[test]
fn synth_says_what_a_file_lacks() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder
        .path()
        .join("net.safetensors")
        .to_string_lossy()
        .into_owned();
    let message = |tensors: &SafeTensors| {
        std::fs::write(&file, tensors.to_bytes().expect("as many numbers")).expect("a file");
        let output = ohmgrad(&["synth", "mondeq", &file]);
        assert_eq!(output.status.code(), Some(3));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let whole = random(1, 4, 2, 3);
    let mut without = whole.clone();
    without.tensors.shift_remove("U");
    let text = message(&without);
    assert!(
        text.contains("no tensor `U`") && text.contains("help:"),
        "{text}"
    );
    let mut narrow = whole.clone();
    narrow.tensors["out.weight"].shape = vec![4, 3];
    let text = message(&narrow);
    assert!(
        text.contains("`out.weight`: found shape [4, 3], expected [any, 4]"),
        "{text}"
    );
    for (key, value, expected) in [
        ("m", "0", "above zero"),
        ("m", "often", "above zero"),
        ("input_std", "[1, 0]", "none of them zero"),
        ("input_mean", "[1]", "a list of 2"),
    ] {
        let mut bad = whole.clone();
        bad.metadata.insert(key.into(), value.into());
        let text = message(&bad);
        assert!(text.contains(expected), "{text}");
    }
    let output = ohmgrad(&["synth", "mondeq", "/no/such/file"]);
    assert_eq!(output.status.code(), Some(3));
    let output = ohmgrad(&["synth", "mondeq", &file, "--out", &file]);
    assert_eq!(output.status.code(), Some(2));
}
