//! A voltage divider built in code: solve it, read it, differentiate it.
//!
//! Run with `cargo run --release --example divider`.

use ohmgrad::analysis::{Output, Solver};
use ohmgrad::circuit::{Circuit, NodeId};
use ohmgrad::device::Device;

fn main() -> Result<(), ohmgrad::Error> {
    let mut circuit = Circuit::new("voltage divider");
    let (input, out) = (circuit.node("in"), circuit.node("out"));
    let ground = NodeId::GROUND;
    circuit.add(
        "v1",
        Device::VoltageSource { voltage: 9.0 },
        [input, ground],
    )?;
    circuit.add("r1", Device::Resistor { resistance: 2e3 }, [input, out])?;
    circuit.add("r2", Device::Resistor { resistance: 1e3 }, [out, ground])?;

    let mut solver = Solver::new(circuit)?;
    let op = solver.operating_point()?;
    println!("v(out) = {} V", op.potentials[out.index()]);

    // One transposed solve gives the derivative to every parameter.
    let output = Output::parse(&solver.circuit, "v(out)")?;
    for entry in solver.gradient(&[(output, 1.0)])?.entries {
        let name = &solver.circuit.element(entry.parameter.element).name();
        println!(
            "d v(out) / d {name} {} = {:e}",
            entry.parameter.parameter, entry.gradient
        );
    }
    Ok(())
}
