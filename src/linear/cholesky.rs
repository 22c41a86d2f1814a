//! Sparse Cholesky of a symmetric positive definite matrix, by faer.

use std::sync::Arc;

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::LltRegularization;
use faer::sparse::linalg::cholesky::{
    CholeskySymbolicParams, LltRef, SymbolicCholesky, SymmetricOrdering,
    factorize_symbolic_cholesky,
};
use faer::{Conj, MatMut, Par, Side, Spec};

use super::{LinearError, Matrix, Scalar, pattern_view, view};

/// Ordering and fill pattern of a lower-triangular pattern.
#[derive(Debug)]
pub struct CholeskySymbolic {
    order: usize,
    symbolic: SymbolicCholesky<usize>,
}

impl CholeskySymbolic {
    pub fn analyze(pattern: &Matrix) -> Result<Self, LinearError> {
        let order = pattern.rows();
        let symbolic = factorize_symbolic_cholesky(
            pattern_view(pattern),
            Side::Lower,
            SymmetricOrdering::Amd,
            CholeskySymbolicParams::default(),
        )
        .map_err(|_| LinearError::OutOfMemory { order })?;
        Ok(Self { order, symbolic })
    }

    /// Nonzeros of the factor L.
    pub fn factor_nonzeros(&self) -> usize {
        self.symbolic.len_val()
    }
}

/// Numeric factor `L L'`.
pub struct CholeskyFactor<T> {
    symbolic: Arc<CholeskySymbolic>,
    values: Vec<T>,
    memory: MemBuffer,
}

impl<T: Scalar> CholeskyFactor<T> {
    pub fn new(symbolic: Arc<CholeskySymbolic>) -> Self {
        let s = &symbolic.symbolic;
        let request = s
            .factorize_numeric_llt_scratch::<T>(Par::Seq, Spec::default())
            .or(s.solve_in_place_scratch::<T>(1, Par::Seq));
        Self {
            values: vec![T::zero_impl(); s.len_val()],
            memory: MemBuffer::new(request),
            symbolic,
        }
    }

    pub fn factor(&mut self, pattern: &Matrix, values: &[T]) -> Result<(), LinearError> {
        self.symbolic
            .symbolic
            .factorize_numeric_llt(
                &mut self.values,
                view(pattern, values),
                Side::Lower,
                LltRegularization::default(),
                Par::Seq,
                MemStack::new(&mut self.memory),
                Spec::default(),
            )
            .map(|_| ())
            .map_err(|_| LinearError::Singular)
    }

    pub fn solve(&mut self, b: &mut [T]) {
        let rhs = MatMut::from_column_major_slice_mut(b, self.symbolic.order, 1);
        LltRef::new(&self.symbolic.symbolic, &self.values).solve_in_place_with_conj(
            Conj::No,
            rhs,
            Par::Seq,
            MemStack::new(&mut self.memory),
        );
    }
}
