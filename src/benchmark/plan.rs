//! What is to be measured.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::circuit::generators::Family;

use super::SolverKind;

/// A circuit: one of a family, or a user's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum Subject {
    Generated {
        family: Family,
        /// Elements asked for.
        size: usize,
        seed: u64,
    },
    Deck {
        deck: PathBuf,
    },
}

impl Subject {
    /// The family, or the deck's file.
    pub fn name(&self) -> String {
        match self {
            Self::Generated { family, .. } => family.to_string(),
            Self::Deck { deck } => deck.display().to_string(),
        }
    }

    pub fn seed(&self) -> Option<u64> {
        match self {
            Self::Generated { seed, .. } => Some(*seed),
            Self::Deck { .. } => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Generated { family, size, .. } => write!(f, "{family} {size}"),
            Self::Deck { deck } => deck.display().fmt(f),
        }
    }
}

/// One solver on one circuit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Cell {
    #[serde(flatten)]
    pub subject: Subject,
    pub solver: SolverKind,
}

/// All cells, and how each is run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// In the order in which they are run: smaller sizes of a family first.
    pub subjects: Vec<Subject>,
    pub solvers: Vec<SolverKind>,
    /// Runs of each cell.
    pub repetitions: usize,
    /// After this long a run is ended.
    pub limit: Duration,
    /// Whether to count calls, flops and bytes of each kernel.
    pub profile: bool,
    /// The program that runs a cell, `ohmgrad` itself.
    pub program: PathBuf,
}

impl Plan {
    /// Families × seeds × sizes, ascending.
    pub fn subjects(families: &[Family], sizes: &[usize], seeds: &[u64]) -> Vec<Subject> {
        let mut sizes = sizes.to_vec();
        sizes.sort_unstable();
        sizes.dedup();
        let mut subjects = Vec::with_capacity(families.len() * sizes.len() * seeds.len());
        for &family in families {
            for &size in &sizes {
                for &seed in seeds {
                    subjects.push(Subject::Generated { family, size, seed });
                }
            }
        }
        subjects
    }

    pub fn cells(&self) -> usize {
        self.subjects.len() * self.solvers.len()
    }
}
