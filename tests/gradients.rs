//! Gradients: the adjoint against central differences, and against its own network as a circuit.

mod common;

use common::{Family, circuit_up_to};
use ohmgrad::adjoint::{Adjoint, AdjointNetwork, Cotangent, Gradient, GradientEntry};
use ohmgrad::analysis::{OperatingPoint, Output, Solver, operating_point};
use ohmgrad::circuit::{Circuit, ParameterId};
use ohmgrad::device::{Device, OnePort, Parameter};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// One output of each kind: a potential, a voltage, and the currents of some elements.
fn random_outputs(circuit: &Circuit, seed: u64) -> Vec<Output> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x0u64.wrapping_sub(7));
    let nodes: Vec<_> = circuit.nodes().map(|(id, _)| id).collect();
    let elements: Vec<_> = circuit.elements().map(|(id, _)| id).collect();
    let p = nodes[rng.random_range(1..nodes.len())];
    let q = nodes[rng.random_range(0..nodes.len())];
    let mut outputs = vec![
        Output::Voltage { p, n: nodes[0] },
        Output::Voltage { p: q, n: p },
    ];
    for _ in 0..3 {
        let element = elements[rng.random_range(0..elements.len())];
        outputs.push(Output::Current { element });
    }
    outputs
}

/// Which straight piece or state each diode is on: differences must not straddle a corner.
fn states(circuit: &Circuit, op: &OperatingPoint) -> Vec<(usize, &'static str)> {
    let of = |d: &ohmgrad::analysis::Diode| match &circuit.element(d.element).device {
        Device::OnePort(one_port) => match &**one_port {
            OnePort::PiecewiseTable(table) => {
                let below = table.points().iter().filter(|p| p.0 <= d.voltage).count();
                (below, d.state)
            }
            OnePort::Shockley(_) => (0, if d.state == "breakdown" { d.state } else { "" }),
            OnePort::PiecewiseDiode(_) => (0, d.state),
        },
        _ => (0, d.state),
    };
    op.diodes.iter().map(of).collect()
}

/// How far a parameter moves before the circuit notices.
fn natural_scale(parameter: Parameter, value: f64) -> f64 {
    match parameter {
        Parameter::EmissionCoefficient => 0.03 * value.abs(),
        Parameter::BreakdownVoltage => 0.05,
        Parameter::Temperature => 10.0,
        Parameter::ActivationEnergy => 0.05,
        Parameter::Voltage | Parameter::ForwardVoltage | Parameter::ReverseVoltage => 0.05,
        Parameter::BreakpointVoltage(_) => 0.1,
        _ if value != 0.0 => value.abs(),
        _ => 1e-3,
    }
}

/// Derivative of each output to one parameter, and how well it is known.
struct Difference {
    derivative: f64,
    uncertainty: f64,
}

struct Probe {
    solver: Solver,
    outputs: Vec<Output>,
    states: Vec<(usize, &'static str)>,
    values: Vec<f64>,
    /// What rounding does to each output.
    noise: Vec<f64>,
}

impl Probe {
    fn new(solver: Solver, op: &OperatingPoint, outputs: &[Output]) -> Self {
        let circuit = &solver.circuit;
        let values: Vec<f64> = outputs.iter().map(|o| o.value(circuit, op)).collect();
        let largest = |values: &[f64]| values.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        let (volts, amps) = (largest(&op.potentials), largest(&op.currents));
        let floor = |output: &Output| match output {
            Output::Voltage { .. } => 2e-16 * volts,
            Output::Current { .. } => 2e-16 * amps,
        };
        let mut probe = Self {
            outputs: outputs.to_vec(),
            states: states(circuit, op),
            noise: outputs.iter().map(floor).collect(),
            values,
            solver,
        };
        probe.measure_noise();
        probe
    }

    /// Changes all resistors in their last digits and sees how far the outputs move.
    fn measure_noise(&mut self) {
        let original = self.solver.circuit.clone();
        for sample in 1..=12 {
            for id in original.parameters() {
                if let (Parameter::Resistance, Some(r)) = (id.parameter, original.value(id)) {
                    let digits = (id.element.index() * sample * 7 % 11) as f64 - 5.0;
                    let set = self.solver.circuit.set(id, r * (1.0 + digits * 2e-16));
                    assert!(set);
                }
            }
            self.solver.refresh();
            let Ok(op) = self.solver.operating_point() else {
                continue;
            };
            for (k, output) in self.outputs.iter().enumerate() {
                let moved = output.value(&self.solver.circuit, &op) - self.values[k];
                self.noise[k] = self.noise[k].max(4.0 * moved.abs());
            }
        }
        self.solver.circuit = original;
    }

    /// The outputs with the parameter at `value`; None if that is impossible or crosses a corner.
    fn at(&mut self, id: ParameterId, value: f64) -> Option<Vec<f64>> {
        if !self.solver.circuit.set(id, value) {
            return None;
        }
        self.solver.refresh();
        let op = self.solver.operating_point().ok()?;
        let circuit = &self.solver.circuit;
        if states(circuit, &op) != self.states {
            return None;
        }
        Some(self.outputs.iter().map(|o| o.value(circuit, &op)).collect())
    }

    /// Fourth-order central differences at falling steps; for each output the estimate that agrees
    /// best with the second-order one and with its neighbour.
    fn differences(&mut self, id: ParameterId) -> Vec<Option<Difference>> {
        let value = self.solver.circuit.value(id).expect("a parameter");
        let scale = natural_scale(id.parameter, value);
        let mut best: Vec<Option<Difference>> = self.outputs.iter().map(|_| None).collect();
        let mut last: Option<Vec<f64>> = None;
        for relative in [2e-2, 4e-3, 8e-4, 8e-5, 4e-6] {
            let h = relative * scale;
            let Some(estimates) = self.stencil(id, value, h) else {
                last = None;
                continue;
            };
            for (k, &derivative) in estimates.iter().enumerate() {
                let Some(last) = &last else { break };
                let noise = self.noise[k] / h;
                let uncertainty = (derivative - last[k]).abs() + noise;
                if best[k].as_ref().is_none_or(|b| uncertainty < b.uncertainty) {
                    best[k] = Some(Difference {
                        derivative,
                        uncertainty,
                    });
                }
            }
            last = Some(estimates);
            let good = |d: &Option<Difference>| {
                d.as_ref()
                    .is_some_and(|d| d.uncertainty <= 1e-8 * d.derivative.abs())
            };
            if best.iter().all(good) {
                break;
            }
        }
        let restored = self.solver.circuit.set(id, value);
        assert!(restored);
        best
    }

    fn stencil(&mut self, id: ParameterId, value: f64, h: f64) -> Option<Vec<f64>> {
        let (p1, m1) = (self.at(id, value + h)?, self.at(id, value - h)?);
        let (p2, m2) = (self.at(id, value + 2.0 * h)?, self.at(id, value - 2.0 * h)?);
        let estimate = |k: usize| (8.0 * (p1[k] - m1[k]) - (p2[k] - m2[k])) / (12.0 * h);
        Some((0..p1.len()).map(estimate).collect())
    }
}

#[derive(Default)]
struct Tally {
    circuits: usize,
    compared: usize,
    unresolved: usize,
    at_corners: usize,
    worst: f64,
    worst_where: String,
    failures: Vec<String>,
}

impl Tally {
    fn compare(&mut self, place: impl Fn() -> String, gradient: f64, d: Option<&Difference>) {
        let Some(d) = d else {
            self.at_corners += 1;
            return;
        };
        let scale = gradient.abs().max(d.derivative.abs());
        let error = (gradient - d.derivative).abs();
        let failed = if d.uncertainty <= 1e-7 * scale {
            self.compared += 1;
            if error / scale > self.worst {
                self.worst = error / scale;
                self.worst_where = place();
            }
            error > 1e-6 * scale
        } else {
            self.unresolved += 1;
            !(error <= 20.0 * d.uncertainty)
        };
        if failed {
            let text = format!(
                "{}: adjoint {gradient:e}, difference {:e} +- {:.1e}",
                place(),
                d.derivative,
                d.uncertainty
            );
            self.failures.push(text);
        }
    }

    fn report(&self, what: &str) {
        println!(
            "{what}: {} circuits, {} derivatives compared, worst relative error {:.1e} ({}); {} \
             zero or below rounding, {} at corners",
            self.circuits,
            self.compared,
            self.worst,
            self.worst_where,
            self.unresolved,
            self.at_corners
        );
        assert!(
            self.failures.is_empty(),
            "{} failures:\n{}",
            self.failures.len(),
            self.failures[..self.failures.len().min(20)].join("\n")
        );
    }
}

fn check_family(family: Family, seeds: std::ops::Range<u64>, largest: usize) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        let mut solver = Solver::new(circuit_up_to(family, seed, largest)).expect("well-posed");
        let op = match solver.operating_point() {
            Ok(op) => op,
            Err(error) => {
                tally.failures.push(format!("{family:?} {seed}: {error}"));
                continue;
            }
        };
        let outputs = random_outputs(&solver.circuit, seed);
        let names: Vec<_> = outputs
            .iter()
            .map(|o| o.name(&solver.circuit).to_string())
            .collect();
        let mut gradients: Vec<Gradient> = Vec::new();
        for (output, name) in outputs.iter().zip(&names) {
            match solver.gradient(&[(*output, 1.0)]) {
                Ok(gradient) => gradients.push(gradient),
                Err(error) => {
                    let place = format!("{family:?} {seed}: {name}: {error}");
                    tally.failures.push(place);
                }
            }
        }
        if gradients.len() < outputs.len() {
            continue;
        }
        let mut probe = Probe::new(solver, &op, &outputs);
        tally.circuits += 1;
        for id in probe.solver.circuit.parameters() {
            let differences = probe.differences(id);
            for (k, difference) in differences.iter().enumerate() {
                let entry = gradients[k].entries.iter().find(|e| e.parameter == id);
                let gradient = entry.expect("an entry for every parameter").gradient;
                let place = || {
                    let element = &probe.solver.circuit.element(id.element).name();
                    format!(
                        "{family:?} {seed}: d {} / d {element} {}",
                        names[k], id.parameter
                    )
                };
                tally.compare(place, gradient, difference.as_ref());
            }
        }
    }
    tally
}

#[test]
fn gradients_of_monotone_circuits_equal_central_differences() {
    check_family(Family::MonotoneWithIdeal, 0..300, 14).report("monotone");
}

#[test]
fn gradients_of_nonreciprocal_circuits_equal_central_differences() {
    check_family(Family::NonReciprocal, 0..350, 12).report("non-reciprocal");
}

/// Seeds of several outputs at once, with weights of their own.
fn weighted(outputs: &[Output]) -> Vec<(Output, f64)> {
    let weights = [1.0, -0.5, 2.0, 0.25, -3.0];
    outputs.iter().copied().zip(weights).collect()
}

/// Disagreement of potentials relative to the largest potential, and of branch currents relative to
/// the largest current, or to what the rounding of potentials leaves undecided in a branch of the
/// largest conductance.
fn distance(solver: &Solver, network: &Adjoint, transposed: &Adjoint) -> f64 {
    let nodes = solver.circuit.node_count();
    let currents = |a: &Adjoint| -> Vec<f64> {
        let ties = (0..solver.system.tie_count()).map(|k| a.ties.get(k));
        a.full[nodes..].iter().copied().chain(ties).collect()
    };
    let largest = |a: &[f64]| a.iter().fold(1e-300f64, |m, x| m.max(x.abs()));
    let apart = |a: &[f64], b: &[f64]| {
        let pairs = a.iter().zip(b).filter(|(a, _)| **a != 0.0);
        pairs.fold(0.0f64, |m, (a, b)| m.max((a - b).abs()))
    };
    let volts = largest(&network.full[..nodes]);
    let conductances = solver
        .circuit
        .elements()
        .filter_map(|(_, e)| match e.device {
            Device::Resistor { resistance } if resistance != 0.0 => Some(1.0 / resistance.abs()),
            _ => None,
        });
    let slopes = solver.workspace.companions.iter().map(|c| c.conductance);
    let undecided = 1e-3 * volts * conductances.chain(slopes).fold(0.0, f64::max);
    let amps = largest(&currents(network)).max(undecided);
    let potentials = apart(&network.full[..nodes], &transposed.full[..nodes]) / volts;
    potentials.max(apart(&currents(network), &currents(transposed)) / amps)
}

fn gradient_by(solver: &Solver, adjoint: &Adjoint, cotangent: &Cotangent) -> Gradient {
    Gradient::evaluate(
        &solver.circuit,
        &solver.system,
        &solver.values,
        &solver.workspace,
        (adjoint, cotangent),
        &solver.circuit.parameters(),
    )
}

/// A short perturbed to a small resistance of either sign, in circuits small enough to be exact.
#[test]
fn gradients_to_shorts_equal_central_differences() {
    let mut worst = 0.0f64;
    for seed in 0..50 {
        let mut draft = common::Draft::new(seed, 4);
        draft.voltage_source(5.0);
        let [p, n] = draft.any_pair();
        let inner = draft.circuit.node("inner");
        let short = Device::Resistor { resistance: 0.0 };
        let element = draft.add("rshort", short, [p, inner]);
        draft.resistor([inner, n]);
        let output = Output::Voltage { p: inner, n };
        let mut solver = Solver::new(draft.circuit).expect("well-posed");
        solver.operating_point().expect("an operating point");
        let gradient = solver.gradient(&[(output, 1.0)]).expect("a gradient");
        let parameter = Parameter::Resistance;
        let id = ParameterId { element, parameter };
        let entry = gradient.entries.iter().find(|e| e.parameter == id);
        let stated = entry.expect("an entry").gradient;
        let at = |resistance: f64| {
            let mut circuit = solver.circuit.clone();
            assert!(circuit.set(id, resistance));
            let op = operating_point(&circuit).expect("an operating point");
            output.value(&circuit, &op)
        };
        let h = 1e-2;
        let difference = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
        let allowed = 1e-6 * difference.abs() + 1e-8;
        assert!(
            (stated - difference).abs() <= allowed,
            "{seed}: {stated:e}, {difference:e}"
        );
        worst = worst.max((stated - difference).abs() / (difference.abs() + 1e-2));
    }
    println!("shorts: 50 circuits, within {worst:.1e}");
}

/// Node voltages that ngspice finds for a deck, by name; None if it is not there.
fn ngspice(deck: &str, nodes: &[String]) -> Option<Vec<f64>> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let body = deck.strip_suffix(".end\n").unwrap_or(deck);
    let mut text = format!(
        "{body}.options reltol=1e-12 abstol=1e-18 vntol=1e-15\n.control\nset numdgt=17\nop\n"
    );
    for node in nodes {
        text.push_str(&format!("print v({node})\n"));
    }
    text.push_str("quit\n.endc\n.end\n");
    let path = folder.path().join("adjoint.cir");
    std::fs::write(&path, text).expect("a written deck");
    let mut command = std::process::Command::new("ngspice");
    let output = command.arg("-b").arg(&path).output().ok()?;
    let printed = String::from_utf8_lossy(&output.stdout).to_lowercase();
    let value = |node: &String| {
        let name = format!("v({node}) = ");
        let line = printed.lines().find_map(|line| line.strip_prefix(&name));
        let line = line.unwrap_or_else(|| panic!("no {name} in:\n{printed}"));
        line.trim().parse().expect("a number")
    };
    Some(nodes.iter().map(value).collect())
}

#[test]
fn ngspice_settles_exported_adjoint_networks_at_lambda() {
    let decks = [
        "basic/wheatstone.cir",
        "diode/bridge.cir",
        "diode/d1n4148.cir",
        "diode/zener_regulator.cir",
        "diode/kendall_neuron.cir",
        "controlled/bidirectional_amplifier.cir",
        "controlled/vccs.cir",
        "controlled/f_feedback.cir",
        "controlled/f_and_h_same_source.cir",
        "ideal/clamp.cir",
        "rtgd/layer_shockley.cir",
        "rtgd/transformer_load.cir",
    ];
    let mut worst = 0.0f64;
    for deck in decks {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("circuits")
            .join(deck);
        let netlist = ohmgrad::netlist::Netlist::read(&path).expect("a readable deck");
        let mut solver = Solver::from_netlist(&netlist).expect("a circuit");
        let op = solver.operating_point().expect("an operating point");
        let nodes: Vec<_> = solver.circuit.nodes().map(|(id, _)| id).collect();
        // One volt at each node, with weights that keep the response apart from zero.
        let seeds: Vec<_> = nodes[1..]
            .iter()
            .enumerate()
            .map(|(k, &p)| (Output::Voltage { p, n: nodes[0] }, 1.0 + 0.3 * k as f64))
            .collect();
        let (adjoint, cotangent) = solver.adjoint(&seeds).expect("an adjoint");
        let network = AdjointNetwork::new(&solver, &op, &cotangent).expect("new names");
        let names: Vec<String> = nodes[1..]
            .iter()
            .map(|&n| solver.circuit.node_name(n).to_string())
            .collect();
        let Some(voltages) = ngspice(&network.circuit.to_spice().expect("a deck"), &names) else {
            println!("ngspice is not on PATH: nothing compared");
            return;
        };
        let lambda = &adjoint.full[1..nodes.len()];
        let scale = lambda.iter().fold(1e-30f64, |m, x| m.max(x.abs()));
        for ((theirs, ours), name) in voltages.iter().zip(lambda).zip(&names) {
            let error = (theirs - ours).abs() / scale;
            assert!(
                error <= 1e-9,
                "{deck}: v({name}) is {theirs:e}, lambda {ours:e}"
            );
            worst = worst.max(error);
        }
    }
    println!(
        "ngspice: {} adjoint networks within {worst:.1e}",
        decks.len()
    );
}

#[test]
fn the_adjoint_network_settles_at_the_transposed_solution() {
    let families = [
        Family::Linear,
        Family::Monotone,
        Family::MonotoneWithIdeal,
        Family::NonReciprocal,
        Family::Rtgd,
    ];
    let (mut circuits, mut worst, mut failures) = (0, 0.0f64, Vec::new());
    let mut worst_gradient = 0.0f64;
    for (family, seed) in families
        .iter()
        .flat_map(|f| (1000..1100).map(move |s| (*f, s)))
    {
        let mut solver = Solver::new(circuit_up_to(family, seed, 20)).expect("well-posed");
        let op = match solver.operating_point() {
            Ok(op) => op,
            Err(error) => {
                failures.push(format!("{family:?} {seed}: {error}"));
                continue;
            }
        };
        let seeds = weighted(&random_outputs(&solver.circuit, seed));
        let (adjoint, cotangent) = solver.adjoint(&seeds).expect("an adjoint");
        let network = AdjointNetwork::new(&solver, &op, &cotangent).expect("new names");
        let settled = match network.solve(&solver) {
            Ok(settled) => settled,
            Err(error) => {
                failures.push(format!("{family:?} {seed}: {error}"));
                continue;
            }
        };
        circuits += 1;
        let error = distance(&solver, &settled, &adjoint);
        worst = worst.max(error);
        if !(error <= 1e-12) {
            failures.push(format!("{family:?} {seed}: lambda differs by {error:e}"));
        }
        let (one, other) = (
            gradient_by(&solver, &adjoint, &cotangent),
            gradient_by(&solver, &settled, &cotangent),
        );
        // Elasticities make parameters of different units comparable.
        let elasticity = |e: &GradientEntry| (e.gradient * e.value).abs();
        let largest = one.entries.iter().map(elasticity).fold(0.0f64, f64::max);
        for (a, b) in one.entries.iter().zip(&other.entries) {
            let error = ((a.gradient - b.gradient) * a.value).abs() / largest.max(1e-25);
            worst_gradient = worst_gradient.max(error);
            if error > 1e-9 {
                failures.push(format!(
                    "{family:?} {seed}: gradients differ by {error:e} of {largest:e} ({a:?} {b:?})"
                ));
            }
        }
    }
    println!(
        "adjoint networks: {circuits} circuits, lambda within {worst:.1e}, gradients {worst_gradient:.1e}"
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
