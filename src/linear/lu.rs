//! Sparse LU with partial pivoting of a general matrix, by faer.

use std::sync::Arc;

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::sparse::linalg::lu::{
    LuRef, LuSymbolicParams, NumericLu, SymbolicLu, factorize_symbolic_lu,
};
use faer::sparse::linalg::{LuError, SupernodalThreshold};
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
    /// None after a factorization that failed, which leaves numbers of no use.
    numeric: Option<NumericLu<usize, T>>,
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
            numeric: None,
            memory: MemBuffer::new(request),
            symbolic,
        }
    }

    /// A numerically singular matrix may pass here and show as a solution that is not finite; only a
    /// structural singularity is sure to be an error.
    pub fn factor(&mut self, pattern: &Matrix, values: &[T]) -> Result<(), LinearError> {
        let symbolic = &self.symbolic;
        let mut numeric = self.numeric.take().unwrap_or_default();
        let outcome = symbolic.symbolic.factorize_numeric_lu(
            &mut numeric,
            view(pattern, values),
            Par::Seq,
            MemStack::new(&mut self.memory),
            Spec::default(),
        );
        outcome.map_err(|error| fault(error, symbolic.order))?;
        self.numeric = Some(numeric);
        Ok(())
    }

    /// After a factorization that failed the solution is not a number.
    pub fn solve(&mut self, b: &mut [T]) {
        let Some(numeric) = &self.numeric else {
            return b.fill(T::nan_impl());
        };
        let rhs = MatMut::from_column_major_slice_mut(b, self.symbolic.order, 1);
        LuRef::new_unchecked(&self.symbolic.symbolic, numeric).solve_in_place_with_conj(
            Conj::No,
            rhs,
            Par::Seq,
            MemStack::new(&mut self.memory),
        );
    }

    /// After a factorization that failed the solution is not a number.
    pub fn solve_transpose(&mut self, b: &mut [T]) {
        let Some(numeric) = &self.numeric else {
            return b.fill(T::nan_impl());
        };
        let rhs = MatMut::from_column_major_slice_mut(b, self.symbolic.order, 1);
        LuRef::new_unchecked(&self.symbolic.symbolic, numeric).solve_transpose_in_place_with_conj(
            Conj::No,
            rhs,
            Par::Seq,
            MemStack::new(&mut self.memory),
        );
    }
}

fn fault(error: LuError, order: usize) -> LinearError {
    match error {
        LuError::SymbolicSingular { .. } => LinearError::Singular,
        LuError::Generic(_) => LinearError::OutOfMemory { order },
    }
}

#[cfg(test)]
mod tests {
    use faer::sparse::FaerError;

    use super::*;

    fn matrix(entries: &[(usize, usize)]) -> Matrix {
        let mut triplets = sprs::TriMat::new((2, 2));
        for &(row, column) in entries {
            triplets.add_triplet(row, column, 1.0);
        }
        triplets.to_csc()
    }

    #[test]
    fn a_failed_factorization_gives_no_solution() {
        let singular = matrix(&[(0, 0), (0, 1)]);
        let symbolic = Arc::new(LuSymbolic::analyze(&singular).unwrap());
        let mut factor = LuFactor::new(symbolic);
        let outcome = factor.factor(&singular, singular.data());
        assert_eq!(outcome, Err(LinearError::Singular));
        for solve in [LuFactor::solve, LuFactor::solve_transpose] {
            let mut b = [1.0, 2.0];
            solve(&mut factor, &mut b);
            assert!(b.iter().all(|x: &f64| x.is_nan()), "{b:?}");
        }
    }

    #[test]
    fn lack_of_memory_is_not_singular() {
        let error = fault(LuError::Generic(FaerError::OutOfMemory), 7);
        assert_eq!(error, LinearError::OutOfMemory { order: 7 });
    }
}
