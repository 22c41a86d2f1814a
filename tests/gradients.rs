//! Gradients: the adjoint against central differences, and against its own network as a circuit.

mod common;

use common::{Family, circuit_up_to};
use ohmgrad::adjoint::Gradient;
use ohmgrad::analysis::{OperatingPoint, Output, Solver};
use ohmgrad::circuit::{Circuit, ParameterId};
use ohmgrad::device::{Device, OnePort, Parameter};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A solver that stands at its operating point.
fn solved(circuit: Circuit) -> (Solver, OperatingPoint) {
    let mut solver = Solver::new(circuit).expect("a well-posed circuit");
    let op = solver.operating_point().expect("an operating point");
    (solver, op)
}

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
        let largest = op.potentials.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let value = |o: &Output| o.value(circuit, op);
        let noise = |o: &Output| {
            let level = match o {
                Output::Voltage { .. } => largest,
                Output::Current { element } => {
                    value(o).abs() + largest * conductance_nearby(circuit, op, *element)
                }
            };
            1e-15 * level
        };
        Self {
            outputs: outputs.to_vec(),
            states: states(circuit, op),
            values: outputs.iter().map(value).collect(),
            noise: outputs.iter().map(noise).collect(),
            solver,
        }
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
                let noise = (self.noise[k] + 1e-16 * self.values[k].abs()) / h;
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
        let (p2, m2) = (
            self.at(id, value + 2.0 * h)?,
            self.at(id, value - 2.0 * h)?,
        );
        let estimate = |k: usize| (8.0 * (p1[k] - m1[k]) - (p2[k] - m2[k])) / (12.0 * h);
        Some((0..p1.len()).map(estimate).collect())
    }
}

/// Sum of the conductances that touch the terminals of an element, S.
fn conductance_nearby(
    circuit: &Circuit,
    op: &OperatingPoint,
    id: ohmgrad::circuit::ElementId,
) -> f64 {
    let port = circuit.element(id).port;
    let own = |(other, e): (ohmgrad::circuit::ElementId, &ohmgrad::circuit::Element)| {
        let touches = other == id || e.port.iter().any(|n| n.index() != 0 && port.contains(n));
        let g = match &e.device {
            Device::Resistor { resistance } => 1.0 / resistance.abs().max(1e-9),
            Device::OnePort(o) => o.evaluate(op.voltage(e.port[0], e.port[1])).conductance,
            Device::Vccs { transconductance } => transconductance.abs(),
            Device::Gyrator { conductance } => conductance.abs(),
            _ => 0.0,
        };
        if touches { g } else { 0.0 }
    };
    circuit.elements().map(own).sum()
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
        let failed = if d.uncertainty <= 3e-7 * scale {
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
             below rounding, {} at corners",
            self.circuits, self.compared, self.worst, self.worst_where, self.unresolved,
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
                    let element = &probe.solver.circuit.element(id.element).name;
                    format!("{family:?} {seed}: d {} / d {element} {}", names[k], id.parameter)
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
