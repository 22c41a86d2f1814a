//! The decks in circuits/: each settles where its `* expect` comments say, and none is without an answer.

mod common;

use std::path::{Path, PathBuf};

use common::expectations;
use ohmgrad::analysis::{Output, Solver};
use ohmgrad::netlist::Netlist;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All decks below a folder.
fn decks(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of decks") {
        let path = entry.expect("a folder entry").path();
        if path.is_dir() {
            found.extend(decks(&path));
        } else if path.extension().is_some_and(|e| e == "cir") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The number of outputs that a deck expects, or what is wrong.
fn check(path: &Path) -> Result<usize, String> {
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    let expected = expectations(&text);
    if expected.is_empty() {
        return Ok(0);
    }
    let netlist = Netlist::read(path).map_err(|e| e.to_string())?;
    let mut solver = Solver::from_netlist(&netlist).map_err(|e| e.to_string())?;
    let op = solver.operating_point().map_err(|e| e.to_string())?;
    for (name, expected) in &expected {
        let output = Output::parse(&solver.circuit, name).map_err(|e| e.to_string())?;
        let got = output.value(&solver.circuit, &op);
        let floor = if name.starts_with('i') { 1e-12 } else { 1e-9 };
        if (got - expected).abs() > floor + 1e-8 * expected.abs() {
            return Err(format!("{name}: {got} against {expected}"));
        }
    }
    Ok(expected.len())
}

#[test]
fn every_deck_settles_where_its_comments_expect_it() {
    let (mut checked, mut failures) = (0, Vec::new());
    let hard = root().join("circuits/hard");
    // Those have a test and tolerances of their own: tests/hard.rs.
    let others = decks(&root().join("circuits"));
    for path in others.iter().filter(|path| !path.starts_with(&hard)) {
        match check(path) {
            Ok(count) => checked += count,
            Err(error) => failures.push(format!("{}: {error}", path.display())),
        }
    }
    println!("{checked} expectations");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(checked >= 100, "only {checked} expectations");
}

/// From ngspice, or from the deck's own comments.
#[test]
fn every_deck_of_the_dialects_has_an_answer() {
    for folder in ["dialect", "behavioural", "diode", "controlled"] {
        for path in decks(&root().join("circuits").join(folder)) {
            let text = std::fs::read_to_string(&path).expect("a deck");
            let stem = path.file_stem().expect("a name").to_string_lossy();
            let golden = root().join(format!("tests/golden/{folder}-{stem}.json"));
            let is_answered = golden.exists() || !expectations(&text).is_empty();
            assert!(is_answered, "{} has no answer", path.display());
        }
    }
}
