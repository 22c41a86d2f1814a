//! Who solves.

use std::fmt;

use super::external::is_on_path;

/// A way to an operating point.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum SolverKind {
    /// What `op` takes
    Auto,
    /// Newton, sparse Cholesky of the reduced nodal matrix
    Cholesky,
    /// Newton, conjugate gradients behind an algebraic multigrid
    Multigrid,
    /// Newton, sparse LU
    Lu,
    /// Newton, dense LU with partial pivoting
    Dense,
    /// Newton, conjugate gradients behind an incomplete Cholesky factorization
    Cg,
    /// Newton in lock-step, static order: the engine of batches
    Elimination,
    /// Block coordinate descent on the co-content: the other engine of batches
    CoordinateDescent,
    /// Operator splittings of the kernel equation (resistors, ideal diodes)
    ForwardBackward,
    DouglasRachford,
    PeacemanRachford,
    /// ngspice with its own sparse solver
    Ngspice,
    /// ngspice with KLU, in a build that has it
    NgspiceKlu,
    Xyce,
    Gnucap,
}

impl SolverKind {
    pub const OWN: [Self; 11] = [
        Self::Auto,
        Self::Cholesky,
        Self::Multigrid,
        Self::Lu,
        Self::Dense,
        Self::Cg,
        Self::Elimination,
        Self::CoordinateDescent,
        Self::ForwardBackward,
        Self::DouglasRachford,
        Self::PeacemanRachford,
    ];

    pub const EXTERNAL: [Self; 4] = [Self::Ngspice, Self::NgspiceKlu, Self::Xyce, Self::Gnucap];

    /// All of ours, and those whose programs are on PATH.
    pub fn available() -> Vec<Self> {
        let is_there = |solver: &Self| solver.program().is_some_and(is_on_path);
        let external = Self::EXTERNAL.into_iter().filter(is_there);
        Self::OWN.into_iter().chain(external).collect()
    }

    /// The program that has to be on PATH.
    pub fn program(self) -> Option<&'static str> {
        match self {
            Self::Ngspice | Self::NgspiceKlu => Some("ngspice"),
            Self::Xyce => Some("Xyce"),
            Self::Gnucap => Some("gnucap"),
            _ => None,
        }
    }
}

impl fmt::Display for SolverKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Cholesky => "cholesky",
            Self::Multigrid => "multigrid",
            Self::Lu => "lu",
            Self::Dense => "dense",
            Self::Cg => "cg",
            Self::Elimination => "elimination",
            Self::CoordinateDescent => "coordinate-descent",
            Self::ForwardBackward => "forward-backward",
            Self::DouglasRachford => "douglas-rachford",
            Self::PeacemanRachford => "peaceman-rachford",
            Self::Ngspice => "ngspice",
            Self::NgspiceKlu => "ngspice-klu",
            Self::Xyce => "xyce",
            Self::Gnucap => "gnucap",
        })
    }
}
