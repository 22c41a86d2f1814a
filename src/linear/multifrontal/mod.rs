//! Sparse Cholesky, and LU without exchanges, by dense fronts, on all threads.
//!
//! The elimination tree says which columns need which others (Liu 1990). Its fronts are dense trapezoids of
//! columns with the same rows; what a front leaves is a dense square that its parent adds (multifrontal
//! method, Duff and Reid 1983). Subtrees run side by side, and products of large fronts are cut in parts;
//! both depend on the pattern only, so that bits do not depend on the number of threads.

mod front;
mod numeric;
mod plan;
mod solve;

use std::sync::Arc;

use super::{LinearError, Matrix};
use front::Fault;
use numeric::{Last, Memory};
use plan::{Plan, Sides};
use solve::Panel;

/// Tree and fronts of a lower-triangular pattern.
#[derive(Debug)]
pub struct MultifrontalSymbolic {
    plan: Plan,
}

impl MultifrontalSymbolic {
    /// `order` has the unknown that is eliminated at each place; subtrees are put in one piece without more
    /// fill.
    ///
    /// # Errors
    /// [`LinearError::OutOfMemory`].
    pub fn analyze(pattern: &Matrix, order: &[usize]) -> Result<Self, LinearError> {
        let plan = Plan::new(pattern, order, Sides::One)?;
        Ok(Self { plan })
    }

    /// The same of all of a general pattern, for LU that takes its pivots from the diagonal.
    ///
    /// # Errors
    /// [`LinearError::OutOfMemory`].
    pub fn analyze_general(pattern: &Matrix, order: &[usize]) -> Result<Self, LinearError> {
        let plan = Plan::new(pattern, order, Sides::Two)?;
        Ok(Self { plan })
    }

    /// Multiplications, additions and divisions of one factorization.
    pub fn flops(&self) -> f64 {
        self.plan.flops
    }

    /// Numbers that are stored for the factor.
    pub fn factor_nonzeros(&self) -> usize {
        self.plan.value_count()
    }
}

/// Numeric factor `L L'`, or `L U` of a general matrix.
#[derive(Debug)]
pub struct MultifrontalFactor {
    symbolic: Arc<MultifrontalSymbolic>,
    values: Vec<f64>,
    growth: f64,
    /// False after a factorization that failed, which leaves numbers of no use.
    is_usable: bool,
    memory: Memory,
    last: Last,
    x: Vec<f64>,
    vectors: Vec<f64>,
}

impl MultifrontalFactor {
    pub fn new(symbolic: Arc<MultifrontalSymbolic>) -> Self {
        let plan = &symbolic.plan;
        Self {
            values: Vec::new(),
            growth: 0.0,
            is_usable: false,
            memory: Memory::default(),
            last: Last::default(),
            x: vec![0.0; plan.order.len()],
            vectors: vec![0.0; plan.order.len() + plan.places.len()],
            symbolic,
        }
    }

    /// Factors the matrix with these `nonzeros` of the analyzed pattern.
    ///
    /// # Errors
    /// [`LinearError::Singular`] if a pivot is not positive, or zero in a general matrix;
    /// [`LinearError::OutOfMemory`].
    pub fn factor(&mut self, nonzeros: &[f64]) -> Result<(), LinearError> {
        let plan = &self.symbolic.plan;
        self.is_usable = false;
        let (count, order) = (plan.value_count(), plan.order.len());
        let lack = LinearError::OutOfMemory { order };
        if self.values.len() < count {
            self.values.try_reserve_exact(count).map_err(|_| lack)?;
            self.values.resize(count, 0.0);
        }
        let outcome = numeric::factor(
            plan,
            nonzeros,
            &mut self.values,
            &self.memory,
            &mut self.last,
        );
        self.growth = outcome.map_err(|fault| match fault {
            Fault::Pivot => LinearError::Singular,
            Fault::Memory => lack,
        })?;
        self.is_usable = true;
        Ok(())
    }

    /// The largest entry of the `L` of LU, relative to the pivot of its column.
    pub fn growth(&self) -> f64 {
        self.growth
    }

    /// After a factorization that failed the solution is not a number.
    pub fn solve(&mut self, b: &mut [f64]) {
        self.solve_by(b, [Panel::Lower, self.last()]);
    }

    /// `A' x = b`; after a factorization that failed the solution is not a number.
    pub fn solve_transpose(&mut self, b: &mut [f64]) {
        self.solve_by(b, [self.last(), Panel::Lower]);
    }

    fn last(&self) -> Panel {
        match self.symbolic.plan.sides {
            Sides::One => Panel::Lower,
            Sides::Two => Panel::Upper,
        }
    }

    fn solve_by(&mut self, b: &mut [f64], panels: [Panel; 2]) {
        if !self.is_usable {
            return b.fill(f64::NAN);
        }
        let plan = &self.symbolic.plan;
        for (x, &old) in self.x.iter_mut().zip(&plan.order) {
            *x = b[old];
        }
        solve::solve(plan, &self.values, panels, &mut self.x, &mut self.vectors);
        for (x, &old) in self.x.iter().zip(&plan.order) {
            b[old] = *x;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ordering::minimum_degree;
    use super::*;

    /// Conductances of 1 S between neighbours of a cube, and a little to ground.
    fn lattice(side: usize, dimensions: u32) -> Matrix {
        let n = side.pow(dimensions);
        let mut entries = sprs::TriMat::new((n, n));
        for k in 0..n {
            entries.add_triplet(
                k,
                k,
                2.0 * f64::from(dimensions) + 0.01 * (k % 3 + 1) as f64,
            );
            for axis in 0..dimensions {
                let stride = side.pow(axis);
                if k / stride % side + 1 < side {
                    entries.add_triplet(k + stride, k, -1.0);
                }
            }
        }
        entries.to_csc()
    }

    /// Largest entry of `A x - b`.
    fn residual(matrix: &Matrix, x: &[f64], b: &[f64]) -> f64 {
        let mut left: Vec<f64> = b.iter().map(|b| -b).collect();
        for (value, (row, column)) in matrix {
            left[row] += value * x[column];
            if row != column {
                left[column] += value * x[row];
            }
        }
        left.iter().fold(0.0, |m, r| m.max(r.abs()))
    }

    fn factor(matrix: &Matrix) -> MultifrontalFactor {
        let order = minimum_degree(matrix).unwrap().order;
        let symbolic = MultifrontalSymbolic::analyze(matrix, &order).unwrap();
        MultifrontalFactor::new(Arc::new(symbolic))
    }

    #[test]
    fn lattices_agree_with_their_equations_whatever_the_threads() {
        for (side, dimensions) in [(1, 1), (2, 1), (50, 1), (40, 2), (150, 2), (14, 3)] {
            let matrix = lattice(side, dimensions);
            let b: Vec<f64> = (0..matrix.rows()).map(|k| (k % 7) as f64 - 3.0).collect();
            let mut solutions = [1, 3].map(|threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                pool.unwrap().install(|| {
                    let (mut factor, mut x) = (factor(&matrix), b.clone());
                    factor.factor(matrix.data()).unwrap();
                    factor.solve(&mut x);
                    x
                })
            });
            let left = residual(&matrix, &solutions[0], &b);
            assert!(left < 1e-12, "{side}^{dimensions}: {left:e}");
            let [one, many] = &mut solutions;
            assert_eq!(one, many, "{side}^{dimensions}");
        }
    }

    #[test]
    fn what_did_not_change_is_not_factored_again_and_bits_are_the_same() {
        let matrix = lattice(150, 2);
        let mut again = factor(&matrix);
        let mut nonzeros = matrix.data().to_vec();
        let corner = 40;
        for round in 0..6 {
            // The same numbers, a corner, all, a corner, the same, and one that is not positive on the way.
            let range = [
                0..0,
                0..corner,
                0..nonzeros.len(),
                0..corner,
                0..corner,
                0..0,
            ][round]
                .clone();
            for value in &mut nonzeros[range] {
                *value *= 1.0 + 1e-3 * value.abs() * (round + 1) as f64;
            }
            if round == 4 {
                let was = std::mem::replace(&mut nonzeros[0], -1.0);
                assert_eq!(again.factor(&nonzeros), Err(LinearError::Singular));
                nonzeros[0] = was;
            }
            let mut fresh = factor(&matrix);
            fresh.factor(&nonzeros).unwrap();
            again.factor(&nonzeros).unwrap();
            assert!(fresh.values == again.values, "round {round}");
        }
    }

    #[test]
    fn a_pivot_that_is_not_positive_is_singular() {
        let matrix = lattice(30, 2);
        let mut factor = factor(&matrix);
        let nothing = vec![0.0; matrix.nnz()];
        assert_eq!(factor.factor(&nothing), Err(LinearError::Singular));
        let mut b = vec![1.0; matrix.rows()];
        factor.solve(&mut b);
        assert!(b.iter().all(|x| x.is_nan()));
    }
}
