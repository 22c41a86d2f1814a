//! `ohmgrad export`: the flat decks that ngspice reads, ideal and trained circuits included.

#[path = "common/ngspice.rs"]
mod ngspice;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ohmgrad::analysis::Solver;
use ohmgrad::circuit::{Circuit, Simulator};
use ohmgrad::netlist::Netlist;

/// The kinks of ideal and piecewise-linear elements keep ngspice from its tightest options.
const OPTIONS: &str = ".options reltol=1e-9 abstol=1e-15 vntol=1e-12 itl1=2000";

fn decks(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("circuits")
        .join(folder);
    let entries = std::fs::read_dir(folder).expect("a folder of decks");
    let mut decks: Vec<_> = entries.map(|e| e.expect("an entry").path()).collect();
    decks.retain(|path| path.extension().is_some_and(|e| e == "cir"));
    decks.sort();
    decks
}

/// Largest difference to ngspice, relative to 1 V or the voltage; how many nodes were compared.
fn worst(circuit: Circuit) -> (f64, usize) {
    let deck = circuit.to_spice_for(Simulator::Ngspice).expect("a deck");
    let theirs = ngspice::operating_point(&deck, OPTIONS);
    let mut solver = Solver::new(circuit).expect("a sound circuit");
    let op = solver.operating_point().expect("an operating point");
    let (mut worst, mut compared) = (0.0f64, 0);
    for (id, node) in solver.circuit.nodes().skip(1) {
        if let Some(expected) = theirs.get(node.name.as_str()) {
            let ours = op.potentials[id.index()];
            worst = worst.max((ours - expected).abs() / (1.0 + ours.abs()));
            compared += 1;
        }
    }
    (worst, compared)
}

#[test]
fn ideal_diodes_come_near_enough() {
    if !ngspice::is_available() {
        return;
    }
    let mut total = 0;
    for path in decks("ideal").into_iter().chain(decks("rtgd")) {
        let netlist = Netlist::read(&path).expect("a sound deck");
        let circuit = Circuit::from_netlist(&netlist).expect("a circuit");
        let (worst, compared) = worst(circuit);
        assert!(worst <= 1e-4, "{}: {worst:e}", path.display());
        total += compared;
    }
    println!("{total} node voltages compared");
    assert!(total >= 80, "only {total} node voltages");
}

#[test]
fn piecewise_linear_elements_are_exact() {
    if !ngspice::is_available() {
        return;
    }
    let mut total = 0;
    for path in decks("piecewise") {
        let netlist = Netlist::read(&path).expect("a sound deck");
        let circuit = Circuit::from_netlist(&netlist).expect("a circuit");
        let (worst, compared) = worst(circuit);
        assert!(worst <= 1e-9, "{}: {worst:e}", path.display());
        total += compared;
    }
    assert!(total >= 10, "only {total} node voltages");
}

/// What is written for ngspice is read here as well, to the same operating point.
#[test]
fn exported_decks_are_read_back() {
    let folders = ["basic", "diode", "controlled", "piecewise", "rtgd"];
    for path in folders.iter().flat_map(|folder| decks(folder)) {
        let netlist = Netlist::read(&path).expect("a sound deck");
        let circuit = Circuit::from_netlist(&netlist).expect("a circuit");
        let has_ideal = circuit
            .elements()
            .any(|(_, e)| matches!(e.device, ohmgrad::device::Device::IdealDiode));
        if has_ideal {
            continue;
        }
        let text = circuit.to_spice_for(Simulator::Ngspice).expect("a deck");
        let again = Netlist::parse("again.cir", text).expect("a sound deck");
        let solve = |netlist: &Netlist| {
            let mut solver = Solver::from_netlist(netlist).expect("a sound circuit");
            let op = solver.operating_point().expect("an operating point");
            let nodes = solver.circuit.nodes();
            nodes
                .map(|(id, n)| (n.name.to_string(), op.potentials[id.index()]))
                .collect::<HashMap<_, _>>()
        };
        let (was, is) = (solve(&netlist), solve(&again));
        for (name, expected) in &was {
            let found = is[name.as_str()];
            let allowed = 1e-9 + 1e-9 * expected.abs();
            assert!(
                (found - expected).abs() <= allowed,
                "{} v({name}): {found} against {expected}",
                path.display()
            );
        }
    }
}
