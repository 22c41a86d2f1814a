//! What is measured.

use serde::{Deserialize, Serialize};

use super::Cell;

/// Seconds of each part of one run. Parts that a solver does not have, or does not tell, are zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Phases {
    /// Text to netlist.
    pub parse: f64,
    /// Netlist to circuit.
    pub build: f64,
    /// Topology.
    pub check: f64,
    /// Circuit to equations.
    pub compile: f64,
    /// Order of elimination and pattern of the factors.
    pub order: f64,
    pub devices: f64,
    pub residual: f64,
    pub load: f64,
    pub factor: f64,
    pub solve: f64,
    /// What a solver does between these, or all that it does where its parts are not told.
    pub other: f64,
    /// Branch currents, powers and states of diodes out of the solution.
    pub read: f64,
}

impl Phases {
    /// Each with its name.
    pub fn parts(&self) -> [(&'static str, f64); 12] {
        [
            ("parse", self.parse),
            ("build", self.build),
            ("check", self.check),
            ("compile", self.compile),
            ("order", self.order),
            ("devices", self.devices),
            ("residual", self.residual),
            ("load", self.load),
            ("factor", self.factor),
            ("solve", self.solve),
            ("other", self.other),
            ("read", self.read),
        ]
    }

    /// From equations to their solution.
    pub fn solution(&self) -> f64 {
        self.order
            + self.devices
            + self.residual
            + self.load
            + self.factor
            + self.solve
            + self.other
    }

    /// The middle one of each part.
    pub(super) fn median(all: &[Phases]) -> Phases {
        let of = |part: fn(&Phases) -> f64| Spread::of(all.iter().map(part)).median;
        Phases {
            parse: of(|p| p.parse),
            build: of(|p| p.build),
            check: of(|p| p.check),
            compile: of(|p| p.compile),
            order: of(|p| p.order),
            devices: of(|p| p.devices),
            residual: of(|p| p.residual),
            load: of(|p| p.load),
            factor: of(|p| p.factor),
            solve: of(|p| p.solve),
            other: of(|p| p.other),
            read: of(|p| p.read),
        }
    }
}

/// A part of a solve against what the machine could do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kernel {
    pub name: String,
    pub calls: u64,
    /// Of all calls.
    pub seconds: f64,
    /// Of all calls; none where they cannot be counted.
    pub flops: Option<f64>,
    /// Of all calls, each number counted once.
    pub bytes: f64,
}

/// One run of one solver.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    pub phases: Phases,
    /// Seconds from the begin of the process to the solution; those of the checks that belong to the
    /// benchmark are not in it.
    pub process: f64,
    /// Seconds of these checks.
    #[serde(default)]
    pub aside: f64,
    pub elements: Option<usize>,
    pub unknowns: Option<usize>,
    pub nonzeros: Option<usize>,
    /// Nonzeros of the factor L.
    pub fill: Option<usize>,
    /// Newton steps, sweeps or iterations of a splitting.
    pub iterations: Option<usize>,
    /// How the solution was found.
    pub strategy: Option<String>,
    /// The largest part of the currents that meet at a node which does not balance; none where branch
    /// currents are unknowns that a solver does not tell.
    pub residual: Option<f64>,
    pub peak_bytes: Option<u64>,
    pub kernels: Vec<Kernel>,
}

/// How one run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Measured(Box<Measurement>),
    /// The solver is not made for this circuit; why.
    DoesNotFit(String),
    /// The solver has no answer; its reason.
    Failed(String),
    /// It was ended after so many seconds.
    OverLimit(f64),
}

/// Median, least and most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Spread {
    /// Zeros for nothing.
    pub fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.collect();
        sorted.sort_by(f64::total_cmp);
        let Some((&least, &most)) = sorted.first().zip(sorted.last()) else {
            return Self::default();
        };
        let half = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            1 => sorted[half],
            _ => 0.5 * (sorted[half - 1] + sorted[half]),
        };
        Self {
            median,
            least,
            most,
        }
    }
}

/// All runs of one cell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    pub runs: usize,
    /// Seconds of the whole process.
    pub process: Spread,
    /// Seconds from equations to their solution.
    pub solution: Spread,
    /// Medians.
    pub phases: Phases,
    /// The largest of all runs.
    pub peak_bytes: Option<u64>,
    /// The largest difference of a node's potential from that of the reference, relative to the largest
    /// potential; none for the reference itself.
    pub disagreement: Option<f64>,
    /// What does not change from run to run.
    #[serde(flatten)]
    pub first: Facts,
}

/// What a solver tells of its solution.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Facts {
    pub unknowns: Option<usize>,
    pub nonzeros: Option<usize>,
    pub fill: Option<usize>,
    pub iterations: Option<usize>,
    pub strategy: Option<String>,
    pub residual: Option<f64>,
    pub kernels: Vec<Kernel>,
}

impl Summary {
    pub(super) fn of(runs: &[Measurement], disagreement: Option<f64>) -> Self {
        let phases: Vec<Phases> = runs.iter().map(|run| run.phases).collect();
        let first = runs.first().cloned().unwrap_or_default();
        Self {
            runs: runs.len(),
            process: Spread::of(runs.iter().map(|run| run.process)),
            solution: Spread::of(phases.iter().map(Phases::solution)),
            phases: Phases::median(&phases),
            peak_bytes: runs.iter().filter_map(|run| run.peak_bytes).max(),
            disagreement,
            first: Facts {
                unknowns: first.unknowns,
                nonzeros: first.nonzeros,
                fill: first.fill,
                iterations: first.iterations,
                strategy: first.strategy,
                residual: first.residual,
                kernels: first.kernels,
            },
        }
    }
}

/// How a cell ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Result {
    Measured(Box<Summary>),
    DoesNotFit {
        reason: String,
    },
    Failed {
        reason: String,
    },
    /// The limit, s.
    OverLimit {
        limit: f64,
    },
    /// It was over the limit at a smaller size of so many elements.
    Skipped {
        elements: usize,
    },
}

/// A cell and how it ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Record {
    #[serde(flatten)]
    pub cell: Cell,
    /// Elements of its circuit.
    pub elements: usize,
    #[serde(flatten)]
    pub result: Result,
}

impl Record {
    pub fn summary(&self) -> Option<&Summary> {
        match &self.result {
            Result::Measured(summary) => Some(summary),
            _ => None,
        }
    }
}
