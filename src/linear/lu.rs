//! Sparse LU with partial pivoting of a general matrix, by faer.

use std::sync::Arc;

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::sparse::linalg::SupernodalThreshold;
use faer::sparse::linalg::lu::{
    LuRef, LuSymbolicParams, NumericLu, SymbolicLu, factorize_symbolic_lu,
};
use faer::{Conj, MatMut, Par, Spec};

use super::{LinearError, Matrix, Scalar, pattern_view, view};

/// Column ordering and fill bound of a general pattern.
#[derive(Debug)]
pub struct LuSymbolic {
    order: usize,
    symbolic: SymbolicLu<usize>,
}

impl LuSymbolic {
    /// # Errors
    /// [`LinearError::OutOfMemory`].
    pub fn analyze(pattern: &Matrix) -> Result<Self, LinearError> {
        Self::analyze_with(pattern, LuSymbolicParams::default())
    }

    /// For [`Extended`](super::Extended) numbers, of which faer multiplies no blocks.
    ///
    /// # Errors
    /// [`LinearError::OutOfMemory`].
    pub fn analyze_without_blocks(pattern: &Matrix) -> Result<Self, LinearError> {
        let parameters = LuSymbolicParams {
            supernodal_flop_ratio_threshold: SupernodalThreshold::FORCE_SIMPLICIAL,
            ..LuSymbolicParams::default()
        };
        Self::analyze_with(pattern, parameters)
    }

    fn analyze_with(pattern: &Matrix, parameters: LuSymbolicParams) -> Result<Self, LinearError> {
        let order = pattern.rows();
        let symbolic = factorize_symbolic_lu(pattern_view(pattern), parameters)
            .map_err(|_| LinearError::OutOfMemory { order })?;
        Ok(Self { order, symbolic })
    }
}

/// Numeric factors `P A Q = L U`.
pub struct LuFactor<T> {
    symbolic: Arc<LuSymbolic>,
    numeric: NumericLu<usize, T>,
    memory: MemBuffer,
}

impl<T> std::fmt::Debug for LuFactor<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LuFactor")
            .field("order", &self.symbolic.order)
            .finish_non_exhaustive()
    }
}

impl<T: Scalar> LuFactor<T> {
    pub fn new(symbolic: Arc<LuSymbolic>) -> Self {
        let s = &symbolic.symbolic;
        let request = s
            .factorize_numeric_lu_scratch::<T>(Par::Seq, Spec::default())
            .or(s.solve_in_place_scratch::<T>(1, Par::Seq))
            .or(s.solve_transpose_in_place_scratch::<T>(1, Par::Seq));
        Self {
            numeric: NumericLu::new(),
            memory: MemBuffer::new(request),
            symbolic,
        }
    }

    /// A numerically singular matrix may pass here and show as a solution that is not finite; only a
    /// structural singularity is sure to be an error.
    pub fn factor(&mut self, pattern: &Matrix, values: &[T]) -> Result<(), LinearError> {
        self.symbolic
            .symbolic
            .factorize_numeric_lu(
                &mut self.numeric,
                view(pattern, values),
                Par::Seq,
                MemStack::new(&mut self.memory),
                Spec::default(),
            )
            .map(|_| ())
            .map_err(|_| LinearError::Singular)
    }

    pub fn solve(&mut self, b: &mut [T]) {
        let rhs = MatMut::from_column_major_slice_mut(b, self.symbolic.order, 1);
        LuRef::new_unchecked(&self.symbolic.symbolic, &self.numeric).solve_in_place_with_conj(
            Conj::No,
            rhs,
            Par::Seq,
            MemStack::new(&mut self.memory),
        );
    }

    pub fn solve_transpose(&mut self, b: &mut [T]) {
        let rhs = MatMut::from_column_major_slice_mut(b, self.symbolic.order, 1);
        LuRef::new_unchecked(&self.symbolic.symbolic, &self.numeric)
            .solve_transpose_in_place_with_conj(
                Conj::No,
                rhs,
                Par::Seq,
                MemStack::new(&mut self.memory),
            );
    }
}
