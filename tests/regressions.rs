//! One test for each fixed bug, named after it; its deck is in `circuits/regression`.

use std::path::Path;

use ohmgrad::analysis::{OperatingPoint, Probe, Solver, operating_point};
use ohmgrad::circuit::generators::{Kind, Wild};
use ohmgrad::device::Device;
use ohmgrad::execution::{Columns, execute};
use ohmgrad::netlist::Netlist;
use ohmgrad::newton::Strategy;

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
fn a_floating_source_carries_the_small_current_of_its_node() {
    let (solver, op) = settle("floating_source_small_current.cir");
    let [through, beyond] = ["v1", "r1"].map(|name| {
        let id = solver.circuit.find_element(name).expect("an element");
        op.current(&solver.circuit, id)
    });
    assert!((through / beyond - 1.0).abs() < 1e-12, "{through} {beyond}");
}

#[test]
fn nonreciprocal_monotone_circuits_settle() {
    settle("nonreciprocal.cir");
}

/// Newton goes round between pieces of tables and states of ideal diodes, and pivoting does not end.
#[test]
fn corners_beside_ideal_diodes_settle_by_multipliers() {
    let mixed = [4439, 5637, 60657, 64013].map(|seed| (seed, None));
    for (seed, kind) in mixed.into_iter().chain([(14457, Some(Kind::Rtgd))]) {
        let nodes = None;
        let circuit = Wild { seed, nodes, kind }.build().expect("a sound circuit");
        let op = operating_point(&circuit).unwrap_or_else(|error| panic!("{seed}: {error}"));
        assert_eq!(op.convergence.strategy, Strategy::Multipliers, "{seed}");
    }
}

#[test]
fn a_default_may_name_the_parameter_outside() {
    let settled = settle("outer_parameter.cir");
    assert_eq!(potential(&settled, "a"), 101.0);
    assert_eq!(potential(&settled, "b"), 100.0);
}

#[test]
fn a_global_node_wins_over_a_port_of_its_name() {
    let settled = settle("global_port.cir");
    assert!((potential(&settled, "a") - 2.5).abs() < 1e-12);
}

#[test]
fn a_breakdown_current_without_a_breakdown_voltage_does_nothing() {
    settle("breakdown_current_alone.cir");
}

#[test]
fn behavioural_sources_count_their_temperature_from_27_degrees() {
    let settled = settle("behavioural_temperature.cir");
    assert!((potential(&settled, "a") - 2.046).abs() < 1e-12);
}

#[test]
fn a_parameter_that_no_element_reads_has_no_gradient() {
    let deck = "unused\n.param a=1 b={a*3}\nv1 in 0 6\nr1 in 0 1k\n";
    let netlist = Netlist::parse("unused.cir", deck).expect("a sound deck");
    let mut solver = Solver::from_netlist(&netlist).expect("a sound circuit");
    let op = solver.operating_point().expect("an operating point");
    let probe = Probe::parse(&solver.circuit, "v(in)").expect("a probe");
    let sensitivities = solver
        .sensitivities(&probe, &op)
        .expect("a regular circuit");
    let all = sensitivities.all(&solver.circuit);
    let b = all.iter().find(|d| d.name == "b").expect("the parameter");
    assert_eq!((b.value, b.gradient), (3.0, 0.0));
}

#[test]
fn a_polynomial_of_a_hundred_thousand_terms_fits() {
    let coefficients = "0.1 ".repeat(100_000);
    let deck = format!("long\nv1 a 0 0.5\nr1 b 0 1\ne1 b 0 poly(1) a 0 {coefficients}\n");
    let netlist = Netlist::parse("long.cir", deck).expect("a sound deck");
    let mut solver = Solver::from_netlist(&netlist).expect("a sound circuit");
    let op = solver.operating_point().expect("an operating point");
    let node = solver.circuit.find_node("b").expect("a node");
    assert!((op.potentials[node.index()] - 0.2).abs() < 1e-12);
}

#[test]
fn files_that_multiply_end_in_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    for level in 0..36 {
        let next = format!(".include {}.inc\n", level + 1);
        let path = folder.path().join(format!("{level}.inc"));
        std::fs::write(path, next.repeat(2)).expect("a file");
    }
    std::fs::write(folder.path().join("36.inc"), "* end\n").expect("a file");
    let deck = folder.path().join("deck.cir");
    std::fs::write(&deck, "bomb\n.include 0.inc\n").expect("a deck");
    let error = Netlist::read(&deck).expect_err("too many files");
    assert!(error.to_string().contains("more than 10000 times"));
}

#[test]
fn loops_of_too_many_points_end_in_an_error() {
    let deck = "loops\nv1 a 0 1\nv2 b 0 1\nr1 a b 1\n.dc v1 0 9e5 1 v2 0 9e5 1\n";
    let netlist = Netlist::parse("loops.cir", deck).expect("a sound deck");
    let mut solver = Solver::from_netlist(&netlist).expect("a sound circuit");
    let error = execute(&mut solver, Columns::Saved).expect_err("too many points");
    assert!(error.to_string().contains("the limit is"), "{error}");
}

#[test]
fn adjoints_of_huge_conductances_are_accepted_at_their_rounding() {
    let (mut solver, op) = settle("huge_slope.cir");
    let probe = Probe::parse(&solver.circuit, "v(n1)").expect("a probe");
    let sensitivities = solver
        .sensitivities(&probe, &op)
        .expect("a regular circuit");
    let r8 = solver.circuit.find_variable("r8").expect("a resistor");
    let expected = probe.value(&solver.circuit, &op) / 2376.0;
    let found = sensitivities.to(&solver.circuit, &r8);
    assert!(
        (found / expected - 1.0).abs() < 1e-9,
        "{found} against {expected}"
    );
}

#[test]
fn points_of_tables_follow_their_parameters() {
    let mut settled = settle("table_parameters.cir");
    assert!((potential(&settled, "b") - 2.2).abs() < 1e-12);
    // A latch goes where its nodeset points, also inside a subcircuit.
    assert!(potential(&settled, "x1.q") > 0.99);
    let (solver, op) = (&mut settled.0, &settled.1);
    let probe = Probe::parse(&solver.circuit, "v(b)").expect("a probe");
    let sensitivities = solver.sensitivities(&probe, op).expect("a regular circuit");
    for (name, expected) in [("g", -0.48), ("x1", 0.24), ("k", -0.16)] {
        let variable = solver.circuit.find_variable(name).expect("a parameter");
        let found = sensitivities.to(&solver.circuit, &variable);
        assert!((found - expected).abs() < 1e-12, "{name}: {found}");
    }
}

#[test]
fn tables_keep_the_digits_of_small_currents() {
    let settled = settle("table_corner.cir");
    let found = potential(&settled, "p");
    assert!((found / -2.975e-8 - 1.0).abs() < 1e-12, "{found}");
}
