//! A diode clamp read from SPICE text, next to its closed form by the Lambert function.
//!
//! Run with `cargo run --release --example clamp`.

use ohmgrad::analysis::Solver;
use ohmgrad::netlist::Netlist;

const DECK: &str = "diode clamp
V1 in 0 5
R1 in out 1k
D1 out 0 DX
.model DX D(IS=1e-14 N=1)
.options gmin=0
";

fn main() -> Result<(), ohmgrad::Error> {
    let netlist = Netlist::parse("clamp", DECK)?;
    let mut solver = Solver::from_netlist(&netlist)?;
    let op = solver.operating_point()?;
    let diode = op.diodes[0];
    println!(
        "v(out) = {:.15} V, i(d1) = {:e} A, {}",
        diode.voltage, diode.current, diode.state
    );
    println!("closed form {:.15} V", closed_form(5.0, 1e3, 1e-14));
    Ok(())
}

/// `v = x + IS R - Vt W((IS R/Vt) exp((x + IS R)/Vt))` for a junction fed by `x` through `r`, with
/// W from its logarithm: `w + ln w = ln(IS R/Vt) + (x + IS R)/Vt`.
fn closed_form(x: f64, r: f64, is: f64) -> f64 {
    use ohmgrad::units::{BOLTZMANN, CELSIUS_ZERO, ELEMENTARY_CHARGE};
    let vt = BOLTZMANN * (27.0 + CELSIUS_ZERO) / ELEMENTARY_CHARGE;
    let right = (is * r / vt).ln() + (x + is * r) / vt;
    let mut w: f64 = right;
    for _ in 0..50 {
        w -= (w + w.ln() - right) / (1.0 + 1.0 / w);
    }
    x + is * r - vt * w
}
