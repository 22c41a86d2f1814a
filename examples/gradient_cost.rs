//! What a gradient costs beside the operating point: the derivative of the voltage of one node to every
//! parameter of a deck, next to a Newton step's factorization and solution.
//!
//!     cargo run --release --example gradient_cost -- DECK NODE

use std::time::Instant;

use ohmgrad::analysis::{Output, Solver};
use ohmgrad::circuit::NodeId;
use ohmgrad::netlist::Netlist;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(deck), Some(node)) = (arguments.next(), arguments.next()) else {
        return Err("usage: gradient_cost DECK NODE".into());
    };
    let mut solver = Solver::from_netlist(&Netlist::read(&deck)?)?;
    let node = solver.circuit.find_node(&node).ok_or("no such node")?;
    let seconds = |began: Instant| began.elapsed().as_secs_f64();

    let began = Instant::now();
    let point = solver.operating_point()?;
    let operating_point = seconds(began);

    let output = Output::Voltage {
        p: node,
        n: NodeId::GROUND,
    };
    let began = Instant::now();
    let gradient = solver.gradient(&[(output, 1.0)])?;
    let total = seconds(began);

    let Solver {
        system,
        values,
        workspace,
        ..
    } = &mut solver;
    // Numbers that are those of the last factorization would not be factored again.
    let began = Instant::now();
    workspace.factor_shifted(system, values, 1e-9)?;
    let factorization = seconds(began);
    let began = Instant::now();
    workspace.solve_step();
    let solution = seconds(began);
    println!(
        "{} unknowns, {} steps, {} derivatives\noperating point {operating_point:.3} s\none step's \
         factorization {factorization:.3} s, solution {solution:.3} s\ngradient {total:.3} s: {:.2} of a step's \
         factorization and solution, {:.3} of the operating point",
        solver.system.order(),
        point.convergence.iterations,
        gradient.entries.len(),
        total / (factorization + solution),
        total / operating_point,
    );
    Ok(())
}
