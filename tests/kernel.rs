//! Kernel equations of random circuits of resistors, transformers, gyrators and ideal diodes against
//! their operating points by modified nodal analysis; and `ohmgrad ports` from outside.

mod common;

use std::process::{Command, Output};

use common::{Family, circuit_up_to};
use ohmgrad::analysis::{OperatingPoint, operating_point};
use ohmgrad::circuit::{Circuit, NodeId, ParameterId};
use ohmgrad::device::Device;
use ohmgrad::kernel::{
    Choice, CircuitKernel, Definiteness, Diagnosis, Kernel, KernelError, Method, MonDeq, Port,
    Splitting, SplittingError, SplittingOptions, Variable,
};
use ohmgrad::netlist::Netlist;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What all ways to a solution agree to, relative to the largest of its numbers.
const AGREEMENT: f64 = 1e-8;

/// Resistances and gyrators over two decades instead of six, so that forward-backward splitting ends
/// in a second on each of a thousand circuits.
fn moderate(mut circuit: Circuit) -> Circuit {
    let mut values = Vec::new();
    for (element, e) in circuit.elements() {
        let parameter = match e.device {
            Device::Resistor { .. } | Device::Gyrator { .. } => e.device.principal(),
            _ => None,
        };
        if let Some(parameter) = parameter {
            let id = ParameterId { element, parameter };
            let value = circuit.value(id).expect("a value");
            let middle: f64 = if matches!(e.device, Device::Gyrator { .. }) {
                1e-3
            } else {
                1e3
            };
            values.push((id, value.signum() * middle * (value.abs() / middle).cbrt()));
        }
    }
    for (id, value) in values {
        assert!(circuit.set(id, value));
    }
    circuit
}

/// Ports in the places of sources, of all or of every other one, and the sources' values.
fn ports_of(circuit: &Circuit, every: usize) -> (Vec<Port>, Vec<f64>) {
    let value = |device: &Device| match device {
        Device::VoltageSource { voltage } => Some(*voltage),
        Device::CurrentSource { current } => Some(*current),
        _ => None,
    };
    let sources = circuit
        .elements()
        .filter_map(|(_, e)| value(&e.device).map(|value| (e, value)));
    let port = |(e, value): (ohmgrad::circuit::ElementRef, f64)| {
        (Port::parse(circuit, &e.name()).expect("a source"), value)
    };
    sources.step_by(every).map(port).unzip()
}

fn largest(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(0.0, |most, x| most.max(x.abs()))
}

/// A circuit, its operating point, its kernel and what the kernel says of the operating point.
struct Case {
    circuit: Circuit,
    op: OperatingPoint,
    found: CircuitKernel,
    u: Vec<f64>,
    z: Vec<f64>,
    scaled: Kernel,
    scales: Vec<f64>,
}

impl Case {
    fn new(circuit: Circuit, every: usize) -> Self {
        let (ports, u) = ports_of(&circuit, every);
        let title = &circuit.title;
        let found = CircuitKernel::of(&circuit, &ports);
        let found = found.unwrap_or_else(|e| panic!("{title}: {e}"));
        let op = operating_point(&circuit).unwrap_or_else(|e| panic!("{title}: {e}"));
        let (scaled, scales) = found.kernel.equilibrated();
        Self {
            z: found.unknowns(&circuit, &op),
            circuit,
            op,
            found,
            u,
            scaled,
            scales,
        }
    }

    /// The largest of the equilibrated z and drive, both in the root of a watt.
    fn size(&self) -> f64 {
        let z = self.z.iter().zip(&self.scales).map(|(z, s)| z / s);
        largest(self.scaled.drive(&self.u).into_iter().chain(z)).max(1e-30)
    }

    /// How far some z is from that of the operating point.
    fn distance(&self, z: &[f64]) -> f64 {
        let scaled = z.iter().zip(&self.z).zip(&self.scales);
        largest(scaled.map(|((a, b), s)| (a - b) / s)) / self.size()
    }

    /// How far the operating point is from solving the kernel equation.
    fn residual(&self) -> f64 {
        let z: Vec<f64> = self
            .z
            .iter()
            .zip(&self.scales)
            .map(|(z, s)| z / s)
            .collect();
        let w = self.found.slacks(&self.circuit, &self.op);
        let expected = self.scaled.slack(&z, &self.u);
        let slack = w.iter().zip(&expected).zip(&self.scales);
        let slack = largest(slack.map(|((w, e), s)| w * s - e));
        slack.max(self.scaled.residual(&z, &self.u)) / self.size()
    }

    /// How far `y` is from what flows in sources, or stands across them, in the circuit; relative to
    /// what it is the sum of.
    fn output_error(&self, z: &[f64]) -> f64 {
        let kernel = &self.found.kernel;
        let y = kernel.output(z, &self.u);
        let error = |(row, port): (usize, &Port)| {
            let source = port.source.expect("ports are sources here");
            let [p, n] = self.circuit.element(source).port;
            let measured = match port.drive {
                Variable::Voltage => self.op.current(&self.circuit, source),
                Variable::Current => self.op.voltage(p, n),
            };
            let terms = kernel
                .c
                .row(row)
                .iter()
                .zip(z)
                .chain(kernel.d.row(row).iter().zip(&self.u));
            let size: f64 = terms.map(|(a, x)| (a * x).abs()).sum();
            (y[row] - measured) / (size + kernel.output_bias[row].abs()).max(1e-30)
        };
        largest(self.found.ports.iter().enumerate().map(error))
    }

    fn solve(&self, method: Method) -> Vec<f64> {
        let title = &self.circuit.title;
        let options = SplittingOptions {
            max_iterations: 20_000_000,
            ..SplittingOptions::default()
        };
        let splitting = Splitting::new(&self.found.kernel, method, options);
        let mut splitting = splitting.unwrap_or_else(|e| panic!("{title}: {e}"));
        let solved = splitting
            .solve(&self.u)
            .unwrap_or_else(|e| panic!("{title}: {e}"));
        solved.z
    }

    /// The network of the equilibrated equation at the step of forward-backward splitting.
    fn mondeq(&self) -> Vec<f64> {
        let options = SplittingOptions::default();
        let splitting = Splitting::new(&self.found.kernel, Method::ForwardBackward, options);
        let step = splitting.expect("finite").step();
        let network = MonDeq::of_kernel(&self.scaled, step.length);
        let z = network.fixed_point(&self.u, 1.0, 1e-13 * step.length.min(1.0), 20_000_000);
        let z = z.unwrap_or_else(|e| panic!("{}: {e}", self.circuit.title));
        z.iter().zip(&self.scales).map(|(z, s)| z * s).collect()
    }

    /// No gyrator: opposite entries agree to the last bit, but for the sign between unlike variables.
    fn check_reciprocity(&self) {
        let kernel = &self.found.kernel;
        if !self.found.is_reciprocal {
            return;
        }
        let title = &self.circuit.title;
        assert!(
            self.found.rounding <= 1e-9,
            "{title}: {:e}",
            self.found.rounding
        );
        assert!(
            self.found.choice == Choice::Hybrid || kernel.is_symmetric(),
            "{title}"
        );
        let diodes = self.found.diodes.iter().map(|d| d.variable);
        let kinds: Vec<_> = diodes
            .chain(self.found.ports.iter().map(|p| p.drive))
            .collect();
        let n = kernel.order();
        let entry = |i: usize, j: usize| match (i < n, j < n) {
            (true, true) => kernel.h[(i, j)],
            (true, false) => kernel.b[(i, j - n)],
            (false, true) => kernel.c[(i - n, j)],
            (false, false) => kernel.d[(i - n, j - n)],
        };
        for i in 0..kinds.len() {
            for j in 0..i {
                let sign = if kinds[i] == kinds[j] { 1.0 } else { -1.0 };
                assert_eq!(entry(i, j), sign * entry(j, i), "{title}: {i}, {j}");
            }
        }
    }

    fn definiteness(&self) -> Definiteness {
        self.found
            .summary()
            .expect("finite")
            .equilibrated
            .definiteness
    }
}

#[test]
fn a_thousand_circuits_agree_with_every_splitting_and_with_the_network() {
    let (mut worst, mut reciprocal, mut diodes) = (0.0f64, 0, 0);
    let mut rounding = 0.0f64;
    for seed in 0..1000 {
        let case = Case::new(
            moderate(circuit_up_to(Family::Rtgd, seed, 20)),
            1 + seed as usize % 2,
        );
        let title = case.circuit.title.clone();
        case.check_reciprocity();
        reciprocal += usize::from(case.found.is_reciprocal);
        rounding = rounding.max(case.found.rounding);
        diodes += case.z.len();
        // Every diode has resistors of its own here.
        assert_eq!(case.definiteness(), Definiteness::Positive, "{title}");
        assert_eq!(case.found.choice, Choice::Currents, "{title}");
        let mut errors = vec![case.residual(), case.output_error(&case.z)];
        for method in Method::ALL {
            errors.push(case.distance(&case.solve(method)));
        }
        errors.push(case.distance(&case.mondeq()));
        let error = largest(errors.iter().copied());
        assert!(error <= AGREEMENT, "{title}: {errors:?}");
        worst = worst.max(error);
    }
    println!(
        "1000 circuits, {reciprocal} of them reciprocal (opposite entries within {rounding:.1e}), {diodes} \
         diodes: within {worst:.1e}"
    );
    assert!(reciprocal >= 200);
}

#[test]
fn six_decades_of_resistance_agree_too() {
    let mut worst = 0.0f64;
    for seed in 2000..2300 {
        let case = Case::new(circuit_up_to(Family::Rtgd, seed, 20), 1);
        case.check_reciprocity();
        assert_ne!(
            case.definiteness(),
            Definiteness::Indefinite,
            "{}",
            case.circuit.title
        );
        let z = case.solve(Method::DouglasRachford);
        let errors = [
            case.residual(),
            case.output_error(&case.z),
            case.distance(&z),
        ];
        assert!(
            largest(errors) <= AGREEMENT,
            "{}: {errors:?}",
            case.circuit.title
        );
        worst = worst.max(largest(errors));
    }
    println!("300 circuits of six decades: within {worst:.1e}");
}

/// Antiparallel diodes, diodes in series without anything between, and bridges: no diode current of
/// these needs to be free or to have a resistance of its own.
fn with_degenerate_diodes(seed: u64) -> Circuit {
    let mut circuit = moderate(circuit_up_to(Family::Rtgd, seed, 8));
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let nodes: Vec<NodeId> = circuit.nodes().map(|(id, _)| id).collect();
    for k in 0..rng.random_range(1..=3) {
        let middle = circuit.node(&format!("between{k}"));
        let (load, second) = (
            circuit.node(&format!("load{k}")),
            circuit.node(&format!("far{k}")),
        );
        let at = nodes[rng.random_range(1..nodes.len())];
        let mut add = |name: &str, device: Device, port: [NodeId; 2]| {
            circuit
                .add(&format!("{name}{k}"), device, port)
                .expect("a new name");
        };
        let resistance = rng.random_range(100.0..10e3);
        add("rload", Device::Resistor { resistance }, [at, load]);
        match rng.random_range(0..3) {
            0 => {
                add("dseries1", Device::IdealDiode, [load, middle]);
                add("dseries2", Device::IdealDiode, [middle, NodeId::GROUND]);
                add("dseries3", Device::IdealDiode, [second, middle]);
                add(
                    "rfar",
                    Device::Resistor { resistance },
                    [second, NodeId::GROUND],
                );
            }
            1 => {
                add("danti1", Device::IdealDiode, [load, middle]);
                add("danti2", Device::IdealDiode, [middle, load]);
                add("rfar", Device::Resistor { resistance }, [middle, second]);
                add(
                    "rback",
                    Device::Resistor { resistance },
                    [second, NodeId::GROUND],
                );
            }
            _ => {
                add("dbridge1", Device::IdealDiode, [load, middle]);
                add("dbridge2", Device::IdealDiode, [NodeId::GROUND, middle]);
                add("dbridge3", Device::IdealDiode, [second, load]);
                add("dbridge4", Device::IdealDiode, [second, NodeId::GROUND]);
                add("rbridge", Device::Resistor { resistance }, [middle, second]);
            }
        }
    }
    circuit
}

#[test]
fn diodes_whose_currents_are_not_free_are_taken_by_their_voltages() {
    let (mut worst, mut hybrid, mut semidefinite) = (0.0f64, 0, 0);
    for seed in 0..300 {
        let case = Case::new(with_degenerate_diodes(seed), 1);
        let title = case.circuit.title.clone();
        case.check_reciprocity();
        hybrid += usize::from(case.found.choice == Choice::Hybrid);
        let definiteness = case.definiteness();
        assert_ne!(definiteness, Definiteness::Indefinite, "{title}");
        semidefinite += usize::from(definiteness == Definiteness::Semidefinite);
        // There may be many solutions, between which only the skew part of H tells.
        let z = case.solve(Method::DouglasRachford);
        let scaled: Vec<f64> = z.iter().zip(&case.scales).map(|(z, s)| z / s).collect();
        let difference: Vec<f64> = z
            .iter()
            .zip(&case.z)
            .zip(&case.scales)
            .map(|((a, b), s)| (a - b) / s)
            .collect();
        let n = z.len();
        let symmetric = |i: usize| -> f64 {
            let h = &case.scaled.h;
            (0..n)
                .map(|j| 0.5 * (h[(i, j)] + h[(j, i)]) * difference[j])
                .sum()
        };
        let errors = [
            case.residual(),
            case.output_error(&case.z),
            case.scaled.residual(&scaled, &case.u) / case.size(),
            largest((0..n).map(symmetric)) / case.size(),
        ];
        assert!(largest(errors) <= AGREEMENT, "{title}: {errors:?}");
        worst = worst.max(largest(errors));
    }
    println!("300 circuits, {hybrid} hybrid, {semidefinite} semidefinite: within {worst:.1e}");
    assert!(hybrid >= 50 && semidefinite >= 100);
}

fn circuit(deck: &str) -> Circuit {
    let netlist = Netlist::parse("test", deck).unwrap_or_else(|e| panic!("{e}"));
    Circuit::from_netlist(&netlist).unwrap_or_else(|e| panic!("{e}"))
}

fn ports(circuit: &Circuit, texts: &[&str]) -> Vec<Port> {
    let texts: Vec<String> = texts.iter().map(|t| t.to_string()).collect();
    Port::parse_all(circuit, &texts).expect("ports")
}

#[test]
fn a_divider_with_a_diode_has_the_matrices_worked_out_by_hand() {
    let deck = "by hand\nR1 in a 1k\nR2 a 0 3k\nI1 0 a 2m\nD1 a 0 DI\n.model DI D(IDEAL)\n";
    let circuit = circuit(deck);
    // Driven by a voltage: 750 ohm behind 3/4 of it, and 1.5 V of the source.
    let found = CircuitKernel::of(&circuit, &ports(&circuit, &["p:in,0"])).expect("a kernel");
    let k = &found.kernel;
    let close = |a: f64, b: f64| assert!((a - b).abs() <= 1e-12 * b.abs(), "{a} {b}");
    close(k.h[(0, 0)], 750.0);
    close(k.b[(0, 0)], -0.75);
    close(k.bias[0], -1.5);
    close(k.c[(0, 0)], 0.75);
    close(k.d[(0, 0)], 1.0 / 4e3);
    close(k.output_bias[0], -1.5e-3);
    // Driven by a current into `in`.
    let found = CircuitKernel::of(&circuit, &ports(&circuit, &["p:in,0:i"])).expect("a kernel");
    let k = &found.kernel;
    close(k.h[(0, 0)], 3e3);
    close(k.b[(0, 0)], -3e3);
    close(k.c[(0, 0)], -3e3);
    close(k.d[(0, 0)], 4e3);
    close(k.bias[0], -6.0);
    close(k.output_bias[0], 6.0);
}

#[test]
fn a_circuit_without_diodes_or_without_ports_has_a_kernel_too() {
    let resistors = circuit("no diodes\nR1 a 0 2k\n");
    let found = CircuitKernel::of(&resistors, &ports(&resistors, &["p:a,0"])).expect("a kernel");
    assert_eq!(found.kernel.order(), 0);
    assert_eq!(found.kernel.output(&[], &[4.0]), [-2e-3]);
    for method in Method::ALL {
        let splitting = Splitting::new(&found.kernel, method, SplittingOptions::default());
        let solution = splitting
            .expect("finite")
            .solve(&[4.0])
            .expect("a solution");
        assert_eq!(solution.y, [-2e-3]);
    }
    let alone = circuit("no ports\nV1 a 0 1\nR1 a b 1k\nD1 b 0 DI\n.model DI D(IDEAL)\n");
    let found = CircuitKernel::of(&alone, &[]).expect("a kernel");
    assert_eq!((found.kernel.order(), found.kernel.inputs()), (1, 0));
    assert_eq!(found.kernel.bias, [-1.0]);
}

#[test]
fn a_splitting_that_does_not_end_says_why() {
    // A source forces 1 mA through a diode that does not let it pass.
    let forced = circuit(
        "forced\nI1 a 0 1m\nR1 a b 1k\nD1 b 0 DI\nD2 0 c DI\nR2 c 0 1k\n.model DI D(IDEAL)\n",
    );
    let found = CircuitKernel::of(&forced, &[]).expect("a kernel");
    let options = SplittingOptions {
        max_iterations: 1000,
        ..SplittingOptions::default()
    };
    let mut splitting =
        Splitting::new(&found.kernel, Method::DouglasRachford, options).expect("finite");
    match splitting.solve(&[]) {
        Err(SplittingError::NoConvergence {
            diagnosis: Diagnosis::NoSolution { unknown },
            ..
        }) => {
            assert_eq!(unknown, "d1");
        }
        other => panic!("{other:?}"),
    }
    // A step beyond 2/L.
    let good = circuit("good\nV1 a 0 1\nR1 a b 1k\nD1 b 0 DI\n.model DI D(IDEAL)\n");
    let found = CircuitKernel::of(&good, &[]).expect("a kernel");
    let options = SplittingOptions {
        step: Some(2.5),
        ..options
    };
    let mut splitting =
        Splitting::new(&found.kernel, Method::ForwardBackward, options).expect("finite");
    assert!(matches!(
        splitting.solve(&[]),
        Err(SplittingError::NoConvergence {
            diagnosis: Diagnosis::Step,
            ..
        } | SplittingError::Diverged {
            diagnosis: Diagnosis::Step,
            ..
        })
    ));
    assert!(matches!(
        splitting.solve(&[1.0]),
        Err(SplittingError::Inputs {
            given: 1,
            expected: 0
        })
    ));
    // A negative resistance leaves nothing monotone.
    let negative =
        circuit("negative\nV1 a 0 1\nR1 a b -1k\nR2 b 0 5k\nD1 b 0 DI\n.model DI D(IDEAL)\n");
    let found = CircuitKernel::of(&negative, &[]).expect("a kernel");
    let mut splitting = Splitting::new(
        &found.kernel,
        Method::PeacemanRachford,
        SplittingOptions {
            step: None,
            ..options
        },
    )
    .expect("finite");
    let error = splitting.solve(&[]).expect_err("no solution of a maximum");
    assert!(error.to_string().contains("not monotone"), "{error}");
}

#[test]
fn faults_are_typed_and_name_what_they_are_about() {
    let unknown = circuit("x\nV1 a 0 1\nR1 a out 1k\n");
    let parse = |text: &str| {
        Port::parse(&unknown, text)
            .expect_err("no port")
            .to_string()
    };
    assert!(
        parse("p:oot,0").contains("did you mean `out`"),
        "{}",
        parse("p:oot,0")
    );
    assert!(parse("p:a,b,c").contains("name:p,n"));
    assert!(parse(":a,0").contains("name:p,n"));
    assert!(parse("p:a,a").contains("both ends"));
    assert!(parse("r1").contains("no V or I source"));
    assert!(parse("v2").contains("did you mean `v1`"));
    let twice = ["p:a,0:i".to_string(), "p:out,0".to_string()];
    assert!(Port::parse_all(&unknown, &twice).is_err());
    let across = CircuitKernel::of(&unknown, &ports(&unknown, &["p:a,0"]));
    match across {
        Err(KernelError::Topology {
            is_of_port: true,
            error,
        }) => {
            assert!(error.to_string().contains("`port p`"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    let controlled = circuit("x\nV1 a 0 1\nE1 b 0 a 0 2\nR1 b 0 1k\n");
    match CircuitKernel::of(&controlled, &[]) {
        Err(KernelError::Unsupported(fault)) => assert_eq!(fault.element, "e1"),
        other => panic!("{other:?}"),
    }
    // The voltage at port 2 is that at port 1, which a source holds.
    let coupled = circuit("x\nV1 a 0 1\nX1 a 0 b 0 TRANSFORMER n=1\nR1 b 0 1k\n");
    let error = CircuitKernel::of(&coupled, &ports(&coupled, &["p:b,0"])).expect_err("no kernel");
    assert!(matches!(error, KernelError::Solve { .. }), "{error}");
}

fn ohmgrad(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ohmgrad"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .output()
        .expect("the program runs")
}

const NEURONS: &str = "circuits/rtgd/mondeq_two_neurons.cir";

#[test]
fn ports_prints_a_table() {
    let output = ohmgrad(&["ports", NEURONS, "--port", "i1", "--port", "i2"]);
    assert!(output.status.success());
    insta::assert_snapshot!("ports_two_neurons", String::from_utf8_lossy(&output.stdout));
    let bridge = [
        "ports",
        "circuits/ideal/bridge.cir",
        "--port",
        "v1",
        "--port",
        "load:plus,0:i",
    ];
    let output = ohmgrad(&bridge);
    assert!(output.status.success());
    insta::assert_snapshot!("ports_bridge", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn ports_says_what_is_wrong() {
    let cases: [(&[&str], i32, &str); 6] = [
        (
            &["ports", "circuits/ideal/clamp.cir", "--port", "p:nowhere,0"],
            2,
            "ports_unknown_node",
        ),
        (
            &["ports", "circuits/ideal/clamp.cir", "--port", "p:a,b,c"],
            2,
            "ports_malformed",
        ),
        (
            &["ports", "circuits/diode/clamp.cir", "--port", "v1"],
            3,
            "ports_shockley",
        ),
        (
            &["ports", "circuits/ideal/clamp.cir", "--port", "p:in,0"],
            4,
            "ports_across_source",
        ),
        (
            &["ports", "circuits/controlled/vcvs.cir"],
            3,
            "ports_controlled",
        ),
        (
            &["ports", NEURONS, "--format", "npz"],
            2,
            "ports_npz_to_terminal",
        ),
    ];
    for (arguments, code, name) in cases {
        let output = ohmgrad(arguments);
        assert_eq!(output.status.code(), Some(code), "{name}");
        insta::assert_snapshot!(name, String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn ports_writes_json_and_npz_with_the_same_numbers() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (json, npz) = (path("k.json"), path("k.npz"));
    for out in [&json, &npz] {
        let output = ohmgrad(&[
            "ports", NEURONS, "--port", "i1", "--port", "i2", "--out", out,
        ]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let text = std::fs::read(&json).expect("the file");
    let value: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    assert_eq!(value["choice"], "currents");
    assert_eq!(value["definiteness"], "positive");
    let mut archive = ohmgrad::npz::Archive::open(npz.as_ref()).expect("an archive");
    for name in ["H", "B", "C", "D"] {
        let array = archive.read(name).expect("an array");
        assert_eq!(array.shape, [2, 2]);
        let rows = value[name].as_array().expect("rows");
        let numbers = rows.iter().flat_map(|row| row.as_array().expect("a row"));
        let numbers: Vec<f64> = numbers.filter_map(|x| x.as_f64()).collect();
        assert_eq!(numbers, array.numbers, "{name}");
    }
    assert_eq!(
        archive.read("diode_by_current").expect("flags").numbers,
        [1.0, 1.0]
    );
}
