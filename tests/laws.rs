//! Laws of circuits that hold whatever the method: checked on random circuits, from element laws
//! written anew in `common`.

mod common;

use common::{
    Draft, Family, circuit, circuit_up_to, currents, one_port_current, piecewise_diode, shockley,
    table, worst_violation,
};
use ohmgrad::analysis::{OperatingPoint, operating_point};
use ohmgrad::circuit::{Circuit, NodeId, ParameterId};
use ohmgrad::device::{Device, Environment, OnePort, Parameter, Shockley, ShockleyParameters};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn solved(circuit: &Circuit) -> OperatingPoint {
    operating_point(circuit).unwrap_or_else(|e| panic!("{}: {e}", circuit.title))
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0f64, |m, x| m.max(x.abs()))
}

/// Sets every parameter that is in `which` to what `change` makes of it.
fn change(circuit: &mut Circuit, which: &[Parameter], mut change: impl FnMut(f64) -> f64) {
    for id in circuit.parameters() {
        if which.contains(&id.parameter) {
            let value = circuit.value(id).expect("a parameter");
            assert!(circuit.set(id, change(value)));
        }
    }
}

const SOURCES: &[Parameter] = &[Parameter::Voltage, Parameter::Current];

#[test]
fn currents_balance_at_every_node_and_every_element_obeys_its_law() {
    let families = [
        Family::Linear,
        Family::LinearNonReciprocal,
        Family::Monotone,
        Family::MonotoneWithIdeal,
        Family::NonReciprocal,
        Family::Ideal,
        Family::Rtgd,
    ];
    for family in families {
        let mut worst = 0.0f64;
        for seed in 0..200 {
            let circuit = circuit_up_to(family, seed, 25);
            let op = solved(&circuit);
            let violation = worst_violation(&circuit, &op);
            assert!(violation <= 1e-9, "{family:?} {seed}: {violation:e}");
            worst = worst.max(violation);
            let ours = currents(&circuit, &op);
            let amps = largest(&ours);
            for (mine, its) in ours.iter().zip(&op.currents) {
                let error = (mine - its).abs();
                assert!(
                    error <= 1e-9 * mine.abs() + 1e-13 * amps,
                    "{family:?} {seed}"
                );
            }
        }
        println!("{family:?}: 200 circuits, worst violation {worst:.1e}");
    }
}

#[test]
fn powers_sum_to_zero_also_between_two_circuits_on_one_graph() {
    for family in [Family::MonotoneWithIdeal, Family::NonReciprocal] {
        for seed in 0..150 {
            let one = circuit_up_to(family, seed, 25);
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut other = one.clone();
            change(&mut other, &[Parameter::Resistance], |r| {
                r * rng.random_range(1.0..3.0)
            });
            change(&mut other, SOURCES, |s| s * rng.random_range(0.2..0.9));
            let (a, b) = (solved(&one), solved(&other));
            for (v, i) in [(&a, &a), (&b, &b), (&a, &b), (&b, &a)] {
                let graph = one.graph();
                let terms: Vec<f64> = graph
                    .edge_indices()
                    .map(|edge| {
                        let (p, n) = graph.edge_endpoints(edge).expect("an edge");
                        (v.potentials[p.index()] - v.potentials[n.index()])
                            * i.currents[edge.index()]
                    })
                    .collect();
                let sum: f64 = terms.iter().sum();
                let scale: f64 = largest(&v.potentials) * largest(&i.currents);
                assert!(
                    sum.abs() <= 1e-11 * scale,
                    "{family:?} {seed}: {sum:e} of {scale:e}"
                );
            }
            assert!(a.power_balance().abs() <= 1e-11 * largest(&a.power));
        }
    }
}

#[test]
fn responses_of_linear_circuits_superpose() {
    for family in [Family::Linear, Family::LinearNonReciprocal] {
        for seed in 0..200 {
            let circuit = circuit(family, seed);
            let whole = solved(&circuit);
            let mut sum = vec![0.0; circuit.node_count()];
            let sources: Vec<ParameterId> = circuit
                .parameters()
                .into_iter()
                .filter(|id| SOURCES.contains(&id.parameter))
                .collect();
            for &alone in &sources {
                let mut part = circuit.clone();
                for &id in sources.iter().filter(|id| **id != alone) {
                    assert!(part.set(id, 0.0));
                }
                for (s, v) in sum.iter_mut().zip(&solved(&part).potentials) {
                    *s += v;
                }
            }
            let scale = largest(&whole.potentials);
            for (s, v) in sum.iter().zip(&whole.potentials) {
                assert!(
                    (s - v).abs() <= 1e-8 * scale,
                    "{family:?} {seed}: {s} and {v}"
                );
            }
        }
    }
}

/// Voltage at `to` for one ampere into `from`, all sources zero.
fn transfer(circuit: &Circuit, from: NodeId, to: NodeId) -> f64 {
    let mut probed = circuit.clone();
    change(&mut probed, SOURCES, |_| 0.0);
    let device = Device::CurrentSource { current: 1.0 };
    let added = probed.add("iprobe", device, [NodeId::GROUND, from]);
    added.expect("a new name");
    solved(&probed).potentials[to.index()]
}

#[test]
fn transfer_resistances_of_reciprocal_circuits_are_symmetric() {
    for seed in 0..200 {
        let mut draft = Draft::new(seed, 12);
        for _ in 0..10 {
            let port = draft.any_pair();
            draft.resistor(port);
        }
        draft.voltage_source(5.0);
        let (a, b) = (draft.any_node(), draft.any_node());
        let (ab, ba) = (
            transfer(&draft.circuit, a, b),
            transfer(&draft.circuit, b, a),
        );
        let own = transfer(&draft.circuit, a, a).max(transfer(&draft.circuit, b, b));
        assert!((ab - ba).abs() <= 1e-9 * own, "{seed}: {ab} and {ba}");
    }
}

#[test]
fn a_gyrator_turns_the_sign_of_the_transfer_resistance() {
    for seed in 0..100 {
        let mut draft = Draft::new(seed, 2);
        let mut circuit = Circuit::new("loaded gyrator");
        let (a, b) = (circuit.node("a"), circuit.node("b"));
        let ground = NodeId::GROUND;
        for (name, node) in [("ra", a), ("rb", b)] {
            let resistance = draft.resistance();
            let added = circuit.add(name, Device::Resistor { resistance }, [node, ground]);
            added.expect("a new name");
        }
        let conductance = draft.log_uniform(1e-4, 1e-2);
        let gyrator = Device::Gyrator { conductance };
        let added = circuit.add_two_port("x1", gyrator, [a, ground], [b, ground]);
        added.expect("a new name");
        let (ab, ba) = (transfer(&circuit, a, b), transfer(&circuit, b, a));
        assert!(
            ab != 0.0 && (ab + ba).abs() <= 1e-12 * ab.abs(),
            "{seed}: {ab}, {ba}"
        );
    }
}

#[test]
fn elements_without_sources_take_power_and_two_ports_pass_it_on() {
    for family in [
        Family::MonotoneWithIdeal,
        Family::Rtgd,
        Family::NonReciprocal,
    ] {
        for seed in 300..500 {
            let circuit = circuit_up_to(family, seed, 12);
            let op = solved(&circuit);
            let scale = largest(&op.potentials) * largest(&op.currents);
            for (id, element) in circuit.elements() {
                let power = op.power[id.index()];
                let lossless = element.is_two_port() || element.device == Device::IdealDiode;
                // A random table need not pass through the origin.
                let passive = match &element.device {
                    Device::Resistor { .. } => true,
                    Device::OnePort(one_port) => !matches!(**one_port, OnePort::PiecewiseTable(_)),
                    _ => false,
                };
                if lossless {
                    assert!(power.abs() <= 1e-11 * scale, "{family:?} {seed}: {power:e}");
                }
                if passive {
                    assert!(
                        power >= 0.0,
                        "{family:?} {seed}: {} {power:e}",
                        element.name()
                    );
                }
            }
        }
    }
}

#[test]
fn potentials_of_resistor_networks_lie_between_those_of_the_sources() {
    for seed in 0..200 {
        let mut draft = Draft::new(seed, 30);
        for _ in 0..30 {
            let port = draft.any_pair();
            draft.resistor(port);
        }
        let (mut low, mut high) = (0.0f64, 0.0f64);
        let node = draft.any_node();
        if node != NodeId::GROUND {
            let voltage = draft.rng.random_range(-9.0..9.0);
            let device = Device::VoltageSource { voltage };
            draft.add("v", device, [node, NodeId::GROUND]);
            (low, high) = (low.min(voltage), high.max(voltage));
        }
        for v in solved(&draft.circuit).potentials {
            assert!(v >= low - 1e-12 && v <= high + 1e-12, "{seed}: {v}");
        }
    }
}

/// Co-content of a reciprocal circuit at any potentials: integrals of the element laws.
fn cocontent(circuit: &Circuit, potentials: &[f64]) -> f64 {
    let of = |e: &ohmgrad::circuit::Element| {
        let v = potentials[e.port[0].index()] - potentials[e.port[1].index()];
        match &e.device {
            Device::Resistor { resistance } => 0.5 * v * v / resistance,
            Device::CurrentSource { current } => current * v,
            Device::OnePort(one_port) => one_port.cocontent(v),
            _ => 0.0,
        }
    };
    circuit.elements().map(|(_, e)| of(&e)).sum()
}

/// Nodes that move together because voltage sources join them; ground's group cannot move.
fn groups(circuit: &Circuit) -> Vec<Vec<usize>> {
    let mut root: Vec<usize> = (0..circuit.node_count()).collect();
    for (_, e) in circuit.elements() {
        if let Device::VoltageSource { .. } = e.device {
            let (p, n) = (root[e.port[0].index()], root[e.port[1].index()]);
            for r in &mut root {
                if *r == p.max(n) {
                    *r = p.min(n);
                }
            }
        }
    }
    (1..root.len())
        .map(|k| (0..root.len()).filter(|&j| root[j] == k).collect())
        .filter(|group: &Vec<usize>| !group.is_empty())
        .collect()
}

/// Current that leaves a group of nodes through R, I and diodes, and the conductance that it meets.
fn leaving(circuit: &Circuit, potentials: &[f64], group: &[usize]) -> (f64, f64) {
    let (mut sum, mut scale) = (0.0, 0.0);
    for (_, e) in circuit.elements() {
        let [p, n] = e.port.map(NodeId::index);
        let v = potentials[p] - potentials[n];
        let i = match &e.device {
            Device::Resistor { resistance } => v / resistance,
            Device::CurrentSource { current } => *current,
            Device::OnePort(one_port) => one_port_current(one_port, v),
            _ => continue,
        };
        let sign = f64::from(group.contains(&p)) - f64::from(group.contains(&n));
        sum += sign * i;
        scale += sign.abs() * i.abs();
    }
    (sum, scale)
}

#[test]
fn the_gradient_of_the_cocontent_is_the_sum_of_currents() {
    let mut compared = 0;
    for seed in 0..200 {
        let circuit = circuit_up_to(Family::Monotone, seed, 12);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // Not a solution: any potentials within the reach of an exponential.
        let at: Vec<f64> = (0..circuit.node_count())
            .map(|k| {
                if k == 0 {
                    0.0
                } else {
                    rng.random_range(-0.25..0.25)
                }
            })
            .collect();
        for group in groups(&circuit) {
            let moved = |h: f64| {
                let mut potentials = at.clone();
                for &k in &group {
                    potentials[k] += h;
                }
                cocontent(&circuit, &potentials)
            };
            let h = 1e-4;
            let slope =
                (8.0 * (moved(h) - moved(-h)) - (moved(2.0 * h) - moved(-2.0 * h))) / (12.0 * h);
            let (sum, scale) = leaving(&circuit, &at, &group);
            let rounding = 1e-11 * cocontent(&circuit, &at).abs();
            assert!(
                (slope - sum).abs() <= 1e-5 * scale + rounding,
                "{seed}: slope {slope:e}, current {sum:e}"
            );
            compared += 1;
        }
    }
    println!("co-content: {compared} slopes");
}

#[test]
fn the_operating_point_minimises_the_cocontent() {
    for seed in 0..200 {
        let circuit = circuit_up_to(Family::Monotone, seed, 12);
        let op = solved(&circuit);
        let least = cocontent(&circuit, &op.potentials);
        let stated = op.cocontent.expect("a reciprocal circuit");
        assert!((least - stated).abs() <= 1e-12 * least.abs());
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        for group in groups(&circuit) {
            for size in [1e-3, 1e-2, 0.3] {
                let step = size * rng.random_range(-1.0..1.0);
                let mut potentials = op.potentials.clone();
                for &k in &group {
                    potentials[k] += step;
                }
                let raised = cocontent(&circuit, &potentials);
                assert!(
                    raised >= least - 1e-12 * least.abs(),
                    "{seed}: {least} to {raised}"
                );
            }
        }
    }
}

#[test]
fn input_ports_of_monotone_circuits_never_take_less_current_at_more_voltage() {
    for family in [Family::MonotoneWithIdeal, Family::NonReciprocal] {
        for seed in 0..60 {
            let mut circuit = circuit_up_to(family, seed, 10);
            let (drive, inner) = (circuit.node("drive"), circuit.node("n1"));
            let resistor = Device::Resistor { resistance: 10.0 };
            circuit
                .add("rdrive", resistor, [drive, inner])
                .expect("a new name");
            let source = Device::VoltageSource { voltage: 0.0 };
            let port = [drive, NodeId::GROUND];
            let element = circuit.add("vdrive", source, port).expect("a new name");
            let id = ParameterId {
                element,
                parameter: Parameter::Voltage,
            };
            let mut last = f64::NEG_INFINITY;
            for k in -8..=8 {
                assert!(circuit.set(id, f64::from(k)));
                let op = solved(&circuit);
                let taken = -op.current(&circuit, element);
                assert!(
                    taken >= last - 1e-11 * largest(&op.currents),
                    "{family:?} {seed} at {k} V"
                );
                last = taken;
            }
        }
    }
}

#[test]
fn voltages_stay_when_all_conductances_and_currents_grow_alike() {
    for seed in 0..150 {
        let mut draft = Draft::new(seed, 15);
        for _ in 0..3 {
            draft.voltage_source(6.0);
            draft.current_source(3.0);
            draft.ideal_diode();
        }
        for _ in 0..8 {
            let port = draft.any_pair();
            let mut log = |a: f64, b: f64| draft.log_uniform(a, b);
            let parameters = ShockleyParameters {
                saturation_current: log(1e-16, 1e-8),
                series_resistance: log(0.1, 50.0),
                ..ShockleyParameters::default()
            };
            let environment = Environment {
                gmin: 0.0,
                ..Environment::default()
            };
            let diode = Shockley::new(parameters, environment).expect("usable");
            draft.add("d", diode.into(), port);
        }
        let k = 7.0;
        let one = draft.circuit;
        let mut other = one.clone();
        change(&mut other, &[Parameter::Resistance], |r| r / k);
        change(&mut other, &[Parameter::Current, Parameter::Area], |x| {
            x * k
        });
        let (a, b) = (solved(&one), solved(&other));
        for (x, y) in a.potentials.iter().zip(&b.potentials) {
            assert!(
                (x - y).abs() <= 1e-8 * largest(&a.potentials),
                "{seed}: {x} and {y}"
            );
        }
        for (x, y) in a.currents.iter().zip(&b.currents) {
            assert!(
                (k * x - y).abs() <= 1e-8 * largest(&b.currents),
                "{seed}: {x} and {y}"
            );
        }
    }
}

#[test]
fn circuits_of_resistors_and_ideal_diodes_scale_with_their_sources() {
    for family in [
        Family::Linear,
        Family::LinearNonReciprocal,
        Family::Ideal,
        Family::Rtgd,
    ] {
        for seed in 0..150 {
            let one = circuit_up_to(family, seed, 20);
            for k in [1e-6, 3.0, 1e5] {
                let mut other = one.clone();
                change(&mut other, SOURCES, |s| s * k);
                let (a, b) = (solved(&one), solved(&other));
                for (x, y) in a.potentials.iter().zip(&b.potentials) {
                    let scale = largest(&b.potentials);
                    assert!(
                        (k * x - y).abs() <= 1e-8 * scale,
                        "{family:?} {seed}: {x} and {y}"
                    );
                }
            }
        }
    }
}

/// Voltages in all regions of a law: breakdown, reverse, around zero, forward, far forward.
fn voltages(one_port: &OnePort, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let bv = one_port.value(Parameter::BreakdownVoltage);
    let mut list: Vec<f64> = (0..6).map(|_| rng.random_range(-4.0..0.9)).collect();
    list.extend([-0.01, 0.01, 0.3, 0.6, -0.1]);
    list.extend(
        bv.into_iter()
            .flat_map(|bv| [0.5 - bv, -bv - 0.02, -bv - 0.3]),
    );
    list
}

fn random_law(k: u64, rng: &mut ChaCha8Rng) -> OnePort {
    match k % 4 {
        0 => OnePort::PiecewiseDiode(piecewise_diode(rng)),
        1 => OnePort::PiecewiseTable(table(rng)),
        _ => OnePort::Shockley(shockley(rng)),
    }
}

/// Fourth-order central difference and how much it differs from the second-order one.
fn difference(h: f64, f: impl Fn(f64) -> f64) -> (f64, f64) {
    let near = (f(h) - f(-h)) / (2.0 * h);
    let far = (f(2.0 * h) - f(-2.0 * h)) / (4.0 * h);
    ((4.0 * near - far) / 3.0, (near - far).abs())
}

/// The best difference over several steps, with what rounding leaves open; `size` is what rounding
/// is relative to.
fn derivative(scale: f64, size: f64, f: impl Fn(f64) -> f64) -> (f64, f64) {
    [1e-1, 1e-2, 1e-3, 1e-4]
        .map(|relative| {
            let h = relative * scale;
            let (derivative, order) = difference(h, &f);
            (derivative, relative * order + 4e-16 * size / h)
        })
        .into_iter()
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .expect("four steps")
}

/// True if a corner of the law lies within `h` of `v`.
fn near_corner(one_port: &OnePort, v: f64, h: f64) -> bool {
    let slope = |v: f64| {
        let (i, j) = (
            one_port_current(one_port, v),
            one_port_current(one_port, v + 0.01 * h),
        );
        (j - i) / (0.01 * h)
    };
    match one_port {
        OnePort::Shockley(_) => {
            one_port.state(v - h) != one_port.state(v + h) && one_port.state(v - h) == "breakdown"
        }
        _ => (slope(v - h) - slope(v + h)).abs() > 1e-6 * slope(v).abs(),
    }
}

#[test]
fn one_ports_obey_their_laws_and_their_slopes_are_derivatives() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut compared = 0;
    for k in 0..1000 {
        let law = random_law(k, &mut rng);
        for v in voltages(&law, &mut rng) {
            let companion = law.evaluate(v);
            let expected = one_port_current(&law, v);
            let error = (companion.current - expected).abs();
            assert!(
                error <= 1e-10 * expected.abs() + 1e-24,
                "{law:?} at {v}: {companion:?}, {expected:e}"
            );
            assert!(companion.conductance >= 0.0);
            if near_corner(&law, v, 2e-3) {
                continue;
            }
            let size = companion.current.abs() + companion.conductance * v.abs();
            let (slope, open) = derivative(5e-3, size, |h| law.evaluate(v + h).current);
            let error = (companion.conductance - slope).abs();
            assert!(
                error <= 1e-6 * slope.abs() + 10.0 * open,
                "{law:?} at {v}: {companion:?}, slope {slope:e} +- {open:e}"
            );
            let (current, open) =
                derivative(5e-3, law.cocontent(v).abs(), |h| law.cocontent(v + h));
            let error = (companion.current - current).abs();
            assert!(
                error <= 1e-6 * current.abs() + 10.0 * open,
                "{law:?} at {v}: {companion:?}, {current:e} +- {open:e}"
            );
            compared += 1;
        }
        assert_eq!(law.cocontent(0.0), 0.0);
    }
    println!("one-ports: {compared} points");
}

#[test]
fn currents_of_one_ports_depend_on_parameters_as_stated() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let (mut compared, mut worst) = (0, 0.0f64);
    for k in 0..1000 {
        let law = random_law(k, &mut rng);
        for v in voltages(&law, &mut rng) {
            if near_corner(&law, v, 2e-2) {
                continue;
            }
            let companion = law.evaluate(v);
            // Piecewise-linear laws count from breakpoints that may be 20 V away.
            let size = companion.current.abs() + companion.conductance * (v.abs() + 20.0);
            for parameter in law.parameters() {
                let value = law.value(parameter).expect("a parameter");
                let scale = match parameter {
                    Parameter::BreakdownVoltage | Parameter::ReverseVoltage => 1e-2,
                    Parameter::ForwardVoltage | Parameter::BreakpointVoltage(_) => 1e-2,
                    Parameter::Temperature => 2.0,
                    Parameter::BreakpointCurrent(_) => 1e-6,
                    Parameter::ActivationEnergy | Parameter::EmissionCoefficient => 1e-2,
                    _ if value == 0.0 => 1e-3,
                    _ => 0.5 * value.abs(),
                };
                let changed = |h: f64| {
                    let mut law = law.clone();
                    let set = law.set(parameter, value + h);
                    if set {
                        law.evaluate(v).current
                    } else {
                        f64::NAN
                    }
                };
                let (slope, open) = derivative(scale, size, changed);
                if !slope.is_finite() {
                    continue;
                }
                let stated = law.current_derivative(parameter, v);
                let error = (stated - slope).abs();
                assert!(
                    error <= 1e-6 * slope.abs() + 20.0 * open,
                    "{law:?} at {v}, {parameter}: {stated:e}, difference {slope:e} +- {open:e}"
                );
                compared += 1;
                if open <= 1e-8 * slope.abs() {
                    worst = worst.max(error / slope.abs());
                }
            }
        }
    }
    println!("parameters of one-ports: {compared} derivatives, worst relative error {worst:.1e}");
}
