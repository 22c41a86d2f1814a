//! Hardware linearization step by step, as one would do it on a bench (Chaffey 2025):
//! settle, freeze the diodes at their slope, inject at the output, settle the linear circuit, and
//! read every resistor's gradient from two voltage drops.
//!
//! Run with `cargo run --release --example adjoint_by_hand`.

use ohmgrad::adjoint::{AdjointNetwork, Cotangent};
use ohmgrad::analysis::{Output, Solver};
use ohmgrad::device::{Device, Parameter};
use ohmgrad::netlist::Netlist;

const DECK: &str = "a neuron of two resistors and a diode
V1 in 0 2
R1 in h 1k
R2 h out 2k
R3 out 0 4k
D1 h 0 DX
.model DX D(IS=1e-12 N=1.5)
";

fn main() -> Result<(), ohmgrad::Error> {
    let mut solver = Solver::from_netlist(&Netlist::parse("neuron", DECK)?)?;
    let output = Output::parse(&solver.circuit, "v(out)")?;

    // 1. Settle.
    let op = solver.operating_point()?;
    // 2-4. Freeze, zero the sources, inject 1 A/V at the output.
    let mut cotangent = Cotangent::new(&solver.system);
    cotangent.add(&solver, output, 1.0);
    let network = AdjointNetwork::new(&solver, &op, &cotangent)?;
    println!("{}", network.circuit.to_spice()?);
    // 5. Settle the linear circuit.
    let lambda = network.solve(&solver)?;

    let gradient = solver.gradient(&[(output, 1.0)])?;
    println!(
        "{:>8} {:>18} {:>18}",
        "resistor", "two drops, per S", "transposed solve"
    );
    for (id, element) in solver.circuit.elements() {
        let Device::Resistor { resistance } = element.device else {
            continue;
        };
        let [p, n] = element.port.map(|node| node.index());
        // dL/dg = -(adjoint drop) x (operating drop).
        let drops = -(lambda.full[p] - lambda.full[n]) * (op.potentials[p] - op.potentials[n]);
        let matches = |e: &&ohmgrad::adjoint::GradientEntry| {
            e.parameter.element == id && e.parameter.parameter == Parameter::Resistance
        };
        let per_ohm = gradient
            .entries
            .iter()
            .find(matches)
            .map_or(f64::NAN, |e| e.gradient);
        let per_siemens = -per_ohm * resistance * resistance;
        println!("{:>8} {drops:>18.9e} {per_siemens:>18.9e}", element.name());
    }
    Ok(())
}
