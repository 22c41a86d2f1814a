//! The batch engine against the general solver, and against Kirchhoff's current law.

mod common;

use common::{Family, circuit_up_to};
use ohmgrad::analysis::Output;
use ohmgrad::batch::{Accuracy, Precision};
use ohmgrad::circuit::generators::{Clamp, DeepNetwork, KendallNetwork, Layered};
use ohmgrad::circuit::{Circuit, NodeId};
use ohmgrad::device::Device;
use ohmgrad::learning::data::{Dataset, Targets, read_idx};
use ohmgrad::learning::{
    Engine, FeatureConfig, Loss, LossConfig, LossKind, OutputConfig, ParameterGroup, Ports,
    TrainedParameters,
};
use ohmgrad::mna::Outline;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// An engine whose outputs are all node potentials, and whose resistors train.
struct Bench {
    engine: Engine,
    parameters: TrainedParameters,
    data: Dataset,
}

fn patterns(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| n.to_string()).collect()
}

impl Bench {
    /// Features of order one drive `sources` with the factor `scale`.
    fn new(
        circuit: Circuit,
        sources: (&[&str], &[&str]),
        scale: f64,
        samples: usize,
        seed: u64,
    ) -> Self {
        Self::computed(
            Accuracy::default(),
            circuit,
            sources,
            scale,
            (samples, seed),
        )
    }

    fn computed(
        accuracy: Accuracy,
        mut circuit: Circuit,
        sources: (&[&str], &[&str]),
        scale: f64,
        (samples, seed): (usize, u64),
    ) -> Self {
        let resistors = r#"elements = "r*""#;
        let group: ParameterGroup = toml::from_str(resistors).unwrap();
        let parameters = TrainedParameters::resolve(&mut circuit, &[group], seed).unwrap();
        let outline = Outline::of(&circuit);
        let features = FeatureConfig {
            sources: patterns(sources.0),
            complements: patterns(sources.1),
            scale,
            offset: 0.0,
        };
        let read = OutputConfig {
            read: patterns(&["v(*)"]),
        };
        let ports = Ports::resolve(&circuit, outline.source_elements(), &features, &read).unwrap();
        let (count, width) = (ports.features(), ports.outputs.len());
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut draw =
            |n: usize| -> Vec<f64> { (0..n).map(|_| rng.random_range(-1.0..1.0)).collect() };
        let data = Dataset {
            features: count,
            inputs: draw(samples * count).into(),
            targets: Targets::Values {
                width,
                values: draw(samples * width),
            },
        };
        let loss = LossConfig {
            kind: LossKind::SquaredError,
            scale: 1.0,
        };
        let loss = Loss::new(loss, width, &data).unwrap();
        let engine = Engine::new(circuit, outline, ports, loss, (&parameters, accuracy));
        Self {
            engine,
            parameters,
            data,
        }
    }

    /// Outputs of all samples and the mean gradient to the deck's parameters.
    fn run(&mut self) -> (Vec<f64>, Vec<f64>) {
        let indices: Vec<usize> = (0..self.data.len()).collect();
        let mut gradient = vec![0.0; self.parameters.len()];
        let (data, parameters) = (&self.data, &mut self.parameters);
        let evaluation = self
            .engine
            .gradient(data, &indices, parameters, &mut gradient)
            .unwrap();
        (evaluation.outputs, gradient)
    }

    /// Worst difference of a potential between both engines, relative to the sample's largest, and
    /// of a derivative, relative to the largest to a parameter of its size.
    fn compare(&mut self) -> (f64, f64) {
        let batch = self.run();
        self.engine.solve_one_by_one();
        let alone = self.run();
        let width = self.engine.ports.outputs.len();
        let samples = batch.0.chunks(width).zip(alone.0.chunks(width));
        let potentials = samples.map(|(a, b)| relative(a, b)).fold(0.0, f64::max);
        // Derivatives to conductances: those to resistances are of very different sizes.
        let circuit = &self.engine.circuit;
        let per_siemens = |gradient: &[f64]| -> Vec<f64> {
            let entries = gradient.iter().zip(self.parameters.ids());
            entries
                .map(|(g, id)| g * circuit.value(id).unwrap().powi(2))
                .collect()
        };
        (
            potentials,
            relative(&per_siemens(&batch.1), &per_siemens(&alone.1)),
        )
    }

    /// Potentials, gradients and Kirchhoff's current law to what a batch promises in double precision.
    fn expect_exact(&mut self, name: &str) {
        let kirchhoff = self.kirchhoff();
        let (potentials, gradients) = self.compare();
        println!("{name}: {potentials:.1e} {gradients:.1e} {kirchhoff:.1e}");
        assert!(potentials < 1e-10, "{name}: {potentials:e}");
        assert!(gradients < 1e-9, "{name}: {gradients:e}");
        assert!(kirchhoff < 1e-9, "{name}: {kirchhoff:e}");
    }

    /// Largest current that Kirchhoff's law leaves over at a node without sources, relative to the
    /// largest that meets there; ideal diodes take what is left over at theirs, if its sign is right.
    fn kirchhoff(&mut self) -> f64 {
        let (outputs, _) = self.run();
        let circuit = &self.engine.circuit;
        let nodes: Vec<NodeId> = (self.engine.ports.outputs.iter())
            .map(|o| match o {
                Output::Voltage { p, .. } => *p,
                Output::Current { .. } => unreachable!(),
            })
            .collect();
        let mut worst = 0.0f64;
        for potentials in outputs.chunks(nodes.len()) {
            let mut v = vec![0.0; circuit.node_count()];
            nodes
                .iter()
                .zip(potentials)
                .for_each(|(node, x)| v[node.index()] = *x);
            let mut sums = vec![0.0; v.len()];
            let mut largest = vec![0.0f64; v.len()];
            let (mut is_free, mut clamps) = (vec![true; v.len()], Vec::new());
            for (_, element) in circuit.elements() {
                let [p, n] = element.port.map(NodeId::index);
                let current = match &element.device {
                    Device::Resistor { resistance } => (v[p] - v[n]) / resistance,
                    Device::CurrentSource { current } => *current,
                    Device::OnePort(law) => common::one_port_current(law, v[p] - v[n]),
                    Device::IdealDiode => {
                        clamps.push((p, n));
                        continue;
                    }
                    _ => {
                        (is_free[p], is_free[n]) = (false, false);
                        continue;
                    }
                };
                sums[p] += current;
                sums[n] -= current;
                for node in [p, n] {
                    largest[node] = largest[node].max(current.abs());
                }
            }
            is_free[0] = false;
            let scale = potentials.iter().fold(0.0f64, |m, x| m.max(x.abs()));
            for (p, n) in clamps {
                let (node, sign) = if is_free[p] { (p, 1.0) } else { (n, -1.0) };
                let current = -sign * sums[node];
                let voltage = v[p] - v[n];
                assert!(voltage <= 1e-10 * scale, "{voltage}");
                assert!(
                    current >= -1e-10 * largest[node],
                    "{current} of {}",
                    largest[node]
                );
                if voltage > -1e-10 * scale {
                    is_free[node] = false;
                }
            }
            let free = (0..v.len()).filter(|&k| is_free[k] && largest[k] > 0.0);
            worst = free
                .map(|k| sums[k].abs() / largest[k])
                .fold(worst, f64::max);
        }
        worst
    }
}

fn relative(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let largest = b.iter().fold(f64::MIN_POSITIVE, |m, x| m.max(x.abs()));
    let pairs = a.iter().zip(b);
    pairs
        .map(|(a, b)| (a - b).abs() / largest)
        .fold(0.0, f64::max)
}

fn deep(layers: &[usize], clamp: Clamp) -> Circuit {
    let network = DeepNetwork {
        layers: layers.to_vec(),
        clamp,
        conductance: 1.0,
        floor: 1e-7,
        seed: 5,
    };
    let mut circuit = network.build().unwrap();
    // Biases that are not zero.
    let sources: Vec<_> = (circuit.elements())
        .filter(|(_, e)| matches!(e.device, Device::CurrentSource { .. }))
        .flat_map(|(id, _)| {
            circuit
                .element(id)
                .device
                .parameters()
                .into_iter()
                .map(move |p| (id, p))
        })
        .collect();
    for (k, (element, parameter)) in sources.into_iter().enumerate() {
        let id = ohmgrad::circuit::ParameterId { element, parameter };
        assert!(circuit.set(id, 0.3 * (k as f64).sin()));
    }
    circuit
}

const INPUTS: (&[&str], &[&str]) = (&["vp*"], &["vn*"]);

#[test]
fn crossbars_agree_with_the_general_solver() {
    let shapes: [&[usize]; 3] = [&[60, 40, 10], &[40, 30, 20, 10], &[30, 24, 20, 16, 10]];
    for layers in shapes {
        for clamp in [Clamp::Ideal, Clamp::Shockley, Clamp::Biased] {
            let mut bench = Bench::new(deep(layers, clamp), INPUTS, 20.0, 70, 3);
            let method = bench.engine.method();
            assert!(method.contains("elimination"), "{method}");
            bench.expect_exact(&format!("{layers:?} {clamp:?}"));
        }
    }
}

/// Amplifiers in both directions are taken out before; the general solver has them.
#[test]
fn amplified_networks_agree_with_the_general_solver() {
    for (layers, gain) in [
        (&[12, 10, 6][..], 4.0),
        (&[10, 9, 8, 4], 3.0),
        (&[6, 5, 5, 4, 3], 0.7),
    ] {
        let network = KendallNetwork {
            layers: layers.to_vec(),
            gain,
            bias: 1.0,
            conductance: 1e-4,
            floor: 1e-7,
            seed: 8,
        };
        let mut bench = Bench::new(network.build().unwrap(), INPUTS, 5.0, 40, 3);
        let method = bench.engine.method();
        assert!(method.contains("elimination"), "{method}");
        bench.expect_exact(&format!("{layers:?} behind amplifiers of {gain}"));
    }
}

#[test]
fn relaxation_agrees_with_the_general_solver() {
    for layers in [&[60, 40, 10][..], &[40, 30, 20, 10], &[30, 24, 20, 16, 10]] {
        for clamp in [Clamp::Ideal, Clamp::Shockley, Clamp::Biased] {
            let mut bench = Bench::new(deep(layers, clamp), INPUTS, 20.0, 40, 4);
            assert!(bench.engine.batches().unwrap().relax());
            bench.expect_exact(&format!("{layers:?} {clamp:?}"));
        }
    }
}

/// What a looser tolerance is worth: potentials as near as it says, and gradients that still point down.
#[test]
fn relaxation_to_a_tolerance_stays_as_near() {
    for layers in [&[40, 30, 20, 10][..], &[30, 24, 20, 16, 10]] {
        let circuit = deep(layers, Clamp::Ideal);
        let mut last = u64::MAX;
        for (precision, tolerance) in [(Precision::F64, 1e-8), (Precision::F32, 1e-3)] {
            let accuracy = Accuracy {
                precision,
                tolerance: Some(tolerance),
            };
            let mut bench = Bench::computed(accuracy, circuit.clone(), INPUTS, 20.0, (40, 4));
            assert!(bench.engine.batches().unwrap().relax());
            bench.run();
            let sweeps = bench.engine.batches().unwrap().timing().steps;
            let (potentials, gradients) = bench.compare();
            println!("{layers:?} {tolerance:e}: {potentials:.1e} {gradients:.1e}");
            assert!(potentials < 3.0 * tolerance, "{layers:?}: {potentials:e}");
            assert!(gradients < 10.0 * tolerance, "{layers:?}: {gradients:e}");
            assert!(sweeps < last, "{layers:?}: {sweeps} sweeps");
            last = sweeps;
        }
    }
}

/// The network of the built-in example: bias nodes and Shockley clamps.
#[test]
fn layered_networks_agree_with_the_general_solver() {
    for clamp in [Clamp::Ideal, Clamp::Shockley, Clamp::Biased] {
        let network = Layered {
            inputs: 64,
            hidden: vec![24],
            outputs: 10,
            clamp,
            conductance: 1e-3,
            bias: 1.0,
            seed: 1,
        };
        let mut bench = Bench::new(network.build().unwrap(), INPUTS, 20.0, 50, 8);
        let (potentials, gradients) = bench.compare();
        assert!(
            potentials < 1e-10 && gradients < 1e-9,
            "{clamp:?}: {potentials:e} {gradients:e}"
        );
    }
}

/// Random netlists are no crossbars: every source carries a feature.
#[test]
fn random_netlists_agree_with_the_general_solver() {
    let families = [
        Family::Linear,
        Family::Monotone,
        Family::MonotoneWithIdeal,
        Family::Ideal,
    ];
    let (mut suited, mut worst) = (0, (0.0f64, 0.0f64));
    for seed in 0..160 {
        for family in families {
            let circuit = circuit_up_to(family, seed, 30);
            let mut bench = Bench::new(circuit, (&["v*", "i*"], &[]), 3.0, 9, seed);
            if bench.engine.batches().is_none() {
                continue;
            }
            suited += 1;
            let (potentials, gradients) = bench.compare();
            assert!(potentials < 1e-10, "{family:?} {seed}: {potentials:e}");
            assert!(gradients < 1e-9, "{family:?} {seed}: {gradients:e}");
            worst = (worst.0.max(potentials), worst.1.max(gradients));
        }
    }
    println!(
        "{suited} circuits: potentials {:.1e}, gradients {:.1e}",
        worst.0, worst.1
    );
    assert!(suited >= 200, "{suited}");
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let pool = pool.build().unwrap();
        pool.install(|| {
            Bench::new(
                deep(&[40, 30, 20, 10], Clamp::Shockley),
                INPUTS,
                20.0,
                200,
                7,
            )
            .run()
        })
    };
    let one = run(1);
    for threads in [2, 3, 4] {
        assert_eq!(run(threads), one, "{threads} threads");
    }
}

/// Images of MNIST, if `OHMGRAD_MNIST` names their folder.
fn images(count: usize) -> Option<Dataset> {
    let Some(folder) = std::env::var_os("OHMGRAD_MNIST").map(std::path::PathBuf::from) else {
        println!("skipped: OHMGRAD_MNIST is not set");
        return None;
    };
    let [images, labels] = ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"];
    let images = read_idx(&folder.join(images), &folder.join(labels), Some(2000)).unwrap();
    let chosen: Vec<usize> = (0..count).map(|k| k * 83 % 2000).collect();
    Some(images.subset(&chosen))
}

fn expect_exact_on_images(layers: &[usize], clamp: Clamp, images: &Dataset, relaxed: bool) {
    let circuit = deep(layers, clamp);
    let mut bench = Bench::new(circuit, INPUTS, 300.0, images.len(), 3);
    bench.data.inputs.clone_from(&images.inputs);
    assert!(!relaxed || bench.engine.batches().unwrap().relax());
    let method = bench.engine.method();
    bench.expect_exact(&format!("{layers:?} {clamp:?}, {method}"));
}

#[test]
fn images_agree_with_the_general_solver() {
    let Some(images) = images(24) else { return };
    for layers in [
        &[784, 100, 10][..],
        &[784, 60, 40, 10],
        &[784, 40, 30, 20, 10],
    ] {
        for clamp in [Clamp::Ideal, Clamp::Shockley] {
            for relaxed in [false, true] {
                expect_exact_on_images(layers, clamp, &images, relaxed);
            }
        }
    }
}

/// The networks of the papers at their size: minutes in a release build.
#[test]
#[ignore = "takes minutes: dense blocks of 1024 x 1024 in the general solver"]
fn images_on_wide_networks_agree_with_the_general_solver() {
    for (count, layers) in [
        (24, &[784, 1024, 10][..]),
        (3, &[784, 1024, 1024, 10]),
        (2, &[784, 1024, 1024, 1024, 10]),
    ] {
        let Some(images) = images(count) else { return };
        for clamp in [Clamp::Ideal, Clamp::Shockley] {
            expect_exact_on_images(layers, clamp, &images, false);
        }
    }
}
