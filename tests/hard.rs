//! The decks in circuits/hard: each has the outcome that its comments state, within a time bound.
//! `tests/golden/hard.py` writes them and says what the comments mean.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use common::{bisect, expectations};
use ohmgrad::analysis::{OperatingPoint, Output, Solver};
use ohmgrad::circuit::{Circuit, NodeId};
use ohmgrad::device::{Device, Environment, Shockley, ShockleyParameters};
use ohmgrad::netlist::Netlist;

/// For one deck in the dev profile.
const LONGEST: Duration = Duration::from_secs(10);

fn decks() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("circuits/hard");
    let entries = std::fs::read_dir(folder).expect("a folder of decks");
    let paths = entries.map(|e| e.expect("a folder entry").path());
    let mut decks: Vec<_> = paths
        .filter(|p| p.extension().is_some_and(|e| e == "cir"))
        .collect();
    decks.sort();
    decks
}

/// What stands behind `* word ` in the lines of a deck.
fn comments<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| {
        line.strip_prefix("* ")?
            .strip_prefix(word)?
            .strip_prefix(' ')
    })
}

fn number(text: &str) -> f64 {
    ohmgrad::units::parse_number(text.trim()).expect("a number")
}

/// Settles a deck that has solutions.
fn settle(path: &Path) -> Result<(Solver, OperatingPoint), String> {
    let netlist = Netlist::read(path).map_err(|e| e.to_string())?;
    let mut solver = Solver::from_netlist(&netlist).map_err(|e| e.to_string())?;
    let op = solver.operating_point().map_err(|e| e.to_string())?;
    Ok((solver, op))
}

fn check_values(path: &Path, text: &str) -> Result<(), String> {
    let one = |name: &str, default| comments(text, name).next().map_or(default, number);
    let (relative, floor) = (one("tolerance", 1e-9), one("floor", 1e-24));
    let choices = comments(text, "expect-one").map(|line| {
        let (output, values) = line.split_once('=').expect("an output and its values");
        (output.trim().to_string(), values.split('|').collect())
    });
    let choices: Vec<(String, Vec<&str>)> = choices.collect();
    let (solver, op) = match settle(path) {
        Err(_)
            if choices
                .iter()
                .any(|(_, v)| v.iter().any(|v| v.trim() == "error")) =>
        {
            return Ok(());
        }
        settled => settled?,
    };
    let value = |name: &str| {
        let output = Output::parse(&solver.circuit, name).map_err(|e| e.to_string())?;
        Ok::<f64, String>(output.value(&solver.circuit, &op))
    };
    let agrees =
        |got: f64, expected: f64| (got - expected).abs() <= floor + relative * expected.abs();
    for (name, expected) in expectations(text) {
        let got = value(&name)?;
        if !agrees(got, expected) {
            return Err(format!("{name}: {got:e} against {expected:e}"));
        }
    }
    for (name, values) in choices {
        let got = value(&name)?;
        if !values
            .iter()
            .filter(|v| v.trim() != "error")
            .any(|v| agrees(got, number(v)))
        {
            return Err(format!("{name}: {got:e} is none of {values:?}"));
        }
    }
    Ok(())
}

/// `* expect-error 1 word this|that`: the exit code, and what the message must hold.
fn check_error(path: &Path, line: &str) -> Result<(), String> {
    let (code, words) = line.split_once(' ').expect("a code and words");
    let output = Command::new(env!("CARGO_BIN_EXE_ohmgrad"))
        .arg("op")
        .arg(path)
        .output();
    let output = output.map_err(|e| e.to_string())?;
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    let found = output.status.code().map(|c| c.to_string());
    if found.as_deref() != Some(code) {
        return Err(format!("exit code {found:?} in place of {code}: {message}"));
    }
    let is_missing = |words: &&str| !words.split('|').any(|word| message.contains(word));
    match words.split_whitespace().find(is_missing) {
        Some(word) => Err(format!("`{word}` is missing in: {message}")),
        None => Ok(()),
    }
}

fn check(path: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    let start = Instant::now();
    match comments(&text, "expect-error").next() {
        Some(line) => check_error(path, line),
        None => check_values(path, &text),
    }?;
    let taken = start.elapsed();
    match taken < LONGEST {
        true => Ok(()),
        false => Err(format!("{:.1} s", taken.as_secs_f64())),
    }
}

#[test]
fn every_hard_deck_has_the_outcome_that_it_states() {
    let decks = decks();
    assert!(decks.len() >= 35, "only {} decks", decks.len());
    let outcomes = decks.iter().map(|path| {
        let name = path.file_stem().expect("a name").to_string_lossy();
        (name, check(path))
    });
    let wrong = outcomes.filter_map(|(name, outcome)| match outcome {
        Err(error) => Some(format!("{name}: {error}")),
        Ok(()) => None,
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A ladder of `stages` resistors from `n0` on, with what `shunt` puts between each node and ground.
fn ladder(
    stages: usize,
    source: f64,
    resistance: f64,
    mut shunt: impl FnMut() -> Device,
) -> (Circuit, Vec<NodeId>) {
    let mut circuit = Circuit::new("a ladder");
    let nodes: Vec<NodeId> = (0..=stages)
        .map(|k| circuit.node(&format!("n{k}")))
        .collect();
    let ground = NodeId::GROUND;
    let source = Device::VoltageSource { voltage: source };
    circuit
        .add("v1", source, [nodes[0], ground])
        .expect("a new name");
    for (k, pair) in nodes.windows(2).enumerate() {
        let resistor = Device::Resistor { resistance };
        circuit
            .add(&format!("r{k}"), resistor, [pair[0], pair[1]])
            .expect("a new name");
        circuit
            .add(&format!("s{k}"), shunt(), [pair[1], ground])
            .expect("a new name");
    }
    (circuit, nodes)
}

const STAGES: usize = 100_000;

fn settle_in_time(circuit: Circuit) -> (Solver, OperatingPoint) {
    let start = Instant::now();
    let mut solver = Solver::new(circuit).expect("a sound circuit");
    let op = solver.operating_point().expect("an operating point");
    let taken = start.elapsed();
    assert!(taken < LONGEST, "{taken:?}");
    (solver, op)
}

#[test]
fn a_ladder_of_a_hundred_thousand_equal_resistors_ends_in_the_golden_ratio() {
    let (circuit, nodes) = ladder(STAGES, 1.0, 1.0, || Device::Resistor { resistance: 1.0 });
    let (solver, op) = settle_in_time(circuit);
    let golden = 0.5 * (1.0 + 5.0f64.sqrt());
    let source = solver.circuit.find_element("v1").expect("the source");
    let current = op.current(&solver.circuit, source);
    assert!((current * golden + 1.0).abs() < 1e-12, "{current}");
    for k in [1, 2, 10, 100, 300] {
        let expected = golden.powi(-2 * k as i32);
        let got = op.potentials[nodes[k].index()];
        assert!(
            (got / expected - 1.0).abs() < 1e-9,
            "node {k}: {got:e} against {expected:e}"
        );
    }
}

/// `v_k = V cosh((n - k + 1/2) t)/cosh((n + 1/2) t)` with `2 cosh t = 2 + R/Rshunt`.
#[test]
fn a_long_ladder_follows_the_hyperbolic_cosine() {
    let shunt = 1e10;
    let (circuit, nodes) = ladder(STAGES, 1.0, 1.0, || Device::Resistor { resistance: shunt });
    let (_, op) = settle_in_time(circuit);
    let t = 2.0 * (0.5 * (1.0 / shunt).sqrt()).asinh();
    let at = |k: usize| ((STAGES - k) as f64 + 0.5) * t;
    for k in (0..=STAGES).step_by(997) {
        let expected = at(k).cosh() / at(0).cosh();
        let got = op.potentials[nodes[k].index()];
        assert!(
            (got / expected - 1.0).abs() < 1e-9,
            "node {k}: {got} against {expected}"
        );
    }
}

#[test]
fn a_ladder_of_a_hundred_thousand_diodes_follows_the_recursion_from_its_end() {
    let vt = 1.38064852e-23 * 300.15 / 1.6021766208e-19;
    let (saturation, gmin) = (1e-12, 1e-12);
    let current = |v: f64| saturation * (v / vt).exp_m1() + gmin * v;
    let potentials = |end: f64| {
        let (mut v, mut i) = (vec![end], 0.0);
        for k in 0..STAGES {
            i += current(v[k]);
            v.push((v[k] + i).min(100.0));
        }
        v.reverse();
        v
    };
    let end = bisect(0.0, 1.0, |end| potentials(end)[0] - 1.0);
    let expected = potentials(end);
    let parameters = ShockleyParameters {
        saturation_current: saturation,
        ..ShockleyParameters::default()
    };
    let diode = Shockley::new(parameters, Environment::default()).expect("usable parameters");
    let (circuit, nodes) = ladder(STAGES, expected[0], 1.0, || diode.clone().into());
    let (_, op) = settle_in_time(circuit);
    for k in (0..=STAGES).step_by(997) {
        let got = op.potentials[nodes[k].index()];
        assert!(
            (got / expected[k] - 1.0).abs() < 1e-8,
            "node {k}: {got} against {}",
            expected[k]
        );
    }
}
