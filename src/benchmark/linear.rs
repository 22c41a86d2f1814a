//! Linear solvers that are there to be compared with: dense LU, conjugate gradients.

use faer::linalg::solvers::Solve;
use faer::{Mat, MatMut};

use crate::limits::memory;
use crate::linear::{Matrix, Method};

/// `A x = b` in place; the lower triangle alone is stored where the method is Cholesky.
pub type LinearSolve = fn(&Matrix, Method, &mut [f64]) -> Result<(), String>;

/// Why a dense matrix of this order is not made, if it is not.
pub fn too_large(order: usize) -> Option<String> {
    let bytes = (order as u64)
        .saturating_mul(order as u64)
        .saturating_mul(2 * 8);
    (bytes > memory() / 2).then(|| format!("a dense matrix of order {order} takes too much memory"))
}

/// LU with partial pivoting.
pub fn dense(matrix: &Matrix, method: Method, b: &mut [f64]) -> Result<(), String> {
    let order = matrix.rows();
    let mut full = Mat::<f64>::zeros(order, order);
    for (&value, (row, column)) in matrix {
        full[(row, column)] += value;
        if method == Method::Cholesky && row != column {
            full[(column, row)] += value;
        }
    }
    let factors = full.partial_piv_lu();
    factors.solve_in_place(MatMut::from_column_major_slice_mut(b, order, 1));
    Ok(())
}

/// Relative residual at which conjugate gradients end, and where they are given up.
const ENOUGH: f64 = 1e-13;
const GOOD: f64 = 1e-9;
const MOST_ITERATIONS: usize = 20_000;

/// Conjugate gradients (Hestenes and Stiefel 1952) behind an incomplete Cholesky factorization without
/// fill (Meijerink and van der Vorst 1977), which exists for matrices of conductances.
pub fn conjugate_gradients(matrix: &Matrix, _: Method, b: &mut [f64]) -> Result<(), String> {
    let factor = incomplete_cholesky(matrix).ok_or("the incomplete factorization broke down")?;
    let precondition = |r: &[f64], z: &mut Vec<f64>| {
        z.clear();
        z.extend_from_slice(r);
        solve_factor(&factor, z);
    };
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    let (mut x, mut r) = (vec![0.0; b.len()], b.to_vec());
    let (mut z, mut product) = (Vec::with_capacity(b.len()), vec![0.0; b.len()]);
    let size = dot(b, b).sqrt();
    precondition(&r, &mut z);
    let mut direction = z.clone();
    let mut rz = dot(&r, &z);
    let mut left = size;
    for _ in 0..MOST_ITERATIONS {
        if left <= ENOUGH * size {
            break;
        }
        multiply(matrix, &direction, &mut product);
        let step = rz / dot(&direction, &product);
        if !step.is_finite() {
            break;
        }
        for k in 0..x.len() {
            x[k] += step * direction[k];
            r[k] -= step * product[k];
        }
        left = dot(&r, &r).sqrt();
        precondition(&r, &mut z);
        let next = dot(&r, &z);
        let factor = next / rz;
        rz = next;
        for (d, z) in direction.iter_mut().zip(&z) {
            *d = z + factor * *d;
        }
    }
    b.copy_from_slice(&x);
    match left <= GOOD * size {
        true => Ok(()),
        false => Err(format!(
            "conjugate gradients left {:.1e} of the right side after {MOST_ITERATIONS} iterations",
            left / size
        )),
    }
}

/// `y = A x` of a symmetric matrix whose lower triangle is stored.
fn multiply(matrix: &Matrix, x: &[f64], y: &mut [f64]) {
    y.fill(0.0);
    for (column, entries) in matrix.outer_iterator().enumerate() {
        let mut sum = 0.0;
        for (row, &value) in entries.iter() {
            y[row] += value * x[column];
            if row != column {
                sum += value * x[row];
            }
        }
        y[column] += sum;
    }
}

/// L on the pattern of the lower triangle; none if a pivot is not positive.
fn incomplete_cholesky(matrix: &Matrix) -> Option<Matrix> {
    let mut factor = matrix.clone();
    let starts = factor.indptr().into_raw_storage().to_vec();
    let rows = factor.indices().to_vec();
    let values = factor.data_mut();
    for column in 0..starts.len() - 1 {
        let (first, end) = (starts[column], starts[column + 1]);
        let pivot = values[first].sqrt();
        if rows.get(first) != Some(&column) || !(pivot > 0.0) {
            return None;
        }
        values[first] = pivot;
        values[first + 1..end].iter_mut().for_each(|v| *v /= pivot);
        for below in first + 1..end {
            // What column takes from the column of row `below`, where both have an entry.
            let (mut own, other) = (below, rows[below]);
            for target in starts[other]..starts[other + 1] {
                while own < end && rows[own] < rows[target] {
                    own += 1;
                }
                if own < end && rows[own] == rows[target] {
                    values[target] -= values[below] * values[own];
                }
            }
        }
    }
    Some(factor)
}

/// `L L' z = z` in place.
fn solve_factor(factor: &Matrix, z: &mut [f64]) {
    let starts = factor.indptr().into_raw_storage();
    let (rows, values) = (factor.indices(), factor.data());
    for column in 0..z.len() {
        let first = starts[column];
        z[column] /= values[first];
        for k in first + 1..starts[column + 1] {
            z[rows[k]] -= values[k] * z[column];
        }
    }
    for column in (0..z.len()).rev() {
        let first = starts[column];
        let below = first + 1..starts[column + 1];
        let sum: f64 = below.map(|k| values[k] * z[rows[k]]).sum();
        z[column] = (z[column] - sum) / values[first];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lower triangle of a grounded Laplacian of a ring.
    fn ring(order: usize) -> Matrix {
        let mut triplets = sprs::TriMat::new((order, order));
        for k in 0..order {
            triplets.add_triplet(k, k, 2.1 + 0.01 * k as f64);
            if k + 1 < order {
                triplets.add_triplet(k + 1, k, -1.0);
            }
        }
        triplets.add_triplet(order - 1, 0, -1.0);
        triplets.to_csc()
    }

    #[test]
    fn both_solve_the_same_equations() {
        let matrix = ring(50);
        let x: Vec<f64> = (0..50).map(|k| (0.7 * k as f64).sin()).collect();
        let mut b = vec![0.0; 50];
        multiply(&matrix, &x, &mut b);
        for solve in [dense, conjugate_gradients] {
            let mut y = b.clone();
            solve(&matrix, Method::Cholesky, &mut y).expect("a solution");
            let error = x.iter().zip(&y).map(|(x, y)| (x - y).abs());
            assert!(error.fold(0.0, f64::max) < 1e-12);
        }
    }

    #[test]
    fn an_indefinite_matrix_is_refused() {
        let mut triplets = sprs::TriMat::new((1, 1));
        triplets.add_triplet(0, 0, -1.0);
        let mut b = [1.0];
        assert!(conjugate_gradients(&triplets.to_csc(), Method::Cholesky, &mut b).is_err());
    }
}
