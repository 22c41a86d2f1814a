//! What operating points leave open: the choice is a solution, the interval has the right ends, a
//! current said to be open can be changed, and nothing else is said to be open.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Family, circuit_up_to, worst_violation};
use ohmgrad::adjoint::AdjointError;
use ohmgrad::analysis::{OperatingPoint, Probe, SolveError, Solver, Undetermined};
use ohmgrad::circuit::{Circuit, ElementId, NodeId};
use ohmgrad::device::Device;
use ohmgrad::execution::{Columns, execute};
use ohmgrad::netlist::Netlist;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn circuit(cards: &str) -> Circuit {
    let deck = format!("test\n.model DI D(IDEAL)\n{cards}\n");
    let netlist = Netlist::parse("test.cir", deck.as_str()).expect("a sound deck");
    Circuit::from_netlist(&netlist).expect("a sound circuit")
}

fn settle(circuit: &Circuit) -> Result<OperatingPoint, String> {
    let mut solver = Solver::new(circuit.clone()).map_err(|e| e.to_string())?;
    solver.operating_point().map_err(|e| e.to_string())
}

/// Solves, and checks that each choice is a solution and that what is open is open just so far.
fn found(circuit: &Circuit) -> Vec<Undetermined> {
    let open = open_and_confirmed(circuit);
    for item in &open {
        if let Undetermined::FloatingNodes {
            nodes, low, high, ..
        } = item
        {
            check_ends(circuit, nodes[0], *low, *high);
        }
    }
    open
}

/// The same without the ends of intervals: where rounding errors flow into an island it counts as fixed,
/// and others seem to be bounded by it.
fn open_and_confirmed(circuit: &Circuit) -> Vec<Undetermined> {
    let op = settle(circuit).expect("an operating point");
    let violation = worst_violation(circuit, &op);
    assert!(violation < 1e-8, "violation {violation:e}");
    let open = op.undetermined(circuit);
    for item in &open {
        match item {
            Undetermined::FloatingNodes {
                nodes, low, high, ..
            } => check_interval(circuit, nodes[0], *low, *high),
            Undetermined::OpenSplit { elements, chosen } => {
                let largest = chosen.iter().fold(0.0f64, |m, i| m.max(i.abs()));
                for (&id, &current) in elements.iter().zip(chosen).take(6) {
                    check_split(circuit, &op, id, current, 0.01 * largest.max(1e-3));
                }
            }
        }
    }
    open
}

/// The current that a voltage source at `node` must give to hold it at `volts`, if it can.
fn pull(circuit: &Circuit, node: NodeId, volts: f64) -> Option<f64> {
    let mut pulled = circuit.clone();
    let source = Device::VoltageSource { voltage: volts };
    let id = pulled
        .add("vpull", source, [node, NodeId::GROUND])
        .expect("a new name");
    let op = settle(&pulled).ok()?;
    Some(op.current(&pulled, id))
}

fn is_free(circuit: &Circuit, node: NodeId, volts: f64) -> bool {
    pull(circuit, node, volts).is_some_and(|i| i.abs() < 1e-14)
}

/// The ends of an interval, or of a long part of it.
fn ends(low: Option<f64>, high: Option<f64>) -> (f64, f64) {
    (
        low.unwrap_or_else(|| high.unwrap_or(0.0) - 1e3),
        high.unwrap_or_else(|| low.unwrap_or(0.0) + 1e3),
    )
}

fn check_interval(circuit: &Circuit, node: NodeId, low: Option<f64>, high: Option<f64>) {
    let (from, to) = ends(low, high);
    for part in [1e-6, 0.3, 0.8, 1.0 - 1e-6] {
        let volts = from + part * (to - from);
        assert!(is_free(circuit, node, volts), "{volts} V is no solution");
    }
}

fn check_ends(circuit: &Circuit, node: NodeId, low: Option<f64>, high: Option<f64>) {
    let (from, to) = ends(low, high);
    let margin = 1e-3 * (to - from);
    if let Some(low) = low {
        let is_lower = is_free(circuit, node, low - margin);
        assert!(!is_lower, "{low} V is not the lowest");
    }
    if let Some(high) = high {
        let is_higher = is_free(circuit, node, high + margin);
        assert!(!is_higher, "{high} V is not the highest");
    }
}

/// The same circuit with another device in one place.
fn with_device(circuit: &Circuit, place: ElementId, device: &Device) -> Circuit {
    let mut copy = Circuit::new("copy");
    for (_, node) in circuit.nodes().skip(1) {
        copy.node(&node.name);
    }
    for (id, element) in circuit.elements() {
        let device = if id == place { device } else { &element.device };
        let (name, device) = (&element.name(), device.clone());
        match (element.second(), element.control()) {
            (Some(second), _) => copy.add_two_port(name, device, element.port, second),
            (_, Some(control)) => copy.add_controlled(name, device, element.port, control),
            _ => copy.add(name, device, element.port),
        }
        .expect("a new name");
    }
    copy
}

/// A current that is open can be forced to be a little more or less, and all potentials stay.
fn check_split(circuit: &Circuit, op: &OperatingPoint, id: ElementId, current: f64, step: f64) {
    let name = &circuit.element(id).name();
    let largest = op.potentials.iter().fold(1e-3f64, |m, v| m.max(v.abs()));
    let mut is_open = vec![false; op.potentials.len()];
    for item in op.undetermined(circuit) {
        if let Undetermined::FloatingNodes { nodes, .. } = item {
            nodes.iter().for_each(|node| is_open[node.index()] = true);
        }
    }
    let allows = |current: f64| {
        let forced = with_device(circuit, id, &Device::CurrentSource { current });
        settle(&forced).is_ok_and(|other| {
            let mut pairs = op.potentials.iter().zip(&other.potentials).zip(&is_open);
            pairs.all(|((a, b), is_open)| *is_open || (a - b).abs() < 1e-9 * largest)
        })
    };
    assert!(
        allows(current + step) || allows(current - step),
        "the current of {name} is determined: {current:e}\n{}",
        circuit.to_spice().unwrap_or_default()
    );
}

fn floating(circuit: &Circuit) -> Vec<(String, Option<f64>, Option<f64>)> {
    let islands = found(circuit).into_iter().filter_map(|item| match item {
        Undetermined::FloatingNodes {
            nodes, low, high, ..
        } => {
            let names = nodes.iter().map(|&id| circuit.node_name(id));
            Some((names.collect::<Vec<_>>().join(" "), low, high))
        }
        Undetermined::OpenSplit { .. } => None,
    });
    islands.collect()
}

fn splits(circuit: &Circuit) -> Vec<String> {
    let splits = found(circuit).into_iter().filter_map(|item| match item {
        Undetermined::OpenSplit { elements, .. } => {
            let names = elements.iter().map(|&id| circuit.element(id).name());
            Some(names.collect::<Vec<_>>().join(" "))
        }
        Undetermined::FloatingNodes { .. } => None,
    });
    splits.collect()
}

#[track_caller]
fn assert_floating(cards: &str, expected: &[(&str, Option<f64>, Option<f64>)]) {
    let found = floating(&circuit(cards));
    let near = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() < 1e-9,
        (a, b) => a == b,
    };
    let mut pairs = found.iter().zip(expected);
    let is_same =
        |(f, e): (&(String, _, _), &(&str, _, _))| f.0 == e.0 && near(f.1, e.1) && near(f.2, e.2);
    let is_right = found.len() == expected.len() && pairs.all(is_same);
    assert!(is_right, "{found:?} in place of {expected:?}");
}

const RAILS: &str = "V1 a 0 5\nV2 c 0 8\n";

#[test]
fn a_node_between_two_blocking_diodes_lies_between_their_outer_ends() {
    let cards = format!("{RAILS}D1 a m DI\nD2 m c DI");
    assert_floating(&cards, &[("m", Some(5.0), Some(8.0))]);
}

#[test]
fn diodes_that_point_away_bound_from_above_only() {
    let cards = format!("{RAILS}D1 m a DI\nD2 m c DI");
    assert_floating(&cards, &[("m", None, Some(5.0))]);
}

#[test]
fn diodes_that_point_towards_a_node_bound_from_below_only() {
    let cards = format!("{RAILS}D1 a m DI\nD2 c m DI");
    assert_floating(&cards, &[("m", Some(8.0), None)]);
}

#[test]
fn a_dangling_diode_leaves_all_that_makes_it_block() {
    assert_floating("V1 a 0 5\nD1 a m DI", &[("m", Some(5.0), None)]);
    assert_floating("V1 a 0 5\nD1 m a DI", &[("m", None, Some(5.0))]);
}

#[test]
fn islands_in_a_chain_may_push_each_other() {
    let cards = format!("{RAILS}D1 a m DI\nD2 m n DI\nD3 n c DI");
    let both = (Some(5.0), Some(8.0));
    assert_floating(&cards, &[("m", both.0, both.1), ("n", both.0, both.1)]);
}

#[test]
fn the_nodes_of_an_island_move_together() {
    let cards = format!("{RAILS}D1 a m DI\nV3 n m 1\nR1 n k 1k\nD2 k c DI");
    assert_floating(&cards, &[("m n k", Some(5.0), Some(7.0))]);
}

#[test]
fn a_current_that_circulates_in_an_island_keeps_its_drop() {
    let cards = format!("{RAILS}D1 a m DI\nR1 n m 1k\nI1 m n 2m\nD2 n c DI");
    assert_floating(&cards, &[("m n", Some(5.0), Some(6.0))]);
}

#[test]
fn a_diode_out_of_an_island_and_one_into_it_at_another_node() {
    let cards = format!("{RAILS}R1 m n 1k\nD1 m a DI\nD2 n c DI\nD3 0 n DI");
    assert_floating(&cards, &[("m n", Some(0.0), Some(5.0))]);
}

/// Without a resistor beside them the solver refuses flat tables as singular; so the operating point is
/// that of the circuit with a source that holds the node, which carries nothing.
#[track_caller]
fn assert_flat(cards: &str, node: &str, volts: f64, expected: (Option<f64>, Option<f64>)) {
    let circuit = circuit(cards);
    let id = circuit.find_node(node).expect("a node");
    let mut held = circuit.clone();
    let source = Device::VoltageSource { voltage: volts };
    held.add("vhold", source, [id, NodeId::GROUND])
        .expect("a new name");
    let op = settle(&held).expect("an operating point");
    let open = op.undetermined(&circuit);
    let [
        Undetermined::FloatingNodes {
            nodes,
            low,
            high,
            chosen,
            ..
        },
    ] = &open[..]
    else {
        panic!("{open:?}");
    };
    assert_eq!((nodes[0], *chosen), (id, volts));
    assert_eq!((*low, *high), expected);
    check_interval(&circuit, id, *low, *high);
    check_ends(&circuit, id, *low, *high);
}

#[test]
fn a_saturated_table_leaves_its_voltage_open_beyond_its_corner() {
    let table = "G1 a 0 TABLE {V(a,0)} = (-1,-1m) (1,1m)";
    assert_flat(&format!("I1 0 a 1m\n{table}"), "a", 3.0, (Some(1.0), None));
    assert_flat(
        &format!("I1 a 0 1m\n{table}"),
        "a",
        -3.0,
        (None, Some(-1.0)),
    );
}

#[test]
fn a_flat_piece_in_the_middle_of_a_table_bounds_on_both_sides() {
    let cards = "G1 a 0 TABLE {V(a,0)} = (-1,-1m) (0,0) (0.5,0) (2,0) (3,1m)";
    for volts in [0.25, 1.5] {
        assert_flat(cards, "a", volts, (Some(0.0), Some(2.0)));
    }
}

#[test]
fn a_flat_table_and_a_blocking_diode_bound_together() {
    let cards = format!("{RAILS}D1 a m DI\nG1 m c TABLE {{V(m,c)}} = (-9,-1m) (-4,0) (1,0) (2,1m)");
    assert_flat(&cards, "m", 7.0, (Some(5.0), Some(9.0)));
}

#[test]
fn what_is_sensed_or_held_elsewhere_is_passed_over() {
    for cards in [
        // The potential of m decides a voltage, a current, a gyrator's, a switch's.
        "D1 a m DI\nD2 m c DI\nE1 x 0 m 0 2\nRX x 0 1k",
        "D1 a m DI\nD2 m c DI\nG1 0 x m 0 1m\nRX x 0 1k",
        "D1 a m DI\nD2 m c DI\nB1 x 0 V={v(m)^2}\nRX x 0 1k",
        // No diode: resistors hold.
        "D1 a m DI\nD2 m c DI\nR1 m 0 1g",
    ] {
        let circuit = circuit(&format!("{RAILS}{cards}"));
        let op = settle(&circuit).expect("an operating point");
        assert_eq!(op.undetermined(&circuit), [], "{cards}");
    }
}

#[test]
fn a_degenerate_diode_that_fixes_its_node_is_no_alarm() {
    // v = 0 and i = 0 at once, between nodes that resistors hold; antiparallel ones hold theirs.
    let bridge = "V1 t 0 8\nR1 t a 1k\nR2 a 0 3k\nR3 t b 2k\nR4 b 0 6k\nD1 a b DI";
    assert_floating(bridge, &[]);
    assert_floating("V1 a 0 5\nD1 a m DI\nD2 m a DI", &[]);
}

#[test]
fn parallel_diodes_share_a_current_as_they_like() {
    let cards = "V1 in 0 5\nR1 in a 1k\nD1 a b DI\nD2 a b DI\nD3 a b DI\nR2 b 0 1k";
    assert_eq!(splits(&circuit(cards)), ["d1 d2 d3"]);
}

#[test]
fn parallel_diodes_without_current_share_nothing() {
    let cards = "V1 in 0 5\nV2 b 0 5\nR1 in a 1k\nD1 a b DI\nD2 a b DI\nR2 b 0 1k";
    assert_eq!(splits(&circuit(cards)), [""; 0]);
}

#[test]
fn parallel_shorts_are_told_with_the_choice() {
    let circuit = circuit("V1 in 0 5\nR1 in a 1k\nR2 a b 0\nR3 a b 0\nR4 b 0 1k");
    let open = found(&circuit);
    let [Undetermined::OpenSplit { elements, chosen }] = &open[..] else {
        panic!("{open:?}");
    };
    let names: Vec<_> = elements
        .iter()
        .map(|&id| circuit.element(id).name())
        .collect();
    assert_eq!(names, ["r2", "r3"]);
    assert_eq!(chosen, &[0.0025, 0.0]);
}

#[test]
fn antiparallel_diodes_and_rings_let_currents_circulate() {
    let pair = "V1 in 0 5\nR1 in a 1k\nD1 a b DI\nD2 b a DI\nR2 b 0 1k";
    assert_eq!(splits(&circuit(pair)), ["d1 d2"]);
    let ring = "I1 0 a 1m\nR1 b 0 1k\nD1 a b DI\nD2 b c DI\nD3 c a DI";
    assert_eq!(splits(&circuit(ring)), ["d1 d2 d3"]);
}

#[test]
fn equal_inputs_of_a_maximum_share_its_load() {
    let cards = "V1 a 0 5\nV2 b 0 5\nV3 c 0 4\nD1 a o DI\nD2 b o DI\nD3 c o DI\nR1 o 0 1k";
    assert_eq!(splits(&circuit(cards)), ["v1 v2 d1 d2"]);
}

#[test]
fn a_bridge_between_two_loops_is_no_part_of_either() {
    let cards =
        "V1 in 0 6\nR1 in a 1k\nD1 a b DI\nD2 a b DI\nR2 b c 0\nD3 c d DI\nD4 c d DI\nR3 d 0 1k";
    assert_eq!(splits(&circuit(cards)), ["d1 d2", "d3 d4"]);
}

#[test]
fn a_current_that_something_senses_is_passed_over() {
    let cards =
        "V1 in 0 5\nR1 in a 1k\nD1 a b DI\nD2 a x DI\nVS x b 0\nR2 b 0 1k\nF1 0 c VS 1\nR3 c 0 1k";
    let circuit = circuit(cards);
    let op = settle(&circuit).expect("an operating point");
    assert_eq!(op.undetermined(&circuit), []);
}

fn decks() -> Vec<PathBuf> {
    let folders = [
        "basic",
        "behavioural",
        "controlled",
        "diode",
        "ideal",
        "piecewise",
        "regression",
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("circuits");
    let folders = folders
        .into_iter()
        .chain(["rtgd", "warn", "dialect", "hard"]);
    let mut decks: Vec<_> = folders
        .flat_map(|folder| std::fs::read_dir(root.join(folder)).expect("a folder of decks"))
        .map(|entry| entry.expect("a folder entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "cir"))
        .collect();
    decks.sort();
    decks
}

#[test]
fn of_all_decks_only_those_with_something_open_are_told() {
    let mut told = Vec::new();
    for path in decks() {
        let Ok(netlist) = Netlist::read(&path) else {
            continue;
        };
        let Ok(circuit) = Circuit::from_netlist(&netlist) else {
            continue;
        };
        let Ok(op) = settle(&circuit) else { continue };
        if !op.undetermined(&circuit).is_empty() {
            told.push(
                path.file_stem()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned(),
            );
        }
    }
    let expected = [
        "ideal_antiparallel",
        "ideal_grid",
        "ideal_or_and_100",
        "ideal_parallel",
        "ideal_ring",
        "ideal_ring_current",
        "ideal_ring_negative",
        "shortest_paths",
        "conducting_loop",
        "conducting_star",
        "dangling_ideal_diode",
    ];
    assert_eq!(told, expected);
}

/// Each ideal diode gets another beside it, every other one turned round.
fn with_parallel_diodes(mut circuit: Circuit) -> Circuit {
    let ports = circuit
        .elements()
        .filter(|(_, e)| e.device == Device::IdealDiode);
    let ports: Vec<_> = ports.map(|(_, e)| e.port).collect();
    for (k, [p, n]) in ports.into_iter().enumerate() {
        let port = if k % 2 == 0 { [p, n] } else { [n, p] };
        let name = format!("dbeside{k}");
        circuit
            .add(&name, Device::IdealDiode, port)
            .expect("a new name");
    }
    circuit
}

#[test]
fn in_random_circuits_what_is_told_is_open() {
    let mut told = 0;
    for seed in 0..150 {
        for family in [Family::Ideal, Family::MonotoneWithIdeal] {
            let open = found(&with_parallel_diodes(circuit_up_to(family, seed, 12)));
            // A tree of resistors holds every node.
            let is_split = |item| matches!(item, &Undetermined::OpenSplit { .. });
            assert!(open.iter().all(is_split), "seed {seed}: {open:?}");
            // Beside what circulates the currents that are determined keep their digits.
            let is_small = |item: &Undetermined| match item {
                Undetermined::OpenSplit { chosen, .. } => chosen.iter().all(|i| *i < 1e3),
                Undetermined::FloatingNodes { .. } => true,
            };
            assert!(open.iter().all(is_small), "seed {seed}: {open:?}");
            told += open.len();
        }
    }
    assert!(told > 20, "only {told} open currents");
}

/// Ideal diodes, a few resistors and sources at random, with nothing that holds every node.
fn loose_circuit(seed: u64) -> Circuit {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut circuit = Circuit::new(format!("loose circuit {seed}"));
    let nodes: Vec<NodeId> = (0..7).map(|k| circuit.node(&k.to_string())).collect();
    for (k, &node) in nodes[1..4].iter().enumerate() {
        let voltage = f64::from(rng.random_range(-3..=3));
        let source = Device::VoltageSource { voltage };
        circuit
            .add(&format!("v{k}"), source, [node, nodes[0]])
            .expect("a new name");
    }
    for k in 0..rng.random_range(6..14) {
        let port = [0, 0].map(|_| nodes[rng.random_range(0..nodes.len())]);
        let resistance = f64::from(rng.random_range(1..5)) * 1e3;
        let device = match rng.random_range(0..5) {
            0 => Device::Resistor { resistance },
            _ => Device::IdealDiode,
        };
        if port[0] != port[1] {
            circuit
                .add(&format!("e{k}"), device, port)
                .expect("a new name");
        }
    }
    circuit
}

#[test]
fn in_loose_circuits_what_is_told_is_open() {
    let (mut islands, mut splits) = (0, 0);
    for seed in 0..100 {
        let circuit = loose_circuit(seed);
        if settle(&circuit).is_err() {
            continue;
        }
        for item in open_and_confirmed(&circuit) {
            match item {
                Undetermined::FloatingNodes { .. } => islands += 1,
                Undetermined::OpenSplit { .. } => splits += 1,
            }
        }
    }
    println!("{islands} islands, {splits} splits");
    assert!(
        islands > 20 && splits > 3,
        "{islands} islands, {splits} splits"
    );
}

#[test]
fn what_is_open_has_no_derivative_and_the_rest_has() {
    let cards = format!("{RAILS}D1 a m DI\nD2 m c DI\nR1 a o 1k\nD3 o p DI\nD4 o p DI\nR2 p 0 1k");
    let mut solver = Solver::new(circuit(&cards)).expect("a sound circuit");
    let op = solver.operating_point().expect("an operating point");
    let mut derivative = |output: &str| {
        let probe = Probe::parse(&solver.circuit, output).expect("a probe");
        let sensitivities = solver.sensitivities(&probe, &op)?;
        let v1 = solver.circuit.find_variable("v1").expect("a source");
        Ok::<f64, AdjointError>(sensitivities.to(&solver.circuit, &v1))
    };
    for output in ["v(m)", "v(m,a)", "i(d3)", "{2*v(m)+v(p)}"] {
        let error = derivative(output).expect_err(output);
        assert!(
            matches!(error, AdjointError::Undetermined { .. }),
            "{error}"
        );
    }
    for (output, expected) in [("v(p)", 0.5), ("i(r2)", 0.5e-3), ("v(o,p)", 0.0)] {
        let found = derivative(output).expect(output);
        assert!((found - expected).abs() < 1e-9, "{output}: {found}");
    }
}

#[test]
fn sweeps_say_each_kind_once() {
    let cards = format!("{RAILS}D1 a m DI\nD2 m c DI\n.dc v1 0 5 1 v2 6 8 1\n.op\n.print dc v(m)");
    let mut solver = Solver::new(circuit(&cards)).expect("a sound circuit");
    let results = execute(&mut solver, Columns::Saved).expect("results");
    assert_eq!(results.warnings.len(), 1, "{:?}", results.warnings);
    let warning = results.warnings[0]
        .render(&solver.circuit.sources)
        .to_string();
    assert!(
        warning.contains("`m`") && warning.contains("0 V to 6 V"),
        "{warning}"
    );
}

#[test]
fn the_program_warns_and_tells_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let deck = folder.path().join("deck.cir");
    let text = format!("open\n.model DI D(IDEAL)\n{RAILS}D1 a m DI\nD2 m c DI\n");
    std::fs::write(&deck, text).expect("a deck");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ohmgrad"));
        command
            .args(arguments)
            .arg(&deck)
            .output()
            .expect("the program runs")
    };
    let output = run(&["op", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let item = &json["undetermined"][0];
    assert_eq!(item["kind"], "floating_nodes");
    assert_eq!(
        (item["low"].as_f64(), item["high"].as_f64()),
        (Some(5.0), Some(8.0))
    );
    for arguments in [&["op"][..], &["run"]] {
        let message = String::from_utf8(run(arguments).stderr).expect("UTF-8");
        for part in [
            "the potential of node `m` is open",
            "5 V to 8 V",
            "deck.cir:5",
            "Rfix",
        ] {
            assert!(message.contains(part), "{part} is missing in {message}");
        }
    }
    let output = run(&["grad", "--output", "v(m)"]);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(message.contains("`v(m)` is not determined"), "{message}");
}

/// What a singular circuit leaves open, as its error says it.
fn open_of(cards: &str) -> Vec<String> {
    let mut solver = Solver::new(circuit(cards)).expect("a sound circuit");
    match solver.operating_point() {
        Err(SolveError::NoConvergence { open, .. }) => open,
        other => panic!("{other:?}"),
    }
}

#[test]
fn singular_circuits_name_what_their_equations_leave_open() {
    let cases: [(&str, &[&str]); 10] = [
        ("B1 x 0 V={v(x)+1}\nR1 x 0 1k\nR2 z 0 1", &["v(x)", "i(b1)"]),
        ("E1 a 0 b 0 1\nR1 a b 1k", &["v(a)", "v(b)"]),
        ("E1 x 0 x 0 1\nR1 x 0 1k\nR2 z 0 1", &["v(x)", "i(e1)"]),
        ("E1 a 0 b 0 2\nE2 b 0 a 0 0.5\nR1 a b 1k", &["v(a)", "v(b)"]),
        ("X1 p 0 q 0 TRANSFORMER n=2\nR1 z 0 1k", &["v(p)", "v(q)"]),
        (
            "X1 p 0 q 0 TRANSFORMER n=2\nV1 p 0 2\nV2 q 0 1\nR1 q 0 1",
            &["i(x1)"],
        ),
        ("V1 a b 1\nH1 a 0 V1 1k\nR1 b 0 1k", &["v(a)", "v(b)"]),
        (
            "V1 a b 0\nR1 b 0 1k\nF1 0 a V1 1\nI1 0 a 1m",
            &["v(a)", "v(b)"],
        ),
        ("G1 a 0 a b 1m\nG2 b 0 b a 1m\nR1 c 0 1", &["v(a)", "v(b)"]),
        ("I1 0 a 1m\nR1 a 0 1k\nR2 a 0 -1k\nR3 b 0 1", &["v(a)"]),
    ];
    let wrong = cases.iter().filter_map(|(cards, expected)| {
        let open = open_of(cards);
        (open != *expected).then(|| format!("{cards}: {open:?}"))
    });
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
