//! Sparse Cholesky of a symmetric positive definite matrix: by a list of operations where there is little
//! fill, by dense fronts elsewhere.

use std::sync::Arc;

use super::multifrontal::{MultifrontalFactor, MultifrontalSymbolic};
use super::ordering::minimum_degree;
use super::scheduled::{Schedule, ScheduledFactor};
use super::{DENSE_FRONTS, LinearError, Matrix};

/// Ordering and fill pattern of a lower-triangular pattern.
#[derive(Clone, Debug)]
pub enum CholeskySymbolic {
    Schedule(Arc<Schedule>),
    Fronts(Arc<MultifrontalSymbolic>),
}

impl CholeskySymbolic {
    /// # Errors
    /// [`LinearError::OutOfMemory`].
    pub fn analyze(pattern: &Matrix) -> Result<Self, LinearError> {
        let ordering = minimum_degree(pattern)?;
        Ok(match ordering.products <= DENSE_FRONTS * ordering.fill {
            true => Self::Schedule(Arc::new(Schedule::new(pattern, &ordering)?)),
            false => {
                let symbolic = MultifrontalSymbolic::analyze(pattern, &ordering.order)?;
                Self::Fronts(Arc::new(symbolic))
            }
        })
    }

    /// Multiplications, additions and divisions of one factorization. Fronts count with the zeros they
    /// hold.
    pub fn flops(&self) -> f64 {
        match self {
            Self::Schedule(schedule) => schedule.flops(),
            Self::Fronts(symbolic) => symbolic.flops(),
        }
    }

    /// Whether columns of one pattern are factored as dense blocks.
    pub fn has_fronts(&self) -> bool {
        matches!(self, Self::Fronts(_))
    }

    /// Numbers that are stored for the factor.
    pub fn factor_nonzeros(&self) -> usize {
        match self {
            Self::Schedule(schedule) => schedule.entries(),
            Self::Fronts(symbolic) => symbolic.factor_nonzeros(),
        }
    }
}

/// Numeric factor.
#[derive(Debug)]
pub enum CholeskyFactor {
    Scheduled(Box<ScheduledFactor>),
    Fronts(Box<MultifrontalFactor>),
}

impl CholeskyFactor {
    pub fn new(symbolic: &CholeskySymbolic) -> Self {
        match symbolic {
            CholeskySymbolic::Schedule(s) => {
                Self::Scheduled(Box::new(ScheduledFactor::new(s.clone())))
            }
            CholeskySymbolic::Fronts(s) => {
                Self::Fronts(Box::new(MultifrontalFactor::new(s.clone())))
            }
        }
    }

    /// Factors the matrix with these `nonzeros` of the analyzed pattern.
    ///
    /// # Errors
    /// [`LinearError::Singular`] if a pivot is not positive.
    pub fn factor(&mut self, nonzeros: &[f64]) -> Result<(), LinearError> {
        match self {
            Self::Scheduled(factor) => factor.factor(nonzeros),
            Self::Fronts(factor) => factor.factor(nonzeros),
        }
    }

    /// `A x = b` in place. After a factorization that failed the solution is not a number.
    pub fn solve(&mut self, b: &mut [f64]) {
        match self {
            Self::Scheduled(factor) => factor.solve(b),
            Self::Fronts(factor) => factor.solve(b),
        }
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
            let outcome = factor.factor(&[value]);
            let mut b = [8.0];
            factor.solve(&mut b);
            (outcome, b[0])
        };
        assert_eq!(solve(4.0), (Ok(()), 2.0));
        let (outcome, solution) = solve(-4.0);
        assert_eq!(outcome, Err(LinearError::Singular));
        assert!(solution.is_nan());
    }

    #[test]
    fn both_kinds_of_factors_solve_a_comb_and_a_mesh() {
        let mut entries = sprs::TriMat::new((40, 40));
        for k in 0..40 {
            entries.add_triplet(k, k, 5.0 + (k % 3) as f64);
            if k >= 4 {
                entries.add_triplet(k, k - 4, -1.0);
            }
            if k % 4 > 0 {
                entries.add_triplet(k, k - 1, -1.0 - (k % 5) as f64 / 5.0);
            }
        }
        let matrix: Matrix = entries.to_csc();
        let ordering = minimum_degree(&matrix).unwrap();
        let fronts = MultifrontalSymbolic::analyze(&matrix, &ordering.order).unwrap();
        let schedule = Schedule::new(&matrix, &ordering).unwrap();
        let symbolic = [
            CholeskySymbolic::Fronts(Arc::new(fronts)),
            CholeskySymbolic::Schedule(Arc::new(schedule)),
        ];
        for symbolic in symbolic {
            let mut factor = CholeskyFactor::new(&symbolic);
            factor.factor(matrix.data()).unwrap();
            let mut x: Vec<f64> = (0..40).map(|k| f64::from(k % 7) - 2.0).collect();
            let b = x.clone();
            factor.solve(&mut x);
            let mut left = b;
            for (value, (row, column)) in &matrix {
                left[row] -= value * x[column];
                if row != column {
                    left[column] -= value * x[row];
                }
            }
            assert!(left.iter().all(|r| r.abs() < 1e-14), "{left:?}");
        }
    }
}
