//! Sparse Cholesky of a symmetric positive definite matrix: entry by entry where there is little fill, by
//! dense fronts elsewhere.

use std::sync::Arc;

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::LltRegularization;
use faer::perm::PermRef;
use faer::sparse::linalg::SupernodalThreshold;
use faer::sparse::linalg::cholesky::{
    CholeskySymbolicParams, LltRef, SymbolicCholesky, SymbolicCholeskyRaw, SymmetricOrdering,
    factorize_symbolic_cholesky,
};
use faer::{Conj, MatMut, Par, Side, Spec};

use super::multifrontal::{MultifrontalFactor, MultifrontalSymbolic};
use super::ordering::{Ordering, minimum_degree};
use super::{LinearError, Matrix, pattern_view, view};

/// Multiplications for each entry of the factor from which dense fronts pay.
const DENSE_FRONTS: f64 = 8.0;

/// Ordering and fill pattern of a lower-triangular pattern.
#[derive(Debug)]
pub struct CholeskySymbolic {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// By faer, entry by entry.
    Sparse(Arc<SymbolicCholesky<usize>>),
    Fronts(Arc<MultifrontalSymbolic>),
}

impl CholeskySymbolic {
    /// # Errors
    /// [`LinearError::OutOfMemory`].
    pub fn analyze(pattern: &Matrix) -> Result<Self, LinearError> {
        let ordering = minimum_degree(pattern)?;
        let kind = match ordering.products <= DENSE_FRONTS * ordering.fill {
            true => Kind::Sparse(Arc::new(entry_by_entry(pattern, &ordering)?)),
            false => {
                let symbolic = MultifrontalSymbolic::analyze(pattern, &ordering.order)?;
                Kind::Fronts(Arc::new(symbolic))
            }
        };
        Ok(Self { kind })
    }

    /// Multiplications, additions and divisions of one factorization: the sum of the squares of the
    /// lengths of the columns of L (George and Liu 1981). Fronts count with the zeros they hold.
    pub fn flops(&self) -> f64 {
        match &self.kind {
            Kind::Sparse(symbolic) => match symbolic.raw() {
                SymbolicCholeskyRaw::Simplicial(s) => {
                    let ends = s.col_ptr().windows(2);
                    ends.map(|w| ((w[1] - w[0]) as f64).powi(2)).sum()
                }
                SymbolicCholeskyRaw::Supernodal(_) => 0.0,
            },
            Kind::Fronts(symbolic) => symbolic.flops(),
        }
    }

    /// Whether columns of one pattern are factored as dense blocks.
    pub fn has_fronts(&self) -> bool {
        matches!(self.kind, Kind::Fronts(_))
    }

    /// Nonzeros of the factor L.
    pub fn factor_nonzeros(&self) -> usize {
        match &self.kind {
            Kind::Sparse(symbolic) => symbolic.len_val(),
            Kind::Fronts(symbolic) => symbolic.factor_nonzeros(),
        }
    }
}

fn entry_by_entry(
    pattern: &Matrix,
    ordering: &Ordering,
) -> Result<SymbolicCholesky<usize>, LinearError> {
    let n = pattern.rows();
    let mut place = vec![0; n];
    for (new, &old) in ordering.order.iter().enumerate() {
        place[old] = new;
    }
    let parameters = CholeskySymbolicParams {
        supernodal_flop_ratio_threshold: SupernodalThreshold::FORCE_SIMPLICIAL,
        ..CholeskySymbolicParams::default()
    };
    factorize_symbolic_cholesky(
        pattern_view(pattern),
        Side::Lower,
        SymmetricOrdering::Custom(PermRef::new_checked(&ordering.order, &place, n)),
        parameters,
    )
    .map_err(|_| LinearError::OutOfMemory { order: n })
}

/// Numeric factor `L L'`.
pub enum CholeskyFactor {
    Sparse(SparseFactor),
    Fronts(Box<MultifrontalFactor>),
}

/// A factor that is made and solved entry by entry.
pub struct SparseFactor {
    symbolic: Arc<SymbolicCholesky<usize>>,
    values: Vec<f64>,
    /// False after a factorization that failed, which leaves numbers of no use.
    is_usable: bool,
    memory: MemBuffer,
}

impl CholeskyFactor {
    pub fn new(symbolic: &CholeskySymbolic) -> Self {
        let s = match &symbolic.kind {
            Kind::Fronts(fronts) => {
                return Self::Fronts(Box::new(MultifrontalFactor::new(fronts.clone())));
            }
            Kind::Sparse(s) => s,
        };
        let request = s
            .factorize_numeric_llt_scratch::<f64>(Par::Seq, Spec::default())
            .or(s.solve_in_place_scratch::<f64>(1, Par::Seq));
        Self::Sparse(SparseFactor {
            values: vec![0.0; s.len_val()],
            is_usable: false,
            memory: MemBuffer::new(request),
            symbolic: s.clone(),
        })
    }

    /// # Errors
    /// [`LinearError::Singular`] if a pivot is not positive.
    pub fn factor(&mut self, pattern: &Matrix, values: &[f64]) -> Result<(), LinearError> {
        match self {
            Self::Sparse(factor) => factor.factor(pattern, values),
            Self::Fronts(factor) => factor.factor(values),
        }
    }

    /// After a factorization that failed the solution is not a number.
    pub fn solve(&mut self, b: &mut [f64]) {
        match self {
            Self::Sparse(factor) => factor.solve(b),
            Self::Fronts(factor) => factor.solve(b),
        }
    }
}

impl SparseFactor {
    fn factor(&mut self, pattern: &Matrix, values: &[f64]) -> Result<(), LinearError> {
        let outcome = self.symbolic.factorize_numeric_llt(
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

    fn solve(&mut self, b: &mut [f64]) {
        if !self.is_usable {
            return b.fill(f64::NAN);
        }
        let rhs = MatMut::from_column_major_slice_mut(b, self.symbolic.nrows(), 1);
        LltRef::new(&self.symbolic, &self.values).solve_in_place_with_conj(
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
        let mut factor = CholeskyFactor::new(&CholeskySymbolic::analyze(&one).unwrap());
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
