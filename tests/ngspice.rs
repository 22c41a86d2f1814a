//! Agreement with ngspice: node voltages and source currents of every deck that has a golden file.
//! `tests/golden/README.md` says how the files were made.

use std::path::{Path, PathBuf};

use ohmgrad::analysis::Solver;
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
    assert!(files.len() >= 40, "only {} golden files", files.len());
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
