//! LU of a general matrix.
//!
//! Pivots are chosen from the pattern: an entry that is not zero for each column, in blocks that are solved
//! one after the other, in an order of little fill. That keeps the order of elimination from one Newton step
//! to the next and lets dense fronts and lists of operations do the work, but nothing says that such pivots
//! are large enough for the numbers at hand. Where they are not, solutions are put into their equations; what
//! rounding spoiled is refined (Skeel 1980), and where that does not help the matrix is factored again with
//! partial pivoting.

mod balance;
mod blocks;
mod fixed;
mod matching;
mod substitution;

use std::sync::{Arc, OnceLock};

use super::{LinearError, LuFactor, LuSymbolic, Matrix, made};
use fixed::{FixedFactor, FixedSymbolic};

/// A pivot is certain if no entry of its column is so many times as large. Partial pivoting allows 1, the
/// threshold of KLU (Davis and Palamadai Natarajan 2010) 1000.
const CERTAIN: f64 = 10.0;
/// Backward errors (Oettli and Prager 1964), relative to the terms of each equation: below the first a
/// solution is as good as any, above the second it is none.
const GOOD: f64 = 1e-14;
const ACCEPTABLE: f64 = 1e-11;
/// Steps of refinement.
const MOST_STEPS: usize = 3;

/// What is known of a general matrix from its pattern, and from which of its numbers are zero.
#[derive(Debug)]
pub struct GeneralSymbolic {
    pattern: Matrix,
    fixed: Option<FixedSymbolic>,
    /// Made when it is first needed.
    pivoting: OnceLock<Arc<LuSymbolic>>,
}

impl GeneralSymbolic {
    /// Numbers of the pattern that are zero are not taken as pivots.
    ///
    /// # Errors
    /// [`LinearError::OutOfMemory`].
    pub fn analyze(pattern: &Matrix) -> Result<Self, LinearError> {
        let symbolic = Self {
            fixed: FixedSymbolic::analyze(pattern),
            pivoting: OnceLock::new(),
            pattern: pattern.clone(),
        };
        if symbolic.fixed.is_none() {
            symbolic.pivoting()?;
        }
        Ok(symbolic)
    }

    fn pivoting(&self) -> Result<&Arc<LuSymbolic>, LinearError> {
        made(&self.pivoting, self.pattern.rows(), || {
            Ok(Arc::new(LuSymbolic::analyze(&self.pattern)?))
        })
    }
}

/// Numeric factors.
#[derive(Debug)]
pub struct GeneralFactor {
    symbolic: Arc<GeneralSymbolic>,
    fixed: Option<FixedFactor>,
    pivoting: Option<LuFactor<f64>>,
    /// Numbers of the matrix whose factors have fixed pivots that are not certain.
    values: Vec<f64>,
    in_force: InForce,
    right: Vec<f64>,
    residual: Vec<f64>,
    scale: Vec<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InForce {
    Nothing,
    /// Pivots are large enough.
    Certain,
    Fixed,
    Pivoting,
}

impl GeneralFactor {
    pub fn new(symbolic: Arc<GeneralSymbolic>) -> Self {
        Self {
            fixed: symbolic.fixed.as_ref().map(FixedFactor::new),
            pivoting: None,
            values: Vec::new(),
            in_force: InForce::Nothing,
            right: Vec::new(),
            residual: Vec::new(),
            scale: Vec::new(),
            symbolic,
        }
    }

    /// Factors the matrix with these `values` of the analyzed pattern. One that is numerically singular may
    /// pass here and show as a solution that is not finite.
    ///
    /// # Errors
    /// [`LinearError::Singular`] if it is so structurally, [`LinearError::OutOfMemory`].
    pub fn factor(&mut self, values: &[f64]) -> Result<(), LinearError> {
        self.in_force = InForce::Nothing;
        let (Some(fixed), Some(symbolic)) = (&mut self.fixed, &self.symbolic.fixed) else {
            return self.factor_with_pivoting(values);
        };
        match fixed.factor(symbolic, values) {
            Ok(growth) if growth <= CERTAIN => self.in_force = InForce::Certain,
            Ok(_) => {
                self.in_force = InForce::Fixed;
                self.values.clear();
                self.values.extend_from_slice(values);
            }
            Err(LinearError::Singular) => return self.factor_with_pivoting(values),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn factor_with_pivoting(&mut self, values: &[f64]) -> Result<(), LinearError> {
        let mut factor = match self.pivoting.take() {
            Some(factor) => factor,
            None => LuFactor::new(self.symbolic.pivoting()?.clone()),
        };
        let outcome = factor.factor(&self.symbolic.pattern, values);
        self.pivoting = Some(factor);
        outcome?;
        self.in_force = InForce::Pivoting;
        Ok(())
    }

    /// `A x = b` in place; after a factorization that failed not a number.
    pub fn solve(&mut self, b: &mut [f64]) {
        self.solve_by(b, false);
    }

    /// `A' x = b` in place; after a factorization that failed not a number.
    pub fn solve_transpose(&mut self, b: &mut [f64]) {
        self.solve_by(b, true);
    }

    fn solve_by(&mut self, b: &mut [f64], is_transposed: bool) {
        if let (InForce::Certain, Some(fixed), Some(symbolic)) =
            (self.in_force, &mut self.fixed, &self.symbolic.fixed)
        {
            return match is_transposed {
                false => fixed.solve(symbolic, b),
                true => fixed.solve_transpose(symbolic, b),
            };
        }
        if self.in_force == InForce::Fixed {
            for buffer in [&mut self.right, &mut self.residual, &mut self.scale] {
                buffer.clear();
                buffer.extend_from_slice(b);
            }
            if self.solve_with_fixed_pivots(b, is_transposed) {
                return;
            }
            b.copy_from_slice(&self.right);
            let values = std::mem::take(&mut self.values);
            let outcome = self.factor_with_pivoting(&values);
            self.values = values;
            if outcome.is_err() {
                self.in_force = InForce::Nothing;
            }
        }
        match (self.in_force, &mut self.pivoting) {
            (InForce::Pivoting, Some(factor)) if is_transposed => factor.solve_transpose(b),
            (InForce::Pivoting, Some(factor)) => factor.solve(b),
            _ => b.fill(f64::NAN),
        }
    }

    /// Solves for [`Self::right`], in `x`; false if the solution does not satisfy its equations.
    fn solve_with_fixed_pivots(&mut self, x: &mut [f64], is_transposed: bool) -> bool {
        x.fill(0.0);
        let mut last = f64::INFINITY;
        for _ in 0..=MOST_STEPS {
            let (Some(fixed), Some(symbolic)) = (&mut self.fixed, &self.symbolic.fixed) else {
                return false;
            };
            match is_transposed {
                false => fixed.solve(symbolic, &mut self.residual),
                true => fixed.solve_transpose(symbolic, &mut self.residual),
            }
            for (x, step) in x.iter_mut().zip(&self.residual) {
                *x += step;
            }
            let error = self.backward_error(x, is_transposed);
            if error <= GOOD {
                return true;
            }
            let is_stuck = error > 0.5 * last;
            if error.is_nan() || is_stuck {
                last = last.min(error);
                break;
            }
            last = error;
        }
        last <= ACCEPTABLE
    }

    /// Leaves `b - A x` in [`Self::residual`]; its largest part relative to the terms of its equation.
    fn backward_error(&mut self, x: &[f64], is_transposed: bool) -> f64 {
        let (residual, scale) = (&mut self.residual, &mut self.scale);
        let pattern = &self.symbolic.pattern;
        let starts = pattern.indptr().into_raw_storage();
        let rows = pattern.indices();
        residual.copy_from_slice(&self.right);
        for (scale, b) in scale.iter_mut().zip(&self.right) {
            *scale = b.abs();
        }
        for column in 0..x.len() {
            let range = starts[column]..starts[column + 1];
            let entries = rows[range.clone()].iter().zip(&self.values[range]);
            if is_transposed {
                let (mut sum, mut size) = (residual[column], scale[column]);
                for (&row, value) in entries {
                    let term = value * x[row];
                    sum -= term;
                    size += term.abs();
                }
                (residual[column], scale[column]) = (sum, size);
            } else {
                let own = x[column];
                for (&row, value) in entries {
                    let term = value * own;
                    residual[row] -= term;
                    scale[row] += term.abs();
                }
            }
        }
        let mut worst = 0.0;
        for (residual, scale) in residual.iter().zip(scale) {
            let part = residual.abs() / *scale;
            // Equations without terms are satisfied; what is not a number is not.
            if *residual != 0.0 && !(part <= worst) {
                worst = part;
            }
        }
        worst
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matrix(order: usize, entries: impl IntoIterator<Item = (usize, usize, f64)>) -> Matrix {
        let mut triplets = sprs::TriMat::new((order, order));
        for (row, column, value) in entries {
            triplets.add_triplet(row, column, value);
        }
        triplets.to_csc()
    }

    /// Solves with both the matrix and its transpose; the larger backward error.
    fn backward_error(matrix: &Matrix) -> f64 {
        let symbolic = Arc::new(GeneralSymbolic::analyze(matrix).unwrap());
        let mut factor = GeneralFactor::new(symbolic);
        factor.factor(matrix.data()).unwrap();
        let b: Vec<f64> = (0..matrix.rows()).map(|k| (k % 5) as f64 - 1.5).collect();
        let mut worst = 0.0f64;
        for is_transposed in [false, true] {
            let mut x = b.clone();
            factor.solve_by(&mut x, is_transposed);
            let (mut left, mut scale) = (b.clone(), b.iter().map(|b| b.abs()).collect::<Vec<_>>());
            for (value, (row, column)) in matrix {
                let (row, column) = match is_transposed {
                    true => (column, row),
                    false => (row, column),
                };
                left[row] -= value * x[column];
                scale[row] += (value * x[column]).abs();
            }
            for (left, scale) in left.iter().zip(scale) {
                worst = worst.max((left / scale).abs());
            }
        }
        worst
    }

    proptest! {
        #[test]
        fn any_matrix_is_solved_and_so_is_its_transpose(
            entries in prop::collection::vec((0..30usize, 0..30usize, -1.0..1.0f64), 0..150),
            shift in 0..30usize,
        ) {
            let diagonal = (0..30).map(|k| (k, (k + shift) % 30, 3.0 + k as f64));
            let matrix = matrix(30, diagonal.chain(entries));
            prop_assert!(backward_error(&matrix) < 1e-11);
        }
    }

    /// A chain of nodes, each tied to the next by an amplifier in both directions.
    fn amplifiers(count: usize) -> Matrix {
        let (nodes, branch) = (2 * count, |k: usize| 2 * count + k);
        let mut entries: Vec<_> = (0..nodes).map(|k| (k, k, 0.0)).collect();
        for k in 0..count {
            let [input, output] = [2 * k, 2 * k + 1];
            let own = branch(k);
            entries.extend([(output, own, 1.0), (own, output, 1.0), (own, input, -4.0)]);
            entries.extend([(input, own, -0.25), (input, input, 1e-3)]);
            let next = (output + 1) % nodes;
            for (row, column, sign) in [
                (output, output, 1.0),
                (next, next, 1.0),
                (output, next, -1.0),
                (next, output, -1.0),
            ] {
                entries.push((row, column, sign * (2.0 + k as f64)));
            }
        }
        matrix(nodes + count, entries)
    }

    #[test]
    fn amplifiers_in_both_directions_are_substituted() {
        let matrix = amplifiers(400);
        assert!(backward_error(&matrix) < 1e-13);
        let (_, left) = substitution::Substitution::analyze(&matrix);
        assert_eq!(left.rows(), 400);
    }

    #[test]
    fn blocks_are_solved_one_after_the_other() {
        // Two meshes, of which one feeds the other.
        let side = 12;
        let mut entries = Vec::new();
        for mesh in 0..2 {
            for k in 0..side * side {
                let node = mesh * side * side + k;
                entries.push((node, node, 4.0 + (k % 3) as f64));
                for other in [k + 1, k + side] {
                    if other < side * side {
                        let other = mesh * side * side + other;
                        entries.push((node, other, -1.0));
                        entries.push((other, node, -1.25));
                    }
                }
                if mesh == 1 {
                    entries.push((node, k, 0.5));
                }
            }
        }
        assert!(backward_error(&matrix(2 * side * side, entries)) < 1e-13);
    }

    #[test]
    fn pivots_that_turn_out_too_small_are_replaced() {
        // The diagonal can be pivots as far as the pattern says.
        let entries = [
            (0, 0, 1e-300),
            (0, 1, 1.0),
            (1, 0, 2.0),
            (1, 1, 1.0),
            (1, 2, 1.0),
            (2, 0, 1.0),
            (2, 1, 1.0),
            (2, 2, 3.0),
        ];
        assert!(backward_error(&matrix(3, entries)) < 1e-13);
    }

    #[test]
    fn a_singular_matrix_has_no_solution() {
        let entries = [(0, 0, 1.0), (0, 1, 2.0), (1, 0, 2.0), (1, 1, 4.0)];
        let matrix = matrix(2, entries);
        let symbolic = Arc::new(GeneralSymbolic::analyze(&matrix).unwrap());
        let mut factor = GeneralFactor::new(symbolic);
        let outcome = factor.factor(matrix.data());
        let mut b = [1.0, 1.0];
        factor.solve(&mut b);
        assert!(
            outcome.is_err() || b.iter().any(|x| !x.is_finite()),
            "{b:?}"
        );
    }
}
