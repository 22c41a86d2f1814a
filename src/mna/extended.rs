//! The reduced Jacobian where double precision loses its small entries.
//!
//! A node that a milliohm ties to its neighbour and a gigohm to ground has a diagonal entry in which
//! double precision loses the gigohm, and with it the potential. Where all there is are conductances,
//! the star-mesh transformation never forms that entry. Elsewhere it is formed in 31 digits: elimination
//! costs some thirty times as much and bears conductances 28 orders of magnitude apart.

use std::sync::Arc;

use crate::linear::{
    EliminationPattern, Extended, LinearError, LuFactor, LuSymbolic, Matrix, Method, StarMeshFactor,
};

use super::precise::Sums;
use super::{Entries, Slot, System};

/// What is known of the elimination before there are numbers.
#[derive(Debug)]
pub(super) enum PreciseSymbolic {
    StarMesh(Arc<EliminationPattern>),
    Lu(Arc<LuSymbolic>),
}

impl PreciseSymbolic {
    /// # Errors
    /// [`LinearError::OutOfMemory`].
    pub(super) fn analyze(pattern: &Matrix, method: Method) -> Result<Self, LinearError> {
        Ok(match method {
            Method::Cholesky => Self::StarMesh(Arc::new(EliminationPattern::analyze(pattern)?)),
            Method::Lu => Self::Lu(Arc::new(LuSymbolic::analyze_without_blocks(pattern)?)),
        })
    }
}

/// Jacobian and factors in force instead of the workspace's own.
#[derive(Debug)]
pub(super) enum PreciseJacobian {
    StarMesh(Box<StarMesh>),
    Extended(Box<ExtendedJacobian>),
}

impl PreciseJacobian {
    /// # Errors
    /// [`LinearError::OutOfMemory`].
    pub(super) fn new(system: &System) -> Result<Self, LinearError> {
        Ok(match system.precise_symbolic()? {
            PreciseSymbolic::StarMesh(symbolic) => PreciseJacobian::StarMesh(Box::new(StarMesh {
                conductances: Conductances(vec![0.0; system.pattern.nnz()]),
                factor: StarMeshFactor::new(symbolic.clone()),
            })),
            PreciseSymbolic::Lu(symbolic) => {
                let factor = LuFactor::new(symbolic.clone());
                PreciseJacobian::Extended(Box::new(ExtendedJacobian::new(system, factor)))
            }
        })
    }

    /// `J x = b` in place.
    pub(super) fn solve(&mut self, b: &mut [f64]) {
        match self {
            PreciseJacobian::StarMesh(mesh) => mesh.factor.solve(b),
            PreciseJacobian::Extended(jacobian) => jacobian.solve_with(b, LuFactor::solve),
        }
    }

    /// `J' x = b` in place.
    pub(super) fn solve_transpose(&mut self, b: &mut [f64]) {
        match self {
            PreciseJacobian::StarMesh(mesh) => mesh.factor.solve(b),
            PreciseJacobian::Extended(jacobian) => {
                jacobian.solve_with(b, LuFactor::solve_transpose)
            }
        }
    }
}

#[derive(Debug)]
pub(super) struct StarMesh {
    conductances: Conductances,
    factor: StarMeshFactor,
}

/// Conductances between nodes, in the place of off-diagonal entries, and to ground, in that of
/// diagonal ones.
#[derive(Debug)]
pub(super) struct Conductances(Vec<f64>);

impl Entries for Conductances {
    #[inline]
    fn add(&mut self, index: usize, value: f64) {
        self.0.as_mut_slice().add(index, value);
    }

    #[inline]
    fn add_pair(&mut self, [pp, nn, pn, np]: [Slot; 4], g: f64) {
        if pp == nn {
            // One unknown stands for both nodes, or for neither.
        } else if pp == Slot::NONE || nn == Slot::NONE {
            pp.add(self, g);
            nn.add(self, g);
        } else {
            pn.add(self, g);
            np.add(self, g);
        }
    }
}

impl StarMesh {
    /// Factors the conductances that `load` adds up.
    pub(super) fn factor(
        &mut self,
        load: impl FnOnce(&mut Conductances),
    ) -> Result<(), LinearError> {
        self.conductances.0.fill(0.0);
        load(&mut self.conductances);
        self.factor.factor(&self.conductances.0)
    }
}

#[derive(Debug)]
pub(super) struct ExtendedJacobian {
    sums: Sums,
    nonzeros: Vec<Extended>,
    factor: LuFactor<Extended>,
    solution: Vec<Extended>,
}

impl ExtendedJacobian {
    pub(super) fn new(system: &System, factor: LuFactor<Extended>) -> Self {
        let zero = Extended::from(0.0);
        Self {
            sums: Sums::new(system.pattern.nnz()),
            nonzeros: vec![zero; system.pattern.nnz()],
            factor,
            solution: vec![zero; system.order],
        }
    }

    /// Factors the matrix whose entries `load` adds up.
    pub(super) fn factor(
        &mut self,
        system: &System,
        load: impl FnOnce(&mut Sums),
    ) -> Result<(), LinearError> {
        self.sums.clear();
        load(&mut self.sums);
        for (entry, (high, low)) in self.nonzeros.iter_mut().zip(self.sums.iter()) {
            *entry = Extended::from(high) + Extended::from(low);
        }
        self.factor.factor(&system.pattern, &self.nonzeros)
    }

    fn solve_with(&mut self, b: &mut [f64], solve: fn(&mut LuFactor<Extended>, &mut [Extended])) {
        for (x, b) in self.solution.iter_mut().zip(b.iter()) {
            *x = Extended::from(*b);
        }
        solve(&mut self.factor, &mut self.solution);
        for (b, x) in b.iter_mut().zip(&self.solution) {
            *b = x.0 + x.1;
        }
    }
}
