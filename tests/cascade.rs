//! Cascades: stage by stage, as one circuit, against differences, and as ReLU networks.

mod common;

use std::path::Path;
use std::process::{Command, Output};

use common::shockley;
use ohmgrad::analysis::Solver;
use ohmgrad::cascade::{Cascade, CascadeError, CascadeParameter, Readout, Stage};
use ohmgrad::circuit::{Circuit, NodeId, ParameterId};
use ohmgrad::device::{Device, Parameter};
use ohmgrad::netlist::Netlist;
use ohmgrad::safetensors::{SafeTensors, Tensor};
use ohmgrad::synthesis::Mlp;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const GROUND: NodeId = NodeId::GROUND;

/// A mesh of resistors whose nodes have diodes to ground; `drives` V and I sources in turn, an F that reads
/// the current of the first of them.
fn random_stage(rng: &mut ChaCha8Rng, k: usize, before: usize, outputs: usize) -> Stage {
    let mut c = Circuit::new(format!("stage {k}"));
    let nodes: Vec<NodeId> = (0..5).map(|i| c.node(&format!("n{i}"))).collect();
    let mut resistor = |c: &mut Circuit, name: &str, port: [NodeId; 2]| {
        let resistance = rng.random_range(0.3e3..3e3);
        c.add(name, Device::Resistor { resistance }, port)
            .expect("new");
    };
    let mut drives = Vec::new();
    for (j, &inner) in nodes.iter().enumerate().take(3) {
        let node = c.node(&format!("in{j}"));
        resistor(&mut c, &format!("rin{j}"), [node, inner]);
        let name = match j % 3 {
            2 => "i0".to_string(),
            _ => format!("v{j}"),
        };
        let device = match j % 3 {
            2 => Device::CurrentSource { current: 0.0 },
            _ => Device::VoltageSource { voltage: 0.0 },
        };
        c.add(&name, device, [node, GROUND]).expect("new");
        drives.push(name);
    }
    for i in 0..5 {
        resistor(&mut c, &format!("rg{i}"), [nodes[i], GROUND]);
        resistor(&mut c, &format!("rm{i}"), [nodes[i], nodes[(i + 1) % 5]]);
    }
    let sensed = c.find_element("v0").expect("there");
    let device = Device::Cccs { gain: 0.2 };
    c.add_controlled("f0", device, [nodes[4], GROUND], sensed)
        .expect("new");
    let bias = Device::VoltageSource { voltage: 0.4 };
    let supply = c.node("supply");
    c.add("vb", bias, [supply, GROUND]).expect("new");
    resistor(&mut c, "rb", [supply, nodes[3]]);
    for (i, &node) in nodes.iter().enumerate().take(4) {
        let port = match i % 2 {
            0 => [node, GROUND],
            _ => [GROUND, node],
        };
        let device = match (i + k) % 2 {
            0 => Device::IdealDiode,
            _ => Device::from(shockley(rng)),
        };
        c.add(&format!("d{i}"), device, port).expect("new");
    }
    let mut stage = Stage::new(c);
    for (j, name) in drives.iter().enumerate() {
        let size = if name.starts_with('i') { 1e-3 } else { 1.0 };
        let gain = size * rng.random_range(1.0..4.0) * if j % 2 == 0 { 1.0 } else { -1.0 };
        stage = stage
            .drive(name, rng.random_range(0..before), gain)
            .expect("a source");
    }
    for i in 0..outputs {
        stage = stage
            .output(&format!("n{i}"), if i == 2 { "n4" } else { "0" })
            .expect("nodes");
    }
    stage
}

fn random_cascade(seed: u64) -> Cascade {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let stages = (0..3)
        .map(|k| random_stage(&mut rng, k, if k == 0 { 2 } else { 3 }, 3))
        .collect();
    let readouts = (0..2).map(|from| Readout {
        from: 2 - from,
        gain: 1.5 - from as f64,
    });
    Cascade::new(2, stages, readouts.collect()).unwrap_or_else(|e| panic!("{e}"))
}

fn states(cascade: &mut Cascade, x: &[f64]) -> (f64, Vec<&'static str>) {
    let found = cascade.evaluate(x).unwrap_or_else(|e| panic!("{e}"));
    let diodes = found.operating_points.iter().flat_map(|op| &op.diodes);
    let states = diodes.map(|d| d.state).collect();
    (weighted(&found.outputs), states)
}

const WEIGHTS: [f64; 2] = [0.7, -1.3];

fn weighted(outputs: &[f64]) -> f64 {
    outputs.iter().zip(WEIGHTS).map(|(y, w)| y * w).sum()
}

#[test]
fn staged_and_monolithic_gradients_agree_with_each_other_and_with_differences() {
    let (mut worst, mut worst_difference) = (0.0f64, 0.0f64);
    let (mut compared, mut resolved) = (0, 0);
    for seed in 0..12 {
        let mut cascade = random_cascade(seed);
        let x = [0.9 - 0.1 * seed as f64, -0.6 + 0.13 * seed as f64];
        let found = cascade.evaluate(&x).unwrap_or_else(|e| panic!("{e}"));
        let gradient = cascade.gradient(&WEIGHTS).unwrap_or_else(|e| panic!("{e}"));
        let parameters: Vec<_> = gradient.entries.iter().map(|e| e.parameter).collect();
        assert_eq!(parameters, cascade.parameters());
        // As one circuit, also when it has gone through a deck.
        let whole = cascade.to_circuit().unwrap_or_else(|e| panic!("{e}"));
        let deck = whole.circuit.to_spice().expect("short");
        let again = Netlist::parse("deck", &deck).unwrap_or_else(|e| panic!("{e}"));
        let mut again = Solver::from_netlist(&again).unwrap_or_else(|e| panic!("{e}\n{deck}"));
        let op = again.operating_point().unwrap_or_else(|e| panic!("{e}"));
        for (k, y) in found.outputs.iter().enumerate() {
            let node = again.circuit.find_node(&format!("y{k}")).expect("a node");
            assert!((op.voltage(node, GROUND) - y).abs() <= 1e-9 * y.abs().max(1.0));
        }
        let mut solver = Solver::new(whole.circuit).unwrap_or_else(|e| panic!("{e}"));
        solver.operating_point().unwrap_or_else(|e| panic!("{e}"));
        let seeds: Vec<_> = whole.outputs.iter().copied().zip(WEIGHTS).collect();
        let one = solver.gradient(&seeds).unwrap_or_else(|e| panic!("{e}"));
        // Effects, gradient times value, are all in volts.
        let effect = |g: f64, v: f64| (g * v).abs();
        let scale = gradient.entries.iter();
        let scale = scale.fold(0.0f64, |m, e| m.max(effect(e.gradient, e.value)));
        let (_, before) = states(&mut cascade, &x);
        for entry in &gradient.entries {
            let id = whole.parameters[&entry.parameter];
            let same = one.entries.iter().find(|e| e.parameter == id);
            let same = same.expect("the parameter is in the circuit");
            assert_eq!(same.value, entry.value, "{:?}", entry.parameter);
            let size = entry.gradient.abs().max(same.gradient.abs());
            let apart = (entry.gradient - same.gradient).abs();
            if effect(size, entry.value) > 1e-12 * scale {
                worst = worst.max(apart / size);
                compared += 1;
            }
            let mut at = |factor: f64| match entry.parameter {
                CascadeParameter::Input { input } => {
                    let mut x = x;
                    x[input] *= factor;
                    states(&mut cascade, &x)
                }
                parameter => {
                    assert!(cascade.set(parameter, entry.value * factor));
                    let found = states(&mut cascade, &x);
                    assert!(cascade.set(parameter, entry.value));
                    found
                }
            };
            // Differences resolve 1e-6 of effects above a thousandth of the largest.
            if effect(entry.gradient, entry.value) < 1e-3 * scale {
                continue;
            }
            let mut best = f64::INFINITY;
            for h in [3e-3, 1e-3, 3e-4, 1e-4] {
                let points = [1.0, -1.0, 2.0, -2.0].map(|k| at(1.0 + k * h));
                if points.iter().any(|(_, states)| *states != before) {
                    continue;
                }
                let [p1, m1, p2, m2] = points.map(|(y, _)| y);
                let d = (8.0 * (p1 - m1) - (p2 - m2)) / (12.0 * h * entry.value);
                best = best.min((d - entry.gradient).abs() / entry.gradient.abs());
            }
            if best.is_finite() {
                worst_difference = worst_difference.max(best);
                resolved += 1;
                assert!(best <= 1e-6, "seed {seed}, {entry:?}: {best:e}");
            }
        }
    }
    println!("{compared} gradients, staged against one circuit: {worst:.1e}");
    println!("{resolved} against differences: {worst_difference:.1e}");
    assert!(worst <= 1e-9, "{worst:e}");
    assert!(compared > 500 && resolved > 200, "{compared}, {resolved}");
}

/// As training leaves it; some units, inputs and weights are dead. `step` is 2 for the names of PyTorch.
fn random_network(seed: u64, sizes: &[usize], step: usize) -> SafeTensors {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut read = SafeTensors::default();
    for (k, pair) in sizes.windows(2).enumerate() {
        let (inputs, outputs) = (pair[0], pair[1]);
        let size = 2.0 / (inputs as f64).sqrt();
        let mut numbers: Vec<f64> = (0..inputs * outputs)
            .map(|_| size * rng.random_range(-1.0..1.0))
            .collect();
        numbers.iter_mut().step_by(7).for_each(|w| *w = 0.0);
        let mut bias: Vec<f64> = (0..outputs).map(|_| rng.random_range(-0.5..0.5)).collect();
        if k == 0 {
            numbers[..inputs].fill(0.0);
            bias[0] = 0.0;
        }
        let shape = vec![outputs, inputs];
        let weight = Tensor { shape, numbers };
        read.tensors.insert(format!("{}.weight", k * step), weight);
        let shape = vec![outputs];
        let bias = Tensor {
            shape,
            numbers: bias,
        };
        read.tensors.insert(format!("{}.bias", k * step), bias);
    }
    read
}

fn network(tensors: &SafeTensors) -> Mlp {
    Mlp::from_tensors(Path::new("test"), tensors.clone()).unwrap_or_else(|e| panic!("{e}"))
}

/// The same written a second time.
fn forward(tensors: &SafeTensors, x: &[f64]) -> Vec<f64> {
    let (mut z, count) = (x.to_vec(), tensors.tensors.len() / 2);
    for k in 0..count {
        let (weight, bias) = (&tensors.tensors[2 * k], &tensors.tensors[2 * k + 1]);
        let rows = weight.numbers.chunks(z.len()).zip(&bias.numbers);
        let sums = rows.map(|(row, b)| b + row.iter().zip(&z).map(|(w, z)| w * z).sum::<f64>());
        z = sums
            .map(|u| if k + 1 < count { u.max(0.0) } else { u })
            .collect();
    }
    z
}

/// Largest difference of `found` relative to the largest of `expected`.
fn difference(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let size = expected.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    let pairs = found.iter().zip(expected);
    pairs.fold(0.0f64, |m, (a, b)| m.max((a - b).abs())) / size
}

fn inputs(rng: &mut ChaCha8Rng, count: usize) -> Vec<f64> {
    (0..count).map(|_| rng.random_range(-2.0..2.0)).collect()
}

/// One circuit at inputs x.
fn settle(solver: &mut Solver, x: &[f64], outputs: usize) -> Vec<f64> {
    for (j, &voltage) in x.iter().enumerate() {
        let element = solver.circuit.find_element(&format!("vx{j}"));
        let element = element.expect("a source");
        let parameter = Parameter::Voltage;
        assert!(
            solver
                .circuit
                .set(ParameterId { element, parameter }, voltage)
        );
    }
    solver.refresh();
    let op = solver.operating_point().unwrap_or_else(|e| panic!("{e}"));
    let node = |k: usize| solver.circuit.find_node(&format!("y{k}")).expect("a node");
    (0..outputs)
        .map(|k| op.potentials[node(k).index()])
        .collect()
}

#[test]
fn a_relu_network_and_its_cascade_agree_on_a_thousand_inputs() {
    let tensors = random_network(1, &[6, 10, 8, 3], 2);
    let read = network(&tensors);
    let mut cascade = read.cascade().unwrap_or_else(|e| panic!("{e}"));
    let whole = cascade.to_circuit().unwrap_or_else(|e| panic!("{e}"));
    let mut solver = Solver::new(whole.circuit).unwrap_or_else(|e| panic!("{e}"));
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let (mut worst, mut worst_whole, mut on, mut off) = (0.0f64, 0.0f64, 0, 0);
    for sample in 0..1000 {
        let x = inputs(&mut rng, 6);
        let expected = forward(&tensors, &x);
        assert!(difference(&read.evaluate(&x), &expected) <= 1e-12);
        let found = cascade.evaluate(&x).unwrap_or_else(|e| panic!("{e}"));
        worst = worst.max(difference(&found.outputs, &expected));
        for diode in found.operating_points.iter().flat_map(|op| &op.diodes) {
            match diode.state {
                "on" => on += 1,
                _ => off += 1,
            }
        }
        if sample % 10 == 0 {
            worst_whole = worst_whole.max(difference(&settle(&mut solver, &x, 3), &expected));
        }
    }
    println!("staged {worst:.1e}, as one circuit {worst_whole:.1e}; {on} diodes on, {off} off");
    assert!(
        worst <= 1e-6 && worst_whole <= 1e-6,
        "{worst:e}, {worst_whole:e}"
    );
    assert!(on > 2000 && off > 2000, "{on}, {off}");
}

#[test]
fn means_and_deviations_of_inputs_are_taken_into_the_first_layer() {
    let plain = random_network(7, &[3, 5, 2], 2);
    let mut standardized = plain.clone();
    let metadata = &mut standardized.metadata;
    metadata.insert("input_mean".into(), "[0.5, -1, 2]".into());
    metadata.insert("input_std".into(), "0.25".into());
    let mlp = network(&standardized);
    let mut cascade = mlp.cascade().expect("a cascade");
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for _ in 0..20 {
        let x = inputs(&mut rng, 3);
        let means = x.iter().zip([0.5, -1.0, 2.0]);
        let inner: Vec<f64> = means.map(|(x, mean)| (x - mean) / 0.25).collect();
        let expected = forward(&plain, &inner);
        assert!(difference(&mlp.evaluate(&x), &expected) <= 1e-12);
        let found = cascade.evaluate(&x).unwrap_or_else(|e| panic!("{e}"));
        assert!(difference(&found.outputs, &expected) <= 1e-9);
    }
    for (key, value, expected) in [
        ("input_std", "[1, 0, 1]", "none of them zero"),
        ("input_mean", "[1]", "a list of 3"),
        ("input_std", "1e-310", "more than a number can hold"),
    ] {
        let mut bad = plain.clone();
        bad.metadata.insert(key.into(), value.into());
        let error = Mlp::from_tensors(Path::new("test"), bad).expect_err("a fault");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

fn ohmgrad(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ohmgrad"))
        .args(arguments)
        .output()
        .expect("the program runs")
}

#[test]
fn synth_writes_a_deck_of_a_relu_network() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (file, deck) = (path("net.safetensors"), path("net.cir"));
    for (step, sizes) in [(1, &[4, 7, 5, 2][..]), (2, &[3, 6, 2]), (1, &[3, 2])] {
        let tensors = random_network(5, sizes, step);
        std::fs::write(&file, tensors.to_bytes().expect("as many numbers")).expect("a file");
        let output = ohmgrad(&["synth", "mlp", &file, "--out", &deck]);
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{message}");
        let netlist = Netlist::read(Path::new(&deck)).unwrap_or_else(|e| panic!("{e}"));
        let mut solver = Solver::from_netlist(&netlist).unwrap_or_else(|e| panic!("{e}"));
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for _ in 0..20 {
            let x = inputs(&mut rng, sizes[0]);
            let found = settle(&mut solver, &x, 2);
            let worst = difference(&found, &forward(&tensors, &x));
            assert!(worst <= 1e-6, "{sizes:?}: {worst:e}");
        }
    }
}

#[test]
fn synth_says_what_is_wrong_with_a_relu_network() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("net.safetensors");
    let file = file.to_string_lossy().into_owned();
    let whole = random_network(1, &[3, 4, 2], 1);
    let renamed = |from: &str, to: &str| {
        let mut tensors = whole.clone();
        let tensor = tensors.tensors.shift_remove(from).expect("a tensor");
        tensors.tensors.insert(to.into(), tensor);
        tensors
    };
    let reshaped = |name: &str, shape: &[usize]| {
        let mut tensors = whole.clone();
        let count = shape.iter().product();
        tensors.tensors[name] = Tensor {
            shape: shape.to_vec(),
            numbers: vec![0.5; count],
        };
        tensors
    };
    let mut no_bias = whole.clone();
    no_bias.tensors.shift_remove("1.bias");
    let mut no_weight = whole.clone();
    no_weight.tensors.shift_remove("0.weight");
    let mut apart = renamed("1.weight", "3.weight");
    let bias = apart.tensors.shift_remove("1.bias").expect("a tensor");
    apart.tensors.insert("3.bias".into(), bias);
    let mut large = whole.clone();
    large.tensors["1.weight"].numbers.fill(1e308);
    for (tensors, expected) in [
        (no_bias, "no tensor `1.bias`"),
        (no_weight, "no tensor `0.weight`"),
        (SafeTensors::default(), "no tensors at all"),
        (renamed("1.weight", "fc.weight"), "none of a ReLU network"),
        (renamed("1.weight", "01.weight"), "none of a ReLU network"),
        (apart, "numbered 0, 3, expected"),
        (
            reshaped("1.weight", &[2, 3]),
            "found shape [2, 3], expected [any, 4]",
        ),
        (reshaped("0.weight", &[4]), "expected [any, any]"),
        (reshaped("0.bias", &[5]), "found shape [5], expected [4]"),
        (large, "more than a number can hold"),
    ] {
        std::fs::write(&file, tensors.to_bytes().expect("as many numbers")).expect("a file");
        let output = ohmgrad(&["synth", "mlp", &file]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{text}");
        assert!(text.contains(expected) && text.contains("help:"), "{text}");
    }
    let output = ohmgrad(&["synth", "mlp", &file, "--out", &file]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn faults_of_cascades_are_named() {
    let divider = || {
        let text = "divider\nv1 a 0 1\nr1 a b 1k\nr2 b 0 1k\n";
        let netlist = Netlist::parse("divider", text).expect("a deck");
        Stage::new(Circuit::from_netlist(&netlist).expect("a circuit"))
    };
    let stage = || divider().drive("v1", 0, 2.0)?.output("b", "0");
    let read = |from| vec![Readout { from, gain: 1.0 }];
    type Fault = Result<Stage, CascadeError>;
    let is = |fault: Fault, text: &str| {
        let message = fault.expect_err("a fault").to_string();
        assert!(
            message.contains(text) && message.contains("help:"),
            "{message}"
        );
    };
    is(divider().drive("v2", 0, 1.0), "no element `v2`");
    is(divider().drive("r1", 0, 1.0), "no independent source");
    is(stage().and_then(|s| s.drive("v1", 0, 1.0)), "driven twice");
    is(divider().output("c", "0"), "no node `c`");
    let stage = || stage().unwrap_or_else(|e| panic!("{e}"));
    let fault = |cascade: Result<Cascade, CascadeError>| cascade.expect_err("a fault").to_string();
    assert!(fault(Cascade::new(1, vec![], vec![])).contains("without stages"));
    let text = fault(Cascade::new(1, vec![stage()], read(1)));
    assert!(
        text.contains("readout 0 reads output 1 of stage 1, which has 1"),
        "{text}"
    );
    let text = fault(Cascade::new(0, vec![stage()], read(0)));
    assert!(
        text.contains("output 0 of the inputs, which has 0"),
        "{text}"
    );
    let mut cascade = Cascade::new(1, vec![stage(), stage()], read(0)).expect("a cascade");
    assert!(matches!(
        cascade.gradient(&[1.0]),
        Err(CascadeError::NotEvaluated)
    ));
    assert!(matches!(
        cascade.evaluate(&[]),
        Err(CascadeError::Count { .. })
    ));
    let bad = cascade.evaluate(&[f64::NAN]);
    assert!(matches!(bad, Err(CascadeError::NotFinite { .. })));
    // Each stage halves what its drive doubles.
    let found = cascade.evaluate(&[0.3]).unwrap_or_else(|e| panic!("{e}"));
    assert!((found.outputs[0] - 0.3).abs() <= 1e-14);
}
