//! Random circuits solved and verified in great numbers.
#![allow(dead_code)]

pub mod diode_law;
pub mod double_double;
pub mod exact;
pub mod verify;

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use ohmgrad::analysis::{OperatingPoint, operating_point};
use ohmgrad::circuit::Circuit;
use ohmgrad::circuit::generators::{Kind, Wild};
use rayon::prelude::*;
use serde::Serialize;

use exact::Forward;
use verify::Verdict;

/// Circuits of at most so many unknowns are solved a second time in 32 digits, one of so many.
const EXACT_UNKNOWNS: usize = 40;
const EXACT_EVERY: u64 = 4;
/// Error of the potentials, relative to the largest, beyond which a solution is none.
const LARGEST_ERROR: f64 = 1e-6;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// R, V, I, Shockley, ideal and piecewise-linear diodes, tables.
    Monotone,
    /// The same with ideal transformers and gyrators.
    Rtgd,
}

impl Family {
    pub fn wild(self, seed: u64) -> Wild {
        Wild {
            seed,
            nodes: None,
            kind: (self == Family::Rtgd).then_some(Kind::Rtgd),
        }
    }
}

/// One circuit that was solved.
#[derive(Clone, Debug)]
pub struct Solved {
    pub strategy: String,
    pub iterations: usize,
    pub verdict: Verdict,
    pub forward: Option<Forward>,
    pub op: OperatingPoint,
}

/// What became of one circuit.
#[derive(Clone, Debug)]
pub struct Record {
    pub seed: u64,
    pub title: String,
    pub result: Result<Solved, String>,
    pub seconds: f64,
}

impl Record {
    /// Why it does not count as solved and verified.
    pub fn complaint(&self) -> Option<String> {
        match &self.result {
            Err(error) => Some(error.clone()),
            Ok(solved) => solved.verdict.faults.first().cloned(),
        }
    }
}

/// Solves in a thread of its own, which is left behind when its time is over.
fn solve(circuit: &Circuit, limit: Duration) -> (Result<OperatingPoint, String>, f64) {
    let (sender, receiver) = mpsc::channel();
    let own = circuit.clone();
    let begin = Instant::now();
    let spawned = std::thread::Builder::new().spawn(move || {
        let result = operating_point(&own).map_err(|error| error.to_string());
        // Nobody listens any more once the time is over.
        let _ = sender.send((result, begin.elapsed().as_secs_f64()));
    });
    let late = |why: &str| (Err(why.to_string()), begin.elapsed().as_secs_f64());
    match spawned {
        Err(_) => late("no thread"),
        Ok(_) => match receiver.recv_timeout(limit) {
            Ok(answer) => answer,
            Err(mpsc::RecvTimeoutError::Timeout) => late("out of time"),
            Err(mpsc::RecvTimeoutError::Disconnected) => late("panic"),
        },
    }
}

/// Solves and verifies one circuit.
pub fn examine(family: Family, seed: u64, limit: Duration) -> Record {
    let circuit = family.wild(seed).build().expect("a sound circuit");
    let (result, seconds) = solve(&circuit, limit);
    let result = result.map(|op| {
        let mut verdict = verify::verify(&circuit, &op);
        let wanted = seed.is_multiple_of(EXACT_EVERY);
        let forward = wanted.then(|| exact::compare(&circuit, &op, EXACT_UNKNOWNS));
        let forward = forward.flatten();
        if let Some(error) = forward.as_ref().map(|f| f.potentials) {
            if !(error <= LARGEST_ERROR) {
                let fault = format!("potentials are off by {error:.1e} of the largest");
                verdict.faults.push(fault);
            }
        }
        Solved {
            strategy: op.convergence.strategy.to_string(),
            iterations: op.convergence.iterations,
            verdict,
            forward,
            op,
        }
    });
    Record {
        seed,
        title: circuit.title,
        result,
        seconds,
    }
}

/// All circuits `first..first + count`, in order, whatever the number of threads.
pub fn run(
    family: Family,
    first: u64,
    count: u64,
    limit: Duration,
    done: impl Fn(&Record) + Sync,
) -> Vec<Record> {
    (first..first + count)
        .into_par_iter()
        .map(|seed| {
            let mut record = examine(family, seed, limit);
            done(&record);
            // Potentials of 100,000 circuits would fill the memory.
            if let Ok(solved) = &mut record.result {
                solved.op.potentials.clear();
                solved.op.currents.clear();
                solved.op.power.clear();
                solved.op.diodes.clear();
            }
            record
        })
        .collect()
}

/// Quantiles of a list of numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Quantiles {
    pub count: usize,
    pub median: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

impl Quantiles {
    pub fn of(mut values: Vec<f64>) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        values.sort_by(f64::total_cmp);
        let last = values.len() - 1;
        let at = |share: f64| values[(share * last as f64).round() as usize];
        Self {
            count: values.len(),
            median: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            max: values[last],
        }
    }
}

/// What became of one circuit that is not as it should be.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    pub seed: u64,
    pub circuit: String,
    pub message: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    pub circuits: usize,
    pub solved: usize,
    pub verified: usize,
    pub unsolved: Vec<Failure>,
    pub unverified: Vec<Failure>,
    /// Circuits in which everything holds to 1e-9 of itself, however potentials are rounded.
    pub strict: usize,
    pub iterations: Quantiles,
    pub strategies: BTreeMap<String, usize>,
    /// Sum of currents relative to the largest at the node.
    pub kirchhoff_strict: Quantiles,
    /// Sum of currents in units of what rounded potentials allow.
    pub kirchhoff_weak: Quantiles,
    pub curve: Quantiles,
    pub complementarity: Quantiles,
    pub tellegen: Quantiles,
    /// Error of the potentials relative to the largest one.
    pub forward: Quantiles,
    /// The same, each relative to itself.
    pub forward_each_potential: Quantiles,
    pub forward_each_current: Quantiles,
    pub seconds: Quantiles,
}

impl Summary {
    pub fn of(records: &[Record]) -> Self {
        let solved: Vec<&Solved> = records.iter().flat_map(|r| &r.result).collect();
        let failure = |record: &Record| {
            let message = record.complaint()?;
            Some(Failure {
                seed: record.seed,
                circuit: record.title.clone(),
                message,
            })
        };
        let (good, bad): (Vec<&Record>, Vec<&Record>) =
            records.iter().partition(|r| r.result.is_ok());
        let mut strategies = BTreeMap::new();
        for s in &solved {
            *strategies.entry(s.strategy.clone()).or_default() += 1;
        }
        let over =
            |f: &dyn Fn(&Solved) -> f64| Quantiles::of(solved.iter().map(|s| f(s)).collect());
        let forward = |f: &dyn Fn(&Forward) -> Option<f64>| {
            let all = solved.iter().filter_map(|s| s.forward.as_ref());
            Quantiles::of(all.filter_map(f).collect())
        };
        Self {
            circuits: records.len(),
            solved: solved.len(),
            verified: solved
                .iter()
                .filter(|s| s.verdict.faults.is_empty())
                .count(),
            unsolved: bad.into_iter().filter_map(failure).collect(),
            unverified: good.into_iter().filter_map(failure).collect(),
            strict: solved.iter().filter(|s| s.verdict.is_strict()).count(),
            iterations: over(&|s| s.iterations as f64),
            strategies,
            kirchhoff_strict: over(&|s| s.verdict.strict),
            kirchhoff_weak: over(&|s| s.verdict.weak),
            curve: over(&|s| s.verdict.curve),
            complementarity: over(&|s| s.verdict.complementarity),
            tellegen: over(&|s| s.verdict.tellegen),
            forward: forward(&|f| Some(f.potentials)),
            forward_each_potential: forward(&|f| f.each_potential),
            forward_each_current: forward(&|f| f.each_current),
            seconds: Quantiles::of(records.iter().map(|r| r.seconds).collect()),
        }
    }

    pub fn is_clean(&self) -> bool {
        self.verified == self.circuits
    }
}
