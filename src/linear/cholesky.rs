//! Sparse Cholesky of a symmetric positive definite matrix, by faer.

use std::sync::Arc;

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::LltRegularization;
use faer::sparse::linalg::cholesky::{
    CholeskySymbolicParams, LltRef, SymbolicCholesky, SymbolicCholeskyRaw, SymmetricOrdering,
    factorize_symbolic_cholesky,
};
use faer::{Conj, MatMut, Par, Side, Spec};

use super::{LinearError, Matrix, pattern_view, view};

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

    /// Multiplications, additions and divisions of one factorization: the sum of the squares of the
    /// lengths of the columns of L (George and Liu 1981). Supernodes count with the zeros they hold.
    pub fn flops(&self) -> f64 {
        let square = |length: usize| (length as f64).powi(2);
        match self.symbolic.raw() {
            SymbolicCholeskyRaw::Simplicial(s) => {
                let ends = s.col_ptr().windows(2);
                ends.map(|w| square(w[1] - w[0])).sum()
            }
            SymbolicCholeskyRaw::Supernodal(s) => {
                let nodes = s.supernode_begin().iter().zip(s.supernode_end());
                let of = |(node, (begin, end)): (usize, (&usize, &usize))| -> f64 {
                    let below = s.supernode(node).pattern().len();
                    (1..=end - begin).map(|k| square(k + below)).sum()
                };
                nodes.enumerate().map(of).sum()
            }
        }
    }

    /// Whether columns of one pattern are factored as dense blocks.
    pub fn is_supernodal(&self) -> bool {
        matches!(self.symbolic.raw(), SymbolicCholeskyRaw::Supernodal(_))
    }

    /// Nonzeros of the factor L.
    pub fn factor_nonzeros(&self) -> usize {
        self.symbolic.len_val()
    }
}

/// Numeric factor `L L'`.
pub struct CholeskyFactor {
    symbolic: Arc<CholeskySymbolic>,
    values: Vec<f64>,
    /// False after a factorization that failed, which leaves numbers of no use.
    is_usable: bool,
    memory: MemBuffer,
}

impl CholeskyFactor {
    pub fn new(symbolic: Arc<CholeskySymbolic>) -> Self {
        let s = &symbolic.symbolic;
        let request = s
            .factorize_numeric_llt_scratch::<f64>(Par::Seq, Spec::default())
            .or(s.solve_in_place_scratch::<f64>(1, Par::Seq));
        Self {
            values: vec![0.0; s.len_val()],
            is_usable: false,
            memory: MemBuffer::new(request),
            symbolic,
        }
    }

    pub fn factor(&mut self, pattern: &Matrix, values: &[f64]) -> Result<(), LinearError> {
        let outcome = self.symbolic.symbolic.factorize_numeric_llt(
            &mut self.values,
            view(pattern, values),
            Side::Lower,
            LltRegularization::default(),
            Par::Seq,
            MemStack::new(&mut self.memory),
            Spec::default(),
        );
        self.is_usable = outcome.is_ok();
        // It allocates nothing.
        outcome.map(drop).map_err(|_| LinearError::Singular)
    }

    /// After a factorization that failed the solution is not a number.
    pub fn solve(&mut self, b: &mut [f64]) {
        if !self.is_usable {
            return b.fill(f64::NAN);
        }
        let rhs = MatMut::from_column_major_slice_mut(b, self.symbolic.order, 1);
        LltRef::new(&self.symbolic.symbolic, &self.values).solve_in_place_with_conj(
            Conj::No,
            rhs,
            Par::Seq,
            MemStack::new(&mut self.memory),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_factorization_gives_no_solution() {
        let one = sprs::CsMat::eye_csc(1);
        let mut factor = CholeskyFactor::new(Arc::new(CholeskySymbolic::analyze(&one).unwrap()));
        let mut solve = |value: f64| {
            let outcome = factor.factor(&one, &[value]);
            let mut b = [8.0];
            factor.solve(&mut b);
            (outcome, b[0])
        };
        assert_eq!(solve(4.0), (Ok(()), 2.0));
        let (outcome, solution) = solve(-4.0);
        assert_eq!(outcome, Err(LinearError::Singular));
        assert!(solution.is_nan());
    }
}
