//! One test for each fixed bug, named after it; its deck is in `circuits/regression`.

use std::path::Path;

use ohmgrad::analysis::{OperatingPoint, Solver};
use ohmgrad::device::Device;
use ohmgrad::netlist::Netlist;

/// Solves a deck and checks Kirchhoff's current law by the incidence matrix.
fn settle(deck: &str) -> (Solver, OperatingPoint) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("circuits/regression");
    let netlist = Netlist::read(folder.join(deck)).expect("a sound deck");
    let mut solver = Solver::from_netlist(&netlist).expect("a sound circuit");
    let op = solver
        .operating_point()
        .unwrap_or_else(|error| panic!("{deck}: {error}"));
    let largest = op.currents.iter().fold(0.0f64, |m, i| m.max(i.abs()));
    for (leaving, (_, node)) in op
        .kirchhoff(&solver.circuit)
        .iter()
        .zip(solver.circuit.nodes())
    {
        let allowed = 1e-9 * largest + 1e-15;
        assert!(
            leaving.abs() <= allowed,
            "{deck}: {leaving:e} A leave {}",
            node.name
        );
    }
    (solver, op)
}

fn potential((solver, op): &(Solver, OperatingPoint), node: &str) -> f64 {
    op.potentials[solver.circuit.find_node(node).expect("a node").index()]
}

#[test]
fn a_loop_of_conducting_ideal_diodes_settles() {
    let settled = settle("conducting_loop.cir");
    for node in ["n6", "n7", "n8"] {
        assert!(potential(&settled, node).abs() < 1e-12);
    }
}

#[test]
fn nodes_held_at_zero_by_ideal_diodes_are_certified() {
    let settled = settle("conducting_star.cir");
    assert!(potential(&settled, "n3").abs() < 1e-9 && potential(&settled, "n4").abs() < 1e-9);
}

#[test]
fn the_tolerance_knows_the_rounding_of_a_knee_voltage() {
    settle("piecewise_rounding.cir");
}

#[test]
fn a_dangling_ideal_diode_does_not_spoil_the_rest() {
    let settled = settle("dangling_ideal_diode.cir");
    assert!((potential(&settled, "n1") - 1000.0 / 3.0).abs() < 1e-9);
}

#[test]
fn tied_nodes_carry_the_rounding_of_their_parents() {
    settle("floating_source_rounding.cir");
    settle("linear_floating_sources.cir");
}

#[test]
fn saturating_tables_do_not_make_newton_cycle() {
    let (_, op) = settle("table_cycle.cir");
    assert!(
        op.convergence.iterations < 50,
        "{} iterations",
        op.convergence.iterations
    );
}

#[test]
fn a_tree_of_ideal_diodes_follows_its_highest_leaf() {
    let settled = settle("ideal_tree.cir");
    let leaves = settled
        .0
        .circuit
        .elements()
        .filter_map(|(_, e)| match e.device {
            Device::VoltageSource { voltage } => Some(voltage),
            _ => None,
        });
    let highest = leaves.fold(f64::NEG_INFINITY, f64::max);
    assert!((potential(&settled, "n0") - highest).abs() < 1e-9);
}

#[test]
fn nonreciprocal_monotone_circuits_settle() {
    settle("nonreciprocal.cir");
}
