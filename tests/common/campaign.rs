//! Random circuits solved and verified in great numbers.
#![allow(dead_code)]

pub mod diode_law;
pub mod double_double;
pub mod exact;
pub mod side_by_side;
pub mod summary;
pub mod verify;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use ohmgrad::analysis::{OperatingPoint, operating_point};
use ohmgrad::circuit::Circuit;
use ohmgrad::circuit::generators::{Kind, Wild};
use rayon::prelude::*;

use exact::{Comparison, Forward};
use verify::Verdict;

/// Circuits of at most so many unknowns are solved a second time in 32 digits.
const EXACT_UNKNOWNS: usize = 40;
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
    pub exact: Comparison,
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
        // Whoever waits here may be a thread of the pool that large factorizations want.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        let solve = || operating_point(&own).map_err(|error| error.to_string());
        let result = match pool {
            Ok(pool) => pool.install(solve),
            Err(error) => Err(error.to_string()),
        };
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
        let exact = exact::compare(&circuit, &op, EXACT_UNKNOWNS);
        if let Comparison::Known(Forward { potentials, .. }) = exact
            && !(potentials <= LARGEST_ERROR)
        {
            let fault = format!("potentials are off by {potentials:.1e} of the largest");
            verdict.faults.push(fault);
        }
        Solved {
            strategy: op.convergence.strategy.to_string(),
            iterations: op.convergence.iterations,
            verdict,
            exact,
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
