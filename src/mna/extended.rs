//! The reduced Jacobian in twice the working precision.
//!
//! A node that a milliohm ties to its neighbour and a gigohm to ground has a diagonal entry in which
//! double precision loses the gigohm, and with it the potential. In 31 digits it stays, up to
//! conductances 28 orders of magnitude apart. Elimination costs some thirty times as much.

use crate::linear::{Extended, Factor, LinearError};

use super::System;
use super::precise::Sums;

#[derive(Debug)]
pub(super) struct ExtendedJacobian {
    sums: Sums,
    nonzeros: Vec<Extended>,
    factor: Factor<Extended>,
    solution: Vec<Extended>,
}

impl ExtendedJacobian {
    pub(super) fn new(system: &System) -> Self {
        let zero = Extended::from(0.0);
        Self {
            sums: Sums::new(system.pattern.nnz()),
            nonzeros: vec![zero; system.pattern.nnz()],
            factor: system.symbolic.factor(),
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

    pub(super) fn solve(&mut self, b: &mut [f64]) {
        self.solve_with(b, Factor::solve);
    }

    pub(super) fn solve_transpose(&mut self, b: &mut [f64]) {
        self.solve_with(b, Factor::solve_transpose);
    }

    fn solve_with(&mut self, b: &mut [f64], solve: fn(&mut Factor<Extended>, &mut [Extended])) {
        for (x, b) in self.solution.iter_mut().zip(b.iter()) {
            *x = Extended::from(*b);
        }
        solve(&mut self.factor, &mut self.solution);
        for (b, x) in b.iter_mut().zip(&self.solution) {
            *b = x.0 + x.1;
        }
    }

    /// The entries, rounded to double precision.
    pub(super) fn rounded(&self, nonzeros: &mut [f64]) {
        for (entry, value) in nonzeros.iter_mut().zip(&self.nonzeros) {
            *entry = value.0 + value.1;
        }
    }
}
