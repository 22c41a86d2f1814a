//! Transfer curve of a bridge rectifier: with ideal diodes it is |v|, real ones take two drops.
//!
//! Run with `cargo run --release --example bridge`.

use ohmgrad::analysis::{Output, Solver, Sweep, dc_sweep};
use ohmgrad::netlist::Netlist;

fn deck(model: &str) -> String {
    format!(
        "bridge rectifier
V1 a b 0
D1 a plus DX
D2 b plus DX
D3 0 a DX
D4 0 b DX
RL plus 0 1k
Rb b 0 1MEG
.model DX D({model})
"
    )
}

fn curve(model: &str, volts: &[f64]) -> Result<Vec<f64>, ohmgrad::Error> {
    let mut solver = Solver::from_netlist(&Netlist::parse("bridge", deck(model))?)?;
    let output = Output::parse(&solver.circuit, "v(plus)")?;
    let sweep = Sweep {
        name: "v1".into(),
        variable: solver.circuit.find_variable("v1")?,
        values: volts.to_vec(),
    };
    let mut curve = Vec::new();
    dc_sweep(&mut solver, &[sweep], &mut |circuit, point| {
        curve.push(output.value(circuit, &point.op));
    })?;
    Ok(curve)
}

fn main() -> Result<(), ohmgrad::Error> {
    let volts: Vec<f64> = (-10..=10).map(f64::from).collect();
    let ideal = curve("IDEAL", &volts)?;
    let silicon = curve("IS=1e-14 N=1", &volts)?;
    println!("{:>6} {:>12} {:>12}", "in", "ideal", "silicon");
    for ((v, ideal), silicon) in volts.iter().zip(ideal).zip(silicon) {
        println!("{v:>6} {ideal:>12.6} {silicon:>12.6}");
    }
    Ok(())
}
