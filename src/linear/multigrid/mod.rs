//! Conjugate gradients behind an algebraic multigrid, for symmetric positive definite matrices whose factors
//! would fill in: large cubes and the like.
//!
//! Neighbours that a large conductance ties are taken together, four at a time, until few are left that a
//! direct solution does; an error that is smooth over such groups is removed there, the rest by a sweep of
//! Gauss-Seidel before and after (Notay 2010). Sums over vectors are made in parts that depend on their length
//! alone, so that bits do not depend on threads.

mod coarsen;
mod cycle;
mod level;

use std::sync::Arc;

use super::{CholeskyFactor, CholeskySymbolic, LinearError, Matrix};
use level::{Level, dot, each, multiply};

/// A level of no more unknowns is solved directly.
const FEW: usize = 2_000;
/// Where groups have no neighbours left to join, what is left is solved directly.
const LEAST_COARSENING: f64 = 0.8;
/// The residual that is left, relative to the right-hand side.
const TOLERANCE: f64 = 1e-11;
const MOST_ITERATIONS: usize = 300;

/// Where the numbers of a lower-triangular pattern go in the rows of the whole matrix.
#[derive(Debug)]
pub struct MultigridSymbolic {
    starts: Vec<u32>,
    columns: Vec<u32>,
    /// For each entry of the rows, its place among the nonzeros of the triangle.
    nonzeros: Vec<u32>,
}

impl MultigridSymbolic {
    /// # Errors
    /// [`LinearError::OutOfMemory`] if there are more than 2³² entries.
    pub fn analyze(pattern: &Matrix) -> Result<Self, LinearError> {
        let n = pattern.rows();
        let lack = LinearError::OutOfMemory { order: n };
        u32::try_from(2 * pattern.nnz()).map_err(|_| lack)?;
        let mut starts = vec![0u32; n + 1];
        let places = || pattern.iter().map(|(_, place)| place).enumerate();
        for (_, (row, column)) in places() {
            starts[row + 1] += 1;
            starts[column + 1] += u32::from(row != column);
        }
        for row in 0..n {
            starts[row + 1] += starts[row];
        }
        let mut next = starts.clone();
        let mut columns = vec![0; starts[n] as usize];
        let mut nonzeros = columns.clone();
        let mut put = |row: usize, column: usize, nonzero: usize| {
            let at = next[row] as usize;
            columns[at] = column as u32;
            nonzeros[at] = nonzero as u32;
            next[row] += 1;
        };
        // By columns of the triangle, so that what is left of the diagonal comes before what is right of it.
        for (nonzero, (row, column)) in places() {
            put(row, column, nonzero);
        }
        for (nonzero, (row, column)) in places() {
            if row != column {
                put(column, row, nonzero);
            }
        }
        Ok(Self {
            starts,
            columns,
            nonzeros,
        })
    }

    fn order(&self) -> usize {
        self.starts.len() - 1
    }
}

/// The levels for one matrix.
#[derive(Debug)]
pub struct Multigrid {
    symbolic: Arc<MultigridSymbolic>,
    levels: Vec<Level>,
    coarsest: Option<CholeskyFactor>,
    residual: Vec<f64>,
    direction: Vec<f64>,
    image: Vec<f64>,
    best: Vec<f64>,
}

impl Multigrid {
    pub fn new(symbolic: Arc<MultigridSymbolic>) -> Self {
        let n = symbolic.order();
        Self {
            levels: Vec::new(),
            coarsest: None,
            residual: vec![0.0; n],
            direction: vec![0.0; n],
            image: vec![0.0; n],
            best: vec![0.0; n],
            symbolic,
        }
    }

    /// Makes the levels of the matrix with these `nonzeros` of the analyzed triangle.
    ///
    /// # Errors
    /// [`LinearError::Singular`] if a diagonal entry is not positive, or what is left of the matrix at the end is
    /// not positive definite; [`LinearError::OutOfMemory`].
    pub fn factor(&mut self, nonzeros: &[f64]) -> Result<(), LinearError> {
        self.levels.clear();
        self.coarsest = None;
        let symbolic = &*self.symbolic;
        let numbers = symbolic.nonzeros.iter().map(|&k| nonzeros[k as usize]);
        let mut last = Level::new(
            symbolic.starts.clone(),
            symbolic.columns.clone(),
            numbers.collect(),
        )?;
        while last.order() > FEW {
            let coarse = coarsen::coarsen(&mut last)?;
            let is_last = coarse.order() as f64 > LEAST_COARSENING * last.order() as f64;
            self.levels.push(last);
            last = coarse;
            if is_last {
                break;
            }
        }
        let triangle = last.lower_triangle();
        let mut factor = CholeskyFactor::new(&CholeskySymbolic::analyze(&triangle)?);
        factor.factor(triangle.data())?;
        self.coarsest = Some(factor);
        self.levels.push(last);
        Ok(())
    }

    /// `A x = b` in place, to a residual of 1e-11; not a number if that is not reached, as where the matrix is not
    /// positive definite.
    pub fn solve(&mut self, b: &mut [f64]) {
        let Some(coarsest) = &mut self.coarsest else {
            return b.fill(f64::NAN);
        };
        let (residual, direction) = (&mut self.residual, &mut self.direction);
        residual.copy_from_slice(b);
        b.fill(0.0);
        let goal = TOLERANCE * dot(residual, residual).sqrt();
        let mut last = 0.0;
        for iteration in 0..=MOST_ITERATIONS {
            let size = dot(residual, residual).sqrt();
            if size <= goal {
                return;
            }
            if iteration == MOST_ITERATIONS || !size.is_finite() {
                break;
            }
            // The preconditioner changes from one iteration to the next (flexible; Notay 2000).
            cycle::cycle(&mut self.levels, coarsest, residual, &mut self.best);
            let better = &self.best;
            let change = match iteration {
                0 => 0.0,
                _ => dot(better, &self.image) / last,
            };
            each(direction, better, |d, z| *d = z - change * *d);
            multiply(&self.levels[0], direction, &mut self.image);
            last = dot(direction, &self.image);
            let step = dot(direction, residual) / last;
            each(b, direction, |x, d| *x += step * d);
            each(residual, &self.image, |r, q| *r -= step * q);
        }
        b.fill(f64::NAN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Conductances between neighbours of a cube over four decades, and a little to ground at some.
    fn lattice(side: usize, dimensions: u32) -> Matrix {
        let n = side.pow(dimensions);
        let mut diagonal = vec![0.0; n];
        let mut entries = sprs::TriMat::new((n, n));
        for k in 0..n {
            diagonal[k] += if k % 97 == 0 { 1.0 } else { 0.0 };
            for axis in 0..dimensions {
                let stride = side.pow(axis);
                if k / stride % side + 1 < side {
                    let g = 10f64.powi((k * 7919 % 5) as i32 - 2);
                    entries.add_triplet(k + stride, k, -g);
                    diagonal[k] += g;
                    diagonal[k + stride] += g;
                }
            }
        }
        for (k, g) in diagonal.into_iter().enumerate() {
            entries.add_triplet(k, k, g);
        }
        entries.to_csc()
    }

    #[test]
    fn lattices_agree_with_their_equations_whatever_the_threads() {
        for (side, dimensions) in [(3, 1), (5_000, 1), (130, 2), (24, 3)] {
            let matrix = lattice(side, dimensions);
            let b: Vec<f64> = (0..matrix.rows()).map(|k| (k % 7) as f64 - 3.0).collect();
            let solutions = [1, 3].map(|threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                pool.unwrap().install(|| {
                    let symbolic = MultigridSymbolic::analyze(&matrix).unwrap();
                    let (mut multigrid, mut x) = (Multigrid::new(Arc::new(symbolic)), b.clone());
                    multigrid.factor(matrix.data()).unwrap();
                    multigrid.solve(&mut x);
                    x
                })
            });
            let mut left = b.clone();
            for (value, (row, column)) in &matrix {
                left[row] -= value * solutions[0][column];
                if row != column {
                    left[column] -= value * solutions[0][row];
                }
            }
            let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
            let part = norm(&left) / norm(&b);
            assert!(part < 1e-10, "{side}^{dimensions}: {part:e}");
            assert_eq!(solutions[0], solutions[1], "{side}^{dimensions}");
        }
    }

    #[test]
    fn what_is_not_positive_definite_has_no_solution() {
        let matrix = lattice(50, 2);
        let symbolic = MultigridSymbolic::analyze(&matrix).unwrap();
        let mut multigrid = Multigrid::new(Arc::new(symbolic));
        let nothing = vec![0.0; matrix.nnz()];
        assert_eq!(multigrid.factor(&nothing), Err(LinearError::Singular));
        let mut b = vec![1.0; matrix.rows()];
        multigrid.solve(&mut b);
        assert!(b.iter().all(|x| x.is_nan()));
    }
}
