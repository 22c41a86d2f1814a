//! Behavioural sources: against elements whose laws they repeat, against differences, and where laws
//! are undefined, kinked or discontinuous.

mod common;

use std::sync::Arc;

use common::{Draft, shockley};
use ohmgrad::adjoint::{AdjointNetwork, compare_with_differences};
use ohmgrad::analysis::{OperatingPoint, Output, Probe, Solver};
use ohmgrad::circuit::{Circuit, Control, ElementId, NodeId};
use ohmgrad::device::{
    Behavioural, Device, Environment, Law, Quantity, Shockley, ShockleyParameters,
};
use ohmgrad::expression::{Function1, Function2, Tape, Term};
use rand::RngExt;

use Quantity::{Current, Voltage};

const GROUND: NodeId = NodeId::GROUND;

/// A law whose tape `build` writes, given the terms of the controls and of the arguments.
fn law(
    quantity: Quantity,
    controls: usize,
    arguments: &[f64],
    build: impl FnOnce(&mut Tape, &[Term], &[Term]) -> Term,
) -> Behavioural {
    let mut tape = Tape::default();
    let inputs: Vec<Term> = (0..controls + arguments.len())
        .map(|k| tape.input(k as u32))
        .collect();
    let (c, p) = inputs.split_at(controls);
    let result = build(&mut tape, c, p);
    let law = Law::new(tape, result, controls, arguments.len());
    Behavioural::new(quantity, Arc::new(law), arguments.to_vec()).expect("as many arguments")
}

/// `p0 c0 + p1 c1 + ...`
fn linear(quantity: Quantity, gains: &[f64]) -> Behavioural {
    law(quantity, gains.len(), gains, |t, c, p| {
        let mut sum = t.constant(0.0);
        for (&c, &p) in c.iter().zip(p) {
            let product = t.binary(Function2::Multiply, c, p);
            sum = t.binary(Function2::Add, sum, product);
        }
        sum
    })
}

/// `1 - 2/(exp(2 x) + 1)`
fn tanh(t: &mut Tape, x: Term) -> Term {
    let (one, two) = (t.constant(1.0), t.constant(2.0));
    let twice = t.binary(Function2::Multiply, two, x);
    let exponential = t.unary(Function1::Exp, twice);
    let sum = t.binary(Function2::Add, exponential, one);
    let part = t.binary(Function2::Divide, two, sum);
    t.binary(Function2::Subtract, one, part)
}

/// `x y / (1 + x^2)`
fn bump(t: &mut Tape, x: Term, y: Term) -> Term {
    let square = t.binary(Function2::Multiply, x, x);
    let one = t.constant(1.0);
    let below = t.binary(Function2::Add, one, square);
    let above = t.binary(Function2::Multiply, x, y);
    t.binary(Function2::Divide, above, below)
}

fn resistor(circuit: &mut Circuit, name: &str, resistance: f64, port: [NodeId; 2]) -> ElementId {
    let device = Device::Resistor { resistance };
    circuit.add(name, device, port).expect("a new name")
}

fn source(circuit: &mut Circuit, name: &str, voltage: f64, port: [NodeId; 2]) -> ElementId {
    let device = Device::VoltageSource { voltage };
    circuit.add(name, device, port).expect("a new name")
}

fn solve(circuit: &Circuit) -> (Solver, OperatingPoint) {
    let mut solver = Solver::new(circuit.clone()).expect("a sound circuit");
    let op = solver
        .operating_point()
        .unwrap_or_else(|e| panic!("{}: {e}", circuit.title));
    (solver, op)
}

fn voltage(circuit: &Circuit, node: &str) -> f64 {
    let (solver, op) = solve(circuit);
    op.voltage(solver.circuit.find_node(node).expect("a node"), GROUND)
}

fn assert_near(actual: f64, expected: f64, tolerance: f64) {
    let scale = expected.abs().max(actual.abs()).max(1e-30);
    assert!(
        (actual - expected).abs() <= tolerance * scale,
        "{actual} is not {expected}: {:.1e} apart",
        (actual - expected).abs() / scale
    );
}

/// A source of `volts` behind `ohms` at the node `out`.
fn driven(volts: f64, ohms: f64) -> (Circuit, NodeId) {
    let mut circuit = Circuit::new(format!("{volts} V behind {ohms} ohm"));
    let (input, out) = (circuit.node("in"), circuit.node("out"));
    source(&mut circuit, "v1", volts, [input, GROUND]);
    resistor(&mut circuit, "r1", ohms, [input, out]);
    (circuit, out)
}

/// The circuit of [`driven`] with a law of `v(out)` as a current out of `out`.
fn loaded(volts: f64, ohms: f64, load: Behavioural) -> Circuit {
    let (mut circuit, out) = driven(volts, ohms);
    let control = Control::Voltage([out, GROUND]);
    circuit
        .add_behavioural("b1", load, [out, GROUND], &[control])
        .expect("a new name");
    circuit
}

#[test]
fn a_conductance_times_the_own_voltage_is_a_resistor() {
    let circuit = loaded(5.0, 1e3, linear(Current, &[1e-3]));
    let (mut solver, op) = solve(&circuit);
    let out = circuit.find_node("out").expect("a node");
    assert_near(op.voltage(out, GROUND), 2.5, 1e-15);
    let b1 = circuit.find_element("b1").expect("an element");
    assert_near(op.current(&circuit, b1), 2.5e-3, 1e-15);
    let seeds = [(Output::Voltage { p: out, n: GROUND }, 1.0)];
    let gradient = solver.gradient(&seeds).expect("a regular circuit");
    let entry = gradient.entries.iter().find(|e| e.parameter.element == b1);
    assert_near(entry.expect("an argument").gradient, -2.5 * 500.0, 1e-14);
}

#[test]
fn a_law_without_controls_is_a_source() {
    let (mut circuit, out) = driven(5.0, 1e3);
    let constant = |quantity, value| law(quantity, 0, &[value], |_, _, p| p[0]);
    circuit
        .add_behavioural("b1", constant(Current, 1e-3), [out, GROUND], &[])
        .expect("a new name");
    let far = circuit.node("far");
    circuit
        .add_behavioural("b2", constant(Voltage, 0.25), [far, out], &[])
        .expect("a new name");
    resistor(&mut circuit, "r2", 1e9, [far, GROUND]);
    assert_near(voltage(&circuit, "out"), 4.0, 1e-5);
    let (_, op) = solve(&circuit);
    assert_near(op.voltage(far, out), 0.25, 1e-14);
}

#[test]
fn products_of_two_controls_multiply() {
    let mut circuit = Circuit::new("a multiplier");
    let [a, b, out] = ["a", "b", "out"].map(|name| circuit.node(name));
    source(&mut circuit, "va", 3.0, [a, GROUND]);
    source(&mut circuit, "vb", -0.5, [b, GROUND]);
    resistor(&mut circuit, "r", 1.0, [out, GROUND]);
    let poly = law(Voltage, 2, &[1.0, 2.0, 4.0], |t, c, p| {
        let product = t.binary(Function2::Multiply, c[0], c[1]);
        let square = t.binary(Function2::Multiply, c[0], c[0]);
        let first = t.binary(Function2::Multiply, p[1], product);
        let second = t.binary(Function2::Multiply, p[2], square);
        let sum = t.binary(Function2::Add, first, second);
        t.binary(Function2::Add, sum, p[0])
    });
    let controls = [a, b].map(|node| Control::Voltage([node, GROUND]));
    circuit
        .add_behavioural("b1", poly, [out, GROUND], &controls)
        .expect("a new name");
    assert_near(voltage(&circuit, "out"), 1.0 - 3.0 + 36.0, 1e-15);
}

/// A ladder with a sensor and a place for a controlled source at `out`; `add` puts it there.
fn with_source(add: impl Fn(&mut Circuit, [NodeId; 2], [NodeId; 2], ElementId)) -> Circuit {
    let mut circuit = Circuit::new("a controlled source");
    let [a, b, c, out, end] = ["a", "b", "c", "out", "end"].map(|name| circuit.node(name));
    source(&mut circuit, "v1", 5.0, [a, GROUND]);
    resistor(&mut circuit, "r1", 1e3, [a, b]);
    let sensor = source(&mut circuit, "vs", 0.5, [b, c]);
    resistor(&mut circuit, "r2", 2e3, [c, GROUND]);
    resistor(&mut circuit, "r3", 3e3, [out, b]);
    resistor(&mut circuit, "r4", 1e3, [out, end]);
    resistor(&mut circuit, "r5", 1e3, [end, GROUND]);
    add(&mut circuit, [out, GROUND], [b, end], sensor);
    circuit
}

fn assert_same_potentials(a: &Circuit, b: &Circuit, tolerance: f64) {
    let (_, first) = solve(a);
    let (_, second) = solve(b);
    for (x, y) in first.potentials.iter().zip(&second.potentials) {
        assert!((x - y).abs() <= tolerance * x.abs().max(1.0), "{x} and {y}");
    }
}

#[test]
fn linear_laws_are_the_native_controlled_sources() {
    let by_voltage = |quantity, gain| {
        with_source(move |circuit, port, control, _| {
            let controls = [Control::Voltage(control)];
            circuit
                .add_behavioural("b1", linear(quantity, &[gain]), port, &controls)
                .expect("a new name");
        })
    };
    let by_current = |quantity, gain| {
        with_source(move |circuit, port, _, sensor| {
            let controls = [Control::Current(sensor)];
            circuit
                .add_behavioural("b1", linear(quantity, &[gain]), port, &controls)
                .expect("a new name");
        })
    };
    let native_two_port = |device: Device| {
        with_source(move |circuit, port, control, _| {
            circuit
                .add_two_port("e1", device.clone(), port, control)
                .expect("a new name");
        })
    };
    let native_controlled = |device: Device| {
        with_source(move |circuit, port, _, sensor| {
            circuit
                .add_controlled("f1", device.clone(), port, sensor)
                .expect("a new name");
        })
    };
    let pairs = [
        (
            by_voltage(Voltage, 0.7),
            native_two_port(Device::Vcvs { gain: 0.7 }),
        ),
        (
            by_voltage(Current, 3e-4),
            native_two_port(Device::Vccs {
                transconductance: 3e-4,
            }),
        ),
        (
            by_current(Current, 0.7),
            native_controlled(Device::Cccs { gain: 0.7 }),
        ),
        (
            by_current(Voltage, 400.0),
            native_controlled(Device::Ccvs {
                transresistance: 400.0,
            }),
        ),
    ];
    for (by_law, native) in &pairs {
        assert_same_potentials(by_law, native, 1e-12);
    }
}

#[test]
fn an_exponential_law_is_the_shockley_diode() {
    let environment = Environment {
        gmin: 0.0,
        ..Environment::default()
    };
    let parameters = ShockleyParameters {
        saturation_current: 1e-14,
        ..ShockleyParameters::default()
    };
    let kelvin = environment.temperature + 273.15;
    let thermal = 1.38064852e-23 * kelvin / 1.6021766208e-19;
    for volts in [-0.05, 0.3, 1.0, 5.0, 20.0, 100.0] {
        let exponential = law(Current, 1, &[1e-14, thermal], |t, c, p| {
            let ratio = t.binary(Function2::Divide, c[0], p[1]);
            let exponential = t.unary(Function1::Exp, ratio);
            let one = t.constant(1.0);
            let less = t.binary(Function2::Subtract, exponential, one);
            t.binary(Function2::Multiply, p[0], less)
        });
        let by_law = loaded(volts, 1e3, exponential);
        let (mut native, out) = driven(volts, 1e3);
        let diode = Shockley::new(parameters, environment).expect("usable parameters");
        native
            .add("d1", diode.into(), [out, GROUND])
            .expect("a new name");
        assert_near(voltage(&by_law, "out"), voltage(&native, "out"), 1e-9);
    }
}

/// Every kind of element whose branch current may control a law.
fn sensing_everything(quantity: Quantity) -> Circuit {
    let mut circuit = Circuit::new("currents of everything");
    let nodes: Vec<NodeId> = (0..12).map(|k| circuit.node(&format!("n{k}"))).collect();
    source(&mut circuit, "v1", 5.0, [nodes[0], GROUND]);
    for (k, pair) in nodes.windows(2).enumerate() {
        resistor(
            &mut circuit,
            &format!("r{k}"),
            1e3 + 100.0 * k as f64,
            [pair[0], pair[1]],
        );
        resistor(&mut circuit, &format!("g{k}"), 5e3, [pair[1], GROUND]);
    }
    let mut inner = 0;
    let mut spur = |circuit: &mut Circuit, at: usize| {
        inner += 1;
        let node = circuit.node(&format!("m{inner}"));
        resistor(circuit, &format!("s{inner}"), 2e3, [nodes[at], node]);
        node
    };
    let mut carriers = vec![circuit.find_element("v1").expect("an element")];
    let a = spur(&mut circuit, 1);
    carriers.push(resistor(&mut circuit, "rs", 0.0, [a, nodes[8]]));
    carriers.extend(circuit.find_element("r3"));
    let b = spur(&mut circuit, 2);
    let vcvs = Device::Vcvs { gain: 0.5 };
    let added = circuit.add_two_port("e1", vcvs, [b, GROUND], [nodes[3], nodes[9]]);
    carriers.push(added.expect("a new name"));
    let c = spur(&mut circuit, 3);
    let ccvs = Device::Ccvs {
        transresistance: 300.0,
    };
    let added = circuit.add_controlled("h1", ccvs, [c, GROUND], carriers[0]);
    carriers.push(added.expect("a new name"));
    let d = spur(&mut circuit, 4);
    let transformer = Device::Transformer { ratio: 1.5 };
    let added = circuit.add_two_port("xt", transformer, [d, GROUND], [nodes[10], GROUND]);
    carriers.push(added.expect("a new name"));
    for (name, port) in [("d1", [5, 11]), ("d2", [11, 6])] {
        let e = spur(&mut circuit, port[0]);
        let added = circuit.add(name, Device::IdealDiode, [e, nodes[port[1]]]);
        carriers.push(added.expect("a new name"));
    }
    let f = spur(&mut circuit, 6);
    let by_voltage = [
        Control::Voltage([nodes[2], nodes[7]]),
        Control::Current(carriers[3]),
    ];
    let added = circuit.add_behavioural(
        "b0",
        linear(Voltage, &[0.3, 100.0]),
        [f, GROUND],
        &by_voltage,
    );
    carriers.push(added.expect("a new name"));
    let unit = if quantity == Voltage { 200.0 } else { 0.2 };
    let last = spur(&mut circuit, 7);
    let gains: Vec<f64> = (0..carriers.len())
        .map(|k| unit * (1.0 + 0.1 * k as f64))
        .collect();
    let controls: Vec<Control> = carriers.iter().map(|&id| Control::Current(id)).collect();
    circuit
        .add_behavioural("b1", linear(quantity, &gains), [last, nodes[11]], &controls)
        .expect("a new name");
    circuit
}

#[test]
fn every_branch_current_can_control_a_law() {
    for quantity in [Voltage, Current] {
        let circuit = sensing_everything(quantity);
        let (_, op) = solve(&circuit);
        let b1 = circuit.element(circuit.find_element("b1").expect("an element"));
        let Device::Behavioural(source) = &b1.device else {
            panic!("b1 is a behavioural source")
        };
        let expected: f64 = b1
            .controls()
            .iter()
            .zip(source.arguments())
            .map(|(control, gain)| match *control {
                Control::Current(id) => gain * op.current(&circuit, id),
                Control::Voltage(_) => 0.0,
            })
            .sum();
        let actual = match quantity {
            Voltage => op.voltage(b1.port[0], b1.port[1]),
            Current => op.current(&circuit, circuit.find_element("b1").expect("an element")),
        };
        assert_near(actual, expected, 1e-11);
        assert_kirchhoff(&circuit, &op);
        assert_gradients(&circuit, 3);
    }
}

/// A random circuit of R, D, V and I with one to four laws of bounded functions.
fn random(seed: u64) -> Circuit {
    let mut draft = Draft::new(seed, 3 + (seed % 12) as usize);
    for _ in 0..3 {
        let port = draft.any_pair();
        draft.resistor(port);
    }
    draft.voltage_source(5.0);
    draft.current_source(3.0);
    for _ in 0..draft.rng.random_range(0..4) {
        let (port, diode) = (draft.any_pair(), shockley(&mut draft.rng));
        draft.add("d", diode.into(), port);
    }
    let mut carriers: Vec<ElementId> = draft
        .circuit
        .elements()
        .filter(|(_, e)| matches!(e.device, Device::VoltageSource { .. }))
        .map(|(id, _)| id)
        .collect();
    for index in 0..draft.rng.random_range(1..=4) {
        let id = random_law(&mut draft, index, &carriers);
        if let Device::Behavioural(source) = &draft.circuit.element(id).device
            && source.quantity == Voltage
        {
            carriers.push(id);
        }
    }
    draft.circuit
}

/// Behind (V) or beside (I) a resistor of its own, with functions of two controls.
fn random_law(draft: &mut Draft, index: usize, carriers: &[ElementId]) -> ElementId {
    let quantity = [Voltage, Current][draft.rng.random_range(0..2)];
    let resistance = draft.log_uniform(10.0, 1e5);
    let unit = if quantity == Voltage {
        1.0
    } else {
        1.0 / resistance
    };
    let mut gain = |unit: f64| draft.rng.random_range(-1.0..1.0) * unit;
    let (scale, slope, shift) = (gain(2.0 * unit), gain(2.0), gain(1.0));
    let second_is_current = draft.rng.random_bool(0.4);
    let kind = draft.rng.random_range(0..4);
    let second = if second_is_current {
        Control::Current(carriers[draft.rng.random_range(0..carriers.len())])
    } else {
        Control::Voltage(draft.any_pair())
    };
    // Control currents count in mA.
    let weight = if second_is_current { 1e3 } else { 1.0 };
    let source = law(quantity, 2, &[scale, slope, shift, weight], |t, c, p| {
        let y = t.binary(Function2::Multiply, c[1], p[3]);
        let scaled = t.binary(Function2::Multiply, p[1], c[0]);
        let x = t.binary(Function2::Add, scaled, p[2]);
        let bounded = tanh(t, y);
        let f = match kind {
            0 => tanh(t, x),
            1 => bump(t, x, bounded),
            2 => {
                let product = bump(t, bounded, x);
                let other = tanh(t, product);
                t.binary(Function2::Add, other, bounded)
            }
            _ => t.binary(Function2::Add, bounded, p[2]),
        };
        t.binary(Function2::Multiply, p[0], f)
    });
    let controls = [Control::Voltage(draft.any_pair()), second];
    let mut port = draft.any_pair();
    if quantity == Current {
        draft.add("r", Device::Resistor { resistance }, port);
    } else {
        let inner = draft.circuit.node(&format!("b_inner{index}"));
        draft.add("r", Device::Resistor { resistance }, [port[0], inner]);
        port[0] = inner;
    }
    draft
        .circuit
        .add_behavioural(&format!("b{index}"), source, port, &controls)
        .expect("a new name")
}

/// Kirchhoff's current law at every node to 1e-9 of the currents that meet there.
fn assert_kirchhoff(circuit: &Circuit, op: &OperatingPoint) {
    let mut size = vec![1e-18f64; circuit.node_count()];
    let largest = op.potentials.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    for (_, element) in circuit.elements() {
        // What a potential that is off by 1e-14 of the largest does to the current.
        let rounding = match element.device {
            Device::Resistor { resistance } if resistance != 0.0 => 1e-5 * largest / resistance,
            _ => 0.0,
        };
        for branch in element.branches() {
            for node in circuit.branch_nodes(branch) {
                size[node.index()] += op.currents[branch.index()].abs() + rounding;
            }
        }
    }
    // What rounding leaves over anywhere ends in ground.
    size[0] = size.iter().sum();
    for (index, (sum, size)) in op.kirchhoff(circuit).iter().zip(&size).enumerate() {
        assert!(
            sum.abs() <= 1e-9 * size,
            "{}: node {index}: {sum:e} of {size:e}",
            circuit.title
        );
    }
}

/// Laws at the potentials and currents of `op`, by another evaluation of their tapes.
fn assert_laws(circuit: &Circuit, op: &OperatingPoint) {
    let largest = op.potentials.iter().fold(1.0f64, |m, v| m.max(v.abs()));
    for (id, element) in circuit.elements() {
        let Device::Behavioural(source) = &element.device else {
            continue;
        };
        let mut inputs: Vec<f64> = element
            .controls()
            .iter()
            .map(|control| match *control {
                Control::Voltage([p, n]) => op.voltage(p, n),
                Control::Current(id) => op.current(circuit, id),
            })
            .collect();
        inputs.extend(source.arguments());
        let mut values = Vec::new();
        source.law().tape().evaluate(&inputs, &[], &mut values);
        let expected = values[source.law().result().index()];
        let actual = match source.quantity {
            Voltage => op.voltage(element.port[0], element.port[1]),
            Current => op.current(circuit, id),
        };
        let error = (actual - expected).abs();
        let scale = match source.quantity {
            Voltage => largest,
            Current => expected.abs().max(1e-18),
        };
        assert!(
            error <= 1e-10 * scale,
            "{}: {actual} is not {expected}",
            element.name()
        );
    }
}

/// Adjoint network against transposed solve, and gradients against differences, of `count` outputs.
/// Returns the largest errors, that of differences among those which are certain to 1e-6.
fn assert_gradients(circuit: &Circuit, count: usize) -> (f64, f64) {
    let (mut solver, op) = solve(circuit);
    let mut worst = (0.0f64, 0.0f64);
    let (mut certain, mut compared) = (0, 0);
    let mut outputs: Vec<Output> = circuit
        .nodes()
        .skip(1)
        .step_by((circuit.node_count() / count).max(1))
        .map(|(p, _)| Output::Voltage { p, n: GROUND })
        .collect();
    outputs.extend(circuit.elements().filter_map(|(element, e)| {
        matches!(e.device, Device::Behavioural(_)).then_some(Output::Current { element })
    }));
    let seeds: Vec<_> = outputs.iter().map(|&o| (o, 1.0)).collect();
    for seeds in seeds.chunks(1).chain([&seeds[..]]) {
        let (adjoint, cotangent) = solver.adjoint(seeds).expect("a regular circuit");
        let network = AdjointNetwork::new(&solver, &op, &cotangent).expect("free names");
        let solved = network.solve(&solver).expect("a sound network");
        let nodes = circuit.node_count();
        let largest = adjoint.full[..nodes]
            .iter()
            .fold(1e-30f64, |m, x| m.max(x.abs()));
        for (x, y) in solved.full[..nodes].iter().zip(&adjoint.full) {
            worst.0 = worst.0.max((x - y).abs() / largest);
        }
        let gradient = solver.gradient(seeds).expect("a regular circuit");
        assert!(gradient.entries.iter().all(|e| e.gradient.is_finite()));
        let probe = Probe::weighted_sum(seeds);
        let sensitivities = solver.sensitivities(&probe, &op).expect("as above");
        let derivatives = sensitivities.all(circuit);
        for comparison in compare_with_differences(&solver, &probe, &derivatives) {
            let error = comparison.relative_error();
            // A difference that is lost in rounding can only refute what is far off.
            let resolved = comparison.is_resolved(1e-6);
            certain += usize::from(resolved);
            compared += 1;
            if error > if resolved { 1e-6 } else { 1e-3 } {
                panic!("{}: {comparison:?}", circuit.title);
            }
            if resolved {
                worst.1 = worst.1.max(comparison.raw_error());
            }
        }
    }
    assert!(
        worst.0 <= 1e-10,
        "{}: adjoint network off by {:.1e}",
        circuit.title,
        worst.0
    );
    assert!(certain > 0, "no difference of {compared} is certain");
    worst
}

#[test]
fn random_laws_obey_kirchhoff_and_themselves() {
    for seed in 0..400 {
        let circuit = random(seed);
        let (_, op) = solve(&circuit);
        assert_kirchhoff(&circuit, &op);
        assert_laws(&circuit, &op);
    }
}

#[test]
fn gradients_of_random_laws_agree_with_differences_and_with_the_adjoint_network() {
    let mut worst = (0.0f64, 0.0f64);
    for seed in 0..25 {
        let (network, difference) = assert_gradients(&random(seed), 2);
        worst = (worst.0.max(network), worst.1.max(difference));
    }
    println!("network {:.1e}, differences {:.1e}", worst.0, worst.1);
}

fn unary(function: Function1, quantity: Quantity, scale: f64) -> Behavioural {
    law(quantity, 1, &[scale], |t, c, p| {
        let f = t.unary(function, c[0]);
        t.binary(Function2::Multiply, p[0], f)
    })
}

#[test]
fn an_infinite_slope_at_the_start_is_left() {
    // (v - 1)/1k + 1m sqrt(v) = 0: sqrt(v) = (sqrt(5) - 1)/2.
    let circuit = loaded(1.0, 1e3, unary(Function1::Sqrt, Current, 1e-3));
    let root = (5.0f64.sqrt() - 1.0) / 2.0;
    assert_near(voltage(&circuit, "out"), root * root, 1e-12);
}

#[test]
fn an_infinite_slope_at_the_solution_is_no_harm() {
    let circuit = loaded(0.0, 1e3, unary(Function1::Sqrt, Current, 1e-3));
    assert_eq!(voltage(&circuit, "out"), 0.0);
    let (mut solver, _) = solve(&circuit);
    let p = circuit.find_node("out").expect("a node");
    let gradient = solver.gradient(&[(Output::Voltage { p, n: GROUND }, 1.0)]);
    let entries = gradient.expect("a regular circuit").entries;
    assert!(entries.iter().all(|e| e.gradient.is_finite()));
}

#[test]
fn a_logarithm_is_undefined_at_the_start() {
    // (v - 3)/1k + 1m ln(v) = 0.
    let circuit = loaded(3.0, 1e3, unary(Function1::Ln, Current, 1e-3));
    let v = voltage(&circuit, "out");
    assert_near(v + v.ln(), 3.0, 1e-12);
    let far = loaded(-5.0, 1e3, unary(Function1::Ln, Current, 1e-3));
    let v = voltage(&far, "out");
    assert_near(v + v.ln(), -5.0, 1e-12);
}

#[test]
fn a_division_is_undefined_at_the_start() {
    let mut circuit = Circuit::new("0/0");
    let [a, b, out] = ["a", "b", "out"].map(|name| circuit.node(name));
    source(&mut circuit, "v1", 6.0, [a, GROUND]);
    resistor(&mut circuit, "r1", 1e3, [a, b]);
    resistor(&mut circuit, "r2", 2e3, [b, GROUND]);
    resistor(&mut circuit, "r3", 1e3, [out, b]);
    let quotient = law(Voltage, 2, &[], |t, c, _| {
        t.binary(Function2::Divide, c[0], c[1])
    });
    let controls = [a, b].map(|node| Control::Voltage([node, GROUND]));
    circuit
        .add_behavioural("b1", quotient, [out, GROUND], &controls)
        .expect("a new name");
    let (_, op) = solve(&circuit);
    let ratio = op.voltage(a, GROUND) / op.voltage(b, GROUND);
    assert_near(op.voltage(out, GROUND), ratio, 1e-12);
}

#[test]
fn overflow_on_the_way_is_no_harm() {
    // 1 nA exp(exp(v)): a full Newton step from 0 V overflows.
    let circuit = loaded(
        100.0,
        1e3,
        law(Current, 1, &[1e-9], |t, c, p| {
            let inner = t.unary(Function1::Exp, c[0]);
            let outer = t.unary(Function1::Exp, inner);
            let square = t.binary(Function2::Multiply, outer, outer);
            t.binary(Function2::Multiply, p[0], square)
        }),
    );
    let v = voltage(&circuit, "out");
    assert_near(1e-9 * (2.0 * v.exp()).exp(), (100.0 - v) / 1e3, 1e-9);
}

#[test]
fn a_law_without_any_value_is_an_error() {
    let (circuit, _) = driven(1.0, 1e3);
    let nowhere = law(Current, 1, &[], |t, c, _| {
        let square = t.binary(Function2::Multiply, c[0], c[0]);
        let (one, zero) = (t.constant(-1.0), t.constant(0.0));
        let below = t.binary(Function2::Subtract, one, square);
        let root = t.unary(Function1::Sqrt, below);
        t.binary(Function2::Add, root, zero)
    });
    let circuit = loaded(circuit.element_count() as f64, 1e3, nowhere);
    let mut solver = Solver::new(circuit).expect("a sound circuit");
    assert!(solver.operating_point().is_err());
}

/// `if(v(c) > threshold, 1/ron, 1/roff) v(p,n)`
fn switch(threshold: f64, ron: f64, roff: f64) -> Behavioural {
    law(Current, 2, &[threshold, ron, roff], |t, c, p| {
        let condition = t.binary(Function2::Greater, c[1], p[0]);
        let resistance = t.select(condition, p[1], p[2]);
        t.binary(Function2::Divide, c[0], resistance)
    })
}

#[test]
fn switches_settle_in_a_consistent_state() {
    for (drive, expected) in [(2.0, 5.0 / 1001.0), (0.5, 5.0 * 1e6 / 1.001e6)] {
        let (mut circuit, out) = driven(5.0, 1e3);
        let gate = circuit.node("gate");
        source(&mut circuit, "vg", drive, [gate, GROUND]);
        let controls = [out, gate].map(|node| Control::Voltage([node, GROUND]));
        circuit
            .add_behavioural("b1", switch(1.0, 1.0, 1e6), [out, GROUND], &controls)
            .expect("a new name");
        assert_near(voltage(&circuit, "out"), expected, 1e-12);
    }
}

#[test]
fn a_chain_of_switches_settles() {
    // Each one, closed, pulls the gate of the next down: inverters.
    let mut circuit = Circuit::new("inverters of switches");
    let supply = circuit.node("vdd");
    source(&mut circuit, "vdd", 5.0, [supply, GROUND]);
    let mut gate = circuit.node("in");
    source(&mut circuit, "vin", 5.0, [gate, GROUND]);
    for k in 0..12 {
        let out = circuit.node(&format!("o{k}"));
        resistor(&mut circuit, &format!("r{k}"), 1e4, [supply, out]);
        let controls = [out, gate].map(|node| Control::Voltage([node, GROUND]));
        circuit
            .add_behavioural(
                &format!("b{k}"),
                switch(2.5, 10.0, 1e9),
                [out, GROUND],
                &controls,
            )
            .expect("a new name");
        gate = out;
    }
    let (_, op) = solve(&circuit);
    for k in 0..12 {
        let out = circuit.find_node(&format!("o{k}")).expect("a node");
        assert_eq!(op.voltage(out, GROUND) > 2.5, k % 2 == 1);
    }
}

/// Two inverters `v = -tanh(gain v_other)` behind resistors, each driving the other.
fn bistable(gain: f64) -> Circuit {
    let mut circuit = Circuit::new("two cross-coupled inverters");
    let nodes = ["a", "b"].map(|name| circuit.node(name));
    for (k, [own, other]) in [[nodes[0], nodes[1]], [nodes[1], nodes[0]]]
        .into_iter()
        .enumerate()
    {
        let inner = circuit.node(&format!("inner{k}"));
        let inverter = law(Voltage, 1, &[gain], |t, c, p| {
            let x = t.binary(Function2::Multiply, p[0], c[0]);
            let y = tanh(t, x);
            t.unary(Function1::Negate, y)
        });
        let control = Control::Voltage([other, GROUND]);
        circuit
            .add_behavioural(&format!("b{k}"), inverter, [inner, GROUND], &[control])
            .expect("a new name");
        resistor(&mut circuit, &format!("r{k}"), 1e3, [inner, own]);
        resistor(&mut circuit, &format!("l{k}"), 1e6, [own, GROUND]);
    }
    circuit
}

#[test]
fn a_nodeset_selects_the_stable_state() {
    for gain in [2.0, 5.0, 50.0] {
        for sign in [1.0, -1.0] {
            let mut circuit = bistable(gain);
            let [a, b] = ["a", "b"].map(|name| circuit.find_node(name).expect("a node"));
            circuit.nodeset = vec![(a, 0.9 * sign), (b, -0.9 * sign)];
            let (_, op) = solve(&circuit);
            assert_laws(&circuit, &op);
            assert!(op.voltage(a, GROUND) * sign > 0.8);
            assert!(op.voltage(b, GROUND) * sign < -0.8);
        }
        let (_, op) = solve(&bistable(gain));
        assert_laws(&bistable(gain), &op);
    }
}

#[test]
fn a_node_that_only_controls_floats() {
    let (mut circuit, out) = driven(1.0, 1e3);
    let lost = circuit.node("lost");
    let control = Control::Voltage([lost, GROUND]);
    circuit
        .add_behavioural("b1", linear(Current, &[1e-3]), [out, GROUND], &[control])
        .expect("a new name");
    let error = Solver::new(circuit)
        .expect_err("a floating node")
        .to_string();
    assert!(error.contains("lost"), "{error}");
}

#[test]
fn voltage_laws_in_parallel_are_a_loop() {
    let (mut circuit, out) = driven(1.0, 1e3);
    for name in ["b1", "b2"] {
        let control = Control::Voltage([out, GROUND]);
        circuit
            .add_behavioural(name, linear(Voltage, &[0.5]), [out, GROUND], &[control])
            .expect("a new name");
    }
    let error = Solver::new(circuit).expect_err("a loop").to_string();
    assert!(error.contains("loop of voltage sources"), "{error}");
}

#[test]
fn a_sensed_short_in_a_loop_of_shorts_has_no_current_of_its_own() {
    let (mut circuit, out) = driven(1.0, 1e3);
    let end = circuit.node("end");
    let sensed = resistor(&mut circuit, "rs", 0.0, [out, end]);
    resistor(&mut circuit, "rp", 0.0, [out, end]);
    resistor(&mut circuit, "r2", 1e3, [end, GROUND]);
    let control = Control::Current(sensed);
    assert!(Solver::new(circuit.clone()).is_ok());
    circuit
        .add_behavioural("b1", linear(Current, &[0.5]), [out, GROUND], &[control])
        .expect("a new name");
    let error = Solver::new(circuit).expect_err("a loop").to_string();
    assert!(error.contains("closes a loop"), "{error}");
}

#[test]
fn a_constant_current_law_alone_is_a_cutset() {
    let (mut circuit, _) = driven(1.0, 1e3);
    let alone = circuit.node("alone");
    let constant = law(Current, 0, &[1e-3], |_, _, p| p[0]);
    circuit
        .add_behavioural("b1", constant, [alone, GROUND], &[])
        .expect("a new name");
    let error = Solver::new(circuit).expect_err("a cutset").to_string();
    assert!(error.contains("alone"), "{error}");
}

#[test]
fn a_control_current_that_no_branch_has_counts_as_zero() {
    let (mut circuit, out) = driven(1.0, 1e3);
    let device = Device::CurrentSource { current: 1e-3 };
    let i1 = circuit
        .add("i1", device, [GROUND, out])
        .expect("a new name");
    let control = Control::Current(i1);
    circuit
        .add_behavioural("b1", linear(Current, &[1.0]), [out, GROUND], &[control])
        .expect("a new name");
    resistor(&mut circuit, "r2", 1e3, [out, GROUND]);
    assert_near(voltage(&circuit, "out"), 1.0, 1e-12);
}

#[test]
fn changed_arguments_take_effect() {
    let circuit = loaded(5.0, 1e3, linear(Current, &[1e-3]));
    let b1 = circuit.find_element("b1").expect("an element");
    let out = circuit.find_node("out").expect("a node");
    let (mut solver, _) = solve(&circuit);
    let id = solver
        .circuit
        .parameters()
        .into_iter()
        .find(|id| id.element == b1)
        .expect("an argument");
    assert!(solver.circuit.set(id, 4e-3));
    solver.refresh();
    let op = solver.operating_point().expect("an operating point");
    assert_near(op.voltage(out, GROUND), 1.0, 1e-14);
}

#[test]
fn a_law_that_is_flat_at_the_solution_leaves_what_it_senses_in_place() {
    let (mut circuit, out) = driven(1.0, 1e3);
    let r1 = circuit.find_element("r1").expect("an element");
    let r2 = resistor(&mut circuit, "r2", 3e3, [out, GROUND]);
    // Clipped at 1 A, far above the current that flows.
    let clipped = law(Current, 2, &[1e-4], |t, c, p| {
        let one = t.constant(1.0);
        let is_large = t.binary(Function2::Greater, c[0], one);
        t.select(is_large, c[1], p[0])
    });
    let controls = [r1, r2].map(Control::Current);
    circuit
        .add_behavioural("b1", clipped, [out, GROUND], &controls)
        .expect("a new name");
    assert_near(voltage(&circuit, "out"), 0.75 * (1.0 - 0.1), 1e-12);
    assert_gradients(&circuit, 2);
}

#[test]
fn a_series_source_of_exactly_no_volts_is_certified() {
    // Its three potentials are what rounding leaves of zero; others are not.
    assert_gradients(&random(43), 4);
}
