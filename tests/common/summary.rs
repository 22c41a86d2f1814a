//! What became of many circuits, in a few numbers.

use std::collections::BTreeMap;

use serde::Serialize;

use super::exact::{Comparison, Forward};
use super::{Record, Solved};

/// Quantiles of a list of numbers, and whose the largest is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Quantiles {
    pub count: usize,
    pub median: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
    pub seed: u64,
}

impl Quantiles {
    pub fn of(mut values: Vec<(f64, u64)>) -> Self {
        values.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        let Some(&(max, seed)) = values.last() else {
            return Self::default();
        };
        let last = (values.len() - 1) as f64;
        let at = |share: f64| values[(share * last).round() as usize].0;
        Self {
            count: values.len(),
            median: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            max,
            seed,
        }
    }
}

/// A circuit that is not as it should be.
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
    /// Circuits in which everything holds to 1e-9 of itself, however potentials are rounded.
    pub strict: usize,
    /// Circuits whose exact solution was looked for and not found.
    pub open: usize,
    pub unsolved: Vec<Failure>,
    pub unverified: Vec<Failure>,
    pub strategies: BTreeMap<String, usize>,
    pub measures: Vec<Measure>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Measure {
    pub name: &'static str,
    #[serde(flatten)]
    pub quantiles: Quantiles,
}

impl Summary {
    pub fn of(records: &[Record]) -> Self {
        let solved: Vec<(u64, &Solved)> = records
            .iter()
            .filter_map(|r| Some((r.seed, r.result.as_ref().ok()?)))
            .collect();
        let count = |f: &dyn Fn(&Solved) -> bool| solved.iter().filter(|(_, s)| f(s)).count();
        let failures = |is_solved: bool| {
            let some = records.iter().filter(|r| r.result.is_ok() == is_solved);
            some.filter_map(failure).collect()
        };
        let mut strategies = BTreeMap::new();
        for (_, s) in &solved {
            *strategies.entry(s.strategy.clone()).or_default() += 1;
        }
        Self {
            circuits: records.len(),
            solved: solved.len(),
            verified: count(&|s| s.verdict.faults.is_empty()),
            strict: count(&|s| s.verdict.is_strict()),
            open: count(&|s| s.exact == Comparison::Open),
            unsolved: failures(false),
            unverified: failures(true),
            strategies,
            measures: measures(records, &solved),
        }
    }

    pub fn is_clean(&self) -> bool {
        self.verified == self.circuits
    }
}

fn failure(record: &Record) -> Option<Failure> {
    Some(Failure {
        seed: record.seed,
        circuit: record.title.clone(),
        message: record.complaint()?,
    })
}

fn measures(records: &[Record], solved: &[(u64, &Solved)]) -> Vec<Measure> {
    let over = |name, f: &dyn Fn(&Solved) -> Option<f64>| {
        let values = solved.iter().filter_map(|(seed, s)| Some((f(s)?, *seed)));
        let quantiles = Quantiles::of(values.collect());
        Measure { name, quantiles }
    };
    let forward = |name, f: &dyn Fn(&Forward) -> Option<f64>| {
        over(name, &|s| match &s.exact {
            Comparison::Known(forward) => f(forward),
            _ => None,
        })
    };
    let seconds = Quantiles::of(records.iter().map(|r| (r.seconds, r.seed)).collect());
    vec![
        over("iterations", &|s| Some(s.iterations as f64)),
        Measure {
            name: "seconds",
            quantiles: seconds,
        },
        over("KCL / largest current", &|s| Some(s.verdict.strict)),
        over("KCL / allowed with rounding", &|s| Some(s.verdict.weak)),
        over("distance from curve / current", &|s| Some(s.verdict.curve)),
        over("complementarity", &|s| Some(s.verdict.complementarity)),
        over("sum of powers / allowed", &|s| Some(s.verdict.tellegen)),
        forward("error of potentials / largest", &|f| Some(f.potentials)),
        forward("error of each potential", &|f| f.each_potential),
        forward("error of each current", &|f| f.each_current),
    ]
}
