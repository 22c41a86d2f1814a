//! The same circuits in ngspice at its default options.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use ohmgrad::circuit::{Circuit, Simulator};
use ohmgrad::device::{Device, OnePort, Parameter};
use rayon::prelude::*;
use serde::Serialize;

use super::{Family, examine};

const TIME_LIMIT: Duration = Duration::from_secs(20);
/// ngspice's own RELTOL and VNTOL.
const RELATIVE: f64 = 1e-3;
const ABSOLUTE: f64 = 1e-6;
/// Options under which ngspice settles as well as double precision allows.
const TIGHT: &str = ".options reltol=1e-10 abstol=1e-18 vntol=1e-15 itl1=2000 itl2=1000";

/// What ngspice made of a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Outcome {
    Right,
    /// Right at tight options only.
    Tolerance,
    Wrong,
    /// No numbers at tight options either to tell why.
    WrongOrStuck,
    NoConvergence,
    Singular,
    Timeout,
    Crash,
    OtherError,
    /// No verified operating point of ours to compare with.
    Unknown,
}

/// Outcomes of all circuits, and of those with some feature.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SideBySide {
    pub outcomes: BTreeMap<Outcome, usize>,
    pub by_feature: BTreeMap<&'static str, BTreeMap<Outcome, usize>>,
    /// Numbers of the circuits, by outcome.
    pub seeds: BTreeMap<Outcome, Vec<u64>>,
}

/// The first `count` circuits from `first` on that ngspice has elements for.
pub fn compare(
    family: Family,
    first: u64,
    count: usize,
    limit: Duration,
    done: impl Fn() + Sync,
) -> SideBySide {
    let build = |seed: u64| family.wild(seed).build().expect("a sound circuit");
    let suitable = (first..).filter(|&seed| is_plain(&build(seed)));
    let seeds: Vec<u64> = suitable.take(count).collect();
    let outcomes: Vec<(u64, Outcome, Vec<&'static str>)> = seeds
        .into_par_iter()
        .map(|seed| {
            let circuit = build(seed);
            let outcome = outcome(family, seed, &circuit, limit);
            done();
            (seed, outcome, features(&circuit))
        })
        .collect();
    let mut table = SideBySide::default();
    for (seed, outcome, features) in outcomes {
        *table.outcomes.entry(outcome).or_default() += 1;
        table.seeds.entry(outcome).or_default().push(seed);
        for feature in features {
            let row = table.by_feature.entry(feature).or_default();
            *row.entry(outcome).or_default() += 1;
        }
    }
    table
}

/// Nothing in it but what ngspice has itself.
fn is_plain(circuit: &Circuit) -> bool {
    circuit.elements().all(|(_, e)| match &e.device {
        Device::IdealDiode => false,
        Device::OnePort(one_port) => match &**one_port {
            OnePort::Shockley(diode) => !diode.card().contains(&("level", 2.0)),
            _ => false,
        },
        _ => true,
    })
}

fn features(circuit: &Circuit) -> Vec<&'static str> {
    let diodes = || {
        circuit.elements().filter_map(|(_, e)| match &e.device {
            Device::OnePort(one_port) => Some((**one_port).clone()),
            _ => None,
        })
    };
    let any = |parameter, f: fn(f64) -> bool| diodes().any(|d| d.value(parameter).is_some_and(f));
    let (low, high) =
        circuit
            .elements()
            .fold((f64::INFINITY, 0.0f64), |(low, high), (_, e)| {
                match e.device {
                    Device::Resistor { resistance } => (low.min(resistance), high.max(resistance)),
                    _ => (low, high),
                }
            });
    let has_diodes = diodes().next().is_some();
    let list = [
        ("no diode", !has_diodes),
        ("N < 0.1", any(Parameter::EmissionCoefficient, |n| n < 0.1)),
        ("RS", any(Parameter::SeriesResistance, |r| r > 0.0)),
        (
            "RS < 1 mohm",
            any(Parameter::SeriesResistance, |r| r > 0.0 && r < 1e-3),
        ),
        ("BV", any(Parameter::BreakdownVoltage, |_| true)),
        ("R over 3 decades or less", high <= 1e3 * low),
        (
            "R over 3 to 9 decades",
            high > 1e3 * low && high <= 1e9 * low,
        ),
        ("R over more than 9 decades", high > 1e9 * low),
        ("30 nodes or less", circuit.node_count() <= 31),
        ("more than 30 nodes", circuit.node_count() > 31),
    ];
    list.into_iter()
        .filter_map(|(name, has)| has.then_some(name))
        .collect()
}

fn outcome(family: Family, seed: u64, circuit: &Circuit, limit: Duration) -> Outcome {
    let record = examine(family, seed, limit);
    let ours = match record.result {
        Ok(solved) if solved.verdict.faults.is_empty() => solved.op.potentials,
        _ => return Outcome::Unknown,
    };
    let deck = match circuit.to_spice_for(Simulator::Ngspice) {
        Ok(deck) => deck,
        Err(_) => return Outcome::Unknown,
    };
    match ngspice(&deck, "") {
        Err(outcome) => outcome,
        Ok(values) if agrees(circuit, &ours, &values) => Outcome::Right,
        Ok(_) => match ngspice(&deck, TIGHT) {
            Ok(values) if agrees(circuit, &ours, &values) => Outcome::Tolerance,
            Ok(_) => Outcome::Wrong,
            Err(_) => Outcome::WrongOrStuck,
        },
    }
}

fn agrees(circuit: &Circuit, ours: &[f64], theirs: &HashMap<String, f64>) -> bool {
    circuit.nodes().zip(ours).skip(1).all(|((_, node), ours)| {
        let theirs = theirs.get(node.name.as_str());
        theirs.is_some_and(|v| (v - ours).abs() <= RELATIVE * ours.abs() + ABSOLUTE)
    })
}

/// The operating point as ngspice prints it.
fn ngspice(deck: &str, options: &str) -> Result<HashMap<String, f64>, Outcome> {
    let folder = tempfile::tempdir().map_err(|_| Outcome::OtherError)?;
    let path = folder.path().join("deck.cir");
    let body = deck.trim_end().trim_end_matches(".end");
    let control = ".control\nset numdgt=17\nop\nprint all\n.endc\n.end\n";
    let text = format!("{body}\n{options}\n{control}");
    std::fs::write(&path, text).map_err(|_| Outcome::OtherError)?;
    let printed = folder.path().join("printed");
    let status = run(&path, &printed)?;
    let bytes = std::fs::read(&printed).map_err(|_| Outcome::OtherError)?;
    let text = String::from_utf8_lossy(&bytes).to_lowercase();
    let number = |line: &str| {
        let (name, value) = line.split_once(" = ")?;
        Some((name.trim().to_string(), value.trim().parse().ok()?))
    };
    let values: HashMap<String, f64> = text.lines().filter_map(number).collect();
    match status.code() {
        None => Err(Outcome::Crash),
        _ if values.contains_key("n1") => Ok(values),
        _ if text.contains("singular") => Err(Outcome::Singular),
        _ if text.contains("convergence") || text.contains("aborted") => {
            Err(Outcome::NoConvergence)
        }
        _ => Err(Outcome::OtherError),
    }
}

fn run(deck: &Path, printed: &Path) -> Result<ExitStatus, Outcome> {
    let file = File::create(printed).map_err(|_| Outcome::OtherError)?;
    let copy = file.try_clone().map_err(|_| Outcome::OtherError)?;
    let mut child = Command::new("ngspice")
        .arg("-b")
        .arg(deck)
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(copy)
        .spawn()
        .map_err(|_| Outcome::OtherError)?;
    let begin = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if begin.elapsed() < TIME_LIMIT => {
                std::thread::sleep(Duration::from_millis(5));
            }
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(Outcome::Timeout);
            }
        }
    }
}
