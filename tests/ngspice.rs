//! Agreement with ngspice: node voltages and source currents of every deck that has a golden file.
//! `tests/golden/README.md` says how the files were made.

#[path = "common/ngspice.rs"]
mod ngspice;

use std::path::{Path, PathBuf};

use ohmgrad::analysis::Solver;
use ohmgrad::circuit::Simulator;
use ohmgrad::netlist::Netlist;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    deck: String,
    nodes: std::collections::BTreeMap<String, f64>,
    currents: std::collections::BTreeMap<String, f64>,
}

fn golden_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder of golden files")
        .map(|entry| entry.expect("a folder entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .filter(|path| !path.ends_with("expressions.json"))
        .collect();
    files.sort();
    files
}

/// Names what disagrees.
fn compare(golden: &Golden) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("circuits")
        .join(&golden.deck);
    let netlist = Netlist::read(&path).map_err(|e| e.to_string())?;
    let mut solver = Solver::from_netlist(&netlist).map_err(|e| e.to_string())?;
    let op = solver.operating_point().map_err(|e| e.to_string())?;
    let circuit = &solver.circuit;
    for (name, &expected) in &golden.nodes {
        let node = circuit.find_node(name).ok_or(format!("no node {name}"))?;
        let ours = op.potentials[node.index()];
        if (ours - expected).abs() > 1e-9 + 1e-8 * expected.abs() {
            return Err(format!("v({name}): {ours} against {expected}"));
        }
    }
    for (name, &expected) in &golden.currents {
        let Some(element) = circuit.find_element(name) else {
            continue;
        };
        let ours = op.current(circuit, element);
        if (ours - expected).abs() > 1e-12 + 1e-8 * expected.abs() {
            return Err(format!("i({name}): {ours} against {expected}"));
        }
    }
    Ok(())
}

#[test]
fn operating_points_agree_with_ngspice() {
    let files = golden_files();
    assert!(files.len() >= 250, "only {} golden files", files.len());
    let mut failures = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).expect("a golden file");
        let golden: Golden = serde_json::from_str(&text).expect("golden JSON");
        if let Err(error) = compare(&golden) {
            failures.push(format!("{}: {error}", golden.deck));
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        files.len(),
        failures.join("\n")
    );
}

/// The flat deck that we write, run by ngspice itself: the writer and the solver in one test.
#[test]
fn exported_decks_settle_in_ngspice_where_ours_do() {
    if !ngspice::is_available() {
        return;
    }
    let (mut compared, mut failures) = (0, Vec::new());
    for file in golden_files() {
        let text = std::fs::read_to_string(&file).expect("a golden file");
        let golden: Golden = serde_json::from_str(&text).expect("golden JSON");
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("circuits")
            .join(&golden.deck);
        let netlist = Netlist::read(&path).expect("a sound deck");
        let mut solver = Solver::from_netlist(&netlist).expect("a sound circuit");
        let op = solver.operating_point().expect("an operating point");
        let deck = solver.circuit.to_spice_for(Simulator::Ngspice);
        let theirs = ngspice::operating_point(&deck.expect("a deck"), ngspice::TIGHT);
        for (id, node) in solver.circuit.nodes().skip(1) {
            let Some(&expected) = theirs.get(node.name.as_str()) else {
                continue;
            };
            let ours = op.potentials[id.index()];
            let allowed = 1e-9 + 1e-8 * expected.abs();
            if (ours - expected).abs() > allowed {
                let place = format!("{} v({})", golden.deck, node.name);
                failures.push(format!("{place}: {ours} against {expected}"));
            }
            compared += 1;
        }
    }
    println!("{compared} node voltages compared");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(
        compared > 850,
        "only {compared} node voltages were printed by ngspice"
    );
}
