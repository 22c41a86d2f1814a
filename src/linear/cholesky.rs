//! Symmetric positive definite matrices: Cholesky by a list of operations where there is little fill, by
//! dense fronts where there is more, and no factors but a multigrid where there would be too much.

use std::sync::{Arc, OnceLock};

use super::multifrontal::{MultifrontalFactor, MultifrontalSymbolic};
use super::multigrid::{Multigrid, MultigridSymbolic};
use super::ordering::least_work;
use super::scheduled::{Schedule, ScheduledFactor};
use super::{DENSE_FRONTS, LinearError, Matrix, made};

/// Multiplications of a factorization for each unknown from which a multigrid is quicker.
const MULTIGRID: f64 = 2e5;
/// Fewer unknowns are never worth it.
const LEAST_MULTIGRID: usize = 10_000;

/// How a positive definite matrix is solved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// By what seems quickest for many matrices of one pattern.
    #[default]
    Best,
    /// By what seems quickest for one.
    Once,
    Factors,
    Multigrid,
}

/// Ordering and fill pattern of a lower-triangular pattern.
#[derive(Clone, Debug)]
pub enum CholeskySymbolic {
    Schedule(Arc<Schedule>),
    Fronts(Arc<MultifrontalSymbolic>),
    Multigrid(Arc<LargeSymbolic>),
}

/// A multigrid, and dense fronts in case that it fails.
#[derive(Debug)]
pub struct LargeSymbolic {
    multigrid: Arc<MultigridSymbolic>,
    pattern: Matrix,
    order: Vec<usize>,
    /// Made when they are first needed.
    fronts: OnceLock<Arc<MultifrontalSymbolic>>,
}

impl LargeSymbolic {
    fn fronts(&self) -> Result<&Arc<MultifrontalSymbolic>, LinearError> {
        made(&self.fronts, self.order.len(), || {
            let fronts = MultifrontalSymbolic::analyze(&self.pattern, &self.order)?;
            Ok(Arc::new(fronts))
        })
    }
}

impl CholeskySymbolic {
    /// # Errors
    /// [`LinearError::OutOfMemory`].
    pub fn analyze(pattern: &Matrix) -> Result<Self, LinearError> {
        Self::analyze_for(pattern, Way::Best)
    }

    /// # Errors
    /// [`LinearError::OutOfMemory`].
    pub fn analyze_for(pattern: &Matrix, way: Way) -> Result<Self, LinearError> {
        let ordering = least_work(pattern, way == Way::Once)?;
        let order = pattern.rows();
        let is_heavy = ordering.products > MULTIGRID * order as f64 && order >= LEAST_MULTIGRID;
        let may_be = way != Way::Factors;
        if way == Way::Multigrid || (may_be && is_heavy) {
            return Ok(Self::Multigrid(Arc::new(LargeSymbolic {
                multigrid: Arc::new(MultigridSymbolic::analyze(pattern)?),
                pattern: pattern.clone(),
                order: ordering.order,
                fronts: OnceLock::new(),
            })));
        }
        Ok(match ordering.products <= DENSE_FRONTS * ordering.fill {
            true => Self::Schedule(Arc::new(Schedule::new(pattern, &ordering)?)),
            false => {
                let symbolic = MultifrontalSymbolic::analyze(pattern, &ordering.order)?;
                Self::Fronts(Arc::new(symbolic))
            }
        })
    }

    /// Multiplications, additions and divisions of one factorization, if there is one. Fronts count with
    /// the zeros they hold.
    pub fn flops(&self) -> Option<f64> {
        match self {
            Self::Schedule(schedule) => Some(schedule.flops()),
            Self::Fronts(symbolic) => Some(symbolic.flops()),
            Self::Multigrid(_) => None,
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
            Self::Multigrid(_) => 0,
        }
    }
}

/// Numeric factor.
#[derive(Debug)]
pub enum CholeskyFactor {
    Scheduled(Box<ScheduledFactor>),
    Fronts(Box<MultifrontalFactor>),
    Multigrid(Box<LargeFactor>),
}

/// A multigrid, or factors of the same matrix where it failed.
#[derive(Debug)]
pub struct LargeFactor {
    symbolic: Arc<LargeSymbolic>,
    multigrid: Multigrid,
    fronts: Option<MultifrontalFactor>,
    /// Numbers of the matrix, and a right-hand side.
    nonzeros: Vec<f64>,
    right: Vec<f64>,
    has_failed: bool,
}

impl LargeFactor {
    fn new(symbolic: &Arc<LargeSymbolic>) -> Self {
        Self {
            multigrid: Multigrid::new(symbolic.multigrid.clone()),
            fronts: None,
            nonzeros: Vec::new(),
            right: Vec::new(),
            has_failed: false,
            symbolic: symbolic.clone(),
        }
    }

    fn factor(&mut self, nonzeros: &[f64]) -> Result<(), LinearError> {
        self.nonzeros.clear();
        self.nonzeros.extend_from_slice(nonzeros);
        self.has_failed = false;
        // What rounding makes of the sums over groups need not be positive definite where the matrix is.
        let outcome = self.multigrid.factor(nonzeros);
        outcome.or_else(|_| self.factor_directly())
    }

    fn factor_directly(&mut self) -> Result<(), LinearError> {
        self.has_failed = true;
        let mut fronts = match self.fronts.take() {
            Some(fronts) => fronts,
            None => MultifrontalFactor::new(self.symbolic.fronts()?.clone()),
        };
        let outcome = fronts.factor(&self.nonzeros);
        self.fronts = Some(fronts);
        outcome
    }

    fn solve(&mut self, b: &mut [f64]) {
        if !self.has_failed {
            self.right.clear();
            self.right.extend_from_slice(b);
            self.multigrid.solve(b);
            if !b.first().is_some_and(|x| x.is_nan()) {
                return;
            }
            b.copy_from_slice(&self.right);
            if self.factor_directly().is_err() {
                self.fronts = None;
            }
        }
        match &mut self.fronts {
            Some(fronts) => fronts.solve(b),
            None => b.fill(f64::NAN),
        }
    }
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
            CholeskySymbolic::Multigrid(s) => Self::Multigrid(Box::new(LargeFactor::new(s))),
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
            Self::Multigrid(factor) => factor.factor(nonzeros),
        }
    }

    /// `A x = b` in place. After a factorization that failed the solution is not a number.
    pub fn solve(&mut self, b: &mut [f64]) {
        match self {
            Self::Scheduled(factor) => factor.solve(b),
            Self::Fronts(factor) => factor.solve(b),
            Self::Multigrid(factor) => factor.solve(b),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ordering::minimum_degree;
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
